/* Records what a process and its children look at in the file system: preloaded, it stands before the C library.
 *
 * One record per look, appended to a log by one write, so that threads and processes do not tear each other's. Three
 * strings that end in NUL: a letter with the file's <device>:<inode>:<size>:<mtime ns>:<ctime ns>, the path, and more.
 *
 *     r  opened for reading; the numbers are of that moment        m  looked for in vain
 *     u  opened for reading and writing, and it was there          s  there, but not opened
 *     w  made, replaced or removed                                 k  a symbolic link; more: where to
 *     a  altered                                                   l  listed; more: its names, each with d or - before
 *     p  mapped shared and writable: no write to it is seen           it and / behind it
 *
 * Not seen: programs that do not load this library (linked statically, set-user-id, started without the environment),
 * system calls made without the C library, io_uring.
 *
 * HLSPIKE_RECORD names the log; HLSPIKE_RULES are lines of +folder and -folder, of which the longest that holds a path
 * decides whether it is recorded. Nothing is allocated, for a child of vfork shares its parent's memory.
 */
#include "record.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define LONGEST 4096
#define WATCHED 4096
#define HIGH 900 /* where a program that closes every descriptor it knows of rarely looks */

volatile int on;
static int sink = -1;
static char log_path[LONGEST], rules[16 * LONGEST];
static unsigned char watched[WATCHED]; /* descriptors whose first write is told */
__thread int quiet __attribute__((tls_model("initial-exec")));

/* ------------------------------------------------------------ system calls, past everything that is interposed */

typedef long system_call(long, ...);

static system_call *call(void) {
    static system_call *found;
    if (!found) found = (system_call *)dlsym(RTLD_NEXT, "syscall");
    return found;
}

#define CALL call()

static int stat_of(int folder, const char *path, struct stat *found, int flags) {
    return (int)CALL(SYS_newfstatat, folder, path, found, flags);
}

int exists(int folder, const char *path) {
    struct stat found;
    return stat_of(folder, path, &found, AT_SYMLINK_NOFOLLOW) == 0;
}

static long link_text(int folder, const char *path, char *text) {
    long n = CALL(SYS_readlinkat, folder, path, text, (size_t)LONGEST - 1);
    text[n < 0 ? 0 : n] = 0;
    return n;
}

static char *number(char *end, unsigned long value) { /* decimal digits, written backwards */
    do *--end = (char)('0' + value % 10);
    while (value /= 10);
    return end;
}

static int path_of(int descriptor, char *path) {
    char name[64] = "/proc/self/fd/", digits[24];
    digits[23] = 0;
    if (descriptor < 0) return 0;
    strcpy(name + 14, number(digits + 23, (unsigned long)descriptor));
    return link_text(AT_FDCWD, name, path) > 0 && path[0] == '/';
}

/* ------------------------------------------------------------ paths */

static int is_descriptor(const char *path) { /* /dev/fd/N, /proc/self/fd/N, /proc/N/fd/N: a name of an open file */
    const char *at = strncmp(path, "/dev/", 5) ? strncmp(path, "/proc/", 6) ? NULL : strchr(path + 6, '/') : path + 4;
    return at && !strncmp(at, "/fd/", 4) && at[4];
}

static int absolute(int folder, const char *path, char *out) {
    size_t length = 0;
    if (!path || !*path || strlen(path) >= LONGEST) return 0;
    if (is_descriptor(path)) return link_text(AT_FDCWD, path, out) > 0 && out[0] == '/';
    if (path[0] == '/') return strcpy(out, path) != NULL;
    if (folder == AT_FDCWD) {
        if (CALL(SYS_getcwd, out, (size_t)LONGEST) <= 0 || out[0] != '/') return 0;
    } else if (!path_of(folder, out)) return 0;
    length = strlen(out);
    if (length + 1 + strlen(path) >= LONGEST) return 0;
    out[length] = '/';
    strcpy(out + length + (length > 1 || out[0] != '/'), path);
    return 1;
}

static void normal(const char *path, char *out) { /* without //, /./ and /../, as far as the text tells */
    char *end = out;
    for (const char *at = path; *at;) {
        const char *stop = strchrnul(at + 1, '/');
        size_t length = (size_t)(stop - at);
        if (length == 3 && at[1] == '.' && at[2] == '.') {
            while (end > out && *--end != '/') {}
        } else if (length > 1 && !(length == 2 && at[1] == '.')) {
            memcpy(end, at, length);
            end += length;
        }
        at = stop;
    }
    *end = 0;
}

static int counts(const char *path) {
    char text[LONGEST];
    size_t longest = 0;
    int recorded = 1;
    normal(path, text);
    for (const char *line = rules; *line; line = strchrnul(line, '\n'), line += *line == '\n') {
        size_t length = (size_t)(strchrnul(line, '\n') - line) - 1;
        if (length > longest && !strncmp(text, line + 1, length) && (text[length] == '/' || !text[length])) {
            longest = length;
            recorded = *line == '+';
        }
    }
    return recorded;
}

/* ------------------------------------------------------------ the log */

static unsigned long log_device, log_inode;

static void open_log(void) {
    struct stat found;
    long fresh = CALL(SYS_openat, AT_FDCWD, log_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fresh < 0) return;
    sink = (int)CALL(SYS_fcntl, fresh, F_DUPFD_CLOEXEC, HIGH);
    if (sink < 0) sink = (int)fresh;
    else CALL(SYS_close, fresh);
    CALL(SYS_fstat, sink, &found);
    log_device = found.st_dev;
    log_inode = found.st_ino;
}

static int is_log(void) { /* the program may have closed the descriptor, and opened another file in its place */
    struct stat found;
    return sink >= 0 && !CALL(SYS_fstat, sink, &found) && found.st_dev == log_device && found.st_ino == log_inode;
}

static void lose(void) { /* what cannot be recorded must not pass for what was not read */
    char name[LONGEST + 8];
    strcpy(stpcpy(name, log_path), ".lost");
    long marked = CALL(SYS_openat, AT_FDCWD, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (marked < 0) CALL(SYS_exit_group, 1);
    CALL(SYS_close, marked);
}

static void tell(char what, const struct stat *at, const char *path, const char *more, size_t length) {
    char head[128], *start = head + sizeof head;
    if (at) {
        const unsigned long fields[5] = {
            (unsigned long)at->st_ctim.tv_sec * 1000000000UL + (unsigned long)at->st_ctim.tv_nsec,
            (unsigned long)at->st_mtim.tv_sec * 1000000000UL + (unsigned long)at->st_mtim.tv_nsec,
            (unsigned long)at->st_size, at->st_ino, at->st_dev,
        };
        *--start = 0;
        for (int k = 0; k < 5; ++k) {
            start = number(start, fields[k]);
            if (k < 4) *--start = ':';
        }
    } else *--start = 0;
    *--start = what;
    struct iovec parts[3] = {
        {start, (size_t)(head + sizeof head - start)}, {(void *)path, strlen(path) + 1}, {(void *)more, length + 1},
    };
    if (!is_log()) open_log();
    if (CALL(SYS_writev, sink, parts, 3) != (long)(parts[0].iov_len + parts[1].iov_len + parts[2].iov_len)) lose();
}

/* Each of the functions that record begins so, and ends with the error that the program is to see. */
#define RECORDING                                                                                                      \
    if (!on || quiet) return;                                                                                          \
    int kept = errno;                                                                                                  \
    char path[LONGEST];                                                                                                \
    ++quiet;
#define RECORDED                                                                                                       \
    --quiet;                                                                                                           \
    errno = kept;

void told(char what, int folder, const char *name) { /* whatever is there now */
    RECORDING
    struct stat found;
    if (absolute(folder, name, path) && counts(path))
        tell(what, stat_of(AT_FDCWD, path, &found, 0) ? NULL : &found, path, "", 0);
    RECORDED
}

void told_by(char what, int descriptor) {
    RECORDING
    if (path_of(descriptor, path) && counts(path)) tell(what, NULL, path, "", 0);
    RECORDED
}

static int in_vain(int error) { return error == ENOENT || error == ENOTDIR; }

void looked(int folder, const char *name, int flags, int failed) {
    RECORDING
    struct stat found;
    if ((failed && !in_vain(kept)) || !absolute(folder, name, path) || !counts(path)) {
    } else if (failed || stat_of(AT_FDCWD, path, &found, flags & AT_SYMLINK_NOFOLLOW)) {
        if (failed) tell('m', NULL, path, "", 0);
    } else if (S_ISLNK(found.st_mode)) {
        char text[LONGEST];
        if (link_text(AT_FDCWD, path, text) > 0) tell('k', NULL, path, text, strlen(text));
    } else tell('s', &found, path, "", 0);
    RECORDED
}

void opened(int folder, const char *name, int flags, int descriptor, int was) {
    RECORDING
    struct stat found;
    int mode = flags & O_ACCMODE;
    if (descriptor >= 0 && descriptor < WATCHED) watched[descriptor] = 0;
    if ((descriptor < 0 && !in_vain(kept) && kept != EEXIST) || (flags & O_TMPFILE) == O_TMPFILE) {
    } else if (!absolute(folder, name, path) || !counts(path)) {
    } else if (descriptor < 0) {
        tell(kept == EEXIST ? 's' : 'm', NULL, path, "", 0);
    } else if (CALL(SYS_fstat, descriptor, &found)) {
    } else if (!S_ISREG(found.st_mode) || (flags & O_PATH)) {
        tell('s', &found, path, "", 0);
    } else if (mode == O_RDONLY) {
        tell('r', &found, path, "", 0);
    } else if (!was || (flags & O_TRUNC)) {
        /* whether it is there decides what will be read, unless it is replaced anyhow */
        if (mode == O_RDWR && !(flags & (O_TRUNC | O_EXCL))) tell('m', NULL, path, "", 0);
        tell('w', &found, path, "", 0);
    } else if (mode == O_WRONLY) {
        tell('a', &found, path, "", 0);
    } else {
        tell('u', &found, path, "", 0);
        if (descriptor < WATCHED) watched[descriptor] = 1;
    }
    RECORDED
}

static int flags_of(const char *mode) { /* of fopen */
    int plus = strchr(mode, '+') != NULL;
    return (plus ? O_RDWR : *mode == 'r' ? O_RDONLY : O_WRONLY) | (*mode == 'w' ? O_CREAT | O_TRUNC : 0) |
           (*mode == 'a' ? O_CREAT : 0);
}

void streamed(const char *name, const char *mode, FILE *stream, int was) {
    int flags = flags_of(mode);
    opened(AT_FDCWD, name, flags, stream ? fileno(stream) : -1, was);
    /* what a stream writes is not seen, and few that may write do not */
    if (stream && was && (flags & O_ACCMODE) == O_RDWR) told('a', AT_FDCWD, name);
}

struct entry { /* as the kernel gives it */
    unsigned long inode;
    long offset;
    unsigned short length;
    unsigned char type;
    char name[];
};

void listed(int folder, const char *name) {
    RECORDING
    struct stat found;
    long descriptor = -1;
    size_t length = 0, room = 1 << 16;
    char *names = NULL, read[1 << 15];
    if (absolute(folder, name, path) && counts(path))
        descriptor = CALL(SYS_openat, AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (descriptor >= 0) names = (char *)CALL(SYS_mmap, NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0L);
    if (names && names != MAP_FAILED) {
        for (long n; (n = CALL(SYS_getdents64, descriptor, read, sizeof read)) > 0;) {
            for (long at = 0; at < n; at += ((struct entry *)(read + at))->length) {
                const struct entry *entry = (struct entry *)(read + at);
                size_t size = strlen(entry->name);
                if (!strcmp(entry->name, ".") || !strcmp(entry->name, "..")) continue;
                if (length + size + 3 > room) {
                    char *more = (char *)CALL(SYS_mremap, names, room, 2 * room, MREMAP_MAYMOVE);
                    if (more == MAP_FAILED) break;
                    names = more;
                    room *= 2;
                }
                int is_folder = entry->type == DT_DIR;
                if (entry->type == DT_UNKNOWN)
                    is_folder = !stat_of((int)descriptor, entry->name, &found, AT_SYMLINK_NOFOLLOW) && S_ISDIR(found.st_mode);
                names[length++] = is_folder ? 'd' : '-';
                memcpy(names + length, entry->name, size);
                length += size;
                names[length++] = '/';
            }
        }
        names[length] = 0;
        tell('l', CALL(SYS_fstat, descriptor, &found) ? NULL : &found, path, names, length);
        CALL(SYS_munmap, names, room);
    }
    if (descriptor >= 0) CALL(SYS_close, descriptor);
    RECORDED
}

void listed_by(int descriptor) {
    char path[LONGEST];
    if (on && !quiet && path_of(descriptor, path)) listed(AT_FDCWD, path);
}

void followed(const char *name) { /* every symbolic link that a path leads through */
    RECORDING
    if (absolute(AT_FDCWD, name, path) && counts(path)) {
        char text[LONGEST];
        for (char *at = path + 1;; ++at) {
            char c = *at;
            if (c && c != '/') continue;
            *at = 0;
            if (link_text(AT_FDCWD, path, text) > 0) tell('k', NULL, path, text, strlen(text));
            *at = c;
            if (!c) break;
        }
    }
    RECORDED
}

void ran(const char *program) { /* the kernel opens it, and what it is searched for in */
    char place[LONGEST];
    if (!on || quiet || !program) return;
    if (strchr(program, '/')) {
        int kept = errno;
        int there = exists(AT_FDCWD, program);
        errno = there ? kept : ENOENT;
        if (there) told('r', AT_FDCWD, program);
        else looked(AT_FDCWD, program, 0, 1);
        errno = kept;
        return;
    }
    const char *search = getenv("PATH");
    for (const char *at = search ? search : "/bin:/usr/bin"; *at; at = strchrnul(at, ':'), at += *at == ':') {
        size_t length = (size_t)(strchrnul(at, ':') - at);
        if (!length || length + strlen(program) + 2 > LONGEST) continue;
        memcpy(place, at, length);
        place[length] = '/';
        strcpy(place + length + 1, program);
        ran(place);
        if (exists(AT_FDCWD, place)) return;
    }
}

static int library(struct dl_phdr_info *info, size_t size, void *data) {
    (void)size, (void)data;
    if (info->dlpi_name && info->dlpi_name[0] == '/') told('r', AT_FDCWD, info->dlpi_name);
    return 0;
}

void wrote(int descriptor) {
    if (descriptor < 0 || descriptor >= WATCHED || !watched[descriptor]) return;
    watched[descriptor] = 0;
    told_by('a', descriptor);
}

/* ------------------------------------------------------------ what the prepared process calls */

void hlspike_loaded(void) { dl_iterate_phdr(library, NULL); }

void hlspike_record(const char *path, const char *lines) {
    if (strlen(path) >= sizeof log_path || strlen(lines) >= sizeof rules) return;
    strcpy(log_path, path);
    strcpy(rules, lines);
    on = 1;
}

/* This thread is not recorded from +1 to -1. */
void hlspike_quiet(int more) { quiet += more; }

void hlspike_note(char what, const char *path, const char *more) {
    if (!on) return;
    ++quiet;
    tell(what, NULL, path, more, strlen(more));
    --quiet;
}

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("HLSPIKE_RECORD"), *lines = getenv("HLSPIKE_RULES");
    if (path && lines) {
        hlspike_record(path, lines);
        hlspike_loaded();
    }
}

__attribute__((destructor)) static void end(void) {
    if (on) hlspike_loaded();
}

