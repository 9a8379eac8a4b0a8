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
    let texts = Texts::of(&rows);
    let source = [
        texts.source(),
        operations(&rows, &texts),
        names(&rows, &texts),
        routes(&rows, &texts),
    ]
    .concat();
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

/// All texts of the tables as one, that has each of them once. The tables say where: addresses would take 40 bytes each, as every one is
/// relocated when the library is loaded.
struct Texts(String);

impl Texts {
    fn of(rows: &[Row]) -> Texts {
        let cells = rows.iter().flat_map(|row| &row.cells).filter(|cell| **cell != "-");
        let mut cells: Vec<&str> = cells.copied().collect();
        // What is a part of another text comes after it.
        cells.sort_by_key(|cell| (std::cmp::Reverse(cell.len()), *cell));
        let mut all = String::new();
        for cell in cells {
            assert!(cell.is_ascii(), "{TABLE}: {cell:?} is not ASCII");
            if !all.contains(cell) {
                all.push_str(cell);
            }
        }
        assert!(
            u16::try_from(all.len()).is_ok(),
            "{TABLE}: the texts are longer than a u16 counts"
        );
        Texts(all)
    }

    fn source(&self) -> String {
        format!("static TEXTS: &str = {:?};\n", self.0)
    }

    /// A cell, or a part of one, as an expression.
    fn text(&self, text: &str) -> String {
        let at = self.0.find(text).expect("a part of a cell");
        format!("Text {{ at: {at}, length: {} }}", text.len())
    }

    fn option(&self, text: Option<&str>) -> String {
        text.map_or("None".to_owned(), |text| format!("Some({})", self.text(text)))
    }
}

fn operations(rows: &[Row], texts: &Texts) -> String {
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
        if row.list("parts").iter().any(|part| !part.contains('=')) {
            row.fail("a part needs its media type");
        }
        // A stream that comes in any case is asked for by nothing.
        let stream = row.option("stream").filter(|property| *property != "always");
        writeln!(
            out,
            "Operation {{ name: {}, aliases: Words({}), method: {}, path: {}, query: Words({}), content: Content::{content}, \
             files: Words({}), parts: Words({}), streaming: {}, stream: {}, answer: Answer::{answer}, binary: {}, \
             needs_model: {}, beta: {}, deprecated: {}, newer: {} }},",
            texts.text(row.cell("name")),
            texts.text(row.cell("aliases")),
            texts.text(row.cell("method")),
            texts.text(row.cell("path")),
            texts.text(row.cell("query")),
            texts.text(row.cell("files")),
            texts.text(row.cell("parts")),
            row.option("stream").is_some(),
            texts.option(stream),
            answer != "Json",
            row.cell("model") == "required",
            texts.option(row.option("beta")),
            row.has("deprecated"),
            row.has("newer"),
        )
        .expect("writing to a String");
    }
    out + "];\n"
}

/// Every name and alias, sorted, with its operation's place in the table.
fn names(rows: &[Row], texts: &Texts) -> String {
    let mut names = BTreeMap::new();
    for (i, row) in rows.iter().enumerate() {
        for name in std::iter::once(row.cell("name")).chain(row.list("aliases")) {
            if names.insert(name, i).is_some() {
                row.fail("the name is taken");
            }
        }
    }
    let entries: String = names
        .iter()
        .map(|(name, i)| format!("({}, {i}),\n", texts.text(name)))
        .collect();
    format!("static NAMES: [(Text, u16); {}] = [\n{entries}];\n", names.len())
}

/// Every method and path, sorted by method and number of segments; among equals, the more particular first.
fn routes(rows: &[Row], texts: &Texts) -> String {
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
    let entries: String = routes
        .iter()
        .map(|(key, i)| format!("({}, {}, {i}),\n", texts.text(key.0), key.1))
        .collect();
    format!("static ROUTES: [(Text, u8, u16); {}] = [\n{entries}];\n", routes.len())
}
