//! What goes out: a request joined with what the client adds to it.
#![forbid(unsafe_code)]

use crate::answer::Expect;
use crate::chat;
use crate::config::{CallOptions, Config};
use crate::error::{Error, Result, Status};
use crate::idempotency::Keys;
use crate::multipart::Multipart;
use crate::operation::{Answer, Target};
use crate::request::{Body, Request};
use crate::transport::{self, header};
use bytes::Bytes;
use std::borrow::Cow;
use ureq::http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, USER_AGENT};
use ureq::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use zeroize::Zeroizing;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const BETA: HeaderName = HeaderName::from_static("openai-beta");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// One call's request, ready for any number of attempts.
pub(crate) struct Outgoing<'a> {
    pub method: Method,
    pub uri: Uri,
    pub body: Payload<'a>,
    pub expect: Expect,
    /// Exactly as the program said it; see `bare` in the options.
    pub bare: bool,
    /// What the operation wants in `OpenAI-Beta`.
    beta: Option<&'static str>,
    /// It is opened as a stream.
    pub stream: bool,
    /// The operation has no other answer than a stream.
    always_stream: bool,
    defaults: &'a HeaderMap,
}

/// What is sent as the body.
pub(crate) enum Payload<'a> {
    None,
    Json(Cow<'a, [u8]>),
    Bytes(Option<&'a str>, &'a [u8]),
    Form(Cow<'a, Multipart>),
}

/// What is the same for every call of a client, made once.
pub(crate) struct Defaults {
    headers: HeaderMap,
    chat_uri: Uri,
    bare_headers: HeaderMap,
}

impl Defaults {
    /// # Errors
    /// `Config` when something cannot stand in a header or a URL.
    pub fn new(config: &Config) -> Result<Defaults> {
        let chat_uri = uri(config, "/chat/completions", &[])
            .map_err(|why| Error::new(Status::Config, format!("base_url: {why}")))?;
        Ok(Defaults {
            headers: default_headers(config)?,
            chat_uri,
            bare_headers: HeaderMap::new(),
        })
    }

    /// A chat completion whose body is ready.
    pub fn chat<'a>(&'a self, body: Cow<'a, [u8]>, stream: bool) -> Outgoing<'a> {
        Outgoing {
            method: Method::POST,
            uri: self.chat_uri.clone(),
            body: Payload::Json(body),
            expect: Expect::Choices,
            bare: false,
            beta: None,
            stream,
            always_stream: false,
            defaults: &self.headers,
        }
    }

    /// Any request. `stream`: it is opened as a stream.
    ///
    /// # Errors
    /// `InvalidArgument`, before anything is sent.
    pub fn outgoing<'a>(&'a self, config: &'a Config, request: &'a Request, stream: bool) -> Result<Outgoing<'a>> {
        let method = Method::from_bytes(request.target.method.as_bytes())
            .map_err(|_| Error::argument("operation", "the method is no HTTP method"))?;
        let bare = request.options.bare;
        let uri = if bare && request.target.is_absolute() {
            request
                .path
                .parse()
                .map_err(|error| Error::argument("operation", format!("no URL: {error}")))?
        } else {
            let query = match bare {
                true => Cow::Borrowed(request.query.as_str()),
                false => chat::adapt_query(&request.query, request.target.entry, stream),
            };
            uri(config, &request.path, &[&query, &encoded(&request.options.query)])
                .map_err(|why| Error::argument("params_json", why))?
        };
        Ok(Outgoing {
            method,
            uri,
            body: payload(config, request, stream)?,
            expect: expect(&request.target),
            bare,
            beta: request.target.entry.and_then(|entry| entry.beta.as_deref()),
            stream,
            always_stream: request
                .target
                .entry
                .is_some_and(|entry| entry.streaming && entry.stream.is_none()),
            defaults: if bare { &self.bare_headers } else { &self.headers },
        })
    }
}

impl Outgoing<'_> {
    /// The headers, the same for each attempt.
    ///
    /// # Errors
    /// `InvalidArgument` for one that cannot be sent.
    pub fn headers(&self, max_retries: u32, options: &CallOptions, config: &Config, keys: &Keys) -> Result<HeaderMap> {
        let mut headers = self.defaults.clone();
        if !self.bare {
            if let Some(content_type) = self.body.content_type()? {
                headers.insert(CONTENT_TYPE, content_type);
            } else if matches!(self.method, Method::POST | Method::PUT | Method::PATCH) {
                // These have a body, be it empty: many servers answer 411 when nothing is said of it (RFC 9110, 8.6).
                headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
            }
            if self.expect == Expect::Any {
                headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
            } else if self.always_stream {
                headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
            }
            if let Some(beta) = self.beta {
                headers.insert(BETA, HeaderValue::from_static(beta));
            }
            if self.stream {
                // A proxy that packs a stream holds its events back.
                headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
            }
        } else if let Payload::Bytes(Some(content_type), _) = self.body {
            headers.insert(
                CONTENT_TYPE,
                header("content-type", content_type)
                    .map_err(|why| Error::argument("content_type", why))?
                    .1,
            );
        }
        let key = match &options.idempotency_key {
            Some(key) => Some(key.clone()),
            None => (!self.bare && config.idempotency_keys && max_retries > 0 && self.method == Method::POST)
                .then(|| keys.next()),
        };
        if let Some(key) = key {
            let (_, value) = header("idempotency-key", &key).map_err(|why| Error::argument("idempotency_key", why))?;
            headers.insert(IDEMPOTENCY_KEY, value);
        }
        add_headers(&mut headers, &options.headers, self.bare).map_err(|why| Error::argument("headers", why))?;
        Ok(headers)
    }
}

impl Payload<'_> {
    /// The body from its start.
    ///
    /// # Errors
    /// `Io` when a file cannot be read any more.
    pub fn open(&self) -> Result<transport::Body<'_>> {
        Ok(match self {
            Payload::None => transport::Body::None,
            Payload::Json(json) => transport::Body::Bytes(json),
            Payload::Bytes(_, data) => transport::Body::Bytes(data),
            Payload::Form(form) => transport::Body::Reader(Box::new(form.reader()?), form.content_length()),
        })
    }

    fn content_type(&self) -> Result<Option<HeaderValue>> {
        let given = |text: &str| {
            header("content-type", text)
                .map(|(_, value)| Some(value))
                .map_err(|why| Error::argument("content_type", why))
        };
        match self {
            Payload::None => Ok(None),
            Payload::Json(_) => Ok(Some(JSON)),
            Payload::Bytes(content_type, _) => given(content_type.unwrap_or("application/octet-stream")),
            Payload::Form(form) => given(&form.content_type()),
        }
    }
}

fn payload<'a>(config: &'a Config, request: &'a Request, stream: bool) -> Result<Payload<'a>> {
    let entry = request.target.entry;
    Ok(match &request.body {
        Body::None => Payload::None,
        Body::Bytes { content_type, data } => Payload::Bytes(content_type.as_deref(), data),
        Body::Form(form) if request.options.bare => Payload::Form(Cow::Borrowed(form)),
        Body::Form(form) => Payload::Form(chat::adapt_form(form, entry, config.default_model.as_deref(), stream)),
        Body::Json(json) => {
            let text = std::str::from_utf8(json).map_err(|_| Error::internal("params changed their encoding"))?;
            let bytes = |text: Cow<'a, str>| match text {
                Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
                Cow::Owned(text) => Cow::Owned(text.into_bytes()),
            };
            if request.options.bare {
                return Ok(Payload::Json(Cow::Borrowed(json)));
            }
            let is_chat = entry.is_some_and(|entry| entry.name == "chat.completions.create");
            let text = if is_chat {
                chat::prepare(text, config.default_model.as_deref(), Some(stream), config.strict_turns)?
            } else {
                chat::adapt(text, entry, config.default_model.as_deref(), stream)?
            };
            Payload::Json(bytes(text))
        }
    })
}

/// What a good answer of this operation holds.
fn expect(target: &Target) -> Expect {
    match target.entry {
        Some(entry) if entry.binary || entry.answer == Answer::Nothing => Expect::Any,
        Some(entry) if matches!(&*entry.name, "chat.completions.create" | "completions.create") => Expect::Choices,
        Some(_) => Expect::Json,
        None => Expect::Any,
    }
}

fn default_headers(config: &Config) -> Result<HeaderMap> {
    let mut headers = HeaderMap::with_capacity(12);
    let faulty = |key: &str, why: String| Error::new(Status::Config, format!("{key}: {why}"));
    if let Some(key) = &config.api_key {
        let (name, scheme) = match config.azure {
            Some(_) => (HeaderName::from_static("api-key"), ""),
            None => (AUTHORIZATION, "Bearer "),
        };
        let text = Zeroizing::new([scheme.as_bytes(), key.expose().as_bytes()].concat());
        // Every copy of the value shares these bytes, which are wiped when the last one goes.
        let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(text))
            .map_err(|_| faulty("api_key", "holds a character that no header can carry".into()))?;
        // Keeps the key out of every debug output of the map.
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    headers.insert(ACCEPT, JSON);
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    let (_, user_agent) = header("user-agent", &config.user_agent).map_err(|why| faulty("user_agent", why))?;
    headers.insert(USER_AGENT, user_agent);
    for (name, key, value) in [
        ("openai-organization", "organization", &config.organization),
        ("openai-project", "project", &config.project),
    ] {
        if let Some(value) = value {
            let (name, value) = header(name, value).map_err(|why| faulty(key, why))?;
            headers.insert(name, value);
        }
    }
    add_headers(&mut headers, &config.headers, false).map_err(|why| faulty("headers", why))?;
    Ok(headers)
}

/// Adds headers that the program gives: they replace ours, and a name that is given twice goes out twice.
fn add_headers(headers: &mut HeaderMap, given: &[(String, String)], bare: bool) -> std::result::Result<(), String> {
    for (i, (name, value)) in given.iter().enumerate() {
        let (parsed, value) = header(name, value)?;
        if !bare && matches!(parsed.as_str(), "content-length" | "transfer-encoding" | "connection") {
            return Err(format!("{name} is set by the library"));
        }
        if given[..i].iter().any(|(earlier, _)| earlier.eq_ignore_ascii_case(name)) {
            headers.append(parsed, value);
        } else {
            headers.insert(parsed, value);
        }
    }
    Ok(())
}

/// The URL of a path under the client's base, with every query that is not empty.
fn uri(config: &Config, path: &str, queries: &[&str]) -> std::result::Result<Uri, String> {
    let base = &config.base;
    let mut text = base.origin();
    text.push_str(&prefix(config, path));
    // A path of the table can hold a query of its own.
    let (path, own_query) = path.split_once('?').unwrap_or((path, ""));
    // "/v1" of the base and "/v1" of a path copied from a web page are the same one.
    let doubled = path
        .strip_prefix(base.path.as_str())
        .filter(|rest| !base.path.is_empty() && rest.starts_with('/'));
    text.push_str(doubled.unwrap_or(path));
    let azure = config
        .azure
        .as_ref()
        .map(|azure| encoded(&[("api-version".to_owned(), azure.api_version.clone())]))
        .unwrap_or_default();
    let client = encoded(&config.query);
    let all = [own_query, &base.query, &azure, &client]
        .into_iter()
        .chain(queries.iter().copied());
    let mut separator = '?';
    for query in all.filter(|query| !query.is_empty()) {
        text.push(separator);
        text.push_str(query);
        separator = '&';
    }
    text.parse().map_err(|error| format!("this makes no URL: {error}"))
}

/// What stands between the origin and an operation's path.
fn prefix<'a>(config: &'a Config, path: &str) -> Cow<'a, str> {
    /// The operations that Azure keeps under a deployment; the rest lies beside (as the official SDKs have it).
    const OF_DEPLOYMENTS: [&str; 8] = [
        "/completions",
        "/chat/completions",
        "/embeddings",
        "/audio/transcriptions",
        "/audio/translations",
        "/audio/speech",
        "/images/generations",
        "/images/edits",
    ];
    let base = config.base.path.as_str();
    let Some(azure) = &config.azure else {
        return Cow::Borrowed(base);
    };
    let base = if matches!(base, "" | "/v1") { "/openai" } else { base };
    if OF_DEPLOYMENTS.contains(&path) {
        return Cow::Owned(format!(
            "{base}/deployments/{}",
            crate::operation::encode_segment(&azure.deployment)
        ));
    }
    Cow::Borrowed(base)
}

/// Pairs as a query.
fn encoded(pairs: &[(String, String)]) -> String {
    let mut out = String::new();
    for (name, value) in pairs {
        if !out.is_empty() {
            out.push('&');
        }
        out.push_str(&crate::operation::encode_segment(name));
        out.push('=');
        out.push_str(&crate::operation::encode_segment(value));
    }
    out
}
