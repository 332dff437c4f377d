//! Syncs, where what a system answers need not mean what it says.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::open_files::with_room;

/// What a person should know of a disk, each thing once: [`super::Disk::notes`].
#[derive(Debug, Default, Clone)]
pub(super) struct Notes(Arc<Mutex<Vec<String>>>);

/// What a success of a sync may hide.
#[derive(Clone, Copy)]
pub(super) enum Note {
    /// A folder cannot be synced: names of files may be lost with the power.
    Folder,
    /// A file that was to be synced at some time cannot be.
    File,
    /// There is no medium.
    #[cfg(all(target_os = "linux", not(feature = "portable")))]
    Memory,
}

impl Note {
    const fn text(self) -> &'static str {
        match self {
            Self::Folder => {
                "this file system cannot sync folders: after a loss of power the names of files may be missing, \
                 though their bytes were synced"
            }
            #[cfg(all(target_os = "linux", not(feature = "portable")))]
            Self::Memory => "this file system lies in memory: nothing of the store survives a loss of power",
            Self::File => "this file system cannot sync files: what survives a loss of power is up to its server",
        }
    }
}

impl Notes {
    pub(super) fn add(&self, what: Note, path: &Path, error: Option<&io::Error>) {
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !notes.iter().any(|note| note == what.text()) {
            tracing::warn!(path = %path.display(), error = error.map(tracing::field::display), "{}", what.text());
            notes.push(what.text().to_owned());
        }
    }

    pub(super) fn all(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts a folder's entries on the medium, where the platform and the file system know such a thing. Where they do
    /// not (FUSE, SMB and others answer EINVAL or the like) that is noted, not an error: the files themselves are
    /// written and synced.
    ///
    /// # Errors
    /// Every other answer of the operating system.
    pub(super) fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        if cfg!(windows) {
            return Ok(()); // NTFS journals names itself, and the standard library cannot open a folder there.
        }
        // A relative path of one name lies in the current folder.
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        match flush(&with_room(|| File::open(folder))?, File::sync_all) {
            Err(error) if is_unknown_call(&error) || is_bad_descriptor(&error) => {
                self.add(Note::Folder, folder, Some(&error));
                Ok(())
            }
            outcome => outcome,
        }
    }

    /// Puts a file's bytes on the medium; `promised` says that somebody was told they would be by now.
    ///
    /// # Errors
    /// The operating system's; where the file system does not know the call, only if that was promised.
    pub(super) fn sync_file(&self, file: &File, promised: bool) -> io::Result<()> {
        match flush(file, File::sync_data) {
            Err(error) if !promised && is_unknown_call(&error) => {
                self.add(Note::File, Path::new(""), Some(&error));
                Ok(())
            }
            outcome => outcome,
        }
    }

    /// Puts a file or folder on the medium that somebody else wrote; `promised` as for files.
    ///
    /// # Errors
    /// As for files and folders.
    pub(super) fn sync_path(&self, path: &Path, promised: bool) -> io::Result<()> {
        if path.is_dir() {
            return self.sync_folder(path);
        }
        // Windows syncs only what may be written.
        self.sync_file(&OpenOptions::new().write(true).open(path)?, promised)
    }
}

/// Runs a sync; on macOS, where it is F_FULLFSYNC, the plain one where the file system knows only that (SMB, exFAT).
fn flush(file: &File, sync: fn(&File) -> io::Result<()>) -> io::Result<()> {
    let outcome = sync(file);
    #[cfg(target_vendor = "apple")]
    if outcome.as_ref().is_err_and(is_unknown_call) {
        return Ok(rustix::fs::fsync(file)?);
    }
    outcome
}

/// Whether an error says that the system does not know such a call on such a file, rather than that it failed.
pub(super) fn is_unknown_call(error: &io::Error) -> bool {
    #[cfg(unix)]
    {
        use rustix::io::Errno;
        const ANSWERS: [Errno; 5] = [Errno::INVAL, Errno::NOSYS, Errno::OPNOTSUPP, Errno::NOTSUP, Errno::NOTTY];
        ANSWERS.iter().any(|answer| error.raw_os_error() == Some(answer.raw_os_error()))
    }
    #[cfg(not(unix))]
    matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::InvalidInput)
}

/// Of a folder that is open this means that only files open for writing can be synced.
fn is_bad_descriptor(error: &io::Error) -> bool {
    #[cfg(unix)]
    return error.raw_os_error() == Some(rustix::io::Errno::BADF.raw_os_error());
    #[cfg(not(unix))]
    return false;
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_cannot_be_synced_is_noted_once_and_is_no_error() {
        let notes = Notes::default();
        for _ in 0..2 {
            // Its file system answers EINVAL, as some of FUSE and SMB do.
            notes.sync_folder(Path::new("/proc")).unwrap();
        }
        assert_eq!(notes.all().len(), 1, "{:?}", notes.all());
        assert!(notes.all()[0].contains("cannot sync folders"));
        let missing = notes.sync_folder(Path::new("/proc/no-such-folder")).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_file_that_cannot_be_synced_is_an_error() {
        let notes = Notes::default();
        let device = File::open("/dev/null").unwrap();
        assert!(notes.sync_file(&device, true).is_err());
        assert!(notes.all().is_empty());
        notes.sync_file(&device, false).unwrap();
        assert!(notes.all()[0].contains("cannot sync files"));
    }
}
