//! Clients for test servers.

use super::http::Server;
use kuai::Client;
use serde_json::{Value, json};

pub const KEY: &str = "sk-test-not-a-real-key";

/// A client of this server; `more` is laid over the plain configuration.
pub fn client_with(server: &Server, more: Value) -> Client {
    Client::new(Some(&config(server, more).to_string())).unwrap()
}

/// A client that tries once.
pub fn client(server: &Server) -> Client {
    client_with(server, json!({}))
}

pub fn config(server: &Server, more: Value) -> Value {
    let base_url = server.url("/v1");
    let mut config = json!({"api_key": KEY, "base_url": base_url, "max_retries": 0});
    if base_url.starts_with("https") {
        config["ca_file"] = server.ca_pem().to_str().unwrap().into();
    }
    for (key, value) in more.as_object().unwrap() {
        config[key] = value.clone();
    }
    config
}

/// A chat request of one message.
pub fn question(content: &str) -> String {
    json!({"model": "m", "messages": [{"role": "user", "content": content}]}).to_string()
}

/// A good chat answer with this content.
pub fn completion(content: &str) -> String {
    json!({"id": "c1", "object": "chat.completion", "choices": [
        {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"},
    ]})
    .to_string()
}

/// The events of a good chat stream whose text comes in these pieces.
pub fn stream_events(pieces: &[&str]) -> Vec<String> {
    let chunk = |delta: Value, finish: Value| {
        json!({"id": "c1", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}).to_string()
    };
    let mut events = vec![chunk(json!({"role": "assistant", "content": ""}), Value::Null)];
    events.extend(pieces.iter().map(|piece| chunk(json!({"content": piece}), Value::Null)));
    events.push(chunk(json!({}), "stop".into()));
    events.push("[DONE]".into());
    events
}
