//! Compiling a program against the library, and running it in an environment that holds the service's address and nothing else.

use crate::tools::{has, library, root, scratch};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// How long one program may take, also under valgrind on a busy machine.
const LONGEST: Duration = Duration::from_secs(300);

/// A compiler and how it is called.
#[derive(Clone, Copy)]
pub struct Compiler {
    pub command: &'static str,
    pub package: &'static str,
    pub flags: &'static [&'static str],
}

const STRICT: [&str; 5] = ["-pedantic", "-Wall", "-Wextra", "-Werror", "-g"];

pub const C89: Compiler = Compiler {
    command: "gcc",
    package: "gcc",
    flags: &["-std=c89"],
};
pub const C99: Compiler = Compiler {
    command: "gcc",
    package: "gcc",
    flags: &["-std=c99"],
};
pub const CLANG_C99: Compiler = Compiler {
    command: "clang",
    package: "clang",
    flags: &["-std=c99"],
};
pub const SANITIZED_C99: Compiler = Compiler {
    command: "gcc",
    package: "gcc",
    flags: &["-std=c99", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
};
pub const CXX17: Compiler = Compiler {
    command: "g++",
    package: "g++",
    flags: &["-std=c++17", "-Wconversion", "-Wshadow"],
};
pub const CXX20: Compiler = Compiler {
    command: "g++",
    package: "g++",
    flags: &["-std=c++20", "-Wconversion", "-Wshadow"],
};
pub const CLANG_CXX17: Compiler = Compiler {
    command: "clang++",
    package: "clang",
    flags: &["-std=c++17", "-Wconversion", "-Wshadow"],
};
pub const CLANG_CXX20: Compiler = Compiler {
    command: "clang++",
    package: "clang",
    flags: &["-std=c++20", "-Wconversion", "-Wshadow"],
};
pub const SANITIZED_CXX17: Compiler = Compiler {
    command: "g++",
    package: "g++",
    flags: &[
        "-std=c++17",
        "-fsanitize=address,undefined",
        "-fno-sanitize-recover=all",
    ],
};

/// The program made of a source file of the repository, linked to the shared library; `None` when there is no such compiler.
/// Each is made once: two tests run the same program, and a file that is being written can't be run (`ETXTBSY`).
pub fn compile(compiler: Compiler, source: &str) -> Option<PathBuf> {
    static MADE: Mutex<BTreeMap<String, Arc<OnceLock<PathBuf>>>> = Mutex::new(BTreeMap::new());

    if !has(compiler.command, compiler.package) {
        return None;
    }
    let flags = compiler
        .flags
        .concat()
        .replace(|letter: char| !letter.is_alphanumeric(), "");
    let name = format!("{}-{}-{flags}", source.replace(['/', '.'], "_"), compiler.command);
    let place = {
        let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(made.entry(name.clone()).or_default())
    };
    Some(place.get_or_init(|| build(compiler, source, &name)).clone())
}

/// Compiles beside the program's place and renames: who runs the program meanwhile, another test run, say, has a whole one.
fn build(compiler: Compiler, source: &str, name: &str) -> PathBuf {
    let program = scratch().join(name);
    let unfinished = scratch().join(format!("{name}.{}", std::process::id()));
    let mut command = Command::new(compiler.command);
    command
        .args(compiler.flags)
        .args(STRICT)
        .arg("-I")
        .arg(root().join("include"));
    command.arg(root().join(source)).arg("-o").arg(&unfinished);
    command.arg("-L").arg(library()).args(["-lkuai", "-pthread", "-lm"]);
    command.arg(format!("-Wl,-rpath,{}", library().display()));
    succeed(&mut command);
    std::fs::rename(&unfinished, &program).unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    program
}

/// A command that sees nothing of this process's environment but `PATH` and where the service is.
pub fn command(program: impl AsRef<OsStr>, base_url: &str) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command
        .env("KUAI_BASE_URL", base_url)
        .env("KUAI_API_KEY", crate::support::openai::KEY);
    command.env("LC_ALL", "C.UTF-8");
    command
}

/// The same under valgrind, where every error and every leak counts; `None` when there is none.
pub fn under_valgrind(program: &Path, base_url: &str) -> Option<Command> {
    has("valgrind", "valgrind").then(|| {
        let mut command = command("valgrind", base_url);
        command.args([
            "--quiet",
            "--error-exitcode=99",
            "--leak-check=full",
            "--show-leak-kinds=definite,indirect,possible",
        ]);
        command.arg(program);
        command
    })
}

/// Runs a command that must end well, and gives what it printed.
pub fn succeed(command: &mut Command) -> String {
    succeed_with(command, "")
}

/// The same with something to read.
pub fn succeed_with(command: &mut Command, input: &str) -> String {
    let output = finish(start(command), command, input);
    let printed = String::from_utf8(output.stdout).unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{command:?}: {}\n{printed}\n{complaint}",
        output.status
    );
    printed
}

/// Starts a command whose input, output and errors are pipes.
pub fn start(command: &mut Command) -> Child {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// Waits for a child; one that hangs is killed and the test fails.
pub fn finish(mut child: Child, command: &Command, input: &str) -> Output {
    let mut stdin = child.stdin.take().expect("a pipe");
    // A program that reads nothing may be gone already.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let id = child.id();
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || sender.send(child.wait_with_output()));
    let started = Instant::now();
    match receiver.recv_timeout(LONGEST) {
        Ok(output) => output.unwrap_or_else(|error| panic!("{command:?}: {error}")),
        Err(_) => {
            let _ = Command::new("kill").args(["-9", &id.to_string()]).status();
            panic!("{command:?} did not end within {:?}", started.elapsed());
        }
    }
}
