//! Links inside a store lead nowhere.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use ome_stream::recover::{Options, recover};
use ome_stream::zarr::ZarrFormat;

use crate::store::{self, apply, kinds, make, snapshot};

#[test]
fn a_file_that_became_a_link_is_replaced() {
    for case in kinds() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let made = make(&case, folder.path());
        for path in store::telling_files(&made.root) {
            for name in [path.clone(), Path::new(&format!("{}.part", path.display())).to_path_buf()] {
                let damaged = folder.path().join("damaged.ome.zarr");
                store::copy(&made.root, &damaged);
                let outside = folder.path().join("outside");
                fs::write(&outside, "somebody's work").expect("written");
                let _ = fs::remove_file(damaged.join(&name));
                symlink(&outside, damaged.join(&name)).expect("linked");
                // Something to do beside the link.
                fs::write(damaged.join("frame_metadata.jsonl"), "{\"storage_index\":[0],\"frame\":0}\n{")
                    .expect("written");
                let chunks = if case.zarr() == ZarrFormat::V2 { "0" } else { "c" };
                fs::write(damaged.join(&made.arrays[0]).join(chunks).join("0.part"), "rest").expect("written");
                let refused = recover(&damaged, &Options { apply: true, verifier: None }).is_err();
                assert!(!refused || path == Path::new("zarr.json"), "{}", path.display());
                assert_eq!(fs::read_to_string(&outside).expect("readable"), "somebody's work", "{}", name.display());
                fs::remove_dir_all(&damaged).expect("removed");
            }
        }
    }
}

#[test]
fn a_folder_that_became_a_link_is_not_entered() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let made = make(&kinds()[5], folder.path());
    let outside = folder.path().join("outside");
    fs::rename(made.root.join(&made.arrays[1]), &outside).expect("moved");
    symlink(&outside, made.root.join(&made.arrays[1])).expect("linked");
    fs::write(outside.join("zarr.json.part"), "{").expect("written");
    fs::write(outside.join("zarr.json"), "{").expect("written");
    let before = snapshot(&outside);
    let report = apply(&made.root);
    assert_eq!(snapshot(&outside), before);
    assert!(report.notes.iter().any(|note| note.contains("link")), "{:?}", report.notes);
}

#[test]
fn a_store_that_is_a_link_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let made = make(&kinds()[0], folder.path());
    let link = folder.path().join("link.ome.zarr");
    symlink(&made.root, &link).expect("linked");
    let error = recover(&link, &Options::default()).expect_err("a link");
    assert!(error.to_string().contains("link"), "{error}");
}
