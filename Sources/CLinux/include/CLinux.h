// System calls that Swift cannot import: variadic ones and those that glibc hides behind _GNU_SOURCE.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// memfd of fixed `size`, sealed against growing and shrinking, close-on-exec. -1 with errno where it fails.
int tb_sealed_memfd(const char *name, size_t size);

// A non-blocking UDP socket connected to a numeric address. -1 with errno where it fails.
int tb_udp_connect(const char *host, uint16_t port);

// Waits up to `timeout_ms` for a datagram. Bytes, or -1 with errno (EAGAIN where time ran out).
ssize_t tb_udp_receive(int fd, void *buffer, size_t capacity, int timeout_ms);

// Names the calling thread for debuggers and `top -H`.
void tb_thread_name(const char *name);

// Starts `path` with `control` as its descriptor 3, standard input and output closed to it, every other descriptor but
// standard error gone, and an almost empty environment. The pid, or -1 with errno.
pid_t tb_spawn_worker(const char *path, int control);

// One message with up to 4 descriptors over a Unix socket. Bytes sent or received, -1 with errno; received descriptors
// are close-on-exec, unused places are -1.
ssize_t tb_send_descriptors(int socket, const void *bytes, size_t count, const int *descriptors, int descriptor_count);
ssize_t tb_receive_descriptors(int socket, void *bytes, size_t capacity, int descriptors[4]);

// A pair of connected SOCK_SEQPACKET sockets, close-on-exec. 0, or -1 with errno.
int tb_socket_pair(int pair[2]);

// Limits and privileges that the media worker gives up for good. 0, or -1 with errno.
int tb_confine_process(uint64_t memory_bytes);

// A doorbell between threads. `open`: a descriptor, or -1 with errno. `signal` neither waits nor allocates. `wait`
// returns 1 where it rang within `timeout_ms`, and takes all the rings there were.
int tb_event_open(void);
void tb_event_signal(int fd);
int tb_event_wait(int fd, int timeout_ms);
