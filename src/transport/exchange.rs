//! What a connection must know of the call that uses it: its limits, who may cancel it, what has come so far.
//!
//! ureq keeps connections in a pool and hands them to one call after another, without a word about the call. So the call's [`Exchange`] lies in a
//! slot of the thread while ureq runs for it, and the connection looks there.
#![forbid(unsafe_code)]

use crate::cancel::Cancel;
use crate::error::{Error, Status};
use crate::fork::Inside;
use crate::headers::Headers;
use crate::times::{Phase, Times, Took};
use crate::wiped::Wiped;
use std::cell::RefCell;
use std::time::{Duration, Instant};

/// The state of one attempt of one call.
#[derive(Debug, Default)]
pub(crate) struct Exchange {
    /// Whoever may end the call: the client's switch and the call's own.
    pub cancels: [Option<Cancel>; 2],
    pub limits: Limits,
    /// How many attempts the call has made, this one included.
    pub attempts: u32,
    /// When the call began; `None`: none has.
    pub began: Option<Instant>,
    /// What the attempt's phases take.
    pub times: Times,
    /// Why the transport gave up. ureq's own error is only a messenger.
    pub failure: Option<Error>,
    /// Header lines of the request that ureq need not know.
    pub lines: Wiped,
    /// The longest line of the request's head that ureq writes, at least.
    pub longest_line: usize,
    /// About how much there is to send, or as much as a buffer is to hold.
    pub request_size: usize,
    /// The answer's headers, as they came.
    pub headers: Headers,
    /// The answer's header block has not been seen yet.
    pub head_pending: bool,
    /// The request went out on a connection that an earlier call had used.
    pub reused: bool,
    /// That connection was found closed before anything was sent.
    pub closed_at_rest: bool,
    /// How many bytes of an answer came, headers included.
    pub received: u64,
    /// The service has closed the connection.
    pub ended: bool,
    /// How many bytes came since something of the answer was last handed on: its head, or a part of its body.
    pub barren: u64,
    /// No pooled connection may be used.
    pub fresh_only: bool,
    /// Bodies are handed on as they are encoded (`bare`).
    pub raw_body: bool,
    /// The service answered before it had read the whole request: what is left of the body need not be made.
    pub answered_early: bool,
    /// Nothing is waited for: a read that would wait fails instead.
    pub no_wait: bool,
}

/// When a call has taken too long.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Limits {
    /// Look-up, TCP and TLS together.
    pub connect: Option<Duration>,
    /// The longest gap between bytes.
    pub idle: Option<Duration>,
    /// The longest gap between stream events that carry something, and when the present one ends.
    pub content: Option<(Duration, Instant)>,
    /// The attempt's length and end.
    pub attempt: Option<(Duration, Instant)>,
    /// The call's length and end.
    pub deadline: Option<(Duration, Instant)>,
}

/// One limit at work: when it ends and how it is told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timer {
    pub end: Instant,
    length: Duration,
    option: &'static str,
}

impl Timer {
    /// A patience, which is no limit of anybody's: who waits with it knows that it has passed.
    pub fn until(end: Instant) -> Timer {
        Timer {
            end,
            length: Duration::ZERO,
            option: "",
        }
    }

    pub fn starting_now(option: &'static str, length: Duration) -> Timer {
        Timer {
            end: Instant::now() + length,
            length,
            option,
        }
    }

    /// The failure that says which limit passed while what was being done.
    pub fn passed(&self, doing: &str) -> Error {
        let ms = self.length.as_millis();
        let mut error = Error::new(
            Status::Timeout,
            format!("{} ({ms} ms) passed while {doing}", self.option),
        );
        error.code = Some(self.option.to_owned());
        error
    }
}

impl Limits {
    /// The first limit to pass, of those that hold for the whole attempt and of `phase`, the one of the present wait.
    pub fn first(&self, phase: Option<Timer>) -> Option<Timer> {
        let timer =
            |option, limit: Option<(Duration, Instant)>| limit.map(|(length, end)| Timer { end, length, option });
        [
            phase,
            timer("content_timeout_ms", self.content),
            timer("timeout_ms", self.attempt),
            timer("deadline_ms", self.deadline),
        ]
        .into_iter()
        .flatten()
        .min_by_key(|timer| timer.end)
    }

    pub fn idle_timer(&self) -> Option<Timer> {
        self.idle.map(|length| Timer::starting_now("idle_timeout_ms", length))
    }

    pub fn connect_timer(&self) -> Option<Timer> {
        self.connect
            .map(|length| Timer::starting_now("connect_timeout_ms", length))
    }

    /// Whether the whole call's time is over.
    pub fn deadline_passed(&self) -> bool {
        self.deadline.is_some_and(|(_, end)| Instant::now() >= end)
    }
}

impl Exchange {
    /// Fails when somebody has cancelled the call.
    pub fn check_cancelled(&self) -> Result<(), Error> {
        if self.cancels.iter().flatten().any(Cancel::is_triggered) {
            return Err(Error::new(Status::Cancelled, "the call was cancelled"));
        }
        Ok(())
    }

    /// What the call took until now.
    pub fn took(&self) -> Took {
        let mut took = self.times.took();
        took.attempts = self.attempts;
        took.received_bytes += self.received;
        took.reused = self.reused;
        took
    }

    /// Makes ready for another request; limits and switches stay.
    pub fn begin(&mut self) {
        self.times.received += self.received;
        self.times.enter(Phase::Send);
        self.failure = None;
        self.headers = Headers::default();
        self.head_pending = true;
        self.reused = false;
        self.closed_at_rest = false;
        self.received = 0;
        self.ended = false;
        self.barren = 0;
        self.answered_early = false;
        self.no_wait = false;
    }

    /// Runs `work` with this exchange in the thread's slot.
    pub fn during<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let _inside = Inside::enter();
        let _back = Loan::new(self);
        work()
    }
}

thread_local! {
    static SLOT: RefCell<Exchange> = const { RefCell::new(Exchange::IDLE) };
}

/// Looks at the exchange of the call that this thread runs.
pub(crate) fn current<T>(look: impl FnOnce(&mut Exchange) -> T) -> T {
    SLOT.with_borrow_mut(look)
}

impl Exchange {
    /// What lies in the slot when no call runs.
    const IDLE: Exchange = Exchange {
        cancels: [None, None],
        limits: Limits {
            connect: None,
            idle: None,
            content: None,
            attempt: None,
            deadline: None,
        },
        attempts: 0,
        began: None,
        times: Times::IDLE,
        failure: None,
        lines: Wiped::new(),
        longest_line: 0,
        request_size: 0,
        headers: Headers::NONE,
        head_pending: false,
        reused: false,
        closed_at_rest: false,
        received: 0,
        ended: false,
        barren: 0,
        fresh_only: false,
        raw_body: false,
        answered_early: false,
        no_wait: false,
    };
}

/// Puts an exchange into the slot and takes it back when dropped, also when the work panics.
struct Loan<'a>(&'a mut Exchange);

impl<'a> Loan<'a> {
    fn new(exchange: &'a mut Exchange) -> Loan<'a> {
        current(|slot| std::mem::swap(slot, exchange));
        Loan(exchange)
    }
}

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        current(|slot| std::mem::swap(slot, self.0));
    }
}
