#define _GNU_SOURCE
#include "CLinux.h"
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int tb_udp_connect(const char *host, uint16_t port) {
    char service[8];
    snprintf(service, sizeof service, "%u", (unsigned)port);
    struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV}, *found = NULL;
    if (getaddrinfo(host, service, &hints, &found) != 0) {
        errno = EINVAL;
        return -1;
    }
    int fd = socket(found->ai_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, found->ai_addr, found->ai_addrlen) != 0) {
        int cause = errno;
        close(fd);
        errno = cause;
        fd = -1;
    }
    freeaddrinfo(found);
    return fd;
}

ssize_t tb_udp_receive(int fd, void *buffer, size_t capacity, int timeout_ms) {
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    int ready = poll(&wait, 1, timeout_ms);
    if (ready == 0) errno = EAGAIN;
    return ready <= 0 ? -1 : recv(fd, buffer, capacity, MSG_DONTWAIT);
}
