/* What is recorded: called by the functions that stand before those of the C library, see functions.c. */
#pragma once
#define _GNU_SOURCE
#include <stdio.h>

extern volatile int on;
extern __thread int quiet __attribute__((tls_model("initial-exec")));
/* Whether to record at all, and how often this thread has been asked to be quiet. */

int exists(int folder, const char *path);
void told(char what, int folder, const char *path);
void told_by(char what, int descriptor);
void looked(int folder, const char *path, int flags, int failed);
void opened(int folder, const char *path, int flags, int descriptor, int was);
void streamed(const char *path, const char *mode, FILE *stream, int was);
void listed(int folder, const char *path);
void listed_by(int descriptor);
void followed(const char *path);
void ran(const char *program);
void wrote(int descriptor);
