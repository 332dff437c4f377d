//! What the write log of an interrupted run tells.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;

use serde_json::{Map, Value};

use super::file::{Kind, kind};
use super::logged::{Copies, Logged};
use crate::buffer::Unit;
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
    /// Copies of chunks by shard, but for those that the shard's index shows.
    pub(super) shards: HashMap<String, Copies>,
    /// Planes along the unbounded axis that hold frames, by array, where an index and the log say so.
    pub(super) reach: HashMap<String, u64>,
    /// Planes along the unbounded axis that were written, by position, where the log tells.
    pub(super) extents: HashMap<u32, u64>,
    /// What the engine took at a time, where the log tells.
    pub(super) unit: Option<Unit>,
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
            log.unit = match run.get("unit").and_then(Value::as_str) {
                Some("frame") => Some(Unit::Frame),
                Some("chunk") => Some(Unit::Chunk),
                Some("shard") => Some(Unit::Shard),
                _ => None,
            };
            log.array = run.get("array").and_then(Value::as_object).cloned();
        }
        Ok(log)
    }

    /// True where what the log does not tell of was not written.
    pub(super) fn is_whole(&self) -> bool {
        self.present && self.damaged == 0 && self.append_axis.is_some()
    }

    /// Whether it tells of chunks in the array at `path`.
    pub(super) fn tells_of(&self, path: &str) -> bool {
        let below =
            |shard: &String| shard.strip_prefix(path).is_some_and(|key| path.is_empty() || key.starts_with('/'));
        self.shards.keys().any(below)
    }

    /// Reads what the log tells of shards.
    pub(super) fn read_shards(&mut self, root: &Path, mut logged: Logged) -> io::Result<()> {
        let Some((file, _)) = open(root)? else { return Ok(()) };
        let mut records = Records::new(BufReader::new(file));
        while let Some(record) = records.next_record()? {
            match record {
                Record::Chunks(placed) => logged.take(placed)?,
                Record::Planes(planes) => logged.take_planes(&planes),
                Record::Run(_) => {}
            }
        }
        self.damaged = records.damaged_bytes();
        let kept = logged.kept();
        (self.shards, self.reach, self.extents) = (kept.shards, kept.reach, kept.extents);
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
