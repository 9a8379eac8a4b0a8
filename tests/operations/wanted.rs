//! What must arrive for an operation: parameters with all that is hard to carry, and the request that they make.

use super::table::{Row, encoded};
use super::{AUDIO, KEY, Part, Way, http, json, parts};
use serde_json::Value;
use std::fmt::Write;

/// Members of a body, as they must arrive: numbers that no machine holds, an odd order, white space, escapes beside characters.
const ZETA: &str = "\"zeta\" : 12345678901234567890123456789.000e-2";
const ALPHA: &str = r#""alpha":{"b":1.10,"a":[ {"c" : "\u4f60\ud83d\ude00 好😀/\/"} , -0 ]}"#;
const UNKNOWN: &str = "\"x unknown\" :[ ]";
const MODEL: &str = "\"model\":\"m-\\u00e9\"";
const MESSAGES: &str = "\"messages\" : [ {\"role\":\"user\" , \"content\":\"1+100= 你好\"} ]";
const LAST: &str = "\"last\":null";
/// The same as names and texts, for queries and forms.
const FLAT: [(&str, &str); 4] = [
    ("zeta", "12345678901234567890123456789.000e-2"),
    ("alpha[b]", "1.10"),
    ("alpha[a][][c]", "你😀 好😀//"),
    ("alpha[a][]", "-0"),
];

/// Parameters, and what must become of them.
pub struct Wanted {
    /// Without the files.
    pub params: String,
    pub files: Vec<&'static str>,
    pub stream: bool,
    pub accept: &'static str,
    /// The answer to a stream is no stream of events.
    pub reads_bytes: bool,
    target: String,
    body: Body,
}

enum Body {
    None,
    Json(String),
    /// The fields; files follow.
    Form(Vec<Part>),
}

impl Wanted {
    /// `files`: the operation's files are sent.
    pub fn new(row: &Row, files: bool, stream: bool) -> Wanted {
        let mut query = Vec::new();
        let mut params = String::from("{ ");
        let mut kept = String::from("{ ");
        let is_form = row.content.first() == Some(&"form") || (files && row.content.contains(&"form"));
        let mut add = |member: &str, is_kept: bool| {
            for text in [Some(&mut params), is_kept.then_some(&mut kept)].into_iter().flatten() {
                text.push_str(member);
                text.push_str(" ,\t");
            }
        };
        add(ZETA, true);
        for name in &row.in_path {
            add(&format!("\"{name}\" : {}", json!(in_path(name))), false);
        }
        add(ALPHA, true);
        if !row.has_body() {
            query.extend(FLAT.map(|(name, text)| pair(name, text)));
        }
        for (i, name) in row.query.iter().enumerate() {
            let (value, pairs) = in_query(i, name);
            add(&format!("\"{name}\":{value}"), false);
            query.extend(pairs);
        }
        add(UNKNOWN, true);
        if row.needs_model {
            add(MODEL, true);
        }
        if row.name == "chat.completions.create" {
            add(MESSAGES, true);
        }
        let mut typed = Vec::new();
        for (name, content_type) in &row.parts {
            // White space within shows that JSON goes as it is.
            let (value, text) = match content_type.ends_with("json") {
                true => ("{ \"a\" :1.0}".to_owned(), "{ \"a\" :1.0}".to_owned()),
                false => (json!("v=0\r\n\"é\"").to_string(), "v=0\r\n\"é\"".to_owned()),
            };
            add(&format!("\"{name}\":{value}"), true);
            typed.push(part(name, Some(content_type), &text));
        }
        params.push_str(LAST);
        kept.push_str(LAST);
        if !row.has_body() && row.stream == Some("stream") {
            query.retain(|pair| !pair.starts_with("stream="));
            query.extend(stream.then(|| "stream=true".to_owned()));
        }
        let by_member = stream && row.has_body() && row.stream == Some("stream");
        if by_member && !is_form {
            kept.push_str(",\"stream\":true");
        }
        let end = " }";
        let body = if !row.has_body() {
            Body::None
        } else if is_form {
            let mut fields: Vec<Part> = FLAT.iter().map(|(name, text)| part(name, None, text)).collect();
            fields.extend(row.needs_model.then(|| part("model", None, "m-é")));
            fields.extend(typed);
            fields.extend(by_member.then(|| part("stream", None, "true")));
            Body::Form(fields)
        } else {
            Body::Json(kept + end)
        };
        let mut target = row.target(|name| encoded(&in_path(name)));
        for pair in query {
            write!(target, "{}{pair}", if target.contains('?') { '&' } else { '?' }).unwrap();
        }
        Wanted {
            params: params + end,
            files: if files { row.files.clone() } else { Vec::new() },
            stream,
            accept: match (row.answer, row.stream) {
                ("json", Some("always")) => "text/event-stream",
                ("json", _) => "application/json",
                _ => "*/*",
            },
            reads_bytes: row.answer == "binary",
            target,
            body,
        }
    }

    pub fn check(&self, row: &Row, way: Way, request: &http::Request) {
        let what = format!("{} {way:?}", row.name);
        assert_eq!(request.method, row.method, "{what}");
        assert_eq!(request.target, self.target, "{what}");
        self.check_headers(row, request, &what);
        match &self.body {
            Body::None => assert!(request.body.is_empty(), "{what}"),
            Body::Json(json) => assert_eq!(request.text(), json, "{what}"),
            Body::Form(fields) => {
                let mut wanted = fields.clone();
                wanted.extend(self.files(way));
                assert_eq!(parts(request).as_deref(), Some(&wanted[..]), "{what}");
            }
        }
    }

    /// All of them, and no others.
    fn check_headers(&self, row: &Row, request: &http::Request, what: &str) {
        let authorization = format!("Bearer {KEY}");
        let mut wanted = vec![
            ("accept", Some(self.accept)),
            ("accept-encoding", Some(if self.stream { "identity" } else { "gzip" })),
            ("authorization", Some(authorization.as_str())),
            ("host", None),
            ("user-agent", None),
        ];
        if row.method == "POST" {
            wanted.push(("idempotency-key", None));
        }
        if row.beta.is_some() {
            wanted.push(("openai-beta", row.beta));
        }
        let length = request.body.len().to_string();
        if row.method == "POST" {
            wanted.push(("content-length", Some(&length)));
        }
        match self.body {
            Body::None => {}
            Body::Json(_) => wanted.push(("content-type", Some("application/json"))),
            Body::Form(_) => wanted.push(("content-type", None)),
        }
        wanted.sort_unstable();
        let mut names: Vec<String> = request
            .headers
            .iter()
            .map(|(name, _)| name.to_ascii_lowercase())
            .collect();
        names.sort_unstable();
        assert_eq!(
            names,
            wanted.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
            "{what}"
        );
        for (name, value) in wanted.iter().filter(|(_, value)| value.is_some()) {
            assert_eq!(request.header(name), *value, "{what}");
        }
    }

    fn files(&self, way: Way) -> Vec<Part> {
        let file = |field: &str, filename: &str, content_type: &str| Part {
            name: field.to_owned(),
            filename: Some(filename.to_owned()),
            content_type: Some(content_type.to_owned()),
            content: AUDIO.to_vec(),
        };
        let mut files = Vec::new();
        for (i, field) in self.files.iter().enumerate() {
            let named = format!("é{i}.mp3");
            let array = format!("{field}[]");
            match way {
                Way::CallWithPaths if i == 0 => {
                    files.push(file(&array, &named, "audio/x-odd"));
                    files.push(file(&array, "recording.wav", "audio/wav"));
                }
                Way::StepsWithPaths => files.push(file(field, "recording.wav", "audio/wav")),
                _ => files.push(file(field, &named, "audio/x-odd")),
            }
        }
        files
    }
}

/// A name of a model may hold a slash.
fn in_path(name: &str) -> String {
    let slash = if name == "model" { "org/" } else { "" };
    format!("{slash}{name} 1:é%2f?#+~")
}

/// The value of the i-th query parameter, and the pairs that it makes.
fn in_query(i: usize, name: &str) -> (Value, Vec<String>) {
    let big: Value = serde_json::from_str("12345678901234567890").unwrap();
    match i % 5 {
        _ if name == "stream" => (json!(true), vec![pair(name, "true")]),
        0 => (json!("a b&c=d+é😀/?\""), vec![pair(name, "a b&c=d+é😀/?\"")]),
        1 => (big, vec![pair(name, "12345678901234567890")]),
        2 => (json!(false), vec![pair(name, "false")]),
        3 => {
            let array = format!("{name}[]");
            (json!(["a b", 1]), vec![pair(&array, "a b"), pair(&array, "1")])
        }
        _ => (
            json!({"k": {"l": "v w"}, "n": null}),
            vec![pair(&format!("{name}[k][l]"), "v w")],
        ),
    }
}

fn pair(name: &str, text: &str) -> String {
    format!("{}={}", encoded(name), encoded(text))
}

fn part(name: &str, content_type: Option<&str>, text: &str) -> Part {
    Part {
        name: name.to_owned(),
        filename: None,
        content_type: content_type.map(str::to_owned),
        content: text.as_bytes().to_vec(),
    }
}
