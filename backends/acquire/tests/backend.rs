//! The engine behind core's trait: what no suite for all engines can know of.
#![cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use common::engine;
use ome_stream::settings::{Coord, DataType, Dimension, Position, Settings};
use ome_stream::{Error, Stream};
use ome_stream_backend_acquire::AcquireBackend;
use serde_json::Value;

/// The engine as the other tests find it, or `None` after the reason was said.
fn backend() -> Option<AcquireBackend> {
    Some(AcquireBackend::open(Some(&engine()?)).unwrap())
}

fn settings(root: &Path, dimensions: &str) -> Settings {
    common::settings(root, dimensions, DataType::UInt16)
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))).unwrap()
}

fn shape(array: &Path) -> Vec<u64> {
    serde_json::from_value(json(&array.join("zarr.json"))["shape"].clone()).unwrap()
}

#[test]
fn a_store_without_frames_is_valid() {
    let Some(backend) = backend() else { return };
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("a.ome.zarr");
    let stream = Stream::create(&settings(&root, "t:inf,p:2,y:8,x:8"), &backend).unwrap();
    let look = || {
        for array in ["0/0", "1/0"] {
            assert_eq!(shape(&root.join(array)), [0, 8, 8]);
            assert_eq!(
                json(&root.join(array).join("zarr.json"))["dimension_names"],
                serde_json::json!(["t", "y", "x"])
            );
        }
        for group in ["0", "1"] {
            assert!(json(&root.join(group).join("zarr.json")).pointer("/attributes/ome/multiscales").is_some());
        }
        assert!(json(&root.join("zarr.json")).pointer("/attributes/ome/bioformats2raw.layout").is_some());
    };
    look();
    stream.finish().unwrap();
    look();
}

#[test]
fn names_of_folders_dimensions_and_positions_arrive_unchanged() {
    let Some(backend) = backend() else { return };
    // The engine reads JSON with a YAML parser, which has ideas of its own about many of these.
    let names =
        ["null", "true", "1e3", "~", "#a", "a: b", "ä 😀", "a\"b", "a\\b", "[a]", "{a}", "a'b", "%a", "&a", "*a"];
    for name in names {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(name)).unwrap();
        let root = folder.path().join(name).join("a.ome.zarr");
        let mut settings = settings(&root, "p:1,t:3,y:8,x:8");
        settings.dimensions[0] =
            Dimension::standard("p", None).with_coords([Coord::Position(Position::new("Pos 0 é"))]);
        settings.dimensions[1] = Dimension::new(name, 3);
        let stream = Stream::create(&settings, &backend).unwrap();
        stream.append(&[1; 128]).unwrap();
        stream.finish().unwrap_or_else(|error| panic!("{name}: {error}"));
        let array = root.join("Pos 0 é/0");
        assert_eq!(json(&array.join("zarr.json"))["dimension_names"], serde_json::json!([name, "y", "x"]));
        assert_eq!(shape(&array), [3, 8, 8], "{name}");
        assert!(array.join("c/0/0/0").is_file(), "{name}");
        let inside: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(inside, [name], "{name}");
    }
}

#[test]
fn a_skipped_frame_larger_than_a_block_of_zeros_is_zeros() {
    let Some(backend) = backend() else { return };
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("a.ome.zarr");
    // Frames of 2 MB: the blocks of zeros, 1 MiB, end within frames. One chunk of three frames.
    let stream = Stream::create(&settings(&root, "t:3:3,y:1000,x:1000"), &backend).unwrap();
    let frames = [vec![1; 2_000_000], vec![0; 2_000_000], vec![2; 2_000_000]];
    stream.append(&frames[0]).unwrap();
    stream.skip(1).unwrap();
    stream.append(&frames[2]).unwrap();
    stream.finish().unwrap();
    let stored = fs::read(root.join("0/c/0/0/0")).unwrap();
    assert!(stored.starts_with(&frames.concat()), "not the frames as they came");
}

/// Fails to write: a file lies where the folder of the shards belongs.
fn obstructed(root: &Path, dimensions: &str, backend: &AcquireBackend) -> Stream {
    let mut settings = settings(root, dimensions);
    settings.live_interval = 0.05;
    let stream = Stream::create(&settings, backend).unwrap();
    fs::write(stream.plan().array_path(0, 0).join("c"), "in the way").unwrap();
    stream
}

#[test]
fn a_failed_write_reaches_every_later_call() {
    let Some(backend) = backend() else { return };
    for dimensions in ["t:9,y:8,x:8", "t:9,p:2,y:8,x:8"] {
        let folder = tempfile::tempdir().unwrap();
        let stream = obstructed(&folder.path().join("a.ome.zarr"), dimensions, &backend);
        stream.append(&[1; 128]).unwrap();
        let start = Instant::now();
        let failure = loop {
            if let Some(failure) = stream.status().failure {
                break failure;
            }
            assert!(start.elapsed() < Duration::from_secs(60), "{dimensions}: no failure was told");
            std::thread::sleep(Duration::from_millis(5));
        };
        assert!(failure.contains("acquire-zarr"), "{failure}");
        assert!(matches!(stream.append(&[1; 128]), Err(Error::Failed { .. })));
        let error = stream.finish().unwrap_err();
        assert!(error.to_string().contains("status 5: internal error"), "{error}");
        // The engine prints the reason and tells none: what our own try at the same place says.
        assert!(error.to_string().contains("/0/c: "), "{error}");
        assert_eq!(stream.finish().unwrap_err().to_string(), error.to_string());
    }
}

#[test]
fn a_close_that_cannot_write_fails_the_finish() {
    let Some(backend) = backend() else { return };
    let folder = tempfile::tempdir().unwrap();
    // The shard is not full before the end, so that nothing fails earlier.
    let stream = obstructed(&folder.path().join("a.ome.zarr"), "t:9:1:9,y:8,x:8", &backend);
    stream.append(&[1; 128]).unwrap();
    let error = stream.finish().unwrap_err();
    assert!(error.to_string().contains("acquire-zarr"), "{error}");
}

#[test]
fn metadata_that_the_engine_cannot_write_fail_the_finish() {
    let Some(backend) = backend() else { return };
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("a.ome.zarr");
    let stream = Stream::create(&settings(&root, "t:9,y:8,x:8"), &backend).unwrap();
    stream.append(&[1; 128]).unwrap();
    let metadata = root.join("0/zarr.json");
    fs::remove_file(&metadata).unwrap();
    std::os::unix::fs::symlink("/dev/full", &metadata).unwrap();
    let error = stream.finish().unwrap_err();
    assert!(error.to_string().contains("acquire-zarr could not finish the store"), "{error}");
    assert_eq!(shape(&root.join("0")), [9, 8, 8]);
}

#[test]
fn a_shard_larger_than_the_limit_does_not_wait_for_ever() {
    let Some(backend) = backend() else { return };
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("a.ome.zarr");
    let mut settings = settings(&root, "t:40:1:40,y:1024,x:1024");
    settings.memory_limit = 8 << 20;
    let stream = Stream::create(&settings, &backend).unwrap();
    let frame = vec![1; 2 << 20];
    for _ in 0..40 {
        stream.append(&frame).unwrap();
    }
    let report = stream.finish().unwrap();
    assert!(report.bytes_high_water <= 8 << 20, "our side of the budget: {}", report.bytes_high_water);
    assert!(report.bytes_written >= 40 * (2 << 20), "{}", report.bytes_written);
}
