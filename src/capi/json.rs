//! JSON: for programs without a library for it

use super::guard::guard;
use super::text;
use crate::error::Error;
use crate::json::{self, Value, quote};
use std::ffi::{CStr, c_char};
use std::ptr;

/// One value out of a JSON text.
///
/// `pointer` is a JSON Pointer (RFC 6901): "/choices/0/message/content", "" for the whole. Returns a string
/// decoded and anything else as its JSON text; NULL when there is no such value or `json` is not JSON. A
/// decoded string that holds U+0000 seems to end there. Free with kuai_string_free.
///
/// ```c
/// char *tokens = kuai_json_get(kuai_result_json(result), "/usage/total_tokens");
/// printf("%s tokens\n", tokens ? tokens : "?");
/// kuai_string_free(tokens);
/// ```
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_json_get(json: *const c_char, pointer: *const c_char) -> *mut c_char {
    guard(|| {
        // SAFETY: the caller's texts, by the header's rules.
        let (json, pointer) = unsafe { (text::required("json", json)?, text::required("pointer", pointer)?) };
        let found = json::find(json.as_bytes(), pointer).map_err(|fault| Error::argument("json", fault))?;
        Ok(found.map_or(ptr::null_mut(), handed_out))
    })
    .unwrap_or(ptr::null_mut())
}

/// Any text as a JSON string, with its quotes, ready to be put into a request.
///
/// NULL counts as empty text. Never NULL. Bytes that are not UTF-8 stay as they are, so that the call that
/// gets the request refuses it and says where. Free with kuai_string_free.
///
/// ```c
/// char *question = kuai_json_quote("What does \"kuai\" mean?");
/// char *request_json = malloc(strlen(question) + 100);
/// sprintf(request_json, "{\"messages\":[{\"role\":\"user\",\"content\":%s}]}", question);
/// kuai_string_free(question);
/// ```
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_json_quote(text: *const c_char) -> *mut c_char {
    guard(|| {
        // SAFETY: not NULL; the caller's text, by the header's rules.
        let text = if text.is_null() {
            c""
        } else {
            unsafe { CStr::from_ptr(text) }
        };
        Ok(text::owned(&quoted(text.to_bytes())))
    })
    .unwrap_or_else(|_| text::owned(b"\"\""))
}

fn handed_out(value: Value<'_>) -> *mut c_char {
    let mut decoded = String::new();
    if value.decode_into(&mut decoded) {
        text::owned(decoded.as_bytes())
    } else {
        text::owned(value.raw())
    }
}

fn quoted(text: &[u8]) -> Vec<u8> {
    let mut literal = String::with_capacity(text.len() + 2);
    let mut out = vec![b'"'];
    for chunk in text.utf8_chunks() {
        literal.clear();
        quote(chunk.valid(), &mut literal);
        out.extend_from_slice(&literal.as_bytes()[1..literal.len() - 1]);
        out.extend_from_slice(chunk.invalid());
    }
    out.push(b'"');
    out
}
