// timmy.log/1, timmy.store/1, timmy.settings/1 and timmy.metrics/1, in memory.

static void log_log(const tb_host_v1 *host, int32_t level, tb_str message) {
    tb_mock *m = mock_of(host);
    lock(m);
    if (message.len > 4096) {
        message.len = 4096;
        while (message.len && (message.ptr[message.len] & 0xC0) == 0x80) message.len--;  // not through a character
    }
    log_line line = { level, copied(m, message) };
    PUSH(m->log, line);
    if (m->log_file) fprintf(m->log_file, "plugin log %d: %.*s\n", level, (int)line.text.len, line.text.ptr);
    unlock(m);
}

static const tb_host_log_v1 log_table = { log_log };

size_t tb_mock_log_count(tb_mock *m, int32_t level) {
    lock(m);
    size_t count = 0;
    for (size_t i = 0; i < m->log.count; i++) count += m->log.items[i].level >= level;
    unlock(m);
    return count;
}

tb_str tb_mock_log_line(tb_mock *m, size_t index) {
    lock(m);
    tb_str text = index < m->log.count ? m->log.items[index].text : (tb_str){ "", 0 };
    unlock(m);
    return text;
}

void tb_mock_log_to(tb_mock *m, FILE *file) {
    lock(m);
    m->log_file = file;
    unlock(m);
}

// ---- store ----

static pair *stored_locked(tb_mock *m, tb_str key) {
    for (size_t i = 0; i < m->store.count; i++)
        if (same(m->store.items[i].key, key)) return m->store.items + i;
    return NULL;
}

static void store_locked(tb_mock *m, tb_str key, tb_bytes value) {
    tb_str copy = copied(m, (tb_str){ (const char *)value.ptr, value.len });
    pair *known = stored_locked(m, key);
    if (known) {
        known->value = copy;
        return;
    }
    pair p = { copied(m, key), copy, 0, 0, 0, 0 };
    PUSH(m->store, p);
}

void tb_mock_store_set(tb_mock *m, const char *key, tb_bytes value) {
    lock(m);
    store_locked(m, text_of(key), value);
    unlock(m);
}

tb_bytes tb_mock_store_get(tb_mock *m, const char *key) {
    lock(m);
    const pair *p = stored_locked(m, text_of(key));
    tb_bytes value = p ? (tb_bytes){ (const uint8_t *)p->value.ptr, p->value.len } : (tb_bytes){ NULL, 0 };
    unlock(m);
    return value;
}

typedef struct store_delivery {
    tb_store_done done;
    void *context;
    tb_store_result_v1 result;
    tb_error_v1 error;
} store_delivery;

static void deliver_store(void *argument) {
    store_delivery *d = argument;
    d->done(d->context, &d->result);
}

// A delivery where key and completion are what the contract wants, else NULL. The lock is held after it.
static store_delivery *store_begin(tb_mock *m, tb_str key, size_t least, tb_store_done done, void *context) {
    lock(m);
    if (!done || key.len < least || !is_text_locked(m, key, 128, "key of the store")) {
        breach_locked(m, "timmy.store/1: no completion, or a key of no or too many bytes");
        return NULL;
    }
    store_delivery *d = kept(m, sizeof *d);
    d->done = done, d->context = context;
    return d;
}

static tb_status store_end(tb_mock *m, store_delivery *d) {
    if (d) deliver_locked(m, deliver_store, d);
    unlock(m);
    return d ? TB_OK : TB_E_INVALID;
}

static tb_status store_get(const tb_host_v1 *host, tb_str key, tb_store_done done, void *context) {
    tb_mock *m = mock_of(host);
    store_delivery *d = store_begin(m, key, 1, done, context);
    const pair *p = d ? stored_locked(m, key) : NULL;
    if (p) {
        d->result.found = 1;
        d->result.value = (tb_bytes){ (const uint8_t *)p->value.ptr, p->value.len };
    }
    return store_end(m, d);
}

static tb_status store_set(const tb_host_v1 *host, tb_str key, tb_bytes value, tb_store_done done, void *context) {
    tb_mock *m = mock_of(host);
    store_delivery *d = store_begin(m, key, 1, done, context);
    if (d && (value.len > 65536 || (value.len && !value.ptr))) {
        breach_locked(m, "a value of more than 64 KiB");
        d = NULL;
    } else if (d) {
        size_t total = key.len + value.len;
        const pair *known = stored_locked(m, key);
        for (size_t i = 0; i < m->store.count; i++)
            if (m->store.items + i != known) total += m->store.items[i].key.len + m->store.items[i].value.len;
        d->result.found = known != NULL;
        if (total > (1u << 20) || (!known && m->store.count == 1024)) {
            d->error = (tb_error_v1){ .code = TB_E_RATE_LIMIT, .user_text = { "", 0 }, .detail = text_of("quota") };
            d->result.error = &d->error;
        } else {
            store_locked(m, key, value);
        }
    }
    return store_end(m, d);
}

static tb_status store_remove(const tb_host_v1 *host, tb_str key, tb_store_done done, void *context) {
    tb_mock *m = mock_of(host);
    store_delivery *d = store_begin(m, key, 1, done, context);
    pair *p = d ? stored_locked(m, key) : NULL;
    if (p) {
        d->result.found = 1;
        *p = m->store.items[--m->store.count];
    }
    return store_end(m, d);
}

static int by_key(const void *a, const void *b) { return order(*(const tb_str *)a, *(const tb_str *)b); }

static tb_status store_keys(const tb_host_v1 *host, tb_str prefix, tb_store_done done, void *context) {
    tb_mock *m = mock_of(host);
    store_delivery *d = store_begin(m, prefix, 0, done, context);
    if (d) {
        tb_str *keys = kept(m, m->store.count * sizeof *keys);
        for (size_t i = 0; i < m->store.count; i++) {
            tb_str key = m->store.items[i].key;
            if (key.len >= prefix.len && (!prefix.len || memcmp(key.ptr, prefix.ptr, prefix.len) == 0))
                keys[d->result.key_count++] = key;
        }
        qsort(keys, d->result.key_count, sizeof *keys, by_key);
        d->result.keys = keys;
    }
    return store_end(m, d);
}

static const tb_host_store_v1 store_table = { store_get, store_set, store_remove, store_keys };

// ---- settings ----

static pair *setting_locked(tb_mock *m, uint64_t guild, tb_str key) {
    for (size_t i = 0; i < m->settings.count; i++)
        if (m->settings.items[i].number == guild && same(m->settings.items[i].key, key)) return m->settings.items + i;
    return NULL;
}

static void set_setting_locked(tb_mock *m, uint64_t guild, tb_str key, tb_str value) {
    pair *known = setting_locked(m, guild, key);
    if (known && !value.len) *known = m->settings.items[--m->settings.count];
    else if (known) known->value = copied(m, value);
    else if (value.len) {
        pair p = { copied(m, key), copied(m, value), guild, 0, 0, 0 };
        PUSH(m->settings, p);
    }
}

void tb_mock_setting(tb_mock *m, uint64_t guild, const char *key, const char *value) {
    lock(m);
    set_setting_locked(m, guild, text_of(key), text_of(value));
    unlock(m);
}

tb_str tb_mock_setting_of(tb_mock *m, uint64_t guild, const char *key) {
    lock(m);
    const pair *p = setting_locked(m, guild, text_of(key));
    tb_str value = p ? p->value : (tb_str){ "", 0 };
    unlock(m);
    return value;
}

typedef struct settings_delivery {
    tb_settings_done done;
    void *context;
    tb_settings_result_v1 result;
} settings_delivery;

static void deliver_settings(void *argument) {
    settings_delivery *d = argument;
    d->done(d->context, &d->result);
}

static int by_setting(const void *a, const void *b) {
    return order(((const tb_setting_v1 *)a)->key, ((const tb_setting_v1 *)b)->key);
}

static void post_settings_locked(tb_mock *m, uint64_t guild, tb_settings_done done, void *context) {
    settings_delivery *d = kept(m, sizeof *d);
    tb_setting_v1 *list = kept(m, m->settings.count * sizeof *list);
    d->done = done, d->context = context;
    for (size_t i = 0; i < m->settings.count; i++)
        if (m->settings.items[i].number == guild)
            list[d->result.count++] = (tb_setting_v1){ m->settings.items[i].key, m->settings.items[i].value };
    qsort(list, d->result.count, sizeof *list, by_setting);
    d->result.settings = list;
    deliver_locked(m, deliver_settings, d);
}

static tb_status settings_all(const tb_host_v1 *host, uint64_t guild, tb_settings_done done, void *context) {
    tb_mock *m = mock_of(host);
    if (!done) return TB_E_INVALID;
    lock(m);
    post_settings_locked(m, guild, done, context);
    unlock(m);
    return TB_OK;
}

static tb_status settings_set(const tb_host_v1 *host, uint64_t guild, tb_str key, tb_str value, tb_settings_done done,
                              void *context) {
    tb_mock *m = mock_of(host);
    lock(m);
    bool is_good = done && key.len && is_text_locked(m, key, 64, "key of a setting") &&
                   is_text_locked(m, value, 2048, "value of a setting");
    if (is_good) {
        set_setting_locked(m, guild, key, value);
        post_settings_locked(m, guild, done, context);
    }
    unlock(m);
    return is_good ? TB_OK : TB_E_INVALID;
}

static const tb_host_settings_v1 settings_table = { settings_all, settings_set };

// ---- metrics ----

static pair *metric_locked(tb_mock *m, tb_str name) {
    for (size_t i = 0; i < m->metrics.count; i++)
        if (same(m->metrics.items[i].key, name)) return m->metrics.items + i;
    bool is_good = name.len >= 1 && name.len <= 48 && name.ptr;
    for (size_t i = 0; is_good && i < name.len; i++)
        is_good = strchr("abcdefghijklmnopqrstuvwxyz0123456789_", name.ptr[i]) && name.ptr[i];
    if (!is_good || m->metrics.count == 64) {
        breach_locked(m, "a metric whose name is none, or the 65th of them");
        return NULL;
    }
    pair p = { copied(m, name), { "", 0 }, 0, 0, 0, 0 };
    PUSH(m->metrics, p);
    return m->metrics.items + m->metrics.count - 1;
}

static void metric(const tb_host_v1 *host, tb_str name, double value, bool adds) {
    tb_mock *m = mock_of(host);
    lock(m);
    pair *p = metric_locked(m, name);
    if (p && adds && !(value >= 0)) breach_locked(m, "a counter that goes down");
    else if (p) {
        p->real = adds ? p->real + value : value;
        p->times++;
    }
    unlock(m);
}

static void metrics_count(const tb_host_v1 *host, tb_str name, double amount) { metric(host, name, amount, true); }
static void metrics_gauge(const tb_host_v1 *host, tb_str name, double value) { metric(host, name, value, false); }
static void metrics_observe(const tb_host_v1 *host, tb_str name, double value) { metric(host, name, value, false); }

static const tb_host_metrics_v1 metrics_table = { metrics_count, metrics_gauge, metrics_observe };

static pair told(tb_mock *m, const char *name) {
    pair p = { 0 };
    lock(m);
    for (size_t i = 0; i < m->metrics.count; i++)
        if (tb_is(m->metrics.items[i].key, name)) p = m->metrics.items[i];
    unlock(m);
    return p;
}

double tb_mock_metric(tb_mock *m, const char *name) { return told(m, name).real; }
size_t tb_mock_metric_count(tb_mock *m, const char *name) { return told(m, name).times; }
