//! Is this answer a failure, and how is it told: the rules for everything that services were seen to send instead of an answer.
//!
//! Nothing here knows a socket or a clock. A good answer is handed on as the bytes that came.
#![forbid(unsafe_code)]

mod body;
mod content_type;
mod envelope;
mod events;
mod text;

pub use body::snippet;
pub use text::text;

use crate::error::{Error, Result, Status};
use crate::headers::Headers;
use crate::json::{self, Fault, Kind, Read, Value};
use crate::retry;
use body::Page;
use content_type::ContentType;
use envelope::Envelope;
use events::Joined;
use std::borrow::Cow;

const FAILED_RESPONSE: &str = "response.failed";

/// What an operation promises for its success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Whatever it may be: a file, a text, nothing at all.
    Any,
    /// A JSON object or array; or nothing at all, when HTTP 204 says so.
    Json,
    /// A JSON object with an array `choices`. It may be empty.
    Choices,
}

/// Finds the JSON to hand on in a whole answer. Empty: the answer is no JSON, and [`Expect::Any`] allows that, or HTTP 204 does.
///
/// Borrowed: as it came, without a byte order mark and white space around it. Owned: it had to be mended or unwrapped.
///
/// # Errors
/// The failure that the answer tells, with all that is known but how often it was tried.
pub fn judge<'a>(http_status: u16, headers: &Headers, body: &'a [u8], expect: Expect) -> Result<Cow<'a, [u8]>> {
    let answer = Answer { http_status, headers };
    let text = body::trimmed(body);
    match http_status {
        200..=299 => match Envelope::read(text) {
            Ok((json, envelope)) => answer.judge_json(&json, &envelope, expect),
            Err(fault) => answer.judge_other(text, fault, expect),
        },
        300..=399 => Err(answer.redirect()),
        _ => Err(answer.refusal(text)),
    }
}

/// Whether an event cannot tell a failure, by what is nowhere in it. `known`: so many of its first bytes were in another that could not.
pub fn is_harmless_event(name: &str, data: Value<'_>, known: usize) -> bool {
    name != "error" && name != FAILED_RESPONSE && envelope::is_harmless(data, known)
}

/// The failure that an event of a stream tells, if it does.
pub fn failure_in_event(name: &str, data: Value<'_>, headers: &Headers) -> Option<Error> {
    if is_harmless_event(name, data, 0) {
        return None;
    }
    let envelope = Envelope::look(data);
    let answer = Answer {
        http_status: 200,
        headers,
    };
    // `response.steer.failed` and the like: one thing has failed, and the response goes on.
    if name != "error" && envelope.is_failure_of_one_thing() {
        return None;
    }
    if name == "error" || envelope.is_failure_in_stream() {
        return Some(answer.service_failure(data));
    }
    // The whole answer to a call of /responses, which names its failure inside.
    let is_failed_response = name == FAILED_RESPONSE || envelope.is_named(FAILED_RESPONSE);
    is_failed_response.then(|| answer.service_failure(data.get("response").unwrap_or(data)))
}

/// Whether quota or money is used up, so that trying again only costs more.
pub fn is_billing(error: &Error) -> bool {
    /// Codes and types: OpenAI's, then those of gateways, DeepSeek, Moonshot, Volcengine and Aliyun.
    const NAMES: [&str; 10] = [
        "insufficient_quota",
        "billing_hard_limit_reached",
        "billing_not_active",
        "insufficient_user_quota",
        "quota_not_enough",
        "pre_consume_token_quota_failed",
        "insufficient_balance",
        "exceeded_current_quota_error",
        "AccountOverdueError",
        "Arrearage",
    ];
    const WORDS: [&str; 5] = [
        "余额不足",
        "额度",
        "欠费",
        "insufficient balance",
        "credit balance is too low",
    ];
    let named = |text: &Option<String>| {
        text.as_deref()
            .is_some_and(|text| NAMES.iter().any(|name| name.eq_ignore_ascii_case(text)))
    };
    let message = error.message.to_ascii_lowercase();
    error.http_status == 402
        || named(&error.code)
        || named(&error.kind)
        || WORDS.iter().any(|word| message.contains(word))
}

/// The service's name for the request, from the answer's headers.
pub fn request_id(headers: &Headers) -> Option<String> {
    // one-api has a name of its own; the others are Anthropic's, Amazon's and Azure's.
    const NAMES: [&str; 5] = [
        "x-request-id",
        "x-oneapi-request-id",
        "request-id",
        "x-amzn-requestid",
        "apim-request-id",
    ];
    let ids = NAMES.iter().filter_map(|name| headers.get(name));
    ids.map(|id| body::cut(id, 200))
        .find(|id| !id.is_empty())
        .map(str::to_owned)
}

/// The head of an answer whose body is judged.
#[derive(Clone, Copy)]
struct Answer<'h> {
    http_status: u16,
    headers: &'h Headers,
}

impl Answer<'_> {
    /// JSON under a status of success.
    fn judge_json<'a>(self, json: &Read<'a>, envelope: &Envelope<'a>, expect: Expect) -> Result<Cow<'a, [u8]>> {
        let value = json.value;
        self.check(value, envelope, expect)?;
        if keeps_promise(value, envelope, expect) {
            return Ok(match json.has_surrogates {
                true => body::without_lone_surrogates(value.raw()),
                false => Cow::Borrowed(value.raw()),
            });
        }
        if let Some(inner) = envelope.wrapped() {
            let inside = Envelope::look(inner);
            self.check(inner, &inside, expect)?;
            if keeps_promise(inner, &inside, expect) {
                let joined = with_envelope(value, inner);
                // What stood around lies deeper now.
                Value::parse(&joined).map_err(|fault| self.not_json_because(value.raw(), fault))?;
                return Ok(Cow::Owned(match json.has_surrogates {
                    true => body::without_lone_surrogates(&joined).into_owned(),
                    false => joined,
                }));
            }
        }
        Err(if envelope.is_failure_code() {
            self.service_failure(value)
        } else {
            self.broken_promise(value, expect)
        })
    }

    fn check(self, value: Value<'_>, envelope: &Envelope<'_>, expect: Expect) -> Result<()> {
        // A stored file that holds an error is no error.
        let is_file = expect == Expect::Any && self.content_type().is_file();
        if !is_file && envelope.is_failure(expect) {
            Err(self.service_failure(value))
        } else {
            Ok(())
        }
    }

    /// What is no JSON as it is, under a status of success.
    fn judge_other<'a>(self, text: &'a [u8], fault: Fault, expect: Expect) -> Result<Cow<'a, [u8]>> {
        let content_type = self.content_type();
        let page = Page::read(text, content_type.is_html());
        // RFC 9110, section 15.3.5: with 204 there is nothing to come.
        if text.is_empty() && self.http_status == 204 && expect != Expect::Choices {
            return Ok(Cow::Borrowed(b""));
        }
        if expect == Expect::Any && (text.is_empty() || !content_type.is_json()) {
            return match page.filter(|_| !content_type.is_file()) {
                Some(page) => Err(self.not_json_but_html(page)),
                None => Ok(Cow::Borrowed(b"")),
            };
        }
        if std::str::from_utf8(text).is_err() {
            return self.judge_mended(text, fault, expect);
        }
        Err(match page {
            Some(page) => self.not_json_but_html(page),
            None if text.is_empty() => self.not_json("empty", None),
            None if body::is_event_stream(text) => return self.judge_events(text, expect),
            None => self.not_json_because(text, fault),
        })
    }

    /// A stream that nobody asked for: the answer that its events make.
    fn judge_events<'a>(self, text: &[u8], expect: Expect) -> Result<Cow<'a, [u8]>> {
        match events::join(text, self.headers) {
            Joined::Answer(json) => {
                // What the events make is JSON, but some of it may lie deeper than in its event.
                let too_deep = |fault| self.not_json(&format!("an event stream, joined {fault}"), Some(snippet(text)));
                let (json, envelope) = Envelope::read(&json).map_err(too_deep)?;
                Ok(Cow::Owned(self.judge_json(&json, &envelope, expect)?.into_owned()))
            }
            Joined::Failure(error) => Err(error),
            Joined::Nothing => Err(self.not_json("an event stream, which nobody asked for", Some(snippet(text)))),
        }
    }

    /// What is not UTF-8: what is wrong in it is replaced, unless all of it is in another encoding.
    fn judge_mended<'a>(self, text: &[u8], fault: Fault, expect: Expect) -> Result<Cow<'a, [u8]>> {
        if self.content_type().is_gbk() || body::looks_like_gbk(text) {
            return Err(self.not_json("in GBK and not in UTF-8", Some(snippet(text))));
        }
        let mended = String::from_utf8_lossy(text);
        match Envelope::read(mended.as_bytes()) {
            Ok((json, envelope)) => Ok(Cow::Owned(self.judge_json(&json, &envelope, expect)?.into_owned())),
            Err(_) => Err(self.not_json_because(text, fault)),
        }
    }

    /// A failure by its HTTP status, whatever the body.
    fn refusal(self, text: &[u8]) -> Error {
        let mended = String::from_utf8_lossy(text);
        let event = body::first_event(mended.as_bytes());
        let mut error = match Value::parse(event.unwrap_or(mended.as_bytes())) {
            Ok(value) => self.told(value),
            Err(_) => self.refusal_without_json(text, &mended),
        };
        error.status = Status::from_http(self.http_status);
        if error.message.is_empty() {
            error.message = format!("HTTP {}", self.http_status);
        }
        error
    }

    fn refusal_without_json(self, text: &[u8], mended: &str) -> Error {
        let status = self.http_status;
        let is_gbk = mended.contains(char::REPLACEMENT_CHARACTER)
            && (self.content_type().is_gbk() || body::looks_like_gbk(text));
        let page = Page::read(text, self.content_type().is_html());
        let mut message = match &page {
            Some(page) => format!("HTTP {status}, an HTML page: {page}"),
            None if is_gbk => format!("HTTP {status}; the service's words are in GBK and not in UTF-8"),
            None => body::cut(mended, body::MOST).to_owned(),
        };
        // OpenAI's own services answer in JSON: here nobody knew the path. RFC 9110, section 15.5.8: only proxies answer 407.
        let hint = match status {
            404 | 501 => "the service has no such interface, or base_url does not lead to its API",
            407 => "the proxy asks for another user and password",
            _ => "",
        };
        if !hint.is_empty() {
            let separator = if message.is_empty() {
                format!("HTTP {status}: ")
            } else {
                "; ".to_owned()
            };
            message.push_str(&separator);
            message.push_str(hint);
        }
        let mut error = self.error(message);
        error.kind = matches!(status, 404 | 501).then(|| "not_supported_by_gateway".to_owned());
        error.body = page
            .map(|page| page.0)
            .or_else(|| (!text.is_empty()).then(|| snippet(text)));
        error
    }

    /// Whoever follows redirects has done so before: this one leads elsewhere, or would change what is sent.
    fn redirect(self) -> Error {
        let status = self.http_status;
        let message = match self.headers.get("location").filter(|location| !location.is_empty()) {
            Some(location) => format!(
                "HTTP {status}: the service redirects to {}; only 307 and 308 within the same origin are followed",
                body::without_user_info(body::cut(location, 500))
            ),
            None => format!("HTTP {status} is no answer"),
        };
        self.error(message)
    }

    /// A failure inside a status of success. A code that is an HTTP status says what kind of failure it is.
    fn service_failure(self, value: Value<'_>) -> Error {
        let mut error = self.told(value);
        let code = error.code.as_deref().and_then(|code| code.parse::<u16>().ok());
        error.status = code
            .filter(|code| (400..600).contains(code))
            .map_or(Status::Service, Status::from_http);
        if error.message.is_empty() {
            error.message = format!("the service reported a failure inside HTTP {}", self.http_status);
        }
        error
    }

    fn broken_promise(self, value: Value<'_>, expect: Expect) -> Error {
        let start = body::cut(std::str::from_utf8(value.raw()).unwrap_or_default(), 200);
        self.not_json(
            &match (expect, value.kind()) {
                (Expect::Choices, Kind::Object) => format!("without \"choices\": {start}"),
                (_, kind) => format!("{} where an object was promised: {start}", kind.name()),
            },
            Some(snippet(value.raw())),
        )
    }

    fn not_json_but_html(self, page: Page) -> Error {
        self.not_json(&format!("an HTML page: {page}"), Some(page.0))
    }

    fn not_json_because(self, text: &[u8], fault: Fault) -> Error {
        let start = snippet(text);
        // In what was meant to be JSON the place of the fault tells more than the start does.
        let why = match text.first() {
            Some(b'{' | b'[') => format!("not JSON ({fault})"),
            _ => format!("not JSON: {}", body::cut(&start, 200)),
        };
        self.not_json(&why, Some(start))
    }

    /// Not what the API promises.
    fn not_json(self, what: &str, snippet: Option<String>) -> Error {
        let content_type = self
            .headers
            .get("content-type")
            .map(|text| format!(", {}", body::cut(text, 100)))
            .unwrap_or_default();
        let mut error = self.error(format!(
            "the answer is {what} (HTTP {}{content_type})",
            self.http_status
        ));
        error.kind = Some("bad_response".to_owned());
        error.body = snippet;
        error
    }

    /// A failure in the service's own words; the message is empty when it had none.
    fn told(self, value: Value<'_>) -> Error {
        let words = envelope::words(value);
        let mut error = self.error(words.message);
        error.kind = words.kind;
        error.code = words.code;
        error.param = words.param;
        error.request_id = error.request_id.take().or(words.request_id);
        for (name, json) in words.extra {
            if error.extra.iter().all(|(other, _)| *other != name) {
                error.extra.push((name, json));
            }
        }
        error
    }

    /// A failure with what the head tells.
    fn error(self, message: String) -> Error {
        let mut error = Error::new(Status::Protocol, message);
        error.http_status = self.http_status;
        error.request_id = request_id(self.headers);
        let wait = retry::retry_after_in_answer(self.headers);
        // JSON readers of many languages hold no larger integer.
        error.retry_after_ms = wait.map(|wait| wait.as_millis().min(i64::MAX as u128) as u64);
        error
            .extra
            .extend(rate_limit(self.headers).map(|json| ("rate_limit".to_owned(), json)));
        error
    }

    fn content_type(self) -> ContentType {
        ContentType::of(self.headers)
    }
}

fn keeps_promise(value: Value<'_>, envelope: &Envelope<'_>, expect: Expect) -> bool {
    match expect {
        Expect::Any => true,
        Expect::Json => matches!(value.kind(), Kind::Object | Kind::Array),
        Expect::Choices => envelope.has_choices(),
    }
}

/// What stood in `data`, an object that is not empty, with what stood around it as `_envelope`.
fn with_envelope(outer: Value<'_>, inner: Value<'_>) -> Vec<u8> {
    let mut joined = inner.raw().strip_suffix(b"}").unwrap_or_default().to_vec();
    joined.extend(b",\"_envelope\":{");
    let around = outer.members().filter(|(name, _)| !name.is("data"));
    for (i, (name, value)) in around.enumerate() {
        let comma: &[u8] = if i == 0 { b"" } else { b"," };
        joined.extend([comma, b"\"", name.raw(), b"\":", value.raw()].concat());
    }
    joined.extend(b"}}");
    joined
}

/// The headers that tell how much of a quota is left, as an object.
fn rate_limit(headers: &Headers) -> Option<String> {
    let mut out = String::new();
    for (name, value) in headers.iter() {
        let name = name.to_ascii_lowercase();
        if !(name.starts_with("x-ratelimit-") || name.starts_with("ratelimit")) || out.len() > body::MOST {
            continue;
        }
        out.push(if out.is_empty() { '{' } else { ',' });
        json::quote(&name, &mut out);
        out.push(':');
        json::quote(body::cut(value, 200), &mut out);
    }
    (!out.is_empty()).then(|| out + "}")
}

#[cfg(test)]
mod tests;
