// The mock host tested against a plugin that uses every host extension, well and badly. In one file: each check is of what
// the plugin of its first half answers.
#include <string.h>
#include <unistd.h>

#include "tb_mock.h"
#include "tb_wav.h"

static const tb_host_v1 *host;
static const tb_host_log_v1 *logs;
static const tb_host_task_v1 *tasks;
static const tb_host_http_v1 *http;
static const tb_host_store_v1 *store;
static const tb_host_clock_v1 *clocks;
static const tb_host_account_v1 *accounts;
static const tb_host_source_v1 *sources;
static const tb_host_pipe_v1 *pipes;
static const tb_host_player_v1 *player;
static const tb_host_search_v1 *searches;
static const tb_host_reply_v1 *reply;
static const tb_host_settings_v1 *settings;
static const tb_host_history_v1 *history;
static const tb_host_probe_v1 *probes;
static const tb_host_metrics_v1 *metrics;
static const tb_host_lyrics_v1 *lyrics_host;
static const tb_host_health_v1 *health_host;

static tb_task kept;
static char told[4096];  // by completions, in order
static uint64_t timer;

static void tell(const char *text, long long number) {
    size_t used = strlen(told);
    snprintf(told + used, sizeof told - used, "%s=%lld ", text, number);
}

static tb_status say(tb_task task, const char *json) {
    tb_message_v1 message = { .components_json = { json, strlen(json) } };
    return reply->send(host, task, &message);
}

static void got_http(void *context, const tb_http_response_v1 *r) {
    tell(context, r->error ? r->error->code : (long long)r->status);
    tell("body", (long long)r->body.len);
    if (r->stream) {
        uint8_t bytes[64];
        int64_t count;
        while ((count = http->read(host, r->stream, bytes, sizeof bytes)) > 0) tell("read", count);
        http->close(host, r->stream);
        tell("closed", http->read(host, r->stream, bytes, sizeof bytes));
    }
}

static void got_store(void *context, const tb_store_result_v1 *r) {
    tell(context, r->error ? r->error->code : (long long)(r->found * 100 + r->value.len + r->key_count));
}

static void got_settings(void *context, const tb_settings_result_v1 *r) { tell(context, (long long)r->count); }
static void got_account(void *context, const tb_account_result_v1 *r) {
    tell(context, r->error ? r->error->code : (long long)r->account);
}
static void got_player(void *context, const tb_player_result_v1 *r) {
    tell(context, r->error ? r->error->code : (long long)r->track_count);
}
static void got_search(void *context, const tb_search_result_v1 *r) { tell(context, (long long)r->count); }
static void got_history(void *context, const tb_history_result_v1 *r) { tell(context, (long long)r->count); }
static void got_probe(void *context, const tb_probe_result_v1 *r) {
    tell(context, r->error ? r->error->code : r->duration_ms);
}
static void fired(void *context) { tell(context, clocks->unix_ms(host) % 100000); }

TB_COMMAND(silent, TB_NO_PARAMS) {
    (void)self, (void)call;
    kept = task;
    return TB_OK;
}

TB_COMMAND(twice, TB_NO_PARAMS) {
    (void)self, (void)call;
    tell("first", say(task, "[1]"));
    tell("second", say(task, "[2]"));
    return TB_OK;
}

TB_COMMAND(wrong, TB_NO_PARAMS) {
    (void)self, (void)call;
    tell("kind", sources->resolved(host, task, NULL, 0));
    tell("json", say(task, "{}"));
    tell("utf8", say(task, "[\xff]"));
    return say(task, "[]");
}

TB_COMMAND(settle_kept, TB_NO_PARAMS) {
    (void)self, (void)call;
    tell("late", say(kept, "[]"));
    tell("cancelled", tasks->is_cancelled(host, kept));
    return say(task, "[]");
}

TB_COMMAND(lies, TB_NO_PARAMS) {
    (void)self, (void)call;
    say(task, "[]");
    return TB_E_IO;
}

static int released[2];
TB_COMMAND(hangs, TB_NO_PARAMS) {
    (void)self, (void)call;
    char byte;
    while (read(released[0], &byte, 1) < 0) {}
    return say(task, "[]");
}

TB_COMMAND(world, TB_NO_PARAMS) {
    (void)self;
    tb_http_request_v1 request = { .url = TB_LIT("https://example.org/a") };
    http->fetch(host, &request, got_http, (void *)"http");
    http->fetch(host, &request, got_http, (void *)"http");
    http->stream(host, &request, got_http, (void *)"stream");
    request.url = TB_STR("https://example.org/nowhere");
    http->fetch(host, &request, got_http, (void *)"unscripted");
    tell("ftp", http->fetch(host, &(tb_http_request_v1){ .url = TB_LIT("ftp://example.org") }, got_http, NULL));
    store->get(host, TB_STR("b"), got_store, (void *)"none");
    store->set(host, TB_STR("b"), (tb_bytes){ (const uint8_t *)"12345", 5 }, got_store, (void *)"set");
    store->get(host, TB_STR("b"), got_store, (void *)"get");
    store->keys(host, TB_STR(""), got_store, (void *)"keys");
    store->remove(host, TB_STR("b"), got_store, (void *)"remove");
    settings->all(host, call->guild, got_settings, (void *)"settings");
    settings->set(host, call->guild, TB_STR("volume"), TB_STR("70"), got_settings, (void *)"settings");
    accounts->account(host, TB_STR("main"), 3, got_account, (void *)"account");
    accounts->account(host, TB_STR("main"), 4, got_account, (void *)"account");
    player->play(host, call, TB_STR("song"), TB_PLAY_NEXT, got_player, (void *)"play");
    player->control(host, call, TB_PLAYER_SEEK_BY, -5, 0, got_player, (void *)"control");
    player->set_filter(host, call, TB_STR("nightcore"), got_player, (void *)"filter");
    player->snapshot(host, call, 10, 5, got_player, (void *)"snapshot");
    searches->search(host, call, TB_STR("song"), 1, got_search, (void *)"search");
    history->recent(host, call, 5, got_history, (void *)"history");
    probes->probe(host, dup(0), got_probe, (void *)"probe");
    metrics->count(host, TB_STR("calls"), 2);
    metrics->count(host, TB_STR("calls"), 3);
    metrics->gauge(host, TB_STR("level"), 7);
    logs->log(host, TB_LOG_WARNING, TB_STR("careful"));
    tasks->progress(host, task, TB_STR("at it"));
    reply->defer(host, task, 0);
    say(task, "[]");
    tb_message_v1 more = { .components_json = TB_LIT("[3]") };
    for (int i = 0; i < 6; i++) tell("more", reply->follow_up(host, task, &more));
    return reply->edit(host, task, &more);
}

static void got_first(void *context, const tb_store_result_v1 *r) {
    got_store(context, r);
    tell("asked", store->get(host, TB_STR("b"), got_store, (void *)"second"));
}

// What it is told stands in `told` when its request has returned.
TB_COMMAND(impatient, TB_NO_PARAMS) {
    (void)self, (void)call;
    store->get(host, TB_STR("a"), got_first, (void *)"first");
    if (!strstr(told, "first=0")) tell("nothing", 0);
    return say(task, "[]");
}

TB_COMMAND(timers, TB_NO_PARAMS) {
    (void)self, (void)call;
    uint64_t other;
    clocks->timer(host, 50, fired, (void *)"late", &timer);
    clocks->timer(host, 20, fired, (void *)"early", &timer);
    clocks->timer(host, 30, fired, (void *)"never", &other);
    tell("cancel", clocks->cancel(host, other));
    tell("again", clocks->cancel(host, other));
    return say(task, "[]");
}

#define MIXED(P) \
    P(STR, a, "a", 0, 0) \
    P(NUM, b, "b", 0, 0) \
    P(INT, c, "c", 0, 0) P(OPT_NUM, d, "d", 0, 0) P(NUM, e, "e", 0, 0) P(BOOL, f, "f", 0, 0) P(OPT_INT, g, "g", 0, 0) \
        P(OPT_INT, h, "h", 0, 0) P(NUM, i, "i", 0, 0) P(INT, j, "j", 0, 0) P(OPT_STR, k, "k", 0, 0)
TB_COMMAND(mixed, MIXED) {
    (void)self, (void)call;
    char text[200];
    snprintf(text, sizeof text, "[%.*s %g %lld %g %g %lld %lld %d %g %lld %d]", (int)a->len, a->ptr, b, (long long)c,
             d ? *d : -1, e, (long long)f, g ? (long long)*g : -1, h != NULL, i, (long long)j, k != NULL);
    return say(task, text);
}

static const tb_command_v1 items[] = {
    TB_COMMAND_ROW(silent, "never answers"),   TB_COMMAND_ROW(twice, "answers twice"),
    TB_COMMAND_ROW(wrong, "wrong kinds"),      TB_COMMAND_ROW(settle_kept, "answers late"),
    TB_COMMAND_ROW(lies, "says no after yes"), TB_COMMAND_ROW(hangs, "does not return"),
    TB_COMMAND_ROW(world, "asks everything"),  TB_COMMAND_ROW(timers, "sets timers"),
    TB_COMMAND_ROW(mixed, "all types"),        TB_COMMAND_ROW(impatient, "asks and looks"),
};

static tb_status autocomplete(void *self, tb_task task, const tb_invocation_v1 *call, tb_str option, tb_str text) {
    (void)self, (void)call;
    tb_choice_v1 choices[30];
    for (int i = 0; i < 30; i++) choices[i] = (tb_choice_v1){ option, text };
    return reply->choices(host, task, choices, 30);
}

static tb_status component(void *self, tb_task task, const tb_invocation_v1 *call, const tb_str *values, size_t count) {
    (void)self, (void)values;
    if (count == 0) return reply->modal(host, task, TB_STR("{}"));
    return say(task, call->command.len == 4 ? "[4]" : "[0]");
}

static tb_status modal(void *self, tb_task task, const tb_invocation_v1 *call, const tb_field_v1 *fields,
                       size_t count) {
    (void)self, (void)call;
    return say(task, count == 1 && tb_is(fields->custom_id, "name") && tb_is(fields->value, "Tim") ? "[1]" : "[0]");
}

static const tb_commands_v1 commands = { items, sizeof items / sizeof *items, autocomplete, component, modal, NULL };

static tb_status resolve(void *self, tb_task task, tb_str input, uint32_t limit) {
    (void)self, (void)limit;
    tb_track_v1 track = { .key = input, .title = input };
    if (tb_is(input, "many")) return sources->resolved(host, task, &track, 1001);
    if (!tb_is(input, "odd")) return sources->resolved(host, task, &track, 1);
    tb_track_v1 list[] = { track, { .title = input }, { .key = input, .title = TB_LIT("\xff") }, track };
    list[3].key = TB_STR("last");
    return sources->resolved(host, task, list, 4);
}

static tb_status open_(void *self, tb_task task, tb_str key, uint64_t start) {
    (void)self, (void)start;
    tb_media_v1 media = { .kind = TB_MEDIA_URL, .url = key };
    if (tb_is(key, "pipe")) {
        media.kind = TB_MEDIA_PIPE;
        TB_CHECK(pipes->create(host, TB_PIPE_BYTES, 4096, &media.handle) == TB_OK);
        static const uint8_t bytes[5000];
        tell("written", pipes->write(host, media.handle, bytes, sizeof bytes));
        tell("full", pipes->write(host, media.handle, bytes, 1));
        pipes->finish(host, media.handle, TB_OK);
        tell("finished", pipes->write(host, media.handle, bytes, 1));
    }
    return sources->opened(host, task, &media);
}

static tb_status artwork(void *self, tb_task task, tb_str key) {
    (void)self, (void)key;
    return sources->artwork(host, task, TB_STR("image/png"), (const uint8_t *)"\x89PNG", 4);
}

static const tb_source_v1 source = { NULL, resolve, open_, artwork, NULL };

static tb_status lyrics(void *self, tb_task task, const tb_track_v1 *track) {
    (void)self;
    tb_lyric_line_v1 line = { -1, track->title };
    return lyrics_host->found(host, task, &(tb_lyrics_found_v1){ .lines = &line, .count = 1 });
}

static tb_status check(void *self, tb_task task) {
    (void)self;
    return health_host->healthy(host, task, TB_STR("fine"));
}

static const tb_lyrics_v1 lyrics_table = { lyrics, NULL };
static const tb_health_v1 health_table = { check };

static const void *get_extension(const char *id) {
    if (strcmp(id, TB_EXT_COMMANDS) == 0) return &commands;
    if (strcmp(id, TB_EXT_LYRICS) == 0) return &lyrics_table;
    if (strcmp(id, TB_EXT_HEALTH) == 0) return &health_table;
    return strcmp(id, TB_EXT_SOURCE) == 0 ? &source : NULL;
}

static tb_status create(const tb_host_v1 *given, tb_str config, void **out) {
    (void)config;
    *out = NULL;
    host = given;
#define GET(name, id) \
    if (!(name = given->get_extension(given, id))) return TB_E_UNSUPPORTED;
    GET(logs, TB_EXT_LOG)
    GET(tasks, TB_EXT_TASK)
            GET(http, TB_EXT_HTTP) GET(store, TB_EXT_STORE) GET(clocks, TB_EXT_CLOCK) GET(accounts, TB_EXT_ACCOUNT)
                GET(sources, TB_EXT_SOURCE_HOST) GET(pipes, TB_EXT_PIPE) GET(player, TB_EXT_PLAYER)
                    GET(searches, TB_EXT_SEARCH) GET(reply, TB_EXT_REPLY) GET(settings, TB_EXT_SETTINGS)
                        GET(history, TB_EXT_HISTORY) GET(probes, TB_EXT_PROBE) GET(metrics, TB_EXT_METRICS)
                            GET(lyrics_host, TB_EXT_LYRICS_HOST)
                                GET(health_host, TB_EXT_HEALTH_HOST) return given->get_extension(given,
                                                                                                 "timmy.nothing/1") ||
            given->get_extension(given, NULL)
        ? TB_E_INTERNAL
        : TB_OK;
}

static const tb_plugin_v1 table = {
    TB_PLUGIN_MAGIC, sizeof table, TB_LIT("test.mock"), TB_LIT("1.0.0"), create, NULL, NULL, get_extension
};
const tb_plugin_v1 *timmybot_plugin_v1(void) { return &table; }

// ---- the tests ----

static tb_mock *started(void) {
    told[0] = 0;
    tb_mock *m = tb_mock_new();
    tb_mock_link(m, timmybot_plugin_v1);
    TB_CHECK(tb_mock_create(m, "{}") == TB_OK);
    return m;
}

static bool was_told(const char *text) {
    bool is = strstr(told, text) != NULL;
    if (!is) fprintf(stderr, "told: %s\n", told);
    return is;
}

static void every_extension_can_be_missing(void) {
    static const char *const ids[] = { TB_EXT_LOG,        TB_EXT_TASK,    TB_EXT_HTTP,        TB_EXT_STORE,
                                       TB_EXT_CLOCK,      TB_EXT_ACCOUNT, TB_EXT_SOURCE_HOST, TB_EXT_PIPE,
                                       TB_EXT_PLAYER,     TB_EXT_SEARCH,  TB_EXT_REPLY,       TB_EXT_SETTINGS,
                                       TB_EXT_HISTORY,    TB_EXT_PROBE,   TB_EXT_METRICS,     TB_EXT_LYRICS_HOST,
                                       TB_EXT_HEALTH_HOST };
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        tb_mock *m = tb_mock_new();
        tb_mock_link(m, timmybot_plugin_v1);
        tb_mock_without(m, ids[i]);
        TB_CHECK(tb_mock_create(m, "{}") == TB_E_UNSUPPORTED);
        TB_CHECK(tb_mock_finish(m, stderr) == 0);
    }
}

static void settling(void) {
    tb_mock *m = started();
    const tb_mock_result *r = tb_mock_result_of(m, tb_mock_command(m, "twice", NULL, 0));
    TB_CHECK(r->kind == TB_MOCK_SENT && tb_is(r->message.components_json, "[1]") && r->again == 1);
    TB_CHECK(was_told("first=0 second=-8"));
    TB_CHECK(tb_mock_stale(m) == 1 && tb_mock_breaches(m) == 0);

    tb_task task = tb_mock_command(m, "silent", NULL, 0);
    TB_CHECK(tb_mock_peek(m, task)->kind == TB_MOCK_OPEN);
    tb_mock_cancel(m, task);
    tb_mock_expire(m, task);
    tb_mock_command(m, "settle_kept", NULL, 0);
    TB_CHECK(was_told("late=-8 cancelled=1") && tb_mock_peek(m, task)->kind == TB_MOCK_EXPIRED);
    TB_CHECK(tb_mock_peek(m, task)->again == 1);
    TB_CHECK(tb_mock_command(m, "nobody", NULL, 0) && tb_mock_peek(m, task + 2)->status == TB_E_NOT_FOUND);
    TB_CHECK(tb_mock_finish(m, stderr) == 0);
}

static void breaches(void) {
    tb_mock *m = started();
    TB_CHECK(tb_mock_result_of(m, tb_mock_command(m, "wrong", NULL, 0))->kind == TB_MOCK_SENT);
    TB_CHECK(was_told("kind=-1 json=-1 utf8=-1") && tb_mock_breaches(m) == 3);
    tb_mock_command(m, "lies", NULL, 0);
    TB_CHECK(tb_mock_breaches(m) == 4);
    tb_mock_command(m, "silent", NULL, 0);
    TB_CHECK(tb_mock_finish(m, NULL) == 5);
}

static void mixed_arguments(void) {
    tb_mock *m = started();
    tb_mock_option all[] = { { "a", "word", 0, 0 }, { "b", NULL, 0, 1.5 }, { "c", NULL, -3, 0 },
                             { "d", NULL, 0, 2.5 }, { "e", NULL, 0, 3.5 }, { "f", NULL, 1, 0 },
                             { "g", NULL, 42, 0 },  { "i", NULL, 0, 4.5 }, { "j", NULL, 1LL << 60, 0 } };
    const tb_mock_result *r = tb_mock_result_of(m, tb_mock_command(m, "mixed", all, 9));
    TB_CHECK(tb_is(r->message.components_json, "[word 1.5 -3 2.5 3.5 1 42 0 4.5 1152921504606846976 0]"));
    TB_CHECK(tb_mock_finish(m, stderr) == 0);
}

static void the_world(void) {
    tb_mock *m = started();
    tb_mock_http(m, "https://example.org/a", &(tb_mock_answer){ .status = 503 });
    tb_mock_http(m, "https://example.org/*",
                 &(tb_mock_answer){ .status = 200, .body = TB_LIT("0123456789"), .chunk = 4 });
    tb_mock_http(m, "https://example.org/nowhere", &(tb_mock_answer){ .error = TB_E_TIMEOUT });
    tb_mock_account(m, "main", 3, 77, "read");
    tb_mock_setting(m, 1, "loop", "on");
    tb_track_v1 tracks[2] = { { .key = TB_LIT("k"), .title = TB_LIT("t") },
                              { .key = TB_LIT("l"), .title = TB_LIT("u") } };
    tb_mock_player(m, &(tb_player_result_v1){ .tracks = tracks, .track_count = 2 });
    tb_mock_search(m, tracks, 2, "test.source");
    tb_mock_history(m, &(tb_played_v1){ .track = tracks[0] }, 1);
    tb_mock_probe(m, &(tb_probe_result_v1){ .duration_ms = 1234 });
    tb_mock_hold(m);
    tb_task task = tb_mock_command(m, "world", NULL, 0);
    TB_CHECK(!strstr(told, "http"));  // what is held back does not come, and holds nobody up
    tb_mock_release(m);
    TB_CHECK(was_told("http=503 body=0 http=200 body=10 stream=200 body=0 read=4 read=4 read=2 closed=-7 "));
    TB_CHECK(was_told("unscripted=-9") && was_told("ftp=-1"));
    TB_CHECK(was_told("none=0 set=0 get=105 keys=1 remove=100 settings=1 settings=2 account=77 account=-5 "));
    TB_CHECK(was_told("play=2 control=0 filter=0 snapshot=0 search=1 history=1 probe=1234 "));
    TB_CHECK(was_told("more=0 more=0 more=0 more=0 more=0 more=-6"));
    const tb_mock_result *r = tb_mock_result_of(m, task);
    TB_CHECK(r->progress == 1 && tb_is(r->note, "at it") && r->defers == 1 && r->edits == 1 && r->follow_up_count == 5);
    TB_CHECK(tb_is(r->message.components_json, "[3]"));
    TB_CHECK(tb_mock_http_count(m) == 4 && tb_is(tb_mock_http_request(m, 0)->method, "GET"));
    TB_CHECK(tb_mock_asked_count(m) == 5 && tb_is(tb_mock_asked_at(m, 0).text, "song") &&
             tb_mock_asked_at(m, 1).a == -5);
    TB_CHECK(tb_mock_metric(m, "calls") == 5 && tb_mock_metric_count(m, "calls") == 2 &&
             tb_mock_metric(m, "level") == 7);
    TB_CHECK(tb_mock_log_count(m, TB_LOG_WARNING) == 1 && tb_is(tb_mock_log_line(m, 0), "careful"));
    TB_CHECK(tb_is(tb_mock_setting_of(m, 1, "volume"), "70") && !tb_mock_store_get(m, "b").ptr);
    TB_CHECK(tb_mock_finish(m, stderr) == 1);  // the request for ftp
}

static void completions_may_come_first(void) {
    tb_mock *m = started();
    tb_mock_eager(m, true);
    tb_mock_command(m, "impatient", NULL, 0);
    TB_CHECK(was_told("first=0 asked=0 second=0 "));
    TB_CHECK(tb_mock_finish(m, stderr) == 0);
}

static void lines_are_cut_between_characters(void) {
    static char text[5000] = "x";
    for (size_t i = 1; i + 1 < sizeof text; i += 2) text[i] = (char)0xC3, text[i + 1] = (char)0xA4;
    tb_mock *m = started();
    logs->log(host, TB_LOG_INFO, (tb_str){ text, sizeof text });
    TB_CHECK(tb_mock_log_line(m, 0).len == 4095);
    TB_CHECK(tb_mock_finish(m, stderr) == 0);
}

// As in the host: a track that is none costs only itself.
static void odd_tracks_are_left_out(void) {
    tb_mock *m = started();
    const tb_mock_result *r = tb_mock_result_of(m, tb_mock_resolve(m, "odd", 9));
    TB_CHECK(r->kind == TB_MOCK_RESOLVED && r->track_count == 2 && tb_is(r->tracks[1].key, "last"));
    TB_CHECK(tb_mock_breaches(m) == 2);
    r = tb_mock_result_of(m, tb_mock_resolve(m, "many", 9));
    TB_CHECK(r->kind == TB_MOCK_REFUSED && r->status == TB_E_INVALID);
    tb_invocation_v1 call = { .guild = 1 };
    TB_CHECK(searches->search(host, &call, TB_STR("x"), 101, got_search, NULL) == TB_E_INVALID);
    TB_CHECK(tb_mock_finish(m, NULL) == 2);
}

static void time_passes(void) {
    tb_mock *m = started();
    tb_mock_command(m, "timers", NULL, 0);
    TB_CHECK(tb_mock_timers(m) == 2 && was_told("cancel=0 again=-8"));
    tb_mock_advance(m, 19);
    TB_CHECK(!strstr(told, "early"));
    tb_mock_advance(m, 100);
    TB_CHECK(was_told("early=5020 late=5050") && !strstr(told, "never") && tb_mock_timers(m) == 0);
    TB_CHECK(tb_mock_finish(m, stderr) == 0);
}

static void media(void) {
    tb_mock *m = started();
    const tb_mock_result *r = tb_mock_result_of(m, tb_mock_resolve(m, "x", 1));
    TB_CHECK(r->track_count == 1 && tb_is(r->tracks->title, "x"));
    r = tb_mock_result_of(m, tb_mock_open(m, "pipe", 0));
    TB_CHECK(was_told("written=4096 full=0 finished=-8"));
    tb_mock_sound sound = tb_mock_read(m, &r->media, 1000, 1 << 20);
    TB_CHECK(sound.status == TB_OK && sound.count == 4096 && sound.reads == 6);
    tb_mock_http(m, "https://example.org/song", &(tb_mock_answer){ .status = 200, .body = TB_LIT("sound") });
    r = tb_mock_result_of(m, tb_mock_open(m, "https://example.org/song", 0));
    TB_CHECK(tb_mock_read(m, &r->media, 3, 1 << 20).count == 5);
    TB_CHECK(tb_mock_result_of(m, tb_mock_artwork(m, "x"))->bytes.len == 4);
    TB_CHECK(tb_mock_result_of(m, tb_mock_lyrics(m, &(tb_track_v1){ .title = TB_LIT("la") }))->lyrics.count == 1);
    TB_CHECK(tb_is(tb_mock_result_of(m, tb_mock_health(m))->note, "fine"));
    TB_CHECK(tb_mock_peek(m, tb_mock_recommend(m, NULL, 0, 1))->status == TB_E_UNSUPPORTED);
    TB_CHECK(tb_mock_finish(m, stderr) == 0);
}

static void interaction(void) {
    tb_mock *m = started();
    const tb_mock_result *r = tb_mock_result_of(m, tb_mock_autocomplete(m, "mixed", "a", "wo"));
    TB_CHECK(r->kind == TB_MOCK_CHOICES && r->choice_count == 25 && tb_is(r->choices[24].value, "wo"));
    const char *values[] = { "one" };
    TB_CHECK(tb_is(tb_mock_result_of(m, tb_mock_component(m, "next", values, 1))->message.components_json, "[4]"));
    TB_CHECK(tb_mock_result_of(m, tb_mock_component(m, "ask", NULL, 0))->kind == TB_MOCK_MODAL);
    tb_mock_option name = { "name", "Tim", 0, 0 };
    TB_CHECK(tb_is(tb_mock_result_of(m, tb_mock_modal(m, "form", &name, 1))->message.components_json, "[1]"));
    TB_CHECK(tb_mock_finish(m, stderr) == 0);
}

static const tb_plugin_v1 *no_entry(void) { return NULL; }

static void what_is_no_plugin(void) {
    tb_mock *m = tb_mock_new();
    TB_CHECK(!tb_mock_load(m, "/nonexistent.so") && strstr(tb_mock_why(m), "cannot be loaded"));
    tb_mock_link(m, no_entry);
    TB_CHECK(tb_mock_create(m, "{}") == TB_E_INVALID);
    TB_CHECK(tb_mock_finish(m, NULL) == 1);
}

static void what_hangs(void) {
    tb_mock *m = started();
    TB_CHECK(pipe(released) == 0);
    tb_mock_patience(m, 50);
    tb_task task = tb_mock_command(m, "hangs", NULL, 0);
    TB_CHECK(tb_mock_peek(m, task)->kind == TB_MOCK_OPEN && tb_mock_breaches(m) == 1);
    close(released[1]);
    tb_mock_patience(m, 10000);
    TB_CHECK(tb_mock_result_of(m, task)->kind == TB_MOCK_SENT);
    TB_CHECK(tb_mock_finish(m, NULL) == 1);
    close(released[0]);
}

// What tb-run writes: a WAV header of 44 bytes, and Ogg pages whose checksums hold.
static void files(void) {
    TB_CHECK(ogg_sum(0, (const uint8_t *)"123456789", 9) == 0x89A1897F);
    uint8_t packets[] = { 3, 0, 0xFC, 1, 2, 1, 0, 0xFC };
    tb_mock_sound sound = { .bytes = packets, .count = sizeof packets };
    uint8_t bytes[1024];
    FILE *file = tmpfile();
    TB_CHECK(file && write_sound(file, TB_MEDIA_OPUS_PACKETS, &sound));
    rewind(file);
    size_t count = fread(bytes, 1, sizeof bytes, file), pages = 0;
    fclose(file);
    for (size_t at = 0; at + 28 <= count; pages++) {
        size_t length = 28 + bytes[at + 27];  // one segment each
        uint32_t sum = bytes[at + 22] | bytes[at + 23] << 8 | bytes[at + 24] << 16 | (uint32_t)bytes[at + 25] << 24;
        memset(bytes + at + 22, 0, 4);
        TB_CHECK(memcmp(bytes + at, "OggS", 4) == 0 && ogg_sum(0, bytes + at, length) == sum &&
                 bytes[at + 18] == pages);
        TB_CHECK(bytes[at + 5] == (pages == 0 ? 2 : pages == 3 ? 4 : 0));  // first and last
        TB_CHECK((bytes[at + 6] | bytes[at + 7] << 8) == (pages < 2 ? 0 : (int)(pages - 1) * 960));
        at += length;
    }
    TB_CHECK(pages == 4 && memcmp(bytes + 28, "OpusHead", 8) == 0);
    file = tmpfile();
    TB_CHECK(file && write_sound(file, TB_MEDIA_PCM_S16_48K_STEREO, &sound));
    rewind(file);
    TB_CHECK(fread(bytes, 1, sizeof bytes, file) == 44 + sizeof packets && bytes[40] == sizeof packets);
    fclose(file);
    sound.bytes[0] = 200;  // a packet that is cut off
    file = tmpfile();
    TB_CHECK(file && !write_sound(file, TB_MEDIA_OPUS_PACKETS, &sound));
    fclose(file);
}

int main(void) {
    every_extension_can_be_missing();
    settling();
    breaches();
    mixed_arguments();
    the_world();
    completions_may_come_first();
    lines_are_cut_between_characters();
    odd_tracks_are_left_out();
    time_passes();
    media();
    interaction();
    what_is_no_plugin();
    what_hangs();
    files();
    return tb_checks();
}
