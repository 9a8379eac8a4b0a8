//! JSON Pointer (RFC 6901) over a text that was not checked yet: found in the pass that checks.
#![forbid(unsafe_code)]

use super::check::{Watch, check_watched};
use super::{Fault, Key, Value, array_index};
use std::borrow::Cow;

/// The value that the pointer leads to. Of several members of one name the last counts, on every step.
///
/// # Errors
/// Where the text stops being JSON, wherever the value lies.
pub fn find<'a>(text: &'a [u8], pointer: &str) -> Result<Option<Value<'a>>, Fault> {
    let (steps, leads) = match pointer.strip_prefix('/') {
        Some(steps) => (steps.split('/').map(unescaped).collect(), true),
        // What does not begin with a slash leads nowhere, unless it is the whole.
        None => (Vec::new(), pointer.is_empty()),
    };
    let mut way = Way {
        steps,
        around: 0,
        index: None,
        is_next: true,
        start: None,
        found: None,
    };
    check_watched(text, &mut way).map_err(|stop| Fault::of(text, &stop))?;
    Ok(way.found.filter(|_| leads))
}

/// A step of a pointer as a name.
pub fn unescaped(step: &str) -> Cow<'_, str> {
    match step.contains('~') {
        // `~01` is `~1`, not `/`: the order of the two matters.
        true => step.replace("~1", "/").replace("~0", "~").into(),
        false => step.into(),
    }
}

/// How far along the pointer the check is.
struct Way<'a, 'p> {
    steps: Vec<Cow<'p, str>>,
    /// How many open containers, from the outermost, the steps lead through.
    around: usize,
    /// Which item of the innermost of those comes next or is there, when it is an array whose item is still sought.
    index: Option<usize>,
    /// The next value in the innermost of those is what its step leads to.
    is_next: bool,
    /// Where the value begins that all steps lead to.
    start: Option<&'a [u8]>,
    found: Option<Value<'a>>,
}

impl<'a> Watch<'a> for Way<'a, '_> {
    #[inline(always)]
    fn counts(&self, depth: usize) -> bool {
        self.around == depth
    }

    #[inline(always)]
    fn value(&mut self, depth: usize, text: &'a [u8]) {
        if self.around == depth && self.is_next {
            self.begin(depth, text);
        }
    }

    #[inline(always)]
    fn key(&mut self, depth: usize, name: &'a [u8]) {
        if self.around == depth {
            self.is_next = Key { raw: name }.is(&self.steps[depth - 1]);
        }
    }

    #[inline(always)]
    fn comma(&mut self, depth: usize) {
        if self.around == depth {
            self.index = self.index.map(|index| index + 1);
            self.is_next = self.index.is_some() && self.index == array_index(&self.steps[depth - 1]);
        }
    }

    #[inline(always)]
    fn end(&mut self, depth: usize, rest: &'a [u8]) {
        if self.around > depth {
            self.around = depth;
            self.index = None;
        } else if self.around == depth
            && let Some(text) = self.start.take()
        {
            let raw = &text[..text.len() - rest.len()];
            self.found = Some(Value { raw });
            self.index = None;
        }
        self.is_next = false;
    }
}

impl<'a> Way<'a, '_> {
    #[inline(never)] // seldom: checking goes on without it
    fn begin(&mut self, depth: usize, text: &'a [u8]) {
        // What an earlier member of the same name had is hidden by this one.
        self.found = None;
        self.is_next = false;
        match (self.steps.get(depth), text) {
            (None, _) => self.start = Some(text),
            (Some(_), [b'{', ..]) => self.around = depth + 1,
            (Some(step), [b'[', ..]) => {
                self.around = depth + 1;
                self.index = Some(0);
                self.is_next = array_index(step) == Some(0);
            }
            _ => {}
        }
    }
}
