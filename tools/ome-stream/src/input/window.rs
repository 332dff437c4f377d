//! A file that is read here and there: small reads come from one small buffer, large ones go past it.
//!
//! A `BufReader` gives up its buffer at every seek, and directories of a TIFF are a seek each.

use std::io::{self, Read, Seek, SeekFrom};

/// Bytes that a small read brings along: a directory and the values near it.
const BUFFER: usize = 4096;

/// A reader that keeps what it has when it is moved within it.
pub struct Window<R> {
    inner: R,
    length: u64,
    /// Where the next byte is read.
    position: u64,
    /// Where `inner` is, if that is known.
    inner_at: Option<u64>,
    buffer: Vec<u8>,
    /// Place of the buffer's first byte.
    start: u64,
}

impl<R: Read + Seek> Window<R> {
    /// At the beginning of `inner`.
    pub fn new(mut inner: R) -> io::Result<Self> {
        let length = inner.seek(SeekFrom::End(0))?;
        Ok(Self { inner, length, position: 0, inner_at: None, buffer: Vec::new(), start: 0 })
    }

    /// Bytes of the whole file.
    pub fn length(&self) -> u64 {
        self.length
    }

    fn go(&mut self) -> io::Result<()> {
        if self.inner_at != Some(self.position) {
            self.inner_at = None;
            self.inner.seek(SeekFrom::Start(self.position))?;
            self.inner_at = Some(self.position);
        }
        Ok(())
    }
}

impl<R: Read + Seek> Read for Window<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let skip = self.position.checked_sub(self.start).and_then(|skip| usize::try_from(skip).ok());
        let mut kept = skip.and_then(|skip| self.buffer.get(skip..)).filter(|kept| !kept.is_empty());
        if kept.is_none() && into.len() >= BUFFER {
            self.go()?;
            let got = self.inner.read(into)?;
            self.position += got as u64;
            self.inner_at = Some(self.position);
            return Ok(got);
        }
        if kept.is_none() {
            self.go()?;
            self.buffer.resize(BUFFER, 0);
            let got = self.inner.read(&mut self.buffer).inspect_err(|_| self.start = u64::MAX)?;
            self.buffer.truncate(got);
            self.start = self.position;
            self.inner_at = Some(self.position + got as u64);
            kept = self.buffer.get(..);
        }
        let kept = kept.unwrap_or_default();
        let count = kept.len().min(into.len());
        if let (Some(into), Some(from)) = (into.get_mut(..count), kept.get(..count)) {
            into.copy_from_slice(from);
        }
        self.position += count as u64;
        Ok(count)
    }
}

impl<R> Seek for Window<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(place) => Some(place),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
            SeekFrom::End(by) => self.length.checked_add_signed(by),
        };
        self.position = target.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Cursor;

    proptest! {
        #[test]
        fn what_is_read_is_what_is_there(moves in prop::collection::vec((0u64..20_000, 1usize..9000), 1..40)) {
            let whole: Vec<u8> = (0..17_000u32).map(|byte| (byte % 251) as u8).collect();
            let mut window = Window::new(Cursor::new(whole.clone())).expect("in memory");
            for (place, count) in moves {
                window.seek(SeekFrom::Start(place)).expect("moved");
                let mut got = vec![0; count];
                let filled = crate::input::source::read_full(&mut window, &mut got).expect("read");
                let from = whole.len().min(place as usize);
                prop_assert_eq!(&got[..filled], &whole[from..whole.len().min(from + count)]);
            }
        }
    }
}
