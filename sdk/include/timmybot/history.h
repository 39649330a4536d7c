// timmy.history/1 (host): what was played in a server, newest first.
#pragma once
#include "abi.h"
#include "commands.h"
#include "source.h"
#ifdef __cplusplus
extern "C" {
#endif
#define TB_EXT_HISTORY "timmy.history/1"

typedef struct tb_played_v1 {
    tb_track_v1 track;      // the key is a token for `play` of timmy.player/1
    tb_str source;          // id of its plugin
    uint64_t requested_by;  // 0 where nobody asked for it
    int64_t played_at_ms;   // since 1970; 0 where it is not known
} tb_played_v1;

typedef struct tb_history_result_v1 {
    const tb_error_v1 *error;  // NULL where it worked
    const tb_played_v1 *played;
    size_t count;
} tb_history_result_v1;

typedef void (*tb_history_done)(void *context, const tb_history_result_v1 *result);

typedef struct tb_host_history_v1 {
    // [any] `limit` 1 to 100, of the server that `call` came from.
    tb_status (*recent)(const tb_host_v1 *host, const tb_invocation_v1 *call, uint32_t limit, tb_history_done done,
                        void *context);
} tb_host_history_v1;
TB_STATIC_ASSERT(sizeof(tb_played_v1) == 160 && sizeof(tb_history_result_v1) == 24, "frozen layout");
TB_STATIC_ASSERT(sizeof(tb_host_history_v1) == 8, "frozen layout");
#ifdef __cplusplus
}
#endif
