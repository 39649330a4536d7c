#define _GNU_SOURCE
#include "check.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void line(const char *head, const char *format, va_list arguments) {
    char text[1024];
    int used = snprintf(text, sizeof text, "%s", head);
    used += vsnprintf(text + used, sizeof text - (size_t)used - 2, format, arguments);
    if (used > (int)sizeof text - 2) used = sizeof text - 2;
    for (int i = (int)strlen(head); i < used; i++)
        if ((unsigned char)text[i] < 32) text[i] = ' ';
    text[used++] = '\n';
    ssize_t gone = write(3, text, (size_t)used);
    (void)gone;
}

#define RESULT(name, word) \
    void name(const char *id, const char *format, ...) { \
        char head[160]; \
        snprintf(head, sizeof head, "result\t%.100s\t" word "\t", id); \
        va_list arguments; \
        va_start(arguments, format); \
        line(head, format, arguments); \
        va_end(arguments); \
    }
RESULT(check_pass_with, "pass")
RESULT(check_fail, "fail")
RESULT(check_warn, "warn")
RESULT(check_skip, "skip")

static void pass(const char *head, ...) {
    va_list arguments;
    va_start(arguments, head);
    line(head, "", arguments);
    va_end(arguments);
}

void check_pass(const char *id) {
    char head[160];
    snprintf(head, sizeof head, "result\t%.100s\tpass\t", id);
    pass(head);
}

void check_at(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    line("at\t", format, arguments);
    va_end(arguments);
}

double check_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

bool check_utf8(tb_str text) {
    if (text.len == 0) return true;
    if (!text.ptr) return false;
    const unsigned char *s = (const unsigned char *)text.ptr, *end = s + text.len;
    while (s < end) {
        unsigned char c = *s++;
        if (c < 0x80) continue;
        int more = c >= 0xF0 && c <= 0xF4 ? 3 : c >= 0xE0 && c < 0xF0 ? 2 : c >= 0xC2 && c < 0xE0 ? 1 : -1;
        if (more < 0 || end - s < more) return false;
        // Overlong forms, surrogates, and what lies beyond U+10FFFF (Unicode, table 3-7).
        if ((c == 0xE0 && s[0] < 0xA0) || (c == 0xED && s[0] > 0x9F) || (c == 0xF0 && s[0] < 0x90) ||
            (c == 0xF4 && s[0] > 0x8F))
            return false;
        for (; more > 0; more--)
            if ((*s++ & 0xC0) != 0x80) return false;
    }
    return true;
}

size_t check_length(tb_str text) {
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++) count += ((unsigned char)text.ptr[i] & 0xC0) != 0x80;
    return count;
}
