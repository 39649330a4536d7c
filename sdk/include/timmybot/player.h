// timmy.player/1 (host): queue and playback of the guild that a command was called in.
#pragma once
#include "abi.h"
#include "commands.h"
#include "source.h"
#ifdef __cplusplus
extern "C" {
#endif
#define TB_EXT_PLAYER "timmy.player/1"

#define TB_PLAY_APPEND 0u
#define TB_PLAY_NEXT 1u
#define TB_PLAY_NOW 2u

#define TB_PLAYER_SKIP 1u      // a = how many
#define TB_PLAYER_PREVIOUS 2u
#define TB_PLAYER_STOP 3u
#define TB_PLAYER_PAUSE 4u
#define TB_PLAYER_RESUME 5u
#define TB_PLAYER_SEEK_TO 6u   // a = milliseconds
#define TB_PLAYER_SEEK_BY 7u   // a = milliseconds, may be negative
#define TB_PLAYER_VOLUME 8u    // a = percent, 0 to 200
#define TB_PLAYER_LOOP 9u      // a = 0 off, 1 track, 2 queue
#define TB_PLAYER_SHUFFLE 10u
#define TB_PLAYER_REMOVE 11u   // a = first place, b = last place, from 1
#define TB_PLAYER_MOVE 12u     // a = from place, b = to place, from 1
#define TB_PLAYER_CLEAR 13u

typedef struct tb_player_state_v1 {
    uint32_t playing;  // 1 where `current` counts
    uint32_t paused, volume, loop;
    tb_track_v1 current;
    uint64_t position_ms, requested_by, voice_channel;
    tb_str filter;
    const tb_track_v1 *queue;  // the page that was asked for
    size_t queue_page_count;
    uint64_t queue_first, queue_length, queue_duration_ms, history_count;
} tb_player_state_v1;

typedef struct tb_player_result_v1 {
    const tb_error_v1 *error;         // NULL where it worked
    const tb_player_state_v1 *state;  // NULL after an error
    const tb_track_v1 *tracks;        // added by `play`
    size_t track_count;
    uint32_t place;                   // of the first added track in the queue, 0 where it plays at once
    uint32_t flags;
} tb_player_result_v1;

// [any] Called exactly once where the request answers TB_OK, possibly before that returns. What it is given lives until it
// returns.
typedef void (*tb_player_done)(void *context, const tb_player_result_v1 *result);

typedef struct tb_host_player_v1 {
    // [any] `query` (1 to 2048 bytes) is what the user typed, an address, or a token of timmy.search/1.
    tb_status (*play)(const tb_host_v1 *host, const tb_invocation_v1 *call, tb_str query, uint32_t mode,
                      tb_player_done done, void *context);
    // [any] `action` is a TB_PLAYER_*.
    tb_status (*control)(const tb_host_v1 *host, const tb_invocation_v1 *call, uint32_t action, int64_t a, int64_t b,
                         tb_player_done done, void *context);
    // [any] An empty name takes the filter away.
    tb_status (*set_filter)(const tb_host_v1 *host, const tb_invocation_v1 *call, tb_str name, tb_player_done done,
                            void *context);
    // [any] State with `count` tracks of the queue from `first` (0 is the next one).
    tb_status (*snapshot)(const tb_host_v1 *host, const tb_invocation_v1 *call, uint64_t first, uint32_t count,
                          tb_player_done done, void *context);
} tb_host_player_v1;

TB_STATIC_ASSERT(sizeof(tb_player_state_v1) == 232 && sizeof(tb_player_result_v1) == 40, "frozen layout");
TB_STATIC_ASSERT(sizeof(tb_host_player_v1) == 32, "frozen layout");
#ifdef __cplusplus
}
#endif
