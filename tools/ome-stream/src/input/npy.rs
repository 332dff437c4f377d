//! NumPy's array file, read frame by frame; also from a pipe.

use std::io::Read;

use super::npy_header::{self, Header};
use super::{FrameSource, Frames, Image, InputError, Next, read_bytes, read_full};

/// A `.npy` file of two or more axes in C order.
pub struct Npy<R> {
    reader: R,
    image: Image,
    /// Frames that the header declares.
    declared: u64,
    /// Frames that were read.
    read: u64,
    /// Bytes of pixels, where the input is a file.
    length: Option<u64>,
}

impl<R: Read> Npy<R> {
    /// Reads the header; `length` is that of the whole file, where it is one.
    pub fn new(mut reader: R, length: Option<u64>) -> Result<Self, InputError> {
        let Header { image, bytes } = npy_header::read(&mut reader)?;
        let length = length.map(|length| length.saturating_sub(bytes));
        let (rows, columns) = image.frame();
        let axes = image.shape.len().saturating_sub(2);
        // The header's reader has made sure that no product of the shape overflows.
        let declared: u64 = image.shape.iter().take(axes).product();
        let whole = declared * rows * columns * image.dtype.size() as u64;
        match length {
            Some(length) if length > whole => Err(InputError::Unusable(format!(
                "it goes on for {} bytes after its array of {whole} bytes; one array to a file is read",
                length - whole
            ))),
            _ => Ok(Self { reader, image, declared, read: 0, length }),
        }
    }
}

impl<R: Read> FrameSource for Npy<R> {
    fn image(&self) -> Option<&Image> {
        Some(&self.image)
    }

    fn frames(&self, frame_bytes: u64) -> Frames {
        Frames {
            present: self.length.and_then(|length| length.checked_div(frame_bytes)),
            declared: Some(self.declared),
        }
    }

    fn next_frame(&mut self, frame: &mut [u8]) -> Result<Next, InputError> {
        if self.read == self.declared {
            return match read_full(&mut self.reader, &mut [0])? {
                0 => Ok(Next::End),
                _ => Err(InputError::Unusable("it goes on after its array; one array is read".into())),
            };
        }
        let next = read_bytes(&mut self.reader, frame)?;
        self.read += u64::from(next == Next::Frame);
        Ok(next)
    }
}
