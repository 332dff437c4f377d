//! One shard file, readable at every moment from its first index to its last.
//!
//! Layout: chunks in the order in which they were completed, gaps allowed, the index last (Zarr v3
//! `sharding_indexed`, `index_location: end`; offsets are from the start of the file, so any order is legal).
//!
//! 1. The file is born under a name that no reader asks for ([`ome_stream::platform::partial_name`]). Most shards fill
//!    within one live interval: then the index is written once, after the last chunk, and the file renamed.
//! 2. A shard that stays open longer is **published**: an index of what is complete so far is written behind room for
//!    what is to come, and the file is renamed. From then on the last bytes of the file are a valid index at every
//!    moment: chunks go into the room *before* it, and a newer index goes *behind* it in one write that moves the
//!    file's length once. What a reader has seen listed is never moved or overwritten.
//!
//! An incomplete chunk may be stored provisionally, so that readers see its planes. Uncompressed it has its final place
//! at once and is filled up there (planes that were there are rewritten with the same bytes); compressed, each copy gets a place of its
//! own and the old one becomes a gap.

use std::collections::HashMap;
use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ome_stream::buffer::{ALIGNMENT, AlignedBuffer};
use ome_stream::journal::Log;
use ome_stream::platform::{Disk, DiskFile, Sync, partial_name};
use ome_stream::sync::atomic::{AtomicBool, Ordering};
use ome_stream::sync::{Mutex, MutexGuard, PoisonError};
use ome_stream::{Error, Result};

/// Offset and length of a chunk in its shard file.
type Entry = (u64, u64);

/// What stands for a chunk that is not there (Zarr v3 sharding codec).
const MISSING: Entry = (u64::MAX, u64::MAX);

/// Room reserved ahead in a published shard of compressed chunks, whose sizes are not known: each time it is used up
/// costs one more index in the file.
const ROOM_AHEAD: u64 = 4 << 20;

/// Chunks to come in a shard that was sealed: what is replaced in it never completes it once more.
pub(crate) const NEVER_COMPLETE: usize = usize::MAX;

/// How the chunks of a shard are to be stored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ShardShape {
    /// Chunks in the index.
    pub(crate) chunks: usize,
    /// True where batches start on aligned offsets, so that they may go past the page cache.
    pub(crate) aligned: bool,
    /// Bytes of a chunk where that is fixed.
    pub(crate) chunk_bytes: Option<u64>,
    /// Room and length that a new file of compressed chunks gets at once: writes that make a file longer or take new room
    /// wait for each other, writes within it go side by side (measured with blosc-lz4: 2.7 instead of 2.0 GB/s).
    pub(crate) ahead: u64,
    /// When files have to be on the medium.
    pub(crate) sync: Sync,
}

/// A shard that is being filled.
#[derive(Debug)]
pub(crate) struct ShardFile {
    shape: ShardShape,
    path: PathBuf,
    partial: PathBuf,
    disk: Arc<dyn Disk>,
    log: Arc<Log>,
    /// What the log calls this file.
    log_name: String,
    file: Mutex<Option<Arc<dyn DiskFile>>>,
    state: Mutex<State>,
    created: AtomicBool,
    /// True once the file has its final name: its last bytes must then be a valid index at every moment.
    published: AtomicBool,
    /// True once an operation on the file has failed.
    failed: AtomicBool,
}

#[derive(Debug)]
struct State {
    entries: Vec<Entry>,
    /// Places of uncompressed chunks that were stored provisionally.
    places: HashMap<usize, u64>,
    /// Chunks that are neither complete nor skipped.
    remaining: usize,
    /// True where a complete chunk is in no index yet.
    dirty: bool,
    /// Where the next chunk goes.
    end: u64,
    /// Once published: where the room for chunks ends.
    room: u64,
    /// Once published: the file's length.
    length: u64,
    /// Bytes of indices and padding.
    overhead: u64,
}

impl ShardFile {
    /// A shard at `path` that will be complete after `expected` chunks; nothing is made on disk yet.
    pub(crate) fn new(path: PathBuf, shape: ShardShape, expected: usize, disk: &Arc<dyn Disk>, log: &Arc<Log>) -> Self {
        Self {
            partial: partial_name(&path),
            log_name: log.name_of(&path),
            log: Arc::clone(log),
            path,
            disk: Arc::clone(disk),
            file: Mutex::new(None),
            state: Mutex::new(State {
                entries: vec![MISSING; shape.chunks],
                places: HashMap::new(),
                remaining: expected,
                dirty: false,
                end: 0,
                room: 0,
                length: 0,
                overhead: 0,
            }),
            created: AtomicBool::new(false),
            published: AtomicBool::new(false),
            failed: AtomicBool::new(false),
            shape,
        }
    }

    /// A shard that an earlier run, or this one, has left at `path`; as new where there is none. `remaining` chunks will
    /// still come; those that are there and for which `keep_place` holds are then filled up where they lie.
    ///
    /// # Errors
    /// [`Error::Damaged`] where the last bytes are no index of this shard.
    pub(crate) fn reopen(self, remaining: usize, keep_place: impl Fn(usize) -> bool) -> Result<Self> {
        self.state().remaining = remaining;
        let Some((entries, length)) = read_index(&self.path, self.shape.chunks)? else { return Ok(self) };
        {
            let mut state = self.state();
            state.places = entries
                .iter()
                .enumerate()
                .filter(|(chunk, entry)| **entry != MISSING && keep_place(*chunk))
                .map(|(chunk, (offset, _))| (chunk, *offset))
                .collect();
            state.entries = entries;
            state.end = length;
            state.room = length;
            state.length = length;
        }
        self.created.store(true, Ordering::Release);
        self.published.store(true, Ordering::Release);
        Ok(self)
    }

    /// Bytes of a chunk as they are stored; `None` where it is not there.
    pub(crate) fn read(&self, chunk: usize) -> Result<Option<Vec<u8>>> {
        let entry = self.state().entries.get(chunk).copied().unwrap_or(MISSING);
        if entry == MISSING || !self.created.load(Ordering::Acquire) {
            return Ok(None);
        }
        // The name may change between looking and opening, but only from the one to the other.
        let opened = File::open(&self.path).or_else(|_| File::open(&self.partial)).or_else(|_| File::open(&self.path));
        let mut file = opened.map_err(|source| Error::io("open", &self.path, source))?;
        let mut bytes = vec![0; usize::try_from(entry.1).unwrap_or(0)];
        file.seek(SeekFrom::Start(entry.0))
            .and_then(|_| file.read_exact(&mut bytes))
            .map_err(|source| Error::io("read", &self.path, source))?;
        Ok(Some(bytes))
    }

    /// Overwrites part of an uncompressed chunk where it lies; false where it is not there.
    pub(crate) fn overwrite(&self, chunk: usize, within: u64, bytes: &[u8]) -> Result<bool> {
        let (offset, length) = self.state().entries.get(chunk).copied().unwrap_or(MISSING);
        if (offset, length) == MISSING || within + bytes.len() as u64 > length {
            return Ok(false);
        }
        let file = self.file()?;
        file.write_at(offset + within, bytes).map_err(|source| self.error("write", source))?;
        file.sync(self.shape.sync).map_err(|source| self.error("sync", source))?;
        Ok(true)
    }

    /// Bytes of indices and padding written so far.
    pub(crate) fn overhead(&self) -> u64 {
        self.state().overhead
    }

    /// Stores chunks that lie one after another in `bytes`, each `(place in the index, length)`. Returns true if that
    /// completed the shard, which is then sealed.
    pub(crate) fn write(&self, chunks: &[(usize, u64)], bytes: &[u8], complete: bool) -> Result<bool> {
        let file = self.file()?;
        let offset = self.reserve(&*file, bytes.len() as u64)?;
        file.write_at(offset, bytes).map_err(|source| self.error("write", source))?;
        self.log.placed(&self.log_name, offset, chunks, complete)?;
        let mut state = self.state();
        let mut at = offset;
        for (nth, length) in chunks {
            state.entries[*nth] = (at, *length);
            at += length;
        }
        self.stored(state, &*file, if complete { chunks.len() } else { 0 })
    }

    /// Stores one uncompressed chunk at the place it keeps from its first provisional copy on.
    pub(crate) fn write_in_place(&self, chunk: usize, bytes: &[u8], complete: bool) -> Result<bool> {
        let file = self.file()?;
        let length = bytes.len() as u64;
        let known = self.state().places.get(&chunk).copied();
        let offset = match known {
            Some(offset) => offset,
            None => {
                let offset = self.reserve(&*file, length)?;
                self.state().places.insert(chunk, offset);
                offset
            }
        };
        file.write_at(offset, bytes).map_err(|source| self.error("write", source))?;
        self.log.placed(&self.log_name, offset, &[(chunk, length)], complete)?;
        let mut state = self.state();
        state.entries[chunk] = (offset, length);
        self.stored(state, &*file, usize::from(complete))
    }

    /// True where one of these chunks already has a place of its own.
    pub(crate) fn has_place(&self, chunks: impl Iterator<Item = usize>) -> bool {
        let state = self.state();
        !state.places.is_empty() && chunks.into_iter().any(|chunk| state.places.contains_key(&chunk))
    }

    /// Takes note that `chunks` chunks will never come. Returns true if that completed the shard.
    pub(crate) fn skip(&self, chunks: usize) -> Result<bool> {
        let mut state = self.state();
        state.remaining = state.remaining.saturating_sub(chunks);
        if state.remaining > 0 {
            return Ok(false);
        }
        drop(state);
        self.seal()?;
        Ok(true)
    }

    /// Lets readers see every complete chunk.
    pub(crate) fn publish(&self) -> Result<()> {
        let mut state = self.state();
        self.check_still_there()?;
        if !state.dirty {
            return Ok(());
        }
        let file = self.file()?;
        self.publish_locked(&mut state, &*file)
    }

    /// Fails where somebody removed the file that readers know; one that is closed at the moment is not looked at.
    pub(crate) fn check_still_there(&self) -> Result<()> {
        if !self.is_published() {
            return Ok(());
        }
        let open = self.file.lock().unwrap_or_else(PoisonError::into_inner).clone();
        open.map_or(Ok(()), |file| self.check_name(&*file))
    }

    /// Writes the last index; the file has its final name afterwards. A shard without any chunk leaves no file.
    pub(crate) fn seal(&self) -> Result<()> {
        let mut state = self.state();
        if !self.created.load(Ordering::Acquire) {
            return Ok(());
        }
        let file = self.file()?;
        self.seal_locked(&mut state, &*file)
    }

    /// Closes the file for now; the next use opens it again.
    pub(crate) fn release(&self) {
        self.file.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    fn is_published(&self) -> bool {
        self.published.load(Ordering::Acquire)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fails where somebody removed the published file: what is written to it would be in no store.
    fn check_name(&self, file: &dyn DiskFile) -> Result<()> {
        match file.has_name(&self.path) {
            Ok(true) => Ok(()),
            Ok(false) => {
                let removed = std::io::Error::new(ErrorKind::NotFound, "it was removed while it was written");
                Err(self.error("find", removed))
            }
            Err(source) => Err(self.error("look at", source)),
        }
    }

    fn error(&self, operation: &'static str, source: std::io::Error) -> Error {
        self.failed.store(true, Ordering::Release);
        Error::io(operation, &self.path, source)
    }

    fn file(&self) -> Result<Arc<dyn DiskFile>> {
        let mut slot = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = &*slot {
            return Ok(Arc::clone(file));
        }
        let opened = if self.created.load(Ordering::Acquire) {
            let name = if self.is_published() { &self.path } else { &self.partial };
            self.disk.open(name).map_err(|source| Error::io("open", name, source))?
        } else {
            let file = if self.shape.ahead > 0 { self.create_ahead() } else { self.create() };
            let file = file.map_err(|source| Error::io("create", &self.partial, source))?;
            self.created.store(true, Ordering::Release);
            file
        };
        let file: Arc<dyn DiskFile> = Arc::from(opened);
        *slot = Some(Arc::clone(&file));
        Ok(file)
    }

    fn create(&self) -> std::io::Result<Box<dyn DiskFile>> {
        let whole = self.shape.chunk_bytes.map_or(0, |bytes| bytes * self.shape.chunks as u64);
        self.disk.create(&self.partial, if self.shape.aligned { whole } else { 0 })
    }

    /// What is not used is cut off before there is an index, so that no reader ever sees it. A disk that has not so much
    /// room may still have enough.
    fn create_ahead(&self) -> std::io::Result<Box<dyn DiskFile>> {
        match self.disk.create(&self.partial, self.shape.ahead) {
            Ok(file) => file.truncate(self.shape.ahead).map(|()| file),
            Err(error) if error.kind() == ErrorKind::StorageFull => self.create(),
            Err(error) => Err(error),
        }
    }

    /// Finds room for `length` bytes.
    fn reserve(&self, file: &dyn DiskFile, length: u64) -> Result<u64> {
        let mut state = self.state();
        if self.is_published() && state.end + length > state.room {
            let ahead = self.room_ahead(&state);
            state.end = state.length;
            self.append_index(&mut state, file, length.max(ahead))?;
        }
        let offset = state.end;
        state.end += length;
        if self.shape.aligned {
            let end = state.end.next_multiple_of(ALIGNMENT as u64);
            state.overhead += end - state.end;
            state.end = end;
        }
        Ok(offset)
    }

    /// Bytes to keep free before the next index for chunks to come.
    fn room_ahead(&self, state: &State) -> u64 {
        match self.shape.chunk_bytes {
            _ if state.remaining == NEVER_COMPLETE => 0,
            Some(bytes) => bytes * state.remaining as u64,
            None => ROOM_AHEAD,
        }
    }

    fn stored(&self, mut state: MutexGuard<'_, State>, file: &dyn DiskFile, completed: usize) -> Result<bool> {
        state.dirty = true;
        state.remaining = state.remaining.saturating_sub(completed);
        if completed == 0 || state.remaining > 0 {
            return Ok(false);
        }
        self.seal_locked(&mut state, file)?;
        Ok(true)
    }

    fn publish_locked(&self, state: &mut State, file: &dyn DiskFile) -> Result<()> {
        if self.is_published() {
            return self.append_index(state, file, 0);
        }
        let room = self.room_ahead(state);
        self.cut_off_at_end(state, file)?;
        self.append_index(state, file, room)?;
        file.sync(self.shape.sync).map_err(|source| self.error("sync", source))?;
        self.name()
    }

    fn seal_locked(&self, state: &mut State, file: &dyn DiskFile) -> Result<()> {
        if !self.is_published() && self.failed.load(Ordering::Acquire) {
            // What failed may have left bytes behind the last chunk: the index must be the last, and on a full disk they
            // make room for it. Nobody writes any more, and no reader knows this file.
            state.end = chunks_end(&state.entries);
            file.truncate(state.end).map_err(|source| self.error("truncate", source))?;
        }
        if self.is_published() {
            self.check_name(file)?;
            if state.dirty {
                self.append_index(state, file, 0)?;
            }
        } else if self.shape.aligned {
            self.cut_off_at_end(state, file)?;
            self.append_index(state, file, 0)?;
        } else {
            let index = index(&state.entries);
            file.write_at(state.end, &index).map_err(|source| self.error("write", source))?;
            state.overhead += index.len() as u64;
        }
        state.dirty = false;
        if self.shape.aligned && state.remaining > 0 {
            // Room was reserved for chunks that never came.
            file.truncate(state.length).map_err(|source| self.error("truncate", source))?;
        }
        file.sync(self.shape.sync).map_err(|source| self.error("sync", source))?;
        if !self.is_published() {
            self.name()?;
        }
        self.release();
        Ok(())
    }

    /// The file of an unpublished shard ends where its chunks end; those that are being written included.
    fn cut_off_at_end(&self, state: &mut State, file: &dyn DiskFile) -> Result<()> {
        state.length = state.end;
        if self.shape.ahead > 0 {
            file.truncate(state.end).map_err(|source| self.error("truncate", source))?;
        }
        Ok(())
    }

    /// Writes an index of what is complete, `room` bytes behind the present length, as whole aligned blocks in one
    /// write: the length moves once, and the index is the last that the file holds.
    fn append_index(&self, state: &mut State, file: &dyn DiskFile, room: u64) -> Result<()> {
        let index = index(&state.entries);
        let blocks = index.len().next_multiple_of(ALIGNMENT);
        let mut buffer = AlignedBuffer::zeroed(blocks);
        buffer.as_mut_slice()[blocks - index.len()..].copy_from_slice(&index);
        let offset = (state.length + room).next_multiple_of(ALIGNMENT as u64);
        if let Err(source) = file.extend_at(offset, buffer.as_mut_slice()) {
            if self.is_published() {
                // Half an index must not be the last that the file holds.
                file.truncate(state.length).map_err(|source| self.error("truncate", source))?;
            }
            return Err(self.error("write", source));
        }
        state.overhead += blocks as u64;
        if room > 0 {
            state.room = offset;
        }
        state.length = offset + blocks as u64;
        state.dirty = false;
        Ok(())
    }

    fn name(&self) -> Result<()> {
        // Whoever opens the file anew at this moment waits for its name.
        let _slot = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        self.disk.rename(&self.partial, &self.path, self.shape.sync).map_err(|source| self.error("rename", source))?;
        self.published.store(true, Ordering::Release);
        Ok(())
    }
}

/// Where the last chunk that is in the index ends.
fn chunks_end(entries: &[(u64, u64)]) -> u64 {
    entries.iter().filter(|entry| **entry != MISSING).map(|(offset, length)| offset + length).max().unwrap_or(0)
}

/// The index at the end of a shard file and the file's length; `None` where there is no file.
fn read_index(path: &Path, chunks: usize) -> Result<Option<(Vec<Entry>, u64)>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(Error::io("open", path, source)),
    };
    let mut bytes = vec![0; chunks * 16 + 4];
    let length = file
        .seek(SeekFrom::End(0))
        .and_then(|length| {
            file.seek(SeekFrom::Start(length.saturating_sub(bytes.len() as u64)))?;
            file.read_exact(&mut bytes)?;
            Ok(length)
        })
        .map_err(|source| Error::io("read the index of", path, source))?;
    let damaged = |problem: &str| Error::Damaged {
        path: path.to_path_buf(),
        problem: format!("{problem}; `ome-stream recover` may mend it"),
    };
    let (entries, checksum) = bytes.split_at(chunks * 16);
    if checksum != crc32c::crc32c(entries).to_le_bytes() {
        return Err(damaged("its last bytes are not a valid shard index"));
    }
    let number = |bytes: &[u8]| bytes.try_into().map_or(u64::MAX, u64::from_le_bytes);
    let entries: Vec<_> = entries.chunks_exact(16).map(|pair| (number(&pair[..8]), number(&pair[8..]))).collect();
    let inside = |(offset, size): &(u64, u64)| offset.checked_add(*size).is_some_and(|end| end <= length);
    if !entries.iter().all(|entry| *entry == MISSING || inside(entry)) {
        return Err(damaged("its index points past its end"));
    }
    Ok(Some((entries, length)))
}

/// The shard index: little-endian pairs of offset and length, then their crc32c.
fn index(entries: &[(u64, u64)]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(entries.len() * 16 + 4);
    for (offset, length) in entries {
        bytes.extend_from_slice(&offset.to_le_bytes());
        bytes.extend_from_slice(&length.to_le_bytes());
    }
    let checksum = crc32c::crc32c(&bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    bytes
}
