//! Handles: made by one function, freed by one, never looked into

use super::guard;
use crate::cancel::Cancel;
use crate::error::{Error, Result};
use crate::jobs::Job;
use crate::pages::Pages;
use crate::request::Request;
use crate::result::Answer;
use crate::stream::Stream;
use crate::tools::Tools;

/// Whom to ask and how: a service's address, a key, limits. Never changes once it is made; meant to be
/// shared by all threads.
pub struct kuai_client {
    _opaque: [u8; 0],
}

/// What to send, put together in steps.
pub struct kuai_request {
    _opaque: [u8; 0],
}

/// What became of a call: a status, and the answer or the error document.
pub struct kuai_result {
    _opaque: [u8; 0],
}

/// An answer that is still coming, taken piece by piece.
pub struct kuai_stream {
    _opaque: [u8; 0],
}

/// A switch that ends calls from another thread or from a signal handler.
pub struct kuai_cancel {
    _opaque: [u8; 0],
}

/// Work of many calls, taken step by step.
pub struct kuai_job {
    _opaque: [u8; 0],
}

/// A walk over a list.
pub struct kuai_pages {
    _opaque: [u8; 0],
}

/// A conversation in which the model calls tools.
pub struct kuai_tools {
    _opaque: [u8; 0],
}

/// What stands behind a handle, so that a pointer of one kind is never taken for another.
pub(crate) trait Handle {
    /// What the pointer really points to.
    type Inner;
    /// How the header's prototypes call such a parameter.
    const NAME: &'static str;
}

impl Handle for kuai_client {
    type Inner = super::client::Made;
    const NAME: &'static str = "client";
}

impl Handle for kuai_request {
    /// The first thing that went wrong while it was put together stays with it, and sending it fails with
    /// that.
    type Inner = Result<Request>;
    const NAME: &'static str = "request";
}

impl Handle for kuai_result {
    type Inner = Answer;
    const NAME: &'static str = "result";
}

impl Handle for kuai_stream {
    type Inner = Stream;
    const NAME: &'static str = "stream";
}

impl Handle for kuai_cancel {
    type Inner = Cancel;
    const NAME: &'static str = "cancel";
}

impl Handle for kuai_job {
    type Inner = Job;
    const NAME: &'static str = "job";
}

impl Handle for kuai_pages {
    type Inner = Pages;
    const NAME: &'static str = "pages";
}

impl Handle for kuai_tools {
    type Inner = Tools;
    const NAME: &'static str = "tools";
}

/// Hands an object to the caller, who owns it until it comes back to [`free`].
pub(crate) fn give<H: Handle>(inner: H::Inner) -> *mut H {
    Box::into_raw(Box::new(inner)).cast()
}

/// An object that stays ours, lent to the caller.
pub(crate) fn lend<H: Handle>(inner: &H::Inner) -> *const H {
    std::ptr::from_ref(inner).cast()
}

/// The object behind a handle, if there is one. Does nothing that a signal handler must not do.
///
/// # Safety
/// `handle` is NULL or came from [`give`] or [`lend`], is not freed during `'a`, and nobody has it mutably.
pub(crate) unsafe fn peek<'a, H: Handle>(handle: *const H) -> Option<&'a H::Inner> {
    // SAFETY: NULL is looked for by as_ref; the rest as promised by the caller.
    unsafe { handle.cast::<H::Inner>().as_ref() }
}

/// The object behind a handle.
///
/// # Safety
/// As [`peek`].
pub(crate) unsafe fn get<'a, H: Handle>(handle: *const H) -> Result<&'a H::Inner> {
    // SAFETY: as promised by the caller.
    unsafe { peek(handle) }.ok_or_else(|| Error::argument(H::NAME, "is NULL"))
}

/// The object behind a handle, to be changed.
///
/// # Safety
/// `handle` is NULL or came from [`give`], is not freed during `'a`, and nobody else uses it during `'a`.
pub(crate) unsafe fn get_mut<'a, H: Handle>(handle: *mut H) -> Result<&'a mut H::Inner> {
    // SAFETY: NULL is looked for by as_mut; the rest as promised by the caller.
    unsafe { handle.cast::<H::Inner>().as_mut() }.ok_or_else(|| Error::argument(H::NAME, "is NULL"))
}

/// Frees what [`give`] handed out.
///
/// # Safety
/// `handle` is NULL or came from [`give`] and was not freed yet.
pub(crate) unsafe fn free<H: Handle>(handle: *mut H) {
    if !handle.is_null() {
        // SAFETY: not NULL, and otherwise as promised by the caller.
        guard::dropped(unsafe { Box::from_raw(handle.cast::<H::Inner>()) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The header's rule: a const handle may be used by many threads at once, any handle may move to
    /// another thread.
    #[test]
    fn handles_may_be_used_as_the_header_says() {
        fn shared<T: Send + Sync>() {}
        shared::<<kuai_client as Handle>::Inner>();
        shared::<<kuai_request as Handle>::Inner>();
        shared::<<kuai_result as Handle>::Inner>();
        shared::<<kuai_stream as Handle>::Inner>();
        shared::<<kuai_cancel as Handle>::Inner>();
        shared::<<kuai_job as Handle>::Inner>();
        shared::<<kuai_pages as Handle>::Inner>();
        shared::<<kuai_tools as Handle>::Inner>();
    }
}
