//! acquire-zarr as an engine of ome-stream, loaded at run time.
//!
//! acquire-zarr is published as a Python package; its extension module holds the whole C interface. This crate finds
//! that module (or a shared library of one's own build), loads it without a Python interpreter, and gives the C
//! interface a safe Rust face. Where there is none it says so, and which command would change that. All `unsafe` of
//! the backend lives here.
//!
//! | module | answers |
//! |---|---|
//! | [`AcquireBackend`] | how does core use it as an engine? |
//! | [`library`] | where is the engine, is it sound, how is it loaded? |
//! | [`engine`] | how is a store created, fed and closed? |
//! | [`error`] | what went wrong, and what would help? |
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
//! - **Refused**, with the reason, before anything touches disk: float16; gzip and negative zstd levels; storage orders
//!   that move the first axis; an unbounded axis that is not first on disk; pyramids; durability `shard`; OME-NGFF 0.4;
//!   among several positions a name with other characters than `a-z A-Z 0-9 - _ .`; sizes beyond 32 bits.
//!
//! ```no_run
//! use ome_stream_backend_acquire::engine::{Settings, Stream};
//! use ome_stream_backend_acquire::library::Library;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let library = Library::open(None)?;
//! let document = serde_json::json!({
//!     "version": 2,
//!     "store_path": "image.zarr",
//!     "overwrite": false,
//!     "arrays": [{
//!         "data_type": "uint16",
//!         "is_ngff": false,
//!         "dimensions": [
//!             {"name": "t", "type": "time", "array_size_px": 0, "chunk_size_px": 1, "shard_size_chunks": 10},
//!             {"name": "y", "type": "space", "array_size_px": 512, "chunk_size_px": 256, "shard_size_chunks": 2},
//!             {"name": "x", "type": "space", "array_size_px": 512, "chunk_size_px": 256, "shard_size_chunks": 2},
//!         ],
//!     }],
//! });
//! let mut stream = Stream::create(Settings::new(library, &document)?)?;
//! stream.append(None, &vec![7; 512 * 512 * 2])?;
//! stream.close()?;
//! # Ok(())
//! # }
//! ```

mod backend;
mod check;
mod document;
pub mod engine;
pub mod error;
pub mod library;
mod metadata;
mod order;
mod printed;
mod sink;

pub use backend::{AcquireBackend, MEMORY, NAME};
