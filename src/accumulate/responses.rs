//! The Responses API: `response.*`.
//!
//! Its last event has the whole response, byte for byte what the call without `stream` gives. The deltas are joined all the same, for a
//! stream that is cut, and for services that leave `output` out of the last event.
#![forbid(unsafe_code)]

use super::fields::{in_order, separate, write_key, write_member};
use super::text::NewText;
use super::{find_part, has_too_many};
use crate::json::Value;

/// The response so far.
#[derive(Default)]
pub struct Responses {
    /// The `response` of the last event that had one.
    response: Vec<u8>,
    ended: bool,
    items: Vec<Item>,
}

/// One item of the `output`.
struct Item {
    index: u64,
    /// As it came when it was added, then when it was done.
    json: Vec<u8>,
    done: bool,
    pieces: Vec<Piece>,
}

/// A string of an item that comes in deltas.
struct Piece {
    place: &'static Place,
    /// Which part of the list.
    index: u64,
    escaped: Vec<u8>,
}

/// Where the deltas of one kind go.
struct Place {
    event: &'static str,
    /// What an item is that has such a string.
    item: &'static str,
    /// The list that the part stands in; "" when the string is a member of the item itself.
    list: &'static str,
    /// The part's `type`.
    part: &'static str,
    member: &'static str,
}

const fn member(event: &'static str, item: &'static str, member: &'static str) -> Place {
    Place {
        event,
        item,
        list: "",
        part: "",
        member,
    }
}

const fn part(
    event: &'static str,
    item: &'static str,
    list: &'static str,
    part: &'static str,
    member: &'static str,
) -> Place {
    Place {
        event,
        item,
        list,
        part,
        member,
    }
}

static PLACES: [Place; 8] = [
    part(
        "response.output_text.delta",
        "message",
        "content",
        "output_text",
        "text",
    ),
    part("response.refusal.delta", "message", "content", "refusal", "refusal"),
    part(
        "response.reasoning_text.delta",
        "reasoning",
        "content",
        "reasoning_text",
        "text",
    ),
    part(
        "response.reasoning_summary_text.delta",
        "reasoning",
        "summary",
        "summary_text",
        "text",
    ),
    member("response.function_call_arguments.delta", "function_call", "arguments"),
    member("response.mcp_call_arguments.delta", "mcp_call", "arguments"),
    member("response.custom_tool_call_input.delta", "custom_tool_call", "input"),
    member(
        "response.code_interpreter_call_code.delta",
        "code_interpreter_call",
        "code",
    ),
];

impl Responses {
    pub fn push(&mut self, kind: &[u8], event: Value<'_>, text: &mut NewText) {
        if let Some(place) = PLACES.iter().find(|place| place.event.as_bytes() == kind) {
            return self.push_delta(place, event, text);
        }
        match kind {
            b"response.output_item.added" => self.push_item(event, false),
            b"response.output_item.done" => self.push_item(event, true),
            // A whole response where a stream was asked for.
            b"" if event.get("object").and_then(Value::str_raw) == Some(b"response") => {
                self.set_response(event);
                self.ended = true;
                output_texts(event).for_each(|said| text.push(said));
            }
            _ => {
                if let Some(response) = event.get("response") {
                    self.set_response(response);
                    self.ended = is_end(kind);
                }
            }
        }
    }

    pub fn ended(&self) -> bool {
        self.ended
    }

    fn set_response(&mut self, response: Value<'_>) {
        self.response.clear();
        self.response.extend_from_slice(response.raw());
    }

    fn push_delta(&mut self, place: &'static Place, event: Value<'_>, text: &mut NewText) {
        let (mut item, mut index, mut delta) = (0, 0, None);
        for (key, value) in event.members() {
            match key.raw() {
                b"output_index" => item = value.as_u64().unwrap_or(0),
                b"content_index" | b"summary_index" => index = value.as_u64().unwrap_or(0),
                b"delta" => delta = Some(value),
                _ => {}
            }
        }
        let Some(delta) = delta else { return };
        if place.part == "output_text" {
            text.push(delta);
        }
        let piece = self.item(item).piece(place, index);
        piece.escaped.extend_from_slice(delta.str_raw().unwrap_or_default());
    }

    fn push_item(&mut self, event: Value<'_>, done: bool) {
        let Some(json) = event.get("item") else { return };
        let item = self.item(event.get("output_index").and_then(Value::as_u64).unwrap_or(0));
        item.json.clear();
        item.json.extend_from_slice(json.raw());
        item.done = done;
    }

    fn item(&mut self, index: u64) -> &mut Item {
        let at = find_part(&self.items, |item| item.index == index).unwrap_or_else(|| {
            self.items.push(Item {
                index,
                json: Vec::new(),
                done: false,
                pieces: Vec::new(),
            });
            self.items.len() - 1
        });
        &mut self.items[at]
    }

    /// Whether the service itself has put the output together.
    fn has_output(&self) -> bool {
        let response = Value::parse(&self.response).ok();
        let output = response.and_then(|response| response.get("output"));
        output.is_some_and(|output| output.items().next().is_some())
    }

    pub fn overflowed(&self) -> bool {
        let too_many = has_too_many(&self.items) || self.items.iter().any(|item| has_too_many(&item.pieces));
        too_many && !self.has_output()
    }

    pub fn write(&self, out: &mut Vec<u8>) {
        if self.items.is_empty() || self.has_output() {
            return out.extend_from_slice(&self.response);
        }
        let response = Value::parse(&self.response).ok();
        out.push(b'{');
        if response.is_none() {
            write_member(b"object", b"\"response\"", out);
        }
        write_others(response, |key| key == b"output", out);
        write_key(b"output", out);
        out.push(b'[');
        in_order(&self.items, |item| item.index.into()).for_each(|item| item.write(out));
        out.extend_from_slice(b"]}");
    }
}

impl Item {
    fn piece(&mut self, place: &'static Place, index: u64) -> &mut Piece {
        let same = |piece: &Piece| piece.index == index && std::ptr::eq(piece.place, place);
        let at = find_part(&self.pieces, same).unwrap_or_else(|| {
            self.pieces.push(Piece {
                place,
                index,
                escaped: Vec::new(),
            });
            self.pieces.len() - 1
        });
        &mut self.pieces[at]
    }

    fn write(&self, out: &mut Vec<u8>) {
        separate(out);
        if self.done {
            return out.extend_from_slice(&self.json);
        }
        out.push(b'{');
        let added = Value::parse(&self.json).ok();
        // One for each of the few places that there are.
        let mut grown: Vec<&str> = Vec::new();
        for key in self.pieces.iter().map(|piece| piece.place.key()) {
            if !grown.contains(&key) {
                grown.push(key);
            }
        }
        if let (None, Some(piece)) = (added, self.pieces.first()) {
            write_string(b"type", piece.place.item.as_bytes(), out);
        }
        write_others(added, |key| grown.iter().any(|grown| grown.as_bytes() == key), out);
        for piece in self.pieces.iter().filter(|piece| piece.place.list.is_empty()) {
            write_string(piece.place.member.as_bytes(), &piece.escaped, out);
        }
        for list in ["content", "summary"] {
            self.write_list(list, out);
        }
        out.push(b'}');
    }

    fn write_list(&self, list: &str, out: &mut Vec<u8>) {
        let mut parts = in_order(&self.pieces, |piece| piece.index.into())
            .filter(|piece| piece.place.list == list)
            .peekable();
        if parts.peek().is_none() {
            return;
        }
        write_key(list.as_bytes(), out);
        out.push(b'[');
        for piece in parts {
            separate(out);
            out.push(b'{');
            write_string(b"type", piece.place.part.as_bytes(), out);
            write_string(piece.place.member.as_bytes(), &piece.escaped, out);
            if piece.place.part == "output_text" {
                write_member(b"annotations", b"[]", out);
            }
            out.push(b'}');
        }
        out.push(b']');
    }
}

impl Place {
    /// The member of the item that grows.
    fn key(&self) -> &'static str {
        if self.list.is_empty() { self.member } else { self.list }
    }
}

fn is_end(kind: &[u8]) -> bool {
    matches!(
        kind,
        b"response.completed" | b"response.incomplete" | b"response.failed" | b"response.cancelled"
    )
}

fn output_texts(response: Value<'_>) -> impl Iterator<Item = Value<'_>> {
    let items = response.get("output").into_iter().flat_map(Value::items);
    let parts = items.filter_map(|item| item.get("content")).flat_map(Value::items);
    parts
        .filter(|part| part.pointer("/type").and_then(Value::str_raw) == Some(b"output_text"))
        .filter_map(|part| part.get("text"))
}

/// The members of an object that no delta has grown.
fn write_others(object: Option<Value<'_>>, left_out: impl Fn(&[u8]) -> bool, out: &mut Vec<u8>) {
    for (key, value) in object
        .into_iter()
        .flat_map(Value::members)
        .filter(|(key, _)| !left_out(key.raw()))
    {
        write_member(key.raw(), value.raw(), out);
    }
}

fn write_string(key: &[u8], escaped: &[u8], out: &mut Vec<u8>) {
    write_key(key, out);
    out.push(b'"');
    out.extend_from_slice(escaped);
    out.push(b'"');
}
