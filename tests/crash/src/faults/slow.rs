//! A disk that stalls: memory stands still, every frame is counted, and all goes on afterwards.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail, ensure};
use ome_stream::platform::faulty::Fault;
use ome_stream::settings::WhenFull;
use ome_stream::{Error, Stream};
use ome_stream_tests::case::{Case, Step};
use ome_stream_tests::child::Counters;
use ome_stream_tests::disk::{self, Gate, wait_for};

use super::Outcome;
use crate::judge;
use crate::writer::Camera;

/// How long the disk stalls once the host has found no room: many rounds of the live thread.
const STALL: Duration = Duration::from_secs(1);

/// Seconds between looks of live readers.
const LIVE_INTERVAL: f64 = 0.1;

/// Frames that are written before the stall.
const BEFORE: u64 = 10;

/// Frames that are taken after it.
const AFTER: u64 = 60;

/// Time in which so few frames are taken on any machine.
const PATIENCE: Duration = Duration::from_secs(60);

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
    /// Longest call.
    longest: Duration,
    /// Most bytes resident when the host had found no room, and at the end.
    resident: (u64, u64),
    /// What a call did during the stall that it must not do.
    wrong: Vec<String>,
}

fn stall(when_full: WhenFull) -> Result<Outcome> {
    let folder = tempfile::tempdir()?;
    let mut case = Case::new("slow", "t:inf,y:256,x:128");
    case.settings.memory_limit = 1 << 20;
    case.settings.threads = Some(1);
    case.settings.when_full = when_full;
    case.settings.live_interval = LIVE_INTERVAL;
    let disk = Stalling::default();
    let backend = ome_stream_backends::open(ome_stream_backends::DEFAULT)?;
    let stream = Stream::create_on(&case.settings_in(folder.path()), &*backend, disk.disk())?;
    let seen = feed(&case, &stream, &disk)?;
    stream.finish()?;
    let status = stream.status();
    let mut wrong = seen.wrong.clone();
    let mut check = |holds: bool, what: String| {
        if !holds {
            wrong.push(format!("{what}; {seen:?}; {status:?}"));
        }
    };
    check(status.bytes_high_water <= status.bytes_limit, "more memory than the limit is used".to_owned());
    check(status.bytes_in_flight == 0, "memory is held after finish".to_owned());
    check(seen.resident.1 <= seen.resident.0 + SLACK, "the process grew while the disk stalled".to_owned());
    // Our clock starts before the stream's and stops after it; the histogram is good to one percent.
    let longest_us = status.append.max_us;
    check(
        longest_us <= seen.longest.as_secs_f64() * 1.02e6,
        "the histogram has a longer call than there was".to_owned(),
    );
    let half = STALL.as_secs_f64() * 0.5e6;
    check(status.append.p50_us < half, "calls stay slow after the stall".to_owned());
    let dropped = match when_full {
        WhenFull::Block => {
            check(longest_us > half, "the histogram missed the longest call".to_owned());
            0
        }
        WhenFull::Error => 0,
        WhenFull::Drop => status.dropped,
    };
    check(status.dropped == dropped && status.written == status.accepted, "frames are lost and not counted".to_owned());
    let case = case.script(&[Step::Append(status.accepted)]);
    let found = judge::store(&case, stream.plan(), if dropped == 0 { status.accepted } else { 0 }, 0);
    check(found.whole == status.accepted - dropped, format!("{} frames are there: {:?}", found.whole, found.errors));
    Ok(Outcome::of(1, wrong))
}

/// A disk that stalls from when it is told to until its gate is opened: the host decides, no clock.
#[derive(Debug, Clone, Default)]
struct Stalling {
    stalls: Arc<AtomicBool>,
    gate: Gate,
}

impl Stalling {
    fn disk(&self) -> Arc<dyn ome_stream::platform::Disk> {
        let Self { stalls, gate } = self.clone();
        disk::faulty(move |operation| {
            if stalls.load(Ordering::Relaxed) && disk::writes_pixels(operation) {
                gate.wait();
            }
            Fault::default()
        })
    }
}

/// The camera's thread.
struct Host<'a> {
    stream: &'a Stream,
    camera: Camera,
    frame: Vec<u8>,
    longest: Duration,
}

impl Host<'_> {
    /// Appends the next frame, or finds that there is no room: then `false`.
    fn append(&mut self, by: fn(&Stream, &[u8]) -> Result<u64, Error>) -> Result<bool> {
        let (number, dropped) = (self.stream.status().accepted, self.stream.status().dropped);
        self.camera.take(number, &mut self.frame);
        let call = Instant::now();
        let outcome = by(self.stream, &self.frame);
        self.longest = self.longest.max(call.elapsed());
        match outcome {
            Ok(_) => Ok(self.stream.status().dropped == dropped),
            Err(Error::Full { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Appends until `frames` more have been taken.
    fn take(&mut self, frames: u64) -> Result<()> {
        let start = Instant::now();
        let mut left = frames;
        while left > 0 {
            ensure!(start.elapsed() < PATIENCE, "{left} frames find no room: {:?}", self.stream.status());
            if self.append(Stream::append)? {
                left -= 1;
            } else {
                std::thread::sleep(Duration::from_millis(2));
            }
        }
        Ok(())
    }
}

/// Appends before, during and after the stall.
fn feed(case: &Case, stream: &Stream, disk: &Stalling) -> Result<Seen> {
    let camera = Camera::new(case);
    let frame = camera.memory();
    let mut host = Host { stream, camera, frame, longest: Duration::ZERO };
    host.take(BEFORE)?;
    let all = || {
        let status = stream.status();
        let all = status.written == status.accepted && status.bytes_in_flight == 0;
        all.then_some(()).ok_or_else(|| format!("{status:?}"))
    };
    wait_for(all).map_err(|status| anyhow!("not all is written: {status}"))?;
    disk.stalls.store(true, Ordering::Relaxed);
    // More frames than there is memory for are not taken.
    let most = case.settings.memory_limit / host.frame.len() as u64;
    let mut taken = 0;
    while host.append(try_append)? {
        taken += 1;
        if taken > most {
            bail!("{taken} frames found room while the disk stood still: {:?}", stream.status());
        }
    }
    let mut seen = Seen { resident: (Counters::now().peak_resident, 0), ..Seen::default() };
    match case.settings.when_full {
        WhenFull::Block => waits(&mut host, disk, &mut seen)?,
        // A call that waits does so until the gate gives way by itself, and has then been taken.
        WhenFull::Error | WhenFull::Drop => {
            let start = Instant::now();
            while start.elapsed() < STALL {
                if host.append(Stream::append)? {
                    seen.wrong.push("a frame found room while the disk stood still".to_owned());
                }
                std::thread::sleep(Duration::from_millis(2));
            }
        }
    }
    disk.gate.open();
    host.take(AFTER)?;
    seen.resident.1 = Counters::now().peak_resident;
    seen.longest = host.longest;
    Ok(seen)
}

fn try_append(stream: &Stream, frame: &[u8]) -> Result<u64, Error> {
    stream.try_append(frame, None)
}

/// One call that begins while there is no room returns after the disk goes on, and not before.
fn waits(host: &mut Host<'_>, disk: &Stalling, seen: &mut Seen) -> Result<()> {
    let (begun, returned) = (AtomicBool::new(false), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let call = scope.spawn(|| {
            begun.store(true, Ordering::SeqCst);
            let taken = host.append(Stream::append);
            returned.store(true, Ordering::SeqCst);
            taken
        });
        let has_begun = wait_for(|| begun.load(Ordering::SeqCst).then_some(()).ok_or_else(String::new));
        std::thread::sleep(STALL);
        if has_begun.is_err() || returned.load(Ordering::SeqCst) {
            seen.wrong.push("append did not wait".to_owned());
        }
        disk.gate.open();
        ensure!(call.join().map_err(|_| anyhow!("the call panicked"))??, "a frame that waited was not taken");
        Ok(())
    })
}
