//! Whether a webhook comes from the service, by the rules of <https://www.standardwebhooks.com>.
#![forbid(unsafe_code)]

use crate::error::{Error, Result, Status};
use crate::json::{Kind, Value};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use std::borrow::Cow;

/// Checks the signature, then the time; `now_s` is the receiver's clock in seconds since 1970.
pub fn verify(secret: &str, headers: Value<'_>, body: &[u8], tolerance_s: i64, now_s: i64) -> Result<()> {
    let key = key(secret)?;
    check_arguments(headers, tolerance_s)?;
    let [id, timestamp, signatures] =
        ["webhook-id", "webhook-timestamp", "webhook-signature"].map(|name| header(headers, name));
    let (id, timestamp, signatures) = (id?, timestamp?, signatures?);
    let sent_s: i64 = timestamp
        .parse()
        .map_err(|_| refused("webhook-timestamp is not a number"))?;
    let expected = sign(&key, &[id.as_bytes(), b".", timestamp.as_bytes(), b".", body]);
    if !signatures
        .split_ascii_whitespace()
        .any(|signature| matches(&key, signature, &expected))
    {
        return Err(refused("no signature in webhook-signature is right"));
    }
    if now_s.abs_diff(sent_s) > tolerance_s.unsigned_abs() {
        let apart = now_s.abs_diff(sent_s);
        return Err(Error::new(
            Status::Timeout,
            format!("the webhook's time and this clock are {apart} s apart"),
        ));
    }
    Ok(())
}

fn check_arguments(headers: Value<'_>, tolerance_s: i64) -> Result<()> {
    if !matches!(headers.kind(), Kind::Object | Kind::Array) {
        let found = format!(
            "is {}, not an object or an array of [name, value] pairs",
            headers.kind().name()
        );
        return Err(Error::argument("headers_json", found));
    }
    if tolerance_s < 0 {
        return Err(Error::argument("tolerance_s", "is negative"));
    }
    Ok(())
}

/// The key in a secret: base64 behind `whsec_`, else its bytes, as the official SDKs read it.
fn key(secret: &str) -> Result<hmac::Key> {
    let secret = secret.trim();
    let bytes = match secret.strip_prefix("whsec_") {
        Some(encoded) => STANDARD
            .decode(encoded)
            .map_err(|_| Error::argument("secret", "is not base64 behind \"whsec_\""))?,
        None => secret.as_bytes().to_vec(),
    };
    if bytes.is_empty() {
        return Err(Error::argument("secret", "is empty"));
    }
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &bytes))
}

/// The value of a header, in any case; several are joined by a blank, as signatures are.
fn header(headers: Value<'_>, name: &str) -> Result<String> {
    let mut found = Vec::new();
    for (key, value) in headers.members() {
        if key.decode().eq_ignore_ascii_case(name) {
            found.extend(texts(value));
        }
    }
    for pair in headers.items() {
        let mut pair = pair.items();
        let key = pair.next().and_then(Value::as_str);
        if let (Some(key), Some(value)) = (key, pair.next())
            && key.eq_ignore_ascii_case(name)
        {
            found.extend(texts(value));
        }
    }
    if found.is_empty() {
        Err(refused(&format!("{name} is missing")))
    } else {
        Ok(found.join(" "))
    }
}

/// A string, or each string of an array: some servers' header maps have a list behind each name.
fn texts(value: Value<'_>) -> impl Iterator<Item = Cow<'_, str>> {
    value
        .as_str()
        .into_iter()
        .chain(value.items().filter_map(Value::as_str))
}

fn sign(key: &hmac::Key, parts: &[&[u8]]) -> hmac::Tag {
    let mut context = hmac::Context::with_key(key);
    for part in parts {
        context.update(part);
    }
    context.sign()
}

/// Whether `signature` is `v1,` and the expected tag in base64.
///
/// What is compared are MACs of the two, in constant time: how long it takes tells nothing about the tag.
fn matches(key: &hmac::Key, signature: &str, expected: &hmac::Tag) -> bool {
    let given = signature
        .strip_prefix("v1,")
        .and_then(|encoded| STANDARD.decode(encoded).ok());
    given.is_some_and(|given| hmac::verify(key, &given, hmac::sign(key, expected.as_ref()).as_ref()).is_ok())
}

fn refused(message: &str) -> Error {
    Error::new(Status::Authentication, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    // The example of the Standard Webhooks specification's reference libraries.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const TIME: i64 = 1_614_265_330;
    const BODY: &[u8] = b"{\"test\": 2432232314}";
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    fn object(signature: &str) -> String {
        format!(r#"{{"Webhook-Id":"{ID}","WEBHOOK-TIMESTAMP":"{TIME}","webhook-signature":"{signature}","x":1}}"#)
    }

    fn status(secret: &str, headers: &str, body: &[u8], tolerance_s: i64, now_s: i64) -> Status {
        let headers = Value::parse(headers.as_bytes()).unwrap();
        verify(secret, headers, body, tolerance_s, now_s).map_or_else(|error| error.status, |()| Status::Ok)
    }

    #[test]
    fn the_specifications_example_is_right_and_nothing_else_is() {
        assert_eq!(status(SECRET, &object(SIGNATURE), BODY, 300, TIME), Status::Ok);
        assert_eq!(
            status(SECRET, &object(SIGNATURE), b"{}", 300, TIME),
            Status::Authentication
        );
        assert_eq!(
            status("whsec_AAAA", &object(SIGNATURE), BODY, 300, TIME),
            Status::Authentication
        );
        for signature in [
            "",
            "v1,",
            "v1,AAAA",
            "v1a,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            &SIGNATURE[3..],
            &SIGNATURE[..40],
        ] {
            assert_eq!(
                status(SECRET, &object(signature), BODY, 300, TIME),
                Status::Authentication,
                "{signature:?}"
            );
        }
    }

    #[test]
    fn one_right_signature_among_several_is_enough() {
        let signatures = format!("v1a,AAAA v1,AAAA  {SIGNATURE} v2,x");
        assert_eq!(status(SECRET, &object(&signatures), BODY, 300, TIME), Status::Ok);
    }

    #[test]
    fn headers_may_be_pairs_or_lists() {
        let pairs = format!(
            r#"[["WEBHOOK-ID","{ID}"],["webhook-timestamp","{TIME}"],["Webhook-Signature","v1,AAAA"],["Webhook-Signature","{SIGNATURE}"],[],1]"#
        );
        assert_eq!(status(SECRET, &pairs, BODY, 300, TIME), Status::Ok);
        let lists = format!(
            r#"{{"Webhook-Id":["{ID}"],"Webhook-Timestamp":["{TIME}"],"Webhook-Signature":["v1,AAAA","{SIGNATURE}"]}}"#
        );
        assert_eq!(status(SECRET, &lists, BODY, 300, TIME), Status::Ok);
    }

    #[test]
    fn the_clocks_may_differ_by_the_tolerance_in_both_directions() {
        for (now_s, expected) in [
            (TIME + 300, Status::Ok),
            (TIME - 300, Status::Ok),
            (TIME + 301, Status::Timeout),
            (TIME - 301, Status::Timeout),
            (i64::MAX, Status::Timeout),
            (i64::MIN, Status::Timeout),
        ] {
            assert_eq!(
                status(SECRET, &object(SIGNATURE), BODY, 300, now_s),
                expected,
                "{now_s}"
            );
        }
        assert_eq!(status(SECRET, &object(SIGNATURE), BODY, i64::MAX, 0), Status::Ok);
    }

    #[test]
    fn a_secret_without_its_prefix_is_taken_as_it_is() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"plain secret");
        let tag = sign(&key, &[format!("{ID}.{TIME}.").as_bytes(), BODY]);
        let signature = format!("v1,{}", STANDARD.encode(tag));
        assert_eq!(
            status(" plain secret\n", &object(&signature), BODY, 300, TIME),
            Status::Ok
        );
    }

    #[test]
    fn what_the_sender_left_out_is_not_authentic_and_what_the_program_got_wrong_is_its_argument() {
        for missing in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
            let headers = object(SIGNATURE).to_lowercase().replace(missing, "other");
            assert_eq!(status(SECRET, &headers, BODY, 300, TIME), Status::Authentication);
        }
        let no_number = object(SIGNATURE).replace(&TIME.to_string(), "now");
        assert_eq!(status(SECRET, &no_number, BODY, 300, TIME), Status::Authentication);
        for (secret, headers, tolerance_s) in [
            ("whsec_not base64", object(SIGNATURE), 300),
            ("whsec_", object(SIGNATURE), 300),
            ("", object(SIGNATURE), 300),
            (SECRET, "\"text\"".to_owned(), 300),
            (SECRET, object(SIGNATURE), -1),
        ] {
            assert_eq!(
                status(secret, &headers, BODY, tolerance_s, TIME),
                Status::InvalidArgument
            );
        }
    }
}
