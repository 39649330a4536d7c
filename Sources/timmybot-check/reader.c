#define _GNU_SOURCE
#include "behaviour.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ID "L3.reader"

static const tb_mock_result *opened(tb_mock *mock, const tb_track_v1 *track) {
    char key[1025];
    snprintf(key, sizeof key, "%.*s", (int)track->key.len, track->key.ptr);
    const tb_mock_result *result = tb_mock_result_of(mock, tb_mock_open(mock, key, 0));
    return result && result->kind == TB_MOCK_OPENED ? result : NULL;
}

static bool reads(const tb_media_v1 *media) {
    return media->kind == TB_MEDIA_BYTES || media->kind == TB_MEDIA_PCM_S16_48K_STEREO || media->kind == TB_MEDIA_OPUS_PACKETS;
}

// The beginning must be the same, in whatever pieces it is asked for.
static bool pieces(tb_mock *mock, const tb_track_v1 *track) {
    const tb_mock_result *whole = opened(mock, track);
    if (!whole) return check_fail(ID, "a track that it found cannot be opened"), false;
    if (!reads(&whole->media)) return true;
    bool isPackets = whole->media.kind == TB_MEDIA_OPUS_PACKETS, isSound = true;
    check_at("read with 4096 bytes");
    tb_mock_sound reference = tb_mock_read(mock, &whole->media, 4096, 128 << 10);
    if (reference.status < 0) isSound = false, check_fail(ID, "reading ends with %d", reference.status);
    if (reference.count == 0) isSound = false, check_fail(ID, "there is nothing to read");
    tb_mock_close(mock, &whole->media);
    static const size_t capacities[] = { 1, 7, 1275 };
    for (size_t i = isPackets ? 2 : 0; i < 3 && isSound; i++) {
        const tb_mock_result *again = opened(mock, track);
        if (!again) return check_fail(ID, "a track cannot be opened a second time"), false;
        check_at("read with %zu bytes", capacities[i]);
        size_t limit = capacities[i] == 1 ? 8 << 10 : 32 << 10;
        tb_mock_sound sound = tb_mock_read(mock, &again->media, capacities[i], limit);
        size_t common = sound.count < reference.count ? sound.count : reference.count;
        if (sound.status < 0) isSound = false, check_fail(ID, "with a buffer of %zu bytes reading ends with %d", capacities[i], sound.status);
        else if (!(track->flags & TB_TRACK_LIVE) && memcmp(sound.bytes, reference.bytes, common) != 0)
            isSound = false, check_fail(ID, "with a buffer of %zu bytes it reads something else", capacities[i]);
        if (isSound && again->media.reader.seek && !(track->flags & TB_TRACK_LIVE)) {
            check_at("seek to 0");
            tb_status status = tb_mock_seek(mock, &again->media, 0);
            tb_mock_sound replay = tb_mock_read(mock, &again->media, 4096, 8 << 10);
            common = replay.count < reference.count ? replay.count : reference.count;
            if (status != TB_OK) isSound = false, check_fail(ID, "seek to 0 answers %d", status);
            else if (memcmp(replay.bytes, reference.bytes, common) != 0)
                isSound = false, check_fail(ID, "after seek to 0 it reads something else");
        }
        tb_mock_close(mock, &again->media);
    }
    return isSound;
}

static bool interrupts(tb_mock *mock, const tb_track_v1 *track) {
    const tb_mock_result *result = opened(mock, track);
    if (!result || !reads(&result->media)) return true;
    check_at("interrupt");
    int64_t took = tb_mock_interrupt(mock, &result->media);
    tb_mock_close(mock, &result->media);
    if (took >= 0 && took <= 100) return true;
    return check_fail(ID, "an interrupted read comes back after %lld ms; 100 are the most", (long long)took), false;
}

int check_group_reader(const struct subject *subject) {
    tb_mock *mock = subject_start(subject, ID, NULL);
    if (!mock) return 0;
    if (!tb_mock_plugin(mock)->get_extension(TB_EXT_SOURCE)) {
        check_skip(ID, "it is no source");
    } else {
        bool isSound = true;
        size_t tracks = 0;
        for (size_t i = 0; i < subject->input_count && isSound; i++) {
            check_at("resolve");
            const tb_mock_result *found = tb_mock_result_of(mock, tb_mock_resolve(mock, subject->inputs[i], 3));
            if (!found || found->kind != TB_MOCK_RESOLVED) continue;
            for (size_t t = 0; t < found->track_count && t < 3 && isSound; t++, tracks++)
                isSound = pieces(mock, found->tracks + t) && interrupts(mock, found->tracks + t);
        }
        if (!isSound) return 0;
        if (tracks > 0 && subject_finish(mock, ID)) return check_pass(ID), 0;
        if (tracks > 0) return 0;
        check_skip(ID, "none of the inputs finds a track; name some under \"examples\" in the manifest, or by --input");
    }
    tb_mock_finish(mock, NULL);
    return 0;
}
