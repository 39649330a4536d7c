//! {{NAME}}: a command, /{{COMMAND}}, and a source: "/play {{COMMAND}}: 440" plays a tone of 440 Hz.
//! Change what it does, keep how it does it: the comments in the SDK's include/timmybot/*.h are the contract. Every
//! function that the host calls runs in `guarded`, so that a panic never crosses the border.

/// The SDK's bindings, straight from where TIMMYBOT_SDK says (an absolute path).
#[allow(non_camel_case_types, dead_code)]
mod abi {
    include!(concat!(
        env!("TIMMYBOT_SDK", "set TIMMYBOT_SDK to the folder of the TimmyBot SDK, as an absolute path"),
        "/rust/timmybot-abi/src/abi.rs"
    ));
    include!(concat!(env!("TIMMYBOT_SDK"), "/rust/timmybot-abi/src/help.rs"));
}

use abi::*;
use core::ffi::{c_char, c_void, CStr};
use std::sync::atomic::{AtomicBool, Ordering};

const ID: &str = "{{ID}}";
const VERSION: &str = env!("CARGO_PKG_VERSION");
const PREFIX: &str = "{{COMMAND}}:";
/// Read from the file without running it. "hosts": what the plugin wants to reach over timmy.http/1; "examples": what
/// `timmybot plugin check` may search for.
const MANIFEST: &str = concat!(
    r#"{"id":"{{ID}}","version":""#,
    env!("CARGO_PKG_VERSION"),
    r#"","abi":1,"name":"{{NAME}}","#,
    r#""text":"Plays a tone","source":{"patterns":["{{COMMAND}}:"]},"examples":["{{COMMAND}}: 440"],"hosts":[]}"#
);

struct Plugin {
    host: *const tb_host_v1,
    tasks: &'static tb_host_task_v1,
    reply: &'static tb_host_reply_v1,
    source: &'static tb_host_source_v1,
}

impl Plugin {
    fn fail(&self, task: tb_task, user_text: &str) -> tb_status {
        let error = tb_error_v1::new(TB_E_INVALID, user_text, "");
        // TB_E_STALE is harmless: nobody waits any more.
        if let Some(fail) = self.tasks.fail {
            unsafe { fail(self.host, task, &error) };
        }
        TB_OK
    }

    fn resolve(&self, task: tb_task, input: &str, limit: u32) -> tb_status {
        let Some(frequency) = frequency_of(input.strip_prefix(PREFIX).unwrap_or(input)) else {
            return self.fail(task, "Say how high the tone is, from 20 to 2000 Hz: {{COMMAND}}: 440");
        };
        let (key, title) = (frequency.to_string(), format!("{frequency} Hz"));
        let found = track(&key, &title, "{{NAME}}", SECONDS as i64 * 1_000);
        if let Some(resolved) = self.source.resolved {
            unsafe { resolved(self.host, task, &found, limit.min(1) as usize) };
        }
        TB_OK
    }

    fn open(&self, task: tb_task, key: &str) -> tb_status {
        let Some(frequency) = frequency_of(key) else { return TB_E_NOT_FOUND };
        let tone =
            Box::into_raw(Box::new(Tone { frequency: frequency.into(), at: 0, interrupted: AtomicBool::new(false) }));
        let mut opened = media(TB_MEDIA_PCM_S16_48K_STEREO);
        opened.byte_length = TOTAL as i64;
        opened.reader = tb_reader_v1 {
            ctx: tone.cast(),
            read: Some(read),
            seek: Some(seek),
            interrupt: Some(interrupt),
            close: Some(close),
        };
        let status = self.source.opened.map_or(TB_E_UNSUPPORTED, |done| unsafe { done(self.host, task, &opened) });
        if status != TB_OK {
            unsafe { close(tone.cast()) }
        } // still ours
        TB_OK
    }

    fn hello(&self, task: tb_task, times: i64) -> tb_status {
        let json = format!(r#"[{{"type":10,"content":"Hello from {{NAME}}, {times} times."}}]"#);
        let message = tb_message_v1 {
            components_json: tb_str::of(&json),
            attachments: core::ptr::null(),
            attachment_count: 0,
            flags: 0,
            zero: 0,
        };
        match self.reply.send.map_or(TB_E_UNSUPPORTED, |send| unsafe { send(self.host, task, &message) }) {
            TB_E_STALE => TB_OK,
            status => status,
        }
    }
}

/// Hz from 20 to 2000.
fn frequency_of(text: &str) -> Option<u16> {
    text.trim().parse().ok().filter(|f| (20..=2_000).contains(f))
}

// ---- sound: the host pulls, on a thread of its own; `interrupt` may come from any ----

const RATE: u64 = 48_000;
const SECONDS: u64 = 5;
const TOTAL: u64 = RATE * SECONDS * 4;

struct Tone {
    frequency: f64,
    at: u64, // in bytes
    interrupted: AtomicBool,
}

fn sample(frequency: f64, frame: u64) -> i16 {
    let time = frame as f64 / RATE as f64;
    let fade = (time / 0.05).min((SECONDS as f64 - time) / 0.05).min(1.0); // no click at either end
    (8_000.0 * fade * (std::f64::consts::TAU * frequency * time).sin()) as i16
}

/// Little-endian samples, left and right in turn. The buffer may end anywhere, even within a sample.
unsafe extern "C" fn read(ctx: *mut c_void, buffer: *mut u8, capacity: usize) -> i64 {
    guarded_or(TB_E_INTERNAL.into(), || {
        let tone = ctx as *mut Tone;
        if (*tone).interrupted.swap(false, Ordering::Relaxed) {
            return TB_E_CANCELLED.into();
        }
        let at = (*tone).at;
        let count = (capacity as u64).min(TOTAL - at).min(65_536);
        let out = core::slice::from_raw_parts_mut(buffer, count as usize);
        for (place, byte) in (at..).zip(out.iter_mut()) {
            *byte = sample((*tone).frequency, place / 4).to_le_bytes()[(place % 2) as usize];
        }
        (*tone).at += count;
        count as i64
    })
}

unsafe extern "C" fn seek(ctx: *mut c_void, offset: u64) -> tb_status {
    let tone = ctx as *mut Tone;
    if offset > TOTAL {
        return TB_E_INVALID;
    }
    (*tone).at = offset;
    (*tone).interrupted.store(false, Ordering::Relaxed);
    TB_OK
}

unsafe extern "C" fn interrupt(ctx: *mut c_void) {
    (*(ctx as *const Tone)).interrupted.store(true, Ordering::Relaxed);
}

unsafe extern "C" fn close(ctx: *mut c_void) {
    drop(Box::from_raw(ctx as *mut Tone));
}

// ---- what the host calls ----

unsafe extern "C" fn matches(_: *mut c_void, input: tb_str) -> u32 {
    if input.text().starts_with(PREFIX) {
        100
    } else {
        0
    }
}

unsafe extern "C" fn resolve(this: *mut c_void, task: tb_task, input: tb_str, limit: u32) -> tb_status {
    guarded(|| (*(this as *const Plugin)).resolve(task, input.text(), limit))
}

unsafe extern "C" fn open(this: *mut c_void, task: tb_task, key: tb_str, _start_ms: u64) -> tb_status {
    guarded(|| (*(this as *const Plugin)).open(task, key.text())) // the reader can seek, so the host does
}

/// The uniform way: one value for each parameter, in order.
unsafe extern "C" fn hello(
    this: *mut c_void,
    task: tb_task,
    _: *const tb_invocation_v1,
    values: *const tb_value_v1,
    count: usize,
) -> tb_status {
    guarded(|| {
        let times = if count > 0 && (*values).present != 0 { (*values).i } else { 1 };
        (*(this as *const Plugin)).hello(task, times)
    })
}

unsafe extern "C" fn create(host: *const tb_host_v1, _config: tb_str, out: *mut *mut c_void) -> tb_status {
    guarded(|| {
        let (Some(tasks), Some(reply), Some(source)) =
            (needed(host, TB_EXT_TASK), needed(host, TB_EXT_REPLY), needed(host, TB_EXT_SOURCE_HOST))
        else {
            return TB_E_UNSUPPORTED;
        };
        *out = Box::into_raw(Box::new(Plugin { host, tasks, reply, source })).cast();
        TB_OK
    })
}

/// Nothing to do: every task is settled before its function returns.
unsafe extern "C" fn stop(_: *mut c_void) {}

unsafe extern "C" fn destroy(this: *mut c_void) {
    drop(Box::from_raw(this as *mut Plugin));
}

unsafe extern "C" fn get_extension(id: *const c_char) -> *const c_void {
    if id.is_null() {
        return core::ptr::null();
    }
    let id = CStr::from_ptr(id);
    if id == TB_EXT_SOURCE {
        return (&raw const SOURCE).cast();
    }
    if id == TB_EXT_COMMANDS {
        (&raw const COMMANDS).cast()
    } else {
        core::ptr::null()
    }
}

static SOURCE: tb_source_v1 =
    tb_source_v1 { r#match: Some(matches), resolve: Some(resolve), open: Some(open), artwork: None, cancel: None };

static PARAMS: [tb_param_v1; 1] = [tb_param_v1 {
    name: tb_str::new("times"),
    text: tb_str::new("how often"),
    r#type: TB_T_INT | TB_T_OPT,
    flags: TB_PARAM_BOUNDED,
    min: 1,
    max: 5,
    choices: core::ptr::null(),
    choice_count: 0,
}];

static ROWS: [tb_command_v1; 1] = [tb_command_v1 {
    name: tb_str::new("{{COMMAND}}"),
    text: tb_str::new("Says hello"),
    permissions: 0,
    flags: 0,
    param_count: 1,
    params: PARAMS.as_ptr(),
    handler: None,
    invoke: Some(hello),
}];

static COMMANDS: tb_commands_v1 =
    tb_commands_v1 { items: ROWS.as_ptr(), count: 1, autocomplete: None, component: None, modal: None, cancel: None };

static TABLE: tb_plugin_v1 = tb_plugin_v1 {
    magic: TB_PLUGIN_MAGIC,
    size: size_of::<tb_plugin_v1>() as u32,
    id: tb_str::new(ID),
    version: tb_str::new(VERSION),
    create: Some(create),
    stop: Some(stop),
    destroy: Some(destroy),
    get_extension: Some(get_extension),
};

timmybot_plugin!(manifest: MANIFEST, table: TABLE);
