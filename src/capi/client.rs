//! Client: whom to ask

use super::guard::guard;
use super::handle::{self, kuai_client};
use super::{fork, text};
use crate::client::Client;
use crate::error::{Error, Result};
use std::ffi::{CString, c_char};
use std::ptr;
use std::sync::LazyLock;

/// Makes a client.
///
/// `config_json` is an object of the configuration keys above; NULL takes everything from the environment.
/// Nothing is connected yet. A wrong configuration does not show here: every call fails with it
/// (KUAI_CONFIG), and kuai_client_error tells it at once. Free with kuai_client_free.
///
/// ```c
/// kuai_client *client = kuai_client_new("{\"deadline_ms\":60000,\"max_retries\":5}");
/// ```
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_client_new(config_json: *const c_char) -> *mut kuai_client {
    fork::watch();
    handle::give(Made::from(guard(|| {
        // SAFETY: the caller's text, by the header's rules.
        let config = unsafe { text::optional("config_json", config_json) }?;
        Client::new(config)
    })))
}

/// What is wrong with the client: the error document, or NULL when it can be used.
///
/// ```c
/// if (kuai_client_error(client))
///     fprintf(stderr, "%s\n", kuai_client_error(client));
/// ```
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_client_error(client: *const kuai_client) -> *const c_char {
    static NO_CLIENT: LazyLock<CString> = LazyLock::new(|| document(&Error::argument("client", "is NULL")));
    // SAFETY: the caller's handle, by the header's rules.
    match unsafe { handle::get(client) } {
        Ok(made) => made.document.as_ref().map_or(ptr::null(), |document| document.as_ptr()),
        Err(_) => NO_CLIENT.as_ptr(),
    }
}

/// Ends every call and stream of this client that is now in flight, and everything that is taken step by step
/// (pages, tools, jobs), from any thread; they fail with KUAI_CANCELLED.
///
/// Calls that start afterwards are not touched. To end one call, see kuai_cancel_new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_client_cancel(client: *const kuai_client) {
    let _ = guard(|| {
        // SAFETY: the caller's handle, by the header's rules.
        unsafe { usable(client) }?.cancel();
        Ok(())
    });
}

/// Takes the log's lines: those since the last time this was asked. "" when there are none, or when the
/// configuration's "log" is off. Never NULL; free with kuai_string_free.
///
/// With "log" at "error" there is a line for each attempt that failed, at "info" for every attempt, at
/// "debug" also when an attempt ("start") or the wait before another one ("wait") begins. Each line is a JSON
/// object with a line feed behind it:
///
/// ```text
/// {"time_ms":1790000000000,"level":"info","event":"attempt","method":"POST","path":"/v1/chat/completions",
///  "attempt":1,"status":"ok","http_status":200,"request_id":"req_1","look_up_us":51,"connect_us":9300,
///  "handshake_us":21800,"send_us":120,"wait_us":840000,"body_us":2100,"sent_bytes":412,
///  "received_bytes":1950,"reused":false}
/// ```
///
/// (in one line). The times are those of kuai_result_times; time_ms is the clock's, since 1970. A stream has
/// its line when it ends or is freed. No key, header, query, prompt or answer is ever in a line. May be asked
/// from any thread, also while calls run: nothing is called back, so nothing can go wrong in a callback. The
/// last 1000 lines are kept; when more were not fetched, a line with "event":"lost" says how many went.
///
/// ```c
/// char *lines = kuai_client_log(client);
/// fputs(lines, stderr);
/// kuai_string_free(lines);
/// ```
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_client_log(client: *const kuai_client) -> *mut c_char {
    // SAFETY: the caller's handle, by the header's rules.
    let lines = guard(|| Ok(unsafe { usable(client) }?.log()));
    text::owned(lines.unwrap_or_default().as_bytes())
}

/// Frees the client and closes the connections that it keeps. Its calls must have ended; its streams, pages,
/// tools and jobs may go on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_client_free(client: *mut kuai_client) {
    // SAFETY: the caller's handle, by the header's rules.
    unsafe { handle::free(client) }
}

/// What became of making a client.
pub(crate) struct Made {
    client: Result<Client>,
    /// The error document, for C to borrow.
    document: Option<CString>,
}

impl From<Result<Client>> for Made {
    fn from(client: Result<Client>) -> Made {
        let document = client.as_ref().err().map(document);
        Made { client, document }
    }
}

/// The client behind a handle, or why there is none.
///
/// # Safety
/// As [`handle::get`].
pub(crate) unsafe fn usable<'a>(client: *const kuai_client) -> Result<&'a Client> {
    // SAFETY: as promised by the caller.
    unsafe { handle::get(client) }?.client.as_ref().map_err(Error::clone)
}

fn document(error: &Error) -> CString {
    // JSON text has no NUL in it.
    CString::new(error.to_json()).unwrap_or_default()
}
