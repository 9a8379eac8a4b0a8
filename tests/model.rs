//! Random sequences of C calls, wrong ones among them, against a service that fails at random; what the header promises
//! is checked after every call.
//!
//! `KUAI_MODEL_SEED` and `KUAI_MODEL_RUNS` choose the runs; a run that fails prints its seed.

mod support;

use kuai::capi::kuai_status_code::*;
use kuai::capi::*;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::ffi::{CStr, CString, c_char, c_void};
use std::ops::RangeInclusive;
use std::ptr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use support::clients::{KEY, completion, config, stream_events};
use support::http::{Cut, Options, Reply, Request, Server, gzip};

const RUNS: u64 = 2000;
const STEPS: u64 = 24;

const OK: i32 = KUAI_OK as i32;
const DONE: i32 = KUAI_DONE as i32;
const INVALID_ARGUMENT: i32 = KUAI_INVALID_ARGUMENT as i32;
const CONFIG: i32 = KUAI_CONFIG as i32;
const CANCELLED: i32 = KUAI_CANCELLED as i32;

/// What the service does with a request, asked for in the request itself so that the model knows what must come.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Good,
    Gzip,
    /// Fails once, then answers.
    Flaky,
    NotFound,
    RateLimited,
    Broken,
    /// A failure inside HTTP 200.
    CodeAndMessage,
    Page,
    Empty,
    /// Closed before the answer, in order and not.
    Closed,
    Reset,
    /// The answer breaks off near its end.
    Cut,
    /// A stream has a failure inside; any other answer is one.
    ErrorInside,
    /// Nothing more comes.
    Stalled,
}

const KINDS: [Kind; 14] = [
    Kind::Good,
    Kind::Gzip,
    Kind::Flaky,
    Kind::NotFound,
    Kind::RateLimited,
    Kind::Broken,
    Kind::CodeAndMessage,
    Kind::Page,
    Kind::Empty,
    Kind::Closed,
    Kind::Reset,
    Kind::Cut,
    Kind::ErrorInside,
    Kind::Stalled,
];

impl Kind {
    /// The statuses that may come of it with this many retries.
    fn may_be(self, retries: u64) -> Vec<i32> {
        let status = match self {
            Kind::Good | Kind::Gzip => OK,
            Kind::Flaky if retries > 0 => OK,
            Kind::Flaky | Kind::Broken => KUAI_SERVER as i32,
            Kind::NotFound => KUAI_NOT_FOUND as i32,
            Kind::RateLimited => KUAI_RATE_LIMITED as i32,
            Kind::CodeAndMessage | Kind::ErrorInside => KUAI_SERVICE as i32,
            Kind::Page | Kind::Empty => KUAI_PROTOCOL as i32,
            Kind::Closed | Kind::Reset => KUAI_CONNECTION as i32,
            Kind::Cut => return vec![KUAI_CONNECTION as i32, KUAI_PROTOCOL as i32],
            Kind::Stalled => KUAI_TIMEOUT as i32,
        };
        vec![status]
    }

    /// How often it is sent when it fails. A kept connection that turns out to be dead is replaced once, and that sending
    /// is counted too.
    fn attempts(self, retries: u64) -> RangeInclusive<u64> {
        match self {
            Kind::RateLimited | Kind::Broken | Kind::Flaky => retries + 1..=retries + 2,
            _ => 1..=2,
        }
    }

    /// Without a hint from the service a retry waits for half a second.
    fn is_slow_to_retry(self) -> bool {
        matches!(self, Kind::Closed | Kind::Reset | Kind::Cut | Kind::Stalled)
    }
}

/// `seen` has the requests that a flaky answer has failed already.
fn serve(seen: &Mutex<HashSet<String>>, request: &Request, reply: &mut Reply<'_>) -> std::io::Result<()> {
    let asked = request.json();
    let content = asked["messages"][0]["content"]
        .as_str()
        .unwrap_or("Good:none")
        .to_owned();
    let (kind, nonce) = content.split_once(':').unwrap_or(("Good", "none"));
    let kind = KINDS
        .into_iter()
        .find(|one| format!("{one:?}") == kind)
        .unwrap_or(Kind::Good);
    let soon = [("retry-after-ms", "1"), ("content-type", "application/json")];
    let failure = |message: &str| json!({"error": {"message": message, "type": "made_up"}}).to_string();
    match kind {
        Kind::Flaky if seen.lock().unwrap().insert(content.clone()) => {
            return reply.send(503, &soon, failure("once").as_bytes());
        }
        Kind::NotFound => return reply.send(404, &soon, failure("no such thing").as_bytes()),
        Kind::RateLimited => return reply.send(429, &soon, failure("slow down").as_bytes()),
        Kind::Broken => return reply.send(500, &soon, failure("broken").as_bytes()),
        Kind::CodeAndMessage => return reply.json(200, r#"{"code":1001,"msg":"参数错误"}"#),
        Kind::Page => {
            let page = b"<html><title>Welcome</title></html>";
            return reply.send(200, &[("content-type", "text/html")], page);
        }
        Kind::Empty => return reply.send(200, &[("content-type", "application/json")], b""),
        Kind::Closed => return reply.cut(Cut::Fin),
        Kind::Reset => return reply.cut(Cut::Rst),
        Kind::Stalled => return reply.stall(),
        _ => {}
    }
    if asked["stream"] != true {
        return match kind {
            Kind::Gzip => reply.send(
                200,
                &[("content-encoding", "gzip"), ("content-type", "application/json")],
                &gzip(completion(nonce).as_bytes()),
            ),
            Kind::ErrorInside => reply.json(200, &failure("inside")),
            Kind::Cut => {
                reply.cut_after(120, Cut::Rst);
                reply.json(200, &completion(nonce))
            }
            _ => reply.json(200, &completion(nonce)),
        };
    }
    let (head, tail) = nonce.split_at(nonce.len() / 2);
    let mut events = stream_events(&[head, tail]);
    match kind {
        Kind::ErrorInside => {
            events.truncate(2);
            events.push(failure("inside"));
        }
        Kind::Cut => events.truncate(2),
        _ => {}
    }
    let events: Vec<&str> = events.iter().map(String::as_str).collect();
    reply.events(&events, std::time::Duration::ZERO)?;
    if kind == Kind::Cut { reply.cut(Cut::Fin) } else { Ok(()) }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

/// What must come of one call.
#[derive(Clone, Debug)]
struct Expected {
    statuses: Vec<i32>,
    /// The text of a good answer.
    nonce: String,
    /// In the document of a failure that the service caused.
    attempts: Option<RangeInclusive<u64>>,
}

impl Expected {
    fn refusal(status: i32) -> Expected {
        Expected {
            statuses: vec![status],
            nonce: String::new(),
            attempts: None,
        }
    }
}

struct Client {
    handle: *mut kuai_client,
    /// None: its configuration is wrong, or it is NULL.
    retries: Option<u64>,
    refusal: i32,
}

/// One that tries once, one that tries three times, one that is wrong, and none.
fn clients(server: &Server) -> Vec<Client> {
    let client = |retries: u64| Client {
        // SAFETY: a text that outlives the call, as everywhere below.
        handle: unsafe { kuai_client_new(c(&config(server, json!({"max_retries": retries})).to_string()).as_ptr()) },
        retries: Some(retries),
        refusal: OK,
    };
    let wrong = Client {
        // SAFETY: as above.
        handle: unsafe { kuai_client_new(c"{\"api_kee\":1}".as_ptr()) },
        retries: None,
        refusal: CONFIG,
    };
    let none = Client {
        handle: ptr::null_mut(),
        retries: None,
        refusal: INVALID_ARGUMENT,
    };
    vec![client(0), client(2), wrong, none]
}

fn free_clients(clients: Vec<Client>) {
    for client in clients {
        // SAFETY: none of its calls is going on.
        unsafe { kuai_client_free(client.handle) };
    }
}

struct Kept {
    handle: *mut kuai_result,
    json: (*const c_char, String),
    body: (*const c_void, Vec<u8>),
}

struct Streaming {
    handle: *mut kuai_stream,
    client: usize,
    expected: Expected,
    text: String,
    /// The status that it gives from now on.
    ended: Option<i32>,
    as_events: bool,
    as_bytes: bool,
    bytes: Vec<u8>,
    cancelled: bool,
}

fn text(text: *const c_char) -> String {
    assert!(!text.is_null());
    // SAFETY: a text of the library's.
    unsafe { CStr::from_ptr(text) }.to_str().expect("UTF-8").to_owned()
}

fn c(text: &str) -> CString {
    CString::new(text).unwrap()
}

/// The document of a failure says what the status says.
fn check_document(json: &str, status: i32, expected: &Expected) {
    let document: Value = serde_json::from_str(json).expect("a document");
    let error = &document["error"];
    assert_eq!(error["status"], text(kuai_status_name(status)), "{json}");
    assert!(
        error["message"].as_str().is_some_and(|message| !message.is_empty()),
        "{json}"
    );
    for member in ["type", "code", "param", "http_status", "attempts"] {
        assert!(error.get(member).is_some(), "no {member}: {json}");
    }
    assert!(!json.contains(KEY), "{json}");
    if let Some(attempts) = &expected.attempts
        && status != CANCELLED
    {
        let told = error["attempts"].as_u64().expect("a number");
        assert!(attempts.contains(&told), "not {attempts:?}: {json}");
    }
}

fn check_whole(json: &str, expected: &Expected) {
    let answer: Value = serde_json::from_str(json).expect("JSON");
    assert!(answer.get("error").is_none(), "{json}");
    assert_eq!(answer["choices"][0]["message"]["content"], expected.nonce, "{json}");
}

struct Model {
    random: Random,
    run: u64,
    step: u64,
    clients: Vec<Client>,
    results: Vec<Kept>,
    streams: Vec<Streaming>,
    calls: u64,
}

impl Model {
    fn new(run: u64, clients: Vec<Client>) -> Model {
        Model {
            random: Random(run),
            run,
            step: 0,
            clients,
            results: Vec::new(),
            streams: Vec::new(),
            calls: 0,
        }
    }

    /// A client, a request and options for it (NULL for none), and what must come of them.
    fn ask(&mut self, has_options: bool) -> (usize, Option<CString>, Option<CString>, Expected) {
        let client = self.random.pick(&[0, 0, 0, 1, 1, 1, 2, 3]);
        let nonce = format!("{}/{}", self.run, self.step);
        let retries = self.clients[client].retries.unwrap_or(0);
        let mut kind = self.random.pick(&KINDS);
        if retries > 0 && kind.is_slow_to_retry() || kind == Kind::Stalled && (!has_options || self.random.below(4) > 0)
        {
            kind = Kind::Good;
        }
        let options = (kind == Kind::Stalled).then(|| c(r#"{"idle_timeout_ms":20}"#));
        let content = format!("{kind:?}:{nonce}");
        let mut request = Some(c(&support::clients::question(&content)));
        let mut expected = Expected {
            statuses: kind.may_be(retries),
            nonce,
            attempts: Some(kind.attempts(retries)),
        };
        if self.random.below(12) == 0 {
            let wrong: [&[u8]; 4] = [b"{", b"[1]", b"{\"a\":\"\xff\"}", b"{\"messages\":[],}"];
            request = Some(CString::new(self.random.pick(&wrong)).unwrap());
            expected = Expected::refusal(INVALID_ARGUMENT);
        }
        if self.clients[client].retries.is_none() {
            expected = Expected::refusal(self.clients[client].refusal);
            // A request that is wrong as well may be told first.
            expected.statuses.push(INVALID_ARGUMENT);
        }
        (client, request, options, expected)
    }

    fn complete(&mut self) {
        let (client, request, _, expected) = self.ask(false);
        let request = request.as_ref().map_or(ptr::null(), |request| request.as_ptr());
        let mut status = 12345;
        // SAFETY: live handles and texts.
        let answer = unsafe { kuai_chat_complete(self.clients[client].handle, request, &mut status) };
        let json = text(answer);
        assert!(
            expected.statuses.contains(&status),
            "{status}, not {expected:?}: {json}"
        );
        match status {
            OK => check_whole(&json, &expected),
            _ => check_document(&json, status, &expected),
        }
        // SAFETY: given a moment ago.
        unsafe { kuai_string_free(answer) };
    }

    /// In one call, or in steps with a switch that may be on.
    fn call(&mut self) {
        let (client, request, options, mut expected) = self.ask(true);
        let pointer = |text: &Option<CString>| text.as_ref().map_or(ptr::null(), |text| text.as_ptr());
        let handle = self.clients[client].handle;
        let name = c"chat.completions.create".as_ptr();
        let in_steps = self.random.below(2) == 0;
        let switch = in_steps && self.random.below(4) == 0;
        // SAFETY: live handles and texts; each is freed once.
        let result = unsafe {
            if in_steps {
                let made = kuai_request_new(name, pointer(&request), pointer(&options));
                let cancel = kuai_cancel_new();
                if switch {
                    kuai_request_cancel_with(made, cancel);
                    kuai_cancel_trigger(cancel);
                    expected
                        .statuses
                        .retain(|status| [INVALID_ARGUMENT, CONFIG].contains(status));
                    if expected.statuses.is_empty() {
                        expected.statuses.push(CANCELLED);
                    }
                }
                kuai_cancel_free(cancel);
                let result = kuai_send(handle, made);
                kuai_request_free(made);
                result
            } else {
                kuai_call(handle, name, pointer(&request), pointer(&options))
            }
        };
        self.keep(result, &expected);
    }

    /// Steps in a wrong order, unknown operations, NULL.
    fn wrong(&mut self) {
        let client = self.clients[0].handle;
        let null = ptr::null();
        // SAFETY: live handles, texts and NULL.
        unsafe {
            let result = match self.random.below(4) {
                0 => kuai_call(client, c"chat.completions.creat".as_ptr(), null, null),
                1 => kuai_call(client, null, null, null),
                2 => kuai_send(client, ptr::null()),
                _ => {
                    let made = kuai_request_new(c"models.list".as_ptr(), null, null);
                    let status = kuai_request_file(made, null, c"a".as_ptr(), null, ptr::null(), 0);
                    assert_eq!(status, INVALID_ARGUMENT);
                    // The first failure stays, whatever follows.
                    assert_eq!(kuai_request_save_to(made, c"/tmp/never".as_ptr()), INVALID_ARGUMENT);
                    let result = kuai_send(client, made);
                    kuai_request_free(made);
                    result
                }
            };
            self.keep(result, &Expected::refusal(INVALID_ARGUMENT));
            assert_eq!(kuai_stream_next(ptr::null_mut()), INVALID_ARGUMENT);
            kuai_result_free(ptr::null_mut());
            kuai_stream_free(ptr::null_mut());
        }
    }

    fn keep(&mut self, result: *mut kuai_result, expected: &Expected) {
        assert!(!result.is_null());
        // SAFETY: a live result, whose texts are looked at while it lives.
        unsafe {
            let (status, json) = (kuai_result_status(result), kuai_result_json(result));
            let document = text(json);
            assert!(
                expected.statuses.contains(&status),
                "{status}, not {expected:?}: {document}"
            );
            let said = text(kuai_result_text(result, ptr::null_mut()));
            if status == OK {
                assert_eq!(kuai_result_http_status(result), 200);
                assert_eq!(said, expected.nonce);
                check_whole(&document, expected);
            } else {
                assert_eq!(said, "");
                check_document(&document, status, expected);
                let document: Value = serde_json::from_str(&document).unwrap();
                assert_eq!(document["error"]["http_status"], kuai_result_http_status(result));
            }
            let headers: Value = serde_json::from_str(&text(kuai_result_headers(result))).expect("headers");
            assert!(headers.is_array());
            let body = body_of(result);
            self.results.push(Kept {
                handle: result,
                json: (json, document),
                body,
            });
        }
    }

    /// What was borrowed is where it was and what it was.
    fn look_again(&mut self) {
        for kept in &self.results {
            // SAFETY: a live result.
            unsafe {
                assert_eq!(kuai_result_json(kept.handle), kept.json.0);
                assert_eq!(text(kept.json.0), kept.json.1);
                assert_eq!(body_of(kept.handle), kept.body);
            }
        }
    }

    fn open(&mut self) {
        let (client, request, _, expected) = self.ask(false);
        let request = request.as_ref().map_or(ptr::null(), |request| request.as_ptr());
        // SAFETY: live handles and texts.
        let handle = unsafe {
            if self.random.below(2) == 0 {
                kuai_chat_stream(self.clients[client].handle, request)
            } else {
                let made = kuai_request_new(c"chat.completions.create".as_ptr(), request, ptr::null());
                let stream = kuai_open(self.clients[client].handle, made);
                kuai_request_free(made);
                stream
            }
        };
        assert!(!handle.is_null());
        self.streams.push(Streaming {
            handle,
            client,
            expected,
            text: String::new(),
            ended: None,
            as_events: false,
            as_bytes: false,
            bytes: Vec::new(),
            cancelled: false,
        });
    }

    fn next(&mut self) {
        if self.streams.is_empty() {
            return;
        }
        let at = self.random.below(self.streams.len());
        let stream = &mut self.streams[at];
        for _ in 0..=self.random.below(8) {
            // SAFETY: a live stream.
            let status = unsafe { kuai_stream_next(stream.handle) };
            match stream.ended {
                Some(ended) => assert_eq!(status, ended, "an end stays"),
                None if stream.as_bytes && status != OK => stream.ended = Some(status),
                None => stream.judge(status),
            }
            stream.as_events = true;
            // SAFETY: a live stream.
            unsafe {
                let json = text(kuai_stream_json(stream.handle));
                let new = text(kuai_stream_text(stream.handle, ptr::null_mut()));
                if status == OK {
                    assert!(!stream.as_bytes, "a stream is taken as events or as bytes");
                    serde_json::from_str::<Value>(&json).expect("an event is JSON");
                    stream.text += &new;
                } else {
                    assert_eq!((json.as_str(), new.as_str()), ("", ""), "no event after the end");
                }
            }
            stream.check_result();
        }
    }

    fn read(&mut self) {
        if self.streams.is_empty() {
            return;
        }
        let at = self.random.below(self.streams.len());
        let stream = &mut self.streams[at];
        let mut buffer = [0u8; 64];
        let mut got = 99;
        // SAFETY: a live stream, and room for 64 bytes.
        unsafe {
            assert_eq!(
                kuai_stream_read(stream.handle, ptr::null_mut(), 9, &mut got),
                INVALID_ARGUMENT
            );
            assert_eq!(got, 0);
            let status = kuai_stream_read(stream.handle, buffer.as_mut_ptr().cast(), buffer.len(), &mut got);
            match stream.ended {
                Some(ended) => assert_eq!(status, ended, "an end stays"),
                None if stream.as_events => {
                    assert!(status < 0, "a stream is taken as events or as bytes");
                    stream.ended = Some(status);
                }
                // Bytes are not judged; that they are whole is.
                None if status == OK => assert!(got > 0),
                None => stream.ended = Some(status),
            }
            assert!(got <= buffer.len() && (status == OK || got == 0));
            stream.bytes.extend(&buffer[..got]);
        }
        stream.as_bytes |= !stream.as_events;
        stream.check_result();
    }

    fn free_one(&mut self) {
        if self.random.below(2) == 0 && !self.results.is_empty() {
            let at = self.random.below(self.results.len());
            // SAFETY: it is forgotten here.
            unsafe { kuai_result_free(self.results.swap_remove(at).handle) };
        } else if !self.streams.is_empty() {
            let at = self.random.below(self.streams.len());
            // SAFETY: as above.
            unsafe { kuai_stream_free(self.streams.swap_remove(at).handle) };
        }
    }

    /// Only what is in flight ends: streams that go on.
    fn cancel(&mut self) {
        let client = self.random.below(self.clients.len());
        // SAFETY: a live client or NULL.
        unsafe { kuai_client_cancel(self.clients[client].handle) };
        for stream in &mut self.streams {
            stream.cancelled |= stream.client == client;
        }
    }

    fn words(&mut self) {
        let said = format!("{}\"\\\u{1}\n你好 {}", self.run, self.step);
        // SAFETY: texts that live, and owned texts freed once.
        unsafe {
            let quoted = kuai_json_quote(c(&said).as_ptr());
            assert_eq!(serde_json::from_str::<String>(&text(quoted)).unwrap(), said);
            let document = c(&format!(r#"{{"a/b":[{}]}}"#, text(quoted)));
            let found = kuai_json_get(document.as_ptr(), c"/a~1b/0".as_ptr());
            assert_eq!(text(found), said);
            assert!(kuai_json_get(document.as_ptr(), c"/a~1b/1".as_ptr()).is_null());
            kuai_string_free(found);
            kuai_string_free(quoted);
        }
    }

    /// The clients come back for the next run, unless this one has freed them.
    fn go(mut self) -> (u64, Vec<Client>) {
        for step in 0..STEPS {
            self.step = step;
            match self.random.below(20) {
                0..=2 => self.complete(),
                3..=6 => self.call(),
                7..=9 => self.open(),
                10..=13 => self.next(),
                14 => self.read(),
                15 => self.wrong(),
                16 | 17 => self.free_one(),
                18 => self.cancel(),
                _ => self.words(),
            }
            self.calls += 1;
            self.look_again();
        }
        if self.random.below(16) == 0 {
            // A client may go before its streams.
            free_clients(std::mem::take(&mut self.clients));
        }
        for _ in 0..4 {
            self.next();
        }
        self.look_again();
        for stream in &self.streams {
            // SAFETY: freed once.
            unsafe { kuai_stream_free(stream.handle) };
        }
        for result in &self.results {
            // SAFETY: as above.
            unsafe { kuai_result_free(result.handle) };
        }
        (self.calls, self.clients)
    }
}

impl Streaming {
    /// A status of `kuai_stream_next` before the end.
    fn judge(&mut self, status: i32) {
        if status == OK {
            return;
        }
        let expected = if status == DONE { OK } else { status };
        let may = self.expected.statuses.contains(&expected) || self.cancelled && status == CANCELLED;
        assert!(may, "{status}, not {:?}", self.expected);
        self.ended = Some(status);
    }

    fn check_result(&mut self) {
        // SAFETY: a live stream and what it lends.
        unsafe {
            let result = kuai_stream_result(self.handle);
            let status = kuai_result_status(result);
            let json = text(kuai_result_json(result));
            match self.ended {
                None => assert!(status <= OK),
                Some(DONE) if self.as_bytes => assert_eq!(status, OK),
                Some(DONE) => {
                    assert_eq!(status, OK);
                    assert_eq!(self.text, self.expected.nonce, "the answer is whole");
                    check_whole(&json, &self.expected);
                }
                Some(ended) => {
                    assert_eq!(status, ended);
                    check_document(&json, status, &Expected::refusal(status));
                }
            }
            if self.ended.is_some() && self.as_events {
                let said = text(kuai_result_text(result, ptr::null_mut()));
                assert_eq!(said, self.text, "what had come stays readable");
                assert!(
                    self.expected.nonce.starts_with(&self.text),
                    "{} in {:?}",
                    self.text,
                    self.expected
                );
            }
            if self.ended == Some(DONE) && self.as_bytes && self.expected.statuses == [OK] {
                assert!(self.bytes.ends_with(b"data: [DONE]\n\n"), "the bytes are whole");
            }
        }
    }
}

/// # Safety
/// `result` is live.
unsafe fn body_of(result: *const kuai_result) -> (*const c_void, Vec<u8>) {
    let mut size = usize::MAX;
    // SAFETY: as promised by the caller; the size is the library's.
    unsafe {
        let body = kuai_result_body(result, &mut size);
        assert_eq!(size, kuai_result_body_size(result));
        (body, std::slice::from_raw_parts(body.cast(), size).to_vec())
    }
}

/// Tells which run it was.
struct Named(u64);

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("again: KUAI_MODEL_SEED={} KUAI_MODEL_RUNS=1", self.0);
        }
    }
}

fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().expect("a number"))
}

#[test]
fn whatever_is_called_in_whatever_order_the_header_holds() {
    let first = from_environment("KUAI_MODEL_SEED", 1);
    let runs = from_environment("KUAI_MODEL_RUNS", RUNS);
    let seen = Mutex::default();
    let options = Options {
        remember: false,
        ..Options::default()
    };
    let server = Server::with(options, move |request, reply| serve(&seen, request, reply)).unwrap();
    let (turn, calls) = (AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut kept = Vec::new();
                loop {
                    let run = turn.fetch_add(1, Ordering::Relaxed);
                    if run >= runs {
                        return free_clients(kept);
                    }
                    if kept.is_empty() {
                        kept = clients(&server);
                    }
                    let seed = first.wrapping_add(run);
                    let _named = Named(seed);
                    let (steps, back) = Model::new(seed, kept).go();
                    kept = back;
                    calls.fetch_add(steps, Ordering::Relaxed);
                }
            });
        }
    });
    println!(
        "model: {runs} runs from seed {first}, {} steps, {} requests answered",
        calls.into_inner(),
        server.request_count()
    );
}
