// Calls of a source, a recommender, lyrics and health. What the plugin borrows is a copy of exactly its length, which is
// overwritten and freed when the call has returned, so that ASan sees a byte too many and a pointer that was kept.

typedef struct call {
    tb_mock *mock;
    tb_task task;
    tb_str text, text2;        // borrowed by the plugin
    tb_invocation_v1 *invocation;
    const tb_command_v1 *command;
    tb_value_v1 *values;
    tb_field_v1 *fields;
    tb_str *strings;
    tb_track_v1 *tracks;
    size_t count;
    uint64_t number;
    tb_status (*run)(struct call *c);
} call;

static tb_str lent(tb_str s) {
    char *text = malloc(s.len ? s.len : 1);
    if (!text) out_of_memory();
    if (s.len) memcpy(text, s.ptr, s.len);
    return (tb_str){ text, s.len };
}

static void *lent_bytes(const void *bytes, size_t count) {
    return (void *)(uintptr_t)lent((tb_str){ bytes, count }).ptr;
}

static void take_back(const void *lent_memory, size_t count) {
    void *memory = (void *)(uintptr_t)lent_memory;
    if (!memory) return;
    memset(memory, 0xA5, count);
    free(memory);
}

static void take_back_call(call *c) {
    take_back(c->text.ptr, c->text.len);
    take_back(c->text2.ptr, c->text2.len);
    if (c->invocation) take_back(c->invocation->command.ptr, c->invocation->command.len);
    if (c->invocation) take_back(c->invocation->locale.ptr, c->invocation->locale.len);
    take_back(c->invocation, sizeof *c->invocation);
    for (size_t i = 0; c->values && i < c->count; i++) take_back(c->values[i].s.ptr, c->values[i].s.len);
    take_back(c->values, c->count * sizeof *c->values);
    for (size_t i = 0; c->fields && i < c->count; i++) {
        take_back(c->fields[i].custom_id.ptr, c->fields[i].custom_id.len);
        take_back(c->fields[i].value.ptr, c->fields[i].value.len);
    }
    take_back(c->fields, c->count * sizeof *c->fields);
    for (size_t i = 0; c->strings && i < c->count; i++) take_back(c->strings[i].ptr, c->strings[i].len);
    take_back(c->strings, c->count * sizeof *c->strings);
    take_back(c->tracks, c->count * sizeof *c->tracks);
}

static void do_call(void *argument) {
    call *c = argument;
    tb_mock *m = c->mock;
    tb_status status = c->run(c);
    take_back_call(c);
    lock(m);
    entry *e = entry_locked(m, c->task);
    e->result.status = status;
    if (status != TB_OK && e->result.kind == TB_MOCK_OPEN) e->result.kind = TB_MOCK_REFUSED;
    else if (status != TB_OK) breach_locked(m, "a task was settled, but its function answered %d", status);
    unlock(m);
}

static call *new_call(tb_mock *m, tb_mock_kind expects, tb_status (*run)(call *)) {
    tb_task task = new_task(m, expects);
    lock(m);
    call *c = kept(m, sizeof *c);
    c->mock = m, c->task = task, c->run = run;
    unlock(m);
    return c;
}

static tb_task perform(call *c) {
    tb_mock *m = c->mock;
    tb_task task = c->task;
    if (!run_on(&m->lane, do_call, c)) {
        lock(m);
        breach_locked(m, "a call does not return");
        unlock(m);
    }
    return task;
}

uint32_t tb_mock_match(tb_mock *m, const char *input) {
    if (!m->source || !m->source->match) return 0;
    tb_str text = lent(text_of(input));
    uint32_t score = m->source->match(m->self, text);
    take_back(text.ptr, text.len);
    return score;
}

static tb_status run_resolve(call *c) {
    const tb_source_v1 *s = c->mock->source;
    return s && s->resolve ? s->resolve(c->mock->self, c->task, c->text, (uint32_t)c->number) : TB_E_UNSUPPORTED;
}

tb_task tb_mock_resolve(tb_mock *m, const char *input, uint32_t limit) {
    call *c = new_call(m, TB_MOCK_RESOLVED, run_resolve);
    c->text = lent(text_of(input)), c->number = limit;
    return perform(c);
}

static tb_status run_open(call *c) {
    const tb_source_v1 *s = c->mock->source;
    return s && s->open ? s->open(c->mock->self, c->task, c->text, c->number) : TB_E_UNSUPPORTED;
}

tb_task tb_mock_open(tb_mock *m, const char *key, uint64_t start_ms) {
    call *c = new_call(m, TB_MOCK_OPENED, run_open);
    c->text = lent(text_of(key)), c->number = start_ms;
    return perform(c);
}

static tb_status run_artwork(call *c) {
    const tb_source_v1 *s = c->mock->source;
    return s && s->artwork ? s->artwork(c->mock->self, c->task, c->text) : TB_E_UNSUPPORTED;
}

tb_task tb_mock_artwork(tb_mock *m, const char *key) {
    call *c = new_call(m, TB_MOCK_ARTWORK, run_artwork);
    c->text = lent(text_of(key));
    return perform(c);
}

static tb_status run_recommend(call *c) {
    const tb_recommend_v1 *r = c->mock->plugin->get_extension(TB_EXT_RECOMMEND);
    return r ? r->recommend(c->mock->self, c->task, c->tracks, c->count, (uint32_t)c->number) : TB_E_UNSUPPORTED;
}

tb_task tb_mock_recommend(tb_mock *m, const tb_track_v1 *seeds, size_t count, uint32_t limit) {
    call *c = new_call(m, TB_MOCK_RESOLVED, run_recommend);
    c->tracks = lent_bytes(seeds, count * sizeof *seeds), c->count = count, c->number = limit;
    return perform(c);
}

static tb_status run_lyrics(call *c) {
    const tb_lyrics_v1 *l = c->mock->plugin->get_extension(TB_EXT_LYRICS);
    return l ? l->lyrics(c->mock->self, c->task, c->tracks) : TB_E_UNSUPPORTED;
}

tb_task tb_mock_lyrics(tb_mock *m, const tb_track_v1 *track) {
    call *c = new_call(m, TB_MOCK_LYRICS, run_lyrics);
    c->tracks = lent_bytes(track, sizeof *track), c->count = 1;
    return perform(c);
}

static tb_status run_health(call *c) {
    const tb_health_v1 *h = c->mock->plugin->get_extension(TB_EXT_HEALTH);
    return h ? h->check(c->mock->self, c->task) : TB_E_UNSUPPORTED;
}

tb_task tb_mock_health(tb_mock *m) { return perform(new_call(m, TB_MOCK_HEALTHY, run_health)); }
