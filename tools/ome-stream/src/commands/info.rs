//! `ome-stream info`: what a store holds, and which engines there are.

use std::path::PathBuf;

use serde::Serialize;

use super::preview::Preview;
use crate::failure::Failure;
use crate::{output, report, store};

const EXAMPLES: &str = "\
Examples:
  ome-stream info run1.ome.zarr
  ome-stream info run1.ome.zarr --json
  ome-stream info --backends

Exit codes:
  0  all of it could be read
  1  it is no Zarr store, or some of it could not be read (what could is shown)
  2  the command line is not understood";

/// Show what an OME-Zarr store holds: images, axes, chunks, codec, bytes on disk.
///
/// Nothing is changed, and no pixel is read unless --preview asks for a picture. The store may be one that is being
/// written, or that is damaged.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Options {
    /// Folder of the store.
    #[arg(value_name = "STORE", required_unless_present = "backends")]
    pub store: Option<PathBuf>,

    /// List every image on its own, and all of them.
    #[arg(long)]
    pub all: bool,

    /// List the engines that can write, and why others cannot.
    #[arg(long, conflicts_with = "store")]
    pub backends: bool,

    #[command(flatten)]
    pub preview: Preview,

    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Runs the command.
pub fn run(options: &Options) -> Result<(), Failure> {
    let Some(path) = &options.store else { return list_backends(options) };
    options.preview.check(path, options.json)?;
    let store = store::read(&*ome_stream::platform::native_source(), path)
        .map_err(|error| Failure::input(error.to_string()))?;
    let text = if options.json { json(&store)? } else { report::store::text(&store, options.all) };
    output::print(&text)?;
    options.preview.draw(path);
    let mut problems = store.all_problems();
    match problems.next() {
        None => Ok(()),
        Some(first) => Err(Failure::input(format!(
            "{}: {} thing(s) could not be read: {first}",
            path.display(),
            1 + problems.count()
        ))),
    }
}

fn list_backends(options: &Options) -> Result<(), Failure> {
    let engines = ome_stream_backends::list();
    output::print(&if options.json { json(&engines)? } else { report::engines::text(&engines) })
}

fn json(value: &impl Serialize) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(value).map_err(|error| Failure::input(format!("JSON: {error}")))?;
    Ok(text + "\n")
}
