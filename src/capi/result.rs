//! Results: what became of a call
//!
//! What these functions return belongs to the result and is good until it is freed.

use super::guard::guard;
use super::handle::{self, kuai_result};
use super::status::kuai_status;
use super::text;
use crate::error::Result;
use crate::result::Answer;
use std::ffi::{c_char, c_void};
use std::ptr;

/// KUAI_OK, or why the call failed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_result_status(result: *const kuai_result) -> kuai_status {
    // SAFETY: the caller's handle, by the header's rules.
    guard(|| Ok(unsafe { handle::get(result) }?.status()))
        .unwrap_or_else(|error| error.status)
        .code()
}

/// The HTTP status of the answer; 0: no answer came.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_result_http_status(result: *const kuai_result) -> i32 {
    // SAFETY: the caller's handle, by the header's rules.
    guard(|| Ok(unsafe { handle::get(result) }?.http_status()))
        .unwrap_or(0)
        .into()
}

/// The answer's JSON as it came, or the error document. "" when a good answer is not JSON (audio, a file).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_result_json(result: *const kuai_result) -> *const c_char {
    // SAFETY: the caller's handle, by the header's rules.
    text::borrowed(unsafe { part(result, Answer::json_z) })
}

/// The text in the answer: the message's content, the output text, the transcript; "" if there is none.
///
/// `size` takes its size, and may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_result_text(result: *const kuai_result, size: *mut usize) -> *const c_char {
    // SAFETY: the caller's handle and pointer, by the header's rules.
    unsafe { text::borrowed_with_size(part(result, Answer::text_z), size) }
}

/// The bytes of the answer's body as they came, also of a failure's. There is a NUL behind them. Empty when
/// they went to a file.
///
/// `size` takes their number, and may be NULL.
///
/// ```c
/// size_t size;
/// const void *audio = kuai_result_body(result, &size);
/// fwrite(audio, 1, size, stdout);
/// ```
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_result_body(result: *const kuai_result, size: *mut usize) -> *const c_void {
    // SAFETY: the caller's handle and pointer, by the header's rules.
    unsafe { text::borrowed_with_size(part(result, Answer::body_z), size) }.cast()
}

/// The number of bytes that kuai_result_body gives, for languages in which an out parameter is a burden.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_result_body_size(result: *const kuai_result) -> usize {
    // SAFETY: the caller's handle, by the header's rules.
    unsafe { part(result, Answer::body_z) }.len() - 1
}

/// The value of the answer's header `name`, in any case; the first if there are several; NULL if there is
/// none.
///
/// ```c
/// const char *left = kuai_result_header(result, "x-ratelimit-remaining-requests");
/// ```
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_result_header(result: *const kuai_result, name: *const c_char) -> *const c_char {
    guard(|| {
        // SAFETY: the caller's handle and text, by the header's rules.
        let (result, name) = unsafe { (handle::get(result)?, text::required("name", name)?) };
        Ok(result.header_z(name).map_or(ptr::null(), text::borrowed))
    })
    .unwrap_or(ptr::null())
}

/// All headers of the answer as JSON, `[["name","value"],...]`, in order and as they came.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_result_headers(result: *const kuai_result) -> *const c_char {
    // SAFETY: the caller's handle, by the header's rules.
    let headers = guard(|| Ok(unsafe { handle::get(result) }?.headers_json_z()));
    text::borrowed(headers.unwrap_or(b"[]\0"))
}

/// What the call took, as JSON; "{}" when nothing was sent. Times are microseconds.
///
/// ```text
/// {"total_us":874000,"attempts":1,"look_up_us":51,"connect_us":9300,"handshake_us":21800,"send_us":120,
///  "wait_us":840000,"body_us":2100,"sent_bytes":412,"received_bytes":1950,"reused":false}
/// ```
///
/// total_us is the whole call, with every attempt and every wait between them. The rest is the last attempt's:
/// looking the host up, connecting (TCP and the proxy's part), the TLS handshake, sending the request, waiting
/// for the answer's head, receiving its body. "reused": it went over a connection that was there. Bytes are
/// HTTP's, headers included, without what TLS adds. Of a stream's result: until its end, or until now.
///
/// ```c
/// char *wait = kuai_json_get(kuai_result_times(result), "/wait_us");
/// ```
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_result_times(result: *const kuai_result) -> *const c_char {
    // SAFETY: the caller's handle, by the header's rules.
    let times = guard(|| Ok(unsafe { handle::get(result) }?.times_json_z()));
    text::borrowed(times.unwrap_or(b"{}\0"))
}

/// Frees the result and everything borrowed from it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_result_free(result: *mut kuai_result) {
    // SAFETY: the caller's handle, by the header's rules.
    unsafe { handle::free(result) }
}

/// A text of the result's, NUL behind it; empty where there is no result.
///
/// # Safety
/// As [`handle::get`].
unsafe fn part<'a>(result: *const kuai_result, take: impl FnOnce(&'a Answer) -> &'a [u8]) -> &'a [u8] {
    // SAFETY: as promised by the caller.
    let text: Result<&[u8]> = guard(|| Ok(take(unsafe { handle::get(result) }?)));
    text.unwrap_or(b"\0")
}
