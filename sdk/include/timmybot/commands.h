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
#define TB_T_OPT 0x80  // | INT, NUM, BOOL, ID: const int64_t * or const double *, NULL where left out; never | STR

#define TB_PARAM_AUTOCOMPLETE 1u
#define TB_PARAM_OPTIONAL 2u  // for TB_T_STR; the others say it by TB_T_OPT
#define TB_PARAM_BOUNDED 4u   // `min` and `max` count: of the number, or of the text's length in characters
#define TB_PARAM_USER 8u      // TB_T_ID: whose id it is; with both, a user or a role
#define TB_PARAM_ROLE 16u
#define TB_PARAM_CHANNEL 32u

#define TB_COMMAND_PRIVATE 1u  // only the caller sees the answer, also while it is deferred
#define TB_COMMAND_OWNER 2u    // only who runs the bot may call it

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
    uint64_t permissions;    // the user's, in the channel: Discord's bits
    uint32_t flags, zero;    // TB_CALL_*
    tb_str locale;           // of the user, as Discord names it: "en-GB"
    tb_str command;          // name of the command, or the custom_id of a component or modal
} tb_invocation_v1;

#define TB_CALL_OWNER 1u  // the user runs the bot

typedef struct tb_value_v1 {
    int32_t type;
    uint32_t present;
    int64_t i;
    double f;
    tb_str s;
} tb_value_v1;

typedef struct tb_field_v1 {
    tb_str custom_id;
    tb_str value;  // what was typed; of a select the chosen values, a line each
} tb_field_v1;

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
    // NULL for none.
    tb_status (*component)(void *self, tb_task task, const tb_invocation_v1 *call, const tb_str *values, size_t count);
    // [lane] A modal of this plugin was sent off; `call->command` is its custom_id. NULL for none.
    tb_status (*modal)(void *self, tb_task task, const tb_invocation_v1 *call, const tb_field_v1 *fields, size_t count);
    void (*cancel)(void *self, tb_task task);  // [any] a hint
} tb_commands_v1;

TB_STATIC_ASSERT(sizeof(tb_choice_v1) == 32 && sizeof(tb_param_v1) == 72, "frozen layout");
TB_STATIC_ASSERT(sizeof(tb_invocation_v1) == 80 && sizeof(tb_value_v1) == 40, "frozen layout");
TB_STATIC_ASSERT(sizeof(tb_field_v1) == 32, "frozen layout");
TB_STATIC_ASSERT(sizeof(tb_command_v1) == 72 && sizeof(tb_commands_v1) == 48, "frozen layout");

// For C and C++: one X-macro list yields both the parameter table and the function's prototype, so that they cannot drift
// apart. The last two are the least and the greatest value (of texts: length), 0 and 0 for no bounds.
//   #define ROLL(P) P(INT, sides, "how many sides", 2, 100) P(OPT_STR, why, "what for", 0, 0)
//   TB_COMMAND(roll, ROLL) { ... uses self, task, call, sides and why ... }
//   static const tb_command_v1 rows[] = { TB_COMMAND_ROW(roll, "Rolls a die") };
#define TB_NO_PARAMS(P)
#define TB_C_STR const tb_str *
#define TB_C_OPT_STR const tb_str *
#define TB_C_AUTO_STR const tb_str *  // with autocomplete
#define TB_C_INT int64_t
#define TB_C_OPT_INT const int64_t *
#define TB_C_NUM double
#define TB_C_OPT_NUM const double *
#define TB_C_BOOL int64_t
#define TB_C_OPT_BOOL const int64_t *
#define TB_C_USER int64_t
#define TB_C_OPT_USER const int64_t *
#define TB_C_ROLE int64_t
#define TB_C_OPT_ROLE const int64_t *
#define TB_C_CHANNEL int64_t
#define TB_C_OPT_CHANNEL const int64_t *
#define TB_K_STR TB_T_STR
#define TB_K_OPT_STR TB_T_STR
#define TB_K_AUTO_STR TB_T_STR
#define TB_K_INT TB_T_INT
#define TB_K_OPT_INT (TB_T_INT | TB_T_OPT)
#define TB_K_NUM TB_T_NUM
#define TB_K_OPT_NUM (TB_T_NUM | TB_T_OPT)
#define TB_K_BOOL TB_T_BOOL
#define TB_K_OPT_BOOL (TB_T_BOOL | TB_T_OPT)
#define TB_K_USER TB_T_ID
#define TB_K_OPT_USER (TB_T_ID | TB_T_OPT)
#define TB_K_ROLE TB_T_ID
#define TB_K_OPT_ROLE (TB_T_ID | TB_T_OPT)
#define TB_K_CHANNEL TB_T_ID
#define TB_K_OPT_CHANNEL (TB_T_ID | TB_T_OPT)
#define TB_F_STR 0u
#define TB_F_OPT_STR TB_PARAM_OPTIONAL
#define TB_F_AUTO_STR TB_PARAM_AUTOCOMPLETE
#define TB_F_INT 0u
#define TB_F_OPT_INT 0u
#define TB_F_NUM 0u
#define TB_F_OPT_NUM 0u
#define TB_F_BOOL 0u
#define TB_F_OPT_BOOL 0u
#define TB_F_USER TB_PARAM_USER
#define TB_F_OPT_USER TB_PARAM_USER
#define TB_F_ROLE TB_PARAM_ROLE
#define TB_F_OPT_ROLE TB_PARAM_ROLE
#define TB_F_CHANNEL TB_PARAM_CHANNEL
#define TB_F_OPT_CHANNEL TB_PARAM_CHANNEL
#define TB_ROW_(T, n, d, lo, hi) \
    { TB_LIT(#n), TB_LIT(d), TB_K_##T, TB_F_##T | ((lo) < (hi) ? TB_PARAM_BOUNDED : 0u), lo, hi, NULL, 0 },
#define TB_ARG_(T, n, d, lo, hi) , TB_C_##T n
#define TB_ONE_(T, n, d, lo, hi) + 1
#define TB_COMMAND(fn, PARAMS) \
    static tb_status fn(void *self, tb_task task, const tb_invocation_v1 *call PARAMS(TB_ARG_)); \
    static const tb_param_v1 fn##_params[] = { PARAMS(TB_ROW_) { TB_LIT(""), TB_LIT(""), 0, 0, 0, 0, NULL, 0 } }; \
    enum { fn##_count = 0 PARAMS(TB_ONE_) }; \
    static tb_status fn(void *self, tb_task task, const tb_invocation_v1 *call PARAMS(TB_ARG_))
#define TB_COMMAND_ROW(fn, d) TB_COMMAND_NAMED(fn, #fn, d)
#define TB_COMMAND_NAMED(fn, name, d) { TB_LIT(name), TB_LIT(d), 0, 0, fn##_count, fn##_params, (tb_fn)fn, NULL }
#ifdef __cplusplus
}
#endif
