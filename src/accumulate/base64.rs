//! Joining pieces of Base64 (RFC 4648).
#![forbid(unsafe_code)]

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Continues `joined` so that it decodes to the bytes of both.
///
/// Pieces that were cut from one encoding are only appended. Pieces that were encoded each for itself may end in padding, and nothing may
/// follow that; what comes after it is encoded anew.
pub fn join(joined: &mut Vec<u8>, piece: &[u8]) {
    if joined.ends_with(b"=")
        && let Some(whole) = joined.len().checked_sub(4)
        && let (Some(mut bytes), Some(more)) = (decode(&joined[whole..]), decode(piece))
    {
        joined.truncate(whole);
        bytes.extend(more);
        encode(&bytes, joined);
    } else {
        joined.extend_from_slice(piece);
    }
}

fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let digits = text.strip_suffix(b"==").or(text.strip_suffix(b"=")).unwrap_or(text);
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3 + 3);
    for group in digits.chunks(4) {
        let bits = group
            .iter()
            .try_fold(0u32, |bits, &digit| Some(bits << 6 | value(digit)?))?
            << (6 * (4 - group.len()));
        bytes.extend_from_slice(&bits.to_be_bytes()[1..group.len()]);
    }
    Some(bytes)
}

fn value(digit: u8) -> Option<u32> {
    ALPHABET.iter().position(|&known| known == digit).map(|at| at as u32)
}

fn encode(bytes: &[u8], out: &mut Vec<u8>) {
    for group in bytes.chunks(3) {
        let mut padded = [0; 4];
        padded[1..=group.len()].copy_from_slice(group);
        let bits = u32::from_be_bytes(padded);
        for digit in 0..4 {
            let value = bits >> (18 - 6 * digit) & 63;
            out.push(if digit <= group.len() {
                ALPHABET[value as usize]
            } else {
                b'='
            });
        }
    }
}
