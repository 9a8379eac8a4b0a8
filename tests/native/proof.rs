//! What the library does to its process, by the system calls that it makes: no thread, no handler, no file that it was not told to open,
//! nothing printed.

use crate::program::{C99, command, compile, succeed};
use crate::support::openai::{KEY, Service};
use crate::tools::{has, scratch};

#[test]
fn the_library_leaves_its_process_alone() {
    assert_eq!(KEY, "sk-test", "tests/c/quiet.c has it too");
    let Some(program) = compile(C99, "tests/c/quiet.c") else {
        return;
    };
    if !has("strace", "strace") {
        return;
    }
    let (plain, tls) = (Service::start(), Service::start_tls());
    let trace = scratch().join("quiet.trace");
    let mut strace = command("strace", &plain.url("/v1"));
    strace.args(["-f", "-o"]).arg(&trace).arg(&program);
    strace.arg(tls.ca_pem()).arg(tls.url("/v1"));
    assert_eq!(succeed(&mut strace), "used\n");

    let trace = std::fs::read_to_string(&trace).expect("the trace");
    let (_, rest) = trace.split_once("/the-library-begins").expect("the first mark");
    let (made, _) = rest.split_once("/the-library-ends").expect("the second mark");
    let calls: Vec<&str> = made
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once(' ').map(|(_, call)| call.trim_start()))
        .collect();
    let ca_file = tls.ca_pem();
    let mut socket_calls = 0;
    for call in &calls {
        let name = call.split('(').next().unwrap_or_default();
        match name {
            "open" | "openat" | "openat2" => {
                assert!(
                    call.contains(ca_file.to_str().unwrap()),
                    "a file that it was not told to open: {call}"
                )
            }
            "clone" | "clone3" | "fork" | "vfork" | "execve" => panic!("a thread or a process: {call}"),
            "rt_sigaction" | "sigaltstack" | "rt_sigprocmask" => panic!("signals are the program's: {call}"),
            "setrlimit" | "prlimit64" | "prctl" | "umask" | "chdir" | "kill" | "tgkill" => panic!("{call}"),
            "write" | "writev" => assert!(
                !call.starts_with("write(1,") && !call.starts_with("write(2,") && !call.starts_with("writev("),
                "printed: {call}"
            ),
            "sendto" | "recvfrom" | "connect" => socket_calls += 1,
            _ => {}
        }
    }
    assert!(socket_calls > 12, "the trace shows the calls: {calls:#?}");
}
