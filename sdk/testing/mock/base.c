// Memory, strings and breaches. `_locked` functions want the mutex held.

static _Noreturn void out_of_memory(void) {
    fputs("tb_mock: out of memory\n", stderr);
    abort();
}

static void *grown(void *items, size_t count, size_t *room, size_t size) {
    if (count < *room) return items;
    *room = *room ? *room * 2 : 8;
    void *more = realloc(items, *room * size);
    if (!more) out_of_memory();
    return more;
}
#define PUSH(list, item) \
    ((list).items = grown((list).items, (list).count, &(list).room, sizeof *(list).items), \
     (list).items[(list).count++] = (item))

// Zeroed, and freed with the mock.
static void *kept(tb_mock *m, size_t size) {
    void *memory = calloc(1, size ? size : 1);
    if (!memory) out_of_memory();
    PUSH(m->memory, memory);
    return memory;
}

static tb_str copied(tb_mock *m, tb_str s) {
    if (!s.ptr || !s.len) return (tb_str){ "", 0 };
    char *text = kept(m, s.len + 1);
    memcpy(text, s.ptr, s.len);
    return (tb_str){ text, s.len };
}

static tb_bytes copied_bytes(tb_mock *m, tb_bytes b) {
    if (!b.ptr || !b.len) return (tb_bytes){ NULL, 0 };
    uint8_t *bytes = kept(m, b.len);
    memcpy(bytes, b.ptr, b.len);
    return (tb_bytes){ bytes, b.len };
}

static tb_str text_of(const char *text) { return text ? (tb_str){ text, strlen(text) } : (tb_str){ "", 0 }; }

static bool same(tb_str a, tb_str b) { return a.len == b.len && (!a.len || memcmp(a.ptr, b.ptr, a.len) == 0); }

static int order(tb_str a, tb_str b) {
    int by = memcmp(a.ptr, b.ptr, a.len < b.len ? a.len : b.len);
    return by ? by : (a.len > b.len) - (a.len < b.len);
}

static void lock(tb_mock *m) { pthread_mutex_lock(&m->lock); }
static void unlock(tb_mock *m) {
    pthread_cond_broadcast(&m->changed);
    pthread_mutex_unlock(&m->lock);
}

__attribute__((format(printf, 2, 3))) static void breach_locked(tb_mock *m, const char *format, ...) {
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    PUSH(m->breaches, copied(m, text_of(text)));
}

// Length of the UTF-8 character at `s`, 0 where there is none (RFC 3629).
static size_t character(const unsigned char *s, size_t room) {
    if (s[0] < 0x80) return 1;
    size_t length = s[0] >= 0xF0 ? 4 : s[0] >= 0xE0 ? 3 : 2;
    if (s[0] < 0xC2 || s[0] > 0xF4 || length > room) return 0;
    for (size_t i = 1; i < length; i++)
        if ((s[i] & 0xC0) != 0x80) return 0;
    if ((s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] > 0x9F)) return 0;
    if ((s[0] == 0xF0 && s[1] < 0x90) || (s[0] == 0xF4 && s[1] > 0x8F)) return 0;
    return length;
}

// Whether the plugin gave a text of at most `limit` bytes; if not, that is a breach.
static bool is_text_locked(tb_mock *m, tb_str s, size_t limit, const char *what) {
    bool is_good = s.len <= limit && (s.ptr || !s.len);
    for (size_t i = 0; is_good && i < s.len;) {
        size_t length = character((const unsigned char *)s.ptr + i, s.len - i);
        is_good = length > 0;
        i += length;
    }
    if (!is_good) breach_locked(m, "%s: no UTF-8, or longer than %zu bytes", what, limit);
    return is_good;
}

static tb_mock *mock_of(const tb_host_v1 *host) { return host->host_data; }

bool tb_is(tb_str value, const char *text) { return same(value, text_of(text)); }

bool tb_has(tb_str value, const char *part) {
    size_t length = strlen(part);
    for (size_t i = 0; i + length <= value.len; i++)
        if (memcmp(value.ptr + i, part, length) == 0) return true;
    return false;
}

static int failed_checks;

void tb_check_(bool holds, const char *text, const char *file, int line) {
    if (holds) return;
    failed_checks++;
    fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, text);
}

int tb_checks(void) { return failed_checks ? 1 : 0; }
