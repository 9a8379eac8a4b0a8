//! Numbers, and long arrays of them: embeddings are checked 64 bytes at a time.
#![forbid(unsafe_code)]

use super::check::{Step, stop};
use super::skip::skip_space;
use super::word::*;
use fearless_simd::{Level, dispatch, i8x64, mask8x64, prelude::*, u8x64};
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

/// What follows as many numbers of an array, each with its comma, as there are, and the white space there. The text is that behind a comma.
#[inline(never)] // a loop of its own has all its constants in registers
pub fn skip_numbers(mut text: &[u8]) -> &[u8] {
    /// What is no work for blocks is done before they are tried again.
    const SINGLE: usize = 8;
    loop {
        text = skip_blocks(text);
        for _ in 0..SINGLE {
            let item = skip_space(text);
            match item {
                [b'-' | b'0'..=b'9', ..] => match check_number(item) {
                    Ok([b',', rest @ ..]) => text = rest,
                    _ => return item,
                },
                _ => return item,
            }
        }
    }
}

/// What follows the last comma of the blocks that hold nothing but numbers without exponents, with a comma and perhaps white space
/// between each two.
#[inline(always)]
fn skip_blocks(text: &[u8]) -> &[u8] {
    // Most arrays end before a block does.
    let may_be = |at: usize| matches!(text.get(at), Some(b' ' | b'\n' | b','..=b'9'));
    if [0, 15, 31, 47, 63].into_iter().all(may_be) {
        skip_whole_blocks(text)
    } else {
        text
    }
}

fn skip_whole_blocks(text: &[u8]) -> &[u8] {
    let (blocks, _) = text.as_chunks();
    // With the widest vectors that the processor has.
    let good = match text {
        [b' ' | b'\n', ..] => dispatch!(Level::new(), simd => count_good::<_, true>(simd, blocks)),
        _ => dispatch!(Level::new(), simd => count_good::<_, false>(simd, blocks)),
    };
    match text[..BLOCK * good].iter().rposition(|&byte| byte == b',') {
        Some(comma) => &text[comma + 1..],
        None => text,
    }
}

/// How many blocks hold nothing else, one after the other. `SPACED`: white space is looked for.
#[inline(always)] // here and below: else it is not made for each kind of processor
fn count_good<S: Simd, const SPACED: bool>(simd: S, blocks: &[[u8; BLOCK]]) -> usize {
    let mut numbers = Numbers::default();
    let mut good = 0;
    for block in blocks {
        let Some(next) = marks::<S, SPACED>(simd, block) else {
            break;
        };
        match numbers.go_on(next) {
            Some(0) => {}
            // Seldom.
            Some(second) if second & behind_zeros(simd, &blocks[..=good]) == 0 => {}
            _ => break,
        }
        good += 1;
    }
    good
}

/// Before which bytes of the last block a zero stands.
#[inline(always)]
fn behind_zeros<S: Simd>(simd: S, blocks: &[[u8; BLOCK]]) -> u64 {
    let (before, last) = match blocks {
        [.., before, last] => (before.ends_with(b"0"), last),
        [last] => (false, last),
        [] => return 0,
    };
    let zeros = bits_of(u8x64::load_array_ref(simd, last).simd_eq(b'0'));
    zeros << 1 | u64::from(before)
}

/// What the bytes of a block are: the first byte's bit is the lowest. What is none of these is a comma.
#[derive(Clone, Copy, Default)]
struct Marks {
    digits: u64,
    points: u64,
    minuses: u64,
    spaces: u64,
}

/// `None`: there is something else in the block.
#[inline(always)]
fn marks<S: Simd, const SPACED: bool>(simd: S, block: &[u8; BLOCK]) -> Option<Marks> {
    let bytes = u8x64::load_array_ref(simd, block);
    let spaces = bytes.simd_eq(b' ') | bytes.simd_eq(b'\n');
    let highest = u8x64::splat(simd, b'9' - b',');
    let known = (bytes - b',').max(highest).simd_eq(highest);
    let known = if SPACED { known | spaces } else { known };
    // From ',' to '9' only digits have the bit 4. Of `,-./` the bits 0 and 1 tell which it is.
    let digits = bits(bytes, 4);
    let spaces = if SPACED { bits_of(spaces) } else { 0 };
    let points = bits(bytes, 1) & !(digits | spaces);
    let minuses = bits(bytes, 0) & !digits;
    let slashes = points & minuses;
    (known.all_true() & (slashes == 0)).then_some(Marks {
        digits,
        points,
        minuses,
        spaces,
    })
}

/// One bit of each byte.
#[inline(always)]
fn bits<S: Simd>(bytes: u8x64<S>, bit: u32) -> u64 {
    // Vectors give the highest.
    bits_of((bytes << (7 - bit)).bitcast::<i8x64<S>>().simd_lt(0))
}

/// A mask as a word, with which the compiler shall not go on in vectors: it would take bit after bit out of it.
#[inline(always)]
fn bits_of<S: Simd>(mask: mask8x64<S>) -> u64 {
    black_box(mask.to_bitmask())
}

/// What the blocks so far leave for the next one. By default a comma was the last.
#[derive(Default)]
struct Numbers {
    last: Marks,
    /// 1 when the last block ends with a digit behind a point.
    in_fraction: u64,
}

impl Numbers {
    /// Whether the next block goes on as numbers can that a comma stands between, and where in it the second of several digits before
    /// a point stands: the first must not be a zero.
    #[inline(always)]
    fn go_on(&mut self, next: Marks) -> Option<u64> {
        // What stands one place before.
        let before = |last: u64, next: u64| next << 1 | last >> 63;
        let digits_before = before(self.last.digits, next.digits);
        let points_before = before(self.last.points, next.points);
        let minuses_before = before(self.last.minuses, next.minuses);
        // Of two that are no digits the second is a minus sign or a space, which stand nowhere else, and the first must be a comma or
        // a space.
        let inner = next.minuses | next.spaces;
        let misplaced = !(next.digits | digits_before) ^ inner | inner & (points_before | minuses_before);
        // From the first digit of a fraction the sum carries over all of its digits to what ends it: that is no second point.
        let (sum, carries) = next.digits.overflowing_add(points_before | self.in_fraction);
        let wrong = misplaced | sum & next.points;
        // The digits that the sum leaves stand before a point.
        let mut second = sum & next.digits & digits_before;
        if second != 0 {
            let two_before = next.digits << 2 | self.last.digits >> 62;
            second &= !two_before;
        }
        *self = Numbers {
            last: next,
            in_fraction: carries.into(),
        };
        (wrong == 0).then_some(second)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Value;
    use super::*;
    use serde::de::IgnoredAny;

    const COMMAS: [&str; 4] = [",", ", ", ",\n        ", ",\r\n\t"];

    /// Numbers as services write them, so that they lie over every border of a block.
    fn numbers(count: usize, comma: &str) -> String {
        let number = |i: usize| {
            let sign = if i.is_multiple_of(3) { "-" } else { "" };
            match i % 7 {
                5 => format!("{sign}{}", i % 10),
                6 => format!("{sign}{}.5", i * 13),
                length => format!("{sign}{}.{:0width$}", i % 10, i * 7919, width = 5 + length),
            }
        };
        (0..count).map(|i| number(i) + comma).collect()
    }

    /// The array whose last item stands behind these.
    fn array(items: &[u8]) -> Vec<u8> {
        [b"[0,", items, b"0]"].concat()
    }

    fn compare(items: &[u8]) {
        let shown = || String::from_utf8_lossy(items).into_owned();
        let text = array(items);
        let good = serde_json::from_slice::<IgnoredAny>(&text).is_ok();
        assert_eq!(Value::parse(&text).is_ok(), good, "{}", shown());
        for rest in [skip_numbers(items), skip_blocks(items), skip_whole_blocks(items)] {
            let skipped = &items[..items.len() - rest.len()];
            let end = skipped.trim_ascii_end();
            assert!(end.is_empty() || end.ends_with(b","), "{}", shown());
            let skipped = serde_json::from_slice::<IgnoredAny>(&array(skipped));
            assert!(skipped.is_ok(), "{}", shown());
        }
    }

    #[test]
    fn numbers_are_stepped_over_to_their_last_comma() {
        for comma in COMMAS {
            for count in [1, 2, 5, 6, 11, 50, 1000] {
                let items = comma.replace(',', "") + &numbers(count, comma);
                assert_eq!(skip_numbers(items.as_bytes()), b"", "{items}");
                compare(items.as_bytes());
            }
        }
    }

    #[test]
    fn whole_blocks_are_taken_with_and_without_white_space() {
        for comma in &COMMAS[..3] {
            let items = comma.replace(',', "") + &numbers(1000, comma);
            let left = skip_whole_blocks(items.as_bytes()).len() - items.len() % BLOCK;
            assert!(left < 32, "{left} of {items}");
        }
    }

    #[test]
    fn any_byte_in_any_place_of_an_array_is_judged_as_serde_json_judges_it() {
        for comma in COMMAS {
            let items = (comma.replace(',', "") + &numbers(26, comma)).into_bytes();
            assert!(items.len() > 3 * BLOCK);
            for place in 0..items.len() {
                for byte in 0..=255 {
                    let mut items = items.clone();
                    items[place] = byte;
                    compare(&items);
                }
            }
        }
    }

    #[test]
    fn any_two_neighbours_are_judged_as_serde_json_judges_them() {
        const BYTES: &[u8] = b"-.,/019:e+ \n\r";
        for comma in [COMMAS[0], COMMAS[2]] {
            let items = (comma.replace(',', "") + &numbers(19, comma)).into_bytes();
            assert!(items.len() > 2 * BLOCK);
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
                format!("{}0.{digits}.,", numbers(length, ",")),
                format!("{}0{digits}.5,", numbers(length, ",")),
                format!("{}10{digits},", numbers(length, ",")),
                format!("0.5,0{digits}.5,"),
                format!("0.5,00{digits}.5,"),
                format!("0.5,0.0{digits},00.5,"),
                format!("0.5,{digits}{digits}"),
                format!("0.5,{} 5,", " ".repeat(length)),
                format!("0.5,5{} ,", " ".repeat(length)),
                format!("0.5,-{}5,", " ".repeat(length)),
                format!("{}0{digits}.5,", numbers(length, ", ")),
            ] {
                compare(items.as_bytes());
            }
        }
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn narrow_vectors_and_wide_ones_find_the_same() {
        fn counts<const SPACED: bool>(blocks: &[[u8; BLOCK]]) -> Vec<usize> {
            let level = Level::new();
            let all = [
                level.as_sse2().map(|simd| count_good::<_, SPACED>(simd, blocks)),
                level.as_sse4_2().map(|simd| count_good::<_, SPACED>(simd, blocks)),
                level.as_avx2().map(|simd| count_good::<_, SPACED>(simd, blocks)),
                level.as_avx512().map(|simd| count_good::<_, SPACED>(simd, blocks)),
            ];
            all.into_iter().flatten().collect()
        }
        for comma in COMMAS {
            let items = numbers(60, comma).into_bytes();
            for place in 0..items.len() {
                let mut items = items.clone();
                items[place] = b"-.,/05:e \n"[place % 10];
                let (blocks, _) = items[place % 60..].as_chunks();
                for found in [counts::<false>(blocks), counts::<true>(blocks)] {
                    assert!(found.iter().all(|count| *count == found[0]), "{place}: {found:?}");
                }
            }
        }
    }
}
