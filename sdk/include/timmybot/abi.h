// TimmyBot plugin ABI, major 1. C11, C++17, Swift, bindgen; LP64 Linux.
//
// Every struct ends in _v1 and is frozen: it never grows, it is only succeeded by a _v2 under a new extension id.
// Strings are UTF-8, pointer and length, without a terminator, and borrowed until the call returns.
// Results travel only as arguments of completion calls, which copy. No memory is freed across the border.
//
// Thread tags: [entry] the loader's thread, once     [lane] this instance's own thread (or threads, where the manifest
//              [any] any thread, concurrently,               asks for `lanes`), may block up to the call's deadline
//              must not block                        [reader] one thread for each reader, may block
//
// A host function that takes a completion and answers TB_OK calls it exactly once, from any thread, possibly before it has
// returned: what the completion needs must be there before. Where it answers anything else, the completion is not called.
// What a completion is given lives until it returns. `context` is the plugin's own and is handed back untouched.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#define TB_STATIC_ASSERT static_assert
#else
#define TB_STATIC_ASSERT _Static_assert
#endif

typedef int32_t tb_status;  // 0 or a TB_E_*; open set: an unknown negative value means TB_E_INTERNAL
typedef uint64_t tb_task;   // a number that the host made up; never a pointer, never reused, 0 is none

typedef struct tb_str {
    const char *ptr;
    size_t len;
} tb_str;

typedef struct tb_bytes {
    const uint8_t *ptr;
    size_t len;
} tb_bytes;

#ifdef __cplusplus
#define TB_LIT(s) tb_str{ s, sizeof(s) - 1 }
#define TB_STR(s) TB_LIT(s)
#else
#define TB_LIT(s) { s, sizeof(s) - 1 }   // in an initialiser
#define TB_STR(s) ((tb_str)TB_LIT(s))    // anywhere else
#endif

#define TB_OK 0
#define TB_E_INVALID (-1)      // the caller broke the contract; with a `user_text`: a person asked for what cannot be done
#define TB_E_NOT_FOUND (-2)
#define TB_E_UNSUPPORTED (-3)
#define TB_E_UNAVAILABLE (-4)  // private, removed, restricted
#define TB_E_AUTH (-5)
#define TB_E_RATE_LIMIT (-6)
#define TB_E_CANCELLED (-7)
#define TB_E_STALE (-8)        // the task is over; harmless, stop working on it
#define TB_E_TIMEOUT (-9)
#define TB_E_IO (-10)
#define TB_E_INTERNAL (-11)    // a fault of the plugin, or of the host

// A call that fails with TB_E_INTERNAL, with TB_E_INVALID and no `user_text`, or by its deadline speaks against the plugin:
// five in a row, and the host lets it rest. No other failure does.
typedef struct tb_error_v1 {
    tb_status code;
    uint32_t flags, retry_after_ms, zero;
    tb_str user_text;  // may be shown to the user; empty for none
    tb_str detail;     // log only
} tb_error_v1;

#define TB_HOST_MAGIC 0x48424d54u    // "TMBH"
#define TB_PLUGIN_MAGIC 0x50424d54u  // "TMBP"

typedef struct tb_host_v1 {
    uint32_t magic, size;  // TB_HOST_MAGIC and sizeof: both must match exactly
    void *host_data;
    tb_str name, version;
    // [any] A table that lives as long as the process, or NULL where the host does not offer it.
    const void *(*get_extension)(const struct tb_host_v1 *host, const char *id);
} tb_host_v1;

typedef struct tb_plugin_v1 {
    uint32_t magic, size;  // TB_PLUGIN_MAGIC and sizeof
    tb_str id, version;    // equal to the manifest's
    // [lane] Fetch host extensions here. Where one is missing that the plugin cannot do without: log it and refuse.
    tb_status (*create)(const tb_host_v1 *host, tb_str config_json, void **out_self);
    // [lane] Take no new work; complete or fail every open task.
    void (*stop)(void *self);
    // [lane] After stop, with no open task, every reader closed, and nothing of the host inside the plugin or owed to it.
    // Where something does not come back, the instance is not destroyed.
    void (*destroy)(void *self);
    // [any] Pure; static tables; works before create.
    const void *(*get_extension)(const char *id);
} tb_plugin_v1;

// [entry] The only exported symbol. Does no work and answers the same pointer every time. Link with -z nodelete.
const tb_plugin_v1 *timmybot_plugin_v1(void);

// The manifest, JSON, in a section of its own: read without running a line of the plugin.
#define TB_MANIFEST(json) \
    __attribute__((section("timmybot_manifest"), used, retain)) static const char tb_manifest_section[] = json

TB_STATIC_ASSERT(sizeof(void *) == 8, "TimmyBot plugins are LP64");
TB_STATIC_ASSERT(sizeof(tb_str) == 16 && sizeof(tb_bytes) == 16 && sizeof(tb_error_v1) == 48, "frozen layout");
TB_STATIC_ASSERT(sizeof(tb_host_v1) == 56 && sizeof(tb_plugin_v1) == 72, "frozen layout");

#ifdef __cplusplus
}
#endif
