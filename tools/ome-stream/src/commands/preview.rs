//! `ome-stream preview`: a picture of a store, as a file or in the terminal.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ome_stream::platform::{Source, native_source};

use crate::failure::Failure;
use crate::output;
use crate::preview::terminal::{self, Colors};
use crate::preview::{Asked, MAX_SIDE, Picture, Style, picture, png_file};

const EXAMPLES: &str = "\
Examples:
  ome-stream preview run1.ome.zarr -o sheet.png
  ome-stream preview run1.ome.zarr --terminal --t -1
  ome-stream preview plate.ome.zarr -o wells.png --position A/1/0 --position B/2/0 --c DAPI,GFP --width 2048

Exit codes:
  0  drawn
  1  there is nothing to draw, or some of it could not be read (what could is drawn)
  2  the command line is not understood";

/// Draw an OME-Zarr store: a PNG file, or a picture in the terminal.
///
/// Channels are added up in their colors and windows, several positions become a contact sheet, wells lie as on their
/// plate. A channel without a window, or with one that is all that its data type can hold (more than 8 bits), is shown
/// from a low to a high percentile of the pixels that are drawn. The smallest level that has enough pixels is read. The
/// store may be one that is being written, and one that others wrote (OME-NGFF 0.4 and later). Nothing in it is
/// changed.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Options {
    /// Folder of the store, or of an image in it.
    #[arg(value_name = "STORE")]
    store: PathBuf,

    /// PNG file to write; one that is there is replaced, nothing else is.
    #[arg(short, long, value_name = "PNG", required_unless_present = "terminal")]
    output: Option<PathBuf>,

    /// Draw in the terminal.
    #[arg(long)]
    terminal: bool,

    /// Time point, counted from 0; -1 is the last. Not given: the first.
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    t: Option<i64>,

    /// Plane along z, counted from 0; -1 is the last. Not given: the middle one.
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    z: Option<i64>,

    /// Channels by name or number, comma-separated. Not given: those that the store says are active.
    #[arg(long = "c", value_name = "CHANNELS", value_delimiter = ',')]
    channels: Vec<String>,

    /// Position by path, folder or number; can be given several times. Not given: all.
    #[arg(long = "position", value_name = "NAME")]
    positions: Vec<String>,

    /// Width of the sheet in pixels. Not given: 1024, or more where many images are side by side.
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u64).range(1..=MAX_SIDE as u64))]
    width: Option<u64>,

    /// Take windows from the pixels that are drawn, whatever the store says.
    #[arg(long)]
    auto: bool,
}

/// Runs the command.
pub fn run(options: &Options) -> Result<(), Failure> {
    let asked = Asked {
        t: options.t,
        z: options.z,
        channels: options.channels.clone(),
        positions: options.positions.clone(),
        auto: options.auto,
    };
    let mut problems = Vec::new();
    if let Some(output) = &options.output {
        check(output, &options.store)?;
        let width = options.width.map(|width| usize::try_from(width).unwrap_or(MAX_SIDE));
        problems = file(&options.store, output, &asked, width)?.problems;
        output::print(&format!("{}\n", output.display()))?;
    }
    if options.terminal {
        problems = in_terminal(&options.store, &asked)?.problems;
    }
    match problems.split_first() {
        None => Ok(()),
        Some((first, rest)) => Err(Failure::input(format!(
            "{}: {} thing(s) could not be read: {first}",
            options.store.display(),
            1 + rest.len()
        ))),
    }
}

/// Refuses an output file that may not be written, before anything is done.
pub fn check(output: &Path, store: &Path) -> Result<(), Failure> {
    png_file::check(output, store).map_err(|error| Failure::input(error.to_string()))
}

/// Draws the store at `store` as a PNG file.
fn file(store: &Path, output: &Path, asked: &Asked, width: Option<usize>) -> Result<Picture, Failure> {
    let picture = draw(store, asked, Style::Sheet(width))?;
    png_file::write(output, &picture.canvas).map_err(|error| Failure::input(error.to_string()))?;
    Ok(picture)
}

/// Draws the store at `store` in the terminal.
fn in_terminal(store: &Path, asked: &Asked) -> Result<Picture, Failure> {
    let colors = Colors::of(std::env::var("COLORTERM").ok().as_deref());
    let (columns, rows) = terminal::room();
    let picture = draw(store, asked, Style::Terminal(columns, rows))?;
    let entries = picture.legend.iter().map(|entry| terminal::colored(&entry.text(), entry.color, colors));
    let mut legend: Vec<String> = entries.collect();
    legend.extend(picture.bar.as_ref().map(|bar| format!("{} {}", "━".repeat(bar.pixels), bar.label)));
    output::print(&format!("{}\n{}{}\n", picture.title, terminal::lines(&picture.canvas, colors), legend.join("  ")))?;
    Ok(picture)
}

fn draw(store: &Path, asked: &Asked, style: Style) -> Result<Picture, Failure> {
    let source: Arc<dyn Source> = native_source();
    let picture = picture(&source, store, asked, style)
        .map_err(|problem| Failure::input(format!("{}: {problem}", store.display())))?;
    picture.notes.iter().for_each(|note| eprintln!("note: {note}"));
    Ok(picture)
}

/// The picture with which another command ends.
#[derive(Debug, clap::Args)]
pub struct Preview {
    /// Draw the store at the end: in the terminal, or as a PNG file where one is named (--preview=sheet.png).
    #[arg(long, value_name = "PNG", num_args = 0..=1, require_equals = true)]
    #[allow(clippy::option_option, reason = "not given, given, given with a file")]
    preview: Option<Option<PathBuf>>,
}

impl Preview {
    /// Refuses what cannot be drawn, before anything is done; `json` is true where standard output is to be JSON.
    pub fn check(&self, store: &Path, json: bool) -> Result<(), Failure> {
        match &self.preview {
            Some(Some(output)) => check(output, store),
            Some(None) if json => Err(Failure::input(
                "--preview draws on standard output, where --json puts its text; name a file: --preview=sheet.png",
            )),
            _ => Ok(()),
        }
    }

    /// Draws the store at `store` where that was asked for. What the command is there for is done: a picture that
    /// cannot be drawn is told, and no failure.
    pub fn draw(&self, store: &Path) {
        let asked = Asked::default();
        let drawn = match &self.preview {
            None => return,
            Some(Some(output)) => file(store, output, &asked, None),
            Some(None) => in_terminal(store, &asked),
        };
        match drawn {
            Ok(picture) => picture.problems.iter().for_each(|problem| eprintln!("note: preview: {problem}")),
            Err(failure) => eprintln!("note: preview: {failure}"),
        }
    }
}
