//! What stands in front of services and speaks in their place: nginx and haproxy before our own service, plain and TLS.

use crate::servers::{KEY, Running, free_port, has_in_sbin, in_sbin, listening};
use crate::support::clients::{Asked, a_moment, ask, completion, question, stream_events, time_to_cancel};
use crate::support::http::{Cut, Framing, Reply, Request, Server};
use crate::support::tls::Authority;
use crate::tools::scratch;
use kuai::{Client, Status};
use serde_json::{Value, json};
use std::io;

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

const PIECES: usize = 50;

/// What stands behind the front: the question says what it does.
fn service(request: &Request, reply: &mut Reply<'_>) -> io::Result<()> {
    let asked = request.json();
    let content = asked["messages"][0]["content"].as_str().unwrap_or_default();
    let events = stream_events(&["字"; PIECES]);
    match content {
        "hang" => reply.stall(),
        "refuse" => reply.send(
            429,
            &[("retry-after", "3"), ("x-request-id", "r-1")],
            br#"{"error":{"message":"no"}}"#,
        ),
        "die" if asked["stream"] == true => {
            reply.head(200, &[("content-type", "text/event-stream")], Framing::Chunked)?;
            for event in &events[..10] {
                reply.piece(format!("data: {event}\n\n").as_bytes())?;
            }
            // Not a reset, which may overtake what was said before.
            reply.cut(Cut::Fin)
        }
        "die" => {
            reply.head(200, &[("content-type", "application/json")], Framing::Length(1000))?;
            reply.piece(br#"{"id":"c1","choices":[{"message":{"content":"half"#)?;
            reply.wait(Duration::from_millis(200))?;
            reply.cut(Cut::Rst)
        }
        _ if asked["stream"] == true => {
            let events: Vec<&str> = events.iter().map(String::as_str).collect();
            reply.events(&events, Duration::from_millis(1))
        }
        _ => reply.json(200, &completion(content)),
    }
}

/// The front before the service, and where it listens.
struct Front {
    service: Server,
    port: u16,
    tls_port: u16,
    mutual_port: u16,
    authority: Arc<Authority>,
    process: Running,
}

impl Front {
    fn nginx() -> Option<Front> {
        Front::start("nginx", include_str!("nginx.conf"), |command, folder, config| {
            command.arg("-p").arg(folder).arg("-c").arg(config);
        })
    }

    fn haproxy() -> Option<Front> {
        Front::start("haproxy", include_str!("haproxy.cfg"), |command, _, config| {
            command.arg("-db").arg("-f").arg(config);
        })
    }

    fn start(name: &str, template: &str, arguments: impl Fn(&mut Command, &Path, &Path)) -> Option<Front> {
        if !has_in_sbin(name, name) {
            return None;
        }
        let [port, tls_port, mutual_port, dead] = [(); 4].map(|()| free_port());
        let folder = scratch().join(format!("{name}-{port}"));
        std::fs::create_dir_all(&folder).unwrap();
        let (service, authority) = (Server::start(service), Authority::new());
        let identity = authority.identity(&["localhost", "127.0.0.1"]);
        let files = [&identity.cert_pem, &identity.key_pem].map(|file| std::fs::read_to_string(file).unwrap());
        let both = folder.join("both.pem");
        std::fs::write(&both, files.concat()).unwrap();
        let mut text = template.to_owned();
        for (name, value) in [
            ("PORT", port.to_string()),
            ("TLS_PORT", tls_port.to_string()),
            ("MUTUAL_PORT", mutual_port.to_string()),
            ("SERVICE", service.port().to_string()),
            ("DEAD", dead.to_string()),
            ("CERTIFICATE", both.display().to_string()),
            ("AUTHORITY", authority.ca_pem().display().to_string()),
        ] {
            text = text.replace(&format!("@{name}@"), &value);
        }
        let config = folder.join("config");
        std::fs::write(&config, text).unwrap();
        let mut command = Command::new(in_sbin(name));
        arguments(&mut command, &folder, &config);
        let process = listening(&mut command, port);
        Some(Front {
            service,
            port,
            tls_port,
            mutual_port,
            authority,
            process,
        })
    }

    fn client_at(&self, origin: &str, path: &str, more: &Value) -> Client {
        let ca_file = self.authority.ca_pem();
        let mut config = json!({"api_key": KEY, "base_url": format!("{origin}{path}"), "ca_file": ca_file, "proxy": "", "max_retries": 0});
        for (key, value) in more.as_object().unwrap() {
            config[key] = value.clone();
        }
        Client::new(Some(&config.to_string())).unwrap()
    }

    /// A client by http and one by https.
    fn clients(&self, path: &str, more: &Value) -> [Client; 2] {
        [
            format!("http://127.0.0.1:{}", self.port),
            format!("https://127.0.0.1:{}", self.tls_port),
        ]
        .map(|origin| self.client_at(&origin, path, more))
    }

    /// Asks plainly and as a stream, by http and by https, each with a client of its own.
    fn every_way(&self, path: &str, content: &str, more: &Value, check: impl Fn(&Asked, bool)) {
        for stream in [false, true] {
            for client in self.clients(path, more) {
                let asked = ask(&client, stream, content);
                println!("{path} {content:.10} stream={stream}: {}", asked.message());
                assert!(!asked.document.to_string().contains(KEY), "{asked:?}");
                check(&asked, stream);
            }
        }
    }
}

/// The front's own page, told as what it is: its title, and nothing of what else stands there.
fn is_page(asked: &Asked, status: Status, http_status: u16, title: &str) {
    assert_eq!((asked.status, asked.http_status), (status, http_status), "{asked:?}");
    assert!(asked.message().contains(title), "{asked:?}");
    let document = asked.document.to_string();
    assert!(!document.contains("<") && !document.contains("127.0.0.1"), "{asked:?}");
    assert_eq!(asked.attempts(), 1, "{asked:?}");
}

#[test]
fn nginx_hands_answers_on_packed_and_streams_buffered_or_not() {
    let Some(front) = Front::nginx() else { return };
    for path in ["/v1", "/unbuffered/v1", "/bare/v1"] {
        for client in front.clients(path, &json!({})) {
            for round in 1..=3 {
                let answer = client.chat_complete(&question("你好"));
                assert_eq!(
                    (answer.status(), answer.text()),
                    (Status::Ok, "你好"),
                    "{}",
                    answer.json()
                );
                let packed = answer.headers().get("content-encoding");
                assert_eq!(packed, (path != "/bare/v1").then_some("gzip"), "{path}");
                let streamed = ask(&client, true, "go");
                assert_eq!(
                    (streamed.status, streamed.text),
                    (Status::Ok, "字".repeat(PIECES)),
                    "{path}"
                );
                let count = answer.headers().get("x-requests-of-connection").map(str::to_owned);
                assert_eq!(count, Some((2 * round - 1).to_string()), "one connection serves all");
            }
        }
    }
}

#[test]
fn a_large_answer_comes_whole_through_nginxs_buffers_and_files() {
    let Some(front) = Front::nginx() else { return };
    let content = "大模型 ".repeat(300_000);
    for path in ["/v1", "/unbuffered/v1", "/bare/v1"] {
        front.every_way(path, &content, &json!({}), |asked, stream| {
            assert_eq!(asked.status, Status::Ok, "{}", asked.message());
            assert!(stream || asked.text == content);
        });
    }
}

#[test]
fn what_the_service_behind_nginx_refuses_is_told_in_its_own_words() {
    let Some(front) = Front::nginx() else { return };
    front.every_way("/v1", "refuse", &json!({}), |asked, _| {
        assert_eq!(
            (asked.status, asked.message()),
            (Status::RateLimited, "no"),
            "{asked:?}"
        );
        let error = &asked.document["error"];
        assert_eq!(
            (&error["retry_after_ms"], &error["request_id"]),
            (&json!(3000), &json!("r-1"))
        );
    });
}

#[test]
fn nginxs_pages_are_told_by_their_title() {
    let Some(front) = Front::nginx() else { return };
    let long = "x".repeat(4000);
    for (path, content, status, http_status, title) in [
        ("/gone/v1", "hi", Status::Server, 502, "502 Bad Gateway"),
        ("/hanging/v1", "hang", Status::Server, 504, "504 Gateway Time-out"),
        (
            "/small/v1",
            &long,
            Status::BadRequest,
            413,
            "413 Request Entity Too Large",
        ),
        ("/maintenance/v1", "hi", Status::Server, 503, "Back at ten"),
        ("/nothing/v1", "hi", Status::NotFound, 404, "404 Not Found"),
        ("/home/v1", "hi", Status::Protocol, 200, "Welcome"),
    ] {
        front.every_way(path, content, &json!({}), |asked, _| {
            is_page(asked, status, http_status, title);
        });
    }
    front.every_way("/maintenance/v1", "hi", &json!({}), |asked, _| {
        assert_eq!(asked.document["error"]["retry_after_ms"], 7000);
    });
}

/// nginx refuses by the head, and reads on for a few seconds only: on a machine that is too busy for that, another attempt gets the answer.
#[test]
fn an_upload_that_nginx_does_not_want_is_its_413_and_no_broken_connection() {
    let Some(front) = Front::nginx() else { return };
    let long = "x".repeat(8 << 20);
    front.every_way("/small/v1", &long, &json!({"max_retries": 3}), |asked, _| {
        assert_eq!(
            (asked.status, asked.http_status),
            (Status::BadRequest, 413),
            "{asked:?}"
        );
        assert!(asked.message().contains("413 Request Entity Too Large"), "{asked:?}");
    });
    assert_eq!(front.service.request_count(), 0);
}

#[test]
fn nginxs_limit_is_waited_out_as_its_retry_after_says() {
    let Some(front) = Front::nginx() else { return };
    // The zone of nginx.conf lets one request through in five seconds, at each port.
    let patient = front.clients("/limited/v1", &json!({"max_retries": 1}));
    let impatient = front.clients("/limited/v1", &json!({}));
    std::thread::scope(|scope| {
        for (patient, impatient) in patient.iter().zip(&impatient) {
            scope.spawn(|| {
                assert_eq!(ask(patient, false, "first").text, "first");
                let refused = ask(impatient, false, "refused");
                assert_eq!(
                    (refused.status, refused.message()),
                    (Status::RateLimited, "slower, please")
                );
                assert_eq!(refused.document["error"]["retry_after_ms"], 5000);
                let second = ask(patient, true, "second");
                assert_eq!((second.status, second.text), (Status::Ok, "字".repeat(PIECES)));
                assert!(second.took >= Duration::from_secs(5), "{:?}", second.took);
            });
        }
    });
    assert_eq!(
        front.service.request_count(),
        4,
        "what was refused has not come through"
    );
    let [plain, _] = front.clients("/limited_page/v1", &json!({}));
    let page = ask(&plain, false, "third");
    is_page(&page, Status::RateLimited, 429, "429 Too Many Requests");
}

#[test]
fn a_connection_that_nginx_closes_after_a_count_or_a_time_costs_no_call_and_no_second_request() {
    let Some(front) = Front::nginx() else { return };
    let mut calls = 0;
    for path in ["/two/v1", "/short/v1"] {
        for client in front.clients(path, &json!({})) {
            for (number, stream) in [false, true, false, false, true, true].into_iter().enumerate() {
                let asked = ask(&client, stream, "hi");
                assert_eq!(asked.status, Status::Ok, "{path}, call {number}: {asked:?}");
                calls += 1;
                if path == "/short/v1" {
                    // Around the time at which nginx closes.
                    std::thread::sleep(Duration::from_millis(85 + 10 * number as u64));
                }
            }
        }
    }
    assert_eq!(front.service.request_count(), calls);
}

#[test]
fn closing_without_an_answer_is_a_connection_error_also_when_tried_again() {
    let Some(front) = Front::nginx() else { return };
    for (retries, attempts) in [(0, 1), (1, 2)] {
        front.every_way("/silent/v1", "hi", &json!({"max_retries": retries}), |asked, _| {
            assert_eq!((asked.status, asked.http_status), (Status::Connection, 0), "{asked:?}");
            assert_eq!(asked.attempts(), attempts, "{asked:?}");
        });
    }
}

#[test]
fn a_service_that_dies_behind_nginx_in_mid_answer_leaves_no_whole_one() {
    let Some(front) = Front::nginx() else { return };
    for path in ["/v1", "/unbuffered/v1", "/bare/v1"] {
        front.every_way(path, "die", &json!({}), |asked, stream| {
            assert_eq!(asked.status, Status::Connection, "{path}: {asked:?}");
            assert_eq!(asked.http_status, 200, "{path}: {asked:?}");
            if stream && path != "/v1" {
                assert_eq!(asked.text, "字".repeat(9), "what came before stays");
            }
        });
    }
}

#[test]
fn nginxs_redirects_are_followed_only_within_the_origin() {
    let Some(front) = Front::nginx() else { return };
    front.every_way("/moved/v1", "hi", &json!({}), |asked, _| {
        assert_eq!(asked.status, Status::Ok, "{asked:?}");
    });
    front.every_way("/elsewhere/v1", "hi", &json!({}), |asked, _| {
        assert_eq!((asked.status, asked.http_status), (Status::Protocol, 307), "{asked:?}");
    });
}

#[test]
fn nginx_gets_to_see_the_clients_certificate() {
    let Some(front) = Front::nginx() else { return };
    let origin = format!("https://127.0.0.1:{}", front.mutual_port);
    let own = front.authority.identity(&["a client"]);
    let shown = json!({"client_cert_file": own.cert_pem, "client_key_file": own.key_pem});
    for stream in [false, true] {
        assert_eq!(
            ask(&front.client_at(&origin, "/v1", &shown), stream, "hi").status,
            Status::Ok
        );
        let unknown = ask(&front.client_at(&origin, "/v1", &json!({})), stream, "hi");
        is_page(
            &unknown,
            Status::BadRequest,
            400,
            "400 No required SSL certificate was sent",
        );
    }
}

#[test]
fn haproxy_hands_answers_and_streams_on() {
    let Some(front) = Front::haproxy() else { return };
    front.every_way("/v1", "hi", &json!({}), |asked, stream| {
        let expected = if stream { "字".repeat(PIECES) } else { "hi".to_owned() };
        assert_eq!((asked.status, &asked.text), (Status::Ok, &expected), "{asked:?}");
    });
    front.every_way("/v1", "die", &json!({}), |asked, stream| {
        assert_eq!(
            (asked.status, asked.http_status),
            (Status::Connection, 200),
            "{asked:?}"
        );
        assert!(!stream || asked.text == "字".repeat(9), "{asked:?}");
    });
}

#[test]
fn haproxys_pages_have_no_title_and_are_told_by_their_status() {
    let Some(front) = Front::haproxy() else { return };
    for (path, content, http_status) in [
        ("/gone/v1", "hi", 503),
        ("/hasty/v1", "hang", 504),
        ("/tarpit/v1", "hi", 500),
    ] {
        front.every_way(path, content, &json!({}), |asked, _| {
            is_page(asked, Status::Server, http_status, &http_status.to_string());
        });
    }
    front.every_way("/denied/v1", "hi", &json!({}), |asked, _| {
        is_page(asked, Status::Permission, 403, "403");
    });
}

#[test]
fn haproxys_429_is_waited_out_as_its_retry_after_says() {
    let Some(front) = Front::haproxy() else { return };
    front.every_way("/limited/v1", "hi", &json!({"max_retries": 1}), |asked, _| {
        assert_eq!(
            (asked.status, asked.message()),
            (Status::RateLimited, "slow down"),
            "{asked:?}"
        );
        assert_eq!(
            (asked.attempts(), &asked.document["error"]["retry_after_ms"]),
            (2, &json!(1000))
        );
        assert!(asked.took >= Duration::from_secs(1), "{:?}", asked.took);
    });
}

/// Stopped by the system: connections are still made and nothing comes out of them, no reset either.
#[test]
fn a_front_that_hangs_is_a_timeout_and_can_be_cancelled() {
    for front in [Front::nginx(), Front::haproxy()].into_iter().flatten() {
        let limited = ["timeout_ms", "idle_timeout_ms", "deadline_ms"].map(|limit| {
            (
                limit,
                front.clients("/v1", &json!({limit: 300, "connect_timeout_ms": 600})),
            )
        });
        front.process.signal("STOP");
        for (limit, clients) in &limited {
            for (number, client) in clients.iter().enumerate() {
                for stream in [false, true] {
                    let asked = ask(client, stream, "hi");
                    assert_eq!(asked.status, Status::Timeout, "{asked:?}");
                    // The handshake is a part of connecting, and knows no idle limit.
                    let in_handshake = number == 1 && *limit == "idle_timeout_ms";
                    let limit = if in_handshake { "connect_timeout_ms" } else { limit };
                    assert!(asked.message().contains(limit), "{asked:?}");
                    assert!(asked.took >= Duration::from_millis(295), "{:?}", asked.took);
                }
            }
        }
        for client in front.clients("/v1", &json!({})) {
            for stream in [false, true] {
                assert!(time_to_cancel(&client, stream, "hi", a_moment) < Duration::from_secs(2));
            }
        }
        front.process.signal("CONT");
        front.every_way("/v1", "hi", &json!({}), |asked, _| {
            assert_eq!(asked.status, Status::Ok, "{asked:?}");
        });
    }
}

#[test]
fn a_connection_that_haproxy_closes_at_rest_costs_no_call() {
    let Some(front) = Front::haproxy() else { return };
    for client in front.clients("/v1", &json!({})) {
        for number in 0..6 {
            assert_eq!(ask(&client, number % 2 == 1, "hi").status, Status::Ok);
            // haproxy.cfg: timeout http-keep-alive 100ms.
            std::thread::sleep(Duration::from_millis(85 + 10 * number));
        }
    }
    assert_eq!(front.service.request_count(), 12);
}
