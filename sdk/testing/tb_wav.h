// Writes what a source yields so that a player plays it: PCM as WAV, Opus packets as Ogg (RFC 7845), the rest as it is.
#pragma once
#include <stdint.h>
#include <stdio.h>

#include "tb_mock.h"

static void put(uint8_t *to, uint64_t value, int bytes) {
    for (int i = 0; i < bytes; i++) to[i] = (uint8_t)(value >> (8 * i));
}

static bool write_wav(FILE *file, const tb_mock_sound *sound) {
    uint8_t head[44] = { 'R', 'I', 'F', 'F', 0, 0, 0, 0, 'W', 'A', 'V', 'E', 'f', 'm', 't', ' ', 16, 0, 0, 0, 1, 0, 2, 0 };
    put(head + 4, 36 + sound->count, 4);
    put(head + 24, 48000, 4);
    put(head + 28, 48000 * 4, 4);
    put(head + 32, 4, 2);
    put(head + 34, 16, 2);
    head[36] = 'd', head[37] = 'a', head[38] = 't', head[39] = 'a';
    put(head + 40, sound->count, 4);
    return fwrite(head, 1, sizeof head, file) == sizeof head && fwrite(sound->bytes, 1, sound->count, file) == sound->count;
}

// Ogg's checksum: CRC-32 with the polynomial 0x04c11db7, not reflected, from 0.
static uint32_t ogg_sum(uint32_t sum, const uint8_t *bytes, size_t count) {
    for (size_t i = 0; i < count; i++) {
        sum ^= (uint32_t)bytes[i] << 24;
        for (int bit = 0; bit < 8; bit++) sum = sum << 1 ^ (sum >> 31 ? 0x04c11db7u : 0);
    }
    return sum;
}

// One packet on a page of its own.
static bool write_page(FILE *file, uint8_t flags, uint64_t granule, uint32_t number, const uint8_t *packet, size_t count) {
    uint8_t head[27 + 255] = { 'O', 'g', 'g', 'S', 0, flags };
    size_t segments = count / 255 + 1;
    if (segments > 255) return false;
    put(head + 6, granule, 8);
    put(head + 14, 0x54424d54, 4);
    put(head + 18, number, 4);
    head[26] = (uint8_t)segments;
    for (size_t i = 0; i < segments; i++) head[27 + i] = i + 1 < segments ? 255 : (uint8_t)(count % 255);
    put(head + 22, ogg_sum(ogg_sum(0, head, 27 + segments), packet, count), 4);
    return fwrite(head, 1, 27 + segments, file) == 27 + segments && fwrite(packet, 1, count, file) == count;
}

static bool write_ogg(FILE *file, const tb_mock_sound *sound) {
    uint8_t head[19] = { 'O', 'p', 'u', 's', 'H', 'e', 'a', 'd', 1, 2 };
    uint8_t tags[16] = { 'O', 'p', 'u', 's', 'T', 'a', 'g', 's' };
    put(head + 12, 48000, 4);
    bool is_good = write_page(file, 2, 0, 0, head, sizeof head) && write_page(file, 0, 0, 1, tags, sizeof tags);
    uint32_t number = 2;
    for (size_t at = 0; is_good && at + 2 <= sound->count; number++) {
        size_t length = sound->bytes[at] | (size_t)sound->bytes[at + 1] << 8;
        bool is_last = at + 2 + length >= sound->count;
        is_good = at + 2 + length <= sound->count &&
                  write_page(file, is_last ? 4 : 0, (uint64_t)(number - 1) * 960, number, sound->bytes + at + 2, length);
        at += 2 + length;
    }
    return is_good;
}

static bool write_sound(FILE *file, uint32_t kind, const tb_mock_sound *sound) {
    if (kind == TB_MEDIA_PCM_S16_48K_STEREO) return write_wav(file, sound);
    if (kind == TB_MEDIA_OPUS_PACKETS) return write_ogg(file, sound);
    return fwrite(sound->bytes, 1, sound->count, file) == sound->count;
}
