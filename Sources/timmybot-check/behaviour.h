// Level 3: the plugin at work on the SDK's mock host.
#pragma once
#include "check.h"
#include <tb_mock.h>

// What is checked, and with what.
struct subject {
    const char *file, *id, *config;
    const char *const *inputs;  // searches that the source surely answers; may be none
    size_t input_count;
    uint64_t seed;
    unsigned rounds;
    double fuzz_seconds;  // the fuzz lasts so long instead of `rounds`; 0 for the rounds
};

// A new host with the plugin created in it; NULL after a failure or a skip was reported under `id`.
tb_mock *subject_start(const struct subject *subject, const char *id, const char *without);
// Stops the plugin, and reports breaches of the contract under `id`. False where there were some.
bool subject_finish(tb_mock *mock, const char *id);

// One thing that can be called, with its arguments made from `seed`.
struct target {
    enum { T_COMMAND, T_AUTOCOMPLETE, T_COMPONENT, T_MODAL, T_RESOLVE, T_OPEN, T_ARTWORK, T_RECOMMEND, T_LYRICS, T_HEALTH } kind;
    const tb_command_v1 *command;
    const tb_param_v1 *param;  // for autocomplete
    char name[160];            // for reports
};
#define TARGETS 512
// All that the plugin offers.
size_t targets_of(const tb_plugin_v1 *plugin, struct target *targets);
// Calls it with values that its parameters allow; every other search is one of the subject's own.
tb_task target_call(tb_mock *mock, const struct subject *subject, const struct target *target, uint64_t seed);

uint64_t random_next(uint64_t *state);  // xorshift64*, never 0
// Text of up to `most` characters into `buffer`: letters, other scripts, markup, what breaks naive parsers.
void random_text(uint64_t *state, char *buffer, size_t capacity, size_t least, size_t most);

// Whether `text` is one JSON value (RFC 8259) of bearable depth.
bool json_is_valid(tb_str text);

int check_group_extensions(const struct subject *subject);
int check_group_lifetime(const struct subject *subject);
int check_group_match(const struct subject *subject);
int check_group_settling(const struct subject *subject);
int check_group_reader(const struct subject *subject);
int check_group_fuzz(const struct subject *subject);
