// timmy.probe/1 (host): what a media file is. Plugins never parse media themselves; the host's sandboxed worker does.
#pragma once
#include "abi.h"
#ifdef __cplusplus
extern "C" {
#endif
#define TB_EXT_PROBE "timmy.probe/1"

typedef struct tb_probe_result_v1 {
    const tb_error_v1 *error;  // NULL where it worked
    int64_t duration_ms;       // 0 where it is not known
    tb_str codec, title, artist, album;
    tb_str artwork_mime;
    const uint8_t *artwork;
    size_t artwork_count;
} tb_probe_result_v1;

typedef void (*tb_probe_done)(void *context, const tb_probe_result_v1 *result);

typedef struct tb_host_probe_v1 {
    // [any] Takes over the descriptor where it answers TB_OK; `done` is then called exactly once, from any thread.
    tb_status (*probe)(const tb_host_v1 *host, int32_t descriptor, tb_probe_done done, void *context);
} tb_host_probe_v1;
TB_STATIC_ASSERT(sizeof(tb_probe_result_v1) == 112 && sizeof(tb_host_probe_v1) == 8, "frozen layout");
#ifdef __cplusplus
}
#endif
