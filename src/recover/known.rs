//! What is known of a run beside its pixels: how far it had come, and what its mark tells.

use serde_json::{Map, Value};

use crate::journal::record::{self, Come};
use crate::router::Router;
use crate::store::Mark;

/// What is known of a run beside its pixels.
#[derive(Debug)]
pub(super) struct Known {
    /// By source.
    pub(super) sources: Vec<Come>,
    /// The order of acquisition of the first source.
    pub(super) router: Option<Router>,
    /// Metadata that every position's array started with.
    pub(super) array: Option<Map<String, Value>>,
}

impl Known {
    /// What the document of the run's record tells; `None` where it does not tell the number of frames. What else is in
    /// it may be missing: a person may have written it.
    pub(super) fn of(document: &Map<String, Value>, mark: Option<&Mark>) -> Option<Self> {
        let sources = record::sources_of(document)?;
        // Earlier versions had everything in one file.
        let old = Mark::of(document);
        let mark = mark.unwrap_or(&old);
        Some(Self { sources, router: mark.router.clone(), array: mark.array.clone() })
    }

    /// Frames of the first source.
    pub(super) fn frames(&self) -> u64 {
        self.sources.first().map_or(0, |come| come.frames)
    }

    /// The unbounded axis, and its planes that the frames reach at a position; `None` where no axis is unbounded.
    pub(super) fn extent(&self, position: u32) -> Option<(usize, u64)> {
        let router = self.router.as_ref()?;
        let first = router.loops().first().filter(|first| first.count.is_none())?;
        let axis = first.storage_axis?;
        Some((axis, router.extent(axis, position, self.frames())))
    }
}
