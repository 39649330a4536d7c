// timmy.store/1 (host): a small store of each plugin's own, kept across restarts and versions.
//
// Keys have 1 to 128 bytes, values up to 64 KiB; 1024 keys and 1 MiB in all for a plugin.
#pragma once
#include "abi.h"
#ifdef __cplusplus
extern "C" {
#endif
#define TB_EXT_STORE "timmy.store/1"

typedef struct tb_store_result_v1 {
    const tb_error_v1 *error;  // NULL where it worked
    tb_bytes value;            // for `get`
    const tb_str *keys;        // for `keys`, sorted
    size_t key_count;
    uint32_t found, zero;      // 1 where the key was there
} tb_store_result_v1;

typedef void (*tb_store_done)(void *context, const tb_store_result_v1 *result);

typedef struct tb_host_store_v1 {
    // [any]
    tb_status (*get)(const tb_host_v1 *host, tb_str key, tb_store_done done, void *context);
    // [any] On the disk before `done`. TB_E_RATE_LIMIT where the quota is used up.
    tb_status (*set)(const tb_host_v1 *host, tb_str key, tb_bytes value, tb_store_done done, void *context);
    // [any]
    tb_status (*remove)(const tb_host_v1 *host, tb_str key, tb_store_done done, void *context);
    // [any] Keys that begin with `prefix`.
    tb_status (*keys)(const tb_host_v1 *host, tb_str prefix, tb_store_done done, void *context);
} tb_host_store_v1;
TB_STATIC_ASSERT(sizeof(tb_store_result_v1) == 48 && sizeof(tb_host_store_v1) == 32, "frozen layout");
#ifdef __cplusplus
}
#endif
