//! What waits until all planes of a window have come.

use super::bits::Stored;
use super::fold::Fold;
use super::kernel::{FinishStates, FoldPiece, JoinStates, Target, fast};
use super::pick::Pick;
use super::piece::Piece;
use super::reducer::{Reducer, Use, pick_pieces};
use crate::error::{Error, Result};

/// Planes of a window that come one by one, in any order, and what is kept of them: sums, or the smallest or largest
/// pixels so far, in the size of the plane that will be made; for [`Median`](super::Method::Median) and
/// [`Mode`](super::Method::Mode) all pixels; for [`Nearest`](super::Method::Nearest) those of the first plane.
///
/// What is made does not depend on the order in which planes come. Integers and comparisons do not care. Sums of floats
/// would: of two planes they do not, as a + b is b + a; of more, the sums of each plane are kept, and added in the order
/// of the planes.
///
/// The memory is the caller's, of [`Accumulator::bytes`], with any content.
#[derive(Debug)]
pub struct Accumulator<M> {
    reducer: Reducer,
    memory: M,
    /// A bit for each plane that has come.
    seen: u64,
}

impl Accumulator<()> {
    /// Bytes of what is kept of the planes of a window until all have come: what a plan has to count for each window
    /// that is open at once.
    #[must_use]
    pub fn bytes(reducer: &Reducer) -> u64 {
        reducer.with(Bytes(reducer))
    }
}

impl<M: AsMut<[u8]>> Accumulator<M> {
    /// For the planes of one window.
    ///
    /// # Errors
    /// [`Error::Internal`] where there is too little memory.
    pub fn new(reducer: &Reducer, mut memory: M) -> Result<Self> {
        let (got, needed) = (memory.as_mut().len() as u64, Accumulator::bytes(reducer));
        if got < needed {
            return Err(internal(format!("{got} bytes for planes that wait, which need {needed}")));
        }
        Ok(Self { reducer: *reducer, memory, seen: 0 })
    }

    /// Planes that have come.
    #[must_use]
    pub fn planes(&self) -> usize {
        self.seen.count_ones() as usize
    }

    /// Takes plane `nth` of the window, in pieces that cover it.
    ///
    /// # Errors
    /// [`Error::Internal`] for a plane that has come already or that the window does not have, and for pieces that cut
    /// a window. After an error in the midst of a plane the outcome is undefined.
    pub fn add<'a>(&mut self, nth: usize, pieces: impl IntoIterator<Item = Piece<'a>>) -> Result<()> {
        if nth >= self.reducer.planes() || self.seen & 1 << nth != 0 {
            return Err(internal(format!("plane {nth} of a window of {}, once more", self.reducer.planes())));
        }
        let seen = self.seen;
        for piece in pieces {
            self.reducer.check(&piece)?;
            add(Add { reducer: &self.reducer, memory: self.memory.as_mut(), seen, nth, piece });
        }
        self.seen |= 1 << nth;
        Ok(())
    }

    /// Takes a plane without a frame, whose pixels are all fill value (zero) in the level above.
    ///
    /// # Errors
    /// As for [`Self::add`]; [`Error::OutOfMemory`].
    pub fn add_fill(&mut self, nth: usize) -> Result<()> {
        let ((rows, columns), item) = (self.reducer.frame(), self.reducer.item());
        let (mut row, bytes) = (Vec::new(), columns * item);
        let refused = |_| Error::OutOfMemory { bytes: bytes as u64, purpose: "a row of a level" };
        row.try_reserve_exact(bytes).map_err(refused)?;
        row.resize(bytes, 0);
        // The same row again and again.
        self.add(nth, [Piece { stride: 0, ..Piece::whole(&row, (rows, columns), item) }])
    }

    /// Gives up what is kept of the planes.
    pub fn into_memory(self) -> M {
        self.memory
    }

    /// Makes the plane of those that have come, as if the window had no others; gives the memory back. Without any, and
    /// by [`Nearest`](super::Method::Nearest) without the first, it is fill value.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    ///
    /// # Panics
    /// If `made` is shorter than [`Reducer::made_bytes`].
    pub fn finish(mut self, made: &mut [u8]) -> Result<M> {
        let made = &mut made[..self.reducer.made_bytes()];
        if self.seen == 0 {
            made.fill(0);
        } else {
            let memory = self.memory.as_mut();
            finish(Finish { reducer: &self.reducer, memory, seen: self.seen, made })?;
        }
        Ok(self.memory)
    }
}

/// Apart from what callers compile anew for their kind of memory: all kernels hang on it.
fn add(add: Add<'_>) {
    add.reducer.with(add);
}

/// As [`add`].
fn finish(finish: Finish<'_>) -> Result<()> {
    finish.reducer.with(finish)
}

fn internal(message: String) -> Error {
    Error::Internal { place: "the pyramid", message }
}

/// States of a plane that are kept apart: those of each, or all in one place.
fn places<F: Fold>(reducer: &Reducer) -> usize {
    if F::IN_ORDER && reducer.planes() > 2 { reducer.planes() } else { 1 }
}

/// Bytes of the states of one place.
fn place_bytes<F: Fold>(reducer: &Reducer) -> usize {
    let (rows, columns) = reducer.made();
    rows * columns * F::State::SIZE
}

struct Bytes<'a>(&'a Reducer);

impl Use for Bytes<'_> {
    type Outcome = u64;

    fn fold<F: Fold>(self, _: F) -> u64 {
        let (rows, columns) = self.0.made();
        [rows, columns, F::State::SIZE, places::<F>(self.0)].iter().fold(1, |bytes, each| bytes * *each as u64)
    }

    fn pick<P: Pick>(self, _: P) -> u64 {
        let (rows, columns) = self.0.frame();
        [rows, columns, self.0.item(), self.0.planes()].iter().fold(1, |bytes, each| bytes * *each as u64)
    }
}

struct Add<'a> {
    reducer: &'a Reducer,
    memory: &'a mut [u8],
    seen: u64,
    nth: usize,
    piece: Piece<'a>,
}

impl Use for Add<'_> {
    type Outcome = ();

    fn fold<F: Fold>(self, fold: F) {
        let Self { reducer, memory, seen, nth, piece } = self;
        let (bytes, places) = (place_bytes::<F>(reducer), places::<F>(reducer));
        let target = match (F::FIRST_ONLY, places, seen) {
            (true, ..) if nth > 0 => return,
            (false, 1, 1..) => Target::Joined(memory),
            (_, 1, _) => Target::States(memory),
            _ => Target::States(&mut memory[nth * bytes..]),
        };
        fast(FoldPiece { fold, piece, window: reducer.in_plane(), columns: reducer.made().1, target });
    }

    fn pick<P: Pick>(self, _: P) {
        let Self { reducer, memory, nth, piece, .. } = self;
        let ((rows, columns), item) = (reducer.frame(), reducer.item());
        let lines = memory[nth * rows * columns * item..].chunks_exact_mut((columns * item).max(1)).skip(piece.row);
        for (row, line) in lines.take(piece.rows).enumerate() {
            line[piece.column * item..][..piece.columns * item].copy_from_slice(piece.line(row, item));
        }
    }
}

struct Finish<'a> {
    reducer: &'a Reducer,
    memory: &'a mut [u8],
    seen: u64,
    made: &'a mut [u8],
}

impl Finish<'_> {
    /// Planes that have come, in order.
    fn planes(&self) -> impl Iterator<Item = usize> + use<> {
        let seen = self.seen;
        (0..u64::BITS as usize).filter(move |nth| seen & 1 << nth != 0)
    }
}

impl Use for Finish<'_> {
    type Outcome = Result<()>;

    fn fold<F: Fold>(self, fold: F) -> Result<()> {
        let bytes = place_bytes::<F>(self.reducer);
        let mut planes = self.planes();
        let Self { reducer, mut memory, seen, made } = self;
        if F::FIRST_ONLY && seen & 1 == 0 {
            made.fill(0);
            return Ok(());
        }
        if places::<F>(reducer) > 1 {
            let first = planes.next().unwrap_or_default();
            let (before, after) = memory[first * bytes..].split_at_mut(bytes);
            for nth in planes {
                let after = &after[(nth - first - 1) * bytes..][..bytes];
                fast(JoinStates { fold, before, after });
            }
            memory = before;
        }
        let (down, across) = reducer.in_plane();
        let window = (seen.count_ones() as usize, down, across);
        fast(FinishStates { fold, states: &memory[..bytes], above: reducer.frame(), window, pixels: made });
        Ok(())
    }

    fn pick<P: Pick>(self, pick: P) -> Result<()> {
        let (frame, item) = (self.reducer.frame(), self.reducer.item());
        let plane = frame.0 * frame.1 * item;
        let of = |nth: usize| Piece::whole(&self.memory[nth * plane..][..plane], frame, item);
        let pieces: Vec<Piece<'_>> = self.planes().map(of).collect();
        pick_pieces(self.reducer, pick, &pieces, self.reducer.made().1, self.made)
    }
}
