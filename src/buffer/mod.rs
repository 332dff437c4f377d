//! Memory of planes: the budget in bytes, slabs that are filled and read, and the one copy of a frame.
//!
//! How the planes of a slab lie in its buffer is arithmetic, and the plan's: [`crate::plan::Layout`].

mod aligned;
mod budget;
mod copy;
#[cfg(all(test, not(feature = "shuttle")))]
mod layout_tests;
mod loan;
mod slab;

#[cfg(all(test, feature = "shuttle"))]
mod schedules;

pub use crate::platform::{ALIGNMENT, DIRECT_FROM};
pub use aligned::AlignedBuffer;
pub(crate) use budget::Budget;
pub use copy::lay_out;
pub(crate) use loan::{Beside, Buffer};
pub use slab::{Arrival, Open, Sealed};
pub(crate) use slab::{Claim, Filled, Plane, Watched};
