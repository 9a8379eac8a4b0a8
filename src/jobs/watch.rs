//! Looking at something again and again until it has come to its end.
#![forbid(unsafe_code)]

use super::poll::{self, Habit};
use super::{Calls, Failed, Step, Work};
use crate::config::JobOptions;
use crate::error::{Error, Result, Status};
use crate::json::Value;
use crate::operation;
use crate::request::Request;
use crate::result::Answer;
use std::time::{Duration, Instant};

/// A wait for the end of what one GET tells of.
pub struct Watch {
    request: Request,
    /// As it was called, for messages.
    operation: String,
    interval: Duration,
    longest_wait: Option<Duration>,
    /// When to look again; `None`: now.
    due: Option<Instant>,
    /// When the wait that goes on has been long enough.
    end: Option<Instant>,
    /// What was seen last.
    object: Vec<u8>,
}

/// What a look came to.
pub struct Seen {
    pub ended: bool,
    pub answer: Answer,
}

impl Watch {
    pub fn new(operation: &str, params: Option<&str>, options: &JobOptions) -> Result<Watch> {
        let target = operation::find(operation)?;
        if target.method != "GET" {
            let why = format!(
                "{} asks for work again each time; only a GET can be waited with",
                target.method
            );
            return Err(Error::argument("operation", why));
        }
        let habit = Habit::of(target.entry);
        Ok(Watch {
            request: Request::to(target, params, options.calls.clone())?,
            operation: operation.trim().to_owned(),
            interval: options.interval.unwrap_or(habit.interval),
            longest_wait: options.longest_wait.or(habit.longest_wait),
            due: None,
            end: None,
            object: Vec::new(),
        })
    }

    /// The object that was seen last; empty before the first look.
    pub fn object(&self) -> &[u8] {
        &self.object
    }

    /// Waits until it is time, and looks. The first look waits for nothing.
    pub fn look(&mut self, calls: &Calls) -> std::result::Result<Seen, Failed> {
        let now = Instant::now();
        self.end = self.end.or(self.longest_wait.map(|longest| now + longest));
        let pause = self
            .due
            .map_or(Duration::ZERO, |due| due.saturating_duration_since(now));
        let left = self.end.map(|end| end.saturating_duration_since(now));
        calls.sleep(left.map_or(pause, |left| left.min(pause)))?;
        self.check_end(calls.options.deadline.or(calls.client.config().limits.deadline))?;
        let answer = calls.send(&mut self.request);
        self.due = Some(Instant::now() + self.interval);
        let answer = match answer {
            Ok(answer) => answer,
            Err(failed) => self.object_after_all(failed)?,
        };
        self.due = Some(Instant::now() + poll::pause(answer.headers(), self.interval));
        let json = answer.json().as_bytes();
        self.object = json.to_vec();
        let ended = !Value::parse(json).is_ok_and(poll::is_at_work);
        Ok(Seen { ended, answer })
    }

    /// Fails when it has been waited long enough, else sees to it that the next call takes no longer than that.
    fn check_end(&mut self, deadline: Option<Duration>) -> Result<()> {
        let left = self.end.map(|end| end.saturating_duration_since(Instant::now()));
        if left.is_some_and(|left| left.is_zero()) {
            return Err(self.waited_long_enough());
        }
        self.request.options.deadline = [deadline, left].into_iter().flatten().min();
        Ok(())
    }

    /// A failed look may have found what it looked for: a response that failed on its own is told as a failure, and here it is the end
    /// that was waited for.
    fn object_after_all(&mut self, failed: Failed) -> std::result::Result<Answer, Failed> {
        let Failed(answer) = &failed;
        if answer.status() == Status::Timeout && self.end.is_some_and(|end| end <= Instant::now()) {
            return Err(self.waited_long_enough().into());
        }
        let body = answer.body();
        match Value::parse(body) {
            Ok(value) if (200..300).contains(&answer.http_status()) && is_an_object_with_a_state(value) => {
                let (start, headers) = (value.offset_in(body), answer.headers().clone());
                Ok(Answer::in_body(answer.http_status(), headers, body.to_vec(), start).with_times(answer.took()))
            }
            _ => Err(failed),
        }
    }

    /// The wait is over, and the next one may begin.
    fn waited_long_enough(&mut self) -> Error {
        self.end = None;
        let ms = self.longest_wait.unwrap_or_default().as_millis();
        let status = Value::parse(&self.object).ok().and_then(|object| object.get("status"));
        let state = match status.and_then(Value::as_str) {
            Some(status) => format!(", whose status is \"{status}\""),
            None => String::new(),
        };
        let message = format!(
            "longest_wait_ms ({ms} ms) passed while waiting with {}{state}; the next kuai_job_next waits on",
            self.operation
        );
        let mut error = Error::new(Status::Timeout, message);
        error.code = Some("longest_wait_ms".to_owned());
        error
    }
}

fn is_an_object_with_a_state(value: Value<'_>) -> bool {
    ["id", "object", "status"]
        .iter()
        .all(|name| value.get(name).is_some_and(|value| value.as_str().is_some()))
}

impl Work for Watch {
    fn step(&mut self, calls: &Calls) -> std::result::Result<Step, Failed> {
        let seen = self.look(calls)?;
        Ok(match seen.ended {
            true => Step::Done(seen.answer),
            false => Step::Further(seen.answer),
        })
    }

    fn progress(&self) -> Vec<u8> {
        self.object.clone()
    }
}
