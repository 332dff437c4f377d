//! `ome-bench`: engines that write OME-Zarr, measured against each other and against the machine's own limit.

mod cli;
mod engines;
mod frames;
mod measure;
mod profile;
mod progress;
mod raw;
mod report;
mod schedule;
mod session;
mod sustained;
mod text;
mod workload;

use std::io;
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

use cli::Cli;
use engines::{Gathered, Role, gather};
use frames::Frames;
use measure::conditions::Conditions;
use progress::Progress;
use report::{Csv, Description, Exporter, Human, Json, Results, export_to};
use schedule::{Rounds, Setting, count_runs, measure};
use session::Session;
use sustained::Camera;
use workload::Workload;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("ome-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Measures and reports; false where nothing could be measured.
fn run(cli: &Cli) -> Result<bool> {
    let workload = Workload::asked_for(&cli.acquisition())?;
    let mut session = Session::new(cli.root.as_deref())?;
    Session::remove_when_interrupted()?;
    let rounds = Rounds { warmups: cli.warmups(), counted: cli.iterations() };
    let conditions = Conditions::of(session.path().parent().unwrap_or(session.path()));
    session.plan_room(workload.bytes(), 1, conditions.memory_available)?;

    let mut progress = Progress::new(cli.quiet);
    progress.note("making frames");
    let frames = Frames::generate(&workload, cli.frames, cli.seed)?;
    if let Some(path) = &cli.profile {
        return profile::run(&cli.backends, rounds, path, &workload, &frames, &session);
    }
    let mut description = Description::new(&cli.asked(), &workload, &frames, rounds, conditions);
    let Gathered { engines, mut failures } = gather(&cli.choice(), &workload, &frames, session.scratch());
    let runs = count_runs(&engines, rounds);
    let each = workload.bytes() + frames.slab().len() as u64;
    session.plan_room(each, runs, description.conditions.memory_available)?;
    description.configuration.folders_kept = session.keeps_folders();

    let only_limits = engines.iter().all(|engine| engine.role() == Role::Limit);
    let worthwhile = !engines.is_empty() && (failures.is_empty() || !only_limits);
    let camera = Camera::new(cli.rate, cli.camera_buffer);
    let window = cli.sustained.map(|_| sustained::window(&workload, camera.as_ref()));
    let best_peers = cli.best_peers;
    let setting = Setting { workload: &workload, frames: &frames, session: &session, camera, window, best_peers };
    let mut measured = Vec::new();
    if worthwhile {
        let (counted, failed) = measure(engines, rounds, &setting, &mut progress)?;
        measured = counted;
        failures.extend(failed);
    }
    let asked_for_engines = !only_limits || !failures.is_empty();
    let results = description.results(&workload, &measured, failures);
    publish(cli, &results)?;
    Ok(if asked_for_engines { results.any_engine() } else { !results.engines.is_empty() })
}

/// Results to standard output and files, doubts to standard error.
fn publish(cli: &Cli, results: &Results) -> Result<()> {
    if cli.machine_stdout() {
        Human.export(results, &mut io::stderr().lock())?;
    } else {
        Human.export(results, &mut io::stdout().lock())?;
    }
    if let Some(path) = &cli.json {
        export_to(path, &Json, results)?;
    }
    if let Some(path) = &cli.csv {
        export_to(path, &Csv, results)?;
    }
    if let Some(path) = &cli.plot {
        report::plot::draw_results(path, results)?;
    }
    for line in &results.warnings {
        eprintln!("warning: {line}");
    }
    for line in &results.suggestions {
        eprintln!("hint: {line}");
    }
    Ok(())
}
