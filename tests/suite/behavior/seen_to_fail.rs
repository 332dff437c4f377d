//! What other writers were seen to fail at, point by point, as tests that pass here.
//!
//! Numbers are those of the list in the project's facts about ome-writers 0.3.2. Of point 11, pyramids, S3 and NGFF 0.4
//! are built later; what concerns this version is at the end.

use std::fs;

use ome_stream::settings::{Channel, Codec, Compression, Coord, DataType, Position};
use ome_stream_tests::case::Case;
use ome_stream_tests::case::Step::{Append, Skip};
use ome_stream_tests::check::{self, Differences};
use ome_stream_tests::disk::{self, Gate};
use ome_stream_tests::run::{Ran, run};
use rustix::io::Errno;
use serde_json::Value;

use crate::acquisition::{Acquisition, native};

/// Streams a case and compares everything; the folder keeps the store.
fn passes(case: &Case) -> (tempfile::TempDir, Ran) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let ran = run(case, &*native(), folder.path()).unwrap_or_else(|error| panic!("{}: {error:?}", case.name));
    check::files(case, &ran, Differences::default()).unwrap_or_else(|wrong| panic!("{}: {wrong}", case.name));
    (folder, ran)
}

fn json(path: std::path::PathBuf) -> Value {
    let text = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).expect("JSON")
}

/// 1. append copies nothing: reusing the camera's buffer corrupts 49 of 50 frames.
#[test]
fn point_1_the_cameras_buffer_may_be_reused_at_once() {
    let run = Acquisition::new("t:50,y:64,x:64");
    let gate = Gate::default();
    let stream = run.start_on(gate.disk());
    let mut camera = vec![0; 64 * 64 * 2];
    for number in 0..50 {
        camera.copy_from_slice(&run.frame(number));
        stream.append(&camera).expect("taken");
        camera.fill(0xFF);
    }
    // Not one byte has been written before all frames came and went.
    gate.open();
    stream.finish().expect("all well");
    run.assert_holds(&[Append(50)]);
}

/// 2. A frame of the wrong shape is not refused; a rejected frame still consumes its index; a too-long skip ends it
///    all.
#[test]
fn point_2_what_is_refused_uses_no_number() {
    let run = Acquisition::new("t:4,y:16,x:16");
    let stream = run.start();
    run.append(&stream, 0..1);
    assert_eq!(stream.append(&[0; 16 * 16]).expect_err("one byte a pixel").code(), 7);
    assert_eq!(stream.skip(4).expect_err("three are left").code(), 8);
    run.append(&stream, 1..4);
    stream.finish().expect("a refusal is no failure");
    run.assert_holds(&[Append(4)]);
}

/// 3. Unbounded first dimension with chunk_size > 1: raises, earlier frames zeroed, chunk clamped to 1 on disk.
#[test]
fn point_3_unbounded_chunks_of_several_planes() {
    let (_keep, ran) = passes(&Case::new("unbounded", "t:inf:8,c:2,y:32:16,x:32:16").script(&[Append(37)]));
    let array = json(ran.root.join("0/zarr.json"));
    assert_eq!(array["chunk_grid"]["configuration"]["chunk_shape"], serde_json::json!([8, 1, 16, 16]));
    assert_eq!(array["shape"], serde_json::json!([19, 2, 32, 32]));
}

/// 4. Positions with equal names in different grid cells: two share one array; frame 0 overwritten.
#[test]
fn point_4_positions_with_equal_names_have_arrays_of_their_own() {
    let cell = |row, column| {
        Coord::Position(Position { grid_row: Some(row), grid_column: Some(column), ..Position::new("Pos0") })
    };
    let case = Case::new("grid", "p:4,t:2,y:16,x:16")
        .dimension("p", |p| p.with_coords([cell(0, 0), cell(0, 1), cell(1, 0), cell(1, 1)]));
    let (_keep, ran) = passes(&case);
    let mut arrays: Vec<_> = (0..4).map(|position| ran.plan.array_path(position, 0)).collect();
    arrays.dedup();
    assert_eq!(arrays.len(), 4, "{arrays:?}");
    let series = json(ran.root.join("OME/zarr.json"));
    let listed: Vec<&str> =
        series["attributes"]["ome"]["series"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let planned: Vec<&str> = ran.plan.positions().iter().map(|position| position.path.as_str()).collect();
    assert_eq!(listed, planned);
}

/// 5. Partial chunks flushed at close are never awaited: their errors vanish.
#[test]
fn point_5_an_error_in_the_last_partial_chunk_is_told_by_finish() {
    for dimensions in ["t:inf:10,y:16,x:16", "t:20:10,y:16,x:16", "t:inf:5:4,y:16:8:2,x:16:8:2"] {
        let run = Acquisition::new(dimensions);
        let stream = run.start_on(disk::failing(0, Errno::NOSPC, disk::writes_pixels));
        run.append(&stream, 0..3);
        let error = stream.finish().expect_err("three frames could not be written");
        assert!(error.to_string().contains("run.ome.zarr"), "{error}");
        assert!(matches!(error, ome_stream::Error::Failed { frame: 0, .. }), "{error}");
    }
}

/// 6. Values in frame metadata that cannot be stored raise only at close; callback errors are swallowed.
#[test]
fn point_6_bad_frame_metadata_refuse_their_frame() {
    let run = Acquisition::new("t:2,y:16,x:16");
    let stream = run.start();
    assert_eq!(stream.append_with(&run.frame(0), "{\"exposure\": NaN}").expect_err("no JSON").code(), 12);
    assert_eq!(stream.append_with(&run.frame(0), "{\"exposure\": 0.5}").expect("taken"), 0);
    assert_eq!(stream.append_with(&run.frame(1), "{\"exposure\": float32(0.5)}").expect_err("no JSON").code(), 12);
    run.append(&stream, 1..2);
    stream.finish().expect("a refusal is no failure");
    run.assert_holds(&[Append(2)]);
}

/// 9. Skips hold partial chunks in memory until close.
#[test]
fn point_9_a_chunk_that_a_skip_completes_is_written_at_once() {
    let run = Acquisition::new("t:20:5,y:16,x:16");
    let stream = run.start();
    run.append(&stream, 0..2);
    stream.skip(8).expect("18 are left");
    let written = disk::wait_for(|| {
        let status = stream.status();
        if (status.written, status.bytes_in_flight) == (10, 0) { Ok(()) } else { Err(format!("{status:?}")) }
    });
    assert_eq!(written, Ok(()), "the run goes on, nothing is held");
    assert!(run.root().join("0/c/0/0/0").is_file());
    assert!(!run.root().join("0/c/1/0/0").exists(), "a chunk that was only skipped is never made");
    run.append(&stream, 10..20);
    stream.finish().expect("all well");
    run.assert_holds(&[Append(2), Skip(8), Append(10)]);
}

/// 11. No compression levels.
#[test]
fn point_11_compression_has_levels() {
    let bytes = |codec, level| {
        let case = Case::new("level", "t:4,y:128,x:128").compression(Compression::new(codec).with_level(level));
        passes(&case).1.report.bytes_written
    };
    assert!(bytes(Codec::Gzip, 0) > 4 * 128 * 128 * 2, "level 0 stores");
    assert!(bytes(Codec::Gzip, 9) < 4 * 128 * 128 * 2, "level 9 compresses");
    assert!(bytes(Codec::Zstd, -10_000) > bytes(Codec::Zstd, 19), "so does zstd, from fast to thorough");
}

/// 11. Stage coordinates and wavelengths dropped.
#[test]
fn point_11_stage_coordinates_and_wavelengths_are_stored() {
    let stage = Position { x_coord: Some(123_456.789), y_coord: Some(-7.25), z_coord: Some(0.1), ..Position::new("A") };
    let channel =
        Channel { excitation_wavelength_nm: Some(488), emission_wavelength_nm: Some(509), ..Channel::new("GFP") };
    let case = Case::new("stage", "p:1,c:1,z:2,y:16,x:16")
        .dimension("p", |p| p.with_coords([Coord::Position(stage.clone())]))
        .dimension("c", |c| c.with_coords([Coord::Channel(channel.clone())]));
    let (_keep, ran) = passes(&case);
    let ome = &json(ran.root.join("A/zarr.json"))["attributes"]["ome"];
    let translation = &ome["multiscales"][0]["datasets"][0]["coordinateTransformations"][1]["translation"];
    assert_eq!(*translation, serde_json::json!([0.0, 0.1, -7.25, 123_456.789]));
    assert_eq!(ome["omero"]["channels"][0]["label"], "GFP");
    let everything =
        [ome.to_string(), fs::read_to_string(ran.root.join("OME/METADATA.ome.xml")).unwrap_or_default()].concat();
    assert!(everything.contains("488") && everything.contains("509"), "{everything}");
}

/// 11. Orders other than t, c, z fail.
#[test]
fn point_11_any_order_of_acquisition_works() {
    for dimensions in ["z:3,c:2,t:4", "c:2,z:3,t:4", "z:3,t:4,c:2", "t:4,z:3,c:2", "c:2,t:4,z:3"] {
        passes(&Case::new("order", &format!("{dimensions},y:16,x:16")));
    }
}

/// 11. Float with channel coordinates crashes.
#[test]
fn point_11_floats_may_have_channels() {
    for dtype in [DataType::Float16, DataType::Float32, DataType::Float64] {
        let case = Case::new("floats", "c:2,y:16,x:16").dtype(dtype).dimension("c", |c| c.with_coords(["a", "b"]));
        passes(&case);
    }
}
