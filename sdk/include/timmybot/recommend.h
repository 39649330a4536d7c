// timmy.recommend/1 (plugin): what could come next. Settled by `resolved` of timmy.source.host/1.
#pragma once
#include "abi.h"
#include "source.h"
#ifdef __cplusplus
extern "C" {
#endif
#define TB_EXT_RECOMMEND "timmy.recommend/1"

typedef struct tb_recommend_v1 {
    // [lane] Tracks that go with the `count` (1 to 5) seeds, newest first, each from any source. Only tracks that this
    // plugin's own timmy.source/1 can open count; a plugin without one is asked for titles, which the host then looks up.
    tb_status (*recommend)(void *self, tb_task task, const tb_track_v1 *seeds, size_t count, uint32_t limit);
    // [any] A hint; the task must still be settled.
    void (*cancel)(void *self, tb_task task);
} tb_recommend_v1;
TB_STATIC_ASSERT(sizeof(tb_recommend_v1) == 16, "frozen layout");
#ifdef __cplusplus
}
#endif
