//! The way to the service: ureq's agent with our own connections below it.
//!
//! ureq writes requests, reads answers, frames and decodes bodies and keeps the pool. What it does not do, or not as a library inside somebody
//! else's program must, is done below it: look-ups only for new connections and in the calling thread, every wait bounded, cancellable and
//! indifferent to signals, no connection shared over a fork, no broken body taken for a whole one.
//!
//! Map: [`exchange`] what a connection must know of its call · [`socket`] waiting · [`look_up`] names and name servers · [`connect`] dialling,
//! proxies · [`tls`] roots and certificates · [`chunks`] the framing of bodies · [`buffers`], [`connection`] what ureq sees.
#![forbid(unsafe_code)]

mod buffers;
mod chunks;
mod connect;
mod connection;
pub(crate) mod exchange;
mod look_up;
mod socket;
mod tls;

use crate::config::Config;
use crate::error::{Error, Result, Status};
use crate::headers::Headers;
use crate::proxy::{Kind, Proxies, Proxy};
use crate::times::{Phase, Times};
use crate::wiped::Wiped;
use buffers::MOST_OUTPUT;
use connect::Endpoint;
pub(crate) use connect::PROXY_REFUSED;
use connection::{AbsoluteForm, Connection};
use exchange::Exchange;
use once_cell::sync::OnceCell;
pub(crate) use socket::sleep;
use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;
use ureq::http::header::{AUTHORIZATION, CONNECTION, CONTENT_LENGTH, EXPECT, HOST, TRANSFER_ENCODING};
use ureq::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{ConnectionDetails, Connector, NextTimeout};
use ureq::{Agent, AsSendBody, BodyReader, SendBody};

/// Idle connections kept: enough for a program of many threads, few enough for a service.
const MOST_IDLE: usize = 64;
/// Firewalls and balancers forget idle connections, many after 60 s, without telling.
const LONGEST_IDLE: Duration = Duration::from_secs(45);

/// Sends requests and receives answers, over connections that it keeps.
pub(crate) struct Transport {
    agent: Agent,
    dialer: Arc<Dialer>,
    max_response_bytes: u64,
}

/// The head of an answer, and the way to its body.
pub(crate) struct Response {
    pub http_status: u16,
    pub headers: Headers,
    /// Of the body, when it is told and not encoded.
    pub content_length: Option<u64>,
    body: BodyReader<'static>,
    /// How many bytes of the body there may be, and how many were read.
    most: u64,
    taken: u64,
}

/// A request's body, which can be read from its start for each attempt.
pub(crate) enum Body<'a> {
    None,
    Bytes(&'a [u8]),
    /// As many bytes as said.
    Reader(Box<dyn Read + Send + 'a>, u64),
}

impl Transport {
    /// # Errors
    /// `Config` when a file that the configuration names cannot be used.
    pub fn new(config: &Arc<Config>) -> Result<Transport> {
        let dialer = Dialer {
            config: config.clone(),
            tls: OnceCell::new(),
        };
        let names_files =
            config.ca_file.is_some() || config.client_cert_file.is_some() || config.client_key_file.is_some();
        if config.base.tls || names_files {
            dialer.tls_settings()?;
        }
        Ok(Transport::with(dialer))
    }

    fn with(dialer: Dialer) -> Transport {
        let dialer = Arc::new(dialer);
        let agent_config = Agent::config_builder()
            // All of ureq's own opinions are off: failures are judged, redirects decided, proxies dialled and headers written by us.
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .allow_non_standard_methods(true)
            .user_agent("")
            .accept("")
            .accept_encoding("")
            .max_idle_connections(MOST_IDLE)
            .max_idle_connections_per_host(MOST_IDLE)
            .max_idle_age(LONGEST_IDLE)
            .build();
        Transport {
            agent: Agent::with_parts(agent_config, Dialing(dialer.clone()), NoLookUp),
            max_response_bytes: dialer.config.max_response_bytes,
            dialer,
        }
    }

    /// The same for the child of a fork: nothing that connections or sessions were kept in is shared, no file is read again.
    pub fn for_child(&self) -> Transport {
        Transport::with(Dialer {
            config: self.dialer.config.clone(),
            tls: self
                .dialer
                .tls
                .get()
                .map_or_else(OnceCell::new, |settings| OnceCell::with_value(tls::for_child(settings))),
        })
    }

    /// Sends a request and receives the head of its answer.
    pub fn send(
        &self,
        exchange: &mut Exchange,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        body: Body<'_>,
    ) -> Result<Response> {
        exchange.begin();
        let mut request = Request::new(());
        *request.method_mut() = method.clone();
        *request.uri_mut() = uri.clone();
        *request.headers_mut() = divided(uri, headers, &body, exchange);
        let answer = exchange.during(|| match body {
            Body::None => self.agent.run(request),
            Body::Bytes(bytes) => self.agent.run(request.map(|()| bytes)),
            Body::Reader(mut reader, length) => {
                request.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
                let mut whole = Whole {
                    inner: &mut *reader,
                    left: length,
                };
                let body: SendBody<'_> = SendBody::from_reader(&mut whole);
                self.run_reader(request, body)
            }
        });
        let answer = answer.map_err(|error| failure(exchange, error))?;
        exchange.barren = 0;
        let http_status = answer.status().as_u16();
        let body = answer.into_body();
        let content_length = body.content_length();
        // A decoder of gzip reads as soon as it is made.
        let body = exchange.during(|| body.into_reader());
        Ok(Response {
            http_status,
            headers: std::mem::take(&mut exchange.headers),
            content_length,
            body,
            most: self.max_response_bytes,
            taken: 0,
        })
    }

    fn run_reader(
        &self,
        request: Request<()>,
        body: impl AsSendBody,
    ) -> std::result::Result<ureq::http::Response<ureq::Body>, ureq::Error> {
        self.agent.run(request.map(|()| body))
    }
}

/// The headers that ureq must know; the others go into the exchange as lines, with how large the request's head and body are.
fn divided(uri: &Uri, headers: &HeaderMap, body: &Body<'_>, exchange: &mut Exchange) -> HeaderMap {
    /// For what else stands in the request line, and for the lines that ureq adds.
    const ROOM: usize = 200;
    // A name and password in the URL would make ureq add an `Authorization` of its own.
    let has_user = uri
        .authority()
        .is_some_and(|authority| authority.as_str().contains('@'));
    // A bare request goes out in its own order.
    let all = exchange.raw_body;
    let mut known = HeaderMap::new();
    let lines = &mut exchange.lines;
    lines.clear();
    lines.reserve(64 * headers.len());
    let mut longest = uri.path_and_query().map_or(1, |path| path.as_str().len());
    longest = longest.max(uri.host().unwrap_or_default().len());
    let mut known_size = longest;
    for (name, value) in headers {
        let framing = matches!(*name, HOST | CONTENT_LENGTH | TRANSFER_ENCODING | EXPECT | CONNECTION);
        if all || framing || has_user && *name == AUTHORIZATION {
            longest = longest.max(value.len());
            known_size += value.len() + ROOM;
            known.append(name, value.clone());
        } else {
            for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
                lines.push(part);
            }
        }
    }
    let body_size = match body {
        Body::None => 0,
        Body::Bytes(bytes) => bytes.len(),
        Body::Reader(_, length) => usize::try_from(*length).unwrap_or(usize::MAX),
    };
    exchange.longest_line = longest + ROOM;
    exchange.request_size = (known_size + 2 * ROOM + lines.len())
        .saturating_add(body_size)
        .min(MOST_OUTPUT);
    known
}

impl Response {
    /// Reads some of the body; 0 is its end, after which the connection rests in the pool.
    ///
    /// # Errors
    /// `Limit` when the body is larger than the client allows; else why there is no more of it.
    pub fn read(&mut self, exchange: &mut Exchange, buffer: &mut [u8]) -> Result<usize> {
        let read = exchange.during(|| fruitful(&mut self.body, buffer));
        let amount = read.map_err(|error| failure(exchange, ureq::Error::from(error)))?;
        self.taken += amount as u64;
        if self.taken > self.most {
            return Err(self.too_large());
        }
        Ok(amount)
    }

    /// Reads the rest of the body.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_all(&mut self, exchange: &mut Exchange) -> Result<Vec<u8>> {
        if self.content_length.is_some_and(|length| length > self.most) {
            return Err(self.too_large());
        }
        let (body, whole) = self.read_start(exchange, self.most - self.taken)?;
        if !whole {
            return Err(self.too_large());
        }
        Ok(body)
    }

    /// Reads no more than so many bytes of the rest of the body, and says whether that is all of it.
    pub fn read_start(&mut self, exchange: &mut Exchange, most: u64) -> Result<(Vec<u8>, bool)> {
        /// What is reserved on the word of a header alone.
        const MOST_TRUSTED: u64 = 64 * 1024 * 1024;
        // One byte more, for the NUL that C needs and for the read that finds the end.
        let enough = usize::try_from(most).map_or(usize::MAX, |most| most.saturating_add(1));
        let expected = self.content_length.unwrap_or(2048).min(MOST_TRUSTED) as usize + 1;
        let mut body = Vec::new();
        let mut size = 0;
        let read = exchange.during(|| {
            while size < enough {
                if size == body.len() {
                    grow(&mut body, (2 * size).max(expected).min(enough))?;
                }
                match fruitful(&mut self.body, &mut body[size..])? {
                    0 => return Ok(true),
                    amount => size += amount,
                }
            }
            Ok(false)
        });
        let whole = read.map_err(|error: io::Error| failure(exchange, ureq::Error::from(error)))?;
        body.truncate(size.min(enough - 1));
        self.taken += body.len() as u64;
        Ok((body, whole))
    }

    fn too_large(&self) -> Error {
        Error::new(
            Status::Limit,
            format!("the answer is larger than max_response_bytes ({})", self.most),
        )
    }
}

/// Makes room as far as there is memory: how much an answer takes is for the service to say.
fn grow(body: &mut Vec<u8>, size: usize) -> io::Result<()> {
    if body.try_reserve_exact(size - body.len()).is_err() {
        return Err(io::ErrorKind::OutOfMemory.into());
    }
    body.resize(size, 0);
    Ok(())
}

/// Reads, and notes that what came was good for something.
fn fruitful(body: &mut BodyReader<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    let amount = body.read(buffer)?;
    exchange::current(|exchange| exchange.barren = 0);
    Ok(amount)
}

/// Makes connections for ureq's pool.
struct Dialer {
    config: Arc<Config>,
    tls: OnceCell<Arc<rustls::ClientConfig>>,
}

impl Dialer {
    fn tls_settings(&self) -> Result<&Arc<rustls::ClientConfig>> {
        self.tls.get_or_try_init(|| tls::client_config(&self.config))
    }

    fn dial(&self, uri: &Uri, exchange: &Exchange, times: &mut Times) -> Result<Connection> {
        let is_tls = uri.scheme_str() == Some("https");
        let host = uri
            .host()
            .unwrap_or_default()
            .trim_start_matches('[')
            .trim_end_matches(']');
        let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        let timer = exchange.limits.connect_timer();
        let proxy = self.proxies().for_target(is_tls, host, port);
        let socket = connect::connect(
            Endpoint { host, port },
            proxy,
            is_tls,
            &self.config.resolver,
            exchange,
            timer,
            times,
        )?;
        if is_tls {
            times.enter(Phase::Handshake);
            return Connection::tls(socket, self.tls_settings()?.clone(), host, exchange, timer);
        }
        let form = proxy
            .filter(|proxy| proxy.kind == Kind::Http)
            .map(|proxy| absolute_form(uri, proxy));
        Ok(Connection::plain(socket, form))
    }

    fn proxies(&self) -> &Proxies {
        &self.config.proxies
    }
}

fn absolute_form(uri: &Uri, proxy: &Proxy) -> AbsoluteForm {
    let authorization = proxy.basic_authorization();
    AbsoluteForm {
        origin: format!(
            "http://{}",
            uri.authority().map(|authority| authority.as_str()).unwrap_or_default()
        ),
        authorization: authorization
            .map(|value| {
                let mut line = Wiped::new();
                line.push(b"Proxy-Authorization: ");
                line.push(value.expose().as_bytes());
                line.push(b"\r\n");
                line
            })
            .unwrap_or_default(),
    }
}

/// A client's dialer as ureq's connector.
#[derive(Debug)]
struct Dialing(Arc<Dialer>);

impl Connector<()> for Dialing {
    type Out = Connection;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        _: Option<()>,
    ) -> std::result::Result<Option<Connection>, ureq::Error> {
        exchange::current(|exchange| {
            let mut times = std::mem::take(&mut exchange.times);
            let dialled = self.0.dial(details.uri, exchange, &mut times);
            if dialled.is_ok() {
                times.enter(Phase::Send);
            }
            exchange.times = times;
            match dialled {
                Ok(connection) => Ok(Some(connection)),
                Err(error) => {
                    exchange.failure = Some(error);
                    Err(ureq::Error::ConnectionFailed)
                }
            }
        })
    }
}

impl std::fmt::Debug for Dialer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Dialer")
    }
}

/// ureq asks before it looks into its pool; the [`Dialer`] looks up when a connection is really needed.
#[derive(Debug)]
struct NoLookUp;

impl Resolver for NoLookUp {
    fn resolve(
        &self,
        _: &Uri,
        _: &ureq::config::Config,
        _: NextTimeout,
    ) -> std::result::Result<ResolvedSocketAddrs, ureq::Error> {
        Ok(self.empty())
    }
}

/// A body of the length that was announced: ureq would wait forever for what a shorter one lacks.
struct Whole<'a> {
    inner: &'a mut dyn Read,
    left: u64,
}

impl Read for Whole<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let buffer = &mut buffer[..most];
        if buffer.is_empty() {
            return Ok(0);
        }
        // Nobody listens any more: what is left is not worth reading from a disk.
        let amount = if exchange::current(|exchange| exchange.answered_early) {
            buffer.fill(0);
            buffer.len()
        } else {
            self.inner.read(buffer)?
        };
        if amount == 0 {
            return Err(io::Error::other("the request's body ended early"));
        }
        self.left -= amount as u64;
        Ok(amount)
    }
}

/// What ureq's failure means. The transport's own word goes first.
fn failure(exchange: &mut Exchange, error: ureq::Error) -> Error {
    if let Some(failure) = exchange.failure.take() {
        return failure;
    }
    let broke = |why: &str| {
        Error::new(
            Status::Connection,
            format!("the connection broke before the answer was whole: {why}"),
        )
    };
    match error {
        ureq::Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => broke("it was closed"),
        ureq::Error::BodyStalled => broke("it was closed"),
        ureq::Error::Io(error) if error.get_ref().is_some_and(|inner| inner.is::<Error>()) => error
            .into_inner()
            .and_then(|inner| inner.downcast::<Error>().ok())
            .map_or_else(|| broke("unknown"), |inner| *inner),
        ureq::Error::Io(error) if error.kind() == io::ErrorKind::OutOfMemory => {
            Error::new(Status::Limit, "there is no memory for the answer")
        }
        ureq::Error::Io(error) => Error::new(Status::Io, error.to_string()),
        ureq::Error::LargeResponseHeader(..) => {
            Error::new(Status::Limit, "the answer's headers are larger than 64 KiB")
        }
        ureq::Error::Protocol(error) => Error::new(Status::Protocol, format!("the answer is not proper HTTP: {error}")),
        // The decoder takes the end of the connection for the end of its data.
        ureq::Error::Decompress(_, error) if exchange.ended && error.kind() == io::ErrorKind::UnexpectedEof => {
            broke("it was closed")
        }
        ureq::Error::Decompress(coding, error) => Error::new(
            Status::Protocol,
            format!("the answer's {coding} coding is damaged: {error}"),
        ),
        other => Error::new(Status::Internal, format!("ureq: {other}")),
    }
}

/// A header for a request.
///
/// # Errors
/// The reason why it cannot be sent.
pub(crate) fn header(name: &str, value: &str) -> std::result::Result<(HeaderName, HeaderValue), String> {
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("{name:?} is no name of a header"))?;
    let value = HeaderValue::from_bytes(value.as_bytes())
        .map_err(|_| format!("the value of {name} holds a control character"))?;
    Ok((name, value))
}
