// timmy.reply/1 (host): answers to commands, components and autocomplete.
#pragma once
#include "abi.h"
#include "commands.h"
#ifdef __cplusplus
extern "C" {
#endif
#define TB_EXT_REPLY "timmy.reply/1"
#define TB_REPLY_EPHEMERAL 1u  // only the caller sees it
#define TB_REPLY_UPDATE 2u     // for components: change the message that the component is on

typedef struct tb_attachment_v1 {
    tb_str name, mime;
    const uint8_t *bytes;
    size_t count;
} tb_attachment_v1;

typedef struct tb_host_reply_v1 {
    // [any] Shows that the bot is at work; `send` follows within 15 minutes. The host does it by itself after 2 s.
    tb_status (*defer)(const tb_host_v1 *host, tb_task task, uint32_t flags);
    // [any] Settles the task. `components_json` is a JSON array of Discord's components (V2), up to 32 KiB.
    // custom_ids are the plugin's own: the host adds and takes away its prefix.
    // The address attachment://cover.png stands for the picture of the track that plays: the host attaches it.
    tb_status (*send)(const tb_host_v1 *host, tb_task task, uint32_t flags, tb_str components_json,
                      const tb_attachment_v1 *attachments, size_t count);
    // [any] Settles an autocomplete task; at most 25 count.
    tb_status (*choices)(const tb_host_v1 *host, tb_task task, const tb_choice_v1 *choices, size_t count);
} tb_host_reply_v1;
TB_STATIC_ASSERT(sizeof(tb_attachment_v1) == 48 && sizeof(tb_host_reply_v1) == 24, "frozen layout");
#ifdef __cplusplus
}
#endif
