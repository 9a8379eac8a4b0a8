//! When a call is tried again, how long it waits, and what goes out with each attempt.

mod support;

use kuai::{Client, Request, Status};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use support::clients::{KEY, client_with, completion, question, stream_events};
use support::http::{Cut, Server};

/// Fails the first `failures` requests in this way, then answers.
fn failing(
    failures: usize,
    status: u16,
    headers: &'static [(&'static str, &'static str)],
    body: &'static str,
) -> Server {
    let count = AtomicUsize::new(0);
    Server::start(move |_, reply| {
        if count.fetch_add(1, Ordering::SeqCst) < failures {
            return reply.send(status, headers, body.as_bytes());
        }
        reply.json(200, &completion("at last"))
    })
}

fn document(answer: &kuai::Answer) -> Value {
    serde_json::from_str(answer.json()).unwrap()
}

#[test]
fn failures_that_may_pass_are_tried_again() {
    for status in [408, 409, 429, 500, 502, 503, 504, 529] {
        let server = failing(2, status, &[("retry-after-ms", "5")], "{}");
        let answer = client_with(&server, json!({"max_retries": 2})).chat_complete(&question("hi"));
        assert_eq!(answer.text(), "at last", "{status}");
        assert_eq!(server.request_count(), 3);
    }
}

#[test]
fn failures_that_stay_are_not() {
    for status in [400, 401, 403, 404, 413, 422, 425] {
        let server = failing(1, status, &[("retry-after-ms", "5")], "{}");
        let answer = client_with(&server, json!({"max_retries": 2})).chat_complete(&question("hi"));
        assert_eq!(answer.http_status(), status as i32 as u16);
        assert_eq!(document(&answer)["error"]["attempts"], 1);
        assert_eq!(server.request_count(), 1);
    }
}

#[test]
fn the_last_failure_is_told_with_the_number_of_attempts() {
    let server = failing(
        9,
        503,
        &[("retry-after-ms", "5"), ("x-request-id", "req_7")],
        r#"{"error":{"message":"busy"}}"#,
    );
    let answer = client_with(&server, json!({"max_retries": 2})).chat_complete(&question("hi"));
    assert_eq!(answer.status(), Status::Server);
    let error = &document(&answer)["error"];
    assert_eq!(
        (&error["attempts"], &error["message"], &error["request_id"]),
        (&json!(3), &json!("busy"), &json!("req_7"))
    );
}

#[test]
fn a_wait_longer_than_allowed_is_a_failure_that_tells_it() {
    let server = failing(
        1,
        429,
        &[("retry-after", "121")],
        r#"{"error":{"message":"slow down"}}"#,
    );
    let answer = client_with(&server, json!({"max_retries": 2})).chat_complete(&question("hi"));
    assert_eq!((answer.status(), server.request_count()), (Status::RateLimited, 1));
    assert_eq!(document(&answer)["error"]["retry_after_ms"], 121_000);
}

#[test]
fn what_money_alone_can_mend_is_not_tried_again() {
    for body in [
        r#"{"error":{"message":"You exceeded your current quota","code":"insufficient_quota"}}"#,
        r#"{"error":{"message":"余额不足"}}"#,
    ] {
        let server = failing(1, 429, &[("retry-after-ms", "5")], body);
        let answer = client_with(&server, json!({"max_retries": 2})).chat_complete(&question("hi"));
        assert_eq!(
            (answer.status(), server.request_count()),
            (Status::RateLimited, 1),
            "{body}"
        );
    }
}

#[test]
fn the_service_can_overrule_by_x_should_retry() {
    let server = failing(1, 400, &[("x-should-retry", "true"), ("retry-after-ms", "5")], "{}");
    assert_eq!(
        client_with(&server, json!({"max_retries": 1}))
            .chat_complete(&question("hi"))
            .text(),
        "at last"
    );
    let server = failing(1, 500, &[("x-should-retry", "false")], "{}");
    assert_eq!(
        client_with(&server, json!({"max_retries": 1}))
            .chat_complete(&question("hi"))
            .status(),
        Status::Server
    );
}

#[test]
fn every_attempt_carries_the_same_idempotency_key_and_the_same_body() {
    let server = failing(2, 500, &[("retry-after-ms", "5")], "{}");
    let client = client_with(&server, json!({"max_retries": 2}));
    client.chat_complete(&question("one"));
    client.chat_complete(&question("two"));
    let requests = server.take_requests();
    let keys: Vec<&str> = requests
        .iter()
        .map(|request| request.header("idempotency-key").unwrap())
        .collect();
    assert_eq!(keys.len(), 4);
    assert!(
        keys[0] == keys[1] && keys[1] == keys[2] && keys[2] != keys[3],
        "{keys:?}"
    );
    assert!(requests[..3].iter().all(|request| request.body == requests[0].body));
}

#[test]
fn no_idempotency_key_without_retries_or_when_switched_off() {
    for config in [
        json!({"max_retries": 0}),
        json!({"max_retries": 2, "idempotency_keys": false}),
    ] {
        let server = failing(0, 500, &[], "");
        client_with(&server, config).chat_complete(&question("hi"));
        assert_eq!(server.last_request().header("idempotency-key"), None);
    }
    let server = failing(0, 500, &[], "");
    let options = r#"{"idempotency_key":"mine"}"#;
    client_with(&server, json!({})).call("chat.completions.create", Some(&question("hi")), Some(options));
    assert_eq!(server.last_request().header("idempotency-key"), Some("mine"));
}

#[test]
fn connections_and_timeouts_are_tried_again() {
    let count = AtomicUsize::new(0);
    let server = Server::start(move |_, reply| match count.fetch_add(1, Ordering::SeqCst) {
        0 => reply.cut(Cut::Rst),
        1 => reply.stall(),
        2 => {
            reply.cut_after(60, Cut::Fin);
            reply.json(200, &completion("never"))
        }
        _ => reply.json(200, &completion("at last")),
    });
    let client = client_with(&server, json!({"max_retries": 3, "timeout_ms": 300}));
    let answer = client.chat_complete(&question("hi"));
    assert_eq!(answer.text(), "at last", "{}", answer.json());
}

#[test]
fn a_proxy_that_refuses_us_is_not_asked_again() {
    let ask = |proxy: String| {
        let config = json!({"api_key": "k", "base_url": "https://127.0.0.1:9/v1", "proxy": proxy, "max_retries": 1});
        let answer = Client::new(Some(&config.to_string()))
            .unwrap()
            .chat_complete(&question("hi"));
        assert_eq!(answer.status(), Status::Connection, "{}", answer.json());
        let error = answer.error().unwrap();
        (error.attempts, error.code.clone())
    };
    let refused = (1, Some("proxy_refused".to_owned()));
    for (status, outcome) in [(407, &refused), (403, &refused), (429, &(2, None)), (503, &(2, None))] {
        let proxy = Server::start(move |_, reply| reply.send(status, &[], b""));
        let asked = ask(proxy.url("").replacen("://", "://user:wrong@", 1));
        assert_eq!(&asked, outcome, "{status}");
        assert_eq!(proxy.request_count() as u32, asked.0);
    }
    // A method that we do not know, a wrong password, a rule against it; a host that is not there.
    let answers: [(&[&[u8]], _); 4] = [
        (&[&[5, 255]], &refused),
        (&[&[5, 2], &[1, 1]], &refused),
        (&[&[5, 0], &[5, 2, 0, 1]], &refused),
        (&[&[5, 0], &[5, 4, 0, 1]], &(2, None)),
    ];
    for (answers, outcome) in answers {
        let proxy = Server::start_raw(move |wire| {
            for answer in answers {
                wire.fill()?;
                wire.write(answer)?;
            }
            Ok(())
        });
        let asked = ask(format!("socks5://user:wrong@127.0.0.1:{}", proxy.port()));
        assert_eq!(&asked, outcome, "{answers:?}");
    }
}

#[test]
fn the_deadline_holds_over_all_attempts_and_waits() {
    let server = failing(9, 500, &[("retry-after", "30")], r#"{"error":{"message":"busy"}}"#);
    let start = Instant::now();
    let answer = client_with(&server, json!({"max_retries": 5, "deadline_ms": 2000})).chat_complete(&question("hi"));
    assert_eq!(
        answer.status(),
        Status::Server,
        "a wait beyond the deadline is not begun, and the service's own words are kept"
    );
    assert!(start.elapsed() < Duration::from_secs(10));
    let server = Server::start(|_, reply| reply.stall());
    let client = client_with(
        &server,
        json!({"max_retries": 50, "timeout_ms": 100, "deadline_ms": 1000}),
    );
    let start = Instant::now();
    assert_eq!(client.chat_complete(&question("hi")).status(), Status::Timeout);
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_stream_is_tried_again_only_before_it_began() {
    let count = AtomicUsize::new(0);
    let server = Server::start(move |_, reply| {
        if count.fetch_add(1, Ordering::SeqCst) == 0 {
            return reply.send(503, &[("retry-after-ms", "5")], b"{}");
        }
        reply.cut_after(400, Cut::Fin);
        let events = stream_events(&["abc", "def", "ghi"]);
        let events: Vec<&str> = events.iter().map(String::as_str).collect();
        reply.events(&events, Duration::ZERO)
    });
    let mut stream = client_with(&server, json!({"max_retries": 3})).chat_stream(&question("hi"));
    let mut text = String::new();
    let status = loop {
        match stream.next() {
            Status::Ok => text.push_str(stream.text()),
            status => break status,
        }
    };
    assert_eq!((status, server.request_count()), (Status::Connection, 2));
    assert!(
        !text.is_empty() && stream.result().text() == text,
        "what came before the failure stays readable"
    );
}

#[test]
fn a_call_can_have_its_own_number_of_retries() {
    let server = failing(9, 500, &[("retry-after-ms", "1")], "{}");
    let client = client_with(&server, json!({"max_retries": 5}));
    client.call(
        "chat.completions.create",
        Some(&question("hi")),
        Some(r#"{"max_retries":1}"#),
    );
    assert_eq!(server.request_count(), 2);
}

#[test]
fn redirects_are_followed_only_within_the_origin_and_with_method_and_body() {
    let other = Server::start(|_, reply| reply.json(200, &completion("elsewhere")));
    let elsewhere = other.url("/v1/chat/completions");
    let server = Server::start(move |request, reply| match request.path() {
        "/v1/chat/completions" => match request.json()["messages"][0]["content"].as_str().unwrap() {
            "same" => reply.send(308, &[("location", "/v2/chat")], b""),
            "loop" => reply.send(307, &[("location", "/v1/chat/completions")], b""),
            "found" => reply.send(302, &[("location", "/v2/chat")], b""),
            _ => reply.send(307, &[("location", elsewhere.as_str())], b""),
        },
        _ => reply.json(
            200,
            &completion(&format!(
                "{} {}",
                request.method,
                request.json()["messages"][0]["content"]
            )),
        ),
    });
    let client = client_with(&server, json!({}));
    assert_eq!(client.chat_complete(&question("same")).text(), "POST \"same\"");
    assert_eq!(client.chat_complete(&question("loop")).status(), Status::Protocol);
    for refused in ["found", "other"] {
        let answer = client.chat_complete(&question(refused));
        assert_eq!(answer.status(), Status::Protocol, "{refused}: {}", answer.json());
        let place = if refused == "found" { "/v2/chat" } else { "127.0.0.1" };
        assert!(answer.json().contains(place), "{}", answer.json());
    }
    assert_eq!(other.request_count(), 0);
    assert!(
        server
            .requests()
            .iter()
            .all(|request| request.header("authorization").unwrap().contains(KEY))
    );
}

#[test]
fn bare_requests_go_out_and_come_back_as_they_are() {
    let server = Server::start(|request, reply| match request.path() {
        "/redirect" => reply.send(302, &[("location", "/elsewhere")], b"moved"),
        "/packed" => reply.send(200, &[("Content-Encoding", "gzip")], &support::http::gzip(b"packed")),
        _ => reply.send(503, &[], b"busy"),
    });
    // The client's own service is another one.
    let client = Client::new(Some(
        &json!({"api_key": KEY, "base_url": "http://127.0.0.1:9/v1", "max_retries": 3}).to_string(),
    ))
    .unwrap();
    let ask = |path: &str| {
        let options = r#"{"bare":true,"headers":[["X-One","1"],["Host","example.test"]]}"#;
        client.call(&format!("GET {}", server.url(path)), None, Some(options))
    };
    let answer = ask("/redirect");
    assert_eq!(
        (answer.status(), answer.http_status(), answer.body()),
        (Status::Ok, 302, &b"moved"[..])
    );
    let answer = ask("/busy");
    assert_eq!((answer.http_status(), server.request_count()), (503, 2));
    let answer = ask("/packed");
    assert_eq!(answer.body(), support::http::gzip(b"packed"));
    assert_eq!(answer.headers().get("content-encoding"), Some("gzip"));
    for request in server.requests() {
        let mut names: Vec<String> = request.headers.iter().map(|(name, _)| name.to_lowercase()).collect();
        names.sort();
        assert_eq!(names, ["host", "x-one"], "nothing of ours");
        assert_eq!(request.header("host"), Some("example.test"));
    }
    let request = Request::new("GET http://127.0.0.1:9/x", None, None);
    assert!(request.is_err(), "an absolute URL needs bare");
}
