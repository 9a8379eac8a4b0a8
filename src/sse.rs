//! Server-sent events: bytes in, events out.
//!
//! The decoder knows no socket. It is fed as bytes come, cut anywhere, and gives each event with the bytes that complete it. The rules
//! are those of WHATWG's "event stream interpretation", widened by what services were seen to send: an event that no blank line ends,
//! keep-alives dressed up as data, several events between two blank lines, `[DONE]` without its field name. `id` and `retry` serve
//! reconnecting, which a stream that answers a POST cannot do, so they are read over like fields that nobody knows.
//!
//! Events are made in place: the data of one is the slice of the read buffer that it came in, with a NUL over the line end behind it.
#![forbid(unsafe_code)]

use crate::json::Value;
use crate::json::word::{before_mark, first_word, line_end_marks};
use std::ops::Range;

/// An event, valid until the decoder is used again.
#[derive(Debug)]
pub struct Event<'a> {
    name_z: &'a [u8],
    data_z: &'a [u8],
}

impl<'a> Event<'a> {
    /// What the `event` field said, "" if there was none, and a NUL. UTF-8.
    pub fn name_z(&self) -> &'a [u8] {
        self.name_z
    }

    /// The data and a NUL. UTF-8.
    pub fn data_z(&self) -> &'a [u8] {
        self.data_z
    }
}

/// An event has more bytes than the decoder may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge;

/// Makes events of bytes.
pub struct Decoder {
    /// What was read and room for more. Bytes from `end` on mean nothing.
    buffer: Vec<u8>,
    /// Where the bytes begin that are not yet part of a given event.
    start: usize,
    /// Where the line begins that is not yet read.
    line: usize,
    /// That line has no end before here: no byte is looked at twice.
    scanned: usize,
    end: usize,
    /// The last line ended with CR, so an LF that follows belongs to it.
    after_cr: bool,
    /// Something other than white space has come, and it is no document.
    opened: bool,
    ended: bool,
    max_event_bytes: usize,
    reading: Reading,
    /// What is left of joined data that turned out to be several events.
    parts: Range<usize>,
    /// The given event's name and a NUL.
    name: String,
    /// The given event's data where it had to be repaired.
    repaired: Vec<u8>,
}

/// The event whose blank line has not come.
#[derive(Default)]
struct Reading {
    name: String,
    /// The data lines so far, joined by LF, at the place of the first of them.
    data: Range<usize>,
    data_lines: usize,
}

impl Reading {
    fn is_empty(&self) -> bool {
        self.data_lines == 0 && self.name.is_empty()
    }
}

impl Decoder {
    /// A decoder that refuses events of more than so many bytes, line ends and field names included.
    pub fn new(max_event_bytes: usize) -> Decoder {
        Decoder {
            buffer: Vec::new(),
            start: 0,
            line: 0,
            scanned: 0,
            end: 0,
            after_cr: false,
            opened: false,
            ended: false,
            max_event_bytes,
            reading: Reading::default(),
            parts: 0..0,
            name: String::new(),
            repaired: Vec::new(),
        }
    }

    /// Where the next bytes are to be written.
    ///
    /// Ask for it when [`Decoder::next`] has no more events; the buffer then never holds more than one event and one read.
    pub fn space(&mut self, at_least: usize) -> &mut [u8] {
        if self.buffer.len() - self.end < at_least {
            self.compact();
        }
        if self.buffer.len() - self.end < at_least {
            let size = (self.end + at_least).max(2 * self.buffer.len());
            self.buffer.resize(size, 0);
        }
        &mut self.buffer[self.end..]
    }

    /// So many bytes were written to the start of [`Decoder::space`].
    pub fn filled(&mut self, count: usize) {
        self.end = self.buffer.len().min(self.end + count);
    }

    /// No more bytes will come: an event that no blank line ended is whole now.
    pub fn end(&mut self) {
        self.ended = true;
        // The last line has no end of its own that could become its NUL.
        self.buffer.resize(self.buffer.len().max(self.end + 1), 0);
    }

    /// The bytes that are not yet part of an event. Lines that carry nothing are gone as soon as they were read.
    pub fn unread(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// The next event; `None` when it needs more bytes, or after [`Decoder::end`] when there is no more.
    ///
    /// A document that came instead of a stream is not taken apart: there are no events, and [`Decoder::unread`] keeps it.
    #[allow(clippy::should_implement_trait)] // the event borrows from the decoder, which no Iterator can say
    pub fn next(&mut self) -> Result<Option<Event<'_>>, TooLarge> {
        match self.next_data()? {
            Some(data) => Ok(Some(self.event(data))),
            None => Ok(None),
        }
    }

    /// Whether the line of a `[DONE]` has come, though not yet the empty one that ends its event.
    pub fn is_behind_end_mark(&self) -> bool {
        self.reading.data_lines == 1 && is_done(&self.buffer[self.reading.data.clone()])
    }

    fn next_data(&mut self) -> Result<Option<Range<usize>>, TooLarge> {
        if let Some(part) = self.next_part() {
            return Ok(Some(part));
        }
        if !self.opened && !self.open() {
            return Ok(None);
        }
        while let Some(line) = self.next_line()? {
            if !line.is_empty() {
                self.field(line);
            } else if let Some(data) = self.dispatch() {
                return Ok(Some(data));
            }
        }
        Ok(if self.ended { self.dispatch() } else { None })
    }

    /// Steps over a byte order mark and white space before the stream. `false`: there is no stream, or not yet.
    fn open(&mut self) -> bool {
        let document = loop {
            match self.unread() {
                [b' ' | b'\t' | b'\r' | b'\n', ..] => self.start += 1,
                [0xEF, 0xBB, 0xBF, ..] => self.start += 3,
                [] | [0xEF] | [0xEF, 0xBB] => return false,
                // JSON or HTML, as gateways answer that ignore `stream` or fail. No field begins like this.
                unread => break matches!(unread[0], b'{' | b'[' | b'<') && !unread.starts_with(b"[DONE]"),
            }
        };
        self.line = self.start;
        self.scanned = self.start;
        self.opened = !document;
        self.opened
    }

    /// The next line without its end; `None` when its end has not come.
    fn next_line(&mut self) -> Result<Option<Range<usize>>, TooLarge> {
        self.skip_lf();
        if self.reading.is_empty() {
            self.start = self.line;
        }
        let line_start = self.line;
        let found = find_line_end(&self.buffer[self.scanned..self.end]);
        let line_end = found.map_or(self.end, |length| self.scanned + length);
        if line_end - self.start > self.max_event_bytes {
            return Err(TooLarge);
        }
        self.scanned = line_end;
        if found.is_some() {
            self.after_cr = self.buffer[line_end] == b'\r';
            self.line = line_end + 1;
            self.scanned = self.line;
            self.skip_lf();
        } else if self.ended && line_start < line_end {
            self.line = line_end;
        } else {
            return Ok(None);
        }
        Ok(Some(line_start..line_end))
    }

    /// Steps over the LF of a CRLF, which may come in a later read than the CR that already ended the line.
    fn skip_lf(&mut self) {
        if !self.after_cr || self.line == self.end {
            return;
        }
        self.after_cr = false;
        if self.buffer[self.line] == b'\n' {
            self.line += 1;
            self.scanned = self.line;
        }
    }

    fn field(&mut self, line: Range<usize>) {
        let bytes = &self.buffer[line.clone()];
        let Some(colon) = field_name_end(bytes) else {
            return self.bare_field(line);
        };
        let blank = usize::from(bytes.get(colon + 1) == Some(&b' '));
        let value = line.start + colon + 1 + blank..line.end;
        match &bytes[..colon] {
            b"data" => self.data_line(value),
            b"event" => set_text(&mut self.reading.name, &self.buffer[value]),
            // llama.cpp's server tells a failure in a field of its own.
            b"error" if self.buffer[value.clone()].starts_with(b"{") => {
                if self.reading.data_lines == 0 {
                    set_text(&mut self.reading.name, b"error");
                }
                self.data_line(value);
            }
            // A comment is a field without a name.
            _ => {}
        }
    }

    /// A line without a colon: a field with no value, or a `[DONE]` that somebody forgot to put into one.
    fn bare_field(&mut self, line: Range<usize>) {
        let bytes = &self.buffer[line.clone()];
        if bytes == b"data" {
            self.data_line(line.end..line.end);
        } else if bytes == b"event" {
            self.reading.name.clear();
        } else if is_done(bytes) {
            self.data_line(line);
        }
    }

    fn data_line(&mut self, value: Range<usize>) {
        let reading = &mut self.reading;
        reading.data_lines += 1;
        if reading.data_lines == 1 {
            reading.data = value;
            return;
        }
        // The line end before this line leaves room for the LF, so the copy goes towards the start and overlaps nothing unread.
        let joint = reading.data.end;
        self.buffer[joint] = b'\n';
        reading.data.end = joint + 1 + value.len();
        self.buffer.copy_within(value, joint + 1);
    }

    /// A blank line has come: the data of the event that it ends, if there is one.
    fn dispatch(&mut self) -> Option<Range<usize>> {
        self.start = self.line;
        std::mem::swap(&mut self.name, &mut self.reading.name);
        self.name.push('\0');
        self.reading.name.clear();
        let lines = std::mem::take(&mut self.reading.data_lines);
        let data = std::mem::take(&mut self.reading.data);
        if carries_nothing(&self.buffer[data.clone()]) {
            return None;
        }
        if lines > 1 && is_several(&self.buffer[data.clone()]) {
            self.parts = data;
            return self.next_part();
        }
        Some(data)
    }

    /// The next line that carries something of data that is several events.
    fn next_part(&mut self) -> Option<Range<usize>> {
        while !self.parts.is_empty() {
            let start = self.parts.start;
            let length = find_line_end(&self.buffer[self.parts.clone()]).unwrap_or(self.parts.len());
            let part = start..start + length;
            self.parts.start = self.parts.end.min(part.end + 1);
            if !carries_nothing(&self.buffer[part.clone()]) {
                return Some(part);
            }
        }
        None
    }

    fn event(&mut self, data: Range<usize>) -> Event<'_> {
        self.buffer[data.end] = 0;
        let mut data_z = &self.buffer[data.start..=data.end];
        if std::str::from_utf8(data_z).is_err() {
            self.repaired = String::from_utf8_lossy(data_z).into_owned().into_bytes();
            data_z = &self.repaired;
        }
        Event {
            name_z: self.name.as_bytes(),
            data_z,
        }
    }

    /// Moves what is still needed to the start of the buffer.
    fn compact(&mut self) {
        let unneeded = if self.parts.is_empty() {
            self.start
        } else {
            self.parts.start
        };
        if unneeded == 0 {
            return;
        }
        self.buffer.copy_within(unneeded..self.end, 0);
        // The ranges that are empty may lie anywhere.
        for place in [
            &mut self.start,
            &mut self.line,
            &mut self.scanned,
            &mut self.end,
            &mut self.reading.data.start,
            &mut self.reading.data.end,
            &mut self.parts.start,
            &mut self.parts.end,
        ] {
            *place = place.saturating_sub(unneeded);
        }
    }
}

/// Where the first LF or CR is.
fn find_line_end(bytes: &[u8]) -> Option<usize> {
    let is_line_end = |byte: u8| byte == b'\n' || byte == b'\r';
    // A block is folded without a branch, so that it takes a few vector instructions and not one per byte.
    let (blocks, _) = bytes.as_chunks::<32>();
    let clean = blocks
        .iter()
        .take_while(|block| !block.iter().fold(false, |found, &byte| found | is_line_end(byte)))
        .count();
    let mut at = 32 * clean;
    while let Some(word) = first_word(&bytes[at..]) {
        let marks = line_end_marks(word);
        if marks != 0 {
            return Some(at + before_mark(marks));
        }
        at += 8;
    }
    let found = bytes[at..].iter().position(|&byte| is_line_end(byte));
    found.map(|length| at + length)
}

/// Where the colon is that ends a field's name.
fn field_name_end(line: &[u8]) -> Option<usize> {
    // Nearly every line is data, and a line that has no colon can be long.
    if line.starts_with(b"data:") {
        Some(4)
    } else {
        line.iter().position(|&byte| byte == b':')
    }
}

fn set_text(text: &mut String, bytes: &[u8]) {
    text.clear();
    match std::str::from_utf8(bytes) {
        Ok(valid) => text.push_str(valid),
        Err(_) => text.push_str(&String::from_utf8_lossy(bytes)),
    }
}

/// Whether data is the `[DONE]` by which OpenAI's streams end, with the blanks and quotes that gateways put around it.
pub fn is_done(data: &[u8]) -> bool {
    matches!(data.trim_ascii(), b"[DONE]" | b"\"[DONE]\"")
}

/// Blank, or a comment that a proxy wrapped into a data field to keep the connection alive.
fn carries_nothing(data: &[u8]) -> bool {
    matches!(data.trim_ascii_start().first(), None | Some(b':'))
}

/// Whether joined data is the events of a service that puts one line end, not two, between them.
fn is_several(data: &[u8]) -> bool {
    let is_event = |line: &[u8]| carries_nothing(line) || is_done(line) || Value::parse(line).is_ok();
    Value::parse(data).is_err() && data.split(|&byte| byte == b'\n').all(is_event)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names and data.
    type Told = Vec<(String, String)>;

    impl Decoder {
        fn feed(&mut self, bytes: &[u8]) {
            self.space(bytes.len())[..bytes.len()].copy_from_slice(bytes);
            self.filled(bytes.len());
        }
    }

    fn without_nul(text: &[u8]) -> String {
        String::from_utf8(text.strip_suffix(b"\0").unwrap().to_vec()).unwrap()
    }

    fn drain(decoder: &mut Decoder, told: &mut Told) {
        while let Some(event) = decoder.next().unwrap() {
            told.push((without_nul(event.name_z()), without_nul(event.data_z())));
        }
    }

    /// The events of a stream that comes in these pieces.
    fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Told {
        let mut decoder = Decoder::new(1 << 20);
        let mut told = Told::new();
        for piece in pieces {
            decoder.feed(piece);
            drain(&mut decoder, &mut told);
        }
        decoder.end();
        drain(&mut decoder, &mut told);
        assert!(!decoder.opened || decoder.unread().is_empty());
        told
    }

    fn data_of(stream: &[u8]) -> Vec<String> {
        decode([stream]).into_iter().map(|(_, data)| data).collect()
    }

    /// Every feature in one short stream.
    const EVERYTHING: &str = "\u{feff}: hi\r\nevent: a\rdata: {\"n\":1}\n\r\ndata:{\"你\":\ndata: 2}\r\r\nid: 7\nretry: 30\n\r\
        data\n\ndata: : ping\n\nunknown\nother: x\n\ndata: {\"n\":3}\r\ndata: [DONE]\n\n[DONE]\r\n\r\nevent: last\ndata: {\"n\":4}";

    fn everything() -> Told {
        [
            ("a", "{\"n\":1}"),
            ("", "{\"你\":\n2}"),
            ("", "{\"n\":3}"),
            ("", "[DONE]"),
            ("", "[DONE]"),
            ("last", "{\"n\":4}"),
        ]
        .map(|(name, data)| (name.to_string(), data.to_string()))
        .to_vec()
    }

    #[test]
    fn the_first_line_end_is_found_wherever_it_is() {
        for length in 0..100 {
            for at in 0..=length {
                for end in [b'\n', b'\r'] {
                    // Neighbours in value, and bytes that are not ASCII.
                    let mut bytes: Vec<u8> = (0..length).map(|i| b"\x0b\x0c\x09\x8a\x8d\x0ez"[i % 7]).collect();
                    assert_eq!(find_line_end(&bytes), None);
                    bytes.insert(at, end);
                    bytes.extend_from_slice(b"\r\n");
                    assert_eq!(find_line_end(&bytes), Some(at));
                }
            }
        }
    }

    #[test]
    fn a_stream_gives_the_same_events_wherever_it_is_cut_once_or_twice() {
        let stream = EVERYTHING.as_bytes();
        assert_eq!(decode([stream]), everything());
        for first in 0..=stream.len() {
            for second in first..=stream.len() {
                let pieces = [&stream[..first], &stream[first..second], &stream[second..]];
                assert_eq!(decode(pieces), everything(), "cut at {first} and {second}");
            }
        }
    }

    #[test]
    fn a_stream_fed_byte_by_byte_gives_the_same_events() {
        assert_eq!(decode(EVERYTHING.as_bytes().chunks(1)), everything());
    }

    #[test]
    fn an_event_comes_with_the_byte_that_completes_it() {
        for stream in [
            "data: 1\n\n",
            "data: 1\r\r",
            "data: 1\r\n\r",
            "data: 1\n\r",
            "event: x\ndata: 1\r\n\n",
        ] {
            let mut decoder = Decoder::new(100);
            let (last, before) = stream.as_bytes().split_last().unwrap();
            decoder.feed(before);
            assert!(decoder.next().unwrap().is_none());
            decoder.feed(&[*last]);
            assert_eq!(decoder.next().unwrap().unwrap().data_z(), b"1\0", "{stream:?}");
        }
    }

    #[test]
    fn every_mix_of_line_ends_means_the_same() {
        const ENDS: [&str; 3] = ["\n", "\r", "\r\n"];
        for mix in 0..3usize.pow(6) {
            let end = |line: u32| ENDS[mix / 3usize.pow(line) % 3];
            let (a, b, c, d, e, f) = (end(0), end(1), end(2), end(3), end(4), end(5));
            // CR then LF is one line end, so this mix is another stream.
            if [(a, b), (b, c), (d, e), (e, f)].contains(&("\r", "\n")) {
                continue;
            }
            let stream = format!("data: 1{a}{b}event: x{c}data: [{d}data: 2]{e}{f}");
            let expected = [("", "1"), ("x", "[\n2]")].map(|(name, data)| (name.to_string(), data.to_string()));
            assert_eq!(decode([stream.as_bytes()]), expected, "{stream:?}");
            assert_eq!(decode(stream.as_bytes().chunks(1)), expected, "{stream:?}");
        }
    }

    #[test]
    fn an_event_that_no_blank_line_ends_comes_at_the_end() {
        assert_eq!(data_of(b"data: 1\n\ndata: 2\n"), ["1", "2"]);
        assert_eq!(data_of(b"data: 1\n\ndata: 2"), ["1", "2"]);
        assert_eq!(data_of(b"data: 1\r"), ["1"]);
    }

    #[test]
    fn at_most_one_blank_belongs_to_the_colon() {
        assert_eq!(data_of(b"data:1\n\ndata: 2\n\ndata:  3\n\n"), ["1", "2", " 3"]);
    }

    #[test]
    fn an_event_without_data_is_no_event_and_its_name_is_forgotten() {
        let stream = b"event: ping\n\ndata: 1\n\nevent: message\n: keep-alive\n\ndata: 2\n\nevent\ndata: 3\n\n";
        assert_eq!(
            decode([&stream[..]]),
            ["1", "2", "3"].map(|data| (String::new(), data.to_string()))
        );
    }

    #[test]
    fn blank_data_and_keep_alives_in_data_are_no_events() {
        assert_eq!(
            data_of(b"data:\n\ndata: \n\ndata: \t\ndata:\n\ndata: : keepalive\n\ndata: 1\n\n"),
            ["1"]
        );
    }

    #[test]
    fn names_are_case_sensitive_and_unknown_ones_ignored() {
        assert_eq!(data_of(b"Data: 1\n\n data: 2\n\ndatum: 3\n\n  \ndata: 4\n\n"), ["4"]);
    }

    #[test]
    fn done_is_known_padded_quoted_and_bare() {
        for stream in [
            "data: [DONE]\n\n",
            "data:  [DONE] \n\n",
            "data: \"[DONE]\"\n\n",
            "[DONE]\n\n",
            "data: [DONE]",
        ] {
            let data = data_of(stream.as_bytes());
            assert!(data.len() == 1 && is_done(data[0].as_bytes()), "{stream:?}");
        }
        assert!(!is_done(b"\"say [DONE]\""));
    }

    #[test]
    fn a_field_error_with_an_object_is_an_event_of_that_name() {
        let event = |name: &str, data: &str| (name.to_string(), data.to_string());
        let stream = b"data: 1\n\nerror: {\"code\":500}\n\nerror: in words\n\ndata: {\nerror: {}\n\n";
        let expected = [event("", "1"), event("error", "{\"code\":500}"), event("", "{\n{}")];
        assert_eq!(decode([&stream[..]]), expected);
        assert_eq!(decode(stream.chunks(1)), expected);
    }

    #[test]
    fn one_line_end_between_events_is_enough_when_each_line_is_json() {
        let stream = b"event: e\ndata: {\"a\":1}\ndata: : ping\ndata: {\"a\":2}\ndata: [DONE]\n\n";
        let expected = ["{\"a\":1}", "{\"a\":2}", "[DONE]"].map(|data| ("e".to_string(), data.to_string()));
        assert_eq!(decode([&stream[..]]), expected);
        assert_eq!(decode(stream.chunks(1)), expected);
        // One document in several lines, and lines that are not all JSON, stay together.
        assert_eq!(data_of(b"data: [1,\ndata: 2]\n\n"), ["[1,\n2]"]);
        assert_eq!(data_of(b"data: {}\ndata: oops\n\n"), ["{}\noops"]);
    }

    #[test]
    fn events_in_one_are_kept_while_more_bytes_come() {
        let mut decoder = Decoder::new(100);
        decoder.feed(b"data: 1\ndata: 22\ndata: 3\n\n");
        assert_eq!(decoder.next().unwrap().unwrap().data_z(), b"1\0");
        decoder.feed(&b"data: 4\n\n".repeat(50));
        let mut told = Told::new();
        drain(&mut decoder, &mut told);
        assert_eq!(told.len(), 52);
        assert_eq!(
            (told[0].1.as_str(), told[1].1.as_str(), told[2].1.as_str()),
            ("22", "3", "4")
        );
    }

    #[test]
    fn bytes_that_are_not_utf8_are_replaced_and_the_others_kept() {
        let stream = b"event: \xFFx\ndata: {\"a\":\"\xE4\xBD\xA0\xE4\xBD\"}\n\ndata: 2\n\n";
        let expected = [("\u{fffd}x", "{\"a\":\"你\u{fffd}\"}"), ("", "2")];
        assert_eq!(
            decode([&stream[..]]),
            expected.map(|(name, data)| (name.to_string(), data.to_string()))
        );
    }

    #[test]
    fn an_event_above_the_limit_is_refused_however_it_comes() {
        let event = |length: usize| format!("data: {}\n\n", "x".repeat(length - 7)).into_bytes();
        for pieces in [1, 7, 1000] {
            let outcome = |stream: &[u8]| {
                let mut decoder = Decoder::new(100);
                stream.chunks(pieces).try_fold(0, |events, piece| {
                    decoder.feed(piece);
                    let mut events = events;
                    while decoder.next()?.is_some() {
                        events += 1;
                    }
                    Ok(events)
                })
            };
            assert_eq!(outcome(&[event(100), event(99)].concat()), Ok(2));
            assert_eq!(outcome(&event(101)), Err(TooLarge));
            assert_eq!(outcome("data: 123\n".repeat(11).as_bytes()), Err(TooLarge));
            assert_eq!(outcome(": no event ever holds these\n".repeat(100).as_bytes()), Ok(0));
        }
    }

    #[test]
    fn the_buffer_is_empty_at_first_and_stops_growing() {
        let mut decoder = Decoder::new(1 << 20);
        assert_eq!(decoder.buffer.capacity(), 0);
        let event = b"event: response.output_text.delta\ndata: {\"delta\":\"hello\"}\n\n";
        let mut capacity = 0;
        for round in 0..10_000 {
            decoder.space(1000)[..event.len()].copy_from_slice(event);
            decoder.filled(event.len() - 1);
            assert!(decoder.next().unwrap().is_none());
            decoder.space(1000)[0] = b'\n';
            decoder.filled(1);
            assert!(decoder.next().unwrap().is_some());
            if round == 10 {
                capacity = decoder.buffer.capacity();
            }
        }
        assert_eq!(decoder.buffer.capacity(), capacity);
        assert!(capacity <= 4096, "{capacity}");
    }

    #[test]
    fn a_document_instead_of_a_stream_is_left_whole() {
        for document in ["{\n\n\"error\":1}\n", "\r\n  [1]\n\n", "<html>\n", "\u{feff}{\n}", " {"] {
            for size in 1..=document.len() {
                let mut decoder = Decoder::new(100);
                for piece in document.as_bytes().chunks(size) {
                    decoder.feed(piece);
                    assert!(decoder.next().unwrap().is_none());
                }
                decoder.end();
                assert!(decoder.next().unwrap().is_none());
                assert_eq!(
                    decoder.unread(),
                    document.trim_start_matches(['\u{feff}', ' ', '\r', '\n']).as_bytes()
                );
            }
        }
    }

    #[test]
    fn random_bytes_never_panic_and_cuts_never_matter() {
        const PIECES: [&[u8]; 14] = [
            b"data: ",
            b"data:",
            b"\n",
            b"\r",
            b"\r\n",
            b"\n\n",
            b"event: x",
            b"{\"a\":1}",
            b":",
            b"[DONE]",
            b"\xEF\xBB\xBF",
            b"\xFF",
            b"id",
            b" ",
        ];
        let mut state = 88_172_645_463_325_252u64;
        let mut random = |limit: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state % limit as u64) as usize
        };
        for _ in 0..20_000 {
            let stream: Vec<u8> = (0..random(24))
                .flat_map(|_| PIECES[random(PIECES.len())].to_vec())
                .collect();
            let whole = decode([&stream[..]]);
            assert_eq!(
                decode(stream.chunks(1)),
                whole,
                "{:?}",
                String::from_utf8_lossy(&stream)
            );
            assert_eq!(decode(stream.chunks(1 + random(5))), whole);
        }
    }
}
