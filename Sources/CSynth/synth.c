#include "CSynth.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define RATE 48000.0f
#define TAU 6.28318530718f

typedef struct { const tb_song *song; float *out; size_t frames; uint32_t random; } studio;

static float chance(studio *s) {
    s->random = s->random * 1664525u + 1013904223u;
    return (float)(s->random >> 8) / 16777216.0f;
}

static float pitch(float note) { return 440.0f * powf(2.0f, (note - 69.0f) / 12.0f); }

// Semitones of a scale degree, which may lie octaves away.
static int degree(const tb_song *song, int step) {
    static const int major[7] = {0, 2, 4, 5, 7, 9, 11}, minor[7] = {0, 2, 3, 5, 7, 8, 10};
    int octave = step >= 0 ? step / 7 : -((6 - step) / 7);
    return (song->minor ? minor : major)[step - 7 * octave] + 12 * octave;
}

static void mix(studio *s, size_t frame, float value, float pan) {
    if (frame >= s->frames) return;
    s->out[2 * frame] += value * (1.0f - pan);
    s->out[2 * frame + 1] += value * pan;
}

// Three detuned saws behind a low pass that opens slowly.
static void pad(studio *s, float start, float length, float note, float level, float pan) {
    size_t first = (size_t)(start * RATE), count = (size_t)(length * RATE);
    float phase[3] = {0.1f, 0.4f, 0.7f}, low = 0, frequency = pitch(note);
    for (size_t i = 0; i < count; i++) {
        float t = (float)i / RATE, fade = fminf(1, t / 0.35f) * fminf(1, (length - t) / 0.5f), raw = 0;
        for (int voice = 0; voice < 3; voice++) {
            phase[voice] += frequency * (1.0f + 0.004f * (float)(voice - 1)) / RATE;
            phase[voice] -= floorf(phase[voice]);
            raw += 2 * phase[voice] - 1;
        }
        float cutoff = 0.02f + 0.08f * s->song->brightness * fminf(1, t / length);
        low += cutoff * (raw - low);
        mix(s, first + i, low * fade * level, pan);
    }
}

static void bass(studio *s, float start, float length, float note, float level) {
    size_t first = (size_t)(start * RATE), count = (size_t)(length * RATE);
    float frequency = pitch(note);
    for (size_t i = 0; i < count; i++) {
        float t = (float)i / RATE, fade = fminf(1, t / 0.01f) * fminf(1, (length - t) / 0.05f) * expf(-1.2f * t);
        float wave = sinf(TAU * frequency * t) + 0.3f * sinf(2 * TAU * frequency * t) + 0.1f * sinf(3 * TAU * frequency * t);
        mix(s, first + i, wave * fade * level, 0.5f);
    }
}

// Two-operator FM: a bell or a string, by its modulation.
static void pluck(studio *s, float start, float note, float level, float pan) {
    float hard = s->song->pluck, decay = 2.0f + 3.0f * hard, length = 1.6f;
    size_t first = (size_t)(start * RATE), count = (size_t)(length * RATE);
    float frequency = pitch(note), ratio = hard > 0.5f ? 1.0f : 2.0f;
    for (size_t i = 0; i < count; i++) {
        float t = (float)i / RATE, envelope = expf(-decay * t) * fminf(1, t / 0.004f);
        float depth = (0.5f + 2.5f * s->song->brightness) * expf(-5 * t);
        float wave = sinf(TAU * frequency * t + depth * sinf(TAU * ratio * frequency * t));
        mix(s, first + i, wave * envelope * level, pan);
    }
}

static void kick(studio *s, float start, float level) {
    size_t first = (size_t)(start * RATE), count = (size_t)(0.3f * RATE);
    float phase = 0;
    for (size_t i = 0; i < count; i++) {
        float t = (float)i / RATE;
        phase += (45.0f + 120.0f * expf(-30 * t)) / RATE;
        mix(s, first + i, sinf(TAU * phase) * expf(-12 * t) * level, 0.5f);
    }
}

static void noise(studio *s, float start, float decay, float level, float pan) {
    size_t first = (size_t)(start * RATE), count = (size_t)(0.25f * RATE);
    float last = 0;
    for (size_t i = 0; i < count; i++) {
        float white = 2 * chance(s) - 1, high = white - last;
        last = white;
        mix(s, first + i, high * expf(-decay * (float)i / RATE) * level, pan);
    }
}

static void drums(studio *s, float bar, float beat) {
    float level = s->song->drums;
    if (level <= 0) return;
    for (int step = 0; step < 4; step++) {
        float at = bar + beat * (float)step;
        if (step % 2 == 0) kick(s, at, 0.5f * level);
        else noise(s, at, 18, 0.18f * level, 0.5f);
        noise(s, at, 60, 0.07f * level, 0.6f);
        noise(s, at + beat * (0.5f + s->song->swing), 80, 0.05f * level, 0.4f);
    }
}

static void melody(studio *s, float bar, float beat, int chord, int *place) {
    for (int step = 0; step < 8; step++) {
        if (chance(s) < 0.32f && step != 0) continue;
        *place += (int)(chance(s) * 5) - 2;
        // Stay near the chord, and land on it on the first beat.
        if (*place > chord + 9) *place -= 3;
        if (*place < chord + 2) *place += 3;
        if (step == 0) *place = chord + 7 + 2 * (int)(chance(s) * 2);
        float at = bar + beat * ((float)step / 2 + (step % 2 ? s->song->swing / 2 : 0));
        float note = (float)(s->song->root + 12 + degree(s->song, *place - 7));
        pluck(s, at, note, 0.2f + 0.08f * chance(s), 0.35f + 0.3f * chance(s));
    }
}

// A feedback delay across the channels, then a soft limit.
static void room(studio *s) {
    size_t left = (size_t)(0.31f * RATE), right = (size_t)(0.43f * RATE);
    for (size_t i = right; i < s->frames; i++) {
        s->out[2 * i] += 0.28f * s->out[2 * (i - left) + 1];
        s->out[2 * i + 1] += 0.28f * s->out[2 * (i - right)];
    }
    for (size_t i = 0; i < s->frames; i++) {
        float t = (float)i / RATE, end = ((float)(s->frames - i)) / RATE, fade = fminf(1, t / 0.05f) * fminf(1, end / 2.5f);
        for (int channel = 0; channel < 2; channel++) {
            float *sample = &s->out[2 * i + (size_t)channel];
            *sample = tanhf(0.9f * *sample) * fade;
        }
    }
}

void tb_synthesize(const tb_song *song, float *out, size_t frames) {
    studio s = {.song = song, .out = out, .frames = frames, .random = song->seed};
    memset(out, 0, 2 * frames * sizeof(float));
    float beat = 60.0f / song->tempo, length = 4 * beat;
    int place = 7;
    for (int bar = 0; (float)bar * length < song->seconds; bar++) {
        float at = (float)bar * length;
        int chord = song->progression[bar % 4];
        for (int voice = 0; voice < 3; voice++)
            pad(&s, at, length + 0.4f, (float)(song->root + degree(song, chord + 2 * voice)), 0.09f, 0.3f + 0.2f * (float)voice);
        for (int step = 0; step < 4; step++)
            if (step % 2 == 0 || chance(&s) < 0.5f)
                bass(&s, at + beat * (float)step, beat, (float)(song->root - 24 + degree(song, chord)), 0.3f);
        if (bar >= 2) drums(&s, at, beat);
        if (bar >= 1) melody(&s, at, beat, chord, &place);
    }
    room(&s);
}
