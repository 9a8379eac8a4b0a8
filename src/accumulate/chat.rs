//! Chat completions, and the older completions: chunks with `choices`.
#![forbid(unsafe_code)]

use super::fields::{Fields, Growing, in_order, separate, write_key, write_member};
use super::text::NewText;
use super::tool_calls::{ToolCalls, push_function};
use super::{base64, is_keep_alive};
use super::{find_part, has_too_many};
use crate::json::{Cursor, Kind, Value};

/// The completion so far.
#[derive(Default)]
pub struct Chat {
    fields: Fields,
    usage: Growing,
    choices: Vec<Choice>,
    /// The last chunk as far as the value of `choices`. Chunks repeat it byte for byte, and then it says nothing new.
    head: Vec<u8>,
}

struct Choice {
    index: i64,
    finished: bool,
    has_deltas: bool,
    message: Option<Message>,
    fields: Fields,
}

#[derive(Default)]
struct Message {
    fields: Fields,
    tool_calls: ToolCalls,
}

impl Chat {
    pub fn push(&mut self, chunk: Value<'_>, text: &mut NewText) {
        let chunk = chunk.raw();
        let known = self.known(chunk);
        let mut cursor = Cursor::new(&chunk[known..]);
        if known > 0 {
            self.push_choices(&mut cursor, text);
        } else if !cursor.enter(b'{') {
            return;
        }
        let mut is_head = known == 0;
        while let Some(key) = cursor.member() {
            if key.raw() == b"choices" {
                self.head.clear();
                if std::mem::take(&mut is_head) {
                    self.head.extend_from_slice(&chunk[..chunk.len() - cursor.rest().len()]);
                }
                self.push_choices(&mut cursor, text);
                continue;
            }
            let value = cursor.value();
            match key.raw() {
                // Keep-alives come between the chunks.
                b"type" if value.str_raw().is_some_and(is_keep_alive) => return,
                // Many services put an empty one into each chunk but the last.
                b"usage" if value.members().next().is_none() => {}
                b"usage" => self.usage.replace(value),
                // Random padding, different in each chunk, against guessing a stream's words by the sizes of its packets.
                b"obfuscation" => {}
                b"object" if value.raw() == br#""chat.completion.chunk""# => {
                    self.fields.slot(b"object").set_escaped(b"chat.completion");
                }
                _ => self.fields.slot(key.raw()).replace(value),
            }
        }
    }

    /// How many bytes of a chunk say nothing new.
    pub fn known(&self, chunk: &[u8]) -> usize {
        if chunk.starts_with(&self.head) {
            self.head.len()
        } else {
            0
        }
    }

    /// Every choice that began was finished.
    pub fn ended(&self) -> bool {
        !self.choices.is_empty() && self.choices.iter().all(|choice| choice.finished)
    }

    fn push_choices(&mut self, cursor: &mut Cursor<'_>, text: &mut NewText) {
        if !cursor.enter(b'[') {
            return;
        }
        while cursor.item() {
            if cursor.enter(b'{') {
                self.choice(index(cursor)).push(cursor, text);
            }
        }
    }

    fn choice(&mut self, index: i64) -> &mut Choice {
        let at = find_part(&self.choices, |choice| choice.index == index).unwrap_or_else(|| {
            self.choices.push(Choice {
                index,
                finished: false,
                has_deltas: false,
                message: None,
                fields: Fields::default(),
            });
            self.choices.len() - 1
        });
        &mut self.choices[at]
    }

    pub fn overflowed(&self) -> bool {
        has_too_many(&self.choices)
            || self.fields.overflowed()
            || self.usage.overflowed()
            || self.choices.iter().any(|choice| {
                let message = choice.message.as_ref();
                choice.fields.overflowed() || message.is_some_and(Message::overflowed)
            })
    }

    pub fn write(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        self.fields.write_members(out);
        write_key(b"choices", out);
        out.push(b'[');
        in_order(&self.choices, |choice| choice.index.into()).for_each(|choice| choice.write(out));
        out.push(b']');
        if !self.usage.is_blank() {
            write_key(b"usage", out);
            self.usage.write(out);
        }
        out.push(b'}');
    }
}

impl Choice {
    fn push(&mut self, cursor: &mut Cursor<'_>, text: &mut NewText) {
        let first = self.index == 0;
        while let Some(key) = cursor.member() {
            let is_delta = key.raw() == b"delta";
            // Some services send whole messages as pieces, others repeat at the end, or beside each delta, what the deltas said.
            if is_delta || key.raw() == b"message" && !self.has_deltas && !is_delta_after_next(cursor) {
                if cursor.enter(b'{') {
                    self.has_deltas |= is_delta;
                    self.message.get_or_insert_default().push(cursor, first, text);
                }
                continue;
            }
            let value = cursor.value();
            match key.raw() {
                b"index" | b"message" => {}
                b"text" => {
                    self.fields.slot(b"text").append(value);
                    // Together says everything twice, here and in the delta.
                    if first && !self.has_deltas && !is_delta_ahead(cursor.clone()) {
                        text.push(value);
                    }
                }
                b"logprobs" => self.fields.slot(b"logprobs").grow(value),
                // Alibaba's way of saying that there is none.
                b"finish_reason" if value.raw() == br#""null""# => {}
                b"finish_reason" => {
                    self.finished |= value.str_raw().is_some_and(|reason| !reason.is_empty());
                    self.fields.slot(b"finish_reason").replace(value);
                }
                _ => self.fields.slot(key.raw()).replace(value),
            }
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        separate(out);
        out.push(b'{');
        write_member(b"index", self.index.to_string().as_bytes(), out);
        let is_chat = self.fields.get(b"text").is_none();
        if let Some(message) = &self.message {
            message.write(out);
        } else if is_chat {
            Message::default().write(out);
        }
        self.fields.write_members(out);
        if self.fields.get(b"finish_reason").is_none() {
            write_member(b"finish_reason", b"null", out);
        }
        out.push(b'}');
    }
}

impl Message {
    fn overflowed(&self) -> bool {
        self.fields.overflowed() || self.tool_calls.overflowed()
    }

    /// Adds a delta; `heard`: what it says belongs to the event's text.
    fn push(&mut self, delta: &mut Cursor<'_>, heard: bool, text: &mut NewText) {
        while let Some(key) = delta.member() {
            let value = delta.value();
            match key.raw() {
                b"content" => self.push_content(value, heard, text),
                b"role" | b"id" | b"name" | b"type" => self.fields.slot(key.raw()).once(value),
                b"tool_calls" if value.items().next().is_some() => self.tool_calls.push(value),
                b"function_call" => push_function(self.fields.slot(b"function_call"), value),
                b"audio" => push_audio(self.fields.slot(b"audio"), value),
                _ => self.fields.slot(key.raw()).append(value),
            }
        }
    }

    fn push_content(&mut self, content: Value<'_>, heard: bool, text: &mut NewText) {
        let slot = self.fields.slot(b"content");
        let mut say = |piece: Value<'_>| {
            slot.append(piece);
            if heard {
                text.push(piece);
            }
        };
        match content.kind() {
            // Some services stream content in its long form, a list of parts.
            Kind::Array => content.items().filter_map(part_text).for_each(say),
            _ => say(content),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        write_key(b"message", out);
        out.push(b'{');
        if self.fields.get(b"role").is_none_or(Growing::is_blank) {
            write_member(b"role", b"\"assistant\"", out);
        }
        if self.fields.get(b"content").is_none() {
            write_member(b"content", b"null", out);
        }
        self.fields
            .write_members_but(out, |key, value| self.is_left_out(key, value));
        if !self.tool_calls.is_empty() {
            write_key(b"tool_calls", out);
            out.push(b'[');
            self.tool_calls.write_items(out);
            out.push(b']');
        }
        out.push(b'}');
    }

    fn is_left_out(&self, key: &[u8], value: &Growing) -> bool {
        match key {
            // Written instead if it never came or says nothing.
            b"role" => value.is_blank(),
            // There as `null` or `[]` before the calls came.
            b"tool_calls" => !self.tool_calls.is_empty(),
            // one-api puts an empty one into each delta.
            b"function_call" => value.members().is_some_and(Fields::is_blank),
            _ => false,
        }
    }
}

/// The index of the choice that the cursor was just moved into. It mostly comes first, and then the cursor moves on.
fn index(choice: &mut Cursor<'_>) -> i64 {
    let mut ahead = choice.clone();
    let mut is_first = true;
    while let Some(key) = ahead.member() {
        let value = ahead.value();
        if key.raw() == b"index" {
            if is_first {
                *choice = ahead;
            }
            return value.as_i64().unwrap_or(0);
        }
        is_first = false;
    }
    0
}

/// Whether the choice that the cursor is in has a delta behind the value that comes next.
fn is_delta_after_next(choice: &Cursor<'_>) -> bool {
    let mut ahead = choice.clone();
    ahead.value();
    is_delta_ahead(ahead)
}

fn is_delta_ahead(mut choice: Cursor<'_>) -> bool {
    while let Some(key) = choice.member() {
        if key.raw() == b"delta" {
            return choice.rest().starts_with(b"{");
        }
        choice.value();
    }
    false
}

fn part_text(part: Value<'_>) -> Option<Value<'_>> {
    if part.kind() == Kind::String {
        return Some(part);
    }
    // What a model thinks can have a `text` too.
    let kind = part.get("type").and_then(Value::str_raw);
    let is_said = kind.is_none_or(|kind| matches!(kind, b"text" | b"output_text"));
    part.get("text").filter(|text| is_said && text.kind() == Kind::String)
}

/// Spoken answers: the transcript is text, the sound is Base64 that each delta pads for itself.
fn push_audio(slot: &mut Growing, audio: Value<'_>) {
    if audio.kind() != Kind::Object {
        return slot.replace(audio);
    }
    let fields = slot.object();
    for (key, value) in audio.members() {
        let slot = fields.slot(key.raw());
        match (key.raw(), value.str_raw()) {
            (b"id", _) => slot.once(value),
            (b"data", Some(data)) => base64::join(slot.string_mut(), data),
            _ => slot.append(value),
        }
    }
}
