//! Which frames lost chunks belong to.

use std::collections::BTreeSet;

use serde_json::Value;

use super::anew::Run;
use super::known::Known;
use super::report::{LostChunk, MAX_LISTED};
use crate::reader::Node;
use crate::router::{Location, MAX_INDEX_DIMENSIONS};

/// Most planes of lost chunks that are looked at.
const MAX_PLANES: usize = 1 << 20;

/// For each source the numbers of the frames that lost a part, ascending, up to [`MAX_LISTED`]; none where nothing
/// tells the order of acquisition. After a run that `finished` only frames that had come can be lost.
pub(super) fn frames(
    chunks: &[LostChunk],
    nodes: &[Node],
    run: Option<&Run>,
    record: &Known,
    finished: bool,
) -> Vec<Vec<u64>> {
    let mut lost = vec![BTreeSet::new(); record.sources.len().max(1)];
    let mut left = MAX_PLANES;
    for chunk in chunks {
        let known = run.and_then(|run| {
            let array = run.array_at(&chunk.array)?;
            let source = run.plan().source_of(array.id());
            (array.level() == 0).then(|| (source.id().index(), source.router(), source.position(array.image())))
        });
        let by_name = || {
            let (group, level) = chunk.array.rsplit_once('/').unwrap_or(("", &chunk.array));
            let router = record.router.as_ref().filter(|_| run.is_none() && level == "0")?;
            Some((0, router, position(nodes, group)))
        };
        let Some((source, router, Some(position))) = known.or_else(by_name) else { continue };
        let (Some(lost), Some(come)) = (lost.get_mut(source), record.sources.get(source)) else { continue };
        for index in planes(chunk).take(left) {
            left -= 1;
            if lost.len() < MAX_LISTED {
                let frame = router.frame_number(Location { position, index });
                lost.extend(frame.filter(|frame| !finished || *frame < come.frames));
            }
        }
    }
    lost.into_iter().map(|lost| lost.into_iter().collect()).collect()
}

/// The position whose image is the group at `path`; `None` where nothing tells.
pub(super) fn position(nodes: &[Node], path: &str) -> Option<u32> {
    if path.is_empty() {
        return Some(0);
    }
    let nth = series_of(nodes)?.iter().position(|image| image.as_str() == Some(path))?;
    u32::try_from(nth).ok()
}

/// Paths of the images, in order, where the `OME` group tells them.
pub(super) fn series(nodes: &[Node]) -> Option<Vec<String>> {
    series_of(nodes)?.iter().map(|image| image.as_str().map(str::to_owned)).collect()
}

fn series_of(nodes: &[Node]) -> Option<&Vec<Value>> {
    nodes.iter().find(|node| node.path == "OME")?.ome("series")?.as_array()
}

/// Storage indices of the planes that a chunk held a part of.
fn planes(chunk: &LostChunk) -> impl Iterator<Item = [u64; MAX_INDEX_DIMENSIONS]> {
    let mut from = [0; MAX_INDEX_DIMENSIONS];
    let mut to = [1; MAX_INDEX_DIMENSIONS];
    // An array of more axes than any of ours has none.
    let ours = chunk.first.len() <= MAX_INDEX_DIMENSIONS;
    from.iter_mut().zip(&chunk.first).for_each(|(from, first)| *from = *first);
    to.iter_mut().zip(&chunk.end).for_each(|(to, end)| *to = if ours { *end } else { 0 });
    let [a, b, c] = [from[0]..to[0], from[1]..to[1], from[2]..to[2]];
    a.flat_map(move |first| {
        let c = c.clone();
        b.clone().flat_map(move |second| c.clone().map(move |third| [first, second, third]))
    })
}
