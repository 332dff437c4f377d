//! The windows in which channels are shown at first: from what was stored, or as the host says.

use std::fs;

use ome_stream::Stream;
use ome_stream::settings::{Channel, Coord, DataType, Window};
use ome_stream_tests::case::Case;
use serde_json::{Value, json};

use crate::acquisition::{Acquisition, native};
use crate::continued::resuming;

fn run(dimensions: &str, dtype: DataType) -> Acquisition {
    let case = Case::new("run", dimensions).dimension("c", |c| c.with_coords(["A", "B"]));
    Acquisition::of(case).with(|settings| settings.dtype = dtype)
}

/// Stores `frames` frames of 64 x 64 pixels, each made of its number, row and column.
fn store(run: &Acquisition, frames: u64, pixel: impl Fn(u64, u64, u64) -> Vec<u8>) {
    let stream = run.start();
    append(&stream, 0..frames, pixel);
    stream.finish().expect("all well");
}

fn append(stream: &Stream, frames: std::ops::Range<u64>, pixel: impl Fn(u64, u64, u64) -> Vec<u8>) {
    for number in frames {
        let places = (0..64).flat_map(|row| (0..64).map(move |column| (row, column)));
        let frame: Vec<u8> = places.flat_map(|(row, column)| pixel(number, row, column)).collect();
        stream.append(&frame).expect("accepted");
    }
}

fn document(run: &Acquisition, path: &str) -> Value {
    serde_json::from_slice(&fs::read(run.root().join(path)).expect("there")).expect("JSON")
}

fn windows(run: &Acquisition, path: &str) -> [Value; 2] {
    [0, 1].map(|nth| document(run, path)["attributes"]["ome"]["omero"]["channels"][nth]["window"].clone())
}

/// Of frames whose channels alternate: the first is dim with a few bright pixels, the second bright.
fn two_channels(number: u64, row: u64, column: u64) -> Vec<u8> {
    let value = match number % 2 {
        0 if (row, column) == (7, 9) => 60_000,
        0 => 100 + (row * 5 + column * 3) % 50,
        _ => 3000 + row,
    };
    (value as u16).to_ne_bytes().to_vec()
}

#[test]
fn a_window_follows_from_what_is_stored() {
    for dimensions in ["t:20,c:2,y:64,x:64", "t:inf:4,c:2,y:64:16:2,x:64:32", "t:20:3:2,c:2:2,y:64:24:2,x:64:24:2"] {
        let run = run(dimensions, DataType::UInt16);
        let stream = run.start();
        let before = windows(&run, "zarr.json");
        assert_eq!(before[0], json!({"min": 0, "max": 65535, "start": 0, "end": 65535}), "{dimensions}");
        append(&stream, 0..40, two_channels);
        stream.finish().expect("all well");
        let [dim, bright] = windows(&run, "zarr.json");
        let number = |window: &Value, key: &str| window[key].as_u64().expect("an integer");
        assert_eq!((number(&dim, "min"), number(&dim, "max")), (0, 65535));
        assert!((100..=102).contains(&number(&dim, "start")), "{dim}");
        assert!((140..=149).contains(&number(&dim, "end")), "{dim}");
        assert!((2984..=3010).contains(&number(&bright, "start")), "{bright}");
        assert!((3050..=3064).contains(&number(&bright, "end")), "{bright}");
    }
}

#[test]
fn threads_do_not_change_a_window() {
    let document = |threads, dimensions| {
        let run = run(dimensions, DataType::UInt16).with(|settings| settings.threads = Some(threads));
        store(&run, 40, two_channels);
        windows(&run, "zarr.json")
    };
    let first = document(1, "t:20,c:2,y:64,x:64");
    for threads in [1, 4] {
        assert_eq!(document(threads, "t:20,c:2,y:64,x:64"), first);
        assert_eq!(document(threads, "t:20:5,c:2:2,y:64:16,x:64:16"), first);
    }
}

#[test]
fn positions_share_a_window() {
    let run = run("t:4,p:2,c:2,y:64,x:64", DataType::UInt8);
    store(&run, 16, |number, _, _| vec![if number % 2 == 1 { 9 } else { (number % 4 * 50 + 20) as u8 }]);
    let expected =
        [json!({"min": 0, "max": 255, "start": 20, "end": 120}), json!({"min": 0, "max": 255, "start": 9, "end": 10})];
    for path in ["0/zarr.json", "1/zarr.json"] {
        assert_eq!(windows(&run, path), expected);
    }
}

#[test]
fn every_type_has_windows() {
    fn of<const N: usize>(dtype: DataType, first: [u8; N], second: [u8; N], expected: [&str; 2]) {
        let run = run("t:2,c:2,y:64,x:64", dtype);
        store(&run, 4, |number, _, _| if number < 2 { first.to_vec() } else { second.to_vec() });
        let told = windows(&run, "zarr.json").map(|window| window.to_string().replace('"', ""));
        assert_eq!(told, expected.map(|window| format!("{{{window}}}")), "{dtype:?}");
    }
    let both = |window: &'static str| [window, window];
    of(DataType::UInt8, [255], [255], both("min:0,max:255,start:254,end:255"));
    of(DataType::Int8, [0x80], [0x7F], both("min:-128,max:127,start:-128,end:127"));
    of(DataType::Int16, (-300i16).to_ne_bytes(), 5i16.to_ne_bytes(), both("min:-32768,max:32767,start:-300,end:5"));
    of(
        DataType::UInt32,
        7u32.to_ne_bytes(),
        u32::MAX.to_ne_bytes(),
        both("min:0,max:4294967295,start:7,end:4294967295"),
    );
    of(
        DataType::Int64,
        i64::MIN.to_ne_bytes(),
        0i64.to_ne_bytes(),
        both("min:-9223372036854775808,max:9223372036854775807,start:-9223372036854775808,end:0"),
    );
    of(
        DataType::UInt64,
        0u64.to_ne_bytes(),
        u64::MAX.to_ne_bytes(),
        both("min:0,max:18446744073709551615,start:0,end:18446744073709551615"),
    );
    of(
        DataType::Float16,
        0x3C00u16.to_ne_bytes(),
        0xC000u16.to_ne_bytes(),
        both("min:-2.0,max:1.0,start:-2.0,end:1.0"),
    );
    of(DataType::Float32, f32::NAN.to_ne_bytes(), 0.25f32.to_ne_bytes(), both("min:0.25,max:1.25,start:0.25,end:1.25"));
    of(
        DataType::Float64,
        f64::INFINITY.to_ne_bytes(),
        f64::NEG_INFINITY.to_ne_bytes(),
        both("min:0,max:1,start:0,end:1"),
    );
}

#[test]
fn the_window_of_the_host_stays() {
    let told = Channel { window: Some(Window { start: 50.0, end: 1234.5 }), ..Channel::new("A") };
    let run = run("t:2,c:2,y:64,x:64", DataType::UInt16);
    let run = run.with(|settings| settings.dimensions[1].coords = Some(vec![Coord::Channel(told), "B".into()]));
    store(&run, 4, two_channels);
    let [first, second] = windows(&run, "zarr.json");
    assert_eq!(first, json!({"min": 0, "max": 65535, "start": 50, "end": 1235}));
    assert!(second["start"].as_u64() > Some(2900), "{second}");
}

#[test]
fn a_run_that_goes_on_gives_a_missing_window() {
    let run = run("t:inf,c:2,y:64,x:64", DataType::UInt16);
    store(&run, 10, two_channels);
    let kept = windows(&run, "zarr.json");
    // As a run that was killed leaves it in one channel.
    let mut group = document(&run, "zarr.json");
    let all = json!({"min": 0, "max": 65535, "start": 0, "end": 65535});
    group["attributes"]["ome"]["omero"]["channels"][1]["window"] = all;
    group["attributes"]["ome"]["omero"]["channels"][1]["label"] = json!("renamed");
    fs::write(run.root().join("zarr.json"), group.to_string()).expect("written");
    let stream = Stream::create(&resuming(run.settings()), &*native()).expect("goes on");
    append(&stream, 10..20, |number, row, column| {
        let pixel = two_channels(number, row, column);
        if number % 2 == 0 { pixel } else { (u16::from_ne_bytes([pixel[0], pixel[1]]) + 5000).to_ne_bytes().to_vec() }
    });
    stream.finish().expect("all well");
    let [first, second] = windows(&run, "zarr.json");
    assert_eq!(first, kept[0]);
    assert!(second["start"].as_u64() > Some(7900) && second["end"].as_u64() < Some(8100), "{second}");
    assert_eq!(document(&run, "zarr.json")["attributes"]["ome"]["omero"]["channels"][1]["label"], "renamed");
}
