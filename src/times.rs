//! How long each phase of a call took, and how many bytes went either way.
#![forbid(unsafe_code)]

use std::fmt::Write;
use std::time::{Duration, Instant};

/// What an attempt is busy with, in the order in which it happens. An attempt on a connection that was there begins with sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    LookUp,
    /// TCP, and what a proxy wants to hear.
    Connect,
    /// TLS.
    Handshake,
    /// Until the request is out.
    Send,
    /// Until the answer's head is there.
    Wait,
    Body,
}

const PHASES: usize = 6;

/// The clock of a call that runs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Times {
    call: Option<Instant>,
    present: Option<(Phase, Instant)>,
    phases: [Duration; PHASES],
    /// Of requests; what TLS adds is not counted.
    pub sent: u64,
    /// Of the answers before the present one: redirects.
    pub received: u64,
}

/// What a call, and the last of its attempts, took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Took {
    /// From the call's start, every attempt and wait included.
    pub total: Duration,
    /// How many attempts there were; what follows is the last one's.
    pub attempts: u32,
    phases: [Duration; PHASES],
    /// Bytes of the request, without what TLS adds.
    pub sent_bytes: u64,
    /// Bytes of the answer, headers included, without what TLS adds.
    pub received_bytes: u64,
    /// It went over a connection that an earlier call had made.
    pub reused: bool,
}

impl Times {
    pub const IDLE: Times = Times {
        call: None,
        present: None,
        phases: [Duration::ZERO; PHASES],
        sent: 0,
        received: 0,
    };

    /// An attempt begins, and with the first one the call.
    pub fn begin_attempt(&mut self, call: Instant) {
        *self = Times {
            call: Some(call),
            ..Times::IDLE
        };
    }

    /// The present phase ends and this one begins, or goes on.
    pub fn enter(&mut self, phase: Phase) {
        let now = Instant::now();
        if let Some((present, since)) = self.present {
            self.phases[present as usize] += now - since;
        }
        self.present = Some((phase, now));
    }

    /// The same unless that far it has come already.
    pub fn reach(&mut self, phase: Phase) {
        if self.present.is_none_or(|(present, _)| present < phase) {
            self.enter(phase);
        }
    }

    /// What it took until now.
    pub fn took(&self) -> Took {
        let now = Instant::now();
        let mut phases = self.phases;
        if let Some((present, since)) = self.present {
            phases[present as usize] += now - since;
        }
        Took {
            total: self.call.map_or(Duration::ZERO, |call| now - call),
            phases,
            sent_bytes: self.sent,
            received_bytes: self.received,
            ..Took::default()
        }
    }
}

impl Took {
    /// The members of a JSON object that say what the last attempt took, in microseconds.
    pub(crate) fn write_attempt(&self, out: &mut String) {
        const NAMES: [&str; PHASES] = ["look_up", "connect", "handshake", "send", "wait", "body"];
        for (name, phase) in NAMES.iter().zip(self.phases) {
            let _ = write!(out, "\"{name}_us\":{},", phase.as_micros());
        }
        let _ = write!(
            out,
            "\"sent_bytes\":{},\"received_bytes\":{},\"reused\":{}",
            self.sent_bytes, self.received_bytes, self.reused
        );
    }

    /// The document.
    pub fn to_json(&self) -> String {
        let mut out = String::with_capacity(256);
        let _ = write!(
            out,
            "{{\"total_us\":{},\"attempts\":{},",
            self.total.as_micros(),
            self.attempts
        );
        self.write_attempt(&mut out);
        out.push('}');
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_moment_of_an_attempt_belongs_to_one_phase() {
        let mut times = Times::IDLE;
        times.begin_attempt(Instant::now());
        for phase in [Phase::Send, Phase::LookUp, Phase::Connect, Phase::Send, Phase::Wait] {
            times.enter(phase);
            std::thread::sleep(Duration::from_millis(2));
        }
        times.reach(Phase::Send);
        assert_eq!(
            times.present.map(|(phase, _)| phase),
            Some(Phase::Wait),
            "never backwards"
        );
        let took = times.took();
        assert!(took.phases[Phase::Send as usize] >= Duration::from_millis(4));
        assert_eq!(took.phases[Phase::Body as usize], Duration::ZERO);
        assert!(took.phases.iter().sum::<Duration>() <= took.total);
    }

    #[test]
    fn the_document_is_json_in_microseconds() {
        let took = Took {
            total: Duration::from_millis(3),
            attempts: 2,
            sent_bytes: 7,
            reused: true,
            ..Took::default()
        };
        let document: serde_json::Value = serde_json::from_str(&took.to_json()).unwrap();
        assert_eq!(
            document,
            serde_json::json!({"total_us": 3000, "attempts": 2, "look_up_us": 0, "connect_us": 0, "handshake_us": 0, "send_us": 0,
                "wait_us": 0, "body_us": 0, "sent_bytes": 7, "received_bytes": 0, "reused": true})
        );
    }
}
