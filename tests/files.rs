//! Files on their way up and down: how much memory that takes, names that want to be more than names, files that change under the sender,
//! answers that come before all is sent, and what is left on disk when a download fails.

mod support;

#[path = "operations/c.rs"]
mod c;
#[path = "files/giant.rs"]
mod giant;
#[allow(dead_code)]
#[path = "native/tools.rs"]
mod tools;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use c::{Client, Request};
use giant::{Child, Giant, Task};
use serde_json::{Value, json};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;
use support::clients::config;
use support::form::parts;
use support::http::{self, Cut, Framing, Reply, Server, timed};
use support::tls::{Authority, Tls};

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
/// What a file may cost in memory, however large it is.
const MOST_MEMORY: u64 = 32 * MIB;

// ---- memory ----

#[test]
fn a_gibibyte_goes_up_in_flat_memory() {
    for (tls, size) in [(false, GIB), (true, GIB / 4)] {
        let folder = Folder::new("up");
        let file = Giant { size }.write(&folder.path("giant.bin"));
        let server = before_body(tls, move |request, reply| {
            let boundary = request
                .header("content-type")
                .unwrap()
                .split_once("boundary=")
                .unwrap()
                .1;
            let wire = reply.wire();
            let mut head = 0;
            // One field and one file.
            for _ in 0..2 {
                head += wire.take_until(b"\r\n\r\n", 4096)?.unwrap().len() as u64;
            }
            Giant { size }.check(|amount| wire.take(amount))?;
            let tail = format!("\r\n--{boundary}--\r\n");
            assert_eq!(wire.take(tail.len())?, tail.as_bytes());
            let value = b"assistants\r\n".len() as u64;
            let length = request.header("content-length").unwrap().parse::<u64>().unwrap();
            assert!(length > size && length - size < 1000, "{length}");
            assert!(length - head - size - tail.len() as u64 <= value, "{length}");
            reply.close();
            reply.json(200, &json!({"id": "file-1", "bytes": size}).to_string())
        });
        let used = Child::run(&config(&server, json!({})), &Task::Upload(file));
        used.tell(&format!("{} MiB up, tls={tls}", size / MIB));
        assert!(used.above_idle() < MOST_MEMORY, "tls={tls}: {used:?}");
    }
}

#[test]
fn a_gibibyte_comes_down_in_flat_memory() {
    for (tls, size) in [(false, GIB), (true, GIB / 4)] {
        let folder = Folder::new("down");
        let server = start(tls, move |_, reply| {
            let headers = [("content-type", "application/octet-stream")];
            reply.head(200, &headers, Framing::Length(size))?;
            Giant { size }.blocks(|block| reply.piece(block))
        });
        let target = folder.path("giant.bin");
        let used = Child::run(&config(&server, json!({})), &Task::Save(target.clone()));
        used.tell(&format!("{} MiB into a file, tls={tls}", size / MIB));
        assert!(used.above_idle() < MOST_MEMORY, "tls={tls}: {used:?}");
        let mut file = fs::File::open(&target).unwrap();
        Giant { size }
            .check(|amount| {
                let mut block = vec![0; amount];
                io::Read::read_exact(&mut file, &mut block).map(|()| block)
            })
            .unwrap();
        assert_eq!(fs::metadata(&target).unwrap().len(), size);
        fs::remove_file(&target).unwrap();
        let used = Child::run(&config(&server, json!({})), &Task::Read(size));
        used.tell(&format!("{} MiB piece by piece, tls={tls}", size / MIB));
        assert!(used.above_idle() < MOST_MEMORY, "tls={tls}: {used:?}");
    }
}

/// Not a test of its own: the process whose memory is looked at.
#[test]
#[ignore = "the tests of memory start it, with something to do"]
fn the_child() {
    giant::be_the_child();
}

// ---- names ----

#[test]
fn names_of_files_arrive_as_given_and_inject_nothing() {
    let names = [
        "plain.png",
        "a\"b.png",
        "\".png",
        "a\r\nb.png",
        "\r.png",
        "\n.png",
        "a\r\nContent-Type: text/html\r\n\r\n<script>.png",
        "x\"\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nevil\r\n--.png",
        "\"; filename=\"evil.exe\"; x=\".png",
        "'; DROP.png",
        "你好，世界.png",
        "😀👩‍💻 é.png",
        " blank .png",
        "a\\b.png",
        "a;b=c,d.png",
        "%22%0D%0A.png",
        "\t\u{7f}\u{1b}[0m.png",
        "\u{202e}gnp.png",
        "-rf.png",
        "=?utf-8?b?YQ==?=.png",
    ];
    let server = Server::start(|_, reply| reply.json(200, r#"{"id":"file-1"}"#));
    let client = Client::new(&config(&server, json!({})));
    let content = b"\x89PNG\r\n\r\n--\0";
    let folder = Folder::new("names");
    let mut forms = Vec::new();
    let mut check = |given: &str, field: &str, outcome: c::Outcome| {
        assert_eq!(outcome.status, c::OK, "{given:?}: {}", outcome.json);
        let request = server.take_requests().pop().unwrap();
        let parts =
            parts(&request).unwrap_or_else(|| panic!("{given:?}: {:?}", String::from_utf8_lossy(&request.body)));
        assert_eq!(parts.len(), 2, "{given:?}");
        assert_eq!((parts[0].name.as_str(), parts[0].text()), ("purpose", "vision"));
        assert_eq!(parts[0].content_type, None);
        // The HTML standard's way to write a name between double quotes; everything else as it is.
        let written = |name: &str| name.replace('\r', "%0D").replace('\n', "%0A").replace('"', "%22");
        assert_eq!(parts[1].name, written(field), "{given:?}");
        assert_eq!(parts[1].filename.as_deref(), Some(&written(given)[..]));
        assert_eq!(parts[1].content_type.as_deref(), Some("image/png"), "{given:?}");
        assert_eq!(parts[1].content, content, "{given:?}");
        forms.push((request, written(field), written(given)));
    };
    for name in names {
        let mut request = Request::new("files.create", Some(r#"{"purpose":"vision"}"#), None);
        assert_eq!(request.file("file", name, None, content), c::OK);
        check(name, "file", client.send(&request));

        let path = folder.path("plain.png");
        fs::write(&path, content).unwrap();
        let params = json!({"purpose": "vision", "file": {"path": path, "filename": name}});
        check(
            name,
            "file",
            client.call("files.create", Some(&params.to_string()), None),
        );

        // And as the name of a real file.
        if !name.contains('/') {
            let path = folder.path(name);
            fs::write(&path, content).unwrap();
            let mut request = Request::new("files.create", Some(r#"{"purpose":"vision"}"#), None);
            assert_eq!(request.file_path("file", &path), c::OK);
            check(name, "file", client.send(&request));
            let params = json!({"purpose": "vision", "file": {"path": path}}).to_string();
            check(name, "file", client.call("files.create", Some(&params), None));
        }

        // A field's name is written in the same way.
        let mut request = Request::new("POST /anything", Some(r#"{"purpose":"vision"}"#), None);
        assert_eq!(request.file(name, "plain.png", None, content), c::OK);
        check("plain.png", name, client.send(&request));
    }
    println!("{} forms with odd names", forms.len());
    as_python_reads_them(&forms, content);
}

/// Forms with the field `purpose` and one file: its field, its name.
fn as_python_reads_them(forms: &[(http::Request, String, String)], content: &[u8]) {
    if !tools::has("python3", "python3") {
        return;
    }
    let mut python = Command::new("python3")
        .arg(tools::root().join("tests/files/parts.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines: String = forms
        .iter()
        .map(|(form, ..)| {
            let body = BASE64_STANDARD.encode(&form.body);
            json!({"content_type": form.header("content-type"), "body": body}).to_string() + "\n"
        })
        .collect();
    let mut stdin = python.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let output = python.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success());
    let read = String::from_utf8(output.stdout).unwrap();
    assert_eq!(read.lines().count(), forms.len());
    for (line, (_, field, filename)) in read.lines().zip(forms) {
        let parts: Value = serde_json::from_str(line).unwrap();
        let file = format!("form-data; name=\"{field}\"; filename=\"{filename}\"");
        let expected = json!([
            {
                "headers": [["Content-Disposition", "form-data; name=\"purpose\""]],
                "content": BASE64_STANDARD.encode("vision"),
            },
            {
                "headers": [["Content-Disposition", file], ["Content-Type", "image/png"]],
                "content": BASE64_STANDARD.encode(content),
            },
        ]);
        assert_eq!(parts, expected);
    }
}

#[test]
fn a_media_type_that_is_none_is_refused() {
    let server = Server::start(|_, reply| reply.json(200, "{}"));
    let client = Client::new(&config(&server, json!({})));
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    for kind in ["a/b\r\nX: y", "a/b\n", "a/b\u{1}", "\r\n\r\nbody"] {
        let mut request = Request::new("files.create", None, None);
        assert_eq!(request.file("file", "a.png", Some(kind), b""), c::INVALID_ARGUMENT);
        assert_eq!(client.send(&request).status, c::INVALID_ARGUMENT);
        let params = json!({"file": {"path": path, "content_type": kind}});
        let outcome = client.call("files.create", Some(&params.to_string()), None);
        assert_eq!(outcome.status, c::INVALID_ARGUMENT, "{kind:?}");
    }
    assert_eq!(server.request_count(), 0);
}

// ---- files that change ----

/// What happens to a file, and how.
type Change = (&'static str, fn(&str));

/// What may happen to a file between being added and being sent.
fn changes() -> [Change; 5] {
    fn resize(path: &str, by: i64) {
        let file = fs::OpenOptions::new().write(true).open(path).unwrap();
        let size = file.metadata().unwrap().len();
        file.set_len(size.checked_add_signed(by).unwrap()).unwrap();
    }
    [
        ("shrinks by a byte", |path| resize(path, -1)),
        ("grows by a byte", |path| resize(path, 1)),
        ("is emptied", |path| fs::write(path, "").unwrap()),
        ("is gone", |path| fs::remove_file(path).unwrap()),
        ("is a directory", |path| {
            fs::remove_file(path).unwrap();
            fs::create_dir(path).unwrap();
        }),
    ]
}

#[test]
fn a_file_that_changed_before_it_is_sent_is_a_failure_and_nothing_is_sent() {
    let server = Server::start(|_, reply| reply.json(200, "{}"));
    let client = Client::new(&config(&server, json!({"max_retries": 2})));
    for (what, change) in changes() {
        let folder = Folder::new("before");
        let path = folder.path("lines.jsonl");
        fs::write(&path, "x".repeat(1000)).unwrap();
        let mut request = Request::new("files.create", Some(r#"{"purpose":"batch"}"#), None);
        assert_eq!(request.file_path("file", &path), c::OK);
        change(&path);
        let outcome = client.send(&request);
        assert_eq!(outcome.status, c::IO, "{what}: {}", outcome.json);
        assert!(outcome.message().contains("lines.jsonl"), "{what}: {}", outcome.json);
    }
    assert_eq!(server.request_count(), 0);
}

#[test]
fn a_file_that_changes_while_it_is_sent_is_a_failure_and_is_not_tried_again() {
    let changes = changes();
    // One that is gone is still there for whoever has it open.
    for (what, change) in changes
        .into_iter()
        .filter(|(what, _)| !what.starts_with("is ") || *what == "is emptied")
    {
        for tls in [false, true] {
            let (begun, has_begun) = mpsc::channel();
            let (go, gone_on) = mpsc::channel();
            let steps = std::sync::Mutex::new((begun, gone_on));
            let server = before_body(tls, move |_, reply| {
                reply.wire().take(MIB as usize)?;
                {
                    let steps = steps.lock().unwrap();
                    steps.0.send(()).unwrap();
                    steps.1.recv().unwrap();
                }
                // To the end of the connection: a whole body must not come.
                loop {
                    let waiting = reply.wire().unread().len();
                    reply.wire().take(waiting)?;
                    if reply.wire().fill()? == 0 {
                        return reply.cut(Cut::Fin);
                    }
                }
            });
            let folder = Folder::new("while");
            let path = folder.path("lines.jsonl");
            fs::File::create(&path).unwrap().set_len(64 * MIB).unwrap();
            let client = Client::new(&config(&server, json!({"max_retries": 2})));
            let outcome = std::thread::scope(|scope| {
                let params = json!({"purpose": "batch", "file": {"path": path}}).to_string();
                let client = &client;
                let call = scope.spawn(move || client.call("files.create", Some(&params), None));
                has_begun.recv().unwrap();
                change(&path);
                go.send(()).unwrap();
                call.join().unwrap()
            });
            assert_eq!(outcome.status, c::IO, "{what}, tls={tls}: {}", outcome.json);
            let document: Value = serde_json::from_str(&outcome.json).unwrap();
            assert_eq!(document["error"]["attempts"], 1, "{what}");
            let how = if what.starts_with("grows") { "grew" } else { "shrank" };
            assert!(outcome.message().contains(how), "{what}: {}", outcome.json);
            assert_eq!(server.request_count(), 1, "{what}");
        }
    }
}

#[test]
fn what_is_no_file_is_refused_when_it_is_added() {
    let folder = Folder::new("none");
    let fifo = folder.path("pipe");
    assert!(
        std::process::Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .unwrap()
            .success()
    );
    let folder_itself = folder.0.to_str().unwrap().to_owned();
    for path in [
        folder.path("missing"),
        folder_itself,
        fifo,
        "/dev/zero".into(),
        String::new(),
    ] {
        let mut request = Request::new("files.create", None, None);
        assert_eq!(request.file_path("file", &path), c::IO, "{path}");
        let params = json!({"file": {"path": path}}).to_string();
        let request = Request::new("files.create", Some(&params), None);
        let server = Server::start(|_, reply| reply.json(200, "{}"));
        let outcome = Client::new(&config(&server, json!({}))).send(&request);
        assert_eq!(outcome.status, c::IO, "{path}: {}", outcome.json);
        let document: Value = serde_json::from_str(&outcome.json).unwrap();
        assert_eq!(document["error"]["param"], "file", "{path}");
        assert_eq!(server.request_count(), 0);
    }
}

// ---- answers before the end ----

#[test]
fn an_answer_that_comes_before_the_upload_is_done_is_the_answer() {
    /// What a service does once it has answered.
    #[derive(Clone, Copy, Debug)]
    enum Then {
        /// It reads no more, and closes after a while.
        Waits,
        /// It closes at once, with bytes unread: the peer gets a reset.
        Closes,
        /// It reads on for a while, and says nothing of closing.
        Reads,
    }
    let folder = Folder::new("early");
    let path = folder.path("big.bin");
    fs::File::create(&path).unwrap().set_len(256 * MIB).unwrap();
    let mut count = 0;
    for tls in [false, true] {
        for http_status in [401, 413] {
            for then in [Then::Waits, Then::Closes, Then::Reads] {
                let server = before_body(tls, move |_, reply| {
                    if !matches!(then, Then::Reads) {
                        reply.close();
                    }
                    reply.json(
                        http_status,
                        &json!({"error": {"message": "not this", "code": "early"}}).to_string(),
                    )?;
                    match then {
                        Then::Waits => reply.wait(Duration::from_millis(300)),
                        Then::Closes => reply.cut(Cut::Fin),
                        Then::Reads => {
                            let mut read = 0;
                            while read < 8 * MIB as usize {
                                let got = reply.wire().fill()?;
                                if got == 0 {
                                    break;
                                }
                                read += got;
                                let waiting = reply.wire().unread().len();
                                reply.wire().take(waiting)?;
                            }
                            Ok(())
                        }
                    }
                });
                let client = Client::new(&config(&server, json!({"max_retries": 2})));
                let params = json!({"purpose": "vision", "file": {"path": path}}).to_string();
                let (outcome, took) = timed(|| client.call("files.create", Some(&params), None));
                let what = format!("tls={tls} {http_status} {then:?}: {} after {took:?}", outcome.json);
                assert_eq!(outcome.http_status, i32::from(http_status), "{what}");
                assert_eq!(outcome.message(), "not this", "{what}");
                assert_eq!(server.request_count(), 1, "{what}");
                assert!(took < Duration::from_secs(60), "{what}");
                count += 1;
            }
        }
    }
    println!("{count} early answers");
}

// ---- downloads that fail ----

#[test]
fn a_download_that_fails_leaves_nothing_and_what_was_there_alone() {
    let bytes = vec![7; 300_000];
    let octets = ("content-type", "audio/mpeg");
    let refusal = r#"{"error":{"message":"no","code":"c"}}"#;
    let mut count = 0;
    for case in Failing::all() {
        for tls in [false, true] {
            for there_before in [false, true] {
                let (begun, has_begun) = mpsc::channel();
                let (begun, bytes) = (std::sync::Mutex::new(begun), bytes.clone());
                let server = start(tls, move |_, reply| {
                    let half = |reply: &mut Reply<'_>, framing| {
                        reply.head(200, &[octets], framing)?;
                        reply.piece(&bytes[..150_000])?;
                        begun.lock().unwrap().send(()).map_err(io::Error::other)
                    };
                    let length = Framing::Length(300_000);
                    match case {
                        Failing::Cut(how) => half(reply, length).and_then(|()| reply.cut(how)),
                        Failing::CutInChunks => half(reply, Framing::Chunked).and_then(|()| reply.cut(Cut::Fin)),
                        Failing::Cancelled | Failing::Idle | Failing::Attempt | Failing::Deadline => {
                            half(reply, length).and_then(|()| reply.stall())
                        }
                        Failing::Limit => reply.send(200, &[octets], &bytes),
                        Failing::LimitInChunks => half(reply, Framing::Chunked).and_then(|()| reply.piece(&bytes)),
                        Failing::BadGzip => {
                            let mut packed = http::gzip(&bytes);
                            let at = packed.len() - 6;
                            packed[at] ^= 1;
                            reply.send(200, &[octets, ("content-encoding", "gzip")], &packed)
                        }
                        Failing::CutGzip => {
                            let packed = http::gzip(&bytes);
                            reply.send(
                                200,
                                &[octets, ("content-encoding", "gzip")],
                                &packed[..packed.len() / 2],
                            )
                        }
                        Failing::Status(status, kind) => {
                            reply.send(status, &[("content-type", kind)], refusal.as_bytes())
                        }
                        Failing::Html => reply.send(200, &[("content-type", "text/html")], b"<html><title>Hi</title>"),
                        Failing::JsonError(kind) => reply.send(200, &[("content-type", kind)], refusal.as_bytes()),
                        Failing::Redirect => reply.send(302, &[("location", "http://127.0.0.1:9/x")], b""),
                    }
                });
                let client = Client::new(&config(&server, case.config()));
                let folder = Folder::new("failing");
                let target = folder.path("speech.mp3");
                if there_before {
                    fs::write(&target, "old").unwrap();
                }
                let params = r#"{"model":"tts","voice":"v","input":"hi"}"#;
                let mut request = Request::new("audio.speech.create", Some(params), None);
                assert_eq!(request.save_to(&target), c::OK);
                let outcome = std::thread::scope(|scope| {
                    let call = scope.spawn(|| client.send(&request));
                    if case == Failing::Cancelled {
                        has_begun.recv().unwrap();
                        client.cancel();
                    }
                    call.join().unwrap()
                });
                let what = format!("{case:?}, tls={tls}: {} {}", outcome.status, outcome.json);
                assert!(outcome.status < 0, "{what}");
                assert!(outcome.json.starts_with("{\"error\":{"), "{what}");
                if case == Failing::Cancelled {
                    assert_eq!(outcome.status, c::CANCELLED, "{what}");
                }
                assert_eq!(
                    folder.names(),
                    if there_before { &["speech.mp3"][..] } else { &[] },
                    "{what}"
                );
                if there_before {
                    assert_eq!(fs::read(&target).unwrap(), b"old", "{what}");
                }
                count += 1;
            }
        }
    }
    println!("{count} downloads that failed");
}

/// How a download fails.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Failing {
    Cut(Cut),
    CutInChunks,
    Cancelled,
    Idle,
    Attempt,
    Deadline,
    Limit,
    LimitInChunks,
    BadGzip,
    CutGzip,
    Status(u16, &'static str),
    Html,
    /// Under HTTP 200, as this type of content.
    JsonError(&'static str),
    Redirect,
}

impl Failing {
    fn all() -> Vec<Failing> {
        let mut all = vec![
            Failing::Cut(Cut::Fin),
            Failing::Cut(Cut::FinWithoutCloseNotify),
            Failing::Cut(Cut::Rst),
            Failing::CutInChunks,
            Failing::Cancelled,
            Failing::Idle,
            Failing::Attempt,
            Failing::Deadline,
            Failing::Limit,
            Failing::LimitInChunks,
            Failing::BadGzip,
            Failing::CutGzip,
            Failing::Html,
            Failing::Redirect,
        ];
        for status in [400, 401, 404, 429, 500, 503] {
            all.push(Failing::Status(status, "application/json"));
            all.push(Failing::Status(status, "audio/mpeg"));
        }
        all.extend(["application/json", "application/json; charset=utf-8"].map(Failing::JsonError));
        all
    }

    fn config(self) -> Value {
        match self {
            Failing::Idle => json!({"idle_timeout_ms": 100}),
            Failing::Attempt => json!({"timeout_ms": 200}),
            Failing::Deadline => json!({"deadline_ms": 200}),
            Failing::Limit | Failing::LimitInChunks => json!({"max_response_bytes": 200_000}),
            _ => json!({}),
        }
    }
}

#[test]
fn a_download_is_tried_again_and_its_file_is_whole() {
    let server = Server::start(|request, reply| {
        if request.number == 0 {
            reply.cut_after(100_000, Cut::Rst);
        }
        reply.send(200, &[("content-type", "audio/mpeg")], &vec![7; 300_000])
    });
    let client = Client::new(&config(&server, json!({"max_retries": 2})));
    let folder = Folder::new("again");
    let target = folder.path("speech.mp3");
    let options = json!({"save_to": target}).to_string();
    let outcome = client.call("files.content", Some(r#"{"file_id":"f"}"#), Some(&options));
    assert_eq!(outcome.status, c::OK, "{}", outcome.json);
    assert!(outcome.body.is_empty() && outcome.json.is_empty());
    assert_eq!(fs::read(&target).unwrap(), vec![7; 300_000]);
    assert_eq!(folder.names(), ["speech.mp3"]);
    assert_eq!(server.request_count(), 2);
}

#[test]
fn a_place_where_no_file_can_be_is_a_failure() {
    let server = Server::start(|_, reply| reply.send(200, &[("content-type", "audio/mpeg")], b"sound"));
    let client = Client::new(&config(&server, json!({})));
    let folder = Folder::new("nowhere");
    let folder_itself = folder.0.to_str().unwrap().to_owned();
    fs::write(folder.path("file"), "").unwrap();
    for target in [
        folder.path("missing/x"),
        folder_itself,
        folder.path("file/x"),
        "/".into(),
        "..".into(),
    ] {
        let options = json!({"save_to": target}).to_string();
        let outcome = client.call("files.content", Some(r#"{"file_id":"f"}"#), Some(&options));
        assert_eq!(outcome.status, c::IO, "{target}: {}", outcome.json);
        let document: Value = serde_json::from_str(&outcome.json).unwrap();
        assert_eq!(document["error"]["param"], "save_to");
        assert!(outcome.message().starts_with("save_to: "), "{}", outcome.json);
    }
    assert_eq!(server.request_count(), 0, "nothing is asked for that cannot be kept");
    assert_eq!(folder.names(), ["file"]);
}

/// The place is good before anything is sent, and no more when the answer comes.
#[test]
fn a_place_that_goes_away_is_told_with_the_answer_that_is_lost() {
    let folder = Folder::new("gone");
    let gone = folder.path("inside");
    for content_type in ["audio/mpeg", "application/json"] {
        fs::create_dir(&gone).unwrap();
        let path = gone.clone();
        let server = Server::start(move |_, reply| {
            fs::remove_dir(&path).unwrap();
            reply.send(200, &[("content-type", content_type), ("x-request-id", "req_1")], b"{}")
        });
        let client = Client::new(&config(&server, json!({"max_retries": 2})));
        let options = json!({"save_to": format!("{gone}/a.mp3")}).to_string();
        let outcome = client.call("files.content", Some(r#"{"file_id":"f"}"#), Some(&options));
        assert_eq!((outcome.status, outcome.http_status), (c::IO, 200), "{}", outcome.json);
        let document: Value = serde_json::from_str(&outcome.json).unwrap();
        assert_eq!(document["error"]["param"], "save_to");
        assert_eq!(document["error"]["request_id"], "req_1");
        assert_eq!(document["error"]["attempts"], 1);
        assert_eq!(server.request_count(), 1);
    }
}

#[test]
fn what_is_opened_as_a_stream_is_not_saved() {
    let server = Server::start(|_, reply| reply.json(200, "{}"));
    let client = Client::new(&config(&server, json!({})));
    let folder = Folder::new("opened");
    let mut request = Request::new("audio.speech.create", None, None);
    assert_eq!(request.save_to(&folder.path("speech.mp3")), c::OK);
    let outcome = client.open(&request).result();
    assert_eq!(outcome.status, c::INVALID_ARGUMENT, "{}", outcome.json);
    assert!(outcome.message().starts_with("save_to: "), "{}", outcome.json);
    assert_eq!(server.request_count(), 0);
}

// ---- helpers ----

/// A server whose handler is called before the body.
fn before_body(
    tls: bool,
    handler: impl Fn(&http::Request, &mut Reply<'_>) -> io::Result<()> + Send + Sync + 'static,
) -> Server {
    let options = http::Options {
        before_body: true,
        tls: tls.then(|| Tls::new(Authority::new())),
        ..Default::default()
    };
    Server::with(options, handler).unwrap()
}

fn start(
    tls: bool,
    handler: impl Fn(&http::Request, &mut Reply<'_>) -> io::Result<()> + Send + Sync + 'static,
) -> Server {
    if tls {
        Server::start_tls(handler)
    } else {
        Server::start(handler)
    }
}

/// A folder that goes away with its test. Among what cargo builds, as it may have to hold much.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("kuai-files-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        Folder(folder)
    }

    fn path(&self, name: &str) -> String {
        // Not `join`, for which some names are more than names.
        format!("{}/{name}", self.0.to_str().unwrap())
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
