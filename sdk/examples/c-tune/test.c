// The tune on the mock host.
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <tb_mock.h>

#include "notation.h"

static tb_mock *started(void) {
    tb_mock *m = tb_mock_new();
    tb_mock_link(m, timmybot_plugin_v1);
    TB_CHECK(tb_mock_create(m, "{}") == TB_OK);
    return m;
}

static void finish(tb_mock *m) { TB_CHECK(tb_mock_finish(m, stderr) == 0); }

static tune parsed(const char *text) {
    static tune t;
    char problem[200] = "";
    TB_CHECK(tune_parse(text, strlen(text), &t, problem, sizeof problem) && !*problem);
    return t;
}

static void notation(void) {
    tune t = parsed("t=60 C4 E/2 R [G4 Bb4 D5]/8. F#3");
    TB_CHECK(t.count == 6);
    TB_CHECK(t.notes[0].pitch == 60 && t.notes[0].start == 0 && t.notes[0].length == 48000);
    TB_CHECK(t.notes[1].pitch == 64 && t.notes[1].start == 48000 && t.notes[1].length == 96000);
    TB_CHECK(t.notes[2].pitch == 67 && t.notes[3].pitch == 70 && t.notes[4].pitch == 74);
    TB_CHECK(t.notes[2].start == 192000 && t.notes[4].start == 192000 && t.notes[4].length == 36000);
    TB_CHECK(t.notes[5].pitch == 54 && t.notes[5].start == 228000);
    TB_CHECK(t.frames == 228000 + 48000 + TUNE_TAIL);
    t = parsed("t=120 A4/4~ A4/8 | t=240 v=50 a/1..");
    TB_CHECK(t.count == 2 && t.notes[0].pitch == 69 && t.notes[0].length == 36000);
    TB_CHECK(t.notes[1].length == 48000 / 4 * 7 && t.notes[1].volume == 50);
    // Three triplets are as long as what they stand for, without a frame lost to rounding.
    t = parsed("t=113 C/12 C/12 C/12 C/12 C/12 C/12 D");
    TB_CHECK(t.notes[6].start == parsed("t=113 C/2 D").notes[1].start);
}

static void mistakes(void) {
    static const char *const bad[][2] = {
        { "", "no note" },
        { "R R", "no note" },
        { "C4 H4", "character 4" },
        { "C9", "octave" },
        { "C4/0", "length" },
        { "C4/65", "length" },
        { "t=10 C", "tempo" },
        { "v=0 C", "loudness" },
        { "[C4 E4", "ends in ]" },
        { "[]", "at least one" },
        { "[C D E F G A B C D]", "8" },
        { "C4~", "tie" },
        { "C4~ D4", "same note" },
        { "C4~ R", "same note" },
        { "C4E4", "spaces" },
        { "Cbb0", "too low" },
        { "t=20 C/1..... C", "spaces" },
        { "\xff\xfe", "note" },
    };
    tb_mock *m = started();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char input[64] = "tune: ";
        strcat(input, bad[i][0]);
        const tb_mock_result *r = tb_mock_result_of(m, tb_mock_resolve(m, input, 5));
        TB_CHECK(r->kind == TB_MOCK_FAILED && r->error.code == TB_E_INVALID);
        TB_CHECK(tb_has(r->error.user_text, bad[i][1]));
    }
    char *endless = malloc(1100);
    memset(endless, 'C', 1099), endless[1099] = 0;
    TB_CHECK(tb_has(tb_mock_result_of(m, tb_mock_resolve(m, endless, 5))->error.user_text, "1024"));
    strcpy(endless, "t=20");
    for (int i = 0; i < 60; i++) strcat(endless, " C/1");  // 12 seconds each
    TB_CHECK(tb_has(tb_mock_result_of(m, tb_mock_resolve(m, endless, 5))->error.user_text, "ten minutes"));
    free(endless);
    finish(m);
}

static void resolving(void) {
    tb_mock *m = started();
    TB_CHECK(tb_mock_match(m, "tune: C4") == 100 && tb_mock_match(m, "tune") == 0 && tb_mock_match(m, "") == 0);
    const tb_mock_result *r = tb_mock_result_of(m, tb_mock_resolve(m, "tune:  C4 E4 G4 ", 5));
    TB_CHECK(r->kind == TB_MOCK_RESOLVED && r->track_count == 1);
    TB_CHECK(tb_is(r->tracks->key, "C4 E4 G4") && tb_is(r->tracks->title, "Tune C4 E4 G4"));
    TB_CHECK(r->tracks->duration_ms == 2000 && r->again == 0);
    TB_CHECK(tb_mock_result_of(m, tb_mock_resolve(m, "tune: C4", 0))->track_count == 0);
    finish(m);
}

static int16_t sample(const tb_mock_sound *s, size_t frame, int side) {
    const uint8_t *p = s->bytes + frame * 4 + side * 2;
    return (int16_t)(p[0] | p[1] << 8);
}

// How much of `frequency` is in a second of sound, by the one bin of a Fourier transform.
static double strength(const tb_mock_sound *s, double frequency) {
    double re = 0, im = 0;
    for (size_t i = 0; i < 24000; i++) {
        double w = 2 * 3.14159265358979 * frequency * (double)i / 48000;
        re += sample(s, i, 0) * cos(w), im += sample(s, i, 0) * sin(w);
    }
    return sqrt(re * re + im * im) / 24000;
}

static void sound(void) {
    tb_mock *m = started();
    const tb_mock_result *r = tb_mock_result_of(m, tb_mock_open(m, "t=60 A4 C5", 0));
    TB_CHECK(r->kind == TB_MOCK_OPENED && r->media.kind == TB_MEDIA_PCM_S16_48K_STEREO);
    TB_CHECK(r->media.byte_length == (96000 + TUNE_TAIL) * 4);
    tb_mock_sound whole = tb_mock_read(m, &r->media, 4096, 1 << 24);
    TB_CHECK(whole.status == TB_OK && (int64_t)whole.count == r->media.byte_length);
    TB_CHECK(strength(&whole, 440) > 1000 && strength(&whole, 440) > 10 * strength(&whole, 523.25));
    TB_CHECK(strength(&whole, 880) > strength(&whole, 660) * 10);
    TB_CHECK(sample(&whole, 0, 0) == 0 && abs(sample(&whole, 96000 + TUNE_TAIL - 1, 0)) < 10);
    // Buffers of any size give the same bytes, and so does any place after a seek.
    size_t capacities[] = { 1, 7, 1023, 3840, 1 << 20 };
    for (size_t i = 0; i < 5; i++) {
        uint64_t from = (uint64_t)whole.count - 5000 - i * 3;
        TB_CHECK(tb_mock_seek(m, &r->media, from) == TB_OK);
        tb_mock_sound part = tb_mock_read(m, &r->media, capacities[i], 1 << 24);
        TB_CHECK(part.status == TB_OK && part.count == whole.count - from);
        TB_CHECK(memcmp(part.bytes, whole.bytes + from, part.count) == 0);
    }
    TB_CHECK(tb_mock_seek(m, &r->media, whole.count + 1) == TB_E_INVALID);
    finish(m);
}

static void interrupted(void) {
    tb_mock *m = started();
    const tb_mock_result *r = tb_mock_result_of(m, tb_mock_open(m, "t=20 C4/1", 0));
    int64_t took = tb_mock_interrupt(m, &r->media);
    TB_CHECK(took >= 0 && took < 2000);
    TB_CHECK(tb_mock_seek(m, &r->media, 0) == TB_OK);
    TB_CHECK(tb_mock_read(m, &r->media, 3840, 38400).is_cut);
    finish(m);
}

static void refusals(void) {
    tb_mock *m = started();
    TB_CHECK(tb_mock_result_of(m, tb_mock_open(m, "nonsense", 0))->kind == TB_MOCK_FAILED);
    finish(m);
    m = tb_mock_new();
    tb_mock_link(m, timmybot_plugin_v1);
    tb_mock_without(m, TB_EXT_SOURCE_HOST);
    TB_CHECK(tb_mock_create(m, "{}") == TB_E_UNSUPPORTED);
    TB_CHECK(tb_has(tb_mock_log_line(m, 0), TB_EXT_SOURCE_HOST));
    finish(m);
}

int main(void) {
    notation();
    mistakes();
    resolving();
    sound();
    interrupted();
    refusals();
    return tb_checks();
}
