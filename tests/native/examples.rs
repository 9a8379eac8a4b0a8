//! Every program of examples-c says what it should, and leaves nothing behind.

mod media;

use crate::program::{C99, CLANG_C99, CLANG_CXX17, CLANG_CXX20, CXX17, CXX20, Compiler};
use crate::program::{command, compile, finish, start, succeed_with, under_valgrind};
use crate::support::http::Server;
use crate::support::openai::{KEY, Service};
use crate::tools::{root, scratch};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

const INTRODUCTION: &str = "我是 libkuai 的替身服务";

/// Compiles an example with both compilers, runs it plainly and under valgrind, and hands what it prints to `check`.
fn example(source: &str, arguments: &[&str], input: &str, check: impl Fn(&str)) {
    let prepare = |command: &mut Command| {
        command.args(arguments);
    };
    example_on(&Service::start(), source, prepare, input, check);
}

/// The same on a server that can be looked into, with a command that `prepare` completes.
fn example_on(server: &Server, source: &str, prepare: impl Fn(&mut Command), input: &str, check: impl Fn(&str)) {
    let compilers: &[Compiler] = if source.ends_with(".cpp") {
        &[CXX17, CXX20, CLANG_CXX17, CLANG_CXX20]
    } else {
        &[C99, CLANG_C99]
    };
    let base_url = server.url("/v1");
    for (index, compiler) in compilers.iter().enumerate() {
        let Some(program) = compile(*compiler, &format!("examples-c/{source}")) else {
            continue;
        };
        let plain = Some(command(&program, &base_url));
        let valgrind = if index == 0 {
            under_valgrind(&program, &base_url)
        } else {
            None
        };
        for mut command in [plain, valgrind].into_iter().flatten() {
            prepare(&mut command);
            check(&succeed_with(&mut command, input));
        }
    }
}

#[test]
fn hello_prints_the_answer() {
    example("hello.c", &[], "", |printed| assert_eq!(printed, "1+100=101\n"));
}

#[test]
fn hello_in_cpp_prints_the_answer_and_its_tokens() {
    example("hello.cpp", &[], "", |printed| {
        assert!(printed.starts_with("1+100=101\ntokens: "), "{printed}")
    });
}

#[test]
fn a_conversation_keeps_its_history() {
    example(
        "conversation.c",
        &[],
        "1+100=\nand \"quoted\"\n请介绍一下你自己\n",
        |printed| {
            assert!(printed.contains("> 1+100=\n1+100=101\n"), "{printed}");
            assert!(printed.contains("You said: and \"quoted\" (turn 2)\n"), "{printed}");
            assert!(
                printed.contains(INTRODUCTION) && printed.ends_with("(turn 3)\n"),
                "{printed}"
            );
        },
    );
}

#[test]
fn a_stream_is_printed_whole() {
    example("stream.c", &[], "", |printed| {
        assert!(printed.contains(INTRODUCTION) && printed.contains("😊"), "{printed}");
        assert!(printed.ends_with("\nfinish_reason: stop\n"), "{printed}");
    });
}

#[test]
fn a_stream_in_cpp_is_printed_whole() {
    example("stream.cpp", &["1+100="], "", |printed| {
        assert!(printed.starts_with("1+100=101\n"), "{printed}")
    });
}

#[test]
fn errors_are_told_with_their_attempts() {
    example("errors.c", &[], "", |printed| {
        let part = |name: &str| {
            let start = printed
                .find(name)
                .unwrap_or_else(|| panic!("{name} is not in {printed}"));
            let rest = &printed[start..];
            rest[..rest[1..].find("error-").map_or(rest.len(), |end| end + 1)].to_owned()
        };
        assert!(part("error-once-503").contains("1+100=101"), "{printed}");
        let limited = part("error-429");
        assert!(limited.starts_with("error-429: -429 rate_limited\n"), "{printed}");
        assert!(
            limited.contains("retry_after_ms 1000\n") && limited.contains("attempts       2\n"),
            "{printed}"
        );
        assert!(part("error-500").contains("http_status    500\n"), "{printed}");
        assert!(
            part("error-html").starts_with("error-html: -14 protocol\n"),
            "{printed}"
        );
        assert!(part("error-code-msg").contains("余额不足"), "{printed}");
    });
}

#[test]
fn cancelling_ends_a_call_from_a_thread_and_from_a_signal_handler() {
    let Some(program) = compile(C99, "examples-c/cancel.c") else {
        return;
    };
    let server = Service::start();
    let base_url = server.url("/v1");
    let plain = command(&program, &base_url);
    for mut command in [Some(plain), under_valgrind(&program, &base_url)].into_iter().flatten() {
        command.arg("error-hang");
        let mut child = start(&mut command);
        let mut stdout = child.stdout.take().expect("a pipe");
        let mut printed = String::new();
        let mut byte = [0];
        while !printed.contains("Ctrl-C") {
            assert_eq!(stdout.read(&mut byte).expect("a pipe"), 1, "{printed}");
            printed.push(char::from(byte[0]));
        }
        // The handler is set before the line is printed.
        succeed_with(
            Command::new("kill")
                .args(["-INT", &child.id().to_string()])
                .stderr(Stdio::inherit()),
            "",
        );
        stdout.read_to_string(&mut printed).expect("a pipe");
        let output = finish(child, &command, "");
        assert!(
            output.status.success(),
            "{}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        assert_eq!(printed, "cancelled\nOnce more; Ctrl-C ends it.\ncancelled\n");
    }
}

#[test]
fn threads_get_the_answers_to_their_own_questions() {
    let sums: String = (1..=8)
        .map(|number| format!("{number}+100={}\n", number + 100))
        .collect();
    example("threads.c", &[], "", |printed| assert_eq!(printed, sums));
}

#[test]
fn without_a_json_library_any_text_can_be_asked() {
    let asked = "\"quotes\", \\ and\ttabs: 你好";
    example("no_json_library.c", &[asked], "", |printed| {
        assert!(
            printed.contains("asked: \"\\\"quotes\\\", \\\\ and\\ttabs: 你好\"\n"),
            "{printed}"
        );
        assert!(printed.contains("/choices/0/message/role: assistant\n"), "{printed}");
        assert!(printed.contains("/usage: {"), "{printed}");
        assert!(printed.contains("/no/such/member: absent\n"), "{printed}");
        assert!(printed.ends_with("in 16 bytes: You said: \"quot (cut)\n"), "{printed}");
    });
}

#[test]
fn embeddings_are_compared() {
    example("embeddings.c", &[], "", |printed| {
        assert!(
            printed.starts_with("dimensions: ") && printed.contains("cat ~ 猫: "),
            "{printed}"
        );
    });
}

#[test]
fn a_raw_request_shows_status_headers_and_bytes() {
    example("raw_request.c", &[], "", |printed| {
        assert!(
            printed.contains("POST /chat/completions: HTTP 200, ok, application/json"),
            "{printed}"
        );
        assert!(printed.contains("GET /models: HTTP 200, ok"), "{printed}");
        assert!(printed.contains("GET /no/such/path: HTTP 404, not_found"), "{printed}");
    });
}

#[test]
fn a_file_is_uploaded_in_parts() {
    let file = scratch().join("upload.bin");
    std::fs::write(&file, vec![7; 20_000_000]).expect("a file");
    let path = file.to_str().expect("a plain path");
    example("file_upload.c", &[path], "", |printed| {
        let sent =
            "0 of 20000000 bytes\n8388608 of 20000000 bytes\n16777216 of 20000000 bytes\n20000000 of 20000000 bytes\n";
        assert!(printed.starts_with(sent), "{printed}");
        assert!(printed[sent.len()..].starts_with("file: file-"), "{printed}");
    });
}

#[test]
fn an_upload_that_failed_goes_on_with_its_state_in_a_new_process() {
    let Some(program) = compile(C99, "examples-c/file_upload.c") else {
        return;
    };
    let service = Service::new().handler();
    let server = Server::start(move |request, reply| match request.number {
        2 => reply.json(400, r#"{"error":{"message":"not now"}}"#),
        _ => service(request, reply),
    });
    let folder = scratch().join("resume");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("upload.bin"), vec![7; 20_000_000]).expect("a file");
    let run = |arguments: &[&str]| {
        let mut command = command(&program, &server.url("/v1"));
        command.args(arguments).current_dir(&folder);
        let output = finish(start(&mut command), &command, "");
        (output.status.code(), String::from_utf8(output.stdout).expect("text"))
    };
    let (code, printed) = run(&["upload.bin"]);
    assert_eq!((code, printed.lines().count()), (Some(1), 2), "{printed}");
    let (code, printed) = run(&["upload.bin", "upload.state"]);
    assert_eq!(code, Some(0), "{printed}");
    assert!(printed.starts_with("16777216 of 20000000 bytes\n"), "{printed}");
    // Begun once; three parts, one of them twice; completed once.
    assert_eq!(server.request_count(), 6);
}

#[test]
fn a_batch_is_answered_by_the_names_of_its_questions() {
    example("batch.c", &[], "", |printed| {
        assert!(
            printed.contains("status: in_progress\nstatus: finalizing\n"),
            "{printed}"
        );
        assert!(
            printed.ends_with("batch: completed\nsum: 1+100=101\nhello: You said: 你好\nerrors: {}\n"),
            "{printed}"
        );
    });
}

#[test]
fn a_model_is_fine_tuned_and_asked() {
    example("fine_tune.c", &[], "", |printed| {
        let parts: Vec<&str> = printed.split("model: ft:gpt-4o-mini:stand-in::ftjob-").collect();
        assert_eq!(parts[0], "queued\nrunning\n", "{printed}");
        assert!(parts[1].ends_with("\n1+100=101\n"), "{printed}");
    });
}

#[test]
fn an_assistant_answers_in_its_thread() {
    example("assistants.c", &[], "", |printed| {
        assert_eq!(printed, "run: in_progress\nrun: completed\n1+100=101\n");
    });
}

#[test]
fn models_are_listed_over_pages_of_any_size() {
    let models = "gpt-3.5-turbo\ngpt-4o-mini\nreasoner\nrefuser\ntext-embedding-3-small\n5 in all\n";
    let arguments: [&[&str]; 3] = [
        &[],
        &["models.list", "{\"limit\":2}"],
        &["GET /models", "{\"limit\":1}"],
    ];
    for arguments in arguments {
        example("models.c", arguments, "", |printed| assert_eq!(printed, models));
    }
}

#[test]
fn a_model_gets_its_tools_called() {
    example("tools.c", &[], "", |printed| {
        let calls =
            "{\"city\":\"Paris\"} -> Paris: 20 degrees, sunny\n{\"city\":\"Tokyo\"} -> Tokyo: 20 degrees, sunny\n";
        assert_eq!(printed, format!("{calls}The tool says: Tokyo: 20 degrees, sunny\n"));
    });
}

#[test]
fn an_answer_with_fields_is_read_field_by_field() {
    example("structured_output.c", &["Where is the \"Louvre\"?"], "", |printed| {
        assert_eq!(
            printed,
            "city: You said: Where is the \"Louvre\"?\ncontinent: Europe\npopulation: 1\ncapital: true\n"
        );
    });
}

#[test]
fn the_nearest_of_several_texts_is_found() {
    let text = "A return is free within 30 days.";
    example("cosine.c", &[text], "", |printed| {
        assert_eq!(printed, format!("{text} (1.000)\n"))
    });
}

#[test]
fn a_response_is_printed_as_it_comes_and_told_when_it_is_whole() {
    example("responses_stream.c", &[], "", |printed| {
        assert!(
            printed.starts_with("id: resp_") && printed.contains(INTRODUCTION),
            "{printed}"
        );
        assert!(printed.contains("！\nstatus: completed\ntokens: "), "{printed}");
    });
}

#[test]
fn what_is_harmful_is_flagged_with_its_kinds() {
    example("moderation.c", &[], "", |printed| {
        assert_eq!(printed, "flagged\n  violence: 0.98\n")
    });
    example("moderation.c", &["Good \"morning\""], "", |printed| {
        assert_eq!(printed, "harmless\n")
    });
}

#[test]
fn a_webhook_is_believed_when_it_is_signed_and_of_this_time() {
    const SECRET: &[u8] = b"a secret of 24 bytes ...";
    const BODY: &str = r#"{"id":"evt_1","object":"event","type":"response.completed","data":{"id":"resp_1"}}"#;
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET);
    let secret = format!("whsec_{}", STANDARD.encode(SECRET));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs();
    let receive = |secret: Option<&str>, time: u64, body: &str, expected: &str| {
        let signature = hmac::sign(&key, format!("wh_1.{time}.{BODY}").as_bytes());
        let prepare = |command: &mut Command| {
            command.env("HTTP_WEBHOOK_ID", "wh_1");
            command.env("HTTP_WEBHOOK_TIMESTAMP", time.to_string());
            command.env("HTTP_WEBHOOK_SIGNATURE", format!("v1,{}", STANDARD.encode(signature)));
            if let Some(secret) = secret {
                command.env("OPENAI_WEBHOOK_SECRET", secret);
            }
        };
        example_on(&Service::start(), "webhook.c", prepare, body, |printed| {
            assert_eq!(printed, format!("Status: {expected}\r\n\r\n"))
        });
    };
    receive(Some(&secret), now, BODY, "204 No Content");
    receive(Some(&secret), now, &BODY.replace("resp_1", "resp_2"), "400 Bad Request");
    receive(Some(&secret), now - 3600, BODY, "400 Bad Request");
    receive(None, now, BODY, "500 Internal Server Error");
}

#[test]
fn azure_is_asked_at_the_address_that_is_printed() {
    let server = Service::start();
    let prepare = |command: &mut Command| {
        command.arg("gpt-4o-eu");
        command.env("AZURE_OPENAI_ENDPOINT", server.url(""));
        command.env("AZURE_OPENAI_API_KEY", KEY);
    };
    example_on(&server, "azure.c", prepare, "", |printed| {
        let request = server.last_request();
        let asked = format!("{} {}", request.method, server.url(&request.target));
        assert_eq!(printed, format!("{asked}\n1+100=101\n"));
        let path = "/openai/deployments/gpt-4o-eu/chat/completions";
        assert_eq!((request.path(), request.query()), (path, "api-version=2024-10-21"));
        assert_eq!(
            (request.header("api-key"), request.header("authorization")),
            (Some(KEY), None)
        );
    });
}

#[test]
fn the_balance_is_told_to_the_last_digit() {
    example("balance.c", &[], "", |printed| {
        assert_eq!(printed, "available: 111.8658\n")
    });
}

#[test]
fn every_example_is_run_here() {
    let tests = [include_str!("examples.rs"), include_str!("examples/media.rs")].concat();
    for file in std::fs::read_dir(root().join("examples-c")).expect("examples-c") {
        let name = file.expect("an entry").file_name().into_string().expect("a plain name");
        if name.ends_with(".c") || name.ends_with(".cpp") {
            assert!(tests.contains(&format!("{name}\"")), "{name} is not run by the tests");
        }
    }
}
