// What the parts of the mock host share. One mutex guards all of it; it is never held while the plugin is called.
#pragma once
#include <dlfcn.h>
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../tb_mock.h"

// A growing list; elements move, so lists of what is given out hold pointers.
#define LIST(type) \
    struct { \
        type *items; \
        size_t count, room; \
    }

typedef struct job {
    void (*run)(void *argument);
    void *argument;
    struct job *next;
} job;

// A thread that does one job after the other. `posted` and `done` count jobs.
typedef struct worker {
    tb_mock *mock;
    pthread_t thread;
    job *first, *last;
    uint64_t posted, done;
    bool is_held, is_stopping, is_started;
} worker;

typedef struct entry {  // of a task
    tb_mock_result result;
    tb_mock_kind expects;         // how a call of this kind is settled
    bool is_cancelled, is_begun;  // begun: its function has returned
    LIST(tb_message_v1) follow_ups;
} entry;

typedef struct script {
    tb_str url;
    bool is_prefix, is_used;
    tb_mock_answer answer;
} script;

typedef struct stream {
    tb_str body;
    size_t at, chunk;
    bool is_closed;
} stream;

typedef struct timer {
    uint64_t number, at;
    tb_timer_fn fire;
    void *context;
    bool is_over;
} timer;

typedef struct pair {  // of the store, settings (with guild), accounts and metrics
    tb_str key, value;
    uint64_t number, handle;
    double real;
    size_t times;
} pair;

typedef struct pipe_ {
    uint32_t kind;
    size_t capacity, used;
    uint8_t *bytes;
    bool is_finished, is_closed;
    tb_status status;
} pipe_;

typedef struct log_line {
    int32_t level;
    tb_str text;
} log_line;

struct tb_mock {
    tb_host_v1 host;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    worker lane, deliveries, reader;
    uint32_t patience;

    const tb_plugin_v1 *plugin;
    void *self;
    bool is_created, is_eager;
    const tb_source_v1 *source;
    const tb_commands_v1 *commands;
    char why[512];
    LIST(tb_str) without;
    LIST(void *) memory;
    LIST(tb_str) breaches;

    LIST(entry *) tasks;
    uint32_t stale;
    tb_invocation_v1 caller;

    LIST(script) scripts;
    LIST(tb_http_request_v1 *) requests;
    LIST(stream *) streams;
    LIST(pair) store, settings, accounts, metrics;
    LIST(log_line) log;
    FILE *log_file;
    uint64_t now;
    LIST(timer) timers;
    LIST(pipe_ *) pipes;
    LIST(tb_mock_asked) asked;
    LIST(const tb_media_v1 *) media;  // opened, not closed

    const tb_probe_result_v1 *probe;
    const tb_track_v1 *found;
    size_t found_count;
    tb_str found_source;
    const tb_played_v1 *history;
    size_t history_count;
    tb_player_result_v1 player;
};

#define FIRST_TASK 1000u  // so that a plugin that makes up numbers is found out
#define EPOCH_MS 1700000000000
#define START_MS 5000u
