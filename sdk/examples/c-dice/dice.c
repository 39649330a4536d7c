// A group of commands in C: /roll with autocomplete and a button, /coin, and /pick with options that may be left out.
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <timmybot/timmybot.h>

TB_MANIFEST("{\"id\":\"example.dice\",\"version\":\"1.0.0\",\"abi\":1,\"license\":\"MIT\",\"name\":\"Dice\","
            "\"text\":\"Rolls dice, tosses coins and decides\",\"hosts\":[]}");

typedef struct plugin {
    const tb_host_v1 *host;
    const tb_host_task_v1 *tasks;
    const tb_host_reply_v1 *reply;
} plugin;

// ---- chance ---------------------------------------------------------------------------------------------------------

// Every number below `n` is as likely as any other: what does not fit into whole multiples of n is thrown again.
static uint32_t below(uint32_t n) {
    uint32_t limit = UINT32_MAX - UINT32_MAX % n, value;
    do {
        if (getrandom(&value, sizeof value, 0) != sizeof value) return 0;
    } while (value >= limit);
    return value % n;
}

// ---- answers --------------------------------------------------------------------------------------------------------

typedef struct text {
    char bytes[4096];
    size_t used;
} text;

__attribute__((format(printf, 2, 3))) static void add(text *t, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int more = vsnprintf(t->bytes + t->used, sizeof t->bytes - t->used, format, arguments);
    va_end(arguments);
    if (more > 0) t->used += (size_t)more < sizeof t->bytes - t->used ? (size_t)more : sizeof t->bytes - t->used - 1;
}

// What a user typed, inside a JSON string. Markdown and mentions are taken out of it as well.
static void add_quoted(text *t, tb_str s) {
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c < 0x20) add(t, " ");
        else if (c == '"') add(t, "\\\"");
        else if (c == '\\' || (c < 0x80 && strchr("*_`~|<>@#[]()", c))) add(t, "\\\\%s%c", c == '\\' ? "\\" : "", c);
        else add(t, "%c", c);
    }
}

// Discord's components: 10 is a text, 1 a row, 2 a button.
static tb_status send(plugin *p, tb_task task, const text *content, tb_str again, uint32_t flags) {
    text json = { .used = 0 };
    add(&json, "[{\"type\":10,\"content\":\"%s\"}", content->bytes);
    if (again.len) {
        add(&json,
            ",{\"type\":1,\"components\":[{\"type\":2,\"style\":2,\"label\":\"Again\",\"custom_id\":\"again:%.*s\"}]}",
            (int)again.len, again.ptr);
    }
    add(&json, "]");
    tb_message_v1 message = { .components_json = { json.bytes, json.used }, .flags = flags };
    tb_status status = p->reply->send(p->host, task, &message);
    return status == TB_E_STALE ? TB_OK : status;  // over already: harmless, and nothing is left to do
}

static tb_status refuse(plugin *p, tb_task task, const char *why) {
    tb_error_v1 error = { .code = TB_E_INVALID, .user_text = { why, strlen(why) }, .detail = TB_LIT("bad option") };
    p->tasks->fail(p->host, task, &error);
    return TB_OK;
}

// ---- /roll ----------------------------------------------------------------------------------------------------------

typedef struct dice {
    int count, sides, plus;
} dice;

static bool number(const char **at, const char *end, int most, int *out) {
    const char *begin = *at;
    int value = 0;
    while (*at < end && isdigit((unsigned char)**at) && value <= most) value = value * 10 + (*(*at)++ - '0');
    *out = value;
    return *at > begin && value <= most;
}

// "2d6+1": how many, of how many sides, and what is added. Only these characters, so it is safe in a custom_id.
static bool parse(tb_str s, dice *out) {
    const char *at = s.ptr, *end = at + s.len;
    *out = (dice){ 1, 0, 0 };
    if (s.len > 20) return false;  // zeros without end; a custom_id has 100 characters
    if (at < end && *at != 'd' && !number(&at, end, 50, &out->count)) return false;
    if (at == end || *at++ != 'd' || !number(&at, end, 1000, &out->sides)) return false;
    if (at < end && (*at == '+' || *at == '-')) {
        int sign = *at++ == '+' ? 1 : -1;
        if (!number(&at, end, 1000, &out->plus)) return false;
        out->plus *= sign;
    }
    return at == end && out->count >= 1 && out->sides >= 2;
}

static tb_status throw_dice(plugin *p, tb_task task, tb_str what, uint32_t flags) {
    dice d;
    if (!parse(what, &d)) return refuse(p, task, "Say it like 2d6 or d20+3: up to 50 dice of 2 to 1000 sides.");
    text t = { .used = 0 };
    int sum = d.plus;
    add(&t, "%.*s: ", (int)what.len, what.ptr);
    for (int i = 0; i < d.count; i++) {
        int eyes = 1 + (int)below((uint32_t)d.sides);
        sum += eyes;
        add(&t, "%s%d", i ? " + " : "", eyes);
    }
    if (d.plus) add(&t, " %c %d", d.plus > 0 ? '+' : '-', abs(d.plus));
    add(&t, " = **%d**", sum);
    return send(p, task, &t, what, flags);
}

// One list gives the table that Discord is shown and the function's parameters. TB_T_STR that may be left out is NULL then.
#define ROLL(P) P(AUTO_STR, dice, "what to roll, like 2d6 or d20+3", 0, 0) P(OPT_INT, times, "how often", 1, 10)
TB_COMMAND(roll, ROLL) {
    (void)call;
    plugin *p = self;
    if (!times || *times == 1) return throw_dice(p, task, *dice, 0);
    struct dice d;
    if (!parse(*dice, &d)) return refuse(p, task, "Say it like 2d6 or d20+3: up to 50 dice of 2 to 1000 sides.");
    text t = { .used = 0 };
    for (int64_t i = 0; i < *times; i++) {
        int sum = d.plus;
        for (int n = 0; n < d.count; n++) sum += 1 + (int)below((uint32_t)d.sides);
        add(&t, "%s**%d**", i ? ", " : "", sum);
    }
    return send(p, task, &t, (tb_str){ "", 0 }, 0);
}

// [lane] Dice that go on as the user began.
static tb_status autocomplete(void *self, tb_task task, const tb_invocation_v1 *call, tb_str option, tb_str typed) {
    (void)call, (void)option;
    plugin *p = self;
    static const tb_choice_v1 all[] = {
        { TB_LIT("d4"), TB_LIT("d4") },   { TB_LIT("d6"), TB_LIT("d6") },   { TB_LIT("2d6"), TB_LIT("2d6") },
        { TB_LIT("3d6"), TB_LIT("3d6") }, { TB_LIT("d8"), TB_LIT("d8") },   { TB_LIT("d10"), TB_LIT("d10") },
        { TB_LIT("d12"), TB_LIT("d12") }, { TB_LIT("d20"), TB_LIT("d20") }, { TB_LIT("d100"), TB_LIT("d100") },
    };
    tb_choice_v1 fitting[sizeof all / sizeof *all];
    size_t count = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (typed.len <= all[i].name.len && (!typed.len || memcmp(all[i].name.ptr, typed.ptr, typed.len) == 0))
            fitting[count++] = all[i];
    p->reply->choices(p->host, task, fitting, count);
    return TB_OK;
}

// [lane] The button: its custom_id says what to roll. TB_REPLY_UPDATE changes the message that it is on.
static tb_status component(void *self, tb_task task, const tb_invocation_v1 *call, const tb_str *values, size_t count) {
    (void)values, (void)count;
    tb_str id = call->command;
    if (id.len <= 6 || memcmp(id.ptr, "again:", 6) != 0) return TB_E_NOT_FOUND;
    return throw_dice(self, task, (tb_str){ id.ptr + 6, id.len - 6 }, TB_REPLY_UPDATE);
}

// ---- /coin and /pick ------------------------------------------------------------------------------------------------

TB_COMMAND(coin, TB_NO_PARAMS) {
    (void)call;
    text t = { .used = 0 };
    add(&t, "**%s**", below(2) ? "Heads" : "Tails");
    return send(self, task, &t, (tb_str){ "", 0 }, 0);
}

#define PICK(P) \
    P(STR, first, "one thing", 1, 100) \
    P(STR, second, "another thing", 1, 100) \
    P(OPT_STR, third, "a third thing", 1, 100) \
    P(OPT_STR, fourth, "a fourth thing", 1, 100) P(OPT_BOOL, secret, "only you see it", 0, 0)
TB_COMMAND(pick, PICK) {
    (void)call;
    const tb_str *given[] = { first, second, third, fourth };
    const tb_str *things[4];
    uint32_t count = 0;
    for (size_t i = 0; i < 4; i++)
        if (given[i]) things[count++] = given[i];
    text t = { .used = 0 };
    add_quoted(&t, *things[below(count)]);
    return send(self, task, &t, (tb_str){ "", 0 }, secret && *secret ? TB_REPLY_EPHEMERAL : 0);
}

static const tb_command_v1 rows[] = {
    TB_COMMAND_ROW(roll, "Rolls dice"),
    TB_COMMAND_ROW(coin, "Tosses a coin"),
    TB_COMMAND_ROW(pick, "Decides for you"),
};
static const tb_commands_v1 commands = { rows, sizeof rows / sizeof *rows, autocomplete, component, NULL, NULL };

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

static tb_status create(const tb_host_v1 *host, tb_str config, void **out) {
    (void)config;
    const tb_host_task_v1 *tasks = needed(host, TB_EXT_TASK);
    const tb_host_reply_v1 *reply = needed(host, TB_EXT_REPLY);
    if (!tasks || !reply) return TB_E_UNSUPPORTED;
    plugin *p = malloc(sizeof *p);
    if (!p) return TB_E_INTERNAL;
    *p = (plugin){ host, tasks, reply };
    *out = p;
    return TB_OK;
}

static void stop(void *self) { (void)self; }  // every task is settled before its function returns

static void destroy(void *self) { free(self); }

static const void *get_extension(const char *id) { return id && strcmp(id, TB_EXT_COMMANDS) == 0 ? &commands : NULL; }

static const tb_plugin_v1 table = {
    TB_PLUGIN_MAGIC, sizeof table, TB_LIT("example.dice"), TB_LIT("1.0.0"), create, stop, destroy, get_extension,
};

__attribute__((visibility("default"))) const tb_plugin_v1 *timmybot_plugin_v1(void) { return &table; }
