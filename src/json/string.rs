//! Strings: from what is written to what is meant, and back.
#![forbid(unsafe_code)]

use std::borrow::Cow;

/// Appends `text` as a JSON string literal. What needs no escape is not escaped.
pub fn quote(text: &str, out: &mut String) {
    out.reserve(text.len() + 2);
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest
        .bytes()
        .position(|byte| byte < 0x20 || byte == b'"' || byte == b'\\')
    {
        out.push_str(&rest[..at]);
        push_escape(rest.as_bytes()[at], out);
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
    out.push('"');
}

fn push_escape(byte: u8, out: &mut String) {
    const HEX: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
    ];
    out.push('\\');
    match byte {
        b'\n' => out.push('n'),
        b'\r' => out.push('r'),
        b'\t' => out.push('t'),
        0x08 => out.push('b'),
        0x0C => out.push('f'),
        0..0x20 => {
            out.push_str("u00");
            out.push(HEX[usize::from(byte >> 4)]);
            out.push(HEX[usize::from(byte & 15)]);
        }
        _ => out.push(char::from(byte)),
    }
}

/// What an escaped string stands for.
pub fn decode(escaped: &[u8]) -> Cow<'_, str> {
    if !escaped.contains(&b'\\') {
        return String::from_utf8_lossy(escaped);
    }
    let mut decoded = String::with_capacity(escaped.len());
    decode_into(escaped, &mut decoded);
    Cow::Owned(decoded)
}

/// Appends what an escaped string stands for.
pub fn decode_into(escaped: &[u8], out: &mut String) {
    let mut rest = escaped;
    while let Some(at) = rest.iter().position(|&byte| byte == b'\\') {
        push_utf8(&rest[..at], out);
        let (character, length) = unescape(&rest[at..]);
        out.push(character);
        rest = rest.get(at + length..).unwrap_or_default();
    }
    push_utf8(rest, out);
}

fn push_utf8(bytes: &[u8], out: &mut String) {
    match std::str::from_utf8(bytes) {
        Ok(text) => out.push_str(text),
        Err(_) => out.push_str(&String::from_utf8_lossy(bytes)),
    }
}

/// The character that the escape at the start of `rest` stands for, and the length of the escape.
fn unescape(rest: &[u8]) -> (char, usize) {
    match rest.get(1).copied().unwrap_or(0) {
        b'n' => ('\n', 2),
        b'r' => ('\r', 2),
        b't' => ('\t', 2),
        b'b' => ('\u{8}', 2),
        b'f' => ('\u{c}', 2),
        b'u' => unescape_unicode(rest),
        byte => (char::from(byte), 2),
    }
}

fn unescape_unicode(rest: &[u8]) -> (char, usize) {
    let unit = code_unit(rest).unwrap_or(0xFFFD);
    let low = rest
        .get(6..)
        .and_then(code_unit)
        .filter(|low| (0xDC00..0xE000).contains(low));
    match (unit, low) {
        (0xD800..0xDC00, Some(low)) => {
            let scalar = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
            (char::from_u32(scalar).unwrap_or(char::REPLACEMENT_CHARACTER), 12)
        }
        _ => (char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER), 6),
    }
}

/// The UTF-16 code unit of a `\uXXXX` at the start of `rest`.
fn code_unit(rest: &[u8]) -> Option<u32> {
    let digits = rest.strip_prefix(b"\\u")?.get(..4)?;
    digits
        .iter()
        .try_fold(0, |unit, &digit| Some(unit << 4 | char::from(digit).to_digit(16)?))
}

/// Makes every lone surrogate of a checked text `\ufffd`, which every reader of JSON takes.
pub fn mend_surrogates(mut text: &mut [u8]) {
    while let Some(escape) = text.iter().position(|&byte| byte == b'\\') {
        let rest = &mut text[escape..];
        let (character, length) = unescape(rest);
        if character == char::REPLACEMENT_CHARACTER
            && let Some(digits) = rest.get_mut(2..6)
        {
            digits.copy_from_slice(b"fffd");
        }
        text = rest.get_mut(length..).unwrap_or_default();
    }
}
