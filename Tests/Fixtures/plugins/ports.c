// A plugin that uses the host's services as its commands say. Each command ends its task with a failure whose detail is
// what the test wants to read.
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <timmybot/timmybot.h>

#ifndef PLUGIN_ID
#define PLUGIN_ID "test.ports"
#endif
#ifndef HOSTS
#define HOSTS "\"api.example.org\""
#endif
TB_MANIFEST("{\"id\":\"" PLUGIN_ID "\",\"version\":\"1.0.0\",\"abi\":1,\"hosts\":[" HOSTS "]}");

static const tb_host_v1 *host;
static const tb_host_task_v1 *tasks;
static const tb_host_http_v1 *http;
static const tb_host_store_v1 *store;
static const tb_host_clock_v1 *timers;
static const tb_host_account_v1 *accounts;

static tb_status say(tb_task task, const char *text) {
    tb_error_v1 error = { .code = TB_E_UNAVAILABLE, .detail = { text, strlen(text) } };
    return tasks->fail(host, task, &error);
}

static void *boxed(tb_task task) {
    tb_task *box = malloc(sizeof task);
    *box = task;
    return box;
}
static tb_task unboxed(void *context) {
    tb_task task = *(tb_task *)context;
    free(context);
    return task;
}

static tb_status started(tb_status status, void *box, tb_task task) {
    if (status == TB_OK) return TB_OK;
    free(box);
    char text[32];
    snprintf(text, sizeof text, "status %d", status);
    return say(task, text);
}

// --- http

static void answered(void *context, const tb_http_response_v1 *r) {
    char text[900];
    if (r->error) {
        snprintf(text, sizeof text, "error %d %.*s", r->error->code, (int)r->error->detail.len, r->error->detail.ptr);
    } else {
        int used = snprintf(text, sizeof text, "%u|%.*s|%llu|%zu|%.*s", r->status, (int)r->url.len, r->url.ptr,
                            (unsigned long long)r->stream, r->body.len, r->body.len > 100 ? 0 : (int)r->body.len,
                            (const char *)r->body.ptr);
        for (size_t i = 0; i < r->header_count && i < 8; i++)
            used += snprintf(text + used, sizeof text - used, "|%.*s=%.*s", (int)r->headers[i].name.len,
                             r->headers[i].name.ptr, (int)r->headers[i].value.len, r->headers[i].value.ptr);
    }
    say(unboxed(context), text);
}

#define REQUEST(P) \
    P(STR, method, "HTTP method", 0, 0) P(STR, url, "where to", 0, 0) P(STR, header, "name=value", 0, 0) \
    P(STR, body, "what to send", 0, 0) P(INT, limit, "bytes", 0, 0) P(INT, account, "handle", 0, 0) P(INT, timeout, "ms", 0, 0)

static tb_http_request_v1 request(const tb_str *method, const tb_str *url, const tb_str *header, const tb_str *body,
                                  int64_t limit, int64_t account, int64_t timeout, tb_header_v1 *place) {
    tb_http_request_v1 r = { .method = *method, .url = *url, .limit = (uint64_t)limit, .account = (uint64_t)account,
                             .timeout_ms = (uint32_t)timeout };
    r.body = (tb_bytes){ (const uint8_t *)body->ptr, body->len };
    const char *equals = header->len ? memchr(header->ptr, '=', header->len) : NULL;
    if (equals) {
        place->name = (tb_str){ header->ptr, (size_t)(equals - header->ptr) };
        place->value = (tb_str){ equals + 1, header->len - place->name.len - 1 };
        r.headers = place;
        r.header_count = 1;
    }
    return r;
}

TB_COMMAND(fetch, REQUEST) {
    (void)self, (void)call;
    tb_header_v1 place;
    tb_http_request_v1 r = request(method, url, header, body, limit, account, timeout, &place);
    void *box = boxed(task);
    return started(http->fetch(host, &r, answered, box), box, task);
}

TB_COMMAND(stream, REQUEST) {
    (void)self, (void)call;
    tb_header_v1 place;
    tb_http_request_v1 r = request(method, url, header, body, limit, account, timeout, &place);
    void *box = boxed(task);
    return started(http->stream(host, &r, answered, box), box, task);
}

TB_COMMAND(broken, TB_NO_PARAMS) {
    (void)self, (void)call;
    tb_http_request_v1 ok = { .url = TB_LIT("https://api.example.org/") }, r[10] = { ok, ok, ok, ok, ok, ok, ok, ok, ok, ok };
    tb_header_v1 odd = { { "\xff", 1 }, TB_LIT("x") };
    r[0].header_count = 3;
    r[1].header_count = 65, r[1].headers = &odd;
    r[2].header_count = 1, r[2].headers = &odd;
    r[3].body = (tb_bytes){ NULL, 4 };
    r[4].body = (tb_bytes){ (const uint8_t *)"x", (1 << 20) + 1 };
    r[5].url = (tb_str){ "https://api.example.org/", (size_t)1 << 40 };
    r[6].method = (tb_str)TB_LIT("CONNECT");
    r[7].url = (tb_str)TB_LIT("file:///etc/passwd");
    // What a function that fails answers, taken for a length.
    tb_header_v1 sound = { TB_LIT("x"), TB_LIT("y") };
    r[8].header_count = (size_t)-1, r[8].headers = &sound;
    r[9].body = (tb_bytes){ (const uint8_t *)"x", (size_t)-1 };
    char text[200];
    int used = 0;
    for (int i = 0; i < 10; i++) used += snprintf(text + used, sizeof text - used, "%d ", http->fetch(host, r + i, answered, NULL));
    uint8_t byte;
    snprintf(text + used, sizeof text - used, "%d %d %d %lld %lld %lld", http->fetch(host, NULL, answered, NULL),
             http->fetch(host, &ok, NULL, NULL), http->stream(NULL, &ok, answered, NULL),
             (long long)http->read(host, 99, &byte, 1), (long long)http->read(host, 1, NULL, 1),
             (long long)http->read(host, 1, &byte, 0));
    http->close(host, 99);
    return say(task, text);
}

#define NUMBER(P) P(INT, number, "a number", 0, 0)

// Reads to the end: how many bytes, their sum, and what the last read answered.
TB_COMMAND(read_all, NUMBER) {
    (void)self, (void)call;
    static uint8_t buffer[64 << 10];
    uint64_t total = 0;
    int64_t got;
    unsigned sum = 0;
    while ((got = http->read(host, (uint64_t)number, buffer, sizeof buffer)) > 0) {
        total += (uint64_t)got;
        sum += buffer[0] + buffer[got - 1];
    }
    char text[80];
    snprintf(text, sizeof text, "%llu %u %lld", (unsigned long long)total, sum, (long long)got);
    return say(task, text);
}

TB_COMMAND(close_stream, NUMBER) {
    (void)self, (void)call;
    http->close(host, (uint64_t)number);
    http->close(host, (uint64_t)number);
    return say(task, "closed");
}

// --- store

static void stored(void *context, const tb_store_result_v1 *r) {
    char text[900];
    if (r->error) {
        snprintf(text, sizeof text, "error %d", r->error->code);
    } else {
        int used = snprintf(text, sizeof text, "%u|%zu|%.*s", r->found, r->value.len,
                            r->value.len > 100 ? 0 : (int)r->value.len, (const char *)r->value.ptr);
        for (size_t i = 0; i < r->key_count && i < 20; i++)
            used += snprintf(text + used, sizeof text - used, "|%.*s", (int)r->keys[i].len, r->keys[i].ptr);
    }
    say(unboxed(context), text);
}

#define KEY(P) P(STR, key, "a key", 0, 0)
#define PAIR(P) P(STR, key, "a key", 0, 0) P(STR, value, "a value", 0, 0)
#define SIZE(P) P(STR, key, "a key", 0, 0) P(INT, size, "bytes", 0, 0)

TB_COMMAND(store_get, KEY) {
    (void)self, (void)call;
    void *box = boxed(task);
    return started(store->get(host, *key, stored, box), box, task);
}
TB_COMMAND(store_set, PAIR) {
    (void)self, (void)call;
    void *box = boxed(task);
    return started(store->set(host, *key, (tb_bytes){ (const uint8_t *)value->ptr, value->len }, stored, box), box, task);
}
TB_COMMAND(store_fill, SIZE) {
    (void)self, (void)call;
    void *box = boxed(task), *bytes = calloc(1, (size_t)size + 1);
    tb_status status = store->set(host, *key, (tb_bytes){ bytes, (size_t)size }, stored, box);
    free(bytes);
    return started(status, box, task);
}
TB_COMMAND(store_remove, KEY) {
    (void)self, (void)call;
    void *box = boxed(task);
    return started(store->remove(host, *key, stored, box), box, task);
}
TB_COMMAND(store_keys, KEY) {
    (void)self, (void)call;
    void *box = boxed(task);
    return started(store->keys(host, *key, stored, box), box, task);
}

// --- clock

static tb_task waiting_task;
static char fired[200];
static void fire(void *context) {
    size_t used = strlen(fired);
    snprintf(fired + used, sizeof fired - used, "%s;", (const char *)context);
}

#define TIMER(P) P(INT, delay, "ms", 0, 0) P(INT, label, "0 to 9", 0, 0)
TB_COMMAND(timer, TIMER) {
    (void)self, (void)call;
    static const char *labels[] = { "0", "1", "2", "3", "4", "5", "6", "7", "8", "9" };
    uint64_t id = 0;
    tb_status status = timers->timer(host, (uint64_t)delay, fire, (void *)labels[label], &id);
    char text[64];
    snprintf(text, sizeof text, "%d %llu", status, (unsigned long long)id);
    return say(task, text);
}
TB_COMMAND(timer_cancel, NUMBER) {
    (void)self, (void)call;
    char text[32];
    snprintf(text, sizeof text, "%d", timers->cancel(host, (uint64_t)number));
    return say(task, text);
}
TB_COMMAND(timer_fired, TB_NO_PARAMS) {
    (void)self, (void)call;
    return say(task, fired);
}
TB_COMMAND(times, TB_NO_PARAMS) {
    (void)self, (void)call;
    char text[80];
    snprintf(text, sizeof text, "%lld %llu", (long long)timers->unix_ms(host), (unsigned long long)timers->monotonic_ms(host));
    return say(task, text);
}

// --- account

static void account_done(void *context, const tb_account_result_v1 *r) {
    char text[700];
    if (r->error)
        snprintf(text, sizeof text, "error %d %.*s", r->error->code, (int)r->error->user_text.len, r->error->user_text.ptr);
    else
        snprintf(text, sizeof text, "%llu|%.*s", (unsigned long long)r->account, (int)r->scopes.len, r->scopes.ptr);
    say(unboxed(context), text);
}

#define ACCOUNT(P) P(STR, flow, "its name", 0, 0) P(INT, user, "Discord's id", 0, 0)
TB_COMMAND(account_of, ACCOUNT) {
    (void)self, (void)call;
    void *box = boxed(task);
    return started(accounts->account(host, *flow, (uint64_t)user, account_done, box), box, task);
}

#ifdef OAUTH_BASE
static const tb_oauth_flow_v1 flows[] = {
    { TB_LIT("code"), TB_LIT(OAUTH_BASE "/authorize"), TB_LIT(""), TB_LIT(OAUTH_BASE "/token"), TB_LIT(""), TB_LIT("read write"),
      TB_LIT("OAuth"), TB_OAUTH_AUTHORIZATION_CODE, 0 },
    { TB_LIT("device"), TB_LIT(""), TB_LIT(OAUTH_BASE "/device"), TB_LIT(OAUTH_BASE "/token"), TB_LIT(OAUTH_BASE "/revoke"),
      TB_LIT("read"), TB_LIT(""), TB_OAUTH_DEVICE_CODE, 0 },
    { TB_LIT("own"), TB_LIT(""), TB_LIT(""), TB_LIT(OAUTH_BASE "/token"), TB_LIT(""), TB_LIT(""), TB_LIT(""),
      TB_OAUTH_CLIENT_CREDENTIALS, TB_OAUTH_BASIC },
};
#ifndef OAUTH_COUNT
#define OAUTH_COUNT 3
#endif
static const tb_oauth_v1 oauth = { flows, OAUTH_COUNT };
#endif

#define TYPED(fn, d) { TB_LIT(#fn), TB_LIT(d), 0, 0, fn##_count, fn##_params, (tb_fn)fn, NULL }
static const tb_command_v1 items[] = {
    TYPED(fetch, "Whole body"), TYPED(stream, "A stream"), TYPED(broken, "Requests that are none"),
    TYPED(read_all, "Reads a stream"), TYPED(close_stream, "Closes a stream"), TYPED(store_get, "Gets"),
    TYPED(store_set, "Sets"), TYPED(store_fill, "Sets much"), TYPED(store_remove, "Removes"), TYPED(store_keys, "Lists"),
    TYPED(timer, "Starts a timer"), TYPED(timer_cancel, "Cancels one"), TYPED(timer_fired, "Which fired"),
    TYPED(times, "What time it is"), TYPED(account_of, "A handle"),
};
static const tb_commands_v1 commands = { items, sizeof items / sizeof *items, NULL, NULL, NULL, NULL };

static const void *get_extension(const char *id) {
#ifdef OAUTH_BASE
    if (strcmp(id, TB_EXT_OAUTH) == 0) return &oauth;
#endif
    return strcmp(id, TB_EXT_COMMANDS) == 0 ? &commands : NULL;
}

// One pending request at stop, whose completion must come before destroy.
static int completions_before_destroy, destroyed;
static void at_stop(void *context, const tb_http_response_v1 *r) {
    (void)context, (void)r;
    if (destroyed) abort();
    completions_before_destroy++;
}

static tb_status create(const tb_host_v1 *given, tb_str config, void **out) {
    (void)config, (void)waiting_task;
    *out = NULL;
    host = given;
    tasks = given->get_extension(given, TB_EXT_TASK);
    http = given->get_extension(given, TB_EXT_HTTP);
    store = given->get_extension(given, TB_EXT_STORE);
    timers = given->get_extension(given, TB_EXT_CLOCK);
    accounts = given->get_extension(given, TB_EXT_ACCOUNT);
    return tasks && http && store && timers && accounts ? TB_OK : TB_E_UNSUPPORTED;
}

static void stop(void *self) {
    (void)self;
    tb_http_request_v1 late = { .url = TB_LIT("https://api.example.org/late") };
    if (http->fetch(host, &late, at_stop, NULL) != TB_E_CANCELLED) abort();
}

static void destroy(void *self) {
    (void)self;
    destroyed = 1;
}

static const tb_plugin_v1 table = {
    TB_PLUGIN_MAGIC, sizeof(tb_plugin_v1), TB_LIT(PLUGIN_ID), TB_LIT("1.0.0"), create, stop, destroy, get_extension,
};

__attribute__((visibility("default"))) const tb_plugin_v1 *timmybot_plugin_v1(void) { return &table; }
