//! Cables that are pulled and addresses that go.

use crate::breaking::interrupted;
use crate::hosts::Net;
use crate::support::clients::ask;
use crate::{by_http_and_https, streamed};
use kuai::Status;
use serde_json::json;
use std::time::Duration;

struct Loss {
    what: &'static str,
    lose: fn(&Net),
    restore: fn(&Net),
}

const LOSSES: [Loss; 3] = [
    Loss {
        what: "the cable, at the other end",
        lose: |net| net.router.ip("link set r0 down"),
        restore: |net| net.router.ip("link set r0 up"),
    },
    Loss {
        what: "the cable, at the client's end",
        lose: |net| net.client.ip("link set c0 down"),
        restore: |net| {
            net.client.ip("link set c0 up");
            net.add_routes();
        },
    },
    Loss {
        what: "the service's address",
        lose: |net| net.service.ip("address del 192.0.2.129/25 dev s0"),
        restore: |net| {
            net.service.ip("address add 192.0.2.129/25 dev s0");
            net.add_routes();
        },
    },
];

#[test]
fn a_stream_goes_on_when_the_network_comes_back_within_the_limits() {
    by_http_and_https(|net, service, name| {
        for Loss { what, lose, restore } in LOSSES {
            let client = service.client(json!({"idle_timeout_ms": 60_000}));
            let (status, text, document, _) = std::thread::scope(|scope| {
                net.client.run(|| {
                    interrupted(&client, || {
                        lose(net);
                        scope.spawn(|| {
                            std::thread::sleep(Duration::from_millis(400));
                            restore(net);
                        });
                    })
                })
            });
            assert_eq!((status, text), (Status::Done, streamed()), "{name}, {what}: {document}");
        }
        assert_eq!(service.request_count(), LOSSES.len());
    });
}

#[test]
fn a_stream_ends_clearly_when_the_network_stays_away_and_later_calls_go_through() {
    by_http_and_https(|net, service, name| {
        for Loss { what, lose, restore } in LOSSES {
            let client = service.client(json!({"idle_timeout_ms": 2000, "connect_timeout_ms": 700, "max_retries": 0}));
            let (status, _, document, _) = net.client.run(|| interrupted(&client, || lose(net)));
            assert_eq!(status, Status::Timeout, "{name}, {what}: {document}");
            assert_eq!(document["error"]["code"], "idle_timeout_ms", "{name}, {what}");

            let without = net.client.run(|| ask(&client, false, "hi"));
            println!("{name}, without {what}: {}", without.message());
            let expected = if what.ends_with("client's end") {
                Status::Connection
            } else {
                Status::Timeout
            };
            assert_eq!(without.status, expected, "{name}, {what}: {without:?}");
            assert!(without.took < Duration::from_secs(20), "{without:?}");

            restore(net);
            let patient = service.client(json!({"connect_timeout_ms": 60_000}));
            let asked = net.client.run(|| ask(&patient, false, "hi"));
            assert_eq!(
                (asked.status, &*asked.text),
                (Status::Ok, "hi"),
                "{name}, {what}: {asked:?}"
            );
        }
    });
}
