//! The examples of pictures and sound.

use super::{example, example_on};
use crate::program::{C99, command, compile, finish, start, succeed_with};
use crate::support::http::Server;
use crate::support::openai::{Service, images};
use crate::tools::scratch;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::path::{Path, PathBuf};
use std::process::Command;

/// An empty folder.
fn folder(name: &str) -> PathBuf {
    let folder = scratch().join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

/// What lies in a folder.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let mut names: Vec<String> = entries
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .into_string()
                .expect("a plain name")
        })
        .collect();
    names.sort();
    names
}

/// What a file holds, which is then gone.
fn taken(file: &Path) -> Vec<u8> {
    let content = std::fs::read(file).expect("the file");
    std::fs::remove_file(file).expect("the file");
    content
}

#[test]
fn a_picture_is_asked_about_by_its_address() {
    let address = "https://example.com/a \"cat\".jpg?size=1&猫";
    let server = Service::start();
    let prepare = |command: &mut Command| {
        command.args([address, "What is \"this\"?"]);
    };
    example_on(&server, "vision_url.c", prepare, "", |printed| {
        assert_eq!(printed, "You said: What is \"this\"? (and 1 attachments)\n");
        let content = &server.last_request().json()["messages"][0]["content"];
        assert_eq!(content[1]["image_url"]["url"], address);
    });
}

#[test]
fn a_picture_from_a_file_arrives_byte_for_byte() {
    let folder = folder("vision");
    // Every ending that Base64 has.
    for (size, name, media_type) in [
        (999, "a.png", "image/png"),
        (1000, "b.jpg", "image/jpeg"),
        (1001, "c.jpg", "image/jpeg"),
    ] {
        let bytes: Vec<u8> = (0..size).map(|number| (number * 7) as u8).collect();
        let path = folder.join(name);
        std::fs::write(&path, &bytes).expect("a file");
        let server = Service::start();
        let prepare = |command: &mut Command| {
            command.arg(&path);
        };
        example_on(&server, "vision_file.c", prepare, "", |printed| {
            assert_eq!(printed, "You said: What is in this picture? (and 1 attachments)\n");
            let request = server.last_request().json();
            let url = request["messages"][0]["content"][1]["image_url"]["url"]
                .as_str()
                .expect("text");
            let (head, data) = url.split_once(',').expect("a data: URL");
            assert_eq!(head, format!("data:{media_type};base64"));
            assert_eq!(STANDARD.decode(data).expect("Base64"), bytes);
        });
    }
}

#[test]
fn a_picture_that_is_not_there_is_told() {
    let Some(program) = compile(C99, "examples-c/vision_file.c") else {
        return;
    };
    let mut command = command(&program, "http://127.0.0.1:1/v1");
    command.arg("/no/such/cat.jpg");
    let output = finish(start(&mut command), &command, "");
    assert_eq!(output.status.code(), Some(1));
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(complaint.starts_with("/no/such/cat.jpg: cannot be read"), "{complaint}");
}

#[test]
fn a_transcript_comes_whole_and_as_a_stream() {
    let file = folder("transcription").join("演讲 1.wav");
    std::fs::write(&file, b"sound").expect("a file");
    let server = Service::start();
    let prepare = |command: &mut Command| {
        command.arg(&file);
    };
    example_on(&server, "transcription.c", prepare, "", |printed| {
        let heard = "I hear 演讲 1.wav, which has 5 bytes.";
        assert_eq!(printed, format!("whole: {heard}\nstreamed: {heard}\n"));
        let kind = server.last_request().header("content-type").map(str::to_owned);
        assert!(kind.is_some_and(|kind| kind.starts_with("multipart/form-data")));
    });
}

#[test]
fn speech_goes_into_a_file() {
    let folder = folder("speech");
    let file = folder.join("hello.mp3");
    example("speech.c", &["Hello, \"world\"\n你好", text(&file)], "", |printed| {
        assert_eq!(printed, format!("{}: audio/mpeg\n", file.display()));
        assert_eq!(names(&folder), ["hello.mp3"]);
        let sound = taken(&file);
        // 17 characters, a frame each.
        assert_eq!((sound.len(), &sound[..2]), (17 * 417, &[0xff, 0xfb][..]));
    });
}

#[test]
fn speech_that_fails_leaves_the_file_as_it_was() {
    let Some(program) = compile(C99, "examples-c/speech.c") else {
        return;
    };
    let server = Server::start(|_, reply| reply.json(400, r#"{"error":{"message":"not now"}}"#));
    let folder = folder("no-speech");
    std::fs::write(folder.join("old.mp3"), b"old").expect("a file");
    let mut command = command(&program, &server.url("/v1"));
    command.args(["Hello.", "old.mp3"]).current_dir(&folder);
    let output = finish(start(&mut command), &command, "");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("not now"));
    assert_eq!(std::fs::read(folder.join("old.mp3")).expect("the file"), b"old");
    assert_eq!(names(&folder), ["old.mp3"]);
}

#[test]
fn a_picture_as_base64_goes_into_a_file() {
    let file = folder("image-base64").join("cat.png");
    let server = Service::start();
    let prepare = |command: &mut Command| {
        command.args(["gpt-image-1", "A white cat", text(&file)]);
    };
    example_on(&server, "image.c", prepare, "", |printed| {
        assert_eq!(printed, format!("{}\n", file.display()));
        assert_eq!(taken(&file), images::generated("A white cat"));
        assert_eq!(server.last_request().path(), "/v1/images/generations");
    });
}

#[test]
fn a_picture_is_fetched_from_its_address_with_nothing_of_ours() {
    let folder = folder("image-address");
    let file = folder.join("cat.png");
    let arguments = ["dall-e-3", "A \"white\" cat", text(&file)];
    let check = |server: &Server, printed: &str| {
        assert_eq!(printed, format!("{}\n", file.display()));
        assert_eq!(names(&folder), ["cat.png"]);
        assert_eq!(taken(&file), images::generated(arguments[1]));
        let request = server.last_request();
        assert!(request.path().ends_with(".png"), "{}", request.path());
        let headers: Vec<&str> = request.headers.iter().map(|(name, _)| name.as_str()).collect();
        assert!(
            headers.iter().all(|name| name.eq_ignore_ascii_case("host")),
            "{headers:?}"
        );
    };
    let server = Service::start();
    let prepare = |command: &mut Command| {
        command.args(arguments);
    };
    example_on(&server, "image.c", prepare, "", |printed| check(&server, printed));

    // Over TLS, where valgrind takes what the cipher's assembler writes for uninitialised.
    let server = Service::start_tls();
    let Some(program) = compile(C99, "examples-c/image.c") else {
        return;
    };
    let mut command = command(&program, &server.url("/v1"));
    command.args(arguments).env("SSL_CERT_FILE", server.ca_pem());
    check(&server, &succeed_with(&mut command, ""));
}
