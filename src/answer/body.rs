//! The bytes of an answer before they are known to be JSON: what surrounds it, what they are instead, and how much of them is shown.
#![forbid(unsafe_code)]

use crate::json::Value;
use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;

/// How much of an answer's text is repeated in an error, in bytes.
pub(super) const MOST: usize = 2048;
/// How much of a page is.
const MOST_OF_PAGE: usize = 200;

/// The body without byte order marks and white space around it. Whoever joins files joins their marks too.
pub(super) fn trimmed(body: &[u8]) -> &[u8] {
    let mut body = body.trim_ascii();
    while let Some(rest) = body.strip_prefix(b"\xef\xbb\xbf") {
        body = rest.trim_ascii();
    }
    body
}

/// The start of what came, for an error document.
pub fn snippet(bytes: &[u8]) -> String {
    let start = &bytes[..bytes.len().min(MOST)];
    match std::str::from_utf8(start) {
        Ok(text) => text.to_owned(),
        // The cut may have gone through a character.
        Err(error) if bytes.len() > MOST && error.error_len().is_none() => {
            String::from_utf8_lossy(&start[..error.valid_up_to()]).into_owned()
        }
        Err(_) => cut(&String::from_utf8_lossy(start), MOST).to_owned(),
    }
}

/// At most so many bytes of the text, and no half character.
pub(super) fn cut(text: &str, most: usize) -> &str {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Half a surrogate pair makes a text that strict JSON readers refuse whole: it becomes U+FFFD, which is as long.
pub(super) fn without_lone_surrogates(json: &[u8]) -> Cow<'_, [u8]> {
    let mut mended = Cow::Borrowed(json);
    let mut at = 0;
    while let Some(before) = json
        .get(at..)
        .unwrap_or_default()
        .iter()
        .position(|&byte| byte == b'\\')
    {
        let found = at + before;
        let rest = &json[found..];
        at = found
            + match (surrogate(rest), rest.get(6..).and_then(surrogate)) {
                (None, _) => 2,
                (Some(Half::High), Some(Half::Low)) => 12,
                (Some(_), _) => {
                    mended.to_mut()[found..found + 6].copy_from_slice(b"\\ufffd");
                    6
                }
            };
    }
    mended
}

/// Which half of a pair.
enum Half {
    High,
    Low,
}

/// The half that is escaped at the start of `rest`: `\ud800` to `\udfff`.
fn surrogate(rest: &[u8]) -> Option<Half> {
    match rest {
        [
            b'\\',
            b'u',
            b'd' | b'D',
            b'8' | b'9' | b'a' | b'b' | b'A' | b'B',
            _,
            _,
            ..,
        ] => Some(Half::High),
        [b'\\', b'u', b'd' | b'D', b'c'..=b'f' | b'C'..=b'F', _, _, ..] => Some(Half::Low),
        _ => None,
    }
}

/// Whether a stream came although none was asked for.
pub(super) fn is_event_stream(text: &[u8]) -> bool {
    [&b"data:"[..], b"event:", b": ", b"id:", b"retry:"]
        .iter()
        .any(|start| text.starts_with(start))
}

/// The data of a stream's first event that has JSON: services that were asked for a stream tell failures so under any HTTP status.
pub(super) fn first_event(text: &[u8]) -> Option<&[u8]> {
    if !is_event_stream(text) {
        return None;
    }
    let lines = text.split(|byte| matches!(byte, b'\n' | b'\r'));
    lines
        .filter_map(|line| line.strip_prefix(b"data:"))
        .map(<[u8]>::trim_ascii)
        .find(|data| Value::parse(data).is_ok())
}

/// Whether text that is not UTF-8 is Chinese in its older encoding: all that is not ASCII comes in pairs of GBK.
pub fn looks_like_gbk(text: &[u8]) -> bool {
    let mut pairs = 0;
    let mut rest = text;
    while let Some((&lead, after)) = rest.split_first() {
        rest = match (lead, after) {
            (0..=0x7f, _) => after,
            (0x81..=0xfe, [0x40..=0x7e | 0x80..=0xfe, after @ ..]) => {
                pairs += 1;
                after
            }
            _ => return false,
        };
    }
    // GBK passes for UTF-8 here and there, damaged UTF-8 nearly everywhere. One pair alone may be anything.
    let (whole, broken) = text.utf8_chunks().fold((0, 0), |(whole, broken), chunk| {
        let long = chunk.valid().chars().filter(|c| c.len_utf8() > 2).count();
        (whole + long, broken + usize::from(!chunk.invalid().is_empty()))
    });
    pairs > 1 && broken > whole
}

/// What a page of HTML says in short: its title, else the first of its text.
pub(super) struct Page(pub String);

impl Page {
    /// `declared`: the content type says HTML.
    pub fn read(text: &[u8], declared: bool) -> Option<Page> {
        const STARTS: [&[u8]; 5] = [b"<!doctype html", b"<html", b"<head", b"<body", b"<title"];
        let begins = |start: &&[u8]| {
            text.get(..start.len())
                .is_some_and(|begin| begin.eq_ignore_ascii_case(start))
        };
        if !(STARTS.iter().any(begins) || declared && text.starts_with(b"<")) {
            return None;
        }
        // What tells what it is stands at its start.
        let start = String::from_utf8_lossy(&text[..text.len().min(16 * 1024)]);
        let words = title(&start)
            .filter(|title| !title.is_empty())
            .unwrap_or_else(|| in_short(&start));
        Some(Page(words))
    }
}

impl fmt::Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "without a title" } else { &self.0 })
    }
}

fn title(page: &str) -> Option<String> {
    // ASCII case does not move any byte.
    let lower = page.to_ascii_lowercase();
    let open = lower.find("<title")?;
    let start = open + lower[open..].find('>')? + 1;
    let end = start + lower[start..].find('<')?;
    Some(in_short(&page[start..end]))
}

/// The text between the tags. Block pages name their visitor's address, which is nobody's business in a log.
fn in_short(html: &str) -> String {
    let mut text = String::new();
    for (i, piece) in html.split('<').enumerate() {
        let after_tag = piece.split_once('>').map_or("", |(_, after)| after);
        text.push_str(if i == 0 { piece } else { after_tag });
        text.push(' ');
    }
    for (entity, character) in [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&nbsp;", " "),
        ("&amp;", "&"),
    ] {
        text = text.replace(entity, character);
    }
    let is_address = |word: &str| {
        word.trim_matches(|c: char| !c.is_ascii_hexdigit() && c != ':')
            .parse::<IpAddr>()
            .is_ok()
    };
    let words: Vec<&str> = text
        .split_whitespace()
        .map(|word| if is_address(word) { "…" } else { word })
        .collect();
    cut(&words.join(" "), MOST_OF_PAGE).to_owned()
}

/// A URL without the user and the password that may stand in it.
pub(super) fn without_user_info(url: &str) -> Cow<'_, str> {
    let start = url.find("//").map_or(0, |at| at + 2);
    let end = start + url[start..].find(['/', '?', '#']).unwrap_or(url.len() - start);
    match url[start..end].rfind('@') {
        Some(at) => Cow::Owned(format!("{}{}", &url[..start], &url[start + at + 1..])),
        None => Cow::Borrowed(url),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_surrounds_an_answer_is_left_out() {
        for body in [
            &b"{}"[..],
            b" \n{}\r\n",
            b"\xef\xbb\xbf{}",
            b"\n\xef\xbb\xbf {} ",
            b"\xef\xbb\xbf\n\xef\xbb\xbf{}",
        ] {
            assert_eq!(trimmed(body), b"{}");
        }
    }

    #[test]
    fn lone_surrogates_are_replaced_and_pairs_are_not() {
        for (json, mended) in [
            (r#""plain 😀""#, r#""plain 😀""#),
            (r#""\ud83d""#, r#""\ufffd""#),
            (r#""\uD83D\uDE00""#, r#""\uD83D\uDE00""#),
            (r#""\ude00\ud83d""#, r#""\ufffd\ufffd""#),
            (r#""\ud83d\ud83d\ude00""#, r#""\ufffd\ud83d\ude00""#),
            (r#""\ud83d\n""#, r#""\ufffd\n""#),
            (r#""\\ud83d""#, r#""\\ud83d""#),
            (r#""\\\ud83d""#, r#""\\\ufffd""#),
            (r#""\u4f60\ud7ff\ue000""#, r#""\u4f60\ud7ff\ue000""#),
        ] {
            let result = without_lone_surrogates(json.as_bytes());
            assert_eq!(result, mended.as_bytes(), "{json}");
            assert_eq!(matches!(result, Cow::Borrowed(_)), json == mended, "{json}");
        }
    }

    #[test]
    fn snippets_are_short_and_end_with_a_whole_character() {
        assert_eq!(snippet(b"abc"), "abc");
        assert_eq!(snippet("好".repeat(1000).as_bytes()), "好".repeat(682));
        assert_eq!(snippet(b"a\xffb"), "a\u{fffd}b");
        assert!(snippet(&[0xff; 5000]).len() <= MOST);
        assert_eq!(cut("a好", 3), "a");
    }

    #[test]
    fn the_first_event_with_json_is_found() {
        for (text, data) in [
            (
                "id:1\nevent:error\n:HTTP_STATUS/400\ndata:{\"code\":\"a\"}\n\n",
                Some("{\"code\":\"a\"}"),
            ),
            ("data: nothing\r\n\r\ndata: {}\r\n\r\n", Some("{}")),
            ("data: [DONE]", None),
            ("not a stream\ndata: {}", None),
            ("", None),
        ] {
            assert_eq!(first_event(text.as_bytes()), data.map(str::as_bytes), "{text:?}");
        }
    }

    #[test]
    fn gbk_is_told_from_damaged_utf8_and_from_latin1() {
        for (text, gbk) in [
            // 你好
            (&b"{\"a\":\"\xc4\xe3\xba\xc3\"}"[..], true),
            // 余额不足, which passes for UTF-8 in parts
            (b"\xd3\xe0\xb6\xee\xb2\xbb\xd7\xe3", true),
            (b"plain", false),
            ("天气".as_bytes(), false),
            // 你 without its last byte
            (b"{\"a\":\"\xe4\xbd\"}", false),
            // 你 whole, then 好 without its last byte
            (b"\xe4\xbd\xa0 \xe5\xa5", false),
            (b"caf\xe9 \xe0 la carte", false),
            (b"\xff\xff", false),
        ] {
            assert_eq!(looks_like_gbk(text), gbk, "{text:?}");
        }
    }

    #[test]
    fn a_page_is_its_title() {
        let page = |text: &str, declared| Page::read(text.as_bytes(), declared).map(|page| page.0);
        assert_eq!(
            page("<!DOCTYPE html><TITLE a=b> Just\n a &lt;moment&gt;... </TITLE>x", false).as_deref(),
            Some("Just a <moment>...")
        );
        assert_eq!(page("<html><body>login</body></html>", false).as_deref(), Some("login"));
        assert_eq!(
            page(
                "<html><title></title><p>Your IP: <b>203.0.113.9</b> (2001:db8::1)",
                false
            )
            .as_deref(),
            Some("Your IP: … …")
        );
        assert_eq!(page("<p>busy</p>", true).as_deref(), Some("busy"));
        assert_eq!(page("<p>busy</p>", false), None);
        assert_eq!(page("busy", true), None);
        assert_eq!(page("<html><title", false).as_deref(), Some(""));
        assert!(page(&format!("<html>{}", "x ".repeat(20_000)), false).unwrap().len() <= MOST_OF_PAGE);
    }

    #[test]
    fn a_url_is_shown_without_its_user() {
        for (url, shown) in [
            ("https://u:hunter2@h/a@b?c@d", "https://h/a@b?c@d"),
            ("//u:hunter2@h", "//h"),
            ("https://h/a@b", "https://h/a@b"),
            ("/a@b", "/a@b"),
            ("", ""),
        ] {
            assert_eq!(without_user_info(url), shown);
        }
    }
}
