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
