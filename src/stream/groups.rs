//! The metadata documents of the groups: all of them when the store is made, the root's again for the host's metadata, at
//! the end those that have become others.

use std::fs::File;
use std::hash::{DefaultHasher, Hasher};
use std::io::{BufReader, ErrorKind};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use super::frame_metadata::{self, MetadataLines};
use super::resume::{self, Edited};
use crate::error::{Error, Result};
use crate::ngff::frame_metadata::{ATTRIBUTE, FrameLog};
use crate::ngff::{Attributes, Document, Layout, collection_v05, documents_v05};
use crate::plan::Plan;
use crate::platform::{Disk, Sync, create_dirs_below, write_new};
use crate::store::attributes;

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
    /// Makes the groups of a new store, folders and all.
    pub(super) fn create(plan: &Plan, disk: &dyn Disk, sync: Sync) -> Result<Self> {
        let groups = Self::default();
        let layout = plan.ngff(None);
        let mut state = groups.lock();
        let State { host, written, .. } = &mut *state;
        for document in documents_v05(&layout, host, |_| Ok(Attributes::new()))? {
            let document = document?;
            let path = plan.root().join(&document.path);
            // Only here: a folder that somebody removed later is not begun anew.
            if let Some(folder) = path.parent() {
                create_dirs_below(disk, plan.root(), folder, sync)
                    .map_err(|source| Error::io("create", folder, source))?;
            }
            write_new(disk, &path, &document.bytes, sync).map_err(|source| Error::io("write", &path, source))?;
            written.push(Some(checksum(&document.bytes)));
        }
        drop(state);
        Ok(groups)
    }

    /// The groups of a store that is continued, with the host's metadata that are in it.
    pub(super) fn existing(host: Attributes) -> Self {
        Self { state: Mutex::new(State { host, continued: true, ..State::default() }) }
    }

    /// Stores metadata of the host in the root's document.
    pub(super) fn set(&self, plan: &Plan, disk: &dyn Disk, sync: Sync, namespace: &str, value: Value) -> Result<()> {
        let mut state = self.lock();
        if state.ended {
            return Err(Error::Finished);
        }
        state.host.insert(namespace.to_owned(), value);
        let root = match plan.positions() {
            [only] if only.path.is_empty() => {
                let layout = plan.ngff(None);
                // The root is the last.
                let mut documents = documents_v05(&layout, &state.host, |_| Ok(Attributes::new()))?;
                documents.try_fold(None, |_, document| document.map(Some))?
            }
            // What it says of several images does not depend on them.
            _ => Some(collection_v05(&state.host)?),
        };
        let Some(root) = root else { return Ok(()) };
        // First: the root's document could be torn while it is replaced.
        attributes::write(plan.root(), disk, sync, &state.host)?;
        put(plan, disk, sync, &root, state.continued)?;
        if let Some(last) = state.written.last_mut() {
            *last = Some(checksum(&root.bytes));
        }
        Ok(())
    }

    /// Writes what has changed: the shapes of arrays that grew to `extents`, the mirrors of the frame metadata that are in
    /// `lines`, each read when its image's turn comes and gone before the next. `all` writes the unchanged ones too.
    pub(super) fn finish(
        &self,
        plan: &Plan,
        disk: &dyn Disk,
        sync: Sync,
        extents: &[Option<u64>],
        lines: &MetadataLines,
        all: bool,
    ) -> Result<()> {
        let mut state = self.lock();
        state.ended = true;
        let layout: Layout = plan.ngff(Some(extents));
        let State { host, written, continued, .. } = &mut *state;
        // Whether an earlier run wrote any is not known without a look.
        let look = *continued;
        let mirror = |position| match look || lines.has_begun(position) {
            true => mirror(plan, position),
            false => Ok(Attributes::new()),
        };
        for (nth, document) in documents_v05(&layout, host, mirror)?.enumerate() {
            let document = document?;
            if written.len() <= nth {
                written.resize(nth + 1, None);
            }
            let Some(known) = written.get_mut(nth) else { continue };
            let new = Some(checksum(&document.bytes));
            if all || *known != new {
                put(plan, disk, sync, &document, *continued)?;
                *known = new;
            }
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Frame metadata of a position as its group shows them.
fn mirror(plan: &Plan, position: usize) -> Result<Attributes> {
    let path = frame_metadata::path(plan, position);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Attributes::new()),
        Err(source) => return Err(Error::io("open", &path, source)),
    };
    let log = FrameLog::read(BufReader::new(file)).map_err(|source| Error::io("read", &path, source))?;
    Ok(log.into_attribute().map(|value| Attributes::from([(ATTRIBUTE.to_owned(), value)])).unwrap_or_default())
}

fn put(plan: &Plan, disk: &dyn Disk, sync: Sync, document: &Document, continued: bool) -> Result<()> {
    let path = plan.root().join(&document.path);
    let edited = if continued { resume::edited(&path, &document.bytes) } else { None };
    let bytes = match &edited {
        Some(Edited::Nothing) => return Ok(()),
        Some(Edited::To(text)) => text,
        None => &document.bytes,
    };
    disk.put(&path, bytes, sync).map_err(|source| Error::io("write", &path, source))
}

/// Tells documents apart within one run.
fn checksum(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    hasher.finish()
}
