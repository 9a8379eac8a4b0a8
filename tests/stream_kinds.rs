//! Every kind of stream: what its events add up to is the answer that the call without a stream gives, wherever the bytes are cut.
//!
//! `data/streams` has each kind twice: the events as a service writes them (`.sse`) and the answer without a stream (`.json`).

mod support;

#[path = "operations/exact.rs"]
mod exact;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use exact::canonical;
use kuai::{Client, Request, Status};
use serde_json::{Value, json};
use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;
use support::clients::client;
use support::http::{Cut, Framing, Server};

/// A kind of stream.
struct Kind {
    operation: &'static str,
    params: &'static str,
    events: &'static str,
    whole: &'static str,
    /// Members of the answer that the events have not.
    not_streamed: &'static [&'static str],
    text: &'static str,
}

macro_rules! kind {
    ($name:literal, $operation:literal, $params:literal, $text:literal) => {
        kind!($name, $operation, $params, $text, &[])
    };
    ($name:literal, $operation:literal, $params:literal, $text:literal, $not_streamed:expr) => {
        Kind {
            operation: $operation,
            params: $params,
            events: include_str!(concat!("data/streams/", $name, ".sse")),
            whole: include_str!(concat!("data/streams/", $name, ".json")),
            not_streamed: $not_streamed,
            text: $text,
        }
    };
}

const MESSAGES: &str = r#"{"model":"m","messages":[{"role":"user","content":"1+100="}]}"#;

const CHAT: Kind = Kind {
    params: MESSAGES,
    ..kind!("chat", "chat.completions.create", "", "快爱 1+100=101 👩‍💻")
};
/// Two choices: one calls tools, the other has log probabilities.
const CHAT_TOOLS: Kind = Kind {
    params: MESSAGES,
    ..kind!("chat_tools", "chat.completions.create", "", "")
};
const COMPLETIONS: Kind = kind!(
    "completions",
    "completions.create",
    r#"{"model":"m","prompt":"静夜思"}"#,
    "\n\n床前明月光，疑是地上霜。 🌕"
);
const RESPONSES: Kind = kind!(
    "responses",
    "responses.create",
    r#"{"model":"m","input":"hi"}"#,
    "你好 😀"
);
/// Reasoning, a search, a call of a function, a message with a citation, a refusal.
const RESPONSES_ITEMS: Kind = kind!(
    "responses_items",
    "responses.create",
    r#"{"model":"m","input":"hi"}"#,
    "北京晴 ☀️，\n\"25°C\""
);
/// Every kind of event that the API has in November 2026. Not cut in two everywhere, but byte by byte.
const RESPONSES_EVENTS: Kind = kind!(
    "responses_events",
    "responses.create",
    r#"{"model":"m","input":"hi"}"#,
    "你好 😀"
);
const RUN: Kind = kind!(
    "run",
    "beta.threads.runs.create",
    r#"{"thread_id":"thread_1","assistant_id":"asst_1"}"#,
    "你好，世界 🌍"
);
const RUN_TOOLS: Kind = kind!(
    "run_tools",
    "beta.threads.create_and_run",
    r#"{"assistant_id":"asst_1"}"#,
    ""
);
const TRANSCRIPTION: Kind = kind!(
    "transcription",
    "audio.transcriptions.create",
    r#"{"model":"m"}"#,
    "我们去吃 🍜 吧，okay？"
);
const TRANSCRIPTION_SPEAKERS: Kind = kind!(
    "transcription_speakers",
    "audio.transcriptions.create",
    r#"{"model":"m","response_format":"diarized_json"}"#,
    "你好，hello 👋",
    &["task", "duration"]
);
const SPEECH: Kind = kind!(
    "speech",
    "audio.speech.create",
    r#"{"model":"m","voice":"v","input":"hi","stream_format":"sse"}"#,
    ""
);
const IMAGES: Kind = kind!("images", "images.generate", r#"{"prompt":"p","partial_images":2}"#, "");
const IMAGE_EDITS: Kind = kind!(
    "image_edits",
    "images.edit",
    r#"{"prompt":"p","image":["https://example.com/a.png"]}"#,
    ""
);

const ALL: [&Kind; 13] = [
    &CHAT,
    &CHAT_TOOLS,
    &COMPLETIONS,
    &RESPONSES,
    &RESPONSES_ITEMS,
    &RESPONSES_EVENTS,
    &RUN,
    &RUN_TOOLS,
    &TRANSCRIPTION,
    &TRANSCRIPTION_SPEAKERS,
    &SPEECH,
    &IMAGES,
    &IMAGE_EDITS,
];

#[test]
fn a_chat_is_the_same_wherever_it_is_cut() {
    CHAT.cut_everywhere();
}

#[test]
fn a_chat_with_tools_is_the_same_wherever_it_is_cut() {
    CHAT_TOOLS.cut_everywhere();
}

#[test]
fn a_completion_is_the_same_wherever_it_is_cut() {
    COMPLETIONS.cut_everywhere();
}

#[test]
fn a_response_is_the_same_wherever_it_is_cut() {
    RESPONSES.cut_everywhere();
}

#[test]
fn a_response_of_many_items_is_the_same_wherever_it_is_cut() {
    RESPONSES_ITEMS.cut_everywhere();
}

#[test]
fn a_run_is_the_same_wherever_it_is_cut() {
    RUN.cut_everywhere();
    RUN_TOOLS.cut_everywhere();
}

#[test]
fn a_transcript_is_the_same_wherever_it_is_cut() {
    TRANSCRIPTION.cut_everywhere();
    TRANSCRIPTION_SPEAKERS.cut_everywhere();
}

#[test]
fn speech_and_images_are_the_same_wherever_they_are_cut() {
    SPEECH.cut_everywhere();
    IMAGES.cut_everywhere();
    IMAGE_EDITS.cut_everywhere();
}

#[test]
fn every_kind_is_the_same_byte_by_byte_and_with_every_line_end() {
    for kind in ALL {
        for line_end in ["\n", "\r\n", "\r"] {
            let events = kind.events.replace('\n', line_end);
            let server = Server::start(move |request, reply| {
                let headers = [("content-type", "text/event-stream")];
                let framing = if request.number % 2 == 0 {
                    Framing::Close
                } else {
                    Framing::Chunked
                };
                reply.head(200, &headers, framing)?;
                events.as_bytes().chunks(1).try_for_each(|byte| reply.piece(byte))?;
                reply.end()
            });
            let client = client(&server);
            for _ in 0..2 {
                kind.check(&client, &Value::Null, || ());
            }
        }
    }
}

/// Some services leave the output out of the last event, and a stream may break off before it.
#[test]
fn the_items_that_came_are_the_output_where_the_last_event_has_none() {
    let (before, _) = RESPONSES_EVENTS.events.split_once("event: response.completed").unwrap();
    let mut last: Value = serde_json::from_str(RESPONSES_EVENTS.whole).unwrap();
    last["output"] = json!([]);
    let last = json!({"type": "response.completed", "response": last});
    let whole = format!("{before}data: {last}\n\n");
    let broken = before.to_owned();
    let server = Server::start(move |request, reply| {
        let events = if request.number == 0 { &whole } else { &broken };
        reply.send(200, &[("content-type", "text/event-stream")], events.as_bytes())
    });
    let client = client(&server);
    RESPONSES_EVENTS.check(&client, &Value::Null, || ());
    let mut stream = client.open(&RESPONSES_EVENTS.request(&Value::Null));
    while stream.next() == Status::Ok {}
    assert_eq!(stream.result().status(), Status::Protocol, "{}", stream.result().json());
    assert_eq!(stream.result().text(), RESPONSES_EVENTS.text);
}

#[test]
fn a_response_that_is_incomplete_has_ended_and_one_that_failed_is_a_failure() {
    let response = |status: &str, error: Value| {
        let mut response: Value = serde_json::from_str(RESPONSES.whole).unwrap();
        response["status"] = status.into();
        response["error"] = error;
        response
    };
    let incomplete = response("incomplete", Value::Null);
    let failed = response("failed", json!({"code": "server_error", "message": "boom"}));
    let last = [
        json!({"type": "response.incomplete", "response": incomplete}).to_string(),
        json!({"type": "response.failed", "response": failed}).to_string(),
    ];
    let server = Server::start(move |request, reply| reply.events(&[&last[request.number]], Duration::ZERO));
    let client = client(&server);
    for (status, expected) in [(Status::Done, Some(incomplete)), (Status::Service, None)] {
        let mut stream = client.open(&RESPONSES.request(&Value::Null));
        assert_eq!(stream.next(), if expected.is_some() { Status::Ok } else { status });
        assert_eq!(stream.next(), status, "{}", stream.result().json());
        let json = stream.result().json();
        match expected {
            Some(response) => assert_eq!(canonical(json.as_bytes()), canonical(response.to_string().as_bytes())),
            None => assert!(json.contains("boom"), "{json}"),
        }
    }
}

/// What `kuai_stream_read` gives is the stream as it came.
#[test]
fn every_kind_can_be_read_as_bytes() {
    for kind in ALL {
        let server =
            Server::start(|_, reply| reply.send(200, &[("content-type", "text/event-stream")], kind.events.as_bytes()));
        let request = kind.request(&Value::Null);
        let mut stream = client(&server).open(&request);
        let (mut bytes, mut buffer) = (Vec::new(), [0; 7]);
        let status = loop {
            match stream.read(&mut buffer) {
                (Status::Ok, got) => bytes.extend_from_slice(&buffer[..got]),
                (status, _) => break status,
            }
        };
        assert_eq!(
            (status, bytes),
            (Status::Done, kind.events.as_bytes().to_vec()),
            "{}",
            kind.operation
        );
    }
}

#[test]
fn the_answer_without_a_stream_has_the_same_text() {
    for kind in ALL {
        let server = Server::start(|_, reply| reply.json(200, kind.whole));
        let answer = client(&server).send(&kind.request(&Value::Null));
        assert_eq!(answer.status(), Status::Ok, "{}", answer.json());
        // A run has no text of its own: it is in the messages, and only streams bring those along.
        let text = if kind.operation.contains("run") { "" } else { kind.text };
        assert_eq!(answer.text(), text, "{}", kind.operation);
        assert_eq!(canonical(answer.json().as_bytes()), canonical(kind.whole.as_bytes()));
    }
}

/// Without a stream speech is the sound itself.
#[test]
fn speech_in_events_is_the_sound_in_base64() {
    let whole: Value = serde_json::from_str(SPEECH.whole).unwrap();
    let sound = BASE64_STANDARD.decode(whole["audio"].as_str().unwrap()).unwrap();
    let server = Server::start(move |request, reply| {
        if request.json()["stream_format"] == "sse" {
            return reply.send(200, &[("content-type", "text/event-stream")], SPEECH.events.as_bytes());
        }
        reply.send(200, &[("content-type", "audio/mpeg")], &sound)
    });
    let client = client(&server);
    let plain = Request::new(
        SPEECH.operation,
        Some(r#"{"model":"m","voice":"v","input":"hi"}"#),
        None,
    )
    .unwrap();
    let sound = client.send(&plain).body().to_vec();
    let mut stream = client.open(&SPEECH.request(&Value::Null));
    while stream.next() == Status::Ok {}
    let answer: Value = serde_json::from_str(stream.result().json()).unwrap();
    assert_eq!(
        BASE64_STANDARD.decode(answer["audio"].as_str().unwrap()).unwrap(),
        sound
    );
}

#[test]
fn a_response_goes_on_where_it_was_left() {
    let events: Vec<&str> = RESPONSES.events.split_inclusive("\n\n").collect();
    let server = Server::start(move |request, reply| {
        let headers = [("content-type", "text/event-stream")];
        if request.method == "POST" {
            // Breaks off after the first words.
            reply.head(200, &headers, Framing::Length(1 << 20))?;
            reply.piece(events[..4].concat().as_bytes())?;
            return reply.cut(Cut::Fin);
        }
        assert_eq!(request.target, "/v1/responses/resp_68f0?starting_after=3&stream=true");
        reply.send(200, &headers, events[4..].concat().as_bytes())
    });
    let client = client(&server);
    let mut broken = client.open(&RESPONSES.request(&Value::Null));
    let (mut text, mut last) = (String::new(), Value::Null);
    while broken.next() == Status::Ok {
        text.push_str(broken.text());
        last = serde_json::from_str(broken.json()).unwrap();
    }
    assert_eq!(broken.result().status(), Status::Connection);
    assert_eq!(broken.result().text(), "你好");
    let params = json!({"response_id": "resp_68f0", "starting_after": last["sequence_number"]}).to_string();
    let request = Request::new("responses.retrieve", Some(&params), None).unwrap();
    let mut rest = client.open(&request);
    while rest.next() == Status::Ok {
        text.push_str(rest.text());
    }
    assert_eq!(text, RESPONSES.text);
    assert_eq!(
        canonical(rest.result().json().as_bytes()),
        canonical(RESPONSES.whole.as_bytes())
    );
}

impl Kind {
    fn request(&self, options: &Value) -> Request {
        let options = (!options.is_null()).then(|| options.to_string());
        Request::new(self.operation, Some(self.params), options.as_deref()).unwrap()
    }

    /// The answer without a stream, less what cannot be known from one.
    fn expected(&self) -> String {
        let mut whole: Value = serde_json::from_str(self.whole).unwrap();
        if self.not_streamed.is_empty() {
            return canonical(self.whole.as_bytes());
        }
        for name in self.not_streamed {
            whole.as_object_mut().unwrap().remove(*name).expect("it is there");
        }
        canonical(whole.to_string().as_bytes())
    }

    /// Takes one stream in and looks at all of it. `opened` is called when its head has come.
    fn check(&self, client: &Client, options: &Value, opened: impl FnOnce()) {
        let mut stream = client.open(&self.request(options));
        opened();
        let mut text = String::new();
        let status = loop {
            match stream.next() {
                Status::Ok => text.push_str(stream.text()),
                status => break status,
            }
        };
        let what = format!("{} {options}", self.operation);
        let answer = stream.result();
        assert_eq!(status, Status::Done, "{what}: {}", answer.json());
        assert_eq!(text, self.text, "{what}");
        assert_eq!(canonical(answer.json().as_bytes()), self.expected(), "{what}");
    }

    /// As services send it: each event in a chunk of its own.
    fn wire(&self) -> Vec<u8> {
        let mut wire = Vec::new();
        for event in self.events.split_inclusive("\n\n") {
            wire.extend_from_slice(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes());
        }
        wire.extend_from_slice(b"0\r\n\r\n");
        wire
    }

    /// Sends the stream in two pieces, cut at every byte in turn. The second is only sent when the first has been read.
    fn cut_everywhere(&self) {
        let wire = self.wire();
        let length = wire.len();
        let (go, gone_on) = channel();
        let gone_on = Mutex::new(gone_on);
        let server = Server::start(move |request, reply| {
            let at: usize = request.header("x-cut").unwrap().parse().unwrap();
            // Together with the head, in one segment: whoever has read the one has read the other.
            let mut first =
                b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-type: text/event-stream\r\n\r\n".to_vec();
            first.extend_from_slice(&wire[..at]);
            reply.raw(&first)?;
            let waited = gone_on.lock().unwrap().recv_timeout(Duration::from_secs(20));
            waited.map_err(std::io::Error::other)?;
            reply.raw(&wire[at..])
        });
        let client = client(&server);
        for at in 0..length {
            let go: &Sender<()> = &go;
            self.check(&client, &json!({"headers": {"x-cut": at.to_string()}}), || {
                go.send(()).unwrap()
            });
        }
        println!("{} cut at {length} places", self.operation);
        assert!(server.connections() < 3, "{} connections", server.connections());
    }
}
