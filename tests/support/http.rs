//! A small HTTP/1.1 server for tests: one thread a connection, loopback only, and a handler that decides every byte.
//!
//! ```ignore
//! let server = Server::start(|request, reply| match request.path() {
//!     "/whole" => reply.json(200, r#"{"ok":true}"#),
//!     "/cut" => {
//!         reply.cut_after(40, Cut::Rst);
//!         reply.json(200, r#"{"never":"whole"}"#)
//!     }
//!     _ => reply.events(&[r#"{"n":1}"#, "[DONE]"], Duration::from_millis(5)),
//! });
//! ```
//!
//! A handler returns `io::Result`, so that `?` ends it when the peer is gone. A handler that panics, and a request that
//! is not HTTP, make the server's drop panic: assertions inside handlers count.

mod reply;
mod request;
mod wire;

pub use reply::{Framing, Reply, gzip};
pub use request::Request;
pub use wire::{Cut, Wire};

use super::tls::{Authority, Tls};
use request::{Body, Reading};
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What differs from a plain server on a free port of 127.0.0.1.
pub struct Options {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    pub tls: Option<Tls>,
    /// Calls the handler as soon as the head of a request is there; the body waits for `Reply::read_body`.
    pub before_body: bool,
    /// Answers `Expect: 100-continue` by itself.
    pub expect_continue: bool,
    /// Keeps each request for `Server::requests`; a service that runs for long should not.
    pub remember: bool,
    /// How much the kernel takes of what nobody reads yet (`SO_RCVBUF`).
    pub receive_buffer: Option<usize>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            tls: None,
            before_body: false,
            expect_continue: true,
            remember: true,
            receive_buffer: None,
        }
    }
}

type HttpHandler = dyn Fn(&Request, &mut Reply<'_>) -> io::Result<()> + Send + Sync;
type RawHandler = dyn Fn(&mut Wire) -> io::Result<()> + Send + Sync;

enum Handler {
    Http(Box<HttpHandler>),
    Raw(Box<RawHandler>),
}

/// A running server; dropping it ends and joins all of its threads.
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
    authority: Option<Arc<Authority>>,
}

impl Server {
    pub fn start<F>(handler: F) -> Server
    where
        F: Fn(&Request, &mut Reply<'_>) -> io::Result<()> + Send + Sync + 'static,
    {
        Server::with(Options::default(), handler).expect("a free port on loopback")
    }

    /// Over TLS, with a certificate for `localhost`, 127.0.0.1 and ::1 from a new authority (`ca_pem`).
    pub fn start_tls<F>(handler: F) -> Server
    where
        F: Fn(&Request, &mut Reply<'_>) -> io::Result<()> + Send + Sync + 'static,
    {
        let tls = Some(Tls::new(Authority::new()));
        Server::with(
            Options {
                tls,
                ..Options::default()
            },
            handler,
        )
        .expect("a free port on loopback")
    }

    /// A server whose peer need not speak HTTP at all; the connection ends when the handler returns.
    pub fn start_raw<F>(handler: F) -> Server
    where
        F: Fn(&mut Wire) -> io::Result<()> + Send + Sync + 'static,
    {
        Server::raw_with(Options::default(), handler).expect("a free port on loopback")
    }

    pub fn raw_with<F>(options: Options, handler: F) -> io::Result<Server>
    where
        F: Fn(&mut Wire) -> io::Result<()> + Send + Sync + 'static,
    {
        Server::run(options, Handler::Raw(Box::new(handler)))
    }

    pub fn with<F>(options: Options, handler: F) -> io::Result<Server>
    where
        F: Fn(&Request, &mut Reply<'_>) -> io::Result<()> + Send + Sync + 'static,
    {
        Server::run(options, Handler::Http(Box::new(handler)))
    }

    fn run(options: Options, handler: Handler) -> io::Result<Server> {
        assert!(
            is_out_of_reach(options.listen.ip()),
            "test servers listen on loopback only, or where no other machine can be"
        );
        let listener = TcpListener::bind(options.listen)?;
        if let Some(size) = options.receive_buffer {
            // Every connection that it accepts begins with the listener's.
            rustix::net::sockopt::set_socket_recv_buffer_size(&listener, size)?;
        }
        let address = listener.local_addr()?;
        let authority = options.tls.as_ref().and_then(Tls::authority);
        let shared = Arc::new(Shared {
            options,
            handler,
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let acceptor = std::thread::spawn({
            let shared = shared.clone();
            move || accept_all(&listener, &shared)
        });
        Ok(Server {
            address,
            shared,
            acceptor: Some(acceptor),
            authority,
        })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// `http://127.0.0.1:PORT` and the path given.
    pub fn url(&self, path: &str) -> String {
        let scheme = if self.shared.options.tls.is_some() {
            "https"
        } else {
            "http"
        };
        format!("{scheme}://{}{path}", self.address)
    }

    /// The certificate file of the authority behind a TLS server.
    pub fn ca_pem(&self) -> PathBuf {
        self.authority
            .as_ref()
            .expect("a TLS server with an authority of its own")
            .ca_pem()
    }

    /// How many connections have been accepted so far.
    pub fn connections(&self) -> usize {
        self.shared.lock().connections
    }

    pub fn open_connections(&self) -> usize {
        self.shared.lock().open.len()
    }

    /// Counted before the connection stops being an open one.
    pub fn handshake_failures(&self) -> usize {
        self.shared.lock().handshake_failures
    }

    /// How many requests have come so far, remembered or not.
    pub fn request_count(&self) -> usize {
        self.shared.lock().request_count
    }

    /// The remembered requests, in the order in which their handlers were called.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.lock().requests.clone()
    }

    /// The remembered requests, which are then forgotten.
    pub fn take_requests(&self) -> Vec<Request> {
        std::mem::take(&mut self.shared.lock().requests)
    }

    pub fn last_request(&self) -> Request {
        self.shared.lock().requests.last().cloned().expect("a request has come")
    }

    /// Waits until `count` requests have come; false when they have not in that time.
    pub fn wait_for_requests(&self, count: usize, limit: Duration) -> bool {
        self.shared.wait_until(limit, |state| state.request_count >= count)
    }

    /// Waits until exactly `count` connections are open.
    pub fn wait_for_open_connections(&self, count: usize, limit: Duration) -> bool {
        self.shared.wait_until(limit, |state| state.open.len() == count)
    }

    /// Closes every connection from this side, as a server does whose keep-alive time has passed; returns when they
    /// are gone. A handler at work loses its peer.
    pub fn close_connections(&self, how: Cut) {
        for socket in self.shared.lock().open.values().filter_map(Weak::upgrade) {
            if how == Cut::Rst {
                // Its owner sees that and resets the connection.
                let _ = rustix::net::sockopt::set_socket_linger(&*socket, Some(Duration::ZERO));
            }
            // Its thread reads the end of the stream and closes.
            let _ = socket.shutdown(Shutdown::Read);
        }
        self.wait_for_open_connections(0, Duration::from_secs(5));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.lock().stopping = true;
        self.shared.changed.notify_all();
        // Wakes the acceptor, which looks at `stopping` after each connection.
        let _ = TcpStream::connect(self.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
        let workers = {
            let mut state = self.shared.lock();
            for socket in state.open.values().filter_map(Weak::upgrade) {
                let _ = socket.shutdown(Shutdown::Both);
            }
            std::mem::take(&mut state.workers)
        };
        for worker in workers {
            let _ = worker.join();
        }
        let faults = std::mem::take(&mut self.shared.lock().faults);
        if !faults.is_empty() && !std::thread::panicking() {
            panic!("the test server saw: {}", faults.join("; "));
        }
    }
}

#[derive(Default)]
struct State {
    stopping: bool,
    connections: usize,
    open: HashMap<usize, Weak<TcpStream>>,
    workers: Vec<JoinHandle<()>>,
    request_count: usize,
    requests: Vec<Request>,
    handshake_failures: usize,
    faults: Vec<String>,
}

pub(crate) struct Shared {
    options: Options,
    handler: Handler,
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no thread panics while it holds the state")
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    fn wait_until(&self, limit: Duration, done: impl Fn(&State) -> bool) -> bool {
        let (state, _) = self
            .changed
            .wait_timeout_while(self.lock(), limit, |state| !done(state))
            .expect("no thread panics while it holds the state");
        done(&state)
    }

    /// Sleeps, but not beyond the end of the server.
    fn sleep(&self, time: Duration) -> io::Result<()> {
        if self.wait_until(time, |state| state.stopping) {
            return Err(io::Error::other("the test server stops"));
        }
        Ok(())
    }

    fn is_stopping(&self) -> bool {
        self.lock().stopping
    }

    /// Only a server that remembers can tell later.
    fn fault(&self, what: String) {
        self.change(|state| {
            if self.options.remember {
                state.faults.push(what);
            }
        });
    }

    fn record(&self, request: &mut Request) {
        self.change(|state| {
            request.number = state.request_count;
            state.request_count += 1;
            if self.options.remember {
                state.requests.push(request.clone());
            }
        });
    }

    /// A body that was read after its request had been recorded.
    fn record_body(&self, request: &Request, body: &[u8]) {
        self.change(|state| {
            let recorded = state.requests.iter_mut().rev().find(|one| one.number == request.number);
            if let Some(recorded) = recorded {
                recorded.body = body.to_vec();
            }
        });
    }
}

/// Loopback, and the addresses that no machine has but in documents (RFC 5737, RFC 3849): in tests, those of network namespaces.
fn is_out_of_reach(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_loopback() || address.is_documentation(),
        IpAddr::V6(address) => address.is_loopback() || address.segments()[..2] == [0x2001, 0xdb8],
    }
}

fn accept_all(listener: &TcpListener, shared: &Arc<Shared>) {
    loop {
        let accepted = listener.accept();
        let mut state = shared.lock();
        if state.stopping {
            return;
        }
        let Ok((socket, _)) = accepted else {
            drop(state);
            // No file descriptors left, most likely; others may come free.
            std::thread::sleep(Duration::from_millis(10));
            continue;
        };
        let socket = Arc::new(socket);
        let number = state.connections;
        state.connections += 1;
        state.open.insert(number, Arc::downgrade(&socket));
        state.workers.retain(|worker| !worker.is_finished());
        let worker = std::thread::spawn({
            let shared = shared.clone();
            move || work(number, socket, &shared)
        });
        state.workers.push(worker);
        drop(state);
        shared.changed.notify_all();
    }
}

fn work(connection: usize, socket: Arc<TcpStream>, shared: &Arc<Shared>) {
    if let Ok(mut wire) = Wire::new(connection, socket, shared.clone(), shared.options.tls.as_ref()) {
        let served = catch_unwind(AssertUnwindSafe(|| serve(&mut wire, shared)));
        // Recorded while the connection is still open: the peer cannot end its test before that.
        if let Err(panic) = served {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("no text");
            shared.fault(format!("a handler panicked: {text}"));
        }
    }
    shared.change(|state| {
        state.open.remove(&connection);
    });
}

fn serve(wire: &mut Wire, shared: &Shared) {
    if wire.handshake().is_err() {
        shared.change(|state| state.handshake_failures += 1);
        return;
    }
    match &shared.handler {
        Handler::Raw(handler) => {
            if handler(wire).is_ok() {
                wire.cut(Cut::Fin);
            }
        }
        Handler::Http(handler) => {
            while let Some(true) = serve_request(wire, shared, handler) {}
            let orderly = shared.options.tls.as_ref().is_none_or(Tls::closes_in_order);
            wire.cut(if orderly { Cut::Fin } else { Cut::FinWithoutCloseNotify });
        }
    }
}

/// Some(true): the connection lives on.
fn serve_request(wire: &mut Wire, shared: &Shared, handler: &HttpHandler) -> Option<bool> {
    let mut request = match Request::read_head(wire) {
        Reading::Whole(request) => request,
        Reading::End => return None,
        Reading::Malformed(why) => {
            shared.fault(format!("a malformed request: {why}"));
            let answer = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            let _ = wire.write(answer);
            return None;
        }
    };
    let mut body = Body::of(&request, shared.options.expect_continue);
    if !shared.options.before_body {
        request.body = body.read(wire).ok()?;
    }
    shared.record(&mut request);
    let mut reply = Reply::new(wire, &request, body, shared);
    let result = handler(&request, &mut reply);
    let alive = reply.finish();
    Some(result.is_ok() && alive)
}

/// How long something took, for tests of time limits.
pub fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let value = work();
    (value, start.elapsed())
}
