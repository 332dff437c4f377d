//! What came of it, for people and for programs.

mod build;
mod human;
mod long_run;
mod plot;
mod results;
mod warnings;

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context, Result};

pub use build::results;
pub use human::page;
pub use plot::draw;
pub use results::Results;

/// True for the name that stands for standard output.
pub fn is_stdout(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Writes everything, raw runs included, as one JSON object to a file, or to standard output for `-`.
pub fn write_json(path: &Path, results: &Results) -> Result<()> {
    let text = serde_json::to_string_pretty(results)? + "\n";
    let told = || path.display().to_string();
    let mut file: Box<dyn Write> =
        if is_stdout(path) { Box::new(io::stdout()) } else { Box::new(File::create(path).with_context(told)?) };
    file.write_all(text.as_bytes()).with_context(told)
}

#[cfg(test)]
mod tests;
