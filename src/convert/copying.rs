//! A copy of a store with other documents, and its chunk files under the names that another version of Zarr has.
//!
//! Of a file at most a piece is in memory, and the index of one shard. What is written is bounded by what is read: no
//! part of a shard is taken for several chunks.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::array::Objects;
use super::made::Made;
use crate::error::{Error, Result};
use crate::names::own;
use crate::platform::{Disk, Entry, EntryKind, Kind, PARTIAL_SUFFIX, Source, SyncPolicy, create_dirs_below};
use crate::reader::{self, Stored, limits};
use crate::zarr::index::{Entry as Place, MISSING};
use crate::zarr::{ArrayFormat, Keys, Sharding, ZarrFormat, checksum};

/// Bytes of a file that are read and written together.
const PIECE_BYTES: u64 = 1 << 20;

/// A copy that is made of a store.
pub(super) struct Copying<'a> {
    pub(super) source: &'a dyn Source,
    pub(super) disk: &'a dyn Disk,
    /// The store.
    pub(super) root: &'a Path,
    /// Where the copy is made.
    pub(super) new: &'a Path,
    pub(super) made: &'a Made,
    /// The version of Zarr that the copy is of.
    pub(super) to: ZarrFormat,
    /// Whether the store goes when the copy is whole: then both may share files meanwhile.
    pub(super) links: bool,
    /// Is told the bytes that are done.
    pub(super) tell: &'a mut dyn FnMut(u64),
    pub(super) done: Done,
}

/// What was done so far.
#[derive(Debug, Default)]
pub(super) struct Done {
    /// Files that were made, and their bytes.
    pub(super) files: u64,
    pub(super) bytes: u64,
    /// Chunk files under other names, or made of shards.
    pub(super) objects: u64,
    /// The folder that was made last.
    folder: PathBuf,
    /// A piece of a file.
    piece: Vec<u8>,
}

/// Files that are not taken along as they are.
struct Special {
    dropped: HashSet<PathBuf>,
    /// Folders of the nodes, which get other documents.
    nodes: HashSet<PathBuf>,
}

impl Copying<'_> {
    /// Makes the copy in an empty folder. What was made stays where it fails.
    pub(super) fn run(&mut self) -> Result<()> {
        let nodes = self.made.documents.iter().filter_map(|(path, _)| path.parent()).map(Path::to_path_buf).collect();
        let special = Special { dropped: self.made.dropped.iter().cloned().collect(), nodes };
        self.name_run()?;
        self.folder(self.root, &special, limits::FOLDER_DEPTH)?;
        for (path, bytes) in &self.made.documents {
            let new = self.place_of(path);
            self.disk.put(&new, bytes, SyncPolicy::Later).map_err(|error| Error::io("write", new, error))?;
            self.done.count(bytes.len() as u64);
        }
        Ok(())
    }

    /// The mark comes first, so that whoever finds the copy can tell whose it is.
    fn name_run(&mut self) -> Result<()> {
        let mark = self.root.join(own::MARK);
        if let Some(bytes) = reader::small(self.source, &mark, limits::MARK_BYTES)?.bytes() {
            let new = self.place_of(&mark);
            self.make_folder_for(&new)?;
            self.disk.put(&new, &bytes, SyncPolicy::Later).map_err(|error| Error::io("write", new, error))?;
        }
        Ok(())
    }

    /// Where a file of the store lies in the copy.
    fn place_of(&self, path: &Path) -> PathBuf {
        path.strip_prefix(self.root).map_or_else(|_| self.new.to_path_buf(), |below| self.new.join(below))
    }

    /// A folder that is none of an array's chunks.
    fn folder(&mut self, from: &Path, special: &Special, depth: usize) -> Result<()> {
        let depth = deeper(from, depth)?;
        self.make_folder(&self.place_of(from))?;
        // Who is at work on a store is at work on that one only.
        let kept_back = [own::LOCK, own::TAKING, own::OWNER].map(|name| Path::new(name).file_name());
        let is_ours = from.ends_with(own::RUN_FOLDER);
        let made = self.made;
        if let Some(objects) = made.arrays.get(from) {
            return self.array(from, "", objects, special, depth);
        }
        for entry in reader::list(self.source, from)? {
            let entry = entry?;
            if is_ours && kept_back.contains(&Some(entry.name.as_os_str())) {
                continue;
            }
            let old = from.join(&entry.name);
            match entry.kind {
                EntryKind::Folder => self.folder(&old, special, depth)?,
                _ => self.other(&entry, &old, special)?,
            }
        }
        Ok(())
    }

    /// A file that is no chunk.
    fn other(&mut self, entry: &Entry, old: &Path, special: &Special) -> Result<()> {
        let problem = match entry.kind {
            EntryKind::File if special.dropped.contains(old) => return Ok(()),
            // Also of a name that nothing is written to: it would be read with the others.
            EntryKind::File
                if self.made.anew
                    && entry.name.to_str().is_some_and(|name| self.to.is_document(name))
                    && old.parent().is_some_and(|node| special.nodes.contains(node)) =>
            {
                "a document of the other version of Zarr lies beside those of the store; remove those that are not true"
            }
            EntryKind::File => return self.file(old, &self.place_of(old)),
            _ => "neither a file nor a folder; it is not copied",
        };
        Err(damaged(old, problem.to_owned()))
    }

    /// A folder of an array: `below` is its path in the array, with a `/` behind it.
    fn array(&mut self, from: &Path, below: &str, objects: &Objects, special: &Special, depth: usize) -> Result<()> {
        let depth = deeper(from, depth)?;
        for entry in reader::list(self.source, from)? {
            let entry = entry?;
            let old = from.join(&entry.name);
            let name = entry.name.to_string_lossy();
            let key = format!("{below}{name}");
            let is_file = entry.kind == EntryKind::File;
            let array = || old.ancestors().nth(key.split('/').count()).unwrap_or(from).to_path_buf();
            match objects.from.coordinates(&key, objects.axes).filter(|_| is_file) {
                Some(coordinates) => self.object(&array(), &old, &coordinates, objects)?,
                None if entry.kind == EntryKind::Folder => {
                    self.array(&old, &format!("{key}/"), objects, special, depth)?
                }
                None if is_file && is_key(&objects.from, key.strip_suffix(PARTIAL_SUFFIX), objects.axes) => {
                    let problem = "it is not whole: a writer is at work, or was interrupted".to_owned();
                    return Err(damaged(&old, problem));
                }
                None if is_file && is_key(&objects.to, Some(&key), objects.axes) => {
                    let problem = "no chunk of the array, and it has the name of one in the other version of Zarr";
                    return Err(damaged(&old, problem.to_owned()));
                }
                None if is_file && is_split_otherwise(&key, objects.axes) => {
                    let problem = "it has the name of a chunk with the other separator (\"dimension_separator\"), with \
                                   which no reader finds it; remove it, or mend the document of the array";
                    return Err(damaged(&old, problem.to_owned()));
                }
                None => {
                    if !special.dropped.contains(&old) {
                        self.make_folder_for(&self.place_of(&old))?;
                    }
                    self.other(&entry, &old, special)?;
                }
            }
        }
        Ok(())
    }

    /// A chunk file, or a shard file with its chunks.
    fn object(&mut self, array: &Path, old: &Path, coordinates: &[u64], objects: &Objects) -> Result<()> {
        let array = self.place_of(array);
        let name = |coordinates: &[u64]| array.join(objects.to.key(coordinates).unwrap_or_default());
        if let Some((format, sharding)) = &objects.shards {
            return self.shard(old, coordinates, objects, (format, sharding), &name);
        }
        let new = name(coordinates);
        self.make_folder_for(&new)?;
        self.done.objects += 1;
        if !objects.checksum {
            return self.file(old, &new);
        }
        let file = reader::whole(self.source, old)?;
        let length = file.length();
        self.chunk(old, &file, (0, length), &new, true)
    }

    fn shard(
        &mut self,
        old: &Path,
        coordinates: &[u64],
        objects: &Objects,
        (format, sharding): (&ArrayFormat, &Sharding),
        name: &dyn Fn(&[u64]) -> PathBuf,
    ) -> Result<()> {
        let file = reader::whole(self.source, old)?;
        let found = reader::index_of_shard(&file, format.chunks_per_shard(), sharding)?;
        let (entries, room) = found.map_err(|why| damaged(old, why))?;
        let lengths = entries.iter().filter(|entry| **entry != MISSING).map(|(_, length)| *length);
        if lengths.fold(0, u64::saturating_add) > room.end - room.start {
            return Err(damaged(old, "its index tells of more bytes than it has: chunks share some".into()));
        }
        for (place, entry) in entries.into_iter().enumerate().filter(|(_, entry)| *entry != MISSING) {
            let at = format.coordinates(coordinates, place);
            if !format.outside(&at).is_empty() {
                // Of the part of a shard that lies past the array's end.
                continue;
            }
            let (offset, length) = entry;
            if offset < room.start || offset.checked_add(length).is_none_or(|end| end > room.end) {
                return Err(damaged(old, format!("chunk {at:?} lies outside of the file")));
            }
            let new = name(&at);
            self.make_folder_for(&new)?;
            self.done.objects += 1;
            self.chunk(old, &file, entry, &new, objects.checksum)?;
        }
        Ok(())
    }

    /// Bytes of a file, without the checksum behind them where there is one, which has to be right.
    fn chunk(
        &mut self,
        old: &Path,
        file: &Stored,
        (offset, length): Place,
        new: &Path,
        has_checksum: bool,
    ) -> Result<()> {
        let behind = if has_checksum { checksum::BYTES as u64 } else { 0 };
        let Some(length) = length.checked_sub(behind) else {
            return Err(damaged(old, format!("the chunk at byte {offset} is too short for its checksum")));
        };
        let fail = |error| Error::io("write", new, error);
        let written = self.disk.create(new, length).map_err(fail)?;
        let mut sum = checksum::Running::default();
        let mut at = 0;
        while at < length {
            let piece = (length - at).min(PIECE_BYTES);
            let bytes = self.done.piece(piece)?;
            file.fill(offset + at, bytes)?;
            if has_checksum {
                sum.take(bytes);
            }
            written.write_at(at, bytes).map_err(fail)?;
            at += piece;
        }
        if has_checksum && file.read(offset + length, behind)? != sum.stored() {
            return Err(damaged(old, format!("the checksum of the chunk at byte {offset} is wrong")));
        }
        written.sync(SyncPolicy::Later).map_err(fail)?;
        self.count(length);
        Ok(())
    }

    /// A file as it is.
    fn file(&mut self, old: &Path, new: &Path) -> Result<()> {
        if !(self.links && fs::hard_link(old, new).is_ok()) {
            fs::copy(old, new).map_err(|error| Error::io("copy", old, error))?;
        }
        self.disk.adopt(new, SyncPolicy::Later).map_err(|error| Error::io("copy", old, error))?;
        if let Kind::File(length) = reader::kind(self.source, new)? {
            self.count(length);
        }
        Ok(())
    }

    fn count(&mut self, bytes: u64) {
        self.done.count(bytes);
        (self.tell)(self.done.bytes);
    }

    fn make_folder_for(&mut self, file: &Path) -> Result<()> {
        file.parent().map_or(Ok(()), |folder| self.make_folder(folder))
    }

    fn make_folder(&mut self, folder: &Path) -> Result<()> {
        if folder != self.done.folder {
            let made = create_dirs_below(self.disk, self.new, folder, SyncPolicy::Later);
            made.map_err(|error| Error::io("create", folder, error))?;
            self.done.folder = folder.to_path_buf();
        }
        Ok(())
    }
}

impl Done {
    fn count(&mut self, bytes: u64) {
        self.files += 1;
        self.bytes = self.bytes.saturating_add(bytes);
    }

    fn piece(&mut self, length: u64) -> Result<&mut [u8]> {
        let none = || Error::OutOfMemory { bytes: length, purpose: "a part of a file" };
        let length = usize::try_from(length).map_err(|_| none())?;
        if self.piece.len() < length {
            self.piece.try_reserve_exact(length - self.piece.len()).map_err(|_| none())?;
            self.piece.resize(length, 0);
        }
        self.piece.get_mut(..length).ok_or_else(none)
    }
}

fn damaged(path: &Path, problem: String) -> Error {
    Error::Damaged { path: path.to_path_buf(), problem }
}

/// Whether a name is that of a chunk file.
fn is_key(keys: &Keys, name: Option<&str>, axes: usize) -> bool {
    name.is_some_and(|name| keys.coordinates(name, axes).is_some())
}

/// Whether a name is that of a chunk file but for what stands between its numbers.
fn is_split_otherwise(key: &str, axes: usize) -> bool {
    let numbers = key.strip_prefix(['c']).and_then(|rest| rest.strip_prefix(['/', '.'])).unwrap_or(key);
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    numbers.split(['/', '.']).count() == axes && numbers.split(['/', '.']).all(is_number)
}

pub(super) fn deeper(folder: &Path, depth: usize) -> Result<usize> {
    let too_deep = || damaged(folder, "folders lie deeper than in any store".into());
    depth.checked_sub(1).ok_or_else(too_deep)
}
