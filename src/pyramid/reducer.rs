//! Planes -> smaller planes, with all that is known before the first one comes.

use super::Method;
use super::bits::Stored;
use super::fold::{First, FloatMean, Fold, Least, Mean};
use super::kernel::{FoldPiece, PickPieces, Target, fast};
use super::order::{Float, Integer, Order};
use super::pick::{KeyOf, Median, Mode, Pick};
use super::piece::{Piece, Tiles, Whole};
use crate::error::{Error, Result};
use crate::settings::DataType;

/// Most pixels of a window: so many of 16 or 32 bits can be added in twice their bits. As many as 256 x 256.
pub const MAX_WINDOW: u64 = 1 << 16;

/// Most planes of a window: those that have come are bits of a number.
pub const MAX_PLANES: u64 = 64;

/// Most pixels of a window whose sum is kept in 16 bits, where pixels have 8.
const SMALL_WINDOW: usize = 1 << 8;

/// Makes smaller planes of planes of one size and type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reducer {
    method: Method,
    dtype: DataType,
    /// Rows and columns of a plane.
    frame: (usize, usize),
    /// Planes, rows and columns of a window.
    window: (usize, usize, usize),
}

/// Something to do with a method, which is one kind of two.
pub(super) trait Use {
    type Outcome;
    fn fold<F: Fold>(self, fold: F) -> Self::Outcome;
    fn pick<P: Pick>(self, pick: P) -> Self::Outcome;
}

impl Reducer {
    /// For planes of `frame` rows and columns, of which `factors` pixels become one: planes, rows, columns.
    ///
    /// # Errors
    /// [`Error::InvalidSettings`] for a method that does not take the data type, and for factors of 0 or beyond
    /// [`MAX_WINDOW`] and [`MAX_PLANES`].
    pub fn new(method: Method, dtype: DataType, frame: (usize, usize), factors: [u64; 3]) -> Result<Self> {
        method.check(dtype)?;
        check_window(factors)?;
        // Bounded just now.
        let [planes, rows, columns] = factors.map(|factor| factor as usize);
        Ok(Self { method, dtype, frame, window: (planes, rows, columns) })
    }

    /// Rows and columns of a plane that is made.
    #[must_use]
    pub fn made(&self) -> (usize, usize) {
        (self.frame.0.div_ceil(self.window.1), self.frame.1.div_ceil(self.window.2))
    }

    /// Bytes of a plane that is made.
    #[must_use]
    pub fn made_bytes(&self) -> usize {
        let (rows, columns) = self.made();
        rows * columns * self.dtype.size()
    }

    /// Planes that become one.
    #[must_use]
    pub fn planes(&self) -> usize {
        self.window.0
    }

    /// Whether planes may come in tiles of so many rows and columns: no window may lie in two. Where one does, the
    /// plane has to be copied into one piece.
    #[must_use]
    pub fn takes_tiles(&self, (rows, columns): (usize, usize)) -> bool {
        let whole = |tile: usize, window: usize, all: usize| tile >= all || tile.is_multiple_of(window);
        whole(rows, self.window.1, self.frame.0) && whole(columns, self.window.2, self.frame.1)
    }

    /// Makes the smaller plane of a plane, where no other plane is needed for it. The plane comes in pieces that cover
    /// it, in any order.
    ///
    /// # Errors
    /// As for [`Self::reduce_into`].
    ///
    /// # Panics
    /// If `made` is shorter than [`Self::made_bytes`].
    pub fn reduce<'a>(&self, pieces: impl IntoIterator<Item = Piece<'a>>, made: &mut [u8]) -> Result<()> {
        let made = &mut made[..self.made_bytes()];
        self.reduce_into(pieces, &mut Whole { shape: self.made(), pixels: made })
    }

    /// As [`Self::reduce`], into the tiles of the smaller plane.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`]; [`Error::Internal`] for pieces that cut a window, for tiles that are too short, and for a
    /// window of several planes.
    pub fn reduce_into<'a>(&self, pieces: impl IntoIterator<Item = Piece<'a>>, made: &mut dyn Tiles) -> Result<()> {
        if self.window.0 != 1 {
            return Err(internal(format!("one plane where {} become one", self.window.0)));
        }
        pieces.into_iter().try_for_each(|piece| self.reduce_piece(&piece, made))
    }

    /// Apart from what callers compile anew for their kind of pieces: all kernels hang on it.
    fn reduce_piece(&self, piece: &Piece<'_>, made: &mut dyn Tiles) -> Result<()> {
        self.check(piece)?;
        let (tile, window) = (made.shape(), self.in_plane());
        let least = tile.0.checked_mul(tile.1).and_then(|pixels| pixels.checked_mul(self.item()));
        // The tiles in which the pixels lie that it becomes.
        let tiles_of = |start: usize, length: usize, window: usize, tile: usize| {
            let tile = tile.max(1);
            start / window / tile..(start + length).div_ceil(window).div_ceil(tile)
        };
        if piece.rows == 0 || piece.columns == 0 {
            return Ok(());
        }
        for down in tiles_of(piece.row, piece.rows, window.0, tile.0) {
            for across in tiles_of(piece.column, piece.columns, window.1, tile.1) {
                let piece = piece.above_tile((down, across), tile, window, self.item());
                let pixels = made.tile(down, across);
                if least.is_none_or(|least| pixels.len() < least) {
                    return Err(internal(format!("{} bytes for a tile of {tile:?} pixels", pixels.len())));
                }
                self.with(Reduce { reducer: self, piece, columns: tile.1, pixels })?;
            }
        }
        Ok(())
    }

    pub(super) fn frame(&self) -> (usize, usize) {
        self.frame
    }

    pub(super) fn item(&self) -> usize {
        self.dtype.size()
    }

    /// Rows and columns of a window.
    pub(super) fn in_plane(&self) -> (usize, usize) {
        (self.window.1, self.window.2)
    }

    pub(super) fn check(&self, piece: &Piece<'_>) -> Result<()> {
        piece.check(self.frame, self.in_plane(), self.item())
    }

    /// Uses the method for the data type.
    pub(super) fn with<U: Use>(&self, uses: U) -> U::Outcome {
        use DataType as T;
        let signed = matches!(self.dtype, T::Int8 | T::Int16 | T::Int32 | T::Int64);
        let most = self.window.0 * self.window.1 * self.window.2;
        match (self.method, self.dtype) {
            (Method::Mean, T::UInt8 | T::Int8) if most <= SMALL_WINDOW => uses.fold(Mean::<u8, u16>::new(signed)),
            (Method::Mean, T::UInt8 | T::Int8) => uses.fold(Mean::<u8, u32>::new(signed)),
            (Method::Mean, T::UInt16 | T::Int16) => uses.fold(Mean::<u16, u32>::new(signed)),
            (Method::Mean, T::UInt32 | T::Int32) => uses.fold(Mean::<u32, u64>::new(signed)),
            (Method::Mean, T::UInt64 | T::Int64) => uses.fold(Mean::<u64, u128>::new(signed)),
            (Method::Mean, T::Float16) => uses.fold(FloatMean::<u16>::new(most)),
            (Method::Mean, T::Float32) => uses.fold(FloatMean::<u32>::new(most)),
            (Method::Mean, T::Float64) => uses.fold(FloatMean::<u64>::new(most)),
            (method, T::UInt8 | T::Int8) => by_order(method, Integer::<u8>::new(signed), Integer::reversed, uses),
            (method, T::UInt16 | T::Int16) => by_order(method, Integer::<u16>::new(signed), Integer::reversed, uses),
            (method, T::UInt32 | T::Int32) => by_order(method, Integer::<u32>::new(signed), Integer::reversed, uses),
            (method, T::UInt64 | T::Int64) => by_order(method, Integer::<u64>::new(signed), Integer::reversed, uses),
            (method, T::Float16) => by_order(method, Float::<u16>::new(), Float::reversed, uses),
            (method, T::Float32) => by_order(method, Float::<u32>::new(), Float::reversed, uses),
            (method, T::Float64) => by_order(method, Float::<u64>::new(), Float::reversed, uses),
        }
    }
}

/// Uses one of the methods that only compare pixels.
fn by_order<O: Order, U: Use>(method: Method, order: O, reversed: fn(O) -> O, uses: U) -> U::Outcome {
    match method {
        Method::Min => uses.fold(Least(order)),
        Method::Max => uses.fold(Least(reversed(order))),
        Method::Median => uses.pick(Median(order)),
        Method::Mode => uses.pick(Mode(order)),
        Method::Nearest | Method::Mean => uses.fold(First::<O::Bits>::new()),
    }
}

/// Whether so many pixels may become one.
///
/// # Errors
/// [`Error::InvalidSettings`].
pub(crate) fn check_window(factors: [u64; 3]) -> Result<()> {
    let pixels = factors.iter().try_fold(1_u64, |product, factor| product.checked_mul(*factor));
    let good = pixels.is_some_and(|pixels| (1..=MAX_WINDOW).contains(&pixels)) && factors[0] <= MAX_PLANES;
    if good {
        return Ok(());
    }
    let [planes, rows, columns] = factors;
    Err(Error::settings(
        "pyramid.factors",
        format!("{planes} x {rows} x {columns}"),
        format!("1 to {MAX_WINDOW} pixels become one, of at most {MAX_PLANES} planes"),
        "use smaller factors, such as 2, and more levels",
    ))
}

/// Makes pixels of a piece.
struct Reduce<'a> {
    reducer: &'a Reducer,
    piece: Piece<'a>,
    /// Columns of the tile that it becomes a part of.
    columns: usize,
    pixels: &'a mut [u8],
}

impl Use for Reduce<'_> {
    type Outcome = Result<()>;

    fn fold<F: Fold>(self, fold: F) -> Result<()> {
        let Self { reducer, piece, columns, pixels } = self;
        fast(FoldPiece { fold, piece, window: reducer.in_plane(), columns, target: Target::Pixels(pixels) });
        Ok(())
    }

    fn pick<P: Pick>(self, pick: P) -> Result<()> {
        pick_pieces(self.reducer, pick, &[self.piece], self.columns, self.pixels)
    }
}

/// Picks the pixels that stand for windows of equal pieces of planes, in rows of `columns` pixels.
pub(super) fn pick_pieces<P: Pick>(
    reducer: &Reducer,
    pick: P,
    pieces: &[Piece<'_>],
    columns: usize,
    pixels: &mut [u8],
) -> Result<()> {
    let window = reducer.in_plane();
    let most = pieces.len() * window.0 * window.1;
    let mut keys: Vec<KeyOf<P>> = Vec::new();
    let bytes = (most * KeyOf::<P>::SIZE) as u64;
    keys.try_reserve_exact(most).map_err(|_| Error::OutOfMemory { bytes, purpose: "the pixels of a window" })?;
    fast(PickPieces { pick, pieces, window, columns, pixels, keys });
    Ok(())
}

fn internal(message: String) -> Error {
    Error::Internal { place: "the pyramid", message }
}
