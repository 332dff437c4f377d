//! `frame_metadata.jsonl` as it is found.

use std::path::Path;

use serde_json::{Map, Value};

use super::file::{is_file, open};
use super::limits::FRAME_LINE_BYTES;
use super::lines::{Line, Lines};
use crate::error::{Error, Result};
use crate::ngff::frame_metadata::FrameLog;
use crate::platform::Source;

/// What lies in the file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FrameLines {
    /// Lines of ours that are whole.
    pub intact: u64,
    /// Other lines.
    pub damaged: u64,
    /// True where the last line is intact but for its end.
    pub open_end: bool,
    /// Largest index along each axis before Y and X that a line tells of.
    pub reach: Vec<u64>,
}

/// Looks at every line of the file at `path`; `None` where there is no file.
///
/// # Errors
/// [`Error::Io`].
pub fn frame_lines(source: &dyn Source, path: &Path) -> Result<Option<FrameLines>> {
    let mut lines = FrameLines::default();
    let found = each_line(source, path, |line| lines.take(line))?;
    Ok(found.then_some(lines))
}

/// What the file at `path` tells, for its mirror; `None` where there is no file.
///
/// # Errors
/// [`Error::Io`].
pub fn frame_log(source: &dyn Source, path: &Path) -> Result<Option<FrameLog>> {
    let mut log = FrameLog::default();
    let found = each_line(source, path, |line| log.take(line.text, line.whole))?;
    Ok(found.then_some(log))
}

/// Whether this is a line of ours.
#[must_use]
pub fn is_frame_line(line: &Line<'_>) -> bool {
    line.whole && place(line.text).is_some()
}

/// False where there is no file.
fn each_line(source: &dyn Source, path: &Path, mut use_line: impl FnMut(&Line<'_>)) -> Result<bool> {
    if !is_file(source, path)? {
        return Ok(false);
    }
    let Some(file) = open(source, path)? else { return Ok(false) };
    let mut lines = Lines::new(file.stream(), FRAME_LINE_BYTES);
    while let Some(line) = lines.next_line().map_err(|error| Error::io("read", path, error))? {
        use_line(&line);
    }
    Ok(true)
}

impl FrameLines {
    fn take(&mut self, line: &Line<'_>) {
        if line.text.trim_ascii().is_empty() && line.whole {
            return;
        }
        match place(line.text).filter(|_| line.whole) {
            Some(index) => {
                self.intact += 1;
                self.open_end = !line.ended;
                self.reach.resize(self.reach.len().max(index.len()), 0);
                self.reach.iter_mut().zip(index).for_each(|(reach, at)| *reach = (*reach).max(at));
            }
            None => self.damaged += 1,
        }
    }
}

/// The storage index in a line of ours.
fn place(line: &[u8]) -> Option<Vec<u64>> {
    let object: Map<String, Value> = serde_json::from_slice(line).ok()?;
    object.get("frame")?.as_u64()?;
    object.get("storage_index")?.as_array()?.iter().map(Value::as_u64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::native_source;

    const WHOLE: &str = "{\"a\":1,\"storage_index\":[3,1],\"frame\":7}\n";

    fn read(text: &str) -> FrameLines {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("lines");
        std::fs::write(&path, text).expect("written");
        frame_lines(&*native_source(), &path).expect("read").expect("there")
    }

    #[test]
    fn a_torn_line_is_told() {
        let lines = read(&format!("{WHOLE}\0\0\0\n\n{WHOLE}{{\"a\":2,\"stor"));
        assert_eq!(lines, FrameLines { intact: 2, damaged: 2, open_end: false, reach: vec![3, 1] });
    }

    #[test]
    fn a_line_without_its_break_is_intact() {
        let lines = read(&WHOLE[..WHOLE.len() - 1]);
        assert_eq!((lines.intact, lines.damaged, lines.open_end), (1, 0, true));
    }
}
