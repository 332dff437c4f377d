//! The file system that is measured: room on it, and pushing it to the medium outside the clock.

use std::fs::File;
use std::io;
use std::path::Path;

/// Bytes that this user can still write where `folder` is; `None` where the system does not tell.
pub fn free(folder: &Path) -> Option<u64> {
    #[cfg(unix)]
    {
        let told = rustix::fs::statvfs(folder).ok()?;
        Some(told.f_bavail.saturating_mul(told.f_frsize))
    }
    #[cfg(not(unix))]
    {
        let _ = folder;
        None
    }
}

/// Bytes that all files below `folder` take on disk; `None` where the system does not tell.
pub fn used(folder: &Path) -> Option<u64> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let mut sum = 0;
        for entry in std::fs::read_dir(folder).ok()? {
            let entry = entry.ok()?;
            let meta = entry.metadata().ok()?;
            sum += if meta.is_dir() { used(&entry.path())? } else { meta.blocks() * 512 };
        }
        Some(sum)
    }
    #[cfg(not(unix))]
    {
        let _ = folder;
        None
    }
}

/// Returns when everything on the file system of `folder` is on the medium.
pub fn settle(folder: &Path) -> io::Result<()> {
    let folder = File::open(folder)?;
    #[cfg(target_os = "linux")]
    return Ok(rustix::fs::syncfs(&folder)?);
    #[cfg(all(unix, not(target_os = "linux")))]
    {
        rustix::fs::sync();
        drop(folder);
        return Ok(());
    }
    #[cfg(not(unix))]
    {
        let _ = folder;
        Ok(())
    }
}

/// Asks the file system (ext4: `chattr +T`) to give each folder in this one a place of its own on the disk, so that
/// runs do not share the structures that hold their names. Where there is no such thing, nothing happens.
pub fn spread_folders(folder: &Path) {
    #[cfg(target_os = "linux")]
    if let Ok(opened) = File::open(folder)
        && let Ok(flags) = rustix::fs::ioctl_getflags(&opened)
    {
        // A hint: what the file system makes of it is its own business.
        let _ = rustix::fs::ioctl_setflags(&opened, flags | rustix::fs::IFlags::TOPDIR);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = folder;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_there_has_room_and_settles() {
        let folder = tempfile::tempdir().unwrap();
        spread_folders(folder.path());
        assert!(settle(folder.path()).is_ok());
        if cfg!(unix) {
            assert!(free(folder.path()).is_some_and(|bytes| bytes > 0));
        }
        assert!(settle(&folder.path().join("absent")).is_err());
    }
}
