// The radio on the mock host, and its JSON.
#include <cstring>
#include <string>
#include <tb_mock.h>

#include "json.hpp"

namespace {

const char stations[] = R"([
 {"stationuuid":"a-1","name":"Jazz \u00e9\ud83c\udfb7","url":"http://old.example/1","url_resolved":"https://s.example/1","homepage":"https://h.example",
  "favicon":"http://plain.example/i.png","tags":"jazz,blues","country":"France","hls":0,"votes":12},
 {"stationuuid":"","name":"no id","url":"https://x"}, 17, {"stationuuid":"a-2","name":"no address"},
 {"stationuuid":"a-3","name":"Plain","url":"http://s.example/3","hls":1}])";

tb_mock *started(const char *config = "{}") {
    tb_mock *m = tb_mock_new();
    tb_mock_link(m, timmybot_plugin_v1);
    TB_CHECK(tb_mock_create(m, config) == TB_OK);
    return m;
}

void script(tb_mock *m, const char *url, uint32_t status, const std::string &body, tb_status error = TB_OK) {
    tb_mock_answer answer = {};
    answer.status = status, answer.error = error;
    answer.body = { body.data(), body.size() };
    tb_mock_http(m, url, &answer);
}

void finish(tb_mock *m) { TB_CHECK(tb_mock_finish(m, stderr) == 0); }

void searches() {
    tb_mock *m = started();
    script(m, "https://de1.api.radio-browser.info/json/stations/search?*", 200, stations);
    TB_CHECK(tb_mock_match(m, "radio: jazz") == 100 && tb_mock_match(m, "radi") == 0);
    const tb_mock_result *r = tb_mock_result_of(m, tb_mock_resolve(m, "radio: jazz & caf\xc3\xa9", 5));
    TB_CHECK(r->kind == TB_MOCK_RESOLVED && r->track_count == 2);
    TB_CHECK(tb_is(tb_mock_http_request(m, 0)->url, "https://de1.api.radio-browser.info/json/stations/search?hidebroken=true&"
                                                    "order=votes&reverse=true&limit=5&name=jazz%20%26%20caf%C3%A9"));
    TB_CHECK(tb_is(r->tracks[0].key, "a-1") && tb_is(r->tracks[0].title, "Jazz \xc3\xa9\xf0\x9f\x8e\xb7"));
    TB_CHECK(tb_is(r->tracks[0].page_url, "https://h.example") && r->tracks[0].artwork_url.len == 0);
    TB_CHECK(r->tracks[0].flags == TB_TRACK_LIVE && r->tracks[0].duration_ms == 0 && tb_is(r->tracks[0].artist, "France"));
    TB_CHECK(tb_is(r->tracks[1].artist, "Radio"));
    TB_CHECK(tb_mock_result_of(m, tb_mock_resolve(m, "radio: jazz", 1))->track_count == 1);
    TB_CHECK(tb_mock_result_of(m, tb_mock_resolve(m, "radio: ", 5))->error.code == TB_E_INVALID);
    finish(m);
}

void opens() {
    tb_mock *m = started("{\"directory\":\"https://radio.example.org/\"}");
    script(m, "https://radio.example.org/json/stations/byuuid?uuids=a-1", 200, stations);
    script(m, "https://radio.example.org/json/stations/byuuid?uuids=gone", 200, "[]");
    const tb_mock_result *r = tb_mock_result_of(m, tb_mock_open(m, "a-1", 0));
    TB_CHECK(r->kind == TB_MOCK_OPENED && r->media.kind == TB_MEDIA_URL && tb_is(r->media.url, "https://s.example/1"));
    TB_CHECK(r->media.header_count == 1 && tb_is(r->media.headers->name, "Icy-MetaData") && tb_is(r->media.headers->value, "0"));
    TB_CHECK(tb_mock_result_of(m, tb_mock_open(m, "gone", 0))->error.code == TB_E_NOT_FOUND);
    finish(m);
}

void failures() {
    struct {
        uint32_t status;
        const char *body;
        tb_status error, expected;
    } cases[] = { { 503, "", TB_OK, TB_E_UNAVAILABLE }, { 429, "", TB_OK, TB_E_RATE_LIMIT }, { 200, "{}", TB_OK, TB_E_IO },
                  { 200, "[", TB_OK, TB_E_IO },         { 0, "", TB_E_TIMEOUT, TB_E_TIMEOUT } };
    for (const auto &c : cases) {
        tb_mock *m = started();
        script(m, "https://*", c.status, c.body, c.error);
        const tb_mock_result *r = tb_mock_result_of(m, tb_mock_resolve(m, "radio: x", 5));
        TB_CHECK(r->kind == TB_MOCK_FAILED && r->error.code == c.expected && r->error.user_text.len > 0);
        finish(m);
    }
}

// The answer comes when nobody waits for it any more.
void late() {
    tb_mock *m = started();
    script(m, "https://*", 200, stations);
    tb_mock_hold(m);
    tb_task task = tb_mock_resolve(m, "radio: x", 5);
    tb_mock_expire(m, task);
    tb_mock_release(m);
    TB_CHECK(tb_mock_peek(m, task)->kind == TB_MOCK_EXPIRED && tb_mock_stale(m) == 1);
    finish(m);
}

void refuses(const char *config, const char *without, tb_status expected) {
    tb_mock *m = tb_mock_new();
    tb_mock_link(m, timmybot_plugin_v1);
    if (without) tb_mock_without(m, without);
    TB_CHECK(tb_mock_create(m, config) == expected);
    finish(m);
}

void json() {
    for (const char *good : { "null", "\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x8e\xb7\"", " [1, -2.5e3, \"\\u0041\\n\"] ", "{\"a\":{\"b\":[true,false,null]}}", "0", "\"\"" })
        TB_CHECK(Json::parse(good).has_value());
    for (const char *bad : { "", "[", "[1,]", "{\"a\"}", "{a:1}", "01", "1.", "\"\\ud800\"", "\"\\x\"", "nul", "[1] 2", "\"\n\"", "-", "\"\\u00g0\"",
                            "\"\xff\"", "\"\xc3\"", "\"\xed\xa0\x80\"", "\"\xf0\x80\x80\x80\"" })
        TB_CHECK(!Json::parse(bad).has_value());
    TB_CHECK(!Json::parse(std::string(40, '[') + std::string(40, ']')));
    std::string many = "[0";
    for (int i = 0; i < 100'000; i++) many += ",0";
    TB_CHECK(!Json::parse(many + "]"));
    auto object = Json::parse("{\"n\":7,\"t\":\"\\u00e9\",\"big\":1e300}");
    TB_CHECK(object && object->integer("n") == 7 && object->text("t") == "\xc3\xa9" && object->integer("big") == 0 && object->text("n").empty());
    // Cut or bent anywhere, it is an answer and never a crash.
    std::string whole = stations;
    for (size_t i = 0; i < whole.size(); i++) {
        TB_CHECK(!Json::parse(std::string_view(whole).substr(0, i)));
        std::string bent = whole;
        bent[i] = static_cast<char>(bent[i] ^ 0x15);
        Json::parse(bent);
    }
}

}  // namespace

int main() {
    searches();
    opens();
    failures();
    late();
    refuses("{\"directory\":\"http://insecure.example\"}", nullptr, TB_E_INVALID);
    refuses("{", nullptr, TB_E_INVALID);
    refuses("{}", TB_EXT_HTTP, TB_E_UNSUPPORTED);
    json();
    return tb_checks();
}
