//! `/v1/batches`: create, retrieve, list, cancel. Each request is answered by the interface that it names.

use super::{Outcome, State, answer as told, files, parse, text};
use crate::support::http::Request;
use crate::support::openai::answer::Body;
use crate::support::openai::{Answer, Failure, chat, completions, embeddings, models, responses};
use serde_json::{Value, json};

pub fn answer(state: &mut State, request: &Request, path: &[&str]) -> Option<Outcome> {
    Some(match (&*request.method, path) {
        ("POST", []) => create(state, request),
        ("GET", []) => state.list("batch_", request, |_| true),
        ("GET", [id]) => retrieve(state, id),
        ("POST", [id, "cancel"]) => state.find("batch_", id).and_then(|batch| {
            batch["status"] = json!("cancelling");
            batch["_to_come"] = json!(["cancelled"]);
            told(batch)
        }),
        _ => return None,
    })
}

fn create(state: &mut State, request: &Request) -> Outcome {
    let params = parse(request)?;
    let (endpoint, file) = (text(&params, "endpoint")?, text(&params, "input_file_id")?);
    let window = text(&params, "completion_window")?;
    files::content_for(state, "input_file_id", file, "batch")?;
    told(state.make(
        "batch_",
        "batch",
        json!({
            "endpoint": endpoint, "input_file_id": file, "completion_window": window, "metadata": params["metadata"], "errors": null,
            "status": "validating", "_to_come": ["in_progress", "finalizing", "completed"],
            "output_file_id": null, "error_file_id": null, "request_counts": {"total": 0, "completed": 0, "failed": 0},
        }),
    ))
}

fn retrieve(state: &mut State, id: &str) -> Outcome {
    let batch = state.look("batch_", id)?.clone();
    if batch["status"] == "completed" && batch["output_file_id"].is_null() {
        finish(state, id, &batch)?;
    }
    told(state.find("batch_", id)?)
}

/// Answers the requests, and keeps what came of them as the two files.
fn finish(state: &mut State, id: &str, batch: &Value) -> Result<(), Failure> {
    let endpoint = text(batch, "endpoint")?;
    let input = files::content_for(state, "input_file_id", text(batch, "input_file_id")?, "batch")?;
    let lines: Vec<Value> = input
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice(line).ok())
        .collect();
    let (mut output, mut errors) = (String::new(), String::new());
    for (number, line) in lines.iter().enumerate() {
        let (status, body, file) = match one(endpoint, line) {
            Ok(answer) => (answer.status, body(&answer), &mut output),
            Err(failure) => (400, failure.document(), &mut errors),
        };
        let response = json!({"status_code": status, "request_id": format!("req_batch_{number}"), "body": body});
        let line = json!({"id": format!("batch_req_{number}"), "custom_id": line["custom_id"], "response": response, "error": null});
        *file += &format!("{line}\n");
    }
    let failed = errors.lines().count();
    let mut keep = |name: &str, text: String| match text.is_empty() {
        true => Value::Null,
        false => files::keep(state, name, "batch_output", text.into_bytes())["id"].clone(),
    };
    let (output, errors) = (keep("output.jsonl", output), keep("errors.jsonl", errors));
    let batch = state.find("batch_", id)?;
    batch["output_file_id"] = output;
    batch["error_file_id"] = errors;
    batch["request_counts"] = json!({"total": lines.len(), "completed": lines.len() - failed, "failed": failed});
    Ok(())
}

fn one(endpoint: &str, line: &Value) -> Outcome {
    let create = match endpoint {
        "/v1/chat/completions" => chat::create,
        "/v1/completions" => completions::create,
        "/v1/responses" => responses::create,
        "/v1/embeddings" => embeddings::create,
        "/v1/moderations" => models::moderate,
        _ => return Err(Failure::param("endpoint", "There are no batches for this endpoint.")),
    };
    match line["url"] == endpoint {
        true => create(&line["body"]),
        false => Err(Failure::param("url", "The url is not the batch's endpoint.")),
    }
}

fn body(answer: &Answer) -> Value {
    match &answer.body {
        Body::Whole(body) => serde_json::from_slice(body).unwrap_or_default(),
        Body::Events(_) => Value::Null,
    }
}
