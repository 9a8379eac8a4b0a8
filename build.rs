//! Names the shared library, and generates the tables of operations and media types and the C headers.

use std::env;
use std::fs;
use std::path::PathBuf;

#[path = "build/headers.rs"]
mod headers;
#[path = "build/media_types.rs"]
mod media_types;
#[path = "build/operations.rs"]
mod operations;

fn main() {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));

    for path in ["build", "build.rs", "cbindgen.toml", "src/capi", "src/operations"] {
        println!("cargo:rerun-if-changed={path}");
    }
    if env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux") {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libkuai.so.0");
        // Texts that end alike are kept once.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-O2");
        // A handler for forks points into the library: it must not be unloaded.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }

    operations::generate();
    media_types::generate(&out);

    // Not into include/: a build does not change the sources. tests/headers.rs compares the two.
    let include = out.join("include");
    fs::create_dir_all(&include).expect("OUT_DIR can be written to");
    headers::generate(
        &root,
        &include,
        &env::var("CARGO_PKG_VERSION").expect("cargo sets CARGO_PKG_VERSION"),
    );
    println!("cargo:rustc-env=KUAI_GENERATED_HEADERS={}", include.display());
}
