//! What `info` prints, byte for byte. To accept a change: UPDATE_GOLDEN=1 cargo test -p ome-stream-cli golden

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::bench::Bench;

/// Compares `text` with the file of that name.
#[track_caller]
fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, text).expect("written");
    }
    let expected = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(text, expected, "{name} differs; got:\n{text}");
}

pub fn group(attributes: &Value) -> String {
    json!({"zarr_format": 3, "node_type": "group", "attributes": attributes}).to_string()
}

/// Metadata of a uint16 array; with `shard` the chunks lie in shards.
pub fn array(shape: &[u64], chunk: &[u64], shard: Option<&[u64]>, compressor: &Value) -> Value {
    let inner = json!([{"name": "bytes", "configuration": {"endian": "little"}}, compressor]);
    let codecs = match shard {
        Some(_) => json!([{"name": "sharding_indexed", "configuration": {"chunk_shape": chunk, "codecs": inner,
            "index_codecs": ["bytes", "crc32c"], "index_location": "end"}}]),
        None => inner,
    };
    json!({
        "zarr_format": 3, "node_type": "array", "shape": shape, "data_type": "uint16", "fill_value": 0,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": shard.unwrap_or(chunk)}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "codecs": codecs,
    })
}

pub fn multiscale(name: &str, datasets: &Value) -> Value {
    json!([{"name": name, "datasets": datasets, "axes": [
        {"name": "t", "type": "time", "unit": "second"},
        {"name": "y", "type": "space", "unit": "micrometer"},
        {"name": "x", "type": "space", "unit": "micrometer"},
    ]}])
}

/// Two positions that are alike, in shards, with stage coordinates, channels and frame metadata; and one that is not.
fn series(bench: &Bench) {
    let blosc = json!({"name": "blosc", "configuration": {"cname": "zstd", "clevel": 3, "shuffle": "shuffle"}});
    let root = json!({"ome": {"version": "0.5", "bioformats2raw.layout": 3}, "ome_stream": {"version": "0.1.0"},
        "ome_stream_write": {"notes": ["dimensions[1].chunk_size 64 clamped to the 48 of y"]}});
    bench.file("small.zarr/zarr.json", group(&root));
    bench.file("small.zarr/OME/zarr.json", group(&json!({"ome": {"version": "0.5", "series": ["B", "A", "C"]}})));
    for (position, x, shards) in [("B", 0.0, 4), ("A", 1234.5, 3)] {
        let datasets = json!([{"path": "0", "coordinateTransformations": [
            {"type": "scale", "scale": [0.1, 0.5, 0.5]}, {"type": "translation", "translation": [0.0, -7.25, x]}]}]);
        let omero = json!({"channels": [{"label": "DAPI", "color": "0000FF"}, {"label": "bright field"}]});
        let name = format!("Pos {position}");
        let ome = json!({"version": "0.5", "multiscales": multiscale(&name, &datasets), "omero": omero});
        bench.file(&format!("small.zarr/{position}/zarr.json"), group(&json!({ "ome": ome })));
        let metadata = array(&[8, 48, 32], &[1, 24, 32], Some(&[4, 24, 32]), &blosc);
        bench.file(&format!("small.zarr/{position}/0/zarr.json"), metadata.to_string());
        for shard in 0..shards {
            bench.file(&format!("small.zarr/{position}/0/c/{}/{}/0", shard / 2, shard % 2), vec![0; 4096]);
        }
    }
    bench.file("small.zarr/A/0/c/1/1/0.part", vec![0; 100]);
    let line = |frame: u64| format!("{{\"delta_t\": 0.1, \"storage_index\": [{frame}], \"frame\": {frame}}}\n");
    bench.file("small.zarr/B/frame_metadata.jsonl", (0..8).map(line).collect::<String>());
    let datasets = json!([
        {"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [1, 1, 1]}]},
        {"path": "1", "coordinateTransformations": [{"type": "scale", "scale": [1, 2, 2]}]},
    ]);
    let ome = json!({"version": "0.5", "multiscales": multiscale("C", &datasets)});
    bench.file("small.zarr/C/zarr.json", group(&json!({ "ome": ome })));
    for (level, extent) in [("0", 16), ("1", 8)] {
        let metadata = array(
            &[2, extent, extent],
            &[1, extent, extent],
            None,
            &json!({"name": "gzip", "configuration": {"level": 5}}),
        );
        bench.file(&format!("small.zarr/C/{level}/zarr.json"), metadata.to_string());
        for frame in 0..2 {
            bench.file(&format!("small.zarr/C/{level}/c/{frame}/0/0"), vec![0; 100]);
        }
    }
}

#[test]
fn a_series_as_a_person_sees_it() {
    let bench = Bench::new();
    series(&bench);
    let ran = bench.line("info small.zarr").expect(0);
    assert_eq!(ran.err, "");
    golden("series.txt", &ran.out);
}

#[test]
fn every_image_on_its_own() {
    let bench = Bench::new();
    series(&bench);
    golden("series_all.txt", &bench.line("info small.zarr --all").expect(0).out);
}

#[test]
fn a_series_as_a_program_sees_it() {
    let bench = Bench::new();
    series(&bench);
    golden("series.json", &bench.line("info small.zarr --json").expect(0).out);
}

#[test]
fn an_array_alone() {
    let bench = Bench::new();
    let mut metadata = array(&[4, 4], &[2, 4], None, &json!("crc32c"));
    metadata["dimension_names"] = json!(["y", null]);
    bench.file("array.zarr/zarr.json", metadata.to_string());
    bench.file("array.zarr/c/0/0", [0; 20]);
    golden("array.txt", &bench.line("info array.zarr").expect(0).out);
}

#[test]
fn a_plate_of_another_program() {
    let bench = Bench::new();
    bench.file("plate.zarr/zarr.json", group(&json!({"ome": {"version": "0.5", "plate": {"wells": []}}})));
    for row in ["A", "B"] {
        bench.file(&format!("plate.zarr/{row}/zarr.json"), group(&json!({})));
        for column in ["2", "10"] {
            let well = format!("plate.zarr/{row}/{column}");
            bench
                .file(&format!("{well}/zarr.json"), group(&json!({"ome": {"version": "0.5", "well": {"images": []}}})));
            let ome = json!({"ome": {"version": "0.5", "multiscales": multiscale("", &json!([{"path": "0"}]))}});
            bench.file(&format!("{well}/0/zarr.json"), group(&ome));
            let metadata = array(&[1, 4, 4], &[1, 4, 4], None, &json!("crc32c"));
            bench.file(&format!("{well}/0/0/zarr.json"), metadata.to_string());
        }
    }
    golden("plate.txt", &bench.line("info plate.zarr").expect(0).out);
}

#[test]
fn a_plate_and_how_its_run_ended() {
    let bench = Bench::new();
    let wells =
        json!([{"path": "B/2", "rowIndex": 1, "columnIndex": 1}, {"path": "A/1", "rowIndex": 0, "columnIndex": 0}]);
    let plate = json!({"name": "screen", "rows": [{"name": "A"}, {"name": "B"}], "columns": [{"name": "1"}, {"name": "2"}],
        "field_count": 2, "acquisitions": [{"id": 0, "name": "day 1"}, {"id": 5}], "wells": wells});
    let run = json!({"state": "aborted", "program": "Scope 2.1", "started": "2026-11-30T16:05:00Z",
        "ended": "2026-11-30T16:05:09Z", "seconds": {"total": 9.25, "writing": 1.5},
        "frames": {"declared": 3, "received": 2, "written": 2, "skipped": 0, "dropped": 0},
        "failure": "frame 2: write \u{1b}[1mA/1\n: no space", "wells_not_reached": ["A/1"]});
    let root = json!({"ome": {"version": "0.5", "plate": plate}, "ome_stream": {"version": "0.1.0", "run": run}});
    bench.file("plate.zarr/zarr.json", group(&root));
    for (well, fields) in [("A/1", &["0"][..]), ("B/2", &["1", "0"])] {
        bench.file(&format!("plate.zarr/{}/zarr.json", &well[..1]), group(&json!({})));
        let images: Vec<Value> = fields.iter().map(|path| json!({"path": path})).collect();
        let ome = json!({"ome": {"version": "0.5", "well": {"images": images}}});
        bench.file(&format!("plate.zarr/{well}/zarr.json"), group(&ome));
        for field in fields {
            let ome = json!({"ome": {"version": "0.5", "multiscales": multiscale("", &json!([{"path": "0"}]))}});
            bench.file(&format!("plate.zarr/{well}/{field}/zarr.json"), group(&ome));
            let metadata = array(&[1, 4, 4], &[1, 4, 4], None, &json!("crc32c"));
            bench.file(&format!("plate.zarr/{well}/{field}/0/zarr.json"), metadata.to_string());
        }
    }
    golden("plate_run.txt", &bench.line("info plate.zarr").expect(0).out);
    let told = bench.line("info plate.zarr --json").expect(0).json();
    assert_eq!(told["plate"]["acquisitions"], json!(["day 1", "5"]));
    assert_eq!(told["run"]["wells_not_reached"], json!(["A/1"]));
    // What a plate lists and has not is told.
    std::fs::remove_file(bench.path("plate.zarr/A/1/zarr.json")).expect("removed");
    bench.line("info plate.zarr").expect(1).says(&["well A/1: it is listed, but it is not there"]);
}

#[test]
fn frames_that_are_missing_are_told_by_cause_and_number() {
    let bench = Bench::new();
    series(&bench);
    let line = |first: u64, last: u64, why: &str| format!("{{\"frames\":[{first},{last}],\"why\":\"{why}\"}}\n");
    let many: String = (0..30).map(|nth| line(100 + 2 * nth, 100 + 2 * nth, "skipped")).collect();
    let text = format!("{{\"format\":1}}\n{}{}{many}", line(3, 4, "dropped"), line(9, 9, "lost"));
    bench.file("small.zarr/.ome-stream/run/missing.jsonl", text);
    let ran = bench.line("info small.zarr").expect(0);
    for part in [
        "missing   2 frames dropped: there was no room for them: 3-4\n",
        "missing   30 frames skipped by the host: 100, 102, 104, 106, 108, 110, 112, 114, ... (--json lists them)\n",
        "missing   1 frame lost in an interruption: 9\n",
    ] {
        assert!(ran.out.contains(part), "{part} in {}", ran.out);
    }
    let told = bench.line("info small.zarr --json").expect(0).json();
    assert_eq!(told["missing"]["skipped"], 30);
    assert_eq!(told["missing"]["stretches"].as_array().map(Vec::len), Some(32));
    assert_eq!(told["missing"]["stretches"][1]["frames"], json!([9, 9]));
    bench.file("small.zarr/.ome-stream/run/missing.jsonl", "{\"format\":7}\n");
    bench.line("info small.zarr").expect(1).says(&["missing.jsonl", "later version"]);
}

#[test]
fn an_image_of_format_2() {
    let bench = Bench::new();
    let datasets = json!([{"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [1, 0.5, 0.5]}]}]);
    let mut image = multiscale("old", &datasets);
    image[0]["version"] = "0.4".into();
    bench.file("old.zarr/.zgroup", json!({"zarr_format": 2}).to_string());
    bench.file("old.zarr/.zattrs", json!({ "multiscales": image }).to_string());
    let array = json!({"zarr_format": 2, "shape": [2, 4, 4], "chunks": [1, 4, 4], "dtype": "<u2", "fill_value": 0,
        "compressor": null, "order": "C", "filters": null, "dimension_separator": "/"});
    bench.file("old.zarr/0/.zarray", array.to_string());
    bench.file("old.zarr/0/0/0/0", [0; 32]);
    let ran = bench.line("info old.zarr").expect(0);
    golden("format_2.txt", &ran.out);
}
