//! Objects that grow as a stream's deltas come in.
//!
//! Values are kept as the JSON they came in and joined as such: a string's escaped bytes are appended without decoding them, so that
//! even a surrogate pair cut in two becomes whole again.
#![forbid(unsafe_code)]

use super::{find_part, has_too_many};
use crate::json::{Kind, Value};

/// The members of a growing object, in the order in which they first came.
#[derive(Default)]
pub struct Fields {
    members: Vec<Member>,
    /// Where the next member most likely is: chunks repeat their members in the same order.
    next: usize,
}

struct Member {
    key: Vec<u8>,
    value: Growing,
}

impl Fields {
    /// The member of that name, made if it is not there. `key` is as written in JSON, without its quotes.
    pub fn slot(&mut self, key: &[u8]) -> &mut Growing {
        let at = self.find(key).unwrap_or_else(|| {
            self.members.push(Member {
                key: key.to_vec(),
                value: Growing::default(),
            });
            self.members.len() - 1
        });
        self.next = at + 1;
        &mut self.members[at].value
    }

    pub fn get(&self, key: &[u8]) -> Option<&Growing> {
        self.find(key).map(|at| &self.members[at].value)
    }

    fn find(&self, key: &[u8]) -> Option<usize> {
        let next = if self.next < self.members.len() { self.next } else { 0 };
        let is_it = |member: &Member| member.key == key;
        if self.members.get(next).is_some_and(is_it) {
            Some(next)
        } else {
            find_part(&self.members, is_it)
        }
    }

    /// Whether there were more members than are told apart, here or in one of them.
    pub fn overflowed(&self) -> bool {
        has_too_many(&self.members) || self.members.iter().any(|member| member.value.overflowed())
    }

    /// Whether no member says anything.
    pub fn is_blank(&self) -> bool {
        self.members.iter().all(|member| member.value.is_blank())
    }

    /// Appends the members to an object that is being written.
    pub fn write_members(&self, out: &mut Vec<u8>) {
        self.write_members_but(out, |_, _| false);
    }

    /// The same without those that are `left_out`.
    pub fn write_members_but(&self, out: &mut Vec<u8>, left_out: impl Fn(&[u8], &Growing) -> bool) {
        for member in &self.members {
            if !left_out(&member.key, &member.value) {
                write_key(&member.key, out);
                member.value.write(out);
            }
        }
    }
}

/// A value that grows.
#[derive(Default)]
pub struct Growing {
    /// The value so far, without the closing byte of a string or an array.
    json: Vec<u8>,
    /// That byte; 0 for what has none and for objects that are kept as they came; `}` when `members` holds the value.
    close: u8,
    members: Fields,
}

impl Growing {
    /// The last value that says something wins.
    pub fn replace(&mut self, value: Value<'_>) {
        let says_nothing = matches!(value.raw(), b"null" | b"\"\"");
        if !says_nothing || self.is_blank() && !value.is_null() || self.is_unset() {
            self.set(value);
        }
    }

    /// Whether it is an object of more members than are told apart.
    pub fn overflowed(&self) -> bool {
        self.members.overflowed()
    }

    /// The first value that says something stays.
    pub fn once(&mut self, value: Value<'_>) {
        if self.is_blank() {
            self.replace(value);
        }
    }

    /// Strings and arrays continue what came before; of other values the last one wins.
    pub fn append(&mut self, value: Value<'_>) {
        let raw = value.raw();
        match value.kind() {
            Kind::String if self.close == b'"' => self.json.extend_from_slice(&raw[1..raw.len() - 1]),
            Kind::Array if self.close == b']' => self.append_items(&raw[1..raw.len() - 1]),
            _ => self.replace(value),
        }
    }

    /// Becomes a string.
    pub fn set_escaped(&mut self, escaped: &[u8]) {
        let json = self.string_mut();
        json.truncate(1);
        json.extend_from_slice(escaped);
    }

    /// The opening quote and the escaped bytes of a string that may be continued. Anything but a string makes room for one.
    pub fn string_mut(&mut self) -> &mut Vec<u8> {
        if self.close != b'"' {
            self.close = b'"';
            self.json.clear();
            self.json.push(b'"');
        }
        &mut self.json
    }

    fn append_items(&mut self, items: &[u8]) {
        if items.trim_ascii().is_empty() {
            return;
        }
        if self.json.trim_ascii_end() != b"[" {
            self.json.push(b',');
        }
        self.json.extend_from_slice(items);
    }

    /// Adds each member of an object to those that came before: strings and arrays continue, the words that name something stay.
    pub fn grow(&mut self, value: Value<'_>) {
        if value.kind() != Kind::Object {
            return self.replace(value);
        }
        let fields = self.object();
        for (key, value) in value.members() {
            let slot = fields.slot(key.raw());
            match key.raw() {
                b"id" | b"name" | b"type" => slot.once(value),
                _ => slot.append(value),
            }
        }
    }

    /// The members of an object that grows member by member.
    pub fn object(&mut self) -> &mut Fields {
        if self.close != b'}' {
            *self = Growing {
                close: b'}',
                ..Growing::default()
            };
        }
        &mut self.members
    }

    /// The escaped bytes of a string.
    pub fn escaped(&self) -> Option<&[u8]> {
        if self.close == b'"' { self.json.get(1..) } else { None }
    }

    /// The members of an object that grew member by member.
    pub fn members(&self) -> Option<&Fields> {
        if self.close == b'}' { Some(&self.members) } else { None }
    }

    fn set(&mut self, value: Value<'_>) {
        let raw = value.raw();
        self.close = match value.kind() {
            Kind::String => b'"',
            Kind::Array => b']',
            _ => 0,
        };
        self.json.clear();
        self.json
            .extend_from_slice(if self.close == 0 { raw } else { &raw[..raw.len() - 1] });
    }

    fn is_unset(&self) -> bool {
        self.json.is_empty() && self.close == 0
    }

    /// Nothing, `null` or an empty string.
    pub fn is_blank(&self) -> bool {
        match self.close {
            0 => self.json.is_empty() || self.json == b"null",
            b'"' => self.json.len() == 1,
            _ => false,
        }
    }

    pub fn write(&self, out: &mut Vec<u8>) {
        if self.close == b'}' {
            out.push(b'{');
            self.members.write_members(out);
        } else if self.is_unset() {
            // Such as content of which no part is text.
            out.extend_from_slice(b"null");
        } else {
            out.extend_from_slice(&self.json);
        }
        if self.close != 0 {
            out.push(self.close);
        }
    }
}

/// Begins a member of the object that is being written.
pub fn write_key(key: &[u8], out: &mut Vec<u8>) {
    separate(out);
    out.push(b'"');
    out.extend_from_slice(key);
    out.extend_from_slice(b"\":");
}

/// Parts of an answer in the order of their places, and those of one place as they came.
///
/// What is sorted are pairs of numbers, whatever the parts are, so that the sorting is compiled once.
pub fn in_order<T>(parts: &[T], place: impl Fn(&T) -> i128) -> impl Iterator<Item = &T> {
    let mut order: Vec<(i128, usize)> = parts.iter().map(place).zip(0..).collect();
    order.sort_unstable();
    order.into_iter().map(|(_, at)| &parts[at])
}

/// The comma before all members and items but the first.
pub fn separate(out: &mut Vec<u8>) {
    if !matches!(out.last(), Some(b'{' | b'[')) {
        out.push(b',');
    }
}

/// A member whose value is there as JSON.
pub fn write_member(key: &[u8], json: &[u8], out: &mut Vec<u8>) {
    write_key(key, out);
    out.extend_from_slice(json);
}
