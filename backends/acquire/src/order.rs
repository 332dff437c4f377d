//! Acquisition order and storage order: what the engine can rearrange.
//!
//! Frames reach the engine as they are acquired. It can store them in another order of axes, but only so: the first
//! axis stays first, the frame's two stay last. Its check of the latter has holes (it lets `z` and `y` change places
//! and scrambles the pixels), so nothing is asked of it that was not judged here. Axes of one element may stand
//! anywhere.

use ome_stream::Plan;
use ome_stream::backend::Unsupported;

/// The axes in the order in which they are declared to the engine, which is that of the frames.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Order {
    /// For each declared axis its place in storage order.
    declared: Vec<usize>,
}

impl Order {
    /// # Errors
    /// Why the engine cannot store what is acquired in this order.
    pub(crate) fn of(plan: &Plan) -> Result<Self, Unsupported> {
        let loops: Vec<_> =
            plan.router().loops().iter().filter_map(|each| Some((each.storage_axis?, each.count))).collect();
        let names: Vec<&str> = plan.axis_names().collect();
        Self::new(&loops, &names)
    }

    /// `loops` are places in storage order and counts, outermost loop first; `names` are those of the axes.
    fn new(loops: &[(usize, Option<u64>)], names: &[&str]) -> Result<Self, Unsupported> {
        let name = |axis: usize| names.get(axis).copied().unwrap_or_default();
        let runs = || loops.iter().filter(|(_, count)| *count != Some(1)).map(|(axis, _)| *axis);
        if let Some(unbounded) = loops.iter().find(|(axis, count)| count.is_none() && *axis != 0) {
            return Err(Unsupported(format!(
                "the unbounded dimension `{}` would not be the first axis on disk, and acquire-zarr lets only the first \
                 grow; put it first in storage_order, or use backend zarrs",
                name(unbounded.0)
            )));
        }
        let frame = loops.len()..loops.len() + 2;
        if runs().is_sorted() {
            return Ok(Self { declared: (0..frame.end).collect() });
        }
        let outermost = runs().next().unwrap_or(0);
        let first_moves_freely = loops.iter().any(|(axis, count)| *axis == 0 && *count == Some(1));
        if outermost != 0 && !first_moves_freely {
            return Err(Unsupported(format!(
                "`{}` is acquired outermost but `{}` is to be the first axis on disk, and acquire-zarr cannot move the \
                 first axis; acquire `{}` outermost, use storage_order \"acquisition\", or use backend zarrs",
                name(outermost),
                name(0),
                name(0)
            )));
        }
        let rest = loops.iter().map(|(axis, _)| *axis).filter(|axis| *axis != 0);
        Ok(Self { declared: std::iter::once(0).chain(rest).chain(frame).collect() })
    }

    /// Axes in the order in which they are declared, each by its place in storage order.
    pub(crate) fn declared(&self) -> &[usize] {
        &self.declared
    }

    /// For each axis in storage order its place in the declaration; `None` where both are the same.
    pub(crate) fn storage(&self) -> Option<Vec<usize>> {
        if self.declared.is_sorted() {
            return None;
        }
        let place = |axis| self.declared.iter().position(|declared| *declared == axis);
        (0..self.declared.len()).map(place).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 5] = ["t", "c", "z", "y", "x"];

    fn order(loops: &[(usize, Option<u64>)]) -> Result<Order, Unsupported> {
        Order::new(loops, &NAMES)
    }

    #[test]
    fn frames_in_storage_order_are_declared_as_they_are_stored() {
        for loops in [vec![], vec![(0, Some(5))], vec![(0, None), (1, Some(2)), (2, Some(3))]] {
            let order = order(&loops).unwrap();
            assert_eq!(order.declared(), (0..loops.len() + 2).collect::<Vec<_>>());
            assert_eq!(order.storage(), None);
        }
    }

    #[test]
    fn inner_axes_change_places() {
        let order = order(&[(0, None), (2, Some(4)), (1, Some(3))]).unwrap();
        assert_eq!(order.declared(), [0, 2, 1, 3, 4]);
        assert_eq!(order.storage(), Some(vec![0, 2, 1, 3, 4]));
    }

    #[test]
    fn the_first_axis_stays_first() {
        let refused = order(&[(1, Some(3)), (0, Some(2)), (2, Some(4))]).unwrap_err().0;
        assert!(refused.contains("`c` is acquired outermost but `t`"), "{refused}");
    }

    #[test]
    fn axes_of_one_element_stand_anywhere() {
        let order = |loops| order(loops).unwrap();
        assert_eq!(order(&[(1, Some(1)), (0, Some(2)), (2, Some(4))]).storage(), None);
        assert_eq!(order(&[(2, Some(4)), (1, Some(3)), (0, Some(1))]).declared(), [0, 2, 1, 3, 4]);
    }

    #[test]
    fn only_the_first_axis_on_disk_may_be_unbounded() {
        let refused = order(&[(1, None), (0, Some(1))]).unwrap_err().0;
        assert!(refused.contains("unbounded dimension `c`"), "{refused}");
    }
}
