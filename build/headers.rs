//! The C headers, made of `src/capi`: each file there is a section, its `//!` text the section's introduction.

use cbindgen::{Bindings, Builder, Config};
use std::fs;
use std::path::Path;

/// The sections in reading order. A type is declared before it is used.
const SECTIONS: [&str; 13] = [
    "status", "handle", "client", "call", "request", "result", "stream", "cancel", "pages", "tools", "job", "json",
    "about",
];

const WIDTH: usize = 110;

/// Writes `kuai.h`, `kuai_ffi.h` and `kuai_preload.h` into `out`.
pub fn generate(root: &Path, out: &Path, version: &str) {
    let mut config = Config::from_file(root.join("cbindgen.toml")).expect("cbindgen.toml is not what cbindgen expects");
    let capi = root.join("src/capi");
    let full = kuai_h(&capi, &config, version);
    config.documentation = false;
    let bare: Vec<String> = SECTIONS
        .iter()
        .map(|section| declarations(&capi, section, &config))
        .collect();
    let bare = bare.join("\n");
    let preload = format!("#define FFI_SCOPE \"KUAI\"\n#define FFI_LIB \"libkuai.so.0\"\n\n{bare}");
    for (name, text) in [("kuai.h", full), ("kuai_ffi.h", bare), ("kuai_preload.h", preload)] {
        fs::write(out.join(name), text).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

fn kuai_h(capi: &Path, config: &Config, version: &str) -> String {
    let mut text = comment(&introduction(capi, "mod"));
    text += &preamble(version);
    for section in SECTIONS {
        text += &format!(
            "\n\n{}\n{}",
            comment(&introduction(capi, section)),
            declarations(capi, section, config)
        );
    }
    text += "\n#ifdef __cplusplus\n}\n#endif\n\n#endif /* KUAI_H */\n";
    text
}

fn preamble(version: &str) -> String {
    let mut parts = version.split('.');
    let [major, minor, patch] = [(); 3].map(|()| parts.next().expect("a version has three parts"));
    format!(
        "
#ifndef KUAI_H
#define KUAI_H

#include <stddef.h>
#include <stdint.h>

#define KUAI_VERSION \"{version}\"
#define KUAI_VERSION_MAJOR {major}
#define KUAI_VERSION_MINOR {minor}
#define KUAI_VERSION_PATCH {patch}

#ifdef __cplusplus
extern \"C\" {{
#endif
"
    )
}

/// What cbindgen makes of one file.
fn declarations(capi: &Path, section: &str, config: &Config) -> String {
    let source = capi.join(section).with_extension("rs");
    let bindings: Bindings = Builder::new()
        .with_config(config.clone())
        .with_src(&source)
        .generate()
        .unwrap_or_else(|error| panic!("cbindgen cannot read {}: {error}", source.display()));
    let mut text = Vec::new();
    bindings.write(&mut text);
    let text = String::from_utf8(text).expect("cbindgen writes UTF-8");
    // C89 and C++98 know no comma after an enum's last constant.
    let text = short_comments_joined(&examples_indented(&text)).replace(",\n}", "\n}");
    format!("{}\n", text.trim())
}

/// The `//!` lines of a file.
fn introduction(capi: &Path, section: &str) -> String {
    let source = capi.join(section).with_extension("rs");
    let text = fs::read_to_string(&source).unwrap_or_else(|error| panic!("{}: {error}", source.display()));
    let lines = text.lines().map_while(|line| line.strip_prefix("//!"));
    lines
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
        .collect::<Vec<_>>()
        .join("\n")
}

/// A section's head: its first line is the title.
fn comment(text: &str) -> String {
    let mut out = format!("/* {}\n", "=".repeat(WIDTH - 3));
    for line in text.lines() {
        out += format!(" * {line}").trim_end();
        out.push('\n');
    }
    examples_indented(&(out + " */\n"))
}

/// Markdown's fences are not for C: what stands between them is indented.
fn examples_indented(text: &str) -> String {
    let mut out = String::new();
    let mut fenced = false;
    for line in text.lines() {
        if line.starts_with(" * ```") {
            fenced = !fenced;
            continue;
        }
        match line.strip_prefix(" * ") {
            Some(code) if fenced => out += &format!(" *     {code}"),
            _ => out += line,
        }
        out.push('\n');
    }
    out
}

/// A comment of one line on one line.
fn short_comments_joined(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let mut out = String::new();
    let mut at = 0;
    while at < lines.len() {
        match lines[at..] {
            [open, line, close, ..] if open.trim() == "/**" && close.trim() == "*/" => {
                let indent = &open[..open.len() - "/**".len()];
                out += &format!("{indent}/** {} */\n", line.trim().trim_start_matches("* "));
                at += 3;
            }
            _ => {
                out += lines[at];
                out.push('\n');
                at += 1;
            }
        }
    }
    out
}
