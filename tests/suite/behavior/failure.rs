//! Writes that fail: told at once and at the end, with the first cause; what came before stays readable.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use ome_stream::backend::{Backend, Batch, Capabilities, MemoryBackend, Sink, Stored, Unsupported};
use ome_stream::plan::{ArrayId, StorageUnit};
use ome_stream::platform::faulty::{Fault, Operation};
use ome_stream::store::Store;
use ome_stream::{Error, Plan, Result, Stream};
use ome_stream_tests::case::Step::Append;
use ome_stream_tests::disk::{self, wait_for};
use rustix::io::Errno;

use crate::acquisition::Acquisition;

/// The operating system's number in the first cause.
fn errno(error: &Error) -> Option<i32> {
    match error.root_cause() {
        Error::Io { source, .. } => source.raw_os_error(),
        _ => None,
    }
}

#[test]
fn a_failed_write_is_told_with_cause_and_frame() {
    let run = Acquisition::new("t:inf,y:16,x:16").with(|settings| settings.threads = Some(1));
    let stream = run.start_on(disk::failing(3, Errno::IO, disk::writes_pixels));
    let (_, at_append) = run.append_until_refused(&stream);
    assert!(matches!(at_append, Error::Failed { frame: 3, .. }), "{at_append}");
    assert_eq!(errno(&at_append), Some(Errno::IO.raw_os_error()));
    assert!(at_append.to_string().contains("frame 3") && at_append.to_string().contains("run.ome.zarr"), "{at_append}");
    assert_eq!(stream.skip(1).expect_err("told at every call").to_string(), at_append.to_string());
    assert_eq!(stream.status().failure, Some(at_append.to_string()));
    assert_eq!(stream.finish().expect_err("told at finish").to_string(), at_append.to_string());
    assert_eq!(stream.status().bytes_in_flight, 0, "memory is free again");
    let planes = run.planes();
    assert_eq!(planes[..3], [true; 3], "what was written before is readable");
    assert!(!planes[3..].contains(&true));
}

#[test]
fn shards_written_before_a_failure_stay_readable() {
    for (dimensions, codec) in [("t:inf:1:4,y:16:8:2,x:16:8:2", "none"), ("t:inf:2:2,y:16:8:2,x:16:8:2", "zstd")] {
        let compression = serde_json::from_value(codec.into()).expect("a codec");
        let run = Acquisition::new(dimensions).with(|settings| {
            settings.threads = Some(1);
            settings.compression = compression;
        });
        let stream = run.start_on(disk::faulty(|operation| {
            // The third shard: frames 8 to 11.
            let fails = matches!(operation, Operation::Write(path, ..) if path.to_string_lossy().contains("/0/c/2/"));
            Fault { errno: fails.then(|| Errno::NOSPC.raw_os_error()), ..Fault::default() }
        }));
        let (_, error) = run.append_until_refused(&stream);
        assert_eq!(errno(&error), Some(Errno::NOSPC.raw_os_error()), "{error}");
        let Error::Failed { frame, .. } = error else { panic!("{error}") };
        assert!((8..12).contains(&frame), "{error}");
        assert!(stream.finish().is_err());
        assert_eq!(run.planes()[..8], [true; 8]);
    }
}

#[test]
fn an_append_that_waits_for_memory_is_woken_by_a_failure() {
    let run = Acquisition::new("t:inf,y:256,x:128").with_little_memory();
    let stream = run.start_on(disk::faulty(|operation| {
        let pixels = disk::writes_pixels(operation);
        Fault {
            delay: if pixels { Duration::from_millis(50) } else { Duration::ZERO },
            errno: pixels.then(|| Errno::IO.raw_os_error()),
            ..Fault::default()
        }
    }));
    let (number, error) = run.append_until_refused(&stream);
    assert_eq!(error.code(), 11, "{error}");
    assert!(number <= stream.status().bytes_limit / (256 * 128 * 2) + 1, "{number} frames were taken");
}

#[test]
fn a_torn_write_costs_its_own_chunk_only() {
    for dimensions in ["t:inf,y:16,x:16", "t:inf:1:4,y:16,x:16"] {
        let run = Acquisition::new(dimensions).with(|settings| settings.threads = Some(1));
        let count = std::sync::atomic::AtomicU64::new(0);
        let stream = run.start_on(disk::faulty(move |operation| {
            let torn = disk::writes_pixels(operation) && count.fetch_add(1, std::sync::atomic::Ordering::Relaxed) >= 6;
            Fault { torn_after: torn.then_some(100), errno: torn.then(|| Errno::IO.raw_os_error()), ..Fault::default() }
        }));
        run.append_until_refused(&stream);
        assert!(stream.finish().is_err());
        // `planes` refuses a wrong pixel.
        let planes = run.planes();
        assert_eq!(planes[..4], [true; 4], "{dimensions}: {planes:?}");
    }
}

#[test]
fn metadata_that_cannot_be_renewed_is_a_failure() {
    let run = Acquisition::new("t:inf,y:16,x:16").with(|settings| settings.live_interval = 0.05);
    let created = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let armed = Arc::clone(&created);
    let stream = run.start_on(disk::faulty(move |operation| {
        let metadata = matches!(operation, Operation::Rename(_, to, _) if to.ends_with("zarr.json"));
        let fails = metadata && armed.load(std::sync::atomic::Ordering::Relaxed);
        Fault { errno: fails.then(|| Errno::NOSPC.raw_os_error()), ..Fault::default() }
    }));
    created.store(true, std::sync::atomic::Ordering::Relaxed);
    run.append(&stream, 0..1);
    wait_for(|| stream.status().failure.ok_or_else(|| "no failure yet".to_owned()))
        .expect("told without another append");
    assert_eq!(stream.append(&run.frame(1)).expect_err("told").code(), 11);
    assert_eq!(errno(&stream.finish().expect_err("told again")), Some(Errno::NOSPC.raw_os_error()));
}

#[test]
fn a_sync_that_fails_makes_finish_fail() {
    let run = Acquisition::new("t:2,y:16,x:16")
        .with(|settings| settings.durability = ome_stream::settings::Durability::Finish);
    let stream = run.start_on(disk::failing(0, Errno::IO, |operation| matches!(operation, Operation::SyncAll)));
    run.append(&stream, 0..2);
    let error = stream.finish().expect_err("nothing is durable");
    assert_eq!(errno(&error), Some(Errno::IO.raw_os_error()));
    assert_eq!(stream.status().durable, 0, "nothing is claimed to be durable");
    assert_eq!(stream.finish().expect_err("still").to_string(), error.to_string());
}

#[test]
fn an_error_that_passes_in_finish_is_told_and_costs_no_frame() {
    for dimensions in ["t:inf:1:4,y:16:8:2,x:16:8:2", "t:inf:4:2,y:16,x:16", "t:inf,y:16,x:16"] {
        let mut failures = 0;
        for nth in 0.. {
            // Readers see nothing before `finish`.
            let run = Acquisition::new(dimensions).with(|settings| settings.live_interval = 600.0);
            let armed = Arc::new(AtomicBool::new(false));
            let (ready, count) = (Arc::clone(&armed), AtomicU64::new(0));
            let hit = Arc::new(AtomicBool::new(false));
            let was_hit = Arc::clone(&hit);
            let stream = run.start_on(disk::faulty(move |operation| {
                let counts = ready.load(Ordering::Relaxed) && !matches!(operation, Operation::Remove(_));
                let fails = counts && count.fetch_add(1, Ordering::Relaxed) == nth;
                hit.fetch_or(fails, Ordering::Relaxed);
                Fault { errno: fails.then(|| Errno::IO.raw_os_error()), ..Fault::default() }
            }));
            for number in 0..7 {
                stream.append_with(&run.frame(number), "{\"sent\":1}").expect("taken");
            }
            let stored = if dimensions.starts_with("t:inf:4") { 4 } else { 7 };
            wait_for(|| (stream.status().written >= stored).then_some(()).ok_or_else(|| "not written".to_owned()))
                .expect("written");
            armed.store(true, Ordering::Relaxed);
            let ended = stream.finish();
            let lines = std::fs::read_to_string(run.root().join("frame_metadata.jsonl")).expect("frame metadata");
            assert_eq!(lines.lines().count(), 7, "{dimensions}, operation {nth}");
            let Err(error) = ended else {
                run.assert_holds(&[Append(7)]);
                if was_hit.load(Ordering::Relaxed) {
                    // Only what is kept beside the store was refused, and taken the second time.
                    continue;
                }
                break;
            };
            failures += 1;
            assert_eq!(errno(&error), Some(Errno::IO.raw_os_error()), "{error}");
            // What was on its way to the disk when it failed is told to be lost; what was written is there.
            let written = stream.status().written as usize;
            assert_eq!(run.planes()[..written], vec![true; written], "{dimensions}, operation {nth}: {error}");
        }
        assert!(failures > 5, "{dimensions}: finish takes more than {failures} operations");
    }
}

#[test]
fn a_removed_array_folder_is_told_of() {
    for last in [2, 8] {
        // The shape is fixed: no metadata are written again that would tell.
        let run = Acquisition::new("t:8:1:8,y:16:8:2,x:16:8:2").with(|settings| settings.live_interval = 0.05);
        let stream = run.start();
        run.append(&stream, 0..1);
        let shard = run.root().join("0/c/0/0/0");
        wait_for(|| shard.exists().then_some(()).ok_or_else(|| "not published".to_owned())).expect("published");
        std::fs::remove_dir_all(run.root().join("0")).expect("removed");
        if last == 2 {
            let told = wait_for(|| stream.status().failure.ok_or_else(|| "no failure yet".to_owned()));
            assert!(told.expect("told without another frame").contains("removed"), "the error says what happened");
        } else {
            // The shard fills up before anybody looks, or the next frame is refused.
            let _ = (1..last).try_for_each(|number| stream.append(&run.frame(number)).map(drop));
        }
        let error = stream.finish().expect_err("the frames are in no store");
        assert!(error.to_string().contains("removed while it was written"), "{error}");
    }
}

#[test]
fn a_store_that_vanishes_is_a_failure() {
    for dimensions in ["t:inf,y:16,x:16", "t:inf:1:4,y:16:8:2,x:16:8:2"] {
        let run = Acquisition::new(dimensions).with(|settings| settings.live_interval = 0.05);
        let stream = run.start();
        run.append(&stream, 0..8);
        wait_for(|| (stream.status().written == 8).then_some(()).ok_or_else(|| "not written".to_owned()))
            .expect("written");
        std::fs::rename(run.root(), run.folder().join("elsewhere")).expect("moved away");
        let told = wait_for(|| {
            let number = stream.status().accepted;
            stream.append(&run.frame(number)).err().ok_or_else(|| "every frame is taken".to_owned())
        });
        assert_eq!(told.expect("an error").code(), 11);
        assert_eq!(stream.finish().expect_err("told again").code(), 11);
    }
}

#[test]
fn a_store_that_cannot_be_made_leaves_nothing_behind() {
    let mut failures = 0;
    for nth in 0.. {
        let run = Acquisition::new("t:2,p:2,y:16,x:16");
        let before = entries(&run);
        match run.try_start_on(disk::failing(nth, Errno::NOSPC, |_| true)) {
            Ok(_) => break,
            Err(error) => {
                assert_eq!(errno(&error), Some(Errno::NOSPC.raw_os_error()), "operation {nth}: {error}");
                assert_eq!(entries(&run), before, "operation {nth}");
                failures += 1;
            }
        }
    }
    assert!(failures > 5, "making a store takes more than {failures} operations");
}

#[test]
fn a_store_that_cannot_be_replaced_is_kept() {
    let mut failures = 0;
    for nth in 0.. {
        let run = Acquisition::new("t:2,y:16,x:16");
        let first = run.start();
        run.append(&first, 0..2);
        first.finish().expect("all well");
        let before = entries(&run);
        let again = run.with(|settings| settings.overwrite = true);
        match again.try_start_on(disk::failing(nth, Errno::NOSPC, |_| true)) {
            Ok(_) => break,
            Err(_) => {
                assert_eq!(entries(&again), before, "operation {nth}");
                again.assert_holds(&[Append(2)]);
                failures += 1;
            }
        }
    }
    assert!(failures > 3, "making a store takes more than {failures} operations");
}

/// Names in the folder of a run.
fn entries(run: &Acquisition) -> Vec<std::ffi::OsString> {
    let listed = std::fs::read_dir(run.folder()).expect("the folder");
    let mut names: Vec<_> = listed.map(|entry| entry.expect("an entry").file_name()).collect();
    names.sort();
    names
}

/// A backend with a bug: its sink panics at the second group.
#[derive(Debug)]
struct Panicking(MemoryBackend);

struct PanickingSink(Box<dyn Sink>);

impl Backend for Panicking {
    fn name(&self) -> &str {
        "panicking"
    }
    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }
    fn check(&self, plan: &Plan) -> Result<(), Unsupported> {
        self.0.check(plan)
    }
    fn create(&self, store: &Arc<Store>) -> Result<Box<dyn Sink>> {
        Ok(Box::new(PanickingSink(self.0.create(store)?)))
    }
}

impl Sink for PanickingSink {
    fn write(&self, batch: &Batch<'_>) -> Result<Stored> {
        assert!(batch.key.index[0] != 1, "a bug at group 1");
        self.0.write(batch)
    }
    fn skip(&self, batch: &Batch<'_>) -> Result<Stored> {
        self.0.skip(batch)
    }
    fn seal(&self, array: ArrayId) -> Result<()> {
        self.0.seal(array)
    }
    fn finish(&self) -> Result<()> {
        self.0.finish()
    }
}

#[test]
fn a_panic_in_a_worker_is_an_error() {
    let run = Acquisition::new("t:inf,y:16,x:16").with(|settings| settings.threads = Some(1));
    let backend = Panicking(MemoryBackend::new(StorageUnit::Chunk, false));
    let stream = Stream::create(&run.settings(), &backend).expect("a stream");
    let (_, error) = run.append_until_refused(&stream);
    assert!(matches!(error, Error::Failed { frame: 1, .. }), "{error}");
    assert_eq!(error.root_cause().code(), 15);
    assert!(error.to_string().contains("a bug at group 1"), "{error}");
    assert_eq!(stream.finish().expect_err("told").to_string(), error.to_string());
    assert_eq!(stream.status().bytes_in_flight, 0);
}

/// A backend of two arrays: the first refuses what is complete, a copy of the second takes its time.
#[derive(Debug, Default, Clone)]
struct SlowCopies(Arc<Copies>);

#[derive(Debug, Default)]
struct Copies {
    /// A copy is on its way.
    copying: AtomicBool,
    /// Nothing may come to the second array any more.
    sealed: AtomicBool,
    came_late: AtomicBool,
}

impl Backend for SlowCopies {
    fn name(&self) -> &str {
        "slow copies"
    }
    fn capabilities(&self) -> Capabilities {
        Capabilities::taking(StorageUnit::Chunk)
    }
    fn check(&self, _: &Plan) -> Result<(), Unsupported> {
        Ok(())
    }
    fn create(&self, _: &Arc<Store>) -> Result<Box<dyn Sink>> {
        Ok(Box::new(self.clone()))
    }
}

impl Sink for SlowCopies {
    fn write(&self, batch: &Batch<'_>) -> Result<Stored> {
        match (batch.key.array.index(), batch.complete) {
            (0, true) => return Err(Error::Engine { backend: "slow copies".into(), message: "refused".into() }),
            (1, false) => {
                self.0.came_late.fetch_or(self.0.sealed.load(Ordering::SeqCst), Ordering::SeqCst);
                self.0.copying.store(true, Ordering::SeqCst);
                // Long enough for `finish` to seal, if it does not wait for this.
                let _ = wait_until(Duration::from_millis(300), || self.0.sealed.load(Ordering::SeqCst));
            }
            _ => {}
        }
        Ok(Stored::default())
    }
    fn skip(&self, _: &Batch<'_>) -> Result<Stored> {
        Ok(Stored::default())
    }
    fn seal(&self, array: ArrayId) -> Result<()> {
        self.0.sealed.fetch_or(array.index() == 1, Ordering::SeqCst);
        Ok(())
    }
}

/// Waits for something, no longer than this; says whether it came.
fn wait_until(longest: Duration, came: impl Fn() -> bool) -> bool {
    let start = std::time::Instant::now();
    while !came() && start.elapsed() < longest {
        std::thread::sleep(Duration::from_millis(1));
    }
    came()
}

#[test]
fn after_a_failure_no_copy_comes_behind_the_seal() {
    let run = Acquisition::new("t:inf:2,p:2,y:16:8,x:16").with(|settings| settings.live_interval = 0.05);
    let engine = SlowCopies::default();
    let stream = Stream::create(&run.settings(), &engine).expect("a stream");
    for frame in 0..2 {
        stream.append(&run.frame(frame)).expect("taken");
    }
    wait_for(|| if engine.0.copying.load(Ordering::SeqCst) { Ok(()) } else { Err("no copy".to_owned()) })
        .expect("a copy");
    stream.append(&run.frame(2)).expect("taken; it completes the chunk of the first array");
    wait_for(|| stream.append(&run.frame(3)).err().map_or(Err("no failure"), |_| Ok(())).map_err(str::to_owned))
        .expect("the first array failed");
    stream.finish().expect_err("told");
    assert!(!engine.0.came_late.load(Ordering::SeqCst), "a copy came to a sealed array");
}

/// A run whose disk refuses to renew what `concerns` picks, while `refuses` is set.
fn with_refusals(
    run: &Acquisition,
    refuses: &Arc<AtomicBool>,
    concerns: impl Fn(&std::path::Path) -> bool + Send + Sync + 'static,
) -> Stream {
    let refuses = Arc::clone(refuses);
    run.start_on(disk::faulty(move |operation| {
        let path = match operation {
            Operation::Rename(_, to, _) => to,
            Operation::Append(path, ..) => path,
            _ => return Fault::default(),
        };
        let fails = refuses.load(Ordering::Relaxed) && concerns(path);
        Fault { errno: fails.then(|| Errno::IO.raw_os_error()), ..Fault::default() }
    }))
}

/// Files that are kept beside the pixels.
const KEPT: [&str; 2] = ["progress.json", "frame_metadata.jsonl"];

#[test]
fn side_files_that_fail_do_not_stop_the_camera() {
    for name in KEPT {
        let run = Acquisition::new("t:inf:2,y:16,x:16").with(|settings| settings.live_interval = 0.05);
        let refuses = Arc::new(AtomicBool::new(false));
        let stream = with_refusals(&run, &refuses, move |path| path.ends_with(name));
        let append = |number| stream.append_with(&run.frame(number), "{\"sent\":1}").expect("taken");
        append(0);
        let told = || stream.status().housekeeping;
        refuses.store(true, Ordering::Relaxed);
        append(1);
        append(2);
        let problem = wait_for(|| told().ok_or_else(|| "not told".to_owned())).expect("told in `status`");
        assert!(problem.contains(name), "{problem}");
        append(3);
        wait_for(|| if stream.status().written == 4 { Ok(()) } else { Err(format!("{:?}", stream.status())) })
            .expect("pixels are written");
        assert_eq!(stream.status().failure, None);
        refuses.store(false, Ordering::Relaxed);
        wait_for(|| told().map_or(Ok(()), Err)).expect("it is tried again");
        stream.finish().expect("all well in the end");
        run.assert_holds(&[Append(4)]);
        let lines = std::fs::read_to_string(run.root().join("frame_metadata.jsonl")).expect("frame metadata");
        assert_eq!(lines.lines().count(), 4, "each line once");
    }
}

#[test]
fn side_files_that_failed_are_told_by_finish() {
    for name in KEPT {
        let run = Acquisition::new("t:inf:2,y:16,x:16").with(|settings| {
            settings.live_interval = 0.05;
            settings.durability = ome_stream::settings::Durability::Finish;
        });
        let refuses = Arc::new(AtomicBool::new(false));
        let stream = with_refusals(&run, &refuses, move |path| path.ends_with(name));
        refuses.store(true, Ordering::Relaxed);
        for number in 0..5 {
            stream.append_with(&run.frame(number), "{\"sent\":1}").expect("taken");
        }
        let error = stream.finish().expect_err("told");
        assert_eq!(errno(&error), Some(Errno::IO.raw_os_error()));
        assert!(error.to_string().contains(name), "{error}");
        let status = stream.status();
        assert_eq!((status.written, status.durable, status.failure), (5, 5, None), "the pixels are safe");
        assert!(status.housekeeping.is_some_and(|told| told.contains(name)));
        run.assert_holds(&[Append(5)]);
    }
}
