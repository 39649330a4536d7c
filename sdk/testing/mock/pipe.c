// timmy.pipe/1. tb_mock_read takes out what was written.

static tb_status pipe_create(const tb_host_v1 *host, uint32_t kind, uint64_t capacity, uint64_t *out) {
    tb_mock *m = mock_of(host);
    bool is_good = out && kind >= TB_PIPE_BYTES && kind <= TB_PIPE_OPUS_PACKETS && capacity >= 4096 && capacity <= (4u << 20);
    if (!is_good) return TB_E_INVALID;
    lock(m);
    size_t open = 0;
    for (size_t i = 0; i < m->pipes.count; i++) open += !m->pipes.items[i]->is_closed;
    if (open < 16) {
        pipe_ *p = kept(m, sizeof *p);
        *p = (pipe_){ kind, capacity, 0, kept(m, capacity), false, false, TB_OK };
        PUSH(m->pipes, p);
        *out = m->pipes.count;
    }
    unlock(m);
    return open < 16 ? TB_OK : TB_E_RATE_LIMIT;
}

static pipe_ *pipe_locked(tb_mock *m, uint64_t number) {
    return number && number <= m->pipes.count ? m->pipes.items[number - 1] : NULL;
}

// Packets are kept whole, each behind its length.
static int64_t pipe_write(const tb_host_v1 *host, uint64_t number, const uint8_t *bytes, size_t count) {
    tb_mock *m = mock_of(host);
    lock(m);
    pipe_ *p = pipe_locked(m, number);
    bool is_packets = p && p->kind == TB_PIPE_OPUS_PACKETS;
    int64_t taken = 0;
    if (!p || p->is_closed || p->is_finished) taken = TB_E_STALE;
    else if ((count && !bytes) || (is_packets && (!count || count > 1275))) taken = TB_E_INVALID;
    else {
        size_t room = p->capacity - p->used;
        if (is_packets && room >= count + 2) {
            p->bytes[p->used++] = (uint8_t)(count & 0xFF);
            p->bytes[p->used++] = (uint8_t)(count >> 8);
            taken = (int64_t)count;
        } else if (!is_packets) {
            taken = (int64_t)(count < room ? count : room);
        }
        if (taken) memcpy(p->bytes + p->used, bytes, (size_t)taken);
        p->used += (size_t)taken;
    }
    unlock(m);
    return taken;
}

static void pipe_finish(const tb_host_v1 *host, uint64_t number, tb_status status) {
    tb_mock *m = mock_of(host);
    lock(m);
    pipe_ *p = pipe_locked(m, number);
    if (p) p->is_finished = true, p->status = status;
    unlock(m);
}

static const tb_host_pipe_v1 pipe_table = { pipe_create, pipe_write, pipe_finish };

// Everything up to `capacity` bytes; waits for something, 0 at the end.
static int64_t pipe_take(tb_mock *m, uint64_t number, uint8_t *buffer, size_t capacity) {
    lock(m);
    pipe_ *p = pipe_locked(m, number);
    struct timespec end = end_of(m->patience);
    while (p && !p->used && !p->is_finished && !p->is_closed)
        if (pthread_cond_timedwait(&m->changed, &m->lock, &end) == ETIMEDOUT) break;
    int64_t taken = TB_E_TIMEOUT;
    if (!p || p->is_closed) taken = TB_E_INVALID;
    else if (p->used) {
        taken = (int64_t)(p->used < capacity ? p->used : capacity);
        memcpy(buffer, p->bytes, (size_t)taken);
        p->used -= (size_t)taken;
        memmove(p->bytes, p->bytes + taken, p->used);
    } else if (p->is_finished) taken = p->status;
    unlock(m);
    return taken;
}
