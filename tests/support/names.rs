//! Names of tests: by them `cargo xtask test --tensorstore` chooses the tests of one engine.

use std::process::Command;

/// How many tests of the binary that asks have the engine's name in theirs.
///
/// # Errors
/// The operating system's.
pub fn tests_of(engine: &str) -> std::io::Result<usize> {
    let listed = Command::new(std::env::current_exe()?).args(["--list", &engine.replace('-', "_")]).output()?;
    Ok(String::from_utf8_lossy(&listed.stdout).lines().filter(|line| line.ends_with(": test")).count())
}
