//! `POST /v1/audio/speech` and `POST /v1/audio/transcriptions`, the latter plain and streamed.
//!
//! What is said sounds as a tone for each character (`wav`, `pcm`) or as as many frames of silence (`mp3`), which players take. What
//! is heard is the file's name and size.

use super::{Answer, Failure, text};
use crate::support::form::Part;
use serde_json::{Map, Value, json};
use std::f64::consts::TAU;

/// Of `pcm` and `wav`: one channel of 16 bits.
const SAMPLES_PER_SECOND: u32 = 24_000;
const SAMPLES_PER_CHARACTER: u32 = 1_200;

pub fn speak(params: &Value) -> Result<Answer, Failure> {
    for name in ["model", "input", "voice"] {
        needed(params, name)?;
    }
    let input = needed(params, "input")?;
    if input.chars().count() > 4096 {
        return Err(Failure::param("input", "`input` has more than 4096 characters."));
    }
    let (content_type, sound) = match params["response_format"].as_str().unwrap_or("mp3") {
        "mp3" => ("audio/mpeg", mp3(input)),
        "wav" => ("audio/wav", wav(&pcm(input))),
        "pcm" => ("audio/pcm", pcm(input)),
        _ => {
            return Err(Failure::param(
                "response_format",
                "`response_format` is `mp3`, `wav` or `pcm` here.",
            ));
        }
    };
    Ok(Answer::new(200, content_type, sound))
}

/// Frames of MPEG-1 layer III, 128 kbit/s, 44100 Hz, one channel, without padding; with nothing but zeros they are silent.
fn mp3(input: &str) -> Vec<u8> {
    let mut frame = vec![0; 144 * 128_000 / 44_100];
    frame[..4].copy_from_slice(&[0xff, 0xfb, 0x90, 0xc0]);
    frame.repeat(input.chars().count())
}

fn pcm(input: &str) -> Vec<u8> {
    let samples = input.chars().flat_map(|one| {
        let pitch = f64::from(200 + u32::from(one) % 800);
        (0..SAMPLES_PER_CHARACTER).map(move |number| {
            let turns = pitch * f64::from(number) / f64::from(SAMPLES_PER_SECOND);
            (8_000.0 * (TAU * turns).sin()) as i16
        })
    });
    samples.flat_map(i16::to_le_bytes).collect()
}

fn wav(pcm: &[u8]) -> Vec<u8> {
    let size = pcm.len() as u32;
    let mut file = b"RIFF".to_vec();
    file.extend((36 + size).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16_u32.to_le_bytes());
    // PCM, one channel.
    file.extend([1, 0, 1, 0]);
    file.extend(SAMPLES_PER_SECOND.to_le_bytes());
    file.extend((2 * SAMPLES_PER_SECOND).to_le_bytes());
    // Bytes and bits of a sample.
    file.extend([2, 0, 16, 0]);
    file.extend(b"data");
    file.extend(size.to_le_bytes());
    file.extend(pcm);
    file
}

/// The fields of a form as the endpoints get JSON: a text, or of a file what it is called and how large it is.
pub fn fields(parts: &[Part]) -> Value {
    let field = |part: &Part| match &part.filename {
        Some(filename) => json!({"filename": filename, "bytes": part.content.len()}),
        None => json!(String::from_utf8_lossy(&part.content)),
    };
    let fields: Map<String, Value> = parts.iter().map(|part| (part.name.clone(), field(part))).collect();
    Value::Object(fields)
}

pub fn transcribe(params: &Value) -> Result<Answer, Failure> {
    let model = needed(params, "model")?;
    let Some(filename) = params["file"]["filename"].as_str() else {
        return Err(Failure::param("file", "`file` has to be a file."));
    };
    let heard = format!("I hear {filename}, which has {} bytes.", params["file"]["bytes"]);
    let tokens = text::count_tokens(&heard);
    let usage = json!({"type": "tokens", "input_tokens": 10, "output_tokens": tokens, "total_tokens": 10 + tokens});
    // As OpenAI has it: the oldest model does not stream, and says nothing about it.
    if params["stream"] == "true" && model != "whisper-1" {
        let event = |data: Value| format!("data: {data}\n\n");
        let pieces = text::pieces(&heard);
        let deltas = pieces
            .iter()
            .map(|piece| event(json!({"type": "transcript.text.delta", "delta": piece})));
        let done = event(json!({"type": "transcript.text.done", "text": heard, "usage": usage}));
        return Ok(Answer::events(deltas.chain([done]).collect()));
    }
    match params["response_format"].as_str().unwrap_or("json") {
        "json" => Ok(Answer::json(&json!({"text": heard, "usage": usage}))),
        "text" => Ok(Answer::new(
            200,
            "text/plain; charset=utf-8",
            format!("{heard}\n").into_bytes(),
        )),
        _ => Err(Failure::param(
            "response_format",
            "`response_format` is `json` or `text` here.",
        )),
    }
}

fn needed<'a>(params: &'a Value, name: &str) -> Result<&'a str, Failure> {
    let text = params[name].as_str().filter(|text| !text.is_empty());
    text.ok_or_else(|| Failure::param(name, &format!("`{name}` is missing.")))
}
