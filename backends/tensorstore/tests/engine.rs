//! The engine in a stream: what lies on disk, what survives, what is refused.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ome_stream::backend::Backend;
use ome_stream::platform;
use ome_stream::platform::faulty::{Fault, FaultyDisk, Operation, Script};
use ome_stream::settings::{Checksum, Codec, Compression, DataType, Durability, NgffVersion, Shuffle, parse_dims};
use ome_stream::{Error, Settings, Stream};
use ome_stream_backend_tensorstore::TensorStoreBackend;
use ome_stream_tensorstore_sys::{Context, Store};
use serde_json::{Value, json};

fn settings(folder: &Path, name: &str, dimensions: &str) -> Settings {
    let root = folder.join(name).to_string_lossy().into_owned();
    let mut settings = Settings::new(root, parse_dims(dimensions).unwrap(), DataType::UInt16);
    settings.durability = Durability::None;
    settings
}

/// Appends `frames` frames in which each pixel has the frame's number, from 1.
fn append(stream: &Stream, frames: u16) {
    let length = stream.plan().geometry().frame_bytes() as usize;
    for number in 1..=frames {
        let frame: Vec<u8> = std::iter::repeat_n(number.to_ne_bytes(), length / 2).flatten().collect();
        stream.append(&frame).unwrap();
    }
}

fn json_at(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// All dimensions, types and codecs that change something in array metadata.
fn every_kind(folder: &Path, name: &str) -> Vec<Settings> {
    let dimensions = ["y:20:16,x:30:8", "t:5:2,c:2,y:20,x:30", "t:inf:2:2,y:20:5:2,x:30:10:3", "z:3:1:2,y:16:8:2,x:16"];
    let compressions = [
        Compression::new(Codec::None),
        Compression::new(Codec::Zstd),
        Compression::new(Codec::Gzip).with_level(1),
        Compression::new(Codec::BloscLz4),
        Compression::new(Codec::BloscZstd).with_shuffle(Shuffle::Bit),
        Compression::new(Codec::BloscZstd).with_shuffle(Shuffle::None),
        Compression::new(Codec::None).with_checksum(Checksum::Crc32c),
        Compression::new(Codec::Zstd).with_checksum(Checksum::Crc32c),
    ];
    let dimensions = dimensions.iter().flat_map(|dimensions| compressions.map(|compression| (dimensions, compression)));
    dimensions
        .zip(DataType::ALL.iter().cycle())
        .enumerate()
        .map(|(nth, ((dimensions, compression), dtype))| {
            let mut settings = settings(folder, &format!("{name}-{nth}"), dimensions);
            settings.compression = compression;
            settings.dtype = *dtype;
            settings
        })
        .collect()
}

/// TensorStore takes our metadata for what we mean: opened from disk they are its own, codecs and all.
#[test]
fn tensorstore_itself_reads_the_metadata_as_they_are_meant() {
    let folder = tempfile::tempdir().unwrap();
    let context = Context::new("{}").unwrap();
    for settings in every_kind(folder.path(), "ours") {
        let stream = Stream::create(&settings, &TensorStoreBackend).unwrap();
        let array = stream.plan().array_path(0, 0);
        stream.finish().unwrap();
        let spec = json!({"driver": "zarr3", "kvstore": {"driver": "file", "path": format!("{}/", array.display())}});
        let found: Value =
            serde_json::from_str(&Store::open(&context, &spec.to_string()).unwrap().spec().unwrap()).unwrap();
        let ours = json_at(&array.join("zarr.json"));
        for field in ["shape", "data_type", "chunk_grid", "chunk_key_encoding", "codecs", "dimension_names"] {
            let (found, ours) = (without_defaults(&found["metadata"][field]), without_defaults(&ours[field]));
            assert_eq!(found, ours, "{field}, {settings:?}");
        }
        assert_eq!(found["metadata"]["fill_value"].as_f64(), ours["fill_value"].as_f64(), "{settings:?}");
    }
}

/// Takes out what says nothing that would not hold without it: TensorStore leaves some of that out.
fn without_defaults(value: &Value) -> Value {
    match value {
        Value::Array(values) => values.iter().map(without_defaults).collect(),
        Value::Object(fields) => {
            let noshuffle = fields.get("shuffle").is_some_and(|shuffle| shuffle == "noshuffle");
            let idle = |name: &str, value: &Value| match name {
                "separator" => value == "/",
                "index_location" => value == "end",
                "checksum" => value == false,
                "typesize" => noshuffle,
                "configuration" => value.as_object().is_some_and(serde_json::Map::is_empty),
                _ => false,
            };
            let fields = fields.iter().map(|(name, value)| (name.clone(), without_defaults(value)));
            Value::Object(fields.filter(|(name, value)| !idle(name, value)).collect())
        }
        other => other.clone(),
    }
}

#[test]
fn a_frame_of_fill_value_is_stored_and_a_skipped_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let stream = Stream::create(&settings(folder.path(), "store", "t:6:1:2,y:8,x:8"), &TensorStoreBackend).unwrap();
    let blank = vec![0; 128];
    stream.append(&blank).unwrap();
    stream.append(&blank).unwrap();
    stream.skip(2).unwrap();
    stream.append(&blank).unwrap();
    let report = stream.finish().unwrap();
    let array = stream.plan().array_path(0, 0);
    let stored: Vec<_> =
        files(&array.join("c")).iter().map(|file| file.strip_prefix(&array).unwrap().to_owned()).collect();
    assert_eq!(stored, [Path::new("c/0/0/0"), Path::new("c/2/0/0")]);
    assert_eq!((report.frames, report.skipped), (3, 2));
}

#[test]
fn an_unbounded_array_grows_and_ends_trimmed() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = settings(folder.path(), "store", "t:inf:1:2,y:8,x:8");
    settings.live_interval = 0.05;
    let stream = Stream::create(&settings, &TensorStoreBackend).unwrap();
    let metadata = stream.plan().array_path(0, 0).join("zarr.json");
    let shown = || json_at(&metadata)["shape"][0].as_u64().unwrap();
    assert_eq!(shown(), 0);
    append(&stream, 5);
    let deadline = Instant::now() + Duration::from_secs(20);
    while shown() < 4 && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(shown(), 4, "two shards are complete, the third is not");
    stream.finish().unwrap();
    assert_eq!(shown(), 5);
}

#[test]
fn each_shard_is_durable_where_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = settings(folder.path(), "store", "t:6:1:2,y:8,x:8");
    settings.durability = Durability::Shard;
    let stream = Stream::create(&settings, &TensorStoreBackend).unwrap();
    append(&stream, 5);
    let deadline = Instant::now() + Duration::from_secs(20);
    while stream.status().durable < 4 && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(stream.status().durable, 4);
    stream.finish().unwrap();
}

#[test]
fn a_store_that_vanishes_is_an_error_and_is_not_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let stream = Stream::create(&settings(folder.path(), "store", "t:inf,y:8,x:8"), &TensorStoreBackend).unwrap();
    let root = stream.plan().root().to_path_buf();
    append(&stream, 1);
    let deadline = Instant::now() + Duration::from_secs(20);
    // A write that is under way makes its folders; from the next one on the loss is seen.
    while stream.status().written < 1 && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
    fs::remove_dir_all(&root).unwrap();
    let frame = vec![1; 128];
    while stream.append(&frame).is_ok() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(matches!(stream.finish(), Err(Error::Failed { .. })), "{:?}", stream.status());
    assert!(
        !files(&root).iter().any(|file| file.components().any(|part| part.as_os_str() == "c")),
        "{:?}",
        files(&root)
    );
}

/// What a shard goes through on its way to its name, on a disk that tells: core's own, not TensorStore's.
#[test]
fn a_shard_is_written_whole_under_another_name() {
    for (durability, synced) in [(Durability::Shard, true), (Durability::None, false)] {
        let folder = tempfile::tempdir().unwrap();
        // Shards larger and smaller than what is gathered for one write, chunks that are contiguous and that are not.
        for (nth, dimensions) in
            ["t:3:1:3,y:1024:512,x:1024:256", "t:2:1:2,y:16:8:2,x:16:8:2", "t:2,y:512,x:512"].into_iter().enumerate()
        {
            let mut settings = settings(folder.path(), &format!("store-{nth}"), dimensions);
            settings.durability = durability;
            let disk = FaultyDisk::recording(platform::native());
            let stream = Stream::create_on(&settings, &TensorStoreBackend, Arc::new(disk.clone())).unwrap();
            append(&stream, if nth == 0 { 3 } else { 2 });
            stream.finish().unwrap();
            let shards = files(&stream.plan().array_path(0, 0).join("c"));
            assert!(!shards.is_empty() && shards.iter().all(|shard| shard.extension().is_none()), "{shards:?}");
            let log = disk.log();
            for shard in shards {
                let partial = platform::partial_name(&shard);
                let mut assembled = Vec::new();
                for operation in &log {
                    if let Operation::Write(path, offset, bytes) = operation
                        && *path == partial
                    {
                        assert_eq!(*offset, assembled.len() as u64, "one write follows the other");
                        assembled.extend_from_slice(bytes);
                    }
                }
                assert!(assembled == fs::read(&shard).unwrap(), "{}: {dimensions}", shard.display());
                assert!(log.contains(&Operation::Rename(partial.clone(), shard, synced)));
                assert!(log.contains(&Operation::Sync(partial, synced)));
            }
        }
    }
}

#[test]
fn what_the_disk_refuses_is_told_with_its_file() {
    let refuse = |operation: &Operation| match operation {
        Operation::Write(path, ..) | Operation::Create(path) => path.components().any(|part| part.as_os_str() == "c"),
        _ => false,
    };
    let rename = |operation: &Operation| matches!(operation, Operation::Rename(from, ..) if from.parent().is_some_and(|folder| folder.ends_with("0/0")));
    let no_space = 28;
    let scripts: [Box<Script>; 3] = [
        Box::new(move |_, operation| Fault { errno: refuse(operation).then_some(no_space), ..Fault::default() }),
        Box::new(move |_, operation| match operation {
            Operation::Write(..) if refuse(operation) => {
                Fault { torn_after: Some(10), errno: Some(no_space), ..Fault::default() }
            }
            _ => Fault::default(),
        }),
        Box::new(move |_, operation| Fault { errno: rename(operation).then_some(no_space), ..Fault::default() }),
    ];
    for (nth, script) in scripts.into_iter().enumerate() {
        let folder = tempfile::tempdir().unwrap();
        let disk = FaultyDisk::new(platform::native(), script);
        let settings = settings(folder.path(), "store", "t:inf:1:2,y:16:8:2,x:16:8:2");
        let stream = Stream::create_on(&settings, &TensorStoreBackend, Arc::new(disk)).unwrap();
        append(&stream, 2);
        let Err(error) = stream.finish() else { panic!("script {nth}: no error") };
        let Error::Failed { frame: 0, cause } = &error else { panic!("script {nth}: {error}") };
        assert!(matches!(&**cause, Error::Io { path, .. } if path.ends_with("c/0/0/0.part")), "script {nth}: {cause}");
        let left = files(&stream.plan().array_path(0, 0).join("c"));
        assert!(left.is_empty(), "script {nth}: {left:?}");
    }
}

#[test]
fn version_0_4_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = settings(folder.path(), "a", "t:2,y:8,x:8");
    settings.format.version = NgffVersion::V0_4;
    let text = Stream::create(&settings, &TensorStoreBackend).unwrap_err().to_string();
    for part in ["tensorstore", "format.version \"0.4\"", "Zarr v2", "zarrs"] {
        assert!(text.contains(part), "{text} should say {part}");
    }
    assert!(files(folder.path()).is_empty());
}

#[test]
fn it_says_what_it_is() {
    let version = TensorStoreBackend.capabilities().version;
    assert!(version.contains("0.1.86") && version.contains("stand-ins") && !version.contains("official"), "{version}");
}
