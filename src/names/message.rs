//! The messages of the Domain Name System: a question for a name's addresses, and what an answer says (RFC 1035, section 4).
#![forbid(unsafe_code)]

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// RFC 1035, section 2.3.4, with the lengths of the labels.
const LONGEST_NAME: usize = 255;
const LONGEST_LABEL: usize = 63;

const HEADER: usize = 12;
const CLASS_IN: u16 = 1;
const TYPE_CNAME: u16 = 5;
const TYPE_OPT: u16 = 41;

/// How many other names a name may stand for, one behind the other.
const MOST_ALIASES: usize = 16;

/// How many pointers one written name may lead over: enough for any that a server writes, and no work to speak of.
const MOST_POINTERS: usize = 64;

/// How many addresses of one name are used.
const MOST_ADDRESSES: usize = 256;

/// What a server may send in one datagram when it is told so: more is often lost on the way (DNS Flag Day 2020).
pub const LARGEST_DATAGRAM: u16 = 1232;

/// The kind of address that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    V4,
    V6,
}

impl Family {
    fn record_type(self) -> u16 {
        match self {
            Family::V4 => 1,
            Family::V6 => 28,
        }
    }
}

/// A host's name as it is sent: labels with their lengths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(Vec<u8>);

impl Name {
    /// `None`: no name that the DNS could have.
    pub fn parse(text: &str) -> Option<Name> {
        let text = text.strip_suffix('.').unwrap_or(text);
        let mut wire = Vec::with_capacity(text.len() + 2);
        for label in text.split('.') {
            let plain = label.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
            if label.is_empty() || label.len() > LONGEST_LABEL || !plain {
                return None;
            }
            wire.push(label.len() as u8);
            wire.extend(label.as_bytes());
        }
        wire.push(0);
        (wire.len() <= LONGEST_NAME).then_some(Name(wire))
    }

    fn is(&self, other: &Name) -> bool {
        // The lengths, 63 at most, are no letters.
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

/// A question to a name server.
#[derive(Clone, Debug)]
pub struct Query {
    pub id: u16,
    pub name: Name,
    pub family: Family,
    /// Says that the answer may be larger than 512 bytes (RFC 6891).
    pub edns0: bool,
    /// Asks for the server's word on DNSSEC, as `trust-ad` has it.
    pub trust_ad: bool,
}

/// What a server's answer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    Addresses(Vec<IpAddr>),
    /// The name exists, and has no address of this family.
    NoData,
    /// There is no such name.
    NoSuchName,
    /// The answer is too large for a datagram.
    Truncated,
    /// This server cannot answer; another one may.
    Failed(Failure),
}

/// Why a server cannot answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    Malformed,
    FormErr,
    ServFail,
    NotImp,
    Refused,
    /// Any other code.
    Code,
    NoRecursion,
    EndlessAliases,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Failure::Malformed => "its answer is malformed",
            Failure::FormErr => "it did not understand the question (FORMERR)",
            Failure::ServFail => "it failed (SERVFAIL)",
            Failure::NotImp => "it does not answer such questions (NOTIMP)",
            Failure::Refused => "it refused to answer (REFUSED)",
            Failure::Code => "it failed",
            Failure::NoRecursion => "it does not ask others (no recursion)",
            Failure::EndlessAliases => "the aliases come to no end",
        })
    }
}

impl Query {
    /// The message to send.
    pub fn to_bytes(&self) -> Vec<u8> {
        const RECURSION_DESIRED: u16 = 0x0100;
        const AUTHENTIC_DATA: u16 = 0x0020;
        let ad = if self.trust_ad { AUTHENTIC_DATA } else { 0 };
        let mut out = Vec::with_capacity(HEADER + self.name.0.len() + 15);
        for number in [self.id, RECURSION_DESIRED | ad, 1, 0, 0, u16::from(self.edns0)] {
            out.extend(number.to_be_bytes());
        }
        out.extend(&self.name.0);
        out.extend(self.family.record_type().to_be_bytes());
        out.extend(CLASS_IN.to_be_bytes());
        if self.edns0 {
            // The root's name, the type, what may come, no flags, no options.
            out.push(0);
            out.extend(TYPE_OPT.to_be_bytes());
            out.extend(LARGEST_DATAGRAM.to_be_bytes());
            out.extend([0; 6]);
        }
        out
    }

    /// Reads what came; `None` when it is no answer to this question, whatever it is.
    pub fn read(&self, message: &[u8]) -> Option<Reply> {
        let mut cursor = Cursor { message, at: 0 };
        let header = Header::read(&mut cursor)?;
        if header.id != self.id || !header.is_answer() {
            return None;
        }
        match header.questions {
            1 => {
                let name = cursor.name()?;
                let same = (cursor.u16()?, cursor.u16()?) == (self.family.record_type(), CLASS_IN);
                if !same || !name.is(&self.name) {
                    return None;
                }
            }
            // A server that could not make sense of the question may leave it out.
            0 if matches!(header.code(), 1 | 2 | 4 | 5) => {}
            _ => return None,
        }
        Some(match header.code() {
            0 if header.is_truncated() => Reply::Truncated,
            0 => self
                .addresses(cursor, &header)
                .unwrap_or(Reply::Failed(Failure::Malformed)),
            1 => Reply::Failed(Failure::FormErr),
            2 => Reply::Failed(Failure::ServFail),
            3 => Reply::NoSuchName,
            4 => Reply::Failed(Failure::NotImp),
            5 => Reply::Failed(Failure::Refused),
            _ => Reply::Failed(Failure::Code),
        })
    }

    /// Follows the name through its aliases to its addresses. `None`: the message is not whole.
    fn addresses(&self, cursor: Cursor<'_>, header: &Header) -> Option<Reply> {
        let mut name = self.name.clone();
        for _ in 0..=MOST_ALIASES {
            let mut addresses = Vec::new();
            let mut alias = None;
            let mut records = Cursor { ..cursor };
            for _ in 0..header.answers {
                let record = Record::read(&mut records)?;
                if record.class != CLASS_IN || !record.name.is(&name) {
                    continue;
                }
                if record.record_type == self.family.record_type() {
                    addresses.push(self.address(record.data.bytes())?);
                } else if record.record_type == TYPE_CNAME {
                    alias = Some(record.data.clone().name()?);
                }
            }
            if !addresses.is_empty() {
                addresses.truncate(MOST_ADDRESSES);
                return Some(Reply::Addresses(addresses));
            }
            match alias {
                Some(alias) => name = alias,
                None if header.is_referral() => return Some(Reply::Failed(Failure::NoRecursion)),
                None => return Some(Reply::NoData),
            }
        }
        Some(Reply::Failed(Failure::EndlessAliases))
    }

    fn address(&self, data: &[u8]) -> Option<IpAddr> {
        Some(match self.family {
            Family::V4 => Ipv4Addr::from(<[u8; 4]>::try_from(data).ok()?).into(),
            Family::V6 => Ipv6Addr::from(<[u8; 16]>::try_from(data).ok()?).into(),
        })
    }
}

struct Header {
    id: u16,
    flags: u16,
    questions: u16,
    answers: u16,
}

impl Header {
    fn read(cursor: &mut Cursor<'_>) -> Option<Header> {
        let header = Header {
            id: cursor.u16()?,
            flags: cursor.u16()?,
            questions: cursor.u16()?,
            answers: cursor.u16()?,
        };
        // How many records stand in the other two sections.
        cursor.u16()?;
        cursor.u16()?;
        Some(header)
    }

    /// An answer, and to a plain query.
    fn is_answer(&self) -> bool {
        self.flags & 0xf800 == 0x8000
    }

    fn is_truncated(&self) -> bool {
        self.flags & 0x0200 != 0
    }

    /// Neither authoritative nor able to ask those who are: the server only names others.
    fn is_referral(&self) -> bool {
        self.flags & 0x0480 == 0 && self.answers == 0
    }

    fn code(&self) -> u16 {
        self.flags & 0x000f
    }
}

/// A resource record (RFC 1035, section 4.1.3).
struct Record<'a> {
    name: Name,
    record_type: u16,
    class: u16,
    data: Data<'a>,
}

/// A record's data, within its message: names in it point back.
#[derive(Clone)]
struct Data<'a> {
    cursor: Cursor<'a>,
    length: usize,
}

impl<'a> Record<'a> {
    fn read(cursor: &mut Cursor<'a>) -> Option<Record<'a>> {
        let name = cursor.name()?;
        let (record_type, class) = (cursor.u16()?, cursor.u16()?);
        // How long it may be kept.
        cursor.take(4)?;
        let length = usize::from(cursor.u16()?);
        let data = Data {
            cursor: cursor.clone(),
            length,
        };
        cursor.take(length)?;
        Some(Record {
            name,
            record_type,
            class,
            data,
        })
    }
}

impl<'a> Data<'a> {
    fn bytes(&self) -> &'a [u8] {
        &self.cursor.message[self.cursor.at..self.cursor.at + self.length]
    }

    /// The name that is all of the data.
    fn name(mut self) -> Option<Name> {
        let end = self.cursor.at + self.length;
        let name = self.cursor.name()?;
        (self.cursor.at == end).then_some(name)
    }
}

#[derive(Clone)]
struct Cursor<'a> {
    message: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let bytes = self.message.get(self.at..)?.get(..length)?;
        self.at += length;
        Some(bytes)
    }

    fn u16(&mut self) -> Option<u16> {
        self.take(2).map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    /// A name, whose end may be a pointer to an earlier one's (RFC 1035, section 4.1.4). Each pointer must lead further back than the last.
    fn name(&mut self) -> Option<Name> {
        let mut wire = Vec::with_capacity(64);
        let mut reader = self.clone();
        let mut earliest = self.at;
        let mut pointers = 0;
        loop {
            let length = usize::from(*reader.take(1)?.first()?);
            match length >> 6 {
                0 => {
                    wire.push(length as u8);
                    wire.extend(reader.take(length)?);
                    if wire.len() > LONGEST_NAME {
                        return None;
                    }
                }
                3 => {
                    let low = usize::from(*reader.take(1)?.first()?);
                    if pointers == 0 {
                        self.at = reader.at;
                    }
                    pointers += 1;
                    reader.at = (length & 0x3f) << 8 | low;
                    if reader.at >= earliest || pointers > MOST_POINTERS {
                        return None;
                    }
                    earliest = reader.at;
                    continue;
                }
                _ => return None,
            }
            if length == 0 {
                if pointers == 0 {
                    self.at = reader.at;
                }
                return Some(Name(wire));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(family: Family) -> Query {
        Query {
            id: 0x1234,
            name: Name::parse("api.example").unwrap(),
            family,
            edns0: false,
            trust_ad: false,
        }
    }

    /// The answer's header, the question, and these records.
    fn answer(flags: u16, answers: u16, records: &[u8]) -> Vec<u8> {
        let mut message = query(Family::V4).to_bytes();
        message[2..4].copy_from_slice(&flags.to_be_bytes());
        message[6..8].copy_from_slice(&answers.to_be_bytes());
        message.extend(records);
        message
    }

    fn record(name: &[u8], record_type: u8, data: &[u8]) -> Vec<u8> {
        let head = [0, record_type, 0, 1, 0, 0, 0, 60, 0, data.len() as u8];
        [name, &head, data].concat()
    }

    /// "api.example" of the question.
    const ITSELF: &[u8] = &[0xc0, 12];
    const GOOD: u16 = 0x8180;

    fn read(message: &[u8]) -> Option<Reply> {
        query(Family::V4).read(message)
    }

    #[test]
    fn a_question_has_its_name_and_what_is_asked_for() {
        assert_eq!(
            query(Family::V6).to_bytes(),
            b"\x12\x34\x01\x00\0\x01\0\0\0\0\0\0\x03api\x07example\0\0\x1c\0\x01"
        );
        let all = Query {
            edns0: true,
            trust_ad: true,
            ..query(Family::V4)
        };
        assert_eq!(
            all.to_bytes(),
            b"\x12\x34\x01\x20\0\x01\0\0\0\0\0\x01\x03api\x07example\0\0\x01\0\x01\0\0\x29\x04\xd0\0\0\0\0\0\0"
        );
    }

    #[test]
    fn names_are_those_that_the_dns_can_have() {
        let label = "a".repeat(63);
        let longest = format!("{label}.{label}.{label}.{}", "a".repeat(61));
        for good in ["a", "a.", "_a.b-c", "A.1", &longest] {
            assert!(Name::parse(good).is_some(), "{good}");
        }
        for bad in [
            "",
            ".",
            "a..b",
            ".a",
            "a b",
            "a\\b",
            "ä",
            &format!("{label}a"),
            &format!("{longest}a"),
        ] {
            assert!(Name::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn addresses_are_found_behind_aliases_in_any_order() {
        let www = b"\x03www\xc0\x10";
        let records = [
            record(www, 1, &[10, 0, 0, 1]),
            record(ITSELF, 5, b"\x03WWW\xc0\x10"),
            record(www, 1, &[10, 0, 0, 2]),
            record(b"\x05other\0", 1, &[10, 0, 0, 3]),
            record(www, 28, &[0; 16]),
        ]
        .concat();
        let addresses = [[10, 0, 0, 1], [10, 0, 0, 2]].map(IpAddr::from);
        assert_eq!(
            read(&answer(GOOD, 5, &records)),
            Some(Reply::Addresses(addresses.into()))
        );
    }

    #[test]
    fn what_is_no_answer_to_this_question_is_passed_over() {
        let good = answer(GOOD, 1, &record(ITSELF, 1, &[10, 0, 0, 1]));
        assert!(matches!(read(&good), Some(Reply::Addresses(_))));
        let changed = |at: usize, byte: u8| {
            let mut message = good.clone();
            message[at] = byte;
            message
        };
        for (what, message) in [
            ("another id", changed(1, 0)),
            ("a question", changed(2, 0x01)),
            ("an update", changed(2, 0xa9)),
            ("another name", changed(13, b'x')),
            ("another type", changed(26, 28)),
            ("another class", changed(28, 3)),
            ("two questions", changed(5, 2)),
            ("no question", changed(5, 0)),
        ] {
            assert_eq!(read(&message), None, "{what}");
        }
        assert!(read(&changed(13, b'A')).is_some(), "another case is the same name");
        for length in 0..29 {
            assert_eq!(read(&good[..length]), None, "{length}");
        }
        for length in 29..good.len() {
            assert!(matches!(read(&good[..length]), Some(Reply::Failed(_))), "{length}");
        }
    }

    #[test]
    fn what_a_server_says_instead_of_an_address_is_told() {
        assert_eq!(read(&answer(GOOD, 0, &[])), Some(Reply::NoData));
        assert_eq!(read(&answer(GOOD | 3, 0, &[])), Some(Reply::NoSuchName));
        assert_eq!(read(&answer(GOOD | 0x200, 0, &[])), Some(Reply::Truncated));
        for code in [1, 2, 4, 5, 6] {
            assert!(matches!(read(&answer(GOOD | code, 0, &[])), Some(Reply::Failed(_))));
        }
        assert!(
            matches!(read(&answer(0x8100, 0, &[])), Some(Reply::Failed(_))),
            "a referral"
        );
        assert_eq!(
            read(&answer(0x8500, 0, &[])),
            Some(Reply::NoData),
            "an authority's word"
        );
        assert!(matches!(
            read(b"\x12\x34\x81\x82\0\0\0\0\0\0\0\0"),
            Some(Reply::Failed(_))
        ));
        assert_eq!(read(b"\x12\x34\x81\x83\0\0\0\0\0\0\0\0"), None, "no such what?");
        let dangling = record(ITSELF, 5, b"\x03www\xc0\x10");
        assert_eq!(read(&answer(GOOD, 1, &dangling)), Some(Reply::NoData));
    }

    #[test]
    fn no_message_makes_the_reading_go_on_for_ever() {
        let alias = record(ITSELF, 5, ITSELF);
        assert!(matches!(read(&answer(GOOD, 1, &alias)), Some(Reply::Failed(_))));
        // A record's name that points at itself, forwards, and back through a loop.
        for name in [&[0xc0, 29], &[0xc0, 40], &[0xff, 0xff]] {
            let records = record(name, 1, &[10, 0, 0, 1]);
            assert!(matches!(read(&answer(GOOD, 1, &records)), Some(Reply::Failed(_))));
        }
        let looped = record(b"\x01a\xc0\x1d", 1, &[10, 0, 0, 1]);
        assert!(matches!(read(&answer(GOOD, 1, &looped)), Some(Reply::Failed(_))));
        let reserved = record(&[0x80, 12], 1, &[10, 0, 0, 1]);
        assert!(matches!(read(&answer(GOOD, 1, &reserved)), Some(Reply::Failed(_))));
        let wrong_size = record(ITSELF, 1, &[10, 0, 0]);
        assert!(matches!(read(&answer(GOOD, 1, &wrong_size)), Some(Reply::Failed(_))));
    }

    #[test]
    fn so_many_addresses_are_used_and_no_more() {
        let records: Vec<u8> = (0..1000u16)
            .flat_map(|i| record(ITSELF, 1, &[10, 0, (i >> 8) as u8, i as u8]))
            .collect();
        let Some(Reply::Addresses(addresses)) = read(&answer(GOOD, 1000, &records)) else {
            panic!("there are addresses");
        };
        assert_eq!(addresses.len(), MOST_ADDRESSES);
    }
}
