//! `frame_metadata.jsonl` after an interruption.

use std::io::{self, BufRead};

use serde_json::{Map, Value};

use crate::ngff::frame_metadata::MAX_BYTES;

/// Longest line of ours: the host's object and its place.
const MAX_LINE_BYTES: usize = MAX_BYTES + 256;

/// What lies in the file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Lines {
    pub(super) intact: u64,
    pub(super) damaged: u64,
    /// True where the last line is intact but for its end.
    pub(super) open_end: bool,
    /// Largest index along each axis before Y and X that a line tells of.
    pub(super) reach: Vec<u64>,
}

/// Looks at every line.
pub(super) fn look(reader: impl BufRead) -> io::Result<Lines> {
    let mut lines = Lines::default();
    each_line(reader, |line, ended| {
        if line.trim_ascii().is_empty() {
            return Ok(());
        }
        match place(line) {
            Some(index) => {
                lines.intact += 1;
                lines.open_end = !ended;
                lines.reach.resize(lines.reach.len().max(index.len()), 0);
                lines.reach.iter_mut().zip(index).for_each(|(reach, at)| *reach = (*reach).max(at));
            }
            None => lines.damaged += 1,
        }
        Ok(())
    })?;
    Ok(lines)
}

/// Hands every intact line to `keep`, line break included.
pub(super) fn copy_intact(reader: impl BufRead, mut keep: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    each_line(reader, |line, _| {
        if place(line).is_none() {
            return Ok(());
        }
        keep(line)?;
        keep(b"\n")
    })
}

/// The storage index in a line of ours.
fn place(line: &[u8]) -> Option<Vec<u64>> {
    let object: Map<String, Value> = serde_json::from_slice(line).ok()?;
    object.get("frame")?.as_u64()?;
    object.get("storage_index")?.as_array()?.iter().map(Value::as_u64).collect()
}

/// Calls `use_line` with each line without its break, and whether it had one. Of a line that is longer than any of ours
/// only the beginning is kept.
fn each_line(mut reader: impl BufRead, mut use_line: impl FnMut(&[u8], bool) -> io::Result<()>) -> io::Result<()> {
    let mut line = Vec::new();
    let mut any = false;
    loop {
        let part = match reader.fill_buf() {
            Ok(part) => part,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if part.is_empty() {
            return if any { use_line(&line, false) } else { Ok(()) };
        }
        let end = part.iter().position(|byte| *byte == b'\n');
        let length = end.unwrap_or(part.len());
        let keep = length.min((MAX_LINE_BYTES + 1).saturating_sub(line.len()));
        line.extend_from_slice(part.get(..keep).unwrap_or(part));
        any = true;
        reader.consume(length + usize::from(end.is_some()));
        if end.is_some() {
            use_line(&line, true)?;
            line.clear();
            any = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "{\"a\":1,\"storage_index\":[3,1],\"frame\":7}\n";

    #[test]
    fn a_torn_line_is_told_and_left_out() {
        let text = format!("{WHOLE}\0\0\0\n\n{WHOLE}{{\"a\":2,\"stor");
        let lines = look(text.as_bytes()).expect("reading from memory");
        assert_eq!(lines, Lines { intact: 2, damaged: 2, open_end: false, reach: vec![3, 1] });
        let mut kept = Vec::new();
        copy_intact(text.as_bytes(), |part| {
            kept.extend_from_slice(part);
            Ok(())
        })
        .expect("reading from memory");
        assert_eq!(String::from_utf8_lossy(&kept), format!("{WHOLE}{WHOLE}"));
    }

    #[test]
    fn a_line_without_its_break_is_intact() {
        let lines = look(&WHOLE.as_bytes()[..WHOLE.len() - 1]).expect("reading from memory");
        assert_eq!((lines.intact, lines.damaged, lines.open_end), (1, 0, true));
    }
}
