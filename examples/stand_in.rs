//! The stand-in service: an OpenAI-like server on loopback, for trying things out without a key.
//!
//!     cargo run --example stand_in -- [--port N] [--key KEY] [--tls CERT.pem KEY.pem] [--parent-stdin]
//!
//! It prints `listening on http://127.0.0.1:PORT/v1` and runs until it is killed; with `--parent-stdin` until its
//! standard input ends, so that whoever started it never leaves it behind. What it answers, and which errors it makes on
//! demand, is told in `tests/support/openai.rs` and `tests/support/openai/faults.rs`.

#![forbid(unsafe_code)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::error::Error;
use std::io::Write;
use std::path::Path;
use support::http::{Options, Server};
use support::openai::{KEY, Service};
use support::tls::Tls;

fn main() -> Result<(), Box<dyn Error>> {
    let mut options = Options {
        remember: false,
        ..Options::default()
    };
    let mut key = KEY.to_owned();
    let mut parent_stdin = false;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--port" => options.listen.set_port(value()?.parse()?),
            "--key" => key = value()?,
            "--tls" => {
                let (certificate, key) = (value()?, value()?);
                options.tls = Some(Tls::from_files(Path::new(&certificate), Path::new(&key))?);
            }
            "--parent-stdin" => parent_stdin = true,
            _ => return Err(format!("unknown argument: {argument}").into()),
        }
    }
    let server = Server::with(options, Service::with_key(&key).handler())?;
    println!("listening on {}", server.url("/v1"));
    std::io::stdout().flush()?;
    if parent_stdin {
        std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
        return Ok(());
    }
    loop {
        std::thread::park();
    }
}
