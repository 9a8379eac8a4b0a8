//! A whole answer that came as a stream although none was asked for, as some gateways do for models that can only stream.
#![forbid(unsafe_code)]

use super::failure_in_event;
use crate::accumulate::Accumulator;
use crate::error::Error;
use crate::headers::Headers;
use crate::json::Value;
use crate::sse::{Decoder, is_done};

/// What became of the events.
pub(super) enum Joined {
    /// The answer that they make.
    Answer(Vec<u8>),
    /// The failure that one of them tells.
    Failure(Error),
    /// Neither: an event is no JSON, or there is no end.
    Nothing,
}

/// Joins the events of a body that is whole.
pub(super) fn join(body: &[u8], headers: &Headers) -> Joined {
    let mut decoder = Decoder::new(body.len());
    decoder.space(body.len())[..body.len()].copy_from_slice(body);
    decoder.filled(body.len());
    decoder.end();
    let mut accumulator = Accumulator::new();
    let mut ended = false;
    while let Ok(Some(event)) = decoder.next() {
        let data = without_nul(event.data_z());
        if is_done(data) {
            ended = true;
            break;
        }
        let name = std::str::from_utf8(without_nul(event.name_z())).unwrap_or_default();
        let Ok(value) = Value::parse(data) else {
            return Joined::Nothing;
        };
        if let Some(error) = failure_in_event(name, value, headers) {
            return Joined::Failure(error);
        }
        accumulator.push(name, value);
    }
    match accumulator.answer() {
        Some(answer) if ended || accumulator.ended() => Joined::Answer(answer),
        _ => Joined::Nothing,
    }
}

fn without_nul(text: &[u8]) -> &[u8] {
    &text[..text.len() - 1]
}
