//! The members of the object that a text is, told while it is checked.
#![forbid(unsafe_code)]

use super::check::{Watch, check_watched};
use super::{Fault, Key, Value};

/// A text that was checked.
pub(crate) struct Read<'a> {
    pub value: Value<'a>,
    /// Some string of it may hold half a surrogate pair, escaped.
    pub has_surrogates: bool,
}

/// Checks a text as [`Value::parse`] does. When it is an object, each of its members has been told then, or before a fault in it was found.
///
/// # Errors
/// Where the text stops being JSON.
pub(crate) fn read<'a>(text: &'a [u8], tell: impl FnMut(Key<'a>, Value<'a>)) -> Result<Read<'a>, Fault> {
    let mut outermost = Outermost {
        tell,
        name: None,
        start: text,
        has_surrogates: false,
    };
    let value = check_watched(text, &mut outermost).map_err(|stop| Fault::of(text, &stop))?;
    Ok(Read {
        value,
        has_surrogates: outermost.has_surrogates,
    })
}

struct Outermost<'a, F> {
    tell: F,
    /// Of the member that the check is in.
    name: Option<Key<'a>>,
    /// Where its value begins.
    start: &'a [u8],
    has_surrogates: bool,
}

impl<'a, F: FnMut(Key<'a>, Value<'a>)> Watch<'a> for Outermost<'a, F> {
    #[inline(always)]
    fn value(&mut self, depth: usize, text: &'a [u8]) {
        if depth == 1 {
            self.start = text;
        }
    }

    #[inline(always)]
    fn key(&mut self, depth: usize, name: &'a [u8]) {
        if depth == 1 {
            self.name = Some(Key { raw: name });
        }
    }

    #[inline(always)]
    fn end(&mut self, depth: usize, rest: &'a [u8]) {
        if depth == 1
            && let Some(name) = self.name.take()
        {
            let raw = &self.start[..self.start.len() - rest.len()];
            (self.tell)(name, Value { raw });
        }
    }

    #[inline(always)]
    fn escape(&mut self, text: &'a [u8]) {
        // From U+D800 to U+DFFF they are halves.
        self.has_surrogates |= matches!(text, [_, b'u', b'd' | b'D', ..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_told_as_a_walk_finds_them() {
        for text in [
            "{}",
            " { } ",
            "[{\"a\":1},2]",
            "\"a\"",
            "1",
            r#"{"a":1,"b":"x","c":[1,{"d":2}],"e":{"f":{"g":3}},"a":[],"h":{},"i":null}"#,
            " {\n \"a\\n\" : [ 1 , 2 ] ,\n \"b\" : { \"c\" : true }\n , \"d\" : -0.5 \n} ",
        ] {
            let mut told = Vec::new();
            let value = read(text.as_bytes(), |key, value| told.push((key.raw(), value.raw())));
            let value = value.unwrap().value;
            let walked: Vec<_> = value.members().map(|(key, value)| (key.raw(), value.raw())).collect();
            assert_eq!(told, walked, "{text}");
        }
    }

    #[test]
    fn half_surrogate_pairs_are_noticed_wherever_they_are_escaped() {
        let has = |text: &str| read(text.as_bytes(), |_, _| {}).unwrap().has_surrogates;
        for text in [
            r#""\ud800""#,
            r#"{"a":[{"b":"x\uDFFF"}]}"#,
            r#"{"\udabc":1}"#,
            r#""é\ud83d\ude00""#,
        ] {
            assert!(has(text), "{text}");
        }
        for text in [r#""\\ud800""#, r#""\u00e9ud800 \n""#, r#"{"a":"\uc3d8é"}"#] {
            assert!(!has(text), "{text}");
        }
    }

    #[test]
    fn a_fault_is_where_the_check_finds_it() {
        for text in ["{\"a\":1,}", "{\"a\":1}}", "[1 2]", "", "{\"a\":\"\\x\"}"] {
            let fault = read(text.as_bytes(), |_, _| {}).err();
            assert_eq!(fault, Value::parse(text.as_bytes()).err(), "{text}");
            assert!(fault.is_some());
        }
    }
}
