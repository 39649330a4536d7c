// Plugin ABI 1 as it was when it was frozen (the struct declarations and numbers, without words). It stands for what is
// compiled into a binary that somebody built then, so it is never edited, whatever becomes of sdk/include. plugin.c sees
// only this file.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef int32_t tb_status;
typedef uint64_t tb_task;
typedef struct tb_str {
    const char *ptr;
    size_t len;
} tb_str;
typedef struct tb_bytes {
    const uint8_t *ptr;
    size_t len;
} tb_bytes;
#define TB_OK 0
#define TB_E_INVALID (-1)
#define TB_E_NOT_FOUND (-2)
#define TB_E_UNSUPPORTED (-3)
#define TB_E_UNAVAILABLE (-4)
#define TB_E_AUTH (-5)
#define TB_E_RATE_LIMIT (-6)
#define TB_E_CANCELLED (-7)
#define TB_E_STALE (-8)
#define TB_E_TIMEOUT (-9)
#define TB_E_IO (-10)
#define TB_E_INTERNAL (-11)
typedef struct tb_error_v1 {
    tb_status code;
    uint32_t flags;
    uint32_t retry_after_ms;
    uint32_t zero;
    tb_str user_text;
    tb_str detail;
} tb_error_v1;
#define TB_HOST_MAGIC 0x48424d54u
#define TB_PLUGIN_MAGIC 0x50424d54u
typedef struct tb_host_v1 {
    uint32_t magic;
    uint32_t size;
    void *host_data;
    tb_str name;
    tb_str version;
    const void *(*get_extension)(const struct tb_host_v1 *host, const char *id);
} tb_host_v1;
typedef struct tb_plugin_v1 {
    uint32_t magic;
    uint32_t size;
    tb_str id;
    tb_str version;
    tb_status (*create)(const tb_host_v1 *host, tb_str config_json, void **out_self);
    void (*stop)(void *self);
    void (*destroy)(void *self);
    const void *(*get_extension)(const char *id);
} tb_plugin_v1;
#define TB_EXT_ACCOUNT "timmy.account/1"
typedef struct tb_account_result_v1 {
    const tb_error_v1 *error;
    uint64_t account;
    tb_str scopes;
} tb_account_result_v1;
typedef void (*tb_account_done)(void *context, const tb_account_result_v1 *result);
typedef struct tb_host_account_v1 {
    tb_status (*account)(const tb_host_v1 *host, tb_str flow, uint64_t user, tb_account_done done, void *context);
} tb_host_account_v1;
#define TB_EXT_CLOCK "timmy.clock/1"
typedef void (*tb_timer_fn)(void *context);
typedef struct tb_host_clock_v1 {
    int64_t (*unix_ms)(const tb_host_v1 *host);
    uint64_t (*monotonic_ms)(const tb_host_v1 *host);
    tb_status (*timer)(const tb_host_v1 *host, uint64_t delay_ms, tb_timer_fn fire, void *context, uint64_t *out_timer);
    tb_status (*cancel)(const tb_host_v1 *host, uint64_t timer);
} tb_host_clock_v1;
#define TB_EXT_COMMANDS "timmy.commands/1"
#define TB_T_STR 1
#define TB_T_INT 2
#define TB_T_NUM 3
#define TB_T_BOOL 4
#define TB_T_ID 5
#define TB_T_OPT 0x80
#define TB_PARAM_AUTOCOMPLETE 1u
#define TB_PARAM_OPTIONAL 2u
#define TB_PARAM_BOUNDED 4u
#define TB_PARAM_USER 8u
#define TB_PARAM_ROLE 16u
#define TB_PARAM_CHANNEL 32u
#define TB_COMMAND_PRIVATE 1u
#define TB_COMMAND_OWNER 2u
typedef struct tb_choice_v1 {
    tb_str name;
    tb_str value;
} tb_choice_v1;
typedef struct tb_param_v1 {
    tb_str name;
    tb_str text;
    int32_t type;
    uint32_t flags;
    int64_t min;
    int64_t max;
    const tb_choice_v1 *choices;
    size_t choice_count;
} tb_param_v1;
typedef struct tb_invocation_v1 {
    uint64_t guild;
    uint64_t channel;
    uint64_t user;
    uint64_t voice_channel;
    uint64_t permissions;
    uint32_t flags;
    uint32_t zero;
    tb_str locale;
    tb_str command;
} tb_invocation_v1;
#define TB_CALL_OWNER 1u
typedef struct tb_value_v1 {
    int32_t type;
    uint32_t present;
    int64_t i;
    double f;
    tb_str s;
} tb_value_v1;
typedef struct tb_field_v1 {
    tb_str custom_id;
    tb_str value;
} tb_field_v1;
typedef void (*tb_fn)(void);
typedef struct tb_command_v1 {
    tb_str name;
    tb_str text;
    uint64_t permissions;
    uint32_t flags;
    uint32_t param_count;
    const tb_param_v1 *params;
    tb_fn handler;
    tb_status (*invoke)(void *self, tb_task task, const tb_invocation_v1 *call, const tb_value_v1 *values,
                        size_t count);
} tb_command_v1;
typedef struct tb_commands_v1 {
    const tb_command_v1 *items;
    size_t count;
    tb_status (*autocomplete)(void *self, tb_task task, const tb_invocation_v1 *call, tb_str option, tb_str text);
    tb_status (*component)(void *self, tb_task task, const tb_invocation_v1 *call, const tb_str *values, size_t count);
    tb_status (*modal)(void *self, tb_task task, const tb_invocation_v1 *call, const tb_field_v1 *fields, size_t count);
    void (*cancel)(void *self, tb_task task);
} tb_commands_v1;
#define TB_F_STR 0u
#define TB_F_INT 0u
#define TB_F_OPT_INT 0u
#define TB_F_NUM 0u
#define TB_F_OPT_NUM 0u
#define TB_F_BOOL 0u
#define TB_F_OPT_BOOL 0u
#define TB_EXT_HEALTH "timmy.health/1"
#define TB_EXT_HEALTH_HOST "timmy.health.host/1"
typedef struct tb_health_v1 {
    tb_status (*check)(void *self, tb_task task);
} tb_health_v1;
typedef struct tb_host_health_v1 {
    tb_status (*healthy)(const tb_host_v1 *host, tb_task task, tb_str note);
} tb_host_health_v1;
#define TB_EXT_HTTP "timmy.http/1"
#define TB_HTTP_NO_REDIRECT 1u
typedef struct tb_header_v1 {
    tb_str name;
    tb_str value;
} tb_header_v1;
typedef struct tb_http_request_v1 {
    tb_str method;
    tb_str url;
    const tb_header_v1 *headers;
    size_t header_count;
    tb_bytes body;
    uint64_t limit;
    uint64_t account;
    uint32_t timeout_ms;
    uint32_t flags;
} tb_http_request_v1;
typedef struct tb_http_response_v1 {
    const tb_error_v1 *error;
    tb_str url;
    const tb_header_v1 *headers;
    size_t header_count;
    tb_bytes body;
    uint64_t stream;
    uint32_t status;
    uint32_t zero;
} tb_http_response_v1;
typedef void (*tb_http_done)(void *context, const tb_http_response_v1 *response);
typedef struct tb_host_http_v1 {
    tb_status (*fetch)(const tb_host_v1 *host, const tb_http_request_v1 *request, tb_http_done done, void *context);
    tb_status (*stream)(const tb_host_v1 *host, const tb_http_request_v1 *request, tb_http_done done, void *context);
    int64_t (*read)(const tb_host_v1 *host, uint64_t stream, uint8_t *buffer, size_t capacity);
    void (*close)(const tb_host_v1 *host, uint64_t stream);
} tb_host_http_v1;
#define TB_EXT_SOURCE "timmy.source/1"
#define TB_EXT_SOURCE_HOST "timmy.source.host/1"
typedef struct tb_track_v1 {
    tb_str key;
    tb_str title;
    tb_str artist;
    tb_str album;
    tb_str isrc;
    tb_str page_url;
    tb_str artwork_url;
    int64_t duration_ms;
    uint32_t flags;
    uint32_t zero;
} tb_track_v1;
#define TB_TRACK_LIVE 1u
#define TB_TRACK_ARTWORK 2u
typedef struct tb_reader_v1 {
    void *ctx;
    int64_t (*read)(void *ctx, uint8_t *buffer, size_t capacity);
    tb_status (*seek)(void *ctx, uint64_t offset);
    void (*interrupt)(void *ctx);
    void (*close)(void *ctx);
} tb_reader_v1;
#define TB_MEDIA_URL 1u
#define TB_MEDIA_BYTES 2u
#define TB_MEDIA_PCM_S16_48K_STEREO 3u
#define TB_MEDIA_OPUS_PACKETS 4u
#define TB_MEDIA_FD 5u
#define TB_MEDIA_PIPE 6u
#define TB_MEDIA_STARTED 1u
typedef struct tb_media_v1 {
    uint32_t kind;
    uint32_t flags;
    tb_str url;
    tb_str mime;
    const tb_header_v1 *headers;
    size_t header_count;
    int64_t byte_length;
    uint64_t handle;
    tb_reader_v1 reader;
} tb_media_v1;
typedef struct tb_source_v1 {
    uint32_t (*match)(void *self, tb_str input);
    tb_status (*resolve)(void *self, tb_task task, tb_str input, uint32_t limit);
    tb_status (*open)(void *self, tb_task task, tb_str key, uint64_t start_ms);
    tb_status (*artwork)(void *self, tb_task task, tb_str key);
    void (*cancel)(void *self, tb_task task);
} tb_source_v1;
typedef struct tb_host_source_v1 {
    tb_status (*resolved)(const tb_host_v1 *host, tb_task task, const tb_track_v1 *tracks, size_t count);
    tb_status (*opened)(const tb_host_v1 *host, tb_task task, const tb_media_v1 *media);
    tb_status (*artwork)(const tb_host_v1 *host, tb_task task, tb_str mime, const uint8_t *bytes, size_t count);
} tb_host_source_v1;
#define TB_EXT_HISTORY "timmy.history/1"
typedef struct tb_played_v1 {
    tb_track_v1 track;
    tb_str source;
    uint64_t requested_by;
    int64_t played_at_ms;
} tb_played_v1;
typedef struct tb_history_result_v1 {
    const tb_error_v1 *error;
    const tb_played_v1 *played;
    size_t count;
} tb_history_result_v1;
typedef void (*tb_history_done)(void *context, const tb_history_result_v1 *result);
typedef struct tb_host_history_v1 {
    tb_status (*recent)(const tb_host_v1 *host, const tb_invocation_v1 *call, uint32_t limit, tb_history_done done,
                        void *context);
} tb_host_history_v1;
#define TB_EXT_LOG "timmy.log/1"
#define TB_LOG_DEBUG 1
#define TB_LOG_INFO 2
#define TB_LOG_WARNING 3
#define TB_LOG_ERROR 4
typedef struct tb_host_log_v1 {
    void (*log)(const tb_host_v1 *host, int32_t level, tb_str message);
} tb_host_log_v1;
#define TB_EXT_LYRICS "timmy.lyrics/1"
#define TB_EXT_LYRICS_HOST "timmy.lyrics.host/1"
typedef struct tb_lyric_line_v1 {
    int64_t at_ms;
    tb_str text;
} tb_lyric_line_v1;
typedef struct tb_lyrics_found_v1 {
    const tb_lyric_line_v1 *lines;
    size_t count;
    tb_str credit;
    tb_str page_url;
} tb_lyrics_found_v1;
typedef struct tb_lyrics_v1 {
    tb_status (*lyrics)(void *self, tb_task task, const tb_track_v1 *track);
    void (*cancel)(void *self, tb_task task);
} tb_lyrics_v1;
typedef struct tb_host_lyrics_v1 {
    tb_status (*found)(const tb_host_v1 *host, tb_task task, const tb_lyrics_found_v1 *lyrics);
} tb_host_lyrics_v1;
#define TB_EXT_METRICS "timmy.metrics/1"
typedef struct tb_host_metrics_v1 {
    void (*count)(const tb_host_v1 *host, tb_str name, double amount);
    void (*gauge)(const tb_host_v1 *host, tb_str name, double value);
    void (*observe)(const tb_host_v1 *host, tb_str name, double value);
} tb_host_metrics_v1;
#define TB_EXT_OAUTH "timmy.oauth/1"
#define TB_OAUTH_DEVICE_CODE 1u
#define TB_OAUTH_AUTHORIZATION_CODE 2u
#define TB_OAUTH_CLIENT_CREDENTIALS 3u
#define TB_OAUTH_BASIC 1u
typedef struct tb_oauth_flow_v1 {
    tb_str name;
    tb_str authorize_url;
    tb_str device_url;
    tb_str token_url;
    tb_str revoke_url;
    tb_str scopes;
    tb_str scheme;
    uint32_t kind;
    uint32_t flags;
} tb_oauth_flow_v1;
typedef struct tb_oauth_v1 {
    const tb_oauth_flow_v1 *flows;
    size_t count;
} tb_oauth_v1;
#define TB_EXT_PIPE "timmy.pipe/1"
#define TB_PIPE_BYTES 2u
#define TB_PIPE_PCM_S16_48K_STEREO 3u
#define TB_PIPE_OPUS_PACKETS 4u
typedef struct tb_host_pipe_v1 {
    tb_status (*create)(const tb_host_v1 *host, uint32_t kind, uint64_t capacity, uint64_t *out_pipe);
    int64_t (*write)(const tb_host_v1 *host, uint64_t pipe, const uint8_t *bytes, size_t count);
    void (*finish)(const tb_host_v1 *host, uint64_t pipe, tb_status status);
} tb_host_pipe_v1;
#define TB_EXT_PLAYER "timmy.player/1"
#define TB_PLAY_APPEND 0u
#define TB_PLAY_NEXT 1u
#define TB_PLAY_NOW 2u
#define TB_PLAYER_SKIP 1u
#define TB_PLAYER_PREVIOUS 2u
#define TB_PLAYER_STOP 3u
#define TB_PLAYER_PAUSE 4u
#define TB_PLAYER_RESUME 5u
#define TB_PLAYER_SEEK_TO 6u
#define TB_PLAYER_SEEK_BY 7u
#define TB_PLAYER_VOLUME 8u
#define TB_PLAYER_LOOP 9u
#define TB_PLAYER_SHUFFLE 10u
#define TB_PLAYER_REMOVE 11u
#define TB_PLAYER_MOVE 12u
#define TB_PLAYER_CLEAR 13u
typedef struct tb_player_state_v1 {
    uint32_t playing;
    uint32_t paused;
    uint32_t volume;
    uint32_t loop;
    tb_track_v1 current;
    uint64_t position_ms;
    uint64_t requested_by;
    uint64_t voice_channel;
    tb_str filter;
    const tb_track_v1 *queue;
    size_t queue_page_count;
    uint64_t queue_first;
    uint64_t queue_length;
    uint64_t queue_duration_ms;
    uint64_t history_count;
} tb_player_state_v1;
typedef struct tb_player_result_v1 {
    const tb_error_v1 *error;
    const tb_player_state_v1 *state;
    const tb_track_v1 *tracks;
    size_t track_count;
    uint32_t place;
    uint32_t flags;
} tb_player_result_v1;
typedef void (*tb_player_done)(void *context, const tb_player_result_v1 *result);
typedef struct tb_host_player_v1 {
    tb_status (*play)(const tb_host_v1 *host, const tb_invocation_v1 *call, tb_str query, uint32_t mode,
                      tb_player_done done, void *context);
    tb_status (*control)(const tb_host_v1 *host, const tb_invocation_v1 *call, uint32_t action, int64_t a, int64_t b,
                         tb_player_done done, void *context);
    tb_status (*set_filter)(const tb_host_v1 *host, const tb_invocation_v1 *call, tb_str name, tb_player_done done,
                            void *context);
    tb_status (*snapshot)(const tb_host_v1 *host, const tb_invocation_v1 *call, uint64_t first, uint32_t count,
                          tb_player_done done, void *context);
} tb_host_player_v1;
#define TB_EXT_PROBE "timmy.probe/1"
typedef struct tb_probe_result_v1 {
    const tb_error_v1 *error;
    int64_t duration_ms;
    tb_str codec;
    tb_str title;
    tb_str artist;
    tb_str album;
    tb_str artwork_mime;
    const uint8_t *artwork;
    size_t artwork_count;
} tb_probe_result_v1;
typedef void (*tb_probe_done)(void *context, const tb_probe_result_v1 *result);
typedef struct tb_host_probe_v1 {
    tb_status (*probe)(const tb_host_v1 *host, int32_t descriptor, tb_probe_done done, void *context);
} tb_host_probe_v1;
#define TB_EXT_RECOMMEND "timmy.recommend/1"
typedef struct tb_recommend_v1 {
    tb_status (*recommend)(void *self, tb_task task, const tb_track_v1 *seeds, size_t count, uint32_t limit);
    void (*cancel)(void *self, tb_task task);
} tb_recommend_v1;
#define TB_EXT_REPLY "timmy.reply/1"
#define TB_REPLY_EPHEMERAL 1u
#define TB_REPLY_UPDATE 2u
typedef struct tb_attachment_v1 {
    tb_str name;
    tb_str mime;
    tb_bytes bytes;
} tb_attachment_v1;
typedef struct tb_message_v1 {
    tb_str components_json;
    const tb_attachment_v1 *attachments;
    size_t attachment_count;
    uint32_t flags;
    uint32_t zero;
} tb_message_v1;
typedef struct tb_host_reply_v1 {
    tb_status (*defer)(const tb_host_v1 *host, tb_task task, uint32_t flags);
    tb_status (*send)(const tb_host_v1 *host, tb_task task, const tb_message_v1 *message);
    tb_status (*modal)(const tb_host_v1 *host, tb_task task, tb_str modal_json);
    tb_status (*edit)(const tb_host_v1 *host, tb_task task, const tb_message_v1 *message);
    tb_status (*follow_up)(const tb_host_v1 *host, tb_task task, const tb_message_v1 *message);
    tb_status (*choices)(const tb_host_v1 *host, tb_task task, const tb_choice_v1 *choices, size_t count);
} tb_host_reply_v1;
#define TB_EXT_SEARCH "timmy.search/1"
typedef struct tb_search_result_v1 {
    const tb_error_v1 *error;
    const tb_track_v1 *tracks;
    const tb_str *sources;
    size_t count;
} tb_search_result_v1;
typedef void (*tb_search_done)(void *context, const tb_search_result_v1 *result);
typedef struct tb_host_search_v1 {
    tb_status (*search)(const tb_host_v1 *host, const tb_invocation_v1 *call, tb_str query, uint32_t limit,
                        tb_search_done done, void *context);
} tb_host_search_v1;
#define TB_EXT_SETTINGS "timmy.settings/1"
typedef struct tb_setting_v1 {
    tb_str key;
    tb_str value;
} tb_setting_v1;
typedef struct tb_settings_result_v1 {
    const tb_error_v1 *error;
    const tb_setting_v1 *settings;
    size_t count;
} tb_settings_result_v1;
typedef void (*tb_settings_done)(void *context, const tb_settings_result_v1 *result);
typedef struct tb_host_settings_v1 {
    tb_status (*all)(const tb_host_v1 *host, uint64_t guild, tb_settings_done done, void *context);
    tb_status (*set)(const tb_host_v1 *host, uint64_t guild, tb_str key, tb_str value, tb_settings_done done,
                     void *context);
} tb_host_settings_v1;
#define TB_EXT_STORE "timmy.store/1"
typedef struct tb_store_result_v1 {
    const tb_error_v1 *error;
    tb_bytes value;
    const tb_str *keys;
    size_t key_count;
    uint32_t found;
    uint32_t zero;
} tb_store_result_v1;
typedef void (*tb_store_done)(void *context, const tb_store_result_v1 *result);
typedef struct tb_host_store_v1 {
    tb_status (*get)(const tb_host_v1 *host, tb_str key, tb_store_done done, void *context);
    tb_status (*set)(const tb_host_v1 *host, tb_str key, tb_bytes value, tb_store_done done, void *context);
    tb_status (*remove)(const tb_host_v1 *host, tb_str key, tb_store_done done, void *context);
    tb_status (*keys)(const tb_host_v1 *host, tb_str prefix, tb_store_done done, void *context);
} tb_host_store_v1;
#define TB_EXT_TASK "timmy.task/1"
typedef struct tb_host_task_v1 {
    tb_status (*fail)(const tb_host_v1 *host, tb_task task, const tb_error_v1 *error);
    tb_status (*progress)(const tb_host_v1 *host, tb_task task, tb_str note);
    bool (*is_cancelled)(const tb_host_v1 *host, tb_task task);
} tb_host_task_v1;
