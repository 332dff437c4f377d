//! `recover`: exit codes and output; what it mends is tested with the library.

use std::fs;

use ome_stream::recover::log;

use crate::bench::Bench;

/// A store of six frames in shards.
fn store(bench: &Bench) {
    let pixels: Vec<u8> = (0..6 * 32 * 32 * 2).map(|at| (at % 251) as u8).collect();
    bench.file("frames.raw", pixels);
    let dims = "t:6:1:2,y:32,x:32";
    bench.run(["write", "frames.raw", "-o", "run.ome.zarr", "-d", dims, "--dtype", "uint16"]).expect(0);
}

#[test]
fn a_finished_store_needs_nothing() {
    let bench = Bench::new();
    store(&bench);
    let ran = bench.run(["recover", "run.ome.zarr"]).expect(0);
    assert!(ran.out.contains("nothing to do") && ran.out.contains("6 chunk(s) whole"), "{}", ran.out);
    assert_eq!(bench.run(["recover", "run.ome.zarr", "--json"]).expect(0).json()["verdict"], "whole");
}

#[test]
fn what_an_interrupted_run_left_is_told_and_mended_once() {
    let bench = Bench::new();
    store(&bench);
    let root = bench.path("run.ome.zarr");
    fs::write(root.join(log::FILE_NAME), "").expect("written");
    fs::rename(root.join("0/c/1/0/0"), root.join("0/c/1/0/0.part")).expect("renamed");
    let seen = bench.run(["recover", "run.ome.zarr"]).expect(1);
    assert!(seen.out.contains("0/c/1/0/0 (unfinished)") && seen.out.contains("with --apply"), "{}", seen.out);
    assert!(root.join("0/c/1/0/0.part").exists(), "looking changes nothing");
    let mended = bench.run(["recover", "run.ome.zarr", "--apply"]).expect(1);
    assert!(mended.out.contains("mended:") && !mended.out.contains("NOT"), "{}", mended.out);
    bench.run(["recover", "run.ome.zarr"]).expect(0);
}

#[test]
fn lost_frames_are_listed() {
    let bench = Bench::new();
    store(&bench);
    let shard = bench.path("run.ome.zarr/0/c/2/0/0");
    let length = fs::metadata(&shard).expect("there").len();
    fs::OpenOptions::new().write(true).open(&shard).expect("opened").set_len(length - 1).expect("cut");
    let ran = bench.run(["recover", "run.ome.zarr", "--apply"]).expect(2);
    assert!(ran.out.contains("lost: 0 chunk [4, 0, 0], planes 4..5"), "{}", ran.out);
    assert!(ran.out.contains("lost: 0 chunk [5, 0, 0], planes 5..6"), "{}", ran.out);
    assert!(ran.out.contains("frames that lost a part: 4-5\n"), "{}", ran.out);
    assert!(ran.out.contains("left as it is: the run has finished"), "{}", ran.out);
    assert_eq!(fs::metadata(&shard).expect("there").len(), length - 1, "only an interrupted run is mended");
    bench.run(["recover", "run.ome.zarr"]).expect(2);
}

#[test]
fn a_finished_store_of_python_needs_nothing() {
    let bench = Bench::new();
    store(&bench);
    let group = bench.path("run.ome.zarr/zarr.json");
    let text = fs::read_to_string(&group).expect("readable");
    let text = text.replacen("\"attributes\": {", "\"attributes\": {\n    \"mean\": NaN,", 1);
    fs::write(&group, &text).expect("written");
    bench.run(["info", "run.ome.zarr"]).expect(0);
    bench.run(["recover", "run.ome.zarr", "--apply"]).expect(0);
    assert_eq!(fs::read_to_string(&group).expect("readable"), text);
}

#[test]
fn what_is_no_store_of_ours_is_refused_by_name() {
    let bench = Bench::new();
    bench.file("thesis/chapter.txt", "years of work");
    bench.run(["recover", "thesis", "--apply"]).expect(3).says(&["thesis", "not a Zarr v3 store"]);
    bench.run(["recover", "nothing"]).expect(3).says(&["nothing", "there is nothing"]);
    assert_eq!(bench.names(), ["thesis"]);
}

#[test]
fn a_level_that_is_gone_is_made_anew_of_full_resolution() {
    let bench = Bench::new();
    bench.file("frames.raw", (0..6 * 32 * 32 * 2).map(|at| (at % 251) as u8).collect::<Vec<u8>>());
    bench.line("write frames.raw -o run.ome.zarr -d t:6:2,y:32:16,x:32 --dtype uint16 --pyramid mean:3").expect(0);
    let whole = ["1", "2"].map(|level| bench.pixels(&format!("run.ome.zarr/{level}")));
    fs::remove_dir_all(bench.path("run.ome.zarr/1")).expect("removed");
    let seen = bench.line("recover run.ome.zarr").expect(1);
    assert!(seen.out.contains("1/zarr.json (incomplete): the level is gone"), "{}", seen.out);
    assert!(seen.out.contains("1: may be behind full resolution from frame 0 on"), "{}", seen.out);
    assert!(!bench.path("run.ome.zarr/1").exists(), "looking changes nothing");
    let mended = bench.line("recover run.ome.zarr --apply --json").expect(1).json();
    let level = |array: &str| serde_json::json!({"array": array, "first_frame": 0, "made": 6});
    assert_eq!(mended["levels"], serde_json::json!([level("1")]));
    assert_eq!(["1", "2"].map(|level| bench.pixels(&format!("run.ome.zarr/{level}"))), whole);
    bench.line("recover run.ome.zarr").expect(0);
    bench.line("check run.ome.zarr --pixels").expect(0);
    let ended = bench.line("info run.ome.zarr").expect(0);
    assert!(ended.out.contains("6 of 6 frames"), "nothing else is told of the run: {}", ended.out);
}
