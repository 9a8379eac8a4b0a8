//! Looking a host's name up, as a call sees it: when it happens, which limits end it, and that it can be cancelled. Each test is a name
//! server in a network of its own; what is found is tested in `src/transport/look_up`.

mod support;

use kuai::{Cancel, Client, Request, Status};
use serde_json::{Value, json};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use support::clients::{KEY, a_moment, completion, lateness, question};
use support::http::Server;
use support::name_server::{loopback, serve};
use support::namespace::{Etc, within};

/// What each limit promises.
const EXACT: Duration = Duration::from_millis(50);

/// Ways for a look-up not to end.
#[derive(Clone, Copy, Debug)]
enum Endless {
    /// There is no answer.
    Silent,
    /// The answer is to come by TCP, and does not.
    SilentByTcp,
    /// What comes is no answer: the question itself.
    Echo,
}

fn serve_without_end(etc: &Etc, how: Endless) {
    match how {
        Endless::Silent => serve(etc, |_| None),
        Endless::SilentByTcp => {
            let listener = TcpListener::bind("127.0.0.1:53").expect("port 53 in a network of our own");
            std::thread::spawn(move || listener.incoming().collect::<Vec<_>>());
            serve(etc, |question| {
                let mut answer = question.to_vec();
                answer[2..4].copy_from_slice(&[0x83, 0x80]);
                Some(answer)
            });
        }
        Endless::Echo => serve(etc, |question| Some(question.to_vec())),
    }
}

fn client(more: Value) -> Client {
    let mut config =
        json!({"api_key": KEY, "base_url": "http://api.example/v1", "max_retries": 0, "proxy": "", "ca_file": ""});
    for (key, value) in more.as_object().expect("an object") {
        config[key] = value.clone();
    }
    Client::new(Some(&config.to_string())).expect("a configuration")
}

fn limits_and_switches_end_it(etc: &Etc, how: Endless) {
    serve_without_end(etc, how);
    for option in ["connect_timeout_ms", "timeout_ms", "deadline_ms"] {
        let mut more = json!({"connect_timeout_ms": 60_000});
        more[option] = 200.into();
        let client = client(more);
        let late = (0..5).map(|_| {
            let start = Instant::now();
            let answer = client.chat_complete(&question("hi"));
            let took = start.elapsed();
            assert_eq!(answer.status(), Status::Timeout, "{how:?} {option}: {}", answer.json());
            let message = format!("{option} (200 ms) passed while looking up api.example");
            assert!(answer.json().contains(&message), "{}", answer.json());
            assert!(
                took >= Duration::from_millis(199),
                "{how:?} {option}: {took:?} is early"
            );
            took - Duration::from_millis(199)
        });
        let late = late.min().expect("five");
        assert!(late < EXACT, "{how:?} {option}: {late:?} late");
    }
    let client = client(json!({"connect_timeout_ms": 60_000}));
    let late = (0..5).map(|_| {
        lateness(
            a_moment,
            || client.cancel(),
            || client.chat_complete(&question("hi")).status(),
        )
    });
    let late = late.min().expect("five");
    assert!(late < EXACT, "{how:?}: cancelling the client took {late:?}");
    let late = (0..5).map(|_| {
        let cancel = Cancel::new();
        let mut request = Request::new("chat.completions.create", Some(&question("hi")), None).expect("a request");
        request.cancel_with(&cancel);
        lateness(a_moment, || cancel.trigger(), || client.send(&request).status())
    });
    let late = late.min().expect("five");
    assert!(late < EXACT, "{how:?}: the switch took {late:?}");
}

#[test]
fn limits_and_switches_end_a_look_up_that_nobody_answers() {
    within("limits_and_switches_end_a_look_up_that_nobody_answers", |etc| {
        limits_and_switches_end_it(etc, Endless::Silent);
    });
}

#[test]
fn limits_and_switches_end_a_look_up_by_tcp() {
    within("limits_and_switches_end_a_look_up_by_tcp", |etc| {
        limits_and_switches_end_it(etc, Endless::SilentByTcp);
    });
}

#[test]
fn limits_and_switches_end_a_look_up_that_hears_no_answer() {
    within("limits_and_switches_end_a_look_up_that_hears_no_answer", |etc| {
        limits_and_switches_end_it(etc, Endless::Echo);
    });
}

#[test]
fn a_name_is_looked_up_for_a_new_connection_and_not_again() {
    within("a_name_is_looked_up_for_a_new_connection_and_not_again", |etc| {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        serve(etc, move |question| {
            count.fetch_add(1, Ordering::SeqCst);
            Some(loopback(question))
        });
        let server = Server::start(|_, reply| reply.json(200, &completion("hi")));
        let base_url = format!("http://api.example:{}/v1", server.port());
        let client = client(json!({"base_url": base_url, "connect_timeout_ms": 60_000}));
        for _ in 0..3 {
            let answer = client.chat_complete(&question("hi"));
            assert_eq!(answer.text(), "hi", "{}", answer.json());
        }
        assert_eq!(server.connections(), 1);
        assert_eq!(asked.load(Ordering::SeqCst), 2, "once for each family");
    });
}

#[test]
fn the_look_up_can_be_left_to_the_system() {
    within("the_look_up_can_be_left_to_the_system", |etc| {
        serve(etc, |question| Some(loopback(question)));
        let server = Server::start(|_, reply| reply.json(200, &completion("hi")));
        for resolver in ["system", "auto"] {
            let base_url = format!("http://api.example:{}/v1", server.port());
            let client = client(json!({"base_url": base_url, "resolver": resolver}));
            let answer = client.chat_complete(&question("hi"));
            assert_eq!(answer.text(), "hi", "{resolver}: {}", answer.json());
        }
        etc.write("resolv.conf", "nameserver 127.0.0.9\n");
        let answer = client(json!({"resolver": "system"})).chat_complete(&question("hi"));
        assert_eq!(answer.status(), Status::Connection);
        assert!(
            answer.json().contains("the address of api.example was not found"),
            "{}",
            answer.json()
        );
    });
}

#[test]
fn a_proxys_name_is_looked_up_the_same_way() {
    within("a_proxys_name_is_looked_up_the_same_way", |etc| {
        serve_without_end(etc, Endless::Silent);
        for proxy in ["http://proxy.example:3128", "socks5://proxy.example"] {
            let client = client(json!({"proxy": proxy, "connect_timeout_ms": 200}));
            let answer = client.chat_complete(&question("hi"));
            assert_eq!(answer.status(), Status::Timeout, "{}", answer.json());
            assert!(
                answer.json().contains("while looking up proxy.example"),
                "{}",
                answer.json()
            );
        }
    });
}
