//! When connections are made, kept, replaced and given up.

mod support;

use kuai::Status;
use serde_json::json;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use support::clients::{client, client_with, completion, question, stream_events};
use support::http::{Cut, Framing, Server};

#[test]
fn calls_share_one_connection() {
    for tls in [false, true] {
        let handler =
            |_: &support::http::Request, reply: &mut support::http::Reply<'_>| reply.json(200, &completion("hi"));
        let server = if tls {
            Server::start_tls(handler)
        } else {
            Server::start(handler)
        };
        let client = client(&server);
        for _ in 0..20 {
            assert_eq!(client.chat_complete(&question("hi")).text(), "hi");
        }
        assert_eq!((server.connections(), server.request_count()), (1, 20), "tls={tls}");
    }
}

#[test]
fn a_whole_stream_gives_its_connection_back() {
    let server = Server::start(|_, reply| {
        let events = stream_events(&["a", "b"]);
        let events: Vec<&str> = events.iter().map(String::as_str).collect();
        reply.events(&events, Duration::ZERO)
    });
    let client = client(&server);
    for _ in 0..10 {
        let mut stream = client.chat_stream(&question("hi"));
        while stream.next() == Status::Ok {}
        assert_eq!(stream.result().text(), "ab");
    }
    assert_eq!(server.connections(), 1);
}

#[test]
fn failures_that_the_service_answers_keep_the_connection() {
    let server = Server::start(|_, reply| reply.json(404, r#"{"error":{"message":"no such model"}}"#));
    let client = client(&server);
    for _ in 0..5 {
        assert_eq!(client.chat_complete(&question("hi")).status(), Status::NotFound);
    }
    assert_eq!(server.connections(), 1);
}

#[test]
fn a_stream_that_is_given_up_does_not_disturb_the_next_call() {
    let server = Server::start(|request, reply| {
        if request.json()["stream"] == true {
            let events = stream_events(&["a"; 1000]);
            let events: Vec<&str> = events.iter().map(String::as_str).collect();
            return reply.events(&events, Duration::ZERO);
        }
        reply.json(200, &completion("plain"))
    });
    let client = client(&server);
    let mut stream = client.chat_stream(&question("hi"));
    assert_eq!(stream.next(), Status::Ok);
    drop(stream);
    assert_eq!(client.chat_complete(&question("hi")).text(), "plain");
    assert_eq!(server.connections(), 2);
}

#[test]
fn a_connection_that_the_service_closed_at_rest_is_replaced() {
    for how in [Cut::Fin, Cut::Rst] {
        let server = Server::start(|_, reply| reply.json(200, &completion("hi")));
        let client = client(&server);
        assert_eq!(client.chat_complete(&question("1")).status(), Status::Ok);
        server.close_connections(how);
        assert!(server.wait_for_open_connections(0, Duration::from_secs(10)));
        assert_eq!(client.chat_complete(&question("2")).status(), Status::Ok, "{how:?}");
        assert_eq!(server.connections(), 2);
    }
}

/// The service closes just as the request is on its way: only the failure tells.
#[test]
fn a_connection_that_dies_under_the_request_is_replaced_once_without_a_retry() {
    for how in [Cut::Fin, Cut::Rst] {
        let server = Server::start(move |request, reply| {
            if request.json()["messages"][0]["content"] == "second" && request.connection == 0 {
                return reply.cut(how);
            }
            reply.json(200, &completion("hi"))
        });
        let client = client(&server);
        assert_eq!(client.chat_complete(&question("first")).status(), Status::Ok);
        assert_eq!(
            client.chat_complete(&question("second")).status(),
            Status::Ok,
            "{how:?}"
        );
        assert_eq!(server.request_count(), 3);
    }
}

/// A router in between has forgotten all of them, say.
#[test]
fn what_got_no_answer_on_a_connection_that_had_rested_is_tried_again_on_a_new_one() {
    const RESTING: usize = 3;
    let server = Server::start(move |request, reply| {
        if request.json()["stream"] == true {
            let events = stream_events(&["a"; 10]);
            let events: Vec<&str> = events.iter().map(String::as_str).collect();
            return reply.events(&events, Duration::from_millis(10));
        }
        if request.connection < RESTING {
            return reply.stall();
        }
        reply.json(200, &completion("hi"))
    });
    let client = client(&server);
    let barrier = std::sync::Barrier::new(RESTING);
    std::thread::scope(|scope| {
        for _ in 0..RESTING {
            scope.spawn(|| {
                let mut stream = client.chat_stream(&question("hi"));
                assert_eq!(stream.next(), Status::Ok);
                // All of them are at work at the same time.
                barrier.wait();
                while stream.next() == Status::Ok {}
            });
        }
    });
    let options = r#"{"timeout_ms":1000,"max_retries":1}"#;
    let answer = client.call("chat.completions.create", Some(&question("hi")), Some(options));
    assert_eq!(answer.text(), "hi", "{}", answer.json());
    assert_eq!(server.connections(), RESTING + 1);
}

#[test]
fn a_new_connection_that_dies_under_the_request_is_a_failure() {
    let server = Server::start(|_, reply| reply.cut(Cut::Fin));
    let answer = client(&server).chat_complete(&question("hi"));
    assert_eq!(answer.status(), Status::Connection);
    assert_eq!(answer.error().unwrap().attempts, 1);
    assert_eq!(server.request_count(), 1);
}

#[test]
fn a_request_is_not_sent_again_once_something_of_the_answer_has_come() {
    let server = Server::start(|request, reply| {
        if request.json()["messages"][0]["content"] == "second" {
            reply.cut_after(20, Cut::Fin);
        }
        reply.json(200, &completion("hi"))
    });
    let client = client(&server);
    assert_eq!(client.chat_complete(&question("first")).status(), Status::Ok);
    assert_eq!(client.chat_complete(&question("second")).status(), Status::Connection);
    assert_eq!(server.request_count(), 2);
}

#[test]
fn many_idle_connections_serve_the_next_burst() {
    let server = Server::start(|_, reply| {
        reply.wait(Duration::from_millis(30))?;
        reply.json(200, &completion("hi"))
    });
    let client = client(&server);
    for _ in 0..3 {
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| assert_eq!(client.chat_complete(&question("hi")).status(), Status::Ok));
            }
        });
    }
    assert!(server.connections() <= 8, "{} connections", server.connections());
}

#[test]
fn eight_threads_on_one_client_get_their_own_answers() {
    let server = Server::start(|request, reply| {
        let content = request.json()["messages"][0]["content"].as_str().unwrap().to_owned();
        reply.json(200, &completion(&format!("re {content}")))
    });
    let client = client(&server);
    let done = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (client, done) = (&client, &done);
            scope.spawn(move || {
                for i in 0..1250 {
                    let name = format!("{thread}/{i}");
                    let answer = client.chat_complete(&question(&name));
                    assert_eq!(answer.text(), format!("re {name}"));
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(done.into_inner(), 10_000);
}

#[test]
fn an_interim_answer_is_not_the_answer() {
    let server = Server::start(|_, reply| {
        reply.interim(103, &[("link", "</x>")])?;
        reply.interim(100, &[])?;
        reply.json(200, &completion("hi"))
    });
    let answer = client(&server).chat_complete(&question("hi"));
    assert_eq!((answer.http_status(), answer.text()), (200, "hi"));
    assert_eq!(answer.headers().get("link"), None);
}

#[test]
fn headers_keep_their_order_and_their_letters() {
    let server = Server::start(|_, reply| {
        let headers = [
            ("X-Zeta", "1"),
            ("x-alpha", "2"),
            ("X-ZETA", "3"),
            ("Content-Type", "application/json"),
        ];
        reply.send(200, &headers, completion("hi").as_bytes())
    });
    let answer = client(&server).chat_complete(&question("hi"));
    let names: Vec<&str> = answer.headers().iter().map(|(name, _)| name).collect();
    let sent = ["X-Zeta", "x-alpha", "X-ZETA", "Content-Type"];
    let at = names.iter().position(|name| *name == sent[0]).unwrap();
    assert_eq!(names[at..at + 4], sent);
}

#[test]
fn gzip_is_asked_for_and_undone() {
    let server = Server::start(|request, reply| {
        assert!(request.header("accept-encoding").unwrap().contains("gzip"));
        let body = support::http::gzip(completion("packed").as_bytes());
        reply.send(200, &[("content-encoding", "gzip")], &body)
    });
    let client = client(&server);
    for _ in 0..3 {
        assert_eq!(client.chat_complete(&question("hi")).text(), "packed");
    }
    assert_eq!(server.connections(), 1);
}

#[test]
fn a_gzip_answer_that_is_cut_is_a_broken_connection_and_one_that_lacks_its_end_is_damaged() {
    let packed = support::http::gzip(completion("packed").as_bytes());
    let length = packed.len();
    let server = Server::start(move |request, reply| {
        let asked = request.json()["messages"][0]["content"].as_str().unwrap().to_owned();
        let (how, count) = asked.split_once(' ').unwrap();
        let some = &packed[..count.parse::<usize>().unwrap()];
        let framing = match how {
            "length" => Framing::Length(packed.len() as u64),
            "close" => Framing::Close,
            _ => Framing::Chunked,
        };
        reply.head(200, &[("content-encoding", "gzip")], framing)?;
        reply.piece(some)?;
        if how == "damaged" {
            return reply.end();
        }
        reply.cut(Cut::Fin)
    });
    let client = client(&server);
    for count in 1..length {
        for how in ["length", "close", "chunked"] {
            let answer = client.chat_complete(&question(&format!("{how} {count}")));
            assert_eq!(answer.status(), Status::Connection, "{how} {count}: {}", answer.json());
        }
        let answer = client.chat_complete(&question(&format!("damaged {count}")));
        assert_eq!(answer.status(), Status::Protocol, "{count}: {}", answer.json());
    }
}

#[test]
fn an_answer_before_the_upload_is_done_is_the_answer() {
    for tls in [false, true] {
        let options = support::http::Options {
            before_body: true,
            tls: tls.then(|| support::tls::Tls::new(support::tls::Authority::new())),
            ..Default::default()
        };
        let server = Server::with(options, |_, reply| {
            reply.close();
            reply.json(413, r#"{"error":{"message":"too large"}}"#)?;
            // The rest of the request is never read.
            reply.wait(Duration::from_millis(300))
        })
        .unwrap();
        let client = client(&server);
        let big = "x".repeat(20 << 20);
        let answer = client.chat_complete(&question(&big));
        assert_eq!(answer.http_status(), 413, "tls={tls}: {}", answer.json());
    }
}

#[test]
fn a_head_or_a_chunk_without_an_end_is_a_failure_in_bounded_memory() {
    let endless = |start: &'static str| {
        Server::start(move |_, reply| {
            reply.raw(start.as_bytes())?;
            for _ in 0..4096 {
                reply.raw(&[b'a'; 1024])?;
            }
            Ok(())
        })
    };
    for start in [
        "HTTP/1.1 200 OK\r\nX: ",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\nTrailer: ",
    ] {
        let answer = client(&endless(start)).chat_complete(&question("hi"));
        assert!(
            matches!(answer.status(), Status::Limit | Status::Protocol),
            "{}",
            answer.json()
        );
    }
}

#[test]
fn an_answer_larger_than_the_limit_is_a_failure() {
    for framing in [Framing::Length(200_000), Framing::Chunked, Framing::Close] {
        let server = Server::start(move |_, reply| {
            reply.head(200, &[("content-type", "application/json")], framing)?;
            for _ in 0..200 {
                reply.piece(&[b' '; 1000])?;
            }
            reply.close();
            reply.end()
        });
        let answer = client_with(&server, json!({"max_response_bytes": 100_000})).chat_complete(&question("hi"));
        assert_eq!(answer.status(), Status::Limit, "{framing:?}");
    }
}

#[test]
fn a_request_has_each_header_once() {
    let server = Server::start(|_, reply| reply.json(200, &completion("hi")));
    let client = client_with(&server, json!({ "headers": { "X-Mine": "1" } }));
    assert_eq!(client.chat_complete(&question("hi")).text(), "hi");
    let request = &server.requests()[0];
    let names: Vec<&str> = request.headers.iter().map(|(name, _)| name.as_str()).collect();
    for name in [
        "host",
        "authorization",
        "content-type",
        "content-length",
        "accept",
        "user-agent",
        "x-mine",
    ] {
        assert_eq!(
            names.iter().filter(|other| **other == name).count(),
            1,
            "{name} in {names:?}"
        );
    }
}

#[test]
fn headers_that_only_few_readers_know_how_to_read_are_kept() {
    let server = Server::start(|_, reply| {
        let many: String = (0..100).map(|i| format!("X-{i}: {i}\r\n")).collect();
        let body = completion("hi");
        let length = body.len();
        reply
            .raw(format!("HTTP/1.1 200 OK\r\n{many}X!~: odd name\r\nContent-Length: {length}\r\n\r\n{body}").as_bytes())
    });
    let client = client(&server);
    for _ in 0..2 {
        let answer = client.chat_complete(&question("hi"));
        assert_eq!(answer.text(), "hi");
        assert_eq!(answer.headers().iter().count(), 102);
        assert_eq!(answer.headers().get("x!~"), Some("odd name"));
    }
    assert_eq!(server.connections(), 1);
}
