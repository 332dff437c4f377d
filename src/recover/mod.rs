//! Looks at a store that a run left behind when it was interrupted, and mends it.
//!
//! A run that ends by `finish` leaves nothing to do. One that was killed leaves a store that readers open; what was
//! written within the last moments may lie in shard files without an index, and metadata that are written last are
//! missing. [`recover`] finds what is whole, torn, can be won back or is lost, and with [`Options::apply`] mends it:
//!
//! - shard files get an index of every chunk that is whole: from the index that is there, an earlier one in the file,
//!   and the run's write log ([`log`]), whose records give places and lengths;
//! - torn chunk files, and shards of which nothing is left, get another name: readers see fill value;
//! - an array that grew gets the extent that its chunks reach; torn metadata are made anew as far as the store tells;
//! - `frame_metadata.jsonl` loses torn lines, and its mirror is written into the group.
//!
//! Nothing that was there is overwritten: shard files only grow, everything else that is replaced is kept under its name
//! with [`KEPT_SUFFIX`]. Links are never followed. Compressed chunks are decoded by a [`Verifier`], which whoever knows
//! an engine gives; without one only their places and lengths are looked at.

mod array;
mod extent;
mod file;
mod format;
mod frames;
mod groups;
mod index;
mod lost;
mod mend;
mod objects;
mod report;
mod run_log;
mod shard;
mod tree;
mod verify;

pub use crate::journal::format as log;
pub use index::{MISSING, index_bytes, index_of, is_sane, overlapping, parse_index};
pub use mend::KEPT_SUFFIX;
pub use report::{ArrayReport, Finding, LostChunk, MAX_LISTED, Report, State, Verdict};
pub use verify::{ChunkChecker, ChunkFormat, Verifier};

use std::collections::{HashMap, HashSet};
use std::path::Path;

use serde_json::{Map, Value};

use self::array::Reshaped;
use self::file::{Document, Kind};
use self::format::ArrayFormat;
use self::frames::Lines;
use self::mend::{Action, read_small};
use self::run_log::RunLog;
use self::tree::{METADATA, Node};
use crate::error::{Error, Result};
use crate::platform::{self, Disk, partial_name};
use crate::store::record::{self, Record};
use crate::store::{self, Lock, files, room};

/// What to do.
#[derive(Default, Clone, Copy)]
pub struct Options<'a> {
    /// Mend, not only look.
    pub apply: bool,
    /// Decodes compressed chunks.
    pub verifier: Option<&'a dyn Verifier>,
}

/// Looks at the store in `root`, and mends it where `options` say so.
///
/// # Errors
/// [`Error::Damaged`] where `root` is no store of this library, or a writer is at work on it; nothing was touched then.
/// [`Error::Io`] where it cannot be read. What cannot be mended is told in the report.
pub fn recover(root: &Path, options: &Options<'_>) -> Result<Report> {
    recover_on(root, options, &*platform::native())
}

/// As [`recover`], writing through a disk of the caller's.
///
/// # Errors
/// As [`recover`].
pub fn recover_on(root: &Path, options: &Options<'_>, disk: &dyn Disk) -> Result<Report> {
    let refuse = |problem: &str| Error::Damaged { path: root.to_path_buf(), problem: problem.to_owned() };
    let unreadable = |source| Error::io("read", root, source);
    match file::kind(root).map_err(unreadable)? {
        Kind::Folder => {}
        Kind::Nothing => return Err(refuse("there is nothing")),
        Kind::Link => return Err(refuse("a link, which is not followed")),
        Kind::File(_) | Kind::Other => return Err(refuse("not a folder")),
    }
    let whole = store::root_of(root)?;
    let (part, root) = (root, whole.as_path());
    // Held until everything is mended. A store of an earlier version has no folder for it, and no writer of this one.
    let _lock = match options.apply && root.join(files::RUN_FOLDER).is_dir() {
        true => Some(Lock::take(root)?),
        false => Lock::look(root).map(|()| None)?,
    };
    let log = RunLog::look(root).map_err(unreadable)?;
    let (nodes, mut notes) = tree::walk(root).map_err(unreadable)?;
    if part != root {
        notes.push(format!(
            "{} is part of the store {}, which was looked at as a whole",
            part.display(),
            root.display()
        ));
    }
    let first = nodes.first().ok_or_else(|| refuse("there is nothing"))?;
    if let Err(why) = is_ours(first, root) {
        return Err(refuse(why));
    }
    let mut inspection = Inspection {
        root,
        options,
        log,
        record: None,
        report: Report {
            path: root.to_path_buf(),
            verdict: Verdict::Whole,
            applied: options.apply,
            arrays: Vec::new(),
            findings: Vec::new(),
            lost: Vec::new(),
            lost_chunks: 0,
            lost_frames: Vec::new(),
            notes,
        },
    };
    inspection.look(&nodes)?;
    Ok(inspection.mend(disk))
}

/// Whether the store is of this library's making.
fn is_ours(node: &Node, root: &Path) -> Result<(), &'static str> {
    if store::is_root(root) || node.attribute("ome_stream").is_some() {
        return Ok(());
    }
    match &node.document {
        Document::Object(_) => Err("a Zarr store, but not one of ome-stream"),
        Document::Damaged(_) => Err("its zarr.json cannot be read, and nothing tells that it is a store of ome-stream"),
        Document::Nothing => Err("not a Zarr v3 store: there is no zarr.json"),
    }
}

/// Whether this is the file with which a run kept room on the disk.
fn is_room(path: &Path) -> std::io::Result<bool> {
    Ok(read_small(path, room::BYTES as u64)?.is_some_and(|bytes| bytes.iter().all(|byte| *byte == 0)))
}

/// One look at a store.
struct Inspection<'a> {
    root: &'a Path,
    options: &'a Options<'a>,
    log: RunLog,
    record: Option<Record>,
    report: Report,
}

impl Inspection<'_> {
    fn look(&mut self, nodes: &[Node]) -> Result<()> {
        let unreadable = |node: &Node| {
            let folder = node.folder.clone();
            move |source| Error::io("read", folder, source)
        };
        self.read_log(nodes)?;
        if store::is_root(self.root) && record::name(self.root).is_none() && !self.log.present {
            self.report.findings.push(groups::half_made(self.root)?);
        }
        if let Some(root) = nodes.first() {
            let (record, finding) = groups::record(root).map_err(unreadable(root))?;
            self.record = record;
            self.report.findings.extend(finding);
        }
        let mut lines: HashMap<usize, Lines> = HashMap::new();
        for (nth, node) in nodes.iter().enumerate().filter(|(_, node)| !node.is_array) {
            if let Some(found) = groups::look_at_frames(node).map_err(unreadable(node))? {
                lines.insert(nth, found);
            }
        }
        let mut arrays: HashMap<usize, Map<String, Value>> = HashMap::new();
        for (nth, node) in nodes.iter().enumerate().filter(|(_, node)| node.is_array) {
            let frames = node.parent.and_then(|parent| lines.get(&parent)).map_or(&[][..], |lines| &lines.reach);
            if let Some(metadata) = self.array(node, nodes, frames)? {
                arrays.insert(nth, metadata);
            }
        }
        let is_image = |nth: usize| nodes.iter().any(|node| node.is_array && node.parent == Some(nth));
        let images: Vec<usize> = (1..nodes.len()).filter(|nth| !nodes[*nth].is_array && is_image(*nth)).collect();
        let image_nodes: Vec<&Node> = images.iter().map(|nth| &nodes[*nth]).collect();
        let template =
            images.iter().find(|nth| nodes[**nth].attribute("ome").is_some_and(|ome| ome.get("multiscales").is_some()));
        // What is pointed at before what points: the root last.
        for (nth, node) in nodes.iter().enumerate().filter(|(_, node)| !node.is_array).rev() {
            let mut mirror = None;
            if let Some(lines) = lines.get(&nth) {
                self.report.findings.extend(groups::frame_lines(node, lines));
                mirror = groups::mirror(node, lines).map_err(unreadable(node))?;
            }
            let members: Vec<groups::Member<'_>> = arrays
                .iter()
                .filter(|(array, _)| nodes[**array].parent == Some(nth))
                .map(|(array, metadata)| groups::Member { name: nodes[*array].name(), metadata })
                .collect();
            let sibling = template.map(|template| &nodes[*template]).filter(|_| images.contains(&nth));
            let finding = groups::group(node, &members, &image_nodes, sibling, mirror)?;
            self.report.findings.extend(finding);
            self.report.findings.extend(groups::ome_xml(node).map_err(unreadable(node))?);
        }
        let old_room = format!("{}{}", files::OLD_ROOM, platform::PARTIAL_SUFFIX);
        for node in nodes {
            for name in &node.partials {
                let path = node.folder.join(name);
                if node.path.is_empty() && *name == old_room && is_room(&path).map_err(unreadable(node))? {
                    continue;
                }
                let finding = Finding::new(node.file(name), State::Leftover, "interrupted while it was written")
                    .remedy("it is kept under another name", vec![Action::KeepAside { path }]);
                self.report.findings.push(finding);
            }
        }
        for name in [files::ROOM, files::OLD_ROOM] {
            let path = partial_name(&self.root.join(name));
            if is_room(&path).map_err(|source| Error::io("read", &path, source))? {
                let finding = Finding::new(
                    format!("{name}{}", platform::PARTIAL_SUFFIX),
                    State::Leftover,
                    "room that the run kept on the disk",
                )
                .remedy("it is removed: there is nothing in it", vec![Action::Remove { path }]);
                // The first: mending may need the room.
                self.report.findings.insert(0, finding);
            }
        }
        if let Some(record) = &self.record {
            self.report.lost_frames = lost::frames(&self.report.lost, nodes, record, !self.log.present);
        }
        Ok(())
    }

    /// Reads the write log, but for shards that need nothing of it.
    fn read_log(&mut self, nodes: &[Node]) -> Result<()> {
        if !self.log.present {
            return Ok(());
        }
        let mut full = HashSet::new();
        for node in nodes.iter().filter(|node| node.is_array) {
            let Some(Ok(format)) = node.metadata().map(ArrayFormat::of) else { continue };
            if format.shard.is_none() {
                continue;
            }
            objects::each_object(&node.folder, format.shape.len(), &mut |object| {
                if array::is_full(&object, &format)? {
                    full.insert(node.file(&object.key));
                }
                Ok(())
            })
            .map_err(|source| Error::io("read", &node.folder, source))?;
        }
        self.log.read_shards(self.root, &full).map_err(|source| Error::io("read", self.root, source))?;
        if self.log.damaged > 0 {
            self.report.notes.push(format!("{} byte(s) of {} are no records", self.log.damaged, self.log.name));
        }
        Ok(())
    }

    /// Looks at an array; its metadata as they should be, unless nothing tells.
    fn array(&mut self, node: &Node, nodes: &[Node], frames: &[u64]) -> Result<Option<Map<String, Value>>> {
        let unreadable = |source| Error::io("read", &node.folder, source);
        let path = node.folder.join(METADATA);
        if let Some(metadata) = node.metadata() {
            let reshaped = array::inspect(self, &node.path, &node.folder, metadata, frames).map_err(unreadable)?;
            let Some((metadata, cause)) = reshaped else { return Ok(Some(metadata.clone())) };
            let action = Action::Write { path, bytes: groups::bytes(&metadata)? };
            let finding = Finding::new(node.file(METADATA), State::Incomplete, cause);
            self.report.findings.push(finding.remedy("its shape is set so", vec![action]));
            return Ok(Some(metadata));
        }
        let cause = match &node.document {
            Document::Damaged(why) => why.clone(),
            _ => "it is missing".to_owned(),
        };
        let finding = Finding::new(node.file(METADATA), State::Torn, cause);
        // Every position's array of one level is made alike.
        let sibling =
            nodes.iter().find(|other| other.is_array && other.name() == node.name() && other.metadata().is_some());
        let of_log = self.log.array.clone().filter(|_| node.name() == "0");
        let (template, how) = match (of_log, sibling, self.recorded_array(node, nodes)) {
            (Some(array), ..) => (array, "made anew from the write log".to_owned()),
            (None, Some(sibling), _) => {
                let metadata = sibling.metadata().cloned().unwrap_or_default();
                (metadata, format!("made anew like that of {:?}", sibling.path))
            }
            (None, None, Some(array)) => {
                (array, format!("made anew from {}", record::name(self.root).unwrap_or(files::RECORD)))
            }
            (None, None, None) => {
                self.report.findings.push(finding.losing(true));
                return Ok(None);
            }
        };
        let reshaped: Reshaped =
            array::inspect(self, &node.path, &node.folder, &template, frames).map_err(unreadable)?;
        let metadata = reshaped.map_or(template, |(metadata, _)| metadata);
        let action = Action::Write { path, bytes: groups::bytes(&metadata)? };
        self.report.findings.push(finding.remedy(how, vec![action]));
        Ok(Some(metadata))
    }

    /// Metadata of an array as the record of the run tells them.
    fn recorded_array(&self, node: &Node, nodes: &[Node]) -> Option<Map<String, Value>> {
        let record = self.record.as_ref().filter(|_| node.name() == "0")?;
        let mut array = record.array.clone()?;
        if array.get("node_type").and_then(Value::as_str) != Some("array") || ArrayFormat::of(&array).is_err() {
            return None;
        }
        let group = node.path.rsplit_once('/').map_or("", |(group, _)| group);
        let extent = lost::position(nodes, group).and_then(|position| record.extent(position));
        if let (Some((axis, extent)), Some(Value::Array(shape))) = (extent, array.get_mut("shape"))
            && let Some(along) = shape.get_mut(axis)
        {
            *along = extent.into();
        }
        Some(array)
    }

    /// Applies the remedies if asked to, and judges the whole.
    fn mend(mut self, disk: &dyn Disk) -> Report {
        if self.log.present {
            let finding = Finding::new(self.log.name, State::Leftover, "the run did not finish").remedy(
                "it is kept under another name",
                vec![Action::KeepAside { path: self.root.join(self.log.name) }],
            );
            self.report.findings.push(finding);
        }
        let mut failed = false;
        for finding in &mut self.report.findings {
            if !self.options.apply || finding.remedy.is_none() {
                continue;
            }
            // The log goes last, and only when it is needed no more.
            if failed && finding.file == self.log.name {
                finding.failure = Some("it is still needed: something else could not be mended".into());
                continue;
            }
            match finding.actions.iter().try_for_each(|action| action.apply(disk)) {
                Ok(()) => finding.mended = true,
                Err(error) => {
                    finding.failure = Some(error.to_string());
                    failed = true;
                }
            }
        }
        let findings = &self.report.findings;
        self.report.verdict = match findings.iter().any(|finding| finding.loses_frames) {
            true => Verdict::Lost,
            false if findings.is_empty() => Verdict::Whole,
            false => Verdict::Harmless,
        };
        self.report
    }
}
