//! About: the library itself, and small helpers

use super::guard::{guard, status};
use super::status::kuai_status;
use super::text;
use crate::error::{Error, Status};
use crate::json::Value;
use crate::{operation, tokens, webhook};
use std::ffi::{CStr, CString, c_char, c_void};
use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

/// The version of the library that runs, such as "0.1.0"; KUAI_VERSION is the one that this header belongs
/// to.
#[unsafe(no_mangle)]
pub extern "C" fn kuai_version() -> *const c_char {
    text::borrowed(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes())
}

/// The name of a status as error documents have it: "rate_limited". "unknown" for a number that is none.
#[unsafe(no_mangle)]
pub extern "C" fn kuai_status_name(status: kuai_status) -> *const c_char {
    text::borrowed(Status::from_code(status).map_or("unknown\0", Status::name_z).as_bytes())
}

/// Every operation that kuai_call knows by name, as JSON:
/// `[{"name":"...","method":"...","path":"..."},...]`.
///
/// Later versions add members.
#[unsafe(no_mangle)]
pub extern "C" fn kuai_operations() -> *const c_char {
    static LIST: LazyLock<CString> = LazyLock::new(|| CString::new(operation::list_json()).unwrap_or_default());
    guard(|| Ok(LIST.as_ptr())).unwrap_or(c"[]".as_ptr())
}

/// The size of a text without its NUL, for languages in which an out parameter is a burden. 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_text_size(text: *const c_char) -> usize {
    // SAFETY: not NULL; the caller's text, by the header's rules.
    if text.is_null() {
        0
    } else {
        unsafe { CStr::from_ptr(text) }.count_bytes()
    }
}

/// Copies a text into a buffer of yours, for COBOL, Fortran and records of fixed size.
///
/// At most `size` bytes are written, the last of them NUL; a text that does not fit is cut before the
/// character that does not. Returns the size that the whole text needs, with its NUL: it was cut when that
/// is more than `size`. NULL counts as empty text. With `size` 0 nothing is written.
///
/// ```c
/// char record[80];
/// if (kuai_text_copy(kuai_result_text(result, NULL), record, sizeof record) > sizeof record)
///     puts("cut");
/// ```
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_text_copy(text: *const c_char, buffer: *mut c_char, size: usize) -> usize {
    // SAFETY: not NULL; the caller's text, by the header's rules.
    let text = if text.is_null() {
        b""
    } else {
        unsafe { CStr::from_ptr(text) }.to_bytes()
    };
    if size > 0 && !buffer.is_null() {
        let kept = text::cut(text, size - 1);
        // SAFETY: the caller's buffer of `size` bytes; `copy` allows for a text that is in it already.
        unsafe {
            std::ptr::copy(kept.as_ptr().cast(), buffer, kept.len());
            buffer.add(kept.len()).write(0);
        }
    }
    text.len() + 1
}

/// About how many tokens a text is: its Han characters, and 1.3 for each other word, rounded up.
///
/// The rule of the gateway; other services count otherwise. KUAI_INVALID_ARGUMENT for NULL and for text
/// that is not UTF-8.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_estimate_tokens(text: *const c_char) -> i64 {
    // SAFETY: the caller's text, by the header's rules.
    guard(|| Ok(tokens::estimate(unsafe { text::required("text", text) }?)))
        .unwrap_or_else(|error| error.status.code().into())
}

/// Whether a webhook really comes from the service (standardwebhooks.com).
///
/// `secret` is the one that the service gave you, with its "whsec_" if it has one. `headers_json` are the
/// headers of the request that came in, `{"name":"value",...}` or `[["name","value"],...]`, in any case;
/// `body` is its body, byte for byte. `tolerance_s` is how many seconds its clock may differ from yours, in
/// either direction; 300 is usual.
///
/// KUAI_OK: it does. KUAI_AUTHENTICATION: it does not, or a header is missing. KUAI_TIMEOUT: it does, but
/// it is not of this time, and may be an old one sent again. KUAI_INVALID_ARGUMENT: an argument is not what
/// it should be.
///
/// ```c
/// if (kuai_webhook_verify(getenv("OPENAI_WEBHOOK_SECRET"), headers_json, body, body_size, 300) != KUAI_OK)
///     puts("HTTP/1.1 400 Bad Request");
/// ```
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_webhook_verify(
    secret: *const c_char,
    headers_json: *const c_char,
    body: *const c_void,
    size: usize,
    tolerance_s: i64,
) -> kuai_status {
    status(|| {
        // SAFETY: the caller's texts and bytes, by the header's rules.
        let (secret, headers, body) = unsafe {
            (
                text::required("secret", secret)?,
                text::required("headers_json", headers_json)?,
                text::bytes("body", body, size)?,
            )
        };
        let headers = Value::parse(headers.as_bytes()).map_err(|fault| Error::argument("headers_json", fault))?;
        webhook::verify(secret, headers, body, tolerance_s, now())
    })
}

/// Seconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
