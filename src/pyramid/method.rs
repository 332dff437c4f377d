//! How the pixels of a window become one.

use crate::settings::DataType;

/// How the pixels of a window, a block of a level, become one pixel of the level below. Windows at an edge are made of
/// the pixels that exist.
///
/// A window with a NaN becomes a NaN by [`Mean`](Method::Mean), [`Min`](Method::Min), [`Max`](Method::Max) and
/// [`Median`](Method::Median), as with NumPy: what is not known is not covered up. It is a quiet one, without sign or
/// payload. [`Nearest`](Method::Nearest) keeps the bits of the pixel that it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// The mean, for intensities. Of integers the exact one, rounded half to even. Of floats the sum in 64 bits, of
    /// each row from left to right, then of the rows, then of the planes, divided and rounded to the data type.
    Mean,
    /// The smallest: keeps small dark spots visible. -0 is smaller than 0.
    Min,
    /// The largest: keeps small bright spots visible.
    Max,
    /// The one in the middle, or the mean of the two in the middle, rounded half to even.
    Median,
    /// The most frequent, of several the smallest: for labels. Not of floats.
    Mode,
    /// The first one: for labels, and the fastest.
    Nearest,
}

impl Method {
    /// Every method.
    pub const ALL: &'static [Self] = &[Self::Mean, Self::Min, Self::Max, Self::Median, Self::Mode, Self::Nearest];

    /// Its name in settings, and as the `type` of an image's levels (OME-NGFF section "multiscales").
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Min => "min",
            Self::Max => "max",
            Self::Median => "median",
            Self::Mode => "mode",
            Self::Nearest => "nearest",
        }
    }

    /// Whether pixels of this type can be combined by it: floats are hardly ever equal, so that the most frequent one
    /// says nothing.
    #[must_use]
    pub const fn takes(self, dtype: DataType) -> bool {
        !matches!((self, dtype), (Self::Mode, DataType::Float16 | DataType::Float32 | DataType::Float64))
    }

    /// Whether the pixel that it makes lies in the center of its window; else it lies where the first one lies.
    #[must_use]
    pub const fn is_centered(self) -> bool {
        !matches!(self, Self::Nearest)
    }
}
