//! What the integration tests and the stand-in service share: scripted HTTP and TLS peers on loopback, and an
//! OpenAI-like service made of them. A test uses it with `mod support;`.

// Each test binary includes the whole tree and uses another part of it.
#![allow(dead_code)]
#![forbid(unsafe_code)]

pub mod black_hole;
pub mod clients;
pub mod faults;
pub mod form;
pub mod http;
pub mod name_server;
pub mod namespace;
pub mod openai;
pub mod tls;
