// A music source in C: "/play tune: C4 E4 G4" makes music from a melody that is written as text.
//
// This is the whole of a plugin, and meant to be read from the end to the beginning: the one exported function gives the
// host a table; the table's `create` is called once; `get_extension` hands out the source; the source finds tracks
// (`resolve`) and opens them (`open`) as a reader, which makes sound only when the host pulls for it.
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <timmybot/timmybot.h>

#include "notation.h"

// Kept in a section of the file: the host reads it without running a line of this. "hosts" is empty: no network.
TB_MANIFEST("{\"id\":\"example.tune\",\"version\":\"1.0.0\",\"abi\":1,\"license\":\"MIT\",\"name\":\"Tune\","
            "\"text\":\"Makes music from a melody notation\",\"source\":{\"patterns\":[\"tune:\"]},\"hosts\":[]}");

#define PREFIX "tune:"
#define FRAME 4u       // bytes: left and right, 16 bits each
#define HARMONICS 6
#define BLOCK 256      // frames that are made at once; an interrupt is seen between two of them

typedef struct plugin {
    const tb_host_v1 *host;
    const tb_host_task_v1 *tasks;
    const tb_host_source_v1 *source;
} plugin;

// ---- sound ----------------------------------------------------------------------------------------------------------

typedef struct player {
    tune melody;
    uint64_t at;              // in bytes
    atomic_bool interrupted;  // set by another thread
} player;

// How loud a note is `t` seconds after its start: up in 8 ms, slowly down as on a piano, and let go at `length`.
static double envelope(double t, double length) {
    double attack = t < 0.008 ? t / 0.008 : 1;
    double release = t > length ? exp((length - t) * 18) : 1;
    return attack * exp(-t * 1.4) * release;
}

// A note's sound depends on nothing but the time since it began, so that after a seek it is what it would have been.
static void add_note(const tune_note *note, int64_t first, int count, double (*mix)[2]) {
    static const double strength[HARMONICS] = { 1, 0.45, 0.25, 0.12, 0.07, 0.04 };
    double frequency = 440 * exp2((note->pitch - 69) / 12.0);
    double right = 0.25 + 0.5 * (note->pitch - 12) / 107.0;  // low notes on the left, as before a piano
    double gain = note->volume / 100.0 * 0.32;
    for (int i = 0; i < count; i++) {
        int64_t age = first + i - note->start;
        if (age < 0 || age >= note->length + TUNE_TAIL) continue;
        double t = (double)age / TUNE_RATE, phase = 2 * 3.14159265358979323846 * frequency * t;
        // sin(nx) from the two before it: one sine and cosine for all harmonics
        double twice = 2 * cos(phase), before = 0, sine = sin(phase), sum = 0;
        for (int n = 0; n < HARMONICS && frequency * (n + 1) < 20000; n++) {
            sum += strength[n] * sine;
            double next = twice * sine - before;
            before = sine, sine = next;
        }
        double value = sum * gain * envelope(t, (double)note->length / TUNE_RATE);
        mix[i][0] += value * (1 - right);
        mix[i][1] += value * right;
    }
}

// The last TUNE_TAIL frames fade to silence, so that the end is no click.
static int16_t sample(double value, int64_t left_over) {
    if (left_over < TUNE_TAIL / 4) value *= (double)left_over / (TUNE_TAIL / 4);
    return (int16_t)lrint(tanh(value) * 32000);  // tanh: many notes at once become dense instead of harsh
}

static void render(const tune *melody, int64_t first, int count, uint8_t *out) {
    double mix[BLOCK][2] = { { 0 } };
    for (size_t i = 0; i < melody->count; i++) {
        const tune_note *note = melody->notes + i;
        bool sounds = note->start < first + count && note->start + note->length + TUNE_TAIL > first;
        if (sounds) add_note(note, first, count, mix);
    }
    for (int i = 0; i < count; i++) {
        for (int side = 0; side < 2; side++) {
            uint16_t bits = (uint16_t)sample(mix[i][side], melody->frames - 1 - (first + i));
            *out++ = (uint8_t)(bits & 0xFF);
            *out++ = (uint8_t)(bits >> 8);
        }
    }
}

// ---- the reader -----------------------------------------------------------------------------------------------------

// [reader] The host's buffer may be of any size, even one that ends in the middle of a sample.
static int64_t player_read(void *ctx, uint8_t *buffer, size_t capacity) {
    player *p = ctx;
    uint64_t total = (uint64_t)p->melody.frames * FRAME;
    size_t done = 0;
    while (done < capacity && p->at < total) {
        if (atomic_exchange(&p->interrupted, false)) return done ? (int64_t)done : TB_E_CANCELLED;
        int64_t first = (int64_t)(p->at / FRAME), left_over = p->melody.frames - first;
        uint8_t block[BLOCK * FRAME];
        size_t skip = p->at % FRAME, wanted = (skip + capacity - done + FRAME - 1) / FRAME;
        int count = wanted < BLOCK ? (int)wanted : BLOCK;
        if (count > left_over) count = (int)left_over;
        render(&p->melody, first, count, block);
        size_t bytes = (size_t)count * FRAME - skip;
        if (bytes > capacity - done) bytes = capacity - done;
        memcpy(buffer + done, block + skip, bytes);
        done += bytes;
        p->at += bytes;
    }
    return (int64_t)done;
}

static tb_status player_seek(void *ctx, uint64_t offset) {
    player *p = ctx;
    if (offset > (uint64_t)p->melody.frames * FRAME) return TB_E_INVALID;
    p->at = offset;
    atomic_store(&p->interrupted, false);
    return TB_OK;
}

static void player_interrupt(void *ctx) { atomic_store(&((player *)ctx)->interrupted, true); }

static void player_close(void *ctx) { free(ctx); }

// ---- the source -----------------------------------------------------------------------------------------------------

// The melody in what the user typed: without the prefix and the spaces around it.
static tb_str melody_of(tb_str input) {
    size_t prefix = sizeof PREFIX - 1;
    if (input.len >= prefix && memcmp(input.ptr, PREFIX, prefix) == 0) input.ptr += prefix, input.len -= prefix;
    while (input.len && *input.ptr == ' ') input.ptr++, input.len--;
    while (input.len && input.ptr[input.len - 1] == ' ') input.len--;
    return input;
}

// [any] At once, without a look at the melody: an address with our prefix is ours, whatever it says.
static uint32_t match(void *self, tb_str input) {
    (void)self;
    return input.len >= sizeof PREFIX - 1 && memcmp(input.ptr, PREFIX, sizeof PREFIX - 1) == 0 ? 100 : 0;
}

static tb_status fail(plugin *p, tb_task task, tb_status code, const char *text) {
    tb_error_v1 error = { .code = code, .user_text = { text, strlen(text) }, .detail = TB_LIT("melody not understood") };
    return p->tasks->fail(p->host, task, &error);
}

// Parses into memory of its own: a tune is too large for a stack. NULL where the task was failed with the reason.
static tune *parsed(plugin *p, tb_task task, tb_str melody) {
    char problem[160], text[200];
    tune *t = malloc(sizeof *t);
    if (!t) fail(p, task, TB_E_INTERNAL, "There is no memory left for this tune.");
    else if (melody.len > 1024) fail(p, task, TB_E_INVALID, "A tune has at most 1024 characters.");
    else if (tune_parse(melody.ptr, melody.len, t, problem, sizeof problem)) return t;
    else {
        snprintf(text, sizeof text, "I cannot play this tune: %s.", problem);
        fail(p, task, TB_E_INVALID, text);
    }
    free(t);
    return NULL;
}

// A title of whole characters: the notation, cut after 60 bytes. What parsed is ASCII.
static size_t title(char *out, size_t room, tb_str melody) {
    int length = melody.len > 60 ? 60 : (int)melody.len;
    return (size_t)snprintf(out, room, "Tune %.*s%s", length, melody.ptr, melody.len > 60 ? "..." : "");
}

// [lane] The key is the melody itself, so that nothing must be remembered and a queue survives a restart.
static tb_status resolve(void *self, tb_task task, tb_str input, uint32_t limit) {
    plugin *p = self;
    if (limit == 0) return p->source->resolved(p->host, task, NULL, 0);
    tb_str melody = melody_of(input);
    tune *t = parsed(p, task, melody);
    if (!t) return TB_OK;  // accepted, and failed already
    char name[80];
    tb_track_v1 track = {
        .key = melody,
        .title = { name, title(name, sizeof name, melody) },
        .artist = TB_LIT("Tune"),
        .duration_ms = (t->frames * 1000 + TUNE_RATE - 1) / TUNE_RATE,
    };
    free(t);
    p->source->resolved(p->host, task, &track, 1);  // TB_E_STALE would be harmless: nothing is left to do
    return TB_OK;
}

// [lane] A reader that can seek begins at the start of the track: the host goes to `start_ms` itself. (One that cannot,
// and yet can begin in the middle, would say so with TB_MEDIA_STARTED.)
static tb_status open_track(void *self, tb_task task, tb_str key, uint64_t start_ms) {
    plugin *p = self;
    (void)start_ms;
    tune *t = parsed(p, task, key);
    if (!t) return TB_OK;
    player *playing = calloc(1, sizeof *playing);
    if (!playing) {
        free(t);
        return TB_E_INTERNAL;
    }
    playing->melody = *t;
    free(t);
    tb_media_v1 media = {
        .kind = TB_MEDIA_PCM_S16_48K_STEREO,
        .byte_length = playing->melody.frames * (int64_t)FRAME,
        .reader = { playing, player_read, player_seek, player_interrupt, player_close },
    };
    // From TB_OK on the reader is the host's, which closes it. Anything else: it is still ours.
    if (p->source->opened(p->host, task, &media) != TB_OK) player_close(playing);
    return TB_OK;
}

static const tb_source_v1 source = { match, resolve, open_track, NULL, NULL };

// ---- the plugin -----------------------------------------------------------------------------------------------------

static tb_status create(const tb_host_v1 *host, tb_str config, void **out) {
    (void)config;
    const tb_host_task_v1 *tasks = host->get_extension(host, TB_EXT_TASK);
    const tb_host_source_v1 *source_host = host->get_extension(host, TB_EXT_SOURCE_HOST);
    if (!tasks || !source_host) return TB_E_UNSUPPORTED;
    plugin *p = malloc(sizeof *p);
    if (!p) return TB_E_INTERNAL;
    *p = (plugin){ host, tasks, source_host };
    *out = p;
    return TB_OK;
}

static void stop(void *self) { (void)self; }  // every task is settled before its function returns

static void destroy(void *self) { free(self); }

static const void *get_extension(const char *id) { return id && strcmp(id, TB_EXT_SOURCE) == 0 ? &source : NULL; }

static const tb_plugin_v1 table = {
    TB_PLUGIN_MAGIC, sizeof table, TB_LIT("example.tune"), TB_LIT("1.0.0"), create, stop, destroy, get_extension,
};

__attribute__((visibility("default"))) const tb_plugin_v1 *timmybot_plugin_v1(void) { return &table; }
