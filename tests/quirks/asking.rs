//! Asking as a C program does.

use kuai::capi::*;
use std::ffi::{CStr, CString, c_char};
use std::ptr;

/// What a program sees of a call.
pub struct Outcome {
    /// Its name, as `kuai_status_name` gives it.
    pub status: String,
    /// The answer or the error document.
    pub json: String,
    /// The answer's text; of a stream, all that its events brought.
    pub text: String,
    /// A stream's text as its whole answer has it.
    pub end_text: String,
    pub events: usize,
    pub body: Vec<u8>,
}

impl Outcome {
    pub fn failed(&self) -> bool {
        self.status != "ok" && self.status != "done"
    }
}

pub struct Client(*mut kuai_client);

impl Client {
    pub fn new(config: &str) -> Client {
        let config = c_text(config);
        // SAFETY: a C string.
        let client = unsafe { kuai_client_new(config.as_ptr()) };
        // SAFETY: a client; its error lives as long.
        unsafe {
            assert!(
                kuai_client_error(client).is_null(),
                "{}",
                text(kuai_client_error(client))
            )
        };
        Client(client)
    }

    pub fn complete(&self, request: &str) -> Outcome {
        let request = c_text(request);
        let mut status = 0;
        // SAFETY: a client, C strings and a place for the status; what is returned is copied before it is freed.
        unsafe {
            let answer = kuai_chat_complete(self.0, request.as_ptr(), &mut status);
            let content = kuai_json_get(answer, c"/choices/0/message/content".as_ptr());
            let outcome = Outcome {
                status: name(status),
                json: text(answer),
                text: if content.is_null() || text(content) == "null" {
                    String::new()
                } else {
                    text(content)
                },
                end_text: String::new(),
                events: 0,
                body: Vec::new(),
            };
            kuai_string_free(content);
            kuai_string_free(answer);
            outcome
        }
    }

    pub fn call(&self, operation: &str, params: &str) -> Outcome {
        let (operation, params) = (c_text(operation), c_text(params));
        // SAFETY: as above.
        unsafe {
            let result = kuai_call(self.0, operation.as_ptr(), params.as_ptr(), ptr::null());
            let outcome = outcome(result);
            kuai_result_free(result);
            outcome
        }
    }

    pub fn stream(&self, request: &str) -> Outcome {
        let request = c_text(request);
        // SAFETY: as above.
        drain(unsafe { kuai_chat_stream(self.0, request.as_ptr()) })
    }

    pub fn open(&self, operation: &str, params: &str) -> Outcome {
        let (operation, params) = (c_text(operation), c_text(params));
        // SAFETY: as above; the stream needs neither of the strings nor the request any more.
        unsafe {
            let request = kuai_request_new(operation.as_ptr(), params.as_ptr(), ptr::null());
            let stream = kuai_open(self.0, request);
            kuai_request_free(request);
            drain(stream)
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // SAFETY: made by `new`, freed once.
        unsafe { kuai_client_free(self.0) }
    }
}

fn drain(stream: *mut kuai_stream) -> Outcome {
    let (mut said, mut events) = (String::new(), 0);
    // SAFETY: a stream that is freed once, at the end; what it lends is copied before its next step.
    unsafe {
        let status = loop {
            let status = kuai_stream_next(stream);
            if status != 0 {
                break status;
            }
            events += 1;
            let mut size = 0;
            let piece = kuai_stream_text(stream, &mut size);
            assert!(CStr::from_ptr(piece).count_bytes() <= size);
            said += &text(piece);
            let data = text(kuai_stream_json(stream));
            assert!(
                serde_json::from_str::<serde_json::Value>(&data).is_ok() || data.contains("\\u"),
                "{data}"
            );
            assert!(events < 10_000, "the stream does not end");
        };
        assert_eq!(kuai_stream_next(stream), status, "an end stays");
        let result = outcome(kuai_stream_result(stream));
        let outcome = Outcome {
            status: name(status),
            text: said,
            end_text: result.text,
            events,
            ..result
        };
        kuai_stream_free(stream);
        outcome
    }
}

/// # Safety
/// `result` is a result.
unsafe fn outcome(result: *const kuai_result) -> Outcome {
    // SAFETY: by the caller's word; what is lent is copied.
    unsafe {
        let mut size = 0;
        let bytes = kuai_result_body(result, &mut size).cast::<u8>();
        let body = if size == 0 {
            Vec::new()
        } else {
            std::slice::from_raw_parts(bytes, size).to_vec()
        };
        Outcome {
            status: name(kuai_result_status(result)),
            json: text(kuai_result_json(result)),
            text: text(kuai_result_text(result, ptr::null_mut())),
            end_text: String::new(),
            events: 0,
            body,
        }
    }
}

fn c_text(text: &str) -> CString {
    CString::new(text).expect("no NUL inside")
}

/// # Safety
/// `text` is a C string.
unsafe fn text(text: *const c_char) -> String {
    // SAFETY: by the caller's word.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_str().expect("the library's texts are UTF-8").to_owned()
}

fn name(status: kuai_status) -> String {
    let status = kuai_status_name(status);
    // SAFETY: the name is a C string that lives for ever.
    unsafe { text(status) }
}
