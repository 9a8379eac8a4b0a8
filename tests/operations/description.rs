//! What the API's published description says of its operations, in its own words (scripts/operations.py copies them), and whether the
//! table says the same.

use super::table::Row;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

const JSON: &str = "application/json";
const FORM: &str = "multipart/form-data";
/// Content types, and what the table calls them.
const WORDS: [(&str, &str); 3] = [(JSON, "json"), (FORM, "form"), ("application/sdp", "sdp")];
const EVENTS: &str = "text/event-stream";

#[derive(Deserialize)]
struct Described {
    name: String,
    aliases: Vec<String>,
    method: String,
    path: String,
    in_path: Vec<String>,
    query: Vec<String>,
    /// By media type of the body.
    content: BTreeMap<String, Content>,
    /// The media types of good answers.
    answers: BTreeSet<String>,
    streaming: bool,
    deprecated: bool,
}

#[derive(Deserialize)]
struct Content {
    files: Vec<String>,
    stream: Option<String>,
    encoding: BTreeMap<String, Encoding>,
}

#[derive(Deserialize)]
struct Encoding {
    #[serde(rename = "contentType")]
    content_type: String,
}

/// Where the table knows better than the description: operation, column, why.
const BETTER: [(&str, &str, &str); 6] = [
    ("images.edit", "files", "the official SDKs send `markup` already"),
    (
        "audio.transcriptions.create",
        "answer",
        "`response_format` can ask for text",
    ),
    (
        "audio.translations.create",
        "answer",
        "`response_format` can ask for text",
    ),
    ("files.content", "answer", "the answer is the file, of whatever type"),
    (
        "containers.files.content.retrieve",
        "answer",
        "the answer is the file; no type is described",
    ),
    ("realtime.calls.create", "answer", "SDP is text"),
];

fn description() -> Vec<Described> {
    let lines = include_str!("../data/description.jsonl").lines();
    lines
        .map(|line| serde_json::from_str(line).expect("a line of the extract"))
        .collect()
}

/// The table's rows that the description has, each held against it. Gives how many there were.
pub fn compare(table: &[Row]) -> usize {
    let description = description();
    let mut better: BTreeSet<(&str, &str)> = BTreeSet::new();
    for described in &description {
        let place = |row: &&Row| (row.method, row.path) == (&described.method, &described.path);
        let row = table
            .iter()
            .find(place)
            .unwrap_or_else(|| panic!("the table lacks {}", described.name));
        assert_eq!(row.name, described.name);
        assert!(
            described.aliases.iter().all(|alias| row.aliases.contains(&&alias[..])),
            "{}",
            row.name
        );
        for (column, said, has) in described.columns(row) {
            if said == has {
                continue;
            }
            let known = BETTER.iter().find(|(name, of, _)| (*name, *of) == (row.name, column));
            let known = known.unwrap_or_else(|| panic!("{}, {column}: {said:?}, and the table has {has:?}", row.name));
            println!("{}, {column}: {said:?} is {has:?} here: {}", row.name, known.2);
            better.insert((known.0, known.1));
        }
    }
    assert_eq!(
        better.len(),
        BETTER.len(),
        "no difference any more: only {better:?} are"
    );
    description.len()
}

impl Described {
    /// A column, what it should say, and what the table has there.
    fn columns(&self, row: &Row) -> [(&'static str, Vec<String>, Vec<String>); 8] {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let form = self.content.get(FORM);
        let content = WORDS.iter().filter(|(kind, _)| self.content.contains_key(*kind));
        // Which of them goes first is for the table to say.
        let mut in_order = words(&row.content);
        in_order.sort_by_key(|word| WORDS.iter().position(|(_, known)| known == word));
        let parts = form.iter().flat_map(|form| &form.encoding);
        let stream = self.content.values().find_map(|content| content.stream.clone());
        [
            ("path", self.in_path.clone(), words(&row.in_path)),
            (
                "query",
                self.query
                    .iter()
                    .map(|name| name.trim_end_matches("[]").to_owned())
                    .collect(),
                words(&row.query),
            ),
            (
                "content",
                content.map(|(_, word)| (*word).to_owned()).collect(),
                in_order,
            ),
            (
                "files",
                form.map_or_else(Vec::new, |form| form.files.clone()),
                words(&row.files),
            ),
            (
                "parts",
                parts.map(|(name, of)| format!("{name}={}", of.content_type)).collect(),
                row.parts.iter().map(|(name, kind)| format!("{name}={kind}")).collect(),
            ),
            (
                "stream",
                // A GET has it in its query.
                self.streaming
                    .then(|| stream.unwrap_or_else(|| "stream".into()))
                    .into_iter()
                    .collect(),
                row.stream.iter().map(|stream| (*stream).to_owned()).collect(),
            ),
            ("answer", vec![self.answer().to_owned()], vec![row.answer.to_owned()]),
            (
                "flags",
                self.deprecated.then(|| "deprecated".to_owned()).into_iter().collect(),
                words(&row.flags),
            ),
        ]
    }

    fn answer(&self) -> &'static str {
        let whole: Vec<&str> = self
            .answers
            .iter()
            .map(|kind| &kind[..])
            .filter(|kind| *kind != EVENTS)
            .collect();
        match whole[..] {
            [] => "none",
            [JSON] => "json",
            _ => "binary",
        }
    }
}
