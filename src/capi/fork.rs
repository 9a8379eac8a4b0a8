//! Tells the core of each fork, so that a child leaves its parent's connections alone.

use crate::fork;
use std::sync::Once;

/// To be called before anything is made that may open a connection or a descriptor. Costs a load after the
/// first time.
pub(crate) fn watch() {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| {
        // SAFETY: the handler does nothing but an atomic addition, and the library is never unloaded (-z nodelete).
        let failed = unsafe { libc::pthread_atfork(None, None, Some(in_the_child)) };
        if failed == 0 {
            fork::set_watched();
        }
    });
}

extern "C" fn in_the_child() {
    fork::child_of_fork();
}
