//! Answers as services were seen to give them, and what is made of each.
#![forbid(unsafe_code)]

mod events;
mod failures;
mod good;

use super::*;

/// A good answer.
const HI: &str = concat!(
    r#"{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":"#,
    r#"{"role":"assistant","content":"hi"},"finish_reason":"stop"}],"usage":{"total_tokens":2}}"#
);

fn judged(http_status: u16, headers: &[(&str, &str)], body: &[u8], expect: Expect) -> Result<String> {
    let json = judge(http_status, &Headers::from_pairs(headers), body, expect)?;
    Ok(String::from_utf8(json.into_owned()).unwrap())
}

/// An answer to a chat completion.
fn chat(http_status: u16, headers: &[(&str, &str)], body: &[u8]) -> Result<String> {
    judged(http_status, headers, body, Expect::Choices)
}

fn json(http_status: u16, body: &str) -> Result<String> {
    chat(http_status, &[("content-type", "application/json")], body.as_bytes())
}

fn refused(http_status: u16, body: &str) -> Error {
    json(http_status, body).expect_err(body)
}

fn pair(name: &str, json: &str) -> (String, String) {
    (name.to_owned(), json.to_owned())
}
