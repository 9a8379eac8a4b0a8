//! Everything that can be set: a JSON object, and the environment where it is silent.
//!
//! All of it is checked here, once, so that a client that could be made is a client that can send. The environment comes in as a
//! function; files that are named are opened by the transport.
#![forbid(unsafe_code)]

mod base_url;
mod environment;
mod fields;
mod load;
mod object;
mod options;
mod secret;
mod service;

pub use base_url::BaseUrl;
pub(crate) use base_url::split_authority;
pub use environment::Environment;
pub use options::{CallOptions, JobOptions, ToolsOptions};
pub use secret::Secret;

pub use crate::log::Level;
use crate::proxy::Proxies;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// A client's configuration.
#[derive(Clone)]
pub struct Config {
    /// `None`: the service wants none.
    pub api_key: Option<Secret>,
    /// What every path is appended to.
    pub base: BaseUrl,
    /// Fills a missing `model`.
    pub default_model: Option<String>,
    /// Sent with each request, in order.
    pub headers: Vec<(String, String)>,
    /// Appended to each URL, not yet encoded.
    pub query: Vec<(String, String)>,
    /// `OpenAI-Organization`.
    pub organization: Option<String>,
    /// `OpenAI-Project`.
    pub project: Option<String>,
    /// `User-Agent`.
    pub user_agent: String,
    /// How long things may take.
    pub limits: Limits,
    /// How many attempts there may be after the first.
    pub max_retries: u32,
    /// A service that asks for a longer wait is not tried again.
    pub max_retry_after: Duration,
    /// Whether a POST that may be retried carries a key that tells its attempts from new requests.
    pub idempotency_keys: bool,
    /// What the connections go through.
    pub proxies: Proxies,
    /// Who looks names up.
    pub resolver: Resolver,
    /// Further root certificates, PEM.
    pub ca_file: Option<PathBuf>,
    /// Who we are, PEM.
    pub client_cert_file: Option<PathBuf>,
    /// Its key, PEM; `None`: in the same file.
    pub client_key_file: Option<PathBuf>,
    /// Whom we trust.
    pub tls_roots: TlsRoots,
    /// The largest answer.
    pub max_response_bytes: u64,
    /// The largest event of a stream.
    pub max_event_bytes: usize,
    /// What a stream without its end mark is.
    pub incomplete_streams: Incomplete,
    /// Whether the gateway's documented turn rule is enforced before sending.
    pub strict_turns: bool,
    /// What is told of each attempt; `None`: nothing.
    pub log: Option<Level>,
    /// Set when the service is Azure's.
    pub azure: Option<Azure>,
}

/// Time limits; `None` is off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Address look-up, TCP and TLS.
    pub connect: Duration,
    /// The longest gap between bytes.
    pub idle: Duration,
    /// The longest gap between stream events that carry something.
    pub content: Option<Duration>,
    /// One attempt, from its start to the end of its answer.
    pub attempt: Option<Duration>,
    /// The whole call, every attempt and wait included.
    pub deadline: Option<Duration>,
}

/// How hosts' names are looked up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resolver {
    /// By the system's `getaddrinfo`, always; else only where it must be.
    pub system: bool,
    /// `RES_OPTIONS`.
    pub options: Option<String>,
    /// `LOCALDOMAIN`.
    pub local_domain: Option<String>,
    /// `HOSTALIASES` is set: what names without a dot stand for, the system alone knows.
    pub host_aliases: bool,
}

/// Which root certificates are trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsRoots {
    /// Mozilla's, which the library brings, and those of `ca_file`.
    Bundled,
    /// The operating system's and those of `ca_file`.
    System,
    /// Those of `ca_file` alone.
    File,
}

/// What a stream is that ends without its end mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Incomplete {
    /// A failure.
    Error,
    /// Done.
    Accept,
}

/// Azure's way to name a model and a version of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Azure {
    /// Stands in the path.
    pub deployment: String,
    /// The query's `api-version`.
    pub api_version: String,
}

impl Config {
    /// Whether a stream without its end mark counts as done.
    pub fn accepts_incomplete_streams(&self) -> bool {
        self.incomplete_streams == Incomplete::Accept
    }
}

/// The values of headers and query can be secrets like the key.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("api_key", &self.api_key)
            .field("base", &self.base)
            .field("default_model", &self.default_model)
            .field("headers", &names(&self.headers))
            .field("query", &names(&self.query))
            .field("organization", &self.organization)
            .field("project", &self.project)
            .field("user_agent", &self.user_agent)
            .field("limits", &self.limits)
            .field("max_retries", &self.max_retries)
            .field("max_retry_after", &self.max_retry_after)
            .field("idempotency_keys", &self.idempotency_keys)
            .field("proxies", &self.proxies)
            .field("resolver", &self.resolver)
            .field("ca_file", &self.ca_file)
            .field("client_cert_file", &self.client_cert_file)
            .field("client_key_file", &self.client_key_file)
            .field("tls_roots", &self.tls_roots)
            .field("max_response_bytes", &self.max_response_bytes)
            .field("max_event_bytes", &self.max_event_bytes)
            .field("incomplete_streams", &self.incomplete_streams)
            .field("strict_turns", &self.strict_turns)
            .field("log", &self.log)
            .field("azure", &self.azure)
            .finish()
    }
}

fn names(pairs: &[(String, String)]) -> Vec<&str> {
    pairs.iter().map(|(name, _)| name.as_str()).collect()
}
