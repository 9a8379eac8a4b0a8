//! Certificates: whom the client believes, and who it says it is.

mod support;

use kuai::{Client, Status};
use serde_json::{Value, json};
use std::path::Path;
use support::clients::{KEY, client, client_with, completion, question};
use support::http::{Cut, Framing, Options, Reply, Request, Server};
use support::tls::{Authority, Tls, TlsOptions};

fn answering(_: &Request, reply: &mut Reply<'_>) -> std::io::Result<()> {
    reply.json(200, &completion("hi"))
}

fn server(tls: Tls) -> Server {
    let options = Options {
        tls: Some(tls),
        ..Options::default()
    };
    Server::with(options, answering).unwrap()
}

fn path(path: &Path) -> Value {
    path.to_str().unwrap().into()
}

#[test]
fn a_certificate_of_a_known_authority_is_believed() {
    let server = Server::start_tls(answering);
    let ca_file = path(&server.ca_pem());
    for roots in ["bundled", "file"] {
        let client = client_with(&server, json!({"tls_roots": roots, "ca_file": ca_file}));
        assert_eq!(client.chat_complete(&question("hi")).status(), Status::Ok, "{roots}");
    }
}

#[test]
fn tls_1_2_is_spoken_too() {
    let authority = Authority::new();
    let options = TlsOptions {
        version: Some(&rustls::version::TLS12),
        ..TlsOptions::default()
    };
    let server = server(Tls::make(authority, &options));
    assert_eq!(client(&server).chat_complete(&question("hi")).status(), Status::Ok);
}

#[test]
fn a_certificate_that_is_not_to_be_believed_is_refused() {
    let authority = Authority::new();
    let expired = TlsOptions {
        expired: true,
        ..TlsOptions::default()
    };
    let of_another = TlsOptions {
        names: &["elsewhere.test"],
        ..TlsOptions::default()
    };
    for (options, code) in [(expired, "Expired"), (of_another, "NotValidForName")] {
        let server = server(Tls::make(authority.clone(), &options));
        let answer = client_with(&server, json!({"max_retries": 2})).chat_complete(&question("hi"));
        let error = answer.error().unwrap();
        assert_eq!(error.status, Status::Tls, "{}", answer.json());
        assert!(
            error.code.as_deref().unwrap().starts_with(code) || code == "NotValidForName",
            "{}",
            answer.json()
        );
        assert_eq!(error.attempts, 1, "another attempt would change nothing");
        assert_eq!(server.request_count(), 0);
    }
    // A server whose authority we do not know.
    let server = Server::start_tls(answering);
    let config = json!({"api_key": KEY, "base_url": server.url("/v1")});
    let answer = Client::new(Some(&config.to_string()))
        .unwrap()
        .chat_complete(&question("hi"));
    assert_eq!(answer.status(), Status::Tls, "{}", answer.json());
    assert_eq!(answer.error().unwrap().code.as_deref(), Some("UnknownIssuer"));
}

#[test]
fn a_self_signed_certificate_of_an_authority_is_refused_in_words_that_help() {
    let folder = std::env::temp_dir().join(format!("kuai-tls-self-signed-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (cert, key_file) = (folder.join("cert.pem"), folder.join("key.pem"));
    let mut params = rcgen::CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = rcgen::KeyPair::generate().unwrap();
    std::fs::write(&cert, params.self_signed(&key).unwrap().pem()).unwrap();
    std::fs::write(&key_file, key.serialize_pem()).unwrap();
    let server = server(Tls::from_files(&cert, &key_file).unwrap());
    let config = json!({"api_key": KEY, "base_url": server.url("/v1"), "ca_file": path(&cert)});
    let answer = Client::new(Some(&config.to_string()))
        .unwrap()
        .chat_complete(&question("hi"));
    let error = answer.error().unwrap();
    assert_eq!(
        (error.status, error.code.as_deref()),
        (Status::Tls, Some("CaUsedAsEndEntity"))
    );
    assert!(
        error.message.contains("CA:TRUE") && error.message.contains("ca_file"),
        "{}",
        error.message
    );
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_server_that_speaks_no_tls_is_told_as_that() {
    let server = Server::start_raw(|wire| {
        // What is closed with something unread is reset.
        wire.fill()?;
        wire.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    });
    let config =
        json!({"api_key": KEY, "base_url": format!("https://127.0.0.1:{}/v1", server.port()), "max_retries": 0});
    let answer = Client::new(Some(&config.to_string()))
        .unwrap()
        .chat_complete(&question("hi"));
    assert_eq!(answer.status(), Status::Tls, "{}", answer.json());
}

#[test]
fn a_handshake_that_is_cut_is_a_broken_connection_and_tried_again() {
    for how in [Cut::FinWithoutCloseNotify, Cut::Rst] {
        for count in [0, 1, 100] {
            let server = server(Tls::new(Authority::new()).cut_after(count, how));
            let client = client_with(&server, json!({"max_retries": 1}));
            let answer = client.chat_complete(&question("hi"));
            assert_eq!(
                answer.status(),
                Status::Connection,
                "{how:?} {count}: {}",
                answer.json()
            );
            assert!(answer.json().contains("handshake"), "{}", answer.json());
            assert_eq!(answer.error().unwrap().attempts, 2);
        }
    }
}

#[test]
fn the_client_shows_its_certificate_to_a_service_that_asks() {
    let authority = Authority::new();
    let options = TlsOptions {
        clients: Some(&authority),
        ..TlsOptions::default()
    };
    let server = server(Tls::make(authority.clone(), &options));
    let identity = authority.identity(&["client"]);
    let (cert, key) = (path(&identity.cert_pem), path(&identity.key_pem));
    let client = client_with(&server, json!({"client_cert_file": cert, "client_key_file": key}));
    assert_eq!(client.chat_complete(&question("hi")).status(), Status::Ok);
    assert!(server.last_request().client_certificate.is_some());

    let nobody = client_with(&server, json!({}));
    let answer = nobody.chat_complete(&question("hi"));
    assert!(
        matches!(answer.status(), Status::Tls | Status::Connection),
        "{}",
        answer.json()
    );
}

#[test]
fn files_that_cannot_be_used_are_told_when_the_client_is_made() {
    let authority = Authority::new();
    let (one, other) = (authority.identity(&["one"]), authority.identity(&["other"]));
    let ca = authority.ca_pem();
    let (cert, key, wrong_key) = (path(&one.cert_pem), path(&one.key_pem), path(&other.key_pem));
    for (config, named) in [
        (json!({"ca_file": "/nonexistent.pem"}), "ca_file"),
        (json!({"ca_file": key}), "ca_file"),
        (
            json!({"client_cert_file": cert, "client_key_file": "/nonexistent.pem"}),
            "client_key_file",
        ),
        (
            json!({"client_cert_file": cert, "client_key_file": wrong_key}),
            "client_cert_file",
        ),
        (
            json!({"client_cert_file": cert, "client_key_file": path(&ca)}),
            "client_key_file",
        ),
        (json!({"client_key_file": key}), "client_cert_file"),
        (json!({"tls_roots": "file", "ca_file": ""}), "ca_file"),
    ] {
        let mut config = config;
        config["base_url"] = "https://127.0.0.1:1/v1".into();
        config["api_key"] = KEY.into();
        let error = Client::new(Some(&config.to_string())).unwrap_err();
        assert_eq!(error.status, Status::Config, "{config}");
        assert!(error.message.contains(named), "{}", error.message);
    }
}

#[test]
fn a_body_that_only_the_connections_end_delimits_needs_tls_s_own_end() {
    for (end, status) in [(Cut::Fin, Status::Ok), (Cut::FinWithoutCloseNotify, Status::Connection)] {
        let server = Server::start_tls(move |_, reply| {
            reply.head(200, &[("content-type", "application/json")], Framing::Close)?;
            reply.piece(completion("hi").as_bytes())?;
            reply.cut(end)
        });
        assert_eq!(
            client(&server).chat_complete(&question("hi")).status(),
            status,
            "{end:?}"
        );
    }
}

#[test]
fn no_answer_over_plain_http_is_taken_for_one_over_tls() {
    let server = Server::start(answering);
    let config = json!({"api_key": KEY, "base_url": server.url("/v1").replace("http:", "https:"), "max_retries": 0});
    let answer = Client::new(Some(&config.to_string()))
        .unwrap()
        .chat_complete(&question("hi"));
    assert_ne!(answer.status(), Status::Ok);
    assert_eq!(answer.http_status(), 0);
}
