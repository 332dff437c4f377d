//! Files that are not the engine are refused with a reason; the engine is loaded by each of its routes.
#![cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{candidate, document, engine, files, frame};
use ome_stream_backend_acquire::engine::{Settings, Stream};
use ome_stream_backend_acquire::error::{INSTALL, LoadError, UPGRADE};
use ome_stream_backend_acquire::library::{Availability, Candidate, ElfFault, Library, Route, Source, availability};

/// What loading a file of this content says.
fn refusal(content: &[u8]) -> LoadError {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("library.so");
    fs::write(&path, content).unwrap();
    let error = Library::open(Some(&path)).unwrap_err();
    assert!(error.to_string().contains(path.to_str().unwrap()), "the file is not named: {error}");
    error
}

fn fault(content: &[u8]) -> ElfFault {
    match refusal(content) {
        LoadError::NotALibrary { fault, .. } => fault,
        other => panic!("{other}"),
    }
}

/// A shared library that every Linux of this kind has and that is not the engine.
fn other_library() -> Option<PathBuf> {
    let maps = fs::read_to_string("/proc/self/maps").ok()?;
    let paths = maps.lines().filter_map(|line| line.split_whitespace().nth(5));
    paths
        .map(PathBuf::from)
        .find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("libc.so")))
}

#[test]
fn a_text_file_an_empty_file_and_other_bytes_are_told_apart() {
    assert_eq!(fault(b"/* GNU ld script */\nINPUT(libfoo.so.1)\n"), ElfFault::Text);
    assert_eq!(fault("#!/bin/sh\necho \u{e4}\n".as_bytes()), ElfFault::Text);
    assert_eq!(fault(b""), ElfFault::Empty);
    assert_eq!(fault(b"MZ\x90\0\x03\0\0\0"), ElfFault::NotElf);
}

#[test]
fn a_library_for_another_processor_or_word_size_is_named() {
    let Some(library) = other_library() else {
        eprintln!("skipped: no C library among this process's mappings");
        return;
    };
    let whole = fs::read(library).unwrap();
    let mut arm = whole.clone();
    arm[18] = 183;
    let ElfFault::Machine(machine) = fault(&arm) else { panic!("not refused for its machine") };
    assert_eq!(machine, "64-bit ARM");
    let mut narrow = whole.clone();
    narrow[4] = 1;
    assert!(matches!(fault(&narrow), ElfFault::Class("32-bit")));
    let mut program = whole;
    program[16] = 2;
    assert_eq!(fault(&program), ElfFault::Kind("a program"));
}

#[test]
fn a_library_cut_short_is_refused_before_the_loader_maps_it() {
    let Some(library) = other_library() else {
        eprintln!("skipped: no C library among this process's mappings");
        return;
    };
    let whole = fs::read(library).unwrap();
    for length in [5, 63, 64, 1000, whole.len() / 2, whole.len() - 1] {
        assert!(matches!(fault(&whole[..length]), ElfFault::Truncated { .. }), "{length} bytes");
    }
}

#[test]
fn a_sound_library_that_is_not_the_engine_is_refused_for_what_it_lacks() {
    let Some(library) = other_library() else {
        eprintln!("skipped: no C library among this process's mappings");
        return;
    };
    let error = Library::open(Some(&library)).unwrap_err();
    assert!(matches!(&error, LoadError::MissingSymbol { symbol, .. } if symbol.starts_with("Zarr")), "{error}");
    assert_eq!(error.remedy(), Some(UPGRADE));
}

#[test]
fn a_path_with_nothing_there_a_folder_without_a_library_and_a_device_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().join("absent.so"), folder.path().to_path_buf()] {
        let error = Library::open(Some(&path)).unwrap_err();
        assert!(matches!(error, LoadError::NoSuchFile { .. }), "{error}");
        assert!(error.to_string().contains("settings"), "{error}");
        assert_eq!(error.remedy(), Some(INSTALL));
    }
    let error = Library::open(Some(Path::new("/dev/zero"))).unwrap_err();
    assert!(matches!(error, LoadError::Unreadable { .. }), "{error}");
}

#[test]
fn availability_gives_the_reason_and_the_one_command() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("text.so");
    fs::write(&path, "no library").unwrap();
    let Availability::Unavailable { reason, remedy } = availability(Some(&path)) else {
        panic!("a text file was loaded")
    };
    assert!(reason.to_string().contains("text file"), "{reason}");
    assert_eq!(remedy, Some("pip install acquire-zarr"));
}

#[test]
fn availability_gives_version_and_place_of_what_is_found() {
    let Some(library) = engine() else { return };
    let Availability::Available { version, path, route, .. } = availability(Some(library.path())) else {
        panic!("found, then not")
    };
    assert_eq!(path, library.path());
    assert_eq!(route, library.route());
    assert_eq!(version.as_deref(), library.version());
    if library.route() != Route::AsItIs {
        let version = version.expect("a Python package has metadata");
        assert!(version.starts_with(|c: char| c.is_ascii_digit()), "{version}");
    }
}

#[test]
fn the_same_file_is_loaded_once() {
    let Some(library) = engine() else { return };
    let again = Library::open(Some(library.path())).unwrap();
    assert!(std::ptr::eq(library, again));
}

#[test]
fn a_release_that_is_too_old_is_refused_by_its_metadata_before_it_is_loaded() {
    let site = tempfile::tempdir().unwrap();
    let package = site.path().join("acquire_zarr");
    let metadata = site.path().join("acquire_zarr-0.9.0.dist-info");
    fs::create_dir_all(&package).unwrap();
    fs::create_dir_all(&metadata).unwrap();
    // Not even an ELF file: a loader that looked at it would say so.
    let module = package.join("__init__.cpython-311-x86_64-linux-gnu.so");
    fs::write(&module, "text").unwrap();
    fs::write(metadata.join("METADATA"), "Metadata-Version: 2.4\nName: acquire-zarr\nVersion: 0.9.0\n\nVersion: 9\n")
        .unwrap();
    let error = Library::open(Some(site.path())).unwrap_err();
    assert_eq!(error, LoadError::TooOld { path: module, version: "0.9.0".to_owned() });
    assert_eq!(error.remedy(), Some(UPGRADE));
}

/// Loads another copy by `route` and lets it write, so that the copy's own code runs.
fn writes_by(route: Route) {
    let Some(library) = engine() else { return };
    if library.route() == Route::AsItIs {
        eprintln!("skipped: {} needs no patching", library.path().display());
        return;
    }
    let copy = Library::load_copy_by(&candidate(library), route).unwrap();
    assert_eq!(copy.route(), route);
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("a.zarr");
    let mut stream = Stream::create(Settings::new(copy, &document(&store, 1)).unwrap()).unwrap();
    stream.append(None, &frame(1)).unwrap();
    stream.close().unwrap();
    assert!(files(&store).iter().any(|file| file.ends_with("c/0/0/0")));
}

#[test]
fn a_copy_in_memory_writes() {
    writes_by(Route::Memory);
}

#[test]
fn a_copy_in_a_temporary_file_writes() {
    writes_by(Route::TemporaryFile);
}

#[test]
fn a_plain_route_is_not_taken_for_a_python_module() {
    let Some(library) = engine() else { return };
    if library.route() == Route::AsItIs {
        eprintln!("skipped: {} needs no patching", library.path().display());
        return;
    }
    let error = Library::load_copy_by(&candidate(library), Route::AsItIs).unwrap_err();
    assert!(matches!(error, LoadError::Loader { .. }), "{error}");
}

#[test]
fn a_damaged_companion_library_is_an_error_not_a_crash() {
    let Some(library) = engine() else { return };
    let site = tempfile::tempdir().unwrap();
    let package = site.path().join("acquire_zarr");
    fs::create_dir_all(&package).unwrap();
    fs::create_dir_all(site.path().join("acquire_zarr.libs")).unwrap();
    let module = package.join(library.path().file_name().unwrap());
    fs::copy(library.path(), &module).unwrap();
    fs::write(site.path().join("acquire_zarr.libs/libgomp-1.so.1"), b"\x7fELF\x02\x01\x01").unwrap();
    if library.route() == Route::AsItIs {
        eprintln!("skipped: {} brings no companions", library.path().display());
        return;
    }
    let error =
        Library::load_copy_by(&Candidate { path: module, source: Source::Settings }, Route::Memory).unwrap_err();
    assert!(error.to_string().contains("cut short"), "{error}");
}
