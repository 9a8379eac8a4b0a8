//! Looking at eight bytes in one step.
//!
//! The bytes that are looked for get a mark, their highest bit, by the arithmetic of "determine if a word has a zero byte". The lowest
//! mark is exact; those above it may be false, so only the lowest is ever used.
#![forbid(unsafe_code)]

pub const ONES: u64 = 0x0101_0101_0101_0101;
pub const HIGH: u64 = 0x8080_8080_8080_8080;

pub const fn repeat(byte: u8) -> u64 {
    ONES * byte as u64
}

/// The first eight bytes, the first of them lowest.
#[inline(always)]
pub fn first_word(text: &[u8]) -> Option<u64> {
    text.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}

/// How many bytes lie before the lowest mark.
#[inline(always)]
pub fn before_mark(marks: u64) -> usize {
    (marks.trailing_zeros() / 8) as usize
}

/// Marks quotes, backslashes, control characters and whatever is not ASCII.
#[inline(always)]
pub fn string_marks(word: u64) -> u64 {
    // With the bit 2 turned over, the quote joins the control characters below 0x21, and what stood at 0x20 leaves them.
    let quote_or_control = (word ^ repeat(2)).wrapping_sub(repeat(0x21));
    let backslash = (word ^ repeat(b'\\')).wrapping_sub(ONES);
    (quote_or_control | backslash | word) & HIGH
}

/// Marks quotes and backslashes.
#[inline(always)]
pub fn quote_marks(word: u64) -> u64 {
    let quote = (word ^ repeat(b'"')).wrapping_sub(ONES);
    let backslash = (word ^ repeat(b'\\')).wrapping_sub(ONES);
    (quote | backslash) & !word & HIGH
}

/// Marks CR and LF.
#[inline(always)]
pub fn line_end_marks(word: u64) -> u64 {
    let lf = (word ^ repeat(b'\n')).wrapping_sub(ONES);
    let cr = (word ^ repeat(b'\r')).wrapping_sub(ONES);
    (lf | cr) & !word & HIGH
}

/// Marks all but digits.
#[inline(always)]
pub fn digit_marks(word: u64) -> u64 {
    // 0..=9 stay below 0x80 when 0x76 is added. What a larger one carries only reaches bytes behind it.
    let values = word ^ repeat(b'0');
    (values.wrapping_add(repeat(0x76)) | values) & HIGH
}

/// Marks quotes and brackets; what stands in strings may be marked too.
#[inline(always)]
pub fn structure_marks(word: u64) -> u64 {
    // Outside of strings, the bytes that have all bits of 0x59 are the four brackets.
    let bracket = ((word & repeat(0x59)) ^ repeat(0x59)).wrapping_sub(ONES);
    let quote = (word ^ repeat(b'"')).wrapping_sub(ONES);
    (bracket | quote) & HIGH
}

/// Marks what may follow a number or a literal, and the plus sign of an exponent.
#[inline(always)]
pub fn scalar_marks(word: u64) -> u64 {
    // Closing brackets differ in the bit 0x20 only; white space and the comma lie below the minus sign.
    let bracket = ((word | repeat(0x20)) ^ repeat(b'}')).wrapping_sub(ONES);
    let low = word.wrapping_sub(repeat(b'-'));
    (bracket | low) & HIGH
}
