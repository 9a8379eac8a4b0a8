//! The service that gives the table's answers.

use crate::case::{Case, Framing, Piece};
use crate::support::clients::completion;
use crate::support::http::{self, Cut, Reply, Request, Server, gzip};
use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub struct Service {
    server: Server,
    /// Where redirects lead that must not be followed.
    elsewhere: Server,
    counts: Arc<Mutex<HashMap<String, usize>>>,
}

/// One answer, ready to be sent.
struct Answer {
    http_status: u16,
    headers: Vec<(String, String)>,
    transport: Option<String>,
    body: Vec<Piece>,
}

impl Service {
    pub fn start(cases: &[Case]) -> Service {
        let elsewhere = Server::start(|_, reply| reply.json(200, &completion("the key went elsewhere")));
        let origin = elsewhere.url("");
        let answers: HashMap<String, Answer> = cases
            .iter()
            .map(|case| (case.name.clone(), answer(case, &origin)))
            .collect();
        let counts: Arc<Mutex<HashMap<String, usize>>> = Arc::default();
        let counted = counts.clone();
        let server = Server::start(move |request, reply| {
            if request.body.windows(10).any(|part| part == b"afterwards") {
                return reply.json(200, &completion("fine"));
            }
            let path = request.path().to_owned();
            let mut parts = path.split('/').skip(1);
            let (framing, name) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            *lock(&counted).entry(format!("/{framing}/{name}")).or_default() += 1;
            let framing = match framing {
                "chunked" => Framing::Chunked,
                "close" => Framing::Close,
                _ => Framing::Length,
            };
            serve(&answers[name], framing, request, reply)
        });
        Service {
            server,
            elsewhere,
            counts,
        }
    }

    pub fn path(&self, case: &Case, framing: Framing) -> String {
        format!("/{}/{}", format!("{framing:?}").to_lowercase(), case.name)
    }

    pub fn url(&self, path: &str) -> String {
        self.server.url(&format!("{path}/v1"))
    }

    /// How many requests came to this path.
    pub fn requests(&self, path: &str) -> usize {
        lock(&self.counts).get(path).copied().unwrap_or(0)
    }

    pub fn requests_elsewhere(&self) -> usize {
        self.elsewhere.request_count()
    }
}

fn lock(counts: &Mutex<HashMap<String, usize>>) -> std::sync::MutexGuard<'_, HashMap<String, usize>> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

fn answer(case: &Case, elsewhere: &str) -> Answer {
    let headers = case
        .headers
        .iter()
        .map(|(name, value)| (name.clone(), value.replace("{elsewhere}", elsewhere)));
    let body = case.body.iter().map(|piece| match piece {
        Piece::Bytes(bytes) => Piece::Bytes(bytes.clone()),
        Piece::Pause(length) => Piece::Pause(*length),
    });
    Answer {
        http_status: case.http_status,
        headers: headers.collect(),
        transport: case.transport.clone(),
        body: body.collect(),
    }
}

fn serve(answer: &Answer, framing: Framing, request: &Request, reply: &mut Reply<'_>) -> io::Result<()> {
    let mut headers: Vec<(&str, &str)> = answer
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let whole: Vec<u8> = answer
        .body
        .iter()
        .flat_map(|piece| match piece {
            Piece::Bytes(bytes) => bytes.as_slice(),
            Piece::Pause(_) => &[],
        })
        .copied()
        .collect();
    let status = answer.http_status;
    match answer.transport.as_deref() {
        None => in_pieces(answer, &headers, framing, whole.len(), reply),
        Some("gzip") => {
            // Packed although nobody asked is the quirk, and it is undone all the same.
            headers.push(("content-encoding", "gzip"));
            reply.send(status, &headers, &gzip(&whole))
        }
        // Sixteen bytes in each chunk: blocks of the packed data are cut anywhere.
        Some("gzip-chunked") => {
            headers.push(("content-encoding", "gzip"));
            let packed = gzip(&whole);
            let chunks: Vec<&[u8]> = packed.chunks(16).collect();
            reply.chunked(status, &headers, &chunks, Duration::ZERO)
        }
        Some("gzip-claimed") => {
            headers.push(("content-encoding", "gzip"));
            reply.send(status, &headers, &whole)
        }
        Some("cl+50") => {
            reply.close();
            reply.head(status, &headers, http::Framing::Length(whole.len() as u64 + 50))?;
            reply.piece(&whole)
        }
        Some("cl-10") => {
            reply.close();
            reply.head(status, &headers, http::Framing::Length(whole.len() as u64 - 10))?;
            reply.piece(&whole)
        }
        Some("chunked-cut") => {
            reply.head(status, &headers, http::Framing::Chunked)?;
            reply.piece(&whole)?;
            reply.raw(b"40\r\ndata: {")?;
            reply.cut(Cut::Fin)
        }
        // The last chunk never comes.
        Some("chunked-no-end") => {
            reply.head(status, &headers, http::Framing::Chunked)?;
            reply.piece(&whole)?;
            reply.cut(Cut::Fin)
        }
        Some("reset") => {
            reply.head(status, &headers, http::Framing::Chunked)?;
            reply.piece(&whole)?;
            // So that the bytes are read before the reset destroys them.
            reply.wait(Duration::from_millis(200))?;
            reply.cut(Cut::Rst)
        }
        Some("done-hang") => {
            reply.head(status, &headers, http::Framing::Chunked)?;
            reply.piece(&whole)?;
            reply.stall()
        }
        Some("raw") => {
            reply.close();
            reply.raw(&whole)
        }
        Some(other) => panic!("{}: there is no transport {other}", request.path()),
    }
}

fn in_pieces(
    answer: &Answer,
    headers: &[(&str, &str)],
    framing: Framing,
    length: usize,
    reply: &mut Reply<'_>,
) -> io::Result<()> {
    let wire = match framing {
        Framing::Length if answer.http_status == 204 => http::Framing::AsGiven,
        Framing::Length => http::Framing::Length(length as u64),
        Framing::Chunked => http::Framing::Chunked,
        Framing::Close => http::Framing::Close,
    };
    reply.head(answer.http_status, headers, wire)?;
    for piece in &answer.body {
        match piece {
            Piece::Pause(length) => reply.wait(Duration::from_millis(*length))?,
            Piece::Bytes(bytes) if framing == Framing::Chunked => {
                for few in bytes.chunks(7) {
                    reply.piece(few)?;
                }
            }
            Piece::Bytes(bytes) => reply.piece(bytes)?,
        }
    }
    reply.end()
}
