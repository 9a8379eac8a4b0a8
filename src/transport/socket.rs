//! A socket whose every wait is bounded, survives signals and can be cancelled.
#![forbid(unsafe_code)]

use super::exchange::{Exchange, Timer};
use crate::cancel::Cancel;
use crate::descriptor;
use crate::error::{Error, Result, Status};
use crate::fork::Process;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, socket_with, sockopt};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

/// How often a switch without a bell is looked at.
const TURN: Duration = Duration::from_millis(20);

/// Silent minutes are normal (a model that thinks), and routers forget silent connections: the kernel speaks up instead.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(45);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);
const KEEPALIVE_PROBES: u32 = 6;

/// A connected, non-blocking socket.
#[derive(Debug)]
pub(crate) struct Socket {
    descriptor: OwnedFd,
    made_in: Process,
}

/// What a wait ended with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ready {
    pub readable: bool,
    pub writable: bool,
}

impl Socket {
    /// Begins to connect by TCP, without waiting.
    pub fn start(address: SocketAddr) -> io::Result<Socket> {
        Socket::connect(address, SocketType::STREAM)
    }

    /// A UDP socket for what goes to this address and comes from there. Nothing is sent.
    pub fn datagrams(address: SocketAddr) -> io::Result<Socket> {
        Socket::connect(address, SocketType::DGRAM)
    }

    fn connect(address: SocketAddr, kind: SocketType) -> io::Result<Socket> {
        let family = if address.is_ipv4() {
            AddressFamily::INET
        } else {
            AddressFamily::INET6
        };
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let descriptor = descriptor::above_stdio(socket_with(family, kind, flags, None)?)?;
        match rustix::net::connect(&descriptor, &address) {
            // After an interruption the connection goes on being made, as after EINPROGRESS (POSIX connect()).
            Ok(()) | Err(Errno::INPROGRESS | Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(Socket {
            descriptor,
            made_in: Process::current(),
        })
    }

    /// How the connecting ended. To be asked when the socket has become writable.
    pub fn finish(&self) -> io::Result<()> {
        sockopt::socket_error(&self.descriptor)??;
        sockopt::set_tcp_nodelay(&self.descriptor, true)?;
        sockopt::set_socket_keepalive(&self.descriptor, true)?;
        sockopt::set_tcp_keepidle(&self.descriptor, KEEPALIVE_IDLE)?;
        sockopt::set_tcp_keepintvl(&self.descriptor, KEEPALIVE_INTERVAL)?;
        sockopt::set_tcp_keepcnt(&self.descriptor, KEEPALIVE_PROBES)?;
        Ok(())
    }

    /// Whether this process may use the socket.
    pub fn is_ours(&self) -> bool {
        self.made_in == Process::current()
    }

    /// Whether the other side has neither closed nor said anything. One system call.
    pub fn is_quiet(&self) -> bool {
        rustix::net::recv(&self.descriptor, &mut [0], RecvFlags::PEEK) == Err(Errno::WOULDBLOCK)
    }

    /// The address that this side has.
    pub fn own_address(&self) -> Option<IpAddr> {
        let address = rustix::net::getsockname(&self.descriptor).ok()?;
        SocketAddr::try_from(address).ok().map(|address| address.ip())
    }

    /// Reads what is there; `WouldBlock` when there is nothing. Signals do not show.
    pub fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let (amount, _) = uninterrupted(|| rustix::net::recv(&self.descriptor, &mut *buffer, RecvFlags::empty()))?;
        Ok(amount)
    }

    /// Writes what goes; `WouldBlock` when nothing does. Signals do not show.
    pub fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        // A service that has gone away is an error, and no SIGPIPE.
        uninterrupted(|| rustix::net::send(&self.descriptor, bytes, SendFlags::NOSIGNAL))
    }

    fn poll_fd(&self, events: PollFlags) -> PollFd<'_> {
        PollFd::new(&self.descriptor, events)
    }
}

impl Ready {
    pub const READABLE: Ready = Ready {
        readable: true,
        writable: false,
    };
    pub const WRITABLE: Ready = Ready {
        readable: false,
        writable: true,
    };
    pub const EITHER: Ready = Ready {
        readable: true,
        writable: true,
    };

    fn flags(self) -> PollFlags {
        let mut flags = PollFlags::empty();
        flags.set(PollFlags::IN, self.readable);
        flags.set(PollFlags::OUT, self.writable);
        flags
    }
}

/// Waits until one of the sockets is ready for what is `wanted`, and says for what each is.
///
/// # Errors
/// `Timeout` when `timer` or a limit of the exchange passes, `Cancelled` when a switch is triggered, both at once whatever signals arrive.
pub(crate) fn wait(
    sockets: &[&Socket],
    wanted: Ready,
    exchange: &Exchange,
    timer: Option<Timer>,
    doing: &str,
) -> Result<[Ready; MOST_SOCKETS]> {
    let first = exchange.limits.first(timer);
    loop {
        exchange.check_cancelled()?;
        let left = match &first {
            Some(timer) => match timer.end.checked_duration_since(Instant::now()) {
                Some(left) if !left.is_zero() => Some(left),
                _ => return Err(timer.passed(doing)),
            },
            None => None,
        };
        if exchange.no_wait {
            return Err(Error::new(Status::Timeout, "nothing more has come yet"));
        }
        if let Some(ready) = poll_once(sockets, wanted, &exchange.cancels, left)? {
            return Ok(ready);
        }
    }
}

/// So many sockets can be waited for together.
pub(crate) const MOST_SOCKETS: usize = 4;

/// One `poll`; `None` when it ended for another reason than a ready socket.
fn poll_once(
    sockets: &[&Socket],
    wanted: Ready,
    cancels: &[Option<Cancel>; 2],
    left: Option<Duration>,
) -> Result<Option<[Ready; MOST_SOCKETS]>> {
    let Some(placeholder) = sockets.first() else {
        return Err(Error::internal("a wait without sockets"));
    };
    let mut fds: [PollFd<'_>; MOST_SOCKETS + 2] = std::array::from_fn(|i| match sockets.get(i) {
        Some(socket) => socket.poll_fd(wanted.flags()),
        None => placeholder.poll_fd(PollFlags::empty()),
    });
    let count = sockets.len().min(MOST_SOCKETS);
    let mut used = count;
    let mut left = left;
    for cancel in cancels.iter().flatten() {
        match cancel.poll_fd() {
            Some(fd) => {
                fds[used] = fd;
                used += 1;
            }
            None => left = Some(left.map_or(TURN, |left| left.min(TURN))),
        }
    }
    match poll(&mut fds[..used], left.map(timespec).as_ref()) {
        Ok(0) | Err(Errno::INTR) => return Ok(None),
        Ok(_) => {}
        Err(error) => {
            return Err(Error::new(
                Status::Connection,
                format!("poll: {}", io::Error::from(error)),
            ));
        }
    }
    let mut ready = [Ready {
        readable: false,
        writable: false,
    }; MOST_SOCKETS];
    for (ready, fd) in ready.iter_mut().zip(&fds[..count]) {
        let events = fd.revents();
        // An error or a hang-up is found out by trying to read or write.
        let ended = events.intersects(PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL);
        ready.readable = events.contains(PollFlags::IN) || ended;
        ready.writable = events.contains(PollFlags::OUT) || ended;
    }
    let any = ready.iter().any(|ready| ready.readable || ready.writable);
    Ok(any.then_some(ready))
}

/// Waits for a length of time, as the waits for a socket do: bounded by the exchange's limits and cancellable.
pub(crate) fn sleep(length: Duration, exchange: &Exchange) -> Result<()> {
    let end = Instant::now() + length;
    loop {
        exchange.check_cancelled()?;
        if let Some(timer) = exchange.limits.first(None).filter(|timer| timer.end <= Instant::now()) {
            return Err(timer.passed("waiting before another attempt"));
        }
        let mut left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        if let Some(timer) = exchange.limits.first(None) {
            left = left.min(timer.end.saturating_duration_since(Instant::now()));
        }
        let mut fds: Vec<PollFd<'_>> = Vec::with_capacity(2);
        for cancel in exchange.cancels.iter().flatten() {
            match cancel.poll_fd() {
                Some(fd) => fds.push(fd),
                None => left = left.min(TURN),
            }
        }
        // Whatever ends the wait, the loop looks again.
        let _ = poll(&mut fds, Some(&timespec(left)));
    }
}

fn timespec(duration: Duration) -> Timespec {
    Timespec {
        tv_sec: duration.as_secs() as i64,
        tv_nsec: i64::from(duration.subsec_nanos()) as _,
    }
}

fn uninterrupted<T>(mut call: impl FnMut() -> rustix::io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(Errno::INTR) => {}
            other => return other.map_err(io::Error::from),
        }
    }
}
