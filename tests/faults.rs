//! A network and a service that do wrong at every byte: bytes changed, doubled, lost, swapped, held back.
//!
//! What may come of it depends on where it happens, and on nothing else:
//! - **Head and frames** (status line, headers, chunk sizes and ends): a failure, or exactly what was said. They say how an answer comes, not what it
//!   says. (Only where the empty line behind the headers is gone altogether, the event up to the next empty line is one of them.)
//! - **gzip**: a failure, or exactly what was said. Its checksum and length at the end seal every byte.
//! - **JSON without a seal**: a failure, or what is written there now, as another reader of JSON reads it: nothing but that place differs.
//! - **Events without a seal**: what is written there now, as the rules for event streams have it. Those make the event whose own field name or colon
//!   was hit a line that nobody knows, so that event can be lost unseen, as it can be told twice by who sends it twice. Events that were not hit are
//!   there once each and in their order, or the call is a failure, and then what was handed out is a beginning.
//!
//! A failure is one of the network or the service, never a hang and never a defect; one call is one request. (tests/cuts.rs has the cuts.)
//!
//! A plain run does a part of the cases, spread over all places; `KUAI_FAULTS=all` does all of them.

mod support;

use kuai::{Client, Status};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use support::clients::{client_with, completion, stream_events};
use support::faults::{Outcome, all_cases, side_by_side};
use support::http::{Server, gzip};

const TEXT: &str = "The words of the answer, 快 and all.";
const PIECES: [&str; 3] = ["The words of ", "the answer, 快", " and all."];

/// What a byte of an answer belongs to.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    Head,
    /// Of a chunk: what is not its data.
    Frame,
    Packed,
    Json,
    /// With its field name and the lines' ends; the last one is the end mark.
    Event(usize),
}

/// Bytes, and what each belongs to.
#[derive(Clone, Default)]
struct Bytes {
    bytes: Vec<u8>,
    places: Vec<Place>,
}

impl Bytes {
    fn of(bytes: &[u8], place: Place) -> Bytes {
        let mut all = Bytes::default();
        all.push(bytes, place);
        all
    }

    fn push(&mut self, bytes: &[u8], place: Place) {
        self.bytes.extend_from_slice(bytes);
        self.places.resize(self.bytes.len(), place);
    }

    fn append(&mut self, other: &Bytes) {
        self.bytes.extend_from_slice(&other.bytes);
        self.places.extend_from_slice(&other.places);
    }

    fn slice(&self, range: std::ops::Range<usize>) -> Bytes {
        Bytes {
            bytes: self.bytes[range.clone()].to_vec(),
            places: self.places[range].to_vec(),
        }
    }

    /// Cut at these places.
    fn split(&self, cuts: &[usize]) -> Vec<Bytes> {
        let mut pieces = Vec::new();
        let mut start = 0;
        for end in cuts.iter().copied().chain([self.bytes.len()]) {
            pieces.push(self.slice(start..end));
            start = end;
        }
        pieces
    }

    fn in_a_chunk(&self) -> Bytes {
        let mut chunk = Bytes::of(format!("{:x}\r\n", self.bytes.len()).as_bytes(), Place::Frame);
        chunk.append(self);
        chunk.push(b"\r\n", Place::Frame);
        chunk
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Framing {
    Length,
    Chunks,
    Close,
}

/// An answer as it goes over the wire.
struct Form {
    name: &'static str,
    wire: Bytes,
    head: usize,
    framing: Framing,
    stream: bool,
    packed: bool,
}

impl Form {
    fn new(name: &'static str, framing: Framing, content: &Bytes, cuts: &[usize]) -> Form {
        let (stream, packed) = (name.contains("stream"), name.contains("gzip"));
        let mut head = String::from("HTTP/1.1 200 OK\r\n");
        head += if stream {
            "Content-Type: text/event-stream\r\n"
        } else {
            "Content-Type: application/json\r\n"
        };
        head += if packed { "Content-Encoding: gzip\r\n" } else { "" };
        head += &match framing {
            Framing::Length => format!("Content-Length: {}\r\n", content.bytes.len()),
            Framing::Chunks => "Transfer-Encoding: chunked\r\n".to_owned(),
            Framing::Close => String::new(),
        };
        head += "\r\n";
        let mut wire = Bytes::of(head.as_bytes(), Place::Head);
        if framing == Framing::Chunks {
            for piece in content.split(cuts) {
                wire.append(&piece.in_a_chunk());
            }
            wire.push(b"0\r\n\r\n", Place::Frame);
        } else {
            wire.append(content);
        }
        Form {
            name,
            wire,
            head: head.len(),
            framing,
            stream,
            packed,
        }
    }

    fn all() -> Vec<Form> {
        let json = Bytes::of(completion(TEXT).as_bytes(), Place::Json);
        let packed = Bytes::of(&gzip(&json.bytes), Place::Packed);
        let events = events();
        let half = |bytes: &Bytes| [bytes.bytes.len() / 2];
        vec![
            Form::new("length", Framing::Length, &json, &[]),
            Form::new("chunks", Framing::Chunks, &json, &half(&json)),
            Form::new("close", Framing::Close, &json, &[]),
            Form::new("gzip", Framing::Length, &packed, &[]),
            Form::new("gzip in chunks", Framing::Chunks, &packed, &half(&packed)),
            Form::new("stream", Framing::Chunks, &events, &half(&events)),
            Form::new("stream of chunks", Framing::Chunks, &events, &ends_of_events(&events)),
            Form::new("stream to the close", Framing::Close, &events, &[]),
        ]
    }

    /// The body as its frames hold it, up to where they are broken, and whether they are not.
    fn unframed(&self, wire: &[u8]) -> (Vec<u8>, bool) {
        let body = &wire[self.head.min(wire.len())..];
        match self.framing {
            Framing::Close => (body.to_vec(), true),
            Framing::Length => {
                let length = self.wire.bytes.len() - self.head;
                (body[..length.min(body.len())].to_vec(), body.len() >= length)
            }
            Framing::Chunks => {
                let mut data = Vec::new();
                let whole = dechunk(body, &mut data).is_some();
                (data, whole)
            }
        }
    }
}

/// The events of a stream that says the text.
fn events() -> Bytes {
    let mut all = Bytes::default();
    for (number, data) in stream_events(&PIECES).iter().enumerate() {
        all.push(format!("data: {data}\n\n").as_bytes(), Place::Event(number));
    }
    all
}

fn ends_of_events(events: &Bytes) -> Vec<usize> {
    let places = &events.places;
    (1..places.len()).filter(|at| places[*at] != places[at - 1]).collect()
}

/// RFC 9112, section 7.1, without extensions. Nothing of what is said stands behind the last chunk's size.
fn dechunk(mut rest: &[u8], data: &mut Vec<u8>) -> Option<()> {
    loop {
        let line = rest.iter().position(|byte| *byte == b'\n')?;
        let size = std::str::from_utf8(rest[..line].strip_suffix(b"\r")?).ok()?;
        let size = usize::from_str_radix(size.trim(), 16).ok()?;
        rest = &rest[line + 1..];
        if size == 0 {
            return Some(());
        }
        data.extend_from_slice(&rest[..size.min(rest.len())]);
        rest = rest.get(size..)?.strip_prefix(b"\r\n")?;
    }
}

/// What an event stream says, by the letter of its standard and what src/sse.rs says it is widened by.
#[derive(Default)]
struct Told {
    /// Up to the end mark, or to what is no JSON.
    events: Vec<String>,
    /// The end mark came, or an event that says why the answer ends.
    ended: bool,
    broken: bool,
}

impl Told {
    fn by(body: &[u8]) -> Told {
        let text = String::from_utf8_lossy(body).replace("\r\n", "\n").replace('\r', "\n");
        let mut told = Told::default();
        let mut data: Vec<&str> = Vec::new();
        // An event at the end needs no empty line.
        let mut lines = text.split('\n').chain([""]);
        for line in lines.by_ref() {
            if line.is_empty() {
                if !told.event(&std::mem::take(&mut data)) {
                    break;
                }
            } else if let Some(value) = line.strip_prefix("data:") {
                data.push(value.strip_prefix(' ').unwrap_or(value));
            } else if line.trim() == "[DONE]" {
                data.push(line);
            }
        }
        // What the body's end cut off is no loss when the answer had ended before it.
        told.broken &= !told.ended || lines.any(|line| !line.is_empty());
        told
    }

    /// Whether anything may follow.
    fn event(&mut self, lines: &[&str]) -> bool {
        let joined = lines.join("\n");
        let json = |data: &str| serde_json::from_str::<Value>(data).ok();
        let is_done = |data: &str| data.trim().trim_matches('"') == "[DONE]";
        // A keep-alive that was dressed up as data.
        if joined.trim().is_empty() || joined.trim_start().starts_with(':') {
            return true;
        }
        let several = json(&joined).is_none() && lines.iter().all(|line| json(line).is_some() || is_done(line));
        let events = if several { lines.to_vec() } else { vec![&joined[..]] };
        for data in events {
            if is_done(data) {
                self.ended = true;
                return false;
            }
            let Some(event) = json(data) else {
                self.broken = true;
                return false;
            };
            self.ended |= event.pointer("/choices/0/finish_reason").is_some_and(Value::is_string);
            self.events.push(data.to_owned());
        }
        true
    }
}

/// A service that answers every request with the bytes that it was last given, and closes.
struct Script {
    server: Server,
    client: Client,
    bytes: Arc<Mutex<Vec<u8>>>,
    asked: usize,
}

impl Script {
    fn start(config: Value) -> Script {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let server = Server::start({
            let bytes = Arc::clone(&bytes);
            move |_, reply| {
                let bytes = bytes.lock().unwrap_or_else(PoisonError::into_inner).clone();
                reply.close();
                reply.raw(&bytes)
            }
        });
        let client = client_with(&server, config);
        Script {
            server,
            client,
            bytes,
            asked: 0,
        }
    }

    fn patient() -> Script {
        Script::start(json!({"idle_timeout_ms": 120_000}))
    }

    /// One call that is one request.
    fn ask(&mut self, bytes: Vec<u8>, stream: bool) -> Outcome {
        *self.bytes.lock().unwrap_or_else(PoisonError::into_inner) = bytes;
        let outcome = Outcome::of(&self.client, stream);
        self.asked += 1;
        assert_eq!(
            self.server.request_count(),
            self.asked,
            "a call is one request: {outcome:?}"
        );
        outcome
    }
}

/// A wrong done to the bytes at a place.
#[derive(Clone, Copy)]
struct Change {
    name: &'static str,
    /// So many bytes from there on are concerned.
    size: usize,
    make: fn(&mut Vec<u8>, usize, usize),
}

const fn change(name: &'static str, size: usize, make: fn(&mut Vec<u8>, usize, usize)) -> Change {
    Change { name, size, make }
}

fn twice(bytes: &mut Vec<u8>, at: usize, size: usize) {
    bytes.splice(at..at, bytes[at..at + size].to_vec());
}

fn lost(bytes: &mut Vec<u8>, at: usize, size: usize) {
    bytes.drain(at..at + size);
}

fn insert(bytes: &mut Vec<u8>, at: usize, garbage: &[u8]) {
    bytes.splice(at..at, garbage.iter().copied());
}

const CHANGES: [Change; 20] = [
    change("its lowest bit", 1, |bytes, at, _| bytes[at] ^= 1),
    change("the bit of its case", 1, |bytes, at, _| bytes[at] ^= 0x20),
    change("its highest bit", 1, |bytes, at, _| bytes[at] ^= 0x80),
    change("NUL", 1, |bytes, at, _| bytes[at] = 0),
    change("a line feed", 1, |bytes, at, _| bytes[at] = b'\n'),
    change("a carriage return", 1, |bytes, at, _| bytes[at] = b'\r'),
    change("a digit", 1, |bytes, at, _| bytes[at] = b'7'),
    change("a colon", 1, |bytes, at, _| bytes[at] = b':'),
    change("twice", 1, twice),
    change("lost", 1, lost),
    change("swapped with the next", 2, |bytes, at, size| {
        bytes[at..at + size].reverse()
    }),
    change("four twice", 4, twice),
    change("64 twice", 64, twice),
    change("500 twice", 500, twice),
    change("four lost", 4, lost),
    change("64 lost", 64, lost),
    change("16 zeros", 16, |bytes, at, size| bytes[at..at + size].fill(0)),
    change("garbage before it", 1, |bytes, at, _| {
        insert(bytes, at, b"\xff\xfe\x01")
    }),
    change("an empty line before it", 1, |bytes, at, _| {
        insert(bytes, at, b"\r\n\r\n")
    }),
    change("a head before it", 1, |bytes, at, _| {
        insert(bytes, at, b"HTTP/1.1 200 OK\r\n\r\n")
    }),
];

/// Another reader of JSON makes the same of the body.
fn is_read_alike(outcome: &Outcome, body: &[u8]) {
    let other: Value = serde_json::from_str(&String::from_utf8_lossy(body)).expect("another reader refuses it");
    assert_eq!(serde_json::from_str::<Value>(&outcome.json).unwrap(), other);
    let content = other.pointer("/choices/0/message/content");
    assert_eq!(outcome.text, content.and_then(Value::as_str).unwrap_or_default());
}

/// The model at the start of this file. `hit`: the bytes of the form that are no longer what and where they were.
fn judge(form: &Form, hit: std::ops::Range<usize>, wire: &[u8], right: &Outcome, outcome: &Outcome) {
    if !outcome.is_success() {
        assert!(outcome.is_of_the_network(), "a failure of the network");
        if !form.stream {
            assert_eq!(outcome.text, "", "half an answer is none");
        }
    }
    let places = &form.wire.places[hit.clone()];
    let is_content = |place: &Place| matches!(place, Place::Json | Place::Event(_));
    // What is twice from the head on stands in the body the second time.
    let same_head = wire.starts_with(&form.wire.bytes[..form.head]);
    if !same_head || !places.iter().any(is_content) || form.packed {
        // Head, frames and what is packed: nothing else than what was said, but for events that a head without its end reaches over.
        let reached = match places.iter().rev().find(|place| is_content(place)) {
            Some(Place::Event(number)) => number + 1,
            _ if hit.start < form.head && hit.end + 4 > form.head => 1,
            _ => 0,
        };
        let told = |events: &[String]| match outcome.is_success() {
            true => events == outcome.events,
            false => events.starts_with(&outcome.events),
        };
        let events = (0..=reached.min(right.events.len())).find(|from| told(&right.events[*from..]));
        match events {
            None => panic!("not what was said"),
            Some(0) if outcome.is_success() => {
                assert_eq!((&outcome.text, &outcome.json), (&right.text, &right.json));
            }
            Some(_) => {}
        }
        return;
    }
    let (body, whole) = form.unframed(wire);
    if !form.stream {
        if outcome.is_success() {
            assert!(whole, "the frames are broken");
            let other: Value =
                serde_json::from_str(&String::from_utf8_lossy(&body)).expect("another reader refuses it");
            assert_eq!(serde_json::from_str::<Value>(&outcome.json).unwrap(), other);
            let content = other.pointer("/choices/0/message/content");
            assert_eq!(outcome.text, content.and_then(Value::as_str).unwrap_or_default());
        }
        return;
    }
    let told = Told::by(&body);
    if outcome.is_success() {
        assert!(told.ended && !told.broken, "another reader refuses it");
        assert_eq!(outcome.events, told.events);
    } else {
        assert!(told.events.starts_with(&outcome.events), "a beginning");
        return;
    }
    // An event's line ends are the next one's beginning too.
    let places = &form.wire.places;
    let is_end = |at: usize, number: usize| {
        let behind = places[at + 1..].iter().filter(|place| **place == Place::Event(number));
        behind.count() < 2
    };
    let touched = |number: usize| {
        hit.clone().any(|at| match places[at] {
            Place::Event(other) => other == number || other + 1 == number && is_end(at, other),
            _ => false,
        })
    };
    let untouched: Vec<&String> = (0..right.events.len())
        .filter(|number| !touched(*number))
        .map(|number| &right.events[number])
        .collect();
    let there: Vec<&String> = outcome
        .events
        .iter()
        .filter(|event| untouched.contains(event))
        .collect();
    assert_eq!(there, untouched, "the events that were not hit");
}

/// Tells which case it was when a check fails.
struct Case<'a>(&'a dyn Fn() -> String);

impl Drop for Case<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("in the case: {}", (self.0)());
        }
    }
}

#[test]
fn what_was_done_to_an_answer_is_a_failure_or_told_as_it_stands_there() {
    let forms = Form::all();
    let mut script = Script::patient();
    let rights: Vec<Outcome> = forms
        .iter()
        .map(|form| {
            let right = script.ask(form.wire.bytes.clone(), form.stream);
            assert_eq!(
                (right.status, &*right.text),
                (Status::Ok, TEXT),
                "{}: {right:?}",
                form.name
            );
            right
        })
        .collect();
    // A plain run does some of the changes at each place, other ones at the next.
    let step = if all_cases() { 1 } else { 5 };
    let mut cases = Vec::new();
    for (number, form) in forms.iter().enumerate() {
        for at in 0..form.wire.bytes.len() {
            let changes = CHANGES.iter().skip(at % step).step_by(step);
            let changes = changes.filter(|change| at + change.size <= form.wire.bytes.len());
            cases.extend(changes.map(|change| (number, at, change)));
        }
    }
    let (whole, told_otherwise) = (AtomicUsize::new(0), AtomicUsize::new(0));
    side_by_side(4, &cases, Script::patient, |script, (number, at, change)| {
        let (form, right) = (&forms[*number], &rights[*number]);
        let mut bytes = form.wire.bytes.clone();
        (change.make)(&mut bytes, *at, change.size);
        let outcome = script.ask(bytes.clone(), form.stream);
        let told = || format!("{}, byte {at}, {}: {outcome:?}", form.name, change.name);
        let _case = Case(&told);
        judge(form, *at..at + change.size, &bytes, right, &outcome);
        if outcome.is_success() {
            whole.fetch_add(1, Ordering::Relaxed);
            if outcome.json != right.json {
                told_otherwise.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    println!(
        "{} changes in {} answers, {} of them no failure, {} of those told as they stand there",
        cases.len(),
        forms.len(),
        whole.into_inner(),
        told_otherwise.into_inner()
    );
}

/// What networks do not do and proxies may: a whole chunk twice, not at all, or before the one ahead of it.
#[test]
fn a_chunk_that_came_twice_or_not_or_too_early_is_a_failure_or_told_as_it_stands_there() {
    let json = Bytes::of(completion(TEXT).as_bytes(), Place::Json);
    let packed = Bytes::of(&gzip(&json.bytes), Place::Packed);
    let events = events();
    let every = |size: usize, bytes: &Bytes| (size..bytes.bytes.len()).step_by(size).collect::<Vec<_>>();
    let forms = [
        ("chunks", &json, every(30, &json)),
        ("gzip in chunks", &packed, every(30, &packed)),
        ("stream", &events, every(100, &events)),
        ("stream of chunks", &events, ends_of_events(&events)),
    ];
    let mut script = Script::patient();
    let (mut tried, mut whole) = (0, 0);
    for (name, content, cuts) in forms {
        let form = Form::new(name, Framing::Chunks, content, &cuts);
        let chunks: Vec<Bytes> = content.split(&cuts).iter().map(Bytes::in_a_chunk).collect();
        for number in 0..chunks.len() {
            for how in ["twice", "lost", "early"] {
                let mut order: Vec<usize> = (0..chunks.len()).collect();
                match how {
                    "twice" => order.insert(number, number),
                    "lost" => drop(order.remove(number)),
                    _ if number > 0 => order.swap(number - 1, number),
                    _ => continue,
                }
                let mut wire = form.wire.bytes[..form.head].to_vec();
                for number in order {
                    wire.extend_from_slice(&chunks[number].bytes);
                }
                wire.extend_from_slice(b"0\r\n\r\n");
                let outcome = script.ask(wire.clone(), form.stream);
                let told = || format!("{name}, chunk {number} {how}: {outcome:?}");
                let _case = Case(&told);
                tried += 1;
                if !outcome.is_success() {
                    assert!(outcome.is_of_the_network());
                    continue;
                }
                assert!(!form.packed, "its checksum tells");
                whole += 1;
                let (body, _) = form.unframed(&wire);
                if form.stream {
                    assert_eq!(outcome.events, Told::by(&body).events);
                } else {
                    is_read_alike(&outcome, &body);
                }
            }
        }
    }
    println!("{tried} chunks, {whole} of them no failure");
}

#[test]
fn headers_that_say_wrongly_how_the_body_comes_make_no_other_answer() {
    let json = completion(TEXT);
    let packed = gzip(json.as_bytes());
    let chunks = |bytes: &[u8]| [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n0\r\n\r\n"].concat();
    let (plain, size) = (json.clone().into_bytes(), json.len());
    let mut half_packed = packed.clone();
    half_packed.truncate(packed.len() / 2);
    let (mut without_trailer, mut half_trailer, mut two) = (packed.clone(), packed.clone(), packed.clone());
    without_trailer.truncate(packed.len() - 8);
    half_trailer.truncate(packed.len() - 4);
    two.extend_from_slice(&packed);
    let behind = |garbage: &[u8]| [&packed[..], garbage].concat();
    let sized = |coding: &str, body: Vec<u8>| {
        let head = format!("Content-Encoding: {coding}\r\nContent-Length: {}", body.len());
        (head, body)
    };
    // What may come of it: the right answer, a failure, or either.
    let (right, failure, either) = (Some(true), Some(false), None);
    let length = |value: String| format!("Content-Length: {value}");
    let mut cases: Vec<(String, Vec<u8>, Option<bool>)> = vec![
        (length(format!("{size}")), plain.clone(), right),
        (length(format!("000{size}")), plain.clone(), right),
        (length(format!("{size}, {size}")), plain.clone(), either),
        (
            length(format!("{size}\r\nContent-Length: {size}")),
            plain.clone(),
            either,
        ),
        (
            length(format!("{size}\r\nContent-Length: {}", size - 1)),
            plain.clone(),
            failure,
        ),
        (length(format!("{}, {size}", size + 1)), plain.clone(), failure),
        (length(format!("{}", size - 1)), plain.clone(), failure),
        (length(format!("{}", size + 1)), plain.clone(), failure),
        (length(format!("{size}0")), plain.clone(), failure),
        (length("0".to_owned()), plain.clone(), failure),
        (length(format!("-{size}")), plain.clone(), failure),
        (length(format!("+{size}")), plain.clone(), failure),
        (length(format!("0x{size:x}")), plain.clone(), failure),
        (length(format!("{size}.0")), plain.clone(), failure),
        (length(String::new()), plain.clone(), failure),
        (length("18446744073709551616".to_owned()), plain.clone(), failure),
        (length(format!("{}", u64::MAX)), plain.clone(), failure),
    ];
    for (coding, body, outcome) in [
        ("chunked", chunks(&plain), right),
        ("Chunked", chunks(&plain), right),
        ("chunked, chunked", chunks(&plain), either),
        ("identity, chunked", chunks(&plain), either),
        ("chunked\r\nContent-Length: 3", chunks(&plain), right),
        ("chunked\r\nContent-Length: 99999", chunks(&plain), right),
        ("chunke", chunks(&plain), failure),
        ("identity", chunks(&plain), failure),
        ("", chunks(&plain), failure),
        ("chunked", plain.clone(), failure),
        ("gzip, chunked", chunks(&plain), either),
        ("gzip", plain.clone(), either),
        ("identity", plain.clone(), either),
    ] {
        cases.push((format!("Transfer-Encoding: {coding}"), body, outcome));
    }
    for (coding, body, outcome) in [
        ("gzip", packed.clone(), right),
        ("GZIP", packed.clone(), either),
        ("x-gzip", packed.clone(), either),
        ("gzip, gzip", packed.clone(), failure),
        ("identity", packed.clone(), failure),
        ("deflate", packed.clone(), failure),
        ("br", packed.clone(), failure),
        ("gzi", packed.clone(), failure),
        ("", packed.clone(), failure),
        ("gzip", plain.clone(), failure),
        ("identity", plain.clone(), right),
        ("gzip", half_packed, failure),
        ("gzip", without_trailer, failure),
        ("gzip", half_trailer, failure),
        ("gzip", two, failure),
        ("gzip", behind(b"\0\0\0\0"), either),
        ("gzip", behind(b"garbage"), either),
        ("gzip", behind(&packed[..packed.len() / 2]), failure),
    ] {
        let (head, body) = sized(coding, body);
        cases.push((head, body, outcome));
    }
    // Each bit of the checksum and of the length at the end of gzip.
    for bit in 0..64 {
        let mut other = packed.clone();
        let at = other.len() - 8 + bit / 8;
        other[at] ^= 1 << (bit % 8);
        let (head, body) = sized("gzip", other.clone());
        cases.push((head, body, failure));
        let head = "Content-Encoding: gzip\r\nTransfer-Encoding: chunked".to_owned();
        cases.push((head, chunks(&other), failure));
    }
    let mut script = Script::patient();
    let mut whole = 0;
    for (head, body, expected) in &cases {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{head}\r\n\r\n");
        let outcome = script.ask([head.as_bytes(), body].concat(), false);
        let told = || format!("{head:?} before {} bytes: {outcome:?}", body.len());
        let _case = Case(&told);
        assert!(expected.is_none_or(|expected| outcome.is_success() == expected));
        if outcome.is_success() {
            assert_eq!(outcome.text, TEXT);
            whole += 1;
        } else {
            assert!(outcome.is_of_the_network());
        }
    }
    println!("{} headers and gzip trailers, {whole} of them no failure", cases.len());
}

/// What has come whole is handed out before the failure is told, and nothing of what has not.
#[test]
fn a_stream_that_is_cut_anywhere_hands_out_the_events_that_came() {
    let forms: Vec<Form> = Form::all().into_iter().filter(|form| form.stream).collect();
    let mut cases = Vec::new();
    for (number, form) in forms.iter().enumerate() {
        cases.extend((0..form.wire.bytes.len()).map(|at| (number, at)));
    }
    let right = events();
    let sent: Vec<String> = stream_events(&PIECES);
    let whole = AtomicUsize::new(0);
    side_by_side(4, &cases, Script::patient, |script, (number, at)| {
        let form = &forms[*number];
        let outcome = script.ask(form.wire.bytes[..*at].to_vec(), true);
        let told = || format!("{}, cut at {at}: {outcome:?}", form.name);
        let _case = Case(&told);
        let came = |event: usize| {
            let there = form.wire.places[..*at]
                .iter()
                .filter(|place| **place == Place::Event(event));
            let all = right.places.iter().filter(|place| **place == Place::Event(event));
            // The end of a body ends an event as well, but not what cut it.
            let missing = all.count() - there.count();
            // And the end mark needs no empty line behind it.
            let is_end_mark = event == sent.len() - 1;
            missing == 0 || missing == 1 && is_end_mark || missing <= 2 && form.framing == Framing::Close
        };
        let there = (0..sent.len()).take_while(|event| came(*event)).count();
        // The last one is the end mark; what goes before it says that the answer is complete, and why it ends.
        let is_whole = there >= sent.len() - 1 && form.framing == Framing::Close || there == sent.len();
        assert_eq!(outcome.is_success(), is_whole);
        assert_eq!(outcome.events, sent[..there.min(sent.len() - 1)]);
        if !is_whole {
            assert!(matches!(outcome.status, Status::Connection | Status::Protocol));
        }
        whole.fetch_add(usize::from(is_whole), Ordering::Relaxed);
    });
    println!(
        "{} cuts of streams, {} of them behind the end",
        cases.len(),
        whole.into_inner()
    );
}

/// A failed attempt is tried again as often as configured, and only if nothing of a stream was handed out.
#[test]
fn a_spoilt_answer_is_asked_for_again_only_when_retries_are_configured() {
    let forms = Form::all();
    let cut = change("cut", 1, |bytes, at, _| bytes.truncate(at));
    let changes = [CHANGES[0], cut, CHANGES[6], cut, CHANGES[9]];
    let mut cases = Vec::new();
    for (number, form) in forms.iter().enumerate() {
        let step = if all_cases() { 1 } else { 43 };
        for at in (number..form.wire.bytes.len()).step_by(step) {
            cases.push((number, at, changes[(number + at) % changes.len()]));
        }
    }
    let retried = AtomicUsize::new(0);
    side_by_side(12, &cases, Script::patient, |script, (number, at, change)| {
        let form = &forms[*number];
        let mut bytes = form.wire.bytes.clone();
        (change.make)(&mut bytes, *at, change.size);
        let first = script.ask(bytes.clone(), form.stream);
        let good = form.wire.bytes.clone();
        let attempts = AtomicUsize::new(0);
        let server = Server::start(move |_, reply| {
            reply.close();
            match attempts.fetch_add(1, Ordering::SeqCst) {
                0 => reply.raw(&bytes),
                _ => reply.raw(&good),
            }
        });
        let client = client_with(&server, json!({"max_retries": 1, "idle_timeout_ms": 120_000}));
        let outcome = Outcome::of(&client, form.stream);
        let told = || format!("{}, byte {at}, {}: {first:?}, then {outcome:?}", form.name, change.name);
        let _case = Case(&told);
        let is_worth_it = match first.status {
            Status::Connection => !form.stream || first.http_status == 0,
            Status::Ok => false,
            _ => matches!(first.http_status, 408 | 409 | 429 | 500..600),
        };
        assert_eq!(server.request_count(), if is_worth_it { 2 } else { 1 });
        if is_worth_it {
            assert_eq!(outcome.text, TEXT);
            retried.fetch_add(1, Ordering::Relaxed);
        } else {
            assert_eq!((outcome.status, &outcome.text), (first.status, &first.text));
        }
    });
    println!(
        "{} spoilt answers, {} of them asked for again",
        cases.len(),
        retried.into_inner()
    );
}

/// A service that sends the start of an answer and then nothing.
#[test]
fn an_answer_that_stops_anywhere_is_a_timeout() {
    let forms = Form::all();
    let mut cases = Vec::new();
    for (number, form) in forms.iter().enumerate() {
        cases.extend((0..form.wire.bytes.len()).map(|at| (number, at)));
    }
    let whole = AtomicUsize::new(0);
    let start = || {
        let start = Arc::new(Mutex::new(Vec::new()));
        let server = Server::start({
            let start = Arc::clone(&start);
            move |_, reply| {
                let start: Vec<u8> = start.lock().unwrap_or_else(PoisonError::into_inner).clone();
                reply.raw(&start)?;
                reply.stall()
            }
        });
        let hasty = client_with(&server, json!({"idle_timeout_ms": 10}));
        let patient = client_with(&server, json!({"idle_timeout_ms": 120_000}));
        (start, server, hasty, patient)
    };
    side_by_side(16, &cases, start, |(start, server, hasty, patient), (number, at)| {
        let form = &forms[*number];
        *start.lock().unwrap_or_else(PoisonError::into_inner) = form.wire.bytes[..*at].to_vec();
        // Only the end mark of a stream is enough without what frames it, and without the empty line behind it.
        let is_event = |(_, place): &(usize, &Place)| matches!(place, Place::Event(_));
        let last = form.wire.places.iter().enumerate().filter(is_event).nth_back(1);
        let is_whole = form.stream && last.is_some_and(|(last, _)| last < *at);
        let asked = server.request_count();
        let outcome = Outcome::of(if is_whole { patient } else { hasty }, form.stream);
        let told = || format!("{}, stopped at {at}: {outcome:?}", form.name);
        let _case = Case(&told);
        if is_whole {
            assert_eq!((outcome.status, &*outcome.text), (Status::Ok, TEXT));
            whole.fetch_add(1, Ordering::Relaxed);
        } else {
            assert_eq!(outcome.status, Status::Timeout);
            assert!(TEXT.starts_with(&outcome.text), "a beginning");
        }
        // It may have come after its time.
        assert!(server.wait_for_requests(asked + 1, Duration::from_secs(60)));
        assert_eq!(server.request_count(), asked + 1);
    });
    println!("{} stops, {} of them behind the end", cases.len(), whole.into_inner());
}
