//! The program as a person uses it, on workloads that take no time. Nothing here depends on how fast anything is.

#![expect(clippy::unwrap_used, reason = "helpers of tests: what cannot be had here is a failure")]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

const TINY: [&str; 6] = ["-d", "t:2,y:64:32,x:64:32", "-n", "2", "-w", "0"];

/// Python with the peers' engines, where the test set-up has made it.
const PYTHON: &str = "OME_STREAM_PYTHON";
/// Set by the test set-up: then a missing Python is a failure, not a reason to pass over a test.
const REQUIRE: &str = "OME_STREAM_REQUIRE_PYTHON";

fn bench(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ome-bench"))
        .args(arguments)
        .arg("-r")
        .arg(folder)
        .env_remove(PYTHON)
        .output()
        .unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Seconds of a run from the call that makes the store, and the sum of its two parts.
fn whole_and_parts(run: &Value) -> (f64, f64) {
    let seconds = |field: &str| run[field].as_f64().unwrap();
    (seconds("create_write_s"), seconds("create_s") + seconds("write_s"))
}

/// Rows of the table by engine.
fn rows(text: &str) -> Vec<String> {
    let name = |line: &str| line.split('|').nth(1).map(|cell| cell.trim().to_owned());
    text.lines().filter(|line| line.starts_with("| ") && !line.contains("engine")).filter_map(name).collect()
}

#[test]
fn the_native_engine_is_measured_beside_the_limit() {
    let folder = tempfile::tempdir().unwrap();
    let output = bench(folder.path(), &[&TINY[..], &["-b", "zarrs"]].concat());
    let text = stdout(&output);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(rows(&text), ["zarrs", "raw"], "{text}");
    for word in
        ["create + write ms", "t,y,x = 2 x 64 x 64 uint16", "1 x 32 x 32 (2 KiB)", "8 KiB", "finish", "Conditions"]
    {
        assert!(text.contains(word), "{word} is missing in {text}");
    }
    assert!(stderr(&output).contains("zarrs: "), "progress as plain lines: {}", stderr(&output));
    assert_eq!(folder.path().read_dir().unwrap().count(), 0, "folders stayed behind");
}

#[test]
fn an_engine_with_other_settings_takes_its_turn() {
    let folder = tempfile::tempdir().unwrap();
    let arguments =
        ["-b", "zarrs", "--no-raw", "--variant", "durability=none", "--variant", "durability=shard,threads=1"];
    let output = bench(folder.path(), &[&TINY[..], &arguments].concat());
    let text = stdout(&output);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(rows(&text), ["zarrs", "zarrs durability=none", "zarrs durability=shard,threads=1"], "{text}");
    let output = bench(folder.path(), &[&TINY[..], &["-b", "zarrs", "--variant", "depth=3"]].concat());
    assert!(stdout(&output).contains("depth") || stderr(&output).contains("depth"), "told by name");
}

#[test]
fn with_a_codec_the_limit_is_the_codec_alone() {
    let folder = tempfile::tempdir().unwrap();
    for dims in ["t:2,y:64:32,x:64:32", "t:4:1:2,y:64:32:2,x:64:32:2"] {
        for codec in ["blosc-lz4", "blosc-zstd", "zstd:1", "gzip:1"] {
            let arguments = ["-d", dims, "-n", "1", "-b", "zarrs", "-c", codec, "--frames", "camera", "--json", "-"];
            let output = bench(folder.path(), &arguments);
            let results: Value =
                serde_json::from_str(&stdout(&output)).unwrap_or_else(|_| panic!("{}", stderr(&output)));
            let engines = results["engines"].as_array().unwrap();
            let names: Vec<&str> = engines.iter().filter_map(|engine| engine["name"].as_str()).collect();
            assert_eq!(names, ["zarrs", "codec"], "{codec}: {}", stderr(&output));
            let ratio = engines[1]["compression_ratio"].as_f64().unwrap();
            assert!((1.2..5.0).contains(&ratio), "{dims} {codec}: {ratio}");
        }
    }
}

#[test]
fn camera_frames_compress_as_in_a_lab_with_zstd() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["-d", "t:2,y:512", "-n", "1", "-w", "0", "-b", "codec", "-c", "zstd:3", "--json", "-", "--frames"];
    let ratio = |pixels: &str| {
        let output = bench(folder.path(), &[&arguments[..], &[pixels]].concat());
        let results: Value = serde_json::from_str(&stdout(&output)).unwrap_or_else(|_| panic!("{}", stderr(&output)));
        results["engines"][0]["compression_ratio"].as_f64().unwrap()
    };
    let (camera, random) = (ratio("camera"), ratio("random"));
    assert!((1.5..2.8).contains(&camera), "{camera}");
    assert!((0.99..1.01).contains(&random), "{random}");
}

#[test]
fn an_engine_that_cannot_be_had_is_one_line_and_the_others_run() {
    let folder = tempfile::tempdir().unwrap();
    let output = bench(folder.path(), &[&TINY[..], &["-b", "zarrs", "-b", "abacus", "--no-raw"]].concat());
    let text = stdout(&output);
    assert!(output.status.success());
    assert_eq!(rows(&text), ["zarrs"]);
    let lines: Vec<&str> = text.lines().filter(|line| line.contains("abacus")).collect();
    assert_eq!(lines.len(), 1, "{text}");
    assert!(lines[0].starts_with("not measured: abacus: ") && lines[0].contains("zarrs"), "{}", lines[0]);
}

#[test]
fn the_exit_code_is_1_where_nothing_that_was_asked_for_ran() {
    let folder = tempfile::tempdir().unwrap();
    for engines in [&["-b", "abacus"][..], &["-b", "raw", "-c", "zstd", "--no-raw"]] {
        let output = bench(folder.path(), &[&TINY[..], engines].concat());
        assert_eq!(output.status.code(), Some(1), "{engines:?}: {}", stdout(&output));
        assert!(stdout(&output).contains("not measured: "), "{}", stdout(&output));
        assert!(rows(&stdout(&output)).is_empty());
    }
}

#[test]
fn the_limit_alone_can_be_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let output = bench(folder.path(), &[&TINY[..], &["-b", "raw"]].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(rows(&stdout(&output)), ["raw"]);
    assert!(stdout(&output).contains("plain writes: "));
}

#[test]
fn an_engine_that_refuses_the_settings_is_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["-d", "t:4:4,y:512", "-n", "1", "-b", "zarrs", "--no-raw", "--memory-limit", "1MiB"];
    let output = bench(folder.path(), &arguments);
    assert_eq!(output.status.code(), Some(1));
    let text = stdout(&output);
    assert!(text.contains("not measured: zarrs: memory_limit = 1048576"), "{text}");
}

#[test]
fn json_stands_alone_on_standard_output() {
    let folder = tempfile::tempdir().unwrap();
    let output = bench(folder.path(), &[&TINY[..], &["-b", "zarrs", "--json", "-"]].concat());
    let results: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let zarrs = &results["engines"][0];
    assert_eq!(zarrs["name"], "zarrs");
    assert_eq!(zarrs["runs"].as_array().map(Vec::len), Some(2));
    assert_eq!(zarrs["append"]["count"], 4);
    assert_eq!(zarrs["dropped"], 0);
    assert!(zarrs["runs"][0]["write_s"].as_f64().unwrap() > 0.0);
    for run in zarrs["runs"].as_array().unwrap() {
        let (whole, parts) = whole_and_parts(run);
        assert!(whole >= parts, "{run}");
    }
    let raw = &results["engines"][1];
    assert_eq!((&raw["name"], &raw["create_write_s"]), (&"raw".into(), &raw["write_s"]));
    // Payload and the metadata of array and group: nothing is written twice.
    assert!((16_384..40_000).contains(&zarrs["runs"][0]["stored_bytes"].as_u64().unwrap()));
    assert!(stderr(&output).contains("| engine"));
}

#[test]
fn settings_that_cannot_be_used_end_with_the_field_and_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    for (dims, words) in [("t:0,y:64", "count"), ("q:2,y:64", "x, y, z, c, t or p"), ("t:inf,y:64", "--sustained")] {
        let output = bench(folder.path(), &["-d", dims]);
        assert_eq!(output.status.code(), Some(1), "{dims}");
        assert!(stderr(&output).contains(words), "{dims}: {}", stderr(&output));
    }
    let output = bench(folder.path(), &["-d", "t:2,y:64", "-c", "lzw"]);
    assert_eq!(output.status.code(), Some(2), "a mistake on the command line");
}

#[test]
fn a_workload_larger_than_the_disk_is_refused_before_it_starts() {
    let folder = tempfile::tempdir().unwrap();
    let output = bench(folder.path(), &["-d", "t:1000000000,y:2048", "-b", "zarrs"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("one run needs") && stderr(&output).contains("--root"), "{}", stderr(&output));
}

#[test]
fn a_long_run_is_followed_over_time_and_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let plot = folder.path().join("plot.svg");
    let plot_name = plot.display().to_string();
    let arguments = ["-d", "t:inf:1:4,y:256", "--sustained", "4MiB", "--rate", "200", "--plot", &plot_name];
    let output =
        bench(folder.path(), &[&arguments[..], &["-b", "zarrs", "--no-raw", "--camera-buffer", "1000"]].concat());
    let text = stdout(&output);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(text.contains("32 of 128 KiB, 4 MiB in all"), "{text}");
    assert!(text.contains("200 frames per second") && text.contains("zarrs over time"), "{text}");
    assert!(text.contains("| until s |"), "{text}");
    let svg = std::fs::read_to_string(plot).unwrap();
    assert!(svg.starts_with("<svg") && svg.contains("zarrs p50"), "{}", &svg[..200]);
}

#[test]
fn frames_that_the_camera_could_not_keep_are_counted_as_dropped() {
    let folder = tempfile::tempdir().unwrap();
    // A million frames a second is more than anything takes, and the camera can keep one at a time: while one is
    // copied, the others are lost (all of them, where the first one already came too late).
    let arguments = ["-d", "t:inf,y:1024", "--sustained", "128MiB", "--rate", "1000000", "--camera-buffer", "1"];
    let output = bench(folder.path(), &[&arguments[..], &["-b", "zarrs", "--no-raw", "--json", "-"]].concat());
    let results: Value = serde_json::from_str(&stdout(&output)).unwrap_or_else(|_| panic!("{}", stderr(&output)));
    let zarrs = &results["engines"][0];
    let (dropped, taken) = (zarrs["dropped"].as_u64().unwrap(), zarrs["append"]["count"].as_u64().unwrap_or(0));
    assert!(dropped > 0 && dropped + taken == 64, "{dropped} dropped, {taken} taken");
    let over_time: u64 =
        zarrs["runs"][0]["timeline"].as_array().unwrap().iter().filter_map(|moment| moment["dropped"].as_u64()).sum();
    assert_eq!(over_time, dropped);
    assert!(stderr(&output).contains("does not keep up with the camera"), "{}", stderr(&output));
}

#[test]
fn levels_are_measured_beside_the_same_engine_without_them() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = [&TINY[..], &["-b", "zarrs", "--json", "-", "--pyramid", "max:3"]].concat();
    let output = bench(folder.path(), &arguments);
    assert_eq!(rows(&stderr(&output)), ["zarrs", "zarrs + pyramid", "raw"], "{}", stderr(&output));
    let results: Value = serde_json::from_str(&stdout(&output)).unwrap();
    // Two frames of 64 x 64, 32 x 32 and 16 x 16 pixels.
    let bytes = 2 * (64 * 64 + 32 * 32 + 16 * 16) * 2;
    assert_eq!(results["configuration"]["pyramid"]["bytes"], bytes);
    let [plain, levels, _] = results["engines"].as_array().unwrap().as_slice() else { panic!("{results}") };
    assert!(plain.get("without_levels").is_none() && levels["without_levels"] == "zarrs");
    assert_eq!((&levels["level_bytes"], &levels["runs"][1]["level_bytes"]), (&bytes.into(), &bytes.into()));
    assert!(levels["ratio_to_without_levels"].as_f64().is_some_and(|ratio| ratio > 0.0));
    let refused = bench(folder.path(), &[&TINY[..], &["-b", "zarrs", "--pyramid", "max:30"]].concat());
    assert!(!refused.status.success() && stderr(&refused).contains("pyramid.levels"), "{}", stderr(&refused));
}

#[test]
fn peers_without_a_python_are_one_line_with_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let python = folder.path().join("absent").display().to_string();
    let output =
        bench(folder.path(), &[&TINY[..], &["-b", "zarrs", "--no-raw", "--peers", "--python", &python]].concat());
    let text = stdout(&output);
    assert!(output.status.success());
    assert_eq!(rows(&text), ["zarrs"]);
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("not measured: ")).collect();
    assert_eq!(lines.len(), 1, "{text}");
    assert!(lines[0].contains("peers") && lines[0].contains("--python"), "{}", lines[0]);
}

#[test]
fn the_engines_that_labs_use_are_measured_in_the_same_table() {
    let Some(python) = std::env::var(PYTHON).ok().filter(|python| !python.is_empty()) else {
        assert!(std::env::var_os(REQUIRE).is_none_or(|value| value != "1"), "{PYTHON} is not set");
        eprintln!("passed over: {PYTHON} is not set");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("runs.json");
    let json_name = json.display().to_string();
    let levels = ["--pyramid", "mean:2"];
    let arguments = ["-b", "zarrs", "--no-raw", "--peers", "--python", &python, "--json", &json_name];
    let output = bench(folder.path(), &[&TINY[..], &arguments, &levels].concat());
    let text = stdout(&output);
    let found = rows(&text);
    let own_pyramid = "python/acquire-zarr + its own pyramid";
    for engine in ["zarrs", "ome-writers/tensorstore", "ome-writers/acquire-zarr", "python/acquire-zarr", own_pyramid] {
        assert!(found.contains(&engine.to_owned()), "{engine} is missing in {text}");
    }
    assert!(!text.contains("not measured: "), "{text}");
    let results: Value = serde_json::from_slice(&std::fs::read(json).unwrap()).unwrap();
    for engine in results["engines"].as_array().unwrap() {
        // Two frames of 64 x 64 and of 32 x 32 pixels, whoever made them smaller.
        let has_levels = engine["name"].as_str().is_some_and(|name| name.ends_with("pyramid"));
        let bytes = if has_levels { 2 * (64 * 64 + 32 * 32) * 2 } else { 0 };
        assert_eq!(engine["level_bytes"].as_u64().unwrap_or(0), bytes, "{}", engine["name"]);
        for run in engine["runs"].as_array().unwrap() {
            let (whole, parts) = whole_and_parts(run);
            let create = run["create_s"].as_f64().unwrap();
            assert!(create > 0.0 && whole >= parts - 1e-9, "{}: {run}", engine["name"]);
        }
    }
}
