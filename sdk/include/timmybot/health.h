// timmy.health/1 (plugin) and timmy.health.host/1 (host): whether a plugin can do its work right now.
#pragma once
#include "abi.h"
#ifdef __cplusplus
extern "C" {
#endif
#define TB_EXT_HEALTH "timmy.health/1"
#define TB_EXT_HEALTH_HOST "timmy.health.host/1"

typedef struct tb_health_v1 {
    // [lane] Asked now and then, and by `timmybot doctor`. Settled by `healthy`, or failed with what is wrong.
    tb_status (*check)(void *self, tb_task task);
} tb_health_v1;

typedef struct tb_host_health_v1 {
    // [any] `note` of up to 200 bytes for the operator, or empty.
    tb_status (*healthy)(const tb_host_v1 *host, tb_task task, tb_str note);
} tb_host_health_v1;
TB_STATIC_ASSERT(sizeof(tb_health_v1) == 8 && sizeof(tb_host_health_v1) == 8, "frozen layout");
#ifdef __cplusplus
}
#endif
