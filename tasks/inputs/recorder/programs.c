/* Programs and libraries that are started, and what they are given so that they record as well. */
#include "record.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

/* ------------------------------------------------------------ the environment */

/* `environment` with ours in it, in `with`, which has room for VARIABLES + 1 more. */
static char *const *joining(char *const environment[], char **with, char *text) {
    size_t count = 0;
    const char *theirs = NULL;
    for (char *const *at = environment; at && *at; ++at) {
        int variable = variable_of(*at);
        if (variable == PRELOAD) theirs = strchr(*at, '=') + 1;
        if (variable == VARIABLES) with[count++] = *at;
    }
    for (int variable = 0; variable < VARIABLES; ++variable) with[count++] = (char *)variables[variable];
    if (theirs && *theirs && preloading(theirs, text)) with[count - VARIABLES + PRELOAD] = text;
    with[count] = NULL;
    return with;
}

static size_t count_of(char *const environment[]) {
    size_t count = 0;
    while (environment && environment[count]) ++count;
    return count;
}

#define JOINING(environment)                                                                                           \
    char *with[count_of(environment) + VARIABLES + 1], text[LONGEST];                                                  \
    char *const *joined = on ? joining(environment, with, text) : environment;

REAL(int, unsetenv, (const char *name), (name))
int unsetenv(const char *name) { return on && variable_of(name) != VARIABLES ? 0 : real_unsetenv(name); }

static void join(void) {
    for (int variable = 0; variable < VARIABLES; ++variable) putenv((char *)variables[variable]);
}

REAL(int, clearenv, (void), ())
int clearenv(void) {
    int failed = real_clearenv();
    if (on) join();
    return failed;
}

REAL(int, setenv, (const char *name, const char *value, int replace), (name, value, replace))
int setenv(const char *name, const char *value, int replace) {
    char text[LONGEST];
    int variable = on ? variable_of(name) : VARIABLES;
    if (variable == VARIABLES) return real_setenv(name, value, replace);
    if (variable == PRELOAD && preloading(value, text)) value = strchr(text, '=') + 1;
    else value = strchr(variables[variable], '=') + 1;
    return real_setenv(name, value, replace);
}

/* ------------------------------------------------------------ programs */

REAL(int, execve, (const char *program, char *const words[], char *const environment[]), (program, words, environment))
int execve(const char *program, char *const words[], char *const environment[]) {
    JOINING(environment)
    ran(program);
    return real_execve(program, words, joined);
}

REAL(int, execvpe, (const char *program, char *const words[], char *const environment[]), (program, words, environment))
int execvpe(const char *program, char *const words[], char *const environment[]) {
    JOINING(environment)
    ran(program);
    return real_execvpe(program, words, joined);
}
int execv(const char *program, char *const words[]) { return execve(program, words, environ); }
int execvp(const char *program, char *const words[]) { return execvpe(program, words, environ); }

REAL(int, fexecve, (int descriptor, char *const words[], char *const environment[]), (descriptor, words, environment))
int fexecve(int descriptor, char *const words[], char *const environment[]) {
    JOINING(environment)
    ran_by(descriptor);
    return real_fexecve(descriptor, words, joined);
}

REAL(int, execveat, (int folder, const char *path, char *const words[], char *const environment[], int flags),
     (folder, path, words, environment, flags))
int execveat(int folder, const char *path, char *const words[], char *const environment[], int flags) {
    JOINING(environment)
    if (*path) told('r', folder, path);
    else ran_by(folder);
    return real_execveat(folder, path, words, joined, flags);
}

/* The words of a call that lists them, and what follows the NULL behind them. */
#define LISTED(name, run, environment)                                                                                 \
    int name(const char *program, const char *word, ...) {                                                             \
        va_list rest;                                                                                                  \
        size_t count = 1;                                                                                              \
        va_start(rest, word);                                                                                          \
        while (va_arg(rest, char *)) ++count;                                                                          \
        va_end(rest);                                                                                                  \
        char *words[count + 1];                                                                                        \
        words[0] = (char *)word;                                                                                       \
        va_start(rest, word);                                                                                          \
        for (size_t k = 1; k <= count; ++k) words[k] = va_arg(rest, char *);                                           \
        char *const *given = environment;                                                                              \
        va_end(rest);                                                                                                  \
        return run(program, words, given);                                                                             \
    }
LISTED(execl, execve, environ)
LISTED(execlp, execvpe, environ)
LISTED(execle, execve, va_arg(rest, char *const *))

#define SPAWN(name)                                                                                                    \
    REAL(int, name, (pid_t *child, const char *program, const posix_spawn_file_actions_t *actions,                     \
                     const posix_spawnattr_t *how, char *const words[], char *const environment[]),                    \
         (child, program, actions, how, words, environment))                                                           \
    int name(pid_t *child, const char *program, const posix_spawn_file_actions_t *actions,                             \
             const posix_spawnattr_t *how, char *const words[], char *const environment[]) {                           \
        JOINING(environment)                                                                                           \
        ran(program);                                                                                                  \
        return real_##name(child, program, actions, how, words, joined);                                               \
    }
SPAWN(posix_spawn)
SPAWN(posix_spawnp)

/* ------------------------------------------------------------ libraries */

/* Of a plain name the C library searches the folders of whoever calls, so the call has to remain the caller's: a jump. */
void *dlopen(const char *program, int flags) {
    static void *(*behind_us)(const char *, int);
    if (!behind_us) behind_us = (void *(*)(const char *, int))behind("dlopen");
    if (program && strchr(program, '/')) loaded(program);
    return behind_us(program, flags);
}

static void *(*find)(void *, const char *);

static void begin(void) { /* the versions of the function, by machine and by age */
    static const char *const versions[] = {"GLIBC_2.34", "GLIBC_2.17", "GLIBC_2.2.5", "GLIBC_2.27", NULL};
    for (const char *const *version = versions; !find && *version; ++version)
        find = (void *(*)(void *, const char *))dlvsym(RTLD_NEXT, "dlsym", *version);
    if (!find) abort();
}

void *behind(const char *name) {
    if (!find) begin();
    return find(RTLD_NEXT, name);
}

static void *base_of(const void *address) {
    Dl_info info;
    return address && dladdr(address, &info) ? info.dli_fbase : NULL;
}

/* Of a function that was asked of the C library by its handle, the one that stands before it. */
static __attribute__((noinline)) void *of_handle(void *handle, const char *name) {
    void *found = find(handle, name), *ours = find(RTLD_DEFAULT, name);
    void *here = base_of((const void *)behind), *library = base_of(find(RTLD_NEXT, "syscall"));
    return found && base_of(ours) == here && base_of(found) == library ? ours : found;
}

/* Which function is next depends on the caller as well. */
void *dlsym(void *handle, const char *name) {
    if (!find) begin();
    if (handle != RTLD_NEXT && handle != RTLD_DEFAULT) return of_handle(handle, name);
    return find(handle, name);
}
