//! JSON in a form in which two texts that say the same are the same, with each number as it was written.

use kuai::json::{Key, Kind, Value};
use std::collections::BTreeMap;

/// The text without white space, members sorted by name, strings decoded and written anew.
pub fn canonical(json: &[u8]) -> String {
    let value = Value::parse(json).unwrap_or_else(|fault| panic!("{fault}: {}", json.escape_ascii()));
    let mut out = String::new();
    write(value, &mut out);
    out
}

fn write(value: Value<'_>, out: &mut String) {
    match value.kind() {
        Kind::Object => {
            let pair = |(key, value): (Key<'_>, _)| (key.decode().into_owned(), value);
            let members: BTreeMap<String, Value<'_>> = value.members().map(pair).collect();
            assert_eq!(members.len(), value.members().count(), "two members of one name");
            out.push('{');
            for (i, (key, value)) in members.into_iter().enumerate() {
                out.push_str(if i == 0 { "" } else { "," });
                out.push_str(&serde_json::json!(key).to_string());
                out.push(':');
                write(value, out);
            }
            out.push('}');
        }
        Kind::Array => {
            out.push('[');
            for (i, item) in value.items().enumerate() {
                out.push_str(if i == 0 { "" } else { "," });
                write(item, out);
            }
            out.push(']');
        }
        Kind::String => out.push_str(&serde_json::json!(value.as_str().unwrap()).to_string()),
        _ => out.push_str(std::str::from_utf8(value.raw()).unwrap()),
    }
}
