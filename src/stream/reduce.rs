//! What workers make of a plane of full resolution: the planes of levels that it completes.

use super::levels::{Place, PlaneKey, Window, locked};
use super::shared::Shared;
use crate::buffer::{Arrival, Claim, Plane, Sealed};
use crate::error::{Error, Result};
use crate::plan::{ArrayId, Form, PlannedArray};
use crate::pyramid::{Piece, Reducer};
use crate::router::StorageIndex;
use crate::sync::Mutex;

/// What is to be made of a plane of full resolution.
#[derive(Debug)]
pub(super) struct Reduction {
    /// `None` for one that is passed over.
    pub(super) plane: Option<Plane>,
    pub(super) array: ArrayId,
    pub(super) index: StorageIndex,
    pub(super) arrival: Arrival,
}

/// Memory of workers for planes, kept from one to the next.
#[derive(Debug, Default)]
pub(super) struct Scratches(Mutex<Vec<Scratch>>);

/// A plane that was made of several, and one of the level above in one piece.
#[derive(Debug, Default)]
struct Scratch {
    made: Vec<u8>,
    copy: Vec<u8>,
}

/// What became of a plane on a level.
enum Next {
    /// A plane was made of it where it will lie.
    There(Claim),
    /// A plane was made of it and of those before, in one piece.
    Made,
    /// None was made, for none of its window has come.
    Nothing,
    /// It waits for others.
    Waits,
}

/// Makes the planes of all levels that a plane of full resolution completes; returns the slabs that this made complete.
///
/// # Errors
/// [`Error::OutOfMemory`].
pub(super) fn reduce(shared: &Shared, reduction: &Reduction) -> Result<Vec<Sealed>> {
    let above = reduction.plane.clone();
    let frame = (reduction.arrival, reduction.index);
    shared.scratches.with(|scratch| {
        let mut complete = Vec::new();
        Chain { shared, scratch, full: reduction.array, frame, above }.run(0, &mut complete)?;
        Ok(complete)
    })
}

/// Makes the planes of levels of those planes that wait for others which will not come, at the end of a run; hands the
/// slabs that this made complete to `store`, in order.
///
/// # Errors
/// [`Error::OutOfMemory`].
pub(super) fn finish_windows(shared: &Shared, mut store: impl FnMut(Vec<Sealed>)) -> Result<()> {
    let plan = &shared.plan;
    let levels = plan.forms().iter().map(|form| form.level()).max().unwrap_or(0);
    for level in 1..=levels {
        for key in shared.levels.waiting(plan, level) {
            let Some(window) = shared.levels.window(key) else { continue };
            let mut window = locked(&window);
            let Some(frame) = window.latest else { continue };
            let array = plan.array(key.array);
            let full = plan.arrays()[array.image()].id();
            let complete = shared.scratches.with(|scratch| {
                let mut complete = Vec::new();
                let mut chain = Chain { shared, scratch, full, frame, above: None };
                let next = chain.end(key, &mut window)?;
                chain.put(array, next, &mut complete)?;
                chain.run(level, &mut complete)?;
                Ok(complete)
            })?;
            store(complete);
        }
    }
    Ok(())
}

/// A plane on its way down the levels.
struct Chain<'a, 'b> {
    shared: &'a Shared,
    scratch: &'b mut Scratch,
    /// The array of full resolution.
    full: ArrayId,
    /// The frame whose plane it is, or the latest of those that it was made of.
    frame: (Arrival, StorageIndex),
    /// The plane of the level above, where there is one.
    above: Option<Plane>,
}

impl<'a> Chain<'a, '_> {
    /// Makes planes of the levels below level `from`, as far as none waits for others.
    fn run(&mut self, from: u8, complete: &mut Vec<Sealed>) -> Result<()> {
        let plan = &self.shared.plan;
        for level in plan.levels_of(plan.array(self.full).image()).skip_while(|level| level.level() <= from) {
            let next = match Place::of(level, &self.frame.1).window() {
                Some(key) => self.wait(level.form(), key)?,
                None => self.make(level)?,
            };
            if let Next::Waits = next {
                return Ok(());
            }
            self.put(level, next, complete)?;
        }
        Ok(())
    }

    /// Makes a plane of the one above alone, where it will lie.
    fn make(&mut self, level: &PlannedArray) -> Result<Next> {
        let Some((above, reducer)) = self.above.take().zip(level.form().reducer()) else { return Ok(Next::Nothing) };
        let Place { slab, slot, .. } = Place::of(level, &self.frame.1);
        let mut claim = self.shared.levels.claim(slab, slot)?;
        let copy = &mut self.scratch.copy;
        claim
            .make(|tiles| with_pieces(&above, reducer, copy, |pieces| reducer.reduce_into(pieces, tiles)))
            .ok_or_else(lost)??;
        Ok(Next::There(claim))
    }

    /// Adds the plane above to those that become the plane `key`, and makes that where it was the last of them.
    fn wait(&mut self, form: &Form, key: PlaneKey) -> Result<Next> {
        let ((arrival, full), depth) = (self.frame, form.depth());
        let window = self.shared.levels.window(key).ok_or_else(lost)?;
        let mut window = locked(&window);
        if let Some(above) = self.above.take() {
            let (sum, reducer) = window.sum.as_mut().zip(form.reducer()).ok_or_else(lost)?;
            with_pieces(&above, reducer, &mut self.scratch.copy, |pieces| sum.add(depth.nth(&full), pieces))?;
        }
        window.latest = window.latest.max(Some((arrival, full)));
        window.left = window.left.saturating_sub(1);
        if !depth.completes(&full) {
            // The plane that it becomes a part of is stored with the last of its frames.
            self.shared.progress.waits(form.source(), arrival, form.level());
        }
        if window.left > 0 { Ok(Next::Waits) } else { self.end(key, &mut window) }
    }

    /// Makes the plane `key` of those that have come, and goes on as the latest of them.
    fn end(&mut self, key: PlaneKey, window: &mut Window) -> Result<Next> {
        self.shared.levels.end_window(key);
        self.frame = window.latest.unwrap_or(self.frame);
        let Some(sum) = window.sum.take().filter(|sum| sum.planes() > 0) else { return Ok(Next::Nothing) };
        sum.finish(room(&mut self.scratch.made, self.shared.plan.array(key.array).layout().frame_bytes())?)?;
        Ok(Next::Made)
    }

    /// Puts what became of a plane into its slab, where the level below finds it.
    fn put(&mut self, level: &'a PlannedArray, next: Next, complete: &mut Vec<Sealed>) -> Result<()> {
        let (shared, (arrival, full)) = (self.shared, self.frame);
        let Place { slab, slot, .. } = Place::of(level, &full);
        let made = &self.scratch.made;
        let filled = match next {
            Next::There(claim) => {
                shared.levels.fill(shared, (slab, slot), |open| open.fill_claimed(claim, arrival)).map(Some)
            }
            Next::Made => shared
                .levels
                .fill(shared, (slab, slot), |open| open.has_buffer() && open.fill(slot, arrival, made))
                .map(Some),
            Next::Nothing | Next::Waits => Ok(None),
        }?;
        if let Some((plane, sealed)) = filled {
            self.above = Some(plane);
            complete.extend(sealed);
            return Ok(());
        }
        if level.form().depth().planes() > 1 {
            shared.progress.passed_over_level(level.form().source(), arrival, level.level());
        }
        complete.extend(shared.levels.change(shared, slab, |open| Ok(open.skip(slot, arrival)))?);
        Ok(())
    }
}

impl Scratches {
    /// Lends memory that nobody else uses meanwhile.
    fn with<T>(&self, work: impl FnOnce(&mut Scratch) -> T) -> T {
        let mut scratch = locked(&self.0).pop().unwrap_or_default();
        let done = work(&mut scratch);
        locked(&self.0).push(scratch);
        done
    }
}

/// Gives the pieces of a plane of full resolution to `reduce`: where they lie, or in one piece in `copy` where a window
/// lies in two of them.
fn with_pieces<T>(
    plane: &Plane,
    reducer: &Reducer,
    copy: &mut Vec<u8>,
    reduce: impl FnOnce(&mut dyn Iterator<Item = Piece<'_>>) -> Result<T>,
) -> Result<T> {
    let layout = plane.layout();
    if reducer.takes_tiles(layout.tile()) {
        return plane.with_pieces(reduce);
    }
    let copy = room(copy, layout.frame_bytes())?;
    plane.copy_to(copy);
    reduce(&mut std::iter::once(Piece::whole(copy, layout.frame(), layout.item_size())))
}

/// A plane of a form, in one piece.
pub(super) fn whole<'a>(form: &Form, plane: &'a [u8]) -> Piece<'a> {
    let layout = form.layout();
    Piece::whole(&plane[..layout.frame_bytes()], layout.frame(), layout.item_size())
}

/// So many bytes of a list that grows where it has fewer.
fn room(memory: &mut Vec<u8>, bytes: usize) -> Result<&mut [u8]> {
    if let Some(more) = bytes.checked_sub(memory.len()) {
        let refused = |_| Error::OutOfMemory { bytes: bytes as u64, purpose: "a plane of a level" };
        memory.try_reserve_exact(more).map_err(refused)?;
        memory.resize(bytes, 0);
    }
    Ok(&mut memory[..bytes])
}

/// Unreachable: the slabs and windows of a frame are open before it is handed on.
pub(super) fn lost() -> Error {
    Error::Internal { place: "the pyramid", message: "what a plane goes to is not open".into() }
}
