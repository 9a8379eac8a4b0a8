//! The table of operations, read by its own documentation: a line of column names, then one line an operation; `-` is nothing, lists
//! have commas.

#![allow(dead_code)] // Each test binary uses another part of it.

use serde_json::{Map, Value};
use std::collections::HashMap;

/// An operation as the table describes it.
pub struct Row {
    pub name: &'static str,
    pub method: &'static str,
    pub path: &'static str,
    /// The names in the path's braces.
    pub in_path: Vec<&'static str>,
    pub query: Vec<&'static str>,
    pub content: Vec<&'static str>,
    pub files: Vec<&'static str>,
    /// Fields of a form and their media types.
    pub parts: Vec<(&'static str, &'static str)>,
    pub stream: Option<&'static str>,
    pub answer: &'static str,
    pub needs_model: bool,
    pub beta: Option<&'static str>,
    pub flags: Vec<&'static str>,
    pub aliases: Vec<&'static str>,
}

pub fn table() -> Vec<Row> {
    let mut lines = include_str!("../../src/operations/table.tsv").lines();
    let columns: Vec<&str> = lines.next().expect("a line of names").split('\t').collect();
    let row = |line: &'static str| {
        let cells: Vec<&str> = line.split('\t').collect();
        assert_eq!(cells.len(), columns.len(), "{line}");
        Row::of(&columns.iter().copied().zip(cells).collect())
    };
    lines.map(row).collect()
}

impl Row {
    fn of(cells: &HashMap<&str, &'static str>) -> Row {
        let word = |column: &str| Some(cells[column]).filter(|cell| *cell != "-");
        let list = |column: &str| word(column).map_or_else(Vec::new, |cell| cell.split(',').collect());
        let path = cells["path"];
        Row {
            name: cells["name"],
            method: cells["method"],
            path,
            in_path: path
                .split('{')
                .skip(1)
                .filter_map(|rest| Some(rest.split_once('}')?.0))
                .collect(),
            query: list("query"),
            content: list("content"),
            files: list("files"),
            parts: list("parts").iter().filter_map(|part| part.split_once('=')).collect(),
            stream: word("stream"),
            answer: cells["answer"],
            needs_model: word("model") == Some("required"),
            beta: word("beta"),
            flags: list("flags"),
            aliases: list("aliases"),
        }
    }

    /// The path parameters alone.
    pub fn params(&self, value: impl Fn(&str) -> Value) -> Value {
        let params: Map<String, Value> = self
            .in_path
            .iter()
            .map(|name| (name.to_string(), value(name)))
            .collect();
        params.into()
    }

    /// What a service with the base `/v1` is asked for: `segment` says what stands in place of a parameter.
    pub fn target(&self, segment: impl Fn(&str) -> String) -> String {
        let mut target = format!("/v1{}", self.path);
        for name in &self.in_path {
            target = target.replace(&format!("{{{name}}}"), &segment(name));
        }
        target
    }

    /// Whether the rest of the parameters is a body.
    pub fn has_body(&self) -> bool {
        self.method == "POST"
    }
}

/// RFC 3986: everything but unreserved characters, and the colon that names of models are full of.
pub fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte);
    let one = |byte: u8| {
        if plain(byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    text.bytes().map(one).collect()
}
