//! `/v1/assistants` and `/v1/threads` with their messages and runs. A run answers the thread's last message; when the assistant has a
//! tool for it, the run requires an action first.

use super::{Outcome, State, answer as told, parse, parse_if_any, shown, text};
use crate::support::http::Request;
use crate::support::openai::Failure;
use crate::support::openai::chat::content;
use crate::support::openai::dialogue::{Format, Last, Said, Tool, Turn, respond};
use serde_json::{Value, json};

pub fn answer(state: &mut State, request: &Request, path: &[&str]) -> Option<Outcome> {
    if request.header("openai-beta") != Some("assistants=v2") {
        let message =
            "You must provide the 'OpenAI-Beta' header to access the Assistants API: 'OpenAI-Beta: assistants=v2'.";
        return Some(Err(Failure::new(400, message).code("invalid_beta")));
    }
    Some(match (&*request.method, path) {
        ("POST", ["assistants"]) => create_assistant(state, request),
        ("GET", ["assistants"]) => state.list("asst_", request, |_| true),
        ("GET", ["assistants", id]) => state.find("asst_", id).and_then(|one| told(one)),
        ("DELETE", ["assistants", id]) => state.delete("asst_", id, "assistant.deleted"),
        ("POST", ["threads"]) => create_thread(state, request),
        ("GET", ["threads", id]) => state.find("thread_", id).and_then(|one| told(one)),
        ("DELETE", ["threads", id]) => state.delete("thread_", id, "thread.deleted"),
        ("POST", ["threads", id, "messages"]) => create_message(state, request, id),
        ("GET", ["threads", id, "messages"]) => state.list("msg_", request, |message| message["thread_id"] == *id),
        ("POST", ["threads", id, "runs"]) => create_run(state, request, id),
        ("GET", ["threads", _, "runs", run]) => retrieve_run(state, run),
        ("POST", ["threads", _, "runs", run, "cancel"]) => state.find("run_", run).and_then(|run| {
            run["status"] = json!("cancelling");
            run["_to_come"] = json!(["cancelled"]);
            told(run)
        }),
        ("POST", ["threads", _, "runs", run, "submit_tool_outputs"]) => submit(state, request, run),
        _ => return None,
    })
}

fn create_assistant(state: &mut State, request: &Request) -> Outcome {
    let params = parse(request)?;
    text(&params, "model")?;
    let mut members = params;
    members["tools"] = members.get("tools").cloned().unwrap_or(json!([]));
    told(state.make("asst_", "assistant", members))
}

fn create_thread(state: &mut State, request: &Request) -> Outcome {
    let params = parse_if_any(request)?;
    let thread = shown(state.make("thread_", "thread", json!({"metadata": params["metadata"]})));
    let id = text(&thread, "id")?;
    for message in params["messages"].as_array().into_iter().flatten() {
        say(state, id, text(message, "role")?, &content(&message["content"]).0);
    }
    told(&thread)
}

fn create_message(state: &mut State, request: &Request, thread: &str) -> Outcome {
    let params = parse(request)?;
    state.find("thread_", thread)?;
    let message = say(state, thread, text(&params, "role")?, &content(&params["content"]).0);
    told(message)
}

fn say<'a>(state: &'a mut State, thread: &str, role: &str, said: &str) -> &'a Value {
    let part = json!({"type": "text", "text": {"value": said, "annotations": []}});
    state.make(
        "msg_",
        "thread.message",
        json!({"thread_id": thread, "role": role, "status": "completed", "content": [part]}),
    )
}

fn create_run(state: &mut State, request: &Request, thread: &str) -> Outcome {
    let params = parse(request)?;
    state.find("thread_", thread)?;
    let assistant = text(&params, "assistant_id")?;
    let tools = state.find("asst_", assistant)?["tools"].clone();
    told(state.make(
        "run_",
        "thread.run",
        json!({
            "thread_id": thread, "assistant_id": assistant, "tools": tools, "status": "queued", "_to_come": ["in_progress", "completed"],
            "required_action": null, "last_error": null, "_result": null,
        }),
    ))
}

fn retrieve_run(state: &mut State, id: &str) -> Outcome {
    let run = state.look("run_", id)?.clone();
    let is_over = run["_to_come"].as_array().is_none_or(Vec::is_empty);
    if run["status"] == "completed" && is_over && run["_said"].is_null() {
        finish(state, id, &run)?;
    }
    told(state.find("run_", id)?)
}

fn finish(state: &mut State, id: &str, run: &Value) -> Result<(), Failure> {
    let thread = text(run, "thread_id")?;
    let said = respond(&turn(state, run, thread));
    if let Said::Text(said) = &said {
        say(state, thread, "assistant", said);
    }
    let run = state.find("run_", id)?;
    match said {
        Said::Text(_) => run["_said"] = json!(true),
        Said::Calls(calls) => {
            let calls: Vec<Value> = calls
                .iter()
                .enumerate()
                .map(|(index, call)| {
                    let function = json!({"name": call.name, "arguments": call.arguments});
                    json!({"id": format!("call_{index}"), "type": "function", "function": function})
                })
                .collect();
            run["status"] = json!("requires_action");
            run["required_action"] =
                json!({"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": calls}});
        }
    }
    Ok(())
}

fn turn(state: &State, run: &Value, thread: &str) -> Turn {
    let of_user = |message: &&Value| message["thread_id"] == thread && message["role"] == "user";
    let messages: Vec<&Value> = state.things.values().filter(of_user).collect();
    let last = messages.last().map_or("", |message| {
        message["content"][0]["text"]["value"].as_str().unwrap_or("")
    });
    let functions = run["tools"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|tool| &tool["function"]);
    let tools = functions.filter(|function| function.is_object()).map(|function| Tool {
        name: function["name"].as_str().unwrap_or("").to_owned(),
        parameters: function["parameters"].clone(),
    });
    Turn {
        last: match run["_result"].as_str() {
            Some(result) => Last::ToolResult(result.to_owned()),
            None => Last::User(last.to_owned()),
        },
        number: messages.len(),
        attachments: 0,
        tools: tools.collect(),
        format: Format::Text,
    }
}

fn submit(state: &mut State, request: &Request, id: &str) -> Outcome {
    let params = parse(request)?;
    let run = state.find("run_", id)?;
    if run["status"] != "requires_action" {
        return Err(Failure::new(400, &format!("`{id}` does not require an action.")));
    }
    let outputs = params["tool_outputs"].as_array().into_iter().flatten();
    let outputs: Vec<&str> = outputs.filter_map(|output| output["output"].as_str()).collect();
    run["_result"] = json!(outputs.join(", "));
    run["required_action"] = Value::Null;
    run["status"] = json!("queued");
    run["_to_come"] = json!(["in_progress", "completed"]);
    told(run)
}
