// timmy.clock/1: stands still until tb_mock_advance.

static int64_t clock_unix_ms(const tb_host_v1 *host) {
    tb_mock *m = mock_of(host);
    lock(m);
    int64_t now = EPOCH_MS + (int64_t)m->now;
    unlock(m);
    return now;
}

static uint64_t clock_monotonic_ms(const tb_host_v1 *host) {
    tb_mock *m = mock_of(host);
    lock(m);
    uint64_t now = m->now;
    unlock(m);
    return now;
}

static size_t pending_locked(const tb_mock *m) {
    size_t count = 0;
    for (size_t i = 0; i < m->timers.count; i++) count += !m->timers.items[i].is_over;
    return count;
}

static tb_status clock_timer(const tb_host_v1 *host, uint64_t delay, tb_timer_fn fire, void *context, uint64_t *out) {
    tb_mock *m = mock_of(host);
    lock(m);
    tb_status status = !fire || !out || delay > 86400000u ? TB_E_INVALID : pending_locked(m) >= 64 ? TB_E_RATE_LIMIT : TB_OK;
    if (status == TB_OK) {
        *out = m->timers.count + 1;
        timer t = { *out, m->now + delay, fire, context, false };
        PUSH(m->timers, t);
    }
    unlock(m);
    return status;
}

static tb_status clock_cancel(const tb_host_v1 *host, uint64_t number) {
    tb_mock *m = mock_of(host);
    lock(m);
    tb_status status = TB_E_STALE;
    if (number && number <= m->timers.count && !m->timers.items[number - 1].is_over) {
        m->timers.items[number - 1].is_over = true;
        status = TB_OK;
    }
    unlock(m);
    return status;
}

static const tb_host_clock_v1 clock_table = { clock_unix_ms, clock_monotonic_ms, clock_timer, clock_cancel };

static void fire(void *argument) {
    timer *t = argument;
    t->fire(t->context);
}

// The next timer up to `end`, marked as fired; NULL where there is none.
static timer *due_locked(tb_mock *m, uint64_t end) {
    timer *next = NULL;
    for (size_t i = 0; i < m->timers.count; i++) {
        timer *t = m->timers.items + i;
        if (!t->is_over && t->at <= end && (!next || t->at < next->at)) next = t;
    }
    if (!next) return NULL;
    next->is_over = true;
    timer *copy = kept(m, sizeof *copy);
    *copy = *next;
    return copy;
}

void tb_mock_advance(tb_mock *m, uint64_t milliseconds) {
    lock(m);
    uint64_t end = m->now + milliseconds;
    timer *t;
    while ((t = due_locked(m, end))) {
        if (t->at > m->now) m->now = t->at;
        if (wait_locked(&m->lane, post_locked(&m->lane, fire, t))) continue;
        breach_locked(m, "a timer does not return");
        break;
    }
    m->now = end;
    unlock(m);
}

size_t tb_mock_timers(tb_mock *m) {
    lock(m);
    size_t count = pending_locked(m);
    unlock(m);
    return count;
}
