// A plugin with one command whose options are given by -DPARAMS=..., for the host's checks of tables.
#include <timmybot/timmybot.h>
#include <string.h>

TB_MANIFEST("{\"id\":\"test.params\",\"version\":\"1.0.0\",\"abi\":1}");

static tb_status invoke(void *self, tb_task task, const tb_invocation_v1 *call, const tb_value_v1 *values, size_t count) {
    (void)self, (void)task, (void)call, (void)values, (void)count;
    return TB_E_UNSUPPORTED;
}

#ifndef NAME
#define NAME "test"
#endif
#ifndef PERMISSIONS
#define PERMISSIONS 0
#endif
#define LIST(...) { __VA_ARGS__ }
#define CHOICES(...) (const tb_choice_v1[]){ __VA_ARGS__ }, sizeof((const tb_choice_v1[]){ __VA_ARGS__ }) / sizeof(tb_choice_v1)
#define CHOICE(n, v) { TB_LIT(n), TB_LIT(v) }
#define PARAM(name, type, flags, lo, hi) { TB_LIT(name), TB_LIT("an option"), type, flags, lo, hi, NULL, 0 }
#define CHOOSE(name, type, flags, ...) { TB_LIT(name), TB_LIT("an option"), type, flags, 0, 0, CHOICES(__VA_ARGS__) }
static const tb_param_v1 params[] = LIST(PARAMS);
static const tb_command_v1 items[] = {
    { TB_LIT(NAME), TB_LIT("Tests"), PERMISSIONS, 0, sizeof params / sizeof *params, params, NULL, invoke },
#ifdef TWICE
    { TB_LIT(NAME), TB_LIT("Tests"), 0, 0, 0, NULL, NULL, invoke },
#endif
};
static const tb_commands_v1 commands = { items, sizeof items / sizeof *items, NULL, NULL, NULL, NULL };

static const void *get_extension(const char *id) { return strcmp(id, TB_EXT_COMMANDS) == 0 ? &commands : NULL; }
static tb_status create(const tb_host_v1 *host, tb_str config, void **out) {
    (void)host, (void)config;
    *out = NULL;
    return TB_OK;
}
static const tb_plugin_v1 table = {
    TB_PLUGIN_MAGIC, sizeof(tb_plugin_v1), TB_LIT("test.params"), TB_LIT("1.0.0"), create, NULL, NULL, get_extension,
};
__attribute__((visibility("default"))) const tb_plugin_v1 *timmybot_plugin_v1(void) { return &table; }
