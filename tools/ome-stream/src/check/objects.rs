//! Chunk and shard files: names, sizes, the index of each shard, and whether every chunk decodes.

use std::fmt::Write;
use std::num::NonZero;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, TrySendError, sync_channel};
use std::thread::{self, ScopedJoinHandle};
use std::time::Duration;

use ome_stream::Error;
use ome_stream::backend::{ChunkChecker, Verifier};
use ome_stream::platform::Source;
use ome_stream::reader::limits::stored_chunk_bytes;
use ome_stream::reader::{Object, Strange, each_object, has_places_mark, index_of_shard, whole};
use ome_stream::zarr::index::{MISSING, overlapping};
use ome_stream::zarr::{ArrayFormat, Sharding};

use super::at::{Findings, Kept};
use super::levels::Stored;
use super::looked::Looked;
use super::rule::Rule;
use super::rules::*;

/// Threads that decode: more would wait for the disk.
const MAX_THREADS: usize = 16;

/// Bytes of chunks that are decoded at one time, twice over: stored and decoded.
const MAX_DECODED: u64 = 2 << 30;

/// Chunks of one shard that are told of by name; of the others the number is.
const MAX_CHUNKS: usize = 20;

/// Files that wait for a thread.
const WAITING: usize = 64;

/// Time after which whoever waits for threads looks again.
const MOMENT: Duration = Duration::from_millis(2);

/// Looks at the files of `arrays`.
pub fn check(
    source: &dyn Source,
    arrays: &[Stored],
    pixels: Option<&dyn Verifier>,
    findings: &mut Findings,
    looked: &mut Looked,
    unchecked: &mut Vec<String>,
    progress: &mut dyn FnMut(u64, u64),
) {
    let mut ready = Vec::new();
    for array in arrays {
        let mut leave = |what: &str, why| unchecked.push(format!("{}: its chunks were not {what}: {why}", array.path));
        let format = match ArrayFormat::of_anyone(array.zarr, array.document.clone()) {
            Ok(format) => format,
            Err(why) => {
                leave("looked at", why);
                continue;
            }
        };
        // Pixels that are stored as they are cannot fail to decode.
        let decodes =
            pixels.filter(|_| format.fixed.is_none()).is_some_and(|verifier| match verifier.checker(&format) {
                Ok(_) => true,
                Err(why) => {
                    leave("decoded", why);
                    false
                }
            });
        ready.push(Array { array, format, sharding: array.document.codecs.sharding(), decodes });
    }
    let work = Work { source, arrays: ready, done: AtomicU64::new(0) };
    let (all, listed) = match pixels {
        None => {
            let mut outcome = Outcome::default();
            let listed = work.list(&mut |nth, object| work.object(nth, &object, None, &mut outcome));
            (vec![outcome], listed)
        }
        Some(verifier) => {
            let mut total = 0u64;
            // What cannot be listed is told when it is looked at.
            work.list(&mut |_, object| total = total.saturating_add(object.whole.unwrap_or(0)));
            work.in_threads(verifier, &mut |done| progress(done, total))
        }
    };
    let mut told: Vec<_> = Vec::new();
    for outcome in all {
        looked.files += outcome.files;
        looked.bytes = looked.bytes.saturating_add(outcome.bytes);
        looked.decoded += outcome.decoded;
        findings.kept.more += outcome.kept.more;
        told.extend(outcome.told);
    }
    told.sort_by(|one, other| (one.nth, &one.coordinates).cmp(&(other.nth, &other.coordinates)));
    for Told { nth, rule, place, value, .. } in told {
        work.name(nth, findings);
        findings.add(rule, place, value);
    }
    for (nth, listed) in listed.into_iter().enumerate() {
        work.name(nth, findings);
        strange(findings, listed);
    }
}

/// What lies among the chunks of an array.
fn strange(findings: &mut Findings, listed: Result<Strange, Error>) {
    let strange = match listed {
        Ok(strange) => strange,
        Err(error) => return findings.add(UNREADABLE, "", error.to_string()),
    };
    for (rule, count, what) in [
        (CHUNK_LINK, strange.links, "link(s) among the chunks"),
        (CHUNK_NAME, strange.others, "file(s) and folder(s) that are no chunks"),
    ] {
        if count > 0 {
            findings.add(rule, "", format!("{count} {what}"));
        }
    }
    let why = strange.why.map_or_else(String::new, |why| why.to_string());
    for folder in strange.unlisted {
        findings.add(UNREADABLE, folder, why.clone());
    }
}

/// An array whose files can be looked at.
struct Array<'a> {
    array: &'a Stored,
    format: ArrayFormat,
    sharding: Option<&'a Sharding>,
    /// Whether its chunks can be decoded, and are to be.
    decodes: bool,
}

/// All files.
struct Work<'a> {
    source: &'a dyn Source,
    arrays: Vec<Array<'a>>,
    /// Bytes of the files that were looked at.
    done: AtomicU64,
}

/// Something found in a file: threads end in any order.
struct Told {
    nth: usize,
    coordinates: Vec<u64>,
    rule: &'static Rule,
    place: String,
    value: String,
}

/// What came of the files of one thread.
#[derive(Default)]
struct Outcome {
    told: Vec<Told>,
    kept: Kept,
    files: u64,
    bytes: u64,
    decoded: u64,
}

impl Work<'_> {
    /// Findings are those of the `nth` array from here on.
    fn name(&self, nth: usize, findings: &mut Findings) {
        if let Some(array) = self.arrays.get(nth) {
            findings.node.clone_from(&array.array.path);
        }
    }

    /// Every file, by the place of its array among them.
    fn list(&self, use_object: &mut dyn FnMut(usize, Object)) -> Vec<Result<Strange, Error>> {
        let each = |(nth, array): (usize, &Array<'_>)| {
            let Stored { folder, document, .. } = array.array;
            each_object(self.source, folder, &document.keys, document.shape.len(), &mut |object| {
                use_object(nth, object);
                Ok(())
            })
        };
        self.arrays.iter().enumerate().map(each).collect()
    }

    /// Every file, decoded by several threads.
    fn in_threads(
        &self,
        verifier: &dyn Verifier,
        progress: &mut dyn FnMut(u64),
    ) -> (Vec<Outcome>, Vec<Result<Strange, Error>>) {
        let (sender, receiver) = sync_channel(WAITING);
        let receiver = Mutex::new(receiver);
        thread::scope(|scope| {
            let workers: Vec<_> = (0..self.threads()).map(|_| scope.spawn(|| self.take(&receiver, verifier))).collect();
            let ended = || workers.iter().all(ScopedJoinHandle::is_finished);
            let mut wait = || {
                thread::sleep(MOMENT);
                progress(self.done.load(Ordering::Relaxed));
            };
            let listed = self.list(&mut |nth, object| {
                let mut next = sender.try_send((nth, object));
                while let Err(TrySendError::Full(object)) = next {
                    if ended() {
                        return;
                    }
                    wait();
                    next = sender.try_send(object);
                }
            });
            drop(sender);
            while !ended() {
                wait();
            }
            (workers.into_iter().filter_map(|worker| worker.join().ok()).collect(), listed)
        })
    }

    /// As many as there are cores and memory for.
    fn threads(&self) -> usize {
        let cores = thread::available_parallelism().map_or(1, NonZero::get).min(MAX_THREADS);
        let largest = self.arrays.iter().map(|array| array.format.chunk_bytes).max().unwrap_or(1);
        cores.min(usize::try_from(MAX_DECODED / largest.max(1)).unwrap_or(MAX_THREADS)).max(1)
    }

    /// One thread.
    fn take(&self, objects: &Mutex<Receiver<(usize, Object)>>, verifier: &dyn Verifier) -> Outcome {
        let mut outcome = Outcome::default();
        // That of the array whose files come now.
        let mut checker: (Option<usize>, Option<Box<dyn ChunkChecker>>) = (None, None);
        loop {
            let next = match objects.lock() {
                Ok(objects) => objects.recv(),
                Err(_) => return outcome,
            };
            let Ok((nth, object)) = next else { return outcome };
            if checker.0 != Some(nth) {
                let array = self.arrays.get(nth).filter(|array| array.decodes);
                checker = (Some(nth), array.and_then(|array| verifier.checker(&array.format).ok()));
            }
            self.object(nth, &object, checker.1.as_deref(), &mut outcome);
        }
    }

    fn object(&self, nth: usize, object: &Object, checker: Option<&dyn ChunkChecker>, outcome: &mut Outcome) {
        let Some(array) = self.arrays.get(nth) else { return };
        let mut told = Vec::new();
        array.object(self.source, object, checker, outcome, &mut told);
        self.done.fetch_add(object.whole.unwrap_or(0), Ordering::Relaxed);
        for (rule, place, value) in told {
            if outcome.kept.takes(rule.severity) {
                outcome.told.push(Told { nth, coordinates: object.coordinates.clone(), rule, place, value });
            }
        }
    }
}

/// What is found in one file.
type InFile = Vec<(&'static Rule, String, String)>;

impl Array<'_> {
    fn object(
        &self,
        source: &dyn Source,
        object: &Object,
        checker: Option<&dyn ChunkChecker>,
        outcome: &mut Outcome,
        told: &mut InFile,
    ) {
        if object.partial.is_some() {
            told.push((CHUNK_UNFINISHED, object.key.clone(), "an unfinished file".to_owned()));
        }
        if self.is_outside(&object.coordinates) {
            told.push((CHUNK_OUTSIDE, object.key.clone(), format!("the shape is {:?}", self.format.shape)));
        }
        if let Some(length) = object.whole {
            outcome.files += 1;
            outcome.bytes = outcome.bytes.saturating_add(length);
            let found = match self.sharding {
                Some(sharding) => self.shard(source, object, sharding, checker, told),
                None => self.chunk_file(source, object, length, checker, told),
            };
            match found {
                Ok(decoded) => outcome.decoded += decoded,
                Err(error) => told.push((UNREADABLE, object.key.clone(), error.to_string())),
            }
        }
    }

    /// Whether a file begins past the end of the array.
    fn is_outside(&self, coordinates: &[u64]) -> bool {
        let document = &self.array.document;
        let starts = coordinates.iter().zip(&document.object).map(|(at, size)| at.saturating_mul(*size));
        starts.zip(&document.shape).any(|(start, extent)| start >= *extent)
    }

    fn chunk_file(
        &self,
        source: &dyn Source,
        object: &Object,
        length: u64,
        checker: Option<&dyn ChunkChecker>,
        told: &mut InFile,
    ) -> Result<u64, Error> {
        let place = self.place(object, None);
        if let Some(why) = self.wrong_size(length) {
            told.push((CHUNK_SIZE, place, why));
            return Ok(0);
        }
        let Some(checker) = checker else { return Ok(0) };
        let bytes = whole(source, &object.path)?.read(0, length)?;
        if let Err(why) = checker.check(&bytes) {
            told.push((CHUNK_DECODES, place, ome_stream::shown::sentence(why)));
        }
        Ok(1)
    }

    /// Why no chunk can have so many bytes.
    fn wrong_size(&self, length: u64) -> Option<String> {
        match self.format.stored_bytes {
            Some(bytes) if length != bytes => Some(format!("{length} bytes; an uncompressed chunk has {bytes}")),
            Some(_) => None,
            None if length == 0 => Some("0 bytes".into()),
            None if length > stored_chunk_bytes(self.format.chunk_bytes) => {
                Some(format!("{length} bytes, for {} bytes of pixels", self.format.chunk_bytes))
            }
            None => None,
        }
    }

    /// A shard; chunks that were decoded.
    fn shard(
        &self,
        source: &dyn Source,
        object: &Object,
        sharding: &Sharding,
        checker: Option<&dyn ChunkChecker>,
        told: &mut InFile,
    ) -> Result<u64, Error> {
        let chunks = self.format.chunks_per_shard();
        let file = whole(source, &object.path)?;
        let (entries, room) = match index_of_shard(&file, chunks, sharding)? {
            Ok(found) => found,
            Err(why) => {
                told.push((SHARD_INDEX, self.place(object, None), why));
                return Ok(0);
            }
        };
        // A run of ours that goes on lists the places of chunks that are still to come.
        if sharding.is_indexed_last() && has_places_mark(&file, file.length(), chunks)? {
            told.push((CHUNK_UNFINISHED, object.key.clone(), "chunks of this shard are still to come".into()));
        }
        let is_inside = |(offset, length): (u64, u64), room: &Range<u64>| {
            offset >= room.start && offset.checked_add(length).is_some_and(|end| end <= room.end)
        };
        let shared = overlapping(&entries, room.end);
        let mut wrong = Vec::new();
        let mut decoded = 0;
        for (nth, &entry) in entries.iter().enumerate().filter(|(_, entry)| **entry != MISSING) {
            let (offset, length) = entry;
            if !is_inside(entry, &room) {
                wrong.push((nth, SHARD_ENTRY, format!("{length} bytes at {offset}, chunks lie in {room:?}")));
            } else if let Some(why) = self.wrong_size(length) {
                wrong.push((nth, CHUNK_SIZE, why));
            } else if let Some(checker) = checker {
                decoded += 1;
                if let Err(why) = checker.check(&file.read(offset, length)?) {
                    wrong.push((nth, CHUNK_DECODES, ome_stream::shown::sentence(why)));
                }
            }
            if shared.binary_search(&nth).is_ok() {
                wrong.push((nth, SHARD_ENTRY, format!("{length} bytes at {offset}, shared with another chunk")));
            }
        }
        let more = wrong.len().saturating_sub(MAX_CHUNKS);
        for (nth, rule, why) in wrong.into_iter().take(MAX_CHUNKS) {
            told.push((rule, self.place(object, Some(nth)), why));
        }
        if more > 0 {
            told.push((SHARD_ENTRY, object.key.clone(), format!("{more} more chunk(s) of this shard are wrong")));
        }
        Ok(decoded)
    }

    /// The name of a file, of the chunk in it, and which planes it has: `c/1/0/0 chunk [4, 0, 0], t 4`.
    fn place(&self, object: &Object, nth: Option<usize>) -> String {
        let mut text = object.key.clone();
        let (first, size) = match nth {
            Some(nth) => {
                let coordinates = self.format.coordinates(&object.coordinates, nth);
                // Writing to a text does not fail.
                let _ = write!(text, " chunk {coordinates:?}");
                (coordinates, &self.format.chunk)
            }
            None => (object.coordinates.clone(), &self.array.document.object),
        };
        let planes = self.format.index_axes();
        for (axis, ((at, size), extent)) in first.iter().zip(size).zip(&self.format.shape).take(planes).enumerate() {
            let start = at.saturating_mul(*size);
            let end = start.saturating_add(*size).min(*extent).max(start.saturating_add(1));
            let name = self.array.axes.get(axis).or_else(|| self.format.names.get(axis));
            let name = name.map_or_else(|| format!("axis {axis}"), Clone::clone);
            let _ = match end - start {
                1 => write!(text, ", {name} {start}"),
                _ => write!(text, ", {name} {start}-{}", end - 1),
            };
        }
        text
    }
}
