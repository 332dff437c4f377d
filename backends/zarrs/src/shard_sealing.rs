//! The end of a shard file: its last index, and its final length.

use std::ops::Range;

use ome_stream::platform::DiskFile;
use ome_stream::reader;
use ome_stream::sync::atomic::Ordering;
use ome_stream::zarr::index::{Entry, MISSING, PLACES_MARK, chunks_end, index_bytes};
use ome_stream::{Error, Result};

use crate::shard_file::{NEVER_PLACED, ShardFile, State};
use crate::shard_index::{block_bytes, index};

/// Most bytes of chunks that are written once more so that a sealed file is no longer than what is in it: a fraction of
/// a second, in the rare shard of which chunks in the middle never came.
const REWRITE_LIMIT: u64 = 64 << 20;

/// A sealed file may be this part longer than one that was never shown before it was full: 2 percent.
const MAY_BE_LONGER: u64 = 50;

/// Bytes of zeros, or of chunks, that are handed on at a time.
const PIECE: usize = 1 << 20;

impl ShardFile {
    /// Writes the last index. A shard that readers know keeps its length for now, unless this is the `last` moment.
    pub(crate) fn seal_locked(&self, state: &mut State, file: &dyn DiskFile, last: bool) -> Result<()> {
        if self.is_published() {
            self.check_name(file)?;
            if state.fixed {
                self.settle_places(state, file, last)?
            } else {
                self.end_growth(state, file, last)?
            }
            file.sync(self.shape.sync).map_err(|source| self.error("sync", source))?;
        } else {
            self.seal_unseen(state, file)?;
        }
        self.release();
        Ok(())
    }

    /// No reader knows this file: one index, behind the last chunk.
    fn seal_unseen(&self, state: &mut State, file: &dyn DiskFile) -> Result<()> {
        if self.failed.load(Ordering::Acquire) {
            // What failed may have left bytes behind the last chunk: the index must be the last, and on a full disk
            // they make room for it. Nobody writes any more.
            state.end = chunks_end(&state.entries);
            file.truncate(state.end).map_err(|source| self.error("truncate", source))?;
        } else if self.shape.ahead > 0 || state.copies.is_some() {
            // Copies of chunks go that came again; one whose chunk never did stays.
            state.end = state.end.max(chunks_end(&state.entries));
            file.truncate(state.end).map_err(|source| self.error("truncate", source))?;
        }
        state.length = state.end;
        if self.shape.aligned {
            let at = state.end;
            self.append_index(state, file, at)?;
            if state.remaining > 0 {
                // Room was reserved for chunks that never came.
                file.truncate(state.length).map_err(|source| self.error("truncate", source))?;
            }
        } else {
            let index = index(state.entries.iter().copied())?;
            file.write_at(state.end, &index).map_err(|source| self.error("write", source))?;
            self.around.account.count(index.len() as u64);
            state.length = state.end + index.len() as u64;
        }
        // Whoever replaces a chunk from now on goes behind the index.
        (state.end, state.room, state.copies) = (state.length, state.length, None);
        state.dirty = false;
        file.sync(self.shape.sync).map_err(|source| self.error("sync", source))?;
        self.name()
    }

    /// The last index of compressed chunks, behind all others.
    fn end_growth(&self, state: &mut State, file: &dyn DiskFile, last: bool) -> Result<()> {
        let shorter = self.end_of_short(state) < state.length && !self.failed.load(Ordering::Acquire);
        if last && shorter && self.cut_off(state, file).is_ok() {
            return Ok(());
        }
        if state.dirty {
            self.pay_for_index();
            let at = state.length;
            self.append_index(state, file, at)?;
        }
        state.waits = shorter && !last;
        Ok(())
    }

    /// If all chunks came, the index is final. If few are missing, it stays, and zeros are written at their places so
    /// that the file has no holes.
    fn settle_places(&self, state: &mut State, file: &dyn DiskFile, last: bool) -> Result<()> {
        if state.dirty {
            let at = state.length;
            self.append_index(state, file, at)?;
        }
        if state.inherited || self.failed.load(Ordering::Acquire) {
            return Ok(());
        }
        let bytes = self.shape.chunk_bytes.unwrap_or(0);
        let never_came = |state: &State, chunk: usize| {
            state.entries[chunk] == MISSING && state.places.get(chunk).is_some_and(|place| *place < NEVER_PLACED)
        };
        let missing: Vec<u64> =
            (0..self.shape.chunks).filter(|chunk| never_came(state, *chunk)).map(|chunk| state.places[chunk]).collect();
        let stored = state.entries.iter().filter(|entry| **entry != MISSING).count() as u64 * bytes;
        let least = stored + block_bytes(self.shape.chunks, false);
        let enough = least + least / MAY_BE_LONGER;
        if state.length <= enough {
            missing.iter().try_for_each(|place| self.write_zeros(file, *place..*place + bytes))?;
            return self.remove_mark(state, file);
        }
        if missing.is_empty() {
            return self.remove_mark(state, file);
        }
        if self.end_of_short(state) > enough && stored <= REWRITE_LIMIT {
            // In `shorten`, when nobody else writes to the file.
            state.waits = true;
            if last { self.shorten_locked(state, file) } else { Ok(()) }
        } else {
            // From here on the index says which chunks never came.
            state.fixed = false;
            if last && self.cut_off(state, file).is_ok() {
                return Ok(());
            }
            let at = state.length;
            self.append_index(state, file, at)?;
            state.waits = !last;
            Ok(())
        }
    }

    /// Gives a sealed file that readers know its final length. Nobody else may write to it.
    ///
    /// Whoever opens it, now or later, finds a valid index at its end. What an index has listed of complete chunks
    /// stays where it is. But for a reader who has looked up something else in an older index, or has asked for the
    /// length, and reads it only now, it is gone: a copy of a chunk that is complete by now, or the place of one that
    /// never came. Such a reader gets fewer bytes than it asked for, an error in every reader, and succeeds when it
    /// asks again. So this is done an interval after the last index, or at the end of the run.
    pub(crate) fn shorten(&self) -> Result<()> {
        let mut state = self.state();
        if !state.waits {
            return Ok(());
        }
        let opened = self.around.disk.open(self.path());
        let file = match opened {
            Ok(file) => file,
            // It was whole and had its name; where it went is its owner's affair.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                state.waits = false;
                return Ok(());
            }
            Err(source) => return Err(self.error("open", source)),
        };
        self.shorten_locked(&mut state, &*file)
    }

    fn shorten_locked(&self, state: &mut State, file: &dyn DiskFile) -> Result<()> {
        state.waits = false;
        if !state.fixed {
            return self.cut_off(state, file);
        }
        // Short of room for a second copy, the file stays as it is: valid, and with holes where nothing came.
        if self.write_anew(state).is_err() {
            let _ = self.around.disk.remove_file(&self.partial);
        }
        Ok(())
    }

    /// Where the file would end if its index lay directly behind the last chunk.
    fn end_of_short(&self, state: &State) -> u64 {
        chunks_end(&state.entries) + index_bytes(self.shape.chunks)
    }

    /// Writes the index directly behind the last chunk, where no index lists anything, and then cuts the file off
    /// behind it.
    fn cut_off(&self, state: &mut State, file: &dyn DiskFile) -> Result<()> {
        let (start, end) = (chunks_end(&state.entries), self.end_of_short(state));
        if end >= state.length {
            return Ok(());
        }
        let index = index(state.entries.iter().copied())?;
        file.write_at(start, &index).map_err(|source| self.error("write", source))?;
        // On the medium before the length is: after a loss of power the file ends with the one index or with the other.
        file.sync(self.shape.sync).map_err(|source| self.error("sync", source))?;
        file.truncate(end).map_err(|source| self.error("truncate", source))?;
        file.sync(self.shape.sync).map_err(|source| self.error("sync", source))?;
        self.around.account.count(index.len() as u64);
        (state.end, state.room, state.copies) = (end, end, None);
        (state.length, state.dirty) = (end, false);
        Ok(())
    }

    /// Writes the chunks that came into a new file, without gaps, which takes the place of the old one. Whoever has the
    /// old one open keeps it.
    fn write_anew(&self, state: &mut State) -> Result<()> {
        let unwritten = |error| Error::io("write", &self.partial, error);
        let old = reader::whole(&*self.around.disk.source(), &self.path)?;
        let mut order: Vec<usize> = (0..self.shape.chunks).filter(|chunk| state.entries[*chunk] != MISSING).collect();
        order.sort_by_key(|chunk| state.entries[*chunk]);
        let new = self.around.disk.create(&self.partial, 0).map_err(unwritten)?;
        let mut entries: Vec<Entry> = vec![MISSING; self.shape.chunks];
        let (mut end, mut piece) = (0, Vec::new());
        for chunk in order {
            let (offset, length) = state.entries[chunk];
            entries[chunk] = (end, length);
            let mut done = 0;
            while done < length {
                let part = (length - done).min(PIECE as u64);
                piece.resize(usize::try_from(part).unwrap_or(PIECE), 0);
                old.fill(offset + done, &mut piece)?;
                new.write_at(end + done, &piece).map_err(unwritten)?;
                done += part;
            }
            end += length;
        }
        let index = index(entries.iter().copied())?;
        new.write_at(end, &index).and_then(|()| new.sync(self.shape.sync)).map_err(unwritten)?;
        // Nobody may open the old one in between to write to it.
        let slot = self.file.lock();
        self.around.disk.rename(&self.partial, &self.path, self.shape.sync).map_err(unwritten)?;
        slot.close();
        let length = end + index.len() as u64;
        self.around.account.count(length);
        state.places = entries.iter().map(|(offset, _)| (*offset).min(NEVER_PLACED)).collect();
        state.entries = entries;
        (state.end, state.room, state.length) = (length, length, length);
        (state.fixed, state.mark, state.dirty) = (false, None, false);
        Ok(())
    }

    fn write_zeros(&self, file: &dyn DiskFile, mut range: Range<u64>) -> Result<()> {
        let zeros = vec![0; usize::try_from(range.end - range.start).unwrap_or(PIECE).min(PIECE)];
        while range.start < range.end {
            let part = usize::try_from(range.end - range.start).unwrap_or(PIECE).min(PIECE);
            file.write_at(range.start, zeros.get(..part).unwrap_or_default())
                .map_err(|source| self.error("write", source))?;
            range.start += part as u64;
        }
        Ok(())
    }

    /// What the index lists is there from now on. No reader looks in front of an index.
    fn remove_mark(&self, state: &mut State, file: &dyn DiskFile) -> Result<()> {
        if let Some(at) = state.mark.take() {
            file.write_at(at, &[0; PLACES_MARK.len()]).map_err(|source| self.error("write", source))?;
        }
        state.fixed = false;
        (state.end, state.room) = (state.length, state.length);
        Ok(())
    }
}
