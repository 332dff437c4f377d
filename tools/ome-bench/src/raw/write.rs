//! Writes files in one way, timed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result, bail};
use ome_stream::buffer::ALIGNMENT;
use ome_stream::settings::Durability;

use super::files::FileSpec;
use super::ways::{Mode, Reserve, Way};
use crate::measure::race;

/// Small files are taken many at a time: a thread then works in folders of its own.
const TAKE_BYTES: u64 = 2 << 20;

/// An end of a file that is not worth a write of its own.
const SHORT_END: u64 = 64 << 10;

/// One write.
struct Piece {
    file: usize,
    offset: u64,
    len: u64,
    /// Where in the payload of all files it begins.
    payload: u64,
}

/// A file on its way.
struct Target<'a> {
    spec: &'a FileSpec,
    opened: OnceLock<io::Result<File>>,
    left: AtomicU64,
}

/// Writes `files` below `folder` with payload from `slab`, in turn; returns the seconds until they are as durable as
/// asked. Folders are made in that time too.
pub fn all(files: &[FileSpec], folder: &Path, slab: &[u8], way: Way, durability: Durability) -> Result<f64> {
    let room = (slab.len() / ALIGNMENT * ALIGNMENT) as u64;
    let (pieces, takes) = cut(files, (way.piece as u64).min(room).max(ALIGNMENT as u64), room);
    let mut left = vec![0u64; files.len()];
    for piece in &pieces {
        if let Some(left) = left.get_mut(piece.file) {
            *left += 1;
        }
    }
    let targets: Vec<Target> = files
        .iter()
        .zip(left)
        .map(|(spec, left)| Target { spec, opened: OnceLock::new(), left: AtomicU64::new(left) })
        .collect();
    let root = File::open(folder)?;
    let job = Work { targets: &targets, folder, slab, way, durability };
    let write = |take: usize| {
        let taken = takes.get(take).and_then(|take| pieces.get(take.clone()));
        taken.unwrap_or(&[]).iter().try_for_each(|piece| job.write(piece))
    };
    race(way.threads, takes.len(), write, || match durability {
        Durability::Finish => Ok(sync_all(&root, &targets)?),
        Durability::Shard | Durability::None => Ok(()),
    })
}

/// Cuts files into writes of about `most` bytes (a short end, such as a shard's index, goes with the write before it
/// where the two have `room`), and writes into what a thread takes at a time.
fn cut(files: &[FileSpec], most: u64, room: u64) -> (Vec<Piece>, Vec<std::ops::Range<usize>>) {
    let mut pieces = Vec::new();
    let mut takes = Vec::new();
    let (mut payload, mut start, mut taken) = (0, 0, 0);
    for (file, spec) in files.iter().enumerate() {
        let mut offset = 0;
        while offset < spec.bytes {
            let rest = spec.bytes - offset;
            let with_end = rest <= most.saturating_add(SHORT_END) && rest.next_multiple_of(ALIGNMENT as u64) <= room;
            let len = if with_end { rest } else { rest.min(most) };
            pieces.push(Piece { file, offset, len, payload: payload + offset });
            offset += len;
            taken += len;
            if taken >= TAKE_BYTES {
                takes.push(start..pieces.len());
                (start, taken) = (pieces.len(), 0);
            }
        }
        payload += spec.bytes.next_multiple_of(ALIGNMENT as u64);
    }
    if start < pieces.len() {
        takes.push(start..pieces.len());
    }
    (pieces, takes)
}

struct Work<'a> {
    targets: &'a [Target<'a>],
    folder: &'a Path,
    slab: &'a [u8],
    way: Way,
    durability: Durability,
}

impl Work<'_> {
    fn write(&self, piece: &Piece) -> Result<()> {
        let Some(target) = self.targets.get(piece.file) else { bail!("a write without a file") };
        let describe = || target.spec.path.display().to_string();
        let file = match target.opened.get_or_init(|| self.open(target.spec)) {
            Ok(file) => file,
            Err(error) => bail!("{}: {error}", describe()),
        };
        let bytes = self.payload(piece)?;
        match self.way.mode {
            Mode::Buffered | Mode::Direct => write_all_at(file, bytes, piece.offset),
            Mode::Uncached => write_uncached(file, bytes, piece.offset),
        }
        .with_context(describe)?;
        if target.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            if self.way.mode == Mode::Direct || self.way.reserve != Reserve::Nothing {
                file.set_len(target.spec.bytes).with_context(describe)?;
            }
            if self.durability == Durability::Shard {
                file.sync_all().with_context(describe)?;
            }
        }
        Ok(())
    }

    /// Bytes to write: more than belong to the file where direct writes are rounded up to whole blocks.
    fn payload(&self, piece: &Piece) -> Result<&[u8]> {
        let rounded = match self.way.mode {
            Mode::Direct => piece.len.next_multiple_of(ALIGNMENT as u64),
            Mode::Buffered | Mode::Uncached => piece.len,
        };
        let room = (self.slab.len() as u64).saturating_sub(rounded);
        // Round and round through the frames, always on a page boundary.
        let pages = room / ALIGNMENT as u64 + 1;
        let start = piece.payload / ALIGNMENT as u64 % pages * ALIGNMENT as u64;
        match self.slab.get(start as usize..(start + rounded) as usize) {
            Some(bytes) => Ok(bytes),
            None => bail!("a write of {rounded} bytes from {} bytes of frames", self.slab.len()),
        }
    }

    fn open(&self, spec: &FileSpec) -> io::Result<File> {
        let path = self.folder.join(&spec.path);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(target_os = "linux")]
        if self.way.mode == Mode::Direct {
            use std::os::unix::fs::OpenOptionsExt;
            options.custom_flags(rustix::fs::OFlags::DIRECT.bits() as i32);
        }
        let file = match options.open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                fs::create_dir_all(path.parent().unwrap_or(self.folder))?;
                options.open(&path)?
            }
            opened => opened?,
        };
        match self.way.reserve {
            Reserve::Nothing => {}
            Reserve::Length => file.set_len(spec.bytes)?,
            Reserve::Blocks => reserve(&file, spec.bytes)?,
        }
        Ok(file)
    }
}

#[cfg(unix)]
fn write_all_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
}

#[cfg(windows)]
fn write_all_at(file: &File, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = std::os::windows::fs::FileExt::seek_write(file, bytes, offset)?;
        bytes = bytes.get(written..).unwrap_or(&[]);
        offset += written as u64;
    }
    Ok(())
}

#[cfg(target_os = "linux")]
fn write_uncached(file: &File, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    // RWF_DONTCACHE of linux/fs.h, which rustix does not name yet.
    let uncached = rustix::io::ReadWriteFlags::from_bits_retain(0x80);
    while !bytes.is_empty() {
        let written = match rustix::io::pwritev2(file, &[io::IoSlice::new(bytes)], offset, uncached) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => written,
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        };
        bytes = bytes.get(written..).unwrap_or(&[]);
        offset += written as u64;
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn write_uncached(_file: &File, _bytes: &[u8], _offset: u64) -> io::Result<()> {
    Err(ErrorKind::Unsupported.into())
}

#[cfg(target_os = "linux")]
fn reserve(file: &File, bytes: u64) -> io::Result<()> {
    Ok(rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, bytes)?)
}

#[cfg(not(target_os = "linux"))]
fn reserve(file: &File, bytes: u64) -> io::Result<()> {
    file.set_len(bytes)
}

/// Everything on the medium: one call for the whole file system where there is such a thing.
fn sync_all(root: &File, targets: &[Target<'_>]) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        let _ = targets;
        Ok(rustix::fs::syncfs(root)?)
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = root;
        targets.iter().filter_map(|target| target.opened.get()?.as_ref().ok()).try_for_each(File::sync_all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, bytes: u64) -> FileSpec {
        FileSpec { path: name.into(), bytes }
    }

    #[test]
    fn pieces_cover_every_file_once_in_aligned_steps() {
        let files = [file("a", 10_000), file("b", 100), file("c", 8192)];
        let (pieces, takes) = cut(&files, 4096, 8192);
        for (nth, spec) in files.iter().enumerate() {
            let mut end = 0;
            for piece in pieces.iter().filter(|piece| piece.file == nth) {
                assert_eq!(piece.offset, end);
                assert_eq!(piece.offset % ALIGNMENT as u64, 0);
                assert_eq!(piece.payload % ALIGNMENT as u64, 0);
                end += piece.len;
            }
            assert_eq!(end, spec.bytes);
        }
        assert_eq!(takes.iter().flat_map(Clone::clone).collect::<Vec<_>>(), (0..pieces.len()).collect::<Vec<_>>());
    }

    #[test]
    fn small_files_are_taken_together_and_large_ones_piece_by_piece() {
        let small: Vec<FileSpec> = (0..64).map(|nth| file(&nth.to_string(), 128 << 10)).collect();
        assert_eq!(cut(&small, 8 << 20, 64 << 20).1.len(), 4);
        assert_eq!(cut(&[file("a", 80 << 20)], 8 << 20, 64 << 20).1.len(), 10);
    }

    #[test]
    fn a_short_end_goes_with_the_write_before_it() {
        let shard = [file("a", (16 << 20) + 164)];
        let lengths = |room| cut(&shard, 8 << 20, room).0.iter().map(|piece| piece.len).collect::<Vec<_>>();
        assert_eq!(lengths(64 << 20), [8 << 20, (8 << 20) + 164]);
        assert_eq!(lengths(8 << 20), [8 << 20, 8 << 20, 164]);
    }
}
