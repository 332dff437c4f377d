//! Results as people read them.

pub mod check;
pub mod engines;
pub mod numbers;
pub mod run;
pub mod store;
pub mod table;
pub mod text;
