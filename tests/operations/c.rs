//! The C functions in the hands of a careful C program: every text ends with NUL, every handle is freed once.

#![allow(dead_code)] // Each test binary uses another part of it.

use kuai::capi::*;
use std::ffi::{CStr, CString, c_char, c_void};
use std::marker::PhantomData;
use std::ptr;

pub const OK: i32 = kuai_status_code::KUAI_OK as i32;
pub const DONE: i32 = kuai_status_code::KUAI_DONE as i32;
pub const INVALID_ARGUMENT: i32 = kuai_status_code::KUAI_INVALID_ARGUMENT as i32;
pub const IO: i32 = kuai_status_code::KUAI_IO as i32;
pub const CANCELLED: i32 = kuai_status_code::KUAI_CANCELLED as i32;

/// A `kuai_client`.
pub struct Client(*mut kuai_client);

// SAFETY: what takes a `const kuai_client *` may be called by many threads at once (kuai.h, THREADS).
unsafe impl Sync for Client {}

impl Client {
    pub fn new(config: &serde_json::Value) -> Client {
        let config = text(&config.to_string());
        // SAFETY: a NUL-terminated text, and the handle that was just made.
        unsafe {
            let client = kuai_client_new(config.as_ptr());
            let error = kuai_client_error(client);
            assert!(error.is_null(), "{:?}", CStr::from_ptr(error));
            Client(client)
        }
    }

    pub fn call(&self, operation: &str, params: Option<&str>, options: Option<&str>) -> Outcome {
        let (operation, params, options) = (text(operation), params.map(text), options.map(text));
        // SAFETY: a handle that lives, NUL-terminated texts or NULL.
        unsafe {
            Outcome::take(kuai_call(
                self.0,
                operation.as_ptr(),
                or_null(&params),
                or_null(&options),
            ))
        }
    }

    pub fn send(&self, request: &Request<'_>) -> Outcome {
        // SAFETY: handles that live.
        unsafe { Outcome::take(kuai_send(self.0, request.0)) }
    }

    pub fn open(&self, request: &Request<'_>) -> Stream {
        // SAFETY: handles that live.
        Stream(unsafe { kuai_open(self.0, request.0) })
    }

    pub fn cancel(&self) {
        // SAFETY: a handle that lives.
        unsafe { kuai_client_cancel(self.0) }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // SAFETY: a handle that nobody else has.
        unsafe { kuai_client_free(self.0) }
    }
}

/// A `kuai_request` with the data that it borrows.
pub struct Request<'d>(*mut kuai_request, PhantomData<&'d [u8]>);

// SAFETY: sending takes a `const kuai_request *`, which many threads may do at once; what changes it takes `&mut self`.
unsafe impl Sync for Request<'_> {}

impl<'d> Request<'d> {
    pub fn new(operation: &str, params: Option<&str>, options: Option<&str>) -> Request<'d> {
        let (operation, params, options) = (text(operation), params.map(text), options.map(text));
        // SAFETY: NUL-terminated texts or NULL.
        let request = unsafe { kuai_request_new(operation.as_ptr(), or_null(&params), or_null(&options)) };
        Request(request, PhantomData)
    }

    pub fn body(&mut self, content_type: Option<&str>, data: &[u8]) -> i32 {
        let content_type = content_type.map(text);
        // SAFETY: a handle that lives, a text or NULL, and as many bytes as are said.
        unsafe { kuai_request_body(self.0, or_null(&content_type), data.as_ptr().cast(), data.len()) }
    }

    pub fn file(&mut self, field: &str, filename: &str, content_type: Option<&str>, data: &'d [u8]) -> i32 {
        let (field, filename, content_type) = (text(field), text(filename), content_type.map(text));
        let (bytes, size) = (data.as_ptr().cast::<c_void>(), data.len());
        // SAFETY: a handle that lives, texts, and as many bytes as are said, which outlive the request.
        unsafe {
            kuai_request_file(
                self.0,
                field.as_ptr(),
                filename.as_ptr(),
                or_null(&content_type),
                bytes,
                size,
            )
        }
    }

    pub fn file_path(&mut self, field: &str, path: &str) -> i32 {
        let (field, path) = (text(field), text(path));
        // SAFETY: a handle that lives, and texts.
        unsafe { kuai_request_file_path(self.0, field.as_ptr(), path.as_ptr()) }
    }

    pub fn save_to(&mut self, path: &str) -> i32 {
        let path = text(path);
        // SAFETY: a handle that lives, and a text.
        unsafe { kuai_request_save_to(self.0, path.as_ptr()) }
    }
}

impl Drop for Request<'_> {
    fn drop(&mut self) {
        // SAFETY: a handle that nobody else has.
        unsafe { kuai_request_free(self.0) }
    }
}

/// A `kuai_stream`.
pub struct Stream(*mut kuai_stream);

impl Stream {
    pub fn next(&mut self) -> i32 {
        // SAFETY: a handle that lives.
        unsafe { kuai_stream_next(self.0) }
    }

    pub fn read(&mut self, buffer: &mut [u8]) -> (i32, usize) {
        let mut got = 0;
        // SAFETY: a handle that lives, and a buffer of the size that is said.
        let status = unsafe { kuai_stream_read(self.0, buffer.as_mut_ptr().cast(), buffer.len(), &mut got) };
        (status, got)
    }

    /// The outcome so far.
    pub fn result(&mut self) -> Outcome {
        // SAFETY: a handle that lives; its result is not freed.
        unsafe { Outcome::of(kuai_stream_result(self.0)) }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // SAFETY: a handle that nobody else has.
        unsafe { kuai_stream_free(self.0) }
    }
}

/// What a C program sees of a `kuai_result`.
#[derive(Debug)]
pub struct Outcome {
    pub status: i32,
    pub http_status: i32,
    pub json: String,
    pub body: Vec<u8>,
}

impl Outcome {
    /// Of a result that is then freed.
    ///
    /// # Safety
    /// A good handle that nobody else frees.
    unsafe fn take(result: *mut kuai_result) -> Outcome {
        // SAFETY: as promised by the caller.
        unsafe {
            let outcome = Outcome::of(result);
            kuai_result_free(result);
            outcome
        }
    }

    /// # Safety
    /// A good handle.
    unsafe fn of(result: *const kuai_result) -> Outcome {
        let mut size = 0;
        // SAFETY: as promised by the caller; what is borrowed from the handle is copied.
        unsafe {
            let body = kuai_result_body(result, &mut size).cast::<u8>();
            Outcome {
                status: kuai_result_status(result),
                http_status: kuai_result_http_status(result),
                json: owned(kuai_result_json(result)),
                body: std::slice::from_raw_parts(body, size).to_vec(),
            }
        }
    }

    /// The message of an error document.
    pub fn message(&self) -> String {
        let document: serde_json::Value = serde_json::from_str(&self.json).expect("a document");
        document["error"]["message"].as_str().expect("a message").to_owned()
    }
}

/// `kuai_operations()`.
pub fn operations() -> serde_json::Value {
    // SAFETY: a text that is never freed.
    let list = unsafe { owned(kuai_operations()) };
    serde_json::from_str(&list).expect("JSON")
}

fn text(text: &str) -> CString {
    CString::new(text).expect("no NUL in it")
}

fn or_null(text: &Option<CString>) -> *const c_char {
    text.as_ref().map_or(ptr::null(), |text| text.as_ptr())
}

/// # Safety
/// A NUL-terminated text.
unsafe fn owned(text: *const c_char) -> String {
    // SAFETY: as promised by the caller.
    unsafe { CStr::from_ptr(text) }.to_str().expect("UTF-8").to_owned()
}
