// timmy.lyrics/1 (plugin) and timmy.lyrics.host/1 (host): the words of a song.
#pragma once
#include "abi.h"
#include "source.h"
#ifdef __cplusplus
extern "C" {
#endif
#define TB_EXT_LYRICS "timmy.lyrics/1"
#define TB_EXT_LYRICS_HOST "timmy.lyrics.host/1"

typedef struct tb_lyric_line_v1 {
    int64_t at_ms;  // -1 where the lines have no times
    tb_str text;
} tb_lyric_line_v1;

typedef struct tb_lyrics_found_v1 {
    const tb_lyric_line_v1 *lines;  // up to 1000, in order
    size_t count;
    tb_str credit;                  // whom to name
    tb_str page_url;
} tb_lyrics_found_v1;

typedef struct tb_lyrics_v1 {
    // [lane] Settled by `found`, or failed with TB_E_NOT_FOUND.
    tb_status (*lyrics)(void *self, tb_task task, const tb_track_v1 *track);
    // [any] A hint; the task must still be settled.
    void (*cancel)(void *self, tb_task task);
} tb_lyrics_v1;

typedef struct tb_host_lyrics_v1 {
    // [any]
    tb_status (*found)(const tb_host_v1 *host, tb_task task, const tb_lyrics_found_v1 *lyrics);
} tb_host_lyrics_v1;
TB_STATIC_ASSERT(sizeof(tb_lyric_line_v1) == 24 && sizeof(tb_lyrics_found_v1) == 48, "frozen layout");
TB_STATIC_ASSERT(sizeof(tb_lyrics_v1) == 16 && sizeof(tb_host_lyrics_v1) == 8, "frozen layout");
#ifdef __cplusplus
}
#endif
