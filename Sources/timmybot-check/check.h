// The child of `timmybot plugin check`: loads one plugin and runs one group of checks over it. A plugin that crashes or
// hangs takes only this process along; the parent reads from descriptor 3 how far it came.
//   timmybot-check GROUP FILE ID VERSION SEED ROUNDS FUZZ-SECONDS [CONFIG [INPUT...]]
#pragma once
#include <timmybot/timmybot.h>

// Lines on descriptor 3, read by the parent:
//   result TAB id TAB pass|fail|warn|skip TAB text
//   at TAB what is about to be called
void check_pass(const char *id);
// A pass with something to tell.
__attribute__((format(printf, 2, 3))) void check_pass_with(const char *id, const char *format, ...);
__attribute__((format(printf, 2, 3))) void check_fail(const char *id, const char *format, ...);
__attribute__((format(printf, 2, 3))) void check_warn(const char *id, const char *format, ...);
__attribute__((format(printf, 2, 3))) void check_skip(const char *id, const char *format, ...);
__attribute__((format(printf, 1, 2))) void check_at(const char *format, ...);

// What the process looks like to others; two of them are compared.
struct footprint {
    int threads, descriptors;
    unsigned long handlers;  // hash of all signal dispositions
    unsigned long environment, directory;
    char locale[256];
    unsigned mask;
};
void footprint_take(struct footprint *print);
// Reports under `id` what differs.
void footprint_compare(const char *id, const struct footprint *before, const struct footprint *after);

double check_now(void);  // seconds, monotonic

// dlopen as the host does it, the entry called; NULL after a failure was reported.
const tb_plugin_v1 *check_load(const char *file);

bool check_utf8(tb_str text);
// Code points of valid UTF-8.
size_t check_length(tb_str text);

int check_group_load(const char *file, const char *id, const char *version);
int check_group_tables(const char *file);
