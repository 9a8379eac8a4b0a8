//! What happens to a connection that is being made.

use crate::hosts::{Net, SERVICE, SERVICE_V6};
use crate::support::clients::{a_moment, ask, time_to_cancel};
use crate::{Service, by_http_and_https, on_time};
use kuai::Status;
use serde_json::json;
use std::time::Duration;

const NO_SYN: &str = "tcp flags & (syn | ack) == syn drop";
/// A connection is made, but nothing larger than an acknowledgement gets through on it.
const NO_DATA: &str = "iifname r0 meta length > 100 drop";

#[test]
fn each_limit_is_exact_while_packets_vanish() {
    let limit = Duration::from_millis(200);
    by_http_and_https(|net, service, name| {
        let holes = if name == "http" {
            &[(NO_SYN, "connecting to 192.0.2.129")][..]
        } else {
            &[
                (NO_SYN, "connecting to 192.0.2.129"),
                (NO_DATA, "shaking hands with 192.0.2.129"),
            ]
        };
        for (rules, doing) in holes {
            net.rules(rules);
            for option in ["connect_timeout_ms", "timeout_ms", "deadline_ms"] {
                let mut limits = json!({"connect_timeout_ms": 60_000});
                limits[option] = 200.into();
                let client = service.client(limits);
                on_time(limit, || {
                    let asked = net.client.run(|| ask(&client, false, "hi"));
                    assert_eq!(asked.status, Status::Timeout, "{name} {rules}: {asked:?}");
                    assert!(asked.message().contains(option), "{asked:?}");
                    assert!(asked.message().contains(doing), "{asked:?}");
                    asked.took
                });
            }
        }
        assert_eq!(service.request_count(), 0);
    });
}

#[test]
fn a_connecting_that_gets_no_answer_is_cancelled_at_once() {
    by_http_and_https(|net, service, name| {
        for rules in [NO_SYN, NO_DATA] {
            net.rules(rules);
            let client = service.client(json!({"connect_timeout_ms": 60_000}));
            println!("{name}, {rules}");
            on_time(Duration::ZERO, || {
                net.client.run(|| time_to_cancel(&client, false, "hi", a_moment))
            });
        }
    });
}

#[test]
fn a_hole_that_closes_within_the_limit_costs_time_and_no_call() {
    by_http_and_https(|net, service, name| {
        let client = service.client(json!({"connect_timeout_ms": 20_000}));
        net.rules(NO_SYN);
        let asked = std::thread::scope(|scope| {
            let asking = scope.spawn(|| net.client.run(|| ask(&client, false, "hi")));
            std::thread::sleep(Duration::from_millis(300));
            net.no_rules();
            asking.join().unwrap()
        });
        assert_eq!((asked.status, &*asked.text), (Status::Ok, "hi"), "{name}: {asked:?}");
        assert_eq!(service.request_count(), 1);
    });
}

#[test]
fn who_is_refused_hears_so_at_once_by_reset_or_by_icmp() {
    let Some(net) = Net::new() else { return };
    let everything = [
        "tcp reset",
        "icmpx type port-unreachable",
        "icmpx type host-unreachable",
        "icmpx type no-route",
        "icmpx type admin-prohibited",
    ];
    // With IPv6 the kernel hears ICMP after a second only, when the sender is so near.
    for (address, kinds) in [(SERVICE, &everything[..]), (SERVICE_V6, &everything[..2])] {
        for tls in [false, true] {
            let service = Service::start(&net.service, tls, address, 0);
            for how in kinds {
                net.rules(&format!("iifname r0 meta l4proto tcp reject with {how}"));
                let client = service.client(json!({"connect_timeout_ms": 60_000}));
                let asked = net.client.run(|| ask(&client, false, "hi"));
                assert_eq!(asked.status, Status::Connection, "{address}, {how}: {asked:?}");
                assert!(asked.message().contains("no connection to "), "{asked:?}");
                assert!(asked.took < Duration::from_secs(10), "{address}, {how}: {asked:?}");
            }
            assert_eq!(service.connections(), 0);
            net.no_rules();
        }
    }
}

#[test]
fn a_refusal_is_tried_again_and_then_goes_through() {
    by_http_and_https(|net, service, _| {
        net.rules("iifname r0 meta l4proto tcp reject with tcp reset");
        let client = service.client(json!({"max_retries": 5}));
        let asked = std::thread::scope(|scope| {
            let asking = scope.spawn(|| net.client.run(|| ask(&client, true, "hi")));
            std::thread::sleep(Duration::from_millis(200));
            net.no_rules();
            asking.join().unwrap()
        });
        assert_eq!((asked.status, asked.text), (Status::Ok, crate::streamed()));
        assert_eq!(service.request_count(), 1);
    });
}

/// The name `both.example` has an address of each family; the resolver names IPv6 first.
#[test]
fn the_second_address_is_tried_while_the_first_is_silent_and_the_limit_is_one_for_both() {
    const NO_V6: &str = "meta nfproto ipv6 drop";
    let Some(net) = Net::new() else { return };
    for tls in [false, true] {
        let old = Service::start(&net.service, tls, SERVICE, 0);
        let new = Service::start(&net.service, tls, SERVICE_V6, old.port());
        let scheme = if tls { "https" } else { "http" };
        let base_url = format!("{scheme}://both.example:{}/v1", old.port());
        let hosts = format!("{SERVICE_V6} both.example\n{SERVICE} both.example\n");
        let ask_with = |server: &Service<'_>, limit: u32| {
            let client = server.client(json!({"base_url": base_url, "connect_timeout_ms": limit}));
            net.client.run_with_hosts(&hosts, || ask(&client, false, "hi"))
        };
        let counts = || (new.request_count(), old.request_count());

        assert_eq!(ask_with(&new, 20_000).status, Status::Ok);
        assert_eq!(counts(), (1, 0), "both answer: the first is taken");

        net.rules(NO_V6);
        let asked = ask_with(&old, 20_000);
        assert_eq!(asked.status, Status::Ok, "{asked:?}");
        assert!(
            (Duration::from_millis(245)..Duration::from_secs(10)).contains(&asked.took),
            "{asked:?}"
        );
        assert_eq!(counts(), (1, 1), "the first is silent");

        net.rules("meta nfproto ipv6 meta l4proto tcp reject with tcp reset");
        let asked = ask_with(&old, 20_000);
        assert_eq!(asked.status, Status::Ok, "{asked:?}");
        assert_eq!(counts(), (1, 2), "the first refuses");

        net.rules(&format!("{NO_V6}\n{}", NO_SYN));
        on_time(Duration::from_millis(600), || {
            let asked = ask_with(&old, 600);
            assert_eq!(asked.status, Status::Timeout, "{asked:?}");
            assert!(asked.message().contains("connect_timeout_ms"), "{asked:?}");
            asked.took
        });
        assert_eq!(counts(), (1, 2), "both are silent");
        net.no_rules();
    }
}
