// A melody as text, and what it means. Words are separated by spaces; | may stand between bars.
//
//   C4  F#5  Bb3     note and octave (0 to 8); the octave may be left out: then it is the last one's
//   C4/2  E/8  G/4.  /1 whole, /2 half, /4 quarter (as without), up to /64; a dot makes it half as long again; /12 is a triplet
//   R  R/2           rest
//   [C4 E4 G4]/2     chord, up to 8 notes
//   C4/2~ C4/8       tie: one note as long as both
//   t=120            quarter notes a minute from here on, 20 to 400
//   v=80             loudness in percent from here on, 1 to 100
#pragma once
#include <stddef.h>
#include <stdint.h>

#define TUNE_RATE 48000
#define TUNE_MAX_NOTES 600            // a key has at most 1024 bytes, so no notation is longer
#define TUNE_MAX_FRAMES (600 * TUNE_RATE)  // ten minutes
#define TUNE_TAIL (TUNE_RATE / 2)     // what the last note rings on

typedef struct tune_note {
    uint8_t pitch;   // MIDI: 60 is C4, 69 is A4 with 440 Hz
    uint8_t volume;  // percent
    int64_t start, length;  // in frames of 1/48000 s
} tune_note;

typedef struct tune {
    tune_note notes[TUNE_MAX_NOTES];
    size_t count;
    int64_t frames;  // all of it, with the tail
} tune;

// 1 where `notation` makes sense; otherwise 0, and what is wrong and where, as a sentence for the user.
// `problem` has room for `room` bytes.
int tune_parse(const char *notation, size_t length, tune *out, char *problem, size_t room);
