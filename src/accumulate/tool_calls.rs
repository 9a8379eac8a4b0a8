//! Tool calls that come in pieces.
//!
//! OpenAI gives each piece the index of its call, and the first piece an id. Other services leave out one, the other or both, count from
//! 1, or give every call the index 0; each of these was seen in the wild.
#![forbid(unsafe_code)]

use super::fields::{Fields, Growing, in_order, separate};
use super::has_too_many;
use crate::json::{self, Kind, Value};

/// The calls of one message.
#[derive(Default)]
pub struct ToolCalls {
    calls: Vec<ToolCall>,
}

struct ToolCall {
    /// As the service counts, if it does.
    index: Option<i64>,
    /// Its place in the answer.
    order: i64,
    fields: Fields,
}

/// What a piece says about the call it belongs to.
struct Signs<'a> {
    index: Option<i64>,
    /// Escaped; "" when missing.
    id: &'a [u8],
    name: &'a [u8],
    has_arguments: bool,
}

impl<'a> Signs<'a> {
    fn read(piece: Value<'a>) -> Signs<'a> {
        let mut signs = Signs {
            index: None,
            id: b"",
            name: b"",
            has_arguments: false,
        };
        for (key, value) in piece.members() {
            match key.raw() {
                b"index" => signs.index = value.as_i64().filter(|&index| index >= 0),
                b"id" => signs.id = value.str_raw().unwrap_or_default(),
                _ => signs.read_function(value),
            }
        }
        signs
    }

    fn read_function(&mut self, function: Value<'a>) {
        for (key, value) in function.members() {
            match key.raw() {
                b"name" => self.name = value.str_raw().unwrap_or(self.name),
                b"arguments" => self.has_arguments |= !matches!(value.raw(), b"null" | b"\"\""),
                _ => {}
            }
        }
    }
}

impl ToolCalls {
    pub fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// Adds the pieces of one delta.
    pub fn push(&mut self, pieces: Value<'_>) {
        for piece in pieces.items().filter(|piece| piece.kind() == Kind::Object) {
            let signs = Signs::read(piece);
            let at = self.find(&signs).unwrap_or_else(|| self.begin(signs.index));
            self.calls[at].push(piece);
        }
    }

    pub fn overflowed(&self) -> bool {
        has_too_many(&self.calls) || self.calls.iter().any(|call| call.fields.overflowed())
    }

    /// The call that a piece continues; `None`: it begins one.
    fn find(&self, signs: &Signs) -> Option<usize> {
        if has_too_many(&self.calls) {
            return Some(self.calls.len() - 1);
        }
        let by_id = || self.calls.iter().rposition(|call| call.text(b"id") == signs.id);
        if let Some(index) = signs.index
            && let Some(at) = self.calls.iter().rposition(|call| call.index == Some(index))
        {
            let id = self.calls[at].text(b"id");
            let same = signs.id.is_empty() || id.is_empty() || id == signs.id;
            // Gemini gives each of several calls the index 0, and the empty id.
            if id.is_empty() && signs.id.is_empty() && signs.has_arguments && self.calls[at].is_over_for(signs.name) {
                return None;
            }
            return if same { Some(at) } else { by_id() };
        }
        if !signs.id.is_empty() {
            return by_id();
        }
        if signs.index.is_some() {
            return None;
        }
        let last = self.calls.last().filter(|last| !last.is_followed_by(signs.name));
        last.map(|_| self.calls.len() - 1)
    }

    fn begin(&mut self, index: Option<i64>) -> usize {
        let after_last = self.calls.last().map_or(0, |call| call.order.saturating_add(1));
        self.calls.push(ToolCall {
            index,
            order: index.unwrap_or(after_last),
            fields: Fields::default(),
        });
        self.calls.len() - 1
    }

    /// Appends the calls, without the indexes that only a stream has, as the items of an array that is being written.
    pub fn write_items(&self, out: &mut Vec<u8>) {
        for call in in_order(&self.calls, |call| call.order.into()) {
            separate(out);
            out.push(b'{');
            call.fields.write_members(out);
            out.push(b'}');
        }
    }
}

impl ToolCall {
    fn push(&mut self, piece: Value<'_>) {
        for (key, value) in piece.members() {
            match key.raw() {
                b"index" => {}
                b"id" | b"type" => self.fields.slot(key.raw()).once(value),
                b"function" | b"custom" => push_function(self.fields.slot(key.raw()), value),
                // Such as `extra_content` with Gemini's thought signature, which has to be sent back as it came.
                _ => self.fields.slot(key.raw()).replace(value),
            }
        }
    }

    /// A string member, escaped; "" when missing.
    fn text(&self, key: &[u8]) -> &[u8] {
        self.fields.get(key).and_then(Growing::escaped).unwrap_or_default()
    }

    fn function(&self, key: &[u8]) -> &[u8] {
        let function = self
            .fields
            .get(b"function")
            .and_then(Growing::members)
            .and_then(|function| function.get(key));
        function.and_then(Growing::escaped).unwrap_or_default()
    }

    /// Whether a piece with neither index nor id, but perhaps a name, begins a call after this one.
    fn is_followed_by(&self, name: &[u8]) -> bool {
        let named = self.function(b"name");
        !name.is_empty() && !named.is_empty() && (name != named || self.is_complete())
    }

    /// Whether a piece of the same index that has name and arguments begins a call after this one.
    fn is_over_for(&self, name: &[u8]) -> bool {
        !name.is_empty() && !self.function(b"name").is_empty() && self.is_complete()
    }

    fn is_complete(&self) -> bool {
        let mut arguments = String::new();
        json::decode_into(self.function(b"arguments"), &mut arguments);
        Value::parse(arguments.as_bytes()).is_ok()
    }
}

/// The `function` of a tool call, or the `function_call` of older models.
pub fn push_function(slot: &mut Growing, function: Value<'_>) {
    if function.kind() != Kind::Object {
        return slot.replace(function);
    }
    let fields = slot.object();
    for (key, value) in function.members() {
        let slot = fields.slot(key.raw());
        match key.raw() {
            b"name" => slot.once(value),
            // Arguments are JSON in a string; some services forget the string.
            b"arguments" if matches!(value.kind(), Kind::Object | Kind::Array) => {
                slot.string_mut().extend(escape(value))
            }
            _ => slot.append(value),
        }
    }
}

/// A value's JSON as the contents of a string.
fn escape(value: Value<'_>) -> Vec<u8> {
    let mut quoted = String::new();
    json::quote(&String::from_utf8_lossy(value.raw()), &mut quoted);
    quoted.as_bytes()[1..quoted.len() - 1].to_vec()
}
