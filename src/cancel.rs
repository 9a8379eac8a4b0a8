//! Ending calls from outside: another thread, or a signal handler.
#![forbid(unsafe_code)]

use crate::descriptor;
use crate::fork::Process;
use rustix::event::{PollFd, PollFlags};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A switch that ends the calls it was given to. Clones are the same switch.
///
/// Once triggered it stays triggered: a call that is given to it later ends at once.
#[derive(Clone, Debug)]
pub struct Cancel(Arc<Switch>);

#[derive(Debug)]
struct Switch {
    triggered: AtomicBool,
    /// Readable from the trigger on, so that a waiting `poll` wakes. Without it (no descriptor was to be had) waits look at the flag
    /// in short turns.
    bell: Option<OwnedFd>,
    /// The bell is shared with the other side of a fork: only the process that made it may ring it or listen to it.
    made_in: Process,
}

impl Cancel {
    /// A switch that is not triggered yet. Never fails.
    pub fn new() -> Cancel {
        Cancel(Arc::new(Switch {
            triggered: AtomicBool::new(false),
            bell: new_bell(),
            made_in: Process::current(),
        }))
    }

    /// Ends the calls that were given to this switch. From any thread; async-signal-safe.
    pub fn trigger(&self) {
        self.0.triggered.store(true, Ordering::SeqCst);
        if let Some(bell) = self.bell() {
            // It can only fail when the counter is full, and then the bell is ringing already.
            let _ = rustix::io::write(bell, &1u64.to_ne_bytes());
        }
    }

    /// Whether [`trigger`](Self::trigger) was called.
    pub fn is_triggered(&self) -> bool {
        self.0.triggered.load(Ordering::SeqCst)
    }

    /// What a `poll` can wait on beside its socket; `None`: only [`is_triggered`](Self::is_triggered) tells.
    pub(crate) fn poll_fd(&self) -> Option<PollFd<'_>> {
        self.bell().map(|bell| PollFd::new(bell, PollFlags::IN))
    }

    fn bell(&self) -> Option<&OwnedFd> {
        self.0.bell.as_ref().filter(|_| self.0.made_in == Process::current())
    }
}

#[cfg(target_os = "linux")]
fn new_bell() -> Option<OwnedFd> {
    use rustix::event::{EventfdFlags, eventfd};
    let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).ok()?;
    descriptor::above_stdio(bell).ok()
}

/// Elsewhere the flag alone does it.
#[cfg(not(target_os = "linux"))]
fn new_bell() -> Option<OwnedFd> {
    None
}

impl Default for Cancel {
    fn default() -> Self {
        Cancel::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trigger_is_seen_by_every_clone_and_stays() {
        let cancel = Cancel::new();
        let other = cancel.clone();
        assert!(!other.is_triggered());
        cancel.trigger();
        cancel.trigger();
        assert!(other.is_triggered());
        let mut fds = [other.poll_fd().unwrap()];
        assert_eq!(rustix::event::poll(&mut fds, None).unwrap(), 1);
    }
}
