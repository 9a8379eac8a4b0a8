//! Every program of examples-c says what it should, and leaves nothing behind.

use crate::program::{C99, CLANG_C99, CLANG_CXX17, CLANG_CXX20, CXX17, CXX20, Compiler};
use crate::program::{command, compile, finish, start, succeed_with, under_valgrind};
use crate::support::openai::Service;
use crate::tools::root;
use std::io::Read;
use std::process::{Command, Stdio};

const INTRODUCTION: &str = "我是 libkuai 的替身服务";

/// Compiles an example with both compilers, runs it plainly and under valgrind, and hands what it prints to `check`.
fn example(source: &str, arguments: &[&str], input: &str, check: impl Fn(&str)) {
    let compilers: &[Compiler] = if source.ends_with(".cpp") {
        &[CXX17, CXX20, CLANG_CXX17, CLANG_CXX20]
    } else {
        &[C99, CLANG_C99]
    };
    let server = Service::start();
    let base_url = server.url("/v1");
    for (index, compiler) in compilers.iter().enumerate() {
        let Some(program) = compile(*compiler, &format!("examples-c/{source}")) else {
            continue;
        };
        check(&succeed_with(command(&program, &base_url).args(arguments), input));
        if index == 0
            && let Some(mut valgrind) = under_valgrind(&program, &base_url)
        {
            check(&succeed_with(valgrind.args(arguments), input));
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
fn every_example_is_run_here() {
    let this = include_str!("examples.rs");
    for file in std::fs::read_dir(root().join("examples-c")).expect("examples-c") {
        let name = file.expect("an entry").file_name().into_string().expect("a plain name");
        if name.ends_with(".c") || name.ends_with(".cpp") {
            assert!(this.contains(&format!("{name}\"")), "{name} is not run by the tests");
        }
    }
}
