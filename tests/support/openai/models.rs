//! `GET /v1/models` (in pages when `limit` asks for them), `GET /v1/models/{model}` and `POST /v1/moderations`.

use super::{Answer, CREATED, Failure, text};
use serde_json::{Value, json};

/// What the list shows; chat takes any name.
const MODELS: [&str; 5] = [
    "gpt-3.5-turbo",
    "gpt-4o-mini",
    "reasoner",
    "refuser",
    "text-embedding-3-small",
];

pub fn list(query: &str) -> Value {
    let asked = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find_map(|(key, value)| (key == name).then_some(value))
    };
    let after = asked("after").and_then(|after| MODELS.iter().position(|name| *name == after));
    let rest = &MODELS[after.map_or(0, |at| at + 1)..];
    let all = |models: &[&str]| models.iter().map(|name| model(name)).collect::<Vec<Value>>();
    match asked("limit").and_then(|limit| limit.parse().ok()) {
        None => json!({"object": "list", "data": all(rest)}),
        Some(limit) => {
            let page = &rest[..rest.len().min(limit)];
            json!({"object": "list", "data": all(page), "has_more": page.len() < rest.len()})
        }
    }
}

pub fn retrieve(name: &str) -> Result<Value, Failure> {
    if MODELS.contains(&name) {
        return Ok(model(name));
    }
    let failure = Failure::new(404, &format!("There is no model `{name}`.")).code("model_not_found");
    Err(failure)
}

fn model(name: &str) -> Value {
    json!({"id": name, "object": "model", "created": CREATED, "owned_by": "stand-in"})
}

/// Flags what mentions violence.
pub fn moderate(params: &Value) -> Result<Answer, Failure> {
    let inputs: Vec<&str> = match &params["input"] {
        Value::String(input) => vec![input],
        Value::Array(inputs) => inputs
            .iter()
            .filter_map(|input| input.as_str().or(input["text"].as_str()))
            .collect(),
        _ => Vec::new(),
    };
    if inputs.is_empty() {
        return Err(Failure::param("input", "`input` has to be text or a non-empty array."));
    }
    let results = inputs.iter().map(|input| {
        let violent = input.contains("kill") || input.contains("暴力");
        let score = if violent { 0.98 } else { 0.01 };
        json!({
            "flagged": violent,
            "categories": {"violence": violent, "self-harm": false},
            "category_scores": {"violence": score, "self-harm": 0.01},
        })
    });
    let results: Vec<Value> = results.collect();
    let id = format!("modr-{:016x}", text::hash(inputs.concat().as_bytes()));
    Ok(Answer::json(
        &json!({"id": id, "model": params["model"], "results": results}),
    ))
}
