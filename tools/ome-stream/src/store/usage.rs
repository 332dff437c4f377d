//! What lies on disk below a folder: counted, never read, links never followed.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use ome_stream::platform::PARTIAL_SUFFIX;

use crate::report::text::clean;
use ome_stream::zarr::METADATA;

/// Deepest nesting that is walked; a chunk key has a folder for each axis.
const MAX_DEPTH: usize = 40;

/// Files below a folder.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// All files.
    pub files: u64,
    /// Bytes of all files.
    pub bytes: u64,
    /// Those whose names are chunk keys.
    pub objects: u64,
    /// Bytes of those.
    pub object_bytes: u64,
    /// Files that a writer has not yet made whole.
    partial: u64,
    links: u64,
    /// Folders that cannot be listed, or are too deep.
    unread: u64,
    /// Files that are nothing of Zarr's, and the first one's name.
    foreign: u64,
    first_foreign: Option<String>,
}

impl Usage {
    /// The files of an array.
    pub fn of_array(folder: &Path) -> Self {
        let mut usage = Self::default();
        usage.walk(folder, MAX_DEPTH, true, &HashSet::new());
        usage
    }

    /// All files but those below the folders in `without`, which were counted already.
    pub fn of_store(folder: &Path, without: &HashSet<PathBuf>) -> Self {
        let mut usage = Self::default();
        if !without.contains(folder) {
            usage.walk(folder, MAX_DEPTH, false, without);
        }
        usage
    }

    /// What is odd.
    pub fn notes(&self, notes: &mut Vec<String>) {
        let mut note = |count: u64, text: &str| {
            if count > 0 {
                notes.push(format!("{count} {text}"));
            }
        };
        note(self.partial, &format!("unfinished file(s) ({PARTIAL_SUFFIX}): a writer is at work, or was interrupted"));
        note(self.links, "link(s) not followed");
        note(self.unread, "folder(s) could not be listed");
        let first = self.first_foreign.as_deref().unwrap_or_default();
        note(self.foreign, &format!("file(s) that are no chunks, such as {first}"));
    }

    fn walk(&mut self, folder: &Path, depth: usize, array: bool, without: &HashSet<PathBuf>) {
        let (Ok(entries), true) = (fs::read_dir(folder), depth > 0) else {
            self.unread += 1;
            return;
        };
        for entry in entries.flatten() {
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() {
                let path = entry.path();
                if !without.contains(&path) {
                    self.walk(&path, depth - 1, array, without);
                }
            } else if kind.is_symlink() {
                self.links += 1;
            } else if let Ok(metadata) = entry.metadata() {
                self.count(&entry.file_name().to_string_lossy(), metadata.len(), array);
            }
        }
    }

    fn count(&mut self, name: &str, bytes: u64, array: bool) {
        self.files += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        if name.ends_with(PARTIAL_SUFFIX) {
            self.partial += 1;
        } else if array && is_key(name) {
            self.objects += 1;
            self.object_bytes = self.object_bytes.saturating_add(bytes);
        } else if array && name != METADATA {
            self.foreign += 1;
            self.first_foreign.get_or_insert_with(|| clean(name));
        }
    }
}

/// Whether a file's name can end a chunk key: `3` of `c/0/3`, `c.0.3`, `0.3`; `c` of an array without axes.
fn is_key(name: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|each| each.is_ascii_digit());
    name == "c" || name.strip_prefix("c.").unwrap_or(name).split('.').all(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunk_keys_are_numbers() {
        for name in ["0", "17", "c.0.3", "0.0.3", "c"] {
            assert!(is_key(name), "{name}");
        }
        for name in ["zarr.json", ".DS_Store", "0.part", "c.", "", "1.", "Thumbs.db", "c0"] {
            assert!(!is_key(name), "{name}");
        }
    }

    #[test]
    fn what_is_no_chunk_is_counted_apart() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let chunks = folder.path().join("c/0");
        fs::create_dir_all(&chunks).expect("made");
        for (name, length) in [("0", 10), ("1", 5), ("2.part", 7), ("Thumbs.db", 3)] {
            fs::write(chunks.join(name), vec![0; length]).expect("written");
        }
        fs::write(folder.path().join(METADATA), "{}").expect("written");
        let usage = Usage::of_array(folder.path());
        assert_eq!((usage.files, usage.bytes, usage.objects, usage.object_bytes), (5, 27, 2, 15));
        let mut notes = Vec::new();
        usage.notes(&mut notes);
        assert_eq!(notes.len(), 2, "{notes:?}");
        assert!(notes[0].contains("unfinished") && notes[1].contains("Thumbs.db"), "{notes:?}");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_in_a_circle_ends_nowhere() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::os::unix::fs::symlink(folder.path(), folder.path().join("0")).expect("linked");
        let usage = Usage::of_array(folder.path());
        assert_eq!((usage.files, usage.links), (0, 1));
    }
}
