//! Looking an operation up, filling its path, and splitting its parameters into path, query and body.
//!
//! The operations are data: `operations/table.tsv`, one line each, in the reading order of the API's reference. The
//! build makes statics of them, so nothing is done at start-up. What is not in the table can be called all the same, as
//! `"METHOD /path"`.
#![forbid(unsafe_code)]

use crate::chat::{Edit, edit};
use crate::error::{Error, Result};
use crate::json::{self, Key, Kind, Value};
use crate::multipart::{Multipart, flatten, leaf_text};
use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

include!(concat!(env!("OUT_DIR"), "/operations.rs"));

/// The media type of session descriptions (RFC 8866).
const SDP: &str = "application/sdp";

/// The longest value of a path parameter.
const LONGEST_IN_PATH: usize = 8 * 1024;

/// An operation of the API.
#[derive(Debug)]
pub struct Operation {
    /// As the official SDKs call it: `chat.completions.create`.
    pub name: Text,
    /// Further names of the SDKs for it.
    pub aliases: Words,
    pub method: Text,
    /// With its parameters in braces. Some have a query of their own.
    pub path: Text,
    /// The parameters that go into the query, whatever the method.
    pub query: Words,
    pub content: Content,
    /// The fields of a form that hold files.
    pub files: Words,
    /// The fields of a form that are no plain text, each with `=` and its media type.
    pub parts: Words,
    /// Whether the answer can be a stream of events.
    pub streaming: bool,
    /// The member that asks for a stream; for a GET it is in the query.
    pub stream: Option<Text>,
    pub answer: Answer,
    /// Whether a good answer can be something else than JSON.
    pub binary: bool,
    /// Whether the API demands a model.
    pub needs_model: bool,
    /// What the service wants to read in the header `OpenAI-Beta`.
    pub beta: Option<Text>,
    pub deprecated: bool,
    /// The published description does not have it yet.
    pub newer: bool,
}

/// A text of the tables, which all stand in one.
#[derive(Clone, Copy)]
pub struct Text {
    at: u16,
    length: u16,
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        let at = usize::from(self.at);
        &TEXTS[at..at + usize::from(self.length)]
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        **self == **other
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

/// Words with commas between them.
#[derive(Clone, Copy, Debug)]
pub struct Words(Text);

impl Words {
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.split(',').filter(|word| !word.is_empty())
    }

    pub fn contains(&self, word: &str) -> bool {
        self.iter().any(|known| known == word)
    }
}

/// What an operation takes beside path and query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    None,
    Json,
    /// multipart/form-data.
    Form,
    /// A form where a file goes along.
    JsonOrForm,
    /// Described as JSON too; the official SDKs send a form in any case.
    FormOrJson,
    /// A form, or an SDP offer alone as the whole body.
    FormOrSdp,
}

/// What a good answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Json,
    /// A file.
    Binary,
    /// JSON or text, as the request or the protocol has it.
    Text,
    /// An empty body.
    Nothing,
}

/// What is to be called.
#[derive(Clone, Debug)]
pub struct Target {
    pub method: Cow<'static, str>,
    /// With its parameters in braces; or an absolute URL.
    pub path: Cow<'static, str>,
    /// What the table knows of it.
    pub entry: Option<&'static Operation>,
}

impl Target {
    /// Whether it names a URL instead of a path of the client's service.
    pub fn is_absolute(&self) -> bool {
        !self.path.starts_with('/')
    }

    fn of(entry: &'static Operation) -> Target {
        Target {
            method: Cow::Borrowed(&entry.method),
            path: Cow::Borrowed(&entry.path),
            entry: Some(entry),
        }
    }

    /// What the caller called it, for messages.
    fn name(&self) -> &str {
        self.entry.map_or(&self.path, |entry| &entry.name)
    }
}

/// Looks up what `"chat.completions.create"` or `"POST /chat/completions"` means.
///
/// # Errors
/// `InvalidArgument`: for a name that there is not, with the nearest that there is; for what is no method or no path.
pub fn find(operation: &str) -> Result<Target> {
    let operation = operation.trim();
    if let Some(entry) = by_name(operation) {
        return Ok(Target::of(entry));
    }
    match operation.split_once(|character: char| character.is_ascii_whitespace()) {
        Some((method, path)) => by_path(method, path.trim_start()),
        None => Err(unknown(operation)),
    }
}

fn by_name(name: &str) -> Option<&'static Operation> {
    let at = NAMES.binary_search_by(|(known, _)| (**known).cmp(name)).ok()?;
    Some(&OPERATIONS[usize::from(NAMES[at].1)])
}

fn by_path(method: &str, path: &str) -> Result<Target> {
    if method.is_empty() || !method.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return Err(Error::argument(
            "operation",
            format!("{:?} is no method", shown(method)),
        ));
    }
    let method = method.to_ascii_uppercase();
    let scheme = |scheme: &str| {
        path.get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    let absolute = scheme("http://") || scheme("https://");
    if !absolute {
        check_path(path)?;
    } else if !path.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Error::argument(
            "operation",
            "the URL holds a character that must be percent-encoded",
        ));
    }
    // Many pages write paths with the "/v1" that the base URL has too; the client drops the second one.
    let known = |path: &str| route(&method, path);
    let entry = if absolute {
        None
    } else {
        known(path).or_else(|| known(path.strip_prefix("/v1")?))
    };
    Ok(Target {
        method: method.into(),
        path: path.to_owned().into(),
        entry,
    })
}

/// A path is fit to be sent when nobody on the way could read another one out of it.
fn check_path(path: &str) -> Result<()> {
    let wrong = |why: &str| Err(Error::argument("operation", format!("{why}, in {:?}", shown(path))));
    if !path.starts_with('/') {
        return wrong("the path must begin with '/'");
    }
    // What comes into the braces is looked at when it comes.
    let text: String = pieces(path)?
        .into_iter()
        .map(|piece| if let Piece::Text(text) = piece { text } else { "x" })
        .collect();
    if let Some(character) = text.chars().find(|character| !stands_in_a_url(*character)) {
        return wrong(&format!("{character:?} must be percent-encoded"));
    }
    if text.split('%').skip(1).any(|rest| !begins_with_hex(rest)) {
        return wrong("'%' must be followed by two hexadecimal digits");
    }
    let before_query = text.split('?').next().unwrap_or_default();
    let decoded = before_query.to_ascii_lowercase().replace("%2e", ".");
    if decoded.split('/').any(is_dots) {
        return wrong("\".\" and \"..\" lead to another path");
    }
    Ok(())
}

fn stands_in_a_url(character: char) -> bool {
    character.is_ascii_graphic() && !r#"\#"<>^`|"#.contains(character)
}

fn begins_with_hex(text: &str) -> bool {
    matches!(text.as_bytes(), [a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit())
}

fn is_dots(segment: &str) -> bool {
    matches!(segment, "." | "..")
}

/// The operation of the table that a method and a path are, be its parameters filled in or not.
fn route(method: &str, path: &str) -> Option<&'static Operation> {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let sought = (method, path.split('/').count());
    let from = ROUTES.partition_point(|(method, segments, _)| (&**method, usize::from(*segments)) < sought);
    let same = ROUTES[from..]
        .iter()
        .take_while(|(method, segments, _)| (&**method, usize::from(*segments)) == sought);
    same.map(|&(_, _, i)| &OPERATIONS[usize::from(i)])
        .find(|operation| is_route(&operation.path, path, query))
}

/// Whether a path with as many segments as the template is one of it.
fn is_route(template: &str, path: &str, query: &str) -> bool {
    let (template, own_query) = template.split_once('?').unwrap_or((template, ""));
    let same = |(known, given): (&str, &str)| known == given || (known.starts_with('{') && !given.is_empty());
    template.split('/').zip(path.split('/')).all(same)
        && (own_query.is_empty() || query.split('&').any(|pair| pair == own_query))
}

/// The start of a text that may be long.
fn shown(text: &str) -> String {
    text.chars().take(80).collect()
}

// ---- the nearest name ----

fn unknown(operation: &str) -> Error {
    if operation.is_empty() {
        return Error::argument("operation", "is empty");
    }
    if operation.starts_with('/') {
        let why = format!("a path needs its method before it, as in \"POST {}\"", shown(operation));
        return Error::argument("operation", why);
    }
    let hint = match nearest(operation) {
        Some(name) => format!("did you mean {name:?}?"),
        None => "kuai_operations() lists them; \"METHOD /path\" calls any other".to_owned(),
    };
    Error::argument(
        "operation",
        format!("there is none called {:?}; {hint}", shown(operation)),
    )
}

fn nearest(name: &str) -> Option<&'static str> {
    // Nothing that long is a slip of the hand.
    if name.len() > 100 {
        return None;
    }
    let name = name.to_ascii_lowercase();
    let (distance, nearest) = NAMES
        .iter()
        .map(|(known, _)| (distance(&name, known), &**known))
        .min()?;
    (distance <= 2.max(name.len() / 3)).then_some(nearest)
}

/// How far a name is from a known one: by slips of the hand, or by the words that were left out.
fn distance(name: &str, known: &str) -> usize {
    let edits = edit_distance(name.as_bytes(), known.as_bytes());
    let mut words = known.split('.');
    if name.contains('.') && name.split('.').all(|word| words.any(|known| known == word)) {
        return edits.min(1 + known.split('.').count() - name.split('.').count());
    }
    edits
}

/// Levenshtein's distance.
fn edit_distance(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

// ---- splitting parameters ----

/// What becomes of an operation's parameters.
pub struct Parts<'a> {
    /// Filled in and percent-encoded. Begins with '/', unless it is the absolute URL that was named.
    pub path: String,
    /// Percent-encoded, without '?'.
    pub query: String,
    /// JSON as it was given, less what went elsewhere.
    pub body: Option<Cow<'a, [u8]>>,
    /// What goes as a body of its own media type instead.
    pub typed: Option<(&'static str, Vec<u8>)>,
    pub form: Option<Multipart>,
}

/// Splits parameters: those that the path names go there, those of the query there, and the rest is the body or a form.
/// Without a body (GET, DELETE, HEAD) the rest is query too.
///
/// # Errors
/// `InvalidArgument` naming the parameter; `Io` for a file that cannot be read.
pub fn split<'a>(target: &Target, params: Option<Value<'a>>) -> Result<Parts<'a>> {
    if let Some(params) = params.filter(|params| params.kind() != Kind::Object) {
        return Err(Error::argument(
            "params_json",
            format!("expected an object, found {}", params.kind().name()),
        ));
    }
    let template = if target.is_absolute() {
        vec![Piece::Text(&target.path)]
    } else {
        pieces(&target.path)?
    };
    let mut path = filled(target, &template, params)?;
    let in_path = |key: &Key<'_>| template.iter().any(|piece| piece.is_parameter(key));
    let has_body = !matches!(&*target.method, "GET" | "DELETE" | "HEAD");
    let in_query =
        |key: &Key<'_>| !in_path(key) && (!has_body || target.entry.is_some_and(|entry| is_query(entry, key)));
    let mut query = query_of(params, in_query);
    if target.is_absolute() && !query.is_empty() {
        path.push(if path.contains('?') { '&' } else { '?' });
        path.push_str(&std::mem::take(&mut query));
    }
    let elsewhere = |key: &Key<'_>| in_path(key) || in_query(key);
    let rest = || members(params).filter(|(key, _)| !elsewhere(key));
    let mut parts = Parts {
        path,
        query,
        body: None,
        typed: None,
        form: None,
    };
    parts.typed = target.entry.and_then(|entry| sdp_alone(entry, rest()));
    match form_of(target.entry, rest()) {
        _ if !has_body || parts.typed.is_some() => {}
        Some(entry) => parts.form = form(entry, rest())?,
        None => parts.body = json_body(target.entry, params, elsewhere),
    }
    Ok(parts)
}

fn members<'a>(params: Option<Value<'a>>) -> impl Iterator<Item = (Key<'a>, Value<'a>)> {
    params.into_iter().flat_map(Value::members)
}

/// A piece of a path template.
enum Piece<'t> {
    Text(&'t str),
    Parameter(&'t str),
}

impl Piece<'_> {
    fn is_parameter(&self, key: &Key<'_>) -> bool {
        matches!(self, Piece::Parameter(name) if key.is(name))
    }
}

fn pieces(template: &str) -> Result<Vec<Piece<'_>>> {
    let broken = || {
        Error::argument(
            "operation",
            format!("a brace without its partner in {:?}", shown(template)),
        )
    };
    let mut pieces = Vec::new();
    let mut rest = template;
    while let Some((text, parameter)) = rest.split_once('{') {
        let (name, after) = parameter.split_once('}').ok_or_else(broken)?;
        if name.is_empty() || name.contains(['{', '/', '?']) || text.contains('}') {
            return Err(broken());
        }
        pieces.extend([Piece::Text(text), Piece::Parameter(name)]);
        rest = after;
    }
    if rest.contains('}') {
        return Err(broken());
    }
    pieces.push(Piece::Text(rest));
    Ok(pieces)
}

fn filled(target: &Target, pieces: &[Piece<'_>], params: Option<Value<'_>>) -> Result<String> {
    let mut path = String::with_capacity(target.path.len() + 32);
    for piece in pieces {
        match piece {
            Piece::Text(text) => path.push_str(text),
            Piece::Parameter(name) => {
                let value = params.and_then(|params| params.get(name));
                let value = value
                    .ok_or_else(|| Error::argument(name, format!("missing: the path of {} needs it", target.name())))?;
                encode_into(&path_text(name, value)?, &mut path);
            }
        }
    }
    Ok(path)
}

/// The text of a path parameter, when it is one segment of a path and stays one in the eyes of everybody on the way.
fn path_text<'a>(name: &str, value: Value<'a>) -> Result<Cow<'a, str>> {
    let wrong = |why: &str| Err(Error::argument(name, why));
    if !matches!(value.kind(), Kind::String | Kind::Number) {
        return wrong(&format!("expected a string, found {}", value.kind().name()));
    }
    let text = leaf_text(value);
    if text.is_empty() {
        return wrong("is empty");
    }
    if text.len() > LONGEST_IN_PATH {
        return wrong(&format!("is longer than {LONGEST_IN_PATH} bytes"));
    }
    if text.contains(char::is_control) {
        return wrong("holds a control character");
    }
    // `org/model` is the name of one model, and goes out as one segment with %2F in it.
    let slashes = name == "model";
    if text.contains('\\') || (!slashes && text.contains('/')) {
        return wrong("holds a slash: an id cannot");
    }
    if text.split('/').any(|segment| segment.is_empty() || is_dots(segment)) {
        return wrong(&format!("{:?} leads to another path", shown(&text)));
    }
    Ok(text)
}

fn is_query(entry: &Operation, key: &Key<'_>) -> bool {
    !entry.query.0.is_empty() && {
        let name = key.decode();
        entry.query.contains(name.strip_suffix("[]").unwrap_or(&name))
    }
}

fn query_of(params: Option<Value<'_>>, goes: impl Fn(&Key<'_>) -> bool) -> String {
    let mut query = String::new();
    for (key, value) in members(params).filter(|(key, _)| goes(key)) {
        flatten(&key.decode(), value, |name, leaf| {
            if !query.is_empty() {
                query.push('&');
            }
            encode_into(name, &mut query);
            query.push('=');
            encode_into(&leaf_text(leaf), &mut query);
        });
    }
    query
}

// ---- the body ----

/// What is left in JSON when `elsewhere` is gone.
///
/// An operation that is known to take no body still sends members that the table does not know of, and nothing where there
/// are none.
fn json_body<'a>(
    entry: Option<&Operation>,
    params: Option<Value<'a>>,
    elsewhere: impl Fn(&Key<'_>) -> bool,
) -> Option<Cow<'a, [u8]>> {
    let wants_json = entry.is_some_and(|entry| matches!(entry.content, Content::Json | Content::JsonOrForm));
    let Some(params) = params else {
        return wants_json.then_some(Cow::Borrowed(b"{}"));
    };
    let keep = |key: &Key<'_>, _: Value<'_>| if elsewhere(key) { Edit::Remove } else { Edit::Keep };
    let body = edit(params, keep, std::iter::empty());
    let has_members = params.members().any(|(key, _)| !elsewhere(&key));
    let as_given = entry.is_none() && matches!(body, Cow::Borrowed(_));
    (has_members || wants_json || as_given).then_some(body)
}

/// An offer of a session with nothing beside it.
fn sdp_alone<'a>(
    entry: &Operation,
    members: impl Iterator<Item = (Key<'a>, Value<'a>)>,
) -> Option<(&'static str, Vec<u8>)> {
    let mut given = members.filter(|(_, value)| !value.is_null());
    let (key, value) = given.next().filter(|_| entry.content == Content::FormOrSdp)?;
    let offer = value.as_str().filter(|_| key.is("sdp"))?;
    given.next().is_none().then(|| (SDP, offer.into_owned().into_bytes()))
}

// ---- forms ----

/// The operation, when these parameters go out as a form.
fn form_of<'a, 'e>(
    entry: Option<&'e Operation>,
    mut members: impl Iterator<Item = (Key<'a>, Value<'a>)>,
) -> Option<&'e Operation> {
    entry.filter(|entry| match entry.content {
        Content::Form | Content::FormOrJson | Content::FormOrSdp => true,
        Content::JsonOrForm => members.any(|(key, value)| is_file_field(entry, &key) && has_file(value)),
        Content::None | Content::Json => false,
    })
}

fn form<'a>(entry: &Operation, members: impl Iterator<Item = (Key<'a>, Value<'a>)>) -> Result<Option<Multipart>> {
    let mut form = Multipart::default();
    for (key, value) in members {
        let name = key.decode();
        if is_file_field(entry, &key) {
            add_files(&mut form, entry, &name, value)?;
        } else if let Some(content_type) = part_type(entry, &name) {
            form.typed_field(&name, content_type, value);
        } else {
            form.field(&name, value);
        }
    }
    // A form of nothing is none: files, or a body of the program's own, may still be added.
    Ok(Some(form).filter(|form| !form.is_empty()))
}

fn part_type<'e>(entry: &'e Operation, name: &str) -> Option<&'e str> {
    let mut parts = entry.parts.iter().filter_map(|part| part.split_once('='));
    parts
        .find(|(part, _)| *part == name)
        .map(|(_, content_type)| content_type)
}

fn is_file_field(entry: &Operation, key: &Key<'_>) -> bool {
    entry.files.iter().any(|name| key.is(name))
}

fn has_file(value: Value<'_>) -> bool {
    is_file(value) || value.items().any(is_file)
}

fn is_file(value: Value<'_>) -> bool {
    value.get("path").is_some()
}

fn add_files(form: &mut Multipart, entry: &Operation, name: &str, value: Value<'_>) -> Result<()> {
    if value.kind() != Kind::Array {
        return add_file(form, entry, name, value);
    }
    let name = format!("{name}[]");
    value.items().try_for_each(|item| add_file(form, entry, &name, item))
}

fn add_file(form: &mut Multipart, entry: &Operation, name: &str, value: Value<'_>) -> Result<()> {
    if is_file(value) {
        return FileParam::of(name, value)?.add_to(form, name);
    }
    if entry.content == Content::Form && !value.is_null() {
        let found = value.kind().name();
        let why = format!("expected a file, as in {{\"path\":\"a.wav\"}}, found {found}");
        return Err(Error::argument(name, why));
    }
    form.field(name, value);
    Ok(())
}

/// A file in the parameters: `{"path":"a.wav"}`.
#[derive(Default)]
struct FileParam<'a> {
    path: Cow<'a, str>,
    filename: Option<Cow<'a, str>>,
    content_type: Option<Cow<'a, str>>,
}

impl<'a> FileParam<'a> {
    fn of(field: &str, value: Value<'a>) -> Result<FileParam<'a>> {
        let mut file = FileParam::default();
        for (key, value) in value.members() {
            let name = key.decode();
            let wrong = |why: &str| Error::argument(&format!("{field}.{name}"), why);
            let text = value
                .as_str()
                .ok_or_else(|| wrong(&format!("expected a string, found {}", value.kind().name())));
            match &*name {
                "filename" | "content_type" if value.is_null() => {}
                "path" => file.path = text?,
                "filename" => file.filename = Some(text?),
                "content_type" => file.content_type = Some(text?),
                _ => return Err(wrong("a file has path, filename and content_type")),
            }
        }
        if file
            .content_type
            .as_deref()
            .is_some_and(|text| text.is_empty() || text.bytes().any(|byte| !matches!(byte, b' '..=b'~')))
        {
            return Err(Error::argument(&format!("{field}.content_type"), "is no media type"));
        }
        Ok(file)
    }

    fn add_to(&self, form: &mut Multipart, field: &str) -> Result<()> {
        form.file_path(
            field,
            &self.path,
            self.filename.as_deref(),
            self.content_type.as_deref(),
        )
    }
}

// ---- percent-encoding ----

/// A text as one segment of a path, or as a name or value of a query (RFC 3986).
pub fn encode_segment(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    encode_into(text, &mut out);
    out
}

fn encode_into(text: &str, out: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        match byte {
            // The colon is no unreserved character, but names of fine-tuned models are full of it, and it may stand in
            // path and query.
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b':' => out.push(char::from(byte)),
            _ => {
                out.push('%');
                out.push(char::from(HEX[usize::from(byte >> 4)]));
                out.push(char::from(HEX[usize::from(byte & 15)]));
            }
        }
    }
}

// ---- the list ----

/// Every operation as JSON, in the order of the table. `name`, `method` and `path` are always there, the rest where
/// there is something to say.
pub fn list_json() -> String {
    let mut out = String::with_capacity(OPERATIONS.len() * 192);
    for operation in &OPERATIONS {
        out.push_str(if out.is_empty() { "[" } else { ",\n" });
        operation.describe(&mut out);
    }
    out.push(']');
    out
}

impl Operation {
    fn describe(&self, out: &mut String) {
        let member = |out: &mut String, name: &str, value: &str| {
            out.push_str(if out.ends_with('{') { "\"" } else { ",\"" });
            out.push_str(name);
            out.push_str("\":");
            out.push_str(value);
        };
        let text = |text: &str| {
            let mut literal = String::new();
            json::quote(text, &mut literal);
            literal
        };
        let list = |words: &str| format!("[{}]", words.split(',').map(text).collect::<Vec<_>>().join(","));
        out.push('{');
        member(out, "name", &text(&self.name));
        member(out, "method", &text(&self.method));
        member(out, "path", &text(&self.path));
        for (name, words) in [
            ("aliases", &*self.aliases.0),
            ("query", &self.query.0),
            ("content", self.content.names()),
            ("files", &self.files.0),
        ] {
            if !words.is_empty() {
                member(out, name, &list(words));
            }
        }
        for (name, word) in [
            ("stream", self.stream.as_deref()),
            ("answer", self.answer.name()),
            ("beta", self.beta.as_deref()),
        ] {
            if let Some(word) = word {
                member(out, name, &text(word));
            }
        }
        for (name, flag) in [
            ("streaming", self.streaming),
            ("deprecated", self.deprecated),
            ("newer", self.newer),
        ] {
            if flag {
                member(out, name, "true");
            }
        }
        out.push('}');
    }
}

impl Content {
    /// The media types, with commas between them.
    fn names(self) -> &'static str {
        match self {
            Content::None => "",
            Content::Json => "application/json",
            Content::Form => "multipart/form-data",
            Content::JsonOrForm => "application/json,multipart/form-data",
            Content::FormOrJson => "multipart/form-data,application/json",
            Content::FormOrSdp => "multipart/form-data,application/sdp",
        }
    }
}

impl Answer {
    /// JSON goes without saying.
    fn name(self) -> Option<&'static str> {
        match self {
            Answer::Json => None,
            Answer::Binary => Some("binary"),
            Answer::Text => Some("text"),
            Answer::Nothing => Some("none"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Status;
    use std::collections::HashSet;

    fn value(text: &str) -> Value<'_> {
        Value::parse(text.as_bytes()).unwrap()
    }

    fn parts<'a>(operation: &str, params: &'a str) -> Parts<'a> {
        split(&find(operation).unwrap(), Some(value(params))).unwrap()
    }

    fn refused(operation: &str, params: &str) -> String {
        let error = split(&find(operation).unwrap(), Some(value(params)))
            .err()
            .expect(params);
        assert_eq!(error.status, Status::InvalidArgument);
        error.message.clone()
    }

    fn unfound(operation: &str) -> String {
        let error = find(operation).expect_err(operation);
        assert_eq!(
            (error.status, error.param.as_deref()),
            (Status::InvalidArgument, Some("operation"))
        );
        error.message.clone()
    }

    fn body<'p>(parts: &'p Parts<'_>) -> Option<&'p str> {
        parts.body.as_deref().map(|body| std::str::from_utf8(body).unwrap())
    }

    fn text_of(form: &Multipart) -> String {
        let mut out = String::new();
        std::io::Read::read_to_string(&mut form.reader().unwrap(), &mut out).unwrap();
        out
    }

    /// Sebastiano Vigna's SplitMix64.
    struct Random(u64);

    impl Random {
        fn below(&mut self, bound: usize) -> usize {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut x = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((x ^ (x >> 31)) % bound as u64) as usize
        }
    }

    // ---- the table ----

    #[test]
    fn the_table_has_every_operation_of_the_description() {
        let newer = OPERATIONS.iter().filter(|operation| operation.newer).count();
        println!(
            "{} operations, {newer} of them newer than the description",
            OPERATIONS.len()
        );
        assert_eq!(OPERATIONS.len() - newer, 288);
        assert_eq!(OPERATIONS[0].name, "chat.completions.create");
        assert_eq!(
            OPERATIONS
                .iter()
                .filter(|operation| operation.path.ends_with("?beta=true"))
                .count(),
            7
        );
    }

    #[test]
    fn what_a_newer_description_has_and_we_lack_is_told() {
        let known: HashSet<String> = OPERATIONS
            .iter()
            .map(|operation| format!("{} {}", operation.method, operation.path))
            .collect();
        let newest = include_str!("operations/newer.txt");
        let lacking: Vec<&str> = newest.lines().filter(|line| !known.contains(*line)).collect();
        println!(
            "of {} newer operations the table lacks {}: {lacking:#?}",
            newest.lines().count(),
            lacking.len()
        );
        assert!(lacking.is_empty());
    }

    #[test]
    fn every_operation_is_found_by_its_names_and_its_path() {
        for operation in &OPERATIONS {
            for name in std::iter::once(&*operation.name).chain(operation.aliases.iter()) {
                assert!(std::ptr::eq(find(name).unwrap().entry.unwrap(), operation), "{name}");
            }
            let target = find(&format!("{} {}", operation.method, operation.path)).unwrap();
            assert!(std::ptr::eq(target.entry.unwrap(), operation), "{}", operation.name);
            assert_eq!((&*target.method, &*target.path), (&*operation.method, &*operation.path));
        }
    }

    #[test]
    fn every_operation_is_found_by_its_path_with_ids_in_it() {
        for operation in &OPERATIONS {
            let params = params_for(operation, |name| format!("{name}-1"));
            let filled = split(&Target::of(operation), Some(value(&params))).unwrap().path;
            let target = find(&format!("{} {filled}", operation.method)).unwrap();
            assert_eq!(target.entry.unwrap().name, &*operation.name, "{filled}");
            assert_eq!(target.path, filled);
        }
    }

    #[test]
    fn an_offer_of_a_session_alone_is_the_whole_body() {
        for params in [r#"{"sdp":"v=0\r\n"}"#, r#"{"session":null,"sdp":"v=0\r\n"}"#] {
            let parts = parts("realtime.calls.create", params);
            assert_eq!(parts.typed, Some(("application/sdp", b"v=0\r\n".to_vec())), "{params}");
            assert!(parts.form.is_none() && parts.body.is_none());
        }
        for params in [r#"{"sdp":"v","session":{}}"#, r#"{"session":{}}"#, r#"{"sdp":1}"#] {
            let parts = parts("realtime.calls.create", params);
            assert!(parts.typed.is_none() && parts.form.is_some(), "{params}");
        }
    }

    #[test]
    fn groups_stay_together() {
        let mut seen = HashSet::new();
        let mut last = "";
        for operation in &OPERATIONS {
            let group = operation.name.split('.').next().unwrap();
            assert!(group == last || seen.insert(group), "{}", operation.name);
            last = group;
        }
    }

    #[test]
    fn the_list_is_json_with_every_operation() {
        let list = list_json();
        let list: serde_json::Value = serde_json::from_str(&list).unwrap();
        let list = list.as_array().unwrap();
        assert_eq!(list.len(), OPERATIONS.len());
        for (described, operation) in list.iter().zip(&OPERATIONS) {
            assert_eq!(described["name"], *operation.name);
            assert_eq!(described["method"], *operation.method);
            assert_eq!(described["path"], *operation.path);
        }
        let named = |name: &str| list.iter().find(|described| described["name"] == name).unwrap().clone();
        assert_eq!(
            named("audio.transcriptions.create"),
            serde_json::json!({
                "name": "audio.transcriptions.create", "method": "POST", "path": "/audio/transcriptions",
                "content": ["multipart/form-data"], "files": ["file"], "stream": "stream", "answer": "text",
                "streaming": true,
            })
        );
        assert_eq!(
            named("files.content")["aliases"],
            serde_json::json!(["files.retrieve_content"])
        );
        assert_eq!(named("beta.threads.create")["beta"], "assistants=v2");
    }

    // ---- looking up ----

    #[test]
    fn any_path_can_be_called() {
        for (operation, method, path, entry) in [
            (
                "POST /dashboard/billing/credit_grants",
                "POST",
                "/dashboard/billing/credit_grants",
                None,
            ),
            ("get /models", "GET", "/models", Some("models.list")),
            ("  GET   /models ", "GET", "/models", Some("models.list")),
            ("PATCH /models", "PATCH", "/models", None),
            ("GET /models?limit=3", "GET", "/models?limit=3", Some("models.list")),
            (
                "GET /files/{id}/content",
                "GET",
                "/files/{id}/content",
                Some("files.content"),
            ),
            (
                "GET /files/file-1/content",
                "GET",
                "/files/file-1/content",
                Some("files.content"),
            ),
            ("GET /files//content", "GET", "/files//content", None),
            (
                "POST /responses/compact",
                "POST",
                "/responses/compact",
                Some("responses.compact"),
            ),
            (
                "GET /responses/r1?beta=true",
                "GET",
                "/responses/r1?beta=true",
                Some("beta.responses.retrieve"),
            ),
            (
                "GET /responses/r1?a=b&beta=true",
                "GET",
                "/responses/r1?a=b&beta=true",
                Some("beta.responses.retrieve"),
            ),
            (
                "GET /responses/r1?beta=false",
                "GET",
                "/responses/r1?beta=false",
                Some("responses.retrieve"),
            ),
            (
                "GET /videos/characters/c1",
                "GET",
                "/videos/characters/c1",
                Some("videos.get_character"),
            ),
            ("GET /a%20b/%e4%bd%a0", "GET", "/a%20b/%e4%bd%a0", None),
            ("GET http://h:1/a?b=c", "GET", "http://h:1/a?b=c", None),
            ("PURGE HTTPS://h/{x}", "PURGE", "HTTPS://h/{x}", None),
        ] {
            let target = find(operation).unwrap();
            assert_eq!(
                (&*target.method, &*target.path, target.entry.map(|entry| &*entry.name)),
                (method, path, entry),
                "{operation}"
            );
            assert_eq!(target.is_absolute(), !path.starts_with('/'));
        }
    }

    #[test]
    fn what_is_no_operation_is_refused_with_the_reason() {
        for (operation, expected) in [
            ("", "is empty"),
            ("/models", "a path needs its method before it, as in \"POST /models\""),
            ("GET models", "the path must begin with '/'"),
            ("GET ", "there is none called \"GET\""),
            ("G3T /models", "\"G3T\" is no method"),
            ("GET: /models", "\"GET:\" is no method"),
            ("GET /a b", "' ' must be percent-encoded"),
            ("GET /a#b", "'#' must be percent-encoded"),
            ("GET /a\\b", "must be percent-encoded"),
            ("GET /你", "'你' must be percent-encoded"),
            ("GET /a\r\nX: y", "must be percent-encoded"),
            ("GET /a/../b", "lead to another path"),
            ("GET /a/.", "lead to another path"),
            ("GET /a/%2e%2E/b", "lead to another path"),
            ("GET /a/.%2e?b", "lead to another path"),
            ("GET /100%", "'%' must be followed by two hexadecimal digits"),
            ("GET /%zz", "'%' must be followed by two hexadecimal digits"),
            ("GET /{a", "a brace without its partner"),
            ("GET /a}", "a brace without its partner"),
            ("GET /{}", "a brace without its partner"),
            ("GET /{a/b}", "a brace without its partner"),
            (
                "GET http://h/a b",
                "the URL holds a character that must be percent-encoded",
            ),
            ("GET ftp://h/", "the path must begin with '/'"),
        ] {
            let message = unfound(operation);
            assert!(
                message.starts_with("operation: ") && message.contains(expected),
                "{operation:?}: {message}"
            );
        }
    }

    #[test]
    fn a_wrong_name_suggests_the_nearest() {
        for (name, expected) in [
            ("chat.completion.create", "chat.completions.create"),
            ("ChatCompletion.create", "chat.completions.create"),
            ("chat.create", "chat.completions.create"),
            ("Chat.Completions.Create", "chat.completions.create"),
            ("assistants.create", "beta.assistants.create"),
            ("threads.messages.list", "beta.threads.messages.list"),
            ("embedings.create", "embeddings.create"),
            ("vector_store.files.retrieve", "vector_stores.files.retrieve"),
            ("files.retrive_content", "files.retrieve_content"),
        ] {
            assert_eq!(
                unfound(name),
                format!("operation: there is none called {name:?}; did you mean {expected:?}?")
            );
        }
        assert!(unfound("xyzzy").ends_with("kuai_operations() lists them; \"METHOD /path\" calls any other"));
        assert!(unfound(&"chat.".repeat(100_000)).len() < 300);
    }

    // ---- the path ----

    #[test]
    fn path_parameters_go_into_the_path_and_nowhere_else() {
        let parts = parts(
            "vector_stores.files.update",
            r#"{"attributes": {"a":1.0}, "file_id":"f-1","vector_store_id":12345678901234567890 , "x":null}"#,
        );
        assert_eq!(parts.path, "/vector_stores/12345678901234567890/files/f-1");
        assert_eq!(parts.query, "");
        assert_eq!(body(&parts), Some(r#"{"attributes": {"a":1.0}, "x":null}"#));
    }

    #[test]
    fn the_same_works_for_any_path() {
        let parts = parts(
            "POST /any/{id}/of/{other}?v={v}",
            r#"{"id":"a b","other":"?x#%","b":[],"v":"1&2=3"}"#,
        );
        assert_eq!(parts.path, "/any/a%20b/of/%3Fx%23%25?v=1%262%3D3");
        assert_eq!(body(&parts), Some(r#"{"b":[]}"#));
    }

    #[test]
    fn text_in_a_path_is_percent_encoded() {
        for (id, expected) in [
            ("file-1_a.b~C", "file-1_a.b~C"),
            ("ft:gpt-4o:org::id", "ft:gpt-4o:org::id"),
            ("?x=y&z", "%3Fx%3Dy%26z"),
            ("%2e%2e", "%252e%252e"),
            ("a%2Fb", "a%252Fb"),
            ("..;a", "..%3Ba"),
            ("...", "..."),
            ("你好", "%E4%BD%A0%E5%A5%BD"),
            ("a+b@c", "a%2Bb%40c"),
        ] {
            let mut params = String::from("{\"file_id\":");
            json::quote(id, &mut params);
            params.push('}');
            assert_eq!(parts("files.retrieve", &params).path, format!("/files/{expected}"));
        }
        assert_eq!(
            parts("models.retrieve", r#"{"model":"org/model-7b"}"#).path,
            "/models/org%2Fmodel-7b"
        );
        assert_eq!(
            parts("DELETE /models/{model}", r#"{"model":"org\/m"}"#).path,
            "/models/org%2Fm"
        );
    }

    #[test]
    fn what_cannot_be_one_segment_of_a_path_is_refused_by_its_name() {
        for (file_id, expected) in [
            (r#""""#, "is empty"),
            (r#"".""#, "leads to another path"),
            (r#""..""#, "leads to another path"),
            (r#""a/b""#, "holds a slash: an id cannot"),
            (r#""/""#, "holds a slash: an id cannot"),
            (r#""a\\b""#, "holds a slash: an id cannot"),
            (r#""a\u0000""#, "holds a control character"),
            (r#""a\r\nHost: b""#, "holds a control character"),
            (r#""\u0085""#, "holds a control character"),
            ("null", "expected a string, found null"),
            ("true", "expected a string, found a boolean"),
            (r#"["a"]"#, "expected a string, found an array"),
            (r#"{"path":"a"}"#, "expected a string, found an object"),
        ] {
            let message = refused("files.retrieve", &format!("{{\"file_id\":{file_id}}}"));
            assert!(
                message.starts_with("file_id: ") && message.contains(expected),
                "{file_id}: {message}"
            );
        }
        assert_eq!(
            refused("files.content", "{}"),
            "file_id: missing: the path of files.content needs it"
        );
        assert_eq!(refused("POST /a/{b}", "{}"), "b: missing: the path of /a/{b} needs it");
        let error = split(&find("files.retrieve").unwrap(), None).err().unwrap();
        assert_eq!(error.param.as_deref(), Some("file_id"));
        let long = |length: usize| format!("{{\"file_id\":\"{}\"}}", "a".repeat(length));
        assert_eq!(parts("files.retrieve", &long(8192)).path.len(), 7 + 8192);
        for length in [8193, 1 << 20] {
            assert_eq!(
                refused("files.retrieve", &long(length)),
                "file_id: is longer than 8192 bytes"
            );
        }
        for model in ["../files", "a/..", "a/./b", "a//b", "/a", "a/", ".."] {
            let message = refused("models.retrieve", &format!("{{\"model\":\"{model}\"}}"));
            assert!(message.contains("leads to another path"), "{message}");
        }
    }

    /// Parameters that fill an operation's path.
    fn params_for(operation: &Operation, mut fill: impl FnMut(&str) -> String) -> String {
        let mut params = String::from("{");
        for piece in pieces(&operation.path).unwrap() {
            if let Piece::Parameter(name) = piece {
                params.push_str(if params.len() > 1 { ",\"" } else { "\"" });
                params.push_str(&format!("{name}\":"));
                json::quote(&fill(name), &mut params);
            }
        }
        params + "}"
    }

    #[test]
    fn no_value_whatsoever_leads_to_another_path() {
        const SCRAPS: [&str; 24] = [
            "/", "\\", ".", "..", "%", "%2e", "%2F", "?", "#", "&", "=", " ", ";", ":", "@", "a", "0", "{", "}",
            "\r\n", "\0", "你", "\u{2028}", "//",
        ];
        let mut random = Random(1);
        let (mut sent, mut refused) = (0, 0);
        for _ in 0..100 {
            for operation in &OPERATIONS {
                let params = params_for(operation, |_| {
                    (0..random.below(5))
                        .map(|_| SCRAPS[random.below(SCRAPS.len())])
                        .collect()
                });
                let Ok(parts) = split(&Target::of(operation), Some(value(&params))) else {
                    refused += 1;
                    continue;
                };
                sent += 1;
                let path = parts.path.split('?').next().unwrap();
                let template = operation.path.split('?').next().unwrap();
                assert_eq!(path.split('/').count(), template.split('/').count(), "{params}: {path}");
                assert!(
                    !path.split('/').any(is_dots) && !path.contains(['#', '\\', ' ', ';']) && path.is_ascii(),
                    "{params}: {path}"
                );
                assert_eq!(parts.path.matches('?').count(), operation.path.matches('?').count());
                assert!(check_path(&parts.path).is_ok(), "{path}");
            }
        }
        assert!(sent > 1000 && refused > 1000, "{sent} {refused}");
    }

    // ---- the query ----

    #[test]
    fn without_a_body_the_rest_is_the_query() {
        for (operation, params, path, query) in [
            (
                "files.list",
                r#"{"purpose":"a b&c","limit":20,"x":true,"y":null,"é":"ü"}"#,
                "/files",
                "purpose=a%20b%26c&limit=20&x=true&%C3%A9=%C3%BC",
            ),
            (
                "files.delete",
                r#"{"file_id":"f","force":false}"#,
                "/files/f",
                "force=false",
            ),
            ("GET /any/{id}?v=1", r#"{"id":1,"a":"b"}"#, "/any/1?v=1", "a=b"),
            ("HEAD /x", r#"{"a":1e2}"#, "/x", "a=1e2"),
            (
                "beta.responses.retrieve",
                r#"{"response_id":"r","include":["a","b"]}"#,
                "/responses/r?beta=true",
                "include%5B%5D=a&include%5B%5D=b",
            ),
            (
                "GET /x",
                r#"{"a":[1,[2],{"b":[true]}],"c":{"d":{"e":"f"}},"g":[],"h":{},"i[]":[3]}"#,
                "/x",
                "a%5B%5D=1&a%5B%5D%5B%5D=2&a%5B%5D%5Bb%5D%5B%5D=true&c%5Bd%5D%5Be%5D=f&i%5B%5D=3",
            ),
            ("GET https://h/x", r#"{"a":"b"}"#, "https://h/x?a=b", ""),
            ("GET https://h/x?y", r#"{"a":"b"}"#, "https://h/x?y&a=b", ""),
        ] {
            let parts = parts(operation, params);
            assert_eq!((&*parts.path, &*parts.query), (path, query), "{operation}");
            assert!(parts.body.is_none() && parts.form.is_none());
        }
    }

    #[test]
    fn with_a_body_only_the_declared_parameters_are_the_query() {
        for include in ["include", "include[]"] {
            let params = format!(r#"{{"thread_id":"t","{include}":["step_details"],"assistant_id":"a"}}"#);
            let parts = parts("beta.threads.runs.create", &params);
            assert_eq!(parts.path, "/threads/t/runs");
            assert_eq!(parts.query, "include%5B%5D=step_details");
            assert_eq!(body(&parts), Some(r#"{"assistant_id":"a"}"#));
        }
        let parts = parts("chat.completions.create", r#"{"include":["x"]}"#);
        assert_eq!((&*parts.query, body(&parts)), ("", Some(r#"{"include":["x"]}"#)));
    }

    // ---- the body ----

    #[test]
    fn a_body_of_which_nothing_was_taken_is_not_copied() {
        let params = "{ \"a\" :1.10,\"b\":\"\\u00e9\",\"a\":12345678901234567890123 }";
        for operation in [
            "chat.completions.create",
            "POST /x",
            "PUT /responses",
            "PURGE https://h/",
        ] {
            let parts = parts(operation, params);
            assert!(
                matches!(parts.body, Some(Cow::Borrowed(body)) if std::ptr::eq(body, params.as_bytes())),
                "{operation}"
            );
        }
    }

    #[test]
    fn what_is_taken_leaves_the_rest_as_it_was() {
        for (params, expected) in [
            (r#"{"file_id":"f", "a" : 1e400 }"#, r#"{"a" : 1e400 }"#),
            (r#"{"a":1,"file_id":"f"}"#, r#"{"a":1}"#),
            (
                r#"{"file_id":"e","a":[1, 2],"b":{"file_id":"kept"},"file_\u0069d":"f"}"#,
                r#"{"a":[1, 2],"b":{"file_id":"kept"}}"#,
            ),
            (
                "{\n  \"a\": 1,\n  \"file_id\": \"f\",\n  \"a\": 2\n}",
                "{\n  \"a\": 1,\n  \"a\": 2\n}",
            ),
        ] {
            let parts = parts("POST /x/{file_id}", params);
            assert_eq!((&*parts.path, body(&parts)), ("/x/f", Some(expected)));
        }
    }

    #[test]
    fn an_empty_body_is_sent_only_where_json_is_expected() {
        let none = |operation: &str| {
            split(&find(operation).unwrap(), None)
                .unwrap()
                .body
                .map(Cow::into_owned)
        };
        assert_eq!(none("beta.threads.create"), Some(b"{}".to_vec()));
        assert_eq!(none("POST /x"), None);
        assert_eq!(none("models.list"), None);
        for (operation, params, expected) in [
            ("batches.cancel", r#"{"batch_id":"b"}"#, None),
            ("batches.cancel", r#"{"batch_id":"b","x":1}"#, Some(r#"{"x":1}"#)),
            ("beta.threads.update", r#"{"thread_id":"t"}"#, Some("{}")),
            ("POST /x", "{}", Some("{}")),
            ("POST /x/{y}", r#"{"y":1}"#, None),
            ("GET /x", "{}", None),
        ] {
            assert_eq!(body(&parts(operation, params)), expected, "{operation} {params}");
        }
    }

    #[test]
    fn params_that_are_no_object_are_refused_with_what_was_found() {
        for (params, found) in [
            ("[]", "an array"),
            ("\"a\"", "a string"),
            ("1", "a number"),
            ("null", "null"),
            ("true", "a boolean"),
        ] {
            for operation in ["chat.completions.create", "models.list", "GET https://h/"] {
                assert_eq!(
                    refused(operation, params),
                    format!("params_json: expected an object, found {found}")
                );
            }
        }
    }

    // ---- forms ----

    #[test]
    fn files_are_not_looked_for_deeper_than_they_can_be() {
        let deep = format!("{{\"file\":{}1{}}}", "[".repeat(1000), "]".repeat(1000));
        assert!(refused("files.create", &deep).ends_with("found an array"));
    }

    /// Some file that is there.
    fn a_file() -> String {
        let mut path = String::new();
        json::quote(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"), &mut path);
        path
    }

    #[test]
    fn one_call_sends_a_file_from_a_path() {
        let params = format!(
            r#"{{"file":{{"path":{}}},"model":"whisper-1","timestamp_granularities":["word"],"temperature":0.50}}"#,
            a_file()
        );
        let parts = parts("audio.transcriptions.create", &params);
        assert!(parts.body.is_none());
        let text = text_of(&parts.form.unwrap());
        for expected in [
            "name=\"model\"\r\n\r\nwhisper-1\r\n",
            "name=\"timestamp_granularities[]\"\r\n\r\nword\r\n",
            "name=\"temperature\"\r\n\r\n0.50\r\n",
            "name=\"file\"; filename=\"Cargo.toml\"\r\nContent-Type: ",
            "[package]",
        ] {
            assert!(text.contains(expected), "{expected}: {text}");
        }
    }

    #[test]
    fn a_file_takes_a_name_and_a_type() {
        let params = format!(
            r#"{{"upload_id":"u","data":{{"path":{},"filename":"部分\".bin","content_type":"a/b","filename":"x\"y"}}}}"#,
            a_file()
        );
        let parts = parts("uploads.parts.create", &params);
        assert_eq!(parts.path, "/uploads/u/parts");
        assert!(
            text_of(&parts.form.unwrap()).contains("name=\"data\"; filename=\"x%22y\"\r\nContent-Type: a/b\r\n\r\n")
        );
    }

    #[test]
    fn several_files_share_a_field() {
        let params = format!(
            r#"{{"image":[{{"path":{0}}},{{"path":{0}}}],"mask":{{"path":{0}}},"prompt":"p"}}"#,
            a_file()
        );
        let text = text_of(&parts("images.edit", &params).form.unwrap());
        assert_eq!(text.matches("name=\"image[]\"; filename=").count(), 2);
        assert_eq!(text.matches("name=\"mask\"; filename=").count(), 1);
    }

    #[test]
    fn what_goes_as_json_or_as_a_form_goes_as_json_unless_there_is_a_file() {
        let json = r#"{"image":["https://example.com/a.png"],"prompt":"p"}"#;
        let plain = parts("images.edit", json);
        assert!(plain.form.is_none());
        assert_eq!(body(&plain), Some(json));
        let params = format!(r#"{{"image":{{"path":{}}},"prompt":"p"}}"#, a_file());
        assert!(parts("images.edit", &params).form.is_some());
        let params = format!(r#"{{"files":[{{"path":{}}}]}}"#, a_file());
        assert!(parts("skills.create", &params).form.is_some());
        assert!(parts("POST /images/edits", &params).form.is_none());
        assert!(
            parts("embeddings.create", &params.replace("files", "file"))
                .form
                .is_none()
        );
    }

    #[test]
    fn where_the_official_sdks_always_send_a_form_it_takes_what_is_no_file() {
        let form = parts("videos.edit", r#"{"video":{"id":"video_1"},"prompt":"p"}"#)
            .form
            .unwrap();
        assert!(text_of(&form).contains("name=\"video[id]\"\r\n\r\nvideo_1\r\n"));
    }

    #[test]
    fn a_form_goes_without_a_file_too_and_an_empty_one_not_at_all() {
        assert!(parts("audio.transcriptions.create", r#"{"model":"m"}"#).form.is_some());
        let empty = parts("uploads.parts.create", r#"{"upload_id":"u"}"#);
        assert!(empty.form.is_none() && empty.body.is_none());
    }

    #[test]
    fn parts_that_are_no_plain_text_say_so() {
        let parts = parts(
            "realtime.calls.create",
            r#"{"sdp":"v=0\r\n","session":{"type":"realtime", "n":1.0}}"#,
        );
        let text = text_of(&parts.form.unwrap());
        assert!(
            text.contains("name=\"sdp\"\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n\r\n"),
            "{text}"
        );
        assert!(
            text.contains(
                "name=\"session\"\r\nContent-Type: application/json\r\n\r\n{\"type\":\"realtime\", \"n\":1.0}\r\n"
            ),
            "{text}"
        );
    }

    #[test]
    fn a_wrong_file_is_refused_by_its_name() {
        for (file, expected) in [
            (
                r#""a.wav""#,
                "file: expected a file, as in {\"path\":\"a.wav\"}, found a string",
            ),
            (
                "{}",
                "file: expected a file, as in {\"path\":\"a.wav\"}, found an object",
            ),
            (r#"{"path":1}"#, "file.path: expected a string, found a number"),
            (
                r#"{"path":"a","file_name":"b"}"#,
                "file.file_name: a file has path, filename and content_type",
            ),
            (
                r#"{"path":"a","filename":[]}"#,
                "file.filename: expected a string, found an array",
            ),
            (
                r#"{"path":"a","content_type":"a/b\r\nX: y"}"#,
                "file.content_type: is no media type",
            ),
            (
                r#"{"path":"a","content_type":""}"#,
                "file.content_type: is no media type",
            ),
            (
                r#"["a"]"#,
                "file[]: expected a file, as in {\"path\":\"a.wav\"}, found a string",
            ),
        ] {
            assert_eq!(refused("files.create", &format!("{{\"file\":{file}}}")), expected);
        }
        let missing = value(r#"{"file":{"path":"/no/such/file","filename":null}}"#);
        let error = split(&find("files.create").unwrap(), Some(missing)).err().unwrap();
        assert_eq!(error.status, Status::Io);
        assert!(error.message.contains("/no/such/file"));
    }
}
