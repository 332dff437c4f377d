//! Pixels -> fewer pixels: the levels of an image below full resolution. No thread, no buffer of its own.
//!
//! [`levels`] says which levels there are and where their pixels lie. A [`Reducer`] makes a plane of a level of a plane
//! of the level above, by a [`Method`]; where several planes become one, an [`Accumulator`] keeps what is known of those
//! that have come. Planes are read where they lie, in [`Piece`]s: whole, or in the tiles of a slab's buffer.
//!
//! Inside, each method is one of two kinds: a `Fold` takes pixels one by one and keeps a state of fixed size, a `Pick`
//! needs all pixels of a window. Data types of a size share kernels, because pixels that are only compared become
//! unsigned numbers in the same order (`order`). The loops (`kernel`) are plain; the compiler makes them wide, once for
//! every processor and once for those with AVX2, between which the processor decides at run time.

mod accumulator;
mod bits;
mod float16;
mod fold;
mod geometry;
mod kernel;
mod order;
mod pick;
mod piece;
mod reducer;

pub use crate::settings::PyramidMethod as Method;
pub use accumulator::Accumulator;
pub use geometry::{Level, LevelAxis, Shrink, Until, levels};
pub use piece::{Piece, Tiles};
pub use reducer::{MAX_PLANES, MAX_WINDOW, Reducer};

#[cfg(test)]
mod tests;
