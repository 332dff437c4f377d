//! What is true of a well plate, in no NGFF version's words.

use std::collections::HashSet;

use super::model::Image;
use crate::error::{Error, Result};

/// A well plate, of which wells with an image are listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plate {
    /// Name for people; any text.
    pub name: String,
    /// Names of all rows.
    pub rows: Vec<String>,
    /// Names of all columns.
    pub columns: Vec<String>,
    /// Passes over the plate; none where nothing tells the fields apart.
    pub acquisitions: Vec<Acquisition>,
    /// Wells that have fields, by row and then by column.
    pub wells: Vec<Well>,
}

/// A well with at least one field of view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Well {
    /// Its row among the plate's, from 0.
    pub row: usize,
    /// Its column among the plate's, from 0.
    pub column: usize,
    /// Its fields in the order in which they are declared.
    pub fields: Vec<Field>,
}

/// A field of view: one image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Name of its group in that of the well.
    pub path: String,
    /// Number of its acquisition.
    pub acquisition: Option<u32>,
}

/// One of several passes over a plate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acquisition {
    /// Unique in the plate.
    pub id: u32,
    /// Name for people.
    pub name: Option<String>,
    /// What was done, in words.
    pub description: Option<String>,
    /// When it began, in seconds since 1970.
    pub start_time: Option<u64>,
    /// When it ended, in seconds since 1970.
    pub end_time: Option<u64>,
}

impl Plate {
    /// The group of a well, relative to the root: `A/1`.
    #[must_use]
    pub fn path_of(&self, well: &Well) -> String {
        let name = |names: &[String], nth: usize| names.get(nth).cloned().unwrap_or_default();
        format!("{}/{}", name(&self.rows, well.row), name(&self.columns, well.column))
    }

    /// Names of the rows that have wells, which are groups.
    pub fn rows_with_wells(&self) -> impl Iterator<Item = &str> {
        let with_wells: HashSet<usize> = self.wells.iter().map(|well| well.row).collect();
        let rows = self.rows.iter().enumerate();
        rows.filter(move |(nth, _)| with_wells.contains(nth)).map(|(_, name)| name.as_str())
    }

    /// Most fields of a well (`field_count`).
    #[must_use]
    pub fn field_count(&self) -> usize {
        self.wells.iter().map(|well| well.fields.len()).max().unwrap_or(0)
    }

    /// Most fields that a well has of each acquisition, in their order (`maximumfieldcount`).
    #[must_use]
    pub fn fields_of_acquisitions(&self) -> Vec<usize> {
        let in_well = |well: &Well, id: u32| well.fields.iter().filter(|field| field.acquisition == Some(id)).count();
        let most = |each: &Acquisition| self.wells.iter().map(|well| in_well(well, each.id)).max().unwrap_or(0);
        self.acquisitions.iter().map(most).collect()
    }

    /// Whether the wells are the plate's, and their fields the images of the store.
    pub(super) fn validate(&self, images: &[(String, Image)]) -> Result<()> {
        if self.wells.is_empty() {
            return Err(Error::settings("wells", "[]", "the plate has no well", "give at least one position"));
        }
        let mut missing: HashSet<&str> = images.iter().map(|(path, _)| path.as_str()).collect();
        let twice = missing.len() < images.len();
        let (mut wells, mut fields) = (HashSet::new(), HashSet::new());
        let ids: HashSet<u32> = self.acquisitions.iter().map(|each| each.id).collect();
        for well in &self.wells {
            let path = self.path_of(well);
            let outside = well.row >= self.rows.len() || well.column >= self.columns.len();
            if outside || well.fields.is_empty() || !wells.insert((well.row, well.column)) {
                let problem = "a well lies in a row and a column of the plate, has a field, and is listed once";
                let value = format!("row {}, column {}, {} fields", well.row, well.column, well.fields.len());
                return Err(Error::settings("wells", value, problem, "list each well that has fields"));
            }
            for field in &well.fields {
                let image = format!("{path}/{}", field.path);
                let known = field.acquisition.is_none_or(|id| ids.contains(&id));
                let told = known && (field.acquisition.is_some() || ids.len() < 2);
                if !missing.remove(image.as_str()) || !told || !fields.insert(image.clone()) {
                    let problem = "a field is one image, of an acquisition of the plate where there are several";
                    return Err(Error::settings("wells", image, problem, "list each image once"));
                }
            }
        }
        match missing.into_iter().next() {
            None if !twice => Ok(()),
            image => {
                let problem = "an image of a plate is one field of a well";
                Err(Error::settings("images", image.unwrap_or("twice"), problem, "list it in its well"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::golden_tests::{plate, plate_images};
    use super::*;

    #[test]
    fn counts_are_those_of_the_fullest_well() {
        let plate = plate();
        assert_eq!(plate.field_count(), 3);
        assert_eq!(plate.fields_of_acquisitions(), [2, 1]);
        assert_eq!(plate.rows_with_wells().collect::<Vec<_>>(), ["A", "C"]);
        assert_eq!(plate.wells.iter().map(|well| plate.path_of(well)).collect::<Vec<_>>(), ["A/1", "A/3", "C/2"]);
    }

    #[test]
    fn wells_and_images_that_do_not_fit_are_refused() {
        assert!(plate().validate(&plate_images()).is_ok());
        type Change = fn(&mut Plate);
        let changes: [Change; 8] = [
            |plate| plate.wells.clear(),
            |plate| plate.wells[0].row = 3,
            |plate| plate.wells[0].column = 3,
            |plate| plate.wells[1].fields.clear(),
            |plate| plate.wells.push(plate.wells[0].clone()),
            |plate| drop(plate.wells[0].fields.pop()),
            |plate| plate.wells[0].fields[0].acquisition = Some(7),
            |plate| plate.wells[0].fields[0].acquisition = None,
        ];
        for (nth, change) in changes.into_iter().enumerate() {
            let mut changed = plate();
            change(&mut changed);
            assert!(changed.validate(&plate_images()).is_err(), "change {nth}");
        }
        let mut images = plate_images();
        images.push(images[0].clone());
        assert!(plate().validate(&images).is_err(), "an image twice");
    }
}
