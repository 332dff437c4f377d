//! How far an array reaches, judged by the chunks that are there.

use crate::zarr::ArrayFormat;

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
    /// End of the furthest chunk along the unbounded axis.
    furthest: u64,
    /// Planes along the unbounded axis that certainly hold frames.
    certain: u64,
    /// Planes along the unbounded axis that the log says were written.
    written: Option<u64>,
}

impl<'a> Reach<'a> {
    /// Of an array of `format`, with the unbounded axis and the largest indices of frame metadata as they are known.
    pub(super) fn new(format: &'a ArrayFormat, append_axis: Option<Option<usize>>, frames: &'a [u64]) -> Self {
        let beyond = vec![None; format.shape.len()];
        Self { format, append_axis, frames, beyond, astray: 0, furthest: 0, certain: 0, written: None }
    }

    /// The log says that `planes` planes along the unbounded axis were written (where it tells of planes), and that
    /// complete chunks reach `complete`.
    pub(super) fn log_says(mut self, planes: Option<u64>, complete: u64) -> Self {
        self.written = planes;
        self.certain = planes.unwrap_or(complete);
        self
    }

    /// Takes note of a whole chunk; `complete` where the log says whether all its planes had come.
    pub(super) fn see(&mut self, coordinates: &[u64], complete: Option<bool>) {
        if let Some(Some(axis)) = self.append_axis
            && let Some(end) = self.end(coordinates, axis, complete)
        {
            self.furthest = self.furthest.max(end);
            if complete == Some(true) {
                self.certain = self.certain.max(end);
            }
        }
        match self.format.outside(coordinates)[..] {
            [] => {}
            [axis] => match (self.end(coordinates, axis, complete), self.beyond.get_mut(axis)) {
                (Some(end), Some(beyond)) => *beyond = Some(beyond.map_or(end, |known| known.max(end))),
                _ => self.astray += 1,
            },
            _ => self.astray += 1,
        }
    }

    /// Where a chunk's planes end along an axis: those that had not come by then are no planes of the array.
    fn end(&self, coordinates: &[u64], axis: usize, complete: Option<bool>) -> Option<u64> {
        let (start, end) = (self.format.start_of(coordinates, axis)?, self.format.end_of(coordinates, axis)?);
        let written = self.written.filter(|_| self.append_axis == Some(Some(axis)));
        Some(match (written, complete, self.frames.get(axis)) {
            // The last chunk of an array need not be full, though nothing more comes into it.
            (Some(written), ..) if start < written => end.min(written),
            (_, Some(false), Some(last)) => end.min(last.saturating_add(1)).max(start + 1),
            (Some(_), Some(false), None) => start + 1,
            _ => end,
        })
    }

    /// Whether a chunk begins before the array's end as it will be: along an axis that grew, the present shape says
    /// nothing.
    pub(super) fn reaches(&self, coordinates: &[u64]) -> bool {
        self.format.outside(coordinates).iter().all(|axis| {
            let certain = if self.append_axis == Some(Some(*axis)) { self.certain } else { 0 };
            let end = self.beyond.get(*axis).copied().flatten().unwrap_or(0).max(certain);
            self.format.start_of(coordinates, *axis).is_some_and(|start| start < end)
        })
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
            (_, Some(axis)) => self.beyond[axis].map(|end| (axis, end.max(self.certain))),
            (Some(Some(axis)), None) => self.format.shape.get(axis).and_then(|extent| {
                // A chunk in which the array ends may reach past its end.
                let trimmed = if may_trim { (*extent).min(self.furthest) } else { *extent };
                let end = trimmed.max(self.certain);
                (end != *extent).then_some((axis, end))
            }),
            (_, None) => None,
        };
        (mended, remark)
    }
}
