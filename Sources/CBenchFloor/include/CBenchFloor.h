// What the benchmarks compare with: the least C that does the same work. Not part of the bot.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// CPU time in nanoseconds of the calling thread, of another thread of this process, and of another process. -1 where
// there is none.
int64_t tb_cpu_here(void);
int64_t tb_cpu_of_thread(pid_t thread);
int64_t tb_cpu_of_process(pid_t process);

// Nanoseconds of CLOCK_MONOTONIC.
int64_t tb_now(void);

// Asks for the scheduling that the voice pump asks for. Whether the calling thread got it.
int tb_realtime(void);

// MARK: Catching packets

// A voice packet as it arrived; `time` is the kernel's, in nanoseconds of CLOCK_MONOTONIC. `drops` counts what its socket,
// the one at this place in the list, had no room for until then.
typedef struct tb_record {
    int64_t time;
    uint32_t ssrc, timestamp, drops;
    uint16_t sequence, size, socket;
} tb_record;

// A socket of the loopback that notes when packets come in. -1 with errno where it fails.
int tb_catch_socket(uint16_t *port);

// Empties every socket into `records`; returns how many came.
size_t tb_catch(const int *sockets, size_t count, tb_record *records, size_t capacity);

// MARK: The floor of sending

// Streams that only encrypt twice and call sendto, with keys and contexts of their own as real ones have.
typedef struct tb_floor tb_floor;

// `sockets` are connected. NULL where OpenSSL refuses.
tb_floor *tb_floor_new(const int *sockets, size_t streams, size_t payload);
void tb_floor_free(tb_floor *floor);

// One packet of each of `count` streams from `first` on (wrapping around). Packets that the kernel took.
size_t tb_floor_send(tb_floor *floor, size_t first, size_t count);

// MARK: The floor of transcoding

typedef struct tb_transcoded {
    int64_t packets, bytes, cpu;
} tb_transcoded;

// Decodes `path`, resamples to 48 kHz stereo, and encodes 20 ms Opus packets on the calling thread: in one go, or with the
// pauses that the worker makes where rings are emptied as soon as they are full. 0, or -1.
int tb_transcode(const char *path, int bitrate, int complexity, int paced, tb_transcoded *result);

// MARK: The floor of a typed call

// As little as a command can do. The signature is that of a command with a text, an integer and a number.
int32_t tb_bench_command(void *self, uint64_t task, const void *invocation, const void *text, int64_t integer, double number);
// Nanoseconds of wall time for `count` calls of it from C through a pointer that the compiler cannot see through.
int64_t tb_bench_direct_calls(size_t count);

// The same with one array of values instead, as languages without C function types take it: `values` begins with a
// tb_value_v1 a parameter.
int32_t tb_bench_invoke(void *self, uint64_t task, const void *invocation, const void *values, size_t count);

// MARK: The floor of an asynchronous call

// A thread that waits for commands.
typedef struct tb_hop tb_hop;
tb_hop *tb_hop_new(void);
void tb_hop_free(tb_hop *hop);
// Nanoseconds of wall time for `calls` commands there, one after the other, each waited for: two switches of threads.
int64_t tb_hop_run(tb_hop *hop, size_t calls);

// MARK: A web server

// Answers every request on the loopback with 64 bytes. Its descriptor, or -1.
int tb_bench_server(uint16_t *port);
void tb_bench_server_stop(int server);
