// The plugin that timmybot-bench calls: as little as can be behind each call, so that what is measured is the host's.
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <timmybot/timmybot.h>

// A table of its own, known to timmybot-bench: gives a reader of `bytes` bytes that the plugin has in memory.
#define BENCH_EXT_READER "dev.timmybot.bench.reader/1"
typedef struct bench_reader_v1 {
    tb_reader_v1 (*reader)(uint64_t bytes);
} bench_reader_v1;

TB_MANIFEST("{\"id\":\"timmybot.bench\",\"version\":\"1.0.0\",\"abi\":1,\"license\":\"MIT\",\"name\":\"Bench\","
            "\"text\":\"Is called by make bench\",\"hosts\":[\"bench.example.org\"]}");

typedef struct plugin {
    const tb_host_v1 *host;
    const tb_host_reply_v1 *reply;
    const tb_host_http_v1 *http;
} plugin;

static tb_status answer(plugin *p, tb_task task, const char *text) {
    tb_message_v1 message = { .components_json = { text, strlen(text) } };
    return p->reply->send(p->host, task, &message);
}

// ---- settled within the call ----------------------------------------------------------------------------------------

#define VALUES(P) P(STR, text, "a text", 0, 0) P(INT, integer, "an integer", 0, 0) P(NUM, number, "a number", 0, 0)
TB_COMMAND(typed, VALUES) {
    (void)call;
    return text->len && integer == 7 && number == 0.5 ? answer(self, task, "[]") : TB_E_INVALID;
}

static tb_status uniform(void *self, tb_task task, const tb_invocation_v1 *call, const tb_value_v1 *values, size_t count) {
    (void)call;
    return count == 3 && values[0].s.len && values[1].i == 7 && values[2].f == 0.5 ? answer(self, task, "[]") : TB_E_INVALID;
}

// ---- timmy.http/1 read ----------------------------------------------------------------------------------------------

typedef struct draining {
    plugin *p;
    tb_task task;
    size_t capacity;
} draining;

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

// Answers "nanoseconds bytes".
static void drain(void *context, const tb_http_response_v1 *response) {
    draining *d = context;
    char text[64] = "0 0";
    uint8_t *buffer = malloc(d->capacity);
    if (!response->error && buffer) {
        int64_t start = now(), total = 0, got;
        while ((got = d->p->http->read(d->p->host, response->stream, buffer, d->capacity)) > 0) total += got;
        snprintf(text, sizeof text, "%" PRId64 " %" PRId64, now() - start, total);
        d->p->http->close(d->p->host, response->stream);
    }
    free(buffer);
    answer(d->p, d->task, text);
    free(d);
}

#define DRAIN(P) P(INT, capacity, "bytes of each read", 1, 1 << 20)
TB_COMMAND(drained, DRAIN) {
    (void)call;
    plugin *p = self;
    draining *d = malloc(sizeof *d);
    if (!d) return TB_E_INTERNAL;
    *d = (draining){ p, task, (size_t)capacity };
    tb_http_request_v1 request = { .url = TB_LIT("https://bench.example.org/stream"), .limit = UINT64_MAX };
    tb_status status = p->http->stream(p->host, &request, drain, d);
    if (status != TB_OK) free(d);
    return status;
}

// ---- a reader -------------------------------------------------------------------------------------------------------

#define BLOCK (64 << 10)
static const uint8_t block[BLOCK] = { 1 };

static int64_t reader_read(void *ctx, uint8_t *buffer, size_t capacity) {
    uint64_t *left = ctx;
    size_t count = capacity < BLOCK ? capacity : BLOCK;
    if (count > *left) count = (size_t)*left;
    memcpy(buffer, block, count);
    *left -= count;
    return (int64_t)count;
}
static void reader_interrupt(void *ctx) { (void)ctx; }
static void reader_close(void *ctx) { free(ctx); }

static tb_reader_v1 reader(uint64_t bytes) {
    uint64_t *left = malloc(sizeof *left);
    if (left) *left = bytes;
    return (tb_reader_v1){ .ctx = left, .read = reader_read, .interrupt = reader_interrupt, .close = reader_close };
}

// ---- the tables -----------------------------------------------------------------------------------------------------

static const tb_command_v1 rows[] = {
    TB_COMMAND_ROW(typed, "Typed through libffi"),
    { TB_LIT("uniform"), TB_LIT("The same by invoke"), 0, 0, typed_count, typed_params, NULL, uniform },
    TB_COMMAND_ROW(drained, "Reads a stream to its end"),
};
static const tb_commands_v1 commands = { .items = rows, .count = sizeof rows / sizeof *rows };
static const bench_reader_v1 readers = { reader };

static tb_status create(const tb_host_v1 *host, tb_str config, void **out) {
    (void)config;
    plugin *p = calloc(1, sizeof *p);
    if (!p) return TB_E_INTERNAL;
    p->host = host;
    p->reply = host->get_extension(host, TB_EXT_REPLY);
    p->http = host->get_extension(host, TB_EXT_HTTP);
    if (!p->reply || !p->http) {
        free(p);
        return TB_E_UNSUPPORTED;
    }
    *out = p;
    return TB_OK;
}
static void stop(void *self) { (void)self; }
static void destroy(void *self) { free(self); }

static const void *extension(const char *id) {
    if (strcmp(id, TB_EXT_COMMANDS) == 0) return &commands;
    return strcmp(id, BENCH_EXT_READER) == 0 ? &readers : NULL;
}

static const tb_plugin_v1 table = {
    .magic = TB_PLUGIN_MAGIC, .size = sizeof table, .id = TB_LIT("timmybot.bench"), .version = TB_LIT("1.0.0"),
    .create = create, .stop = stop, .destroy = destroy, .get_extension = extension,
};
const tb_plugin_v1 *timmybot_plugin_v1(void) { return &table; }
