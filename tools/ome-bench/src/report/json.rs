//! Results as JSON, raw runs included.

use std::io::Write;

use anyhow::Result;

use super::{Exporter, Results};

/// One JSON object.
pub struct Json;

impl Exporter for Json {
    fn export(&self, results: &Results, target: &mut dyn Write) -> Result<()> {
        serde_json::to_writer_pretty(&mut *target, results)?;
        Ok(writeln!(target)?)
    }
}
