//! What SECURITY.md promises, as far as a whole process is needed to see it.

use crate::program::{C99, command, compile, succeed};
use crate::support::http::{Options, Server};
use crate::support::openai::Service;
use crate::support::tls::{Authority, Tls};

#[test]
fn the_key_is_nowhere_in_memory_once_its_client_is_freed() {
    const KEY: &str = "sk-0123456789-a-key-like-no-other";
    let Some(program) = compile(C99, "tests/c/wiped.c") else {
        return;
    };
    let masked: String = KEY.bytes().map(|byte| char::from(byte + 1)).collect();
    for tls in [false, true] {
        let authority = Authority::new();
        let ca_file = authority.ca_pem();
        let options = Options {
            tls: tls.then(|| Tls::new(authority.clone())),
            ..Options::default()
        };
        let server = Server::with(options, Service::with_key(KEY).handler()).expect("a free port on loopback");
        let mut command = command(&program, "http://127.0.0.1:9/v1");
        command.arg(server.url("/v1")).arg(&ca_file).arg(&masked);
        assert_eq!(succeed(&mut command), "the key is gone\n", "tls={tls}");
    }
}

#[test]
fn no_variable_switches_the_verification_of_certificates_off() {
    let Some(program) = compile(C99, "tests/c/status.c") else {
        return;
    };
    let server = Service::start_tls();
    let ask = |variables: &[(&str, &str)]| {
        let mut command = command(&program, &server.url("/v1"));
        succeed(command.envs(variables.iter().copied()))
    };
    let ca_file = server.ca_pem();
    assert_eq!(ask(&[("SSL_CERT_FILE", ca_file.to_str().unwrap())]), "ok\n");
    for name in [
        "NODE_TLS_REJECT_UNAUTHORIZED",
        "PYTHONHTTPSVERIFY",
        "SSL_VERIFY",
        "VERIFY_SSL",
        "CURL_SSL_VERIFYPEER",
        "OPENAI_VERIFY_SSL_CERTS",
    ] {
        assert_eq!(ask(&[(name, "0")]), "tls\n", "{name}");
    }
    for name in [
        "GIT_SSL_NO_VERIFY",
        "CURL_INSECURE",
        "SSL_NO_VERIFY",
        "INSECURE",
        "KUAI_INSECURE_TLS",
        "SSLKEYLOGFILE",
    ] {
        assert_eq!(ask(&[(name, "1")]), "tls\n", "{name}");
    }
}
