//! `POST /v1/chat/completions`, plain and streamed; the streamed answer adds up to exactly the plain one.
//!
//! Honoured: `n`, `tools` and `tool_choice: "none"`, the older `functions`, `response_format`, `max_tokens` and
//! `max_completion_tokens`, `logprobs`, `stream_options.include_usage`. The model `reasoner` thinks aloud in
//! `reasoning_content`, the model `refuser` refuses. A request without a model gets an answer as in the gateway's
//! documentation: `id`, `created`, `choices` and `usage`, and nothing else.

use super::dialogue::{Call, Format, Last, Said, Tool, Turn, respond};
use super::{Answer, CREATED, Failure, text};
use serde_json::{Value, json};

const ROLES: [&str; 6] = ["system", "developer", "user", "assistant", "tool", "function"];

pub fn create(params: &Value) -> Result<Answer, Failure> {
    let messages = check_messages(params)?;
    let completion = Completion::of(params, messages)?;
    if params["stream"].as_bool() == Some(true) {
        let include_usage = params["stream_options"]["include_usage"].as_bool() == Some(true);
        return Ok(Answer::events(completion.events(include_usage)));
    }
    Ok(Answer::json(&completion.whole()))
}

fn check_messages(params: &Value) -> Result<&Vec<Value>, Failure> {
    let messages = params["messages"].as_array().filter(|messages| !messages.is_empty());
    let messages = messages.ok_or_else(|| Failure::param("messages", "`messages` has to be a non-empty array."))?;
    for (index, message) in messages.iter().enumerate() {
        let role = message["role"].as_str().unwrap_or("");
        if !ROLES.contains(&role) {
            let message = format!("The role of message {index} is not one of {}.", ROLES.join(", "));
            return Err(Failure::param(&format!("messages[{index}].role"), &message));
        }
        if !matches!(message["content"], Value::String(_) | Value::Array(_)) && role != "assistant" {
            let message = format!("The content of message {index} is neither text nor an array of parts.");
            return Err(Failure::param(&format!("messages[{index}].content"), &message));
        }
    }
    Ok(messages)
}

/// The text of a message's content, and how many of its parts are something else.
pub fn content(content: &Value) -> (String, usize) {
    let Some(parts) = content.as_array() else {
        return (content.as_str().unwrap_or("").to_owned(), 0);
    };
    let texts: Vec<&str> = parts.iter().filter_map(|part| part["text"].as_str()).collect();
    (texts.concat(), parts.len() - texts.len())
}

fn turn(params: &Value, messages: &[Value]) -> Turn {
    let last = &messages[messages.len() - 1];
    let (said, attachments) = content(&last["content"]);
    let is_result = matches!(last["role"].as_str(), Some("tool" | "function"));
    let functions = params["tools"].as_array().or(params["functions"].as_array());
    let no_tools = params["tool_choice"] == "none" || params["function_call"] == "none";
    let tools = functions.filter(|_| !no_tools).into_iter().flatten().map(|tool| {
        let function = tool.get("function").unwrap_or(tool);
        let name = function["name"].as_str().unwrap_or("").to_owned();
        Tool {
            name,
            parameters: function["parameters"].clone(),
        }
    });
    let format = &params["response_format"];
    Turn {
        last: if is_result {
            Last::ToolResult(said)
        } else {
            Last::User(said)
        },
        number: messages.iter().filter(|message| message["role"] == "user").count(),
        attachments,
        tools: tools.collect(),
        format: match format["type"].as_str() {
            Some("json_object") => Format::JsonObject,
            Some("json_schema") => Format::JsonSchema(format["json_schema"]["schema"].clone()),
            _ => Format::Text,
        },
    }
}

/// A finished completion, before it is told in one piece or in many.
struct Completion {
    id: String,
    model: Option<String>,
    choices: Vec<Choice>,
    logprobs: bool,
    prompt_tokens: u64,
}

struct Choice {
    reasoning: Option<&'static str>,
    refusal: Option<&'static str>,
    content: Option<String>,
    calls: Vec<Call>,
    /// The calls came by `functions`, the form before `tools`.
    legacy: bool,
    finish_reason: &'static str,
}

impl Completion {
    fn of(params: &Value, messages: &[Value]) -> Result<Completion, Failure> {
        let model = match &params["model"] {
            Value::Null => None,
            Value::String(model) => Some(model.clone()),
            _ => return Err(Failure::param("model", "`model` has to be text.")),
        };
        let count = params["n"].as_u64().unwrap_or(1);
        if !(1..=128).contains(&count) {
            return Err(Failure::param("n", "`n` has to be from 1 to 128."));
        }
        let turn = turn(params, messages);
        let tokens: u64 = messages
            .iter()
            .map(|message| text::count_tokens(&content(&message["content"]).0))
            .sum();
        // A streamed request and the same one without `stream` are one completion.
        let mut same = params.clone();
        if let Some(members) = same.as_object_mut() {
            members.retain(|name, _| !name.starts_with("stream"));
        }
        let hash = text::hash(same.to_string().as_bytes());
        Ok(Completion {
            id: if model.is_some() {
                format!("chatcmpl-{hash:016x}")
            } else {
                format!("as-{:010x}", hash >> 24)
            },
            choices: (0..count).map(|index| Choice::of(params, &turn, index)).collect(),
            model,
            logprobs: params["logprobs"].as_bool() == Some(true),
            prompt_tokens: tokens,
        })
    }

    fn whole(&self) -> Value {
        let choices = self.choices.iter().enumerate().map(|(index, choice)| {
            let logprobs = if self.logprobs { choice.logprobs() } else { Value::Null };
            self.choice(index, "message", choice.message(), logprobs, Some(choice.finish_reason))
        });
        let mut whole = self.envelope("chat.completion", choices.collect());
        whole["usage"] = self.usage();
        whole
    }

    fn events(&self, include_usage: bool) -> Vec<String> {
        let chunk = |choices: Vec<Value>| {
            let mut chunk = self.envelope("chat.completion.chunk", choices);
            if include_usage {
                chunk["usage"] = Value::Null;
            }
            chunk
        };
        let mut chunks = Vec::new();
        let deltas: Vec<Vec<Value>> = self.choices.iter().map(Choice::deltas).collect();
        // All choices speak at once, in turns.
        for step in 0..deltas.iter().map(Vec::len).max().unwrap_or(0) {
            for (index, deltas) in deltas.iter().enumerate() {
                let Some(delta) = deltas.get(step) else { continue };
                let content = delta["content"]
                    .as_str()
                    .filter(|content| self.logprobs && !content.is_empty());
                let logprobs = content.map_or(
                    Value::Null,
                    |content| json!({"content": [logprob(content)], "refusal": null}),
                );
                chunks.push(chunk(vec![self.choice(index, "delta", delta.clone(), logprobs, None)]));
                if step + 1 == deltas.len() {
                    let finish = Some(self.choices[index].finish_reason);
                    chunks.push(chunk(vec![self.choice(index, "delta", json!({}), Value::Null, finish)]));
                }
            }
        }
        if include_usage {
            let mut last = chunk(Vec::new());
            last["usage"] = self.usage();
            chunks.push(last);
        }
        let events = chunks.iter().map(|chunk| format!("data: {chunk}\n\n"));
        events.chain(["data: [DONE]\n\n".to_owned()]).collect()
    }

    fn envelope(&self, object: &str, choices: Vec<Value>) -> Value {
        let mut envelope = json!({"id": self.id, "created": CREATED, "choices": choices});
        if let Some(model) = &self.model {
            envelope["object"] = json!(object);
            envelope["model"] = json!(model);
            envelope["system_fingerprint"] = json!("fp_stand_in");
        }
        envelope
    }

    fn choice(&self, index: usize, key: &str, message: Value, logprobs: Value, finish_reason: Option<&str>) -> Value {
        let mut choice = json!({"index": index, key: message, "finish_reason": finish_reason});
        if self.model.is_some() {
            choice["logprobs"] = logprobs;
        } else if let Some(message) = choice[key].as_object_mut() {
            message.retain(|key, value| key != "refusal" || !value.is_null());
        }
        choice
    }

    fn usage(&self) -> Value {
        let completion: u64 = self.choices.iter().map(Choice::tokens).sum();
        let (prompt, total) = (self.prompt_tokens, self.prompt_tokens + completion);
        json!({"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": total})
    }
}

impl Choice {
    fn of(params: &Value, turn: &Turn, index: u64) -> Choice {
        let mut choice = Choice {
            reasoning: (params["model"] == "reasoner").then_some("The question first. Then the answer."),
            refusal: None,
            content: None,
            calls: Vec::new(),
            legacy: params["tools"].is_null(),
            finish_reason: "stop",
        };
        if params["model"] == "refuser" {
            choice.refusal = Some("I would rather not answer that.");
            return choice;
        }
        match respond(turn) {
            Said::Text(mut said) => {
                if index > 0 {
                    said += &format!(" (choice {index})");
                }
                let limit = params["max_completion_tokens"]
                    .as_u64()
                    .or(params["max_tokens"].as_u64());
                let pieces = text::pieces(&said);
                if limit.is_some_and(|limit| (limit as usize) < pieces.len()) {
                    choice.finish_reason = "length";
                    said = pieces[..limit.unwrap_or(0) as usize].concat();
                }
                choice.content = Some(said);
            }
            Said::Calls(calls) => {
                choice.finish_reason = if choice.legacy { "function_call" } else { "tool_calls" };
                choice.calls = calls;
            }
        }
        choice
    }

    fn message(&self) -> Value {
        let mut message = json!({"role": "assistant", "content": self.content, "refusal": self.refusal});
        if let Some(reasoning) = self.reasoning {
            message["reasoning_content"] = json!(reasoning);
        }
        match self.calls.first() {
            None => {}
            Some(call) if self.legacy => {
                message["function_call"] = json!({"name": call.name, "arguments": call.arguments});
            }
            Some(_) => {
                message["tool_calls"] = self
                    .calls
                    .iter()
                    .enumerate()
                    .map(|(index, call)| tool_call(index, call))
                    .collect()
            }
        }
        message
    }

    fn deltas(&self) -> Vec<Value> {
        let first = if self.content.is_some() { json!("") } else { Value::Null };
        let mut deltas = vec![json!({"role": "assistant", "content": first, "refusal": null})];
        let mut say = |key: &str, said: &str| deltas.extend(text::pieces(said).iter().map(|piece| json!({key: piece})));
        say("reasoning_content", self.reasoning.unwrap_or(""));
        say("refusal", self.refusal.unwrap_or(""));
        say("content", self.content.as_deref().unwrap_or(""));
        for (index, call) in self.calls.iter().enumerate() {
            let pieces = text::pieces(&call.arguments);
            if self.legacy {
                // The older form has room for one call.
                if index == 0 {
                    deltas.push(json!({"function_call": {"name": call.name, "arguments": ""}}));
                    deltas.extend(
                        pieces
                            .iter()
                            .map(|piece| json!({"function_call": {"arguments": piece}})),
                    );
                }
                continue;
            }
            let mut begun = tool_call(index, call);
            begun["index"] = json!(index);
            begun["function"]["arguments"] = json!("");
            deltas.push(json!({"tool_calls": [begun]}));
            let pieces = pieces
                .iter()
                .map(|piece| json!({"index": index, "function": {"arguments": piece}}));
            deltas.extend(pieces.map(|piece| json!({"tool_calls": [piece]})));
        }
        deltas
    }

    fn logprobs(&self) -> Value {
        let pieces = self.content.as_deref().map(text::pieces).unwrap_or_default();
        let content: Vec<Value> = pieces.into_iter().map(logprob).collect();
        json!({"content": content, "refusal": null})
    }

    fn tokens(&self) -> u64 {
        let texts = [self.reasoning, self.refusal, self.content.as_deref()];
        let said: u64 = texts.into_iter().flatten().map(text::count_tokens).sum();
        said + self
            .calls
            .iter()
            .map(|call| text::count_tokens(&call.arguments))
            .sum::<u64>()
    }
}

pub fn call_id(index: usize, call: &Call) -> String {
    format!("call_{index}{:015x}", text::hash(call.arguments.as_bytes()) >> 4)
}

fn tool_call(index: usize, call: &Call) -> Value {
    let function = json!({"name": call.name, "arguments": call.arguments});
    json!({"id": call_id(index, call), "type": "function", "function": function})
}

fn logprob(token: &str) -> Value {
    json!({"token": token, "logprob": -0.25, "bytes": token.as_bytes(), "top_logprobs": []})
}
