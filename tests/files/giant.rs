//! Very large files, and a process that sends and receives them, so that its memory can be looked at.

use super::MIB;
use super::c::{self, Client, Request};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fs;
use std::io::{self, Seek, SeekFrom, Write};
use std::process::Command;

/// Where the child finds what it has to do.
const TASK: &str = "KUAI_FILES_CHILD";

/// A file of mebibytes, each of which begins with its number; the rest is zeros.
#[derive(Clone, Copy)]
pub struct Giant {
    pub size: u64,
}

impl Giant {
    /// A sparse file. Gives its path.
    pub fn write(self, path: &str) -> String {
        let mut file = fs::File::create(path).unwrap();
        for number in 0..self.size / MIB {
            file.seek(SeekFrom::Start(number * MIB)).unwrap();
            file.write_all(&number.to_le_bytes()).unwrap();
        }
        file.set_len(self.size).unwrap();
        path.to_owned()
    }

    pub fn blocks(self, mut each: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        let mut block = vec![0; MIB as usize];
        (0..self.size / MIB).try_for_each(|number| {
            block[..8].copy_from_slice(&number.to_le_bytes());
            each(&block)
        })
    }

    /// Takes blocks until it is whole; panics when one is not as it was.
    pub fn check(self, mut take: impl FnMut(usize) -> io::Result<Vec<u8>>) -> io::Result<()> {
        self.blocks(|block| {
            assert!(take(block.len())? == block, "a block has changed");
            Ok(())
        })
    }
}

/// What the child does.
#[derive(Serialize, Deserialize)]
pub enum Task {
    /// Uploads this file.
    Upload(String),
    /// Downloads into this file.
    Save(String),
    /// Reads so many bytes and keeps none.
    Read(u64),
}

/// The child's peak memory in bytes: before it did anything, and when it was done.
#[derive(Debug, Serialize, Deserialize)]
pub struct Used {
    idle: u64,
    peak: u64,
}

impl Used {
    pub fn above_idle(&self) -> u64 {
        self.peak - self.idle
    }

    pub fn tell(&self, what: &str) {
        println!(
            "{what}: {:.1} MiB above the {:.1} of the idle process",
            self.above_idle() as f64 / MIB as f64,
            self.idle as f64 / MIB as f64
        );
    }
}

/// The parent's view.
pub struct Child;

impl Child {
    /// Lets a new process do something, and waits for it.
    pub fn run(config: &Value, task: &Task) -> Used {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "the_child", "--ignored", "--nocapture"])
            .env(TASK, serde_json::to_string(&(config, task)).unwrap())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        let used = said.lines().find_map(|line| line.split_once("used: "));
        let told = || format!("{said}{}", String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{}", told());
        serde_json::from_str(used.unwrap_or_else(|| panic!("{}", told())).1).unwrap()
    }
}

/// The child's own life.
pub fn be_the_child() {
    let Ok(task) = std::env::var(TASK) else { return };
    let idle = peak_memory();
    let (config, task): (Value, Task) = serde_json::from_str(&task).unwrap();
    let client = Client::new(&config);
    match task {
        Task::Upload(path) => {
            let mut request = Request::new("files.create", Some(r#"{"purpose":"assistants"}"#), None);
            assert_eq!(request.file_path("file", &path), c::OK);
            let outcome = client.send(&request);
            assert_eq!(outcome.status, c::OK, "{}", outcome.json);
        }
        Task::Save(path) => {
            let mut request = Request::new("files.content", Some(r#"{"file_id":"file-1"}"#), None);
            assert_eq!(request.save_to(&path), c::OK);
            let outcome = client.send(&request);
            assert_eq!(outcome.status, c::OK, "{}", outcome.json);
        }
        Task::Read(size) => {
            let request = Request::new("files.content", Some(r#"{"file_id":"file-1"}"#), None);
            let mut stream = client.open(&request);
            let mut buffer = vec![0; 64 * 1024];
            let mut left = size;
            let status = loop {
                match stream.read(&mut buffer) {
                    (c::OK, got) => left -= got as u64,
                    (status, _) => break status,
                }
            };
            assert_eq!((status, left), (c::DONE, 0), "{}", stream.result().json);
        }
    }
    let used = Used {
        idle,
        peak: peak_memory(),
    };
    println!("used: {}", serde_json::to_string(&used).unwrap());
}

/// VmHWM: the most that was ever resident.
fn peak_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
    kib * 1024
}
