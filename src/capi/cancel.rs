//! Cancelling: to end one call from outside
//!
//! One switch may be given to many requests. Once triggered it stays so: what is sent with it later ends at
//! once.
//!
//! ```c
//! kuai_cancel *cancel = kuai_cancel_new();
//! kuai_request_cancel_with(request, cancel);
//! ```
//!
//! Then kuai_send in one thread, kuai_cancel_trigger in another.

use super::fork;
use super::handle::{self, kuai_cancel};
use crate::cancel::Cancel;

/// Makes a switch. Never NULL; free with kuai_cancel_free.
#[unsafe(no_mangle)]
pub extern "C" fn kuai_cancel_new() -> *mut kuai_cancel {
    fork::watch();
    handle::give(Cancel::new())
}

/// Ends every call that this switch was given to, and every later one: they fail with KUAI_CANCELLED.
///
/// May be called from any thread and from a signal handler, any number of times.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_cancel_trigger(cancel: *const kuai_cancel) {
    // Neither guard nor error: both may allocate, which a signal handler must not.
    // SAFETY: the caller's handle, by the header's rules.
    if let Some(cancel) = unsafe { handle::peek(cancel) } {
        cancel.trigger();
    }
}

/// Frees the switch. The requests that it was given to keep what they need of it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kuai_cancel_free(cancel: *mut kuai_cancel) {
    // SAFETY: the caller's handle, by the header's rules.
    unsafe { handle::free(cancel) }
}
