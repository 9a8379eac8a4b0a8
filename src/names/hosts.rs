//! `/etc/hosts`: an address and its names on each line (hosts(5)).
#![forbid(unsafe_code)]

use super::{without_comment, words};
use std::io::{self, BufRead, Read};
use std::net::IpAddr;

/// What is longer is no line that names a host.
const LONGEST_LINE: u64 = 64 * 1024;

/// How many addresses one name may have.
const MOST_ADDRESSES: usize = 256;

/// The addresses of all lines that have this name.
pub fn addresses(mut hosts: impl BufRead, name: &str) -> io::Result<Vec<IpAddr>> {
    let mut found = Vec::new();
    let mut line = Vec::new();
    while found.len() < MOST_ADDRESSES {
        line.clear();
        if (&mut hosts).take(LONGEST_LINE).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        found.extend(address(&line, name).filter(|address| !found.contains(address)));
    }
    Ok(found)
}

fn address(line: &[u8], name: &str) -> Option<IpAddr> {
    let mut words = words(without_comment(line));
    let address = std::str::from_utf8(words.next()?).ok()?;
    words
        .any(|word| word.eq_ignore_ascii_case(name.as_bytes()))
        .then(|| address.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_the_addresses_of_all_its_lines() {
        let hosts = b"# 10.0.0.9 api\n\
            127.0.0.1\tlocalhost\n\
            ::1 localhost ip6-localhost # api\n\
            10.0.0.1 db.example db api#x\n\
            \n  fd00::1   API\r\n\
            10.0.0.1 api\n\
            nonsense api\n\
            10.0.0.2";
        let find = |name| addresses(&hosts[..], name).unwrap();
        let parse = |list: &[&str]| list.iter().map(|text| text.parse().unwrap()).collect::<Vec<IpAddr>>();
        assert_eq!(find("api"), parse(&["10.0.0.1", "fd00::1"]));
        assert_eq!(find("LocalHost"), parse(&["127.0.0.1", "::1"]));
        assert_eq!(find("db.example"), parse(&["10.0.0.1"]));
        assert_eq!(find("example"), parse(&[]));
        assert_eq!(find("10.0.0.2"), parse(&[]));
        assert_eq!(find(""), parse(&[]));
    }

    #[test]
    fn neither_long_lines_nor_many_take_more_memory() {
        let mut hosts = vec![b'x'; 200_000];
        hosts.extend(b"\n10.0.0.1 api\n");
        assert_eq!(addresses(&hosts[..], "api").unwrap().len(), 1);
        let many: String = (0..100_000u32)
            .map(|i| format!("{} api\n", std::net::Ipv4Addr::from(i)))
            .collect();
        assert_eq!(addresses(many.as_bytes(), "api").unwrap().len(), MOST_ADDRESSES);
    }
}
