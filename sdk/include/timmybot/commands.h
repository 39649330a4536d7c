// timmy.commands/1 (plugin): slash commands, with their autocomplete, buttons and modals.
#pragma once
#include "abi.h"
#ifdef __cplusplus
extern "C" {
#endif
#define TB_EXT_COMMANDS "timmy.commands/1"

#define TB_T_STR 1     // const tb_str *: NULL where the user left it out
#define TB_T_INT 2     // int64_t
#define TB_T_NUM 3     // double
#define TB_T_BOOL 4    // int64_t, 0 or 1
#define TB_T_ID 5      // int64_t: the bits of a snowflake
#define TB_T_OPT 0x80  // | INT, NUM, BOOL, ID: const int64_t * or const double *, NULL where left out

#define TB_PARAM_AUTOCOMPLETE 1u
#define TB_PARAM_OPTIONAL 2u  // for TB_T_STR; the others say it by TB_T_OPT
#define TB_PARAM_BOUNDED 4u   // `min` and `max` count

typedef struct tb_choice_v1 {
    tb_str name, value;  // up to 100 characters each; for integers the value is their decimal text
} tb_choice_v1;

typedef struct tb_param_v1 {
    tb_str name, text;
    int32_t type;
    uint32_t flags;
    int64_t min, max;
    const tb_choice_v1 *choices;
    size_t choice_count;
} tb_param_v1;

typedef struct tb_invocation_v1 {
    uint64_t guild, channel, user;
    uint64_t voice_channel;  // where the user is, 0 for nowhere
    tb_str locale;
    tb_str command;          // name of the command, or the custom_id of a component or modal
} tb_invocation_v1;

typedef struct tb_value_v1 {
    int32_t type;
    uint32_t present;
    int64_t i;
    double f;
    tb_str s;
} tb_value_v1;

typedef void (*tb_fn)(void);

typedef struct tb_command_v1 {
    tb_str name, text;
    uint64_t permissions;  // Discord's bits that a member needs by default, 0 for everybody
    uint32_t flags, param_count;
    const tb_param_v1 *params;
    // [lane] tb_status fn(void *self, tb_task, const tb_invocation_v1 *, one pointer, int64_t or double a parameter)
    tb_fn handler;
    // [lane] Used where `handler` is NULL: one value a parameter, in order.
    tb_status (*invoke)(void *self, tb_task task, const tb_invocation_v1 *call, const tb_value_v1 *values, size_t count);
} tb_command_v1;

typedef struct tb_commands_v1 {
    const tb_command_v1 *items;
    size_t count;
    // [lane] Suggestions for `option`, of which the user typed `text`; settled by timmy.reply/1 choices. NULL for none.
    tb_status (*autocomplete)(void *self, tb_task task, const tb_invocation_v1 *call, tb_str option, tb_str text);
    // [lane] A button or select of this plugin's messages; `call->command` is its custom_id without the host's prefix.
    tb_status (*component)(void *self, tb_task task, const tb_invocation_v1 *call, const tb_str *values, size_t count);
    void (*cancel)(void *self, tb_task task);  // [any] a hint
} tb_commands_v1;

TB_STATIC_ASSERT(sizeof(tb_choice_v1) == 32 && sizeof(tb_param_v1) == 72, "frozen layout");
TB_STATIC_ASSERT(sizeof(tb_invocation_v1) == 64 && sizeof(tb_value_v1) == 40, "frozen layout");
TB_STATIC_ASSERT(sizeof(tb_command_v1) == 72 && sizeof(tb_commands_v1) == 40, "frozen layout");

// For C: one X-macro list yields both the parameter table and the C prototype, so that they cannot drift apart.
//   #define PLAY(P) P(STR, query, "what to play") P(OPT_INT, times, "how often")
//   TB_COMMAND(play, PLAY) { ... uses query and times ... }
#define TB_LIT(s) { s, sizeof(s) - 1 }
#define TB_C_STR const tb_str *
#define TB_C_INT int64_t
#define TB_C_NUM double
#define TB_C_BOOL int64_t
#define TB_C_OPT_INT const int64_t *
#define TB_C_OPT_NUM const double *
#define TB_K_STR TB_T_STR
#define TB_K_INT TB_T_INT
#define TB_K_NUM TB_T_NUM
#define TB_K_BOOL TB_T_BOOL
#define TB_K_OPT_INT (TB_T_INT | TB_T_OPT)
#define TB_K_OPT_NUM (TB_T_NUM | TB_T_OPT)
#define TB_ROW_(T, n, d) { TB_LIT(#n), TB_LIT(d), TB_K_##T, 0, 0, 0, NULL, 0 },
#define TB_ARG_(T, n, d) , TB_C_##T n
#define TB_ONE_(T, n, d) + 1
#define TB_COMMAND(fn, PARAMS) \
    static tb_status fn(void *self, tb_task task, const tb_invocation_v1 *call PARAMS(TB_ARG_)); \
    static const tb_param_v1 fn##_params[] = { PARAMS(TB_ROW_) { TB_LIT(""), TB_LIT(""), 0, 0, 0, 0, NULL, 0 } }; \
    enum { fn##_count = 0 PARAMS(TB_ONE_) }; \
    static tb_status fn(void *self, tb_task task, const tb_invocation_v1 *call PARAMS(TB_ARG_))
#define TB_COMMAND_ROW(fn, d) { TB_LIT(#fn), TB_LIT(d), 0, 0, fn##_count, fn##_params, (tb_fn)fn, NULL }
#ifdef __cplusplus
}
#endif
