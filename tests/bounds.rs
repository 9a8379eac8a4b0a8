//! What a service can make the library hold: every buffer ends somewhere, and what is too much is one clear failure.
//!
//! The library starts no threads, so all that a call takes is taken on the thread that makes it, and can be counted there.

mod support;

use kuai::{Client, Request, Status, Stream};
use serde_json::{Value, json};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::Write;
use std::time::Duration;
use support::clients::{client, client_with, completion, question};
use support::http::{Framing, Reply, Server, gzip};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// The system's allocator, with what each thread holds and held at most.
struct Counting;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

fn count(bytes: isize) {
    // Threads that are ending have no counters any more.
    let _ = HELD.try_with(|held| {
        held.set(held.get() + bytes);
        PEAK.with(|peak| peak.set(peak.get().max(held.get())));
    });
}

// SAFETY: hands every call on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller's layout.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: the caller's block, which came from the system's allocator.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What `work` held at most above what was held before.
fn peak_of<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = HELD.get();
    PEAK.set(before);
    let done = work();
    (done, (PEAK.get() - before).max(0) as usize)
}

/// How an answer ended, and what it took.
struct Outcome {
    status: Status,
    http_status: u16,
    message: String,
    peak: usize,
}

impl Outcome {
    fn of(call: impl FnOnce() -> kuai::Answer) -> Outcome {
        let (answer, peak) = peak_of(call);
        Outcome::new(&answer, peak)
    }

    /// Reads the events of a stream to its end.
    fn of_stream(open: impl FnOnce() -> Stream) -> Outcome {
        let (mut stream, peak) = peak_of(|| {
            let mut stream = open();
            while stream.next() == Status::Ok {}
            stream
        });
        Outcome::new(stream.result(), peak)
    }

    fn new(answer: &kuai::Answer, peak: usize) -> Outcome {
        Outcome {
            status: answer.status(),
            http_status: answer.http_status(),
            message: answer.error().map(|error| error.message.clone()).unwrap_or_default(),
            peak,
        }
    }

    #[track_caller]
    fn is(&self, status: Status, within: usize) {
        assert_eq!(self.status, status, "{}", self.message);
        assert!(self.peak <= within, "{} KiB were held", self.peak / KIB);
    }
}

fn ask(client: &Client) -> Outcome {
    Outcome::of(|| client.chat_complete(&question("hi")))
}

fn ask_streamed(client: &Client) -> Outcome {
    Outcome::of_stream(|| client.chat_stream(&question("hi")))
}

/// A server that begins every answer with `head` and then says `piece` for ever. Each character is one byte.
fn without_end(head: &str, piece: &str) -> Server {
    let bytes = |text: &str| -> Vec<u8> { text.chars().map(|c| u8::try_from(c).unwrap()).collect() };
    let head = bytes(head);
    let pieces = bytes(piece).repeat(64 * KIB / piece.chars().count());
    Server::start(move |_, reply| {
        reply.raw(&head)?;
        // Ends when the client goes away.
        loop {
            reply.raw(&pieces)?;
        }
    })
}

fn in_events(reply: &mut Reply<'_>, data: &str) -> std::io::Result<()> {
    reply.events(&[data, "[DONE]"], Duration::ZERO)
}

#[test]
fn a_bomb_of_gzip_is_too_large_an_answer() {
    let bomb = gzip(&vec![b' '; 256 * MIB]);
    assert!(bomb.len() < 4 * MIB, "{} bytes", bomb.len());
    let server = Server::start(move |request, reply| {
        let kind = if request.text().contains("\"stream\"") {
            "text/event-stream"
        } else {
            "application/json"
        };
        let headers = [("content-type", kind), ("content-encoding", "gzip")];
        reply.send(200, &headers, &bomb)
    });
    let client = client_with(
        &server,
        json!({"max_response_bytes": 8 * MIB, "max_event_bytes": 8 * MIB}),
    );
    ask(&client).is(Status::Limit, 20 * MIB);
    ask_streamed(&client).is(Status::Limit, 20 * MIB);

    let folder = std::env::temp_dir().join(format!("kuai-bounds-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let target = folder.join("speech.mp3");
    let request = Request::new(
        "audio.speech.create",
        Some(r#"{"model":"m","voice":"v","input":"hi"}"#),
        Some(&json!({"save_to": target}).to_string()),
    );
    let request = request.unwrap();
    Outcome::of(|| client.send(&request)).is(Status::Limit, 20 * MIB);
    assert_eq!(
        std::fs::read_dir(&folder).unwrap().count(),
        0,
        "nothing half-written stays"
    );
    std::fs::remove_dir(&folder).unwrap();
}

#[test]
fn a_bomb_of_gzip_under_an_error_status_is_that_error() {
    let bomb = gzip(&vec![b'a'; 256 * MIB]);
    let server = Server::start(move |_, reply| {
        let headers = [("content-type", "text/plain"), ("content-encoding", "gzip")];
        reply.send(401, &headers, &bomb)
    });
    ask(&client(&server)).is(Status::Authentication, 8 * MIB);
    ask_streamed(&client(&server)).is(Status::Authentication, 8 * MIB);
}

#[test]
fn an_error_whose_body_never_ends_is_that_error_with_its_first_words() {
    let server = without_end(
        "HTTP/1.1 401 Unauthorized\r\ncontent-type: text/plain\r\n\r\n",
        "no such key. ",
    );
    let outcome = ask(&client(&server));
    outcome.is(Status::Authentication, 8 * MIB);
    assert_eq!(outcome.http_status, 401);
    assert!(outcome.message.starts_with("no such key. "), "{}", outcome.message);
    ask_streamed(&client(&server)).is(Status::Authentication, 8 * MIB);
}

#[test]
fn heads_without_an_end_are_too_large() {
    for (head, piece) in [
        ("HTTP/1.1 200 OK\r\n", "x-more: of it\r\n"),
        ("HTTP/1.1 200 OK\r\nx-long: ", "and more "),
        ("HTTP/1.1 200 ", "OK"),
        ("", "HTTP/1.1 "),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "0"),
        // Gzip: a name without an end, and stored blocks of no bytes (RFC 1951, 3.2.4).
        (
            "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n\x1f\u{8b}\x08\x08\0\0\0\0\0\0",
            "a",
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n\x1f\u{8b}\x08\0\0\0\0\0\0\0",
            "\0\0\0\u{ff}\u{ff}",
        ),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2;", "extension"),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n",
            "x-more: of it\r\n",
        ),
    ] {
        let server = without_end(head, piece);
        for outcome in [ask(&client(&server)), ask_streamed(&client(&server))] {
            assert!(
                matches!(outcome.status, Status::Limit | Status::Protocol),
                "{head:?}, {piece:?}: {:?}: {}",
                outcome.status,
                outcome.message
            );
            assert!(outcome.peak < MIB, "{head:?}, {piece:?}: {} KiB", outcome.peak / KIB);
        }
    }
}

#[test]
fn interim_answers_without_an_end_are_not_read_for_ever() {
    let server = without_end("", "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n");
    let outcome = ask(&client(&server));
    assert!(
        matches!(outcome.status, Status::Limit | Status::Protocol),
        "{:?}: {}",
        outcome.status,
        outcome.message
    );
    assert!(outcome.peak < MIB, "{} KiB", outcome.peak / KIB);
}

#[test]
fn a_length_is_not_believed_before_it_has_come() {
    let server = Server::start(|request, reply| {
        let length = match request.json()["messages"][0]["content"].as_str() {
            Some("too much") => 1 << 40,
            _ => 1 << 29,
        };
        let headers = [("content-type", "application/json")];
        reply.head(200, &headers, Framing::Length(length))?;
        reply.piece(b"{")?;
        reply.close();
        Ok(())
    });
    let client = client(&server);
    Outcome::of(|| client.chat_complete(&question("too much"))).is(Status::Limit, MIB);
    Outcome::of(|| client.chat_complete(&question("half a GiB"))).is(Status::Connection, 65 * MIB);
}

#[test]
fn events_and_comments_without_an_end_are_bounded() {
    const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
    let bounds = json!({"max_response_bytes": 16 * MIB, "max_event_bytes": 2 * MIB});
    for (head, piece, named) in [
        // One line, one event of many lines, one name.
        ("data: ", "more ", "max_event_bytes"),
        ("", "data: more\n", "max_event_bytes"),
        ("event: ", "more ", "max_event_bytes"),
        (": ", "more ", "max_event_bytes"),
        // Many events, and many that say nothing.
        (
            "",
            "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n",
            "max_response_bytes",
        ),
        ("", ": keep-alive\n\n", "max_response_bytes"),
        ("", "\n", "max_response_bytes"),
    ] {
        let server = without_end(&format!("{HEAD}{head}"), piece);
        let outcome = ask_streamed(&client_with(&server, bounds.clone()));
        outcome.is(Status::Limit, 20 * MIB);
        assert!(outcome.message.contains(named), "{piece:?}: {}", outcome.message);
    }
}

#[test]
fn a_body_that_is_read_as_bytes_is_bounded_too() {
    let server = without_end("HTTP/1.1 200 OK\r\ncontent-type: audio/mpeg\r\n\r\n", "sound");
    let client = client_with(&server, json!({"max_response_bytes": 4 * MIB}));
    let request = Request::new(
        "audio.speech.create",
        Some(r#"{"model":"m","voice":"v","input":"hi"}"#),
        None,
    );
    let (ended, peak) = peak_of(|| {
        let mut stream = client.open(&request.unwrap());
        let mut buffer = vec![0; 64 * KIB];
        loop {
            let (status, _) = stream.read(&mut buffer);
            if status != Status::Ok {
                return status;
            }
        }
    });
    assert_eq!(ended, Status::Limit);
    assert!(peak < MIB, "{} KiB", peak / KIB);
}

fn deep(levels: usize) -> String {
    "[".repeat(levels) + &"]".repeat(levels)
}

#[test]
fn a_million_levels_of_json_are_refused_wherever_they_stand() {
    let deep = deep(1_000_000);
    let answers = [
        (200, deep.clone(), Status::Protocol),
        (200, format!("{{\"choices\":[],\"x\":{deep}}}"), Status::Protocol),
        (
            500,
            format!("{{\"error\":{{\"message\":\"no\",\"x\":{deep}}}}}"),
            Status::Server,
        ),
    ];
    for (http_status, body, status) in answers {
        let server = Server::start(move |_, reply| reply.json(http_status, &body));
        ask(&client(&server)).is(status, 12 * MIB);
        ask_streamed(&client(&server)).is(status, 12 * MIB);
    }
    let event = format!("{{\"choices\":[{{\"index\":0,\"delta\":{deep}}}]}}");
    let server = Server::start(move |_, reply| in_events(reply, &event));
    ask_streamed(&client(&server)).is(Status::Protocol, 12 * MIB);

    let server = Server::start(|_, reply| reply.json(200, &completion("hi")));
    let request = format!("{{\"messages\":[{{\"role\":\"user\",\"content\":{deep}}}]}}");
    let client = client(&server);
    Outcome::of(|| client.chat_complete(&request)).is(Status::InvalidArgument, 12 * MIB);
    assert_eq!(server.request_count(), 0);
}

/// A list of `count` items, each made of its number.
fn list(count: usize, item: impl Fn(usize) -> String) -> String {
    let mut list = String::from("[");
    for number in 0..count {
        if number > 0 {
            list.push(',');
        }
        list += &item(number);
    }
    list + "]"
}

#[test]
fn a_million_choices_in_a_whole_answer_are_handed_on() {
    let choices = list(1_000_000, |number| format!("{{\"index\":{number}}}"));
    let body = format!("{{\"choices\":{choices}}}");
    let size = body.len();
    let server = Server::start(move |_, reply| reply.json(200, &body));
    ask(&client(&server)).is(Status::Ok, size * 22 / 10);
}

#[test]
fn a_million_parts_of_a_streamed_answer_are_too_many() {
    const COUNT: usize = 1_000_000;
    let choices = list(COUNT, |number| {
        format!("{{\"index\":{number},\"delta\":{{\"content\":\"a\"}}}}")
    });
    let backwards = list(COUNT, |number| {
        format!("{{\"index\":{},\"delta\":{{\"content\":\"a\"}}}}", COUNT - number)
    });
    let calls = list(COUNT, |number| {
        format!("{{\"index\":{number},\"id\":\"c{number}\",\"function\":{{\"name\":\"f\",\"arguments\":\"\"}}}}")
    });
    let nameless = list(COUNT, |_| r#"{"function":{"name":"f","arguments":"{}"}}"#.to_owned());
    let fields = list(COUNT, |number| format!("\"m{number}\":\"a\"")).replace(['[', ']'], "");
    let events = [
        format!("{{\"choices\":{choices}}}"),
        format!("{{\"choices\":{backwards}}}"),
        format!("{{\"choices\":[{{\"index\":0,\"delta\":{{\"tool_calls\":{calls}}}}}]}}"),
        format!("{{\"choices\":[{{\"index\":0,\"delta\":{{\"tool_calls\":{nameless}}}}}]}}"),
        format!("{{\"choices\":[{{\"index\":0,\"delta\":{{{fields}}}}}]}}"),
    ];
    for event in events {
        let start = event[..60].to_owned();
        let held = event.len() * 4 + 8 * MIB;
        let server = Server::start(move |_, reply| in_events(reply, &event));
        let outcome = ask_streamed(&client(&server));
        assert_eq!(outcome.status, Status::Limit, "{start}: {}", outcome.message);
        assert!(outcome.peak < held, "{start}: {} MiB", outcome.peak / MIB);
    }
}

#[test]
fn a_stream_of_responses_with_too_many_items_is_too_large() {
    let mut body = Vec::new();
    for number in 0..20_000 {
        let event = json!({"type": "response.output_text.delta", "output_index": 20_000 - number, "content_index": number, "delta": "a"});
        writeln!(body, "data: {event}\n").unwrap();
    }
    let end = json!({"type": "response.completed", "response": {"object": "response", "status": "completed"}});
    writeln!(body, "data: {end}\n").unwrap();
    let server = Server::start(move |_, reply| reply.send(200, &[("content-type", "text/event-stream")], &body));
    let request = Request::new("responses.create", Some(r#"{"model":"m","input":"hi"}"#), None).unwrap();
    let client = client(&server);
    Outcome::of_stream(|| client.open(&request)).is(Status::Limit, 32 * MIB);
}

#[test]
fn what_a_member_of_an_error_says_is_not_repeated_without_end() {
    let body: Value = json!({"error": {"message": "m".repeat(4 * MIB), "code": "c".repeat(MIB), "type": "t".repeat(MIB), "param": "p".repeat(MIB)}});
    let body = body.to_string();
    let server = Server::start(move |_, reply| {
        reply.send(
            400,
            &[
                ("content-type", "application/json"),
                ("x-request-id", &"i".repeat(8 * KIB)),
            ],
            body.as_bytes(),
        )
    });
    let answer = client(&server).chat_complete(&question("hi"));
    assert_eq!(answer.status(), Status::BadRequest);
    assert!(answer.json().len() < 64 * KIB, "{}", answer.json().len());
}
