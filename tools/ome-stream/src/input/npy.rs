//! NumPy's array file, read frame by frame; also from a pipe.

use std::io::Read;

use super::fortran::{Fortran, Reopen};
use super::npy_header::{self, Header};
use super::source::{FrameSource, Frames, Image, InputError, Next, read_bytes, read_full, swap};

/// Reads the header; `length` is that of the whole file, where it is one.
///
/// # Errors
/// Where the header cannot be read, or the array cannot be taken.
pub fn open(
    mut reader: Box<dyn Read>,
    length: Option<u64>,
    reopen: Option<Reopen>,
) -> Result<Box<dyn FrameSource>, InputError> {
    let header = npy_header::read(&mut reader)?;
    let length = length.map(|length| length.saturating_sub(header.bytes));
    let whole = header.image.shape.iter().product::<u64>() * header.image.dtype.size() as u64;
    if let Some(length) = length.filter(|length| *length > whole) {
        return Err(InputError::Unusable(format!(
            "it goes on for {} bytes after its array of {whole} bytes; one array to a file is read",
            length - whole
        )));
    }
    if header.fortran && header.image.shape.iter().filter(|extent| **extent > 1).count() > 1 {
        return Ok(Box::new(Fortran::new(reader, header, length, reopen)?));
    }
    Ok(Box::new(Npy::new(reader, header, length)))
}

/// An array of two or more axes in C order.
struct Npy {
    reader: Box<dyn Read>,
    image: Image,
    big_endian: bool,
    /// Frames that the header declares.
    declared: u64,
    /// Frames that were read.
    read: u64,
    /// Bytes of pixels, where the input is a file.
    length: Option<u64>,
}

impl Npy {
    fn new(reader: Box<dyn Read>, header: Header, length: Option<u64>) -> Self {
        let declared = header.image.frames();
        Self { reader, image: header.image, big_endian: header.big_endian, declared, read: 0, length }
    }
}

impl FrameSource for Npy {
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
        if self.big_endian {
            swap(frame, self.image.dtype.size());
        }
        self.read += u64::from(next == Next::Frame);
        Ok(next)
    }
}
