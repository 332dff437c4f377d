//! The write log: array by array, which planes were written, in which order their frames had come, and which chunk lies
//! where in shard files whose index is not written yet.
//!
//! An entry is appended after the write of what it tells of returned; a clean `finish` removes the file. A process that
//! is killed leaves it behind. What it says of planes tells a black frame from a missing one; from what it says of
//! chunks recovery rebuilds the indices. No reader asks for its name.
//!
//! The file is a sequence of entries, little-endian, each complete in itself, so that a torn one costs no other:
//!
//! | bytes | what |
//! |-------|------|
//! | 4 | `OSLg` |
//! | 4 | length of the entry, from its first byte to its checksum's last |
//! | 1 | kind: 0 the run, 1 chunks, 3 arrays, 4 planes, 5 durable; 2 planes as version 1 told of them |
//! | 1 | flags: 1 the chunks are complete |
//! | 2 | length of the shard's path |
//! | 4 | number of chunks, or of runs of planes; of JSON: its bytes; durable: the source |
//! | 8 | chunks: offset of the first in the shard file, the others follow without gaps; planes: their array; durable: how many frames of the source are on the medium, in the order in which they came |
//! | | chunks: the shard's path below the root, with `/`; planes: 8 bytes for each coordinate of their slab |
//! | | chunks, 8 bytes each: place in the shard's index, length |
//! | | planes, 24 bytes a run: first slot in the slab, number of slots, arrival of the first, arrivals from one to the next |
//! | | the run, arrays: a JSON object |
//! | 4 | crc32c of all before |
//!
//! The first entry is the run's (`version`, `unit`, and `forms`: what arrays have in common that differ only in their
//! place); then come entries of arrays (`first`, the number of the first; `form`; `keys`, their paths). Version 1 had
//! one form, of every array, in the run's entry, no entries of arrays, and in its entries of planes the position for
//! the array and ranges of slots, 8 bytes each, without arrivals. Both are read.
//!
//! Chunks have no checksums: crc32c at 10 GB/s would take 2 to 10 % of a core that compresses, and what a killed
//! process had written is what it wrote. Compressed chunks are decoded before they are believed.
//!
//! Its size is bounded by the run: with the path of a shard of five axes an entry has about 45 bytes and 8 for each
//! chunk, half of what a shard index takes for the same chunks.

use std::io::{self, BufRead};
use std::ops::Range;

use serde_json::Value;

use crate::buffer::Arrival;
use crate::plan::{ArrayId, Plan, SourceId, StorageUnit};
use crate::router::StorageIndex;

/// Version of the log that is written; a log of a later one is not understood.
pub const VERSION: u64 = 2;

/// Path of the log below the root of a store, with `/`.
pub const FILE_NAME: &str = crate::names::own::LOG;

const MAGIC: [u8; 4] = *b"OSLg";
const HEADER_BYTES: usize = 24;
const CHUNK_BYTES: usize = 8;
const RUN_OF_PLANES_BYTES: usize = 24;
/// Arrays that one entry names.
const ARRAYS_AN_ENTRY: usize = 1000;
const CHECKSUM_BYTES: usize = 4;
const KIND_RUN: u8 = 0;
const KIND_CHUNKS: u8 = 1;
const KIND_PLANES_V1: u8 = 2;
const KIND_ARRAYS: u8 = 3;
const KIND_PLANES: u8 = 4;
const KIND_DURABLE: u8 = 5;
const COMPLETE: u8 = 1;

/// Longest entry that is believed: a batch of as many chunks as the largest shard index has.
const MAX_ENTRY_BYTES: usize = HEADER_BYTES + u16::MAX as usize + CHUNK_BYTES * (1 << 20) + CHECKSUM_BYTES;

/// Chunks that one write put into a shard, one after another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// Path of the shard file below the store's root, with `/`, without the ending of an unfinished file.
    pub shard: String,
    /// Where the first chunk starts in the file, in bytes.
    pub offset: u64,
    /// False for provisional copies of chunks that were to be written again.
    pub complete: bool,
    /// The chunks.
    pub chunks: Vec<PlacedChunk>,
}

/// One chunk of a [`Placed`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlacedChunk {
    /// Place in the shard's index.
    pub place: u32,
    /// Length in bytes as stored.
    pub length: u32,
}

/// An entry of the log.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    /// What the run is: the first entry.
    Run(Value),
    /// Arrays that follow one another.
    Arrays(Value),
    /// Chunks that were written.
    Chunks(Placed),
    /// Planes that were written: all their chunks are where an engine puts them.
    Planes(Planes),
    /// So many frames of a source, in the order in which they came, are on the medium.
    Durable(SourceId, u64),
}

/// Planes of one slab that were given to the operating system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planes {
    /// Their array.
    pub array: ArrayId,
    /// Coordinates of the slab, counted in slabs.
    pub slab: StorageIndex,
    /// Their slots in the slab.
    pub runs: Vec<SlotRun>,
}

/// Planes whose slots follow one another, and whose arrivals do so in equal steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotRun {
    /// Their slots.
    pub slots: Range<u32>,
    /// Arrival of the first and the step to the next; `None` where version 1 did not tell.
    pub arrivals: Option<(u64, u64)>,
}

impl Planes {
    /// The planes of a slab by slot, ascending, with the arrivals of their frames.
    #[must_use]
    pub fn of(array: ArrayId, slab: StorageIndex, slots: impl IntoIterator<Item = (usize, Arrival)>) -> Self {
        let mut runs: Vec<SlotRun> = Vec::new();
        // A slab has at most 2^31 planes: a chunk has no more bytes.
        for (slot, Arrival(arrival)) in
            slots.into_iter().filter_map(|(slot, arrival)| Some((u32::try_from(slot).ok()?, arrival)))
        {
            if !runs.last_mut().is_some_and(|last| last.take(slot, arrival)) {
                runs.push(SlotRun { slots: slot..slot.saturating_add(1), arrivals: Some((arrival, 0)) });
            }
        }
        Self { array, slab, runs }
    }
}

impl SlotRun {
    /// Takes in a plane if it is the next of this run; the second fixes the step.
    fn take(&mut self, slot: u32, arrival: u64) -> bool {
        let Some((first, step)) = self.arrivals.filter(|_| self.slots.end == slot) else { return false };
        let count = self.slots.len() as u64;
        if count == 1 && arrival >= first {
            self.arrivals = Some((first, arrival - first));
        } else if count == 1 || step.checked_mul(count).and_then(|all| first.checked_add(all)) != Some(arrival) {
            return false;
        }
        self.slots.end += 1;
        true
    }
}

/// The entries with which the log of a run begins: what the run is, and its arrays.
#[must_use]
pub fn first_entries(plan: &Plan, unit: StorageUnit) -> Vec<u8> {
    let forms = plan
        .forms()
        .iter()
        .map(|form| serde_json::json!({"append_axis": form.geometry().append_axis(), "array": form.empty_metadata()}));
    let run = serde_json::json!({
        "version": VERSION,
        "writer": crate::VERSION,
        "unit": unit,
        "forms": forms.collect::<Vec<_>>(),
    });
    let mut entries = json_entry(KIND_RUN, &run);
    let alike = plan.arrays().chunk_by(|left, right| left.form().nth() == right.form().nth());
    for arrays in alike.flat_map(|alike| alike.chunks(ARRAYS_AN_ENTRY)) {
        let Some(first) = arrays.first() else { continue };
        let keys: Vec<&str> = arrays.iter().map(|array| array.key()).collect();
        let named = serde_json::json!({"first": first.id().0, "form": first.form().nth(), "keys": keys});
        entries.extend(json_entry(KIND_ARRAYS, &named));
    }
    entries
}

fn json_entry(kind: u8, value: &Value) -> Vec<u8> {
    let text = value.to_string().into_bytes();
    entry(kind, 0, &[], text.len(), 0, &text)
}

/// The entry of chunks that lie one after another from `offset` of a shard file.
#[must_use]
pub fn chunks_entry(shard: &str, offset: u64, complete: bool, chunks: &[PlacedChunk]) -> Vec<u8> {
    let mut body = Vec::with_capacity(chunks.len() * CHUNK_BYTES);
    for chunk in chunks {
        for number in [chunk.place, chunk.length] {
            body.extend_from_slice(&number.to_le_bytes());
        }
    }
    let flags = if complete { COMPLETE } else { 0 };
    entry(KIND_CHUNKS, flags, shard.as_bytes(), chunks.len(), offset, &body)
}

/// The entry of planes that were written.
#[must_use]
pub fn planes_entry(planes: &Planes) -> Vec<u8> {
    let slab: Vec<u8> = planes.slab.iter().flat_map(|at| at.to_le_bytes()).collect();
    let mut body = Vec::with_capacity(planes.runs.len() * RUN_OF_PLANES_BYTES);
    for SlotRun { slots, arrivals } in &planes.runs {
        let (first, step) = arrivals.unwrap_or_default();
        body.extend_from_slice(&slots.start.to_le_bytes());
        body.extend_from_slice(&(slots.len() as u32).to_le_bytes());
        body.extend_from_slice(&first.to_le_bytes());
        body.extend_from_slice(&step.to_le_bytes());
    }
    entry(KIND_PLANES, COMPLETE, &slab, planes.runs.len(), planes.array.0.into(), &body)
}

/// The entry that so many frames of a source, in the order in which they came, are on the medium.
#[must_use]
pub fn durable_entry(source: SourceId, frames: u64) -> Vec<u8> {
    entry(KIND_DURABLE, 0, &[], source.index(), frames, &[])
}

fn entry(kind: u8, flags: u8, path: &[u8], count: usize, offset: u64, body: &[u8]) -> Vec<u8> {
    // A path beyond 65,535 bytes is beyond what any file system takes.
    let path = path.get(..path.len().min(usize::from(u16::MAX))).unwrap_or(&[]);
    let length = HEADER_BYTES + path.len() + body.len() + CHECKSUM_BYTES;
    let mut bytes = Vec::with_capacity(length);
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&(length as u32).to_le_bytes());
    bytes.extend_from_slice(&[kind, flags]);
    bytes.extend_from_slice(&(path.len() as u16).to_le_bytes());
    bytes.extend_from_slice(&(count as u32).to_le_bytes());
    bytes.extend_from_slice(&offset.to_le_bytes());
    bytes.extend_from_slice(path);
    bytes.extend_from_slice(body);
    let checksum = crc32c::crc32c(&bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    bytes
}

/// Reads a log entry by entry, whatever its bytes are; what is no entry is passed over and counted.
#[derive(Debug)]
pub struct Entries<R> {
    reader: R,
    /// Bytes read and not yet used.
    window: Vec<u8>,
    start: usize,
    ended: bool,
    damaged: u64,
}

/// Bytes that are asked of the reader at a time.
const STEP: usize = 64 << 10;

impl<R: BufRead> Entries<R> {
    /// Reads from `reader`.
    pub fn new(reader: R) -> Self {
        Self { reader, window: Vec::new(), start: 0, ended: false, damaged: 0 }
    }

    /// Bytes that belonged to no whole entry.
    #[must_use]
    pub fn damaged_bytes(&self) -> u64 {
        self.damaged
    }

    /// The next whole entry; `None` at the end.
    ///
    /// # Errors
    /// The reader's.
    pub fn next_entry(&mut self) -> io::Result<Option<Entry>> {
        loop {
            self.fill(HEADER_BYTES)?;
            let rest = self.rest();
            if rest.len() < HEADER_BYTES + CHECKSUM_BYTES {
                self.damaged += rest.len() as u64;
                self.start = self.window.len();
                return Ok(None);
            }
            let length = length_of(rest).unwrap_or(0);
            if length > 0 {
                self.fill(length)?;
                if let Some(entry) = self.rest().get(..length).and_then(parse) {
                    self.start += length;
                    return Ok(Some(entry));
                }
            }
            self.pass_over();
        }
    }

    fn rest(&self) -> &[u8] {
        self.window.get(self.start..).unwrap_or(&[])
    }

    /// Moves on to where the next entry may start.
    fn pass_over(&mut self) {
        let rest = self.rest();
        let next = rest
            .windows(MAGIC.len())
            .skip(1)
            .position(|window| window == MAGIC)
            .map_or(rest.len().saturating_sub(MAGIC.len() - 1).max(1), |at| at + 1);
        self.damaged += next as u64;
        self.start += next;
    }

    /// Has at least `wanted` bytes ready, unless the file ends before.
    fn fill(&mut self, wanted: usize) -> io::Result<()> {
        while !self.ended && self.window.len() - self.start < wanted.max(HEADER_BYTES + CHECKSUM_BYTES) {
            if self.start >= STEP {
                self.window.drain(..self.start);
                self.start = 0;
            }
            let part = match self.reader.fill_buf() {
                Ok(part) => part,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            self.ended = part.is_empty();
            let taken = part.len();
            self.window.extend_from_slice(part);
            self.reader.consume(taken);
        }
        Ok(())
    }
}

/// Length that a header claims, where it is one that an entry can have.
fn length_of(bytes: &[u8]) -> Option<usize> {
    if bytes.get(..4)? != MAGIC {
        return None;
    }
    let length = u32::from_le_bytes(bytes.get(4..8)?.try_into().ok()?) as usize;
    (HEADER_BYTES + CHECKSUM_BYTES..=MAX_ENTRY_BYTES).contains(&length).then_some(length)
}

/// A whole entry, header to checksum.
fn parse(bytes: &[u8]) -> Option<Entry> {
    let (body, checksum) = bytes.split_at_checked(bytes.len().checked_sub(CHECKSUM_BYTES)?)?;
    if crc32c::crc32c(body).to_le_bytes() != checksum {
        return None;
    }
    let (header, rest) = body.split_at_checked(HEADER_BYTES)?;
    let number = |at: usize| Some(u32::from_le_bytes(header.get(at..at + 4)?.try_into().ok()?));
    let (kind, flags) = (*header.get(8)?, *header.get(9)?);
    let path_bytes = usize::from(u16::from_le_bytes(header.get(10..12)?.try_into().ok()?));
    let count = number(12)? as usize;
    let offset = u64::from_le_bytes(header.get(16..24)?.try_into().ok()?);
    let (path, rest) = rest.split_at_checked(path_bytes)?;
    match kind {
        KIND_RUN if rest.len() == count => Some(Entry::Run(serde_json::from_slice(rest).ok()?)),
        KIND_CHUNKS if rest.len() == count.checked_mul(CHUNK_BYTES)? => {
            let chunk = |bytes: &[u8]| Some(PlacedChunk { place: word_at(bytes, 0)?, length: word_at(bytes, 4)? });
            let chunks = rest.chunks_exact(CHUNK_BYTES).map(chunk).collect::<Option<_>>()?;
            Some(Entry::Chunks(Placed {
                shard: String::from_utf8(path.to_vec()).ok()?,
                offset,
                complete: flags & COMPLETE != 0,
                chunks,
            }))
        }
        KIND_ARRAYS if rest.len() == count => Some(Entry::Arrays(serde_json::from_slice(rest).ok()?)),
        KIND_DURABLE if rest.is_empty() => Some(Entry::Durable(SourceId(u16::try_from(count).ok()?), offset)),
        KIND_PLANES_V1 if rest.len() == count.checked_mul(CHUNK_BYTES)? => {
            let run = |bytes: &[u8]| Some(SlotRun { slots: word_at(bytes, 0)?..word_at(bytes, 4)?, arrivals: None });
            Some(Entry::Planes(Planes {
                array: ArrayId(u32::try_from(offset).ok()?),
                slab: slab_of(path)?,
                runs: rest.chunks_exact(CHUNK_BYTES).map(run).collect::<Option<_>>()?,
            }))
        }
        KIND_PLANES if rest.len() == count.checked_mul(RUN_OF_PLANES_BYTES)? => {
            let run = |bytes: &[u8]| {
                let (start, count) = (word_at(bytes, 0)?, word_at(bytes, 4)?);
                let long = |at: usize| Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
                Some(SlotRun { slots: start..start.checked_add(count)?, arrivals: Some((long(8)?, long(16)?)) })
            };
            Some(Entry::Planes(Planes {
                array: ArrayId(u32::try_from(offset).ok()?),
                slab: slab_of(path)?,
                runs: rest.chunks_exact(RUN_OF_PLANES_BYTES).map(run).collect::<Option<_>>()?,
            }))
        }
        _ => None,
    }
}

fn word_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn slab_of(bytes: &[u8]) -> Option<StorageIndex> {
    let slab: Vec<u64> = bytes.as_chunks::<8>().0.iter().map(|at| u64::from_le_bytes(*at)).collect();
    slab.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(bytes: &[u8]) -> (Vec<Entry>, u64) {
        // A reader that gives little at a time, as a slow disk may.
        let mut entries = Entries::new(io::BufReader::with_capacity(7, bytes));
        let mut found = Vec::new();
        while let Some(entry) = entries.next_entry().expect("reading from memory") {
            found.push(entry);
        }
        (found, entries.damaged_bytes())
    }

    fn plan(dims: &str) -> Plan {
        let dimensions = crate::settings::parse_dims(dims).expect("valid");
        let settings = crate::Settings::new("a", dimensions, crate::settings::DataType::UInt8);
        Plan::new(&settings, &crate::plan::Capabilities::taking(StorageUnit::Chunk)).expect("valid")
    }

    fn placed(nth: u32) -> Placed {
        let chunks = (0..3).map(|place| PlacedChunk { place: place + nth, length: 7 }).collect();
        let shard = format!("a/0/c/{nth}");
        Placed { shard, offset: u64::from(nth) << 40, complete: nth.is_multiple_of(2), chunks }
    }

    fn bytes(placed: &Placed) -> Vec<u8> {
        chunks_entry(&placed.shard, placed.offset, placed.complete, &placed.chunks)
    }

    #[test]
    fn what_is_written_is_read() {
        let plan = plan("t:inf,p:3,y:4,x:4");
        let mut log = first_entries(&plan, StorageUnit::Chunk);
        (0..50).for_each(|nth| log.extend(bytes(&placed(nth))));
        let (found, damaged) = read(&log);
        assert_eq!((found.len(), damaged), (52, 0));
        let form = &plan.forms()[0];
        let array = form.empty_metadata();
        assert!(matches!(&found[0], Entry::Run(run)
            if run["version"] == VERSION && run["forms"][0]["array"] == array && run["forms"][0]["append_axis"] == 0));
        let keys: Vec<_> = plan.arrays().iter().map(|array| array.key().to_owned()).collect();
        assert!(
            matches!(&found[1], Entry::Arrays(arrays) if arrays["first"] == 0 && arrays["keys"] == serde_json::json!(keys))
        );
        for (nth, entry) in found[2..].iter().enumerate() {
            assert_eq!(entry, &Entry::Chunks(placed(nth as u32)));
        }
    }

    #[test]
    fn planes_come_back() {
        let slots = [(0, 10), (1, 13), (2, 16), (3, 20), (5, 21), (6, 0)].map(|(slot, at)| (slot, Arrival(at)));
        let planes = Planes::of(ArrayId(7), [1, 2, u64::MAX], slots);
        let run = |slots: Range<u32>, first: u64, step: u64| SlotRun { slots, arrivals: Some((first, step)) };
        assert_eq!(planes.runs, [run(0..3, 10, 3), run(3..4, 20, 0), run(5..6, 21, 0), run(6..7, 0, 0)]);
        let log = [planes_entry(&planes), durable_entry(SourceId(1), 9), bytes(&placed(0))].concat();
        assert_eq!(
            read(&log),
            (vec![Entry::Planes(planes), Entry::Durable(SourceId(1), 9), Entry::Chunks(placed(0))], 0)
        );
    }

    #[test]
    fn planes_of_version_1_come_back() {
        let slab: Vec<u8> = [1_u64, 2, 3].iter().flat_map(|at| at.to_le_bytes()).collect();
        let body: Vec<u8> = [0_u32, 3, 5, 6].iter().flat_map(|slot| slot.to_le_bytes()).collect();
        let log = entry(KIND_PLANES_V1, COMPLETE, &slab, 2, 7, &body);
        let run = |slots: Range<u32>| SlotRun { slots, arrivals: None };
        let planes = Planes { array: ArrayId(7), slab: [1, 2, 3], runs: vec![run(0..3), run(5..6)] };
        assert_eq!(read(&log), (vec![Entry::Planes(planes)], 0));
    }

    #[test]
    fn a_record_of_one_chunk_is_small() {
        let one = Placed { chunks: vec![placed(0).chunks[0]], shard: "0/c/100/3/10/0/0".into(), ..placed(0) };
        assert_eq!(bytes(&one).len(), 52);
    }

    #[test]
    fn a_torn_end_costs_only_the_last_record() {
        let (whole, last) = (bytes(&placed(0)), bytes(&placed(1)));
        for cut in 1..last.len() {
            let (found, damaged) = read(&[&whole[..], &last[..cut]].concat());
            assert_eq!(found, [Entry::Chunks(placed(0))], "cut after {cut} bytes");
            assert_eq!(damaged, cut as u64);
        }
    }

    proptest! {
        #[test]
        fn damage_costs_only_the_records_it_hits(at in 0usize..10_000, junk in prop::collection::vec(any::<u8>(), 1..40)) {
            let entries: Vec<Vec<u8>> = (0..20).map(|nth| bytes(&placed(nth))).collect();
            let mut log = entries.concat();
            let at = at % log.len();
            let end = (at + junk.len()).min(log.len());
            let before = log.clone();
            log[at..end].copy_from_slice(&junk[..end - at]);
            let hit = |start: usize, length: usize| log[start..start + length] != before[start..start + length];
            let mut start = 0;
            let mut expected = Vec::new();
            for (nth, entry) in entries.iter().enumerate() {
                if !hit(start, entry.len()) {
                    expected.push(Entry::Chunks(placed(nth as u32)));
                }
                start += entry.len();
            }
            prop_assert_eq!(read(&log).0, expected);
        }

        #[test]
        fn no_bytes_make_the_reader_fail(bytes: Vec<u8>, many in any::<bool>()) {
            let log = if many { [&MAGIC[..], &bytes, &MAGIC[..], &bytes].concat() } else { bytes };
            prop_assert_eq!(read(&log).0, []);
        }
    }
}
