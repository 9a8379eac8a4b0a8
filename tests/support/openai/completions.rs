//! `POST /v1/completions`, plain and streamed: each prompt is answered like a user's first message.

use super::dialogue::{Format, Last, Said, Turn, respond};
use super::{Answer, CREATED, Failure, text};
use serde_json::{Value, json};

pub fn create(params: &Value) -> Result<Answer, Failure> {
    let prompts = prompts(&params["prompt"])?;
    let texts: Vec<String> = prompts.iter().map(|prompt| complete(prompt)).collect();
    let id = format!("cmpl-{:016x}", text::hash(prompts.concat().as_bytes()));
    let envelope = |choices: Vec<Value>| json!({"id": id, "object": "text_completion", "created": CREATED, "model": params["model"], "choices": choices});
    let choice = |index: usize, text: &str, finish_reason: Value| json!({"index": index, "text": text, "logprobs": null, "finish_reason": finish_reason});
    let count = |texts: &[String]| texts.iter().map(|one| text::count_tokens(one)).sum::<u64>();
    let (prompt_tokens, tokens) = (count(&prompts), count(&texts));
    let usage =
        json!({"prompt_tokens": prompt_tokens, "completion_tokens": tokens, "total_tokens": prompt_tokens + tokens});

    if params["stream"].as_bool() != Some(true) {
        let choices = texts
            .iter()
            .enumerate()
            .map(|(index, text)| choice(index, text, json!("stop")));
        let mut whole = envelope(choices.collect());
        whole["usage"] = usage;
        return Ok(Answer::json(&whole));
    }
    let mut chunks = Vec::new();
    for (index, said) in texts.iter().enumerate() {
        let pieces = text::pieces(said).into_iter();
        chunks.extend(pieces.map(|piece| envelope(vec![choice(index, piece, Value::Null)])));
        chunks.push(envelope(vec![choice(index, "", json!("stop"))]));
    }
    if params["stream_options"]["include_usage"].as_bool() == Some(true) {
        let mut last = envelope(Vec::new());
        last["usage"] = usage;
        chunks.push(last);
    }
    let events = chunks.iter().map(|chunk| format!("data: {chunk}\n\n"));
    Ok(Answer::events(events.chain(["data: [DONE]\n\n".to_owned()]).collect()))
}

fn prompts(prompt: &Value) -> Result<Vec<String>, Failure> {
    let texts = match prompt {
        Value::String(prompt) => Some(vec![prompt.clone()]),
        Value::Array(prompts) => prompts
            .iter()
            .map(|prompt| prompt.as_str().map(str::to_owned))
            .collect(),
        _ => None,
    };
    texts
        .filter(|texts: &Vec<String>| !texts.is_empty())
        .ok_or_else(|| Failure::param("prompt", "`prompt` has to be text or a non-empty array of texts."))
}

fn complete(prompt: &str) -> String {
    let last = Last::User(prompt.to_owned());
    match respond(&Turn {
        last,
        number: 1,
        attachments: 0,
        tools: Vec::new(),
        format: Format::Text,
    }) {
        Said::Text(text) => text,
        Said::Calls(_) => unreachable!("no tools were offered"),
    }
}
