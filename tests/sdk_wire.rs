//! The official Python SDK and libkuai, given the same parameters, ask services for the same things: for every operation, method, path,
//! query, headers that mean something, and body.
//!
//! Azure's client is compared in the same way, and a list is also asked for its second page.
//!
//! tests/real/sdk_wire.py calls every method of the SDK and writes down what went over the wire; here the same calls are made through the C
//! functions. What differs is either in `MEANT`, with its reason, or a failure. Without Python or the SDK it is told and skipped, unless
//! `CI=true`: then it is a failure.

mod support;

#[path = "operations/c.rs"]
mod c;
#[path = "operations/exact.rs"]
mod exact;
#[path = "operations/table.rs"]
mod table;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use c::{Client, Request};
use exact::canonical;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use support::clients::{client_with, config};
use support::form;
use support::http::{self, Server};
use table::table;

/// What is compared of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Method,
    Path,
    Query,
    Key,
    Accept,
    Beta,
    ContentType,
    Body,
    FileNames,
    FileTypes,
}

/// A difference that is meant.
struct Meant {
    part: Part,
    /// The operation, what the SDK sends and what we send.
    holds: fn(&str, &str, &str) -> bool,
    why: &'static str,
}

const MEANT: [Meant; 4] = [
    Meant {
        part: Part::Accept,
        holds: |_, theirs, ours| ours == "*/*" && theirs.starts_with("application/"),
        why: "services answer with files of any type, and transcripts may be text: we take what comes",
    },
    Meant {
        part: Part::Body,
        holds: |operation, theirs, ours| {
            operation == "embeddings.create" && theirs.replace("\"encoding_format\":\"base64\",", "") == ours
        },
        why: "the SDK asks for base64 by itself, which many services do not know: we ask for what the program asks for",
    },
    Meant {
        part: Part::FileNames,
        holds: |_, theirs, ours| theirs.replace("\\\\", "\\") == ours,
        why: "the SDK doubles backslashes in names of files; browsers and the HTML standard do not",
    },
    Meant {
        part: Part::FileTypes,
        holds: |_, theirs, ours| {
            let unknown = |theirs: &str| theirs == "application/octet-stream";
            let mut pairs = theirs.lines().zip(ours.lines());
            pairs.all(|(theirs, ours)| theirs == ours || unknown(theirs) || OTHER_TYPES.contains(&(theirs, ours)))
        },
        why: "our library's table of media types knows more than Python's",
    },
];

/// Media types of files, as Python's library (in one version or another) and ours have them.
const OTHER_TYPES: [(&str, &str); 5] = [
    ("audio/x-wav", "audio/wav"),
    ("audio/vnd.wave", "audio/wav"),
    ("audio/opus", "audio/ogg"),
    ("text/x-python", "text/plain"),
    ("application/javascript", "text/javascript"),
];

#[test]
fn the_official_sdk_and_libkuai_send_the_same() {
    let Some(python) = python() else { return };
    let folder = Folder::new();
    let records = records(&python, &folder.0);
    let next: Arc<Mutex<Option<String>>> = Arc::default();
    let first_page = next.clone();
    let server = Server::start(move |request, reply| {
        if let Some(page) = first_page.lock().unwrap().take() {
            return reply.json(200, &page);
        }
        if request.header("accept-encoding") == Some("identity") {
            return reply.events(&["[DONE]"], std::time::Duration::ZERO);
        }
        reply.json(200, r#"{"id":"x","object":"list","data":[],"choices":[]}"#)
    });
    let client = Client::new(&config(&server, json!({})));
    let azure = json!({"base_url": server.url(""), "azure": {"deployment": "a +1", "api_version": "2026-01-01"}});
    let azure = Client::new(&config(&server, azure));
    let pager = client_with(&server, json!({}));
    let mut pages = 0;
    let mut used = vec![0; MEANT.len()];
    let mut operations = BTreeMap::new();
    let mut wrong = Vec::new();
    let mut lacking = Vec::new();
    for record in &records {
        let Some(sent) = &record.sent else {
            lacking.push(record.operation.as_str());
            continue;
        };
        let outcome = match &record.page {
            Some(page) => {
                pages += 1;
                *next.lock().unwrap() = Some(page.clone());
                record.walk(&pager)
            }
            None if record.variant == "azure" => record.send(&azure),
            None => record.send(&client),
        };
        let mut requests = server.take_requests();
        if record.page.is_some() {
            assert_eq!(requests.len(), 2, "{}: {}", record.operation, outcome);
            requests.remove(0);
        }
        let called = format!("{} ({})", record.operation, record.variant);
        let [ours] = &requests[..] else {
            wrong.push(format!("{called} was not sent: {outcome}"));
            continue;
        };
        *operations.entry(record.operation.as_str()).or_insert(0) += 1;
        let theirs = sent.as_request(ours);
        for part in Part::ALL {
            let (theirs, ours) = (part.of(&theirs), part.of(ours));
            let is_meant = |meant: &Meant| meant.part == part && (meant.holds)(&record.operation, &theirs, &ours);
            match MEANT.iter().position(is_meant) {
                _ if theirs == ours => {}
                Some(i) => used[i] += 1,
                None => wrong.push(format!("{called}, {part:?}\n    theirs {theirs}\n    ours   {ours}")),
            }
        }
    }
    let calls: usize = operations.values().sum();
    println!("{} operations compared in {calls} calls", operations.len());
    println!("{pages} lists have a second page");
    println!(
        "{} operations that the SDK lacks, or has at another place: {lacking:?}",
        lacking.len()
    );
    for (meant, count) in MEANT.iter().zip(&used) {
        println!(
            "{count} times {:?} differs as it is meant to: {}",
            meant.part, meant.why
        );
    }
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
    assert!(
        used.iter().all(|count| *count > 0),
        "a difference that there is no more: {used:?}"
    );
    assert_eq!(operations.len() + lacking.len(), table().len());
}

/// What the SDK was asked to do, and what it did.
struct Record {
    operation: String,
    variant: String,
    params: String,
    /// Header parameters, as our option.
    options: Value,
    stream: bool,
    /// The first page of a list of which the second one was asked for.
    page: Option<String>,
    sent: Option<Sent>,
}

/// A request of the SDK's.
struct Sent {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Record {
    fn of(line: &str) -> Record {
        let line: Value = serde_json::from_str(line).unwrap();
        let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
        let headers = line["headers"].as_object().cloned().unwrap_or_default();
        // Several values of one header are one with commas.
        let joined = |value: &Value| match value.as_array() {
            Some(items) => items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","),
            None => value.as_str().unwrap().to_owned(),
        };
        let headers: BTreeMap<&str, String> = headers.iter().map(|(name, value)| (&name[..], joined(value))).collect();
        let sent = line["method"].is_string().then(|| Sent {
            method: text("method"),
            target: text("target"),
            headers: serde_json::from_value(line["sent_headers"].clone()).unwrap(),
            body: BASE64_STANDARD.decode(text("body")).unwrap(),
        });
        Record {
            operation: text("operation"),
            variant: text("variant"),
            params: text("params"),
            options: json!({"headers": headers}),
            stream: line["stream"] == true,
            page: line["page"].as_str().map(str::to_owned),
            sent,
        }
    }

    /// Walks over the whole list. Gives what it came to.
    fn walk(&self, client: &kuai::Client) -> String {
        let mut pages = client.pages(&self.operation, Some(&self.params), None);
        while pages.next() == kuai::Status::Ok {}
        pages.result().json().to_owned()
    }

    /// Makes the same call. Gives what it came to.
    fn send(&self, client: &Client) -> String {
        let options = self.options.to_string();
        if !self.stream {
            return client.call(&self.operation, Some(&self.params), Some(&options)).json;
        }
        let request = Request::new(&self.operation, Some(&self.params), Some(&options));
        let mut stream = client.open(&request);
        while stream.next() == c::OK {}
        stream.result().json
    }
}

impl Sent {
    /// In the form in which our server tells requests.
    fn as_request(&self, ours: &http::Request) -> http::Request {
        http::Request {
            method: self.method.clone(),
            target: self.target.clone(),
            headers: self.headers.clone(),
            body: self.body.clone(),
            ..ours.clone()
        }
    }
}

impl Part {
    const ALL: [Part; 10] = [
        Part::Method,
        Part::Path,
        Part::Query,
        Part::Key,
        Part::Accept,
        Part::Beta,
        Part::ContentType,
        Part::Body,
        Part::FileNames,
        Part::FileTypes,
    ];

    /// This part of a request, in a form in which two that mean the same are the same.
    fn of(self, request: &http::Request) -> String {
        match self {
            Part::Method => request.method.clone(),
            // Characters that may stand in a path as they are may be encoded as well.
            Part::Path => format!(
                "{:?}",
                request
                    .path()
                    .split('/')
                    .map(|segment| decoded(segment, b'+'))
                    .collect::<Vec<_>>()
            ),
            Part::Query => format!("{:?}", pairs(request.query())),
            Part::Key => format!("{:?} {:?}", request.header("authorization"), request.header("api-key")),
            Part::Accept => request.header("accept").unwrap_or_default().to_owned(),
            Part::Beta => request.header("openai-beta").unwrap_or_default().to_owned(),
            Part::ContentType => media_type(request).unwrap_or_default().to_owned(),
            Part::Body => body(request),
            Part::FileNames => files(request, |file| file.filename.as_deref()),
            Part::FileTypes => files(request, |file| file.content_type.as_deref()),
        }
    }
}

/// A query's pairs, decoded, by name; those of one name in their order.
fn pairs(query: &str) -> Vec<(String, String)> {
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name, b' '), decoded(value, b' '))
    };
    let mut pairs: Vec<_> = query.split('&').filter(|pair| !pair.is_empty()).map(pair).collect();
    pairs.sort_by(|a, b| a.0.cmp(&b.0));
    pairs
}

/// Percent-decoded; `plus` is what a plus sign means.
fn decoded(text: &str, plus: u8) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        bytes.push(match first {
            b'+' => plus,
            b'%' => {
                let (digits, after) = rest.split_at(2);
                rest = after;
                u8::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap()
            }
            other => *other,
        });
    }
    String::from_utf8(bytes).unwrap()
}

/// The content type without its parameters. What says of which type nothing is, says nothing.
fn media_type(request: &http::Request) -> Option<&str> {
    if request.body.is_empty() {
        return None;
    }
    Some(request.header("content-type")?.split(';').next()?.trim())
}

/// The body in a form in which two that mean the same are the same: exact numbers, members by name, parts by name. What files are called
/// is compared apart.
fn body(request: &http::Request) -> String {
    if let Some(parts) = sorted_parts(request) {
        let line = |part: &form::Part| {
            // A field may say its type; every file does.
            let kind = part.content_type.as_deref().filter(|_| part.filename.is_none());
            let what = if part.filename.is_some() { "file" } else { "field" };
            let content = match kind {
                Some("application/json") => canonical(&part.content),
                _ => part.content.escape_ascii().to_string(),
            };
            format!("\n        {what} {:?} {kind:?} {content}", part.name)
        };
        return parts.iter().map(line).collect();
    }
    if media_type(request) == Some("application/json") {
        return canonical(&request.body);
    }
    request.body.escape_ascii().to_string()
}

/// A line for each file of a form.
fn files(request: &http::Request, line: impl Fn(&form::Part) -> Option<&str>) -> String {
    let parts = sorted_parts(request).unwrap_or_default();
    let files = parts.iter().filter(|part| part.filename.is_some());
    files
        .map(|file| line(file).unwrap_or("none").to_owned() + "\n")
        .collect()
}

fn sorted_parts(request: &http::Request) -> Option<Vec<form::Part>> {
    let mut parts = form::parts(request)?;
    parts.sort_by(|a, b| a.name.cmp(&b.name));
    Some(parts)
}

// ---- the SDK ----

/// The Python that has the SDK.
fn python() -> Option<PathBuf> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real/sdk_wire.sh");
    let output = Command::new("sh").arg(script).output().expect("a shell");
    if output.status.success() {
        return Some(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    }
    let why = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        std::env::var("CI").as_deref() != Ok("true"),
        "tests/real/sdk_wire.sh failed: {why}"
    );
    println!("skipped: tests/real/sdk_wire.sh could not get the SDK (python3-venv is needed): {why}");
    None
}

fn records(python: &Path, folder: &Path) -> Vec<Record> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = Command::new(python)
        .arg(root.join("tests/real/sdk_wire.py"))
        .arg(root.join("src/operations/table.tsv"))
        .arg(folder)
        .output()
        .expect("Python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(Record::of)
        .collect()
}

/// A folder for the files to upload.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        let folder = std::env::temp_dir().join(format!("kuai-sdk-wire-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Folder(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
