//! Kills a writer at a random moment and looks at once at what it left; then again after `recover`, and after a run has
//! gone on with it.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use ome_stream::Plan;
use ome_stream::plan::{Capabilities, StorageUnit};
use serde_json::{Value, json};

use crate::after::{self, After};
use crate::cases::{self, Kind, LIVE_INTERVAL, Pace};
use crate::foreign::{self, Script};
use crate::judge::{self, Findings};
use crate::random::Random;
use crate::table::Table;
use crate::watermarks::{self, Entry};
use crate::writer::{self, Order};

/// Latest moment of a kill, in seconds after the store was there.
const LATEST: f64 = 1.4;

/// Frames come for this long; a writer that is to be killed in `finish` has fewer.
const LONG: f64 = 2.5;
const SHORT: f64 = 0.4;

/// Frames come for this long before a writer has nothing to do.
const BUSY: f64 = 0.3;

/// Latest moment of a kill in `create`, after the process was started, and in `finish`, after the last frame was taken.
const CREATING: f64 = 0.06;
const FINISHING: f64 = 0.04;

/// Longest time until a store is there.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a writer is at when it is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Create,
    Work,
    /// No frame comes any more, and the run is not finished.
    Idle,
    Finish,
}

/// A kill as it is to be.
struct Aim {
    at: At,
    pace: Pace,
    /// From 0 to 1.
    moment: f64,
}

impl Aim {
    fn random(random: &mut Random) -> Self {
        let at = match random.below(10) {
            0 => At::Create,
            1 | 2 => At::Idle,
            3 | 4 => At::Finish,
            _ => At::Work,
        };
        let pace = if random.below(2) == 0 { Pace::Slow } else { Pace::Fast };
        Self { at, pace, moment: random.unit() }
    }
}

/// What came of the kills of one kind.
#[derive(Debug, Default)]
struct Tally {
    kills: u32,
    finished: u32,
    must: u64,
    whole: u64,
    lost: u64,
    after: After,
    errors: u32,
}

/// One kill and what was found.
struct Killed {
    /// Frames that had to be there at once.
    must: u64,
    /// True where the writer had finished before.
    finished: bool,
    /// Microseconds for which the writer stood still before its end, and for which frames may be late.
    stall: u64,
    findings: Findings,
    after: After,
}

/// Kills `kills` writers; true when nothing was lost and nothing was wrong.
pub fn run(kills: u32, seed: Option<u64>, only: &str, folder: Option<&Path>) -> Result<bool> {
    let seed = seed.unwrap_or_else(Random::fresh_seed);
    let mut random = Random::new(seed);
    let kinds = cases::series(only, &mut random);
    if kinds.is_empty() {
        bail!("no case has {only:?} in its name");
    }
    let mut readers = match foreign::interpreter("foreign readers of killed stores") {
        Some(python) => Some(Script::start(&python, &foreign::own_script("judge.py"), &[])?),
        None => None,
    };
    println!("{kills} kills, seed {seed}, live interval {LIVE_INTERVAL} s");
    let mut tallies: Vec<Tally> = kinds.iter().map(|_| Tally::default()).collect();
    let mut longest_stall = 0;
    for nth in 0..kills as usize {
        let which = nth % kinds.len();
        let aim = Aim::random(&mut random);
        let what = format!("{} ({}, killed in {:?} at {:.3})", kinds[which].name, aim.pace.name(), aim.at, aim.moment);
        let killed = kill(kinds[which], &aim, readers.as_mut(), folder).context(what.clone())?;
        for error in &killed.findings.errors {
            eprintln!("{what}: {error}");
        }
        longest_stall = longest_stall.max(killed.stall);
        let tally = &mut tallies[which];
        tally.kills += 1;
        tally.finished += u32::from(killed.finished);
        tally.must += killed.must;
        tally.whole += killed.findings.whole;
        tally.lost += killed.findings.lost;
        tally.after.add(&killed.after);
        tally.errors += killed.findings.errors.len() as u32;
    }
    let columns = [
        "case",
        "kills",
        "of them after finish",
        "had to be there",
        "whole",
        "lost",
        "written",
        "lost after recover",
        "kept by resume",
        "errors",
    ];
    let mut table = Table::new(&columns);
    for (kind, tally) in kinds.iter().zip(&tallies) {
        let Tally { kills, finished, must, whole, lost, after, errors } = tally;
        let After { written, lost: given_up, kept } = after;
        table.row(&[&kind.name, kills, finished, must, whole, lost, written, given_up, kept, errors]);
    }
    let sum = |of: fn(&Tally) -> u64| tallies.iter().map(of).sum::<u64>();
    let (lost, errors) = (sum(|tally| tally.lost + tally.after.lost), sum(|tally| tally.errors.into()));
    let all = [
        sum(|tally| tally.finished.into()),
        sum(|tally| tally.must),
        sum(|tally| tally.whole),
        sum(|tally| tally.lost),
        sum(|tally| tally.after.written),
        sum(|tally| tally.after.lost),
        sum(|tally| tally.after.kept),
    ];
    table.row(&[&"all", &kills, &all[0], &all[1], &all[2], &all[3], &all[4], &all[5], &all[6], &errors]);
    table.print();
    println!(
        "readers: zarrs{}",
        if readers.is_some() { ", zarr-python, tensorstore" } else { " (foreign ones skipped)" }
    );
    println!("longest time for which the machine let a writer stand still, allowed for: {} ms", longest_stall / 1000);
    println!("lost: {lost}");
    Ok(lost == 0 && errors == 0)
}

fn kill(kind: &Kind, aim: &Aim, mut readers: Option<&mut Script>, folder: Option<&Path>) -> Result<Killed> {
    let folder = match folder {
        Some(folder) => tempfile::tempdir_in(folder)?,
        None => tempfile::tempdir()?,
    };
    let case = kind.case(aim.pace, if aim.at == At::Finish { SHORT } else { LONG });
    let rate = kind.rate(aim.pace);
    let mut order = Order::new(case.clone(), folder.path(), rate);
    order.idle_after = (aim.at == At::Idle).then_some((rate as f64 * BUSY) as u64);
    let plan = Plan::new(&case.settings_in(folder.path()), &Capabilities::taking(StorageUnit::Chunk))?;
    let child = order.command()?.spawn().context("starting the writer")?;
    let wait = |until: &dyn Fn(Option<&Entry>) -> bool| {
        let start = Instant::now();
        while !until(watermarks::read(&order.status).last()) {
            if start.elapsed() > PATIENCE {
                return false;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        true
    };
    let (ready, longest) = match aim.at {
        At::Create => (true, CREATING),
        At::Work => (wait(&|last| last.is_some()), LATEST),
        At::Idle => (wait(&|last| last.is_some_and(|last| Some(last.accepted) >= order.idle_after)), LATEST),
        At::Finish => (wait(&|last| last.is_some_and(|last| last.accepted >= case.consumed())), FINISHING),
    };
    if !ready {
        writer::kill(child)?;
        bail!("no store, or not all frames, after {} s", PATIENCE.as_secs());
    }
    std::thread::sleep(Duration::from_secs_f64(aim.moment * longest));
    let killed_at = watermarks::now();
    writer::kill(child)?;
    let said = watermarks::read(&order.status);
    let written = said.last().map_or(0, |last| last.written);
    let interval = (LIVE_INTERVAL * 1e6) as u64;
    let stall = watermarks::stall(&said, killed_at, 2 * interval, writer::TICK.as_micros() as u64);
    let must = watermarks::visible(&said, killed_at, interval + stall);
    let mut findings = Findings::default();
    // A writer that was killed in `create` may have left anything.
    if !said.is_empty() {
        // The foreign readers first: at once.
        let config = judge::config(&case, &plan, &order.root())?;
        let foreign = readers.as_deref_mut().map(|script| ask(script, &config, must)).transpose()?;
        findings = judge::store(&case, &plan, must, must);
        if let Some(foreign) = foreign {
            findings.lost = findings.lost.max(foreign["missing"].as_u64().unwrap_or(0));
            tell(&mut findings, &foreign);
        }
    }
    let finished = order.outcome.exists();
    let after = after::judge(&case, &plan, folder.path(), written, !said.is_empty(), &mut findings)?;
    if !said.is_empty()
        && let Some(script) = readers
    {
        let mut config = judge::config(&case, &plan, &order.root())?;
        config["unbounded"] = json!(false);
        // Levels of planes that are there in part are judged by the model.
        config["arrays"].as_array_mut().into_iter().for_each(|arrays| arrays.retain(|array| array["pixels"].is_null()));
        let foreign = ask(script, &config, written)?;
        tell(&mut findings, &foreign);
    }
    if !findings.errors.is_empty() {
        // What is wrong is kept for a person to look at.
        eprintln!("kept: {}", folder.keep().display());
    }
    Ok(Killed { must, finished, stall, findings, after })
}

fn tell(findings: &mut Findings, foreign: &Value) {
    for error in foreign["errors"].as_array().into_iter().flatten() {
        findings.wrong(error.as_str().unwrap_or("an error without words").to_owned());
    }
}

fn ask(script: &mut Script, config: &Value, must: u64) -> Result<Value> {
    let mut config = config.clone();
    config["readers"] = json!(["zarr-python", "tensorstore-reopen"]);
    config["must_have"] = json!(must);
    script.tell(&config)?;
    script.answer()
}
