//! Every byte is written once: counted by the kernel, for the whole process. One test, so that nobody else writes.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;

use ome_stream::settings::{DataType, Durability, parse_dims};
use ome_stream::{Settings, Stream};
use ome_stream_backend_tensorstore::TensorStoreBackend;

/// Bytes that this process has given to `write` calls and got from `read` calls.
fn moved() -> (u64, u64) {
    let text = fs::read_to_string("/proc/self/io").unwrap();
    let value = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key)).unwrap();
        line.trim().parse().unwrap()
    };
    (value("wchar:"), value("rchar:"))
}

#[test]
fn every_byte_is_written_once_and_none_is_read() {
    // Many frames in a chunk, many chunks in a shard, shards across the frame, edges that no chunk fits.
    let kinds =
        ["t:24:8,y:128,x:128", "t:24:1:8,y:128,x:128", "t:24:2:4,y:128:32:2,x:128:32:4", "t:10:4:2,y:120:64,x:100:64"];
    for dimensions in kinds {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("store").to_string_lossy().into_owned();
        let mut settings = Settings::new(root, parse_dims(dimensions).unwrap(), DataType::UInt16);
        settings.durability = Durability::None;
        let stream = Stream::create(&settings, &TensorStoreBackend).unwrap();
        let frame = vec![7; stream.plan().geometry().frame_bytes() as usize];
        let (written_before, read_before) = moved();
        while stream.append(&frame).is_ok() {}
        let report = stream.finish().unwrap();
        let (written, read) = moved();
        let (written, read) = (written - written_before, read - read_before);
        // Partial shards at the edges are stored whole, with fill value.
        let stored = report.bytes_written;
        let payload = report.frames * frame.len() as u64;
        assert!(stored >= payload, "{dimensions}: {stored} bytes stored of {payload}");
        // Group metadata are written again at the end.
        let small = 16 << 10;
        assert!(written < stored + small, "{dimensions}: {written} bytes written for {stored} that are stored");
        assert!(read < small, "{dimensions}: {read} bytes were read");
    }
}
