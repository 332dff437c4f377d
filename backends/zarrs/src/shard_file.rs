//! One shard file, readable at every moment from its first index to its last.
//!
//! Layout: chunks in the order in which they were completed, gaps allowed, the index last (Zarr v3
//! `sharding_indexed`, `index_location: end`; offsets are from the start of the file, so any order is legal).
//!
//! The file is created under a name that no reader asks for ([`ome_stream::platform::partial_name`]). Most shards fill
//! within one live interval: then the index is written once, after the last chunk, and the file renamed. A shard that
//! stays open longer is **published**: it gets an index and its name while it is being filled, and from then on the
//! last bytes of the file are a valid index at every moment.
//!
//! **Uncompressed** chunks all have their places then, and the one index lists them all; what has not come yet is zero,
//! which is the fill value. Everything else is written in place, plane by plane where a chunk is incomplete, and
//! neither length nor index change until the shard is sealed.
//!
//! **Compressed** chunks get room in front of the index for all that may come, as long as they can be; it is length and
//! no blocks. They are packed into it from its start. Copies of incomplete chunks go into a second region behind, and
//! newer indices behind the last one, each in one write that moves the file's length once. What a reader has seen
//! listed never moves. When the last index is there, and readers had the time to find it, it is written once more
//! directly behind the last complete chunk, and the file is cut off: what was written for live readers goes, and what
//! an index has listed stays. Uncompressed chunks with a checksum are stored so too: half of one would not decode.
//!
//! What each step does on disk is in [`crate::shard_growth`] and [`crate::shard_sealing`].

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ome_stream::journal::Log;
use ome_stream::platform::{Disk, DiskFile, SyncPolicy, partial_name};
use ome_stream::reader;
use ome_stream::sync::atomic::{AtomicBool, Ordering};
use ome_stream::sync::{Mutex, MutexGuard, PoisonError};
use ome_stream::zarr::index::{Entry, MISSING, index_bytes};
use ome_stream::{Error, Result};

use crate::account::Account;
use crate::file_slot::FileSlot;
use crate::shard_index::read_index;
use crate::spares::zeros;

/// `remaining` of a sealed shard: replacing a chunk never seals it again.
pub(crate) const NEVER_COMPLETE: usize = usize::MAX;

/// An uncompressed chunk that has no place yet, and one that will have none: it was skipped in an earlier run.
pub(crate) const NO_PLACE: u64 = u64::MAX;
pub(crate) const NEVER_PLACED: u64 = u64::MAX - 1;

/// How the chunks of a shard are to be stored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ShardShape {
    /// Chunks in the index.
    pub(crate) chunks: usize,
    /// True where batches start on aligned offsets, so that they may go past the page cache.
    pub(crate) aligned: bool,
    /// Bytes of a chunk where that is fixed.
    pub(crate) chunk_bytes: Option<u64>,
    /// Most bytes that a chunk takes, padding included.
    pub(crate) largest: u64,
    /// Room and length that a new file of compressed chunks gets at once: writes that make a file longer or take new
    /// room wait for each other, writes within it go side by side (measured with blosc-lz4: 2.7 instead of 2.0 GB/s).
    pub(crate) ahead: u64,
    /// When files have to be on the medium.
    pub(crate) sync: SyncPolicy,
    /// Shortest time between two indices of compressed chunks.
    pub(crate) pace: Duration,
}

/// Chunks of a shard that lie within the array, batch by batch in the order in which they are acquired.
pub(crate) type Batches = Arc<dyn Fn() -> Vec<Vec<usize>> + Send + Sync>;

/// What all shards of a run have in common.
#[derive(Clone)]
pub(crate) struct Surroundings {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) log: Arc<Log>,
    pub(crate) account: Arc<Account>,
}

/// What is stored of compressed chunks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    /// Chunks that stay.
    Complete,
    /// A copy of an incomplete chunk, which will come again.
    Copy,
    /// Another version of a chunk that was there already.
    Replacement,
}

/// A shard that is being filled.
pub(crate) struct ShardFile {
    pub(crate) shape: ShardShape,
    pub(crate) path: PathBuf,
    pub(crate) partial: PathBuf,
    pub(crate) around: Surroundings,
    pub(crate) batches: Batches,
    /// Chunks that lie within the array.
    inside: usize,
    /// What the log calls this file.
    log_name: String,
    pub(crate) file: Arc<FileSlot>,
    state: Mutex<State>,
    created: AtomicBool,
    /// True once the file has its final name: its last bytes must then be a valid index at every moment.
    pub(crate) published: AtomicBool,
    /// True once an operation on the file has failed.
    pub(crate) failed: AtomicBool,
}

#[derive(Debug)]
pub(crate) struct State {
    /// Chunks that are stored, if only in part.
    pub(crate) entries: Vec<Entry>,
    /// Where each uncompressed chunk lies or will lie; empty until one has its place.
    pub(crate) places: Vec<u64>,
    /// Chunks that are neither complete nor skipped.
    pub(crate) remaining: usize,
    /// True where something is stored that no index lists.
    pub(crate) dirty: bool,
    /// True while the index of the file lists the places of all its (uncompressed) chunks.
    pub(crate) fixed: bool,
    /// Where the mark of such an index lies.
    pub(crate) mark: Option<u64>,
    /// Where the next complete chunk goes.
    pub(crate) end: u64,
    /// Once published: where the room for complete chunks ends.
    pub(crate) room: u64,
    /// Compressed, once one is wanted: where the next copy of an incomplete chunk goes, and where the room for them
    /// ends.
    pub(crate) copies: Option<(u64, u64)>,
    /// Once published: the file's length.
    pub(crate) length: u64,
    /// When the last index was written for live readers.
    pub(crate) shown: Option<Instant>,
    /// True where the file is sealed and longer than it has to be.
    pub(crate) waits: bool,
    /// True where an earlier run gave the chunks that are to come their places: they may hold what it had stored.
    pub(crate) inherited: bool,
}

impl ShardFile {
    /// A shard at `path` that will be complete after `expected` chunks; nothing is made on disk yet.
    pub(crate) fn new(
        path: PathBuf,
        shape: ShardShape,
        expected: usize,
        around: Surroundings,
        batches: Batches,
    ) -> Self {
        Self {
            partial: partial_name(&path),
            log_name: around.log.name_of(&path),
            path,
            around,
            batches,
            inside: expected,
            file: Arc::default(),
            state: Mutex::new(State {
                entries: vec![MISSING; shape.chunks],
                places: Vec::new(),
                remaining: expected,
                dirty: false,
                fixed: false,
                mark: None,
                end: 0,
                room: 0,
                copies: None,
                length: 0,
                shown: None,
                waits: false,
                inherited: false,
            }),
            created: AtomicBool::new(false),
            published: AtomicBool::new(false),
            failed: AtomicBool::new(false),
            shape,
        }
    }

    /// A shard that an earlier run, or this one, has left at `path`; as new where there is none. `remaining` chunks
    /// will still come: those for which `pending` holds.
    ///
    /// # Errors
    /// [`Error::Damaged`] where the last bytes are no index of this shard.
    pub(crate) fn reopen(self, remaining: usize, pending: impl Fn(usize) -> bool) -> Result<Self> {
        self.state().remaining = remaining;
        let source = self.around.disk.source();
        let Some(found) = read_index(&*source, &self.path, self.shape.chunks)? else { return Ok(self) };
        {
            let mut state = self.state();
            let listed = |chunk: &usize| found.entries[*chunk] != MISSING;
            let all = || 0..self.shape.chunks;
            if self.shape.chunk_bytes.is_some() {
                let place = |chunk: usize| match found.entries[chunk] {
                    MISSING if remaining != NEVER_COMPLETE && !pending(chunk) => NEVER_PLACED,
                    MISSING => NO_PLACE,
                    (offset, _) => offset,
                };
                state.places = all().map(place).collect();
                state.fixed = remaining != NEVER_COMPLETE && all().all(|chunk| listed(&chunk) || !pending(chunk));
                state.mark = found.mark;
            }
            state.length = found.length;
            (state.end, state.room) = (found.length, found.length);
            if self.shape.chunk_bytes.is_none() && remaining != NEVER_COMPLETE {
                // Complete chunks lie in front, and behind them the room that an interrupted run has left. A chunk that
                // was still open lies where it is listed until it comes again.
                let entries = || all().filter(listed).map(|chunk| (pending(chunk), found.entries[chunk]));
                let end = entries().filter(|(open, _)| !open).map(|(_, entry)| entry.0 + entry.1).max().unwrap_or(0);
                let copies = entries().map(|(_, entry)| entry.0).filter(|offset| *offset >= end);
                let index = found.length - index_bytes(self.shape.chunks);
                state.end = self.aligned(end);
                state.room = self.aligned_down(copies.min().unwrap_or(index).min(index)).max(state.end);
            }
            state.entries = found.entries;
            if state.fixed {
                state.inherited = true;
                // Whether they were written nobody knows; those that come are.
                (0..self.shape.chunks).filter(|chunk| pending(*chunk)).for_each(|chunk| state.entries[chunk] = MISSING);
            }
        }
        self.created.store(true, Ordering::Release);
        self.published.store(true, Ordering::Release);
        Ok(self)
    }

    /// Bytes of a chunk as they are stored; `None` where it is not there.
    pub(crate) fn read(&self, chunk: usize) -> Result<Option<Vec<u8>>> {
        let entry = self.listed(&self.state(), chunk);
        if entry == MISSING || !self.created.load(Ordering::Acquire) {
            return Ok(None);
        }
        if entry.1 > reader::limits::stored_chunk_bytes(self.shape.largest) {
            let problem = format!("a chunk of {} bytes, more than it can have", entry.1);
            return Err(Error::Damaged { path: self.path.clone(), problem });
        }
        let source = self.around.disk.source();
        // The name may change between looking and opening, but only from the one to the other.
        let mut opened = None;
        for name in [&self.path, &self.partial, &self.path] {
            if opened.is_none() {
                opened = reader::open(&*source, name)?;
            }
        }
        let file = opened.ok_or_else(|| Error::io("open", &self.path, ErrorKind::NotFound.into()))?;
        let mut bytes = zeros(usize::try_from(entry.1).unwrap_or(0), "a chunk that is read back")?;
        file.fill(entry.0, &mut bytes)?;
        Ok(Some(bytes))
    }

    /// Overwrites part of an uncompressed chunk where it lies; false where it has no place.
    pub(crate) fn overwrite(&self, chunk: usize, within: u64, bytes: &[u8]) -> Result<bool> {
        let (offset, length) = self.listed(&self.state(), chunk);
        if (offset, length) == MISSING || within + bytes.len() as u64 > length {
            return Ok(false);
        }
        let file = self.file()?;
        file.write_at(offset + within, bytes).map_err(|source| self.error("write", source))?;
        file.sync(self.shape.sync).map_err(|source| self.error("sync", source))?;
        self.state().entries[chunk] = (offset, length);
        Ok(true)
    }

    /// Stores compressed chunks that lie one after another in `bytes`, each `(place in the index, length)`. Returns
    /// true if that completed the shard, which is then sealed.
    pub(crate) fn write(&self, chunks: &[(usize, u64)], bytes: &[u8], kind: Kind) -> Result<bool> {
        let file = self.file()?;
        let offset = self.reserve(&*file, bytes.len() as u64, kind)?;
        file.write_at(offset, bytes).map_err(|source| self.error("write", source))?;
        self.around.log.placed(&self.log_name, offset, chunks, kind == Kind::Complete)?;
        let mut state = self.state();
        let mut at = offset;
        for (nth, length) in chunks {
            state.entries[*nth] = (at, *length);
            at += length;
        }
        state.dirty = true;
        self.stored(state, &*file, if kind == Kind::Complete { chunks.len() } else { 0 })
    }

    /// Stores uncompressed chunks, one after another in `bytes`; of their planes, `plane_bytes` each, only those in
    /// `new` where that is given. Returns true if that completed the shard, and the bytes written.
    pub(crate) fn write_planes(
        &self,
        chunks: &[usize],
        bytes: &[u8],
        plane_bytes: usize,
        new: Option<&[usize]>,
        complete: bool,
    ) -> Result<(bool, u64)> {
        let file = self.file()?;
        let each = bytes.len() / chunks.len().max(1);
        let places = self.places(&*file, chunks, each as u64)?;
        let mut written = 0;
        for (offset, range) in stretches(&places, each, plane_bytes, new) {
            let bytes = bytes.get(range).unwrap_or_default();
            file.write_at(offset, bytes).map_err(|source| self.error("write", source))?;
            written += bytes.len() as u64;
        }
        let mut state = self.state();
        let mut news: Vec<usize> = Vec::new();
        for (nth, (chunk, place)) in chunks.iter().zip(&places).enumerate() {
            let entry = (*place, each as u64);
            // A chunk that lies there incomplete is noted once, and once more when it is complete.
            if complete || state.entries[*chunk] != entry {
                news.push(nth);
            }
            state.dirty |= !state.fixed && state.entries[*chunk] != entry;
        }
        drop(state);
        let last_plane = (each / plane_bytes.max(1)).saturating_sub(1);
        let ends_short = !complete && new.is_some_and(|new| !new.contains(&last_plane));
        for run in news.chunk_by(|left, right| left + 1 == *right && places[*left] + each as u64 == places[*right]) {
            if let (true, Some(last)) = (ends_short, run.last()) {
                // A file that ends within a chunk is one that lost something: this one has all that the log tells of.
                let end = places[*last] + each as u64;
                file.write_at(end - 1, &[0]).map_err(|source| self.error("write", source))?;
                written += 1;
            }
            let noted: Vec<_> = run.iter().map(|nth| (chunks[*nth], each as u64)).collect();
            self.around.log.placed(&self.log_name, places[run[0]], &noted, complete)?;
        }
        let mut state = self.state();
        chunks.iter().zip(&places).for_each(|(chunk, place)| state.entries[*chunk] = (*place, each as u64));
        let sealed = self.stored(state, &*file, if complete { chunks.len() } else { 0 })?;
        Ok((sealed, written))
    }

    /// Takes note that `chunks` chunks will never come. Returns true if that completed the shard.
    pub(crate) fn skip(&self, chunks: usize) -> Result<bool> {
        let mut state = self.state();
        state.remaining = state.remaining.saturating_sub(chunks);
        if state.remaining > 0 {
            return Ok(false);
        }
        drop(state);
        self.seal(false)?;
        Ok(true)
    }

    /// Lets readers see what is stored; where `at_once` does not hold, as often as readers may cost. False where it was
    /// not yet time.
    pub(crate) fn publish(&self, at_once: bool) -> Result<bool> {
        let mut state = self.state();
        self.check_still_there()?;
        if !state.dirty {
            return Ok(true);
        }
        if at_once {
            self.pay_for_index();
        } else if !self.may_publish(&state) {
            return Ok(false);
        }
        let file = self.file()?;
        self.publish_locked(&mut state, &*file)?;
        Ok(true)
    }

    /// Fails where somebody removed the file that readers know; one that is closed at the moment is not looked at.
    pub(crate) fn check_still_there(&self) -> Result<()> {
        if !self.is_published() {
            return Ok(());
        }
        let open = self.file.lock().get();
        open.map_or(Ok(()), |file| self.check_name(&*file))
    }

    /// Writes the last index; the file has its final name afterwards. A shard without any chunk leaves no file. In the
    /// `last` moment of a run the file gets its final length too.
    pub(crate) fn seal(&self, last: bool) -> Result<()> {
        let mut state = self.state();
        if !self.created.load(Ordering::Acquire) {
            return Ok(());
        }
        let file = self.file()?;
        self.seal_locked(&mut state, &*file, last)
    }

    /// True where [`ShardFile::shorten`] is still to be called.
    pub(crate) fn waits(&self) -> bool {
        self.state().waits
    }

    /// Closes the file for now; the next use opens it again.
    pub(crate) fn release(&self) {
        self.file.lock().close();
    }

    pub(crate) fn is_published(&self) -> bool {
        self.published.load(Ordering::Acquire)
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fails where somebody removed the published file: what is written to it would be in no store.
    pub(crate) fn check_name(&self, file: &dyn DiskFile) -> Result<()> {
        match file.has_name(&self.path) {
            Ok(true) => Ok(()),
            Ok(false) => {
                let removed = std::io::Error::new(ErrorKind::NotFound, "it was removed while it was written");
                Err(self.error("find", removed))
            }
            Err(source) => Err(self.error("look at", source)),
        }
    }

    pub(crate) fn error(&self, operation: &'static str, source: std::io::Error) -> Error {
        self.failed.store(true, Ordering::Release);
        Error::io(operation, &self.path, source)
    }

    pub(crate) fn file(&self) -> Result<Arc<dyn DiskFile>> {
        let slot = self.file.lock();
        if let Some(file) = slot.get() {
            return Ok(file);
        }
        let opened = if self.created.load(Ordering::Acquire) {
            let name = if self.is_published() { &self.path } else { &self.partial };
            self.around.disk.open(name).map_err(|source| Error::io("open", name, source))?
        } else {
            let file = if self.shape.ahead > 0 { self.create_ahead() } else { self.create() };
            let file = file.map_err(|source| Error::io("create", &self.partial, source))?;
            self.created.store(true, Ordering::Release);
            file
        };
        let file: Arc<dyn DiskFile> = Arc::from(opened);
        slot.keep(&file);
        Ok(file)
    }

    fn create(&self) -> std::io::Result<Box<dyn DiskFile>> {
        let whole = self.shape.chunk_bytes.map_or(0, |bytes| bytes * self.inside as u64);
        self.around.disk.create(&self.partial, if self.shape.aligned { whole } else { 0 })
    }

    /// What is not used is cut off before there is an index, so that no reader ever sees it. A disk that has not so
    /// much room may still have enough.
    fn create_ahead(&self) -> std::io::Result<Box<dyn DiskFile>> {
        match self.around.disk.create(&self.partial, self.shape.ahead) {
            Ok(file) => file.truncate(self.shape.ahead).map(|()| file),
            Err(error) if error.kind() == ErrorKind::StorageFull => self.create(),
            Err(error) => Err(error),
        }
    }

    fn stored(&self, mut state: MutexGuard<'_, State>, file: &dyn DiskFile, completed: usize) -> Result<bool> {
        state.remaining = state.remaining.saturating_sub(completed);
        if completed == 0 || state.remaining > 0 {
            return Ok(false);
        }
        self.seal_locked(&mut state, file, false)?;
        Ok(true)
    }

    pub(crate) fn name(&self) -> Result<()> {
        // Whoever opens the file anew at this moment waits for its name.
        let _slot = self.file.lock();
        self.around
            .disk
            .rename(&self.partial, &self.path, self.shape.sync)
            .map_err(|source| self.error("rename", source))?;
        self.published.store(true, Ordering::Release);
        Ok(())
    }

    /// The path that readers know.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// What of `bytes` has to be written where: planes that adjoin both in memory and in the file together.
fn stretches(
    places: &[u64],
    each: usize,
    plane_bytes: usize,
    new: Option<&[usize]>,
) -> Vec<(u64, std::ops::Range<usize>)> {
    let mut stretches: Vec<(u64, std::ops::Range<usize>)> = Vec::new();
    let mut add = |offset: u64, range: std::ops::Range<usize>| match stretches.last_mut() {
        Some((start, last)) if last.end == range.start && *start + last.len() as u64 == offset => last.end = range.end,
        _ => stretches.push((offset, range)),
    };
    for (nth, place) in places.iter().enumerate() {
        match new {
            None => add(*place, nth * each..(nth + 1) * each),
            Some(slots) => slots.iter().for_each(|slot| {
                let within = slot * plane_bytes;
                add(place + within as u64, nth * each + within..nth * each + within + plane_bytes);
            }),
        }
    }
    stretches
}
