//! `POST /v1/responses`, plain and streamed with `event:` lines; `response.completed` holds exactly the plain answer.
//!
//! Honoured: `input` as text or as items (messages, `function_call_output`), `tools`, `text.format`,
//! `max_output_tokens` (the answer is then incomplete).

use super::chat::{call_id, content};
use super::dialogue::{Format, Last, Said, Tool, Turn, respond};
use super::{Answer, CREATED, Failure, text};
use serde_json::{Value, json};

pub fn create(params: &Value) -> Result<Answer, Failure> {
    let turn = turn(params)?;
    let mut same = params.clone();
    if let Some(members) = same.as_object_mut() {
        members.retain(|name, _| !name.starts_with("stream"));
    }
    let hash = text::hash(same.to_string().as_bytes());
    let limit = params["max_output_tokens"].as_u64();

    let mut cut = false;
    let output: Vec<Value> = match respond(&turn) {
        Said::Text(said) => {
            let pieces = text::pieces(&said);
            let kept = limit.map_or(pieces.len(), |limit| pieces.len().min(limit as usize));
            cut = kept < pieces.len();
            let status = if cut { "incomplete" } else { "completed" };
            vec![message(&format!("msg_{hash:016x}"), status, &pieces[..kept].concat())]
        }
        Said::Calls(calls) => calls
            .iter()
            .enumerate()
            .map(|(index, call)| {
                let id = format!("fc_{index}{hash:016x}");
                let call_id = call_id(index, call);
                json!({"id": id, "type": "function_call", "status": "completed", "call_id": call_id,
                       "name": call.name, "arguments": call.arguments})
            })
            .collect(),
    };
    let response = envelope(params, &format!("resp_{hash:016x}"), output, cut);
    if params["stream"].as_bool() == Some(true) {
        return Ok(Answer::events(events(&response)));
    }
    Ok(Answer::json(&response))
}

fn turn(params: &Value) -> Result<Turn, Failure> {
    let wrong = || Failure::param("input", "`input` has to be text or a non-empty array of items.");
    let (last, number, attachments) = match &params["input"] {
        Value::String(said) => (Last::User(said.clone()), 1, 0),
        Value::Array(items) => {
            let last = items.last().ok_or_else(wrong)?;
            let number = items.iter().filter(|item| item["role"] == "user").count();
            if last["type"] == "function_call_output" {
                (
                    Last::ToolResult(last["output"].as_str().unwrap_or("").to_owned()),
                    number,
                    0,
                )
            } else {
                let (said, attachments) = content(&last["content"]);
                (Last::User(said), number, attachments)
            }
        }
        _ => return Err(wrong()),
    };
    let tools = params["tools"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|tool| tool["type"] == "function");
    let tools = tools.map(|tool| {
        let name = tool["name"].as_str().unwrap_or("").to_owned();
        Tool {
            name,
            parameters: tool["parameters"].clone(),
        }
    });
    let format = &params["text"]["format"];
    let format = match format["type"].as_str() {
        Some("json_object") => Format::JsonObject,
        Some("json_schema") => Format::JsonSchema(format["schema"].clone()),
        _ => Format::Text,
    };
    Ok(Turn {
        last,
        number,
        attachments,
        tools: tools.collect(),
        format,
    })
}

fn message(id: &str, status: &str, said: &str) -> Value {
    let part = json!({"type": "output_text", "text": said, "annotations": [], "logprobs": []});
    json!({"id": id, "type": "message", "status": status, "role": "assistant", "content": [part]})
}

fn envelope(params: &Value, id: &str, output: Vec<Value>, cut: bool) -> Value {
    let input = text::count_tokens(
        &params["input"]
            .as_str()
            .map_or_else(|| params["input"].to_string(), str::to_owned),
    );
    let said = |item: &Value| {
        text::count_tokens(
            item["content"][0]["text"]
                .as_str()
                .or(item["arguments"].as_str())
                .unwrap_or(""),
        )
    };
    let produced: u64 = output.iter().map(said).sum();
    json!({
        "id": id,
        "object": "response",
        "created_at": CREATED,
        "status": if cut { "incomplete" } else { "completed" },
        "error": null,
        "incomplete_details": if cut { json!({"reason": "max_output_tokens"}) } else { Value::Null },
        "instructions": params["instructions"],
        "metadata": params.get("metadata").cloned().unwrap_or(json!({})),
        "model": params["model"],
        "output": output,
        "parallel_tool_calls": true,
        "previous_response_id": null,
        "tools": params.get("tools").cloned().unwrap_or(json!([])),
        "usage": {
            "input_tokens": input,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": produced,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": input + produced,
        },
    })
}

fn events(response: &Value) -> Vec<String> {
    let mut begun = response.clone();
    begun["status"] = json!("in_progress");
    begun["incomplete_details"] = Value::Null;
    begun["output"] = json!([]);
    begun["usage"] = Value::Null;
    let mut events = Events::default();
    events.push("response.created", json!({"response": begun}));
    events.push("response.in_progress", json!({"response": begun}));
    for (index, item) in response["output"].as_array().into_iter().flatten().enumerate() {
        events.item(index, item);
    }
    let end = if response["status"] == "incomplete" {
        "response.incomplete"
    } else {
        "response.completed"
    };
    events.push(end, json!({"response": response}));
    events.written
}

#[derive(Default)]
struct Events {
    written: Vec<String>,
}

impl Events {
    fn push(&mut self, kind: &str, mut data: Value) {
        data["type"] = json!(kind);
        data["sequence_number"] = json!(self.written.len());
        self.written.push(format!("event: {kind}\ndata: {data}\n\n"));
    }

    fn item(&mut self, index: usize, item: &Value) {
        let mut begun = item.clone();
        begun["status"] = json!("in_progress");
        let id = &item["id"];
        if item["type"] == "function_call" {
            begun["arguments"] = json!("");
            self.push(
                "response.output_item.added",
                json!({"output_index": index, "item": begun}),
            );
            let at = json!({"item_id": id, "output_index": index});
            self.deltas("response.function_call_arguments", &at, "arguments", &item["arguments"]);
        } else {
            begun["content"] = json!([]);
            self.push(
                "response.output_item.added",
                json!({"output_index": index, "item": begun}),
            );
            let part = &item["content"][0];
            let mut empty = part.clone();
            empty["text"] = json!("");
            let at = json!({"item_id": id, "output_index": index, "content_index": 0});
            self.push("response.content_part.added", with(&at, "part", &empty));
            self.deltas("response.output_text", &at, "text", &part["text"]);
            self.push("response.content_part.done", with(&at, "part", part));
        }
        self.push(
            "response.output_item.done",
            json!({"output_index": index, "item": item}),
        );
    }

    fn deltas(&mut self, kind: &str, at: &Value, key: &str, whole: &Value) {
        for piece in text::pieces(whole.as_str().unwrap_or("")) {
            self.push(&format!("{kind}.delta"), with(at, "delta", &json!(piece)));
        }
        self.push(&format!("{kind}.done"), with(at, key, whole));
    }
}

fn with(at: &Value, key: &str, value: &Value) -> Value {
    let mut data = at.clone();
    data[key] = value.clone();
    data
}
