//! Full resolution as a run takes it: plane by plane, each chunk read once where memory allows it.

use super::Pixels;
use super::image::Image;
use crate::convert::damaged;
use crate::error::{Error, Result};
use crate::router::StorageIndex;

/// Planes that follow one another along the axis along which chunks are deepest, read together.
pub(super) struct Blocks<'a> {
    image: &'a Image<'a>,
    pixels: &'a dyn Pixels,
    axis: Option<usize>,
    depth: u64,
    frame_bytes: usize,
    /// Where the planes in `planes` begin.
    start: Option<Vec<u64>>,
    planes: Vec<u8>,
}

impl<'a> Blocks<'a> {
    /// Of an image, `depth` planes at a time.
    pub(super) fn new(image: &'a Image<'a>, pixels: &'a dyn Pixels, depth: u64) -> Self {
        let frame_bytes = usize::try_from(image.frame_bytes()).unwrap_or(usize::MAX);
        Self { image, pixels, axis: image.deepest(), depth, frame_bytes, start: None, planes: Vec::new() }
    }

    /// The plane at a place.
    pub(super) fn frame(&mut self, index: &StorageIndex) -> Result<&[u8]> {
        let shape = &self.image.document.shape;
        let mut start: Vec<u64> = index.iter().copied().take(shape.len().saturating_sub(2)).collect();
        let mut nth = 0;
        if let Some(at) = self.axis.and_then(|axis| start.get_mut(axis)) {
            nth = *at % self.depth;
            *at -= nth;
        }
        if self.start.as_ref().is_none_or(|known| *known != start) {
            self.read(&start)?;
        }
        let nth = usize::try_from(nth).unwrap_or(usize::MAX);
        let from = nth.saturating_mul(self.frame_bytes);
        self.planes
            .get(from..from.saturating_add(self.frame_bytes))
            .ok_or(Error::Internal { place: "levels of a store", message: "a plane was not read".to_owned() })
    }

    fn read(&mut self, start: &[u64]) -> Result<()> {
        let shape = &self.image.document.shape;
        let mut count = vec![1; start.len()];
        if let Some(axis) = self.axis {
            count[axis] = self.depth.min(shape[axis] - start[axis]);
        }
        let planes: u64 = count.iter().product();
        let bytes = usize::try_from(planes).unwrap_or(usize::MAX).saturating_mul(self.frame_bytes);
        if self.planes.len() < bytes {
            let refused = |_| Error::OutOfMemory { bytes: bytes as u64, purpose: "planes of full resolution" };
            self.planes.try_reserve_exact(bytes - self.planes.len()).map_err(refused)?;
            self.planes.resize(bytes, 0);
        }
        self.start = None;
        let read = self.pixels.read(start, &count, &mut self.planes[..bytes]);
        read.map_err(|why| damaged(&self.image.full, &format!("the planes at {start:?} cannot be read: {why}")))?;
        self.start = Some(start.to_vec());
        Ok(())
    }
}
