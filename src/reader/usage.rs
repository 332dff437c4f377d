//! What lies on disk below a folder: counted, never read, links never followed.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::file::{kind, list};
use super::limits::FOLDER_DEPTH;
use crate::error::Error;
use crate::platform::{EntryKind, Kind, PARTIAL_SUFFIX, Source};
use crate::shown;
use crate::zarr::ZarrFormat;

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
    /// Folders and files that cannot be looked at, or lie too deep, and why the first of them cannot.
    unread: u64,
    why: Option<String>,
    /// Files that are nothing of Zarr's, and the first one's name.
    foreign: u64,
    first_foreign: Option<String>,
}

impl Usage {
    /// The files of an array.
    #[must_use]
    pub fn of_array(source: &dyn Source, folder: &Path) -> Self {
        Self::below(source, folder, true, &HashSet::new())
    }

    /// All files but those below the folders in `without`, which were counted already.
    #[must_use]
    pub fn of_store(source: &dyn Source, folder: &Path, without: &HashSet<PathBuf>) -> Self {
        if without.contains(folder) { Self::default() } else { Self::below(source, folder, false, without) }
    }

    fn below(source: &dyn Source, folder: &Path, array: bool, without: &HashSet<PathBuf>) -> Self {
        let mut counting = Counting { source, array, without, usage: Self::default() };
        counting.folder(folder, FOLDER_DEPTH);
        counting.usage
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
        let why = self.why.as_deref().map_or_else(String::new, |why| format!(": {why}"));
        note(self.unread, &format!("folder(s) or file(s) could not be looked at{why}"));
        let first = self.first_foreign.as_deref().unwrap_or_default();
        note(self.foreign, &format!("file(s) that are no chunks, such as {first}"));
    }

    fn count(&mut self, name: &str, bytes: u64, array: bool) {
        self.files += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        if name.ends_with(PARTIAL_SUFFIX) {
            self.partial += 1;
        } else if array && is_key(name) {
            self.objects += 1;
            self.object_bytes = self.object_bytes.saturating_add(bytes);
        } else if array && !ZarrFormat::ALL.iter().any(|format| format.is_document(name)) {
            self.foreign += 1;
            self.first_foreign.get_or_insert_with(|| shown::value(name));
        }
    }
}

struct Counting<'a> {
    source: &'a dyn Source,
    array: bool,
    without: &'a HashSet<PathBuf>,
    usage: Usage,
}

impl Counting<'_> {
    fn folder(&mut self, folder: &Path, depth: usize) {
        let Some(depth) = depth.checked_sub(1) else {
            self.usage.unread += 1;
            return;
        };
        let source = self.source;
        let entries = match list(source, folder) {
            Ok(entries) => entries,
            Err(error) => return self.note(&error),
        };
        for entry in entries {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => return self.note(&error),
            };
            let path = folder.join(&entry.name);
            match entry.kind {
                EntryKind::Folder if self.without.contains(&path) => {}
                EntryKind::Folder => self.folder(&path, depth),
                EntryKind::Link => self.usage.links += 1,
                EntryKind::File | EntryKind::Other => match kind(source, &path) {
                    Ok(Kind::File(length)) => {
                        self.usage.count(&entry.name.to_string_lossy(), length, self.array);
                    }
                    Ok(_) => {}
                    Err(error) => self.note(&error),
                },
            }
        }
    }

    fn note(&mut self, error: &Error) {
        self.usage.unread += 1;
        self.usage.why.get_or_insert_with(|| error.to_string());
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
    use crate::platform::native_source;
    use std::fs;

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
        fs::write(folder.path().join("zarr.json"), "{}").expect("written");
        let usage = Usage::of_array(&*native_source(), folder.path());
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
        let usage = Usage::of_array(&*native_source(), folder.path());
        assert_eq!((usage.files, usage.links), (0, 1));
    }
}
