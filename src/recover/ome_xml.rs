//! `METADATA.ome.xml`, which readers need not have: whether it is whole, and tells what is known of single frames.

use std::collections::HashMap;

use super::Inspection;
use super::anew::Run;
use super::mend::Action;
use super::report::{Finding, State};
use crate::error::Result;
use crate::ngff::frame_metadata::{FILE_NAME, FrameLog};
use crate::ngff::{Hierarchy, Planes, found, series_xml};
use crate::reader::{self, Node, limits};

/// Its name in the group beside the images.
const NAME: &str = "METADATA.ome.xml";

impl Inspection<'_> {
    /// What is wrong with the document in a group. Of an interrupted run it is made anew with the planes of its frames,
    /// as the mirror of frame metadata is; `extents` are the planes along the unbounded axis of each array.
    pub(super) fn ome_xml(&self, node: &Node, nodes: &[Node], extents: &[Option<u64>]) -> Result<Option<Finding>> {
        let path = node.folder.join(NAME);
        let Some(text) = reader::small(self.source, &path, limits::XML_BYTES)?.bytes() else { return Ok(None) };
        let is_whole = text.trim_ascii_end().ends_with(b"</OME>");
        let run = self.run.as_ref().filter(|_| self.interrupted() && node.path == "OME");
        let planned = run.map_or(Ok(None), |run| self.with_planes(run, nodes, extents))?;
        let cause = match (is_whole, &planned) {
            (false, _) => "it ends before its last element",
            (true, Some(planned)) if *planned != text => "it differs from what the run would have written",
            (true, _) => return Ok(None),
        };
        let state = if is_whole { State::Incomplete } else { State::Torn };
        let finding = Finding::new(node.file(NAME), state, cause);
        Ok(Some(match planned {
            Some(bytes) => {
                finding.remedy("made anew with the planes of its frames", vec![Action::Write { path, bytes }])
            }
            None if self.interrupted() => {
                let remedy = "it is kept under another name: readers do without";
                finding.remedy(remedy, vec![Action::KeepAside { path }])
            }
            None => finding,
        }))
    }

    /// The document as the run would write it; `None` where no frame has anything to tell in it.
    fn with_planes(&self, run: &Run, nodes: &[Node], extents: &[Option<u64>]) -> Result<Option<Vec<u8>>> {
        let mut hierarchy = run.plan().ngff(Some(extents));
        let Hierarchy::Series(images) = &mut hierarchy else { return Ok(None) };
        let groups: HashMap<&str, &Node> = nodes.iter().map(|node| (node.path.as_str(), node)).collect();
        let mut planes = Planes::default();
        for (nth, (path, image)) in images.iter_mut().enumerate() {
            let log = reader::frame_log(self.source, &self.root.join(&*path).join(FILE_NAME))?;
            if let Some(frames) = log.as_ref().and_then(FrameLog::frames) {
                planes.take(nth, image, frames);
            }
            // What a run before this one has found out stands in the image.
            let there = groups.get(path.as_str()).and_then(|node| node.ome("multiscales")?.get(0));
            if let Some(time) = there.and_then(found::time).filter(|time| !time.is_unknown(&[])) {
                image.set_step(time.axis, time.unit.as_deref(), time.scale);
            }
        }
        let made = (!planes.is_empty()).then(|| series_xml(&hierarchy, &planes)).flatten();
        Ok(made.map(|document| document.bytes))
    }
}
