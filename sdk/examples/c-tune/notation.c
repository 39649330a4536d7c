// From text to notes: a recursive descent over at most 1024 bytes, with an error that says where it stopped.
#include "notation.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

typedef struct parser {
    const char *text;
    size_t length, at;
    int octave, tempo, volume;
    double now;  // in frames; a sum of exact parts, rounded only where a note begins and ends
    uint8_t tied[8];
    size_t tied_count, tied_first;  // notes that the next word goes on with, and the first of them in `out`
    tune *out;
    char *problem;
    size_t room;
} parser;

__attribute__((format(printf, 2, 3))) static bool wrong(parser *p, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int used = vsnprintf(p->problem, p->room, format, arguments);
    va_end(arguments);
    if (used > 0 && (size_t)used < p->room) snprintf(p->problem + used, p->room - (size_t)used, " (at character %zu)", p->at + 1);
    return false;
}

static char peek(const parser *p) { return p->at < p->length ? p->text[p->at] : 0; }

static bool take(parser *p, char c) {
    if (peek(p) != c) return false;
    p->at++;
    return true;
}

static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '|' || c == ','; }

// A number of up to four digits between `least` and `most`.
static bool number(parser *p, const char *what, int least, int most, int *out) {
    size_t begin = p->at;
    int value = 0;
    while (peek(p) >= '0' && peek(p) <= '9' && p->at < begin + 4) value = value * 10 + (p->text[p->at++] - '0');
    if (p->at == begin || value < least || value > most) {
        p->at = begin;
        return wrong(p, "%s is a number from %d to %d", what, least, most);
    }
    *out = value;
    return true;
}

static bool pitch(parser *p, uint8_t *out) {
    static const int steps[] = { 9, 11, 0, 2, 4, 5, 7 };  // of A to G above C
    char letter = peek(p);
    if (letter >= 'a' && letter <= 'g') letter = (char)(letter - 'a' + 'A');
    if (letter < 'A' || letter > 'G') return wrong(p, "here belongs a note, C D E F G A or B, or R for a rest");
    p->at++;
    int half_tones = steps[letter - 'A'];
    for (int i = 0; i < 2; i++) half_tones += take(p, '#') ? 1 : take(p, 'b') ? -1 : 0;
    if (peek(p) >= '0' && peek(p) <= '9' && !number(p, "the octave", 0, 8, &p->octave)) return false;
    int value = 12 * (p->octave + 1) + half_tones;
    if (value < 12 || value > 119) return wrong(p, "this note is too low or too high");
    *out = (uint8_t)value;
    return true;
}

// In frames: /N and dots.
static bool duration(parser *p, double *out) {
    int part = 4;
    if (take(p, '/') && !number(p, "the length after /", 1, 64, &part)) return false;
    double frames = 4.0 * 60 * TUNE_RATE / p->tempo / part, dot = frames / 2;
    for (int i = 0; i < 2 && take(p, '.'); i++, dot /= 2) frames += dot;
    *out = frames;
    return true;
}

static bool advance(parser *p, double frames) {
    p->now += frames;
    return p->now <= TUNE_MAX_FRAMES - TUNE_TAIL || wrong(p, "a tune lasts ten minutes at most");
}

static int64_t rounded(double frames) { return (int64_t)(frames + 0.5); }

static bool add(parser *p, const uint8_t *pitches, size_t count, double frames, bool ties) {
    double end = p->now + frames;
    bool goes_on = p->tied_count > 0;
    if (goes_on && (count != p->tied_count || memcmp(pitches, p->tied, count) != 0))
        return wrong(p, "a tie (~) goes on to the same note");
    if (!goes_on) p->tied_first = p->out->count;
    for (size_t i = 0; i < count && !goes_on; i++) {
        if (p->out->count == TUNE_MAX_NOTES) return wrong(p, "a tune has %d notes at most", TUNE_MAX_NOTES);
        p->out->notes[p->out->count++] = (tune_note){ pitches[i], (uint8_t)p->volume, rounded(p->now), 0 };
    }
    for (size_t i = 0; i < count; i++) {
        tune_note *note = p->out->notes + p->tied_first + i;
        note->length = rounded(end) - note->start;
    }
    memcpy(p->tied, pitches, count);
    p->tied_count = ties ? count : 0;
    return advance(p, frames);
}

static bool chord(parser *p, uint8_t *pitches, size_t *count) {
    while (!take(p, ']')) {
        if (is_space(peek(p))) {
            p->at++;
        } else if (p->at == p->length) {
            return wrong(p, "a chord ends in ]");
        } else if (*count == 8) {
            return wrong(p, "a chord has 8 notes at most");
        } else if (!pitch(p, pitches + (*count)++)) {
            return false;
        }
    }
    return *count > 0 || wrong(p, "a chord has at least one note");
}

static bool rest(parser *p) {
    double frames = 0;
    if (p->tied_count) return wrong(p, "a tie (~) goes on to the same note");
    return duration(p, &frames) && advance(p, frames);
}

static bool word(parser *p) {
    bool is_setting = p->at + 1 < p->length && p->text[p->at + 1] == '=';
    char first = peek(p);
    if (is_setting && (first == 't' || first == 'v')) {
        p->at += 2;
        return first == 't' ? number(p, "the tempo", 20, 400, &p->tempo) : number(p, "the loudness", 1, 100, &p->volume);
    }
    if (take(p, 'R') || take(p, 'r')) return rest(p);
    uint8_t pitches[8] = { 0 };
    size_t count = 0;
    if (take(p, '[')) {
        if (!chord(p, pitches, &count)) return false;
    } else if (!pitch(p, pitches + count++)) {
        return false;
    }
    double frames = 0;
    if (!duration(p, &frames)) return false;
    bool ties = take(p, '~');
    return add(p, pitches, count, frames, ties);
}

int tune_parse(const char *notation, size_t length, tune *out, char *problem, size_t room) {
    parser p = { .text = notation, .length = length, .octave = 4, .tempo = 120, .volume = 80, .out = out, .problem = problem, .room = room };
    out->count = 0;
    for (;;) {
        while (p.at < length && is_space(peek(&p))) p.at++;
        if (p.at == length) break;
        if (!word(&p)) return 0;
        if (p.at < length && !is_space(peek(&p))) return wrong(&p, "notes are separated by spaces");
    }
    if (p.tied_count) return wrong(&p, "a tie (~) goes on to the same note");
    if (!out->count) return wrong(&p, "there is no note in it");
    out->frames = rounded(p.now) + TUNE_TAIL;
    return 1;
}
