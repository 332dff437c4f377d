//! A shard file while it grows: places, rooms and indices.

use std::time::Instant;

use ome_stream::Result;
use ome_stream::buffer::ALIGNMENT;
use ome_stream::platform::DiskFile;
use ome_stream::zarr::index::{Entry, MISSING, PLACES_MARK};

use crate::shard_file::{Kind, NEVER_COMPLETE, NEVER_PLACED, NO_PLACE, ShardFile, State};
use crate::shard_index::{block_bytes, blocks, index};

/// Room for chunks or copies where a disk does not give length without blocks, or what was given is used up: each time
/// costs one more index in the file.
const ROOM_AHEAD: u64 = 4 << 20;

/// Longest room that is asked for at once. Where files are sparse it costs nothing, and every file system in use takes
/// files of twice this; elsewhere (Windows) what lies in front of an index is filled with zeros.
const LONGEST_ROOM: u64 = if cfg!(unix) { 1 << 40 } else { ROOM_AHEAD };

/// True where chunks are still to come.
fn is_open(state: &State) -> bool {
    state.remaining > 0 && state.remaining != NEVER_COMPLETE
}

impl ShardFile {
    /// What an index says of a chunk now.
    pub(crate) fn listed(&self, state: &State, chunk: usize) -> Entry {
        match (state.entries.get(chunk).copied(), self.shape.chunk_bytes, state.places.get(chunk)) {
            (Some(MISSING), Some(bytes), Some(place)) if state.fixed && *place < NEVER_PLACED => (*place, bytes),
            (entry, ..) => entry.unwrap_or(MISSING),
        }
    }

    /// Where batches may start at or behind `offset`.
    pub(crate) fn aligned(&self, offset: u64) -> u64 {
        if self.shape.aligned { offset.next_multiple_of(ALIGNMENT as u64) } else { offset }
    }

    pub(crate) fn aligned_down(&self, offset: u64) -> u64 {
        if self.shape.aligned { offset / ALIGNMENT as u64 * ALIGNMENT as u64 } else { offset }
    }

    /// Finds room for compressed bytes.
    pub(crate) fn reserve(&self, file: &dyn DiskFile, length: u64, kind: Kind) -> Result<u64> {
        let mut state = self.state();
        let state = &mut *state;
        if kind == Kind::Copy {
            return self.reserve_copy(state, file, length);
        }
        if self.is_published() && state.end + length > state.room {
            // A store that is continued, or one to which somebody adds, or a disk that gives no length without blocks.
            state.end = self.aligned(state.length);
            state.room = state.end + length.max(self.room_ahead(state));
            let at = state.room;
            self.make_room(state, file, at)?;
            state.room = at;
        } else if !self.is_published() && state.copies.is_some() && state.end + length > state.room {
            state.end = state.copies.map_or(state.end, |(next, _)| next);
            self.open_rooms(state, file);
        }
        let offset = state.end;
        state.end = self.aligned(offset + length);
        Ok(offset)
    }

    fn reserve_copy(&self, state: &mut State, file: &dyn DiskFile, length: u64) -> Result<u64> {
        if state.copies.is_none() && !self.is_published() {
            self.open_rooms(state, file);
        }
        let offset = match state.copies {
            Some((next, end)) if next + length <= end || !self.is_published() => next,
            _ => {
                let start = self.aligned(state.length);
                let end = start + length.max(self.room_ahead(state));
                self.make_room(state, file, end)?;
                state.copies = Some((start, end));
                start
            }
        };
        let end = state.copies.map_or(0, |(_, end)| end);
        state.copies = Some((self.aligned(offset + length), end.max(self.aligned(offset + length))));
        Ok(offset)
    }

    /// Bytes that compressed chunks still to come may take.
    fn room_ahead(&self, state: &State) -> u64 {
        match state.remaining {
            NEVER_COMPLETE => 0,
            remaining => self.shape.largest.saturating_mul(remaining as u64).clamp(ROOM_AHEAD, LONGEST_ROOM),
        }
    }

    /// Divides a file of compressed chunks that has no index yet: complete chunks in front, with room for all that may
    /// come; copies of incomplete ones behind. A disk that refuses such a length gives less.
    fn open_rooms(&self, state: &mut State, file: &dyn DiskFile) {
        let mut wanted = self.room_ahead(state);
        let mut rooms = |wanted: u64| {
            state.room = self.aligned(state.end + wanted).max(self.shape.ahead);
            let end = self.aligned(state.room + wanted);
            state.copies = Some((state.room, end));
            end
        };
        if wanted > ROOM_AHEAD && file.truncate(rooms(wanted)).is_err() {
            wanted = ROOM_AHEAD;
        }
        rooms(wanted);
    }

    /// The places of uncompressed chunks of `length` bytes, which are given where they have none.
    pub(crate) fn places(&self, file: &dyn DiskFile, chunks: &[usize], length: u64) -> Result<Vec<u64>> {
        let mut state = self.state();
        let state = &mut *state;
        if state.places.is_empty() {
            state.places = vec![NO_PLACE; self.shape.chunks];
        }
        let without = |state: &State| chunks.iter().any(|chunk| state.places[*chunk] >= NEVER_PLACED);
        if without(state) && self.is_published() && !state.fixed && is_open(state) {
            // A store that is continued: all that will come gets its place behind what is there.
            self.fix_places(state, file)?;
        }
        if without(state) {
            let new: Vec<usize> = chunks.iter().copied().filter(|chunk| state.places[*chunk] >= NEVER_PLACED).collect();
            let bytes = length * new.len() as u64;
            if self.is_published() {
                // Nobody had counted on them: they were skipped, and are replaced now.
                state.end = self.aligned(state.length);
                let at = state.end + bytes;
                self.make_room(state, file, at)?;
                state.dirty = true;
            }
            for (nth, chunk) in new.iter().enumerate() {
                state.places[*chunk] = state.end + nth as u64 * length;
            }
            state.end = self.aligned(state.end + bytes);
        }
        Ok(chunks.iter().map(|chunk| state.places[*chunk]).collect())
    }

    /// Gives every uncompressed chunk its place, and writes the index that lists them all behind.
    fn fix_places(&self, state: &mut State, file: &dyn DiskFile) -> Result<()> {
        let bytes = self.shape.chunk_bytes.unwrap_or(0);
        if self.is_published() {
            state.end = self.aligned(state.length);
        }
        if state.places.is_empty() {
            state.places = vec![NO_PLACE; self.shape.chunks];
        }
        for batch in (self.batches)() {
            for chunk in batch {
                if state.places.get(chunk) == Some(&NO_PLACE) {
                    state.places[chunk] = state.end;
                    state.end += bytes;
                }
            }
            state.end = self.aligned(state.end);
        }
        state.fixed = true;
        let at = state.end;
        let outcome = self.append_index(state, file, at);
        state.fixed = outcome.is_ok();
        outcome
    }

    /// Whether an index may be written for live readers now; the account has paid for it then.
    pub(crate) fn may_publish(&self, state: &State) -> bool {
        if self.shape.chunk_bytes.is_some() {
            return true;
        }
        let due = state.shown.is_none_or(|shown| shown.elapsed() >= self.shape.pace);
        due && self.around.account.try_index(block_bytes(self.shape.chunks, false))
    }

    /// The readers' account pays for an index that is written in any case.
    pub(crate) fn pay_for_index(&self) {
        if self.shape.chunk_bytes.is_none() {
            self.around.account.spend(block_bytes(self.shape.chunks, false));
        }
    }

    /// As [`ShardFile::append_index`], where chunks or copies need room that they have not got: the readers' account
    /// pays.
    fn make_room(&self, state: &mut State, file: &dyn DiskFile, at: u64) -> Result<()> {
        self.pay_for_index();
        self.append_index(state, file, at)
    }

    pub(crate) fn publish_locked(&self, state: &mut State, file: &dyn DiskFile) -> Result<()> {
        if self.shape.chunk_bytes.is_some() && is_open(state) && !state.fixed {
            self.fix_places(state, file)?;
        } else if self.is_published() {
            let at = state.length;
            self.append_index(state, file, at)?;
        } else {
            if self.shape.chunk_bytes.is_none() && state.copies.is_none() && is_open(state) {
                self.open_rooms(state, file);
            }
            let at = state.copies.map_or(state.end, |(_, end)| end);
            self.append_index(state, file, at)?;
        }
        state.shown = Some(Instant::now());
        if self.is_published() {
            return Ok(());
        }
        file.sync(self.shape.sync).map_err(|source| self.error("sync", source))?;
        self.name()
    }

    /// Writes an index of what is stored, at or behind `at`, as whole aligned blocks in one write: the length moves
    /// once, and the index is the last that the file holds.
    pub(crate) fn append_index(&self, state: &mut State, file: &dyn DiskFile, at: u64) -> Result<()> {
        let entries = (0..self.shape.chunks).map(|chunk| self.listed(state, chunk));
        let index = index(entries)?;
        // No reader knows the file yet: nothing has to happen at once, and it needs not be a whole block.
        let plain = state.fixed && !self.is_published() && !self.shape.aligned;
        let (offset, length) = match plain {
            true => (at, (PLACES_MARK.len() + index.len()) as u64),
            false => (at.next_multiple_of(ALIGNMENT as u64), block_bytes(self.shape.chunks, state.fixed)),
        };
        let mut buffer = blocks(&index, length, state.fixed)?;
        let before = state.length;
        let bytes = buffer.as_mut_slice().get(..length as usize).unwrap_or_default();
        let written = if plain { file.write_at(offset, bytes) } else { file.extend_at(offset, bytes) };
        if let Err(source) = written {
            if self.is_published() {
                // Half an index must not be the last that the file holds.
                file.truncate(before).map_err(|source| self.error("truncate", source))?;
            }
            return Err(self.error("write", source));
        }
        self.around.account.count(length);
        state.length = offset + length;
        state.mark = state.fixed.then(|| state.length - (PLACES_MARK.len() + index.len()) as u64);
        state.dirty = false;
        Ok(())
    }
}
