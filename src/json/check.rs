//! Checking that a text is JSON (RFC 8259) and UTF-8, in one pass and without recursion.
#![forbid(unsafe_code)]

use super::Value;
use super::numbers::{check_number, skip_numbers};
use super::skip::{skip_space, skip_to_mark};
use super::word::*;

/// How deep arrays and objects may nest.
const MAX_DEPTH: usize = 1024;

/// What is left of the text behind something that was checked.
pub type Step<'a> = Result<&'a [u8], Stop<'a>>;

/// Where a check failed, and why.
pub struct Stop<'a> {
    pub rest: &'a [u8],
    pub what: &'static str,
}

#[cold]
pub fn stop<'a>(rest: &'a [u8], what: &'static str) -> Step<'a> {
    let what = if rest.is_empty() {
        "the text ends too early"
    } else {
        what
    };
    Err(Stop { rest, what })
}

/// Who is told what a check comes upon. `depth` is how many brackets are open around it.
pub trait Watch<'a> {
    /// Whether the items of the innermost array are to be told one by one.
    fn counts(&self, _depth: usize) -> bool {
        false
    }
    /// A value begins here.
    fn value(&mut self, _depth: usize, _text: &'a [u8]) {}
    /// The name of the member whose value comes next, as it is written.
    fn key(&mut self, _depth: usize, _name: &'a [u8]) {}
    /// Another item of an array comes.
    fn comma(&mut self, _depth: usize) {}
    /// A value has ended before `rest`.
    fn end(&mut self, _depth: usize, _rest: &'a [u8]) {}
    /// A backslash in a string or a name.
    fn escape(&mut self, _text: &'a [u8]) {}
}

/// Nobody.
impl Watch<'_> for () {}

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

/// Checks a text, of which the first `known` bytes are those of an open object.
pub fn check(text: &[u8], known: usize) -> Result<Value<'_>, Stop<'_>> {
    check_from(text, known, &mut ())
}

/// Checks a text under somebody's eyes.
pub fn check_watched<'a>(text: &'a [u8], watch: &mut impl Watch<'a>) -> Result<Value<'a>, Stop<'a>> {
    check_from(text, 0, watch)
}

fn check_from<'a>(text: &'a [u8], known: usize, watch: &mut impl Watch<'a>) -> Result<Value<'a>, Stop<'a>> {
    let start = skip_space(text);
    let mut nesting = Nesting {
        objects: [0; MAX_DEPTH / 64],
        depth: 0,
        closing: 0,
    };
    if known > 0 {
        nesting.open(b'}');
    }
    let end = check_value(skip_space(&start[known..]), nesting, watch)?;
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

/// Checks one value and, where brackets are open around it, all up to the last of those.
fn check_value<'a>(text: &'a [u8], mut nesting: Nesting, watch: &mut impl Watch<'a>) -> Step<'a> {
    let mut rest = text;
    loop {
        watch.value(nesting.depth, rest);
        rest = match rest {
            [b'"', rest @ ..] => check_string(rest, watch)?,
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
                        rest = check_key(inside, nesting.depth, watch)?;
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
        watch.end(nesting.depth, rest);
        loop {
            match (nesting.closing, rest) {
                (0, _) => return Ok(rest),
                (b'}', [b',', next @ ..]) => {
                    rest = check_key(skip_space(next), nesting.depth, watch)?;
                    break;
                }
                (_, [b',', next @ ..]) => {
                    rest = if watch.counts(nesting.depth) {
                        watch.comma(nesting.depth);
                        skip_space(next)
                    } else {
                        skip_numbers(next)
                    };
                    break;
                }
                (closing, [byte, next @ ..]) if *byte == closing => {
                    rest = next;
                    nesting.close();
                    watch.end(nesting.depth, rest);
                }
                (_, [b' ' | b'\n' | b'\r' | b'\t', next @ ..]) => rest = skip_space(next),
                (b'}', _) => return stop(rest, "expected ',' or '}'"),
                _ => return stop(rest, "expected ',' or ']'"),
            }
        }
    }
}

/// The name of a member and its colon, up to the value.
#[inline(always)]
fn check_key<'a>(text: &'a [u8], depth: usize, watch: &mut impl Watch<'a>) -> Step<'a> {
    let [b'"', name @ ..] = text else {
        return stop(text, "expected a member's name in double quotes");
    };
    let after = check_string(name, watch)?;
    watch.key(depth, &name[..name.len() - after.len() - 1]);
    match skip_space(after) {
        [b':', rest @ ..] => Ok(skip_space(rest)),
        rest => stop(rest, "expected ':' after a member's name"),
    }
}

/// The rest of a string, from behind its opening quote.
#[inline(always)]
fn check_string<'a>(text: &'a [u8], watch: &mut impl Watch<'a>) -> Step<'a> {
    let mut rest = text;
    loop {
        rest = skip_to_mark(rest, string_marks);
        match rest {
            [b'"', end @ ..] => return Ok(end),
            [b'\\', ..] => {
                watch.escape(rest);
                rest = check_escape(rest)?;
            }
            [0x80..=0xFF, ..] => return check_wide_string(text, rest, watch),
            [0x20..=0xFF, next @ ..] => rest = next,
            _ => return stop(rest, "a control character in a string must be escaped"),
        }
    }
}

/// The same for a string that is not ASCII: its bytes are looked at again when its end is known.
fn check_wide_string<'a>(text: &'a [u8], mut rest: &'a [u8], watch: &mut impl Watch<'a>) -> Step<'a> {
    loop {
        rest = skip_to_mark(rest, |word| string_marks(word) & !word);
        match rest {
            [b'"', end @ ..] => {
                let string = &text[..text.len() - rest.len()];
                return match std::str::from_utf8(string) {
                    Ok(_) => Ok(end),
                    Err(error) => stop(&text[error.valid_up_to()..], "not valid UTF-8"),
                };
            }
            [b'\\', ..] => {
                watch.escape(rest);
                rest = check_escape(rest)?;
            }
            [0x20..=0xFF, next @ ..] => rest = next,
            _ => return stop(rest, "a control character in a string must be escaped"),
        }
    }
}

fn check_escape(text: &[u8]) -> Step<'_> {
    match text {
        [_, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', rest @ ..] => Ok(rest),
        [_, b'u', a, b, c, d, rest @ ..] if [a, b, c, d].iter().all(|digit| digit.is_ascii_hexdigit()) => Ok(rest),
        [_, b'u', ..] => stop(text, "expected four hexadecimal digits after \\u"),
        [_] => stop(&[], ""),
        _ => stop(text, "unknown escape in a string"),
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
