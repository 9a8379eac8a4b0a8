//! Answers that go into a file: written beside it, and renamed when whole, so that nothing half-written is ever found under its name.
#![forbid(unsafe_code)]

use crate::descriptor;
use crate::error::{Error, Result};
use crate::headers::Headers;
use crate::transport::Response;
use crate::transport::exchange::Exchange;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// How much is read at once.
const READ: usize = 128 * 1024;

/// Whether an answer is what a file was asked for. JSON and failures are judged first.
pub(crate) fn is_for_file(http_status: u16, headers: &Headers) -> bool {
    let kind = headers.get("content-type").unwrap_or_default().to_ascii_lowercase();
    (200..300).contains(&http_status) && !kind.contains("json") && !kind.starts_with("text/html")
}

/// Whether a file can be written there, found out by beginning one: before a call that costs money is made in vain.
pub(crate) fn check(path: &str) -> Result<()> {
    Draft::new(path).map(drop)
}

/// Writes the body as it comes.
pub(crate) fn to_file(path: &str, exchange: &mut Exchange, response: &mut Response) -> Result<()> {
    let mut draft = Draft::new(path)?;
    let mut buffer = vec![0; READ];
    loop {
        let amount = response.read(exchange, &mut buffer)?;
        if amount == 0 {
            return draft.publish();
        }
        draft.write(&buffer[..amount])?;
    }
}

/// Writes an answer that is there already.
pub(crate) fn bytes(path: &str, bytes: &[u8]) -> Result<()> {
    let mut draft = Draft::new(path)?;
    draft.write(bytes)?;
    draft.publish()
}

/// A file under a passing name, which goes away unless it is published.
struct Draft<'a> {
    target: &'a str,
    path: PathBuf,
    file: File,
    published: bool,
}

impl<'a> Draft<'a> {
    fn new(target: &'a str) -> Result<Draft<'a>> {
        let (path, file) = create_beside(Path::new(target)).map_err(|error| failed(target, &error))?;
        Ok(Draft {
            target,
            path,
            file,
            published: false,
        })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(|error| failed(self.target, &error))
    }

    fn publish(mut self) -> Result<()> {
        std::fs::rename(&self.path, self.target).map_err(|error| failed(self.target, &error))?;
        self.published = true;
        Ok(())
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        if !self.published {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// A new file in the directory of `target`, for the owner alone. Never an existing one, nor one that a link points to.
fn create_beside(target: &Path) -> io::Result<(PathBuf, File)> {
    let name = target
        .file_name()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the path names no file"))?;
    if target.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a directory"));
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    for turn in 0..100u32 {
        let mut draft = std::ffi::OsString::from(".");
        draft.push(name);
        draft.push(format!(".{}-{turn}.part", std::process::id()));
        let path = target.with_file_name(draft);
        match options.open(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            other => return Ok((path, descriptor::above_stdio(other?.into())?.into())),
        }
    }
    Err(io::Error::new(
        io::ErrorKind::AlreadyExists,
        "a hundred drafts lie beside it",
    ))
}

fn failed(path: &str, error: &io::Error) -> Error {
    Error::file("save_to", format!("save_to: {path}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Status;

    #[test]
    fn a_file_appears_whole_or_not_at_all() {
        let folder = std::env::temp_dir().join(format!("kuai-save-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let target = folder.join("speech.mp3");
        let target = target.to_str().unwrap();
        let mut draft = Draft::new(target).unwrap();
        draft.write(b"half").unwrap();
        drop(draft);
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
        bytes(target, b"whole").unwrap();
        assert_eq!(std::fs::read(target).unwrap(), b"whole");
        bytes(target, b"again").unwrap();
        assert_eq!(std::fs::read(target).unwrap(), b"again");
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
        assert_eq!(bytes(folder.to_str().unwrap(), b"").unwrap_err().status, Status::Io);
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_replaced_and_not_followed_and_only_the_owner_reads_what_is_made() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = std::env::temp_dir().join(format!("kuai-save-link-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (precious, target) = (folder.join("precious"), folder.join("speech.mp3"));
        std::fs::write(&precious, "precious").unwrap();
        // A link where the file goes, and links where its draft would go.
        symlink(&precious, &target).unwrap();
        symlink(
            &precious,
            folder.join(format!(".speech.mp3.{}-0.part", std::process::id())),
        )
        .unwrap();
        bytes(target.to_str().unwrap(), b"whole").unwrap();
        assert_eq!(std::fs::read_to_string(&precious).unwrap(), "precious");
        let made = std::fs::symlink_metadata(&target).unwrap();
        assert!(made.is_file() && made.permissions().mode() & 0o777 == 0o600, "{made:?}");
        std::fs::set_permissions(&target, PermissionsExt::from_mode(0o644)).unwrap();
        bytes(target.to_str().unwrap(), b"again").unwrap();
        let made = std::fs::symlink_metadata(&target).unwrap();
        assert_eq!(made.permissions().mode() & 0o777, 0o600, "what was there gives way");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
