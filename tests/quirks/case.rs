//! The table's rows.
//!
//! An answer's body is one of
//! - `json`: the value's bytes as they stand in the file;
//! - `text`: a string, or an array of strings and `{"times":…,"of":…}`;
//! - `stream`: an array of objects (each an event `data: …` with a blank line), strings (as they are), arrays (their strings and values
//!   one after the other) and numbers (a pause of so many milliseconds);
//! - `base64`: bytes that are no text.
//!
//! `must` says what is made of it: `status`, `text`, `events` (how many), `requests` (1 unless said), `json` (values by pointer), `has`
//! (parts of strings by pointer), `absent` (pointers), `partial` (values by pointer in what is left of a stream that failed), `mended`
//! (handed on with changes), `within_ms`, `largest` (bytes). `expect` says it in words, and `why` why it is read so.

use base64::Engine;
use kuai::json::{Kind, Value};

pub struct Case {
    pub name: String,
    pub ask: Ask,
    pub params: String,
    /// Further configuration of the client.
    pub config: serde_json::Value,
    pub http_status: u16,
    pub headers: Vec<(String, String)>,
    pub transport: Option<String>,
    pub body: Vec<Piece>,
    /// The body, where it is JSON that has to be handed on as it came.
    pub json: Option<String>,
    pub must: serde_json::Value,
}

/// What the program calls.
pub enum Ask {
    Chat,
    Stream,
    Call(String),
    Open(String),
}

pub enum Piece {
    Bytes(Vec<u8>),
    Pause(u64),
}

/// How the length of the body is told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Framing {
    Length,
    /// In chunks of a few bytes.
    Chunked,
    Close,
}

impl Case {
    pub fn read(file: &'static str) -> Vec<Case> {
        let cases = Value::parse(file.as_bytes()).unwrap_or_else(|fault| panic!("{fault}"));
        let cases: Vec<Case> = cases.items().map(Case::from).collect();
        for (i, case) in cases.iter().enumerate() {
            assert!(
                cases[..i].iter().all(|other| other.name != case.name),
                "{} twice",
                case.name
            );
        }
        cases
    }

    fn from(value: Value<'static>) -> Case {
        const KEYS: [&str; 14] = [
            "name",
            "ask",
            "params",
            "config",
            "status",
            "headers",
            "transport",
            "json",
            "text",
            "stream",
            "base64",
            "expect",
            "must",
            "why",
        ];
        let name = string(value.get("name").expect("a name"));
        for (key, _) in value.members() {
            assert!(KEYS.contains(&&*key.decode()), "{name}: {}", key.decode());
        }
        let serde = |key: &str| {
            value
                .get(key)
                .map(|value| serde_json::from_slice(value.raw()).expect("JSON"))
        };
        let ask = match string(value.get("ask").expect("what is asked")).as_str() {
            "chat" => Ask::Chat,
            "stream" => Ask::Stream,
            other => match other.strip_prefix("stream ") {
                Some(operation) => Ask::Open(operation.to_owned()),
                None => Ask::Call(other.to_owned()),
            },
        };
        let streams = matches!(ask, Ask::Stream | Ask::Open(_));
        let params = value.get("params").map_or_else(
            || r#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#.to_owned(),
            |params| String::from_utf8(params.raw().to_vec()).unwrap(),
        );
        let content_type = if streams {
            "text/event-stream"
        } else {
            "application/json"
        };
        Case {
            ask,
            params,
            config: serde("config").unwrap_or_else(|| serde_json::json!({})),
            http_status: value
                .get("status")
                .map_or(200, |status| status.as_u64().unwrap() as u16),
            headers: value.get("headers").map_or_else(
                || vec![("content-type".to_owned(), content_type.to_owned())],
                |headers| {
                    headers
                        .members()
                        .map(|(name, value)| (name.decode().into_owned(), string(value)))
                        .collect()
                },
            ),
            transport: value.get("transport").map(string),
            body: body(value, &name),
            json: value
                .get("json")
                .filter(|_| !streams)
                .map(|json| String::from_utf8(json.raw().to_vec()).unwrap()),
            must: serde("must").expect("what must be"),
            name,
        }
    }

    /// An answer that is sent in a way of its own has no other one.
    pub fn framings(&self) -> &'static [Framing] {
        match self.transport {
            Some(_) => &[Framing::Length],
            None if self.http_status == 204 => &[Framing::Length],
            None => &[Framing::Length, Framing::Chunked, Framing::Close],
        }
    }
}

fn body(case: Value<'static>, name: &str) -> Vec<Piece> {
    let bodies: Vec<Piece> = ["json", "text", "stream", "base64"]
        .into_iter()
        .filter_map(|key| Some((key, case.get(key)?)))
        .flat_map(|(key, value)| match key {
            "json" => vec![Piece::Bytes(value.raw().to_vec())],
            "text" => vec![Piece::Bytes(long_text(value))],
            "base64" => {
                let bytes = base64::engine::general_purpose::STANDARD.decode(string(value));
                vec![Piece::Bytes(bytes.expect("Base64"))]
            }
            _ => joined(value.items().map(stream_item)),
        })
        .collect();
    assert!(!bodies.is_empty(), "{name} has no body");
    bodies
}

fn long_text(value: Value<'static>) -> Vec<u8> {
    match value.kind() {
        Kind::Array => value.items().flat_map(long_text).collect(),
        Kind::Object => {
            let times = value.get("times").and_then(Value::as_u64).expect("how often") as usize;
            string(value.get("of").expect("what")).repeat(times).into_bytes()
        }
        _ => string(value).into_bytes(),
    }
}

fn stream_item(item: Value<'static>) -> Piece {
    let plain = |value: Value<'static>| match value.kind() {
        Kind::String => string(value).into_bytes(),
        _ => value.raw().to_vec(),
    };
    match item.kind() {
        Kind::Number => Piece::Pause(item.as_u64().expect("milliseconds")),
        Kind::Object => Piece::Bytes([b"data: ", item.raw(), b"\n\n"].concat()),
        Kind::Array => Piece::Bytes(item.items().flat_map(plain).collect()),
        _ => Piece::Bytes(plain(item)),
    }
}

/// What comes without a pause between comes at once.
fn joined(pieces: impl Iterator<Item = Piece>) -> Vec<Piece> {
    let mut all: Vec<Piece> = Vec::new();
    for piece in pieces {
        match (all.last_mut(), piece) {
            (Some(Piece::Bytes(before)), Piece::Bytes(bytes)) => before.extend(bytes),
            (_, piece) => all.push(piece),
        }
    }
    all
}

fn string(value: Value<'static>) -> String {
    value.as_str().expect("a string").into_owned()
}
