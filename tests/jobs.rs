//! Jobs: waits that end, pause and stop as they should; uploads that go on where they were; batches sorted by their requests.

mod support;

use kuai::{Cancel, Client, Job, Status};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use support::clients::{client, client_with};
use support::form;
use support::http::{Reply, Request, Server, timed};
use support::openai::{self, Service};

/// How long after its time something may happen on a busy machine.
const SLACK: Duration = Duration::from_millis(1500);

fn stand_in() -> (Server, Client) {
    let server = Service::start();
    let client = client_with(&server, json!({"api_key": openai::KEY}));
    (server, client)
}

/// A server that answers the first request with the first of these, and so on; the last one for good.
fn in_turn(answers: Vec<(u16, Value)>) -> Server {
    let asked = AtomicUsize::new(0);
    Server::start(move |_, reply| {
        let (status, body) = &answers[asked.fetch_add(1, Ordering::SeqCst).min(answers.len() - 1)];
        reply.json(*status, &body.to_string())
    })
}

fn batch_in(states: &[&str]) -> Server {
    let batch = |state: &&str| (200, json!({"id": "batch_1", "object": "batch", "status": state}));
    in_turn(states.iter().map(batch).collect())
}

fn wait(client: &Client, options: Value) -> Job {
    let params = json!({"batch_id": "batch_1"}).to_string();
    client.wait_for("batches.retrieve", Some(&params), Some(&options.to_string()))
}

/// Takes every step that is left; how many there were before the last, and what the last one gave.
fn run(job: &mut Job) -> (usize, Status) {
    let mut steps = 0;
    loop {
        match job.next() {
            Status::Ok => steps += 1,
            status => return (steps, status),
        }
    }
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn code(job: &Job) -> Value {
    parsed(job.result().json())["error"]["code"].clone()
}

/// A file that is gone when the test is.
struct TestFile(PathBuf);

impl TestFile {
    fn new(name: &str, content: &[u8]) -> TestFile {
        let path = std::env::temp_dir().join(format!("kuai-jobs-{}-{name}", std::process::id()));
        std::fs::write(&path, content).unwrap();
        TestFile(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for TestFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

// ---- waiting ----

#[test]
fn a_wait_shows_each_state_and_ends_with_the_object() {
    let server = batch_in(&["validating", "in_progress", "completed"]);
    let mut job = wait(&client(&server), json!({"interval_ms": 1}));
    assert_eq!((job.json(), job.result().status()), ("", Status::Ok));
    for state in ["validating", "in_progress"] {
        assert_eq!(job.next(), Status::Ok);
        assert_eq!(parsed(job.json())["status"], state);
        assert_eq!(job.result().json(), job.json());
    }
    assert_eq!(job.next(), Status::Done);
    assert_eq!(parsed(job.result().json())["status"], "completed");
    assert_eq!((job.result().status(), job.result().http_status()), (Status::Ok, 200));
    assert_eq!(job.next(), Status::Done);
    assert_eq!(server.request_count(), 3);
    assert!(
        server
            .requests()
            .iter()
            .all(|request| request.method == "GET" && request.path() == "/v1/batches/batch_1")
    );
}

#[test]
fn the_first_look_is_at_once_and_the_next_after_the_interval() {
    let server = batch_in(&["in_progress", "completed"]);
    let mut job = wait(&client(&server), json!({"interval_ms": 1000}));
    let (status, took) = timed(|| job.next());
    assert_eq!(status, Status::Ok);
    assert!(took < Duration::from_millis(900), "{took:?}");
    let (status, took) = timed(|| job.next());
    assert_eq!(status, Status::Done);
    assert!((Duration::from_millis(990)..2 * SLACK).contains(&took), "{took:?}");
}

#[test]
fn the_service_says_when_to_look_again() {
    let asked = AtomicUsize::new(0);
    let server = Server::start(move |_, reply| {
        let state = ["in_progress", "completed"][asked.fetch_add(1, Ordering::SeqCst)];
        let body = json!({"id": "batch_1", "status": state}).to_string();
        let headers = [("content-type", "application/json"), ("openai-poll-after-ms", "100")];
        reply.send(200, &headers, body.as_bytes())
    });
    let mut job = wait(&client(&server), json!({"interval_ms": 60_000}));
    let ((steps, status), took) = timed(|| run(&mut job));
    assert_eq!((steps, status), (1, Status::Done));
    assert!((Duration::from_millis(95)..SLACK).contains(&took), "{took:?}");
}

#[test]
fn a_wait_that_is_too_long_is_told_and_can_be_taken_up_again() {
    let finished = Arc::new(AtomicBool::new(false));
    let server = Server::start({
        let finished = finished.clone();
        move |_, reply| {
            let state = if finished.load(Ordering::SeqCst) {
                "completed"
            } else {
                "in_progress"
            };
            reply.json(200, &json!({"id": "batch_1", "status": state}).to_string())
        }
    });
    let mut job = wait(&client(&server), json!({"interval_ms": 100, "longest_wait_ms": 450}));
    let ((steps, status), took) = timed(|| run(&mut job));
    assert_eq!(status, Status::Timeout);
    assert!((1..=5).contains(&steps), "{steps}");
    assert!((Duration::from_millis(445)..SLACK).contains(&took), "{took:?}");
    assert_eq!(code(&job), "longest_wait_ms");
    let message = parsed(job.result().json())["error"]["message"].to_string();
    for part in ["longest_wait_ms (450 ms)", "in_progress", "batches.retrieve"] {
        assert!(message.contains(part), "{message}");
    }
    assert_eq!(parsed(job.json())["status"], "in_progress");
    finished.store(true, Ordering::SeqCst);
    assert_eq!(run(&mut job), (0, Status::Done));
}

/// Or a program that takes up short waits again and again would look more often than it said.
#[test]
fn a_wait_taken_up_again_keeps_the_interval() {
    let server = batch_in(&["in_progress"]);
    let mut job = wait(&client(&server), json!({"interval_ms": 60_000, "longest_wait_ms": 300}));
    assert_eq!(run(&mut job), (1, Status::Timeout));
    for _ in 0..3 {
        assert_eq!(run(&mut job), (0, Status::Timeout));
    }
    assert_eq!(server.request_count(), 1);
}

#[test]
fn a_look_that_hangs_does_not_outlast_the_longest_wait() {
    let server = Server::start(|_, reply| reply.stall());
    let mut job = wait(&client(&server), json!({"longest_wait_ms": 200}));
    let (status, took) = timed(|| job.next());
    assert_eq!((status, code(&job)), (Status::Timeout, json!("longest_wait_ms")));
    assert!((Duration::from_millis(195)..SLACK).contains(&took), "{took:?}");
    // A limit of the call itself is told as that.
    let mut job = wait(&client(&server), json!({"longest_wait_ms": 60_000, "deadline_ms": 200}));
    assert_eq!((job.next(), code(&job)), (Status::Timeout, json!("deadline_ms")));
}

#[test]
fn an_end_that_is_a_failure_is_the_objects_to_tell() {
    let error = json!({"code": "server_error", "message": "it broke"});
    for (operation, params, object) in [
        (
            "batches.retrieve",
            json!({"batch_id": "b"}),
            json!({"id": "b", "object": "batch", "status": "failed", "errors": {"data": [{"message": "line 1"}]}}),
        ),
        (
            "fine_tuning.jobs.retrieve",
            json!({"fine_tuning_job_id": "f"}),
            json!({"id": "f", "object": "fine_tuning.job", "status": "failed", "error": error}),
        ),
        (
            "responses.retrieve",
            json!({"response_id": "r"}),
            json!({"id": "r", "object": "response", "status": "failed", "error": error, "output": []}),
        ),
        (
            "videos.retrieve",
            json!({"video_id": "v"}),
            json!({"id": "v", "object": "video", "status": "failed", "error": error}),
        ),
        (
            "vector_stores.files.retrieve",
            json!({"vector_store_id": "v", "file_id": "f"}),
            json!({"id": "f", "object": "vector_store.file", "status": "failed", "last_error": error}),
        ),
        (
            "beta.threads.runs.retrieve",
            json!({"thread_id": "t", "run_id": "r"}),
            json!({"id": "r", "object": "thread.run", "status": "requires_action", "required_action": {"type": "submit_tool_outputs"}}),
        ),
    ] {
        let server = in_turn(vec![(200, object.clone())]);
        let mut job = client(&server).wait_for(operation, Some(&params.to_string()), None);
        assert_eq!(job.next(), Status::Done, "{operation}: {}", job.result().json());
        assert_eq!(job.result().status(), Status::Ok, "{operation}");
        assert_eq!(parsed(job.result().json()), object);
        assert_eq!(parsed(job.json()), object);
    }
}

#[test]
fn a_look_that_failed_is_taken_again() {
    let batch = |state: &str| json!({"id": "batch_1", "status": state});
    let server = in_turn(vec![
        (200, batch("in_progress")),
        (500, json!({"error": {"message": "busy"}})),
        (200, batch("completed")),
    ]);
    let mut job = wait(&client(&server), json!({"interval_ms": 1}));
    assert_eq!(run(&mut job), (1, Status::Server));
    assert_eq!(parsed(job.json())["status"], "in_progress");
    assert_eq!(job.result().http_status(), 500);
    assert_eq!(run(&mut job), (0, Status::Done));
}

#[test]
fn a_pause_is_cancelled_at_once() {
    let server = batch_in(&["in_progress"]);
    let client = client(&server);
    for own in [true, false] {
        let cancel = Cancel::new();
        let mut job = wait(&client, json!({"interval_ms": 60_000}));
        job.cancel_with(&cancel).unwrap();
        assert_eq!(job.next(), Status::Ok);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(100));
                if own { cancel.trigger() } else { client.cancel() }
            });
            let (status, took) = timed(|| job.next());
            assert_eq!(status, Status::Cancelled);
            assert!(took < SLACK, "{took:?}");
        });
        assert_eq!(job.next(), Status::Cancelled);
    }
    assert_eq!(server.request_count(), 2);
}

/// A job is in flight as long as it is not finished, also while the program looks at what it has.
#[test]
fn cancelling_the_client_between_two_steps_ends_the_job_and_not_the_next_one() {
    let server = batch_in(&["in_progress"]);
    let client = client(&server);
    let mut job = wait(&client, json!({"interval_ms": 1}));
    assert_eq!(job.next(), Status::Ok);
    client.cancel();
    assert_eq!(job.next(), Status::Cancelled);
    assert_eq!(wait(&client, json!({})).next(), Status::Ok);
}

#[test]
fn what_cannot_be_waited_for_is_refused_before_anything_is_sent() {
    let server = batch_in(&["completed"]);
    let client = client(&server);
    for (operation, options, param) in [
        ("batches.create", "{}", "operation"),
        ("POST /batches", "{}", "operation"),
        ("batches.retreive", "{}", "operation"),
        ("batches.retrieve", "{\"interval_ms\":0}", "interval_ms"),
        ("batches.retrieve", "{\"bare\":true}", "bare"),
        ("batches.retrieve", "{\"save_to\":\"x\"}", "save_to"),
        ("batches.retrieve", "{", "options_json"),
        ("GET /batches/{id}", "{}", "id"),
    ] {
        let mut job = client.wait_for(operation, Some("{\"batch_id\":\"b\"}"), Some(options));
        for _ in 0..2 {
            assert_eq!(job.next(), Status::InvalidArgument, "{operation} {options}");
        }
        assert!(job.cancel_with(&Cancel::new()).is_err());
        assert_eq!(
            job.result().error().and_then(|error| error.param.as_deref()),
            Some(param)
        );
    }
    assert_eq!(server.request_count(), 0);
}

#[test]
fn any_get_can_be_waited_with() {
    let server = in_turn(vec![
        (200, json!({"status": "queued"})),
        (200, json!({"status": "ready"})),
    ]);
    let mut job = client(&server).wait_for(
        "GET /gateway/tasks/7",
        None,
        Some("{\"interval_ms\":1,\"query\":{\"a\":\"b\"}}"),
    );
    assert_eq!(run(&mut job), (1, Status::Done));
    assert_eq!(server.last_request().target, "/v1/gateway/tasks/7?a=b");
}

#[test]
fn a_run_is_waited_for_until_it_is_the_programs_turn() {
    let (_server, client) = stand_in();
    let call = |operation: &str, params: Value| {
        let answer = client.call(operation, Some(&params.to_string()), None);
        assert_eq!(answer.status(), Status::Ok, "{operation}: {}", answer.json());
        parsed(answer.json())
    };
    let weather = json!({"type": "function", "function": {"name": "weather", "parameters": {
        "type": "object", "properties": {"city": {"type": "string"}}}}});
    let assistant = call("beta.assistants.create", json!({"model": "m", "tools": [weather]}));
    let thread = call(
        "beta.threads.create",
        json!({"messages": [{"role": "user", "content": "The weather in Paris?"}]}),
    );
    let run_of = |params: &Value| {
        let mut job = client.wait_for("beta.threads.runs.retrieve", Some(&params.to_string()), None);
        let (_, status) = run(&mut job);
        assert_eq!(status, Status::Done, "{}", job.result().json());
        parsed(job.json())
    };
    let started = call(
        "beta.threads.runs.create",
        json!({"thread_id": thread["id"], "assistant_id": assistant["id"]}),
    );
    let ids = json!({"thread_id": thread["id"], "run_id": started["id"]});
    let waiting = run_of(&ids);
    assert_eq!(waiting["status"], "requires_action");
    let call_id = &waiting["required_action"]["submit_tool_outputs"]["tool_calls"][0]["id"];
    let mut outputs = ids.clone();
    outputs["tool_outputs"] = json!([{"tool_call_id": call_id, "output": "sunny"}]);
    call("beta.threads.runs.submit_tool_outputs", outputs);
    assert_eq!(run_of(&ids)["status"], "completed");
    let messages = call("beta.threads.messages.list", json!({"thread_id": thread["id"]}));
    assert_eq!(
        messages["data"][0]["content"][0]["text"]["value"],
        "The tool says: sunny"
    );
}

// ---- uploads ----

/// So long that parts of 1000 bytes are five.
fn content() -> Vec<u8> {
    (0..4321u32).map(|i| (i * 7 % 251) as u8).collect()
}

fn stored(client: &Client, job: &Job) -> Vec<u8> {
    let id = parsed(job.result().json())["id"].clone();
    let answer = client.call("files.content", Some(&json!({"file_id": id}).to_string()), None);
    assert_eq!(answer.status(), Status::Ok, "{}", answer.json());
    answer.body().to_vec()
}

fn upload(client: &Client, file: &TestFile, more: Value) -> Job {
    let mut params = json!({"purpose": "fine-tune", "part_bytes": 1000});
    for (name, value) in more.as_object().unwrap() {
        params[name] = value.clone();
    }
    client.upload(file.path(), Some(&params.to_string()), None)
}

#[test]
fn a_file_arrives_in_parts() {
    let (server, client) = stand_in();
    let file = TestFile::new("parts.jsonl", &content());
    let mut job = upload(
        &client,
        &file,
        json!({"expires_after": {"anchor": "created_at", "seconds": 3600}}),
    );
    let mut sent = Vec::new();
    while job.next() == Status::Ok {
        let state = parsed(job.json());
        assert_eq!(state["size"], 4321);
        sent.push(state["sent"].as_u64().unwrap());
    }
    assert_eq!(sent, [0, 1000, 2000, 3000, 4000, 4321]);
    let result = parsed(job.result().json());
    assert_eq!(
        (&result["object"], &result["bytes"], &result["purpose"]),
        (&json!("file"), &json!(4321), &json!("fine-tune"))
    );
    assert!(stored(&client, &job) == content());

    let requests = server.requests();
    let targets: Vec<String> = requests
        .iter()
        .map(|request| format!("{} {}", request.method, request.target))
        .collect();
    let upload_id = parsed(job.json())["upload_id"].as_str().unwrap().to_owned();
    assert_eq!(targets[0], "POST /v1/uploads");
    assert!(
        targets[1..6]
            .iter()
            .all(|target| *target == format!("POST /v1/uploads/{upload_id}/parts"))
    );
    assert_eq!(targets[6], format!("POST /v1/uploads/{upload_id}/complete"));
    assert_eq!(
        requests[0].json(),
        json!({"purpose": "fine-tune", "expires_after": {"anchor": "created_at", "seconds": 3600}, "bytes": 4321,
            "filename": file.0.file_name().unwrap().to_str().unwrap(), "mime_type": "text/jsonl"})
    );
    for (number, request) in requests[1..6].iter().enumerate() {
        let parts = form::parts(request).unwrap();
        assert_eq!(
            (parts.len(), &*parts[0].name, parts[0].filename.as_deref()),
            (1, "data", Some("upload"))
        );
        assert_eq!(parts[0].content_type.as_deref(), Some("application/octet-stream"));
        let end = 4321.min((number + 1) * 1000);
        assert!(parts[0].content == content()[number * 1000..end]);
    }
    assert_eq!(requests[6].json(), json!({"part_ids": parsed(job.json())["parts"]}));
}

#[test]
fn an_empty_file_and_one_of_whole_parts_have_no_part_too_many() {
    let (server, client) = stand_in();
    for (size, parts) in [(0, 0), (1000, 1), (2000, 2)] {
        let file = TestFile::new("whole", &content()[..size]);
        server.take_requests();
        let mut job = upload(&client, &file, json!({}));
        assert_eq!(run(&mut job), (1 + parts, Status::Done), "{size}");
        assert_eq!(server.request_count(), server.last_request().number + 1);
        assert_eq!(server.take_requests().len(), 2 + parts);
        assert!(stored(&client, &job) == content()[..size]);
    }
}

/// A stand-in that fails the request with this number.
fn failing_at(number: usize) -> (Server, Client) {
    let service = Service::new().handler();
    let server = Server::start(move |request: &Request, reply: &mut Reply<'_>| {
        if request.number == number {
            return reply.json(500, r#"{"error":{"message":"out of order"}}"#);
        }
        service(request, reply)
    });
    let client = client_with(&server, json!({"api_key": openai::KEY}));
    (server, client)
}

#[test]
fn an_upload_goes_on_where_it_failed() {
    for number in 0..7 {
        let (server, client) = failing_at(number);
        let file = TestFile::new(&format!("goes-on-{number}"), &content());
        let mut job = upload(&client, &file, json!({}));
        assert_eq!(run(&mut job), (number, Status::Server));
        if number % 2 == 1 {
            // In another process, with what the first one wrote down.
            let state = parsed(job.json());
            job = upload(&client, &file, json!({"resume": state}));
        }
        assert_eq!(run(&mut job), (6 - number, Status::Done), "{}", job.result().json());
        assert_eq!(server.request_count(), 8, "nothing is sent twice");
        assert!(stored(&client, &job) == content());
    }
}

#[test]
fn an_upload_is_shared_by_threads() {
    let (server, client) = stand_in();
    let file = TestFile::new("shared", &content());
    let mut first = upload(&client, &file, json!({"part_bytes": 100}));
    assert_eq!(first.next(), Status::Ok);
    let begun = parsed(first.json());
    let states: Vec<Value> = std::thread::scope(|scope| {
        let share = |i: usize| {
            let (client, file, begun) = (&client, &file, &begun);
            scope.spawn(move || {
                let mut job = upload(client, file, json!({"resume": begun, "share": [i, 4]}));
                assert_eq!(run(&mut job).1, Status::Done);
                assert_eq!(job.result().json(), job.json());
                parsed(job.json())
            })
        };
        // The last share is left to whoever completes the upload.
        let threads: Vec<_> = (0..3).map(share).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut last = upload(&client, &file, json!({"resume": states}));
    assert_eq!(run(&mut last), (11, Status::Done), "{}", last.result().json());
    assert!(stored(&client, &last) == content());
    let parts = server
        .requests()
        .iter()
        .filter(|request| request.path().ends_with("/parts"))
        .count();
    assert_eq!(parts, 44, "nothing is sent twice");
}

#[test]
fn a_file_that_changes_is_an_error() {
    let (_server, client) = stand_in();
    let longer = [&content()[..], b"!"].concat();
    let mut other = content();
    other[4000] ^= 1;
    for (name, changed, why) in [
        ("longer", &longer[..], "it had 4321 bytes and has 4322"),
        ("shorter", &longer[..10], "it had 4321 bytes and has 10"),
        ("other", &other[..], "it was written to"),
    ] {
        let file = TestFile::new(name, &content());
        let mut job = upload(&client, &file, json!({}));
        assert_eq!((job.next(), job.next()), (Status::Ok, Status::Ok));
        std::thread::sleep(Duration::from_millis(20));
        std::fs::write(&file.0, changed).unwrap();
        for _ in 0..2 {
            assert_eq!(job.next(), Status::Io);
            assert_eq!(job.result().error().unwrap().param.as_deref(), Some("path"));
            assert!(job.result().json().contains(why), "{}", job.result().json());
        }
        let state = parsed(job.json());
        let mut resumed = upload(&client, &file, json!({"resume": state}));
        assert_eq!(resumed.next(), Status::Io);
    }
}

#[test]
fn a_part_that_hangs_is_cancelled() {
    let server = Server::start(|request, reply| match request.path() {
        "/v1/uploads" => reply.json(200, r#"{"id":"upload_1"}"#),
        _ => reply.stall(),
    });
    let client = client(&server);
    let file = TestFile::new("hangs", &content());
    let cancel = Cancel::new();
    let mut job = upload(&client, &file, json!({}));
    job.cancel_with(&cancel).unwrap();
    assert_eq!(job.next(), Status::Ok);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(100));
            cancel.trigger();
        });
        let (status, took) = timed(|| job.next());
        assert_eq!(status, Status::Cancelled);
        assert!(took < SLACK, "{took:?}");
    });
    assert_eq!(parsed(job.json())["parts"], json!([null, null, null, null, null]));
}

#[test]
fn an_answer_without_an_id_is_a_failure() {
    let server = in_turn(vec![(200, json!({"object": "upload"}))]);
    let file = TestFile::new("no-id", b"x");
    let mut job = upload(&client(&server), &file, json!({}));
    assert_eq!(job.next(), Status::Protocol);
    assert_eq!(job.result().http_status(), 200);
    assert_eq!(parsed(job.json())["upload_id"], Value::Null);
}

#[test]
fn an_upload_without_a_file_in_it_is_handed_over_as_it_is() {
    let server = in_turn(vec![(200, json!({"id": "upload_1", "status": "completed"}))]);
    let file = TestFile::new("no-file", b"");
    let mut job = upload(
        &client(&server),
        &file,
        json!({"md5": "d41d8cd98f00b204e9800998ecf8427e"}),
    );
    assert_eq!(run(&mut job), (1, Status::Done));
    assert_eq!(job.result().json(), r#"{"id":"upload_1","status":"completed"}"#);
    assert_eq!(
        server.last_request().json(),
        json!({"part_ids": [], "md5": "d41d8cd98f00b204e9800998ecf8427e"})
    );
}

#[test]
fn what_cannot_be_uploaded_is_refused_before_anything_is_sent() {
    let (server, client) = stand_in();
    let file = TestFile::new("refused", b"0123456789");
    let state = json!({"upload_id": "upload_1", "size": 10, "part_bytes": 4, "parts": [null, null, null]});
    for (path, params, status, why) in [
        ("/no/such/file", json!({}), Status::Io, "/no/such/file"),
        ("/tmp", json!({}), Status::Io, "is not a regular file"),
        (
            file.path(),
            json!({"part_bytes": 0}),
            Status::InvalidArgument,
            "part_bytes: ",
        ),
        (
            file.path(),
            json!({"share": [0, 2]}),
            Status::InvalidArgument,
            "share: needs",
        ),
        (file.path(), json!({"resume": []}), Status::InvalidArgument, "resume: "),
        (
            file.path(),
            json!({"resume": {"size": 11, "part_bytes": 4, "parts": [null, null, null]}}),
            Status::Io,
            "has changed",
        ),
        (
            file.path(),
            json!({"resume": [state, {"upload_id": "upload_2", "size": 10, "part_bytes": 4, "parts": [null, null, null]}]}),
            Status::InvalidArgument,
            "different uploads",
        ),
    ] {
        let mut job = client.upload(path, Some(&params.to_string()), None);
        assert_eq!(job.next(), status, "{params}");
        assert!(job.result().json().contains(why), "{}", job.result().json());
    }
    assert_eq!(server.request_count(), 0);
}

// ---- batches ----

const QUESTIONS: &str = r#"[
    {"model":"m","messages":[{"role":"user","content":"1+100="}]},
    {"custom_id":"second","body":{"model":"m","messages":[{"role":"user","content":"2+100="}]}},
    {"custom_id":"wrong","body":{"model":"m","messages":[]}}
]"#;

fn finished(job: &mut Job) -> Value {
    let (_, status) = run(job);
    assert_eq!(status, Status::Done, "{}", job.result().json());
    parsed(job.result().json())
}

#[test]
fn a_batch_gives_each_request_its_answer() {
    let (server, client) = stand_in();
    let mut job = client.batch(Some(QUESTIONS), Some(r#"{"metadata":{"a":"b"}}"#), None);
    let mut states = Vec::new();
    while job.next() == Status::Ok {
        states.push(parsed(job.json())["batch"]["status"].clone());
    }
    assert_eq!(
        states,
        [
            json!(null),
            json!(null),
            json!("in_progress"),
            json!("finalizing"),
            json!("completed"),
            json!("completed")
        ]
    );
    let result = parsed(job.result().json());
    let said = |id: &str| result["results"][id]["choices"][0]["message"]["content"].clone();
    assert_eq!(
        (said("request-0"), said("second")),
        (json!("1+100=101"), json!("2+100=102"))
    );
    assert_eq!(result["errors"]["wrong"]["error"]["http_status"], 400);
    assert_eq!(result["errors"]["wrong"]["error"]["param"], "messages");
    assert_eq!((&result["broken"], &result["missing"]), (&json!([]), &json!([])));
    assert_eq!(
        result["batch"]["request_counts"],
        json!({"total": 3, "completed": 2, "failed": 1})
    );
    assert_eq!(result["batch"]["metadata"], json!({"a": "b"}));

    let requests = server.requests();
    let sent = form::parts(&requests[0]).unwrap();
    assert_eq!((&*sent[0].name, sent[0].text()), ("purpose", "batch"));
    let lines: Vec<Value> = sent[1].text().lines().map(parsed).collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[1]["custom_id"], "second");
    assert_eq!(
        requests[1].json(),
        json!({"input_file_id": result["batch"]["input_file_id"], "metadata": {"a": "b"}, "endpoint": "/v1/chat/completions",
            "completion_window": "24h"})
    );
}

#[test]
fn a_batch_goes_on_where_it_failed() {
    // Upload, creation, four looks, two files.
    for number in 0..7 {
        let (server, client) = failing_at(number);
        let mut job = client.batch(Some(QUESTIONS), None, None);
        assert_eq!(run(&mut job), (number, Status::Server));
        if number % 2 == 1 {
            let params = json!({"resume": parsed(job.json())}).to_string();
            job = client.batch(Some(QUESTIONS), Some(&params), None);
        }
        let result = finished(&mut job);
        assert_eq!(result["results"].as_object().unwrap().len(), 2, "{number}: {result}");
        assert_eq!(result["missing"], json!([]));
        let uploads = server
            .requests()
            .iter()
            .filter(|request| request.path() == "/v1/files")
            .count();
        assert_eq!(uploads, 1 + usize::from(number == 0), "{number}");
    }
}

#[test]
fn a_batch_of_another_program_is_waited_for_by_its_id() {
    let (_server, client) = stand_in();
    let mut job = client.batch(Some(QUESTIONS), None, None);
    assert_eq!((job.next(), job.next()), (Status::Ok, Status::Ok));
    let params = json!({"resume": {"batch_id": parsed(job.json())["batch_id"]}}).to_string();
    drop(job);
    let result = finished(&mut client.batch(None, Some(&params), None));
    assert_eq!(result["results"].as_object().unwrap().len(), 2);
    // What was asked is not known.
    assert_eq!(result.get("missing"), None);
}

/// A service with one batch that has come to its end, and the files of it.
fn ended_batch(batch: Value, content_type: &'static str, files: &'static [(&'static str, &'static str)]) -> Server {
    Server::start(move |request, reply| {
        let path = request.path().strip_prefix("/v1/").unwrap_or_default();
        if path.starts_with("batches/") {
            return reply.json(200, &batch.to_string());
        }
        let file = files.iter().find(|(id, _)| path == format!("files/{id}/content"));
        match file {
            Some((_, text)) => reply.send(200, &[("content-type", content_type)], text.as_bytes()),
            None => reply.json(404, r#"{"error":{"message":"no such file"}}"#),
        }
    })
}

fn resumed(server: &Server, requests: Option<&str>) -> Job {
    client(server).batch(requests, Some(r#"{"resume":{"batch_id":"batch_1"}}"#), None)
}

#[test]
fn an_expired_batch_gives_what_there_is() {
    let batch = json!({"id": "batch_1", "object": "batch", "status": "expired", "output_file_id": "out", "error_file_id": "err"});
    let server = ended_batch(
        batch.clone(),
        "application/octet-stream",
        &[
            (
                "out",
                "{\"custom_id\":\"request-0\",\"response\":{\"status_code\":200,\"body\":{\"n\":1}},\"error\":null}\nhalf a li",
            ),
            (
                "err",
                "{\"custom_id\":\"request-1\",\"response\":null,\"error\":{\"code\":\"batch_expired\",\"message\":\"too late\"}}\n",
            ),
        ],
    );
    let result = finished(&mut resumed(&server, Some("[{},{},{}]")));
    assert_eq!(result["batch"], batch);
    assert_eq!(result["results"], json!({"request-0": {"n": 1}}));
    assert_eq!(result["errors"]["request-1"]["error"]["code"], "batch_expired");
    assert_eq!(result["missing"], json!(["request-2"]));
    assert_eq!(
        (&result["broken"][0]["file_id"], &result["broken"][0]["text"]),
        (&json!("out"), &json!("half a li"))
    );
}

#[test]
fn a_failed_batch_has_no_results_and_says_why() {
    let batch = json!({"id": "batch_1", "object": "batch", "status": "failed", "output_file_id": null,
        "errors": {"object": "list", "data": [{"code": "invalid_json_line", "line": 1}]}});
    let server = ended_batch(batch.clone(), "text/plain", &[]);
    let mut job = resumed(&server, Some("[{}]"));
    let result = finished(&mut job);
    assert_eq!(
        result,
        json!({"batch": batch, "results": {}, "errors": {}, "broken": [], "missing": ["request-0"]})
    );
    assert_eq!(server.request_count(), 1);
}

/// A file of one line is a JSON document, and one of a failure looks like a failed call.
#[test]
fn a_file_of_one_line_is_a_file_whatever_it_is_called() {
    let batch = json!({"id": "batch_1", "status": "completed", "output_file_id": null, "error_file_id": "err"});
    for content_type in [
        "application/json",
        "application/jsonl",
        "text/plain",
        "application/octet-stream",
    ] {
        let server = ended_batch(
            batch.clone(),
            content_type,
            &[(
                "err",
                "{\"custom_id\":\"a\",\"response\":null,\"error\":{\"code\":\"c\",\"message\":\"no\"}}",
            )],
        );
        let result = finished(&mut resumed(&server, None));
        assert_eq!(result["errors"]["a"]["error"]["message"], "no", "{content_type}");
    }
}

#[test]
fn a_file_that_cannot_be_fetched_is_a_failure_and_is_fetched_again() {
    let batch = json!({"id": "batch_1", "status": "completed", "output_file_id": "gone"});
    let server = ended_batch(batch, "text/plain", &[]);
    let mut job = resumed(&server, None);
    assert_eq!(run(&mut job), (1, Status::NotFound));
    assert_eq!(run(&mut job), (0, Status::NotFound));
    assert_eq!(server.request_count(), 3);
}

#[test]
fn a_batch_is_waited_for_as_anything_else() {
    let server = ended_batch(json!({"id": "batch_1", "status": "in_progress"}), "text/plain", &[]);
    let options = Some(r#"{"interval_ms":60000,"longest_wait_ms":500}"#);
    let mut job = client(&server).batch(None, Some(r#"{"resume":{"batch_id":"batch_1"}}"#), options);
    assert_eq!(
        (run(&mut job), code(&job)),
        ((1, Status::Timeout), json!("longest_wait_ms"))
    );
    let cancel = Arc::new(Cancel::new());
    cancel.trigger();
    job.cancel_with(&cancel).unwrap();
    let start = Instant::now();
    assert_eq!(job.next(), Status::Cancelled);
    assert!(start.elapsed() < SLACK);
}

#[test]
fn a_default_model_is_the_batchs_too() {
    let server = Service::start();
    let client = client_with(&server, json!({"api_key": openai::KEY, "default_model": "gpt-4o-mini"}));
    let question = r#"[{"messages":[{"role":"user","content":"1+100="}]}]"#;
    let result = finished(&mut client.batch(Some(question), None, None));
    assert_eq!(result["results"]["request-0"]["model"], "gpt-4o-mini");
}
