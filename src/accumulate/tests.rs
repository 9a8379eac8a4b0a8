//! What streams become: each beside the answer that the service would have given without `stream`.

use super::Accumulator;
use crate::json::Value;
use crate::sse::{Decoder, is_done};
use serde_json::{Value as Tree, json};

/// A stream that was taken in.
struct Taken {
    answer: Tree,
    /// The texts of all events.
    text: String,
    ended: bool,
}

/// Takes in events given by name and data.
fn take_named(events: &[(&str, String)]) -> Taken {
    let mut accumulator = Accumulator::new();
    let mut text = Vec::new();
    for (name, data) in events {
        accumulator.push(name, accumulator.parse(data.as_bytes()).unwrap());
        text.extend_from_slice(accumulator.text_z().strip_suffix(b"\0").unwrap());
    }
    let answer = accumulator.answer().map_or(Tree::Null, |answer| {
        serde_json::from_slice(&answer).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&answer)))
    });
    Taken {
        answer,
        text: String::from_utf8(text).unwrap(),
        ended: accumulator.ended(),
    }
}

fn take(events: &[Tree]) -> Taken {
    let events: Vec<_> = events.iter().map(|event| ("", event.to_string())).collect();
    take_named(&events)
}

fn take_raw(events: &[&str]) -> Taken {
    let events: Vec<_> = events.iter().map(|event| ("", event.to_string())).collect();
    take_named(&events)
}

/// Takes in a stream as it comes over the wire, in these pieces.
fn take_pieces<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Taken {
    let mut decoder = Decoder::new(1 << 20);
    let mut events = Vec::new();
    for piece in pieces {
        decoder.space(piece.len())[..piece.len()].copy_from_slice(piece);
        decoder.filled(piece.len());
        drain(&mut decoder, &mut events);
    }
    decoder.end();
    drain(&mut decoder, &mut events);
    let before_done = events.split(|(_, data)| is_done(data.as_bytes())).next().unwrap();
    let events: Vec<_> = before_done
        .iter()
        .map(|(name, data)| (name.as_str(), data.clone()))
        .collect();
    take_named(&events)
}

fn drain(decoder: &mut Decoder, events: &mut Vec<(String, String)>) {
    while let Some(event) = decoder.next().unwrap() {
        let text = |bytes: &[u8]| String::from_utf8(bytes.strip_suffix(b"\0").unwrap().to_vec()).unwrap();
        events.push((text(event.name_z()), text(event.data_z())));
    }
}

/// A chat chunk with these choices.
fn chunk(choices: Tree) -> Tree {
    json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1741569952, "model": "gpt-5", "service_tier": "default",
        "system_fingerprint": "fp_1", "choices": choices, "obfuscation": "x7Gq"})
}

/// The whole completion that such chunks make.
fn completion(choices: Tree) -> Tree {
    json!({"id": "chatcmpl-1", "object": "chat.completion", "created": 1741569952, "model": "gpt-5", "service_tier": "default",
        "system_fingerprint": "fp_1", "choices": choices})
}

/// A chunk of one choice with this delta.
fn delta(delta: Tree) -> Tree {
    chunk(json!([{"index": 0, "delta": delta, "finish_reason": null}]))
}

fn finish(reason: &str) -> Tree {
    chunk(json!([{"index": 0, "delta": {}, "finish_reason": reason}]))
}

/// The message that these deltas make.
fn message(deltas: &[Tree]) -> Tree {
    let chunks: Vec<Tree> = deltas.iter().cloned().map(delta).collect();
    take(&chunks).answer["choices"][0]["message"].clone()
}

// ---- chat ----

#[test]
fn a_plain_answer_is_what_it_would_have_been_without_stream() {
    let taken = take(&[
        delta(json!({"role": "assistant", "content": "", "refusal": null})),
        delta(json!({"content": "Hel"})),
        delta(json!({"content": "lo"})),
        finish("stop"),
        json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1741569952, "model": "gpt-5", "choices": [],
            "usage": {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}}),
    ]);
    let mut expected = completion(json!([{"index": 0, "finish_reason": "stop",
        "message": {"role": "assistant", "content": "Hello", "refusal": null}}]));
    expected["usage"] = json!({"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11});
    assert_eq!(taken.answer, expected);
    assert_eq!(taken.text, "Hello");
    assert!(taken.ended);
}

#[test]
fn several_choices_are_told_apart_by_index_and_the_text_is_the_first_ones() {
    let piece = |index: i64, content: &str| {
        chunk(json!([{"index": index, "delta": {"content": content}, "finish_reason": null}]))
    };
    let end = |index: i64, reason: &str| chunk(json!([{"index": index, "delta": {}, "finish_reason": reason}]));
    let mut events = vec![
        piece(1, "x"),
        piece(0, "a"),
        piece(2, "m"),
        piece(1, "y"),
        piece(0, "b"),
    ];
    events.extend([end(1, "stop"), end(0, "length")]);
    let unfinished = take(&events);
    assert!(!unfinished.ended);
    events.push(end(2, "stop"));
    let taken = take(&events);
    let choice = |index: i64, content: &str, reason: &str| json!({"index": index, "message": {"role": "assistant", "content": content}, "finish_reason": reason});
    let choices = json!([
        choice(0, "ab", "length"),
        choice(1, "xy", "stop"),
        choice(2, "m", "stop")
    ]);
    assert_eq!(taken.answer, completion(choices));
    assert_eq!(taken.text, "ab");
    assert!(taken.ended);
}

#[test]
fn choices_may_come_together_in_one_chunk() {
    let taken = take(&[
        chunk(json!([{"index": 0, "delta": {"content": "a"}}, {"index": 1, "delta": {"content": "x"}}])),
        chunk(json!([{"index": 0, "delta": {"content": "b"}, "finish_reason": "stop"},
            {"index": 1, "delta": {"content": "y"}, "finish_reason": "stop"}])),
    ]);
    assert_eq!(taken.answer.pointer("/choices/0/message/content"), Some(&json!("ab")));
    assert_eq!(taken.answer.pointer("/choices/1/message/content"), Some(&json!("xy")));
}

#[test]
fn parallel_tool_calls_are_joined_by_index() {
    let call = |piece: Tree| delta(json!({"tool_calls": [piece]}));
    let taken = take(&[
        delta(json!({"role": "assistant", "content": null})),
        call(json!({"index": 0, "id": "call_a", "type": "function", "function": {"name": "weather", "arguments": ""}})),
        call(json!({"index": 0, "function": {"arguments": "{\"city\":"}})),
        call(json!({"index": 1, "id": "call_b", "type": "function", "function": {"name": "time", "arguments": ""}})),
        call(json!({"index": 0, "function": {"arguments": "\"北京\"}"}})),
        call(json!({"index": 1, "function": {"arguments": "{}"}})),
        finish("tool_calls"),
    ]);
    let expected = completion(
        json!([{"index": 0, "finish_reason": "tool_calls", "message": {"role": "assistant", "content": null,
        "tool_calls": [
            {"id": "call_a", "type": "function", "function": {"name": "weather", "arguments": "{\"city\":\"北京\"}"}},
            {"id": "call_b", "type": "function", "function": {"name": "time", "arguments": "{}"}},
        ]}}]),
    );
    assert_eq!(taken.answer, expected);
    assert_eq!(taken.text, "");
}

/// The names, ids and arguments of the calls that these pieces make.
fn calls(pieces: &[Tree]) -> Vec<(String, String, String)> {
    let deltas: Vec<Tree> = pieces.iter().map(|piece| json!({"tool_calls": [piece]})).collect();
    let message = message(&deltas);
    let text = |value: &Tree| value.as_str().unwrap_or_default().to_string();
    let calls = message["tool_calls"].as_array().unwrap();
    assert!(calls.iter().all(|call| call.get("index").is_none()));
    calls
        .iter()
        .map(|call| {
            (
                text(&call["function"]["name"]),
                text(&call["id"]),
                text(&call["function"]["arguments"]),
            )
        })
        .collect()
}

fn made(calls: &[(&str, &str, &str)]) -> Vec<(String, String, String)> {
    calls
        .iter()
        .map(|call| (call.0.to_string(), call.1.to_string(), call.2.to_string()))
        .collect()
}

#[test]
fn tool_calls_without_index_are_told_apart_by_id() {
    let pieces = [
        json!({"id": "a", "function": {"name": "f", "arguments": "{\"x\":"}}),
        json!({"id": "b", "function": {"name": "g", "arguments": "{}"}}),
        json!({"id": "a", "function": {"arguments": "1}"}}),
    ];
    assert_eq!(calls(&pieces), made(&[("f", "a", "{\"x\":1}"), ("g", "b", "{}")]));
}

#[test]
fn tool_calls_without_index_and_id_begin_when_a_name_follows_a_complete_call() {
    let pieces = [
        json!({"function": {"name": "f", "arguments": "{\"x\":"}}),
        json!({"function": {"name": "f", "arguments": "1"}}),
        json!({"function": {"arguments": "}"}}),
        json!({"function": {"name": "f", "arguments": "{\"x\":2}"}}),
        json!({"function": {"name": "g", "arguments": ""}}),
        json!({"function": {"name": "h", "arguments": "{}"}}),
    ];
    assert_eq!(
        calls(&pieces),
        made(&[
            ("f", "", "{\"x\":1}"),
            ("f", "", "{\"x\":2}"),
            ("g", "", ""),
            ("h", "", "{}")
        ])
    );
}

#[test]
fn tool_calls_of_equal_index_are_told_apart_by_id() {
    let pieces = [
        json!({"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}}),
        json!({"index": 0, "id": "b", "function": {"name": "g", "arguments": "{\"y\":"}}),
        json!({"index": 0, "function": {"arguments": "2}"}}),
    ];
    assert_eq!(calls(&pieces), made(&[("f", "a", "{}"), ("g", "b", "{\"y\":2}")]));
}

#[test]
fn tool_calls_of_equal_index_without_ids_begin_when_a_whole_one_follows_a_complete_call() {
    let piece =
        |name: &str, arguments: Tree| json!({"index": 0, "id": "", "function": {"name": name, "arguments": arguments}});
    let pieces = [
        piece("f", json!("{\"x\":")),
        piece("f", json!("1}")),
        // Neither of these says anything.
        piece("f", json!("")),
        piece("f", Tree::Null),
        piece("f", json!("{\"x\":2}")),
        piece("g", json!({"y": 3})),
    ];
    assert_eq!(
        calls(&pieces),
        made(&[("f", "", "{\"x\":1}"), ("f", "", "{\"x\":2}"), ("g", "", "{\"y\":3}")])
    );
}

#[test]
fn tool_calls_may_count_from_one_or_below_zero_or_repeat_id_and_name() {
    let whole = |index: i64| json!({"index": index, "id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}});
    assert_eq!(calls(&[whole(1)]), made(&[("f", "a", "{}")]));
    assert_eq!(calls(&[whole(-1)]), made(&[("f", "a", "{}")]));
    let half = |arguments: &str| json!({"index": 0, "id": "a", "function": {"name": "f", "arguments": arguments}});
    assert_eq!(calls(&[half("{\"x\":"), half("1}")]), made(&[("f", "a", "{\"x\":1}")]));
    // An id that comes late is still the call's.
    let late = [
        json!({"index": 0, "function": {"name": "f"}}),
        json!({"index": 0, "id": "a", "function": {"arguments": "{}"}}),
    ];
    assert_eq!(calls(&late), made(&[("f", "a", "{}")]));
}

#[test]
fn tool_calls_stand_in_the_order_of_their_indexes() {
    let call =
        |index: i64| json!({"index": index, "id": format!("id{index}"), "function": {"name": "f", "arguments": "{}"}});
    let order: Vec<String> = calls(&[call(2), call(0), call(1)])
        .into_iter()
        .map(|(_, id, _)| id)
        .collect();
    assert_eq!(order, ["id0", "id1", "id2"]);
}

#[test]
fn arguments_that_are_an_object_become_text() {
    let pieces = [json!({"index": 0, "id": "a", "function": {"name": "f", "arguments": {"a": "é\n"}}})];
    assert_eq!(calls(&pieces), made(&[("f", "a", "{\"a\":\"é\\n\"}")]));
}

#[test]
fn custom_tools_and_unknown_members_of_calls_are_kept() {
    let message = message(&[
        json!({"tool_calls": [{"index": 0, "id": "a", "type": "custom", "custom": {"name": "sh", "input": "ls "}}]}),
        json!({"tool_calls": [{"index": 0, "custom": {"input": "-l"}, "extra_content": {"google": {"thought_signature": "s"}}}]}),
        json!({"tool_calls": [{"index": 0, "extra_content": null}]}),
    ]);
    assert_eq!(
        message["tool_calls"],
        json!([{"id": "a", "type": "custom", "custom": {"name": "sh", "input": "ls -l"},
        "extra_content": {"google": {"thought_signature": "s"}}}])
    );
}

#[test]
fn no_tool_calls_stay_what_they_were() {
    assert_eq!(
        message(&[json!({"content": "a", "tool_calls": []}), json!({"tool_calls": null})])["tool_calls"],
        json!([])
    );
    assert_eq!(
        message(&[json!({"content": "a", "tool_calls": null})])["tool_calls"],
        json!(null)
    );
    let one = json!({"tool_calls": [{"index": 0, "id": "a"}]});
    assert_eq!(
        message(&[json!({"tool_calls": []}), one, json!({"tool_calls": []})])["tool_calls"],
        json!([{"id": "a"}])
    );
}

#[test]
fn an_older_function_call_is_joined_and_its_stub_dropped() {
    let joined = message(&[
        json!({"role": "assistant", "content": null, "function_call": {"name": "f", "arguments": ""}}),
        json!({"function_call": {"arguments": "{\"a\":"}}),
        json!({"function_call": {"arguments": "1}"}}),
    ]);
    assert_eq!(joined["function_call"], json!({"name": "f", "arguments": "{\"a\":1}"}));
    let stub = json!({"content": "a", "function_call": {"name": "", "arguments": ""}});
    assert_eq!(
        message(&[stub.clone(), stub]),
        json!({"role": "assistant", "content": "aa"})
    );
}

#[test]
fn a_refusal_is_joined_and_is_not_the_text() {
    let taken = take(&[
        delta(json!({"role": "assistant", "content": null, "refusal": ""})),
        delta(json!({"refusal": "I can"})),
        delta(json!({"refusal": "not."})),
        finish("stop"),
    ]);
    let message = json!({"role": "assistant", "content": null, "refusal": "I cannot."});
    assert_eq!(taken.answer["choices"][0]["message"], message);
    assert_eq!(taken.text, "");
}

#[test]
fn log_probabilities_are_joined() {
    let token = |text: &str| json!({"token": text, "logprob": -0.25, "bytes": [104], "top_logprobs": []});
    let with = |content: &str, logprobs: Tree| {
        chunk(json!([{"index": 0, "delta": {"content": content}, "logprobs": logprobs, "finish_reason": null}]))
    };
    let taken = take(&[
        with("a", json!({"content": [token("a")], "refusal": null})),
        with("", json!({"content": [], "refusal": null})),
        with("bc", json!({"content": [token("b"), token("c")], "refusal": null})),
        chunk(json!([{"index": 0, "delta": {}, "logprobs": null, "finish_reason": "stop"}])),
    ]);
    let expected = json!({"content": [token("a"), token("b"), token("c")], "refusal": null});
    assert_eq!(taken.answer["choices"][0]["logprobs"], expected);
}

#[test]
fn log_probabilities_that_were_not_asked_for_stay_null() {
    let taken = take(&[chunk(
        json!([{"index": 0, "delta": {"content": "a"}, "logprobs": null, "finish_reason": "stop"}]),
    )]);
    let choice = json!({"index": 0, "message": {"role": "assistant", "content": "a"}, "logprobs": null, "finish_reason": "stop"});
    assert_eq!(taken.answer, completion(json!([choice])));
}

#[test]
fn unknown_strings_of_deltas_are_joined_and_other_unknown_values_kept() {
    let taken = take(&[
        delta(json!({"role": "assistant", "content": null, "reasoning_content": "th", "reasoning": "a"})),
        delta(json!({"reasoning_content": "ink", "reasoning": "b", "extra_content": {"google": {"thought": true}}})),
        delta(json!({"content": "hi", "reasoning_content": null, "annotations": [{"type": "url_citation", "n": 1}]})),
        delta(json!({"annotations": [{"type": "url_citation", "n": 2}], "score": 1.50})),
        finish("stop"),
    ]);
    assert_eq!(
        taken.answer["choices"][0]["message"],
        json!({"role": "assistant", "content": "hi", "reasoning_content": "think",
        "reasoning": "ab", "extra_content": {"google": {"thought": true}}, "score": 1.5,
        "annotations": [{"type": "url_citation", "n": 1}, {"type": "url_citation", "n": 2}]})
    );
    assert_eq!(taken.text, "hi");
}

#[test]
fn a_role_in_every_delta_is_the_role_once() {
    let piece = |content: &str| json!({"role": "assistant", "content": content});
    assert_eq!(
        message(&[piece("a"), piece("b"), json!({"role": "", "content": "c"})]),
        piece("abc")
    );
}

#[test]
fn a_missing_role_is_the_assistants_and_missing_content_is_null() {
    assert_eq!(
        message(&[json!({"content": "a"})]),
        json!({"role": "assistant", "content": "a"})
    );
    assert_eq!(
        message(&[json!({"role": null})]),
        json!({"role": "assistant", "content": null})
    );
}

#[test]
fn content_in_parts_is_joined_text() {
    let taken = take(&[
        delta(
            json!({"content": [{"type": "reasoning", "text": "hm"}, {"type": "text", "text": "he"}, {"type": "image"}, "l"]}),
        ),
        delta(json!({"content": "lo"})),
    ]);
    assert_eq!(taken.answer["choices"][0]["message"]["content"], json!("hello"));
    assert_eq!(taken.text, "hello");
}

#[test]
fn chunks_of_two_writers_that_space_differently_are_one_stream() {
    let taken = take_raw(&[
        r#"{"choices":[{"delta":{"content":"a"}}]}"#,
        r#"{"choices": [{"delta": {"content": "b"}}]}"#,
        r#"{"choices":[{"delta":{"content":"c"},"finish_reason":"stop"}]}"#,
    ]);
    assert_eq!((taken.text.as_str(), taken.ended), ("abc", true));
}

#[test]
fn content_of_which_no_part_is_text_is_null() {
    let taken = take(&[delta(json!({"content": [{"type": "reasoning", "text": "hm"}]}))]);
    assert_eq!(taken.answer["choices"][0]["message"]["content"], Tree::Null);
}

#[test]
fn spoken_answers_are_joined_though_each_piece_is_padded() {
    let audio = |audio: Tree| json!({"audio": audio});
    let message = message(&[
        audio(json!({"id": "audio_1", "transcript": "he"})),
        audio(json!({"id": "audio_1", "data": "aGVsbA=="})),
        audio(json!({"data": "byB3bw==", "transcript": "llo"})),
        audio(json!({"data": "cmxk"})),
        audio(json!({"expires_at": 1741569999})),
    ]);
    assert_eq!(
        message["audio"],
        json!({"id": "audio_1", "transcript": "hello", "data": "aGVsbG8gd29ybGQ=", "expires_at": 1741569999})
    );
}

#[test]
fn an_empty_finish_reason_is_none_and_a_later_one_replaces_an_earlier_one() {
    assert!(!take(&[delta(json!({"content": "a"})), finish("")]).ended);
    assert!(!take(&[delta(json!({"content": "a"})), finish("null")]).ended);
    let taken = take(&[
        delta(json!({"content": "a"})),
        finish("stop"),
        finish("tool_calls"),
        finish(""),
        finish("null"),
    ]);
    assert_eq!(taken.answer["choices"][0]["finish_reason"], json!("tool_calls"));
    assert!(taken.ended);
    let unknown = take(&[finish("insufficient_system_resource")]);
    assert_eq!(
        unknown.answer["choices"][0]["finish_reason"],
        json!("insufficient_system_resource")
    );
    assert!(unknown.ended);
}

#[test]
fn a_message_is_taken_where_a_delta_is_expected() {
    let whole = completion(
        json!([{"index": 0, "finish_reason": "tool_calls", "logprobs": null, "message": {"role": "assistant",
        "content": "hello", "refusal": null, "annotations": [], "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}},
            {"id": "b", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}}]),
    );
    let taken = take(std::slice::from_ref(&whole));
    assert_eq!(taken.answer, whole);
    assert_eq!(taken.text, "hello");
    assert!(taken.ended);
}

#[test]
fn what_stands_beside_a_delta_says_nothing_new() {
    // In this order, and in this one, since services differ.
    for (before, after) in [
        (r#""message":{"content":"M"},"text":"T","#, ""),
        ("", r#","message":{"content":"M"},"text":"T""#),
    ] {
        let event = |content: &str, finish: &str| {
            let before = before.replace(['M', 'T'], content);
            let after = after.replace(['M', 'T'], content);
            format!(
                r#"{{"choices":[{{"index":0,{before}"delta":{{"content":"{content}"}},"finish_reason":{finish}{after}}}]}}"#
            )
        };
        let taken = take_raw(&[&event("hel", "null"), &event("lo", r#""stop""#)]);
        assert_eq!(taken.answer["choices"][0]["message"]["content"], json!("hello"));
        assert_eq!(taken.text, "hello");
    }
}

#[test]
fn an_event_without_a_type_is_what_its_name_says() {
    let completed = json!({"response": {"id": "r", "object": "response", "output": [1]}}).to_string();
    let taken = take_named(&[
        ("response.output_text.delta", json!({"delta": "hello"}).to_string()),
        ("response.completed", completed),
    ]);
    assert_eq!((taken.text.as_str(), taken.ended), ("hello", true));
    assert_eq!(taken.answer["id"], json!("r"));
}

#[test]
fn a_message_that_repeats_what_the_deltas_said_says_nothing_new() {
    let taken = take(&[
        delta(json!({"role": "assistant", "content": "hel"})),
        delta(json!({"content": "lo"})),
        chunk(
            json!([{"index": 0, "delta": {}, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}]),
        ),
    ]);
    let choice = json!({"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"});
    assert_eq!(taken.answer, completion(json!([choice])));
    assert_eq!(taken.text, "hello");
}

#[test]
fn choices_and_deltas_may_be_missing_or_null() {
    let taken = take(&[
        delta(json!({"role": "assistant", "content": "he"})),
        chunk(json!(null)),
        json!({"id": "chatcmpl-1", "object": "chat.completion.chunk"}),
        chunk(json!([{"index": 0, "delta": null, "finish_reason": null}])),
        chunk(json!([{"delta": {"content": "llo"}}])),
        chunk(json!([{"index": 0, "finish_reason": "stop"}])),
    ]);
    let choice = json!({"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"});
    assert_eq!(taken.answer, completion(json!([choice])));
}

#[test]
fn choices_that_come_twice_in_a_chunk_are_taken_twice_each_time() {
    let event = r#"{"choices":[{"delta":{"content":"a"}}],"choices":[{"delta":{"content":"b"}}]}"#;
    let content = take_raw(&[event, event, event]).answer["choices"][0]["message"]["content"].clone();
    assert_eq!(content, json!("ababab"));
}

#[test]
fn the_last_usage_that_says_something_counts() {
    let with = |usage: Tree| json!({"choices": [], "usage": usage});
    let usage = |n: u32| json!({"total_tokens": n});
    let taken = take(&[
        with(json!(null)),
        with(usage(3)),
        with(usage(6)),
        with(json!({})),
        with(json!(null)),
    ]);
    assert_eq!(taken.answer, json!({"choices": [], "usage": {"total_tokens": 6}}));
    assert_eq!(take(&[with(json!({}))]).answer, json!({"choices": []}));
}

#[test]
fn top_level_and_choice_members_keep_the_last_value_that_says_something() {
    let taken = take(&[
        json!({"id": "", "object": "", "created": 0, "model": "", "choices": [], "prompt_filter_results": [{"n": 1}]}),
        json!({"id": "a", "object": "chat.completion.chunk", "created": 5, "model": "m", "citations": ["x"],
            "choices": [{"index": 0, "delta": {"content": "a"}, "content_filter_results": {"n": 1}, "stop_reason": null}]}),
        json!({"id": "b", "object": "chat.completion.chunk", "created": 5, "model": "", "citations": ["x", "y"], "provider": null,
            "choices": [{"index": 0, "delta": {}, "finish_reason": "stop", "content_filter_results": {"n": 2}}]}),
    ]);
    assert_eq!(
        taken.answer,
        json!({"id": "b", "object": "chat.completion", "created": 5, "model": "m", "provider": null,
        "citations": ["x", "y"], "prompt_filter_results": [{"n": 1}],
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "a"}, "finish_reason": "stop",
            "content_filter_results": {"n": 2}, "stop_reason": null}]})
    );
}

#[test]
fn a_surrogate_pair_split_over_two_deltas_is_one_character() {
    let piece = |content: &str| format!(r#"{{"choices":[{{"index":0,"delta":{{"content":"{content}"}}}}]}}"#);
    for pieces in [
        vec![r"a\ud83d", r"\ude00b"],
        vec![r"a\ud83d", "", r"\ude00b"],
        vec!["a", r"\ud83d", r"\uDE00", "b"],
    ] {
        let events: Vec<String> = pieces.iter().map(|content| piece(content)).collect();
        let taken = take_raw(&events.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(
            taken.answer.pointer("/choices/0/message/content"),
            Some(&json!("a😀b")),
            "{pieces:?}"
        );
        assert_eq!(taken.text, "a😀b", "{pieces:?}");
    }
}

#[test]
fn a_lone_surrogate_is_replaced() {
    let piece = |content: &str| format!(r#"{{"choices":[{{"index":0,"delta":{{"content":"{content}"}}}}]}}"#);
    let taken = take_raw(&[&piece(r"a\ud83d"), &piece(r"b\\ud83d"), &piece(r"\ude00c")]);
    assert_eq!(
        taken.answer.pointer("/choices/0/message/content"),
        Some(&json!("a\u{fffd}b\\ud83d\u{fffd}c"))
    );
    assert_eq!(taken.text, "a\u{fffd}b\\ud83d\u{fffd}c");
}

#[test]
fn escapes_and_numbers_stay_as_they_came() {
    let mut accumulator = Accumulator::new();
    for event in [
        r#"{"created":1.50e3,"big":123456789012345678901234567890,"choices":[{"delta":{"content":"\u4f60\/","n":1.0}}]}"#,
        r#"{"choices":[{"delta":{"content":"好\n"},"finish_reason":"stop"}]}"#,
    ] {
        accumulator.push("", Value::parse(event.as_bytes()).unwrap());
    }
    let answer = String::from_utf8(accumulator.answer().unwrap()).unwrap();
    assert_eq!(
        answer,
        r#"{"created":1.50e3,"big":123456789012345678901234567890,"choices":[{"index":0,"message":{"role":"assistant","content":"\u4f60\/好\n","n":1.0},"finish_reason":"stop"}]}"#
    );
}

#[test]
fn keep_alives_between_chunks_leave_no_trace() {
    let taken = take_named(&[
        ("ping", json!({"type": "ping"}).to_string()),
        ("", delta(json!({"role": "assistant", "content": "he"})).to_string()),
        ("", r#"{"type":"keepalive","n":1}"#.to_string()),
        ("keepalive", "{}".to_string()),
        ("", delta(json!({"content": "llo"})).to_string()),
        ("", finish("stop").to_string()),
    ]);
    let choice = json!({"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"});
    assert_eq!(taken.answer, completion(json!([choice])));
}

#[test]
fn a_chunk_is_checked_as_strictly_as_if_none_had_come_before() {
    let mut accumulator = Accumulator::new();
    let whole = delta(json!({"content": "你好"})).to_string();
    accumulator.push("", accumulator.parse(whole.as_bytes()).unwrap());
    assert_eq!(accumulator.parse(whole.as_bytes()).unwrap().raw(), whole.as_bytes());
    for end in 0..whole.len() {
        let cut = &whole.as_bytes()[..end];
        assert_eq!(accumulator.parse(cut).unwrap_err(), Value::parse(cut).unwrap_err());
        let spoilt = [cut, b"\x01", &whole.as_bytes()[end + 1..]].concat();
        assert!(accumulator.parse(&spoilt).is_err());
    }
}

#[test]
fn nothing_gives_no_answer() {
    let accumulator = Accumulator::new();
    assert_eq!(accumulator.answer(), None);
    assert_eq!(accumulator.text_z(), b"\0");
    assert!(!accumulator.ended());
    assert_eq!(take(&[json!({}), json!({"type": "ping"})]).answer, Tree::Null);
}

#[test]
fn a_cut_stream_leaves_what_came() {
    let taken = take(&[delta(json!({"role": "assistant", "content": "he"}))]);
    let choice = json!({"index": 0, "message": {"role": "assistant", "content": "he"}, "finish_reason": null});
    assert_eq!(taken.answer, completion(json!([choice])));
    assert!(!taken.ended);
}

/// Cuts escaped text into pieces, anywhere but inside of an escape.
fn cut(text: &str, random: &mut impl FnMut(usize) -> usize) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let units: Vec<u16> = text.encode_utf16().collect();
    for &unit in &units {
        if random(3) == 0 {
            pieces.push(String::new());
        }
        let last = pieces.last_mut().unwrap();
        match char::from_u32(u32::from(unit)) {
            Some(character) if unit >= 0x20 && character != '"' && character != '\\' && random(4) > 0 => {
                last.push(character)
            }
            _ => last.push_str(&format!("\\u{unit:04x}")),
        }
    }
    pieces
}

#[test]
fn an_answer_cut_at_random_becomes_itself_again() {
    let mut state = 0x2545_F491_4F6C_DD1Du64;
    let mut random = |limit: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % limit as u64) as usize
    };
    let content = "请介绍 \"你自己\" 😀\n\\ and a tail 🏳️‍🌈";
    let reasoning = "第一步: 1+100=101 ✅";
    let arguments = "{\"city\":\"北京 🏯\",\"n\":[1,2,3]}";
    let expected = completion(
        json!([{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": content,
        "reasoning_content": reasoning,
        "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": arguments}}]}}]),
    );
    for _ in 0..200 {
        let head = completion(json!([])).to_string();
        let head = head
            .strip_suffix("}")
            .unwrap()
            .replace("chat.completion", "chat.completion.chunk")
            .replace(",\"choices\":[]", "");
        let head = head.replace("\"choices\":[],", "");
        let event = |delta: &str| {
            format!("data: {head},\"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":null}}]}}\r\n\r\n")
        };
        let mut queues = [
            cut(reasoning, &mut random)
                .into_iter()
                .map(|piece| event(&format!("{{\"reasoning_content\":\"{piece}\"}}")))
                .collect::<Vec<_>>(),
            cut(content, &mut random)
                .into_iter()
                .map(|piece| event(&format!("{{\"content\":\"{piece}\"}}")))
                .collect(),
            cut(arguments, &mut random)
                .into_iter()
                .map(|piece| {
                    event(&format!(
                        "{{\"tool_calls\":[{{\"index\":0,\"function\":{{\"arguments\":\"{piece}\"}}}}]}}"
                    ))
                })
                .collect(),
        ];
        queues.iter_mut().for_each(|queue| queue.reverse());
        let mut stream = event(
            r#"{"role":"assistant","content":"","tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"f"}}]}"#,
        );
        while queues.iter().any(|queue| !queue.is_empty()) {
            if let Some(event) = queues[random(3)].pop() {
                stream.push_str(&event);
            }
        }
        stream.push_str(&event("{}").replace("\"finish_reason\":null", "\"finish_reason\":\"stop\""));
        stream.push_str("data: [DONE]\r\n\r\n");
        let taken = take_pieces([stream.as_bytes()]);
        assert_eq!(taken.answer, expected);
        assert_eq!(taken.text, content);
        assert!(taken.ended);
    }
}

// ---- completions ----

#[test]
fn an_older_completion_is_joined() {
    let piece = |text: &str, logprobs: Tree, reason: Tree| {
        json!({"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "m",
            "choices": [{"text": text, "index": 0, "logprobs": logprobs, "finish_reason": reason}]})
    };
    let logprobs = |token: &str, offset: u32| json!({"tokens": [token], "token_logprobs": [-0.5], "top_logprobs": null, "text_offset": [offset]});
    let taken = take(&[
        piece("a", logprobs("a", 0), json!(null)),
        piece("b", logprobs("b", 1), json!(null)),
        piece("", json!(null), json!("stop")),
    ]);
    let joined =
        json!({"tokens": ["a", "b"], "token_logprobs": [-0.5, -0.5], "top_logprobs": null, "text_offset": [0, 1]});
    assert_eq!(taken.answer, piece("ab", joined, json!("stop")));
    assert_eq!(taken.text, "ab");
    assert!(taken.ended);
}

// ---- responses ----

fn response(status: &str, output: Tree) -> Tree {
    json!({"id": "resp_1", "object": "response", "created_at": 1741476777.0, "status": status, "model": "gpt-5", "output": output,
        "usage": if status == "completed" { json!({"input_tokens": 3, "output_tokens": 5, "total_tokens": 8}) } else { json!(null) }})
}

fn output_items() -> [Tree; 3] {
    [
        json!({"id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": "Thinking."}]}),
        json!({"id": "msg_1", "type": "message", "status": "completed", "role": "assistant", "content": [
            {"type": "output_text", "text": "Hi 😀", "annotations": []}, {"type": "refusal", "refusal": "No."}]}),
        json!({"id": "fc_1", "type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{\"a\":1}", "status": "completed"}),
    ]
}

/// The events of a response with reasoning, a message and a function call, as far as before `response.completed`.
fn response_events() -> Vec<Tree> {
    let [reasoning, message, call] = output_items();
    let event = |kind: &str, index: u32, rest: Tree| {
        let mut event =
            json!({"type": kind, "sequence_number": 1, "output_index": index, "item_id": "x", "obfuscation": "q"});
        event.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        event
    };
    let mut begun = [reasoning.clone(), message.clone(), call.clone()];
    begun[0]["summary"] = json!([]);
    begun[1]["content"] = json!([]);
    begun[2]["arguments"] = json!("");
    let [begun_reasoning, begun_message, begun_call] = begun;
    vec![
        json!({"type": "response.created", "sequence_number": 0, "response": response("in_progress", json!([]))}),
        json!({"type": "response.in_progress", "sequence_number": 1, "response": response("in_progress", json!([]))}),
        event("response.output_item.added", 0, json!({"item": begun_reasoning})),
        event(
            "response.reasoning_summary_part.added",
            0,
            json!({"summary_index": 0, "part": {"type": "summary_text", "text": ""}}),
        ),
        event(
            "response.reasoning_summary_text.delta",
            0,
            json!({"summary_index": 0, "delta": "Think"}),
        ),
        event(
            "response.reasoning_summary_text.delta",
            0,
            json!({"summary_index": 0, "delta": "ing."}),
        ),
        event("response.output_item.done", 0, json!({"item": reasoning})),
        event("response.output_item.added", 1, json!({"item": begun_message})),
        event(
            "response.content_part.added",
            1,
            json!({"content_index": 0, "part": {"type": "output_text", "text": ""}}),
        ),
        event(
            "response.output_text.delta",
            1,
            json!({"content_index": 0, "delta": "Hi "}),
        ),
        event("response.output_item.added", 2, json!({"item": begun_call})),
        event("response.function_call_arguments.delta", 2, json!({"delta": "{\"a\":"})),
        event(
            "response.output_text.delta",
            1,
            json!({"content_index": 0, "delta": "😀", "logprobs": []}),
        ),
        event("response.refusal.delta", 1, json!({"content_index": 1, "delta": "No."})),
        event(
            "response.output_text.done",
            1,
            json!({"content_index": 0, "text": "Hi 😀"}),
        ),
        event("response.function_call_arguments.delta", 2, json!({"delta": "1}"})),
    ]
}

#[test]
fn a_response_is_its_last_event_byte_for_byte() {
    for (kind, status) in [
        ("completed", "completed"),
        ("incomplete", "incomplete"),
        ("failed", "failed"),
    ] {
        let mut accumulator = Accumulator::new();
        let mut text = Vec::new();
        let whole = response(status, json!(output_items()))
            .to_string()
            .replace(":1741476777.0", " : 1741476777.00");
        let last = format!("{{\"type\":\"response.{kind}\",\"response\":{whole}}}");
        for event in response_events().iter().map(Tree::to_string).chain([last]) {
            assert!(!accumulator.ended());
            accumulator.push("", Value::parse(event.as_bytes()).unwrap());
            text.extend_from_slice(accumulator.text_z().strip_suffix(b"\0").unwrap());
        }
        assert_eq!(accumulator.answer().unwrap(), whole.as_bytes());
        assert_eq!(text, "Hi 😀".as_bytes());
        assert!(accumulator.ended());
    }
}

#[test]
fn a_cut_response_holds_the_items_so_far() {
    let taken = take(&response_events());
    assert_eq!(taken.answer, response("in_progress", json!(output_items())));
    assert!(!taken.ended);
}

#[test]
fn a_response_without_output_in_its_last_event_gets_the_items_that_were_done() {
    let mut events = response_events();
    for (index, item) in output_items().iter().enumerate() {
        events.push(json!({"type": "response.output_item.done", "output_index": index, "item": item}));
    }
    events.push(json!({"type": "response.completed", "response": response("completed", json!([]))}));
    assert_eq!(take(&events).answer, response("completed", json!(output_items())));
}

#[test]
fn keep_alives_in_a_response_leave_no_trace() {
    let mut events = response_events();
    events.insert(3, json!({}));
    events.insert(5, json!({"type": "keepalive", "sequence_number": 9}));
    events.push(json!({"n": 1}));
    let taken = take(&events);
    assert_eq!(taken.answer, response("in_progress", json!(output_items())));
    assert!(!taken.ended);
}

#[test]
fn deltas_alone_are_a_readable_response() {
    let taken = take(&[
        json!({"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "a"}),
        json!({"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "b"}),
    ]);
    assert_eq!(
        taken.answer,
        json!({"object": "response", "output": [
        {"type": "message", "content": [{"type": "output_text", "text": "ab", "annotations": []}]}]})
    );
}

#[test]
fn a_whole_response_where_a_stream_was_asked_for_is_taken() {
    let whole = response("completed", json!(output_items()));
    let taken = take(std::slice::from_ref(&whole));
    assert_eq!(taken.answer, whole);
    assert_eq!(taken.text, "Hi 😀");
    assert!(taken.ended);
}

// ---- others ----

#[test]
fn a_transcript_is_its_last_event_without_the_type() {
    let deltas = [
        json!({"type": "transcript.text.delta", "delta": "你"}),
        json!({"type": "transcript.text.delta", "delta": "好"}),
    ];
    assert_eq!(take(&deltas).answer, json!({"text": "你好"}));
    assert!(!take(&deltas).ended);
    let done = json!({"type": "transcript.text.done", "text": "你好", "usage": {"type": "duration", "seconds": 2}});
    let taken = take(&[deltas[0].clone(), deltas[1].clone(), done]);
    assert_eq!(
        taken.answer,
        json!({"text": "你好", "usage": {"type": "duration", "seconds": 2}})
    );
    assert_eq!(taken.text, "你好");
    assert!(taken.ended);
}

#[test]
fn a_transcript_with_speakers_has_its_segments() {
    let segment = |id: &str| json!({"type": "transcript.text.segment", "id": id, "start": 0.0, "end": 1.5, "speaker": "A", "text": "hi"});
    let done = json!({"type": "transcript.text.done", "text": "hi hi"});
    let taken = take(&[segment("seg_1"), segment("seg_2"), done]);
    assert_eq!(
        taken.answer,
        json!({"text": "hi hi", "segments": [segment("seg_1"), segment("seg_2")]})
    );
}

#[test]
fn speech_is_joined_beside_its_usage() {
    let taken = take(&[
        json!({"type": "speech.audio.delta", "audio": "aGVsbA=="}),
        json!({"type": "speech.audio.delta", "audio": "bw=="}),
        json!({"type": "speech.audio.done", "usage": {"total_tokens": 9}}),
    ]);
    assert_eq!(taken.answer, json!({"audio": "aGVsbG8=", "usage": {"total_tokens": 9}}));
    assert_eq!(taken.text, "");
    assert!(taken.ended);
}

#[test]
fn images_are_what_the_call_without_stream_gives() {
    let completed = |image: &str| {
        json!({"type": "image_generation.completed", "b64_json": image, "created_at": 5, "size": "1024x1024", "quality": "high",
            "background": "opaque", "output_format": "png", "usage": {"total_tokens": 9}})
    };
    let partial = json!({"type": "image_generation.partial_image", "b64_json": "AAAA", "partial_image_index": 0});
    assert_eq!(take(std::slice::from_ref(&partial)).answer, Tree::Null);
    let taken = take(&[partial, completed("QUJD"), completed("REVG")]);
    assert_eq!(
        taken.answer,
        json!({"created": 5, "size": "1024x1024", "quality": "high", "background": "opaque", "output_format": "png",
        "usage": {"total_tokens": 9}, "data": [{"b64_json": "QUJD"}, {"b64_json": "REVG"}]})
    );
    assert!(taken.ended);
}

#[test]
fn a_run_of_an_assistant_is_its_last_state() {
    let run = |status: &str| json!({"id": "run_1", "object": "thread.run", "status": status, "usage": null});
    let say = |words: &str| {
        json!({"id": "msg_1", "object": "thread.message.delta",
            "delta": {"content": [{"index": 0, "type": "text", "text": {"value": words, "annotations": []}}]}})
    };
    let mut events = vec![
        ("thread.created", json!({"id": "t1", "object": "thread"}).to_string()),
        ("thread.run.created", run("queued").to_string()),
        ("thread.run.in_progress", run("in_progress").to_string()),
        ("thread.message.delta", say("he").to_string()),
        ("thread.message.delta", say("llo").to_string()),
        (
            "thread.message.completed",
            json!({"id": "msg_1", "object": "thread.message"}).to_string(),
        ),
    ];
    assert!(!take_named(&events).ended);
    assert_eq!(take_named(&events).answer, run("in_progress"));
    events.push(("thread.run.completed", run("completed").to_string()));
    let taken = take_named(&events);
    assert_eq!(
        (taken.answer, taken.text.as_str(), taken.ended),
        (run("completed"), "hello", true)
    );
}

#[test]
fn of_a_stream_that_nobody_knows_the_last_event_is_the_answer() {
    let taken = take(&[json!({"n": 1}), json!({"n": 2, "text": "hi"})]);
    assert_eq!(
        (taken.answer, taken.text.as_str(), taken.ended),
        (json!({"n": 2, "text": "hi"}), "hi", false)
    );
}

// ---- what services were seen to send ----

#[test]
fn streams_of_real_services_are_understood() {
    const HEAD: &str =
        r#"{"id":"c1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":"#;
    let chunk = |delta: &str, reason: &str| format!("{HEAD}{delta},\"finish_reason\":{reason}}}]}}");
    let role = chunk(r#"{"role":"assistant","content":""}"#, "null");
    let (he, llo, stop) = (
        chunk(r#"{"content":"he"}"#, "null"),
        chunk(r#"{"content":"llo"}"#, "null"),
        chunk("{}", "\"stop\""),
    );
    let streams = [
        // As OpenAI sends it; without blanks; CR alone; one line end between events; mixed line ends.
        format!("data: {role}\n\ndata: {he}\n\ndata: {llo}\n\ndata: {stop}\n\ndata: [DONE]\n\n"),
        format!("data:{role}\n\ndata:{he}\n\ndata:{llo}\n\ndata:{stop}\n\ndata:[DONE]\n\n"),
        format!("data: {role}\r\rdata: {he}\r\rdata: {llo}\r\rdata: {stop}\r\rdata: [DONE]\r\r"),
        format!("data: {role}\ndata: {he}\ndata: {llo}\ndata: {stop}\ndata: [DONE]\n\n"),
        format!("data: {role}\n\r\ndata: {he}\r\n\ndata: {llo}\n\r\ndata: {stop}\r\n\ndata: [DONE]\r\n\n"),
        // No [DONE] and no last line end; a bare, a padded, a quoted [DONE]; something after it.
        format!("data: {role}\n\ndata: {he}\n\ndata: {llo}\n\ndata: {stop}"),
        format!("data: {role}\n\ndata: {he}\n\ndata: {llo}\n\ndata: {stop}\n\n[DONE]\n\n"),
        format!("data: {role}\n\ndata: {he}\n\ndata: {llo}\n\ndata: {stop}\n\ndata:  [DONE] \n\ndata: {he}\n\n"),
        format!("data: {role}\n\ndata: {he}\n\ndata: {llo}\n\ndata: {stop}\n\ndata: \"[DONE]\"\n\n"),
        // Keep-alives of every kind.
        format!(
            "id: 1\ndata: {role}\n\n: ping\n\nevent: ping\n\ndata: {he}\n\nevent: keepalive\ndata: {{}}\n\ndata: {llo}\n\ndata: {stop}\n\n"
        ),
        format!(
            "retry: 3000\n\ndata:\n\ndata: \n\ndata: {role}\n\nevent: ping\ndata: {{\"type\":\"ping\"}}\n\ndata: {he}\n\ndata: : keepalive\n\ndata: {llo}\n\ndata: {{\"type\":\"keepalive\"}}\n\ndata: {stop}\n\n"
        ),
        // A byte order mark, blank lines, a comment inside of an event without data.
        format!(
            "\u{feff}data: {role}\n\nevent: message\n: keep-alive\n\ndata: {he}\n\ndata: {llo}\n\ndata: {stop}\n\n"
        ),
        format!("\n\n\n  \ndata: {role}\n\ndata: {he}\n\ndata: {llo}\n\ndata: {stop}\n\n"),
    ];
    let expected = json!({"id": "c1", "object": "chat.completion", "created": 1, "model": "m", "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}]});
    for stream in streams {
        let taken = take_pieces([stream.as_bytes()]);
        assert_eq!(taken.answer, expected, "{stream:?}");
        assert_eq!(taken.text, "hello", "{stream:?}");
        assert!(taken.ended, "{stream:?}");
        for cut in 1..stream.len() {
            let (start, end) = stream.as_bytes().split_at(cut);
            assert_eq!(take_pieces([start, end]).answer, expected, "{stream:?} cut at {cut}");
        }
    }
}
