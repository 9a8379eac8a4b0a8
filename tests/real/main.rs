//! The same C, PHP and Python programs against servers that nobody here wrote: llama.cpp's own and aimock, directly and behind stunnel; and
//! through proxies that nobody here wrote: tinyproxy and microsocks; and haproxy's refusals. What nginx, haproxy and squid do to a call on its
//! way is looked at from Rust (fronts.rs, squid.rs).
//!
//! tests/real/setup.sh gets the servers. What cannot be had is told and skipped, unless `CI=true`: then it is a failure.

mod fronts;
#[path = "../native/program.rs"]
#[allow(dead_code)] // Each test binary uses another part of it.
mod program;
mod servers;
mod squid;
#[path = "../support/mod.rs"]
mod support;
#[path = "../native/tools.rs"]
#[allow(dead_code)]
mod tools;

use program::{C99, compile};
use serde_json::{Value, json};
use servers::{Proxy, Server, python};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use tools::{has, library, root};

const SENTENCE: &str = "Hello from a tiny local model: your first call works.";
const INTRODUCTION: &str = "你好！我是一个助手 😊👩‍💻，很高兴认识你。";

/// The program in each language in which it can be run here.
fn languages() -> Vec<(&'static str, Command)> {
    let mut languages = Vec::new();
    let with_header = |interpreter: PathBuf, program: &str| {
        let mut command = Command::new(interpreter);
        command.arg(root().join("tests/real/programs").join(program));
        command
            .arg(root().join("include/kuai_ffi.h"))
            .arg(library().join("libkuai.so"));
        command
    };
    static COMPILED: OnceLock<Option<PathBuf>> = OnceLock::new();
    if let Some(program) = COMPILED.get_or_init(|| compile(C99, "tests/real/programs/ask.c")) {
        languages.push(("C", Command::new(program)));
    }
    if has("php", "php-cli") {
        languages.push(("PHP", with_header("php".into(), "ask.php")));
    }
    if let Some(python) = python() {
        languages.push(("Python", with_header(python, "ask.py")));
    }
    languages
}

/// What one program printed: the lines by their names.
type Printed = BTreeMap<String, String>;

fn ask(program: &Command, config: &Value, how: &str, operation: &str, params: &str) -> Printed {
    let mut command = Command::new(program.get_program());
    command.args(program.get_args()).arg(config.to_string());
    command.args([how, operation, params]).env("LC_ALL", "C.UTF-8");
    let printed = program::succeed(&mut command);
    printed
        .lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, text)| (name.to_owned(), text.to_owned()))
        .collect()
}

/// The status and the HTTP status.
fn outcome(printed: &Printed) -> (&str, &str) {
    (&printed["status"], &printed["http"])
}

/// Asks in every language, of the server itself and of the server behind TLS; `check` looks at each outcome.
fn everywhere(server: &Server, how: &str, operation: &str, params: &Value, more: &Value, check: impl Fn(&Printed)) {
    let mut count = 0;
    for config in server.configurations(more) {
        for (language, program) in languages() {
            let printed = ask(&program, &config, how, operation, &params.to_string());
            println!(
                "{language}, {}: {} {}",
                config["base_url"], printed["status"], printed["http"]
            );
            check(&printed);
            count += 1;
        }
    }
    assert!(count > 0, "no language was tried");
}

fn question(content: &str) -> Value {
    json!({"model": "tiny", "temperature": 0, "messages": [{"role": "user", "content": content}]})
}

#[test]
fn llama_cpp_answers() {
    let Some(server) = Server::llama_cpp() else { return };
    let chat = |printed: &Printed| {
        assert_eq!(outcome(printed), ("ok", "200"), "{printed:?}");
        assert_eq!(printed["text"].trim(), SENTENCE);
    };
    everywhere(
        &server,
        "call",
        "chat.completions.create",
        &question("请介绍一下你自己"),
        &json!({}),
        chat,
    );
    everywhere(
        &server,
        "stream",
        "chat.completions.create",
        &question("hi"),
        &json!({}),
        |printed| {
            assert_eq!(outcome(printed), ("ok", "200"), "{printed:?}");
            assert_eq!(printed["pieces"], printed["text"]);
            assert_eq!(
                (printed["text"].trim(), printed["several events"].as_str()),
                (SENTENCE, "yes")
            );
        },
    );
    let response = json!({"model": "tiny", "temperature": 0, "input": "hi"});
    everywhere(&server, "call", "responses.create", &response, &json!({}), chat);
    everywhere(
        &server,
        "stream",
        "responses.create",
        &response,
        &json!({}),
        |printed| {
            chat(printed);
            assert_eq!(printed["pieces"], printed["text"]);
        },
    );
    everywhere(
        &server,
        "call",
        "completions.create",
        &json!({"model": "tiny", "prompt": "hi>", "temperature": 0, "max_tokens": 20}),
        &json!({}),
        chat,
    );
    let input = json!({"model": "tiny", "input": ["one", "two"]});
    everywhere(&server, "call", "embeddings.create", &input, &json!({}), |printed| {
        let answer: Value = serde_json::from_str(&printed["json"]).unwrap();
        assert_eq!(answer["data"].as_array().map(Vec::len), Some(2), "{printed:?}");
        assert!(answer["data"][0]["embedding"].as_array().unwrap().len() > 8);
    });
    everywhere(&server, "call", "models.list", &json!({}), &json!({}), |printed| {
        let answer: Value = serde_json::from_str(&printed["json"]).unwrap();
        assert_eq!(answer["data"][0]["id"], "tiny");
    });
}

#[test]
fn llama_cpp_refuses() {
    let Some(server) = Server::llama_cpp() else { return };
    let refusal = |status: &'static str, http: &'static str, words: &'static str| {
        move |printed: &Printed| {
            assert_eq!(outcome(printed), (status, http), "{printed:?}");
            assert!(printed["error"].contains(words), "{printed:?}");
            let document: Value = serde_json::from_str(&printed["json"]).unwrap();
            assert_eq!(document["error"]["http_status"], http.parse::<u32>().unwrap());
            assert_eq!(document["error"]["attempts"], 1);
        }
    };
    let wrong_key = json!({"api_key": "sk-wrong-key"});
    for how in ["call", "stream"] {
        everywhere(
            &server,
            how,
            "chat.completions.create",
            &question("hi"),
            &wrong_key,
            refusal("authentication", "401", "Invalid API Key"),
        );
        let wrong_type = json!({"messages": [{"role": "user", "content": "hi"}], "max_tokens": "many"});
        everywhere(
            &server,
            how,
            "chat.completions.create",
            &wrong_type,
            &json!({}),
            |printed| {
                assert_eq!(printed["status"], "bad_request", "{printed:?}");
            },
        );
    }
    everywhere(
        &server,
        "call",
        "POST /no/such/thing",
        &json!({}),
        &json!({}),
        refusal("not_found", "404", "File Not Found"),
    );
    let long = json!({"prompt": "x ".repeat(4000)});
    everywhere(
        &server,
        "call",
        "completions.create",
        &long,
        &json!({}),
        refusal("bad_request", "400", "context size"),
    );
}

#[test]
fn aimock_answers() {
    let Some(server) = Server::aimock(&[]) else { return };
    let chat = |printed: &Printed| {
        assert_eq!(outcome(printed), ("ok", "200"), "{printed:?}");
        assert_eq!(printed["text"], INTRODUCTION, "byte for byte");
    };
    let asked = question("请介绍一下你自己");
    everywhere(&server, "call", "chat.completions.create", &asked, &json!({}), chat);
    let response = json!({"model": "tiny", "input": "请介绍一下你自己"});
    for (operation, params) in [("chat.completions.create", &asked), ("responses.create", &response)] {
        everywhere(&server, "stream", operation, params, &json!({}), |printed| {
            chat(printed);
            assert_eq!(printed["pieces"], INTRODUCTION);
        });
    }
    everywhere(
        &server,
        "call",
        "embeddings.create",
        &json!({"model": "m", "input": "embed me"}),
        &json!({}),
        |printed| {
            let answer: Value = serde_json::from_str(&printed["json"]).unwrap();
            assert_eq!(answer["data"][0]["embedding"], json!([0.25, -0.5, 1]));
        },
    );
    for how in ["call", "stream"] {
        everywhere(
            &server,
            how,
            "chat.completions.create",
            &question("weather"),
            &json!({}),
            |printed| {
                let answer: Value = serde_json::from_str(&printed["json"]).unwrap();
                let function = &answer["choices"][0]["message"]["tool_calls"][0]["function"];
                assert_eq!(
                    function,
                    &json!({"name": "get_weather", "arguments": "{\"city\":\"北京\"}"}),
                    "{printed:?}"
                );
            },
        );
    }
}

#[test]
fn aimock_refuses() {
    let Some(server) = Server::aimock(&[]) else { return };
    let wrong_key = json!({"api_key": "sk-wrong-key"});
    everywhere(
        &server,
        "call",
        "chat.completions.create",
        &question("hi"),
        &wrong_key,
        |printed| {
            assert_eq!(outcome(printed), ("authentication", "401"), "{printed:?}");
        },
    );
    for how in ["call", "stream"] {
        let once = json!({"max_retries": 0});
        everywhere(
            &server,
            how,
            "chat.completions.create",
            &question("limited"),
            &once,
            |printed| {
                assert_eq!(outcome(printed), ("rate_limited", "429"), "{printed:?}");
                let document: Value = serde_json::from_str(&printed["json"]).unwrap();
                assert_eq!(document["error"]["retry_after_ms"], 1000);
                assert!(document["error"]["request_id"].as_str().unwrap().starts_with("req-"));
            },
        );
    }
}

#[test]
fn aimocks_chaos_is_told_as_what_it_is() {
    let kinds: [(&[&str], &[&str]); 4] = [
        (&["--chaos-disconnect", "1"], &["connection"]),
        (&["--chaos-malformed", "1"], &["protocol"]),
        (&["--chaos-ratelimit", "1"], &["rate_limited"]),
        (&["--chaos-drop", "1"], &["server"]),
    ];
    for (chaos, statuses) in kinds {
        let Some(server) = Server::aimock(chaos) else { return };
        for how in ["call", "stream"] {
            let once = json!({"max_retries": 0});
            everywhere(
                &server,
                how,
                "chat.completions.create",
                &question("请介绍一下你自己"),
                &once,
                |printed| {
                    assert!(statuses.contains(&printed["status"].as_str()), "{chaos:?}: {printed:?}");
                },
            );
        }
    }
}

#[test]
fn haproxys_refusals_are_tried_again_as_it_asks() {
    let Some(server) = Server::haproxy() else { return };
    let config = &server.configurations(&json!({"max_retries": 1}))[0];
    for (language, program) in languages() {
        let printed = ask(&program, config, "call", "GET /limited", "{}");
        assert_eq!(outcome(&printed), ("rate_limited", "429"), "{language}: {printed:?}");
        let document: Value = serde_json::from_str(&printed["json"]).unwrap();
        assert_eq!(
            (&document["error"]["attempts"], &document["error"]["retry_after_ms"]),
            (&json!(2), &json!(1000))
        );
    }
    let hanging = &server.configurations(&json!({"max_retries": 0, "timeout_ms": 500}))[0];
    for (language, program) in languages() {
        assert_eq!(
            ask(&program, hanging, "call", "GET /hang", "{}")["status"],
            "timeout",
            "{language}"
        );
    }
}

#[test]
fn proxies_that_nobody_here_wrote_let_us_through() {
    let Some(server) = Server::aimock(&[]) else { return };
    let Some((_, program)) = languages().into_iter().next() else {
        return;
    };
    for proxy in Proxy::all() {
        for right in server.configurations(&json!({"proxy": proxy.url("user", "pass-word")})) {
            let printed = ask(
                &program,
                &right,
                "call",
                "chat.completions.create",
                &question("请介绍一下你自己").to_string(),
            );
            assert_eq!(printed["text"], INTRODUCTION, "{}: {printed:?}", proxy.name);
        }
        for wrong in server.configurations(&json!({"proxy": proxy.url("user", "wrong"), "max_retries": 0})) {
            let printed = ask(
                &program,
                &wrong,
                "call",
                "chat.completions.create",
                &question("请介绍一下你自己").to_string(),
            );
            assert_ne!(printed["status"], "ok", "{}: {printed:?}", proxy.name);
            assert!(!printed["json"].contains("wrong"), "{}: {printed:?}", proxy.name);
        }
    }
}
