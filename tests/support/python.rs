//! The Python environment of the foreign readers.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

/// Names the interpreter of the environment with the packages of `interop/requirements.txt`.
pub const PYTHON: &str = "OME_STREAM_PYTHON";

/// Set to 1 where a missing environment is a failure and not a skipped test.
pub const REQUIRE: &str = "OME_STREAM_REQUIRE_PYTHON";

/// Value of an environment variable that `cargo xtask test` sets, or `None` after a line on standard error that says
/// what is skipped.
///
/// # Panics
/// Where [`REQUIRE`] is 1 and the variable is not set.
#[must_use]
pub fn setting(name: &str, test: &str) -> Option<PathBuf> {
    setting_unless(name, REQUIRE, test)
}

/// As [`setting`], where another variable says whether it may be missing.
///
/// # Panics
/// Where `require` is 1 and the variable is not set.
#[must_use]
pub fn setting_unless(name: &str, require: &str, test: &str) -> Option<PathBuf> {
    if let Some(value) = std::env::var_os(name).filter(|value| !value.is_empty()) {
        return Some(PathBuf::from(value));
    }
    assert!(
        std::env::var_os(require).is_none_or(|value| value != "1"),
        "{test}: {name} is not set, and {require} is 1"
    );
    say(&format!("skipped: {test}: {name} is not set; `cargo xtask test` sets it"));
    None
}

/// Writes a line past the capture of test output: what is skipped must be seen.
pub fn say(line: &str) {
    // Nobody listens where standard error is closed.
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// A script of `interop/`.
#[must_use]
pub fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("interop").join(name)
}

/// Runs a script and returns its standard output.
///
/// # Errors
/// Its exit code and what it wrote to standard error.
pub fn run(python: &Path, name: &str, arguments: &[&Path]) -> Result<String, String> {
    let output = Command::new(python)
        .arg(script(name))
        .args(arguments)
        .output()
        .map_err(|error| format!("{}: {error}", python.display()))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(format!("{name} ended with {}:\n{}", output.status, String::from_utf8_lossy(&output.stderr)))
}

/// Has foreign readers and validators judge stores, each as [`crate::manifest`] describes it; the report of
/// `check_store.py`.
///
/// # Panics
/// With what is wrong with them, where anything is.
#[must_use]
#[expect(clippy::panic, reason = "what is wrong is all that a test has to say")]
pub fn judged(python: &Path, folder: &Path, stores: &[Value]) -> Value {
    let path = folder.join("manifest.json");
    let report = std::fs::write(&path, json!({ "stores": stores }).to_string())
        .map_err(|error| format!("{}: {error}", path.display()))
        .and_then(|()| run(python, "check_store.py", &[&path]))
        .and_then(|report| serde_json::from_str(&report).map_err(|error| format!("no report: {error}")));
    report.unwrap_or_else(|error| panic!("{error}"))
}
