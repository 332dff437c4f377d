//! The journal of a run: what was written, array by array, and how far readers can see.
//!
//! | file in `.ome-stream/run/` | what | until |
//! |---|---|---|
//! | `log` | what was written where, plane by plane (see [`mod@format`]) | a clean `finish` |
//! | `progress.json` | for each source how many of its frames readers can see (see `record`); there once the store is complete | for ever |
//!
//! Both have a version. A run writes them as it goes on; `resume` and `recover` read them, and those of earlier
//! versions.

pub mod format;
mod log;
pub(crate) mod record;

pub use log::Log;
pub(crate) use log::is_there;
