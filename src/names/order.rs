//! The order in which a name's addresses are tried (RFC 6724, section 6), and `/etc/gai.conf`, which may change it (gai.conf(5)).
#![forbid(unsafe_code)]

use super::{without_comment, words};
use std::cmp::Reverse;
use std::net::{IpAddr, Ipv6Addr};

/// A network's leading bits, how many they are, and its value.
type Entry = (u128, u32, u32);

/// How kinds of addresses compare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    labels: Vec<Entry>,
    precedences: Vec<Entry>,
}

/// RFC 6724, section 2.1: prefix, its length, precedence, label.
const TABLE: [(u128, u32, u32, u32); 9] = [
    (1, 128, 50, 0),
    (0, 0, 40, 1),
    (0xffff_0000_0000, 96, 35, 4),
    (0x2002 << 112, 16, 30, 2),
    (0x2001 << 112, 32, 5, 5),
    (0xfc << 120, 7, 3, 13),
    (0, 96, 1, 3),
    (0xfec0 << 112, 10, 1, 11),
    (0x3ffe << 112, 16, 1, 12),
];

impl Policy {
    /// Reads the file; an empty one is the same as none. A table that it begins takes the place of the whole one. What is not understood
    /// is passed over, as the system does.
    pub fn parse(text: &[u8]) -> Policy {
        let mut policy = Policy {
            labels: Vec::new(),
            precedences: Vec::new(),
        };
        for line in text.split(|&byte| byte == b'\n') {
            let mut words = words(without_comment(line)).map(|word| std::str::from_utf8(word).unwrap_or_default());
            let table = match words.next() {
                Some("label") => &mut policy.labels,
                Some("precedence") => &mut policy.precedences,
                _ => continue,
            };
            table.extend(
                words
                    .next()
                    .zip(words.next())
                    .and_then(|(net, value)| entry(net, value)),
            );
        }
        if policy.labels.is_empty() {
            policy.labels = TABLE.map(|(net, length, _, label)| (net, length, label)).into();
        }
        if policy.precedences.is_empty() {
            policy.precedences = TABLE
                .map(|(net, length, precedence, _)| (net, length, precedence))
                .into();
        }
        policy
    }

    /// Sorts destinations, each with the address that this machine would send from; `None`: there is no way there.
    ///
    /// Of the rules those are left out that need what only the kernel knows (deprecated and home addresses, tunnels), and the longest
    /// common prefix for IPv4, where it says nothing about distance and would undo the turns that name servers let addresses take.
    pub fn sort(&self, mut destinations: Vec<(IpAddr, Option<IpAddr>)>) -> Vec<IpAddr> {
        destinations.sort_by_key(|&(destination, source)| {
            let scope_of_source = source.map(scope);
            let label_of_source = source.map(|source| value(&self.labels, source));
            (
                source.is_none(),
                scope_of_source != Some(scope(destination)),
                label_of_source != Some(value(&self.labels, destination)),
                Reverse(value(&self.precedences, destination)),
                scope(destination),
                Reverse(common_prefix(destination, source)),
            )
        });
        destinations.into_iter().map(|(destination, _)| destination).collect()
    }
}

fn entry(net: &str, value: &str) -> Option<Entry> {
    let (address, length) = net.split_once('/').unwrap_or((net, "128"));
    let length = length.parse().ok().filter(|&length| length <= 128)?;
    Some((bits(address.parse().ok()?), length, value.parse().ok()?))
}

/// IPv4 addresses stand in the tables in their IPv6 form.
fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// That of the longest prefix.
fn value(table: &[Entry], address: IpAddr) -> u32 {
    let bits = bits(address);
    let fits = |entry: &&Entry| (bits ^ entry.0).leading_zeros() >= entry.1;
    let entry = table.iter().filter(fits).max_by_key(|entry| entry.1);
    entry.map_or(0, |entry| entry.2)
}

/// How far an address reaches (RFC 6724, section 3.1), in the numbers of multicast.
fn scope(address: IpAddr) -> u8 {
    const LINK: u8 = 2;
    const SITE: u8 = 5;
    const GLOBAL: u8 = 14;
    match address {
        IpAddr::V4(address) if address.is_loopback() || address.is_link_local() => LINK,
        IpAddr::V6(address) if address.is_multicast() => address.octets()[1] & 0x0f,
        IpAddr::V6(Ipv6Addr::LOCALHOST) => LINK,
        IpAddr::V6(address) if address.is_unicast_link_local() => LINK,
        IpAddr::V6(address) if address.segments()[0] & 0xffc0 == 0xfec0 => SITE,
        _ => GLOBAL,
    }
}

fn common_prefix(destination: IpAddr, source: Option<IpAddr>) -> u32 {
    match (destination, source) {
        (IpAddr::V6(destination), Some(IpAddr::V6(source))) => {
            // What stands behind the network's part says nothing.
            (destination.to_bits() ^ source.to_bits()).leading_zeros().min(64)
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(gai_conf: &str, destinations: &[(&str, &str)]) -> Vec<String> {
        let destinations = destinations
            .iter()
            .map(|(destination, source)| (destination.parse().unwrap(), source.parse().ok()))
            .collect();
        let sorted = Policy::parse(gai_conf.as_bytes()).sort(destinations);
        sorted.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn addresses_are_ordered_as_the_rfc_does() {
        // Those of RFC 6724, section 10.2, that need no more than addresses.
        for (destinations, first) in [
            (
                [("2001:db8:1::1", "2001:db8:1::2"), ("198.51.100.121", "169.254.13.78")],
                "2001:db8:1::1",
            ),
            (
                [("2001:db8:1::1", "fe80::1"), ("198.51.100.121", "198.51.100.117")],
                "198.51.100.121",
            ),
            (
                [("10.1.2.3", "10.1.2.4"), ("2001:db8:1::1", "2001:db8:1::2")],
                "2001:db8:1::1",
            ),
            ([("2001:db8:1::1", "2001:db8:1::2"), ("fe80::1", "fe80::2")], "fe80::1"),
            (
                [
                    ("2002:c633:6401::1", "2002:c633:6401::2"),
                    ("2001:db8:1::1", "2002:c633:6401::2"),
                ],
                "2002:c633:6401::1",
            ),
            ([("fd00::1", "2001:db8::1"), ("10.0.0.1", "10.0.0.2")], "10.0.0.1"),
        ] {
            assert_eq!(sorted("", &destinations)[0], first, "{destinations:?}");
            let [a, b] = destinations;
            assert_eq!(sorted("", &[b, a])[0], first, "{destinations:?}");
        }
    }

    #[test]
    fn what_cannot_be_reached_comes_last_and_equals_keep_their_order() {
        assert_eq!(
            sorted(
                "",
                &[("2001:db8::1", ""), ("10.0.0.9", "10.0.0.1"), ("10.0.0.2", "10.0.0.1")]
            ),
            ["10.0.0.9", "10.0.0.2", "2001:db8::1"]
        );
        assert_eq!(
            sorted(
                "",
                &[("2001:db8:2::1", "2001:db8:1::9"), ("2001:db8:1::1", "2001:db8:1::9")]
            ),
            ["2001:db8:1::1", "2001:db8:2::1"]
        );
    }

    #[test]
    fn gai_conf_can_put_ipv4_first() {
        let both = [("2001:db8::1", "2001:db8::2"), ("10.0.0.1", "10.0.0.2")];
        assert_eq!(sorted("# precedence ::ffff:0:0/96 100\n", &both)[0], "2001:db8::1");
        assert_eq!(sorted("precedence ::ffff:0:0/96  100 # IPv4\n", &both)[0], "10.0.0.1");
        for nonsense in [
            "precedence\n",
            "precedence x 1\n",
            "precedence ::/129 1\n",
            "label ::/0\nreload yes\n",
        ] {
            assert_eq!(Policy::parse(nonsense.as_bytes()), Policy::parse(b""), "{nonsense}");
        }
    }
}
