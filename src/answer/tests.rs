//! Answers as services were seen to give them, and what is made of each.
#![forbid(unsafe_code)]

use super::*;

/// An answer to a chat completion.
fn chat(http_status: u16, headers: &[(&str, &str)], body: &[u8]) -> Result<String> {
    judged(http_status, headers, body, Expect::Choices)
}

fn judged(http_status: u16, headers: &[(&str, &str)], body: &[u8], expect: Expect) -> Result<String> {
    let json = judge(http_status, &Headers::from_pairs(headers), body, expect)?;
    Ok(String::from_utf8(json.into_owned()).unwrap())
}

fn json(http_status: u16, body: &str) -> Result<String> {
    chat(http_status, &[("content-type", "application/json")], body.as_bytes())
}

fn refused(http_status: u16, body: &str) -> Error {
    json(http_status, body).expect_err(body)
}

fn event(name: &str, data: &str) -> Option<Error> {
    failure_in_event(name, Value::parse(data.as_bytes()).unwrap(), &Headers::default())
}

const HI: &str = r#"{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],"usage":{"total_tokens":2}}"#;

#[test]
fn a_good_answer_is_handed_on_as_it_came() {
    for body in [
        HI,
        r#"{"id":"as-bcmt5ct4iy","created":1680167072,"choices":[{"message":{"content":"1+100=101"}}],"usage":{}}"#,
        r#"{"code":0,"msg":"","choices":[{}]}"#,
        r#"{"code":"0","message":"success","choices":[{}]}"#,
        r#"{"code":200,"msg":"ok","choices":[{}],"error":null}"#,
        r#"{"code":"SUCCESS","success":true,"choices":[{}],"error":{}}"#,
        r#"{"choices":[{}],"error":{"message":"","type":"","param":"","code":null}}"#,
        r#"{"choices":[{}],"error":"","error_code":0,"error_msg":"","base_resp":{"status_code":0,"status_msg":"success"}}"#,
        r#"{"header":{"code":0,"message":"Success","sid":"s"},"choices":[{}]}"#,
        r#"{"code":1001,"id":"c","choices":[{}]}"#,
        r#"{"created":"1680167072","usage":{"prompt_tokens":1.0,"big":123456789012345678901234567890},"choices":[{"finish_reason":"end_turn"}],"service_tier":"on_demand"}"#,
        r#"{"choices":[]}"#,
    ] {
        let answer = judge(200, &Headers::default(), body.as_bytes(), Expect::Choices).expect(body);
        assert!(
            matches!(answer, Cow::Borrowed(bytes) if bytes.as_ptr() == body.as_ptr()),
            "{body}"
        );
        assert_eq!(answer, body.as_bytes());
    }
}

#[test]
fn what_surrounds_an_answer_does_not_matter_nor_does_its_content_type() {
    for body in [format!("\u{feff}{HI}"), format!("\n\n  \n{HI}"), format!("{HI}\n\n")] {
        for content_type in [
            "application/json",
            "text/plain; charset=utf-8",
            "text/html",
            "text/event-stream",
        ] {
            assert_eq!(
                chat(200, &[("content-type", content_type)], body.as_bytes()).unwrap(),
                HI
            );
        }
    }
}

#[test]
fn a_failure_inside_a_success_is_found_in_every_shape() {
    for (body, message, code) in [
        (r#"{"code":1001,"msg":"余额不足"}"#, "余额不足", "1001"),
        (r#"{"code":1001,"msg":"余额不足","data":null}"#, "余额不足", "1001"),
        (r#"{"code":1001,"msg":"余额不足","data":{}}"#, "余额不足", "1001"),
        (r#"{"code":1001,"msg":"余额不足","id":"r1"}"#, "余额不足", "1001"),
        (
            r#"{"code":"rate_limit_daily","message":"Error code: 429 - daily limit"}"#,
            "Error code: 429 - daily limit",
            "rate_limit_daily",
        ),
        (r#"{"error":{"message":"bad","type":"x","code":"y"}}"#, "bad", "y"),
        (r#"{"error":"bad","code":"y"}"#, "bad", "y"),
        (r#"{"error":{"message":"bad","code":"y"},"choices":[{}]}"#, "bad", "y"),
        (r#"{"success":false,"message":"bad","code":"y","data":[]}"#, "bad", "y"),
        (
            r#"{"error_code":17,"error_msg":"Open api daily request limit reached"}"#,
            "Open api daily request limit reached",
            "17",
        ),
        (
            r#"{"base_resp":{"status_code":1004,"status_msg":"login fail"}}"#,
            "login fail",
            "1004",
        ),
        (r#"{"header":{"code":10013,"message":"bad","sid":"s"}}"#, "bad", "10013"),
        (
            r#"{"Response":{"Error":{"Code":"AuthFailure","Message":"bad sign"},"RequestId":"r1"}}"#,
            "bad sign",
            "AuthFailure",
        ),
        (r#"[{"error":{"code":"y","message":"bad"}}]"#, "bad", "y"),
        (r#"{"object":"error","message":"bad","code":40303}"#, "bad", "40303"),
        (
            r#"{"code":200,"data":{"error":{"message":"bad","code":"y"}}}"#,
            "bad",
            "y",
        ),
    ] {
        let error = refused(200, body);
        assert_eq!((error.status, error.http_status), (Status::Service, 200), "{body}");
        assert_eq!(
            (error.message.as_str(), error.code.as_deref()),
            (message, Some(code)),
            "{body}"
        );
        assert_eq!(error.body, None);
    }
}

#[test]
fn a_code_that_is_an_http_status_says_what_kind_of_failure_it_is() {
    let body = r#"{"id":null,"choices":null,"created":null,"model":null,"object":null,"usage":null,"error":{"message":"Provider returned error","code":429,"metadata":{"raw":"Too Many Requests","provider_name":"P"}},"user_id":"u"}"#;
    let error = refused(200, body);
    assert_eq!((error.status, error.http_status), (Status::RateLimited, 200));
    assert_eq!(error.message, "Provider returned error");
    assert_eq!(error.code.as_deref(), Some("429"));
    let metadata = r#"{"raw":"Too Many Requests","provider_name":"P"}"#;
    assert_eq!(error.extra, [("metadata".to_owned(), metadata.to_owned())]);
    assert_eq!(
        refused(200, r#"{"code":"401","msg":"bad"}"#).status,
        Status::Authentication
    );
    // Outside of HTTP 200 the status itself counts.
    assert_eq!(refused(503, r#"{"code":401,"msg":"bad"}"#).status, Status::Server);
}

#[test]
fn a_failure_by_its_status_has_the_services_words() {
    for (http_status, body, status, message, code) in [
        (
            401,
            r#"{"error":"invalid api key"}"#,
            Status::Authentication,
            "invalid api key",
            None,
        ),
        (
            401,
            r#"{"code":401,"msg":"无效的令牌"}"#,
            Status::Authentication,
            "无效的令牌",
            Some("401"),
        ),
        (
            400,
            r#"[{"error":{"code":400,"message":"API key not valid","status":"INVALID_ARGUMENT"}}]"#,
            Status::BadRequest,
            "API key not valid",
            Some("400"),
        ),
        (
            400,
            r#"{"detail":[{"loc":["body","model"],"msg":"field required","type":"missing"}]}"#,
            Status::BadRequest,
            "field required",
            None,
        ),
        (400, r#"{"detail":"no"}"#, Status::BadRequest, "no", None),
        (
            404,
            r#"{"object":"error","message":"model not found","type":"NotFoundError","param":null,"code":404}"#,
            Status::NotFound,
            "model not found",
            Some("404"),
        ),
        (
            400,
            r#"{"error":{"message":null,"type":null,"code":null}}"#,
            Status::BadRequest,
            "HTTP 400",
            None,
        ),
        (
            400,
            r#""rate limit reached""#,
            Status::BadRequest,
            "rate limit reached",
            None,
        ),
        (
            500,
            r#"{"success":false,"error":{"code":"INTERNAL","status":500,"message":"try later"}}"#,
            Status::Server,
            "try later",
            Some("INTERNAL"),
        ),
        (
            400,
            r#"{"error_code":"INVALID_PARAMETER_VALUE","message":"Missing messages"}"#,
            Status::BadRequest,
            "Missing messages",
            Some("INVALID_PARAMETER_VALUE"),
        ),
        (
            422,
            r#"{"errors":[{"message":"one"},{"message":"two"}]}"#,
            Status::Unprocessable,
            "one",
            None,
        ),
        (
            409,
            r#"{"error":{"message":{"why":"a"}}}"#,
            Status::Conflict,
            r#"{"why":"a"}"#,
            None,
        ),
        (403, r#"{"err":"no"}"#, Status::Permission, "no", None),
        (429, "", Status::RateLimited, "HTTP 429", None),
        (500, r#"{"choices":[]}"#, Status::Server, "HTTP 500", None),
        (
            500,
            "upstream connect error",
            Status::Server,
            "upstream connect error",
            None,
        ),
        (502, "{\"broken", Status::Server, "{\"broken", None),
    ] {
        let error = refused(http_status, body);
        assert_eq!((error.status, error.http_status), (status, http_status), "{body}");
        assert_eq!(
            (error.message.as_str(), error.code.as_deref()),
            (message, code),
            "{body}"
        );
    }
}

#[test]
fn everything_that_a_service_says_of_a_failure_is_kept() {
    let body = r#"{"error":{"message":"m (request id: 2024abc)","type":"t","code":7,"param":"p","status":"X","hint":null,"inner":{"a":1.10}},"request_id":null,"detail":[1]}"#;
    let error = refused(400, body);
    assert_eq!(
        (error.kind.as_deref(), error.code.as_deref(), error.param.as_deref()),
        (Some("t"), Some("7"), Some("p"))
    );
    assert_eq!(error.request_id.as_deref(), Some("2024abc"));
    let pair = |name: &str, json: &str| (name.to_owned(), json.to_owned());
    assert_eq!(error.extra, [pair("inner", r#"{"a":1.10}"#), pair("detail", "[1]")]);

    let head = [
        ("X-Oneapi-Request-Id", "one"),
        ("Retry-After", "1.5"),
        ("X-RateLimit-Remaining-Requests", "0"),
        ("x-ratelimit-reset-requests", "6m0s"),
    ];
    let error = chat(429, &head, br#"{"error":{"message":"slow down"},"request_id":"two"}"#).unwrap_err();
    assert_eq!(
        (error.request_id.as_deref(), error.retry_after_ms),
        (Some("one"), Some(1500))
    );
    let limits = r#"{"x-ratelimit-remaining-requests":"0","x-ratelimit-reset-requests":"6m0s"}"#;
    assert_eq!(error.extra, [pair("rate_limit", limits)]);
    assert_eq!(
        refused(400, r#"{"Response":{"RequestId":"r1"}}"#).request_id.as_deref(),
        Some("r1")
    );
}

#[test]
fn an_error_document_stays_small() {
    let long = "好".repeat(100_000);
    let error = refused(
        400,
        &format!(r#"{{"error":{{"message":"{long}","type":"{long}","x":"{long}"}},"request_id":"{long}"}}"#),
    );
    assert!(error.to_json().len() < 4000);
    let members: Vec<String> = (0..100_000).map(|i| format!("\"m{i}\":1")).collect();
    assert!(
        refused(400, &format!(r#"{{"error":{{{}}}}}"#, members.join(",")))
            .to_json()
            .len()
            < 10_000
    );
    let error = chat(500, &[("x-ratelimit-a", &"a".repeat(100_000))], long.as_bytes()).unwrap_err();
    assert!(error.to_json().len() < 6000);
}

#[test]
fn a_page_of_html_becomes_its_title() {
    let page = "<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body>203.0.113.9</body></html>";
    let html = [("content-type", "text/html; charset=utf-8")];
    let error = chat(200, &html, page.as_bytes()).unwrap_err();
    assert_eq!(error.status, Status::Protocol);
    assert_eq!(
        error.message,
        "the answer is an HTML page: 502 Bad Gateway (HTTP 200, text/html; charset=utf-8)"
    );
    assert_eq!(
        (error.kind.as_deref(), error.body.as_deref()),
        (Some("bad_response"), Some("502 Bad Gateway"))
    );

    let error = json(200, "<html><body>login</body></html>").unwrap_err();
    assert_eq!((error.status, error.body.as_deref()), (Status::Protocol, Some("login")));

    let challenge = format!(
        "<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>{}</body></html>",
        "x".repeat(20_000)
    );
    let error = chat(
        403,
        &[("content-type", "text/html"), ("cf-mitigated", "challenge")],
        challenge.as_bytes(),
    )
    .unwrap_err();
    assert_eq!(
        (error.status, error.message.as_str()),
        (Status::Permission, "HTTP 403, an HTML page: Just a moment...")
    );
    assert!(error.to_json().len() < 300);
}

#[test]
fn a_success_without_content_is_a_failure() {
    for (http_status, body, why) in [
        (200, "", "the answer is empty (HTTP 200"),
        (204, "", "the answer is empty (HTTP 204"),
        (200, "  \r\n", "the answer is empty"),
        (
            200,
            "unsupported model: MiniMax/M2",
            "is not JSON: unsupported model: MiniMax/M2 (HTTP 200",
        ),
        (
            200,
            r#"{"id":"c","choices":null}"#,
            "without \"choices\": {\"id\":\"c\"",
        ),
        (200, r#"{"id":"c"}"#, "without \"choices\""),
        (200, r#"{"choices":{}}"#, "without \"choices\""),
        (200, "[]", "an array where an object was promised"),
        (200, "\"ok\"", "a string where an object was promised: \"ok\""),
        (
            200,
            r#"{"created":NaN,"choices":[{}]}"#,
            "not JSON (line 1, column 12: ",
        ),
        (
            200,
            r#"{"choices":[{"message":{"content":"hel"#,
            "not JSON (line 1, column ",
        ),
    ] {
        let error = json(http_status, body).expect_err(body);
        assert_eq!(
            (error.status, error.http_status, error.kind.as_deref()),
            (Status::Protocol, http_status, Some("bad_response"))
        );
        assert!(
            error.message.contains(why) && error.message.contains("application/json"),
            "{body}: {}",
            error.message
        );
        assert_eq!(error.body.is_some(), !body.trim().is_empty(), "{body}");
    }
}

#[test]
fn a_stream_that_nobody_asked_for_is_called_by_its_name() {
    let error = chat(
        200,
        &[("content-type", "text/event-stream")],
        b"data: {\"choices\":[]}\n\n",
    )
    .unwrap_err();
    assert!(
        error.message.contains("an event stream, which nobody asked for"),
        "{}",
        error.message
    );
    assert_eq!(error.body.as_deref(), Some("data: {\"choices\":[]}"));
}

#[test]
fn an_answer_inside_an_envelope_is_taken_out_and_keeps_it() {
    let body = format!("{{\"code\":200,\"msg\":\"ok\",\"data\": {HI} ,\"big\":1.10}}");
    let open = HI.strip_suffix('}').unwrap();
    assert_eq!(
        json(200, &body).unwrap(),
        format!("{open},\"_envelope\":{{\"code\":200,\"msg\":\"ok\",\"big\":1.10}}}}")
    );
    // Elsewhere `data` is the answer's own.
    assert_eq!(judged(200, &[], body.as_bytes(), Expect::Json).unwrap(), body);
    assert!(json(200, r#"{"code":200,"data":{"id":"x"}}"#).is_err());
}

#[test]
fn what_is_wrong_in_a_text_is_mended_and_nothing_else() {
    assert_eq!(
        json(200, r#"{"choices":[{"a":"\ud83d"}]}"#).unwrap(),
        r#"{"choices":[{"a":"\ufffd"}]}"#
    );
    assert_eq!(
        chat(200, &[], b"{\"choices\":[{\"a\":\"x\xffy\"}]}").unwrap(),
        "{\"choices\":[{\"a\":\"x\u{fffd}y\"}]}"
    );
    // 你好, its last byte cut off.
    assert_eq!(
        chat(200, &[], b"{\"choices\":[\"\xe4\xbd\xa0\xe5\xa5\"]}").unwrap(),
        "{\"choices\":[\"你\u{fffd}\"]}"
    );
}

#[test]
fn an_answer_in_gbk_is_told_to_be_one() {
    let gbk = b"{\"choices\":[{\"message\":{\"content\":\"\xc4\xe3\xba\xc3\"}}]}";
    for content_type in [
        "application/json; charset=gbk",
        "application/json;charset=\"GB2312\"",
        "application/json",
    ] {
        let error = chat(200, &[("content-type", content_type)], gbk).unwrap_err();
        assert_eq!(error.status, Status::Protocol);
        assert!(
            error
                .message
                .starts_with("the answer is in GBK and not in UTF-8 (HTTP 200, "),
            "{}",
            error.message
        );
    }
    let error = chat(500, &[], b"\xd3\xe0\xb6\xee\xb2\xbb\xd7\xe3").unwrap_err();
    assert_eq!(
        error.message,
        "HTTP 500; the service's words are in GBK and not in UTF-8"
    );
    // Declared but not true.
    assert_eq!(
        chat(200, &[("content-type", "application/json; charset=gbk")], HI.as_bytes()).unwrap(),
        HI
    );
}

#[test]
fn a_redirect_says_where_it_leads() {
    for (http_status, location, told) in [
        (
            302,
            "https://login.example/?next=/v1",
            "HTTP 302: the service redirects to https://login.example/?next=/v1; only 307",
        ),
        (
            307,
            "http://127.0.0.1:18081/v1",
            "HTTP 307: the service redirects to http://127.0.0.1:18081/v1; only 307",
        ),
        (301, "https://me:hunter2@h/", "redirects to https://h/; only 307"),
        (304, "", "HTTP 304 is no answer"),
    ] {
        let error = chat(http_status, &[("location", location)], b"").unwrap_err();
        assert_eq!((error.status, error.http_status), (Status::Protocol, http_status));
        assert!(error.message.contains(told), "{}", error.message);
    }
}

#[test]
fn an_interface_that_a_gateway_lacks_is_told_as_such() {
    for (http_status, body) in [
        (404, "404 page not found"),
        (404, ""),
        (501, "<html><title>501</title></html>"),
    ] {
        let error = refused(http_status, body);
        assert_eq!(error.kind.as_deref(), Some("not_supported_by_gateway"));
        assert!(error.message.contains("no such interface"), "{}", error.message);
    }
    assert_eq!(refused(404, r#"{"error":{"message":"no such model"}}"#).kind, None);
}

#[test]
fn where_anything_is_allowed_files_and_texts_pass_and_failures_do_not() {
    let any = |content_type: &str, body: &[u8]| judged(200, &[("content-type", content_type)], body, Expect::Any);
    for (content_type, body) in [
        ("audio/mpeg", &b"\xff\xfb\x90\x00"[..]),
        ("application/octet-stream", b"\x00\x01"),
        ("application/octet-stream", b"{\"id\":1}\n{\"id\":2}\n"),
        ("application/octet-stream", b"<html>stored</html>"),
        ("text/plain", b"1\n00:00:01,000 --> 00:00:02,000\nhello\n"),
        ("text/plain", b"caf\xe9"),
        ("", b""),
        ("application/json", b""),
    ] {
        assert_eq!(any(content_type, body).unwrap(), "", "{content_type} {body:?}");
    }
    for (content_type, body) in [
        ("application/json", HI),
        ("application/json", "\"text\""),
        ("application/octet-stream", r#"{"error":{"message":"stored"}}"#),
        ("application/jsonl", r#"{"custom_id":"1","error":{"message":"stored"}}"#),
    ] {
        assert_eq!(any(content_type, body.as_bytes()).unwrap(), body);
    }
    for (content_type, body, status) in [
        ("application/json", r#"{"code":1001,"msg":"余额不足"}"#, Status::Service),
        ("audio/mpeg", r#"{"error":{"message":"bad voice"}}"#, Status::Service),
        ("text/html", "<html><title>login</title></html>", Status::Protocol),
        ("application/json", "{\"a\":NaN}", Status::Protocol),
    ] {
        assert_eq!(any(content_type, body.as_bytes()).unwrap_err().status, status, "{body}");
    }
}

#[test]
fn a_thing_that_has_failed_on_its_own_is_a_good_answer() {
    let of = |body: &str| judged(200, &[], body.as_bytes(), Expect::Json);
    let job =
        r#"{"id":"ftjob-1","object":"fine_tuning.job","status":"failed","error":{"code":"x","message":"bad file"}}"#;
    assert_eq!(of(job).unwrap(), job);
    let response = r#"{"id":"resp_1","object":"response","status":"failed","error":{"code":"server_error","message":"boom"},"output":[]}"#;
    let error = of(response).unwrap_err();
    assert_eq!((error.status, error.message.as_str()), (Status::Service, "boom"));
    assert!(of("\"ok\"").is_err() && of("").is_err() && of("[]").is_ok());
    assert_eq!(judged(204, &[], b"", Expect::Json).unwrap(), "");
}

#[test]
fn failures_inside_a_stream_are_found() {
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
        (
            "",
            r#"{"id":"c","object":"chat.completion.chunk","choices":[{"delta":{},"finish_reason":"error"}],"error":{"message":"gone"}}"#,
            "gone",
        ),
        (
            "response.failed",
            r#"{"type":"response.failed","response":{"status":"failed","error":{"message":"boom"}}}"#,
            "boom",
        ),
        (
            "",
            r#"{"type":"response.failed","response":{"status":"failed","error":{"message":"boom"}}}"#,
            "boom",
        ),
    ] {
        let error = event(name, data).expect(data);
        assert_eq!((error.message.as_str(), error.http_status), (message, 200), "{data}");
    }
    assert_eq!(
        event("", r#"{"error":{"message":"bad key","code":"401"}}"#)
            .unwrap()
            .status,
        Status::Authentication
    );
    assert_eq!(
        event("", r#"{"error":{"message":"x","type":"t"}}"#)
            .unwrap()
            .kind
            .as_deref(),
        Some("t")
    );
}

#[test]
fn good_events_are_no_failures() {
    for (name, data) in [
        (
            "",
            r#"{"id":"c1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"he"}}],"error":null}"#,
        ),
        ("", r#"{"code":0,"msg":"","choices":[{"delta":{}}]}"#),
        ("", r#"{"choices":[],"usage":{"total_tokens":6}}"#),
        ("keepalive", "{}"),
        ("ping", r#"{"type":"ping"}"#),
        ("", "[]"),
        ("", "\"[DONE]\""),
        (
            "response.code_interpreter_call_code.done",
            r#"{"type":"response.code_interpreter_call_code.done","code":"print(1)","item_id":"i"}"#,
        ),
        (
            "response.completed",
            r#"{"type":"response.completed","response":{"status":"completed","error":null}}"#,
        ),
        (
            "thread.run.failed",
            r#"{"id":"r","object":"thread.run","status":"failed","last_error":{"message":"x"}}"#,
        ),
    ] {
        assert_eq!(event(name, data), None, "{data}");
    }
}

#[test]
fn what_costs_money_is_known_by_its_codes_and_its_words() {
    for (http_status, body, billing) in [
        (
            429,
            r#"{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","code":"insufficient_quota"}}"#,
            true,
        ),
        (
            429,
            r#"{"error":{"message":"x","type":"insufficient_quota","code":null}}"#,
            true,
        ),
        (
            400,
            r#"{"error":{"message":"x","code":"billing_hard_limit_reached"}}"#,
            true,
        ),
        (402, r#"{"error":{"message":"Insufficient Balance"}}"#, true),
        (402, "", true),
        (200, r#"{"code":1001,"msg":"余额不足"}"#, true),
        (
            403,
            r#"{"error":{"message":"用户额度不足, 剩余额度: ＄0.00 (request id: 1)","type":"new_api_error"}}"#,
            true,
        ),
        (
            429,
            r#"{"error":{"message":"Your account is in arrears","code":"Arrearage"}}"#,
            true,
        ),
        // A limit of requests per minute, in words that also serve for money.
        (
            429,
            r#"{"error":{"code":429,"message":"You exceeded your current quota, please check your plan","status":"RESOURCE_EXHAUSTED"}}"#,
            false,
        ),
        (
            429,
            r#"{"error":{"message":"Rate limit reached","code":"rate_limit_exceeded"}}"#,
            false,
        ),
        (500, "", false),
    ] {
        assert_eq!(is_billing(&refused(http_status, body)), billing, "{body}");
    }
}

#[test]
fn nothing_that_is_sent_makes_it_panic() {
    let bodies: [&[u8]; 12] = [
        b"",
        b"{",
        b"[",
        b"\"",
        b"null",
        b"0",
        b"\xff",
        b"\xef\xbb\xbf",
        b"<",
        b"<title",
        b"{\"error\":",
        b"{\"data\":{\"choices\":[]}}",
    ];
    let headers = Headers::from_pairs(&[
        ("content-type", "; charset="),
        ("location", "//@"),
        ("retry-after", "1e400"),
    ]);
    for body in bodies {
        for http_status in [0, 100, 200, 204, 299, 302, 400, 501, 599, 600, u16::MAX] {
            for expect in [Expect::Any, Expect::Json, Expect::Choices] {
                let _ = judge(http_status, &headers, body, expect).map_err(|error| error.to_json());
            }
        }
    }
}
