//! Where frames come from: one trait, and a file for each kind of input.

mod folder;
mod fortran;
mod known;
mod micromanager;
mod ndtiff;
mod npy;
mod npy_header;
mod npz;
mod raw;
mod signature;
mod tiff;
pub mod units;
mod window;

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::path::Path;

use ome_stream::settings::DataType;

pub use known::Known;

use self::signature::Container;

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
    /// NumPy's archive, with one array.
    Npz,
    /// TIFF, also of ImageJ, OME, Micro-Manager, ScanImage; LSM and STK.
    Tiff,
}

/// What the user says of an input.
#[derive(Debug, Clone, Copy, Default)]
pub struct Asked {
    /// What it is.
    pub kind: Option<Kind>,
    /// The dimensions are given: what the input says of its frames' order need not fit.
    pub dimensions: bool,
}

/// Shape and pixel type, where an input tells them itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Extent of each axis, slowest first; the last two are rows and columns of a frame.
    pub shape: Vec<u64>,
    /// Type of a pixel.
    pub dtype: DataType,
    /// Names of the axes, a letter each, where the input tells them.
    pub axes: Option<String>,
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

    /// What else the input tells.
    fn known(&self) -> Option<&Known> {
        None
    }

    /// How many frames of `frame_bytes` bytes there are.
    fn frames(&self, frame_bytes: u64) -> Frames;

    /// Reads the next frame; `frame` has exactly the size of one and holds nothing of use after an error.
    fn next_frame(&mut self, frame: &mut [u8]) -> Result<Next, InputError>;

    /// Metadata of the frame that was read last, as a JSON object.
    fn frame_metadata(&self) -> Option<&str> {
        None
    }

    /// Passes over `frames` frames; returns how many there were. `frame` has the size of one.
    fn skip(&mut self, frames: u64, frame: &mut [u8]) -> Result<u64, InputError> {
        for nth in 0..frames {
            if self.next_frame(frame)? == Next::End {
                return Ok(nth);
            }
        }
        Ok(frames)
    }
}

/// Opens an input. What the user says comes first, then the first bytes; the name's ending is only asked where those tell
/// nothing, so that a damaged file is not taken for raw frames.
///
/// # Errors
/// Where it cannot be read, or is of a kind that is not.
pub fn open(path: &Path, asked: Asked) -> Result<Box<dyn FrameSource>, InputError> {
    if path == Path::new(STANDARD_INPUT) {
        return open_pipe(BufReader::with_capacity(READ_BUFFER, io::stdin().lock()), None, asked);
    }
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return folder::open(path, asked);
    }
    let reader = BufReader::with_capacity(READ_BUFFER, file);
    // Pipes and devices have names too, and no length.
    if !metadata.is_file() {
        return open_pipe(reader, Some(path), asked);
    }
    let (first, reader) = peek(reader)?;
    let length = Some(metadata.len());
    Ok(match kind(&first, Some(path), asked)? {
        Kind::Raw => Box::new(raw::Raw::new(reader, length)),
        Kind::Npy => npy::open(reader, length, Some(reopen(path)))?,
        Kind::Npz => npz::open(path)?,
        Kind::Tiff => match ndtiff::of_file(path, &first, asked)? {
            Some(data_set) => data_set,
            None => Box::new(tiff::Tiff::open(path, asked)?),
        },
    })
}

fn open_pipe(
    reader: impl Read + 'static,
    path: Option<&Path>,
    asked: Asked,
) -> Result<Box<dyn FrameSource>, InputError> {
    let (first, reader) = peek(reader)?;
    Ok(match kind(&first, path, asked)? {
        Kind::Raw => Box::new(raw::Raw::new(reader, None)),
        Kind::Npy => npy::open(reader, None, None)?,
        Kind::Npz => {
            return Err(InputError::Unusable(
                "an .npz cannot be read from a pipe, because its directory is at its end; give a file, or pipe a .npy"
                    .into(),
            ));
        }
        Kind::Tiff => {
            return Err(InputError::Unusable(
                "a TIFF cannot be read from a pipe or from standard input, because its pages may lie in any order; give a file"
                    .into(),
            ));
        }
    })
}

/// Opens the same file once more.
fn reopen(path: &Path) -> npy::Reopen {
    let path = path.to_owned();
    Box::new(move || Ok(Box::new(BufReader::with_capacity(READ_BUFFER, File::open(&path)?))))
}

/// The first bytes, and a reader that gives them once more.
fn peek(mut reader: impl Read + 'static) -> io::Result<(Vec<u8>, Box<dyn Read>)> {
    let mut first = vec![0; signature::BYTES];
    let got = read_full(&mut reader, &mut first)?;
    first.truncate(got);
    Ok((first.clone(), Box::new(Cursor::new(first).chain(reader))))
}

fn kind(first: &[u8], path: Option<&Path>, asked: Asked) -> Result<Kind, InputError> {
    if let Some(kind) = asked.kind {
        return Ok(kind);
    }
    match signature::container(first) {
        Some(Container::Tiff) => Ok(Kind::Tiff),
        Some(Container::Npy) => Ok(Kind::Npy),
        Some(Container::Npz) => Ok(Kind::Npz),
        Some(Container::Foreign(what, remedy)) => Err(InputError::Unusable(format!(
            "it is {what}, which is not read; {remedy}. If these are frames that happen to begin like one, say -t raw"
        ))),
        None => match path.map_or(Kind::Raw, kind_of) {
            Kind::Raw => Ok(Kind::Raw),
            Kind::Tiff => Err(InputError::Unusable(
                "it is not a TIFF file: it does not begin as one; say -t raw if it is frames without a header".into(),
            )),
            Kind::Npy => Err(match first.is_empty() || !b"\x93NUMPY".starts_with(first) {
                true => InputError::Unusable(
                    "it is not a .npy file: it does not begin with NumPy's magic; say -t raw if it is frames without a header"
                        .into(),
                ),
                false => InputError::CutHeader,
            }),
            Kind::Npz => Err(InputError::Unusable("it is not an .npz file: it does not begin as a ZIP archive".into())),
        },
    }
}

/// What the ending of a name promises.
fn kind_of(path: &Path) -> Kind {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    match ending.as_deref() {
        Some("npy") => Kind::Npy,
        Some("npz") => Kind::Npz,
        Some("tif" | "tiff" | "btf" | "tf8" | "tf2" | "lsm" | "stk") => Kind::Tiff,
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
