//! An answer that comes piece by piece, pulled by the program.
#![forbid(unsafe_code)]

use crate::accumulate::Accumulator;
use crate::answer::{self, Expect};
use crate::client::{Client, Refused};
use crate::error::{Error, Result, Status};
use crate::headers::Headers;
use crate::json::Value;
use crate::log::About;
use crate::result::Answer;
use crate::sse;
use crate::times::Took;
use crate::transport::Response;
use crate::transport::exchange::Exchange;
use std::time::{Duration, Instant};

/// How much is read at once.
const READ: usize = 8 * 1024;
/// What is kept of the start of an answer, to be shown when it turns out to be no stream.
const SNIPPET: usize = 2048;
/// How long the end of a body is waited for after the stream's own end, so that its connection can be used again.
const LINGER: Duration = Duration::from_millis(20);

/// A running stream. One thread at a time; keeps what it needs of its client.
///
/// Methods whose names end in `_z` give the bytes with one NUL after them, for C.
pub struct Stream {
    /// Its limits, and the pool that the connection goes back to.
    client: Option<Client>,
    exchange: Exchange,
    /// For the log, until its line is written.
    about: Option<About>,
    response: Option<Response>,
    http_status: u16,
    headers: Headers,
    expect: Expect,
    reading: Reading,
    decoder: sse::Decoder,
    accumulator: Accumulator,
    content_timeout: Option<Duration>,
    /// The first bytes that came.
    start: Vec<u8>,
    any_event: bool,
    /// So many of the bytes that events begin with alike were searched for a failure, and hold none.
    harmless: usize,
    body_ended: bool,
    /// This event's data and name, each with a NUL.
    json: Vec<u8>,
    event: Vec<u8>,
    /// `Ok` while it runs.
    status: Status,
    /// Set by the end or a failure, and by whoever asks before.
    answer: Option<Answer>,
    /// An answer that came whole although a stream was asked for.
    whole: Option<Vec<u8>>,
}

/// What the program pulls.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    Undecided,
    Events,
    Bytes,
}

impl Stream {
    /// A stream that could not be opened.
    pub fn failed(error: Error) -> Stream {
        Stream::refused(Refused::from(error), None)
    }

    /// A stream that the service refused.
    pub(crate) fn refused(refused: Refused, took: Option<Took>) -> Stream {
        let mut stream = Stream::blank(Expect::Any);
        stream.http_status = refused.error.http_status;
        stream.status = refused.error.status;
        stream.answer = Some(Answer::failed(refused.error, refused.headers, refused.body).with_times(took));
        stream
    }

    /// A stream whose head has come.
    pub(crate) fn opened(
        client: Client,
        mut exchange: Exchange,
        response: Response,
        expect: Expect,
        content_timeout: Option<Duration>,
        about: Option<About>,
    ) -> Stream {
        let mut stream = Stream::blank(expect);
        exchange.limits.content = content_timeout.map(|length| (length, Instant::now() + length));
        stream.exchange = exchange;
        stream.http_status = response.http_status;
        stream.headers = response.headers.clone();
        stream.response = Some(response);
        stream.decoder = sse::Decoder::new(client.config().max_event_bytes);
        stream.client = Some(client);
        stream.content_timeout = content_timeout;
        stream.about = about;
        stream
    }

    fn blank(expect: Expect) -> Stream {
        Stream {
            client: None,
            exchange: Exchange::default(),
            about: None,
            response: None,
            http_status: 0,
            headers: Headers::default(),
            expect,
            reading: Reading::Undecided,
            decoder: sse::Decoder::new(0),
            accumulator: Accumulator::new(),
            content_timeout: None,
            start: Vec::new(),
            any_event: false,
            harmless: 0,
            body_ended: false,
            json: vec![0],
            event: vec![0],
            status: Status::Ok,
            answer: None,
            whole: None,
        }
    }

    /// Waits for the next event.
    ///
    /// [`Status::Ok`]: there is one. [`Status::Done`]: the stream has come to its end, and [`result`](Self::result) is the whole answer.
    /// Anything else is a failure, told by `result`; what came before it stays readable.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Status {
        if self.status != Status::Ok {
            self.clear_event();
            return self.status;
        }
        self.answer = None;
        let turn = match self.reading {
            Reading::Bytes => Err(mixed("kuai_stream_next", "kuai_stream_read")),
            _ => {
                self.reading = Reading::Events;
                self.advance()
            }
        };
        match turn {
            Ok(Turn::Event) => {
                self.exchange.limits.content = self.content_timeout.map(|length| (length, Instant::now() + length));
                Status::Ok
            }
            Ok(Turn::End) => self.finish(),
            Err(error) => self.fail(error),
        }
    }

    /// Reads bytes of the body as they come, instead of events.
    ///
    /// [`Status::Ok`] and how many; [`Status::Done`] at the end; anything else is a failure.
    pub fn read(&mut self, buffer: &mut [u8]) -> (Status, usize) {
        if self.status != Status::Ok {
            return (self.status, 0);
        }
        self.answer = None;
        if self.reading == Reading::Events {
            let error = mixed("kuai_stream_read", "kuai_stream_next");
            return (self.fail(error), 0);
        }
        self.reading = Reading::Bytes;
        if buffer.is_empty() {
            return (Status::Ok, 0);
        }
        match self.receive(buffer) {
            Ok(0) => (self.finish(), 0),
            Ok(amount) => (Status::Ok, amount),
            Err(error) => (self.fail(error), 0),
        }
    }

    /// This event's data, for C. Empty when there is no event.
    pub fn json_z(&self) -> &[u8] {
        &self.json
    }

    /// This event's data.
    pub fn json(&self) -> &str {
        std::str::from_utf8(&self.json[..self.json.len() - 1]).unwrap_or_default()
    }

    /// This event's new text, for C; empty when it brought none.
    pub fn text_z(&self) -> &[u8] {
        if self.json.len() == 1 {
            b"\0"
        } else {
            self.accumulator.text_z()
        }
    }

    /// This event's new text.
    pub fn text(&self) -> &str {
        let text = self.text_z();
        std::str::from_utf8(&text[..text.len() - 1]).unwrap_or_default()
    }

    /// The event's name, for C; empty when it has none.
    pub fn event_z(&self) -> &[u8] {
        &self.event
    }

    /// The stream's outcome so far: status, headers, failure; after [`Status::Done`] the whole answer as if it had not been streamed.
    ///
    /// After a failure its JSON is the error document, its text and body (as JSON) what had come until then.
    pub fn result(&mut self) -> &Answer {
        if self.answer.is_none() {
            let partial = self.accumulator.answer().unwrap_or_default();
            let headers = self.headers.clone();
            let answer = if partial.is_empty() {
                Answer::binary(self.http_status, headers, partial)
            } else {
                Answer::in_body(self.http_status, headers, partial, 0)
            };
            self.answer = Some(answer.with_times(Some(self.exchange.took())));
        }
        self.answer.as_ref().expect("set just before")
    }

    /// [`result`](Self::result) for whoever needs the stream no longer.
    pub(crate) fn into_result(mut self) -> Answer {
        self.result();
        self.answer.take().expect("set just before")
    }

    /// Makes the next event, reading as long as it takes.
    fn advance(&mut self) -> Result<Turn> {
        loop {
            match self.decoder.next() {
                Err(_) => return Err(self.too_large()),
                Ok(Some(event)) => {
                    self.json.clear();
                    self.json.extend_from_slice(event.data_z());
                    self.event.clear();
                    self.event.extend_from_slice(event.name_z());
                    return self.take_event();
                }
                Ok(None) if self.body_ended => return self.body_end(),
                // The connection may stay open after that.
                Ok(None) if self.whole.is_some() || self.accumulator.is_final() => return Ok(Turn::End),
                Ok(None) => {}
            }
            if !self.any_event && self.is_whole() {
                return self.take_whole();
            }
            // The empty line behind an end mark tells nothing that would be worth a wait.
            if self.decoder.is_behind_end_mark() {
                return Ok(Turn::End);
            }
            self.receive_more()?;
        }
    }

    /// Judges the event in `json` and adds it to the answer.
    fn take_event(&mut self) -> Result<Turn> {
        self.any_event = true;
        self.start = Vec::new();
        let data = &self.json[..self.json.len() - 1];
        if sse::is_done(data) {
            return Ok(Turn::End);
        }
        let name = std::str::from_utf8(&self.event[..self.event.len() - 1]).unwrap_or_default();
        let value = match self.accumulator.parse(data) {
            Ok(value) => value,
            // The last event was cut off with the body: what matters is whether the stream had its end before it.
            Err(_) if self.body_ended && self.decoder.unread().is_empty() && self.whole.is_none() => {
                return self.body_end();
            }
            Err(_) if name == "error" => return Err(told_in_words(data)),
            Err(fault) => {
                let failure = failure_behind(name, data, &self.headers);
                return Err(failure.unwrap_or_else(|| not_json(data, &fault.to_string())));
            }
        };
        let known = self.accumulator.known(data);
        let harmless = if known == self.harmless { known } else { 0 };
        let is_harmless = answer::is_harmless_event(name, value, harmless);
        self.harmless = if is_harmless { known } else { 0 };
        let failure = if is_harmless {
            None
        } else {
            answer::failure_in_event(name, value, &self.headers)
        };
        if let Some(error) = failure {
            // `response.failed` of /responses brings what there is of the answer along.
            if value.get("response").is_some() {
                self.accumulator.push(name, value);
            }
            return Err(error);
        }
        self.accumulator.push(name, value);
        Ok(Turn::Event)
    }

    fn receive_more(&mut self) -> Result<()> {
        let response = self
            .response
            .as_mut()
            .ok_or_else(|| Error::internal("a stream without an answer"))?;
        let space = self.decoder.space(READ);
        let amount = response.read(&mut self.exchange, space)?;
        if !self.any_event && self.start.len() < SNIPPET {
            let take = amount.min(SNIPPET - self.start.len());
            self.start.extend_from_slice(&space[..take]);
        }
        self.decoder.filled(amount);
        if amount == 0 {
            self.body_ended = true;
            self.decoder.end();
        }
        Ok(())
    }

    fn receive(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let response = self
            .response
            .as_mut()
            .ok_or_else(|| Error::internal("a stream without an answer"))?;
        let amount = response.read(&mut self.exchange, buffer)?;
        self.body_ended = amount == 0;
        Ok(amount)
    }

    /// Whether what came begins like a document and not like a stream. Content types are only hints: services get them wrong both ways.
    fn is_whole(&self) -> bool {
        let start = self.start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&self.start);
        matches!(start.trim_ascii_start(), [b'{' | b'<', ..])
            || matches!(start.trim_ascii_start(), [b'[', second, ..] if *second != b'D')
    }

    /// A whole answer where a stream was asked for: one event, and the answer itself.
    fn take_whole(&mut self) -> Result<Turn> {
        let mut body = self.decoder.unread().to_vec();
        if !self.body_ended {
            let response = self
                .response
                .as_mut()
                .ok_or_else(|| Error::internal("a stream without an answer"))?;
            body.extend(response.read_all(&mut self.exchange)?);
            self.body_ended = true;
        }
        self.decoder = sse::Decoder::new(0);
        let json = answer::judge(self.http_status, &self.headers, &body, self.expect)?.into_owned();
        self.json.clear();
        self.json.extend_from_slice(&json);
        self.json.push(0);
        let turn = self.take_event()?;
        self.whole = Some(json);
        Ok(turn)
    }

    /// The body has ended; has the stream?
    fn body_end(&mut self) -> Result<Turn> {
        if self.whole.is_some() || self.accumulator.ended() {
            return Ok(Turn::End);
        }
        if !self.any_event {
            // Nothing of a stream came. The rules for whole answers find the best words for what it is.
            let start = std::mem::take(&mut self.start);
            answer::judge(self.http_status, &self.headers, &start, self.expect)?;
            return Err(self.protocol("the stream held no event"));
        }
        let accept = self
            .client
            .as_ref()
            .is_some_and(|client| client.config().accepts_incomplete_streams());
        if accept {
            return Ok(Turn::End);
        }
        Err(self.protocol("the stream ended without its end mark"))
    }

    fn finish(&mut self) -> Status {
        if self.whole.is_none() && self.accumulator.overflowed() {
            return self.fail(Error::new(
                Status::Limit,
                "the stream's answer has more choices, calls or members than can be joined",
            ));
        }
        let json = match self.whole.take() {
            Some(whole) => Some(whole),
            None => self.accumulator.answer(),
        };
        if json.is_none() && self.reading == Reading::Events && self.expect != Expect::Any {
            let mut error = self.protocol("the stream held nothing but its end mark");
            error.kind = Some("bad_response".to_owned());
            return self.fail(error);
        }
        self.clear_event();
        self.status = Status::Done;
        let took = self.note();
        self.settle(true);
        let headers = self.headers.clone();
        let answer = match json {
            Some(json) => Answer::in_body(self.http_status, headers, json, 0),
            None => Answer::binary(self.http_status, headers, Vec::new()),
        };
        self.answer = Some(answer.with_times(Some(took)));
        self.status
    }

    fn fail(&mut self, mut error: Error) -> Status {
        self.clear_event();
        // What is left of the body is of no use, nor is its connection.
        self.response = None;
        if error.http_status == 0 {
            error.http_status = self.http_status;
        }
        error.attempts = self.exchange.attempts;
        if let Some(client) = &self.client {
            client.hide_key(&mut error);
        }
        if error.request_id.is_none() {
            error.request_id = answer::request_id(&self.headers);
        }
        self.status = error.status;
        let took = self.note();
        let partial = self.accumulator.answer().unwrap_or_default();
        let text = Value::parse(&partial).map(answer::text).unwrap_or_default();
        let answer = Answer::failed(error, self.headers.clone(), partial).with_text(&text);
        self.answer = Some(answer.with_times(Some(took)));
        self.status
    }

    /// What it took; the log has a line of it, once.
    fn note(&mut self) -> Took {
        let took = self.exchange.took();
        if let (Some(client), Some(about)) = (&self.client, self.about.take()) {
            let id = answer::request_id(&self.headers);
            client.note(Some(&about), took, self.status, self.http_status, id.as_deref());
        }
        took
    }

    /// Reads the end of the body, if it is there, so that the connection goes back into the pool.
    fn settle(&mut self, at_once: bool) {
        let Some(response) = &mut self.response else { return };
        self.exchange.no_wait = at_once;
        self.exchange.limits = Default::default();
        self.exchange.limits.idle = Some(LINGER);
        let mut rest = [0; 512];
        // A service that goes on sending after its end mark is not waited for.
        for _ in 0..8 {
            match response.read(&mut self.exchange, &mut rest) {
                Ok(0) => break,
                Ok(_) => {}
                Err(_) => return,
            }
        }
        self.response = None;
    }

    fn clear_event(&mut self) {
        self.json.truncate(0);
        self.json.push(0);
        self.event.truncate(0);
        self.event.push(0);
    }

    fn too_large(&self) -> Error {
        let most = self.client.as_ref().map_or(0, |client| client.config().max_event_bytes);
        Error::new(
            Status::Limit,
            format!("an event is larger than max_event_bytes ({most})"),
        )
    }

    fn protocol(&self, message: &str) -> Error {
        Error::new(Status::Protocol, message)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // The end mark came, but the body's end had not: it mostly has by now.
        if self.status == Status::Done {
            self.settle(false);
        } else if self.status == Status::Ok && self.about.is_some() {
            // The program has seen enough.
            self.status = Status::Cancelled;
            self.note();
        }
    }
}

/// What a step of the stream found.
enum Turn {
    Event,
    End,
}

fn mixed(called: &str, before: &str) -> Error {
    Error::new(
        Status::InvalidArgument,
        format!("{called} after {before}: a stream is read as events or as bytes, not both"),
    )
}

/// A failure in the last line of data whose first lines are half an event: gateways do not end what they were sending before.
fn failure_behind(name: &str, data: &[u8], headers: &Headers) -> Option<Error> {
    let at = data.iter().rposition(|&byte| byte == b'\n')?;
    let last = Value::parse(&data[at + 1..]).ok()?;
    answer::failure_in_event(name, last, headers)
}

/// An `error` event whose data is plain text.
fn told_in_words(data: &[u8]) -> Error {
    Error::new(Status::Service, answer::snippet(data))
}

fn not_json(data: &[u8], why: &str) -> Error {
    let mut error = Error::new(Status::Protocol, format!("an event's data is not JSON: {why}"));
    error.body = Some(answer::snippet(data));
    error
}
