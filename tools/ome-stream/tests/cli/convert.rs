//! `convert`: exit codes and output; what becomes of a store is tested where that is done.

use serde_json::json;

use crate::bench::{Bench, frames, npy};

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
