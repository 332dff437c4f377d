//! How far an array reaches, judged by the chunks that are there.

use super::format::ArrayFormat;

/// Gathers where whole chunks lie.
#[derive(Debug)]
pub(super) struct Reach<'a> {
    format: &'a ArrayFormat,
    /// The unbounded axis, where the run's log tells: `Some(None)` where there is none.
    append_axis: Option<Option<usize>>,
    /// Largest index along each axis that frame metadata tell of.
    frames: &'a [u64],
    /// Axes past whose end chunks begin, each with the end of the furthest.
    beyond: Vec<Option<u64>>,
    /// Chunks that begin past the end of several axes.
    astray: u64,
    /// End of the furthest chunk along the unbounded axis, and of the furthest that is known to be complete.
    furthest: u64,
    complete: u64,
}

impl<'a> Reach<'a> {
    pub(super) fn new(format: &'a ArrayFormat, append_axis: Option<Option<usize>>, frames: &'a [u64]) -> Self {
        let beyond = vec![None; format.shape.len()];
        Self { format, append_axis, frames, beyond, astray: 0, furthest: 0, complete: 0 }
    }

    /// Takes note of a whole chunk; `complete` where the log says whether all its planes had come.
    pub(super) fn see(&mut self, coordinates: &[u64], complete: Option<bool>) {
        let end = |axis: usize| -> Option<u64> {
            let (at, chunk) = (*coordinates.get(axis)?, *self.format.chunk.get(axis)?);
            let end = at.checked_add(1)?.checked_mul(chunk)?;
            Some(match (complete, self.frames.get(axis)) {
                // Planes that had not come by then are no planes of the array.
                (Some(false), Some(last)) => end.min(last.saturating_add(1)).max(at * chunk + 1),
                _ => end,
            })
        };
        if let Some(Some(axis)) = self.append_axis
            && let Some(end) = end(axis)
        {
            self.furthest = self.furthest.max(end);
            if complete == Some(true) {
                self.complete = self.complete.max(end);
            }
        }
        match self.format.outside(coordinates)[..] {
            [] => {}
            [axis] => match (end(axis), self.beyond.get_mut(axis)) {
                (Some(end), Some(beyond)) => *beyond = Some(beyond.map_or(end, |known| known.max(end))),
                _ => self.astray += 1,
            },
            _ => self.astray += 1,
        }
    }

    /// The axis whose extent is not what the chunks say, and what it should be; with a remark where chunks lie where no
    /// extent of one axis would reach them.
    pub(super) fn mended(&self, may_trim: bool) -> (Option<(usize, u64)>, Option<String>) {
        let mut remark = (self.astray > 0).then(|| {
            format!("{} chunk(s) lie outside of the array along several axes; they were left alone", self.astray)
        });
        let axes: Vec<usize> = (0..self.beyond.len()).filter(|axis| self.beyond[*axis].is_some()).collect();
        let grown = match (self.append_axis, &axes[..]) {
            (_, []) => None,
            (Some(Some(append)), [axis]) if append == *axis => Some(append),
            (None, [axis]) if *axis < self.format.index_axes() => Some(*axis),
            _ => {
                remark = Some(
                    "chunks lie outside of the array along an axis that does not grow; they were left alone".into(),
                );
                None
            }
        };
        let mended = match (self.append_axis, grown) {
            (_, Some(axis)) => self.beyond[axis].map(|end| (axis, end.max(self.complete))),
            (Some(Some(axis)), None) => self.format.shape.get(axis).and_then(|extent| {
                // A chunk in which the array ends may reach past its end.
                let trimmed = if may_trim { (*extent).min(self.furthest) } else { *extent };
                let end = trimmed.max(self.complete);
                (end != *extent).then_some((axis, end))
            }),
            (_, None) => None,
        };
        (mended, remark)
    }
}
