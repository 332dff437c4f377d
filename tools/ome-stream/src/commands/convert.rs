//! `ome-stream convert`: a store in another version of OME-NGFF.

use std::path::PathBuf;

use ome_stream::Error;
use ome_stream::convert::{self, Conversion};
use ome_stream::platform;
use ome_stream::settings::NgffVersion;

use crate::failure::Failure;
use crate::output;
use crate::progress::Progress;
use crate::report::text::clean;

const EXAMPLES: &str = "\
Examples:
  ome-stream convert run1.ome.zarr --to 0.6 -o run1_06.ome.zarr
  ome-stream convert run1.ome.zarr --to 0.4 -o run1_for_omero.ome.zarr
  ome-stream convert run1.ome.zarr --to 0.5 --in-place

Exit codes:
  0  it is of that version
  1  it is no store as a whole, a writer is at work on it, it was left interrupted, cannot be said in that version, or
     cannot be written
  2  the command line is not understood";

/// Say in another version of OME-NGFF what a store says.
///
/// Between 0.5 and 0.6, which both lie on Zarr v3, only metadata are written anew. 0.4 lies on Zarr v2: chunk files get
/// other names, and shards are taken apart; what is stored of a chunk stays as it is, so its codec must be one that
/// both have (blosc, zstd, gzip or none). Without --in-place a copy is made, which gets its name when it is whole. In
/// place the store is a whole one, of the old version or the new, whenever this is interrupted; to and from 0.4 a copy
/// is made beside it, which shares chunk files where the file system has hard links, and both exchange their names at
/// once where the system can do that. A conversion that was interrupted is brought to its end by the same command. A
/// store of another writer must be at rest: nothing can lock it.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Options {
    /// Folder of the store.
    #[arg(value_name = "STORE")]
    pub store: PathBuf,

    /// Version of OME-NGFF: 0.4, 0.5 or 0.6.
    #[arg(long, value_name = "VERSION", value_parser = version)]
    pub to: NgffVersion,

    /// Folder of the copy, where nothing is yet.
    #[arg(short, long, value_name = "NEW", required_unless_present = "in_place", conflicts_with = "in_place")]
    pub output: Option<PathBuf>,

    /// Convert the store itself.
    #[arg(long)]
    pub in_place: bool,

    /// Print JSON.
    #[arg(long)]
    pub json: bool,

    /// Do not show how far it is.
    #[arg(short, long)]
    pub quiet: bool,
}

fn version(text: &str) -> Result<NgffVersion, String> {
    NgffVersion::of(text).ok_or_else(|| "use 0.4, 0.5 or 0.6".to_owned())
}

/// Runs the command.
pub fn run(options: &Options) -> Result<(), Failure> {
    let disk = platform::native();
    let mut view: Option<Progress> = None;
    let mut tell = |done: u64, total: u64| {
        view.get_or_insert_with(|| Progress::of_bytes(options.quiet, total)).update(done);
    };
    let converted = match &options.output {
        Some(new) => convert::copy(&options.store, new, options.to, &*disk, &mut tell),
        None => convert::in_place(&options.store, options.to, &*disk, &mut tell),
    };
    if let Some(view) = view {
        view.end();
    }
    let converted = converted.map_err(|error| {
        Failure::input(match &error {
            Error::AlreadyExists { path } => {
                format!("{} already exists; choose another --output, or move it away", path.display())
            }
            _ => error.to_string(),
        })
    })?;
    if options.json {
        let text = serde_json::to_string_pretty(&converted).map_err(|error| Failure::input(error.to_string()))?;
        return output::print(&(text + "\n"));
    }
    let Conversion { path, version, documents, chunk_files, notes } = &converted;
    let path = clean(&path.to_string_lossy());
    let mut text = format!("{path}: OME-NGFF {}, {documents} document(s) written anew", version.name());
    if *chunk_files > 0 {
        text.push_str(&format!(", {chunk_files} chunk file(s)"));
    }
    text.push('\n');
    notes.iter().for_each(|note| text.push_str(&format!("  note: {}\n", clean(note))));
    output::print(&text)
}
