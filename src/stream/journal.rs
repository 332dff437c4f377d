//! Frame metadata: taken beside the append path, appended to `frame_metadata.jsonl` as it comes.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use crate::error::{Error, Result};
use crate::ngff::frame_metadata::FILE_NAME;
use crate::plan::Plan;
use crate::platform::{Disk, Sync, partial_name};

/// Bytes of lines that may wait before `append` writes them itself: bounds memory where the live thread falls behind.
const PENDING_LIMIT: usize = 4 << 20;

/// Bytes of lines that wait at most where a disk refuses them: some hundred thousand frames. Beyond it the run fails: its
/// memory is bounded, and the host's metadata are not thrown away in silence.
const PENDING_MAX: usize = 32 << 20;

/// Longest line that is kept of an earlier run; ours have 64 KiB at most.
const MAX_LINE_BYTES: u64 = 1 << 20;

/// Bytes of lines that are written at once where a file is written anew.
const PIECE: usize = 1 << 20;

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
    /// Bytes by which the next flush was put off because the last one failed.
    put_off: usize,
}

impl Journal {
    /// Takes one line (with its line feed) of a position; true when it is time to flush.
    pub(super) fn push(&self, position: u32, line: &[u8]) -> bool {
        let mut pending = self.pending();
        pending.lines.entry(position).or_default().extend_from_slice(line);
        pending.bytes += line.len();
        pending.bytes - pending.put_off >= PENDING_LIMIT
    }

    /// Appends everything that waits, each position's lines in one write; goes on after an error, which it returns. Lines
    /// that could not be written wait for the next time, before all that came since.
    pub(super) fn flush(&self, plan: &Plan, disk: &dyn Disk, sync: Sync) -> Result<()> {
        let _one_at_a_time = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut outcome = Ok(());
        let taken = std::mem::take(&mut *self.pending());
        for (position, mut lines) in taken.lines {
            let path = path(plan, position as usize);
            if let Err(source) = disk.append(&path, &lines, sync) {
                outcome = outcome.and(Err(Error::io("append to", &path, source)));
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

    /// True where a disk has refused so much that no more may wait.
    pub(super) fn is_overfull(&self) -> bool {
        self.pending().bytes > PENDING_MAX
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps the whole lines of a file of frame metadata whose frame is `wanted`; what is there is read and written in pieces,
/// however long it is. A file that needs no change is not written, one that is not there is not made.
pub(super) fn keep(path: &Path, disk: &dyn Disk, sync: Sync, wanted: impl Fn(u64) -> bool) -> Result<()> {
    let mut all = true;
    for_each_line(path, &wanted, |_, keep| {
        all &= keep;
        Ok(())
    })?;
    if all {
        return Ok(());
    }
    let partial = partial_name(path);
    let fail = |source| Error::io("write", path, source);
    let write = || {
        let file = disk.create(&partial, 0).map_err(fail)?;
        let (mut piece, mut offset) = (Vec::with_capacity(PIECE), 0);
        for_each_line(path, &wanted, |line, keep| {
            if keep {
                piece.extend_from_slice(line);
            }
            if piece.len() >= PIECE {
                file.write_at(offset, &piece).map_err(fail)?;
                offset += piece.len() as u64;
                piece.clear();
            }
            Ok(())
        })?;
        file.write_at(offset, &piece).and_then(|()| file.sync(sync)).map_err(fail)?;
        drop(file);
        disk.rename(&partial, path, sync).map_err(fail)
    };
    write().inspect_err(|_| drop(disk.remove_file(&partial)))
}

/// Gives each line, or each piece of one that is too long, to `then`, with whether it is a whole one whose frame is
/// `wanted`.
fn for_each_line(
    path: &Path,
    wanted: &impl Fn(u64) -> bool,
    mut then: impl FnMut(&[u8], bool) -> Result<()>,
) -> Result<()> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(Error::io("open", path, source)),
    };
    let (mut reader, mut line) = (BufReader::new(file), Vec::new());
    loop {
        line.clear();
        let read = reader.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut line);
        if read.map_err(|source| Error::io("read", path, source))? == 0 {
            return Ok(());
        }
        let number = serde_json::from_slice::<Value>(&line).ok().and_then(|value| value.get("frame")?.as_u64());
        then(&line, line.ends_with(b"\n") && number.is_some_and(wanted))?;
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
    use crate::platform::faulty::{FaultyDisk, Operation};

    #[test]
    fn frame_metadata_are_cut_in_bounded_pieces_and_only_where_need_be() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(FILE_NAME);
        let disk = FaultyDisk::recording(platform::native());
        keep(&path, &disk, Sync::Never, |_| true).expect("nothing there");
        assert!(!path.exists());
        let line = |frame: u64| format!("{{\"text\":\"{}\",\"frame\":{frame}}}\n", "x".repeat(50_000));
        let lines = |frames: std::ops::Range<u64>| frames.map(line).collect::<String>();
        std::fs::write(&path, lines(0..100)).expect("written");
        keep(&path, &disk, Sync::Never, |_| true).expect("as it should be");
        assert_eq!(disk.log(), [], "nothing to change, nothing written");
        std::fs::write(&path, lines(0..100) + &"y".repeat(3 << 20) + "\n" + &lines(100..101) + "{\"frame\":")
            .expect("written");
        keep(&path, &disk, Sync::Never, |frame| frame < 60 || frame == 100).expect("cut");
        assert!(std::fs::read_to_string(&path).expect("there") == lines(0..60) + &line(100));
        let most = disk
            .log()
            .iter()
            .map(|operation| if let Operation::Write(_, _, bytes) = operation { bytes.len() } else { 0 })
            .max();
        assert!(most.is_some_and(|most| most < PIECE + 64 * 1024), "{most:?} bytes in one write");
    }

    #[test]
    fn lines_that_a_disk_refuses_wait_in_order_and_the_next_flush_is_put_off() {
        let folder = tempfile::tempdir().expect("a folder");
        let plan = crate::Plan::new(&crate::settings::Settings::new(
            folder.path().join("a").display().to_string(),
            crate::settings::parse_dims("t:inf,y:8,x:8").expect("valid"),
            crate::settings::DataType::UInt8,
        ))
        .expect("valid");
        let (journal, disk) = (Journal::default(), platform::native());
        let large = [vec![b' '; PENDING_LIMIT - 1], b"\n".to_vec()].concat();
        assert!(journal.push(0, &large), "time to write");
        assert!(journal.flush(&plan, &*disk, Sync::Never).is_err(), "there is no folder");
        assert!(!journal.push(0, b"a\n"), "not with every frame");
        assert!(journal.push(0, &large), "but now and then");
        assert!(!journal.is_overfull());
        while !journal.is_overfull() {
            journal.push(0, &large);
        }
        std::fs::create_dir_all(plan.root()).expect("made");
        journal.flush(&plan, &*disk, Sync::Never).expect("written");
        let written = std::fs::read(path(&plan, 0)).expect("there");
        assert!(written.starts_with(&[large.as_slice(), b"a\n"].concat()));
        assert!(!journal.is_overfull() && !journal.push(0, b"b\n"));
    }
}
