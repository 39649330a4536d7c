// A source that answers when it is told to: "slow:FD:FILE" is found once the pipe FD is closed at its other end, and is
// the file; without a FILE nothing is found.
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <timmybot/timmybot.h>
#include <unistd.h>

TB_MANIFEST("{\"id\":\"test.slow\",\"version\":\"1.0.0\",\"abi\":1}");

static const tb_host_v1 *host;
static const tb_host_source_v1 *sources;

static uint32_t match(void *self, tb_str input) {
    (void)self;
    return input.len > 5 && memcmp(input.ptr, "slow:", 5) == 0 ? 100 : 0;
}

static tb_status resolve(void *self, tb_task task, tb_str input, uint32_t limit) {
    (void)self, (void)limit;
    char text[512], byte;
    snprintf(text, sizeof text, "%.*s", (int)input.len, input.ptr);
    char *file = strchr(text + 5, ':');
    if (!file) return TB_E_INVALID;
    while (read(atoi(text + 5), &byte, 1) < 0 && errno == EINTR) {}
    file++;
    if (!*file) return sources->resolved(host, task, NULL, 0);
    tb_track_v1 track = { .key = { file, strlen(file) }, .title = TB_LIT("Slow Song"), .artist = TB_LIT("Nobody"),
                          .duration_ms = 60000 };
    return sources->resolved(host, task, &track, 1);
}

static tb_status open_(void *self, tb_task task, tb_str key, uint64_t start) {
    (void)self, (void)start;
    char path[512];
    snprintf(path, sizeof path, "%.*s", (int)key.len, key.ptr);
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return TB_E_UNAVAILABLE;
    tb_media_v1 media = { .kind = TB_MEDIA_FD, .handle = (uint64_t)descriptor, .byte_length = -1 };
    tb_status status = sources->opened(host, task, &media);
    if (status != TB_OK) close(descriptor);
    return TB_OK;
}

static const tb_source_v1 source = { match, resolve, open_, NULL, NULL };

static const void *get_extension(const char *id) { return strcmp(id, TB_EXT_SOURCE) == 0 ? &source : NULL; }

static tb_status create(const tb_host_v1 *given, tb_str config, void **out) {
    (void)config;
    *out = NULL;
    host = given;
    sources = given->get_extension(given, TB_EXT_SOURCE_HOST);
    return sources ? TB_OK : TB_E_UNSUPPORTED;
}

static const tb_plugin_v1 table = {
    TB_PLUGIN_MAGIC, sizeof(tb_plugin_v1), TB_LIT("test.slow"), TB_LIT("1.0.0"), create, NULL, NULL, get_extension,
};

__attribute__((visibility("default"))) const tb_plugin_v1 *timmybot_plugin_v1(void) { return &table; }
