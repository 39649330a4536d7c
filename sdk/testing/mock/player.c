// timmy.player/1, timmy.search/1, timmy.history/1 and timmy.probe/1: what was asked is kept, what is answered is scripted.

static tb_player_state_v1 copied_state(tb_mock *m, const tb_player_state_v1 *s) {
    tb_player_state_v1 copy = *s;
    copy.current = copied_track(m, &s->current);
    copy.filter = copied(m, s->filter);
    copy.queue = copied_tracks(m, s->queue, s->queue_page_count);
    return copy;
}

void tb_mock_player(tb_mock *m, const tb_player_result_v1 *result) {
    lock(m);
    tb_player_result_v1 copy = *result;
    if (result->error) {
        tb_error_v1 *error = kept(m, sizeof *error);
        copy_error(m, error, result->error);
        copy.error = error;
    }
    if (result->state) {
        tb_player_state_v1 *state = kept(m, sizeof *state);
        *state = copied_state(m, result->state);
        copy.state = state;
    }
    copy.tracks = copied_tracks(m, result->tracks, result->track_count);
    m->player = copy;
    unlock(m);
}

void tb_mock_search(tb_mock *m, const tb_track_v1 *tracks, size_t count, const char *source) {
    lock(m);
    m->found = copied_tracks(m, tracks, count);
    m->found_count = count;
    m->found_source = copied(m, text_of(source));
    unlock(m);
}

void tb_mock_history(tb_mock *m, const tb_played_v1 *played, size_t count) {
    lock(m);
    tb_played_v1 *copy = kept(m, count * sizeof *copy);
    for (size_t i = 0; i < count; i++) {
        copy[i] = played[i];
        copy[i].track = copied_track(m, &played[i].track);
        copy[i].source = copied(m, played[i].source);
    }
    m->history = copy;
    m->history_count = count;
    unlock(m);
}

void tb_mock_probe(tb_mock *m, const tb_probe_result_v1 *result) {
    lock(m);
    m->probe = NULL;
    if (result) {
        tb_probe_result_v1 *copy = kept(m, sizeof *copy);
        *copy = *result;
        copy->codec = copied(m, result->codec), copy->title = copied(m, result->title);
        copy->artist = copied(m, result->artist), copy->album = copied(m, result->album);
        copy->artwork_mime = copied(m, result->artwork_mime);
        copy->artwork = copied_bytes(m, (tb_bytes){ result->artwork, result->artwork_count }).ptr;
        m->probe = copy;
    }
    unlock(m);
}

size_t tb_mock_asked_count(tb_mock *m) {
    lock(m);
    size_t count = m->asked.count;
    unlock(m);
    return count;
}

tb_mock_asked tb_mock_asked_at(tb_mock *m, size_t index) {
    tb_mock_asked none = { 0 };
    lock(m);
    tb_mock_asked asked = index < m->asked.count ? m->asked.items[index] : none;
    unlock(m);
    return asked;
}

typedef struct player_delivery {
    tb_player_done done;
    void *context;
    tb_player_result_v1 result;
} player_delivery;

static void deliver_player(void *argument) {
    player_delivery *d = argument;
    d->done(d->context, &d->result);
}

static tb_status ask(const tb_host_v1 *host, const tb_invocation_v1 *call, tb_mock_asked asked, tb_player_done done,
                     void *context) {
    tb_mock *m = mock_of(host);
    lock(m);
    bool is_good = call && done && is_text_locked(m, asked.text, 2048, "query of the player");
    if (is_good) {
        asked.text = copied(m, asked.text);
        PUSH(m->asked, asked);
        player_delivery *d = kept(m, sizeof *d);
        *d = (player_delivery){ done, context, m->player };
        if (asked.what != TB_MOCK_PLAY) d->result.tracks = NULL, d->result.track_count = 0;
        deliver_locked(m, deliver_player, d);
    }
    unlock(m);
    return is_good ? TB_OK : TB_E_INVALID;
}

static tb_status player_play(const tb_host_v1 *host, const tb_invocation_v1 *call, tb_str query, uint32_t mode,
                             tb_player_done done, void *context) {
    return ask(host, call, (tb_mock_asked){ TB_MOCK_PLAY, query, mode, 0, 0 }, done, context);
}

static tb_status player_control(const tb_host_v1 *host, const tb_invocation_v1 *call, uint32_t action, int64_t a,
                                int64_t b, tb_player_done done, void *context) {
    return ask(host, call, (tb_mock_asked){ TB_MOCK_CONTROL, { "", 0 }, action, a, b }, done, context);
}

static tb_status player_set_filter(const tb_host_v1 *host, const tb_invocation_v1 *call, tb_str name,
                                   tb_player_done done, void *context) {
    return ask(host, call, (tb_mock_asked){ TB_MOCK_FILTER, name, 0, 0, 0 }, done, context);
}

static tb_status player_snapshot(const tb_host_v1 *host, const tb_invocation_v1 *call, uint64_t first, uint32_t count,
                                 tb_player_done done, void *context) {
    return ask(host, call, (tb_mock_asked){ TB_MOCK_SNAPSHOT, { "", 0 }, 0, (int64_t)first, count }, done, context);
}

static const tb_host_player_v1 player_table = { player_play, player_control, player_set_filter, player_snapshot };

typedef struct search_delivery {
    tb_search_done done;
    void *context;
    tb_search_result_v1 result;
} search_delivery;

static void deliver_search(void *argument) {
    search_delivery *d = argument;
    d->done(d->context, &d->result);
}

static tb_status search_search(const tb_host_v1 *host, const tb_invocation_v1 *call, tb_str query, uint32_t limit,
                               tb_search_done done, void *context) {
    tb_mock *m = mock_of(host);
    lock(m);
    bool is_good = call && done && limit >= 1 && limit <= 100 && is_text_locked(m, query, 2048, "query of a search");
    if (is_good) {
        tb_mock_asked asked = { TB_MOCK_SEARCH, copied(m, query), limit, 0, 0 };
        PUSH(m->asked, asked);
        size_t count = m->found_count < limit ? m->found_count : limit;
        tb_str *sources = kept(m, count * sizeof *sources);
        for (size_t i = 0; i < count; i++) sources[i] = m->found_source;
        search_delivery *d = kept(m, sizeof *d);
        *d = (search_delivery){ done, context, { NULL, m->found, sources, count } };
        deliver_locked(m, deliver_search, d);
    }
    unlock(m);
    return is_good ? TB_OK : TB_E_INVALID;
}

static const tb_host_search_v1 search_table = { search_search };

typedef struct history_delivery {
    tb_history_done done;
    void *context;
    tb_history_result_v1 result;
} history_delivery;

static void deliver_history(void *argument) {
    history_delivery *d = argument;
    d->done(d->context, &d->result);
}

static tb_status history_recent(const tb_host_v1 *host, const tb_invocation_v1 *call, uint32_t limit,
                                tb_history_done done, void *context) {
    tb_mock *m = mock_of(host);
    if (!call || !done || limit < 1 || limit > 100) return TB_E_INVALID;
    lock(m);
    history_delivery *d = kept(m, sizeof *d);
    *d = (history_delivery){ done, context, { NULL, m->history, m->history_count < limit ? m->history_count : limit } };
    deliver_locked(m, deliver_history, d);
    unlock(m);
    return TB_OK;
}

static const tb_host_history_v1 history_table = { history_recent };

typedef struct probe_delivery {
    tb_probe_done done;
    void *context;
    tb_probe_result_v1 result;
    tb_error_v1 error;
} probe_delivery;

static void deliver_probe(void *argument) {
    probe_delivery *d = argument;
    d->done(d->context, &d->result);
}

static tb_status probe_probe(const tb_host_v1 *host, int32_t descriptor, tb_probe_done done, void *context) {
    tb_mock *m = mock_of(host);
    if (descriptor < 0 || !done) return TB_E_INVALID;
    close(descriptor);
    lock(m);
    probe_delivery *d = kept(m, sizeof *d);
    d->done = done, d->context = context;
    if (m->probe) d->result = *m->probe;
    else {
        d->error = (tb_error_v1){ .code = TB_E_INVALID, .user_text = { "", 0 }, .detail = text_of("no media file") };
        d->result.error = &d->error;
    }
    deliver_locked(m, deliver_probe, d);
    unlock(m);
    return TB_OK;
}

static const tb_host_probe_v1 probe_table = { probe_probe };
