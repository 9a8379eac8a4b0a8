//! What a handler does with a request: answer it, in whole, in pieces, wrongly or not at all.

use super::request::Body;
use super::{Cut, Request, Shared, Wire};
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

/// How the length of an answer's body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// `content-length` with this number, right or wrong.
    Length(u64),
    Chunked,
    /// The end of the connection is the end of the body.
    Close,
    /// Nothing is added: the headers given say it, or there is no body.
    AsGiven,
}

/// The answer to one request. Each method sends at once; an error means that the peer is gone or the server stops.
pub struct Reply<'a> {
    wire: &'a mut Wire,
    request: &'a Request,
    body: Body,
    shared: &'a Shared,
    framing: Framing,
    answered: bool,
    close: bool,
}

impl<'a> Reply<'a> {
    pub(super) fn new(wire: &'a mut Wire, request: &'a Request, body: Body, shared: &'a Shared) -> Reply<'a> {
        let (framing, close) = (Framing::AsGiven, request.wants_close());
        Reply {
            wire,
            request,
            body,
            shared,
            framing,
            answered: false,
            close,
        }
    }

    /// A whole answer with its `content-length`, in one write.
    pub fn send(&mut self, status: u16, headers: &[(&str, &str)], body: &[u8]) -> io::Result<()> {
        let framing = match status {
            204 | 304 => Framing::AsGiven,
            _ => Framing::Length(body.len() as u64),
        };
        let mut bytes = self.start(status, headers, framing);
        if self.request.method != "HEAD" {
            bytes.extend_from_slice(body);
        }
        self.wire.write(&bytes)
    }

    pub fn json(&mut self, status: u16, body: &str) -> io::Result<()> {
        self.send(status, &[("content-type", "application/json")], body.as_bytes())
    }

    /// A whole answer in chunks, with a pause between each two.
    pub fn chunked(
        &mut self,
        status: u16,
        headers: &[(&str, &str)],
        chunks: &[&[u8]],
        pause: Duration,
    ) -> io::Result<()> {
        self.head(status, headers, Framing::Chunked)?;
        for (number, chunk) in chunks.iter().enumerate() {
            self.wire.wait(if number == 0 { Duration::ZERO } else { pause })?;
            self.piece(chunk)?;
        }
        self.end()
    }

    /// A whole event stream: each text as one `data:` event in a chunk of its own.
    pub fn events(&mut self, data: &[&str], pause: Duration) -> io::Result<()> {
        let events: Vec<String> = data.iter().map(|data| format!("data: {data}\n\n")).collect();
        let chunks: Vec<&[u8]> = events.iter().map(String::as_bytes).collect();
        self.chunked(200, &[("content-type", "text/event-stream")], &chunks, pause)
    }

    /// The head alone; `piece` and `end` follow.
    pub fn head(&mut self, status: u16, headers: &[(&str, &str)], framing: Framing) -> io::Result<()> {
        let head = self.start(status, headers, framing);
        self.wire.write(&head)
    }

    /// A piece of the body in the framing that `head` announced, in one write.
    pub fn piece(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.framing != Framing::Chunked {
            return self.wire.write(bytes);
        }
        // A chunk of size 0 would be the last one.
        if bytes.is_empty() {
            return Ok(());
        }
        let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
        chunk.extend_from_slice(bytes);
        chunk.extend_from_slice(b"\r\n");
        self.wire.write(&chunk)
    }

    /// The end of a body that began with `head`.
    pub fn end(&mut self) -> io::Result<()> {
        self.end_with_trailers(&[])
    }

    pub fn end_with_trailers(&mut self, trailers: &[(&str, &str)]) -> io::Result<()> {
        if self.framing != Framing::Chunked {
            return Ok(());
        }
        let mut last = String::from("0\r\n");
        for (name, value) in trailers {
            last += &format!("{name}: {value}\r\n");
        }
        self.wire.write(format!("{last}\r\n").as_bytes())
    }

    /// An answer before the answer: 100, 102, 103.
    pub fn interim(&mut self, status: u16, headers: &[(&str, &str)]) -> io::Result<()> {
        let head = head(status, headers, &[]);
        self.wire.write(&head)
    }

    /// Any bytes as they are, head and framing included.
    pub fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.answered = true;
        self.wire.write(bytes)
    }

    /// Any bytes as they are, in pieces of `size` bytes with a pause between each two: a reader sees every cut when
    /// the pause is long enough for it.
    pub fn dribble(&mut self, bytes: &[u8], size: usize, pause: Duration) -> io::Result<()> {
        for (number, piece) in bytes.chunks(size).enumerate() {
            self.wire.wait(if number == 0 { Duration::ZERO } else { pause })?;
            self.raw(piece)?;
        }
        Ok(())
    }

    /// The connection ends after this answer; when called before the head, the answer says so.
    pub fn close(&mut self) {
        self.close = true;
    }

    /// Cuts this answer after `count` bytes, its head included; see `Wire::cut_after`.
    pub fn cut_after(&mut self, count: u64, how: Cut) {
        self.wire.cut_after(count, how);
    }

    /// Cuts this answer after `count` bytes on the network: on TLS, of ciphertext.
    pub fn cut_after_on_network(&mut self, count: u64, how: Cut) {
        self.wire.cut_after_on_network(count, how);
    }

    /// Ends the connection now.
    pub fn cut(&mut self, how: Cut) -> io::Result<()> {
        self.wire.cut(how);
        Ok(())
    }

    /// Sleeps, but not beyond the end of the server.
    pub fn wait(&self, time: Duration) -> io::Result<()> {
        self.wire.wait(time)
    }

    /// Says nothing more until the peer leaves or the server stops.
    pub fn stall(&mut self) -> io::Result<()> {
        self.wire.stall()
    }

    /// How long the peer took to close its side; None when it did not within `limit`.
    pub fn wait_for_close(&mut self, limit: Duration) -> Option<Duration> {
        self.wire.wait_for_close(limit)
    }

    /// The request's body, on a server that calls its handler before the body (`Options::before_body`).
    pub fn read_body(&mut self) -> io::Result<Vec<u8>> {
        self.body.read_recorded(self.wire, self.shared, self.request)
    }

    /// The connection itself.
    pub fn wire(&mut self) -> &mut Wire {
        self.wire
    }

    /// Answers CONNECT and passes bytes on between the peer and `target` until both have ended.
    pub fn tunnel(&mut self, target: SocketAddr) -> io::Result<()> {
        let upstream = TcpStream::connect(target)?;
        upstream.set_nodelay(true)?;
        self.raw(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
        self.close = true;
        let (mut from, to) = (upstream.try_clone()?, self.wire.plain_socket()?);
        let back = std::thread::spawn(move || {
            let _ = io::copy(&mut from, &mut &*to);
            let _ = to.shutdown(Shutdown::Write);
        });
        let passed = self.pass_on(&upstream);
        let over = passed.is_err() || self.shared.is_stopping();
        let _ = upstream.shutdown(if over { Shutdown::Both } else { Shutdown::Write });
        let _ = back.join();
        passed
    }

    fn pass_on(&mut self, mut upstream: &TcpStream) -> io::Result<()> {
        loop {
            let waiting = self.wire.unread().len();
            upstream.write_all(&self.wire.take(waiting)?)?;
            if self.wire.fill()? == 0 {
                return Ok(());
            }
        }
    }

    fn start(&mut self, status: u16, headers: &[(&str, &str)], framing: Framing) -> Vec<u8> {
        self.answered = true;
        self.framing = framing;
        if framing == Framing::Chunked && self.request.version == "HTTP/1.0" {
            self.framing = Framing::Close;
        }
        self.close |= self.framing == Framing::Close;
        let length;
        let mut more = Vec::new();
        match self.framing {
            Framing::Length(count) => {
                length = count.to_string();
                more.push(("content-length", length.as_str()));
            }
            Framing::Chunked => more.push(("transfer-encoding", "chunked")),
            Framing::Close | Framing::AsGiven => {}
        }
        if self.close {
            more.push(("connection", "close"));
        }
        more.retain(|(name, _)| !headers.iter().any(|(given, _)| given.eq_ignore_ascii_case(name)));
        head(status, headers, &more)
    }

    /// Whether the connection lives on. A handler that sent nothing has chosen to end it without an answer.
    pub(super) fn finish(self) -> bool {
        self.wire.forget_limits();
        if !self.body.is_read() {
            self.wire.linger(Duration::from_secs(2));
            return false;
        }
        self.answered && !self.close
    }
}

fn head(status: u16, headers: &[(&str, &str)], more: &[(&str, &str)]) -> Vec<u8> {
    let mut text = format!("HTTP/1.1 {status} {}\r\n", reason(status));
    for (name, value) in headers.iter().chain(more) {
        text += &format!("{name}: {value}\r\n");
    }
    (text + "\r\n").into_bytes()
}

fn reason(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        200 => "OK",
        204 => "No Content",
        302 => "Found",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        404 => "Not Found",
        405 => "Method Not Allowed",
        407 => "Proxy Authentication Required",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        _ => "Status",
    }
}

/// The bytes as a gzip file.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    flate2::read::GzEncoder::new(bytes, flate2::Compression::fast())
        .read_to_end(&mut packed)
        .expect("a Vec takes all");
    packed
}
