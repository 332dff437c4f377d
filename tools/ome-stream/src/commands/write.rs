//! `ome-stream write`: frames from a file or a pipe, through the library, into a store.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use ome_stream::{Error, Plan, Stream};
use serde_json::{Map, Value, json};

use crate::failure::{EXIT_CODES, Failure};
use crate::input::{self, Asked, FrameSource, InputError, Next};
use crate::interrupt::Interrupt;
use crate::progress::Progress;
use crate::report::run::{Outcome, Run};
use crate::{NOTES_NAMESPACE, output, settings};

const EXAMPLES: &str = "\
Examples:
  ome-stream write stack.tif -o stack.ome.zarr --axes zyx -c blosc-zstd
  ome-stream write movie.npy -o movie -d t:600:10,y:2048:512,x:2048:512 -c zstd:5
  camera | ome-stream write - -o run1 -d t:inf,y:2048,x:2048 --dtype uint16
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
    /// each, or of an NDTiff data set. First bytes tell which. Anything else: raw frames, rows first, little-endian, one
    /// after another without a header.
    #[arg(value_name = "INPUT")]
    pub input: PathBuf,

    /// What INPUT is, whatever its first bytes say.
    #[arg(short = 't', long, value_name = "TYPE")]
    pub input_type: Option<input::Kind>,

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
    #[arg(short, long, value_name = "CODEC[:LEVEL]")]
    pub compression: Option<String>,

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
    /// finish: when this command ends. shard: each shard as soon as it is full. none: whenever the operating system likes.
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

    /// Print the result as JSON.
    #[arg(long)]
    pub json: bool,

    /// No progress and no notes.
    #[arg(short, long)]
    pub quiet: bool,
}

/// Runs the command.
pub fn run(options: &Options) -> Result<(), Failure> {
    let name = options.input.display().to_string();
    let unusable = |problem: InputError| Failure::input(format!("{name}: {problem}"));
    let asked =
        Asked { kind: options.input_type, dimensions: options.dimensions.is_some() || options.settings.is_some() };
    let mut source = input::open(&options.input, asked).map_err(unusable)?;
    let (settings, told) = settings::build(options, source.image(), source.known())?;
    let backend = ome_stream_backends::open(&settings.format.backend)?;
    // Before a frame's memory is taken: the limit bounds a frame, too.
    let plan = Plan::new(&settings, &backend.capabilities())?;
    if fs::symlink_metadata(plan.root()).is_ok() && !settings.overwrite && !settings.resume {
        return Err(Error::AlreadyExists { path: plan.root().to_owned() }.into());
    }
    check_frames(&name, source.as_ref(), &plan)?;
    let mut frame = frame_buffer(&plan)?;
    // The first frame comes before the store: an input without one leaves nothing behind.
    match source.next_frame(&mut frame) {
        Ok(Next::Frame) => {}
        Ok(Next::End) => return Err(Failure::input(format!("{name}: there is no frame in it; nothing was written"))),
        Err(problem) => {
            return Err(Failure::input(format!("{name}: {problem}; no whole frame found, nothing was written")));
        }
    }

    let stream = Arc::new(Stream::create(&settings, backend.as_ref())?);
    let notes: Vec<String> = told.into_iter().chain(plan.notes().iter().cloned()).collect();
    if !options.quiet {
        notes.iter().for_each(|note| eprintln!("note: {note}"));
    }
    if let Some(kept) = kept(&notes, source.as_ref()) {
        stream.set_metadata(NOTES_NAMESPACE, &kept.to_string())?;
    }
    let resumed = stream.status().accepted;
    let mut progress = Progress::new(options.quiet, plan.router().total(), plan.geometry().frame_bytes());
    let run = Arc::new(Run::new(&plan, backend.name(), options.json, notes));
    let interrupt = Interrupt::catch(&stream, &run)?;
    let fed = feed(source.as_mut(), &stream, &mut frame, &mut progress, resumed);
    progress.finishing();
    let finished = stream.finish();
    progress.end();
    interrupt.wait_if_it_came();

    let report = finished?;
    let problem = match fed {
        Ok(()) if report.dropped > 0 => {
            let failure = Failure::dropped(format!(
                "{} of {} frames were dropped because memory was full; their places in the store {} hold the fill value",
                report.dropped,
                report.frames + report.dropped,
                plan.root().display(),
            ));
            output::print(&run.text(&report, Outcome::Incomplete(&failure.to_string())))?;
            return Err(failure);
        }
        Ok(()) => None,
        Err(Stopped::Writing(error)) => return Err(error.into()),
        Err(Stopped::Input(problem)) => Some(format!(
            "{name}: {problem}; {} whole frame(s) found, {} expected; the store {} is finished and holds what was found",
            report.frames + report.dropped,
            plan.router().total().map_or_else(|| "no partial one".to_owned(), |total| total.to_string()),
            plan.root().display(),
        )),
        Err(Stopped::Surplus) => Some(format!(
            "{name}: it goes on after the {} frame(s) that the dimensions declare, which are in the store {}; \
             a first count of inf takes all there are",
            report.frames + report.dropped,
            plan.root().display(),
        )),
    };
    let outcome = problem.as_deref().map_or(Outcome::Complete, Outcome::Incomplete);
    output::print(&run.text(&report, outcome))?;
    problem.map_or(Ok(()), |problem| Err(Failure::input(problem)))
}

/// Why frames ceased to come before they should.
enum Stopped {
    /// The input: what was wrong with it.
    Input(String),
    /// The input has more frames than the dimensions.
    Surplus,
    /// The library.
    Writing(Error),
}

/// What the store keeps of the input beside its pixels: notes, and what the file says in its own words.
fn kept(notes: &[String], source: &dyn FrameSource) -> Option<Value> {
    let mut kept = Map::new();
    if !notes.is_empty() {
        kept.insert("notes".to_owned(), json!(notes));
    }
    if let Some(known) = source.known().filter(|known| !known.source.is_empty()) {
        kept.insert("source".to_owned(), Value::Object(known.source.clone()));
    }
    (!kept.is_empty()).then_some(Value::Object(kept))
}

/// Hands on frame by frame; the first is in `frame` already. `resumed` frames are in the store and are passed over.
fn feed(
    source: &mut dyn FrameSource,
    stream: &Stream,
    frame: &mut [u8],
    progress: &mut Progress,
    resumed: u64,
) -> Result<(), Stopped> {
    let total = stream.plan().router().total();
    let mut taken = resumed;
    if resumed > 0 {
        let passed = source.skip(resumed - 1, frame).map_err(|problem| Stopped::Input(problem.to_string()))?;
        if passed < resumed - 1 {
            let there = passed + 1;
            return Err(Stopped::Input(format!(
                "it has {there} frame(s), fewer than the {resumed} that are in the store"
            )));
        }
        match source.next_frame(frame) {
            Ok(Next::End) if total.is_none_or(|total| total == taken) => return Ok(()),
            Ok(Next::End) => return Err(Stopped::Input("it ends early".to_owned())),
            Ok(Next::Frame) if total == Some(taken) => return Err(Stopped::Surplus),
            Ok(Next::Frame) => {}
            Err(InputError::Cut { .. }) if total == Some(taken) => return Err(Stopped::Surplus),
            Err(problem) => return Err(Stopped::Input(problem.to_string())),
        }
    }
    loop {
        let appended = match source.frame_metadata() {
            Some(metadata) => stream.append_with(frame, metadata),
            None => stream.append(frame),
        };
        if let Err(error) = appended {
            break Err(Stopped::Writing(error));
        }
        taken += 1;
        progress.update(taken);
        let full = total == Some(taken);
        match source.next_frame(frame) {
            Ok(Next::Frame) if full => break Err(Stopped::Surplus),
            Ok(Next::Frame) => {}
            Ok(Next::End) if full || total.is_none() => break Ok(()),
            Ok(Next::End) => break Err(Stopped::Input("it ends early".to_owned())),
            Err(InputError::Cut { .. }) if full => break Err(Stopped::Surplus),
            Err(problem) => break Err(Stopped::Input(problem.to_string())),
        }
    }
}

/// Refuses an input whose frames are not those of the settings.
fn check_frames(name: &str, source: &dyn FrameSource, plan: &Plan) -> Result<(), Failure> {
    let (rows, columns) = plan.geometry().frame();
    if let Some(image) = source.image() {
        if image.frame() != (rows, columns) {
            return Err(Failure::input(format!(
                "{name}: its frames have {} x {} pixels, the dimensions declare {rows} x {columns} (y x x)",
                image.frame().0,
                image.frame().1,
            )));
        }
        if image.dtype != plan.dtype() {
            return Err(Failure::input(format!(
                "{name}: its pixels are {}, the settings say dtype {}; pixels are not converted",
                image.dtype,
                plan.dtype(),
            )));
        }
    }
    let frames = source.frames(plan.geometry().frame_bytes());
    let Some(total) = plan.router().total() else { return Ok(()) };
    let remedy = "give -d with the right counts, or inf for the first";
    match (frames.declared, frames.present) {
        (Some(declared), _) if declared != total => Err(Failure::input(format!(
            "{name}: it has {declared} frame(s), the dimensions declare {total}: {remedy}; nothing was written"
        ))),
        (_, Some(present)) if present > total => Err(Failure::input(format!(
            "{name}: it has {present} whole frames, the dimensions declare {total}: {remedy}; nothing was written"
        ))),
        _ => Ok(()),
    }
}

fn frame_buffer(plan: &Plan) -> Result<Vec<u8>, Failure> {
    let bytes = plan.geometry().frame_bytes();
    let mut frame = Vec::new();
    usize::try_from(bytes)
        .ok()
        .and_then(|bytes| {
            frame.try_reserve_exact(bytes).ok()?;
            frame.resize(bytes, 0);
            Some(frame)
        })
        .ok_or_else(|| Failure::input(format!("there is no memory for one frame of {bytes} bytes")))
}
