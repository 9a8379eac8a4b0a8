//! Text and bytes on their way in and out.
//!
//! In: pointers of the caller's become `&str` and `&[u8]`, and what is wrong with them an error that names
//! the argument. Out: borrowed text is a slice that ends with NUL; owned text is a copy that [`free`]
//! frees.

use crate::error::{Error, Result};
use std::ffi::{CStr, c_char, c_void};
use std::slice;
use std::str::Utf8Error;

/// The text that a caller must give.
///
/// # Safety
/// `text` is NULL or a NUL-terminated string that does not change during `'a`.
pub(crate) unsafe fn required<'a>(argument: &str, text: *const c_char) -> Result<&'a str> {
    // SAFETY: as promised by the caller.
    unsafe { optional(argument, text) }?.ok_or_else(|| Error::argument(argument, "is NULL"))
}

/// The text that a caller may give; NULL is none.
///
/// # Safety
/// As [`required`].
pub(crate) unsafe fn optional<'a>(argument: &str, text: *const c_char) -> Result<Option<&'a str>> {
    if text.is_null() {
        return Ok(None);
    }
    // SAFETY: not NULL, and otherwise as promised by the caller.
    let bytes = unsafe { CStr::from_ptr(text) }.to_bytes();
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Some(text)),
        Err(fault) => Err(Error::argument(argument, not_utf8(bytes, fault))),
    }
}

/// The bytes that a caller gives; NULL with size 0 is empty.
///
/// # Safety
/// `data` is NULL or points to `size` bytes that do not change during `'a`.
pub(crate) unsafe fn bytes<'a>(argument: &str, data: *const c_void, size: usize) -> Result<&'a [u8]> {
    match (data.is_null(), size) {
        (_, 0) => Ok(&[]),
        (true, _) => Err(Error::argument(argument, format!("is NULL with size {size}"))),
        (false, size) if isize::try_from(size).is_err() => Err(Error::argument(argument, "is larger than memory")),
        // SAFETY: not NULL, of a size that a slice may have, and otherwise as promised by the caller.
        (false, size) => Ok(unsafe { slice::from_raw_parts(data.cast(), size) }),
    }
}

/// The buffer that a caller wants filled; NULL with size 0 is empty.
///
/// # Safety
/// `data` is NULL or points to `size` bytes that nobody else uses during `'a`. They may be uninitialised:
/// whoever gets the slice only writes to it.
pub(crate) unsafe fn buffer<'a>(argument: &str, data: *mut c_void, size: usize) -> Result<&'a mut [u8]> {
    // SAFETY: as promised by the caller; the same checks as for bytes that come in.
    let length = unsafe { bytes(argument, data, size) }?.len();
    if length == 0 {
        return Ok(&mut []);
    }
    // SAFETY: not NULL, of a size that a slice may have, and nobody else's as promised by the caller.
    Ok(unsafe { slice::from_raw_parts_mut(data.cast(), length) })
}

/// Writes to an out parameter, which may be NULL.
///
/// # Safety
/// `out` is NULL or may be written to.
pub(crate) unsafe fn put<T>(out: *mut T, value: T) {
    if !out.is_null() {
        // SAFETY: not NULL, and otherwise as promised by the caller.
        unsafe { out.write(value) }
    }
}

/// Borrowed text: the slice ends with NUL, and lives as long as the object it belongs to.
pub(crate) fn borrowed(text_z: &[u8]) -> *const c_char {
    debug_assert_eq!(text_z.last(), Some(&0));
    text_z.as_ptr().cast()
}

/// [`borrowed`] with its size, the NUL not counted.
///
/// # Safety
/// As [`put`] for `size`.
pub(crate) unsafe fn borrowed_with_size(text_z: &[u8], size: *mut usize) -> *const c_char {
    // SAFETY: as promised by the caller.
    unsafe { put(size, text_z.len() - 1) };
    borrowed(text_z)
}

/// Owned text, to be given back to [`free`].
///
/// From malloc and not a `CString`: to free one of those its length is taken again, and a program may have
/// cut the text (`strtok`).
pub(crate) fn owned(text: &[u8]) -> *mut c_char {
    try_owned(text).unwrap_or_else(|| std::alloc::handle_alloc_error(std::alloc::Layout::for_value(text)))
}

/// The same; `None` when there is no memory.
pub(crate) fn try_owned(text: &[u8]) -> Option<*mut c_char> {
    // SAFETY: malloc takes any size, and the block has room for the text and its NUL.
    unsafe {
        let copy = libc::malloc(text.len() + 1).cast::<u8>();
        if copy.is_null() {
            return None;
        }
        copy.copy_from_nonoverlapping(text.as_ptr(), text.len());
        copy.add(text.len()).write(0);
        Some(copy.cast())
    }
}

/// Frees owned text.
///
/// # Safety
/// `text` is NULL or came from [`owned`] and was not freed yet.
pub(crate) unsafe fn free(text: *mut c_char) {
    // SAFETY: as promised by the caller; free takes NULL.
    unsafe { libc::free(text.cast()) }
}

/// The start of `text` that is at most `size` bytes long and does not end within a character.
pub(crate) fn cut(text: &[u8], size: usize) -> &[u8] {
    let within = |end: usize| text.get(end).is_some_and(|byte| byte & 0xC0 == 0x80);
    let mut end = size.min(text.len());
    while end > 0 && within(end) {
        end -= 1;
    }
    &text[..end]
}

fn not_utf8(bytes: &[u8], fault: Utf8Error) -> String {
    let offset = fault.valid_up_to();
    let what = match fault.error_len() {
        None => "is the start of a UTF-8 character whose rest is missing",
        Some(_) if looks_like_gbk(bytes) => "is not UTF-8; the text looks like GBK, convert it to UTF-8 first",
        Some(_) => "is not UTF-8",
    };
    format!("byte {offset} (0x{:02X}) {what}", bytes[offset])
}

/// Whether all bytes that are not ASCII stand in pairs as GBK has them (lead 81-FE, trail 40-FE without
/// 7F).
///
/// At least one trail must not be ASCII either, or each Latin-1 letter before a plain one would be taken
/// for Chinese.
fn looks_like_gbk(bytes: &[u8]) -> bool {
    let mut high_trail = false;
    let mut rest = bytes.iter().copied();
    while let Some(byte) = rest.next() {
        if byte < 0x80 {
            continue;
        }
        match rest.next() {
            Some(trail @ (0x40..=0x7E | 0x80..=0xFE)) if (0x81..=0xFE).contains(&byte) => high_trail |= trail >= 0x80,
            _ => return false,
        }
    }
    high_trail
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CString;
    use std::ptr;

    fn refused(bytes: &[u8]) -> String {
        let text = CString::new(bytes).unwrap();
        // SAFETY: a NUL-terminated string that lives long enough.
        unsafe { required("request_json", text.as_ptr()) }
            .unwrap_err()
            .message
            .clone()
    }

    #[test]
    fn text_that_is_not_utf8_is_refused_with_its_place() {
        assert_eq!(
            refused(b"{\"a\":\"caf\xE9 noir\"}"),
            "request_json: byte 9 (0xE9) is not UTF-8"
        );
        assert_eq!(refused(b"\xFF\xFE{"), "request_json: byte 0 (0xFF) is not UTF-8");
        // A surrogate and an overlong form.
        assert_eq!(refused(b"\xED\xA0\x80"), "request_json: byte 0 (0xED) is not UTF-8");
        assert_eq!(
            refused(b"a\xC0\xAFb"),
            "request_json: byte 1 (0xC0) is not UTF-8; the text looks like GBK, convert it to UTF-8 first"
        );
    }

    #[test]
    fn gbk_is_recognised() {
        // The gateway's greeting, in GBK.
        let message = refused(b"{\"content\":\"\xC7\xEB\xBD\xE9\xC9\xDC\xD2\xBB\xCF\xC2\xC4\xE3\xD7\xD4\xBC\xBA\"}");
        assert_eq!(
            message,
            "request_json: byte 12 (0xC7) is not UTF-8; the text looks like GBK, convert it to UTF-8 first"
        );
        // Latin-1: an accented letter before a plain one is a GBK pair by its numbers.
        assert!(!refused(b"Stra\xDFe").contains("GBK"));
    }

    #[test]
    fn a_text_that_ends_within_a_character_is_told_so() {
        let text = "你好".as_bytes();
        assert_eq!(
            refused(&text[..4]),
            "request_json: byte 3 (0xE5) is the start of a UTF-8 character whose rest is missing"
        );
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        let text = "a快é".as_bytes();
        let sizes = [0, 1, 2, 3, 4, 5, 6, 7].map(|size| cut(text, size).len());
        assert_eq!(sizes, [0, 1, 1, 1, 4, 4, 6, 6]);
    }

    #[test]
    fn null_is_empty_only_with_size_zero() {
        // SAFETY: NULL is never read.
        unsafe {
            assert_eq!(bytes("data", ptr::null(), 0).unwrap(), b"");
            assert_eq!(
                bytes("data", ptr::null(), 3).unwrap_err().message,
                "data: is NULL with size 3"
            );
            assert_eq!(buffer("buffer", ptr::null_mut(), 0).unwrap(), b"");
            assert!(buffer("buffer", ptr::null_mut(), 3).is_err());
            assert!(bytes("data", c"".as_ptr().cast(), usize::MAX).is_err());
            assert_eq!(optional("text", ptr::null()).unwrap(), None);
            put(ptr::null_mut(), 1);
        }
    }

    #[test]
    fn owned_text_may_hold_nul_and_may_be_cut_before_it_is_freed() {
        // SAFETY: the block is as long as the text and its NUL, and is freed once.
        unsafe {
            let text = owned(b"a\0bc");
            assert_eq!(slice::from_raw_parts(text.cast::<u8>(), 5), b"a\0bc\0");
            text.write(0);
            free(text);
            free(ptr::null_mut());
        }
    }
}
