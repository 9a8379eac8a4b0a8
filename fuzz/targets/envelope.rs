//! Judging answers: what comes out is JSON that keeps its promise or a failure that says something; what surrounds an answer changes
//! nothing; a member `error` is never overlooked.
#![no_main]

use kuai::error::{Error, Status};
use kuai::headers::Headers;
use kuai::inner::answer::{self, Expect};
use kuai::json::{Kind, Value};
use kuai_fuzz::{Choices, assert_json};
use libfuzzer_sys::fuzz_target;

const TYPES: [&str; 6] = [
    "application/json",
    "text/html; charset=gbk",
    "text/event-stream",
    "application/octet-stream",
    "text/plain",
    "",
];

fuzz_target!(|input: &[u8]| {
    let mut choices = Choices::of(input);
    let http_status = [200, 200, 200, 201, 204, 302, 400, 404, 429, 500, 501][usize::from(choices.byte()) % 11];
    let content_type = TYPES[usize::from(choices.byte()) % TYPES.len()];
    let expect = [Expect::Choices, Expect::Json, Expect::Any][usize::from(choices.byte()) % 3];
    let name = String::from_utf8_lossy(choices.line());
    let body = choices.rest();
    let headers = Headers::from_pairs(&[("content-type", content_type)]);
    let judged = answer::judge(http_status, &headers, body, expect);
    check(&judged, http_status, expect);

    let surrounded = [b"\xef\xbb\xbf \r\n", body, b"\n "].concat();
    let again = answer::judge(http_status, &headers, &surrounded, expect);
    match (&judged, &again) {
        (Ok(one), Ok(other)) => assert_eq!(one, other),
        (Err(one), Err(other)) => assert_eq!(one.status, other.status),
        _ => panic!("{judged:?} became {again:?}"),
    }

    let Ok(value) = Value::parse(body) else { return };
    if let Some(error) = answer::failure_in_event(&name, value, &headers) {
        check_error(&error);
        assert!(!answer::is_harmless_event(&name, value, 0));
    }
    if value.kind() == Kind::Object && value.get("error").is_none() {
        let inside = &value.raw()[1..];
        let comma: &[u8] = if value.members().next().is_some() { b"," } else { b"" };
        // A thing of the service's that has failed on its own tells so in a good answer, unless a chat was asked for.
        let may_be_thing = ["id", "object", "status"].iter().all(|name| value.get(name).is_some());
        let expect = if may_be_thing { Expect::Choices } else { expect };
        let failed = [br#"{"error":{"message":"boom"}"#, comma, inside].concat();
        let at_200 = Headers::from_pairs(&[("content-type", "application/json")]);
        let told = answer::judge(200, &at_200, &failed, expect).expect_err("an error is no answer");
        assert_eq!(told.message, "boom");
        // An event such as `response.steer.failed` tells of one thing that has failed, and the stream goes on.
        if name != "error" && body.windows(7).any(|bytes| bytes == b".failed") {
            return;
        }
        let failed = Value::parse(&failed).expect("JSON");
        let told = answer::failure_in_event(&name, failed, &headers).expect("an error is no chunk");
        assert_eq!(told.message, "boom");
    }
});

fn check(judged: &Result<std::borrow::Cow<'_, [u8]>, Error>, http_status: u16, expect: Expect) {
    match judged {
        Ok(json) if json.is_empty() => assert!(expect == Expect::Any || http_status == 204),
        Ok(json) => {
            assert!(http_status < 300);
            assert_json(json);
            let value = Value::parse(json).expect("JSON");
            // By the name as it is written: no service escapes it.
            let choices = value.members().filter(|(key, _)| key.raw() == b"choices").last();
            let choices = choices.map(|(_, value)| value.kind());
            assert!(expect != Expect::Choices || choices == Some(Kind::Array), "{choices:?}");
        }
        Err(error) => check_error(error),
    }
}

fn check_error(error: &Error) {
    assert!(
        !matches!(error.status, Status::Ok | Status::Done | Status::Internal),
        "{error}"
    );
    assert!(!error.message.is_empty());
    let json = error.to_json();
    assert_json(json.as_bytes());
    // 2 KB for each of the texts, six bytes for a byte that has to be escaped.
    assert!(json.len() < 100_000, "{} bytes", json.len());
}
