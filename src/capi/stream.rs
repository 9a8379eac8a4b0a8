//! Streams: an answer taken as it comes
//!
//! The program pulls: each kuai_stream_next waits for one event. What the accessors return is good until
//! the next kuai_stream_next, kuai_stream_read or kuai_stream_free. See kuai_chat_stream for an example.

use super::guard::{dropped, guard};
use super::handle::{self, kuai_result, kuai_stream};
use super::status::kuai_status;
use super::text;
use crate::error::{Error, Result, Status};
use crate::result::Answer;
use crate::stream::Stream;
use std::ffi::{c_char, c_void};
use std::sync::LazyLock;

/// Waits for the next event.
///
/// KUAI_OK: there is one, and the three functions below tell what it is. KUAI_DONE: the answer is whole.
/// Anything else is a failure: kuai_stream_result has its document, and what came until then was only a
/// part. Once it has given something else than KUAI_OK it gives that again, and there is no event any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_stream_next(stream: *mut kuai_stream) -> kuai_status {
    // SAFETY: the caller's handle, by the header's rules.
    unsafe { advance(stream, |stream| Ok(stream.next().code())) }
}

/// This event's data: JSON, as it came. "" when there is no event.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_stream_json(stream: *const kuai_stream) -> *const c_char {
    // SAFETY: the caller's handle, by the header's rules.
    text::borrowed(unsafe { part(stream, Stream::json_z) })
}

/// The text that this event adds to the answer; "" if it adds none. `size` takes its size, and may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_stream_text(stream: *const kuai_stream, size: *mut usize) -> *const c_char {
    // SAFETY: the caller's handle and pointer, by the header's rules.
    unsafe { text::borrowed_with_size(part(stream, Stream::text_z), size) }
}

/// This event's name ("response.output_text.delta"); "" if it has none, as in chat completions.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_stream_event(stream: *const kuai_stream) -> *const c_char {
    // SAFETY: the caller's handle, by the header's rules.
    text::borrowed(unsafe { part(stream, Stream::event_z) })
}

/// Reads the answer's bytes instead of its events: audio, a file, the answer to a bare request.
///
/// Waits for at least one byte and writes up to `size` of them to `buffer`; `got` takes how many, and may
/// be NULL. KUAI_OK: some came. KUAI_DONE: there are no more. Anything else is a failure, as with
/// kuai_stream_next. A stream is taken as events or as bytes; both is KUAI_INVALID_ARGUMENT.
///
/// ```c
/// char buffer[8192];
/// size_t got;
/// while ((status = kuai_stream_read(stream, buffer, sizeof buffer, &got)) == KUAI_OK)
///     fwrite(buffer, 1, got, stdout);
/// ```
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_stream_read(
    stream: *mut kuai_stream,
    buffer: *mut c_void,
    size: usize,
    got: *mut usize,
) -> kuai_status {
    // SAFETY: the caller's handle and pointers, by the header's rules.
    unsafe {
        text::put(got, 0);
        advance(stream, |stream| {
            let (status, read) = stream.read(text::buffer("buffer", buffer, size)?);
            text::put(got, read);
            Ok(status.code())
        })
    }
}

/// The stream as a result: HTTP status and headers, and once it is done the whole answer as if it had not
/// been streamed.
///
/// When it failed: the error document, and as text and body as much of the answer as had come. While it is
/// going on: KUAI_OK and as much as has come. It belongs to the stream and is good until the next call on
/// it: do not free it. Never NULL.
///
/// ```c
/// while (kuai_stream_next(stream) == KUAI_OK)
///     putchar('.');
/// puts(kuai_result_json(kuai_stream_result(stream)));
/// ```
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_stream_result(stream: *mut kuai_stream) -> *const kuai_result {
    static NO_STREAM: LazyLock<Answer> = LazyLock::new(|| Answer::from_error(Error::argument("stream", "is NULL")));
    // SAFETY: the caller's handle, by the header's rules.
    let answer = guard(|| Ok(unsafe { handle::get_mut(stream) }?.result()));
    handle::lend(answer.unwrap_or(&NO_STREAM))
}

/// Frees the stream and everything borrowed from it. One that is not at its end is broken off.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_stream_free(stream: *mut kuai_stream) {
    // SAFETY: the caller's handle, by the header's rules.
    unsafe { handle::free(stream) }
}

/// Takes something from the stream. After a defect it is a failed stream that has the defect's text.
///
/// # Safety
/// As [`handle::get_mut`].
unsafe fn advance(stream: *mut kuai_stream, take: impl FnOnce(&mut Stream) -> Result<kuai_status>) -> kuai_status {
    // SAFETY: as promised by the caller.
    let stream = match unsafe { handle::get_mut(stream) } {
        Ok(stream) => stream,
        Err(error) => return error.status.code(),
    };
    let error = match guard(|| take(stream)) {
        Ok(status) => return status,
        Err(error) => error,
    };
    let status = error.status.code();
    if error.status == Status::Internal {
        dropped(std::mem::replace(stream, Stream::failed(error)));
    }
    status
}

/// A text of this event's, NUL behind it; empty where there is no stream.
///
/// # Safety
/// As [`handle::get`].
unsafe fn part<'a>(stream: *const kuai_stream, take: impl FnOnce(&'a Stream) -> &'a [u8]) -> &'a [u8] {
    // SAFETY: as promised by the caller.
    let text: Result<&[u8]> = guard(|| Ok(take(unsafe { handle::get(stream) }?)));
    text.unwrap_or(b"\0")
}
