// Drives the plugin of the frozen ABI 1 on the SDK's mock host, which is compiled with the headers of today: every struct
// crosses the border between the two. Usage: drive PLUGIN.so
#include <string.h>
#include <tb_mock.h>

#define TRACK1 "k1;Title;Artist;Album;GBAYE6700149;https://example.org/1;https://example.org/1.png;61000;2;"
static const tb_track_v1 track1 = {
    .key = TB_LIT("k1"),
    .title = TB_LIT("Title"),
    .artist = TB_LIT("Artist"),
    .album = TB_LIT("Album"),
    .isrc = TB_LIT("GBAYE6700149"),
    .page_url = TB_LIT("https://example.org/1"),
    .artwork_url = TB_LIT("https://example.org/1.png"),
    .duration_ms = 61000,
    .flags = TB_TRACK_ARTWORK,
};

static bool is_track1(const tb_track_v1 *t) {
    return tb_is(t->key, "k1") && tb_is(t->title, "Title") && tb_is(t->artist, "Artist") && tb_is(t->album, "Album") &&
           tb_is(t->isrc, "GBAYE6700149") && tb_is(t->page_url, "https://example.org/1") &&
           tb_is(t->artwork_url, "https://example.org/1.png") && t->duration_ms == 61000 &&
           t->flags == TB_TRACK_ARTWORK;
}

static bool is_said(tb_mock *m, tb_task task, const char *text) {
    const tb_mock_result *r = tb_mock_result_of(m, task);
    char json[2000];
    snprintf(json, sizeof json, "[{\"type\":10,\"content\":\"%s\"}]", text);
    bool is = r->kind == TB_MOCK_SENT && tb_is(r->message.components_json, json);
    if (!is)
        fprintf(stderr, "kind %d, status %d: %.*s\n", r->kind, r->status, (int)r->message.components_json.len,
                r->message.components_json.ptr);
    return is;
}

static tb_task ask(tb_mock *m, const char *what) {
    return tb_mock_command(m, "abi1", &(tb_mock_option){ "what", what, 0, 0 }, 1);
}

static void commands(tb_mock *m) {
    tb_mock_caller(m, &(tb_invocation_v1){ .guild = 11,
                                           .channel = 12,
                                           .user = 13,
                                           .voice_channel = 14,
                                           .permissions = 15,
                                           .flags = TB_CALL_OWNER,
                                           .locale = TB_LIT("de") });
    TB_CHECK(is_said(m, ask(m, "call"), "11;12;13;14;15;1;de;abi1;"));
    tb_mock_option all[] = { { "word", "one", 0, 0 }, { "whole", NULL, -5, 0 }, { "real", NULL, 0, 2.5 },
                             { "flag", NULL, 1, 0 },  { "maybe", NULL, 7, 0 },  { "perhaps", NULL, 0, 0.125 },
                             { "why", "so", 0, 0 } };
    TB_CHECK(is_said(m, tb_mock_command(m, "abi1-typed", all, 7), "one;-5;2.500;1;7;0.125;so;"));
    TB_CHECK(is_said(m, tb_mock_command(m, "abi1-typed", all, 4), "one;-5;2.500;1;-1;-1.000;none;"));
    const tb_mock_result *r = tb_mock_result_of(m, tb_mock_autocomplete(m, "abi1", "what", "ca"));
    TB_CHECK(r->choice_count == 2 && tb_is(r->choices[0].name, "what") && tb_is(r->choices[0].value, "ca") &&
             tb_is(r->choices[1].name, "One"));
    const char *values[] = { "a", "b" };
    TB_CHECK(is_said(m, tb_mock_component(m, "button", values, 2), "button;a;b;"));
    TB_CHECK(
        tb_has(tb_mock_result_of(m, tb_mock_component(m, "button", NULL, 0))->modal_json, "\"custom_id\":\"form\""));
    TB_CHECK(is_said(m, tb_mock_modal(m, "form", &(tb_mock_option){ "name", "Tim", 0, 0 }, 1), "form;name;Tim;"));
    tb_task task = ask(m, "task");
    r = tb_mock_result_of(m, task);
    TB_CHECK(is_said(m, task, "more") && r->progress == 1 && r->defers == 1 && r->edits == 1 &&
             r->follow_up_count == 1);
    r = tb_mock_result_of(m, ask(m, "fail"));
    TB_CHECK(r->kind == TB_MOCK_FAILED && r->error.code == TB_E_RATE_LIMIT && r->error.retry_after_ms == 1500);
    TB_CHECK(tb_is(r->error.user_text, "Later.") && tb_is(r->error.detail, "busy"));
}

static void tables(tb_mock *m) {
    const tb_commands_v1 *c = tb_mock_plugin(m)->get_extension(TB_EXT_COMMANDS);
    TB_CHECK(c->count == 2 && c->items[1].permissions == 0x20 && c->items[1].flags == TB_COMMAND_PRIVATE &&
             c->items[1].param_count == 7);
    const tb_param_v1 *p = c->items[1].params;
    TB_CHECK(tb_is(p[0].name, "word") && p[0].choice_count == 2 && tb_is(p[0].choices[1].value, "two") &&
             tb_is(p[1].text, "a whole number"));
    TB_CHECK(p[1].type == TB_T_INT && p[1].flags == TB_PARAM_BOUNDED && p[1].min == -5 && p[1].max == 5);
    const tb_oauth_v1 *o = tb_mock_plugin(m)->get_extension(TB_EXT_OAUTH);
    const tb_oauth_flow_v1 *f = o->flows;
    TB_CHECK(o->count == 1 && tb_is(f->name, "main") && tb_is(f->authorize_url, "https://example.org/authorize"));
    TB_CHECK(tb_is(f->device_url, "https://example.org/device") && tb_is(f->token_url, "https://example.org/token"));
    TB_CHECK(tb_is(f->revoke_url, "https://example.org/revoke") && tb_is(f->scopes, "read write") &&
             tb_is(f->scheme, "OAuth"));
    TB_CHECK(f->kind == TB_OAUTH_AUTHORIZATION_CODE && f->flags == TB_OAUTH_BASIC);
}

static void network(tb_mock *m) {
    const tb_header_v1 header = { TB_LIT("etag"), TB_LIT("x1") };
    tb_mock_http(m, "https://example.org/abi1",
                 &(tb_mock_answer){ .status = 201,
                                    .headers = &header,
                                    .header_count = 1,
                                    .body = TB_LIT("hello"),
                                    .url = TB_LIT("https://example.org/2") });
    TB_CHECK(is_said(m, ask(m, "fetch"), "201;https://example.org/2;hello;etag;x1;"));
    TB_CHECK(is_said(m, ask(m, "stream"), "201;https://example.org/2;;etag;x1;5;"));
    const tb_http_request_v1 *r = tb_mock_http_request(m, 0);
    TB_CHECK(tb_is(r->method, "POST") && tb_is(r->headers->name, "Accept") && r->body.len == 4 && r->limit == 1000);
    TB_CHECK(r->account == 7 && r->timeout_ms == 2000 && r->flags == TB_HTTP_NO_REDIRECT);
    TB_CHECK(is_said(m, ask(m, "account"), "error -5;0;"));
    tb_mock_account(m, "main", 13, 99, "read");
    TB_CHECK(is_said(m, ask(m, "account"), "99;read;"));
}

static void state(tb_mock *m) {
    TB_CHECK(is_said(m, ask(m, "set"), "0;;"));
    TB_CHECK(is_said(m, ask(m, "get"), "1;value;"));
    TB_CHECK(is_said(m, ask(m, "keys"), "0;;key;"));
    TB_CHECK(is_said(m, ask(m, "remove"), "1;;"));
    tb_mock_setting(m, 11, "size", "big");
    TB_CHECK(is_said(m, ask(m, "setting"), "colour;red;size;big;"));
    TB_CHECK(is_said(m, ask(m, "settings"), "colour;red;size;big;"));
    TB_CHECK(is_said(m, ask(m, "metrics"), ""));
    TB_CHECK(tb_mock_metric(m, "abi1_total") == 2 && tb_mock_metric(m, "abi1_level") == 3 &&
             tb_mock_metric(m, "abi1_seconds") == 0.5);
    TB_CHECK(tb_is(tb_mock_log_line(m, 0), "a line of abi 1") && tb_mock_log_count(m, TB_LOG_WARNING) == 1);
    tb_task task = ask(m, "timer");
    tb_mock_advance(m, 25);
    const tb_mock_result *r = tb_mock_result_of(m, task);
    TB_CHECK(r->kind == TB_MOCK_SENT && tb_has(r->message.components_json, "1700000005020;5020;"));
}

static void playing(tb_mock *m) {
    tb_player_state_v1 state = { .playing = 1,
                                 .paused = 2,
                                 .volume = 3,
                                 .loop = 4,
                                 .current = track1,
                                 .position_ms = 5,
                                 .requested_by = 6,
                                 .voice_channel = 7,
                                 .filter = TB_LIT("soft"),
                                 .queue = &track1,
                                 .queue_page_count = 1,
                                 .queue_first = 8,
                                 .queue_length = 9,
                                 .queue_duration_ms = 10,
                                 .history_count = 11 };
    tb_mock_player(
        m, &(tb_player_result_v1){ .state = &state, .tracks = &track1, .track_count = 1, .place = 12, .flags = 13 });
#define STATE "1;2;3;4;" TRACK1 "5;6;7;soft;" TRACK1 "8;9;10;11;"
    TB_CHECK(is_said(m, ask(m, "play"), "12;13;" TRACK1 STATE));
    TB_CHECK(is_said(m, ask(m, "control"), "12;13;" STATE));
    TB_CHECK(is_said(m, ask(m, "filter"), "12;13;" STATE));
    TB_CHECK(is_said(m, ask(m, "snapshot"), "12;13;" STATE));
    tb_mock_asked control = tb_mock_asked_at(m, 1), snapshot = tb_mock_asked_at(m, 3);
    TB_CHECK(tb_mock_asked_at(m, 0).number == TB_PLAY_NEXT && control.number == TB_PLAYER_SEEK_BY && control.a == -5 &&
             control.b == 6);
    TB_CHECK(snapshot.a == 2 && snapshot.b == 3);
    tb_mock_search(m, &track1, 1, "test.other");
    TB_CHECK(is_said(m, ask(m, "search"), "test.other;" TRACK1));
    tb_mock_history(m, &(tb_played_v1){ track1, TB_LIT("test.other"), 21, 22 }, 1);
    TB_CHECK(is_said(m, ask(m, "history"), TRACK1 "test.other;21;22;"));
    tb_mock_probe(m, &(tb_probe_result_v1){ .duration_ms = 31,
                                            .codec = TB_LIT("opus"),
                                            .title = TB_LIT("T"),
                                            .artist = TB_LIT("A"),
                                            .album = TB_LIT("L"),
                                            .artwork_mime = TB_LIT("image/png"),
                                            .artwork = (const uint8_t *)"pic",
                                            .artwork_count = 3 });
    TB_CHECK(is_said(m, ask(m, "probe"), "31;opus;T;A;L;image/png;pic;"));
}

static void media(tb_mock *m) {
    const tb_mock_result *r = tb_mock_result_of(m, tb_mock_open(m, "pcm", 0));
    TB_CHECK(r->kind == TB_MOCK_OPENED && r->media.kind == TB_MEDIA_PCM_S16_48K_STEREO &&
             r->media.byte_length == 4000 && tb_is(r->media.mime, "audio/test"));
    tb_mock_sound s = tb_mock_read(m, &r->media, 7, 1 << 20);
    TB_CHECK(s.status == TB_OK && s.count == 4000 && s.bytes[3000] == 3000 % 251);
    TB_CHECK(tb_mock_seek(m, &r->media, 3990) == TB_OK && tb_mock_read(m, &r->media, 64, 1 << 20).count == 10);
    TB_CHECK(tb_mock_interrupt(m, &r->media) >= 0);
    r = tb_mock_result_of(m, tb_mock_open(m, "url", 0));
    TB_CHECK(r->media.kind == TB_MEDIA_URL && tb_is(r->media.url, "https://example.org/sound") &&
             r->media.header_count == 1 && tb_is(r->media.headers->value, "text/plain"));
    r = tb_mock_result_of(m, tb_mock_open(m, "fd", 0));
    TB_CHECK(r->media.kind == TB_MEDIA_FD && tb_mock_read(m, &r->media, 64, 64).status == TB_OK);
    r = tb_mock_result_of(m, tb_mock_open(m, "pipe", 0));
    s = tb_mock_read(m, &r->media, 64, 64);
    TB_CHECK(r->media.kind == TB_MEDIA_PIPE && s.count == 5 && memcmp(s.bytes, "piped", 5) == 0);
}

static void source(tb_mock *m) {
    TB_CHECK(tb_mock_match(m, "abi1:x") == 77 && tb_mock_match(m, "other") == 0);
    const tb_mock_result *r = tb_mock_result_of(m, tb_mock_resolve(m, "abi1:x", 10));
    TB_CHECK(r->track_count == 2 && is_track1(r->tracks) && r->tracks[1].flags == TB_TRACK_LIVE &&
             tb_is(r->tracks[1].title, "Live"));
    r = tb_mock_result_of(m, tb_mock_artwork(m, "k1"));
    TB_CHECK(r->kind == TB_MOCK_ARTWORK && tb_is(r->mime, "image/png") && r->bytes.len == 8);
    tb_track_v1 seeds[] = { { .key = TB_LIT("a"), .title = TB_LIT("b") }, track1 };
    r = tb_mock_result_of(m, tb_mock_recommend(m, seeds, 2, 5));
    TB_CHECK(r->track_count == 1 && is_track1(r->tracks));
    r = tb_mock_result_of(m, tb_mock_lyrics(m, &track1));
    TB_CHECK(r->lyrics.count == 2 && r->lyrics.lines[1].at_ms == 1500 && tb_is(r->lyrics.lines[1].text, "Artist"));
    TB_CHECK(tb_is(r->lyrics.credit, "Somebody") && tb_is(r->lyrics.page_url, "https://example.org/words"));
    r = tb_mock_result_of(m, tb_mock_health(m));
    TB_CHECK(r->kind == TB_MOCK_HEALTHY && tb_is(r->note, "well"));
}

int main(int argc, char **argv) {
    tb_mock *m = tb_mock_new();
    bool is_loaded = argc == 2 && tb_mock_load(m, argv[1]);
    if (!is_loaded) fprintf(stderr, "%s\n", tb_mock_why(m));
    TB_CHECK(is_loaded && tb_mock_create(m, "{}") == TB_OK);
    if (is_loaded && tb_checks() == 0) {
        tables(m);
        commands(m);
        network(m);
        state(m);
        playing(m);
        media(m);
        source(m);
    }
    TB_CHECK(tb_mock_finish(m, stderr) == 0);
    return tb_checks();
}
