// The noise on the mock host: plugin-test ./rust-noise.so
#include <string.h>
#include <tb_mock.h>

static void sound(tb_mock *m) {
    const tb_mock_result *r = tb_mock_result_of(m, tb_mock_resolve(m, "noise: brown 2s", 5));
    TB_CHECK(r->kind == TB_MOCK_RESOLVED && r->track_count == 1 && tb_is(r->tracks->key, "brown 2s"));
    TB_CHECK(tb_is(r->tracks->title, "brown noise") && r->tracks->duration_ms == 2000);
    r = tb_mock_result_of(m, tb_mock_open(m, "brown 2s", 0));
    TB_CHECK(r->kind == TB_MOCK_OPENED && r->media.byte_length == 384000);
    tb_mock_sound whole = tb_mock_read(m, &r->media, 3840, 1 << 20);
    TB_CHECK(whole.status == TB_OK && whole.count == 384000);
    size_t capacities[] = { 1, 7, 4096 };
    for (size_t i = 0; i < 3; i++) {
        TB_CHECK(tb_mock_seek(m, &r->media, 381111) == TB_OK);
        tb_mock_sound part = tb_mock_read(m, &r->media, capacities[i], 1 << 20);
        TB_CHECK(part.count == 2889 && memcmp(part.bytes, whole.bytes + 381111, 2889) == 0);
    }
    TB_CHECK(tb_mock_seek(m, &r->media, 384001) == TB_E_INVALID);
    int64_t took = tb_mock_interrupt(m, &r->media);
    TB_CHECK(took >= 0 && took < 2000);
}

int main(int argc, char **argv) {
    tb_mock *m = tb_mock_new();
    bool is_loaded = argc == 2 && tb_mock_load(m, argv[1]);
    TB_CHECK(is_loaded);
    if (!is_loaded) fprintf(stderr, "%s\n", tb_mock_why(m));
    TB_CHECK(is_loaded && tb_mock_create(m, "{}") == TB_OK);
    if (is_loaded) {
        TB_CHECK(tb_mock_match(m, "noise: pink") == 100 && tb_mock_match(m, "pink") == 0);
        sound(m);
        const tb_mock_result *r = tb_mock_result_of(m, tb_mock_resolve(m, "noise: loud", 5));
        TB_CHECK(r->kind == TB_MOCK_FAILED && tb_has(r->error.user_text, "white, pink, brown"));
    }
    TB_CHECK(tb_mock_finish(m, stderr) == 0);
    return tb_checks();
}
