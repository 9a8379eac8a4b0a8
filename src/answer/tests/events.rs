//! Failures in the events of a stream.
#![forbid(unsafe_code)]

use super::*;

fn event(name: &str, data: &str) -> Option<Error> {
    failure_in_event(name, Value::parse(data.as_bytes()).unwrap(), &Headers::default())
}

#[test]
fn failures_inside_a_stream_are_found() {
    let failed_response = r#"{"type":"response.failed","response":{"status":"failed","error":{"message":"boom"}}}"#;
    let chunk_with_error = concat!(
        r#"{"id":"c","object":"chat.completion.chunk","choices":[{"delta":{},"finish_reason":"error"}],"#,
        r#""error":{"message":"gone"}}"#
    );
    for (name, data, message) in [
        (
            "",
            r#"{"error":{"message":"overloaded","type":"server_error","code":"overloaded"}}"#,
            "overloaded",
        ),
        (
            "",
            r#"{"error":{"message":"bad key","type":"x","code":"401"}}"#,
            "bad key",
        ),
        ("", r#"{"error":"bad key"}"#, "bad key"),
        ("error", r#"{"message":"boom","type":"server_error"}"#, "boom"),
        ("error", r#"{"error":{"message":"boom"}}"#, "boom"),
        ("error", r#""boom""#, "boom"),
        ("error", "{}", "the service reported a failure inside HTTP 200"),
        (
            "",
            r#"{"type":"error","code":"ERR","message":"boom","param":null}"#,
            "boom",
        ),
        (
            "",
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
            "Overloaded",
        ),
        ("", r#"{"code":1002,"msg":"余额不足"}"#, "余额不足"),
        ("", chunk_with_error, "gone"),
        (
            "",
            r#"{"choices":[{"delta":{}}],"x_groq":{"id":"r","error":"over capacity"}}"#,
            "over capacity",
        ),
        ("response.failed", failed_response, "boom"),
        ("", failed_response, "boom"),
    ] {
        let error = event(name, data).expect(data);
        assert_eq!((error.message.as_str(), error.http_status), (message, 200), "{data}");
    }
    let error = event("", r#"{"error":{"message":"bad key","code":"401"}}"#).unwrap();
    assert_eq!(error.status, Status::Authentication);
    let error = event("", r#"{"type":"error","error":{"message":"x","type":"t"}}"#).unwrap();
    assert_eq!((error.status, error.kind.as_deref()), (Status::Service, Some("t")));
}

#[test]
fn good_events_are_no_failures() {
    let code = "response.code_interpreter_call_code.done";
    for (name, data) in [
        (
            "",
            r#"{"object":"chat.completion.chunk","choices":[{"delta":{"content":"he"}}],"error":null}"#,
        ),
        ("", r#"{"code":0,"msg":"","choices":[{"delta":{}}]}"#),
        // One thing of a response has failed, and not the response.
        (
            "response.steer.failed",
            r#"{"type":"response.steer.failed","error":{"code":"response_not_active","message":"too late"}}"#,
        ),
        ("", r#"{"choices":[],"usage":{"total_tokens":6}}"#),
        ("", r#"{"choices":[{"delta":{}}],"x_groq":{"id":"r","error":null}}"#),
        ("keepalive", "{}"),
        ("ping", r#"{"type":"ping"}"#),
        ("", "[]"),
        ("", "\"[DONE]\""),
        (code, &format!(r#"{{"type":"{code}","code":"print(1)","item_id":"i"}}"#)),
        (
            "response.completed",
            r#"{"type":"response.completed","response":{"status":"completed","error":null}}"#,
        ),
        (
            "thread.run.failed",
            r#"{"id":"r","object":"thread.run","last_error":{"message":"x"}}"#,
        ),
    ] {
        assert_eq!(event(name, data), None, "{data}");
    }
}
