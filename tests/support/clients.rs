//! Clients for test servers.

use super::http::Server;
use kuai::{Answer, Cancel, Client, Request, Status};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

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
    // Without TLS nobody needs what SSL_CERT_FILE names, and reading that takes longer than many calls.
    let mut config = json!({"api_key": KEY, "base_url": base_url, "max_retries": 0, "ca_file": ""});
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

/// How a question ended.
#[derive(Debug)]
pub struct Asked {
    pub status: Status,
    pub http_status: u16,
    /// Of a stream: the pieces that came, also before a failure.
    pub text: String,
    /// The answer's or the failure's document.
    pub document: Value,
    pub took: Duration,
}

impl Asked {
    pub fn message(&self) -> &str {
        self.document["error"]["message"].as_str().unwrap_or_default()
    }

    pub fn attempts(&self) -> u64 {
        self.document["error"]["attempts"].as_u64().unwrap_or_default()
    }
}

/// Asks as a plain call, or as a stream that is read to its end.
pub fn ask(client: &Client, stream: bool, content: &str) -> Asked {
    let start = Instant::now();
    if !stream {
        let answer = client.chat_complete(&question(content));
        return asked(&answer, answer.text().to_owned(), start);
    }
    let mut stream = client.chat_stream(&question(content));
    let mut pieces = String::new();
    while stream.next() == Status::Ok {
        pieces += stream.text();
    }
    asked(stream.result(), pieces, start)
}

fn asked(answer: &Answer, text: String, start: Instant) -> Asked {
    Asked {
        took: start.elapsed(),
        status: answer.status(),
        http_status: answer.http_status(),
        document: serde_json::from_str(answer.json()).unwrap_or(Value::Null),
        text,
    }
}

pub fn a_moment() {
    std::thread::sleep(Duration::from_millis(100));
}

/// Asks, waits beside it, pulls the call's switch, and gives how long it went on after that.
pub fn time_to_cancel(client: &Client, stream: bool, content: &str, wait: impl FnOnce() + Send) -> Duration {
    let cancel = Cancel::new();
    let mut request = Request::new("chat.completions.create", Some(&question(content)), None).unwrap();
    request.cancel_with(&cancel);
    let call = || {
        if !stream {
            return client.send(&request).status();
        }
        let mut stream = client.open(&request);
        while stream.next() == Status::Ok {}
        stream.result().status()
    };
    lateness(wait, || cancel.trigger(), call)
}

/// Waits beside a call, cancels it, and gives how long it went on after that.
pub fn lateness(wait: impl FnOnce() + Send, cancel: impl FnOnce() + Send, call: impl FnOnce() -> Status) -> Duration {
    std::thread::scope(|scope| {
        let canceller = scope.spawn(|| {
            wait();
            let at = Instant::now();
            cancel();
            at
        });
        let status = call();
        let end = Instant::now();
        assert_eq!(status, Status::Cancelled);
        end.duration_since(canceller.join().unwrap())
    })
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
