//! The examples for hosts, built as their first lines say and run.

use std::fs;
use std::process::Command;

use super::build::{Linked, Place, package, succeed};

/// Builds an example and runs it into a store; returns what it printed and the number of its chunk files.
fn run(source: &str) -> (String, usize) {
    let place = Place::new();
    let program = place.build(&package("../../examples").join(source), Linked::Shared, &["-O2"]);
    let store = place.path().join("run.ome.zarr");
    let printed = succeed(Command::new(program).arg(&store));
    let frames = fs::read_dir(store.join("0/c")).expect("the chunks").count();
    (printed, frames)
}

#[test]
fn the_c_example_streams_its_frames_in_thirty_lines() {
    let (_, frames) = run("c/stream.c");
    assert_eq!(frames, 20);
    let text = fs::read_to_string(package("../../examples/c/stream.c")).expect("the example");
    assert!(text.lines().count() <= 32, "{} lines", text.lines().count());
}

#[test]
fn the_cpp_example_keeps_every_frame_at_its_place() {
    let (printed, frames) = run("cpp/camera.cpp");
    let words: Vec<_> = printed.split_whitespace().collect();
    let [.., kept, "frames,", given_up, "given", "up"] = words.as_slice() else {
        panic!("{printed}");
    };
    let (kept, given_up): (usize, usize) = (kept.parse().expect("a number"), given_up.parse().expect("a number"));
    assert_eq!(kept + given_up, 300);
    assert_eq!(frames, kept, "a frame that was given up has no chunk: {printed}");
}
