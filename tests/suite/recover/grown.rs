//! Arrays that grow: how far they reach is told by what was written, not by the shape that readers saw last.

use std::fs;
use std::path::{Path, PathBuf};

use ome_stream::plan::{ArrayId, StorageUnit};
use ome_stream::recover::log::{self, PlacedChunk, Planes, SlotRun, chunks_entry, planes_entry};
use ome_stream::recover::{MISSING, Verdict, index_bytes, parse_index};
use ome_stream::settings::{Codec, Compression};
use ome_stream_tests::case::{Case, Step};

use crate::store::{self, Made, compare, look_and_mend, make};

const CODECS: [Codec; 2] = [Codec::None, Codec::Zstd];

/// A store of which readers saw the first frames, and whose writer was killed after it had written more.
struct Left {
    root: PathBuf,
    made: Made,
    log: Vec<u8>,
}

impl Left {
    /// The store of `frames` frames, with the log of a run that has not finished.
    fn new(case: &Case, folder: &Path, frames: u64) -> Self {
        let made = finished(case, folder, frames);
        Self { root: made.root.clone(), log: store::log_of(case, &made.root), made }
    }

    /// Writes the chunk at `place` of a shard as a store of more frames has it.
    fn write(&mut self, from: &Made, position: usize, place: usize, chunks: usize, complete: bool) {
        let array = &self.made.arrays[position];
        let path = array.join("c/0/0/0");
        let chunk = chunk(&from.root.join(&path), place, chunks);
        let file = self.root.join(&path);
        let mut bytes = fs::read(&file).expect("readable");
        let offset = bytes.len() as u64;
        let length = chunk.len() as u32;
        bytes.extend(chunk);
        fs::write(file, bytes).expect("written");
        let name: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
        let placed = [PlacedChunk { place: place as u32, length }];
        self.log.extend(chunks_entry(&name.join("/"), offset, complete, &placed));
    }

    /// Notes that planes were written.
    fn note(&mut self, position: u32, slab: u64, planes: u32) {
        self.log.extend(planes_entry(&Planes {
            array: ArrayId(position),
            slab: [slab, 0, 0],
            runs: vec![SlotRun { slots: 0..planes, arrivals: Some((0, 1)) }],
        }));
    }

    fn mended(self) -> (PathBuf, ome_stream::recover::Report) {
        // Behind the chunks lies the index that readers saw: it is the last thing in the file.
        fs::write(self.root.join(log::FILE_NAME), &self.log).expect("written");
        let report = look_and_mend(&self.root);
        assert_eq!(report.verdict, Verdict::Harmless, "{:#?}", report.findings);
        (self.root, report)
    }
}

fn finished(case: &Case, folder: &Path, frames: u64) -> Made {
    make(&case.clone().script(&[Step::Append(frames)]), &folder.join(frames.to_string()))
}

/// The bytes of a chunk of a shard with `chunks` of them.
fn chunk(shard: &Path, place: usize, chunks: usize) -> Vec<u8> {
    let bytes = fs::read(shard).expect("readable");
    let start = bytes.len() - index_bytes(chunks) as usize;
    let entry = parse_index(&bytes[start..], chunks).expect("an index")[place];
    assert_ne!(entry, MISSING, "chunk {place} of {}", shard.display());
    bytes[entry.0 as usize..][..entry.1 as usize].to_vec()
}

/// Puts the index that a shard had behind everything that was written since.
fn publish_again(left: &Left, position: usize, chunks: usize, index: &[u8]) {
    let shard = left.root.join(&left.made.arrays[position]).join("c/0/0/0");
    let mut bytes = fs::read(&shard).expect("readable");
    bytes.extend_from_slice(index);
    assert_eq!(index.len() as u64, index_bytes(chunks));
    fs::write(shard, bytes).expect("written");
}

fn index_of_shard(left: &Left, position: usize, chunks: usize) -> Vec<u8> {
    let bytes = fs::read(left.root.join(&left.made.arrays[position]).join("c/0/0/0")).expect("readable");
    bytes[bytes.len() - index_bytes(chunks) as usize..].to_vec()
}

#[test]
fn frames_behind_what_readers_saw_are_kept() {
    for codec in CODECS {
        for (dims, positions) in [("t:inf:1:4,y:32,x:32", 1), ("t:inf:1:4,p:2,y:32,x:32", 2)] {
            for noted in [true, false] {
                let case = Case::new("grown", dims).compression(Compression::new(codec));
                let folder = tempfile::tempdir().expect("a temporary folder");
                let mut left = Left::new(&case, folder.path(), 2 * positions);
                let more = finished(&case, folder.path(), 4 * positions);
                for position in 0..positions as usize {
                    // As a writer does that was killed between two indices: the last one lists all that the shape
                    // reaches.
                    let index = index_of_shard(&left, position, 4);
                    for place in 2..4 {
                        left.write(&more, position, place, 4, true);
                        if noted {
                            left.note(position as u32, place as u64, 1);
                        }
                    }
                    publish_again(&left, position, 4, &index);
                }
                let expected = store::expected(&case.script(&[Step::Append(4 * positions)]), &left.root);
                let (root, report) = left.mended();
                assert!(report.arrays.iter().all(|array| array.mended_shape[0] == 4), "{:#?}", report.arrays);
                compare(&expected, &root, &report, |_| true);
                assert!(!report.arrays.iter().any(|array| array.lost > 0));
            }
        }
    }
}

#[test]
fn an_open_chunk_counts_for_the_planes_that_had_come() {
    for codec in CODECS {
        let case = Case::new("grown", "t:inf:4:2,y:32,x:32").compression(Compression::new(codec));
        let folder = tempfile::tempdir().expect("a temporary folder");
        // Readers saw a whole chunk; of the next one two planes were written as a provisional copy.
        let mut left = Left::new(&case, folder.path(), 4);
        let index = index_of_shard(&left, 0, 2);
        let more = finished(&case, folder.path(), 6);
        left.write(&more, 0, 1, 2, false);
        left.note(0, 1, 2);
        publish_again(&left, 0, 2, &index);
        let expected = store::expected(&case.script(&[Step::Append(6)]), &left.root);
        let (root, report) = left.mended();
        assert_eq!(report.arrays[0].mended_shape[0], 6);
        compare(&expected, &root, &report, |_| true);
    }
}

#[test]
fn a_later_copy_of_a_chunk_replaces_an_earlier() {
    // Uncompressed chunks stay in their places.
    let case = Case::new("grown", "t:inf:4:1,y:32,x:32").compression(Compression::new(Codec::Zstd));
    let folder = tempfile::tempdir().expect("a temporary folder");
    // Every place of the index is taken, by copies with one plane.
    let mut left = Left::new(&case, folder.path(), 1);
    let index = index_of_shard(&left, 0, 1);
    let more = finished(&case, folder.path(), 4);
    left.write(&more, 0, 0, 1, true);
    left.note(0, 0, 4);
    publish_again(&left, 0, 1, &index);
    let expected = store::expected(&case.script(&[Step::Append(4)]), &left.root);
    let (root, report) = left.mended();
    assert_eq!(report.arrays[0].mended_shape[0], 4);
    compare(&expected, &root, &report, |_| true);
}

#[test]
fn logged_chunks_in_an_index_count_once() {
    // The shape was not written yet when the index was.
    let case = Case::new("grown", "t:inf:4:2,y:32,x:32");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let made = finished(&case, folder.path(), 4);
    let array = made.root.join("0/zarr.json");
    let text = fs::read_to_string(&array).expect("readable");
    fs::write(&array, with_extent(&text, 2)).expect("written");
    let mut log = store::log_of(&case, &made.root);
    log.extend(chunks_entry("0/c/0/0/0", 0, true, &[PlacedChunk { place: 0, length: 4 * 32 * 32 * 2 }]));
    fs::write(made.root.join(log::FILE_NAME), log).expect("written");
    let report = look_and_mend(&made.root);
    assert_eq!(report.arrays[0].mended_shape[0], 4, "{:#?}", report);
    compare(&made, &made.root, &report, |_| true);
}

/// The text of an array's metadata with another extent along its first axis.
fn with_extent(text: &str, extent: u64) -> Vec<u8> {
    let mut document: serde_json::Value = serde_json::from_str(text).expect("JSON");
    document["shape"][0] = extent.into();
    serde_json::to_vec_pretty(&document).expect("JSON")
}

#[test]
fn a_log_of_an_engine_that_took_frames_is_read() {
    let case = Case::new("frames", "t:inf:2:2,y:32,x:32");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let made = finished(&case, folder.path(), 6);
    let mut log = store::log_in_units(&case, &made.root, StorageUnit::Frame);
    for t in 0..6 {
        let runs = vec![SlotRun { slots: 0..1, arrivals: Some((t, 0)) }];
        log.extend(planes_entry(&Planes { array: ArrayId(0), slab: [t, 0, 0], runs }));
    }
    fs::write(made.root.join(log::FILE_NAME), log).expect("written");
    fs::write(made.root.join(".ome-stream/run/progress.json"), "{\"format\":1,\"frames\":0}").expect("written");
    let mut settings = case.settings.clone();
    settings.root_path = made.root.to_string_lossy().into_owned();
    settings.resume = true;
    let backend = ome_stream_backends::open("zarrs").expect("built in");
    let stream = ome_stream::Stream::create(&settings, &*backend).expect("goes on");
    assert_eq!(stream.status().accepted, 6);
    assert!(!made.root.join(".ome-stream/run/missing.jsonl").exists(), "nothing was lost");
}
