// A plugin that is well, then not, then well again, each time it is asked.
#include <string.h>
#include <timmybot/timmybot.h>

TB_MANIFEST("{\"id\":\"test.moody\",\"version\":\"1.0.0\",\"abi\":1}");

static const tb_host_v1 *host;
static const tb_host_task_v1 *tasks;
static const tb_host_health_v1 *health_host;
static int asked;

static tb_status check(void *self, tb_task task) {
    (void)self;
    if (++asked % 3 != 2) return health_host->healthy(host, task, (tb_str)TB_LIT("in good spirits"));
    tb_error_v1 error = { TB_E_AUTH, 0, 0, 0, TB_LIT(""), TB_LIT("the key has run out") };
    return tasks->fail(host, task, &error);
}
static const tb_health_v1 health = { check };

static const void *get_extension(const char *id) { return strcmp(id, TB_EXT_HEALTH) == 0 ? &health : NULL; }

static tb_status create(const tb_host_v1 *given, tb_str config, void **out) {
    (void)config;
    *out = NULL;
    host = given;
    tasks = given->get_extension(given, TB_EXT_TASK);
    health_host = given->get_extension(given, TB_EXT_HEALTH_HOST);
    return tasks && health_host ? TB_OK : TB_E_UNSUPPORTED;
}
static void nothing(void *self) { (void)self; }

static const tb_plugin_v1 table = {
    TB_PLUGIN_MAGIC, sizeof(tb_plugin_v1), TB_LIT("test.moody"), TB_LIT("1.0.0"), create, nothing, nothing, get_extension,
};
__attribute__((visibility("default"))) const tb_plugin_v1 *timmybot_plugin_v1(void) { return &table; }
