//! Every example runs, and its store holds what it says.
#![allow(clippy::expect_used, reason = "clippy's exceptions for tests do not reach their helpers")]

use std::fs;
use std::path::Path;
use std::process::Command;

/// Runs an example with `arguments` and a store in `folder`; returns what it printed.
fn run(example: &str, arguments: &[&str], folder: &Path) -> String {
    let output = Command::new(example).args(arguments).arg(folder.join("out")).output().expect("started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn json(path: &Path) -> serde_json::Value {
    serde_json::from_slice(&fs::read(path).expect("there")).expect("JSON")
}

#[test]
fn quickstart_writes_twenty_frames() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let printed = run(env!("CARGO_BIN_EXE_quickstart"), &[], folder.path());
    let store = folder.path().join("out.ome.zarr");
    assert_eq!(printed.trim(), store.display().to_string());
    assert_eq!(json(&store.join("0/zarr.json"))["shape"], serde_json::json!([20, 256, 256]));
    // Not compressed: chunks are pixels, and these are their time.
    for t in [0u16, 7, 19] {
        let chunk = fs::read(store.join(format!("0/c/{t}/1/1"))).expect("a chunk");
        assert_eq!(chunk.len(), 128 * 128 * 2);
        assert!(chunk.chunks_exact(2).all(|pixel| pixel == t.to_le_bytes()), "time {t}");
    }
}

#[test]
fn multi_position_writes_an_image_for_each_position() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let printed = run(env!("CARGO_BIN_EXE_multi_position"), &[], folder.path());
    assert!(printed.starts_with("96 frames in 3 images"), "{printed}");
    let store = folder.path().join("out.ome.zarr");
    assert_eq!(json(&store.join("zarr.json"))["attributes"]["my_microscope"]["operator"], "Ada");
    for (position, x) in [("control", 0.0), ("treated 1", 5250.5), ("treated 2", 123_456.789)] {
        let group = json(&store.join(position).join("zarr.json"));
        let multiscale = &group["attributes"]["ome"]["multiscales"][0];
        let axes: Vec<_> =
            multiscale["axes"].as_array().expect("axes").iter().map(|axis| axis["name"].clone()).collect();
        assert_eq!(axes, ["t", "c", "z", "y", "x"]);
        assert_eq!(multiscale["datasets"][0]["coordinateTransformations"][1]["translation"][4], x);
        assert_eq!(group["attributes"]["ome"]["omero"]["channels"][1]["label"], "GFP");
        assert_eq!(json(&store.join(position).join("0/zarr.json"))["shape"], serde_json::json!([2, 2, 8, 128, 160]));
        let lines = fs::read_to_string(store.join(position).join("frame_metadata.jsonl")).expect("there");
        assert_eq!(lines.lines().count(), 2 * 8 * 2);
    }
}

#[test]
fn the_camera_overwrites_its_buffers_and_every_frame_is_its_own() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let printed = run(env!("CARGO_BIN_EXE_camera"), &["200", "64", "1.2"], folder.path());
    assert!(printed.contains("64 x 64 pixels of uint16 at 200 frames/s, 240 frames\n"), "{printed}");
    assert!(printed.contains("240 frames stored, 0 dropped"), "{printed}");
    assert!(printed.contains("\naccepted 240  written 240  durable 240  dropped 0"), "{printed}");
    let store = folder.path().join("out.ome.zarr");
    assert_eq!(json(&store.join("0/zarr.json"))["shape"], serde_json::json!([240, 64, 64]));
    for number in 0..240u64 {
        let chunk = fs::read(store.join(format!("0/c/{number}/0/0"))).expect("a chunk");
        let (own, noise) = chunk.split_at(8);
        assert_eq!(own, number.to_le_bytes(), "frame {number}");
        // 0xff is what the camera leaves in a buffer; nothing of it may be seen.
        assert!(noise.chunks_exact(2).all(|pixel| pixel[1] == 0 && (100..116).contains(&pixel[0])), "frame {number}");
    }
}

#[test]
fn the_camera_refuses_what_it_cannot_be() {
    for arguments in [["0", "64", "1"], ["100", "7", "1"], ["100", "64", "soon"]] {
        let output = Command::new(env!("CARGO_BIN_EXE_camera")).args(arguments).output().expect("started");
        assert!(!output.status.success());
        assert!(String::from_utf8_lossy(&output.stderr).contains("usage: camera"));
    }
}
