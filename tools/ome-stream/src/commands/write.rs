//! `ome-stream write`: frames from a file or a pipe, through the library, into a store.

use std::sync::Arc;

use ome_stream::{Error, Plan, Stream, platform, reader};
use serde_json::{Map, Value, json};

use super::write_options::Options;
use crate::failure::Failure;
use crate::input::{self, Asked, FrameSource, InputError, Next};
use crate::interrupt::Interrupt;
use crate::progress::Progress;
use crate::report::run::{Outcome, Run};
use crate::{NOTES_NAMESPACE, output, settings};

/// Runs the command.
pub fn run(options: &Options) -> Result<(), Failure> {
    let name = options.input.display().to_string();
    let unusable = |problem: InputError| Failure::input(format!("{name}: {problem}"));
    let asked =
        Asked { kind: options.input_type, dimensions: options.dimensions.is_some() || options.settings.is_some() };
    let mut source = input::open(&options.input, asked).map_err(unusable)?;
    let (mut settings, told) = settings::build(options, source.image(), source.known())?;
    // Those of an input's frames are not known.
    settings.frame_times.get_or_insert(false);
    settings.program.get_or_insert_with(|| format!("ome-stream write {}", env!("CARGO_PKG_VERSION")));
    let backend = ome_stream_backends::open(&settings.format.backend)?;
    // Before a frame's memory is taken: the limit bounds a frame, too.
    let plan = Plan::new(&settings, &backend.capabilities())?;
    let may_be_there = settings.overwrite || settings.resume;
    if !may_be_there && reader::is_there(&*platform::native_source(), plan.root())? {
        return Err(Error::AlreadyExists { path: plan.root().to_owned() }.into());
    }
    options.preview.check(plan.root(), options.json)?;
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
    options.preview.draw(plan.root());
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
