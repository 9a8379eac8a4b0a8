//! Starting the servers on free ports of loopback, and ending them with the test.

use crate::tools::{has, root, scratch};
use serde_json::{Value, json};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

pub const KEY: &str = "sk-test-of-real-servers";

/// A process that ends with its owner.
pub struct Running(Child);

impl Running {
    /// Sends a signal, such as `STOP`.
    pub fn signal(&self, name: &str) {
        let mut kill = Command::new("kill");
        crate::program::succeed(kill.arg(format!("-{name}")).arg(self.0.id().to_string()));
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A server, and perhaps stunnel in front of it.
pub struct Server {
    port: u16,
    tls: Option<Stunnel>,
    _process: Running,
}

struct Stunnel {
    port: u16,
    certificate: PathBuf,
    _process: Running,
}

impl Server {
    /// llama.cpp's own server with the tiny model.
    pub fn llama_cpp() -> Option<Server> {
        let cache = cache()?;
        let mut command = Command::new(cache.join("venv/bin/python"));
        let port = free_port();
        command.arg(root().join("tests/real/llama_server.py"));
        command.arg(port.to_string()).arg(KEY).arg(cache.join("tiny.gguf"));
        let server = Server::start(command, port)?;
        // It listens before the model is there.
        wait_until("the model is loaded", || {
            let url = format!("http://127.0.0.1:{port}/health");
            ureq::get(&url).call().is_ok()
        });
        Some(server)
    }

    pub fn aimock(more: &[&str]) -> Option<Server> {
        let cache = cache()?;
        let mut command = Command::new(cache.join("node_modules/.bin/llmock"));
        let port = free_port();
        command.args(["-p", &port.to_string(), "--strict", "--chunk-size", "3", "-f"]);
        command.arg(root().join("tests/real/aimock.json")).args(more);
        command.env("AIMOCK_API_KEYS", KEY);
        Server::start(command, port)
    }

    /// haproxy with refusals of its own and no service behind it.
    pub fn haproxy() -> Option<Server> {
        if !has_in_sbin("haproxy", "haproxy") {
            return None;
        }
        let port = free_port();
        let config = scratch().join(format!("haproxy-{port}.cfg"));
        let text = format!(
            "defaults\n  mode http\n  timeout client 30s\n  timeout connect 5s\n  timeout server 5s\n\
             frontend all\n  bind 127.0.0.1:{port}\n  http-request silent-drop if {{ path_end /hang }}\n  \
             http-request return status 429 content-type application/json string '{{\"error\":{{\"message\":\"slow down\"}}}}' hdr Retry-After 1\n"
        );
        std::fs::write(&config, text).unwrap();
        let mut command = Command::new(in_sbin("haproxy"));
        command.arg("-db").arg("-f").arg(config);
        Server::start(command, port)
    }

    fn start(mut command: Command, port: u16) -> Option<Server> {
        let process = listening(&mut command, port);
        Some(Server {
            port,
            tls: Stunnel::before(port),
            _process: process,
        })
    }

    /// A configuration for the server itself, and one for the server behind TLS; `more` is laid over both.
    pub fn configurations(&self, more: &Value) -> Vec<Value> {
        let mut plain = json!({"api_key": KEY, "base_url": format!("http://127.0.0.1:{}/v1", self.port), "proxy": ""});
        for (key, value) in more.as_object().unwrap() {
            plain[key] = value.clone();
        }
        let mut all = vec![plain.clone()];
        if let Some(tls) = &self.tls {
            plain["base_url"] = format!("https://127.0.0.1:{}/v1", tls.port).into();
            plain["ca_file"] = tls.certificate.to_str().unwrap().into();
            plain["tls_roots"] = "file".into();
            all.push(plain);
        }
        all
    }
}

impl Stunnel {
    /// TLS on another port, with a certificate that openssl makes.
    fn before(server: u16) -> Option<Stunnel> {
        if !has("stunnel", "stunnel4") || !has("openssl", "openssl") {
            return None;
        }
        let port = free_port();
        let file = |what: &str| scratch().join(format!("stunnel-{port}.{what}"));
        let (certificate, key, config) = (file("pem"), file("key"), file("conf"));
        let mut openssl = Command::new("openssl");
        openssl.args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
        ]);
        openssl.args([
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=IP:127.0.0.1,DNS:localhost",
        ]);
        // webpki takes an end entity that is no authority, which is its own root here.
        openssl.args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout"]);
        openssl.arg(&key).arg("-out").arg(&certificate);
        crate::program::succeed(&mut openssl);
        let text = format!(
            "foreground = yes\npid =\n[tls]\naccept = 127.0.0.1:{port}\nconnect = 127.0.0.1:{server}\ncert = {}\nkey = {}\n",
            certificate.display(),
            key.display()
        );
        std::fs::write(&config, text).unwrap();
        let mut command = Command::new("stunnel");
        command.arg(&config);
        let process = listening(&mut command, port);
        Some(Stunnel {
            port,
            certificate,
            _process: process,
        })
    }
}

/// A proxy that asks for a user and a password.
pub struct Proxy {
    pub name: &'static str,
    scheme: &'static str,
    port: u16,
    _process: Running,
}

impl Proxy {
    /// Every proxy that is there.
    pub fn all() -> Vec<Proxy> {
        [
            Proxy::tinyproxy(),
            Proxy::microsocks("socks5"),
            Proxy::microsocks("socks5h"),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    pub fn url(&self, user: &str, password: &str) -> String {
        format!("{}://{user}:{}@127.0.0.1:{}", self.scheme, password, self.port)
    }

    fn tinyproxy() -> Option<Proxy> {
        if !has("tinyproxy", "tinyproxy-bin") {
            return None;
        }
        let port = free_port();
        let config = scratch().join(format!("tinyproxy-{port}.conf"));
        // Without ConnectPort lines every port may be asked for.
        std::fs::write(
            &config,
            format!("Port {port}\nListen 127.0.0.1\nBasicAuth user pass-word\nAllow 127.0.0.1\n"),
        )
        .unwrap();
        let mut command = Command::new("tinyproxy");
        command.arg("-d").arg("-c").arg(config);
        Some(Proxy::start("tinyproxy", "http", port, command))
    }

    fn microsocks(scheme: &'static str) -> Option<Proxy> {
        if !has("microsocks", "microsocks") {
            return None;
        }
        let port = free_port();
        let mut command = Command::new("microsocks");
        command.args([
            "-i",
            "127.0.0.1",
            "-p",
            &port.to_string(),
            "-u",
            "user",
            "-P",
            "pass-word",
        ]);
        Some(Proxy::start("microsocks", scheme, port, command))
    }

    fn start(name: &'static str, scheme: &'static str, port: u16, mut command: Command) -> Proxy {
        let process = listening(&mut command, port);
        Proxy {
            name,
            scheme,
            port,
            _process: process,
        }
    }
}

/// The Python that has cffi.
pub fn python() -> Option<PathBuf> {
    cache().map(|cache| cache.join("venv/bin/python"))
}

/// The folder of the servers, filled by setup.sh.
fn cache() -> Option<PathBuf> {
    static CACHE: OnceLock<Option<PathBuf>> = OnceLock::new();
    CACHE
        .get_or_init(|| {
            let output = Command::new("sh")
                .arg(root().join("tests/real/setup.sh"))
                .output()
                .expect("a shell");
            if output.status.success() {
                return Some(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
            }
            let why = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(
                std::env::var("CI").as_deref() != Ok("true"),
                "tests/real/setup.sh failed: {why}"
            );
            println!("skipped: tests/real/setup.sh could not get the servers (python3-venv and npm are needed): {why}");
            None
        })
        .clone()
}

pub fn in_sbin(command: &str) -> PathBuf {
    Path::new("/usr/sbin").join(command)
}

pub fn has_in_sbin(command: &str, package: &str) -> bool {
    in_sbin(command).is_file() || has(command, package)
}

/// Starts a server and waits until it listens on `port`.
pub fn listening(command: &mut Command, port: u16) -> Running {
    let mut running = run(command);
    wait_until(&format!("{command:?} listens"), || {
        if let Ok(Some(status)) = running.0.try_wait() {
            panic!("{command:?} ended: {status}");
        }
        TcpStream::connect(("127.0.0.1", port)).is_ok()
    });
    running
}

fn run(command: &mut Command) -> Running {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    Running(command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}")))
}

/// A port for a server that can't be asked which it took. It is of those that the system gives to nobody by itself (from 32768 on, on Linux):
/// a connection of another test can't take it before the server does.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = std::process::id() * 61;
    loop {
        let next = u32::from(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = 10_000 + ((first + next) % 20_000) as u16;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "in vain for a minute: {what}"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}
