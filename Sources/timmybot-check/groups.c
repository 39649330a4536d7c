#define _GNU_SOURCE
#include "behaviour.h"
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct target targets[TARGETS];

// What came of a call, where it breaks a rule; NULL where it is fine.
static const char *fault_of(const tb_mock_result *result) {
    if (!result) return "has no task";
    switch (result->kind) {
    case TB_MOCK_OPEN: return "is accepted and never settled";
    case TB_MOCK_SENT:
        if (!json_is_valid(result->message.components_json) || result->message.components_json.ptr[0] != '[')
            return "answers with components that are no JSON array";
        break;
    case TB_MOCK_MODAL:
        if (!json_is_valid(result->modal_json) || result->modal_json.ptr[0] != '{') return "answers with a modal that is no JSON object";
        break;
    case TB_MOCK_RESOLVED:
        for (size_t i = 0; i < result->track_count; i++) {
            const tb_track_v1 *track = result->tracks + i;
            if (track->key.len == 0 || track->key.len > 1024) return "gives a track whose key is empty or too long";
            if (!check_utf8(track->key) || !check_utf8(track->title) || !check_utf8(track->artist) || !check_utf8(track->album))
                return "gives a track whose texts are not UTF-8";
            if (track->duration_ms < 0) return "gives a track of negative length";
        }
        break;
    default: break;
    }
    if (result->again > 0) return "is settled more than once";
    if (!check_utf8(result->error.user_text) || !check_utf8(result->error.detail)) return "fails with a text that is not UTF-8";
    return NULL;
}

static bool exercise(tb_mock *mock, const struct subject *subject, const char *id, const char *when) {
    size_t count = targets_of(tb_mock_plugin(mock), targets);
    for (size_t i = 0; i < count; i++) {
        for (unsigned round = 0; round < 4; round++) {
            check_at("%s%s", targets[i].name, when);
            const tb_mock_result *result =
                tb_mock_result_of(mock, target_call(mock, subject, targets + i, subject->seed + 4 * i + round));
            const char *fault = fault_of(result);
            if (fault) return check_fail(id, "%s %s%s", targets[i].name, fault, when), false;
            if (result->kind == TB_MOCK_OPENED) tb_mock_close(mock, &result->media);
        }
    }
    return true;
}

int check_group_extensions(const struct subject *subject) {
    static const char *all[] = {
        TB_EXT_LOG, TB_EXT_TASK, TB_EXT_HTTP, TB_EXT_STORE, TB_EXT_CLOCK, TB_EXT_ACCOUNT, TB_EXT_SOURCE_HOST, TB_EXT_PIPE,
        TB_EXT_PLAYER, TB_EXT_SEARCH, TB_EXT_REPLY, TB_EXT_SETTINGS, TB_EXT_HISTORY, TB_EXT_PROBE, TB_EXT_METRICS,
        TB_EXT_LYRICS_HOST, TB_EXT_HEALTH_HOST,
    };
    const char *id = "L3.extensions";
    bool isSound = true;
    for (size_t i = 0; i < sizeof all / sizeof *all && isSound; i++) {
        char when[80];
        snprintf(when, sizeof when, " without %s", all[i]);
        tb_mock *mock = subject_start(subject, id, all[i]);
        if (!mock) continue;  // it refused, and whether it said why is reported
        // Without these nothing can be settled; a plugin that starts all the same is judged by not crashing.
        bool isBlind = strcmp(all[i], TB_EXT_TASK) == 0 || strcmp(all[i], TB_EXT_REPLY) == 0 || strcmp(all[i], TB_EXT_SOURCE_HOST) == 0 ||
                       strcmp(all[i], TB_EXT_LYRICS_HOST) == 0 || strcmp(all[i], TB_EXT_HEALTH_HOST) == 0;
        if (isBlind) {
            size_t count = targets_of(tb_mock_plugin(mock), targets);
            for (size_t t = 0; t < count; t++) {
                check_at("%s%s", targets[t].name, when);
                target_call(mock, subject, targets + t, subject->seed + t);
            }
            tb_mock_settle(mock);
            check_at("stop and destroy%s", when);
            tb_mock_finish(mock, NULL);
        } else {
            isSound = exercise(mock, subject, id, when) && isSound;
            isSound = isSound && subject_finish(mock, id);
        }
    }
    if (isSound) check_pass(id);
    return 0;
}

static bool cycle(const struct subject *subject, const char *id) {
    tb_mock *mock = subject_start(subject, id, NULL);
    if (!mock) return false;
    return subject_finish(mock, id);
}

// A hundred times at least, and again while it grows: a runtime's caches fill up some day, a leak never does.
#define LIFETIME_ROUNDS 20
#define LIFETIME_SECONDS 25

int check_group_lifetime(const struct subject *subject) {
    const char *id = "L3.lifetime";
    // The first times fill caches, of the plugin's runtime too.
    for (int i = 0; i < 10; i++)
        if (!cycle(subject, id)) return 0;
    struct footprint before, after;
    footprint_take(&before);
    double start = check_now(), leaked = 0;
    int cycles = 0;
    for (int round = 0; round < LIFETIME_ROUNDS && (round < 2 || check_now() - start < LIFETIME_SECONDS); round++) {
        size_t bytes = mallinfo2().uordblks;
        for (int i = 0; i < 100; i++, cycles++)
            if (!cycle(subject, id)) return 0;
        size_t now = mallinfo2().uordblks;
        footprint_take(&after);
        // Pools of a language's runtime may grow by a thread or two, but not with every instance.
        if (after.threads > before.threads + 8) return check_fail(id, "%d threads go on after destroy", after.threads - before.threads), 0;
        if (after.descriptors > before.descriptors) return check_fail(id, "%d descriptors stay open", after.descriptors - before.descriptors), 0;
        leaked = now > bytes ? (double)(now - bytes) / 100 : 0;
        if (leaked <= 256) return check_pass(id), 0;
    }
    check_fail(id, "each create and destroy leaks %.0f bytes, after %d of them still", leaked, cycles);
    return 0;
}

// Calls of `read` that this thread has made so far, this one's included; -1 where the kernel does not tell.
static long long reads_made(void) {
    char text[512];
    int file = open("/proc/thread-self/io", O_RDONLY | O_CLOEXEC);
    if (file < 0) return -1;
    ssize_t count = read(file, text, sizeof text - 1);
    close(file);
    if (count <= 0) return -1;
    text[count] = 0;
    const char *place = strstr(text, "syscr: ");
    return place ? strtoll(place + 7, NULL, 10) : -1;
}

int check_group_match(const struct subject *subject) {
    const char *id = "L3.match";
    tb_mock *mock = subject_start(subject, id, NULL);
    if (!mock) return 0;
    const tb_source_v1 *source = tb_mock_plugin(mock)->get_extension(TB_EXT_SOURCE);
    if (!source) {
        check_skip(id, "it is no source");
        tb_mock_finish(mock, NULL);
        return 0;
    }
    static char text[8192];
    uint64_t state = subject->seed;
    bool isSound = true;
    long long idle = reads_made();
    idle = reads_made() - idle;
    for (unsigned round = 0; round < 200 && isSound; round++) {
        random_text(&state, text, sizeof text, 0, round % 10 ? 60 : 2000);
        tb_str input = { text, strlen(text) };
        double best = 1;
        long long before = reads_made();
        for (int again = 0; again < 3; again++) {
            check_at("match");
            double start = check_now();
            uint32_t score = source->match(tb_mock_self(mock), input);
            double took = check_now() - start;
            if (took < best) best = took;
            if (score > 100) isSound = false, check_fail(id, "match answers %u; 100 is the most", score);
        }
        if (before >= 0 && reads_made() - before > idle) isSound = false, check_fail(id, "match reads from somewhere; it must do no I/O");
        if (best > 0.001) isSound = false, check_fail(id, "match took %.1f ms for %zu bytes", best * 1000, input.len);
    }
    if (isSound && subject_finish(mock, id)) check_pass(id);
    return 0;
}

// Where a check has failed, the plugin is not stopped any more: that might hang, and the process ends anyway.

// Each thing called, and then at once: nothing, cancelled, out of time, or the plugin stopped.
int check_group_settling(const struct subject *subject) {
    const char *id = "L3.settling";
    tb_mock *mock = subject_start(subject, id, NULL);
    if (!mock) return 0;
    bool isSound = exercise(mock, subject, id, "");
    size_t count = targets_of(tb_mock_plugin(mock), targets);
    for (size_t i = 0; i < count && isSound; i++) {
        check_at("%s, then cancel", targets[i].name);
        tb_task task = target_call(mock, subject, targets + i, subject->seed + i);
        tb_mock_cancel(mock, task);
        const char *fault = fault_of(tb_mock_result_of(mock, task));
        if (fault) isSound = false, check_fail(id, "%s %s after it was cancelled", targets[i].name, fault);
        check_at("%s, then its deadline passes", targets[i].name);
        tb_mock_hold(mock);
        task = target_call(mock, subject, targets + i, subject->seed + i);
        tb_mock_expire(mock, task);
        tb_mock_release(mock);
        tb_mock_settle(mock);
    }
    for (size_t i = 0; i < count && isSound; i++) target_call(mock, subject, targets + i, subject->seed + i);
    isSound = isSound && subject_finish(mock, id);
    if (isSound) check_pass(id);
    return 0;
}

// Rounds with one instance: what the mock keeps of each call must not fill the memory.
#define FUZZ_ROUNDS_AN_INSTANCE 200

// Calls everything once; false after a fault was reported.
static bool fuzz_round(tb_mock *mock, const struct subject *subject, const char *id, unsigned round, uint64_t *state) {
    size_t count = targets_of(tb_mock_plugin(mock), targets);
    for (size_t i = 0; i < count; i++) {
        check_at("%s in round %u of seed %llu", targets[i].name, round, (unsigned long long)subject->seed);
        const tb_mock_result *result = tb_mock_result_of(mock, target_call(mock, subject, targets + i, random_next(state)));
        const char *fault = fault_of(result);
        if (fault) return check_fail(id, "%s %s in round %u", targets[i].name, fault, round), false;
        if (result->kind == TB_MOCK_OPENED) tb_mock_close(mock, &result->media);
    }
    return true;
}

// Every command, search and key with values from the seed: for so many rounds, or so long.
int check_group_fuzz(const struct subject *subject) {
    const char *id = "L3.fuzz";
    uint64_t state = subject->seed;
    double end = check_now() + subject->fuzz_seconds;
    bool isTimed = subject->fuzz_seconds > 0;
    unsigned long long calls = 0;
    for (unsigned round = 0; round == 0 || (isTimed ? check_now() < end : round < subject->rounds);) {
        tb_mock *mock = subject_start(subject, id, NULL);
        if (!mock) return 0;
        size_t count = targets_of(tb_mock_plugin(mock), targets);
        for (unsigned i = 0; i < FUZZ_ROUNDS_AN_INSTANCE && (isTimed ? check_now() < end : round < subject->rounds); i++, round++) {
            if (!fuzz_round(mock, subject, id, round, &state)) return 0;
            calls += count;
        }
        if (!subject_finish(mock, id)) return 0;
        if (round == 0) break;
    }
    check_pass_with(id, "%llu calls", calls);
    return 0;
}
