// timmy.http/1 (host): requests through the host's one client. A plugin has no other way to the network.
//
// Only hosts that the manifest lists under "hosts" can be reached ("api.example.org", "*.example.org"), by https; by http
// where the entry says so ("http://stream.example.org"). Names are resolved by the host, addresses of this machine and of
// private networks are refused, and each redirect is checked anew.
#pragma once
#include "abi.h"
#ifdef __cplusplus
extern "C" {
#endif
#define TB_EXT_HTTP "timmy.http/1"
#define TB_HTTP_NO_REDIRECT 1u  // a 3xx is an answer like any other

typedef struct tb_header_v1 {
    tb_str name, value;
} tb_header_v1;

typedef struct tb_http_request_v1 {
    tb_str method;                // empty for GET
    tb_str url;                   // up to 4096 bytes
    const tb_header_v1 *headers;  // up to 64; Host, Connection, Content-Length and the like are the host's own
    size_t header_count;
    tb_bytes body;                // up to 1 MiB
    uint64_t limit;               // bytes of the answer's body; 0 for 4 MiB, for `fetch` at most 16 MiB
    uint64_t account;             // a handle of timmy.account/1: the host adds its Authorization; 0 for none
    uint32_t timeout_ms;          // for the head and, with `fetch`, the body; 0 for 15 s, at most 60 s
    uint32_t flags;
} tb_http_request_v1;

typedef struct tb_http_response_v1 {
    const tb_error_v1 *error;     // NULL where the server answered, whatever it answered
    tb_str url;                   // after redirects
    const tb_header_v1 *headers;  // names in lower case
    size_t header_count;
    tb_bytes body;                // empty for `stream`
    uint64_t stream;              // for `stream`: the number that `read` and `close` take
    uint32_t status, zero;
} tb_http_response_v1;

typedef void (*tb_http_done)(void *context, const tb_http_response_v1 *response);

typedef struct tb_host_http_v1 {
    // [any] Answers with the whole body; a longer one than `limit` is TB_E_IO.
    tb_status (*fetch)(const tb_host_v1 *host, const tb_http_request_v1 *request, tb_http_done done, void *context);
    // [any] Answers with the head; the plugin then reads the body and closes it. At most 16 open for each plugin.
    tb_status (*stream)(const tb_host_v1 *host, const tb_http_request_v1 *request, tb_http_done done, void *context);
    // [lane] [reader] Blocks until there is something: bytes, 0 at the end, or a TB_E_*.
    int64_t (*read)(const tb_host_v1 *host, uint64_t stream, uint8_t *buffer, size_t capacity);
    // [any] A blocked `read` returns TB_E_CANCELLED. Closing twice is harmless.
    void (*close)(const tb_host_v1 *host, uint64_t stream);
} tb_host_http_v1;

TB_STATIC_ASSERT(sizeof(tb_header_v1) == 32 && sizeof(tb_http_request_v1) == 88, "frozen layout");
TB_STATIC_ASSERT(sizeof(tb_http_response_v1) == 72 && sizeof(tb_host_http_v1) == 32, "frozen layout");
#ifdef __cplusplus
}
#endif
