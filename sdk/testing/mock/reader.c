// Drives readers as the host's decode thread does.

typedef struct reading {
    tb_mock *mock;
    const tb_media_v1 *media;
    size_t capacity, limit;
    tb_mock_sound sound;
    uint64_t offset, stream;
    tb_status status;
    bool has_begun, is_back;
} reading;

static reading *new_reading(tb_mock *m, const tb_media_v1 *media) {
    lock(m);
    reading *r = kept(m, sizeof *r);
    r->mock = m, r->media = media;
    unlock(m);
    return r;
}

static int64_t read_some(reading *r, uint8_t *buffer, size_t capacity) {
    const tb_media_v1 *media = r->media;
    switch (media->kind) {
    case TB_MEDIA_FD: {
        ssize_t count = read((int)media->handle, buffer, capacity);
        return count < 0 ? TB_E_IO : count;
    }
    case TB_MEDIA_PIPE: return pipe_take(r->mock, media->handle, buffer, capacity);
    case TB_MEDIA_URL: return http_read(&r->mock->host, r->stream, buffer, capacity);
    default: return media->reader.read ? media->reader.read(media->reader.ctx, buffer, capacity) : TB_E_INVALID;
    }
}

static void append(tb_mock_sound *s, size_t *room, const uint8_t *bytes, size_t count) {
    while (s->count + count > *room) s->bytes = grown(s->bytes, *room, room, 1);
    memcpy(s->bytes + s->count, bytes, count);
    s->count += count;
}

static void opened_url(void *context, const tb_http_response_v1 *response) {
    reading *r = context;
    lock(r->mock);
    r->stream = response->error ? 0 : response->stream;
    r->is_back = true;
    unlock(r->mock);
}

static void open_url(reading *r) {
    tb_mock *m = r->mock;
    tb_http_request_v1 request = { .url = r->media->url, .headers = r->media->headers, .header_count = r->media->header_count };
    bool is_coming = http_stream(&m->host, &request, opened_url, r) == TB_OK;
    lock(m);
    while (is_coming && !r->is_back) pthread_cond_wait(&m->changed, &m->lock);
    unlock(m);
}

static void do_read(void *argument) {
    reading *r = argument;
    tb_mock_sound *s = &r->sound;
    size_t room = 0;
    uint8_t *buffer = malloc(r->capacity);  // exactly, so that ASan sees a byte too many
    if (!buffer) out_of_memory();
    if (r->media->kind == TB_MEDIA_URL) open_url(r);
    for (;;) {
        int64_t count = read_some(r, buffer, r->capacity);
        s->reads++;
        if (count <= 0 || (uint64_t)count > r->capacity) {
            s->status = count > 0 ? TB_E_INVALID : (tb_status)count;
            break;
        }
        bool is_packet = r->media->kind == TB_MEDIA_OPUS_PACKETS;
        uint8_t head[2] = { (uint8_t)(count & 0xFF), (uint8_t)(count >> 8) };
        if (s->count + (size_t)count + (is_packet ? 2 : 0) > r->limit) {
            s->is_cut = true;
            break;
        }
        if (is_packet) append(s, &room, head, 2);
        append(s, &room, buffer, (size_t)count);
    }
    free(buffer);
    if (r->stream) http_close(&r->mock->host, r->stream);
}

tb_mock_sound tb_mock_read(tb_mock *m, const tb_media_v1 *media, size_t capacity, size_t limit) {
    tb_mock_sound none = { .status = TB_E_TIMEOUT };
    reading *r = new_reading(m, media);
    r->capacity = capacity ? capacity : 1, r->limit = limit;
    bool is_back = run_on(&m->reader, do_read, r);
    lock(m);
    if (!is_back) breach_locked(m, "reading does not come to an end");
    if (is_back && r->sound.bytes) PUSH(m->memory, r->sound.bytes);
    unlock(m);
    return is_back ? r->sound : none;
}

static void do_seek(void *argument) {
    reading *r = argument;
    const tb_reader_v1 *reader = &r->media->reader;
    r->status = reader->seek ? reader->seek(reader->ctx, r->offset) : TB_E_UNSUPPORTED;
}

tb_status tb_mock_seek(tb_mock *m, const tb_media_v1 *media, uint64_t offset) {
    reading *r = new_reading(m, media);
    r->offset = offset;
    return run_on(&m->reader, do_seek, r) ? r->status : TB_E_TIMEOUT;
}

static void do_read_once(void *argument) {
    reading *r = argument;
    uint8_t buffer[4096];
    lock(r->mock);
    r->has_begun = true;
    unlock(r->mock);
    read_some(r, buffer, sizeof buffer);
}

static int64_t milliseconds_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t tb_mock_interrupt(tb_mock *m, const tb_media_v1 *media) {
    reading *r = new_reading(m, media);
    lock(m);
    uint64_t number = post_locked(&m->reader, do_read_once, r);
    while (!r->has_begun) pthread_cond_wait(&m->changed, &m->lock);
    unlock(m);
    int64_t begin = milliseconds_now();
    if (media->reader.interrupt) media->reader.interrupt(media->reader.ctx);
    lock(m);
    bool is_back = wait_locked(&m->reader, number);
    unlock(m);
    return is_back ? milliseconds_now() - begin : -1;
}

static void do_close(void *argument) {
    reading *r = argument;
    const tb_media_v1 *media = r->media;
    if (media->kind == TB_MEDIA_FD) close((int)media->handle);
    else if (media->kind >= TB_MEDIA_BYTES && media->kind <= TB_MEDIA_OPUS_PACKETS) media->reader.close(media->reader.ctx);
    else if (media->kind == TB_MEDIA_PIPE) {
        lock(r->mock);
        pipe_ *p = pipe_locked(r->mock, media->handle);
        if (p) p->is_closed = true;
        unlock(r->mock);
    }
}

void tb_mock_close(tb_mock *m, const tb_media_v1 *media) {
    bool is_open = false;
    lock(m);
    for (size_t i = 0; !is_open && i < m->media.count; i++) {
        if (m->media.items[i] != media) continue;
        m->media.items[i] = m->media.items[--m->media.count];
        is_open = true;
    }
    unlock(m);
    if (!is_open || run_on(&m->reader, do_close, new_reading(m, media))) return;
    lock(m);
    breach_locked(m, "close of a reader does not return");
    unlock(m);
}
