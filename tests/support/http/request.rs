//! A request as it came: its head kept byte for byte, its body without chunk framing.

use super::{Shared, Wire};
use std::io;

const LARGEST_HEAD: usize = 4 * 1024 * 1024;

/// A request that a server has read.
#[derive(Clone, Debug)]
pub struct Request {
    /// The connection's number on its server, from 0.
    pub connection: usize,
    /// The request's number on its server, from 0, in the order in which handlers were called.
    pub number: usize,
    pub method: String,
    /// As in the request line: `/path?query`, `http://host/path` through a proxy, `host:port` for CONNECT.
    pub target: String,
    pub version: String,
    /// In order, names in their own case.
    pub headers: Vec<(String, String)>,
    /// The head as it came, with its empty line.
    pub head: Vec<u8>,
    pub body: Vec<u8>,
    pub tls: bool,
    /// The certificate (DER) that the client showed.
    pub client_certificate: Option<Vec<u8>>,
}

pub(super) enum Reading {
    Whole(Request),
    /// The peer ended the connection, or it broke.
    End,
    Malformed(String),
}

impl Request {
    pub(super) fn read_head(wire: &mut Wire) -> Reading {
        let head = match wire.take_until(b"\r\n\r\n", LARGEST_HEAD) {
            Ok(Some(head)) => head,
            Err(fault) if fault.kind() == io::ErrorKind::InvalidData => {
                return Reading::Malformed("the head has no end".into());
            }
            _ => return Reading::End,
        };
        match Request::parse(&head) {
            Ok(mut request) => {
                request.connection = wire.connection;
                request.tls = wire.is_tls();
                request.client_certificate = wire.client_certificate();
                Reading::Whole(request)
            }
            Err(why) => Reading::Malformed(format!("{why}: {:?}", String::from_utf8_lossy(&head))),
        }
    }

    /// Strict on purpose: what a client of ours sends has to be right, not merely understood.
    fn parse(head: &[u8]) -> Result<Request, &'static str> {
        let text = String::from_utf8_lossy(head);
        let mut lines = text.strip_suffix("\r\n\r\n").ok_or("no end")?.split("\r\n");
        let first: Vec<&str> = lines.next().unwrap_or("").split(' ').collect();
        let [method, target, version @ ("HTTP/1.1" | "HTTP/1.0")] = first[..] else {
            return Err("not a request line");
        };
        if !is_token(method) || target.is_empty() {
            return Err("not a request line");
        }
        let mut headers = Vec::new();
        for line in lines {
            let (name, value) = line.split_once(':').ok_or("a header without a colon")?;
            if !is_token(name) || value.contains(['\r', '\n', '\0']) {
                return Err("a header that is none");
            }
            headers.push((name.to_owned(), value.trim_matches([' ', '\t']).to_owned()));
        }
        let request = Request {
            connection: 0,
            number: 0,
            method: method.to_owned(),
            target: target.to_owned(),
            version: version.to_owned(),
            headers,
            head: head.to_vec(),
            body: Vec::new(),
            tls: false,
            client_certificate: None,
        };
        // RFC 9112, 3.2 and 6.3: what would let two readers see two different requests.
        match (version, request.all("host").len()) {
            ("HTTP/1.1", 1) | ("HTTP/1.0", 0 | 1) => {}
            _ => return Err("not exactly one Host"),
        }
        let lengths = request.all("content-length");
        if lengths.len() > 1 || lengths.iter().any(|length| length.parse::<u64>().is_err()) {
            return Err("a wrong Content-Length");
        }
        match request.all("transfer-encoding")[..] {
            [] => {}
            [coding] if coding.eq_ignore_ascii_case("chunked") && lengths.is_empty() => {}
            _ => return Err("a wrong Transfer-Encoding"),
        }
        Ok(request)
    }

    /// The first value of a header, its name in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.all(name).first().copied()
    }

    /// Every value of a header.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let same = self.headers.iter().filter(|(one, _)| one.eq_ignore_ascii_case(name));
        same.map(|(_, value)| value.as_str()).collect()
    }

    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or("")
    }

    /// What follows the `?`, as it came.
    pub fn query(&self) -> &str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("a body of UTF-8")
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("a body of JSON")
    }

    pub fn wants_close(&self) -> bool {
        let named = |token: &str| {
            let lists = self.all("connection").join(",");
            lists.split(',').any(|one| one.trim().eq_ignore_ascii_case(token))
        };
        named("close") || (self.version == "HTTP/1.0" && !named("keep-alive"))
    }
}

/// RFC 9110, 5.6.2.
fn is_token(text: &str) -> bool {
    let part = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(part)
}

/// A body that may still be on its way.
pub(super) struct Body {
    left: Left,
    /// The client waits for `100 Continue`.
    expects: bool,
}

enum Left {
    Nothing,
    Bytes(usize),
    Chunks,
}

impl Body {
    pub(super) fn of(request: &Request, expect_continue: bool) -> Body {
        let left = match request.header("content-length").and_then(|length| length.parse().ok()) {
            Some(0) => Left::Nothing,
            Some(length) => Left::Bytes(length),
            None if request.header("transfer-encoding").is_some() => Left::Chunks,
            None => Left::Nothing,
        };
        let expects = request
            .header("expect")
            .is_some_and(|what| what.eq_ignore_ascii_case("100-continue"));
        Body {
            left,
            expects: expects && expect_continue,
        }
    }

    pub(super) fn is_read(&self) -> bool {
        matches!(self.left, Left::Nothing)
    }

    pub(super) fn read(&mut self, wire: &mut Wire) -> io::Result<Vec<u8>> {
        if self.is_read() {
            return Ok(Vec::new());
        }
        if std::mem::take(&mut self.expects) {
            wire.write(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let body = match self.left {
            Left::Nothing => Vec::new(),
            Left::Bytes(length) => wire.take(length)?,
            Left::Chunks => read_chunks(wire)?,
        };
        self.left = Left::Nothing;
        Ok(body)
    }

    /// Reads and remembers a body that the handler asked for.
    pub(super) fn read_recorded(&mut self, wire: &mut Wire, shared: &Shared, request: &Request) -> io::Result<Vec<u8>> {
        let body = self.read(wire)?;
        shared.record_body(request, &body);
        Ok(body)
    }
}

fn read_chunks(wire: &mut Wire) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    let line = |wire: &mut Wire| {
        let line = wire
            .take_until(b"\r\n", 8 * 1024)?
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        io::Result::Ok(String::from_utf8_lossy(&line[..line.len() - 2]).into_owned())
    };
    loop {
        let head = line(wire)?;
        let digits = head.split(';').next().unwrap_or("").trim();
        let size = usize::from_str_radix(digits, 16).map_err(io::Error::other)?;
        if size == 0 {
            while !line(wire)?.is_empty() {}
            return Ok(body);
        }
        body.extend(wire.take(size)?);
        if !line(wire)?.is_empty() {
            return Err(io::Error::other("a chunk longer than it says"));
        }
    }
}
