// A plugin whose commands and searches behave as their name says, well or badly.
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <timmybot/timmybot.h>
#include <unistd.h>

#ifndef PLUGIN_ID
#define PLUGIN_ID "test.behaviour"
#endif
#ifndef SUFFIX
#define SUFFIX ""
#endif
TB_MANIFEST("{\"id\":\"" PLUGIN_ID "\",\"version\":\"1.0.0\",\"abi\":1}");

static const tb_host_v1 *host;
static const tb_host_task_v1 *tasks;
static const tb_host_reply_v1 *reply;
static const tb_host_source_v1 *source_host;
static tb_task kept;  // of `silent`, for `late`

static tb_status say(tb_task task, const char *text) {
    tb_message_v1 message = { .components_json = { text, strlen(text) } };
    return reply->send(host, task, &message);
}

#define NUMBER(P) P(INT, number, "a number", 0, 0)
#define EVERYTHING(P) \
    P(STR, word, "text", 0, 0) P(INT, number, "a number", 0, 0) P(NUM, real, "a real number", 0, 0) P(BOOL, flag, "yes or no", 0, 0) \
    P(OPT_INT, maybe, "a number or nothing", 0, 0) P(OPT_NUM, perhaps, "a real number or nothing", 0, 0)

TB_COMMAND(everything, EVERYTHING) {
    (void)self;
    char text[512];
    int used = snprintf(text, sizeof text, "%.*s|%lld|%.17g|%lld", (int)word->len, word->ptr, (long long)number, real,
                        (long long)flag);
    used += maybe ? snprintf(text + used, sizeof text - used, "|%lld", (long long)*maybe)
                  : snprintf(text + used, sizeof text - used, "|-");
    used += perhaps ? snprintf(text + used, sizeof text - used, "|%.17g", *perhaps)
                    : snprintf(text + used, sizeof text - used, "|-");
    snprintf(text + used, sizeof text - used, "|%llu|%.*s", (unsigned long long)call->guild, (int)call->locale.len,
             call->locale.ptr);
    return say(task, text);
}

static tb_status uniform(void *self, tb_task task, const tb_invocation_v1 *call, const tb_value_v1 *values, size_t count) {
    (void)self, (void)call;
    char text[512];
    int used = snprintf(text, sizeof text, "%zu", count);
    for (size_t i = 0; i < count; i++) {
        const tb_value_v1 *v = values + i;
        if (!v->present) used += snprintf(text + used, sizeof text - used, "|-");
        else if (v->type == TB_T_STR) used += snprintf(text + used, sizeof text - used, "|%.*s", (int)v->s.len, v->s.ptr);
        else if (v->type == TB_T_NUM) used += snprintf(text + used, sizeof text - used, "|%.17g", v->f);
        else used += snprintf(text + used, sizeof text - used, "|%lld", (long long)v->i);
    }
    return say(task, text);
}
static const tb_param_v1 uniform_params[] = { EVERYTHING(TB_ROW_) };

TB_COMMAND(silent, TB_NO_PARAMS) {
    (void)self, (void)call;
    kept = task;
    return TB_OK;
}

TB_COMMAND(late, TB_NO_PARAMS) {
    (void)self, (void)call;
    char text[64];
    snprintf(text, sizeof text, "%d %d", say(kept, "late"), tasks->is_cancelled(host, kept));
    return say(task, text);
}

static tb_status second = 1;
TB_COMMAND(twice, TB_NO_PARAMS) {
    (void)self, (void)call;
    say(task, "first");
    second = say(task, "second");
    return TB_OK;
}

TB_COMMAND(second_status, TB_NO_PARAMS) {
    (void)self, (void)call;
    char text[32];
    snprintf(text, sizeof text, "%d", second);
    return say(task, text);
}

TB_COMMAND(wrong_kind, TB_NO_PARAMS) {
    (void)self, (void)call;
    char text[64];
    snprintf(text, sizeof text, "%d %d", reply->choices(host, task, NULL, 0), source_host->resolved(host, task, NULL, 0));
    return say(task, text);
}

TB_COMMAND(foreign, NUMBER) {
    (void)self, (void)call;
    char text[32];
    snprintf(text, sizeof text, "%d", say((tb_task)number, "not mine"));
    return say(task, text);
}

TB_COMMAND(garbage, TB_NO_PARAMS) {
    (void)self, (void)call;
    char text[64];
    tb_message_v1 odd = { .components_json = { "\xff\xfe", 2 } }, none = { .components_json = { NULL, 5 } };
    tb_message_v1 huge = { .components_json = { "x", (size_t)1 << 40 } };
    // What a function that fails answers, taken for a length.
    tb_attachment_v1 file = { TB_LIT("a"), TB_LIT("b"), { (const uint8_t *)"x", (size_t)-1 } };
    tb_message_v1 less = { .components_json = { "x", (size_t)-1 } }, files = { .components_json = TB_LIT("x") };
    files.attachments = &file, files.attachment_count = 1;
    tb_message_v1 fewer = files;
    fewer.attachment_count = (size_t)-1;
    snprintf(text, sizeof text, "%d %d %d %d %d %d", reply->send(host, task, &odd), reply->send(host, task, &none),
             reply->send(host, task, &huge), reply->send(host, task, &less), reply->send(host, task, &files),
             reply->send(host, task, &fewer));
    return say(task, text);
}

TB_COMMAND(refuse, TB_NO_PARAMS) {
    (void)self, (void)task, (void)call;
    return TB_E_UNAVAILABLE;
}

TB_COMMAND(explain, TB_NO_PARAMS) {
    (void)self, (void)call;
    tb_error_v1 error = { TB_E_RATE_LIMIT, 0, 1000, 0, TB_LIT("Come back later."), TB_LIT("429") };
    return tasks->fail(host, task, &error);
}

// Blocks until the other end of the pipe `number` is closed.
TB_COMMAND(hang, NUMBER) {
    (void)self, (void)call;
    char byte;
    while (read((int)number, &byte, 1) < 0 && errno == EINTR) {}
    return say(task, "released");
}

#define TYPED(fn, d) { TB_LIT(#fn SUFFIX), TB_LIT(d), 0, 0, fn##_count, fn##_params, (tb_fn)fn, NULL }
static const tb_command_v1 items[] = {
    TYPED(everything, "All types"), TYPED(silent, "Never answers"), TYPED(late, "Answers an old task"),
    TYPED(twice, "Answers twice"), TYPED(second_status, "What the second answer got"), TYPED(wrong_kind, "Wrong kind"),
    TYPED(foreign, "Another's task"), TYPED(garbage, "Strings that are none"), TYPED(refuse, "Does not accept"),
    TYPED(explain, "Fails with words"), TYPED(hang, "Blocks its lane"),
    { TB_LIT("uniform" SUFFIX), TB_LIT("All types, one array"), 0, 0, 6, uniform_params, NULL, uniform },
};

static tb_status autocomplete(void *self, tb_task task, const tb_invocation_v1 *call, tb_str option, tb_str text) {
    (void)self, (void)call, (void)option;
    tb_choice_v1 choices[30];
    for (int i = 0; i < 30; i++) choices[i] = (tb_choice_v1){ text, text };
    choices[1].name = (tb_str){ "\xff", 1 };
    return reply->choices(host, task, choices, 30);
}

static tb_status component(void *self, tb_task task, const tb_invocation_v1 *call, const tb_str *values, size_t count) {
    (void)self;
    char text[128];
    snprintf(text, sizeof text, "%.*s %zu %.*s", (int)call->command.len, call->command.ptr, count,
             count ? (int)values[0].len : 0, count ? values[0].ptr : "");
    return say(task, text);
}

static const tb_commands_v1 commands = { items, sizeof items / sizeof *items, autocomplete, component, NULL, NULL };

static uint32_t match(void *self, tb_str input) {
    (void)self;
    return input.len > 5 && memcmp(input.ptr, "test:", 5) == 0 ? 1000 : 0;
}

static tb_status resolve(void *self, tb_task task, tb_str input, uint32_t limit) {
    (void)self, (void)limit;
    tb_track_v1 good = { TB_LIT("a/b.opus"), TB_LIT("Title"), TB_LIT("Artist"), TB_LIT(""), TB_LIT("not one"),
                         TB_LIT("javascript:alert(1)"), TB_LIT("file:///etc/passwd"), -5, 0, 0 };
    tb_track_v1 keyless = good, odd = good;
    keyless.key = (tb_str){ "", 0 };
    odd.title = (tb_str){ "\xc3\x28", 2 };
    tb_track_v1 list[] = { good, keyless, odd, good };
    if (input.len == 4 && memcmp(input.ptr, "many", 4) == 0) return source_host->resolved(host, task, list, 1u << 20);
    if (input.len == 4 && memcmp(input.ptr, "less", 4) == 0) return source_host->resolved(host, task, list, (size_t)-1);
    return source_host->resolved(host, task, list, 4);
}

static tb_status open_(void *self, tb_task task, tb_str key, uint64_t start) {
    (void)self, (void)start;
    tb_media_v1 media = { .kind = TB_MEDIA_FD, .handle = 999999 };
    if (key.len == 4 && memcmp(key.ptr, "null", 4) == 0) media.handle = (uint64_t)open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (key.len == 4 && memcmp(key.ptr, "file", 4) == 0) {
        media.kind = TB_MEDIA_URL;
        media.url = (tb_str)TB_LIT("file:///etc/passwd");
    }
    tb_header_v1 header = { TB_LIT("a"), TB_LIT("b") };
    if (key.len == 4 && memcmp(key.ptr, "less", 4) == 0) {
        media.kind = TB_MEDIA_URL;
        media.url = (tb_str)TB_LIT("https://api.example.org/");
        media.headers = &header, media.header_count = (size_t)-1;
    }
    return source_host->opened(host, task, &media);
}

static tb_status artwork(void *self, tb_task task, tb_str key) {
    (void)self;
    static const uint8_t bytes[4] = { 1, 2, 3, 4 };
    tb_str mime = key.len ? (tb_str)TB_LIT("image/png") : (tb_str)TB_LIT("text/html");
    return source_host->artwork(host, task, mime, bytes, sizeof bytes);
}

static const tb_source_v1 source = { match, resolve, open_, artwork, NULL };

static const void *get_extension(const char *id) {
    if (strcmp(id, TB_EXT_COMMANDS) == 0) return &commands;
    return strcmp(id, TB_EXT_SOURCE) == 0 ? &source : NULL;
}

static tb_status create(const tb_host_v1 *given, tb_str config, void **out) {
    (void)config;
    *out = NULL;
    host = given;
    tasks = given->get_extension(given, TB_EXT_TASK);
    reply = given->get_extension(given, TB_EXT_REPLY);
    source_host = given->get_extension(given, TB_EXT_SOURCE_HOST);
    bool unknown = given->get_extension(given, "timmy.nothing/1") || given->get_extension(given, NULL);
    return tasks && reply && source_host && !unknown ? TB_OK : TB_E_UNSUPPORTED;
}

static const tb_plugin_v1 table = {
    TB_PLUGIN_MAGIC, sizeof(tb_plugin_v1), TB_LIT(PLUGIN_ID), TB_LIT("1.0.0"), create, NULL, NULL, get_extension,
};

__attribute__((visibility("default"))) const tb_plugin_v1 *timmybot_plugin_v1(void) { return &table; }
