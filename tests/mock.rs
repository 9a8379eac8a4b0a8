//! Against mockito, an HTTP server that nobody here wrote: what goes out matches what a service asks for, and its answers are read right.

use kuai::{Client, Request, Status};
use mockito::{Matcher, Server};
use serde_json::{Value, json};

const QUESTION: &str =
    r#"{"model":"m","messages":[{"role":"user","content":"请介绍一下你自己"}],"seed":12345678901234567890}"#;
const ANSWER: &str = r#"{"id":"c1","big":12345678901234567890,"choices":[{"index":0,"message":{"role":"assistant","content":"你好 🙂"},"finish_reason":"stop"}]}"#;

fn client(server: &Server, more: Value) -> Client {
    let mut config =
        json!({"api_key": "sk-mock", "base_url": format!("{}/v1", server.url()), "max_retries": 0, "proxy": ""});
    for (key, value) in more.as_object().unwrap() {
        config[key] = value.clone();
    }
    Client::new(Some(&config.to_string())).unwrap()
}

#[test]
fn a_chat_goes_out_as_the_protocol_has_it() {
    let mut server = Server::new();
    let mock = server
        .mock("POST", "/v1/chat/completions")
        .match_header("authorization", "Bearer sk-mock")
        .match_header("content-type", "application/json")
        .match_header("accept", "application/json")
        .match_header("user-agent", Matcher::Regex("^libkuai/".into()))
        .match_header("openai-organization", "org-1")
        .match_header("openai-project", "proj-1")
        .match_body(QUESTION)
        .with_header("content-type", "application/json")
        .with_body(ANSWER)
        .create();
    let client = client(&server, json!({"organization": "org-1", "project": "proj-1"}));
    let answer = client.chat_complete(QUESTION);
    assert_eq!(
        (answer.status(), answer.text(), answer.json()),
        (Status::Ok, "你好 🙂", ANSWER)
    );
    mock.assert();
}

#[test]
fn parameters_go_into_the_path_the_query_and_the_body() {
    let mut server = Server::new();
    let list = server
        .mock("GET", "/v1/vector_stores/vs_1/files")
        .match_query(Matcher::AllOf(vec![
            Matcher::UrlEncoded("limit".into(), "2".into()),
            Matcher::UrlEncoded("filter".into(), "completed".into()),
        ]))
        .with_body(r#"{"object":"list","data":[]}"#)
        .create();
    let client = client(&server, json!({}));
    let params = r#"{"vector_store_id":"vs_1","limit":2,"filter":"completed"}"#;
    assert_eq!(
        client.call("vector_stores.files.list", Some(params), None).status(),
        Status::Ok
    );
    list.assert();

    let create = server
        .mock("POST", "/v1/vector_stores/vs_1/files")
        .match_body(r#"{"file_id":"f","n":1.10}"#)
        .with_body("{}")
        .create();
    let params = r#"{"file_id":"f","vector_store_id":"vs_1","n":1.10}"#;
    assert_eq!(
        client.call("vector_stores.files.create", Some(params), None).status(),
        Status::Ok
    );
    create.assert();
}

#[test]
fn headers_and_query_of_client_and_call_go_out() {
    let mut server = Server::new();
    let mock = server
        .mock("GET", "/v1/models")
        .match_query(Matcher::AllOf(vec![
            Matcher::UrlEncoded("api-version".into(), "1".into()),
            Matcher::UrlEncoded("a b".into(), "ü&=".into()),
        ]))
        .match_header("x-one", "1")
        .match_header("x-two", "2")
        .with_body(r#"{"data":[]}"#)
        .create();
    let client = client(
        &server,
        json!({"headers": {"X-One": "1"}, "query": {"api-version": "1"}}),
    );
    let options = r#"{"headers":{"X-Two":"2"},"query":[["a b","ü&="]]}"#;
    let answer = client.call("models.list", None, Some(options));
    assert_eq!(answer.status(), Status::Ok, "{}", answer.json());
    mock.assert();
}

#[test]
fn every_http_status_has_its_own() {
    let mut server = Server::new();
    for (http, status) in [
        (400, Status::BadRequest),
        (401, Status::Authentication),
        (402, Status::BadRequest),
        (403, Status::Permission),
        (404, Status::NotFound),
        (409, Status::Conflict),
        (422, Status::Unprocessable),
        (429, Status::RateLimited),
        (500, Status::Server),
        (503, Status::Server),
    ] {
        let body = r#"{"error":{"message":"no","type":"t","code":7,"param":"p"}}"#;
        let mock = server
            .mock("POST", "/v1/chat/completions")
            .with_status(http)
            .with_body(body)
            .create();
        let answer = client(&server, json!({})).chat_complete(QUESTION);
        assert_eq!((answer.status(), answer.http_status()), (status, http as u16));
        let error = &serde_json::from_str::<Value>(answer.json()).unwrap()["error"];
        assert_eq!(
            (&error["message"], &error["type"], &error["code"], &error["param"]),
            (&json!("no"), &json!("t"), &json!("7"), &json!("p"))
        );
        mock.remove();
    }
}

#[test]
fn a_failure_inside_success_is_a_failure() {
    let mut server = Server::new();
    for body in [
        r#"{"code":1001,"msg":"余额不足"}"#,
        r#"{"error":{"message":"余额不足","code":"1001"}}"#,
    ] {
        let mock = server.mock("POST", "/v1/chat/completions").with_body(body).create();
        let answer = client(&server, json!({})).chat_complete(QUESTION);
        assert_eq!((answer.status(), answer.http_status()), (Status::Service, 200));
        let error = &serde_json::from_str::<Value>(answer.json()).unwrap()["error"];
        assert_eq!(
            (&error["message"], &error["code"]),
            (&json!("余额不足"), &json!("1001"))
        );
        mock.remove();
    }
}

#[test]
fn a_good_answer_with_code_and_msg_is_good() {
    let mut server = Server::new();
    let body = format!("{{\"code\":0,\"msg\":\"\",{}", &ANSWER[1..]);
    let _mock = server.mock("POST", "/v1/chat/completions").with_body(&body).create();
    let answer = client(&server, json!({})).chat_complete(QUESTION);
    assert_eq!((answer.status(), answer.json()), (Status::Ok, body.as_str()));
}

#[test]
fn a_page_is_told_by_its_first_bytes_its_status_and_its_type() {
    let mut server = Server::new();
    let _mock = server
        .mock("POST", "/v1/chat/completions")
        .with_header("content-type", "text/plain")
        .with_body("Service is being maintained")
        .create();
    let answer = client(&server, json!({})).chat_complete(QUESTION);
    assert_eq!((answer.status(), answer.http_status()), (Status::Protocol, 200));
    for part in ["Service is being maintained", "text/plain", "200"] {
        assert!(answer.json().contains(part), "{part}: {}", answer.json());
    }
}

#[test]
fn a_stream_in_chunks_of_the_servers_making_is_read() {
    let mut server = Server::new();
    let _mock = server
        .mock("POST", "/v1/chat/completions")
        .match_body(Matcher::PartialJson(json!({"stream": true})))
        .with_header("content-type", "text/event-stream")
        .with_chunked_body(|writer| {
            for piece in [
                "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"你",
                "好\"},\"finish_reason\":\"stop\"}]}\r\n",
                "\r\ndata: [DO",
                "NE]\n\n",
            ] {
                std::io::Write::write_all(writer, piece.as_bytes())?;
            }
            Ok(())
        })
        .create();
    let mut stream = client(&server, json!({})).chat_stream(QUESTION);
    assert_eq!(
        (stream.next(), stream.text().to_owned()),
        (Status::Ok, "你好".to_owned())
    );
    assert_eq!(stream.next(), Status::Done);
    assert_eq!(stream.result().text(), "你好");
}

#[test]
fn any_method_and_any_body_can_be_sent() {
    let mut server = Server::new();
    let delete = server
        .mock("DELETE", "/v1/files/file-1")
        .with_body(r#"{"deleted":true}"#)
        .create();
    let client = client(&server, json!({}));
    assert_eq!(
        client
            .call("files.delete", Some(r#"{"file_id":"file-1"}"#), None)
            .status(),
        Status::Ok
    );
    delete.assert();
    let put = server
        .mock("PUT", "/v1/thing/a%2Fb")
        .match_header("content-type", "application/x-thing")
        .match_body("\u{1}raw")
        .with_status(204)
        .create();
    let mut request = Request::new("PUT /thing/a%2Fb", None, None).unwrap();
    request.body(Some("application/x-thing"), b"\x01raw".to_vec()).unwrap();
    assert_eq!(client.send(&request).status(), Status::Ok);
    put.assert();
}

#[test]
fn a_file_goes_out_as_a_form() {
    let mut server = Server::new();
    let mock = server
        .mock("POST", "/v1/files")
        .match_header("content-type", Matcher::Regex("^multipart/form-data; boundary=".into()))
        .match_body(Matcher::AllOf(vec![
            Matcher::Regex("name=\"purpose\"\r\n\r\nassistants\r\n".into()),
            Matcher::Regex("name=\"file\"; filename=\"数据.jsonl\"\r\n[^\n]*\r\n\r\nline\r\n".into()),
        ]))
        .with_body(r#"{"id":"file-1"}"#)
        .create();
    let mut request = Request::new("files.create", Some(r#"{"purpose":"assistants"}"#), None).unwrap();
    request.file("file", "数据.jsonl", None, b"line"[..].into()).unwrap();
    let answer = client(&server, json!({})).send(&request);
    assert_eq!(answer.status(), Status::Ok, "{}", answer.json());
    mock.assert();
}
