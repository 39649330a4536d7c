// timmy.source/1 (plugin) and timmy.source.host/1 (host): one music platform.
#pragma once
#include "abi.h"
#include "http.h"
#ifdef __cplusplus
extern "C" {
#endif
#define TB_EXT_SOURCE "timmy.source/1"
#define TB_EXT_SOURCE_HOST "timmy.source.host/1"

typedef struct tb_track_v1 {
    tb_str key;  // the source's own name for the track, up to 1024 bytes
    tb_str title, artist, album;
    tb_str isrc;         // ISO 3901 without hyphens, empty where it is not known
    tb_str page_url;     // https, for people
    tb_str artwork_url;  // https; the host fetches it under the rules of timmy.http/1
    int64_t duration_ms;  // 0 where it is not known
    uint32_t flags, zero;
} tb_track_v1;
#define TB_TRACK_LIVE 1u
#define TB_TRACK_ARTWORK 2u  // `artwork` answers with a picture

// PULL: the host owns the buffer, so back-pressure and lifetime come for free.
typedef struct tb_reader_v1 {
    void *ctx;
    int64_t (*read)(void *ctx, uint8_t *buffer, size_t capacity);  // [reader] bytes, 0 at the end, or a TB_E_*
    // [reader] NULL where it cannot. `offset` from the beginning: in bytes, of TB_MEDIA_OPUS_PACKETS in packets.
    tb_status (*seek)(void *ctx, uint64_t offset);
    void (*interrupt)(void *ctx);                                  // [any] a blocked read returns within 100 ms
    void (*close)(void *ctx);                                      // [reader] exactly once, last
} tb_reader_v1;

#define TB_MEDIA_URL 1u                 // the host fetches `url` with `headers`, under the rules of timmy.http/1
#define TB_MEDIA_BYTES 2u               // `reader` yields a container; `mime` is a hint
#define TB_MEDIA_PCM_S16_48K_STEREO 3u  // `reader` yields little-endian samples, left and right in turn
#define TB_MEDIA_OPUS_PACKETS 4u        // each read of `reader` is one Opus packet of 20 ms
#define TB_MEDIA_FD 5u                  // `handle` is an open, read-only descriptor that the host takes over
#define TB_MEDIA_PIPE 6u                // `handle` is a pipe of timmy.pipe/1: for origins that push

// It begins at `start_ms`, not at the start of the track. Without this flag the host goes there itself, by `seek` or by
// reading on.
#define TB_MEDIA_STARTED 1u

typedef struct tb_media_v1 {
    uint32_t kind, flags;
    tb_str url, mime;
    const tb_header_v1 *headers;
    size_t header_count;
    int64_t byte_length;  // -1 where it is not known
    uint64_t handle;
    tb_reader_v1 reader;
} tb_media_v1;

typedef struct tb_source_v1 {
    // [any] Under 1 ms, no I/O: 0 is not mine, 100 is surely mine.
    uint32_t (*match)(void *self, tb_str input);
    // [lane] A search or an address; settled by `resolved`.
    tb_status (*resolve)(void *self, tb_task task, tb_str input, uint32_t limit);
    // [lane] Settled by `opened`.
    tb_status (*open)(void *self, tb_task task, tb_str key, uint64_t start_ms);
    // [lane] NULL where there are no pictures; settled by `artwork`.
    tb_status (*artwork)(void *self, tb_task task, tb_str key);
    // [any] A hint; the task must still be settled.
    void (*cancel)(void *self, tb_task task);
} tb_source_v1;

typedef struct tb_host_source_v1 {
    // [any] At most `limit` tracks count, and more than 1000 are TB_E_INVALID. A track without a key, or with a text that is
    // not UTF-8 or longer than 2048 bytes, is left out; the others count.
    tb_status (*resolved)(const tb_host_v1 *host, tb_task task, const tb_track_v1 *tracks, size_t count);
    // [any] On TB_E_STALE the plugin keeps its reader or descriptor and closes it itself.
    tb_status (*opened)(const tb_host_v1 *host, tb_task task, const tb_media_v1 *media);
    // [any] A PNG or JPEG of up to 4 MiB.
    tb_status (*artwork)(const tb_host_v1 *host, tb_task task, tb_str mime, const uint8_t *bytes, size_t count);
} tb_host_source_v1;

TB_STATIC_ASSERT(sizeof(tb_track_v1) == 128 && sizeof(tb_reader_v1) == 40, "frozen layout");
TB_STATIC_ASSERT(sizeof(tb_media_v1) == 112 && sizeof(tb_source_v1) == 40, "frozen layout");
TB_STATIC_ASSERT(sizeof(tb_host_source_v1) == 24, "frozen layout");
#ifdef __cplusplus
}
#endif
