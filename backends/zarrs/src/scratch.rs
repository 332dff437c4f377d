//! Memory in which a worker puts encoded chunks together, to store them with one write.

use ome_stream::Result;
use ome_stream::buffer::AlignedBuffer;

/// What memory is asked for here.
const PURPOSE: &str = "encoded chunks that are written together";

/// Whole pages on a page boundary.
#[derive(Debug, Default)]
pub(crate) struct Scratch(Option<AlignedBuffer>);

impl Scratch {
    /// Makes room for `length` bytes. What was there before does not matter.
    pub(crate) fn ready(&mut self, length: usize) -> Result<()> {
        if self.room() < length.max(1) {
            // Not both at once.
            self.0 = None;
            self.0 = Some(AlignedBuffer::zeroed(length.max(1), PURPOSE)?);
        }
        Ok(())
    }

    /// Puts `bytes` at `start`, behind what was put before.
    pub(crate) fn put(&mut self, start: usize, bytes: &[u8]) -> Result<()> {
        let end = start + bytes.len();
        if end > self.room() {
            // Rare: noise that a codec makes larger.
            let mut larger = AlignedBuffer::zeroed(end + end / 8, PURPOSE)?;
            larger.as_mut_slice()[..start].copy_from_slice(&self.memory()[..start]);
            self.0 = Some(larger);
        }
        self.memory()[start..end].copy_from_slice(bytes);
        Ok(())
    }

    /// All of it.
    pub(crate) fn memory(&mut self) -> &mut [u8] {
        self.0.as_mut().map_or(&mut [], AlignedBuffer::as_mut_slice)
    }

    fn room(&self) -> usize {
        self.0.as_ref().map_or(0, AlignedBuffer::capacity)
    }
}

#[cfg(test)]
mod tests {
    use ome_stream::buffer::ALIGNMENT;

    use super::*;

    #[test]
    fn what_does_not_fit_moves_to_a_larger_place() {
        let mut scratch = Scratch::default();
        scratch.ready(10).expect("memory");
        assert_eq!(scratch.memory().len(), ALIGNMENT);
        scratch.put(0, &[1; ALIGNMENT]).expect("memory");
        scratch.put(ALIGNMENT, &[2; 5]).expect("memory");
        assert_eq!(scratch.memory().len() % ALIGNMENT, 0);
        assert!(scratch.memory()[..ALIGNMENT].iter().all(|byte| *byte == 1));
        assert_eq!(scratch.memory()[ALIGNMENT..][..6], [2, 2, 2, 2, 2, 0]);
    }
}
