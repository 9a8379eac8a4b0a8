//! Forms as servers get them: multipart/form-data (RFC 7578) cut into its parts.

use super::http::Request;

/// A field, or a file when it has a file name.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    pub name: String,
    pub filename: Option<String>,
    pub content_type: Option<String>,
    pub content: Vec<u8>,
}

impl Part {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.content).expect("a field of UTF-8")
    }
}

/// The parts of a request's form, in order; `None` when its body is no form.
pub fn parts(request: &Request) -> Option<Vec<Part>> {
    let (kind, boundary) = request.header("content-type")?.split_once("; boundary=")?;
    let delimiter = format!("--{boundary}\r\n").into_bytes();
    let end = format!("\r\n--{boundary}--\r\n").into_bytes();
    let inside = request.body.strip_prefix(&delimiter[..])?.strip_suffix(&end[..])?;
    let between = [b"\r\n", &delimiter[..]].concat();
    if kind != "multipart/form-data" {
        return None;
    }
    cut(inside, &between).into_iter().map(part).collect()
}

fn part(bytes: &[u8]) -> Option<Part> {
    let at = find(bytes, b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..at]).ok()?;
    // One header a line: whatever a name has in it, it must not make another.
    let header = |name: &str| {
        head.split("\r\n")
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    };
    let disposition = header("Content-Disposition")?.strip_prefix("form-data")?;
    let parameter = |name: &str| {
        let (_, rest) = disposition.split_once(&format!("; {name}=\""))?;
        Some(rest.split_once('"')?.0.to_owned())
    };
    Some(Part {
        name: parameter("name")?,
        filename: parameter("filename"),
        content_type: header("Content-Type").map(str::to_owned),
        content: bytes[at + 4..].to_vec(),
    })
}

fn cut<'a>(mut bytes: &'a [u8], delimiter: &[u8]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    while let Some(at) = find(bytes, delimiter) {
        pieces.push(&bytes[..at]);
        bytes = &bytes[at + delimiter.len()..];
    }
    pieces.push(bytes);
    pieces
}

/// Looks at the first byte alone where it can: files are large.
fn find(bytes: &[u8], sought: &[u8]) -> Option<usize> {
    let mut from = 0;
    while let Some(at) = bytes[from..].iter().position(|byte| *byte == sought[0]) {
        if bytes[from + at..].starts_with(sought) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}
