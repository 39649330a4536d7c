// Made by sdk/tools/rust-bindings from sdk/include/timmybot/*.h. Do not edit: change the headers and make it anew.

use core::ffi::{c_char, c_void, CStr};

// ---- abi.h ----

/// 0 or a TB_E_*; open set: an unknown negative value means TB_E_INTERNAL
pub type tb_status = i32;

/// a number that the host made up; never a pointer, never reused, 0 is none
pub type tb_task = u64;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct tb_str {
    pub ptr: *const c_char,
    pub len: usize,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct tb_bytes {
    pub ptr: *const u8,
    pub len: usize,
}

pub const TB_OK: tb_status = 0;
/// the caller broke the contract; with a `user_text`: a person asked for what cannot be done
pub const TB_E_INVALID: tb_status = -1;
pub const TB_E_NOT_FOUND: tb_status = -2;
pub const TB_E_UNSUPPORTED: tb_status = -3;
/// private, removed, restricted
pub const TB_E_UNAVAILABLE: tb_status = -4;
pub const TB_E_AUTH: tb_status = -5;
pub const TB_E_RATE_LIMIT: tb_status = -6;
pub const TB_E_CANCELLED: tb_status = -7;
/// the task is over; harmless, stop working on it
pub const TB_E_STALE: tb_status = -8;
pub const TB_E_TIMEOUT: tb_status = -9;
pub const TB_E_IO: tb_status = -10;
/// a fault of the plugin, or of the host
pub const TB_E_INTERNAL: tb_status = -11;
/// A call that fails with TB_E_INTERNAL, with TB_E_INVALID and no `user_text`, or by its deadline speaks
/// against the plugin: five in a row, and the host lets it rest. No other failure does.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tb_error_v1 {
    pub code: tb_status,
    pub flags: u32,
    pub retry_after_ms: u32,
    pub zero: u32,
    /// may be shown to the user; empty for none
    pub user_text: tb_str,
    /// log only
    pub detail: tb_str,
}

/// "TMBH"
pub const TB_HOST_MAGIC: u32 = 0x48424d54;
/// "TMBP"
pub const TB_PLUGIN_MAGIC: u32 = 0x50424d54;
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tb_host_v1 {
    /// TB_HOST_MAGIC and sizeof: both must match exactly
    pub magic: u32,
    /// TB_HOST_MAGIC and sizeof: both must match exactly
    pub size: u32,
    pub host_data: *mut c_void,
    pub name: tb_str,
    pub version: tb_str,
    /// [any] A table that lives as long as the process, or NULL where the host does not offer it.
    pub get_extension: Option<unsafe extern "C" fn(host: *const tb_host_v1, id: *const c_char) -> *const c_void>,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct tb_plugin_v1 {
    /// TB_PLUGIN_MAGIC and sizeof
    pub magic: u32,
    /// TB_PLUGIN_MAGIC and sizeof
    pub size: u32,
    /// equal to the manifest's
    pub id: tb_str,
    /// equal to the manifest's
    pub version: tb_str,
    /// [lane] Fetch host extensions here. Where one is missing that the plugin cannot do without: log it and
    /// refuse.
    pub create: Option<unsafe extern "C" fn(host: *const tb_host_v1, config_json: tb_str, out_self: *mut *mut c_void) -> tb_status>,
    /// [lane] Take no new work; complete or fail every open task.
    pub stop: Option<unsafe extern "C" fn(this: *mut c_void)>,
    /// [lane] After stop, with no open task, every reader closed, and nothing of the host inside the plugin or owed
    /// to it. Where something does not come back, the instance is not destroyed.
    pub destroy: Option<unsafe extern "C" fn(this: *mut c_void)>,
    /// [any] Pure; static tables; works before create.
    pub get_extension: Option<unsafe extern "C" fn(id: *const c_char) -> *const c_void>,
}


// ---- account.h ----

pub const TB_EXT_ACCOUNT: &CStr = c"timmy.account/1";
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tb_account_result_v1 {
    /// TB_E_AUTH where the user has no account linked, with a text that says how to
    pub error: *const tb_error_v1,
    /// for tb_http_request_v1; good for an hour, and only for this plugin
    pub account: u64,
    /// that were granted, separated by spaces
    pub scopes: tb_str,
}

pub type tb_account_done = Option<unsafe extern "C" fn(context: *mut c_void, result: *const tb_account_result_v1)>;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct tb_host_account_v1 {
    /// [any] `flow` is a name of timmy.oauth/1. `user` is Discord's id; 0 for the bot's own (client credentials). A
    /// token that is about to run out is refreshed first.
    pub account: Option<unsafe extern "C" fn(host: *const tb_host_v1, flow: tb_str, user: u64, done: tb_account_done, context: *mut c_void) -> tb_status>,
}


// ---- clock.h ----

pub const TB_EXT_CLOCK: &CStr = c"timmy.clock/1";
pub type tb_timer_fn = Option<unsafe extern "C" fn(context: *mut c_void)>;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct tb_host_clock_v1 {
    /// [any] Milliseconds since 1970.
    pub unix_ms: Option<unsafe extern "C" fn(host: *const tb_host_v1) -> i64>,
    /// [any] Milliseconds on a clock that never jumps.
    pub monotonic_ms: Option<unsafe extern "C" fn(host: *const tb_host_v1) -> u64>,
    /// [any] Calls `fire` once on the lane, `delay_ms` from now (at most a day). At most 64 at once for each
    /// plugin.
    pub timer: Option<unsafe extern "C" fn(host: *const tb_host_v1, delay_ms: u64, fire: tb_timer_fn, context: *mut c_void, out_timer: *mut u64) -> tb_status>,
    /// [any] TB_OK: `fire` will not be called any more; so too of a timer that was set when the plugin's stop
    /// began, which takes them all away. TB_E_STALE: it has been, or is about to be.
    pub cancel: Option<unsafe extern "C" fn(host: *const tb_host_v1, timer: u64) -> tb_status>,
}


// ---- commands.h ----

pub const TB_EXT_COMMANDS: &CStr = c"timmy.commands/1";
/// const tb_str *: NULL where the user left it out
pub const TB_T_STR: i32 = 1;
/// int64_t
pub const TB_T_INT: i32 = 2;
/// double
pub const TB_T_NUM: i32 = 3;
/// int64_t, 0 or 1
pub const TB_T_BOOL: i32 = 4;
/// int64_t: the bits of a snowflake
pub const TB_T_ID: i32 = 5;
/// | INT, NUM, BOOL, ID: const int64_t * or const double *, NULL where left out; never | STR
pub const TB_T_OPT: i32 = 0x80;
pub const TB_PARAM_AUTOCOMPLETE: u32 = 1;
/// for TB_T_STR; the others say it by TB_T_OPT
pub const TB_PARAM_OPTIONAL: u32 = 2;
/// `min` and `max` count: of the number, or of the text's length in characters
pub const TB_PARAM_BOUNDED: u32 = 4;
/// TB_T_ID: whose id it is; with both, a user or a role
pub const TB_PARAM_USER: u32 = 8;
pub const TB_PARAM_ROLE: u32 = 16;
pub const TB_PARAM_CHANNEL: u32 = 32;
/// only the caller sees the answer, also while it is deferred
pub const TB_COMMAND_PRIVATE: u32 = 1;
/// only who runs the bot may call it
pub const TB_COMMAND_OWNER: u32 = 2;
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tb_choice_v1 {
    /// up to 100 characters each; for integers the value is their decimal text
    pub name: tb_str,
    /// up to 100 characters each; for integers the value is their decimal text
    pub value: tb_str,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct tb_param_v1 {
    pub name: tb_str,
    pub text: tb_str,
    pub r#type: i32,
    pub flags: u32,
    pub min: i64,
    pub max: i64,
    pub choices: *const tb_choice_v1,
    pub choice_count: usize,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct tb_invocation_v1 {
    pub guild: u64,
    pub channel: u64,
    pub user: u64,
    /// where the user is, 0 for nowhere
    pub voice_channel: u64,
    /// the user's, in the channel: Discord's bits
    pub permissions: u64,
    /// TB_CALL_*
    pub flags: u32,
    /// TB_CALL_*
    pub zero: u32,
    /// of the user, as Discord names it: "en-GB"
    pub locale: tb_str,
    /// name of the command, or the custom_id of a component or modal
    pub command: tb_str,
}

/// the user runs the bot
pub const TB_CALL_OWNER: u32 = 1;
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tb_value_v1 {
    pub r#type: i32,
    pub present: u32,
    pub i: i64,
    pub f: f64,
    pub s: tb_str,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct tb_field_v1 {
    pub custom_id: tb_str,
    /// what was typed; of a select the chosen values, a line each
    pub value: tb_str,
}

pub type tb_fn = Option<unsafe extern "C" fn()>;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct tb_command_v1 {
    pub name: tb_str,
    pub text: tb_str,
    /// Discord's bits that a member needs by default, 0 for everybody
    pub permissions: u64,
    pub flags: u32,
    pub param_count: u32,
    pub params: *const tb_param_v1,
    /// [lane] tb_status fn(void *self, tb_task, const tb_invocation_v1 *, one pointer, int64_t or double a
    /// parameter)
    pub handler: tb_fn,
    /// [lane] Used where `handler` is NULL: one value a parameter, in order.
    pub invoke: Option<unsafe extern "C" fn(this: *mut c_void, task: tb_task, call: *const tb_invocation_v1, values: *const tb_value_v1, count: usize) -> tb_status>,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct tb_commands_v1 {
    pub items: *const tb_command_v1,
    pub count: usize,
    /// [lane] Suggestions for `option`, of which the user typed `text`; settled by timmy.reply/1 choices. NULL for
    /// none.
    pub autocomplete: Option<unsafe extern "C" fn(this: *mut c_void, task: tb_task, call: *const tb_invocation_v1, option: tb_str, text: tb_str) -> tb_status>,
    /// [lane] A button or select of this plugin's messages; `call->command` is its custom_id without the host's
    /// prefix. NULL for none.
    pub component: Option<unsafe extern "C" fn(this: *mut c_void, task: tb_task, call: *const tb_invocation_v1, values: *const tb_str, count: usize) -> tb_status>,
    /// [lane] A modal of this plugin was sent off; `call->command` is its custom_id. NULL for none.
    pub modal: Option<unsafe extern "C" fn(this: *mut c_void, task: tb_task, call: *const tb_invocation_v1, fields: *const tb_field_v1, count: usize) -> tb_status>,
    /// [any] a hint
    pub cancel: Option<unsafe extern "C" fn(this: *mut c_void, task: tb_task)>,
}

pub const TB_F_STR: u32 = 0;
pub const TB_F_INT: u32 = 0;
pub const TB_F_OPT_INT: u32 = 0;
pub const TB_F_NUM: u32 = 0;
pub const TB_F_OPT_NUM: u32 = 0;
pub const TB_F_BOOL: u32 = 0;
pub const TB_F_OPT_BOOL: u32 = 0;

// ---- health.h ----

pub const TB_EXT_HEALTH: &CStr = c"timmy.health/1";
pub const TB_EXT_HEALTH_HOST: &CStr = c"timmy.health.host/1";
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tb_health_v1 {
    /// [lane] Asked now and then, and by `timmybot doctor`. Settled by `healthy`, or failed with what is wrong.
    pub check: Option<unsafe extern "C" fn(this: *mut c_void, task: tb_task) -> tb_status>,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct tb_host_health_v1 {
    /// [any] `note` of up to 200 bytes for the operator, or empty.
    pub healthy: Option<unsafe extern "C" fn(host: *const tb_host_v1, task: tb_task, note: tb_str) -> tb_status>,
}


// ---- http.h ----

pub const TB_EXT_HTTP: &CStr = c"timmy.http/1";
/// a 3xx is an answer like any other
pub const TB_HTTP_NO_REDIRECT: u32 = 1;
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tb_header_v1 {
    pub name: tb_str,
    pub value: tb_str,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct tb_http_request_v1 {
    /// empty for GET
    pub method: tb_str,
    /// up to 4096 bytes
    pub url: tb_str,
    /// up to 64; Host, Connection, Content-Length and the like are the host's own
    pub headers: *const tb_header_v1,
    pub header_count: usize,
    /// up to 1 MiB
    pub body: tb_bytes,
    /// bytes of the answer's body; 0 for 4 MiB, for `fetch` at most 16 MiB
    pub limit: u64,
    /// a handle of timmy.account/1: the host adds its Authorization; 0 for none
    pub account: u64,
    /// for the head and, with `fetch`, the body; 0 for 15 s, at most 60 s
    pub timeout_ms: u32,
    pub flags: u32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct tb_http_response_v1 {
    /// NULL where the server answered, whatever it answered
    pub error: *const tb_error_v1,
    /// after redirects
    pub url: tb_str,
    /// names in lower case
    pub headers: *const tb_header_v1,
    pub header_count: usize,
    /// empty for `stream`
    pub body: tb_bytes,
    /// for `stream`: the number that `read` and `close` take
    pub stream: u64,
    pub status: u32,
    pub zero: u32,
}

pub type tb_http_done = Option<unsafe extern "C" fn(context: *mut c_void, response: *const tb_http_response_v1)>;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct tb_host_http_v1 {
    /// [any] Answers with the whole body; a longer one than `limit` is TB_E_IO.
    pub fetch: Option<unsafe extern "C" fn(host: *const tb_host_v1, request: *const tb_http_request_v1, done: tb_http_done, context: *mut c_void) -> tb_status>,
    /// [any] Answers with the head; the plugin then reads the body and closes it. At most 16 open for each plugin.
    pub stream: Option<unsafe extern "C" fn(host: *const tb_host_v1, request: *const tb_http_request_v1, done: tb_http_done, context: *mut c_void) -> tb_status>,
    /// [lane] [reader] Blocks until there is something: bytes, 0 at the end, or a TB_E_*.
    pub read: Option<unsafe extern "C" fn(host: *const tb_host_v1, stream: u64, buffer: *mut u8, capacity: usize) -> i64>,
    /// [any] A blocked `read` returns TB_E_CANCELLED. Closing twice is harmless.
    pub close: Option<unsafe extern "C" fn(host: *const tb_host_v1, stream: u64)>,
}


// ---- source.h ----

pub const TB_EXT_SOURCE: &CStr = c"timmy.source/1";
pub const TB_EXT_SOURCE_HOST: &CStr = c"timmy.source.host/1";
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tb_track_v1 {
    /// the source's own name for the track, up to 1024 bytes
    pub key: tb_str,
    pub title: tb_str,
    pub artist: tb_str,
    pub album: tb_str,
    /// ISO 3901 without hyphens, empty where it is not known
    pub isrc: tb_str,
    /// https, for people
    pub page_url: tb_str,
    /// https; the host fetches it under the rules of timmy.http/1
    pub artwork_url: tb_str,
    /// 0 where it is not known
    pub duration_ms: i64,
    pub flags: u32,
    pub zero: u32,
}

pub const TB_TRACK_LIVE: u32 = 1;
/// `artwork` answers with a picture
pub const TB_TRACK_ARTWORK: u32 = 2;
/// PULL: the host owns the buffer, so back-pressure and lifetime come for free.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tb_reader_v1 {
    pub ctx: *mut c_void,
    /// [reader] bytes, 0 at the end, or a TB_E_*
    pub read: Option<unsafe extern "C" fn(ctx: *mut c_void, buffer: *mut u8, capacity: usize) -> i64>,
    /// [reader] NULL where it cannot. `offset` from the beginning: in bytes, of TB_MEDIA_OPUS_PACKETS in packets.
    pub seek: Option<unsafe extern "C" fn(ctx: *mut c_void, offset: u64) -> tb_status>,
    /// [any] a blocked read returns within 100 ms
    pub interrupt: Option<unsafe extern "C" fn(ctx: *mut c_void)>,
    /// [reader] exactly once, last
    pub close: Option<unsafe extern "C" fn(ctx: *mut c_void)>,
}

/// the host fetches `url` with `headers`, under the rules of timmy.http/1
pub const TB_MEDIA_URL: u32 = 1;
/// `reader` yields a container; `mime` is a hint
pub const TB_MEDIA_BYTES: u32 = 2;
/// `reader` yields little-endian samples, left and right in turn
pub const TB_MEDIA_PCM_S16_48K_STEREO: u32 = 3;
/// each read of `reader` is one Opus packet of 20 ms
pub const TB_MEDIA_OPUS_PACKETS: u32 = 4;
/// `handle` is an open, read-only descriptor that the host takes over
pub const TB_MEDIA_FD: u32 = 5;
/// `handle` is a pipe of timmy.pipe/1: for origins that push
pub const TB_MEDIA_PIPE: u32 = 6;
/// It begins at `start_ms`, not at the start of the track. Without this flag the host goes there itself, by
/// `seek` or by reading on.
pub const TB_MEDIA_STARTED: u32 = 1;
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tb_media_v1 {
    pub kind: u32,
    pub flags: u32,
    pub url: tb_str,
    pub mime: tb_str,
    pub headers: *const tb_header_v1,
    pub header_count: usize,
    /// -1 where it is not known
    pub byte_length: i64,
    pub handle: u64,
    pub reader: tb_reader_v1,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct tb_source_v1 {
    /// [any] Under 1 ms, no I/O: 0 is not mine, 100 is surely mine.
    pub r#match: Option<unsafe extern "C" fn(this: *mut c_void, input: tb_str) -> u32>,
    /// [lane] A search or an address; settled by `resolved`.
    pub resolve: Option<unsafe extern "C" fn(this: *mut c_void, task: tb_task, input: tb_str, limit: u32) -> tb_status>,
    /// [lane] Settled by `opened`.
    pub open: Option<unsafe extern "C" fn(this: *mut c_void, task: tb_task, key: tb_str, start_ms: u64) -> tb_status>,
    /// [lane] NULL where there are no pictures; settled by `artwork`.
    pub artwork: Option<unsafe extern "C" fn(this: *mut c_void, task: tb_task, key: tb_str) -> tb_status>,
    /// [any] A hint; the task must still be settled.
    pub cancel: Option<unsafe extern "C" fn(this: *mut c_void, task: tb_task)>,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct tb_host_source_v1 {
    /// [any] At most `limit` tracks count, and more than 1000 are TB_E_INVALID. A track without a key, or with a
    /// text that is not UTF-8 or longer than 2048 bytes, is left out; the others count.
    pub resolved: Option<unsafe extern "C" fn(host: *const tb_host_v1, task: tb_task, tracks: *const tb_track_v1, count: usize) -> tb_status>,
    /// [any] On TB_E_STALE the plugin keeps its reader or descriptor and closes it itself.
    pub opened: Option<unsafe extern "C" fn(host: *const tb_host_v1, task: tb_task, media: *const tb_media_v1) -> tb_status>,
    /// [any] A PNG or JPEG of up to 4 MiB.
    pub artwork: Option<unsafe extern "C" fn(host: *const tb_host_v1, task: tb_task, mime: tb_str, bytes: *const u8, count: usize) -> tb_status>,
}


// ---- history.h ----

pub const TB_EXT_HISTORY: &CStr = c"timmy.history/1";
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tb_played_v1 {
    /// the key is a token for `play` of timmy.player/1
    pub track: tb_track_v1,
    /// id of its plugin
    pub source: tb_str,
    /// 0 where nobody asked for it
    pub requested_by: u64,
    /// since 1970; 0 where it is not known
    pub played_at_ms: i64,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct tb_history_result_v1 {
    /// NULL where it worked
    pub error: *const tb_error_v1,
    pub played: *const tb_played_v1,
    pub count: usize,
}

pub type tb_history_done = Option<unsafe extern "C" fn(context: *mut c_void, result: *const tb_history_result_v1)>;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct tb_host_history_v1 {
    /// [any] `limit` 1 to 100, of the server that `call` came from.
    pub recent: Option<unsafe extern "C" fn(host: *const tb_host_v1, call: *const tb_invocation_v1, limit: u32, done: tb_history_done, context: *mut c_void) -> tb_status>,
}


// ---- log.h ----

pub const TB_EXT_LOG: &CStr = c"timmy.log/1";
pub const TB_LOG_DEBUG: i32 = 1;
pub const TB_LOG_INFO: i32 = 2;
pub const TB_LOG_WARNING: i32 = 3;
pub const TB_LOG_ERROR: i32 = 4;
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tb_host_log_v1 {
    /// [any] Cut after 4096 bytes, between two characters; control characters are replaced.
    pub log: Option<unsafe extern "C" fn(host: *const tb_host_v1, level: i32, message: tb_str)>,
}


// ---- lyrics.h ----

pub const TB_EXT_LYRICS: &CStr = c"timmy.lyrics/1";
pub const TB_EXT_LYRICS_HOST: &CStr = c"timmy.lyrics.host/1";
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tb_lyric_line_v1 {
    /// -1 where the lines have no times
    pub at_ms: i64,
    pub text: tb_str,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct tb_lyrics_found_v1 {
    /// up to 1000, in order
    pub lines: *const tb_lyric_line_v1,
    pub count: usize,
    /// whom to name
    pub credit: tb_str,
    pub page_url: tb_str,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct tb_lyrics_v1 {
    /// [lane] Settled by `found`, or failed with TB_E_NOT_FOUND.
    pub lyrics: Option<unsafe extern "C" fn(this: *mut c_void, task: tb_task, track: *const tb_track_v1) -> tb_status>,
    /// [any] A hint; the task must still be settled.
    pub cancel: Option<unsafe extern "C" fn(this: *mut c_void, task: tb_task)>,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct tb_host_lyrics_v1 {
    /// [any]
    pub found: Option<unsafe extern "C" fn(host: *const tb_host_v1, task: tb_task, lyrics: *const tb_lyrics_found_v1) -> tb_status>,
}


// ---- metrics.h ----

pub const TB_EXT_METRICS: &CStr = c"timmy.metrics/1";
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tb_host_metrics_v1 {
    /// [any] Adds to a counter; `amount` is not negative.
    pub count: Option<unsafe extern "C" fn(host: *const tb_host_v1, name: tb_str, amount: f64)>,
    /// [any] Sets a gauge.
    pub gauge: Option<unsafe extern "C" fn(host: *const tb_host_v1, name: tb_str, value: f64)>,
    /// [any] One observation of a distribution, in the unit that the name ends in (_seconds, _bytes).
    pub observe: Option<unsafe extern "C" fn(host: *const tb_host_v1, name: tb_str, value: f64)>,
}


// ---- oauth.h ----

pub const TB_EXT_OAUTH: &CStr = c"timmy.oauth/1";
/// RFC 8628
pub const TB_OAUTH_DEVICE_CODE: u32 = 1;
/// RFC 6749, section 4.1, always with PKCE (RFC 7636, S256)
pub const TB_OAUTH_AUTHORIZATION_CODE: u32 = 2;
/// RFC 6749, section 4.4: one account for the whole bot
pub const TB_OAUTH_CLIENT_CREDENTIALS: u32 = 3;
/// the client proves itself by HTTP Basic instead of in the body
pub const TB_OAUTH_BASIC: u32 = 1;
/// The client's id and secret are the operator's: "client_id" and "client_secret" in the plugin's
/// configuration.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tb_oauth_flow_v1 {
    /// a-z, 0-9 and -, up to 32 bytes
    pub name: tb_str,
    /// for authorization codes
    pub authorize_url: tb_str,
    /// for device codes
    pub device_url: tb_str,
    pub token_url: tb_str,
    /// empty where there is none
    pub revoke_url: tb_str,
    /// separated by spaces
    pub scopes: tb_str,
    /// of the Authorization header; empty for Bearer
    pub scheme: tb_str,
    pub kind: u32,
    pub flags: u32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct tb_oauth_v1 {
    /// up to 4; static
    pub flows: *const tb_oauth_flow_v1,
    pub count: usize,
}


// ---- pipe.h ----

pub const TB_EXT_PIPE: &CStr = c"timmy.pipe/1";
/// a container
pub const TB_PIPE_BYTES: u32 = 2;
pub const TB_PIPE_PCM_S16_48K_STEREO: u32 = 3;
/// each write is one packet of 20 ms, up to 1275 bytes
pub const TB_PIPE_OPUS_PACKETS: u32 = 4;
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tb_host_pipe_v1 {
    /// [any] `kind` is a TB_PIPE_*; `capacity` in bytes, 4 KiB to 4 MiB. At most 16 open for each plugin.
    pub create: Option<unsafe extern "C" fn(host: *const tb_host_v1, kind: u32, capacity: u64, out_pipe: *mut u64) -> tb_status>,
    /// [any] Never waits. Bytes that were taken, 0 where the pipe is full (they are the plugin's to drop or to
    /// keep), or TB_E_STALE where nobody listens any more.
    pub write: Option<unsafe extern "C" fn(host: *const tb_host_v1, pipe: u64, bytes: *const u8, count: usize) -> i64>,
    /// [any] No more will come; what is in the pipe is still played. `status` other than TB_OK: it broke off. Also
    /// of a pipe that `opened` did not take: it goes away then with all that is in it.
    pub finish: Option<unsafe extern "C" fn(host: *const tb_host_v1, pipe: u64, status: tb_status)>,
}


// ---- player.h ----

pub const TB_EXT_PLAYER: &CStr = c"timmy.player/1";
pub const TB_PLAY_APPEND: u32 = 0;
pub const TB_PLAY_NEXT: u32 = 1;
pub const TB_PLAY_NOW: u32 = 2;
/// a = how many
pub const TB_PLAYER_SKIP: u32 = 1;
pub const TB_PLAYER_PREVIOUS: u32 = 2;
pub const TB_PLAYER_STOP: u32 = 3;
pub const TB_PLAYER_PAUSE: u32 = 4;
pub const TB_PLAYER_RESUME: u32 = 5;
/// a = milliseconds
pub const TB_PLAYER_SEEK_TO: u32 = 6;
/// a = milliseconds, may be negative
pub const TB_PLAYER_SEEK_BY: u32 = 7;
/// a = percent, 0 to 200
pub const TB_PLAYER_VOLUME: u32 = 8;
/// a = 0 off, 1 track, 2 queue
pub const TB_PLAYER_LOOP: u32 = 9;
pub const TB_PLAYER_SHUFFLE: u32 = 10;
/// a = first place, b = last place, from 1
pub const TB_PLAYER_REMOVE: u32 = 11;
/// a = from place, b = to place, from 1
pub const TB_PLAYER_MOVE: u32 = 12;
pub const TB_PLAYER_CLEAR: u32 = 13;
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tb_player_state_v1 {
    /// 1 where `current` counts
    pub playing: u32,
    pub paused: u32,
    pub volume: u32,
    pub r#loop: u32,
    pub current: tb_track_v1,
    pub position_ms: u64,
    pub requested_by: u64,
    pub voice_channel: u64,
    pub filter: tb_str,
    /// the page that was asked for
    pub queue: *const tb_track_v1,
    pub queue_page_count: usize,
    pub queue_first: u64,
    pub queue_length: u64,
    pub queue_duration_ms: u64,
    pub history_count: u64,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct tb_player_result_v1 {
    /// NULL where it worked
    pub error: *const tb_error_v1,
    /// NULL after an error
    pub state: *const tb_player_state_v1,
    /// added by `play`
    pub tracks: *const tb_track_v1,
    pub track_count: usize,
    /// of the first added track in the queue, 0 where it plays at once
    pub place: u32,
    pub flags: u32,
}

/// [any] Called exactly once where the request answers TB_OK, possibly before that returns. What it is given
/// lives until it returns.
pub type tb_player_done = Option<unsafe extern "C" fn(context: *mut c_void, result: *const tb_player_result_v1)>;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct tb_host_player_v1 {
    /// [any] `query` (1 to 2048 bytes) is what the user typed, an address, or a token of timmy.search/1.
    pub play: Option<unsafe extern "C" fn(host: *const tb_host_v1, call: *const tb_invocation_v1, query: tb_str, mode: u32, done: tb_player_done, context: *mut c_void) -> tb_status>,
    /// [any] `action` is a TB_PLAYER_*.
    pub control: Option<unsafe extern "C" fn(host: *const tb_host_v1, call: *const tb_invocation_v1, action: u32, a: i64, b: i64, done: tb_player_done, context: *mut c_void) -> tb_status>,
    /// [any] An empty name takes the filter away.
    pub set_filter: Option<unsafe extern "C" fn(host: *const tb_host_v1, call: *const tb_invocation_v1, name: tb_str, done: tb_player_done, context: *mut c_void) -> tb_status>,
    /// [any] State with `count` tracks of the queue from `first` (0 is the next one).
    pub snapshot: Option<unsafe extern "C" fn(host: *const tb_host_v1, call: *const tb_invocation_v1, first: u64, count: u32, done: tb_player_done, context: *mut c_void) -> tb_status>,
}


// ---- probe.h ----

pub const TB_EXT_PROBE: &CStr = c"timmy.probe/1";
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tb_probe_result_v1 {
    /// NULL where it worked
    pub error: *const tb_error_v1,
    /// 0 where it is not known
    pub duration_ms: i64,
    pub codec: tb_str,
    pub title: tb_str,
    pub artist: tb_str,
    pub album: tb_str,
    pub artwork_mime: tb_str,
    pub artwork: *const u8,
    pub artwork_count: usize,
}

pub type tb_probe_done = Option<unsafe extern "C" fn(context: *mut c_void, result: *const tb_probe_result_v1)>;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct tb_host_probe_v1 {
    /// [any] Takes over the descriptor where it answers TB_OK; `done` is then called exactly once, from any thread.
    pub probe: Option<unsafe extern "C" fn(host: *const tb_host_v1, descriptor: i32, done: tb_probe_done, context: *mut c_void) -> tb_status>,
}


// ---- recommend.h ----

pub const TB_EXT_RECOMMEND: &CStr = c"timmy.recommend/1";
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tb_recommend_v1 {
    /// [lane] Tracks that go with the `count` (1 to 5) seeds, newest first, each from any source. Only tracks that
    /// this plugin's own timmy.source/1 can open count; a plugin without one is asked for titles, which the host
    /// then looks up.
    pub recommend: Option<unsafe extern "C" fn(this: *mut c_void, task: tb_task, seeds: *const tb_track_v1, count: usize, limit: u32) -> tb_status>,
    /// [any] A hint; the task must still be settled.
    pub cancel: Option<unsafe extern "C" fn(this: *mut c_void, task: tb_task)>,
}


// ---- reply.h ----

pub const TB_EXT_REPLY: &CStr = c"timmy.reply/1";
/// only the caller sees it
pub const TB_REPLY_EPHEMERAL: u32 = 1;
/// for components: change the message that the component is on
pub const TB_REPLY_UPDATE: u32 = 2;
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tb_attachment_v1 {
    pub name: tb_str,
    pub mime: tb_str,
    /// up to 8 MiB
    pub bytes: tb_bytes,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct tb_message_v1 {
    pub components_json: tb_str,
    /// up to 10
    pub attachments: *const tb_attachment_v1,
    pub attachment_count: usize,
    pub flags: u32,
    pub zero: u32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct tb_host_reply_v1 {
    /// [any] Shows that the bot is at work; `send` follows. The host does it by itself after 2 s. `flags` as in a
    /// message.
    pub defer: Option<unsafe extern "C" fn(host: *const tb_host_v1, task: tb_task, flags: u32) -> tb_status>,
    /// [any] Settles the task. TB_E_INVALID, and the task stays open, where Discord would not take the message.
    pub send: Option<unsafe extern "C" fn(host: *const tb_host_v1, task: tb_task, message: *const tb_message_v1) -> tb_status>,
    /// [any] Settles the task of a command or component: a modal, as Discord's JSON object (title, custom_id,
    /// components). Its answers come to `modal` of timmy.commands/1. Not after `defer`, and within 2 s.
    pub modal: Option<unsafe extern "C" fn(host: *const tb_host_v1, task: tb_task, modal_json: tb_str) -> tb_status>,
    /// [any] Changes the answer after `send`, as often as Discord allows; TB_E_STALE 15 minutes after the call.
    pub edit: Option<unsafe extern "C" fn(host: *const tb_host_v1, task: tb_task, message: *const tb_message_v1) -> tb_status>,
    /// [any] One more message after `send`, at most 5 for each call and then TB_E_RATE_LIMIT; TB_E_STALE 15 minutes
    /// after the call.
    pub follow_up: Option<unsafe extern "C" fn(host: *const tb_host_v1, task: tb_task, message: *const tb_message_v1) -> tb_status>,
    /// [any] Settles an autocomplete task; at most 25 count.
    pub choices: Option<unsafe extern "C" fn(host: *const tb_host_v1, task: tb_task, choices: *const tb_choice_v1, count: usize) -> tb_status>,
}


// ---- search.h ----

pub const TB_EXT_SEARCH: &CStr = c"timmy.search/1";
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tb_search_result_v1 {
    /// NULL where at least one source answered
    pub error: *const tb_error_v1,
    /// best first; the key is a token for `play` of timmy.player/1, good for 15 minutes
    pub tracks: *const tb_track_v1,
    /// for each track the id of its plugin
    pub sources: *const tb_str,
    pub count: usize,
}

pub type tb_search_done = Option<unsafe extern "C" fn(context: *mut c_void, result: *const tb_search_result_v1)>;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct tb_host_search_v1 {
    /// [any] `query` up to 2048 bytes, `limit` 1 to 100, else TB_E_INVALID. Slow sources are left out after 2 s.
    pub search: Option<unsafe extern "C" fn(host: *const tb_host_v1, call: *const tb_invocation_v1, query: tb_str, limit: u32, done: tb_search_done, context: *mut c_void) -> tb_status>,
}


// ---- settings.h ----

pub const TB_EXT_SETTINGS: &CStr = c"timmy.settings/1";
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tb_setting_v1 {
    pub key: tb_str,
    pub value: tb_str,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct tb_settings_result_v1 {
    /// NULL where it worked
    pub error: *const tb_error_v1,
    /// all of the server, sorted by key
    pub settings: *const tb_setting_v1,
    pub count: usize,
}

pub type tb_settings_done = Option<unsafe extern "C" fn(context: *mut c_void, result: *const tb_settings_result_v1)>;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct tb_host_settings_v1 {
    /// [any]
    pub all: Option<unsafe extern "C" fn(host: *const tb_host_v1, guild: u64, done: tb_settings_done, context: *mut c_void) -> tb_status>,
    /// [any] An empty value takes the setting away. On the disk before `done`, which is given all that is set then.
    pub set: Option<unsafe extern "C" fn(host: *const tb_host_v1, guild: u64, key: tb_str, value: tb_str, done: tb_settings_done, context: *mut c_void) -> tb_status>,
}


// ---- store.h ----

pub const TB_EXT_STORE: &CStr = c"timmy.store/1";
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tb_store_result_v1 {
    /// NULL where it worked
    pub error: *const tb_error_v1,
    /// for `get`
    pub value: tb_bytes,
    /// for `keys`, sorted
    pub keys: *const tb_str,
    pub key_count: usize,
    /// 1 where the key was there
    pub found: u32,
    /// 1 where the key was there
    pub zero: u32,
}

pub type tb_store_done = Option<unsafe extern "C" fn(context: *mut c_void, result: *const tb_store_result_v1)>;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct tb_host_store_v1 {
    /// [any]
    pub get: Option<unsafe extern "C" fn(host: *const tb_host_v1, key: tb_str, done: tb_store_done, context: *mut c_void) -> tb_status>,
    /// [any] On the disk before `done`. TB_E_RATE_LIMIT where the quota is used up.
    pub set: Option<unsafe extern "C" fn(host: *const tb_host_v1, key: tb_str, value: tb_bytes, done: tb_store_done, context: *mut c_void) -> tb_status>,
    /// [any]
    pub remove: Option<unsafe extern "C" fn(host: *const tb_host_v1, key: tb_str, done: tb_store_done, context: *mut c_void) -> tb_status>,
    /// [any] Keys that begin with `prefix`.
    pub keys: Option<unsafe extern "C" fn(host: *const tb_host_v1, prefix: tb_str, done: tb_store_done, context: *mut c_void) -> tb_status>,
}


// ---- task.h ----

pub const TB_EXT_TASK: &CStr = c"timmy.task/1";
/// Every task that a plugin accepts (by answering TB_OK) is settled exactly once, also after it was cancelled.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tb_host_task_v1 {
    /// [any] TB_E_STALE where the task was settled already or ran out of time.
    pub fail: Option<unsafe extern "C" fn(host: *const tb_host_v1, task: tb_task, error: *const tb_error_v1) -> tb_status>,
    /// [any] What it is at, up to 200 bytes, for whoever waits: a command's caller sees it in the deferred answer.
    pub progress: Option<unsafe extern "C" fn(host: *const tb_host_v1, task: tb_task, note: tb_str) -> tb_status>,
    /// [any] True as well where the task is over.
    pub is_cancelled: Option<unsafe extern "C" fn(host: *const tb_host_v1, task: tb_task) -> bool>,
}


// Plain data. What is static in a plugin is never changed, and what the host lends is changed by nobody meanwhile.
unsafe impl Sync for tb_str {}
unsafe impl Sync for tb_bytes {}
unsafe impl Sync for tb_error_v1 {}
unsafe impl Sync for tb_host_v1 {}
unsafe impl Sync for tb_plugin_v1 {}
unsafe impl Sync for tb_account_result_v1 {}
unsafe impl Sync for tb_host_account_v1 {}
unsafe impl Sync for tb_host_clock_v1 {}
unsafe impl Sync for tb_choice_v1 {}
unsafe impl Sync for tb_param_v1 {}
unsafe impl Sync for tb_invocation_v1 {}
unsafe impl Sync for tb_value_v1 {}
unsafe impl Sync for tb_field_v1 {}
unsafe impl Sync for tb_command_v1 {}
unsafe impl Sync for tb_commands_v1 {}
unsafe impl Sync for tb_health_v1 {}
unsafe impl Sync for tb_host_health_v1 {}
unsafe impl Sync for tb_header_v1 {}
unsafe impl Sync for tb_http_request_v1 {}
unsafe impl Sync for tb_http_response_v1 {}
unsafe impl Sync for tb_host_http_v1 {}
unsafe impl Sync for tb_track_v1 {}
unsafe impl Sync for tb_reader_v1 {}
unsafe impl Sync for tb_media_v1 {}
unsafe impl Sync for tb_source_v1 {}
unsafe impl Sync for tb_host_source_v1 {}
unsafe impl Sync for tb_played_v1 {}
unsafe impl Sync for tb_history_result_v1 {}
unsafe impl Sync for tb_host_history_v1 {}
unsafe impl Sync for tb_host_log_v1 {}
unsafe impl Sync for tb_lyric_line_v1 {}
unsafe impl Sync for tb_lyrics_found_v1 {}
unsafe impl Sync for tb_lyrics_v1 {}
unsafe impl Sync for tb_host_lyrics_v1 {}
unsafe impl Sync for tb_host_metrics_v1 {}
unsafe impl Sync for tb_oauth_flow_v1 {}
unsafe impl Sync for tb_oauth_v1 {}
unsafe impl Sync for tb_host_pipe_v1 {}
unsafe impl Sync for tb_player_state_v1 {}
unsafe impl Sync for tb_player_result_v1 {}
unsafe impl Sync for tb_host_player_v1 {}
unsafe impl Sync for tb_probe_result_v1 {}
unsafe impl Sync for tb_host_probe_v1 {}
unsafe impl Sync for tb_recommend_v1 {}
unsafe impl Sync for tb_attachment_v1 {}
unsafe impl Sync for tb_message_v1 {}
unsafe impl Sync for tb_host_reply_v1 {}
unsafe impl Sync for tb_search_result_v1 {}
unsafe impl Sync for tb_host_search_v1 {}
unsafe impl Sync for tb_setting_v1 {}
unsafe impl Sync for tb_settings_result_v1 {}
unsafe impl Sync for tb_host_settings_v1 {}
unsafe impl Sync for tb_store_result_v1 {}
unsafe impl Sync for tb_host_store_v1 {}
unsafe impl Sync for tb_host_task_v1 {}

/// Size of each struct, and offset and size of each field, as `sdk/tools/layout` prints them.
pub fn layout() -> String {
    let mut text = String::new();
    macro_rules! layout_of {
        ($name:ident, $($field:ident),*) => {
            text += &format!("{} {}\n", stringify!($name), size_of::<$name>());
            $(text += &format!("  {} {} {}\n", stringify!($field).trim_start_matches("r#"),
                core::mem::offset_of!($name, $field), size_of_field(|s: *const $name| unsafe { &raw const (*s).$field }));)*
        };
    }
    layout_of!(tb_str, ptr, len);
    layout_of!(tb_bytes, ptr, len);
    layout_of!(tb_error_v1, code, flags, retry_after_ms, zero, user_text, detail);
    layout_of!(tb_host_v1, magic, size, host_data, name, version, get_extension);
    layout_of!(tb_plugin_v1, magic, size, id, version, create, stop, destroy, get_extension);
    layout_of!(tb_account_result_v1, error, account, scopes);
    layout_of!(tb_host_account_v1, account);
    layout_of!(tb_host_clock_v1, unix_ms, monotonic_ms, timer, cancel);
    layout_of!(tb_choice_v1, name, value);
    layout_of!(tb_param_v1, name, text, r#type, flags, min, max, choices, choice_count);
    layout_of!(tb_invocation_v1, guild, channel, user, voice_channel, permissions, flags, zero, locale, command);
    layout_of!(tb_value_v1, r#type, present, i, f, s);
    layout_of!(tb_field_v1, custom_id, value);
    layout_of!(tb_command_v1, name, text, permissions, flags, param_count, params, handler, invoke);
    layout_of!(tb_commands_v1, items, count, autocomplete, component, modal, cancel);
    layout_of!(tb_health_v1, check);
    layout_of!(tb_host_health_v1, healthy);
    layout_of!(tb_header_v1, name, value);
    layout_of!(tb_http_request_v1, method, url, headers, header_count, body, limit, account, timeout_ms, flags);
    layout_of!(tb_http_response_v1, error, url, headers, header_count, body, stream, status, zero);
    layout_of!(tb_host_http_v1, fetch, stream, read, close);
    layout_of!(tb_track_v1, key, title, artist, album, isrc, page_url, artwork_url, duration_ms, flags, zero);
    layout_of!(tb_reader_v1, ctx, read, seek, interrupt, close);
    layout_of!(tb_media_v1, kind, flags, url, mime, headers, header_count, byte_length, handle, reader);
    layout_of!(tb_source_v1, r#match, resolve, open, artwork, cancel);
    layout_of!(tb_host_source_v1, resolved, opened, artwork);
    layout_of!(tb_played_v1, track, source, requested_by, played_at_ms);
    layout_of!(tb_history_result_v1, error, played, count);
    layout_of!(tb_host_history_v1, recent);
    layout_of!(tb_host_log_v1, log);
    layout_of!(tb_lyric_line_v1, at_ms, text);
    layout_of!(tb_lyrics_found_v1, lines, count, credit, page_url);
    layout_of!(tb_lyrics_v1, lyrics, cancel);
    layout_of!(tb_host_lyrics_v1, found);
    layout_of!(tb_host_metrics_v1, count, gauge, observe);
    layout_of!(tb_oauth_flow_v1, name, authorize_url, device_url, token_url, revoke_url, scopes, scheme, kind, flags);
    layout_of!(tb_oauth_v1, flows, count);
    layout_of!(tb_host_pipe_v1, create, write, finish);
    layout_of!(tb_player_state_v1, playing, paused, volume, r#loop, current, position_ms, requested_by, voice_channel, filter, queue, queue_page_count, queue_first, queue_length, queue_duration_ms, history_count);
    layout_of!(tb_player_result_v1, error, state, tracks, track_count, place, flags);
    layout_of!(tb_host_player_v1, play, control, set_filter, snapshot);
    layout_of!(tb_probe_result_v1, error, duration_ms, codec, title, artist, album, artwork_mime, artwork, artwork_count);
    layout_of!(tb_host_probe_v1, probe);
    layout_of!(tb_recommend_v1, recommend, cancel);
    layout_of!(tb_attachment_v1, name, mime, bytes);
    layout_of!(tb_message_v1, components_json, attachments, attachment_count, flags, zero);
    layout_of!(tb_host_reply_v1, defer, send, modal, edit, follow_up, choices);
    layout_of!(tb_search_result_v1, error, tracks, sources, count);
    layout_of!(tb_host_search_v1, search);
    layout_of!(tb_setting_v1, key, value);
    layout_of!(tb_settings_result_v1, error, settings, count);
    layout_of!(tb_host_settings_v1, all, set);
    layout_of!(tb_store_result_v1, error, value, keys, key_count, found, zero);
    layout_of!(tb_host_store_v1, get, set, remove, keys);
    layout_of!(tb_host_task_v1, fail, progress, is_cancelled);
    text
}

fn size_of_field<S, F>(_: impl Fn(*const S) -> *const F) -> usize {
    size_of::<F>()
}
