//! `POST /v1/embeddings`: unit vectors that depend on nothing but the input, as numbers or as base64 of
//! little-endian 32-bit floats. `dimensions` is honoured; without it there are 8.

use super::{Answer, Failure, text};
use serde_json::{Value, json};

pub fn create(params: &Value) -> Result<Answer, Failure> {
    let inputs = inputs(&params["input"])?;
    let dimensions = params["dimensions"].as_u64().unwrap_or(8);
    if !(1..=4096).contains(&dimensions) {
        return Err(Failure::param("dimensions", "`dimensions` has to be from 1 to 4096."));
    }
    let base64 = match params["encoding_format"].as_str() {
        None | Some("float") => false,
        Some("base64") => true,
        Some(_) => {
            return Err(Failure::param(
                "encoding_format",
                "`encoding_format` is `float` or `base64`.",
            ));
        }
    };
    let data: Vec<Value> = inputs
        .iter()
        .enumerate()
        .map(|(index, input)| {
            let vector = embed(input, dimensions);
            let embedding = if base64 {
                let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
                json!(text::base64(&bytes))
            } else {
                json!(vector)
            };
            json!({"object": "embedding", "index": index, "embedding": embedding})
        })
        .collect();
    let tokens: u64 = inputs.iter().map(|input| text::count_tokens(input)).sum();
    let usage = json!({"prompt_tokens": tokens, "total_tokens": tokens});
    Ok(Answer::json(
        &json!({"object": "list", "data": data, "model": params["model"], "usage": usage}),
    ))
}

/// Text, texts, one list of tokens or several.
fn inputs(input: &Value) -> Result<Vec<String>, Failure> {
    let one = |input: &Value| match input {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Array(tokens) if !tokens.is_empty() && tokens.iter().all(Value::is_u64) => Some(input.to_string()),
        _ => None,
    };
    let many = || input.as_array()?.iter().map(one).collect::<Option<Vec<String>>>();
    one(input)
        .map(|input| vec![input])
        .or_else(many)
        .filter(|inputs| !inputs.is_empty())
        .ok_or_else(|| {
            Failure::param(
                "input",
                "`input` has to be text, tokens, or a non-empty array of those.",
            )
        })
}

fn embed(input: &str, dimensions: u64) -> Vec<f32> {
    let seed = text::hash(input.as_bytes());
    let numbers = (0..dimensions).map(|index| {
        let mut bytes = seed.to_le_bytes().to_vec();
        bytes.extend(index.to_le_bytes());
        // Never all zero: the hash's 16 upper bits are spread around an odd centre.
        f64::from((text::hash(&bytes) >> 48) as u32) - 32767.5
    });
    let numbers: Vec<f64> = numbers.collect();
    let length = numbers.iter().map(|number| number * number).sum::<f64>().sqrt();
    numbers.iter().map(|number| (number / length) as f32).collect()
}
