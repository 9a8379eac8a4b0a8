//! Failures in whole answers.
#![forbid(unsafe_code)]

use super::*;

#[test]
fn a_failure_inside_a_success_is_found_in_every_shape() {
    let baidu = r#"{"error_code":17,"error_msg":"Open api daily request limit reached"}"#;
    let tencent = r#"{"Response":{"Error":{"Code":"AuthFailure","Message":"bad sign"},"RequestId":"r1"}}"#;
    for (body, message, code) in [
        (r#"{"code":1001,"msg":"余额不足"}"#, "余额不足", "1001"),
        (r#"{"code":1001,"msg":"余额不足","data":null}"#, "余额不足", "1001"),
        (r#"{"code":1001,"msg":"余额不足","data":{}}"#, "余额不足", "1001"),
        (r#"{"code":1001,"msg":"余额不足","id":"r1"}"#, "余额不足", "1001"),
        (
            r#"{"code":"rate_limit_daily","message":"429 - daily limit"}"#,
            "429 - daily limit",
            "rate_limit_daily",
        ),
        (r#"{"error":{"message":"bad","type":"x","code":"y"}}"#, "bad", "y"),
        (r#"{"error":"bad","code":"y"}"#, "bad", "y"),
        (r#"{"error":{"message":"bad","code":"y"},"choices":[{}]}"#, "bad", "y"),
        (r#"{"success":false,"message":"bad","code":"y","data":[]}"#, "bad", "y"),
        (baidu, "Open api daily request limit reached", "17"),
        (
            r#"{"base_resp":{"status_code":1004,"status_msg":"login fail"}}"#,
            "login fail",
            "1004",
        ),
        (r#"{"header":{"code":10013,"message":"bad","sid":"s"}}"#, "bad", "10013"),
        (tencent, "bad sign", "AuthFailure"),
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
    let body = concat!(
        r#"{"id":null,"choices":null,"created":null,"model":null,"object":null,"usage":null,"error":{"message":"#,
        r#""Provider returned error","code":429,"metadata":{"raw":"Too Many Requests"}},"user_id":"u"}"#
    );
    let error = refused(200, body);
    assert_eq!((error.status, error.http_status), (Status::RateLimited, 200));
    assert_eq!(
        (error.message.as_str(), error.code.as_deref()),
        ("Provider returned error", Some("429"))
    );
    assert_eq!(error.extra, [pair("metadata", r#"{"raw":"Too Many Requests"}"#)]);
    assert_eq!(
        refused(200, r#"{"code":"401","msg":"bad"}"#).status,
        Status::Authentication
    );
    // Outside of HTTP 200 the status itself counts.
    assert_eq!(refused(503, r#"{"code":401,"msg":"bad"}"#).status, Status::Server);
}

#[test]
fn a_failure_by_its_status_has_the_services_words() {
    let google = r#"[{"error":{"code":400,"message":"API key not valid","status":"INVALID_ARGUMENT"}}]"#;
    let fastapi = r#"{"detail":[{"loc":["body","model"],"msg":"field required","type":"missing"}]}"#;
    let vllm = r#"{"object":"error","message":"no model","type":"NotFoundError","param":null,"code":404}"#;
    let success_false = r#"{"success":false,"error":{"code":"INTERNAL","status":500,"message":"try later"}}"#;
    let databricks = r#"{"error_code":"INVALID_PARAMETER_VALUE","message":"Missing messages"}"#;
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
        (400, google, Status::BadRequest, "API key not valid", Some("400")),
        (400, fastapi, Status::BadRequest, "field required", None),
        (400, r#"{"detail":"no"}"#, Status::BadRequest, "no", None),
        (404, vllm, Status::NotFound, "no model", Some("404")),
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
        (500, success_false, Status::Server, "try later", Some("INTERNAL")),
        (
            400,
            databricks,
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
            422,
            r#"{"message":["one","two"]}"#,
            Status::Unprocessable,
            r#"["one","two"]"#,
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
    assert_eq!(refused(400, google).kind.as_deref(), Some("INVALID_ARGUMENT"));
    assert_eq!(refused(404, vllm).kind.as_deref(), Some("NotFoundError"));
    assert_eq!(refused(500, success_false).kind, None);
}

#[test]
fn words_that_stand_in_two_places_are_told_together() {
    for (body, message) in [
        (
            r#"{"error":"Bad Request","message":"no such field"}"#,
            "Bad Request: no such field",
        ),
        (
            r#"{"error":"Bad Request","message":["a","b"]}"#,
            r#"Bad Request: ["a","b"]"#,
        ),
        (
            r#"{"error":"invalid_token","error_description":"expired"}"#,
            "invalid_token: expired",
        ),
        (r#"{"error":"no","message":"no, thanks"}"#, "no, thanks"),
        (r#"{"error":"no, thanks","message":"no"}"#, "no, thanks"),
        (r#"{"error":{"message":"inside"},"message":"beside"}"#, "inside"),
        (r#"{"Message":"denied"}"#, "denied"),
        (r#"{"title":"Too many","status":400}"#, "Too many"),
        (r#"{"title":"Too many","detail":"of them"}"#, "of them"),
        (r#"{"detail":{"error":{"message":"inside"}}}"#, "inside"),
    ] {
        assert_eq!(refused(400, body).message, message, "{body}");
    }
    let volcengine = r#"{"ResponseMetadata":{"RequestId":"r","Error":{"Code":"c","Message":"m"}}}"#;
    let error = refused(400, volcengine);
    assert_eq!(
        (
            error.message.as_str(),
            error.code.as_deref(),
            error.request_id.as_deref()
        ),
        ("m", Some("c"), Some("r"))
    );
}

#[test]
fn a_failure_told_in_an_event_is_read() {
    let body = "id:1\nevent:error\n:HTTP_STATUS/400\ndata:{\"code\":\"c\",\"message\":\"m\"}\n\n";
    let error = chat(400, &[("content-type", "text/event-stream")], body.as_bytes()).unwrap_err();
    assert_eq!((error.message.as_str(), error.code.as_deref()), ("m", Some("c")));
    let error = chat(502, &[], b"data: no JSON\n\n").unwrap_err();
    assert_eq!(error.message, "data: no JSON");
}

#[test]
fn everything_that_a_service_says_of_a_failure_is_kept() {
    let body = concat!(
        r#"{"error":{"message":"m (request id: 2024abc)","type":"t","code":7,"param":"p","status":"X","hint":null,"#,
        r#""inner":{"a":1.10}},"request_id":null,"detail":[1]}"#
    );
    let error = refused(400, body);
    assert_eq!((error.kind.as_deref(), error.code.as_deref()), (Some("t"), Some("7")));
    assert_eq!(
        (error.param.as_deref(), error.request_id.as_deref()),
        (Some("p"), Some("2024abc"))
    );
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
    let tencent = refused(400, r#"{"Response":{"RequestId":"r1"}}"#);
    assert_eq!(tencent.request_id.as_deref(), Some("r1"));
}

#[test]
fn an_error_document_stays_small() {
    let long = "好".repeat(100_000);
    let body = format!(r#"{{"error":{{"message":"{long}","type":"{long}","x":"{long}"}},"request_id":"{long}"}}"#);
    assert!(refused(400, &body).to_json().len() < 4000);
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
        "<!DOCTYPE html><html><title>Just a moment...</title>{}</html>",
        "x".repeat(20_000)
    );
    let head = [("content-type", "text/html"), ("cf-mitigated", "challenge")];
    let error = chat(403, &head, challenge.as_bytes()).unwrap_err();
    assert_eq!(error.status, Status::Permission);
    assert_eq!(error.message, "HTTP 403, an HTML page: Just a moment...");
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
            (error.status, error.http_status),
            (Status::Protocol, http_status),
            "{body}"
        );
        assert_eq!(error.kind.as_deref(), Some("bad_response"), "{body}");
        assert!(error.message.contains(why), "{body}: {}", error.message);
        assert!(error.message.contains("application/json"), "{body}: {}", error.message);
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
fn a_whole_stream_that_nobody_asked_for_is_the_answer_or_the_failure_that_it_tells() {
    let stream = concat!(
        ": ping\n\ndata: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"h\"}}]}\n\n",
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"i\"},\"finish_reason\":\"stop\"}]}\n\n",
    );
    let joined = concat!(
        r#"{"id":"c","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"#,
        r#""finish_reason":"stop"}]}"#
    );
    for end in ["", "data: [DONE]\n\n", "data: [DONE]\n\ndata: more"] {
        assert_eq!(json(200, &format!("{stream}{end}")).unwrap(), joined);
    }
    let failed = format!("{stream}data: {{\"error\":{{\"message\":\"boom\",\"code\":503}}}}\n\n");
    let error = json(200, &failed).unwrap_err();
    assert_eq!((error.status, error.message.as_str()), (Status::Server, "boom"));
    for broken in [
        "data: {\"choices\":[{\"delta\":{}}]}\n\n",
        "data: {\n\n",
        "data: [DONE]\n\n",
        ": ping\n\n",
    ] {
        assert_eq!(json(200, broken).unwrap_err().status, Status::Protocol, "{broken}");
    }
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
        let told = "the answer is in GBK and not in UTF-8 (HTTP 200, ";
        assert!(error.message.starts_with(told), "{}", error.message);
    }
    let error = chat(500, &[], b"\xd3\xe0\xb6\xee\xb2\xbb\xd7\xe3").unwrap_err();
    assert_eq!(
        error.message,
        "HTTP 500; the service's words are in GBK and not in UTF-8"
    );
    // Declared but not true.
    let declared = [("content-type", "application/json; charset=gbk")];
    assert_eq!(chat(200, &declared, HI.as_bytes()).unwrap(), HI);
}

#[test]
fn a_redirect_says_where_it_leads() {
    for (http_status, location, told) in [
        (
            302,
            "https://login.example/?next=/v1",
            "HTTP 302: the service redirects to https://login.example/?next=/v1; ",
        ),
        (
            307,
            "http://127.0.0.1:18081/v1",
            "HTTP 307: the service redirects to http://127.0.0.1:18081/v1; ",
        ),
        (
            301,
            "https://me:hunter2@h/",
            "redirects to https://h/; only 307 and 308 within the same origin",
        ),
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
fn what_costs_money_is_known_by_its_codes_and_its_words() {
    // Google says this of requests per minute as well, where a wait does help.
    let google = r#"{"error":{"code":429,"message":"You exceeded your current quota, please check your plan"}}"#;
    for (http_status, body, billing) in [
        (
            429,
            r#"{"error":{"message":"x","type":"y","code":"insufficient_quota"}}"#,
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
            r#"{"error":{"message":"用户额度不足, 剩余额度: 0.00 (request id: 1)"}}"#,
            true,
        ),
        (
            429,
            r#"{"error":{"message":"Your account is in arrears","code":"Arrearage"}}"#,
            true,
        ),
        (429, google, false),
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
fn what_would_nest_too_deeply_in_the_document_is_left_out_or_refused() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    for (depth, has_detail) in [(1022, true), (1023, false)] {
        let error = refused(400, &format!("{{\"detail\":{}}}", nested(depth)));
        assert!(Value::parse(error.to_json().as_bytes()).is_ok(), "{depth}");
        assert_eq!(error.extra.iter().any(|(name, _)| name == "detail"), has_detail);
    }
    let around = |depth| format!("{{\"data\":{HI},\"x\":{}}}", nested(depth));
    assert!(Value::parse(json(200, &around(1022)).unwrap().as_bytes()).is_ok());
    let events = |depth| {
        let item = nested(depth);
        format!(
            "data: {{\"type\":\"response.output_item.done\",\"item\":{item}}}\n\n\
             data: {{\"type\":\"response.completed\",\"response\":{{}}}}\n\n"
        )
    };
    assert!(judged(200, &[], events(1022).as_bytes(), Expect::Json).is_ok());
    for error in [
        refused(200, &around(1023)),
        judged(200, &[], events(1023).as_bytes(), Expect::Json).unwrap_err(),
    ] {
        assert_eq!(error.status, Status::Protocol);
        assert!(
            error.message.contains("nested more than 1024 deep"),
            "{}",
            error.message
        );
    }
}
