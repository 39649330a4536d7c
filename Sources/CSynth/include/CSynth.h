// A small deterministic synthesiser for the demo's songs: pads, bass, plucked melody, drums and a little room.
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef struct tb_song {
    uint32_t seed;
    float tempo;            // beats per minute
    int32_t root;           // MIDI note of the key
    int32_t minor;          // 0 major, 1 minor
    int32_t progression[4]; // scale degrees of the chords, one a bar
    float brightness;       // 0 dark to 1 bright
    float swing;            // 0 straight to 0.3
    float drums;            // 0 none to 1 full
    float pluck;            // melody: 0 soft bell, 1 hard string
    float seconds;
} tb_song;

// Renders interleaved stereo at 48 kHz into `out` (2 * frames floats, within -1 and 1).
void tb_synthesize(const tb_song *song, float *out, size_t frames);
