//! Which tools there are, and where the library under test lies.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Whether a command is there. If not, the test that asks says so and skips; with `CI=true` it fails.
pub fn has(command: &str, debian_package: &str) -> bool {
    let there =
        env::split_paths(&env::var_os("PATH").unwrap_or_default()).any(|directory| directory.join(command).is_file());
    there || missing(command, debian_package)
}

/// The same for something that only a command can tell, such as whether Python has a module.
pub fn works(command: &mut Command, what: &str, debian_package: &str) -> bool {
    let works = command.output().is_ok_and(|output| output.status.success());
    works || missing(what, debian_package)
}

fn missing(what: &str, debian_package: &str) -> bool {
    skipped(&format!(
        "{what} is not installed (Debian: apt-get install {debian_package})"
    ))
}

/// Tells why a test cannot be run here; with `CI=true` it fails. Always false.
pub fn skipped(why: &str) -> bool {
    assert!(env::var("CI").as_deref() != Ok("true"), "{why}");
    println!("skipped: {why}");
    false
}

/// The repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where cargo put what belongs to this test: `target/debug` or whatever it is called.
fn profile_directory() -> PathBuf {
    let test = env::current_exe().expect("the path of this test");
    test.ancestors().nth(2).expect("target/PROFILE/deps/test").to_path_buf()
}

/// A directory for what the tests make; it stays, so that a failure can be looked into.
pub fn scratch() -> &'static Path {
    static SCRATCH: OnceLock<PathBuf> = OnceLock::new();
    SCRATCH.get_or_init(|| {
        let directory = profile_directory().join("native-tests");
        std::fs::create_dir_all(&directory).expect("the target directory can be written to");
        directory
    })
}

/// A directory with `libkuai.so`, `libkuai.so.0` and `libkuai.a` of this very build, or of that in `KUAI_TEST_LIBRARY`: where `make` put
/// what it built, say.
pub fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let built = env::var_os("KUAI_TEST_LIBRARY").map_or_else(profile_directory, PathBuf::from);
        let directory = scratch().join("lib");
        std::fs::create_dir_all(&directory).expect("the target directory can be written to");
        for (file, name) in [
            ("libkuai.so", "libkuai.so"),
            ("libkuai.so", "libkuai.so.0"),
            ("libkuai.a", "libkuai.a"),
        ] {
            // Cargo leaves what tests need among the dependencies.
            let file = [built.join("deps").join(file), built.join(file)]
                .into_iter()
                .find(|file| file.exists());
            let file = file.unwrap_or_else(|| panic!("there is no {name} in {}", built.display()));
            let link = directory.join(name);
            let _ = std::fs::remove_file(&link);
            std::os::unix::fs::symlink(file, link).expect("a link");
        }
        directory
    })
}
