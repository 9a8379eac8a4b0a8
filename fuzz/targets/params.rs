//! Operations and their parameters: the path never has another shape than its template, the query says what was given, and the body
//! is what is left.
#![no_main]

use kuai::error::Status;
use kuai::inner::multipart::{flatten, leaf_text};
use kuai::inner::operation::{self, Target};
use kuai::json::{Kind, Value};
use kuai_fuzz::{Choices, assert_json, tree};
use libfuzzer_sys::fuzz_target;
use std::sync::OnceLock;

// Two bytes choose the operation of the table; 255 at first means the one that is named on the first line.
fuzz_target!(|input: &[u8]| {
    let mut choices = Choices::of(input);
    let (high, low) = (usize::from(choices.byte()), usize::from(choices.byte()));
    let operation = if high == 255 {
        String::from_utf8_lossy(choices.line()).into_owned()
    } else {
        names()[(256 * high + low) % names().len()].clone()
    };
    // The search for the name that was meant takes its time.
    let is_path = operation
        .trim()
        .contains(|character: char| character.is_ascii_whitespace());
    if !is_path && operation.len() > 6 && !names().contains(&operation) {
        return;
    }
    let target = match operation::find(&operation) {
        Ok(target) => target,
        Err(error) => {
            assert_eq!(error.status, Status::InvalidArgument);
            assert_json(error.to_json().as_bytes());
            return;
        }
    };
    let params = choices.rest();
    // Files are read: the fuzzer shall not open what it finds on this machine.
    if params.windows(3).any(|window| window == b"ath" || window[0] == b'\\') {
        return;
    }
    let Ok(value) = Value::parse(params) else { return };
    let parts = match operation::split(&target, Some(value)) {
        Ok(parts) => parts,
        Err(error) => {
            assert_eq!(error.status, Status::InvalidArgument);
            assert_json(error.to_json().as_bytes());
            return;
        }
    };
    let (path, query) = match target.is_absolute() {
        true => (parts.path.as_str(), ""),
        false => (parts.path.as_str(), parts.query.as_str()),
    };
    assert!(
        !path.contains(['#', ' ', '"', '<', '>', '\\', '^', '`', '{', '|', '}']) || target.is_absolute(),
        "{path}"
    );
    assert!(path.is_ascii() && query.is_ascii());
    if target.is_absolute() {
        assert!(path.starts_with(&*target.path));
        return;
    }
    same_shape(&target.path, path, value);
    assert_eq!(pairs(query), wanted_in_query(&target, value));
    if let Some(body) = &parts.body {
        assert_json(body);
        assert!(!matches!(&*target.method, "GET" | "DELETE" | "HEAD"));
        same_body(&target, value, body);
    }
});

fn names() -> &'static [String] {
    static NAMES: OnceLock<Vec<String>> = OnceLock::new();
    NAMES.get_or_init(|| {
        let list = operation::list_json();
        let list = Value::parse(list.as_bytes()).expect("JSON");
        let name = |entry: Value<'_>| entry.get("name").and_then(Value::as_str).expect("a name").into_owned();
        list.items().map(name).collect()
    })
}

fn same_shape(template: &str, path: &str, params: Value<'_>) {
    let (template, template_query) = template.split_once('?').unwrap_or((template, ""));
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let (wanted, found): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
    assert_eq!(wanted.len(), found.len(), "{template} became {path}");
    for (wanted, found) in wanted.into_iter().zip(found) {
        if !wanted.contains('{') {
            assert_eq!(wanted, found);
            continue;
        }
        assert!(
            !matches!(decoded(found).as_str(), "." | ".."),
            "{template} became {path}"
        );
        let mut meant = Vec::new();
        let mut rest = wanted;
        while let Some((before, parameter)) = rest.split_once('{') {
            let (name, after) = parameter.split_once('}').expect("a brace");
            let filled = leaf_text(params.get(name).expect("the parameter"));
            let leads_on = filled.split('/').any(|part| matches!(part, "" | "." | ".."));
            assert!(
                !leads_on && !filled.contains(['\\', '\0', '\r', '\n']),
                "{template} became {path}"
            );
            meant.extend(decoded_bytes(before));
            meant.extend(filled.as_bytes());
            rest = after;
        }
        meant.extend(decoded_bytes(rest));
        assert_eq!(decoded_bytes(found), meant, "{template} became {path}");
    }
    let count = |text: &str, mark: char| text.matches(mark).count();
    for mark in ['&', '=', '?'] {
        assert_eq!(
            count(template_query, mark),
            count(query, mark),
            "{template_query} became {query}"
        );
    }
}

fn parameters(template: &str) -> Vec<&str> {
    let after_brace = template.split('{').skip(1);
    after_brace
        .map(|rest| rest.split('}').next().unwrap_or_default())
        .collect()
}

fn goes_into_query(target: &Target, name: &str) -> bool {
    if parameters(&target.path).contains(&name) {
        return false;
    }
    let is_known = |name| target.entry.is_some_and(|entry| entry.query.contains(name));
    let has_body = !matches!(&*target.method, "GET" | "DELETE" | "HEAD");
    !has_body || is_known(name.strip_suffix("[]").unwrap_or(name))
}

fn wanted_in_query(target: &Target, params: Value<'_>) -> Vec<(String, String)> {
    let mut wanted = Vec::new();
    for (key, value) in params
        .members()
        .filter(|(key, _)| goes_into_query(target, &key.decode()))
    {
        flatten(&key.decode(), value, |name, leaf| {
            wanted.push((name.to_owned(), leaf_text(leaf).into_owned()));
        });
    }
    wanted
}

fn pairs(query: &str) -> Vec<(String, String)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').expect("a value");
        (decoded(name), decoded(value))
    };
    pairs.map(pair).collect()
}

fn same_body(target: &Target, params: Value<'_>, body: &[u8]) {
    let Some(mut wanted) = tree(params.raw()) else { return };
    if params.kind() == Kind::Object
        && let Some(members) = wanted.as_object_mut()
    {
        members.retain(|name, _| !parameters(&target.path).contains(&name.as_str()) && !goes_into_query(target, name));
    }
    assert_eq!(tree(body).expect("JSON"), wanted);
}

fn decoded(text: &str) -> String {
    String::from_utf8_lossy(&decoded_bytes(text)).into_owned()
}

fn decoded_bytes(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match (byte, after) {
            (b'%', [high, low, after @ ..]) => {
                let digits = [*high, *low];
                let digits = std::str::from_utf8(&digits).expect("hexadecimal digits");
                out.push(u8::from_str_radix(digits, 16).expect("hexadecimal digits"));
                rest = after;
            }
            _ => out.push(byte),
        }
    }
    out
}
