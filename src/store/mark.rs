//! The mark of a run: written before any group or array, changed by `convert` alone; it says whose the store is and
//! what it was to be. Whoever mends the store makes torn documents anew from it.

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::error::{Error, Result};
use crate::journal::record::format_of;
use crate::names::own::{FORMAT, MARK};
use crate::plan::{Plan, StorageUnit};
use crate::platform::{Disk, Source, SyncPolicy};
use crate::reader::{self, Small, limits};
use crate::router::{Loop, Router};
use crate::settings::Settings;

/// What the mark tells. What is missing in it is `None`: it may be of a later version.
#[derive(Debug, Clone)]
pub(crate) struct Mark {
    /// The order of acquisition.
    pub(crate) router: Option<Router>,
    /// Metadata that every position's array started with.
    pub(crate) array: Option<Map<String, Value>>,
    /// Its unbounded axis: `Some(None)` where there is none.
    pub(crate) append_axis: Option<Option<usize>>,
    /// The settings of the run, validated and normalized.
    settings: Option<Value>,
    /// Every source's settings, where there are several or levels.
    sources: Option<Value>,
}

impl Mark {
    /// What a document tells, of a run or of an earlier version's record.
    pub(crate) fn of(document: &Map<String, Value>) -> Self {
        let loops = document.get("loops").and_then(Value::as_array);
        Self {
            router: loops.and_then(|loops| Router::new(&loops.iter().map(read_loop).collect::<Option<Vec<_>>>()?)),
            array: document.get("array").and_then(Value::as_object).cloned(),
            append_axis: match document.get("append_axis") {
                Some(Value::Null) => Some(None),
                axis => axis.and_then(Value::as_u64).and_then(|axis| usize::try_from(axis).ok()).map(Some),
            },
            settings: document.get("settings").cloned(),
            sources: document.get("sources").cloned(),
        }
    }

    /// Reads the mark in `root`; `None` where there is none.
    ///
    /// # Errors
    /// [`Error::Damaged`] for a file that is no mark; [`Error::Io`].
    pub(crate) fn read(source: &dyn Source, root: &Path) -> Result<Option<Self>> {
        let path = root.join(MARK);
        let damaged = |problem: String| Error::Damaged { path: path.clone(), problem };
        let bytes = match reader::small(source, &path, limits::MARK_BYTES)? {
            Small::Nothing => return Ok(None),
            Small::Bytes(bytes) => bytes,
            Small::TooLong(_) | Small::Link | Small::NoFile => return Err(damaged("not the mark of a run".into())),
        };
        let document: Map<String, Value> =
            serde_json::from_slice(&bytes).map_err(|error| damaged(format!("not the mark of a run: {error}")))?;
        match document.get("format").and_then(Value::as_u64) {
            Some(format) if format <= FORMAT => Ok(Some(Self::of(&document))),
            Some(format) => Err(damaged(format!("format {format} is of a later version of ome-stream"))),
            None => Err(damaged("not the mark of a run: it has no format".into())),
        }
    }

    /// As [`Mark::read`], where a file that is no mark tells nothing.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(crate) fn if_whole(source: &dyn Source, root: &Path) -> Result<Option<Self>> {
        match Self::read(source, root) {
            Err(Error::Damaged { .. }) => Ok(None),
            read => read,
        }
    }

    /// True where the run has one source of frames, and no levels below full resolution.
    pub(crate) fn is_of_one_source(&self) -> bool {
        self.sources.is_none()
    }

    /// The plan of the run, whose engine takes `unit`s, for a store that lies at `root` now.
    pub(crate) fn plan(&self, root: &Path, unit: StorageUnit) -> Option<Plan> {
        Plan::at(&self.sources(root)?, root, unit).ok()
    }

    /// The settings of every source, for a store that lies at `root` now.
    pub(crate) fn sources(&self, root: &Path) -> Option<Vec<Settings>> {
        let of = |settings: &Value| serde_json::from_value::<Settings>(settings.clone()).ok();
        let mut sources: Vec<Settings> = match &self.sources {
            Some(sources) => {
                sources.as_array()?.iter().map(|source| of(source.get("settings")?)).collect::<Option<_>>()?
            }
            None => vec![of(self.settings.as_ref()?)?],
        };
        for settings in &mut sources {
            root.to_str()?.clone_into(&mut settings.root_path);
        }
        Some(sources)
    }
}

fn read_loop(value: &Value) -> Option<Loop> {
    let number = |name: &str| value.get(name).and_then(Value::as_u64);
    let storage_axis = number("axis").map(usize::try_from).transpose().ok()?;
    Some(Loop { count: number("count"), storage_axis })
}

/// Writes the mark of a new run.
pub(super) fn write(plan: &Plan, disk: &dyn Disk, sync: SyncPolicy) -> Result<()> {
    let path = plan.root().join(MARK);
    let loops = plan.router().loops().iter().map(|each| json!({"count": each.count, "axis": each.storage_axis}));
    let format = format_of(plan);
    let mut document = json!({
        "format": format,
        "writer": format!("ome-stream {}", crate::VERSION),
        "run": uuid::Uuid::new_v4().simple().to_string(),
        "loops": loops.collect::<Vec<_>>(),
        "append_axis": plan.geometry().append_axis(),
        "array": plan.forms()[0].empty_metadata(),
        "settings": plan.settings(),
    });
    if format > 1 {
        document["sources"] = plan.sources().iter().map(|source| json!({"settings": source.settings()})).collect();
    }
    disk.put(&path, document.to_string().as_bytes(), sync).map_err(|source| Error::io("write", &path, source))
}
