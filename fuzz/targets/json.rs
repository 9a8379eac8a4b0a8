//! JSON read in place: agrees with another reader on what is JSON, what it holds and what a pointer finds.
#![no_main]

use kuai::json::{Value, quote};
use kuai_fuzz::{Choices, tree, walked};
use libfuzzer_sys::fuzz_target;
use serde_json::value::RawValue;

fuzz_target!(|input: &[u8]| {
    let mut choices = Choices::of(input);
    let pointer = String::from_utf8_lossy(choices.line());
    let text = choices.rest();
    let mut quoted = String::new();
    quote(&pointer, &mut quoted);
    assert_eq!(serde_json::from_str::<String>(&quoted).expect("a string"), pointer);
    let value = match Value::parse(text) {
        Ok(value) => value,
        Err(fault) => {
            assert!(fault.offset <= text.len() && fault.line > 0 && fault.column > 0);
            let too_deep = fault.what.contains("deep");
            assert!(
                too_deep || serde_json::from_slice::<&RawValue>(text).is_err(),
                "{fault}"
            );
            return;
        }
    };
    assert!(serde_json::from_slice::<&RawValue>(text).is_ok());
    assert_eq!(value.raw(), text.trim_ascii());
    assert_eq!(value.offset_in(text), text.len() - text.trim_ascii_start().len());
    let Some(expected) = tree(text) else { return };
    assert_eq!(walked(value), expected);
    assert_eq!(value.pointer(&pointer).map(walked), expected.pointer(&pointer).cloned());
    for (name, member) in expected.as_object().into_iter().flatten() {
        assert_eq!(value.get(name).map(walked).as_ref(), Some(member));
    }
    if let Some(number) = expected.as_i64() {
        assert!(value.as_i64().is_none_or(|ours| ours == number));
    }
});
