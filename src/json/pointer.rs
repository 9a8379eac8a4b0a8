//! JSON Pointer (RFC 6901) over a checked text, each byte of which is looked at once.
#![forbid(unsafe_code)]

use super::{Cursor, Value, array_index};
use std::borrow::Cow;

/// A step of the way, and the bracket of what it was taken in.
struct Step<'p> {
    name: Cow<'p, str>,
    bracket: u8,
}

/// The value that the pointer leads to. Of several members of one name the last counts, on every step.
pub fn find<'a>(value: Value<'a>, pointer: &str) -> Option<Value<'a>> {
    if pointer.is_empty() {
        return Some(value);
    }
    let mut steps: Vec<Step<'_>> = pointer.strip_prefix('/')?.split('/').map(Step::read).collect();
    let mut cursor = Cursor::new(value.raw);
    // How many steps lead to where the cursor is: before a value, or in the container around it when a value has ended.
    let mut depth = 0;
    loop {
        // What an earlier member of the same name had is hidden by this one.
        let mut found = None;
        match steps.get_mut(depth) {
            None => found = Some(cursor.value()),
            Some(step) => {
                step.bracket = step.enter(&mut cursor);
                depth += usize::from(step.bracket != 0);
                if step.bracket == b'[' {
                    continue;
                }
            }
        }
        loop {
            let Some(step) = depth.checked_sub(1).map(|around| &steps[around]) else {
                return found;
            };
            if step.bracket == b'{' && step.next_member(&mut cursor) {
                break;
            }
            if step.bracket == b'[' {
                while cursor.item() {
                    cursor.value();
                }
            }
            depth -= 1;
        }
    }
}

impl<'p> Step<'p> {
    fn read(token: &'p str) -> Step<'p> {
        let name = match token.contains('~') {
            // `~01` is `~1`, not `/`: the order of the two matters.
            true => token.replace("~1", "/").replace("~0", "~").into(),
            false => token.into(),
        };
        Step { name, bracket: 0 }
    }

    /// Goes into an object, or in an array up to the item; over anything else, and then it is 0 that is told.
    fn enter(&self, cursor: &mut Cursor<'_>) -> u8 {
        match (cursor.rest(), array_index(&self.name)) {
            ([b'{', ..], _) => {
                cursor.enter(b'{');
                return b'{';
            }
            ([b'[', ..], Some(index)) => {
                cursor.enter(b'[');
                for _ in 0..index {
                    if !cursor.item() {
                        return 0;
                    }
                    cursor.value();
                }
                if cursor.item() {
                    return b'[';
                }
            }
            _ => drop(cursor.value()),
        }
        0
    }

    /// Goes on to the value of the object's next member of this name; `false` when the object is behind.
    fn next_member(&self, cursor: &mut Cursor<'_>) -> bool {
        while let Some(key) = cursor.member() {
            if key.is(&self.name) {
                return true;
            }
            cursor.value();
        }
        false
    }
}
