//! The commands: one file each.

pub mod check;
pub mod convert;
pub mod info;
pub mod preview;
pub mod recover;
pub mod settings;
pub mod write;
pub mod write_options;
