//! ThreadSanitizer finds nothing when threads share a client. Its own build of the whole library takes minutes, so this is left out
//! of a plain `cargo test`: `cargo test --test native -- --ignored`.
//!
//! The standard library that comes with Rust is not built for ThreadSanitizer, and three things in it would look like races where there
//! are none, so they are told:
//! - A contended mutex is locked out of ThreadSanitizer's sight. That one function is wrapped, and acquires the mutex in its eyes.
//! - The last owner of an `Arc` acquires by a fence, which ThreadSanitizer does not know (the standard library has another way for
//!   it, chosen when it is built). Counting down is made to acquire at once.
//!
//! - What a `LazyLock` holds is made in the standard library's machine code, whose release of it is not seen. ureq has one, for the
//!   name that it would give itself. Suppressed, and nothing else is.
//!
//! helgrind and DRD cannot be used at all: they know locks by pthread calls, and Rust's mutexes make none.

use crate::program::{command, succeed};
use crate::support::openai::Service;
use crate::tools::{has, root, scratch};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
#[ignore = "builds the library anew for ThreadSanitizer"]
fn threads_race_for_nothing() {
    if !has("gcc", "gcc") || !has("g++", "g++") || !has("nm", "binutils") || !has("setarch", "util-linux") {
        return;
    }
    let sanitized = build();
    let server = Service::start();
    let mut threads = run(&program(&sanitized, "many_threads"), &server.url("/v1"));
    assert_eq!(
        succeed(threads.args(["8", "250"])),
        "2000 answers match their questions\n"
    );
    let mut cancelling = run(&program(&sanitized, "cancel_in_time"), &server.url("/v1"));
    assert!(succeed(&mut cancelling).starts_with("slowest: "));
}

/// The instrumented library's directory, and the archive with ThreadSanitizer itself.
struct Sanitized {
    library: PathBuf,
    runtime: PathBuf,
}

fn build() -> Sanitized {
    let rustc = env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let sysroot = succeed(Command::new(&rustc).args(["--print", "sysroot"]));
    let version = succeed(Command::new(&rustc).arg("-vV"));
    let target = version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .expect("rustc tells its host");
    let rust_libraries = Path::new(sysroot.trim()).join("lib/rustlib").join(target).join("lib");
    let runtime = rust_libraries.join("librustc-stable_rt.tsan.a");
    assert!(
        runtime.exists(),
        "{} does not exist: ThreadSanitizer comes with rustup's Rust for this kind of machine",
        runtime.display()
    );

    let directory = scratch().join("tsan");
    fs::create_dir_all(&directory).expect("the target directory can be written to");
    let function = locking_function(&rust_libraries);
    let wrapper = directory.join("wrapper.o");
    let source = directory.join("wrapper.c");
    let text = format!(
        "void __real_{function}(void *mutex);
void __wrap_{function}(void *mutex);
void __tsan_acquire(void *address);
void __wrap_{function}(void *mutex) {{ __real_{function}(mutex); __tsan_acquire(mutex); }}

long __real___tsan_atomic64_fetch_sub(volatile long *count, long less, int order);
long __wrap___tsan_atomic64_fetch_sub(volatile long *count, long less, int order);
long __wrap___tsan_atomic64_fetch_sub(volatile long *count, long less, int order)
{{
    (void)order;
    return __real___tsan_atomic64_fetch_sub(count, less, __ATOMIC_ACQ_REL);
}}
"
    );
    fs::write(&source, text).expect("a file");
    succeed(
        Command::new("gcc")
            .args(["-fPIC", "-O1", "-c"])
            .arg(source)
            .arg("-o")
            .arg(&wrapper),
    );

    let flags = format!(
        "-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer -Clink-arg={} \
         -Clink-arg=-Wl,--wrap={function},--wrap=__tsan_atomic64_fetch_sub",
        wrapper.display()
    );
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .current_dir(root())
        .args(["build", "--locked", "--lib", "--target", target]);
    cargo.arg("--target-dir").arg(&directory);
    // Sanitizers are an unstable option, which this variable lets the stable compiler take.
    cargo
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", flags)
        .env_remove("CARGO_ENCODED_RUSTFLAGS");
    assert!(cargo.status().expect("cargo runs").success(), "{cargo:?}");

    let library = directory.join(target).join("debug");
    let link = library.join("libkuai.so.0");
    let _ = fs::remove_file(&link);
    std::os::unix::fs::symlink("libkuai.so", link).expect("a link");
    Sanitized { library, runtime }
}

/// The symbol of the standard library's function that locks a mutex which another thread holds.
fn locking_function(rust_libraries: &Path) -> String {
    let standard = fs::read_dir(rust_libraries)
        .expect("Rust's libraries")
        .map(|entry| entry.expect("an entry").path())
        .find(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with("libstd-") && name.ends_with(".so")
        })
        .expect("Rust's standard library");
    let symbols = succeed(Command::new("nm").arg("-D").arg(standard));
    let found = symbols
        .split_whitespace()
        .find(|symbol| symbol.contains("5mutex5futex") && symbol.contains("14lock_contended"));
    found
        .expect("the standard library's mutex is made as it was in Rust 1.95")
        .to_owned()
}

fn program(sanitized: &Sanitized, name: &str) -> PathBuf {
    let object = scratch().join(format!("{name}-tsan.o"));
    let mut compiler = Command::new("gcc");
    compiler.args(["-std=c99", "-g", "-fsanitize=thread", "-c"]).arg("-I");
    compiler
        .arg(root().join("include"))
        .arg(root().join(format!("tests/c/{name}.c")));
    succeed(compiler.arg("-o").arg(&object));

    // Rust's ThreadSanitizer, not the compiler's own: the library needs functions that gcc's has not.
    let program = scratch().join(format!("{name}-tsan"));
    let mut linker = Command::new("g++");
    linker.arg(object).arg("-o").arg(&program).arg("-rdynamic");
    linker
        .arg("-Wl,--whole-archive")
        .arg(&sanitized.runtime)
        .arg("-Wl,--no-whole-archive");
    linker.arg("-L").arg(&sanitized.library).arg("-lkuai");
    linker.arg(format!("-Wl,-rpath,{}", sanitized.library.display()));
    succeed(linker.args(["-pthread", "-ldl", "-lrt", "-lm"]));
    program
}

/// Without address space randomisation, which ThreadSanitizer's memory map does not always go with.
fn run(program: &Path, base_url: &str) -> Command {
    let suppressions = scratch().join("tsan/suppressions.txt");
    fs::write(&suppressions, "race:std::sync::lazy_lock::LazyLock\n").expect("a file");
    let mut command = command("setarch", base_url);
    command.env("TSAN_OPTIONS", format!("suppressions={}", suppressions.display()));
    command.arg("-R").arg(program);
    command
}
