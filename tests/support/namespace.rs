//! A test in a network and an `/etc` of its own: it runs again in namespaces that `unshare` makes, where it may be a name server on port 53
//! and write what `/etc` holds.

use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Where the second run finds the directory that is its `/etc`.
const VARIABLE: &str = "KUAI_TEST_ETC";

/// The `/etc` of a test, empty at first.
pub struct Etc(PathBuf);

impl Etc {
    /// Makes a file, or replaces what it holds.
    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.join(name), text).expect("a directory of our own");
    }

    pub fn remove(&self, name: &str) {
        std::fs::remove_file(self.0.join(name)).expect("a file of our own");
    }
}

/// Runs `test`, the body of the test with this full name, in namespaces of its own. Where the machine allows none, or a tool is missing, it
/// is skipped with a printed reason; with `CI=true` that is a failure.
pub fn within(name: &str, test: impl FnOnce(&Etc)) {
    if let Some(directory) = std::env::var_os(VARIABLE) {
        return test(&Etc(directory.into()));
    }
    if !works("ip", ["link"], "ip is not installed (Debian: apt-get install iproute2)")
        || !works("unshare", ["-rmn", "true"], "namespaces cannot be made here")
    {
        return;
    }
    let etc = format!("kuai-etc-{}-{}", std::process::id(), name.replace("::", "-"));
    let etc = std::env::temp_dir().join(etc);
    std::fs::create_dir_all(&etc).expect("a directory for temporary files");
    let again = "ip link set lo up && mount --bind \"$0\" /etc && exec \"$@\"";
    let output = Command::new("unshare")
        .args(["-rmn", "sh", "-c", again])
        .arg(&etc)
        .arg(std::env::current_exe().expect("this program"))
        .args(["--exact", name, "--nocapture", "--include-ignored"])
        .env(VARIABLE, &etc)
        .env_remove("LOCALDOMAIN")
        .env_remove("RES_OPTIONS")
        .env_remove("HOSTALIASES")
        .output()
        .expect("unshare is there");
    let _ = std::fs::remove_dir_all(&etc);
    let (printed, complaint) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    print!("{printed}");
    assert!(
        output.status.success() && printed.contains("test result: ok. 1 passed"),
        "{name} failed in its namespaces: {}\n{complaint}",
        output.status
    );
}

/// Whether a command is there and does what it should.
pub fn works<const N: usize>(command: &str, arguments: [&str; N], otherwise: &str) -> bool {
    let mut command = Command::new(command);
    command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
    let works = command.status().is_ok_and(|status| status.success());
    if !works {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{otherwise}");
        println!("skipped: {otherwise}");
    }
    works
}
