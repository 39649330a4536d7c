#define _GNU_SOURCE
#include "CBenchFloor.h"
#include <pthread.h>
#include <sched.h>
#include <time.h>

static int64_t read_clock(clockid_t clock) {
    struct timespec time;
    if (clock_gettime(clock, &time) != 0) return -1;
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

int64_t tb_cpu_here(void) { return read_clock(CLOCK_THREAD_CPUTIME_ID); }

// The kernel's encoding of the clock of a thread by its id, which glibc has for pthread_t only: the complement of the id,
// then "per thread" (4) and "as the scheduler counts" (2).
int64_t tb_cpu_of_thread(pid_t thread) { return read_clock((clockid_t)(((unsigned)~thread << 3) | 6)); }

int64_t tb_cpu_of_process(pid_t process) {
    clockid_t clock;
    return clock_getcpuclockid(process, &clock) == 0 ? read_clock(clock) : -1;
}

int64_t tb_now(void) { return read_clock(CLOCK_MONOTONIC); }

int tb_realtime(void) {
    struct sched_param priority = {.sched_priority = 10};
    return pthread_setschedparam(pthread_self(), SCHED_FIFO, &priority) == 0;
}
