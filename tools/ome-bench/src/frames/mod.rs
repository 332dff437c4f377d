//! Pixels, made before the clock starts: a bounded set of distinct frames, used in turn.

mod camera;
mod pixel;
mod random;

use std::io::{self, Write};
use std::thread;

use ome_stream::buffer::{ALIGNMENT, AlignedBuffer};

use self::pixel::Shape;
use crate::measure::cores;
use crate::workload::Workload;

/// What the pixels are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Pixels {
    /// Uniform random bits: nothing can be compressed
    Random,
    /// As from an sCMOS camera: offset, shot noise, read noise, structure
    Camera,
}

/// Most bytes of distinct frames: well above the processor's caches, so that no engine reads its frames from there.
const MOST_BYTES: u64 = 256 << 20;

/// Distinct frames in memory that direct writes take, for as long as the program runs.
#[derive(Debug, Clone, Copy)]
pub struct Frames {
    all: &'static [u8],
    frame_bytes: usize,
    stride: usize,
    /// What they are.
    pub pixels: Pixels,
}

impl Frames {
    /// Frames for `workload`, the same ones each time.
    ///
    /// # Errors
    /// Where there is no memory for them.
    pub fn generate(workload: &Workload, pixels: Pixels) -> ome_stream::Result<Self> {
        let geometry = workload.plan().geometry();
        let (rows, columns) = geometry.frame();
        let frame_bytes = workload.frame_bytes() as usize;
        let stride = frame_bytes.next_multiple_of(ALIGNMENT);
        // Within a chunk no plane may come twice, or codecs would find the repetition.
        let planes: u64 = geometry.index_part(geometry.chunk()).iter().product();
        let distinct = (MOST_BYTES / stride as u64).max(2).max(planes).min(workload.frames()) as usize;
        let shape = Shape { dtype: workload.plan().dtype(), rows: rows as usize, columns: columns as usize };
        // Lives as long as the program: threads of every engine may read it.
        let all = Box::leak(Box::new(AlignedBuffer::zeroed(stride * distinct, "frames to write")?)).as_mut_slice();
        match pixels {
            Pixels::Random => fill(all, stride, frame_bytes, |frame, nth| random::fill(frame, shape, nth)),
            Pixels::Camera => {
                let specimen = camera::Specimen::new(shape);
                fill(all, stride, frame_bytes, |frame, nth| specimen.expose(frame, nth));
            }
        }
        Ok(Self { all, frame_bytes, stride, pixels })
    }

    /// Pixels of frame `number` of the acquisition.
    pub fn frame(&self, number: u64) -> &'static [u8] {
        let start = (number % self.distinct() as u64) as usize * self.stride;
        self.all.get(start..start + self.frame_bytes).unwrap_or(&[])
    }

    /// How many frames differ.
    pub fn distinct(&self) -> usize {
        (self.all.len() / self.stride.max(1)).max(1)
    }

    /// All of it, one aligned frame after another: payload for writes that need no frame of their own.
    pub fn slab(&self) -> &'static [u8] {
        self.all
    }

    /// Writes the distinct frames one after another, little-endian, without padding.
    pub fn write_to(&self, target: &mut dyn Write) -> io::Result<()> {
        (0..self.distinct() as u64).try_for_each(|number| target.write_all(self.frame(number)))
    }
}

/// Calls `one(frame, number)` for every frame, on all cores.
fn fill(all: &mut [u8], stride: usize, frame_bytes: usize, one: impl Fn(&mut [u8], u64) + Sync) {
    let each = (all.len() / stride).div_ceil(cores()).max(1);
    thread::scope(|scope| {
        for (part, slots) in all.chunks_mut(each * stride).enumerate() {
            let one = &one;
            scope.spawn(move || {
                for (nth, slot) in slots.chunks_mut(stride).enumerate() {
                    let (frame, _) = slot.split_at_mut(frame_bytes);
                    one(frame, (part * each + nth) as u64);
                }
            });
        }
    });
}

#[cfg(test)]
mod tests;
