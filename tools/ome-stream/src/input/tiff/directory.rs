//! Directories of a TIFF file: entries, their values, and the chain of pages. Classic TIFF and BigTIFF, both byte
//! orders.
//!
//! The crate that decodes pixels reads directories, too, but only the tags that it knows; here every tag is seen, so
//! that none that decides the pixels is passed over.

use std::collections::HashSet;
use std::io::{self, Read, Seek, SeekFrom};

use super::super::source::{InputError, read_full};
use super::super::window::Window;

/// Most entries of one directory: the largest known have about a hundred.
const MAX_ENTRIES: u64 = 4096;

/// Most bytes of one value that are read; a description of a large OME-TIFF set has some tens of megabytes.
const MAX_VALUE_BYTES: u64 = 1 << 30;

/// Why a directory could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// The file ends before it, or within it.
    #[error("the file ends before it")]
    End,
    /// It is damaged.
    #[error("{0}")]
    Damaged(String),
    /// The operating system refused.
    #[error("{0}")]
    Io(io::Error),
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof { Self::End } else { Self::Io(error) }
    }
}

/// One tag of a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Number of the tag.
    pub tag: u16,
    /// Number of the type of its values.
    pub kind: u16,
    /// How many values there are.
    pub count: u64,
    /// Where the first value lies in the file.
    pub at: u64,
}

impl Entry {
    /// Bytes of a value of this type; 1 for types that are not known.
    fn size(&self) -> u64 {
        match self.kind {
            3 | 8 => 2,
            4 | 9 | 11 | 13 => 4,
            5 | 10 | 12 | 16 | 17 | 18 => 8,
            _ => 1,
        }
    }
}

/// The tags of one page.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    entries: Vec<Entry>,
    /// Where the next page's directory lies; 0 after the last.
    pub next: u64,
}

impl Directory {
    /// The entry of a tag.
    pub fn get(&self, tag: u16) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.tag == tag)
    }

    /// Every entry, in the order of the file.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }
}

/// A TIFF file whose directories are read.
pub struct Tags<R> {
    window: Window<R>,
    /// Numbers are most significant byte first.
    pub big_endian: bool,
    /// Offsets have 64 bits.
    pub big: bool,
    /// Where the first page's directory lies.
    pub first: u64,
}

impl<R: Read + Seek> Tags<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// What is not a TIFF file, or ends within its header.
    pub fn open(inner: R) -> Result<Self, InputError> {
        let mut window = Window::new(inner)?;
        let mut header = [0; 16];
        let got = read_full(&mut window, &mut header)?;
        let [a, b, c, d, ..] = header;
        let big_endian = match [a, b] {
            [b'I', b'I'] => false,
            [b'M', b'M'] => true,
            _ => return Err(InputError::Unusable("it is not a TIFF file: it does not begin as one".into())),
        };
        let big = match if big_endian { [d, c] } else { [c, d] } {
            _ if got < 4 => return Err(InputError::CutHeader),
            [42, 0] => false,
            [43, 0] => true,
            _ => return Err(InputError::Unusable("it is not a TIFF file: it does not begin as one".into())),
        };
        if got < if big { 16 } else { 8 } {
            return Err(InputError::CutHeader);
        }
        let mut tags = Self { window, big_endian, big, first: 0 };
        let first = if big { tags.number_at(8, 8) } else { tags.number_at(4, 4) };
        tags.first = first.map_err(|problem| InputError::Unusable(problem.to_string()))?;
        Ok(tags)
    }

    /// Bytes of the whole file.
    pub fn length(&self) -> u64 {
        self.window.length()
    }

    /// The file itself.
    pub fn file(&mut self) -> &mut Window<R> {
        &mut self.window
    }

    /// An unsigned number of 1 to 8 bytes from `bytes`.
    pub fn number(&self, bytes: &[u8]) -> u64 {
        let shift = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        if self.big_endian { bytes.iter().fold(0, shift) } else { bytes.iter().rev().fold(0, shift) }
    }

    fn number_at(&mut self, place: u64, bytes: usize) -> Result<u64, Broken> {
        let mut buffer = [0; 8];
        let part = buffer.get_mut(..bytes).ok_or_else(|| Broken::Damaged("an impossible number".into()))?;
        self.window.seek(SeekFrom::Start(place))?;
        self.window.read_exact(part)?;
        Ok(self.number(buffer.get(..bytes).unwrap_or_default()))
    }

    /// The directory at `place`.
    ///
    /// # Errors
    /// Where the file ends before it, or it cannot be one.
    pub fn directory(&mut self, place: u64) -> Result<Directory, Broken> {
        if place >= self.length() {
            return Err(Broken::End);
        }
        let (count_bytes, entry_bytes, offset_bytes) = if self.big { (8, 20, 8) } else { (2, 12, 4) };
        let count = self.number_at(place, count_bytes)?;
        if count == 0 || count > MAX_ENTRIES {
            return Err(Broken::Damaged(format!("its directory has {count} tags")));
        }
        let start = place + count_bytes as u64;
        let mut bytes = vec![0; count as usize * entry_bytes + offset_bytes];
        self.window.seek(SeekFrom::Start(start))?;
        self.window.read_exact(&mut bytes)?;
        let (entries, next) = bytes.split_at(count as usize * entry_bytes);
        let mut directory = Directory { entries: Vec::with_capacity(count as usize), next: self.number(next) };
        for (nth, entry) in entries.chunks_exact(entry_bytes).enumerate() {
            let part = |from: usize, to: usize| self.number(entry.get(from..to).unwrap_or_default());
            let count = part(4, 4 + offset_bytes);
            let value = 4 + offset_bytes;
            let mut parsed = Entry { tag: part(0, 2) as u16, kind: part(2, 4) as u16, count, at: 0 };
            let inline = parsed.size().saturating_mul(count) <= offset_bytes as u64;
            parsed.at = match inline {
                true => start + (nth * entry_bytes + value) as u64,
                false => part(value, value + offset_bytes),
            };
            directory.entries.push(parsed);
        }
        Ok(directory)
    }

    /// Where the directories of all pages lie, and why the chain ends before its end, if it does.
    pub fn chain(&mut self) -> (Vec<u64>, Option<Broken>) {
        let (mut places, mut seen) = (Vec::new(), HashSet::new());
        let mut next = self.first;
        while next != 0 {
            if !seen.insert(next) {
                return (places, Some(Broken::Damaged("the chain of pages goes round in a cycle".into())));
            }
            match self.directory(next) {
                Ok(directory) => {
                    places.push(next);
                    next = directory.next;
                }
                Err(problem) => return (places, Some(problem)),
            }
        }
        (places, None)
    }

    /// `count` bytes from `place`, all of which must be there.
    ///
    /// # Errors
    /// Where the file ends before that, or it is more than any value has.
    pub fn bytes_at(&mut self, place: u64, count: u64) -> Result<Vec<u8>, Broken> {
        if place.checked_add(count).is_none_or(|end| end > self.length()) {
            return Err(Broken::End);
        }
        if count > MAX_VALUE_BYTES {
            return Err(Broken::Damaged(format!("a value of {count} bytes, up to {MAX_VALUE_BYTES} are read")));
        }
        let mut bytes = vec![0; count as usize];
        self.window.seek(SeekFrom::Start(place))?;
        self.window.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// The bytes of a value as they lie in the file.
    ///
    /// # Errors
    /// As [`Tags::bytes_at`].
    pub fn bytes(&mut self, entry: &Entry) -> Result<Vec<u8>, Broken> {
        let count = entry.size().checked_mul(entry.count).ok_or(Broken::End)?;
        self.bytes_at(entry.at, count)
    }

    /// A text, up to its first zero.
    ///
    /// # Errors
    /// As [`Tags::bytes_at`].
    pub fn text(&mut self, entry: &Entry) -> Result<String, Broken> {
        let bytes = self.bytes(entry)?;
        let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
        // ImageJ writes Latin-1 for its units; everything else is UTF-8.
        Ok(match std::str::from_utf8(text) {
            Ok(text) => text.to_owned(),
            Err(_) => text.iter().map(|byte| char::from(*byte)).collect(),
        })
    }

    /// Unsigned numbers.
    ///
    /// # Errors
    /// As [`Tags::bytes_at`], or where the values are of another type.
    pub fn unsigned(&mut self, entry: &Entry) -> Result<Vec<u64>, Broken> {
        if !matches!(entry.kind, 1 | 3 | 4 | 13 | 16 | 18) {
            return Err(Broken::Damaged(format!("tag {} is no unsigned number (type {})", entry.tag, entry.kind)));
        }
        let bytes = self.bytes(entry)?;
        Ok(bytes.chunks_exact(entry.size() as usize).map(|number| self.number(number)).collect())
    }

    /// Quotients of unsigned numbers; those by 0 are not there.
    ///
    /// # Errors
    /// As [`Tags::bytes_at`], or where the values are of another type.
    pub fn rationals(&mut self, entry: &Entry) -> Result<Vec<Option<f64>>, Broken> {
        if entry.kind != 5 {
            return Err(Broken::Damaged(format!("tag {} is no quotient (type {})", entry.tag, entry.kind)));
        }
        let bytes = self.bytes(entry)?;
        let quotient = |pair: &[u8]| {
            let (over, under) = pair.split_at(4);
            let (over, under) = (self.number(over), self.number(under));
            (under != 0).then(|| over as f64 / under as f64)
        };
        Ok(bytes.chunks_exact(8).map(quotient).collect())
    }

    /// The first unsigned number of a tag, if the page has the tag.
    ///
    /// # Errors
    /// As [`Tags::unsigned`].
    pub fn first_unsigned(&mut self, directory: &Directory, tag: u16) -> Result<Option<u64>, Broken> {
        let Some(entry) = directory.get(tag).copied() else { return Ok(None) };
        Ok(self.unsigned(&entry)?.first().copied())
    }

    /// The text of a tag, if the page has the tag and it can be read.
    pub fn text_of(&mut self, directory: &Directory, tag: u16) -> Option<String> {
        let entry = directory.get(tag).copied()?;
        self.text(&entry).ok()
    }
}
