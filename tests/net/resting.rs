//! What happens to connections that rest between two calls.

use crate::by_http_and_https;
use crate::hosts::Net;
use crate::support::clients::{ask, question};
use kuai::{Client, Request, Status};
use serde_json::json;
use std::sync::Barrier;
use std::time::{Duration, Instant};

/// Leaves so many connections in the client's pool.
fn rest(net: &Net, client: &Client, count: usize) {
    let barrier = Barrier::new(count);
    std::thread::scope(|scope| {
        for _ in 0..count {
            scope.spawn(|| {
                net.client.run(|| {
                    let mut stream = client.chat_stream(&question("go"));
                    assert_eq!(stream.next(), Status::Ok);
                    // All of them are at work at the same time.
                    barrier.wait();
                    while stream.next() == Status::Ok {}
                    assert_eq!(stream.result().status(), Status::Ok);
                });
            });
        }
    });
}

/// The router knows the connections made from now on, and does `verdict` to packets of all others: as a NAT does that was restarted, or that
/// forgets what has been silent for too long.
fn forget(net: &Net, verdict: &str) {
    net.router.set("netfilter/nf_conntrack_tcp_loose", "0");
    net.rules(&format!("ct state invalid {verdict}"));
}

#[test]
fn connections_that_a_router_forgot_and_resets_cost_no_call_and_no_attempt() {
    by_http_and_https(|net, service, name| {
        let client = service.client(json!({"max_retries": 0}));
        rest(net, &client, 3);
        let before = service.request_count();
        forget(net, "meta l4proto tcp reject with tcp reset");
        for number in 0..5 {
            let asked = net.client.run(|| ask(&client, number % 2 == 1, "hi"));
            assert_eq!(asked.status, Status::Ok, "{name}, call {number}: {asked:?}");
        }
        assert_eq!(service.request_count(), before + 5, "each came once");
    });
}

/// By default a call waits long. With a limit, the second attempt does not go the way of the first.
#[test]
fn connections_that_a_router_forgot_silently_cost_one_attempt_however_many_there_are() {
    let options = r#"{"timeout_ms":1500,"max_retries":1}"#;
    by_http_and_https(|net, service, name| {
        let client = service.client(json!({}));
        rest(net, &client, 3);
        let before = service.request_count();
        forget(net, "drop");
        let request = Request::new("chat.completions.create", Some(&question("hi")), Some(options)).unwrap();
        let start = Instant::now();
        let answer = net.client.run(|| client.send(&request));
        assert_eq!(
            (answer.status(), answer.text()),
            (Status::Ok, "hi"),
            "{name}: {}",
            answer.json()
        );
        assert!(start.elapsed() >= Duration::from_millis(1495), "{:?}", start.elapsed());
        assert_eq!(service.request_count(), before + 1, "it came once");
    });
}
