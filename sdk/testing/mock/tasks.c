// The task table, and timmy.task/1.

static entry *entry_locked(tb_mock *m, tb_task task) {
    return task >= FIRST_TASK && task - FIRST_TASK < m->tasks.count ? m->tasks.items[task - FIRST_TASK] : NULL;
}

static tb_task new_task(tb_mock *m, tb_mock_kind expects) {
    lock(m);
    entry *e = kept(m, sizeof *e);
    e->expects = expects;
    e->result.task = FIRST_TASK + m->tasks.count;
    e->result.kind = TB_MOCK_OPEN;
    PUSH(m->tasks, e);
    unlock(m);
    return e->result.task;
}

// The entry where `task` may be settled as `kind` now, with TB_OK in `status`; otherwise why not.
static entry *settling_locked(tb_mock *m, tb_task task, tb_mock_kind kind, tb_status *status) {
    entry *e = entry_locked(m, task);
    *status = TB_OK;
    if (!e || e->result.kind != TB_MOCK_OPEN) {
        m->stale++;
        if (e) e->result.again++;
        *status = TB_E_STALE;
    } else if (kind != TB_MOCK_FAILED && kind != e->expects) {
        // A button may be answered by a modal as well as by a message.
        if (kind != TB_MOCK_MODAL || e->expects != TB_MOCK_SENT) *status = TB_E_INVALID;
    }
    if (*status == TB_E_INVALID) breach_locked(m, "a task was settled by a completion of another kind");
    return *status == TB_OK ? e : NULL;
}

static void settled_locked(entry *e, tb_mock_kind kind) { e->result.kind = kind; }

static void copy_error(tb_mock *m, tb_error_v1 *to, const tb_error_v1 *from) {
    *to = *from;
    to->user_text = copied(m, from->user_text);
    to->detail = copied(m, from->detail);
}

static tb_status task_fail(const tb_host_v1 *host, tb_task task, const tb_error_v1 *error) {
    tb_mock *m = mock_of(host);
    lock(m);
    tb_status status;
    entry *e = settling_locked(m, task, TB_MOCK_FAILED, &status);
    if (e && (!error || !is_text_locked(m, error->user_text, 2000, "user_text of an error") ||
              !is_text_locked(m, error->detail, 4096, "detail of an error"))) {
        status = TB_E_INVALID;
    } else if (e) {
        copy_error(m, &e->result.error, error);
        settled_locked(e, TB_MOCK_FAILED);
    }
    unlock(m);
    return status;
}

static tb_status task_progress(const tb_host_v1 *host, tb_task task, tb_str note) {
    tb_mock *m = mock_of(host);
    tb_status status = TB_OK;
    lock(m);
    entry *e = entry_locked(m, task);
    if (!e || e->result.kind != TB_MOCK_OPEN) status = TB_E_STALE;
    else if (!is_text_locked(m, note, 200, "note of a progress")) status = TB_E_INVALID;
    else {
        e->result.note = copied(m, note);
        e->result.progress++;
    }
    unlock(m);
    return status;
}

static bool task_is_cancelled(const tb_host_v1 *host, tb_task task) {
    tb_mock *m = mock_of(host);
    lock(m);
    entry *e = entry_locked(m, task);
    bool is_cancelled = !e || e->is_cancelled || e->result.kind != TB_MOCK_OPEN;
    unlock(m);
    return is_cancelled;
}

static const tb_host_task_v1 task_table = { task_fail, task_progress, task_is_cancelled };

static const tb_mock_result no_result = { .kind = TB_MOCK_REFUSED, .status = TB_E_UNSUPPORTED };

const tb_mock_result *tb_mock_peek(tb_mock *m, tb_task task) {
    lock(m);
    entry *e = entry_locked(m, task);
    unlock(m);
    return e ? &e->result : &no_result;
}

const tb_mock_result *tb_mock_result_of(tb_mock *m, tb_task task) {
    lock(m);
    entry *e = entry_locked(m, task);
    struct timespec end = end_of(m->patience);
    while (e && e->result.kind == TB_MOCK_OPEN)
        if (pthread_cond_timedwait(&m->changed, &m->lock, &end) == ETIMEDOUT) break;
    unlock(m);
    return e ? &e->result : &no_result;
}

uint32_t tb_mock_stale(tb_mock *m) {
    lock(m);
    uint32_t stale = m->stale;
    unlock(m);
    return stale;
}

void tb_mock_expire(tb_mock *m, tb_task task) {
    lock(m);
    entry *e = entry_locked(m, task);
    if (e && e->result.kind == TB_MOCK_OPEN) e->result.kind = TB_MOCK_EXPIRED;
    unlock(m);
}

void tb_mock_cancel(tb_mock *m, tb_task task) {
    lock(m);
    entry *e = entry_locked(m, task);
    if (e) e->is_cancelled = true;
    bool is_command = e && (e->expects == TB_MOCK_SENT || e->expects == TB_MOCK_CHOICES);
    bool is_source = e && (e->expects == TB_MOCK_RESOLVED || e->expects == TB_MOCK_OPENED || e->expects == TB_MOCK_ARTWORK);
    bool is_lyrics = e && e->expects == TB_MOCK_LYRICS;
    unlock(m);
    const tb_lyrics_v1 *lyrics = is_lyrics ? m->plugin->get_extension(TB_EXT_LYRICS) : NULL;
    if (is_command && m->commands && m->commands->cancel) m->commands->cancel(m->self, task);
    if (is_source && m->source && m->source->cancel) m->source->cancel(m->self, task);
    if (lyrics && lyrics->cancel) lyrics->cancel(m->self, task);
}
