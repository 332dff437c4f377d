//! The lines of frame metadata that a run which goes on keeps.

use std::collections::VecDeque;
use std::io;
use std::path::Path;

use serde_json::Value;

use crate::error::{Error, Result};
use crate::platform::{Disk, Pieces, Source, SyncPolicy, partial_name};
use crate::reader::{self, Lines, limits};

/// Numbers of earlier lines that a line is compared with: lines come in the order of the frames but for those of
/// threads that append side by side.
const MAX_REMEMBERED: usize = 1 << 12;

/// Leaves out the lines of frames from `frames` on, second lines of one frame, and a last line that is torn. What else
/// is in the file stays as it is; it is only written where something is left out. Reads and writes in pieces of bounded
/// size.
///
/// # Errors
/// [`Error::Io`]; the file is then as it was.
pub(super) fn keep_first(path: &Path, frames: u64, disk: &dyn Disk, sync: SyncPolicy) -> Result<()> {
    let source = &*disk.source();
    let mut all = true;
    let there = each(source, path, frames, |_, keep| {
        all &= keep;
        Ok(())
    })?;
    if !there || all {
        return Ok(());
    }
    rewrite(path, disk, sync, |out| {
        let fail = |error| Error::io("write", path, error);
        each(source, path, frames, |line, keep| if keep { out.push(line).map_err(fail) } else { Ok(()) }).map(drop)
    })
}

/// Replaces a file by what `fill` gives.
///
/// # Errors
/// Those of `fill`; [`Error::Io`]. The file is then as it was.
pub(super) fn rewrite(
    path: &Path,
    disk: &dyn Disk,
    sync: SyncPolicy,
    fill: impl FnOnce(&mut Pieces<'_>) -> Result<()>,
) -> Result<()> {
    let partial = partial_name(path);
    let fail = |error| Error::io("write", path, error);
    let write = || {
        let file = disk.create(&partial, 0).map_err(fail)?;
        let mut out = Pieces::new(&*file);
        fill(&mut out)?;
        out.flush().and_then(|()| file.sync(sync)).map_err(fail)?;
        drop(file);
        disk.rename(&partial, path, sync).map_err(fail)
    };
    write().inspect_err(|_| drop(disk.remove_file(&partial)))
}

/// Gives `use_line` every line with its end, or piece of one that is too long, and whether it stays; false where there
/// is no file.
fn each(
    source: &dyn Source,
    path: &Path,
    frames: u64,
    mut use_line: impl FnMut(&[u8], bool) -> Result<()>,
) -> Result<bool> {
    let Some(file) = reader::open(source, path)? else { return Ok(false) };
    let mut lines = Lines::new(file.stream(), limits::FRAME_LINE_BYTES);
    let mut seen = Seen::default();
    while let Some(piece) = lines.next_piece().map_err(|error: io::Error| Error::io("read", path, error))? {
        let part = !piece.begins || !piece.ends;
        let number =
            || serde_json::from_slice::<Value>(piece.bytes).ok().and_then(|value| value.get("frame")?.as_u64());
        let keep = match number().filter(|_| !part) {
            // A line of ours may be torn after its last character.
            Some(number) => piece.ended && number < frames && seen.is_new(number),
            // What others wrote into it is theirs.
            None => piece.ended || part,
        };
        use_line(piece.bytes, keep)?;
    }
    Ok(true)
}

/// Numbers of the lines before.
#[derive(Default)]
struct Seen {
    highest: Option<u64>,
    last: VecDeque<u64>,
}

impl Seen {
    fn is_new(&mut self, number: u64) -> bool {
        if self.highest.is_some_and(|highest| number <= highest) && self.last.contains(&number) {
            return false;
        }
        self.highest = self.highest.max(Some(number));
        if self.last.len() >= MAX_REMEMBERED {
            self.last.pop_front();
        }
        self.last.push_back(number);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::native;

    fn kept(text: &str, frames: u64) -> String {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("lines");
        std::fs::write(&path, text).expect("written");
        keep_first(&path, frames, &*native(), SyncPolicy::Never).expect("kept");
        std::fs::read_to_string(&path).expect("there")
    }

    fn line(frame: u64) -> String {
        format!("{{\"a\":1,\"frame\":{frame}}}\n")
    }

    #[test]
    fn later_lines_torn_ones_and_second_ones_go() {
        let text = [line(0), line(2), line(1), line(2), line(5), line(3), "{\"a\":1,\"fr".into()].concat();
        assert_eq!(kept(&text, 5), [line(0), line(2), line(1), line(3)].concat());
        assert_eq!(kept(&line(0), 0), "");
    }

    #[test]
    fn what_others_wrote_stays_as_it_is() {
        let long = format!("{}\n", "x".repeat(3 << 20));
        let text = [line(0), "{\"exposure\":NaN,\"frame\":1}\n".into(), long.clone(), line(7)].concat();
        assert_eq!(kept(&text, 5), text.replace(&line(7), ""));
    }

    #[test]
    fn a_file_that_is_as_it_should_be_is_not_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("lines");
        std::fs::write(&path, [line(0), line(1)].concat()).expect("written");
        let disk = crate::platform::faulty::FaultyDisk::recording(native());
        keep_first(&path, 2, &disk, SyncPolicy::Never).expect("kept");
        keep_first(&folder.path().join("none"), 2, &disk, SyncPolicy::Never).expect("nothing");
        assert_eq!(disk.recorded(), 0);
    }
}
