#include "CBenchFloor.h"

int32_t tb_bench_command(void *self, uint64_t task, const void *invocation, const void *text, int64_t integer, double number) {
    return self && invocation && text ? (int32_t)(task + (uint64_t)integer + (uint64_t)number) & 0 : 1;
}

int64_t tb_bench_direct_calls(size_t count) {
    int32_t (*volatile command)(void *, uint64_t, const void *, const void *, int64_t, double) = tb_bench_command;
    int here = 0;
    int64_t start = tb_now();
    for (size_t i = 0; i < count; i++) here += command(&here, i, &here, &here, 7, 0.5);
    return here == 0 ? tb_now() - start : -1;
}

int32_t tb_bench_invoke(void *self, uint64_t task, const void *invocation, const void *values, size_t count) {
    return self && invocation && values && count == 3 ? (int32_t)task & 0 : 1;
}
