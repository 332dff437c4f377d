//! Whether the name that a file was given still leads to it.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::OnceLock;

/// Watches the name of one open file.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// Whether open file and name agreed in device and inode when they were first compared; where they did not, their
    /// numbers mean nothing on this file system.
    comparable: OnceLock<bool>,
}

/// What identifies a file, as a file system tells it.
#[derive(Debug, Clone, Copy)]
struct Identity {
    links: u64,
    /// Device and inode.
    number: (u64, u64),
}

impl Watch {
    /// False where the open file has no name any more and `path` leads to nothing or to another file.
    ///
    /// A link count of 0 alone says nothing: some FUSE and NFS servers give it for every file.
    ///
    /// # Errors
    /// The operating system's, for a name that cannot be looked up.
    pub(super) fn leads_to(&self, path: &Path, open: &File) -> io::Result<bool> {
        let open = identity(&open.metadata()?);
        if open.is_some_and(|open| open.links > 0) {
            return Ok(true);
        }
        match fs::symlink_metadata(path) {
            Ok(found) => Ok(match (open, identity(&found)) {
                (Some(open), Some(found)) => self.is_same(open, found),
                _ => true,
            }),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether a file without links is the one that its name leads to.
    fn is_same(&self, open: Identity, found: Identity) -> bool {
        let same = open.number == found.number;
        // A file system that counts links counts at least this name: then the other file took its place.
        if found.links > 0 {
            return same;
        }
        let comparable = *self.comparable.get_or_init(|| same);
        same || !comparable
    }
}

#[cfg(unix)]
fn identity(file: &fs::Metadata) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt;
    Some(Identity { links: file.nlink(), number: (file.dev(), file.ino()) })
}

/// Neither is told by the standard library elsewhere.
#[cfg(not(unix))]
fn identity(_file: &fs::Metadata) -> Option<Identity> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    const fn file(links: u64, inode: u64) -> Identity {
        Identity { links, number: (1, inode) }
    }

    #[test]
    fn a_removed_file_and_one_that_was_replaced_have_no_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let open = File::create(&path).unwrap();
        let watch = Watch::default();
        assert!(watch.leads_to(&path, &open).unwrap());
        fs::remove_file(&path).unwrap();
        assert!(!watch.leads_to(&path, &open).unwrap());
        fs::write(&path, "of somebody else").unwrap();
        assert!(!watch.leads_to(&path, &open).unwrap());
        fs::remove_dir_all(folder.path()).unwrap();
        assert!(!watch.leads_to(&path, &open).unwrap());
    }

    #[test]
    fn a_file_system_that_counts_no_links_has_not_removed_its_files() {
        assert!(Watch::default().is_same(file(0, 7), file(0, 7)));
        let changing = Watch::default();
        assert!(changing.is_same(file(0, 7), file(0, 8)), "inode numbers that never agreed");
        assert!(changing.is_same(file(0, 7), file(0, 9)));
    }

    #[test]
    fn without_link_counts_another_file_is_told_by_its_number() {
        let watch = Watch::default();
        assert!(watch.is_same(file(0, 7), file(0, 7)));
        assert!(!watch.is_same(file(0, 7), file(0, 8)));
        assert!(!Watch::default().is_same(file(0, 7), file(1, 8)), "where links are counted, at once");
    }
}
