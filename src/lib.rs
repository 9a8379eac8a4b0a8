//! A blocking client for OpenAI-compatible services, made to be called from C.
//!
//! `include/kuai.h` is the face; this crate is what stands behind it, and can be used from Rust as it is:
//!
//! ```no_run
//! let client = kuai::Client::new(None)?; // KUAI_API_KEY and the like from the environment
//! let answer = client.chat_complete(r#"{"messages":[{"role":"user","content":"1+100="}]}"#);
//! println!("{}", answer.text());
//! # Ok::<(), kuai::Error>(())
//! ```
//!
//! The rooms, from the door inwards; arrows point one way:
//!
//! | room | what is done there |
//! |---|---|
//! | [`capi`] | the C functions, one file a noun: convert, call, nothing else |
//! | [`client`], [`stream`], [`result`], [`request`] | one call from request to answer |
//! | [`jobs`] | work of many calls: waiting, uploads in parts, batches |
//! | [`pages`], [`tools`] | lists, item by item; conversations in which the model calls tools |
//! | `outgoing`, `operation`, `chat`, `multipart` | what is sent: URL, headers, body |
//! | `transport` | sockets, TLS and proxies below ureq; limits and cancelling |
//! | `names` | what a look-up of a host's name reads and writes: the system's files, the messages of name servers |
//! | `answer`, `sse`, `accumulate` | what came: judging it, cutting it into events, joining them |
//! | `retry`, `idempotency`, `save` | when to try again; keys; answers into files |
//! | `log`, [`times`] | what a program can see of its calls |
//! | `config`, `proxy` | everything that can be set |
//! | [`json`], [`headers`], [`error`], [`fork`], [`cancel`], `descriptor`, `wiped` | what all of them stand on |
#![cfg_attr(not(fuzzing), warn(missing_docs))]

mod accumulate;
mod answer;
pub mod cancel;
pub mod capi;
mod chat;
pub mod client;
pub mod config;
mod descriptor;
pub mod error;
pub mod fork;
pub mod headers;
mod idempotency;
pub mod jobs;
pub mod json;
mod log;
mod multipart;
mod names;
mod operation;
mod outgoing;
pub mod pages;
mod proxy;
pub mod request;
pub mod result;
mod retry;
mod save;
mod sse;
pub mod stream;
pub mod times;
mod tokens;
pub mod tools;
mod transport;
mod webhook;
mod wiped;

pub use cancel::Cancel;
pub use client::Client;
pub use error::{Error, Result, Status};
pub use jobs::Job;
pub use pages::Pages;
pub use request::Request;
pub use result::Answer;
pub use stream::Stream;
pub use tools::Tools;

/// The inner rooms, for the fuzzers of `fuzz/` alone.
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod inner {
    pub mod accumulate {
        pub use crate::accumulate::*;
    }
    pub mod answer {
        pub use crate::answer::*;
    }
    pub mod multipart {
        pub use crate::multipart::*;
    }
    pub mod names {
        pub use crate::names::*;
    }
    pub mod operation {
        pub use crate::operation::*;
    }
    pub mod sse {
        pub use crate::sse::*;
    }
}
