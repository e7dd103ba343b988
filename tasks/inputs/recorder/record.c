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
 *     h  another name was made for its bytes                       d  removed
 *     n  here by another name before; more: that name              x  a program that does not record; more: why
 *
 * Of a link that is made, `more` is where to. Not seen: programs that do not load this library (linked statically, of
 * another user), system calls made without the C library, files opened by handle, io_uring.
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

#define WATCHED 4096
#define HIGH 900 /* where a program that closes every descriptor it knows of rarely looks */

volatile int on;
static int sink = -1;
static char preload[LONGEST] = "LD_PRELOAD=", record[LONGEST] = "HLSPIKE_RECORD=", rule[16 * LONGEST] = "HLSPIKE_RULES=";
const char *const variables[VARIABLES] = {preload, record, rule};
static char *const log_path = record + sizeof "HLSPIKE_RECORD=" - 1, *const rules = rule + sizeof "HLSPIKE_RULES=" - 1;
static unsigned char watched[WATCHED]; /* descriptors whose first write is told */
__thread int quiet __attribute__((tls_model("initial-exec")));

/* ------------------------------------------------------------ system calls, past everything that is interposed */

typedef long system_call(long, ...);

static system_call *call(void) {
    static system_call *found;
    if (!found) found = (system_call *)behind("syscall");
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

/* The length of what names an open file or a folder of a process: /dev/fd/N, /proc/N/fd/N, /proc/N/cwd, /proc/N/root. */
static size_t magic(const char *path) {
    const char *at = path + 4;
    if (strncmp(path, "/dev/", 5)) {
        if (strncmp(path, "/proc/", 6) || !(at = strchr(path + 6, '/'))) return 0;
        if (!strncmp(at, "/task/", 6) && !(at = strchr(at + 6, '/'))) return 0;
    }
    size_t length = !strncmp(at, "/fd/", 4) && at[4] ? 4 : !strncmp(at, "/cwd", 4) ? 4 : !strncmp(at, "/root", 5) ? 5 : 0;
    if (!length || (path[1] == 'd' && at[1] != 'f')) return 0;
    if (at[1] != 'f' && at[length] && at[length] != '/') return 0;
    return (size_t)(strchrnul(at + length, '/') - path);
}

static int absolute(int folder, const char *path, char *out) {
    size_t length = 0;
    if (!path || !*path || strlen(path) >= LONGEST) return 0;
    if (path[0] == '/') {
        size_t named = magic(path);
        if (!named) return strcpy(out, path) != NULL;
        char name[LONGEST];
        memcpy(name, path, named);
        name[named] = 0;
        if (link_text(AT_FDCWD, name, out) <= 0 || out[0] != '/') return 0;
        length = strlen(out) > 1 ? strlen(out) : 0;
        if (length + strlen(path + named) >= LONGEST) return 0;
        strcpy(out + length, path[named] || length ? path + named : "/");
        return 1;
    }
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
    if (absolute(folder, name, path) && counts(path)) {
        int there = !stat_of(AT_FDCWD, path, &found, 0);
        if (what != 'r' || (there && S_ISREG(found.st_mode))) tell(what, there ? &found : NULL, path, "", 0);
        else if (there) tell('s', &found, path, "", 0);
    }
    RECORDED
}

void told_by(char what, int descriptor) {
    RECORDING
    if (path_of(descriptor, path) && counts(path)) tell(what, NULL, path, "", 0);
    RECORDED
}

void led(int folder, const char *name, const char *text) {
    RECORDING
    if (absolute(folder, name, path)) tell('w', NULL, path, text, strlen(text));
    RECORDED
}

void moved(int from, const char *old, int to, const char *now) {
    RECORDING
    char before[LONGEST];
    if (absolute(to, now, path) && absolute(from, old, before)) tell('n', NULL, path, before, strlen(before));
    RECORDED
}

/* Something may stand there that is no folder, or may not be opened. */
static int in_vain(int error, const char *path) {
    return error == ENOENT || (error == ENOTDIR && !exists(AT_FDCWD, path));
}

void looked(int folder, const char *name, int flags, int failed) {
    RECORDING
    struct stat found;
    if (!absolute(folder, name, path) || !counts(path)) {
    } else if (failed && in_vain(kept, path)) {
        tell('m', NULL, path, "", 0);
    } else if (stat_of(AT_FDCWD, path, &found, flags & AT_SYMLINK_NOFOLLOW)) {
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
    if ((flags & O_TMPFILE) == O_TMPFILE || !absolute(folder, name, path) || !counts(path)) {
    } else if (descriptor < 0) {
        tell(in_vain(kept, path) ? 'm' : 's', NULL, path, "", 0);
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

#define CLASS (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32)

/* Why a program will not load this library, NULL if it will. */
static const char *unseen(const char *path, char *interpreter) {
    struct stat found;
    ElfW(Ehdr) head;
    ElfW(Phdr) part;
    const char *why = NULL;
    *interpreter = 0;
    if (stat_of(AT_FDCWD, path, &found, 0) || !S_ISREG(found.st_mode)) return NULL;
    if ((found.st_mode & S_ISUID && found.st_uid != geteuid()) || (found.st_mode & S_ISGID && found.st_gid != getegid()))
        return "runs as another user";
    long descriptor = CALL(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    if (descriptor < 0) return NULL;
    long size = CALL(SYS_pread64, descriptor, interpreter, (size_t)LONGEST - 1, 0L);
    interpreter[size < 0 ? 0 : size] = 0;
    memcpy(&head, interpreter, sizeof head);
    if (!strncmp(interpreter, "#!", 2)) {
        char *start = interpreter + 2 + strspn(interpreter + 2, " \t");
        start[strcspn(start, " \t\n")] = 0;
        memmove(interpreter, start, strlen(start) + 1);
    } else {
        *interpreter = 0;
        int is_program = size >= (long)sizeof head && !memcmp(head.e_ident, ELFMAG, SELFMAG) && !strstr(path, "/ld-");
        if (is_program) why = head.e_ident[EI_CLASS] == CLASS ? "is linked statically" : "is for another machine";
        for (int k = 0; is_program && head.e_ident[EI_CLASS] == CLASS && k < head.e_phnum; ++k) {
            long at = (long)head.e_phoff + (long)k * head.e_phentsize;
            if (CALL(SYS_pread64, descriptor, &part, sizeof part, at) == sizeof part && part.p_type == PT_INTERP) why = NULL;
        }
    }
    CALL(SYS_close, descriptor);
    return why;
}

static void started(const char *program) { /* a program that is there */
    char interpreter[LONGEST];
    RECORDING
    const char *why = absolute(AT_FDCWD, program, path) ? unseen(path, interpreter) : NULL;
    if (why) tell('x', NULL, path, why, strlen(why));
    RECORDED
    told('s', AT_FDCWD, program);
    told('r', AT_FDCWD, program);
    if (*interpreter == '/') ran(interpreter);
}

void ran(const char *program) { /* the kernel opens it, and what it is searched for in */
    char place[LONGEST];
    if (!on || quiet || !program) return;
    if (strchr(program, '/')) {
        int kept = errno;
        int there = exists(AT_FDCWD, program);
        errno = there ? kept : ENOENT;
        if (there) started(program);
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

void ran_by(int descriptor) {
    char path[LONGEST];
    if (on && !quiet && path_of(descriptor, path)) ran(path);
}

void loaded(const char *library) {
    if (!on || quiet) return;
    int kept = errno;
    if (exists(AT_FDCWD, library)) told('r', AT_FDCWD, library);
    else errno = ENOENT, looked(AT_FDCWD, library, 0, 1);
    errno = kept;
}

static int library(struct dl_phdr_info *info, size_t size, void *data) {
    (void)size, (void)data;
    if (info->dlpi_name && info->dlpi_name[0] == '/') told('r', AT_FDCWD, info->dlpi_name);
    return 0;
}

void doubled(int descriptor, int again) {
    if (descriptor >= 0 && descriptor < WATCHED && again >= 0 && again < WATCHED) watched[again] = watched[descriptor];
}

void wrote(int descriptor) {
    if (descriptor < 0 || descriptor >= WATCHED || !watched[descriptor]) return;
    watched[descriptor] = 0;
    told_by('a', descriptor);
}

/* ------------------------------------------------------------ what the prepared process calls */

void hlspike_loaded(void) { dl_iterate_phdr(library, NULL); }

void hlspike_record(const char *path, const char *lines) {
    Dl_info info;
    if (!dladdr((const void *)hlspike_record, &info) || strlen(info.dli_fname) + 32 > sizeof preload) return;
    if (strlen(path) + 32 > sizeof record || strlen(lines) + 32 > sizeof rule) return;
    strcpy(preload + sizeof "LD_PRELOAD=" - 1, info.dli_fname);
    strcpy(log_path, path);
    strcpy(rules, lines);
    on = 1;
}

int variable_of(const char *text) {
    for (int variable = 0; variable < VARIABLES; ++variable) {
        size_t length = (size_t)(strchr(variables[variable], '=') - variables[variable]);
        if (!strncmp(text, variables[variable], length) && (!text[length] || text[length] == '=')) return variable;
    }
    return VARIABLES;
}

int preloading(const char *theirs, char text[LONGEST]) {
    const char *ours = preload + sizeof "LD_PRELOAD=" - 1;
    if (strlen(preload) + strlen(theirs) + 2 > LONGEST) return 0;
    if (strstr(theirs, ours)) strcpy(stpcpy(text, "LD_PRELOAD="), theirs);
    else strcpy(stpcpy(stpcpy(text, preload), ":"), theirs);
    return 1;
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

