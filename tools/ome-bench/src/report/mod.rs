//! What came of it, for people and for programs.

mod build;
mod csv;
mod human;
mod json;
mod long_run;
pub mod plot;
mod results;
mod warnings;

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context, Result};

pub use build::{Asked, Description};
pub use csv::Csv;
pub use human::Human;
pub use json::Json;
pub use results::Results;

/// Writes results in one format.
pub trait Exporter {
    /// All of `results`.
    fn export(&self, results: &Results, target: &mut dyn Write) -> Result<()>;
}

/// True for the name that stands for standard output.
pub fn is_stdout(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Exports to a file, or to standard output for `-`.
pub fn export_to(path: &Path, exporter: &dyn Exporter, results: &Results) -> Result<()> {
    if is_stdout(path) {
        return exporter.export(results, &mut io::stdout().lock());
    }
    let mut file = File::create(path).with_context(|| path.display().to_string())?;
    exporter.export(results, &mut file).with_context(|| path.display().to_string())
}

#[cfg(test)]
mod tests;
