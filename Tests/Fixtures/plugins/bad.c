// A plugin that is wrong in one way, chosen by -DBAD_...; without one it is a good plugin with one command.
#include <timmybot/timmybot.h>
#include <unistd.h>

#ifndef PLUGIN_ID
#define PLUGIN_ID "test.bad"
#endif
#ifndef PLUGIN_ABI
#define PLUGIN_ABI "1"
#endif
#ifndef MANIFEST_ID
#define MANIFEST_ID PLUGIN_ID
#endif
#ifndef COMMAND_NAME
#define COMMAND_NAME "hello"
#endif

#if defined(BAD_MANIFEST_JSON)
TB_MANIFEST("{\"id\":");
#elif !defined(BAD_NO_MANIFEST)
TB_MANIFEST("{\"id\":\"" MANIFEST_ID "\",\"version\":\"1.0.0\",\"abi\":" PLUGIN_ABI "}");
#endif

__attribute__((unused)) static tb_status invoke(void *self, tb_task task, const tb_invocation_v1 *call, const tb_value_v1 *values, size_t count) {
    (void)self, (void)task, (void)call, (void)values, (void)count;
    return TB_E_UNSUPPORTED;
}

__attribute__((unused)) static const tb_param_v1 params[] = {
#if defined(BAD_PARAM_TYPE)
    { TB_LIT("word"), TB_LIT("a word"), 77, 0, 0, 0, NULL, 0 },
#elif defined(BAD_PARAM_NAME)
    { TB_LIT("My Word"), TB_LIT("a word"), TB_T_STR, 0, 0, 0, NULL, 0 },
#elif defined(BAD_CHOICES)
    { TB_LIT("word"), TB_LIT("a word"), TB_T_STR, 0, 0, 0, NULL, 26 },
#elif defined(BAD_LESS_CHOICES)
    { TB_LIT("word"), TB_LIT("a word"), TB_T_STR, 0, 0, 0, NULL, (size_t)-1 },
#else
    { TB_LIT("word"), TB_LIT("a word"), TB_T_STR, 0, 0, 0, NULL, 0 },
#endif
};

static const tb_command_v1 items[] = { {
    .name = TB_LIT(COMMAND_NAME),
#if defined(BAD_NO_TEXT)
    .text = { NULL, 0 },
#elif defined(BAD_UTF8)
    .text = TB_LIT("\xff\xfe"),
#else
    .text = TB_LIT("Says hello"),
#endif
#if defined(BAD_TOO_MANY_PARAMS)
    .param_count = 26,
#else
    .param_count = 1,
#endif
#if !defined(BAD_NULL_PARAMS)
    .params = params,
#endif
#if !defined(BAD_NO_HANDLER)
    .invoke = invoke,
#endif
} };

#if defined(BAD_TOO_MANY_COMMANDS)
static const tb_commands_v1 commands = { items, 101, NULL, NULL, NULL, NULL };
#elif defined(BAD_LESS_COMMANDS)
static const tb_commands_v1 commands = { items, (size_t)-1, NULL, NULL, NULL, NULL };
#else
static const tb_commands_v1 commands = { items, 1, NULL, NULL, NULL, NULL };
#endif

__attribute__((unused)) static const void *get_extension(const char *id) {
    return __builtin_strcmp(id, TB_EXT_COMMANDS) == 0 ? &commands : NULL;
}

__attribute__((unused)) static tb_status create(const tb_host_v1 *host, tb_str config, void **out) {
    (void)config;
    *out = NULL;
    if (host->magic != TB_HOST_MAGIC || host->size != sizeof *host) return TB_E_INTERNAL;
#if defined(BAD_CREATE)
    return TB_E_AUTH;
#elif defined(BAD_CREATE_HANGS)
    for (;;) pause();
#else
    return TB_OK;
#endif
}

__attribute__((unused)) static const tb_plugin_v1 table = {
#if defined(BAD_MAGIC)
    .magic = 0x12345678u,
#else
    .magic = TB_PLUGIN_MAGIC,
#endif
#if defined(BAD_SIZE)
    .size = sizeof(tb_plugin_v1) + 8,
#else
    .size = sizeof(tb_plugin_v1),
#endif
    .id = TB_LIT(PLUGIN_ID),
#if defined(BAD_VERSION)
    .version = TB_LIT("9.9.9"),
#else
    .version = TB_LIT("1.0.0"),
#endif
#if !defined(BAD_NO_CREATE)
    .create = create,
#endif
#if !defined(BAD_NO_EXTENSIONS)
    .get_extension = get_extension,
#endif
};

#if !defined(BAD_NO_SYMBOL)
__attribute__((visibility("default"))) const tb_plugin_v1 *timmybot_plugin_v1(void) {
#if defined(BAD_NULL_TABLE)
    return NULL;
#else
    return &table;
#endif
}
#else
const void *keep(void) { return &table; }
#endif
#if defined(BAD_UNRESOLVED)
extern int nobody_has_this(void);
int needs_it(void) { return nobody_has_this(); }
#endif
