// timmy.clock/1 (host): time, and calls at a later time.
#pragma once
#include "abi.h"
#ifdef __cplusplus
extern "C" {
#endif
#define TB_EXT_CLOCK "timmy.clock/1"

typedef void (*tb_timer_fn)(void *context);

typedef struct tb_host_clock_v1 {
    // [any] Milliseconds since 1970.
    int64_t (*unix_ms)(const tb_host_v1 *host);
    // [any] Milliseconds on a clock that never jumps.
    uint64_t (*monotonic_ms)(const tb_host_v1 *host);
    // [any] Calls `fire` once on the lane, `delay_ms` from now (at most a day). At most 64 at once for each plugin.
    tb_status (*timer)(const tb_host_v1 *host, uint64_t delay_ms, tb_timer_fn fire, void *context, uint64_t *out_timer);
    // [any] TB_OK: `fire` will not be called any more; so too of a timer that was set when the plugin's stop began, which
    // takes them all away. TB_E_STALE: it has been, or is about to be.
    tb_status (*cancel)(const tb_host_v1 *host, uint64_t timer);
} tb_host_clock_v1;
TB_STATIC_ASSERT(sizeof(tb_host_clock_v1) == 32, "frozen layout");
#ifdef __cplusplus
}
#endif
