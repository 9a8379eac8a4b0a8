//! What one call, and one job of many calls, can set for itself.
#![forbid(unsafe_code)]

use super::fields::{check_headers, check_value};
use super::object::{Blame, LONGEST_MS, Object};
use crate::error::Result;
use std::fmt;
use std::time::Duration;

/// The options of one call. What is `None` or empty is as the client has it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct CallOptions {
    /// One attempt, from its start to the end of its answer.
    pub timeout: Option<Duration>,
    /// The whole call, every attempt and wait included.
    pub deadline: Option<Duration>,
    /// Address look-up, TCP and TLS.
    pub connect_timeout: Option<Duration>,
    /// The longest gap between bytes.
    pub idle_timeout: Option<Duration>,
    /// The longest gap between stream events that carry something.
    pub content_timeout: Option<Duration>,
    /// How many attempts there may be after the first.
    pub max_retries: Option<u32>,
    /// Sent beside the client's; one of the same name replaces the client's.
    pub headers: Vec<(String, String)>,
    /// Appended to the URL, not yet encoded.
    pub query: Vec<(String, String)>,
    /// The request's own key instead of one that is made.
    pub idempotency_key: Option<String>,
    /// The file that the answer's body goes into.
    pub save_to: Option<String>,
    /// The request goes out as it is given, and the answer comes back as it is.
    pub bare: bool,
}

const KEYS: [&str; 11] = [
    "timeout_ms",
    "deadline_ms",
    "connect_timeout_ms",
    "idle_timeout_ms",
    "content_timeout_ms",
    "max_retries",
    "headers",
    "query",
    "idempotency_key",
    "save_to",
    "bare",
];

impl CallOptions {
    /// Options from a JSON object; none is the same as `{}`.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::Status::InvalidArgument); the message names the key.
    pub fn parse(json: Option<&str>) -> Result<CallOptions> {
        CallOptions::read(Object::parse(or_none(json), &KEYS, Blame::Options)?)
    }

    /// The same for options that hold for each of many calls: what belongs to one call alone is an unknown key.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn of_each_call(json: Option<&str>) -> Result<CallOptions> {
        CallOptions::read(Object::parse(or_none(json), &of_each_call_and(&[]), Blame::Options)?)
    }

    fn read(given: Object<'_>) -> Result<CallOptions> {
        let mut headers = given.pairs("headers")?;
        check_headers(&mut headers).map_err(|why| given.error("headers", why))?;
        Ok(CallOptions {
            timeout: limit(given, "timeout_ms")?,
            deadline: limit(given, "deadline_ms")?,
            connect_timeout: given.time("connect_timeout_ms", 1)?,
            idle_timeout: given.time("idle_timeout_ms", 1)?,
            content_timeout: limit(given, "content_timeout_ms")?,
            max_retries: super::load::max_retries(given)?,
            headers,
            query: given.pairs("query")?,
            idempotency_key: idempotency_key(given)?,
            save_to: save_to(given)?,
            bare: given.flag("bare")?.unwrap_or(false),
        })
    }
}

/// The options of a job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobOptions {
    /// Those of each of its calls.
    pub calls: CallOptions,
    /// The time from one look to the next, where the service does not say.
    pub interval: Option<Duration>,
    /// How long is waited for an end.
    pub longest_wait: Option<Duration>,
}

impl JobOptions {
    /// Options from a JSON object; none is the same as `{}`.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::Status::InvalidArgument); the message names the key.
    pub fn parse(json: Option<&str>) -> Result<JobOptions> {
        let keys = of_each_call_and(&["interval_ms", "longest_wait_ms"]);
        let given = Object::parse(or_none(json), &keys, Blame::Options)?;
        Ok(JobOptions {
            calls: CallOptions::read(given)?,
            interval: given.time("interval_ms", 1)?,
            longest_wait: limit(given, "longest_wait_ms")?,
        })
    }
}

/// The options of a conversation with tools.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolsOptions {
    /// Those of each of its calls.
    pub calls: CallOptions,
    /// How many answers the model may give.
    pub max_turns: u32,
    /// Whether the answers come piece by piece.
    pub stream: bool,
}

impl ToolsOptions {
    /// Options from a JSON object; none is the same as `{}`.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::Status::InvalidArgument); the message names the key.
    pub fn parse(json: Option<&str>) -> Result<ToolsOptions> {
        let keys = of_each_call_and(&["max_turns", "stream"]);
        let given = Object::parse(or_none(json), &keys, Blame::Options)?;
        let max_turns = given.whole_number("max_turns", 1..=i64::from(u32::MAX))?;
        Ok(ToolsOptions {
            calls: CallOptions::read(given)?,
            max_turns: max_turns.and_then(|turns| u32::try_from(turns).ok()).unwrap_or(10),
            stream: given.flag("stream")?.unwrap_or(false),
        })
    }
}

/// The options that can be those of each of many calls, and these.
fn of_each_call_and<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let of_one_alone = |key: &&str| matches!(*key, "idempotency_key" | "save_to" | "bare");
    let of_each = KEYS.into_iter().filter(|key| !of_one_alone(key));
    of_each.chain(more.iter().copied()).collect()
}

fn or_none(json: Option<&str>) -> &str {
    json.filter(|text| !text.trim().is_empty()).unwrap_or("{}")
}

/// A limit that can be off: 0. For one call that is a time that never passes, because `None` leaves it to the client.
fn limit(given: Object<'_>, key: &str) -> Result<Option<Duration>> {
    let never = Duration::from_millis(LONGEST_MS.unsigned_abs());
    Ok(given
        .time(key, 0)?
        .map(|time| if time.is_zero() { never } else { time }))
}

fn idempotency_key(given: Object<'_>) -> Result<Option<String>> {
    let Some(key) = given.text("idempotency_key")? else {
        return Ok(None);
    };
    let key = key.trim();
    if key.is_empty() {
        return Err(given.error("idempotency_key", "is empty"));
    }
    check_value(key).map_err(|why| given.error("idempotency_key", why))?;
    Ok(Some(key.to_owned()))
}

fn save_to(given: Object<'_>) -> Result<Option<String>> {
    match given.text("save_to")? {
        Some(path) if path.is_empty() => Err(given.error("save_to", "is empty")),
        Some(path) if path.contains('\0') => Err(given.error("save_to", "holds a NUL")),
        path => Ok(path.map(String::from)),
    }
}

/// The values of headers and query can be secrets.
impl fmt::Debug for CallOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallOptions")
            .field("timeout", &self.timeout)
            .field("deadline", &self.deadline)
            .field("connect_timeout", &self.connect_timeout)
            .field("idle_timeout", &self.idle_timeout)
            .field("content_timeout", &self.content_timeout)
            .field("max_retries", &self.max_retries)
            .field("headers", &super::names(&self.headers))
            .field("query", &super::names(&self.query))
            .field("save_to", &self.save_to)
            .field("bare", &self.bare)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Status;

    #[test]
    fn every_option_is_read() {
        let options = CallOptions::parse(Some(
            r#"{"timeout_ms":1,"deadline_ms":2,"connect_timeout_ms":3,"idle_timeout_ms":4,"content_timeout_ms":5,"max_retries":6,
                "headers":{"X":" y "},"query":[["a","1"],["a","2"]],"idempotency_key":"k","save_to":"/tmp/a","bare":true}"#,
        ))
        .unwrap();
        let ms = |ms| Some(Duration::from_millis(ms));
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let expected = CallOptions {
            timeout: ms(1),
            deadline: ms(2),
            connect_timeout: ms(3),
            idle_timeout: ms(4),
            content_timeout: ms(5),
            max_retries: Some(6),
            headers: vec![pair("X", "y")],
            query: vec![pair("a", "1"), pair("a", "2")],
            idempotency_key: Some("k".to_owned()),
            save_to: Some("/tmp/a".to_owned()),
            bare: true,
        };
        assert_eq!(options, expected);
    }

    #[test]
    fn no_options_are_the_clients() {
        for none in [None, Some(""), Some(" \n"), Some("{}"), Some(r#"{"timeout_ms":null}"#)] {
            assert_eq!(CallOptions::parse(none), Ok(CallOptions::default()), "{none:?}");
        }
    }

    #[test]
    fn zero_takes_a_limit_of_the_clients_away() {
        let options = CallOptions::parse(Some(r#"{"timeout_ms":0}"#)).unwrap();
        assert!(options.timeout.unwrap() >= Duration::from_secs(9 * 365 * 24 * 60 * 60));
    }

    #[test]
    fn wrong_options_are_an_invalid_argument_that_names_the_key() {
        for (json, why) in [
            (
                r#"{"timeout":1}"#,
                "unknown key \"timeout\"; the nearest is \"timeout_ms\"",
            ),
            (
                r#"{"deadline_ms":-1}"#,
                "deadline_ms: expected a whole number from 0 to 315360000000, found -1",
            ),
            (
                r#"{"connect_timeout_ms":0}"#,
                "connect_timeout_ms: expected a whole number from 1",
            ),
            (r#"{"max_retries":"2"}"#, "max_retries: expected a whole number"),
            (
                r#"{"headers":{"X":"a\nb"}}"#,
                "headers: the value of \"X\" holds a line break",
            ),
            (
                r#"{"idempotency_key":"a\u0000"}"#,
                "idempotency_key: holds a control character",
            ),
            (r#"{"idempotency_key":" "}"#, "idempotency_key: is empty"),
            (r#"{"save_to":""}"#, "save_to: is empty"),
            (r#"{"save_to":"a\u0000b"}"#, "save_to: holds a NUL"),
            (r#"{"bare":1}"#, "bare: expected true or false, found a number"),
            ("[]", "expected an object, found an array"),
            ("{", "not JSON: line 1, column 2"),
        ] {
            let error = CallOptions::parse(Some(json)).unwrap_err();
            assert_eq!(error.status, Status::InvalidArgument, "{json}");
            assert!(
                error.message.starts_with("options_json: ") && error.message.contains(why),
                "{json}: {}",
                error.message
            );
        }
    }

    #[test]
    fn a_jobs_options_are_its_calls_and_how_it_waits() {
        let options = JobOptions::parse(Some(r#"{"deadline_ms":5,"interval_ms":10,"longest_wait_ms":20}"#)).unwrap();
        assert_eq!(options.calls.deadline, Some(Duration::from_millis(5)));
        assert_eq!(options.interval, Some(Duration::from_millis(10)));
        assert_eq!(options.longest_wait, Some(Duration::from_millis(20)));
        assert_eq!(JobOptions::parse(None), Ok(JobOptions::default()));
        for key in ["idempotency_key", "save_to", "bare"] {
            let error = JobOptions::parse(Some(&format!("{{\"{key}\":null}}"))).unwrap_err();
            assert!(
                error.message.contains(&format!("unknown key \"{key}\"")),
                "{}",
                error.message
            );
        }
        assert!(JobOptions::parse(Some(r#"{"interval_ms":0}"#)).is_err());
    }

    #[test]
    fn a_conversations_options_are_its_calls_and_how_long_it_may_go_on() {
        let options = ToolsOptions::parse(Some(r#"{"max_retries":3,"max_turns":4,"stream":true}"#)).unwrap();
        assert_eq!(
            (options.calls.max_retries, options.max_turns, options.stream),
            (Some(3), 4, true)
        );
        let options = ToolsOptions::parse(None).unwrap();
        assert_eq!((options.max_turns, options.stream), (10, false));
        assert!(ToolsOptions::parse(Some(r#"{"max_turns":0}"#)).is_err());
    }

    #[test]
    fn what_belongs_to_one_call_is_no_option_of_many() {
        let options = CallOptions::of_each_call(Some(r#"{"max_retries":3,"query":{"a":1}}"#)).unwrap();
        assert_eq!(options.max_retries, Some(3));
        for json in [r#"{"save_to":"a"}"#, r#"{"bare":true}"#, r#"{"interval_ms":1}"#] {
            let error = CallOptions::of_each_call(Some(json)).unwrap_err();
            assert!(error.message.contains("unknown key"), "{}", error.message);
        }
    }

    #[test]
    fn debug_shows_no_value_of_a_header() {
        let options = CallOptions::parse(Some(r#"{"headers":{"X-Key":"hunter2"},"query":{"key":"hunter3"}}"#)).unwrap();
        let debug = format!("{options:?}");
        assert!(debug.contains("X-Key") && !debug.contains("hunter"), "{debug}");
    }
}
