//! Streams of transcripts, speech and images.
#![forbid(unsafe_code)]

use super::base64;
use super::fields::{Fields, Growing, write_key, write_member};
use super::text::NewText;
use crate::json::Value;

/// `transcript.text.*`: the last event has the whole text, but not the segments.
#[derive(Default)]
pub struct Transcript {
    text: Growing,
    done: Option<Fields>,
    segments: Vec<u8>,
}

impl Transcript {
    pub fn push(&mut self, kind: &[u8], event: Value<'_>, text: &mut NewText) {
        match kind {
            b"transcript.text.delta" => {
                if let Some(delta) = event.get("delta") {
                    self.text.append(delta);
                    text.push(delta);
                }
            }
            b"transcript.text.segment" => {
                self.segments.push(if self.segments.is_empty() { b'[' } else { b',' });
                self.segments.extend_from_slice(event.raw());
            }
            b"transcript.text.done" => self.done = Some(without_type(event)),
            _ => {}
        }
    }

    pub fn ended(&self) -> bool {
        self.done.is_some()
    }

    pub fn overflowed(&self) -> bool {
        self.done.as_ref().is_some_and(Fields::overflowed)
    }

    pub fn write(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        match &self.done {
            Some(done) => done.write_members(out),
            None => {
                write_key(b"text", out);
                out.push(b'"');
                out.extend_from_slice(self.text.escaped().unwrap_or_default());
                out.push(b'"');
            }
        }
        if !self.segments.is_empty() {
            write_member(b"segments", &self.segments, out);
            out.push(b']');
        }
        out.push(b'}');
    }
}

/// `speech.audio.*`. Without `stream` the answer is the sound itself; here it is Base64 beside the usage.
#[derive(Default)]
pub struct Speech {
    audio: Vec<u8>,
    done: Option<Fields>,
}

impl Speech {
    pub fn push(&mut self, kind: &[u8], event: Value<'_>) {
        match kind {
            b"speech.audio.delta" => {
                if let Some(audio) = event.get("audio").and_then(Value::str_raw) {
                    base64::join(&mut self.audio, audio);
                }
            }
            b"speech.audio.done" => self.done = Some(without_type(event)),
            _ => {}
        }
    }

    pub fn ended(&self) -> bool {
        self.done.is_some()
    }

    pub fn overflowed(&self) -> bool {
        self.done.as_ref().is_some_and(Fields::overflowed)
    }

    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"audio\":\"");
        out.extend_from_slice(&self.audio);
        out.push(b'"');
        if let Some(done) = &self.done {
            done.write_members(out);
        }
        out.push(b'}');
    }
}

/// `image_generation.*` and `image_edit.*`: each image that is completed comes in an event that tells all about it.
#[derive(Default)]
pub struct Images {
    fields: Fields,
    data: Vec<u8>,
}

impl Images {
    pub fn push(&mut self, kind: &[u8], event: Value<'_>) {
        if !kind.ends_with(b".completed") {
            return;
        }
        self.data
            .extend_from_slice(if self.data.is_empty() { b"[{" } else { b",{" });
        for (key, value) in event.members() {
            match key.raw() {
                b"type" => {}
                b"created_at" => self.fields.slot(b"created").replace(value),
                b"b64_json" | b"url" | b"revised_prompt" => write_member(key.raw(), value.raw(), &mut self.data),
                _ => self.fields.slot(key.raw()).replace(value),
            }
        }
        self.data.push(b'}');
    }

    pub fn ended(&self) -> bool {
        !self.data.is_empty()
    }

    pub fn overflowed(&self) -> bool {
        self.fields.overflowed()
    }

    pub fn write(&self, out: &mut Vec<u8>) {
        if self.data.is_empty() {
            return;
        }
        out.push(b'{');
        self.fields.write_members(out);
        write_member(b"data", &self.data, out);
        out.extend_from_slice(b"]}");
    }
}

/// An event as the answer that it repeats.
fn without_type(event: Value<'_>) -> Fields {
    let mut fields = Fields::default();
    for (key, value) in event.members().filter(|(key, _)| key.raw() != b"type") {
        fields.slot(key.raw()).replace(value);
    }
    fields
}
