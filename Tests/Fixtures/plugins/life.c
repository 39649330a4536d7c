// A plugin whose life can be watched and disturbed. What is set by -D:
//   PLUGIN_ID, VERSION, LANES, SUFFIX (of command names), EXTRA (one more command), SOURCE (0: none)
//   HANG    name of the call that hangs until somebody opens the FIFO GATE for writing
//   EVENTS  a file that gets a line for each create, stop and destroy
//   TELL_CONFIG  the event file gets a line with the configuration, too
//   SPIN    hang by spinning a core until the file GATE exists
//   BAD_OAUTH    has a table of OAuth flows that is refused
//   LATE_REFUSAL create starts a timer and only then refuses
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <timmybot/timmybot.h>
#include <unistd.h>

#ifndef PLUGIN_ID
#define PLUGIN_ID "test.life"
#endif
#ifndef VERSION
#define VERSION "1.0.0"
#endif
#ifndef LANES
#define LANES "1"
#endif
#ifndef SUFFIX
#define SUFFIX ""
#endif
#ifndef HANG
#define HANG ""
#endif
#ifndef GATE
#define GATE ""
#endif
#ifndef EVENTS
#define EVENTS ""
#endif
#ifndef SOURCE
#define SOURCE 1
#endif
TB_MANIFEST("{\"id\":\"" PLUGIN_ID "\",\"version\":\"" VERSION "\",\"abi\":1,\"lanes\":" LANES "}");

// The host that this instance was created with; a second instance of the same build would overwrite it.
static const tb_host_v1 *host;
static const tb_host_reply_v1 *reply;
static const tb_host_source_v1 *source_host;
static const tb_host_log_v1 *logger;

static void event(const char *what) {
    int file = EVENTS[0] ? open(EVENTS, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (file < 0) return;
    char line[64];
    int used = snprintf(line, sizeof line, "%s %s\n", what, VERSION);
    if (write(file, line, (size_t)used) < 0) abort();
    close(file);
}

static void may_hang(const char *call) {
    if (strcmp(HANG, call) != 0) return;
    event("hangs");
#ifdef SPIN
    while (access(GATE, F_OK) != 0) {}
#else
    int gate = open(GATE, O_RDONLY | O_CLOEXEC);
    if (gate >= 0) close(gate);
#endif
}

static tb_status say(tb_task task, const char *text) {
    tb_message_v1 message = { .components_json = { text, strlen(text) } };
    return reply->send(host, task, &message);
}

TB_COMMAND(version, TB_NO_PARAMS) {
    (void)self, (void)call;
    may_hang("command");
    return say(task, VERSION);
}

// Asks the host for something and does not wait for it: what comes of it goes into the event file.
static void came(const char *what, const tb_error_v1 *error) {
    char text[40];
    snprintf(text, sizeof text, "%s %d", what, error ? error->code : TB_OK);
    event(text);
}
static void played(void *context, const tb_player_result_v1 *r) { came(context, r->error); }
static void found(void *context, const tb_search_result_v1 *r) { came(context, r->error); }
static void recalled(void *context, const tb_history_result_v1 *r) { came(context, r->error); }
static void probed(void *context, const tb_probe_result_v1 *r) { came(context, r->error); }
static void was_set(void *context, const tb_settings_result_v1 *r) { came(context, r->error); }

static tb_status start(const tb_invocation_v1 *call, const char *what) {
    const tb_host_player_v1 *player = host->get_extension(host, TB_EXT_PLAYER);
    const tb_host_settings_v1 *settings = host->get_extension(host, TB_EXT_SETTINGS);
    const tb_host_search_v1 *search = host->get_extension(host, TB_EXT_SEARCH);
    const tb_host_history_v1 *history = host->get_extension(host, TB_EXT_HISTORY);
    const tb_host_probe_v1 *probe = host->get_extension(host, TB_EXT_PROBE);
    tb_str text = TB_STR("x");
    if (strcmp(what, "play") == 0) return player->play(host, call, text, TB_PLAY_APPEND, played, "play");
    if (strcmp(what, "control") == 0) return player->control(host, call, TB_PLAYER_PAUSE, 0, 0, played, "control");
    if (strcmp(what, "filter") == 0) return player->set_filter(host, call, text, played, "filter");
    if (strcmp(what, "snapshot") == 0) return player->snapshot(host, call, 0, 1, played, "snapshot");
    if (strcmp(what, "search") == 0) return search->search(host, call, text, 1, found, "search");
    if (strcmp(what, "history") == 0) return history->recent(host, call, 1, recalled, "history");
    if (strcmp(what, "settings") == 0) return settings->all(host, call->guild, was_set, "settings");
    if (strcmp(what, "set") == 0) return settings->set(host, call->guild, text, text, was_set, "set");
    int descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC);
    tb_status status = probe->probe(host, descriptor, probed, "probe");
    if (status != TB_OK) close(descriptor);
    return status;
}

#define WHAT(P) P(STR, what, "what to ask for", 0, 0)
TB_COMMAND(ask, WHAT) {
    (void)self;
    static char kind[16], text[16];
    snprintf(kind, sizeof kind, "%.*s", (int)what->len, what->ptr);
    snprintf(text, sizeof text, "%d", start(call, kind));
    return say(task, text);
}

// Accepted and never answered.
TB_COMMAND(hold, TB_NO_PARAMS) {
    (void)self, (void)task, (void)call;
    event("hold");
    return TB_OK;
}

static _Atomic tb_task kept;
TB_COMMAND(keep, TB_NO_PARAMS) {
    (void)self, (void)call;
    atomic_store(&kept, task);
    return TB_OK;
}
TB_COMMAND(release, TB_NO_PARAMS) {
    (void)self, (void)call;
    say(atomic_exchange(&kept, 0), "kept by " VERSION);
    return say(task, "released");
}

// Fails as `number` says: 1 for what somebody typed wrong and is told about, 2 for an invalid answer of its own, 3 for
// somebody else who is slow (and then has something to tidy up), 4 for a fault of its own with kind words, 5 to 7 with a
// status that is none.
#define NUMBER(P) P(INT, number, "a number", 1, 16)
TB_COMMAND(wrong, NUMBER) {
    (void)self, (void)call;
    const tb_host_task_v1 *tasks = host->get_extension(host, TB_EXT_TASK);
    static const tb_status codes[] = { TB_OK, TB_E_INVALID, TB_E_INVALID, TB_E_TIMEOUT, TB_E_INTERNAL, -99 };
    if (number == 6) return 5;
    if (number == 7) return -99;
    tb_error_v1 error = { .code = codes[number], .detail = TB_LIT("no such colour") };
    if (number == 1 || number == 4) error.user_text = (tb_str)TB_LIT("That is no colour.");
    tb_status status = tasks->fail(host, task, &error);
    if (number == 3) may_hang("tidying");
    return status;
}

TB_COMMAND(broken, TB_NO_PARAMS) {
    (void)self, (void)task, (void)call;
    return TB_E_INTERNAL;
}

// Answers how many calls were in here at once, once there are `number` of them or five seconds have passed.
static atomic_int here, most;
TB_COMMAND(meet, NUMBER) {
    (void)self, (void)call;
    int now = atomic_fetch_add(&here, 1) + 1, seen = atomic_load(&most);
    while (seen < now && !atomic_compare_exchange_weak(&most, &seen, now)) {}
    struct timespec start, at;
    clock_gettime(CLOCK_MONOTONIC, &start);
    do {
        sched_yield();
        clock_gettime(CLOCK_MONOTONIC, &at);
    } while (atomic_load(&most) < number && at.tv_sec - start.tv_sec < 5);
    atomic_fetch_sub(&here, 1);
    char text[16];
    snprintf(text, sizeof text, "%d", atomic_load(&most));
    return say(task, text);
}

TB_COMMAND(shout, TB_NO_PARAMS) {
    (void)self, (void)call;
    printf("a plugin writes to standard output\n");
    fflush(stdout);
    return say(task, "shouted");
}

TB_COMMAND(garble, TB_NO_PARAMS) {
    (void)self, (void)call;
    tb_message_v1 odd = { .components_json = { "\xff\xfe", 2 } };
    logger->log(host, TB_LOG_INFO, (tb_str){ "\xff\x1b[2J", 5 });
    static char text[5000] = "x";
    for (size_t i = 1; i + 1 < sizeof text; i += 2) text[i] = (char)0xC3, text[i + 1] = (char)0xA4;
    logger->log(host, TB_LOG_INFO, (tb_str){ text, sizeof text });
    return reply->send(host, task, &odd);
}

static void *die(void *number) {
    raise((int)(intptr_t)number);
    return NULL;
}
// Ends the process: 1 by a null pointer, 2 by abort, 3 by a trap, 4 by a thread of its own, 5 by running out of stack.
static volatile int forever = 1;
static int recurse(int depth) {
    volatile char block[4096];
    block[0] = (char)depth;
    return forever ? recurse(depth + 1) + block[0] : 0;
}
TB_COMMAND(crash, NUMBER) {
    (void)self, (void)call;
    if (number == 1) *(volatile int *)8 = 1;
    if (number == 2) abort();
    if (number == 3) __builtin_trap();
    if (number == 4) {
        pthread_t thread;
        pthread_create(&thread, NULL, die, (void *)(intptr_t)SIGABRT);
        pthread_join(thread, NULL);
    }
    if (number == 5) return recurse(0);
    return say(task, "alive");
}

#define ROW(fn, d) { TB_LIT(#fn SUFFIX), TB_LIT(d), 0, 0, fn##_count, fn##_params, (tb_fn)fn, NULL }
static const tb_command_v1 items[] = {
    ROW(version, "Says which version it is"), ROW(hold, "Never answers"), ROW(keep, "Answers when released"),
    ROW(release, "Answers the kept call"), ROW(broken, "Fails"), ROW(wrong, "Fails in another way"), ROW(meet, "Counts calls at once"),
    ROW(shout, "Writes to standard output"), ROW(garble, "Answers bytes that are no text"),
    ROW(crash, "Ends the process"), ROW(ask, "Asks the host for something"),
#ifdef EXTRA
    { TB_LIT(EXTRA), TB_LIT("One more"), 0, 0, version_count, version_params, (tb_fn)version, NULL },
#endif
};

static tb_status autocomplete(void *self, tb_task task, const tb_invocation_v1 *call, tb_str option, tb_str text) {
    (void)self, (void)call, (void)option;
    may_hang("autocomplete");
    tb_choice_v1 choice = { text, text };
    return reply->choices(host, task, &choice, 1);
}

static tb_status component(void *self, tb_task task, const tb_invocation_v1 *call, const tb_str *values, size_t count) {
    (void)self, (void)call, (void)values, (void)count;
    may_hang("component");
    return say(task, VERSION);
}

static const tb_commands_v1 commands = { items, sizeof items / sizeof *items, autocomplete, component, NULL, NULL };

static uint32_t match(void *self, tb_str input) {
    (void)self, (void)input;
    may_hang("match");
    if (strcmp(HANG, "match") == 0) event("matched");
    return 50;
}

static tb_status resolve(void *self, tb_task task, tb_str input, uint32_t limit) {
    (void)self, (void)limit;
    if (input.len == 4 && memcmp(input.ptr, "hold", 4) == 0) return TB_OK;
    may_hang("resolve");
    tb_track_v1 track = { TB_LIT("key"), TB_LIT("Title " VERSION), TB_LIT(""), TB_LIT(""), TB_LIT(""), TB_LIT(""),
                          TB_LIT(""), 1000, TB_TRACK_ARTWORK, 0 };
    return source_host->resolved(host, task, &track, 1);
}

static tb_status open_(void *self, tb_task task, tb_str key, uint64_t start) {
    (void)self, (void)start, (void)key;
    may_hang("open");
    tb_media_v1 media = { .kind = TB_MEDIA_FD, .handle = (uint64_t)open("/dev/null", O_RDONLY | O_CLOEXEC) };
    tb_status status = source_host->opened(host, task, &media);
    if (status != TB_OK) close((int)media.handle);
    return TB_OK;
}

static tb_status artwork(void *self, tb_task task, tb_str key) {
    (void)self, (void)key;
    may_hang("artwork");
    static const uint8_t bytes[4] = { 1, 2, 3, 4 };
    return source_host->artwork(host, task, TB_STR("image/png"), bytes, sizeof bytes);
}

static void cancel(void *self, tb_task task) {
    (void)self, (void)task;
    if (strcmp(HANG, "cancel") != 0) return;
    event("cancel");
    may_hang("cancel");
    event("cancelled");
}

static const tb_source_v1 source = { match, resolve, open_, artwork, cancel };

#ifdef BAD_OAUTH
static const tb_oauth_v1 oauth = { NULL, 3 };
#endif

static const void *get_extension(const char *id) {
    may_hang("get_extension");
    if (strcmp(id, TB_EXT_COMMANDS) == 0) return &commands;
#ifdef BAD_OAUTH
    if (strcmp(id, TB_EXT_OAUTH) == 0) return &oauth;
#endif
    return SOURCE && strcmp(id, TB_EXT_SOURCE) == 0 ? &source : NULL;
}

#ifdef LATE_REFUSAL
static void tick(void *context) { (void)context; }
#endif

static tb_status create(const tb_host_v1 *given, tb_str config, void **out) {
    (void)config;
#ifdef TELL_CONFIG
    char told[48];
    snprintf(told, sizeof told, "%.*s", (int)config.len, config.ptr);
    event(told);
#endif
    may_hang("create");
#ifdef REFUSES
    return TB_E_AUTH;
#endif
    *out = NULL;
    host = given;
    reply = given->get_extension(given, TB_EXT_REPLY);
    source_host = given->get_extension(given, TB_EXT_SOURCE_HOST);
    logger = given->get_extension(given, TB_EXT_LOG);
    event("create");
#ifdef LATE_REFUSAL
    const tb_host_clock_v1 *timers = given->get_extension(given, TB_EXT_CLOCK);
    uint64_t timer;
    timers->timer(given, 3600000, tick, NULL, &timer);
    return TB_E_AUTH;
#endif
    return reply && source_host && logger ? TB_OK : TB_E_UNSUPPORTED;
}

static void stop(void *self) {
    (void)self;
    may_hang("stop");
    event("stop");
}

static void destroy(void *self) {
    (void)self;
    may_hang("destroy");
    event("destroy");
}

static const tb_plugin_v1 table = {
    TB_PLUGIN_MAGIC, sizeof(tb_plugin_v1), TB_LIT(PLUGIN_ID), TB_LIT(VERSION), create, stop, destroy, get_extension,
};

__attribute__((visibility("default"))) const tb_plugin_v1 *timmybot_plugin_v1(void) {
    may_hang("entry");
    return &table;
}
