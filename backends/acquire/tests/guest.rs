//! The engine is a guest in the host's process: lists and mistakes do not load it, and neither standard output nor
//! standard error is touched by it or for it.
//!
//! Environment, standard files and what is loaded belong to the process: each case runs this program again as a child.
#![cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use common::{engine, is_loaded, settings, stand_in};
use ome_stream::Stream;
use ome_stream::settings::DataType;
use ome_stream_backend_acquire::VARIABLE;
use ome_stream_backends::{list, open};
use serde_json::{Value, json};

/// Names the folder of a child.
const CHILD: &str = "OME_STREAM_TEST_GUEST_CHILD";

/// Runs one of the tests below as a child with only these variables.
fn child(test: &str, folder: &Path, variables: &[(&str, &OsStr)]) -> Output {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", test, "--nocapture"]).env_clear().env(CHILD, folder);
    let output = child.envs(variables.iter().copied()).output().unwrap();
    assert!(output.status.success(), "{}: {}", output.status, String::from_utf8_lossy(&output.stderr));
    output
}

/// The child that lists: writes down what the registry says, and after which of its answers the engine was loaded.
#[test]
fn lists() {
    let Some(folder) = std::env::var_os(CHILD) else { return };
    let said = |name| open(name).map(|engine| engine.name().to_owned()).map_err(|error| error.to_string());
    let listings = list().iter().map(|each| (each.name, each.is_available(), each.detail.clone())).collect::<Vec<_>>();
    let mut loaded = vec![is_loaded()];
    let misspelt = said("acquire-zar");
    loaded.push(is_loaded());
    let opened = said("acquire-zarr");
    loaded.push(is_loaded());
    let said = json!({"list": listings, "misspelt": misspelt, "opened": opened, "loaded": loaded});
    fs::write(Path::new(&folder).join("said.json"), said.to_string()).unwrap();
}

/// What the registry says in a process with only these variables.
fn registry(variables: &[(&str, &OsStr)]) -> Value {
    let folder = tempfile::tempdir().unwrap();
    child("lists", folder.path(), variables);
    serde_json::from_slice(&fs::read(folder.path().join("said.json")).unwrap()).unwrap()
}

/// The entry of acquire-zarr.
fn entry(said: &Value) -> &Value {
    said["list"].as_array().unwrap().iter().find(|each| each[0] == "acquire-zarr").expect("always listed")
}

/// Why acquire-zarr is not available, as listed; opening it says the same.
fn refusal(said: &Value) -> String {
    assert_eq!(entry(said)[1], false, "{said}");
    let detail = entry(said)[2].as_str().unwrap().to_owned();
    assert_eq!(said["opened"]["Err"], format!("backend `acquire-zarr` is not available: {detail}"));
    detail
}

#[test]
fn lists_and_misspelt_names_load_nothing() {
    let stand_in = stand_in(&[]);
    let libraries = [engine(), stand_in.as_ref().map(|(_, path)| path.clone())];
    for library in libraries.into_iter().flatten() {
        let said = registry(&[(VARIABLE, library.as_os_str())]);
        assert_eq!(entry(&said)[1], true, "{said}");
        assert!(said["misspelt"]["Err"].as_str().unwrap().contains("zarrs, acquire-zarr, tensorstore"), "{said}");
        assert_eq!(said["opened"]["Ok"], "acquire-zarr", "{said}");
        assert_eq!(said["loaded"], json!([false, false, true]), "{}", library.display());
    }
}

/// The child that runs: one run that goes well, and one that fails.
#[test]
fn runs() {
    let Some(folder) = std::env::var_os(CHILD) else { return };
    let standard_error = || fs::read_link("/proc/self/fd/2").unwrap();
    let before = standard_error();
    let backend = open("acquire-zarr").unwrap();
    let root = Path::new(&folder).join("a.ome.zarr");
    let stream = Stream::create(&settings(&root, "t:inf,y:8,x:8", DataType::UInt8), &*backend).unwrap();
    (0..5).for_each(|frame| assert_eq!(stream.append(&[1; 64]).unwrap(), frame));
    stream.finish().unwrap();
    let root = Path::new(&folder).join("b.ome.zarr");
    let stream = Stream::create(&settings(&root, "t:9,y:8,x:8", DataType::UInt8), &*backend).unwrap();
    fs::write(root.join("0/c"), "in the way").unwrap();
    stream.append(&[1; 64]).unwrap();
    stream.finish().unwrap_err();
    assert_eq!(standard_error(), before);
}

#[test]
fn only_errors_are_printed_and_nothing_is_redirected() {
    let Some(library) = engine() else { return };
    let folder = tempfile::tempdir().unwrap();
    let output = child("runs", folder.path(), &[(VARIABLE, library.as_os_str())]);
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(printed.contains("running 1 test\ntest runs ... ok\n"), "not only the harness printed: {printed}");
    assert!(folder.path().join("a.ome.zarr/0/c").is_dir(), "the child wrote no store, so its silence proves nothing");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("[ERROR]"), "what the engine prints does not reach standard error: {errors}");
}

#[test]
fn the_native_engine_is_always_there_and_first() {
    let all = list();
    assert!(all.first().is_some_and(|each| each.name == ome_stream_backends::DEFAULT && each.is_available()));
    let unknown = open("no-such-engine").unwrap_err().to_string();
    for each in all {
        assert!(unknown.contains(each.name), "{unknown}");
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

#[test]
fn without_a_python_it_names_the_command_that_installs_it() {
    let detail = refusal(&registry(&[("PATH", OsStr::new("")), ("HOME", OsStr::new("/nowhere"))]));
    assert!(detail.contains("`pip install acquire-zarr`"), "{detail}");
}

#[test]
fn files_that_are_no_engine_are_refused_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        path
    };
    // This program is for this machine; the number of another processor makes it one that is not.
    let mut foreign = fs::read(std::env::current_exe().unwrap()).unwrap();
    let here = write("program", &foreign);
    let cut = write("cut.so", &foreign[..100]);
    foreign[18..20].copy_from_slice(&183_u16.to_le_bytes());
    let module = "__init__.cpython-311-x86_64-linux-gnu.so";
    fs::create_dir_all(folder.path().join("site/acquire_zarr")).unwrap();
    fs::create_dir_all(folder.path().join("site/acquire_zarr-0.9.0.dist-info")).unwrap();
    let cases = [
        (write("text.so", b"acquire-zarr, but written by hand\n"), "it is a text file"),
        (write("empty.so", b""), "the file is empty"),
        (write("arm.so", &foreign), "64-bit ARM"),
        (cut, "cut short"),
        (here, "is not acquire-zarr 0.10 or newer: it does not define Zarr"),
        // Not even an ELF file: a loader that looked at it would say so.
        (write(&format!("site/acquire_zarr/{module}"), b"text"), "is acquire-zarr 0.9.0; 0.10 or newer is needed"),
        (folder.path().join("missing.so"), "no acquire-zarr library is there"),
        ("/dev/zero".into(), "not a regular file"),
    ];
    for (path, reason) in cases {
        let detail = refusal(&registry(&[(VARIABLE, path.as_os_str())]));
        assert!(detail.contains(path.to_str().unwrap()), "the file is not named: {detail}");
        assert!(detail.contains(reason), "{reason} is not told: {detail}");
        assert!(detail.contains(&format!("`unset {VARIABLE}`")), "the command is missing: {detail}");
    }
}

#[test]
fn a_damaged_companion_library_is_an_error_not_a_crash() {
    let Some(library) = engine().filter(|path| path.parent().is_some_and(|it| it.ends_with("acquire_zarr"))) else {
        return; // there is none, or one that brings no companions
    };
    let site = tempfile::tempdir().unwrap();
    let path = |name: &str| site.path().join(name);
    fs::create_dir_all(path("acquire_zarr")).unwrap();
    fs::create_dir_all(path("acquire_zarr.libs")).unwrap();
    fs::copy(&library, path("acquire_zarr").join(library.file_name().unwrap())).unwrap();
    fs::write(path("acquire_zarr.libs/libgomp-1.so.1"), b"\x7fELF\x02\x01\x01").unwrap();
    let said = registry(&[(VARIABLE, site.path().as_os_str())]);
    assert_eq!(entry(&said)[1], true, "{said}");
    assert!(said["opened"]["Err"].as_str().unwrap().contains("libgomp-1.so.1: it is damaged, cut short"), "{said}");
}
