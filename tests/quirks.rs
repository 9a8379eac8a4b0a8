//! What services were seen to send, and what must be made of it: a table of answers, each served over real sockets in several framings
//! and asked for through the C ABI.
//!
//! `quirks/cases.json` has those that were recorded, `quirks/more.json` those that the documentation and the public threads of services,
//! gateways and clients tell of. Both files are read with the library's own reader, since that one keeps each value's bytes as they
//! stand there; what comes out of the library is read with another one.

mod support;

#[path = "quirks/asking.rs"]
mod asking;
#[path = "quirks/case.rs"]
mod case;
#[path = "quirks/serving.rs"]
mod serving;

use asking::{Client, Outcome};
use case::{Ask, Case};
use serde_json::{Value, json};
use serving::Service;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use support::clients::KEY;
use support::http::timed;

#[test]
fn recorded_answers_become_what_they_must() {
    let cases = Case::read(include_str!("quirks/cases.json"));
    assert_eq!(cases.len(), 101);
    table(&cases);
}

#[test]
fn answers_that_others_tell_of_become_what_they_must() {
    let cases = Case::read(include_str!("quirks/more.json"));
    assert!(cases.len() >= 164, "{}", cases.len());
    table(&cases);
}

/// Runs every case in every framing that it can have, several at a time since some wait for their retry.
fn table(cases: &[Case]) {
    let service = Service::start(cases);
    let (next, ran) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let wrong = Mutex::new(Vec::new());
    let start = Instant::now();
    let work = || {
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            for framing in case.framings() {
                ran.fetch_add(1, Ordering::Relaxed);
                if let Err(why) = run(&service, case, *framing) {
                    let told = format!("{} ({framing:?}): {why}", case.name);
                    wrong.lock().unwrap_or_else(PoisonError::into_inner).push(told);
                }
            }
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(work)).collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
    let wrong = wrong.into_inner().unwrap_or_else(PoisonError::into_inner);
    println!(
        "{} cases, served {} times in {:?}: {} wrong",
        cases.len(),
        ran.into_inner(),
        start.elapsed(),
        wrong.len()
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(
        service.requests_elsewhere(),
        0,
        "a redirect to another origin was followed"
    );
}

fn run(service: &Service, case: &Case, framing: case::Framing) -> Result<(), String> {
    let path = service.path(case, framing);
    // One retry, so that every case tells whether it is one that is tried again.
    let mut config = json!({"api_key": KEY, "base_url": service.url(&path), "max_retries": 1, "idle_timeout_ms": 20_000, "proxy": ""});
    config
        .as_object_mut()
        .unwrap()
        .extend(case.config.as_object().unwrap().clone());
    let client = Client::new(&config.to_string());
    let whole_call = framing != case::Framing::Length;
    let (outcome, took) = timed(|| match &case.ask {
        Ask::Chat if whole_call => client.call("chat.completions.create", &case.params),
        Ask::Chat => client.complete(&case.params),
        Ask::Stream => client.stream(&case.params),
        Ask::Call(operation) => client.call(operation, &case.params),
        Ask::Open(operation) => client.open(operation, &case.params),
    });
    check(case, &outcome, service.requests(&path))
        .and_then(|()| in_time(case, took))
        .map_err(|why| format!("{why}\n    {} {}", outcome.status, outcome.json))?;
    // Nothing of a case may be left over for the next call.
    let after = client.call(
        "chat.completions.create",
        r#"{"model":"m","messages":[{"role":"user","content":"afterwards"}]}"#,
    );
    if after.text != "fine" {
        return Err(format!("the next call got {} {}", after.status, after.json));
    }
    Ok(())
}

fn in_time(case: &Case, took: Duration) -> Result<(), String> {
    match case.must["within_ms"].as_u64() {
        Some(limit) if took.as_millis() > limit.into() => Err(format!("it took {took:?}")),
        _ => Ok(()),
    }
}

fn check(case: &Case, outcome: &Outcome, requests: usize) -> Result<(), String> {
    let must = &case.must;
    let same = |what: &str, expected: Value, found: Value| {
        if expected == found {
            Ok(())
        } else {
            Err(format!("{what} must be {expected} and is {found}"))
        }
    };
    same("status", must["status"].clone(), json!(outcome.status))?;
    same(
        "requests",
        must.get("requests").cloned().unwrap_or(json!(1)),
        json!(requests),
    )?;
    if let Some(text) = must.get("text") {
        same("text", text.clone(), json!(outcome.text))?;
    }
    if let Some(events) = must.get("events") {
        same("events", events.clone(), json!(outcome.events))?;
    }
    let json = if outcome.json.is_empty() {
        Value::Null
    } else {
        serde_json::from_str(&outcome.json).map_err(|fault| format!("what is handed on is not JSON: {fault}"))?
    };
    members(must, "json", &json, |at, expected, found| match found {
        Some(found) => same(at, expected.clone(), found.clone()),
        None => Err(format!("{at} is missing")),
    })?;
    members(must, "has", &json, |at, expected, found| {
        let text = found.and_then(Value::as_str).unwrap_or_default();
        let part = expected.as_str().unwrap_or_default();
        text.contains(part)
            .then_some(())
            .ok_or_else(|| format!("{at} must have {part:?} and is {text:?}"))
    })?;
    for absent in must["absent"].as_array().into_iter().flatten() {
        let at = absent.as_str().unwrap();
        if json.pointer(at).is_some() {
            return Err(format!("{at} must not be there"));
        }
    }
    if let Some(partial) = must.get("partial") {
        let body: Value =
            serde_json::from_slice(&outcome.body).map_err(|fault| format!("the partial answer: {fault}"))?;
        for (at, expected) in partial.as_object().unwrap() {
            same(at, expected.clone(), body.pointer(at).cloned().unwrap_or_default())?;
        }
    }
    if let Some(largest) = must["largest"].as_u64()
        && outcome.json.len() as u64 > largest
    {
        return Err(format!("{} bytes are too many", outcome.json.len()));
    }
    if outcome.failed() {
        check_failure(case, &json, requests)
    } else {
        check_success(case, outcome)
    }
}

fn members(
    must: &Value,
    key: &str,
    json: &Value,
    check: impl Fn(&str, &Value, Option<&Value>) -> Result<(), String>,
) -> Result<(), String> {
    let expected = must.get(key).and_then(Value::as_object);
    expected
        .into_iter()
        .flatten()
        .try_for_each(|(at, expected)| check(at, expected, json.pointer(at)))
}

/// What holds for every failure.
fn check_failure(case: &Case, document: &Value, requests: usize) -> Result<(), String> {
    let error = &document["error"];
    let complain = |what: &str| Err(what.to_owned());
    if error["message"].as_str().unwrap_or_default().trim().is_empty() {
        return complain("it says nothing");
    }
    if error["status"] != case.must["status"] {
        return complain("the document has another status");
    }
    if error["attempts"] != json!(requests) {
        return complain("the attempts are not as many as the requests");
    }
    for member in ["type", "code", "param", "http_status"] {
        if error.get(member).is_none() {
            return Err(format!("there is no {member}"));
        }
    }
    if document.to_string().contains(KEY) {
        return complain("the key is in it");
    }
    Ok(())
}

/// What holds for every answer.
fn check_success(case: &Case, outcome: &Outcome) -> Result<(), String> {
    let mended = case.must["mended"] == true;
    if let (Some(sent), false) = (&case.json, mended)
        && sent != &outcome.json
    {
        return Err("it is not handed on as it came".to_owned());
    }
    if outcome.status == "done" && case.must.get("end_text") != Some(&json!(false)) && outcome.end_text != outcome.text
    {
        return Err(format!(
            "the whole answer's text is {:?}, its pieces were {:?}",
            outcome.end_text, outcome.text
        ));
    }
    Ok(())
}
