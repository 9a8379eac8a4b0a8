//! Many calls and streams of many threads over one client, some of them failing: every answer belongs to its question, and nothing grows.
//!
//! `KUAI_SOAK_CALLS` says how many calls; there is a stream for each hundred of them. The service is a process of its own, so that this
//! one's memory, descriptors and threads are the client's.

mod support;

use kuai::{Client, Status};
use serde_json::json;
use std::io::{BufRead, BufReader, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Child, Command, Stdio};
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use support::clients::{KEY, completion, question, stream_events};
use support::http::{Cut, Framing, Options, Reply, Server};

const THREADS: u64 = 8;
const CALLS: u64 = 8_000;
/// One call or stream of so many fails.
const FAULTY: u64 = 20;
/// What may be more at the end than after the first quarter, when every buffer has found its size.
const GROWTH: u64 = 4 * 1024 * 1024;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    Reset,
    Cut,
    Busy,
    Limited,
    Garbage,
    Stall,
}

impl Fault {
    const ALL: [Fault; 6] = [
        Fault::Reset,
        Fault::Cut,
        Fault::Busy,
        Fault::Limited,
        Fault::Garbage,
        Fault::Stall,
    ];

    /// What happens to the question of that number; both sides know.
    fn of(number: u64) -> Option<Fault> {
        number
            .is_multiple_of(FAULTY)
            .then(|| Fault::ALL[(number / FAULTY) as usize % Fault::ALL.len()])
    }

    fn status(self) -> Status {
        match self {
            Fault::Reset | Fault::Cut => Status::Connection,
            Fault::Busy => Status::Server,
            Fault::Limited => Status::RateLimited,
            Fault::Garbage => Status::Protocol,
            Fault::Stall => Status::Timeout,
        }
    }

    fn happen(self, reply: &mut Reply<'_>, stream: bool) -> std::io::Result<()> {
        match self {
            Fault::Reset => reply.cut(Cut::Rst),
            Fault::Busy => reply.json(503, r#"{"error":{"message":"busy"}}"#),
            Fault::Limited => reply.send(429, &[("retry-after", "1")], br#"{"error":{"message":"slower"}}"#),
            Fault::Garbage => reply
                .raw(b"220 mail.example ESMTP\r\n")
                .and_then(|()| reply.cut(Cut::Fin)),
            Fault::Cut | Fault::Stall => {
                let kind = if stream {
                    "text/event-stream"
                } else {
                    "application/json"
                };
                reply.head(200, &[("content-type", kind)], Framing::Chunked)?;
                let events = stream_events(&["half"]);
                reply.piece(format!("data: {}\n\n", events[0]).as_bytes())?;
                match self {
                    Fault::Cut => reply.cut(Cut::Rst),
                    _ => reply.stall(),
                }
            }
        }
    }
}

/// What the answer to a number says; longer for some than for others.
fn said(number: u64) -> String {
    format!("answer {number} ").repeat(1 + (number % 7) as usize * 20)
}

fn answer(number: u64, stream: bool, reply: &mut Reply<'_>) -> std::io::Result<()> {
    if let Some(fault) = Fault::of(number) {
        return fault.happen(reply, stream);
    }
    let said = said(number);
    if !stream {
        return reply.json(200, &completion(&said));
    }
    let (first, second) = said.split_at(said.len() / 2);
    let events = stream_events(&[first, second]);
    let events: Vec<&str> = events.iter().map(String::as_str).collect();
    reply.events(&events, Duration::ZERO)
}

#[test]
#[ignore = "the soak starts it, as its service"]
fn the_service() {
    let options = Options {
        remember: false,
        ..Options::default()
    };
    let server = Server::with(options, |request, reply| {
        let asked = request.json();
        let number = asked["messages"][0]["content"].as_str().unwrap().parse().unwrap();
        answer(number, asked["stream"] == true, reply)
    });
    println!("\nlistening: {}", server.as_ref().unwrap().url("/v1"));
    // Until the soak is over, or gone.
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}

fn start_service() -> (Child, String) {
    let mut service = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "the_service", "--ignored", "--nocapture"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(service.stdout.take().unwrap());
    let mut lines = said.lines().map(Result::unwrap);
    let url = lines.find_map(|line| line.strip_prefix("listening: ").map(str::to_owned));
    // What else it says is nobody's concern, but must go somewhere.
    std::thread::spawn(move || lines.for_each(drop));
    (service, url.expect("the service tells where it listens"))
}

/// What this process holds.
#[derive(Debug)]
struct Held {
    memory: u64,
    descriptors: u64,
    threads: u64,
}

impl Held {
    fn now() -> Held {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let number = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.split_whitespace().next().unwrap().parse::<u64>().unwrap()
        };
        Held {
            memory: number("VmRSS:") * 1024,
            descriptors: std::fs::read_dir("/proc/self/fd").unwrap().count() as u64,
            threads: number("Threads:"),
        }
    }
}

/// How the questions ended.
#[derive(Default)]
struct Score {
    calls: AtomicU64,
    streams: AtomicU64,
    failures: AtomicU64,
    wrong: AtomicU64,
}

impl Score {
    /// One question, plain or streamed, and what must come of it.
    fn ask(&self, client: &Client, number: u64, stream: bool) {
        let request = question(&number.to_string());
        let (status, text) = if stream {
            let mut stream = client.chat_stream(&request);
            let mut text = String::new();
            let status = loop {
                match stream.next() {
                    Status::Ok => text.push_str(stream.text()),
                    status => break status,
                }
            };
            let whole = stream.result();
            assert!(status != Status::Done || whole.text() == text, "{number}");
            (status, text)
        } else {
            let answer = client.chat_complete(&request);
            (answer.status(), answer.text().to_owned())
        };
        match Fault::of(number) {
            None => {
                assert_eq!(status, if stream { Status::Done } else { Status::Ok }, "{number}");
                assert_eq!(text, said(number));
            }
            Some(fault) => {
                assert_eq!(status, fault.status(), "{number}: {fault:?}");
                self.failures.fetch_add(1, Relaxed);
            }
        }
        let count = if stream { &self.streams } else { &self.calls };
        count.fetch_add(1, Relaxed);
    }

    /// The same, but what is wrong is counted: a thread that panicked would leave the others waiting for it.
    fn ask_on(&self, client: &Client, number: u64, stream: bool) {
        let asked = catch_unwind(AssertUnwindSafe(|| self.ask(client, number, stream)));
        self.wrong.fetch_add(u64::from(asked.is_err()), Relaxed);
    }
}

#[test]
fn nothing_grows_and_every_answer_is_the_question_s_own() {
    let calls = std::env::var("KUAI_SOAK_CALLS").map_or(CALLS, |calls| calls.parse().expect("a number"));
    let (mut service, url) = start_service();
    let config = json!({"api_key": KEY, "base_url": url, "max_retries": 0, "idle_timeout_ms": 30_000});
    // Stalls cost their limit: a client of their own, with the connections and memory that such have.
    let hasty = json!({"api_key": KEY, "base_url": url, "max_retries": 0, "idle_timeout_ms": 50});
    let client = Client::new(Some(&config.to_string())).unwrap();
    let hasty = Client::new(Some(&hasty.to_string())).unwrap();
    let score = Score::default();
    let quarter = Barrier::new(THREADS as usize + 1);
    let each = calls / THREADS;
    let (mut early, mut late) = (None, None);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (client, hasty, score, quarter) = (&client, &hasty, &score, &quarter);
            scope.spawn(move || {
                for turn in 0..each {
                    if turn == each / 4 {
                        quarter.wait();
                        quarter.wait();
                    }
                    let number = 1 + thread * each + turn;
                    let client = match Fault::of(number) {
                        Some(Fault::Stall) => hasty,
                        _ => client,
                    };
                    score.ask_on(client, number, false);
                    if turn % 100 == 99 {
                        score.ask_on(client, number, true);
                        let other = number + calls;
                        if Fault::of(other) != Some(Fault::Stall) {
                            score.ask_on(client, other, true);
                        }
                    }
                }
                quarter.wait();
                quarter.wait();
            });
        }
        // While the threads stand still, with what they have.
        for held in [&mut early, &mut late] {
            quarter.wait();
            *held = Some(Held::now());
            quarter.wait();
        }
    });
    let (early, late) = (early.unwrap(), late.unwrap());
    drop(service.stdin.take());
    service.wait().unwrap();
    println!("after a quarter: {early:?}");
    println!("at the end:      {late:?}");
    assert_eq!(score.wrong.into_inner(), 0, "wrong answers");
    assert!(late.memory <= early.memory + GROWTH, "memory grew");
    // A connection of each thread may rest in either pool, or not just then.
    assert!(late.descriptors <= early.descriptors + 2 * THREADS, "descriptors grew");
    assert_eq!(late.threads, early.threads, "threads grew");
    println!(
        "{} calls and {} streams in {THREADS} threads, {} of them with a fault",
        score.calls.into_inner(),
        score.streams.into_inner(),
        score.failures.into_inner()
    );
}
