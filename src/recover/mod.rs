//! Looks at a store that a run left behind when it was interrupted, and mends it.
//!
//! A run that ends by `finish` leaves nothing to do. One that was killed leaves a store that readers open; what was
//! written within the last moments may lie in shard files without an index, and metadata that are written last are
//! missing. [`recover`] finds what is whole, torn, can be won back or is lost, and with [`Options::apply`] mends it:
//!
//! - shard files get an index of every chunk that is whole: from the index that is there, an earlier one in the file,
//!   and the run's write log ([`log`]), whose entries give places and lengths;
//! - torn chunk files, and shards of which nothing is left, get another name: readers see fill value;
//! - an array that grew gets the extent that its chunks reach; torn metadata are made anew as far as the store tells;
//! - documents of levels that are gone are made anew, and how far levels are certainly there is noted: their planes
//!   are made of full resolution by [`crate::stream::complete_levels`];
//! - `frame_metadata.jsonl` loses torn lines, its mirror is written into the group, and `METADATA.ome.xml` tells of it.
//!
//! Only a run that was interrupted ([`Report::interrupted`]) is mended so: in a store of a finished run what differs
//! was changed by somebody, and is told. One thing is done there too, since nobody has any use of a shard that cannot
//! be read: where a whole index is found before the end of the file, it is appended. Metadata that this library cannot
//! read and others may (Python's `NaN` apart, which is read) are told and left as they are.
//!
//! Nothing that was there is overwritten: shard files only grow, everything else that is replaced is kept under its
//! name with [`KEPT_SUFFIX`]. Links are never followed. Compressed chunks are decoded by a [`Verifier`], which whoever
//! knows an engine gives; without one only their places and lengths are looked at.

mod anew;
mod array;
mod ending;
mod extent;
mod found_log;
mod groups;
mod known;
mod levels;
mod logged;
mod lost;
mod mend;
mod ome_xml;
mod report;
mod shard;
mod written;

pub use crate::journal::format as log;
pub use crate::zarr::index::{MISSING, PLACES_MARK, index_bytes, index_of, is_sane, overlapping, parse_index};
pub use mend::KEPT_SUFFIX;
pub use report::{ArrayReport, BehindLevel, Finding, LostChunk, MAX_LISTED, Report, State, Verdict};
pub(crate) use written::of_source;

use std::collections::{HashMap, HashSet};
use std::path::Path;

use serde_json::{Map, Value};

use self::anew::{Beside, Member, Run};
use self::array::Reshaped;
use self::found_log::FoundLog;
use self::known::Known;
use self::logged::{Logged, LoggedArray, Published};
use self::mend::Action;
use crate::backend::Verifier;
use crate::error::{Error, Result};
use crate::journal::record;
use crate::names::own;
use crate::ngff::frame_metadata::FILE_NAME;
use crate::plan::{Plan, StorageUnit};
use crate::platform::{self, Disk, Kind, Source, partial_name};
use crate::reader::{self, Document, Expected, FrameLines, Node, Walked, limits};
use crate::store::{self, Lock, Mark, reserve};
use crate::zarr::json::with_member;
use crate::zarr::{ArrayFormat, ZarrFormat};

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
/// [`Error::Damaged`] where `root` is no store of this library; [`Error::Busy`] where a writer is at work on it;
/// nothing was touched then. [`Error::Io`] where it cannot be read. What cannot be mended is told in the report.
pub fn recover(root: &Path, options: &Options<'_>) -> Result<Report> {
    recover_on(root, options, &*platform::native())
}

/// As [`recover`], writing through a disk of the caller's.
///
/// # Errors
/// As [`recover`].
pub fn recover_on(root: &Path, options: &Options<'_>, disk: &dyn Disk) -> Result<Report> {
    let source = &*disk.source();
    let refuse = |problem: &str| Error::Damaged { path: root.to_path_buf(), problem: problem.to_owned() };
    match reader::kind(source, root)? {
        Kind::Folder => {}
        Kind::Nothing => return Err(refuse("there is nothing")),
        Kind::Link => return Err(refuse("a link, which is not followed")),
        Kind::File(_) | Kind::Other => return Err(refuse("not a folder")),
    }
    let whole = store::root_of(source, root)?;
    let (part, root) = (root, whole.as_path());
    // Held until everything is mended. A store of an earlier version has no folder for it, and no writer of this one.
    let _lock = match options.apply && reader::is_folder(source, &root.join(own::RUN_FOLDER))? {
        true => Some(Lock::take(root, &disk.source())?),
        false => Lock::look(root, source).map(|()| None)?,
    };
    let mut report = look_and_mend(root, options, None, disk)?;
    if part != root {
        report.notes.push(format!(
            "{} is part of the store {}, which was looked at as a whole",
            part.display(),
            root.display()
        ));
    }
    Ok(report)
}

/// Mends the store of an interrupted run for one that goes on with it by `plan` and holds its lock. The write log is
/// removed once everything that it tells is in the store.
///
/// # Errors
/// As [`recover`]; what cannot be mended is told in the report, and the log is there still.
pub(crate) fn mend_to_go_on(plan: &Plan, verifier: Option<&dyn Verifier>, disk: &dyn Disk) -> Result<Report> {
    look_and_mend(plan.root(), &Options { apply: true, verifier }, Some(plan), disk)
}

/// The root is one; its lock is held where it is to be mended.
fn look_and_mend(root: &Path, options: &Options<'_>, going_on: Option<&Plan>, disk: &dyn Disk) -> Result<Report> {
    let source = &*disk.source();
    let refuse = |problem: &str| Error::Damaged { path: root.to_path_buf(), problem: problem.to_owned() };
    let log = FoundLog::look(source, root)?;
    let mark = Mark::if_whole(source, root)?;
    let run = match &mark {
        Some(mark) => Run::of(source, mark, root, log.unit.unwrap_or(StorageUnit::Chunk))?,
        None => None,
    };
    let is_array = |path: &str| run.as_ref().map(|run| run.array_at(path).is_some());
    let expected = Expected { zarr: run.as_ref().map(|run| run.plan().zarr()), is_array: Some(&is_array) };
    let Walked { nodes, notes, unlisted, .. } = reader::walk(source, root, expected)?;
    let first = nodes.first().ok_or_else(|| refuse("there is nothing"))?;
    let is_root = store::is_root(source, root)?;
    is_ours(first, is_root).and_then(|()| log.check_version()).map_err(|why| refuse(&why))?;
    let mut inspection = Inspection {
        root,
        source,
        options,
        going_on,
        marked_axis: mark.as_ref().and_then(|mark| mark.append_axis),
        run,
        half_made: is_root && !log.present && store::is_half_made(source, root)?,
        log,
        log_is_needed: false,
        unlisted,
        record: None,
        lost_frames: Vec::new(),
        behind: levels::Behind::new(),
        report: Report {
            path: root.to_path_buf(),
            verdict: Verdict::Whole,
            applied: options.apply,
            arrays: Vec::new(),
            levels: Vec::new(),
            findings: Vec::new(),
            lost: Vec::new(),
            lost_chunks: 0,
            lost_frames: Vec::new(),
            notes,
            interrupted: false,
        },
    };
    inspection.look(&nodes)?;
    // What lies where nobody can look would be taken for gone.
    if let Some(error) = inspection.unlisted.take()
        && options.apply
        && inspection.interrupted()
    {
        return Err(error);
    }
    Ok(inspection.mend(disk))
}

/// Whether the store is of this library's making.
fn is_ours(node: &Node, is_root: bool) -> Result<(), String> {
    if is_root || node.attribute("ome_stream").is_some() {
        return Ok(());
    }
    Err(match (&node.document, node.document.problem()) {
        (Document::Nothing, _) if node.zarr == ZarrFormat::V3 => "not a Zarr v3 store: there is no zarr.json".into(),
        (Document::Nothing, _) => "a Zarr v2 store without attributes, and so not one of ome-stream".into(),
        (_, None) => "a Zarr store, but not one of ome-stream".into(),
        (_, Some(problem)) => {
            let name = node.document_name();
            format!("its {name} cannot be read ({problem}), and nothing tells that it is a store of ome-stream")
        }
    })
}

/// Whether this is the file with which a run kept space on the disk.
fn is_reserve(source: &dyn Source, path: &Path) -> Result<bool> {
    let found = reader::small(source, path, reserve::BYTES as u64)?.bytes();
    Ok(found.is_some_and(|bytes| bytes.iter().all(|byte| *byte == 0)))
}

/// One look at a store.
struct Inspection<'a> {
    root: &'a Path,
    source: &'a dyn Source,
    options: &'a Options<'a>,
    /// The plan of the run that goes on with the store.
    going_on: Option<&'a Plan>,
    /// Unbounded axis of the first array, where the mark tells: `Some(None)` where there is none.
    marked_axis: Option<Option<usize>>,
    /// True where a run was interrupted while its store was made.
    half_made: bool,
    log: FoundLog,
    /// True where the log tells of chunks that nobody can look at now: it stays where it is.
    log_is_needed: bool,
    /// Why a folder could not be listed, of the first.
    unlisted: Option<Error>,
    record: Option<Known>,
    /// For each source the frames that lost a part.
    lost_frames: Vec<Vec<u64>>,
    /// Levels below full resolution that are behind it.
    behind: levels::Behind,
    /// What the run wrote down of itself.
    run: Option<Run>,
    report: Report,
}

impl Inspection<'_> {
    /// Whether there is evidence that a run of ours was interrupted: without it nothing is taken for what one left
    /// behind.
    fn interrupted(&self) -> bool {
        self.log.present || self.half_made
    }

    /// Planes along the unbounded axis that were written into the array at `path`, where the log tells.
    fn written(&self, path: &str) -> Option<u64> {
        let id = self.log.id_of(path).or_else(|| Some(self.run.as_ref()?.array_at(path)?.id()))?;
        self.log.extents.get(&id).copied()
    }

    /// Unbounded axis of the array at `path`, where anything tells: `Some(None)` where there is none.
    fn append_axis(&self, path: &str) -> Option<Option<usize>> {
        let planned = || Some(self.run.as_ref()?.array_at(path)?.geometry().append_axis());
        self.log.append_axis(path).or_else(planned).or(self.marked_axis)
    }

    fn look(&mut self, nodes: &[Node]) -> Result<()> {
        let source = self.source;
        self.report.interrupted = self.interrupted();
        self.read_log(nodes)?;
        let zarr = nodes.first().map(|root| root.zarr).unwrap_or_default();
        let own = groups::own_folder(source, self.root, zarr, self.interrupted())?;
        self.report.findings.extend(own);
        if self.half_made {
            self.report.findings.push(groups::half_made(self.root)?);
        } else if record::name(source, self.root)?.is_none() && reader::is_file(source, &self.root.join(own::MARK))? {
            self.report.findings.push(groups::no_record());
        }
        if let Some(root) = nodes.first() {
            let (record, finding) = groups::record(source, root)?;
            self.record = record;
            self.report.findings.extend(finding);
        }
        let mut lines: HashMap<usize, FrameLines> = HashMap::new();
        for (nth, node) in nodes.iter().enumerate().filter(|(_, node)| !node.is_array) {
            if let Some(found) = reader::frame_lines(source, &node.folder.join(FILE_NAME))? {
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
        self.look_at_levels(nodes)?;
        self.groups(nodes, &lines, &arrays)?;
        self.partials(nodes)?;
        if let Some(record) = &self.record {
            let (run, finished) = (self.run.as_ref(), !self.interrupted());
            self.lost_frames = lost::frames(&self.report.lost, nodes, run, record, finished);
            self.report.lost_frames = self.lost_frames.first().cloned().unwrap_or_default();
        }
        Ok(())
    }

    /// Looks at the groups, those that are pointed at before those that point: the root last.
    fn groups(
        &mut self,
        nodes: &[Node],
        lines: &HashMap<usize, FrameLines>,
        arrays: &HashMap<usize, Map<String, Value>>,
    ) -> Result<()> {
        let interrupted = self.interrupted();
        // A plate has tens of thousands of groups: each is looked up, not looked for.
        let with_arrays: HashSet<usize> =
            nodes.iter().filter(|node| node.is_array).filter_map(|node| node.parent).collect();
        let mut arrays_in: HashMap<usize, Vec<usize>> = HashMap::new();
        for array in arrays.keys() {
            nodes[*array].parent.into_iter().for_each(|group| arrays_in.entry(group).or_default().push(*array));
        }
        let is_image = |nth: &usize| !nodes[*nth].is_array && with_arrays.contains(nth);
        let images: Vec<usize> = (1..nodes.len()).filter(is_image).collect();
        let image_nodes: Vec<&Node> = images.iter().map(|nth| &nodes[*nth]).collect();
        let template = images.iter().find(|nth| nodes[**nth].ome("multiscales").is_some());
        let listed = lost::series(nodes);
        // In one pass: each document is made of the whole plan.
        let torn = |node: &&Node| {
            [Some(&node.document), node.group.as_ref()].into_iter().flatten().any(|each| each.problem().is_some())
        };
        let torn = nodes.iter().filter(|node| !node.is_array).filter(torn);
        let torn: HashSet<String> = torn.map(|node| node.file(node.document_name())).collect();
        let extents = self.extents(nodes, arrays);
        let planned = self.run.as_ref().map(|run| run.groups(&torn, &extents)).unwrap_or_default();
        for (nth, node) in nodes.iter().enumerate().filter(|(_, node)| !node.is_array).rev() {
            let mut mirror = None;
            if let Some(lines) = lines.get(&nth) {
                self.report.findings.extend(groups::frame_lines(node, lines, interrupted));
                mirror = groups::mirror(self.source, node, lines)?;
            }
            let members = arrays_in
                .get(&nth)
                .into_iter()
                .flatten()
                .filter_map(|array| Some(Member { name: nodes[*array].name(), metadata: arrays.get(array)? }));
            let beside = Beside {
                members: members.collect(),
                images: &image_nodes,
                sibling: template.map(|template| &nodes[*template]).filter(|_| nth > 0 && with_arrays.contains(&nth)),
                listed: listed.as_deref(),
                planned: planned.get(&node.file(node.document_name())),
            };
            let (finding, note) = groups::group(self.source, node, self.run.as_ref(), &beside, mirror, interrupted)?;
            self.report.findings.extend(finding);
            self.report.notes.extend(note);
            // After what it shows.
            self.report.findings.extend(groups::marker(node, self.run.as_ref(), &beside, interrupted)?);
            let xml = self.ome_xml(node, nodes, &extents)?;
            self.report.findings.extend(xml);
        }
        Ok(())
    }

    /// Planes along the unbounded axis, by array, where the run tells which arrays there are.
    fn extents(&self, nodes: &[Node], arrays: &HashMap<usize, Map<String, Value>>) -> Vec<Option<u64>> {
        let Some(run) = &self.run else { return Vec::new() };
        let mut extents = vec![None; run.plan().arrays().len()];
        for (nth, metadata) in arrays {
            let Some(array) = run.array_at(&nodes[*nth].path) else { continue };
            let Some(axis) = array.geometry().append_axis() else { continue };
            extents[array.id().index()] = metadata.get("shape").and_then(|shape| shape.get(axis)?.as_u64());
        }
        extents
    }

    /// Looks at unfinished files in groups and beside metadata of arrays, and at the space that a run keeps.
    fn partials(&mut self, nodes: &[Node]) -> Result<()> {
        let old_reserve = format!("{}{}", own::OLD_RESERVE, platform::PARTIAL_SUFFIX);
        for node in nodes {
            for name in &node.partials {
                let path = node.folder.join(name);
                if node.path.is_empty() && *name == old_reserve && is_reserve(self.source, &path)? {
                    continue;
                }
                if !self.interrupted() {
                    self.report.notes.push(format!("{}: an unfinished file; it was left alone", node.file(name)));
                    continue;
                }
                let finding = Finding::new(node.file(name), State::Leftover, "interrupted while it was written")
                    .remedy("it is kept under another name", vec![Action::KeepAside { path }]);
                self.report.findings.push(finding);
            }
        }
        for name in [own::RESERVE, own::OLD_RESERVE] {
            let path = partial_name(&self.root.join(name));
            if self.interrupted() && is_reserve(self.source, &path)? {
                let name = format!("{name}{}", platform::PARTIAL_SUFFIX);
                let finding = Finding::new(name, State::Leftover, "space that the run kept on the disk")
                    .remedy("it is removed: there is nothing in it", vec![Action::Remove { path }]);
                // The first: mending may need it.
                self.report.findings.insert(0, finding);
            }
        }
        Ok(())
    }

    /// Reads the write log, of which only what the shards' indices do not say is kept.
    fn read_log(&mut self, nodes: &[Node]) -> Result<()> {
        if !self.log.present {
            return Ok(());
        }
        let mut logged = Logged::new(self.source, self.run.as_ref().map(Run::plan));
        for node in nodes.iter().filter(|node| node.is_array) {
            let Some(Ok(format)) = node.metadata().map(ArrayFormat::of_object) else { continue };
            if format.shard.is_none() {
                continue;
            }
            let (array, axes) = (logged.arrays.len(), format.shape.len());
            let append_axis = self.append_axis(&node.path).flatten();
            logged.arrays.push(LoggedArray { path: node.path.clone(), format, append_axis });
            let strange = reader::each_object(self.source, &node.folder, &node.zarr.keys(), axes, &mut |object| {
                if let Some(length) = object.whole {
                    let published = Published { path: object.path, length, array, coordinates: object.coordinates };
                    logged.published.insert(node.file(&object.key), published);
                }
                Ok(())
            })?;
            self.unlisted = self.unlisted.take().or(strange.why);
        }
        self.log.read_shards(self.source, self.root, logged)?;
        if self.log.damaged > 0 {
            self.report.notes.push(format!("{} byte(s) of {} are no entries", self.log.damaged, self.log.name));
        }
        Ok(())
    }

    /// Looks at an array; its metadata as they should be, unless nothing tells.
    fn array(&mut self, node: &Node, nodes: &[Node], frames: &[u64]) -> Result<Option<Map<String, Value>>> {
        let name = node.document_name();
        let path = node.folder.join(name);
        let (Some(problem), false) = (node.document.problem(), node.metadata().is_some()) else {
            let metadata = node.metadata().cloned().unwrap_or_default();
            let reshaped = array::inspect(self, &node.path, &node.folder, &metadata, frames)?;
            let Some((reshaped, cause)) = reshaped else { return Ok(Some(metadata)) };
            let finding = Finding::new(node.file(name), State::Incomplete, cause);
            let text = reader::small(self.source, &path, limits::DOCUMENT_BYTES)?.bytes();
            let shape = reshaped.get("shape").unwrap_or(&Value::Null);
            self.report.findings.push(match text.and_then(|text| with_member(&text, &["shape"], shape)) {
                Some(bytes) => finding.remedy("its shape is set so", vec![Action::Write { path, bytes }]),
                None => finding.losing(true),
            });
            return Ok(Some(reshaped));
        };
        if node.document == Document::Nothing && !self.is_array_of_ours(node, nodes) {
            self.report.notes.push(format!("{}: a folder without {name}; it was left alone", node.path));
            return Ok(None);
        }
        let state = if node.document == Document::Nothing { State::Incomplete } else { State::Torn };
        let mut finding = Finding::new(node.file(name), state, problem);
        let is_level = self.level_at(&node.path).is_some();
        let is_lost = !is_level && !matches!(node.document, Document::Foreign(_));
        let may_mend = self.interrupted() || is_level && node.document == Document::Nothing;
        let Some((template, how)) = self.template(node, nodes)?.filter(|_| may_mend) else {
            self.log_is_needed |= self.interrupted() && self.log.tells_of(&node.path);
            let unchecked = Some("its metadata cannot be read".to_owned());
            self.report.arrays.push(ArrayReport { path: node.path.clone(), unchecked, ..ArrayReport::default() });
            self.report.findings.push(finding.losing(is_lost));
            return Ok(None);
        };
        // Its chunks are looked at in any case: the log is needed no more afterwards.
        let reshaped: Reshaped = array::inspect(self, &node.path, &node.folder, &template, frames)?;
        let metadata = reshaped.map_or(template, |(metadata, _)| metadata);
        if node.document.is_torn() || is_level && node.document == Document::Nothing {
            let action = Action::Write { path, bytes: groups::bytes(&metadata)? };
            finding = finding.remedy(how, vec![action]);
        } else {
            finding = finding.losing(is_lost);
        }
        self.report.findings.push(finding);
        Ok(Some(metadata))
    }

    /// Whether a folder without metadata is one of the run's arrays: others may put folders of their own into a store.
    fn is_array_of_ours(&self, node: &Node, nodes: &[Node]) -> bool {
        if let Some(run) = &self.run {
            return run.array_at(&node.path).is_some();
        }
        if self.log.tells_of(&node.path) {
            return true;
        }
        let group = node.parent.and_then(|parent| nodes.get(parent));
        match group.filter(|group| group.metadata().is_some()) {
            Some(group) => group
                .ome("multiscales")
                .and_then(|multiscales| multiscales.pointer("/0/datasets")?.as_array())
                .is_some_and(|levels| levels.iter().any(|level| level["path"] == node.name())),
            None => node.name() == "0",
        }
    }

    /// The metadata that an array of the run had, and from where they come.
    fn template(&self, node: &Node, nodes: &[Node]) -> Result<Option<(Map<String, Value>, String)>> {
        let name_of_record = record::name(self.source, self.root)?.unwrap_or(own::RECORD);
        let planned = || {
            let array = self.run.as_ref()?.array(&node.path)?;
            Some((array, "made anew from the settings of the run".to_owned()))
        };
        let of_log = || {
            let array = self.log.array(&node.path)?;
            Some((array, "made anew from the write log".to_owned()))
        };
        // Every position's array of one level is made alike.
        let of_sibling = || {
            let is_alike = |other: &&Node| other.is_array && other.name() == node.name() && other.metadata().is_some();
            let sibling = nodes.iter().find(is_alike)?;
            Some((sibling.metadata()?.clone(), format!("made anew like that of {:?}", sibling.path)))
        };
        let of_record = || {
            let array = self.record.as_ref().filter(|_| node.name() == "0")?.array.clone()?;
            ArrayFormat::of_object(&array).is_ok().then(|| (array, format!("made anew from {name_of_record}")))
        };
        let Some((mut array, how)) = planned().or_else(of_log).or_else(of_sibling).or_else(of_record) else {
            return Ok(None);
        };
        // What readers could see tells the least that it reaches.
        let group = node.path.rsplit_once('/').map_or("", |(group, _)| group);
        let planned = || {
            let (run, record) = (self.run.as_ref()?, self.record.as_ref()?);
            let array = run.array_at(&node.path)?;
            let source = run.plan().source_of(array.id());
            let come = record.sources.get(source.id().index())?;
            let frames = if array.level() == 0 { come.frames } else { come.levels };
            let extent = source.extent(array.form(), source.position(array.image())?, frames)?;
            Some((array.geometry().append_axis()?, extent))
        };
        let extent = match self.run {
            Some(_) => planned(),
            None => lost::position(nodes, group).and_then(|position| self.record.as_ref()?.extent(position)),
        };
        if let (Some((axis, extent)), Some(Value::Array(shape))) = (extent, array.get_mut("shape"))
            && let Some(along) = shape.get_mut(axis)
        {
            *along = extent.into();
        }
        Ok(Some((array, how)))
    }
}
