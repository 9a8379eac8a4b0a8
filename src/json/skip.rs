//! Stepping over parts of a checked text. What is checked is trusted, but no text makes these panic.
#![forbid(unsafe_code)]

use super::word::*;

#[inline(always)]
pub fn skip_space(text: &[u8]) -> &[u8] {
    match text {
        [0..=b' ', ..] => skip_more_space(text),
        _ => text,
    }
}

pub fn skip_more_space(mut text: &[u8]) -> &[u8] {
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
pub fn skip_value(text: &[u8]) -> &[u8] {
    match text {
        [b'"', rest @ ..] => skip_string(rest),
        [b'{' | b'[', ..] => skip_container(text),
        _ => skip_scalar(text),
    }
}

/// What follows the string whose opening quote is behind.
#[inline(always)]
pub fn skip_string(text: &[u8]) -> &[u8] {
    let mut rest = text;
    loop {
        rest = skip_to_mark(rest, quote_marks);
        match rest {
            [b'"', rest @ ..] => return rest,
            [b'\\', _, next @ ..] | [_, next @ ..] => rest = next,
            [] => return rest,
        }
    }
}

/// Goes on to the next mark, or as far as whole words reach.
#[inline(always)]
pub fn skip_to_mark(mut text: &[u8], marks: impl Fn(u64) -> u64) -> &[u8] {
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
                // Arrays of numbers are long.
                match rest {
                    [b'-' | b'0'..=b'9', ..] => skip_plain_blocks(rest),
                    _ => rest,
                }
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

/// Goes on, outside of strings, while neither a quote nor a bracket is near.
fn skip_plain_blocks(mut text: &[u8]) -> &[u8] {
    // Compilers make vector instructions of it. The mask is that of `structure_marks`.
    let is_plain = |block: &[u8; 64]| {
        !block
            .iter()
            .fold(false, |found, &byte| found | (byte & 0x59 == 0x59) | (byte == b'"'))
    };
    while text.first_chunk().is_some_and(is_plain) {
        text = &text[64..];
    }
    text
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
