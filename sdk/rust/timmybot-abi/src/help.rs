// What nearly every plugin in Rust needs. Included after abi.rs.

/// Runs what the host called; a panic becomes `TB_E_INTERNAL` instead of crossing the border (which would abort).
pub fn guarded(body: impl FnOnce() -> tb_status) -> tb_status {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(body)).unwrap_or(TB_E_INTERNAL)
}

/// The same for functions that answer something else.
pub fn guarded_or<T>(otherwise: T, body: impl FnOnce() -> T) -> T {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(body)).unwrap_or(otherwise)
}

impl tb_str {
    pub const fn new(text: &'static str) -> Self {
        tb_str { ptr: text.as_ptr().cast(), len: text.len() }
    }

    /// Borrows `text`: good for a call that copies, as every completion does.
    pub fn of(text: &str) -> Self {
        tb_str { ptr: text.as_ptr().cast(), len: text.len() }
    }

    /// Empty where it is not UTF-8.
    ///
    /// # Safety
    /// `ptr` and `len` must be what the host gave, and the call must not have returned yet.
    pub unsafe fn text(&self) -> &str {
        if self.ptr.is_null() || self.len == 0 {
            return "";
        }
        core::str::from_utf8(core::slice::from_raw_parts(self.ptr.cast(), self.len)).unwrap_or("")
    }
}

/// A host extension's table, which lives as long as the process.
///
/// # Safety
/// `host` must be the host's, and `T` the table of `id`.
pub unsafe fn extension<T>(host: *const tb_host_v1, id: &CStr) -> Option<&'static T> {
    (*host).get_extension.and_then(|get| (get(host, id.as_ptr()) as *const T).as_ref())
}

/// The same for one that the plugin cannot do without: where it is missing, the operator reads which.
///
/// # Safety
/// As for `extension`.
pub unsafe fn needed<T>(host: *const tb_host_v1, id: &CStr) -> Option<&'static T> {
    let found = extension(host, id);
    if found.is_none() {
        log(host, TB_LOG_ERROR, &format!("this host does not offer {}", id.to_string_lossy()));
    }
    found
}

/// A line in the operator's log.
///
/// # Safety
/// `host` must be the host's.
pub unsafe fn log(host: *const tb_host_v1, level: i32, text: &str) {
    if let Some(log) = extension::<tb_host_log_v1>(host, TB_EXT_LOG).and_then(|table| table.log) {
        log(host, level, tb_str::of(text));
    }
}

impl tb_error_v1 {
    pub fn new(code: tb_status, user_text: &str, detail: &str) -> Self {
        tb_error_v1 {
            code,
            flags: 0,
            retry_after_ms: 0,
            zero: 0,
            user_text: tb_str::of(user_text),
            detail: tb_str::of(detail),
        }
    }
}

/// All zero, as `= {}` in C; with `byte_length` unknown.
pub fn media(kind: u32) -> tb_media_v1 {
    let empty = tb_str::new("");
    let reader = tb_reader_v1 { ctx: core::ptr::null_mut(), read: None, seek: None, interrupt: None, close: None };
    tb_media_v1 {
        kind,
        flags: 0,
        url: empty,
        mime: empty,
        headers: core::ptr::null(),
        header_count: 0,
        byte_length: -1,
        handle: 0,
        reader,
    }
}

pub fn track<'a>(key: &'a str, title: &'a str, artist: &'a str, duration_ms: i64) -> tb_track_v1 {
    let empty = tb_str::new("");
    tb_track_v1 {
        key: tb_str::of(key),
        title: tb_str::of(title),
        artist: tb_str::of(artist),
        album: empty,
        isrc: empty,
        page_url: empty,
        artwork_url: empty,
        duration_ms,
        flags: 0,
        zero: 0,
    }
}

/// The manifest, in a section of the file that the host reads without running anything, and the one exported function.
#[macro_export]
macro_rules! timmybot_plugin {
    (manifest: $json:expr, table: $table:expr) => {
        #[used]
        #[link_section = "timmybot_manifest"]
        static TIMMYBOT_MANIFEST: [u8; $json.len()] = {
            let from = $json.as_bytes();
            let mut bytes = [0; $json.len()];
            let mut i = 0;
            while i < bytes.len() {
                bytes[i] = from[i];
                i += 1;
            }
            bytes
        };

        #[no_mangle]
        pub extern "C" fn timmybot_plugin_v1() -> *const tb_plugin_v1 {
            // Named here so that no linker leaves the section out.
            core::hint::black_box(TIMMYBOT_MANIFEST.as_ptr());
            &$table
        }
    };
}
