//! A proxy that nobody here wrote, and that much of the world goes through: squid, with CONNECT and without.

use crate::servers::{KEY, Running, free_port, has_in_sbin, in_sbin, listening};
use crate::support::clients::{Asked, a_moment, ask, completion, question, stream_events, time_to_cancel};
use crate::support::http::{Reply, Request, Server};
use crate::tools::scratch;
use kuai::{Client, Status};
use serde_json::{Value, json};
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const PIECES: usize = 50;
const RIGHT: &str = "user:pass-word";
const WRONG: &str = "user:not-the-word";
/// `RIGHT` and `WRONG` as they go over the wire.
const ENCODED: [&str; 2] = ["dXNlcjpwYXNzLXdvcmQ=", "dXNlcjpub3QtdGhlLXdvcmQ="];

fn service(request: &Request, reply: &mut Reply<'_>) -> io::Result<()> {
    let asked = request.json();
    let events = stream_events(&["字"; PIECES]);
    let events: Vec<&str> = events.iter().map(String::as_str).collect();
    match (asked["messages"][0]["content"].as_str(), asked["stream"] == true) {
        (Some("slow"), true) => reply.events(&events, Duration::from_millis(100)),
        (_, true) => reply.events(&events, Duration::from_millis(1)),
        (content, false) => reply.json(200, &completion(content.unwrap_or_default())),
    }
}

/// A squid that knows one user, and refuses one port.
struct Squid {
    /// Where the relay before it listens.
    port: u16,
    refused: TcpListener,
    /// What was said to it.
    heard: Arc<Mutex<Vec<u8>>>,
    process: Running,
}

impl Squid {
    fn start() -> Option<Squid> {
        if !has_in_sbin("squid", "squid") {
            return None;
        }
        let port = free_port();
        let refused = TcpListener::bind("127.0.0.1:0").unwrap();
        let config = scratch().join(format!("squid-{port}.conf"));
        let text = include_str!("squid.conf")
            .replace("@PORT@", &port.to_string())
            .replace("@REFUSED@", &refused.local_addr().unwrap().port().to_string());
        std::fs::write(&config, text).unwrap();
        let mut command = Command::new(in_sbin("squid"));
        command.arg("-N").arg("-f").arg(&config);
        let process = listening(&mut command, port);
        let heard = Arc::default();
        Some(Squid {
            port: relay(port, &heard),
            refused,
            heard,
            process,
        })
    }

    fn client(&self, base_url: &str, user: &str, more: &Value) -> Client {
        let at = if user.is_empty() { "" } else { "@" };
        let proxy = format!("http://{user}{at}127.0.0.1:{}", self.port);
        let mut config = json!({"api_key": KEY, "base_url": base_url, "proxy": proxy, "max_retries": 0});
        for (key, value) in more.as_object().unwrap() {
            config[key] = value.clone();
        }
        Client::new(Some(&config.to_string())).unwrap()
    }

    fn heard(&self) -> String {
        String::from_utf8_lossy(&self.heard.lock().unwrap()).into_owned()
    }
}

/// Hands everything on to squid, from a port of its own, and keeps what clients say.
fn relay(to: u16, heard: &Arc<Mutex<Vec<u8>>>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = heard.clone();
    // It ends with the test program.
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let Ok(squid) = TcpStream::connect(("127.0.0.1", to)) else {
                continue;
            };
            let (heard, back) = (heard.clone(), [&squid, &client].map(|end| end.try_clone().unwrap()));
            std::thread::spawn(move || pass_on(client, squid, |bytes| heard.lock().unwrap().extend(bytes)));
            std::thread::spawn(move || {
                let [squid, client] = back;
                pass_on(squid, client, |_| {});
            });
        }
    });
    port
}

fn pass_on(mut from: TcpStream, mut to: TcpStream, mut see: impl FnMut(&[u8])) {
    let mut piece = [0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut piece) {
        see(&piece[..count]);
        if to.write_all(&piece[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

/// A service, what a client must trust to speak to it, and whether that is TLS.
fn services() -> [(Server, Value, bool); 2] {
    let (plain, tls) = (Server::start(service), Server::start_tls(service));
    let trust = json!({"ca_file": tls.ca_pem()});
    [(plain, json!({}), false), (tls, trust, true)]
}

fn with(more: &Value, another: Value) -> Value {
    let mut all = more.clone();
    for (key, value) in another.as_object().unwrap() {
        all[key] = value.clone();
    }
    all
}

/// Whatever went wrong: nobody is told who we are, nor the page that squid made.
fn tells_no_secret(asked: &Asked) {
    let document = asked.document.to_string();
    for secret in [
        KEY,
        "pass-word",
        "not-the-word",
        ENCODED[0],
        ENCODED[1],
        "<",
        "webmaster",
    ] {
        assert!(!document.contains(secret), "{document}");
    }
}

#[test]
fn squid_lets_the_user_that_it_knows_through() {
    let Some(squid) = Squid::start() else { return };
    for (service, more, tls) in services() {
        let client = squid.client(&service.url("/v1"), RIGHT, &more);
        for _ in 0..3 {
            let asked = ask(&client, false, "你好");
            assert_eq!(
                (asked.status, &*asked.text),
                (Status::Ok, "你好"),
                "tls={tls}: {asked:?}"
            );
            let streamed = ask(&client, true, "go");
            assert_eq!((streamed.status, streamed.text), (Status::Ok, "字".repeat(PIECES)));
        }
        assert_eq!(service.request_count(), 6);
        for request in service.requests() {
            assert_eq!(request.header("authorization"), Some(&*format!("Bearer {KEY}")));
            assert_eq!(request.header("proxy-authorization"), None, "that is squid's alone");
        }
        let heard = std::mem::take(&mut *squid.heard.lock().unwrap());
        let heard = String::from_utf8_lossy(&heard);
        assert!(heard.contains(ENCODED[0]));
        // A plain proxy without a tunnel must see all. One with a tunnel hears where to, and who asks.
        assert_eq!(heard.contains(KEY), !tls);
        assert_eq!(
            heard.contains("libkuai") || heard.contains("openai-"),
            !tls,
            "{heard:.300}"
        );
        if tls {
            assert_eq!(heard.matches("CONNECT ").count(), 1, "one tunnel serves all calls");
        }
    }
}

#[test]
fn squid_refuses_others_and_both_passwords_stay_secret() {
    let Some(squid) = Squid::start() else { return };
    for (service, more, tls) in services() {
        for user in [WRONG, ""] {
            let client = squid.client(&service.url("/v1"), user, &with(&more, json!({"max_retries": 2})));
            for stream in [false, true, false] {
                let asked = ask(&client, stream, "hi");
                println!("tls={tls} {user}: {:?} {}", asked.status, asked.message());
                tells_no_secret(&asked);
                assert!(asked.message().contains("407"), "{asked:?}");
                assert!(
                    asked.message().contains(&format!("127.0.0.1:{}", squid.port)) || !tls,
                    "{asked:?}"
                );
                assert_eq!(asked.attempts(), 1);
                let code = if tls { "proxy_refused".into() } else { Value::Null };
                assert_eq!(asked.document["error"]["code"], code);
                assert_ne!(asked.status, Status::Ok);
            }
        }
        assert_eq!(service.request_count(), 0);
    }
}

#[test]
fn a_port_that_squid_does_not_let_through_is_told_with_its_403() {
    let Some(squid) = Squid::start() else { return };
    let refused = squid.refused.local_addr().unwrap();
    for scheme in ["http", "https"] {
        let client = squid.client(&format!("{scheme}://{refused}/v1"), RIGHT, &json!({}));
        for stream in [false, true] {
            let asked = ask(&client, stream, "hi");
            println!("{scheme}: {:?} {}", asked.status, asked.message());
            tells_no_secret(&asked);
            assert!(asked.message().contains("403"), "{asked:?}");
            let status = if scheme == "http" {
                Status::Permission
            } else {
                Status::Connection
            };
            assert_eq!(asked.status, status, "{asked:?}");
        }
    }
    let heard = squid.heard();
    let tunnelled = heard.split("CONNECT ").nth(1).unwrap();
    assert!(!tunnelled.contains(KEY));
}

#[test]
fn a_service_that_squid_does_not_reach_is_told_with_its_503() {
    let Some(squid) = Squid::start() else { return };
    let dead = free_port();
    for scheme in ["http", "https"] {
        let client = squid.client(
            &format!("{scheme}://127.0.0.1:{dead}/v1"),
            RIGHT,
            &json!({"max_retries": 1}),
        );
        for stream in [false, true] {
            let asked = ask(&client, stream, "hi");
            println!("{scheme}: {:?} {}", asked.status, asked.message());
            tells_no_secret(&asked);
            assert!(asked.message().contains("503"), "{asked:?}");
            let status = if scheme == "http" {
                Status::Server
            } else {
                Status::Connection
            };
            assert_eq!((asked.status, asked.attempts()), (status, 2), "{asked:?}");
        }
    }
}

#[test]
fn a_squid_that_hangs_is_a_timeout_and_can_be_cancelled() {
    let Some(squid) = Squid::start() else { return };
    for (service, more, tls) in services() {
        let url = service.url("/v1");
        let client = |limit: &str| squid.client(&url, RIGHT, &with(&more, json!({limit: 300})));
        squid.process.signal("STOP");
        // The tunnel is a part of connecting; without one, the connection is there at once.
        let limits: &[&str] = if tls {
            &["connect_timeout_ms", "timeout_ms", "deadline_ms"]
        } else {
            &["idle_timeout_ms", "timeout_ms", "deadline_ms"]
        };
        for limit in limits {
            for stream in [false, true] {
                let asked = ask(&client(limit), stream, "hi");
                assert_eq!(asked.status, Status::Timeout, "{asked:?}");
                assert!(asked.message().contains(limit), "{asked:?}");
                assert!(asked.took >= Duration::from_millis(295), "{:?}", asked.took);
                tells_no_secret(&asked);
                assert!(
                    time_to_cancel(&squid.client(&url, RIGHT, &more), stream, "hi", a_moment) < Duration::from_secs(2)
                );
            }
        }
        squid.process.signal("CONT");
        let asked = ask(&squid.client(&url, RIGHT, &more), false, "hi");
        assert_eq!(asked.status, Status::Ok, "{asked:?}");
    }
}

#[test]
fn a_squid_that_hangs_in_mid_stream_leaves_what_came_before() {
    let Some(squid) = Squid::start() else { return };
    for (service, more, tls) in services() {
        let client = squid.client(
            &service.url("/v1"),
            RIGHT,
            &with(&more, json!({"idle_timeout_ms": 2500})),
        );
        let mut stream = client.chat_stream(&question("slow"));
        let mut text = String::new();
        while text.chars().count() < 3 {
            assert_eq!(stream.next(), Status::Ok, "tls={tls}");
            text += stream.text();
        }
        squid.process.signal("STOP");
        let status = loop {
            match stream.next() {
                Status::Ok => text += stream.text(),
                status => break status,
            }
        };
        squid.process.signal("CONT");
        assert_eq!(status, Status::Timeout);
        let answer = stream.result();
        assert!(answer.json().contains("idle_timeout_ms"), "{}", answer.json());
        assert_eq!(answer.text(), text, "what came stays readable");
        assert!("字".repeat(PIECES - 1).starts_with(&text));
    }
}
