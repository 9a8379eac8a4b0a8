//! A network and a service that do wrong at every byte: bytes changed, doubled, lost, held back; requests that nobody reads to their end.
//!
//! Success is only for an answer that the protocol allows, and what cannot have been changed unseen (gzip's checksum, TLS) must be what
//! was said. Everything else is a failure with a status of its kind: never a hang, never a defect. (tests/cuts.rs has the cuts.)

mod support;

use kuai::{Client, Status};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use support::clients::{client_with, completion, question, stream_events};
use support::http::{Cut, Server, gzip};

const TEXT: &str = "The words of the answer, 快 and all.";

/// An answer as it goes over the wire, and what may go wrong unseen.
struct Form {
    name: &'static str,
    bytes: Vec<u8>,
    /// Where the body begins.
    body: usize,
    stream: bool,
    /// Its end tells whether the text is what was sent.
    sealed: bool,
}

impl Form {
    fn new(name: &'static str, head: &str, body: &[u8], stream: bool) -> Form {
        let head = format!("HTTP/1.1 200 OK\r\n{head}\r\n");
        Form {
            name,
            bytes: [head.as_bytes(), body].concat(),
            body: head.len(),
            stream,
            sealed: name.contains("gzip"),
        }
    }

    fn all() -> Vec<Form> {
        let json = completion(TEXT).into_bytes();
        let events = stream_events(&["The words of ", "the answer, 快 and all."]);
        let events: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
        let chunked = |body: &[u8]| {
            let (first, second) = body.split_at(body.len() / 2);
            let mut chunks = Vec::new();
            for chunk in [first, second] {
                chunks.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                chunks.extend_from_slice(chunk);
                chunks.extend_from_slice(b"\r\n");
            }
            chunks.extend_from_slice(b"0\r\n\r\n");
            chunks
        };
        let length = |body: &[u8], more: &str| {
            format!(
                "Content-Type: application/json\r\n{more}Content-Length: {}\r\n",
                body.len()
            )
        };
        let packed = gzip(&json);
        let kind = "Content-Type: application/json\r\n";
        let kind_of_stream = "Content-Type: text/event-stream\r\n";
        let in_chunks = "Transfer-Encoding: chunked\r\n";
        vec![
            Form::new("length", &length(&json, ""), &json, false),
            Form::new("chunks", &format!("{kind}{in_chunks}"), &chunked(&json), false),
            Form::new("close", kind, &json, false),
            Form::new("gzip", &length(&packed, "Content-Encoding: gzip\r\n"), &packed, false),
            Form::new(
                "gzip in chunks",
                &format!("{kind}Content-Encoding: gzip\r\n{in_chunks}"),
                &chunked(&packed),
                false,
            ),
            Form::new(
                "stream",
                &format!("{kind_of_stream}{in_chunks}"),
                &chunked(events.as_bytes()),
                true,
            ),
            Form::new("stream to the close", kind_of_stream, events.as_bytes(), true),
        ]
    }
}

/// What a call came to.
#[derive(Debug)]
struct Outcome {
    status: Status,
    http_status: u16,
    text: String,
    json: String,
}

impl Outcome {
    fn of(client: &Client, stream: bool) -> Outcome {
        let told = |answer: &kuai::Answer, status| Outcome {
            status,
            http_status: answer.http_status(),
            text: answer.text().to_owned(),
            json: answer.json().to_owned(),
        };
        if !stream {
            let answer = client.chat_complete(&question("hi"));
            return told(&answer, answer.status());
        }
        let mut stream = client.chat_stream(&question("hi"));
        let status = loop {
            match stream.next() {
                Status::Ok => {}
                status => break status,
            }
        };
        told(stream.result(), status)
    }

    fn is_success(&self) -> bool {
        matches!(self.status, Status::Ok | Status::Done)
    }

    /// Whether a network or a service can be the reason for it.
    fn is_of_the_network(&self) -> bool {
        matches!(
            self.status,
            Status::Connection | Status::Protocol | Status::Limit | Status::Tls | Status::Service
        ) || self.http_status >= 300 && self.status.code() <= -400
    }
}

/// A service that answers every request with the bytes that it was last given, and closes.
struct Script {
    server: Server,
    bytes: Arc<Mutex<Vec<u8>>>,
}

impl Script {
    fn start() -> Script {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let server = Server::start({
            let bytes = Arc::clone(&bytes);
            move |_, reply| {
                let bytes = bytes.lock().unwrap_or_else(PoisonError::into_inner).clone();
                reply.close();
                reply.raw(&bytes)
            }
        });
        Script { server, bytes }
    }

    fn ask(&self, client: &Client, bytes: Vec<u8>, stream: bool) -> Outcome {
        *self.bytes.lock().unwrap_or_else(PoisonError::into_inner) = bytes;
        Outcome::of(client, stream)
    }
}

#[test]
fn a_byte_that_was_changed_doubled_or_lost_is_no_other_answer() {
    type Change = fn(&mut Vec<u8>, usize);
    const CHANGES: [(&str, Change); 8] = [
        ("its lowest bit", |bytes, at| bytes[at] ^= 1),
        ("the bit of its case", |bytes, at| bytes[at] ^= 0x20),
        ("its highest bit", |bytes, at| bytes[at] ^= 0x80),
        ("NUL", |bytes, at| bytes[at] = 0),
        ("a line feed", |bytes, at| bytes[at] = b'\n'),
        ("a digit", |bytes, at| bytes[at] = b'7'),
        ("twice", |bytes, at| bytes.insert(at, bytes[at])),
        ("lost", |bytes, at| {
            bytes.remove(at);
        }),
    ];
    let script = Script::start();
    let client = client_with(&script.server, json!({"idle_timeout_ms": 30_000}));
    let (mut tried, mut whole) = (0, 0);
    for form in Form::all() {
        let right = script.ask(&client, form.bytes.clone(), form.stream);
        assert_eq!(
            (right.is_success(), &*right.text),
            (true, TEXT),
            "{}: {right:?}",
            form.name
        );
        for at in 0..form.bytes.len() {
            for (name, change) in CHANGES {
                let mut bytes = form.bytes.clone();
                change(&mut bytes, at);
                let outcome = script.ask(&client, bytes, form.stream);
                let told = || format!("{}, byte {at}, {name}: {outcome:?}", form.name);
                tried += 1;
                if !outcome.is_success() {
                    assert!(outcome.is_of_the_network(), "{}", told());
                    continue;
                }
                whole += 1;
                assert!(serde_json::from_str::<Value>(&outcome.json).is_ok(), "{}", told());
                // Text itself has no seal: what was changed within it comes as it came.
                if form.sealed || at < form.body {
                    assert_eq!(outcome.text, TEXT, "{}", told());
                }
            }
        }
    }
    println!("{tried} changes, {whole} of them no harm");
}

#[test]
fn an_answer_that_stops_anywhere_is_a_timeout() {
    let stops = Arc::new(Mutex::new(Vec::new()));
    let server = Server::start({
        let stops = Arc::clone(&stops);
        move |_, reply| {
            let start: Vec<u8> = stops.lock().unwrap_or_else(PoisonError::into_inner).clone();
            reply.raw(&start)?;
            reply.stall()
        }
    });
    let client = client_with(&server, json!({"idle_timeout_ms": 10}));
    let mut tried = 0;
    for form in Form::all() {
        for at in (0..form.bytes.len()).step_by(5) {
            *stops.lock().unwrap_or_else(PoisonError::into_inner) = form.bytes[..at].to_vec();
            let outcome = Outcome::of(&client, form.stream);
            tried += 1;
            // Only the end mark of a stream is enough without what frames it.
            let whole = form.stream && outcome.is_success() && outcome.text == TEXT;
            assert!(
                whole || outcome.status == Status::Timeout,
                "{}, {at}: {outcome:?}",
                form.name
            );
        }
    }
    println!("{tried} stops");
}

#[test]
fn a_request_that_is_not_read_to_its_end_is_a_failure_and_sent_once() {
    let size = {
        let server = Server::start(|_, reply| reply.json(200, &completion(TEXT)));
        assert!(Outcome::of(&client_with(&server, json!({})), false).is_success());
        let request = server.last_request();
        request.body.len() + 200
    };
    let mut tried = 0;
    for how in [Some(Cut::Fin), Some(Cut::Rst), None] {
        for read in (1..size).step_by(if how.is_some() { 3 } else { 29 }) {
            let server = Server::start_raw(move |wire| {
                // What of it is there: the request may be shorter.
                let _ = wire.take(read);
                match how {
                    Some(how) => wire.cut(how),
                    None => wire.stall()?,
                }
                Ok(())
            });
            let idle = if how.is_some() { 500 } else { 20 };
            let outcome = Outcome::of(&client_with(&server, json!({"idle_timeout_ms": idle})), false);
            tried += 1;
            assert!(
                matches!(outcome.status, Status::Connection | Status::Timeout),
                "{how:?} after {read}: {outcome:?}"
            );
            assert!(
                how.is_some() || outcome.status == Status::Timeout,
                "after {read}: {outcome:?}"
            );
            assert_eq!(server.connections(), 1, "{how:?} after {read}");
        }
    }
    println!("{tried} requests");
}

/// Passes bytes on between a client and a TLS server, and changes one of those that the server sends.
fn changing(listener: &TcpListener, upstream: SocketAddr, at: usize) {
    let (mut client, _) = listener.accept().unwrap();
    let mut server = TcpStream::connect(upstream).unwrap();
    let (mut from_client, mut to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    let there = std::thread::spawn(move || {
        let _ = std::io::copy(&mut from_client, &mut to_server);
        let _ = to_server.shutdown(Shutdown::Write);
    });
    let mut passed = 0;
    let mut buffer = [0; 4096];
    while let Ok(amount @ 1..) = server.read(&mut buffer) {
        if (passed..passed + amount).contains(&at) {
            buffer[at - passed] ^= 1;
        }
        passed += amount;
        if client.write_all(&buffer[..amount]).is_err() {
            break;
        }
    }
    let _ = client.shutdown(Shutdown::Both);
    let _ = server.shutdown(Shutdown::Both);
    there.join().unwrap();
}

#[test]
fn a_byte_that_was_changed_under_tls_is_never_part_of_an_answer() {
    let upstream = Server::start_tls(|_, reply| {
        reply.close();
        reply.json(200, &completion(TEXT))
    });
    let (mut tried, mut whole) = (0, 0);
    for at in (0..3000).step_by(11) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://{}/v1", listener.local_addr().unwrap());
        let address = upstream.address();
        let relay = std::thread::spawn(move || changing(&listener, address, at));
        let limits = json!({"base_url": url, "connect_timeout_ms": 2000, "idle_timeout_ms": 2000});
        let outcome = Outcome::of(&client_with(&upstream, limits), false);
        relay.join().unwrap();
        tried += 1;
        if outcome.is_success() {
            assert_eq!(outcome.text, TEXT, "byte {at}");
            whole += 1;
        } else {
            let is_sensible = outcome.is_of_the_network() || outcome.status == Status::Timeout;
            assert!(is_sensible, "byte {at}: {outcome:?}");
        }
    }
    assert!(whole < tried, "no byte was changed");
    println!("{tried} bytes changed under TLS, {whole} behind the end");
    // It would complain of the requests that broke off.
    std::mem::forget(upstream);
}
