//! Levels below full resolution that are behind it: what is made anew from full resolution is not lost.
//!
//! Here is found out from which frame on they may be behind, and that is noted in the store. Their planes are made by
//! whoever has an engine: [`crate::stream::complete_levels`], or a run that goes on.

use std::collections::HashMap;

use super::Inspection;
use super::groups;
use super::mend::Action;
use super::report::{BehindLevel, Finding, State};
use crate::error::Result;
use crate::journal::record::{self, Come};
use crate::plan::{ArrayId, Plan, PlannedArray};
use crate::platform::{Disk, SyncPolicy};
use crate::reader::Node;
use crate::router::StorageIndex;
use crate::zarr::ArrayFormat;

/// The frame from which on planes of an array may not be there.
pub(super) type Behind = HashMap<ArrayId, u64>;

impl Inspection<'_> {
    /// The array at `path`, where it is a level below full resolution.
    pub(super) fn level_at(&self, path: &str) -> Option<&PlannedArray> {
        self.run.as_ref()?.array_at(path).filter(|array| array.level() > 0)
    }

    /// Notes that chunks of a level are lost.
    pub(super) fn lose_of_level(&mut self, path: &str, chunks: &[Vec<u64>], format: &ArrayFormat) {
        let Some((run, level)) = self.run.as_ref().zip(self.level_at(path)) else { return };
        let (id, plan) = (level.id(), run.plan());
        let first = |chunk: &Vec<u64>| {
            let mut index = StorageIndex::default();
            let planes = chunk.iter().zip(&format.chunk).take(format.index_axes());
            index.iter_mut().zip(planes).for_each(|(at, (nth, size))| *at = nth.saturating_mul(*size));
            plan.source_of(id).frame_number(level.image(), level.form().depth().first_of(&index)).unwrap_or(0)
        };
        let first = chunks.iter().map(first).min();
        first.into_iter().for_each(|frame| self.fall_behind(id, frame));
    }

    fn fall_behind(&mut self, level: ArrayId, frame: u64) {
        let known = self.behind.entry(level).or_insert(frame);
        *known = frame.min(*known);
    }

    /// Looks at the levels of all images, once every array was looked at.
    pub(super) fn look_at_levels(&mut self, nodes: &[Node]) -> Result<()> {
        let (Some(run), Some(record), false) = (&self.run, &self.record, self.half_made) else { return Ok(()) };
        let objects: HashMap<&str, u64> =
            self.report.arrays.iter().map(|array| (array.path.as_str(), array.objects)).collect();
        let by_path: HashMap<&str, &Node> = nodes.iter().map(|node| (node.path.as_str(), node)).collect();
        let (mut gone, mut behind) = (Vec::new(), Vec::new());
        for level in run.plan().arrays().iter().filter(|array| array.level() > 0) {
            let (group, name) = level.key().rsplit_once('/').unwrap_or(("", level.key()));
            // After a run somebody may have taken a level out on purpose.
            let is_told = by_path.get(group).is_none_or(|group| group.metadata().is_none() || lists(group, name));
            if !is_told && !self.interrupted() {
                continue;
            }
            let node = by_path.get(level.key()).filter(|node| node.is_array);
            let full = run.plan().arrays()[level.image()].key();
            let has_chunks = |path: &str| objects.get(path).is_some_and(|objects| *objects > 0);
            let come = record.sources.get(run.plan().source_of(level.id()).id().index());
            let levels = come.map_or(0, |come| come.levels);
            if node.is_none() {
                gone.push(level.id());
            }
            if !has_chunks(level.key()) && has_chunks(full) {
                behind.push((level.id(), 0));
            } else if self.interrupted() || come.is_some_and(|come| come.levels < come.frames) {
                behind.push((level.id(), levels));
            }
        }
        let gone: Vec<Finding> =
            gone.into_iter().filter_map(|level| self.gone(level).transpose()).collect::<Result<_>>()?;
        self.report.findings.extend(gone);
        behind.into_iter().for_each(|(level, frame)| self.fall_behind(level, frame));
        let Some(run) = &self.run else { return Ok(()) };
        let mut levels: Vec<(ArrayId, u64)> = self.behind.iter().map(|(level, frame)| (*level, *frame)).collect();
        levels.sort_unstable();
        let told = |(level, first_frame): (ArrayId, u64)| BehindLevel {
            array: run.plan().array(level).key().to_owned(),
            first_frame,
            made: None,
        };
        self.report.levels = levels.into_iter().map(told).collect();
        Ok(())
    }

    /// What mends a level whose document is gone with its folder.
    fn gone(&self, level: ArrayId) -> Result<Option<Finding>> {
        let Some(run) = &self.run else { return Ok(None) };
        let level = run.plan().array(level);
        let name = level.form().zarr().array_file();
        let extent = level.geometry().append_axis().map(|_| 0);
        let serde_json::Value::Object(document) = level.form().metadata(extent) else { return Ok(None) };
        let action = Action::Write { path: run.plan().folder_of(level).join(name), bytes: groups::bytes(&document)? };
        let finding = Finding::new(format!("{}/{name}", level.key()), State::Incomplete, "the level is gone");
        Ok(Some(finding.remedy("made anew from the settings of the run", vec![action])))
    }

    /// How far the levels of a source are certainly there, of those of which it is told that they are. After an
    /// interruption never as far as full resolution: planes may have waited for others, or for their slab.
    pub(super) fn certain(&self, plan: &Plan, nth: usize, come: Come) -> Come {
        let of_source = self.behind.iter().filter(|(level, _)| plan.source_of(**level).id().index() == nth);
        let most = if self.interrupted() { come.frames.saturating_sub(1) } else { come.frames };
        Come { levels: of_source.map(|(_, frame)| *frame).fold(come.levels.min(most), u64::min), ..come }
    }

    /// Notes how far the levels are certainly there, in the store of a run that has finished.
    pub(super) fn note_behind(&self, disk: &dyn Disk) -> Result<()> {
        let (Some(run), Some(come)) = (&self.run, record::read(self.source, self.root)?) else { return Ok(()) };
        let certain = come.iter().enumerate().map(|(nth, come)| self.certain(run.plan(), nth, *come));
        let certain: Vec<Come> = certain.collect();
        if certain != come {
            record::write(run.plan(), disk, SyncPolicy::Now, &certain)?;
        }
        Ok(())
    }
}

/// Whether an image lists a level.
fn lists(group: &Node, name: &str) -> bool {
    let levels = group.ome("multiscales").and_then(|multiscales| multiscales.pointer("/0/datasets")?.as_array());
    levels.is_some_and(|levels| levels.iter().any(|level| level["path"] == name))
}
