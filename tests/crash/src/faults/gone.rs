//! Somebody removes the store, remounts the disk, or has no more files to give.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use ome_stream::plan::{Capabilities, StorageUnit};
use ome_stream::{Error, Plan, Stream};
use ome_stream_tests::case::{Case, Step};
use rustix::io::Errno;

use super::full_disk::Mounted;
use super::{Outcome, append_all, failed_well};
use crate::cases;
use crate::judge;
use crate::writer::Order;

/// A store that somebody removes is not begun anew, and nobody is told that all went well.
pub fn removed() -> Result<Outcome> {
    let mut errors = Vec::new();
    let kinds = ["chunk files", "chunk files, positions, channels", "aligned shards", "shards, t chunks, unbounded"];
    for name in kinds {
        let folder = tempfile::tempdir()?;
        let case = cases::kind(name)?.case_of(100);
        let (first, second) = (case.clone().script(&[Step::Append(20)]), case.clone());
        let backend = ome_stream_backends::open(ome_stream_backends::DEFAULT)?;
        let stream = Stream::create(&case.settings_in(folder.path()), &*backend)?;
        append_all(&first, &stream, Duration::from_millis(5));
        let root = stream.plan().root().to_path_buf();
        remove(&root)?;
        let refused = append_some(&second, &stream, 40);
        match (refused, stream.finish()) {
            (_, Ok(_)) => errors.push(format!("{name}: finish says that all is well")),
            (Some(refused), Err(told)) if refused.to_string() != told.to_string() => {
                errors.push(format!("{name}: append said {refused}, finish {told}"));
            }
            (_, Err(told)) => {
                let missing = matches!(told.root_cause(), Error::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound);
                if !missing {
                    errors.push(format!("{name}: the error does not say that something is missing: {told}"));
                }
            }
        }
        if stream.status().bytes_in_flight != 0 {
            errors.push(format!("{name}: memory is held"));
        }
        if root.exists() {
            errors.push(format!("{name}: the store was begun anew"));
        }
    }
    Ok(Outcome::of(kinds.len() as u64, errors))
}

/// A running writer may add a file while the folder is being removed.
fn remove(root: &std::path::Path) -> Result<()> {
    let start = Instant::now();
    while let Err(error) = std::fs::remove_dir_all(root) {
        if error.kind() == std::io::ErrorKind::NotFound {
            break;
        }
        anyhow::ensure!(start.elapsed() < Duration::from_secs(5), "{}: {error}", root.display());
    }
    Ok(())
}

/// Appends up to `frames` frames more; returns the error, if there was one.
fn append_some(case: &Case, stream: &Stream, frames: u64) -> Option<Error> {
    let camera = crate::writer::Camera::new(case);
    let mut frame = camera.memory();
    for _ in 0..frames {
        let number = stream.status().accepted;
        camera.take(number, &mut frame);
        if let Err(error) = stream.append(&frame) {
            return Some(error);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    None
}

/// The file system becomes read-only under a writer, as it does when it finds that it is damaged.
pub fn read_only() -> Result<Outcome> {
    let folder = tempfile::tempdir()?;
    let disk = match Mounted::made(folder.path(), 64 << 20, &["mkfs.ext4", "-q"], "loop,errors=remount-ro") {
        Ok(disk) => disk,
        Err(error) => return Ok(Outcome::Skipped(format!("{error:#}"))),
    };
    let case = cases::kind("shards, t chunks, unbounded")?.case_of(2_000);
    let backend = ome_stream_backends::open(ome_stream_backends::DEFAULT)?;
    let stream = Stream::create(&case.settings_in(&disk.0), &*backend)?;
    append_some(&case, &stream, 100);
    // Until every frame that was written is visible.
    std::thread::sleep(Duration::from_secs_f64(cases::LIVE_INTERVAL));
    let written = stream.status().written;
    if let Err(error) = find_damage(&disk) {
        return Ok(Outcome::Skipped(format!("{error:#}")));
    }
    let refused = append_some(&case, &stream, 400);
    let mut errors = failed_well(&case, &stream, refused.as_ref(), &[Errno::ROFS, Errno::IO], Some(written));
    if refused.is_none() {
        errors.push("append says nothing".to_owned());
    }
    Ok(Outcome::of(1, errors))
}

/// Lets ext4 believe that it has found an error.
fn find_damage(disk: &Mounted) -> Result<()> {
    let found = Command::new("findmnt").args(["--noheadings", "--output", "SOURCE"]).arg(&disk.0).output()?;
    let device = String::from_utf8_lossy(&found.stdout).trim().replace("/dev/", "");
    let trigger = std::path::Path::new("/sys/fs/ext4").join(device).join("trigger_fs_error");
    std::fs::write(&trigger, "1").with_context(|| trigger.display().to_string())
}

/// A process that may open few files writes into many shards, and needs no more.
pub fn too_many_files() -> Result<Outcome> {
    if cfg!(not(unix)) {
        return Ok(Outcome::Skipped("open files cannot be limited on this platform".to_owned()));
    }
    let folder = tempfile::tempdir()?;
    let mut case = Case::new("many shards", "t:inf:1:16,p:40,y:64:32:2,x:64:32:2").script(&[Step::Append(400)]);
    case.settings.live_interval = cases::LIVE_INTERVAL;
    let mut order = Order::new(case.clone(), folder.path(), 400);
    order.files = 32;
    let status = order.command()?.status().context("starting the writer")?;
    let ended = order.ended()?;
    let mut errors = Vec::new();
    if !status.success() {
        errors.push(format!("the process ended with {status}"));
    }
    // The file that was opened first is closed and opened again when it is needed.
    if ended.append.is_some() || ended.finish.is_some() || ended.written != 400 {
        let (append, finish) = (&ended.append, &ended.finish);
        errors.push(format!("{} of 400 frames are written; append said {append:?}, finish {finish:?}", ended.written));
    }
    if ended.in_flight != 0 {
        errors.push(format!("{} bytes are held after finish", ended.in_flight));
    }
    let plan = Plan::new(&case.settings_in(folder.path()), &Capabilities::taking(StorageUnit::Chunk))?;
    errors.extend(judge::store(&case, &plan, ended.written, 0).errors);
    Ok(Outcome::of(1, errors))
}
