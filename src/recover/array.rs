//! One array: its chunk or shard files, and whether its shape reaches as far as they do.

use std::collections::HashSet;
use std::path::Path;

use serde_json::{Map, Value};

use super::Inspection;
use super::extent::Reach;
use super::logged::Copies;
use super::mend::Action;
use super::report::{ArrayReport, Finding, LostChunk, State};
use super::shard::{Judge, Resolved, index_to_append};
use crate::backend::ChunkChecker;
use crate::error::Result;
use crate::platform::partial_name;
use crate::reader::limits::stored_chunk_bytes;
use crate::reader::{Object, each_object, whole};
use crate::zarr::ArrayFormat;
use crate::zarr::index::MISSING;

/// What an array's metadata should say, where that is not what they say.
pub(super) type Reshaped = Option<(Map<String, Value>, String)>;

/// Looks at every chunk of the array at `path` below the store, which lies in `folder`.
pub(super) fn inspect(
    inspection: &mut Inspection<'_>,
    path: &str,
    folder: &Path,
    document: &Map<String, Value>,
    frames: &[u64],
) -> Result<Reshaped> {
    let mut report = ArrayReport { path: path.to_owned(), ..ArrayReport::default() };
    let format = match ArrayFormat::of_object(document) {
        Ok(format) => format,
        Err(why) => {
            report.unchecked = Some(why);
            inspection.report.arrays.push(report);
            inspection.log_is_needed |= inspection.log.tells_of(path);
            return Ok(None);
        }
    };
    report.shape.clone_from(&format.shape);
    let checker = match (format.fixed, inspection.options.verifier) {
        (Some(_), _) => None,
        (None, None) => {
            report.unchecked = Some("compressed chunks were not decoded".into());
            None
        }
        (None, Some(verifier)) => match verifier.checker(&format) {
            Ok(checker) => Some(checker),
            Err(why) => {
                report.unchecked = Some(why);
                None
            }
        },
    };
    let complete = inspection.log.reach.get(path).copied().unwrap_or(0);
    let append_axis = inspection.append_axis(path);
    let reach = Reach::new(&format, append_axis, frames).log_says(inspection.written(path), complete);
    let mut array = Array { inspection, path, format: &format, checker: checker.as_deref(), reach, report };
    let mut seen = HashSet::new();
    let source = array.inspection.source;
    let strange = each_object(source, folder, &format.zarr.keys(), format.shape.len(), &mut |object| {
        array.report.objects += 1;
        let seen_now = array.object(&object);
        if array.inspection.interrupted() {
            seen.insert(object.key);
        }
        seen_now
    })?;
    array.missing(&seen);
    let Array { reach, mut report, inspection, .. } = array;
    inspection.unlisted = inspection.unlisted.take().or(strange.why);
    let (mended, remark) = reach.mended(report.lost == 0);
    report.mended_shape.clone_from(&report.shape);
    let mut reshaped = None;
    let mut differs = None;
    if let Some((axis, extent)) = mended {
        let name = format.names.get(axis).map_or_else(|| format!("axis {axis}"), Clone::clone);
        let cause = format!("it says {} along {name}, the chunks that are there reach {extent}", report.shape[axis]);
        if inspection.interrupted() {
            report.mended_shape[axis] = extent;
            let mut document = document.clone();
            document.insert("shape".into(), report.mended_shape.clone().into());
            reshaped = Some((document, cause));
        } else {
            // Somebody may have cropped it.
            differs = Some(format!("the shape in {} was left alone: {cause}", format.zarr.array_file()));
        }
    }
    let notes = [
        remark,
        differs,
        (strange.links > 0).then(|| format!("{} link(s) among the chunks were not followed", strange.links)),
        (strange.others > 0).then(|| format!("{} file(s) that are no chunks were left alone", strange.others)),
        (!strange.unlisted.is_empty()).then(|| format!("cannot be listed: {}", strange.unlisted.join(", "))),
    ];
    inspection.report.notes.extend(notes.into_iter().flatten().map(|note| format!("{path}: {note}")));
    inspection.report.arrays.push(report);
    Ok(reshaped)
}

struct Array<'a, 'b> {
    inspection: &'a mut Inspection<'b>,
    path: &'a str,
    format: &'a ArrayFormat,
    checker: Option<&'a dyn ChunkChecker>,
    reach: Reach<'a>,
    report: ArrayReport,
}

impl Array<'_, '_> {
    fn object(&mut self, object: &Object) -> Result<()> {
        if self.format.shard.is_some() { self.shard(object) } else { self.chunk_file(object) }
    }

    fn name(&self, object: &Object) -> String {
        if self.path.is_empty() { object.key.clone() } else { format!("{}/{}", self.path, object.key) }
    }

    fn shard(&mut self, object: &Object) -> Result<()> {
        let name = self.name(object);
        let partial = partial_name(&object.path);
        let (path, length, unfinished) = match (object.whole, object.partial) {
            (Some(length), other) => {
                if other.is_some() {
                    self.leftover(&name, "an unfinished shard beside the finished one", &partial);
                }
                (&object.path, length, false)
            }
            (None, Some(length)) => (&partial, length, true),
            (None, None) => return Ok(()),
        };
        let judge = Judge { format: self.format, checker: self.checker, log_is_whole: self.inspection.log.is_whole() };
        let none = Copies::new();
        let logged = self.inspection.log.shards.get(&name).unwrap_or(&none);
        let resolved = judge.resolve(&whole(self.inspection.source, path)?, length, unfinished, logged)?;
        self.report.whole += resolved.shown * u64::from(!unfinished);
        self.report.won_back += resolved.won_back + resolved.shown * u64::from(unfinished);
        self.report.unverified += resolved.unverified;
        for (place, entry) in resolved.entries.iter().enumerate() {
            if *entry != MISSING {
                let coordinates = self.format.coordinates(&object.coordinates, place);
                if resolved.reserved.contains(&place) && !self.format.outside(&coordinates).is_empty() {
                    continue;
                }
                self.reach.see(&coordinates, resolved.complete.get(&place).copied());
            }
        }
        let lost = self.lost_of(object, &resolved);
        let any = resolved.entries.iter().any(|entry| *entry != MISSING);
        if !unfinished && resolved.torn.is_none() && !resolved.needs_index {
            return Ok(());
        }
        self.lose(&lost);
        let counted = resolved.shown + resolved.won_back;
        let mut cause = match (&resolved.torn, unfinished) {
            (_, true) if length == 0 => "interrupted before anything was written to it".to_owned(),
            (None, true) if !resolved.needs_index => "interrupted before it got its name".to_owned(),
            (_, true) => "interrupted before its index was written".to_owned(),
            (Some(why), false) => why.clone(),
            (None, false) if lost.is_empty() => format!("{} of its chunks are not in its index", resolved.won_back),
            (None, false) => "some of its chunks are not whole".to_owned(),
        };
        if let Some(why) = &resolved.chunk_cause {
            cause.push_str("; ");
            cause.push_str(why);
        }
        if !lost.is_empty() {
            cause.push_str(&format!("; {} chunk(s) lost", lost.len()));
        }
        let state = match (unfinished, any, resolved.torn.is_some() || !lost.is_empty()) {
            (true, false, _) if lost.is_empty() => State::Leftover,
            (true, ..) | (false, _, false) => State::Unfinished,
            (false, _, true) => State::Torn,
        };
        let finding = Finding::new(name, state, cause).losing(!lost.is_empty() && !self.is_level());
        // Nobody reads a shard without an index, whoever changed it. All else is left as it is after a run that
        // finished.
        let is_unreadable = !unfinished && resolved.torn.is_some() && any;
        if !self.inspection.interrupted() && !is_unreadable {
            self.inspection.report.findings.push(finding);
            return Ok(());
        }
        let mut actions = Vec::new();
        let remedy = if any || (!unfinished && resolved.torn.is_none()) {
            if resolved.needs_index {
                let bytes = index_to_append(&resolved.entries, length)?;
                actions.push(Action::AppendIndex { path: path.clone(), length, bytes });
            }
            if unfinished {
                actions.push(Action::Name { from: path.clone(), to: object.path.clone() });
            }
            if resolved.needs_index {
                format!("an index of {counted} whole chunk(s) is appended (the first {length} bytes stay as they are)")
            } else {
                "it gets its name".to_owned()
            }
        } else {
            actions.push(Action::KeepAside { path: path.clone() });
            "it is kept under another name; readers see fill value".to_owned()
        };
        self.inspection.report.findings.push(finding.remedy(remedy, actions));
        Ok(())
    }

    fn chunk_file(&mut self, object: &Object) -> Result<()> {
        let name = self.name(object);
        let partial = partial_name(&object.path);
        let whole = object.whole.map(|length| self.is_chunk(&object.path, length)).transpose()?;
        if let Some(Ok(())) = whole {
            self.report.whole += 1;
            self.reach.see(&object.coordinates, None);
            if object.partial.is_some() {
                self.leftover(&name, "an unfinished copy of a chunk that is whole", &partial);
            }
            return Ok(());
        }
        // Only a check that looks into it can tell that an unfinished file is whole.
        let can_tell = self.format.fixed.is_some() || self.checker.is_some();
        let second = match object.partial {
            Some(length) if can_tell => self.is_chunk(&partial, length)?.is_ok(),
            _ => false,
        };
        if second && self.inspection.interrupted() {
            self.report.won_back += 1;
            self.reach.see(&object.coordinates, None);
            let finding = Finding::new(name, State::Unfinished, "written, but interrupted before it got its name")
                .remedy("it gets its name", vec![Action::Name { from: partial, to: object.path.clone() }]);
            self.inspection.report.findings.push(finding);
            return Ok(());
        }
        if object.partial.is_some() {
            self.leftover(&name, "interrupted while it was written", &partial);
        }
        if let Some(Err(why)) = whole {
            self.lose(std::slice::from_ref(&object.coordinates));
            let mut finding = Finding::new(name, State::Torn, why).losing(!self.is_level());
            if self.inspection.interrupted() {
                let action = Action::KeepAside { path: object.path.clone() };
                finding = finding.remedy("it is kept under another name; readers see fill value", vec![action]);
            }
            self.inspection.report.findings.push(finding);
        }
        Ok(())
    }

    /// Whether a file is a whole chunk.
    fn is_chunk(&self, path: &Path, length: u64) -> Result<Result<(), String>> {
        if let Some(bytes) = self.format.stored_bytes.filter(|bytes| length != *bytes) {
            return Ok(Err(format!("{length} bytes long, must have {bytes}")));
        }
        if self.format.fixed.is_some() {
            return Ok(Ok(()));
        }
        if length == 0 || length > stored_chunk_bytes(self.format.chunk_bytes) {
            return Ok(Err(format!("{length} bytes long, which no chunk here can be")));
        }
        let Some(checker) = self.checker else { return Ok(Ok(())) };
        let bytes = whole(self.inspection.source, path)?.read(0, length)?;
        Ok(checker.check(&bytes).map_err(|error| format!("it does not decode: {error}")))
    }

    /// Shards that the log tells of and that are gone.
    fn missing(&mut self, seen: &HashSet<String>) {
        let prefix = if self.path.is_empty() { String::new() } else { format!("{}/", self.path) };
        let mut gone: Vec<(String, Vec<Vec<u64>>)> = Vec::new();
        for (name, chunks) in &self.inspection.log.shards {
            let Some(key) = name.strip_prefix(&prefix).filter(|key| !seen.contains(*key)) else { continue };
            let Some(object) = self.format.zarr.keys().coordinates(key, self.format.shape.len()) else { continue };
            let mut places: Vec<usize> = chunks.keys().map(|place| *place as usize).collect();
            places.sort_unstable();
            places.retain(|place| *place < self.format.chunks_per_shard());
            gone.push((name.clone(), places.iter().map(|place| self.format.coordinates(&object, *place)).collect()));
        }
        gone.sort();
        for (name, chunks) in gone {
            self.lose(&chunks);
            let cause = format!("it is gone; the write log tells of {} chunk(s) in it", chunks.len());
            let finding = Finding::new(name, State::Incomplete, cause)
                .remedy("none is needed: readers see fill value", Vec::new())
                .losing(!self.is_level());
            self.inspection.report.findings.push(finding);
        }
    }

    /// Coordinates of the chunks that a shard has lost.
    fn lost_of(&self, object: &Object, resolved: &Resolved) -> Vec<Vec<u64>> {
        let at = |place: &usize| self.format.coordinates(&object.coordinates, *place);
        let inside = |chunk: &Vec<u64>| self.reach.reaches(chunk);
        let mut lost: Vec<_> = resolved.lost.iter().map(at).collect();
        lost.extend(resolved.unknown.iter().map(at).filter(inside));
        if lost.is_empty()
            && let Some(first) = resolved.unknown.first()
            && resolved.entries.iter().all(|entry| *entry == MISSING)
        {
            // A shard past the end of an array that was to grow: something was in it, nobody knows what.
            lost.push(at(first));
        }
        lost
    }

    /// Chunks are lost; those of a level below full resolution can be made anew.
    fn lose(&mut self, chunks: &[Vec<u64>]) {
        self.report.lost += chunks.len() as u64;
        if self.is_level() {
            return self.inspection.lose_of_level(self.path, chunks, self.format);
        }
        self.inspection.report.lost_chunks += chunks.len() as u64;
        let axes = self.format.index_axes();
        for chunk in chunks {
            if self.inspection.report.lost.len() >= super::report::MAX_LISTED {
                return;
            }
            let parts = || chunk.iter().zip(&self.format.chunk).take(axes);
            self.inspection.report.lost.push(LostChunk {
                array: self.path.to_owned(),
                first: parts().map(|(at, size)| at.saturating_mul(*size)).collect(),
                end: parts().map(|(at, size)| at.saturating_add(1).saturating_mul(*size)).collect(),
                chunk: chunk.clone(),
            });
        }
    }

    fn is_level(&self) -> bool {
        self.inspection.level_at(self.path).is_some()
    }

    fn leftover(&mut self, name: &str, cause: &str, path: &Path) {
        let file = format!("{name}{}", crate::platform::PARTIAL_SUFFIX);
        if !self.inspection.interrupted() {
            self.inspection.report.notes.push(format!("{file}: {cause}; it was left alone"));
            return;
        }
        let finding = Finding::new(file, State::Leftover, cause)
            .remedy("it is kept under another name", vec![Action::KeepAside { path: path.to_path_buf() }]);
        self.inspection.report.findings.push(finding);
    }
}
