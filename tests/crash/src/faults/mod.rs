//! Full, failing, vanishing and slow disks: the error says what and why, the process lives, what was written is there.

mod full_disk;
mod gone;
mod interrupted;
mod slow;
mod sweep;

use std::time::Duration;

use anyhow::Result;
use ome_stream::{Error, Stream};
use ome_stream_tests::case::Case;
use rustix::io::Errno;

use crate::judge;
use crate::table::Table;
use crate::watermarks::Entry;
use crate::writer::Camera;

/// What one fault came to.
enum Outcome {
    /// Tried this often, and as it should be.
    Passed(u64),
    /// What was not as it should be.
    Failed(Vec<String>),
    /// Why it could not be tried here.
    Skipped(String),
}

impl Outcome {
    fn of(tried: u64, errors: Vec<String>) -> Self {
        if errors.is_empty() { Self::Passed(tried) } else { Self::Failed(errors) }
    }
}

/// One fault and how it is tried.
type Fault = (&'static str, fn() -> Result<Outcome>);

const FAULTS: &[Fault] = &[
    ("an error of the system at each operation, once", sweep::once),
    ("an error of the system from each operation on", sweep::for_ever),
    ("a full tmpfs", full_disk::tmpfs),
    ("a full ext4", full_disk::ext4),
    ("a full XFS", full_disk::xfs),
    ("a full Btrfs", full_disk::btrfs),
    ("a full NTFS", full_disk::ntfs),
    ("the folder is removed", gone::removed),
    ("a read-only remount", gone::read_only),
    ("too many open files", gone::too_many_files),
    ("interrupted and short writes", interrupted::run),
    ("a disk that stalls: block", slow::block),
    ("a disk that stalls: error", slow::error),
    ("a disk that stalls: drop", slow::drop_frames),
];

/// Tries every fault whose name contains `only`; true when all went as it should.
pub fn run(only: &str) -> Result<bool> {
    let mut table = Table::new(&["fault", "tried", "outcome"]);
    let (mut failed, mut skipped) = (0, 0);
    for (name, fault) in FAULTS.iter().filter(|(name, _)| name.contains(only)) {
        match fault().unwrap_or_else(|error| Outcome::Failed(vec![format!("{error:#}")])) {
            Outcome::Passed(tried) => table.row(&[name, &tried, &"as it should be"]),
            Outcome::Skipped(why) => {
                skipped += 1;
                table.row(&[name, &0, &format!("skipped: {why}")]);
            }
            Outcome::Failed(errors) => {
                failed += 1;
                for error in &errors {
                    eprintln!("{name}: {error}");
                }
                table.row(&[name, &"", &format!("{} errors", errors.len())]);
            }
        }
    }
    table.print();
    println!("failed: {failed}, skipped: {skipped}");
    Ok(failed == 0)
}

/// Appends a case's frames, with metadata, until one is refused; returns the error, if there was one, and how far the
/// stream was after each frame.
fn append_all(case: &Case, stream: &Stream, pause: Duration) -> (Option<Error>, Vec<Entry>) {
    let camera = Camera::new(case);
    let mut frame = camera.memory();
    let mut log = Vec::new();
    for number in 0..case.consumed() {
        camera.take(number, &mut frame);
        if let Err(error) = stream.append_with(&frame, &format!("{{\"sent\":{number}}}")) {
            return (Some(error), log);
        }
        log.push(Entry::of(&stream.status()));
        std::thread::sleep(pause);
    }
    (None, log)
}

/// What must hold of a run that failed with one of `errnos`: `refused` is what `append` said, if it said anything.
/// Frames below `must_have` are readable; where it is not given, every frame that is written.
fn failed_well(
    case: &Case,
    stream: &Stream,
    refused: Option<&Error>,
    errnos: &[Errno],
    must_have: Option<u64>,
) -> Vec<String> {
    let mut wrong = Vec::new();
    let Err(told) = stream.finish() else { return vec!["finish says that all is well".to_owned()] };
    if let Some(refused) = refused
        && refused.to_string() != told.to_string()
    {
        wrong.push(format!("append said {refused}, finish {told}"));
    }
    match told.root_cause() {
        Error::Io { path, source, .. } => {
            let root = stream.plan().root();
            // A missing folder is the folder itself.
            if !path.starts_with(root) && !root.starts_with(path) {
                wrong.push(format!("the error names no file of the store: {told}"));
            }
            if !errnos.iter().any(|errno| source.raw_os_error() == Some(errno.raw_os_error())) {
                wrong.push(format!("the error does not say {errnos:?}: {told}"));
            }
        }
        _ => wrong.push(format!("the error has no file: {told}")),
    }
    let status = stream.status();
    if status.bytes_in_flight != 0 {
        wrong.push(format!("{} bytes are held after finish", status.bytes_in_flight));
    }
    let camera = Camera::new(case);
    if stream.append(&camera.memory()).is_ok() {
        wrong.push("a frame is taken after finish".to_owned());
    }
    wrong.extend(judge::store(case, stream.plan(), must_have.unwrap_or(status.written), 0).errors);
    wrong
}
