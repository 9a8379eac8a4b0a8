//! An OpenAI-like service without a model behind it: deterministic, and wrong on demand. The tests talk to it, and
//! `examples/stand_in.rs` lets newcomers and example programs do so.
//!
//! `Service::answer` is a function from request to answer; the only things it remembers are a counter for
//! `x-request-id`, which `error-once-…` requests have failed already, and what `stored.rs` keeps.
//!
//! | request | answer |
//! |---|---|
//! | POST /v1/chat/completions | `chat.rs`, plain and streamed |
//! | POST /v1/completions | `completions.rs`, plain and streamed |
//! | POST /v1/responses | `responses.rs`, plain and streamed |
//! | POST /v1/embeddings | `embeddings.rs`, float and base64 |
//! | GET /v1/models, /v1/models/{model} | `models.rs` |
//! | POST /v1/moderations | `models.rs` |
//! | POST /v1/audio/speech, /v1/audio/transcriptions | `audio.rs`, transcriptions plain and streamed |
//! | POST /v1/images/generations | `images.rs`, by address and as Base64 |
//! | POST /v1/dashboard/billing/credit_grants | the gateway's balance |
//! | /v1/files, /v1/uploads, /v1/batches, /v1/fine_tuning/jobs, /v1/assistants, /v1/threads | `stored.rs` |
//!
//! The key comes as `Authorization: Bearer KEY` or as Azure's `api-key: KEY`; Azure's addresses (`azure.rs`) lead to the
//! same answers. What a model's name or the header `x-stand-in` can ask for stands in `faults.rs`.

mod answer;
mod audio;
mod azure;
mod chat;
mod completions;
mod dialogue;
mod embeddings;
mod faults;
pub mod images;
mod models;
mod responses;
mod schema;
mod stored;
mod text;

pub use answer::{Answer, Body, Ending, Failure};

use super::form;
use super::http::{Reply, Request, Server};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// The key that works when no other was chosen.
pub const KEY: &str = "sk-test";

/// When everything here was created: deterministic answers have no clock.
const CREATED: u64 = 1_700_000_000;

pub struct Service {
    key: String,
    requests: AtomicU64,
    failed_once: Mutex<HashSet<u64>>,
    stored: stored::Stored,
}

impl Service {
    pub fn new() -> Service {
        Service::with_key(KEY)
    }

    pub fn with_key(key: &str) -> Service {
        Service {
            key: key.to_owned(),
            requests: AtomicU64::new(0),
            failed_once: Mutex::default(),
            stored: stored::Stored::default(),
        }
    }

    /// The service on a server of its own.
    pub fn start() -> Server {
        Server::start(Service::new().handler())
    }

    pub fn start_tls() -> Server {
        Server::start_tls(Service::new().handler())
    }

    /// The service as a server's handler.
    pub fn handler(self) -> impl Fn(&Request, &mut Reply<'_>) -> io::Result<()> + Send + Sync + 'static {
        move |request, reply| {
            let gzip = request
                .all("accept-encoding")
                .iter()
                .any(|codings| codings.contains("gzip"));
            self.answer(request).send(reply, gzip)
        }
    }

    pub fn answer(&self, request: &Request) -> Answer {
        let mut answer = self.route(request).unwrap_or_else(Answer::from);
        let number = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        answer.header("x-request-id", &format!("req_{number:016x}"));
        answer.header("server", "libkuai stand-in");
        answer
    }

    fn route(&self, request: &Request) -> Result<Answer, Failure> {
        if let Some(picture) = images::stored(request) {
            return Ok(picture);
        }
        let azure = azure::Place::of(request).transpose()?;
        let path = match &azure {
            Some(place) => place.path,
            None => request
                .path()
                .strip_prefix("/v1")
                .ok_or_else(|| unknown_path(request))?,
        };
        self.check_key(request)?;
        if let Some(answer) = self.stored.answer(request, path) {
            return answer;
        }
        let endpoint: fn(&Request, &Value) -> Result<Answer, Failure> = match path {
            "/chat/completions" => |_, params| chat::create(params),
            "/completions" => |_, params| completions::create(params),
            "/responses" => |_, params| responses::create(params),
            "/embeddings" => |_, params| embeddings::create(params),
            "/moderations" => |_, params| models::moderate(params),
            "/audio/speech" => |_, params| audio::speak(params),
            "/audio/transcriptions" => |_, params| audio::transcribe(params),
            "/images/generations" => images::generate,
            "/dashboard/billing/credit_grants" => |_, _| balance(),
            "/models" => {
                allow(request, "GET")?;
                return Ok(Answer::json(&models::list(request.query())));
            }
            _ => {
                let model = path.strip_prefix("/models/").ok_or_else(|| unknown_path(request))?;
                allow(request, "GET")?;
                return models::retrieve(model).map(|model| Answer::json(&model));
            }
        };
        allow(request, "POST")?;
        let wishes = faults::Wishes::of(request);
        let mut params = match form::parts(request) {
            Some(parts) => audio::fields(&parts),
            None => parse(request)?,
        };
        if let Some(deployment) = azure.and_then(|place| place.deployment) {
            params["model"] = json!(deployment);
        }
        let good = endpoint(request, &params)?;
        let fault = wishes.fault.as_deref().or(params["model"].as_str()).unwrap_or("");
        let mut answer = faults::spoil(fault, good, request, || self.is_first_attempt(request));
        answer.pause = wishes.pause;
        answer.piece = wishes.piece;
        Ok(answer)
    }

    fn check_key(&self, request: &Request) -> Result<(), Failure> {
        let bearer = request
            .header("authorization")
            .and_then(|value| value.strip_prefix("Bearer "));
        match bearer.or(request.header("api-key")) {
            Some(key) if key == self.key => Ok(()),
            Some(_) => Err(Failure::new(401, "This API key is not known here.").code("invalid_api_key")),
            None => Err(Failure::new(
                401,
                "No API key came with the request: it goes into the header `Authorization: Bearer KEY`.",
            )),
        }
    }

    /// Every second time true for requests that are alike: an attempt and its repetition carry the same idempotency
    /// key, or at least the same body.
    fn is_first_attempt(&self, request: &Request) -> bool {
        let call = match request.header("idempotency-key") {
            Some(key) => text::hash(key.as_bytes()),
            None => text::hash(&request.body),
        };
        let mut failed = self.failed_once.lock().expect("nobody panics while holding it");
        if failed.remove(&call) {
            return false;
        }
        failed.insert(call);
        true
    }
}

fn allow(request: &Request, method: &str) -> Result<(), Failure> {
    if request.method == method {
        return Ok(());
    }
    let message = format!("{} is not allowed for {}; {method} is.", request.method, request.path());
    Err(Failure::new(405, &message).code("method_not_allowed"))
}

fn unknown_path(request: &Request) -> Failure {
    let message = format!("Unknown path: {} {}", request.method, request.path());
    Failure::new(404, &message).code("unknown_url")
}

/// The request's JSON object; the gateway's balance call has an empty body.
fn parse(request: &Request) -> Result<Value, Failure> {
    if request.path().starts_with("/v1/dashboard/") && request.body.is_empty() {
        return Ok(json!({}));
    }
    match serde_json::from_slice::<Value>(&request.body) {
        Ok(params) if params.is_object() => Ok(params),
        Ok(_) => Err(Failure::new(400, "The body of the request is not a JSON object.")),
        Err(fault) => Err(Failure::new(
            400,
            &format!("The body of the request is not JSON: {fault}."),
        )),
    }
}

fn balance() -> Result<Answer, Failure> {
    Ok(Answer::json(&json!({
        "code": 0, "msg": "ok", "object": "credit_summary", "grants": {"available_amount": "111.8658"},
    })))
}
