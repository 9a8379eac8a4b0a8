//! src/operations/table.tsv as Rust: the table itself, and what is searched, sorted, so that nothing is made at
//! start-up.

use std::collections::BTreeMap;
use std::env;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

const TABLE: &str = "src/operations/table.tsv";
const COLUMNS: &str = "name\tmethod\tpath\tquery\tcontent\tfiles\tparts\tstream\tanswer\tmodel\tbeta\tflags\taliases";

/// Writes `operations.rs` into `OUT_DIR`; src/operation.rs includes it.
///
/// # Panics
/// With the line, when the table is not what operation.rs needs.
pub fn generate() {
    let table = fs::read_to_string(TABLE).unwrap_or_else(|error| panic!("{TABLE}: {error}"));
    let mut lines = table.lines();
    assert_eq!(lines.next(), Some(COLUMNS), "{TABLE}: other columns");
    let rows: Vec<Row> = lines.enumerate().map(|(i, line)| Row::new(i + 2, line)).collect();
    let source = [operations(&rows), names(&rows), routes(&rows)].concat();
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    fs::write(out.join("operations.rs"), source).expect("OUT_DIR can be written to");
}

/// One line of the table.
struct Row<'a> {
    line: usize,
    cells: Vec<&'a str>,
}

impl<'a> Row<'a> {
    fn new(line: usize, text: &'a str) -> Row<'a> {
        let cells: Vec<&str> = text.split('\t').collect();
        assert_eq!(
            cells.len(),
            COLUMNS.split('\t').count(),
            "{TABLE}:{line}: not as many cells as columns"
        );
        Row { line, cells }
    }

    /// A cell; the empty ones are written as `-`.
    fn cell(&self, column: &str) -> &'a str {
        let at = COLUMNS.split('\t').position(|name| name == column).expect("a column");
        Some(self.cells[at]).filter(|cell| *cell != "-").unwrap_or_default()
    }

    fn list(&self, column: &str) -> Vec<&'a str> {
        self.cell(column).split(',').filter(|word| !word.is_empty()).collect()
    }

    fn option(&self, column: &str) -> Option<&'a str> {
        Some(self.cell(column)).filter(|cell| !cell.is_empty())
    }

    fn has(&self, flag: &str) -> bool {
        self.list("flags").contains(&flag)
    }

    fn fail(&self, why: &str) -> ! {
        panic!("{TABLE}:{}: {why}", self.line)
    }
}

fn operations(rows: &[Row]) -> String {
    let mut out = format!("pub static OPERATIONS: [Operation; {}] = [\n", rows.len());
    for row in rows {
        let content = match row.cell("content") {
            "" => "None",
            "json" => "Json",
            "form" => "Form",
            "json,form" => "JsonOrForm",
            "form,json" => "FormOrJson",
            "form,sdp" => "FormOrSdp",
            _ => row.fail("unknown content"),
        };
        let answer = match row.cell("answer") {
            "json" => "Json",
            "binary" => "Binary",
            "text" => "Text",
            "none" => "Nothing",
            _ => row.fail("unknown answer"),
        };
        let parts: Vec<(&str, &str)> = row
            .list("parts")
            .into_iter()
            .map(|part| {
                part.split_once('=')
                    .unwrap_or_else(|| row.fail("a part needs its media type"))
            })
            .collect();
        // A stream that comes in any case is asked for by nothing.
        let stream = row.option("stream").filter(|property| *property != "always");
        writeln!(
            out,
            "Operation {{ name: {:?}, aliases: &{:?}, method: {:?}, path: {:?}, query: &{:?}, \
             content: Content::{content}, files: &{:?}, parts: &{parts:?}, streaming: {}, stream: {stream:?}, \
             answer: Answer::{answer}, binary: {}, \
             needs_model: {}, beta: {:?}, deprecated: {}, newer: {} }},",
            row.cell("name"),
            row.list("aliases"),
            row.cell("method"),
            row.cell("path"),
            row.list("query"),
            row.list("files"),
            row.option("stream").is_some(),
            answer != "Json",
            row.cell("model") == "required",
            row.option("beta"),
            row.has("deprecated"),
            row.has("newer"),
        )
        .expect("writing to a String");
    }
    out + "];\n"
}

/// Every name and alias, sorted, with its operation's place in the table.
fn names(rows: &[Row]) -> String {
    let mut names = BTreeMap::new();
    for (i, row) in rows.iter().enumerate() {
        for name in std::iter::once(row.cell("name")).chain(row.list("aliases")) {
            if names.insert(name, i).is_some() {
                row.fail("the name is taken");
            }
        }
    }
    let names: Vec<(&str, usize)> = names.into_iter().collect();
    format!("static NAMES: [(&str, usize); {}] = {names:?};\n", names.len())
}

/// Every method and path, sorted by method and number of segments; among equals, the more particular first.
fn routes(rows: &[Row]) -> String {
    let mut routes = BTreeMap::new();
    for (i, row) in rows.iter().enumerate() {
        let (path, query) = row.cell("path").split_once('?').unwrap_or((row.cell("path"), ""));
        let segments: Vec<&str> = path.split('/').collect();
        let placeholders: Vec<bool> = segments.iter().map(|segment| segment.starts_with('{')).collect();
        let key = (
            row.cell("method"),
            segments.len(),
            placeholders,
            query.is_empty(),
            segments,
            query,
        );
        if routes.insert(key, i).is_some() {
            row.fail("the method and path are taken");
        }
    }
    let routes: Vec<(&str, usize, usize)> = routes.iter().map(|(key, i)| (key.0, key.1, *i)).collect();
    format!(
        "static ROUTES: [(&str, usize, usize); {}] = {routes:?};\n",
        routes.len()
    )
}
