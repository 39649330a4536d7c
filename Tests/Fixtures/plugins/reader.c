// A source whose tracks are no files. The key says what `open` gives, and how its reader behaves; what happens to the
// reader is in the log.
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <timmybot/timmybot.h>

#ifndef PLUGIN_ID
#define PLUGIN_ID "test.reader"
#endif
#ifndef VERSION
#define VERSION "1.0.0"
#endif
#ifndef HOSTS
#define HOSTS ""
#endif
#ifndef ARTWORK
#define ARTWORK ""
#endif

TB_MANIFEST("{\"id\":\"" PLUGIN_ID "\",\"version\":\"" VERSION "\",\"abi\":1,\"hosts\":[" HOSTS "]}");

static const tb_host_v1 *host;
static const tb_host_source_v1 *sources;
static const tb_host_pipe_v1 *pipes;
static const tb_host_log_v1 *logs;

static void say(const char *text) { logs->log(host, TB_LOG_INFO, (tb_str){ text, strlen(text) }); }

// ---- a reader -------------------------------------------------------------------------------------------------------

typedef struct sound {
    char kind[32];
    uint64_t at, end;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool interrupted;
} sound;

static bool is(const sound *s, const char *kind) { return strcmp(s->kind, kind) == 0; }

static int64_t sound_read(void *ctx, uint8_t *buffer, size_t capacity) {
    sound *s = ctx;
    if (is(s, "greedy")) return (int64_t)capacity + 1;
    if (is(s, "broken")) return TB_E_IO;
    if (is(s, "crash")) abort();
    if (is(s, "stuck") || is(s, "deaf")) {
        say("reads");
        pthread_mutex_lock(&s->lock);
        while (!s->interrupted) pthread_cond_wait(&s->changed, &s->lock);
        pthread_mutex_unlock(&s->lock);
        return TB_E_CANCELLED;
    }
    size_t count = s->end - s->at < capacity ? s->end - s->at : capacity;
    for (size_t i = 0; i < count; i++) buffer[i] = (uint8_t)((s->at + i) * 7);
    s->at += count;
    return (int64_t)count;
}

static tb_status sound_seek(void *ctx, uint64_t offset) {
    sound *s = ctx;
    if (offset > s->end) return TB_E_INVALID;
    s->at = offset;
    return TB_OK;
}

static sound *deaf;

static void wake(sound *s) {
    pthread_mutex_lock(&s->lock);
    s->interrupted = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

static void sound_interrupt(void *ctx) {
    sound *s = ctx;
    say("interrupted");
    if (is(s, "deaf")) deaf = s;
    else wake(s);
}

static void sound_close(void *ctx) {
    say("closed");
    free(ctx);
}

static sound *make_sound(const char *kind) {
    sound *s = calloc(1, sizeof *s);
    if (!s) abort();
    snprintf(s->kind, sizeof s->kind, "%s", kind);
    s->end = 1000000;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, NULL);
    return s;
}

static void open_reader(tb_task task, uint32_t kind, const char *how) {
    sound *s = make_sound(how);
    tb_media_v1 media = { .kind = kind,
                          .byte_length = is(s, "live") ? -1 : (int64_t)s->end,
                          .flags = is(s, "begun") ? TB_MEDIA_STARTED : 0,
                          .reader = { s, sound_read, is(s, "live") ? NULL : sound_seek, sound_interrupt,
                                      sound_close } };
    if (is(s, "empty")) media.reader.read = NULL;
    tb_status status = sources->opened(host, task, &media);
    if (is(s, "twice")) {
        tb_media_v1 second = media;
        second.reader.ctx = make_sound("second");
        char text[40];
        snprintf(text, sizeof text, "second %d", sources->opened(host, task, &second));
        say(text);
        free(second.reader.ctx);
    }
    if (status == TB_OK) return;
    char text[40];
    snprintf(text, sizeof text, "refused %d", status);
    say(text);
    free(s);
    if (status != TB_E_STALE) {
        tb_error_v1 error = { .code = TB_E_INTERNAL, .detail = TB_LIT("not opened") };
        const tb_host_task_v1 *tasks = host->get_extension(host, TB_EXT_TASK);
        tasks->fail(host, task, &error);
    }
}

// ---- a pipe ---------------------------------------------------------------------------------------------------------

static uint64_t last_pipe;

// Everything at once: what the host says to what, in the log.
static void try_pipes(void) {
    uint64_t numbers[17] = { 0 };
    char text[200];
    tb_status status[4] = { pipes->create(host, 1, 4096, numbers), pipes->create(host, TB_PIPE_BYTES, 4095, numbers),
                            pipes->create(host, TB_PIPE_BYTES, (4u << 20) + 1, numbers),
                            pipes->create(host, TB_PIPE_BYTES, 4096, NULL) };
    snprintf(text, sizeof text, "bad %d %d %d %d", status[0], status[1], status[2], status[3]);
    say(text);
    int made = 0;
    while (made < 17 && pipes->create(host, TB_PIPE_BYTES, 4096, numbers + made) == TB_OK) made++;
    snprintf(text, sizeof text, "made %d", made);
    say(text);
    static uint8_t bytes[5000];
    int64_t first = pipes->write(host, numbers[0], bytes, 5000), second = pipes->write(host, numbers[0], bytes, 1);
    int64_t none = pipes->write(host, 999, bytes, 1), bad = pipes->write(host, numbers[1], NULL, 1);
    snprintf(text, sizeof text, "wrote %d %d %d %d", (int)first, (int)second, (int)none, (int)bad);
    say(text);
    for (int i = 0; i < made; i++) pipes->finish(host, numbers[i], TB_E_CANCELLED);
    snprintf(text, sizeof text, "after %d", (int)pipes->write(host, numbers[0], bytes, 1));
    say(text);
}

// A melody of four tones, in 16-bit stereo, pushed from a thread of the plugin's own as fast as the pipe takes it.
// Each tone is a sine by its recurrence, so that no libm is needed.
#define TONE_FRAMES 24000
static const double tone_factor[4] = { 1.99668363322, 1.99473645570, 1.99255757285, 1.98674553120 };
static void *push_melody(void *number) {
    uint64_t pipe = (uint64_t)(uintptr_t)number;
    static int16_t frames[TONE_FRAMES * 2];
    for (int tone = 0; tone < 16; tone++) {
        double before = 0, now = 600, factor = tone_factor[tone % 4];
        for (int i = 0; i < TONE_FRAMES; i++) {
            frames[2 * i] = frames[2 * i + 1] = (int16_t)now;
            double next = factor * now - before;
            before = now, now = next;
        }
        const uint8_t *bytes = (const uint8_t *)frames;
        for (size_t sent = 0; sent < sizeof frames;) {
            int64_t taken = pipes->write(host, pipe, bytes + sent, sizeof frames - sent);
            if (taken < 0) return NULL;
            sent += (size_t)taken;
            if (taken == 0) nanosleep(&(struct timespec){ 0, 5000000 }, NULL);
        }
    }
    pipes->finish(host, pipe, TB_OK);
    say("melody pushed");
    return NULL;
}

static void open_pipe(tb_task task, const char *how) {
    uint32_t kind = strcmp(how, "opus") == 0 ? TB_PIPE_OPUS_PACKETS : TB_PIPE_PCM_S16_48K_STEREO;
    if (pipes->create(host, kind, 64 << 10, &last_pipe) != TB_OK) return;
    tb_media_v1 media = { .kind = TB_MEDIA_PIPE, .handle = last_pipe, .byte_length = -1 };
    if (sources->opened(host, task, &media) != TB_OK) say("pipe refused");
    pthread_t thread;
    if (strcmp(how, "melody") == 0 && pthread_create(&thread, NULL, push_melody, (void *)(uintptr_t)last_pipe) == 0)
        pthread_detach(thread);
}

// ---- the source -----------------------------------------------------------------------------------------------------

static uint32_t match(void *self, tb_str input) {
    (void)self;
    return input.len > 5 && memcmp(input.ptr, "read:", 5) == 0 ? 100 : 0;
}

static tb_status resolve(void *self, tb_task task, tb_str input, uint32_t limit) {
    (void)self, (void)limit;
    char text[40];
    if (input.len > 5 && memcmp(input.ptr, "push:", 5) == 0) {
        int64_t taken = pipes->write(host, last_pipe, (const uint8_t *)input.ptr + 5, input.len - 5);
        snprintf(text, sizeof text, "pushed %d", (int)taken);
        say(text);
    } else if (input.len == 4 && memcmp(input.ptr, "over", 4) == 0) {
        pipes->finish(host, last_pipe, TB_OK);
    } else if (input.len == 5 && memcmp(input.ptr, "pipes", 5) == 0) {
        try_pipes();
    } else if (input.len == 4 && memcmp(input.ptr, "wake", 4) == 0) {
        if (deaf) wake(deaf);
    }
    if (input.len <= 5 || memcmp(input.ptr, "read:", 5) != 0) return sources->resolved(host, task, NULL, 0);
    tb_track_v1 track = { .key = { input.ptr + 5, input.len - 5 },
                          .title = TB_LIT("Something"),
                          .artist = TB_LIT("Somebody"),
                          .album = TB_LIT("An Album"),
                          .isrc = TB_LIT("DEA123456789"),
                          .artwork_url = TB_LIT(ARTWORK),
                          .duration_ms = 60000 };
    if (memcmp(input.ptr + 5, "station", input.len - 5 < 7 ? input.len - 5 : 7) == 0) {
        track.flags = TB_TRACK_LIVE;
        track.duration_ms = 0;
    }
    return sources->resolved(host, task, &track, 1);
}

static tb_status open_(void *self, tb_task task, tb_str key, uint64_t start) {
    (void)self, (void)start;
    static char text[1100];
    snprintf(text, sizeof text, "%.*s", (int)key.len, key.ptr);
    char *how = strchr(text, ':');
    if (!how) return TB_E_NOT_FOUND;
    *how++ = 0;
    if (strcmp(text, "bytes") == 0) open_reader(task, TB_MEDIA_BYTES, how);
    else if (strcmp(text, "pcm") == 0) open_reader(task, TB_MEDIA_PCM_S16_48K_STEREO, how);
    else if (strcmp(text, "opus") == 0) open_reader(task, TB_MEDIA_OPUS_PACKETS, how);
    else if (strcmp(text, "kind") == 0) open_reader(task, (uint32_t)atoi(how), "x");
    else if (strcmp(text, "pipe") == 0) open_pipe(task, how);
    else {
        static const tb_header_v1 header = { { "x-key", 5 }, { "of the plugin", 13 } };
        tb_media_v1 media = { .kind = TB_MEDIA_URL, .url = { how, strlen(how) }, .byte_length = -1,
                              .headers = &header, .header_count = 1 };
        return sources->opened(host, task, &media);
    }
    return TB_OK;
}

static const tb_source_v1 source = { match, resolve, open_, NULL, NULL };

static const void *get_extension(const char *id) { return strcmp(id, TB_EXT_SOURCE) == 0 ? &source : NULL; }

static tb_status create(const tb_host_v1 *given, tb_str config, void **out) {
    (void)config;
    *out = NULL;
    host = given;
    sources = given->get_extension(given, TB_EXT_SOURCE_HOST);
    pipes = given->get_extension(given, TB_EXT_PIPE);
    logs = given->get_extension(given, TB_EXT_LOG);
    return sources && pipes && logs ? TB_OK : TB_E_UNSUPPORTED;
}

static void stop(void *self) {
    (void)self;
    say("stopped " VERSION);
}

static void destroy(void *self) {
    (void)self;
    say("destroyed " VERSION);
}

static const tb_plugin_v1 table = {
    TB_PLUGIN_MAGIC, sizeof(tb_plugin_v1), TB_LIT(PLUGIN_ID), TB_LIT(VERSION), create, stop, destroy, get_extension,
};

__attribute__((visibility("default"))) const tb_plugin_v1 *timmybot_plugin_v1(void) { return &table; }
