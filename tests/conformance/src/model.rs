//! What must be on disk after a case, worked out with nested loops as a person would.
//!
//! Nothing here uses the library's router or geometry.

use ome_stream::settings::{Coord, Dimension, DimensionType, Settings, StorageOrder};

use crate::case::{Case, Step};
use crate::pixels;

/// One image as it must be.
#[derive(Debug, Clone, PartialEq)]
pub struct Image {
    /// Names of the axes in storage order.
    pub axes: Vec<String>,
    /// Extent of each axis.
    pub shape: Vec<u64>,
    /// Number of the frame at each storage index, in C order over all axes but the frame's two; `None` reads as fill.
    pub frames: Vec<Option<u64>>,
    /// Unit of each axis.
    pub units: Vec<Option<String>>,
    /// Size of an element along each axis.
    pub scale: Vec<f64>,
    /// Place of the first element along each axis.
    pub translation: Vec<f64>,
    /// Names of the channels, where they have any.
    pub channels: Option<Vec<String>>,
    /// Whether a place on the stage is known of it.
    pub on_stage: bool,
}

impl Image {
    /// All pixels in C order.
    #[must_use]
    pub fn bytes(&self, case: &Case) -> Vec<u8> {
        let (rows, columns) = case.frame();
        let dtype = case.settings.dtype;
        let frame_bytes = (rows * columns) as usize * dtype.size();
        let mut bytes = Vec::with_capacity(self.frames.len() * frame_bytes);
        for frame in &self.frames {
            match frame {
                Some(number) => pixels::append_frame(dtype, *number, rows, columns, &mut bytes),
                None => bytes.resize(bytes.len() + frame_bytes, 0),
            }
        }
        bytes
    }

    /// Puts frame `number` at a storage index, which lies within the image.
    pub fn replace(&mut self, index: &[u64], number: u64) {
        let at = index.iter().zip(&self.shape).fold(0, |all, (at, extent)| all * extent + at);
        self.frames[at as usize] = Some(number);
    }
}

/// One arrival: which loop counters it has, by place in `dimensions`.
type Counters = Vec<u64>;

/// The images of a case, one for each position, in the order in which positions are declared.
#[must_use]
pub fn images(case: &Case) -> Vec<Image> {
    let settings = &case.settings;
    let loops = &settings.dimensions[..settings.dimensions.len() - 2];
    let arrivals = arrivals(loops, case.consumed());
    let skipped = skipped(&case.script);
    let positions = loops.iter().position(is_position).map_or(1, |at| elements(&loops[at]).unwrap_or(0));
    (0..positions).map(|position| image(settings, position, &arrivals, &skipped)).collect()
}

/// The loop counters of the first `count` frames: nested loops, the last dimension fastest.
fn arrivals(loops: &[Dimension], count: u64) -> Vec<Counters> {
    fn descend(loops: &[Dimension], outer: &Counters, count: u64, found: &mut Vec<Counters>) {
        let Some((this, inner)) = loops.split_first() else {
            found.push(outer.clone());
            return;
        };
        let mut at = 0;
        while elements(this).is_none_or(|elements| at < elements) && (found.len() as u64) < count {
            let mut counters = outer.clone();
            counters.push(at);
            descend(inner, &counters, count, found);
            at += 1;
        }
    }
    let mut found = Vec::new();
    if count > 0 {
        descend(loops, &Vec::new(), count, &mut found);
    }
    found
}

/// Whether each consumed frame was skipped.
fn skipped(script: &[Step]) -> Vec<bool> {
    script.iter().flat_map(|step| std::iter::repeat_n(matches!(step, Step::Skip(_)), step.frames() as usize)).collect()
}

fn image(settings: &Settings, position: u64, arrivals: &[Counters], skipped: &[bool]) -> Image {
    let loops = &settings.dimensions[..settings.dimensions.len() - 2];
    let position_loop = loops.iter().position(is_position);
    let mine: Vec<(usize, &Counters)> = arrivals
        .iter()
        .enumerate()
        .filter(|(_, counters)| position_loop.is_none_or(|at| counters[at] == position))
        .collect();
    let order = storage_order(settings);
    let mut shape: Vec<u64> = order
        .iter()
        .map(|&at| {
            let came = mine.iter().map(|(_, counters)| counters[at] + 1).max().unwrap_or(0);
            elements(&loops[at]).unwrap_or(came)
        })
        .collect();
    let mut frames = vec![None; shape.iter().product::<u64>() as usize];
    for (number, counters) in mine {
        let flat = order.iter().zip(&shape).fold(0, |flat, (&at, extent)| flat * extent + counters[at]);
        frames[flat as usize] = (!skipped[number]).then_some(number as u64);
    }
    let (rows, columns) = settings.frame_dimensions();
    shape.extend([elements(rows).unwrap_or(0), elements(columns).unwrap_or(0)]);
    let dimensions: Vec<&Dimension> = order.iter().map(|&at| &loops[at]).chain([rows, columns]).collect();
    let stage = position_loop.and_then(|at| loops[at].coords.as_ref()?.get(position as usize));
    Image {
        axes: dimensions.iter().map(|each| each.name.clone()).collect(),
        shape,
        frames,
        units: dimensions.iter().map(|each| each.unit.clone()).collect(),
        scale: dimensions.iter().map(|each| each.scale.unwrap_or(1.0)).collect(),
        translation: dimensions
            .iter()
            .map(|each| stage_coordinate(stage, &each.name).or(each.translation).unwrap_or(0.0))
            .collect(),
        on_stage: dimensions.iter().any(|each| stage_coordinate(stage, &each.name).is_some()),
        channels: dimensions
            .iter()
            .find(|each| kind(each) == Some(DimensionType::Channel))
            .and_then(|each| each.coords.as_ref())
            .map(|coords| coords.iter().map(name_of).collect()),
    }
}

fn stage_coordinate(position: Option<&Coord>, axis: &str) -> Option<f64> {
    let Some(Coord::Position(position)) = position else { return None };
    match axis {
        "x" => position.x_coord,
        "y" => position.y_coord,
        "z" => position.z_coord,
        _ => None,
    }
}

/// The index loops in the order of the axes on disk, by place in `dimensions`.
fn storage_order(settings: &Settings) -> Vec<usize> {
    let loops = &settings.dimensions[..settings.dimensions.len() - 2];
    let mut order: Vec<usize> = (0..loops.len()).filter(|&at| !is_position(&loops[at])).collect();
    match &settings.storage_order {
        StorageOrder::Acquisition => {}
        // Time, channel, what is neither, z.
        StorageOrder::Ome => order.sort_by_key(|&at| match loops[at].name.as_str() {
            "t" => 0,
            "c" => 1,
            "z" => 3,
            _ => 2,
        }),
        StorageOrder::Explicit(names) => order.sort_by_key(|&at| names.iter().position(|name| *name == loops[at].name)),
    }
    order
}

/// Whether the axes stand as OME-NGFF asks (0.5, section "multiscales"): time, then channel or other, then space.
#[must_use]
pub fn is_ome_order(settings: &Settings) -> bool {
    let loops = &settings.dimensions[..settings.dimensions.len() - 2];
    let ranks: Vec<u8> = storage_order(settings)
        .iter()
        .map(|&at| match kind(&loops[at]) {
            Some(DimensionType::Time) => 0,
            Some(DimensionType::Space) => 2,
            _ => 1,
        })
        .collect();
    ranks.is_sorted()
}

pub(crate) fn kind(dimension: &Dimension) -> Option<DimensionType> {
    dimension.kind.or(match dimension.name.as_str() {
        "t" => Some(DimensionType::Time),
        "c" => Some(DimensionType::Channel),
        "p" => Some(DimensionType::Position),
        "x" | "y" | "z" => Some(DimensionType::Space),
        _ => None,
    })
}

fn is_position(dimension: &Dimension) -> bool {
    kind(dimension) == Some(DimensionType::Position)
}

pub(crate) fn elements(dimension: &Dimension) -> Option<u64> {
    dimension.count.or(dimension.coords.as_ref().map(|coords| coords.len() as u64))
}

fn name_of(coord: &Coord) -> String {
    match coord {
        Coord::Name(name) => name.clone(),
        Coord::Number(number) => number.to_string(),
        Coord::Channel(channel) => channel.name.clone(),
        Coord::Position(position) => position.name.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_land_where_a_person_would_put_them() {
        let case = Case::new("tzc", "t:2,z:2,c:2,y:1,x:1");
        let [image] = &images(&case)[..] else { panic!("one image") };
        assert_eq!(image.axes, ["t", "c", "z", "y", "x"]);
        assert_eq!(image.shape, [2, 2, 2, 1, 1]);
        // Acquired t z c: frame 1 is c = 1, z = 0.
        assert_eq!(image.frames, [0, 2, 1, 3, 4, 6, 5, 7].map(Some));
    }

    #[test]
    fn an_unbounded_time_lapse_ends_where_each_position_ended() {
        let case =
            Case::new("unbounded", "t:inf,p:2,y:1,x:1").script(&[Step::Append(1), Step::Skip(1), Step::Append(1)]);
        let [first, second] = &images(&case)[..] else { panic!("two images") };
        assert_eq!((&first.shape[..], &first.frames[..]), (&[2, 1, 1][..], &[Some(0), Some(2)][..]));
        assert_eq!((&second.shape[..], &second.frames[..]), (&[1, 1, 1][..], &[None][..]));
    }

    #[test]
    fn nothing_came_nothing_is_there() {
        let none = Case::new("none", "t:inf,y:2,x:2").script(&[]);
        assert_eq!(images(&none)[0].shape, [0, 2, 2]);
        assert_eq!(images(&none)[0].frames, []);
        let finite = Case::new("finite", "t:2,y:2,x:2").script(&[]);
        assert_eq!(images(&finite)[0].frames, [None, None]);
    }
}
