//! Frame number <-> position + storage index. Pure arithmetic: no state, no allocation.
//!
//! Frames arrive in **acquisition order**: nested loops over the declared dimensions, the last one fastest. They are
//! stored at a **storage index**: the coordinates of the index dimensions in storage order. The position dimension is
//! a loop of the acquisition and no axis of the array; it may stand at any place among the loops.

/// Most index dimensions of an array: NGFF images have at most five axes (OME-NGFF 0.5 §3.4), two of them Y and X.
pub const MAX_INDEX_DIMENSIONS: usize = 3;

/// Most loops of an acquisition: the index dimensions and the position dimension.
const MAX_LOOPS: usize = MAX_INDEX_DIMENSIONS + 1;

/// Coordinates of a plane along the index dimensions, in storage order; entries past the array's index dimensions are 0.
pub type StorageIndex = [u64; MAX_INDEX_DIMENSIONS];

/// Where one frame goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Location {
    /// Position (stage location) in the order in which positions are declared; 0 where there is one image.
    pub position: u32,
    /// Coordinates along the index dimensions, in storage order.
    pub index: StorageIndex,
}

/// One loop of the acquisition, outermost first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loop {
    /// Iterations; `None` is unbounded and stands first.
    pub count: Option<u64>,
    /// Place among the index dimensions in storage order; `None` is the position dimension.
    pub storage_axis: Option<usize>,
}

/// Maps frame numbers to locations and back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Router {
    loops: [Loop; MAX_LOOPS],
    /// Frames in one iteration of each loop.
    strides: [u64; MAX_LOOPS],
    depth: usize,
    total: Option<u64>,
}

impl Router {
    /// A router over the given loops, outermost first; only the first may be unbounded.
    ///
    /// Returns `None` where there are more loops than an acquisition can have, a count is zero, a loop that is not the
    /// first is unbounded, a storage axis is out of range or used twice, or the number of frames overflows 64 bits.
    #[must_use]
    pub fn new(loops: &[Loop]) -> Option<Self> {
        if loops.len() > MAX_LOOPS {
            return None;
        }
        let mut seen = [false; MAX_LOOPS];
        for (nth, each) in loops.iter().enumerate() {
            let slot = match each.storage_axis {
                Some(axis) if axis < MAX_INDEX_DIMENSIONS => axis,
                Some(_) => return None,
                None => MAX_INDEX_DIMENSIONS,
            };
            if std::mem::replace(&mut seen[slot], true) || each.count == Some(0) || (each.count.is_none() && nth != 0) {
                return None;
            }
        }
        let mut fixed = [Loop { count: Some(1), storage_axis: None }; MAX_LOOPS];
        fixed[..loops.len()].copy_from_slice(loops);
        let mut strides = [1; MAX_LOOPS];
        let mut product: u64 = 1;
        let mut total = Some(1);
        for nth in (0..loops.len()).rev() {
            strides[nth] = product;
            match loops[nth].count {
                Some(count) => {
                    product = product.checked_mul(count)?;
                    total = Some(product);
                }
                None => total = None,
            }
        }
        Some(Self { loops: fixed, strides, depth: loops.len(), total })
    }

    /// Frames that the dimensions declare; `None` where the first is unbounded.
    #[must_use]
    pub fn total(&self) -> Option<u64> {
        self.total
    }

    /// The loops, outermost first.
    #[must_use]
    pub fn loops(&self) -> &[Loop] {
        &self.loops[..self.depth]
    }

    /// Where frame `frame` goes; `None` beyond the declared frames.
    #[must_use]
    pub fn locate(&self, frame: u64) -> Option<Location> {
        if self.total.is_some_and(|total| frame >= total) {
            return None;
        }
        let mut location = Location { position: 0, index: [0; MAX_INDEX_DIMENSIONS] };
        let mut rest = frame;
        for (each, stride) in self.loops().iter().zip(self.strides) {
            let at = rest / stride;
            rest %= stride;
            match each.storage_axis {
                Some(axis) => location.index[axis] = at,
                // Positions are counted in u32 by the plan, which refuses more.
                None => location.position = u32::try_from(at).ok()?,
            }
        }
        Some(location)
    }

    /// Planes along the unbounded axis `axis` that a position has after `frames` frames.
    #[must_use]
    pub fn extent(&self, axis: usize, position: u32, frames: u64) -> u64 {
        let Some(last) = frames.checked_sub(1).and_then(|last| self.locate(last)) else { return 0 };
        // The unbounded loop is the outermost, so only its last round can be without this position.
        let mut first = Location { position, index: [0; MAX_INDEX_DIMENSIONS] };
        first.index[axis] = last.index[axis];
        let reached = self.frame_number(first).is_some_and(|frame| frame < frames);
        last.index[axis] + u64::from(reached)
    }

    /// The number of the frame that goes to `location`; `None` where no frame does.
    #[must_use]
    pub fn frame_number(&self, location: Location) -> Option<u64> {
        let mut frame: u64 = 0;
        let mut used = [false; MAX_INDEX_DIMENSIONS];
        let mut position_used = false;
        for (each, stride) in self.loops().iter().zip(self.strides) {
            let at = match each.storage_axis {
                Some(axis) => {
                    used[axis] = true;
                    location.index[axis]
                }
                None => {
                    position_used = true;
                    u64::from(location.position)
                }
            };
            if each.count.is_some_and(|count| at >= count) {
                return None;
            }
            frame = frame.checked_add(at.checked_mul(stride)?)?;
        }
        let stray = !position_used && location.position != 0
            || (0..MAX_INDEX_DIMENSIONS).any(|axis| !used[axis] && location.index[axis] != 0);
        (!stray).then_some(frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn axis(count: u64, storage_axis: usize) -> Loop {
        Loop { count: Some(count), storage_axis: Some(storage_axis) }
    }

    fn positions(count: u64) -> Loop {
        Loop { count: Some(count), storage_axis: None }
    }

    fn sequence(router: &Router, frames: u64) -> Vec<(u32, StorageIndex)> {
        (0..frames)
            .map(|frame| {
                let at = router.locate(frame).expect("within the declared frames");
                (at.position, at.index)
            })
            .collect()
    }

    /// The nested loops that the router's arithmetic stands for, written as a reader would.
    fn naive(loops: &[Loop], outermost: u64) -> Vec<Location> {
        let mut all = vec![Location { position: 0, index: [0; MAX_INDEX_DIMENSIONS] }];
        for each in loops {
            let mut next = Vec::new();
            for place in &all {
                for at in 0..each.count.unwrap_or(outermost) {
                    let mut place = *place;
                    match each.storage_axis {
                        Some(axis) => place.index[axis] = at,
                        None => place.position = u32::try_from(at).expect("few positions"),
                    }
                    next.push(place);
                }
            }
            all = next;
        }
        all
    }

    #[test]
    fn time_then_channel_runs_like_nested_loops() {
        let router = Router::new(&[axis(2, 0), axis(3, 1)]).expect("valid");
        assert_eq!(
            sequence(&router, 6),
            [[0, 0, 0], [0, 1, 0], [0, 2, 0], [1, 0, 0], [1, 1, 0], [1, 2, 0]].map(|at| (0, at))
        );
        assert_eq!(router.total(), Some(6));
        assert_eq!(router.locate(6), None);
    }

    #[test]
    fn positions_between_time_and_channel_alternate() {
        let router = Router::new(&[axis(2, 0), positions(2), axis(2, 1)]).expect("valid");
        assert_eq!(
            sequence(&router, 8),
            [
                (0, [0, 0, 0]),
                (0, [0, 1, 0]),
                (1, [0, 0, 0]),
                (1, [0, 1, 0]),
                (0, [1, 0, 0]),
                (0, [1, 1, 0]),
                (1, [1, 0, 0]),
                (1, [1, 1, 0]),
            ]
        );
    }

    #[test]
    fn acquisition_tzc_is_stored_as_tcz() {
        let router = Router::new(&[axis(2, 0), axis(2, 2), axis(2, 1)]).expect("valid");
        assert_eq!(sequence(&router, 4), [[0, 0, 0], [0, 1, 0], [0, 0, 1], [0, 1, 1]].map(|at| (0, at)));
    }

    #[test]
    fn an_unbounded_first_loop_never_ends() {
        let router = Router::new(&[Loop { count: None, storage_axis: Some(0) }, axis(3, 1)]).expect("valid");
        assert_eq!(router.total(), None);
        let far = router.locate(3_000_000_000_001).expect("unbounded");
        assert_eq!(far.index, [1_000_000_000_000, 1, 0]);
    }

    #[test]
    fn a_single_frame_has_one_place() {
        let router = Router::new(&[]).expect("valid");
        assert_eq!(router.total(), Some(1));
        assert_eq!(sequence(&router, 1), [(0, [0, 0, 0])]);
        assert_eq!(router.locate(1), None);
    }

    #[test]
    fn impossible_loops_are_refused() {
        let open = Loop { count: None, storage_axis: Some(1) };
        assert_eq!(Router::new(&[axis(2, 0), open]), None, "unbounded not first");
        assert_eq!(Router::new(&[axis(0, 0)]), None, "zero iterations");
        assert_eq!(Router::new(&[axis(2, 0), axis(2, 0)]), None, "axis twice");
        assert_eq!(Router::new(&[axis(2, 3)]), None, "axis out of range");
        assert_eq!(Router::new(&[axis(u64::MAX, 0), axis(2, 1)]), None, "overflow");
    }

    /// Any order of the loops, any of them the position, storage axes permuted.
    fn any_loops() -> impl Strategy<Value = (Vec<Loop>, u64)> {
        (
            prop::collection::vec(1u64..5, 0..=MAX_LOOPS),
            any::<bool>(),
            Just([Some(0), Some(1), Some(2), None]).prop_shuffle(),
            1u64..6,
        )
            .prop_map(|(counts, open, axes, outermost)| {
                let loops = counts
                    .iter()
                    .zip(axes)
                    .enumerate()
                    .map(|(nth, (&count, storage_axis))| Loop {
                        count: (!(open && nth == 0)).then_some(count),
                        storage_axis,
                    })
                    .collect();
                (loops, outermost)
            })
    }

    proptest! {
        #[test]
        fn agrees_with_nested_loops_and_back((loops, outermost) in any_loops()) {
            let router = Router::new(&loops).expect("valid loops");
            let expected = naive(&loops, outermost);
            if let Some(total) = router.total() {
                prop_assert_eq!(total, expected.len() as u64);
                prop_assert_eq!(router.locate(total), None);
            }
            for (frame, place) in expected.iter().enumerate() {
                prop_assert_eq!(router.locate(frame as u64), Some(*place));
                prop_assert_eq!(router.frame_number(*place), Some(frame as u64));
            }
        }

        #[test]
        fn a_place_outside_has_no_frame((loops, _) in any_loops(), index in prop::array::uniform3(0u64..7), position in 0u32..7) {
            let router = Router::new(&loops).expect("valid loops");
            let place = Location { position, index };
            match router.frame_number(place) {
                Some(frame) => prop_assert_eq!(router.locate(frame), Some(place)),
                None => prop_assert!(!naive(&loops, 7).contains(&place)),
            }
        }
    }
}
