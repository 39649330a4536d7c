// timmy.reply/1 (host): answers to commands, components, modals and autocomplete.
//
// Messages are Discord's: a JSON array of components (V2), up to 32 KiB, which the host checks against Discord's limits.
// custom_ids in them are the plugin's own: the host adds its prefix and takes it away again.
// The address attachment://cover.png stands for the picture of the track that plays: the host attaches it.
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
    tb_bytes bytes;  // up to 8 MiB
} tb_attachment_v1;

typedef struct tb_message_v1 {
    tb_str components_json;
    const tb_attachment_v1 *attachments;  // up to 10
    size_t attachment_count;
    uint32_t flags, zero;
} tb_message_v1;

typedef struct tb_host_reply_v1 {
    // [any] Shows that the bot is at work; `send` follows. The host does it by itself after 2 s. `flags` as in a message.
    tb_status (*defer)(const tb_host_v1 *host, tb_task task, uint32_t flags);
    // [any] Settles the task. TB_E_INVALID, and the task stays open, where Discord would not take the message.
    tb_status (*send)(const tb_host_v1 *host, tb_task task, const tb_message_v1 *message);
    // [any] Settles the task of a command or component: a modal, as Discord's JSON object (title, custom_id, components).
    // Its answers come to `modal` of timmy.commands/1. Not after `defer`, and within 2 s.
    tb_status (*modal)(const tb_host_v1 *host, tb_task task, tb_str modal_json);
    // [any] Changes the answer after `send`, as often as Discord allows; TB_E_STALE 15 minutes after the call.
    tb_status (*edit)(const tb_host_v1 *host, tb_task task, const tb_message_v1 *message);
    // [any] One more message after `send`, at most 5 for each call and then TB_E_RATE_LIMIT; TB_E_STALE 15 minutes after
    // the call.
    tb_status (*follow_up)(const tb_host_v1 *host, tb_task task, const tb_message_v1 *message);
    // [any] Settles an autocomplete task; at most 25 count.
    tb_status (*choices)(const tb_host_v1 *host, tb_task task, const tb_choice_v1 *choices, size_t count);
} tb_host_reply_v1;
TB_STATIC_ASSERT(sizeof(tb_attachment_v1) == 48 && sizeof(tb_message_v1) == 40, "frozen layout");
TB_STATIC_ASSERT(sizeof(tb_host_reply_v1) == 48, "frozen layout");
#ifdef __cplusplus
}
#endif
