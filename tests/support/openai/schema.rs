//! The smallest value that a JSON schema allows, for tool arguments and structured output.

use serde_json::{Map, Value, json};

/// References in a schema may be circular; nothing that a test asks for is this deep.
const DEEPEST: u32 = 16;

/// A value for the schema in which every free string is `text`.
pub fn example(schema: &Value, text: &str) -> Value {
    build(schema, schema, text, 0)
}

fn build(root: &Value, schema: &Value, text: &str, depth: u32) -> Value {
    if depth > DEEPEST {
        return Value::Null;
    }
    let build = |schema: &Value| build(root, schema, text, depth + 1);
    if let Some(reference) = schema["$ref"].as_str() {
        let target = reference.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
        return target.map_or(Value::Null, build);
    }
    if let Some(value) = schema.get("const").or_else(|| schema["enum"].get(0)) {
        return value.clone();
    }
    for choice in ["anyOf", "oneOf", "allOf"] {
        if let Some(first) = schema[choice].get(0) {
            return build(first);
        }
    }
    let kind = schema["type"].as_str().or_else(|| schema["type"][0].as_str());
    match kind {
        Some("string") => json!(text),
        Some("integer") => schema.get("minimum").cloned().unwrap_or(json!(1)),
        Some("number") => schema.get("minimum").cloned().unwrap_or(json!(1.5)),
        Some("boolean") => json!(true),
        Some("null") => Value::Null,
        Some("array") => schema.get("items").map_or(json!([]), |items| json!([build(items)])),
        _ => {
            let empty = Map::new();
            let properties = schema["properties"].as_object().unwrap_or(&empty);
            let required: Option<Vec<&str>> = schema["required"]
                .as_array()
                .map(|names| names.iter().filter_map(Value::as_str).collect());
            let wanted = |name: &str| required.as_ref().is_none_or(|names| names.contains(&name));
            let members = properties.iter().filter(|(name, _)| wanted(name));
            members.map(|(name, schema)| (name.clone(), build(schema))).collect()
        }
    }
}
