//! Whether this process is still the one that opened a connection.
//!
//! After `fork()` parent and child share each socket: whoever reads takes the other's answer. Every connection remembers the process it was
//! made in, and is left alone (closed without a word) in any other.
#![forbid(unsafe_code)]

use std::sync::atomic::{
    AtomicBool, AtomicU32, AtomicUsize, Ordering::Acquire, Ordering::Relaxed, Ordering::Release, Ordering::SeqCst,
};

/// Kept up to date by [`child_of_fork`] once forks are watched.
static PROCESS: AtomicU32 = AtomicU32::new(0);
static WATCHED: AtomicBool = AtomicBool::new(false);
/// How many threads are changing what they share.
static INSIDE: AtomicUsize = AtomicUsize::new(0);
/// A fork has caught one of them.
static TORN: AtomicBool = AtomicBool::new(false);

/// Tells processes apart: equal values mean the same process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process(u32);

impl Process {
    /// The process that runs this. A load from memory when forks are watched, else a system call.
    pub fn current() -> Process {
        // The same number either way: what was made before forks were watched stays this process's own.
        Process(if WATCHED.load(Acquire) {
            PROCESS.load(Relaxed)
        } else {
            std::process::id()
        })
    }

    /// Whether what was made in this process is whole in the one that runs this: the same process, or a fork that caught no thread
    /// changing it.
    pub fn left_whole(self) -> bool {
        self == Process::current() || watched() && !TORN.load(SeqCst)
    }
}

/// While it lives, its thread changes what threads share.
pub struct Inside(());

impl Inside {
    /// Begins; it ends when the value is dropped.
    pub fn enter() -> Inside {
        INSIDE.fetch_add(1, SeqCst);
        Inside(())
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        INSIDE.fetch_sub(1, SeqCst);
    }
}

/// To be called in the child of every fork once forks are watched. Async-signal-safe.
pub fn child_of_fork() {
    PROCESS.store(std::process::id(), Relaxed);
    if INSIDE.swap(0, SeqCst) != 0 {
        TORN.store(true, SeqCst);
    }
}

/// Somebody calls [`child_of_fork`] from now on (the C layer does, through `pthread_atfork`).
pub fn set_watched() {
    PROCESS.store(std::process::id(), Relaxed);
    WATCHED.store(true, Release);
}

/// Whether somebody calls [`child_of_fork`].
pub fn watched() -> bool {
    WATCHED.load(Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn watching_forks_does_not_make_a_process_a_stranger_to_itself() {
        let before = Process::current();
        set_watched();
        assert_eq!(Process::current(), before);
        child_of_fork();
        assert_eq!(Process::current(), before, "no fork has happened");
    }
}
