// From new to finish.

static const void *host_extension(const tb_host_v1 *host, const char *id) {
    static const struct {
        const char *id;
        const void *table;
    } offered[] = {
        { TB_EXT_LOG, &log_table },
        { TB_EXT_TASK, &task_table },
        { TB_EXT_HTTP, &http_table },
        { TB_EXT_STORE, &store_table },
        { TB_EXT_CLOCK, &clock_table },
        { TB_EXT_ACCOUNT, &account_table },
        { TB_EXT_SOURCE_HOST, &source_table },
        { TB_EXT_PIPE, &pipe_table },
        { TB_EXT_PLAYER, &player_table },
        { TB_EXT_SEARCH, &search_table },
        { TB_EXT_REPLY, &reply_table },
        { TB_EXT_SETTINGS, &settings_table },
        { TB_EXT_HISTORY, &history_table },
        { TB_EXT_PROBE, &probe_table },
        { TB_EXT_METRICS, &metrics_table },
        { TB_EXT_LYRICS_HOST, &lyrics_table },
        { TB_EXT_HEALTH_HOST, &health_table },
    };
    if (!id) return NULL;
    tb_mock *m = mock_of(host);
    const void *table = NULL;
    for (size_t i = 0; i < sizeof offered / sizeof *offered; i++)
        if (strcmp(offered[i].id, id) == 0) table = offered[i].table;
    lock(m);
    for (size_t i = 0; i < m->without.count; i++)
        if (tb_is(m->without.items[i], id)) table = NULL;
    unlock(m);
    return table;
}

tb_mock *tb_mock_new(void) {
    tb_mock *m = calloc(1, sizeof *m);
    if (!m) out_of_memory();
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&m->lock, NULL);
    pthread_cond_init(&m->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    m->host =
        (tb_host_v1){ TB_HOST_MAGIC, sizeof m->host, m, TB_LIT("TimmyBot mock"), TB_LIT("1.0.0"), host_extension };
    m->patience = 10000;
    m->is_eager = getenv("TB_MOCK_EAGER") != NULL;
    m->now = START_MS;
    m->caller =
        (tb_invocation_v1){ .guild = 1, .channel = 2, .user = 3, .voice_channel = 4, .locale = TB_LIT("en-GB") };
    start(&m->lane, m);
    start(&m->deliveries, m);
    start(&m->reader, m);
    return m;
}

static void adopt(tb_mock *m, const tb_plugin_v1 *(*entry)(void)) {
    m->plugin = NULL;
    const tb_plugin_v1 *p = entry();
    if (!p || p != entry()) snprintf(m->why, sizeof m->why, "the entry answers nothing, or not the same every time");
    else if (p->magic != TB_PLUGIN_MAGIC)
        snprintf(m->why, sizeof m->why, "the table starts with %x instead of the magic number", p->magic);
    else if (p->size != sizeof *p)
        snprintf(m->why, sizeof m->why, "the table has %u bytes instead of %zu", p->size, sizeof *p);
    else if (!p->create || !p->get_extension)
        snprintf(m->why, sizeof m->why, "the table lacks create or get_extension");
    else m->plugin = p;
    if (!m->plugin) return;
    m->source = m->plugin->get_extension(TB_EXT_SOURCE);
    m->commands = m->plugin->get_extension(TB_EXT_COMMANDS);
}

void tb_mock_link(tb_mock *m, const tb_plugin_v1 *(*entry)(void)) {
    adopt(m, entry);
    if (m->plugin) return;
    lock(m);
    breach_locked(m, "%s", m->why);
    unlock(m);
}

bool tb_mock_load(tb_mock *m, const char *path) {
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    const char *problem = handle ? NULL : dlerror();
    void *symbol = handle ? dlsym(handle, "timmybot_plugin_v1") : NULL;
    if (!handle) snprintf(m->why, sizeof m->why, "it cannot be loaded: %s", problem ? problem : "unknown");
    else if (!symbol) snprintf(m->why, sizeof m->why, "it does not export timmybot_plugin_v1");
    if (!symbol) return false;
    const tb_plugin_v1 *(*entry)(void);
    memcpy(&entry, &symbol, sizeof entry);  // ISO C knows no cast from void * to a function
    adopt(m, entry);
    return m->plugin != NULL;
}

const char *tb_mock_why(const tb_mock *m) { return m->why; }
const tb_plugin_v1 *tb_mock_plugin(const tb_mock *m) { return m->plugin; }
const tb_host_v1 *tb_mock_host(tb_mock *m) { return &m->host; }
void *tb_mock_self(const tb_mock *m) { return m->self; }

void tb_mock_patience(tb_mock *m, uint32_t milliseconds) {
    lock(m);
    m->patience = milliseconds;
    unlock(m);
}

void tb_mock_without(tb_mock *m, const char *extension) {
    lock(m);
    PUSH(m->without, copied(m, text_of(extension)));
    unlock(m);
}

typedef struct creation {
    tb_mock *mock;
    tb_str config;
    void *self;
    tb_status status;
} creation;

static void do_create(void *argument) {
    creation *c = argument;
    c->status = c->mock->plugin->create(&c->mock->host, c->config, &c->self);
}

tb_status tb_mock_create(tb_mock *m, const char *config_json) {
    if (!m->plugin) return TB_E_INVALID;
    lock(m);
    creation *c = kept(m, sizeof *c);
    *c = (creation){ m, copied(m, text_of(config_json)), NULL, TB_E_TIMEOUT };
    unlock(m);
    if (!run_on(&m->lane, do_create, c)) {
        lock(m);
        breach_locked(m, "create does not return");
        unlock(m);
        return TB_E_TIMEOUT;
    }
    m->is_created = c->status == TB_OK;
    m->self = c->self;
    return c->status;
}

static void do_stop(void *argument) {
    tb_mock *m = argument;
    if (m->plugin->stop) m->plugin->stop(m->self);
}

static void do_destroy(void *argument) {
    tb_mock *m = argument;
    if (m->plugin->destroy) m->plugin->destroy(m->self);
}

static void must_return(tb_mock *m, void (*run)(void *), const char *what) {
    if (run_on(&m->lane, run, m)) return;
    lock(m);
    breach_locked(m, "%s does not return", what);
    unlock(m);
}

// Everything that the plugin accepted is settled by now.
static void look_for_open_tasks(tb_mock *m) {
    lock(m);
    for (size_t i = 0; i < m->tasks.count; i++) {
        const tb_mock_result *r = &m->tasks.items[i]->result;
        if (r->kind == TB_MOCK_OPEN)
            breach_locked(m, "task %llu was accepted and never settled", (unsigned long long)r->task);
    }
    unlock(m);
}

int tb_mock_breaches(tb_mock *m) {
    lock(m);
    int count = (int)m->breaches.count;
    unlock(m);
    return count;
}

static void end_workers(tb_mock *m) {
    lock(m);
    m->lane.is_stopping = m->deliveries.is_stopping = m->reader.is_stopping = true;
    m->deliveries.is_held = false;
    unlock(m);
    join(&m->lane);
    join(&m->deliveries);
    join(&m->reader);
}

static void free_all(tb_mock *m) {
    for (size_t i = 0; i < m->tasks.count; i++) free(m->tasks.items[i]->follow_ups.items);
    for (size_t i = 0; i < m->memory.count; i++) free(m->memory.items[i]);
    void *lists[] = { m->without.items,  m->memory.items,   m->breaches.items, m->tasks.items,
                      m->scripts.items,  m->requests.items, m->streams.items,  m->store.items,
                      m->settings.items, m->accounts.items, m->metrics.items,  m->log.items,
                      m->timers.items,   m->pipes.items,    m->asked.items,    m->media.items };
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) free(lists[i]);
    pthread_cond_destroy(&m->changed);
    pthread_mutex_destroy(&m->lock);
    free(m);
}

int tb_mock_finish(tb_mock *m, FILE *log) {
    if (m->is_created) must_return(m, do_stop, "stop");
    tb_mock_release(m);
    tb_mock_settle(m);
    look_for_open_tasks(m);
    while (m->media.count) {
        size_t before = m->media.count;
        tb_mock_close(m, m->media.items[before - 1]);
        if (m->media.count == before) break;
    }
    if (m->is_created) must_return(m, do_destroy, "destroy");
    int breaches = tb_mock_breaches(m);
    for (int i = 0; log && i < breaches; i++)
        fprintf(log, "breach: %.*s\n", (int)m->breaches.items[i].len, m->breaches.items[i].ptr);
    lock(m);
    bool is_idle = m->lane.done == m->lane.posted && m->deliveries.done == m->deliveries.posted &&
                   m->reader.done == m->reader.posted;
    unlock(m);
    if (!is_idle) return breaches;  // a thread hangs in the plugin: what it uses must stay
    end_workers(m);
    free_all(m);
    return breaches;
}
