//! Settings that cannot be used: refused with field, value and remedy, before anything is touched.
//!
//! Paths that are in the way are in `paths`, frames and skips in `refusals`; truncated TIFF and .npy files belong to
//! the command-line tool and its tests.

use ome_stream::plan::{Capabilities, StorageUnit};
use ome_stream::{Error, Plan, Settings, Stream};
use serde_json::{Value, json};

use crate::acquisition::{Acquisition, native};

/// Settings in JSON with `change` applied at `pointer`, as a host would send them.
fn settings(folder: &std::path::Path, pointer: &str, change: Value) -> String {
    let mut settings = json!({
        "root_path": folder.join("run"),
        "dimensions": [
            {"name": "t", "count": 3, "chunk_size": 1, "shard_size_chunks": 2},
            {"name": "c", "count": 2},
            {"name": "y", "count": 16, "chunk_size": 8},
            {"name": "x", "count": 16, "chunk_size": 8},
        ],
        "dtype": "uint16",
        "compression": "zstd",
    });
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
    let parent = settings.pointer_mut(parent).expect("the place is there");
    match parent.as_array_mut() {
        Some(list) => list.insert(key.parse().expect("an index"), change),
        None => parent[key] = change,
    }
    settings.to_string()
}

fn dimension(name: &str) -> Value {
    json!({"name": name, "count": 2, "type": "other"})
}

/// What a host would get: from the text to the stream.
fn start(text: &str) -> Result<Stream, Error> {
    Stream::create(&Settings::from_json(text)?, &*native())
}

#[test]
fn bad_settings_are_refused_by_field_and_value() {
    let huge = 1u64 << 62;
    let cases = [
        ("no rows", "/dimensions/2/count", json!(0), "dimensions[2].count", "0"),
        ("no time points", "/dimensions/0/count", json!(0), "dimensions[0].count", "0"),
        ("negative", "/dimensions/0/count", json!(-1), "dimensions[0].count", "-1"),
        ("empty chunks", "/dimensions/2/chunk_size", json!(0), "dimensions[2].chunk_size", "0"),
        ("empty shards", "/dimensions/0/shard_size_chunks", json!(0), "dimensions[0].shard_size_chunks", "0"),
        ("a frame beyond 63 bits", "/dimensions/2/count", json!(huge), "dimensions[2].count", "4611686018427387904"),
        (
            "more frames than 63 bits",
            "/dimensions/0/count",
            json!(u64::MAX),
            "dimensions[0].count",
            "18446744073709551615",
        ),
        ("two unbounded", "/dimensions/1/count", Value::Null, "dimensions[1].count", "null"),
        ("rows unbounded", "/dimensions/2/count", Value::Null, "dimensions[2].count", "null"),
        ("six axes", "/dimensions/1", dimension("a"), "", ""),
        ("duplicate names", "/dimensions/1/name", json!("t"), "dimensions[1].name", "\"t\""),
        ("a dimension without a name", "/dimensions/1/name", json!(""), "dimensions[1].name", "\"\""),
        (
            "a shard without a chunk",
            "/dimensions/1/shard_size_chunks",
            json!(2),
            "dimensions[1].shard_size_chunks",
            "2",
        ),
        ("unknown dtype", "/dtype", json!("uint12"), "dtype", "uint12"),
        ("big-endian dtype", "/dtype", json!(">u2"), "dtype", ">u2"),
        ("unknown codec", "/compression", json!("lzma"), "compression", "lzma"),
        ("unknown level", "/compression", json!({"codec": "zstd", "level": 99}), "compression.level", "99"),
        ("unknown unit", "/dimensions/2/unit", json!("parsnip"), "dimensions[2].unit", "parsnip"),
        ("unknown field", "/chunk_shape", json!([1]), "chunk_shape", ""),
        ("unknown field of a dimension", "/dimensions/0/chunks", json!(1), "chunks", ""),
        ("unknown order", "/storage_order", json!("xyz"), "storage_order", "xyz"),
        ("incomplete order", "/storage_order", json!(["t", "y", "x"]), "storage_order", "c"),
        ("unknown format", "/format", json!({"name": "hdf5"}), "format", "hdf5"),
        ("a path that is none", "/root_path", json!(""), "root_path", "\"\""),
        ("a URL", "/root_path", json!("s3://bucket/run"), "root_path", "s3://bucket/run"),
        ("too little memory to work in", "/memory_limit", json!(1000), "memory_limit", "1000"),
        ("no threads", "/threads", json!(0), "threads", "0"),
        ("an interval in the past", "/live_interval", json!(-1.0), "live_interval", "-1"),
    ];
    for (name, pointer, change, field, value) in cases {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut text = settings(folder.path(), pointer, change);
        if name == "six axes" {
            // Beside t, c, y, x: two more, and a position dimension makes seven.
            text = text.replacen(
                r#""dimensions":["#,
                r#""dimensions":[{"name":"p","count":2},{"name":"b","count":2,"type":"other"},"#,
                1,
            );
        }
        let error = start(&text).err().unwrap_or_else(|| panic!("{name} was accepted: {text}"));
        assert_eq!(error.code(), 1, "{name}: {error}");
        let said = error.to_string();
        assert!(said.contains(field) && said.contains(value), "{name}: {said}");
        let Error::InvalidSettings { remedy, .. } = &error else { panic!("{name}: {said}") };
        assert!(!remedy.is_empty(), "{name}: {said}");
        let left = std::fs::read_dir(folder.path()).expect("listed").count();
        assert_eq!(left, 0, "{name}: nothing is touched");
    }
}

#[test]
fn text_that_is_no_json_is_refused() {
    for text in ["", "{", "[]", "null", "\u{0}"] {
        assert_eq!(start(text).expect_err("refused").code(), 1, "{text:?}");
    }
}

#[test]
fn a_chunk_larger_than_its_dimension_is_clamped_with_a_note() {
    let run = Acquisition::new("t:3:10,y:16:64,x:16:64");
    let plan = Plan::new(&run.settings(), &Capabilities::taking(StorageUnit::Chunk)).expect("ome-writers clamps too");
    assert_eq!(plan.geometry().chunk(), [3, 16, 16]);
    let notes = plan.notes().join("\n");
    assert!(notes.contains("chunk_size 10 clamped to the 3 of t"), "{notes}");
    assert!(notes.contains("chunk_size 64 clamped to the 16 of x"), "{notes}");
}

#[test]
fn too_much_memory_is_refused_with_the_numbers() {
    // 256 planes of 4 MiB share a chunk: 1 GiB must be held before the first can be written.
    let run = Acquisition::new("z:256:256,y:1024:64,x:2048:64").with(|settings| settings.memory_limit = 256 << 20);
    let error = run.try_start_on(ome_stream::platform::native()).expect_err("does not fit");
    let Error::MemoryLimit { needed, limit, .. } = error else { panic!("{error}") };
    assert_eq!(limit, 256 << 20);
    assert!(needed >= 1 << 30, "{needed}");
    assert!(
        error.to_string().contains(&needed.to_string()) && error.to_string().contains("raise memory_limit"),
        "{error}"
    );
    assert!(!run.root().exists(), "nothing is touched");
    // What the error asks for is enough.
    let enough = run.with(|settings| {
        settings.memory_limit = needed;
        settings.threads = Some(1);
    });
    Plan::new(&enough.settings(), &Capabilities::taking(StorageUnit::Chunk)).expect("valid");
}

#[test]
fn an_unknown_engine_is_refused_with_those_that_there_are() {
    let error = ome_stream_backends::open("hdf5").expect_err("no such engine");
    assert!(error.to_string().contains("format.backend") && error.to_string().contains("zarrs"), "{error}");
}
