//! Each operation of a run fails once, or from it on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result;
use ome_stream::platform::faulty::{Fault, FaultyDisk, Operation};
use ome_stream::{Stream, platform};
use rustix::io::Errno;

use super::{Outcome, append_all, failed_well};
use crate::{cases, judge, watermarks};

/// Layouts that take different ways to the disk, plates, and each version.
const KINDS: &[&str] = &[
    "chunk files",
    "shards, t chunks, unbounded",
    "shards, t chunks, zstd, unbounded",
    "plate, shards, blosc-zstd, unbounded",
    "0.4, chunk files, t chunks, positions, unbounded",
    "0.6, shards, positions, unbounded",
    "shards, t chunks, checksum, unbounded",
    "levels, shards, pairs of planes, positions, unbounded",
];

/// Frames of each run.
const FRAMES: u64 = 120;

/// Seconds after which a written frame is visible.
const LIVE_INTERVAL: f64 = 0.05;

/// Microseconds within which a frame comes after the one before.
const TICK: u64 = 2000;

/// Every how many operations one fails: each, at the beginning, then fewer.
fn next(nth: u64) -> u64 {
    nth + 1 + nth / 12
}

const CAUSES: &[Errno] =
    &[Errno::IO, Errno::NOSPC, Errno::DQUOT, Errno::ROFS, Errno::MFILE, Errno::NOENT, Errno::ACCESS];

/// The disk fails once and is well again: nothing may be written that hides the gap, and where the run ends well there
/// is none.
pub fn once() -> Result<Outcome> {
    sweep(false)
}

/// The disk fails for ever.
pub fn for_ever() -> Result<Outcome> {
    sweep(true)
}

fn sweep(for_ever: bool) -> Result<Outcome> {
    let mut errors = Vec::new();
    let mut tried = 0;
    let backend = ome_stream_backends::open(ome_stream_backends::DEFAULT)?;
    for name in KINDS {
        let mut case = cases::kind(name)?.case_of(FRAMES);
        case.settings.live_interval = LIVE_INTERVAL;
        case.settings.threads = Some(2);
        let mut nth = 0;
        loop {
            let errno = CAUSES[tried as usize % CAUSES.len()];
            let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir())?;
            let failed = Arc::new(AtomicU64::new(u64::MAX));
            let noted = Arc::clone(&failed);
            let disk = FaultyDisk::new(
                platform::native(),
                Box::new(move |at, operation| {
                    // What is removed after a failure is removed or not: that fails silently.
                    let hit = (at == nth || for_ever && at > nth) && !matches!(operation, Operation::Remove(_));
                    if hit {
                        noted.fetch_min(watermarks::now(), Ordering::Relaxed);
                    }
                    Fault { errno: hit.then(|| errno.raw_os_error()), ..Fault::default() }
                }),
            );
            let settings = case.settings_in(folder.path());
            tried += 1;
            let what = |error: &dyn std::fmt::Display| format!("{name}, operation {nth}, {errno:?}: {error}");
            match Stream::create_on(&settings, &*backend, Arc::new(disk)) {
                Err(error) => {
                    if failed.load(Ordering::Relaxed) == u64::MAX || settings.output_path().exists() {
                        errors.push(what(&format!("a store that could not be made is there: {error}")));
                    }
                }
                Ok(stream) => {
                    let (refused, log) = append_all(&case, &stream, Duration::from_millis(1));
                    let well = refused.is_none() && stream.finish().is_ok();
                    if well && failed.load(Ordering::Relaxed) == u64::MAX {
                        break; // It ended before the operation came.
                    }
                    if well && !for_ever {
                        // Tried again, or done in another way (what is beside the pixels, the final length of a sealed
                        // shard): then everything is there, the metadata of each frame too.
                        let all = case.consumed();
                        errors.extend(
                            judge::store(&case, stream.plan(), all, all).errors.iter().map(|error| what(error)),
                        );
                        nth = next(nth);
                        continue;
                    }
                    // A disk that is gone shows what readers could see when it failed, as when the process had died.
                    // One that failed once shows all that was written.
                    // The time for which the machine let the process stand still is allowed for, as with kills.
                    let (at, interval) = (failed.load(Ordering::Relaxed), (LIVE_INTERVAL * 1e6) as u64);
                    let stall = watermarks::stall(&log, at, 2 * interval, TICK);
                    let visible = watermarks::visible(&log, at, interval + stall);
                    let must_have = for_ever.then_some(visible);
                    let wrong = failed_well(&case, &stream, refused.as_ref(), &[errno], must_have);
                    errors.extend(wrong.iter().map(|error| what(error)));
                }
            }
            nth = next(nth);
        }
    }
    Ok(Outcome::of(tried, errors))
}
