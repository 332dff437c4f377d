//! Uniform random pixels: nothing can be compressed.

use rand::rngs::SmallRng;
use rand::{Rng, RngExt, SeedableRng};

use super::pixel::{self, Shape};

/// Any number will do, and always the same one: runs of different days write the same pixels.
const SEED: u64 = 0x9E37_79B9_7F4A_7C15;

/// Fills frame `number`: random bits for integers, random numbers of the camera's range for floats (random bits would
/// hold values that are no numbers).
pub fn fill(frame: &mut [u8], shape: Shape, number: u64) {
    let mut random = SmallRng::seed_from_u64(SEED ^ number);
    if pixel::is_float(shape.dtype) {
        let white = pixel::white(shape.dtype) / 2.0;
        for target in frame.chunks_exact_mut(shape.dtype.size()) {
            pixel::store(shape.dtype, random.random::<f32>() * white, target);
        }
    } else {
        random.fill_bytes(frame);
    }
}
