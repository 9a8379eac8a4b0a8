//! What waits between a socket and ureq: bytes to send, bytes that came.
//!
//! Both buffers start empty, grow with the need, and are given back while the connection rests.
#![forbid(unsafe_code)]

use super::exchange;
use crate::error::{Error, Result, Status};

/// A header line must fit in one piece (ureq's rule); configuration allows values of 8 KiB.
const LONGEST_LINE: usize = 9 * 1024;
const FIRST_OUTPUT: usize = 16 * 1024;
/// A body goes out in writes of about this size.
const MOST_OUTPUT: usize = 128 * 1024;
const FIRST_INPUT: usize = 4 * 1024;
const MOST_READ: usize = 64 * 1024;
/// ureq leaves bytes in the buffer only for the rest of a header block (at most 64 KiB), a chunk's head or a trailer line.
const MOST_UNUSED_INPUT: usize = 128 * 1024;
/// What a resting connection may keep.
const MOST_RESTING: usize = 4 * 1024;

#[derive(Debug, Default)]
pub(crate) struct Buffers {
    output: Vec<u8>,
    pending: usize,
    input: Vec<u8>,
    start: usize,
    end: usize,
    progress: bool,
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
    }

    /// `amount` more bytes wait. Says whether it is time to send.
    pub fn wrote(&mut self, amount: usize) -> bool {
        self.pending += amount;
        if self.output.len() - self.pending >= LONGEST_LINE {
            return false;
        }
        if self.output.len() < MOST_OUTPUT {
            self.output.resize(self.output.len() * 2, 0);
            return false;
        }
        true
    }

    /// Puts text into what waits to be sent.
    pub fn insert(&mut self, at: usize, text: &str) {
        self.output.splice(at..at, text.bytes());
        self.pending += text.len();
    }

    /// Where the next bytes from the socket go.
    ///
    /// # Errors
    /// `Limit` when ureq makes nothing of what is there.
    pub fn room(&mut self) -> Result<&mut [u8]> {
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
        } else if self.end == self.input.len() && self.start > 0 {
            self.input.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.input.len() {
            if self.end >= MOST_UNUSED_INPUT {
                return Err(Error::new(
                    Status::Limit,
                    "a line of the answer's headers or chunks has no end",
                ));
            }
            self.input.resize((self.input.len() * 2).max(FIRST_INPUT), 0);
        }
        Ok(&mut self.input[self.end..])
    }

    /// `amount` bytes came into the [`room`](Self::room); a full room is made larger for the next read.
    pub fn came(&mut self, amount: usize) {
        self.end += amount;
        // Also bytes that came while the request was still being sent are worth a look.
        self.progress |= amount > 0;
        if self.end == self.input.len() && self.input.len() < MOST_READ {
            self.input.resize(self.input.len() * 2, 0);
        }
    }

    pub fn unused(&self) -> &[u8] {
        &self.input[self.start..self.end]
    }

    /// Gives memory back that a resting connection does not need.
    pub fn rest(&mut self) {
        self.output = Vec::new();
        self.pending = 0;
        if self.input.len() > MOST_RESTING {
            self.input = Vec::new();
        }
        self.start = 0;
        self.end = 0;
    }

    /// Takes a copy of the answer's header block, once all of it is there, and hides its `Content-Encoding` from ureq, which would decode.
    pub fn keep_encoding(&mut self) {
        let Some(range) = final_head(&self.input[self.start..self.end]) else {
            return;
        };
        let range = self.start + range.start..self.start + range.end;
        exchange::current(|exchange| exchange.head = self.input[range.clone()].to_vec());
        self.head_pending = false;
        const NAME: &[u8] = b"\ncontent-encoding:";
        for i in range.clone() {
            let line = &mut self.input[i..range.end];
            if line.len() >= NAME.len() && line[..NAME.len()].eq_ignore_ascii_case(NAME) {
                line[1] = b'x';
            }
        }
    }
}

impl ureq::unversioned::transport::Buffers for Buffers {
    fn output(&mut self) -> &mut [u8] {
        if self.output.is_empty() {
            self.output.resize(FIRST_OUTPUT, 0);
        }
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
                exchange::current(|exchange| exchange.head = head.to_vec());
            }
        }
        self.start += amount;
    }

    fn tmp_and_output(&mut self) -> (&mut [u8], &mut [u8]) {
        if self.output.is_empty() {
            self.output.resize(FIRST_OUTPUT, 0);
        }
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
        let mut buffers = Buffers {
            head_pending: true,
            ..Buffers::default()
        };
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
        assert_eq!(exchange.head, answer);
    }

    #[test]
    fn an_encoding_can_be_hidden_from_ureq_alone() {
        let mut exchange = exchange::Exchange::default();
        let answer = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nbody";
        exchange.during(|| {
            let mut buffers = with_input(&answer[..30]);
            buffers.keep_encoding();
            assert!(buffers.head_pending, "only half of it is there");
            let mut buffers = with_input(answer);
            buffers.keep_encoding();
            let input = String::from_utf8_lossy(buffers.input()).into_owned();
            assert!(input.contains("\r\nxontent-Encoding: gzip\r\n"), "{input}");
        });
        assert_eq!(exchange.head, &answer[25..answer.len() - 4]);
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
        buffers.output();
        buffers.wrote(10);
        for _ in 0..6 {
            let room = buffers.room().unwrap().len();
            buffers.came(room);
        }
        buffers.rest();
        assert!(buffers.output.capacity() + buffers.input.capacity() <= MOST_RESTING);
    }
}
