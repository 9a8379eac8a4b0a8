//! What a program can see of its calls: what each phase took, and the log.

mod support;

use kuai::{Client, Request, Status};
use serde_json::{Value, json};
use std::time::Duration;
use support::clients::{KEY, client, client_with, completion, question, stream_events};
use support::http::{Framing, Server};

const PHASES: [&str; 6] = [
    "look_up_us",
    "connect_us",
    "handshake_us",
    "send_us",
    "wait_us",
    "body_us",
];

fn times(answer: &kuai::Answer) -> Value {
    let text = answer.times_json_z();
    serde_json::from_slice(&text[..text.len() - 1]).unwrap()
}

fn lines(client: &Client) -> Vec<Value> {
    let log = client.log();
    log.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn us(document: &Value, name: &str) -> u64 {
    document[name].as_u64().unwrap_or_else(|| panic!("{name}: {document}"))
}

#[test]
fn a_phase_that_was_slow_is_the_one_that_shows() {
    for tls in [false, true] {
        let handler = |_: &support::http::Request, reply: &mut support::http::Reply<'_>| {
            reply.wait(Duration::from_millis(80))?;
            let answer = completion("hi");
            let length = Framing::Length(answer.len() as u64);
            reply.head(200, &[("content-type", "application/json")], length)?;
            reply.wait(Duration::from_millis(60))?;
            reply.piece(answer.as_bytes())
        };
        let server = if tls {
            Server::start_tls(handler)
        } else {
            Server::start(handler)
        };
        let client = client(&server);
        let first = times(&client.chat_complete(&question("hi")));
        assert!(us(&first, "wait_us") >= 79_000, "{first}");
        assert!(us(&first, "body_us") >= 50_000, "{first}");
        assert_eq!(us(&first, "handshake_us") > 0, tls, "{first}");
        assert!(us(&first, "connect_us") > 0, "{first}");
        assert_eq!((&first["reused"], us(&first, "attempts")), (&json!(false), 1));
        let phases: u64 = PHASES.iter().map(|name| us(&first, name)).sum();
        assert!(phases <= us(&first, "total_us"), "{first}");

        let second = times(&client.chat_complete(&question("hi")));
        assert_eq!(
            (
                &second["reused"],
                us(&second, "connect_us"),
                us(&second, "handshake_us")
            ),
            (&json!(true), 0, 0)
        );
    }
}

#[test]
fn bytes_are_those_of_http() {
    let body = completion("hi");
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let size = answer.len() as u64;
    for tls in [false, true] {
        let answer = answer.clone();
        let handler =
            move |_: &support::http::Request, reply: &mut support::http::Reply<'_>| reply.raw(answer.as_bytes());
        let server = if tls {
            Server::start_tls(handler)
        } else {
            Server::start(handler)
        };
        let client = client(&server);
        let small = times(&client.chat_complete(&question("")));
        let large = times(&client.chat_complete(&question(&"x".repeat(1000))));
        assert_eq!(us(&small, "received_bytes"), size, "tls={tls}");
        let difference = us(&large, "sent_bytes") - us(&small, "sent_bytes");
        // The length has two digits more.
        assert!((1000..1003).contains(&difference), "{difference}");
    }
}

#[test]
fn a_call_that_was_tried_again_counts_all_of_it_and_a_call_that_was_never_sent_nothing() {
    let server = Server::start(|request, reply| match request.number {
        0 => reply.send(503, &[("retry-after-ms", "120")], b"{}"),
        _ => reply.json(200, &completion("hi")),
    });
    let client = client_with(&server, json!({"max_retries": 1}));
    let took = times(&client.chat_complete(&question("hi")));
    assert_eq!(us(&took, "attempts"), 2);
    assert!(us(&took, "total_us") >= 120_000, "{took}");
    let last: u64 = PHASES.iter().map(|name| us(&took, name)).sum();
    assert!(
        last <= us(&took, "total_us") - 120_000,
        "the wait is no attempt's: {took}"
    );
    assert_eq!(times(&client.chat_complete("{")), json!({}));
}

#[test]
fn a_stream_tells_its_times_too() {
    let server = Server::start(|_, reply| {
        let events = stream_events(&["a", "b"]);
        let events: Vec<&str> = events.iter().map(String::as_str).collect();
        reply.events(&events, Duration::from_millis(20))
    });
    let client = client_with(&server, json!({"log": "info"}));
    let mut stream = client.chat_stream(&question("hi"));
    while stream.next() == Status::Ok {
        assert!(lines(&client).is_empty(), "it has not ended yet");
    }
    let took = times(stream.result());
    assert!(us(&took, "body_us") >= 40_000, "{took}");
    let line = &lines(&client)[0];
    assert_eq!((&line["status"], &line["body_us"]), (&json!("done"), &took["body_us"]));

    // One that is given up has its line, too.
    let mut stream = client.chat_stream(&question("hi"));
    assert_eq!(stream.next(), Status::Ok);
    drop(stream);
    let line = &lines(&client)[0];
    assert_eq!(
        (&line["status"], &line["http_status"]),
        (&json!("cancelled"), &json!(200))
    );
}

#[test]
fn there_is_a_line_for_each_attempt() {
    let server = Server::start(|request, reply| match request.number {
        0 => reply.send(429, &[("retry-after-ms", "5"), ("x-request-id", "req-0")], b"{}"),
        _ => reply.send(200, &[("x-request-id", "req-1")], completion("hi").as_bytes()),
    });
    let ask = |level: &str| {
        let client = client_with(&server, json!({"max_retries": 1, "log": level}));
        assert_eq!(client.chat_complete(&question("hi")).status(), Status::Ok);
        lines(&client)
    };
    let all = ask("debug");
    let events: Vec<_> = all.iter().map(|line| line["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["start", "attempt", "wait", "start", "attempt"], "{all:?}");
    for (line, status, http_status, id) in [(&all[1], "rate_limited", 429, "req-0"), (&all[4], "ok", 200, "req-1")] {
        assert_eq!(
            (&line["method"], &line["path"]),
            (&json!("POST"), &json!("/v1/chat/completions"))
        );
        assert_eq!(
            (&line["status"], &line["http_status"]),
            (&json!(status), &json!(http_status))
        );
        assert_eq!(line["request_id"], id);
        for name in PHASES.iter().chain(&["sent_bytes", "received_bytes", "time_ms"]) {
            us(line, name);
        }
    }
    assert_eq!((us(&all[1], "attempt"), us(&all[4], "attempt")), (1, 2));
    assert_eq!(ask("info").len(), 1);
    assert_eq!(ask("off").len(), 0);
    assert_eq!(client(&server).log(), "");
}

#[test]
fn failures_without_an_answer_have_their_line() {
    let config = json!({"api_key": KEY, "base_url": "http://127.0.0.1:9/v1", "max_retries": 0, "log": "error"});
    let client = Client::new(Some(&config.to_string())).unwrap();
    let answer = client.chat_complete(&question("hi"));
    let line = &lines(&client)[0];
    assert_eq!(
        (&line["status"], &line["http_status"]),
        (&json!("connection"), &json!(0))
    );
    assert_eq!((us(&times(&answer), "wait_us"), us(line, "sent_bytes")), (0, 0));
}

#[test]
fn neither_key_nor_prompt_nor_answer_is_ever_in_a_line() {
    let server = Server::start(|request, reply| {
        let key = request.header("authorization").unwrap().to_owned();
        reply.send(
            401,
            &[("x-request-id", &key)],
            format!("{{\"error\":{{\"message\":\"{key}\",\"code\":\"{key}\"}}}}").as_bytes(),
        )
    });
    let client = client_with(
        &server,
        json!({"log": "debug", "headers": {"X-Other": "hidden-header"}, "query": {"q": "hidden-query"}}),
    );
    client.chat_complete(&question("hidden-prompt"));
    client.chat_stream(&question("hidden-prompt")).next();
    client.send(&Request::new(&format!("GET /keys/{KEY}"), None, None).unwrap());
    let log = client.log();
    assert_eq!(log.lines().count(), 6, "{log}");
    assert!(!log.contains(KEY) && !log.contains("hidden"), "{log}");
}
