//! Frame metadata: taken beside the append path, appended to `frame_metadata.jsonl` as it comes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::{Error, Result};
use crate::ngff::frame_metadata::FILE_NAME;
use crate::plan::Plan;
use crate::platform::{Disk, Sync};

/// Bytes of lines that may wait before `append` writes them itself: bounds memory where the live thread falls behind.
const PENDING_LIMIT: usize = 4 << 20;

/// Bytes of lines that wait at most where a disk refuses them: some hundred thousand frames. Beyond it the run fails: its
/// memory is bounded, and the host's metadata are not thrown away in silence.
const PENDING_MAX: usize = 32 << 20;

/// Lines that wait to be appended to their position's file.
#[derive(Debug, Default)]
pub(super) struct MetadataLines {
    pending: Mutex<Pending>,
    /// Held while lines are written, so that two flushes cannot change their order: positions whose file has lines that were
    /// not asked to be on the medium yet.
    writing: Mutex<BTreeSet<u32>>,
    /// False as long as no frame came with any.
    used: AtomicBool,
    /// Positions whose file this run has written to.
    begun: Mutex<BTreeSet<u32>>,
}

#[derive(Debug, Default)]
struct Pending {
    lines: BTreeMap<u32, Vec<u8>>,
    bytes: usize,
    /// Bytes by which the next flush was put off because the last one failed.
    put_off: usize,
}

impl MetadataLines {
    /// Takes one line (with its line feed) of a position; true when it is time to flush.
    pub(super) fn push(&self, position: u32, line: &[u8]) -> bool {
        self.used.store(true, Ordering::Release);
        let mut pending = self.pending();
        pending.lines.entry(position).or_default().extend_from_slice(line);
        pending.bytes += line.len();
        pending.bytes - pending.put_off >= PENDING_LIMIT
    }

    /// Appends everything that waits, each position's lines in one write; goes on after an error, which it returns. Lines
    /// that could not be written wait for the next time, before all that came since.
    pub(super) fn flush(&self, plan: &Plan, disk: &dyn Disk, sync: Sync) -> Result<()> {
        let mut unsynced = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut outcome = Ok(());
        let mut taken = std::mem::take(&mut *self.pending());
        if sync == Sync::Never {
            unsynced.extend(taken.lines.keys());
        } else {
            for position in std::mem::take(&mut *unsynced) {
                taken.lines.entry(position).or_default();
            }
        }
        for (position, mut lines) in taken.lines {
            let path = path(plan, position as usize);
            self.begun().insert(position);
            if let Err(source) = disk.append(&path, &lines, sync) {
                outcome = outcome.and(Err(Error::io("append to", &path, source)));
                unsynced.insert(position);
                let mut pending = self.pending();
                pending.bytes += lines.len();
                let later = pending.lines.entry(position).or_default();
                lines.append(later);
                *later = lines;
            }
        }
        if outcome.is_err() {
            let mut pending = self.pending();
            pending.put_off = pending.bytes;
        }
        outcome
    }

    /// Appends everything that waits before the log tells that its frames are stored: for a process that dies, not for the
    /// medium. Most often another thread has done it, and nothing waits.
    pub(super) fn flush_for_log(&self, plan: &Plan, disk: &dyn Disk) -> Result<()> {
        if self.used.load(Ordering::Acquire) { self.flush(plan, disk, Sync::Never) } else { Ok(()) }
    }

    /// True where this run has written lines of a position, or tried to.
    pub(super) fn has_begun(&self, position: usize) -> bool {
        u32::try_from(position).is_ok_and(|position| self.begun().contains(&position))
    }

    fn begun(&self) -> MutexGuard<'_, BTreeSet<u32>> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True where a disk has refused so much that no more may wait.
    pub(super) fn is_overfull(&self) -> bool {
        self.pending().bytes > PENDING_MAX
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where a position's frame metadata lie.
pub(super) fn path(plan: &Plan, position: usize) -> PathBuf {
    plan.group_path(position).join(FILE_NAME)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform;

    #[test]
    fn lines_that_a_disk_refuses_wait_in_order_and_the_next_flush_is_put_off() {
        let folder = tempfile::tempdir().expect("a folder");
        let plan = crate::Plan::new(&crate::settings::Settings::new(
            folder.path().join("a").display().to_string(),
            crate::settings::parse_dims("t:inf,y:8,x:8").expect("valid"),
            crate::settings::DataType::UInt8,
        ))
        .expect("valid");
        let (lines, disk) = (MetadataLines::default(), platform::native());
        let large = [vec![b' '; PENDING_LIMIT - 1], b"\n".to_vec()].concat();
        assert!(lines.push(0, &large), "time to write");
        assert!(lines.flush(&plan, &*disk, Sync::Never).is_err(), "there is no folder");
        assert!(!lines.push(0, b"a\n"), "not with every frame");
        assert!(lines.push(0, &large), "but now and then");
        assert!(!lines.is_overfull());
        while !lines.is_overfull() {
            lines.push(0, &large);
        }
        std::fs::create_dir_all(plan.root()).expect("made");
        lines.flush(&plan, &*disk, Sync::Never).expect("written");
        let written = std::fs::read(path(&plan, 0)).expect("there");
        assert!(written.starts_with(&[large.as_slice(), b"a\n"].concat()));
        assert!(!lines.is_overfull() && !lines.push(0, b"b\n"));
    }
}
