//! Descriptors that keep clear of the standard streams.
#![forbid(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

/// The same open file under a number above 2.
///
/// In a program that has closed its standard streams the next descriptor becomes one of them, and what somebody prints would go to a service.
pub(crate) fn above_stdio(descriptor: OwnedFd) -> io::Result<OwnedFd> {
    const FIRST: i32 = 3;
    if descriptor.as_raw_fd() >= FIRST {
        return Ok(descriptor);
    }
    Ok(rustix::io::fcntl_dupfd_cloexec(&descriptor, FIRST)?)
}
