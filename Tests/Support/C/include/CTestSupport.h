// What Swift cannot import from glibc because it hides behind _GNU_SOURCE.
#pragma once
#include <sys/types.h>

// A pipe whose ends a program started meanwhile by others does not inherit. 0, or -1 with errno.
int ts_pipe(int pair[2]);

// Starts a program (looked up in PATH) in its own process group, with no signal blocked and with the three descriptors
// as its first and no others; -1 stands for /dev/null. 0, or the error's number.
int ts_spawn(pid_t *pid, char *const *arguments, char *const *environment, int input, int output, int errors);

// What the calling thread has taken from the heap, and given back, since it started; in calls.
unsigned long ts_allocations(void);
unsigned long ts_releases(void);
