//! Raw frames: pixels one after another, rows first, little-endian, without a header.

use std::io::Read;

use super::source::{FrameSource, Frames, Image, InputError, Next, read_bytes};

/// Raw frames from anything that can be read.
pub struct Raw<R> {
    reader: R,
    /// Bytes of the whole file, where it is one.
    length: Option<u64>,
}

impl<R: Read> Raw<R> {
    pub fn new(reader: R, length: Option<u64>) -> Self {
        Self { reader, length }
    }
}

impl<R: Read> FrameSource for Raw<R> {
    fn image(&self) -> Option<&Image> {
        None
    }

    fn frames(&self, frame_bytes: u64) -> Frames {
        Frames { present: self.length.and_then(|length| length.checked_div(frame_bytes)), declared: None }
    }

    fn next_frame(&mut self, frame: &mut [u8]) -> Result<Next, InputError> {
        read_bytes(&mut self.reader, frame)
    }
}
