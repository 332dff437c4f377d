//! Folders of the fields of a well plate. One rule, which looks at all fields at once: the order in which they are
//! acquired changes no name.
//!
//! - A field's folder has the letters and digits of its name and nothing else (OME-NGFF 0.4 and 0.5, "well" metadata:
//!   `path` is alphanumeric): `fov_1` lies in `fov1`, in every version, so that one can be made of another.
//! - Where a well has such a name in several grid cells, every field of the plate that has a cell gets it behind its
//!   name, with `m` for minus: `fov1r0c2`. Where a well has one in several acquisitions, every field of an acquisition
//!   gets that: `fov1a2`. So a field is called alike in every well, which readers count on.
//! - Names that are still one on some file system (`a` and `A`, `a_1` and `a1`) are refused.

use std::collections::{HashMap, HashSet};

use super::coords::Position;
use super::declared::Settings;
use crate::names;

/// The folder of each position in its well, of settings that have a plate and keep every rule.
pub(crate) fn folders_of_fields(settings: &Settings) -> Vec<String> {
    folders(&settings.positions()).unwrap_or_default()
}

/// Why a position cannot have a folder in its well.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoFolder {
    /// The position's place among all.
    pub(super) position: usize,
    pub(super) problem: String,
    pub(super) remedy: String,
}

/// A field's well, and its name as every file system tells it apart.
type Named<'a> = (Option<&'a str>, Option<&'a str>, String);

/// The folder of each position in its well.
pub(super) fn folders(positions: &[Position]) -> Result<Vec<String>, NoFolder> {
    let refuse = |position: usize, problem: String, remedy: String| NoFolder { position, problem, remedy };
    let plain: Vec<String> = positions.iter().map(|position| letters_and_digits(&position.name)).collect();
    let named = |position: usize, folder: &str| -> Named<'_> {
        let position = &positions[position];
        (position.plate_row.as_deref(), position.plate_column.as_deref(), folder.to_ascii_lowercase())
    };
    let mut first: HashMap<Named<'_>, usize> = HashMap::with_capacity(positions.len());
    let (mut by_cell, mut by_acquisition) = (false, false);
    for (nth, position) in positions.iter().enumerate() {
        let first = &positions[*first.entry(named(nth, &plain[nth])).or_insert(nth)];
        by_cell |= cell(first) != cell(position);
        by_acquisition |= first.acquisition != position.acquisition;
    }
    let mut taken = HashSet::with_capacity(positions.len());
    let mut folders = Vec::with_capacity(positions.len());
    for (nth, (position, plain)) in positions.iter().zip(plain).enumerate() {
        if plain.is_empty() {
            let problem =
                "it has none of the letters and digits (a-z, A-Z, 0-9) of which the folder of a field is made";
            return Err(refuse(nth, problem.into(), "give it a letter or a digit".into()));
        }
        let mut folder = plain;
        if let (true, Some((row, column))) = (by_cell, cell(position)) {
            folder.push_str(&format!("r{}c{}", number(row), number(column)));
        }
        if let (true, Some(acquisition)) = (by_acquisition, position.acquisition) {
            folder.push_str(&format!("a{acquisition}"));
        }
        names::check_folder(&folder).map_err(|why| {
            refuse(nth, format!("its folder would be called {folder:?}: {}", why.problem), "use another name".into())
        })?;
        if !taken.insert(named(nth, &folder)) {
            let problem = format!("another field of its well would lie in the same folder, {folder:?}");
            let remedy = "use names that differ in letters or digits, whatever their case";
            return Err(refuse(nth, problem, remedy.into()));
        }
        folders.push(folder);
    }
    Ok(folders)
}

fn cell(position: &Position) -> Option<(i64, i64)> {
    position.grid_row.zip(position.grid_column)
}

fn letters_and_digits(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).collect()
}

fn number(number: i64) -> String {
    format!("{}{}", if number < 0 { "m" } else { "" }, number.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn field(well: (&str, &str), name: &str) -> Position {
        let (row, column) = (Some(well.0.to_owned()), Some(well.1.to_owned()));
        Position { plate_row: row, plate_column: column, ..Position::new(name) }
    }

    fn in_cell(position: Position, row: i64, column: i64) -> Position {
        Position { grid_row: Some(row), grid_column: Some(column), ..position }
    }

    fn of(position: Position, acquisition: u32) -> Position {
        Position { acquisition: Some(acquisition), ..position }
    }

    const A1: (&str, &str) = ("A", "1");
    const A2: (&str, &str) = ("A", "2");

    #[test]
    fn a_folder_has_the_letters_and_digits_of_its_name() {
        let positions = [field(A1, "fov_1"), field(A1, "Fov 2"), field(A2, "fov-1"), field(A2, "µ0")];
        assert_eq!(folders(&positions).unwrap(), ["fov1", "Fov2", "fov1", "0"]);
    }

    #[test]
    fn a_name_in_several_cells_has_its_cell_in_every_well() {
        let positions = [
            in_cell(field(A1, "0"), 0, 0),
            in_cell(field(A1, "0"), -1, 2),
            in_cell(field(A2, "0"), 0, 0),
            field(A2, "x"),
        ];
        assert_eq!(folders(&positions).unwrap(), ["0r0c0", "0rm1c2", "0r0c0", "x"]);
        let once = [in_cell(field(A1, "0"), 0, 0), in_cell(field(A1, "1"), 0, 1)];
        assert_eq!(folders(&once).unwrap(), ["0", "1"]);
    }

    #[test]
    fn a_name_in_several_acquisitions_has_its_acquisition() {
        let positions = [of(field(A1, "0"), 7), of(field(A1, "0"), 3), of(field(A2, "0"), 3)];
        assert_eq!(folders(&positions).unwrap(), ["0a7", "0a3", "0a3"]);
        let apart = [of(field(A1, "0"), 7), of(field(A1, "1"), 3)];
        assert_eq!(folders(&apart).unwrap(), ["0", "1"]);
    }

    #[test]
    fn names_that_stay_one_folder_are_refused() {
        for (one, other) in [("a", "A"), ("a_1", "a1"), ("0", "0 ")] {
            let refused = folders(&[field(A1, one), field(A1, other)]).unwrap_err();
            assert_eq!(refused.position, 1, "{one} {other}: {refused:?}");
            assert!(folders(&[field(A1, one), field(A2, other)]).is_ok(), "{one} {other} in two wells");
        }
        // What the rule makes of one name is another's.
        let clash = [in_cell(field(A1, "0"), 0, 0), in_cell(field(A1, "0"), 0, 1), field(A1, "0r0c0")];
        assert_eq!(folders(&clash).unwrap_err().position, 2);
        assert!(folders(&[field(A1, "_-")]).unwrap_err().problem.contains("letters and digits"));
        assert!(folders(&[field(A1, "c_on")]).unwrap_err().problem.contains("device"));
    }

    proptest! {
        #[test]
        fn order_changes_no_name(
            fields in prop::collection::vec(
                ((0..2u8, 0..2u8), "[aA0_]{1,2}", prop::option::of((-1..2i64, 0..2i64)), prop::option::of(0..2u32)),
                1..12,
            ),
            seed in any::<[u8; 16]>(),
        ) {
            let positions: Vec<Position> = fields
                .into_iter()
                .map(|((row, column), name, cell, acquisition)| {
                    let well = (["A", "B"][usize::from(row)], ["1", "2"][usize::from(column)]);
                    let (grid_row, grid_column) = cell.unzip();
                    Position { grid_row, grid_column, acquisition, ..field(well, &name) }
                })
                .collect();
            let mut order: Vec<usize> = (0..positions.len()).collect();
            order.sort_by_key(|nth| (seed[nth % 16], *nth));
            let moved: Vec<Position> = order.iter().map(|nth| positions[*nth].clone()).collect();
            match (folders(&positions), folders(&moved)) {
                (Ok(names), Ok(others)) => {
                    for (place, nth) in order.iter().enumerate() {
                        prop_assert_eq!(&names[*nth], &others[place]);
                    }
                    let mut wells = HashSet::new();
                    for (position, name) in positions.iter().zip(&names) {
                        prop_assert!(!name.is_empty() && name.chars().all(|each| each.is_ascii_alphanumeric()));
                        let well = (&position.plate_row, &position.plate_column);
                        prop_assert!(wells.insert((well, name.to_lowercase())), "{} twice", name);
                    }
                }
                (one, other) => prop_assert!(one.is_err() && other.is_err(), "{:?} {:?}", one, other),
            }
        }
    }
}
