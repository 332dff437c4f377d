//! One shard file: which of its chunks are whole, and the index that says so.

use std::collections::{HashMap, HashSet};

use super::logged::Copies;
use crate::backend::ChunkChecker;
use crate::error::{Error, Result};
use crate::platform::ALIGNMENT;
use crate::reader::limits::stored_chunk_bytes;
use crate::reader::{Stored, earlier_index, has_places_mark, index_near_end, last_index};
use crate::zarr::ArrayFormat;
use crate::zarr::index::{MISSING, index_bytes, index_of, is_sane, overlapping};

/// Bytes that are looked at together.
const PIECE: u64 = 1 << 20;

/// What a shard file holds.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Resolved {
    /// Where each chunk lies that is whole.
    pub(super) entries: Vec<(u64, u64)>,
    /// Chunks that are whole; true where the log says that they are complete, false where it says they are not.
    pub(super) complete: HashMap<usize, bool>,
    /// Chunks that the file's present index shows, and that are whole there.
    pub(super) shown: u64,
    /// Chunks that are whole and that the present index does not show, or shows elsewhere.
    pub(super) won_back: u64,
    /// Of the whole ones: those that only the log vouches for, and nothing that is in them.
    pub(super) unverified: u64,
    /// Chunks that were written and are not whole.
    pub(super) lost: Vec<usize>,
    /// Places that the index keeps for uncompressed chunks, and to which nothing was written as far as anybody knows.
    pub(super) reserved: HashSet<usize>,
    /// Chunks of which nobody knows whether they were written: the index is gone, and there is no log.
    pub(super) unknown: Vec<usize>,
    /// Why readers cannot use the file as it is; `None` where they can.
    pub(super) torn: Option<String>,
    /// Why single chunks were given up.
    pub(super) chunk_cause: Option<String>,
    /// True where the present index is not what it should be.
    pub(super) needs_index: bool,
}

/// What a shard is judged by.
pub(super) struct Judge<'a> {
    pub(super) format: &'a ArrayFormat,
    pub(super) checker: Option<&'a dyn ChunkChecker>,
    /// True where the write log of the run is there and undamaged: what it does not tell of was not written.
    pub(super) log_is_whole: bool,
}

/// Where a chunk may lie, and what vouches for it.
#[derive(Clone, Copy)]
struct Candidate {
    entry: (u64, u64),
    /// Chunks end before this.
    bound: u64,
    logged: Option<bool>,
}

impl Judge<'_> {
    /// Looks at a shard file of `length` bytes; `partial` where it has not got its name yet.
    pub(super) fn resolve(&self, file: &Stored, length: u64, partial: bool, logged: &Copies) -> Result<Resolved> {
        let chunks = self.format.chunks_per_shard();
        let mut resolved = Resolved { entries: vec![MISSING; chunks], ..Resolved::default() };
        // True where no chunk can be missing in the index that was found.
        let mut is_last = false;
        let (base, bound) = match last_index(file, length, chunks)? {
            Ok(found) => found,
            Err(why) => {
                resolved.torn = Some(why.clone());
                match index_near_end(file, length, chunks)? {
                    Some(found) => {
                        is_last = true;
                        resolved.torn =
                            Some(format!("{why}; a whole one ends {} byte(s) before its end", length - found.2));
                        (found.0, found.1)
                    }
                    None => {
                        let earlier = if partial { None } else { earlier_index(file, length, chunks)? };
                        earlier.unwrap_or_else(|| (vec![MISSING; chunks], 0))
                    }
                }
            }
        };
        let current = resolved.torn.is_none();
        is_last |= current;
        // What cannot be a chunk makes no other one doubtful.
        let possible = |entry: &(u64, u64)| self.format.stored_bytes.is_none_or(|bytes| entry.1 == bytes);
        let all: Vec<_> = base.iter().map(|entry| if possible(entry) { *entry } else { MISSING }).collect();
        let shared = overlapping(&all, bound);
        let lists_places = current && self.format.fixed.is_some() && has_places_mark(file, length, chunks)?;
        for (place, &listed) in base.iter().enumerate() {
            let from_log =
                u32::try_from(place).ok().and_then(|place| logged.get(&place)).map_or(&[][..], |copies| copies);
            let complete = from_log.iter().any(|chunk| chunk.complete);
            // The last copy first: it may have replaced the others.
            let of_log = from_log.iter().rev().map(|chunk| Candidate {
                entry: (chunk.offset, u64::from(chunk.length)),
                bound: length,
                logged: Some(complete),
            });
            let of_index = (listed != MISSING).then_some(Candidate { entry: listed, bound, logged: None });
            if lists_places && from_log.is_empty() && is_sane(listed, bound) && self.nothing_came(file, listed)? {
                resolved.entries[place] = listed;
                resolved.reserved.insert(place);
                continue;
            }
            // An uncompressed chunk that a valid index lists lies there, also where the file was written anew since.
            let first = of_index.filter(|_| current && self.format.fixed == Some(listed.1));
            let first = first.map(|of_index| Candidate { logged: from_log.last().map(|_| complete), ..of_index });
            let mut evidence = false;
            let mut chosen = None;
            for candidate in first.into_iter().chain(of_log).chain(of_index) {
                evidence = true;
                let shares = candidate.logged.is_none() && shared.binary_search(&place).is_ok();
                match self.judge(file, &candidate, shares)? {
                    Ok(()) => {
                        chosen = Some(candidate);
                        break;
                    }
                    Err(why) => resolved.chunk_cause = resolved.chunk_cause.or(Some(why)),
                }
            }
            match chosen {
                Some(candidate) => {
                    resolved.entries[place] = candidate.entry;
                    if let Some(complete) = candidate.logged {
                        resolved.complete.insert(place, complete);
                        let vouched = self.checker.is_some() || candidate.entry == listed;
                        resolved.unverified += u64::from(!vouched);
                    }
                    if current && candidate.entry == listed {
                        resolved.shown += 1;
                    } else {
                        resolved.won_back += 1;
                    }
                }
                None if evidence => resolved.lost.push(place),
                // Nobody knows whether it was written.
                None if !is_last && !self.log_is_whole && (length > 0 || !partial) => resolved.unknown.push(place),
                None => {}
            }
        }
        let any = resolved.entries.iter().any(|entry| *entry != MISSING);
        resolved.needs_index = if current { resolved.entries != base } else { any };
        Ok(resolved)
    }

    /// Whether a place that no entry of the log tells of was never written to.
    fn nothing_came(&self, file: &Stored, (offset, length): (u64, u64)) -> Result<bool> {
        if self.log_is_whole {
            return Ok(true);
        }
        let mut at = offset;
        while at < offset + length {
            let part = (offset + length - at).min(PIECE);
            if file.read(at, part)?.iter().any(|byte| *byte != 0) {
                return Ok(false);
            }
            at += part;
        }
        Ok(true)
    }

    /// Whether a whole chunk lies there.
    fn judge(&self, file: &Stored, candidate: &Candidate, shares: bool) -> Result<Result<(), String>> {
        let (offset, length) = candidate.entry;
        if !is_sane(candidate.entry, candidate.bound) {
            return Ok(Err(format!("a chunk of {length} bytes at {offset} lies outside of its data")));
        }
        if let Some(bytes) = self.format.stored_bytes.filter(|bytes| length != *bytes) {
            return Ok(Err(format!("a chunk at {offset} has {length} bytes, must have {bytes}")));
        }
        if length > stored_chunk_bytes(self.format.chunk_bytes) {
            return Ok(Err(format!("a chunk at {offset} has {length} bytes, more than it can have")));
        }
        let Some(checker) = self.checker else {
            return Ok(if shares { Err(format!("a chunk at {offset} shares bytes with another")) } else { Ok(()) });
        };
        let bytes = file.read(offset, length)?;
        Ok(checker.check(&bytes).map_err(|error| format!("a chunk at {offset} does not decode: {error}")))
    }
}

/// What has to be appended to a shard file of `length` bytes: the index, so that it ends with a block as those of the
/// writer do.
pub(super) fn index_to_append(entries: &[(u64, u64)], length: u64) -> Result<Vec<u8>> {
    let none = |_| Error::OutOfMemory { bytes: index_bytes(entries.len()), purpose: "a shard's index" };
    let index = index_of(entries.iter().copied()).map_err(none)?;
    let end = (length + index.len() as u64).next_multiple_of(ALIGNMENT as u64);
    let mut bytes = vec![0; (end - length) as usize - index.len()];
    bytes.extend_from_slice(&index);
    Ok(bytes)
}
