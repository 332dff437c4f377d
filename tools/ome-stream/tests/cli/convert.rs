//! `convert`: exit codes and output; what becomes of a store is tested where that is done.

use std::time::Duration;

use serde_json::json;

use crate::bench::{Bench, command, frames, npy};

fn ours(bench: &Bench) {
    bench.file("a.npy", npy("<u2", false, &[4, 10, 20], &frames(4, 10, 20)));
    bench.line("write a.npy -o a -d t:4:1:2,y:10:5:2,x:20 -c blosc-zstd").expect(0);
}

#[test]
fn a_copy_and_a_store_in_place_say_what_was_done() {
    let bench = Bench::new();
    ours(&bench);
    let copied = bench.line("convert a.ome.zarr --to 0.4 -o b.ome.zarr --json").expect(0).json();
    assert_eq!((&copied["version"], &copied["chunk_files"]), (&json!("0.4"), &json!(8)));
    bench.line("check b.ome.zarr --pixels").expect(0);
    let ran = bench.line("convert b.ome.zarr --to 0.6 --in-place").expect(0);
    assert!(ran.out.contains("OME-NGFF 0.6") && ran.out.contains("8 chunk file(s)"), "{}", ran.out);
    assert_eq!(bench.line("check b.ome.zarr --pixels --json").expect(0).json()["version"], "0.6");
}

#[test]
fn what_cannot_be_converted_is_told_with_what_would_work() {
    let bench = Bench::new();
    ours(&bench);
    for (line, code, says) in [
        ("convert a.ome.zarr --to 0.4", 2, "--output"),
        ("convert a.ome.zarr --to 0.7 --in-place", 2, "use 0.4, 0.5 or 0.6"),
        ("convert a.ome.zarr --to 0.4 -o a.npy", 1, "choose another --output"),
        ("convert a.ome.zarr/0 --to 0.4 --in-place", 1, "name the whole store"),
        ("convert a.ome.zarr --to 0.4 -o a.ome.zarr/b", 1, "inside of the store"),
        ("convert nothing --to 0.4 --in-place", 1, "nothing"),
    ] {
        let ran = bench.line(line).expect(code);
        assert!(ran.err.contains(says), "{line}: {}", ran.err);
    }
    bench.line("check a.ome.zarr --pixels").expect(0);
}

#[test]
fn levels_are_added_in_one_word() {
    let bench = Bench::new();
    ours(&bench);
    let ran = bench.line("convert a.ome.zarr --levels max:3 --to 0.4 -o b.ome.zarr").expect(0);
    assert!(ran.out.contains("OME-NGFF 0.4") && ran.out.contains("1 [4, 5, 10], 2 [4, 3, 5]"), "{}", ran.out);
    let json = bench.line("convert a.ome.zarr --in-place --json --levels mean:2").expect(0).json();
    assert_eq!(json["levels"], json!([{"image": "", "levels": [{"path": "1", "shape": [4, 5, 10]}]}]));
    for store in ["a.ome.zarr", "b.ome.zarr"] {
        bench.line(&format!("check {store} --pixels")).expect(0);
        bench.line(&format!("recover {store}")).expect(0);
    }
    for (line, code, says) in [
        ("convert a.ome.zarr --levels --in-place", 1, "every image has levels"),
        ("convert a.ome.zarr --levels sum --in-place", 1, "use mean, min, max, median, mode, nearest"),
        ("convert a.ome.zarr --in-place", 2, "--to"),
        ("convert a.ome.zarr --to 0.6 --in-place --memory-limit 1G", 2, "--levels"),
    ] {
        let ran = bench.line(line).expect(code);
        assert!(ran.err.contains(says), "{line}: {}", ran.err);
    }
}

#[test]
fn an_image_that_needs_no_level_and_too_little_memory_are_told() {
    let bench = Bench::new();
    ours(&bench);
    for (line, says) in [
        ("convert a.ome.zarr --levels --in-place", "ask for a number"),
        ("convert a.ome.zarr --levels mean:2 --memory-limit 1K --in-place", "memory_limit"),
        ("convert a.ome.zarr --levels mean:9 --in-place", "levels"),
    ] {
        let ran = bench.line(line).expect(1);
        assert!(ran.err.contains(says), "{line}: {}", ran.err);
    }
    assert_eq!(bench.names().iter().filter(|name| name.contains("zarr")).count(), 1, "{:?}", bench.names());
}

#[test]
fn a_kill_while_levels_are_added_costs_nothing() {
    let bench = Bench::new();
    bench.file("a.npy", npy("<u2", false, &[24, 64, 64], &frames(24, 64, 64)));
    bench.line("write a.npy -o a -d z:24:3,y:64:16,x:64:16 -c zstd").expect(0);
    let mut killed = 0;
    for nth in 0..20 {
        let arguments = ["convert", "a.ome.zarr", "--levels", "mean:3", "--in-place"];
        let mut child = command(&bench.path("")).args(arguments).spawn().expect("started");
        std::thread::sleep(Duration::from_millis(8 * nth));
        child.kill().expect("it is ours");
        child.wait().expect("ended");
        let names = bench.names();
        if !bench.path("a.ome.zarr/1").exists() {
            killed += 1;
            assert_eq!(bench.pixels("a.ome.zarr/0"), (vec![24, 64, 64], frames(24, 64, 64)), "{names:?}");
        }
        bench.line("check a.ome.zarr --pixels").expect(0);
    }
    if !bench.path("a.ome.zarr/1").exists() {
        bench.line("convert a.ome.zarr --levels mean:3 --in-place").expect(0);
    } else {
        bench.line("convert a.ome.zarr --levels mean:3 --in-place").expect(1);
    }
    assert!(killed > 0);
    assert_eq!(bench.names(), ["a.npy", "a.ome.zarr"]);
    bench.line("recover a.ome.zarr").expect(0);
    assert_eq!(bench.pixels("a.ome.zarr/0"), (vec![24, 64, 64], frames(24, 64, 64)));
}
