//! The programs of tests/c: what the header promises, held from the other side.

use crate::program::{
    C89, C99, CLANG_C99, CLANG_CXX17, CLANG_CXX20, CXX17, CXX20, Compiler, SANITIZED_C99, SANITIZED_CXX17,
};
use crate::program::{command, compile, succeed, under_valgrind};
use crate::support::http::{Options, Server};
use crate::support::openai::Service;
use crate::tools::scratch;

/// Runs a program as each compiler makes it, the first one also under valgrind; all print the same.
fn program(source: &str, compilers: &[Compiler], arguments: &[&str], expected: &str) {
    let server = Service::start();
    let base_url = server.url("/v1");
    for (index, compiler) in compilers.iter().enumerate() {
        let Some(program) = compile(*compiler, &format!("tests/c/{source}")) else {
            continue;
        };
        assert_eq!(
            succeed(command(&program, &base_url).args(arguments)),
            expected,
            "{program:?}"
        );
        if index == 0
            && let Some(mut valgrind) = under_valgrind(&program, &base_url)
        {
            assert_eq!(succeed(valgrind.args(arguments)), expected);
        }
    }
}

fn scratch_file(name: &str) -> String {
    scratch().join(name).to_str().expect("a plain path").to_owned()
}

#[test]
fn every_function_works_from_c89() {
    program(
        "c89.c",
        &[C89, CLANG_C99, SANITIZED_C99],
        &[&scratch_file("c89.json")],
        "every function works from C89\n",
    );
}

#[test]
fn null_is_defined_in_every_pointer_position() {
    program(
        "null_arguments.c",
        &[C89, SANITIZED_C99],
        &[],
        "NULL is defined everywhere\n",
    );
}

#[test]
fn wrong_texts_are_refused_in_every_text_position() {
    program("wrong_texts.c", &[C89, SANITIZED_C99], &[], "wrong texts are refused\n");
}

#[test]
fn a_fork_shares_no_answers() {
    program("fork.c", &[C99], &[], "parent and children got their own answers\n");
}

#[test]
fn a_fork_shares_no_answers_over_tls() {
    let Some(program) = compile(C99, "tests/c/fork.c") else {
        return;
    };
    let server = Service::start_tls();
    let mut command = command(&program, &server.url("/v1"));
    command.env("SSL_CERT_FILE", server.ca_pem());
    assert_eq!(succeed(&mut command), "parent and children got their own answers\n");
}

#[test]
fn a_fork_in_the_midst_of_other_threads_calls_is_no_trap() {
    let Some(program) = compile(C99, "tests/c/fork_threads.c") else {
        return;
    };
    let (plain, tls) = (Service::start(), Service::start_tls());
    let expected = "every child got its own answers\n";
    assert_eq!(succeed(command(&program, &plain.url("/v1")).arg("100")), expected);
    let mut command = command(&program, &tls.url("/v1"));
    command.env("SSL_CERT_FILE", tls.ca_pem()).arg("25");
    assert_eq!(succeed(&mut command), expected);
}

#[test]
fn a_storm_of_signals_changes_nothing() {
    program("signals.c", &[C99], &[], "signals change nothing\n");
}

#[test]
fn a_program_sees_each_attempt_and_what_it_took() {
    program("sight.c", &[C99, SANITIZED_C99], &[], "100 lines\n");
}

#[test]
fn texts_are_cut_between_characters() {
    program(
        "text_cut.c",
        &[C89, SANITIZED_C99],
        &[],
        "texts are cut between characters\n",
    );
}

#[test]
fn the_cpp_header_holds_what_it_promises() {
    let compilers = [CXX17, CXX20, CLANG_CXX17, CLANG_CXX20, SANITIZED_CXX17];
    program(
        "hpp.cpp",
        &compilers,
        &[&scratch_file("hpp.json")],
        "kuai.hpp holds what it promises\n",
    );
}

#[test]
fn every_function_is_in_the_cpp_header() {
    let ffi = include_str!("../../include/kuai_ffi.h");
    let hpp = include_str!("../../include/kuai.hpp");
    let functions = ffi
        .split('(')
        .filter_map(|before| before.rsplit([' ', '*', '\n']).next())
        .filter(|name| name.starts_with("kuai_"));
    let mut count = 0;
    for function in functions {
        assert!(
            hpp.contains(&format!("{function}(")),
            "kuai.hpp does not use {function}"
        );
        count += 1;
    }
    assert!(count > 40, "only {count} functions were found");
}

#[test]
fn a_large_upload_needs_no_memory() {
    let Some(program) = compile(C99, "tests/c/upload_memory.c") else {
        return;
    };
    // Kept by the stand-in, but not twice.
    let options = Options {
        remember: false,
        ..Options::default()
    };
    let server = Server::with(options, Service::new().handler()).expect("a free port on loopback");
    let path = scratch().join("large.bin");
    let file = std::fs::File::create(&path).expect("a file");
    file.set_len(150_000_000).expect("room for nothing");
    let printed = succeed(command(&program, &server.url("/v1")).arg(&path));
    assert_eq!(printed, "the upload needed next to no memory\n");
}

#[test]
fn ten_thousand_calls_of_eight_threads_get_their_own_answers() {
    let Some(program) = compile(C99, "tests/c/many_threads.c") else {
        return;
    };
    let server = Service::start();
    let printed = succeed(command(&program, &server.url("/v1")).args(["8", "1250"]));
    assert_eq!(printed, "10000 answers match their questions\n");
}

#[test]
fn a_call_that_hangs_can_be_cancelled_at_once() {
    let Some(program) = compile(C99, "tests/c/cancel_in_time.c") else {
        return;
    };
    let server = Service::start();
    let base_url = server.url("/v1");
    let printed = succeed(&mut command(&program, &base_url));
    let slowest: f64 = printed
        .trim_start_matches("slowest: ")
        .trim_end_matches(" ms\n")
        .parse()
        .expect("a number");
    // 50 ms are promised; the rest is for a machine that has other things to do.
    assert!(slowest < 250.0, "{printed}");
    if let Some(mut valgrind) = under_valgrind(&program, &base_url) {
        succeed(&mut valgrind);
    }
}
