//! The client against mockito, an HTTP server that nobody here wrote: what arrives there, and what becomes of its answers.

mod support;

use kuai::{Client, Status};
use mockito::{Matcher, Server, ServerGuard};
use serde_json::{Value, json};
use support::clients::{KEY, completion, question, stream_events};

fn client_with(server: &ServerGuard, more: Value) -> Client {
    let mut config = json!({"api_key": KEY, "base_url": format!("{}/v1", server.url()), "max_retries": 0, "proxy": ""});
    config
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    Client::new(Some(&config.to_string())).unwrap()
}

fn client(server: &ServerGuard) -> Client {
    client_with(server, json!({}))
}

fn document(answer: &kuai::Answer) -> Value {
    serde_json::from_str(answer.json()).unwrap()
}

#[test]
fn a_chat_request_arrives_with_its_key_and_its_json() {
    let mut server = Server::new();
    let mock = server
        .mock("POST", "/v1/chat/completions")
        .match_header("authorization", format!("Bearer {KEY}").as_str())
        .match_header("content-type", "application/json")
        .match_header("accept", Matcher::Regex("application/json".into()))
        .match_header("user-agent", Matcher::Regex("^libkuai/".into()))
        .match_body(Matcher::Json(json!({
            "model": "m",
            "messages": [{"role": "user", "content": "请介绍一下你自己 😀"}],
        })))
        .with_header("content-type", "application/json")
        .with_body(completion("我是一个助手 🙂"))
        .create();
    let answer = client(&server).chat_complete(&question("请介绍一下你自己 😀"));
    assert_eq!((answer.status(), answer.text()), (Status::Ok, "我是一个助手 🙂"));
    assert_eq!(answer.json(), completion("我是一个助手 🙂"));
    mock.assert();
}

#[test]
fn paths_and_queries_are_encoded() {
    let mut server = Server::new();
    let mock = server
        .mock("GET", "/v1/files")
        .match_query(Matcher::AllOf(vec![
            Matcher::UrlEncoded("purpose".into(), "a b&c=好".into()),
            Matcher::UrlEncoded("limit".into(), "2".into()),
        ]))
        .with_body(r#"{"object":"list","data":[]}"#)
        .create();
    let answer = client(&server).call("files.list", Some(r#"{"purpose":"a b&c=好","limit":2}"#), None);
    assert_eq!(answer.status(), Status::Ok, "{}", answer.json());
    mock.assert();

    let mock = server
        .mock("GET", "/v1/models/a%2Fb%20c")
        .with_body(r#"{"id":"a/b c","object":"model"}"#)
        .create();
    let answer = client(&server).call("models.retrieve", Some(r#"{"model":"a/b c"}"#), None);
    assert_eq!(answer.status(), Status::Ok, "{}", answer.json());
    mock.assert();
}

#[test]
fn headers_and_queries_of_the_configuration_and_of_the_call_are_sent() {
    let mut server = Server::new();
    let mock = server
        .mock("POST", "/v1/embeddings")
        .match_query(Matcher::AllOf(vec![
            Matcher::UrlEncoded("api-version".into(), "2024-10-21".into()),
            Matcher::UrlEncoded("trace".into(), "1".into()),
        ]))
        .match_header("x-tenant", "ours")
        .match_header("x-trace", "this call's")
        .match_header("openai-organization", "org-1")
        .match_header("openai-project", "proj-1")
        .match_body(Matcher::PartialJson(json!({"input": ["a", "b"]})))
        .with_body(r#"{"object":"list","data":[{"embedding":[0.10,1e-7]}]}"#)
        .create();
    let config = json!({
        "headers": {"x-tenant": "ours", "x-trace": "the client's"},
        "query": {"api-version": "2024-10-21"},
        "organization": "org-1",
        "project": "proj-1",
    });
    let answer = client_with(&server, config).call(
        "embeddings.create",
        Some(r#"{"model":"e","input":["a","b"]}"#),
        Some(r#"{"headers":{"X-Trace":"this call's"},"query":{"trace":1}}"#),
    );
    assert_eq!(answer.status(), Status::Ok, "{}", answer.json());
    assert!(answer.json().contains("[0.10,1e-7]"), "{}", answer.json());
    mock.assert();
}

#[test]
fn each_method_arrives_as_such() {
    let mut server = Server::new();
    for (method, operation) in [
        ("GET", "GET /things/1"),
        ("DELETE", "DELETE /things/1"),
        ("PUT", "PUT /things/1"),
        ("PATCH", "PATCH /things/1"),
    ] {
        let mock = server
            .mock(method, "/v1/things/1")
            .with_body(r#"{"deleted":true}"#)
            .create();
        let answer = client(&server).call(operation, None, None);
        assert_eq!(answer.status(), Status::Ok, "{operation}: {}", answer.json());
        mock.assert();
    }
}

#[test]
fn every_http_status_has_its_failure() {
    let mut server = Server::new();
    for (http_status, status) in [
        (400, Status::BadRequest),
        (401, Status::Authentication),
        (403, Status::Permission),
        (404, Status::NotFound),
        (409, Status::Conflict),
        (418, Status::BadRequest),
        (422, Status::Unprocessable),
        (429, Status::RateLimited),
        (500, Status::Server),
        (503, Status::Server),
    ] {
        let mock = server
            .mock("POST", "/v1/chat/completions")
            .with_status(http_status)
            .with_header("content-type", "application/json")
            .with_header("x-request-id", "req_1")
            .with_body(r#"{"error":{"message":"no","type":"t","param":"p","code":"c"}}"#)
            .expect(1)
            .create();
        let answer = client(&server).chat_complete(&question("hi"));
        assert_eq!(answer.status(), status);
        let error = &document(&answer)["error"];
        for (member, value) in [
            ("message", "no"),
            ("type", "t"),
            ("param", "p"),
            ("code", "c"),
            ("request_id", "req_1"),
        ] {
            assert_eq!(error[member], value, "{http_status}");
        }
        assert_eq!(error["http_status"], http_status);
        mock.assert();
        mock.remove();
    }
}

#[test]
fn a_busy_service_is_asked_again_with_the_same_key_for_the_request() {
    let mut server = Server::new();
    let busy = server
        .mock("POST", "/v1/chat/completions")
        .match_header("idempotency-key", Matcher::Regex(".+".into()))
        .with_status(503)
        .with_header("retry-after-ms", "5")
        .with_body("{}")
        .expect(3)
        .create();
    let answer = client_with(&server, json!({"max_retries": 2})).chat_complete(&question("hi"));
    assert_eq!(answer.status(), Status::Server);
    assert_eq!(document(&answer)["error"]["attempts"], 3);
    busy.assert();
}

#[test]
fn an_answer_in_chunks_is_put_together() {
    let mut server = Server::new();
    let mock = server
        .mock("POST", "/v1/chat/completions")
        .with_header("content-type", "application/json")
        .with_chunked_body(|writer| {
            // A few bytes at a time, so that characters are cut.
            completion("你好，世界 🙂")
                .as_bytes()
                .chunks(5)
                .try_for_each(|piece| writer.write_all(piece))
        })
        .create();
    let answer = client(&server).chat_complete(&question("hi"));
    assert_eq!(answer.json(), completion("你好，世界 🙂"));
    mock.assert();
}

#[test]
fn a_stream_comes_event_by_event() {
    let mut server = Server::new();
    let mock = server
        .mock("POST", "/v1/chat/completions")
        .match_body(Matcher::PartialJson(json!({"stream": true})))
        .with_header("content-type", "text/event-stream")
        .with_chunked_body(|writer| {
            stream_events(&["你", "好", " 🙂"])
                .iter()
                .try_for_each(|event| writer.write_all(format!("data: {event}\n\n").as_bytes()))
        })
        .create();
    let mut stream = client(&server).chat_stream(&question("hi"));
    let mut pieces = Vec::new();
    let status = loop {
        match stream.next() {
            Status::Ok => pieces.push(stream.text().to_owned()),
            status => break status,
        }
    };
    assert_eq!((pieces.concat().as_str(), status), ("你好 🙂", Status::Done));
    assert_eq!(pieces.len(), 5);
    assert_eq!(stream.result().text(), "你好 🙂");
    mock.assert();
}

#[test]
fn a_body_that_breaks_off_is_no_answer() {
    let mut server = Server::new();
    let mock = server
        .mock("POST", "/v1/chat/completions")
        .with_chunked_body(|writer| {
            writer.write_all(b"{\"choices\":[{\"message\":{\"content\":\"hal")?;
            Err(std::io::Error::other("the service falls over"))
        })
        .create();
    let answer = client(&server).chat_complete(&question("hi"));
    assert_eq!(answer.status(), Status::Connection, "{}", answer.json());
    mock.assert();
}

#[test]
fn what_the_service_does_not_know_is_told() {
    // mockito answers 501 and nothing else where nothing matches.
    let server = Server::new();
    let answer = client(&server).call("moderations.create", Some(r#"{"input":"a"}"#), None);
    assert_eq!(answer.status(), Status::Server);
    let error = &document(&answer)["error"];
    assert_eq!(
        (&error["http_status"], &error["type"]),
        (&json!(501), &json!("not_supported_by_gateway"))
    );
    assert!(!answer.json().contains(KEY));
}

#[test]
fn redirects_keep_the_method_and_the_body_or_are_refused() {
    let mut server = Server::new();
    let moved = server
        .mock("POST", "/v1/chat/completions")
        .with_status(308)
        .with_header("location", "/v2/chat/completions")
        .create();
    let there = server
        .mock("POST", "/v2/chat/completions")
        .match_header("authorization", format!("Bearer {KEY}").as_str())
        .match_body(Matcher::PartialJson(json!({"model": "m"})))
        .with_body(completion("moved"))
        .create();
    assert_eq!(client(&server).chat_complete(&question("hi")).text(), "moved");
    moved.assert();
    there.assert();
    moved.remove();

    let other = Server::new();
    let away = server
        .mock("POST", "/v1/chat/completions")
        .with_status(307)
        .with_header("location", &format!("{}/v1/chat/completions", other.url()))
        .create();
    let answer = client(&server).chat_complete(&question("hi"));
    assert_eq!(answer.status(), Status::Protocol);
    assert!(answer.json().contains(&other.url()), "{}", answer.json());
    away.assert();
}

#[test]
fn sixteen_threads_share_a_client() {
    let mut server = Server::new();
    let mock = server
        .mock("POST", "/v1/chat/completions")
        .with_body_from_request(|request| {
            let sent: Value = serde_json::from_slice(request.body().unwrap()).unwrap();
            completion(sent["messages"][0]["content"].as_str().unwrap()).into()
        })
        .expect(320)
        .create();
    let client = client(&server);
    std::thread::scope(|scope| {
        for thread in 0..16 {
            let client = &client;
            scope.spawn(move || {
                for number in 0..20 {
                    let said = format!("{thread}/{number}");
                    assert_eq!(client.chat_complete(&question(&said)).text(), said);
                }
            });
        }
    });
    mock.assert();
}
