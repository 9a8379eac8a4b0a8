//! Each time limit in each phase, plain and TLS, in a storm of signals: never early, and on time.

use crate::program::{C99, command, compile, succeed};
use crate::support::black_hole::BlackHole;
use crate::support::http::{Framing, Options, Reply, Request, Server};
use crate::support::namespace::within;
use crate::support::tls::{Authority, Tls};
use std::net::UdpSocket;
use std::process::Command;

/// Goes as far as the path's first part says, and no further.
fn stall(request: &Request, reply: &mut Reply<'_>) -> std::io::Result<()> {
    let phase = request.path().split('/').nth(1).unwrap_or_default().to_owned();
    match phase.as_str() {
        "body" => {
            reply.head(200, &[("content-type", "application/json")], Framing::Length(1000))?;
            reply.piece(b"{\"choices\":")?;
        }
        "stream" => {
            reply.head(200, &[("content-type", "text/event-stream")], Framing::Chunked)?;
            reply.piece(b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n")?;
        }
        _ => {}
    }
    reply.stall()
}

#[test]
fn each_limit_is_exact_in_each_phase_in_a_storm_of_signals() {
    let Some(program) = compile(C99, "tests/c/limits.c") else {
        return;
    };
    let (plain, tls, mute) = (
        Server::start(stall),
        Server::start_tls(stall),
        Server::start_raw(|wire| wire.stall()),
    );
    let deaf = [None, Some(Tls::new(Authority::new()))].map(|tls| {
        let options = Options {
            before_body: true,
            tls,
            ..Options::default()
        };
        Server::with(options, stall).expect("a free port on loopback")
    });
    let hole = BlackHole::start().expect("a free port on loopback");
    let mut cases: Vec<(&str, String)> = Vec::new();
    for limit in ["timeout_ms", "deadline_ms", "connect_timeout_ms"] {
        cases.push((limit, format!("http://{}/connect", hole.address())));
        cases.push((limit, format!("https://127.0.0.1:{}/handshake", mute.port())));
    }
    for limit in ["timeout_ms", "deadline_ms"] {
        cases.extend(deaf.each_ref().map(|server| (limit, server.url("/upload/v1"))));
    }
    for limit in ["timeout_ms", "deadline_ms", "idle_timeout_ms"] {
        for phase in ["head", "body", "stream"] {
            cases.extend([&plain, &tls].map(|server| (limit, server.url(&format!("/{phase}/v1")))));
        }
    }
    cases.extend([&plain, &tls].map(|server| ("content_timeout_ms", server.url("/stream/v1"))));
    for (limit, base_url) in &cases {
        let service = if base_url.contains("/upload/") { &deaf[1] } else { &tls };
        let mut command = command(&program, base_url);
        command.env("SSL_CERT_FILE", service.ca_pem());
        ends_in_time(command, limit, base_url);
    }
}

#[test]
fn each_limit_is_exact_in_the_look_up_in_a_storm_of_signals() {
    let Some(program) = compile(C99, "tests/c/limits.c") else {
        return;
    };
    within(
        "limits::each_limit_is_exact_in_the_look_up_in_a_storm_of_signals",
        |etc| {
            etc.write("resolv.conf", "nameserver 127.0.0.1\n");
            let silent = UdpSocket::bind("127.0.0.1:53").expect("port 53 in a network of our own");
            for limit in ["timeout_ms", "deadline_ms", "connect_timeout_ms"] {
                let base_url = "http://api.example/v1";
                ends_in_time(command(&program, base_url), limit, base_url);
            }
            drop(silent);
        },
    );
}

/// Runs the program, which has to end when the limit passes.
fn ends_in_time(mut command: Command, limit: &str, base_url: &str) {
    command.args([limit, base_url]);
    if base_url.contains("/stream/") {
        command.arg("stream");
    }
    let printed = succeed(&mut command);
    let (best, worst) = printed.trim().split_once(' ').expect("two numbers");
    let ms = |text: &str| text.parse::<f64>().expect("a number");
    // 50 ms are promised; the rest is for a machine that has other things to do.
    assert!(ms(best) < 50.0 && ms(worst) < 2000.0, "{limit} {base_url}: {printed}");
    println!("{limit} {base_url}: best {best} ms late, worst {worst}");
}
