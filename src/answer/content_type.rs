//! What an answer says it is.
#![forbid(unsafe_code)]

use crate::headers::Headers;

/// A content type in lower case. Services get it wrong both ways, so it decides only what the body leaves open.
pub(super) struct ContentType(String);

impl ContentType {
    pub fn of(headers: &Headers) -> ContentType {
        ContentType(headers.get("content-type").unwrap_or_default().to_ascii_lowercase())
    }

    pub fn is_json(&self) -> bool {
        let essence = self.essence();
        essence == "application/json" || essence.ends_with("+json")
    }

    pub fn is_html(&self) -> bool {
        self.essence() == "text/html"
    }

    /// Bytes that somebody stored; lines of JSON are stored too.
    pub fn is_file(&self) -> bool {
        let essence = self.essence();
        matches!(
            essence,
            "application/octet-stream" | "application/binary" | "binary/octet-stream"
        ) || essence.ends_with("jsonl")
            || essence.ends_with("ndjson")
    }

    pub fn is_gbk(&self) -> bool {
        self.0
            .split_once("charset=")
            .is_some_and(|(_, charset)| charset.trim_start_matches('"').starts_with("gb"))
    }

    fn essence(&self) -> &str {
        self.0.split(';').next().unwrap_or_default().trim()
    }
}
