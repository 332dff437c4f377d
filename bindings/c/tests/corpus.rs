//! Every input that the fuzzer found worth keeping, given to the library again: no fuzzer and no special compiler needed.

#![allow(clippy::expect_used, clippy::panic)] // a test fails by panicking

use std::fs;
use std::path::Path;

#[path = "../fuzz/src/calls.rs"]
mod calls;
#[path = "../fuzz/src/settings.rs"]
mod settings;

/// Most bytes that a committed corpus may have: it is read by people, too.
const MOST_BYTES: u64 = 100_000;

/// Gives each committed input of a target to its check.
fn replay(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let (mut inputs, mut bytes) = (0, 0);
    for entry in fs::read_dir(&folder).expect("the corpus") {
        let path = entry.expect("an entry of the corpus").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        // What a fuzzer on this machine left there is not committed: names of 40 hexadecimal digits.
        if name.len() == 40 {
            continue;
        }
        let input = fs::read(&path).expect("an input");
        eprintln!("{target}/{name}"); // shown where the check panics
        check(&input);
        inputs += 1;
        bytes += input.len() as u64;
    }
    assert!(inputs >= 10, "only {inputs} inputs in {}", folder.display());
    assert!(bytes <= MOST_BYTES, "{bytes} bytes in {}: minimise the corpus", folder.display());
}

#[test]
fn settings_that_the_fuzzer_found_are_refused_or_work() {
    replay("settings", settings::check);
}

#[test]
fn call_sequences_that_the_fuzzer_found_give_the_codes_of_the_model() {
    replay("calls", calls::check);
}
