//! Windows of intensities in which viewers show channels at first, from what the run itself has stored.
//!
//! When a worker has stored a complete slab of full resolution, it counts a few pixels of each plane, by channel. At
//! the end of the run each channel gets a window from a low to a high percentile of those. All images of a source share
//! it, so that they can be compared. Which pixels are counted follows from the frames alone: runs that are alike end
//! alike.

mod histogram;
mod sample;

use self::histogram::Histogram;
use crate::buffer::{Arrival, Sealed};
use crate::ngff::Window;
use crate::plan::{Feed, Plan};

/// Most bytes that all counts of a run take, which no setting asks for: 400 channels of uint16, 25 of float32. Channels
/// beyond are shown with all that their data type can hold.
const MOST_BYTES: u64 = 4 << 20;

/// What was seen of all channels.
#[derive(Debug, Default)]
pub(super) struct Windows {
    /// For each source.
    sources: Vec<Channels>,
}

#[derive(Debug, Default)]
struct Channels {
    /// The axis of channels among the index dimensions.
    axis: usize,
    /// Counts of each; `None` where the host gave a window, and where there is no memory.
    counts: Vec<Option<Histogram>>,
}

impl Windows {
    /// For a run that begins or goes on.
    pub(super) fn new(plan: &Plan) -> Self {
        let mut left = MOST_BYTES;
        let sources = plan.sources().iter().map(|source| {
            let Some((axis, channels)) = source.channels() else { return Channels::default() };
            let dtype = source.settings().dtype;
            let counts = channels.map(|channel| {
                left = left.checked_sub(Histogram::bytes(dtype)).filter(|_| channel.window.is_none())?;
                // Without it the image is shown as if nothing were known.
                Histogram::new(dtype).ok()
            });
            Channels { axis, counts: counts.collect() }
        });
        Self { sources: sources.collect() }
    }

    /// Counts pixels of a slab that is stored, of these slots.
    pub(super) fn note(&self, plan: &Plan, slab: &Sealed, filled: &[(usize, Arrival)]) {
        let array = plan.array(slab.key().array);
        if !matches!(array.feed(), Feed::Source(_)) {
            return;
        }
        let Some(channels) = self.sources.get(plan.source_of(array.id()).id().index()) else { return };
        if channels.counts.is_empty() {
            return;
        }
        let layout = array.layout();
        let bytes = slab.bytes(&(0..layout.units()));
        for &(slot, arrival) in filled {
            let place = layout.plane(&slab.key().index, slot).and_then(|index| index.get(channels.axis).copied());
            let nth = place.and_then(|nth| usize::try_from(nth).ok());
            if let Some(Some(histogram)) = nth.and_then(|nth| channels.counts.get(nth)) {
                sample::count(layout, bytes, slot, arrival, histogram);
            }
        }
    }

    /// The window of each channel of each source; `None` where nothing was seen of it.
    pub(super) fn found(&self) -> Vec<Vec<Option<Window>>> {
        let window = |histogram: &Option<Histogram>| {
            let seen = histogram.as_ref()?.seen()?;
            Some(Window { start: seen.window[0], end: seen.window[1], range: Some(seen.range) })
        };
        self.sources.iter().map(|channels| channels.counts.iter().map(window).collect()).collect()
    }
}
