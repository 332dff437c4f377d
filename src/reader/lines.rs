//! Files of lines, of which no line is held that is longer than it may be.

use std::io::{self, BufRead, ErrorKind};

/// A line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// Its bytes without its break; of a line that is too long only the beginning.
    pub text: &'a [u8],
    /// False where it is too long.
    pub whole: bool,
    /// True where a break ends it, and not the file.
    pub ended: bool,
}

/// A line with its break, or a part of one that is too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece<'a> {
    /// Its bytes.
    pub bytes: &'a [u8],
    /// True where it begins a line.
    pub begins: bool,
    /// True where it ends a line, with a break or with the file.
    pub ends: bool,
    /// True where a break ends it.
    pub ended: bool,
}

/// Reads lines.
#[derive(Debug)]
pub struct Lines<R> {
    reader: R,
    longest: usize,
    held: Vec<u8>,
    /// True within a line of which a part was read.
    inside: bool,
}

impl<R: BufRead> Lines<R> {
    /// Lines of at most `longest` bytes.
    pub fn new(reader: R, longest: usize) -> Self {
        Self { reader, longest, held: Vec::new(), inside: false }
    }

    /// The next line; `None` at the end.
    ///
    /// # Errors
    /// The reader's.
    pub fn next_line(&mut self) -> io::Result<Option<Line<'_>>> {
        let Some(mut ended) = self.read_piece()? else { return Ok(None) };
        let whole = ended || self.held.len() <= self.longest;
        let length = self.held.len() - usize::from(ended);
        if !whole {
            let beginning = std::mem::take(&mut self.held);
            while !ended {
                match self.read_piece()? {
                    Some(end) => ended = end,
                    None => break,
                }
            }
            self.held = beginning;
        }
        Ok(Some(Line { text: self.held.get(..length).unwrap_or_default(), whole, ended }))
    }

    /// The next line, or part of a line that is too long; `None` at the end.
    ///
    /// # Errors
    /// The reader's.
    pub fn next_piece(&mut self) -> io::Result<Option<Piece<'_>>> {
        let begins = !self.inside;
        let Some(ended) = self.read_piece()? else { return Ok(None) };
        Ok(Some(Piece { bytes: &self.held, begins, ends: !self.inside, ended }))
    }

    /// Holds what comes up to the next break, or as much as a line may have and one byte; whether a break ends it.
    fn read_piece(&mut self) -> io::Result<Option<bool>> {
        self.held.clear();
        loop {
            let part = match self.reader.fill_buf() {
                Ok(part) => part,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let room = (self.longest + 1).saturating_sub(self.held.len());
            let part = part.get(..part.len().min(room)).unwrap_or_default();
            let end = part.iter().position(|byte| *byte == b'\n');
            let taken = end.map_or(part.len(), |at| at + 1);
            self.held.extend_from_slice(part.get(..taken).unwrap_or_default());
            self.reader.consume(taken);
            let full = self.held.len() > self.longest;
            if end.is_none() && taken > 0 && !full {
                continue;
            }
            self.inside = end.is_none() && full;
            return Ok((!self.held.is_empty()).then_some(end.is_some()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::BufReader;

    fn lines(text: &str, longest: usize) -> Vec<(String, bool, bool)> {
        // A reader that gives little at a time, as a slow disk may.
        let mut lines = Lines::new(BufReader::with_capacity(3, text.as_bytes()), longest);
        let mut found = Vec::new();
        while let Some(line) = lines.next_line().expect("reading from memory") {
            found.push((String::from_utf8_lossy(line.text).into_owned(), line.whole, line.ended));
        }
        found
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over() {
        let found = lines("four\n\nlonger than that\nfive5\nends", 5);
        let expected = [
            ("four", true, true),
            ("", true, true),
            ("longe", false, true),
            ("five5", true, true),
            ("ends", true, false),
        ];
        let shown: Vec<_> =
            found.iter().map(|(text, whole, ended)| (&text[..5.min(text.len())], *whole, *ended)).collect();
        assert_eq!(shown, expected);
        assert_eq!(lines("", 5), []);
    }

    #[test]
    fn pieces_are_the_file() {
        for text in ["four\n\nlonger than that\nfive5\nends", "x", "\n", "123456", "12345\n", "123456\n"] {
            let mut lines = Lines::new(BufReader::with_capacity(2, text.as_bytes()), 5);
            let (mut all, mut begun) = (Vec::new(), 0);
            while let Some(piece) = lines.next_piece().expect("reading from memory") {
                assert_eq!(piece.ended, piece.bytes.ends_with(b"\n"));
                all.extend_from_slice(piece.bytes);
                begun += usize::from(piece.begins);
            }
            assert_eq!((String::from_utf8_lossy(&all).as_ref(), begun), (text, text.lines().count()));
        }
    }
}
