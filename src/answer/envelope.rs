//! The shapes in which services tell failures, and where each keeps its words.
//!
//! OpenAI has `{"error":{…}}`; gateways have `{"code":…,"msg":…}`; vLLM, FastAPI, Databricks, Baidu, MiniMax, iFlytek, Tencent and Google
//! have their own. Services put empty ones into good answers as well.
#![forbid(unsafe_code)]

use super::Expect;
use super::body;
use crate::json::{self, Fault, Key, Kind, Read, Value};
use std::borrow::Cow;

/// Further members of an error that are longer are left out of the document; the body has them.
const MOST_OF_EXTRA: usize = 4096;

/// The members of an answer that tell whether it is a failure, found in one look.
#[derive(Default)]
pub(super) struct Envelope<'a> {
    error: Option<Value<'a>>,
    success: Option<Value<'a>>,
    code: Option<Value<'a>>,
    error_code: Option<Value<'a>>,
    error_msg: Option<Value<'a>>,
    base_resp: Option<Value<'a>>,
    header: Option<Value<'a>>,
    response: Option<Value<'a>>,
    choices: Option<Value<'a>>,
    data: Option<Value<'a>>,
    output: Option<Value<'a>>,
    object: Option<Value<'a>>,
    id: Option<Value<'a>>,
    status: Option<Value<'a>>,
    kind: Option<Value<'a>>,
    x_groq: Option<Value<'a>>,
}

/// Whether an answer cannot be a failure in any of the shapes, by what is nowhere in it. This costs a third of a look, and is enough
/// for nearly every event of a stream. `known`: so many of its first bytes were in another that could not be one.
pub(super) fn is_harmless(value: Value<'_>, known: usize) -> bool {
    // A part of `error` and `Error` (a failed response has it too); of `code`, `error_code` and `status_code`.
    const MARKS: [&[u8]; 3] = [b"rror", b"code", b"success"];
    let text = &value.raw()[known..];
    let has = |mark: &&[u8]| text.windows(mark.len()).any(|bytes| bytes == *mark);
    !(may_have_marks(text) && MARKS.iter().any(has))
}

/// Whether letters stand as far from each other as in one of the marks: two `r`, two `c`, or a `c` and a `d` with one between them.
fn may_have_marks(text: &[u8]) -> bool {
    const BLOCK: usize = 32;
    /// As many bytes behind a block are looked at.
    const MORE: usize = 2;
    // Compilers make vector instructions of it.
    let has = |block: &[u8; BLOCK + MORE]| {
        (0..BLOCK).fold(false, |found, i| {
            let [first, second, third] = [block[i], block[i + 1], block[i + 2]];
            let doubled = (first == second) & ((first == b'r') | (first == b'c'));
            found | doubled | ((first == b'c') & (third == b'd'))
        })
    };
    let mut rest = text;
    while let Some(block) = rest.first_chunk() {
        if has(block) {
            return true;
        }
        rest = &rest[BLOCK..];
    }
    let mut last = [0; BLOCK + MORE];
    last[..rest.len()].copy_from_slice(rest);
    has(&last)
}

impl<'a> Envelope<'a> {
    /// Checks an answer, and looks at it on the way.
    pub fn read(text: &'a [u8]) -> Result<(Read<'a>, Envelope<'a>), Fault> {
        let mut envelope = Envelope::default();
        let read = json::read(text, |key, value| envelope.take(key, value))?;
        envelope.take_array(read.value);
        Ok((read, envelope))
    }

    pub fn look(value: Value<'a>) -> Envelope<'a> {
        let mut envelope = Envelope::default();
        for (key, value) in value.members() {
            envelope.take(key, value);
        }
        envelope.take_array(value);
        envelope
    }

    fn take(&mut self, key: Key<'a>, value: Value<'a>) {
        // No service escapes any of these names.
        let place = match key.raw() {
            b"error" => &mut self.error,
            b"success" => &mut self.success,
            b"code" => &mut self.code,
            b"error_code" => &mut self.error_code,
            b"error_msg" => &mut self.error_msg,
            b"base_resp" => &mut self.base_resp,
            b"header" => &mut self.header,
            b"Response" => &mut self.response,
            b"choices" => &mut self.choices,
            b"data" => &mut self.data,
            b"output" => &mut self.output,
            b"object" => &mut self.object,
            b"id" => &mut self.id,
            b"status" => &mut self.status,
            b"type" => &mut self.kind,
            b"x_groq" => &mut self.x_groq,
            _ => return,
        };
        *place = Some(value);
    }

    /// Google's services put the object into an array.
    fn take_array(&mut self, value: Value<'a>) {
        if value.kind() == Kind::Array {
            self.error = value.items().next().and_then(|first| first.get("error"));
        }
    }

    /// Whether a whole answer is a failure, whatever its HTTP status.
    pub fn is_failure(&self, expect: Expect) -> bool {
        let own = expect != Expect::Choices && self.is_resource();
        self.has_error() && !own || self.is_other_failure() || self.is_failure_code() && !self.has_content()
    }

    /// Whether an event of a stream is a failure.
    pub fn is_failure_in_stream(&self) -> bool {
        // Events of /responses have names such as `response.code_interpreter_call_code.done`, and that one has a `code`.
        let is_named = self
            .kind
            .and_then(Value::str_raw)
            .is_some_and(|name| name.contains(&b'.'));
        // Groq tells in a place of its own why a stream stops early.
        let stopped = self.x_groq.and_then(|groq| groq.get("error"));
        let has_code = self.is_failure_code() && !self.has_content() && !is_named;
        self.has_error()
            || self.is_named("error")
            || self.is_other_failure()
            || stopped.is_some_and(|error| !is_hollow(error))
            || has_code
    }

    /// Whether its `type` is `response.something.failed`.
    pub fn is_failure_of_one_thing(&self) -> bool {
        let name = self.kind.and_then(Value::str_raw).unwrap_or_default();
        name.strip_prefix(b"response.")
            .is_some_and(|thing| thing.ends_with(b".failed"))
    }

    /// Whether this is what its `type` says.
    pub fn is_named(&self, name: &str) -> bool {
        self.kind.and_then(Value::str_raw) == Some(name.as_bytes())
    }

    /// Whether there is a code that does not say that all is well.
    pub fn is_failure_code(&self) -> bool {
        self.code.is_some_and(is_failure_code)
    }

    pub fn has_choices(&self) -> bool {
        self.choices.is_some_and(|choices| choices.kind() == Kind::Array)
    }

    /// The object in `data` that may be the answer itself.
    pub fn wrapped(&self) -> Option<Value<'a>> {
        self.data
            .filter(|data| data.kind() == Kind::Object && !self.is_failure_code() && !is_hollow(*data))
    }

    fn has_error(&self) -> bool {
        self.error.is_some_and(|error| !is_hollow(error))
    }

    fn is_other_failure(&self) -> bool {
        let code_in =
            |place: Option<Value<'a>>, name| place.and_then(|value| value.get(name)).is_some_and(is_failure_code);
        self.success.and_then(Value::as_bool) == Some(false)
            || self.error_code.is_some_and(is_failure_code)
            || self.error_msg.is_some_and(|message| !is_hollow(message))
            || self.object.and_then(Value::str_raw) == Some(b"error")
            || code_in(self.base_resp, "status_code")
            || code_in(self.header, "code")
            || self
                .response
                .and_then(|response| response.get("Error"))
                .is_some_and(|error| !is_hollow(error))
    }

    fn has_content(&self) -> bool {
        let places = [self.choices, self.data, self.output, self.object, self.id];
        places.into_iter().flatten().any(|value| !is_hollow(value))
    }

    /// Whether this is a thing of the service's that has failed on its own, such as a fine-tuning job: then `error` belongs to the
    /// good answer that tells of it. A response is none: it is what the call was for.
    fn is_resource(&self) -> bool {
        let is_text = |value: Option<Value<'a>>| value.and_then(Value::str_raw).is_some_and(|text| !text.is_empty());
        let is_response = self.object.and_then(Value::str_raw) == Some(b"response");
        is_text(self.id) && is_text(self.object) && is_text(self.status) && !is_response
    }
}

/// Nothing, zero, or made of nothing.
fn is_hollow(value: Value<'_>) -> bool {
    match value.kind() {
        Kind::Null => true,
        Kind::Bool => value.raw() == b"false",
        Kind::Number => value.as_f64() == Some(0.0),
        Kind::String => value.str_raw().is_some_and(|text| text.trim_ascii().is_empty()),
        Kind::Array => value.items().next().is_none(),
        Kind::Object => value
            .members()
            .all(|(_, value)| matches!(value.raw(), b"null" | b"\"\"" | b"0" | b"{}" | b"[]")),
    }
}

fn is_failure_code(code: Value<'_>) -> bool {
    const GOOD: [&[u8]; 4] = [b"200", b"ok", b"success", b"null"];
    match code.kind() {
        Kind::Number | Kind::String => {
            let text = code.str_raw().unwrap_or(code.raw()).trim_ascii();
            // Some count their codes in five digits.
            let is_zero = text.iter().all(|&digit| digit == b'0');
            !is_zero && !GOOD.iter().any(|good| good.eq_ignore_ascii_case(text))
        }
        _ => false,
    }
}

/// What a service said about a failure. Each is bounded.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Words {
    /// Empty: nothing.
    pub message: String,
    pub kind: Option<String>,
    pub code: Option<String>,
    pub param: Option<String>,
    pub request_id: Option<String>,
    /// Further members of the error: name and JSON text.
    pub extra: Vec<(String, String)>,
}

/// Finds a service's words in any of the shapes.
pub(super) fn words(value: Value<'_>) -> Words {
    let value = match value.kind() {
        Kind::Array => value.items().next().unwrap_or(value),
        _ => value,
    };
    let first = |pointers: &[&str]| {
        pointers
            .iter()
            .filter_map(|pointer| value.pointer(pointer))
            .find_map(plain)
    };
    let message = message(value);
    Words {
        // `{"type":"error"}` only says that it is one. Google calls the type a status, and others put a number there.
        kind: first(&["/error/type", "/error/status", "/type"])
            .filter(|kind| kind != "error" && kind.parse::<f64>().is_err()),
        code: first(&[
            "/error/code",
            "/code",
            "/error_code",
            "/base_resp/status_code",
            "/header/code",
            "/Response/Error/Code",
            "/ResponseMetadata/Error/Code",
            "/errors/0/code",
        ]),
        param: first(&["/error/param", "/param"]),
        request_id: first(&[
            "/request_id",
            "/requestId",
            "/RequestId",
            "/Response/RequestId",
            "/ResponseMetadata/RequestId",
            "/error/request_id",
            // iFlytek's sessions.
            "/sid",
            "/header/sid",
        ])
        .or_else(|| request_id_in(&message)),
        extra: extra(value),
        message,
    }
}

fn message(value: Value<'_>) -> String {
    const IN_ERROR: [&str; 8] = [
        "/error/message",
        "/error/msg",
        "/error/error_msg",
        "/error/detail",
        "/error/description",
        "/error/error",
        "/x_groq/error/message",
        "/x_groq/error",
    ];
    const BESIDE: [&str; 18] = [
        "/message",
        "/msg",
        "/Message",
        "/error_msg",
        "/errmsg",
        "/err",
        // FastAPI's is a string, an object or a list of objects.
        "/detail/0/msg",
        "/detail/msg",
        "/detail/message",
        "/detail/error/message",
        "/detail",
        "/errors/0/message",
        "/errors/0",
        "/base_resp/status_msg",
        "/header/message",
        "/Response/Error/Message",
        "/ResponseMetadata/Error/Message",
        // RFC 9457; its `detail` says more.
        "/title",
    ];
    // Spring, NestJS and OAuth name the kind of error in `error`, and say beside it what was wrong.
    const MORE: [&str; 3] = ["/error_description", "/message", "/msg"];
    let first = |places: &[&str]| places.iter().filter_map(|place| value.pointer(place)).find_map(spoken);
    let error_itself = || {
        value
            .get("error")
            .filter(|error| error.kind() != Kind::Object)
            .and_then(spoken)
            .map(|error| match first(&MORE) {
                Some(more) if more.contains(&*error) => more,
                Some(more) if !error.contains(&*more) => Cow::Owned(format!("{error}: {more}")),
                _ => error,
            })
    };
    let message = first(&IN_ERROR)
        .or_else(error_itself)
        .or_else(|| first(&BESIDE))
        .or_else(|| value.as_str());
    body::cut(message.unwrap_or_default().trim(), body::MOST).to_owned()
}

/// A message as it can be read: a string, or the JSON of what was put there instead.
fn spoken<'a>(value: Value<'a>) -> Option<Cow<'a, str>> {
    match value.kind() {
        _ if is_hollow(value) => None,
        Kind::Null | Kind::Bool => None,
        Kind::String => value.as_str(),
        Kind::Number | Kind::Array | Kind::Object => Some(String::from_utf8_lossy(value.raw())),
    }
}

/// A short text, or a number as one.
fn plain(value: Value<'_>) -> Option<String> {
    let text = spoken(value)?;
    Some(body::cut(text.trim(), 200).to_owned())
}

/// one-api and new-api put it behind each message: `(request id: 2024…)`.
fn request_id_in(message: &str) -> Option<String> {
    let (_, after) = message.rsplit_once("(request id: ")?;
    let (id, _) = after.split_once(')')?;
    Some(body::cut(id.trim(), 200).to_owned()).filter(|id| !id.is_empty())
}

/// What a service says beyond the members that an error document has anyway.
fn extra(value: Value<'_>) -> Vec<(String, String)> {
    /// The document's own members.
    const OURS: [&str; 10] = [
        "message",
        "type",
        "code",
        "param",
        "status",
        "http_status",
        "request_id",
        "retry_after_ms",
        "attempts",
        "body",
    ];
    let of_error = value.get("error").into_iter().flat_map(Value::members);
    let is_told_twice = |value: Value<'_>| value.kind() == Kind::String;
    let beside = value.members().filter(|(name, value)| {
        (name.is("detail") || name.is("errors") || name.is("metadata")) && !is_told_twice(*value)
    });
    let mut extra: Vec<(String, String)> = Vec::new();
    let mut room = MOST_OF_EXTRA;
    for (name, value) in of_error.chain(beside).filter(|(_, value)| !value.is_null()) {
        let name = name.decode();
        let size = name.len() + value.raw().len();
        // The document is JSON to its readers only if nothing nests too deeply there.
        let fits = || Value::parse(&[b"[[", value.raw(), b"]]"].concat()).is_ok();
        if size > room || !fits() || OURS.contains(&&*name) || extra.iter().any(|(other, _)| *other == name) {
            continue;
        }
        room -= size;
        extra.push((name.into_owned(), String::from_utf8_lossy(value.raw()).into_owned()));
    }
    extra
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_of_a_failure_is_found_wherever_it_stands() {
        for mark in ["error", "Error", "code", "error_code", "success"] {
            for length in 0..150 {
                for at in 0..=length {
                    let (before, after) = ("x".repeat(at), "x".repeat(length - at));
                    let text = format!("\"{before}{mark}{after}\"");
                    let value = Value::parse(text.as_bytes()).unwrap();
                    assert!(!is_harmless(value, 0), "{text}");
                    assert!(is_harmless(value, 1 + at + mark.len()), "{text}");
                }
            }
        }
        for text in [
            "\"carry acclaim, decide; rro r co de succes\"",
            "\"chat.completion.chunk\"",
            "{}",
        ] {
            assert!(is_harmless(Value::parse(text.as_bytes()).unwrap(), 0), "{text}");
        }
    }
}
