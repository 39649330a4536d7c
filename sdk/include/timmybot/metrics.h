// timmy.metrics/1 (host): numbers for the operator, beside the host's own of this plugin.
//
// Names have 1 to 48 of a-z, 0-9 and _; at most 64 for a plugin, later ones are dropped and logged once.
#pragma once
#include "abi.h"
#ifdef __cplusplus
extern "C" {
#endif
#define TB_EXT_METRICS "timmy.metrics/1"

typedef struct tb_host_metrics_v1 {
    // [any] Adds to a counter; `amount` is not negative.
    void (*count)(const tb_host_v1 *host, tb_str name, double amount);
    // [any] Sets a gauge.
    void (*gauge)(const tb_host_v1 *host, tb_str name, double value);
    // [any] One observation of a distribution, in the unit that the name ends in (_seconds, _bytes).
    void (*observe)(const tb_host_v1 *host, tb_str name, double value);
} tb_host_metrics_v1;
TB_STATIC_ASSERT(sizeof(tb_host_metrics_v1) == 24, "frozen layout");
#ifdef __cplusplus
}
#endif
