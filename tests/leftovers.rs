//! Bytes behind an answer: whatever a service sends too much, and whenever, the next call does not take it for its own answer.
//!
//! A connection with something unread is not used again. What comes only when the next request is on its way cannot always be told from an answer:
//! what is no HTTP is one failure of the protocol, and a whole answer behind an answer is taken once, as HTTP/1.1 has no numbers.

mod support;

use kuai::{Client, Status};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use support::clients::{client, completion, question, stream_events};
use support::http::{Reply, Request, Server, gzip};

/// When the bytes behind the first answer are sent.
#[derive(Clone, Copy, Debug, PartialEq)]
enum When {
    WithTheAnswer,
    AtRest,
    /// As soon as the next request has come, and before its answer.
    BeforeTheNextAnswer,
    /// Nobody knows whether before or after the next request.
    AtOnce,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    /// So many bytes, head and all: buffers have round sizes.
    Length(usize),
    Chunks,
    Gzip,
    GzipInChunks,
    Stream,
}

const FORMS: [Form; 11] = [
    Form::Length(300),
    Form::Length(4095),
    Form::Length(4096),
    Form::Length(4097),
    Form::Length(8192),
    Form::Length(12_288),
    Form::Length(16_384),
    Form::Chunks,
    Form::Gzip,
    Form::GzipInChunks,
    Form::Stream,
];

fn chunks(body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{:x}\r\n", body.len()).into_bytes();
    bytes.extend_from_slice(body);
    bytes.extend_from_slice(b"\r\n0\r\n\r\n");
    bytes
}

/// A whole answer that says this.
fn answer(form: Form, text: &str) -> Vec<u8> {
    let body = completion(text).into_bytes();
    let with = |head: &str, body: &[u8]| [format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n").as_bytes(), body].concat();
    match form {
        Form::Length(size) => {
            let head = format!("Content-Length: {}", 10_000);
            let missing = size.saturating_sub(with(&head, &body).len());
            let padded = |count: usize| {
                let body = [&body[..], &b" ".repeat(count)].concat();
                with(&format!("Content-Length: {:05}", body.len()), &body)
            };
            padded(missing)
        }
        Form::Chunks => with("Transfer-Encoding: chunked", &chunks(&body)),
        Form::Gzip => {
            let body = gzip(&body);
            with(
                &format!("Content-Encoding: gzip\r\nContent-Length: {}", body.len()),
                &body,
            )
        }
        Form::GzipInChunks => with(
            "Content-Encoding: gzip\r\nTransfer-Encoding: chunked",
            &chunks(&gzip(&body)),
        ),
        Form::Stream => {
            let events = stream_events(&[text]);
            let events: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
            let head = "Content-Type: text/event-stream\r\nTransfer-Encoding: chunked";
            with(head, &chunks(events.as_bytes()))
        }
    }
}

/// What comes behind the answer, and whether it could be the next one.
fn leftovers() -> Vec<(&'static str, Vec<u8>, bool)> {
    let stray = answer(Form::Length(300), "stray");
    vec![
        ("a byte", b"x".to_vec(), false),
        ("zeros", vec![0; 40], false),
        ("a piece of JSON", br#"{"choices":[{"index":0}]}"#.to_vec(), false),
        ("the end of another answer", stray[stray.len() - 90..].to_vec(), false),
        ("much", b"data: much\n\n".repeat(3000), false),
        ("another protocol", b"HTTP/2.0 200 OK\r\n\r\n".to_vec(), false),
        ("a head without its end", b"HTTP/1.1 200 OK\r\nX-Rest: ".to_vec(), true),
        ("a whole answer", stray, true),
        ("an interim answer", b"HTTP/1.1 102 Processing\r\n\r\n".to_vec(), true),
    ]
}

/// Sends the leftovers behind the answer to its first request, and gives every other request its own answer.
struct Service {
    server: Server,
    /// How often the leftovers have been sent.
    sent: Arc<AtomicUsize>,
}

impl Service {
    fn start(tls: bool, form: Form, leftover: Vec<u8>, when: When) -> Service {
        let sent = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&sent);
        // The next request is answered with the leftovers first.
        let pending = AtomicBool::new(false);
        let handler = move |request: &Request, reply: &mut Reply<'_>| {
            let content = request.json()["messages"][0]["content"].as_str().unwrap().to_owned();
            let bytes = answer(form, &format!("re {content}"));
            let begins_with_it = pending.swap(false, Ordering::SeqCst) && request.connection == 0;
            let is_first = content == "first";
            pending.store(is_first && when == When::BeforeTheNextAnswer, Ordering::SeqCst);
            let written = match when {
                When::BeforeTheNextAnswer if begins_with_it => reply.raw(&leftover).and_then(|()| reply.raw(&bytes)),
                When::WithTheAnswer if is_first => reply.raw(&[&bytes[..], &leftover].concat()),
                When::AtRest | When::AtOnce if is_first => reply.raw(&bytes).and_then(|()| reply.raw(&leftover)),
                _ => return reply.raw(&bytes),
            };
            // Also when the client had seen enough and was gone.
            count.fetch_add(1, Ordering::SeqCst);
            written
        };
        let server = if tls {
            Server::start_tls(handler)
        } else {
            Server::start(handler)
        };
        Service { server, sent }
    }

    fn wait_for_the_leftovers(&self) {
        for _ in 0..60_000 {
            if self.sent.load(Ordering::SeqCst) > 0 {
                break;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(self.sent.load(Ordering::SeqCst), 1, "the leftovers were sent");
        // Written is not yet arrived.
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn ask(client: &Client, form: Form, content: &str) -> (Status, String, String) {
    if form != Form::Stream {
        let answer = client.chat_complete(&question(content));
        return (answer.status(), answer.text().to_owned(), answer.json().to_owned());
    }
    let mut stream = client.chat_stream(&question(content));
    let status = loop {
        match stream.next() {
            Status::Ok => {}
            Status::Done => break Status::Ok,
            status => break status,
        }
    };
    let result = stream.result();
    (status, result.text().to_owned(), result.json().to_owned())
}

fn try_one(tls: bool, form: Form, when: When, name: &str, leftover: &[u8], like_an_answer: bool) {
    let told = format!("tls={tls} {form:?} {when:?} {name}");
    let service = Service::start(tls, form, leftover.to_vec(), when);
    let client = client(&service.server);
    let right = |content: &str| (Status::Ok, format!("re {content}"));
    let ask = |content: &str| {
        let (status, text, json) = ask(&client, form, content);
        ((status, text), json)
    };
    let (first, json) = ask("first");
    assert_eq!(first, right("first"), "{told}: {json}");
    if matches!(when, When::WithTheAnswer | When::AtRest) {
        service.wait_for_the_leftovers();
    }
    let (second, json) = ask("second");
    match when {
        When::WithTheAnswer | When::AtRest => {
            assert_eq!(second, right("second"), "{told}: {json}");
            assert_eq!(service.server.connections(), 2, "{told}");
        }
        _ if name == "an interim answer" => assert_eq!(second, right("second"), "{told}: {json}"),
        // HTTP/1.1 takes the first answer that comes for the answer.
        When::BeforeTheNextAnswer if like_an_answer => {}
        When::BeforeTheNextAnswer => {
            assert_eq!(second.0, Status::Protocol, "{told}: {json}");
            assert!(json.contains("not proper HTTP"), "{told}: {json}");
        }
        When::AtOnce => assert!(
            second == right("second") || second.0 == Status::Protocol || like_an_answer,
            "{told}: {json}"
        ),
    }
    // The failure is one call's alone.
    service.wait_for_the_leftovers();
    for content in ["third", "fourth"] {
        let (outcome, json) = ask(content);
        assert_eq!(outcome, right(content), "{told}: {json}");
    }
    // A service that is still writing may not get to read the second.
    let requests = service.server.request_count();
    let fewest = if when == When::AtOnce { 3 } else { 4 };
    assert!(
        (fewest..=4).contains(&requests),
        "{told}: {requests} requests of four calls"
    );
}

#[test]
fn what_comes_behind_an_answer_is_no_other_calls_answer() {
    let mut cases = Vec::new();
    for tls in [false, true] {
        for form in FORMS {
            for when in [
                When::WithTheAnswer,
                When::AtRest,
                When::BeforeTheNextAnswer,
                When::AtOnce,
            ] {
                for (name, leftover, like_an_answer) in leftovers() {
                    cases.push((tls, form, when, name, leftover, like_an_answer));
                }
            }
        }
    }
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                while let Some((tls, form, when, name, leftover, like)) = cases.get(next.fetch_add(1, Ordering::SeqCst))
                {
                    try_one(*tls, *form, *when, name, leftover, *like);
                }
            });
        }
    });
    println!("{} leftovers", cases.len());
}
