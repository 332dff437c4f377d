//! What the tests share: the engine where there is one, a small settings document, and a reader of shard files.
#![allow(dead_code, reason = "each test program uses its part")]

use std::path::{Path, PathBuf};

use ome_stream_backend_acquire::error::LoadError;
use ome_stream_backend_acquire::library::{Candidate, Library, Source, VARIABLE};
use serde_json::{Value, json};

/// The engine, or `None` after saying why the test is skipped. A missing engine is a skip; a broken one is a failure.
pub fn engine() -> Option<&'static Library> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/venv");
    let named = std::env::var_os(VARIABLE).is_some() || std::env::var_os("VIRTUAL_ENV").is_some();
    let explicit = (!named && project.is_dir()).then_some(project);
    match Library::open(explicit.as_deref()) {
        Ok(library) => Some(library),
        Err(reason @ (LoadError::Platform { .. } | LoadError::Processor)) => skip(&reason),
        Err(LoadError::NotFound { searched, rejected }) if rejected.is_empty() => {
            skip(&LoadError::NotFound { searched, rejected })
        }
        Err(broken) => panic!("{broken}"),
    }
}

fn skip(reason: &LoadError) -> Option<&'static Library> {
    eprintln!("skipped: {reason}");
    None
}

/// The file of the engine as a candidate of its own.
pub fn candidate(library: &Library) -> Candidate {
    Candidate { path: library.path().to_path_buf(), source: Source::Settings }
}

pub const FRAME: usize = 8 * 8 * 2;

/// One uint16 array `t` (unbounded, shards of `frames` chunks) x 8 x 8, in chunks of 1 x 4 x 4: four chunks a frame.
pub fn document(store: &Path, frames: u32) -> Value {
    json!({
        "version": 2,
        "store_path": store.to_str().unwrap(),
        "overwrite": false,
        "max_threads": 2,
        "arrays": [array(None, frames, 0)],
    })
}

pub fn array(key: Option<&str>, frames_in_shard: u32, count: u32) -> Value {
    let mut array = json!({
        "data_type": "uint16",
        "is_ngff": false,
        "dimensions": [
            {"name": "t", "type": "time", "array_size_px": count, "chunk_size_px": 1, "shard_size_chunks": frames_in_shard},
            {"name": "y", "type": "space", "array_size_px": 8, "chunk_size_px": 4, "shard_size_chunks": 2},
            {"name": "x", "type": "space", "array_size_px": 8, "chunk_size_px": 4, "shard_size_chunks": 2},
        ],
    });
    if let Some(key) = key {
        array["output_key"] = json!(key);
    }
    array
}

/// A frame whose pixels carry its number and their own place, row by row.
pub fn frame(number: u16) -> Vec<u8> {
    (0..64).flat_map(|pixel: u16| (number * 100 + pixel + 1).to_le_bytes()).collect()
}

/// Every regular file below `root`, sorted.
pub fn files(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// Folder of the one array below `root`: the one whose `zarr.json` says `array`.
pub fn array_folder(root: &Path) -> PathBuf {
    let is_array = |path: &PathBuf| {
        path.ends_with("zarr.json") && std::fs::read_to_string(path).unwrap().contains("\"node_type\":\"array\"")
            || path.ends_with("zarr.json")
                && std::fs::read_to_string(path).unwrap().contains("\"node_type\": \"array\"")
    };
    let metadata = files(root).into_iter().find(is_array).expect("an array's metadata");
    metadata.parent().unwrap().to_path_buf()
}

pub fn shape(array: &Path) -> Vec<u64> {
    let metadata: Value = serde_json::from_slice(&std::fs::read(array.join("zarr.json")).unwrap()).unwrap();
    serde_json::from_value(metadata["shape"].clone()).unwrap()
}

/// The uncompressed chunks of a shard with its index at the end (16 bytes a chunk and a crc32c), `None` where empty.
pub fn chunks(shard: &Path, count: usize) -> Vec<Option<Vec<u8>>> {
    let bytes = std::fs::read(shard).unwrap();
    let index = &bytes[bytes.len() - 4 - 16 * count..bytes.len() - 4];
    let number = |at: usize| u64::from_le_bytes(index[at..at + 8].try_into().unwrap());
    (0..count)
        .map(|chunk| {
            let (offset, length) = (number(16 * chunk), number(16 * chunk + 8));
            (offset != u64::MAX).then(|| bytes[offset as usize..(offset + length) as usize].to_vec())
        })
        .collect()
}

/// The 4 x 4 tile of a frame that chunk `(row, column)` holds.
pub fn tile(frame: &[u8], row: usize, column: usize) -> Vec<u8> {
    (0..4).flat_map(|y| frame[((row * 4 + y) * 8 + column * 4) * 2..][..8].to_vec()).collect()
}
