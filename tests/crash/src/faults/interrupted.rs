//! Writes that are interrupted or take only a part, by a library loaded before the C library: no host notices.

use std::process::Command;

use anyhow::{Context, Result};
use ome_stream::Plan;
use ome_stream::plan::{Capabilities, StorageUnit};

use super::{Outcome, full_disk};
use crate::cases;
use crate::foreign::own_script;
use crate::judge;
use crate::writer::Order;

const KINDS: &[&str] =
    &["chunk files", "aligned shards", "shards, t chunks, zstd, unbounded", "index of five pages, unbounded"];

pub fn run() -> Result<Outcome> {
    if cfg!(not(target_os = "linux")) {
        return Ok(Outcome::Skipped("libraries are loaded before the C library on Linux only".to_owned()));
    }
    let folder = tempfile::tempdir()?;
    let library = folder.path().join("interrupt.so");
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(own_script("interrupt.c")).arg("-ldl");
    if let Err(error) = full_disk::run(&mut compiler) {
        return Ok(Outcome::Skipped(format!("no C compiler: {error:#}")));
    }
    let mut errors = Vec::new();
    for name in KINDS {
        let store = tempfile::tempdir()?;
        let case = cases::kind(name)?.case_of(100);
        let order = Order::new(case.clone(), store.path(), 200);
        let status = order.command()?.env("LD_PRELOAD", &library).status().context("starting the writer")?;
        let ended = order.ended().with_context(|| format!("{name}: {status}"))?;
        errors.extend([ended.append, ended.finish].into_iter().flatten().map(|error| format!("{name}: {error}")));
        let plan = Plan::new(&case.settings_in(store.path()), &Capabilities::taking(StorageUnit::Chunk))?;
        let found = judge::store(&case, &plan, case.consumed(), case.consumed());
        errors.extend(found.errors.iter().map(|error| format!("{name}: {error}")));
    }
    Ok(Outcome::of(KINDS.len() as u64, errors))
}
