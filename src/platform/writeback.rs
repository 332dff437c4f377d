//! What `syncfs` is worth here: whether its success means that every earlier write reached the medium.
//!
//! That depends on the kernel and on the file system, and neither says so in the call's answer.

use std::fs::File;
use std::io;
use std::path::Path;

use rustix::fs::{fstatfs, statfs};

/// Major and minor number of a Linux release.
pub(super) type Kernel = (u32, u32);

/// First release whose `syncfs` tells of data that could not be written ("vfs: track per-sb writeback errors"). Before
/// it the answer is 0 all the same.
const TELLS_OF_DATA: Kernel = (5, 8);

/// First release whose `syncfs` tells of an error of the file system itself, such as a journal that could not be
/// written. Before it the sync of a folder does.
pub(super) const TELLS_OF_JOURNAL: Kernel = (5, 17);

/// File systems whose `syncfs` is known to wait for the medium and to tell of what failed, by the number that `statfs`
/// gives: those that the kernel itself keeps on a local device.
///
/// Not among them, so that files are synced one by one: FUSE (`syncfs` does not reach the server), network file
/// systems, overlays (errors of the upper layer's data are not theirs), encrypting layers, and all that nobody looked
/// at.
const LOCAL: [u32; 11] = [
    0x0000_EF53, // ext2, ext3, ext4
    0x5846_5342, // XFS
    0x9123_683E, // Btrfs
    0xF2F5_2010, // F2FS
    0xCA45_1A4E, // bcachefs
    0x2FC1_2FC1, // ZFS
    TMPFS,
    RAMFS,
    0x2011_BAB0, // exFAT
    0x0000_4D44, // FAT
    0x7366_746E, // NTFS by the kernel's ntfs3
];

const TMPFS: u32 = 0x0102_1994;
const RAMFS: u32 = 0x8584_58F6;

/// The running kernel's release; `None` where it cannot be read.
pub(super) fn kernel() -> Option<Kernel> {
    parse(rustix::system::uname().release().to_str().ok()?)
}

/// `6.8.0-45-generic` -> (6, 8).
fn parse(release: &str) -> Option<Kernel> {
    let mut numbers = release.split(|each: char| !each.is_ascii_digit()).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// A file system, by the number that `statfs` gives. Such numbers have 32 bits; the field is wider, and signed, on some
/// machines.
#[derive(Debug, Clone, Copy)]
pub(super) struct FileSystem(u32);

impl FileSystem {
    /// The one that holds an open file or folder.
    pub(super) fn of(file: &File) -> io::Result<Self> {
        Ok(Self(fstatfs(file)?.f_type as u32))
    }

    /// The one that holds a folder.
    pub(super) fn at(folder: &Path) -> io::Result<Self> {
        // A relative path of one name lies in the current folder.
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        Ok(Self(statfs(folder)?.f_type as u32))
    }

    /// Whether one `syncfs` at the end of a run is enough for what lies here.
    pub(super) fn tells_all(self, kernel: Option<Kernel>) -> bool {
        kernel.is_some_and(|kernel| kernel >= TELLS_OF_DATA) && LOCAL.contains(&self.0)
    }

    /// Whether it has no medium.
    pub(super) fn is_memory(self) -> bool {
        matches!(self.0, TMPFS | RAMFS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_read_as_distributions_write_them() {
        for (release, kernel) in [
            ("6.8.0-45-generic", Some((6, 8))),
            ("5.4.0", Some((5, 4))),
            ("4.18.0-553.el8_10.x86_64", Some((4, 18))),
            ("5.15.153.1-microsoft-standard-WSL2", Some((5, 15))),
            ("6.12-rc3", Some((6, 12))),
            ("", None),
            ("six.one", None),
            ("7", None),
        ] {
            assert_eq!(parse(release), kernel, "{release}");
        }
        assert!(kernel().is_some());
    }

    #[test]
    fn unknown_kernels_and_file_systems_are_not_trusted() {
        let memory = FileSystem::at(Path::new("/dev/shm")).unwrap();
        assert!(memory.tells_all(Some((5, 8))) && memory.is_memory());
        for kernel in [None, Some((4, 19)), Some((5, 7))] {
            assert!(!memory.tells_all(kernel), "{kernel:?}");
        }
        let proc = FileSystem::of(&File::open("/proc").unwrap()).unwrap();
        assert!(!proc.tells_all(Some((6, 18))) && !proc.is_memory());
    }
}
