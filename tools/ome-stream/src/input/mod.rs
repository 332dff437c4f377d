//! Where frames come from: one trait, and a file for each kind of input.

mod npy;
mod npy_header;
mod raw;
mod tiff;
mod tiff_description;

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use ome_stream::settings::DataType;

/// The path that stands for standard input.
pub const STANDARD_INPUT: &str = "-";

/// Bytes that small reads are gathered to; larger ones go past the buffer.
const READ_BUFFER: usize = 256 * 1024;

/// What an input is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// Frames one after another, without a header.
    Raw,
    /// NumPy's array file.
    Npy,
    /// Multi-page TIFF.
    Tiff,
}

/// Shape and pixel type, where an input tells them itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Extent of each axis, slowest first; the last two are rows and columns of a frame.
    pub shape: Vec<u64>,
    /// Type of a pixel.
    pub dtype: DataType,
}

impl Image {
    /// Rows and columns of a frame.
    pub fn frame(&self) -> (u64, u64) {
        match self.shape.as_slice() {
            [.., rows, columns] => (*rows, *columns),
            _ => (0, 0),
        }
    }
}

/// How many frames there are, as far as can be told without reading them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Frames {
    /// Whole frames that are there.
    pub present: Option<u64>,
    /// Frames that the input says it holds.
    pub declared: Option<u64>,
}

/// What reading a frame came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// A whole frame.
    Frame,
    /// The input ended where a frame ends.
    End,
}

/// Why an input cannot be read (on).
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// It ended within a frame.
    #[error("it ends within a frame, after {got} of the frame's {frame} bytes")]
    Cut {
        /// Bytes of the last frame that are there.
        got: u64,
        /// Bytes of a frame.
        frame: u64,
    },
    /// It ended within its header.
    #[error("it ends within its header")]
    CutHeader,
    /// It is not what it should be.
    #[error("{0}")]
    Unusable(String),
    /// The operating system refused.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// An input that is read frame by frame.
pub trait FrameSource {
    /// Shape and pixel type, where the input tells them.
    fn image(&self) -> Option<&Image>;

    /// How many frames of `frame_bytes` bytes there are.
    fn frames(&self, frame_bytes: u64) -> Frames;

    /// Reads the next frame; `frame` has exactly the size of one and holds nothing of use after an error.
    fn next_frame(&mut self, frame: &mut [u8]) -> Result<Next, InputError>;
}

/// Opens an input. `kind` is what the user says; otherwise the name's ending tells, and raw is what is left.
pub fn open(path: &Path, kind: Option<Kind>) -> Result<Box<dyn FrameSource>, InputError> {
    let standard = path == Path::new(STANDARD_INPUT);
    let kind = kind.unwrap_or_else(|| if standard { Kind::Raw } else { kind_of(path) });
    if standard {
        let reader = BufReader::with_capacity(READ_BUFFER, io::stdin().lock());
        return match kind {
            Kind::Raw => Ok(Box::new(raw::Raw::new(reader, None))),
            Kind::Npy => Ok(Box::new(npy::Npy::new(reader, None)?)),
            Kind::Tiff => Err(InputError::Unusable(
                "a TIFF cannot be read from standard input, because its pages may lie in any order; give a file".into(),
            )),
        };
    }
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(InputError::Unusable("it is a folder; give a file, or - for standard input".into()));
    }
    // Pipes and devices have names too, and no length.
    let length = metadata.is_file().then_some(metadata.len());
    let reader = BufReader::with_capacity(READ_BUFFER, file);
    Ok(match kind {
        Kind::Raw => Box::new(raw::Raw::new(reader, length)),
        Kind::Npy => Box::new(npy::Npy::new(reader, length)?),
        Kind::Tiff => Box::new(tiff::Tiff::new(reader)?),
    })
}

fn kind_of(path: &Path) -> Kind {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    match ending.as_deref() {
        Some("npy") => Kind::Npy,
        Some("tif" | "tiff" | "btf" | "tf8") => Kind::Tiff,
        _ => Kind::Raw,
    }
}

/// Fills `buffer` as far as the input goes; returns how far.
fn read_full(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match reader.read(rest) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Reads a frame of bytes that are stored as they are.
fn read_bytes(reader: &mut impl Read, frame: &mut [u8]) -> Result<Next, InputError> {
    match read_full(reader, frame)? {
        0 => Ok(Next::End),
        got if got == frame.len() => Ok(Next::Frame),
        got => Err(InputError::Cut { got: got as u64, frame: frame.len() as u64 }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_tells_the_kind_in_either_letter_case() {
        assert_eq!(kind_of(Path::new("a/stack.NPY")), Kind::Npy);
        assert_eq!(kind_of(Path::new("a/stack.ome.tif")), Kind::Tiff);
        assert_eq!(kind_of(Path::new("stack.TIFF")), Kind::Tiff);
        assert_eq!(kind_of(Path::new("npy")), Kind::Raw);
        assert_eq!(kind_of(Path::new("a.npy/frames")), Kind::Raw);
    }

    /// Gives one byte at a time, with interruptions, as a slow pipe does.
    struct Dribble<'a>(&'a [u8], bool);

    impl Read for Dribble<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let count = buffer.len().min(self.0.len()).min(1);
            let (now, later) = self.0.split_at(count);
            buffer[..count].copy_from_slice(now);
            self.0 = later;
            Ok(count)
        }
    }

    #[test]
    fn frames_are_whole_however_slowly_they_come() {
        let mut reader = Dribble(b"abcdefgh", false);
        let mut frame = [0; 3];
        assert!(matches!(read_bytes(&mut reader, &mut frame), Ok(Next::Frame)));
        assert_eq!(&frame, b"abc");
        assert!(matches!(read_bytes(&mut reader, &mut frame), Ok(Next::Frame)));
        assert_eq!(&frame, b"def");
        assert!(matches!(read_bytes(&mut reader, &mut frame), Err(InputError::Cut { got: 2, frame: 3 })));
        assert!(matches!(read_bytes(&mut reader, &mut frame), Ok(Next::End)));
    }
}
