// A plugin that answers in every way that timmy.reply/1 knows, and offers the small extensions. What each command is told
// stands in its next answer, as numbers.
#include <stdio.h>
#include <string.h>
#include <timmybot/timmybot.h>

#ifndef PLUGIN_ID
#define PLUGIN_ID "test.replies"
#endif
TB_MANIFEST("{\"id\":\"" PLUGIN_ID "\",\"version\":\"1.0.0\",\"abi\":1}");

static const tb_host_v1 *host;
static const tb_host_task_v1 *tasks;
static const tb_host_reply_v1 *reply;
static const tb_host_source_v1 *source_host;
static const tb_host_settings_v1 *settings;
static const tb_host_history_v1 *history;
static const tb_host_metrics_v1 *metrics;
static const tb_host_lyrics_v1 *lyrics_host;
static const tb_host_health_v1 *health_host;
static const tb_host_log_v1 *log_host;
static tb_task kept;
static tb_task hinted;

static tb_message_v1 message(const char *json, uint32_t flags) {
    tb_message_v1 m = { .components_json = { json, strlen(json) }, .flags = flags };
    return m;
}

// One text display; `text` must not need escapes.
static tb_status say(tb_task task, const char *text, uint32_t flags) {
    char json[4096];
    snprintf(json, sizeof json, "[{\"type\":10,\"content\":\"%s\"}]", text);
    tb_message_v1 m = message(json, flags);
    return reply->send(host, task, &m);
}

static const char good[] = "[{\"type\":10,\"content\":\"good\"}]";
static const char bad[] = "[{\"type\":10}]";

#define NUMBER(P) P(INT, number, "a number", 0, 0)

TB_COMMAND(answer, TB_NO_PARAMS) {
    (void)self, (void)call;
    kept = task;
    return say(task, "first", 0);
}

// Edits and follows up on what `answer` answered: `number` edits, then as many follow-ups.
TB_COMMAND(amend, NUMBER) {
    (void)self, (void)call;
    char text[256];
    int used = 0;
    tb_message_v1 m = message(good, 0), wrong = message(bad, 0);
    used += snprintf(text + used, sizeof text - used, "%d", reply->edit(host, kept, &wrong));
    for (int64_t i = 0; i < number; i++) used += snprintf(text + used, sizeof text - used, " %d", reply->edit(host, kept, &m));
    for (int64_t i = 0; i < number; i++)
        used += snprintf(text + used, sizeof text - used, " %d", reply->follow_up(host, kept, &m));
    return say(task, text, 0);
}

// Every misuse before the answer, and a message that is none: the task stays open.
TB_COMMAND(early, TB_NO_PARAMS) {
    (void)self, (void)call;
    char text[256];
    tb_message_v1 m = message(good, 0), wrong = message(bad, 0);
    int edit = reply->edit(host, task, &m), more = reply->follow_up(host, task, &m), odd = reply->send(host, task, &wrong);
    tb_str modal = TB_STR("{}");
    snprintf(text, sizeof text, "%d %d %d %d", edit, more, odd, reply->modal(host, task, modal));
    return say(task, text, 0);
}

TB_COMMAND(wait, TB_NO_PARAMS) {
    (void)self, (void)call;
    kept = task;
    reply->defer(host, task, TB_REPLY_EPHEMERAL);
    tasks->progress(host, task, (tb_str)TB_STR("looking"));
    return TB_OK;
}

TB_COMMAND(hint, TB_NO_PARAMS) {
    (void)self, (void)call;
    char text[64];
    snprintf(text, sizeof text, "%d %d", hinted == kept, tasks->is_cancelled(host, kept));
    return say(task, text, 0);
}

TB_COMMAND(ask, TB_NO_PARAMS) {
    (void)self, (void)call;
    return reply->modal(host, task,
                        (tb_str)TB_STR("{\"title\":\"Question\",\"custom_id\":\"form:1\",\"components\":[{\"type\":18,"
                                       "\"label\":\"Word\",\"component\":{\"type\":4,\"custom_id\":\"word\",\"style\":1}}]}"));
}

TB_COMMAND(who, TB_NO_PARAMS) {
    (void)self;
    char text[128];
    snprintf(text, sizeof text, "%llu %u %.*s", (unsigned long long)call->permissions, call->flags,
             (int)call->command.len, call->command.ptr);
    return say(task, text, 0);
}

static void listed(void *context, const tb_settings_result_v1 *result) {
    char text[2048];
    int used = snprintf(text, sizeof text, "%d", result->error ? result->error->code : 0);
    for (size_t i = 0; i < result->count && used < 1900; i++)
        used += snprintf(text + used, sizeof text - used, " %.*s=%.*s", (int)result->settings[i].key.len,
                         result->settings[i].key.ptr, (int)result->settings[i].value.len, result->settings[i].value.ptr);
    say((tb_task)(uintptr_t)context, text, 0);
}

#define PAIR(P) P(STR, key, "a key", 0, 64) P(STR, value, "a value", 0, 0)
TB_COMMAND(set, PAIR) {
    (void)self;
    return settings->set(host, call->guild, *key, *value, listed, (void *)(uintptr_t)task);
}

TB_COMMAND(get, TB_NO_PARAMS) {
    (void)self;
    return settings->all(host, call->guild, listed, (void *)(uintptr_t)task);
}

static void played(void *context, const tb_history_result_v1 *result) {
    char text[1024];
    int used = snprintf(text, sizeof text, "%d", result->error ? result->error->code : 0);
    for (size_t i = 0; i < result->count && used < 900; i++)
        used += snprintf(text + used, sizeof text - used, " %.*s/%.*s/%llu", (int)result->played[i].source.len,
                         result->played[i].source.ptr, (int)result->played[i].track.title.len,
                         result->played[i].track.title.ptr, (unsigned long long)result->played[i].requested_by);
    say((tb_task)(uintptr_t)context, text, 0);
}

TB_COMMAND(recent, NUMBER) {
    (void)self;
    return history->recent(host, call, (uint32_t)number, played, (void *)(uintptr_t)task);
}

TB_COMMAND(measure, TB_NO_PARAMS) {
    (void)self, (void)call;
    metrics->count(host, (tb_str)TB_STR("calls_total"), 2);
    metrics->count(host, (tb_str)TB_STR("calls_total"), 3);
    metrics->count(host, (tb_str)TB_STR("calls_total"), -1);
    metrics->gauge(host, (tb_str)TB_STR("level"), 7);
    metrics->gauge(host, (tb_str)TB_STR("level"), 4);
    metrics->observe(host, (tb_str)TB_STR("wait_seconds"), 0.5);
    metrics->observe(host, (tb_str)TB_STR("wait_seconds"), 1.5);
    metrics->gauge(host, (tb_str)TB_STR("wait_seconds"), 9);
    metrics->count(host, (tb_str)TB_STR("Bad Name"), 1);
    for (int i = 0; i < 100; i++) {
        char name[16];
        snprintf(name, sizeof name, "n%d", i);
        metrics->count(host, (tb_str){ name, strlen(name) }, 1);
    }
    return say(task, "done", 0);
}

// What the host says to searches for no track and for too many.
static void found(void *context, const tb_search_result_v1 *result) { (void)context, (void)result; }
TB_COMMAND(limits, TB_NO_PARAMS) {
    (void)self;
    const tb_host_search_v1 *search = host->get_extension(host, TB_EXT_SEARCH);
    char text[64];
    snprintf(text, sizeof text, "%d %d %d", search->search(host, call, (tb_str)TB_STR("x"), 0, found, NULL),
             search->search(host, call, (tb_str)TB_STR("x"), 101, found, NULL),
             search->search(host, call, (tb_str)TB_STR("x"), 100, found, NULL));
    return say(task, text, 0);
}

#define TYPED(fn, d) { TB_LIT(#fn), TB_LIT(d), 0, 0, fn##_count, fn##_params, (tb_fn)fn, NULL }
static const tb_command_v1 items[] = {
    TYPED(answer, "Answers"), TYPED(amend, "Changes that"), TYPED(early, "Too early"), TYPED(wait, "Waits"),
    TYPED(hint, "Was it told"), TYPED(ask, "Shows a modal"), TYPED(who, "Who calls"), TYPED(set, "Sets"),
    TYPED(get, "All settings"), TYPED(recent, "History"), TYPED(measure, "Metrics"), TYPED(limits, "Searches"),
    { TB_LIT("private"), TB_LIT("For the caller alone"), 0, TB_COMMAND_PRIVATE, 0, NULL, (tb_fn)answer, NULL },
    { TB_LIT("owner"), TB_LIT("For who runs the bot"), 0, TB_COMMAND_OWNER, 0, NULL, (tb_fn)answer, NULL },
};

static tb_status modal(void *self, tb_task task, const tb_invocation_v1 *call, const tb_field_v1 *fields, size_t count) {
    (void)self;
    char text[256];
    snprintf(text, sizeof text, "%.*s %zu %.*s=%.*s", (int)call->command.len, call->command.ptr, count,
             count ? (int)fields[0].custom_id.len : 0, count ? fields[0].custom_id.ptr : "",
             count ? (int)fields[0].value.len : 0, count ? fields[0].value.ptr : "");
    return say(task, text, TB_REPLY_EPHEMERAL);
}

static void cancel(void *self, tb_task task) {
    (void)self;
    hinted = task;
    log_host->log(host, TB_LOG_DEBUG, (tb_str)TB_STR("cancelled"));
}

static const tb_commands_v1 commands = { items, sizeof items / sizeof *items, NULL, NULL, modal, cancel };

static tb_status recommend(void *self, tb_task task, const tb_track_v1 *seeds, size_t count, uint32_t limit) {
    (void)self, (void)limit;
    tb_track_v1 next = { TB_LIT("next"), seeds[0].title, TB_LIT(""), TB_LIT(""), TB_LIT(""), TB_LIT(""), TB_LIT(""), 0, 0, 0 };
    tb_track_v1 list[] = { next, next, next };
    return count == 2 ? source_host->resolved(host, task, list, 3) : TB_E_UNSUPPORTED;
}
static const tb_recommend_v1 recommends = { recommend, NULL };

static tb_status lyrics(void *self, tb_task task, const tb_track_v1 *track) {
    (void)self;
    if (track->title.len == 0) {
        tb_error_v1 error = { TB_E_NOT_FOUND, 0, 0, 0, TB_LIT(""), TB_LIT("unknown") };
        return tasks->fail(host, task, &error);
    }
    tb_lyric_line_v1 lines[] = { { 1000, TB_LIT("la") }, { 2000, TB_LIT("li") } };
    if (track->title.len == 1) lines[1].at_ms = -1;
    tb_lyrics_found_v1 found = { lines, 2, TB_LIT("LRC"), TB_LIT("javascript:x") };
    tb_lyrics_found_v1 none = { lines, 0, TB_LIT(""), TB_LIT("") }, many = { lines, 1001, TB_LIT(""), TB_LIT("") };
    if (lyrics_host->found(host, task, &none) != TB_E_INVALID || lyrics_host->found(host, task, &many) != TB_E_INVALID)
        return TB_E_INTERNAL;
    return lyrics_host->found(host, task, &found);
}
static const tb_lyrics_v1 lyricist = { lyrics, NULL };

static tb_status check(void *self, tb_task task) {
    (void)self;
    return health_host->healthy(host, task, (tb_str)TB_STR("fine"));
}
static const tb_health_v1 health = { check };

static const void *get_extension(const char *id) {
    if (strcmp(id, TB_EXT_COMMANDS) == 0) return &commands;
    if (strcmp(id, TB_EXT_RECOMMEND) == 0) return &recommends;
    if (strcmp(id, TB_EXT_LYRICS) == 0) return &lyricist;
    return strcmp(id, TB_EXT_HEALTH) == 0 ? &health : NULL;
}

static tb_status create(const tb_host_v1 *given, tb_str config, void **out) {
    (void)config;
    *out = NULL;
    host = given;
    tasks = given->get_extension(given, TB_EXT_TASK);
    reply = given->get_extension(given, TB_EXT_REPLY);
    source_host = given->get_extension(given, TB_EXT_SOURCE_HOST);
    settings = given->get_extension(given, TB_EXT_SETTINGS);
    history = given->get_extension(given, TB_EXT_HISTORY);
    metrics = given->get_extension(given, TB_EXT_METRICS);
    lyrics_host = given->get_extension(given, TB_EXT_LYRICS_HOST);
    health_host = given->get_extension(given, TB_EXT_HEALTH_HOST);
    log_host = given->get_extension(given, TB_EXT_LOG);
    bool all = tasks && reply && source_host && settings && history && metrics && lyrics_host && health_host && log_host;
    return all ? TB_OK : TB_E_UNSUPPORTED;
}

static const tb_plugin_v1 table = {
    TB_PLUGIN_MAGIC, sizeof(tb_plugin_v1), TB_LIT(PLUGIN_ID), TB_LIT("1.0.0"), create, NULL, NULL, get_extension,
};

__attribute__((visibility("default"))) const tb_plugin_v1 *timmybot_plugin_v1(void) { return &table; }
