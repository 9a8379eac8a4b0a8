//! The new text of one event.
#![forbid(unsafe_code)]

use crate::json::{self, Value};

/// What the event says, decoded.
#[derive(Default)]
pub struct NewText {
    /// With a NUL at the end once the event is whole.
    text: String,
    /// The escape of the first half of a surrogate pair, whose second half is in the next event.
    half: Vec<u8>,
}

impl NewText {
    /// The next event begins.
    pub fn begin(&mut self) {
        self.text.clear();
    }

    /// Adds a string; anything else says nothing.
    pub fn push(&mut self, piece: Value<'_>) {
        let Some(escaped) = piece.str_raw() else { return };
        let whole = escaped.len() - half_pair(escaped);
        if self.half.is_empty() && whole == escaped.len() {
            return json::decode_into(escaped, &mut self.text);
        }
        self.half.extend_from_slice(&escaped[..whole]);
        if whole > 0 {
            json::decode_into(&self.half, &mut self.text);
            self.half.clear();
        }
        self.half.extend_from_slice(&escaped[whole..]);
    }

    /// The event is whole.
    pub fn finish(&mut self) {
        self.text.push('\0');
    }

    pub fn as_bytes_z(&self) -> &[u8] {
        if self.text.is_empty() {
            b"\0"
        } else {
            self.text.as_bytes()
        }
    }
}

/// The length of an escape at the end that is the first half of a surrogate pair; 0 when there is none.
fn half_pair(escaped: &[u8]) -> usize {
    let Some((before, last)) = escaped.split_last_chunk::<6>() else {
        return 0;
    };
    let high = matches!(
        last,
        [b'\\', b'u', b'd' | b'D', b'8' | b'9' | b'a' | b'b' | b'A' | b'B', _, _]
    );
    if !high {
        return 0;
    }
    // After an odd number of backslashes, this one is itself what is escaped.
    let backslashes = before.iter().rev().take_while(|&&byte| byte == b'\\').count();
    if backslashes % 2 == 0 { 6 } else { 0 }
}
