//! Time limits and cancelling: in every phase, plain and TLS, whatever signals do.

mod support;

use kuai::{Cancel, Client, Request, Status};
use serde_json::json;
use std::time::{Duration, Instant};
use support::black_hole::BlackHole;
use support::clients::{KEY, a_moment, client_with, completion, lateness, question, stream_events};
use support::http::{Framing, Reply, Server};

/// How long after its time something may happen on a busy machine. What matters is that it is neither "never" nor "at the next limit".
const SLACK: Duration = Duration::from_millis(1500);

fn stalling(
    phase: Phase,
) -> impl Fn(&support::http::Request, &mut Reply<'_>) -> std::io::Result<()> + Send + Sync + 'static {
    move |_, reply| match phase {
        Phase::Head => reply.stall(),
        Phase::HalfHead => {
            reply.raw(b"HTTP/1.1 200 OK\r\ncontent-ty")?;
            reply.stall()
        }
        Phase::Body => {
            reply.head(200, &[("content-type", "application/json")], Framing::Length(1000))?;
            reply.piece(b"{\"choices\":")?;
            reply.stall()
        }
        Phase::Stream => {
            reply.head(200, &[("content-type", "text/event-stream")], Framing::Chunked)?;
            reply.piece(format!("data: {}\n\n", stream_events(&["a"])[1]).as_bytes())?;
            reply.stall()
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    Head,
    HalfHead,
    Body,
    Stream,
}

const PHASES: [Phase; 4] = [Phase::Head, Phase::HalfHead, Phase::Body, Phase::Stream];

fn server(tls: bool, phase: Phase) -> Server {
    if tls {
        Server::start_tls(stalling(phase))
    } else {
        Server::start(stalling(phase))
    }
}

/// One call, as a stream where the phase is a stream's; how it ended.
fn ask(client: &Client, phase: Phase) -> (Status, String) {
    if phase != Phase::Stream {
        let answer = client.chat_complete(&question("hi"));
        return (answer.status(), answer.json().to_owned());
    }
    let mut stream = client.chat_stream(&question("hi"));
    loop {
        match stream.next() {
            Status::Ok => {}
            status => return (status, stream.result().json().to_owned()),
        }
    }
}

#[test]
fn each_limit_ends_a_call_in_every_phase() {
    for tls in [false, true] {
        for phase in PHASES {
            for option in ["idle_timeout_ms", "timeout_ms", "deadline_ms"] {
                let server = server(tls, phase);
                let client = client_with(&server, json!({option: 200, "connect_timeout_ms": 60_000}));
                let start = Instant::now();
                let (status, document) = ask(&client, phase);
                let took = start.elapsed();
                assert_eq!(status, Status::Timeout, "tls={tls} {phase:?} {option}: {document}");
                assert!(document.contains(option), "{document}");
                assert!(
                    (Duration::from_millis(195)..SLACK).contains(&took),
                    "tls={tls} {phase:?} {option}: {took:?}"
                );
            }
        }
    }
}

#[test]
fn the_content_limit_is_not_reset_by_keep_alives() {
    let server = Server::start(|_, reply| {
        reply.head(200, &[("content-type", "text/event-stream")], Framing::Chunked)?;
        reply.piece(format!("data: {}\n\n", stream_events(&["a"])[1]).as_bytes())?;
        loop {
            reply.piece(b": keep-alive\n\n")?;
            reply.wait(Duration::from_millis(20))?;
        }
    });
    let client = client_with(&server, json!({"content_timeout_ms": 300, "idle_timeout_ms": 200}));
    let (status, document) = ask(&client, Phase::Stream);
    assert_eq!(status, Status::Timeout);
    assert!(document.contains("content_timeout_ms"), "{document}");
}

#[test]
fn a_slow_but_living_stream_outlives_the_idle_limit() {
    let server = Server::start(|_, reply| {
        let events = stream_events(&["a"; 10]);
        let events: Vec<&str> = events.iter().map(String::as_str).collect();
        reply.events(&events, Duration::from_millis(100))
    });
    let client = client_with(&server, json!({"idle_timeout_ms": 600}));
    assert_eq!(ask(&client, Phase::Stream).0, Status::Done);
}

#[test]
fn connecting_is_bounded() {
    let hole = BlackHole::start().unwrap();
    let config = json!({"api_key": KEY, "base_url": format!("http://{}/v1", hole.address()), "max_retries": 0, "connect_timeout_ms": 200});
    let start = Instant::now();
    let answer = Client::new(Some(&config.to_string()))
        .unwrap()
        .chat_complete(&question("hi"));
    assert_eq!(answer.status(), Status::Timeout, "{}", answer.json());
    assert!((Duration::from_millis(195)..SLACK).contains(&start.elapsed()));
}

#[test]
fn a_handshake_that_never_comes_is_bounded_by_the_connect_limit() {
    let server = Server::start_raw(|wire| wire.stall());
    let base_url = format!("https://127.0.0.1:{}/v1", server.port());
    let config = json!({"api_key": KEY, "base_url": base_url, "max_retries": 0, "connect_timeout_ms": 200});
    let answer = Client::new(Some(&config.to_string()))
        .unwrap()
        .chat_complete(&question("hi"));
    assert_eq!(answer.status(), Status::Timeout, "{}", answer.json());
    assert!(answer.json().contains("connect_timeout_ms"));
}

#[test]
fn an_upload_that_nobody_reads_is_bounded() {
    let question = question(&"x".repeat(32 << 20));
    for tls in [false, true] {
        let options = support::http::Options {
            before_body: true,
            tls: tls.then(|| support::tls::Tls::new(support::tls::Authority::new())),
            ..Default::default()
        };
        let server = Server::with(options, |_, reply| reply.stall()).unwrap();
        let client = client_with(&server, json!({"idle_timeout_ms": 200, "max_retries": 0}));
        let start = Instant::now();
        let answer = client.chat_complete(&question);
        assert_eq!(answer.status(), Status::Timeout, "{}", answer.json());
        assert!(start.elapsed() < 4 * SLACK, "{:?}", start.elapsed());
    }
}

/// The best of a few tries: a busy machine may delay any one.
fn quickly(mut try_once: impl FnMut() -> Duration) {
    let tries: Vec<Duration> = (0..5).map(|_| try_once()).collect();
    assert!(tries.iter().any(|took| *took < Duration::from_millis(50)), "{tries:?}");
}

#[test]
fn cancelling_a_client_ends_its_calls_in_every_phase_and_later_calls_work() {
    for tls in [false, true] {
        for phase in PHASES {
            let server = server(tls, phase);
            let client = client_with(&server, json!({}));
            quickly(|| lateness(a_moment, || client.cancel(), || ask(&client, phase).0));
        }
    }
    let server = Server::start(|_, reply| reply.json(200, &completion("hi")));
    let client = client_with(&server, json!({}));
    client.cancel();
    assert_eq!(client.chat_complete(&question("hi")).text(), "hi");
}

#[test]
fn cancelling_ends_the_connecting() {
    let hole = BlackHole::start().unwrap();
    for scheme in ["http", "https"] {
        let config = json!({"api_key": KEY, "base_url": format!("{scheme}://{}/v1", hole.address()), "connect_timeout_ms": 60_000});
        let client = Client::new(Some(&config.to_string())).unwrap();
        quickly(|| {
            lateness(
                a_moment,
                || client.cancel(),
                || client.chat_complete(&question("hi")).status(),
            )
        });
    }
}

#[test]
fn cancelling_ends_the_handshake() {
    let server = Server::start_raw(|wire| wire.stall());
    let base_url = format!("https://127.0.0.1:{}/v1", server.port());
    let client = Client::new(Some(&json!({"api_key": KEY, "base_url": base_url}).to_string())).unwrap();
    quickly(|| {
        lateness(
            a_moment,
            || client.cancel(),
            || client.chat_complete(&question("hi")).status(),
        )
    });
}

#[test]
fn cancelling_ends_the_wait_before_another_attempt() {
    let server = Server::start(|_, reply| reply.send(429, &[("retry-after", "60")], b"{}"));
    let client = client_with(&server, json!({"max_retries": 2}));
    quickly(|| {
        lateness(
            a_moment,
            || client.cancel(),
            || client.chat_complete(&question("hi")).status(),
        )
    });
}

#[test]
fn a_switch_ends_only_the_calls_that_were_given_it() {
    let server = server(false, Phase::Head);
    let client = client_with(&server, json!({"timeout_ms": 700}));
    let cancel = Cancel::new();
    let mut request = Request::new("chat.completions.create", Some(&question("hi")), None).unwrap();
    request.cancel_with(&cancel);
    std::thread::scope(|scope| {
        let other = scope.spawn(|| client.chat_complete(&question("hi")).status());
        lateness(a_moment, || cancel.trigger(), || client.send(&request).status());
        assert_eq!(other.join().unwrap(), Status::Timeout);
    });
    assert_eq!(
        client.send(&request).status(),
        Status::Cancelled,
        "a triggered switch stays triggered"
    );
}

#[test]
fn a_late_cancel_does_not_harm_the_connection() {
    let server = Server::start(|_, reply| reply.json(200, &completion("hi")));
    let client = client_with(&server, json!({}));
    let cancel = Cancel::new();
    let mut request = Request::new("chat.completions.create", Some(&question("hi")), None).unwrap();
    request.cancel_with(&cancel);
    assert_eq!(client.send(&request).status(), Status::Ok);
    cancel.trigger();
    assert_eq!(client.chat_complete(&question("hi")).status(), Status::Ok);
    assert_eq!(server.connections(), 1);
}
