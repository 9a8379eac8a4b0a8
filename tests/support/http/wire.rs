//! One accepted connection, plain or TLS: bytes in, bytes out, and the ways in which it can end.

use super::super::tls::Tls;
use super::Shared;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::sockopt;
use rustls::{ServerConnection, StreamOwned};
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// In order: FIN, and on TLS a close_notify before it.
    Fin,
    /// FIN alone: on TLS the close_notify is missing, which is what a truncation attack looks like.
    FinWithoutCloseNotify,
    /// RST (`SO_LINGER` 0).
    Rst,
}

/// Bytes that may still go out before the connection is cut.
type Limit = Option<(u64, Cut)>;

/// The socket; the server's registry can find it, but only this owner's drop closes it.
struct Socket {
    tcp: Arc<TcpStream>,
    limit: Limit,
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        uninterrupted(|| (&*self.tcp).read(buffer))
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some((left, _)) = &mut self.limit else {
            return uninterrupted(|| (&*self.tcp).write(bytes));
        };
        if *left == 0 && !bytes.is_empty() {
            return Err(gone());
        }
        let now = bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
        let written = uninterrupted(|| (&*self.tcp).write(&bytes[..now]))?;
        *left -= written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Tests send signals to their own process.
fn uninterrupted(mut call: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match call() {
            Err(fault) if fault.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

enum Stream {
    Plain(Socket),
    Tls(Box<StreamOwned<ServerConnection, Socket>>),
    Closed,
}

/// A connection as its handler sees it.
pub struct Wire {
    /// The connections of a server are numbered from 0.
    pub connection: usize,
    stream: Stream,
    shared: Arc<Shared>,
    /// Read but not yet used.
    ahead: Vec<u8>,
    limit: Limit,
}

impl Wire {
    pub(super) fn new(
        connection: usize,
        tcp: Arc<TcpStream>,
        shared: Arc<Shared>,
        tls: Option<&Tls>,
    ) -> io::Result<Wire> {
        tcp.set_nodelay(true)?;
        let limit = tls.and_then(Tls::first_cut);
        let socket = Socket { tcp, limit };
        let stream = match tls {
            None => Stream::Plain(socket),
            Some(tls) => Stream::Tls(Box::new(StreamOwned::new(tls.accept(), socket))),
        };
        Ok(Wire {
            connection,
            stream,
            shared,
            ahead: Vec::new(),
            limit: None,
        })
    }

    pub(super) fn handshake(&mut self) -> io::Result<()> {
        if let Stream::Tls(tls) = &mut self.stream {
            while tls.conn.is_handshaking() {
                if let Err(fault) = tls.conn.complete_io(&mut tls.sock) {
                    self.cut_as_limited();
                    return Err(fault);
                }
            }
        }
        Ok(())
    }

    pub fn is_tls(&self) -> bool {
        matches!(self.stream, Stream::Tls(_))
    }

    /// The client's certificate (DER), when it showed one.
    pub fn client_certificate(&self) -> Option<Vec<u8>> {
        match &self.stream {
            Stream::Tls(tls) => Some(tls.conn.peer_certificates()?.first()?.to_vec()),
            _ => None,
        }
    }

    /// Waits for more bytes; 0 is the end. What has come is in `unread`.
    pub fn fill(&mut self) -> io::Result<usize> {
        let mut piece = [0; 16 * 1024];
        let count = match &mut self.stream {
            Stream::Plain(socket) => socket.read(&mut piece)?,
            Stream::Tls(tls) => tls.read(&mut piece)?,
            Stream::Closed => 0,
        };
        self.ahead.extend_from_slice(&piece[..count]);
        Ok(count)
    }

    /// What the peer sent and nobody has taken yet.
    pub fn unread(&self) -> &[u8] {
        &self.ahead
    }

    /// Takes `count` bytes, waiting for them.
    pub fn take(&mut self, count: usize) -> io::Result<Vec<u8>> {
        while self.ahead.len() < count {
            if self.fill()? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let rest = self.ahead.split_off(count);
        Ok(std::mem::replace(&mut self.ahead, rest))
    }

    /// Takes what comes up to and including `mark`; None when the peer ends before that.
    pub fn take_until(&mut self, mark: &[u8], at_most: usize) -> io::Result<Option<Vec<u8>>> {
        let mut seen = 0;
        loop {
            let found = self.ahead[seen..].windows(mark.len()).position(|window| window == mark);
            if let Some(at) = found {
                return self.take(seen + at + mark.len()).map(Some);
            }
            if self.ahead.len() > at_most {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "the mark did not come"));
            }
            seen = self.ahead.len().saturating_sub(mark.len() - 1);
            if self.fill()? == 0 {
                return Ok(None);
            }
        }
    }

    /// Takes a whole request, head and body; None when the peer ends before it. For a body whose length is told.
    pub fn take_request(&mut self) -> io::Result<Option<Vec<u8>>> {
        let Some(mut request) = self.take_until(b"\r\n\r\n", 64 * 1024)? else {
            return Ok(None);
        };
        let head = String::from_utf8_lossy(&request).to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
        let length = length.map_or(Ok(0), |length| length.trim().parse());
        let length: usize = length.map_err(|fault| io::Error::new(io::ErrorKind::InvalidData, fault))?;
        request.extend(self.take(length)?);
        Ok(Some(request))
    }

    /// Sends the bytes at once, as one write where no limit is in the way.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some((left, how)) = self.limit else {
            return self.write_unlimited(bytes);
        };
        let now = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        self.write_unlimited(&bytes[..now])?;
        self.limit = Some((left - now as u64, how));
        if left == now as u64 {
            self.cut(how);
            return Err(gone());
        }
        Ok(())
    }

    fn write_unlimited(&mut self, bytes: &[u8]) -> io::Result<()> {
        let written = match &mut self.stream {
            Stream::Plain(socket) => socket.write_all(bytes),
            Stream::Tls(tls) => tls.write_all(bytes).and_then(|()| tls.flush()),
            Stream::Closed => return Err(gone()),
        };
        self.cut_as_limited();
        written
    }

    /// Cuts the connection after `count` more bytes of what is written (on TLS: before encryption). With 0 the first
    /// write cuts it; when exactly `count` bytes are written they all arrive and the cut follows.
    pub fn cut_after(&mut self, count: u64, how: Cut) {
        self.limit = Some((count, how));
    }

    /// The same, counted in bytes on the network: on TLS the cut may fall inside a record. TLS counts as cut without
    /// its close_notify then, whatever `how` says.
    pub fn cut_after_on_network(&mut self, count: u64, how: Cut) {
        if let Some(socket) = self.socket() {
            socket.limit = Some((count, how));
        }
    }

    pub(super) fn forget_limits(&mut self) {
        self.limit = None;
        if let Some(socket) = self.socket() {
            socket.limit = None;
        }
    }

    /// Cuts the connection once the socket has let through all that it may.
    fn cut_as_limited(&mut self) {
        if let Some((0, how)) = self.socket().and_then(|socket| socket.limit) {
            self.cut(if how == Cut::Fin {
                Cut::FinWithoutCloseNotify
            } else {
                how
            });
        }
    }

    /// Ends the connection now; one that was marked for RST by `SO_LINGER` 0 already ends so.
    pub fn cut(&mut self, how: Cut) {
        let Some(socket) = self.socket() else { return };
        if how == Cut::Rst {
            let _ = sockopt::set_socket_linger(&*socket.tcp, Some(Duration::ZERO));
        }
        if sockopt::socket_linger(&*socket.tcp).ok().flatten() != Some(Duration::ZERO) {
            if how == Cut::Fin {
                let _ = self.send_close_notify();
            }
            self.send_fin();
        }
        self.stream = Stream::Closed;
    }

    fn send_fin(&mut self) {
        let Some(socket) = self.socket() else { return };
        // Closing with unread bytes would make the kernel send RST instead of FIN.
        let mut rest = [0; 16 * 1024];
        let _ = socket.tcp.set_nonblocking(true);
        while matches!(socket.read(&mut rest), Ok(1..)) {}
        let _ = socket.tcp.shutdown(Shutdown::Write);
    }

    /// Says the end and then reads until the peer ends too, for at most `limit`: an answer that comes before its
    /// request was read would else be destroyed by an RST.
    pub(super) fn linger(&mut self, limit: Duration) {
        let _ = self.send_close_notify();
        if let Some(socket) = self.socket() {
            let _ = socket.tcp.shutdown(Shutdown::Write);
            let _ = socket.tcp.set_read_timeout(Some(Duration::from_millis(50)));
            let start = Instant::now();
            let mut rest = [0; 64 * 1024];
            while start.elapsed() < limit {
                match socket.read(&mut rest) {
                    Ok(1..) => {}
                    Err(fault) if fault.kind() == io::ErrorKind::WouldBlock => {}
                    _ => break,
                }
            }
        }
        self.stream = Stream::Closed;
    }

    /// TLS's end of data, with TCP left open.
    pub fn send_close_notify(&mut self) -> io::Result<()> {
        if let Stream::Tls(tls) = &mut self.stream {
            tls.conn.send_close_notify();
            tls.flush()?;
        }
        Ok(())
    }

    /// Waits until the peer has closed its side, without reading anything; None when it has not within `limit` or
    /// the server stops.
    pub fn wait_for_close(&mut self, limit: Duration) -> Option<Duration> {
        let start = Instant::now();
        let Some(socket) = self.socket() else {
            return Some(Duration::ZERO);
        };
        let tcp = socket.tcp.clone();
        // Linux says RDHUP even while unread bytes are waiting.
        let mut ends = [PollFd::new(&*tcp, PollFlags::RDHUP)];
        while !self.shared.is_stopping() {
            let left = limit.saturating_sub(start.elapsed());
            let step = left.min(Duration::from_millis(50));
            let step = Timespec {
                tv_sec: 0,
                tv_nsec: step.subsec_nanos().into(),
            };
            if matches!(poll(&mut ends, Some(&step)), Ok(1..)) && !self.shared.is_stopping() {
                return Some(start.elapsed());
            }
            if left.is_zero() {
                break;
            }
        }
        None
    }

    /// Does nothing until the peer leaves or the server stops.
    pub fn stall(&mut self) -> io::Result<()> {
        self.wait_for_close(Duration::MAX);
        Err(gone())
    }

    /// Sleeps, but not beyond the end of the server.
    pub fn wait(&self, time: Duration) -> io::Result<()> {
        if time.is_zero() {
            return Ok(());
        }
        self.shared.sleep(time)
    }

    /// For a second thread that writes, which TLS does not allow.
    pub(super) fn plain_socket(&self) -> io::Result<Arc<TcpStream>> {
        match &self.stream {
            Stream::Plain(socket) => Ok(socket.tcp.clone()),
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    fn socket(&mut self) -> Option<&mut Socket> {
        match &mut self.stream {
            Stream::Plain(socket) => Some(socket),
            Stream::Tls(tls) => Some(&mut tls.sock),
            Stream::Closed => None,
        }
    }
}

fn gone() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "the connection has been cut")
}
