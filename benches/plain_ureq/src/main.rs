//! ureq and serde_json as they come, doing the same: `plain_ureq WHAT COUNT BASE_URL [CA_FILE]`.

use std::io::{BufRead, BufReader};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

const CHAT: &str = r#"{"model":"gpt-4.1","messages":[{"role":"system","content":"You are a helpful assistant."},{"role":"user","content":"Hello!"}]}"#;
const EMBEDDINGS: &str =
    r#"{"model":"text-embedding-3-large","input":["The food was delicious and the waiter very friendly."]}"#;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, what, count, base_url, ca_file @ ..] = &arguments[..] else {
        panic!("plain_ureq WHAT COUNT BASE_URL [CA_FILE]");
    };
    let count: usize = count.parse().expect("a number");
    let agent = agent(ca_file.first());
    match what.as_str() {
        "chat" => (0..count).for_each(|_| chat(&agent, base_url)),
        "stream" => stream(&agent, base_url, count),
        "embeddings" => (0..count).for_each(|_| embeddings(&agent, base_url)),
        _ => panic!("what is {what}?"),
    }
}

fn agent(ca_file: Option<&String>) -> ureq::Agent {
    let mut config = ureq::Agent::config_builder();
    if let Some(path) = ca_file {
        let pem = std::fs::read(path).expect("a file");
        let certificates: Vec<Certificate<'static>> = parse_pem(&pem)
            .filter_map(|item| match item {
                Ok(PemItem::Certificate(certificate)) => Some(certificate),
                _ => None,
            })
            .collect();
        config = config.tls_config(TlsConfig::builder().root_certs(RootCerts::from(certificates)).build());
    }
    config.build().into()
}

fn post(agent: &ureq::Agent, base_url: &str, path: &str, body: &str) -> ureq::http::Response<ureq::Body> {
    agent
        .post(format!("{base_url}{path}"))
        .header("Content-Type", "application/json")
        .header("Authorization", "Bearer sk-bench")
        .send(body)
        .expect("an answer")
}

fn chat(agent: &ureq::Agent, base_url: &str) {
    let mut answer = post(agent, base_url, "/chat/completions", CHAT);
    let text = answer.body_mut().read_to_string().expect("a body");
    let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert!(json["choices"][0]["message"]["content"].is_string());
}

fn stream(agent: &ureq::Agent, base_url: &str, count: usize) {
    let request = CHAT
        .replace("gpt-4.1", &format!("e{count}"))
        .replace("\"messages\"", "\"stream\":true,\"messages\"");
    let answer = post(agent, base_url, "/chat/completions", &request);
    let mut lines = BufReader::new(answer.into_body().into_reader());
    let (mut line, mut seen) = (String::new(), 0);
    while lines.read_line(&mut line).expect("a line") > 0 {
        if let Some(data) = line.strip_prefix("data: {") {
            let json: serde_json::Value = serde_json::from_str(&line[line.len() - data.len() - 1..]).expect("JSON");
            assert!(json["choices"][0]["delta"].is_object());
            seen += 1;
        }
        line.clear();
    }
    assert_eq!(seen, count + 1);
}

fn embeddings(agent: &ureq::Agent, base_url: &str) {
    let mut answer = post(agent, base_url, "/embeddings", EMBEDDINGS);
    let body = answer
        .body_mut()
        .with_config()
        .limit(64 << 20)
        .read_to_vec()
        .expect("a body");
    assert!(body.len() > 5_000_000);
}
