//! What became of a call: the answer, or the failure with whatever came.
#![forbid(unsafe_code)]

use crate::answer;
use crate::error::{Error, Status};
use crate::headers::Headers;
use crate::json::Value;
use crate::times::Took;
use once_cell::sync::OnceCell;

/// A call's outcome. Immutable; may be read by many threads at once.
///
/// Methods whose names end in `_z` give the bytes with one NUL after them, for C.
#[derive(Debug)]
pub struct Answer {
    status: Status,
    http_status: u16,
    headers: Headers,
    /// The bytes as they came, and a NUL.
    body: Vec<u8>,
    json: Json,
    error: Option<Error>,
    text: OnceCell<Vec<u8>>,
    headers_json: OnceCell<Vec<u8>>,
    took: Option<Took>,
    times_json: OnceCell<Vec<u8>>,
}

/// Where the JSON document is.
#[derive(Debug)]
enum Json {
    /// In the body, from this byte to its end.
    Body(usize),
    /// Apart, with a NUL.
    Own(Vec<u8>),
    /// There is none: the answer is something else.
    None,
}

impl Answer {
    /// A failure that no answer of the service belongs to.
    pub fn from_error(error: Error) -> Answer {
        Answer::failed(error, Headers::default(), Vec::new())
    }

    /// A failure with what the service sent.
    pub(crate) fn failed(error: Error, headers: Headers, body: Vec<u8>) -> Answer {
        let json = Json::Own(with_nul(error.to_json().into_bytes()));
        Answer {
            status: error.status,
            http_status: error.http_status,
            error: Some(error),
            ..Answer::new(0, headers, body, json)
        }
    }

    /// A good JSON answer that stands in the body as it came, from `start` on.
    pub(crate) fn in_body(http_status: u16, headers: Headers, body: Vec<u8>, start: usize) -> Answer {
        Answer::new(http_status, headers, body, Json::Body(start))
    }

    /// A good JSON answer that had to be mended.
    pub(crate) fn mended(http_status: u16, headers: Headers, body: Vec<u8>, json: Vec<u8>) -> Answer {
        Answer::new(http_status, headers, body, Json::Own(with_nul(json)))
    }

    /// A good answer that is not JSON.
    pub(crate) fn binary(http_status: u16, headers: Headers, body: Vec<u8>) -> Answer {
        Answer::new(http_status, headers, body, Json::None)
    }

    /// The same with this text instead of the one that the JSON holds.
    pub(crate) fn with_text(mut self, text: &str) -> Answer {
        self.text = OnceCell::with_value(with_nul(text.as_bytes().to_vec()));
        self
    }

    /// The same with what it took.
    pub(crate) fn with_times(mut self, took: Option<Took>) -> Answer {
        self.took = took;
        self
    }

    fn new(http_status: u16, headers: Headers, body: Vec<u8>, json: Json) -> Answer {
        Answer {
            status: Status::Ok,
            http_status,
            headers,
            body: with_nul(body),
            json,
            error: None,
            text: OnceCell::new(),
            headers_json: OnceCell::new(),
            took: None,
            times_json: OnceCell::new(),
        }
    }

    /// [`Status::Ok`], or how it failed.
    pub fn status(&self) -> Status {
        self.status
    }

    /// The HTTP status; 0: no answer came.
    pub fn http_status(&self) -> u16 {
        self.http_status
    }

    /// The failure, if it is one.
    pub fn error(&self) -> Option<&Error> {
        self.error.as_ref()
    }

    /// The JSON answer or the error document; empty when the answer is something else.
    pub fn json(&self) -> &str {
        let json = self.json_z();
        std::str::from_utf8(&json[..json.len() - 1]).unwrap_or_default()
    }

    /// [`json`](Self::json) for C.
    pub fn json_z(&self) -> &[u8] {
        match &self.json {
            Json::Body(start) => &self.body[*start..],
            Json::Own(json) => json,
            Json::None => b"\0",
        }
    }

    /// The answer's text: the message's content, `output_text`, a transcript. Empty when there is none.
    pub fn text(&self) -> &str {
        let text = self.text_z();
        std::str::from_utf8(&text[..text.len() - 1]).unwrap_or_default()
    }

    /// [`text`](Self::text) for C.
    pub fn text_z(&self) -> &[u8] {
        self.text.get_or_init(|| with_nul(self.find_text().into_bytes()))
    }

    fn find_text(&self) -> String {
        if self.error.is_some() {
            return String::new();
        }
        match Value::parse(self.json().as_bytes()) {
            Ok(value) => answer::text(value),
            // A transcript in a text format is its own text.
            Err(_)
                if self
                    .headers
                    .get("content-type")
                    .is_some_and(|kind| kind.starts_with("text/")) =>
            {
                String::from_utf8_lossy(self.body()).into_owned()
            }
            Err(_) => String::new(),
        }
    }

    /// The bytes as they came.
    pub fn body(&self) -> &[u8] {
        &self.body[..self.body.len() - 1]
    }

    /// [`body`](Self::body) for C.
    pub fn body_z(&self) -> &[u8] {
        &self.body
    }

    /// The answer's headers.
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    /// The first header with this name, in any case, for C.
    pub fn header_z(&self, name: &str) -> Option<&[u8]> {
        self.headers.get_z(name)
    }

    /// The headers as `[["name","value"],…]`, for C.
    pub fn headers_json_z(&self) -> &[u8] {
        self.headers_json
            .get_or_init(|| with_nul(self.headers.to_json().into_bytes()))
    }

    /// What the call took; `None` when nothing was sent.
    pub fn took(&self) -> Option<Took> {
        self.took
    }

    /// [`took`](Self::took) as a JSON object, for C.
    pub fn times_json_z(&self) -> &[u8] {
        self.times_json.get_or_init(|| {
            with_nul(
                self.took
                    .map_or_else(|| "{}".to_owned(), |took| took.to_json())
                    .into_bytes(),
            )
        })
    }

    /// The JSON answer or the error document alone. There is room for one byte more where that cost nothing.
    pub fn into_json(mut self) -> Vec<u8> {
        match self.json {
            Json::Body(start) => {
                self.body.pop();
                self.body.drain(..start);
                self.body
            }
            Json::Own(mut json) => {
                json.pop();
                json
            }
            Json::None => Vec::new(),
        }
    }
}

fn with_nul(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.reserve_exact(1);
    bytes.push(0);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_json_answer_is_handed_on_where_it_lies() {
        let answer = Answer::in_body(200, Headers::default(), b" {\"a\":1.10}".to_vec(), 1);
        assert_eq!(answer.json(), "{\"a\":1.10}");
        assert_eq!(answer.body(), b" {\"a\":1.10}");
        assert_eq!(answer.json_z().last(), Some(&0));
        assert_eq!(answer.into_json(), b"{\"a\":1.10}");
    }

    #[test]
    fn a_failure_tells_itself_in_json_and_keeps_what_came() {
        let mut error = Error::new(Status::NotFound, "no such model");
        error.http_status = 404;
        let answer = Answer::failed(error, Headers::from_pairs(&[("X", "y")]), b"<html>".to_vec());
        assert_eq!((answer.status(), answer.http_status()), (Status::NotFound, 404));
        assert!(answer.json().starts_with("{\"error\":{"));
        assert_eq!((answer.body(), answer.text()), (&b"<html>"[..], ""));
        assert_eq!(answer.headers_json_z(), b"[[\"X\",\"y\"]]\0");
    }

    #[test]
    fn an_answer_that_is_not_json_has_its_bytes_and_if_it_is_text_its_text() {
        let answer = Answer::binary(
            200,
            Headers::from_pairs(&[("Content-Type", "text/plain")]),
            b"1\n00:00".to_vec(),
        );
        assert_eq!((answer.json(), answer.text()), ("", "1\n00:00"));
        let answer = Answer::binary(200, Headers::default(), vec![0, 1, 2]);
        assert_eq!((answer.text(), answer.body()), ("", &[0, 1, 2][..]));
    }
}
