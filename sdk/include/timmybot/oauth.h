// timmy.oauth/1 (plugin): how accounts of its platform are linked. The host runs the flows and keeps the tokens.
#pragma once
#include "abi.h"
#ifdef __cplusplus
extern "C" {
#endif
#define TB_EXT_OAUTH "timmy.oauth/1"

#define TB_OAUTH_DEVICE_CODE 1u         // RFC 8628
#define TB_OAUTH_AUTHORIZATION_CODE 2u  // RFC 6749, section 4.1, always with PKCE (RFC 7636, S256)
#define TB_OAUTH_CLIENT_CREDENTIALS 3u  // RFC 6749, section 4.4: one account for the whole bot

#define TB_OAUTH_BASIC 1u  // the client proves itself by HTTP Basic instead of in the body

// The client's id and secret are the operator's: "client_id" and "client_secret" in the plugin's configuration.
typedef struct tb_oauth_flow_v1 {
    tb_str name;           // a-z, 0-9 and -, up to 32 bytes
    tb_str authorize_url;  // for authorization codes
    tb_str device_url;     // for device codes
    tb_str token_url;
    tb_str revoke_url;     // empty where there is none
    tb_str scopes;         // separated by spaces
    tb_str scheme;         // of the Authorization header; empty for Bearer
    uint32_t kind, flags;
} tb_oauth_flow_v1;

typedef struct tb_oauth_v1 {
    const tb_oauth_flow_v1 *flows;  // up to 4; static
    size_t count;
} tb_oauth_v1;
TB_STATIC_ASSERT(sizeof(tb_oauth_flow_v1) == 120 && sizeof(tb_oauth_v1) == 16, "frozen layout");
#ifdef __cplusplus
}
#endif
