//! Replacing a frame that is already there.

use super::Stream;
use super::levels::Lacking;
use crate::backend::Replacement;
use crate::buffer::{AlignedBuffer, lay_out};
use crate::error::{Error, Result};
use crate::plan::{PlannedSource, SlabKey, SourceId};
use crate::router::{MAX_INDEX_DIMENSIONS, StorageIndex};

impl Stream {
    /// Replaces the frame at storage index `index` of `position`, which was appended, skipped or dropped before.
    ///
    /// Uncompressed, only the frame's bytes are overwritten where they lie; compressed or with a checksum, its chunks are
    /// stored anew and readers see the old ones until the new ones are whole. Returns when the operating system has the
    /// new frame.
    ///
    /// # Errors
    /// [`Error::NoSuchFrame`] for a frame that has not come yet or a place outside the image, [`Error::FrameSize`],
    /// [`Error::Finished`], [`Error::Failed`], [`Error::Unsupported`] from engines that cannot; nothing has changed
    /// then. [`Error::OutOfMemory`], with nothing changed. [`Error::Io`] and [`Error::Damaged`] from the disk.
    pub fn write_at(&self, position: u32, index: &[u64], pixels: &[u8]) -> Result<()> {
        let source = SourceId(0);
        let shared = &*self.shared;
        shared.failure.check()?;
        self.check_size(source, pixels)?;
        if !shared.capabilities.random_access {
            return Err(crate::backend::no_random_access(&shared.capabilities.version));
        }
        if shared.has_levels() {
            let reason = "a frame of an image with several levels cannot be replaced yet".to_owned();
            return Err(Error::Unsupported { backend: shared.capabilities.version.clone(), reason });
        }
        let planned = shared.plan.source(source);
        let (frame, place) = number_at(&shared.plan, planned, position, index)?;
        let array = shared.plan.array(planned.array(position));
        let (slab, slot) = array.layout().slot(&place);
        let key = SlabKey { array: array.id(), index: slab };
        let front = self.front(source)?;
        let mut buffer = None;
        loop {
            let mut state = front.look();
            if state.is_finished() {
                return Err(Error::Finished);
            }
            if frame >= front.next() {
                let problem = format!("only {} frames were appended so far", front.next());
                return Err(Error::NoSuchFrame { position, index: index.to_vec(), problem });
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
        // On its way to the disk, or there already.
        shared.storing.wait_for(key);
        shared.failure.check()?;
        let single = array.layout().single_plane();
        let mut plane = AlignedBuffer::zeroed(single.buffer_bytes(), "the frame that replaces another")?;
        lay_out(&single, pixels, 0, &mut plane);
        let bytes = &plane.as_mut_slice()[..single.unit_bytes() * single.units()];
        shared.sink.replace(&Replacement { key, layout: array.layout(), slot, bytes })?;
        shared.store.missing(source).fill(frame);
        Ok(())
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
