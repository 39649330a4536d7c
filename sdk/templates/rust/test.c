// {{NAME}} on the mock host: `make test`. In C, as the mock host is; it loads the built plugin.
#include <string.h>
#include <tb_mock.h>

static void command(tb_mock *m) {
    tb_mock_option times = { "times", NULL, 3, 0 };
    const tb_mock_result *r = tb_mock_result_of(m, tb_mock_command(m, "{{COMMAND}}", &times, 1));
    TB_CHECK(r->kind == TB_MOCK_SENT && tb_has(r->message.components_json, "3 times"));
    r = tb_mock_result_of(m, tb_mock_command(m, "{{COMMAND}}", NULL, 0));
    TB_CHECK(r->kind == TB_MOCK_SENT && tb_has(r->message.components_json, "1 times"));
}

static void source(tb_mock *m) {
    TB_CHECK(tb_mock_match(m, "{{COMMAND}}: 440") == 100 && tb_mock_match(m, "else") == 0);
    const tb_mock_result *r = tb_mock_result_of(m, tb_mock_resolve(m, "{{COMMAND}}: 440", 5));
    TB_CHECK(r->kind == TB_MOCK_RESOLVED && r->track_count == 1 && tb_is(r->tracks->key, "440"));
    r = tb_mock_result_of(m, tb_mock_resolve(m, "{{COMMAND}}: high", 5));
    TB_CHECK(r->kind == TB_MOCK_FAILED && tb_has(r->error.user_text, "20 to 2000"));
}

static void sound(tb_mock *m) {
    const tb_mock_result *r = tb_mock_result_of(m, tb_mock_open(m, "440", 0));
    TB_CHECK(r->kind == TB_MOCK_OPENED && r->media.byte_length == 960000);
    tb_mock_sound whole = tb_mock_read(m, &r->media, 3840, 1 << 20);
    TB_CHECK(whole.status == TB_OK && whole.count == 960000);
    TB_CHECK(tb_mock_seek(m, &r->media, 955001) == TB_OK);
    tb_mock_sound end = tb_mock_read(m, &r->media, 7, 1 << 20);
    TB_CHECK(end.count == 4999 && memcmp(end.bytes, whole.bytes + 955001, end.count) == 0);
    TB_CHECK(tb_mock_interrupt(m, &r->media) >= 0);
}

int main(int argc, char **argv) {
    tb_mock *m = tb_mock_new();
    bool is_loaded = argc == 2 && tb_mock_load(m, argv[1]);
    if (!is_loaded) fprintf(stderr, "%s\n", tb_mock_why(m));
    TB_CHECK(is_loaded && tb_mock_create(m, "{}") == TB_OK);
    if (is_loaded) command(m), source(m), sound(m);
    TB_CHECK(tb_mock_finish(m, stderr) == 0);
    return tb_checks();
}
