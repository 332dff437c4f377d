//! `ome-stream check`: whether a store is what the specification says.

use std::path::PathBuf;
use std::process::ExitCode;

use ome_stream::backend::Verifier;

use crate::check::rule::Severity;
use crate::check::{self, Options as Closely, Report};
use crate::progress::Progress;
use crate::{output, report};

const EXAMPLES: &str = "\
Examples:
  ome-stream check run1.ome.zarr
  ome-stream check run1.ome.zarr --pixels
  ome-stream check run1.ome.zarr --strict --json

Exit codes:
  0  valid: nothing is against what OME-NGFF says MUST be
  1  warnings alone, with --strict
  2  invalid, or the command line is not understood
  3  it is no store, of a version that cannot be checked, or a part of it cannot be read

docs/CHECK.md lists every rule.";

/// Exit code where warnings count.
const WARNED: u8 = 1;

/// Exit code of what is against a MUST.
const INVALID: u8 = 2;

/// Exit code of what cannot be read.
const UNREADABLE: u8 = 3;

/// Check a store against OME-NGFF 0.4, 0.5 or 0.6, whoever wrote it.
///
/// Metadata against every rule of the specification that they can break, arrays against their metadata, chunk files
/// against their arrays, the index of every shard. Nothing is changed, and no link is followed.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Options {
    /// Folder of the store.
    #[arg(value_name = "STORE")]
    pub store: PathBuf,

    /// Decode every chunk too: damaged ones are named.
    #[arg(long)]
    pub pixels: bool,

    /// Look at the attributes of groups alone, not at what they name.
    #[arg(long, conflicts_with = "pixels")]
    pub attributes: bool,

    /// End with 1 where there are warnings.
    #[arg(long)]
    pub strict: bool,

    /// Print JSON.
    #[arg(long)]
    pub json: bool,

    /// Do not show how far it is.
    #[arg(short, long)]
    pub quiet: bool,
}

/// Runs the command.
pub fn run(options: &Options) -> ExitCode {
    let verifier = ome_stream_backends::verifier();
    let pixels = options.pixels.then_some(&verifier as &dyn Verifier);
    let closely = Closely { attributes_only: options.attributes, pixels };
    let mut view: Option<Progress> = None;
    let mut progress = |done: u64, total: u64| {
        view.get_or_insert_with(|| Progress::of_bytes(options.quiet, total)).update(done);
    };
    let source = ome_stream::platform::native_source();
    let found = check::check(&*source, &options.store, &closely, &mut progress);
    if let Some(view) = view {
        view.end();
    }
    let found = match found {
        Ok(found) => found,
        Err(error) => {
            eprintln!("error: {}", ome_stream::shown::sentence(error));
            return ExitCode::from(UNREADABLE);
        }
    };
    let printed = match options.json {
        true => report::check::json(&found, &options.store).map_err(|error| error.to_string()),
        false => Ok(report::check::text(&found, &options.store)),
    };
    if let Err(error) = printed.and_then(|text| output::print(&text).map_err(|failure| failure.to_string())) {
        eprintln!("error: {error}");
        return ExitCode::from(UNREADABLE);
    }
    ExitCode::from(exit_code(&found, options.strict))
}

fn exit_code(found: &Report, strict: bool) -> u8 {
    let errors = found.count(Severity::Error);
    let unread = found.unread();
    match (errors > unread, unread > 0, found.count(Severity::Warning) > 0 && strict) {
        (true, ..) => INVALID,
        (false, true, _) => UNREADABLE,
        (false, false, true) => WARNED,
        (false, false, false) => 0,
    }
}
