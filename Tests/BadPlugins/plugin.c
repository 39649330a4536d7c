// A small, good plugin: /hello, a button, a source of tones. With -DFAULT_<NAME> it is wrong in exactly one way, for which
// `timmybot plugin check` must refuse it. docs/plugins/check.md lists the ways. In one
// file, so that each fault stands beside the good code that it breaks.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <timmybot/timmybot.h>
#include <unistd.h>

#ifndef MANIFEST
#define MANIFEST "{\"id\":\"test.check\",\"version\":\"1.0.0\",\"abi\":1,\"examples\":[\"tone: a\"]}"
#endif
#ifndef FAULT_NO_MANIFEST
TB_MANIFEST(MANIFEST);
#endif

#ifdef FAULT_MORE_EXPORTS
__attribute__((visibility("default"))) int helper(void) { return 1; }
#endif
#ifdef FAULT_UNRESOLVED
extern int nobody_has_this(void);
__attribute__((used)) static int needs(void) { return nobody_has_this(); }
#endif
#ifdef FAULT_NEEDS_LIBRARY
extern const char *zlibVersion(void);
__attribute__((used)) static const char *uses(void) { return zlibVersion(); }
#endif
#ifdef FAULT_TEXTREL
__asm__(".text\n.globl textrel_place\n.hidden textrel_place\ntextrel_place: .quad stdout\n");
#endif

static const tb_host_v1 *host;
static const tb_host_task_v1 *tasks;
static const tb_host_reply_v1 *reply;
static const tb_host_source_v1 *source_host;
static const tb_host_store_v1 *store;
__attribute__((unused)) static const tb_host_log_v1 *logger;
__attribute__((unused)) static tb_task open_task;
__attribute__((unused)) static tb_str kept;

__attribute__((unused)) static void *forever(void *unused) {
    (void)unused;
    for (;;) pause();
    return NULL;
}

__attribute__((unused)) static void handler(int number) { (void)number; }

__attribute__((constructor)) static void loading(void) {
#if defined(FAULT_LOAD_THREAD)
    pthread_t thread;
    pthread_create(&thread, NULL, forever, NULL);
#elif defined(FAULT_LOAD_DESCRIPTOR)
    if (open("/dev/null", O_RDONLY) < 0) abort();
#elif defined(FAULT_LOAD_SIGNAL)
    signal(SIGUSR1, handler);
#elif defined(FAULT_LOAD_PRINTS)
    puts("hello from the constructor");
    fflush(stdout);
#elif defined(FAULT_LOAD_ENVIRONMENT)
    setenv("TIMMYBOT_TEST", "1", 1);
#elif defined(FAULT_LOAD_LOCALE)
    setlocale(LC_ALL, "C.UTF-8");
#elif defined(FAULT_LOAD_FOLDER)
    if (chdir("/") != 0) abort();
#elif defined(FAULT_LOAD_CRASH)
    abort();
#elif defined(FAULT_LOAD_HANG)
    for (;;) pause();
#elif defined(FAULT_LOAD_EXIT)
    _exit(3);
#endif
}

static tb_status say(tb_task task, const char *json) {
    tb_message_v1 message = { .components_json = { json, strlen(json) } };
    return reply->send(host, task, &message);
}

#define HELLO(P) P(INT, number, "a number", 0, 1000) P(OPT_STR, word, "a word", 0, 0)
TB_COMMAND(hello, HELLO) {
    (void)self, (void)call, (void)number, (void)word;
#if defined(FAULT_NEVER_SETTLES)
    return task ? TB_OK : TB_E_INVALID;
#elif defined(FAULT_SETTLES_TWICE)
    say(task, "[]");
#elif defined(FAULT_COMMAND_CRASH)
    raise(SIGSEGV);
#elif defined(FAULT_COMMAND_TRAP)
    __builtin_trap();
#elif defined(FAULT_COMMAND_HANG)
    for (;;) pause();
#elif defined(FAULT_COMMAND_PRINTS)
    puts("said hello");
    fflush(stdout);
#elif defined(FAULT_NOT_JSON)
    return say(task, "[{\"type\":10,\"content\":\"unfinished}]");
#elif defined(FAULT_FUZZ_VALUE)
    if (number == 1000) abort();
#elif defined(FAULT_FUZZ_TEXT)
    if (word && word->len > 200 && memmem(word->ptr, word->len, "%n", 2)) abort();
#elif defined(FAULT_SETTLES_AND_REFUSES)
    say(task, "[]");
    return TB_E_INTERNAL;
#elif defined(FAULT_CLOSES_DESCRIPTORS)
    for (int fd = 3; fd < 64; fd++) close(fd);
#endif
    return say(task, "[{\"type\":10,\"content\":\"hello\"}]");
}

__attribute__((unused)) static tb_status invoke(void *self, tb_task task, const tb_invocation_v1 *call, const tb_value_v1 *values, size_t count) {
    (void)self, (void)call, (void)values, (void)count;
    return say(task, "[]");
}

__attribute__((unused)) static const tb_choice_v1 choices[30] = { { TB_LIT("one"), TB_LIT("1") } };
static const tb_param_v1 odd_params[] = {
    {
        .name = TB_LIT(
#ifdef FAULT_PARAM_NAME
            "My Word"
#else
            "word"
#endif
            ),
        .text = TB_LIT(
#ifdef FAULT_PARAM_TEXT
            ""
#else
            "a word"
#endif
            ),
#if defined(FAULT_PARAM_TYPE)
        .type = 77,
#elif defined(FAULT_PARAM_OPTION)
        .type = TB_T_STR | TB_T_OPT,
#else
        .type = TB_T_STR,
#endif
#if defined(FAULT_CHOICES)
        .choices = choices, .choice_count = 26,
#elif defined(FAULT_CHOICES_AND_AUTOCOMPLETE)
        .choices = choices, .choice_count = 1, .flags = TB_PARAM_AUTOCOMPLETE,
#elif defined(FAULT_NO_AUTOCOMPLETE)
        .flags = TB_PARAM_AUTOCOMPLETE,
#elif defined(FAULT_BOUNDS)
        .flags = TB_PARAM_BOUNDED, .min = 5, .max = 1,
#endif
    },
#ifdef FAULT_PARAM_TWICE
    { .name = TB_LIT("word"), .text = TB_LIT("again"), .type = TB_T_STR },
#endif
};

static const tb_command_v1 items[] = {
    TB_COMMAND_ROW(hello, "Says hello"),
    {
        .name = TB_LIT(
#if defined(FAULT_COMMAND_NAME)
            "Bad Name"
#elif defined(FAULT_COMMAND_TWICE)
            "hello"
#else
            "other"
#endif
            ),
        .text = TB_LIT(
#if defined(FAULT_COMMAND_TEXT)
            ""
#elif defined(FAULT_UTF8)
            "\xff\xfe"
#else
            "Another one"
#endif
            ),
#ifdef FAULT_TOO_MANY_PARAMS
        .param_count = 26,
#elif defined(FAULT_NO_PARAMS)
        .param_count = 2,
#else
        .param_count = sizeof odd_params / sizeof *odd_params,
#endif
#ifndef FAULT_NO_PARAMS
        .params = odd_params,
#endif
#ifndef FAULT_NO_HANDLER
        .invoke = invoke,
#endif
    },
};

static tb_status component(void *self, tb_task task, const tb_invocation_v1 *call, const tb_str *values, size_t count) {
    (void)self, (void)call, (void)values, (void)count;
    return say(task, "[]");
}

static const tb_commands_v1 commands = {
    .items = items,
#ifdef FAULT_TOO_MANY_COMMANDS
    .count = 101,
#else
    .count = sizeof items / sizeof *items,
#endif
    .component = component,
};

// ---- the source: "tone: a" is a second of a sawtooth --------------------------------------------------------------------

#define TONE_BYTES (48000u * 4u)
struct tone {
    uint64_t at;
    volatile int interrupted;
};

static int64_t tone_read(void *ctx, uint8_t *buffer, size_t capacity) {
    struct tone *tone = ctx;
    if (tone->interrupted) return TB_E_CANCELLED;
#ifdef FAULT_READ_TOO_MUCH
    if (capacity == 7) return 8;
#endif
    size_t count = 0;
#ifdef FAULT_READ_PIECES
    // Counts samples from the start of each buffer instead of from the start of the sound.
    for (; count < capacity && tone->at < TONE_BYTES; count++, tone->at++) buffer[count] = (uint8_t)(count % 251);
#else
    for (; count < capacity && tone->at < TONE_BYTES; count++, tone->at++) buffer[count] = (uint8_t)(tone->at % 251);
#endif
    return (int64_t)count;
}

static tb_status tone_seek(void *ctx, uint64_t offset) {
#ifdef FAULT_SEEK
    (void)ctx, (void)offset;
    return TB_OK;
#else
    ((struct tone *)ctx)->at = offset < TONE_BYTES ? offset : TONE_BYTES;
    return TB_OK;
#endif
}

static void tone_interrupt(void *ctx) { ((struct tone *)ctx)->interrupted = 1; }
static void tone_close(void *ctx) {
    free(ctx);
}

static bool is_tone(tb_str text) { return text.len >= 6 && memcmp(text.ptr, "tone: ", 6) == 0; }

static uint32_t match(void *self, tb_str input) {
    (void)self;
#if defined(FAULT_MATCH_SLOW)
    for (volatile int i = 0; i < 20000000; i++) {}
#elif defined(FAULT_MATCH_READS)
    char byte;
    int file = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    if (file >= 0 && read(file, &byte, 1) == 1) close(file);
#elif defined(FAULT_MATCH_SCORE)
    return 1000;
#endif
    return is_tone(input) ? 100 : 0;
}

static tb_status resolve(void *self, tb_task task, tb_str input, uint32_t limit) {
    (void)self, (void)limit;
#ifdef FAULT_KEEPS_POINTER
    // Settled at the next call, with the borrowed text of this one.
    tb_task before = open_task;
    tb_track_v1 late = { .key = kept, .title = kept };
    open_task = task;
    kept = input;
    return before ? source_host->resolved(host, before, &late, 1), TB_OK : TB_OK;
#endif
    tb_track_v1 track = { .key = TB_LIT("a"), .title = TB_LIT("Tone"), .artist = TB_LIT("Saw"), .duration_ms = 1000 };
#if defined(FAULT_TRACK_KEY)
    track.key.len = 0;
#elif defined(FAULT_TRACK_UTF8)
    track.title = TB_STR("\xc3\x28");
#endif
    return source_host->resolved(host, task, &track, is_tone(input) ? 1 : 0);
}

static tb_status open_(void *self, tb_task task, tb_str key, uint64_t start_ms) {
    (void)self, (void)start_ms;
    if (key.len != 1) return TB_E_NOT_FOUND;
    struct tone *tone = calloc(1, sizeof *tone);
    tb_media_v1 media = {
        .kind = TB_MEDIA_PCM_S16_48K_STEREO, .byte_length = TONE_BYTES,
        .reader = { tone, tone_read, tone_seek, tone_interrupt, tone_close },
    };
    tb_status status = source_host->opened(host, task, &media);
    if (status != TB_OK) free(tone);
    return TB_OK;
}

static const tb_source_v1 source = {
    .match = match,
    .resolve = resolve,
#ifndef FAULT_SOURCE_HALF
    .open = open_,
#endif
};

static const void *get_extension(const char *id) {
#if defined(FAULT_ANSWERS_EVERYTHING)
    if (strcmp(id, TB_EXT_COMMANDS) != 0 && strcmp(id, TB_EXT_SOURCE) != 0 && strncmp(id, "timmy.nothing", 13) == 0) return &commands;
#elif defined(FAULT_TABLE_CHANGES)
    static tb_commands_v1 copies[64];
    static int next;
    if (strcmp(id, TB_EXT_COMMANDS) == 0) return copies[next % 64] = commands, &copies[next++ % 64];
#endif
    if (strcmp(id, TB_EXT_COMMANDS) == 0) return &commands;
    return strcmp(id, TB_EXT_SOURCE) == 0 ? &source : NULL;
}

static tb_status create(const tb_host_v1 *given, tb_str config, void **out) {
    (void)config;
    *out = NULL;
    host = given;
    logger = given->get_extension(given, TB_EXT_LOG);
    tasks = given->get_extension(given, TB_EXT_TASK);
    reply = given->get_extension(given, TB_EXT_REPLY);
    source_host = given->get_extension(given, TB_EXT_SOURCE_HOST);
    store = given->get_extension(given, TB_EXT_STORE);
#if defined(FAULT_NEEDS_STORE)
    if (!store->get) return TB_E_UNSUPPORTED;
#elif defined(FAULT_REFUSES_SILENTLY)
    if (!store) return TB_E_UNSUPPORTED;
#elif defined(FAULT_LEAKS_MEMORY)
    static char *volatile last;
    last = calloc(1, 4096);
    last[0] = 1;
#elif defined(CACHE_FILLS)
    // No fault: what is kept of the first few hundred instances, as a language's runtime keeps its caches.
    static int created;
    static char *volatile kept;
    if (created++ < 350) kept = calloc(1, 4096);
    if (kept) kept[0] = 1;
#elif defined(FAULT_LEAKS_DESCRIPTOR)
    if (open("/dev/null", O_RDONLY | O_CLOEXEC) < 0) return TB_E_IO;
#elif defined(FAULT_LEAKS_THREAD)
    pthread_t thread;
    pthread_create(&thread, NULL, forever, NULL);
#endif
    if (tasks && reply && source_host) return TB_OK;
    if (logger) logger->log(host, TB_LOG_ERROR, TB_STR("tasks, replies and sources are what this plugin lives on"));
    return TB_E_UNSUPPORTED;
}

static void stop(void *self) {
    (void)self;
#ifdef FAULT_STOP_HANGS
    for (;;) pause();
#endif
}
static void destroy(void *self) { (void)self; }

static const tb_plugin_v1 table = {
#ifdef FAULT_MAGIC
    .magic = 0x12345678u,
#else
    .magic = TB_PLUGIN_MAGIC,
#endif
#ifdef FAULT_SIZE
    .size = sizeof(tb_plugin_v1) + 8,
#else
    .size = sizeof(tb_plugin_v1),
#endif
    .id = TB_LIT("test.check"),
#ifdef FAULT_VERSION
    .version = TB_LIT("9.9.9"),
#else
    .version = TB_LIT("1.0.0"),
#endif
    .create = create,
#ifndef FAULT_NO_STOP
    .stop = stop,
#endif
    .destroy = destroy,
    .get_extension = get_extension,
};

#ifdef FAULT_OTHER_MAJOR
#define timmybot_plugin_v1 timmybot_plugin_v2
const tb_plugin_v1 *timmybot_plugin_v2(void);
#endif
__attribute__((visibility("default"))) const tb_plugin_v1 *timmybot_plugin_v1(void) {
#if defined(FAULT_NULL_TABLE)
    return NULL;
#elif defined(FAULT_OTHER_TABLE)
    static tb_plugin_v1 copies[8];
    static int next;
    copies[next % 8] = table;
    return &copies[next++ % 8];
#else
    return &table;
#endif
}
