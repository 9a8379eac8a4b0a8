//! What takes long: waiting for the end of something, an upload in parts, a batch. Each is a [`Job`] that the program takes step by
//! step, so that it can show how far it is, stop, and go on where it was, also in another process.
//!
//! Map: `poll` which states are no end, and when to look again (pure) · `watch` looking again and again · `upload` a file in parts ·
//! `batch` many requests in one, `lines` their lines of JSON (pure).
#![forbid(unsafe_code)]

mod batch;
mod lines;
mod poll;
mod upload;
mod watch;

use crate::cancel::Cancel;
use crate::client::Client;
use crate::config::{CallOptions, JobOptions};
use crate::error::{Error, Result, Status};
use crate::headers::Headers;
use crate::json::{Kind, Value, quote};
use crate::operation;
use crate::request::Request;
use crate::result::Answer;
use std::time::Duration;

/// Work of many calls. One thread at a time; keeps what it needs of its client.
///
/// A step that failed can be taken again: [`next`](Self::next) goes on where the job was.
pub struct Job {
    /// `None`: there is nothing to do, because it could not be begun.
    running: Option<Running>,
    status: Status,
    /// How far it is, and a NUL.
    json: Vec<u8>,
    answer: Answer,
}

struct Running {
    calls: Calls,
    work: Box<dyn Work>,
}

impl Client {
    /// Waits for the end of what a GET such as `batches.retrieve` tells of. Options: those of a call but for what belongs to one alone,
    /// `interval_ms` and `longest_wait_ms`.
    pub fn wait_for(&self, operation: &str, params: Option<&str>, options: Option<&str>) -> Job {
        self.job(options, |options| {
            Ok(Box::new(watch::Watch::new(operation, params, options)?))
        })
    }

    /// Uploads a file in parts. Parameters: those of `uploads.create` less `bytes`, and `part_bytes`, `resume`, `share`, `md5`.
    pub fn upload(&self, path: &str, params: Option<&str>, options: Option<&str>) -> Job {
        self.job(options, |_| Ok(Box::new(upload::Upload::new(path, params)?)))
    }

    /// Has an array of requests answered as a batch. Parameters: those of `batches.create` less `input_file_id`, and `resume`.
    pub fn batch(&self, requests: Option<&str>, params: Option<&str>, options: Option<&str>) -> Job {
        let model = self.config().default_model.as_deref();
        self.job(options, |options| {
            Ok(Box::new(batch::Batch::new(requests, params, options, model)?))
        })
    }

    fn job(&self, options: Option<&str>, work: impl FnOnce(&JobOptions) -> Result<Box<dyn Work>>) -> Job {
        let running = JobOptions::parse(options).and_then(|options| {
            Ok(Running {
                work: work(&options)?,
                calls: Calls {
                    client: self.for_long_work(),
                    cancel: None,
                    options: options.calls,
                },
            })
        });
        match running {
            Ok(running) => Job {
                running: Some(running),
                status: Status::Ok,
                json: vec![0],
                answer: Answer::binary(0, Headers::default(), Vec::new()),
            },
            Err(error) => Job::failed(error),
        }
    }
}

impl Job {
    /// A job that could not be begun.
    pub fn failed(error: Error) -> Job {
        Job {
            running: None,
            status: error.status,
            json: vec![0],
            answer: Answer::from_error(error),
        }
    }

    /// Lets a switch end the job, in place of one given before. What the service is doing goes on.
    ///
    /// # Errors
    /// Why the job could not be begun.
    pub fn cancel_with(&mut self, cancel: &Cancel) -> Result<()> {
        match (&mut self.running, self.answer.error()) {
            (Some(running), _) => running.calls.cancel = Some(cancel.clone()),
            (None, error) => return Err(error.cloned().unwrap_or_else(|| Error::internal("a job of nothing"))),
        }
        Ok(())
    }

    /// Takes the next step.
    ///
    /// [`Status::Ok`]: it is one step further and not at its end. [`Status::Done`]: it is, and [`result`](Self::result) is what came of
    /// it. Anything else is a failure, told by `result`; the next call tries the same step again.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Status {
        let Some(Running { calls, work }) = self.running.as_mut().filter(|_| self.status != Status::Done) else {
            return self.status;
        };
        (self.status, self.answer) = match work.step(calls) {
            Ok(Step::Further(answer)) => (Status::Ok, answer),
            Ok(Step::Done(answer)) => (Status::Done, answer),
            Err(Failed(answer)) => (answer.status(), *answer),
        };
        self.json = work.progress();
        self.json.push(0);
        self.status
    }

    /// How far it is; empty before the first step.
    pub fn json(&self) -> &str {
        std::str::from_utf8(&self.json[..self.json.len() - 1]).unwrap_or_default()
    }

    /// [`json`](Self::json) for C, with one NUL behind it.
    pub fn json_z(&self) -> &[u8] {
        &self.json
    }

    /// What came of it, or the failure; while it runs, the service's last answer.
    pub fn result(&self) -> &Answer {
        &self.answer
    }
}

/// What a job does.
trait Work: Send + Sync {
    /// Goes one step further. Where it fails, everything is as it was before.
    fn step(&mut self, calls: &Calls) -> std::result::Result<Step, Failed>;

    /// How far it is, as JSON; empty while there is nothing to tell.
    fn progress(&self) -> Vec<u8>;
}

/// What a step came to.
enum Step {
    /// There is more to do.
    Further(Answer),
    Done(Answer),
}

/// A step that failed: the failed answer.
struct Failed(Box<Answer>);

impl From<Error> for Failed {
    fn from(error: Error) -> Failed {
        Failed(Box::new(Answer::from_error(error)))
    }
}

/// How a job's calls are made.
struct Calls {
    client: Client,
    cancel: Option<Cancel>,
    options: CallOptions,
}

impl Calls {
    fn request(&self, operation: &str, params: &str) -> Result<Request> {
        Request::to(operation::find(operation)?, Some(params), self.options.clone())
    }

    fn call(&self, operation: &str, params: &str) -> std::result::Result<Answer, Failed> {
        self.send(&mut self.request(operation, params)?)
    }

    fn send(&self, request: &mut Request) -> std::result::Result<Answer, Failed> {
        request.cancel.clone_from(&self.cancel);
        let answer = self.client.send(request);
        match answer.error() {
            None => Ok(answer),
            Some(_) => Err(Failed(Box::new(answer))),
        }
    }

    fn sleep(&self, length: Duration) -> Result<()> {
        self.client.sleep(length, self.cancel.as_ref())
    }
}

/// The id of what a call has made.
fn id_in(answer: &Answer) -> std::result::Result<String, Failed> {
    let value = Value::parse(answer.json().as_bytes()).ok();
    let id = value.and_then(|value| value.get("id")).and_then(Value::as_str);
    if let Some(id) = id.filter(|id| !id.is_empty()) {
        return Ok(id.into_owned());
    }
    let mut error = Error::new(Status::Protocol, "the answer has no id");
    error.http_status = answer.http_status();
    let failed = Answer::failed(error, answer.headers().clone(), answer.body().to_vec()).with_times(answer.took());
    Err(Failed(Box::new(failed)))
}

/// A job's parameters: an object, `{}` when there are none.
fn params(text: Option<&str>) -> Result<Value<'_>> {
    let text = text.filter(|text| !text.trim().is_empty()).unwrap_or("{}");
    let wrong = |why: String| Error::argument("params_json", why);
    let value = Value::parse(text.as_bytes()).map_err(|fault| wrong(fault.to_string()))?;
    match value.kind() {
        Kind::Object => Ok(value),
        kind => Err(wrong(format!("expected an object, found {}", kind.name()))),
    }
}

/// A parameter that is a text; `None` when it is null or not there.
fn text<'a>(params: Value<'a>, name: &str) -> Result<Option<std::borrow::Cow<'a, str>>> {
    let Some(value) = given(params, name) else {
        return Ok(None);
    };
    let wrong = || Error::argument(name, format!("expected a string, found {}", value.kind().name()));
    value.as_str().map(Some).ok_or_else(wrong)
}

/// A member that is not null.
fn given<'a>(object: Value<'a>, name: &str) -> Option<Value<'a>> {
    object.get(name).filter(|value| !value.is_null())
}

/// A text as a JSON string.
fn quoted(text: &str) -> String {
    let mut literal = String::with_capacity(text.len() + 2);
    quote(text, &mut literal);
    literal
}

/// The same, or `null`.
fn quoted_or_null(text: Option<&str>) -> String {
    text.map_or_else(|| "null".to_owned(), quoted)
}
