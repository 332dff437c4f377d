//! `check`: exit codes and output, on stores of our own and of others; each rule is tested beside its table.

use std::fs;

use serde_json::{Value, json};

use crate::bench::{Bench, frames, npy};
use crate::info_golden::{array, group, multiscale};

/// A store of six compressed frames, three shards.
fn ours(bench: &Bench) {
    bench.file("a.npy", npy("<u2", false, &[6, 10, 20], &frames(6, 10, 20)));
    bench.line("write a.npy -o a -d t:6:1:2,y:10:5:2,x:20 -c blosc-zstd").expect(0);
}

/// The rules that were broken; our axes have no units, which none were given.
fn rules(report: &Value) -> Vec<&str> {
    let all = report["findings"].as_array().expect("a list").iter().filter_map(|each| each["rule"].as_str());
    all.filter(|rule| *rule != "axes/unit-known").collect()
}

#[test]
fn what_we_write_is_valid_and_whole() {
    let bench = Bench::new();
    ours(&bench);
    let report = bench.line("check a.ome.zarr --pixels --json").expect(0).json();
    assert_eq!((&report["valid"], &report["errors"], &report["version"]), (&json!(true), &json!(0), &json!("0.5")));
    assert_eq!(report["looked_at"]["decoded"], 12);
    assert_eq!(report["not_checked"], json!([]));
    let ran = bench.line("check a.ome.zarr").expect(0);
    assert!(ran.out.contains("OME-NGFF 0.5 on Zarr v3: valid, 0 error(s)"), "{}", ran.out);
}

#[test]
fn warnings_count_where_they_are_to() {
    let bench = Bench::new();
    ours(&bench);
    let text = fs::read_to_string(bench.path("a.ome.zarr/zarr.json")).expect("there");
    fs::write(bench.path("a.ome.zarr/zarr.json"), text.replace("\"space\"", "\"space\",\"unit\":\"micron\""))
        .expect("written");
    let ran = bench.line("check a.ome.zarr").expect(0);
    assert!(ran.out.contains("warning axes/unit-known") && ran.out.contains("\"micron\""), "{}", ran.out);
    assert!(ran.out.contains("[OME-NGFF 0.5, \"axes\" metadata]"), "{}", ran.out);
    bench.line("check a.ome.zarr --strict").expect(1);
}

#[test]
fn a_torn_shard_is_named_with_its_frames() {
    let bench = Bench::new();
    ours(&bench);
    let shard = bench.path("a.ome.zarr/0/c/1/0/0");
    let whole = fs::read(&shard).expect("there");
    fs::write(&shard, &whole[..whole.len() - 1]).expect("written");
    let ran = bench.line("check a.ome.zarr").expect(2);
    assert!(ran.out.contains("ERROR shard/index") && ran.out.contains("c/1/0/0, t 2-3: "), "{}", ran.out);
    // One byte of a chunk: only decoding shows it.
    let mut bytes = whole;
    bytes[17] ^= 0x55;
    fs::write(&shard, &bytes).expect("written");
    bench.line("check a.ome.zarr").expect(0);
    let report = bench.line("check a.ome.zarr --pixels --json").expect(2).json();
    assert_eq!(rules(&report), ["chunk/decodes"]);
    let found = report["findings"].as_array().expect("a list").iter().find(|each| each["severity"] == "error");
    let place = found.and_then(|found| found["where"].as_str()).expect("a text");
    assert!(place.starts_with("c/1/0/0 chunk [") && place.contains(", t "), "{place}");
}

#[test]
fn a_flipped_bit_under_a_checksum_is_named() {
    for (dimensions, file, place) in
        [("t:6:1:2,y:10:5:2,x:20", "c/1/0/0", "c/1/0/0 chunk ["), ("t:6:2,y:10,x:20", "c/1/0/0", "c/1/0/0, t 2-3")]
    {
        for codec in ["none", "zstd:1"] {
            let bench = Bench::new();
            bench.file("a.npy", npy("<u2", false, &[6, 10, 20], &frames(6, 10, 20)));
            bench.line(&format!("write a.npy -o a -d {dimensions} -c {codec}+crc32c")).expect(0);
            let report = bench.line("check a.ome.zarr --pixels --json").expect(0).json();
            assert_eq!((&report["valid"], &report["not_checked"]), (&json!(true), &json!([])));
            let told = bench.line("info a.ome.zarr").expect(0).out;
            assert!(told.contains("crc32c"), "{told}");
            let path = bench.path("a.ome.zarr/0").join(file);
            let mut bytes = fs::read(&path).expect("there");
            bytes[20] ^= 1;
            fs::write(&path, &bytes).expect("written");
            // Sizes and documents are right.
            bench.line("check a.ome.zarr").expect(0);
            let report = bench.line("check a.ome.zarr --pixels --json").expect(2).json();
            assert_eq!(rules(&report), ["chunk/decodes"]);
            let found = report["findings"].as_array().expect("a list").iter().find(|each| each["severity"] == "error");
            let found = found.expect("an error");
            assert!(found["where"].as_str().expect("a text").starts_with(place), "{found}");
            assert!(found.to_string().contains("checksum"), "{found}");
        }
    }
}

#[test]
fn a_chunk_that_lacks_its_checksum_has_the_wrong_size() {
    let bench = Bench::new();
    bench.file("a.npy", npy("<u2", false, &[6, 10, 20], &frames(6, 10, 20)));
    bench.line("write a.npy -o a -d t:6:2,y:10,x:20 -c none+crc32c").expect(0);
    let path = bench.path("a.ome.zarr/0/c/1/0/0");
    let bytes = fs::read(&path).expect("there");
    assert_eq!(bytes.len(), 2 * 10 * 20 * 2 + 4);
    fs::write(&path, &bytes[..800]).expect("cut");
    let report = bench.line("check a.ome.zarr --json").expect(2).json();
    assert_eq!(rules(&report), ["chunk/size"]);
}

#[test]
fn what_cannot_be_checked_is_told_apart() {
    let bench = Bench::new();
    bench.file("folder/a", "");
    bench.file("old/.zgroup", r#"{"zarr_format": 2}"#);
    bench.file("old/.zattrs", r#"{"multiscales": [{"version": "0.2", "datasets": [{"path": "0"}]}]}"#);
    bench.file("cut/zarr.json", r#"{"zarr_format": 3, "node_type": "gro"#);
    bench.file("marked/zarr.json", "\u{feff}{}");
    for (store, part) in [
        ("missing", "No such file"),
        ("folder", "not a Zarr store"),
        ("old", "0.1, 0.2 or 0.3"),
        ("cut", "cut short"),
        ("marked", "byte order mark"),
    ] {
        let ran = bench.line(&format!("check {store} --json")).expect(3).says(&[store, part]);
        assert_eq!(ran.out, "");
    }
    bench.line("check").expect(2);
}

#[cfg(unix)]
#[test]
fn a_link_in_the_place_of_the_root_document_is_refused() {
    let bench = Bench::new();
    ours(&bench);
    fs::rename(bench.path("a.ome.zarr/zarr.json"), bench.path("elsewhere")).expect("renamed");
    std::os::unix::fs::symlink(bench.path("elsewhere"), bench.path("a.ome.zarr/zarr.json")).expect("linked");
    bench.line("check a.ome.zarr").expect(3).says(&["link"]);
}

#[test]
fn a_store_with_pythons_words_is_valid_with_a_warning() {
    let bench = Bench::new();
    ours(&bench);
    let document = bench.path("a.ome.zarr/zarr.json");
    let text = fs::read_to_string(&document).expect("there");
    fs::write(&document, text.replacen("\"attributes\": {", "\"attributes\": {\"mean\": NaN,", 1)).expect("written");
    let report = bench.line("check a.ome.zarr --json").expect(0).json();
    assert_eq!(rules(&report), ["document/json"]);
}

#[test]
fn names_cannot_write_to_the_terminal() {
    let bench = Bench::new();
    let ome = json!({"version": "\u{1b}[2J", "multiscales": multiscale("\u{1b}[1m", &json!([{"path": "\u{1b}[2J"}]))});
    bench.file("a.zarr/zarr.json", group(&json!({ "ome": ome })));
    for json in ["", " --json"] {
        let ran = bench.line(&format!("check a.zarr{json}")).expect(2);
        assert!(!ran.out.contains('\u{1b}') && ran.out.contains("version/known"), "{:?}", ran.out);
    }
}

#[test]
fn codecs_that_are_not_known_are_told_and_not_guessed() {
    let bench = Bench::new();
    let datasets = json!([{"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [1, 1, 1]}]}]);
    let ome = json!({"version": "0.5", "multiscales": multiscale("image", &datasets)});
    let mut metadata = array(&[2, 4, 4], &[1, 4, 4], None, &json!({"name": "mystery"}));
    metadata["dimension_names"] = json!(["t", "y", "x"]);
    bench.file("a.zarr/zarr.json", group(&json!({ "ome": ome })));
    bench.file("a.zarr/0/zarr.json", metadata.to_string());
    bench.file("a.zarr/0/c/0/0/0", [1; 9]);
    let ran = bench.line("check a.zarr --pixels").expect(0);
    assert!(ran.out.contains("not checked: 0: its chunks were not decoded"), "{}", ran.out);
}

#[test]
fn attributes_alone_are_judged_by_themselves() {
    let bench = Bench::new();
    let datasets = json!([{"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [1, 1, 1]}]}]);
    let ome = json!({"version": "0.5", "multiscales": multiscale("image", &datasets)});
    bench.file("a.zarr/zarr.json", group(&json!({ "ome": ome })));
    bench.line("check a.zarr").expect(2);
    bench.line("check a.zarr --attributes").expect(0);
}

#[test]
fn hostile_sizes_are_survived() {
    let bench = Bench::new();
    let datasets = json!([{"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [1, 1, 1]}]}]);
    let ome = json!({"version": "0.5", "multiscales": multiscale("image", &datasets)});
    bench.file("a.zarr/zarr.json", group(&json!({ "ome": ome })));
    let max = u64::MAX;
    for (shape, chunk, shard) in [
        ([max; 3], [1, 4, 4], None),
        ([max; 3], [max; 3], None),
        ([2, 4, 4], [1, 1, 1], Some([max; 3])),
        ([0, 0, 0], [1, 4, 4], Some([1, 4, 4])),
    ] {
        let shard = shard.as_ref().map(|shard: &[u64; 3]| &shard[..]);
        bench.file("a.zarr/0/zarr.json", array(&shape, &chunk, shard, &json!("crc32c")).to_string());
        bench.file(&format!("a.zarr/0/c/{max}/0/0"), [0; 64]);
        let ran = bench.line("check a.zarr --pixels --json");
        assert!(matches!(ran.code, Some(0 | 2)) && !ran.err.contains("panicked"), "{:?} {}", ran.code, ran.err);
        ran.json();
    }
}

#[test]
fn a_store_is_converted_as_a_whole() {
    let bench = Bench::new();
    bench.file("a.raw", vec![7; 4 * 8 * 8]);
    bench.line("write a.raw -o a -d t:4,y:8,x:8 --dtype uint8").expect(0);
    bench.line("convert a.ome.zarr --to 0.6 -o b.ome.zarr").expect(0);
    bench.line("check b.ome.zarr --pixels").expect(0).says(&[]);
    assert!(bench.line("check b.ome.zarr").expect(0).out.contains("OME-NGFF 0.6"));
    bench.line("convert a.ome.zarr --to 0.6 -o a.ome.zarr/b").expect(1).says(&["output", "inside of the store"]);
    bench.line("convert . --to 0.6 --in-place").expect(1).says(&["folder above"]);
    bench.line("convert a.ome.zarr --to 0.3 --in-place").expect(2).says(&["use 0.4, 0.5 or 0.6"]);
    bench.line("convert nothing --to 0.6 --in-place").expect(1);
    let told = bench.line("convert a.ome.zarr --to 0.4 -o c.ome.zarr --json").expect(0).json();
    assert_eq!((&told["version"], &told["chunk_files"]), (&json!("0.4"), &json!(4)), "{told}");
    bench.line("check c.ome.zarr --pixels").expect(0);
    assert!(bench.line("convert c.ome.zarr --to 0.6 --in-place").expect(0).out.contains("4 chunk file(s)"));
    assert!(bench.line("check c.ome.zarr --pixels").expect(0).out.contains("OME-NGFF 0.6"));
    bench.line("convert a.ome.zarr --to 0.6 --in-place").expect(0);
    assert!(bench.line("check a.ome.zarr").expect(0).out.contains("OME-NGFF 0.6"));
}
