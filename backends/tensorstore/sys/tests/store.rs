//! The bridge by itself: what it stores, what it refuses, and that nothing refers to memory any more when it returns.
#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "store/keep.rs"]
mod keep;

use std::path::Path;

use ome_stream_tensorstore_sys::{Context, Region, Store, Transaction};
use serde_json::{Value, json};

fn context() -> Context {
    Context::new(&json!({"cache_pool": {"total_bytes_limit": 0}, "file_io_sync": false}).to_string()).unwrap()
}

fn bytes() -> Value {
    json!({"name": "bytes", "configuration": {"endian": "little"}})
}

fn sharded(chunk: &[u64], codecs: &[Value]) -> Value {
    json!([{"name": "sharding_indexed", "configuration": {
        "chunk_shape": chunk,
        "codecs": codecs,
        "index_codecs": [bytes(), {"name": "crc32c"}],
        "index_location": "end",
    }}])
}

/// Specification of a new uint16 array of `shape` with stored objects of `unit` pixels.
fn spec(folder: &Path, shape: &[u64], unit: &[u64], codecs: &Value) -> Value {
    json!({
        "driver": "zarr3",
        "kvstore": {"driver": "file", "path": folder.to_str().unwrap()},
        "metadata": {
            "shape": shape,
            "data_type": "uint16",
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": unit}},
            "codecs": codecs,
        },
        "create": true,
        "store_data_equal_to_fill_value": true,
    })
}

/// Pixels as bytes: a vector of `u16` keeps them aligned.
fn pixels(count: usize, seed: u16) -> Vec<u16> {
    (0..count).map(|at| (at as u16).wrapping_mul(31).wrapping_add(seed)).collect()
}

fn as_bytes(pixels: &[u16]) -> &[u8] {
    // SAFETY: the memory is initialized, and u8 has no alignment to keep.
    unsafe { std::slice::from_raw_parts(pixels.as_ptr().cast(), size_of_val(pixels)) }
}

fn read(store: &Store, origin: &[i64], shape: &[i64]) -> Vec<u16> {
    let mut found = vec![0u16; shape.iter().product::<i64>() as usize];
    // SAFETY: as above; every pattern of bytes is a u16.
    let bytes = unsafe { std::slice::from_raw_parts_mut(found.as_mut_ptr().cast(), size_of_val(&*found)) };
    store.read(Region { origin, shape }, bytes).unwrap();
    found
}

fn files(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
}

#[test]
fn what_is_written_is_read_with_and_without_shards_and_codecs() {
    let zstd = json!({"name": "zstd", "configuration": {"level": 1}});
    let blosc = json!({"name": "blosc", "configuration": {
        "cname": "lz4", "clevel": 5, "shuffle": "shuffle", "typesize": 2, "blocksize": 0}});
    let gzip = json!({"name": "gzip", "configuration": {"level": 1}});
    let chains = [
        json!([bytes()]),
        json!([bytes(), zstd]),
        json!([bytes(), blosc]),
        json!([bytes(), gzip]),
        sharded(&[1, 16, 16], &[bytes()]),
        sharded(&[2, 16, 32], &[bytes()]),
        sharded(&[1, 16, 16], &[bytes(), zstd.clone()]),
        sharded(&[1, 16, 16], &[bytes(), blosc.clone()]),
        sharded(&[1, 16, 16], &[bytes(), gzip.clone(), json!({"name": "crc32c"})]),
    ];
    for (nth, codecs) in chains.iter().enumerate() {
        for transaction in [Transaction::None, Transaction::PerRegion] {
            let folder = tempfile::tempdir().unwrap();
            let spec = spec(&folder.path().join("a/"), &[4, 32, 64], &[2, 32, 32], codecs);
            let store = Store::open(&context(), &spec.to_string()).unwrap();
            assert_eq!((store.shape(), store.item_size()), (vec![4, 32, 64], 2));
            let shape = [2, 32, 32];
            let origins = [[0, 0, 0], [0, 0, 32], [2, 0, 0], [2, 0, 32]];
            let data: Vec<_> = (0..4).map(|unit| pixels(2 * 32 * 32, unit)).collect();
            let regions = origins.iter().zip(&data);
            let regions = regions.map(|(origin, data)| (Region { origin, shape: &shape }, as_bytes(data)));
            store.write_all(regions, transaction, 2).unwrap();
            for (origin, data) in origins.iter().zip(&data) {
                assert_eq!(&read(&store, origin, &shape), data, "chain {nth}, {transaction:?}");
            }
            assert_eq!(files(folder.path()), 5, "four objects and the metadata; chain {nth}, {transaction:?}");
        }
    }
}

#[test]
fn pixels_that_are_all_fill_value_are_stored() {
    let folder = tempfile::tempdir().unwrap();
    let spec = spec(&folder.path().join("a/"), &[2, 8, 8], &[2, 8, 8], &sharded(&[1, 8, 8], &[bytes()]));
    let store = Store::open(&context(), &spec.to_string()).unwrap();
    let zeros = vec![0u16; 128];
    let region = Region { origin: &[0, 0, 0], shape: &[2, 8, 8] };
    store.write_all([(region, as_bytes(&zeros))], Transaction::PerRegion, 1).unwrap();
    let stored = std::fs::metadata(folder.path().join("a/c/0/0/0")).unwrap().len();
    assert_eq!(stored, 256 + 2 * 16 + 4, "two chunks, their index and its checksum");
}

#[test]
fn an_array_grows_and_shrinks_and_other_handles_see_it() {
    let folder = tempfile::tempdir().unwrap();
    let spec = spec(&folder.path().join("a/"), &[0, 8, 8], &[1, 8, 8], &json!([bytes()]));
    let mut store = Store::open(&context(), &spec.to_string()).unwrap();
    let shape = [1, 8, 8];
    let data = pixels(64, 7);
    let far = Region { origin: &[2, 0, 0], shape: &shape };
    assert!(store.write_all([(far, as_bytes(&data))], Transaction::None, 1).is_err(), "it is outside");
    store.resize(&[4, 8, 8]).unwrap();
    store.write_all([(far, as_bytes(&data))], Transaction::None, 1).unwrap();
    assert_eq!(files(folder.path()), 2);
    store.resize(&[3, 8, 8]).unwrap();
    let again = json!({"driver": "zarr3", "kvstore": spec["kvstore"]});
    let other = Store::open(&context(), &again.to_string()).unwrap();
    assert_eq!(other.shape(), [3, 8, 8]);
    assert_eq!(read(&other, &[2, 0, 0], &shape), data);
    store.resize(&[2, 8, 8]).unwrap();
    assert_eq!(files(folder.path()), 1, "what fell outside is removed");
}

#[test]
fn what_cannot_be_is_refused_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let says = |spec: &str, part: &str| {
        let error = Store::open(&context(), spec).unwrap_err();
        assert!(error.message.contains(part), "{part}: {error}");
    };
    says("{", "parse error");
    says(r#"{"driver": "n5"}"#, "driver");
    let missing = json!({"driver": "zarr3", "kvstore": {"driver": "file", "path": folder.path().join("b/")}});
    says(&missing.to_string(), "NOT_FOUND");
    assert!(Context::new(r#"{"cache_pool": 7}"#).is_err());

    let spec = spec(&folder.path().join("a/"), &[2, 8, 8], &[1, 8, 8], &json!([bytes()]));
    let store = Store::open(&context(), &spec.to_string()).unwrap();
    says(&spec.to_string(), "ALREADY_EXISTS");
    let data = pixels(65, 0);
    let bytes = as_bytes(&data);
    let refused = |origin: &[i64], shape: &[i64], bytes: &[u8], part: &str| {
        let error = store.write_all([(Region { origin, shape }, bytes)], Transaction::None, 1).unwrap_err();
        assert!(error.message.contains(part), "{part}: {error}");
        let mut target = bytes.to_vec();
        assert!(store.read(Region { origin, shape }, &mut target).is_err());
    };
    refused(&[0, 0], &[8, 8], &bytes[..128], "3 dimensions");
    refused(&[0, 0, 0], &[1, 8, 8], &bytes[..126], "126 bytes for a region of 128");
    refused(&[0, 0, 0], &[1, 0, 8], &[], "extent of 0");
    refused(&[0, 0, 0], &[1, i64::MAX, i64::MAX], &bytes[..128], "too many pixels");
    refused(&[1, 0, 4], &[1, 8, 8], &bytes[..128], "OUT_OF_RANGE");
    let error = store
        .write_all([(Region { origin: &[0, 0, 0], shape: &[1, 8, 8] }, &bytes[1..129])], Transaction::None, 1)
        .unwrap_err();
    assert!(error.message.contains("aligned"), "{error}");
}

/// Memory is given back right after each call, also after one that failed midway; AddressSanitizer sees who still
/// looks.
#[test]
fn nothing_refers_to_memory_after_a_failed_write() {
    for codecs in [json!([bytes()]), sharded(&[1, 64, 64], &[bytes()]), sharded(&[2, 32, 32], &[bytes()])] {
        let folder = tempfile::tempdir().unwrap();
        let spec = spec(&folder.path().join("a/"), &[16, 64, 64], &[2, 64, 64], &codecs);
        let store = Store::open(&context(), &spec.to_string()).unwrap();
        // A file where the folder of the second half has to be.
        std::fs::create_dir_all(folder.path().join("a/c")).unwrap();
        std::fs::write(folder.path().join("a/c/4"), "in the way").unwrap();
        for transaction in [Transaction::None, Transaction::PerRegion] {
            let shape = [2, 64, 64];
            let origins: Vec<[i64; 3]> = (0..8).map(|unit| [unit * 2, 0, 0]).collect();
            let data: Vec<Vec<u16>> = (0..8).map(|unit| pixels(2 * 64 * 64, unit)).collect();
            let regions = origins.iter().zip(&data);
            let regions = regions.map(|(origin, data)| (Region { origin, shape: &shape }, as_bytes(data)));
            let error = store.write_all(regions, transaction, 3).unwrap_err();
            drop(data);
            assert!(error.message.contains("c/4"), "{error}");
            let expected = pixels(2 * 64 * 64, 1);
            assert_eq!(read(&store, &origins[1], &shape), expected, "what was written before it stays");
        }
    }
}

#[test]
fn many_threads_write_one_store() {
    let folder = tempfile::tempdir().unwrap();
    let codecs = sharded(&[1, 32, 32], &[bytes()]);
    let spec = spec(&folder.path().join("a/"), &[64, 32, 32], &[4, 32, 32], &codecs);
    let store = Store::open(&context(), &spec.to_string()).unwrap();
    let shape = [4, 32, 32];
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let store = &store;
            scope.spawn(move || {
                for unit in (thread..16).step_by(4) {
                    let data = pixels(4 * 32 * 32, unit as u16);
                    let region = Region { origin: &[unit * 4, 0, 0], shape: &shape };
                    store.write_all([(region, as_bytes(&data))], Transaction::PerRegion, 1).unwrap();
                }
            });
        }
    });
    for unit in 0..16i64 {
        assert_eq!(read(&store, &[unit * 4, 0, 0], &shape), pixels(4 * 32 * 32, unit as u16));
    }
}
