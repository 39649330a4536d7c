#define _GNU_SOURCE
#include "behaviour.h"
#include <stdio.h>
#include <string.h>

static tb_str last_line(tb_mock *mock) {
    tb_str last = { "no log line", 11 }, line;
    for (size_t i = 0; (line = tb_mock_log_line(mock, i)).ptr; i++) last = line;
    return last;
}

tb_mock *subject_start(const struct subject *subject, const char *id, const char *without) {
    tb_mock *mock = tb_mock_new();
    tb_mock_patience(mock, 5000);
    if (!tb_mock_load(mock, subject->file)) {
        check_fail(id, "%s", tb_mock_why(mock));
        return NULL;
    }
    if (without) tb_mock_without(mock, without);
    check_at("create%s%s", without ? " without " : "", without ? without : "");
    tb_status status = tb_mock_create(mock, subject->config);
    if (status == TB_OK) return mock;
    if (!without) {
        tb_str why = last_line(mock);
        check_skip(id, "it does not start with the configuration %.200s (%d, %.*s); give another by --config",
                   subject->config, status, (int)why.len, why.ptr);
    } else if (tb_mock_log_count(mock, TB_LOG_WARNING) == 0 && strcmp(without, TB_EXT_LOG) != 0) {
        check_fail(id, "without %s it refuses to start (%d) and logs no reason", without, status);
    }
    tb_mock_finish(mock, NULL);
    return NULL;
}

bool subject_finish(tb_mock *mock, const char *id) {
    char *text = NULL;
    size_t size = 0;
    FILE *log = open_memstream(&text, &size);
    check_at("stop and destroy");
    int breaches = tb_mock_finish(mock, log);
    if (log) fclose(log);
    if (breaches > 0) check_fail(id, "%d breaches of the contract: %.300s", breaches, text ? text : "");
    return breaches == 0;
}
