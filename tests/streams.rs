//! Streams as services really send them: how they end, how they fail, and what is left in one's hands.

mod support;

use kuai::{Status, Stream};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use support::clients::{client, client_with, completion, question, stream_events};
use support::http::{Framing, Server};

/// A server that sends these events and then does what `after` says.
fn sending(events: Vec<String>, after: After) -> Server {
    Server::start(move |_, reply| {
        reply.head(200, &[("content-type", "text/event-stream")], Framing::Chunked)?;
        for event in &events {
            reply.piece(event.as_bytes())?;
        }
        match after {
            After::End => reply.end(),
            After::Silence => reply.stall(),
        }
    })
}

#[derive(Clone, Copy, PartialEq)]
enum After {
    End,
    Silence,
}

fn data(events: &[String]) -> Vec<String> {
    events.iter().map(|event| format!("data: {event}\n\n")).collect()
}

/// Reads to the end; the pieces of text and how it ended.
fn read(stream: &mut Stream) -> (String, Status) {
    let mut text = String::new();
    loop {
        match stream.next() {
            Status::Ok => text.push_str(stream.text()),
            status => return (text, status),
        }
    }
}

#[test]
fn the_end_mark_ends_a_stream_at_once_though_the_connection_stays_open() {
    let server = sending(data(&stream_events(&["a", "b"])), After::Silence);
    let client = client_with(&server, json!({"idle_timeout_ms": 30_000}));
    let start = Instant::now();
    let mut stream = client.chat_stream(&question("hi"));
    assert_eq!(read(&mut stream), ("ab".into(), Status::Done));
    drop(stream);
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[test]
fn the_end_mark_needs_no_empty_line_behind_it() {
    for mark in ["data: [DONE]\n", "data:[DONE]\r\n", "[DONE]\n"] {
        let mut events = data(&stream_events(&["a", "b"]));
        *events.last_mut().unwrap() = mark.to_owned();
        let server = sending(events, After::Silence);
        let client = client_with(&server, json!({"idle_timeout_ms": 30_000}));
        let start = Instant::now();
        assert_eq!(
            read(&mut client.chat_stream(&question("hi"))),
            ("ab".into(), Status::Done),
            "{mark:?}"
        );
        assert!(start.elapsed() < Duration::from_secs(10));
    }
}

#[test]
fn a_response_that_is_completed_ends_its_stream_though_the_connection_stays_open() {
    let event = |kind: &str, more: Value| {
        let mut event = json!({"type": kind});
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        format!("event: {kind}\ndata: {event}\n\n")
    };
    let response = json!({"id": "r1", "object": "response", "status": "completed", "output": [
        {"type": "message", "content": [{"type": "output_text", "text": "ab"}]},
    ]});
    let events = vec![
        event(
            "response.output_text.delta",
            json!({"output_index": 0, "content_index": 0, "delta": "a"}),
        ),
        event(
            "response.output_text.delta",
            json!({"output_index": 0, "content_index": 0, "delta": "b"}),
        ),
        event("response.completed", json!({"response": response})),
    ];
    let server = sending(events, After::Silence);
    let request = kuai::Request::new("responses.create", Some(r#"{"model":"m","input":"hi"}"#), None).unwrap();
    let mut stream = client_with(&server, json!({"idle_timeout_ms": 30_000})).open(&request);
    assert_eq!(read(&mut stream), ("ab".into(), Status::Done));
    assert_eq!(serde_json::from_str::<Value>(stream.result().json()).unwrap(), response);
}

#[test]
fn a_stream_without_its_end_is_a_failure_unless_that_is_accepted() {
    let mut events = stream_events(&["a", "b"]);
    events.truncate(3);
    let server = sending(data(&events), After::End);
    let mut stream = client(&server).chat_stream(&question("hi"));
    assert_eq!(read(&mut stream), ("ab".into(), Status::Protocol));
    assert_eq!(stream.result().text(), "ab");
    let mut stream = client_with(&server, json!({"incomplete_streams": "accept"})).chat_stream(&question("hi"));
    assert_eq!(read(&mut stream), ("ab".into(), Status::Done));
}

#[test]
fn an_error_inside_a_stream_is_a_failure_with_its_document() {
    let mut events = stream_events(&["a"]);
    events.truncate(2);
    events.push(r#"{"error":{"message":"overloaded","type":"server_error","code":"busy"}}"#.into());
    let server = sending(data(&events), After::Silence);
    let mut stream = client(&server).chat_stream(&question("hi"));
    let (text, status) = read(&mut stream);
    assert_eq!((text.as_str(), status), ("a", Status::Service));
    let document: Value = serde_json::from_str(stream.result().json()).unwrap();
    assert_eq!(document["error"]["message"], "overloaded");
    assert_eq!(document["error"]["attempts"], 1);
    assert_eq!(stream.next(), Status::Service, "a failure stays");
    assert_eq!(stream.json(), "");
}

/// A stream in chunks whose last one has this head and is all in one piece with the good ones.
fn stream_before(last: &'static [u8]) -> (String, Status, String) {
    let server = Server::start(move |_, reply| {
        let mut bytes =
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
        for event in &data(&stream_events(&["a", "b"]))[..3] {
            bytes.extend_from_slice(
                format!("{:x};signed=\"yes, and at length\"\r\n{event}\r\n", event.len()).as_bytes(),
            );
        }
        bytes.extend_from_slice(last);
        reply.raw(&bytes)
    });
    let mut stream = client_with(&server, json!({"max_retries": 0})).chat_stream(&question("hi"));
    let (text, status) = read(&mut stream);
    (text, status, stream.result().json().to_owned())
}

#[test]
fn good_events_that_come_in_one_piece_with_a_broken_chunk_are_handed_over() {
    for (last, why) in [
        (&b"x\r\n"[..], "a chunk's size is not a number"),
        (b"4\r\ndata\n", "a chunk is longer than its size says"),
    ] {
        let (text, status, told) = stream_before(last);
        assert_eq!((text.as_str(), status), ("ab", Status::Protocol), "{told}");
        assert!(told.contains(why), "{told}");
    }
}

#[test]
fn extensions_of_chunks_are_passed_over() {
    let (text, status, told) = stream_before(b"0e;a=b\r\ndata: [DONE]\n\n\r\n0\r\nChecksum: 1\r\n\r\n");
    assert_eq!((text.as_str(), status), ("ab", Status::Done), "{told}");
}

#[test]
fn a_whole_answer_in_place_of_a_stream_is_taken() {
    let server = Server::start(|_, reply| reply.json(200, &completion("whole")));
    let mut stream = client(&server).chat_stream(&question("hi"));
    assert_eq!(read(&mut stream), ("whole".into(), Status::Done));
    assert_eq!(stream.result().json(), completion("whole"));
}

#[test]
fn an_error_page_in_place_of_a_stream_is_told_as_one() {
    let server = Server::start(|_, reply| {
        let page = "<html><head><title>502 Bad Gateway</title></head><body></body></html>";
        reply.send(200, &[("content-type", "text/html")], page.as_bytes())
    });
    let mut stream = client(&server).chat_stream(&question("hi"));
    assert_eq!(stream.next(), Status::Protocol);
    assert!(
        stream.result().json().contains("502 Bad Gateway"),
        "{}",
        stream.result().json()
    );
}

#[test]
fn characters_cut_at_every_position_arrive_whole() {
    let text = "请介绍 🙂👩‍💻 wörld";
    let stream: String = data(&stream_events(&[text])).concat();
    let bytes = stream.into_bytes();
    let at = bytes.windows(3).position(|window| window == "请".as_bytes()).unwrap();
    for cut in at..at + text.len() {
        let bytes = bytes.clone();
        let server = Server::start(move |_, reply| {
            reply.head(200, &[("content-type", "text/event-stream")], Framing::Close)?;
            reply.piece(&bytes[..cut])?;
            reply.wait(Duration::from_millis(2))?;
            reply.piece(&bytes[cut..])?;
            reply.close();
            Ok(())
        });
        let mut stream = client(&server).chat_stream(&question("hi"));
        assert_eq!(read(&mut stream), (text.into(), Status::Done), "cut at {cut}");
    }
}

#[test]
fn events_are_handed_over_as_they_come() {
    let server = Server::start(|_, reply| {
        let events = stream_events(&["a", "b", "c"]);
        reply.head(200, &[("content-type", "text/event-stream")], Framing::Chunked)?;
        for event in data(&events[..2]) {
            reply.piece(event.as_bytes())?;
        }
        // The rest comes only when the client has gone on: it must have had what came before.
        reply.stall()
    });
    let client = client_with(&server, json!({"idle_timeout_ms": 30_000}));
    let mut stream = client.chat_stream(&question("hi"));
    assert_eq!(stream.next(), Status::Ok);
    assert_eq!(stream.next(), Status::Ok);
    assert_eq!(stream.text(), "a");
}

#[test]
fn an_event_larger_than_the_limit_is_a_failure() {
    let server = sending(data(&stream_events(&[&"x".repeat(100_000)])), After::Silence);
    let mut stream = client_with(&server, json!({"max_event_bytes": 10_000})).chat_stream(&question("hi"));
    assert_eq!(read(&mut stream).1, Status::Limit);
}

#[test]
fn bytes_can_be_read_instead_of_events_but_not_both() {
    let events = data(&stream_events(&["a", "b"]));
    let expected = events.concat();
    let server = sending(events, After::End);
    let client = client(&server);
    let mut stream = client.chat_stream(&question("hi"));
    let (mut all, mut buffer) = (Vec::new(), [0; 7]);
    let status = loop {
        match stream.read(&mut buffer) {
            (Status::Ok, amount) => all.extend_from_slice(&buffer[..amount]),
            (status, _) => break status,
        }
    };
    assert_eq!((String::from_utf8(all).unwrap(), status), (expected, Status::Done));
    let mut stream = client.chat_stream(&question("hi"));
    assert_eq!(stream.next(), Status::Ok);
    assert_eq!(stream.read(&mut buffer), (Status::InvalidArgument, 0));
}

#[test]
fn a_stream_outlives_its_client() {
    let server = sending(data(&stream_events(&["a", "b"])), After::End);
    let client = client(&server);
    let mut stream = client.chat_stream(&question("hi"));
    drop(client);
    assert_eq!(read(&mut stream), ("ab".into(), Status::Done));
}
