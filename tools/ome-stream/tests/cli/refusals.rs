//! What cannot be written: a message that helps, exit code 1, and nothing made, nothing lost.

use std::fs;

use crate::bench::{Bench, frames, npy};
use crate::tiff_by_hand::{self, Page, pages};

/// Runs a line that must be refused with all of `parts` in the message, and leave the folder as it was.
#[track_caller]
fn refused(bench: &Bench, line: &str, parts: &[&str]) {
    let before = bench.names();
    let ran = bench.line(line).expect(1).says(parts);
    assert!(ran.err.starts_with("error: "), "{}", ran.err);
    assert_eq!(ran.out, "", "{line}");
    assert_eq!(bench.names(), before, "{line}");
}

#[test]
fn inputs_that_are_not_there_or_not_what_they_seem() {
    let bench = Bench::new();
    bench.file("not.npy", "PK something else");
    bench.file("not.tif", "GIF87");
    bench.file("gif.tif", "GIF89a");
    bench.file("short.tif", "II*\0");
    bench.file("empty.tif", "");
    bench.file("empty.raw", "");
    bench.file("header.npy", &npy("<u2", false, &[6, 10, 20], &[])[..50]);
    bench.file("nothing.npy", npy("<u2", false, &[6, 10, 20], &[]));
    bench.file("folder/a", "");
    refused(&bench, "write missing.npy -o out", &["missing.npy", "No such file"]);
    refused(&bench, "write not.npy -o out", &["not a .npy file"]);
    refused(&bench, "write not.tif -o out", &["not a TIFF file"]);
    refused(&bench, "write gif.tif -o out", &["GIF", "-t raw"]);
    refused(&bench, "write short.tif -o out", &["ends within its header"]);
    refused(&bench, "write empty.tif -o out", &["not a TIFF file"]);
    refused(&bench, "write empty.raw -o out -d t:2,y:4,x:4 --dtype uint8", &["there is no frame in it"]);
    refused(&bench, "write header.npy -o out", &["ends within its header"]);
    refused(&bench, "write nothing.npy -o out", &["there is no frame in it"]);
    refused(&bench, "write folder -o out -d t:2,y:4,x:4 --dtype uint8", &["it is a folder"]);
    refused(&bench, "write - -t tiff -o out", &["a TIFF cannot be read from a pipe"]);
    refused(&bench, "write - -o out -d t:inf,y:4,x:4 --dtype uint8", &["there is no frame in it"]);
}

#[test]
fn npy_files_that_lie_otherwise() {
    let bench = Bench::new();
    let data = frames(6, 10, 20);
    bench.file("complex.npy", npy("<c16", false, &[6, 10, 20], &data));
    bench.file("flat.npy", npy("<u2", false, &[1200], &data));
    bench.file("six.npy", npy("<u2", false, &[1, 1, 1, 6, 10, 20], &data));
    bench.file("two.npy", [npy("<u2", false, &[6, 10, 20], &data), npy("<u2", false, &[1], &[0, 0])].concat());
    bench.file("vast.npy", npy("<u2", false, &[u64::MAX, u64::MAX], &data));
    bench.file("short.npy", npy("<u2", true, &[6, 10, 20], &data[..2398]));
    refused(&bench, "write short.npy -o out", &["Fortran order", "ends after 2398 of 2400", "ascontiguousarray"]);
    refused(&bench, "write complex.npy -o out", &["\"<c16\""]);
    refused(&bench, "write flat.npy -o out", &["a frame needs two"]);
    refused(&bench, "write six.npy -o out", &["6 axes", "--axes or -d"]);
    refused(&bench, "write two.npy -o out", &["goes on", "one array to a file"]);
    refused(&bench, "write vast.npy -o out", &["larger than anything"]);
}

#[test]
fn tiff_files_whose_pages_are_not_alike_or_not_grey() {
    let bench = Bench::new();
    let good = pages(&frames(2, 10, 20), 10, 20);
    let with = |change: &dyn Fn(&mut Page)| {
        let mut all = good.clone();
        change(&mut all[1]);
        tiff_by_hand::file(false, &all)
    };
    bench.file("size.tif", with(&|page| (page.rows, page.columns) = (20, 10)));
    bench.file("type.tif", with(&|page| page.format = 2));
    bench.file("bits.tif", with(&|page| page.bits = 12));
    bench.file("white.tif", with(&|page| page.photometric = 0));
    bench.file("palette.tif", with(&|page| page.photometric = 3));
    bench.file("two.tif", with(&|page| page.samples = 2));
    let mut color = good.clone();
    color.iter_mut().for_each(|page| page.photometric = 2);
    bench.file("color.tif", tiff_by_hand::file(false, &color));
    refused(&bench, "write size.tif -o out", &["not alike", "page 0 has 10 x 20", "page 1 has 20 x 10"]);
    refused(&bench, "write type.tif -o out", &["not alike", "uint16", "int16"]);
    refused(&bench, "write bits.tif -o out", &["not alike", "12-bit uint16"]);
    refused(&bench, "write white.tif -o out", &["WhiteIsZero"]);
    refused(&bench, "write palette.tif -o out", &["palette"]);
    refused(&bench, "write two.tif -o out", &["not alike", "2 samples each"]);
    refused(&bench, "write color.tif -o out", &["page 0 is RGB with 1 sample(s)"]);
}

#[test]
fn tiff_files_that_hold_frames_without_pages() {
    let bench = Bench::new();
    let mut one = pages(&frames(1, 10, 20), 10, 20);
    one[0].description = Some("ImageJ=1.53t\nimages=500\nslices=500\n");
    bench.file("imagej.tif", tiff_by_hand::file(true, &one));
    refused(&bench, "write imagej.tif -o out", &["declares 500 images", "1 page(s)", "OME-TIFF"]);
}

#[test]
fn a_tiff_whose_pages_go_round_in_circles_ends() {
    let bench = Bench::new();
    let mut file = tiff_by_hand::file(false, &pages(&frames(1, 10, 20), 10, 20));
    let next = 8 + 2 + 12 * 10;
    file[next..next + 4].copy_from_slice(&8u32.to_le_bytes());
    bench.file("circle.tif", file);
    bench.line("write circle.tif -o out").expect(1).says(&["cycle"]);
}

#[test]
fn dimensions_that_do_not_fit_the_input() {
    let bench = Bench::new();
    bench.file("a.raw", frames(6, 10, 20));
    bench.file("a.npy", npy("<u2", false, &[6, 10, 20], &frames(6, 10, 20)));
    bench.file("a.tif", tiff_by_hand::file(false, &pages(&frames(6, 10, 20), 10, 20)));
    refused(&bench, "write a.raw -o out", &["-d t:100,y:512,x:512"]);
    refused(&bench, "write a.raw -o out -d t:6,y:10,x:20", &["--dtype"]);
    refused(&bench, "write a.raw -o out -d t:5,y:10,x:20 --dtype uint16", &["6 whole frames", "declare 5"]);
    refused(&bench, "write a.raw -o out --axes tyx --dtype uint16", &["raw frames do not tell their size"]);
    for input in ["a.npy", "a.tif"] {
        let line = |options: &str| format!("write {input} -o out {options}");
        refused(&bench, &line("-d t:6,y:20,x:10"), &["10 x 20 pixels", "20 x 10"]);
        refused(&bench, &line("-d t:7,y:10,x:20"), &["6 frame(s)", "declare 7", "inf"]);
        refused(&bench, &line("-d t:5,y:10,x:20"), &["6 frame(s)", "declare 5"]);
        refused(&bench, &line("-d t:6,y:10,x:20 --dtype uint8"), &["uint16", "dtype uint8", "not converted"]);
        refused(&bench, &line("--axes yx"), &["names 2 axes", "has 3"]);
        refused(&bench, &line("--axes yxz"), &["end it with yx"]);
        refused(&bench, &line("--axes qyx"), &["unknown dimension"]);
    }
}

#[test]
fn settings_that_cannot_be() {
    let bench = Bench::new();
    bench.file("a.raw", frames(6, 10, 20));
    let line = |dimensions: &str, options: &str| format!("write a.raw -o out -d {dimensions} --dtype uint16 {options}");
    for (dimensions, part) in [
        ("t:0,y:10,x:20", "dimensions[0].count"),
        ("t:99999999999999999999,y:10,x:20", "dimensions[0].count"),
        ("t:6,y:9223372036854775807,x:9223372036854775807", "dimensions["),
        ("t:inf,z:inf,y:10,x:20", "dimensions[1]"),
        ("z:6,t:inf,y:10,x:20", "dimensions[1]"),
        ("p:1,t:1,c:1,z:1,z:1,y:10,x:20", "dimensions["),
        ("t:6,t:1,y:10,x:20", "name"),
        ("q:6,y:10,x:20", "unknown dimension"),
        ("t:6:1:x,y:10,x:20", "shard_size_chunks"),
        ("y:10,t:6", "x is left out"),
        ("t:6", "dimensions"),
    ] {
        refused(&bench, &line(dimensions, ""), &[part]);
    }
    let fits = "t:6,y:10,x:20";
    refused(&bench, &line(fits, "-c lz5"), &["unknown codec", "blosc-zstd"]);
    refused(&bench, &line(fits, "-c gzip:99"), &["compression.level", "99"]);
    refused(&bench, &line(fits, "-c zstd:much"), &["not a whole number"]);
    refused(&bench, &line(fits, "-b tape"), &["tape", "zarrs"]);
    refused(&bench, &line(fits, "--memory-limit 7"), &["memory_limit"]);
    refused(&bench, &line(fits, "--memory-limit lots"), &["memory_limit", "512M"]);
    refused(&bench, &line(fits, "--storage-order tt"), &["storage_order"]);
    refused(&bench, "write a.raw -o out -d t:6,y:10,x:20 --dtype uint12", &["dtype", "uint12"]);
    refused(&bench, "write a.raw -o s3://bucket/run -d t:6,y:10,x:20 --dtype uint16", &["root_path", "URL"]);
    refused(&bench, "write a.raw -o out.tif -d t:6,y:10,x:20 --dtype uint16", &["root_path", "TIFF"]);
}

#[test]
fn frames_larger_than_the_memory_limit() {
    let bench = Bench::new();
    bench.file("a.raw", "0123456789");
    let line = "write a.raw -o out -d t:1,y:100000:1000,x:100000:1000 --dtype uint16";
    refused(&bench, line, &["memory_limit", "needs at least"]);
}

#[test]
fn settings_files_that_cannot_be_read() {
    let bench = Bench::new();
    bench.file("a.raw", frames(6, 10, 20));
    bench.file("cut.json", "{\"root_path\": ");
    bench.file("field.json", r#"{"root_path": "out", "dtype": "uint16", "dimensions": [], "color": 1}"#);
    bench.file("binary.json", [0xff, 0xfe, 0]);
    refused(&bench, "write a.raw -f cut.json", &["cut.json", "not valid JSON"]);
    refused(&bench, "write a.raw -f field.json", &["field.json", "color"]);
    refused(&bench, "write a.raw -f binary.json", &["binary.json", "UTF-8"]);
    refused(&bench, "write a.raw -f missing.json", &["missing.json", "No such file"]);
}

#[test]
fn what_is_already_there_is_not_touched() {
    let bench = Bench::new();
    bench.file("a.raw", frames(6, 10, 20));
    let line = "write a.raw -o out -d t:6,y:10,x:20 --dtype uint16";
    bench.file("out.ome.zarr/thesis.txt", "years of work");
    refused(&bench, line, &["out.ome.zarr already exists", "overwrite"]);
    refused(&bench, &format!("{line} --overwrite"), &["not an OME-Zarr store"]);
    assert_eq!(fs::read_to_string(bench.path("out.ome.zarr/thesis.txt")).expect("still there"), "years of work");
}

#[test]
fn overwriting_gives_the_new_store_only() {
    let bench = Bench::new();
    bench.file("a.raw", frames(6, 10, 20));
    bench.line("write a.raw -o out -d t:6,y:10,x:20 --dtype uint16").expect(0);
    refused(&bench, "write a.raw -o out -d t:3,z:2,y:10,x:20 --dtype uint16", &["already exists"]);
    bench.line("write a.raw -o out -d t:3,z:2,y:10,x:20 --dtype uint16 --overwrite").expect(0);
    assert_eq!(bench.pixels("out.ome.zarr/0"), (vec![3, 2, 10, 20], frames(6, 10, 20)));
    assert_eq!(bench.names(), ["a.raw", "out.ome.zarr"]);
}

#[test]
fn a_store_that_cannot_be_made_is_a_writing_failure() {
    let bench = Bench::new();
    bench.file("a.raw", frames(6, 10, 20));
    let ran = bench.line("write a.raw -o a.raw/out -d t:6,y:10,x:20 --dtype uint16").expect(3);
    ran.says(&["a.raw/out.ome.zarr", "not a directory"]);
    assert_eq!(fs::read(bench.path("a.raw")).expect("still there"), frames(6, 10, 20));
}

#[test]
fn the_command_line_itself() {
    let bench = Bench::new();
    for line in [
        "",
        "write",
        "write a.raw",
        "write a.raw -o out --durability often",
        "write a.raw -o out --axes tyx -d t:1,y:1,x:1",
        "info",
        "info a --backends",
        "paint",
    ] {
        let ran = bench.line(line).expect(2);
        assert!(ran.err.contains("--help"), "{line}: {}", ran.err);
    }
    assert_eq!(bench.names(), Vec::<String>::new());
}
