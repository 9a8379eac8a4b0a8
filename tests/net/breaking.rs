//! What happens to a connection while a call is on it.

use crate::support::clients::{a_moment, ask, question, time_to_cancel};
use crate::{LARGE_ANSWER, LARGE_QUESTION, Service, by_http_and_https, on_time, streamed};
use kuai::{Client, Status};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// From the service come so many bytes and no more. Both count a whole connection, with its heads and its handshake.
const DEAF: &str = "iifname r1 ct reply bytes > 300000 drop";
const MUTE: &str = "iifname r0 ct original bytes > 300000 drop";

/// Long enough for what comes before the silence, also on a busy machine.
const LIMIT: Duration = Duration::from_millis(1500);

/// Every limit that can end a call on a connection that has gone silent.
const LIMITS: [&str; 3] = ["idle_timeout_ms", "timeout_ms", "deadline_ms"];

fn limited(service: &Service<'_>, option: &str) -> Client {
    // No second attempt hides what became of the first.
    service.client(json!({option: LIMIT.as_millis() as u64, "max_retries": 0}))
}

#[test]
fn an_answer_that_stops_in_the_middle_is_a_timeout_in_time() {
    by_http_and_https(|net, service, name| {
        net.rules(DEAF);
        for option in LIMITS {
            let client = limited(service, option);
            let asked = net.client.run(|| ask(&client, false, "large"));
            assert_eq!(
                (asked.status, asked.http_status),
                (Status::Timeout, 200),
                "{name}: {asked:?}"
            );
            assert!(asked.message().contains(option), "{asked:?}");
            assert!(asked.message().contains("receiving the answer"), "{asked:?}");
            assert!(
                (LIMIT - Duration::from_millis(5)..Duration::from_secs(20)).contains(&asked.took),
                "{asked:?}"
            );
        }
        net.no_rules();
        let client = limited(service, "connect_timeout_ms");
        let asked = net.client.run(|| ask(&client, false, "large"));
        assert_eq!((asked.status, asked.text.len()), (Status::Ok, LARGE_ANSWER / 3 * 3));
    });
}

#[test]
fn an_upload_that_stops_in_the_middle_is_a_timeout_in_time() {
    let long = "x".repeat(LARGE_QUESTION);
    by_http_and_https(|net, service, name| {
        net.rules(MUTE);
        for option in ["idle_timeout_ms", "deadline_ms"] {
            let client = limited(service, option);
            let asked = net.client.run(|| ask(&client, false, &long));
            assert_eq!(
                (asked.status, asked.http_status),
                (Status::Timeout, 0),
                "{name}: {asked:?}"
            );
            assert!(asked.message().contains(option), "{asked:?}");
            assert!(asked.message().contains("sending the request"), "{asked:?}");
            assert!(
                (LIMIT - Duration::from_millis(5)..Duration::from_secs(20)).contains(&asked.took),
                "{asked:?}"
            );
        }
        assert_eq!(service.request_count(), 0);
        net.no_rules();
        let client = limited(service, "connect_timeout_ms");
        let asked = net.client.run(|| ask(&client, false, &long));
        assert_eq!((asked.status, asked.text), (Status::Ok, LARGE_QUESTION.to_string()));
    });
}

/// Reads a stream's first pieces, lets `then` happen to the network, and reads on; the status at its end, its text, and how long `then` was ago.
pub fn interrupted(client: &Client, then: impl FnOnce()) -> (Status, String, Value, Duration) {
    let mut stream = client.chat_stream(&question("go"));
    let mut text = String::new();
    while text.chars().count() < 3 {
        assert_eq!(stream.next(), Status::Ok, "{}", stream.result().json());
        text += stream.text();
    }
    then();
    let start = Instant::now();
    let status = loop {
        match stream.next() {
            Status::Ok => text += stream.text(),
            status => break status,
        }
    };
    let answer = stream.result();
    assert_eq!(answer.text(), text, "what came stays readable");
    assert!(streamed().starts_with(&text));
    let document = serde_json::from_str(answer.json()).unwrap_or_default();
    (status, text, document, start.elapsed())
}

#[test]
fn a_stream_that_stops_in_the_middle_is_a_timeout_and_not_begun_again() {
    by_http_and_https(|net, service, name| {
        for option in LIMITS {
            let client = service.client(json!({option: LIMIT.as_millis() as u64, "max_retries": 2}));
            let (status, _, document, took) = net.client.run(|| interrupted(&client, || net.rules("iifname r1 drop")));
            assert_eq!(status, Status::Timeout, "{name} {option}: {document}");
            assert!(document.to_string().contains(option), "{document}");
            assert_eq!(document["error"]["attempts"], 1);
            // The other limits began before the pieces came.
            let least = if option == "idle_timeout_ms" {
                LIMIT / 2
            } else {
                Duration::ZERO
            };
            assert!((least..Duration::from_secs(20)).contains(&took), "{took:?}");
            net.no_rules();
        }
        assert_eq!(service.request_count(), LIMITS.len());
    });
}

#[test]
fn a_gap_in_a_stream_that_is_shorter_than_the_limit_loses_nothing() {
    by_http_and_https(|net, service, name| {
        for rules in ["drop", "meta l4proto tcp reject with icmpx type host-unreachable"] {
            let client = service.client(json!({"idle_timeout_ms": 30_000}));
            let (status, text, document, _) = std::thread::scope(|scope| {
                net.client.run(|| {
                    interrupted(&client, || {
                        net.rules(rules);
                        scope.spawn(|| {
                            std::thread::sleep(Duration::from_millis(500));
                            net.no_rules();
                        });
                    })
                })
            });
            assert_eq!(
                (status, text),
                (Status::Done, streamed()),
                "{name}, {rules}: {document}"
            );
        }
        assert_eq!(service.request_count(), 2);
    });
}

#[test]
fn a_call_on_a_silent_connection_is_cancelled_at_once() {
    let long = "x".repeat(LARGE_QUESTION);
    by_http_and_https(|net, service, name| {
        for (rules, content, stream) in [
            ("", "think", false),
            ("", "think", true),
            (DEAF, "large", false),
            (MUTE, &long, false),
        ] {
            println!("{name}: {content:.10} under {rules}");
            let client = service.client(json!({}));
            net.rules(rules);
            on_time(Duration::ZERO, || {
                let before = service.connections();
                // Large bodies are not made in no time.
                let wait = || {
                    let start = Instant::now();
                    while service.connections() == before && start.elapsed() < Duration::from_secs(60) {
                        a_moment();
                    }
                    std::thread::sleep(Duration::from_millis(if content == "think" { 0 } else { 500 }));
                };
                net.client.run(|| time_to_cancel(&client, stream, content, wait))
            });
        }
    });
}

#[test]
fn a_reset_is_a_broken_connection_wherever_it_comes() {
    let long = "x".repeat(LARGE_QUESTION);
    by_http_and_https(|net, service, name| {
        let everything = "meta l4proto tcp reject with tcp reset";
        for (place, rules, content) in [
            (
                "the request",
                format!("iifname r0 meta length > 100 {everything}"),
                "hi",
            ),
            (
                "the upload",
                format!("iifname r0 ct original bytes > 300000 {everything}"),
                &*long,
            ),
            (
                "the answer",
                format!("iifname r0 ct reply bytes > 300000 {everything}"),
                "large",
            ),
        ] {
            net.rules(&rules);
            let client = service.client(json!({"max_retries": 0}));
            let asked = net.client.run(|| ask(&client, false, content));
            println!("{name}, {place}: {}", asked.message());
            assert_eq!(asked.status, Status::Connection, "{name}, {place}: {asked:?}");
            assert_eq!(asked.http_status, if place == "the answer" { 200 } else { 0 });
            assert!(asked.took < Duration::from_secs(20), "{asked:?}");
        }
        assert_eq!(service.request_count(), 1, "only one came through");
        net.no_rules();
        let client = service.client(json!({"max_retries": 2}));
        let (status, _, document, _) = net.client.run(|| {
            interrupted(&client, || {
                net.rules(&format!("iifname r0 {everything}"));
            })
        });
        assert_eq!(status, Status::Connection, "{name}, the stream: {document}");
        assert_eq!(document["error"]["attempts"], 1);
        assert_eq!(service.request_count(), 2);
    });
}

#[test]
fn a_request_that_a_reset_met_is_tried_again_with_the_same_key_and_comes_once() {
    by_http_and_https(|net, service, name| {
        net.rules("iifname r0 meta length > 100 meta l4proto tcp reject with tcp reset");
        let client = service.client(json!({"max_retries": 5}));
        let asked = std::thread::scope(|scope| {
            let asking = scope.spawn(|| net.client.run(|| ask(&client, false, "hi")));
            std::thread::sleep(Duration::from_millis(200));
            net.no_rules();
            asking.join().unwrap()
        });
        assert_eq!((asked.status, &*asked.text), (Status::Ok, "hi"), "{name}: {asked:?}");
        let requests = service.requests();
        assert_eq!(requests.len(), 1);
        assert!(requests[0].header("idempotency-key").is_some());
    });
}
