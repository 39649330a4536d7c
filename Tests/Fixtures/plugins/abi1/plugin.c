// A plugin as it was built on the day on which ABI 1 was frozen: compiled against frozen.h beside it and nothing else.
// It uses every extension of ABI 1 and says what it saw, field by field, so that a header that moves one shows at once.
#define _POSIX_C_SOURCE 200809L
#include "frozen.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STR(s) ((tb_str){ s, sizeof(s) - 1 })
#define LIT(s) { s, sizeof(s) - 1 }
#define ID "test.abi1"

__attribute__((section("timmybot_manifest"), used, retain)) static const char manifest[] =
    "{\"id\":\"" ID "\",\"version\":\"1.0.0\",\"abi\":1,\"hosts\":[\"example.org\"]}";

static const tb_host_v1 *host;
static const void *get(const char *id) { return host->get_extension(host, id); }

// ---- answers: texts of A-Z, a-z, 0-9 and a few signs ----------------------------------------------------------------

typedef struct answer {
    tb_task task;
    char text[1500];
    size_t used;
} answer;

static answer *new_answer(tb_task task) {
    answer *a = calloc(1, sizeof *a);
    if (a) a->task = task;
    return a;
}

__attribute__((format(printf, 2, 3))) static void add(answer *a, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int more = vsnprintf(a->text + a->used, sizeof a->text - a->used, format, arguments);
    va_end(arguments);
    if (more > 0 && a->used + (size_t)more < sizeof a->text) a->used += (size_t)more;
    a->text[a->used] = 0;  // what does not fit is left out
}

// Quotes, backslashes and control characters would have to be escaped in JSON; here they become question marks.
static void add_str(answer *a, tb_str s) {
    for (size_t i = 0; i < s.len && a->used + 1 < sizeof a->text; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        a->text[a->used++] = c < 0x20 || c == '"' || c == '\\' ? '?' : (char)c;
        a->text[a->used] = 0;
    }
    add(a, ";");
}
static void add_number(answer *a, long long n) { add(a, "%lld;", n); }

static void add_track(answer *a, const tb_track_v1 *t) {
    add_str(a, t->key), add_str(a, t->title), add_str(a, t->artist), add_str(a, t->album), add_str(a, t->isrc);
    add_str(a, t->page_url), add_str(a, t->artwork_url), add_number(a, t->duration_ms), add_number(a, t->flags);
}

static bool add_error(answer *a, const tb_error_v1 *e) {
    if (e) add(a, "error %d;", e->code), add_number(a, e->retry_after_ms);
    return e != NULL;
}

// Sends the answer and frees it.
static tb_status send(answer *a) {
    const tb_host_reply_v1 *reply = get(TB_EXT_REPLY);
    char json[1600];
    int length = snprintf(json, sizeof json, "[{\"type\":10,\"content\":\"%s\"}]", a->text);
    tb_message_v1 message = { { json, (size_t)length }, NULL, 0, 0, 0 };
    tb_status status = reply->send(host, a->task, &message);
    free(a);
    return status;
}

// ---- completions ----------------------------------------------------------------------------------------------------

static void got_http(void *context, const tb_http_response_v1 *r) {
    answer *a = context;
    const tb_host_http_v1 *http = get(TB_EXT_HTTP);
    if (!add_error(a, r->error)) {
        add_number(a, r->status), add_str(a, r->url), add_str(a, (tb_str){ (const char *)r->body.ptr, r->body.len });
        for (size_t i = 0; i < r->header_count; i++) add_str(a, r->headers[i].name), add_str(a, r->headers[i].value);
    }
    if (r->stream) {
        uint8_t bytes[64];
        int64_t count = http->read(host, r->stream, bytes, sizeof bytes);
        add_number(a, count);
        http->close(host, r->stream);
    }
    send(a);
}

static void got_store(void *context, const tb_store_result_v1 *r) {
    answer *a = context;
    if (!add_error(a, r->error)) {
        add_number(a, r->found), add_str(a, (tb_str){ (const char *)r->value.ptr, r->value.len });
        for (size_t i = 0; i < r->key_count; i++) add_str(a, r->keys[i]);
    }
    send(a);
}

static void got_account(void *context, const tb_account_result_v1 *r) {
    answer *a = context;
    if (!add_error(a, r->error)) add_number(a, (long long)r->account), add_str(a, r->scopes);
    send(a);
}

static void got_settings(void *context, const tb_settings_result_v1 *r) {
    answer *a = context;
    if (!add_error(a, r->error))
        for (size_t i = 0; i < r->count; i++) add_str(a, r->settings[i].key), add_str(a, r->settings[i].value);
    send(a);
}

static void got_player(void *context, const tb_player_result_v1 *r) {
    answer *a = context;
    if (!add_error(a, r->error)) {
        const tb_player_state_v1 *s = r->state;
        add_number(a, r->place), add_number(a, r->flags);
        for (size_t i = 0; i < r->track_count; i++) add_track(a, r->tracks + i);
        if (s) {
            add_number(a, s->playing), add_number(a, s->paused), add_number(a, s->volume), add_number(a, s->loop);
            if (s->playing) add_track(a, &s->current);
            add_number(a, (long long)s->position_ms), add_number(a, (long long)s->requested_by);
            add_number(a, (long long)s->voice_channel), add_str(a, s->filter);
            for (size_t i = 0; i < s->queue_page_count; i++) add_track(a, s->queue + i);
            add_number(a, (long long)s->queue_first), add_number(a, (long long)s->queue_length);
            add_number(a, (long long)s->queue_duration_ms), add_number(a, (long long)s->history_count);
        }
    }
    send(a);
}

static void got_search(void *context, const tb_search_result_v1 *r) {
    answer *a = context;
    if (!add_error(a, r->error))
        for (size_t i = 0; i < r->count; i++) add_str(a, r->sources[i]), add_track(a, r->tracks + i);
    send(a);
}

static void got_history(void *context, const tb_history_result_v1 *r) {
    answer *a = context;
    if (!add_error(a, r->error))
        for (size_t i = 0; i < r->count; i++) {
            const tb_played_v1 *p = r->played + i;
            add_track(a, &p->track), add_str(a, p->source), add_number(a, (long long)p->requested_by),
                add_number(a, p->played_at_ms);
        }
    send(a);
}

static void got_probe(void *context, const tb_probe_result_v1 *r) {
    answer *a = context;
    if (!add_error(a, r->error)) {
        add_number(a, r->duration_ms), add_str(a, r->codec), add_str(a, r->title), add_str(a, r->artist),
            add_str(a, r->album);
        add_str(a, r->artwork_mime), add_str(a, (tb_str){ (const char *)r->artwork, r->artwork_count });
    }
    send(a);
}

static void fired(void *context) {
    const tb_host_clock_v1 *clocks = get(TB_EXT_CLOCK);
    answer *a = context;
    add_number(a, clocks->unix_ms(host)), add_number(a, (long long)clocks->monotonic_ms(host));
    send(a);
}

// ---- the command: /abi1 what ----------------------------------------------------------------------------------------

#define ASK(name, id, type, call) \
    static tb_status ask_##name(const tb_invocation_v1 *c, answer *a) { \
        const type *table = get(id); \
        (void)c; \
        return table ? (call) : TB_E_UNSUPPORTED; \
    }
static const tb_header_v1 header = { LIT("Accept"), LIT("text/plain") };
static const tb_http_request_v1 request = {
    LIT("POST"),        LIT("https://example.org/abi1"), &header, 1, { (const uint8_t *)"body", 4 }, 1000, 7, 2000,
    TB_HTTP_NO_REDIRECT
};
ASK(fetch, TB_EXT_HTTP, tb_host_http_v1, table->fetch(host, &request, got_http, a))
ASK(stream, TB_EXT_HTTP, tb_host_http_v1, table->stream(host, &request, got_http, a))
ASK(set, TB_EXT_STORE, tb_host_store_v1,
    table->set(host, STR("key"), (tb_bytes){ (const uint8_t *)"value", 5 }, got_store, a))
ASK(get, TB_EXT_STORE, tb_host_store_v1, table->get(host, STR("key"), got_store, a))
ASK(keys, TB_EXT_STORE, tb_host_store_v1, table->keys(host, STR("k"), got_store, a))
ASK(remove, TB_EXT_STORE, tb_host_store_v1, table->remove(host, STR("key"), got_store, a))
ASK(account, TB_EXT_ACCOUNT, tb_host_account_v1, table->account(host, STR("main"), c->user, got_account, a))
ASK(setting, TB_EXT_SETTINGS, tb_host_settings_v1,
    table->set(host, c->guild, STR("colour"), STR("red"), got_settings, a))
ASK(settings, TB_EXT_SETTINGS, tb_host_settings_v1, table->all(host, c->guild, got_settings, a))
ASK(play, TB_EXT_PLAYER, tb_host_player_v1, table->play(host, c, STR("song"), TB_PLAY_NEXT, got_player, a))
ASK(control, TB_EXT_PLAYER, tb_host_player_v1, table->control(host, c, TB_PLAYER_SEEK_BY, -5, 6, got_player, a))
ASK(filter, TB_EXT_PLAYER, tb_host_player_v1, table->set_filter(host, c, STR("soft"), got_player, a))
ASK(snapshot, TB_EXT_PLAYER, tb_host_player_v1, table->snapshot(host, c, 2, 3, got_player, a))
ASK(search, TB_EXT_SEARCH, tb_host_search_v1, table->search(host, c, STR("song"), 4, got_search, a))
ASK(history, TB_EXT_HISTORY, tb_host_history_v1, table->recent(host, c, 4, got_history, a))
ASK(probe, TB_EXT_PROBE, tb_host_probe_v1, table->probe(host, open("/dev/null", O_RDONLY | O_CLOEXEC), got_probe, a))

static tb_status ask_timer(const tb_invocation_v1 *c, answer *a) {
    const tb_host_clock_v1 *clocks = get(TB_EXT_CLOCK);
    uint64_t other = 0, timer = 0;
    (void)c;
    if (!clocks) return TB_E_UNSUPPORTED;
    if (clocks->timer(host, 20, fired, a, &other) != TB_OK) return TB_E_INTERNAL;
    add(a, "%d;%d;", clocks->cancel(host, other), clocks->cancel(host, other));
    return clocks->timer(host, 20, fired, a, &timer);
}

static tb_status ask_metrics(const tb_invocation_v1 *c, answer *a) {
    const tb_host_metrics_v1 *metrics = get(TB_EXT_METRICS);
    const tb_host_log_v1 *log = get(TB_EXT_LOG);
    (void)c;
    if (!metrics || !log) return TB_E_UNSUPPORTED;
    metrics->count(host, STR("abi1_total"), 2), metrics->gauge(host, STR("abi1_level"), 3),
        metrics->observe(host, STR("abi1_seconds"), 0.5);
    log->log(host, TB_LOG_WARNING, STR("a line of abi 1"));
    return send(a);
}

static tb_status ask_call(const tb_invocation_v1 *c, answer *a) {
    add_number(a, (long long)c->guild), add_number(a, (long long)c->channel), add_number(a, (long long)c->user);
    add_number(a, (long long)c->voice_channel), add_number(a, (long long)c->permissions), add_number(a, c->flags);
    add_str(a, c->locale), add_str(a, c->command);
    return send(a);
}

static tb_status ask_task(const tb_invocation_v1 *c, answer *a) {
    const tb_host_task_v1 *tasks = get(TB_EXT_TASK);
    const tb_host_reply_v1 *reply = get(TB_EXT_REPLY);
    tb_task task = a->task;
    (void)c;
    add(a, "%d;%d;%d;", tasks->is_cancelled(host, task), tasks->progress(host, task, STR("at it")),
        reply->defer(host, task, 0));
    tb_status status = send(a);
    tb_message_v1 more = { LIT("[{\"type\":10,\"content\":\"more\"}]"), NULL, 0, 0, 0 };
    reply->edit(host, task, &more);
    reply->follow_up(host, task, &more);
    return status;
}

static tb_status ask_fail(const tb_invocation_v1 *c, answer *a) {
    const tb_host_task_v1 *tasks = get(TB_EXT_TASK);
    tb_error_v1 error = { TB_E_RATE_LIMIT, 0, 1500, 0, LIT("Later."), LIT("busy") };
    (void)c;
    tb_status status = tasks->fail(host, a->task, &error);
    free(a);
    return status;
}

static const struct {
    const char *what;
    tb_status (*ask)(const tb_invocation_v1 *, answer *);
} asks[] = {
    { "fetch", ask_fetch },       { "stream", ask_stream },   { "set", ask_set },         { "get", ask_get },
    { "keys", ask_keys },         { "remove", ask_remove },   { "account", ask_account }, { "setting", ask_setting },
    { "settings", ask_settings }, { "play", ask_play },       { "control", ask_control }, { "filter", ask_filter },
    { "snapshot", ask_snapshot }, { "search", ask_search },   { "history", ask_history }, { "probe", ask_probe },
    { "timer", ask_timer },       { "metrics", ask_metrics }, { "call", ask_call },       { "task", ask_task },
    { "fail", ask_fail },
};

// Typed: a text, a whole number, a real one, yes or no, and three that may be left out.
static tb_status typed(void *self, tb_task task, const tb_invocation_v1 *call, const tb_str *word, int64_t whole,
                       double real, int64_t flag, const int64_t *maybe, const double *perhaps, const tb_str *why) {
    (void)self, (void)call;
    answer *a = new_answer(task);
    if (!a) return TB_E_INTERNAL;
    add_str(a, *word), add_number(a, whole), add(a, "%.3f;", real), add_number(a, flag);
    add(a, "%lld;%.3f;", maybe ? (long long)*maybe : -1, perhaps ? *perhaps : -1.0);
    add_str(a, why ? *why : STR("none"));
    return send(a);
}

static tb_status invoke(void *self, tb_task task, const tb_invocation_v1 *call, const tb_value_v1 *values,
                        size_t count) {
    (void)self;
    answer *a = new_answer(task);
    if (!a || count != 1 || values->type != TB_T_STR || !values->present) return free(a), TB_E_INVALID;
    for (size_t i = 0; i < sizeof asks / sizeof *asks; i++) {
        bool is_it = strlen(asks[i].what) == values->s.len && memcmp(asks[i].what, values->s.ptr, values->s.len) == 0;
        if (!is_it) continue;
        tb_status status = asks[i].ask(call, a);
        if (status == TB_E_UNSUPPORTED) free(a);
        return status;
    }
    free(a);
    return TB_E_NOT_FOUND;
}

static const tb_choice_v1 choices[] = { { LIT("One"), LIT("one") }, { LIT("Two"), LIT("two") } };
static const tb_param_v1 typed_params[] = {
    { LIT("word"), LIT("a text"), TB_T_STR, 0, 0, 0, choices, 2 },
    { LIT("whole"), LIT("a whole number"), TB_T_INT, TB_PARAM_BOUNDED, -5, 5, NULL, 0 },
    { LIT("real"), LIT("a real number"), TB_T_NUM, 0, 0, 0, NULL, 0 },
    { LIT("flag"), LIT("yes or no"), TB_T_BOOL, 0, 0, 0, NULL, 0 },
    { LIT("maybe"), LIT("a whole number or nothing"), TB_T_INT | TB_T_OPT, 0, 0, 0, NULL, 0 },
    { LIT("perhaps"), LIT("a real number or nothing"), TB_T_NUM | TB_T_OPT, 0, 0, 0, NULL, 0 },
    { LIT("why"), LIT("a text or nothing"), TB_T_STR, TB_PARAM_OPTIONAL, 0, 0, NULL, 0 },
};
static const tb_param_v1 what_params[] = { { LIT("what"), LIT("what to ask the host"), TB_T_STR, TB_PARAM_AUTOCOMPLETE,
                                             0, 0, NULL, 0 } };
static const tb_command_v1 items[] = {
    { LIT("abi1"), LIT("Asks the host for something"), 0, 0, 1, what_params, NULL, invoke },
    { LIT("abi1-typed"), LIT("Takes every type"), 0x20, TB_COMMAND_PRIVATE, 7, typed_params, (tb_fn)typed, NULL },
};

static tb_status autocomplete(void *self, tb_task task, const tb_invocation_v1 *call, tb_str option, tb_str text) {
    (void)self, (void)call;
    const tb_host_reply_v1 *reply = get(TB_EXT_REPLY);
    tb_choice_v1 given[] = { { option, text }, choices[0] };
    return reply->choices(host, task, given, 2);
}

static tb_status component(void *self, tb_task task, const tb_invocation_v1 *call, const tb_str *values, size_t count) {
    (void)self;
    const tb_host_reply_v1 *reply = get(TB_EXT_REPLY);
    static const char modal[] =
        "{\"title\":\"Name\",\"custom_id\":\"form\",\"components\":[{\"type\":18,\"label\":\"Name\","
        "\"component\":{\"type\":4,\"custom_id\":\"name\",\"style\":1}}]}";
    if (count == 0) return reply->modal(host, task, STR(modal));
    answer *a = new_answer(task);
    if (!a) return TB_E_INTERNAL;
    add_str(a, call->command);
    for (size_t i = 0; i < count; i++) add_str(a, values[i]);
    return send(a);
}

static tb_status modal(void *self, tb_task task, const tb_invocation_v1 *call, const tb_field_v1 *fields,
                       size_t count) {
    (void)self;
    answer *a = new_answer(task);
    if (!a) return TB_E_INTERNAL;
    add_str(a, call->command);
    for (size_t i = 0; i < count; i++) add_str(a, fields[i].custom_id), add_str(a, fields[i].value);
    return send(a);
}

static void cancel(void *self, tb_task task) { (void)self, (void)task; }

static const tb_commands_v1 commands = { items, 2, autocomplete, component, modal, cancel };

// ---- the source, and what is like one -------------------------------------------------------------------------------

static const tb_track_v1 tracks[] = {
    { LIT("k1"), LIT("Title"), LIT("Artist"), LIT("Album"), LIT("GBAYE6700149"), LIT("https://example.org/1"),
      LIT("https://example.org/1.png"), 61000, TB_TRACK_ARTWORK, 0 },
    { LIT("k2"), LIT("Live"), LIT(""), LIT(""), LIT(""), LIT(""), LIT(""), 0, TB_TRACK_LIVE, 0 },
};

static uint32_t match(void *self, tb_str input) {
    (void)self;
    return input.len >= 5 && memcmp(input.ptr, "abi1:", 5) == 0 ? 77 : 0;
}

static tb_status resolve(void *self, tb_task task, tb_str input, uint32_t limit) {
    (void)self, (void)input;
    const tb_host_source_v1 *source = get(TB_EXT_SOURCE_HOST);
    return source->resolved(host, task, tracks, limit < 2 ? limit : 2);
}

typedef struct counter {
    uint64_t at;
} counter;

static int64_t counter_read(void *ctx, uint8_t *buffer, size_t capacity) {
    counter *c = ctx;
    size_t count = 0;
    for (; count < capacity && c->at < 4000; c->at++) buffer[count++] = (uint8_t)(c->at % 251);
    return (int64_t)count;
}
static tb_status counter_seek(void *ctx, uint64_t offset) {
    return offset > 4000 ? TB_E_INVALID : (((counter *)ctx)->at = offset, TB_OK);
}
static void counter_interrupt(void *ctx) { (void)ctx; }
static void counter_close(void *ctx) { free(ctx); }

// Keys name the kind of media.
static tb_status open_track(void *self, tb_task task, tb_str key, uint64_t start) {
    (void)self, (void)start;
    const tb_host_source_v1 *source = get(TB_EXT_SOURCE_HOST);
    const tb_host_pipe_v1 *pipes = get(TB_EXT_PIPE);
    tb_media_v1 media = { 0, 0, { NULL, 0 }, LIT("audio/test"), NULL, 0, -1, 0, { NULL, NULL, NULL, NULL, NULL } };
    if (key.len == 3 && memcmp(key.ptr, "url", 3) == 0) {
        media.kind = TB_MEDIA_URL, media.url = STR("https://example.org/sound"), media.headers = &header,
        media.header_count = 1;
    } else if (key.len == 2 && memcmp(key.ptr, "fd", 2) == 0) {
        media.kind = TB_MEDIA_FD, media.handle = (uint64_t)open("/dev/null", O_RDONLY | O_CLOEXEC);
    } else if (key.len == 4 && memcmp(key.ptr, "pipe", 4) == 0) {
        if (!pipes || pipes->create(host, TB_PIPE_BYTES, 4096, &media.handle) != TB_OK) return TB_E_UNSUPPORTED;
        media.kind = TB_MEDIA_PIPE;
        pipes->write(host, media.handle, (const uint8_t *)"piped", 5);
        pipes->finish(host, media.handle, TB_OK);
    } else {
        counter *c = calloc(1, sizeof *c);
        if (!c) return TB_E_INTERNAL;
        media.kind = TB_MEDIA_PCM_S16_48K_STEREO, media.byte_length = 4000;
        media.reader = (tb_reader_v1){ c, counter_read, counter_seek, counter_interrupt, counter_close };
    }
    tb_status status = source->opened(host, task, &media);
    if (status != TB_OK && media.reader.close) media.reader.close(media.reader.ctx);
    return TB_OK;
}

static tb_status artwork(void *self, tb_task task, tb_str key) {
    (void)self, (void)key;
    const tb_host_source_v1 *source = get(TB_EXT_SOURCE_HOST);
    return source->artwork(host, task, STR("image/png"), (const uint8_t *)"\x89PNG\r\n\x1a\n", 8);
}

static const tb_source_v1 source = { match, resolve, open_track, artwork, cancel };

static tb_status recommend(void *self, tb_task task, const tb_track_v1 *seeds, size_t count, uint32_t limit) {
    (void)self, (void)limit;
    const tb_host_source_v1 *source_host = get(TB_EXT_SOURCE_HOST);
    if (!count || !seeds[count - 1].key.len || !seeds[count - 1].title.len) return TB_E_NOT_FOUND;
    return source_host->resolved(host, task, seeds + count - 1, 1);
}

static tb_status lyrics(void *self, tb_task task, const tb_track_v1 *track) {
    (void)self;
    const tb_host_lyrics_v1 *lyrics_host = get(TB_EXT_LYRICS_HOST);
    if (!lyrics_host) return TB_E_UNSUPPORTED;
    tb_lyric_line_v1 lines[] = { { 0, track->title }, { 1500, track->artist } };
    tb_lyrics_found_v1 found = { lines, 2, LIT("Somebody"), LIT("https://example.org/words") };
    return lyrics_host->found(host, task, &found);
}

static tb_status check(void *self, tb_task task) {
    (void)self;
    const tb_host_health_v1 *health_host = get(TB_EXT_HEALTH_HOST);
    return health_host ? health_host->healthy(host, task, STR("well")) : TB_E_UNSUPPORTED;
}

static const tb_recommend_v1 recommend_table = { recommend, cancel };
static const tb_lyrics_v1 lyrics_table = { lyrics, cancel };
static const tb_health_v1 health_table = { check };
static const tb_oauth_flow_v1 flow = { LIT("main"),
                                       LIT("https://example.org/authorize"),
                                       LIT("https://example.org/device"),
                                       LIT("https://example.org/token"),
                                       LIT("https://example.org/revoke"),
                                       LIT("read write"),
                                       LIT("OAuth"),
                                       TB_OAUTH_AUTHORIZATION_CODE,
                                       TB_OAUTH_BASIC };
static const tb_oauth_v1 oauth = { &flow, 1 };

// ---- the plugin -----------------------------------------------------------------------------------------------------

static tb_status create(const tb_host_v1 *given, tb_str config, void **out) {
    (void)config;
    *out = NULL;
    host = given;
    bool is_host =
        given->magic == TB_HOST_MAGIC && given->size == sizeof *given && given->name.len && given->version.len;
    return is_host && get(TB_EXT_TASK) && get(TB_EXT_REPLY) && get(TB_EXT_SOURCE_HOST) ? TB_OK : TB_E_UNSUPPORTED;
}

static void stop(void *self) { (void)self; }
static void destroy(void *self) { (void)self; }

static const void *get_extension(const char *id) {
    static const struct {
        const char *id;
        const void *table;
    } tables[] = {
        { TB_EXT_COMMANDS, &commands },   { TB_EXT_SOURCE, &source },       { TB_EXT_RECOMMEND, &recommend_table },
        { TB_EXT_LYRICS, &lyrics_table }, { TB_EXT_HEALTH, &health_table }, { TB_EXT_OAUTH, &oauth },
    };
    for (size_t i = 0; id && i < sizeof tables / sizeof *tables; i++)
        if (strcmp(tables[i].id, id) == 0) return tables[i].table;
    return NULL;
}

static const tb_plugin_v1 table = { TB_PLUGIN_MAGIC, sizeof table, LIT(ID), LIT("1.0.0"),
                                    create,          stop,         destroy, get_extension };

__attribute__((visibility("default"))) const tb_plugin_v1 *timmybot_plugin_v1(void) { return &table; }
