//! What lies in a folder, in a few numbers: whether a store is still what was copied, and the copy what was made.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use crate::error::{Error, Result};
use crate::names::own;
use crate::platform::{EntryKind, Source};
use crate::reader::{self, limits};

/// Every file with its name, length and time of change but for those of the lock, which is of who looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Listing {
    pub(super) files: u64,
    pub(super) bytes: u64,
    /// A sum over all: files come in any order, and there may be millions.
    digest: u64,
}

impl Listing {
    pub(super) fn of(source: &dyn Source, root: &Path) -> Result<Self> {
        let mut found = Self::default();
        let mut waiting = vec![(root.to_path_buf(), limits::FOLDER_DEPTH)];
        while let Some((folder, depth)) = waiting.pop() {
            for entry in reader::list(source, &folder)? {
                let entry = entry?;
                let path = folder.join(&entry.name);
                if entry.kind == EntryKind::Folder {
                    waiting.push((path, super::copying::deeper(&folder, depth)?));
                    continue;
                }
                let below = path.strip_prefix(root).unwrap_or(&path);
                if [own::LOCK, own::TAKING, own::OWNER].iter().any(|name| below == Path::new(name)) {
                    continue;
                }
                let metadata = fs::symlink_metadata(&path).map_err(|error| Error::io("look at", &path, error))?;
                let mut hasher = DefaultHasher::new();
                (below, metadata.len(), metadata.modified().ok()).hash(&mut hasher);
                found.files += 1;
                found.bytes = found.bytes.saturating_add(metadata.len());
                found.digest = found.digest.wrapping_add(hasher.finish());
            }
        }
        Ok(found)
    }
}
