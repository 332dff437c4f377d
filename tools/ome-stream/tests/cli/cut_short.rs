//! Inputs that end early: what came before is in a finished store, and the message counts.

use crate::bench::{Bench, frames, npy};
use crate::tiff_by_hand::{self, pages};

/// The first `whole` of `all` frames, the rest as fill value.
fn padded(whole: usize, all: usize, frame_bytes: usize) -> Vec<u8> {
    let mut bytes = frames(all as u64, 10, 20);
    bytes[whole * frame_bytes..].fill(0);
    bytes
}

#[test]
fn a_raw_file() {
    let bench = Bench::new();
    bench.file("a.raw", &frames(6, 10, 20)[..3 * 400 + 123]);
    let ran = bench.line("write a.raw -o out -d t:6,y:10,x:20 --dtype uint16").expect(1);
    let ran = ran.says(&["a.raw", "after 123 of the frame's 400 bytes", "3 whole frame(s) found, 6 expected"]);
    assert_eq!(ran.out.lines().next(), Some("out.ome.zarr"));
    assert_eq!(bench.pixels("out.ome.zarr/0"), (vec![6, 10, 20], padded(3, 6, 400)));
    bench.line("info out.ome.zarr").expect(0);
}

#[test]
fn an_npy_file() {
    let bench = Bench::new();
    let whole = npy("<u2", false, &[6, 10, 20], &frames(6, 10, 20));
    bench.file("a.npy", &whole[..whole.len() - 900]);
    bench.line("write a.npy -o out").expect(1).says(&["after 300 of", "3 whole frame(s) found, 6 expected"]);
    assert_eq!(bench.pixels("out.ome.zarr/0"), (vec![6, 10, 20], padded(3, 6, 400)));
    bench.file("b.npy", &whole[..whole.len() - 1200]);
    bench.line("write b.npy -o b").expect(1).says(&["it ends early", "3 whole frame(s) found, 6 expected"]);
    assert_eq!(bench.pixels("b.ome.zarr/0"), (vec![6, 10, 20], padded(3, 6, 400)));
}

#[test]
fn a_tiff_file_cut_in_the_pixels_of_a_page() {
    let bench = Bench::new();
    let whole = tiff_by_hand::file(false, &pages(&frames(6, 10, 20), 10, 20));
    let page = (whole.len() - 8) / 6;
    bench.file("a.tif", &whole[..8 + 4 * page - 100]);
    let ran = bench.line("write a.tif -o out -d t:6,y:10,x:20").expect(1);
    ran.says(&["a.tif: page 3 cannot be read", "the file ends", "3 whole frame(s) found, 6 expected"]);
    assert_eq!(bench.pixels("out.ome.zarr/0"), (vec![6, 10, 20], padded(3, 6, 400)));
}

#[test]
fn a_tiff_file_cut_between_pages_whose_number_nobody_knows() {
    let bench = Bench::new();
    let whole = tiff_by_hand::file(true, &pages(&frames(6, 10, 20), 10, 20));
    let page = (whole.len() - 8) / 6;
    bench.file("a.tif", &whole[..8 + 3 * page]);
    let ran = bench.line("write a.tif -o out").expect(1);
    ran.says(&["page 3 cannot be read", "3 whole frame(s) found"]);
    assert_eq!(bench.pixels("out.ome.zarr/0").0, [3, 10, 20]);
}

#[test]
fn a_tiff_file_whose_description_tells_how_many_there_were() {
    let bench = Bench::new();
    let mut all = pages(&frames(6, 10, 20), 10, 20);
    all[0].description = Some("{\"shape\": [6, 10, 20]}");
    let whole = tiff_by_hand::file(false, &all);
    let page = 10 * 20 * 2 + 126;
    bench.file("a.tif", &whole[..whole.len() - 2 * page - 10]);
    bench.line("write a.tif -o out").expect(1).says(&["3 whole frame(s) found, 6 expected"]);
    assert_eq!(bench.pixels("out.ome.zarr/0"), (vec![6, 10, 20], padded(3, 6, 400)));
}

#[test]
fn an_ome_tiff_file_whose_pages_are_not_named_one_by_one() {
    let bench = Bench::new();
    let mut all = pages(&frames(6, 10, 20), 10, 20);
    let before = "<OME><Image><Pixels DimensionOrder=\"XYCZT\" Type=\"uint16\" SizeX=\"20\" SizeY=\"10\" SizeZ=\"1\" SizeC=\"1\"";
    for data in ["<TiffData/>", "<TiffData FirstT=\"0\"/>", "<TiffData IFD=\"0\" PlaneCount=\"6\"/>", ""] {
        all[0].description = Some(format!("{before} SizeT=\"6\">{data}</Pixels></Image></OME>").leak());
        let whole = tiff_by_hand::file(false, &all);
        let page = 10 * 20 * 2 + 126;
        bench.file("a.tif", &whole[..whole.len() - 2 * page - 10]);
        let line = "write a.tif -o out --overwrite";
        bench.line(line).expect(1).says(&["3 whole frame(s) found, 6 expected"]);
        assert_eq!(bench.pixels("out.ome.zarr/0"), (vec![6, 10, 20], padded(3, 6, 400)), "{data}");
    }
}

#[test]
fn standard_input_within_a_frame() {
    let bench = Bench::new();
    let input = &frames(3, 10, 20)[..2 * 400 + 1];
    let bounded = "write - -o bounded -d t:6,y:10,x:20 --dtype uint16".split(' ');
    bench
        .run_with(bounded, input)
        .expect(1)
        .says(&["after 1 of the frame's 400 bytes", "2 whole frame(s) found, 6 expected"]);
    assert_eq!(bench.pixels("bounded.ome.zarr/0"), (vec![6, 10, 20], padded(2, 6, 400)));
    let unbounded = "write - -o unbounded -d t:inf,y:10,x:20 --dtype uint16".split(' ');
    bench.run_with(unbounded, input).expect(1).says(&["after 1 of the frame's 400 bytes", "2 whole frame(s) found"]);
    assert_eq!(bench.pixels("unbounded.ome.zarr/0"), (vec![2, 10, 20], frames(2, 10, 20)));
}

#[test]
fn the_report_in_json_tells_it_too() {
    let bench = Bench::new();
    let arguments = "write - -o out --json -d t:6,y:10,x:20 --dtype uint16".split(' ');
    let report = bench.run_with(arguments, &frames(2, 10, 20)).expect(1).json();
    assert_eq!((&report["complete"], &report["frames"], &report["expected"]), (&false.into(), &2.into(), &6.into()));
    assert!(report["error"].as_str().is_some_and(|error| error.contains("it ends early")), "{report}");
}

#[test]
fn standard_input_that_goes_on_after_the_last_frame() {
    let bench = Bench::new();
    for surplus in [1, 400] {
        let mut input = frames(3, 10, 20);
        input.truncate(2 * 400 + surplus);
        let arguments = "write - -o out --overwrite -d t:2,y:10,x:20 --dtype uint16".split(' ');
        bench.run_with(arguments, &input).expect(1).says(&["goes on after the 2 frame(s)"]);
        assert_eq!(bench.pixels("out.ome.zarr/0"), (vec![2, 10, 20], frames(2, 10, 20)));
    }
}
