//! Files that are written from their start to their end.

use std::io;

use super::DiskFile;

/// Bytes that are written at a time.
const PIECE: usize = 1 << 20;

/// Writes a file from its start in large pieces; what was pushed last is there after [`Pieces::flush`].
pub(crate) struct Pieces<'a> {
    file: &'a dyn DiskFile,
    offset: u64,
    pending: Vec<u8>,
}

impl<'a> Pieces<'a> {
    /// Nothing is written yet.
    pub(crate) fn new(file: &'a dyn DiskFile) -> Self {
        Self { file, offset: 0, pending: Vec::new() }
    }

    /// Adds bytes at the end.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.pending.extend_from_slice(bytes);
        if self.pending.len() >= PIECE { self.flush() } else { Ok(()) }
    }

    /// Writes what waits.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.file.write_at(self.offset, &self.pending)?;
        self.offset += self.pending.len() as u64;
        self.pending.clear();
        Ok(())
    }
}
