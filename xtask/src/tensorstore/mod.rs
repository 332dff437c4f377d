//! `cargo xtask tensorstore`: the native library of the TensorStore engine, from two source packages of the Python
//! package index and the stand-ins in `backends/tensorstore/standins`.
//!
//! Everything lands in a cache folder outside the tree; each step is repeated only where what it depends on has
//! changed.

mod compile;
mod fetch;
mod packages;
mod standins;

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::places;
use crate::step::timed;

/// Folder of the library, where it is not the default one. `build.rs` of the bridge reads the same variable.
const PREFIX: &str = "OME_STREAM_TENSORSTORE";

/// Written last: tells `build.rs` of the bridge where everything is.
const READY: &str = "ready.txt";

/// Options of `cargo xtask tensorstore`.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Options {
    /// Folder for sources, objects and the library [default: OME_STREAM_TENSORSTORE in the environment, else
    /// ome-stream/tensorstore-0.1.86 in the user's cache folder].
    #[arg(long)]
    prefix: Option<PathBuf>,
    /// Compilers to run at once [default: one for each processor].
    #[arg(short, long)]
    jobs: Option<usize>,
}

/// Makes the library, or finds that it is up to date.
pub(crate) fn run(options: &Options) -> Result<()> {
    let given =
        options.prefix.clone().or_else(|| env::var_os(PREFIX).filter(|value| !value.is_empty()).map(PathBuf::from));
    let prefix = match given {
        Some(given) => std::path::absolute(&given).with_context(|| given.display().to_string())?,
        None => default_prefix()?,
    };
    fs::create_dir_all(&prefix).with_context(|| prefix.display().to_string())?;
    // Two runs at once would spoil each other's objects.
    let lock = File::create(prefix.join("lock")).with_context(|| prefix.display().to_string())?;
    lock.lock().with_context(|| prefix.display().to_string())?;

    let compiler = packages::check()?;
    let source = timed("sources", || fetch::unpacked(&prefix))?;
    let standins = standins::placed(&prefix, &standins::Real::from_environment())?;
    let mut include = vec![source.clone()];
    include.extend(standins.include);
    let mut units = fetch::units(&source)?;
    units.extend(standins.units);
    let jobs = options.jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(2, std::num::NonZero::get));
    let archive = timed("library", || compile::archive(&prefix, &compiler, &include, &units, jobs.max(1)))?;

    let build = format!("TensorStore {} core, {}", fetch::VERSION, standins.description);
    let mut ready = format!("build={build}\narchive={}\n", archive.display());
    for folder in &include {
        ready.push_str(&format!("include={}\n", folder.display()));
    }
    write_if_different(&prefix.join(READY), ready.as_bytes())?;
    println!("{}", archive.display());
    if options.prefix.is_some() {
        eprintln!("build with {PREFIX}={}", prefix.display());
    }
    Ok(())
}

/// In the user's cache folder (XDG base directory specification); `build.rs` of the bridge looks there too.
fn default_prefix() -> Result<PathBuf> {
    let cache = env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")));
    match cache {
        Some(cache) => Ok(cache.join("ome-stream").join("tensorstore-0.1.86")),
        None => bail!("neither {PREFIX} nor HOME is set: name a folder with --prefix"),
    }
}

/// The folder of the engine in the tree.
fn engine_folder() -> PathBuf {
    places::root().join("backends").join("tensorstore")
}

/// Writes a file unless it is already so: its time tells others whether they have work.
fn write_if_different(path: &Path, bytes: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|found| found == bytes) {
        return Ok(());
    }
    let partial = path.with_extension("part");
    fs::write(&partial, bytes).with_context(|| partial.display().to_string())?;
    fs::rename(&partial, path).with_context(|| path.display().to_string())
}
