//! Real small file systems that fill up.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use ome_stream::Stream;
use rustix::io::Errno;

use super::{Outcome, append_all, failed_well};
use crate::cases;
use crate::judge;

const KINDS: &[&str] = &[
    "chunk files",
    "chunk files, t chunks, blosc-lz4, unbounded",
    "aligned shards",
    "aligned shards, blosc-lz4, unbounded",
    "shards, unbounded",
    "shards, t chunks, unbounded",
    "shards, t chunks, zstd, unbounded",
    "index of five pages, unbounded",
    "0.4, chunk files, t chunks, positions, unbounded",
    "0.6, shards, positions, unbounded",
    "levels, shards, pairs of planes, positions, unbounded",
];

/// Bytes of a small file system, and what is left of it beside a file that is removed for space to come back.
const SMALL: u64 = 24 << 20;
const FREE: u64 = 6 << 20;

pub fn tmpfs() -> Result<Outcome> {
    fill(|folder| Mounted::new(folder, &["-t", "tmpfs", "-o", &format!("size={SMALL}"), "tmpfs"]))
}

pub fn ext4() -> Result<Outcome> {
    fill(|folder| Mounted::made(folder, SMALL, &["mkfs.ext4", "-q"], "loop"))
}

/// XFS is not made smaller than 300 MiB.
pub fn xfs() -> Result<Outcome> {
    fill(|folder| Mounted::made(folder, 320 << 20, &["mkfs.xfs", "-q"], "loop"))
}

/// Btrfs writes everything in a new place, also what stands in room that was reserved.
pub fn btrfs() -> Result<Outcome> {
    fill(|folder| Mounted::made(folder, 256 << 20, &["mkfs.btrfs", "-q"], "loop"))
}

/// NTFS outside the kernel, where a full disk is told by another process.
pub fn ntfs() -> Result<Outcome> {
    fill(|folder| {
        let image = Mounted::image(folder, SMALL, &["mkfs.ntfs", "-q", "-F", "-f"])?;
        Mounted::new(folder, &["-t", "ntfs-3g", "-o", "loop", &image.to_string_lossy()])
    })
}

fn fill(mount: impl Fn(&Path) -> Result<Mounted>) -> Result<Outcome> {
    let mut errors = Vec::new();
    let mut tried = 0;
    for name in KINDS {
        for space_comes_back in [false, true] {
            let folder = tempfile::tempdir()?;
            let disk = match mount(folder.path()) {
                Ok(disk) => disk,
                Err(error) => return Ok(Outcome::Skipped(format!("{error:#}"))),
            };
            tried += 1;
            let wrong = one(name, &disk.0, space_comes_back)?;
            errors.extend(wrong.iter().map(|error| format!("{name}, space comes back: {space_comes_back}: {error}")));
        }
    }
    Ok(Outcome::of(tried, errors))
}

fn one(name: &str, disk: &Path, space_comes_back: bool) -> Result<Vec<String>> {
    let filler = disk.join("filler");
    let there = rustix::fs::statvfs(disk)?;
    let filling = (there.f_bavail * there.f_frsize).saturating_sub(FREE);
    std::fs::write(&filler, vec![1; usize::try_from(filling)?])?;
    // More than fits, compressed or not.
    let kind = cases::kind(name)?;
    let case = kind.case_of(if name == "aligned shards" { 120 } else { 4000 });
    let backend = ome_stream_backends::open(ome_stream_backends::DEFAULT)?;
    let stream = Stream::create(&case.settings_in(disk), &*backend)?;
    // Slow enough for shards to be published before they are full.
    let pause = Duration::from_micros(if name == "aligned shards" { 8000 } else { 300 });
    let (Some(refused), _) = append_all(&case, &stream, pause) else {
        return Ok(vec!["every frame was taken".to_owned()]);
    };
    let mut wrong = Vec::new();
    if space_comes_back {
        // What other workers were writing when the failure came may still end well.
        std::thread::sleep(Duration::from_secs_f64(cases::LIVE_INTERVAL));
        let before = stream.status();
        std::fs::remove_file(&filler)?;
        std::thread::sleep(Duration::from_secs_f64(cases::LIVE_INTERVAL));
        let (again, _) = append_all(&case, &stream, pause);
        let after = stream.status();
        if again.is_none() || (before.accepted, before.written) != (after.accepted, after.written) {
            wrong.push("writing went on when space came back".to_owned());
        }
        // Readers shall see what was written also before the host has reacted.
        let found = judge::store(&case, stream.plan(), before.written, 0);
        wrong.extend(found.errors.iter().map(|error| format!("before finish: {error}")));
    }
    wrong.extend(failed_well(&case, &stream, Some(&refused), &[Errno::NOSPC], None));
    Ok(wrong)
}

/// A file system that is taken away again.
pub struct Mounted(pub PathBuf);

impl Mounted {
    /// Mounts in `folder`; `what` are the arguments before the mount point.
    pub fn new(folder: &Path, what: &[&str]) -> Result<Self> {
        let at = folder.join("mounted");
        std::fs::create_dir(&at)?;
        run(Command::new("mount").args(what).arg(&at))?;
        Ok(Self(at))
    }

    /// Mounts a new file system of `size` bytes, made by `make`, in `folder`.
    pub fn made(folder: &Path, size: u64, make: &[&str], options: &str) -> Result<Self> {
        let image = Self::image(folder, size, make)?;
        Self::new(folder, &["-o", options, &image.to_string_lossy()])
    }

    fn image(folder: &Path, size: u64, make: &[&str]) -> Result<PathBuf> {
        let image = folder.join("image");
        std::fs::File::create(&image)?.set_len(size)?;
        let (program, options) = make.split_first().context("nothing makes it")?;
        run(Command::new(program).args(options).arg(&image))?;
        Ok(image)
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        if let Err(error) = run(Command::new("umount").arg("-l").arg(&self.0)) {
            eprintln!("{error:#}");
        }
    }
}

/// Runs a command that must succeed.
pub fn run(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    anyhow::ensure!(
        output.status.success(),
        "{} ended with {}: {said}",
        command.get_program().display(),
        output.status
    );
    Ok(())
}
