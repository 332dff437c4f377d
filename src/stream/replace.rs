//! Replacing a frame that is already there.

use std::sync::PoisonError;
use std::time::Duration;

use super::Stream;
use crate::backend::Plane;
use crate::buffer::{AlignedBuffer, GroupKey};
use crate::error::{Error, Result};
use crate::router::{Location, MAX_INDEX_DIMENSIONS};

/// How long to wait between looks at whether a frame has left the queue.
const LOOK_AGAIN: Duration = Duration::from_micros(200);

impl Stream {
    /// Replaces the frame at storage index `index` of `position`, which was appended, skipped or dropped before.
    ///
    /// Uncompressed, only the frame's bytes are overwritten where they lie; compressed, its chunks are stored anew and
    /// readers see the old ones until the new ones are whole. Returns when the operating system has the new frame.
    ///
    /// # Errors
    /// [`Error::NoSuchFrame`] for a frame that has not come yet or a place outside the image, [`Error::FrameSize`],
    /// [`Error::Finished`], [`Error::Failed`], [`Error::Unsupported`] from engines that cannot; nothing has changed
    /// then. [`Error::OutOfMemory`], with nothing changed. [`Error::Io`] and [`Error::Damaged`] from the disk.
    pub fn write_at(&self, position: u32, index: &[u64], pixels: &[u8]) -> Result<()> {
        let shared = &*self.shared;
        shared.failure.check()?;
        self.check_size(pixels)?;
        if !shared.capabilities.random_access {
            return Err(crate::backend::no_random_access(&shared.capabilities.version));
        }
        let frame = self.number_at(position, index)?;
        let mut place = [0; MAX_INDEX_DIMENSIONS];
        place[..index.len()].copy_from_slice(index);
        let (group, slot) = shared.layout.slot(&place);
        let key = GroupKey { position, index: group };
        let mut buffer = None;
        loop {
            let mut front = self.front.look();
            if front.is_finished() {
                return Err(Error::Finished);
            }
            if frame >= front.next() {
                let problem = format!("only {} frames were appended so far", front.next());
                return Err(Error::NoSuchFrame { position, index: index.to_vec(), problem });
            }
            let Some(open) = front.group(key).cloned() else { break };
            if open.buffer().is_none() {
                let Some(buffer) = buffer.take().or_else(|| shared.pool.try_take_free()) else {
                    // Without the lock: others go on, and what was true may no longer be.
                    drop(front);
                    buffer = Some(shared.pool.take(|| shared.is_storing())?);
                    shared.failure.check()?;
                    continue;
                };
                front.open_with(shared, key, buffer)?;
            }
            if open.try_replace(&shared.layout, slot, pixels) {
                shared.missing.fill(frame);
                return Ok(());
            }
            drop(front);
            open.wait_for_copy();
        }
        drop(buffer);
        // On its way to the disk, or there already.
        while shared.storing.lock().unwrap_or_else(PoisonError::into_inner).contains(&key) {
            shared.failure.check()?;
            std::thread::sleep(LOOK_AGAIN);
        }
        let single = shared.layout.single_plane();
        let mut plane = AlignedBuffer::zeroed(single.buffer_bytes(), "the frame that replaces another")?;
        // SAFETY: nobody else knows this buffer.
        unsafe { single.copy_in(pixels, 0, &plane) };
        let bytes = &plane.as_mut_slice()[..single.unit_bytes() * single.units()];
        shared.sink.replace(&Plane { key, layout: &shared.layout, slot, bytes })?;
        shared.missing.fill(frame);
        Ok(())
    }

    /// The number of the frame at a place.
    fn number_at(&self, position: u32, index: &[u64]) -> Result<u64> {
        let plan = &self.shared.plan;
        let none = |problem: &str| Error::NoSuchFrame { position, index: index.to_vec(), problem: problem.to_owned() };
        if index.len() != plan.geometry().index_dimensions() {
            let names: Vec<_> = plan.axis_names().take(plan.geometry().index_dimensions()).collect();
            return Err(none(&format!("a storage index has one coordinate for each of {names:?}")));
        }
        let mut location = Location { position, index: [0; MAX_INDEX_DIMENSIONS] };
        location.index[..index.len()].copy_from_slice(index);
        plan.router().frame_number(location).ok_or_else(|| none("outside the image"))
    }
}
