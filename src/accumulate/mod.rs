//! The events of a stream joined into the answer that the call without `stream` would have given.
//!
//! Each shape of stream has its file; which one it is, the events say themselves. Every one of them holds JSON as it came: numbers are
//! never read, strings are joined without being decoded, and once its buffers have grown an event costs no allocation.
#![forbid(unsafe_code)]

mod base64;
mod chat;
mod fields;
mod media;
mod responses;
mod text;
mod tool_calls;

#[cfg(test)]
mod tests;

use crate::json::{self, Fault, Value};
use chat::Chat;
use media::{Images, Speech, Transcript};
use responses::Responses;
use text::NewText;

/// An answer can have so many choices, so many calls, items and members each: they are looked up one after the other.
const MOST_PARTS: usize = 4096;

/// Where a part lies among those that came before; `None`: it is new. When they are too many, the last stands for all others.
fn find_part<T>(parts: &[T], is_it: impl FnMut(&T) -> bool) -> Option<usize> {
    if has_too_many(parts) {
        return Some(parts.len() - 1);
    }
    parts.iter().rposition(is_it)
}

fn has_too_many<T>(parts: &[T]) -> bool {
    parts.len() > MOST_PARTS
}

/// The answer so far.
pub struct Accumulator {
    shape: Shape,
    text: NewText,
}

/// What kind of stream it is.
enum Shape {
    Unknown(Last),
    Chat(Chat),
    Responses(Responses),
    Transcript(Transcript),
    Speech(Speech),
    Images(Images),
    Run(Last),
}

/// A stream whose last object holds all there is to know: a run of an assistant, or something that nobody has heard of.
#[derive(Default)]
struct Last {
    json: Vec<u8>,
    ended: bool,
}

impl Accumulator {
    pub fn new() -> Accumulator {
        Accumulator {
            shape: Shape::Unknown(Last::default()),
            text: NewText::default(),
        }
    }

    /// Checks that an event's data is JSON. What it has in common with the event before is known to be.
    pub fn parse<'a>(&self, data: &'a [u8]) -> Result<Value<'a>, Fault> {
        Value::parse_from(data, self.known(data))
    }

    /// How many bytes an event's data has in common with the events before, up to the value of one of its members.
    pub fn known(&self, data: &[u8]) -> usize {
        match &self.shape {
            Shape::Chat(chat) => chat.known(data),
            _ => 0,
        }
    }

    /// Adds an event whose data is JSON and no error.
    pub fn push(&mut self, name: &str, data: Value<'_>) {
        self.text.begin();
        if !is_keep_alive(name.as_bytes()) {
            self.add(name, data);
        }
        self.text.finish();
    }

    fn add(&mut self, name: &str, data: Value<'_>) {
        // Asked for only where it matters: a chat's chunks have none, and would be searched to their end.
        let kind = || kind_or_name(data, name);
        if let Shape::Unknown(_) = self.shape
            && let Some(shape) = Shape::of(kind(), data)
        {
            self.shape = shape;
        }
        let text = &mut self.text;
        match &mut self.shape {
            Shape::Chat(chat) => chat.push(data, text),
            Shape::Responses(responses) => responses.push(kind(), data, text),
            Shape::Transcript(transcript) => transcript.push(kind(), data, text),
            Shape::Speech(speech) => speech.push(kind(), data),
            Shape::Images(images) => images.push(kind(), data),
            Shape::Run(run) => run.push_run(data, text),
            Shape::Unknown(last) => last.push(data, text),
        }
    }

    /// The last event's new text and a NUL. UTF-8.
    pub fn text_z(&self) -> &[u8] {
        self.text.as_bytes_z()
    }

    /// Whether the stream's own end has come, so that nothing is missing even if no `[DONE]` follows.
    pub fn ended(&self) -> bool {
        match &self.shape {
            Shape::Chat(chat) => chat.ended(),
            Shape::Responses(responses) => responses.ended(),
            Shape::Transcript(transcript) => transcript.ended(),
            Shape::Speech(speech) => speech.ended(),
            Shape::Images(images) => images.ended(),
            Shape::Run(last) | Shape::Unknown(last) => last.ended,
        }
    }

    /// Whether nothing can follow any more. After a chat's last delta there may still be the usage, after the last event of the others nothing.
    pub fn is_final(&self) -> bool {
        !matches!(self.shape, Shape::Chat(_)) && self.ended()
    }

    /// Whether the answer had more parts than can be told apart, so that it is not whole.
    pub fn overflowed(&self) -> bool {
        match &self.shape {
            Shape::Chat(chat) => chat.overflowed(),
            Shape::Responses(responses) => responses.overflowed(),
            Shape::Transcript(transcript) => transcript.overflowed(),
            Shape::Speech(speech) => speech.overflowed(),
            Shape::Images(images) => images.overflowed(),
            Shape::Run(_) | Shape::Unknown(_) => false,
        }
    }

    /// The whole answer, or what there is of it; `None` when nothing of it has come.
    pub fn answer(&self) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        match &self.shape {
            Shape::Chat(chat) => chat.write(&mut out),
            Shape::Responses(responses) => responses.write(&mut out),
            Shape::Transcript(transcript) => transcript.write(&mut out),
            Shape::Speech(speech) => speech.write(&mut out),
            Shape::Images(images) => images.write(&mut out),
            Shape::Run(last) | Shape::Unknown(last) => out.extend_from_slice(&last.json),
        }
        // Halves of surrogate pairs that never met.
        json::mend_surrogates(&mut out);
        if out.is_empty() { None } else { Some(out) }
    }
}

impl Shape {
    /// The shape of the stream that an event belongs to, if it can be told.
    fn of(kind: &[u8], data: Value<'_>) -> Option<Shape> {
        let object = data.get("object").and_then(Value::str_raw).unwrap_or_default();
        if data.get("choices").is_some() || object == b"chat.completion.chunk" {
            return Some(Shape::Chat(Chat::default()));
        }
        if object == b"response" {
            return Some(Shape::Responses(Responses::default()));
        }
        if object.starts_with(b"thread") {
            return Some(Shape::Run(Last::default()));
        }
        match kind.split(|&byte| byte == b'.').next() {
            Some(b"response") => Some(Shape::Responses(Responses::default())),
            Some(b"transcript") => Some(Shape::Transcript(Transcript::default())),
            Some(b"speech") => Some(Shape::Speech(Speech::default())),
            Some(b"image_generation" | b"image_edit") => Some(Shape::Images(Images::default())),
            _ => None,
        }
    }
}

/// What an event calls itself; "" when it does not.
fn kind(data: Value<'_>) -> &[u8] {
    // The first member in every known service, so this walk is short.
    let kind = data.members().find(|(key, _)| key.raw() == b"type");
    kind.and_then(|(_, kind)| kind.str_raw()).unwrap_or_default()
}

/// The same, or the event's name: gateways drop one of the two. Names without a point are no kinds.
fn kind_or_name<'a>(data: Value<'a>, name: &'a str) -> &'a [u8] {
    match kind(data) {
        b"" if name.contains('.') => name.as_bytes(),
        kind => kind,
    }
}

/// Whether an event of that name or `type` only keeps the connection alive.
fn is_keep_alive(name: &[u8]) -> bool {
    matches!(name, b"ping" | b"keepalive" | b"keep-alive" | b"heartbeat")
}

impl Last {
    fn push(&mut self, data: Value<'_>, text: &mut NewText) {
        if is_keep_alive(kind(data)) || data.raw() == b"{}" {
            return;
        }
        self.set(data);
        if let Some(said) = data.get("text") {
            text.push(said);
        }
    }

    /// The run is the answer, its messages' words are the text.
    fn push_run(&mut self, data: Value<'_>, text: &mut NewText) {
        match data.get("object").and_then(Value::str_raw).unwrap_or_default() {
            b"thread.run" => {
                let status = data.get("status").and_then(Value::str_raw).unwrap_or_default();
                self.ended = !matches!(status, b"queued" | b"in_progress" | b"cancelling");
                self.set(data);
            }
            b"thread.message.delta" => {
                let parts = data.pointer("/delta/content").into_iter().flat_map(Value::items);
                parts
                    .filter_map(|part| part.pointer("/text/value"))
                    .for_each(|said| text.push(said));
            }
            _ => {}
        }
    }

    fn set(&mut self, data: Value<'_>) {
        self.json.clear();
        self.json.extend_from_slice(data.raw());
    }
}
