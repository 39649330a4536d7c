#define _GNU_SOURCE
#include "check.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int faults;

#define FAULT(...) (faults++, check_fail("L2.commands", __VA_ARGS__))

static bool is_name(tb_str text) {
    if (!text.ptr || text.len < 1 || text.len > 32) return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_')) return false;
    }
    return true;
}

// Discord: 1 to 100 characters.
static bool is_text(tb_str text) { return text.len > 0 && check_utf8(text) && check_length(text) <= 100; }

static bool equal(tb_str a, tb_str b) { return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0); }

static bool is_integer(tb_str text) {
    char copy[32], *end;
    if (text.len == 0 || text.len >= sizeof copy) return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = 0;
    strtoll(copy, &end, 10);
    return *end == 0;
}

static void choices(const tb_command_v1 *command, const tb_param_v1 *param, int type) {
    int n = (int)command->name.len, p = (int)param->name.len;
    if (param->choice_count > 25) {
        FAULT("/%.*s %.*s has %zu choices; Discord takes 25", n, command->name.ptr, p, param->name.ptr, param->choice_count);
        return;
    }
    if (param->choice_count > 0 && !param->choices) {
        FAULT("/%.*s %.*s says that it has choices and has none", n, command->name.ptr, p, param->name.ptr);
        return;
    }
    for (size_t i = 0; i < param->choice_count; i++) {
        if (!is_text(param->choices[i].name))
            FAULT("/%.*s %.*s: choice %zu needs a name of 1 to 100 characters", n, command->name.ptr, p, param->name.ptr, i + 1);
        if (!check_utf8(param->choices[i].value) || check_length(param->choices[i].value) > 100)
            FAULT("/%.*s %.*s: the value of choice %zu is no text of up to 100 characters", n, command->name.ptr, p, param->name.ptr, i + 1);
        if (type == TB_T_INT && !is_integer(param->choices[i].value))
            FAULT("/%.*s %.*s: the value of choice %zu is no integer", n, command->name.ptr, p, param->name.ptr, i + 1);
    }
}

static void parameter(const tb_command_v1 *command, size_t index) {
    const tb_param_v1 *param = command->params + index;
    int n = (int)command->name.len;
    if (!is_name(param->name)) {
        FAULT("/%.*s: option %zu has a name that Discord does not take", n, command->name.ptr, index + 1);
        return;
    }
    int p = (int)param->name.len;
    for (size_t other = 0; other < index; other++)
        if (equal(command->params[other].name, param->name))
            FAULT("/%.*s has two options named %.*s", n, command->name.ptr, p, param->name.ptr);
    if (!is_text(param->text))
        FAULT("/%.*s %.*s needs a description of 1 to 100 characters", n, command->name.ptr, p, param->name.ptr);
    int type = param->type & ~TB_T_OPT;
    if (param->type == (TB_T_STR | TB_T_OPT)) {
        FAULT("/%.*s %.*s is a text, and those say TB_PARAM_OPTIONAL instead of TB_T_OPT", n, command->name.ptr, p, param->name.ptr);
        return;
    }
    if (type < TB_T_STR || type > TB_T_ID || (param->type & ~(TB_T_OPT | 0x7f))) {
        FAULT("/%.*s %.*s has the unknown type %d", n, command->name.ptr, p, param->name.ptr, param->type);
        return;
    }
    if (param->flags & ~(TB_PARAM_AUTOCOMPLETE | TB_PARAM_OPTIONAL | TB_PARAM_BOUNDED | TB_PARAM_USER | TB_PARAM_ROLE | TB_PARAM_CHANNEL))
        FAULT("/%.*s %.*s has unknown flags %x", n, command->name.ptr, p, param->name.ptr, param->flags);
    if ((param->flags & TB_PARAM_BOUNDED) && param->min > param->max)
        FAULT("/%.*s %.*s has bounds the wrong way round", n, command->name.ptr, p, param->name.ptr);
    if ((param->flags & TB_PARAM_AUTOCOMPLETE) && param->choice_count > 0)
        FAULT("/%.*s %.*s has choices and autocomplete; Discord takes one of them", n, command->name.ptr, p, param->name.ptr);
    choices(command, param, type);
}

static void command(const tb_commands_v1 *table, size_t index) {
    const tb_command_v1 *item = table->items + index;
    if (!is_name(item->name)) {
        FAULT("command %zu has a name that Discord does not take", index + 1);
        return;
    }
    int n = (int)item->name.len;
    for (size_t other = 0; other < index; other++)
        if (equal(table->items[other].name, item->name)) FAULT("/%.*s is there twice", n, item->name.ptr);
    if (!is_text(item->text)) FAULT("/%.*s needs a description of 1 to 100 characters", n, item->name.ptr);
    if (!item->handler && !item->invoke) FAULT("/%.*s has nothing to call", n, item->name.ptr);
    if (item->flags & ~(TB_COMMAND_PRIVATE | TB_COMMAND_OWNER)) FAULT("/%.*s has unknown flags %x", n, item->name.ptr, item->flags);
    if (item->param_count > 25) {
        FAULT("/%.*s has %u options; Discord takes 25", n, item->name.ptr, item->param_count);
    } else if (item->param_count > 0 && !item->params) {
        FAULT("/%.*s lacks its options", n, item->name.ptr);
    } else {
        bool completes = false;
        for (size_t i = 0; i < item->param_count; i++) {
            parameter(item, i);
            completes = completes || (item->params[i].flags & TB_PARAM_AUTOCOMPLETE);
        }
        if (completes && !table->autocomplete) FAULT("/%.*s wants autocomplete, which the table lacks", n, item->name.ptr);
    }
}

static void commands(const tb_commands_v1 *table) {
    if (!table) return check_skip("L2.commands", "it has no commands");
    if (table->count > 100) return check_fail("L2.commands", "it has %zu commands; Discord takes 100", table->count);
    if (table->count > 0 && !table->items) return check_fail("L2.commands", "it says that it has commands and has none");
    for (size_t i = 0; i < table->count; i++) command(table, i);
    if (faults == 0) check_pass("L2.commands");
}

static void source(const tb_source_v1 *table) {
    if (!table) return check_skip("L2.source", "it is no source");
    if (!table->match || !table->resolve || !table->open) return check_fail("L2.source", "match, resolve and open must all be there");
    check_pass("L2.source");
}

static bool is_https(tb_str url) { return url.len > 8 && check_utf8(url) && memcmp(url.ptr, "https://", 8) == 0; }

static void oauth(const tb_oauth_v1 *table) {
    if (!table) return check_skip("L2.oauth", "it links no accounts");
    if (table->count < 1 || table->count > 4 || !table->flows) return check_fail("L2.oauth", "it needs 1 to 4 flows");
    for (size_t i = 0; i < table->count; i++) {
        const tb_oauth_flow_v1 *flow = table->flows + i;
        if (!is_name(flow->name)) return check_fail("L2.oauth", "flow %zu has no usable name", i + 1);
        if (flow->kind < TB_OAUTH_DEVICE_CODE || flow->kind > TB_OAUTH_CLIENT_CREDENTIALS)
            return check_fail("L2.oauth", "flow %zu is of the unknown kind %u", i + 1, flow->kind);
        if (!is_https(flow->token_url) || (flow->kind == TB_OAUTH_DEVICE_CODE && !is_https(flow->device_url)) ||
            (flow->kind == TB_OAUTH_AUTHORIZATION_CODE && !is_https(flow->authorize_url)))
            return check_fail("L2.oauth", "flow %zu lacks an https address that its kind needs", i + 1);
    }
    check_pass("L2.oauth");
}

// Pure, the same every time, NULL for what it does not know, and all of it before `create`.
static void extensions(const tb_plugin_v1 *plugin) {
    static const char *known[] = { TB_EXT_COMMANDS, TB_EXT_SOURCE, TB_EXT_OAUTH, TB_EXT_RECOMMEND, TB_EXT_LYRICS, TB_EXT_HEALTH };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        check_at("get_extension(\"%s\")", known[i]);
        if (plugin->get_extension(known[i]) != plugin->get_extension(known[i]))
            return check_fail("L2.extensions", "%s is another table each time", known[i]);
    }
    static char huge[70000];
    memset(huge, 'x', sizeof huge - 1);
    const char *odd[] = { "", "timmy.nothing/1", "timmy.source/999", "timmy.source", "\xff\xfe", "%s%n", huge };
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        check_at("get_extension with an unknown id (%zu)", i);
        if (plugin->get_extension(odd[i])) return check_fail("L2.extensions", "it answers to an id that nobody has (%.40s)", odd[i]);
    }
    check_pass("L2.extensions");
}

int check_group_tables(const char *file) {
    const tb_plugin_v1 *plugin = check_load(file);
    if (!plugin || plugin->magic != TB_PLUGIN_MAGIC || plugin->size != sizeof *plugin || !plugin->get_extension) return 0;
    extensions(plugin);
    check_at("reading the tables");
    commands(plugin->get_extension(TB_EXT_COMMANDS));
    source(plugin->get_extension(TB_EXT_SOURCE));
    oauth(plugin->get_extension(TB_EXT_OAUTH));
    return 0;
}
