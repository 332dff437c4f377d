//! A shard file under thousands of schedules, with a reader at every step:
//! `cargo test -p ome-stream-backend-zarrs --features shuttle --lib schedules`.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ome_stream::journal::Log;
use ome_stream::platform::{AppendFile, Disk, DiskFile, SyncPoint, SyncPolicy};
use shuttle::sync::Mutex;
use shuttle::{check_random, thread};

use crate::account::Account;
use crate::shard_file::{Batches, Kind, ShardFile, ShardShape, Surroundings};

const CHUNK: usize = 4096;

/// Schedules of each kind of shard.
const SCHEDULES: usize = 1_000;

type Contents = Arc<Mutex<Vec<u8>>>;

/// Files in memory. A plain write happens in two halves with other threads between them; moving the length does not,
/// unless the disk is one that tears it.
#[derive(Debug, Clone, Default)]
struct MemoryDisk {
    names: Arc<Mutex<HashMap<PathBuf, Contents>>>,
    tears: bool,
}

#[derive(Debug)]
struct MemoryFile {
    contents: Contents,
    tears: bool,
}

#[derive(Debug)]
struct Nothing;

impl MemoryDisk {
    fn names(&self) -> shuttle::sync::MutexGuard<'_, HashMap<PathBuf, Contents>> {
        self.names.lock().expect("no panic while locked")
    }

    fn file(&self, contents: Contents) -> Box<dyn DiskFile> {
        Box::new(MemoryFile { contents, tears: self.tears })
    }

    fn contents(&self, path: &Path) -> Option<Vec<u8>> {
        let file = self.names().get(path).cloned()?;
        let bytes = file.lock().expect("no panic while locked").clone();
        Some(bytes)
    }
}

impl DiskFile for MemoryFile {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let (first, second) = bytes.split_at(bytes.len() / 2);
        for (offset, half) in [(offset as usize, first), (offset as usize + first.len(), second)] {
            let mut file = self.contents.lock().expect("no panic while locked");
            let end = file.len().max(offset + half.len());
            file.resize(end, 0);
            file[offset..offset + half.len()].copy_from_slice(half);
            drop(file);
            thread::yield_now();
        }
        Ok(())
    }

    fn extend_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        if self.tears {
            return self.write_at(offset, bytes);
        }
        let mut file = self.contents.lock().expect("no panic while locked");
        let end = file.len().max(offset as usize + bytes.len());
        file.resize(end, 0);
        file[offset as usize..offset as usize + bytes.len()].copy_from_slice(bytes);
        Ok(())
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.contents.lock().expect("no panic while locked").resize(length as usize, 0);
        Ok(())
    }

    fn sync(&self, _sync: SyncPolicy) -> io::Result<()> {
        Ok(())
    }
}

impl AppendFile for Nothing {
    fn append(&self, _bytes: &[u8]) -> io::Result<()> {
        Ok(())
    }
}

impl SyncPoint for Nothing {
    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

impl Disk for MemoryDisk {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn create_dir(&self, _path: &Path, _sync: SyncPolicy) -> io::Result<()> {
        Ok(())
    }

    fn create(&self, path: &Path, _expected: u64) -> io::Result<Box<dyn DiskFile>> {
        let file = Arc::new(Mutex::new(Vec::new()));
        self.names().insert(path.to_path_buf(), Arc::clone(&file));
        Ok(self.file(file))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let file = self.names().get(path).cloned().ok_or(io::ErrorKind::NotFound)?;
        Ok(self.file(file))
    }

    fn append(&self, _path: &Path, _bytes: &[u8], _sync: SyncPolicy) -> io::Result<()> {
        Ok(())
    }

    fn open_append(&self, _path: &Path) -> io::Result<Box<dyn AppendFile>> {
        Ok(Box::new(Nothing))
    }

    fn rename(&self, from: &Path, to: &Path, _sync: SyncPolicy) -> io::Result<()> {
        let mut names = self.names();
        let file = names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        names.insert(to.to_path_buf(), file);
        Ok(())
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.names().remove(path);
        Ok(())
    }

    fn sync_point(&self, _root: &Path) -> io::Result<Box<dyn SyncPoint>> {
        Ok(Box::new(Nothing))
    }
}

/// What a reader sees: how many chunks are listed and, where they are written in place, whole. Panics where the index
/// is not valid, or a listed chunk holds anything but what it should (or, in place, zeros).
fn read(disk: &MemoryDisk, path: &Path, chunks: usize, in_place: bool) -> usize {
    let Some(bytes) = disk.contents(path) else { return 0 };
    let (body, index) = bytes.split_at(bytes.len() - (chunks * 16 + 4));
    let (entries, checksum) = index.split_at(chunks * 16);
    assert_eq!(checksum, crc32c::crc32c(entries).to_le_bytes(), "the last bytes are not a valid index");
    let number = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().expect("eight bytes"));
    let mut listed = 0;
    for (chunk, entry) in entries.chunks(16).enumerate() {
        let (offset, length) = (number(&entry[..8]), number(&entry[8..]));
        if offset != u64::MAX {
            let pixels = &body[offset as usize..(offset + length) as usize];
            let whole = pixels.iter().all(|byte| *byte == chunk as u8 + 1);
            let some = in_place && pixels.iter().all(|byte| [0, chunk as u8 + 1].contains(byte));
            assert!(whole || some, "chunk {chunk} is listed and not whole");
            listed += usize::from(whole);
        }
    }
    listed
}

/// A shard of `chunks` chunks at `path`.
fn shard(disk: &MemoryDisk, path: &Path, chunks: usize, aligned: bool, chunk_bytes: Option<u64>) -> Arc<ShardFile> {
    let shape = ShardShape {
        chunks,
        aligned,
        chunk_bytes,
        largest: 2 * CHUNK as u64,
        ahead: if aligned && chunk_bytes.is_none() { (chunks * CHUNK) as u64 } else { 0 },
        sync: SyncPolicy::Later,
        pace: Duration::ZERO,
    };
    let around = Surroundings {
        disk: Arc::new(disk.clone()),
        log: Arc::new(Log::none()),
        account: Arc::new(Account::new(u64::MAX >> 1, &Arc::default())),
    };
    let batches: Batches = Arc::new(move || (0..chunks).map(|chunk| vec![chunk]).collect());
    Arc::new(ShardFile::new(path.to_path_buf(), shape, chunks, around, batches))
}

/// Stores a chunk of which the first `planes` planes of two have come.
fn store(shard: &ShardFile, chunk: usize, new: &[usize], complete: bool) -> bool {
    let bytes = vec![chunk as u8 + 1; CHUNK];
    if shard.shape.chunk_bytes.is_some() {
        let stored = shard.write_planes(&[chunk], &bytes, CHUNK / 2, Some(new), complete);
        stored.expect("the disk takes all").0
    } else {
        let kind = if complete { Kind::Complete } else { Kind::Copy };
        shard.write(&[(chunk, CHUNK as u64)], &bytes, kind).expect("the disk takes all")
    }
}

fn run(aligned: bool, chunk_bytes: Option<u64>, tears: bool) {
    let chunks = 4;
    check_random(
        move || {
            let disk = MemoryDisk { tears, ..MemoryDisk::default() };
            let path = PathBuf::from("s/0/c/0");
            let shard = shard(&disk, &path, chunks, aligned, chunk_bytes);
            let in_place = chunk_bytes.is_some();
            let writers: Vec<_> = (0..2)
                .map(|writer| {
                    let shard = Arc::clone(&shard);
                    thread::spawn(move || {
                        for chunk in [writer, writer + 2] {
                            // Each second chunk comes in two steps.
                            if writer == 1 {
                                store(&shard, chunk, &[0], false);
                                store(&shard, chunk, if in_place { &[1] } else { &[0, 1] }, true);
                            } else {
                                store(&shard, chunk, &[0, 1], true);
                            }
                        }
                    })
                })
                .collect();
            let live = {
                let shard = Arc::clone(&shard);
                thread::spawn(move || (0..3).for_each(|_| assert!(shard.publish(false).expect("the disk takes all"))))
            };
            let reader = {
                let (disk, path) = (disk.clone(), path.clone());
                thread::spawn(move || {
                    let mut seen = 0;
                    // The last chunk seals the shard.
                    while seen < chunks {
                        let now = read(&disk, &path, chunks, in_place);
                        assert!(now >= seen, "what was listed is gone");
                        seen = now;
                        thread::yield_now();
                    }
                })
            };
            let shortened = Arc::clone(&shard);
            for each in writers.into_iter().chain([live]) {
                each.join().expect("no panic");
            }
            // The reader goes on while the file gets its final length.
            let last = thread::spawn(move || shortened.shorten().expect("the disk takes all"));
            for each in [last, reader] {
                each.join().expect("no panic");
            }
            shard.publish(false).expect("the disk takes all");
            assert_eq!(read(&disk, &path, chunks, in_place), chunks);
            let length = disk.contents(&path).expect("it has its name").len();
            let index = chunks * 16 + 4;
            let least = chunks * CHUNK + index;
            assert!(length <= least + if aligned || in_place { 4096 } else { 0 }, "{length} bytes");
        },
        SCHEDULES,
    );
}

/// A chunk of a shard that has been sealed, or is just being sealed, is replaced: nothing else may change.
fn replace(chunk_bytes: Option<u64>) {
    check_random(
        move || {
            let disk = MemoryDisk::default();
            let path = PathBuf::from("s/0/c/0");
            let shard = shard(&disk, &path, 2, false, chunk_bytes);
            store(&shard, 0, &[0, 1], true);
            let last = {
                let shard = Arc::clone(&shard);
                thread::spawn(move || store(&shard, 1, &[0, 1], true))
            };
            let again = {
                let shard = Arc::clone(&shard);
                thread::spawn(move || {
                    let bytes = vec![1; CHUNK];
                    if chunk_bytes.is_some() {
                        shard.write_planes(&[0], &bytes, CHUNK, None, false).expect("the disk takes all");
                    } else {
                        let entry = [(0, CHUNK as u64)];
                        shard.write(&entry, &bytes, Kind::Replacement).expect("the disk takes all");
                    }
                    shard.publish(true).expect("the disk takes all");
                })
            };
            last.join().expect("no panic");
            again.join().expect("no panic");
            // A second time, when the shard is certainly sealed.
            if chunk_bytes.is_none() {
                shard.write(&[(0, CHUNK as u64)], &[1; CHUNK], Kind::Replacement).expect("the disk takes all");
                shard.publish(true).expect("the disk takes all");
            }
            shard.shorten().expect("the disk takes all");
            assert_eq!(read(&disk, &path, 2, false), 2);
        },
        SCHEDULES,
    );
}

#[test]
fn schedules_of_a_chunk_replaced_while_sealed() {
    replace(None);
    replace(Some(CHUNK as u64));
}

#[test]
fn schedules_of_an_uncompressed_shard_are_readable() {
    run(true, Some(CHUNK as u64), false);
}

#[test]
fn schedules_of_a_compressed_shard_are_readable() {
    run(true, None, false);
}

#[test]
fn schedules_of_a_packed_shard_are_readable_at_every_step() {
    run(false, None, false);
}

/// The reader of these tests does find what is wrong: a disk that moves the length before all of an index is there.
#[test]
#[should_panic(expected = "the last bytes are not a valid index")]
fn schedules_find_an_index_that_is_written_in_halves() {
    run(true, None, true);
}
