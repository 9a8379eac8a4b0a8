//! multipart/form-data (RFC 7578; names and file names escaped as the WHATWG's HTML standard does it): fields, and
//! files from memory or from disk, whole or in part.
//!
//! The length is known before anything is sent, and the body can be read as often as it has to be sent. A file on disk
//! is never held in memory, and must stay the size it had when it was added.
#![forbid(unsafe_code)]

use crate::descriptor;
use crate::error::{Error, Result};
use crate::json::{Items, Kind, Members, Value};
use std::borrow::Cow;
use std::cmp::Ordering;
use std::ffi::OsStr;
use std::fs::File;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const LINE_END: &[u8] = b"\r\n";
/// The media type of bytes of which nothing is known.
const BYTES: &str = "application/octet-stream";
/// Extension and media type, a line each; build/media_types.rs writes it.
const MEDIA_TYPES: &str = include_str!(concat!(env!("OUT_DIR"), "/media_types.txt"));

/// A form. Clones share what they hold.
#[derive(Clone)]
pub struct Multipart {
    boundary: String,
    /// Sent first, so that a service can refuse a request before it has taken in the files.
    fields: Vec<Arc<Part>>,
    files: Vec<Arc<Part>>,
}

struct Part {
    name: String,
    /// The boundary's line, the part's headers and the empty line.
    head: String,
    content: Content,
}

enum Content {
    Data(Cow<'static, [u8]>),
    File(Extract),
}

/// A file on disk, or a part of one.
struct Extract {
    path: PathBuf,
    /// The whole file's, which stays as it is.
    size: u64,
    /// The bytes that are sent.
    range: Range<u64>,
}

impl Default for Multipart {
    /// An empty form whose boundary nobody can foresee.
    fn default() -> Multipart {
        // Every RandomState has keys of its own, made from the system's randomness without a call for each.
        let word = || u128::from(RandomState::new().build_hasher().finish());
        Multipart::new(word() << 64 | word())
    }
}

impl Multipart {
    /// An empty form. With 128 bits from `random` in the boundary no content has to be searched for it.
    pub fn new(random: u128) -> Multipart {
        Multipart {
            boundary: format!("----libkuai-{random:032x}"),
            fields: Vec::new(),
            files: Vec::new(),
        }
    }

    /// A form of an object's members.
    pub fn from_members(object: Value<'_>) -> Multipart {
        let mut form = Multipart::default();
        for (key, value) in object.members() {
            form.field(&key.decode(), value);
        }
        form
    }

    /// Adds a value: text as it is, numbers and booleans as text, what lies in arrays and objects under `name[]` and
    /// `name[member]`.
    pub fn field(&mut self, name: &str, value: Value<'_>) {
        flatten(name, value, |name, leaf| self.text(name, leaf_text(leaf).into_owned()));
    }

    /// Adds a value as a part with a media type: text as it is, everything else as JSON.
    pub fn typed_field(&mut self, name: &str, content_type: &str, value: Value<'_>) {
        let data = value
            .as_str()
            .map_or_else(|| value.raw().to_vec(), |text| text.into_owned().into_bytes());
        let head = self.head(name, None, Some(content_type));
        self.fields.push(Part::new(name, head, Content::Data(data.into())));
    }

    /// Adds a text.
    pub fn text(&mut self, name: &str, text: String) {
        let head = self.head(name, None, None);
        self.fields
            .push(Part::new(name, head, Content::Data(text.into_bytes().into())));
    }

    /// Adds a file from memory. Its media type is guessed by its name when none is given.
    pub fn file(&mut self, name: &str, filename: &str, content_type: Option<&str>, data: Cow<'static, [u8]>) {
        // Without a file name a part is a field.
        let filename = if filename.is_empty() { "upload" } else { filename };
        let content_type = content_type.unwrap_or_else(|| media_type(filename));
        let head = self.head(name, Some(filename), Some(content_type));
        self.files.push(Part::new(name, head, Content::Data(data)));
    }

    /// Adds a file that is read while it is sent. Its name is the path's last component when none is given.
    ///
    /// # Errors
    /// `Io` when it is no file that can be read; the message names the path.
    pub fn file_path(
        &mut self,
        name: &str,
        path: &str,
        filename: Option<&str>,
        content_type: Option<&str>,
    ) -> Result<()> {
        let path = Path::new(path);
        let (_, size) = open(path).map_err(|error| Error::file(name, error.to_string()))?;
        let last = path.file_name().unwrap_or_default().to_string_lossy();
        let filename = filename.unwrap_or(&last);
        let content_type = content_type.unwrap_or_else(|| media_type(filename));
        let head = self.head(name, Some(filename), Some(content_type));
        self.push_extract(name, head, path, size, 0..size);
        Ok(())
    }

    /// Adds these bytes of a file that has `size` of them, as a file of their own that is read while it is sent.
    pub fn file_part(&mut self, name: &str, filename: &str, path: &Path, size: u64, range: Range<u64>) {
        let head = self.head(name, Some(filename), Some(BYTES));
        self.push_extract(name, head, path, size, range);
    }

    fn push_extract(&mut self, name: &str, head: String, path: &Path, size: u64, range: Range<u64>) {
        let path = path.to_owned();
        self.files
            .push(Part::new(name, head, Content::File(Extract { path, size, range })));
    }

    /// The value of a field that is text.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.fields
            .iter()
            .rev()
            .find(|part| part.name == name)
            .and_then(|part| match &part.content {
                Content::Data(data) => Some(&data[..]),
                Content::File(_) => None,
            })
    }

    /// Takes out every field of that name.
    pub fn remove(&mut self, name: &str) {
        self.fields.retain(|part| part.name != name);
    }

    pub fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.files.is_empty()
    }

    /// The header that belongs to this form.
    pub fn content_type(&self) -> String {
        format!("multipart/form-data; boundary={}", self.boundary)
    }

    /// The size of the whole body.
    pub fn content_length(&self) -> u64 {
        let parts: u64 = self.parts().map(|part| part.length() + LINE_END.len() as u64).sum();
        parts + self.closing().len() as u64
    }

    /// The body from its start.
    ///
    /// # Errors
    /// `Io` when a file is gone or has changed its size. While reading too: a body that is not as long as announced is never
    /// passed on as one.
    pub fn reader(&self) -> Result<impl Read + Send> {
        for part in self.parts() {
            part.check()?;
        }
        let pieces = self.parts().flat_map(|part| {
            [
                Piece::Bytes(Cow::Borrowed(part.head.as_bytes())),
                part.piece(),
                Piece::Bytes(Cow::Borrowed(LINE_END)),
            ]
        });
        let closing = Piece::Bytes(Cow::Owned(self.closing().into_bytes()));
        Ok(Reader {
            pieces: pieces.chain([closing]),
            at: Place::Start,
        })
    }

    fn parts(&self) -> impl Iterator<Item = &Part> {
        self.fields.iter().chain(&self.files).map(|part| &**part)
    }

    fn closing(&self) -> String {
        format!("--{}--\r\n", self.boundary)
    }

    fn head(&self, name: &str, filename: Option<&str>, content_type: Option<&str>) -> String {
        let mut head = format!(
            "--{}\r\nContent-Disposition: form-data; name=\"{}\"",
            self.boundary,
            escaped(name)
        );
        if let Some(filename) = filename {
            head.push_str(&format!("; filename=\"{}\"", escaped(filename)));
        }
        if let Some(content_type) = content_type {
            head.push_str("\r\nContent-Type: ");
            // Whoever takes media types from outside checks them; should one slip through, it still ends no line.
            head.extend(content_type.chars().filter(|character| !character.is_control()));
        }
        head.push_str("\r\n\r\n");
        head
    }
}

impl Part {
    fn new(name: &str, head: String, content: Content) -> Arc<Part> {
        Arc::new(Part {
            name: name.to_owned(),
            head,
            content,
        })
    }

    fn length(&self) -> u64 {
        let content = match &self.content {
            Content::Data(data) => data.len() as u64,
            Content::File(extract) => extract.length(),
        };
        self.head.len() as u64 + content
    }

    /// Whether a file is still what was announced, before anything is sent.
    fn check(&self) -> Result<()> {
        match &self.content {
            Content::File(extract) => extract
                .open()
                .map(drop)
                .map_err(|error| Error::file(&self.name, error.to_string())),
            Content::Data(_) => Ok(()),
        }
    }

    fn piece(&self) -> Piece<'_> {
        match &self.content {
            Content::Data(data) => Piece::Bytes(Cow::Borrowed(data)),
            Content::File(extract) => Piece::File(extract),
        }
    }
}

impl Extract {
    fn length(&self) -> u64 {
        self.range.end - self.range.start
    }

    /// The file, at the place where the range begins, when it still has the size that was announced.
    fn open(&self) -> io::Result<File> {
        let (mut file, now) = open(&self.path)?;
        let (path, size) = (self.path.display(), self.size);
        if now != size {
            return Err(io::Error::other(format!(
                "{path}: the file has {now} bytes now and had {size} when it was added"
            )));
        }
        if self.range.start > 0 {
            file.seek(SeekFrom::Start(self.range.start))
                .map_err(|error| io::Error::other(format!("{path}: {error}")))?;
        }
        Ok(file)
    }
}

// ---- sending ----

/// What comes next in a body.
enum Piece<'a> {
    Bytes(Cow<'a, [u8]>),
    /// Opened only when its turn has come: a form can hold more files than a process may have open.
    File(&'a Extract),
}

struct Reader<'a, I> {
    pieces: I,
    at: Place<'a>,
}

/// Where a reader stands.
enum Place<'a> {
    Start,
    Bytes {
        bytes: Cow<'a, [u8]>,
        at: usize,
    },
    File(Sent<'a>),
    /// A body that went wrong never comes to a good end, however often it is read.
    Failed,
}

/// A file on its way.
struct Sent<'a> {
    file: File,
    of: &'a Extract,
    left: u64,
}

impl<'a, I: Iterator<Item = Piece<'a>>> Read for Reader<'a, I> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let read = self.read_some(buffer);
        if read.is_err() {
            self.at = Place::Failed;
        }
        read
    }
}

impl<'a, I: Iterator<Item = Piece<'a>>> Reader<'a, I> {
    fn read_some(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let amount = self.at.read(buffer)?;
            if amount > 0 {
                return Ok(amount);
            }
            let Some(piece) = self.pieces.next() else { return Ok(0) };
            self.at = Place::of(piece)?;
        }
    }
}

impl<'a> Place<'a> {
    fn of(piece: Piece<'a>) -> io::Result<Place<'a>> {
        Ok(match piece {
            Piece::Bytes(bytes) => Place::Bytes { bytes, at: 0 },
            Piece::File(extract) => Place::File(Sent {
                file: extract.open()?,
                of: extract,
                left: extract.length(),
            }),
        })
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Place::Start => Ok(0),
            Place::Bytes { bytes, at } => {
                let amount = (&bytes[*at..]).read(buffer)?;
                *at += amount;
                Ok(amount)
            }
            Place::File(sent) => sent.read(buffer),
            Place::Failed => Err(io::Error::other("the form could not be read to its end")),
        }
    }
}

impl Sent<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).map_or(buffer.len(), |left| left.min(buffer.len()));
        if most == 0 {
            return self.end();
        }
        match self.read_file(&mut buffer[..most])? {
            0 => Err(self.changed("shrank")),
            amount => {
                self.left -= amount as u64;
                Ok(amount)
            }
        }
    }

    /// All is sent: of the file that was announced?
    fn end(&self) -> io::Result<usize> {
        let now = self.file.metadata().map_err(|error| self.named(&error))?.len();
        match now.cmp(&self.of.size) {
            Ordering::Equal => Ok(0),
            Ordering::Less => Err(self.changed("shrank")),
            Ordering::Greater => Err(self.changed("grew")),
        }
    }

    fn read_file(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.file.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.named(&error)),
                Ok(amount) => return Ok(amount),
            }
        }
    }

    /// Its kind would be taken for the connection's.
    fn named(&self, error: &io::Error) -> io::Error {
        io::Error::other(format!("{}: {error}", self.of.path.display()))
    }

    fn changed(&self, how: &str) -> io::Error {
        let (path, size) = (self.of.path.display(), self.of.size);
        io::Error::other(format!("{path}: the file {how} while it was sent; it had {size} bytes"))
    }
}

/// A file and its size; an error names the path.
fn open(path: &Path) -> io::Result<(File, u64)> {
    let named = |error: io::Error| io::Error::other(format!("{}: {error}", path.display()));
    let metadata = std::fs::metadata(path).map_err(named)?;
    // Asked before it is opened: opening a pipe waits for its other end.
    if !metadata.is_file() {
        let what = if metadata.is_dir() {
            "is a directory"
        } else {
            "is not a regular file"
        };
        return Err(named(io::Error::other(what)));
    }
    let file = File::open(path).and_then(|file| descriptor::above_stdio(file.into()));
    let file = File::from(file.map_err(named)?);
    let length = file.metadata().map_err(named)?.len();
    Ok((file, length))
}

// ---- names and values ----

/// The media type of a file by its name's extension.
pub fn media_type(filename: &str) -> &'static str {
    let Some(extension) = Path::new(filename).extension().and_then(OsStr::to_str) else {
        return BYTES;
    };
    let extension = extension.to_ascii_lowercase();
    MEDIA_TYPES
        .lines()
        .find_map(|line| line.strip_prefix(&extension)?.strip_prefix('\t'))
        .unwrap_or(BYTES)
}

/// A name between double quotes, as the HTML standard writes it ("multipart/form-data encoding algorithm").
fn escaped(name: &str) -> String {
    name.replace('\r', "%0D").replace('\n', "%0A").replace('"', "%22")
}

/// The text of a value that is no container.
pub fn leaf_text(leaf: Value<'_>) -> Cow<'_, str> {
    leaf.as_str().unwrap_or_else(|| String::from_utf8_lossy(leaf.raw()))
}

/// Calls `leaf` for every string, number and boolean in a value, with the name that the API's forms and queries have
/// for it: `a[]` for an item of an array, `a[b]` for a member of an object. null is left out.
///
/// It does not recurse: a thread of a host program can have a small stack, and values nest deep.
pub fn flatten<'a>(name: &str, value: Value<'a>, mut leaf: impl FnMut(&str, Value<'a>)) {
    // Programs that know the wire write `include[]` themselves.
    let mut name = match value.kind() {
        Kind::Array => name.strip_suffix("[]").unwrap_or(name).to_owned(),
        _ => name.to_owned(),
    };
    let mut open: Vec<(usize, Level<'a>)> = Vec::new();
    let mut next = Some(value);
    loop {
        match next.map(|value| (value, value.kind())) {
            Some((value, Kind::Array)) => open.push((name.len(), Level::Array(value.items()))),
            Some((value, Kind::Object)) => open.push((name.len(), Level::Object(value.members()))),
            Some((_, Kind::Null)) | None => {}
            Some((value, _)) => leaf(&name, value),
        }
        let Some((length, level)) = open.last_mut() else { return };
        name.truncate(*length);
        next = level.next(&mut name);
        if next.is_none() {
            open.pop();
        }
    }
}

/// A container that is being walked.
enum Level<'a> {
    Array(Items<'a>),
    Object(Members<'a>),
}

impl<'a> Level<'a> {
    /// The next value in it; what tells it from its siblings is added to the name.
    fn next(&mut self, name: &mut String) -> Option<Value<'a>> {
        match self {
            Level::Array(items) => {
                name.push_str("[]");
                items.next()
            }
            Level::Object(members) => {
                let (key, value) = members.next()?;
                name.push('[');
                name.push_str(&key.decode());
                name.push(']');
                Some(value)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Status;
    use std::io::Write;

    fn value(text: &str) -> Value<'_> {
        Value::parse(text.as_bytes()).unwrap()
    }

    fn sent(form: &Multipart) -> String {
        let mut out = Vec::new();
        form.reader().unwrap().read_to_end(&mut out).unwrap();
        assert_eq!(out.len() as u64, form.content_length());
        String::from_utf8(out).unwrap()
    }

    /// Name, file name, content type and content of each part, by a reading that knows nothing of the writer.
    fn parsed(form: &Multipart) -> Vec<(String, Option<String>, Option<String>, String)> {
        let content_type = form.content_type();
        let boundary = format!("--{}", content_type.split_once("boundary=").unwrap().1);
        let body = sent(form);
        let body = body.strip_suffix("--\r\n").unwrap().strip_suffix(&boundary).unwrap();
        let parameter = |head: &str, name: &str| {
            let (_, rest) = head.split_once(&format!(" {name}=\""))?;
            Some(rest.split_once('"').unwrap().0.to_owned())
        };
        body.split(&format!("{boundary}\r\n"))
            .skip(1)
            .map(|part| {
                let (head, content) = part.split_once("\r\n\r\n").unwrap();
                let head: Vec<&str> = head.split("\r\n").collect();
                assert!(
                    head.len() <= 2 && head[0].starts_with("Content-Disposition: form-data; name=\""),
                    "{head:?}"
                );
                (
                    parameter(head[0], "name").unwrap(),
                    parameter(head[0], "filename"),
                    head.get(1)
                        .map(|line| line.strip_prefix("Content-Type: ").unwrap().to_owned()),
                    content.strip_suffix("\r\n").unwrap().to_owned(),
                )
            })
            .collect()
    }

    /// A file that is gone when the test is.
    struct TestFile(PathBuf);

    impl TestFile {
        fn new(name: &str, content: &[u8]) -> TestFile {
            let path = std::env::temp_dir().join(format!("libkuai-multipart-{}-{name}", std::process::id()));
            std::fs::write(&path, content).unwrap();
            TestFile(path)
        }

        fn path(&self) -> &str {
            self.0.to_str().unwrap()
        }
    }

    impl Drop for TestFile {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    #[test]
    fn a_form_is_written_as_rfc_7578_says() {
        let mut form = Multipart::new(7);
        form.file("file", "a.wav", None, Cow::Borrowed(b"RIFF"));
        form.text("model", "whisper-1".into());
        let boundary = "----libkuai-00000000000000000000000000000007";
        assert_eq!(form.content_type(), format!("multipart/form-data; boundary={boundary}"));
        assert_eq!(
            sent(&form),
            format!(
                "--{boundary}\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n\
                 --{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\
                 Content-Type: audio/wav\r\n\r\nRIFF\r\n--{boundary}--\r\n"
            )
        );
    }

    #[test]
    fn nobody_foresees_a_boundary() {
        let boundaries: std::collections::HashSet<_> = (0..1000).map(|_| Multipart::default().boundary).collect();
        assert_eq!(boundaries.len(), 1000);
        // RFC 2046, 5.1.1: at most 70 characters, and these need no quotes in the header.
        assert!(boundaries.iter().all(|boundary| boundary.len() <= 70));
        assert!(
            boundaries
                .iter()
                .flat_map(|boundary| boundary.chars())
                .all(|c| c.is_ascii_alphanumeric() || c == '-')
        );
    }

    #[test]
    fn values_become_fields_by_the_names_that_the_api_reads() {
        let params = value(
            r#"{"text":"a\n\"é","number":1.50e3,"big":123456789012345678901234567890,"yes":true,"no":false,"nothing":null,
                "list":["a",2,null,{"b":3}],"map":{"a":{"b":"c"},"d":[true]},"none":[],"empty":{},"raw[]":["x"]}"#,
        );
        let fields: Vec<_> = parsed(&Multipart::from_members(params))
            .into_iter()
            .map(|part| (part.0, part.3))
            .collect();
        let expected = [
            ("text", "a\n\"é"),
            ("number", "1.50e3"),
            ("big", "123456789012345678901234567890"),
            ("yes", "true"),
            ("no", "false"),
            ("list[]", "a"),
            ("list[]", "2"),
            ("list[][b]", "3"),
            ("map[a][b]", "c"),
            ("map[d][]", "true"),
            ("raw[]", "x"),
        ];
        assert_eq!(fields, expected.map(|(name, text)| (name.to_owned(), text.to_owned())));
    }

    #[test]
    fn the_deepest_values_need_no_deep_stack() {
        let deep = format!("{}1{}", "[".repeat(1024), "]".repeat(1024));
        std::thread::Builder::new()
            .stack_size(64 * 1024)
            .spawn(move || {
                let mut names = Vec::new();
                flatten("a", value(&deep), |name, _| names.push(name.to_owned()));
                assert_eq!(names, [format!("a{}", "[]".repeat(1024))]);
            })
            .unwrap()
            .join()
            .unwrap();
    }

    #[test]
    fn names_and_file_names_inject_nothing() {
        for hostile in [
            "a\"; filename=\"b",
            "a\r\nContent-Type: text/html\r\n\r\n<b>",
            "\r\n\r\n--x--\r\n",
            "\n",
            "\r",
            "a\\",
            "请介绍.wav",
            "😀\".txt",
            "%22",
            "",
        ] {
            let mut form = Multipart::default();
            form.text(hostile, "1".into());
            form.file(hostile, hostile, Some("text/plain"), Cow::Borrowed(b"2"));
            let escaped = hostile.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A");
            let filename = if hostile.is_empty() { "upload" } else { &escaped };
            assert_eq!(
                parsed(&form),
                [
                    (escaped.clone(), None, None, "1".to_owned()),
                    (
                        escaped.clone(),
                        Some(filename.to_owned()),
                        Some("text/plain".to_owned()),
                        "2".to_owned()
                    ),
                ],
                "{hostile:?}"
            );
        }
    }

    #[test]
    fn a_media_type_ends_no_line() {
        let mut form = Multipart::default();
        form.file(
            "file",
            "a",
            Some("text/plain\r\nX-Evil: 1\r\n\r\nbody"),
            Cow::Borrowed(b""),
        );
        assert_eq!(parsed(&form)[0].2.as_deref(), Some("text/plainX-Evil: 1body"));
    }

    #[test]
    fn media_types_come_from_the_extension() {
        for (name, expected) in [
            ("a.mp3", "audio/mpeg"),
            ("a.PNG", "image/png"),
            ("a.b.pdf", "application/pdf"),
            ("a.json", "application/json"),
            ("a.webm", "video/webm"),
            ("a.m4a", "audio/mp4"),
            ("a.unheard-of", "application/octet-stream"),
            ("noextension", "application/octet-stream"),
            ("a.", "application/octet-stream"),
            (".mp3", "application/octet-stream"),
            ("a.mp3\taudio", "application/octet-stream"),
        ] {
            assert_eq!(media_type(name), expected, "{name}");
        }
    }

    #[test]
    fn every_media_type_of_the_library_is_known() {
        for line in MEDIA_TYPES.lines() {
            let (extension, _) = line.split_once('\t').expect("two columns");
            let name = format!("a.{extension}");
            let expected = mime_guess::from_path(&name).first_raw().expect("known");
            if extension != "m4a" {
                assert_eq!(media_type(&name), expected, "{name}");
            }
        }
        assert!(MEDIA_TYPES.lines().count() > 1000);
    }

    #[test]
    fn parts_with_a_type_of_their_own_carry_it() {
        let mut form = Multipart::default();
        form.typed_field("session", "application/json", value("{\"a\" : 1.0}"));
        form.typed_field("sdp", "application/sdp", value("\"v=0\\r\\n\""));
        let parts: Vec<_> = parsed(&form)
            .into_iter()
            .map(|part| (part.0, part.2.unwrap(), part.3))
            .collect();
        assert_eq!(
            parts[0],
            ("session".into(), "application/json".into(), "{\"a\" : 1.0}".into())
        );
        assert_eq!(parts[1], ("sdp".into(), "application/sdp".into(), "v=0\r\n".into()));
    }

    #[test]
    fn a_file_is_sent_from_disk_again_for_every_attempt() {
        let content: String = (0..100_000).map(|i| char::from(b'a' + (i % 26) as u8)).collect();
        let file = TestFile::new("again.bin", content.as_bytes());
        let mut form = Multipart::default();
        form.file_path("file", file.path(), None, None).unwrap();
        form.file_path("file", file.path(), Some("other.txt"), Some("text/x"))
            .unwrap();
        for _ in 0..2 {
            let parts = parsed(&form);
            let name = file.0.file_name().unwrap().to_str().unwrap();
            assert_eq!(parts[0].1.as_deref(), Some(name));
            assert_eq!(
                (parts[1].1.as_deref(), parts[1].2.as_deref()),
                (Some("other.txt"), Some("text/x"))
            );
            assert!(parts.iter().all(|part| part.3 == content));
        }
    }

    #[test]
    fn a_body_reads_the_same_through_every_size_of_buffer() {
        let file = TestFile::new("sizes", b"0123456789");
        let mut form = Multipart::default();
        form.file_path("a", file.path(), None, None).unwrap();
        form.file("b", "b", None, Cow::Borrowed(b""));
        let whole = sent(&form);
        for size in [1, 2, 3, 7, 64, 4096] {
            let mut reader = form.reader().unwrap();
            let (mut out, mut buffer) = (Vec::new(), vec![0; size]);
            loop {
                match reader.read(&mut buffer).unwrap() {
                    0 => break,
                    amount => out.extend_from_slice(&buffer[..amount]),
                }
            }
            assert_eq!(out, whole.as_bytes(), "{size}");
        }
    }

    #[test]
    fn a_part_of_a_file_is_sent_as_a_file_of_its_own() {
        let file = TestFile::new("part", b"0123456789");
        for (range, content) in [(0..4, "0123"), (4..8, "4567"), (8..10, "89"), (10..10, "")] {
            let mut form = Multipart::default();
            form.file_part("data", "a.bin", &file.0, 10, range);
            for _ in 0..2 {
                let parts = parsed(&form);
                assert_eq!(parts[0].1.as_deref(), Some("a.bin"));
                assert_eq!((parts[0].2.as_deref(), &*parts[0].3), (Some(BYTES), content));
            }
        }
    }

    #[test]
    fn a_part_of_a_file_that_changed_anywhere_is_an_error() {
        let file = TestFile::new("part-changes", b"0123456789");
        let mut form = Multipart::default();
        form.file_part("data", "a.bin", &file.0, 10, 2..4);
        let mut reader = form.reader().unwrap();
        let mut sent = Vec::new();
        while !sent.ends_with(b"\r\n\r\n2") {
            let mut one = [0];
            reader.read_exact(&mut one).unwrap();
            sent.push(one[0]);
        }
        std::fs::write(&file.0, b"0123456789!").unwrap();
        let error = io::copy(&mut reader, &mut io::sink()).unwrap_err().to_string();
        assert!(error.contains("grew") && error.contains("10 bytes"), "{error}");
        let error = form.reader().err().unwrap().to_string();
        assert!(error.contains("11 bytes now and had 10"), "{error}");
    }

    #[test]
    fn what_cannot_be_read_as_a_file_is_an_io_error_that_names_it() {
        let mut form = Multipart::default();
        let directory = std::env::temp_dir();
        for (path, why) in [
            ("/no/such/file.wav", "No such file"),
            (directory.to_str().unwrap(), "is a directory"),
            ("/dev/null", "is not a regular file"),
            ("a\0b", ""),
        ] {
            let error = form.file_path("file", path, None, None).unwrap_err();
            assert_eq!(error.status, Status::Io);
            assert!(
                error.message.contains(path) && error.message.contains(why),
                "{}",
                error.message
            );
        }
        assert!(form.is_empty());
    }

    #[test]
    fn a_file_that_shrinks_while_it_is_sent_is_an_error() {
        let file = TestFile::new("shrinks", &[b'x'; 1000]);
        let mut form = Multipart::default();
        form.file_path("file", file.path(), None, None).unwrap();
        let mut reader = form.reader().unwrap();
        let mut buffer = [0; 300];
        let mut read = 0;
        while read < 400 {
            read += reader.read(&mut buffer).unwrap();
        }
        std::fs::write(&file.0, b"short").unwrap();
        let error = io::copy(&mut reader, &mut io::sink()).unwrap_err().to_string();
        assert!(
            error.contains(file.path()) && error.contains("shrank") && error.contains("1000"),
            "{error}"
        );
        assert!(reader.read(&mut buffer).is_err());
        let error = form.reader().err().unwrap().to_string();
        assert!(error.contains("5 bytes now and had 1000"), "{error}");
    }

    #[test]
    fn a_file_that_grows_while_it_is_sent_is_an_error() {
        let file = TestFile::new("grows", b"0123456789");
        let mut form = Multipart::default();
        form.file_path("file", file.path(), None, None).unwrap();
        let mut reader = form.reader().unwrap();
        let mut sent = Vec::new();
        let mut one = [0];
        while !sent.ends_with(b"01234") {
            reader.read_exact(&mut one).unwrap();
            sent.push(one[0]);
        }
        std::fs::OpenOptions::new()
            .append(true)
            .open(&file.0)
            .unwrap()
            .write_all(b"!")
            .unwrap();
        let error = io::copy(&mut reader, &mut io::sink()).unwrap_err().to_string();
        assert!(
            error.contains(file.path()) && error.contains("grew") && error.contains("10 bytes"),
            "{error}"
        );
        assert!(reader.read(&mut one).is_err());
    }

    #[test]
    fn a_field_can_be_looked_at_and_taken_out() {
        let mut form = Multipart::from_members(value(r#"{"stream":true,"a":"b"}"#));
        assert_eq!((form.get("stream"), form.get("c")), (Some(&b"true"[..]), None));
        form.remove("stream");
        assert_eq!(form.get("stream"), None);
        assert_eq!(parsed(&form).len(), 1);
    }
}
