//! Planes of levels made anew of full resolution: when a run goes on, and where a frame is replaced.

use std::collections::BTreeMap;

use super::levels::{PlaneKey, Window};
use super::reduce::whole;
use crate::backend::Sink;
use crate::buffer::{Arrival, Budget, Buffer, Open};
use crate::error::{Error, Result};
use crate::plan::{Feed, Plan, PlannedArray, SlabKey};
use crate::pyramid::Accumulator;
use crate::router::StorageIndex;
use crate::store::missing::Listed;

/// Planes of a slab that have come, by slot: the arrivals of their last frames.
pub(super) type Slots = BTreeMap<usize, Arrival>;

/// Frames of a source that are there.
#[derive(Debug, Default)]
pub(super) struct There {
    come: u64,
    missing: Listed,
}

impl There {
    /// The first `come` frames, but for those that are `missing`.
    pub(super) fn new(come: u64, missing: Listed) -> Self {
        Self { come, missing }
    }

    pub(super) fn has(&self, frame: u64) -> bool {
        frame < self.come && !self.missing.has(frame)
    }
}

/// Makes planes of levels of full resolution as it is there.
pub(super) struct Anew<'a> {
    pub(super) plan: &'a Plan,
    pub(super) there: &'a There,
    /// A plane of full resolution whose frame is there; `None` where nothing of it is stored.
    pub(super) full: &'a Full<'a>,
}

/// Reads a plane of an array of full resolution, by its storage index.
pub(super) type Full<'a> = dyn Fn(&PlannedArray, &StorageIndex) -> Result<Option<Vec<u8>>> + 'a;

impl Anew<'_> {
    /// Fills slots of a slab of a level below full resolution.
    pub(super) fn fill(&self, budget: &Budget, open: &mut Open, slots: &Slots) -> Result<()> {
        let key = open.key();
        let level = self.plan.array(key.array);
        for (slot, arrival) in slots {
            let index = level.layout().plane(&key.index, *slot);
            match index.map(|index| self.plane(level, &index)).transpose()?.flatten() {
                Some(plane) => {
                    if !open.has_buffer() {
                        take_buffer(budget, level, open)?;
                    }
                    open.fill(*slot, *arrival, &plane);
                }
                None => _ = open.skip(*slot, *arrival),
            }
        }
        Ok(())
    }

    /// What has come of the planes that become a plane.
    pub(super) fn window(&self, budget: &Budget, key: PlaneKey) -> Result<Window> {
        let array = self.plan.array(key.array);
        let class = array.form().windows().map_or(0, |windows| windows.class());
        let buffer = || Ok(take(budget, class)?.into_iter().next());
        let mut window = self.window_in(key, buffer)?;
        // Where the run ends now, planes of the level above that wait themselves come to it.
        if window.sum.is_none() && self.any_is_there(array, &key.index) {
            window.attach(array.form(), buffer()?)?;
        }
        Ok(window)
    }

    /// Whether any frame of full resolution is there that becomes a part of a plane.
    pub(super) fn any_is_there(&self, array: &PlannedArray, index: &StorageIndex) -> bool {
        let depth = array.form().depth();
        let source = self.plan.source_of(array.id());
        let frame = |at: u64| {
            let mut full = *index;
            full[depth.axis()] = at;
            source.frame_number(array.image(), full)
        };
        // Their numbers grow along the axis.
        let come = depth.parts(index).map_while(|at| frame(at).filter(|frame| *frame < self.there.come));
        come.into_iter().any(|frame| self.there.has(frame))
    }

    /// As [`Anew::window`], in a `buffer` that is asked for where it is needed.
    pub(super) fn window_in(
        &self,
        key: PlaneKey,
        mut buffer: impl FnMut() -> Result<Option<Buffer>>,
    ) -> Result<Window> {
        let array = self.plan.array(key.array);
        let mut window = Window::new(array.form(), &key.index, None)?;
        for nth in 0..array.form().depth().expected(&key.index) {
            let Some((above, index)) = self.above(array, &key.index, nth) else { continue };
            let frame = self.plan.last_frame(above, &index).filter(|frame| *frame < self.there.come);
            let Some(frame) = frame else { continue };
            window.left -= 1;
            window.latest = window.latest.max(Some((Arrival(frame), above.form().depth().last_of(&index))));
            if let Some(plane) = self.plane(above, &index)? {
                if window.sum.is_none() {
                    window.attach(array.form(), buffer()?)?;
                }
                window.sum.as_mut().map_or(Ok(()), |sum| sum.add(nth, [whole(above.form(), &plane)]))?;
            }
        }
        Ok(window)
    }

    /// Plane `nth` of those of the level above that become a plane of a level.
    fn above(&self, array: &PlannedArray, index: &StorageIndex, nth: usize) -> Option<(&PlannedArray, StorageIndex)> {
        let Feed::Level { of, .. } = array.feed() else { return None };
        let depth = array.form().depth();
        let mut above = *index;
        above[depth.axis()] = above[depth.axis()] * depth.window() + nth as u64;
        Some((self.plan.array(of), above))
    }

    /// A plane of an array as full resolution, which is stored, has it; `None` where none of its frames is there.
    pub(super) fn plane(&self, array: &PlannedArray, index: &StorageIndex) -> Result<Option<Vec<u8>>> {
        let Some(reducer) = array.form().reducer() else {
            let is_there = self.plan.last_frame(array, index).is_some_and(|frame| self.there.has(frame));
            return if is_there { (self.full)(array, index) } else { Ok(None) };
        };
        let mut sum = None;
        for nth in 0..array.form().depth().expected(index) {
            let Some((above, at)) = self.above(array, index, nth) else { continue };
            let Some(plane) = self.plane(above, &at)? else { continue };
            let piece = whole(above.form(), &plane);
            if reducer.planes() == 1 {
                let mut below = zeroed(reducer.made_bytes() as u64)?;
                reducer.reduce([piece], &mut below)?;
                return Ok(Some(below));
            }
            let memory = || Accumulator::new(reducer, zeroed(Accumulator::bytes(reducer))?);
            match &mut sum {
                None => sum.insert(memory()?),
                Some(sum) => sum,
            }
            .add(nth, [piece])?;
        }
        let Some(sum) = sum else { return Ok(None) };
        let mut below = zeroed(reducer.made_bytes() as u64)?;
        sum.finish(&mut below)?;
        Ok(Some(below))
    }
}

/// A plane of full resolution as the engine has it; `None` where nothing of it is stored.
pub(super) fn stored(sink: &dyn Sink, array: &PlannedArray, index: &StorageIndex) -> Result<Option<Vec<u8>>> {
    let layout = array.layout();
    let (slab, slot) = layout.slot(index);
    let key = SlabKey { array: array.id(), index: slab };
    let mut frame: Option<Vec<u8>> = None;
    let ((rows, columns), (tile_rows, tile_columns), item) = (layout.frame(), layout.tile(), layout.item_size());
    for (unit, (down, across)) in layout.tiles().iter().enumerate() {
        let Some(pixels) = sink.read(key, layout, unit)? else { continue };
        let frame = match &mut frame {
            Some(frame) => frame,
            None => frame.insert(zeroed(layout.frame_bytes() as u64)?),
        };
        let (top, left) = (*down as usize * tile_rows, *across as usize * tile_columns);
        let width = tile_columns.min(columns - left) * item;
        for row in 0..tile_rows.min(rows - top) {
            let from = slot * layout.plane_bytes() + row * tile_columns * item;
            let to = ((top + row) * columns + left) * item;
            let row = pixels.get(from..from + width).ok_or_else(|| {
                let message = format!("{} bytes of a unit of {}", pixels.len(), layout.unit_bytes());
                Error::Internal { place: "an engine that reads back", message }
            })?;
            frame[to..to + width].copy_from_slice(row);
        }
    }
    Ok(frame)
}

/// Gives a slab a buffer from its form's guaranteed share.
pub(super) fn take_buffer(budget: &Budget, array: &PlannedArray, open: &mut Open) -> Result<()> {
    take(budget, array.form().nth())?.into_iter().for_each(|buffer| open.attach(buffer));
    Ok(())
}

/// A buffer of the guaranteed share of a class. Waiting would hang: nobody could return one.
fn take(budget: &Budget, class: usize) -> Result<Vec<Buffer>> {
    let buffers = budget.try_take(&[class], || false)?;
    buffers.ok_or_else(|| Error::Full { in_flight: budget.bytes_out(), limit: budget.limit_bytes() })
}

/// So many bytes of zeros.
///
/// # Errors
/// [`Error::OutOfMemory`].
pub(super) fn zeroed(bytes: u64) -> Result<Vec<u8>> {
    let refused = || Error::OutOfMemory { bytes, purpose: "a plane that is made anew" };
    let length = usize::try_from(bytes).map_err(|_| refused())?;
    let mut memory = Vec::new();
    memory.try_reserve_exact(length).map_err(|_| refused())?;
    memory.resize(length, 0);
    Ok(memory)
}
