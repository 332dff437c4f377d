//! Files and pipes can wait: nothing is dropped unless the command line says so, and a run goes on where it ended.

use serde_json::json;

use crate::bench::{Bench, frames, npy};

fn settings(count: u64, more: &str) -> String {
    format!(
        r#"{{"root_path": "run", "dtype": "uint16", {more} "dimensions": [
            {{"name": "t", "count": {count}}}, {{"name": "y", "count": 512}}, {{"name": "x", "count": 512}}]}}"#
    )
}

#[test]
fn a_file_waits_whatever_the_settings_say() {
    let bench = Bench::new();
    bench.file("a.raw", frames(24, 512, 512));
    for when_full in ["drop", "error"] {
        let more = format!(
            r#""overwrite": true, "compression": "zstd", "memory_limit": 19922944, "threads": 1, "when_full": "{when_full}","#
        );
        bench.file("settings.json", settings(24, &more));
        let report = bench.line("write a.raw -f settings.json --json").expect(0).json();
        assert_eq!((&report["frames"], &report["dropped"]), (&json!(24), &json!(0)), "{when_full}");
        assert_eq!(bench.pixels("run.ome.zarr/0").1, frames(24, 512, 512), "{when_full}");
    }
}

#[test]
fn dropped_frames_are_an_exit_code_of_their_own() {
    let bench = Bench::new();
    // Compression of noise at the highest level, and room for a few frames only.
    let noise: Vec<u8> =
        (0..96u32 * 512 * 512 * 2).map(|byte| (byte.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    bench.file("a.raw", noise);
    bench.file(
        "settings.json",
        settings(96, r#""compression": {"codec": "zstd", "level": 19}, "memory_limit": 26214400, "threads": 1,"#),
    );
    let ran = bench.line("write a.raw -f settings.json --when-full drop --json").expect(4);
    let ran = ran.says(&["frames were dropped", "run.ome.zarr"]);
    let report = ran.json();
    let dropped = report["dropped"].as_u64().unwrap_or(0);
    assert!(dropped > 0 && report["frames"] == json!(96 - dropped) && report["complete"] == json!(false), "{report}");
}

#[test]
fn resume_of_a_settings_file_goes_on_after_the_last_frame() {
    let bench = Bench::new();
    let all = frames(6, 512, 512);
    bench.file("settings.json", settings(6, r#""resume": true,"#));
    bench.file("a.raw", &all[..3 * 512 * 512 * 2]);
    bench.line("write a.raw -f settings.json").expect(1).says(&["3 whole frame(s) found, 6 expected"]);
    bench.file("a.raw", &all);
    bench.line("write a.raw -f settings.json").expect(0);
    assert_eq!(bench.pixels("run.ome.zarr/0"), (vec![6, 512, 512], all.clone()));
    // There is nothing left to do.
    bench.line("write a.raw -f settings.json").expect(0);
    assert_eq!(bench.pixels("run.ome.zarr/0"), (vec![6, 512, 512], all));
}

#[test]
fn first_bytes_of_a_pipe_decide_too() {
    let bench = Bench::new();
    let shape = "-d t:inf,y:1,x:2 --dtype uint8";
    for (first, part) in [
        (&b"\x89PNG\r\n\x1a\n"[..], "PNG"),
        (b"II*\0\x08\0\0\0", "TIFF"),
        (b"PK\x03\x04", ".npz"),
        (b"\x89HDF\r\n\x1a\n", "HDF5"),
    ] {
        let input = [first, &[0; 64]].concat();
        bench.run_with(format!("write - -o out {shape}").split(' '), &input).expect(1).says(&[part]);
        assert_eq!(bench.names(), Vec::<String>::new(), "{part}");
        bench.run_with(format!("write - -t raw --overwrite -o raw {shape}").split(' '), &input).expect(0);
        assert_eq!(bench.pixels("raw.ome.zarr/0").1, input, "{part}");
        std::fs::remove_dir_all(bench.path("raw.ome.zarr")).expect("removed");
    }
    let array = npy("<u2", false, &[6, 10, 20], &frames(6, 10, 20));
    bench.run_with("write - -o npy".split(' '), &array).expect(0);
    assert_eq!(bench.pixels("npy.ome.zarr/0"), (vec![6, 10, 20], frames(6, 10, 20)));
    // Columns of a Fortran array come first: two frames of 1 x 3 pixels.
    let fortran = npy("<u2", true, &[2, 1, 3], &[1, 0, 4, 0, 2, 0, 5, 0, 3, 0, 6, 0]);
    bench.run_with("write - -o fortran".split(' '), &fortran).expect(0);
    assert_eq!(bench.pixels("fortran.ome.zarr/0"), (vec![2, 1, 3], vec![1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0]));
}

#[test]
fn unknown_sizes_are_not_made_up() {
    let bench = Bench::new();
    bench.file("a.raw", frames(6, 10, 20));
    bench.line("write a.raw -o out -d t:3,z:2,y:10,x:20 --dtype uint16").expect(0);
    let group: serde_json::Value =
        serde_json::from_slice(&std::fs::read(bench.path("out.ome.zarr/zarr.json")).expect("a group")).expect("JSON");
    let text = group["attributes"]["ome"].to_string();
    assert!(!text.contains("micrometer") && !text.contains("second"), "{text}");
    let line = "write a.raw -o told -d t:3,c:2,y:10,x:20 --dtype uint16 --pixel-size t:2s,y:0.1um,x:0.1um --channels DAPI:blue,GFP";
    bench.line(line).expect(0);
    let image = bench.line("info told.ome.zarr --json").expect(0).json()["images"][0].clone();
    assert_eq!(image["levels"][0]["scale"], json!([2.0, 1.0, 0.1, 0.1]));
    assert_eq!(image["channels"][0], json!({"label": "DAPI", "color": "0000FF"}));
}
