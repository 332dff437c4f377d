//! The C ABI of ome-stream. Its manual for hosts is the header `include/ome_stream.h`, which cbindgen makes from
//! `exports` and `codes`; this page is for those who change it.
//!
//! The way of a call: `exports` holds the exported functions and nothing else. Each is one call of `border`, which
//! turns panics and refusals into codes and keeps the message for the calling thread. Inside, `arguments` is the only
//! place that reads or writes through a host's pointers, and `handles` the only place that knows which streams are
//! alive: a handle is a number that looks like a pointer and is looked up, never followed.
//!
//! The ABI grows and never changes: a function keeps its name, its parameters and its meaning, a code its number.

mod arguments;
mod border;
pub mod codes;
pub mod exports;
mod handles;
mod refusal;
