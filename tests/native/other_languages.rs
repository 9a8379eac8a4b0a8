//! PHP, Python and Lua on the unchanged `kuai_ffi.h`, and the PHP and Python examples.

use crate::program::{command, succeed};
use crate::support::openai::Service;
use crate::tools::{has, library, root, works};
use std::process::Command;

const INTRODUCTION: &str =
    "你好！我是 libkuai 的替身服务，没有真正的模型，只会给出固定的回答。很高兴认识你😊，祝你编程愉快！";

/// A program of tests/ffi, which gets the header and the library and prints the answer.
fn with_the_ffi_header(interpreter: &str, program: &str) {
    let server = Service::start();
    let mut command = command(interpreter, &server.url("/v1"));
    command.arg(root().join("tests/ffi").join(program));
    command
        .arg(root().join("include/kuai_ffi.h"))
        .arg(library().join("libkuai.so"));
    assert_eq!(succeed(&mut command), format!("{INTRODUCTION}\n"));
}

fn example(interpreter: &str, program: &str) -> String {
    let server = Service::start();
    let mut command = command(interpreter, &server.url("/v1"));
    command.arg(root().join("examples-c").join(program));
    command
        .env("LD_LIBRARY_PATH", library())
        .env("PYTHONDONTWRITEBYTECODE", "1");
    succeed(&mut command)
}

#[test]
fn php_loads_the_ffi_header() {
    if has("php", "php-cli") {
        with_the_ffi_header("php", "php.php");
    }
}

#[test]
fn ctypes_calls_what_the_ffi_header_declares() {
    if has("python3", "python3") {
        with_the_ffi_header("python3", "with_ctypes.py");
    }
}

#[test]
fn cffi_loads_the_ffi_header() {
    let python = ["python3", "/usr/bin/python3"].into_iter().find(|python| {
        Command::new(python)
            .args(["-c", "import cffi"])
            .output()
            .is_ok_and(|output| output.status.success())
    });
    match python {
        Some(python) => with_the_ffi_header(python, "with_cffi.py"),
        None => assert!(!works(
            Command::new("python3").args(["-c", "import cffi"]),
            "Python's cffi",
            "python3-cffi"
        )),
    }
}

#[test]
fn luajit_loads_the_ffi_header() {
    if has("luajit", "luajit") {
        with_the_ffi_header("luajit", "luajit.lua");
    }
}

#[test]
fn the_php_examples_print_the_answer() {
    if has("php", "php-cli") {
        assert!(example("php", "php/chat.php").starts_with("1+100=101\ntokens: "));
        assert_eq!(
            example("php", "php/stream.php"),
            format!("{INTRODUCTION}\nfinish_reason: stop\n")
        );
    }
}

#[test]
fn the_python_examples_print_the_answer() {
    if has("python3", "python3") {
        assert!(example("python3", "python/chat.py").starts_with("1+100=101\ntokens: "));
        assert_eq!(example("python3", "python/stream.py"), format!("{INTRODUCTION}\n"));
    }
}
