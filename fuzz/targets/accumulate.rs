//! Events joined into an answer: it is JSON whatever came; the short cuts for what an event has in common with the one before see
//! what the long way sees; and the text of a chat is the sum of its events' texts.
#![no_main]

use kuai::headers::Headers;
use kuai::inner::accumulate::Accumulator;
use kuai::inner::answer;
use kuai::json::{Value, quote};
use kuai_fuzz::{Choices, assert_json_of_any_depth, tree};
use libfuzzer_sys::fuzz_target;
use serde_json::Value as Tree;

fuzz_target!(|input: &[u8]| {
    let mut choices = Choices::of(input);
    match choices.byte() % 4 {
        0 => chat(choices),
        _ => anything(choices),
    }
});

/// A line an event; one that begins with '!' names the next one.
fn anything(mut choices: Choices<'_>) {
    let headers = Headers::default();
    let mut accumulator = Accumulator::new();
    let mut name = String::new();
    let mut harmless = 0;
    while !choices.is_empty() {
        let data = choices.line();
        if let Some(text) = data.strip_prefix(b"!") {
            name = String::from_utf8_lossy(text).into_owned();
            continue;
        }
        let (short, long) = (accumulator.parse(data), Value::parse(data));
        assert_eq!(
            short.as_ref().map(|value| value.raw()).map_err(|fault| *fault),
            long.map(Value::raw)
        );
        let Ok(value) = short else { break };
        let known = accumulator.known(data);
        let searched = if known == harmless { known } else { 0 };
        let is_harmless = answer::is_harmless_event(&name, value, searched);
        assert_eq!(is_harmless, answer::is_harmless_event(&name, value, 0));
        harmless = if is_harmless { known } else { 0 };
        if answer::failure_in_event(&name, value, &headers).is_some() {
            break;
        }
        accumulator.push(&name, value);
        let text = accumulator.text_z().strip_suffix(b"\0").expect("a NUL");
        assert!(std::str::from_utf8(text).is_ok());
        name.clear();
    }
    if let Some(answer) = accumulator.answer() {
        assert_json_of_any_depth(&answer);
    }
}

/// Chunks as OpenAI sends them, whose content is known.
fn chat(mut choices: Choices<'_>) {
    let mut accumulator = Accumulator::new();
    let mut content = [String::new(), String::new(), String::new()];
    let mut arguments = [String::new(), String::new()];
    let mut told = String::new();
    while !choices.is_empty() {
        let kind = choices.byte();
        let index = usize::from(kind / 8) % 3;
        let piece = String::from_utf8_lossy(choices.line()).into_owned();
        let mut quoted = String::new();
        quote(&piece, &mut quoted);
        let delta = match kind % 4 {
            0 => {
                let call = index % 2;
                let id = if arguments[call].is_empty() {
                    format!(r#""id":"call_{call}","#)
                } else {
                    String::new()
                };
                // An empty piece says nothing of the call, not even that it has begun.
                arguments[call].push_str(&piece);
                format!(
                    r#""index":0,"delta":{{"tool_calls":[{{"index":{call},{id}"function":{{"arguments":{quoted}}}}}]}}"#
                )
            }
            _ => {
                content[index].push_str(&piece);
                format!(r#""index":{index},"delta":{{"content":{quoted}}}"#)
            }
        };
        let event = format!(
            r#"{{"id":"c","object":"chat.completion.chunk","created":1,"choices":[{{{delta},"finish_reason":null}}]}}"#
        );
        let value = accumulator.parse(event.as_bytes()).expect("JSON");
        accumulator.push("", value);
        let text = accumulator.text_z();
        told.push_str(std::str::from_utf8(&text[..text.len() - 1]).expect("UTF-8"));
    }
    let Some(answer) = accumulator.answer() else { return };
    let answer = tree(&answer).expect("JSON");
    assert_eq!(told, content[0]);
    for (index, content) in content.iter().enumerate().filter(|(_, content)| !content.is_empty()) {
        let choices = answer["choices"].as_array().expect("choices");
        let choice = choices
            .iter()
            .find(|choice| choice["index"] == index)
            .expect("the choice");
        assert_eq!(choice["message"]["content"], Tree::from(content.as_str()));
    }
    for (call, arguments) in arguments
        .iter()
        .enumerate()
        .filter(|(_, arguments)| !arguments.is_empty())
    {
        let calls = answer["choices"][0]["message"]["tool_calls"].as_array().expect("calls");
        let id = format!("call_{call}");
        let call = calls.iter().find(|call| call["id"] == id.as_str()).expect("the call");
        assert_eq!(call["function"]["arguments"], Tree::from(arguments.as_str()));
    }
}
