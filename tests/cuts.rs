//! Answers that are cut short: after every single byte, each way a connection can end, the outcome is the whole answer or a failure.

mod support;

use kuai::{Client, Status};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use support::http::{Cut, Framing, Reply, Request, Server};

const ANSWER: &str = r#"{"id":"c1","choices":[{"index":0,"message":{"role":"assistant","content":"你好 🙂 wörld"},"finish_reason":"stop"}]}"#;

const EVENTS: [&str; 4] = [
    r#"{"id":"c1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"role":"assistant","content":"你好 "},"finish_reason":null}]}"#,
    r#"{"id":"c1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"🙂 wörld"},"finish_reason":null}]}"#,
    r#"{"id":"c1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
    "[DONE]",
];

const TEXT: &str = "你好 🙂 wörld";
const REQUEST: &str = r#"{"messages":[{"role":"user","content":"请介绍一下你自己"}]}"#;

#[derive(Clone, Copy, Debug, PartialEq)]
enum How {
    Length,
    Chunked,
    Close,
}

const EVERY_FRAMING: [How; 3] = [How::Length, How::Chunked, How::Close];

/// Answers whole bodies, or streams when `stream` is true, in one framing; cuts after `cut` bytes (0: never).
fn reply_with(
    framing: How,
    cut: Arc<AtomicU64>,
    how: Cut,
) -> impl Fn(&Request, &mut Reply<'_>) -> std::io::Result<()> + Send + Sync + 'static {
    move |request, reply| {
        let stream = request.json()["stream"] == true;
        match cut.load(Ordering::SeqCst) {
            0 => {}
            count => reply.cut_after(count, how),
        }
        let body = if stream {
            EVENTS.map(|data| format!("data: {data}\n\n")).concat()
        } else {
            ANSWER.to_owned()
        };
        let kind = [(
            "content-type",
            if stream {
                "text/event-stream"
            } else {
                "application/json"
            },
        )];
        let framing = match framing {
            How::Length => Framing::Length(body.len() as u64),
            How::Chunked => Framing::Chunked,
            How::Close => Framing::Close,
        };
        reply.head(200, &kind, framing)?;
        // Odd pieces, so that chunk borders fall inside characters.
        for piece in body.as_bytes().chunks(37) {
            reply.piece(piece)?;
        }
        reply.end()?;
        if framing == Framing::Close {
            reply.close();
        }
        Ok(())
    }
}

fn client(server: &Server) -> Client {
    let mut config = serde_json::json!({
        "api_key": "sk-test", "base_url": server.url("/v1"), "max_retries": 0, "idle_timeout_ms": 20_000,
    });
    if server.url("/").starts_with("https") {
        config["ca_file"] = server.ca_pem().to_str().unwrap().into();
    }
    Client::new(Some(&config.to_string())).unwrap()
}

/// The status and the text of one call.
fn ask(client: &Client, stream: bool) -> (Status, String) {
    if !stream {
        let answer = client.chat_complete(REQUEST);
        return (answer.status(), answer.text().to_owned());
    }
    let mut stream = client.chat_stream(REQUEST);
    let mut text = String::new();
    loop {
        match stream.next() {
            Status::Ok => text.push_str(stream.text()),
            Status::Done => {
                assert_eq!(
                    stream.result().text(),
                    text,
                    "the accumulated answer is what was streamed"
                );
                return (Status::Ok, text);
            }
            failure => {
                assert!(TEXT.starts_with(&text), "{text:?} is no beginning of the answer");
                assert_eq!(stream.result().status(), failure);
                return (failure, text);
            }
        }
    }
}

/// Cuts after every byte until the whole answer gets through, and counts the cuts.
fn cut_everywhere(tls: bool, framing: How, how: Cut, stream: bool) -> u64 {
    let cut = Arc::new(AtomicU64::new(0));
    let handler = reply_with(framing, cut.clone(), how);
    let server = if tls {
        Server::start_tls(handler)
    } else {
        Server::start(handler)
    };
    let client = client(&server);
    assert_eq!(ask(&client, stream), (Status::Ok, TEXT.to_owned()), "whole");
    let mut whole = 0;
    for count in 1.. {
        cut.store(count, Ordering::SeqCst);
        let (status, text) = ask(&client, stream);
        match status {
            Status::Ok => {
                assert_eq!(
                    text, TEXT,
                    "{framing:?} {how:?} tls={tls} stream={stream}: cut after {count} bytes"
                );
                whole += 1;
            }
            // A cut inside TLS's handshake is not made here; a cut head or body is a broken connection, a cut event a stream without its end.
            Status::Connection | Status::Protocol => {}
            other => panic!("{framing:?} {how:?} tls={tls} stream={stream}: cut after {count} bytes: {other:?}"),
        }
        // A few bytes may follow the last one that matters: the end mark's line end, the last chunk's.
        if whole > 40 {
            return count;
        }
    }
    unreachable!()
}

fn every_cut(tls: bool, stream: bool) {
    let mut cuts = 0;
    for framing in EVERY_FRAMING {
        let ways: &[Cut] = if tls {
            &[Cut::Fin, Cut::FinWithoutCloseNotify, Cut::Rst]
        } else {
            &[Cut::Fin, Cut::Rst]
        };
        for &how in ways {
            cuts += cut_everywhere(tls, framing, how, stream);
        }
    }
    println!("{cuts} cuts (tls={tls}, stream={stream})");
    assert!(cuts > 1000);
}

#[test]
fn a_cut_answer_is_whole_or_a_failure() {
    every_cut(false, false);
}

#[test]
fn a_cut_stream_is_whole_or_a_failure() {
    every_cut(false, true);
}

#[test]
fn a_cut_answer_over_tls_is_whole_or_a_failure() {
    every_cut(true, false);
}

#[test]
fn a_cut_stream_over_tls_is_whole_or_a_failure() {
    every_cut(true, true);
}
