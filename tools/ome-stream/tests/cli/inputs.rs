//! Every kind of input, read back by a reader that shares no code with the writer.

use tiff::encoder::{Compression, DeflateLevel, TiffEncoder, colortype};

use crate::bench::{Bench, frames, npy};
use crate::tiff_by_hand::{self, Page, pages, swapped};

#[test]
fn raw_frames_from_a_file() {
    let bench = Bench::new();
    bench.file("a.raw", frames(6, 10, 20));
    let ran = bench.line("write a.raw -o out -d t:3,c:2,y:10:4,x:20:8 --dtype uint16").expect(0);
    assert_eq!(ran.out.lines().next(), Some("out.ome.zarr"));
    assert_eq!(bench.pixels("out.ome.zarr/0"), (vec![3, 2, 10, 20], frames(6, 10, 20)));
}

#[test]
fn raw_frames_from_standard_input_until_it_ends() {
    let bench = Bench::new();
    let arguments = "write - -o out -d t:inf:4,y:10,x:20 --dtype uint16".split(' ');
    bench.run_with(arguments, &frames(7, 10, 20)).expect(0);
    assert_eq!(bench.pixels("out.ome.zarr/0"), (vec![7, 10, 20], frames(7, 10, 20)));
}

#[test]
fn every_codec_gives_the_same_pixels() {
    let bench = Bench::new();
    bench.file("a.raw", frames(5, 16, 16));
    for codec in ["none", "blosc-lz4", "blosc-zstd:9", "zstd:-3", "gzip:1"] {
        let line = format!("write a.raw -o out --overwrite -d t:5:2:2,y:16:8:2,x:16:16:1 --dtype uint16 -c {codec}");
        bench.line(&line).expect(0);
        assert_eq!(bench.pixels("out.ome.zarr/0"), (vec![5, 16, 16], frames(5, 16, 16)), "{codec}");
    }
}

#[test]
fn an_npy_tells_its_own_shape_and_type() {
    let bench = Bench::new();
    bench.file("a.npy", npy("<u2", false, &[6, 10, 20], &frames(6, 10, 20)));
    let report = bench.line("write a.npy -o out --json").expect(0).json();
    assert_eq!(report["axes"], serde_json::json!(["t", "y", "x"]));
    assert_eq!(bench.pixels("out.ome.zarr/0"), (vec![6, 10, 20], frames(6, 10, 20)));
    let report = bench.line("write a.npy -o named --axes zyx --json").expect(0).json();
    assert_eq!(report["axes"], serde_json::json!(["z", "y", "x"]));
    bench.line("write a.npy -o split -d t:2,z:3,y:10:5,x:20:5").expect(0);
    assert_eq!(bench.pixels("split.ome.zarr/0"), (vec![2, 3, 10, 20], frames(6, 10, 20)));
}

#[test]
fn an_npy_comes_through_a_pipe_too() {
    let bench = Bench::new();
    let file = npy("<u2", false, &[2, 3, 4, 5], &frames(6, 4, 5));
    let report = bench.run_with("write - -t npy -o out --json".split(' '), &file).expect(0).json();
    assert_eq!(report["axes"], serde_json::json!(["t", "z", "y", "x"]));
    assert_eq!(bench.pixels("out.ome.zarr/0"), (vec![2, 3, 4, 5], frames(6, 4, 5)));
}

#[test]
fn npy_files_of_every_type() {
    let bench = Bench::new();
    for (descr, size) in [
        ("|u1", 1),
        ("<u2", 2),
        ("<u4", 4),
        ("<u8", 8),
        ("|i1", 1),
        ("<i2", 2),
        ("<i4", 4),
        ("<i8", 8),
        ("<f2", 2),
        ("<f4", 4),
        ("<f8", 8),
    ] {
        let data: Vec<u8> = (0..3 * 4 * 5 * size).map(|byte: usize| (byte * 7 % 120) as u8).collect();
        bench.file("a.npy", npy(descr, false, &[3, 4, 5], &data));
        bench.line("write a.npy -o out --overwrite").expect(0);
        assert_eq!(bench.pixels("out.ome.zarr/0"), (vec![3, 4, 5], data), "{descr}");
    }
}

#[test]
fn a_single_image_has_two_axes() {
    let bench = Bench::new();
    bench.file("a.npy", npy("<u2", false, &[10, 20], &frames(1, 10, 20)));
    bench.file("a.tif", tiff_by_hand::file(false, &pages(&frames(1, 10, 20), 10, 20)));
    for input in ["a.npy", "a.tif"] {
        let report = bench.run(["write", input, "-o", "out", "--overwrite", "--json"]).expect(0).json();
        assert_eq!(report["axes"], serde_json::json!(["y", "x"]), "{input}");
        assert_eq!(bench.pixels("out.ome.zarr/0"), (vec![10, 20], frames(1, 10, 20)), "{input}");
        bench.run(["write", input, "-o", "out", "--overwrite", "--axes", "zyx"]).expect(0);
        assert_eq!(bench.pixels("out.ome.zarr/0").0, [1, 10, 20], "{input}");
    }
}

#[test]
fn the_pages_of_a_tiff_are_one_axis() {
    let bench = Bench::new();
    bench.file("a.tif", tiff_by_hand::file(false, &pages(&frames(6, 10, 20), 10, 20)));
    for (arguments, axes) in [("", ["t", "y", "x"]), ("--axes zyx", ["z", "y", "x"])] {
        let report = bench.line(&format!("write a.tif -o out --overwrite --json {arguments}")).expect(0).json();
        assert_eq!(report["axes"], serde_json::json!(axes));
        assert_eq!(bench.pixels("out.ome.zarr/0"), (vec![6, 10, 20], frames(6, 10, 20)));
    }
    bench.line("write a.tif -o split -d t:3,c:2,y:10,x:20").expect(0);
    assert_eq!(bench.pixels("split.ome.zarr/0"), (vec![3, 2, 10, 20], frames(6, 10, 20)));
}

#[test]
fn a_big_endian_tiff_as_imagej_writes_it() {
    let bench = Bench::new();
    let mut all = pages(&swapped(&frames(4, 10, 20), 2), 10, 20);
    all[0].description = Some("ImageJ=1.53t\nimages=4\nslices=4\n");
    bench.file("a.tif", tiff_by_hand::file(true, &all));
    bench.line("write a.tif -o out").expect(0);
    assert_eq!(bench.pixels("out.ome.zarr/0"), (vec![4, 10, 20], frames(4, 10, 20)));
}

#[test]
fn tiff_files_of_every_type_in_both_byte_orders() {
    let bench = Bench::new();
    let types = [(8, 1), (16, 1), (32, 1), (64, 1), (8, 2), (16, 2), (32, 2), (64, 2), (16, 3), (32, 3), (64, 3)];
    for (bits, format) in types {
        for big_endian in [false, true] {
            let size = usize::from(bits) / 8;
            let data: Vec<u8> = (0..2 * 4 * 5 * size).map(|byte| (byte * 7 % 120) as u8).collect();
            let all: Vec<Page> = data
                .chunks_exact(4 * 5 * size)
                .map(|page| {
                    let data = if big_endian { swapped(page, size) } else { page.to_vec() };
                    Page { rows: 4, columns: 5, data, bits, format, photometric: 1, samples: 1, description: None }
                })
                .collect();
            bench.file("a.tif", tiff_by_hand::file(big_endian, &all));
            bench.line("write a.tif -o out --overwrite").expect(0);
            let expected = (vec![2, 4, 5], data);
            assert_eq!(bench.pixels("out.ome.zarr/0"), expected, "{bits} bits, format {format}, {big_endian}");
        }
    }
}

#[test]
fn compressed_tiff_pages_in_strips() {
    let bench = Bench::new();
    let pixels: Vec<u16> = (0..3 * 40 * 30).map(|pixel: u32| (pixel % 251) as u16).collect();
    for (name, compression) in [
        ("LZW", Compression::Lzw),
        ("deflate", Compression::Deflate(DeflateLevel::Fast)),
        ("PackBits", Compression::Packbits),
    ] {
        let file = std::fs::File::create(bench.path("a.tif")).expect("created");
        let mut encoder = TiffEncoder::new_big(file).expect("a TIFF").with_compression(compression);
        for page in pixels.chunks_exact(40 * 30) {
            let mut image = encoder.new_image::<colortype::Gray16>(30, 40).expect("a page");
            image.rows_per_strip(7).expect("strips");
            image.write_data(page).expect("written");
        }
        drop(encoder);
        bench.line("write a.tif -o out --overwrite -c zstd").expect(0);
        let expected: Vec<u8> = pixels.iter().copied().flat_map(u16::to_le_bytes).collect();
        assert_eq!(bench.pixels("out.ome.zarr/0"), (vec![3, 40, 30], expected), "{name}");
    }
}

#[test]
fn positions_become_images_of_their_own() {
    let bench = Bench::new();
    bench.file("a.raw", frames(6, 10, 20));
    bench.line("write a.raw -o out -d t:3,p:2,y:10,x:20 --dtype uint16").expect(0);
    let all = frames(6, 10, 20);
    let of =
        |position: usize| -> Vec<u8> { all.chunks_exact(400).skip(position).step_by(2).flatten().copied().collect() };
    for position in 0..2 {
        assert_eq!(bench.pixels(&format!("out.ome.zarr/{position}/0")), (vec![3, 10, 20], of(position)));
    }
}
