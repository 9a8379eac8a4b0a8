//! Conversations in which the model calls tools: what is handed out, what goes back, and when it ends.

mod support;

use kuai::{Cancel, Client, Status, Tools};
use serde_json::{Value, json};
use std::ffi::{CStr, CString};
use std::ptr;
use std::time::Duration;
use support::clients::{client, client_with, completion, config, question, stream_events};
use support::http::{Cut, Server};
use support::openai::{KEY, Service};

/// A model that says these answers one after the other, and the last one for ever.
fn model(answers: &[&str]) -> Server {
    let answers: Vec<String> = answers.iter().map(|&answer| answer.to_owned()).collect();
    Server::start(move |request, reply| reply.json(200, &answers[request.number.min(answers.len() - 1)]))
}

/// The same with answers that are lists of events.
fn streaming_model(answers: Vec<Vec<String>>) -> Server {
    Server::start(move |request, reply| {
        let events: Vec<&str> = answers[request.number.min(answers.len() - 1)]
            .iter()
            .map(String::as_str)
            .collect();
        reply.events(&events, Duration::ZERO)
    })
}

/// An answer with this message.
fn saying(message: &str) -> String {
    format!(
        r#"{{"id":"c1","object":"chat.completion","choices":[{{"index":0,"message":{message},"finish_reason":"tool_calls"}}]}}"#
    )
}

const CALL: &str = r#"{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"get_weather","arguments":"{\"city\":\"Paris\"}"}}]}"#;
const TWO_CALLS: &str = r#"{"role":"assistant","content":"I will look.", "refusal":null,"annotations":[],"reasoning_content":"\u4f60 1.10","tool_calls":[ {"id":"call_1","type":"function","function":{"name":"get_weather","arguments":"{\"city\":\"Paris\"}"},"extra_content":{"google":{"thought_signature":"c2ln"}}},{"id":"call_2","type":"function","function":{"name":"get_time","arguments":"{}"}}]}"#;
const REQUEST: &str = r#"{"model":"m","temperature":1.0e-1, "messages":[{"role":"user","content":"Weather?"}],"tools":[{"type":"function","function":{"name":"get_weather"}}], "seed":12345678901234567890}"#;

fn tools(client: &Client) -> Tools {
    client.tools(REQUEST, None)
}

/// Gives `result` to every call; the calls, the text, and the end.
fn run(tools: &mut Tools, result: &str) -> (Vec<String>, String, Status) {
    let (mut calls, mut text) = (Vec::new(), String::new());
    loop {
        let status = tools.next();
        text += tools.text();
        if status != Status::Ok {
            return (calls, text, status);
        }
        if !tools.name().is_empty() {
            calls.push(format!("{}({})", tools.name(), tools.arguments()));
            tools.give(result).unwrap();
        }
    }
}

fn stand_in(server: &Server) -> Client {
    Client::new(Some(&config(server, json!({"api_key": KEY})).to_string())).unwrap()
}

#[test]
fn calls_of_tools_are_no_turns_to_a_client_that_is_strict_about_them() {
    let legacy = r#"{"role":"assistant","content":null,"function_call":{"name":"f","arguments":"{}"}}"#;
    for call in [CALL, TWO_CALLS, legacy] {
        let server = model(&[&saying(call), &saying(call), &completion("Sunny.")]);
        let mut tools = tools(&client_with(&server, json!({"strict_turns": true})));
        let (calls, text, status) = run(&mut tools, "\"ok\"");
        assert_eq!(status, Status::Done, "{}", tools.result().json());
        assert!(calls.len() >= 2 && text.ends_with("Sunny."), "{calls:?} {text}");
        assert_eq!(server.request_count(), 3);
    }
}

#[test]
fn calls_are_handed_out_one_by_one_and_their_results_go_back() {
    let server = model(&[&saying(TWO_CALLS), &completion("Sunny.")]);
    let mut tools = tools(&client(&server));
    assert_eq!(
        (server.request_count(), tools.name(), tools.messages()),
        (0, "", r#"[{"role":"user","content":"Weather?"}]"#)
    );

    assert_eq!(tools.next(), Status::Ok);
    assert_eq!(
        (tools.name(), tools.arguments(), tools.call_id()),
        ("get_weather", r#"{"city":"Paris"}"#, "call_1")
    );
    assert_eq!(tools.text(), "I will look.");
    tools.give("21 \"°C\"").unwrap();
    assert_eq!((tools.name(), tools.arguments(), tools.call_id()), ("", "", ""));

    assert_eq!(tools.next(), Status::Ok);
    assert_eq!(
        (tools.name(), tools.arguments(), tools.call_id(), tools.text()),
        ("get_time", "{}", "call_2", "")
    );
    assert_eq!(server.request_count(), 1);
    tools.give("noon").unwrap();

    for _ in 0..2 {
        assert_eq!((tools.next(), tools.name()), (Status::Done, ""));
        assert_eq!(tools.result().text(), "Sunny.");
    }
    assert_eq!(server.request_count(), 2);
    assert_eq!(server.connections(), 1);
}

#[test]
fn the_request_and_the_models_message_go_out_byte_for_byte() {
    let server = model(&[&saying(TWO_CALLS), &completion("Sunny.")]);
    let mut tools = tools(&client(&server));
    assert_eq!(run(&mut tools, "r").2, Status::Done);
    let requests = server.requests();
    assert_eq!(requests[0].text(), REQUEST);
    let said = format!(
        r#"[{{"role":"user","content":"Weather?"}},{TWO_CALLS},{{"role":"tool","tool_call_id":"call_1","content":"r"}},{{"role":"tool","tool_call_id":"call_2","content":"r"}}]"#
    );
    let before = r#"[{"role":"user","content":"Weather?"}]"#;
    assert_eq!(requests[1].text(), REQUEST.replace(before, &said));
    let last = r#"{"content":"Sunny.","role":"assistant"}"#;
    assert_eq!(tools.messages(), format!("{},{last}]", &said[..said.len() - 1]));
}

#[test]
fn a_model_that_calls_nothing_has_finished() {
    let server = model(&[&completion("Hello.")]);
    let mut tools = tools(&client(&server));
    assert_eq!((tools.next(), tools.text(), tools.name()), (Status::Done, "Hello.", ""));
    assert_eq!(
        tools.give("x").unwrap_err().message,
        "content: no call waits for a result"
    );
    assert_eq!((tools.next(), tools.text()), (Status::Done, ""));
    assert_eq!(tools.result().text(), "Hello.");
}

#[test]
fn a_call_without_its_result_is_not_gone_on_from() {
    let server = model(&[&saying(CALL), &completion("Sunny.")]);
    let mut tools = tools(&client(&server));
    assert_eq!(tools.next(), Status::Ok);
    for _ in 0..2 {
        assert_eq!((tools.next(), tools.name()), (Status::InvalidArgument, "get_weather"));
        assert!(
            tools.result().json().contains("waits for its result"),
            "{}",
            tools.result().json()
        );
    }
    tools.give("21").unwrap();
    assert!(tools.give("22").is_err());
    assert_eq!(tools.next(), Status::Done);
    assert_eq!((tools.result().status(), server.request_count()), (Status::Ok, 2));
}

#[test]
fn a_result_that_is_no_text_is_told_until_there_is_a_good_one() {
    let server = model(&[&saying(CALL), &completion("Sunny.")]);
    let config = CString::new(config(&server, json!({})).to_string()).unwrap();
    let request = CString::new(REQUEST).unwrap();
    // SAFETY: NUL-terminated texts, and handles that live.
    unsafe {
        use kuai::capi::*;
        let text = |text: *const std::ffi::c_char| CStr::from_ptr(text).to_str().unwrap().to_owned();
        let client = kuai_client_new(config.as_ptr());
        let tools = kuai_tools_new(client, request.as_ptr(), ptr::null());
        kuai_client_free(client);
        assert_eq!(kuai_tools_next(tools), 0);
        assert_eq!(kuai_tools_give(tools, c"caf\xE9".as_ptr()), -1);
        assert_eq!(
            (kuai_tools_next(tools), text(kuai_tools_call_id(tools)).as_str()),
            (-1, "call_1")
        );
        assert!(text(kuai_result_json(kuai_tools_result(tools))).contains("byte 3 (0xE9)"));
        assert_eq!(kuai_tools_give(tools, c"21".as_ptr()), 0);
        assert_eq!(kuai_tools_next(tools), 1);
        let mut size = 77;
        assert_eq!((text(kuai_tools_text(tools, &mut size)).as_str(), size), ("Sunny.", 6));
        assert!(text(kuai_tools_messages(tools)).contains(r#""content":"21""#));
        kuai_tools_free(tools);
    }
}

#[test]
fn a_model_that_never_finishes_is_stopped_and_can_be_gone_on_with() {
    let server = model(&[&saying(CALL)]);
    let client = client(&server);
    let mut tools = client.tools(REQUEST, Some(r#"{"max_turns":3}"#));
    let (calls, _, status) = run(&mut tools, "r");
    assert_eq!(
        (calls.len(), status, tools.next(), server.request_count()),
        (3, Status::Limit, Status::Limit, 3)
    );
    let error = tools.result().error().unwrap();
    assert_eq!(error.code.as_deref(), Some("max_turns"));
    assert!(error.message.contains("max_turns (3)"), "{}", error.message);

    let request = format!(r#"{{"messages":{}}}"#, tools.messages());
    let mut further = client.tools(&request, Some(r#"{"max_turns":1}"#));
    assert_eq!(further.next(), Status::Ok);
    assert_eq!(server.last_request().json()["messages"].as_array().unwrap().len(), 7);

    let mut by_default = client.tools(REQUEST, None);
    assert_eq!(run(&mut by_default, "r").0.len(), 10);
}

#[test]
fn a_call_that_was_cut_off_is_handed_out_as_it_is() {
    let half = r#"{"role":"assistant","tool_calls":[{"id":"call_1","type":"function","function":{"name":"get_weather","arguments":"{\"city\":\"Par"}}]}"#;
    let server = model(&[
        &saying(half).replace("\"tool_calls\"}", "\"length\"}"),
        &completion("Sunny."),
    ]);
    let (calls, text, status) = run(&mut tools(&client(&server)), "error: the arguments are no JSON");
    assert_eq!(
        (calls, text.as_str(), status),
        (vec![r#"get_weather({"city":"Par)"#.to_owned()], "Sunny.", Status::Done)
    );
    assert_eq!(
        server.last_request().json()["messages"][2]["content"],
        "error: the arguments are no JSON"
    );
}

#[test]
fn an_answer_that_failed_is_asked_for_again() {
    let server = Server::start(|request, reply| match request.number {
        0 => reply.json(429, r#"{"error":{"message":"slow down"}}"#),
        1 => reply.json(200, r#"{"choices":[]}"#),
        2 => reply.json(200, &saying(CALL)),
        3 => reply.json(500, "{}"),
        _ => reply.json(200, &completion("Sunny.")),
    });
    let mut tools = tools(&client(&server));
    assert_eq!((tools.next(), tools.result().http_status()), (Status::RateLimited, 429));
    assert_eq!((tools.next(), tools.result().http_status()), (Status::Protocol, 200));
    assert!(tools.result().json().contains("no choice"));
    assert_eq!((tools.next(), tools.result().status()), (Status::Ok, Status::Ok));
    tools.give("21").unwrap();
    assert_eq!(tools.next(), Status::Server);
    assert_eq!((tools.next(), tools.text()), (Status::Done, "Sunny."));
    let requests = server.requests();
    assert_eq!(requests[0].text(), requests[2].text());
    assert_eq!(requests[3].text(), requests[4].text());
}

/// A call's events: text first, then the call in pieces, with members that only the service knows of.
fn call_events() -> Vec<String> {
    let chunk = |delta: &str, finish: &str| {
        format!(
            r#"{{"id":"c1","object":"chat.completion.chunk","choices":[{{"index":0,"delta":{delta},"finish_reason":{finish}}}]}}"#
        )
    };
    vec![
        chunk(r#"{"role":"assistant","content":"I will "}"#, "null"),
        chunk(r#"{"reasoning_content":"hm"}"#, "null"),
        chunk(r#"{"content":"look."}"#, "null"),
        chunk(
            r#"{"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"get_weather","arguments":""},"extra_content":{"signature":"s"}}]}"#,
            "null",
        ),
        chunk(
            r#"{"tool_calls":[{"index":0,"function":{"arguments":"{\"city\":"}}]}"#,
            "null",
        ),
        chunk(
            r#"{"tool_calls":[{"index":0,"function":{"arguments":"\"Paris\"}"}}]}"#,
            "null",
        ),
        chunk("{}", "\"tool_calls\""),
        "[DONE]".to_owned(),
    ]
}

#[test]
fn in_a_stream_text_comes_piece_by_piece_and_calls_when_they_are_whole() {
    let server = streaming_model(vec![call_events(), stream_events(&["Sun", "ny."])]);
    let mut tools = client(&server).tools(REQUEST, Some(r#"{"stream":true}"#));
    let mut steps = Vec::new();
    loop {
        let status = tools.next();
        steps.push((status, tools.name().to_owned(), tools.text().to_owned()));
        if steps.len() == 2 {
            assert!(tools.result().text().starts_with("I will look."));
        }
        match status {
            Status::Ok if tools.name().is_empty() => {}
            Status::Ok => tools.give("21").unwrap(),
            _ => break,
        }
    }
    let step = |status, name: &str, text: &str| (status, name.to_owned(), text.to_owned());
    assert_eq!(
        steps,
        [
            step(Status::Ok, "", "I will "),
            step(Status::Ok, "", "look."),
            step(Status::Ok, "get_weather", ""),
            step(Status::Ok, "", "Sun"),
            step(Status::Ok, "", "ny."),
            step(Status::Done, "", ""),
        ]
    );
    assert_eq!(tools.result().text(), "Sunny.");
    let request = server.last_request().json();
    assert_eq!(
        (&request["stream"], request["messages"].as_array().unwrap().len()),
        (&json!(true), 3)
    );
    let message = &request["messages"][1];
    assert_eq!(message["reasoning_content"], "hm");
    assert_eq!(message["content"], "I will look.");
    assert_eq!(
        message["tool_calls"],
        json!([{"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": "{\"city\":\"Paris\"}"}, "extra_content": {"signature": "s"}}])
    );
}

#[test]
fn a_stream_that_broke_off_is_a_failure_and_is_asked_for_again() {
    let server = Server::start(|request, reply| {
        let events = stream_events(&["Sun", "ny."]);
        let events: Vec<&str> = events.iter().map(String::as_str).collect();
        match request.number {
            0 => {
                reply.events(&events[..2], Duration::ZERO)?;
                reply.cut(Cut::Fin)
            }
            1 => reply.json(503, "{}"),
            _ => reply.events(&events, Duration::ZERO),
        }
    });
    let mut tools = client(&server).tools(REQUEST, Some(r#"{"stream":true}"#));
    assert_eq!((tools.next(), tools.text()), (Status::Ok, "Sun"));
    assert_eq!((tools.next(), tools.result().text()), (Status::Protocol, "Sun"));
    assert_eq!((tools.next(), tools.result().http_status()), (Status::Server, 503));
    assert_eq!(run(&mut tools, "r"), (Vec::new(), "Sunny.".to_owned(), Status::Done));
}

#[test]
fn a_service_that_does_not_stream_is_understood_all_the_same() {
    let server = model(&[&saying(TWO_CALLS), &completion("Sunny.")]);
    let mut tools = client(&server).tools(REQUEST, Some(r#"{"stream":true}"#));
    let (calls, text, status) = run(&mut tools, "r");
    assert_eq!(
        (calls.len(), text.as_str(), status),
        (2, "I will look.Sunny.", Status::Done)
    );
}

#[test]
fn options_hold_for_each_call_and_a_model_is_filled_in() {
    let server = model(&[&saying(CALL), &completion("Sunny.")]);
    let client = client_with(&server, json!({"default_model": "d"}));
    let mut tools = client.tools(
        &question("Weather?").replace("\"m\"", "null"),
        Some(r#"{"headers":{"X-Trace":"7"}}"#),
    );
    assert_eq!(run(&mut tools, "r").2, Status::Done);
    for request in server.requests() {
        assert_eq!(
            (request.header("x-trace"), &request.json()["model"]),
            (Some("7"), &json!("d"))
        );
    }
}

#[test]
fn a_conversation_can_be_cancelled_by_its_switch_and_by_its_client() {
    let stalling = || {
        Server::start(|request, reply| match request.number {
            0 => reply.json(200, &saying(CALL)),
            _ => reply.stall(),
        })
    };
    for by_switch in [true, false] {
        let server = stalling();
        let client = client(&server);
        let mut tools = tools(&client);
        let cancel = Cancel::new();
        tools.cancel_with(&cancel).unwrap();
        assert_eq!(tools.next(), Status::Ok);
        tools.give("21").unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                server.wait_for_requests(2, Duration::from_secs(10));
                if by_switch { cancel.trigger() } else { client.cancel() }
            });
            assert_eq!(tools.next(), Status::Cancelled);
        });
    }
}

#[test]
fn what_is_wrong_is_told_before_anything_is_sent() {
    let server = model(&[&completion("Hello.")]);
    let client = client(&server);
    for (request, options, why) in [
        ("{", "{}", "request_json: line 1"),
        ("[]", "{}", "request_json: expected an object"),
        ("{}", "{}", "messages: missing"),
        (r#"{"messages":[]}"#, "{}", "at least one message"),
        (r#"{"messages":[{"content":"a"}]}"#, "{}", "messages[0].role: missing"),
        (r#"{"input":7}"#, "{}", "input: expected a string or an array"),
        (REQUEST, r#"{"max_turns":0}"#, "max_turns"),
        (REQUEST, r#"{"idempotency_key":"k"}"#, "unknown key"),
    ] {
        let mut tools = client.tools(request, Some(options));
        for _ in 0..2 {
            assert_eq!(tools.next(), Status::InvalidArgument, "{request}");
            let message = &tools.result().error().unwrap().message;
            assert!(message.contains(why), "{request}: {message}");
        }
        assert_eq!((tools.messages(), tools.name(), tools.text()), ("[]", "", ""));
        assert!(tools.give("x").is_err() && tools.cancel_with(&Cancel::new()).is_err());
    }
    assert_eq!(server.request_count(), 0);
}

/// The stand-in's requests: chat with tools, chat with the older functions, responses.
fn requests() -> [(&'static str, Value); 3] {
    let parameters = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    let function = json!({"name": "get_weather", "parameters": parameters});
    let asked = "What is the weather in Paris and Tokyo?";
    let messages = json!([{"role": "user", "content": asked}]);
    [
        (
            "tools",
            json!({"model": "m", "messages": messages, "tools": [{"type": "function", "function": function}]}),
        ),
        (
            "functions",
            json!({"model": "m", "messages": messages, "functions": [function]}),
        ),
        (
            "responses",
            json!({"model": "m", "input": asked, "tools": [{"type": "function", "name": "get_weather", "parameters": parameters}]}),
        ),
    ]
}

#[test]
fn every_way_to_call_tools_works_plain_and_in_a_stream() {
    let server = Service::start();
    let client = stand_in(&server);
    for (way, request) in requests() {
        for stream in [false, true] {
            let options = json!({"stream": stream}).to_string();
            let mut tools = client.tools(&request.to_string(), Some(&options));
            let (calls, text, status) = run(&mut tools, "21");
            let cities: &[&str] = if way == "functions" {
                &["Paris"]
            } else {
                &["Paris", "Tokyo"]
            };
            let expected: Vec<String> = cities
                .iter()
                .map(|city| format!("get_weather({{\"city\":\"{city}\"}})"))
                .collect();
            assert_eq!(
                (calls, text.as_str(), status),
                (expected, "The tool says: 21", Status::Done),
                "{way}, stream: {stream}"
            );
            assert_eq!(tools.result().text(), "The tool says: 21");
            // The question, the calls (one message in chat, one item each in responses), a result each, and the answer.
            let said: Value = serde_json::from_str(tools.messages()).unwrap();
            let calls = if way == "responses" { cities.len() } else { 1 };
            assert_eq!(said.as_array().unwrap().len(), 1 + calls + cities.len() + 1, "{said}");
        }
    }
}

#[test]
fn a_conversation_goes_on_with_what_was_said() {
    let server = Service::start();
    let client = stand_in(&server);
    for (way, mut request) in requests() {
        let mut tools = client.tools(&request.to_string(), None);
        assert_eq!(run(&mut tools, "21").2, Status::Done, "{way}");
        let mut said: Value = serde_json::from_str(tools.messages()).unwrap();
        said.as_array_mut()
            .unwrap()
            .push(json!({"role": "user", "content": "Thanks."}));
        request[if way == "responses" { "input" } else { "messages" }] = said;
        let mut further = client.tools(&request.to_string(), None);
        assert_eq!(run(&mut further, "21").1, "You said: Thanks. (turn 2)", "{way}");
    }
}
