//! `preview`: pictures decoded again, pixels at chosen places.

use std::fs;
use std::io::Cursor;
use std::path::Path;
use std::time::{Duration, Instant};

use ome_stream::Stream;
use ome_stream::settings::{DataType, Settings, parse_dims};
use serde_json::{Value, json};

use crate::bench::{Bench, npy};

/// What stands around images: pixels at the edges, and a line of text above.
const PAD: usize = 6;
const LINE: usize = 12;

/// A picture as a foreign program sees it.
struct Png {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

impl Png {
    fn of(bytes: Vec<u8>) -> Self {
        let mut reader = png::Decoder::new(Cursor::new(bytes)).read_info().expect("a PNG");
        let mut pixels = vec![0; reader.output_buffer_size().expect("of this size")];
        let info = reader.next_frame(&mut pixels).expect("pixels");
        assert_eq!((info.color_type, info.bit_depth), (png::ColorType::Rgb, png::BitDepth::Eight));
        Self { width: info.width as usize, height: info.height as usize, pixels }
    }

    fn at(&self, x: usize, y: usize) -> [u8; 3] {
        let from = (y * self.width + x) * 3;
        self.pixels[from..from + 3].try_into().expect("three")
    }

    fn count(&self, color: [u8; 3]) -> usize {
        self.pixels.chunks(3).filter(|pixel| *pixel == color).count()
    }
}

impl Bench {
    fn png(&self, name: &str) -> Png {
        Png::of(fs::read(self.path(name)).expect("a file"))
    }

    /// Changes the document of a group.
    fn edit(&self, document: &str, change: impl FnOnce(&mut Value)) {
        let path = self.path(document);
        let mut json = serde_json::from_slice(&fs::read(&path).expect("read")).expect("JSON");
        change(&mut json);
        fs::write(path, json.to_string()).expect("written");
    }

    fn windows(&self, document: &str, window: [f64; 2]) {
        self.edit(document, |json| {
            let channels = json.pointer_mut("/attributes/ome/omero/channels").and_then(Value::as_array_mut);
            for channel in channels.expect("channels") {
                channel["window"]["start"] = json!(window[0]);
                channel["window"]["end"] = json!(window[1]);
            }
        });
    }
}

fn u16s(values: impl IntoIterator<Item = u16>) -> Vec<u8> {
    values.into_iter().flat_map(u16::to_le_bytes).collect()
}

/// Two channels of 4 x 8 pixels: x times 100, y times 100.
fn two_channels(bench: &Bench) {
    let x = (0..32).map(|pixel| pixel % 8 * 100);
    let y = (0..32).map(|pixel| pixel / 8 * 100);
    bench.file("a.npy", npy("<u2", false, &[2, 4, 8], &u16s(x.chain(y))));
    bench.line("write a.npy -o a --axes cyx --channels A:#ff0000,B:#0000ff --pixel-size y:1um,x:1um").expect(0);
    bench.windows("a.ome.zarr/zarr.json", [100.0, 300.0]);
}

#[test]
fn channels_add_up_in_color_and_window() {
    let bench = Bench::new();
    two_channels(&bench);
    let ran = bench.line("preview a.ome.zarr -o a.png --width 172").expect(0);
    assert_eq!((ran.out.as_str(), ran.err.as_str()), ("a.png\n", ""));
    let png = bench.png("a.png");
    assert_eq!(png.width, 172);
    for (x, red) in [(0, 0), (1, 0), (2, 128), (3, 255), (7, 255)] {
        for (y, blue) in [(0, 0), (2, 128), (3, 255)] {
            for inside in [0, 19] {
                let at = [PAD + x * 20 + inside, PAD + LINE + y * 20 + inside];
                assert_eq!(png.at(at[0], at[1]), [red, 0, blue], "{x}, {y}");
            }
        }
    }
    // 20 pixels are one micrometer wide; the bar is no more than a fifth of the width.
    let bar = |y| (PAD..png.width).take_while(|x| png.at(*x, y) == [224; 3]).count();
    assert!((0..png.height).any(|y| bar(y) == 20));
    bench.line("preview a.ome.zarr -o a.png --width 172 --c B").expect(0);
    assert_eq!(bench.png("a.png").at(PAD + 150, PAD + LINE + 70), [0, 0, 255]);
    bench.line("preview a.ome.zarr -o a.png --width 172 --c 0").expect(0);
    assert_eq!(bench.png("a.png").at(PAD + 150, PAD + LINE + 70), [255, 0, 0]);
    assert_eq!(bench.names().iter().filter(|name| name.contains("part")).count(), 0);
}

#[test]
fn without_a_window_pixels_give_one() {
    let bench = Bench::new();
    bench.file("a.npy", npy("<u2", false, &[3, 20, 20], &u16s((0..1200).map(|pixel| 1000 + pixel / 400 * 500))));
    bench.line("write a.npy -o a -d p:3,y:20,x:20").expect(0);
    let ran = bench.line("preview a.ome.zarr -o a.png --width 172").expect(0).says(&["no scale bar"]);
    assert_eq!(ran.out, "a.png\n");
    let png = bench.png("a.png");
    // Two in a row, 79 pixels of room each: 60 are drawn, below a name.
    let middle =
        |column: usize, row: usize| png.at(PAD + column * 62 + 30, PAD + LINE + (row + 1) * LINE + row * 62 + 30);
    assert_eq!([middle(0, 0), middle(1, 0), middle(0, 1)], [[0; 3], [128; 3], [255; 3]]);
    bench.line("preview a.ome.zarr -o a.png --width 172 --position 1 --auto").expect(0);
    assert_eq!(bench.png("a.png").at(PAD + 30, PAD + LINE + 30), [0; 3]);
}

#[test]
fn planes_are_those_asked_for() {
    let bench = Bench::new();
    let planes = (0..12 * 16).map(|pixel: u16| pixel / 16 * 10);
    bench.file("a.npy", npy("<u2", false, &[3, 1, 4, 4, 4], &u16s(planes)));
    bench.line("write a.npy -o a -d t:3,c:1,z:4:2:2,y:4,x:4 --channels only").expect(0);
    bench.windows("a.ome.zarr/zarr.json", [0.0, 255.0]);
    for (options, gray) in
        [("", 20), ("--z 0", 0), ("--z -1", 30), ("--t 1", 60), ("--t -1 --z 3", 110), ("--t 2 --z 1 --auto", 0)]
    {
        bench.line(&format!("preview a.ome.zarr -o a.png {options}")).expect(0);
        assert_eq!(bench.png("a.png").at(PAD + 300, PAD + LINE + 300), [gray; 3], "{options}");
    }
    let refused = |options: &str, parts: &[&str]| {
        bench.line(&format!("preview a.ome.zarr -o no.png {options}")).expect(1).says(parts);
        assert!(!bench.names().contains(&"no.png".to_owned()));
    };
    refused("--t 3", &["--t 3", "has 3 there: 0 to 2"]);
    refused("--z -5", &["--z -5", "0 to 3"]);
    refused("--c 1", &["--c 1", "1 channels", "only"]);
    refused("--c GFP", &["--c GFP"]);
    refused("--position Pos7", &["--position Pos7", "single image"]);
    refused("--width 100", &["--width 100", "160"]);
}

#[test]
fn what_is_no_picture_is_not_replaced() {
    let bench = Bench::new();
    two_channels(&bench);
    bench.file("notes.txt", "mine");
    bench.file("empty.png", "");
    bench.file("folder/x", "");
    let refused = |output: &str, parts: &[&str]| {
        bench.line(&format!("preview a.ome.zarr -o {output}")).expect(1).says(parts);
    };
    refused("notes.txt", &["notes.txt", "no PNG file"]);
    refused("folder", &["folder", "no PNG file"]);
    refused("a.ome.zarr/sheet.png", &["lies in the store"]);
    refused("absent/sheet.png", &["absent", "No such file"]);
    assert_eq!(fs::read(bench.path("notes.txt")).expect("kept"), b"mine");
    bench.line("preview a.ome.zarr -o empty.png").expect(0);
    bench.line("preview a.ome.zarr -o empty.png").expect(0);
    bench.line("preview a.ome.zarr").expect(2);
    bench.line("preview folder -o b.png").expect(1).says(&["not a Zarr store"]);
    bench.line("preview absent -o b.png").expect(1).says(&["absent", "No such file"]);
    bench.file("group.zarr/zarr.json", r#"{"zarr_format": 3, "node_type": "group", "attributes": {}}"#);
    bench.line("preview group.zarr -o b.png").expect(1).says(&["there is no image in it"]);
}

#[test]
fn a_store_that_is_being_written_is_drawn() {
    let bench = Bench::new();
    let root = bench.path("live.ome.zarr");
    let dimensions = parse_dims("t:inf:1:100,y:16,x:16").expect("valid");
    let mut settings = Settings::new(root.to_string_lossy(), dimensions, DataType::UInt8);
    settings.live_interval = 0.1;
    let stream = Stream::create(&settings, &*ome_stream_backends::open("zarrs").expect("built in")).expect("made");
    bench.line("preview live.ome.zarr -o a.png").expect(1).says(&["no frame is in it yet"]);
    for gray in [0, 100, 200] {
        let frame: Vec<u8> = (0..=255).map(|pixel| if pixel < 128 { gray } else { 200 }).collect();
        stream.append(&frame).expect("taken");
    }
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let ran = bench.line("preview live.ome.zarr -o a.png --t -1");
        if ran.code == Some(0) && bench.line("preview live.ome.zarr -o a.png --t 2").code == Some(0) {
            break;
        }
        assert!(Instant::now() < end, "{}", ran.err);
    }
    bench.line("preview live.ome.zarr -o a.png --t 0").expect(0);
    let png = bench.png("a.png");
    assert_eq!((png.at(PAD + 8, PAD + LINE + 8), png.at(PAD + 8, PAD + LINE + 900)), ([0; 3], [255; 3]));
    stream.finish().expect("finished");
}

/// A plate of OME-NGFF 0.4 as nobody of ours writes it: Zarr v2, big-endian, wells B2 (two fields) and C4.
fn foreign_plate(bench: &Bench) {
    let plate = json!({"plate": {"version": "0.4", "field_count": 2,
        "rows": [{"name": "A"}, {"name": "B"}, {"name": "C"}],
        "columns": [{"name": "1"}, {"name": "2"}, {"name": "3"}, {"name": "4"}],
        "wells": [{"path": "B/2", "rowIndex": 1, "columnIndex": 1}, {"path": "C/4"}]}});
    let group = |path: &str, attributes: &Value| {
        bench.file(&format!("{path}/.zgroup"), r#"{"zarr_format": 2}"#);
        bench.file(&format!("{path}/.zattrs"), attributes.to_string());
    };
    group("plate.zarr", &plate);
    for (well, fields) in [("B/2", ["0", "1"].as_slice()), ("C/4", &["0"])] {
        let images: Vec<Value> = fields.iter().map(|path| json!({"path": path})).collect();
        group(&format!("plate.zarr/{well}"), &json!({"well": {"images": images}}));
        for field in fields {
            let image = format!("plate.zarr/{well}/{field}");
            let attributes = json!({"multiscales": [{"version": "0.4", "axes": [
                {"name": "y", "type": "space", "unit": "micrometer"},
                {"name": "x", "type": "space", "unit": "micrometer"}],
                "datasets": [{"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [0.5, 0.5]}]},
                    {"path": "1", "coordinateTransformations": [{"type": "scale", "scale": [1.0, 1.0]}]}]}]});
            group(&image, &attributes);
            // Full resolution is brighter, so that it can be told which was read.
            for (level, side, more) in [("0", 64_u16, 1000_u16), ("1", 32, 0)] {
                let array = json!({"zarr_format": 2, "shape": [side, side], "chunks": [side, side], "dtype": ">u2",
                    "compressor": null, "fill_value": 0, "order": "C", "filters": null, "dimension_separator": "/"});
                bench.file(&format!("{image}/{level}/.zarray"), array.to_string());
                let value = more
                    + if well == "C/4" {
                        300
                    } else if *field == "1" {
                        200
                    } else {
                        100
                    };
                let pixels: Vec<u8> = (0..side * side).flat_map(|_| value.to_be_bytes()).collect();
                bench.file(&format!("{image}/{level}/0/0"), pixels);
            }
        }
    }
}

#[test]
fn a_plate_of_others_lies_as_it_is() {
    let bench = Bench::new();
    foreign_plate(&bench);
    bench.line("preview plate.zarr -o a.png --width 400").expect(0);
    let png = bench.png("a.png");
    // Three columns of wells with two fields each, some 50 pixels wide; column 3 and the right half of C4 are empty.
    let counts = [[0; 3], [128; 3], [255; 3]].map(|gray| png.count(gray) / 100);
    assert!(counts.iter().all(|count| (20..32).contains(count) && *count == counts[0]), "{counts:?}");
    let row = |y: usize| [0, 1, 4].map(|cell| png.at(PAD + 36 + cell * 60 + 20, PAD + LINE + LINE + y));
    assert_eq!([row(20)[0], row(20)[1], row(80)[2]], [[0; 3], [128; 3], [255; 3]]);
    bench.line("preview plate.zarr/B/2 -o a.png").expect(0);
    bench.line("preview plate.zarr -o a.png --position B/2/7").expect(1).says(&["B/2/7", "B/2/0, B/2/1, C/4/0"]);
}

#[test]
fn a_well_without_a_place_is_told_and_left_out() {
    let bench = Bench::new();
    foreign_plate(&bench);
    bench.line("preview plate.zarr -o a.png --width 400").expect(0);
    let whole = fs::read(bench.path("a.png")).expect("a picture");
    // One more, in a row that the plate has not.
    let attributes = bench.path("plate.zarr/.zattrs");
    let text = fs::read_to_string(&attributes).expect("there");
    let more = text.replacen("\"wells\":[", "\"wells\":[{\"path\":\"Q/2\"},", 1);
    assert_ne!(more, text);
    fs::write(&attributes, more).expect("written");
    for file in ["Q/2/.zgroup", "Q/2/.zattrs", "Q/2/0/.zgroup", "Q/2/0/.zattrs", "Q/2/0/0/.zarray"] {
        let to = bench.path(&format!("plate.zarr/{file}"));
        fs::create_dir_all(to.parent().expect("a folder")).expect("made");
        fs::copy(bench.path(&format!("plate.zarr/{}", file.replacen("Q", "B", 1))), to).expect("copied");
    }
    bench.file("plate.zarr/Q/.zgroup", r#"{"zarr_format": 2}"#);
    bench.line("preview plate.zarr -o a.png --width 400").expect(1).says(&["Q/2: its row or its column", "left out"]);
    assert!(fs::read(bench.path("a.png")).expect("a picture") == whole, "the others lie as they did");
}

#[test]
fn fields_that_cannot_be_read_stay_black() {
    let bench = Bench::new();
    foreign_plate(&bench);
    bench.line("preview plate.zarr -o a.png --width 400").expect(0);
    let whole = bench.png("a.png").count([0; 3]);
    fs::remove_dir_all(bench.path("plate.zarr/B/2/1")).expect("removed");
    bench.file("plate.zarr/C/4/0/.zattrs", "{");
    let says = ["2 thing(s) could not be read", "B/2/1: there is no image"];
    bench.line("preview plate.zarr -o a.png --width 400").expect(1).says(&says);
    let left = bench.png("a.png").count([0; 3]);
    assert!(left > whole + 2 * 40 * 40, "{whole} {left}");
    bench.line("preview plate.zarr -o a.png --position C/4/0").expect(1).says(&["C/4/0: .zattrs"]);
    fs::remove_dir_all(bench.path("plate.zarr/C")).expect("removed");
    bench
        .line("preview plate.zarr -o a.png")
        .expect(1)
        .says(&["C/4: the plate lists it, but it is not there", "2 thing(s)"]);
}

#[test]
fn the_smallest_level_that_serves_is_read() {
    let bench = Bench::new();
    foreign_plate(&bench);
    for image in ["B/2/0", "B/2/1", "C/4/0"] {
        fs::remove_file(bench.path(&format!("plate.zarr/{image}/0/0/0"))).expect("removed");
    }
    // 32 pixels are enough for images of 16, and not for those of 50.
    assert_eq!(bench.line("preview plate.zarr -o a.png --width 160").expect(0).err, "");
    bench.line("preview plate.zarr -o a.png --width 400").expect(0).says(&["nothing of what is shown is stored"]);
}

#[test]
fn what_can_be_read_of_a_damaged_store_is_drawn() {
    let bench = Bench::new();
    bench.file("a.npy", npy("<u2", false, &[2, 8, 8], &u16s((0..128).map(|pixel| pixel % 2 * 1000))));
    bench.line("write a.npy -o a -d p:2,y:8:4,x:8 -c zstd").expect(0);
    let chunk = bench.path("a.ome.zarr/0/0/c/1/0");
    let bytes = fs::read(&chunk).expect("a chunk");
    fs::write(&chunk, &bytes[..bytes.len() / 2]).expect("cut");
    bench.line("preview a.ome.zarr -o a.png").expect(1).says(&["1 thing(s) could not be read", "0: "]);
    let png = bench.png("a.png");
    assert!(png.count([255; 3]) > 0);
    fs::write(bench.path("a.ome.zarr/1/0/zarr.json"), "{").expect("torn");
    bench.line("preview a.ome.zarr -o a.png").expect(1).says(&["2 thing(s)"]);
    bench.line("preview a.ome.zarr -o a.png --position 1").expect(1).says(&["1: zarr.json"]);
}

#[test]
fn a_terminal_gets_two_pixels_a_letter() {
    let bench = Bench::new();
    two_channels(&bench);
    let ran = bench.line("preview a.ome.zarr --terminal").expect(0);
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(lines[0], "a.ome.zarr");
    // 8 x 4 pixels, each drawn 10 times: 80 columns, 20 lines of two.
    assert_eq!(lines.len(), 1 + 20 + 1, "{}", ran.out);
    assert_eq!(lines[1].matches('▀').count(), 80);
    assert!(lines[21].contains("A 100 to 300") && lines[21].ends_with(" ━━━━━━━━━━ 1 µm"), "{}", lines[21]);
    assert!(!ran.out.contains('\r'));
}

#[test]
fn other_commands_end_with_a_picture() {
    let bench = Bench::new();
    two_channels(&bench);
    let ran = bench.line("info a.ome.zarr --preview=info.png --json").expect(0);
    assert_eq!(ran.json()["images"].as_array().map(Vec::len), Some(1));
    assert_eq!(bench.png("info.png").width, 1020);
    assert!(bench.line("info a.ome.zarr --preview").expect(0).out.contains('▀'));
    bench.line("info a.ome.zarr --preview --json").expect(1).says(&["--preview=sheet.png"]);
    bench.line("write a.npy -o b --axes cyx --preview=b.png --json").expect(0).json();
    assert!(bench.path("b.png").is_file());
    bench.line("write a.npy -o c --axes cyx --preview=a.npy").expect(1).says(&["a.npy", "no PNG file"]);
    assert!(!Path::new(&bench.path("c.ome.zarr")).exists());
}

#[test]
fn a_plane_of_too_many_parts_is_refused() {
    let bench = Bench::new();
    two_channels(&bench);
    bench.edit("a.ome.zarr/0/zarr.json", |document| {
        let shape = document["shape"].as_array_mut().expect("a shape");
        let axes = shape.len();
        shape[axes - 2..].fill(Value::from(1_u64 << 36));
    });
    bench.line("preview a.ome.zarr -o a.png").expect(1).says(&["parts; up to 1048576 are read"]);
}
