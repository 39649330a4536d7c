// timmy.task/1 (host): how an accepted task goes on, and how it may end other than by its own completion.
#pragma once
#include "abi.h"
#ifdef __cplusplus
extern "C" {
#endif
#define TB_EXT_TASK "timmy.task/1"

// Every task that a plugin accepts (by answering TB_OK) is settled exactly once, also after it was cancelled.
typedef struct tb_host_task_v1 {
    // [any] TB_E_STALE where the task was settled already or ran out of time.
    tb_status (*fail)(const tb_host_v1 *host, tb_task task, const tb_error_v1 *error);
    // [any] What it is at, up to 200 bytes, for whoever waits: a command's caller sees it in the deferred answer.
    tb_status (*progress)(const tb_host_v1 *host, tb_task task, tb_str note);
    // [any] True as well where the task is over.
    bool (*is_cancelled)(const tb_host_v1 *host, tb_task task);
} tb_host_task_v1;
TB_STATIC_ASSERT(sizeof(tb_host_task_v1) == 24, "frozen layout");
#ifdef __cplusplus
}
#endif
