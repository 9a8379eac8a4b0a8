//! What waits between a socket and ureq: bytes to send, bytes that came.
//!
//! Both buffers start empty, grow with the need, and are given back while the connection rests.
//!
//! Most header lines pass ureq by on both ways: it would make an object of each, which costs more than all the rest of a call.
#![forbid(unsafe_code)]

use super::chunks::Chunks;
use super::exchange::{self, Exchange};
use crate::error::{Error, Result, Status};
use crate::headers::Headers;
use crate::wiped::{grow, wipe};

/// A body goes out in writes of about this size.
pub(super) const MOST_OUTPUT: usize = 128 * 1024;
const FIRST_INPUT: usize = 4 * 1024;
const MOST_READ: usize = 64 * 1024;
/// ureq leaves bytes in the buffer only for the rest of a header block (at most 64 KiB), a chunk's head or a trailer line.
const MOST_UNUSED_INPUT: usize = 128 * 1024;
const TRANSFER_ENCODING: &str = "transfer-encoding";
/// A chunk's head as ureq gets it: eight digits and a line end.
const CHUNK_HEAD: usize = 10;
/// What may follow its data: a line end, the last chunk, the empty line.
const CHUNK_TAIL: usize = 7;
/// What a resting connection may keep of each buffer.
const MOST_RESTING: usize = 4 * 1024;
/// ureq refuses larger header blocks, in words of its own.
const LARGEST_HEAD: usize = 64 * 1024;

#[derive(Debug, Default)]
pub(crate) struct Buffers {
    output: Vec<u8>,
    pending: usize,
    /// Up to here the output holds what was put in: the key is among it.
    secret: usize,
    /// Of the request's head as ureq writes it: each must fit in one piece.
    longest_line: usize,
    input: Vec<u8>,
    start: usize,
    end: usize,
    progress: bool,
    /// How far the answer's body is, when it comes in chunks.
    chunks: Option<Chunks>,
    /// The next bytes to be consumed are the answer's header block.
    pub head_pending: bool,
}

impl Buffers {
    /// What waits to be sent.
    pub fn pending(&self) -> &[u8] {
        &self.output[..self.pending]
    }

    pub fn sent_all(&mut self) {
        self.pending = 0;
        self.forget();
    }

    fn forget(&mut self) {
        wipe(&mut self.output[..self.secret]);
        self.secret = 0;
    }

    /// `amount` more bytes wait. Says whether it is time to send.
    pub fn wrote(&mut self, amount: usize) -> bool {
        self.pending += amount;
        if self.output.len() - self.pending >= self.longest_line {
            return false;
        }
        if self.output.len() < MOST_OUTPUT {
            self.output.resize(self.output.len() * 2, 0);
            return false;
        }
        true
    }

    /// Puts text into what waits to be sent.
    pub fn insert(&mut self, at: usize, text: &[u8]) {
        grow(&mut self.output, self.pending + text.len());
        self.secret = self.secret.max(at) + text.len();
        self.output.copy_within(at..self.pending, at + text.len());
        self.output[at..at + text.len()].copy_from_slice(text);
        self.pending += text.len();
    }

    /// Where the next bytes from the socket go.
    ///
    /// # Errors
    /// `Limit` when ureq makes nothing of what is there.
    pub fn room(&mut self) -> Result<&mut [u8]> {
        let (before, after) = self.around();
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
        } else if self.end + before + after >= self.input.len() && self.start > 0 {
            self.input.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.end + before + after >= self.input.len() {
            if self.end >= MOST_UNUSED_INPUT {
                return Err(Error::new(
                    Status::Limit,
                    "a line of the answer's headers or chunks has no end",
                ));
            }
            self.input.resize((self.input.len() * 2).max(FIRST_INPUT), 0);
        }
        let most = self.input.len() - after;
        Ok(&mut self.input[self.end + before..most])
    }

    /// What is left free around what comes, for the chunk that is made of it.
    fn around(&self) -> (usize, usize) {
        self.chunks.map_or((0, 0), |_| (CHUNK_HEAD, CHUNK_TAIL))
    }

    /// `amount` bytes came into the [`room`](Self::room); a full room is made larger for the next read.
    pub fn came(&mut self, amount: usize) {
        let (before, after) = self.around();
        let is_full = self.end + before + amount + after == self.input.len();
        if self.chunks.is_some() {
            self.frame(amount);
        } else {
            self.end += amount;
        }
        // Also bytes that came while the request was still being sent are worth a look.
        self.progress |= amount > 0;
        if is_full && self.input.len() < MOST_READ {
            self.input.resize(self.input.len() * 2, 0);
        }
    }

    /// Makes one chunk of the data in the bytes that came, `CHUNK_HEAD` behind the end.
    fn frame(&mut self, amount: usize) {
        let Some(chunks) = &mut self.chunks else { return };
        let came = self.end + CHUNK_HEAD;
        let before = *chunks;
        let (data, used) = chunks.decode(&mut self.input[came..came + amount]);
        if data > 0 {
            put(&mut self.input, &mut self.end, &chunk_head(data));
            self.end += data;
            put(&mut self.input, &mut self.end, b"\r\n");
        }
        if chunks.is_last() && !before.is_last() {
            put(&mut self.input, &mut self.end, b"0\r\n");
        }
        if *chunks == Chunks::Ended && before != Chunks::Ended {
            put(&mut self.input, &mut self.end, b"\r\n");
        }
        // Nobody asks for what follows the end of a body, but that something does must be seen.
        if *chunks == Chunks::Ended {
            self.input.copy_within(came + used..came + amount, self.end);
            self.end += amount - used;
        }
    }

    /// Why nothing more can be made of a body in chunks.
    pub fn broken(&self) -> Option<&'static str> {
        match self.chunks {
            Some(Chunks::Broken(why)) => Some(why),
            _ => None,
        }
    }

    pub fn unused(&self) -> &[u8] {
        &self.input[self.start..self.end]
    }

    /// Gives memory back that a resting connection does not need.
    pub fn rest(&mut self) {
        if self.output.len() > MOST_RESTING {
            self.output = Vec::new();
        }
        self.pending = 0;
        if self.input.len() > MOST_RESTING {
            self.input = Vec::new();
        }
        self.start = 0;
        self.end = 0;
        self.chunks = None;
    }

    /// Room for what ureq writes next.
    fn make_output(&mut self) {
        if self.pending == 0 {
            let (longest_line, expected) = exchange::current(|exchange| (exchange.longest_line, exchange.request_size));
            self.longest_line = longest_line;
            if self.output.len() < longest_line + expected {
                self.output = vec![0; longest_line + expected];
            }
        }
    }

    /// Takes the answer's headers, once all of them are there, and leaves ureq the lines that say how the body comes.
    ///
    /// The coding is one of them unless `bare` was asked for: ureq would decode.
    pub fn take_head(&mut self, exchange: &mut Exchange) {
        if !self.head_pending {
            return;
        }
        let input = &self.input[self.start..self.end];
        let proper = if is_interim(input) {
            None
        } else {
            Headers::parse_proper(input).filter(|(_, size)| *size <= LARGEST_HEAD)
        };
        let Some((headers, size)) = proper else {
            self.take_other_head(exchange);
            return;
        };
        self.head_pending = false;
        let has_body = has_body(input);
        let mut has_coding = false;
        let body = self.start + size;
        let head = &mut self.input[self.start..body];
        // From the last line to the first: what is kept moves up to the body.
        let mut end = head.len();
        let mut kept = end;
        let empty_line = end - if head.ends_with(b"\r\n") { 2 } else { 1 };
        let starts = std::iter::once(empty_line..empty_line)
            .chain(headers.names_from_last())
            .chain(std::iter::once(0..0));
        for name in starts {
            let start = name.start;
            has_coding |= name.len() == TRANSFER_ENCODING.len();
            if name.is_empty() || is_for_ureq(&head[name], exchange.raw_body) {
                kept -= end - start;
                head.copy_within(start..end, kept);
            }
            end = start;
        }
        if has_body && has_coding && is_chunked(&headers) {
            self.begin_chunks(body);
        }
        exchange.headers = headers;
        self.start += kept;
    }

    /// What lies from `body` on is the beginning of a body in chunks.
    fn begin_chunks(&mut self, body: usize) {
        self.chunks = Some(Chunks::default());
        let amount = self.end - body;
        let needed = self.end + CHUNK_HEAD + CHUNK_TAIL;
        if self.input.len() < needed {
            self.input.resize(needed, 0);
        }
        self.input.copy_within(body..self.end, body + CHUNK_HEAD);
        self.end = body;
        self.frame(amount);
    }

    /// The same for a block that is not at the start, not whole, or for ureq to refuse: it stays as it is.
    fn take_other_head(&mut self, exchange: &mut Exchange) {
        let Some(range) = final_head(self.unused()) else { return };
        let body = self.start + range.end;
        let head = &mut self.input[self.start + range.start..body];
        self.head_pending = false;
        let headers = Headers::parse(head.to_vec());
        if exchange.raw_body {
            hide_coding(head);
        }
        if has_body(head) && is_chunked(&headers) {
            self.begin_chunks(body);
        }
        exchange.headers = headers;
    }
}

impl Drop for Buffers {
    fn drop(&mut self) {
        self.forget();
    }
}

impl ureq::unversioned::transport::Buffers for Buffers {
    fn output(&mut self) -> &mut [u8] {
        self.make_output();
        &mut self.output[self.pending..]
    }

    fn input(&self) -> &[u8] {
        self.unused()
    }

    fn input_append_buf(&mut self) -> &mut [u8] {
        self.room().unwrap_or_default()
    }

    fn input_appended(&mut self, amount: usize) {
        self.came(amount);
    }

    fn input_consume(&mut self, amount: usize) {
        self.progress = amount > 0;
        if self.head_pending && amount > 0 {
            let head = &self.input[self.start..self.start + amount];
            if !is_interim(head) {
                self.head_pending = false;
                exchange::current(|exchange| exchange.headers = Headers::parse(head.to_vec()));
            }
        }
        self.start += amount;
    }

    fn tmp_and_output(&mut self) -> (&mut [u8], &mut [u8]) {
        self.make_output();
        // ureq copies through the first slice only when it frames chunks, which our requests never ask for; it must not be empty then.
        if self.end == self.input.len() {
            self.input.resize(self.end + FIRST_INPUT, 0);
        }
        (&mut self.input[self.end..], &mut self.output[self.pending..])
    }

    fn can_use_input(&self) -> bool {
        self.start < self.end && self.progress
    }
}

/// Whether a header says something about the connection or how the body comes.
fn is_for_ureq(name: &[u8], raw_body: bool) -> bool {
    let names: &[&[u8]] = match name.len() {
        8 => &[b"location"],
        10 => &[b"connection"],
        14 => &[b"content-length"],
        16 if !raw_body => &[b"content-encoding"],
        17 => &[TRANSFER_ENCODING.as_bytes()],
        _ => &[],
    };
    names.iter().any(|other| name.eq_ignore_ascii_case(other))
}

/// Whether the answer can have a body that comes in chunks (RFC 9112, section 6.3).
fn has_body(head: &[u8]) -> bool {
    let status = head.strip_prefix(b"HTTP/1.1 ").and_then(<[u8]>::first_chunk);
    status.is_some_and(|status: &[u8; 3]| matches!(status[0], b'2'..=b'5') && !matches!(status, b"204" | b"304"))
}

/// Whether it comes in chunks, and in no other coding. Where this is in doubt ureq decides.
fn is_chunked(headers: &Headers) -> bool {
    let mut codings = headers
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case(TRANSFER_ENCODING));
    let first = codings.next();
    first.is_some_and(|(_, value)| value.eq_ignore_ascii_case("chunked")) && codings.next().is_none()
}

fn put(input: &mut [u8], end: &mut usize, bytes: &[u8]) {
    input[*end..*end + bytes.len()].copy_from_slice(bytes);
    *end += bytes.len();
}

fn chunk_head(size: usize) -> [u8; CHUNK_HEAD] {
    let mut head = *b"00000000\r\n";
    for (i, byte) in head[..8].iter_mut().rev().enumerate() {
        *byte = b"0123456789abcdef"[size >> (4 * i) & 15];
    }
    head
}

/// Gives the coding of the body another name.
fn hide_coding(head: &mut [u8]) {
    const NAME: &[u8] = b"\ncontent-encoding:";
    for i in 0..head.len() {
        if head[i..]
            .get(..NAME.len())
            .is_some_and(|line| line.eq_ignore_ascii_case(NAME))
        {
            head[i + 1] = b'x';
        }
    }
}

/// A 1xx that precedes the answer; 101 is an answer.
fn is_interim(head: &[u8]) -> bool {
    head.len() > 12 && head.starts_with(b"HTTP/1.") && head[9] == b'1' && &head[9..12] != b"101"
}

/// Where the answer's header block lies, once all of it has come.
fn final_head(input: &[u8]) -> Option<std::ops::Range<usize>> {
    let mut start = 0;
    loop {
        let mut end = start;
        loop {
            end += input[end..].iter().position(|&byte| byte == b'\n')? + 1;
            if input[end..].starts_with(b"\r\n") {
                end += 2;
                break;
            }
            if input[end..].starts_with(b"\n") {
                end += 1;
                break;
            }
        }
        if !is_interim(&input[start..end]) {
            return Some(start..end);
        }
        start = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ureq::unversioned::transport::Buffers as _;

    fn with_input(text: &[u8]) -> Buffers {
        let mut buffers = Buffers::default();
        buffers.head_pending = true;
        buffers.room().unwrap()[..text.len()].copy_from_slice(text);
        buffers.came(text.len());
        buffers
    }

    #[test]
    fn the_final_header_block_is_kept_and_interim_ones_are_not() {
        let mut exchange = exchange::Exchange::default();
        let interim = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n";
        let answer = b"HTTP/1.1 200 OK\r\nX: y\r\n\r\n";
        exchange.during(|| {
            let mut buffers = with_input(&[&interim[..], answer, b"body"].concat());
            buffers.input_consume(interim.len());
            assert!(buffers.head_pending);
            buffers.input_consume(answer.len());
            assert!(!buffers.head_pending);
            assert_eq!(buffers.input(), b"body");
        });
        assert_eq!(exchange.headers.to_json(), r#"[["X","y"]]"#);
    }

    /// What ureq gets of an answer, and how many headers were kept.
    fn reduced(answer: &[u8], raw_body: bool) -> (String, usize) {
        let mut exchange = Exchange {
            raw_body,
            ..Exchange::default()
        };
        let mut buffers = with_input(answer);
        buffers.take_head(&mut exchange);
        let left = String::from_utf8_lossy(buffers.unused()).into_owned();
        (left, exchange.headers.iter().count())
    }

    #[test]
    fn ureq_gets_the_lines_that_say_how_the_body_comes() {
        let answer =
            "HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Encoding: gzip\r\nDate: now\r\ncontent-length: 4\nServer:\r\n\r\n";
        let all = format!("{answer}body");
        let framing = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\ncontent-length: 4\n\r\nbody";
        assert_eq!(reduced(all.as_bytes(), false), (framing.to_owned(), 5));
        let bare = framing.replace("Content-Encoding: gzip\r\n", "");
        assert_eq!(reduced(all.as_bytes(), true), (bare, 5));
        let interim = format!("HTTP/1.1 100 Continue\r\n\r\n{all}");
        assert_eq!(reduced(interim.as_bytes(), false), (interim.clone(), 5));
        let hidden = interim.replace("Content-Encoding", "xontent-Encoding");
        assert_eq!(reduced(interim.as_bytes(), true), (hidden, 5));
        let half = &all[..60];
        assert_eq!(reduced(half.as_bytes(), false), (half.to_owned(), 0));
    }

    /// What ureq gets of a body in chunks that comes in these pieces, the first with the head.
    fn framed(pieces: &[&[u8]]) -> String {
        let mut buffers = Buffers::default();
        buffers.head_pending = true;
        let mut seen = Vec::new();
        for piece in pieces {
            buffers.room().unwrap()[..piece.len()].copy_from_slice(piece);
            buffers.came(piece.len());
            buffers.take_head(&mut Exchange::default());
            seen.extend_from_slice(buffers.unused());
            buffers.start = buffers.end;
        }
        String::from_utf8(seen).unwrap()
    }

    #[test]
    fn what_came_in_one_read_is_one_chunk() {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n";
        let whole = format!("{head}1\r\na\r\n2;x=y\r\nbc\r\n0\r\nT: u\r\n\r\n");
        let end = "0\r\n\r\n";
        assert_eq!(framed(&[whole.as_bytes()]), format!("{head}00000003\r\nabc\r\n{end}"));
        assert_eq!(
            framed(&[whole.as_bytes(), b"HTTP"]),
            format!("{head}00000003\r\nabc\r\n{end}HTTP")
        );
        // A block that is left whole for ureq.
        let interim = "HTTP/1.1 100 Continue\r\n\r\n";
        assert_eq!(
            framed(&[interim.as_bytes(), whole.as_bytes()]),
            format!("{interim}{head}00000003\r\nabc\r\n{end}")
        );
        for cut in head.len()..whole.len() {
            let (first, second) = whole.as_bytes().split_at(cut);
            let mut body = framed(&[first, second]).into_bytes().split_off(head.len());
            let mut chunks = Chunks::default();
            let (data, used) = chunks.decode(&mut body);
            assert_eq!(
                (&body[..data], used, chunks),
                (&b"abc"[..], body.len(), Chunks::Ended),
                "{cut}"
            );
        }
    }

    #[test]
    fn a_body_in_other_codings_is_left_to_ureq() {
        let body = "1\r\na\r\n0\r\n\r\n";
        for head in [
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n",
            "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.1 204 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.1 \r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n",
        ] {
            let answer = format!("{head}{body}");
            assert_eq!(framed(&[answer.as_bytes()]), answer);
        }
    }

    #[test]
    fn a_header_block_that_is_not_proper_is_left_for_ureq_to_refuse() {
        for line in ["X: a\r\n folded", "no colon", "X : y", ": y", "X: \u{1}", "X: a\rb"] {
            let answer = format!("HTTP/1.1 200 OK\r\nX-A: b\r\n{line}\r\n\r\n");
            assert_eq!(reduced(answer.as_bytes(), false).0, answer);
        }
    }

    #[test]
    fn input_that_nobody_uses_is_bounded() {
        let mut buffers = Buffers::default();
        let mut came = 0;
        let error = loop {
            match buffers.room() {
                Ok(room) => {
                    let amount = room.len();
                    came += amount;
                    buffers.came(amount);
                }
                Err(error) => break error,
            }
        };
        assert_eq!(error.status, Status::Limit);
        assert!(came <= 2 * MOST_UNUSED_INPUT);
    }

    #[test]
    fn a_resting_connection_keeps_little() {
        let mut buffers = with_input(&[b'x'; 100]);
        let mut exchange = Exchange {
            request_size: 10 * MOST_RESTING,
            ..Exchange::default()
        };
        exchange.during(|| buffers.output().len());
        buffers.wrote(10);
        for _ in 0..6 {
            let room = buffers.room().unwrap().len();
            buffers.came(room);
        }
        buffers.rest();
        assert!(buffers.output.capacity() <= MOST_RESTING && buffers.input.capacity() <= MOST_RESTING);
    }
}
