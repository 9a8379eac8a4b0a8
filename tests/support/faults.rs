//! What the suites of faults share: many cases side by side, and what a call came to.

use super::clients::question;
use kuai::{Client, Status};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Whether all cases are asked for (`KUAI_FAULTS=all`), and not only as many as a plain run has time for.
pub fn all_cases() -> bool {
    std::env::var("KUAI_FAULTS").is_ok_and(|which| which == "all")
}

/// Every `step`th number from `first` on, or all of them when all cases are asked for.
pub fn sample(range: std::ops::Range<usize>, step: usize) -> impl Iterator<Item = usize> {
    range.step_by(if all_cases() { 1 } else { step })
}

/// Does the work for each case, in several threads that have a bench each.
pub fn side_by_side<Case: Sync, Bench>(
    threads: usize,
    cases: &[Case],
    bench: impl Fn() -> Bench + Sync,
    work: impl Fn(&mut Bench, &Case) + Sync,
) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..threads.min(cases.len()) {
            scope.spawn(|| {
                let mut bench = bench();
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    work(&mut bench, case);
                }
            });
        }
    });
}

/// What a call came to.
#[derive(Debug)]
pub struct Outcome {
    /// `Ok` also at the end of a stream.
    pub status: Status,
    pub http_status: u16,
    pub text: String,
    pub json: String,
    /// The data of a stream's events, as they were handed out.
    pub events: Vec<String>,
}

impl Outcome {
    pub fn of(client: &Client, stream: bool) -> Outcome {
        Outcome::of_request(client, stream, &question("hi"))
    }

    /// A chat request, as a stream or not. What a stream's result holds at its end is what was handed out.
    pub fn of_request(client: &Client, stream: bool, request: &str) -> Outcome {
        if !stream {
            return Outcome::told(&client.chat_complete(request), Vec::new());
        }
        let mut stream = client.chat_stream(request);
        let (mut pieces, mut events) = (String::new(), Vec::new());
        let status = loop {
            match stream.next() {
                Status::Ok => {
                    pieces.push_str(stream.text());
                    events.push(stream.json().to_owned());
                }
                Status::Done => break Status::Ok,
                status => break status,
            }
        };
        let outcome = Outcome::told(stream.result(), events);
        assert_eq!(outcome.status, status, "the result tells the stream's end: {outcome:?}");
        assert_eq!(
            outcome.text, pieces,
            "the result holds what was handed out: {outcome:?}"
        );
        outcome
    }

    pub fn told(answer: &kuai::Answer, events: Vec<String>) -> Outcome {
        Outcome {
            status: answer.status(),
            http_status: answer.http_status(),
            text: answer.text().to_owned(),
            json: answer.json().to_owned(),
            events,
        }
    }

    pub fn is_success(&self) -> bool {
        self.status == Status::Ok
    }

    /// Whether a network or a service that never falls silent can be the reason for it.
    pub fn is_of_the_network(&self) -> bool {
        matches!(
            self.status,
            Status::Connection | Status::Protocol | Status::Limit | Status::Tls | Status::Service
        ) || self.http_status >= 300 && self.status.code() <= -400
    }
}
