//! A source in Rust: "/play noise: pink 30m", "/play noise: binaural 200 6 1h".
//!
//! Every function that the host calls runs in `guarded`, so that a panic never crosses the border.
mod sound;

use core::ffi::{c_char, c_void, CStr};
use sound::Noise;
use std::sync::atomic::{AtomicBool, Ordering};
use timmybot_abi::*;

const PREFIX: &str = "noise:";
const MANIFEST: &str = concat!(
    r#"{"id":"example.noise","version":""#,
    env!("CARGO_PKG_VERSION"),
    r#"","abi":1,"license":"MIT","name":"Noise","#,
    r#""text":"White, pink and brown noise, and binaural beats","source":{"patterns":["noise:"]},"examples":["noise: pink 2s"],"hosts":[]}"#
);

/// What `create` makes; the host hands it back as the first argument of every call.
struct Plugin {
    host: *const tb_host_v1,
    tasks: &'static tb_host_task_v1,
    source: &'static tb_host_source_v1,
}

impl Plugin {
    fn fail(&self, task: tb_task, user_text: &str) -> tb_status {
        let error = tb_error_v1::new(TB_E_INVALID, user_text, "not understood");
        // TB_E_STALE is harmless: nobody waits any more.
        if let Some(fail) = self.tasks.fail {
            unsafe { fail(self.host, task, &error) };
        }
        TB_OK
    }

    /// "pink 30m" of "noise: pink 30m".
    fn wanted(input: &str) -> &str {
        input.strip_prefix(PREFIX).unwrap_or(input).trim()
    }

    fn resolve(&self, task: tb_task, input: &str, limit: u32) -> tb_status {
        let wanted = Self::wanted(input);
        let noise = match sound::parse(wanted) {
            Ok(noise) => noise,
            Err(why) => return self.fail(task, &why),
        };
        let title = format!("{} noise", wanted.split(' ').next().unwrap_or(""));
        let found = track(wanted, &title, "Noise", (noise.frames * 1_000 / sound::RATE) as i64);
        if let Some(resolved) = self.source.resolved {
            unsafe { resolved(self.host, task, &found, limit.min(1) as usize) };
        }
        TB_OK
    }

    fn open(&self, task: tb_task, key: &str) -> tb_status {
        let noise = match sound::parse(key) {
            Ok(noise) => noise,
            Err(why) => return self.fail(task, &why),
        };
        let reader = Box::into_raw(Box::new(Reader { noise, at: 0, interrupted: AtomicBool::new(false) }));
        let mut opened = media(TB_MEDIA_PCM_S16_48K_STEREO);
        opened.byte_length = noise.bytes() as i64;
        opened.reader = tb_reader_v1 {
            ctx: reader.cast(),
            read: Some(read),
            seek: Some(seek),
            interrupt: Some(interrupt),
            close: Some(close),
        };
        let status = self.source.opened.map_or(TB_E_UNSUPPORTED, |done| unsafe { done(self.host, task, &opened) });
        // From TB_OK on the reader is the host's. Anything else: it is still ours.
        if status != TB_OK {
            unsafe { close(reader.cast()) }
        }
        TB_OK
    }
}

// ---- the reader: one thread reads and seeks; `interrupt` may come from any ----

struct Reader {
    noise: Noise,
    at: u64,
    interrupted: AtomicBool,
}

unsafe extern "C" fn read(ctx: *mut c_void, buffer: *mut u8, capacity: usize) -> i64 {
    guarded_or(TB_E_INTERNAL.into(), || {
        let reader = ctx as *mut Reader;
        // Not a &mut Reader: `interrupt` may look at the flag meanwhile.
        let (noise, at, interrupted) = (&(*reader).noise, &mut (*reader).at, &(*reader).interrupted);
        let count = (capacity as u64).min(noise.bytes() - *at).min(1 << 16);
        let out = core::slice::from_raw_parts_mut(buffer, count as usize);
        let mut done = 0;
        while done < out.len() {
            if done % 4096 < 4 && interrupted.swap(false, Ordering::Relaxed) {
                return if done > 0 { done as i64 } else { TB_E_CANCELLED.into() };
            }
            let (frame, skip) = (noise.frame(*at / 4), (*at % 4) as usize);
            let part = (4 - skip).min(out.len() - done);
            out[done..done + part].copy_from_slice(&frame[skip..skip + part]);
            done += part;
            *at += part as u64;
        }
        done as i64
    })
}

unsafe extern "C" fn seek(ctx: *mut c_void, offset: u64) -> tb_status {
    let reader = ctx as *mut Reader;
    if offset > (*reader).noise.bytes() {
        return TB_E_INVALID;
    }
    (*reader).at = offset;
    (*reader).interrupted.store(false, Ordering::Relaxed);
    TB_OK
}

unsafe extern "C" fn interrupt(ctx: *mut c_void) {
    (*(ctx as *const Reader)).interrupted.store(true, Ordering::Relaxed);
}

unsafe extern "C" fn close(ctx: *mut c_void) {
    drop(Box::from_raw(ctx as *mut Reader));
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
    guarded(|| (*(this as *const Plugin)).open(task, key.text()))
}

unsafe extern "C" fn create(host: *const tb_host_v1, _config: tb_str, out: *mut *mut c_void) -> tb_status {
    guarded(|| {
        let (Some(tasks), Some(source)) = (needed(host, TB_EXT_TASK), needed(host, TB_EXT_SOURCE_HOST)) else {
            return TB_E_UNSUPPORTED;
        };
        *out = Box::into_raw(Box::new(Plugin { host, tasks, source })).cast();
        TB_OK
    })
}

/// Nothing to do: every task is settled before its function returns.
unsafe extern "C" fn stop(_: *mut c_void) {}

unsafe extern "C" fn destroy(this: *mut c_void) {
    drop(Box::from_raw(this as *mut Plugin));
}

unsafe extern "C" fn get_extension(id: *const c_char) -> *const c_void {
    if !id.is_null() && CStr::from_ptr(id) == TB_EXT_SOURCE {
        (&raw const SOURCE).cast()
    } else {
        core::ptr::null()
    }
}

static SOURCE: tb_source_v1 =
    tb_source_v1 { r#match: Some(matches), resolve: Some(resolve), open: Some(open), artwork: None, cancel: None };

static TABLE: tb_plugin_v1 = tb_plugin_v1 {
    magic: TB_PLUGIN_MAGIC,
    size: size_of::<tb_plugin_v1>() as u32,
    id: tb_str::new("example.noise"),
    version: tb_str::new(env!("CARGO_PKG_VERSION")),
    create: Some(create),
    stop: Some(stop),
    destroy: Some(destroy),
    get_extension: Some(get_extension),
};

timmybot_plugin!(manifest: MANIFEST, table: TABLE);
