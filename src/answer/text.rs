//! The text in a good answer, for programs that want nothing else.
#![forbid(unsafe_code)]

use crate::json::{Kind, Value};

/// The answer's text: the first choice's message or completion, a response's `output_text`, a transcript. Empty when there is none.
pub fn text(json: Value<'_>) -> String {
    let mut out = String::new();
    if let Some(choice) = json.get("choices").and_then(|choices| choices.items().next()) {
        of_choice(choice, &mut out);
    } else if let Some(output) = json.get("output").filter(|output| output.kind() == Kind::Array) {
        of_output(output, &mut out);
    }
    if out.is_empty() {
        // The SDKs' sum of a response's text, which some services send, and the transcript of an audio file.
        let place = json.get("output_text").or_else(|| json.get("text"));
        place.map(|text| text.decode_into(&mut out));
    }
    out
}

fn of_choice(choice: Value<'_>, out: &mut String) {
    // Some services answer a plain call with what belongs into a stream.
    let message = choice.get("message").or_else(|| choice.get("delta"));
    match message.and_then(|message| message.get("content")) {
        Some(content) => of_content(content, "text", out),
        None => {
            choice.get("text").map(|text| text.decode_into(out));
        }
    }
}

/// The messages of a response; reasoning, calls of tools and refusals are no text.
fn of_output(output: Value<'_>, out: &mut String) {
    for item in output.items().filter(|item| is_of_type(*item, "message")) {
        if let Some(content) = item.get("content") {
            of_content(content, "output_text", out);
        }
    }
}

/// A string, or the text parts of an array.
fn of_content(content: Value<'_>, part_type: &str, out: &mut String) {
    content.decode_into(out);
    for part in content.items() {
        if part.kind() == Kind::String {
            part.decode_into(out);
        } else if is_of_type(part, part_type) {
            part.get("text").map(|text| text.decode_into(out));
        }
    }
}

/// A type that was left out is no other one.
fn is_of_type(value: Value<'_>, name: &str) -> bool {
    value
        .get("type")
        .and_then(Value::as_str)
        .is_none_or(|found| found == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_every_kind_of_answer_is_found() {
        for (json, expected) in [
            (r#"{"choices":[{"message":{"content":"1+100=101"}}]}"#, "1+100=101"),
            (
                r#"{"choices":[{"message":{"content":"\u4f60\u597d\n😀 \ud83d\ude00"}}]}"#,
                "你好\n😀 😀",
            ),
            (
                r#"{"choices":[{"index":0,"message":{"content":"a"}},{"index":1,"message":{"content":"b"}}]}"#,
                "a",
            ),
            (
                r#"{"choices":[{"message":{"content":[{"type":"text","text":"a"},{"type":"image_url"},{"text":"b"},"c"]}}]}"#,
                "abc",
            ),
            (
                r#"{"choices":[{"message":{"content":[{"type":"thinking","text":"x"},{"type":"text","text":"a"}]}}]}"#,
                "a",
            ),
            (
                r#"{"choices":[{"message":{"content":null,"reasoning_content":"x"}}]}"#,
                "",
            ),
            (r#"{"choices":[{"delta":{"content":"a"}}]}"#, "a"),
            (r#"{"choices":[{"text":"a completion"}]}"#, "a completion"),
            (r#"{"choices":[]}"#, ""),
            (r#"{"choices":null}"#, ""),
            (
                r#"{"object":"response","output":[{"type":"reasoning","content":[{"type":"output_text","text":"x"}]},
                    {"type":"message","content":[{"type":"output_text","text":"a"},{"type":"refusal","refusal":"x"},{"type":"output_text","text":"b"}]},
                    {"type":"message","content":[{"type":"output_text","text":"c"}]}],"output_text":"abc"}"#,
                "abc",
            ),
            (
                r#"{"output":[],"output_text":"summed up","text":{"format":{"type":"text"}}}"#,
                "summed up",
            ),
            (r#"{"output":[{"type":"function_call"}],"text":{"format":{}}}"#, ""),
            (r#"{"output_text":"alone"}"#, "alone"),
            (r#"{"text":"a transcript","usage":{}}"#, "a transcript"),
            (r#"{"data":[{"embedding":[0.1]}]}"#, ""),
            (r#"[1]"#, ""),
            (r#""text""#, ""),
        ] {
            assert_eq!(text(Value::parse(json.as_bytes()).unwrap()), expected, "{json}");
        }
    }
}
