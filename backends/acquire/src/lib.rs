//! acquire-zarr as an engine of ome-stream, loaded at run time.
//!
//! acquire-zarr is published as a Python package; its extension module holds the whole C interface. This crate finds
//! that module (or a shared library of one's own build), loads it without a Python interpreter, and gives the C
//! interface a safe Rust face. Where there is none it says so, and which command would change that. All `unsafe` of
//! the backend lives here.
//!
//! | module | answers |
//! |---|---|
//! | [`library`] | where is the engine, is it sound, how is it loaded? |
//! | [`engine`] | how is a store created, fed and closed? |
//! | [`error`] | what went wrong, and what would help? |
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

pub mod engine;
pub mod error;
pub mod library;
mod printed;
