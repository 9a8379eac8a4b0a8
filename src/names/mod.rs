//! What a look-up of a host's name is made of, without a socket: the system's files that say how names are looked up here, the messages
//! that name servers are sent and answer with, and the order in which addresses are tried.
//!
//! Everything is bytes in and values out; what is asked of whom, and for how long, is [`transport`](crate::transport)'s. Where the files say
//! something that is not understood here, the reading gives `None`, and the system's own look-up is the one to use.
#![forbid(unsafe_code)]

pub mod hosts;
pub mod message;
pub mod nsswitch;
pub mod order;
pub mod resolv_conf;

use std::net::{IpAddr, Ipv4Addr};

/// The address that a text is, if it is one: as the standard library reads it, or in the old forms that C's `inet_aton` takes (`127.1`,
/// `0x7f000001`).
pub fn numeric(host: &str) -> Option<IpAddr> {
    host.parse().ok().or_else(|| inet_aton(host).map(IpAddr::V4))
}

/// One to four numbers, decimal, octal (`0`) or hexadecimal (`0x`), of which the last fills what is left of the 32 bits.
fn inet_aton(host: &str) -> Option<Ipv4Addr> {
    let mut address = 0;
    let mut free = 32;
    let mut parts = host.split('.').peekable();
    while let Some(part) = parts.next() {
        let number = c_number(part)?;
        if parts.peek().is_none() {
            return (u64::from(number) < 1 << free).then(|| Ipv4Addr::from(address | number));
        }
        if number > 255 || free == 8 {
            return None;
        }
        free -= 8;
        address |= number << free;
    }
    None
}

fn c_number(text: &str) -> Option<u32> {
    let lower = text.to_ascii_lowercase();
    let (digits, radix) = match lower.strip_prefix("0x") {
        Some(digits) => (digits, 16),
        None if lower.len() > 1 && lower.starts_with('0') => (&lower[1..], 8),
        None => (&lower[..], 10),
    };
    // `from_str_radix` takes a sign too.
    if !digits.bytes().all(|digit| digit.is_ascii_alphanumeric()) {
        return None;
    }
    u32::from_str_radix(digits, radix).ok()
}

/// The words of a line of one of the system's files.
fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty())
}

/// What stands before a `#`.
fn without_comment(line: &[u8]) -> &[u8] {
    line.split(|&byte| byte == b'#').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_c_reads_them() {
        for (host, address) in [
            ("127.0.0.1", "127.0.0.1"),
            ("::1", "::1"),
            ("127.1", "127.0.0.1"),
            ("10.1.258", "10.1.1.2"),
            ("0x7f.1", "127.0.0.1"),
            ("0X7F000001", "127.0.0.1"),
            ("2130706433", "127.0.0.1"),
            ("017700000001", "127.0.0.1"),
            ("0", "0.0.0.0"),
            ("010.0.0.1", "8.0.0.1"),
        ] {
            assert_eq!(numeric(host), address.parse().ok(), "{host}");
        }
        for host in [
            "",
            ".",
            "1.",
            "1..2",
            "1.2.3.4.5",
            "256.1",
            "1.2.3.256",
            "4294967296",
            "08",
            "0x",
            "+1",
            "1.-2",
            "a",
            "dead.beef",
            "1.2.3.4a",
        ] {
            assert_eq!(numeric(host), None, "{host}");
        }
    }
}
