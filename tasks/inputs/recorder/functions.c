/* The functions of the C library that look at the file system, or change it: each does what it always did, and what was
 * done is recorded. Where one has a wide twin (open64), both are here; a program is linked to either.
 */
#include "record.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <ftw.h>
#include <glob.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

#define OPEN(name)                                                                                                     \
    REAL(int, name, (const char *path, int flags, mode_t mode), (path, flags, mode))                                   \
    int name(const char *path, int flags, ...) {                                                                       \
        va_list rest;                                                                                                  \
        va_start(rest, flags);                                                                                         \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;                                        \
        va_end(rest);                                                                                                  \
        int was = !on || !(flags & O_CREAT) || exists(AT_FDCWD, path), made = real_##name(path, flags, mode);          \
        opened(AT_FDCWD, path, flags, made, was);                                                                      \
        return made;                                                                                                   \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                                                                   \
    REAL(int, name, (int folder, const char *path, int flags, mode_t mode), (folder, path, flags, mode))               \
    int name(int folder, const char *path, int flags, ...) {                                                           \
        va_list rest;                                                                                                  \
        va_start(rest, flags);                                                                                         \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;                                        \
        va_end(rest);                                                                                                  \
        int was = !on || !(flags & O_CREAT) || exists(folder, path), made = real_##name(folder, path, flags, mode);    \
        opened(folder, path, flags, made, was);                                                                        \
        return made;                                                                                                   \
    }
OPENAT(openat)
OPENAT(openat64)

#define OPEN_2(name)                                                                                                   \
    int __##name##_2(const char *path, int flags) { return name(path, flags); }
OPEN_2(open)
OPEN_2(open64)
int __openat_2(int folder, const char *path, int flags) { return openat(folder, path, flags); }
int __openat64_2(int folder, const char *path, int flags) { return openat64(folder, path, flags); }
int creat(const char *path, mode_t mode) { return open(path, O_CREAT | O_WRONLY | O_TRUNC, mode); }
int creat64(const char *path, mode_t mode) { return open(path, O_CREAT | O_WRONLY | O_TRUNC, mode); }

#define FOPEN(name)                                                                                                    \
    REAL(FILE *, name, (const char *path, const char *mode), (path, mode))                                             \
    FILE *name(const char *path, const char *mode) {                                                                   \
        int was = !on || exists(AT_FDCWD, path);                                                                       \
        FILE *stream = real_##name(path, mode);                                                                        \
        streamed(path, mode, stream, was);                                                                             \
        return stream;                                                                                                 \
    }
FOPEN(fopen)
FOPEN(fopen64)

#define FREOPEN(name)                                                                                                  \
    REAL(FILE *, name, (const char *path, const char *mode, FILE *stream), (path, mode, stream))                       \
    FILE *name(const char *path, const char *mode, FILE *stream) {                                                     \
        int was = !on || !path || exists(AT_FDCWD, path);                                                              \
        FILE *again = real_##name(path, mode, stream);                                                                 \
        if (path) streamed(path, mode, again, was);                                                                    \
        return again;                                                                                                  \
    }
FREOPEN(freopen)
FREOPEN(freopen64)

#define STAT(name, type, flags)                                                                                        \
    REAL(int, name, (const char *path, struct type *found), (path, found))                                             \
    int name(const char *path, struct type *found) {                                                                   \
        int failed = real_##name(path, found);                                                                         \
        looked(AT_FDCWD, path, flags, failed);                                                                         \
        return failed;                                                                                                 \
    }
STAT(stat, stat, 0)
STAT(stat64, stat64, 0)
STAT(lstat, stat, AT_SYMLINK_NOFOLLOW)
STAT(lstat64, stat64, AT_SYMLINK_NOFOLLOW)

#define XSTAT(name, type, flags) /* of programs that were linked long ago */                                           \
    REAL(int, name, (int version, const char *path, struct type *found), (version, path, found))                       \
    int name(int version, const char *path, struct type *found) {                                                      \
        int failed = real_##name(version, path, found);                                                                \
        looked(AT_FDCWD, path, flags, failed);                                                                         \
        return failed;                                                                                                 \
    }
XSTAT(__xstat, stat, 0)
XSTAT(__xstat64, stat64, 0)
XSTAT(__lxstat, stat, AT_SYMLINK_NOFOLLOW)
XSTAT(__lxstat64, stat64, AT_SYMLINK_NOFOLLOW)

#define FSTATAT(name, type)                                                                                            \
    REAL(int, name, (int folder, const char *path, struct type *found, int flags), (folder, path, found, flags))       \
    int name(int folder, const char *path, struct type *found, int flags) {                                            \
        int failed = real_##name(folder, path, found, flags);                                                          \
        looked(folder, path, flags, failed);                                                                           \
        return failed;                                                                                                 \
    }
FSTATAT(fstatat, stat)
FSTATAT(fstatat64, stat64)

#define FXSTATAT(name, type)                                                                                           \
    REAL(int, name, (int version, int folder, const char *path, struct type *found, int flags),                        \
         (version, folder, path, found, flags))                                                                        \
    int name(int version, int folder, const char *path, struct type *found, int flags) {                               \
        int failed = real_##name(version, folder, path, found, flags);                                                 \
        looked(folder, path, flags, failed);                                                                           \
        return failed;                                                                                                 \
    }
FXSTATAT(__fxstatat, stat)
FXSTATAT(__fxstatat64, stat64)

REAL(int, statx, (int folder, const char *path, int flags, unsigned mask, struct statx *found), (folder, path, flags, mask, found))
int statx(int folder, const char *path, int flags, unsigned mask, struct statx *found) {
    int failed = real_statx(folder, path, flags, mask, found);
    looked(folder, path, flags, failed);
    return failed;
}

#define ACCESS(name)                                                                                                   \
    REAL(int, name, (const char *path, int mode), (path, mode))                                                        \
    int name(const char *path, int mode) {                                                                             \
        int failed = real_##name(path, mode);                                                                          \
        looked(AT_FDCWD, path, 0, failed);                                                                             \
        return failed;                                                                                                 \
    }
ACCESS(access)
ACCESS(euidaccess)
ACCESS(eaccess)

REAL(int, faccessat, (int folder, const char *path, int mode, int flags), (folder, path, mode, flags))
int faccessat(int folder, const char *path, int mode, int flags) {
    int failed = real_faccessat(folder, path, mode, flags);
    looked(folder, path, flags, failed);
    return failed;
}

REAL(int, chdir, (const char *path), (path))
int chdir(const char *path) {
    if (on && !quiet && !exists(AT_FDCWD, path)) errno = ENOENT, looked(AT_FDCWD, path, 0, 1);
    return real_chdir(path);
}

/* ------------------------------------------------------------ folders */

REAL(DIR *, opendir, (const char *path), (path))
DIR *opendir(const char *path) {
    DIR *folder = real_opendir(path);
    if (folder) listed(AT_FDCWD, path);
    else looked(AT_FDCWD, path, 0, 1);
    return folder;
}

REAL(DIR *, fdopendir, (int descriptor), (descriptor))
DIR *fdopendir(int descriptor) {
    DIR *folder = real_fdopendir(descriptor);
    if (folder) listed_by(descriptor);
    return folder;
}

REAL(ssize_t, getdents64, (int descriptor, void *read, size_t room), (descriptor, read, room))
ssize_t getdents64(int descriptor, void *read, size_t room) {
    listed_by(descriptor);
    return real_getdents64(descriptor, read, room);
}

#define SCANDIR(name, type)                                                                                            \
    REAL(int, name, (const char *path, struct type ***names, int (*chosen)(const struct type *),                       \
                     int (*order)(const struct type **, const struct type **)), (path, names, chosen, order))          \
    int name(const char *path, struct type ***names, int (*chosen)(const struct type *),                               \
             int (*order)(const struct type **, const struct type **)) {                                               \
        int count = real_##name(path, names, chosen, order);                                                           \
        if (count < 0) looked(AT_FDCWD, path, 0, 1);                                                                   \
        else listed(AT_FDCWD, path);                                                                                   \
        return count;                                                                                                  \
    }
SCANDIR(scandir, dirent)
SCANDIR(scandir64, dirent64)

#define SCANDIRAT(name, type)                                                                                          \
    REAL(int, name, (int at, const char *path, struct type ***names, int (*chosen)(const struct type *),               \
                     int (*order)(const struct type **, const struct type **)), (at, path, names, chosen, order))      \
    int name(int at, const char *path, struct type ***names, int (*chosen)(const struct type *),                       \
             int (*order)(const struct type **, const struct type **)) {                                               \
        int count = real_##name(at, path, names, chosen, order);                                                       \
        if (count < 0) looked(at, path, 0, 1);                                                                         \
        else listed(at, path);                                                                                         \
        return count;                                                                                                  \
    }
SCANDIRAT(scandirat, dirent)
SCANDIRAT(scandirat64, dirent64)

#define GLOB(name, type, status)                                                                                       \
    REAL(int, name, (const char *pattern, int flags, int (*failed)(const char *, int), type *found),                   \
         (pattern, flags, failed, found))                                                                              \
    int name(const char *pattern, int flags, int (*failed)(const char *, int), type *found) {                          \
        if (on && !quiet && !(flags & GLOB_ALTDIRFUNC)) { /* by the functions of this file */                          \
            flags |= GLOB_ALTDIRFUNC;                                                                                  \
            found->gl_opendir = (void *(*)(const char *))opendir;                                                      \
            found->gl_readdir = (void *)readdir;                                                                       \
            found->gl_closedir = (void *)closedir;                                                           \
            found->gl_stat = status;                                                                                   \
            found->gl_lstat = l##status;                                                                               \
        }                                                                                                              \
        return real_##name(pattern, flags, failed, found);                                                             \
    }
GLOB(glob, glob_t, stat)
GLOB(glob64, glob64_t, stat64)

/* A tree is walked twice: once to record it. */
#define WALK(name, type)                                                                                               \
    static int name##_seen(const char *path, const struct type *found, int kind, struct FTW *at) {                     \
        (void)found, (void)at;                                                                                         \
        if (kind == FTW_D || kind == FTW_DP) listed(AT_FDCWD, path);                                                   \
        else looked(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, 0);                                                           \
        return 0;                                                                                                      \
    }                                                                                                                  \
    REAL(int, name, (const char *path, int (*each)(const char *, const struct type *, int, struct FTW *), int wide,    \
                     int flags), (path, each, wide, flags))                                                            \
    int name(const char *path, int (*each)(const char *, const struct type *, int, struct FTW *), int wide,            \
             int flags) {                                                                                              \
        if (on && !quiet) real_##name(path, name##_seen, wide, flags & ~FTW_CHDIR);                                    \
        return real_##name(path, each, wide, flags);                                                                   \
    }
WALK(nftw, stat)
WALK(nftw64, stat64)

#define WALK_PLAINLY(name, type)                                                                                       \
    static int name##_seen(const char *path, const struct type *found, int kind) {                                     \
        (void)found;                                                                                                   \
        if (kind == FTW_D) listed(AT_FDCWD, path);                                                                     \
        else looked(AT_FDCWD, path, 0, 0);                                                                             \
        return 0;                                                                                                      \
    }                                                                                                                  \
    REAL(int, name, (const char *path, int (*each)(const char *, const struct type *, int), int wide),                 \
         (path, each, wide))                                                                                           \
    int name(const char *path, int (*each)(const char *, const struct type *, int), int wide) {                        \
        if (on && !quiet) real_##name(path, name##_seen, wide);                                                        \
        return real_##name(path, each, wide);                                                                          \
    }
WALK_PLAINLY(ftw, stat)
WALK_PLAINLY(ftw64, stat64)

REAL(FTSENT *, fts_read, (FTS *tree), (tree))
FTSENT *fts_read(FTS *tree) {
    FTSENT *entry = real_fts_read(tree);
    if (entry && entry->fts_info == FTS_D) listed(AT_FDCWD, entry->fts_accpath);
    return entry;
}

/* ------------------------------------------------------------ links */

REAL(ssize_t, readlink, (const char *path, char *text, size_t room), (path, text, room))
ssize_t readlink(const char *path, char *text, size_t room) {
    ssize_t length = real_readlink(path, text, room);
    looked(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, length < 0);
    return length;
}

REAL(ssize_t, readlinkat, (int folder, const char *path, char *text, size_t room), (folder, path, text, room))
ssize_t readlinkat(int folder, const char *path, char *text, size_t room) {
    ssize_t length = real_readlinkat(folder, path, text, room);
    looked(folder, path, AT_SYMLINK_NOFOLLOW, length < 0);
    return length;
}

REAL(char *, realpath, (const char *path, char *out), (path, out))
char *realpath(const char *path, char *out) {
    char *found = real_realpath(path, out);
    followed(path);
    looked(AT_FDCWD, path, 0, !found);
    return found;
}
char *canonicalize_file_name(const char *path) { return realpath(path, NULL); }

/* what a compiler calls instead that checks bounds: they end in functions that nothing can stand before */
REAL(char *, __realpath_chk, (const char *path, char *out, size_t room), (path, out, room))
char *__realpath_chk(const char *path, char *out, size_t room) {
    char *found = real___realpath_chk(path, out, room);
    followed(path);
    looked(AT_FDCWD, path, 0, !found);
    return found;
}

REAL(ssize_t, __readlink_chk, (const char *path, char *text, size_t size, size_t room), (path, text, size, room))
ssize_t __readlink_chk(const char *path, char *text, size_t size, size_t room) {
    ssize_t length = real___readlink_chk(path, text, size, room);
    looked(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, length < 0);
    return length;
}

REAL(ssize_t, __readlinkat_chk, (int folder, const char *path, char *text, size_t size, size_t room),
     (folder, path, text, size, room))
ssize_t __readlinkat_chk(int folder, const char *path, char *text, size_t size, size_t room) {
    ssize_t length = real___readlinkat_chk(folder, path, text, size, room);
    looked(folder, path, AT_SYMLINK_NOFOLLOW, length < 0);
    return length;
}

/* ------------------------------------------------------------ changes */

#define CHANGE(what, name, parameters, arguments, folder, path)                                                        \
    REAL(int, name, parameters, arguments)                                                                             \
    int name parameters {                                                                                              \
        int failed = real_##name arguments;                                                                            \
        if (!failed) told(what, folder, path);                                                                         \
        return failed;                                                                                                 \
    }
CHANGE('d', unlink, (const char *path), (path), AT_FDCWD, path)
CHANGE('d', unlinkat, (int folder, const char *path, int flags), (folder, path, flags), folder, path)
CHANGE('d', remove, (const char *path), (path), AT_FDCWD, path)
CHANGE('d', rmdir, (const char *path), (path), AT_FDCWD, path)
CHANGE('w', mkfifo, (const char *path, mode_t mode), (path, mode), AT_FDCWD, path)
CHANGE('w', mknod, (const char *path, mode_t mode, dev_t device), (path, mode, device), AT_FDCWD, path)
CHANGE('a', truncate, (const char *path, off_t size), (path, size), AT_FDCWD, path)
CHANGE('a', truncate64, (const char *path, off64_t size), (path, size), AT_FDCWD, path)
CHANGE('a', chmod, (const char *path, mode_t mode), (path, mode), AT_FDCWD, path)
CHANGE('a', utimensat, (int folder, const char *path, const struct timespec times[2], int flags),
       (folder, path, times, flags), folder, path)
CHANGE('a', utimes, (const char *path, const struct timeval times[2]), (path, times), AT_FDCWD, path)

CHANGE('a', lchown, (const char *path, uid_t user, gid_t group), (path, user, group), AT_FDCWD, path)
CHANGE('a', chown, (const char *path, uid_t user, gid_t group), (path, user, group), AT_FDCWD, path)
CHANGE('a', fchmodat, (int folder, const char *path, mode_t mode, int flags), (folder, path, mode, flags), folder, path)
CHANGE('a', fchownat, (int folder, const char *path, uid_t user, gid_t group, int flags),
       (folder, path, user, group, flags), folder, path)
CHANGE('a', setxattr, (const char *path, const char *name, const void *value, size_t size, int flags),
       (path, name, value, size, flags), AT_FDCWD, path)
CHANGE('a', removexattr, (const char *path, const char *name), (path, name), AT_FDCWD, path)

REAL(int, symlink, (const char *text, const char *path), (text, path))
int symlink(const char *text, const char *path) {
    int failed = real_symlink(text, path);
    if (!failed) led(AT_FDCWD, path, text);
    return failed;
}

REAL(int, symlinkat, (const char *text, int folder, const char *path), (text, folder, path))
int symlinkat(const char *text, int folder, const char *path) {
    int failed = real_symlinkat(text, folder, path);
    if (!failed) led(folder, path, text);
    return failed;
}

/* the same by an open file */
#define ALTER(name, parameters, arguments)                                                                             \
    REAL(int, name, parameters, arguments)                                                                             \
    int name parameters {                                                                                              \
        int failed = real_##name arguments;                                                                            \
        if (!failed) told_by('a', descriptor);                                                                         \
        return failed;                                                                                                 \
    }
ALTER(fchmod, (int descriptor, mode_t mode), (descriptor, mode))
ALTER(fchown, (int descriptor, uid_t user, gid_t group), (descriptor, user, group))
ALTER(futimens, (int descriptor, const struct timespec times[2]), (descriptor, times))
ALTER(futimes, (int descriptor, const struct timeval times[2]), (descriptor, times))
ALTER(fsetxattr, (int descriptor, const char *name, const void *value, size_t size, int flags),
      (descriptor, name, value, size, flags))
ALTER(fremovexattr, (int descriptor, const char *name), (descriptor, name))

#define MKDIR(name, parameters, arguments, folder, path)                                                               \
    REAL(int, name, parameters, arguments)                                                                             \
    int name parameters {                                                                                              \
        int failed = real_##name arguments;                                                                            \
        if (!failed) told('w', folder, path);                                                                          \
        else if (errno == EEXIST) looked(folder, path, 0, 0);                                                          \
        return failed;                                                                                                 \
    }
MKDIR(mkdir, (const char *path, mode_t mode), (path, mode), AT_FDCWD, path)
MKDIR(mkdirat, (int folder, const char *path, mode_t mode), (folder, path, mode), folder, path)

#define MOVE(name, parameters, arguments, from, to)                                                                     \
    REAL(int, name, parameters, arguments)                                                                             \
    int name parameters {                                                                                              \
        if (!on || quiet) return real_##name arguments;                                                                \
        told('r', from, old);                                                                                          \
        int failed = real_##name arguments;                                                                            \
        if (!failed) moved(from, old, to, new);                                                                        \
        else looked(from, old, 0, !exists(from, old));                                                                 \
        return failed;                                                                                                 \
    }
MOVE(rename, (const char *old, const char *new), (old, new), AT_FDCWD, AT_FDCWD)
MOVE(renameat, (int from, const char *old, int to, const char *new), (from, old, to, new), from, to)
MOVE(renameat2, (int from, const char *old, int to, const char *new, unsigned flags), (from, old, to, new, flags), from, to)

static int joined(int from, const char *old, int to, const char *new, int failed) { /* the content is that of old */
    if (!failed) told('h', from, old), told('w', to, new);
    return failed;
}
REAL(int, link, (const char *old, const char *new), (old, new))
int link(const char *old, const char *new) { return joined(AT_FDCWD, old, AT_FDCWD, new, real_link(old, new)); }
REAL(int, linkat, (int from, const char *old, int to, const char *new, int flags), (from, old, to, new, flags))
int linkat(int from, const char *old, int to, const char *new, int flags) {
    return joined(from, old, to, new, real_linkat(from, old, to, new, flags));
}

#define TEMPORARY(name, parameters, arguments)                                                                         \
    REAL(int, name, parameters, arguments)                                                                             \
    int name parameters {                                                                                              \
        int descriptor = real_##name arguments;                                                                        \
        if (descriptor >= 0) told_by('w', descriptor);                                                                 \
        return descriptor;                                                                                             \
    }
TEMPORARY(mkstemp, (char *path), (path))
TEMPORARY(mkstemp64, (char *path), (path))
TEMPORARY(mkostemp, (char *path, int flags), (path, flags))
TEMPORARY(mkostemp64, (char *path, int flags), (path, flags))
TEMPORARY(mkstemps, (char *path, int suffix), (path, suffix))
TEMPORARY(mkstemps64, (char *path, int suffix), (path, suffix))
TEMPORARY(mkostemps, (char *path, int suffix, int flags), (path, suffix, flags))
TEMPORARY(mkostemps64, (char *path, int suffix, int flags), (path, suffix, flags))

REAL(char *, mkdtemp, (char *path), (path))
char *mkdtemp(char *path) {
    char *made = real_mkdtemp(path);
    if (made) told('w', AT_FDCWD, made);
    return made;
}

#define WRITE(result, name, parameters, arguments)                                                                     \
    REAL(result, name, parameters, arguments)                                                                          \
    result name parameters {                                                                                           \
        if (on && !quiet) wrote(descriptor);                                                                           \
        return real_##name arguments;                                                                                  \
    }
WRITE(ssize_t, write, (int descriptor, const void *data, size_t size), (descriptor, data, size))
WRITE(ssize_t, pwrite, (int descriptor, const void *data, size_t size, off_t at), (descriptor, data, size, at))
WRITE(ssize_t, pwrite64, (int descriptor, const void *data, size_t size, off64_t at), (descriptor, data, size, at))
WRITE(ssize_t, writev, (int descriptor, const struct iovec *data, int count), (descriptor, data, count))
WRITE(ssize_t, pwritev, (int descriptor, const struct iovec *data, int count, off_t at), (descriptor, data, count, at))
WRITE(ssize_t, pwritev64, (int descriptor, const struct iovec *data, int count, off64_t at), (descriptor, data, count, at))
WRITE(int, ftruncate, (int descriptor, off_t size), (descriptor, size))
WRITE(int, ftruncate64, (int descriptor, off64_t size), (descriptor, size))
WRITE(int, posix_fallocate, (int descriptor, off_t at, off_t size), (descriptor, at, size))

WRITE(ssize_t, sendfile, (int descriptor, int from, off_t *at, size_t size), (descriptor, from, at, size))
WRITE(ssize_t, sendfile64, (int descriptor, int from, off64_t *at, size_t size), (descriptor, from, at, size))
WRITE(ssize_t, copy_file_range, (int from, off64_t *at, int descriptor, off64_t *to, size_t size, unsigned flags),
      (from, at, descriptor, to, size, flags))
WRITE(ssize_t, splice, (int from, off64_t *at, int descriptor, off64_t *to, size_t size, unsigned flags),
      (from, at, descriptor, to, size, flags))
WRITE(int, fallocate, (int descriptor, int mode, off_t at, off_t size), (descriptor, mode, at, size))
WRITE(int, fallocate64, (int descriptor, int mode, off64_t at, off64_t size), (descriptor, mode, at, size))

REAL(FILE *, fdopen, (int descriptor, const char *mode), (descriptor, mode))
FILE *fdopen(int descriptor, const char *mode) { /* what a stream writes is not seen */
    if (on && !quiet && (*mode != 'r' || strchr(mode, '+'))) wrote(descriptor);
    return real_fdopen(descriptor, mode);
}

#define SAME(name, parameters, arguments)                                                                              \
    REAL(int, name, parameters, arguments)                                                                             \
    int name parameters {                                                                                              \
        int made = real_##name arguments;                                                                              \
        if (on && !quiet) doubled(descriptor, made);                                                                   \
        return made;                                                                                                   \
    }
SAME(dup, (int descriptor), (descriptor))
SAME(dup2, (int descriptor, int to), (descriptor, to))
SAME(dup3, (int descriptor, int to, int flags), (descriptor, to, flags))

#define CONTROL(name)                                                                                                  \
    REAL(int, name, (int descriptor, int what, void *more), (descriptor, what, more))                                  \
    int name(int descriptor, int what, ...) {                                                                          \
        va_list rest;                                                                                                  \
        va_start(rest, what);                                                                                          \
        void *more = va_arg(rest, void *);                                                                             \
        va_end(rest);                                                                                                  \
        int made = real_##name(descriptor, what, more);                                                                \
        if (on && !quiet && (what == F_DUPFD || what == F_DUPFD_CLOEXEC)) doubled(descriptor, made);                   \
        return made;                                                                                                   \
    }
CONTROL(fcntl)
CONTROL(fcntl64)

#define MAP(name, offset)                                                                                              \
    REAL(void *, name, (void *at, size_t size, int access, int flags, int descriptor, offset from),                    \
         (at, size, access, flags, descriptor, from))                                                                  \
    void *name(void *at, size_t size, int access, int flags, int descriptor, offset from) {                            \
        void *made = real_##name(at, size, access, flags, descriptor, from);                                           \
        if (made != MAP_FAILED && descriptor >= 0 && (access & PROT_WRITE) && (flags & MAP_SHARED))                    \
            told_by('p', descriptor);                                                                                  \
        return made;                                                                                                   \
    }
MAP(mmap, off_t)
MAP(mmap64, off64_t)

/* ------------------------------------------------------------ system calls by number */

long syscall(long number, ...) {
    static long (*real)(long, ...);
    if (!real) real = (long (*)(long, ...))behind("syscall");
    va_list rest;
    va_start(rest, number);
    long a = va_arg(rest, long), b = va_arg(rest, long), c = va_arg(rest, long), d = va_arg(rest, long),
         e = va_arg(rest, long), f = va_arg(rest, long);
    va_end(rest);
    if (!on || quiet) return real(number, a, b, c, d, e, f);
    const char *first = (const char *)a, *second = (const char *)b;
    int folder = (int)a, was = 1, flags = (int)c;
#ifdef SYS_openat2
    if (number == SYS_openat2) flags = (int)*(const unsigned long *)c; /* the first field of struct open_how */
#endif
    if (number == SYS_openat && (flags & O_CREAT)) was = exists(folder, second);
#ifdef SYS_open
    if (number == SYS_open && ((int)b & O_CREAT)) was = exists(AT_FDCWD, first);
#endif
    long result = real(number, a, b, c, d, e, f);
    switch (number) {
#ifdef SYS_open
    case SYS_open: opened(AT_FDCWD, first, (int)b, (int)result, was); break;
    case SYS_stat: looked(AT_FDCWD, first, 0, result < 0); break;
    case SYS_lstat: looked(AT_FDCWD, first, AT_SYMLINK_NOFOLLOW, result < 0); break;
    case SYS_access: looked(AT_FDCWD, first, 0, result < 0); break;
    case SYS_readlink: looked(AT_FDCWD, first, AT_SYMLINK_NOFOLLOW, result < 0); break;
#endif
#ifdef SYS_openat2
    case SYS_openat2:
#endif
    case SYS_openat: opened(folder, second, flags, (int)result, was); break;
    case SYS_newfstatat: looked(folder, second, (int)d, result < 0); break;
    case SYS_statx: looked(folder, second, flags, result < 0); break;
#ifdef SYS_faccessat2
    case SYS_faccessat2:
#endif
    case SYS_faccessat: looked(folder, second, 0, result < 0); break;
    case SYS_readlinkat: looked(folder, second, AT_SYMLINK_NOFOLLOW, result < 0); break;
    case SYS_getdents64: listed_by(folder); break;
    default: break;
    }
    return result;
}
