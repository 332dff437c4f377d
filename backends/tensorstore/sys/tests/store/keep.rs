//! Stored objects that go to the caller instead of to files: the same bytes, and its failures are the write's.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use ome_stream_tensorstore_sys::{Context, Keep, Pieces, Region, Store, Transaction};
use serde_json::{Value, json};

const SHAPE: [i64; 3] = [2, 64, 128];

/// Keeps everything, but fails for the third row of units and panics for the fourth.
#[derive(Default)]
struct Shelf(Mutex<BTreeMap<String, Vec<u8>>>);

impl Keep for Shelf {
    fn put(&self, key: &str, mut value: Pieces<'_>) -> Result<(), String> {
        assert!(!key.starts_with("c/3/"), "no room in the fourth row");
        if key.starts_with("c/2/") {
            return Err(format!("{key} is not wanted"));
        }
        let length = value.length();
        let mut bytes = Vec::new();
        while let Some(piece) = value.next_piece() {
            assert!(!piece.is_empty());
            bytes.extend_from_slice(piece);
        }
        assert_eq!(bytes.len(), length);
        self.0.lock().unwrap().insert(key.to_owned(), bytes);
        Ok(())
    }
}

fn metadata(codecs: &Value) -> Value {
    json!({
        "zarr_format": 3,
        "node_type": "array",
        "shape": [8, 64, 256],
        "data_type": "uint16",
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": SHAPE}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": 0,
        "codecs": codecs,
        "attributes": {},
    })
}

fn spec(codecs: &Value) -> Value {
    json!({
        "driver": "zarr3", "metadata": metadata(codecs), "open": true, "assume_metadata": true,
        "store_data_equal_to_fill_value": true, "recheck_cached_data": false,
    })
}

fn in_files(folder: &Path, codecs: &Value) -> Value {
    let mut spec = spec(codecs);
    spec["kvstore"] = json!({"driver": "file", "path": format!("{}/", folder.display())});
    spec
}

fn chains() -> Vec<Value> {
    let bytes = json!({"name": "bytes", "configuration": {"endian": "little"}});
    let zstd = json!({"name": "zstd", "configuration": {"level": 1}});
    let sharded = |chunk: &[u64], codecs: &[&Value]| {
        json!([{"name": "sharding_indexed", "configuration": {
            "chunk_shape": chunk,
            "codecs": codecs,
            "index_codecs": [&bytes, {"name": "crc32c"}],
            "index_location": "end",
        }}])
    };
    vec![
        json!([bytes]),
        json!([bytes, zstd]),
        sharded(&[1, 16, 16], &[&bytes]),
        sharded(&[1, 64, 128], &[&bytes]),
        sharded(&[2, 32, 32], &[&bytes, &zstd]),
    ]
}

fn context() -> Context {
    Context::new(&json!({"cache_pool": {"total_bytes_limit": 0}, "file_io_sync": false}).to_string()).unwrap()
}

fn pixels(seed: u16) -> Vec<u16> {
    (0..SHAPE.iter().product::<i64>()).map(|at| (at as u16).wrapping_mul(31).wrapping_add(seed)).collect()
}

fn write(store: &Store, unit: [i64; 2], pixels: &[u16], transaction: Transaction) -> Result<(), String> {
    // SAFETY: the memory is initialized, and u8 has no alignment to keep.
    let bytes = unsafe { std::slice::from_raw_parts(pixels.as_ptr().cast(), size_of_val(pixels)) };
    let origin = [unit[0] * SHAPE[0], 0, unit[1] * SHAPE[2]];
    let region = Region { origin: &origin, shape: &SHAPE };
    store.write_all([(region, bytes)], transaction, 1).map_err(|error| error.message)
}

#[test]
fn what_is_kept_is_what_would_lie_in_files() {
    for codecs in chains() {
        for transaction in [Transaction::None, Transaction::PerRegion] {
            if transaction == Transaction::None && codecs[0]["name"] == "sharding_indexed" {
                // Chunk by chunk a shard is read again: not what a keeper is for.
                continue;
            }
            let folder = tempfile::tempdir().unwrap();
            let shelf = Arc::new(Shelf::default());
            let kept = Store::open_kept(&context(), &spec(&codecs).to_string(), Box::new(Arc::clone(&shelf))).unwrap();
            let filed = Store::open(&context(), &in_files(folder.path(), &codecs).to_string()).unwrap();
            for (unit, data) in [([0, 0], pixels(1)), ([1, 1], pixels(2)), ([0, 1], vec![0; pixels(0).len()])] {
                write(&kept, unit, &data, transaction).unwrap();
                write(&filed, unit, &data, transaction).unwrap();
            }
            let shelf = shelf.0.lock().unwrap();
            assert_eq!(shelf.keys().collect::<Vec<_>>(), ["c/0/0/0", "c/0/0/1", "c/1/0/1"]);
            for (key, bytes) in &*shelf {
                assert!(fs::read(folder.path().join(key)).unwrap() == *bytes, "{key}, {codecs}, {transaction:?}");
            }
        }
    }
}

/// Two stores at once: TensorStore shares stores that it takes for the same.
#[test]
fn each_store_has_its_own_keeper() {
    let context = context();
    let shelves = [Arc::new(Shelf::default()), Arc::new(Shelf::default())];
    let stores = shelves
        .each_ref()
        .map(|shelf| Store::open_kept(&context, &spec(&chains()[0]).to_string(), Box::new(Arc::clone(shelf))).unwrap());
    write(&stores[0], [0, 0], &pixels(1), Transaction::None).unwrap();
    write(&stores[1], [1, 0], &pixels(1), Transaction::None).unwrap();
    for (shelf, key) in shelves.iter().zip(["c/0/0/0", "c/1/0/0"]) {
        assert_eq!(shelf.0.lock().unwrap().keys().collect::<Vec<_>>(), [key]);
    }
}

/// Memory is given back right after each failure; AddressSanitizer sees who still looks.
#[test]
fn what_a_keeper_refuses_fails_one_write_only() {
    for codecs in chains() {
        let shelf = Arc::new(Shelf::default());
        let store = Store::open_kept(&context(), &spec(&codecs).to_string(), Box::new(Arc::clone(&shelf))).unwrap();
        let refused = write(&store, [2, 1], &pixels(3), Transaction::PerRegion).unwrap_err();
        assert!(refused.contains("c/2/0/1 is not wanted"), "{refused}");
        let panicked = write(&store, [3, 0], &pixels(4), Transaction::PerRegion).unwrap_err();
        assert!(panicked.contains("c/3/0/0 panicked"), "{panicked}");
        write(&store, [1, 0], &pixels(5), Transaction::PerRegion).unwrap();
        assert_eq!(shelf.0.lock().unwrap().keys().collect::<Vec<_>>(), ["c/1/0/0"]);
    }
}
