// {{NAME}}: a command, /{{COMMAND}}, and a source: "/play {{COMMAND}}: 440" plays a tone of 440 Hz.
// Change what it does, keep how it does it: the comments in <timmybot/*.h> are the contract.
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <timmybot/timmybot.h>

#define ID "{{ID}}"
#define VERSION "0.1.0"
#define PREFIX "{{COMMAND}}:"

// Read from the file without running it. "hosts": what the plugin wants to reach over timmy.http/1;
// "examples": what `timmybot plugin check` may search for.
TB_MANIFEST("{\"id\":\"" ID "\",\"version\":\"" VERSION "\",\"abi\":1,\"name\":\"{{NAME}}\","
            "\"text\":\"Plays a tone\",\"source\":{\"patterns\":[\"" PREFIX "\"]},"
            "\"examples\":[\"" PREFIX " 440\"],\"hosts\":[]}");

typedef struct plugin {
    const tb_host_v1 *host;
    const tb_host_task_v1 *tasks;
    const tb_host_reply_v1 *reply;
    const tb_host_source_v1 *source;
} plugin;

static tb_status fail(plugin *p, tb_task task, const char *user_text) {
    tb_error_v1 error = { .code = TB_E_INVALID, .user_text = { user_text, strlen(user_text) }, .detail = { "", 0 } };
    p->tasks->fail(p->host, task, &error);  // TB_E_STALE is harmless: nobody waits any more
    return TB_OK;
}

// ---- sound: the host pulls, on a thread of its own -----------------------------------------------------------------

enum { rate = 48000, frame_size = 4, seconds = 5 };
static const uint64_t total = (uint64_t)rate * seconds * frame_size;

typedef struct tone {
    double frequency;
    uint64_t at;  // in bytes
    atomic_bool interrupted;
} tone;

static int16_t sample(const tone *t, uint64_t frame) {
    double time = (double)frame / rate, left = seconds - time;
    double fade = time < 0.05 ? time / 0.05 : left < 0.05 ? left / 0.05 : 1;  // no click at either end
    return (int16_t)(8000 * fade * sin(2 * 3.14159265358979 * t->frequency * time));
}

// Little-endian samples, left and right in turn. The buffer may end anywhere, even within a sample.
static int64_t tone_read(void *ctx, uint8_t *buffer, size_t capacity) {
    tone *t = ctx;
    size_t count = 0;
    if (atomic_exchange(&t->interrupted, false)) return TB_E_CANCELLED;
    while (count < capacity && count < 65536 && t->at < total) {
        uint16_t bits = (uint16_t)sample(t, t->at / frame_size);
        buffer[count++] = (uint8_t)(t->at % 2 ? bits >> 8 : bits & 0xFF);
        t->at++;
    }
    return (int64_t)count;
}

static tb_status tone_seek(void *ctx, uint64_t offset) {
    tone *t = ctx;
    if (offset > total) return TB_E_INVALID;
    t->at = offset;
    atomic_store(&t->interrupted, false);
    return TB_OK;
}

static void tone_interrupt(void *ctx) { atomic_store(&((tone *)ctx)->interrupted, true); }

static void tone_close(void *ctx) { free(ctx); }

// ---- the source -----------------------------------------------------------------------------------------------------

// Hz from 20 to 2000, 0 where `text` is something else. It has no terminator.
static int frequency_of(tb_str text) {
    int value = 0;
    size_t i = 0;
    while (i < text.len && text.ptr[i] == ' ') i++;
    if (i == text.len) return 0;
    for (; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9' || value > 2000) return 0;
        value = value * 10 + (text.ptr[i] - '0');
    }
    return value >= 20 && value <= 2000 ? value : 0;
}

static bool is_mine(tb_str input) {
    return input.len >= sizeof PREFIX - 1 && memcmp(input.ptr, PREFIX, sizeof PREFIX - 1) == 0;
}

static uint32_t match(void *self, tb_str input) {
    (void)self;
    return is_mine(input) ? 100 : 0;
}

static tb_status resolve(void *self, tb_task task, tb_str input, uint32_t limit) {
    plugin *p = self;
    if (is_mine(input)) input.ptr += sizeof PREFIX - 1, input.len -= sizeof PREFIX - 1;
    int frequency = frequency_of(input);
    if (!frequency) return fail(p, task, "Say how high the tone is, from 20 to 2000 Hz: {{COMMAND}}: 440");
    char key[16], title[32];
    tb_track_v1 track = {
        .key = { key, (size_t)snprintf(key, sizeof key, "%d", frequency) },
        .title = { title, (size_t)snprintf(title, sizeof title, "%d Hz", frequency) },
        .artist = TB_LIT("{{NAME}}"),
        .duration_ms = seconds * 1000,
    };
    p->source->resolved(p->host, task, &track, limit ? 1 : 0);
    return TB_OK;
}

static tb_status open_track(void *self, tb_task task, tb_str key, uint64_t start_ms) {
    plugin *p = self;
    (void)start_ms;  // the reader can seek, so the host does
    int frequency = frequency_of(key);
    if (!frequency) return TB_E_NOT_FOUND;
    tone *t = calloc(1, sizeof *t);
    if (!t) return TB_E_INTERNAL;
    t->frequency = frequency;
    tb_media_v1 media = {
        .kind = TB_MEDIA_PCM_S16_48K_STEREO,
        .byte_length = (int64_t)total,
        .reader = { t, tone_read, tone_seek, tone_interrupt, tone_close },
    };
    if (p->source->opened(p->host, task, &media) != TB_OK) tone_close(t);  // still ours
    return TB_OK;
}

static const tb_source_v1 source = { match, resolve, open_track, NULL, NULL };

// ---- the command ----------------------------------------------------------------------------------------------------

#define HELLO(P) P(OPT_INT, times, "how often", 1, 5)
TB_COMMAND(hello, HELLO) {
    (void)call;
    plugin *p = self;
    char json[200];
    int used = snprintf(json, sizeof json, "[{\"type\":10,\"content\":\"Hello from {{NAME}}, %d times.\"}]",
                        times ? (int)*times : 1);
    tb_message_v1 message = { .components_json = { json, (size_t)used } };
    tb_status status = p->reply->send(p->host, task, &message);
    return status == TB_E_STALE ? TB_OK : status;
}

static const tb_command_v1 rows[] = { TB_COMMAND_NAMED(hello, "{{COMMAND}}", "Says hello") };
static const tb_commands_v1 commands = { rows, 1, NULL, NULL, NULL, NULL };

// ---- the plugin -----------------------------------------------------------------------------------------------------

// A table of the host; where it is missing, the operator reads which.
static const void *needed(const tb_host_v1 *host, const char *id) {
    const void *found = host->get_extension(host, id);
    const tb_host_log_v1 *log = host->get_extension(host, TB_EXT_LOG);
    char text[100];
    if (!found && log) {
        int length = snprintf(text, sizeof text, "this host does not offer %s", id);
        log->log(host, TB_LOG_ERROR, (tb_str){ text, (size_t)length });
    }
    return found;
}

static tb_status create(const tb_host_v1 *host, tb_str config_json, void **out_self) {
    (void)config_json;
    plugin *p = calloc(1, sizeof *p);
    if (!p) return TB_E_INTERNAL;
    p->host = host;
    p->tasks = needed(host, TB_EXT_TASK);
    p->reply = needed(host, TB_EXT_REPLY);
    p->source = needed(host, TB_EXT_SOURCE_HOST);
    if (!p->tasks || !p->reply || !p->source) {
        free(p);
        return TB_E_UNSUPPORTED;
    }
    *out_self = p;
    return TB_OK;
}

static void stop(void *self) { (void)self; }  // every task is settled before its function returns

static void destroy(void *self) { free(self); }

static const void *get_extension(const char *id) {
    if (!id) return NULL;
    if (strcmp(id, TB_EXT_SOURCE) == 0) return &source;
    return strcmp(id, TB_EXT_COMMANDS) == 0 ? &commands : NULL;
}

static const tb_plugin_v1 table = { TB_PLUGIN_MAGIC, sizeof table, TB_LIT(ID), TB_LIT(VERSION),
                                    create,          stop,         destroy,    get_extension };

__attribute__((visibility("default"))) const tb_plugin_v1 *timmybot_plugin_v1(void) { return &table; }
