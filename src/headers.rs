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
    /// Reads a block as it came over the wire: the status line, a line for each field, an empty line.
    ///
    /// Lines that are not fields are left out; bytes that are not UTF-8 become U+FFFD.
    pub fn parse(block: Vec<u8>) -> Headers {
        let mut block = match String::from_utf8(block) {
            Ok(block) => block.into_bytes(),
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned().into_bytes(),
        };
        // Every value needs a byte after it that may become NUL.
        block.push(b'\n');
        let mut fields: Vec<Field> = Vec::with_capacity(16);
        let mut start = 0;
        while let Some(length) = block[start..].iter().position(|&byte| byte == b'\n') {
            let end = start + length;
            if let Some(field) = Field::read(&block, start, end) {
                block[field.value.end] = 0;
                fields.push(field);
            }
            start = end + 1;
        }
        // Only line ends and blanks were overwritten, all of one byte, so the block is still UTF-8.
        let block = String::from_utf8(block).unwrap_or_default();
        Headers { block, fields }
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

impl Field {
    /// The field in the line `block[start..end]`; `end` is where its line feed stands.
    fn read(block: &[u8], start: usize, end: usize) -> Option<Field> {
        let colon = start + block[start..end].iter().position(|&byte| byte == b':')?;
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
    fn bytes_that_are_not_utf8_do_no_harm() {
        let headers = Headers::parse(b"X: a\xffb\r\nno field\r\n: nameless\r\nlast: one".to_vec());
        assert_eq!(headers.get("x"), Some("a\u{fffd}b"));
        assert_eq!(headers.iter().count(), 2);
        assert_eq!(headers.get_z("last"), Some(&b"one\0"[..]));
    }
}
