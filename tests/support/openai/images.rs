//! `POST /v1/images/generations`: a picture of one colour, which depends on the prompt.
//!
//! The models `dall-e-…` give its address unless `response_format` is `b64_json`; the others know no `response_format` and always give
//! Base64. What lies at the address is there without a key, but not without the query.

use super::{Answer, CREATED, Failure, text};
use crate::support::http::Request;
use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};
use serde_json::{Value, json};
use std::io::Write;

/// Width and height.
const SIZE: u32 = 64;

const FOLDER: &str = "/stand-in/images/";

/// Signed addresses hold what must arrive as it is.
const SIGNATURE: &str = "se=2030-01-01T00%3A00%3A00Z&sig=a%2Fb%2Bc%3D";

pub fn generate(request: &Request, params: &Value) -> Result<Answer, Failure> {
    let prompt = params["prompt"].as_str().filter(|prompt| !prompt.is_empty());
    let prompt = prompt.ok_or_else(|| Failure::param("prompt", "`prompt` is missing."))?;
    let count = params["n"].as_u64().unwrap_or(1);
    if !(1..=10).contains(&count) {
        return Err(Failure::param("n", "`n` has to be from 1 to 10."));
    }
    let is_dall_e = params["model"].as_str().is_none_or(|model| model.starts_with("dall-e"));
    let wrong = |why| Failure::param("response_format", why);
    let by_address = match (is_dall_e, params["response_format"].as_str()) {
        (true, None | Some("url")) => true,
        (_, None) | (true, Some("b64_json")) => false,
        (true, Some(_)) => return Err(wrong("`response_format` is `url` or `b64_json`.")),
        (false, Some(_)) => return Err(wrong("Unknown parameter: `response_format`.")),
    };
    let data = (0..count).map(|number| {
        let colour = colour(prompt, number);
        if by_address {
            let place = format!("{}{FOLDER}{colour:08x}.png?{SIGNATURE}", origin(request));
            json!({"url": place, "revised_prompt": prompt})
        } else {
            json!({"b64_json": text::base64(&png(colour))})
        }
    });
    let data: Vec<Value> = data.collect();
    Ok(Answer::json(&json!({"created": CREATED, "data": data})))
}

/// What lies at an address that `generate` gave; `None` when it is none of those.
pub fn stored(request: &Request) -> Option<Answer> {
    let name = request.path().strip_prefix(FOLDER)?.strip_suffix(".png")?;
    let colour = u32::from_str_radix(name, 16).ok()?;
    if request.method != "GET" || request.query() != SIGNATURE {
        return Some(Answer::new(
            403,
            "application/xml",
            b"<Error>Forbidden</Error>".to_vec(),
        ));
    }
    Some(Answer::new(200, "image/png", png(colour)))
}

fn origin(request: &Request) -> String {
    let scheme = if request.tls { "https" } else { "http" };
    format!("{scheme}://{}", request.header("host").unwrap_or_default())
}

/// The first picture that comes of a prompt.
pub fn generated(prompt: &str) -> Vec<u8> {
    png(colour(prompt, 0))
}

fn colour(prompt: &str, number: u64) -> u32 {
    text::hash(format!("{number} {prompt}").as_bytes()) as u32
}

/// A PNG file of one colour, whose red, green and blue are the lower three bytes.
fn png(colour: u32) -> Vec<u8> {
    let [_, pixel @ ..] = colour.to_be_bytes();
    // A line is its filter, none, and its pixels.
    let line = [vec![0], pixel.repeat(SIZE as usize)].concat();
    let mut packer = ZlibEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(&line.repeat(SIZE as usize)).expect("a Vec takes all");
    let pixels = packer.finish().expect("a Vec takes all");

    // 8 bits for each of three colours; the only packing and the only filtering that there are; not interlaced.
    let header = [&SIZE.to_be_bytes()[..], &SIZE.to_be_bytes(), &[8, 2, 0, 0, 0]].concat();
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, content) in [(b"IHDR", header), (b"IDAT", pixels), (b"IEND", Vec::new())] {
        let chunk = [&kind[..], &content].concat();
        let mut sum = Crc::new();
        sum.update(&chunk);
        file.extend((content.len() as u32).to_be_bytes());
        file.extend(chunk);
        file.extend(sum.sum().to_be_bytes());
    }
    file
}
