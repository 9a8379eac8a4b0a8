//! What the stand-in says: the one place where a "model" would be. Chat and responses bring their requests into the
//! form of a `Turn` and get what is said.

use super::schema;
use serde_json::Value;

/// What a conversation has come to.
pub struct Turn {
    pub last: Last,
    /// How many messages of the user there are.
    pub number: usize,
    /// Pictures and other parts that are not text in the last message.
    pub attachments: usize,
    pub tools: Vec<Tool>,
    pub format: Format,
}

/// The message to answer.
pub enum Last {
    User(String),
    ToolResult(String),
}

pub struct Tool {
    pub name: String,
    pub parameters: Value,
}

pub enum Format {
    Text,
    JsonObject,
    JsonSchema(Value),
}

pub enum Said {
    Text(String),
    Calls(Vec<Call>),
}

/// The wish to have a tool called.
pub struct Call {
    pub name: String,
    /// JSON text.
    pub arguments: String,
}

pub const INTRODUCTION: &str =
    "你好！我是 libkuai 的替身服务，没有真正的模型，只会给出固定的回答。很高兴认识你😊，祝你编程愉快！";

pub fn respond(turn: &Turn) -> Said {
    let said = match &turn.last {
        Last::User(said) => said,
        Last::ToolResult(result) => return Said::Text(shape(turn, &format!("The tool says: {result}"))),
    };
    if let Some(tool) = turn.tools.first().filter(|_| asks_for_weather(said)) {
        let call = |place: String| {
            let arguments = schema::example(&tool.parameters, &place).to_string();
            Call {
                name: tool.name.clone(),
                arguments,
            }
        };
        return Said::Calls(places(said).into_iter().map(call).collect());
    }
    let mut text = match sum(said) {
        Some(sum) => sum,
        None if said.trim() == "请介绍一下你自己" => INTRODUCTION.to_owned(),
        None => format!("You said: {said}"),
    };
    if turn.attachments > 0 {
        text += &format!(" (and {} attachments)", turn.attachments);
    }
    if turn.number > 1 {
        text += &format!(" (turn {})", turn.number);
    }
    Said::Text(shape(turn, &text))
}

fn shape(turn: &Turn, text: &str) -> String {
    match &turn.format {
        Format::Text => text.to_owned(),
        Format::JsonObject => serde_json::json!({ "answer": text }).to_string(),
        Format::JsonSchema(schema) => schema::example(schema, text).to_string(),
    }
}

/// `1+100=` is answered `1+100=101`.
fn sum(said: &str) -> Option<String> {
    let said = said.trim();
    let (left, right) = said.strip_suffix('=')?.split_once('+')?;
    let left: i64 = left.trim().parse().ok()?;
    let right: i64 = right.trim().parse().ok()?;
    Some(format!("{said}{}", left.checked_add(right)?))
}

fn asks_for_weather(said: &str) -> bool {
    said.to_lowercase().contains("weather") || said.contains("天气")
}

/// The places asked about, one call for each: "in Paris and Tokyo", "北京和上海的天气".
fn places(said: &str) -> Vec<String> {
    let english = said.split_once(" in ").map(|(_, places)| places);
    let chinese = said.split_once("天气").map(|(places, _)| places.trim_end_matches('的'));
    let named = english.or(chinese).unwrap_or("");
    let each = named.split(" and ").flat_map(|places| places.split(['和', ',', '，']));
    let each = each.map(|place| place.trim_matches(|one: char| !one.is_alphanumeric()));
    let places: Vec<String> = each.filter(|place| !place.is_empty()).map(str::to_owned).collect();
    if places.is_empty() {
        vec!["here".to_owned()]
    } else {
        places
    }
}
