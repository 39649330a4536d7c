// timmy.settings/1 (host): what a server has set for this plugin. Read by every plugin of its own settings only.
//
// Keys have 1 to 64 bytes, values are texts of up to 2 KiB; 64 keys for a plugin and server.
#pragma once
#include "abi.h"
#ifdef __cplusplus
extern "C" {
#endif
#define TB_EXT_SETTINGS "timmy.settings/1"

typedef struct tb_setting_v1 {
    tb_str key, value;
} tb_setting_v1;

typedef struct tb_settings_result_v1 {
    const tb_error_v1 *error;       // NULL where it worked
    const tb_setting_v1 *settings;  // all of the server, sorted by key
    size_t count;
} tb_settings_result_v1;

typedef void (*tb_settings_done)(void *context, const tb_settings_result_v1 *result);

typedef struct tb_host_settings_v1 {
    // [any]
    tb_status (*all)(const tb_host_v1 *host, uint64_t guild, tb_settings_done done, void *context);
    // [any] An empty value takes the setting away. On the disk before `done`, which is given all that is set then.
    tb_status (*set)(const tb_host_v1 *host, uint64_t guild, tb_str key, tb_str value, tb_settings_done done,
                     void *context);
} tb_host_settings_v1;
TB_STATIC_ASSERT(sizeof(tb_setting_v1) == 32 && sizeof(tb_settings_result_v1) == 24, "frozen layout");
TB_STATIC_ASSERT(sizeof(tb_host_settings_v1) == 16, "frozen layout");
#ifdef __cplusplus
}
#endif
