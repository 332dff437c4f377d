//! Frames that the run which wrote a store has not.

use std::path::Path;

use ome_stream::platform::Source;
use ome_stream::store::missing::{self, Stretch};
use serde::Serialize;
use serde_json::Value;

use crate::report::text::clean;

/// Frames that are missing, by cause and by number.
#[derive(Debug, Serialize)]
pub struct Missing {
    /// Frames for which there was no room.
    pub dropped: u64,
    /// Frames that the host passed over.
    pub skipped: u64,
    /// Frames that were lost in an interruption.
    pub lost: u64,
    /// Stretches of frames that follow one another, with the places of the first and the last.
    #[serde(rename = "stretches")]
    places: Vec<Value>,
    /// Stretches that are not listed here.
    pub more: u64,
    /// The same stretches.
    #[serde(skip)]
    pub stretches: Vec<Stretch>,
}

impl Missing {
    /// What is listed in the store at `path`; what cannot be read is a problem.
    pub fn read(source: &dyn Source, path: &Path, notes: &mut Vec<String>, problems: &mut Vec<String>) -> Option<Self> {
        let listed = match missing::read(source, path) {
            Ok(listed) => listed?,
            Err(error) => {
                problems.push(clean(&error.to_string()));
                return None;
            }
        };
        if listed.damaged > 0 {
            notes.push(format!("{} line(s) of the list of missing frames say nothing", listed.damaged));
        }
        if listed.stretches.is_empty() {
            return None;
        }
        Some(Self {
            dropped: listed.dropped,
            skipped: listed.skipped,
            lost: listed.lost,
            places: listed.stretches.iter().map(|stretch| stretch.listed(listed.router.as_ref())).collect(),
            more: listed.more,
            stretches: listed.stretches,
        })
    }
}
