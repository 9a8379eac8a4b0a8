//! JSON read in place: a text is checked once, then walked as slices of itself.
//!
//! Nothing is built and nothing is written anew, so numbers keep their digits, unknown members their bytes and large answers their
//! one buffer. Checking is strict (RFC 8259, valid UTF-8) and does not recurse; walking trusts the check but never panics.
//!
//! Eight bytes are looked at in one step wherever a run is likely: the marks in a word are found by the arithmetic of
//! "determine if a word has a zero byte", in which the lowest mark is exact and those above it may be false.
#![forbid(unsafe_code)]

use std::borrow::Cow;
use std::fmt;

/// How deep arrays and objects may nest.
const MAX_DEPTH: usize = 1024;

/// Where a text stops being JSON, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// In bytes, from 0.
    pub offset: usize,
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// For a person: "expected ',' or '}'".
    pub what: &'static str,
}

impl Fault {
    fn new(text: &[u8], offset: usize, what: &'static str) -> Fault {
        let before = text.get(..offset).unwrap_or(text);
        let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
        let line_start = before
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |newline| newline + 1);
        // A person counts characters, and every character has one byte that does not continue another.
        let column = 1 + before[line_start..].iter().filter(|&&byte| byte & 0xC0 != 0x80).count();
        Fault {
            offset,
            line,
            column,
            what,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.what)
    }
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the names are JSON's own
pub enum Kind {
    Null,
    Bool,
    Number,
    String,
    Array,
    Object,
}

impl Kind {
    /// As a message to a person calls it: "a string".
    pub fn name(self) -> &'static str {
        match self {
            Kind::Null => "null",
            Kind::Bool => "a boolean",
            Kind::Number => "a number",
            Kind::String => "a string",
            Kind::Array => "an array",
            Kind::Object => "an object",
        }
    }
}

/// A checked JSON value: the bytes of a text from its first to its last.
#[derive(Clone, Copy)]
pub struct Value<'a> {
    raw: &'a [u8],
}

impl<'a> Value<'a> {
    /// Checks that the whole text is one JSON document. White space around it is left out of the value.
    pub fn parse(text: &'a [u8]) -> Result<Value<'a>, Fault> {
        check(text).map_err(|stop| Fault::new(text, text.len() - stop.rest.len(), stop.what))
    }

    /// What it is.
    pub fn kind(self) -> Kind {
        match self.raw {
            [b'{', ..] => Kind::Object,
            [b'[', ..] => Kind::Array,
            [b'"', ..] => Kind::String,
            [b't' | b'f', ..] => Kind::Bool,
            [b'n', ..] => Kind::Null,
            _ => Kind::Number,
        }
    }

    /// The bytes as they came.
    pub fn raw(self) -> &'a [u8] {
        self.raw
    }

    /// Where this value begins in the text it was read from.
    pub fn offset_in(self, outer: &[u8]) -> usize {
        (self.raw.as_ptr() as usize).wrapping_sub(outer.as_ptr() as usize)
    }

    /// The members of an object, in order; none when this is not an object.
    pub fn members(self) -> Members<'a> {
        Members {
            rest: self.raw.strip_prefix(b"{").unwrap_or_default(),
        }
    }

    /// The items of an array; none when this is not an array.
    pub fn items(self) -> Items<'a> {
        Items {
            rest: self.raw.strip_prefix(b"[").unwrap_or_default(),
        }
    }

    /// The member of that name. Of several the last, as every common parser has it.
    pub fn get(self, key: &str) -> Option<Value<'a>> {
        self.members()
            .filter(|(name, _)| name.is(key))
            .last()
            .map(|(_, value)| value)
    }

    /// The value that a JSON Pointer (RFC 6901) leads to.
    pub fn pointer(self, pointer: &str) -> Option<Value<'a>> {
        if pointer.is_empty() {
            return Some(self);
        }
        pointer
            .strip_prefix('/')?
            .split('/')
            .try_fold(self, |value, token| match value.kind() {
                // `~01` is `~1`, not `/`: the order of the two matters.
                Kind::Object if token.contains('~') => value.get(&token.replace("~1", "/").replace("~0", "~")),
                Kind::Object => value.get(token),
                Kind::Array => value.items().nth(array_index(token)?),
                _ => None,
            })
    }

    /// The decoded string; a lone surrogate becomes U+FFFD. `None` when this is not a string.
    pub fn as_str(self) -> Option<Cow<'a, str>> {
        self.str_raw().map(decode)
    }

    /// Appends the decoded string. `false`, and nothing appended, when this is not a string.
    pub fn decode_into(self, out: &mut String) -> bool {
        let Some(escaped) = self.str_raw() else { return false };
        decode_into(escaped, out);
        true
    }

    /// The bytes between the quotes, escapes and all.
    pub fn str_raw(self) -> Option<&'a [u8]> {
        self.raw.strip_prefix(b"\"")?.strip_suffix(b"\"")
    }

    /// Whether it is `null`.
    pub fn is_null(self) -> bool {
        self.raw == b"null"
    }

    /// A boolean.
    pub fn as_bool(self) -> Option<bool> {
        match self.raw {
            b"true" => Some(true),
            b"false" => Some(false),
            _ => None,
        }
    }

    /// A number that is written as an integer and fits.
    pub fn as_i64(self) -> Option<i64> {
        self.number()?.parse().ok()
    }

    /// A number that is written as an integer and fits.
    pub fn as_u64(self) -> Option<u64> {
        self.number()?.parse().ok()
    }

    /// The nearest number; one too large for a double is infinite.
    pub fn as_f64(self) -> Option<f64> {
        self.number()?.parse().ok()
    }

    fn number(self) -> Option<&'a str> {
        match self.kind() {
            Kind::Number => std::str::from_utf8(self.raw).ok(),
            _ => None,
        }
    }
}

impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(self.raw))
    }
}

/// The name of a member, as it is written.
#[derive(Clone, Copy)]
pub struct Key<'a> {
    raw: &'a [u8],
}

impl<'a> Key<'a> {
    /// Whether this is the name, however it is written.
    pub fn is(&self, name: &str) -> bool {
        // A backslash is always escaped, so a name that has one never equals what is written.
        match self.raw.contains(&b'\\') {
            false => self.raw == name.as_bytes(),
            true => self.decode() == name,
        }
    }

    /// The name itself.
    pub fn decode(&self) -> Cow<'a, str> {
        decode(self.raw)
    }

    /// The bytes between the quotes, escapes and all.
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }
}

impl fmt::Debug for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(self.raw))
    }
}

/// The members of an object; see [`Value::members`].
#[derive(Clone)]
pub struct Members<'a> {
    /// From where the next name may be.
    rest: &'a [u8],
}

impl<'a> Iterator for Members<'a> {
    type Item = (Key<'a>, Value<'a>);

    fn next(&mut self) -> Option<(Key<'a>, Value<'a>)> {
        let name = skip_space(self.rest).strip_prefix(b"\"")?;
        let after_name = skip_string(name);
        let key = Key {
            raw: &name[..(name.len() - after_name.len()).checked_sub(1)?],
        };
        let text = skip_space(skip_space(after_name).strip_prefix(b":")?);
        let after = skip_value(text);
        self.rest = after_comma(after);
        Some((
            key,
            Value {
                raw: &text[..text.len() - after.len()],
            },
        ))
    }
}

/// The items of an array; see [`Value::items`].
#[derive(Clone)]
pub struct Items<'a> {
    /// From where the next item may be.
    rest: &'a [u8],
}

impl<'a> Iterator for Items<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        let text = skip_space(self.rest);
        if matches!(text, [] | [b']', ..]) {
            return None;
        }
        let after = skip_value(text);
        self.rest = after_comma(after);
        Some(Value {
            raw: &text[..text.len() - after.len()],
        })
    }
}

/// What follows the comma; nothing when there is none.
fn after_comma(text: &[u8]) -> &[u8] {
    skip_space(text).strip_prefix(b",").unwrap_or_default()
}

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

// ---- decoding strings ----

fn decode(escaped: &[u8]) -> Cow<'_, str> {
    if !escaped.contains(&b'\\') {
        return String::from_utf8_lossy(escaped);
    }
    let mut decoded = String::with_capacity(escaped.len());
    decode_into(escaped, &mut decoded);
    Cow::Owned(decoded)
}

/// Appends what an escaped string stands for.
pub(crate) fn decode_into(escaped: &[u8], out: &mut String) {
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

/// Makes every lone surrogate of a checked text `\\ufffd`, which every reader of JSON takes.
pub(crate) fn mend_surrogates(text: &mut [u8]) {
    let mut at = 0;
    while let Some(escape) = text[at..].iter().position(|&byte| byte == b'\\') {
        at += escape;
        let (character, length) = unescape(&text[at..]);
        if character == char::REPLACEMENT_CHARACTER {
            text[at + 2..at + 6].copy_from_slice(b"fffd");
        }
        at += length;
    }
}

fn array_index(token: &str) -> Option<usize> {
    let plain = token.bytes().all(|byte| byte.is_ascii_digit()) && (token == "0" || !token.starts_with('0'));
    if plain { token.parse().ok() } else { None }
}

// ---- eight bytes at once ----

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

const fn repeat(byte: u8) -> u64 {
    ONES * byte as u64
}

/// The first eight bytes, the first of them lowest.
#[inline(always)]
fn first_word(text: &[u8]) -> Option<u64> {
    text.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}

/// How many bytes lie before the lowest mark.
#[inline(always)]
fn before_mark(marks: u64) -> usize {
    (marks.trailing_zeros() / 8) as usize
}

/// Marks quotes, backslashes, control characters and whatever is not ASCII.
#[inline(always)]
fn string_marks(word: u64) -> u64 {
    let quote = (word ^ repeat(b'"')).wrapping_sub(ONES);
    let backslash = (word ^ repeat(b'\\')).wrapping_sub(ONES);
    let control = word.wrapping_sub(repeat(0x20));
    (quote | backslash | control | word) & HIGH
}

/// Marks all but digits.
#[inline(always)]
fn digit_marks(word: u64) -> u64 {
    // 0..=9 stay below 0x80 when 0x76 is added. What a larger one carries only reaches bytes behind it.
    let values = word ^ repeat(b'0');
    (values.wrapping_add(repeat(0x76)) | values) & HIGH
}

/// Marks quotes and brackets; what stands in strings may be marked too.
#[inline(always)]
fn structure_marks(word: u64) -> u64 {
    // Outside of strings, the bytes that have all bits of 0x59 are the four brackets.
    let bracket = ((word & repeat(0x59)) ^ repeat(0x59)).wrapping_sub(ONES);
    let quote = (word ^ repeat(b'"')).wrapping_sub(ONES);
    (bracket | quote) & HIGH
}

/// Marks what may follow a number or a literal, and the plus sign of an exponent.
#[inline(always)]
fn scalar_marks(word: u64) -> u64 {
    // Closing brackets differ in the bit 0x20 only; white space and the comma lie below the minus sign.
    let bracket = ((word | repeat(0x20)) ^ repeat(b'}')).wrapping_sub(ONES);
    let low = word.wrapping_sub(repeat(b'-'));
    (bracket | low) & HIGH
}

// ---- checking ----

/// What is left of the text behind something that was checked.
type Step<'a> = Result<&'a [u8], Stop<'a>>;

/// Where a check failed, and why.
struct Stop<'a> {
    rest: &'a [u8],
    what: &'static str,
}

#[cold]
fn stop<'a>(rest: &'a [u8], what: &'static str) -> Step<'a> {
    let what = if rest.is_empty() {
        "the text ends too early"
    } else {
        what
    };
    Err(Stop { rest, what })
}

/// The open brackets around a place.
struct Nesting {
    /// One bit a level, set for objects.
    objects: [u64; MAX_DEPTH / 64],
    depth: usize,
    /// The bracket that will close the innermost; 0 when none is open.
    closing: u8,
}

impl Nesting {
    /// `false`: too deep.
    fn open(&mut self, closing: u8) -> bool {
        let Some(level) = self.objects.get_mut(self.depth / 64) else {
            return false;
        };
        let bit = 1 << (self.depth % 64);
        *level = if closing == b'}' { *level | bit } else { *level & !bit };
        self.depth += 1;
        self.closing = closing;
        true
    }

    fn close(&mut self) {
        self.depth -= 1;
        self.closing = match self.depth.checked_sub(1) {
            None => 0,
            Some(around) if self.objects[around / 64] >> (around % 64) & 1 == 1 => b'}',
            Some(_) => b']',
        };
    }
}

fn check(text: &[u8]) -> Result<Value<'_>, Stop<'_>> {
    let start = skip_space(text);
    let end = check_value(start)?;
    match skip_space(end) {
        [] => Ok(Value {
            raw: &start[..start.len() - end.len()],
        }),
        rest => Err(Stop {
            rest,
            what: "expected nothing more after the value",
        }),
    }
}

fn check_value(text: &[u8]) -> Step<'_> {
    let mut nesting = Nesting {
        objects: [0; MAX_DEPTH / 64],
        depth: 0,
        closing: 0,
    };
    let mut rest = text;
    loop {
        rest = match rest {
            [b'"', rest @ ..] => check_string(rest)?,
            [b'-' | b'0'..=b'9', ..] => check_number(rest)?,
            [bracket @ (b'{' | b'['), inside @ ..] => {
                // The closing one is two places further in ASCII.
                if !nesting.open(bracket + 2) {
                    return stop(rest, "nested more than 1024 deep");
                }
                match (bracket, skip_space(inside)) {
                    // An empty one is closed below.
                    (b'{', end @ [b'}', ..]) | (b'[', end @ [b']', ..]) => end,
                    (b'{', inside) => {
                        rest = check_key(inside)?;
                        continue;
                    }
                    (_, inside) => {
                        rest = inside;
                        continue;
                    }
                }
            }
            [b't', b'r', b'u', b'e', rest @ ..] => rest,
            [b'f', b'a', b'l', b's', b'e', rest @ ..] => rest,
            [b'n', b'u', b'l', b'l', rest @ ..] => rest,
            _ => return no_value(rest),
        };
        // A value has ended, and with it all that it was the last of.
        loop {
            if nesting.closing == 0 {
                return Ok(rest);
            }
            rest = skip_space(rest);
            match rest {
                [b',', next @ ..] => {
                    rest = skip_space(next);
                    break;
                }
                [byte, next @ ..] if *byte == nesting.closing => {
                    rest = next;
                    nesting.close();
                }
                _ if nesting.closing == b'}' => return stop(rest, "expected ',' or '}'"),
                _ => return stop(rest, "expected ',' or ']'"),
            }
        }
        rest = match nesting.closing {
            b'}' => check_key(rest)?,
            _ => skip_fractions(rest),
        };
    }
}

/// The name of a member and its colon, up to the value.
#[inline(always)]
fn check_key(text: &[u8]) -> Step<'_> {
    let [b'"', name @ ..] = text else {
        return stop(text, "expected a member's name in double quotes");
    };
    match skip_space(check_string(name)?) {
        [b':', rest @ ..] => Ok(skip_space(rest)),
        rest => stop(rest, "expected ':' after a member's name"),
    }
}

/// The rest of a string, from behind its opening quote.
#[inline(always)]
fn check_string(text: &[u8]) -> Step<'_> {
    let mut rest = text;
    loop {
        rest = skip_plain(rest);
        match rest {
            [b'"', end @ ..] => return Ok(end),
            [b'\\', ..] => rest = check_escape(rest)?,
            [0x80..=0xFF, ..] => return check_wide_string(text, rest),
            [0x20..=0xFF, next @ ..] => rest = next,
            _ => return stop(rest, "a control character in a string must be escaped"),
        }
    }
}

/// The same for a string that is not ASCII: its bytes are looked at again when its end is known.
fn check_wide_string<'a>(text: &'a [u8], mut rest: &'a [u8]) -> Step<'a> {
    loop {
        rest = skip_wide(rest);
        match rest {
            [b'"', end @ ..] => {
                let string = &text[..text.len() - rest.len()];
                return match std::str::from_utf8(string) {
                    Ok(_) => Ok(end),
                    Err(error) => stop(&text[error.valid_up_to()..], "not valid UTF-8"),
                };
            }
            [b'\\', ..] => rest = check_escape(rest)?,
            [0x20..=0xFF, next @ ..] => rest = next,
            _ => return stop(rest, "a control character in a string must be escaped"),
        }
    }
}

fn check_escape(text: &[u8]) -> Step<'_> {
    match text {
        [_, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', rest @ ..] => Ok(rest),
        [_, b'u', rest @ ..] if code_unit(text).is_some() => Ok(&rest[4..]),
        [_, b'u', ..] => stop(text, "expected four hexadecimal digits after \\u"),
        [_] => stop(&[], ""),
        _ => stop(text, "unknown escape in a string"),
    }
}

fn check_number(text: &[u8]) -> Step<'_> {
    let mut rest = match text.strip_prefix(b"-").unwrap_or(text) {
        [b'0', rest @ ..] => rest,
        number => check_digits(number)?,
    };
    if let [b'.', fraction @ ..] = rest {
        rest = check_digits(fraction)?;
    }
    match rest {
        [b'e' | b'E', b'+' | b'-', exponent @ ..] | [b'e' | b'E', exponent @ ..] => check_digits(exponent),
        _ => Ok(rest),
    }
}

/// What follows as many items like `-0.0123456789,` as there are: an embedding's numbers are checked with two words each.
#[inline(always)]
fn skip_fractions(mut text: &[u8]) -> &[u8] {
    while let Some(rest) = skip_fraction(text) {
        text = skip_space(rest);
    }
    text
}

/// What follows one digit, a point, one to thirteen digits and a comma.
#[inline(always)]
fn skip_fraction(text: &[u8]) -> Option<&[u8]> {
    let number = text.strip_prefix(b"-").unwrap_or(text);
    let bytes = number.first_chunk::<16>()?;
    let low = digit_marks(first_word(bytes)?);
    // The digits before and behind the point.
    if bytes[1] != b'.' || low & 0x80_0080 != 0 {
        return None;
    }
    let length = match low & !0xFFFF {
        0 => 8 + before_mark(digit_marks(first_word(&bytes[8..])?)),
        low => before_mark(low),
    };
    if bytes.get(length) == Some(&b',') {
        Some(&number[length + 1..])
    } else {
        None
    }
}

/// At least one digit.
#[inline(always)]
fn check_digits(text: &[u8]) -> Step<'_> {
    let mut rest = text;
    while let Some(word) = first_word(rest) {
        let count = before_mark(digit_marks(word));
        rest = &rest[count..];
        if count < 8 {
            break;
        }
    }
    while let [b'0'..=b'9', next @ ..] = rest {
        rest = next;
    }
    if rest.len() < text.len() {
        Ok(rest)
    } else {
        stop(text, "expected a digit")
    }
}

/// What to say where a value should be: most often somebody wrote another language's literal.
#[cold]
fn no_value(rest: &[u8]) -> Step<'_> {
    stop(
        rest,
        match rest {
            [0xEF, 0xBB, 0xBF, ..] => "expected a value, found a byte order mark",
            [b'\'', ..] => "expected a value; strings need double quotes",
            [b']' | b'}', ..] => "expected a value before the closing bracket",
            [b'+' | b'.', ..] => "expected a value; a number begins with a digit or '-'",
            [b'N' | b'I', ..] => "expected a value; JSON has no NaN or Infinity",
            _ => "expected a value",
        },
    )
}

// ---- walking what was checked ----

#[inline(always)]
fn skip_space(text: &[u8]) -> &[u8] {
    match text {
        [0..=b' ', ..] => skip_more_space(text),
        _ => text,
    }
}

fn skip_more_space(mut text: &[u8]) -> &[u8] {
    loop {
        text = match text {
            [b' ', rest @ ..] => match first_word(text) {
                // Indents are long.
                Some(word) => &text[before_mark(word ^ repeat(b' '))..],
                None => rest,
            },
            [b'\n' | b'\r' | b'\t', rest @ ..] => rest,
            _ => return text,
        }
    }
}

/// What follows the value that the text begins with.
#[inline(always)]
fn skip_value(text: &[u8]) -> &[u8] {
    match text {
        [b'"', rest @ ..] => skip_string(rest),
        [b'{' | b'[', ..] => skip_container(text),
        _ => skip_scalar(text),
    }
}

/// What follows the string whose opening quote is behind.
#[inline(always)]
fn skip_string(text: &[u8]) -> &[u8] {
    let mut rest = text;
    loop {
        rest = skip_wide(rest);
        match rest {
            [b'"', rest @ ..] => return rest,
            [b'\\', _, next @ ..] | [_, next @ ..] => rest = next,
            [] => return rest,
        }
    }
}

/// Steps over ASCII that a string may hold as it is, at least as far as whole words reach.
#[inline(always)]
fn skip_plain(text: &[u8]) -> &[u8] {
    skip_to_mark(text, string_marks)
}

/// The same, and over whatever is not ASCII.
#[inline(always)]
fn skip_wide(text: &[u8]) -> &[u8] {
    skip_to_mark(text, |word| string_marks(word) & !word)
}

#[inline(always)]
fn skip_to_mark(mut text: &[u8], marks: impl Fn(u64) -> u64) -> &[u8] {
    while let Some(word) = first_word(text) {
        let marks = marks(word);
        if marks != 0 {
            return &text[before_mark(marks)..];
        }
        text = &text[8..];
    }
    text
}

fn skip_container(text: &[u8]) -> &[u8] {
    let mut depth = 0usize;
    let mut rest = text;
    loop {
        rest = skip_to_mark(rest, structure_marks);
        rest = match rest {
            [b'"', rest @ ..] => skip_string(rest),
            [b'{' | b'[', rest @ ..] => {
                depth += 1;
                rest
            }
            [b'}' | b']', rest @ ..] => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return rest;
                }
                rest
            }
            [_, rest @ ..] => rest,
            [] => return rest,
        };
    }
}

#[inline(always)]
fn skip_scalar(text: &[u8]) -> &[u8] {
    let mut rest = text;
    loop {
        rest = skip_to_mark(rest, scalar_marks);
        match rest {
            [] | [b',' | b']' | b'}' | b' ' | b'\n' | b'\r' | b'\t', ..] => return rest,
            [_, next @ ..] => rest = next,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::de::IgnoredAny;
    use serde_json::Value as Tree;

    const DOCUMENTS: &[&str] = &[
        "null",
        " true ",
        "-0",
        "[]",
        "{}",
        "[ ]",
        "{ }",
        r#""""#,
        r#"{"a":1,"b":[true,false,null,{"c":"d"}],"e":{}}"#,
        "[0,-1,1.5,-0.25e+10,1E3,2e-7,123456789012345678901234567890,0.0000000000000001]",
        "[[[[[]]],[[1]]]]",
        "{\r\n\t\"a\" : [ 1 , 2 ] ,\n        \"b\" : \"x\" }",
        r#""\u00e9\ud83d\ude00 \"\\\/\b\f\n\r\t \u0000""#,
        r#"{"请介绍":"一下你自己 😀 é","name with spaces and \"quotes\"":["ünï",""]}"#,
        r#"{"id":"chatcmpl-1","object":"chat.completion","created":1741569952,"model":"gpt-5","choices":[{"index":0,"message":{"role":"assistant","content":"Hello! How can I help?","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":19,"completion_tokens":10,"total_tokens":29}}"#,
        "{\n  \"data\": [\n    {\n      \"embedding\": [\n        -0.0023064255,\n        0.009327292,\n        -1.5e-05\n      ]\n    }\n  ]\n}\n",
    ];

    /// Small, the same on every machine.
    struct Random(u64);

    impl Random {
        fn below(&mut self, limit: usize) -> usize {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            (self.0 % limit as u64) as usize
        }
    }

    fn fault(text: &str) -> Fault {
        Value::parse(text.as_bytes()).unwrap_err()
    }

    fn value(text: &str) -> Value<'_> {
        Value::parse(text.as_bytes()).unwrap()
    }

    fn oracle_accepts(text: &[u8]) -> bool {
        std::str::from_utf8(text).is_ok() && serde_json::from_slice::<IgnoredAny>(text).is_ok()
    }

    /// The tree that walking gives.
    fn tree(value: Value<'_>) -> Tree {
        match value.kind() {
            Kind::Null => Tree::Null,
            Kind::Bool => Tree::Bool(value.as_bool().unwrap()),
            Kind::Number => serde_json::from_slice(value.raw()).unwrap(),
            Kind::String => Tree::String(value.as_str().unwrap().into_owned()),
            Kind::Array => value.items().map(tree).collect(),
            Kind::Object => Tree::Object(
                value
                    .members()
                    .map(|(key, value)| (key.decode().into_owned(), tree(value)))
                    .collect(),
            ),
        }
    }

    /// Checks a text against the oracle, and what walking it gives.
    fn compare(text: &[u8]) {
        let parsed = Value::parse(text);
        assert_eq!(
            parsed.is_ok(),
            oracle_accepts(text),
            "{parsed:?} {:?}",
            String::from_utf8_lossy(text)
        );
        match parsed {
            // The oracle's tree has no lone surrogates, no numbers beyond a double and no great depth.
            Ok(value) => {
                if let Ok(expected) = serde_json::from_slice::<Tree>(text) {
                    assert_eq!(tree(value), expected, "{:?}", String::from_utf8_lossy(text));
                }
            }
            Err(fault) => assert!(fault.offset <= text.len()),
        }
    }

    #[test]
    fn good_documents_read_as_serde_json_reads_them() {
        for document in DOCUMENTS {
            compare(document.as_bytes());
            assert!(Value::parse(document.as_bytes()).is_ok(), "{document}");
        }
    }

    #[test]
    fn a_document_cut_anywhere_is_judged_as_serde_json_judges_it() {
        for document in DOCUMENTS {
            for end in 0..document.len() {
                compare(&document.as_bytes()[..end]);
                compare(&document.as_bytes()[end..]);
            }
        }
    }

    #[test]
    fn mutated_documents_are_judged_as_serde_json_judges_them() {
        const SPICE: &[u8] = b"\"\\{}[],:0123456789-+.eEtfnul \n\r\t/b\x00\x1f\x7f\x80\xbf\xc3\xa9\xed\xf0\xff";
        let mut random = Random(0x9E37_79B9_7F4A_7C15);
        let rounds = if cfg!(miri) { 100 } else { 200_000 };
        for _ in 0..rounds {
            let mut text = DOCUMENTS[random.below(DOCUMENTS.len())].as_bytes().to_vec();
            for _ in 0..1 + random.below(3) {
                let at = random.below(text.len() + 1);
                match random.below(4) {
                    0 => text.insert(at, SPICE[random.below(SPICE.len())]),
                    1 if at < text.len() => text[at] = SPICE[random.below(SPICE.len())],
                    2 if at < text.len() => drop(text.remove(at)),
                    _ => {
                        let end = at + random.below(text.len() - at + 1).min(12);
                        let piece = text[at..end].to_vec();
                        let to = random.below(text.len() + 1);
                        text.splice(to..to, piece);
                    }
                }
            }
            compare(&text);
        }
    }

    #[test]
    fn strings_and_numbers_of_every_length_end_where_they_end() {
        for length in 0..40 {
            let text = "x".repeat(length);
            let digits = "7".repeat(length + 1);
            for document in [
                format!("[\"{text}\",\"{text}é\",\"{text}\\n\",\"\\\\{text}\"]"),
                format!("[{digits},-{digits}.{digits},0.{digits}e-{digits}]"),
                format!("{{\"{text}\":{digits},\"a\":[\"{text}]\"]}}"),
                format!("[{}1{},2]", " ".repeat(length), " ".repeat(length)),
            ] {
                compare(document.as_bytes());
            }
        }
    }

    #[test]
    fn a_control_character_or_bad_byte_is_found_at_every_place_of_a_string() {
        for length in 0..20 {
            for at in 0..length {
                for bad in [b'\n', 0, 0x1F, 0x80, 0xFF] {
                    let mut text = format!("\"{}\"", "x".repeat(length)).into_bytes();
                    text[1 + at] = bad;
                    assert_eq!(Value::parse(&text).unwrap_err().offset, 1 + at);
                }
            }
        }
    }

    #[test]
    fn a_fault_names_line_and_column() {
        let place = |text: &str| (fault(text).offset, fault(text).line, fault(text).column);
        assert_eq!(place(""), (0, 1, 1));
        assert_eq!(place("nul"), (0, 1, 1));
        assert_eq!(place("[1,\n 2,\n  x]"), (10, 3, 3));
        assert_eq!(place("{\"a\" 1}"), (5, 1, 6));
        assert_eq!(place("{\"a\":1"), (6, 1, 7));
        assert_eq!(place("[1] 2"), (4, 1, 5));
        // Characters are counted, not bytes.
        assert_eq!(place("[\"你好\" x]"), (10, 1, 7));
        assert_eq!(place("\r\n\r\n]"), (4, 3, 1));
    }

    #[test]
    fn a_fault_says_what_was_expected() {
        let what = |text: &str| fault(text).to_string();
        assert_eq!(what("[1,\n  2 3]"), "line 2, column 5: expected ',' or ']'");
        assert_eq!(what("{\"a\":1 \"b\":2}"), "line 1, column 8: expected ',' or '}'");
        assert_eq!(what(""), "line 1, column 1: the text ends too early");
        assert_eq!(what("{\"a\":"), "line 1, column 6: the text ends too early");
        assert_eq!(what("\"abc\\"), "line 1, column 6: the text ends too early");
        assert_eq!(
            what("{a:1}"),
            "line 1, column 2: expected a member's name in double quotes"
        );
        assert_eq!(
            what("[1,]"),
            "line 1, column 4: expected a value before the closing bracket"
        );
        assert_eq!(
            what("['a']"),
            "line 1, column 2: expected a value; strings need double quotes"
        );
        assert_eq!(
            what("[NaN]"),
            "line 1, column 2: expected a value; JSON has no NaN or Infinity"
        );
        assert_eq!(
            what("\u{feff}{}"),
            "line 1, column 1: expected a value, found a byte order mark"
        );
        assert_eq!(
            what(r#""\u12g4""#),
            "line 1, column 2: expected four hexadecimal digits after \\u"
        );
        assert_eq!(what("{} {}"), "line 1, column 4: expected nothing more after the value");
    }

    #[test]
    fn nesting_has_a_limit_and_needs_no_stack() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(Value::parse(nested(1024).as_bytes()).is_ok());
        assert_eq!(
            fault(&nested(1025)).to_string(),
            "line 1, column 1025: nested more than 1024 deep"
        );
        let objects = format!("{}1{}", "{\"a\":".repeat(1024), "}".repeat(1024));
        assert_eq!(value(&objects).pointer(&"/a".repeat(1024)).unwrap().raw(), b"1");
        assert!(Value::parse("[".repeat(10_000_000).as_bytes()).is_err());
    }

    #[test]
    fn a_pointer_finds_what_rfc_6901_says() {
        let document = value(
            r#"{"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\j":5,"k\"l":6," ":7,"m~n":8,"~1":9,"\u4f60":10}"#,
        );
        let raw = |pointer: &str| {
            document
                .pointer(pointer)
                .map(|value| std::str::from_utf8(value.raw()).unwrap())
        };
        assert_eq!(raw("/foo"), Some(r#"["bar","baz"]"#));
        assert_eq!(raw("/foo/0"), Some(r#""bar""#));
        assert_eq!(raw("/foo/1"), Some(r#""baz""#));
        for (index, pointer) in [
            "/", "/a~1b", "/c%d", "/e^f", "/g|h", "/i\\j", "/k\"l", "/ ", "/m~0n", "/~01", "/你",
        ]
        .iter()
        .enumerate()
        {
            assert_eq!(raw(pointer), Some(index.to_string().as_str()), "{pointer}");
        }
        for absent in [
            "foo",
            "/foo/2",
            "/foo/-",
            "/foo/01",
            "/foo/+1",
            "/foo/0/x",
            "/bar",
            "/foo/99999999999999999999999",
        ] {
            assert_eq!(raw(absent), None, "{absent}");
        }
        assert_eq!(document.pointer("").unwrap().raw(), document.raw());
    }

    #[test]
    fn the_last_of_equal_names_wins_however_it_is_written() {
        assert_eq!(value(r#"{"a":1,"b":2,"\u0061":3}"#).get("a").unwrap().raw(), b"3");
    }

    #[test]
    fn strings_decode_as_serde_json_decodes_them_and_lone_surrogates_are_replaced() {
        for text in [
            r#""""#,
            r#""plain""#,
            r#""\"\\\/\b\f\n\r\t\u0041\ud83d\ude00""#,
            r#""你\n好""#,
        ] {
            let expected: String = serde_json::from_str(text).unwrap();
            assert_eq!(value(text).as_str().unwrap(), expected);
        }
        assert_eq!(value(r#""a\ud83db""#).as_str().unwrap(), "a\u{fffd}b");
        assert_eq!(value(r#""\ude00\ud83d""#).as_str().unwrap(), "\u{fffd}\u{fffd}");
        assert_eq!(value(r#""\ud83d\ud83d\ude00""#).as_str().unwrap(), "\u{fffd}😀");
        assert_eq!(value(r#""\ud83d\u0041""#).as_str().unwrap(), "\u{fffd}A");
    }

    #[test]
    fn decoding_appends_and_leaves_what_is_no_string_alone() {
        let mut out = String::from("say: ");
        assert!(value(r#""h\u0069""#).decode_into(&mut out));
        assert!(!value("[1]").decode_into(&mut out));
        assert_eq!(out, "say: hi");
    }

    #[test]
    fn a_string_is_borrowed_when_it_has_no_escapes() {
        assert!(matches!(
            value(r#""plain 你好""#).as_str(),
            Some(Cow::Borrowed("plain 你好"))
        ));
    }

    #[test]
    fn numbers_keep_their_digits_and_convert_only_when_they_fit() {
        assert_eq!(value("12345678901234567890123").raw(), b"12345678901234567890123");
        assert_eq!(value("12345678901234567890123").as_u64(), None);
        assert_eq!(value("-5").as_i64(), Some(-5));
        assert_eq!(value("-5").as_u64(), None);
        assert_eq!(value("18446744073709551615").as_u64(), Some(u64::MAX));
        assert_eq!(value("1.0").as_i64(), None);
        assert_eq!(value("-2.5e3").as_f64(), Some(-2500.0));
        assert_eq!(value("\"5\"").as_i64(), None);
    }

    #[test]
    fn kinds_have_names_for_people() {
        for (text, name) in [
            ("null", "null"),
            ("true", "a boolean"),
            ("-1", "a number"),
            ("\"\"", "a string"),
            ("[]", "an array"),
            ("{}", "an object"),
        ] {
            assert_eq!(value(text).kind().name(), name);
        }
    }

    #[test]
    fn walking_the_wrong_kind_gives_nothing() {
        assert_eq!(value("[1]").members().count(), 0);
        assert_eq!(value("{\"a\":1}").items().count(), 0);
        assert!(value("\"a\"").get("a").is_none());
        assert_eq!(value("1").as_str(), None);
    }

    #[test]
    fn a_value_knows_its_place_in_its_text() {
        let text = b"  {\"a\": [1, 22]}";
        let inner = Value::parse(text).unwrap().pointer("/a/1").unwrap();
        assert_eq!(&text[inner.offset_in(text)..][..2], b"22");
    }

    #[test]
    fn quoting_gives_what_serde_json_reads_back() {
        let all: String = (0..0x250).filter_map(char::from_u32).chain("你好😀".chars()).collect();
        for text in ["", "plain", "a\"b\\c\nd", all.as_str()] {
            let mut quoted = String::new();
            quote(text, &mut quoted);
            assert_eq!(serde_json::from_str::<String>(&quoted).unwrap(), text);
        }
    }
}
