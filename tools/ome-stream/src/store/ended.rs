//! How the run that wrote a store has ended, as its root tells.

use serde::Serialize;
use serde_json::Value;

use crate::report::text::clean;

/// Most wells that are named.
const MAX_WELLS: usize = 100_000;

/// How a run ended.
#[derive(Debug, Serialize)]
pub struct Ended {
    /// `complete` or `aborted`.
    pub state: String,
    /// What the host called itself.
    pub program: Option<String>,
    /// When the last run on the store began.
    pub started: Option<String>,
    /// When it ended.
    pub ended: Option<String>,
    /// Its seconds.
    pub seconds: Option<f64>,
    /// Frames that were declared; none of an unbounded run.
    pub declared: Option<u64>,
    /// Frames that the host gave.
    pub received: Option<u64>,
    /// Frames that are in the store.
    pub written: Option<u64>,
    /// The first thing that went wrong.
    pub failure: Option<String>,
    /// Wells that no frame came to.
    pub wells_not_reached: Vec<String>,
}

impl Ended {
    /// What the root's `ome_stream` tells; `None` where it tells nothing: of another version, of a run that goes on, or
    /// of one that was killed.
    pub fn of(writer: &Value) -> Option<Self> {
        let run = writer.get("run")?;
        let text = |name: &str| run.get(name).and_then(Value::as_str).map(clean);
        let frames = |name: &str| run.get("frames")?.get(name)?.as_u64();
        let wells = run.get("wells_not_reached").and_then(Value::as_array);
        Some(Self {
            state: text("state")?,
            program: text("program"),
            started: text("started"),
            ended: text("ended"),
            seconds: run.pointer("/seconds/total").and_then(Value::as_f64),
            declared: frames("declared"),
            received: frames("received"),
            written: frames("written"),
            failure: text("failure"),
            wells_not_reached: wells
                .into_iter()
                .flatten()
                .take(MAX_WELLS)
                .filter_map(Value::as_str)
                .map(clean)
                .collect(),
        })
    }
}
