//! What the service answers, as a value, and how it goes onto a connection.

use super::super::http::{Cut, Framing, Reply, gzip};
use serde_json::{Value, json};
use std::io;
use std::time::Duration;

/// An answer to one request.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Body,
    pub ending: Ending,
    /// Between the events of a stream, or before a whole answer.
    pub pause: Duration,
    /// The events of a stream go out in pieces of this many bytes, wherever that cuts them.
    pub piece: Option<usize>,
}

#[derive(Clone, Debug)]
pub enum Body {
    Whole(Vec<u8>),
    /// Server-sent events, each as text with its empty line.
    Events(Vec<String>),
}

/// What follows the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Whole,
    /// The connection breaks: half-way through a whole body, or where the events stop.
    Cut(Cut),
    /// Silence, from the same place on, until the client leaves.
    Stall,
    /// Comments that keep a stream alive, and nothing else, until the client leaves; a whole body stalls.
    KeepAlives,
    /// Not even a head comes.
    Nothing(Option<Cut>),
}

impl Answer {
    pub fn new(status: u16, content_type: &str, body: Vec<u8>) -> Answer {
        let headers = vec![("content-type".to_owned(), content_type.to_owned())];
        Answer {
            status,
            headers,
            body: Body::Whole(body),
            ending: Ending::Whole,
            pause: Duration::ZERO,
            piece: None,
        }
    }

    pub fn json(value: &Value) -> Answer {
        Answer::new(200, "application/json", value.to_string().into_bytes())
    }

    pub fn events(events: Vec<String>) -> Answer {
        let body = Body::Events(events);
        Answer {
            body,
            ..Answer::new(200, "text/event-stream; charset=utf-8", Vec::new())
        }
    }

    pub fn header(&mut self, name: &str, value: &str) {
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    /// Sends the answer; packs a whole body when the client takes gzip, as services do.
    pub fn send(&self, reply: &mut Reply<'_>, accepts_gzip: bool) -> io::Result<()> {
        match self.ending {
            Ending::Nothing(Some(how)) => return reply.cut(how),
            Ending::Nothing(None) => return reply.stall(),
            _ => {}
        }
        match &self.body {
            Body::Whole(body) => self.send_whole(reply, body, accepts_gzip),
            Body::Events(events) => self.send_events(reply, events),
        }
    }

    fn send_whole(&self, reply: &mut Reply<'_>, body: &[u8], accepts_gzip: bool) -> io::Result<()> {
        reply.wait(self.pause)?;
        let mut headers = self.header_pairs();
        if self.ending != Ending::Whole {
            reply.head(self.status, &headers, Framing::Length(body.len() as u64))?;
            reply.piece(&body[..body.len() / 2])?;
            return self.end_badly(reply);
        }
        // Packing a few bytes makes them more.
        if accepts_gzip && body.len() >= 256 {
            headers.push(("content-encoding", "gzip"));
            return reply.send(self.status, &headers, &gzip(body));
        }
        reply.send(self.status, &headers, body)
    }

    fn send_events(&self, reply: &mut Reply<'_>, events: &[String]) -> io::Result<()> {
        reply.head(self.status, &self.header_pairs(), Framing::Chunked)?;
        let whole;
        let pieces: Vec<&[u8]> = match self.piece {
            Some(size) => {
                whole = events.concat();
                whole.as_bytes().chunks(size.max(1)).collect()
            }
            None => events.iter().map(String::as_bytes).collect(),
        };
        for piece in pieces {
            reply.piece(piece)?;
            reply.wait(self.pause)?;
        }
        if self.ending == Ending::Whole {
            reply.end()
        } else {
            self.end_badly(reply)
        }
    }

    fn end_badly(&self, reply: &mut Reply<'_>) -> io::Result<()> {
        match self.ending {
            Ending::Cut(how) => reply.cut(how),
            Ending::KeepAlives if matches!(self.body, Body::Events(_)) => loop {
                reply.piece(b": keep-alive\n\n")?;
                reply.wait(Duration::from_millis(50))?;
            },
            _ => reply.stall(),
        }
    }

    fn header_pairs(&self) -> Vec<(&str, &str)> {
        self.headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect()
    }
}

/// A failure in OpenAI's envelope.
#[derive(Clone, Debug)]
pub struct Failure {
    status: u16,
    message: String,
    kind: &'static str,
    code: Option<&'static str>,
    param: Option<String>,
}

impl Failure {
    pub fn new(status: u16, message: &str) -> Failure {
        let kind = match status {
            401 => "authentication_error",
            403 => "permission_error",
            429 => "rate_limit_error",
            500.. => "server_error",
            _ => "invalid_request_error",
        };
        Failure {
            status,
            message: message.to_owned(),
            kind,
            code: None,
            param: None,
        }
    }

    /// A wrong parameter of the request.
    pub fn param(param: &str, message: &str) -> Failure {
        Failure {
            param: Some(param.to_owned()),
            ..Failure::new(400, message)
        }
    }

    pub fn code(self, code: &'static str) -> Failure {
        Failure {
            code: Some(code),
            ..self
        }
    }

    pub fn kind(self, kind: &'static str) -> Failure {
        Failure { kind, ..self }
    }

    /// The `{"error":…}` document.
    pub fn document(&self) -> Value {
        json!({"error": {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}})
    }
}

impl From<Failure> for Answer {
    fn from(failure: Failure) -> Answer {
        Answer {
            status: failure.status,
            ..Answer::json(&failure.document())
        }
    }
}
