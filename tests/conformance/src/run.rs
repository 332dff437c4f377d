//! Streams a case through an engine.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ome_stream::backend::Backend;
use ome_stream::platform::{self, Disk};
use ome_stream::stream::Summary;
use ome_stream::{Error, Plan, Stream};

use crate::case::{Case, Step};
use crate::model::{self, Image};
use crate::pixels;

/// A finished run.
#[derive(Debug)]
pub struct Ran {
    /// The store.
    pub root: PathBuf,
    /// What `finish` said.
    pub report: Summary,
    /// The plan as it was run.
    pub plan: Plan,
    /// What must be there, position by position.
    pub images: Vec<Image>,
}

/// Why a run gave no store.
#[derive(Debug)]
pub enum NoRun {
    /// The engine says that it cannot write this: a difference, not a failure.
    Unsupported(String),
    /// It should have worked.
    Failed(String),
}

impl From<String> for NoRun {
    fn from(message: String) -> Self {
        Self::Failed(message)
    }
}

impl From<Error> for NoRun {
    fn from(error: Error) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Streams `case` into a store in `folder`.
///
/// The camera's buffer is one and the same for all frames and is scribbled over after each `append`.
///
/// # Errors
/// [`NoRun`].
pub fn run(case: &Case, backend: &dyn Backend, folder: &Path) -> Result<Ran, NoRun> {
    run_on(case, backend, folder, platform::native())
}

/// As [`run`], on a disk of the caller's.
///
/// # Errors
/// [`NoRun`].
pub fn run_on(case: &Case, backend: &dyn Backend, folder: &Path, disk: Arc<dyn Disk>) -> Result<Ran, NoRun> {
    let settings = case.settings_in(folder);
    let stream = match Stream::create_on(&settings, backend, disk) {
        Err(Error::Unsupported { reason, .. }) => return Err(NoRun::Unsupported(reason)),
        stream => stream?,
    };
    play(case, &stream, 0)?;
    let report = stream.finish()?;
    let images = model::images(case);
    expect("frames of the report", report.frames, case.appended())?;
    expect("skipped of the report", report.skipped, case.consumed() - case.appended())?;
    expect("dropped of the report", report.dropped, 0)?;
    let shapes: Vec<_> = images.iter().map(|image| image.shape.clone()).collect();
    expect("shapes of the report", &report.shapes, &shapes)?;
    let status = stream.status();
    expect("accepted after finish", status.accepted, case.consumed())?;
    expect("written after finish", status.written, case.consumed())?;
    expect("bytes in flight after finish", status.bytes_in_flight, 0)?;
    Ok(Ran { root: report.path.clone(), report, plan: stream.plan().clone(), images })
}

/// Does what the script says; `first` is the number that the first frame gets.
///
/// # Errors
/// What the stream says, and any frame number other than the next.
pub fn play(case: &Case, stream: &Stream, first: u64) -> Result<(), NoRun> {
    let (rows, columns) = case.frame();
    let mut camera = Vec::new();
    let mut next = first;
    for step in &case.script {
        match *step {
            Step::Skip(frames) => {
                next += frames;
                expect("number after skip", stream.skip(frames)?, next)?;
            }
            Step::Append(frames) => {
                for _ in 0..frames {
                    camera.clear();
                    pixels::append_frame(case.settings.dtype, next, rows, columns, &mut camera);
                    expect("frame number", stream.append(&camera)?, next)?;
                    camera.fill(0xA5);
                    next += 1;
                }
            }
        }
    }
    Ok(())
}

fn expect<T: PartialEq + std::fmt::Debug>(what: &str, got: T, expected: T) -> Result<(), String> {
    if got == expected {
        return Ok(());
    }
    Err(format!("{what}: expected {expected:?}, got {got:?}"))
}
