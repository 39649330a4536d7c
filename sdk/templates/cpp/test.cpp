// {{NAME}} on the mock host: `make test`.
#include <cstring>
#include <tb_mock.h>

static void command(tb_mock *m) {
    tb_mock_option times = { "times", nullptr, 3, 0 };
    const tb_mock_result *r = tb_mock_result_of(m, tb_mock_command(m, "{{COMMAND}}", &times, 1));
    TB_CHECK(r->kind == TB_MOCK_SENT && tb_has(r->message.components_json, "3 times"));
    r = tb_mock_result_of(m, tb_mock_command(m, "{{COMMAND}}", nullptr, 0));
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
    TB_CHECK(end.count == 4999 && std::memcmp(end.bytes, whole.bytes + 955001, end.count) == 0);
    TB_CHECK(tb_mock_interrupt(m, &r->media) >= 0);
}

int main() {
    tb_mock *m = tb_mock_new();
    tb_mock_link(m, timmybot_plugin_v1);
    TB_CHECK(tb_mock_create(m, "{}") == TB_OK);
    command(m);
    source(m);
    sound(m);
    TB_CHECK(tb_mock_finish(m, stderr) == 0);
    return tb_checks();
}
