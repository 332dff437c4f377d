//! What the C border costs: times `ome_stream_append` and Rust's `Stream::append` on equal streams, in turns, and
//! prints both medians. Counts what the C call allocates. Fails where the border costs more than its bound.
//!
//! ```text
//! cargo run --release -p ome-stream-examples --example append_cost [FOLDER]
//! ```

#[path = "../../bindings/c/tests/counting.rs"]
mod counting;

use std::ffi::{CString, c_char, c_void};
use std::hint::black_box;
use std::path::Path;
use std::ptr::{null, null_mut};
use std::time::Instant;

use ome_stream::{Settings, Stream};
use ome_stream_c::exports;

/// Rows and columns of a frame: so small that the call and not the copy is measured.
const SIDE: u64 = 16;

/// Calls that are timed together: one alone is near the clock's resolution.
const BATCH: u32 = 100;

/// Most nanoseconds that a call through C may take beyond the same call in Rust.
const BOUND: f64 = 200.0;

/// Timed batches of each kind.
const BATCHES: usize = 2000;

type Append = unsafe extern "C" fn(*mut exports::ome_stream_t, *const c_void, u64, *const c_char, *mut u64) -> i32;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn settings(folder: &Path, name: &str) -> String {
    let root = folder.join(name).display().to_string();
    let frames = u64::from(BATCH) * (BATCHES as u64 + 1);
    format!(
        "{{\"root_path\": {root:?}, \"dtype\": \"uint16\", \"overwrite\": true, \"durability\": \"none\", \"dimensions\": [\
         {{\"name\": \"t\", \"count\": {frames}, \"chunk_size\": {frames}}}, \
         {{\"name\": \"y\", \"count\": {SIDE}}}, {{\"name\": \"x\", \"count\": {SIDE}}}]}}"
    )
}

/// Nanoseconds of one call, and allocations of the batch.
fn timed(mut call: impl FnMut()) -> (f64, u64) {
    let before = counting::allocations();
    let start = Instant::now();
    for _ in 0..BATCH {
        call();
    }
    (start.elapsed().as_secs_f64() * 1e9 / f64::from(BATCH), counting::allocations() - before)
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}

fn main() -> Outcome<()> {
    let temporary = tempfile::tempdir()?;
    let folder = std::env::args_os().nth(1).map_or_else(|| temporary.path().to_path_buf(), Into::into);
    let settings_of_rust = Settings::from_json(&settings(&folder, "rust.ome.zarr"))?;
    let backend = ome_stream_backends::open(&settings_of_rust.format.backend)?;
    let rust = Stream::create(&settings_of_rust, &*backend)?;
    let settings_of_c = CString::new(settings(&folder, "c.ome.zarr"))?;
    let mut c = null_mut();
    // SAFETY: a zero-terminated text and a place for the handle.
    assert_eq!(unsafe { exports::ome_stream_create(settings_of_c.as_ptr(), &raw mut c) }, 0);

    let pixels = vec![1_u8; (SIDE * SIDE * 2) as usize];
    // Through a pointer, as from C: the compiler shall not look inside.
    let append = black_box(exports::ome_stream_append as Append);
    let mut append_rust = || assert!(black_box(&rust).append(black_box(&pixels)).is_ok());
    let mut append_c = || {
        let mut number = 0;
        // SAFETY: the pixels have this many bytes; there is a place for the number.
        let code = unsafe { append(c, pixels.as_ptr().cast(), pixels.len() as u64, null(), &raw mut number) };
        assert_eq!(code, 0);
    };
    // The first frames open the buffer.
    timed(&mut append_rust);
    timed(&mut append_c);
    let (mut times_of_rust, mut times_of_c) = (Vec::new(), Vec::new());
    let (mut allocations_of_rust, mut allocations_of_c) = (0, 0);
    for _ in 0..BATCHES {
        let (time, allocations) = timed(&mut append_rust);
        times_of_rust.push(time);
        allocations_of_rust += allocations;
        let (time, allocations) = timed(&mut append_c);
        times_of_c.push(time);
        allocations_of_c += allocations;
    }
    // SAFETY: a handle.
    unsafe { exports::ome_stream_free(c) };
    rust.finish()?;

    let (rust, c) = (median(&mut times_of_rust), median(&mut times_of_c));
    let calls = BATCHES * BATCH as usize;
    println!("frames of {SIDE} x {SIDE} uint16, {calls} calls of each, median of batches of {BATCH}:");
    println!("  Rust Stream::append    {rust:7.1} ns, {allocations_of_rust} allocations");
    println!("  C ome_stream_append    {c:7.1} ns, {allocations_of_c} allocations");
    println!("  the border costs       {:7.1} ns", c - rust);
    if c - rust > BOUND {
        return Err(format!("the border may cost {BOUND} ns at most").into());
    }
    Ok(())
}
