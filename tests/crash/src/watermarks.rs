//! The file in which a writer says how far it is; it outlives the writer.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// One line of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Microseconds since the epoch, taken after the counts.
    pub at: u64,
    pub accepted: u64,
    pub written: u64,
    pub durable: u64,
}

impl Entry {
    /// How far a stream is now.
    pub fn of(status: &ome_stream::Status) -> Self {
        Self { at: now(), accepted: status.accepted, written: status.written, durable: status.durable }
    }
}

/// Microseconds since the epoch.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros() as u64
}

/// Appends entries by plain writes.
#[derive(Debug)]
pub struct Log(File);

impl Log {
    pub fn create(path: &Path) -> io::Result<Self> {
        OpenOptions::new().create(true).append(true).open(path).map(Self)
    }

    pub fn put(&mut self, status: &ome_stream::Status) -> io::Result<()> {
        let Entry { at, accepted, written, durable } = Entry::of(status);
        let line = format!("{at} {accepted} {written} {durable}\n");
        self.0.write_all(line.as_bytes())
    }
}

/// What a writer has said so far; a line that it did not end is passed over.
pub fn read(path: &Path) -> Vec<Entry> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole.lines().filter_map(entry).collect()
}

fn entry(line: &str) -> Option<Entry> {
    let mut numbers = line.split(' ').map(str::parse);
    let mut next = || numbers.next()?.ok();
    Some(Entry { at: next()?, accepted: next()?, written: next()?, durable: next()? })
}

/// Frames that a reader must see at `moment`: those that were written `interval` microseconds before.
pub fn visible(entries: &[Entry], moment: u64, interval: u64) -> u64 {
    entries.iter().rev().find(|entry| entry.at + interval <= moment).map_or(0, |entry| entry.written)
}

/// Microseconds for which the writer's process as a whole stood still within the last `window` before `moment`: the
/// longest silence of a thread that has nothing to do but to write a line every `tick`. On a machine with too much to
/// do, nobody can keep a promise about time meanwhile.
pub fn stall(entries: &[Entry], moment: u64, window: u64, tick: u64) -> u64 {
    let recent = entries.iter().map(|entry| entry.at).filter(|at| *at + window >= moment && *at <= moment);
    let (longest, _) = recent
        .chain([moment])
        .fold((0, None), |(longest, before), at| (before.map_or(longest, |before| longest.max(at - before)), Some(at)));
    longest.saturating_sub(tick)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stall_is_a_silence_longer_than_the_tick_not_long_ago() {
        let at = |at| Entry { at, accepted: 0, written: 0, durable: 0 };
        let entries = [at(0), at(500), at(510), at(590), at(600)];
        assert_eq!(stall(&entries, 610, 200, 10), 70);
        assert_eq!(stall(&entries, 700, 200, 10), 90);
        assert_eq!(stall(&entries, 610, 5000, 10), 490);
        assert_eq!(stall(&entries, 605, 50, 10), 0);
        assert_eq!(stall(&[], 605, 50, 10), 0);
    }

    #[test]
    fn only_what_is_old_enough_must_be_visible() {
        let entry = |at, written| Entry { at, accepted: written + 3, written, durable: 0 };
        let entries = [entry(100, 0), entry(200, 4), entry(300, 9)];
        assert_eq!(visible(&entries, 350, 300), 0);
        assert_eq!(visible(&entries, 500, 300), 4);
        assert_eq!(visible(&entries, 599, 300), 4);
        assert_eq!(visible(&entries, 600, 300), 9);
        assert_eq!(visible(&[], 600, 300), 0);
    }

    #[test]
    fn a_torn_last_line_is_passed_over() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("status");
        std::fs::write(&path, "100 5 4 0\n200 9 8 0\n30").expect("written");
        assert_eq!(read(&path).last(), Some(&Entry { at: 200, accepted: 9, written: 8, durable: 0 }));
        assert_eq!(read(&folder.path().join("none")), []);
    }
}
