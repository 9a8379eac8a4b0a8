//! Errors on demand. A request names one by its `model`, or in the header `x-stand-in`, which also works for requests
//! without a model and may hold further wishes: `x-stand-in: error-cut, pause-ms=20, piece=3`.
//!
//! | wish | effect |
//! |---|---|
//! | `pause-ms=N` | waits N ms before a whole answer, or after each piece of a stream |
//! | `piece=N` | a stream goes out in chunks of N bytes, wherever that cuts events and characters |
//!
//! | name | answer |
//! |---|---|
//! | `error-400` … `error-599` | that status in OpenAI's envelope; 429 and 503 with `retry-after: 1` |
//! | `error-429-ms` | 429 with `retry-after-ms: 20` |
//! | `error-429-long` | 429 with `retry-after: 300` |
//! | `error-429-quota` | 429 with the code `insufficient_quota` |
//! | `error-once-503` (any status) | the first attempt fails with `retry-after-ms: 20`, its repetition works |
//! | `error-once-reset` | the first attempt meets a connection reset, its repetition works |
//! | `error-html` | 200 with an HTML page |
//! | `error-html-502` (any status) | an HTML page with that status, as from a proxy |
//! | `error-text` | 200 with plain text that is not JSON |
//! | `error-empty` | 200 with an empty body |
//! | `error-not-found-page` | 404 with a plain-text body |
//! | `error-code-msg` | 200 `{"code":1001,"msg":"余额不足"}` |
//! | `error-envelope` | 200 with `{"error":…}` |
//! | `error-echo-key` | 400 whose message repeats the `Authorization` header |
//! | `error-redirect` | 302 to another origin |
//! | `error-redirect-same` | 307 to the same path with `?redirected=1`, which works |
//! | `error-no-answer` | the connection ends by FIN before any answer |
//! | `error-reset` | it ends by RST before any answer |
//! | `error-hang` | nothing comes, ever |
//! | `error-cut` | the answer stops half-way by FIN |
//! | `error-cut-reset` | the answer stops half-way by RST |
//! | `error-hang-midway` | the answer stops half-way and the connection stays |
//! | `error-keep-alive` | a stream turns into comments without end half-way; a plain answer hangs |
//! | `error-in-stream` | half of a stream, then `data: {"error":…}` and its orderly end; plain: as `error-envelope` |
//! | `error-event` | the same with `event: error` |
//! | `error-unfinished` | half of a stream, then its orderly end without a mark; a plain answer is whole |
//! | `error-no-done` | a whole stream without `[DONE]`, which is no failure |
//! | `error-done-hang` | a whole stream after which the connection neither ends nor goes on |

use super::super::http::{Cut, Request};
use super::{Answer, Body, Ending, Failure};
use serde_json::json;
use std::time::Duration;

/// The header `x-stand-in`, understood.
#[derive(Default)]
pub struct Wishes {
    pub fault: Option<String>,
    pub pause: Duration,
    pub piece: Option<usize>,
}

impl Wishes {
    pub fn of(request: &Request) -> Wishes {
        let mut wishes = Wishes::default();
        let header = request.all("x-stand-in").join(",");
        for wish in header.split(',').map(str::trim).filter(|wish| !wish.is_empty()) {
            match wish.split_once('=') {
                Some(("pause-ms", number)) => wishes.pause = Duration::from_millis(number.parse().unwrap_or(0)),
                Some(("piece", number)) => wishes.piece = number.parse().ok(),
                _ => wishes.fault = Some(wish.to_owned()),
            }
        }
        wishes
    }
}

/// The good answer, or what the fault of that name makes of it.
pub fn spoil(name: &str, mut good: Answer, request: &Request, is_first_attempt: impl Fn() -> bool) -> Answer {
    let Some(fault) = name.strip_prefix("error-") else {
        return good;
    };
    if let Some(once) = fault.strip_prefix("once-") {
        return if is_first_attempt() {
            first_attempt(once, good)
        } else {
            good
        };
    }
    if let Some(status) = fault.strip_prefix("html-").and_then(http_status) {
        return Answer::new(status, "text/html", page(&format!("{status} from the proxy")));
    }
    if let Some(status) = http_status(fault) {
        let mut answer = failed(status);
        if matches!(status, 429 | 503) {
            answer.header("retry-after", "1");
        }
        return answer;
    }
    match fault {
        "429-ms" => with_header(failed(429), "retry-after-ms", "20"),
        "429-long" => with_header(failed(429), "retry-after", "300"),
        "429-quota" => {
            let failure = Failure::new(429, "The quota of this account is used up.");
            failure.kind("insufficient_quota").code("insufficient_quota").into()
        }
        "html" => Answer::new(200, "text/html; charset=utf-8", page("Welcome to the gateway")),
        "text" => Answer::new(200, "text/plain", b"upstream is busy".to_vec()),
        "empty" => Answer::new(200, "application/json", Vec::new()),
        "not-found-page" => Answer::new(404, "text/plain", b"404 page not found\n".to_vec()),
        "code-msg" => Answer::json(&json!({"code": 1001, "msg": "余额不足"})),
        "envelope" => Answer::json(&in_stream().document()),
        "echo-key" => {
            let key = request.header("authorization").unwrap_or("nothing");
            Failure::new(400, &format!("This came as authorization: {key}")).into()
        }
        "redirect" => redirect(302, "https://elsewhere.invalid/v1/chat/completions"),
        "redirect-same" if request.query() == "redirected=1" => good,
        "redirect-same" => redirect(307, &format!("{}?redirected=1", request.path())),
        "no-answer" => Answer {
            ending: Ending::Nothing(Some(Cut::Fin)),
            ..good
        },
        "reset" => Answer {
            ending: Ending::Nothing(Some(Cut::Rst)),
            ..good
        },
        "hang" => Answer {
            ending: Ending::Nothing(None),
            ..good
        },
        "cut" => half(good, Ending::Cut(Cut::Fin)),
        "cut-reset" => half(good, Ending::Cut(Cut::Rst)),
        "hang-midway" => half(good, Ending::Stall),
        "keep-alive" => half(good, Ending::KeepAlives),
        "in-stream" => then_fail(good, "data: "),
        "event" => then_fail(good, "event: error\ndata: "),
        "unfinished" => half(good, Ending::Whole),
        "no-done" => {
            if let Body::Events(events) = &mut good.body {
                events.retain(|event| !event.contains("[DONE]"));
            }
            good
        }
        "done-hang" if matches!(good.body, Body::Events(_)) => Answer {
            ending: Ending::Stall,
            ..good
        },
        _ => Failure::param("model", &format!("`{name}` is not an error on demand.")).into(),
    }
}

fn first_attempt(how: &str, good: Answer) -> Answer {
    match http_status(how) {
        Some(status) => with_header(failed(status), "retry-after-ms", "20"),
        None if how == "reset" => Answer {
            ending: Ending::Nothing(Some(Cut::Rst)),
            ..good
        },
        None => Failure::param("model", &format!("`{how}` is not an error that happens once.")).into(),
    }
}

fn http_status(text: &str) -> Option<u16> {
    text.parse().ok().filter(|status| (400..600).contains(status))
}

fn failed(status: u16) -> Answer {
    Failure::new(status, &format!("Status {status} was asked for.")).into()
}

fn in_stream() -> Failure {
    Failure::new(500, "The model stopped in the middle of its answer.").code("stopped")
}

fn with_header(mut answer: Answer, name: &str, value: &str) -> Answer {
    answer.header(name, value);
    answer
}

fn redirect(status: u16, to: &str) -> Answer {
    with_header(Answer::new(status, "text/plain", Vec::new()), "location", to)
}

fn page(title: &str) -> Vec<u8> {
    format!("<!DOCTYPE html>\n<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>\n")
        .into_bytes()
}

/// A whole body is halved when it is sent; of a stream, the second half of the events never exists.
fn half(mut answer: Answer, ending: Ending) -> Answer {
    if let Body::Events(events) = &mut answer.body {
        events.truncate(events.len() / 2);
    }
    Answer { ending, ..answer }
}

fn then_fail(mut answer: Answer, prefix: &str) -> Answer {
    let document = in_stream().document();
    let Body::Events(events) = &mut answer.body else {
        return Answer::json(&document);
    };
    events.truncate(events.len() / 2);
    events.push(format!("{prefix}{document}\n\n"));
    answer
}
