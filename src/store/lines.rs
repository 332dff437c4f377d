//! The lines of frame metadata that a run which goes on keeps.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use serde_json::Value;

use crate::error::{Error, Result};
use crate::platform::{Disk, Pieces, Sync, partial_name};

/// Longest piece of a line that is looked at; lines of ours are not as long.
const MAX_LINE_BYTES: u64 = 1 << 20;

/// Numbers of earlier lines that a line is compared with: lines come in the order of the frames but for those of threads that
/// append side by side.
const MAX_REMEMBERED: usize = 1 << 12;

/// Leaves out the lines of frames from `frames` on, second lines of one frame, and a last line that is torn. What else is in
/// the file stays as it is; it is only written where something is left out. Reads and writes in pieces of bounded size.
///
/// # Errors
/// [`Error::Io`]; the file is then as it was.
pub(super) fn keep_first(path: &Path, frames: u64, disk: &dyn Disk, sync: Sync) -> Result<()> {
    let mut all = true;
    let there = each(path, frames, |_, keep| {
        all &= keep;
        Ok(())
    })?;
    if !there || all {
        return Ok(());
    }
    let partial = partial_name(path);
    let copy = || {
        let file = disk.create(&partial, 0)?;
        let mut out = Pieces::new(&*file);
        each(path, frames, |line, keep| if keep { out.push(line) } else { Ok(()) }).map_err(io::Error::other)?;
        out.flush()?;
        file.sync(sync)?;
        drop(file);
        disk.rename(&partial, path, sync)
    };
    copy().map_err(|source| {
        let _ = disk.remove_file(&partial);
        Error::io("write", path, source)
    })
}

/// Gives `use_line` every line with its end, or piece of one that is too long, and whether it stays; false where there is no
/// file.
fn each(path: &Path, frames: u64, mut use_line: impl FnMut(&[u8], bool) -> io::Result<()>) -> Result<bool> {
    let fail = |source| Error::io("read", path, source);
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(source) => return Err(fail(source)),
    };
    let (mut reader, mut line) = (BufReader::new(file), Vec::new());
    let mut seen = Seen::default();
    let mut inside = false;
    loop {
        line.clear();
        if reader.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut line).map_err(fail)? == 0 {
            return Ok(true);
        }
        let ended = line.ends_with(b"\n");
        let long = !ended && line.len() as u64 >= MAX_LINE_BYTES;
        let part = std::mem::replace(&mut inside, long) || long;
        let number = serde_json::from_slice::<Value>(&line).ok().and_then(|value| value.get("frame")?.as_u64());
        let keep = match number {
            // A line of ours may be torn after its last character.
            Some(number) => (ended || part) && number < frames && seen.is_new(number),
            // What others wrote into it is theirs.
            None => ended || part,
        };
        use_line(&line, keep).map_err(fail)?;
    }
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
        keep_first(&path, frames, &*native(), Sync::Never).expect("kept");
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
        keep_first(&path, 2, &disk, Sync::Never).expect("kept");
        keep_first(&folder.path().join("none"), 2, &disk, Sync::Never).expect("nothing");
        assert_eq!(disk.recorded(), 0);
    }
}
