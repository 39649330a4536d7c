// timmy.log/1 (host): lines in the operator's log, under the plugin's id.
#pragma once
#include "abi.h"
#ifdef __cplusplus
extern "C" {
#endif
#define TB_EXT_LOG "timmy.log/1"
#define TB_LOG_DEBUG 1
#define TB_LOG_INFO 2
#define TB_LOG_WARNING 3
#define TB_LOG_ERROR 4

typedef struct tb_host_log_v1 {
    // [any] Cut after 4096 bytes, between two characters; control characters are replaced.
    void (*log)(const tb_host_v1 *host, int32_t level, tb_str message);
} tb_host_log_v1;
TB_STATIC_ASSERT(sizeof(tb_host_log_v1) == 8, "frozen layout");
#ifdef __cplusplus
}
#endif
