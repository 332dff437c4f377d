//! What can be measured: our engines, the engines labs use today, and the machine's limits, behind one trait.

mod codec;
mod gather;
#[cfg(test)]
pub mod mock;
mod native;
mod peer;
mod variant;

use std::path::Path;

use anyhow::Result;

use crate::frames::Frames;
use crate::measure::Run;
use crate::sustained::Camera;
use crate::workload::Workload;

pub use gather::{Choice, Gathered, gather};

/// What an engine is in the comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Takes frames and writes a store.
    Engine,
    /// Shows what the machine could do at best; several variants of one name compete, and the best one counts.
    Limit,
}

/// One run to be measured.
#[derive(Debug, Clone, Copy)]
pub struct Job<'a> {
    /// What is written.
    pub workload: &'a Workload,
    /// Its pixels.
    pub frames: &'a Frames,
    /// A fresh, empty folder.
    pub folder: &'a Path,
    /// Gives frames at its own rate, where there is one; otherwise frames come as fast as they are taken.
    pub camera: Option<Camera>,
    /// Seconds of the pieces that a long run is cut into.
    pub window: Option<f64>,
}

/// Something that can be measured.
pub trait Engine {
    /// Name in the table.
    fn name(&self) -> &str;

    /// Way in which it does it, where there are several under one name.
    fn variant(&self) -> Option<&str> {
        None
    }

    /// What it is in the comparison.
    fn role(&self) -> Role {
        Role::Engine
    }

    /// The engine without levels below full resolution that this one, which makes them, is compared with.
    fn without_levels(&self) -> Option<&str> {
        None
    }

    /// What exactly is measured.
    fn version(&self) -> Option<String> {
        None
    }

    /// How durable its data are when a run of `workload` ends.
    fn durability(&self, workload: &Workload) -> &'static str {
        workload.durability().name()
    }

    /// Writes the workload once; everything that is not its own work is done before its clock starts.
    fn run(&mut self, job: &Job<'_>) -> Result<Run>;
}

/// An engine that could not be measured, and why.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Failure {
    /// Its name.
    pub name: String,
    /// The reason, in one line.
    pub reason: String,
}

impl Failure {
    /// `error` with its causes, as one line.
    pub fn new(name: &str, error: &anyhow::Error) -> Self {
        Self { name: name.to_owned(), reason: format!("{error:#}").split_whitespace().collect::<Vec<_>>().join(" ") }
    }
}
