//! Frame metadata: taken beside the append path, appended to `frame_metadata.jsonl` as it comes.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use crate::error::{Error, Result};
use crate::ngff::frame_metadata::FILE_NAME;
use crate::plan::Plan;
use crate::platform::{Disk, Sync};

/// Bytes of lines that may wait before `append` writes them itself: bounds memory where the live thread falls behind.
const PENDING_LIMIT: usize = 4 << 20;

/// Lines that wait to be appended to their position's file.
#[derive(Debug, Default)]
pub(super) struct Journal {
    pending: Mutex<Pending>,
    /// Held while lines are written, so that two flushes cannot change their order.
    writing: Mutex<()>,
}

#[derive(Debug, Default)]
struct Pending {
    lines: BTreeMap<u32, Vec<u8>>,
    bytes: usize,
}

impl Journal {
    /// Takes one line (with its line feed) of a position; true when it is time to flush.
    pub(super) fn push(&self, position: u32, line: &[u8]) -> bool {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        pending.lines.entry(position).or_default().extend_from_slice(line);
        pending.bytes += line.len();
        pending.bytes >= PENDING_LIMIT
    }

    /// Appends everything that waits, each position's lines in one write; goes on after an error, which it returns. Lines
    /// that could not be written wait for the next time, before all that came since.
    pub(super) fn flush(&self, plan: &Plan, disk: &dyn Disk, sync: Sync) -> Result<()> {
        let _one_at_a_time = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut outcome = Ok(());
        let taken = std::mem::take(&mut *self.pending.lock().unwrap_or_else(PoisonError::into_inner));
        for (position, mut lines) in taken.lines {
            let path = path(plan, position as usize);
            if let Err(source) = disk.append(&path, &lines, sync) {
                outcome = outcome.and(Err(Error::io("append to", &path, source)));
                let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
                pending.bytes += lines.len();
                let later = pending.lines.entry(position).or_default();
                lines.append(later);
                *later = lines;
            }
        }
        outcome
    }
}

/// Where a position's frame metadata lie.
pub(super) fn path(plan: &Plan, position: usize) -> PathBuf {
    plan.group_path(position).join(FILE_NAME)
}
