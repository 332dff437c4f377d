//! How images lie on a sheet: one alone, several in rows, a plate's as they lie on the plate.

use std::collections::HashMap;

use super::find::Place;

/// What there is room for.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    /// Width of the sheet, in pixels.
    pub width: usize,
    /// Its height, at most.
    pub height: usize,
    /// Pixels of a letter; none are written where it is 0.
    pub letter: usize,
}

/// Most pixels of a sheet along an axis: what programs that show pictures take.
pub const MAX_SIDE: usize = 16_384;

/// Pixels between images, and between wells.
const GAP: usize = 2;
const BETWEEN_WELLS: usize = 4;

/// Cells of a sheet, each with one image or none.
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    /// Column and row of each image, in cells.
    pub cells: Vec<[usize; 2]>,
    /// Columns and rows, in cells.
    pub size: [usize; 2],
    /// Columns and rows of cells that a well has, where there are wells.
    pub well: Option<[usize; 2]>,
    /// The first column and row of the plate that is shown.
    pub first: [u64; 2],
}

impl Grid {
    /// Of images that are `aspect` times as wide as high.
    pub fn of(places: &[Place], aspect: f64) -> Self {
        let wells: Vec<_> = places.iter().filter_map(|place| place.well.as_ref()).collect();
        if wells.len() == places.len() && !wells.is_empty() {
            return Self::of_wells(&wells, aspect);
        }
        let [across, down] = nearly_square(places.len(), aspect);
        let cells = (0..places.len()).map(|nth| [nth % across, nth / across]).collect();
        Self { cells, size: [across, down], well: None, first: [0, 0] }
    }

    fn of_wells(wells: &[&(super::find::Well, usize)], aspect: f64) -> Self {
        let places = || wells.iter().map(|(well, _)| [well.column, well.row]);
        let along = |axis: usize| places().map(move |place| place[axis]);
        let first = [0, 1].map(|axis| along(axis).min().unwrap_or(0));
        let last = [0, 1].map(|axis| along(axis).max().unwrap_or(0));
        // Fields are counted within their well, of those that are shown.
        let mut fields: Vec<Vec<usize>> = Vec::new();
        let mut known: HashMap<[u64; 2], usize> = HashMap::new();
        let mut numbers = Vec::new();
        for (well, (_, field)) in places().zip(wells.iter().copied()) {
            let nth = *known.entry(well).or_insert_with(|| {
                fields.push(Vec::new());
                fields.len() - 1
            });
            if let Some(list) = fields.get_mut(nth) {
                list.push(*field);
                numbers.push(list.len() - 1);
            }
        }
        let most = fields.iter().map(Vec::len).max().unwrap_or(1);
        let in_well = nearly_square(most, aspect);
        let cell = |(place, field): ([u64; 2], &usize)| {
            let within = [field % in_well[0], field / in_well[0]];
            [0, 1].map(|axis| (place[axis] - first[axis]) as usize * in_well[axis] + within[axis])
        };
        let cells = places().zip(&numbers).map(cell).collect();
        let size = [0, 1].map(|axis| (last[axis] - first[axis] + 1) as usize * in_well[axis]);
        Self { cells, size, well: Some(in_well), first }
    }

    /// Width of gaps left of a column or above a row.
    fn gaps(&self, axis: usize, cell: usize) -> usize {
        let wells = self.well.map_or(0, |well| cell / well[axis]);
        cell * GAP + wells * BETWEEN_WELLS
    }

    /// Room for an image in a sheet of this width, at most so high: width and height.
    pub fn box_for(&self, aspect: f64, room: Room) -> [usize; 2] {
        let [across, down] = self.size.map(|cells| cells.max(1));
        let widest = room.width.saturating_sub(self.margin(room)).saturating_sub(self.gaps(0, across - 1)) / across;
        let named = (down / self.well.map_or(1, |well| well[1].max(1))).max(1) * room.letter;
        let highest = room.height.saturating_sub(named).saturating_sub(self.gaps(1, down - 1)) / down;
        let widest = widest.max(1);
        let height = ((widest as f64 / aspect).round() as usize).max(1);
        match height <= highest.max(1) {
            true => [widest, height],
            false => [((highest as f64 * aspect).round() as usize).clamp(1, widest), highest.max(1)],
        }
    }

    /// Pixels left of the first column: names of a plate's rows.
    pub fn margin(&self, room: Room) -> usize {
        if self.well.is_some() { 3 * room.letter } else { 0 }
    }

    /// Where the image in `cell` begins, below `top`, when each has `size`.
    pub fn corner(&self, cell: [usize; 2], size: [usize; 2], room: Room) -> [usize; 2] {
        let names = if self.well.is_some() { room.letter } else { (cell[1] + 1) * self.name_height(room) };
        [
            self.margin(room) + cell[0] * size[0] + self.gaps(0, cell[0]),
            names + cell[1] * size[1] + self.gaps(1, cell[1]),
        ]
    }

    /// Height of the name above an image: where several are no wells.
    pub fn name_height(&self, room: Room) -> usize {
        if self.well.is_none() && self.cells.len() > 1 { room.letter } else { 0 }
    }

    /// Width and height of all of it.
    pub fn extent(&self, size: [usize; 2], room: Room) -> [usize; 2] {
        let last = self.size.map(|cells| cells.saturating_sub(1));
        let [left, top] = self.corner(last, size, room);
        [left + size[0], top + size[1]]
    }
}

/// Columns and rows for `count` images that make a sheet about as wide as high.
fn nearly_square(count: usize, aspect: f64) -> [usize; 2] {
    let count = count.max(1);
    let across = (count as f64 / aspect.clamp(1e-3, 1e3)).sqrt().ceil() as usize;
    let across = across.clamp(1, count);
    [across, count.div_ceil(across)]
}

/// How large an image of `columns` x `rows` is drawn in a box: pixels that are read, and how often each is repeated.
pub fn fitted(frame: (u64, u64), room: [usize; 2]) -> ((usize, usize), usize) {
    let (rows, columns) = (frame.0.max(1), frame.1.max(1));
    let (width, height) = (room[0] as u64, room[1] as u64);
    let zoom = (width / columns).min(height / rows);
    if zoom >= 1 {
        return ((rows as usize, columns as usize), zoom as usize);
    }
    let part = |all: u64, of: u64, by: u64| ((u128::from(all) * u128::from(of) / u128::from(by)) as usize).max(1);
    match u128::from(columns) * u128::from(height) >= u128::from(rows) * u128::from(width) {
        true => ((part(rows, width, columns), room[0].max(1)), 1),
        false => ((room[1].max(1), part(columns, height, rows)), 1),
    }
}

#[cfg(test)]
mod tests {
    use super::super::find::Well;
    use super::*;

    fn place(well: Option<(u64, u64, usize)>) -> Place {
        let well = well.map(|(row, column, field)| (Well { row, column }, field));
        Place { well, ..Place::default() }
    }

    #[test]
    fn images_fill_rows_of_a_nearly_square_sheet() {
        let grid = |count, aspect| Grid::of(&vec![place(None); count], aspect).size;
        assert_eq!(grid(1, 1.0), [1, 1]);
        assert_eq!(grid(5, 1.0), [3, 2]);
        assert_eq!(grid(9, 1.0), [3, 3]);
        assert_eq!(grid(8, 4.0), [2, 4]);
        assert_eq!(grid(3, 1e9), [1, 3]);
    }

    #[test]
    fn wells_lie_as_on_their_plate() {
        let wells = [(1, 3, 0), (1, 3, 1), (1, 5, 7), (2, 4, 0)];
        let grid = Grid::of(&wells.map(|well| place(Some(well))), 1.0);
        assert_eq!((grid.size, grid.well, grid.first), ([6, 2], Some([2, 1]), [3, 1]));
        assert_eq!(grid.cells, [[0, 0], [1, 0], [4, 0], [2, 1]]);
    }

    #[test]
    fn images_keep_their_proportions() {
        assert_eq!(fitted((100, 200), [400, 400]), ((100, 200), 2));
        assert_eq!(fitted((2048, 2048), [512, 300]), ((300, 300), 1));
        assert_eq!(fitted((2000, 1000), [500, 500]), ((500, 250), 1));
        assert_eq!(fitted((1, 100_000), [500, 500]), ((1, 500), 1));
        assert_eq!(fitted((0, 0), [0, 0]), ((1, 1), 1));
    }

    #[test]
    fn nothing_lies_outside_of_the_sheet() {
        for (count, aspect, letter) in [(1, 1.0, 8), (7, 0.3, 8), (50, 3.0, 0)] {
            let room = Room { width: 1024, height: 2000, letter };
            let grid = Grid::of(&vec![place(None); count], aspect);
            let size = grid.box_for(aspect, room);
            let extent = grid.extent(size, room);
            assert!(extent[0] <= 1024 && extent[1] <= 2000, "{count}: {extent:?}");
        }
    }
}
