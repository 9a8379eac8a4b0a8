//! `/v1/files`: upload, list, retrieve, content, delete.

use super::{Outcome, State, answer as told};
use crate::support::form;
use crate::support::http::Request;
use crate::support::openai::{Answer, Failure};
use serde_json::{Value, json};

pub fn answer(state: &mut State, request: &Request, path: &[&str]) -> Option<Outcome> {
    Some(match (&*request.method, path) {
        ("POST", []) => create(state, request),
        ("GET", []) => state.list("file-", request, |_| true),
        ("GET", [id]) => state.look("file-", id).and_then(|file| told(file)),
        ("GET", [id, "content"]) => content(state, id),
        ("DELETE", [id]) => state.delete("file-", id, "file"),
        _ => return None,
    })
}

fn create(state: &mut State, request: &Request) -> Outcome {
    let parts = form::parts(request).ok_or_else(|| Failure::new(400, "The body is no multipart/form-data."))?;
    let file = parts.iter().find(|part| part.name == "file");
    let file = file.ok_or_else(|| Failure::param("file", "`file` is missing."))?;
    let purpose = parts.iter().find(|part| part.name == "purpose");
    let purpose = purpose.ok_or_else(|| Failure::param("purpose", "`purpose` is missing."))?;
    let name = file.filename.as_deref().unwrap_or("");
    told(keep(state, name, purpose.text(), file.content.clone()))
}

/// Makes a file of these bytes.
pub fn keep<'a>(state: &'a mut State, name: &str, purpose: &str, content: Vec<u8>) -> &'a Value {
    let members = json!({
        "bytes": content.len(), "filename": name, "purpose": purpose, "status": "uploaded", "_to_come": ["processed"],
    });
    let id = state.make("file-", "file", members)["id"]
        .as_str()
        .unwrap_or("")
        .to_owned();
    state.contents.insert(id.clone(), content);
    &state.things[&id]
}

/// What a file holds, when it is there for this.
pub fn content_for<'a>(state: &'a mut State, param: &str, id: &str, purpose: &str) -> Result<&'a [u8], Failure> {
    let wrong = |why: &str| Failure::param(param, &format!("`{id}` {why}"));
    let file = state.find("file-", id).map_err(|_| wrong("is no file."))?;
    if file["purpose"] != purpose {
        return Err(wrong(&format!("was not uploaded for `{purpose}`.")));
    }
    Ok(&state.contents[id])
}

fn content(state: &mut State, id: &str) -> Outcome {
    state.find("file-", id)?;
    let content = state.contents[id].clone();
    Ok(Answer::new(200, "application/octet-stream", content))
}
