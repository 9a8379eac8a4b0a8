//! What the service keeps, in memory and as long as it runs: files, uploads, batches, fine-tuning jobs, assistants with their
//! threads, messages and runs.
//!
//! What takes the real service hours takes a few looks here: each retrieval of a batch, a job or a run finds it one state further, and
//! asks by `openai-poll-after-ms` for the next look soon.

mod assistants;
mod batches;
mod files;
mod fine_tuning;
mod uploads;

use super::{Answer, CREATED, Failure, parse};
use crate::support::http::Request;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

/// What the header `openai-poll-after-ms` says.
const POLL_AFTER_MS: &str = "5";

#[derive(Default)]
pub struct Stored(Mutex<State>);

#[derive(Default)]
struct State {
    /// How many things were made; their ids count on.
    made: usize,
    /// By id. Members that begin with `_` are not shown.
    things: BTreeMap<String, Value>,
    /// What files and parts hold, by id.
    contents: HashMap<String, Vec<u8>>,
}

type Outcome = Result<Answer, Failure>;

impl Stored {
    /// The answer to a request; `None` when its path leads to nothing that is kept here.
    pub fn answer(&self, request: &Request, path: &str) -> Option<Outcome> {
        let mut state = self.0.lock().expect("nobody panics while holding it");
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        match segments.first().copied()? {
            "files" => files::answer(&mut state, request, &segments[1..]),
            "uploads" => uploads::answer(&mut state, request, &segments[1..]),
            "batches" => batches::answer(&mut state, request, &segments[1..]),
            "fine_tuning" => fine_tuning::answer(&mut state, request, &segments[1..]),
            "assistants" | "threads" => assistants::answer(&mut state, request, &segments),
            _ => None,
        }
    }
}

impl State {
    /// Keeps a new thing, whose id begins with `prefix`.
    fn make(&mut self, prefix: &str, object: &str, members: Value) -> &mut Value {
        self.made += 1;
        let id = format!("{prefix}{:06}", self.made);
        let mut thing = json!({"id": id, "object": object, "created_at": CREATED});
        for (name, value) in members.as_object().into_iter().flatten() {
            thing[name] = value.clone();
        }
        self.things.entry(id).or_insert(thing)
    }

    /// A thing by its id, which has to begin with `prefix`.
    fn find(&mut self, prefix: &str, id: &str) -> Result<&mut Value, Failure> {
        let thing = self.things.get_mut(id).filter(|_| id.starts_with(prefix));
        thing.ok_or_else(|| Failure::new(404, &format!("There is no `{id}`.")).code("not_found"))
    }

    /// The same as it is when somebody looks at it: one state further.
    fn look(&mut self, prefix: &str, id: &str) -> Result<&mut Value, Failure> {
        let thing = self.find(prefix, id)?;
        let to_come = thing["_to_come"].as_array_mut().filter(|states| !states.is_empty());
        if let Some(state) = to_come.map(|states| states.remove(0)) {
            thing["status"] = state;
        }
        Ok(thing)
    }

    fn delete(&mut self, prefix: &str, id: &str, object: &str) -> Outcome {
        self.find(prefix, id)?;
        self.things.remove(id);
        self.contents.remove(id);
        Ok(Answer::json(&json!({"id": id, "object": object, "deleted": true})))
    }

    /// A page of the things whose ids begin with `prefix`; the newest first, as the service has it.
    fn list(&self, prefix: &str, request: &Request, keep: impl Fn(&Value) -> bool) -> Outcome {
        let asked = |name: &str| {
            let pairs = request.query().split('&').filter_map(|pair| pair.split_once('='));
            pairs
                .filter(|(key, _)| *key == name)
                .map(|(_, value)| value)
                .next_back()
        };
        let mut all: Vec<&Value> = self
            .things
            .iter()
            .filter(|(id, thing)| id.starts_with(prefix) && keep(thing))
            .map(|(_, thing)| thing)
            .collect();
        if asked("order") != Some("asc") {
            all.reverse();
        }
        let start = asked("after").and_then(|after| all.iter().position(|thing| thing["id"] == after));
        let limit = asked("limit").and_then(|limit| limit.parse().ok()).unwrap_or(20);
        let rest = &all[start.map_or(0, |at| at + 1)..];
        let page: Vec<Value> = rest.iter().take(limit).map(|thing| shown(thing)).collect();
        let id = |thing: Option<&Value>| thing.map_or(Value::Null, |thing| thing["id"].clone());
        Ok(Answer::json(&json!({
            "object": "list", "first_id": id(page.first()), "last_id": id(page.last()), "has_more": rest.len() > page.len(), "data": page,
        })))
    }
}

/// A thing as the service shows it.
fn shown(thing: &Value) -> Value {
    let members = thing.as_object().into_iter().flatten();
    let shown = members.filter(|(name, _)| !name.starts_with('_'));
    shown.map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn answer(thing: &Value) -> Outcome {
    let mut answer = Answer::json(&shown(thing));
    if thing["_to_come"].as_array().is_some_and(|states| !states.is_empty()) {
        answer.header("openai-poll-after-ms", POLL_AFTER_MS);
    }
    Ok(answer)
}

/// A text that a request must have.
fn text<'a>(params: &'a Value, name: &str) -> Result<&'a str, Failure> {
    params[name]
        .as_str()
        .ok_or_else(|| Failure::param(name, &format!("`{name}` is missing.")))
}

/// The JSON of a request that may have none.
fn parse_if_any(request: &Request) -> Result<Value, Failure> {
    match request.body.is_empty() {
        true => Ok(json!({})),
        false => parse(request),
    }
}
