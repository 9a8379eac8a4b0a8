//! Requests that do not get through: cut, reset and stalled after every byte of the request and of the answer, on new connections, on those that an
//! earlier call left behind, and on what replaces these.
//!
//! The rule (src/client.rs, `attempts`): without retries a request is sent once. Only one that went out on a used connection is sent once more, on a
//! new one, if that connection ended before any byte of an answer came: a service that closes a connection at rest is no failure. POST is no exception.
//!
//! A plain run does a part of the cases, spread over all places; `KUAI_FAULTS=all` does all of them.

mod support;

use kuai::{Client, Status};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use support::clients::{client_with, completion, question, stream_events};
use support::faults::{Outcome, all_cases, sample, side_by_side};
use support::http::{Cut, Options, Server, Wire};
use support::tls::{Authority, Tls};

const TEXT: &str = "The words of the answer.";
const ENDS: [Cut; 2] = [Cut::Fin, Cut::Rst];
/// What no kernel keeps for a reader that does not read.
const LARGE: usize = 6 << 20;

fn patient(server: &Server) -> Client {
    client_with(server, json!({"idle_timeout_ms": 120_000}))
}

fn answer(stream: bool) -> Vec<u8> {
    let (kind, body) = if stream {
        let events = stream_events(&["The words", " of the answer."]);
        let events = events.iter().map(|event| format!("data: {event}\n\n"));
        ("text/event-stream", events.collect::<String>())
    } else {
        ("application/json", completion(TEXT))
    };
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}").into_bytes()
}

/// How many bytes a call sends.
fn measured(send: impl FnOnce(&Client)) -> usize {
    let size = Arc::new(AtomicUsize::new(0));
    let server = Server::start_raw({
        let size = Arc::clone(&size);
        move |wire| {
            if let Some(request) = wire.take_request()? {
                size.store(request.len(), Ordering::SeqCst);
                assert!(wire.unread().is_empty(), "nothing behind the request");
            }
            wire.write(&answer(false))
        }
    });
    send(&patient(&server));
    size.load(Ordering::SeqCst)
}

/// How many connections there were. A service may be slower than its client's patience.
fn accepted(server: &Server) -> usize {
    for _ in 0..60_000 {
        if server.connections() > 0 {
            break;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    server.connections()
}

// ---- on a new connection ----

#[test]
fn a_request_that_is_not_read_to_its_end_is_a_failure_and_sent_once() {
    let size = measured(|client| assert!(Outcome::of(client, false).is_success()));
    let mut cases = Vec::new();
    for end in [Some(Cut::Fin), Some(Cut::Rst), None] {
        cases.extend((0..=size).map(|read| (end, read)));
    }
    side_by_side(
        16,
        &cases,
        || (),
        |(), &(end, read)| {
            let server = Server::start_raw(move |wire| {
                wire.take(read)?;
                match end {
                    Some(how) => wire.cut(how),
                    None => wire.stall()?,
                }
                Ok(())
            });
            let idle = if end.is_some() { 120_000 } else { 10 };
            let outcome = Outcome::of(&client_with(&server, json!({"idle_timeout_ms": idle})), false);
            let expected = if end.is_some() {
                Status::Connection
            } else {
                Status::Timeout
            };
            assert_eq!(outcome.status, expected, "{end:?} after {read} of {size}: {outcome:?}");
            assert_eq!(accepted(&server), 1, "{end:?} after {read} of {size}");
        },
    );
    println!("{} requests of {size} bytes", cases.len());
}

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("kuai-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn an_upload_that_is_not_read_to_its_end_is_a_failure_and_sent_once() {
    let folder = Folder::new("broken-requests");
    let path = folder.0.join("large.bin");
    fs::write(&path, vec![b'x'; LARGE]).unwrap();
    let file = json!({"purpose": "batch", "file": {"path": path.to_str().unwrap()}}).to_string();
    let text = question(&"x".repeat(LARGE));
    let send = |client: &Client, from_file: bool| match from_file {
        true => Outcome::told(&client.call("files.create", Some(&file), None), Vec::new()),
        false => Outcome::of_request(client, false, &text),
    };
    let mut cases = Vec::new();
    let mut sizes = Vec::new();
    for from_file in [true, false] {
        let size = measured(|client| drop(send(client, from_file)));
        assert!(size > LARGE);
        sizes.push(size);
        // The head, the borders of what is written at once, and places between.
        let mut places = vec![0, 1, 100, 300, 600, 1000, 4096, size / 2, size - 1, size];
        for border in (128 << 10..size).step_by(128 << 10) {
            let near = [border - 1, border, border + 1];
            places.extend(near.iter().take(if all_cases() { 3 } else { 1 }));
        }
        // Without a file the library reads so much JSON first that fewer do.
        let step = if from_file || all_cases() { 1 } else { 6 };
        for end in [Some(Cut::Fin), Some(Cut::Rst), None] {
            cases.extend(places.iter().step_by(step).map(|read| (from_file, size, end, *read)));
        }
    }
    side_by_side(
        6,
        &cases,
        || (),
        |(), &(from_file, size, end, read)| {
            let options = Options {
                receive_buffer: Some(128 << 10),
                ..Options::default()
            };
            let server = Server::raw_with(options, move |wire| {
                wire.take(read)?;
                match end {
                    Some(how) => wire.cut(how),
                    None => wire.stall()?,
                }
                Ok(())
            });
            let server = server.unwrap();
            let idle = if end.is_some() { 120_000 } else { 300 };
            let outcome = send(&client_with(&server, json!({"idle_timeout_ms": idle})), from_file);
            let told = format!("file={from_file} {end:?} after {read} of {size}: {outcome:?}");
            let expected = if end.is_some() {
                Status::Connection
            } else {
                Status::Timeout
            };
            assert_eq!(outcome.status, expected, "{told}");
            if end.is_none() && read <= 1 << 20 {
                assert!(outcome.json.contains("sending the request"), "{told}");
            }
            assert_eq!(server.connections(), 1, "{told}");
        },
    );
    println!("{} uploads of {sizes:?} bytes", cases.len());
}

/// An answer that refuses the upload before it is read, and that is cut itself.
#[test]
fn an_early_answer_that_is_cut_is_whole_or_a_failure() {
    let text = question(&"x".repeat(LARGE));
    let body = r#"{"error":{"message":"too large"}}"#;
    let length = body.len();
    let refusal = format!("HTTP/1.1 413 Too Large\r\nContent-Length: {length}\r\n\r\n{body}").into_bytes();
    let mut cases = Vec::new();
    for end in ENDS {
        cases.extend(sample(0..refusal.len() + 1, 8).map(|sent| (end, sent)));
        cases.push((end, refusal.len()));
    }
    side_by_side(
        4,
        &cases,
        || (),
        |(), &(end, sent)| {
            let start = refusal[..sent].to_vec();
            let options = Options {
                receive_buffer: Some(128 << 10),
                ..Options::default()
            };
            let server = Server::raw_with(options, move |wire| {
                wire.take(1000)?;
                wire.write(&start)?;
                wire.cut(end);
                Ok(())
            });
            let server = server.unwrap();
            let outcome = Outcome::of_request(&patient(&server), false, &text);
            let told = format!("{end:?} after {sent} of {}: {outcome:?}", refusal.len());
            if sent == refusal.len() {
                assert!(
                    outcome.http_status == 413 && outcome.json.contains("too large"),
                    "{told}"
                );
            } else {
                assert_eq!(outcome.status, Status::Connection, "{told}");
            }
            assert_eq!(server.connections(), 1, "{told}");
        },
    );
    println!("{} early answers", cases.len());
}

/// The service answers and reads no more, but does not close: what is written last may be what is not taken any more.
#[test]
fn an_early_answer_ends_an_upload_of_any_size() {
    let folder = Folder::new("early-answers");
    let step = if all_cases() { 16 << 10 } else { 48 << 10 };
    let sizes: Vec<usize> = (48 << 10..LARGE).step_by(step).collect();
    side_by_side(
        8,
        &sizes,
        || (),
        |(), &size| {
            let path = folder.0.join(format!("{size}.bin"));
            fs::File::create(&path).unwrap().set_len(size as u64).unwrap();
            let options = Options {
                receive_buffer: Some(128 << 10),
                ..Options::default()
            };
            let server = Server::raw_with(options, |wire| {
                wire.take(1000)?;
                wire.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\n{}")?;
                wire.stall()
            });
            let server = server.unwrap();
            let file = json!({"purpose": "batch", "file": {"path": path.to_str().unwrap()}}).to_string();
            let answer = patient(&server).call("files.create", Some(&file), None);
            assert_eq!(answer.http_status(), 413, "{size} bytes: {}", answer.json());
            assert_eq!(server.connections(), 1, "{size} bytes");
            fs::remove_file(path).unwrap();
        },
    );
    println!("{} early answers to uploads", sizes.len());
}

// ---- on a used connection ----

/// What a connection does with a request.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    /// Ends after so many bytes of the request.
    InRequest(usize, Cut),
    /// Ends after so many bytes of the answer.
    InAnswer(usize, Cut),
}

/// A service whose first connection answers one request.
struct Worn {
    server: Server,
    /// How many requests were read to their end.
    processed: Arc<AtomicUsize>,
}

impl Worn {
    /// `faults`: of the first connection at its second request, and of each connection after it at its first.
    fn start(tls: bool, stream: bool, faults: Vec<Fault>) -> Worn {
        let processed = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&processed);
        let options = Options {
            tls: tls.then(|| Tls::new(Authority::new())),
            ..Options::default()
        };
        let answer = answer(stream);
        let handler = move |wire: &mut Wire| {
            if wire.connection == 0 {
                wire.take_request()?;
                wire.write(&answer)?;
            }
            let fault = faults.get(wire.connection).copied().unwrap_or(Fault::None);
            if let Fault::InRequest(read, how) = fault {
                wire.take(read)?;
                wire.cut(how);
                return Ok(());
            }
            while wire.take_request()?.is_some() {
                count.fetch_add(1, Ordering::SeqCst);
                if let Fault::InAnswer(sent, how) = fault {
                    wire.write(&answer[..sent])?;
                    wire.cut(how);
                    return Ok(());
                }
                wire.write(&answer)?;
            }
            Ok(())
        };
        Worn {
            server: Server::raw_with(options, handler).unwrap(),
            processed,
        }
    }

    fn client(&self, more: &Value) -> Client {
        let mut config = more.clone();
        config["idle_timeout_ms"] = 120_000.into();
        client_with(&self.server, config)
    }

    /// Requests beyond the one that made the connection a used one.
    fn processed(&self) -> usize {
        self.processed.load(Ordering::SeqCst)
    }
}

#[test]
fn a_used_connection_that_breaks_is_replaced_once_and_only_before_an_answer_came() {
    let size = measured(|client| assert!(Outcome::of(client, false).is_success()));
    let mut cases = Vec::new();
    for (tls, stream) in [(false, false), (false, true), (true, false), (true, true)] {
        let step = if tls || stream { 13 } else { 2 };
        let all = answer(stream).len();
        for how in ENDS {
            for read in sample(0..size, step) {
                cases.push((tls, stream, Fault::InRequest(read, how)));
            }
            for sent in sample(1..all + 1, step) {
                cases.push((tls, stream, Fault::InAnswer(sent, how)));
            }
            cases.push((tls, stream, Fault::InAnswer(0, how)));
            cases.push((tls, stream, Fault::InAnswer(all, how)));
        }
    }
    side_by_side(
        8,
        &cases,
        || (),
        |(), &(tls, stream, fault)| {
            let service = Worn::start(tls, stream, vec![fault]);
            let client = service.client(&json!({}));
            let first = Outcome::of(&client, stream);
            assert_eq!((first.status, &*first.text), (Status::Ok, TEXT));
            let outcome = Outcome::of(&client, stream);
            let told = format!("tls={tls} stream={stream} {fault:?}: {outcome:?}");
            let done = (outcome.status, &*outcome.text) == (Status::Ok, TEXT);
            let (whole, connections, processed) = match fault {
                Fault::None => (true, 1, 1),
                Fault::InRequest(..) => (true, 2, 1),
                // Nothing was answered: it may have been done, and it is asked once more.
                Fault::InAnswer(0, _) => (true, 2, 2),
                // The end mark of a stream is there before the last byte, the empty line behind it.
                Fault::InAnswer(sent, _) => (sent + usize::from(stream) >= answer(stream).len(), 1, 1),
            };
            assert_eq!(done, whole, "{told}");
            if !done {
                assert!(matches!(outcome.status, Status::Connection), "{told}");
                assert!(TEXT.starts_with(&outcome.text), "{told}");
            }
            assert_eq!(service.server.connections(), connections, "{told}");
            assert_eq!(service.processed(), processed, "{told}");
        },
    );
    println!("{} used connections", cases.len());
}

/// The file is read from its start again.
#[test]
fn an_upload_over_a_used_connection_that_breaks_is_sent_once_more_and_whole() {
    let folder = Folder::new("used-connections");
    let path = folder.0.join("large.bin");
    let content: Vec<u8> = (0..LARGE).map(|at| (at * 31 / 7) as u8).collect();
    fs::write(&path, &content).unwrap();
    let file = json!({"purpose": "batch", "file": {"path": path.to_str().unwrap()}}).to_string();
    let mut cases = Vec::new();
    for end in ENDS {
        for read in [0, 1, 1000, 131_072, 3 << 20, LARGE] {
            cases.push((false, end, read));
            cases.push((true, end, read));
        }
    }
    side_by_side(
        4,
        &cases,
        || (),
        |(), &(tls, end, read)| {
            let whole = Arc::new(AtomicUsize::new(0));
            let (count, content) = (Arc::clone(&whole), content.clone());
            let options = Options {
                tls: tls.then(|| Tls::new(Authority::new())),
                ..Options::default()
            };
            let server = Server::raw_with(options, move |wire| {
                if wire.connection == 0 {
                    wire.take_request()?;
                    wire.write(&answer(false))?;
                    wire.take(read)?;
                    wire.cut(end);
                    return Ok(());
                }
                while let Some(request) = wire.take_request()? {
                    let end = request.len() - content.len();
                    assert!(
                        (0..end)
                            .any(|at| request[at..].starts_with(&content[..64]) && request[at..].starts_with(&content))
                    );
                    count.fetch_add(1, Ordering::SeqCst);
                    wire.write(&answer(false))?;
                }
                Ok(())
            });
            let server = server.unwrap();
            let client = patient(&server);
            assert!(Outcome::of(&client, false).is_success());
            let outcome = Outcome::told(&client.call("files.create", Some(&file), None), Vec::new());
            let told = format!("tls={tls} {end:?} after {read}: {outcome:?}");
            assert!(outcome.is_success(), "{told}");
            assert_eq!((server.connections(), whole.load(Ordering::SeqCst)), (2, 1), "{told}");
        },
    );
    println!("{} uploads over used connections", cases.len());
}

#[test]
fn what_replaces_a_used_connection_is_not_replaced_itself() {
    let size = measured(|client| assert!(Outcome::of(client, false).is_success()));
    let mut cases = Vec::new();
    for (tls, stream) in [(false, false), (false, true), (true, false), (true, true)] {
        let all = answer(stream).len();
        for (number, how) in ENDS.into_iter().enumerate() {
            for first in [
                Fault::InRequest(0, how),
                Fault::InRequest(size / 2, how),
                Fault::InAnswer(0, how),
            ] {
                let step = if tls { 97 } else { 29 };
                cases.extend(sample(number..size, step).map(|read| (tls, stream, first, Fault::InRequest(read, how))));
                cases.extend(sample(number..all, step).map(|sent| (tls, stream, first, Fault::InAnswer(sent, how))));
            }
        }
    }
    side_by_side(
        8,
        &cases,
        || (),
        |(), &(tls, stream, first, second)| {
            let service = Worn::start(tls, stream, vec![first, second]);
            let client = service.client(&json!({}));
            assert!(Outcome::of(&client, stream).is_success());
            let outcome = Outcome::of(&client, stream);
            let told = format!("tls={tls} stream={stream} {first:?} {second:?}: {outcome:?}");
            assert_eq!(outcome.status, Status::Connection, "{told}");
            // One that was seen to be closed is no attempt.
            assert!(
                outcome.json.contains("\"attempts\":2") || matches!(first, Fault::InRequest(0, _)),
                "{told}"
            );
            assert!(TEXT.starts_with(&outcome.text), "{told}");
            assert_eq!(service.server.connections(), 2, "{told}");
            let processed = |fault: Fault| usize::from(matches!(fault, Fault::InAnswer(..)));
            assert_eq!(service.processed(), processed(first) + processed(second), "{told}");
            // The next call finds a good service.
            assert!(Outcome::of(&client, stream).is_success(), "{told}");
            assert_eq!(service.server.connections(), 3, "{told}");
        },
    );
    println!("{} replacements", cases.len());
}

#[test]
fn a_replacement_counts_as_no_retry() {
    let mut cases = Vec::new();
    for tls in [false, true] {
        for how in ENDS {
            for first in [Fault::InRequest(50, how), Fault::InAnswer(0, how)] {
                for second in [
                    Fault::InRequest(50, how),
                    Fault::InAnswer(0, how),
                    Fault::InAnswer(30, how),
                ] {
                    cases.push((tls, first, second));
                }
            }
        }
    }
    side_by_side(
        12,
        &cases,
        || (),
        |(), &(tls, first, second)| {
            // Used and broken, its replacement broken too, and then the one retry that is configured, which is broken or not.
            for third in [Fault::None, Fault::InAnswer(0, Cut::Fin)] {
                let service = Worn::start(tls, false, vec![first, second, third]);
                let client = service.client(&json!({"max_retries": 1}));
                assert!(Outcome::of(&client, false).is_success());
                let outcome = Outcome::of(&client, false);
                let told = format!("tls={tls} {first:?} {second:?} {third:?}: {outcome:?}");
                assert_eq!(outcome.is_success(), third == Fault::None, "{told}");
                assert_eq!(service.server.connections(), 3, "{told}");
            }
        },
    );
    println!("{} replacements with retries", 2 * cases.len());
}

#[test]
fn connections_that_all_ended_at_rest_are_replaced_by_one() {
    let mut tried = 0;
    for tls in [false, true] {
        for how in ENDS {
            for count in 1..=4 {
                // Each first call waits for the others, so that each has a connection of its own.
                let barrier = Arc::new(std::sync::Barrier::new(count));
                let handler = {
                    let barrier = Arc::clone(&barrier);
                    move |request: &support::http::Request, reply: &mut support::http::Reply<'_>| {
                        if request.number < count {
                            barrier.wait();
                        }
                        reply.json(200, &completion(TEXT))
                    }
                };
                let server = if tls {
                    Server::start_tls(handler)
                } else {
                    Server::start(handler)
                };
                let client = patient(&server);
                std::thread::scope(|scope| {
                    for _ in 0..count {
                        scope.spawn(|| assert!(Outcome::of(&client, false).is_success()));
                    }
                });
                server.close_connections(how);
                assert!(server.wait_for_open_connections(0, Duration::from_secs(60)));
                let outcome = Outcome::of(&client, false);
                assert_eq!(outcome.text, TEXT, "tls={tls} {how:?} {count}: {outcome:?}");
                assert_eq!((server.connections(), server.request_count()), (count + 1, count + 1));
                tried += 1;
            }
        }
    }
    println!("{tried} pools of ended connections");
}
