// timmy.reply/1. Messages are checked for size and UTF-8, and for the brackets of a JSON array; not for Discord's limits.

static bool is_json_locked(tb_mock *m, tb_str json, char open, char close, const char *what) {
    if (!is_text_locked(m, json, 32768, what)) return false;
    bool is_good = json.len >= 2 && json.ptr[0] == open && json.ptr[json.len - 1] == close;
    if (!is_good) breach_locked(m, "%s: not a JSON %s", what, open == '[' ? "array" : "object");
    return is_good;
}

static bool is_message_locked(tb_mock *m, const tb_message_v1 *message) {
    if (!message || message->attachment_count > 10 || (message->attachment_count && !message->attachments)) return false;
    for (size_t i = 0; i < message->attachment_count; i++) {
        const tb_attachment_v1 *a = message->attachments + i;
        if (!is_text_locked(m, a->name, 256, "name of an attachment") || a->bytes.len > (8u << 20)) return false;
    }
    return is_json_locked(m, message->components_json, '[', ']', "components of a message");
}

static tb_message_v1 copied_message(tb_mock *m, const tb_message_v1 *message) {
    tb_message_v1 copy = *message;
    tb_attachment_v1 *attachments = kept(m, message->attachment_count * sizeof *attachments);
    for (size_t i = 0; i < message->attachment_count; i++) {
        const tb_attachment_v1 *a = message->attachments + i;
        attachments[i] = (tb_attachment_v1){ copied(m, a->name), copied(m, a->mime), copied_bytes(m, a->bytes) };
    }
    copy.components_json = copied(m, message->components_json);
    copy.attachments = attachments;
    return copy;
}

static tb_status reply_defer(const tb_host_v1 *host, tb_task task, uint32_t flags) {
    tb_mock *m = mock_of(host);
    (void)flags;
    lock(m);
    entry *e = entry_locked(m, task);
    tb_status status = !e || e->result.kind != TB_MOCK_OPEN ? TB_E_STALE : e->expects != TB_MOCK_SENT ? TB_E_INVALID : TB_OK;
    if (status == TB_OK) e->result.defers++;
    unlock(m);
    return status;
}

static tb_status reply_send(const tb_host_v1 *host, tb_task task, const tb_message_v1 *message) {
    tb_mock *m = mock_of(host);
    lock(m);
    tb_status status;
    entry *e = settling_locked(m, task, TB_MOCK_SENT, &status);
    if (e && !is_message_locked(m, message)) status = TB_E_INVALID;
    else if (e) {
        e->result.message = copied_message(m, message);
        settled_locked(e, TB_MOCK_SENT);
    }
    unlock(m);
    return status;
}

static tb_status reply_modal(const tb_host_v1 *host, tb_task task, tb_str json) {
    tb_mock *m = mock_of(host);
    lock(m);
    tb_status status;
    entry *e = settling_locked(m, task, TB_MOCK_MODAL, &status);
    if (e && (e->result.defers || !is_json_locked(m, json, '{', '}', "a modal"))) status = TB_E_INVALID;
    else if (e) {
        e->result.modal_json = copied(m, json);
        settled_locked(e, TB_MOCK_MODAL);
    }
    unlock(m);
    return status;
}

// The entry of a call that was answered with a message.
static entry *answered_locked(tb_mock *m, tb_task task, const tb_message_v1 *message, tb_status *status) {
    entry *e = entry_locked(m, task);
    if (!e || e->result.kind != TB_MOCK_SENT) *status = TB_E_STALE;
    else *status = is_message_locked(m, message) ? TB_OK : TB_E_INVALID;
    return *status == TB_OK ? e : NULL;
}

static tb_status reply_edit(const tb_host_v1 *host, tb_task task, const tb_message_v1 *message) {
    tb_mock *m = mock_of(host);
    lock(m);
    tb_status status;
    entry *e = answered_locked(m, task, message, &status);
    if (e) {
        e->result.message = copied_message(m, message);
        e->result.edits++;
    }
    unlock(m);
    return status;
}

static tb_status reply_follow_up(const tb_host_v1 *host, tb_task task, const tb_message_v1 *message) {
    tb_mock *m = mock_of(host);
    lock(m);
    tb_status status;
    entry *e = answered_locked(m, task, message, &status);
    if (e && e->follow_ups.count == 5) status = TB_E_RATE_LIMIT;
    else if (e) {
        PUSH(e->follow_ups, copied_message(m, message));
        e->result.follow_ups = e->follow_ups.items;
        e->result.follow_up_count = e->follow_ups.count;
    }
    unlock(m);
    return status;
}

static tb_status reply_choices(const tb_host_v1 *host, tb_task task, const tb_choice_v1 *choices, size_t count) {
    tb_mock *m = mock_of(host);
    lock(m);
    tb_status status;
    entry *e = settling_locked(m, task, TB_MOCK_CHOICES, &status);
    if (e && count && !choices) status = TB_E_INVALID;
    if (count > 25) count = 25;
    for (size_t i = 0; e && status == TB_OK && i < count; i++)
        if (!is_text_locked(m, choices[i].name, 400, "name of a choice") ||
            !is_text_locked(m, choices[i].value, 400, "value of a choice"))
            status = TB_E_INVALID;
    if (e && status == TB_OK) {
        tb_choice_v1 *copy = kept(m, count * sizeof *copy);
        for (size_t i = 0; i < count; i++) copy[i] = (tb_choice_v1){ copied(m, choices[i].name), copied(m, choices[i].value) };
        e->result.choices = copy;
        e->result.choice_count = count;
        settled_locked(e, TB_MOCK_CHOICES);
    }
    unlock(m);
    return status;
}

static const tb_host_reply_v1 reply_table = { reply_defer, reply_send, reply_modal, reply_edit, reply_follow_up, reply_choices };
