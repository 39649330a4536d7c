// A web server that answers every request with the same few bytes, at once, for as long as the client stays.
#define _GNU_SOURCE
#include "CBenchFloor.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char reply[] =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 64\r\n\r\n"
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

static void *serve(void *context) {
    int fd = (int)(intptr_t)context, on = 1;
    char request[8192];
    size_t used = 0;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    while (used < sizeof request) {
        ssize_t got = recv(fd, request + used, sizeof request - used, 0);
        if (got <= 0) break;
        used += (size_t)got;
        // Clients that wait for each answer send one request at a time.
        if (used < 4 || memcmp(request + used - 4, "\r\n\r\n", 4) != 0) continue;
        if (send(fd, reply, sizeof reply - 1, MSG_NOSIGNAL) != (ssize_t)sizeof reply - 1) break;
        used = 0;
    }
    close(fd);
    return NULL;
}

static void *accept_all(void *context) {
    int listener = (int)(intptr_t)context, fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0 || errno == EINTR) {
        pthread_t thread;
        if (fd < 0) continue;
        if (pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd) == 0) pthread_detach(thread);
        else close(fd);
    }
    close(listener);
    return NULL;
}

int tb_bench_server(uint16_t *port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    pthread_t thread;
    if (fd < 0) return -1;
    if (bind(fd, (struct sockaddr *)&address, size) != 0 || listen(fd, 16) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) != 0 ||
        pthread_create(&thread, NULL, accept_all, (void *)(intptr_t)fd) != 0) {
        close(fd);
        return -1;
    }
    pthread_detach(thread);
    *port = ntohs(address.sin_port);
    return fd;
}

void tb_bench_server_stop(int server) { shutdown(server, SHUT_RDWR); }
