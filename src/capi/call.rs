//! Calls: ask, and get the answer

use super::client::usable;
use super::guard::guard;
use super::handle::{self, kuai_client, kuai_result, kuai_stream};
use super::status::kuai_status;
use super::text;
use crate::error::{Error, Result, Status};
use crate::result::Answer;
use crate::stream::Stream;
use std::ffi::c_char;

/// A chat completion in one call: request in, answer out.
///
/// `request_json` is the request as the API documents it ("messages", "model", ...); "stream" in it is
/// taken out. Returns the answer's JSON as it came, or the error document; never NULL. `status` takes which
/// of the two it is, and may be NULL. Free with kuai_string_free.
///
/// ```c
/// char *answer = kuai_chat_complete(client,
///     "{\"model\":\"gpt-4o-mini\",\"messages\":[{\"role\":\"user\",\"content\":\"1+100=\"}]}", &status);
/// char *text = kuai_json_get(answer, "/choices/0/message/content");
/// if (status == KUAI_OK && text)
///     puts(text);
/// kuai_string_free(text);
/// kuai_string_free(answer);
/// ```
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_chat_complete(
    client: *const kuai_client,
    request_json: *const c_char,
    status: *mut kuai_status,
) -> *mut c_char {
    let answer = answered(|| {
        // SAFETY: the caller's handle and text, by the header's rules.
        let (client, request) = unsafe { (usable(client)?, text::required("request_json", request_json)?) };
        Ok(client.chat_complete(request))
    });
    let mut code = answer.status().code();
    let text = text::try_owned(&answer.into_json()).unwrap_or_else(|| {
        let error = Error::new(Status::Limit, "there is no memory for the answer");
        code = error.status.code();
        text::owned(error.to_json().as_bytes())
    });
    // SAFETY: the caller's pointer, by the header's rules.
    unsafe { text::put(status, code) };
    text
}

/// The same with the answer coming piece by piece.
///
/// "stream" is set for you. Waits until the answer begins, with retries if need be; what comes after that
/// is not retried. Never NULL: when the request failed, the first kuai_stream_next tells so. Free with
/// kuai_stream_free.
///
/// ```c
/// kuai_stream *stream = kuai_chat_stream(client,
///     "{\"messages\":[{\"role\":\"user\",\"content\":\"Tell me a story.\"}]}");
/// while ((status = kuai_stream_next(stream)) == KUAI_OK)
///     fputs(kuai_stream_text(stream, NULL), stdout);
/// if (status != KUAI_DONE)
///     fprintf(stderr, "%s\n", kuai_result_json(kuai_stream_result(stream)));
/// kuai_stream_free(stream);
/// ```
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_chat_stream(client: *const kuai_client, request_json: *const c_char) -> *mut kuai_stream {
    streamed(|| {
        // SAFETY: the caller's handle and text, by the header's rules.
        let (client, request) = unsafe { (usable(client)?, text::required("request_json", request_json)?) };
        Ok(client.chat_stream(request))
    })
}

/// Frees a `char *` that a function of this library returned. Takes NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_string_free(text: *mut c_char) {
    // SAFETY: the caller's text, by the header's rules.
    unsafe { text::free(text) }
}

/// Any operation of the API, by name.
///
/// `operation` is the name that the official SDKs use ("embeddings.create", "models.list"; kuai_operations
/// lists them) or a method and a path ("POST /embeddings", "GET /models/{model}"). `params_json` is an
/// object of its parameters: those that the path or the query needs are put there, the rest is the body;
/// NULL for none. `options_json` is an object of the options above; NULL for none. Never NULL; free with
/// kuai_result_free.
///
/// ```c
/// kuai_result *result = kuai_call(client, "models.retrieve", "{\"model\":\"gpt-4o-mini\"}", NULL);
/// puts(kuai_result_json(result));
/// kuai_result_free(result);
/// ```
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_call(
    client: *const kuai_client,
    operation: *const c_char,
    params_json: *const c_char,
    options_json: *const c_char,
) -> *mut kuai_result {
    handle::give(answered(|| {
        // SAFETY: the caller's handle and texts, by the header's rules.
        let (client, operation, params, options) = unsafe {
            (
                usable(client)?,
                text::required("operation", operation)?,
                text::optional("params_json", params_json)?,
                text::optional("options_json", options_json)?,
            )
        };
        Ok(client.call(operation, params, options))
    }))
}

/// The answer of `body`; what goes wrong on the way is an answer too.
pub(crate) fn answered(body: impl FnOnce() -> Result<Answer>) -> Answer {
    guard(body).unwrap_or_else(Answer::from_error)
}

/// The stream of `body`; what goes wrong on the way is told by the stream.
pub(crate) fn streamed(body: impl FnOnce() -> Result<Stream>) -> *mut kuai_stream {
    handle::give(guard(body).unwrap_or_else(Stream::failed))
}
