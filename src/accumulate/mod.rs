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

use crate::json::{self, Value};
use chat::Chat;
use media::{Images, Speech, Transcript};
use responses::Responses;
use text::NewText;

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

    /// Adds an event whose data is JSON and no error.
    pub fn push(&mut self, name: &str, data: Value<'_>) {
        self.text.begin();
        let signs = Signs::read(data);
        if let Some(shape) = signs.other_shape(&self.shape) {
            self.shape = shape;
        }
        match &mut self.shape {
            Shape::Chat(chat) if signs.is_chat() => chat.push(data, &mut self.text),
            Shape::Responses(responses) => responses.push(signs.kind, data, &mut self.text),
            Shape::Transcript(transcript) => transcript.push(signs.kind, data, &mut self.text),
            Shape::Speech(speech) => speech.push(signs.kind, data),
            Shape::Images(images) => images.push(signs.kind, data),
            Shape::Run(run) => run.push_run(signs.object, data, &mut self.text),
            Shape::Unknown(last) if !signs.is_keep_alive(name) => last.push(data, &mut self.text),
            // A keep-alive between the chunks.
            Shape::Chat(_) | Shape::Unknown(_) => {}
        }
        self.text.finish();
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

/// What tells the shapes apart.
#[derive(Default)]
struct Signs<'a> {
    /// The `type` member.
    kind: &'a [u8],
    object: &'a [u8],
    has_choices: bool,
    has_usage: bool,
    is_empty: bool,
}

impl<'a> Signs<'a> {
    fn read(data: Value<'a>) -> Signs<'a> {
        let mut signs = Signs {
            is_empty: true,
            ..Signs::default()
        };
        for (key, value) in data.members() {
            signs.is_empty = false;
            match key.raw() {
                b"type" => signs.kind = value.str_raw().unwrap_or_default(),
                b"object" => signs.object = value.str_raw().unwrap_or_default(),
                b"choices" => signs.has_choices = true,
                b"usage" => signs.has_usage = true,
                _ => {}
            }
        }
        signs
    }

    /// The shape that this event begins, if it is not the one that is there.
    fn other_shape(&self, now: &Shape) -> Option<Shape> {
        let is = |prefix: &[u8]| self.kind.starts_with(prefix);
        match now {
            Shape::Unknown(_) if self.has_choices || self.object == b"chat.completion.chunk" => {
                Some(Shape::Chat(Chat::default()))
            }
            Shape::Unknown(_) if is(b"response.") || self.object == b"response" => {
                Some(Shape::Responses(Responses::default()))
            }
            Shape::Unknown(_) if is(b"transcript.text.") => Some(Shape::Transcript(Transcript::default())),
            Shape::Unknown(_) if is(b"speech.audio.") => Some(Shape::Speech(Speech::default())),
            Shape::Unknown(_) if is(b"image_generation.") || is(b"image_edit.") => {
                Some(Shape::Images(Images::default()))
            }
            Shape::Unknown(_) if self.object.starts_with(b"thread") => Some(Shape::Run(Last::default())),
            _ => None,
        }
    }

    fn is_chat(&self) -> bool {
        self.has_choices || self.has_usage || self.object == b"chat.completion.chunk"
    }

    fn is_keep_alive(&self, name: &str) -> bool {
        const NAMES: [&[u8]; 3] = [b"ping", b"keepalive", b"heartbeat"];
        self.is_empty || NAMES.contains(&self.kind) || NAMES.contains(&name.as_bytes())
    }
}

impl Last {
    fn push(&mut self, data: Value<'_>, text: &mut NewText) {
        self.set(data);
        if let Some(said) = data.get("text") {
            text.push(said);
        }
    }

    /// The run is the answer, its messages' words are the text.
    fn push_run(&mut self, object: &[u8], data: Value<'_>, text: &mut NewText) {
        match object {
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
