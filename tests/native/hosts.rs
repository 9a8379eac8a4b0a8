//! The programs that the library lives in, as they are: see tests/c/hosts.c.

use crate::program::{C99, command, compile, succeed, under_valgrind};
use crate::support::http::{Framing, Reply, Request, Server};
use crate::support::name_server;
use crate::support::namespace::within;
use crate::support::openai::Service;
use crate::tools::{has, library, root, scratch, works};
use std::path::PathBuf;
use std::process::Command;

/// The stand-in, which on demand never answers, or with more than a program may have memory for.
fn service(tls: bool) -> Server {
    let stand_in = Service::new().handler();
    let handler = move |request: &Request, reply: &mut Reply<'_>| {
        if request.text().contains("\"stall\"") {
            return reply.stall();
        }
        if request.text().contains("\"large\"") {
            return large(reply);
        }
        stand_in(request, reply)
    };
    if tls {
        Server::start_tls(handler)
    } else {
        Server::start(handler)
    }
}

/// A good answer of 200 MB.
fn large(reply: &mut Reply<'_>) -> std::io::Result<()> {
    const PIECE: &[u8] = &[b'a'; 1_000_000];
    const PIECES: usize = 200;
    let start = br#"{"choices":[{"index":0,"message":{"role":"assistant","content":""#;
    let end = br#""},"finish_reason":"stop"}]}"#;
    let size = start.len() + PIECES * PIECE.len() + end.len();
    let headers = [("content-type", "application/json")];
    reply.head(200, &headers, Framing::Length(size as u64))?;
    reply.piece(start)?;
    for _ in 0..PIECES {
        reply.piece(PIECE)?;
    }
    reply.piece(end)
}

fn hosts() -> Option<PathBuf> {
    compile(C99, "tests/c/hosts.c")
}

/// Runs a scenario over http, and what it printed last.
fn scenario(arguments: &[&str]) {
    let Some(program) = hosts() else { return };
    let server = service(false);
    ends_well(command(&program, &server.url("/v1")).args(arguments));
}

fn ends_well(command: &mut Command) {
    let printed = succeed(command);
    let skipped = printed.starts_with("skipped: ");
    if skipped {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{printed}");
        println!("{printed}");
    }
    assert!(skipped || printed == "done\n", "{printed}");
}

fn scratch_path(name: &str) -> String {
    scratch().join(name).to_str().expect("a plain path").to_owned()
}

#[test]
fn nothing_of_ours_takes_the_place_of_a_closed_standard_stream() {
    scenario(&["closed_stdio"]);
}

#[test]
fn without_a_free_descriptor_a_call_fails_and_the_next_one_works() {
    scenario(&["no_descriptors"]);
}

#[test]
fn no_thread_is_needed() {
    scenario(&["no_threads"]);
}

#[test]
fn an_answer_that_there_is_no_memory_for_is_a_failure() {
    scenario(&["no_memory"]);
}

/// In KiB. The build for tests takes twice what the released one does.
const STACK: &str = if cfg!(debug_assertions) { "192" } else { "64" };

#[test]
fn a_stack_of_64_kib_is_enough() {
    let Some(program) = hosts() else { return };
    let (plain, tls) = (service(false), service(true));
    ends_well(command(&program, &plain.url("/v1")).args(["small_stacks", STACK]));
    let mut command = command(&program, &tls.url("/v1"));
    ends_well(command.env("SSL_CERT_FILE", tls.ca_pem()).args(["small_stacks", STACK]));
}

#[test]
fn a_decimal_comma_changes_nothing() {
    let Some(program) = hosts() else { return };
    let mut source = Command::new("test");
    source.args(["-e", "/usr/share/i18n/locales/de_DE"]);
    if !has("localedef", "libc-bin") || !works(&mut source, "the source of the locale de_DE", "locales") {
        return;
    }
    let locales = scratch().join("locales");
    std::fs::create_dir_all(&locales).expect("the target directory can be written to");
    let mut localedef = Command::new("localedef");
    succeed(
        localedef
            .args(["-i", "de_DE", "-f", "UTF-8"])
            .arg(locales.join("de_DE.UTF-8")),
    );
    let server = service(false);
    let mut command = command(&program, &server.url("/v1"));
    ends_well(command.env("LOCPATH", &locales).args(["decimal_comma", "de_DE.UTF-8"]));
}

#[test]
fn loading_and_unloading_a_thousand_times_leaves_nothing() {
    let library = library().join("libkuai.so");
    scenario(&["loaded_often", library.to_str().expect("a plain path")]);
}

#[test]
fn two_copies_live_in_one_program() {
    let copy = scratch_path("libkuai-copy.so");
    std::fs::copy(library().join("libkuai.so"), &copy).expect("room for a copy");
    scenario(&["two_copies", &copy]);
}

#[test]
fn a_program_may_exit_while_its_threads_call() {
    scenario(&["exit_while_calling"]);
}

#[test]
fn a_thread_that_is_cancelled_within_a_call_ends_after_it() {
    scenario(&["ended_threads"]);
}

#[test]
fn a_root_without_any_file_is_enough() {
    scenario(&["bare_root", &scratch_path("bare-root")]);
}

#[test]
fn a_name_takes_no_more_than_an_address() {
    let Some(program) = hosts() else { return };
    within("hosts::a_name_takes_no_more_than_an_address", |etc| {
        name_server::serve(etc, |question| Some(name_server::loopback(question)));
        let server = service(false);
        let base_url = format!("http://api.example:{}/v1", server.port());
        ends_well(command(&program, &base_url).args(["small_stacks", STACK]));
        for scenario in ["closed_stdio", "no_descriptors", "no_threads"] {
            ends_well(command(&program, &base_url).arg(scenario));
        }
        if let Some(mut command) = under_valgrind(&program, &base_url) {
            ends_well(command.arg("many_calls"));
        }
    });
}

#[test]
fn a_time_of_day_that_steps_back_delays_nothing() {
    let Some(program) = hosts() else { return };
    let shim = scratch_path("clock_back.so");
    let mut compiler = Command::new("gcc");
    compiler
        .args(["-shared", "-fPIC", "-o", &shim])
        .arg(root().join("tests/c/clock_back.c"));
    succeed(&mut compiler);
    let tls = service(true);
    let mut command = command(&program, &tls.url("/v1"));
    command.env("SSL_CERT_FILE", tls.ca_pem()).env("LD_PRELOAD", &shim);
    ends_well(command.arg("many_calls"));
}
