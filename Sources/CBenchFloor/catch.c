#define _GNU_SOURCE
#include "CBenchFloor.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH 64
#define PACKET 2048

int tb_catch_socket(uint16_t *port) {
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1, room = 4 << 20;
    if (fd < 0) return -1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    // More room is welcome, but where the kernel gives none its default is enough for what one socket gets.
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on);
    if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) != 0 || bind(fd, (struct sockaddr *)&address, size) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) != 0) {
        int cause = errno;
        close(fd);
        errno = cause;
        return -1;
    }
    *port = ntohs(address.sin_port);
    return fd;
}

static int64_t nanoseconds(struct timespec time) { return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec; }

// What to add to the kernel's timestamps, which are those of the wall clock.
static int64_t wall_to_steady(void) {
    struct timespec wall, steady;
    clock_gettime(CLOCK_REALTIME, &wall);
    clock_gettime(CLOCK_MONOTONIC, &steady);
    return nanoseconds(steady) - nanoseconds(wall);
}

static int64_t arrival(struct msghdr *message) {
    struct timespec time = {0};
    for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part))
        if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SO_TIMESTAMPNS) memcpy(&time, CMSG_DATA(part), sizeof time);
    return nanoseconds(time);
}

// Said only once there have been any.
static uint32_t drops(struct msghdr *message) {
    uint32_t count = 0;
    for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part))
        if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SO_RXQ_OVFL) memcpy(&count, CMSG_DATA(part), sizeof count);
    return count;
}

static tb_record parse(const uint8_t *packet, unsigned size, struct msghdr *message, int64_t offset) {
    tb_record record = {.time = arrival(message) + offset, .size = (uint16_t)size, .drops = drops(message)};
    if (size < 12) return record;
    record.sequence = (uint16_t)(packet[2] << 8 | packet[3]);
    memcpy(&record.timestamp, packet + 4, 4);
    memcpy(&record.ssrc, packet + 8, 4);
    record.timestamp = ntohl(record.timestamp);
    record.ssrc = ntohl(record.ssrc);
    return record;
}

size_t tb_catch(const int *sockets, size_t count, tb_record *records, size_t capacity) {
    static _Thread_local uint8_t packets[BATCH][PACKET], controls[BATCH][128];
    struct iovec parts[BATCH];
    struct mmsghdr messages[BATCH];
    int64_t offset = wall_to_steady();
    size_t used = 0;
    for (size_t each = 0; each < count; each++) {
        while (used + BATCH <= capacity) {
            memset(messages, 0, sizeof messages);
            for (int i = 0; i < BATCH; i++) {
                parts[i] = (struct iovec){packets[i], PACKET};
                messages[i].msg_hdr = (struct msghdr){
                    .msg_iov = &parts[i], .msg_iovlen = 1, .msg_control = controls[i], .msg_controllen = sizeof controls[i]};
            }
            int got = recvmmsg(sockets[each], messages, BATCH, MSG_DONTWAIT, NULL);
            if (got <= 0) break;
            for (int i = 0; i < got; i++) {
                records[used] = parse(packets[i], messages[i].msg_len, &messages[i].msg_hdr, offset);
                records[used++].socket = (uint16_t)each;
            }
            if (got < BATCH) break;
        }
    }
    return used;
}
