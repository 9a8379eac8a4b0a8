//! What an answer is as a page of a list, and what the next page is asked for with.
#![forbid(unsafe_code)]

use crate::json::{Kind, Value};
use crate::operation::Target;
use std::ops::Range;

/// How an operation's list goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// `after` and the last item's id.
    Forwards,
    /// `before` and the first item's id.
    Backwards,
    /// `page` and the token that each page brings.
    Tokens,
    /// Only if the page says so: nobody has promised that the service can go on.
    WhenTold,
    /// One answer holds everything.
    Whole,
}

/// One page.
#[derive(Debug, PartialEq, Eq)]
pub struct Page {
    /// Where its items stand in the answer.
    pub items: Vec<Range<usize>>,
    /// `None`: it is the last one.
    pub next: Option<Next>,
}

/// What the next page is asked for with.
#[derive(Debug, PartialEq, Eq)]
pub struct Next {
    pub param: &'static str,
    /// JSON, as it came.
    pub cursor: String,
}

impl Way {
    pub fn of(target: &Target, params: Value<'_>) -> Way {
        let takes = |name| target.entry.is_some_and(|entry| entry.query.contains(name));
        let given = |name| params.get(name).is_some_and(|value| !value.is_null());
        match () {
            // It asks for work, and would ask for it again.
            () if target.method != "GET" => Way::Whole,
            () if takes("page") => Way::Tokens,
            // Both together are the two ends of a range, which is read from its start.
            () if given("before") && !given("after") => Way::Backwards,
            () if takes("after") => Way::Forwards,
            () => Way::WhenTold,
        }
    }
}

impl Page {
    /// Reads an answer.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(answer: &[u8], way: Way) -> Result<Page, String> {
        let whole = Value::parse(answer).map_err(|fault| format!("the answer is no list: {fault}"))?;
        let list = list_in(whole)?;
        let items: Vec<Value<'_>> = list.map(Value::items).into_iter().flatten().collect();
        Ok(Page {
            next: next(whole, &items, way)?,
            items: items.into_iter().map(|item| range_in(item, answer)).collect(),
        })
    }
}

/// The array that holds the items; `None`: there are none.
fn list_in(answer: Value<'_>) -> Result<Option<Value<'_>>, String> {
    // Some services answer with the array alone (Together's models).
    if answer.kind() == Kind::Array {
        return Ok(Some(answer));
    }
    match answer.get("data") {
        Some(data) if data.kind() == Kind::Array => Ok(Some(data)),
        // Go's encoding of an empty slice (Ollama's models).
        Some(data) if data.is_null() => Ok(None),
        None if calls_itself_a_list(answer) => Ok(None),
        Some(data) => Err(format!(
            "the answer is no list: data is {}, not an array",
            data.kind().name()
        )),
        None => Err("the answer is no list: it has no data".to_owned()),
    }
}

fn calls_itself_a_list(answer: Value<'_>) -> bool {
    answer.get("has_more").is_some() || answer.get("object").is_some_and(|object| object.raw() == br#""list""#)
}

fn next(page: Value<'_>, items: &[Value<'_>], way: Way) -> Result<Option<Next>, String> {
    let has_more = page.get("has_more").and_then(Value::as_bool);
    let id_of = |item: Option<&Value<'_>>| cursor_in(*item?, "id");
    // What the service names itself goes before what can be told from the items.
    let (param, cursor) = match way {
        Way::Whole => return Ok(None),
        _ if has_more == Some(false) => return Ok(None),
        Way::WhenTold if has_more.is_none() => return Ok(None),
        Way::Tokens => ("page", cursor_in(page, "next_page").or_else(|| cursor_in(page, "next"))),
        Way::WhenTold if cursor_in(page, "next_page").is_some() => ("page", cursor_in(page, "next_page")),
        Way::Backwards => ("before", cursor_in(page, "first_id").or_else(|| id_of(items.first()))),
        Way::Forwards | Way::WhenTold => match cursor_in(page, "next") {
            // Lists that have such a member say with it whether there is more (organization.groups and the like).
            None if has_more.is_none() && page.get("next").is_some() => return Ok(None),
            next => (
                "after",
                next.or_else(|| cursor_in(page, "last_id"))
                    .or_else(|| id_of(items.last())),
            ),
        },
    };
    match cursor {
        // Behind a filter a page may be empty although more follow; but then the page says so.
        Some(cursor) if !items.is_empty() || has_more == Some(true) => Ok(Some(Next { param, cursor })),
        // To stop here would pass a part of the list off as the whole.
        None if !items.is_empty() && has_more == Some(true) => {
            Err("the page has_more, but names nothing to go on with".to_owned())
        }
        _ => Ok(None),
    }
}

fn cursor_in(object: Value<'_>, name: &str) -> Option<String> {
    let value = object.get(name)?;
    let usable = match value.kind() {
        Kind::String => value.raw() != b"\"\"",
        Kind::Number => true,
        _ => false,
    };
    usable.then(|| String::from_utf8_lossy(value.raw()).into_owned())
}

fn range_in(part: Value<'_>, text: &[u8]) -> Range<usize> {
    let start = part.offset_in(text);
    start..start + part.raw().len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation;

    fn way(operation: &str, params: &str) -> Way {
        Way::of(
            &operation::find(operation).unwrap(),
            Value::parse(params.as_bytes()).unwrap(),
        )
    }

    /// The items, and what the next page is asked for with.
    fn read(answer: &str, way: Way) -> (Vec<&str>, Option<(&'static str, String)>) {
        let page = Page::read(answer.as_bytes(), way).unwrap_or_else(|why| panic!("{answer}: {why}"));
        let items = page.items.into_iter().map(|range| &answer[range]).collect();
        (items, page.next.map(|next| (next.param, next.cursor)))
    }

    fn next(answer: &str, way: Way) -> Option<(&'static str, String)> {
        read(answer, way).1
    }

    fn refused(answer: &str) -> String {
        Page::read(answer.as_bytes(), Way::Forwards).unwrap_err()
    }

    fn after(cursor: &str) -> Option<(&'static str, String)> {
        Some(("after", cursor.to_owned()))
    }

    #[test]
    fn the_way_is_known_by_the_operation_and_by_what_the_program_asks_for() {
        for (operation, params, expected) in [
            ("files.list", "{}", Way::Forwards),
            ("GET /files", "{}", Way::Forwards),
            ("files.list", r#"{"after":"a"}"#, Way::Forwards),
            ("vector_stores.list", r#"{"before":"b"}"#, Way::Backwards),
            ("vector_stores.list", r#"{"before":null}"#, Way::Forwards),
            ("vector_stores.list", r#"{"before":"b","after":"a"}"#, Way::Forwards),
            ("admin.organization.usage.costs", "{}", Way::Tokens),
            ("beta.agents.environments.files.list", "{}", Way::Tokens),
            ("models.list", "{}", Way::WhenTold),
            ("GET /somebody/elses/list", "{}", Way::WhenTold),
            ("vector_stores.search", "{}", Way::Whole),
        ] {
            assert_eq!(way(operation, params), expected, "{operation} {params}");
        }
    }

    #[test]
    fn items_are_handed_on_byte_for_byte() {
        let answer = r#" { "object":"list", "data" : [ {"id": "a", "n": 1.10} , 2,"\u4f60"	], "has_more" : false } "#;
        let (items, next) = read(answer, Way::Forwards);
        assert_eq!(items, [r#"{"id": "a", "n": 1.10}"#, "2", r#""\u4f60""#]);
        assert_eq!(next, None);
    }

    #[test]
    fn a_list_goes_on_behind_its_last_item_until_it_says_that_there_is_no_more() {
        let page = |has_more: &str| format!(r#"{{"data":[{{"id":"a"}},{{"id":"b"}}]{has_more}}}"#);
        for (has_more, expected) in [
            (r#","has_more":true"#, after("\"b\"")),
            (r#","has_more":false"#, None),
            (r#","has_more":null"#, after("\"b\"")),
            ("", after("\"b\"")),
        ] {
            assert_eq!(next(&page(has_more), Way::Forwards), expected, "{has_more}");
        }
        assert_eq!(next(&page(""), Way::WhenTold), None);
        assert_eq!(next(&page(r#","has_more":true"#), Way::WhenTold), after("\"b\""));
        assert_eq!(next(&page(r#","has_more":true"#), Way::Whole), None);
    }

    #[test]
    fn what_the_service_names_itself_goes_before_the_ids_of_the_items() {
        for (page, expected) in [
            (r#"{"data":[{"id":"a"}],"last_id":"z","has_more":true}"#, after("\"z\"")),
            (r#"{"data":[{"id":"a"}],"last_id":"","has_more":true}"#, after("\"a\"")),
            (r#"{"data":[{"id":"a"}],"last_id":null}"#, after("\"a\"")),
            (r#"{"data":[{"id":"a"}],"next":"n","last_id":"z"}"#, after("\"n\"")),
            (r#"{"data":[{"id":"a"}],"next":null}"#, None),
            (r#"{"data":[{"id":"a"}],"next":null,"has_more":true}"#, after("\"a\"")),
            (r#"{"data":[{"id":7}]}"#, after("7")),
        ] {
            assert_eq!(next(page, Way::Forwards), expected, "{page}");
        }
    }

    #[test]
    fn going_backwards_goes_on_before_the_first_item() {
        let before = |cursor: &str| Some(("before", cursor.to_owned()));
        for (page, expected) in [
            (r#"{"data":[{"id":"a"},{"id":"b"}],"has_more":true}"#, before("\"a\"")),
            (r#"{"data":[{"id":"a"}],"first_id":"f","last_id":"l"}"#, before("\"f\"")),
            (r#"{"data":[{"id":"a"}],"first_id":"f","has_more":false}"#, None),
        ] {
            assert_eq!(next(page, Way::Backwards), expected, "{page}");
        }
    }

    #[test]
    fn tokens_are_handed_back_as_they_came() {
        let token = |cursor: &str| Some(("page", cursor.to_owned()));
        for (page, expected) in [
            (
                r#"{"data":[{}],"has_more":true,"next_page":"page_A=\u003d"}"#,
                token(r#""page_A=\u003d""#),
            ),
            (r#"{"data":[{}],"has_more":true,"next":"t"}"#, token("\"t\"")),
            (r#"{"data":[{}],"has_more":false,"next_page":"t"}"#, None),
            (r#"{"data":[{"id":"a"}],"next_page":null}"#, None),
        ] {
            assert_eq!(next(page, Way::Tokens), expected, "{page}");
        }
        let content =
            r#"{"object":"vector_store.file_content.page","data":[{"text":"a"}],"has_more":true,"next_page":"t"}"#;
        assert_eq!(next(content, Way::WhenTold), token("\"t\""));
    }

    #[test]
    fn an_empty_page_is_the_last_one_unless_it_says_otherwise() {
        for (page, expected) in [
            (r#"{"object":"list","data":[]}"#, None),
            (r#"{"data":[],"has_more":true}"#, None),
            (r#"{"data":[],"has_more":true,"last_id":null}"#, None),
            (r#"{"data":[],"last_id":"z"}"#, None),
            (r#"{"data":[],"has_more":true,"last_id":"z"}"#, after("\"z\"")),
            (r#"{"object":"list","data":null}"#, None),
            (r#"{"object":"list"}"#, None),
            (r#"{"has_more":false}"#, None),
            ("[]", None),
        ] {
            assert_eq!(read(page, Way::Forwards), (Vec::new(), expected), "{page}");
        }
    }

    #[test]
    fn an_array_alone_is_a_list() {
        assert_eq!(
            read(r#"[{"id":"a"},{"id":"b"}]"#, Way::WhenTold),
            (vec![r#"{"id":"a"}"#, r#"{"id":"b"}"#], None)
        );
    }

    #[test]
    fn items_without_an_id_end_a_list_but_not_one_that_has_more() {
        assert_eq!(next(r#"{"data":[{"id":"a"},{}]}"#, Way::Forwards), None);
        assert_eq!(next(r#"{"data":["a"]}"#, Way::Forwards), None);
        assert!(refused(r#"{"data":[{"id":null}],"has_more":true}"#).contains("names nothing to go on with"));
    }

    #[test]
    fn what_is_no_list_is_told() {
        for (answer, why) in [
            (r#"{"id":"file_1","object":"file"}"#, "it has no data"),
            (r#"{"object":"list","data":{"a":1}}"#, "data is an object, not an array"),
            (r#""text""#, "it has no data"),
            ("", "the text ends too early"),
        ] {
            assert!(refused(answer).contains(why), "{answer}: {}", refused(answer));
        }
    }
}
