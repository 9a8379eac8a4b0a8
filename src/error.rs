//! One error, one status, one error document.
//!
//! Every failure of the library is an [`Error`]: a [`Status`] that a program can branch on, a message for a person, and what the
//! service said, in one JSON document that is a superset of OpenAI's own error envelope.
#![forbid(unsafe_code)]

use crate::json;
use std::fmt;
use zeroize::Zeroize;

/// What became of a call. The numbers are the C ABI's and never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum Status {
    /// It worked.
    Ok = 0,
    /// A stream or a job has come to its end.
    Done = 1,
    /// NULL, not UTF-8, not JSON, an unknown operation, a missing path parameter.
    InvalidArgument = -1,
    /// The client's configuration is wrong.
    Config = -2,
    /// A local file could not be read or written.
    Io = -3,
    /// No connection, or it broke before the answer was whole.
    Connection = -10,
    /// One of the time limits passed.
    Timeout = -11,
    /// Certificate or handshake.
    Tls = -12,
    /// Cancelled by the program.
    Cancelled = -13,
    /// The answer is not what the API promises: not HTTP, not JSON, an HTML page.
    Protocol = -14,
    /// A size limit of the client passed.
    Limit = -15,
    /// A defect of the library.
    Internal = -99,
    /// HTTP 400, and each 4xx without a constant of its own.
    BadRequest = -400,
    /// HTTP 401.
    Authentication = -401,
    /// HTTP 403.
    Permission = -403,
    /// HTTP 404.
    NotFound = -404,
    /// HTTP 409.
    Conflict = -409,
    /// HTTP 422.
    Unprocessable = -422,
    /// HTTP 429.
    RateLimited = -429,
    /// HTTP 5xx.
    Server = -500,
    /// The service reported a failure inside HTTP 200.
    Service = -600,
}

impl Status {
    /// Every status, in the order of the header.
    pub const ALL: [Status; 21] = [
        Status::Ok,
        Status::Done,
        Status::InvalidArgument,
        Status::Config,
        Status::Io,
        Status::Connection,
        Status::Timeout,
        Status::Tls,
        Status::Cancelled,
        Status::Protocol,
        Status::Limit,
        Status::Internal,
        Status::BadRequest,
        Status::Authentication,
        Status::Permission,
        Status::NotFound,
        Status::Conflict,
        Status::Unprocessable,
        Status::RateLimited,
        Status::Server,
        Status::Service,
    ];

    /// The number of the C ABI.
    pub fn code(self) -> i32 {
        self as i32
    }

    /// The name that stands in error documents, such as `rate_limited`.
    pub fn name(self) -> &'static str {
        let name = self.name_z();
        &name[..name.len() - 1]
    }

    /// [`name`](Self::name) with the NUL that C needs after it.
    pub(crate) fn name_z(self) -> &'static str {
        match self {
            Status::Ok => "ok\0",
            Status::Done => "done\0",
            Status::InvalidArgument => "invalid_argument\0",
            Status::Config => "config\0",
            Status::Io => "io\0",
            Status::Connection => "connection\0",
            Status::Timeout => "timeout\0",
            Status::Tls => "tls\0",
            Status::Cancelled => "cancelled\0",
            Status::Protocol => "protocol\0",
            Status::Limit => "limit\0",
            Status::Internal => "internal\0",
            Status::BadRequest => "bad_request\0",
            Status::Authentication => "authentication\0",
            Status::Permission => "permission\0",
            Status::NotFound => "not_found\0",
            Status::Conflict => "conflict\0",
            Status::Unprocessable => "unprocessable\0",
            Status::RateLimited => "rate_limited\0",
            Status::Server => "server\0",
            Status::Service => "service\0",
        }
    }

    /// The status with this number.
    pub fn from_code(code: i32) -> Option<Status> {
        Self::ALL.into_iter().find(|status| status.code() == code)
    }

    /// The failure that an HTTP status of 300 or more stands for.
    pub fn from_http(http_status: u16) -> Status {
        match http_status {
            401 => Status::Authentication,
            403 => Status::Permission,
            404 => Status::NotFound,
            409 => Status::Conflict,
            422 => Status::Unprocessable,
            429 => Status::RateLimited,
            400..=499 => Status::BadRequest,
            500..=599 => Status::Server,
            _ => Status::Protocol,
        }
    }
}

/// A failure, with everything that is known of it. One pointer wide.
#[derive(Clone, PartialEq)]
pub struct Error(Box<Detail>);

/// The result of everything here that can fail.
pub type Result<T> = std::result::Result<T, Error>;

/// What an [`Error`] holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Detail {
    /// What a program branches on.
    pub status: Status,
    /// For a person: what went wrong, in the service's words where it had any.
    pub message: String,
    /// The service's `type`.
    pub kind: Option<String>,
    /// The service's `code`, as text whatever type it had.
    pub code: Option<String>,
    /// The request's member that the service objects to; the argument's name for a local error.
    pub param: Option<String>,
    /// The HTTP status; 0: no answer came.
    pub http_status: u16,
    /// The service's name for the request.
    pub request_id: Option<String>,
    /// How long the service asked to wait, in milliseconds.
    pub retry_after_ms: Option<u64>,
    /// How many times the request was sent or tried; 0: it never got that far.
    pub attempts: u32,
    /// The start of the answer, when it was not JSON.
    pub body: Option<String>,
    /// Further members of the service's error object: name and JSON text.
    pub extra: Vec<(String, String)>,
}

impl Error {
    /// A failure with a message and nothing else.
    pub fn new(status: Status, message: impl Into<String>) -> Error {
        Error(Box::new(Detail {
            status,
            message: message.into(),
            kind: None,
            code: None,
            param: None,
            http_status: 0,
            request_id: None,
            retry_after_ms: None,
            attempts: 0,
            body: None,
            extra: Vec::new(),
        }))
    }

    /// An argument of the caller's is wrong; `argument` is its name.
    pub fn argument(argument: &str, message: impl fmt::Display) -> Error {
        let mut error = Error::new(Status::InvalidArgument, format!("{argument}: {message}"));
        error.param = Some(argument.to_owned());
        error
    }

    /// A local file cannot be read or written; `argument` is the name of what led there.
    pub fn file(argument: &str, message: impl Into<String>) -> Error {
        let mut error = Error::new(Status::Io, message);
        error.param = Some(argument.to_owned());
        error
    }

    /// A defect of the library.
    pub fn internal(message: impl Into<String>) -> Error {
        Error::new(Status::Internal, message)
    }

    /// Puts `***` in the place of a secret, wherever it stands.
    pub(crate) fn redact(&mut self, secret: &str) {
        /// A shorter text is no key that anybody uses; taking it out would only garble words.
        const SHORTEST: usize = 6;
        if secret.len() < SHORTEST {
            return;
        }
        let detail = &mut *self.0;
        let texts = [
            &mut detail.kind,
            &mut detail.code,
            &mut detail.param,
            &mut detail.request_id,
            &mut detail.body,
        ];
        let all = texts
            .into_iter()
            .flatten()
            .chain([&mut detail.message])
            .chain(detail.extra.iter_mut().map(|(_, json)| json));
        for text in all.filter(|text| text.contains(secret)) {
            let clean = text.replace(secret, "***");
            std::mem::replace(text, clean).zeroize();
        }
    }

    /// The error document: one JSON object, `{"error":{…}}`.
    ///
    /// `message`, `type`, `code`, `param`, `status`, `http_status` and `attempts` are always there; the rest when it is known.
    pub fn to_json(&self) -> String {
        let mut out = String::with_capacity(192 + self.message.len());
        out.push_str("{\"error\":{\"message\":");
        json::quote(&self.message, &mut out);
        let text = |out: &mut String, name: &str, value: &Option<String>| {
            out.push_str(",\"");
            out.push_str(name);
            out.push_str("\":");
            match value {
                Some(value) => json::quote(value, out),
                None => out.push_str("null"),
            }
        };
        text(&mut out, "type", &self.kind);
        text(&mut out, "code", &self.code);
        text(&mut out, "param", &self.param);
        out.push_str(",\"status\":\"");
        out.push_str(self.status.name());
        out.push_str("\",\"http_status\":");
        out.push_str(&self.http_status.to_string());
        if self.request_id.is_some() {
            text(&mut out, "request_id", &self.request_id);
        }
        if let Some(ms) = self.retry_after_ms {
            out.push_str(",\"retry_after_ms\":");
            out.push_str(&ms.to_string());
        }
        out.push_str(",\"attempts\":");
        out.push_str(&self.attempts.to_string());
        if self.body.is_some() {
            text(&mut out, "body", &self.body);
        }
        for (name, value) in &self.extra {
            out.push(',');
            json::quote(name, &mut out);
            out.push(':');
            out.push_str(value);
        }
        out.push_str("}}");
        out
    }
}

impl std::ops::Deref for Error {
    type Target = Detail;

    fn deref(&self) -> &Detail {
        &self.0
    }
}

impl std::ops::DerefMut for Error {
    fn deref_mut(&mut self) -> &mut Detail {
        &mut self.0
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.status.name(), self.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_json())
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_a_superset_of_openais_envelope() {
        let mut error = Error::new(Status::RateLimited, "slow \"down\"");
        error.http_status = 429;
        error.code = Some("1302".into());
        error.retry_after_ms = Some(1500);
        error.attempts = 3;
        error.extra = vec![("metadata".into(), "{\"a\":1}".into())];
        let document: serde_json::Value = serde_json::from_str(&error.to_json()).unwrap();
        assert_eq!(
            document,
            serde_json::json!({"error": {
                "message": "slow \"down\"", "type": null, "code": "1302", "param": null, "status": "rate_limited",
                "http_status": 429, "retry_after_ms": 1500, "attempts": 3, "metadata": {"a": 1},
            }})
        );
    }

    #[test]
    fn a_secret_is_taken_out_wherever_it_stands() {
        let mut error = Error::new(Status::Authentication, "wrong key sk-secret");
        error.body = Some("sk-secret".into());
        error.extra = vec![("given".into(), "\"Bearer sk-secret\"".into())];
        error.redact("sk-secret");
        let document = error.to_json();
        assert!(
            !document.contains("sk-secret") && document.contains("wrong key ***"),
            "{document}"
        );
    }

    #[test]
    fn every_status_has_a_number_and_a_name_of_its_own() {
        for (i, a) in Status::ALL.into_iter().enumerate() {
            assert_eq!(Status::from_code(a.code()), Some(a));
            assert!(!a.name().contains('\0') && a.name_z().ends_with('\0'));
            for b in &Status::ALL[i + 1..] {
                assert_ne!(a.code(), b.code());
                assert_ne!(a.name(), b.name());
            }
        }
        assert_eq!(Status::from_code(-402), None);
    }

    #[test]
    fn http_statuses_without_a_constant_fall_to_their_class() {
        assert_eq!(Status::from_http(402), Status::BadRequest);
        assert_eq!(Status::from_http(503), Status::Server);
        assert_eq!(Status::from_http(302), Status::Protocol);
    }
}
