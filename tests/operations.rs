//! Every operation of the table through the C functions, against a server that records: what arrives is, to the byte, what the table says
//! of the operation; and no value of a path parameter leads to another path.
//!
//! The table is read here once more, by a reader that shares nothing with the library's, and held against the published description.

mod support;

#[path = "operations/c.rs"]
mod c;
#[path = "operations/description.rs"]
mod description;
#[path = "operations/table.rs"]
mod table;
#[path = "operations/wanted.rs"]
mod wanted;

use c::{Client, Request};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::fmt::Write;
use std::path::PathBuf;
use support::clients::{KEY, config};
use support::form::{Part, parts};
use support::http::{self, Server};
use table::{Row, encoded, table};
use wanted::Wanted;

/// A file's bytes that must not be taken for the form around them.
const AUDIO: &[u8] = b"RIFF\0\r\n------libkuai\r\n--\r\n\xff\xfe\x00";

#[test]
fn the_table_and_the_list_have_the_same_operations() {
    let (table, list) = (table(), c::operations());
    let list = list.as_array().unwrap();
    println!("{} operations", table.len());
    assert!(table.len() >= 389, "{}", table.len());
    assert_eq!(list.len(), table.len());
    for (row, described) in table.iter().zip(list) {
        assert_eq!(described["name"], row.name);
        assert_eq!(described["method"], row.method);
        assert_eq!(described["path"], row.path);
    }
    let places: HashSet<_> = table.iter().map(|row| (row.method, row.path)).collect();
    assert_eq!(places.len(), table.len(), "an operation stands there twice");
}

#[test]
fn the_table_says_what_the_description_says() {
    let table = table();
    let described = description::compare(&table);
    let newer: Vec<&str> = table
        .iter()
        .filter(|row| row.flags.contains(&"newer"))
        .map(|row| row.name)
        .collect();
    println!(
        "{described} operations of the description, and {} newer ones: {newer:?}",
        newer.len()
    );
    assert_eq!(described + newer.len(), table.len());
}

#[test]
fn every_operation_sends_what_its_description_says() {
    let bench = Bench::new(json!({"max_retries": 2}));
    let (mut operations, mut requests, mut forms, mut streams) = (0, 0, 0, 0);
    for row in &table() {
        let mut wanted = vec![Wanted::new(row, false, false)];
        if !row.files.is_empty() {
            wanted.push(Wanted::new(row, true, false));
            forms += 1;
        }
        if row.stream.is_some() {
            wanted.push(Wanted::new(row, false, true));
            streams += 1;
        }
        for wanted in wanted {
            requests += bench.try_in_every_way(row, &wanted);
        }
        operations += 1;
    }
    println!("{operations} operations in {requests} requests, {forms} of them with files, {streams} as streams");
    assert_eq!(operations, table().len());
}

#[test]
fn every_operation_can_be_called_with_its_path_parameters_alone() {
    let bench = Bench::new(json!({}));
    let mut count = 0;
    for row in &table() {
        let params = row.params(|name| json!(format!("{name}_1"))).to_string();
        let without = row.in_path.is_empty().then_some(None);
        for params in without.into_iter().chain([Some(params.as_str())]) {
            let outcome = bench.client.call(row.name, params, None);
            if row.name == "chat.completions.create" {
                // Nothing to answer: that is said before anything is sent.
                assert_eq!(outcome.status, c::INVALID_ARGUMENT, "{}", outcome.json);
                assert_eq!(bench.server.take_requests().len(), 0);
                continue;
            }
            let request = bench.the_only_request(row.name);
            assert_eq!(outcome.status, c::OK, "{}: {}", row.name, outcome.json);
            assert_eq!(request.target, row.target(|name| format!("{name}_1")), "{}", row.name);
            let wants_json = row.content.first() == Some(&"json");
            assert_eq!(request.text(), if wants_json { "{}" } else { "" }, "{}", row.name);
            let content_type = wants_json.then_some("application/json");
            assert_eq!(request.header("content-type"), content_type, "{}", row.name);
            // RFC 9110, 8.6: a POST without a body says so.
            let length = row.has_body().then(|| request.body.len().to_string());
            assert_eq!(request.header("content-length"), length.as_deref(), "{}", row.name);
            // Without retries nothing can come twice.
            assert_eq!(request.header("idempotency-key"), None);
        }
        count += 1;
    }
    println!("{count} operations");
}

#[test]
fn no_path_parameter_leads_to_another_path() {
    let bench = Bench::new(json!({}));
    // A mebibyte, which goes round serde_json: that takes its time over it.
    let long = format!("\"{}\"", "a".repeat(1 << 20));
    // What must not be sent, and what is sent as one segment.
    let refused = [
        json!(".."),
        json!("."),
        json!(""),
        json!("/"),
        json!("a/../b"),
        json!("../../files"),
        json!("a\\b"),
        json!("..\\"),
        json!("a\u{0}"),
        json!("a\r\nX: y"),
        json!("\u{7f}"),
        json!(null),
        json!(true),
        json!([]),
        json!({}),
        json!(["a"]),
    ];
    let sent = [
        json!("%2e%2e"),
        json!("%2E%2e%2f"),
        json!("?x"),
        json!("a?x=y#z"),
        json!("..;"),
        json!("...."),
        json!(" "),
        json!("a;b&c=d"),
        json!("你好 😀"),
        json!("\u{2028}"),
        json!("ft:gpt-4o:org::id"),
        json!("{x}"),
        json!("é".repeat(1000)),
        json!(12),
    ];
    let (mut operations, mut tried, mut kept_out) = (0, 0, 0);
    for row in table().iter().filter(|row| !row.in_path.is_empty()) {
        operations += 1;
        for odd in &row.in_path {
            let with = |value: &Value| row.params(|name| if name == *odd { value.clone() } else { json!("good") });
            let slash = [json!("a/b")];
            let in_models = *odd == "model";
            for value in refused.iter().chain(if in_models { &[][..] } else { &slash }) {
                let outcome = bench.client.call(row.name, Some(&with(value).to_string()), None);
                let shown = value.to_string().chars().take(40).collect::<String>();
                assert_eq!(outcome.status, c::INVALID_ARGUMENT, "{} {odd}={shown}", row.name);
                assert!(outcome.message().starts_with(&format!("{odd}: ")), "{}", outcome.json);
                assert!(outcome.json.len() < 1000, "{}", outcome.json);
                kept_out += 1;
            }
            kept_out += 1;
            let too_long = with(&json!("LONG")).to_string().replace("\"LONG\"", &long);
            let outcome = bench.client.call(row.name, Some(&too_long), None);
            assert_eq!(outcome.status, c::INVALID_ARGUMENT, "{}", row.name);
            assert!(outcome.json.len() < 1000, "{}", outcome.json);
            assert_eq!(bench.server.take_requests().len(), 0, "{} {odd}", row.name);
            for value in sent.iter().chain(if in_models { &slash } else { &[][..] }) {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                let outcome = bench.client.call(row.name, Some(&with(value).to_string()), None);
                assert_eq!(outcome.status, c::OK, "{}: {}", row.name, outcome.json);
                let expected = row.target(|name| if name == *odd { encoded(&text) } else { "good".into() });
                assert_eq!(bench.the_only_request(row.name).target, expected, "{}", row.name);
            }
            tried += refused.len() + sent.len() + 2;
        }
        // Without any, too.
        let outcome = bench.client.call(row.name, None, None);
        assert_eq!(outcome.status, c::INVALID_ARGUMENT);
        assert!(outcome.message().contains("missing"), "{}", outcome.json);
    }
    println!("{operations} operations with a path parameter, {tried} values, {kept_out} of them refused");
    assert!(operations > 200, "{operations}");
}

/// The program may write the path itself. What it wrote is what is asked for, or it is refused.
#[test]
fn a_path_that_the_program_writes_is_asked_for_as_it_stands() {
    let bench = Bench::new(json!({}));
    let (mut sent, mut refused) = (0, 0);
    for row in table().iter().filter(|row| !row.in_path.is_empty()) {
        for value in [
            "..",
            ".",
            "%2e%2E",
            ".%2e",
            "a b",
            "a\\b",
            "a#b",
            "你",
            "a/b",
            "%2e%2e%2f",
            "%zz",
            "a",
            "",
        ] {
            let target = row.target(|_| value.to_owned());
            let path = target.strip_prefix("/v1").unwrap();
            let outcome = bench.client.call(&format!("{} {path}", row.method), Some("{}"), None);
            let requests = bench.server.take_requests();
            if outcome.status == c::INVALID_ARGUMENT {
                assert_eq!(requests.len(), 0);
                refused += 1;
                continue;
            }
            assert_eq!(requests.len(), 1, "{path}: {}", outcome.json);
            assert_eq!(requests[0].target, target);
            let segments = requests[0].path().to_ascii_lowercase().replace("%2e", ".");
            assert!(
                !segments.split('/').any(|segment| matches!(segment, "." | "..")),
                "{target}"
            );
            sent += 1;
        }
    }
    println!("{sent} paths sent, {refused} refused");
    assert!(sent > 400 && refused > 1000, "{sent} {refused}");
}

#[test]
fn a_slip_in_a_name_is_told_with_the_name_that_was_meant() {
    let bench = Bench::new(json!({}));
    let mut count = 0;
    for row in &table() {
        let (start, end) = row.name.split_at(row.name.len() / 2);
        let mut other_case = row.name.to_owned();
        other_case.make_ascii_uppercase();
        for slip in [format!("{}e", row.name), format!("{start}x{end}"), other_case] {
            let outcome = bench.client.call(&slip, Some("{}"), None);
            assert_eq!(outcome.status, c::INVALID_ARGUMENT, "{slip}");
            let hint = format!("did you mean \"{}\"?", row.name);
            assert!(outcome.message().contains(&hint), "{}", outcome.json);
            count += 1;
        }
    }
    assert_eq!(bench.server.request_count(), 0);
    println!("{count} slips");
}

/// A recording server, a client, and a folder with a file.
struct Bench {
    server: Server,
    client: Client,
    folder: PathBuf,
}

impl Bench {
    fn new(more: Value) -> Bench {
        let server = Server::start(|request, reply| {
            let is_stream = request.header("accept-encoding") == Some("identity");
            if is_stream && request.path() != "/v1/audio/speech" {
                let events = [r#"{"type":"some.event","choices":[]}"#, "[DONE]"];
                return reply.events(&events, std::time::Duration::ZERO);
            }
            if request.header("accept") == Some("*/*") {
                return reply.send(200, &[("content-type", "application/octet-stream")], AUDIO);
            }
            reply.json(200, r#"{"id":"x","object":"list","data":[],"choices":[]}"#)
        });
        let client = Client::new(&config(&server, more));
        let folder = std::env::temp_dir().join(format!("kuai-operations-{}-{}", std::process::id(), server.port()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("recording.wav"), AUDIO).unwrap();
        Bench { server, client, folder }
    }

    fn the_only_request(&self, what: &str) -> http::Request {
        let requests = self.server.take_requests();
        assert_eq!(requests.len(), 1, "{what}");
        requests.into_iter().next().unwrap()
    }

    /// By name, by each alias and by method and path; in one call and in steps; files from memory and from a path.
    fn try_in_every_way(&self, row: &Row, wanted: &Wanted) -> usize {
        let written = format!("{} {}", row.method, row.path);
        let names = [row.name, &written].into_iter().chain(row.aliases.iter().copied());
        let mut keys = HashSet::new();
        let mut count = 0;
        for name in names {
            for &way in Way::of(wanted) {
                self.send(name, way, wanted);
                let request = self.the_only_request(name);
                wanted.check(row, way, &request);
                let key = request.header("idempotency-key").map(str::to_owned);
                assert_eq!(key.is_some(), row.method == "POST", "{name}");
                assert!(key.is_none_or(|key| keys.insert(key)), "{name}: one key for two calls");
                count += 1;
            }
        }
        count
    }

    fn send(&self, name: &str, way: Way, wanted: &Wanted) {
        let path = self.folder.join("recording.wav");
        let path = path.to_str().unwrap();
        let with_files = |more: &str| format!("{{{more}{}", &wanted.params[1..]);
        let outcome = match way {
            Way::Call => self.client.call(name, Some(&wanted.params), None),
            Way::CallWithPaths => {
                let mut more = String::new();
                for (i, field) in wanted.files.iter().enumerate() {
                    let file = json!({"path": path, "filename": format!("é{i}.mp3"), "content_type": "audio/x-odd"});
                    let plain = json!({"path": path});
                    // The first field takes several.
                    let value = if i == 0 { json!([file, plain]) } else { file };
                    write!(more, "{}:{value},", json!(field)).unwrap();
                }
                self.client.call(name, Some(&with_files(&more)), None)
            }
            Way::Steps | Way::StepsWithPaths | Way::Stream => {
                let mut request = Request::new(name, Some(&wanted.params), None);
                for (i, field) in wanted.files.iter().enumerate() {
                    let status = if way == Way::StepsWithPaths {
                        request.file_path(field, path)
                    } else {
                        request.file(field, &format!("é{i}.mp3"), Some("audio/x-odd"), AUDIO)
                    };
                    assert_eq!(status, c::OK, "{name} {field}");
                }
                if way == Way::Stream {
                    let mut stream = self.client.open(&request);
                    let outcome = if wanted.reads_bytes {
                        stream.read(&mut [0; 4096]);
                        stream.result()
                    } else {
                        while stream.next() == c::OK {}
                        stream.result()
                    };
                    assert_eq!(outcome.status, c::OK, "{name}: {}", outcome.json);
                    return;
                }
                self.client.send(&request)
            }
        };
        assert_eq!(outcome.status, c::OK, "{name}: {}", outcome.json);
        if wanted.accept == "*/*" {
            assert_eq!(outcome.body, AUDIO, "{name}");
        }
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Call,
    CallWithPaths,
    Steps,
    StepsWithPaths,
    Stream,
}

impl Way {
    fn of(wanted: &Wanted) -> &'static [Way] {
        match (wanted.stream, wanted.files.is_empty()) {
            (true, _) => &[Way::Stream],
            (false, true) => &[Way::Call, Way::Steps],
            (false, false) => &[Way::CallWithPaths, Way::Steps, Way::StepsWithPaths],
        }
    }
}
