//! The loops over pixels, made twice: as every processor runs them, and for those with AVX2.

use std::ops::Range;

use super::bits::{Bits, Stored};
use super::fold::{Any, Count, Fold, PowerOfTwo};
use super::order::Order;
use super::pick::{KeyOf, Pick, sorted_eight, sorted_four};
use super::piece::Piece;

/// Something to do, as fast as this processor can.
pub(super) trait Work {
    /// Inlined into the function that has the processor's features: what it calls is inlined with it.
    fn run(self);
}

/// Does it.
pub(super) fn fast<W: Work>(work: W) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        #[target_feature(enable = "avx2")]
        fn with_avx2<W: Work>(work: W) {
            work.run();
        }
        // SAFETY: the processor has it.
        return unsafe { with_avx2(work) };
    }
    work.run();
}

/// Where states of windows go.
pub(super) enum Target<'a> {
    /// They are complete: pixels of the level.
    Pixels(&'a mut [u8]),
    /// They wait, the first of their windows.
    States(&'a mut [u8]),
    /// They are joined to those that wait.
    Joined(&'a mut [u8]),
}

/// A stretch of a row of [`Target`].
enum Stretch<'a, F: Fold> {
    Pixels(&'a mut [<F::Bits as Stored>::Raw]),
    States(&'a mut [<F::State as Stored>::Raw]),
    Joined(&'a mut [<F::State as Stored>::Raw]),
}

impl Target<'_> {
    #[inline(always)]
    fn stretch<F: Fold>(&mut self, start: usize, length: usize) -> Stretch<'_, F> {
        match self {
            Self::Pixels(bytes) => Stretch::Pixels(&mut F::Bits::all_mut(bytes)[start..start + length]),
            Self::States(bytes) => Stretch::States(&mut F::State::all_mut(bytes)[start..start + length]),
            Self::Joined(bytes) => Stretch::Joined(&mut F::State::all_mut(bytes)[start..start + length]),
        }
    }
}

/// Puts states of windows of `count` pixels where they go. (Numbered, and not chains of iterators: this is compiled some
/// forty times, and each link of a chain with it.)
#[inline(always)]
fn pour<F: Fold>(fold: F, state: impl Fn(usize) -> F::State, into: Stretch<'_, F>, count: usize) {
    match into {
        Stretch::Pixels(pixels) => finish(fold, state, pixels, count),
        Stretch::States(waiting) => {
            for (nth, waits) in waiting.iter_mut().enumerate() {
                *waits = state(nth).raw();
            }
        }
        Stretch::Joined(waiting) => {
            for (nth, waits) in waiting.iter_mut().enumerate() {
                *waits = fold.join(F::State::read(*waits), state(nth)).raw();
            }
        }
    }
}

#[inline(always)]
fn finish<F: Fold>(fold: F, state: impl Fn(usize) -> F::State, pixels: &mut [<F::Bits as Stored>::Raw], count: usize) {
    // A window has at most `MAX_WINDOW` pixels.
    let count = count as u32;
    if !F::COUNTS {
        finish_by(fold, state, pixels, PowerOfTwo(0));
    } else if count.is_power_of_two() {
        finish_by(fold, state, pixels, PowerOfTwo(count.trailing_zeros()));
    } else {
        finish_by(fold, state, pixels, Any(count));
    }
}

#[inline(always)]
fn finish_by<F: Fold>(
    fold: F,
    state: impl Fn(usize) -> F::State,
    pixels: &mut [<F::Bits as Stored>::Raw],
    count: impl Count,
) {
    for (nth, pixel) in pixels.iter_mut().enumerate() {
        *pixel = fold.done(state(nth), count).raw();
    }
}

/// Folds the windows of a piece of a plane.
pub(super) struct FoldPiece<'a, F> {
    pub(super) fold: F,
    pub(super) piece: Piece<'a>,
    /// Rows and columns of a window.
    pub(super) window: (usize, usize),
    /// Columns of the level.
    pub(super) columns: usize,
    pub(super) target: Target<'a>,
}

impl<F: Fold> Work for FoldPiece<'_, F> {
    #[inline(always)]
    fn run(self) {
        let Self { fold, piece, window: (down, across), columns, mut target } = self;
        let (whole, rest) = (piece.columns / across, piece.columns % across);
        for (nth, top) in (0..piece.rows).step_by(down).enumerate() {
            let rows = down.min(piece.rows - top);
            let start = (piece.row / down + nth) * columns + piece.column / across;
            let line = |row: usize| piece.line(top + row, F::Bits::SIZE);
            let into = target.stretch(start, whole);
            let count = rows * across;
            if (rows, across) == (2, 2) {
                let pairs = |row: usize| &F::Bits::pairs(line(row))[..whole];
                let (upper, lower) = (pairs(0), pairs(1));
                let state = |nth: usize| fold.join(fold.pair(upper[nth]), fold.pair(lower[nth]));
                pour(fold, state, into, count);
            } else {
                let state = |nth: usize| window_state(fold, &piece, top..top + rows, nth * across, across);
                pour(fold, state, into, count);
            }
            if rest > 0 {
                let state = |_| window_state(fold, &piece, top..top + rows, whole * across, rest);
                pour(fold, state, target.stretch(start + whole, 1), rows * rest);
            }
        }
    }
}

/// The state of a window of any size: each row from left to right, then the rows.
#[inline(always)]
fn window_state<F: Fold>(fold: F, piece: &Piece<'_>, rows: Range<usize>, left: usize, columns: usize) -> F::State {
    let of_row = |row: usize| {
        let pixels = &F::Bits::all(piece.line(row, F::Bits::SIZE))[left..left + columns];
        let mut state = fold.one(F::Bits::read(pixels[0]));
        for raw in &pixels[1..] {
            state = fold.join(state, fold.one(F::Bits::read(*raw)));
        }
        state
    };
    let mut state = of_row(rows.start);
    for row in rows.start + 1..rows.end {
        state = fold.join(state, of_row(row));
    }
    state
}

/// Joins states that wait to others that wait.
pub(super) struct JoinStates<'a, F> {
    pub(super) fold: F,
    pub(super) before: &'a mut [u8],
    pub(super) after: &'a [u8],
}

impl<F: Fold> Work for JoinStates<'_, F> {
    #[inline(always)]
    fn run(self) {
        let Self { fold, before, after } = self;
        let (before, after) = (F::State::all_mut(before), F::State::all(after));
        let after = &after[..before.len()];
        pour(fold, |nth: usize| F::State::read(after[nth]), Stretch::Joined(before), 1);
    }
}

/// Makes pixels of states that have waited.
pub(super) struct FinishStates<'a, F> {
    pub(super) fold: F,
    pub(super) states: &'a [u8],
    /// Rows and columns of the plane above.
    pub(super) above: (usize, usize),
    /// Planes, rows and columns of a window.
    pub(super) window: (usize, usize, usize),
    pub(super) pixels: &'a mut [u8],
}

impl<F: Fold> Work for FinishStates<'_, F> {
    #[inline(always)]
    fn run(self) {
        let Self { fold, states, above: (rows, columns), window: (planes, down, across), pixels } = self;
        let (whole, rest) = (columns / across, columns % across);
        let made = columns.div_ceil(across);
        let (states, pixels) = (F::State::all(states), F::Bits::all_mut(pixels));
        for (nth, top) in (0..rows).step_by(down).enumerate() {
            let in_window = planes * down.min(rows - top);
            let (inside, edge) = states[nth * made..][..made].split_at(whole);
            let (inside_pixels, edge_pixels) = pixels[nth * made..][..made].split_at_mut(whole);
            finish(fold, |nth: usize| F::State::read(inside[nth]), inside_pixels, in_window * across);
            if let ([edge], 1..) = (edge, rest) {
                finish(fold, |_| F::State::read(*edge), edge_pixels, in_window * rest);
            }
        }
    }
}

/// Picks the pixels that stand for windows of equal pieces of one or more planes.
pub(super) struct PickPieces<'a, P: Pick> {
    pub(super) pick: P,
    pub(super) pieces: &'a [Piece<'a>],
    /// Rows and columns of a window.
    pub(super) window: (usize, usize),
    /// Columns of the level.
    pub(super) columns: usize,
    pub(super) pixels: &'a mut [u8],
    /// Room for the keys of a window.
    pub(super) keys: Vec<KeyOf<P>>,
}

impl<'a, P: Pick> Work for PickPieces<'a, P> {
    #[inline(always)]
    fn run(self) {
        let Self { pick, pieces, window: (down, across), columns, pixels, mut keys } = self;
        let order = pick.order();
        let Some(first) = pieces.first() else { return };
        let made = first.columns.div_ceil(across);
        for (nth, top) in (0..first.rows).step_by(down).enumerate() {
            let rows = down.min(first.rows - top);
            let start = (first.row / down + nth) * columns + first.column / across;
            let line = &mut KeyOf::<P>::all_mut(pixels)[start..start + made];
            let mut done = 0;
            let whole = first.columns / 2;
            let pairs = |piece: &Piece<'a>, row: usize| &KeyOf::<P>::pairs(piece.line(row, KeyOf::<P>::SIZE))[..whole];
            let keys_of = |pair| {
                let (left, right) = KeyOf::<P>::split(pair);
                (order.key(left), order.key(right))
            };
            match (pieces, rows, across) {
                ([piece], 2, 2) => {
                    let (upper, lower) = (pairs(piece, top), pairs(piece, top + 1));
                    for (nth, pixel) in line[..whole].iter_mut().enumerate() {
                        let ((a, b), (c, d)) = (keys_of(upper[nth]), keys_of(lower[nth]));
                        *pixel = pick.of_few(sorted_four([a, b, c, d])).raw();
                    }
                    done = whole;
                }
                ([front, back], 2, 2) => {
                    let (front_upper, front_lower) = (pairs(front, top), pairs(front, top + 1));
                    let (back_upper, back_lower) = (pairs(back, top), pairs(back, top + 1));
                    for (nth, pixel) in line[..whole].iter_mut().enumerate() {
                        let ((a, b), (c, d)) = (keys_of(front_upper[nth]), keys_of(front_lower[nth]));
                        let ((e, f), (g, h)) = (keys_of(back_upper[nth]), keys_of(back_lower[nth]));
                        *pixel = pick.of_few(sorted_eight([a, b, c, d, e, f, g, h])).raw();
                    }
                    done = whole;
                }
                _ => {}
            }
            for (nth, pixel) in line.iter_mut().enumerate().skip(done) {
                let left = nth * across;
                keys.clear();
                for piece in pieces {
                    for row in top..top + rows {
                        let line = KeyOf::<P>::all(piece.line(row, KeyOf::<P>::SIZE));
                        let pixels = &line[left..first.columns.min(left + across)];
                        keys.extend(pixels.iter().map(|raw| order.key(KeyOf::<P>::read(*raw))));
                    }
                }
                keys.sort_unstable();
                *pixel = pick.of(&keys).raw();
            }
        }
    }
}
