//! Arrays in Fortran order: the first axis is the fastest, so the pixels of a frame lie all over the file.
//!
//! As many frames as a bounded memory holds are gathered in one pass over the file; then the file is read once more. A
//! pipe cannot be, so there all frames must fit.

use std::io::{self, Read};

use super::npy_header::Header;
use super::source::{FrameSource, Frames, Image, InputError, Next, read_full, swap};

/// Opens the same bytes from their beginning once more.
pub type Reopen = Box<dyn FnMut() -> io::Result<Box<dyn Read>>>;

/// Bytes of frames that are gathered in one pass: more memory, fewer passes.
const GATHERED: u64 = 512 << 20;

/// Most bytes of one pixel of all frames, which lie side by side.
const MAX_RUN: u64 = 64 << 20;

/// An array in Fortran order.
pub struct Fortran {
    reader: Box<dyn Read>,
    reopen: Option<Reopen>,
    header: Header,
    declared: u64,
    /// Frames that the file has room for, where it is one.
    present: Option<u64>,
    /// Frames that were handed on.
    read: u64,
    /// Frames that were gathered, from number `read - read % batch` on.
    gathered: Vec<u8>,
    /// Frames of one pass.
    batch: u64,
}

impl Fortran {
    /// An array whose pixels come next from `reader`.
    ///
    /// # Errors
    /// Where it ends early, or would not fit into memory.
    pub fn new(
        reader: Box<dyn Read>,
        header: Header,
        length: Option<u64>,
        reopen: Option<Reopen>,
    ) -> Result<Self, InputError> {
        let (rows, columns) = header.image.frame();
        let size = header.image.dtype.size() as u64;
        let frame = rows * columns * size;
        let declared = header.image.frames();
        let whole = frame * declared;
        let remedy = "save it with numpy.save(file, numpy.ascontiguousarray(array))";
        let refuse = |problem: String| {
            Err(InputError::Unusable(format!("its array is in Fortran order, and {problem}; {remedy}")))
        };
        if let Some(length) = length.filter(|length| *length < whole) {
            return refuse(format!("it ends after {length} of {whole} bytes, so that no frame is whole"));
        }
        if declared * size > MAX_RUN {
            return refuse(format!(
                "each pixel of its {declared} frames takes {} bytes, up to {MAX_RUN} are read",
                declared * size
            ));
        }
        let batch = (GATHERED / frame.max(1)).clamp(1, declared.max(1));
        if reopen.is_none() && batch < declared {
            return refuse(format!(
                "its {whole} bytes come through a pipe, which can be read once only (up to {GATHERED} bytes)"
            ));
        }
        let present = length.map(|_| declared);
        Ok(Self { reader, reopen, header, declared, present, read: 0, gathered: Vec::new(), batch })
    }

    /// Where frame `number` lies among all of one pixel: frames are counted with the last axis fastest, there the first
    /// is.
    fn place(&self, number: u64) -> u64 {
        let leading = self.header.image.shape.iter().take(self.header.image.shape.len().saturating_sub(2));
        let extents: Vec<u64> = leading.copied().collect();
        let mut indices = vec![0; extents.len()];
        let mut rest = number;
        for (index, extent) in indices.iter_mut().zip(&extents).rev() {
            *index = rest % extent;
            rest /= extent;
        }
        let (mut place, mut stride) = (0, 1);
        for (index, extent) in indices.iter().zip(&extents) {
            place += index * stride;
            stride *= extent;
        }
        place
    }

    fn gather(&mut self) -> Result<(), InputError> {
        if self.read > 0 {
            let again = self.reopen.as_mut().ok_or_else(|| io::Error::other("a pipe cannot be read again"))?;
            self.reader = again()?;
            let skipped = io::copy(&mut self.reader.by_ref().take(self.header.bytes), &mut io::sink())?;
            if skipped < self.header.bytes {
                return Err(InputError::CutHeader);
            }
        }
        let (rows, columns) = self.header.image.frame();
        let size = self.header.image.dtype.size();
        let frame = (rows * columns) as usize * size;
        let count = self.batch.min(self.declared - self.read) as usize;
        self.gathered.clear();
        let no_memory = |_| InputError::Unusable(format!("there is no memory for {count} frames of {frame} bytes"));
        self.gathered.try_reserve_exact(count * frame).map_err(no_memory)?;
        self.gathered.resize(count * frame, 0);
        let places: Vec<usize> = (self.read..).take(count).map(|number| self.place(number) as usize * size).collect();
        let mut run = vec![0; self.declared as usize * size];
        for column in 0..columns as usize {
            for row in 0..rows as usize {
                let got = read_full(&mut self.reader, &mut run)?;
                if got < run.len() {
                    return Err(InputError::Unusable(
                        "it ends early, and in Fortran order no frame is whole before the end".into(),
                    ));
                }
                let at = (row * columns as usize + column) * size;
                for (place, into) in places.iter().zip(self.gathered.chunks_exact_mut(frame)) {
                    if let (Some(into), Some(from)) = (into.get_mut(at..at + size), run.get(*place..place + size)) {
                        into.copy_from_slice(from);
                    }
                }
            }
        }
        if self.header.big_endian {
            swap(&mut self.gathered, size);
        }
        Ok(())
    }
}

impl FrameSource for Fortran {
    fn image(&self) -> Option<&Image> {
        Some(&self.header.image)
    }

    fn frames(&self, _frame_bytes: u64) -> Frames {
        Frames { present: self.present, declared: Some(self.declared) }
    }

    fn next_frame(&mut self, frame: &mut [u8]) -> Result<Next, InputError> {
        if self.read == self.declared {
            return match read_full(&mut self.reader, &mut [0])? {
                0 => Ok(Next::End),
                _ => Err(InputError::Unusable("it goes on after its array; one array is read".into())),
            };
        }
        let nth = self.read % self.batch;
        if nth == 0 {
            self.gather()?;
        }
        let from = nth as usize * frame.len();
        if let Some(pixels) = self.gathered.get(from..from + frame.len()) {
            frame.copy_from_slice(pixels);
        }
        self.read += 1;
        Ok(Next::Frame)
    }
}
