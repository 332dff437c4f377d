//! The metadata documents of the groups: all of them when the store is made, the root's again for the host's metadata,
//! at the end those that have become others.

use std::cell::RefCell;
use std::hash::{DefaultHasher, Hasher};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value};

use super::{Learned, Store, attributes, frame_metadata, learned};
use crate::error::{Error, Result};
use crate::ngff::frame_metadata::{ATTRIBUTE, FrameLog};
use crate::ngff::{
    Attributes, Document, Hierarchy, Planes, collection, documents, documents_with_planes, found, is_ngff,
};
use crate::plan::Plan;
use crate::platform::write_new;
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
        let text = attributes::text(&state.host, namespace, before.as_ref()).inspect_err(|_| match before {
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

    /// Writes the documents of groups that have become others: the shapes of arrays that grew to `extents`, what was
    /// `learned` of each source and the host did not say, the mirrors of the frame metadata, each read when its image's
    /// turn comes and gone before the next, and the planes that follow from them. What an engine has put in the place
    /// of ours is not what was written last: then the unchanged ones too.
    ///
    /// # Errors
    /// The first [`Error::Io`]: it goes on after one, and asked again it writes what is not written yet.
    pub(crate) fn finish_groups(&self, extents: &[Option<u64>], learned: &Learned) -> Result<()> {
        let mut state = self.groups.lock();
        state.ended = true;
        if self.is_lost() {
            return Ok(());
        }
        let mut hierarchy: Hierarchy = self.plan.ngff(Some(extents));
        let State { host, written, continued, .. } = &mut *state;
        let mut outcome = learned.show(&mut hierarchy, &self.plan, |image| match *continued {
            true => self.time_of(image),
            false => Ok(None),
        });
        // Whether an earlier run wrote any is not known without a look.
        let look = *continued;
        let source = self.disk.source();
        let planes = RefCell::new(Planes::default());
        let mirror = |position: usize| -> Result<Attributes> {
            if !look && !self.lines.has_begun(position) {
                return Ok(Attributes::new());
            }
            let log = reader::frame_log(&*source, &frame_metadata::path(&self.plan, position))?;
            if let Hierarchy::Series(images) = &hierarchy
                && let (Some((_, image)), Some(frames)) =
                    (images.get(position), log.as_ref().and_then(FrameLog::frames))
            {
                planes.borrow_mut().take(position, image, frames);
            }
            let value = log.and_then(FrameLog::into_attribute);
            Ok(value.map(|value| Attributes::from([(ATTRIBUTE.to_owned(), value)])).unwrap_or_default())
        };
        let made = documents_with_planes(self.version(), &hierarchy, host, mirror, || planes.take())?;
        for (nth, document) in made.enumerate() {
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

    /// The time axis of an image as its document has it, where anything is known of it.
    fn time_of(&self, image: usize) -> Result<Option<found::Time>> {
        let zarr = self.plan.zarr();
        let Some(text) = self.text(&self.plan.group_path(image).join(zarr.attributes_file()))? else { return Ok(None) };
        let there = parse_object(&text).ok().and_then(|document| attributes_of(zarr, document));
        let time = there.and_then(|there| found::time(learned::of_ngff(&there).get("multiscales")?.get(0)?));
        Ok(time.filter(|time| !time.is_unknown(&learned::open_units(&self.plan))))
    }

    /// The text of a document as others may have left it; `None` where there is no such file.
    pub(super) fn text(&self, path: &Path) -> Result<Option<Vec<u8>>> {
        Ok(reader::small(&*self.disk.source(), path, limits::DOCUMENT_BYTES)?.bytes())
    }

    fn put_group(&self, document: &Document, continued: bool) -> Result<()> {
        let path = self.plan.root().join(&document.path);
        let known = if continued { self.text(&path)? } else { None };
        let edited = known.and_then(|text| edited(&self.plan, text, document));
        let bytes = match &edited {
            Some(Edited::Nothing) => return Ok(()),
            Some(Edited::To(text)) => text,
            None => &document.bytes,
        };
        self.disk.put(&path, bytes, self.sync).map_err(|source| Error::io("write", &path, source))
    }
}

/// The attributes in a group's document.
fn attributes_of(zarr: ZarrFormat, mut document: Map<String, Value>) -> Option<Map<String, Value>> {
    zarr.attributes_at().iter().try_for_each(|name| {
        let Some(Value::Object(inside)) = document.remove(*name) else { return None };
        document = inside;
        Some(())
    })?;
    Some(document)
}

/// The text of a group's document as it is, with what this run has to say: others may have edited the rest. `None`
/// where it is no document any more, and all of it has to be written.
fn edited(plan: &Plan, mut text: Vec<u8>, new: &Document) -> Option<Edited> {
    let zarr = plan.zarr();
    let document = parse_object(&text).ok()?;
    if new.name() != zarr.attributes_file() {
        // What makes a group of a folder in Zarr v2 says nothing that could change.
        return (new.name() == zarr.group_file()).then_some(Edited::Nothing);
    }
    let (there, new) = (attributes_of(zarr, document)?, attributes_of(zarr, parse_object(&new.bytes).ok()?)?);
    let mut changed = false;
    for (path, value) in learned::missing(plan, &there, &new) {
        text = with_member(&text, &path, &value)?;
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
