//! Replacing a frame that is already there.

use super::Stream;
use super::anew::{self, Anew, There};
use super::append::NoRoom;
use super::levels::{Lacking, Place, locked, places};
use crate::backend::Replacement;
use crate::buffer::{AlignedBuffer, Plane, lay_out};
use crate::error::{Error, Result};
use crate::plan::{PlannedArray, PlannedSource, SlabKey, SourceId};
use crate::pyramid::Accumulator;
use crate::router::{MAX_INDEX_DIMENSIONS, StorageIndex};
use crate::store::missing;
use crate::sync::PoisonError;

/// Most stretches of missing frames that are looked at where levels are made anew.
const MAX_STRETCHES: usize = 1 << 16;

impl Stream {
    /// Replaces the frame at storage index `index` of `position`, which was appended, skipped or dropped before, and
    /// what levels have of it.
    ///
    /// Uncompressed, only the frame's bytes are overwritten where they lie; compressed or with a checksum, its chunks are
    /// stored anew and readers see the old ones until the new ones are whole. Returns when the operating system has the
    /// new frame. With levels, frames that are appended meanwhile wait until those are made anew.
    ///
    /// # Errors
    /// [`Error::NoSuchFrame`] for a frame that has not come yet or a place outside the image, [`Error::FrameSize`],
    /// [`Error::Finished`], [`Error::Aborted`], [`Error::Failed`], [`Error::Unsupported`] from engines that cannot; nothing has changed
    /// then. [`Error::OutOfMemory`], [`Error::Io`] and [`Error::Damaged`] from the disk; where only levels could not be
    /// made anew, the run has failed.
    pub fn write_at(&self, position: u32, index: &[u64], pixels: &[u8]) -> Result<()> {
        let source = SourceId(0);
        let shared = &*self.shared;
        shared.check()?;
        self.check_size(source, pixels)?;
        if !shared.capabilities.random_access {
            return Err(crate::backend::no_random_access(&shared.capabilities.version));
        }
        let planned = shared.plan.source(source);
        let (frame, place) = number_at(&shared.plan, planned, position, index)?;
        let array = shared.plan.array(planned.array(position));
        if planned.levels().is_empty() {
            return self.replace_full(array, &place, frame, pixels);
        }
        let _alone = self.replacing.lock().unwrap_or_else(PoisonError::into_inner);
        self.replace_full(array, &place, frame, pixels)?;
        // Levels of which nobody knows what they hold are none to go on with.
        self.replace_levels(array, &place).inspect_err(|error| shared.failure.set(frame, error.clone()))
    }

    /// Replaces a plane of full resolution.
    fn replace_full(&self, array: &PlannedArray, place: &StorageIndex, frame: u64, pixels: &[u8]) -> Result<()> {
        let shared = &*self.shared;
        let source = array.form().source();
        let (slab, slot) = array.layout().slot(place);
        let key = SlabKey { array: array.id(), index: slab };
        let front = self.front(source)?;
        let mut buffer = None;
        loop {
            let mut state = front.look();
            if state.is_finished() {
                return Err(shared.over());
            }
            if frame >= front.next() {
                let problem = format!("only {} frames were appended so far", front.next());
                let index = place[..array.geometry().index_dimensions()].to_vec();
                let position = shared.plan.source(source).position(array.image()).unwrap_or(0);
                return Err(Error::NoSuchFrame { position, index, problem });
            }
            let Some(open) = state.slab(key) else { break };
            if !open.has_buffer() {
                let class = array.form().nth();
                let Some(buffers) = buffer.take().or_else(|| shared.budget.try_take_free(&[class])) else {
                    // Without the lock: others go on, and what was true may no longer be.
                    drop(state);
                    buffer = Some(shared.budget.take(&[class], || shared.is_storing())?);
                    shared.failure.check()?;
                    continue;
                };
                state.open_with(shared, &[(Lacking::Slab(key), class)], buffers)?;
                continue;
            }
            if open.try_replace(slot, pixels) {
                shared.store.missing(source).fill(frame);
                return Ok(());
            }
            let watched = open.watch();
            drop(state);
            watched.wait();
        }
        drop(buffer);
        self.replace_stored(array, key, slot, pixels)?;
        shared.store.missing(source).fill(frame);
        Ok(())
    }

    /// Replaces a plane of a slab that is complete: on its way to the disk, or there already.
    fn replace_stored(&self, array: &PlannedArray, key: SlabKey, slot: usize, pixels: &[u8]) -> Result<()> {
        let shared = &*self.shared;
        shared.storing.wait_for(key);
        // A slab that was given up is not there to be changed.
        shared.check()?;
        let single = array.layout().single_plane();
        let mut plane = AlignedBuffer::zeroed(single.buffer_bytes(), "the frame that replaces another")?;
        lay_out(&single, pixels, 0, &mut plane);
        let bytes = &plane.as_mut_slice()[..single.unit_bytes() * single.units()];
        shared.sink.replace(&Replacement { key, layout: array.layout(), slot, bytes })
    }

    /// Makes anew what levels have of a plane of full resolution that was replaced.
    fn replace_levels(&self, array: &PlannedArray, full: &StorageIndex) -> Result<()> {
        let shared = &*self.shared;
        let source = array.form().source();
        let front = self.front(source)?;
        let patience = shared.waits.begin(None, "no turn");
        let mut turn = self.turn(front, NoRoom::Wait, &patience)?;
        // What was passed over so far has no buffers.
        let lacking = turn.lacking_in_levels(shared, array.id(), full);
        let mut buffers = None;
        if !lacking.is_empty() {
            let classes: Vec<usize> = lacking.iter().map(|(_, class)| *class).collect();
            let away = turn.leave();
            away.waits();
            buffers = Some(shared.budget.take(&classes, || shared.is_storing())?);
            turn = away.back();
        }
        buffers.map_or(Ok(()), |buffers| turn.open_with(shared, &lacking, buffers))?;
        // No frame comes as long as it is this call's turn: all that have come are in the levels then.
        let turn = turn.leave();
        turn.waits();
        shared.reducing.wait_while_any(|key| shared.plan.source_of(key.array).id() == source);
        shared.failure.check()?;
        shared.store.flush_missing()?;
        let of_source = shared.plan.forms().iter().filter(|form| form.source() == source);
        let span = of_source.map(|form| shared.plan.window_span(form)).max().unwrap_or(0);
        let from = shared.plan.last_frame(array, full).unwrap_or(0).saturating_sub(span);
        let reads = shared.store.disk().source();
        let listed = missing::read_from(&*reads, shared.plan.root(), source, from, MAX_STRETCHES)?;
        let there = There::new(front.next(), listed.unwrap_or_default());
        let read = |array: &PlannedArray, index: &StorageIndex| {
            let (slab, slot) = array.layout().slot(index);
            let key = SlabKey { array: array.id(), index: slab };
            let plane = front.look().look_at(key).map(|open| open.plane(slot));
            let Some(plane) = plane else {
                shared.storing.wait_for(key);
                return anew::stored(&*shared.sink, array, index);
            };
            let copy = |plane: Plane| {
                let mut frame = anew::zeroed(array.layout().frame_bytes() as u64)?;
                plane.copy_to(&mut frame);
                Ok(frame)
            };
            plane.map(copy).transpose()
        };
        let anew = Anew { plan: &shared.plan, there: &there, full: &read };
        for place in places(&shared.plan, array.id(), full) {
            if let Some((key, window)) = place.window().and_then(|key| Some((key, shared.levels.window(key)?))) {
                let mut window = locked(&window);
                let mut memory = window.sum.take().map(Accumulator::into_memory);
                *window = anew.window_in(key, || Ok(memory.take()))?;
                break;
            }
            if let Some(plane) = anew.plane(place.array, &place.index)? {
                self.replace_in_level(&place, &plane)?;
            }
        }
        drop(turn);
        Ok(())
    }

    /// Replaces a plane of a level that was made before, or passed over.
    fn replace_in_level(&self, place: &Place<'_>, plane: &[u8]) -> Result<()> {
        while let Some(slab) = self.shared.levels.slab(place.slab) {
            let mut slab = locked(&slab);
            let Some(open) = slab.as_mut() else { break };
            if open.try_replace(place.slot, plane) {
                return Ok(());
            }
            open.watch().wait();
        }
        self.replace_stored(place.array, place.slab, place.slot, plane)
    }
}

/// The number of the frame at a place of a source, and its storage index.
fn number_at(plan: &crate::Plan, source: &PlannedSource, position: u32, index: &[u64]) -> Result<(u64, StorageIndex)> {
    let none = |problem: &str| Error::NoSuchFrame { position, index: index.to_vec(), problem: problem.to_owned() };
    let Some(first) = source.images().next() else { return Err(none("outside the image")) };
    let form = plan.arrays()[first].form();
    let dimensions = form.geometry().index_dimensions();
    if index.len() != dimensions {
        let names = form.axis_names().get(..dimensions).unwrap_or_default();
        return Err(none(&format!("a storage index has one coordinate for each of {names:?}")));
    }
    let mut place = [0; MAX_INDEX_DIMENSIONS];
    place[..index.len()].copy_from_slice(index);
    let number = source.router().frame_number(crate::router::Location { position, index: place });
    Ok((number.ok_or_else(|| none("outside the image"))?, place))
}
