#define _GNU_SOURCE
#include "behaviour.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add(struct target *targets, size_t *count, int kind, const tb_command_v1 *command, const tb_param_v1 *param, const char *name) {
    if (*count >= TARGETS) return;
    struct target *target = targets + (*count)++;
    memset(target, 0, sizeof *target);
    target->kind = kind;
    target->command = command;
    target->param = param;
    if (command && param)
        snprintf(target->name, sizeof target->name, "autocomplete of /%.*s %.*s", (int)command->name.len, command->name.ptr,
                 (int)param->name.len, param->name.ptr);
    else if (command) snprintf(target->name, sizeof target->name, "/%.*s", (int)command->name.len, command->name.ptr);
    else snprintf(target->name, sizeof target->name, "%s", name);
}

size_t targets_of(const tb_plugin_v1 *plugin, struct target *targets) {
    size_t count = 0;
    const tb_commands_v1 *commands = plugin->get_extension(TB_EXT_COMMANDS);
    for (size_t i = 0; commands && i < commands->count; i++) {
        const tb_command_v1 *command = commands->items + i;
        add(targets, &count, T_COMMAND, command, NULL, NULL);
        for (size_t p = 0; p < command->param_count; p++)
            if (command->params[p].flags & TB_PARAM_AUTOCOMPLETE) add(targets, &count, T_AUTOCOMPLETE, command, command->params + p, NULL);
    }
    if (commands && commands->component) add(targets, &count, T_COMPONENT, NULL, NULL, "component");
    if (commands && commands->modal) add(targets, &count, T_MODAL, NULL, NULL, "modal");
    const tb_source_v1 *source = plugin->get_extension(TB_EXT_SOURCE);
    if (source) add(targets, &count, T_RESOLVE, NULL, NULL, "resolve");
    if (source) add(targets, &count, T_OPEN, NULL, NULL, "open");
    if (source && source->artwork) add(targets, &count, T_ARTWORK, NULL, NULL, "artwork");
    if (plugin->get_extension(TB_EXT_RECOMMEND)) add(targets, &count, T_RECOMMEND, NULL, NULL, "recommend");
    if (plugin->get_extension(TB_EXT_LYRICS)) add(targets, &count, T_LYRICS, NULL, NULL, "lyrics");
    if (plugin->get_extension(TB_EXT_HEALTH)) add(targets, &count, T_HEALTH, NULL, NULL, "health");
    return count;
}

uint64_t random_next(uint64_t *state) {
    uint64_t x = *state ? *state : 0x9E3779B97F4A7C15u;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return x * 0x2545F4914F6CDD1Du;
}

void random_text(uint64_t *state, char *buffer, size_t capacity, size_t least, size_t most) {
    static const char *const pieces[] = {
        "a", "Z", "7", " ", "-", ":", "/", "\\", "\"", "'", "%s", "%n", "{}", "[", "<@1>", "@everyone", "`", "**", "\n",
        "\t", "../", "é", "ß", "日本", "🎵", "👩‍👩‍👧", "e\u0301", "\u202e", "\u200b", "https://example.org/", "0", "-1", "9999999999", ",", "null",
    };
    size_t length = least + (most > least ? (size_t)(random_next(state) % (most - least + 1)) : 0), used = 0;
    size_t characters = 0;
    while (characters < length) {
        const char *piece = pieces[random_next(state) % (sizeof pieces / sizeof *pieces)];
        size_t size = strlen(piece), adds = check_length((tb_str){ piece, size });
        if (characters + adds > length) piece = "x", size = 1, adds = 1;
        if (used + size + 1 > capacity) break;
        memcpy(buffer + used, piece, size);
        used += size;
        characters += adds;
    }
    buffer[used] = 0;
}

static int64_t bounded(uint64_t *state, const tb_param_v1 *param) {
    static const int64_t edges[] = { 0, 1, -1, 2, 100, 1000000, INT64_MAX, INT64_MIN, (int64_t)1 << 53 };
    bool hasBounds = param->flags & TB_PARAM_BOUNDED;
    if (hasBounds && random_next(state) % 4 == 0) return random_next(state) % 2 ? param->min : param->max;
    int64_t value = random_next(state) % 2 ? edges[random_next(state) % (sizeof edges / sizeof *edges)] : (int64_t)random_next(state);
    // Discord's integers are those that a double holds.
    int64_t low = hasBounds ? param->min : -((int64_t)1 << 53), high = hasBounds ? param->max : (int64_t)1 << 53;
    if (value >= low && value <= high) return value;
    uint64_t span = (uint64_t)high - (uint64_t)low + 1;
    return span == 0 ? value : (int64_t)((uint64_t)low + random_next(state) % span);
}

#define TEXT_CAPACITY 8192

static void value_for(uint64_t *state, const tb_param_v1 *param, tb_mock_option *option, char *text, char *name) {
    snprintf(name, 40, "%.*s", (int)param->name.len, param->name.ptr);
    option->name = name;
    bool hasBounds = param->flags & TB_PARAM_BOUNDED;
    if (param->choice_count > 0) {
        tb_str chosen = param->choices[random_next(state) % param->choice_count].value;
        snprintf(text, TEXT_CAPACITY, "%.*s", (int)chosen.len, chosen.ptr);
        option->text = text;
        option->integer = strtoll(text, NULL, 10);
        option->number = strtod(text, NULL);
        return;
    }
    size_t most = hasBounds && param->max >= 0 && param->max < 1500 ? (size_t)param->max : random_next(state) % 8 ? 40 : 1500;
    random_text(state, text, TEXT_CAPACITY, hasBounds && param->min > 0 ? (size_t)param->min : 0, most);
    option->text = text;
    int type = param->type & ~TB_T_OPT;
    option->integer = type == TB_T_BOOL ? (int64_t)(random_next(state) & 1) : type == TB_T_ID ? (int64_t)random_next(state) : bounded(state, param);
    option->number = hasBounds ? (double)bounded(state, param) : (double)(int64_t)random_next(state) / 1024.0;
}

static tb_task call_command(tb_mock *mock, const tb_command_v1 *command, uint64_t *state) {
    static char texts[25][TEXT_CAPACITY], names[25][40];
    tb_mock_option options[25];
    size_t count = 0;
    for (size_t i = 0; i < command->param_count && i < 25; i++) {
        const tb_param_v1 *param = command->params + i;
        bool isOptional = (param->type & TB_T_OPT) || (param->flags & TB_PARAM_OPTIONAL);
        if (isOptional && random_next(state) % 3 == 0) continue;
        memset(options + count, 0, sizeof *options);
        value_for(state, param, options + count, texts[i], names[i]);
        count++;
    }
    char name[40];
    snprintf(name, sizeof name, "%.*s", (int)command->name.len, command->name.ptr);
    return tb_mock_command(mock, name, options, count);
}

tb_task target_call(tb_mock *mock, const struct subject *subject, const struct target *target, uint64_t seed) {
    uint64_t state = seed;
    static char text[TEXT_CAPACITY];
    random_text(&state, text, sizeof text, 0, random_next(&state) % 8 ? 60 : 1500);
    tb_track_v1 track = {
        .key = TB_LIT("key"), .title = { text, strlen(text) }, .artist = TB_LIT("Somebody"), .duration_ms = (int64_t)(random_next(&state) % 600000),
    };
    switch (target->kind) {
    case T_COMMAND: return call_command(mock, target->command, &state);
    case T_AUTOCOMPLETE: {
        char command[40], option[40];
        snprintf(command, sizeof command, "%.*s", (int)target->command->name.len, target->command->name.ptr);
        snprintf(option, sizeof option, "%.*s", (int)target->param->name.len, target->param->name.ptr);
        text[100] = 0;
        while (!check_utf8((tb_str){ text, strlen(text) })) text[strlen(text) - 1] = 0;
        return tb_mock_autocomplete(mock, command, option, text);
    }
    case T_COMPONENT: {
        static char other[TEXT_CAPACITY];
        random_text(&state, other, sizeof other, 0, 40);
        const char *values[] = { other, "2" };
        text[90] = 0;
        while (!check_utf8((tb_str){ text, strlen(text) })) text[strlen(text) - 1] = 0;
        return tb_mock_component(mock, text, values, random_next(&state) % 3);
    }
    case T_MODAL: {
        tb_mock_option fields[] = { { .name = "field", .text = text } };
        return tb_mock_modal(mock, "modal", fields, random_next(&state) % 2);
    }
    case T_RESOLVE: {
        bool isKnown = subject->input_count > 0 && seed % 2 == 0;
        const char *input = isKnown ? subject->inputs[random_next(&state) % subject->input_count] : text;
        return tb_mock_resolve(mock, input, 1 + (uint32_t)(random_next(&state) % 100));
    }
    case T_OPEN: return tb_mock_open(mock, text, random_next(&state) % 600000);
    case T_ARTWORK: return tb_mock_artwork(mock, text);
    case T_RECOMMEND: return tb_mock_recommend(mock, &track, 1, 10);
    case T_LYRICS: return tb_mock_lyrics(mock, &track);
    case T_HEALTH: return tb_mock_health(mock);
    }
    return 0;
}
