//! A small store, damaged as the input says.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use ome_stream::{Settings, Stream};

/// Settings of the store: shards of compressed chunks, two positions, an unbounded dimension.
const SETTINGS: &str = r#"{
    "root_path": "ROOT", "dtype": "uint16", "compression": "zstd", "durability": "none",
    "dimensions": [
        {"name": "t", "count": null, "type": "time", "chunk_size": 1, "shard_size_chunks": 2},
        {"name": "p", "type": "position", "coords": ["a", "b"]},
        {"name": "y", "count": 16, "type": "space", "chunk_size": 8, "shard_size_chunks": 2},
        {"name": "x", "count": 16, "type": "space", "chunk_size": 16, "shard_size_chunks": 1}
    ]
}"#;

/// Files of the store by their path below it, in order; the write log as it was before the run ended among them.
fn pristine() -> &'static [(PathBuf, Vec<u8>)] {
    static FILES: OnceLock<Vec<(PathBuf, Vec<u8>)>> = OnceLock::new();
    FILES.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let text = SETTINGS.replace("ROOT", &folder.path().join("store.ome.zarr").to_string_lossy());
        let settings = Settings::from_json(&text).expect("valid");
        let engine = ome_stream_backends::open("zarrs").expect("built in");
        let stream = Stream::create(&settings, &*engine).expect("made");
        for number in 0..6u8 {
            stream.append_with(&[number + 1; 512], "{\"delta_t\": 1}").expect("accepted");
        }
        let root = stream.plan().root().to_path_buf();
        let log = root.join(ome_stream::recover::log::FILE_NAME);
        while stream.status().written < 6 {
            std::thread::yield_now();
        }
        let bytes = fs::read(&log).expect("a running store has one");
        stream.finish().expect("finished");
        let mut files = Vec::new();
        list(&root, &root, &mut files);
        files.push((ome_stream::recover::log::FILE_NAME.into(), bytes));
        files.sort();
        files
    })
}

fn list(root: &Path, folder: &Path, files: &mut Vec<(PathBuf, Vec<u8>)>) {
    for entry in fs::read_dir(folder).expect("listed") {
        let path = entry.expect("listed").path();
        if path.is_dir() {
            list(root, &path, files);
        } else {
            let bytes = fs::read(&path).expect("readable");
            files.push((path.strip_prefix(root).expect("below the root").to_path_buf(), bytes));
        }
    }
}

/// Writes the store with the damage that `input` says: a sequence of (file, what, where, how many bytes, bytes).
pub fn store(input: &[u8]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut files = pristine().to_vec();
    let mut input = input.iter().copied();
    let mut next = || usize::from(input.next().unwrap_or(0));
    let wounds = 1 + next() % 4;
    for _ in 0..wounds {
        let count = files.len();
        let (path, bytes) = &mut files[next() % count];
        let what = next() % 5;
        let at = ((next() << 8) + next()) % (bytes.len() + 1);
        let length = next();
        match what {
            0 => bytes.truncate(at),
            1 => bytes[at..].iter_mut().take(length).for_each(|byte| *byte = next() as u8),
            2 => drop(bytes.splice(at..at, (0..length).map(|_| next() as u8).collect::<Vec<_>>())),
            3 => *path = format!("{}.part", path.display()).into(),
            _ => *bytes = (0..length).map(|_| next() as u8).collect(),
        }
    }
    for (path, bytes) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("below the folder")).expect("made");
        fs::write(path, bytes).expect("written");
    }
    folder
}
