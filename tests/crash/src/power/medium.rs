//! What of a sequence of file operations is on the medium, by the letter of POSIX.
//!
//! A file's bytes are there once it was synced; a name once the folder that holds it was. Nothing else is counted on:
//! neither that renaming writes out a file nor that a file's sync writes its name, as common file systems do.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ome_stream::platform::faulty::Operation;

use crate::random::Random;

/// Bytes that are on the medium together or not at all.
const PAGE: usize = 4096;

/// A file's content.
#[derive(Debug, Default, Clone)]
struct File {
    now: Vec<u8>,
    synced: Vec<u8>,
}

/// A change of a folder that is not synced yet.
#[derive(Debug, Clone)]
enum Change {
    Folder(PathBuf),
    File(PathBuf, usize),
    Rename(PathBuf, PathBuf, usize),
    Remove(PathBuf),
}

/// Names of files and folders.
#[derive(Debug, Default, Clone)]
struct Names {
    folders: BTreeSet<PathBuf>,
    files: BTreeMap<PathBuf, usize>,
}

impl Names {
    fn make(&mut self, change: &Change) {
        match change {
            Change::Folder(path) => {
                self.folders.insert(path.clone());
            }
            Change::File(path, file) => {
                self.files.insert(path.clone(), *file);
            }
            Change::Rename(from, to, file) => {
                self.files.remove(from);
                self.files.insert(to.clone(), *file);
            }
            Change::Remove(path) => {
                self.files.remove(path);
            }
        }
    }
}

/// A disk that remembers what was synced.
#[derive(Debug)]
pub struct Medium {
    base: PathBuf,
    files: Vec<File>,
    now: Names,
    synced: Names,
    /// Changes that are not synced, by folder, in order.
    changes: BTreeMap<PathBuf, Vec<Change>>,
    /// The file that was opened under a name, even where it has another one now.
    opened: HashMap<PathBuf, usize>,
}

impl Medium {
    /// An empty disk at `base`, which is on the medium.
    pub fn new(base: &Path) -> Self {
        let mut names = Names::default();
        names.folders.insert(base.to_path_buf());
        Self {
            base: base.to_path_buf(),
            files: Vec::new(),
            now: names.clone(),
            synced: names,
            changes: BTreeMap::new(),
            opened: HashMap::new(),
        }
    }

    /// Does what the operation did.
    pub fn apply(&mut self, operation: &Operation) {
        match operation {
            Operation::CreateDir(path, sync) => {
                if !self.base.starts_with(path) && !self.now.folders.contains(path) {
                    self.change(path, Change::Folder(path.clone()));
                }
                self.sync_names_if(*sync, path);
            }
            Operation::Create(path) => {
                let file = self.file(path);
                self.files[file].now.clear();
            }
            Operation::Open(path) => {
                self.file(path);
            }
            Operation::Write(path, offset, bytes) => {
                let (file, start) = (self.opened_as(path), *offset as usize);
                let now = &mut self.files[file].now;
                now.resize(now.len().max(start + bytes.len()), 0);
                now[start..start + bytes.len()].copy_from_slice(bytes);
            }
            Operation::Append(path, bytes, sync) => {
                let file = self.file(path);
                self.files[file].now.extend_from_slice(bytes);
                if *sync {
                    self.files[file].synced = self.files[file].now.clone();
                }
                self.sync_names_if(*sync, path);
            }
            Operation::Truncate(path, length) => {
                let file = self.opened_as(path);
                self.files[file].now.resize(*length as usize, 0);
            }
            Operation::Sync(path, true) => {
                let file = self.opened_as(path);
                self.files[file].synced = self.files[file].now.clone();
            }
            Operation::Sync(_, false) => {}
            Operation::Rename(from, to, sync) => {
                if let Some(file) = self.now.files.get(from).copied() {
                    self.change(to, Change::Rename(from.clone(), to.clone(), file));
                }
                self.sync_names_if(*sync, to);
            }
            // Only `convert` does it, with whole folders; what is replayed here are runs.
            Operation::Exchange(..) => {}
            Operation::Remove(path) => self.change(path, Change::Remove(path.clone())),
            Operation::SyncAll => {
                self.files.iter_mut().for_each(|file| file.synced = file.now.clone());
                self.synced = self.now.clone();
                self.changes.clear();
            }
        }
    }

    /// Writes to `folder` what is there after the power was lost: nothing unsynced, or what chance leaves of it.
    pub fn lose_power(&self, folder: &Path, mut chance: Option<&mut Random>) -> io::Result<()> {
        let mut names = self.synced.clone();
        if let Some(random) = &mut chance {
            self.changes.values().flatten().filter(|_| random.below(2) == 0).for_each(|change| names.make(change));
        }
        for path in &names.folders {
            if self.reachable(&names, path) {
                fs::create_dir_all(self.moved(path, folder))?;
            }
        }
        for (path, file) in &names.files {
            let Some(parent) = path.parent().filter(|parent| self.reachable(&names, parent)) else { continue };
            fs::create_dir_all(self.moved(parent, folder))?;
            let content = self.files[*file].after(chance.as_deref_mut());
            fs::write(self.moved(path, folder), content)?;
        }
        Ok(())
    }

    /// The file called `path`, made if need be.
    fn file(&mut self, path: &Path) -> usize {
        let file = match self.now.files.get(path) {
            Some(file) => *file,
            None => {
                self.files.push(File::default());
                let file = self.files.len() - 1;
                self.change(path, Change::File(path.to_path_buf(), file));
                file
            }
        };
        self.opened.insert(path.to_path_buf(), file);
        file
    }

    fn opened_as(&mut self, path: &Path) -> usize {
        match self.opened.get(path) {
            Some(file) => *file,
            None => self.file(path),
        }
    }

    fn change(&mut self, path: &Path, change: Change) {
        self.now.make(&change);
        self.changes.entry(path.parent().unwrap_or(path).to_path_buf()).or_default().push(change);
    }

    /// The folder that holds `path` was synced.
    fn sync_names_if(&mut self, sync: bool, path: &Path) {
        if sync && let Some(changes) = path.parent().and_then(|folder| self.changes.remove(folder)) {
            changes.iter().for_each(|change| self.synced.make(change));
        }
    }

    /// Whether every folder on the way from the base to `folder` is there.
    fn reachable(&self, names: &Names, folder: &Path) -> bool {
        folder.ancestors().take_while(|path| *path != self.base).all(|path| names.folders.contains(path))
            && folder.starts_with(&self.base)
    }

    fn moved(&self, path: &Path, folder: &Path) -> PathBuf {
        path.strip_prefix(&self.base).map_or_else(|_| folder.to_path_buf(), |below| folder.join(below))
    }
}

impl File {
    /// The content after a loss of power: each page as it was synced, or by chance as it was written.
    fn after(&self, chance: Option<&mut Random>) -> Vec<u8> {
        let Some(random) = chance else { return self.synced.clone() };
        if self.now == self.synced {
            return self.now.clone();
        }
        let mut length = self.synced.len();
        if random.below(2) == 0 {
            length = self.now.len();
        }
        let mut content = self.synced.clone();
        content.resize(length, 0);
        for (page, now) in content.chunks_mut(PAGE).zip(self.now.chunks(PAGE)) {
            if random.below(2) == 0 {
                let both = page.len().min(now.len());
                page[..both].copy_from_slice(&now[..both]);
            }
        }
        content
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(operations: &[Operation]) -> BTreeMap<String, Vec<u8>> {
        let base = Path::new("/base");
        let mut medium = Medium::new(base);
        operations.iter().for_each(|operation| medium.apply(operation));
        let folder = tempfile::tempdir().expect("a temporary folder");
        medium.lose_power(folder.path(), None).expect("written");
        let mut found = BTreeMap::new();
        let mut folders = vec![folder.path().to_path_buf()];
        while let Some(each) = folders.pop() {
            for entry in fs::read_dir(each).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let name = path.strip_prefix(folder.path()).expect("below").to_string_lossy().into_owned();
                    found.insert(name, fs::read(&path).expect("a file"));
                }
            }
        }
        found
    }

    fn path(name: &str) -> PathBuf {
        Path::new("/base").join(name)
    }

    fn put(sync: bool) -> Vec<Operation> {
        vec![
            Operation::Create(path("a.part")),
            Operation::Write(path("a.part"), 0, b"new".to_vec()),
            Operation::Sync(path("a.part"), sync),
            Operation::Rename(path("a.part"), path("a"), sync),
        ]
    }

    #[test]
    fn what_was_synced_with_its_name_is_there_and_nothing_else() {
        assert_eq!(after(&put(true)), BTreeMap::from([("a".to_owned(), b"new".to_vec())]));
        assert_eq!(after(&put(false)), BTreeMap::new());
        let unsynced_folder = [Operation::CreateDir(path("in"), false), Operation::Append(path("in/b"), vec![1], true)];
        assert_eq!(after(&unsynced_folder), BTreeMap::new(), "a file in a folder that is not there");
        let mut replaced = put(true);
        replaced.extend(put(false));
        assert_eq!(after(&replaced).len(), 1, "the old name is kept");
        replaced.push(Operation::Write(path("a.part"), 3, b"er".to_vec()));
        replaced.push(Operation::SyncAll);
        assert_eq!(
            after(&replaced),
            BTreeMap::from([("a".to_owned(), b"newer".to_vec())]),
            "written after its renaming"
        );
    }

    #[test]
    fn a_synced_file_under_an_unsynced_name_is_lost() {
        let mut operations = put(true);
        operations[3] = Operation::Rename(path("a.part"), path("a"), false);
        assert_eq!(after(&operations), BTreeMap::new());
    }
}
