//! One case: what is acquired, and what the host does.

use std::path::Path;

use ome_stream::settings::{
    Compression, Coord, DataType, Dimension, Durability, NgffVersion, Plate, Position, Settings, StorageOrder,
    parse_dims,
};
use ome_stream::zarr::ZarrFormat;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One thing the host does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// Appends this many frames.
    Append(u64),
    /// Skips this many.
    Skip(u64),
}

impl Step {
    /// Frames that the step takes.
    #[must_use]
    pub fn frames(self) -> u64 {
        match self {
            Self::Append(frames) | Self::Skip(frames) => frames,
        }
    }
}

/// What is acquired, and what the host does before it finishes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// Unique among the cases of a matrix; names the store.
    pub name: String,
    /// Settings; the root path is set when the case runs.
    pub settings: Settings,
    /// What the host does; where fewer frames come than were declared, it finishes early.
    pub script: Vec<Step>,
}

impl Case {
    /// A case of the given dimensions that appends every declared frame (20 rounds of an unbounded dimension): uint16,
    /// not compressed, whatever the operating system does about durability.
    #[must_use]
    pub fn of(name: &str, dimensions: Vec<Dimension>) -> Self {
        let mut settings = Settings::new("unset", dimensions, DataType::UInt16);
        // A sync of the whole file system after every small store would be most of the suite's time.
        settings.durability = Durability::None;
        let mut case = Self { name: name.to_owned(), settings, script: Vec::new() };
        case.script = vec![Step::Append(case.declared())];
        case
    }

    /// As [`Case::of`], with dimensions as the command line takes them: `t:3,c:2,y:32:16,x:48:16`.
    ///
    /// # Panics
    /// If the text is no list of dimensions: the tables of the tests are fixed.
    #[must_use]
    #[expect(clippy::panic, reason = "a table of the tests is wrong")]
    pub fn new(name: &str, dimensions: &str) -> Self {
        match parse_dims(dimensions) {
            Ok(dimensions) => Self::of(name, dimensions),
            Err(error) => panic!("case {name}: {error}"),
        }
    }

    /// With pixels of this type.
    #[must_use]
    pub fn dtype(mut self, dtype: DataType) -> Self {
        self.settings.dtype = dtype;
        self
    }

    /// Compressed so.
    #[must_use]
    pub fn compression(mut self, compression: Compression) -> Self {
        self.settings.compression = compression;
        self
    }

    /// In this version of OME-NGFF.
    #[must_use]
    pub fn version(mut self, version: NgffVersion) -> Self {
        self.settings.format.version = version;
        self
    }

    /// Format of the Zarr hierarchy that it makes.
    #[must_use]
    pub fn zarr(&self) -> ZarrFormat {
        self.settings.format.version.into()
    }

    /// With axes in this order on disk.
    #[must_use]
    pub fn order(mut self, order: StorageOrder) -> Self {
        self.settings.storage_order = order;
        self
    }

    /// With axes on disk in the order of `names`.
    #[must_use]
    pub fn explicit(self, names: &[&str]) -> Self {
        self.order(StorageOrder::Explicit(names.iter().map(|name| (*name).to_owned()).collect()))
    }

    /// With this durability.
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.settings.durability = durability;
        self
    }

    /// With this host.
    #[must_use]
    pub fn script(mut self, script: &[Step]) -> Self {
        self.script = script.to_vec();
        self
    }

    /// With settings changed by `change`.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self
    }

    /// With levels below full resolution, as settings say them in JSON.
    ///
    /// # Panics
    /// If they are none: the tables of the tests are fixed.
    #[must_use]
    #[expect(clippy::panic, reason = "a table of the tests is wrong")]
    pub fn pyramid(mut self, pyramid: Value) -> Self {
        match serde_json::from_value(pyramid) {
            Ok(pyramid) => self.settings.pyramid = Some(pyramid),
            Err(error) => panic!("case {}: {error}", self.name),
        }
        self
    }

    /// With the fields of a plate as positions of the dimension `p`.
    #[must_use]
    pub fn plate(self, plate: Plate, fields: &[Position]) -> Self {
        let fields = fields.iter().cloned().map(Coord::Position);
        self.dimension("p", |p| p.with_coords(fields.clone())).with(|settings| settings.plate = Some(plate))
    }

    /// With the dimension called `name` changed by `change`.
    #[must_use]
    pub fn dimension(mut self, name: &str, change: impl Fn(Dimension) -> Dimension) -> Self {
        for dimension in &mut self.settings.dimensions {
            if dimension.name == name {
                *dimension = change(dimension.clone());
            }
        }
        self
    }

    /// The settings with their root in `folder`.
    #[must_use]
    pub fn settings_in(&self, folder: &Path) -> Settings {
        let mut settings = self.settings.clone();
        settings.root_path = folder.join(self.folder_name()).to_string_lossy().into_owned();
        settings
    }

    /// The name as every file system takes it.
    #[must_use]
    pub fn folder_name(&self) -> String {
        self.name.chars().map(|each| if each.is_ascii_alphanumeric() { each } else { '_' }).collect()
    }

    /// Frames that the dimensions declare; for an unbounded dimension, those of 20 rounds.
    #[must_use]
    pub fn declared(&self) -> u64 {
        let loops = self.settings.dimensions.len().saturating_sub(2);
        self.settings.dimensions.iter().take(loops).map(elements).product()
    }

    /// Frames that the script takes.
    #[must_use]
    pub fn consumed(&self) -> u64 {
        self.script.iter().map(|step| step.frames()).sum()
    }

    /// Frames that the script appends.
    #[must_use]
    pub fn appended(&self) -> u64 {
        self.script.iter().filter(|step| matches!(step, Step::Append(_))).map(|step| step.frames()).sum()
    }

    /// Rows and columns of a frame.
    #[must_use]
    pub fn frame(&self) -> (u64, u64) {
        let (rows, columns) = self.settings.frame_dimensions();
        (elements(rows), elements(columns))
    }
}

/// A field of view of a well.
#[must_use]
pub fn field((row, column): (&str, &str), name: &str) -> Position {
    Position { plate_row: Some(row.to_owned()), plate_column: Some(column.to_owned()), ..Position::new(name) }
}

/// A plate with rows and columns of these names.
#[must_use]
pub fn plate(rows: &[&str], columns: &[&str]) -> Plate {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Plate { row_names: names(rows), column_names: names(columns), ..Plate::default() }
}

/// Rounds in which an unbounded dimension ends where a case does not say otherwise.
const ROUNDS: u64 = 20;

fn elements(dimension: &Dimension) -> u64 {
    let listed = dimension.coords.as_ref().map(|coords| coords.len() as u64);
    dimension.count.or(listed).unwrap_or(ROUNDS)
}
