//! The key is where it belongs, in the request's header to its own service, and nowhere else.

mod support;

use kuai::Client;
use serde_json::json;
use support::clients::{client_with, question};
use support::http::Server;
use support::openai::Service;

const SECRET: &str = "sk-secret-0123456789";

fn service() -> Server {
    Server::with(Default::default(), Service::with_key("another").handler()).unwrap()
}

#[test]
fn a_service_that_repeats_the_key_does_not_get_it_into_a_document() {
    let server = service();
    let client = client_with(&server, json!({"api_key": SECRET}));
    let echoing = Server::start(|request, reply| {
        let key = request.header("authorization").unwrap().to_owned();
        let error = json!({"error": {"message": format!("wrong key: {key}"), "code": key, "given": {"key": key}}});
        reply.json(401, &error.to_string())
    });
    for server in [&server, &echoing] {
        let client = client_with(server, json!({"api_key": SECRET}));
        let answer = client.chat_complete(&question("hi"));
        assert_eq!(answer.http_status(), 401);
        assert!(!answer.json().contains(SECRET), "{}", answer.json());
        let mut stream = client.chat_stream(&question("hi"));
        assert_eq!(stream.next(), kuai::Status::Authentication);
        assert!(!stream.result().json().contains(SECRET));
        assert!(!format!("{:?} {:?}", answer.error(), client).contains(SECRET));
    }
    assert!(!format!("{client:?}").contains(SECRET));
    assert_eq!(
        echoing.last_request().header("authorization"),
        Some(format!("Bearer {SECRET}").as_str())
    );
}

#[test]
fn no_failure_to_connect_tells_the_key_or_a_proxys_password() {
    let proxies = [
        "http://user:hunter2222@127.0.0.1:9",
        "socks5h://user:hunter2222@127.0.0.1:9",
    ];
    for config in [
        json!({"base_url": "http://127.0.0.1:9/v1"}),
        json!({"base_url": "https://127.0.0.1:9/v1"}),
        json!({"base_url": "http://name.invalid/v1"}),
        json!({"base_url": "http://127.0.0.1:9/v1", "proxy": proxies[0]}),
        json!({"base_url": "https://127.0.0.1:9/v1", "proxy": proxies[1]}),
    ] {
        let mut config = config;
        config["api_key"] = SECRET.into();
        config["max_retries"] = 0.into();
        let client = Client::new(Some(&config.to_string())).unwrap();
        let answer = client.chat_complete(&question("hi"));
        let seen = format!("{} {:?} {client:?}", answer.json(), answer.error());
        assert_eq!(answer.status(), kuai::Status::Connection, "{seen}");
        assert!(!seen.contains(SECRET) && !seen.contains("hunter2222"), "{seen}");
    }
}

#[test]
fn a_wrong_configuration_is_told_without_its_secrets() {
    for config in [
        json!({"api_key": format!("{SECRET}\u{e9}")}),
        json!({"api_key": format!("{SECRET}\n{SECRET}")}),
        json!({"api_key": SECRET, "base_url": format!("https://user:{SECRET}@host/v1")}),
        json!({"api_key": SECRET, "proxy": format!("ftp://user:{SECRET}@host")}),
        json!({"api_key": SECRET, "headers": {"X-Key": format!("{SECRET}\n")}}),
    ] {
        let error = Client::new(Some(&config.to_string())).unwrap_err();
        assert!(!format!("{error} {error:?}").contains(SECRET), "{error}");
    }
}

#[test]
fn the_tests_that_security_md_names_are_there() {
    fn read_all(folder: &std::path::Path, out: &mut String) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                read_all(&path, out);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                out.push_str(&std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = String::new();
    read_all(&root.join("src"), &mut sources);
    read_all(&root.join("tests"), &mut sources);
    let document = std::fs::read_to_string(root.join("SECURITY.md")).unwrap();
    let mut count = 0;
    for name in document.split('`').skip(1).step_by(2) {
        let is_file = name.starts_with("src/") || name.starts_with("tests/") || name.starts_with("fuzz/");
        let is_test = name.split('_').count() > 3;
        assert!(!is_file || root.join(name).exists(), "{name}");
        assert!(!is_test || sources.contains(&format!("fn {name}(")), "{name}");
        count += usize::from(is_file || is_test);
    }
    assert!(count > 15, "{count}");
}
