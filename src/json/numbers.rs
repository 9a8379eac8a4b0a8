//! Numbers, and long arrays of them: embeddings are checked 64 bytes at a time.
#![forbid(unsafe_code)]

use super::check::{Step, stop};
use super::skip::skip_more_space;
use super::word::*;
use fearless_simd::{Level, dispatch, i8x64, prelude::*, u8x64};
use std::hint::black_box;

/// How many bytes one step takes: a bit each fills a word.
const BLOCK: usize = 64;

pub fn check_number(text: &[u8]) -> Step<'_> {
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

/// What follows as many items like `-0.0123456789,` as can be checked fast, from behind the comma before them, and the white space there.
#[inline(never)] // a loop of its own has all its constants in registers
pub fn skip_fractions(text: &[u8]) -> &[u8] {
    let mut text = match text {
        [b'-', _, b'.', ..] | [_, b'.', ..] => skip_blocks(text),
        _ => text,
    };
    loop {
        let number = match text {
            [b'-', rest @ ..] => rest,
            [b' ' | b'\n' | b'\r' | b'\t', ..] => {
                text = skip_more_space(text);
                continue;
            }
            _ => text,
        };
        let Some(length) = number.first_chunk().and_then(fraction_length) else {
            return text;
        };
        text = &number[length + 1..];
    }
}

/// The length of one digit, a point and six to thirteen digits, if a comma follows.
#[inline(always)]
fn fraction_length(number: &[u8; 16]) -> Option<usize> {
    // As in `digit_marks`, but the second byte of what is left must be 0 and is marked unless it is.
    let values = first_word(number)? ^ (repeat(b'0') ^ u64::from(b'0' ^ b'.') << 8);
    if (values.wrapping_add(0x7676_7676_7676_7F76) | values) & HIGH != 0 {
        return None;
    }
    let marks = digit_marks(first_word(&number[8..])?);
    let length = 8 + before_mark(marks);
    if marks != 0 && number[length] == b',' {
        Some(length)
    } else {
        None
    }
}

/// What follows the last comma of the blocks that hold nothing but items like `-0.0123456789,` or `7,`, close together.
fn skip_blocks(text: &[u8]) -> &[u8] {
    let (blocks, _) = text.as_chunks();
    // With the widest vectors that the processor has.
    let good = dispatch!(Level::new(), simd => count_good(simd, blocks));
    match text[..BLOCK * good].iter().rposition(|&byte| byte == b',') {
        Some(comma) => &text[comma + 1..],
        None => text,
    }
}

/// How many blocks hold nothing else, one after the other.
#[inline(always)] // here and below: else it is not made for each kind of processor
fn count_good<S: Simd>(simd: S, blocks: &[[u8; BLOCK]]) -> usize {
    let mut numbers = Numbers::default();
    let mut good = 0;
    for block in blocks {
        match marks(simd, block) {
            Some(marks) if numbers.go_on(marks) => good += 1,
            _ => break,
        }
    }
    good
}

/// What the bytes of a block are: the first byte's bit is the lowest. What is none of these is a comma.
#[derive(Clone, Copy, Default)]
struct Marks {
    digits: u64,
    points: u64,
    minuses: u64,
}

/// `None`: there is something else in the block.
#[inline(always)]
fn marks<S: Simd>(simd: S, block: &[u8; BLOCK]) -> Option<Marks> {
    let bytes = u8x64::load_array_ref(simd, block);
    let highest = u8x64::splat(simd, b'9' - b',');
    let is_known = (bytes - b',').max(highest).simd_eq(highest).all_true();
    // Vectors give the highest bit of each byte. What becomes of the words is no work for vectors, and the compiler must not think so.
    let bits = |bit: u32| black_box((bytes << (7 - bit)).bitcast::<i8x64<S>>().simd_lt(0).to_bitmask());
    // From ',' to '9' only digits have the bit 4. Of `,-./` the bits 0 and 1 tell which it is.
    let digits = bits(4);
    let points = bits(1) & !digits;
    let minuses = bits(0) & !digits;
    let slashes = points & minuses;
    (is_known & (slashes == 0)).then_some(Marks {
        digits,
        points,
        minuses,
    })
}

/// What the blocks so far leave for the next one. By default a comma was the last.
#[derive(Default)]
struct Numbers {
    last: Marks,
    /// 1 when the last block ends with a digit behind a point.
    in_fraction: u64,
}

impl Numbers {
    /// Whether the next block goes on as numbers of one digit before the point can that a comma stands between.
    #[inline(always)]
    fn go_on(&mut self, next: Marks) -> bool {
        let Marks {
            digits,
            points,
            minuses,
        } = next;
        // What stands one place before.
        let before = |last: u64, next: u64| next << 1 | last >> 63;
        let digits_before = before(self.last.digits, digits);
        let points_before = before(self.last.points, points);
        let minuses_before = before(self.last.minuses, minuses);
        // Of two that are no digits the second is a minus sign, which stands nowhere else, and the first must be a comma.
        let misplaced = !(digits | digits_before) ^ minuses | minuses & (points_before | minuses_before);
        // From the first digit of a fraction the sum carries over all of its digits to what ends it: that is no second point.
        let (sum, carries) = digits.overflowing_add(points_before | self.in_fraction);
        // The digits that the sum leaves stand before a point. A second one would have to be looked at: no number begins with `00`.
        let wrong = misplaced | sum & (points | digits & digits_before);
        *self = Numbers {
            last: next,
            in_fraction: carries.into(),
        };
        wrong == 0
    }
}

#[cfg(test)]
mod tests {
    use super::super::Value;
    use super::*;
    use serde::de::IgnoredAny;

    /// Items as services write them, so that they lie over every border of a block.
    fn fractions(count: usize) -> String {
        let number = |i: usize| {
            let sign = if i.is_multiple_of(3) { "-" } else { "" };
            match i % 7 {
                5 => format!("{sign}{}", i % 10),
                length => format!("{sign}{}.{:0width$}", i % 10, i * 7919, width = 5 + length),
            }
        };
        (0..count).map(|i| number(i) + ",").collect()
    }

    /// The array that ends behind the items.
    fn array(items: &[u8]) -> Vec<u8> {
        [b"[0,", items, b"0]"].concat()
    }

    fn compare(items: &[u8]) {
        let shown = || String::from_utf8_lossy(items).into_owned();
        let text = array(items);
        let good = serde_json::from_slice::<IgnoredAny>(&text).is_ok();
        assert_eq!(Value::parse(&text).is_ok(), good, "{}", shown());
        for rest in [skip_fractions(items), skip_blocks(items)] {
            let skipped = &items[..items.len() - rest.len()];
            assert!(
                skipped.trim_ascii().is_empty() || skipped.trim_ascii_end().ends_with(b","),
                "{}",
                shown()
            );
            let skipped = serde_json::from_slice::<IgnoredAny>(&array(skipped));
            assert!(skipped.is_ok(), "{}", shown());
        }
    }

    #[test]
    fn fractions_are_stepped_over_to_their_last_comma() {
        for count in [1, 5, 6, 11, 50, 1000] {
            let items = fractions(count);
            let blocks = items.len() / BLOCK * BLOCK;
            let rest = skip_blocks(items.as_bytes());
            let skipped = items.len() - rest.len();
            assert!(skipped <= blocks && blocks - skipped < 32, "{count}");
            compare(items.as_bytes());
        }
    }

    #[test]
    fn any_byte_in_any_place_of_an_array_is_judged_as_serde_json_judges_it() {
        let items = fractions(30).into_bytes();
        assert!(items.len() > 3 * BLOCK);
        for place in 0..items.len() {
            for byte in 0..=255 {
                let mut items = items.clone();
                items[place] = byte;
                compare(&items);
            }
        }
    }

    #[test]
    fn any_two_neighbours_are_judged_as_serde_json_judges_them() {
        const BYTES: &[u8] = b"-.,/019:e+ \n";
        let items = fractions(22).into_bytes();
        for place in 0..items.len() - 2 {
            for first in BYTES {
                for second in BYTES {
                    let mut items = items.clone();
                    items[place..place + 2].copy_from_slice(&[*first, *second]);
                    compare(&items);
                    items.remove(place + 1);
                    compare(&items);
                }
            }
        }
    }

    #[test]
    fn numbers_longer_than_blocks_are_judged_as_serde_json_judges_them() {
        for length in 0..3 * BLOCK {
            let digits = "7".repeat(length);
            for items in [
                format!("0.{digits},"),
                format!("0.{digits}.5,"),
                format!("-0.5,{digits}.25,"),
                format!("-0.5,0.{digits}-,"),
                format!("{}0.{digits}.,", fractions(length)),
                format!("0.5,0{digits}.5,"),
                format!("0.5,{digits}{digits}"),
            ] {
                compare(items.as_bytes());
            }
        }
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn narrow_vectors_and_wide_ones_find_the_same() {
        let level = Level::new();
        let items = fractions(300).into_bytes();
        for place in 0..items.len() {
            let mut items = items.clone();
            items[place] = b"-.,/05:e "[place % 9];
            let (blocks, _) = items[place % 60..].as_chunks();
            let narrow = count_good(level.as_sse2().unwrap(), blocks);
            let wider = [
                level.as_sse4_2().map(|simd| count_good(simd, blocks)),
                level.as_avx2().map(|simd| count_good(simd, blocks)),
                level.as_avx512().map(|simd| count_good(simd, blocks)),
            ];
            assert!(
                wider.into_iter().flatten().all(|count| count == narrow),
                "{place}: {narrow}, {wider:?}"
            );
        }
    }
}
