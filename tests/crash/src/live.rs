//! Readers look again and again while writers write: one as fast as it goes, one slow, one in direct I/O.

use std::process::Child;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use ome_stream::Plan;
use ome_stream::plan::{Capabilities, StorageUnit};
use ome_stream_tests::case::Case;
use serde_json::{Value, json};

use crate::cases;
use crate::foreign::{self, Script};
use crate::judge;
use crate::table::Table;
use crate::watermarks;
use crate::writer::Order;

/// Which case, frames at full speed, then frames a second.
const WRITERS: &[(&str, u64, u64)] = &[
    ("shards, t chunks, unbounded", 4000, 100),
    ("aligned shards", 200, 10),
    ("shards, t chunks, zstd, unbounded", 0, 20),
    ("shards, t chunks, checksum, unbounded", 0, 20),
    ("plate, shards, blosc-zstd, unbounded", 0, 30),
    ("0.4, chunk files, t chunks, positions, unbounded", 0, 20),
    ("0.6, shards, positions, unbounded", 0, 30),
    ("levels, shards, pairs of planes, positions, unbounded", 0, 60),
];

/// One writer at work.
struct Running {
    case: Case,
    plan: Plan,
    order: Order,
    child: Child,
}

impl Drop for Running {
    fn drop(&mut self) {
        // Fails where it has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads for `seconds`; true when no reader ever met an error or a wrong pixel.
pub fn run(seconds: f64) -> Result<bool> {
    let folder = tempfile::tempdir()?;
    let mut writers = Vec::new();
    for (nth, (name, burst, rate)) in WRITERS.iter().enumerate() {
        let kind = cases::kind(name)?;
        let case = kind.case_of(burst + (*rate as f64 * seconds) as u64);
        let own = folder.path().join(nth.to_string());
        std::fs::create_dir(&own)?;
        let mut order = Order::new(case.clone(), &own, *rate);
        order.burst = *burst;
        let plan = Plan::new(&case.settings_in(&own), &Capabilities::taking(StorageUnit::Chunk))?;
        let child = order.command()?.spawn().context("starting a writer")?;
        writers.push(Running { case, plan, order, child });
    }
    let patience = Duration::from_secs_f64(seconds * 3.0 + 60.0);
    wait_until(patience, || writers.iter().all(|writer| !watermarks::read(&writer.order.status).is_empty()))?;
    let mut foreign = match foreign::interpreter("foreign readers of growing stores") {
        Some(python) => {
            let mut script = Script::start(&python, &ome_stream_tests::python::script("live_reader.py"), &["-"])?;
            script.tell(&config(&writers, patience)?)?;
            Some(script)
        }
        None => None,
    };
    let over = AtomicBool::new(false);
    let (passes, mut errors) = std::thread::scope(|scope| -> Result<(u32, Vec<String>)> {
        let reader = scope.spawn(|| read_until(&over, &writers));
        let ended = wait_until(patience, || writers.iter().all(|writer| writer.order.outcome.exists()));
        over.store(true, Ordering::Relaxed);
        let seen = reader.join().map_err(|_| anyhow::anyhow!("the reader panicked"))?;
        ended.map(|()| seen)
    })?;
    for writer in &writers {
        let ended = writer.order.ended()?;
        errors.extend([ended.append, ended.finish].into_iter().flatten());
        // All is written now, so all must be there.
        errors.extend(judge::store(&writer.case, &writer.plan, u64::MAX, u64::MAX).errors);
    }
    let mut table = Table::new(&["reader", "passes", "errors"]);
    table.row(&[&"zarrs", &passes, &errors.len()]);
    if let Some(script) = &mut foreign {
        let report = report(script)?;
        let found = report["errors"].as_array().cloned().unwrap_or_default();
        let all: u64 = report["passes"].as_object().map_or(0, |passes| passes.values().filter_map(Value::as_u64).sum());
        table.row(&[&"zarr-python reopened, tensorstore rechecked and reopened", &all, &report["error_count"]]);
        errors.extend(found.iter().map(|error| error.as_str().unwrap_or_default().to_owned()));
        if report["ok"] != json!(true) && found.is_empty() {
            errors.push(format!("the foreign readers say {report}"));
        }
        if all == 0 {
            errors.push("the foreign readers never looked".to_owned());
        }
    }
    table.print();
    for error in &errors {
        eprintln!("{error}");
    }
    println!("writers: {}, errors: {}", writers.len(), errors.len());
    Ok(errors.is_empty() && passes > 0)
}

fn config(writers: &[Running], patience: Duration) -> Result<Value> {
    let mut arrays = Vec::new();
    for writer in writers {
        let config = judge::config(&writer.case, &writer.plan, &writer.order.root())?;
        arrays.extend(config["arrays"].as_array().cloned().unwrap_or_default());
    }
    Ok(json!({"arrays": arrays, "must_have": "all", "max_seconds": patience.as_secs()}))
}

/// Looks with zarrs until it is over; says how often, and what was wrong.
fn read_until(over: &AtomicBool, writers: &[Running]) -> (u32, Vec<String>) {
    let (mut passes, mut errors) = (0, Vec::new());
    while !over.load(Ordering::Relaxed) {
        for writer in writers {
            errors.extend(judge::store(&writer.case, &writer.plan, 0, 0).errors);
        }
        passes += 1;
        std::thread::sleep(Duration::from_millis(50));
    }
    (passes, errors)
}

fn report(script: &mut Script) -> Result<Value> {
    script.close();
    loop {
        let said = script.answer()?;
        if said["event"] == json!("report") {
            return Ok(said);
        }
    }
}

fn wait_until(patience: Duration, mut so: impl FnMut() -> bool) -> Result<()> {
    let start = Instant::now();
    while !so() {
        if start.elapsed() > patience {
            bail!("waited {} s in vain", patience.as_secs());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
