#include "behaviour.h"
#include <string.h>

#define DEPTH 64

struct cursor {
    const char *at, *end;
};

static void space(struct cursor *c) {
    while (c->at < c->end && strchr(" \t\r\n", *c->at)) c->at++;
}

static bool take(struct cursor *c, char wanted) {
    if (c->at >= c->end || *c->at != wanted) return false;
    c->at++;
    return true;
}

static bool is_digit(const struct cursor *c) { return c->at < c->end && *c->at >= '0' && *c->at <= '9'; }

static bool string(struct cursor *c) {
    if (!take(c, '"')) return false;
    while (c->at < c->end && *c->at != '"') {
        if ((unsigned char)*c->at < 32) return false;
        if (*c->at++ != '\\') continue;
        if (c->at >= c->end || !strchr("\"\\/bfnrtu", *c->at)) return false;
        if (*c->at++ != 'u') continue;
        for (int i = 0; i < 4; i++)
            if (c->at >= c->end || !*c->at || !strchr("0123456789abcdefABCDEF", *c->at++)) return false;
    }
    return take(c, '"');
}

static bool digits(struct cursor *c) {
    if (!is_digit(c)) return false;
    while (is_digit(c)) c->at++;
    return true;
}

static bool number(struct cursor *c) {
    take(c, '-');
    if (take(c, '0')) {
        if (is_digit(c)) return false;
    } else if (!digits(c)) {
        return false;
    }
    if (take(c, '.') && !digits(c)) return false;
    if (take(c, 'e') || take(c, 'E')) {
        if (!take(c, '+')) take(c, '-');
        return digits(c);
    }
    return true;
}

static bool word(struct cursor *c, const char *text) {
    size_t length = strlen(text);
    if ((size_t)(c->end - c->at) < length || memcmp(c->at, text, length) != 0) return false;
    c->at += length;
    return true;
}

static bool value(struct cursor *c, int depth);

static bool list(struct cursor *c, int depth, bool isObject) {
    char close = isObject ? '}' : ']';
    c->at++;
    space(c);
    if (take(c, close)) return true;
    do {
        space(c);
        if (isObject) {
            if (!string(c)) return false;
            space(c);
            if (!take(c, ':')) return false;
        }
        if (!value(c, depth + 1)) return false;
        space(c);
    } while (take(c, ','));
    return take(c, close);
}

static bool value(struct cursor *c, int depth) {
    space(c);
    if (c->at >= c->end || depth > DEPTH) return false;
    switch (*c->at) {
    case '{': return list(c, depth, true);
    case '[': return list(c, depth, false);
    case '"': return string(c);
    case 't': return word(c, "true");
    case 'f': return word(c, "false");
    case 'n': return word(c, "null");
    default: return number(c);
    }
}

bool json_is_valid(tb_str text) {
    if (!check_utf8(text) || text.len == 0) return false;
    struct cursor c = { text.ptr, text.ptr + text.len };
    if (!value(&c, 0)) return false;
    space(&c);
    return c.at == c.end;
}
