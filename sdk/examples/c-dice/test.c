// The dice on the mock host.
#include <stdlib.h>
#include <string.h>
#include <tb_mock.h>

static tb_mock *started(void) {
    tb_mock *m = tb_mock_new();
    tb_mock_link(m, timmybot_plugin_v1);
    TB_CHECK(tb_mock_create(m, "{}") == TB_OK);
    return m;
}

static const tb_mock_result *call(tb_mock *m, const char *name, const tb_mock_option *options, size_t count) {
    return tb_mock_result_of(m, tb_mock_command(m, name, options, count));
}

static long sum_in(tb_str json) {
    const char *star = memchr(json.ptr, '*', json.len);
    return star ? strtol(star + 2, NULL, 10) : -1;
}

static void rolls(tb_mock *m) {
    bool seen[5] = { false };
    for (int i = 0; i < 200; i++) {
        tb_mock_option dice = { "dice", "2d2+1", 0, 0 };
        const tb_mock_result *r = call(m, "roll", &dice, 1);
        long sum = sum_in(r->message.components_json);
        TB_CHECK(r->kind == TB_MOCK_SENT && sum >= 3 && sum <= 5);
        TB_CHECK(tb_has(r->message.components_json, "\"custom_id\":\"again:2d2+1\""));
        if (sum >= 3 && sum <= 5) seen[sum - 1] = true;
    }
    TB_CHECK(seen[2] && seen[3] &&
             seen[4]);  // 2 of 200 throws would have to be one in 10^25 for this to fail by chance
    tb_mock_option many[] = { { "dice", "d6", 0, 0 }, { "times", NULL, 10, 0 } };
    tb_str json = call(m, "roll", many, 2)->message.components_json;
    int commas = 0;
    for (size_t i = 0; i + 2 < json.len; i++) commas += memcmp(json.ptr + i, ", *", 3) == 0;
    TB_CHECK(commas == 9 && !tb_has(json, "custom_id"));
}

static void mistakes(tb_mock *m) {
    static const char *const bad[] = { "",
                                       "d",
                                       "2d",
                                       "d1",
                                       "d1001",
                                       "51d6",
                                       "0d6",
                                       "2d6+",
                                       "2d6 ",
                                       "\"",
                                       "99999999999d6",
                                       "2x6",
                                       "00000000000000000002d6" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        tb_mock_option dice = { "dice", bad[i], 0, 0 };
        const tb_mock_result *r = call(m, "roll", &dice, 1);
        TB_CHECK(r->kind == TB_MOCK_FAILED && tb_has(r->error.user_text, "2d6"));
    }
}

static void button(tb_mock *m) {
    const tb_mock_result *r = tb_mock_result_of(m, tb_mock_component(m, "again:3d6", NULL, 0));
    TB_CHECK(r->kind == TB_MOCK_SENT && r->message.flags == TB_REPLY_UPDATE &&
             tb_has(r->message.components_json, "again:3d6"));
    TB_CHECK(tb_mock_peek(m, tb_mock_component(m, "other", NULL, 0))->status == TB_E_NOT_FOUND);
}

static void suggestions(tb_mock *m) {
    const tb_mock_result *r = tb_mock_result_of(m, tb_mock_autocomplete(m, "roll", "dice", "d1"));
    TB_CHECK(r->kind == TB_MOCK_CHOICES && r->choice_count == 3 && tb_is(r->choices->name, "d10"));
    TB_CHECK(tb_mock_result_of(m, tb_mock_autocomplete(m, "roll", "dice", ""))->choice_count == 9);
}

static void picks(tb_mock *m) {
    bool third = false, first = false;
    for (int i = 0; i < 200; i++) {
        tb_mock_option things[] = { { "first", "tea", 0, 0 },
                                    { "second", "tea", 0, 0 },
                                    { "fourth", "a \"b\" @c\\", 0, 0 },
                                    { "secret", NULL, 1, 0 } };
        const tb_mock_result *r = call(m, "pick", things, 4);
        TB_CHECK(r->kind == TB_MOCK_SENT && r->message.flags == TB_REPLY_EPHEMERAL);
        first |= tb_has(r->message.components_json, "\"tea\"");
        third |= tb_has(r->message.components_json, "\"a \\\"b\\\" \\\\@c\\\\\\\\\"");
    }
    TB_CHECK(first && third);
    const tb_mock_result *r = call(m, "coin", NULL, 0);
    TB_CHECK(tb_has(r->message.components_json, "Heads") || tb_has(r->message.components_json, "Tails"));
}

int main(void) {
    tb_mock *m = started();
    rolls(m);
    mistakes(m);
    button(m);
    suggestions(m);
    picks(m);
    TB_CHECK(tb_mock_finish(m, stderr) == 0);
    return tb_checks();
}
