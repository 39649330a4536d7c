// System calls that Swift cannot import: variadic ones and those that glibc hides behind _GNU_SOURCE.
#pragma once
#include "CLinuxBoard.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

// memfd of fixed `size`, sealed against growing and shrinking, close-on-exec. -1 with errno where it fails.
int tb_sealed_memfd(const char *name, size_t size);

// A non-blocking UDP socket connected to a numeric address. -1 with errno where it fails.
int tb_udp_connect(const char *host, uint16_t port);

// Waits up to `timeout_ms` for a datagram. Bytes, or -1 with errno (EAGAIN where time ran out).
ssize_t tb_udp_receive(int fd, void *buffer, size_t capacity, int timeout_ms);

// Names the calling thread for debuggers and `top -H`.
void tb_thread_name(const char *name);

// The clock of the CPU time that the calling thread uses, readable by the whole process. 0, or an error number.
int tb_thread_cpu_clock(clockid_t *clock);
uint64_t tb_clock_nanoseconds(clockid_t clock);

// CPU time that the calling thread may use from its next question on; 0 lifts the bound.
void tb_cpu_budget(uint64_t nanoseconds);
bool tb_cpu_budget_spent(void);

// Starts `path` with `control` and `board` as its descriptors 3 and 4, standard input and output closed to it, every
// other descriptor but standard error gone, and an almost empty environment. The pid, or -1 with errno.
pid_t tb_spawn_worker(const char *path, int control, int board);

// A descriptor that means this child and no later process of the same number. -1 with errno where it fails.
int tb_pidfd_open(pid_t pid);
int tb_pidfd_signal(int pidfd, int number);
// Waits for the end: its exit status or -1, and the signal that ended it or 0.
int tb_pidfd_reap(int pidfd, int *exit_status, int *signal_number);

// What a confined process must be refused: each tries it. 0 where it worked, -1 with errno.
int tb_try_fork(void);
int tb_try_clone3(void);
int tb_try_tgkill(pid_t process);
int tb_try_executable_memory(void);

// One message with up to 4 descriptors over a Unix socket. Bytes sent or received, -1 with errno; received descriptors
// are close-on-exec, unused places are -1.
ssize_t tb_send_descriptors(int socket, const void *bytes, size_t count, const int *descriptors, int descriptor_count);
ssize_t tb_receive_descriptors(int socket, void *bytes, size_t capacity, int descriptors[4]);

// A pair of connected SOCK_SEQPACKET sockets, close-on-exec. 0, or -1 with errno.
int tb_socket_pair(int pair[2]);

// Limits and privileges that the media worker gives up for good. 0, or -1 with errno.
int tb_confine_process(uint64_t memory_bytes);

// A pipe whose ends are close-on-exec from the start. 0, or -1 with errno.
int tb_pipe(int pair[2]);

// A connection of a listening socket, close-on-exec. -1 with errno where it fails.
int tb_accept(int listener);

// Who is at the other end of a Unix socket: the user's number, or -1 with errno.
int64_t tb_peer_uid(int socket);

// A doorbell between threads. `open`: a descriptor, or -1 with errno. `signal` neither waits nor allocates. `wait`
// returns 1 where it rang within `timeout_ms`, and takes all the rings there were.
int tb_event_open(void);
void tb_event_signal(int fd);
int tb_event_wait(int fd, int timeout_ms);
