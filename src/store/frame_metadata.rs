//! Frame metadata: taken beside the append path, appended to `frame_metadata.jsonl` as it comes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::buffer::Budget;
use crate::error::{Error, Result};
use crate::ngff::frame_metadata::FILE_NAME;
use crate::plan::Plan;
use crate::platform::{Disk, SyncPolicy};

/// Bytes of lines that may wait before `append` writes them itself: bounds memory where the live thread falls behind.
const PENDING_LIMIT: usize = 4 << 20;

/// Bytes of lines that wait at most where a disk refuses them: some hundred thousand frames. Beyond it the run fails:
/// its memory is bounded, and the host's metadata are not thrown away in silence.
const PENDING_MAX: usize = 32 << 20;

/// Lines that wait to be appended to their image's file.
#[derive(Debug, Default)]
pub(crate) struct MetadataLines {
    pending: Mutex<Pending>,
    /// Held while lines are written, so that two flushes cannot change their order: images whose file has lines that
    /// were not asked to be on the medium yet.
    writing: Mutex<BTreeSet<usize>>,
    /// False as long as no frame came with any.
    used: AtomicBool,
    /// Images whose file this run has written to.
    begun: Mutex<BTreeSet<usize>>,
}

#[derive(Debug, Default)]
struct Pending {
    lines: BTreeMap<usize, Vec<u8>>,
    bytes: usize,
    /// Bytes by which the next flush was put off because the last one failed.
    put_off: usize,
}

impl MetadataLines {
    /// Takes one line (with its line feed) of an image, which counts in `budget` until it is written; true when it is
    /// time to flush.
    pub(crate) fn push(&self, budget: &Budget, image: usize, line: &[u8]) -> bool {
        self.used.store(true, Ordering::Release);
        budget.count_beside(0, line.len() as u64);
        let mut pending = self.pending();
        pending.lines.entry(image).or_default().extend_from_slice(line);
        pending.bytes += line.len();
        pending.bytes - pending.put_off >= PENDING_LIMIT
    }

    /// Appends everything that waits, each image's lines in one write; goes on after an error, which it returns. Lines
    /// that could not be written wait for the next time, before all that came since.
    pub(crate) fn flush(&self, plan: &Plan, budget: &Budget, disk: &dyn Disk, sync: SyncPolicy) -> Result<()> {
        let mut unsynced = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut outcome = Ok(());
        let mut taken = std::mem::take(&mut *self.pending());
        if sync == SyncPolicy::Never {
            unsynced.extend(taken.lines.keys());
        } else {
            for image in std::mem::take(&mut *unsynced) {
                taken.lines.entry(image).or_default();
            }
        }
        for (image, mut lines) in taken.lines {
            let path = path(plan, image);
            self.begun().insert(image);
            if let Err(source) = disk.append(&path, &lines, sync) {
                outcome = outcome.and(Err(Error::io("append to", &path, source)));
                unsynced.insert(image);
                let mut pending = self.pending();
                pending.bytes += lines.len();
                let later = pending.lines.entry(image).or_default();
                lines.append(later);
                *later = lines;
            } else {
                budget.count_beside(lines.len() as u64, 0);
            }
        }
        if outcome.is_err() {
            let mut pending = self.pending();
            pending.put_off = pending.bytes;
        }
        outcome
    }

    /// Appends everything that waits before the log tells that its frames are stored: for a process that dies, not for
    /// the medium. Most often another thread has done it, and nothing waits.
    pub(crate) fn flush_for_log(&self, plan: &Plan, budget: &Budget, disk: &dyn Disk) -> Result<()> {
        if self.used.load(Ordering::Acquire) { self.flush(plan, budget, disk, SyncPolicy::Never) } else { Ok(()) }
    }

    /// True where this run has written lines of an image, or tried to.
    pub(super) fn has_begun(&self, image: usize) -> bool {
        self.begun().contains(&image)
    }

    fn begun(&self) -> MutexGuard<'_, BTreeSet<usize>> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True where a disk has refused so much that no more may wait.
    pub(crate) fn is_overfull(&self) -> bool {
        self.pending().bytes > PENDING_MAX
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where an image's frame metadata lie.
pub(super) fn path(plan: &Plan, image: usize) -> PathBuf {
    plan.group_path(image).join(FILE_NAME)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Capabilities, StorageUnit};
    use crate::platform;

    #[test]
    fn refused_lines_wait_in_order() {
        let folder = tempfile::tempdir().expect("a folder");
        let settings = crate::settings::Settings::new(
            folder.path().join("a").display().to_string(),
            crate::settings::parse_dims("t:inf,y:8,x:8").expect("valid"),
            crate::settings::DataType::UInt8,
        );
        let plan = crate::Plan::new(&settings, &Capabilities::taking(StorageUnit::Chunk)).expect("valid");
        let budget = Budget::new(plan.forms(), plan.memory());
        let (lines, disk) = (MetadataLines::default(), platform::native());
        let large = [vec![b' '; PENDING_LIMIT - 1], b"\n".to_vec()].concat();
        assert!(lines.push(&budget, 0, &large), "time to write");
        assert!(lines.flush(&plan, &budget, &*disk, SyncPolicy::Never).is_err(), "there is no folder");
        assert!(!lines.push(&budget, 0, b"a\n"), "not with every frame");
        assert!(lines.push(&budget, 0, &large), "but now and then");
        assert!(!lines.is_overfull());
        while !lines.is_overfull() {
            lines.push(&budget, 0, &large);
        }
        std::fs::create_dir_all(plan.root()).expect("made");
        lines.flush(&plan, &budget, &*disk, SyncPolicy::Never).expect("written");
        let written = std::fs::read(path(&plan, 0)).expect("there");
        assert!(written.starts_with(&[large.as_slice(), b"a\n"].concat()));
        assert!(!lines.is_overfull() && !lines.push(&budget, 0, b"b\n"));
        assert_eq!(budget.bytes_beside(), 2, "what is written counts no more");
    }
}
