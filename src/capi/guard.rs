//! The wall between Rust and C: no panic passes it, and no thread is ended behind it.

use crate::error::{Error, Result};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `body`; a panic in it becomes a `KUAI_INTERNAL` error with the panic's text.
///
/// Unwinding into a caller that is not Rust would abort the process. What `body` was changing may be half
/// changed afterwards, so callers do not use it again; they may only free it.
pub(crate) fn guard<T>(body: impl FnOnce() -> Result<T>) -> Result<T> {
    let _kept = Kept::new();
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| Err(defect(panic)))
}

/// While it lives, `pthread_cancel` waits: ending a thread within a system call of ours would unwind Rust, which aborts.
struct Kept {
    #[cfg(all(target_os = "linux", any(target_env = "gnu", target_env = "musl")))]
    before: std::ffi::c_int,
}

#[cfg(all(target_os = "linux", any(target_env = "gnu", target_env = "musl")))]
mod kept {
    use super::Kept;
    use std::ffi::c_int;

    /// The same number in glibc and musl.
    const PTHREAD_CANCEL_DISABLE: c_int = 1;

    unsafe extern "C" {
        fn pthread_setcancelstate(state: c_int, before: *mut c_int) -> c_int;
    }

    fn set(state: c_int) -> c_int {
        let mut before = 0;
        // SAFETY: of this very thread, and `before` is there to be written to. It fails only for a state that is none.
        unsafe { pthread_setcancelstate(state, &mut before) };
        before
    }

    impl Kept {
        pub(super) fn new() -> Kept {
            Kept {
                before: set(PTHREAD_CANCEL_DISABLE),
            }
        }
    }

    impl Drop for Kept {
        fn drop(&mut self) {
            set(self.before);
        }
    }
}

#[cfg(not(all(target_os = "linux", any(target_env = "gnu", target_env = "musl"))))]
impl Kept {
    fn new() -> Kept {
        Kept {}
    }
}

/// [`guard`] for functions whose only answer is a status.
pub(crate) fn status(body: impl FnOnce() -> Result<()>) -> i32 {
    guard(body).map_or_else(|error| error.status.code(), |()| 0)
}

/// Drops what C gives back. There is nobody to tell of a panic on the way, so it is swallowed.
pub(crate) fn dropped<T>(inner: T) {
    let _ = guard(|| {
        drop(inner);
        Ok(())
    });
}

fn defect(panic: Box<dyn Any + Send>) -> Error {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without text");
    let error = Error::internal(format!("a defect in libkuai {}: {text}", env!("CARGO_PKG_VERSION")));
    // Whatever was thrown may throw again as it is dropped, and what comes then is let be.
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
        std::mem::forget(again);
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Status;

    #[test]
    fn a_panic_becomes_an_internal_error_with_its_text() {
        let number = 7;
        for (error, text) in [
            (guard::<()>(|| panic!("plain")), "plain"),
            (guard::<()>(|| panic!("number {number}")), "number 7"),
            (guard::<()>(|| std::panic::panic_any(number)), "without text"),
        ]
        .map(|(result, text)| (result.unwrap_err(), text))
        {
            assert_eq!(error.status, Status::Internal);
            assert!(error.message.contains(text), "{}", error.message);
        }
        assert_eq!(status(|| panic!("plain")), -99);
        assert_eq!(status(|| Ok(())), 0);
    }

    #[test]
    fn what_is_thrown_may_throw_again_when_it_is_dropped() {
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                // Without a size: what is let be is then no leak that a sanitizer could see.
                std::panic::panic_any(());
            }
        }
        assert!(guard::<()>(|| std::panic::panic_any(Bomb)).is_err());
        dropped(Bomb);
    }
}
