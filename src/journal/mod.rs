//! The journal of a run: what was written, where, of what. Written as the run goes on, read after it was interrupted.

pub mod format;
mod log;

pub use log::Log;
pub(crate) use log::is_there;
