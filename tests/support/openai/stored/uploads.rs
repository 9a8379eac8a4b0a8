//! `/v1/uploads`: create, parts, complete, cancel.

use super::{Outcome, State, answer as told, files, parse, shown, text};
use crate::support::form;
use crate::support::http::Request;
use crate::support::openai::Failure;
use serde_json::{Value, json};

/// No part may be larger.
const LARGEST_PART: usize = 64 * 1024 * 1024;

pub fn answer(state: &mut State, request: &Request, path: &[&str]) -> Option<Outcome> {
    Some(match (&*request.method, path) {
        ("POST", []) => create(state, request),
        ("POST", [id, "parts"]) => add_part(state, request, id),
        ("POST", [id, "complete"]) => complete(state, request, id),
        ("POST", [id, "cancel"]) => pending(state, id).and_then(|upload| {
            upload["status"] = json!("cancelled");
            told(upload)
        }),
        _ => return None,
    })
}

fn create(state: &mut State, request: &Request) -> Outcome {
    let params = parse(request)?;
    let bytes = params["bytes"].as_u64();
    let bytes = bytes.ok_or_else(|| Failure::param("bytes", "`bytes` is missing."))?;
    let (filename, purpose) = (text(&params, "filename")?, text(&params, "purpose")?);
    let members = json!({
        "bytes": bytes, "filename": filename, "purpose": purpose, "mime_type": text(&params, "mime_type")?, "status": "pending",
    });
    told(state.make("upload_", "upload", members))
}

fn pending<'a>(state: &'a mut State, id: &str) -> Result<&'a mut Value, Failure> {
    let upload = state.find("upload_", id)?;
    match upload["status"] == "pending" {
        true => Ok(upload),
        false => Err(Failure::new(400, &format!("`{id}` is not pending any more."))),
    }
}

fn add_part(state: &mut State, request: &Request, id: &str) -> Outcome {
    pending(state, id)?;
    let parts = form::parts(request).unwrap_or_default();
    let data = parts.into_iter().find(|part| part.name == "data");
    let data = data
        .ok_or_else(|| Failure::param("data", "`data` is missing."))?
        .content;
    if data.len() > LARGEST_PART {
        return Err(Failure::param("data", "The part is larger than 64 MB."));
    }
    let part = state.make("part_", "upload.part", json!({"upload_id": id})).clone();
    state
        .contents
        .insert(part["id"].as_str().unwrap_or("").to_owned(), data);
    told(&part)
}

fn complete(state: &mut State, request: &Request, id: &str) -> Outcome {
    let params = parse(request)?;
    let upload = pending(state, id)?.clone();
    let mut content = Vec::new();
    for part in params["part_ids"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
    {
        if state.find("part_", part)?["upload_id"] != id {
            return Err(Failure::param("part_ids", &format!("`{part}` is another upload's.")));
        }
        content.extend_from_slice(&state.contents[part]);
    }
    if content.len() as u64 != upload["bytes"].as_u64().unwrap_or(0) {
        let message = format!(
            "The parts have {} bytes, and {} were announced.",
            content.len(),
            upload["bytes"]
        );
        return Err(Failure::new(400, &message));
    }
    let file = shown(files::keep(
        state,
        text(&upload, "filename")?,
        text(&upload, "purpose")?,
        content,
    ));
    let upload = pending(state, id)?;
    upload["status"] = json!("completed");
    upload["file"] = file;
    told(upload)
}
