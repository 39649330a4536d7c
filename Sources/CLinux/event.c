#define _GNU_SOURCE
#include "CLinux.h"
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

int tb_event_open(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

void tb_event_signal(int fd) {
    uint64_t one = 1;
    // Fails only where the counter is full, and then the waiter wakes up anyway.
    ssize_t written = write(fd, &one, sizeof one);
    (void)written;
}

int tb_event_wait(int fd, int timeout_ms) {
    struct pollfd waited = {.fd = fd, .events = POLLIN};
    if (poll(&waited, 1, timeout_ms) <= 0) return 0;
    uint64_t count = 0;
    return read(fd, &count, sizeof count) == sizeof count;
}
