//! Memory of planes: the budget in bytes, groups that are filled and read, and the one copy of a frame.
//!
//! How the planes of a group lie in its buffer is arithmetic, and the plan's: [`crate::plan::Layout`].

mod aligned;
mod budget;
mod copy;
mod group;
#[cfg(all(test, not(feature = "shuttle")))]
mod layout_tests;

#[cfg(all(test, feature = "shuttle"))]
mod schedules;

pub use crate::platform::{ALIGNMENT, DIRECT_FROM};
pub use aligned::AlignedBuffer;
pub(crate) use budget::{Beside, Budget, Buffer};
pub use copy::lay_out;
pub use group::{Arrival, Open, Sealed};
pub(crate) use group::{Filled, Plane, Watched};
