// What the media worker's threads are at, in memory that the host still reads when the worker is dead, so that a crash
// has a culprit. The worker can write anything here: the host reads ids once and treats them as hints.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TB_BOARD_LANES 16

typedef struct tb_board tb_board;

size_t tb_board_size(void);

// Which stream or probe (0 for none) a thread is at. Any process that maps the board.
void tb_board_set(tb_board *board, int lane, uint32_t id);
uint32_t tb_board_get(const tb_board *board, int lane);

// What the thread was at that got a deadly signal; 0 where none has, or it was at nothing.
uint32_t tb_board_crashed(const tb_board *board);

// Worker: notes on `board` which thread a deadly signal hits, before it kills. 0, or -1 with errno.
int tb_board_watch_crashes(tb_board *board);
// Worker: the calling thread is `lane` from now on, and has the lane's stack for signals. Whoever was the lane before is at
// its end.
void tb_board_join(int lane);
