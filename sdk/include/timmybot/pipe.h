// timmy.pipe/1 (host): sound that arrives by itself (a radio receiver, a call, a generator with its own clock). The plugin
// pushes into a pipe and hands it to the host as TB_MEDIA_PIPE.
#pragma once
#include "abi.h"
#ifdef __cplusplus
extern "C" {
#endif
#define TB_EXT_PIPE "timmy.pipe/1"

#define TB_PIPE_BYTES 2u               // a container
#define TB_PIPE_PCM_S16_48K_STEREO 3u
#define TB_PIPE_OPUS_PACKETS 4u        // each write is one packet of 20 ms, up to 1275 bytes

typedef struct tb_host_pipe_v1 {
    // [any] `kind` is a TB_PIPE_*; `capacity` in bytes, 4 KiB to 4 MiB. At most 16 open for each plugin.
    tb_status (*create)(const tb_host_v1 *host, uint32_t kind, uint64_t capacity, uint64_t *out_pipe);
    // [any] Never waits. Bytes that were taken, 0 where the pipe is full (they are the plugin's to drop or to keep), or
    // TB_E_STALE where nobody listens any more.
    int64_t (*write)(const tb_host_v1 *host, uint64_t pipe, const uint8_t *bytes, size_t count);
    // [any] No more will come; what is in the pipe is still played. `status` other than TB_OK: it broke off. Also of a pipe
    // that `opened` did not take: it goes away then with all that is in it.
    void (*finish)(const tb_host_v1 *host, uint64_t pipe, tb_status status);
} tb_host_pipe_v1;
TB_STATIC_ASSERT(sizeof(tb_host_pipe_v1) == 24, "frozen layout");
#ifdef __cplusplus
}
#endif
