//! Kills a writer at a random moment and looks at once at what it left.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use ome_stream::Plan;
use serde_json::{Value, json};

use crate::cases::{KINDS, Kind, LIVE_INTERVAL, Pace};
use crate::foreign::{self, Script};
use crate::judge::{self, Findings};
use crate::random::Random;
use crate::table::Table;
use crate::watermarks;
use crate::writer::{self, Order};

/// Latest moment of a kill, in seconds after the store was there.
const LATEST: f64 = 1.4;

/// Frames come for this long; a writer that is to be killed in `finish` has fewer.
const LONG: f64 = 2.5;
const SHORT: f64 = 0.4;

/// Longest time until a store is there.
const PATIENCE: Duration = Duration::from_secs(30);

/// What came of the kills of one kind.
#[derive(Debug, Default)]
struct Tally {
    kills: u32,
    finished: u32,
    must: u64,
    whole: u64,
    lost: u64,
    errors: u32,
}

/// One kill and what was found.
struct Killed {
    /// Frames that had to be there.
    must: u64,
    /// True where the writer had finished before.
    finished: bool,
    /// Microseconds for which the writer stood still before its end, and for which frames may be late.
    stall: u64,
    findings: Findings,
}

/// Kills `kills` writers; true when nothing was lost and nothing was wrong.
pub fn run(kills: u32, seed: Option<u64>, only: &str, folder: Option<&Path>) -> Result<bool> {
    let seed = seed.unwrap_or_else(Random::fresh_seed);
    let mut random = Random::new(seed);
    let kinds: Vec<&Kind> = KINDS.iter().filter(|kind| kind.name.contains(only)).collect();
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
        let pace = if random.below(2) == 0 { Pace::Slow } else { Pace::Fast };
        let seconds = if random.below(5) == 0 { SHORT } else { LONG };
        let moment = random.unit() * LATEST;
        let what =
            format!("{} ({}, {seconds} s of frames, killed after {moment:.3} s)", kinds[which].name, pace.name());
        let killed = kill(kinds[which], pace, seconds, moment, readers.as_mut(), folder).context(what.clone())?;
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
        tally.errors += killed.findings.errors.len() as u32;
    }
    let mut table =
        Table::new(&["case", "kills", "of them after finish", "had to be there", "whole", "lost", "errors"]);
    for (kind, tally) in kinds.iter().zip(&tallies) {
        let Tally { kills, finished, must, whole, lost, errors } = tally;
        table.row(&[&kind.name, kills, finished, must, whole, lost, errors]);
    }
    let sum = |of: fn(&Tally) -> u64| tallies.iter().map(of).sum::<u64>();
    let (lost, errors) = (sum(|tally| tally.lost), sum(|tally| tally.errors.into()));
    let finished = sum(|tally| tally.finished.into());
    table.row(&[&"all", &kills, &finished, &sum(|tally| tally.must), &sum(|tally| tally.whole), &lost, &errors]);
    table.print();
    println!(
        "readers: zarrs{}",
        if readers.is_some() { ", zarr-python, tensorstore" } else { " (foreign ones skipped)" }
    );
    println!("longest time for which the machine let a writer stand still, allowed for: {} ms", longest_stall / 1000);
    println!("lost: {lost}");
    Ok(lost == 0 && errors == 0)
}

fn kill(
    kind: &Kind,
    pace: Pace,
    seconds: f64,
    moment: f64,
    readers: Option<&mut Script>,
    folder: Option<&Path>,
) -> Result<Killed> {
    let folder = match folder {
        Some(folder) => tempfile::tempdir_in(folder)?,
        None => tempfile::tempdir()?,
    };
    let case = kind.case(pace, seconds);
    let order = Order::new(case.clone(), folder.path(), kind.rate(pace));
    let plan = Plan::new(&case.settings_in(folder.path()))?;
    let child = order.command()?.spawn().context("starting the writer")?;
    let start = Instant::now();
    while watermarks::read(&order.status).is_empty() {
        if start.elapsed() > PATIENCE {
            writer::kill(child)?;
            bail!("no store after {} s", PATIENCE.as_secs());
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    std::thread::sleep(Duration::from_secs_f64(moment));
    let killed_at = watermarks::now();
    writer::kill(child)?;
    let said = watermarks::read(&order.status);
    let interval = (LIVE_INTERVAL * 1e6) as u64;
    let stall = watermarks::stall(&said, killed_at, 2 * interval, writer::TICK.as_micros() as u64);
    let must = watermarks::visible(&said, killed_at, interval + stall);
    // The foreign readers first: at once.
    let foreign = readers.map(|script| ask(script, &judge::config(&case, &plan, &order.root()), must)).transpose()?;
    let mut findings = judge::store(&case, &plan, must, must);
    if let Some(foreign) = foreign {
        findings.lost = findings.lost.max(foreign["missing"].as_u64().unwrap_or(0));
        for error in foreign["errors"].as_array().into_iter().flatten() {
            findings.wrong(error.as_str().unwrap_or("an error without words").to_owned());
        }
    }
    if !findings.errors.is_empty() {
        // What is wrong is kept for a person to look at.
        eprintln!("kept: {}", folder.keep().display());
    }
    Ok(Killed { must, finished: order.outcome.exists(), stall, findings })
}

fn ask(script: &mut Script, config: &Value, must: u64) -> Result<Value> {
    let mut config = config.clone();
    config["readers"] = json!(["zarr-python", "tensorstore-reopen"]);
    config["must_have"] = json!(must);
    script.tell(&config)?;
    script.answer()
}
