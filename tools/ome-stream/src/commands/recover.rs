//! `ome-stream recover`: what an interrupted run left behind, and mending it.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use ome_stream::backend::Verifier;
use ome_stream::platform;
use ome_stream::recover::{self, Report, State, Verdict};
use ome_stream::stream::complete_levels;

use crate::output;
use crate::report::text::clean;

const EXAMPLES: &str = "\
Examples:
  ome-stream recover run1.ome.zarr
  ome-stream recover run1.ome.zarr --apply
  ome-stream recover run1.ome.zarr --json

Exit codes:
  0  nothing to do
  1  interrupted or damaged, but nothing is lost (mended, to be mended with --apply, or only told)
  2  frames or pixel sizes, channels, positions are lost (a list is printed), or the command line is not understood
  3  not a store of ome-stream, a writer is at work on it, or it cannot be read";

/// Exit code for what is refused.
const REFUSED: u8 = 3;

/// Lost chunks that are printed; --json has more.
const SHOWN: usize = 20;

/// Find what an interrupted run left behind: what is whole, torn, can be won back or is lost.
///
/// Without --apply nothing is changed. Of a run that has finished what differs is told and left as it is; only a shard
/// that nobody can read gets an index, where a whole one is found in it. Mending overwrites nothing: shard files only
/// grow, and whatever else is replaced is kept beside it under a name that ends with .before-recover. Levels below full
/// resolution that are behind it, or gone, are made anew of it.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Options {
    /// Folder of the store.
    #[arg(value_name = "STORE")]
    pub store: PathBuf,

    /// Mend the store.
    #[arg(long)]
    pub apply: bool,

    /// Do not decode compressed chunks: quicker on large stores, and blind to damage inside of chunks.
    #[arg(long)]
    pub quick: bool,

    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Runs the command.
pub fn run(options: &Options) -> ExitCode {
    let verifier = ome_stream_backends::verifier();
    let verifier = (!options.quick).then_some(&verifier as &dyn Verifier);
    let how = recover::Options { apply: options.apply, verifier };
    let mut report = match recover::recover(&options.store, &how) {
        Ok(report) => report,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::from(REFUSED);
        }
    };
    let completed = if options.apply && !report.levels.is_empty() { complete(&mut report) } else { Ok(()) };
    let text = if options.json {
        serde_json::to_string_pretty(&report).map(|text| text + "\n").map_err(|error| error.to_string())
    } else {
        Ok(text(&report))
    };
    let printed = text.and_then(|text| output::print(&text).map_err(|failure| failure.to_string()));
    if let Err(error) = printed {
        eprintln!("error: {error}");
        return ExitCode::from(REFUSED);
    }
    for finding in &report.findings {
        if let Some(failure) = &finding.failure {
            eprintln!("error: {} was not mended: {}", clean(&finding.file), clean(failure));
        }
    }
    if let Err(error) = completed {
        eprintln!("error: the levels below full resolution were not made whole: {error}");
    }
    ExitCode::from(report.verdict.exit_code())
}

/// Makes the levels below full resolution whole, which takes an engine.
fn complete(report: &mut Report) -> Result<(), String> {
    let engine = ome_stream_backends::open("zarrs").map_err(|error| error.to_string())?;
    let made = complete_levels(&report.path, &*engine, &platform::native()).map_err(|error| error.to_string())?;
    report.completed(&made);
    Ok(())
}

/// The report for a person.
fn text(report: &Report) -> String {
    let mut text = String::new();
    // Writing to memory does not fail.
    let _ = lines(report, &mut text);
    text
}

fn lines(report: &Report, out: &mut String) -> std::fmt::Result {
    let verdict = match report.verdict {
        Verdict::Whole => "nothing to do",
        Verdict::Harmless if report.interrupted => "interrupted; nothing that was written is lost",
        Verdict::Harmless => "the run has finished; nothing is lost, but something is not as it should be",
        Verdict::Lost => "something is lost",
    };
    writeln!(out, "{}: {verdict}", clean(&report.path.to_string_lossy()))?;
    for array in &report.arrays {
        let path = if array.path.is_empty() { "." } else { &array.path };
        write!(out, "  {}: shape {:?}", clean(path), array.shape)?;
        if array.mended_shape != array.shape {
            write!(out, " -> {:?}", array.mended_shape)?;
        }
        write!(out, ", {} chunk(s) whole", array.whole)?;
        if array.won_back > 0 {
            write!(out, ", {} won back", array.won_back)?;
        }
        if array.unverified > 0 {
            write!(out, " ({} known from the write log alone)", array.unverified)?;
        }
        if array.lost > 0 {
            write!(out, ", {} LOST", array.lost)?;
        }
        match &array.unchecked {
            Some(why) => writeln!(out, "; not checked: {}", clean(why))?,
            None => writeln!(out)?,
        }
    }
    for finding in &report.findings {
        let state = match finding.state {
            State::Unfinished => "unfinished",
            State::Torn => "torn",
            State::Incomplete => "incomplete",
            State::Leftover => "leftover",
        };
        writeln!(out, "  {} ({state}): {}", clean(&finding.file), clean(&finding.cause))?;
        let remedy = finding.remedy.as_deref().map(clean);
        match (remedy, finding.mended) {
            (None, _) if report.interrupted => writeln!(out, "    nothing mends it")?,
            (None, _) => writeln!(out, "    left as it is: the run has finished")?,
            (Some(remedy), true) => writeln!(out, "    mended: {remedy}")?,
            (Some(remedy), false) if report.applied => writeln!(out, "    NOT mended: {remedy}")?,
            (Some(remedy), false) => writeln!(out, "    with --apply: {remedy}")?,
        }
    }
    for level in &report.levels {
        let array = clean(&level.array);
        let behind = format!("may be behind full resolution from frame {} on", level.first_frame);
        match level.made {
            Some(0) => writeln!(out, "  {array}: level that is not behind full resolution")?,
            Some(planes) => writeln!(out, "  {array}: {planes} plane(s) made anew of full resolution")?,
            None if report.applied => writeln!(out, "  {array}: {behind}: NOT made anew")?,
            None => writeln!(out, "  {array}: {behind}\n    with --apply: its planes are made anew")?,
        }
    }
    for chunk in report.lost.iter().take(SHOWN) {
        let planes: Vec<String> =
            chunk.first.iter().zip(&chunk.end).map(|(first, end)| format!("{first}..{end}")).collect();
        let planes = if planes.is_empty() { String::new() } else { format!(", planes {}", planes.join(" x ")) };
        writeln!(out, "  lost: {} chunk {:?}{planes}", clean(&chunk.array), chunk.chunk)?;
    }
    if report.lost_chunks > SHOWN as u64 {
        writeln!(out, "  ... {} lost chunks in all; --json lists more", report.lost_chunks)?;
    }
    if !report.lost_frames.is_empty() {
        writeln!(out, "  frames that lost a part: {}", ranges(&report.lost_frames))?;
    }
    for note in &report.notes {
        writeln!(out, "  note: {}", clean(note))?;
    }
    Ok(())
}

/// Ascending numbers as `3-5, 8`, of which the first [`SHOWN`] ranges are told.
fn ranges(numbers: &[u64]) -> String {
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(*number) => *last = *number,
            _ => ranges.push((*number, *number)),
        }
    }
    let told = ranges.iter().take(SHOWN).map(|(first, last)| match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    });
    let mut text = told.collect::<Vec<_>>().join(", ");
    if ranges.len() > SHOWN {
        text.push_str(&format!(", ... {} frames in all; --json lists them", numbers.len()));
    }
    text
}
