//! The C headers: that they are what the sources say, that they and the library name the same functions, and that compilers and
//! the header readers of other languages take them.
//!
//! A tool that is missing is skipped aloud, unless the environment has CI=true: there it is a failure.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const HEADERS: [&str; 3] = ["kuai.h", "kuai_ffi.h", "kuai_preload.h"];

#[test]
fn the_committed_headers_are_what_the_sources_say() {
    let refresh = env::var_os("KUAI_REFRESH_HEADERS").is_some();
    for name in HEADERS {
        let generated = read(&Path::new(env!("KUAI_GENERATED_HEADERS")).join(name));
        let committed = include_dir().join(name);
        if refresh {
            fs::write(&committed, &generated).unwrap();
        }
        let committed = fs::read_to_string(&committed).unwrap_or_default();
        assert!(
            committed == generated,
            "include/{name} is not what src/capi says: run `make headers` and look at the difference"
        );
    }
}

#[test]
fn the_library_exports_the_functions_of_the_header_and_nothing_else() {
    let declared = functions(&header("kuai.h"));
    assert!(
        declared.contains("kuai_chat_complete") && declared.len() > 40,
        "{declared:?}"
    );
    let Some(symbols) = run(Command::new("nm").args(["-D", "--defined-only"]).arg(library())) else {
        return;
    };
    let exported: BTreeSet<String> = symbols
        .lines()
        .filter_map(|line| line.split(' ').nth(2))
        .map(str::to_owned)
        .collect();
    assert_eq!(
        declared.difference(&exported).collect::<Vec<_>>(),
        Vec::<&String>::new(),
        "in the header, but not exported"
    );
    assert_eq!(
        exported.difference(&declared).collect::<Vec<_>>(),
        Vec::<&String>::new(),
        "exported, but not in the header"
    );
}

#[test]
fn the_library_is_known_by_its_soname_and_stays_loaded() {
    let Some(dynamic) = run(Command::new("readelf").arg("-dW").arg(library())) else {
        return;
    };
    assert!(dynamic.contains("soname: [libkuai.so.0]"), "{dynamic}");
    assert!(
        dynamic
            .lines()
            .any(|line| line.contains("FLAGS_1") && line.contains("NODELETE")),
        "{dynamic}"
    );
}

#[test]
fn the_version_macros_are_the_version() {
    let header = header("kuai.h");
    let version = env!("CARGO_PKG_VERSION");
    assert!(header.contains(&format!("#define KUAI_VERSION \"{version}\"\n")));
    for (part, number) in ["MAJOR", "MINOR", "PATCH"].into_iter().zip(version.split('.')) {
        assert!(header.contains(&format!("#define KUAI_VERSION_{part} {number}\n")));
    }
    // SAFETY: a NUL-terminated text that is never freed.
    let running = unsafe { std::ffi::CStr::from_ptr(kuai::capi::kuai_version()) };
    assert_eq!(running.to_str().unwrap(), version);
}

#[test]
fn the_header_for_other_languages_has_the_same_functions_and_no_preprocessor_lines() {
    let (full, bare) = (header("kuai.h"), header("kuai_ffi.h"));
    assert_eq!(functions(&full), functions(&bare));
    assert!(!bare.contains('#') && !bare.contains("/*"), "{bare}");
    let preload = header("kuai_preload.h");
    assert_eq!(
        preload,
        format!("#define FFI_SCOPE \"KUAI\"\n#define FFI_LIB \"libkuai.so.0\"\n\n{bare}")
    );
    for name in HEADERS {
        assert!(header(name).is_ascii(), "{name}");
    }
}

#[test]
fn every_compiler_takes_the_header_without_a_word() {
    let folder = Folder::new("compilers");
    let program = "#include <kuai.h>\nint main(void)\n{\n    return kuai_version() == NULL || KUAI_OK;\n}\n";
    let c = ("t.c", ["c89", "c99", "c11", "c17", "gnu17"]);
    let cpp = ("t.cc", ["c++98", "c++11", "c++14", "c++17", "c++20"]);
    for (compiler, (file, standards)) in [("gcc", c), ("clang", c), ("g++", cpp), ("clang++", cpp)] {
        folder.write(file, program);
        for standard in standards {
            compile(compiler, standard, &folder.path(file), &[]);
        }
    }
}

#[test]
fn every_example_in_the_header_compiles() {
    let folder = Folder::new("examples");
    let examples = examples();
    assert!(examples.len() >= 12, "{} examples", examples.len());
    for (i, example) in examples.iter().enumerate() {
        let file = format!("example_{i}.c");
        folder.write(&file, &program(example));
        compile("gcc", "c89", &folder.path(&file), &["-Wno-unused"]);
    }
}

#[test]
fn php_reads_the_header_unchanged() {
    let folder = Folder::new("php");
    folder.write(
        "t.php",
        "<?php\n$f = FFI::cdef(file_get_contents($argv[1]), $argv[2]);\n$s = $f->new('kuai_status');\n\
         $a = $f->kuai_chat_complete(null, '{}', FFI::addr($s));\n\
         echo $f->kuai_version(), ' ', $f->kuai_status_name($s->cdata), ' ', $f->KUAI_DONE;\n$f->kuai_string_free($a);\n",
    );
    says_who_it_is(
        Command::new("php")
            .args(["-d", "ffi.enable=1"])
            .arg(folder.path("t.php")),
    );
}

#[test]
fn php_preloads_the_header_for_it() {
    let folder = Folder::new("preload");
    folder.link_library();
    folder.write("t.php", "<?php\necho FFI::scope('KUAI')->kuai_version();\n");
    let preload = format!("ffi.preload={}", include_dir().join("kuai_preload.h").display());
    let mut php = Command::new("php");
    php.args(["-d", "ffi.enable=preload", "-d", &preload])
        .arg(folder.path("t.php"));
    if let Some(output) = run(php.env("LD_LIBRARY_PATH", &folder.0)) {
        assert_eq!(output, env!("CARGO_PKG_VERSION"));
    }
}

#[test]
fn luajit_reads_the_header_unchanged() {
    let folder = Folder::new("luajit");
    folder.write(
        "t.lua",
        "local ffi = require 'ffi'\nffi.cdef(io.open(arg[1]):read('*a'))\nlocal f = ffi.load(arg[2])\nlocal s = ffi.new('kuai_status[1]')\n\
         local a = ffi.gc(f.kuai_chat_complete(nil, '{}', s), f.kuai_string_free)\n\
         io.write(ffi.string(f.kuai_version()), ' ', ffi.string(f.kuai_status_name(s[0])), ' ', tonumber(f.KUAI_DONE))\n",
    );
    says_who_it_is(Command::new("luajit").arg(folder.path("t.lua")));
}

#[test]
fn python_cffi_reads_the_header_unchanged() {
    let folder = Folder::new("cffi");
    folder.write(
        "t.py",
        "import sys, cffi\nffi = cffi.FFI()\nffi.cdef(open(sys.argv[1]).read())\nf = ffi.dlopen(sys.argv[2])\ns = ffi.new('kuai_status *')\n\
         a = ffi.gc(f.kuai_chat_complete(ffi.NULL, b'{}', s), f.kuai_string_free)\n\
         text = lambda p: ffi.string(p).decode()\nprint(text(f.kuai_version()), text(f.kuai_status_name(s[0])), f.KUAI_DONE, end='')\n",
    );
    let cffi = Command::new("python3").args(["-c", "import cffi"]).output();
    if !cffi.is_ok_and(|output| output.status.success()) {
        return missing("Python with cffi (pip install cffi)");
    }
    says_who_it_is(Command::new("python3").arg(folder.path("t.py")));
}

/// Runs a script that makes a call fail and prints the version, the failure's name and the value of `KUAI_DONE`.
fn says_who_it_is(script: &mut Command) {
    if let Some(output) = run(script.arg(include_dir().join("kuai_ffi.h")).arg(library())) {
        assert_eq!(output, format!("{} invalid_argument 1", env!("CARGO_PKG_VERSION")));
    }
}

/// Has a compiler look at a file, as strictly as it can.
fn compile(compiler: &str, standard: &str, file: &Path, flags: &[&str]) {
    let strict = ["-pedantic", "-Wall", "-Wextra", "-Werror", "-fsyntax-only"];
    let mut command = Command::new(compiler);
    run(command
        .arg(format!("-std={standard}"))
        .args(strict)
        .args(flags)
        .arg("-I")
        .arg(include_dir())
        .arg(file));
}

/// The program's output, or `None` when there is no such program. A failure or a complaint of its fails the test.
fn run(command: &mut Command) -> Option<String> {
    let Ok(Output { status, stdout, stderr }) = command.output() else {
        missing(&command.get_program().to_string_lossy());
        return None;
    };
    let stderr = String::from_utf8_lossy(&stderr);
    assert!(status.success() && stderr.is_empty(), "{command:?}: {status}\n{stderr}");
    Some(String::from_utf8(stdout).unwrap())
}

fn missing(tool: &str) {
    static TOLD: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    assert!(env::var("CI").as_deref() != Ok("true"), "{tool} is not installed");
    if TOLD.lock().unwrap().insert(tool.to_owned()) {
        // Not eprintln: the test harness would keep that to itself.
        let _ = writeln!(std::io::stderr(), "skipped: {tool} is not installed");
    }
}

fn include_dir() -> PathBuf {
    Path::new(ROOT).join("include")
}

fn header(name: &str) -> String {
    read(&include_dir().join(name))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The shared library of this very build: it lies beside the test's own program.
fn library() -> PathBuf {
    let library = env::current_exe().unwrap().with_file_name("libkuai.so");
    assert!(library.exists(), "{} was not built", library.display());
    library
}

/// The names before an opening parenthesis, comments left out.
fn functions(header: &str) -> BTreeSet<String> {
    let mut code = String::new();
    for part in header.split("/*") {
        code += part.split_once("*/").map_or(part, |(_, code)| code);
    }
    let before_parenthesis = code.split('(').map(|part| {
        part.rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .next()
            .unwrap_or_default()
    });
    before_parenthesis
        .filter(|name| name.starts_with("kuai_"))
        .map(str::to_owned)
        .collect()
}

/// What stands between "```c" and "```" in the documentation of the C layer.
fn examples() -> Vec<String> {
    let mut examples = Vec::new();
    for file in fs::read_dir(Path::new(ROOT).join("src/capi")).unwrap() {
        let source = read(&file.unwrap().path());
        let mut example: Option<String> = None;
        for line in source.lines() {
            let Some(line) = line.strip_prefix("///").or_else(|| line.strip_prefix("//!")) else {
                continue;
            };
            let line = line.strip_prefix(' ').unwrap_or(line);
            match &mut example {
                None if line == "```c" => example = Some(String::new()),
                None => {}
                Some(_) if line == "```" => examples.extend(example.take()),
                Some(code) => *code += &format!("{line}\n"),
            }
        }
    }
    examples
}

/// An example as a whole program: the handles and variables that examples take for granted are parameters.
fn program(example: &str) -> String {
    if example.contains("int main(") {
        return example.to_owned();
    }
    let parameters = "kuai_client *client, kuai_request *request, kuai_result *result, kuai_stream *stream, kuai_cancel *cancel, \
                      kuai_job *job, kuai_pages *pages, kuai_tools *tools, const char *request_json, kuai_status status, const char *headers_json, const void *body, size_t body_size";
    format!(
        "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n#include <kuai.h>\n\
         void example({parameters});\nvoid example({parameters})\n{{\n    {{\n{example}    }}\n}}\n"
    )
}

/// A folder for a test's files, gone afterwards.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = env::temp_dir().join(format!("kuai-headers-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn path(&self, file: &str) -> PathBuf {
        self.0.join(file)
    }

    fn write(&self, file: &str, text: &str) {
        fs::write(self.path(file), text).unwrap();
    }

    /// Puts the library here under the name that programs look for.
    fn link_library(&self) {
        std::os::unix::fs::symlink(library(), self.path("libkuai.so.0")).unwrap();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
