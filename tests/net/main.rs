//! Networks as they are: packets that vanish, come twice or are answered by somebody else; routers that forget; cables that are pulled.
//!
//! Each test has three hosts of its own (hosts.rs) and a router between client and service that does to packets what nft tells it. Nothing of
//! this machine's own network is touched. It needs Linux, root, `ip` and `nft`: elsewhere each test says so and is skipped, unless `CI=true`.

mod breaking;
mod cables;
mod connecting;
mod hosts;
#[path = "../native/program.rs"]
#[allow(dead_code)] // Each test binary uses another part of it.
mod program;
mod resting;
mod rough;
#[path = "../support/mod.rs"]
mod support;
#[path = "../native/tools.rs"]
#[allow(dead_code)]
mod tools;

use hosts::{Host, Net, SERVICE, SERVICE_V6};
use kuai::Client;
use serde_json::Value;
use std::io;
use std::net::IpAddr;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;
use support::clients::{client_with, completion, stream_events};
use support::http::{Options, Reply, Request, Server};
use support::tls::{Authority, Tls, TlsOptions};

const PIECES: usize = 20;
/// The pause between two events of a stream.
const PAUSE: Duration = Duration::from_millis(50);
/// More than lies in all the buffers on the way.
const LARGE_QUESTION: usize = 8 << 20;
const LARGE_ANSWER: usize = 1 << 20;

/// The service: the question says what it does.
fn answer(request: &Request, reply: &mut Reply<'_>) -> io::Result<()> {
    let asked = request.json();
    let content = asked["messages"][0]["content"].as_str().unwrap_or_default();
    match content {
        "think" => reply.stall(),
        "large" => reply.json(200, &completion(&"字".repeat(LARGE_ANSWER / 3))),
        _ if asked["stream"] == true => {
            let events = stream_events(&["字"; PIECES]);
            let events: Vec<&str> = events.iter().map(String::as_str).collect();
            reply.events(&events, PAUSE)
        }
        // Of a long question only how long it was.
        _ if content.len() > 100 => reply.json(200, &completion(&content.len().to_string())),
        _ => reply.json(200, &completion(content)),
    }
}

/// The whole text of a stream.
fn streamed() -> String {
    "字".repeat(PIECES)
}

/// A server that runs on a host, and ends there.
struct Service<'a> {
    server: Option<Server>,
    host: &'a Host,
}

impl<'a> Service<'a> {
    /// Port 0: any.
    fn start(host: &'a Host, tls: bool, address: &str, port: u16) -> Service<'a> {
        let server = host.run(|| {
            let listen = (address.parse::<IpAddr>().unwrap(), port).into();
            let names = [SERVICE, SERVICE_V6, "both.example"];
            let tls = tls.then(|| {
                Tls::make(
                    Authority::new(),
                    &TlsOptions {
                        names: &names,
                        ..TlsOptions::default()
                    },
                )
            });
            let options = Options {
                listen,
                tls,
                ..Options::default()
            };
            Server::with(options, answer).unwrap()
        });
        Service {
            server: Some(server),
            host,
        }
    }

    fn client(&self, more: Value) -> Client {
        client_with(self, more)
    }
}

impl Deref for Service<'_> {
    type Target = Server;

    fn deref(&self) -> &Server {
        self.server.as_ref().expect("it goes when it is dropped")
    }
}

impl Drop for Service<'_> {
    fn drop(&mut self) {
        let server = self.server.take();
        let ended = catch_unwind(AssertUnwindSafe(|| self.host.run(|| drop(server))));
        if let (Err(panic), false) = (ended, std::thread::panicking()) {
            std::panic::resume_unwind(panic);
        }
    }
}

/// What is tried by http and by https alike, each on hosts that nobody else sees.
fn by_http_and_https(check: impl Fn(&Net, &Service<'_>, &str) + Sync) {
    std::thread::scope(|scope| {
        let check = &check;
        let tried = [(false, "http"), (true, "https")].map(|(tls, name)| {
            scope.spawn(move || {
                let Some(net) = Net::new() else { return };
                check(&net, &Service::start(&net.service, tls, SERVICE, 0), name);
            })
        });
        for thread in tried {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        }
    });
}

/// One of a few tries is not late by 50 ms; a busy machine may delay any one. None is early.
fn on_time(limit: Duration, mut took: impl FnMut() -> Duration) {
    let mut tries = Vec::new();
    while tries.len() < 8 {
        let one = took();
        tries.push(one);
        let least = limit.saturating_sub(Duration::from_millis(5));
        assert!(one >= least, "early: {tries:?} for {limit:?}");
        if one < limit + Duration::from_millis(50) {
            return;
        }
    }
    panic!("late: {tries:?} for {limit:?}");
}
