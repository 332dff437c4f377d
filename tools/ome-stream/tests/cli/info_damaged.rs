//! Stores that are damaged, hostile or something else: never a panic, never out of the store, and what can be read is
//! shown.

use std::fs;

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::bench::{Bench, frames, npy};
use crate::info_golden::{array, group, multiscale};

/// An image with one array, whose metadata are `array`.
fn image(bench: &Bench, store: &str, array: &str) {
    let datasets = json!([{"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [1, 1, 1]}]}]);
    let ome = json!({"version": "0.5", "multiscales": multiscale("image", &datasets)});
    bench.file(&format!("{store}/zarr.json"), group(&json!({ "ome": ome })));
    bench.file(&format!("{store}/0/zarr.json"), array);
}

fn plain(shape: &[u64]) -> Value {
    array(shape, &[1, 4, 4], None, &json!("crc32c"))
}

#[test]
fn what_is_no_store_is_told_apart() {
    let bench = Bench::new();
    bench.file("file.zarr", "");
    bench.file("folder/a", "");
    bench.file("v3_in_v2/.zgroup", r#"{"zarr_format": 3}"#);
    bench.file("v2_attributes/.zgroup", r#"{"zarr_format": 2}"#);
    bench.file("v2_attributes/.zattrs", "[1, 2]");
    bench.file("cut/zarr.json", r#"{"zarr_format": 3, "node_type": "gro"#);
    bench.file("v2_in_v3/zarr.json", r#"{"zarr_format": 2, "node_type": "group"}"#);
    bench.file("list/zarr.json", "[1, 2]");
    bench.file("neither/zarr.json", r#"{"zarr_format": 3, "node_type": "shelf"}"#);
    for (store, part) in [
        ("missing", "No such file"),
        ("file.zarr", "it is not a folder"),
        ("folder", "there is no zarr.json"),
        ("v3_in_v2", "zarr_format in .zgroup is not 2"),
        ("v2_attributes", ".zattrs cannot be read"),
        ("cut", "zarr.json cannot be read: it is cut short"),
        ("v2_in_v3", "zarr_format is 2"),
        ("list", "zarr.json cannot be read"),
        ("neither", "neither group nor array"),
    ] {
        for json in ["", " --json"] {
            let ran = bench.line(&format!("info {store}{json}")).expect(1).says(&[store, part]);
            assert_eq!(ran.out, "");
        }
    }
}

#[test]
fn an_array_that_cannot_be_read_is_a_problem_of_its_image() {
    let bench = Bench::new();
    let good = plain(&[2, 4, 4]);
    let with = |change: &dyn Fn(&mut Value)| {
        let mut metadata = good.clone();
        change(&mut metadata);
        metadata.to_string()
    };
    let text = good.to_string();
    let cases = [
        (text[..text.len() / 2].to_owned(), "cannot be read"),
        (with(&|array| array["node_type"] = json!("group")), "it is a group, not an array"),
        (with(&|array| drop(array.as_object_mut().expect("object").remove("shape"))), "has no shape"),
        (with(&|array| array["shape"] = json!([2, -4, 4])), "-4 is no extent"),
        (with(&|array| array["shape"] = json!([2, 4.5, 4])), "4.5 is no extent"),
        (with(&|array| array["shape"] = json!("large")), "shape is not a list"),
        (with(&|array| array["shape"] = json!(vec![1; 100_000])), "100000 axes"),
        (with(&|array| array["shape"] = json!([2, 4])), "3 axes, shape has 2"),
        (with(&|array| array["chunk_grid"]["configuration"]["chunk_shape"] = json!([1, 0, 4])), "zero along an axis"),
        (with(&|array| array["chunk_grid"] = json!({"name": "fractal"})), "chunk_grid is not regular"),
        (with(&|array| array["codecs"] = json!({})), "codecs is not a list"),
        (with(&|array| array["data_type"] = json!(7)), "data_type"),
        (text.replace("\"fill_value\":0", "\"fill_value\":1e"), "cannot be read"),
        (format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)), "cannot be read"),
    ];
    for (nth, (metadata, part)) in cases.iter().enumerate() {
        image(&bench, "a.zarr", metadata);
        let ran = bench.line("info a.zarr").expect(1).says(&["a.zarr: 1 thing(s) could not be read"]);
        assert!(ran.out.contains("PROBLEM") && ran.out.contains(part), "case {nth}, {part}:\n{}", ran.out);
        let report = bench.line("info a.zarr --json").expect(1).json();
        let problem = report["images"][0]["problems"][0].as_str().unwrap_or_default();
        assert!(problem.contains(part), "{problem}");
    }
}

#[test]
fn huge_numbers_are_shown_and_never_multiplied_over() {
    let bench = Bench::new();
    image(&bench, "huge.zarr", &plain(&[u64::MAX, u64::MAX, u64::MAX]).to_string());
    bench.file("huge.zarr/0/c/0/0/0", [0; 32]);
    let ran = bench.line("info huge.zarr").expect(0);
    assert!(ran.out.contains("18446744073709551615") && ran.out.contains("1 of very many chunks"), "{}", ran.out);
    let huge = u64::MAX.to_string() + "0";
    image(&bench, "larger.zarr", &plain(&[2, 4, 4]).to_string().replace("[2,4,4]", &format!("[2,{huge},4]")));
    bench.line("info larger.zarr").expect(1).says(&["is no extent"]);
}

#[test]
fn attributes_of_the_wrong_kind_are_problems_or_left_out() {
    let bench = Bench::new();
    for (ome, part) in [
        (json!({"multiscales": 3}), "multiscales is not a list"),
        (json!({"multiscales": []}), "multiscales is not a list of at least one"),
        (json!({"multiscales": [7]}), "no datasets"),
        (json!({"multiscales": [{"datasets": [{}]}]}), "a dataset has no path"),
        (json!({"multiscales": [{"datasets": [{"path": "9"}]}]}), "there is no array"),
        (json!({"multiscales": multiscale("", &json!([{"path": "0"}])), "version": {}}), ""),
        (json!({"multiscales": multiscale("", &json!([{"path": "0", "coordinateTransformations": "?"}]))}), ""),
        (json!({"multiscales": multiscale("", &json!([{"path": "0"}])), "omero": {"channels": [1, {"label": 2}]}}), ""),
        (
            json!({"multiscales": [{"axes": [1, {"name": 3}], "datasets": [{"path": "0"}]}]}),
            "2 axes are declared, the array has 3",
        ),
    ] {
        bench.file("a.zarr/zarr.json", group(&json!({ "ome": ome })));
        bench.file("a.zarr/0/zarr.json", plain(&[2, 4, 4]).to_string());
        let ran = bench.line("info a.zarr");
        assert!(ran.out.contains(part), "{part}: {}", ran.out);
        ran.expect(i32::from(!part.is_empty()));
    }
    bench.file("b.zarr/zarr.json", group(&json!([1])));
    bench.line("info b.zarr").expect(1).says(&["attributes as a JSON object"]);
}

#[test]
fn an_image_that_is_listed_and_missing_is_shown_as_such() {
    let bench = Bench::new();
    bench.file("a.zarr/zarr.json", group(&json!({"ome": {"version": "0.5", "bioformats2raw.layout": 3}})));
    bench.file("a.zarr/OME/zarr.json", group(&json!({"ome": {"series": ["here", "gone", 7]}})));
    image(&bench, "a.zarr/here", &plain(&[2, 4, 4]).to_string());
    let report = bench.line("info a.zarr --json").expect(1).json();
    let paths: Vec<&str> =
        report["images"].as_array().expect("list").iter().filter_map(|image| image["path"].as_str()).collect();
    assert_eq!(paths, ["here", "gone"]);
    bench.file("a.zarr/OME/zarr.json", "{");
    let ran = bench.line("info a.zarr").expect(1).says(&["OME: zarr.json cannot be read"]);
    assert!(ran.out.contains("Image here"), "{}", ran.out);
}

#[test]
fn names_cannot_write_to_the_terminal() {
    let bench = Bench::new();
    let datasets = json!([{"path": "0"}]);
    let ome = json!({"version": "\u{1b}[2J", "multiscales": multiscale("\u{1b}]0;owned\u{7}", &datasets)});
    bench.file("a.zarr/zarr.json", group(&json!({ "ome": ome })));
    bench.file("a.zarr/0/zarr.json", plain(&[2, 4, 4]).to_string());
    let ran = bench.line("info a.zarr").expect(0);
    assert!(!ran.out.contains('\u{1b}') && ran.out.contains("owned"), "{:?}", ran.out);
}

#[test]
fn paths_out_of_the_store_are_not_followed() {
    let bench = Bench::new();
    image(&bench, "secret.zarr", &plain(&[2, 4, 4]).to_string());
    let inside = bench.path("secret.zarr/0").display().to_string();
    for path in ["../secret.zarr/0", &inside, "0/../../secret.zarr/0"] {
        let ome = json!({"multiscales": multiscale("", &json!([{"path": path}]))});
        bench.file("a.zarr/zarr.json", group(&json!({ "ome": ome })));
        let ran = bench.line("info a.zarr").expect(1).says(&["leads out of the store"]);
        assert!(!ran.out.contains("uint16"), "{}", ran.out);
    }
    bench.file("b.zarr/zarr.json", group(&json!({"ome": {"bioformats2raw.layout": 3}})));
    bench.file("b.zarr/OME/zarr.json", group(&json!({"ome": {"series": ["../secret.zarr"]}})));
    let ran = bench.line("info b.zarr").expect(1).says(&["leads out of the store"]);
    assert!(!ran.out.contains("uint16"), "{}", ran.out);
}

#[cfg(unix)]
#[test]
fn links_are_not_followed() {
    use std::os::unix::fs::symlink;
    let bench = Bench::new();
    image(&bench, "secret.zarr", &plain(&[2, 4, 4]).to_string());
    image(&bench, "a.zarr", &plain(&[2, 4, 4]).to_string());
    // The array is a link.
    fs::remove_dir_all(bench.path("a.zarr/0")).expect("removed");
    symlink(bench.path("secret.zarr/0"), bench.path("a.zarr/0")).expect("linked");
    let ran = bench.line("info a.zarr").expect(1).says(&["goes through a link"]);
    assert!(!ran.out.contains("uint16"), "{}", ran.out);
    // Only its metadata is, and a chunk.
    fs::remove_file(bench.path("a.zarr/0")).expect("removed");
    fs::create_dir(bench.path("a.zarr/0")).expect("made");
    symlink(bench.path("secret.zarr/0/zarr.json"), bench.path("a.zarr/0/zarr.json")).expect("linked");
    bench.line("info a.zarr").expect(1).says(&["zarr.json is a link"]);
    fs::remove_file(bench.path("a.zarr/0/zarr.json")).expect("removed");
    bench.file("a.zarr/0/zarr.json", plain(&[2, 4, 4]).to_string());
    bench.file("large", vec![0; 100_000]);
    fs::create_dir_all(bench.path("a.zarr/0/c/0/0")).expect("made");
    symlink(bench.path("large"), bench.path("a.zarr/0/c/0/0/0")).expect("linked");
    symlink(bench.path(""), bench.path("a.zarr/0/c/1")).expect("linked");
    let ran = bench.line("info a.zarr").expect(0);
    assert!(ran.out.contains("2 link(s) not followed") && ran.out.contains("0 B in 0 of 2 chunks"), "{}", ran.out);
}

#[cfg(unix)]
#[test]
fn a_pipe_in_the_place_of_metadata_does_not_hold_it_up() {
    let bench = Bench::new();
    fs::create_dir(bench.path("a.zarr")).expect("made");
    let made = std::process::Command::new("mkfifo").arg(bench.path("a.zarr/zarr.json")).status().expect("mkfifo");
    assert!(made.success());
    bench.line("info a.zarr").expect(1).says(&["zarr.json is not a file"]);
}

#[test]
fn damaged_frame_metadata_are_counted() {
    let bench = Bench::new();
    image(&bench, "a.zarr", &plain(&[2, 4, 4]).to_string());
    let lines = "{\"storage_index\": [0], \"frame\": 0}\nnot JSON\n{\"storage_index\": [1], \"fra";
    bench.file("a.zarr/frame_metadata.jsonl", lines);
    let ran = bench.line("info a.zarr").expect(0);
    assert!(ran.out.contains("metadata  of 1 frame\n") && ran.out.contains("2 line(s)"), "{}", ran.out);
}

#[test]
fn every_cut_of_the_metadata_of_a_real_store_is_survived() {
    let bench = Bench::new();
    bench.file("a.npy", npy("<u2", false, &[2, 10, 20], &frames(2, 10, 20)));
    bench.line("write a.npy -o a -d t:2:1:2,y:10:5:2,x:20:20:1 -c blosc-zstd").expect(0);
    for file in ["a.ome.zarr/zarr.json", "a.ome.zarr/0/zarr.json"] {
        let whole = fs::read(bench.path(file)).expect("written");
        for cut in (0..whole.len() - 2).step_by(whole.len() / 12) {
            fs::write(bench.path(file), &whole[..cut]).expect("written");
            bench.line("info a.ome.zarr").expect(1);
        }
        fs::write(bench.path(file), &whole).expect("written");
    }
    bench.line("info a.ome.zarr").expect(0);
}

/// JSON of any kind, with the keys that are looked at.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        prop_oneof![
            Just("0"),
            Just(".."),
            Just("regular"),
            Just("sharding_indexed"),
            Just("bytes"),
            Just("uint16"),
            Just("")
        ]
        .prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 64, 6, |inner| {
        let key = prop::sample::select(vec![
            "ome",
            "multiscales",
            "datasets",
            "path",
            "axes",
            "name",
            "configuration",
            "chunk_shape",
            "codecs",
            "series",
            "coordinateTransformations",
            "type",
            "scale",
            "bioformats2raw.layout",
            "omero",
            "channels",
            "version",
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((key, inner), 0..6).prop_map(|members| {
                members
                    .into_iter()
                    .map(|(key, value)| (key.to_owned(), value))
                    .collect::<serde_json::Map<_, _>>()
                    .into()
            }),
        ]
    })
}

/// Runs `info` on a store with these metadata and holds it to its exit codes.
fn survives(root: &[u8], array: &[u8]) -> Result<(), TestCaseError> {
    let bench = Bench::new();
    bench.file("a.zarr/zarr.json", root);
    bench.file("a.zarr/0/zarr.json", array);
    for arguments in [&["info", "a.zarr"][..], &["info", "a.zarr", "--json"]] {
        let ran = bench.run(arguments);
        prop_assert!(matches!(ran.code, Some(0 | 1)), "{:?}: {}", ran.code, ran.err);
        prop_assert!(!ran.err.contains("panicked"), "{}", ran.err);
        prop_assert!(!ran.out.contains('\u{1b}'), "{:?}", ran.out);
    }
    Ok(())
}

proptest! {
    // Each case starts the binary twice.
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_are_survived(root: Vec<u8>, array: Vec<u8>) {
        survives(&root, &array)?;
    }

    #[test]
    fn random_attributes_are_survived(ome in any_json(), array in any_json()) {
        survives(group(&json!({ "ome": ome, "ome_stream_write": ome })).as_bytes(), array.to_string().as_bytes())?;
    }

    #[test]
    fn random_arrays_are_survived(values in prop::collection::vec(any_json(), 6)) {
        let mut metadata = plain(&[2, 4, 4]);
        for (name, value) in
            ["shape", "data_type", "chunk_grid", "codecs", "fill_value", "dimension_names"].iter().zip(&values)
        {
            // Half of the fields stay as they are, so that the others are reached.
            if value.is_array() || value.is_object() || value.is_number() {
                metadata[*name] = value.clone();
            }
        }
        let ome = json!({"multiscales": multiscale("a", &json!([{"path": "0"}]))});
        survives(group(&json!({ "ome": ome })).as_bytes(), metadata.to_string().as_bytes())?;
    }

    #[test]
    fn one_changed_byte_is_survived(at: prop::sample::Index, byte: u8) {
        let ome = json!({"version": "0.5", "multiscales": multiscale("a", &json!([{"path": "0"}]))});
        let (mut root, mut array) = (group(&json!({ "ome": ome })).into_bytes(), plain(&[2, 4, 4]).to_string().into_bytes());
        let (in_root, in_array) = (at.index(root.len()), at.index(array.len()));
        root[in_root] = byte;
        survives(&root, &array)?;
        array[in_array] = byte;
        survives(group(&json!({ "ome": ome })).as_bytes(), &array)?;
    }
}
