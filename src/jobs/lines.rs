//! The lines of JSON that go into a batch and come out of it. Pure.
#![forbid(unsafe_code)]

use super::quoted;
use crate::answer::{self, Expect};
use crate::chat;
use crate::error::{Error, Result};
use crate::headers::Headers;
use crate::json::{Key, Kind, Value};
use crate::operation;
use std::borrow::Cow;
use std::collections::HashSet;

/// What is asked when nothing else is said.
const ENDPOINT: &str = "/v1/chat/completions";

/// A batch's requests, ready to be uploaded.
#[derive(Debug)]
pub struct Lines {
    pub jsonl: Vec<u8>,
    /// What all of them ask.
    pub endpoint: String,
    /// The `custom_id` of each, in order.
    pub ids: Vec<String>,
}

impl Lines {
    /// An array's requests, one a line. Each is a request of the endpoint, or that under `body` with `custom_id`, `method` and `url`
    /// beside it, of which any may be missing. Bodies keep their bytes, but for what [`chat::adapt`] does to each request.
    ///
    /// # Errors
    /// `InvalidArgument`, which names the place.
    pub fn of(requests: &str, endpoint: Option<&str>, default_model: Option<&str>) -> Result<Lines> {
        let wrong = |why: String| Error::argument("requests_json", why);
        let requests = Value::parse(requests.as_bytes()).map_err(|fault| wrong(fault.to_string()))?;
        if requests.kind() != Kind::Array {
            return Err(wrong(format!("expected an array, found {}", requests.kind().name())));
        }
        let items = requests
            .items()
            .enumerate()
            .map(|(index, item)| Item::of(index, item))
            .collect::<Result<Vec<_>>>()?;
        let first = items
            .first()
            .ok_or_else(|| wrong("expected at least one request, found an empty array".to_owned()))?;
        let endpoint = endpoint.or(first.url.as_deref()).unwrap_or(ENDPOINT);
        let mut lines = Lines {
            jsonl: Vec::with_capacity(requests.raw().len() + items.len() * 80),
            endpoint: endpoint.to_owned(),
            ids: Vec::with_capacity(items.len()),
        };
        let entry = operation::find(&format!("POST {endpoint}"))
            .ok()
            .and_then(|target| target.entry);
        for item in &items {
            lines.add(item, |body| chat::adapt(body, entry, default_model, false))?;
        }
        lines.check_ids()?;
        Ok(lines)
    }

    fn add<'b>(&mut self, item: &Item<'b>, adapt: impl FnOnce(&'b str) -> Result<Cow<'b, str>>) -> Result<()> {
        if let Some(url) = item.url.as_deref().filter(|url| *url != self.endpoint) {
            let why = format!("is {url:?}, and the batch is for {:?}", self.endpoint);
            return Err(Error::argument(&item.place("url"), why));
        }
        let made = format!("request-{}", self.ids.len());
        let id = item.custom_id.as_deref().unwrap_or(&made);
        let body = std::str::from_utf8(item.body.raw()).map_err(|error| Error::internal(error.to_string()))?;
        let head = format!(
            "{{\"custom_id\":{},\"method\":{},\"url\":{},\"body\":",
            quoted(id),
            quoted(item.method.as_deref().unwrap_or("POST")),
            quoted(&self.endpoint)
        );
        self.jsonl.extend_from_slice(head.as_bytes());
        // A line end can only be white space here: in a string it would be escaped.
        let on_one_line = |byte: u8| if matches!(byte, b'\n' | b'\r') { b' ' } else { byte };
        self.jsonl.extend(adapt(body)?.bytes().map(on_one_line));
        self.jsonl.extend_from_slice(b"}\n");
        self.ids.push(id.to_owned());
        Ok(())
    }

    fn check_ids(&self) -> Result<()> {
        let mut seen = HashSet::with_capacity(self.ids.len());
        match self.ids.iter().position(|id| !seen.insert(id)) {
            Some(index) => {
                let place = format!("requests_json[{index}].custom_id");
                Err(Error::argument(
                    &place,
                    format!("{:?} is an earlier request's too", self.ids[index]),
                ))
            }
            None => Ok(()),
        }
    }
}

/// A request of the array.
struct Item<'a> {
    index: usize,
    custom_id: Option<Cow<'a, str>>,
    method: Option<Cow<'a, str>>,
    url: Option<Cow<'a, str>>,
    body: Value<'a>,
}

impl<'a> Item<'a> {
    fn of(index: usize, item: Value<'a>) -> Result<Item<'a>> {
        let mut request = Item {
            index,
            custom_id: None,
            method: None,
            url: None,
            body: item,
        };
        request.expect_object(item, "")?;
        if let Some(body) = item.get("body") {
            request.body = body;
            request.expect_object(body, "body")?;
            for (key, value) in item.members().filter(|(key, _)| !key.is("body")) {
                request.set(&key, value)?;
            }
        }
        Ok(request)
    }

    fn set(&mut self, key: &Key<'a>, value: Value<'a>) -> Result<()> {
        let name = key.decode();
        let text = value.as_str().filter(|text| !text.is_empty());
        let place = match &*name {
            _ if value.is_null() => return Ok(()),
            "custom_id" => &mut self.custom_id,
            "method" => &mut self.method,
            "url" => &mut self.url,
            _ => {
                let why = "a request of a batch has custom_id, method, url and body";
                return Err(Error::argument(&self.place(&name), why));
            }
        };
        *place = text;
        if place.is_none() {
            let why = format!("expected a text, found {}", value.kind().name());
            return Err(Error::argument(&self.place(&name), why));
        }
        Ok(())
    }

    fn expect_object(&self, value: Value<'_>, name: &str) -> Result<()> {
        match value.kind() {
            Kind::Object => Ok(()),
            kind => Err(Error::argument(
                &self.place(name),
                format!("expected an object, found {}", kind.name()),
            )),
        }
    }

    fn place(&self, name: &str) -> String {
        let dot = if name.is_empty() { "" } else { "." };
        format!("requests_json[{}]{dot}{name}", self.index)
    }
}

/// What came of a batch's requests, sorted by `custom_id` as its files are read.
#[derive(Default)]
pub struct Sorted {
    /// Members of an object each, and items of an array, with commas between them.
    results: Vec<u8>,
    errors: Vec<u8>,
    broken: Vec<u8>,
    ids: HashSet<String>,
}

impl Sorted {
    /// Sorts a file's lines. None is lost: what cannot be read is told as broken.
    pub fn add(&mut self, file_id: &str, text: &[u8]) {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
            let line = String::from_utf8_lossy(line);
            let line = line.trim();
            if line.is_empty() {
                continue;
            }
            if let Err(why) = self.sort(line) {
                let told = format!(
                    "{{\"file_id\":{},\"line\":{},\"why\":{},\"text\":{}}}",
                    quoted(file_id),
                    index + 1,
                    quoted(&why),
                    quoted(line)
                );
                push(&mut self.broken, [told.as_bytes()]);
            }
        }
    }

    fn sort(&mut self, line: &str) -> std::result::Result<(), String> {
        let line = Value::parse(line.as_bytes())
            .map_err(|fault| format!("not JSON: column {}: {}", fault.column, fault.what))?;
        let id = line.get("custom_id").filter(|id| id.kind() == Kind::String);
        let id = id.ok_or("it has no custom_id")?;
        let outcome = outcome(line).ok_or("it has neither a response nor an error")?;
        if !self.ids.insert(id.as_str().unwrap_or_default().into_owned()) {
            return Err("an earlier line has the same custom_id".to_owned());
        }
        match outcome {
            Ok(body) => push(&mut self.results, [id.raw(), b":", &body]),
            Err(error) => push(&mut self.errors, [id.raw(), b":", error.to_json().as_bytes()]),
        }
        Ok(())
    }

    /// All that came: `{"batch":…,"results":{…},"errors":{…},"broken":[…]}`, and where it is known what was asked, the ids of which
    /// nothing came as `missing`.
    pub fn document(&self, batch: &[u8], asked: Option<&[String]>) -> Vec<u8> {
        let missing = asked.map(|asked| {
            let ids = asked.iter().filter(|id| !self.ids.contains(*id));
            format!(
                ",\"missing\":[{}]",
                ids.map(|id| quoted(id)).collect::<Vec<_>>().join(",")
            )
        });
        [
            b"{\"batch\":",
            batch,
            b",\"results\":{",
            &self.results,
            b"},\"errors\":{",
            &self.errors,
            b"},\"broken\":[",
            &self.broken,
            b"]",
            missing.unwrap_or_default().as_bytes(),
            b"}",
        ]
        .concat()
    }
}

/// What a line tells: the answer that the request would have had as a call, or the failure. `None`: nothing.
fn outcome(line: Value<'_>) -> Option<Result<Cow<'_, [u8]>>> {
    let headers = Headers::default();
    let error = line.get("error").filter(|error| !error.is_null());
    if let Some(error) = error {
        let envelope = [b"{\"error\":", error.raw(), b"}"].concat();
        if let Err(mut error) = answer::judge(200, &headers, &envelope, Expect::Any) {
            // The request was not answered at all.
            error.http_status = 0;
            return Some(Err(error));
        }
    }
    let response = line
        .get("response")
        .filter(|response| response.kind() == Kind::Object)?;
    let status = response.get("status_code").and_then(Value::as_u64).unwrap_or(200);
    let http_status = u16::try_from(status).unwrap_or(200);
    let body = response.get("body").map_or(&b""[..], Value::raw);
    Some(
        answer::judge(http_status, &headers, body, Expect::Json).map_err(|mut error| {
            let id = response.get("request_id").and_then(Value::as_str);
            error.request_id = error.request_id.take().or(id.map(Cow::into_owned));
            error
        }),
    )
}

/// Appends one more to a list.
fn push<const N: usize>(list: &mut Vec<u8>, parts: [&[u8]; N]) {
    if !list.is_empty() {
        list.push(b',');
    }
    for part in parts {
        list.extend_from_slice(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Status;
    use serde_json::json;

    fn lines(requests: &str) -> Result<Lines> {
        Lines::of(requests, None, None)
    }

    fn jsonl(lines: &Lines) -> &str {
        std::str::from_utf8(&lines.jsonl).unwrap()
    }

    fn sorted(text: &str) -> serde_json::Value {
        let mut sorted = Sorted::default();
        sorted.add("file-1", text.as_bytes());
        serde_json::from_slice(&sorted.document(b"{}", None)).unwrap()
    }

    #[test]
    fn requests_become_lines_with_their_bytes_as_they_are() {
        let requests = "[{\"model\":\"m\",\"big\":12345678901234567890.10,\n\t\"messages\":[{\"role\":\"user\",\"content\":\"\\u5feb\\n\"}]},
            {\"custom_id\":\"b\\u0041\",\"body\":{\"input\" : 1.0 }}]";
        let lines = lines(requests).unwrap();
        assert_eq!(
            jsonl(&lines),
            "{\"custom_id\":\"request-0\",\"method\":\"POST\",\"url\":\"/v1/chat/completions\",\
             \"body\":{\"model\":\"m\",\"big\":12345678901234567890.10, \t\"messages\":[{\"role\":\"user\",\"content\":\"\\u5feb\\n\"}]}}\n\
             {\"custom_id\":\"bA\",\"method\":\"POST\",\"url\":\"/v1/chat/completions\",\"body\":{\"input\" : 1.0 }}\n"
        );
        assert_eq!(lines.ids, ["request-0", "bA"]);
    }

    #[test]
    fn the_endpoint_is_the_one_said_or_the_requests_own() {
        let own = r#"[{"url":"/v1/embeddings","method":"POST","custom_id":"a","body":{}},{}]"#;
        let found = lines(own).unwrap();
        assert_eq!(found.endpoint, "/v1/embeddings");
        assert_eq!(jsonl(&found).matches("\"url\":\"/v1/embeddings\"").count(), 2);
        assert_eq!(
            Lines::of("[{}]", Some("/v1/responses"), None).unwrap().endpoint,
            "/v1/responses"
        );
        let error = Lines::of(own, Some("/v1/responses"), None).unwrap_err();
        assert_eq!(error.param.as_deref(), Some("requests_json[0].url"));
    }

    #[test]
    fn a_default_model_fills_what_is_missing_and_a_stream_is_not_asked_for() {
        let lines = Lines::of(r#"[{"a":1},{"model":"n","stream":true}]"#, None, Some("m")).unwrap();
        assert!(
            jsonl(&lines).contains(r#""body":{"a":1,"model":"m"}}"#),
            "{}",
            jsonl(&lines)
        );
        assert!(jsonl(&lines).contains(r#""body":{"model":"n"}}"#), "{}", jsonl(&lines));
    }

    #[test]
    fn wrong_requests_are_refused_with_their_place() {
        for (requests, param, why) in [
            ("{}", "requests_json", "expected an array, found an object"),
            ("[", "requests_json", "line 1, column 2"),
            ("[]", "requests_json", "at least one"),
            ("[{},1]", "requests_json[1]", "expected an object, found a number"),
            (r#"[{"body":"x"}]"#, "requests_json[0].body", "found a string"),
            (
                r#"[{"body":{},"custom_id":7}]"#,
                "requests_json[0].custom_id",
                "found a number",
            ),
            (
                r#"[{"body":{},"custom_id":""}]"#,
                "requests_json[0].custom_id",
                "expected a text",
            ),
            (
                r#"[{"body":{},"ur":"x"}]"#,
                "requests_json[0].ur",
                "has custom_id, method, url and body",
            ),
            (
                r#"[{"body":{},"custom_id":"a"},{"body":{},"custom_id":"a"}]"#,
                "requests_json[1].custom_id",
                "\"a\" is an earlier",
            ),
            (
                r#"[{"body":{},"custom_id":"request-1"},{}]"#,
                "requests_json[1].custom_id",
                "is an earlier",
            ),
        ] {
            let error = lines(requests).unwrap_err();
            assert_eq!(error.status, Status::InvalidArgument);
            assert_eq!(error.param.as_deref(), Some(param), "{requests}");
            assert!(error.message.contains(why), "{requests}: {}", error.message);
        }
    }

    #[test]
    fn answers_are_found_by_the_id_of_their_request_as_they_came() {
        let mut sorted = Sorted::default();
        sorted.add(
            "file-1",
            b"\xef\xbb\xbf{\"id\":\"r1\",\"custom_id\":\"a\",\"response\":{\"status_code\":200,\"request_id\":\"q\",\"body\":{\"n\": 1.10}},\"error\":null}\r\n\n\
              {\"custom_id\":\"b\",\"response\":{\"body\":{\"n\":2}},\"error\":{}}",
        );
        let document = sorted.document(b"{\"id\":\"batch_1\"}", Some(&["a".to_owned(), "c".to_owned()]));
        assert_eq!(
            String::from_utf8(document).unwrap(),
            r#"{"batch":{"id":"batch_1"},"results":{"a":{"n": 1.10},"b":{"n":2}},"errors":{},"broken":[],"missing":["c"]}"#
        );
    }

    #[test]
    fn failures_are_told_as_calls_tell_them() {
        let document = sorted(concat!(
            r#"{"custom_id":"a","response":{"status_code":400,"request_id":"q","body":{"error":{"message":"no","type":"t","code":"c","param":"p"}}},"error":null}"#,
            "\n",
            r#"{"custom_id":"b","response":null,"error":{"code":"batch_expired","message":"too late"}}"#,
            "\n",
            r#"{"custom_id":"c","response":{"status_code":200,"body":{"error":{"message":"inside"}}}}"#,
            "\n",
            r#"{"custom_id":"d","response":{"status_code":200}}"#,
        ));
        let error = |id: &str| document["errors"][id]["error"].clone();
        assert_eq!(
            error("a"),
            json!({"message": "no", "type": "t", "code": "c", "param": "p", "status": "bad_request", "http_status": 400,
                "request_id": "q", "attempts": 0})
        );
        assert_eq!(error("b")["code"], "batch_expired");
        assert_eq!(
            (&error("b")["http_status"], &error("b")["message"]),
            (&json!(0), &json!("too late"))
        );
        assert_eq!(error("c")["status"], "service");
        assert_eq!(error("d")["status"], "protocol");
        assert_eq!(document["results"], json!({}));
    }

    #[test]
    fn broken_lines_are_told_and_not_lost() {
        let document = sorted(
            "{\"custom_id\":\"a\"\n[]\n{\"response\":{}}\n{\"custom_id\":\"a\"}\n{\"custom_id\":\"a\",\"response\":{\"body\":{}}}\n{\"custom_id\":\"a\",\"response\":{\"body\":{}}}",
        );
        let broken: Vec<(u64, &str)> = document["broken"]
            .as_array()
            .unwrap()
            .iter()
            .map(|line| (line["line"].as_u64().unwrap(), line["why"].as_str().unwrap()))
            .collect();
        assert_eq!(
            broken,
            [
                (1, "not JSON: column 17: the text ends too early"),
                (2, "it has no custom_id"),
                (3, "it has no custom_id"),
                (4, "it has neither a response nor an error"),
                (6, "an earlier line has the same custom_id"),
            ]
        );
        assert_eq!(document["broken"][0]["text"], "{\"custom_id\":\"a\"");
        assert_eq!(document["broken"][0]["file_id"], "file-1");
        assert_eq!(document["results"], json!({"a": {}}));
    }

    #[test]
    fn a_line_that_is_not_utf8_is_mended() {
        let mut sorted = Sorted::default();
        sorted.add("f", b"{\"custom_id\":\"a\",\"response\":{\"body\":{\"t\":\"\xff\"}}}");
        assert_eq!(
            String::from_utf8(sorted.document(b"null", None)).unwrap(),
            "{\"batch\":null,\"results\":{\"a\":{\"t\":\"\u{fffd}\"}},\"errors\":{},\"broken\":[]}"
        );
    }
}
