//! Whether this process is still the one that opened a connection.
//!
//! After `fork()` parent and child share each socket: whoever reads takes the other's answer. Every connection remembers the process it was
//! made in, and is left alone (closed without a word) in any other.
#![forbid(unsafe_code)]

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

static FORKS: AtomicU32 = AtomicU32::new(0);
static WATCHED: AtomicBool = AtomicBool::new(false);

/// Tells processes apart: equal values mean the same process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process(u32);

impl Process {
    /// The process that runs this. A load from memory when forks are watched, else a system call.
    pub fn current() -> Process {
        Process(if WATCHED.load(Relaxed) {
            FORKS.load(Relaxed)
        } else {
            std::process::id()
        })
    }
}

/// To be called in the child of every fork once forks are watched. Async-signal-safe.
pub fn child_of_fork() {
    FORKS.fetch_add(1, Relaxed);
}

/// Somebody calls [`child_of_fork`] from now on (the C layer does, through `pthread_atfork`).
pub fn set_watched() {
    WATCHED.store(true, Relaxed);
}

/// Whether somebody calls [`child_of_fork`].
pub fn watched() -> bool {
    WATCHED.load(Relaxed)
}
