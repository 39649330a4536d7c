// timmy.search/1 (host): search on every source at once, ranked.
#pragma once
#include "abi.h"
#include "commands.h"
#include "source.h"
#ifdef __cplusplus
extern "C" {
#endif
#define TB_EXT_SEARCH "timmy.search/1"

typedef struct tb_search_result_v1 {
    const tb_error_v1 *error;   // NULL where at least one source answered
    const tb_track_v1 *tracks;  // best first; the key is a token for `play` of timmy.player/1, good for 15 minutes
    const tb_str *sources;      // for each track the id of its plugin
    size_t count;
} tb_search_result_v1;

typedef void (*tb_search_done)(void *context, const tb_search_result_v1 *result);

typedef struct tb_host_search_v1 {
    // [any] `query` up to 2048 bytes, `limit` 1 to 100, else TB_E_INVALID. Slow sources are left out after 2 s.
    tb_status (*search)(const tb_host_v1 *host, const tb_invocation_v1 *call, tb_str query, uint32_t limit,
                        tb_search_done done, void *context);
} tb_host_search_v1;
TB_STATIC_ASSERT(sizeof(tb_search_result_v1) == 32 && sizeof(tb_host_search_v1) == 8, "frozen layout");
#ifdef __cplusplus
}
#endif
