//! The metadata documents of the groups: all of them when the store is made, the root's again for the host's metadata,
//! at the end those that have become others.

use std::hash::{DefaultHasher, Hasher};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value};

use super::{Store, attributes, frame_metadata};
use crate::error::{Error, Result};
use crate::ngff::frame_metadata::{ATTRIBUTE, FrameLog};
use crate::ngff::{Attributes, Document, Hierarchy, Window, collection, documents, is_ngff};
use crate::plan::Plan;
use crate::platform::{Source, write_new};
use crate::reader::{self, limits};
use crate::settings::NgffVersion;
use crate::zarr::ZarrFormat;
use crate::zarr::json::{parse_object, with_member};

/// What is in the groups' documents.
#[derive(Debug, Default)]
pub(super) struct Groups {
    /// Locked while documents are written: only `set_metadata` and the very end of `finish` do that.
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The host's own metadata, by namespace.
    host: Attributes,
    /// Checksums of the documents as this run wrote them last, in their order; `None` for those that it did not write.
    written: Vec<Option<u64>>,
    /// True once the final ones are being written.
    ended: bool,
    /// True where the store was there before: others may have edited the documents, and what they wrote is kept.
    continued: bool,
}

impl Groups {
    /// Of a store that begins, or that is `continued` with the host's metadata that are in it.
    pub(super) fn new(host: Attributes, continued: bool) -> Self {
        Self { state: Mutex::new(State { host, continued, ..State::default() }) }
    }

    /// Whether an earlier run made the store.
    pub(super) fn are_continued(&self) -> bool {
        self.lock().continued
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store {
    /// Version of OME-NGFF of the documents.
    fn version(&self) -> NgffVersion {
        self.plan.settings().format.version
    }

    /// Makes the groups of a new store, folders and all.
    pub(super) fn make_groups(&self) -> Result<()> {
        let hierarchy = self.plan.ngff(None);
        let mut state = self.groups.lock();
        let State { host, written, .. } = &mut *state;
        for document in documents(self.version(), &hierarchy, host, |_| Ok(Attributes::new()))? {
            let document = document?;
            let path = self.plan.root().join(&document.path);
            // Only here: a folder that somebody removed later is not begun anew.
            self.make_folder_for(&path)?;
            write_new(&*self.disk, &path, &document.bytes, self.sync)
                .map_err(|source| Error::io("write", &path, source))?;
            written.push(Some(checksum(&document.bytes)));
        }
        Ok(())
    }

    /// Stores metadata of the host in the root's document.
    ///
    /// # Errors
    /// [`Error::Finished`]; [`Error::InvalidMetadata`] where they would be too many, and all is as it was;
    /// [`Error::Io`].
    pub(crate) fn set_metadata(&self, namespace: &str, value: Value) -> Result<()> {
        let mut state = self.groups.lock();
        if state.ended {
            return Err(Error::Finished);
        }
        let before = state.host.insert(namespace.to_owned(), value);
        let text = attributes::text(&state.host, namespace).inspect_err(|_| match before {
            Some(value) => _ = state.host.insert(namespace.to_owned(), value),
            None => _ = state.host.remove(namespace),
        })?;
        let root: Vec<Document> = match self.plan.positions() {
            [only] if only.path.is_empty() => {
                let hierarchy = self.plan.ngff(None);
                let documents = documents(self.version(), &hierarchy, &state.host, |_| Ok(Attributes::new()))?;
                documents.collect::<Result<_>>()?
            }
            _ => collection(self.version(), &self.plan.ngff_root(), &state.host)?,
        };
        let attributes = self.plan.zarr().attributes_file();
        let of_root = root.iter().rev().enumerate().find(|(_, document)| document.name() == attributes);
        let Some((behind, root)) = of_root else { return Ok(()) };
        // First: the root's document could be torn while it is replaced.
        attributes::write(self.plan.root(), &*self.disk, self.sync, &text)?;
        self.put_group(root, state.continued)?;
        // The root's are the last of all.
        if let Some(last) = state.written.iter_mut().rev().nth(behind) {
            *last = Some(checksum(&root.bytes));
        }
        Ok(())
    }

    /// Writes the documents of groups that have become others: the shapes of arrays that grew to `extents`, `windows`
    /// of the channels of each source that the host gave none, the mirrors of the frame metadata, each read when its
    /// image's turn comes and gone before the next. What an engine has put in the place of ours is not what was written
    /// last: then the unchanged ones too.
    ///
    /// # Errors
    /// The first [`Error::Io`]: it goes on after one, and asked again it writes what is not written yet.
    pub(crate) fn finish_groups(&self, extents: &[Option<u64>], windows: &[Vec<Option<Window>>]) -> Result<()> {
        let mut state = self.groups.lock();
        state.ended = true;
        if self.is_lost() {
            return Ok(());
        }
        let mut hierarchy: Hierarchy = self.plan.ngff(Some(extents));
        show(&mut hierarchy, &self.plan, windows);
        let State { host, written, continued, .. } = &mut *state;
        // Whether an earlier run wrote any is not known without a look.
        let look = *continued;
        let source = self.disk.source();
        let mirror = |position| match look || self.lines.has_begun(position) {
            true => mirror(&*source, &self.plan, position),
            false => Ok(Attributes::new()),
        };
        let mut outcome = Ok(());
        for (nth, document) in documents(self.version(), &hierarchy, host, mirror)?.enumerate() {
            let document = match document {
                Ok(document) => document,
                Err(error) => {
                    outcome = outcome.and(Err(error));
                    continue;
                }
            };
            if written.len() <= nth {
                written.resize(nth + 1, None);
            }
            let Some(known) = written.get_mut(nth) else { continue };
            let new = Some(checksum(&document.bytes));
            if self.own_documents || *known != new {
                match self.put_group(&document, *continued) {
                    Ok(()) => *known = new,
                    failed => outcome = outcome.and(failed),
                }
            }
        }
        outcome
    }

    /// The text of a document as others may have left it; `None` where there is no such file.
    pub(super) fn text(&self, path: &Path) -> Result<Option<Vec<u8>>> {
        Ok(reader::small(&*self.disk.source(), path, limits::DOCUMENT_BYTES)?.bytes())
    }

    fn put_group(&self, document: &Document, continued: bool) -> Result<()> {
        let path = self.plan.root().join(&document.path);
        let known = if continued { self.text(&path)? } else { None };
        let edited = known.and_then(|text| edited(self.plan.zarr(), text, document));
        let bytes = match &edited {
            Some(Edited::Nothing) => return Ok(()),
            Some(Edited::To(text)) => text,
            None => &document.bytes,
        };
        self.disk.put(&path, bytes, self.sync).map_err(|source| Error::io("write", &path, source))
    }
}

/// Frame metadata of a position as its group shows them.
fn mirror(source: &dyn Source, plan: &Plan, position: usize) -> Result<Attributes> {
    let log = reader::frame_log(source, &frame_metadata::path(plan, position))?;
    let value = log.and_then(FrameLog::into_attribute);
    Ok(value.map(|value| Attributes::from([(ATTRIBUTE.to_owned(), value)])).unwrap_or_default())
}

/// The text of a group's document as it is, with what this run has to say: others may have edited the rest. `None`
/// where it is no document any more, and all of it has to be written.
fn edited(zarr: ZarrFormat, mut text: Vec<u8>, new: &Document) -> Option<Edited> {
    let document = parse_object(&text).ok()?;
    if new.name() != zarr.attributes_file() {
        // What makes a group of a folder in Zarr v2 says nothing that could change.
        return (new.name() == zarr.group_file()).then_some(Edited::Nothing);
    }
    let attributes = |mut document: Map<String, Value>| {
        zarr.attributes_at().iter().try_for_each(|name| {
            let Some(Value::Object(inside)) = document.remove(*name) else { return None };
            document = inside;
            Some(())
        })?;
        Some(document)
    };
    let (there, new) = (attributes(document)?, attributes(parse_object(&new.bytes).ok()?)?);
    let mut changed = false;
    if let Some((path, omero)) = with_windows(zarr, &there, &new) {
        text = with_member(&text, &path, &omero)?;
        changed = true;
    }
    for (name, value) in new {
        let ours = is_ngff(&name) || name == "ome_stream";
        if there.get(&name).is_none_or(|known| !ours && *known != value) {
            text = with_member(&text, &zarr.attribute_at(&name), &value)?;
            changed = true;
        }
    }
    Some(if changed { Edited::To(text) } else { Edited::Nothing })
}

/// Gives channels the windows of their source, where they have none.
fn show(hierarchy: &mut Hierarchy, plan: &Plan, windows: &[Vec<Option<Window>>]) {
    for (image, place) in hierarchy.images_mut().zip(plan.positions()) {
        let windows = windows.get(place.source.index()).into_iter().flatten();
        image
            .channels
            .iter_mut()
            .zip(windows)
            .for_each(|(channel, window)| channel.window = channel.window.or(*window));
    }
}

/// `omero` as it stands among attributes, and where in the document, with the windows that the run has found for
/// channels that have none which anybody chose: what is shown is all that there can be. `None` where there is no such
/// channel.
fn with_windows(
    zarr: ZarrFormat,
    there: &Map<String, Value>,
    new: &Map<String, Value>,
) -> Option<(Vec<&'static str>, Value)> {
    // OME-NGFF 0.5 and later have it below `ome`, 0.4 beside the others.
    let (path, there, new) = match there.get("ome").and_then(Value::as_object) {
        Some(ome) => ([&zarr.attribute_at("ome")[..], &["omero"]].concat(), ome, new.get("ome")?.as_object()?),
        None => (zarr.attribute_at("omero"), there, new),
    };
    let mut omero = there.get("omero")?.clone();
    let found = new.get("omero")?.get("channels")?.as_array()?;
    let mut changed = false;
    for (channel, found) in omero.get_mut("channels")?.as_array_mut()?.iter_mut().zip(found) {
        let (Some(window), Some(found)) = (channel.get_mut("window"), found.get("window")) else { continue };
        let all = window.get("start") == window.get("min") && window.get("end") == window.get("max");
        if all && window != found {
            *window = found.clone();
            changed = true;
        }
    }
    changed.then_some((path, omero))
}

/// What becomes of a document.
enum Edited {
    /// It says all that it has to say.
    Nothing,
    /// Its new text.
    To(Vec<u8>),
}

/// Tells documents apart within one run.
fn checksum(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    hasher.finish()
}
