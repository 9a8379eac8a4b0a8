//! Words, token counts and hashes: everything from which a deterministic answer is made.

/// The text in pieces as a tokenizer would cut it: a word with the blanks after it, or one other character.
pub fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut last = ' ';
    for (at, now) in text.char_indices() {
        let joined = now.is_ascii_alphanumeric() && last.is_ascii_alphanumeric();
        if at > start && !joined && now != ' ' {
            pieces.push(&text[start..at]);
            start = at;
        }
        last = now;
    }
    if start < text.len() {
        pieces.push(&text[start..]);
    }
    pieces
}

pub fn count_tokens(text: &str) -> u64 {
    pieces(text).len() as u64
}

/// FNV-1a, 64 bit.
pub fn hash(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

/// RFC 4648 with padding.
pub fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits = group
            .iter()
            .chain([&0, &0])
            .take(3)
            .fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
        for digit in 0..4 {
            let index = (bits >> (18 - 6 * digit)) & 63;
            text.push(if digit <= group.len() {
                char::from(DIGITS[index as usize])
            } else {
                '='
            });
        }
    }
    text
}
