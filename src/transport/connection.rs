//! One connection to a service, plain or TLS, as ureq's transport.
#![forbid(unsafe_code)]

use super::buffers::Buffers;
use super::exchange::{self, Exchange};
use super::socket::{Ready, Socket, wait};
use crate::error::{Error, Result, Status};
use crate::times::Phase;
use crate::wiped::Wiped;
use rustls::ClientConnection;
use rustls::pki_types::ServerName;
use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;
use std::time::Instant;
use ureq::unversioned::transport::{NextTimeout, Transport};

/// How much may come of what is no answer: interim answers, a head, trailers, blocks of gzip that hold nothing.
const MOST_BARREN: u64 = 256 * 1024;

/// A connected socket with what ureq needs around it.
pub(crate) struct Connection {
    socket: Socket,
    tls: Option<Box<ClientConnection>>,
    buffers: Buffers,
    /// For an HTTP proxy without a tunnel.
    absolute_form: Option<AbsoluteForm>,
    /// An earlier call has used it.
    used: bool,
    /// It lies in the pool.
    resting: bool,
    /// The last read took all there was, so the next one would find nothing.
    drained: bool,
    /// Nothing more can be sent; an answer may still be read.
    deaf: Option<Error>,
    /// What is wrong with the record behind those that have been decrypted.
    spoilt: Option<Error>,
}

/// What a request to an HTTP proxy has more (RFC 9112, section 3.2.2).
pub(crate) struct AbsoluteForm {
    /// `http://host:port`, before the path.
    pub origin: String,
    /// A whole header line, or nothing.
    pub authorization: Wiped,
}

impl Connection {
    pub fn plain(socket: Socket, absolute_form: Option<AbsoluteForm>) -> Connection {
        Connection {
            socket,
            tls: None,
            buffers: Buffers::default(),
            absolute_form,
            used: false,
            resting: false,
            drained: false,
            deaf: None,
            spoilt: None,
        }
    }

    /// Shakes hands with `host` over the socket.
    pub fn tls(
        socket: Socket,
        settings: Arc<rustls::ClientConfig>,
        host: &str,
        exchange: &Exchange,
        timer: Option<exchange::Timer>,
    ) -> Result<Connection> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| Error::new(Status::Tls, format!("{host}: neither a host's name nor an address")))?;
        let mut session = ClientConnection::new(settings, name).map_err(|error| tls_error(host, &error))?;
        let doing = format!("shaking hands with {host}");
        while session.is_handshaking() {
            let sent = loop {
                if !session.wants_write() {
                    break Ok(());
                }
                match session.write_tls(&mut Wire(&socket, &mut false)) {
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        wait(&[&socket], Ready::WRITABLE, exchange, timer, &doing)?;
                    }
                    Err(error) => break Err(error),
                }
            };
            if !session.is_handshaking() {
                break;
            }
            match session.read_tls(&mut Wire(&socket, &mut false)) {
                Ok(0) => {
                    return Err(Error::new(
                        Status::Connection,
                        format!("{host} closed the connection during the handshake"),
                    ));
                }
                Ok(_) => {
                    if let Err(error) = session.process_new_packets() {
                        // The alert that says what was wrong, as far as it goes without waiting.
                        let _ = session.write_tls(&mut Wire(&socket, &mut false));
                        return Err(tls_error(host, &error));
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    sent.map_err(|error| broken(&error))?;
                    wait(&[&socket], Ready::READABLE, exchange, timer, &doing)?;
                }
                Err(error) => {
                    return Err(Error::new(
                        Status::Connection,
                        format!("the handshake with {host} broke off: {error}"),
                    ));
                }
            }
        }
        let mut connection = Connection::plain(socket, None);
        session.set_buffer_limit(None);
        connection.tls = Some(Box::new(session));
        // The end of our handshake goes out with the request.
        Ok(connection)
    }

    /// Reads what comes next into the buffer, waiting for it; 0 is the end.
    fn receive(&mut self, exchange: &mut Exchange) -> Result<usize> {
        if !self.socket.is_ours() {
            return Err(Error::new(
                Status::Connection,
                "the connection belongs to the process that this one was forked from",
            ));
        }
        let mut idle = None;
        self.clock(exchange);
        loop {
            exchange.check_cancelled()?;
            if exchange.barren > MOST_BARREN {
                return Err(Error::new(
                    Status::Limit,
                    format!("{} KiB came that hold nothing of an answer", exchange.barren / 1024),
                ));
            }
            if let Some(timer) = exchange.limits.first(None).filter(|timer| timer.end <= Instant::now()) {
                return Err(timer.passed("receiving the answer"));
            }
            if let Some(why) = self.buffers.broken() {
                return Err(Error::new(
                    Status::Protocol,
                    format!("the answer is not proper HTTP: {why}"),
                ));
            }
            if exchange.no_wait {
                self.drained = false;
            }
            match self.read()? {
                Got::Bytes(amount) => {
                    exchange.received += amount as u64;
                    exchange.barren += amount as u64;
                    self.buffers.take_head(exchange);
                    self.clock(exchange);
                    if amount > 0 && self.buffers.unused().is_empty() {
                        // The frame of chunks, and nothing in it.
                        idle = None;
                        continue;
                    }
                    return Ok(amount);
                }
                Got::Records => idle = None,
                Got::Nothing => {}
            }
            let timer = *idle.get_or_insert_with(|| exchange.limits.idle_timer());
            let doing = if exchange.received == 0 {
                "waiting for the answer"
            } else {
                "receiving the answer"
            };
            wait(&[&self.socket], Ready::READABLE, exchange, timer, doing)?;
            self.drained = false;
        }
    }

    /// Tells the clock how far the answer is.
    fn clock(&self, exchange: &mut Exchange) {
        exchange.times.reach(if self.buffers.head_pending {
            Phase::Wait
        } else {
            Phase::Body
        });
    }

    /// Reads without waiting, and without asking the socket when the last read took all there was.
    fn read(&mut self) -> Result<Got> {
        let room = self.buffers.room()?;
        let size = room.len();
        let Some(session) = &mut self.tls else {
            if self.drained {
                return Ok(Got::Nothing);
            }
            return match self.socket.read(room) {
                Ok(amount) => {
                    self.drained = amount < size;
                    self.buffers.came(amount);
                    Ok(Got::Bytes(amount))
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(Got::Nothing),
                Err(error) => Err(broken(&error)),
            };
        };
        let mut records = false;
        loop {
            // What was decrypted before goes first, whatever the socket has.
            match session.reader().read(room) {
                Ok(amount) => {
                    self.buffers.came(amount);
                    return Ok(Got::Bytes(amount));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                // RFC 8446, section 6.1: without close_notify nobody knows whether this is the end.
                Err(_) => {
                    return Err(Error::new(
                        Status::Connection,
                        "the connection ended without TLS's close_notify",
                    ));
                }
            }
            if let Some(error) = self.spoilt.take() {
                return Err(error);
            }
            if self.drained {
                return Ok(if records { Got::Records } else { Got::Nothing });
            }
            match session.read_tls(&mut Wire(&self.socket, &mut self.drained)) {
                Ok(_) => records = true,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Got::Nothing),
                Err(error) => return Err(broken(&error)),
            }
            if let Err(error) = session.process_new_packets() {
                let _ = session.write_tls(&mut Wire(&self.socket, &mut false));
                // The records before it in the same read are good.
                self.spoilt = Some(tls_error("the service", &error));
            }
        }
    }

    /// Sends what waits. A service that does not listen any more is no failure yet: its answer may have come.
    fn flush(&mut self, exchange: &mut Exchange) -> Result<()> {
        if self.buffers.pending().is_empty() {
            return Ok(());
        }
        if exchange.head_pending && !self.buffers.head_pending {
            self.begin(exchange);
            // Asked here and not in `is_open`, as ureq holds its pool's lock there.
            if self.used && !self.is_alive() {
                self.buffers.sent_all();
                exchange.closed_at_rest = true;
                return Err(Error::new(
                    Status::Connection,
                    "the service closed the connection at rest",
                ));
            }
        }
        let sent = if self.deaf.is_some() {
            Ok(())
        } else {
            self.send(exchange)
        };
        self.buffers.sent_all();
        sent
    }

    /// The first bytes of a request are about to go out.
    fn begin(&mut self, exchange: &mut Exchange) {
        self.buffers.head_pending = true;
        exchange.head_pending = false;
        exchange.reused = self.used;
        // Behind the fields that ureq has written: the host is among them, and should come early (RFC 9110, section 7.2).
        let head = self.buffers.pending();
        let line_end = head.windows(4).position(|bytes| bytes == b"\r\n\r\n");
        let line_end = line_end.or_else(|| head.windows(2).position(|bytes| bytes == b"\r\n"));
        let at = line_end.map_or(0, |at| at + 2);
        self.buffers.insert(at, &exchange.lines);
        let Some(form) = &self.absolute_form else { return };
        self.buffers.insert(at, &form.authorization);
        if let Some(at) = self.buffers.pending().iter().position(|&byte| byte == b' ') {
            self.buffers.insert(at + 1, form.origin.as_bytes());
        }
    }

    fn send(&mut self, exchange: &mut Exchange) -> Result<()> {
        let mut sent = 0;
        let mut listen = true;
        if let Some(session) = &mut self.tls {
            session
                .writer()
                .write_all(self.buffers.pending())
                .map_err(|error| broken(&error))?;
            exchange.times.sent += self.buffers.pending().len() as u64;
        }
        loop {
            exchange.check_cancelled()?;
            let written = match &mut self.tls {
                Some(session) if session.wants_write() => session.write_tls(&mut Wire(&self.socket, &mut false)),
                None if sent < self.buffers.pending().len() => self.socket.write(&self.buffers.pending()[sent..]),
                _ => break,
            };
            match written {
                Ok(amount) => {
                    sent += amount;
                    if self.tls.is_none() {
                        exchange.times.sent += amount as u64;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if !self.wait_to_send(exchange, &mut listen)? {
                        break;
                    }
                }
                Err(error) => {
                    self.give_up_sending(exchange, broken(&error));
                    break;
                }
            }
        }
        // The answer to what was just sent is not there yet.
        self.drained = self.deaf.is_none();
        Ok(())
    }

    /// Waits until more can be sent; `false`: the service has answered with a failure already and need not hear the rest.
    fn wait_to_send(&mut self, exchange: &mut Exchange, listen: &mut bool) -> Result<bool> {
        let wanted = if *listen { Ready::EITHER } else { Ready::WRITABLE };
        let ready = wait(
            &[&self.socket],
            wanted,
            exchange,
            exchange.limits.idle_timer(),
            "sending the request",
        )?[0];
        if ready.writable || !ready.readable {
            return Ok(true);
        }
        self.drained = false;
        match self.read() {
            Ok(Got::Bytes(0)) | Err(_) => {
                let error = Error::new(
                    Status::Connection,
                    "the connection was closed before the whole request was sent",
                );
                self.give_up_sending(exchange, error);
                return Ok(false);
            }
            Ok(Got::Bytes(amount)) => {
                exchange.received += amount as u64;
                self.buffers.take_head(exchange);
            }
            Ok(Got::Nothing | Got::Records) => return Ok(true),
        }
        if is_refusal(self.buffers.unused()) {
            let error = Error::new(
                Status::Connection,
                "the service answered before the whole request was sent",
            );
            self.give_up_sending(exchange, error);
            return Ok(false);
        }
        *listen = false;
        Ok(true)
    }

    fn give_up_sending(&mut self, exchange: &mut Exchange, error: Error) {
        exchange.answered_early = true;
        self.deaf = Some(error);
        self.drained = false;
    }

    /// Whether the connection, fresh from the pool, can carry another call.
    fn is_alive(&mut self) -> bool {
        // The last answer's read may have left records of TLS that were decrypted with it, and that no socket tells of.
        let says_nothing = |session: &mut ClientConnection| matches!(session.reader().read(&mut [0]), Err(error) if error.kind() == ErrorKind::WouldBlock);
        if !self.tls.as_deref_mut().is_none_or(says_nothing) {
            return false;
        }
        if self.socket.is_quiet() {
            return true;
        }
        // A TLS server sends tickets when it likes; anything else at rest is the end.
        self.drained = false;
        self.tls.is_some() && matches!(self.read(), Ok(Got::Nothing | Got::Records))
    }
}

/// What a read without waiting found.
enum Got {
    /// So many bytes of the answer; 0 is its end.
    Bytes(usize),
    /// TLS records that hold none.
    Records,
    Nothing,
}

impl Transport for Connection {
    fn buffers(&mut self) -> &mut dyn ureq::unversioned::transport::Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> std::result::Result<(), ureq::Error> {
        if self.buffers.wrote(amount) {
            exchange::current(|exchange| self.flush(exchange).map_err(|error| told(exchange, error)))?;
        }
        Ok(())
    }

    fn await_input(&mut self, _: NextTimeout) -> std::result::Result<bool, ureq::Error> {
        exchange::current(|exchange| {
            self.flush(exchange).map_err(|error| told(exchange, error))?;
            // The answer may have come while the last of the request was being sent.
            if ureq::unversioned::transport::Buffers::can_use_input(&self.buffers) {
                return Ok(true);
            }
            match self.receive(exchange) {
                Ok(amount) if amount > 0 => Ok(true),
                Ok(_) => match self.deaf.take() {
                    Some(error) => Err(told(exchange, error)),
                    None => {
                        exchange.ended = true;
                        Ok(false)
                    }
                },
                // That the request could not be sent says more than that no answer came then.
                Err(error) if error.status == Status::Connection => {
                    Err(told(exchange, self.deaf.take().unwrap_or(error)))
                }
                Err(error) => Err(told(exchange, error)),
            }
        })
    }

    /// ureq asks twice: when it puts a connection into the pool, and when it takes it out again.
    fn is_open(&mut self) -> bool {
        if self.resting {
            self.resting = false;
            return self.socket.is_ours() && !exchange::current(|exchange| exchange.fresh_only);
        }
        self.resting = true;
        self.used = true;
        self.buffers.rest();
        self.deaf.is_none() && self.spoilt.is_none()
    }

    fn is_tls(&self) -> bool {
        self.tls.is_some()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let Some(session) = &mut self.tls else { return };
        // In the child of a fork the session is the parent's: closing the descriptor is all that may be done.
        if self.socket.is_ours() && !session.is_handshaking() {
            session.send_close_notify();
            let _ = session.write_tls(&mut Wire(&self.socket, &mut false));
        }
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection")
            .field("tls", &self.tls.is_some())
            .field("used", &self.used)
            .finish_non_exhaustive()
    }
}

/// The socket as rustls wants it; the flag is set when a read took all there was.
struct Wire<'a>(&'a Socket, &'a mut bool);

impl Read for Wire<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let amount = self.0.read(buffer)?;
        *self.1 = amount < buffer.len();
        Ok(amount)
    }
}

impl Write for Wire<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An answer of 300 or more: whatever is left of the request does not matter to it.
fn is_refusal(head: &[u8]) -> bool {
    head.len() > 12 && head.starts_with(b"HTTP/1.") && matches!(head[9], b'3'..=b'5')
}

/// Leaves the failure where the client looks for it, and gives ureq one that it hands through.
///
/// Never an `Io` of the kinds that ureq takes for the end of a body (reset, aborted, unexpected end).
fn told(exchange: &mut Exchange, error: Error) -> ureq::Error {
    exchange.failure = Some(error);
    ureq::Error::Other("see the exchange".into())
}

fn broken(error: &io::Error) -> Error {
    Error::new(Status::Connection, format!("the connection broke: {error}"))
}

fn tls_error(host: &str, error: &rustls::Error) -> Error {
    let mut failure = Error::new(Status::Tls, format!("TLS with {host}: {error}"));
    // rustls has no word of its own for it, and it is what most self-signed certificates are.
    if matches!(error, rustls::Error::InvalidCertificate(reason) if format!("{reason:?}").contains("CaUsedAsEndEntity"))
    {
        failure.message = format!(
            "TLS with {host}: the server's own certificate is that of a certificate authority (CA:TRUE), as self-signed ones often are; \
             it is not accepted for a server, not even when ca_file holds it. Sign another one with it, or make one without CA:TRUE"
        );
        failure.code = Some("CaUsedAsEndEntity".to_owned());
        return failure;
    }
    failure.code = match error {
        rustls::Error::InvalidCertificate(reason) => Some(
            format!("{reason:?}")
                .split(['(', ' ', '{'])
                .next()
                .unwrap_or_default()
                .to_owned(),
        ),
        rustls::Error::AlertReceived(alert) => Some(format!("{alert:?}")),
        _ => None,
    };
    failure
}
