//! Tools: functions of the program's that the model may call
//!
//! The request names the tools. The program asks for the next call, does what the model wants, gives the
//! result back, and so on until the model has finished:
//!
//! ```c
//! const char *request_json =
//!     "{\"messages\":[{\"role\":\"user\",\"content\":\"How warm is it in Paris?\"}],"
//!     "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"get_weather\",\"parameters\":"
//!     "{\"type\":\"object\",\"properties\":{\"city\":{\"type\":\"string\"}}}}}]}";
//! kuai_tools *tools = kuai_tools_new(client, request_json, NULL);
//! while ((status = kuai_tools_next(tools)) == KUAI_OK) {
//!     printf("%s(%s)\n", kuai_tools_name(tools), kuai_tools_arguments(tools));
//!     kuai_tools_give(tools, "21 degrees, sunny");
//! }
//! puts(status == KUAI_DONE ? kuai_tools_text(tools, NULL) : kuai_result_json(kuai_tools_result(tools)));
//! kuai_tools_free(tools);
//! ```
//!
//! The model's messages go back to the service byte for byte, with all that it wants to see again
//! (reasoning_content, thought signatures). The request may be one of chat completions ("messages"; "tools",
//! or the older "functions") or one of responses ("input"). Of several choices ("n") the first counts.

use super::client::usable;
use super::guard::{dropped, guard, status};
use super::handle::{self, kuai_cancel, kuai_client, kuai_result, kuai_tools};
use super::status::kuai_status;
use super::text;
use crate::error::{Error, Result, Status};
use crate::result::Answer;
use crate::tools::Tools;
use std::ffi::c_char;
use std::sync::LazyLock;

/// Begins a conversation with tools. Nothing is sent before the first kuai_tools_next.
///
/// `request_json` is the request as the API documents it. It goes out as it stands with every turn, but for
/// the messages that were added, and "stream". `options_json` are the options of each call to the service,
/// without idempotency_key, save_to and bare, and two more:
///
/// ```text
/// max_turns  10     the most answers that the model may give; when it still calls tools after that, and the
///                   results are given, kuai_tools_next is KUAI_LIMIT
/// stream     false  true: the text comes piece by piece
/// ```
///
/// Never NULL; free with kuai_tools_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_tools_new(
    client: *const kuai_client,
    request_json: *const c_char,
    options_json: *const c_char,
) -> *mut kuai_tools {
    let tools = guard(|| {
        // SAFETY: the caller's handle and texts, by the header's rules.
        let (client, request, options) = unsafe {
            (
                usable(client)?,
                text::required("request_json", request_json)?,
                text::optional("options_json", options_json)?,
            )
        };
        Ok(client.tools(request, options))
    });
    handle::give(tools.unwrap_or_else(Tools::failed))
}

/// Gives the conversation a switch that ends its calls to the service at once, in place of one given before:
/// kuai_tools_next is KUAI_CANCELLED. With "stream" it counts from the next answer on. The switch may be freed
/// before the conversation is.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_tools_cancel_with(tools: *mut kuai_tools, cancel: *const kuai_cancel) -> kuai_status {
    // SAFETY: the caller's handles, by the header's rules.
    status(|| unsafe { handle::get_mut(tools)?.cancel_with(handle::get(cancel)?) })
}

/// Goes on until there is something for the program to do.
///
/// KUAI_OK: a tool is to be called, and waits for kuai_tools_give; with "stream" also when new text has come,
/// and then kuai_tools_name is "". Several calls in one answer are handed out one after the other. KUAI_DONE:
/// the model has finished, and it stays so. Anything else is a failure, and kuai_tools_result has its
/// document: KUAI_INVALID_ARGUMENT when a call still waits for its result, KUAI_LIMIT after max_turns answers.
/// Where an answer could not be had, another kuai_tools_next asks for it again; with "stream" its text then
/// comes from its start.
///
/// ```c
/// kuai_tools *tools = kuai_tools_new(client, request_json, "{\"stream\":true}");
/// while ((status = kuai_tools_next(tools)) == KUAI_OK) {
///     fputs(kuai_tools_text(tools, NULL), stdout);
///     if (strcmp(kuai_tools_name(tools), "") != 0)
///         kuai_tools_give(tools, "21 degrees, sunny");
/// }
/// kuai_tools_free(tools);
/// ```
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_tools_next(tools: *mut kuai_tools) -> kuai_status {
    // SAFETY: the caller's handle, by the header's rules.
    let tools = match unsafe { handle::get_mut(tools) } {
        Ok(tools) => tools,
        Err(error) => return error.status.code(),
    };
    guard(|| Ok(tools.next())).map_or_else(|defect| given_up(tools, defect), Status::code)
}

/// The name of the tool to call. "" when no call waits for its result.
///
/// This and the other texts of a call are good until the next kuai_tools_give, kuai_tools_next or
/// kuai_tools_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_tools_name(tools: *const kuai_tools) -> *const c_char {
    // SAFETY: the caller's handle, by the header's rules.
    text::borrowed(unsafe { part(tools, Tools::name_z) })
}

/// What the tool is to be called with, as the model wrote it: JSON if all is well (a custom tool's is plain
/// text).
///
/// Models make mistakes, and an answer that reached its longest length ends anywhere: what is no JSON is
/// handed out all the same. To give back what is wrong with it mostly helps the model.
///
/// ```c
/// char *city = kuai_json_get(kuai_tools_arguments(tools), "/city");
/// kuai_tools_give(tools, city ? "21 degrees, sunny" : "error: the argument city is missing");
/// kuai_string_free(city);
/// ```
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_tools_arguments(tools: *const kuai_tools) -> *const c_char {
    // SAFETY: the caller's handle, by the header's rules.
    text::borrowed(unsafe { part(tools, Tools::arguments_z) })
}

/// The service's name for this call. "" when it gave none (the older "functions" have none).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_tools_call_id(tools: *const kuai_tools) -> *const c_char {
    // SAFETY: the caller's handle, by the header's rules.
    text::borrowed(unsafe { part(tools, Tools::call_id_z) })
}

/// What the model has said to the user since the last kuai_tools_next, also after KUAI_DONE: printed each
/// time, it is everything once. Without "stream" it comes in one piece, with the answer's first call or with
/// KUAI_DONE. `size` takes its size, and may be NULL. Good until the next kuai_tools_next or kuai_tools_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_tools_text(tools: *const kuai_tools, size: *mut usize) -> *const c_char {
    // SAFETY: the caller's handle and pointer, by the header's rules.
    unsafe { text::borrowed_with_size(part(tools, Tools::text_z), size) }
}

/// Gives the result of the call that waits for one: any text, also one that says what went wrong. It is
/// copied.
///
/// KUAI_INVALID_ARGUMENT when no call waits, or when `content` is NULL or not UTF-8; then the call still
/// waits, and until a good result comes kuai_tools_next fails with the same.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_tools_give(tools: *mut kuai_tools, content: *const c_char) -> kuai_status {
    // SAFETY: the caller's handle and text, by the header's rules.
    status(|| unsafe { handle::get_mut(tools)?.give_or_refuse(text::required("content", content)) })
}

/// The service's last answer; after KUAI_DONE the final one, after a failure the error document. While an
/// answer is coming ("stream"), as much of it as has come.
///
/// It belongs to the conversation and is good until the next kuai_tools_next or kuai_tools_free: do not free
/// it. Never NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_tools_result(tools: *mut kuai_tools) -> *const kuai_result {
    static NO_TOOLS: LazyLock<Answer> = LazyLock::new(|| Answer::from_error(Error::argument("tools", "is NULL")));
    // SAFETY: the caller's handle, by the header's rules.
    let answer: Result<&Answer> = guard(|| Ok(unsafe { handle::get_mut(tools) }?.result()));
    handle::lend(answer.unwrap_or(&NO_TOOLS))
}

/// The whole conversation as a JSON array, to go on with: the request's "messages" (or "input"), the model's
/// answers, and the results. "[]" when there is none. Good until the next kuai_tools_give, kuai_tools_next or
/// kuai_tools_free.
///
/// While a call waits for its result the array lacks that, and services refuse such a conversation. After
/// KUAI_LIMIT another kuai_tools can go on with it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_tools_messages(tools: *mut kuai_tools) -> *const c_char {
    // SAFETY: the caller's handle, by the header's rules.
    let messages: Result<&[u8]> = guard(|| Ok(unsafe { handle::get_mut(tools) }?.messages_z()));
    text::borrowed(messages.unwrap_or(b"[]\0"))
}

/// Ends the conversation, and frees it and everything borrowed from it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_tools_free(tools: *mut kuai_tools) {
    // SAFETY: the caller's handle, by the header's rules.
    unsafe { handle::free(tools) }
}

/// A text of the conversation's, NUL behind it; empty where there is no conversation.
///
/// # Safety
/// As [`handle::get`].
unsafe fn part<'a>(tools: *const kuai_tools, take: impl FnOnce(&'a Tools) -> &'a [u8]) -> &'a [u8] {
    // SAFETY: as promised by the caller.
    let text: Result<&[u8]> = guard(|| Ok(take(unsafe { handle::get(tools) }?)));
    text.unwrap_or(b"\0")
}

/// After a defect the conversation is one that failed with the defect's text.
fn given_up(tools: &mut Tools, defect: Error) -> kuai_status {
    let status = defect.status.code();
    dropped(std::mem::replace(tools, Tools::failed(defect)));
    status
}
