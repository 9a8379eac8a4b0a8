//! Forms: read by another reader, the body has the parts that were put in, and is as long as was announced.
#![no_main]

use kuai::inner::multipart::{Multipart, flatten, leaf_text};
use kuai::json::Value;
use kuai_fuzz::Choices;
use libfuzzer_sys::fuzz_target;
use std::borrow::Cow;
use std::io::Read;

/// Name, file name, media type, content.
type Part = (String, Option<String>, Option<String>, Vec<u8>);

fuzz_target!(|input: &[u8]| {
    let mut choices = Choices::of(input);
    let mut form = Multipart::default();
    let (mut fields, mut files): (Vec<Part>, Vec<Part>) = Default::default();
    let size = usize::from(choices.byte()) + 1;
    while !choices.is_empty() {
        let kind = choices.byte();
        let name = String::from_utf8_lossy(choices.line()).into_owned();
        let content = choices.line();
        let text = String::from_utf8_lossy(content).into_owned();
        match kind % 6 {
            0 => {
                fields.push((name.clone(), None, None, text.clone().into_bytes()));
                form.text(&name, text);
            }
            1 => {
                let media_type = String::from_utf8_lossy(choices.line()).into_owned();
                let filename = String::from_utf8_lossy(choices.line()).into_owned();
                let shown = if filename.is_empty() { "upload" } else { &filename };
                files.push((
                    name.clone(),
                    Some(escaped(shown)),
                    Some(plain(&media_type)),
                    content.to_vec(),
                ));
                form.file(&name, &filename, Some(&media_type), Cow::Owned(content.to_vec()));
            }
            2 | 3 => {
                let Ok(value) = Value::parse(content) else { continue };
                flatten(&name, value, |name, leaf| {
                    fields.push((name.to_owned(), None, None, leaf_text(leaf).into_owned().into_bytes()));
                });
                form.field(&name, value);
            }
            4 => {
                let Ok(value) = Value::parse(content) else { continue };
                let data = value
                    .as_str()
                    .map_or(value.raw().to_vec(), |text| text.into_owned().into_bytes());
                fields.push((name.clone(), None, Some("application/json".to_owned()), data));
                form.typed_field(&name, "application/json", value);
            }
            _ => {
                fields.retain(|(other, ..)| *other != name);
                form.remove(&name);
                assert_eq!(form.get(&name), None);
            }
        }
    }
    let mut body = Vec::new();
    let mut reader = form.reader().expect("no files on disk");
    let mut buffer = vec![0; size];
    loop {
        match reader.read(&mut buffer).expect("no files on disk") {
            0 => break,
            amount => body.extend_from_slice(&buffer[..amount]),
        }
    }
    assert_eq!(body.len() as u64, form.content_length());
    assert_eq!(form.is_empty(), fields.is_empty() && files.is_empty());
    fields.extend(files);
    for (name, ..) in &mut fields {
        *name = escaped(name);
    }
    assert_eq!(parsed(&form.content_type(), &body), fields);
});

fn escaped(name: &str) -> String {
    name.replace('\r', "%0D").replace('\n', "%0A").replace('"', "%22")
}

fn plain(media_type: &str) -> String {
    media_type.chars().filter(|character| !character.is_control()).collect()
}

/// The parts of a body by a reading that knows nothing of the writer.
fn parsed(content_type: &str, body: &[u8]) -> Vec<Part> {
    let (_, boundary) = content_type
        .split_once("multipart/form-data; boundary=")
        .expect("a boundary");
    let line = [b"--", boundary.as_bytes()].concat();
    let mut parts = Vec::new();
    let mut rest = body.strip_prefix(&line[..]).expect("a boundary");
    while let Some(part) = rest.strip_prefix(b"\r\n") {
        let (head, after) = split(part, b"\r\n\r\n");
        let (content, after) = split(after, &[b"\r\n", &line[..]].concat());
        let head = String::from_utf8(head.to_vec()).expect("UTF-8");
        let (disposition, media_type) = match head.split_once("\r\nContent-Type: ") {
            Some((disposition, media_type)) => (disposition, Some(media_type.to_owned())),
            None => (head.as_str(), None),
        };
        let quoted = disposition
            .strip_prefix("Content-Disposition: form-data; name=\"")
            .expect("a name");
        let (name, after_name) = quoted.split_once('"').expect("a quote");
        let filename = after_name
            .strip_prefix("; filename=\"")
            .map(|rest| rest.strip_suffix('"').expect("a quote").to_owned());
        assert!(filename.is_some() || after_name.is_empty(), "{disposition:?}");
        assert!(!disposition.contains(['\r', '\n']));
        parts.push((name.to_owned(), filename, media_type, content.to_vec()));
        rest = after;
    }
    assert_eq!(rest, b"--\r\n");
    parts
}

fn split<'a>(text: &'a [u8], at: &[u8]) -> (&'a [u8], &'a [u8]) {
    let found = text.windows(at.len()).position(|window| window == at).expect("an end");
    (&text[..found], &text[found + at.len()..])
}
