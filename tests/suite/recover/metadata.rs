//! Metadata made anew, and what is not a store of ours.

use std::fs;
use std::path::{Path, PathBuf};

use ome_stream::recover::{Options, Verdict, log, recover};
use serde_json::{Value, json};

use crate::store::{self, apply, compare, interrupt, kinds, look, look_and_mend, make};

fn json_of(path: impl AsRef<std::path::Path>) -> Value {
    serde_json::from_slice(&fs::read(path).expect("readable")).expect("JSON")
}

/// As a store of an earlier version, which has no mark.
fn forget_run(root: &Path) {
    fs::remove_dir_all(root.join(".ome-stream")).expect("removed");
    fs::write(root.join(".ome-stream.json"), "{\"frames\":8}").expect("written");
}

#[test]
fn an_image_is_made_anew_like_its_sibling() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let made = make(&kinds()[5], folder.path());
    let group = made.root.join(made.arrays[1].parent().expect("an image group")).join("zarr.json");
    let before = json_of(&group);
    fs::write(&group, "{").expect("written");
    forget_run(&made.root);
    interrupt(&made.root);
    let report = look_and_mend(&made.root);
    assert_eq!(report.verdict, Verdict::Lost, "{:#?}", report.findings);
    let after = json_of(&group);
    for part in ["/attributes/ome/multiscales/0/axes", "/attributes/ome/multiscales/0/name", "/attributes/ome/version"]
    {
        assert_eq!(after.pointer(part), before.pointer(part), "{part}");
    }
    compare(&made, &made.root, &report, |_| true);
}

#[test]
fn every_document_of_an_interrupted_run_is_made_anew_as_it_was() {
    for case in kinds() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let case = case.with(|settings| {
            for dimension in settings.dimensions.iter_mut().filter(|each| ["y", "x"].contains(&each.name.as_str())) {
                (dimension.scale, dimension.unit) = (Some(0.1), Some("micrometer".into()));
            }
        });
        let made = make(&case, folder.path());
        let zarr = case.zarr();
        let root = made.root.join(zarr.attributes_file());
        let group = fs::read(&root).expect("readable");
        // As a host's metadata that it had set while the run went on.
        let host = json!({"my_lab": {"operator": "A. B."}});
        fs::write(made.root.join(".ome-stream/run/attributes.json"), host.to_string()).expect("written");
        let group = ome_stream::zarr::json::with_member(&group, &zarr.attribute_at("my_lab"), &host["my_lab"]);
        fs::write(&root, group.expect("an object")).expect("written");
        let is_document =
            |path: &&PathBuf| path.file_name().is_some_and(|name| zarr.is_document(&name.to_string_lossy()));
        for path in store::files(&made.root).iter().filter(is_document) {
            for torn in ["", "{\"zarr_format\": 3, \"no", "\0\0\0\0"] {
                let name = folder.path().join("torn.ome.zarr");
                store::copy(&made.root, &name);
                let before = json_of(name.join(path));
                fs::write(name.join(path), torn).expect("written");
                interrupt(&name);
                let report = look_and_mend(&name);
                assert_eq!(report.verdict, Verdict::Harmless, "{}: {:#?}", path.display(), report.findings);
                let now = json_of(name.join(path));
                // How the run ended is not known of one that was interrupted.
                let without_name = |mut document: Value| {
                    ome_stream_tests::disk::forget_end(&mut document);
                    // The name is that of the folder, which is another now.
                    for name in ["/attributes/ome/multiscales/0/name", "/multiscales/0/name"] {
                        document.pointer_mut(name).map(Value::take);
                    }
                    document
                };
                assert_eq!(without_name(now), without_name(before), "{}: {}", case.name, path.display());
                fs::remove_dir_all(&name).expect("removed");
            }
        }
    }
}

#[test]
fn a_store_that_lost_its_record_is_no_empty_one() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let made = make(&kinds()[0], folder.path());
    fs::remove_file(made.root.join(".ome-stream/run/progress.json")).expect("removed");
    let before = store::contents(&made.root);
    let report = apply(&made.root);
    assert_eq!(report.verdict, Verdict::Harmless, "{report:#?}");
    assert!(report.findings.iter().all(|finding| finding.remedy.is_none()), "{:#?}", report.findings);
    let mut settings = made.case.settings_in(folder.path());
    settings.root_path = made.root.to_string_lossy().into_owned();
    settings.resume = true;
    let engine = ome_stream_backends::open("zarrs").expect("built in");
    let refused = ome_stream::Stream::create(&settings, &*engine).map(|stream| stream.status().accepted);
    assert!(refused.as_ref().is_err_and(|error| error.to_string().contains("frames")), "{refused:?}");
    assert_eq!(store::contents(&made.root), before);
}

/// Bytes that are no document for us and that no interrupted write leaves.
fn strange() -> Vec<(&'static str, Vec<u8>)> {
    let deep = format!("{{\"node_type\": \"array\", \"a\": {}1{}}}", "[".repeat(300), "]".repeat(300));
    vec![
        ("mark", "\u{feff}{\"zarr_format\": 3, \"node_type\": \"group\", \"attributes\": {}}".into()),
        ("deep", deep.into_bytes()),
        ("half", br#"{"zarr_format": 3, "node_type": "group", "attributes": {"name": "\ud800"}}"#.to_vec()),
        ("other", b"[1, 2, 3]".to_vec()),
        ("text", b"not JSON at all".to_vec()),
        ("utf16", "{\"zarr_format\": 3}".encode_utf16().flat_map(u16::to_le_bytes).collect()),
    ]
}

#[test]
fn what_no_interrupted_write_leaves_is_told_and_left_as_it_is() {
    for interrupted in [false, true] {
        for (kind, bytes) in strange() {
            for nth in [0, 5] {
                let folder = tempfile::tempdir().expect("a temporary folder");
                let made = make(&kinds()[nth], folder.path());
                for path in ["zarr.json".into(), made.arrays[0].join("zarr.json")] {
                    let whole = fs::read(made.root.join(&path)).expect("readable");
                    fs::write(made.root.join(&path), &bytes).expect("written");
                    if interrupted {
                        interrupt(&made.root);
                    }
                    let report = apply(&made.root);
                    let name = path.to_string_lossy().replace('\\', "/");
                    let told = report.findings.iter().find(|finding| finding.file == name);
                    let told = told.unwrap_or_else(|| panic!("{kind} in {name}: {report:#?}"));
                    assert_eq!(told.remedy, None, "{kind} in {name}");
                    assert_eq!(told.loses_frames, ["other", "text"].contains(&kind), "{kind}: {told:?}");
                    assert_eq!(fs::read(made.root.join(&path)).expect("readable"), bytes, "{kind} in {name}");
                    fs::write(made.root.join(&path), whole).expect("written");
                }
                compare(&made, &made.root, &look(&made.root), |_| true);
            }
        }
    }
}

#[cfg(unix)]
#[test]
fn metadata_that_are_a_link_are_left_alone() {
    for interrupted in [false, true] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let made = make(&kinds()[0], folder.path());
        for path in ["zarr.json", "0/zarr.json"] {
            let kept = folder.path().join("annex");
            fs::rename(made.root.join(path), &kept).expect("moved");
            std::os::unix::fs::symlink(&kept, made.root.join(path)).expect("linked");
            if interrupted {
                interrupt(&made.root);
            }
            let report = apply(&made.root);
            assert_eq!(report.verdict, Verdict::Harmless, "{report:#?}");
            assert_eq!(fs::read_link(made.root.join(path)).expect("a link still"), kept);
            fs::remove_file(made.root.join(path)).expect("removed");
            fs::rename(&kept, made.root.join(path)).expect("moved back");
        }
    }
}

#[test]
fn documents_of_python_are_kept_when_mending() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let made = make(&kinds()[4], folder.path());
    let (group, array) = (made.root.join("zarr.json"), made.root.join("0/zarr.json"));
    let put = |path: &Path, name: &str| {
        let text = fs::read_to_string(path).expect("readable");
        let text = ome_stream::zarr::json::with_member(text.as_bytes(), &["attributes", name], &json!("HERE"));
        let text = String::from_utf8(text.expect("an object")).expect("text");
        fs::write(path, text.replace("\"HERE\"", "{\"mean\": NaN, \"most\": -Infinity, \"n\": 1.50}"))
            .expect("written");
    };
    put(&group, "background");
    put(&array, "background");
    let report = look(&made.root);
    assert_eq!(report.verdict, Verdict::Whole, "{:#?}", report.findings);

    // An interrupted run whose shape and mirror are to be mended.
    let text = fs::read_to_string(&array).expect("readable");
    let short = text.replacen('6', "3", text.find('6').map_or(0, |_| 1));
    assert_ne!(short, text);
    fs::write(&array, &short).expect("written");
    fs::write(made.root.join("frame_metadata.jsonl"), "{\"storage_index\":[0],\"frame\":0}\n").expect("written");
    interrupt(&made.root);
    let report = look_and_mend(&made.root);
    assert_eq!(report.verdict, Verdict::Harmless, "{:#?}", report.findings);
    let words = "{\"mean\": NaN, \"most\": -Infinity, \"n\": 1.50}";
    assert!(fs::read_to_string(&array).expect("readable").contains(words));
    let group = fs::read_to_string(&group).expect("readable");
    assert!(group.contains(words) && group.contains("frame_metadata"), "{group}");
    // The reader of this test takes JSON only.
    let text = fs::read_to_string(&array).expect("readable");
    fs::write(&array, text.replace("NaN", "null").replace("-Infinity", "null")).expect("written");
    compare(&made, &made.root, &report, |_| true);
}

#[test]
fn later_edits_of_a_finished_run_are_not_mended_back() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let made = make(&kinds()[4], folder.path());
    let unchanged = |what: &str, verdict: Verdict| {
        let before = store::contents(&made.root);
        let report = apply(&made.root);
        assert_eq!(report.verdict, verdict, "{what}: {report:#?}");
        assert!(report.findings.iter().all(|finding| finding.remedy.is_none()), "{what}: {:#?}", report.findings);
        assert_eq!(store::contents(&made.root), before, "{what}");
        report
    };
    let edit = |path: &str, change: &dyn Fn(&mut Value)| {
        let path = made.root.join(path);
        let mut document = json_of(&path);
        change(&mut document);
        fs::write(path, document.to_string()).expect("written");
    };
    fs::write(made.root.join("frame_metadata.jsonl"), "{\"exposure\":1,\"storage_index\":[0],\"frame\":0}\n")
        .expect("written");
    edit("zarr.json", &|group| {
        group["attributes"]["ome_writers"] = json!({"frame_metadata": [{"exposure": 2, "storage_index": [0]}]});
    });
    let report = unchanged("frame metadata that were corrected", Verdict::Whole);
    assert!(report.notes.iter().any(|note| note.contains("differ")), "{:?}", report.notes);
    edit("0/zarr.json", &|array| array["shape"][0] = json!(3));
    let report = unchanged("a cropped array", Verdict::Whole);
    assert!(report.notes.iter().any(|note| note.contains("left alone")), "{:?}", report.notes);
    for folder in ["tables/cells/c/0", "labels/1", "OME", "notes"] {
        fs::create_dir_all(made.root.join(folder)).expect("made");
    }
    fs::write(made.root.join("tables/cells/c/0/0"), "theirs").expect("written");
    fs::write(made.root.join("labels/zarr.json.part"), "{").expect("written");
    fs::write(made.root.join("labels/1/.zarray"), "{}").expect("written");
    unchanged("folders of other tools", Verdict::Whole);
    fs::write(made.root.join("0/c/0/0/0.part"), "theirs").expect("written");
    unchanged("an unfinished file", Verdict::Whole);
    fs::write(made.root.join("zarr.json"), "{\"zarr_format\":").expect("written");
    unchanged("metadata that are torn", Verdict::Lost);
}

#[test]
fn a_lonely_image_is_made_anew_from_its_array() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let made = make(&kinds()[0], folder.path());
    let group = made.root.join("zarr.json");
    let before = json_of(&group);
    fs::write(&group, "").expect("written");
    forget_run(&made.root);
    interrupt(&made.root);
    let report = look_and_mend(&made.root);
    assert_eq!(report.verdict, Verdict::Lost, "{:#?}", report.findings);
    assert_eq!(fs::read(made.root.join("zarr.json.before-recover")).expect("kept"), b"");
    let after = json_of(&group);
    let axes = |document: &Value| {
        let axes = document.pointer("/attributes/ome/multiscales/0/axes").cloned().expect("axes");
        axes.as_array().expect("a list").iter().map(|axis| axis["name"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(axes(&after), axes(&before));
    compare(&made, &made.root, &report, |_| true);
}

#[test]
fn an_array_is_made_anew_like_its_sibling() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let made = make(&kinds()[5], folder.path());
    let array = made.root.join(&made.arrays[0]).join("zarr.json");
    let before = json_of(&array);
    fs::remove_file(&array).expect("removed");
    forget_run(&made.root);
    interrupt(&made.root);
    let report = look_and_mend(&made.root);
    assert_eq!(report.verdict, Verdict::Harmless, "{:#?}", report.findings);
    assert_eq!(json_of(&array), before);
}

#[test]
fn a_lonely_array_is_made_anew_from_the_record_of_its_run() {
    for case in [&kinds()[0], &kinds()[3], &kinds()[4]] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let made = make(case, folder.path());
        let array = made.root.join("0/zarr.json");
        let before = json_of(&array);
        fs::write(&array, "{\"shape\":").expect("written");
        interrupt(&made.root);
        let report = look_and_mend(&made.root);
        assert_eq!(report.verdict, Verdict::Harmless, "{:#?}", report.findings);
        assert_eq!(json_of(&array), before, "{}", case.name);
        compare(&made, &made.root, &report, |_| true);
    }
}

#[test]
fn an_array_without_a_record_cannot_be_mended() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let made = make(&kinds()[0], folder.path());
    fs::write(made.root.join("0/zarr.json"), "{\"shape\":").expect("written");
    fs::remove_dir_all(made.root.join(".ome-stream")).expect("removed");
    fs::write(made.root.join(".ome-stream.json"), "{\"frames\":8}").expect("written");
    interrupt(&made.root);
    for _ in 0..2 {
        let report = apply(&made.root);
        assert_eq!(report.verdict, Verdict::Lost);
        assert!(report.findings.iter().any(|finding| finding.file == "0/zarr.json" && finding.remedy.is_none()));
    }
}

#[test]
fn an_array_is_made_anew_from_the_log() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let made = make(&kinds()[0], folder.path());
    let array = made.root.join("0/zarr.json");
    let before = json_of(&array);
    fs::write(made.root.join(log::FILE_NAME), store::log_of(&kinds()[0], &made.root)).expect("written");
    fs::write(&array, "\0\0\0\0").expect("written");
    let report = look_and_mend(&made.root);
    assert_eq!(report.verdict, Verdict::Harmless, "{:#?}", report.findings);
    assert_eq!(json_of(&array), before);
}

#[test]
fn the_order_of_images_and_the_root_are_made_anew() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let made = make(&kinds()[5], folder.path());
    let (order, root) = (made.root.join("OME/zarr.json"), made.root.join("zarr.json"));
    let before = (json_of(&order), json_of(&root));
    fs::write(&order, "").expect("written");
    fs::write(&root, "").expect("written");
    forget_run(&made.root);
    interrupt(&made.root);
    let report = look_and_mend(&made.root);
    assert_eq!(report.verdict, Verdict::Lost, "{:#?}", report.findings);
    assert_eq!(json_of(&order).pointer("/attributes/ome"), before.0.pointer("/attributes/ome"));
    assert_eq!(json_of(&root).pointer("/attributes/ome"), before.1.pointer("/attributes/ome"));
}

#[test]
fn a_shape_that_does_not_reach_its_chunks_is_extended() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let made = make(&kinds()[4], folder.path());
    let array = made.root.join("0/zarr.json");
    let before = json_of(&array);
    let mut short = before.clone();
    short["shape"][0] = json!(3);
    fs::write(&array, short.to_string()).expect("written");
    interrupt(&made.root);
    let report = look_and_mend(&made.root);
    assert_eq!(report.verdict, Verdict::Harmless, "{:#?}", report.findings);
    assert_eq!(
        report.arrays[0].mended_shape,
        report.arrays[0].shape.iter().map(|_| 0).enumerate().map(|(axis, _)| [6, 64, 64][axis]).collect::<Vec<u64>>()
    );
    compare(&made, &made.root, &report, |_| true);
}

#[test]
fn what_is_not_ours_is_refused_and_not_touched() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let refuse = |name: &str, make: &dyn Fn(&std::path::Path)| {
        let path = folder.path().join(name);
        make(&path);
        let before = path.is_dir().then(|| crate::store::snapshot(&path));
        let error = recover(&path, &Options { apply: true, verifier: None }).expect_err(name);
        assert!(error.to_string().contains(name), "{error}");
        assert_eq!(path.is_dir().then(|| crate::store::snapshot(&path)), before);
    };
    let group =
        |attributes: Value| json!({"zarr_format": 3, "node_type": "group", "attributes": attributes}).to_string();
    refuse("nothing", &|_| {});
    refuse("file", &|path| fs::write(path, "text").expect("written"));
    refuse("empty", &|path| fs::create_dir(path).expect("made"));
    refuse("other", &|path| {
        fs::create_dir(path).expect("made");
        fs::write(path.join("zarr.json"), group(json!({"ome": {"version": "0.5"}}))).expect("written");
        fs::write(path.join("zarr.json.part"), "{").expect("written");
    });
    refuse("v2", &|path| {
        fs::create_dir(path).expect("made");
        fs::write(path.join(".zgroup"), "{\"zarr_format\": 2}").expect("written");
    });
    refuse("torn", &|path| {
        fs::create_dir(path).expect("made");
        fs::write(path.join("zarr.json"), "{").expect("written");
        fs::write(path.join("thesis.txt"), "years of work").expect("written");
    });
}

#[test]
fn a_report_is_json_with_the_worst_in_front() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let made = make(&kinds()[2], folder.path());
    fs::write(made.root.join("0/c/1/0/1"), "torn").expect("written");
    let report = serde_json::to_value(look(&made.root)).expect("JSON");
    assert_eq!(report["verdict"], "lost");
    assert_eq!(report["lost"], json!([{"array": "0", "chunk": [1, 0, 1], "first": [1], "end": [2]}]));
    assert_eq!(report["findings"][0]["file"], "0/c/1/0/1");
    assert_eq!(report["findings"][0]["state"], "torn");
}
