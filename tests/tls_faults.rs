//! A network that does wrong to TLS: bits changed, connections cut, reset and stalled at each byte of the records, whole records twice, lost or out
//! of their order; in the handshake, full and resumed, in answers and in streams.
//!
//! What TLS has sealed is never told otherwise: a success is exactly what was said, and a failure is one of TLS or of the connection. A timeout is one
//! only where the network is to blame for silence: it stalls, or what it changed says that more is to come than comes.
//!
//! A plain run does a part of the cases, spread over all places; `KUAI_FAULTS=all` does all of them.

mod support;

use kuai::{Client, Status};
use serde_json::json;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use support::clients::{client_with, completion, question, stream_events};
use support::faults::{Outcome, all_cases, side_by_side};
use support::http::{Options, Server};
use support::tls::{Authority, Tls};

const TEXT: &str = "The words of the answer, 快 and all.";
const PIECES: [&str; 3] = ["The words of ", "the answer, 快", " and all."];
/// Type, version and length (RFC 8446, section 5.1).
const HEADER: usize = 5;

/// What is done to the records of one direction.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Wrong {
    Nothing,
    /// At this byte of this record, counted from 0 and with its header.
    Changed(usize, usize),
    Fin(usize, usize),
    Rst(usize, usize),
    Stalled(usize, usize),
    /// This record.
    Twice(usize),
    Lost(usize),
    /// Behind the next one.
    Late(usize),
}

/// What passed in one direction.
#[derive(Clone, Debug, Default)]
struct Passed {
    /// The length of each record.
    records: Vec<usize>,
    /// How many bytes had come from the other side before each.
    heard: Vec<u64>,
}

/// Sits between a client and a service.
struct Network {
    address: SocketAddr,
    wrong: Arc<Mutex<(Wrong, Wrong)>>,
    /// How many connections have ended, and what passed over the last one.
    passed: Arc<Mutex<(usize, (Passed, Passed))>>,
    /// The wrong was done: a record has a byte less now and then, when a signature has.
    done: Arc<AtomicBool>,
    stopping: Arc<AtomicBool>,
    acceptor: Option<std::thread::JoinHandle<()>>,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Network {
    fn to(upstream: SocketAddr) -> Network {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let wrong = Arc::new(Mutex::new((Wrong::Nothing, Wrong::Nothing)));
        let passed = Arc::new(Mutex::new((0, (Passed::default(), Passed::default()))));
        let [done, stopping] = [(); 2].map(|()| Arc::new(AtomicBool::new(false)));
        let acceptor = std::thread::spawn({
            let (wrong, passed) = (Arc::clone(&wrong), Arc::clone(&passed));
            let (done, stopping) = (Arc::clone(&done), Arc::clone(&stopping));
            move || {
                while let Ok((client, _)) = listener.accept() {
                    if stopping.load(Ordering::SeqCst) {
                        return;
                    }
                    // One connection after the other: a call has one.
                    let wrong = *lock(&wrong);
                    let now = pass(client, upstream, wrong, &done);
                    let mut passed = lock(&passed);
                    *passed = (passed.0 + 1, now);
                }
            }
        });
        Network {
            address,
            wrong,
            passed,
            done,
            stopping,
            acceptor: Some(acceptor),
        }
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

/// Passes a connection on in both directions, until both sides have ended or the network has ended it.
fn pass(client: TcpStream, upstream: SocketAddr, (up, down): (Wrong, Wrong), done: &AtomicBool) -> (Passed, Passed) {
    let server = TcpStream::connect(upstream).unwrap();
    for socket in [&client, &server] {
        socket.set_nodelay(true).unwrap();
    }
    let (sent, received) = (AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        let requests = scope.spawn(|| records(&client, &server, up, done, &sent, &received));
        let answers = records(&server, &client, down, done, &received, &sent);
        (requests.join().unwrap(), answers)
    })
}

/// Passes the records of one direction on.
fn records(
    mut from: &TcpStream,
    mut to: &TcpStream,
    wrong: Wrong,
    done: &AtomicBool,
    ours: &AtomicU64,
    theirs: &AtomicU64,
) -> Passed {
    let mut passed = Passed::default();
    let mut late: Vec<u8> = Vec::new();
    for number in 0.. {
        let mut record = vec![0; HEADER];
        if from.read_exact(&mut record).is_err() {
            break;
        }
        let length = usize::from(u16::from_be_bytes([record[3], record[4]]));
        record.resize(HEADER + length, 0);
        if from.read_exact(&mut record[HEADER..]).is_err() {
            break;
        }
        passed.heard.push(theirs.load(Ordering::SeqCst));
        passed.records.push(record.len());
        ours.fetch_add(record.len() as u64, Ordering::SeqCst);
        let is_here = match wrong {
            Wrong::Nothing => false,
            Wrong::Changed(other, at) | Wrong::Fin(other, at) | Wrong::Rst(other, at) | Wrong::Stalled(other, at) => {
                other == number && at < record.len()
            }
            Wrong::Twice(other) | Wrong::Lost(other) | Wrong::Late(other) => other == number,
        };
        done.fetch_or(is_here, Ordering::SeqCst);
        match wrong {
            _ if !is_here => {}
            Wrong::Nothing => unreachable!("it is nowhere"),
            Wrong::Changed(_, at) => record[at] ^= 1 << (at % 8),
            Wrong::Twice(_) => record.extend_from_within(..),
            Wrong::Lost(_) => continue,
            Wrong::Late(_) => {
                late = record;
                continue;
            }
            Wrong::Stalled(_, at) => {
                let _ = to.write_all(&record[..at]);
                // The other direction ends when the side that waits has had enough.
                return passed;
            }
            Wrong::Fin(_, at) => {
                let _ = to.write_all(&record[..at]);
                let _ = to.shutdown(Shutdown::Both);
                let _ = from.shutdown(Shutdown::Both);
                return passed;
            }
            Wrong::Rst(_, at) => {
                let _ = to.write_all(&record[..at]);
                // Its closing is the reset; it closes when the other direction sees its end.
                let _ = rustix::net::sockopt::set_socket_linger(to, Some(Duration::ZERO));
                let _ = to.shutdown(Shutdown::Read);
                let _ = from.shutdown(Shutdown::Both);
                return passed;
            }
        }
        record.append(&mut late);
        if to.write_all(&record).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
    passed
}

/// How an answer and its handshake go over the network.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Form {
    stream: bool,
    resumed: bool,
}

const FORMS: [Form; 4] = [
    Form {
        stream: false,
        resumed: false,
    },
    Form {
        stream: true,
        resumed: false,
    },
    Form {
        stream: false,
        resumed: true,
    },
    Form {
        stream: true,
        resumed: true,
    },
];

/// A service, the network before it, and a client that may have been there before.
struct Bench {
    service: Server,
    requests: Arc<AtomicUsize>,
    network: Network,
    known: [Option<Client>; 2],
    calls: usize,
}

impl Bench {
    fn new() -> Bench {
        let requests = Arc::new(AtomicUsize::new(0));
        let options = Options {
            tls: Some(Tls::new(Authority::new())),
            ..Options::default()
        };
        let count = Arc::clone(&requests);
        let service = Server::raw_with(options, move |wire| {
            // A request that the network spoilt is none.
            let Ok(Some(request)) = wire.take_request() else {
                return Ok(());
            };
            count.fetch_add(1, Ordering::SeqCst);
            let stream = request.windows(13).any(|bytes| bytes == br#""stream":true"#);
            let head = "HTTP/1.1 200 OK\r\nConnection: close\r\n";
            if !stream {
                let body = completion(TEXT);
                let answer = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
                return wire.write(answer.as_bytes());
            }
            // Each of these is a record.
            wire.write(format!("{head}Transfer-Encoding: chunked\r\n\r\n").as_bytes())?;
            for event in stream_events(&PIECES) {
                let event = format!("data: {event}\n\n");
                wire.write(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes())?;
            }
            wire.write(b"0\r\n\r\n")
        });
        let service = service.unwrap();
        let network = Network::to(service.address());
        Bench {
            service,
            requests,
            network,
            known: [None, None],
            calls: 0,
        }
    }

    fn client(&self, limit: u64) -> Client {
        let url = format!("https://{}/v1", self.network.address);
        let config =
            json!({"base_url": url, "connect_timeout_ms": limit, "idle_timeout_ms": limit, "tls_roots": "file"});
        client_with(&self.service, config)
    }

    /// One call, and whether the wrong was done. `hasty`: the network is going to be silent.
    fn ask(&mut self, form: Form, wrong: (Wrong, Wrong), hasty: bool) -> (Outcome, bool) {
        let limit = if hasty { 60 } else { 120_000 };
        *lock(&self.network.wrong) = (Wrong::Nothing, Wrong::Nothing);
        let client = match &self.known[usize::from(hasty)] {
            Some(client) if form.resumed => client.clone(),
            _ => self.client(limit),
        };
        if form.resumed {
            self.known[usize::from(hasty)] = Some(client.clone());
            // A ticket serves once, and a call that fails brings no other.
            let options = r#"{"connect_timeout_ms":120000,"idle_timeout_ms":120000}"#;
            let answer = client.call("chat.completions.create", Some(&question("hi")), Some(options));
            assert_eq!(answer.text(), TEXT, "{}", answer.json());
            self.calls += 1;
        }
        *lock(&self.network.wrong) = wrong;
        self.network.done.store(false, Ordering::SeqCst);
        let outcome = self.call(&client, form.stream);
        (outcome, self.network.done.load(Ordering::SeqCst))
    }

    fn call(&mut self, client: &Client, stream: bool) -> Outcome {
        let outcome = Outcome::of(client, stream);
        self.calls += 1;
        // One that came too late is counted with a later call.
        let requests = self.requests.load(Ordering::SeqCst);
        assert!(
            requests <= self.calls,
            "{requests} requests of {} calls: {outcome:?}",
            self.calls
        );
        outcome
    }

    /// What passes when nothing is wrong.
    fn layout(&mut self, form: Form) -> (Passed, Passed) {
        let (outcome, _) = self.ask(form, (Wrong::Nothing, Wrong::Nothing), false);
        assert_eq!((outcome.status, &*outcome.text), (Status::Ok, TEXT), "{outcome:?}");
        loop {
            let (connections, passed) = lock(&self.network.passed).clone();
            if connections == self.calls {
                return passed;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// What a form's records are.
struct Layout {
    form: Form,
    up: Passed,
    down: Passed,
    /// The last record of the service's first words, after which it waits for the client.
    flight: usize,
    /// The record with the last byte that a client needs.
    done: usize,
}

#[test]
fn what_was_done_to_tls_is_a_failure_or_no_harm() {
    let mut bench = Bench::new();
    let layouts: Vec<Layout> = FORMS
        .iter()
        .map(|form| {
            let (up, down) = bench.layout(*form);
            // The client's first words are its hello and a change_cipher_spec of six bytes that means nothing (RFC 8446, appendix D.4).
            let hello = up.records[0] as u64 + 6;
            let flight = down.heard.iter().take_while(|heard| **heard <= hello).count() - 1;
            // Behind it come the last chunk of a stream and close_notify.
            let done = down.records.len() - if form.stream { 3 } else { 2 };
            Layout {
                form: *form,
                up,
                down,
                flight,
                done,
            }
        })
        .collect();
    drop(bench);
    let mut cases: Vec<(usize, Wrong, Wrong)> = Vec::new();
    for (number, layout) in layouts.iter().enumerate() {
        let step = if all_cases() { 1 } else { 9 };
        // Each byte of a header, and some of what it is a header of; not the same ones in each record.
        let places = |passed: &Passed, step: usize| {
            let mut places = Vec::new();
            for (record, size) in passed.records.iter().enumerate() {
                let start = if step == 1 { 0 } else { (7 * record + number) % step };
                places.extend((0..HEADER).map(|at| (record, at)));
                places.extend((HEADER + start..*size).step_by(step).map(|at| (record, at)));
            }
            places
        };
        for (record, at) in places(&layout.up, 2 * step - 1) {
            cases.push((number, Wrong::Changed(record, at), Wrong::Nothing));
        }
        for (record, at) in places(&layout.down, step) {
            for wrong in [Wrong::Changed, Wrong::Fin, Wrong::Rst, Wrong::Stalled] {
                cases.push((number, Wrong::Nothing, wrong(record, at)));
            }
        }
        for record in 0..layout.down.records.len() {
            for wrong in [Wrong::Twice, Wrong::Lost, Wrong::Late] {
                cases.push((number, Wrong::Nothing, wrong(record)));
            }
        }
    }
    let (whole, silent) = (AtomicUsize::new(0), AtomicUsize::new(0));
    side_by_side(8, &cases, Bench::new, |bench, &(number, up, down)| {
        let layout = &layouts[number];
        // The length of a record, and of the message in a record that is not encrypted: its first one, in each direction.
        let is_length = |wrong| match wrong {
            Wrong::Changed(record, at) => matches!(at, 3 | 4) || record == 0 && matches!(at, 6..=8),
            _ => false,
        };
        let may_be_silent = match down {
            Wrong::Stalled(record, _) => record <= layout.done,
            Wrong::Lost(record) | Wrong::Late(record) => record == layout.flight,
            _ => is_length(up) || is_length(down),
        };
        let (outcome, done) = bench.ask(layout.form, (up, down), may_be_silent);
        let told = format!("{:?}, request {up:?}, answer {down:?}: {outcome:?}", layout.form);
        if outcome.is_success() {
            assert_eq!(outcome.text, TEXT, "{told}");
            whole.fetch_add(1, Ordering::Relaxed);
        } else {
            // A connection that ends is no fault of TLS.
            let is_cut = matches!(down, Wrong::Fin(..) | Wrong::Rst(..));
            let of_tls = outcome.status == Status::Connection || outcome.status == Status::Tls && !is_cut;
            let in_silence = may_be_silent && outcome.status == Status::Timeout;
            silent.fetch_add(usize::from(in_silence), Ordering::Relaxed);
            assert!(of_tls || in_silence, "{told}");
            assert!(TEXT.starts_with(&outcome.text), "{told}");
            assert!(layout.form.stream || outcome.text.is_empty(), "{told}");
        }
        match down {
            Wrong::Nothing => {}
            _ if !done => assert!(outcome.is_success() || may_be_silent, "{told}"),
            Wrong::Stalled(record, _) if record <= layout.done => assert_eq!(outcome.status, Status::Timeout, "{told}"),
            Wrong::Changed(record, _) | Wrong::Fin(record, _) | Wrong::Rst(record, _) | Wrong::Stalled(record, _) => {
                // What comes behind the end does no harm.
                assert!(outcome.is_success() || record <= layout.done, "{told}");
                let is_cut = !matches!(down, Wrong::Changed(..));
                assert!(!is_cut || !outcome.is_success() || record > layout.done, "{told}");
            }
            Wrong::Twice(record) => assert!(outcome.is_success() || record <= layout.done, "{told}"),
            // Each record counts, and none may be missing among those before the end.
            Wrong::Lost(record) | Wrong::Late(record) => {
                assert!(outcome.is_success() == (record > layout.done) || record == 1, "{told}");
            }
        }
    });
    println!(
        "{} faults under TLS, {} of them no harm, {} of them silence",
        cases.len(),
        whole.into_inner(),
        silent.into_inner()
    );
}
