//! Whole HTTP answers over real sockets: the call comes back, with an answer that keeps its promise or a failure that says something;
//! and wherever the answer was cut, or with a word before it that says that it will come, it is the same.
#![no_main]

use kuai::{Client, Status};
use kuai_fuzz::{Choices, assert_json, assert_json_of_any_depth, pieces};
use libfuzzer_sys::fuzz_target;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, OnceLock};

const REQUEST: &str = r#"{"messages":[{"role":"user","content":"hi"}]}"#;

fuzz_target!(|input: &[u8]| {
    let mut choices = Choices::of(input);
    let how = choices.byte();
    let is_stream = how & 1 == 1;
    let sizes = [(); 4].map(|()| choices.byte());
    let answer = choices.rest();
    let call = |client: &Client, pieces: &[&[u8]]| match is_stream {
        true => streamed(client, pieces),
        false => whole(client, pieces),
    };
    let other = match how % 8 {
        // A call costs a system call a piece, so not always.
        0 | 1 => pieces(answer, sizes),
        2 | 3 => vec![&b"HTTP/1.1 102 Processing\r\n\r\n"[..], answer],
        _ => {
            call(client(), &[answer]);
            return;
        }
    };
    // Each with a client of its own: bytes behind an answer may come when its connection was just taken for the next call.
    let [once, again] = [vec![answer], other.clone()].map(|pieces| call(&new_client(), &pieces));
    // Which of several faults is met first depends on what has come by then; and a fault in a coding that comes in one read with a
    // stream's end may hide that end.
    let failures = [&once, &again].map(|(status, _)| !matches!(status, Status::Ok | Status::Done));
    let may_differ = match is_stream {
        true => failures != [false; 2],
        false => failures == [true; 2],
    };
    assert!(once == again || may_differ, "{other:?}: {once:?} and {again:?}");
});

fn whole(client: &Client, answer: &[&[u8]]) -> (Status, String) {
    serve(answer);
    let answer = client.chat_complete(REQUEST);
    let status = answer.status();
    check(status, answer.json());
    if status == Status::Ok {
        assert!((200..300).contains(&answer.http_status()));
        assert!(answer.json().contains("choices"));
    }
    let headers = answer.headers().to_json();
    assert_json(headers.as_bytes());
    (status, without_attempts(answer.json()) + &headers)
}

fn streamed(client: &Client, answer: &[&[u8]]) -> (Status, String) {
    serve(answer);
    let mut stream = client.chat_stream(REQUEST);
    let mut status = stream.next();
    while status == Status::Ok {
        assert_json(stream.json().as_bytes());
        status = stream.next();
    }
    assert_eq!(stream.next(), status);
    let result = stream.result();
    assert!(status == Status::Done || status == result.status());
    if status != Status::Done || !result.json().is_empty() {
        check(status, result.json());
    }
    (status, without_attempts(result.json()))
}

/// A connection that the service closed while it lay in the pool costs an attempt.
fn without_attempts(json: &str) -> String {
    json.replace("\"attempts\":2", "\"attempts\":1")
}

fn check(status: Status, json: &str) {
    assert_json_of_any_depth(json.as_bytes());
    let ours = [
        Status::InvalidArgument,
        Status::Config,
        Status::Io,
        Status::Timeout,
        Status::Tls,
        Status::Cancelled,
        Status::Internal,
    ];
    assert!(!ours.contains(&status), "{json}");
}

fn client() -> &'static Client {
    static CLIENT: OnceLock<Client> = OnceLock::new();
    CLIENT.get_or_init(new_client)
}

fn new_client() -> Client {
    let config = format!(
        r#"{{"api_key":"sk-fuzz","default_model":"m","base_url":"http://{}/v1","max_retries":0,"proxy":"",
            "max_response_bytes":100000,"max_event_bytes":20000}}"#,
        service().1
    );
    Client::new(Some(&config)).expect("a configuration")
}

/// The answer that each connection gets, and where the service is.
type Service = (Arc<Mutex<Vec<Vec<u8>>>>, String);

fn serve(answer: &[&[u8]]) {
    *service().0.lock().expect("no panic") = answer.iter().map(|piece| piece.to_vec()).collect();
}

/// A service that gives each connection the answer and closes it.
fn service() -> &'static Service {
    static SERVICE: OnceLock<Service> = OnceLock::new();
    SERVICE.get_or_init(|| {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let answer: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
        let served = answer.clone();
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                // A client that has seen enough may be gone.
                let _ = connection.and_then(|connection| give(connection, &served));
            }
        });
        (answer, address)
    })
}

fn give(mut connection: TcpStream, answer: &Mutex<Vec<Vec<u8>>>) -> std::io::Result<()> {
    connection.set_nodelay(true)?;
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    while !is_whole(&request) {
        match connection.read(&mut buffer)? {
            0 => return Ok(()),
            amount => request.extend_from_slice(&buffer[..amount]),
        }
    }
    let answer = answer.lock().expect("no panic").clone();
    for piece in &answer {
        connection.write_all(piece)?;
    }
    Ok(())
}

fn is_whole(request: &[u8]) -> bool {
    let Some(head) = request.windows(4).position(|end| end == b"\r\n\r\n") else {
        return false;
    };
    let fields = String::from_utf8_lossy(&request[..head]).to_ascii_lowercase();
    // Not just anywhere: a redirect may have put the words into the path.
    let length = fields.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length.expect("a body").trim().parse().expect("a number");
    request.len() >= head + 4 + length
}
