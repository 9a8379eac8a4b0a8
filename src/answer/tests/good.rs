//! Good answers, and what is mended in them.
#![forbid(unsafe_code)]

use super::*;

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
        r#"{"choices":[{}],"error":"","error_code":0,"error_msg":""}"#,
        r#"{"choices":[{}],"base_resp":{"status_code":0,"status_msg":"success"}}"#,
        r#"{"header":{"code":0,"message":"Success","sid":"s"},"choices":[{}]}"#,
        r#"{"code":1001,"id":"c","choices":[{}]}"#,
        r#"{"created":"1680167072","usage":{"prompt_tokens":1.0},"choices":[{"finish_reason":"end_turn"}]}"#,
        r#"{"choices":[{}],"big":123456789012345678901234567890}"#,
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
fn an_answer_inside_an_envelope_is_taken_out_and_keeps_it() {
    let body = format!("{{\"code\":200,\"msg\":\"ok\",\"data\": {HI} ,\"big\":1.10}}");
    let open = HI.strip_suffix('}').unwrap();
    let unwrapped = format!("{open},\"_envelope\":{{\"code\":200,\"msg\":\"ok\",\"big\":1.10}}}}");
    assert_eq!(json(200, &body).unwrap(), unwrapped);
    assert_eq!(
        json(200, &format!("{{\"data\":{HI}}}")).unwrap(),
        format!("{open},\"_envelope\":{{}}}}")
    );
    let halves = r#"{"a":"\ud83d","data":{"choices":["\ud83d"]}}"#;
    let mended = r#"{"choices":["\ufffd"],"_envelope":{"a":"\ufffd"}}"#;
    assert_eq!(json(200, halves).unwrap(), mended);
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
    let job = r#"{"id":"ftjob-1","object":"fine_tuning.job","status":"failed","error":{"code":"x","message":"bad"}}"#;
    assert_eq!(of(job).unwrap(), job);
    let response = r#"{"id":"resp_1","object":"response","status":"failed","error":{"message":"boom"},"output":[]}"#;
    let error = of(response).unwrap_err();
    assert_eq!((error.status, error.message.as_str()), (Status::Service, "boom"));
}

#[test]
fn where_json_is_promised_it_may_be_an_array_but_nothing_less() {
    let of = |http_status, body: &str| judged(http_status, &[], body.as_bytes(), Expect::Json);
    assert_eq!(of(200, "[]").unwrap(), "[]");
    assert_eq!(of(204, "").unwrap(), "");
    for body in ["\"ok\"", "1", "null", ""] {
        assert_eq!(of(200, body).unwrap_err().status, Status::Protocol, "{body}");
    }
}

#[test]
fn nothing_that_is_sent_makes_it_panic() {
    let bodies = [
        &b""[..],
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
        b"{\"data\":{\"data\":{\"data\":{}}}}",
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
