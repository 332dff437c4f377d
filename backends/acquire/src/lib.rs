//! acquire-zarr as an engine of ome-stream, loaded at run time: a guest in the host's process.
//!
//! acquire-zarr is published as a Python package; its extension module holds the whole C interface. This crate finds
//! that module (or a shared library of one's own build), loads it without a Python interpreter, and gives the C
//! interface a safe Rust face. Where there is none it says so, and which command would change that. All `unsafe` of
//! the backend lives here.
//!
//! | module | answers |
//! |---|---|
//! | [`AcquireBackend`] | how does core use it as an engine? |
//! | [`Found`], `library` | where is the engine, is it sound, how is it loaded? |
//! | `engine` | how is a store created, fed and closed? |
//!
//! What the process is spared:
//!
//! - **Loading.** A list of engines reads the library's file and loads nothing ([`Found::find`]); only what names the
//!   engine does ([`AcquireBackend::open`]), and then it stays until the process ends.
//! - **Standard error and output** stay where they are. The engine prints its errors to standard error and has no call
//!   that tells them, so that our messages have its status and what our own try at the same folder says.
//!
//! As an engine of ome-stream it takes frames in arrival order and differs from the native one in this:
//!
//! - **Memory.** It keeps frames in a queue of its own, up to 256 MiB, and chunks that wait for a slow codec in another
//!   without a bound. `memory_limit` bounds what lies before that; frames are held back while the engine itself says
//!   that it holds more, which is less than it does.
//! - **Written.** A frame counts as written when the engine has it. What a killed process leaves are the shards that
//!   were full; the engine cannot be asked to show an open one. During the run the engine rewrites an array's metadata
//!   in place, with the planes of full rows of shards as the extent; ours, with the declared shape, is there before the
//!   first of them and after the end.
//! - **Shards.** It knows no array without them. Where none are asked for, each chunk is a shard of its own.
//! - **Levels** below full resolution are arrays to it, whose planes it is given as core makes them; its own means are cut
//!   off (1, 2, 2, 2 gives 1) and overflow in integers of 32 and 64 bits. Each level takes queues and chunks of its own.
//! - **Refused**, with the reason, before anything touches disk: float16; gzip and negative zstd levels; storage orders
//!   that move the first axis; an unbounded axis that is not first on disk; durability `shard`; OME-NGFF 0.4;
//!   among several positions a name with other characters than `a-z A-Z 0-9 - _ .`; sizes beyond 32 bits.
//!
//! On other platforms than x86-64 Linux with the GNU C library this crate is empty.
#![cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]

mod backend;
mod check;
mod document;
mod engine;
mod error;
mod library;
mod metadata;
mod order;
mod sink;

pub use backend::AcquireBackend;
pub use error::NAME;
pub use library::{Found, VARIABLE};
