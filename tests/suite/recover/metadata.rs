//! Metadata made anew, and what is not a store of ours.

use std::fs;

use ome_stream::buffer::Unit;
use ome_stream::recover::{Options, Verdict, log, recover};
use serde_json::{Value, json};

use crate::store::{self, apply, compare, interrupt, kinds, look, look_and_mend, make};

fn json_of(path: impl AsRef<std::path::Path>) -> Value {
    serde_json::from_slice(&fs::read(path).expect("readable")).expect("JSON")
}

#[test]
fn an_image_is_made_anew_like_its_sibling() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let made = make(&kinds()[5], folder.path());
    let group = made.root.join(made.arrays[1].parent().expect("an image group")).join("zarr.json");
    let before = json_of(&group);
    fs::write(&group, "{").expect("written");
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
fn a_lonely_image_is_made_anew_from_its_array() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let made = make(&kinds()[0], folder.path());
    let group = made.root.join("zarr.json");
    let before = json_of(&group);
    fs::write(&group, "").expect("written");
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
fn a_lonely_array_that_no_record_tells_of_cannot_be_mended_and_says_so_every_time() {
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
fn an_array_of_an_interrupted_run_is_made_anew_from_the_write_log() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let made = make(&kinds()[0], folder.path());
    let array = made.root.join("0/zarr.json");
    let before = json_of(&array);
    fs::write(made.root.join(log::FILE_NAME), log::run_record(&before, None, Unit::Chunk)).expect("written");
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
