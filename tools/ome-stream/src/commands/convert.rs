//! `ome-stream convert`: a store in another version of OME-NGFF, or with levels below full resolution.

use std::path::PathBuf;

use ome_stream::Error;
use ome_stream::convert::{self, Conversion, Levels};
use ome_stream::platform;
use ome_stream::settings::{NgffVersion, Pyramid, Settings, parse_bytes};

use crate::failure::Failure;
use crate::output;
use crate::planes::Reader;
use crate::progress::Progress;
use crate::report::text::clean;

const EXAMPLES: &str = "\
Examples:
  ome-stream convert run1.ome.zarr --to 0.6 -o run1_06.ome.zarr
  ome-stream convert run1.ome.zarr --to 0.4 -o run1_for_omero.ome.zarr
  ome-stream convert run1.ome.zarr --to 0.5 --in-place
  ome-stream convert run1.ome.zarr --levels --in-place
  ome-stream convert labels.ome.zarr --levels mode:4 --to 0.5 -o labels_05.ome.zarr

Exit codes:
  0  it is of that version, and has the levels
  1  it is no store as a whole, a writer is at work on it, it was left interrupted, cannot be said in that version, has
     levels already, or cannot be read or written
  2  the command line is not understood";

/// Say in another version of OME-NGFF what a store says, or add levels below full resolution.
///
/// Between 0.5 and 0.6, which both lie on Zarr v3, only metadata are written anew. 0.4 lies on Zarr v2: chunk files get
/// other names, and shards are taken apart; what is stored of a chunk stays as it is, so its codec must be one that
/// both have (blosc, zstd, gzip or none). Without --in-place a copy is made, which gets its name when it is whole. In
/// place the store is a whole one, of the old version or the new, whenever this is interrupted; to and from 0.4 a copy
/// is made beside it, which shares chunk files where the file system has hard links, and both exchange their names at
/// once where the system can do that. A conversion that was interrupted is brought to its end by the same command. A
/// store of another writer must be at rest: nothing can lock it.
///
/// --levels makes levels for each image that has none, of any writer, as a run makes them while frames come: with the
/// data type, chunks, shards and codec of full resolution (zstd where that codec is none that is written). They are made
/// in a copy too, which in place takes the place of the store. A chunk that is not there is taken for pixels of fill
/// value. Labels are combined by mode, unless nearest is asked for.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Options {
    /// Folder of the store.
    #[arg(value_name = "STORE")]
    pub store: PathBuf,

    /// Version of OME-NGFF: 0.4, 0.5 or 0.6.
    #[arg(long, value_name = "VERSION", value_parser = version, required_unless_present = "levels")]
    pub to: Option<NgffVersion>,

    /// Add levels below full resolution: by mean, min, max, median, mode or nearest, with the number of all levels. Not
    /// given: by mean, until rows or columns are fewer than 256.
    #[arg(long, value_name = "METHOD[:COUNT]", num_args = 0..=1, default_missing_value = "mean")]
    pub levels: Option<String>,

    /// Most memory to make levels in, such as 512M. Not given: 1G.
    #[arg(long, value_name = "BYTES", requires = "levels")]
    pub memory_limit: Option<String>,

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
    let pyramid = options.levels.as_deref().map(str::parse::<Pyramid>).transpose()?;
    let memory_limit = options.memory_limit.as_deref().map(|text| parse_bytes("memory_limit", text)).transpose()?;
    let memory_limit = memory_limit.unwrap_or(Settings::DEFAULT_MEMORY_LIMIT);
    let backend = ome_stream_backends::open("zarrs")?;
    let levels = pyramid.as_ref().map(|pyramid| Levels {
        pyramid,
        memory_limit,
        disk: &disk,
        backend: &*backend,
        reader: &Reader,
    });
    let store = &options.store;
    let converted = match (&options.output, &levels, options.to) {
        (Some(new), Some(levels), to) => convert::levels_copy(store, new, to, levels, &mut tell),
        (None, Some(levels), to) => convert::levels_in_place(store, to, levels, &mut tell),
        (Some(new), None, Some(to)) => convert::copy(store, new, to, &*disk, &mut tell),
        (None, None, Some(to)) => convert::in_place(store, to, &*disk, &mut tell),
        (_, None, None) => return Err(Failure::input("neither --to nor --levels says what to do".to_owned())),
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
    let Conversion { path, version, documents, chunk_files, levels, notes } = &converted;
    let path = clean(&path.to_string_lossy());
    let mut text = format!("{path}: OME-NGFF {}, {documents} document(s) written anew", version.name());
    if *chunk_files > 0 {
        text.push_str(&format!(", {chunk_files} chunk file(s)"));
    }
    text.push('\n');
    for image in levels {
        let name = if image.image.is_empty() { "the image" } else { &image.image };
        let shapes: Vec<String> =
            image.levels.iter().map(|level| format!("{} {:?}", level.path, level.shape)).collect();
        text.push_str(&format!("  {}: levels {}\n", clean(name), clean(&shapes.join(", "))));
    }
    notes.iter().for_each(|note| text.push_str(&format!("  note: {}\n", clean(note))));
    output::print(&text)
}
