//! What the write log of an interrupted run tells.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;

use serde_json::{Map, Value};

use super::file::{Kind, kind};

use super::shard::LoggedChunk;
use crate::journal::format::{Record, Records};
use crate::store::files::{LOG, OLD_LOG};

/// The log, or that there is none.
#[derive(Debug, Default)]
pub(super) struct RunLog {
    /// True where there is one: the run has not finished.
    pub(super) present: bool,
    /// Its path below the root.
    pub(super) name: &'static str,
    /// Unbounded axis of every array, where the log tells.
    pub(super) append_axis: Option<Option<usize>>,
    /// Metadata that every array started with.
    pub(super) array: Option<Map<String, Value>>,
    /// Chunks by shard, in the order in which they were written.
    pub(super) shards: HashMap<String, Vec<LoggedChunk>>,
    /// Bytes that are no record.
    pub(super) damaged: u64,
}

impl RunLog {
    /// Looks whether there is a log and what run it belongs to.
    pub(super) fn look(root: &Path) -> io::Result<Self> {
        let mut log = Self::default();
        let Some((file, name)) = open(root)? else { return Ok(log) };
        log.present = true;
        log.name = name;
        let mut records = Records::new(BufReader::new(file));
        if let Some(Record::Run(run)) = records.next_record()? {
            log.append_axis = match run.get("append_axis") {
                Some(Value::Null) => Some(None),
                axis => axis.and_then(Value::as_u64).and_then(|axis| usize::try_from(axis).ok()).map(Some),
            };
            log.array = run.get("array").and_then(Value::as_object).cloned();
        }
        Ok(log)
    }

    /// True where what the log does not tell of was not written.
    pub(super) fn is_whole(&self) -> bool {
        self.present && self.damaged == 0 && self.append_axis.is_some()
    }

    /// Reads what the log tells of shards, but for those in `full`, which need nothing.
    pub(super) fn read_shards(&mut self, root: &Path, full: &HashSet<String>) -> io::Result<()> {
        let Some((file, _)) = open(root)? else { return Ok(()) };
        let mut records = Records::new(BufReader::new(file));
        while let Some(record) = records.next_record()? {
            let Record::Chunks(placed) = record else { continue };
            if full.contains(&placed.shard) {
                continue;
            }
            let chunks = self.shards.entry(placed.shard).or_default();
            let mut offset = placed.offset;
            for chunk in placed.chunks {
                chunks.push(LoggedChunk {
                    place: chunk.place,
                    offset,
                    length: chunk.length,
                    complete: placed.complete,
                });
                offset = offset.saturating_add(u64::from(chunk.length));
            }
        }
        self.damaged = records.damaged_bytes();
        Ok(())
    }
}

/// The log and its path below the root: of this version, or of an earlier one.
fn open(root: &Path) -> io::Result<Option<(File, &'static str)>> {
    for name in [LOG, OLD_LOG] {
        let path = root.join(name);
        if let Kind::File(_) = kind(&path)? {
            return Ok(Some((File::open(path)?, name)));
        }
    }
    Ok(None)
}
