//! The JSON of requests on its way out: what is checked before anything is sent, and the members that the library
//! itself sets or takes out.
//!
//! Every other byte stays as it came: nothing is parsed into a tree and written anew.
#![forbid(unsafe_code)]

use crate::error::{Error, Result};
use crate::json::{self, Key, Kind, Value};
use crate::multipart::Multipart;
use crate::operation::Operation;
use std::borrow::Cow;

/// A chat completion's request, checked and ready.
///
/// `stream`: whether the member of that name is set or taken out; `None` leaves it alone. `strict_turns`: the gateway's
/// documented turn rule is checked as well.
///
/// # Errors
/// `InvalidArgument`; the message says where and what was found.
pub fn prepare<'a>(
    request: &'a str,
    default_model: Option<&str>,
    stream: Option<bool>,
    strict_turns: bool,
) -> Result<Cow<'a, str>> {
    let (object, seen) = Seen::read("request_json", request)?;
    let messages = checked_messages(seen.messages)?;
    if strict_turns {
        check_turns(messages)?;
    }
    changed(request, object, &Changes::wanted(&seen, default_model, stream))
}

/// Any other operation's JSON: a missing model where the API demands one, and `stream` by the function that was called.
///
/// # Errors
/// `InvalidArgument` when it is not a JSON object.
pub fn adapt<'a>(
    body: &'a str,
    entry: Option<&Operation>,
    default_model: Option<&str>,
    stream: bool,
) -> Result<Cow<'a, str>> {
    let model = default_model.filter(|_| needs_model(entry));
    let stream = asks_by_member(entry).then_some(stream);
    if model.is_none() && stream.is_none() {
        return Ok(Cow::Borrowed(body));
    }
    let (object, seen) = Seen::read("params_json", body)?;
    // A stored prompt of /responses brings its own model.
    let model = model.filter(|_| !seen.stored_prompt);
    changed(body, object, &Changes::wanted(&seen, model, stream))
}

/// [`adapt`] for an operation that sends a form.
pub fn adapt_form<'a>(
    form: &'a Multipart,
    entry: Option<&Operation>,
    default_model: Option<&str>,
    stream: bool,
) -> Cow<'a, Multipart> {
    let mut form = Cow::Borrowed(form);
    let model = default_model.filter(|_| needs_model(entry));
    if let Some(model) = model.filter(|_| form.get("model").is_none_or(<[u8]>::is_empty)) {
        set(form.to_mut(), "model", model);
    }
    if asks_by_member(entry) {
        match (stream, form.get("stream")) {
            (true, Some(b"true")) | (false, None) => {}
            (true, _) => set(form.to_mut(), "stream", "true"),
            (false, Some(_)) => form.to_mut().remove("stream"),
        }
    }
    form
}

/// The query, with `stream=true` for an operation without a body that is opened as a stream, and without it for one
/// that is not.
pub fn adapt_query<'a>(query: &'a str, entry: Option<&Operation>, stream: bool) -> Cow<'a, str> {
    const STREAM: &str = "stream=true";
    let by_query = entry.is_some_and(|entry| entry.stream.as_deref() == Some("stream") && entry.method == "GET");
    if !by_query || (!stream && !query.contains("stream=")) {
        return Cow::Borrowed(query);
    }
    let others = query
        .split('&')
        .filter(|pair| !pair.is_empty() && !pair.starts_with("stream="));
    let pairs: Vec<&str> = others.chain(stream.then_some(STREAM)).collect();
    Cow::Owned(pairs.join("&"))
}

fn set(form: &mut Multipart, name: &str, text: &str) {
    form.remove(name);
    form.text(name, text.to_owned());
}

fn needs_model(entry: Option<&Operation>) -> bool {
    entry.is_some_and(|entry| entry.needs_model)
}

/// `audio.speech.create` has `stream_format`, which chooses between two kinds of streams: that stays the program's
/// choice.
fn asks_by_member(entry: Option<&Operation>) -> bool {
    entry.is_some_and(|entry| entry.stream.as_deref() == Some("stream") && entry.method != "GET")
}

fn expected(argument: &str, what: &str, found: Kind) -> Error {
    Error::argument(argument, format!("expected {what}, found {}", found.name()))
}

// ---- checking ----

/// What a request's members tell. Of several members of one name the last counts, as every common parser has it.
#[derive(Default)]
struct Seen<'a> {
    messages: Option<Value<'a>>,
    model: Option<Value<'a>>,
    stream: bool,
    stored_prompt: bool,
}

impl<'a> Seen<'a> {
    /// Checks an argument, which must be an object, and looks at it on the way.
    fn read(argument: &str, text: &'a str) -> Result<(Value<'a>, Seen<'a>)> {
        let mut seen = Seen::default();
        let read = json::read(text.as_bytes(), |key, value| seen.take(key, value));
        let object = read.map_err(|fault| Error::argument(argument, fault))?.value;
        match object.kind() {
            Kind::Object => Ok((object, seen)),
            kind => Err(expected(argument, "an object", kind)),
        }
    }

    fn take(&mut self, key: Key<'a>, value: Value<'a>) {
        if key.is("messages") {
            self.messages = Some(value);
        } else if key.is("model") {
            self.model = Some(value);
        } else if key.is("stream") {
            self.stream = true;
        } else if key.is("prompt") {
            self.stored_prompt = value.kind() == Kind::Object;
        }
    }
}

/// The messages: at least one, each an object with a role.
fn checked_messages(messages: Option<Value<'_>>) -> Result<Value<'_>> {
    let messages = messages.ok_or_else(|| Error::argument("messages", "missing: expected an array of messages"))?;
    if messages.kind() != Kind::Array {
        return Err(expected("messages", "an array", messages.kind()));
    }
    let mut count = 0;
    for message in messages.items() {
        let at = || format!("messages[{count}]");
        if message.kind() != Kind::Object {
            return Err(expected(&at(), "an object", message.kind()));
        }
        // The first of that name will do, and saves a walk over the content.
        let role = message.members().find(|(key, _)| key.is("role"));
        match role.map(|(_, role)| role.kind()) {
            Some(Kind::String) => count += 1,
            Some(other) => return Err(expected(&format!("{}.role", at()), "a string", other)),
            None => return Err(Error::argument(&format!("{}.role", at()), "missing")),
        }
    }
    match count {
        0 => Err(Error::argument(
            "messages",
            "expected at least one message, found an empty array",
        )),
        _ => Ok(messages),
    }
}

/// The gateway's documented rule: user and assistant in turns, the user first and last, so that the number is odd; no
/// empty content. An assistant that calls tools, and their results after it, are no turns: its turn is still to come.
fn check_turns(messages: Value<'_>) -> Result<()> {
    let mut count = 0;
    let mut calling = false;
    for (i, message) in messages.items().enumerate() {
        let role = message.get("role").and_then(Value::as_str).unwrap_or_default();
        calling = match &*role {
            "assistant" => count % 2 == 1 && calls_tools(message),
            "tool" | "function" => calling,
            _ => false,
        };
        if calling {
            continue;
        }
        if let Some(why) = wrong_turn(count, &role) {
            return Err(Error::argument(
                &format!("messages[{i}].role"),
                format!("{why} (strict_turns)"),
            ));
        }
        if let Some(why) = no_content(message.get("content")) {
            return Err(Error::argument(
                &format!("messages[{i}].content"),
                format!("{why} (strict_turns)"),
            ));
        }
        count += 1;
    }
    if count.is_multiple_of(2) {
        let why =
            format!("expected an odd number of messages, the last of them from user, found {count} (strict_turns)");
        return Err(Error::argument("messages", why));
    }
    Ok(())
}

fn calls_tools(message: Value<'_>) -> bool {
    let calls = message
        .get("tool_calls")
        .is_some_and(|calls| calls.items().next().is_some());
    calls
        || message
            .get("function_call")
            .is_some_and(|call| call.kind() == Kind::Object)
}

fn wrong_turn(index: usize, role: &str) -> Option<String> {
    let due = if index.is_multiple_of(2) { "user" } else { "assistant" };
    match role {
        _ if role == due => None,
        "user" | "assistant" if index == 0 => Some(format!("the first message must be from user, not {role}")),
        "user" | "assistant" => Some(format!("expected {due}, found {role}: user and assistant take turns")),
        _ => {
            let start: String = role.chars().take(40).collect();
            Some(format!(
                "expected {due}, found {start:?}: only user and assistant take turns"
            ))
        }
    }
}

fn no_content(content: Option<Value<'_>>) -> Option<&'static str> {
    let Some(content) = content else { return Some("missing") };
    match content.raw() {
        b"null" => Some("must not be null"),
        b"\"\"" => Some("must not be empty"),
        _ if content.kind() == Kind::Array && content.items().next().is_none() => Some("must not be empty"),
        _ => None,
    }
}

// ---- changing ----

/// What the library changes in a request.
#[derive(Default)]
struct Changes {
    /// The model as JSON, to stand where there is none, null or an empty text.
    model: Option<String>,
    add_model: bool,
    stream: Option<bool>,
    add_stream: bool,
}

impl Changes {
    fn wanted(seen: &Seen<'_>, default_model: Option<&str>, stream: Option<bool>) -> Changes {
        let model = default_model.filter(|_| seen.model.is_none_or(is_blank)).map(quoted);
        Changes {
            add_model: model.is_some() && seen.model.is_none(),
            model,
            // What is not there need not be taken out.
            stream: stream.filter(|set| *set || seen.stream),
            add_stream: stream == Some(true) && !seen.stream,
        }
    }

    fn of_member(&self, key: &Key<'_>, value: Value<'_>) -> Edit<'_> {
        if key.is("stream") {
            return match self.stream {
                Some(true) if value.as_bool() != Some(true) => Edit::Replace("true"),
                Some(false) => Edit::Remove,
                _ => Edit::Keep,
            };
        }
        match &self.model {
            Some(model) if key.is("model") && is_blank(value) => Edit::Replace(model),
            _ => Edit::Keep,
        }
    }

    fn added(&self) -> impl Iterator<Item = (&str, &str)> {
        let model = self
            .model
            .as_deref()
            .filter(|_| self.add_model)
            .map(|model| ("model", model));
        model.into_iter().chain(self.add_stream.then_some(("stream", "true")))
    }

    fn is_nothing(&self) -> bool {
        self.model.is_none() && self.stream.is_none()
    }
}

fn is_blank(model: Value<'_>) -> bool {
    matches!(model.raw(), b"null" | b"\"\"")
}

fn quoted(text: &str) -> String {
    let mut literal = String::with_capacity(text.len() + 2);
    json::quote(text, &mut literal);
    literal
}

fn changed<'a>(text: &'a str, object: Value<'a>, changes: &Changes) -> Result<Cow<'a, str>> {
    if changes.is_nothing() {
        return Ok(Cow::Borrowed(text));
    }
    match edit(object, |key, value| changes.of_member(key, value), changes.added()) {
        Cow::Borrowed(_) => Ok(Cow::Borrowed(text)),
        Cow::Owned(bytes) => String::from_utf8(bytes)
            .map(Cow::Owned)
            .map_err(|error| Error::internal(error.to_string())),
    }
}

/// What becomes of one member of an object.
pub enum Edit<'r> {
    Keep,
    Remove,
    /// Another value, as JSON.
    Replace(&'r str),
}

/// An object with some members changed and others (name and JSON) added at its end. What is kept keeps its bytes, its
/// order, and the white space around it; an object of which everything is kept is not copied.
pub fn edit<'a, 'r, 's>(
    object: Value<'a>,
    mut decide: impl FnMut(&Key<'a>, Value<'a>) -> Edit<'r>,
    added: impl Iterator<Item = (&'s str, &'s str)>,
) -> Cow<'a, [u8]> {
    let text = object.raw();
    let mut copy = Copied {
        text,
        at: 0,
        out: Vec::new(),
    };
    // Where another member would be added: behind the opening brace, or behind the last member that was kept.
    let mut end_of_kept = 1;
    let mut end = 1;
    let mut removed_from = None;
    for (key, value) in object.members() {
        let start = offset_in(key.raw(), text) - 1;
        let value_start = value.offset_in(text);
        end = value_start + value.raw().len();
        let edit = decide(&key, value);
        if let Edit::Remove = edit {
            removed_from.get_or_insert(start);
            continue;
        }
        if let Some(from) = removed_from.take() {
            copy.skip(from, start);
        }
        if let Edit::Replace(json) = edit {
            copy.skip(value_start, end);
            copy.push(json);
        }
        end_of_kept = end;
    }
    if removed_from.is_some() {
        // The comma before the removed members goes with them.
        copy.skip(end_of_kept, end);
    }
    for (i, (name, json)) in added.enumerate() {
        copy.up_to(end_of_kept);
        let comma = if i > 0 || end_of_kept > 1 { "," } else { "" };
        copy.push(&format!("{comma}\"{name}\":{json}"));
    }
    copy.end()
}

/// A text that is copied with changes.
struct Copied<'a> {
    text: &'a [u8],
    /// What lies before is done with. 0: nothing has changed yet.
    at: usize,
    out: Vec<u8>,
}

impl<'a> Copied<'a> {
    fn up_to(&mut self, end: usize) {
        if self.out.is_empty() {
            self.out.reserve(self.text.len() + 64);
        }
        if self.at < end {
            self.out.extend_from_slice(&self.text[self.at..end]);
            self.at = end;
        }
    }

    fn skip(&mut self, from: usize, to: usize) {
        self.up_to(from);
        self.at = to;
    }

    fn push(&mut self, json: &str) {
        self.out.extend_from_slice(json.as_bytes());
    }

    fn end(mut self) -> Cow<'a, [u8]> {
        if self.at == 0 {
            return Cow::Borrowed(self.text);
        }
        self.up_to(self.text.len());
        Cow::Owned(self.out)
    }
}

/// Where a part of a text begins in it.
fn offset_in(part: &[u8], text: &[u8]) -> usize {
    (part.as_ptr() as usize).wrapping_sub(text.as_ptr() as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Status;
    use crate::operation;

    fn entry(name: &str) -> Option<&'static Operation> {
        operation::find(name).unwrap().entry
    }

    fn message(result: Result<Cow<'_, str>>) -> String {
        let error = result.unwrap_err();
        assert_eq!(error.status, Status::InvalidArgument);
        error.message.clone()
    }

    fn refused(request: &str) -> String {
        message(prepare(request, None, None, false))
    }

    #[test]
    fn a_request_that_needs_nothing_is_not_copied() {
        let request = " {\"model\": \"m\" , \"messages\":[{\"role\":\"user\",\"content\":\"1+100=\"}], \"n\":1.0e2}\n";
        for stream in [None, Some(false)] {
            let ready = prepare(request, Some("other"), stream, true).unwrap();
            assert!(matches!(ready, Cow::Borrowed(text) if std::ptr::eq(text, request)));
        }
    }

    #[test]
    fn a_missing_null_or_empty_model_is_filled_when_there_is_a_default() {
        const M: &str = r#""messages":[{"role":"user"}]"#;
        for (given, expected) in [
            (format!("{{{M}}}"), format!("{{{M},\"model\":\"d\\\"1\"}}")),
            (
                format!("{{\"model\" : null , {M} }}"),
                format!("{{\"model\" : \"d\\\"1\" , {M} }}"),
            ),
            (
                format!("{{ {M},\"model\":\"\"}}"),
                format!("{{ {M},\"model\":\"d\\\"1\"}}"),
            ),
            (format!("{{\"model\":\"x\",{M}}}"), format!("{{\"model\":\"x\",{M}}}")),
            (format!("{{\"model\":7,{M}}}"), format!("{{\"model\":7,{M}}}")),
            // The last of several counts, so this one has a model.
            (
                format!("{{\"model\":null,{M},\"model\":\"x\"}}"),
                format!("{{\"model\":null,{M},\"model\":\"x\"}}"),
            ),
        ] {
            assert_eq!(prepare(&given, Some("d\"1"), None, false).unwrap(), expected);
            assert_eq!(prepare(&given, None, None, false).unwrap(), given);
        }
    }

    #[test]
    fn stream_is_set_and_taken_out_without_touching_anything_else() {
        const M: &str = "\"messages\": [ {\"role\":\"user\"} ]";
        for (given, set, unset) in [
            (
                format!("{{{M}}}"),
                format!("{{{M},\"stream\":true}}"),
                format!("{{{M}}}"),
            ),
            (
                format!("{{{M} \n}}"),
                format!("{{{M},\"stream\":true \n}}"),
                format!("{{{M} \n}}"),
            ),
            (
                format!("{{{M},\"stream\":true}}"),
                format!("{{{M},\"stream\":true}}"),
                format!("{{{M}}}"),
            ),
            (
                format!("{{\"stream\" : false , {M}}}"),
                format!("{{\"stream\" : true , {M}}}"),
                format!("{{{M}}}"),
            ),
            (
                format!("{{ \"a\":1e400, \"stream\":null, {M} , \"b\":\"\\u00e9\"}}"),
                format!("{{ \"a\":1e400, \"stream\":true, {M} , \"b\":\"\\u00e9\"}}"),
                format!("{{ \"a\":1e400, {M} , \"b\":\"\\u00e9\"}}"),
            ),
            (
                format!("{{\"stream\":true,{M},\"stream\":0 }}"),
                format!("{{\"stream\":true,{M},\"stream\":true }}"),
                format!("{{{M} }}"),
            ),
            (
                format!("{{{M},\"str\\u0065am\":1}}"),
                format!("{{{M},\"str\\u0065am\":true}}"),
                format!("{{{M}}}"),
            ),
        ] {
            assert_eq!(prepare(&given, None, Some(true), false).unwrap(), set);
            assert_eq!(prepare(&given, None, Some(false), false).unwrap(), unset);
            assert_eq!(prepare(&given, None, None, false).unwrap(), given);
        }
        let both = prepare(
            "{\"stream\":true,\"messages\":[{\"role\":\"a\"}],\"stream\":1}",
            Some("m"),
            Some(false),
            false,
        )
        .unwrap();
        assert_eq!(both, "{\"messages\":[{\"role\":\"a\"}],\"model\":\"m\"}");
    }

    #[test]
    fn what_is_no_json_is_told_with_line_and_column() {
        assert!(refused("{\"messages\":\n [1 2]}").starts_with("request_json: line 2, column 5: expected "));
        assert!(refused("").starts_with("request_json: line 1, column 1: "));
        assert_eq!(refused("[]"), "request_json: expected an object, found an array");
        assert_eq!(refused("\"hello\""), "request_json: expected an object, found a string");
    }

    #[test]
    fn wrong_messages_are_told_with_what_was_found() {
        for (request, expected) in [
            ("{}", "messages: missing: expected an array of messages"),
            (r#"{"messages":"hello"}"#, "messages: expected an array, found a string"),
            (
                r#"{"messages":{"role":"user"}}"#,
                "messages: expected an array, found an object",
            ),
            (r#"{"messages":null}"#, "messages: expected an array, found null"),
            (
                r#"{"messages":[]}"#,
                "messages: expected at least one message, found an empty array",
            ),
            (
                r#"{"messages":["hello"]}"#,
                "messages[0]: expected an object, found a string",
            ),
            (
                r#"{"messages":[{"role":"a"},{"role":"b"},{"content":""}]}"#,
                "messages[2].role: missing",
            ),
            (
                r#"{"messages":[{"role":"a"},{"role":null}]}"#,
                "messages[1].role: expected a string, found null",
            ),
            (
                r#"{"messages":[{"role":"a"}],"messages":1}"#,
                "messages: expected an array, found a number",
            ),
        ] {
            assert_eq!(refused(request), expected, "{request}");
        }
        let error = prepare(r#"{"messages":[{}]}"#, None, None, false).unwrap_err();
        assert_eq!(error.param.as_deref(), Some("messages[0].role"));
    }

    #[test]
    fn strict_turns_has_a_message_for_each_way_to_break_it() {
        let turns = |messages: &str| prepare(&format!("{{\"messages\":[{messages}]}}"), None, None, true).map(|_| ());
        const USER: &str = r#"{"role":"user","content":"a"}"#;
        const ASSISTANT: &str = r#"{"role":"assistant","content":"b"}"#;
        const CALLS: &str = r#"{"role":"assistant","content":null,"tool_calls":[{"id":"c"}]}"#;
        const RESULT: &str = r#"{"role":"tool","tool_call_id":"c","content":""}"#;
        for good in [
            USER.to_owned(),
            [USER, ASSISTANT, USER].join(","),
            r#"{"role":"user","content":[{"type":"text"}]}"#.to_owned(),
            [USER, CALLS, RESULT, RESULT].join(","),
            [USER, CALLS, RESULT, CALLS, RESULT, ASSISTANT, USER].join(","),
            format!(
                r#"{USER},{{"role":"assistant","content":null,"function_call":{{}}}},{{"role":"function","content":"1"}}"#
            ),
        ] {
            assert_eq!(turns(&good), Ok(()), "{good}");
        }
        for (bad, expected) in [
            (
                [USER, ASSISTANT].join(","),
                "messages: expected an odd number of messages, the last of them from user, found 2",
            ),
            (
                [USER, RESULT].join(","),
                "messages[1].role: expected assistant, found \"tool\": only user and assistant take turns",
            ),
            (
                [USER, CALLS, RESULT, USER].join(","),
                "messages[3].role: expected assistant, found user: user and assistant take turns",
            ),
            (
                [CALLS, RESULT].join(","),
                "messages[0].role: the first message must be from user, not assistant",
            ),
            (
                ASSISTANT.to_owned(),
                "messages[0].role: the first message must be from user, not assistant",
            ),
            (
                [USER, USER, USER].join(","),
                "messages[1].role: expected assistant, found user: user and assistant take turns",
            ),
            (
                [USER, ASSISTANT, ASSISTANT].join(","),
                "messages[2].role: expected user, found assistant: user and assistant take turns",
            ),
            (
                format!(r#"{{"role":"system","content":"s"}},{USER}"#),
                "messages[0].role: expected user, found \"system\": only user and assistant take turns",
            ),
            (r#"{"role":"user"}"#.to_owned(), "messages[0].content: missing"),
            (
                r#"{"role":"user","content":null}"#.to_owned(),
                "messages[0].content: must not be null",
            ),
            (
                r#"{"role":"user","content":""}"#.to_owned(),
                "messages[0].content: must not be empty",
            ),
            (
                r#"{"role":"user","content":[ ]}"#.to_owned(),
                "messages[0].content: must not be empty",
            ),
        ] {
            assert_eq!(turns(&bad).unwrap_err().message, format!("{expected} (strict_turns)"));
        }
    }

    #[test]
    fn turns_are_free_unless_the_rule_was_asked_for() {
        for messages in [
            r#"{"role":"system"},{"role":"user","content":""}"#,
            r#"{"role":"assistant"},{"role":"tool"}"#,
        ] {
            let request = format!("{{\"messages\":[{messages}]}}");
            assert_eq!(prepare(&request, None, None, false).unwrap(), request);
        }
    }

    #[test]
    fn other_operations_get_a_model_only_where_the_api_demands_one() {
        for (name, body, expected) in [
            ("embeddings.create", r#"{"input":"a"}"#, r#"{"input":"a","model":"m"}"#),
            (
                "completions.create",
                r#"{"prompt":"a","model":""}"#,
                r#"{"prompt":"a","model":"m"}"#,
            ),
            (
                "responses.create",
                r#"{"stream":true,"input":"a"}"#,
                r#"{"input":"a","model":"m"}"#,
            ),
            (
                "responses.create",
                r#"{"prompt":{"id":"p"}}"#,
                r#"{"prompt":{"id":"p"}}"#,
            ),
            ("images.generate", r#"{"prompt":"a"}"#, r#"{"prompt":"a"}"#),
            ("moderations.create", r#"{"input":"a"}"#, r#"{"input":"a"}"#),
            ("POST /responses", "{}", r#"{"model":"m"}"#),
        ] {
            assert_eq!(adapt(body, entry(name), Some("m"), false).unwrap(), expected, "{name}");
        }
        assert_eq!(
            adapt("{\"stream\":1}", None, Some("m"), true).unwrap(),
            "{\"stream\":1}"
        );
        assert_eq!(
            message(adapt("[]", entry("embeddings.create"), Some("m"), false)),
            "params_json: expected an object, found an array"
        );
    }

    #[test]
    fn other_operations_are_asked_for_a_stream_where_they_have_one() {
        for (name, expected) in [
            ("responses.create", r#"{"a":1,"stream":true}"#),
            ("beta.threads.runs.create", r#"{"a":1,"stream":true}"#),
            ("audio.speech.create", r#"{"a":1}"#),
            ("embeddings.create", r#"{"a":1}"#),
            ("beta.agents.sessions.events.stream", r#"{"a":1}"#),
        ] {
            assert_eq!(
                adapt(r#"{"a":1}"#, entry(name), None, true).unwrap(),
                expected,
                "{name}"
            );
        }
        assert_eq!(
            adapt("{\"stream_format\":\"sse\"}", entry("audio.speech.create"), None, true).unwrap(),
            "{\"stream_format\":\"sse\"}"
        );
    }

    #[test]
    fn forms_get_their_model_and_stream_too() {
        let transcription = entry("audio.transcriptions.create");
        let given = Multipart::from_members(Value::parse(br#"{"language":"zh","stream":false}"#).unwrap());
        let form = adapt_form(&given, transcription, Some("m"), true);
        assert_eq!(
            (form.get("model"), form.get("stream")),
            (Some(&b"m"[..]), Some(&b"true"[..]))
        );
        let form = adapt_form(&given, transcription, None, false);
        assert_eq!(
            (form.get("model"), form.get("stream"), form.get("language")),
            (None, None, Some(&b"zh"[..]))
        );
        let settled = Multipart::from_members(Value::parse(br#"{"model":"x"}"#).unwrap());
        assert!(matches!(
            adapt_form(&settled, transcription, Some("m"), false),
            Cow::Borrowed(_)
        ));
        assert!(matches!(
            adapt_form(&settled, entry("files.create"), Some("m"), true),
            Cow::Borrowed(_)
        ));
    }

    #[test]
    fn a_get_that_streams_is_asked_by_its_query() {
        let retrieve = entry("responses.retrieve");
        for (query, stream, expected) in [
            ("", true, "stream=true"),
            ("starting_after=4", true, "starting_after=4&stream=true"),
            ("stream=false&starting_after=4", true, "starting_after=4&stream=true"),
            ("stream=true&a=b", false, "a=b"),
            ("", false, ""),
        ] {
            assert_eq!(adapt_query(query, retrieve, stream), expected);
        }
        assert_eq!(adapt_query("a=b", entry("models.list"), true), "a=b");
        assert_eq!(adapt_query("a=b", entry("chat.completions.create"), true), "a=b");
    }

    #[test]
    fn whatever_members_go_the_rest_is_the_same_json() {
        let members = [r#""a":1"#, r#""b" : [1, 2]"#, r#""c": {"d":null}"#, r#""e":"\u2028""#];
        for layout in [",", " , ", ",\n\t"] {
            for count in 0..=members.len() {
                let text = format!("{{ {} }}", members[..count].join(layout));
                let object = Value::parse(text.as_bytes()).unwrap();
                for removed in 0..1 << count {
                    for added in 0..3 {
                        check_edit(
                            object,
                            &members[..count],
                            removed,
                            &[("x", "[0]"), ("y", "\"\"")][..added],
                        );
                    }
                }
            }
        }
    }

    fn check_edit(object: Value<'_>, members: &[&str], removed: u32, added: &[(&str, &str)]) {
        let is_removed = |name: &str| {
            members
                .iter()
                .position(|member| member[1..2] == *name)
                .is_some_and(|i| removed >> i & 1 == 1)
        };
        let decide = |key: &Key<'_>, _: Value<'_>| {
            if is_removed(&key.decode()) {
                Edit::Remove
            } else {
                Edit::Keep
            }
        };
        let result = edit(object, decide, added.iter().copied());
        let parsed = Value::parse(&result).unwrap();
        let names: Vec<_> = parsed.members().map(|(key, _)| key.decode()).collect();
        let kept = object
            .members()
            .map(|(key, _)| key.decode())
            .filter(|name| !is_removed(name));
        let expected: Vec<_> = kept.chain(added.iter().map(|(name, _)| Cow::Borrowed(*name))).collect();
        assert_eq!(names, expected, "{parsed:?}");
        for (key, value) in object.members().filter(|(key, _)| !is_removed(&key.decode())) {
            assert_eq!(parsed.get(&key.decode()).unwrap().raw(), value.raw());
        }
        assert_eq!(matches!(result, Cow::Borrowed(_)), removed == 0 && added.is_empty());
    }
}
