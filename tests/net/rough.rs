//! Ways on which packets get lost, come twice, or are too large.

use crate::hosts::{Net, SERVICE_V6};
use crate::support::clients::{Asked, ask};
use crate::{LARGE_ANSWER, Service, by_http_and_https, streamed};
use kuai::{Client, Status};
use serde_json::json;
use std::time::Duration;

const THREADS: usize = 8;
const CALLS: usize = 13;

/// Many calls and some streams over one client: each is answered once, with its own answer, and at the first attempt.
fn all_go_through(net: &Net, service: &Service<'_>, name: &str) {
    let patient = json!({"connect_timeout_ms": 100_000, "idle_timeout_ms": 100_000, "max_retries": 0});
    let client = service.client(patient);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let client = &client;
            scope.spawn(move || {
                net.client.run(|| {
                    for number in 0..CALLS {
                        let content = format!("{thread}-{number}");
                        let asked = ask(client, false, &content);
                        assert_eq!((asked.status, &asked.text), (Status::Ok, &content), "{name}: {asked:?}");
                    }
                    let asked = ask(client, true, "go");
                    assert_eq!(
                        (asked.status, &asked.text),
                        (Status::Ok, &streamed()),
                        "{name}: {asked:?}"
                    );
                });
            });
        }
    });
    assert_eq!(service.request_count(), THREADS * (CALLS + 1), "{name}");
    assert_eq!(service.connections(), THREADS, "{name}");
}

#[test]
fn a_twentieth_of_all_packets_lost_loses_no_call() {
    by_http_and_https(|net, service, name| {
        net.rules("numgen random mod 100 < 5 drop");
        all_go_through(net, service, name);
    });
}

#[test]
fn a_fifth_of_all_packets_lost_loses_no_call() {
    by_http_and_https(|net, service, name| {
        net.rules("numgen random mod 100 < 20 drop");
        all_go_through(net, service, name);
    });
}

#[test]
fn packets_that_come_twice_make_no_second_call() {
    by_http_and_https(|net, service, name| {
        net.nft(
            "table ip twice {\n chain twice {\n type filter hook prerouting priority raw\n \
             iifname r0 dup to 192.0.2.129 device r1\n iifname r1 dup to 192.0.2.1 device r0\n }\n}",
        );
        all_go_through(net, service, name);
    });
}

/// The way between is narrower than the hosts' own networks. 576 bytes and 1280 bytes are the least that IPv4 and IPv6 must carry.
fn narrow(net: &Net) {
    for route in [
        "route replace 192.0.2.0/25 dev r0 mtu 576",
        "route replace 192.0.2.128/25 dev r1 mtu 576",
        "-6 route replace 2001:db8:1::/64 dev r0 metric 256 mtu 1280",
        "-6 route replace 2001:db8:2::/64 dev r1 metric 256 mtu 1280",
    ] {
        net.router.ip(route);
    }
}

fn ask_in(net: &Net, client: &Client, content: &str) -> Asked {
    net.client.run(|| ask(client, false, content))
}

#[test]
fn a_narrow_way_costs_no_call_when_icmp_tells_of_it_and_time_when_it_does_not() {
    let long = "x".repeat(LARGE_ANSWER);
    by_http_and_https(|net, service, name| {
        narrow(net);
        let new = Service::start(&net.service, name == "https", SERVICE_V6, 0);
        for (service, family) in [(service, "IPv4"), (&new, "IPv6")] {
            // Nobody tells the sender that its packets are too large: they vanish.
            net.nft(
                "table inet mute {\n chain own {\n type filter hook output priority 0\n \
                 icmp type destination-unreachable drop\n icmpv6 type packet-too-big drop\n }\n}",
            );
            let limited = service.client(json!({"idle_timeout_ms": 1500, "connect_timeout_ms": 1500}));
            let small = ask_in(net, &limited, "hi");
            // The certificate may already be too large.
            let may_wait = name == "https" && small.status == Status::Timeout;
            assert!(may_wait || small.status == Status::Ok, "{name}, {family}: {small:?}");
            for content in [&long, "large"] {
                let asked = ask_in(net, &limited, content);
                assert_eq!(asked.status, Status::Timeout, "{name}, {family}: {asked:?}");
                assert!(
                    (Duration::from_millis(1495)..Duration::from_secs(20)).contains(&asked.took),
                    "{name}, {family}: {asked:?}"
                );
            }
            net.no_rules();
            let told = service.client(json!({}));
            let asked = ask_in(net, &told, &long);
            assert_eq!(
                (asked.status, asked.text),
                (Status::Ok, LARGE_ANSWER.to_string()),
                "{name}, {family}"
            );
            let asked = ask_in(net, &told, "large");
            assert_eq!(
                (asked.status, asked.text.len()),
                (Status::Ok, LARGE_ANSWER / 3 * 3),
                "{name}, {family}"
            );
        }
    });
}
