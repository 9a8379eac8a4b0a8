//! What `make install` installs can be linked in each way that the README names.

use crate::program::{command, succeed};
use crate::support::openai::Service;
use crate::tools::{has, library, root, scratch};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

const PREFIX: &str = "/opt/kuai";

/// The tree that `make install DESTDIR=… PREFIX=/opt/kuai` makes of this build; `None` without make.
fn installed() -> Option<&'static Path> {
    static INSTALLED: OnceLock<PathBuf> = OnceLock::new();
    has("make", "make").then(|| {
        INSTALLED
            .get_or_init(|| {
                let destination = scratch().join("installed");
                let _ = fs::remove_dir_all(&destination);
                let mut make = Command::new("make");
                make.arg("-C")
                    .arg(root())
                    .arg("install")
                    .arg(format!("PREFIX={PREFIX}"));
                make.arg(format!("DESTDIR={}", destination.display()))
                    .arg(format!("OUT={}", library().display()));
                succeed(make.env_remove("MAKEFLAGS").env_remove("MAKELEVEL"));
                destination
            })
            .as_path()
    })
}

fn prefix(destination: &Path) -> PathBuf {
    destination.join(PREFIX.trim_start_matches('/'))
}

fn pkg_config(destination: &Path, arguments: &[&str]) -> Vec<String> {
    let mut command = Command::new("pkg-config");
    command.env("PKG_CONFIG_LIBDIR", prefix(destination).join("lib/pkgconfig"));
    command
        .env("PKG_CONFIG_SYSROOT_DIR", destination)
        .args(arguments)
        .arg("kuai");
    succeed(&mut command).split_whitespace().map(str::to_owned).collect()
}

fn answers(program: &Path, destination: &Path) {
    let server = Service::start();
    let mut command = command(program, &server.url("/v1"));
    command.env("LD_LIBRARY_PATH", prefix(destination).join("lib"));
    assert_eq!(succeed(&mut command), "1+100=101\n");
}

#[test]
fn the_shared_library_has_its_links_and_its_name() {
    let Some(destination) = installed() else { return };
    let lib = prefix(destination).join("lib");
    let versioned = format!("libkuai.so.{}", env!("CARGO_PKG_VERSION"));
    assert!(fs::symlink_metadata(lib.join(&versioned)).expect(&versioned).is_file());
    assert_eq!(
        fs::read_link(lib.join("libkuai.so.0")).expect("a link"),
        Path::new(&versioned)
    );
    assert_eq!(
        fs::read_link(lib.join("libkuai.so")).expect("a link"),
        Path::new("libkuai.so.0")
    );
    if has("readelf", "binutils") {
        let dynamic = succeed(Command::new("readelf").arg("-dW").arg(lib.join(versioned)));
        assert!(dynamic.contains("soname: [libkuai.so.0]"), "{dynamic}");
    }
}

#[test]
fn pkg_config_links_the_shared_library() {
    let Some(destination) = installed() else { return };
    if !has("pkg-config", "pkg-config") || !has("gcc", "gcc") {
        return;
    }
    assert_eq!(pkg_config(destination, &["--modversion"]), [env!("CARGO_PKG_VERSION")]);
    let program = scratch().join("hello-pkg-config");
    let mut compiler = Command::new("gcc");
    compiler.arg(root().join("examples-c/hello.c")).arg("-o").arg(&program);
    succeed(compiler.args(pkg_config(destination, &["--cflags", "--libs"])));
    answers(&program, destination);
}

#[test]
fn the_static_library_needs_the_libraries_that_pkg_config_names_and_no_others() {
    let Some(destination) = installed() else { return };
    if !has("pkg-config", "pkg-config") || !has("gcc", "gcc") {
        return;
    }
    let program = scratch().join("hello-static");
    let mut compiler = Command::new("gcc");
    compiler.arg(root().join("examples-c/hello.c")).arg("-o").arg(&program);
    let flags = pkg_config(destination, &["--cflags", "--libs", "--static"]);
    compiler.args(
        flags
            .iter()
            .map(|flag| if flag == "-lkuai" { "-l:libkuai.a" } else { flag }),
    );
    succeed(&mut compiler);
    let server = Service::start();
    assert_eq!(succeed(&mut command(&program, &server.url("/v1"))), "1+100=101\n");
}

#[test]
fn cmake_finds_both_libraries_and_refuses_another_version() {
    let Some(destination) = installed() else { return };
    if !has("cmake", "cmake") || !has("gcc", "gcc") || !has("make", "make") {
        return;
    }
    let source = scratch().join("cmake-project");
    fs::create_dir_all(&source).expect("a directory");
    let lists = format!(
        "cmake_minimum_required(VERSION 3.13)
project(hello C)
find_package(kuai 0.2 CONFIG QUIET)
if(kuai_FOUND)
  message(FATAL_ERROR \"0.2 is not {version}\")
endif()
find_package(kuai 0.1 CONFIG REQUIRED)
add_executable(shared {root}/examples-c/hello.c)
target_link_libraries(shared PRIVATE kuai::kuai)
add_executable(static {root}/examples-c/hello.c)
target_link_libraries(static PRIVATE kuai::static)
",
        version = env!("CARGO_PKG_VERSION"),
        root = root().display(),
    );
    fs::write(source.join("CMakeLists.txt"), lists).expect("a file");
    let build = scratch().join("cmake-build");
    let _ = fs::remove_dir_all(&build);
    let mut configure = Command::new("cmake");
    configure.arg("-S").arg(&source).arg("-B").arg(&build);
    configure.arg(format!("-DCMAKE_PREFIX_PATH={}", prefix(destination).display()));
    succeed(configure.args(["-G", "Unix Makefiles"]));
    succeed(Command::new("cmake").arg("--build").arg(&build).env_remove("MAKEFLAGS"));
    answers(&build.join("shared"), destination);
    answers(&build.join("static"), destination);
}
