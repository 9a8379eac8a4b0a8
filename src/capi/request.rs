//! Requests: a call in steps, for what JSON cannot carry
//!
//! Files to upload, bodies that are not JSON, answers that go to a file, calls that can be cancelled:
//!
//! ```c
//! kuai_request *request = kuai_request_new("audio.transcriptions.create", "{\"model\":\"whisper-1\"}", NULL);
//! kuai_result *result;
//! kuai_request_file_path(request, "file", "speech.mp3");
//! result = kuai_send(client, request);
//! puts(kuai_result_status(result) == KUAI_OK ? kuai_result_text(result, NULL) : kuai_result_json(result));
//! kuai_result_free(result);
//! kuai_request_free(request);
//! ```
//!
//! The steps need not be checked one by one: the first that fails stays with the request, and sending it
//! gives that error.

use super::call::{answered, streamed};
use super::client::usable;
use super::guard::{guard, status};
use super::handle::{self, kuai_cancel, kuai_client, kuai_request, kuai_result, kuai_stream};
use super::status::kuai_status;
use super::text;
use crate::error::{Error, Result};
use crate::request::Request;
use std::borrow::Cow;
use std::ffi::{c_char, c_void};

/// Starts a request. The arguments are those of kuai_call, and are copied.
///
/// Never NULL; free with kuai_request_free. It belongs to no client, and may be sent any number of times.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_request_new(
    operation: *const c_char,
    params_json: *const c_char,
    options_json: *const c_char,
) -> *mut kuai_request {
    handle::give(guard(|| {
        // SAFETY: the caller's texts, by the header's rules.
        let (operation, params, options) = unsafe {
            (
                text::required("operation", operation)?,
                text::optional("params_json", params_json)?,
                text::optional("options_json", options_json)?,
            )
        };
        Request::new(operation, params, options)
    }))
}

/// Sets the body, for operations whose body is not JSON.
///
/// `params_json` may then hold only what belongs into the path and the query. The bytes are copied.
/// `content_type` NULL is application/octet-stream. A second call replaces the body of the first.
///
/// ```c
/// kuai_request_body(request, "text/plain", "hello", 5);
/// ```
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_request_body(
    request: *mut kuai_request,
    content_type: *const c_char,
    data: *const c_void,
    size: usize,
) -> kuai_status {
    // SAFETY: the caller's handle, text and bytes, by the header's rules.
    unsafe {
        step(request, |request| {
            let content_type = text::optional("content_type", content_type)?;
            request.body(content_type, text::bytes("data", data, size)?.to_vec())
        })
    }
}

/// Adds a file to upload, from memory. The request becomes a form: the parameters are its other fields. A
/// field may have several files.
///
/// The bytes are borrowed: they must stay as they are until the request is freed. `content_type` NULL goes
/// by the ending of `filename`.
///
/// ```c
/// static const char lines[] = "{\"prompt\":\"a\",\"completion\":\"b\"}\n";
/// kuai_request *request = kuai_request_new("files.create", "{\"purpose\":\"fine-tune\"}", NULL);
/// kuai_request_file(request, "file", "lines.jsonl", NULL, lines, sizeof lines - 1);
/// ```
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_request_file(
    request: *mut kuai_request,
    field: *const c_char,
    filename: *const c_char,
    content_type: *const c_char,
    data: *const c_void,
    size: usize,
) -> kuai_status {
    // SAFETY: the caller's handle, texts and bytes; by this function's own rule the bytes outlive the request.
    unsafe {
        step(request, |request| {
            let (field, filename) = (text::required("field", field)?, text::required("filename", filename)?);
            let content_type = text::optional("content_type", content_type)?;
            request.file(
                field,
                filename,
                content_type,
                Cow::Borrowed(text::bytes("data", data, size)?),
            )
        })
    }
}

/// Adds a file to upload, from a path (UTF-8). It is read while it is sent, each time the request is sent,
/// and never held in memory. KUAI_IO when it cannot be read.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_request_file_path(
    request: *mut kuai_request,
    field: *const c_char,
    path: *const c_char,
) -> kuai_status {
    // SAFETY: the caller's handle and texts, by the header's rules.
    unsafe {
        step(request, |request| {
            request.file_path(text::required("field", field)?, text::required("path", path)?)
        })
    }
}

/// Writes the body of a good answer to a file as it comes, instead of keeping it in memory.
///
/// The file appears, or is replaced, when the answer is whole: nothing half-written is ever found at
/// `path`. A failure leaves it alone, and nothing is sent when no file can be written there. Such a
/// request cannot be opened as a stream.
///
/// ```c
/// kuai_request *request = kuai_request_new("audio.speech.create",
///     "{\"model\":\"tts-1\",\"voice\":\"alloy\",\"input\":\"Hello.\"}", NULL);
/// kuai_request_save_to(request, "hello.mp3");
/// ```
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_request_save_to(request: *mut kuai_request, path: *const c_char) -> kuai_status {
    // SAFETY: the caller's handle and text, by the header's rules.
    unsafe { step(request, |request| request.save_to(text::required("path", path)?)) }
}

/// Gives the request a switch that ends every sending of it, and the streams opened with it, in place of
/// one given before. The switch may be freed before the request is.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_request_cancel_with(
    request: *mut kuai_request,
    cancel: *const kuai_cancel,
) -> kuai_status {
    // SAFETY: the caller's handles, by the header's rules.
    unsafe {
        step(request, |request| {
            request.cancel_with(handle::get(cancel)?);
            Ok(())
        })
    }
}

/// Sends the request and waits for the whole answer, with retries if need be. Never NULL; free with
/// kuai_result_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_send(client: *const kuai_client, request: *const kuai_request) -> *mut kuai_result {
    handle::give(answered(|| {
        // SAFETY: the caller's handles, by the header's rules.
        let (client, request) = unsafe { (usable(client)?, ready(request)?) };
        Ok(client.send(request))
    }))
}

/// Sends the request, waits until the answer begins, and gives it as a stream. Never NULL; free with
/// kuai_stream_free.
///
/// "stream" is set for you where the operation has it. Events are taken with kuai_stream_next, an answer
/// that is no event stream (audio, a file) with kuai_stream_read.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_open(client: *const kuai_client, request: *const kuai_request) -> *mut kuai_stream {
    streamed(|| {
        // SAFETY: the caller's handles, by the header's rules.
        let (client, request) = unsafe { (usable(client)?, ready(request)?) };
        Ok(client.open(request))
    })
}

/// Frees the request. Streams that were opened with it may go on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_request_free(request: *mut kuai_request) {
    // SAFETY: the caller's handle, by the header's rules.
    unsafe { handle::free(request) }
}

/// One step of putting a request together; the first that fails stays with the request.
///
/// # Safety
/// As [`handle::get_mut`].
unsafe fn step(request: *mut kuai_request, change: impl FnOnce(&mut Request) -> Result<()>) -> kuai_status {
    // SAFETY: as promised by the caller.
    let Ok(made) = (unsafe { handle::get_mut(request) }) else {
        return status(|| Err(Error::argument("request", "is NULL")));
    };
    if let Ok(request) = made
        && let Err(error) = guard(|| change(request))
    {
        *made = Err(error);
    }
    made.as_ref().map_or_else(|error| error.status.code(), |_| 0)
}

/// The request behind a handle, or what went wrong while it was put together.
///
/// # Safety
/// As [`handle::get`].
unsafe fn ready<'a>(request: *const kuai_request) -> Result<&'a Request> {
    // SAFETY: as promised by the caller.
    unsafe { handle::get(request) }?.as_ref().map_err(Error::clone)
}
