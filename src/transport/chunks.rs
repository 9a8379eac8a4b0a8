//! A chunked body (RFC 9112, section 7.1), taken apart where it lies.
//!
//! ureq has a decoder too, which searches for each chunk's size anew and forgets the good chunks that came in one read with a broken one. So
//! what every read brings is taken out of its chunks here, and handed to ureq as one.
#![forbid(unsafe_code)]

/// The longest extension of a chunk's size that is passed over, blanks before it included.
const LONGEST_EXTENSION: u16 = 1024;

/// Where in a chunked body the last byte was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Chunks {
    /// A chunk begins.
    #[default]
    Start,
    Size(u64),
    /// So many blanks after the size, as some services pad it, or before an extension.
    Blanks(u16, u64),
    /// An extension, so many bytes of it.
    Extension(u16, u64),
    SizeEnd(u64),
    /// So many bytes are to come.
    Data(u64),
    DataEnd,
    DataLineEnd,
    /// Behind the last chunk: a line begins.
    Line,
    Trailer,
    TrailerEnd,
    LastEnd,
    Ended,
    /// What is wrong.
    Broken(&'static str),
}

impl Chunks {
    /// Moves the data of the chunks in `bytes` to its front, and says how much that is and how many bytes were looked at: all of them,
    /// unless the body ends or breaks before.
    pub fn decode(&mut self, bytes: &mut [u8]) -> (usize, usize) {
        let (mut data, mut at) = (0, 0);
        while at < bytes.len() {
            *self = match *self {
                Chunks::Data(left) => {
                    let here = usize::try_from(left).map_or(bytes.len() - at, |left| left.min(bytes.len() - at));
                    bytes.copy_within(at..at + here, data);
                    data += here;
                    at += here;
                    match left - here as u64 {
                        0 => Chunks::DataEnd,
                        left => Chunks::Data(left),
                    }
                }
                Chunks::Ended | Chunks::Broken(_) => break,
                // As nearly every line ends.
                Chunks::DataEnd if bytes[at..].starts_with(b"\r\n") => {
                    at += 2;
                    Chunks::Start
                }
                Chunks::Size(size) if size > 0 && bytes[at..].starts_with(b"\r\n") => {
                    at += 2;
                    Chunks::Data(size)
                }
                between => {
                    at += 1;
                    between.after(bytes[at - 1])
                }
            };
        }
        (data, at)
    }

    /// The last chunk has come.
    pub fn is_last(self) -> bool {
        matches!(
            self,
            Chunks::Line | Chunks::Trailer | Chunks::TrailerEnd | Chunks::LastEnd | Chunks::Ended
        )
    }

    fn after(self, byte: u8) -> Chunks {
        match (self, byte) {
            (Chunks::Start, _) => match digit(byte) {
                Some(digit) => Chunks::Size(digit),
                None => Chunks::Broken("a chunk's size is not a number"),
            },
            (Chunks::Size(size), b'\r') => Chunks::SizeEnd(size),
            (Chunks::Size(size), b' ' | b'\t') => Chunks::Blanks(0, size),
            (Chunks::Size(size), b';') => Chunks::Extension(0, size),
            (Chunks::Size(size), _) => match digit(byte) {
                Some(_) if size >> 60 != 0 => Chunks::Broken("a chunk's size is too large"),
                Some(digit) => Chunks::Size(size << 4 | digit),
                None => Chunks::Broken("a chunk's size is not a number"),
            },
            (Chunks::Blanks(_, size) | Chunks::Extension(_, size), b'\r') => Chunks::SizeEnd(size),
            (Chunks::Blanks(LONGEST_EXTENSION, _) | Chunks::Extension(LONGEST_EXTENSION, _), _) => {
                Chunks::Broken("the extension of a chunk's size is too long")
            }
            (Chunks::Blanks(length, size), b' ' | b'\t') => Chunks::Blanks(length + 1, size),
            (Chunks::Blanks(length, size), b';') => Chunks::Extension(length, size),
            (Chunks::Blanks(..), _) => Chunks::Broken("a chunk's size is not a number"),
            (Chunks::Extension(length, size), 0x20.. | b'\t') => Chunks::Extension(length + 1, size),
            (Chunks::SizeEnd(0), b'\n') => Chunks::Line,
            (Chunks::SizeEnd(size), b'\n') => Chunks::Data(size),
            (Chunks::Extension(..) | Chunks::SizeEnd(_), _) => {
                Chunks::Broken("a chunk's size does not end with a line end")
            }
            (Chunks::DataEnd, b'\r') => Chunks::DataLineEnd,
            (Chunks::DataLineEnd, b'\n') => Chunks::Start,
            (Chunks::DataEnd | Chunks::DataLineEnd, _) => Chunks::Broken("a chunk is longer than its size says"),
            (Chunks::Line, b'\r') => Chunks::LastEnd,
            (Chunks::LastEnd, b'\n') => Chunks::Ended,
            (Chunks::LastEnd, _) => Chunks::Broken("no line end behind the last chunk"),
            (Chunks::Trailer | Chunks::TrailerEnd, b'\r') => Chunks::TrailerEnd,
            (Chunks::TrailerEnd, b'\n') => Chunks::Line,
            (Chunks::Line | Chunks::Trailer | Chunks::TrailerEnd, _) => Chunks::Trailer,
            (Chunks::Data(_) | Chunks::Ended | Chunks::Broken(_), _) => self,
        }
    }
}

fn digit(byte: u8) -> Option<u64> {
    match byte {
        b'0'..=b'9' => Some(u64::from(byte - b'0')),
        _ => char::from(byte).to_digit(16).map(u64::from),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The data of a body that comes in pieces, what is left behind its end, and the state then.
    fn decoded(pieces: &[&[u8]]) -> (Vec<u8>, Vec<u8>, Chunks) {
        let mut chunks = Chunks::default();
        let (mut data, mut left) = (Vec::new(), Vec::new());
        for piece in pieces {
            let mut bytes = piece.to_vec();
            let (amount, used) = chunks.decode(&mut bytes);
            left.extend_from_slice(&bytes[used..]);
            data.extend_from_slice(&bytes[..amount]);
        }
        (data, left, chunks)
    }

    const WHOLE: &[u8] =
        b"4\r\nab\r\n\r\n0000B ;name=\"a;b\"\r\nhello world\r\n1;\r\n!\r\n0\r\nTrailer: a\rb\r\nB:\r\n\r\n";

    #[test]
    fn data_is_the_same_however_the_body_is_cut() {
        let expected = (b"ab\r\nhello world!".to_vec(), Vec::new(), Chunks::Ended);
        assert_eq!(decoded(&[WHOLE]), expected);
        let bytes: Vec<&[u8]> = WHOLE.chunks(1).collect();
        assert_eq!(decoded(&bytes), expected);
        for first in 0..=WHOLE.len() {
            for second in first..=WHOLE.len() {
                let pieces = [&WHOLE[..first], &WHOLE[first..second], &WHOLE[second..]];
                assert_eq!(decoded(&pieces), expected, "{first} {second}");
            }
        }
    }

    #[test]
    fn what_follows_the_end_is_left() {
        let (data, left, chunks) = decoded(&[b"1\r\na\r\n0\r\n\r\nHTTP/1.1"]);
        assert_eq!(
            (&data[..], &left[..], chunks),
            (&b"a"[..], &b"HTTP/1.1"[..], Chunks::Ended)
        );
    }

    #[test]
    fn good_chunks_before_a_broken_one_are_kept() {
        let extension = [b"2\r\nok\r\n1;", &[b'x'; 2000][..]].concat();
        let blanks = [b"2\r\nok\r\n1 ", &[b' '; 2000][..]].concat();
        for (body, why) in [
            (&b"2\r\nok\r\nx"[..], "not a number"),
            (b"2\r\nok\r\n\r\n", "not a number"),
            (b"2\r\nok\r\n+1\r\n", "not a number"),
            (b"2\r\nok\r\n-1\r\n", "not a number"),
            (b"2\r\nok\r\n1_0\r\n", "not a number"),
            (b"2\r\nok\r\n1 200 OK\r\n", "not a number"),
            (b"2\r\nok\r\n10000000000000000\r\n", "too large"),
            (b"2\r\nok\r\n1\n", "not a number"),
            (b"2\r\nok\r\n1\r\r", "line end"),
            (b"2\r\nok\r\n1;\n", "line end"),
            (&extension, "too long"),
            (&blanks, "too long"),
            (b"2\r\nokx", "longer than its size"),
            (b"2\r\nok\n", "longer than its size"),
            (b"2\r\nok\r\r", "longer than its size"),
            (b"2\r\nok\r\n0\r\n\rx", "behind the last chunk"),
        ] {
            let (data, _, chunks) = decoded(&[body]);
            assert_eq!(data, b"ok");
            assert!(
                matches!(chunks, Chunks::Broken(found) if found.contains(why)),
                "{chunks:?} {why}"
            );
        }
    }

    #[test]
    fn the_largest_size_is_no_overflow() {
        let (data, _, chunks) = decoded(&[b"000ffffffffffffffff\r\nab"]);
        assert_eq!((&data[..], chunks), (&b"ab"[..], Chunks::Data(u64::MAX - 2)));
    }
}
