//! Against dnsmasq, which we did not write, and beside `getaddrinfo`, which must find the same; and against a name server that follows a
//! script.

use super::*;
use namespace::{Etc, within, works};
use std::io::Write;
use std::net::{TcpListener, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

#[path = "../../../tests/support/namespace.rs"]
mod namespace;

const HOSTS: &str = "127.0.0.1 localhost\n::1 localhost ip6-localhost\n10.0.0.7 Inner.example inner # a comment\n\
    10.0.0.8 inner\nfd00::7 inner\n";

fn find(host: &str) -> Result<Vec<IpAddr>> {
    find_with(host, &Resolver::default(), &Exchange::default())
}

fn find_with(host: &str, resolver: &Resolver, exchange: &Exchange) -> Result<Vec<IpAddr>> {
    let found = look_up(
        Endpoint { host, port: 80 },
        resolver,
        exchange,
        exchange.limits.connect_timer(),
    )?;
    Ok(found.iter().map(SocketAddr::ip).collect())
}

fn by_the_system(host: &str) -> Option<Vec<IpAddr>> {
    let found = (host, 80).to_socket_addrs().ok()?;
    Some(found.map(|address| address.ip()).collect())
}

/// The same addresses, the same one first; but when there are many, name servers let each be the first in turn.
fn same(ours: &[IpAddr], theirs: &[IpAddr]) -> bool {
    if ours.len() < 3 || theirs.len() < 3 {
        return ours == theirs;
    }
    let sorted = |list: &[IpAddr]| {
        let mut list = list.to_vec();
        list.sort();
        list
    };
    ours[0].is_ipv4() == theirs[0].is_ipv4() && sorted(ours) == sorted(theirs)
}

/// What we and the system find, if it is not the same. Each gives up after a time of its own, so on a busy machine one may find once what
/// the other does not.
fn difference(host: &str) -> Option<String> {
    let mut found = String::new();
    for _ in 0..3 {
        let (ours, theirs) = (find(host), by_the_system(host));
        let same = match (&ours, &theirs) {
            (Ok(ours), Some(theirs)) => same(ours, theirs),
            (ours, theirs) => ours.is_err() && theirs.is_none(),
        };
        if same {
            return None;
        }
        found = format!("{ours:?}, and the system {theirs:?}");
    }
    Some(found)
}

/// dnsmasq on 127.0.0.1, until it is dropped.
struct Dnsmasq(Child);

impl Dnsmasq {
    fn start(options: &[&str]) -> Dnsmasq {
        let mut command = Command::new("dnsmasq");
        command.args([
            "--user=",
            "--group=",
            "--no-daemon",
            "--no-resolv",
            "--no-hosts",
            "--conf-file=/dev/null",
            "--bind-interfaces",
        ]);
        command.args([
            "--listen-address=127.0.0.1",
            "--local=/example/",
            "--local=/other/",
            "--pid-file=",
        ]);
        command.args(options).stderr(Stdio::null());
        let mut child = command.spawn().expect("dnsmasq is there");
        // It is ready when it takes connections.
        while std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, 53)).is_err() {
            assert!(child.try_wait().expect("our child").is_none(), "dnsmasq has ended");
            std::thread::sleep(Duration::from_millis(10));
        }
        Dnsmasq(child)
    }
}

impl Drop for Dnsmasq {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn with_dnsmasq(name: &str, test: impl FnOnce(&Etc)) {
    if works(
        "dnsmasq",
        ["--version"],
        "dnsmasq is not installed (Debian: apt-get install dnsmasq-base)",
    ) {
        within(name, test);
    }
}

#[test]
fn names_have_the_addresses_that_the_system_finds() {
    with_dnsmasq(
        "transport::look_up::tests::names_have_the_addresses_that_the_system_finds",
        |etc| {
            for arguments in ["addr add 10.0.0.1/8 dev lo", "-6 addr add 2001:db8::1/64 dev lo nodad"] {
                assert!(
                    Command::new("ip")
                        .args(arguments.split(' '))
                        .status()
                        .unwrap()
                        .success()
                );
            }
            let mut options: Vec<String> = (0..120)
                .map(|i| format!("--host-record=many.example,10.1.0.{i},2001:db8::1:{i}"))
                .collect();
            options.extend((0..15).map(|i| format!("--cname=c{i}.example,c{}.example", i + 1)));
            options.extend(
                [
                    "--host-record=c15.example,10.0.0.15",
                    "--host-record=v4.example,10.0.0.4",
                    "--host-record=v6.example,2001:db8::6",
                    "--host-record=both.example,10.0.0.2,2001:db8::2",
                    "--host-record=far.example,192.0.2.1,2001:db8:1::2",
                    "--host-record=_under_score.example,10.0.0.5",
                    "--host-record=xn--bcher-kva.example,10.0.0.6",
                    "--host-record=only.other,10.0.0.9",
                    "--host-record=v4.other,10.0.0.10",
                    "--host-record=single,10.0.0.11",
                    "--txt-record=text.example,nothing else",
                    "--cname=dangling.example,nowhere.example",
                ]
                .map(String::from),
            );
            let options: Vec<&str> = options.iter().map(String::as_str).collect();
            let _dnsmasq = Dnsmasq::start(&options);
            // As Debian has it: without it the system takes the first line alone.
            etc.write("host.conf", "multi on\n");
            etc.write("hosts", HOSTS);
            etc.write("nsswitch.conf", "hosts: files dns\n");
            let label = "a".repeat(63);
            let names = [
                "localhost",
                "LOCALHOST",
                "ip6-localhost",
                "inner",
                "INNER",
                "inner.example",
                "10.0.0.7",
                "127.1",
                "0x7f.1",
                "v4.example",
                "v4.example.",
                "V4.EXAMPLE",
                "v4",
                "v4.",
                "v6.example",
                "v6",
                "both.example",
                "both",
                "far.example",
                "_under_score.example",
                "xn--bcher-kva.example",
                "only",
                "only.other",
                "single",
                "single.",
                "text.example",
                "dangling.example",
                "c0.example",
                "c9.example",
                "c0",
                "many.example",
                "nowhere.example",
                "nowhere",
                "nowhere.",
                "a..b",
                ".",
                "v4..",
                "-",
                "v4.example.example",
                &label,
                &format!("{label}a"),
                &format!("{label}.{label}.{label}.{label}"),
                "xn--",
                "1",
                "1.2.3.4.5",
                "v4.other.",
            ];
            let mut compared = 0;
            for resolv_conf in [
                "nameserver 127.0.0.1\n",
                "nameserver 127.0.0.1\nsearch other example\n",
                "nameserver 127.0.0.1\nsearch example\noptions ndots:3 edns0 trust-ad\n",
                "nameserver 127.0.0.1\ndomain example\noptions ndots:0 single-request\n",
                "nameserver 127.0.0.1\nsearch example . other\noptions use-vc no-tld-query\n",
                "nameserver 127.0.0.9\nnameserver 127.0.0.1\nsearch nothing example\noptions single-request-reopen rotate no-aaaa\n",
                "",
            ] {
                etc.write("resolv.conf", resolv_conf);
                for name in names {
                    let difference = difference(name);
                    assert_eq!(difference, None, "{name} with {resolv_conf:?}");
                    compared += 1;
                }
            }
            etc.remove("nsswitch.conf");
            etc.remove("resolv.conf");
            assert_eq!(difference("v6.example"), None, "without files");
            // A new process, because the system reads it once.
            for (gai_conf, first) in [("", "2001:db8::2"), ("precedence ::ffff:0:0/96 100\n", "10.0.0.2")] {
                etc.write("gai.conf", gai_conf);
                let getent = Command::new("getent")
                    .args(["ahosts", "both.example"])
                    .output()
                    .unwrap();
                assert!(String::from_utf8_lossy(&getent.stdout).starts_with(first), "{getent:?}");
                assert_eq!(find("both.example").unwrap()[0].to_string(), first);
            }
            println!("{compared} names compared with getaddrinfo");
        },
    );
}

/// A name server that answers each datagram as the script says, until the test's process ends. The script sees how many came before.
fn serve(address: &str, mut script: impl FnMut(&[u8], usize) -> Vec<Vec<u8>> + Send + 'static) {
    let socket = UdpSocket::bind(address).expect("port 53 in a network of our own");
    std::thread::spawn(move || {
        let mut buffer = [0; 600];
        for count in 0.. {
            let (size, from) = socket.recv_from(&mut buffer).expect("a datagram");
            for answer in script(&buffer[..size], count) {
                let _ = socket.send_to(&answer, from);
            }
        }
    });
}

/// The answer to a question, with these flags.
fn answer(question: &[u8], flags: u16) -> Vec<u8> {
    let mut answer = question.to_vec();
    answer[2..4].copy_from_slice(&flags.to_be_bytes());
    answer
}

const GOOD: u16 = 0x8180;
const TRUNCATED: u16 = 0x8380;
const SERVFAIL: u16 = 0x8182;
const NO_SUCH_NAME: u16 = 0x8183;

/// The answer with an address to a question for IPv4, and with none to one for IPv6.
fn good(question: &[u8]) -> Vec<u8> {
    let mut answer = answer(question, GOOD);
    if question[question.len() - 3] == 1 {
        answer[7] = 1;
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 80]);
    }
    answer
}

const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 80));

fn asks_for_ipv6(question: &[u8]) -> bool {
    question[question.len() - 3] == 28
}

fn exchange(limit: Duration) -> Exchange {
    let mut exchange = Exchange::default();
    exchange.limits.connect = Some(limit);
    exchange
}

fn message(result: Result<Vec<IpAddr>>) -> String {
    let error = result.expect_err("nothing is found");
    assert_eq!(error.status, Status::Connection, "{error:?}");
    error.message.clone()
}

#[test]
fn only_the_answer_to_the_question_counts() {
    within(
        "transport::look_up::tests::only_the_answer_to_the_question_counts",
        |etc| {
            etc.write("resolv.conf", "nameserver 127.0.0.1\n");
            serve("127.0.0.1:53", |question, _| {
                let changed = |at: usize| {
                    let mut forged = good(question);
                    forged[at] ^= 1;
                    forged
                };
                vec![
                    Vec::new(),
                    vec![0xff; 500],
                    question.to_vec(),
                    changed(1),
                    changed(2 + 12),
                    good(question)[..20].to_vec(),
                    good(question),
                ]
            });
            assert_eq!(find("api.example").unwrap(), [ADDRESS]);
        },
    );
}

#[test]
fn a_late_answer_of_an_earlier_try_counts() {
    within(
        "transport::look_up::tests::a_late_answer_of_an_earlier_try_counts",
        |etc| {
            etc.write(
                "resolv.conf",
                "nameserver 127.0.0.1\nnameserver 127.0.0.2\noptions timeout:1\n",
            );
            let (tell, told) = std::sync::mpsc::channel();
            // The first answers when the second, which is silent, has been asked.
            serve("127.0.0.2:53", move |_, _| {
                let _ = tell.send(());
                Vec::new()
            });
            serve("127.0.0.1:53", move |question, _| {
                let _ = told.recv();
                vec![good(question)]
            });
            let exchange = exchange(Duration::from_secs(30));
            assert_eq!(
                find_with("api.example", &Resolver::default(), &exchange).unwrap(),
                [ADDRESS]
            );
        },
    );
}

#[test]
fn a_server_that_is_gone_or_fails_costs_no_time() {
    within(
        "transport::look_up::tests::a_server_that_is_gone_or_fails_costs_no_time",
        |etc| {
            etc.write(
                "resolv.conf",
                "nameserver 127.0.0.9\nnameserver 127.0.0.2\nnameserver 127.0.0.1\noptions timeout:30\n",
            );
            serve("127.0.0.2:53", |question, _| vec![answer(question, SERVFAIL)]);
            serve("127.0.0.1:53", |question, _| vec![good(question)]);
            let start = Instant::now();
            assert_eq!(find("api.example").unwrap(), [ADDRESS]);
            assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
        },
    );
}

#[test]
fn a_server_that_never_answers_for_ipv6_costs_little_time() {
    within(
        "transport::look_up::tests::a_server_that_never_answers_for_ipv6_costs_little_time",
        |etc| {
            serve("127.0.0.1:53", |question, _| {
                if asks_for_ipv6(question) {
                    return Vec::new();
                }
                vec![good(question)]
            });
            for more in ["", "options single-request\n"] {
                etc.write(
                    "resolv.conf",
                    &format!("nameserver 127.0.0.1\noptions timeout:30\n{more}"),
                );
                let start = Instant::now();
                assert_eq!(find("api.example").unwrap(), [ADDRESS]);
                assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
            }
        },
    );
}

#[test]
fn a_name_server_may_have_an_ipv6_address() {
    within(
        "transport::look_up::tests::a_name_server_may_have_an_ipv6_address",
        |etc| {
            serve("[::1]:53", |question, _| vec![good(question)]);
            for server in ["::1", "::1%1", "::1%lo"] {
                etc.write("resolv.conf", &format!("nameserver {server}\n"));
                assert_eq!(find("api.example").unwrap(), [ADDRESS], "{server}");
            }
        },
    );
}

#[test]
fn an_answer_too_large_for_a_datagram_comes_by_tcp() {
    within(
        "transport::look_up::tests::an_answer_too_large_for_a_datagram_comes_by_tcp",
        |etc| {
            etc.write("resolv.conf", "nameserver 127.0.0.1\nnameserver 127.0.0.2\n");
            for server in ["127.0.0.1:53", "127.0.0.2:53"] {
                serve(server, |question, _| vec![answer(question, TRUNCATED)]);
            }
            let listener = TcpListener::bind("127.0.0.2:53").expect("port 53 in a network of our own");
            // One by one byte, and all of it; the first server has no TCP at all.
            std::thread::spawn(move || {
                for connection in listener.incoming() {
                    let mut connection = connection.expect("a connection");
                    let mut question = [0; 2 + 29];
                    connection.read_exact(&mut question).expect("a question");
                    let answer = good(&question[2..]);
                    for byte in [&(answer.len() as u16).to_be_bytes(), &answer[..]].concat() {
                        connection.write_all(&[byte]).expect("somebody listens");
                    }
                }
            });
            assert_eq!(find("api.example").unwrap(), [ADDRESS]);
        },
    );
}

#[test]
fn a_message_says_why_there_is_no_address() {
    within(
        "transport::look_up::tests::a_message_says_why_there_is_no_address",
        |etc| {
            etc.write("resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n");
            let refused = message(find("api.example"));
            assert!(
                refused.starts_with("the address of api.example was not found: no name server answered: 127.0.0.1: ")
                    && refused.contains("refused"),
                "{refused}"
            );
            serve("127.0.0.1:53", |question, _| match question[13] {
                b'n' => vec![answer(question, NO_SUCH_NAME)],
                b'e' => vec![answer(question, GOOD)],
                b'f' => vec![answer(question, SERVFAIL)],
                b'g' if !asks_for_ipv6(question) => vec![good(question)[..good(question).len() - 1].to_vec()],
                b'g' => vec![good(question)],
                _ => Vec::new(),
            });
            for (host, why) in [
                ("none.example", "there is no such host"),
                ("empty.example", "the name has no address"),
                (
                    "fails.example",
                    "no name server could tell: 127.0.0.1: it failed (SERVFAIL)",
                ),
                ("silent.example", "no name server answered: 127.0.0.1 is silent"),
                ("a..b", "there is no such host"),
            ] {
                let expected = format!("the address of {host} was not found: {why}");
                assert_eq!(message(find(host)), expected);
            }
            let garbled = message(find("garbled.example"));
            assert!(garbled.contains("malformed"), "{garbled}");
            etc.write("nsswitch.conf", "hosts: files\n");
            assert!(message(find("api.example")).ends_with("there is no such host"));
            assert_eq!(find("localhost").unwrap().len(), 2, "without any file that names it");
        },
    );
}

/// Whether the system is asked for this name.
fn is_the_systems(host: &str) -> bool {
    let (resolver, exchange) = (Resolver::default(), exchange(Duration::from_secs(1)));
    let looking = LookUp {
        endpoint: Endpoint { host, port: 80 },
        resolver: &resolver,
        exchange: &exchange,
        timer: None,
        doing: String::new(),
    };
    matches!(looking.by_the_files().unwrap(), Found::OnlyByTheSystem)
}

#[test]
fn what_only_the_system_knows_is_asked_of_it() {
    within(
        "transport::look_up::tests::what_only_the_system_knows_is_asked_of_it",
        |etc| {
            etc.write("hosts", HOSTS);
            etc.write("resolv.conf", "nameserver 127.0.0.1\n");
            serve("127.0.0.1:53", |question, _| vec![good(question)]);
            let own = host_name();
            for (line, ours, systems) in [
                ("files dns", vec!["inner", "api.example", "a.local"], vec![]),
                (
                    "files mdns4_minimal [NOTFOUND=return] dns",
                    vec!["inner", "api.example"],
                    vec!["a.local", "A.LOCAL."],
                ),
                ("files mdns dns", vec!["api.example"], vec!["a.local"]),
                (
                    "files myhostname dns",
                    vec!["api.example", "localhost", "a.localhost"],
                    vec![&*own, "_gateway"],
                ),
                (
                    "mymachines resolve [!UNAVAIL=return] files myhostname dns",
                    vec!["inner", "api.example"],
                    vec![],
                ),
                ("files dns ldap", vec!["inner", "127.0.0.1"], vec![]),
            ] {
                etc.write("nsswitch.conf", &format!("hosts: {line}\n"));
                let known = !line.contains("ldap");
                for host in ours {
                    assert_eq!(is_the_systems(host), !known, "{host} with {line}");
                    assert!(!find(host).unwrap().is_empty(), "{host} with {line}");
                }
                for host in systems {
                    assert!(is_the_systems(host), "{host} with {line}");
                }
            }
            etc.write("nsswitch.conf", "hosts: mdns dns\n");
            etc.write("mdns.allow", ".example\n");
            assert!(is_the_systems("api.example"));
            etc.write("nsswitch.conf", "hosts: files dns\n");
            etc.write("resolv.conf", "nameserver 127.0.0.1\noptions turbo\n");
            assert!(is_the_systems("api.example") && !is_the_systems("inner"));
            let aliases = Resolver {
                host_aliases: true,
                ..Resolver::default()
            };
            assert!(!aliases.is_own_enough("single") && aliases.is_own_enough("api.example"));
        },
    );
}

#[test]
fn systemds_sources_are_asked_by_dns_where_that_is_the_same() {
    within(
        "transport::look_up::tests::systemds_sources_are_asked_by_dns_where_that_is_the_same",
        |etc| {
            let mounted = Command::new("mount").args(["-t", "tmpfs", "none", "/run"]).status();
            assert!(mounted.expect("mount is there").success());
            serve("127.0.0.53:53", |question, _| vec![good(question)]);
            etc.write(
                "nsswitch.conf",
                "hosts: mymachines resolve [!UNAVAIL=return] files dns\n",
            );
            etc.write("resolv.conf", "nameserver 127.0.0.53\n");
            assert_eq!(find("api.example").unwrap(), [ADDRESS], "without systemd-resolved");
            std::fs::create_dir_all("/run/systemd/resolve").unwrap();
            std::fs::write("/run/systemd/resolve/io.systemd.Resolve", "").unwrap();
            assert_eq!(find("api.example").unwrap(), [ADDRESS], "by its stub");
            assert!(is_the_systems("a.local"), "by multicast");
            etc.write("resolv.conf", "nameserver 127.0.0.1\n");
            assert!(is_the_systems("api.example"), "which servers it asks, it knows alone");
            std::fs::create_dir_all("/run/systemd/machines").unwrap();
            std::fs::write("/run/systemd/machines/container", "").unwrap();
            etc.write("nsswitch.conf", "hosts: mymachines files\n");
            assert!(is_the_systems("container") && !is_the_systems("other"));
        },
    );
}

#[test]
fn the_environment_changes_what_is_asked() {
    within(
        "transport::look_up::tests::the_environment_changes_what_is_asked",
        |etc| {
            etc.write("resolv.conf", "nameserver 127.0.0.1\nsearch wrong\n");
            serve("127.0.0.1:53", |question, _| match &question[12..21] {
                b"\x03api\x05righ" => vec![good(question)],
                _ => vec![answer(question, NO_SUCH_NAME)],
            });
            assert!(find("api").is_err());
            let resolver = Resolver {
                local_domain: Some("right".to_owned()),
                options: Some("ndots:2".to_owned()),
                ..Resolver::default()
            };
            assert_eq!(find_with("api", &resolver, &Exchange::default()).unwrap(), [ADDRESS]);
        },
    );
}
