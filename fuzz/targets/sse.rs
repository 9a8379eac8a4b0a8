//! Server-sent events: the decoder gives what a plain reading of the rules gives, wherever the reads cut the bytes.
#![no_main]

use kuai::inner::sse::{Decoder, is_done};
use kuai::json::Value;
use kuai_fuzz::{Choices, pieces};
use libfuzzer_sys::fuzz_target;

/// Names and data, and whether an event was too large.
type Told = (Vec<(String, String)>, bool);

fuzz_target!(|input: &[u8]| {
    let mut choices = Choices::of(input);
    let limit = match choices.byte() % 4 {
        0 => 16,
        1 => 200,
        _ => 1 << 30,
    };
    let sizes = [(); 4].map(|()| choices.byte() % 40);
    let stream = choices.rest();
    let whole = decode(&[stream], limit);
    assert_eq!(decode(&pieces(stream, sizes), limit), whole, "in reads of {sizes:?}");
    assert_eq!(decode(&pieces(stream, [0; 4]), limit), whole, "byte by byte");
    if limit == 1 << 30 {
        assert_eq!((plainly(stream), false), whole);
    }
});

fn decode(reads: &[&[u8]], limit: usize) -> Told {
    let mut decoder = Decoder::new(limit);
    let mut told = Vec::new();
    for read in reads {
        decoder.space(read.len())[..read.len()].copy_from_slice(read);
        decoder.filled(read.len());
        if !drain(&mut decoder, &mut told) {
            return (told, true);
        }
    }
    decoder.end();
    let too_large = !drain(&mut decoder, &mut told);
    (told, too_large)
}

fn drain(decoder: &mut Decoder, told: &mut Vec<(String, String)>) -> bool {
    loop {
        match decoder.next() {
            Ok(Some(event)) => told.push((text(event.name_z()), text(event.data_z()))),
            Ok(None) => return true,
            Err(_) => return false,
        }
    }
}

fn text(text_z: &[u8]) -> String {
    let text = text_z.strip_suffix(b"\0").expect("a NUL");
    String::from_utf8(text.to_vec()).expect("UTF-8")
}

/// The same events, without a thought for speed or for what comes later.
fn plainly(stream: &[u8]) -> Vec<(String, String)> {
    let mut stream = stream;
    loop {
        stream = match stream {
            [b' ' | b'\t' | b'\r' | b'\n', rest @ ..] | [0xEF, 0xBB, 0xBF, rest @ ..] => rest,
            _ => break,
        };
    }
    let is_document = matches!(stream, [b'{' | b'[' | b'<', ..]) && !stream.starts_with(b"[DONE]");
    if is_document || matches!(stream, [0xEF] | [0xEF, 0xBB]) {
        return Vec::new();
    }
    let mut told = Vec::new();
    let mut name = Vec::new();
    let mut data: Vec<&[u8]> = Vec::new();
    for line in lines(stream).into_iter().chain([&b""[..]]) {
        let colon = line.iter().position(|&byte| byte == b':');
        let value = colon.map_or(&b""[..], |colon| &line[colon + 1..]);
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match &line[..colon.unwrap_or(line.len())] {
            b"" if colon.is_none() => dispatch(std::mem::take(&mut name), std::mem::take(&mut data), &mut told),
            b"data" => data.push(value),
            b"event" => name = value.to_vec(),
            b"error" if value.starts_with(b"{") => {
                if data.is_empty() {
                    name = b"error".to_vec();
                }
                data.push(value);
            }
            _ if colon.is_none() && is_done(line) => data.push(line),
            _ => {}
        }
    }
    told
}

fn lines(mut text: &[u8]) -> Vec<&[u8]> {
    let mut lines = Vec::new();
    while let Some(end) = text.iter().position(|&byte| byte == b'\n' || byte == b'\r') {
        lines.push(&text[..end]);
        text = &text[end..];
        text = text.strip_prefix(b"\r\n").unwrap_or(&text[1..]);
    }
    lines.push(text);
    lines
}

fn dispatch(name: Vec<u8>, data: Vec<&[u8]>, told: &mut Vec<(String, String)>) {
    let name = String::from_utf8_lossy(&name).into_owned();
    let joined = data.join(&b'\n');
    let is_event = |line: &[u8]| carries_nothing(line) || is_done(line) || Value::parse(line).is_ok();
    if carries_nothing(&joined) {
        return;
    }
    let several = data.len() > 1 && Value::parse(&joined).is_err() && data.iter().all(|line| is_event(line));
    let events = if several { data } else { vec![&joined[..]] };
    for event in events.into_iter().filter(|event| !carries_nothing(event)) {
        told.push((name.clone(), String::from_utf8_lossy(event).into_owned()));
    }
}

fn carries_nothing(data: &[u8]) -> bool {
    matches!(data.trim_ascii_start().first(), None | Some(b':'))
}
