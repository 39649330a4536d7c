// tb-run: one plugin on the mock host, from the command line. Hear a source or call a command without the bot.
#include <stdlib.h>
#include <string.h>

#include "tb_mock.h"
#include "tb_wav.h"

static const char usage[] =
    "Usage: tb-run FILE.so [OPTIONS] info\n"
    "       tb-run FILE.so [OPTIONS] search TEXT\n"
    "       tb-run FILE.so [OPTIONS] play TEXT             finds the first track and writes its sound\n"
    "       tb-run FILE.so [OPTIONS] command NAME [OPTION=VALUE ...]\n"
    "       tb-run FILE.so [OPTIONS] press CUSTOM_ID [VALUE ...]\n"
    "Options:\n"
    "  --out FILE        where the sound goes (out.wav; - is standard output)\n"
    "  --start SECONDS   where in the track it begins (0)\n"
    "  --seconds N       how much of endless sound is written (30)\n"
    "  --config JSON     the plugin's configuration ({})\n"
    "  --http URL=FILE   what the network answers for URL, as often as given; a URL that ends in * is a beginning\n";

typedef struct options {
    const char *file, *out, *config;
    double start, seconds;
    int next;  // of argv: the action
} options;

static char *file_text(const char *path, size_t *count) {
    FILE *file = fopen(path, "rb");
    if (!file) return NULL;
    char *text = malloc(4u << 20);
    *count = text ? fread(text, 1, 4u << 20, file) : 0;
    fclose(file);
    return text;
}

static bool script_http(tb_mock *m, const char *argument) {
    const char *equals = strrchr(argument, '=');
    if (!equals) return false;
    size_t count = 0, length = (size_t)(equals - argument);
    char url[4096], *body = file_text(equals + 1, &count);
    if (!body || length >= sizeof url) return free(body), false;
    memcpy(url, argument, length);
    url[length] = 0;
    tb_mock_http(m, url, &(tb_mock_answer){ .status = 200, .body = { body, count } });
    free(body);
    return true;
}

static bool parse(tb_mock *m, int argc, char **argv, options *o) {
    if (argc < 3) return false;
    o->file = argv[1];
    int i = 2;
    for (; i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
        const char *name = argv[i] + 2, *value = argv[i + 1];
        if (strcmp(name, "out") == 0) o->out = value;
        else if (strcmp(name, "config") == 0) o->config = value;
        else if (strcmp(name, "start") == 0) o->start = strtod(value, NULL);
        else if (strcmp(name, "seconds") == 0) o->seconds = strtod(value, NULL);
        else if (strcmp(name, "http") != 0 || !script_http(m, value)) return false;
    }
    o->next = i;
    return i < argc && o->start >= 0 && o->seconds > 0 && o->seconds <= 3600;
}

static void say(const char *label, tb_str text) {
    if (text.len) fprintf(stderr, "%s%.*s\n", label, (int)text.len, text.ptr);
}

// Tells why a call has no result. Always 1.
static int tell(const tb_mock_result *r) {
    static const char *const kinds[] = { "was not settled in time", "was refused", "failed", "expired" };
    fprintf(stderr, "tb-run: the call %s", r->kind < 4 ? kinds[r->kind] : "was settled otherwise");
    fprintf(stderr, " (status %d)\n", r->kind == TB_MOCK_FAILED ? r->error.code : r->status);
    say("  for the user:     ", r->error.user_text);
    say("  for the operator: ", r->error.detail);
    return 1;
}

static int info(tb_mock *m) {
    const tb_plugin_v1 *p = tb_mock_plugin(m);
    printf("%.*s %.*s\n", (int)p->id.len, p->id.ptr, (int)p->version.len, p->version.ptr);
    static const char *const ids[] = { TB_EXT_SOURCE, TB_EXT_COMMANDS, TB_EXT_OAUTH, TB_EXT_RECOMMEND, TB_EXT_LYRICS, TB_EXT_HEALTH };
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        if (p->get_extension(ids[i])) printf("  offers %s\n", ids[i]);
    const tb_commands_v1 *c = p->get_extension(TB_EXT_COMMANDS);
    for (size_t i = 0; c && i < c->count; i++)
        printf("  /%.*s  %.*s\n", (int)c->items[i].name.len, c->items[i].name.ptr, (int)c->items[i].text.len, c->items[i].text.ptr);
    return 0;
}

static int search(tb_mock *m, const char *text) {
    const tb_mock_result *r = tb_mock_result_of(m, tb_mock_resolve(m, text, 25));
    if (r->kind != TB_MOCK_RESOLVED) return tell(r);
    printf("match %u, %zu tracks\n", tb_mock_match(m, text), r->track_count);
    for (size_t i = 0; i < r->track_count; i++) {
        const tb_track_v1 *t = r->tracks + i;
        printf("  %.*s - %.*s (%s%lld ms) [%.*s]\n", (int)t->artist.len, t->artist.ptr, (int)t->title.len, t->title.ptr,
               t->flags & TB_TRACK_LIVE ? "live, " : "", (long long)t->duration_ms, (int)t->key.len, t->key.ptr);
    }
    return 0;
}

static int write_out(const options *o, uint32_t kind, const tb_mock_sound *sound) {
    const char *path = o->out ? o->out : kind == TB_MEDIA_OPUS_PACKETS ? "out.opus" : kind == TB_MEDIA_PCM_S16_48K_STEREO ? "out.wav" : "out.bin";
    FILE *file = strcmp(path, "-") == 0 ? stdout : fopen(path, "wb");
    bool is_good = file && write_sound(file, kind, sound);
    if (file) is_good = (file == stdout ? fflush(file) : fclose(file)) == 0 && is_good;
    if (!is_good) fprintf(stderr, "tb-run: cannot write %s\n", path);
    else fprintf(stderr, "%s: %zu bytes of sound\n", path, sound->count);
    return is_good ? 0 : 1;
}

static int play(tb_mock *m, const options *o, const char *text) {
    const tb_mock_result *r = tb_mock_result_of(m, tb_mock_resolve(m, text, 1));
    if (r->kind != TB_MOCK_RESOLVED) return tell(r);
    if (!r->track_count) return fputs("tb-run: nothing found\n", stderr), 1;
    say("title:  ", r->tracks->title);
    say("artist: ", r->tracks->artist);
    char key[1025] = "";
    memcpy(key, r->tracks->key.ptr, r->tracks->key.len);
    r = tb_mock_result_of(m, tb_mock_open(m, key, (uint64_t)(o->start * 1000)));
    if (r->kind != TB_MOCK_OPENED) return tell(r);
    if (r->media.kind == TB_MEDIA_URL) {
        say("url:    ", r->media.url);
        for (size_t i = 0; i < r->media.header_count; i++) {
            say("header: ", r->media.headers[i].name);
            say("        ", r->media.headers[i].value);
        }
    }
    bool is_pcm = r->media.kind == TB_MEDIA_PCM_S16_48K_STEREO;
    size_t limit = (size_t)(o->seconds * 48000 * 4);
    bool must_seek = is_pcm && o->start > 0 && !(r->media.flags & TB_MEDIA_STARTED);
    if (must_seek && tb_mock_seek(m, &r->media, (uint64_t)(o->start * 48000) * 4) != TB_OK)
        return fputs("tb-run: it does not go to that place\n", stderr), 1;
    tb_mock_sound sound = tb_mock_read(m, &r->media, is_pcm ? 3840 : 65536, limit);
    if (sound.status == TB_E_INVALID && r->media.kind == TB_MEDIA_URL)
        return fputs("tb-run has no network: script the address with --http URL=FILE\n", stderr), 0;
    if (sound.status != TB_OK) return fprintf(stderr, "tb-run: the sound broke off (status %d)\n", sound.status), 1;
    return write_out(o, r->media.kind, &sound);
}

static int show_answer(const tb_mock_result *r) {
    if (r->kind == TB_MOCK_MODAL) return printf("modal %.*s\n", (int)r->modal_json.len, r->modal_json.ptr) < 0;
    if (r->kind != TB_MOCK_SENT) return tell(r);
    return printf("%.*s\n", (int)r->message.components_json.len, r->message.components_json.ptr) < 0;
}

static int command(tb_mock *m, const char *name, int argc, char **argv) {
    tb_mock_option given[25];
    int count = 0;
    for (; count < argc && count < 25; count++) {
        char *equals = strchr(argv[count], '=');
        if (!equals) return fprintf(stderr, "tb-run: %s is not OPTION=VALUE\n", argv[count]), 2;
        *equals = 0;
        const char *value = equals + 1;
        int64_t number = strcmp(value, "true") == 0 ? 1 : strtoll(value, NULL, 10);
        given[count] = (tb_mock_option){ argv[count], value, number, strtod(value, NULL) };
    }
    return show_answer(tb_mock_result_of(m, tb_mock_command(m, name, given, (size_t)count)));
}

static int act(tb_mock *m, const options *o, int argc, char **argv) {
    const char *action = argv[0];
    if (strcmp(action, "info") == 0) return info(m);
    if (argc < 2) return fputs(usage, stderr), 2;
    if (strcmp(action, "search") == 0) return search(m, argv[1]);
    if (strcmp(action, "play") == 0) return play(m, o, argv[1]);
    if (strcmp(action, "command") == 0) return command(m, argv[1], argc - 2, argv + 2);
    if (strcmp(action, "press") == 0)
        return show_answer(tb_mock_result_of(m, tb_mock_component(m, argv[1], (const char *const *)argv + 2, (size_t)argc - 2)));
    return fputs(usage, stderr), 2;
}

int main(int argc, char **argv) {
    tb_mock *m = tb_mock_new();
    options o = { .config = "{}", .seconds = 30 };
    if (!parse(m, argc, argv, &o)) {
        tb_mock_finish(m, NULL);
        return fputs(usage, stderr), 2;
    }
    tb_mock_log_to(m, stderr);
    int code = 1;
    if (!tb_mock_load(m, o.file)) fprintf(stderr, "tb-run: %s: %s\n", o.file, tb_mock_why(m));
    else {
        tb_status status = tb_mock_create(m, o.config);
        if (status == TB_OK) code = act(m, &o, argc - o.next, argv + o.next);
        else fprintf(stderr, "tb-run: the plugin refused to start (status %d)\n", status);
    }
    return tb_mock_finish(m, stderr) ? 1 : code;
}
