//! One writer a store: who is refused, who may replace, and what happens where a store is moved under its writer.

use std::fs;
use std::path::{Path, PathBuf};

use ome_stream::plan::{Capabilities, StorageUnit};
use ome_stream::settings::{DataType, Settings, parse_dims};
use ome_stream::{Error, Plan, Stream};
use ome_stream_tests::child::{Ask, Process};
use ome_stream_tests::{disk, read};

use crate::acquisition::native;

fn settings(folder: &Path) -> Settings {
    let root = folder.join("a.ome.zarr").display().to_string();
    let mut settings = Settings::new(root, parse_dims("t:inf,y:16,x:16").expect("valid"), DataType::UInt8);
    settings.live_interval = 0.05;
    settings
}

fn overwriting(folder: &Path) -> Settings {
    Settings { overwrite: true, ..settings(folder) }
}

fn resuming(folder: &Path) -> Settings {
    Settings { resume: true, ..settings(folder) }
}

/// First pixel of every frame.
fn frames(root: &Path) -> Vec<u8> {
    read::zarrs(&root.join("0")).expect("readable").bytes.chunks(256).map(|frame| frame[0]).collect()
}

fn folders(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).expect("listed").map(|entry| entry.expect("listed").path()).collect()
}

#[test]
fn a_store_with_a_living_writer_is_left_alone() {
    for engine in ["zarrs", "acquire-zarr", "tensorstore"] {
        let Ok(backend) = ome_stream_backends::open(engine) else { continue };
        let folder = tempfile::tempdir().expect("a folder");
        let stream = Stream::create(&settings(folder.path()), &*backend).expect("made");
        stream.append(&[1; 256]).expect("taken");
        for settings in [overwriting(folder.path()), resuming(folder.path())] {
            let error = Stream::create(&settings, &*native()).expect_err("its writer lives");
            assert!(matches!(error, Error::Busy { .. }), "{engine}: {error}");
        }
        let apply = ome_stream::recover::Options { apply: true, verifier: None };
        let error = ome_stream::recover::recover(stream.plan().root(), &apply).expect_err("its writer lives");
        assert!(matches!(error, Error::Busy { .. }), "{engine}: {error}");
        stream.append(&[2; 256]).expect("taken");
        stream.finish().expect("finished");
        assert_eq!(frames(stream.plan().root()), [1, 2], "{engine}");
        assert_eq!(folders(folder.path()).len(), 1, "{engine}: nothing beside the store");
        let stream = Stream::create(&overwriting(folder.path()), &*native()).expect("the writer has ended");
        stream.finish().expect("finished");
    }
}

#[test]
fn a_writer_in_another_process_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut child = Process::start(env!("CARGO_BIN_EXE_ome-stream-test-child")).expect("started");
    let ask = Ask::Create { settings: Box::new(settings(folder.path())), backend: "zarrs".into(), delay_us: 0 };
    child.ask(&ask).expect("made");
    let error = Stream::create(&overwriting(folder.path()), &*native()).expect_err("its writer lives");
    let said = error.to_string();
    assert!(said.contains(&format!("process {}", child.id())) && said.contains("ome-stream-test-child"), "{said}");
    child.kill().expect("killed");
    let stream = Stream::create(&resuming(folder.path()), &*native()).expect("its writer is dead");
    stream.append(&[7; 256]).expect("taken");
    stream.finish().expect("finished");
    assert_eq!(frames(stream.plan().root()), [7]);
}

#[test]
fn a_kill_inside_create_leaves_a_usable_store() {
    let folder = tempfile::tempdir().expect("a folder");
    let whole = {
        let stream = Stream::create(&settings(folder.path()), &*native()).expect("made");
        let root = stream.plan().root().to_path_buf();
        let copy = folder.path().join("copy");
        copy_all(&root, &copy);
        stream.finish().expect("finished");
        fs::remove_dir_all(root).expect("removed");
        copy
    };
    fs::remove_file(whole.join(".ome-stream/run/owner.json")).expect("removed");
    fs::remove_file(whole.join(".ome-stream/run/progress.json")).expect("removed");
    let leave = |stage: usize, root: &Path| {
        if stage > 0 {
            copy_all(&whole, root);
        }
        match stage {
            0 => fs::create_dir(root).expect("made"),
            1 => {
                fs::remove_dir_all(root.join("0")).expect("removed");
                fs::remove_file(root.join("zarr.json")).expect("removed");
                fs::remove_dir_all(root.join(".ome-stream/run")).expect("removed");
            }
            2 => {
                fs::remove_dir_all(root.join("0")).expect("removed");
                fs::remove_file(root.join("zarr.json")).expect("removed");
            }
            3 => fs::remove_dir_all(root.join("0")).expect("removed"),
            _ => {}
        }
    };
    for stage in 0..5 {
        for settings in [overwriting(folder.path()), resuming(folder.path())] {
            let root = settings.output_path();
            leave(stage, &root);
            let stream = Stream::create(&settings, &*native()).unwrap_or_else(|error| panic!("stage {stage}: {error}"));
            stream.append(&[3; 256]).expect("taken");
            stream.finish().expect("finished");
            assert_eq!(frames(&root), [3], "stage {stage}");
            fs::remove_dir_all(&root).expect("removed");
            assert_eq!(folders(folder.path()), std::slice::from_ref(&whole), "stage {stage}: nothing is left");
        }
        // Without either, what is there stays.
        let root = settings(folder.path()).output_path();
        leave(stage, &root);
        let error = Stream::create(&settings(folder.path()), &*native()).expect_err("something is there");
        assert!(matches!(error, Error::AlreadyExists { .. }), "{error}");
        fs::remove_dir_all(&root).expect("removed");
    }
}

#[test]
fn a_store_replaced_under_its_writer_ends_the_run() {
    for replaced in [false, true] {
        let folder = tempfile::tempdir().expect("a folder");
        let stream = Stream::create(&settings(folder.path()), &*native()).expect("made");
        let root = stream.plan().root().to_path_buf();
        stream.append(&[1; 256]).expect("taken");
        fs::rename(&root, folder.path().join("elsewhere")).expect("renamed");
        let unlike = Settings { dtype: DataType::Int8, ..settings(folder.path()) };
        let other = replaced.then(|| Stream::create(&unlike, &*native()).expect("another store"));
        let documents = || {
            let all = ["zarr.json", "0/zarr.json", ".ome-stream/run/run.json", ".ome-stream/run/room.part"];
            all.map(|name| fs::read(root.join(name)).ok())
        };
        let before = documents();
        assert_eq!(before.iter().all(Option::is_some), replaced);
        disk::wait_for(|| match stream.append(&[2; 256]) {
            Ok(_) => Err("not noticed yet".to_owned()),
            Err(error) if error.root_cause().to_string().contains(&root.display().to_string()) => Ok(()),
            Err(error) => Err(error.to_string()),
        })
        .expect("noticed");
        stream.finish().expect_err("told again");
        drop(stream);
        assert!(documents() == before, "another's store is left alone");
        if let Some(other) = other {
            other.append(&[9; 256]).expect("taken");
            other.finish().expect("finished");
            assert_eq!(frames(&root), [9], "nothing of the first run");
        }
    }
}

#[test]
fn a_root_inside_of_a_store_or_above_one_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let stream = Stream::create(&settings(folder.path()), &*native()).expect("made");
    let root = stream.plan().root().to_path_buf();
    stream.append(&[1; 256]).expect("taken");
    stream.finish().expect("finished");
    let above = folder.path().join("day.ome.zarr");
    fs::create_dir(&above).expect("made");
    fs::write(above.join("zarr.json"), r#"{"zarr_format":3,"node_type":"group","attributes":{"ome":{}}}"#)
        .expect("written");
    fs::rename(&root, above.join("a.ome.zarr")).expect("renamed");
    let root = above.join("a.ome.zarr");
    for path in [above.clone(), root.join("0"), root.join("new.ome.zarr")] {
        for (overwrite, resume) in [(true, false), (false, true)] {
            let mut settings = Settings { overwrite, resume, ..settings(folder.path()) };
            settings.root_path = path.display().to_string();
            settings.format.suffix = String::new();
            if path.ends_with("0") {
                settings.root_path.push_str(".zarr");
                fs::rename(root.join("0"), root.join("0.zarr")).expect("renamed");
            }
            let error = Stream::create(&settings, &*native()).expect_err("not a place for a store");
            assert!(
                matches!(error, Error::InvalidSettings { .. }) && error.to_string().contains("a.ome.zarr"),
                "{error}"
            );
            if path.ends_with("0") {
                fs::rename(root.join("0.zarr"), root.join("0")).expect("renamed");
            }
        }
    }
    assert_eq!(frames(&root), [1]);
}

#[test]
fn a_relative_root_is_fixed_when_the_plan_is_made() {
    let mut settings = settings(Path::new("somewhere"));
    settings.root_path = "run".into();
    let plan = Plan::new(&settings, &Capabilities::taking(StorageUnit::Chunk)).expect("valid");
    assert_eq!(plan.root(), std::env::current_dir().expect("there").join("run.ome.zarr"));
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir(to).expect("made");
    for entry in fs::read_dir(from).expect("listed") {
        let entry = entry.expect("listed");
        let target = to.join(entry.file_name());
        match entry.file_type().expect("known").is_dir() {
            true => copy_all(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).expect("copied")),
        }
    }
}
