//! OME-NGFF 0.4 (on Zarr v2), 0.5 and 0.6: what a run promises holds in each.

use std::fs;
use std::path::Path;

use ome_stream::backend::{Backend, Batch, Capabilities, Sink, Stored, Unsupported};
use ome_stream::plan::StorageUnit;
use ome_stream::settings::{Checksum, NgffVersion};
use ome_stream::store::Store;
use ome_stream::zarr::ZarrFormat;
use ome_stream::{Plan, Result, Stream};
use ome_stream_tests::case::{Case, Step};
use ome_stream_tests::disk::wait_for;
use serde_json::{Value, json};

use crate::acquisition::{Acquisition, native};
use crate::continued::resuming;

const ALL: [NgffVersion; 3] = [NgffVersion::V0_4, NgffVersion::V0_5, NgffVersion::V0_6];

fn json_of(path: impl AsRef<Path>) -> Value {
    serde_json::from_slice(&fs::read(path).expect("there")).expect("JSON")
}

/// Attributes of the group in `folder`.
fn attributes(run: &Acquisition, folder: &str) -> Value {
    let zarr = run.case.zarr();
    let document = json_of(run.root().join(folder).join(zarr.attributes_file()));
    zarr.attributes_at().iter().fold(document, |inside, name| inside[*name].clone())
}

/// NGFF's own metadata of the group in `folder`.
fn ome(run: &Acquisition, folder: &str) -> Value {
    match run.case.zarr() {
        ZarrFormat::V2 => attributes(run, folder),
        ZarrFormat::V3 => attributes(run, folder)["ome"].clone(),
    }
}

fn channels(version: NgffVersion) -> Acquisition {
    let case = Case::new("run", "t:inf:2,c:2,y:16,x:16:8").dimension("c", |c| c.with_coords(["a", "b"]));
    Acquisition::of(case.version(version)).with(|settings| settings.live_interval = 0.05)
}

#[test]
fn readers_see_frames_while_they_come_in_every_version() {
    for version in ALL {
        let run = channels(version);
        let stream = run.start();
        // The store is valid before the first frame.
        assert_eq!(run.read().expect("an array").shape, [0, 2, 16, 16], "{version:?}");
        run.append(&stream, 0..5);
        wait_for(|| run.holds(&[Step::Append(5)])).unwrap_or_else(|error| panic!("{version:?}: {error}"));
        run.append(&stream, 5..6);
        stream.finish().expect("all well");
        run.assert_holds(&[Step::Append(6)]);
    }
}

#[test]
fn hosts_and_frames_have_their_metadata_in_every_version() {
    for version in ALL {
        let run = channels(version);
        let stream = run.start();
        stream.append_with(&run.frame(0), r#"{"delta_t": 0.5}"#).expect("taken");
        stream.set_metadata("lab", r#"{"operator": "A"}"#).expect("stored");
        assert_eq!(attributes(&run, "")["lab"]["operator"], "A", "{version:?}: at once");
        run.append(&stream, 1..3);
        stream.finish().expect("all well");
        let attributes = attributes(&run, "");
        let mirror = &attributes["ome_writers"]["frame_metadata"];
        let accepted = &mirror[0]["accepted"];
        assert_eq!(*mirror, json!([{"delta_t": 0.5, "storage_index": [0, 0], "accepted": accepted}]));
        assert_eq!(attributes["lab"], json!({"operator": "A"}));
        assert_eq!(ome(&run, "")["omero"]["channels"][1]["label"], "b", "{version:?}");
        let told = match version {
            NgffVersion::V0_4 => ome(&run, "")["multiscales"][0]["version"].clone(),
            NgffVersion::V0_5 | NgffVersion::V0_6 => ome(&run, "")["version"].clone(),
        };
        assert_eq!(told, version.name());
    }
}

#[test]
fn a_run_goes_on_in_every_version_and_keeps_edits() {
    for version in ALL {
        let run = channels(version);
        let stream = run.start();
        run.append(&stream, 0..5);
        stream.set_metadata("lab", r#"{"operator": "A"}"#).expect("stored");
        stream.finish().expect("all well");
        let file = run.root().join(run.case.zarr().attributes_file());
        let text = fs::read_to_string(&file).expect("there");
        fs::write(&file, text.replace("\"a\"", "\"renamed\"")).expect("written");
        let stream = Stream::create(&resuming(run.settings()), &*native()).expect("the same store");
        stream.set_metadata("more", r#"{"objective": 63}"#).expect("stored");
        run.append(&stream, 5..9);
        stream.finish().expect("all well");
        run.assert_holds(&[Step::Append(9)]);
        assert_eq!(ome(&run, "")["omero"]["channels"][0]["label"], "renamed", "{version:?}");
        let attributes = attributes(&run, "");
        assert_eq!((&attributes["lab"]["operator"], &attributes["more"]["objective"]), (&json!("A"), &json!(63)));
    }
}

#[test]
fn a_store_of_another_version_is_not_gone_on_with() {
    for (made, asked, says) in [
        (NgffVersion::V0_5, NgffVersion::V0_6, "version is \"0.5\", the settings say \"0.6\""),
        (NgffVersion::V0_6, NgffVersion::V0_5, "version is \"0.6\", the settings say \"0.5\""),
        (NgffVersion::V0_4, NgffVersion::V0_5, "it is of Zarr v2; format.version \"0.5\" lies on Zarr v3"),
        (NgffVersion::V0_5, NgffVersion::V0_4, "it is of Zarr v3; format.version \"0.4\" lies on Zarr v2"),
    ] {
        let run = channels(made);
        let stream = run.start();
        run.append(&stream, 0..3);
        stream.finish().expect("all well");
        let mut settings = resuming(run.settings());
        settings.format.version = asked;
        let error = Stream::create(&settings, &*native()).expect_err("another version");
        assert_eq!(error.code(), 17, "{error}");
        assert!(error.to_string().contains(says), "{error} should say {says}");
        run.assert_holds(&[Step::Append(3)]);
    }
}

#[test]
fn stores_of_zarr_v2_have_nothing_of_v3_and_can_be_replaced() {
    let case = Case::new("run", "p:2,t:2,y:8,x:8").version(NgffVersion::V0_4);
    let run = Acquisition::of(case);
    for round in 0..2 {
        let stream = run.start_again(round > 0);
        run.append(&stream, 0..4);
        stream.finish().expect("all well");
    }
    let mut waiting = vec![run.root()];
    let mut names = Vec::new();
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(folder).expect("listed") {
            let entry = entry.expect("listed");
            names.push(entry.file_name().to_string_lossy().into_owned());
            waiting.extend(entry.file_type().expect("known").is_dir().then(|| entry.path()));
        }
    }
    assert!(!names.iter().any(|name| name == "zarr.json" || name == "c"), "{names:?}");
    // Two images, OME, the root, and our folder are groups; two arrays and one of ours.
    let count = |wanted: &str| names.iter().filter(|name| *name == wanted).count();
    assert_eq!((count(".zgroup"), count(".zattrs"), count(".zarray")), (5, 4, 3), "{names:?}");
}

/// An engine that writes arrays of Zarr v3 only, and looks at nothing itself.
#[derive(Debug)]
struct OnlyV3;

impl Backend for OnlyV3 {
    fn name(&self) -> &'static str {
        "only-v3"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::taking(StorageUnit::Chunk)
    }

    fn check(&self, _plan: &Plan) -> Result<(), Unsupported> {
        Ok(())
    }

    fn create(&self, _store: &std::sync::Arc<Store>) -> Result<Box<dyn Sink>> {
        Ok(Box::new(Self))
    }
}

impl Sink for OnlyV3 {
    fn write(&self, _batch: &Batch<'_>) -> Result<Stored> {
        Ok(Stored::default())
    }

    fn skip(&self, _batch: &Batch<'_>) -> Result<Stored> {
        Ok(Stored::default())
    }
}

#[test]
fn engines_without_checksums_refuse_them() {
    let run = channels(NgffVersion::V0_5)
        .with(|settings| settings.compression = settings.compression.with_checksum(Checksum::Crc32c));
    for name in ["only-v3", "acquire-zarr"] {
        let engine: Box<dyn Backend> = match name {
            "only-v3" => Box::new(OnlyV3),
            _ => ome_stream_backends::open(name).expect("built in"),
        };
        let text = Stream::create(&run.settings(), &*engine).expect_err("no checksums").to_string();
        for part in [name, "compression.checksum", "crc32c", "zarrs"] {
            assert!(text.contains(part), "{text} should say {part}");
        }
        assert!(!run.root().exists());
    }
}

#[test]
fn engines_without_zarr_v2_refuse_version_0_4() {
    let run = channels(NgffVersion::V0_4);
    let error = Stream::create(&run.settings(), &OnlyV3).expect_err("an engine of Zarr v3");
    let text = error.to_string();
    for part in ["only-v3", "format.version \"0.4\"", "Zarr v2", "zarrs"] {
        assert!(text.contains(part), "{text} should say {part}");
    }
    assert!(!run.root().exists());
    for name in ["acquire-zarr", "tensorstore"] {
        let Ok(engine) = ome_stream_backends::open(name) else { continue };
        let text = Stream::create(&run.settings(), &*engine).expect_err("an engine of Zarr v3").to_string();
        for part in [name, "0.4", "Zarr v2", "zarrs"] {
            assert!(text.contains(part), "{text} should say {part}");
        }
        assert!(!run.root().exists());
    }
}
