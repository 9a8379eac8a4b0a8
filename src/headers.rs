//! The header block of an answer, in the order and the letters in which it came.
//!
//! ureq's own map folds names to lower case and groups repeated ones; a program that shows or forwards headers wants what was sent.
#![forbid(unsafe_code)]

use crate::json;
use std::ops::Range;

/// The header fields of one answer.
#[derive(Clone, Debug, Default)]
pub struct Headers {
    /// The block, UTF-8, with a NUL over the byte after each value so that C can borrow it.
    block: String,
    fields: Vec<Field>,
}

#[derive(Clone, Debug)]
struct Field {
    name: Range<usize>,
    value: Range<usize>,
}

impl Headers {
    /// No headers.
    pub(crate) const NONE: Headers = Headers {
        block: String::new(),
        fields: Vec::new(),
    };

    /// Reads a block as it came over the wire: the status line, a line for each field, an empty line.
    ///
    /// Lines that are not fields are left out; bytes that are not UTF-8 become U+FFFD.
    pub fn parse(block: Vec<u8>) -> Headers {
        let mut block =
            String::from_utf8(block).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
        // Every value needs a byte after it that may become NUL.
        block.push('\n');
        let mut fields: Vec<Field> = Vec::with_capacity(16);
        let mut start = 0;
        while let Some(length) = block[start..].find('\n') {
            fields.extend(Field::read(&block, start, start + length));
            start += length + 1;
        }
        let mut block = block.into_bytes();
        for field in &fields {
            block[field.value.end] = 0;
        }
        // Only line ends and blanks were overwritten, all of one byte, so the block is still UTF-8.
        let block = String::from_utf8(block).unwrap_or_default();
        Headers { block, fields }
    }

    /// The same for the block that `input` begins with, if it is whole and such that every reader reads it alike: each line a name, a
    /// colon and visible text. The block's length comes with it.
    pub(crate) fn parse_proper(input: &[u8]) -> Option<(Headers, usize)> {
        let count = |from: usize, class: u8| {
            let bytes = input[from..].iter();
            bytes.copied().position(|byte| CLASSES[usize::from(byte)] & class == 0)
        };
        // Values are long enough to be looked at in steps of eight.
        let visible = |from: usize| {
            let mut at = from;
            while input[at..].first_chunk().is_some_and(all_visible) {
                at += 8;
            }
            Some(at + count(at, VISIBLE)?)
        };
        let line_end = |at: usize| match input[at..] {
            [b'\n', ..] => Some(at + 1),
            [b'\r', b'\n', ..] => Some(at + 2),
            _ => None,
        };
        let mut fields: Vec<Field> = Vec::with_capacity(16);
        let mut at = line_end(visible(0)?)?;
        let size = loop {
            if let Some(end) = line_end(at) {
                break end;
            }
            let name = at..at + count(at, TOKEN)?;
            if name.is_empty() || input[name.end] != b':' {
                return None;
            }
            let mut start = name.end + 1;
            let mut end = visible(start)?;
            at = line_end(end)?;
            while start < end && matches!(input[start], b' ' | b'\t') {
                start += 1;
            }
            while start < end && matches!(input[end - 1], b' ' | b'\t') {
                end -= 1;
            }
            fields.push(Field {
                name,
                value: start..end,
            });
        };
        let mut block = input[..size].to_vec();
        for field in &fields {
            block[field.value.end] = 0;
        }
        let block = String::from_utf8(block).ok()?;
        Some((Headers { block, fields }, size))
    }

    /// Where each field's name lies in the block, from the last to the first.
    pub(crate) fn names_from_last(&self) -> impl Iterator<Item = Range<usize>> {
        self.fields.iter().rev().map(|field| field.name.clone())
    }

    /// The same from pairs.
    pub fn from_pairs(pairs: &[(&str, &str)]) -> Headers {
        let mut block = String::new();
        for (name, value) in pairs {
            block.push_str(name);
            block.push_str(": ");
            block.push_str(value);
            block.push('\n');
        }
        Headers::parse(block.into_bytes())
    }

    /// The first value of the field with this name, in any case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.find(name).map(|field| &self.block[field.value.clone()])
    }

    /// [`get`](Self::get) with the NUL that C needs after it.
    pub(crate) fn get_z(&self, name: &str) -> Option<&[u8]> {
        self.find(name)
            .map(|field| &self.block.as_bytes()[field.value.start..field.value.end + 1])
    }

    /// Every field, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields
            .iter()
            .map(|field| (&self.block[field.name.clone()], &self.block[field.value.clone()]))
    }

    /// `[["name","value"],…]`, in order.
    pub fn to_json(&self) -> String {
        let mut out = String::with_capacity(self.block.len() + 8 * self.fields.len() + 2);
        out.push('[');
        for (i, (name, value)) in self.iter().enumerate() {
            out.push_str(if i == 0 { "[" } else { ",[" });
            json::quote(name, &mut out);
            out.push(',');
            json::quote(value, &mut out);
            out.push(']');
        }
        out.push(']');
        out
    }

    fn find(&self, name: &str) -> Option<&Field> {
        self.fields
            .iter()
            .find(|field| self.block.as_bytes()[field.name.clone()].eq_ignore_ascii_case(name.as_bytes()))
    }
}

/// A byte that names are made of (RFC 9110, section 5.6.2), as far as they are in use.
const TOKEN: u8 = 1;
/// A byte that may stand in a value.
const VISIBLE: u8 = 2;

/// What each byte can be: a look-up for each costs less than comparing.
const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let is_token = (byte as u8).is_ascii_alphanumeric() || matches!(byte as u8, b'-' | b'_');
        let is_visible = byte >= 0x20 && byte != 0x7F || byte as u8 == b'\t';
        classes[byte] = if is_token { TOKEN } else { 0 } | if is_visible { VISIBLE } else { 0 };
        byte += 1;
    }
    classes
};

/// Whether all are [`VISIBLE`], tabs left out.
fn all_visible(bytes: &[u8; 8]) -> bool {
    !bytes
        .iter()
        .fold(false, |found, &byte| found | (byte < 0x20) | (byte == 0x7F))
}

impl Field {
    /// The field in the line `block[start..end]`; `end` is where its line feed stands.
    fn read(block: &str, start: usize, end: usize) -> Option<Field> {
        let colon = start + block[start..end].find(':')?;
        let block = block.as_bytes();
        let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r');
        let value_end = end - block[colon + 1..end].iter().rev().take_while(|b| blank(b)).count();
        let value_start = colon + 1 + block[colon + 1..value_end].iter().take_while(|b| blank(b)).count();
        let name = start..colon;
        (!name.is_empty() && !block[name.clone()].contains(&b' ')).then_some(Field {
            name,
            value: value_start..value_end,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_keep_their_order_and_their_letters() {
        let headers =
            Headers::parse(b"HTTP/1.1 200 OK\r\nX-B:  two \r\nx-a: one\r\nX-B: three\r\nempty:\r\n\r\n".to_vec());
        let fields: Vec<_> = headers.iter().collect();
        assert_eq!(
            fields,
            [("X-B", "two"), ("x-a", "one"), ("X-B", "three"), ("empty", "")]
        );
        assert_eq!(headers.get("x-b"), Some("two"));
        assert_eq!(headers.get_z("X-A"), Some(&b"one\0"[..]));
        assert_eq!(headers.get_z("empty"), Some(&b"\0"[..]));
        assert_eq!(headers.get("absent"), None);
        assert_eq!(
            headers.to_json(),
            r#"[["X-B","two"],["x-a","one"],["X-B","three"],["empty",""]]"#
        );
    }

    #[test]
    fn a_proper_block_is_read_the_same_in_one_pass() {
        let block = b"HTTP/1.1 200 OK\r\nX-B:  two \t\r\nx-a:one\nempty:\r\nblank:  \r\n\r\n";
        let input = [&block[..], b"body"].concat();
        let (proper, size) = Headers::parse_proper(&input).expect("nothing is wrong with it");
        assert_eq!(size, block.len());
        let lenient = Headers::parse(block.to_vec());
        assert!(proper.iter().eq(lenient.iter()));
        assert_eq!(proper.get_z("X-B"), Some(&b"two\0"[..]));
        assert_eq!(proper.get_z("blank"), Some(&b"\0"[..]));
        for end in 0..block.len() {
            assert!(Headers::parse_proper(&block[..end]).is_none(), "not whole");
        }
        for line in ["X: a\r\n folded", "no colon", "X : y", ": y", "X: \u{1}", "X: a\rb"] {
            let block = format!("HTTP/1.1 200 OK\r\nX-A: b\r\n{line}\r\n\r\n");
            assert!(Headers::parse_proper(block.as_bytes()).is_none(), "{line:?}");
        }
    }

    #[test]
    fn bytes_that_are_not_utf8_do_no_harm() {
        let headers = Headers::parse(b"X: a\xffb\r\nno field\r\n: nameless\r\nlast: one".to_vec());
        assert_eq!(headers.get("x"), Some("a\u{fffd}b"));
        assert_eq!(headers.iter().count(), 2);
        assert_eq!(headers.get_z("last"), Some(&b"one\0"[..]));
    }
}
