//! JSON read in place: a text is checked once, then walked as slices of itself.
//!
//! Nothing is built and nothing is written anew, so numbers keep their digits, unknown members their bytes and large answers their
//! one buffer. Checking is strict (RFC 8259, valid UTF-8) and does not recurse; walking trusts the check but never panics.
#![forbid(unsafe_code)]

mod check;
mod members;
mod numbers;
mod pointer;
mod skip;
mod string;
pub(crate) mod word;

pub(crate) use members::{Read, read};
pub(crate) use pointer::find;
pub use string::quote;
pub(crate) use string::{decode_into, mend_surrogates};

use skip::{skip_space, skip_string, skip_value};
use std::borrow::Cow;
use std::fmt;

/// Where a text stops being JSON, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// In bytes, from 0.
    pub offset: usize,
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// For a person: "expected ',' or '}'".
    pub what: &'static str,
}

impl Fault {
    fn of(text: &[u8], stop: &check::Stop<'_>) -> Fault {
        Fault::new(text, text.len() - stop.rest.len(), stop.what)
    }

    fn new(text: &[u8], offset: usize, what: &'static str) -> Fault {
        let before = text.get(..offset).unwrap_or(text);
        let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
        let line_start = before
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |newline| newline + 1);
        // A person counts characters, and every character has one byte that does not continue another.
        let column = 1 + before[line_start..].iter().filter(|&&byte| byte & 0xC0 != 0x80).count();
        Fault {
            offset,
            line,
            column,
            what,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.what)
    }
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the names are JSON's own
pub enum Kind {
    Null,
    Bool,
    Number,
    String,
    Array,
    Object,
}

impl Kind {
    /// As a message to a person calls it: "a string".
    pub fn name(self) -> &'static str {
        match self {
            Kind::Null => "null",
            Kind::Bool => "a boolean",
            Kind::Number => "a number",
            Kind::String => "a string",
            Kind::Array => "an array",
            Kind::Object => "an object",
        }
    }
}

/// A checked JSON value: the bytes of a text from its first to its last.
#[derive(Clone, Copy)]
pub struct Value<'a> {
    raw: &'a [u8],
}

impl<'a> Value<'a> {
    /// Checks that the whole text is one JSON document. White space around it is left out of the value.
    pub fn parse(text: &'a [u8]) -> Result<Value<'a>, Fault> {
        Value::parse_from(text, 0)
    }

    /// The same for an object that begins with `known` bytes of another that was checked, up to the value of one of its members: only
    /// what follows them is looked at.
    pub(crate) fn parse_from(text: &'a [u8], known: usize) -> Result<Value<'a>, Fault> {
        check::check(text, known).map_err(|stop| Fault::of(text, &stop))
    }

    /// What it is.
    pub fn kind(self) -> Kind {
        match self.raw {
            [b'{', ..] => Kind::Object,
            [b'[', ..] => Kind::Array,
            [b'"', ..] => Kind::String,
            [b't' | b'f', ..] => Kind::Bool,
            [b'n', ..] => Kind::Null,
            _ => Kind::Number,
        }
    }

    /// The bytes as they came.
    pub fn raw(self) -> &'a [u8] {
        self.raw
    }

    /// Where this value begins in the text it was read from.
    pub fn offset_in(self, outer: &[u8]) -> usize {
        (self.raw.as_ptr() as usize).wrapping_sub(outer.as_ptr() as usize)
    }

    /// The members of an object, in order; none when this is not an object.
    pub fn members(self) -> Members<'a> {
        Members(Cursor::new(self.raw.strip_prefix(b"{").unwrap_or_default()))
    }

    /// The items of an array; none when this is not an array.
    pub fn items(self) -> Items<'a> {
        Items(Cursor::new(self.raw.strip_prefix(b"[").unwrap_or_default()))
    }

    /// The member of that name. Of several the last, as every common parser has it.
    pub fn get(self, key: &str) -> Option<Value<'a>> {
        self.members()
            .filter(|(name, _)| name.is(key))
            .last()
            .map(|(_, value)| value)
    }

    /// The value that a JSON Pointer (RFC 6901) leads to.
    pub fn pointer(self, pointer: &str) -> Option<Value<'a>> {
        if pointer.is_empty() {
            return Some(self);
        }
        let mut steps = pointer.strip_prefix('/')?.split('/').map(pointer::unescaped);
        steps.try_fold(self, |value, step| match value.kind() {
            Kind::Object => value.get(&step),
            Kind::Array => value.items().nth(array_index(&step)?),
            _ => None,
        })
    }

    /// The decoded string; a lone surrogate becomes U+FFFD. `None` when this is not a string.
    pub fn as_str(self) -> Option<Cow<'a, str>> {
        self.str_raw().map(string::decode)
    }

    /// Appends the decoded string. `false`, and nothing appended, when this is not a string.
    pub fn decode_into(self, out: &mut String) -> bool {
        let Some(escaped) = self.str_raw() else { return false };
        string::decode_into(escaped, out);
        true
    }

    /// The bytes between the quotes, escapes and all.
    pub fn str_raw(self) -> Option<&'a [u8]> {
        self.raw.strip_prefix(b"\"")?.strip_suffix(b"\"")
    }

    /// Whether it is `null`.
    pub fn is_null(self) -> bool {
        self.raw == b"null"
    }

    /// A boolean.
    pub fn as_bool(self) -> Option<bool> {
        match self.raw {
            b"true" => Some(true),
            b"false" => Some(false),
            _ => None,
        }
    }

    /// A number that is written as an integer and fits.
    pub fn as_i64(self) -> Option<i64> {
        match self.raw {
            // As nearly every `index` is.
            [digit @ b'0'..=b'9'] => Some(i64::from(digit - b'0')),
            _ => self.number()?.parse().ok(),
        }
    }

    /// A number that is written as an integer and fits.
    pub fn as_u64(self) -> Option<u64> {
        self.number()?.parse().ok()
    }

    /// The nearest number; one too large for a double is infinite.
    pub fn as_f64(self) -> Option<f64> {
        self.number()?.parse().ok()
    }

    fn number(self) -> Option<&'a str> {
        match self.kind() {
            Kind::Number => std::str::from_utf8(self.raw).ok(),
            _ => None,
        }
    }
}

impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(self.raw))
    }
}

/// The name of a member, as it is written.
#[derive(Clone, Copy)]
pub struct Key<'a> {
    raw: &'a [u8],
}

impl<'a> Key<'a> {
    /// Whether this is the name, however it is written.
    pub fn is(&self, name: &str) -> bool {
        let plain = |(written, meant): &(&u8, &u8)| written == meant && **written != b'\\';
        let same = self.raw.iter().zip(name.as_bytes()).take_while(plain).count();
        match self.raw.get(same) {
            None => same == name.len(),
            Some(b'\\') => self.decode() == name,
            Some(_) => false,
        }
    }

    /// The name itself.
    pub fn decode(&self) -> Cow<'a, str> {
        string::decode(self.raw)
    }

    /// The bytes between the quotes, escapes and all.
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }
}

impl fmt::Debug for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(self.raw))
    }
}

/// The members of an object; see [`Value::members`].
#[derive(Clone)]
pub struct Members<'a>(Cursor<'a>);

impl<'a> Iterator for Members<'a> {
    type Item = (Key<'a>, Value<'a>);

    fn next(&mut self) -> Option<(Key<'a>, Value<'a>)> {
        let key = self.0.member()?;
        Some((key, self.0.value()))
    }
}

/// The items of an array; see [`Value::items`].
#[derive(Clone)]
pub struct Items<'a>(Cursor<'a>);

impl<'a> Iterator for Items<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        if self.0.item() { Some(self.0.value()) } else { None }
    }
}

/// A place in a checked text, for walks that are to look at each byte once.
///
/// [`Members`] and [`Items`] find the end of a value before anybody looks into it; a cursor steps into it instead. After each
/// [`Cursor::member`] and [`Cursor::item`] the value must be taken, or entered and walked to its end.
#[derive(Clone)]
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    /// Before the value that the rest of a checked text begins with.
    pub(crate) fn new(rest: &'a [u8]) -> Cursor<'a> {
        Cursor { rest: skip_space(rest) }
    }

    /// What lies ahead.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Steps into the object or the array that this bracket opens; over any other value, and then it is `false`.
    pub(crate) fn enter(&mut self, bracket: u8) -> bool {
        match self.rest {
            [first, inside @ ..] if *first == bracket => self.rest = inside,
            _ => {
                self.value();
                return false;
            }
        }
        true
    }

    /// The name of the object's next member; `None` when the object is behind.
    #[inline(always)]
    pub(crate) fn member(&mut self) -> Option<Key<'a>> {
        if !self.item() {
            return None;
        }
        let name = self.rest.strip_prefix(b"\"")?;
        let after_name = skip_string(name);
        let key = Key {
            raw: &name[..(name.len() - after_name.len()).checked_sub(1)?],
        };
        self.rest = skip_space(skip_space(after_name).strip_prefix(b":")?);
        Some(key)
    }

    /// Whether there is one more item in the array; `false` when the array is behind.
    #[inline(always)]
    pub(crate) fn item(&mut self) -> bool {
        self.rest = skip_space(self.rest);
        match self.rest {
            [b',', next @ ..] => self.rest = skip_space(next),
            [b']' | b'}', after @ ..] => {
                self.rest = after;
                return false;
            }
            [] => return false,
            _ => {}
        }
        true
    }

    /// Takes the value that comes next.
    #[inline(always)]
    pub(crate) fn value(&mut self) -> Value<'a> {
        let text = self.rest;
        self.rest = skip_value(text);
        Value {
            raw: &text[..text.len() - self.rest.len()],
        }
    }
}

fn array_index(token: &str) -> Option<usize> {
    let plain = token.bytes().all(|byte| byte.is_ascii_digit()) && (token == "0" || !token.starts_with('0'));
    if plain { token.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::de::IgnoredAny;
    use serde_json::Value as Tree;

    const DOCUMENTS: &[&str] = &[
        "null",
        " true ",
        "-0",
        "[]",
        "{}",
        "[ ]",
        "{ }",
        r#""""#,
        r#"{"a":1,"b":[true,false,null,{"c":"d"}],"e":{}}"#,
        "[0,-1,1.5,-0.25e+10,1E3,2e-7,123456789012345678901234567890,0.0000000000000001]",
        "[[[[[]]],[[1]]]]",
        "{\r\n\t\"a\" : [ 1 , 2 ] ,\n        \"b\" : \"x\" }",
        r#""\u00e9\ud83d\ude00 \"\\\/\b\f\n\r\t \u0000""#,
        r#"{"请介绍":"一下你自己 😀 é","name with spaces and \"quotes\"":["ünï",""]}"#,
        r#"{"id":"chatcmpl-1","object":"chat.completion","created":1741569952,"model":"gpt-5","choices":[{"index":0,"message":{"role":"assistant","content":"Hello! How can I help?","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":19,"completion_tokens":10,"total_tokens":29}}"#,
        "{\n  \"data\": [\n    {\n      \"embedding\": [\n        -0.0023064255,\n        0.009327292,\n        -1.5e-05\n      ]\n    }\n  ]\n}\n",
    ];

    /// Small, the same on every machine.
    struct Random(u64);

    impl Random {
        fn below(&mut self, limit: usize) -> usize {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            (self.0 % limit as u64) as usize
        }
    }

    fn fault(text: &str) -> Fault {
        Value::parse(text.as_bytes()).unwrap_err()
    }

    fn value(text: &str) -> Value<'_> {
        Value::parse(text.as_bytes()).unwrap()
    }

    fn oracle_accepts(text: &[u8]) -> bool {
        std::str::from_utf8(text).is_ok() && serde_json::from_slice::<IgnoredAny>(text).is_ok()
    }

    /// The tree that walking gives.
    fn tree(value: Value<'_>) -> Tree {
        match value.kind() {
            Kind::Null => Tree::Null,
            Kind::Bool => Tree::Bool(value.as_bool().unwrap()),
            Kind::Number => serde_json::from_slice(value.raw()).unwrap(),
            Kind::String => Tree::String(value.as_str().unwrap().into_owned()),
            Kind::Array => value.items().map(tree).collect(),
            Kind::Object => Tree::Object(
                value
                    .members()
                    .map(|(key, value)| (key.decode().into_owned(), tree(value)))
                    .collect(),
            ),
        }
    }

    /// Checks a text against the oracle, and what walking it gives.
    fn compare(text: &[u8]) {
        let parsed = Value::parse(text);
        assert_eq!(
            parsed.is_ok(),
            oracle_accepts(text),
            "{parsed:?} {:?}",
            String::from_utf8_lossy(text)
        );
        match parsed {
            // The oracle's tree has no lone surrogates, no numbers beyond a double and no great depth.
            Ok(value) => {
                if let Ok(expected) = serde_json::from_slice::<Tree>(text) {
                    assert_eq!(tree(value), expected, "{:?}", String::from_utf8_lossy(text));
                }
            }
            Err(fault) => assert!(fault.offset <= text.len()),
        }
    }

    #[test]
    fn good_documents_read_as_serde_json_reads_them() {
        for document in DOCUMENTS {
            compare(document.as_bytes());
            assert!(Value::parse(document.as_bytes()).is_ok(), "{document}");
        }
    }

    #[test]
    fn a_document_cut_anywhere_is_judged_as_serde_json_judges_it() {
        for document in DOCUMENTS {
            for end in 0..document.len() {
                compare(&document.as_bytes()[..end]);
                compare(&document.as_bytes()[end..]);
            }
        }
    }

    #[test]
    fn mutated_documents_are_judged_as_serde_json_judges_them() {
        const SPICE: &[u8] = b"\"\\{}[],:0123456789-+.eEtfnul \n\r\t/b\x00\x1f\x7f\x80\xbf\xc3\xa9\xed\xf0\xff";
        let mut random = Random(0x9E37_79B9_7F4A_7C15);
        let rounds = if cfg!(miri) { 100 } else { 200_000 };
        for _ in 0..rounds {
            let mut text = DOCUMENTS[random.below(DOCUMENTS.len())].as_bytes().to_vec();
            for _ in 0..1 + random.below(3) {
                let at = random.below(text.len() + 1);
                match random.below(4) {
                    0 => text.insert(at, SPICE[random.below(SPICE.len())]),
                    1 if at < text.len() => text[at] = SPICE[random.below(SPICE.len())],
                    2 if at < text.len() => drop(text.remove(at)),
                    _ => {
                        let end = at + random.below(text.len() - at + 1).min(12);
                        let piece = text[at..end].to_vec();
                        let to = random.below(text.len() + 1);
                        text.splice(to..to, piece);
                    }
                }
            }
            compare(&text);
        }
    }

    #[test]
    fn walking_what_was_never_checked_ends_and_does_not_panic() {
        const SPICE: &[u8] = b"\"\\{}[],:1 x\n\xe4";
        let mut random = Random(0x2545_F491_4F6C_DD1D);
        for _ in 0..50_000 {
            let text: Vec<u8> = (0..random.below(24))
                .map(|_| SPICE[random.below(SPICE.len())])
                .collect();
            let value = Value { raw: &text };
            assert!(value.members().count() + value.items().count() <= text.len());
            assert!(value.as_str().is_none_or(|string| string.len() <= 3 * text.len()));
            let _ = (value.pointer("/x/1/"), value.pointer("//0"));
            mend_surrogates(&mut text.clone());
        }
    }

    #[test]
    fn strings_and_numbers_of_every_length_end_where_they_end() {
        for length in 0..40 {
            let text = "x".repeat(length);
            let digits = "7".repeat(length + 1);
            for document in [
                format!("[\"{text}\",\"{text}é\",\"{text}\\n\",\"\\\\{text}\"]"),
                format!("[{digits},-{digits}.{digits},0.{digits}e-{digits}]"),
                format!("{{\"{text}\":{digits},\"a\":[\"{text}]\"]}}"),
                format!("[{}1{},2]", " ".repeat(length), " ".repeat(length)),
            ] {
                compare(document.as_bytes());
            }
        }
    }

    #[test]
    fn a_control_character_or_bad_byte_is_found_at_every_place_of_a_string() {
        for length in 0..20 {
            for at in 0..length {
                for bad in [b'\n', 0, 0x1F, 0x80, 0xFF] {
                    let mut text = format!("\"{}\"", "x".repeat(length)).into_bytes();
                    text[1 + at] = bad;
                    assert_eq!(Value::parse(&text).unwrap_err().offset, 1 + at);
                }
            }
        }
    }

    #[test]
    fn a_fault_names_line_and_column() {
        let place = |text: &str| (fault(text).offset, fault(text).line, fault(text).column);
        assert_eq!(place(""), (0, 1, 1));
        assert_eq!(place("nul"), (0, 1, 1));
        assert_eq!(place("[1,\n 2,\n  x]"), (10, 3, 3));
        assert_eq!(place("{\"a\" 1}"), (5, 1, 6));
        assert_eq!(place("{\"a\":1"), (6, 1, 7));
        assert_eq!(place("[1] 2"), (4, 1, 5));
        // Characters are counted, not bytes.
        assert_eq!(place("[\"你好\" x]"), (10, 1, 7));
        assert_eq!(place("\r\n\r\n]"), (4, 3, 1));
    }

    #[test]
    fn a_fault_says_what_was_expected() {
        let what = |text: &str| fault(text).to_string();
        assert_eq!(what("[1,\n  2 3]"), "line 2, column 5: expected ',' or ']'");
        assert_eq!(what("{\"a\":1 \"b\":2}"), "line 1, column 8: expected ',' or '}'");
        assert_eq!(what(""), "line 1, column 1: the text ends too early");
        assert_eq!(what("{\"a\":"), "line 1, column 6: the text ends too early");
        assert_eq!(what("\"abc\\"), "line 1, column 6: the text ends too early");
        assert_eq!(
            what("{a:1}"),
            "line 1, column 2: expected a member's name in double quotes"
        );
        assert_eq!(
            what("[1,]"),
            "line 1, column 4: expected a value before the closing bracket"
        );
        assert_eq!(
            what("['a']"),
            "line 1, column 2: expected a value; strings need double quotes"
        );
        assert_eq!(
            what("[NaN]"),
            "line 1, column 2: expected a value; JSON has no NaN or Infinity"
        );
        assert_eq!(
            what("\u{feff}{}"),
            "line 1, column 1: expected a value, found a byte order mark"
        );
        assert_eq!(
            what(r#""\u12g4""#),
            "line 1, column 2: expected four hexadecimal digits after \\u"
        );
        assert_eq!(what("{} {}"), "line 1, column 4: expected nothing more after the value");
    }

    #[test]
    fn nesting_has_a_limit_and_needs_no_stack() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(Value::parse(nested(1024).as_bytes()).is_ok());
        assert_eq!(
            fault(&nested(1025)).to_string(),
            "line 1, column 1025: nested more than 1024 deep"
        );
        let objects = format!("{}1{}", "{\"a\":".repeat(1024), "}".repeat(1024));
        assert_eq!(value(&objects).pointer(&"/a".repeat(1024)).unwrap().raw(), b"1");
        assert!(Value::parse("[".repeat(10_000_000).as_bytes()).is_err());
    }

    #[test]
    fn what_is_known_is_not_looked_at_again() {
        let known = br#"{"a":[1],"b":"#.len();
        for text in [
            r#"{"a":[1],"b":{"c":2}}"#,
            r#"{"a":[1],"b":2,"c":3} "#,
            r#"{"a":[1],"b": 2}"#,
        ] {
            assert_eq!(
                Value::parse_from(text.as_bytes(), known).unwrap().raw(),
                text.trim().as_bytes()
            );
        }
        for text in [
            r#"{"a":[1],"b":2"#,
            r#"{"a":[1],"b":2]"#,
            r#"{"a":[1],"b":2}}"#,
            r#"{"a":[1],"b":}"#,
            r#"{"a":[1],"b": x}"#,
        ] {
            assert_eq!(Value::parse_from(text.as_bytes(), known).unwrap_err(), fault(text));
        }
    }

    #[test]
    fn a_pointer_finds_what_rfc_6901_says() {
        let document = value(
            r#"{"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\j":5,"k\"l":6," ":7,"m~n":8,"~1":9,"\u4f60":10}"#,
        );
        let raw = |pointer: &str| {
            let found = document.pointer(pointer);
            let checked = find(document.raw(), pointer).unwrap();
            assert_eq!(checked.map(Value::raw), found.map(Value::raw), "{pointer}");
            found.map(|value| std::str::from_utf8(value.raw()).unwrap())
        };
        assert_eq!(raw("/foo"), Some(r#"["bar","baz"]"#));
        assert_eq!(raw("/foo/0"), Some(r#""bar""#));
        assert_eq!(raw("/foo/1"), Some(r#""baz""#));
        for (index, pointer) in [
            "/", "/a~1b", "/c%d", "/e^f", "/g|h", "/i\\j", "/k\"l", "/ ", "/m~0n", "/~01", "/你",
        ]
        .iter()
        .enumerate()
        {
            assert_eq!(raw(pointer), Some(index.to_string().as_str()), "{pointer}");
        }
        for absent in [
            "foo",
            "/foo/2",
            "/foo/-",
            "/foo/01",
            "/foo/+1",
            "/foo/0/x",
            "/bar",
            "/foo/99999999999999999999999",
        ] {
            assert_eq!(raw(absent), None, "{absent}");
        }
        assert_eq!(document.pointer("").unwrap().raw(), document.raw());
    }

    #[test]
    fn a_pointer_finds_what_a_tree_finds() {
        let documents = [
            r#"{"a":[{"b":1},{"b":[2,{"c":3}]},[]],"a/b":{"":{"~":4}},"d":{"a":5,"d":{"d":6}},"e":[[[7,8],9],10]}"#,
            r#"[{"a":[1,{"b":"]}"}]},[[],[2]],3,"x"]"#,
            "17",
        ];
        let tokens = ["", "a", "b", "c", "d", "e", "0", "1", "2", "3", "00", "-", "a~1b", "~0"];
        let mut found = 0;
        for document in documents {
            let tree: Tree = serde_json::from_str(document).unwrap();
            for first in tokens {
                for second in tokens {
                    for third in tokens {
                        for pointer in [
                            format!("/{first}"),
                            format!("/{first}/{second}"),
                            format!("/{first}/{second}/{third}"),
                        ] {
                            let expected = tree.pointer(&pointer).cloned();
                            found += usize::from(expected.is_some());
                            assert_eq!(value(document).pointer(&pointer).map(super::tests::tree), expected);
                            let checked = find(document.as_bytes(), &pointer).unwrap();
                            assert_eq!(checked.map(super::tests::tree), expected, "{document} {pointer}");
                        }
                    }
                }
            }
        }
        assert!(found > 1000, "{found}");
    }

    #[test]
    fn a_later_member_of_the_same_name_hides_an_earlier_one_on_every_step() {
        let raw = |document: &'static str, pointer: &str| {
            let found = value(document).pointer(pointer);
            let checked = find(document.as_bytes(), pointer).unwrap();
            assert_eq!(checked.map(Value::raw), found.map(Value::raw), "{document} {pointer}");
            found.map(|value| std::str::from_utf8(value.raw()).unwrap())
        };
        let document = r#"{"a":{"b":1,"b":2},"c":{"d":3},"a":{"b":4,"\u0062":5},"c":[6],"e":{"f":7},"e":{}}"#;
        assert_eq!(raw(document, "/a/b"), Some("5"));
        assert_eq!(raw(document, "/c/d"), None);
        assert_eq!(raw(document, "/c/0"), Some("6"));
        assert_eq!(raw(document, "/e/f"), None);
        assert_eq!(raw(document, "/e"), Some("{}"));
        assert_eq!(raw(r#"[{"a":1,"a":[2,{"b":3}]}]"#, "/0/a/1/b"), Some("3"));
    }

    #[test]
    fn the_last_of_equal_names_wins_however_it_is_written() {
        assert_eq!(value(r#"{"a":1,"b":2,"\u0061":3}"#).get("a").unwrap().raw(), b"3");
    }

    #[test]
    fn strings_decode_as_serde_json_decodes_them_and_lone_surrogates_are_replaced() {
        for text in [
            r#""""#,
            r#""plain""#,
            r#""\"\\\/\b\f\n\r\t\u0041\ud83d\ude00""#,
            r#""你\n好""#,
        ] {
            let expected: String = serde_json::from_str(text).unwrap();
            assert_eq!(value(text).as_str().unwrap(), expected);
        }
        assert_eq!(value(r#""a\ud83db""#).as_str().unwrap(), "a\u{fffd}b");
        assert_eq!(value(r#""\ude00\ud83d""#).as_str().unwrap(), "\u{fffd}\u{fffd}");
        assert_eq!(value(r#""\ud83d\ud83d\ude00""#).as_str().unwrap(), "\u{fffd}😀");
        assert_eq!(value(r#""\ud83d\u0041""#).as_str().unwrap(), "\u{fffd}A");
    }

    #[test]
    fn decoding_appends_and_leaves_what_is_no_string_alone() {
        let mut out = String::from("say: ");
        assert!(value(r#""h\u0069""#).decode_into(&mut out));
        assert!(!value("[1]").decode_into(&mut out));
        assert_eq!(out, "say: hi");
    }

    #[test]
    fn a_string_is_borrowed_when_it_has_no_escapes() {
        assert!(matches!(
            value(r#""plain 你好""#).as_str(),
            Some(Cow::Borrowed("plain 你好"))
        ));
    }

    #[test]
    fn numbers_keep_their_digits_and_convert_only_when_they_fit() {
        assert_eq!(value("12345678901234567890123").raw(), b"12345678901234567890123");
        assert_eq!(value("12345678901234567890123").as_u64(), None);
        assert_eq!(value("0").as_i64(), Some(0));
        assert_eq!(value("9").as_i64(), Some(9));
        assert_eq!(value("-5").as_i64(), Some(-5));
        assert_eq!(value("-5").as_u64(), None);
        assert_eq!(value("18446744073709551615").as_u64(), Some(u64::MAX));
        assert_eq!(value("1.0").as_i64(), None);
        assert_eq!(value("-2.5e3").as_f64(), Some(-2500.0));
        assert_eq!(value("\"5\"").as_i64(), None);
    }

    #[test]
    fn kinds_have_names_for_people() {
        for (text, name) in [
            ("null", "null"),
            ("true", "a boolean"),
            ("-1", "a number"),
            ("\"\"", "a string"),
            ("[]", "an array"),
            ("{}", "an object"),
        ] {
            assert_eq!(value(text).kind().name(), name);
        }
    }

    #[test]
    fn walking_the_wrong_kind_gives_nothing() {
        assert_eq!(value("[1]").members().count(), 0);
        assert_eq!(value("{\"a\":1}").items().count(), 0);
        assert!(value("\"a\"").get("a").is_none());
        assert_eq!(value("1").as_str(), None);
    }

    #[test]
    fn a_value_knows_its_place_in_its_text() {
        let text = b"  {\"a\": [1, 22]}";
        let inner = Value::parse(text).unwrap().pointer("/a/1").unwrap();
        assert_eq!(&text[inner.offset_in(text)..][..2], b"22");
    }

    #[test]
    fn quoting_gives_what_serde_json_reads_back() {
        let all: String = (0..0x250).filter_map(char::from_u32).chain("你好😀".chars()).collect();
        for text in ["", "plain", "a\"b\\c\nd", all.as_str()] {
            let mut quoted = String::new();
            quote(text, &mut quoted);
            assert_eq!(serde_json::from_str::<String>(&quoted).unwrap(), text);
        }
    }
}
