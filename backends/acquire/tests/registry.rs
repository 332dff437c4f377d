//! The list of engines says what can be used and why not, whatever the environment names as a library.
//!
//! The environment belongs to the process, so each case runs this program again as a child.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use ome_stream_backends::{Listing, list, open};
use serde_json::{Value, json};

const CHILD: &str = "OME_STREAM_TEST_REGISTRY_CHILD";
const VARIABLE: &str = "OME_STREAM_ACQUIRE_ZARR";

/// The child: writes what the registry says to the file that the parent names.
#[test]
fn says_what_the_registry_says() {
    let Some(file) = std::env::var_os(CHILD) else { return };
    let opened = open("acquire-zarr").map(|engine| engine.name().to_owned()).map_err(|error| error.to_string());
    let listings = list().iter().map(|each| (each.name, each.is_available(), each.detail.clone())).collect::<Vec<_>>();
    std::fs::write(file, json!({"list": listings, "opened": opened}).to_string()).unwrap();
}

/// What the registry says in a process with only these variables.
fn registry(variables: &[(&str, &OsStr)]) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("said.json");
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "says_what_the_registry_says"]).env_clear().env(CHILD, &file);
    let output = child.envs(variables.iter().copied()).output().unwrap();
    assert!(output.status.success(), "{}: {}", output.status, String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

/// Why acquire-zarr is not available, as listed; opening it says the same.
fn refusal(said: &Value) -> String {
    let entry = said["list"].as_array().unwrap().iter().find(|each| each[0] == "acquire-zarr").expect("always listed");
    assert_eq!(entry[1], false, "{entry}");
    let detail = entry[2].as_str().unwrap().to_owned();
    assert_eq!(said["opened"]["Err"], format!("backend `acquire-zarr` is not available: {detail}"));
    detail
}

#[test]
fn the_native_engine_is_always_there_and_first() {
    let all = list();
    assert!(all.first().is_some_and(|each| each.name == ome_stream_backends::DEFAULT && each.is_available()));
    let unknown = open("no-such-engine").unwrap_err().to_string();
    for Listing { name, .. } in all {
        assert!(unknown.contains(name), "{unknown}");
    }
}

#[test]
fn every_listed_engine_that_is_available_opens_under_its_name() {
    for each in list() {
        match open(each.name) {
            Ok(engine) => {
                assert!(each.is_available(), "{each:?}");
                assert_eq!((engine.name(), Some(engine.capabilities())), (each.name, each.capabilities));
            }
            Err(error) => assert!(!each.is_available() && error.to_string().contains(&each.detail), "{error}"),
        }
    }
}

#[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
mod acquire {
    use super::*;

    fn named(path: &Path) -> String {
        refusal(&registry(&[(VARIABLE, path.as_os_str())]))
    }

    #[test]
    fn without_a_python_it_names_the_command_that_installs_it() {
        let detail = refusal(&registry(&[("PATH", OsStr::new("")), ("HOME", OsStr::new("/nowhere"))]));
        assert!(detail.contains("`pip install acquire-zarr`"), "{detail}");
    }

    #[test]
    fn files_that_are_no_engine_are_refused_with_a_reason_and_the_process_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, content: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, content).unwrap();
            path
        };
        // This program is for this machine; the number of another processor makes it one that is not.
        let mut foreign = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let here = write("program", &foreign);
        foreign[18..20].copy_from_slice(&183_u16.to_le_bytes());
        let cut = &foreign[..100];
        let cases = [
            (write("text.so", b"acquire-zarr, but written by hand\n"), "text"),
            (write("empty.so", b""), "empty"),
            (write("arm.so", &foreign), "ARM"),
            (write("cut.so", cut), "cut.so"),
            (here, "program"),
            (folder.path().join("missing.so"), "no acquire-zarr library is there"),
            ("/dev/zero".into(), "regular file"),
        ];
        for (path, reason) in cases {
            let detail = named(&path);
            assert!(detail.contains(path.to_str().unwrap()), "the file is not named: {detail}");
            assert!(detail.contains(reason), "{reason} is not told: {detail}");
            assert!(detail.contains(&format!("`unset {VARIABLE}`")), "the command is missing: {detail}");
        }
    }
}
