//! A file uploaded in parts, one a step. What is sent already is said by the job's state, with which another job goes on: after a
//! failure, after a restart, or beside this one with a share of its own.
#![forbid(unsafe_code)]

use super::{Calls, Failed, Step, Work, given, id_in, params, quoted, quoted_or_null, text};
use crate::chat::{Edit, edit};
use crate::error::{Error, Result};
use crate::headers::Headers;
use crate::json::{Kind, Value};
use crate::multipart::media_type;
use crate::result::Answer;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// The largest part that the API takes.
const PART_BYTES: u64 = 64 * 1024 * 1024;
/// Each part has an id to be remembered.
const MOST_PARTS: u64 = 100_000;
/// What the API calls a part's file when the program has no say in it.
const PART_NAME: &str = "upload";

/// An upload as far as it is.
pub struct Upload {
    path: PathBuf,
    state: State,
    share: Option<Share>,
    /// What `uploads.create` gets.
    creation: String,
    md5: Option<String>,
}

impl Upload {
    pub fn new(path: &str, params_json: Option<&str>) -> Result<Upload> {
        let params = params(params_json)?;
        let path = PathBuf::from(path);
        let file = Print::of(&path)?;
        let state = match given(params, "resume") {
            Some(resume) => State::resumed(resume, file, &path)?,
            None => State::new(file, part_bytes(params)?)?,
        };
        let share = Share::of(params)?;
        if share.is_some() && state.upload_id.is_none() {
            return Err(Error::argument(
                "share",
                "needs \"resume\" with the upload that is shared: one job has to have begun it",
            ));
        }
        Ok(Upload {
            creation: creation(params, &path, state.file.size)?,
            md5: text(params, "md5")?.map(|md5| md5.into_owned()),
            path,
            state,
            share,
        })
    }

    /// The first part that is still to be sent here.
    fn next_part(&self) -> Option<usize> {
        let ours = |number: &usize| self.share.is_none_or(|share| share.has(*number));
        let missing = self.state.parts.iter().enumerate().filter(|(_, id)| id.is_none());
        missing.map(|(number, _)| number).find(ours)
    }

    fn send_part(&mut self, calls: &Calls, upload_id: &str, number: usize) -> std::result::Result<Answer, Failed> {
        let State { file, .. } = self.state;
        file.check(&self.path)?;
        let mut request = calls.request(
            "uploads.parts.create",
            &format!("{{\"upload_id\":{}}}", quoted(upload_id)),
        )?;
        request.file_part("data", PART_NAME, &self.path, file.size, self.state.range(number))?;
        let answer = calls.send(&mut request)?;
        // What was changed behind the reader's back would be a part of neither file.
        file.check(&self.path)?;
        self.state.parts[number] = Some(id_in(&answer)?);
        Ok(answer)
    }

    fn complete(&self, calls: &Calls, upload_id: &str) -> std::result::Result<Answer, Failed> {
        let ids: Vec<String> = self.state.parts.iter().flatten().map(|id| quoted(id)).collect();
        let md5 = self.md5.as_ref().map(|md5| format!(",\"md5\":{}", quoted(md5)));
        let params = format!(
            "{{\"upload_id\":{},\"part_ids\":[{}]{}}}",
            quoted(upload_id),
            ids.join(","),
            md5.unwrap_or_default()
        );
        Ok(file_in(calls.call("uploads.complete", &params)?))
    }
}

impl Work for Upload {
    fn step(&mut self, calls: &Calls) -> std::result::Result<Step, Failed> {
        let Some(upload_id) = self.state.upload_id.clone() else {
            self.state.file.check(&self.path)?;
            let answer = calls.call("uploads.create", &self.creation)?;
            self.state.upload_id = Some(id_in(&answer)?);
            return Ok(Step::Further(answer));
        };
        if let Some(number) = self.next_part() {
            return Ok(Step::Further(self.send_part(calls, &upload_id, number)?));
        }
        Ok(Step::Done(match self.share {
            Some(_) => Answer::in_body(0, Headers::default(), self.progress(), 0),
            None => self.complete(calls, &upload_id)?,
        }))
    }

    fn progress(&self) -> Vec<u8> {
        self.state.to_json().into_bytes()
    }
}

/// The file in a completed upload, as the answer.
fn file_in(upload: Answer) -> Answer {
    let value = Value::parse(upload.json().as_bytes()).ok();
    match value.and_then(|value| given(value, "file")) {
        Some(file) => {
            let (headers, body) = (upload.headers().clone(), upload.body().to_vec());
            Answer::mended(upload.http_status(), headers, body, file.raw().to_vec()).with_times(upload.took())
        }
        None => upload,
    }
}

/// What the program says of the upload, with what it need not say.
fn creation(params: Value<'_>, path: &Path, size: u64) -> Result<String> {
    if params.get("bytes").is_some() {
        return Err(Error::argument(
            "bytes",
            "is the size of the file, which need not be said",
        ));
    }
    let filename = text(params, "filename")?.map_or_else(
        || path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        |name| name.into_owned(),
    );
    let mime_type = match text(params, "mime_type")? {
        Some(mime_type) => mime_type.into_owned(),
        // What the API wants for training data; the registries know no type for it.
        None if filename.ends_with(".jsonl") => "text/jsonl".to_owned(),
        None => media_type(&filename).to_owned(),
    };
    let (filename, bytes, mime_type) = (quoted(&filename), size.to_string(), quoted(&mime_type));
    const OURS: [&str; 6] = ["filename", "mime_type", "part_bytes", "resume", "share", "md5"];
    let body = edit(
        params,
        |key, _| match OURS.iter().any(|name| key.is(name)) {
            true => Edit::Remove,
            false => Edit::Keep,
        },
        [("filename", &*filename), ("bytes", &*bytes), ("mime_type", &*mime_type)].into_iter(),
    );
    String::from_utf8(body.into_owned()).map_err(|error| Error::internal(error.to_string()))
}

fn part_bytes(params: Value<'_>) -> Result<u64> {
    let Some(value) = given(params, "part_bytes") else {
        return Ok(PART_BYTES);
    };
    let wrong = || Error::argument("part_bytes", "expected a whole number from 1 on");
    value.as_u64().filter(|bytes| *bytes > 0).ok_or_else(wrong)
}

/// Which parts are sent here, when others send the rest: those whose number leaves `rest` when divided by `of`.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Share {
    rest: u64,
    of: u64,
}

impl Share {
    fn of(params: Value<'_>) -> Result<Option<Share>> {
        let Some(value) = given(params, "share") else {
            return Ok(None);
        };
        let mut numbers = value.items().map(Value::as_u64);
        match (numbers.next().flatten(), numbers.next().flatten(), numbers.next()) {
            (Some(rest), Some(of), None) if rest < of => Ok(Some(Share { rest, of })),
            _ => Err(Error::argument(
                "share",
                "expected [i,n], the share i of n, counted from 0",
            )),
        }
    }

    fn has(self, number: usize) -> bool {
        number as u64 % self.of == self.rest
    }
}

/// By what a file is known again.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Print {
    size: u64,
    /// Milliseconds since 1970; `None`: the system does not say, or the program does not care.
    modified_ms: Option<u64>,
}

impl Print {
    fn of(path: &Path) -> Result<Print> {
        let failed = |why: String| Error::file("path", format!("{}: {why}", path.display()));
        let metadata = std::fs::metadata(path).map_err(|error| failed(error.to_string()))?;
        if !metadata.is_file() {
            return Err(failed("is not a regular file".to_owned()));
        }
        let modified = metadata
            .modified()
            .ok()
            .and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        Ok(Print {
            size: metadata.len(),
            modified_ms: modified.and_then(|time| u64::try_from(time.as_millis()).ok()),
        })
    }

    /// Fails when the file is not the same any more.
    fn check(self, path: &Path) -> Result<()> {
        let now = Print::of(path)?;
        let changed = |how: String| {
            let path = path.display();
            Err(Error::file(
                "path",
                format!("{path}: the file has changed since its upload began: {how}"),
            ))
        };
        if now.size != self.size {
            return changed(format!("it had {} bytes and has {}", self.size, now.size));
        }
        if self
            .modified_ms
            .is_some_and(|then| now.modified_ms.is_some_and(|now| now != then))
        {
            return changed("it was written to".to_owned());
        }
        Ok(())
    }
}

/// What is known of an upload, and what another job needs to go on with it.
#[derive(Clone, Debug, PartialEq)]
struct State {
    upload_id: Option<String>,
    file: Print,
    part_bytes: u64,
    /// The id of each part that was sent.
    parts: Vec<Option<String>>,
}

impl State {
    fn new(file: Print, part_bytes: u64) -> Result<State> {
        let count = file.size.div_ceil(part_bytes);
        if count > MOST_PARTS {
            let why = format!(
                "the file has {} bytes, which makes more than {MOST_PARTS} parts",
                file.size
            );
            return Err(Error::argument("part_bytes", why));
        }
        Ok(State {
            upload_id: None,
            file,
            part_bytes,
            parts: vec![None; count as usize],
        })
    }

    /// The state that other jobs left, one or several that shared an upload.
    fn resumed(resume: Value<'_>, file: Print, path: &Path) -> Result<State> {
        let mut states = match resume.kind() {
            Kind::Array => resume.items().map(State::read).collect::<Result<Vec<_>>>()?.into_iter(),
            _ => vec![State::read(resume)?].into_iter(),
        };
        let mut state = states.next().ok_or_else(|| wrong_state("there is none in the array"))?;
        for other in states {
            state.add(other)?;
        }
        state.file.check(path)?;
        // Where the state says nothing of the time, changes from now on are still seen.
        state.file.modified_ms = state.file.modified_ms.or(file.modified_ms);
        Ok(state)
    }

    fn read(json: Value<'_>) -> Result<State> {
        let number = |name: &str| {
            let value = given(json, name).and_then(Value::as_u64);
            value.ok_or_else(|| wrong_state(&format!("its \"{name}\" is no whole number")))
        };
        let file = Print {
            size: number("size")?,
            modified_ms: given(json, "modified_ms").and_then(Value::as_u64),
        };
        let part_bytes = number("part_bytes")?;
        if part_bytes == 0 {
            return Err(wrong_state("its \"part_bytes\" is 0"));
        }
        let mut state = State::new(file, part_bytes)?;
        let parts: Vec<Value<'_>> = json.get("parts").into_iter().flat_map(Value::items).collect();
        if parts.len() != state.parts.len() {
            return Err(wrong_state("its \"parts\" are not as many as the file has"));
        }
        for (id, part) in state.parts.iter_mut().zip(parts) {
            *id = part.as_str().map(|id| id.into_owned());
        }
        state.upload_id = given(json, "upload_id")
            .and_then(Value::as_str)
            .map(|id| id.into_owned());
        Ok(state)
    }

    /// Takes in what another job has sent of the same upload.
    fn add(&mut self, other: State) -> Result<()> {
        let same = |state: &State| (state.upload_id.clone(), state.file.size, state.part_bytes);
        if same(self) != same(&other) {
            return Err(wrong_state("the states in the array are of different uploads"));
        }
        for (id, theirs) in self.parts.iter_mut().zip(other.parts) {
            *id = id.take().or(theirs);
        }
        Ok(())
    }

    fn range(&self, number: usize) -> Range<u64> {
        let start = number as u64 * self.part_bytes;
        start..self.file.size.min(start.saturating_add(self.part_bytes))
    }

    fn sent(&self) -> u64 {
        let sent = self.parts.iter().enumerate().filter(|(_, id)| id.is_some());
        sent.map(|(number, _)| self.range(number))
            .map(|range| range.end - range.start)
            .sum()
    }

    fn to_json(&self) -> String {
        let parts: Vec<String> = self.parts.iter().map(|id| quoted_or_null(id.as_deref())).collect();
        format!(
            "{{\"upload_id\":{},\"sent\":{},\"size\":{},\"part_bytes\":{},\"modified_ms\":{},\"parts\":[{}]}}",
            quoted_or_null(self.upload_id.as_deref()),
            self.sent(),
            self.file.size,
            self.part_bytes,
            self.file
                .modified_ms
                .map_or_else(|| "null".to_owned(), |ms| ms.to_string()),
            parts.join(",")
        )
    }
}

fn wrong_state(why: &str) -> Error {
    Error::argument(
        "resume",
        format!("expected what kuai_job_json said of an upload: {why}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: Print = Print {
        size: 10,
        modified_ms: Some(5),
    };

    fn value(text: &str) -> Value<'_> {
        Value::parse(text.as_bytes()).unwrap()
    }

    fn state(parts: &[Option<&str>]) -> State {
        State {
            upload_id: Some("upload_1".to_owned()),
            parts: parts.iter().map(|id| id.map(str::to_owned)).collect(),
            ..State::new(FILE, 4).unwrap()
        }
    }

    #[test]
    fn parts_cover_the_file_and_nothing_else() {
        for (size, part_bytes, ranges) in [
            (10, 4, &[(0, 4), (4, 8), (8, 10)][..]),
            (8, 4, &[(0, 4), (4, 8)]),
            (3, 4, &[(0, 3)]),
            (0, 4, &[]),
            (3, u64::MAX, &[(0, 3)]),
        ] {
            let state = State::new(Print { size, ..FILE }, part_bytes).unwrap();
            let ranges_of = (0..state.parts.len()).map(|number| state.range(number));
            let found: Vec<(u64, u64)> = ranges_of.map(|range| (range.start, range.end)).collect();
            assert_eq!(found, ranges, "{size} {part_bytes}");
        }
        assert!(State::new(Print { size: u64::MAX, ..FILE }, 1).is_err());
    }

    #[test]
    fn a_state_is_read_as_it_was_written() {
        for parts in [[None, None, None], [Some("part_1"), None, Some("part_\"3")]] {
            let state = state(&parts);
            assert_eq!(State::read(value(&state.to_json())).unwrap(), state);
        }
        assert_eq!(
            state(&[Some("a"), None, Some("c")]).to_json(),
            r#"{"upload_id":"upload_1","sent":6,"size":10,"part_bytes":4,"modified_ms":5,"parts":["a",null,"c"]}"#
        );
    }

    #[test]
    fn states_of_one_upload_add_up() {
        let mut sum = state(&[Some("a"), None, None]);
        sum.add(state(&[None, Some("b"), None])).unwrap();
        sum.add(state(&[Some("other"), None, None])).unwrap();
        assert_eq!(sum, state(&[Some("a"), Some("b"), None]));
        let stranger = State {
            upload_id: Some("upload_2".to_owned()),
            ..state(&[None, None, None])
        };
        assert!(sum.add(stranger).is_err());
    }

    #[test]
    fn what_is_no_state_is_refused() {
        for wrong in [
            "{}",
            "1",
            r#"{"size":10}"#,
            r#"{"size":10,"part_bytes":0,"parts":[]}"#,
            r#"{"size":10,"part_bytes":4,"parts":[null]}"#,
            r#"{"size":10,"part_bytes":4}"#,
            r#"{"size":-1,"part_bytes":4,"parts":[]}"#,
        ] {
            let error = State::read(value(wrong)).unwrap_err();
            assert_eq!(error.param.as_deref(), Some("resume"), "{wrong}: {}", error.message);
        }
        let huge = r#"{"size":18446744073709551615,"part_bytes":1,"parts":[]}"#;
        assert_eq!(
            State::read(value(huge)).unwrap_err().param.as_deref(),
            Some("part_bytes")
        );
    }

    #[test]
    fn shares_are_disjoint_and_leave_nothing_out() {
        for of in 1..5 {
            for number in 0..20 {
                assert_eq!((0..of).filter(|&rest| Share { rest, of }.has(number)).count(), 1);
            }
        }
        assert_eq!(
            Share::of(value(r#"{"share":[1,3]}"#)).unwrap(),
            Some(Share { rest: 1, of: 3 })
        );
        for wrong in ["[3,3]", "[0]", "[0,1,2]", "[-1,2]", "1", "[]", "\"1/3\"", "[0,0]"] {
            assert!(Share::of(value(&format!("{{\"share\":{wrong}}}"))).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_the_program_says_of_an_upload_is_kept() {
        let made = |params: &str| {
            creation(value(params), Path::new("/tmp/a b.jsonl"), 10).map_err(|error| error.message.clone())
        };
        assert_eq!(
            made(r#"{"purpose":"fine-tune","part_bytes":1,"expires_after":{"seconds":1.0}}"#).unwrap(),
            r#"{"purpose":"fine-tune","expires_after":{"seconds":1.0},"filename":"a b.jsonl","bytes":10,"mime_type":"text/jsonl"}"#
        );
        assert_eq!(
            made(r#"{"filename":"x.mp3","md5":"m"}"#).unwrap(),
            r#"{"filename":"x.mp3","bytes":10,"mime_type":"audio/mpeg"}"#
        );
        assert_eq!(
            made(r#"{"mime_type":"a/b"}"#).unwrap(),
            r#"{"filename":"a b.jsonl","bytes":10,"mime_type":"a/b"}"#
        );
        assert!(made(r#"{"bytes":1}"#).unwrap_err().starts_with("bytes: "));
        assert!(made(r#"{"filename":1}"#).unwrap_err().starts_with("filename: "));
    }
}
