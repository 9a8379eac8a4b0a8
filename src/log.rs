//! What a program can see of its calls while they run: a line for each attempt, kept until the program asks.
//!
//! A line is one JSON object. It holds no header, no query, no body and no message: neither key nor prompt can be in it.
#![forbid(unsafe_code)]

use crate::error::Status;
use crate::json;
use crate::times::Took;
use std::collections::VecDeque;
use std::fmt::Write;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// What is told. Each level tells what those before it tell, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Attempts that failed.
    Error,
    /// Every attempt, when it has ended.
    Info,
    /// Also when attempts, and waits before them, begin.
    Debug,
}

/// So many lines are kept; then the oldest go.
const MOST_LINES: usize = 1000;
/// What is shown of a path or an id.
const LONGEST: usize = 300;

/// The lines of one client.
pub(crate) struct Log {
    level: Level,
    lines: Mutex<Lines>,
}

#[derive(Default)]
struct Lines {
    kept: VecDeque<String>,
    lost: u64,
}

/// What an attempt is about, and how it went.
pub(crate) struct Attempt<'a> {
    pub about: &'a About,
    pub status: Status,
    pub http_status: u16,
    pub request_id: Option<&'a str>,
    pub took: Took,
}

/// What a call asks for.
#[derive(Clone, Debug)]
pub(crate) struct About {
    method: String,
    path: String,
}

impl About {
    /// `secret` is blotted out of the path: a program may have put it there.
    pub fn new(method: &str, path: &str, secret: Option<&str>) -> About {
        let path = match secret {
            Some(secret) if !secret.is_empty() => path.replace(secret, "***"),
            _ => path.to_owned(),
        };
        About {
            method: cut(method).to_owned(),
            path: cut(&path).to_owned(),
        }
    }
}

impl Log {
    pub fn new(level: Level) -> Log {
        Log {
            level,
            lines: Mutex::default(),
        }
    }

    /// An attempt begins.
    pub fn start(&self, about: &About, attempt: u32) {
        if self.level >= Level::Debug {
            self.push("debug", "start", about, |line| {
                let _ = write!(line, ",\"attempt\":{attempt}");
            });
        }
    }

    /// A wait before another attempt begins.
    pub fn wait(&self, about: &About, attempts: u32, length: Duration) {
        if self.level >= Level::Debug {
            self.push("debug", "wait", about, |line| {
                let _ = write!(line, ",\"attempt\":{attempts},\"wait_ms\":{}", length.as_millis());
            });
        }
    }

    /// An attempt has ended.
    pub fn attempt(&self, attempt: &Attempt<'_>) {
        let failed = attempt.status.code() < 0;
        if !failed && self.level < Level::Info {
            return;
        }
        let level = if failed { "error" } else { "info" };
        self.push(level, "attempt", attempt.about, |line| {
            let _ = write!(
                line,
                ",\"attempt\":{},\"status\":\"{}\",\"http_status\":{},\"request_id\":",
                attempt.took.attempts,
                attempt.status.name(),
                attempt.http_status
            );
            match attempt.request_id {
                Some(id) => json::quote(cut(id), line),
                None => line.push_str("null"),
            }
            line.push(',');
            attempt.took.write_attempt(line);
        });
    }

    /// The lines since the last time, each with a line feed behind it.
    pub fn take(&self) -> String {
        let lines = std::mem::take(&mut *self.lines.lock().unwrap_or_else(PoisonError::into_inner));
        let mut out = String::new();
        if lines.lost > 0 {
            let _ = writeln!(
                out,
                "{{\"level\":\"error\",\"event\":\"lost\",\"lines\":{}}}",
                lines.lost
            );
        }
        for line in lines.kept {
            out.push_str(&line);
            out.push('\n');
        }
        out
    }

    fn push(&self, level: &str, event: &str, about: &About, rest: impl FnOnce(&mut String)) {
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let mut line = String::with_capacity(320);
        let _ = write!(
            line,
            "{{\"time_ms\":{},\"level\":\"{level}\",\"event\":\"{event}\",\"method\":",
            now.as_millis()
        );
        json::quote(&about.method, &mut line);
        line.push_str(",\"path\":");
        json::quote(&about.path, &mut line);
        rest(&mut line);
        line.push('}');
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.kept.len() == MOST_LINES {
            lines.kept.pop_front();
            lines.lost += 1;
        }
        lines.kept.push_back(line);
    }
}

fn cut(text: &str) -> &str {
    let mut end = LONGEST.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(level: Level) -> Vec<serde_json::Value> {
        let log = Log::new(level);
        let about = About::new("POST", "/v1/keys/sk-1/\"x\"", Some("sk-1"));
        log.start(&about, 1);
        for status in [Status::RateLimited, Status::Ok] {
            log.attempt(&Attempt {
                about: &about,
                status,
                http_status: 200,
                request_id: Some("r1"),
                took: Took::default(),
            });
            log.wait(&about, 1, Duration::from_millis(5));
        }
        let text = log.take();
        assert_eq!(log.take(), "", "lines are told once");
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn each_level_tells_what_it_says() {
        let events = |level| -> Vec<String> {
            let event = |line: &serde_json::Value| line["event"].as_str().unwrap().to_owned();
            told(level).iter().map(event).collect()
        };
        assert_eq!(events(Level::Error), ["attempt"]);
        assert_eq!(events(Level::Info), ["attempt", "attempt"]);
        assert_eq!(events(Level::Debug), ["start", "attempt", "wait", "attempt", "wait"]);
        let line = &told(Level::Error)[0];
        assert_eq!(line["path"], "/v1/keys/***/\"x\"");
        assert_eq!(
            (&line["level"], &line["status"]),
            (&"error".into(), &"rate_limited".into())
        );
    }

    #[test]
    fn what_nobody_takes_is_bounded_and_the_loss_is_told() {
        let log = Log::new(Level::Debug);
        let about = About::new("GET", &"x".repeat(1 << 20), None);
        for i in 0..MOST_LINES as u32 + 5 {
            log.start(&about, i);
        }
        let text = log.take();
        assert!(text.len() < MOST_LINES * (LONGEST + 200), "{}", text.len());
        assert!(text.starts_with("{\"level\":\"error\",\"event\":\"lost\",\"lines\":5}\n"));
        assert_eq!(text.lines().count(), MOST_LINES + 1);
    }
}
