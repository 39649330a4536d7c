// Which plugin runs on which thread, kept so that a crash can be blamed. Everything here is async-signal-safe or says so.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The calling thread runs `call` of `plugin` from now on, until it leaves. Both are copied and cut at 63 bytes.
void tb_crumb_enter(const char *plugin, const char *call);
// A finer name for what the calling thread runs; nothing where it runs no plugin.
void tb_crumb_detail(const char *call);
void tb_crumb_leave(void);

// Notes where the code of a loaded file lies, so that a crash on a plugin's own thread can be blamed too. Takes the
// dynamic linker's lock: not for signal handlers. False where the file is not loaded or the table is full.
bool tb_crumb_image(const char *plugin, const char *path);

// A signal stack for the calling thread, so that a stack overflow can be told. NULL where there is no memory.
void *tb_crumb_stack_open(void);
void tb_crumb_stack_close(void *stack);

// From now on a fatal signal appends one line to `descriptor`, and then does what it always does:
//   1 <unix seconds> <signal> <lane|code|stack|none> <plugin or -> <call or ->
// 0, or -1 with errno.
int tb_crumb_install(int descriptor);

// Asks for `signal` when the parent process ends. False where the parent is gone already or another than `parent`.
bool tb_crumb_die_with_parent(int signal, int parent);
