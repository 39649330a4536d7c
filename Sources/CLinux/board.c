#define _GNU_SOURCE
#include "CLinuxBoard.h"
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SIGNAL_STACK (32u << 10)

struct tb_board {
    _Atomic(uint32_t) crashed;
    _Atomic(uint32_t) busy[TB_BOARD_LANES];
};

static tb_board *watched;
static _Thread_local int own_lane = -1;

size_t tb_board_size(void) { return sizeof(tb_board); }

void tb_board_set(tb_board *board, int lane, uint32_t id) {
    if (lane >= 0 && lane < TB_BOARD_LANES) atomic_store_explicit(&board->busy[lane], id, memory_order_release);
}

uint32_t tb_board_get(const tb_board *board, int lane) {
    if (lane < 0 || lane >= TB_BOARD_LANES) return 0;
    return atomic_load_explicit(&((tb_board *)board)->busy[lane], memory_order_acquire);
}

uint32_t tb_board_crashed(const tb_board *board) {
    return atomic_load_explicit(&((tb_board *)board)->crashed, memory_order_acquire);
}

// Async-signal-safe. SA_RESETHAND has put the default action back, so the signal that is sent again, blocked until this
// returns, ends the process.
static void note_crash(int number) {
    if (own_lane >= 0) atomic_store(&watched->crashed, tb_board_get(watched, own_lane));
    syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), number);
}

int tb_board_watch_crashes(tb_board *board) {
    static const int deadly[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS};
    watched = board;
    struct sigaction action = {.sa_handler = note_crash, .sa_flags = SA_RESETHAND | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    for (size_t index = 0; index < sizeof deadly / sizeof *deadly; index++)
        if (sigaction(deadly[index], &action, NULL) != 0) return -1;
    return 0;
}

void tb_board_join(int lane) {
    own_lane = lane;
    if (lane < 0 || lane >= TB_BOARD_LANES) return;
    // A stack that has overflowed cannot take the signal that says so. Threads come and go, and lanes stay: one a lane.
    static _Alignas(16) char stacks[TB_BOARD_LANES][SIGNAL_STACK];
    stack_t stack = {.ss_sp = stacks[lane], .ss_size = SIGNAL_STACK};
    sigaltstack(&stack, NULL);
}
