//! Looking names up: no message of a name server and none of the system's files makes their reading fail, hang or give what it may not.
#![no_main]

use kuai::inner::names::message::{Family, Name, Query, Reply};
use kuai::inner::names::order::Policy;
use kuai::inner::names::resolv_conf::{ResolvConf, Surroundings};
use kuai::inner::names::{hosts, nsswitch, numeric};
use kuai_fuzz::Choices;
use libfuzzer_sys::fuzz_target;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

fuzz_target!(|input: &[u8]| {
    let mut choices = Choices::of(input);
    let kind = choices.byte();
    match kind % 6 {
        0 => message(kind, choices),
        1 => name(choices),
        2 => {
            let name = String::from_utf8_lossy(choices.line()).into_owned();
            let found = hosts::addresses(choices.rest(), &name).expect("no file");
            let mut once = found.clone();
            once.sort();
            once.dedup();
            assert!(found.len() <= 256 && once.len() == found.len());
        }
        3 => resolv_conf(choices),
        4 => {
            if let Some(steps) = nsswitch::sources(choices.rest()) {
                assert!(steps.iter().all(|step| step.ends_with(nsswitch::Status::Success)));
            }
        }
        _ => order(choices),
    }
});

/// What comes for a question: its header and what stands behind the question are the input's.
fn message(kind: u8, mut choices: Choices<'_>) {
    let query = Query {
        id: 0x1234,
        name: Name::parse("api.example").expect("a name"),
        family: if kind & 0x80 == 0 { Family::V4 } else { Family::V6 },
        edns0: false,
        trust_ad: false,
    };
    let mut message = query.to_bytes();
    message[2..8].fill_with(|| choices.byte());
    message.extend(choices.rest());
    match query.read(&message) {
        Some(Reply::Addresses(addresses)) => {
            assert!(!addresses.is_empty() && addresses.len() <= 256);
            assert!(
                addresses
                    .iter()
                    .all(|address| address.is_ipv4() == (query.family == Family::V4))
            );
        }
        Some(_) => assert_eq!(message[2] & 0xf8, 0x80, "an answer"),
        None => {}
    }
    message[0] ^= 1;
    assert_eq!(query.read(&message), None, "another question's answer");
}

/// A name that can be asked for comes back in the answer that says nothing.
fn name(choices: Choices<'_>) {
    let text = String::from_utf8_lossy(choices.rest()).into_owned();
    let _ = numeric(&text);
    let Some(name) = Name::parse(&text) else { return };
    let query = Query {
        id: 7,
        name,
        family: Family::V6,
        edns0: true,
        trust_ad: true,
    };
    let mut message = query.to_bytes();
    assert!(message.len() <= 12 + 255 + 4 + 11);
    assert_eq!(query.read(&message), None, "a question");
    message[2..4].copy_from_slice(&[0x81, 0x80]);
    assert_eq!(query.read(&message), Some(Reply::NoData));
}

fn resolv_conf(mut choices: Choices<'_>) {
    let name = String::from_utf8_lossy(choices.line()).into_owned();
    let domains = String::from_utf8_lossy(choices.line()).into_owned();
    let options = String::from_utf8_lossy(choices.line()).into_owned();
    let around = Surroundings {
        local_domain: (!domains.is_empty()).then_some(&domains),
        options: Some(&options),
        host_name: &name,
        interface: &|name| name.len().try_into().ok(),
    };
    let Some(conf) = ResolvConf::parse(choices.rest(), around) else {
        return;
    };
    assert!((1..=3).contains(&conf.servers.len()) && conf.ndots <= 15 && (1..=5).contains(&conf.attempts));
    assert!((1..=30).contains(&conf.timeout.as_secs()));
    let candidates = conf.candidates(&name);
    assert!(candidates.iter().all(|candidate| candidate.starts_with(&name)));
    assert!(candidates.len() <= conf.search.len() + 1);
}

/// Sorting loses nothing and puts what cannot be reached last.
fn order(mut choices: Choices<'_>) {
    let mut address = || {
        let bytes: [u8; 16] = std::array::from_fn(|_| choices.byte());
        match bytes[15] % 3 {
            0 => IpAddr::from(Ipv4Addr::new(bytes[0], bytes[1], bytes[2], bytes[3])),
            _ => IpAddr::from(Ipv6Addr::from(bytes)),
        }
    };
    let destinations: Vec<(IpAddr, Option<IpAddr>)> = (0..8)
        .map(|_| {
            (
                address(),
                Some(address()).filter(|source| source.is_ipv4() || !source.is_unspecified()),
            )
        })
        .collect();
    let sorted = Policy::parse(choices.rest()).sort(destinations.clone());
    let mut before: Vec<IpAddr> = destinations.iter().map(|(destination, _)| *destination).collect();
    let mut after = sorted.clone();
    before.sort();
    after.sort();
    assert_eq!(before, after);
}
