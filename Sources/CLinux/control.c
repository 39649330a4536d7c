#define _GNU_SOURCE
#include "CLinux.h"
#include <sys/socket.h>

int tb_accept(int listener) { return accept4(listener, NULL, NULL, SOCK_CLOEXEC); }

int64_t tb_peer_uid(int socket) {
    struct ucred peer;
    socklen_t length = sizeof peer;
    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return -1;
    return (int64_t)peer.uid;
}
