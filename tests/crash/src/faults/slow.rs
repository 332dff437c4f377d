//! A disk that stalls for more than a second: memory stands still, every frame is counted, and all goes on afterwards.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use ome_stream::platform::faulty::Fault;
use ome_stream::settings::WhenFull;
use ome_stream::{Error, Stream};
use ome_stream_tests::case::{Case, Step};
use ome_stream_tests::child::Counters;
use ome_stream_tests::disk;

use super::Outcome;
use crate::judge;
use crate::writer::Camera;

const STALL: Duration = Duration::from_millis(1500);

/// Writes of pixels before the stall.
const BEFORE: u64 = 10;

/// Frames that are taken after the first one that found no room.
const AFTER: u64 = 60;

/// Growth of the process that is not the stream's: what the allocator and the test itself touch for the first time.
const SLACK: u64 = 4 << 20;

pub fn block() -> Result<Outcome> {
    stall(WhenFull::Block)
}

pub fn error() -> Result<Outcome> {
    stall(WhenFull::Error)
}

pub fn drop_frames() -> Result<Outcome> {
    stall(WhenFull::Drop)
}

/// What the host saw.
#[derive(Debug, Default)]
struct Seen {
    /// Calls that found no room.
    full: u64,
    /// Longest call.
    longest: Duration,
    /// Most bytes resident when the disk stalled, and at the end.
    resident: (u64, u64),
}

fn stall(when_full: WhenFull) -> Result<Outcome> {
    let folder = tempfile::tempdir()?;
    let mut case = Case::new("slow", "t:inf,y:256,x:128");
    case.settings.memory_limit = 1 << 20;
    case.settings.threads = Some(1);
    case.settings.when_full = when_full;
    let writes = AtomicU64::new(0);
    let disk = disk::faulty(move |operation| {
        let stalls = disk::writes_pixels(operation) && writes.fetch_add(1, Ordering::Relaxed) == BEFORE;
        Fault { delay: if stalls { STALL } else { Duration::ZERO }, ..Fault::default() }
    });
    let backend = ome_stream_backends::open(ome_stream_backends::DEFAULT)?;
    let stream = Stream::create_on(&case.settings_in(folder.path()), &*backend, Arc::clone(&disk))?;
    let seen = feed(&case, &stream)?;
    stream.finish()?;
    let status = stream.status();
    let mut wrong = Vec::new();
    let mut check = |holds: bool, what: String| {
        if !holds {
            wrong.push(format!("{what}; {seen:?}; {status:?}"));
        }
    };
    check(status.bytes_high_water <= status.bytes_limit, "more memory than the limit is used".to_owned());
    check(status.bytes_in_flight == 0, "memory is held after finish".to_owned());
    check(seen.resident.1 <= seen.resident.0 + SLACK, "the process grew while the disk stalled".to_owned());
    check(
        (status.append.max_us / 1e6 - seen.longest.as_secs_f64()).abs() < 0.05,
        "the histogram missed the longest call".to_owned(),
    );
    check(status.append.p50_us < 50_000.0, "calls stay slow after the stall".to_owned());
    let dropped = match when_full {
        WhenFull::Block => {
            check(seen.longest > STALL / 2, "append did not wait".to_owned());
            0
        }
        WhenFull::Error => {
            check(seen.full > 0 && seen.longest < STALL / 2, "append waited, or never said that it is full".to_owned());
            0
        }
        WhenFull::Drop => {
            check(status.dropped > 0 && seen.longest < STALL / 2, "append waited, or dropped nothing".to_owned());
            status.dropped
        }
    };
    check(status.dropped == dropped && status.written == status.accepted, "frames are lost and not counted".to_owned());
    let case = case.script(&[Step::Append(status.accepted)]);
    let found = judge::store(&case, stream.plan(), if dropped == 0 { status.accepted } else { 0 }, 0);
    check(found.whole == status.accepted - dropped, format!("{} frames are there: {:?}", found.whole, found.errors));
    Ok(Outcome::of(1, wrong))
}

/// Appends until well after the stall.
fn feed(case: &Case, stream: &Stream) -> Result<Seen> {
    let camera = Camera::new(case);
    let mut frame = camera.memory();
    let mut seen = Seen::default();
    let start = Instant::now();
    let mut left = AFTER;
    while left > 0 {
        ensure!(start.elapsed() < STALL * 20, "the stall never ends: {:?}", stream.status());
        let (number, dropped) = (stream.status().accepted, stream.status().dropped);
        camera.take(number, &mut frame);
        let call = Instant::now();
        let outcome = stream.append(&frame);
        seen.longest = seen.longest.max(call.elapsed());
        let full = match outcome {
            Ok(_) => stream.status().dropped > dropped || call.elapsed() > STALL / 2,
            Err(Error::Full { .. }) => true,
            Err(error) => return Err(error.into()),
        };
        if full {
            if seen.full == 0 {
                seen.resident.0 = Counters::now().peak_resident;
            }
            seen.full += 1;
        } else if seen.full > 0 {
            left -= 1;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    seen.resident.1 = Counters::now().peak_resident;
    Ok(seen)
}
