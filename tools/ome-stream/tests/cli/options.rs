//! Options, settings files and what is printed.

use std::io::Read;
use std::process::Stdio;

use serde_json::json;

use crate::bench::{Bench, command, frames, npy};

#[test]
fn a_settings_file_alone_is_enough_for_raw_frames() {
    let bench = Bench::new();
    bench.file("a.raw", frames(6, 10, 20));
    let settings = json!({
        "root_path": "run", "dtype": "uint16", "compression": "zstd",
        "dimensions": [
            {"name": "t", "count": 3},
            {"name": "c", "coords": [{"name": "DAPI", "color": "blue"}, {"name": "GFP"}]},
            {"name": "y", "count": 10, "scale": 0.108, "unit": "um"},
            {"name": "x", "count": 20, "scale": 0.108, "unit": "um"},
        ],
    });
    bench.file("settings.json", settings.to_string());
    bench.line("write a.raw -f settings.json").expect(0);
    assert_eq!(bench.pixels("run.ome.zarr/0"), (vec![3, 2, 10, 20], frames(6, 10, 20)));
    let info = bench.line("info run.ome.zarr --json").expect(0).json();
    let image = &info["images"][0];
    assert_eq!(image["channels"][0], json!({"label": "DAPI", "color": "0000FF"}));
    assert_eq!(image["levels"][0]["scale"], json!([1.0, 1.0, 0.108, 0.108]));
    assert_eq!(image["levels"][0]["array"]["codec"], "zstd level 3");
}

#[test]
fn options_win_over_the_settings_file() {
    let bench = Bench::new();
    bench.file("a.raw", frames(6, 10, 20));
    let settings = json!({
        "root_path": "run", "dtype": "uint8", "compression": "zstd", "storage_order": "ome",
        "dimensions": [{"name": "t", "count": 3}, {"name": "y", "count": 10}, {"name": "x", "count": 20}],
    });
    bench.file("settings.json", settings.to_string());
    let line = "write a.raw -f settings.json -o other -d z:2,t:3,y:10:5,x:20 --dtype uint16 -c gzip:2 \
                --storage-order acquisition --memory-limit 64M --durability none -b zarrs --json";
    let report = bench.line(line).expect(0).json();
    assert_eq!(report["path"], "other.ome.zarr");
    assert_eq!(report["backend"], "zarrs");
    assert_eq!(report["axes"], json!(["z", "t", "y", "x"]));
    let info = bench.line("info other.ome.zarr --json").expect(0).json();
    let array = &info["images"][0]["levels"][0]["array"];
    assert_eq!((&array["codec"], &array["dtype"]), (&json!("gzip level 2"), &json!("uint16")));
    assert_eq!(bench.pixels("other.ome.zarr/0"), (vec![2, 3, 10, 20], frames(6, 10, 20)));
}

#[test]
fn everything_durable_at_once_in_the_current_folder() {
    let bench = Bench::new();
    bench.file("a.raw", frames(6, 10, 20));
    bench.line("write a.raw -o out -d t:6:1:3,y:10:5:2,x:20:20:1 --dtype uint16 --durability shard").expect(0);
    assert_eq!(bench.pixels("out.ome.zarr/0"), (vec![6, 10, 20], frames(6, 10, 20)));
}

#[test]
fn a_chunk_that_was_clamped_is_noted_by_write_and_by_info() {
    let bench = Bench::new();
    bench.file("a.raw", frames(2, 10, 20));
    let note = "dimensions[2].chunk_size 4096 clamped to the 20 of x";
    let ran = bench.line("write a.raw -o out -d t:2,y:10,x:20:4096 --dtype uint16").expect(0);
    assert!(ran.err.contains(note), "{}", ran.err);
    let info = bench.line("info out.ome.zarr").expect(0);
    assert!(info.out.contains(note), "{}", info.out);
    let quiet = bench.line("write a.raw -o out -d t:2,y:10,x:20:4096 --dtype uint16 -q --overwrite").expect(0);
    assert_eq!(quiet.err, "");
}

#[test]
fn the_result_is_on_standard_output_and_nothing_else() {
    let bench = Bench::new();
    bench.file("a.npy", npy("<u2", false, &[6, 10, 20], &frames(6, 10, 20)));
    let ran = bench.line("write a.npy -o out").expect(0);
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(lines[0], "out.ome.zarr");
    assert!(lines[1].starts_with("6 frames, 2.4 kB in "), "{}", lines[1]);
    assert!(lines[2].starts_with("t 6, y 10, x 20, uint16; "), "{}", lines[2]);
    assert_eq!((lines.len(), ran.err.as_str()), (3, ""));
    let report = bench.line("write a.npy -o out --overwrite --json").expect(0).json();
    let fixed = ["complete", "error", "frames", "expected", "dropped", "shapes", "dtype", "bytes_in"];
    let found: Vec<_> = fixed.iter().map(|name| report[name].clone()).collect();
    assert_eq!(json!(found), json!([true, null, 6, 6, 0, [[6, 10, 20]], "uint16", 2400]));
    assert!(report["bytes_written"].as_u64().is_some_and(|bytes| bytes >= 2400), "{report}");
}

/// The largest of each window of 2 x 2, of frames of uint16 pixels of `rows` x `columns`.
fn largest_of_four(pixels: &[u8], rows: usize, columns: usize) -> Vec<u8> {
    let pixels: Vec<u16> = pixels.chunks_exact(2).map(|each| u16::from_le_bytes([each[0], each[1]])).collect();
    let windows = |frame: &[u16]| -> Vec<u16> {
        let at = |row: usize, column: usize| frame[row * columns + column];
        let places = (0..rows / 2).flat_map(|row| (0..columns / 2).map(move |column| (row * 2, column * 2)));
        let of = |(row, column)| [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(down, right)| at(row + down, column + right));
        places.filter_map(|place| of(place).into_iter().max()).collect()
    };
    pixels.chunks_exact(rows * columns).flat_map(windows).flat_map(u16::to_le_bytes).collect()
}

#[test]
fn levels_are_asked_for_in_one_word() {
    let bench = Bench::new();
    bench.file("a.npy", npy("<u2", false, &[3, 64, 80], &frames(3, 64, 80)));
    let ran = bench.line("write a.npy -o out --pyramid max:3").expect(0);
    assert!(ran.out.contains("t 3, y 64, x 80, uint16, 3 levels; "), "{}", ran.out);
    let below = largest_of_four(&frames(3, 64, 80), 64, 80);
    assert_eq!(bench.pixels("out.ome.zarr/1"), (vec![3, 32, 40], below.clone()));
    assert_eq!(bench.pixels("out.ome.zarr/2"), (vec![3, 16, 20], largest_of_four(&below, 32, 40)));
    let info = bench.line("info out.ome.zarr").expect(0).out;
    for line in ["level     1: 3 x 32 x 40, a pixel of 1 x 2 x 2", "level     2: 3 x 16 x 20, a pixel of 1 x 4 x 4"] {
        assert!(info.contains(line), "{info}");
    }
    assert!(info.contains("levels    by max"), "{info}");
    bench.line("check out.ome.zarr --pixels").expect(0);
}

#[test]
fn levels_win_over_the_settings_file_and_keep_the_rest_of_it() {
    let bench = Bench::new();
    bench.file("a.raw", frames(2, 64, 80));
    let settings = json!({
        "root_path": "run", "dtype": "uint16", "pyramid": {"smallest": 2, "factors": {"x": 1}},
        "dimensions": [{"name": "t", "count": 2}, {"name": "y", "count": 64}, {"name": "x", "count": 80}],
    });
    bench.file("settings.json", settings.to_string());
    let report = bench.line("write a.raw -f settings.json --json --pyramid min:2").expect(0).json();
    assert_eq!(report["levels"], 2);
    let image = bench.line("info run.ome.zarr --json").expect(0).json()["images"][0].clone();
    assert_eq!((&image["downscaled_by"], &image["levels"][1]["array"]["shape"]), (&json!("min"), &json!([2, 32, 80])));
    // Without a method it is the mean; without a number what the file says.
    let report = bench.line("write a.raw -f settings.json --overwrite --json --pyramid").expect(0).json();
    assert_eq!(report["levels"], 7);
}

#[test]
fn levels_that_cannot_be_made_are_told_with_what_would_work() {
    let bench = Bench::new();
    bench.file("a.npy", npy("<u2", false, &[3, 64, 80], &frames(3, 64, 80)));
    bench.line("write --pyramid a.npy -o out").expect(2);
    bench.line("write -o out --pyramid gauss a.npy").expect(1).says(&["pyramid.method", "gauss", "use mean, min"]);
    bench.line("write a.npy -o out --pyramid mean:0").expect(1).says(&["pyramid.levels", "use 1 to 16"]);
    bench.line("write a.npy -o out --pyramid mean:16").expect(1).says(&["pyramid.levels", "16", "at most 8"]);
    assert_eq!(bench.names(), ["a.npy"], "nothing is written");
}

#[test]
fn help_tells_examples_and_exit_codes() {
    let bench = Bench::new();
    let help = bench.line("write --help").expect(0).out;
    for part in ["Examples:", "ome-stream write stack.tif", "Exit codes:", "t:inf", "--pyramid mean", "130"] {
        assert!(help.contains(part), "{part}");
    }
    assert!(bench.line("info --help").expect(0).out.contains("Exit codes:"));
    assert!(bench.line("--version").expect(0).out.starts_with("ome-stream "));
}

#[test]
fn the_examples_in_the_help_can_be_typed() {
    let bench = Bench::new();
    let help = bench.line("write --help").expect(0).out;
    let examples = help.split_once("Examples:").expect("examples").1;
    let examples: Vec<&str> =
        examples.lines().filter_map(|line| line.trim().split("ome-stream write ").nth(1)).collect();
    assert_eq!(examples.len(), 5);
    for example in examples {
        // Nothing is there to read, which is what the command must say: 2 would be its grammar.
        bench.run_with(std::iter::once("write").chain(example.split(' ')), b"").expect(1);
    }
}

#[test]
fn engines_are_listed() {
    let bench = Bench::new();
    assert!(bench.line("info --backends").expect(0).out.lines().any(|line| line.starts_with("zarrs ")));
    let listed = bench.line("info --backends --json").expect(0).json();
    let zarrs = listed.as_array().and_then(|list| list.iter().find(|engine| engine["name"] == "zarrs"));
    assert_eq!(zarrs.map(|engine| &engine["capabilities"]["unit"]), Some(&json!("chunk")));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let bench = Bench::new();
    bench.file("a.npy", npy("<u2", false, &[6, 10, 20], &frames(6, 10, 20)));
    bench.line("write a.npy -o out").expect(0);
    let mut child = command(&bench.path(""))
        .args(["info", "out.ome.zarr", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("started");
    drop(child.stdout.take());
    let mut said = String::new();
    child.stderr.take().expect("piped").read_to_string(&mut said).expect("read");
    assert_eq!((child.wait().expect("ended").code(), said.as_str()), (Some(0), ""));
}
