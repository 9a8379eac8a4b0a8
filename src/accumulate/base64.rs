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
    let value = match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(u32::from(value))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        encode(bytes, &mut out);
        out
    }

    #[test]
    fn what_was_encoded_decodes_to_itself() {
        assert_eq!(encoded(b"hello"), b"aGVsbG8=");
        let bytes: Vec<u8> = (0..=255).collect();
        for length in 0..bytes.len() {
            assert_eq!(decode(&encoded(&bytes[..length])).unwrap(), bytes[..length]);
        }
    }

    #[test]
    fn pieces_join_to_the_encoding_of_the_whole() {
        let bytes: Vec<u8> = (0..40u8).map(|n| n.wrapping_mul(77)).collect();
        for first in 0..bytes.len() {
            for second in first..bytes.len() {
                let mut joined = encoded(&bytes[..first]);
                join(&mut joined, &encoded(&bytes[first..second]));
                join(&mut joined, &encoded(&bytes[second..]));
                assert_eq!(joined, encoded(&bytes));
            }
        }
    }

    #[test]
    fn pieces_of_one_encoding_are_put_together_as_they_are() {
        let whole = encoded(b"hello world");
        for cut in 0..whole.len() {
            let mut joined = whole[..cut].to_vec();
            join(&mut joined, &whole[cut..]);
            assert_eq!(joined, whole, "{cut}");
        }
    }

    #[test]
    fn what_is_not_base64_is_kept() {
        let mut joined = b"aGVsbA==".to_vec();
        join(&mut joined, b"?!");
        assert_eq!(joined, b"aGVsbA==?!");
    }
}
