#define _GNU_SOURCE
#include "CLinux.h"
#include <pthread.h>
#include <time.h>

static uint64_t nanoseconds(clockid_t clock) {
    struct timespec time;
    if (clock_gettime(clock, &time) != 0) return 0;
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

void tb_thread_name(const char *name) { pthread_setname_np(pthread_self(), name); }

int tb_thread_cpu_clock(clockid_t *clock) { return pthread_getcpuclockid(pthread_self(), clock); }

uint64_t tb_clock_nanoseconds(clockid_t clock) { return nanoseconds(clock); }

static _Thread_local uint64_t budget, began;

void tb_cpu_budget(uint64_t nanoseconds) {
    budget = nanoseconds;
    began = 0;
}

bool tb_cpu_budget_spent(void) {
    if (!budget) return false;
    uint64_t now = nanoseconds(CLOCK_THREAD_CPUTIME_ID);
    if (!began) began = now;
    return now - began > budget;
}
