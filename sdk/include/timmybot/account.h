// timmy.account/1 (host): linked accounts of this plugin's platform, as handles for timmy.http/1. No token is ever shown.
#pragma once
#include "abi.h"
#ifdef __cplusplus
extern "C" {
#endif
#define TB_EXT_ACCOUNT "timmy.account/1"

typedef struct tb_account_result_v1 {
    const tb_error_v1 *error;  // TB_E_AUTH where the user has no account linked, with a text that says how to
    uint64_t account;          // for tb_http_request_v1; good for an hour, and only for this plugin
    tb_str scopes;             // that were granted, separated by spaces
} tb_account_result_v1;

typedef void (*tb_account_done)(void *context, const tb_account_result_v1 *result);

typedef struct tb_host_account_v1 {
    // [any] `flow` is a name of timmy.oauth/1. `user` is Discord's id; 0 for the bot's own (client credentials).
    // A token that is about to run out is refreshed first.
    tb_status (*account)(const tb_host_v1 *host, tb_str flow, uint64_t user, tb_account_done done, void *context);
} tb_host_account_v1;
TB_STATIC_ASSERT(sizeof(tb_account_result_v1) == 32 && sizeof(tb_host_account_v1) == 8, "frozen layout");
#ifdef __cplusplus
}
#endif
