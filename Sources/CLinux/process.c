#define _GNU_SOURCE
#include "CLinux.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <malloc.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

pid_t tb_spawn_worker(const char *path, int control, int board) {
    char *const arguments[] = {(char *)path, "--control", "3", NULL};
    // Swift's own crash handler would try to start a debugger, which a confined process cannot: it must simply die.
    char *const environment[] = {"LANG=C.UTF-8", "SWIFT_BACKTRACE=enable=no", NULL};
    pid_t pid = fork();
    if (pid != 0) return pid;
    // Only async-signal-safe calls from here on: other threads of the parent may have held locks.
    // Threads of the concurrency pool block every signal, and a mask survives execve.
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    int null = open("/dev/null", O_RDWR);
    int high = fcntl(control, F_DUPFD, 10), high_board = fcntl(board, F_DUPFD, 10);
    if (null < 0 || high < 0 || high_board < 0) _exit(126);
    dup2(null, 0);
    dup2(null, 1);
    dup2(high, 3);
    dup2(high_board, 4);
    syscall(SYS_close_range, 5u, ~0u, 0u);
    execve(path, arguments, environment);
    _exit(127);
}

ssize_t tb_send_descriptors(int socket, const void *bytes, size_t count, const int *descriptors, int descriptor_count) {
    char control[CMSG_SPACE(4 * sizeof(int))];
    memset(control, 0, sizeof control);
    struct iovec vector = {.iov_base = (void *)bytes, .iov_len = count};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
    if (descriptor_count > 0 && descriptor_count <= 4) {
        message.msg_control = control;
        message.msg_controllen = CMSG_SPACE((size_t)descriptor_count * sizeof(int));
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN((size_t)descriptor_count * sizeof(int));
        memcpy(CMSG_DATA(header), descriptors, (size_t)descriptor_count * sizeof(int));
    }
    return sendmsg(socket, &message, MSG_NOSIGNAL);
}

ssize_t tb_receive_descriptors(int socket, void *bytes, size_t capacity, int descriptors[4]) {
    char control[CMSG_SPACE(4 * sizeof(int))];
    struct iovec vector = {.iov_base = bytes, .iov_len = capacity};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    for (int index = 0; index < 4; index++) descriptors[index] = -1;
    ssize_t count;
    do count = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    while (count < 0 && errno == EINTR);
    if (count < 0) return count;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        size_t size = header->cmsg_len - CMSG_LEN(0);
        if (size > 4 * sizeof(int)) size = 4 * sizeof(int);
        memcpy(descriptors, CMSG_DATA(header), size);
    }
    return count;
}

int tb_socket_pair(int pair[2]) { return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair); }

static int limit(int resource, uint64_t value) {
    struct rlimit bounds = {.rlim_cur = value, .rlim_max = value};
    return setrlimit(resource, &bounds);
}

int tb_confine_process(uint64_t memory_bytes) {
    // Large pieces go back to the system as soon as they are let go of: the limit counts what the allocator hoards as well.
    mallopt(M_MMAP_THRESHOLD, 1 << 20);
    // A write that a limit forbids fails with EFBIG instead of killing the process.
    signal(SIGXFSZ, SIG_IGN);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -1;
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return -1;
    if (limit(RLIMIT_CORE, 0) != 0 || limit(RLIMIT_FSIZE, 0) != 0) return -1;
    return limit(RLIMIT_DATA, memory_bytes);
}
