//! What every kind of input is made of: the trait of sources, what they tell, and reading to the end.

use std::io::{self, Read};

use ome_stream::settings::DataType;

use super::known::Known;

/// Bytes that small reads are gathered to; larger ones go past the buffer.
pub const READ_BUFFER: usize = 256 * 1024;

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

    /// Number of frames, where no product of the shape overflows.
    pub fn frames(&self) -> u64 {
        self.shape.iter().take(self.shape.len().saturating_sub(2)).product()
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

/// Fills `buffer` as far as the input goes; returns how far.
pub fn read_full(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
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
pub fn read_bytes(reader: &mut impl Read, frame: &mut [u8]) -> Result<Next, InputError> {
    match read_full(reader, frame)? {
        0 => Ok(Next::End),
        got if got == frame.len() => Ok(Next::Frame),
        got => Err(InputError::Cut { got: got as u64, frame: frame.len() as u64 }),
    }
}

/// Pixels of the other byte order.
pub fn swap(pixels: &mut [u8], size: usize) {
    match size {
        2 => pixels.chunks_exact_mut(2).for_each(<[u8]>::reverse),
        4 => pixels.chunks_exact_mut(4).for_each(<[u8]>::reverse),
        8 => pixels.chunks_exact_mut(8).for_each(<[u8]>::reverse),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
