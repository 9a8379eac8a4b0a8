//! Reading a JSON object of settings: each key by its type, and what is wrong told with the key, what was found and what was expected.
#![forbid(unsafe_code)]

use crate::error::{Error, Result, Status};
use crate::json::{Kind, Value};
use std::borrow::Cow;
use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

/// No time may be longer: ten years, in milliseconds. Clocks can be added to it without a thought.
pub(super) const LONGEST_MS: i64 = 10 * 365 * 24 * 60 * 60 * 1000;

/// How much of a value is shown in a message.
const SHOWN: usize = 40;

/// Whose mistake a wrong setting is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blame {
    /// The client's configuration.
    Config,
    /// The options of one call.
    Options,
}

impl Blame {
    /// The failure for what is wrong with `key`.
    pub fn error(self, key: &str, message: impl fmt::Display) -> Error {
        let mut error = self.whole(format_args!("{key}: {message}"));
        error.param = Some(key.to_owned());
        error
    }

    /// The failure for what is wrong with all of it.
    pub fn whole(self, message: impl fmt::Display) -> Error {
        match self {
            Blame::Config => Error::new(Status::Config, format!("config: {message}")),
            Blame::Options => Error::argument("options_json", message),
        }
    }
}

/// An object whose keys are known. `null` for a key is the same as leaving it out.
#[derive(Clone, Copy)]
pub(super) struct Object<'a> {
    value: Value<'a>,
    blame: Blame,
}

impl<'a> Object<'a> {
    /// Reads a JSON document that must be an object of `known` keys.
    pub fn parse(text: &'a str, known: &[&str], blame: Blame) -> Result<Object<'a>> {
        // Files that Windows editors wrote begin with a byte order mark.
        let text = text.trim_start_matches('\u{feff}');
        let value = Value::parse(text.as_bytes()).map_err(|fault| blame.whole(format_args!("not JSON: {fault}")))?;
        if value.kind() != Kind::Object {
            return Err(blame.whole(format_args!("expected an object, found {}", value.kind().name())));
        }
        let object = Object { value, blame };
        object.check_keys("", known)?;
        Ok(object)
    }

    /// The failure for what is wrong with `key`.
    pub fn error(self, key: &str, message: impl fmt::Display) -> Error {
        self.blame.error(key, message)
    }

    pub fn text(self, key: &str) -> Result<Option<Cow<'a, str>>> {
        let Some(value) = self.get(key) else { return Ok(None) };
        value
            .as_str()
            .map(Some)
            .ok_or_else(|| self.wrong(key, "a string", value))
    }

    pub fn flag(self, key: &str) -> Result<Option<bool>> {
        let Some(value) = self.get(key) else { return Ok(None) };
        value
            .as_bool()
            .map(Some)
            .ok_or_else(|| self.wrong(key, "true or false", value))
    }

    pub fn whole_number(self, key: &str, range: RangeInclusive<i64>) -> Result<Option<i64>> {
        let Some(value) = self.get(key) else { return Ok(None) };
        if let Some(number) = value.as_i64().filter(|number| range.contains(number)) {
            return Ok(Some(number));
        }
        let found = match value.kind() {
            Kind::Number => shown(value.raw()),
            kind => kind.name().to_owned(),
        };
        let (least, most) = range.into_inner();
        Err(self.error(
            key,
            format_args!("expected a whole number from {least} to {most}, found {found}"),
        ))
    }

    /// A time in milliseconds, from `least` on.
    pub fn time(self, key: &str, least: i64) -> Result<Option<Duration>> {
        let ms = self.whole_number(key, least..=LONGEST_MS)?;
        Ok(ms.map(|ms| Duration::from_millis(ms.unsigned_abs())))
    }

    /// One of a few words.
    pub fn word<T: Copy>(self, key: &str, words: &[(&str, T)]) -> Result<Option<T>> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let given = value.as_str();
        let found = words.iter().find(|(word, _)| given.as_deref() == Some(*word));
        let expected = || {
            words
                .iter()
                .map(|(word, _)| format!("\"{word}\""))
                .collect::<Vec<_>>()
                .join(" or ")
        };
        found
            .map(|(_, meaning)| Some(*meaning))
            .ok_or_else(|| self.wrong(key, &expected(), value))
    }

    /// Names and values: an object, or an array of pairs where order or repetition matters.
    pub fn pairs(self, key: &str) -> Result<Vec<(String, String)>> {
        let Some(value) = self.get(key) else {
            return Ok(Vec::new());
        };
        match value.kind() {
            Kind::Object => value
                .members()
                .map(|(name, value)| {
                    let name = name.decode().into_owned();
                    let value = self.scalar(key, value)?;
                    Ok((name, value))
                })
                .collect(),
            Kind::Array => value.items().map(|item| self.pair(key, item)).collect(),
            _ => Err(self.wrong(key, "an object or an array of [name, value] pairs", value)),
        }
    }

    /// An object inside of this one.
    pub fn object(self, key: &str, known: &[&str]) -> Result<Option<Object<'a>>> {
        let Some(value) = self.get(key) else { return Ok(None) };
        if value.kind() != Kind::Object {
            return Err(self.wrong(key, "an object", value));
        }
        let object = Object { value, ..self };
        object.check_keys(key, known)?;
        Ok(Some(object))
    }

    fn get(self, key: &str) -> Option<Value<'a>> {
        self.value.get(key).filter(|value| !value.is_null())
    }

    fn pair(self, key: &str, item: Value<'a>) -> Result<(String, String)> {
        let mut parts = item.items();
        let (Some(name), Some(value), None) = (parts.next(), parts.next(), parts.next()) else {
            return Err(self.error(key, "expected [name, value] pairs in the array, found something else"));
        };
        let name = name
            .as_str()
            .ok_or_else(|| self.wrong(key, "a string as the name", name))?;
        let value = self.scalar(key, value)?;
        Ok((name.into_owned(), value))
    }

    /// Numbers and booleans are taken as they are written.
    fn scalar(self, key: &str, value: Value<'a>) -> Result<String> {
        match value.kind() {
            Kind::String => Ok(value.as_str().unwrap_or_default().into_owned()),
            Kind::Number | Kind::Bool => Ok(String::from_utf8_lossy(value.raw()).into_owned()),
            _ => Err(self.wrong(key, "strings as its values", value)),
        }
    }

    /// The value is not shown: a secret may have slipped into any key.
    fn wrong(self, key: &str, expected: &str, found: Value<'a>) -> Error {
        self.error(key, format_args!("expected {expected}, found {}", found.kind().name()))
    }

    fn check_keys(self, inside: &str, known: &[&str]) -> Result<()> {
        let unknown = self
            .value
            .members()
            .map(|(key, _)| key.decode())
            .find(|key| !known.contains(&&**key));
        let Some(key) = unknown else { return Ok(()) };
        let place = if inside.is_empty() {
            String::new()
        } else {
            format!(" in \"{inside}\"")
        };
        let nearest = nearest(&key, known);
        // Only what looks like a key is repeated: braces in the wrong place make keys of secrets.
        if !is_name(&key) {
            return Err(self
                .blame
                .whole(format_args!("unknown key{place}; the nearest is \"{nearest}\"")));
        }
        let mut error = self.blame.whole(format_args!(
            "unknown key \"{key}\"{place}; the nearest is \"{nearest}\""
        ));
        error.param = Some(key.into_owned());
        Err(error)
    }
}

fn is_name(key: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    key.len() <= SHOWN && key.bytes().all(plain) && !key.starts_with("sk-")
}

/// Numbers can be long too.
fn shown(number: &[u8]) -> String {
    String::from_utf8_lossy(&number[..number.len().min(SHOWN)]).into_owned()
}

/// The known key that takes the fewest changes to become; writing styles (`apiKey`, `api-key`) are no difference.
fn nearest<'k>(key: &str, known: &[&'k str]) -> &'k str {
    // What is longer than any key differs in its first characters already.
    let plain = |key: &str| -> Vec<u8> {
        key.bytes()
            .filter(u8::is_ascii_alphanumeric)
            .map(|byte| byte.to_ascii_lowercase())
            .take(SHOWN)
            .collect()
    };
    let key = plain(key);
    known
        .iter()
        .copied()
        .min_by_key(|known| distance(&key, &plain(known)))
        .unwrap_or_default()
}

/// The Levenshtein distance.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let change = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = change.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[&str] = &["api_key", "timeout_ms", "deadline_ms", "headers", "proxy"];

    fn object(text: &str) -> Object<'_> {
        Object::parse(text, KNOWN, Blame::Config).unwrap()
    }

    fn refused(text: &str) -> String {
        match Object::parse(text, KNOWN, Blame::Config) {
            Ok(_) => panic!("{text}"),
            Err(error) => error.message.clone(),
        }
    }

    #[test]
    fn an_unknown_key_is_answered_with_the_nearest_known_one() {
        for (key, nearest) in [
            ("apikey", "api_key"),
            ("apiKey", "api_key"),
            ("API-KEY", "api_key"),
            ("timeout", "timeout_ms"),
            ("time_out_ms", "timeout_ms"),
            ("proxies", "proxy"),
            ("header", "headers"),
        ] {
            let message = refused(&format!("{{\"{key}\": 1}}"));
            assert_eq!(
                message,
                format!("config: unknown key \"{key}\"; the nearest is \"{nearest}\"")
            );
        }
        for secret in ["sk-hunter2", "Bearer hunter2", &"x".repeat(100_000)] {
            assert!(refused(&format!("{{\"{secret}\": 1}}")).starts_with("config: unknown key; the nearest is "));
        }
    }

    #[test]
    fn what_is_not_an_object_is_told_with_its_place_or_its_kind() {
        assert_eq!(refused("\"sk-1\""), "config: expected an object, found a string");
        assert!(refused("{\n  \"proxy\": }").starts_with("config: not JSON: line 2, column 12: "));
        assert!(refused("").starts_with("config: not JSON: line 1, column 1: "));
        assert!(Object::parse("\u{feff} {}", KNOWN, Blame::Config).is_ok());
    }

    #[test]
    fn a_wrong_type_names_the_key_what_was_found_and_what_was_expected() {
        let message = |value: &str| {
            let text = format!("{{\"timeout_ms\": {value}}}");
            let error = object(&text).time("timeout_ms", 0).unwrap_err();
            assert_eq!(
                (error.status, error.param.as_deref()),
                (Status::Config, Some("timeout_ms"))
            );
            error.message.clone()
        };
        let expected = "config: timeout_ms: expected a whole number from 0 to 315360000000, found ";
        for (value, found) in [
            ("1.5", "1.5"),
            ("1e3", "1e3"),
            ("-1", "-1"),
            ("315360000001", "315360000001"),
            ("99999999999999999999", "99999999999999999999"),
            ("\"30\"", "a string"),
            ("true", "a boolean"),
            ("[1]", "an array"),
            ("{}", "an object"),
        ] {
            assert_eq!(message(value), format!("{expected}{found}"), "{value}");
        }
        assert!(
            object("{\"proxy\":[\"hunter2\"]}")
                .text("proxy")
                .unwrap_err()
                .message
                .ends_with("expected a string, found an array")
        );
        assert!(
            object("{\"proxy\":\"yes\"}")
                .flag("proxy")
                .unwrap_err()
                .message
                .ends_with("expected true or false, found a string")
        );
        let words = [("a", 1), ("b", 2)];
        assert!(
            object("{\"proxy\":\"c\"}")
                .word("proxy", &words)
                .unwrap_err()
                .message
                .ends_with("expected \"a\" or \"b\", found a string")
        );
        assert_eq!(object("{\"proxy\":\"b\"}").word("proxy", &words), Ok(Some(2)));
    }

    #[test]
    fn null_is_the_same_as_leaving_a_key_out() {
        let object = object("{\"timeout_ms\":null,\"headers\":null}");
        assert_eq!(object.time("timeout_ms", 0), Ok(None));
        assert_eq!(object.pairs("headers"), Ok(Vec::new()));
    }

    #[test]
    fn pairs_are_an_object_or_an_array() {
        let pairs = |text: &str| object(text).pairs("headers").map_err(|error| error.message.clone());
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            pairs("{\"headers\":{\"b\":\"1\",\"a\":2.50}}"),
            Ok(vec![pair("b", "1"), pair("a", "2.50")])
        );
        assert_eq!(
            pairs("{\"headers\":[[\"a\",\"1\"],[\"a\",true]]}"),
            Ok(vec![pair("a", "1"), pair("a", "true")])
        );
        for (text, why) in [
            (
                "{\"headers\":\"a: b\"}",
                "an object or an array of [name, value] pairs, found a string",
            ),
            ("{\"headers\":[\"a\"]}", "[name, value] pairs in the array"),
            (
                "{\"headers\":[[\"a\",\"b\",\"c\"]]}",
                "[name, value] pairs in the array",
            ),
            ("{\"headers\":[[1,\"b\"]]}", "a string as the name, found a number"),
            ("{\"headers\":{\"a\":null}}", "strings as its values, found null"),
        ] {
            let message = pairs(text).unwrap_err();
            assert!(message.contains(why), "{text}: {message}");
        }
    }

    #[test]
    fn of_a_key_given_twice_the_last_counts() {
        assert_eq!(
            object("{\"proxy\":\"a\",\"proxy\":\"b\"}")
                .text("proxy")
                .unwrap()
                .as_deref(),
            Some("b")
        );
    }
}
