//! Media types by file extension, as one text: `extension TAB type`, a line each. The tables of the library that knows
//! them are slices of slices; linked in, each of their three thousand pointers would be relocated in every process.

use std::fmt::Write;
use std::fs;
use std::path::Path;

/// Writes `media_types.txt` into `out`; src/multipart.rs includes it.
pub fn generate(out: &Path) {
    let mut extensions = mime_guess::get_mime_extensions_str("*/*").expect("all").to_vec();
    extensions.sort_unstable();
    extensions.dedup();
    let mut lines = String::new();
    for extension in extensions {
        let known = mime_guess::from_ext(extension).first_raw().expect("it is in the table");
        // The library's is registered nowhere; RFC 4337 has this one.
        let known = if known == "audio/m4a" { "audio/mp4" } else { known };
        writeln!(lines, "{extension}\t{known}").expect("writing to a String");
    }
    fs::write(out.join("media_types.txt"), lines).expect("OUT_DIR can be written to");
}
