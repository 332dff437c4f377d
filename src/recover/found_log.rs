//! What the write log of an interrupted run tells.

use std::collections::{BTreeMap, HashMap};
use std::io::BufReader;
use std::path::Path;

use serde_json::{Map, Value};

use super::logged::{Copies, Logged};
use crate::error::{Error, Result};
use crate::journal::format::{Entries, Entry, VERSION};
use crate::names::own::{LOG, OLD_LOG};
use crate::plan::{ArrayId, SourceId, StorageUnit};
use crate::platform::Source;
use crate::reader::{self, Stream};

/// The log, or that there is none.
#[derive(Debug, Default)]
pub(super) struct FoundLog {
    /// True where there is one: the run has not finished.
    pub(super) present: bool,
    /// Its path below the root.
    pub(super) name: &'static str,
    /// What arrays have in common, as far as the log tells.
    forms: Vec<LoggedForm>,
    /// The arrays by their path: number and form. Version 1 told of none: all were alike, and had the position's
    /// number.
    arrays: HashMap<String, (ArrayId, usize)>,
    /// Version of the log; 0 where it tells none.
    version: u64,
    /// Copies of chunks by shard, but for those that the shard's index shows.
    pub(super) shards: HashMap<String, Copies>,
    /// Planes along the unbounded axis that hold frames, by array, where an index and the log say so.
    pub(super) reach: HashMap<String, u64>,
    /// Planes along the unbounded axis that were written, by array, where the log tells.
    pub(super) extents: HashMap<ArrayId, u64>,
    /// For each source the frames that were on the medium, in the order in which they came, where the log tells.
    pub(super) durable: BTreeMap<SourceId, u64>,
    /// What the engine took at a time, where the log tells.
    pub(super) unit: Option<StorageUnit>,
    /// Bytes that are no entry.
    pub(super) damaged: u64,
}

/// What arrays have in common, as the log has it.
#[derive(Debug)]
struct LoggedForm {
    append_axis: Option<Option<usize>>,
    /// Metadata that each array started with.
    array: Option<Map<String, Value>>,
}

impl LoggedForm {
    fn of(form: &Value) -> Self {
        Self {
            append_axis: match form.get("append_axis") {
                Some(Value::Null) => Some(None),
                axis => axis.and_then(Value::as_u64).and_then(|axis| usize::try_from(axis).ok()).map(Some),
            },
            array: form.get("array").and_then(Value::as_object).cloned(),
        }
    }
}

impl FoundLog {
    /// Looks whether there is a log and what run it belongs to.
    pub(super) fn look(source: &dyn Source, root: &Path) -> Result<Self> {
        let mut log = Self::default();
        let Some((mut entries, name)) = open(source, root)? else { return Ok(log) };
        log.present = true;
        log.name = name;
        let first = entries.next_entry().map_err(|error| Error::io("read", root.join(name), error))?;
        if let Some(Entry::Run(run)) = first {
            log.version = run.get("version").and_then(Value::as_u64).unwrap_or(1);
            log.forms = match run.get("forms").and_then(Value::as_array) {
                Some(forms) => forms.iter().map(LoggedForm::of).collect(),
                None => vec![LoggedForm::of(&run)],
            };
            log.unit = match run.get("unit").and_then(Value::as_str) {
                Some("frame") => Some(StorageUnit::Frame),
                Some("chunk") => Some(StorageUnit::Chunk),
                Some("shard") => Some(StorageUnit::Shard),
                _ => None,
            };
        }
        Ok(log)
    }

    /// Refuses a log of a later version, whose entries would be taken for damage.
    pub(super) fn check_version(&self) -> Result<(), String> {
        match self.version {
            ..=VERSION => Ok(()),
            later => Err(format!("its {} has version {later}, of a later version of ome-stream", self.name)),
        }
    }

    /// What the array at `path` has in common with others. Before the arrays are read, of several forms none is known.
    fn form(&self, path: &str) -> Option<&LoggedForm> {
        match self.arrays.get(path) {
            Some((_, form)) => self.forms.get(*form),
            None if self.forms.len() == 1 => self.forms.first(),
            None => None,
        }
    }

    /// Unbounded axis of the array at `path`: `Some(None)` where there is none, `None` where the log does not tell.
    pub(super) fn append_axis(&self, path: &str) -> Option<Option<usize>> {
        self.form(path)?.append_axis
    }

    /// Metadata that the array at `path` started with.
    pub(super) fn array(&self, path: &str) -> Option<Map<String, Value>> {
        let known = self.arrays.contains_key(path) || path.rsplit('/').next() == Some("0");
        self.form(path).filter(|_| known)?.array.clone()
    }

    /// The number of the array at `path`, where the log tells.
    pub(super) fn id_of(&self, path: &str) -> Option<ArrayId> {
        self.arrays.get(path).map(|(id, _)| *id)
    }

    /// True where what the log does not tell of was not written.
    pub(super) fn is_whole(&self) -> bool {
        self.present && self.damaged == 0 && self.forms.iter().any(|form| form.append_axis.is_some())
    }

    /// Whether it tells of chunks in the array at `path`.
    pub(super) fn tells_of(&self, path: &str) -> bool {
        let below =
            |shard: &String| shard.strip_prefix(path).is_some_and(|key| path.is_empty() || key.starts_with('/'));
        self.shards.keys().any(below)
    }

    /// Reads what the log tells of shards.
    pub(super) fn read_shards(&mut self, source: &dyn Source, root: &Path, mut logged: Logged<'_>) -> Result<()> {
        let Some((mut entries, name)) = open(source, root)? else { return Ok(()) };
        let fail = |error| Error::io("read", root.join(name), error);
        while let Some(entry) = entries.next_entry().map_err(fail)? {
            match entry {
                Entry::Chunks(placed) => logged.take(placed)?,
                Entry::Planes(planes) => logged.take_planes(&planes),
                Entry::Arrays(arrays) => self.take_arrays(&arrays),
                Entry::Durable(source, frames) => {
                    let known = self.durable.entry(source).or_default();
                    *known = frames.max(*known);
                }
                Entry::Run(_) => {}
            }
        }
        self.damaged = entries.damaged_bytes();
        let kept = logged.kept();
        (self.shards, self.reach, self.extents) = (kept.shards, kept.reach, kept.extents);
        Ok(())
    }

    fn take_arrays(&mut self, arrays: &Value) {
        let number = |name: &str| arrays.get(name).and_then(Value::as_u64);
        let (Some(first), Some(form)) = (number("first"), number("form")) else { return };
        let keys = arrays.get("keys").and_then(Value::as_array).into_iter().flatten();
        for (id, key) in (first..).zip(keys) {
            if let (Ok(id), Some(key), Ok(form)) = (u32::try_from(id), key.as_str(), usize::try_from(form)) {
                self.arrays.insert(key.to_owned(), (ArrayId(id), form));
            }
        }
    }
}

/// The entries of a log, and its path below the root.
type Opened = (Entries<BufReader<Stream>>, &'static str);

/// The log of this version, or of an earlier one.
fn open(source: &dyn Source, root: &Path) -> Result<Option<Opened>> {
    for name in [LOG, OLD_LOG] {
        let path = root.join(name);
        if reader::is_file(source, &path)?
            && let Some(file) = reader::open(source, &path)?
        {
            return Ok(Some((Entries::new(file.stream()), name)));
        }
    }
    Ok(None)
}
