//! `/v1/fine_tuning/jobs`: create, retrieve, list, cancel, events. The model that comes of it answers like any other.

use super::{Outcome, State, answer as told, files, parse, text};
use crate::support::http::Request;
use crate::support::openai::{Answer, Failure};
use serde_json::{Value, json};

pub fn answer(state: &mut State, request: &Request, path: &[&str]) -> Option<Outcome> {
    Some(match (&*request.method, path) {
        ("POST", ["jobs"]) => create(state, request),
        ("GET", ["jobs"]) => state.list("ftjob-", request, |_| true),
        ("GET", ["jobs", id]) => retrieve(state, id),
        ("GET", ["jobs", id, "events"]) => events(state, id),
        ("POST", ["jobs", id, "cancel"]) => state.find("ftjob-", id).and_then(|job| {
            job["status"] = json!("cancelled");
            job["_to_come"] = json!([]);
            told(job)
        }),
        _ => return None,
    })
}

fn create(state: &mut State, request: &Request) -> Outcome {
    let params = parse(request)?;
    let (model, file) = (text(&params, "model")?, text(&params, "training_file")?);
    let lines = files::content_for(state, "training_file", file, "fine-tune")?;
    let examples = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    if !examples.clone().all(is_example) {
        return Err(Failure::param(
            "training_file",
            "A line of the file is no conversation.",
        ));
    }
    let count = examples.count();
    told(state.make(
        "ftjob-",
        "fine_tuning.job",
        json!({
            "model": model, "training_file": file, "status": "validating_files", "_to_come": ["queued", "running", "succeeded"],
            "fine_tuned_model": null, "trained_tokens": null, "_examples": count,
            "error": {"code": null, "message": null, "param": null},
        }),
    ))
}

fn is_example(line: &[u8]) -> bool {
    serde_json::from_slice::<Value>(line).is_ok_and(|line| line["messages"].is_array())
}

fn retrieve(state: &mut State, id: &str) -> Outcome {
    let job = state.look("ftjob-", id)?;
    if job["status"] == "succeeded" {
        let model = format!("ft:{}:stand-in::{id}", job["model"].as_str().unwrap_or(""));
        job["fine_tuned_model"] = json!(model);
        job["trained_tokens"] = json!(job["_examples"].as_u64().unwrap_or(0) * 100);
    }
    told(job)
}

fn events(state: &mut State, id: &str) -> Outcome {
    let job = state.find("ftjob-", id)?;
    let message = format!("The job is {}.", job["status"].as_str().unwrap_or(""));
    let event = json!({"object": "fine_tuning.job.event", "id": "ftevent-1", "level": "info", "message": message});
    Ok(Answer::json(
        &json!({"object": "list", "data": [event], "has_more": false}),
    ))
}
