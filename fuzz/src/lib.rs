//! What the fuzzers share: choices taken from an input, and the other reader of JSON.

use kuai::json::{Kind, Value};
use serde_json::Value as Tree;

/// Takes choices from the front of an input; when there is nothing left, each is 0.
pub struct Choices<'a>(&'a [u8]);

impl<'a> Choices<'a> {
    pub fn of(input: &'a [u8]) -> Choices<'a> {
        Choices(input)
    }

    pub fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((&byte, rest)) => {
                self.0 = rest;
                byte
            }
            None => 0,
        }
    }

    /// What stands before the next LF, and what it ends.
    pub fn line(&mut self) -> &'a [u8] {
        let end = self.0.iter().position(|&byte| byte == b'\n');
        let line = &self.0[..end.unwrap_or(self.0.len())];
        self.0 = end.map_or(&[], |end| &self.0[end + 1..]);
        line
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn rest(self) -> &'a [u8] {
        self.0
    }
}

/// The pieces of a text that comes in reads of these sizes, over and over.
pub fn pieces(mut text: &[u8], sizes: [u8; 4]) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    for size in sizes.iter().cycle() {
        if text.is_empty() {
            break;
        }
        let (piece, rest) = text.split_at(text.len().min(1 + usize::from(*size)));
        pieces.push(piece);
        text = rest;
    }
    pieces
}

/// What the other reader makes of a text; `None` for what it cannot hold: lone surrogates, great numbers, great depths.
pub fn tree(text: &[u8]) -> Option<Tree> {
    serde_json::from_slice(text).ok()
}

/// What walking a value gives.
pub fn walked(value: Value<'_>) -> Tree {
    match value.kind() {
        Kind::Null => Tree::Null,
        Kind::Bool => Tree::Bool(value.as_bool().expect("a boolean")),
        Kind::Number => tree(value.raw()).expect("a number"),
        Kind::String => Tree::String(value.as_str().expect("a string").into_owned()),
        Kind::Array => value.items().map(walked).collect(),
        Kind::Object => Tree::Object(
            value
                .members()
                .map(|(key, value)| (key.decode().into_owned(), walked(value)))
                .collect(),
        ),
    }
}

/// Fails unless both readers take it for JSON.
pub fn assert_json(text: &[u8]) {
    assert!(Value::parse(text).is_ok(), "{:?}", String::from_utf8_lossy(text));
    assert_json_of_any_depth(text);
}

/// The same for what was joined, in which a value may lie deeper than where it came from: ours may say that this is too deep.
pub fn assert_json_of_any_depth(text: &[u8]) {
    if let Err(fault) = Value::parse(text) {
        assert!(
            fault.what.contains("deep"),
            "{fault}: {:?}",
            String::from_utf8_lossy(text)
        );
    }
    let other = serde_json::from_slice::<&serde_json::value::RawValue>(text);
    assert!(other.is_ok(), "{:?}", String::from_utf8_lossy(text));
}
