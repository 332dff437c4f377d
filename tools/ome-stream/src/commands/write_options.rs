//! What `ome-stream write` takes on its command line.

use std::path::PathBuf;

use super::preview::Preview;
use crate::failure::EXIT_CODES;
use crate::input::Kind;

const EXAMPLES: &str = "\
Examples:
  ome-stream write stack.tif -o stack.ome.zarr --axes zyx -c blosc-zstd
  ome-stream write movie.npy -o movie -d t:600:10,y:2048:512,x:2048:512 -c zstd:5
  camera | ome-stream write - -o run1 -d t:inf,y:2048,x:2048 --dtype uint16
  ome-stream write slide.tif -o slide.ome.zarr --pyramid mean
  ome-stream write frames.raw -f settings.json";

/// Stream frames from a file or standard input into an OME-Zarr store.
///
/// The result goes to standard output (the path of the store first), progress and problems to standard error.
#[derive(Debug, clap::Args)]
#[command(after_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"))]
pub struct Options {
    /// File to read; - for standard input.
    ///
    /// NumPy arrays (.npy, .npz with one array); TIFF with pages of one size and type, also as ImageJ, OME (one file or
    /// a set), Micro-Manager, ScanImage, MetaMorph (STK) and Zeiss (LSM) write it; a folder of TIFF files of one frame
    /// each, or of an NDTiff data set. First bytes tell which. Anything else: raw frames, rows first, little-endian,
    /// one after another without a header.
    #[arg(value_name = "INPUT")]
    pub input: PathBuf,

    /// What INPUT is, whatever its first bytes say.
    #[arg(short = 't', long, value_name = "TYPE")]
    pub input_type: Option<Kind>,

    /// Folder of the store; .ome.zarr is added unless it ends with .zarr.
    #[arg(short, long, value_name = "STORE", required_unless_present = "settings")]
    pub output: Option<PathBuf>,

    /// Dimensions, slowest first: name:count[:chunk[:shard]], comma-separated.
    ///
    /// Names are x y z c t p; chunk counts pixels, shard counts chunks. A first count of inf goes on until the input
    /// ends. x may be left out after y: frames are square then.
    #[arg(short, long, value_name = "DIMS")]
    pub dimensions: Option<String>,

    /// Names of the axes of a .npy or TIFF, slowest first, such as zyx or tcyx.
    ///
    /// Not given: what the file says; where it says nothing yx, tyx, tzyx, tczyx for two to five axes.
    #[arg(long, value_name = "NAMES", conflicts_with_all = ["dimensions", "settings"])]
    pub axes: Option<String>,

    /// Sizes of pixels and steps with their units, such as z:0.3um,y:0.108um,x:0.108um,t:2s.
    ///
    /// Not given: what the file or the settings say. Where nobody says a size, the store has none.
    #[arg(long, value_name = "SIZES")]
    pub pixel_size: Option<String>,

    /// Names of channels, each with a color where it has one: DAPI:blue,GFP:#00ff00.
    #[arg(long, value_name = "NAMES")]
    pub channels: Option<String>,

    /// Pixel type of raw frames: uint8 to uint64, int8 to int64, float16, float32, float64.
    #[arg(long, value_name = "TYPE")]
    pub dtype: Option<String>,

    /// Compression: none, blosc-lz4, blosc-zstd, zstd or gzip, with a level as in zstd:5. Not given: none.
    ///
    /// A checksum of each chunk stands behind, as in zstd:5+crc32c or none+crc32c: damage is then seen.
    #[arg(short, long, value_name = "CODEC[:LEVEL][+crc32c]")]
    pub compression: Option<String>,

    /// Levels below full resolution, made by mean, min, max, median, mode or nearest: mean, max:4. Not given: none.
    ///
    /// Rows and columns are halved from level to level, and planes of z once pixels lie as far apart as they do, until a
    /// level has fewer than 256 rows or columns, or there are so many levels, full resolution included. Without METHOD:
    /// mean. mode and nearest are for labels. A settings file says more: factors, chunks and shards of each level.
    #[arg(long, value_name = "METHOD[:LEVELS]", num_args = 0..=1, default_missing_value = "mean")]
    pub pyramid: Option<String>,

    /// Settings file (JSON, as of ome-writers); options given here win over it.
    #[arg(short = 'f', long, value_name = "FILE")]
    pub settings: Option<PathBuf>,

    /// Engine that writes; see `ome-stream info --backends`.
    #[arg(short, long, value_name = "NAME")]
    pub backend: Option<String>,

    /// Order of the axes on disk: ome (t, c, z, y, x), acquisition, or names such as tzcyx or t,z,c.
    #[arg(long, value_name = "ORDER")]
    pub storage_order: Option<String>,

    /// Most memory to hold frames in, such as 512M. Not given: 1G.
    ///
    /// KiB, MiB, GiB and K, M, G alone are of 1024; kB, MB, GB are of 1000.
    #[arg(long, value_name = "BYTES")]
    pub memory_limit: Option<String>,

    /// When data must survive a loss of power. Not given: when this command ends.
    ///
    /// finish: when this command ends. shard: each shard as soon as it is full. none: whenever the operating system
    /// likes.
    #[arg(long, value_name = "WHEN", value_parser = ["finish", "shard", "none"])]
    pub durability: Option<String>,

    /// What to do while the memory limit is reached. Not given: wait, whatever the settings file says: a file can.
    ///
    /// block: wait until there is room. error: stop. drop: drop frames, and say so at the end.
    #[arg(long, value_name = "WHAT", value_parser = ["block", "error", "drop"])]
    pub when_full: Option<String>,

    /// Replace a store that is already there (never anything else).
    #[arg(long)]
    pub overwrite: bool,

    #[command(flatten)]
    pub preview: Preview,

    /// Print the result as JSON.
    #[arg(long)]
    pub json: bool,

    /// No progress and no notes.
    #[arg(short, long)]
    pub quiet: bool,
}
