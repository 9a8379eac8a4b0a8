//! Many requests answered as one batch: uploaded, waited for, and their results fetched and sorted.
#![forbid(unsafe_code)]

use super::lines::{Lines, Sorted};
use super::watch::Watch;
use super::{Calls, Failed, Step, Work, given, id_in, params, quoted, quoted_or_null, text};
use crate::chat::{Edit, edit};
use crate::config::JobOptions;
use crate::error::{Error, Result};
use crate::headers::Headers;
use crate::json::Value;
use crate::operation;
use crate::request::Request;
use crate::result::Answer;
use std::borrow::Cow;

/// The only window that the API has.
const WINDOW: &str = "\"24h\"";

/// A batch as far as it is.
pub struct Batch {
    options: JobOptions,
    /// What was asked, where it is known: a batch that another job began can be waited for without.
    asked: Option<Vec<String>>,
    /// The upload of the requests, as long as it is to be done.
    upload: Option<Request>,
    /// What `batches.create` gets beside the file; `None`: the batch is there.
    creation: Option<String>,
    input_file_id: Option<String>,
    batch_id: Option<String>,
    watch: Option<Watch>,
    /// Of the batch that has come to its end, those that are still to be fetched.
    files: Option<Vec<String>>,
    sorted: Sorted,
}

impl Batch {
    pub fn new(
        requests: Option<&str>,
        params_json: Option<&str>,
        options: &JobOptions,
        default_model: Option<&str>,
    ) -> Result<Batch> {
        let params = params(params_json)?;
        let resume = given(params, "resume");
        let known = |name: &str| match resume {
            Some(resume) => text(resume, name).map(|id| id.map(Cow::into_owned)),
            None => Ok(None),
        };
        let (input_file_id, batch_id) = (known("input_file_id")?, known("batch_id")?);
        let endpoint = text(params, "endpoint")?;
        let lines = match requests {
            Some(requests) => Some(Lines::of(requests, endpoint.as_deref(), default_model)?),
            None if batch_id.is_some() => None,
            None => {
                return Err(Error::argument(
                    "requests_json",
                    "is NULL, and \"resume\" names no batch",
                ));
            }
        };
        let mut batch = Batch {
            options: options.clone(),
            asked: None,
            upload: None,
            creation: None,
            input_file_id,
            batch_id,
            watch: None,
            files: None,
            sorted: Sorted::default(),
        };
        if let Some(lines) = lines {
            if batch.batch_id.is_none() {
                batch.creation = Some(creation(params, &lines.endpoint)?);
            }
            if batch.batch_id.is_none() && batch.input_file_id.is_none() {
                batch.upload = Some(upload(lines.jsonl, options)?);
            }
            batch.asked = Some(lines.ids);
        }
        Ok(batch)
    }

    fn create(&mut self, calls: &Calls, input_file_id: &str, creation: &str) -> std::result::Result<Answer, Failed> {
        let inside = creation.strip_prefix('{').unwrap_or_default();
        let params = format!("{{\"input_file_id\":{},{inside}", quoted(input_file_id));
        let answer = calls.call("batches.create", &params)?;
        self.batch_id = Some(id_in(&answer)?);
        self.creation = None;
        Ok(answer)
    }

    /// Looks at the batch; at its end it is known which files there are.
    fn look(&mut self, calls: &Calls, batch_id: &str) -> std::result::Result<Answer, Failed> {
        let watch = match &mut self.watch {
            Some(watch) => watch,
            None => {
                let params = format!("{{\"batch_id\":{}}}", quoted(batch_id));
                self.watch
                    .insert(Watch::new("batches.retrieve", Some(&params), &self.options)?)
            }
        };
        let seen = watch.look(calls)?;
        if seen.ended {
            let batch = Value::parse(seen.answer.json().as_bytes()).ok();
            let file = |name: &str| batch.and_then(|batch| batch.get(name)).and_then(Value::as_str);
            let files = [file("output_file_id"), file("error_file_id")];
            let named = files.into_iter().flatten().filter(|id| !id.is_empty());
            self.files = Some(named.map(Cow::into_owned).collect());
        }
        Ok(seen.answer)
    }

    fn fetch(&mut self, calls: &Calls, file_id: &str) -> std::result::Result<Answer, Failed> {
        let answer = match calls.call("files.content", &format!("{{\"file_id\":{}}}", quoted(file_id))) {
            Ok(answer) => answer,
            // One line is a JSON document, and when it tells of a failure it may be taken for one.
            Err(Failed(answer)) if is_lines(&answer) => *answer,
            Err(failed) => return Err(failed),
        };
        self.sorted.add(file_id, answer.body());
        Ok(Answer::binary(
            answer.http_status(),
            answer.headers().clone(),
            Vec::new(),
        ))
    }

    fn done(&self) -> Answer {
        let document = self.sorted.document(self.seen(), self.asked.as_deref());
        Answer::in_body(200, Headers::default(), document, 0)
    }

    /// The batch as it was seen last, as JSON.
    fn seen(&self) -> &[u8] {
        let object = self.watch.as_ref().map_or(&b""[..], Watch::object);
        if object.is_empty() { b"null" } else { object }
    }
}

impl Work for Batch {
    fn step(&mut self, calls: &Calls) -> std::result::Result<Step, Failed> {
        if let Some(upload) = &mut self.upload {
            let answer = calls.send(upload)?;
            self.input_file_id = Some(id_in(&answer)?);
            // The requests need no memory any more.
            self.upload = None;
            return Ok(Step::Further(answer));
        }
        if let (Some(input_file_id), Some(creation)) = (self.input_file_id.clone(), self.creation.clone()) {
            return Ok(Step::Further(self.create(calls, &input_file_id, &creation)?));
        }
        let batch_id = self
            .batch_id
            .clone()
            .ok_or_else(|| Error::internal("a batch without an id"))?;
        let answer = match self.files.as_ref().map(|files| files.first().cloned()) {
            None => self.look(calls, &batch_id)?,
            Some(None) => return Ok(Step::Done(self.done())),
            Some(Some(file_id)) => {
                let answer = self.fetch(calls, &file_id)?;
                self.files.as_mut().map(|files| files.remove(0));
                answer
            }
        };
        Ok(match &self.files {
            Some(files) if files.is_empty() => Step::Done(self.done()),
            _ => Step::Further(answer),
        })
    }

    fn progress(&self) -> Vec<u8> {
        let head = format!(
            "{{\"input_file_id\":{},\"batch_id\":{},\"batch\":",
            quoted_or_null(self.input_file_id.as_deref()),
            quoted_or_null(self.batch_id.as_deref())
        );
        [head.as_bytes(), self.seen(), b"}"].concat()
    }
}

/// What the program says of the batch, with what it need not say.
fn creation(params: Value<'_>, endpoint: &str) -> Result<String> {
    if params.get("input_file_id").is_some() {
        return Err(Error::argument(
            "input_file_id",
            "is the file that the job makes of the requests",
        ));
    }
    let endpoint = quoted(endpoint);
    let has_window = given(params, "completion_window").is_some();
    let window = (!has_window).then_some(("completion_window", WINDOW));
    let body = edit(
        params,
        |key, value| match key.is("resume") || key.is("endpoint") || key.is("completion_window") && value.is_null() {
            true => Edit::Remove,
            false => Edit::Keep,
        },
        [("endpoint", &*endpoint)].into_iter().chain(window),
    );
    String::from_utf8(body.into_owned()).map_err(|error| Error::internal(error.to_string()))
}

fn upload(jsonl: Vec<u8>, options: &JobOptions) -> Result<Request> {
    let purpose = Some("{\"purpose\":\"batch\"}");
    let mut request = Request::to(operation::find("files.create")?, purpose, options.calls.clone())?;
    request.file("file", "batch.jsonl", None, Cow::Owned(jsonl))?;
    Ok(request)
}

/// Whether a failed answer is a batch's file all the same.
fn is_lines(answer: &Answer) -> bool {
    let first = answer.body().split(|byte| *byte == b'\n').next().unwrap_or_default();
    let is_line = || Value::parse(first.trim_ascii()).is_ok_and(|line| line.get("custom_id").is_some());
    (200..300).contains(&answer.http_status()) && is_line()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(requests: Option<&str>, params: &str) -> Result<Batch> {
        Batch::new(requests, Some(params), &JobOptions::default(), None)
    }

    fn refused(requests: Option<&str>, params: &str) -> String {
        match batch(requests, params) {
            Ok(_) => panic!("{params} was taken"),
            Err(error) => error.message.clone(),
        }
    }

    #[test]
    fn what_the_program_says_of_a_batch_is_kept() {
        let creation = |params: &str| batch(Some("[{}]"), params).unwrap().creation.unwrap();
        assert_eq!(
            creation("{}"),
            r#"{"endpoint":"/v1/chat/completions","completion_window":"24h"}"#
        );
        assert_eq!(
            creation(r#"{"metadata":{"a":"b"},"endpoint":"/v1/x","completion_window":"1h","resume":null}"#),
            r#"{"metadata":{"a":"b"},"completion_window":"1h","endpoint":"/v1/x"}"#
        );
        assert!(creation(r#"{"completion_window":null}"#).ends_with(r#""completion_window":"24h"}"#));
    }

    #[test]
    fn a_batch_goes_on_where_another_job_left_it() {
        let from_file = batch(Some("[{}]"), r#"{"resume":{"input_file_id":"file-1","batch_id":null}}"#).unwrap();
        assert!(from_file.upload.is_none() && from_file.creation.is_some());
        let from_batch = batch(None, r#"{"resume":{"batch_id":"batch_1"}}"#).unwrap();
        assert!(from_batch.upload.is_none() && from_batch.creation.is_none() && from_batch.asked.is_none());
        let state = String::from_utf8(from_batch.progress()).unwrap();
        assert_eq!(state, r#"{"input_file_id":null,"batch_id":"batch_1","batch":null}"#);
        let from_the_start = batch(
            Some("[{}]"),
            r#"{"resume":{"input_file_id":null,"batch_id":null,"batch":null}}"#,
        );
        assert!(from_the_start.unwrap().upload.is_some());
    }

    #[test]
    fn what_cannot_become_a_batch_is_refused() {
        assert!(refused(None, "{}").starts_with("requests_json: is NULL"));
        assert!(refused(None, r#"{"resume":{"input_file_id":"file-1"}}"#).starts_with("requests_json: is NULL"));
        assert!(refused(Some("[{}]"), r#"{"input_file_id":"x"}"#).starts_with("input_file_id: "));
        assert!(refused(Some("[{}]"), r#"{"endpoint":1}"#).starts_with("endpoint: expected a string"));
        assert!(refused(Some("[{}]"), r#"{"resume":{"batch_id":1}}"#).starts_with("batch_id: expected a string"));
        assert!(refused(Some("[{}]"), "[]").starts_with("params_json: expected an object, found an array"));
    }
}
