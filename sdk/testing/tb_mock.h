// A host for tests: every host extension of plugin ABI 1, in one process, without Discord, network, disk or real time.
//
//   tb_mock *m = tb_mock_new();
//   tb_mock_link(m, timmybot_plugin_v1);                    // or tb_mock_load(m, "./mine.so")
//   tb_mock_http(m, "https://api.example.org/*", &(tb_mock_answer){ .status = 200, .body = TB_LIT("[]") });
//   TB_CHECK(tb_mock_create(m, "{}") == TB_OK);
//   const tb_mock_result *r = tb_mock_result_of(m, tb_mock_resolve(m, "tune: C4", 10));
//   TB_CHECK(r->kind == TB_MOCK_RESOLVED && r->track_count == 1);
//   TB_CHECK(tb_mock_finish(m, stderr) == 0);               // 0 breaches of the contract
//
// Compile tb_mock.c beside the test (it is one translation unit) and link with -pthread; with -ldl on older C libraries.
// The plugin's functions run on a lane thread of the mock, completions on another one: as in the real host, so run your
// tests under -fsanitize=address,undefined and -fsanitize=thread too. Use one mock from one test thread.
// Pointers that the mock gives out live until tb_mock_finish. What it does not do: more than one lane, Discord's rules for
// messages (`timmybot plugin check` and the host know them), and the manifest's list of hosts.
#pragma once
#include <stdio.h>
#include <timmybot/timmybot.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef struct tb_mock tb_mock;

// ---- life -----------------------------------------------------------------------------------------------------------

tb_mock *tb_mock_new(void);
// The plugin that is linked into the test program.
void tb_mock_link(tb_mock *m, const tb_plugin_v1 *(*entry)(void));
// A built plugin. False with the reason in tb_mock_why.
bool tb_mock_load(tb_mock *m, const char *path);
const char *tb_mock_why(const tb_mock *m);
// The host offers this extension no longer ("timmy.http/1"). Before tb_mock_create.
void tb_mock_without(tb_mock *m, const char *extension);
// On the lane. `config_json` is the operator's configuration of the plugin.
tb_status tb_mock_create(tb_mock *m, const char *config_json);
// stop and destroy on the lane, then frees the mock. How often the plugin broke the contract, each told on `log` (may be
// NULL): tasks that were accepted and never settled, tables or strings that are none, a lane that does not return.
int tb_mock_finish(tb_mock *m, FILE *log);
int tb_mock_breaches(tb_mock *m);

const tb_plugin_v1 *tb_mock_plugin(const tb_mock *m);
const tb_host_v1 *tb_mock_host(tb_mock *m);
void *tb_mock_self(const tb_mock *m);
// How long the mock waits in real time for the lane or a settlement before it gives up; 10 s at first.
void tb_mock_patience(tb_mock *m, uint32_t milliseconds);

// ---- calls ----------------------------------------------------------------------------------------------------------
// Each runs on the lane, returns when the plugin's function has, and gives the task. Strings that the plugin borrows are
// overwritten when the call has returned: a plugin that keeps a pointer is found out.

uint32_t tb_mock_match(tb_mock *m, const char *input);  // on the calling thread, as [any] allows
tb_task tb_mock_resolve(tb_mock *m, const char *input, uint32_t limit);
tb_task tb_mock_open(tb_mock *m, const char *key, uint64_t start_ms);
tb_task tb_mock_artwork(tb_mock *m, const char *key);
tb_task tb_mock_recommend(tb_mock *m, const tb_track_v1 *seeds, size_t count, uint32_t limit);
tb_task tb_mock_lyrics(tb_mock *m, const tb_track_v1 *track);
tb_task tb_mock_health(tb_mock *m);

// One option of a command as a user gave it; options that are not named are left out.
typedef struct tb_mock_option {
    const char *name;
    const char *text;  // for TB_T_STR
    int64_t integer;   // for TB_T_INT, BOOL and ID
    double number;     // for TB_T_NUM
} tb_mock_option;

// Who calls from where, for the following calls. At first guild 1, channel 2, user 3, voice channel 4, "en-GB".
void tb_mock_caller(tb_mock *m, const tb_invocation_v1 *call);
// The typed handler where there is one (up to 8 numbers of TB_T_NUM; x86-64 and aarch64), else `invoke`.
tb_task tb_mock_command(tb_mock *m, const char *name, const tb_mock_option *options, size_t count);
tb_task tb_mock_autocomplete(tb_mock *m, const char *command, const char *option, const char *text);
tb_task tb_mock_component(tb_mock *m, const char *custom_id, const char *const *values, size_t count);
// Fields as option: name is the custom_id, text the value.
tb_task tb_mock_modal(tb_mock *m, const char *custom_id, const tb_mock_option *fields, size_t count);

void tb_mock_cancel(tb_mock *m, tb_task task);  // from now on is_cancelled; tells the plugin
void tb_mock_expire(tb_mock *m, tb_task task);  // its deadline has passed: whatever comes later is TB_E_STALE

// ---- what came of a call --------------------------------------------------------------------------------------------

typedef enum tb_mock_kind {
    TB_MOCK_OPEN,      // accepted and not settled yet
    TB_MOCK_REFUSED,   // the function did not answer TB_OK; `status` says what
    TB_MOCK_FAILED,    // `error`
    TB_MOCK_EXPIRED,   // by tb_mock_expire
    TB_MOCK_RESOLVED,  // `tracks`
    TB_MOCK_OPENED,    // `media`
    TB_MOCK_ARTWORK,   // `mime`, `bytes`
    TB_MOCK_SENT,      // `message`: the last one, after edits
    TB_MOCK_MODAL,     // `modal_json`
    TB_MOCK_CHOICES,   // `choices`
    TB_MOCK_LYRICS,    // `lyrics`
    TB_MOCK_HEALTHY    // `note`
} tb_mock_kind;

typedef struct tb_mock_result {
    tb_task task;
    tb_mock_kind kind;
    tb_status status;  // what the plugin's function answered
    tb_error_v1 error;
    const tb_track_v1 *tracks;
    size_t track_count;
    tb_media_v1 media;
    tb_str mime;
    tb_bytes bytes;
    tb_message_v1 message;
    tb_str modal_json;
    const tb_choice_v1 *choices;
    size_t choice_count;
    tb_lyrics_found_v1 lyrics;
    tb_str note;  // of `progress`, the last one, or of `healthy`
    uint32_t progress, edits, defers;
    const tb_message_v1 *follow_ups;
    size_t follow_up_count;
    uint32_t again;  // attempts to settle it after it was over: each was answered with TB_E_STALE
} tb_mock_result;

// Waits until the task is settled, at most the mock's patience.
const tb_mock_result *tb_mock_result_of(tb_mock *m, tb_task task);
// As it stands, without waiting.
const tb_mock_result *tb_mock_peek(tb_mock *m, tb_task task);
uint32_t tb_mock_stale(tb_mock *m);  // sum of `again` over all tasks, and attempts on tasks that never were

// ---- media ----------------------------------------------------------------------------------------------------------

typedef struct tb_mock_sound {
    uint8_t *bytes;  // of Opus packets: each preceded by its length, 16 bits little-endian
    size_t count;
    uint64_t reads;
    tb_status status;  // TB_OK where it came to its end, or what the reader answered
    bool is_cut;       // it was longer than `limit`
} tb_mock_sound;

// Reads `media` to its end on a reader thread with buffers of exactly `capacity` bytes; stops at `limit` bytes. Of a
// reader, descriptor or pipe that is what it yields, of a URL the body of the scripted answer.
tb_mock_sound tb_mock_read(tb_mock *m, const tb_media_v1 *media, size_t capacity, size_t limit);
tb_status tb_mock_seek(tb_mock *m, const tb_media_v1 *media, uint64_t offset);
// Starts a read, interrupts it at once, and says after how many milliseconds it was back; -1 where it was not in time.
int64_t tb_mock_interrupt(tb_mock *m, const tb_media_v1 *media);
// On the reader thread. What is not closed by the test is closed by tb_mock_finish.
void tb_mock_close(tb_mock *m, const tb_media_v1 *media);

// ---- the scripted world ---------------------------------------------------------------------------------------------

typedef struct tb_mock_answer {
    uint32_t status;
    tb_status error;  // other than TB_OK: no server answered
    const tb_header_v1 *headers;
    size_t header_count;
    tb_str body;
    size_t chunk;  // bytes that a `read` of a stream gives at most; 0 for as many as there are
    tb_str url;    // after redirects; empty for the one that was asked
} tb_mock_answer;

// Answers requests for `url` ("...*" is everything that begins so). Several for one url come one after the other, and the
// last one stays. What is not scripted fails with TB_E_IO.
void tb_mock_http(tb_mock *m, const char *url, const tb_mock_answer *answer);
size_t tb_mock_http_count(tb_mock *m);
const tb_http_request_v1 *tb_mock_http_request(tb_mock *m, size_t index);

// Completions of host calls are kept back until tb_mock_release, which delivers them and waits until they are.
void tb_mock_hold(tb_mock *m);
void tb_mock_release(tb_mock *m);
// Completions come before the host function that they answer has returned, on another thread: the order that plugins are
// most easily surprised by. With TB_MOCK_EAGER in the environment that is so from tb_mock_new on, for all of a test.
void tb_mock_eager(tb_mock *m, bool is_eager);
// Waits until the lane has nothing to do and nothing is to be delivered.
bool tb_mock_settle(tb_mock *m);

// Moves both clocks on; timers that come due fire in order on the lane, before it returns.
void tb_mock_advance(tb_mock *m, uint64_t milliseconds);
size_t tb_mock_timers(tb_mock *m);  // that are set

void tb_mock_store_set(tb_mock *m, const char *key, tb_bytes value);
tb_bytes tb_mock_store_get(tb_mock *m, const char *key);  // ptr is NULL where there is none
void tb_mock_setting(tb_mock *m, uint64_t guild, const char *key, const char *value);
tb_str tb_mock_setting_of(tb_mock *m, uint64_t guild, const char *key);
// The user has linked an account; `account` is the handle that requests will carry. Others get TB_E_AUTH.
void tb_mock_account(tb_mock *m, const char *flow, uint64_t user, uint64_t account, const char *scopes);
void tb_mock_probe(tb_mock *m, const tb_probe_result_v1 *result);  // of each following probe; NULL: TB_E_INVALID
void tb_mock_search(tb_mock *m, const tb_track_v1 *tracks, size_t count, const char *source);
void tb_mock_history(tb_mock *m, const tb_played_v1 *played, size_t count);
// What the player answers from now on: an error, or a state and, for `play`, tracks.
void tb_mock_player(tb_mock *m, const tb_player_result_v1 *result);

typedef struct tb_mock_asked {
    enum { TB_MOCK_PLAY, TB_MOCK_CONTROL, TB_MOCK_FILTER, TB_MOCK_SNAPSHOT, TB_MOCK_SEARCH } what;
    tb_str text;      // query or name of a filter
    uint32_t number;  // mode, action or limit
    int64_t a, b;     // of an action; first and count of a snapshot
} tb_mock_asked;
size_t tb_mock_asked_count(tb_mock *m);  // of the player and of search
tb_mock_asked tb_mock_asked_at(tb_mock *m, size_t index);

size_t tb_mock_log_count(tb_mock *m, int32_t level);        // lines of this level or above
tb_str tb_mock_log_line(tb_mock *m, size_t index);          // of all lines; empty beyond the last
void tb_mock_log_to(tb_mock *m, FILE *file);                // shows them as they come
double tb_mock_metric(tb_mock *m, const char *name);        // sum of a counter, last value of a gauge or observation
size_t tb_mock_metric_count(tb_mock *m, const char *name);  // how often it was told

// ---- a word about tests ---------------------------------------------------------------------------------------------

bool tb_is(tb_str value, const char *text);
bool tb_has(tb_str value, const char *part);
// Counts and tells what does not hold; tb_checks() is the exit code of a test's main.
void tb_check_(bool holds, const char *text, const char *file, int line);
int tb_checks(void);
#define TB_CHECK(condition) tb_check_((condition), #condition, __FILE__, __LINE__)

#ifdef __cplusplus
}
#endif
