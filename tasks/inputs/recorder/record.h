/* What is recorded: called by the functions that stand before those of the C library, see functions.c and
 * programs.c.
 */
#pragma once
#define _GNU_SOURCE
#include <stdio.h>

#define LONGEST 4096 /* of paths */

/* real_<name>: the function behind ours. */
#define REAL(result, name, parameters, arguments)                                                                      \
    static result real_##name parameters {                                                                             \
        static result(*next) parameters;                                                                               \
        if (!next) next = (result(*) parameters)behind(#name);                                                         \
        return next arguments;                                                                                         \
    }

#ifdef __cplusplus /* some compilers take C for that */
extern "C" {
#endif

extern volatile int on;
extern __thread int quiet __attribute__((tls_model("initial-exec")));
/* Whether to record at all, and how often this thread has been asked to be quiet. */

int exists(int folder, const char *path);
void told(char what, int folder, const char *path);
void told_by(char what, int descriptor);
void led(int folder, const char *path, const char *text);
void moved(int from, const char *old, int to, const char *now);
void looked(int folder, const char *path, int flags, int failed);
void opened(int folder, const char *path, int flags, int descriptor, int was);
void streamed(const char *path, const char *mode, FILE *stream, int was);
void listed(int folder, const char *path);
void listed_by(int descriptor);
void followed(const char *path);
void ran(const char *program);
void loaded(const char *library);
void doubled(int descriptor, int again);
void wrote(int descriptor);

void ran_by(int descriptor);

/* Variables by which a program that is started records as well: each NAME=value, made when recording begins. */
enum { PRELOAD, RECORD, RULES, VARIABLES };
extern const char *const variables[VARIABLES];
int variable_of(const char *text);                      /* which of them a NAME or NAME=value is, or VARIABLES */
int preloading(const char *theirs, char text[LONGEST]); /* LD_PRELOAD=… of ours and theirs; whether there is room */

void *behind(const char *name);
/* The function of that name that comes after ours. */

/* what the prepared process calls */
void hlspike_loaded(void);
void hlspike_record(const char *path, const char *lines);
void hlspike_quiet(int more);
void hlspike_note(char what, const char *path, const char *more);

#ifdef __cplusplus
}
#endif
