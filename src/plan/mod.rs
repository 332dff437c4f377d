//! Acquisition + what the engine takes -> arrays, layouts, memory; every check before anything touches disk.

mod array;
mod array_metadata;
mod capabilities;
mod depth;
mod geometry;
mod grid;
mod layout;
mod levels;
mod memory;
mod metadata_size;
mod plate;
mod positions;
mod source;
mod told;

pub use array::{ArrayId, Feed, Form, PlannedArray, Windows};
pub use capabilities::Capabilities;
pub use depth::Depth;
pub use geometry::{Geometry, MAX_AXES};
pub use grid::ShardGrid;
pub use layout::{Layout, SlabKey, StorageUnit, UnitPlace};
use memory::Needs;
pub use memory::{Memory, Need};
pub use positions::PlannedPosition;
pub use source::{OpenTime, PlannedSource, SourceId};
pub use told::FramePlace;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::ngff;
use crate::pyramid::{Level, Reducer};
use crate::router::{Location, Loop, MAX_INDEX_DIMENSIONS, Router, StorageIndex};
use crate::settings::{Acquisition, DataType, NgffVersion, Settings};
use crate::zarr::ZarrFormat;

/// Everything that is fixed before the first frame: where frames go, what lies on disk, how much memory it takes.
///
/// Making a plan touches no disk, so that a host can ask it for memory and refuse early.
#[derive(Debug, Clone)]
pub struct Plan {
    root: PathBuf,
    sources: Vec<PlannedSource>,
    positions: Vec<PlannedPosition>,
    plate: Option<ngff::Plate>,
    forms: Vec<Arc<Form>>,
    arrays: Vec<PlannedArray>,
    memory: Memory,
    notes: Vec<String>,
}

/// Whether the memory of a plan is judged.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Judge {
    /// A run shall be made of it.
    Memory,
    /// Only what it would be is asked.
    Shape,
    /// A store is looked at that an earlier run has made.
    Nothing,
}

impl Plan {
    /// Validates `settings` and fixes the plan for an engine that can do what `capabilities` say.
    ///
    /// # Errors
    /// [`Error::InvalidSettings`] naming the field, the value and what would work; [`Error::MemoryLimit`] with the
    /// numbers where the limit cannot hold the least this acquisition needs.
    pub fn new(settings: &Settings, capabilities: &Capabilities) -> Result<Self> {
        Self::of_sources(std::slice::from_ref(settings), capabilities)
    }

    /// As [`Plan::new`], whatever memory it takes: for who only asks what would be on disk. No run starts with it.
    ///
    /// # Errors
    /// As for [`Plan::new`], but for [`Error::MemoryLimit`].
    pub fn unlimited(settings: &Settings, capabilities: &Capabilities) -> Result<Self> {
        let sources = validated(std::slice::from_ref(settings))?;
        let root = absolute_root(&sources)?;
        Self::of(sources, root, capabilities, Judge::Shape)
    }

    /// As [`Plan::new`], of several sources of frames. Where the store lies, how much memory it takes, durability and
    /// all else that concerns the whole run is as the first source's settings say; each of several sources has
    /// positions, whose images lie side by side.
    ///
    /// No setting offers this yet: it is the general case that cameras will be made of.
    ///
    /// # Errors
    /// As for [`Plan::new`].
    pub fn of_sources(sources: &[Settings], capabilities: &Capabilities) -> Result<Self> {
        let sources = validated(sources)?;
        let root = absolute_root(&sources)?;
        Self::of(sources, root, capabilities, Judge::Memory)
    }

    /// The plan by which the store at `root` was made, whatever name its settings would give it, by an engine that
    /// takes `unit`s. Its layouts tell where planes lie, and have no tables of units.
    pub(crate) fn at(sources: &[Settings], root: &Path, unit: StorageUnit) -> Result<Self> {
        Self::of(validated(sources)?, root.to_path_buf(), &Capabilities::taking(unit), Judge::Nothing)
    }

    /// The plan by which the store at `root` was made, whatever name its settings would give it, to write on in it.
    pub(crate) fn going_on(sources: &[Settings], root: &Path, capabilities: &Capabilities) -> Result<Self> {
        Self::of(validated(sources)?, root.to_path_buf(), capabilities, Judge::Memory)
    }

    /// The plan of what the sources send; nothing of it is checked again.
    fn of(acquisitions: Vec<Acquisition>, root: PathBuf, capabilities: &Capabilities, judge: Judge) -> Result<Self> {
        let (mut sources, mut forms) = (Vec::new(), Vec::new());
        if acquisitions.len() > MAX_SOURCES {
            return Err(too_many_sources(acquisitions.len()));
        }
        let version = acquisitions.first().map(|first| first.settings().format.version).unwrap_or_default();
        let zarr = ZarrFormat::from(version);
        let mut notes = Vec::new();
        for (nth, acquisition) in (0_u16..).zip(acquisitions) {
            metadata_size::check(acquisition.settings())?;
            notes.extend_from_slice(acquisition.notes());
            let source = PlannedSource::new(SourceId(nth), acquisition)?;
            forms.extend(form_outlines(&source, zarr, capabilities.unit)?);
            sources.push(source);
        }
        let positions = positions::plan(&mut sources);
        let (Some(first), Some(_)) = (sources.first(), forms.first()) else { return Err(too_many_sources(0)) };
        let forms_count = forms.len();
        for (nth, windows) in forms.iter_mut().filter_map(|form: &mut Form| form.windows.as_mut()).enumerate() {
            windows.class = forms_count + nth;
        }
        let needs = Needs::of(&forms);
        let threads = if capabilities.in_order { 1 } else { memory::useful_threads(first.settings(), &forms) };
        let memory = match judge {
            Judge::Memory => Memory::new(first.settings(), &needs, threads)?,
            Judge::Shape | Judge::Nothing => {
                let settings = Settings { memory_limit: u64::MAX, ..first.settings().clone() };
                Memory::new(&settings, &needs, threads)?
            }
        };
        let forms: Vec<Arc<Form>> = forms
            .into_iter()
            .enumerate()
            .map(|(nth, mut form)| {
                form.nth = nth;
                // Who only looks at a store needs where planes lie, and the settings in it may be anybody's.
                if judge != Judge::Nothing {
                    form.layout.fill_tables();
                }
                Arc::new(form)
            })
            .collect();
        forms.iter().try_for_each(|form| form.check_format(version))?;
        let arrays = arrays(&sources, &positions, &forms)?;
        let plate = positions::plate(&root, &sources);
        let plan = Self { root, sources, positions, plate, forms, arrays, memory, notes: Vec::new() };
        notes.extend(plan.ngff(None).order_violation());
        Ok(Self { notes, ..plan })
    }

    /// The settings, validated and normalized; of several sources those of the first, which are the run's.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        self.sources[0].settings()
    }

    /// Where the store will be.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where frames come from; at least one.
    #[must_use]
    pub fn sources(&self) -> &[PlannedSource] {
        &self.sources
    }

    /// A source.
    ///
    /// # Panics
    /// For a source of another plan.
    #[must_use]
    pub fn source(&self, id: SourceId) -> &PlannedSource {
        &self.sources[id.index()]
    }

    /// Every array: those of full resolution in the order of the images, then the levels below.
    #[must_use]
    pub fn arrays(&self) -> &[PlannedArray] {
        &self.arrays
    }

    /// An array.
    ///
    /// # Panics
    /// For an array of another plan.
    #[must_use]
    pub fn array(&self, id: ArrayId) -> &PlannedArray {
        &self.arrays[id.index()]
    }

    /// The source whose frames, or what is made of them, an array holds.
    #[must_use]
    pub fn source_of(&self, array: ArrayId) -> &PlannedSource {
        self.source(self.array(array).form.source)
    }

    /// What arrays have in common that differ only in their place.
    #[must_use]
    pub fn forms(&self) -> &[Arc<Form>] {
        &self.forms
    }

    /// The levels below full resolution of an image, from fine to coarse.
    pub fn levels_of(&self, image: usize) -> impl Iterator<Item = &PlannedArray> {
        let levels = &self.arrays[self.positions.len()..];
        let start = levels.partition_point(|array| array.image < image);
        levels[start..].iter().take_while(move |array| array.image == image)
    }

    /// Shape, chunks and shards of the first array: of every position's where there is one source.
    #[must_use]
    pub fn geometry(&self) -> &Geometry {
        &self.forms[0].geometry
    }

    /// Images in the order in which their positions are declared; one where no position dimension is.
    #[must_use]
    pub fn positions(&self) -> &[PlannedPosition] {
        &self.positions
    }

    /// Format of the Zarr hierarchy.
    #[must_use]
    pub fn zarr(&self) -> ZarrFormat {
        self.settings().format.version.into()
    }

    /// The well plate whose fields the images are, where they are.
    #[must_use]
    pub fn plate(&self) -> Option<&ngff::Plate> {
        self.plate.as_ref()
    }

    /// Data type of a pixel of the first source.
    #[must_use]
    pub fn dtype(&self) -> DataType {
        self.settings().dtype
    }

    /// Names of the first array's axes in storage order.
    pub fn axis_names(&self) -> impl Iterator<Item = &str> {
        self.forms[0].axis_names.iter().map(String::as_str)
    }

    /// Frame number <-> place, of the first source.
    #[must_use]
    pub fn router(&self) -> &Router {
        &self.sources[0].router
    }

    /// What was changed or is worth knowing about the settings, for a person to read.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Memory and threads of the run.
    #[must_use]
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Planes along the append axis that an array has where full resolution of its image has so many.
    #[must_use]
    pub(crate) fn extent_below(&self, array: &PlannedArray, full: Option<u64>) -> Option<u64> {
        Some(array.form.depth.extent_along(array.geometry().append_axis()?, full?))
    }

    /// True where all frames of a slab are among the first `frames` of its source.
    #[must_use]
    pub(crate) fn is_slab_done(&self, key: SlabKey, frames: u64) -> bool {
        let array = self.array(key.array);
        let last = self.last_plane_of_slab(key);
        last.is_none_or(|index| self.last_frame(array, &index).is_some_and(|number| number < frames))
    }

    /// The number of the last frame of a slab in the order of acquisition.
    #[must_use]
    pub(crate) fn last_frame_of_slab(&self, key: SlabKey) -> Option<u64> {
        self.last_frame(self.array(key.array), &self.last_plane_of_slab(key)?)
    }

    /// A frame's number grows with each of its coordinates, so the slab's last plane has the highest.
    fn last_plane_of_slab(&self, key: SlabKey) -> Option<StorageIndex> {
        let layout = self.array(key.array).layout();
        (0..layout.planes()).rev().find_map(|slot| layout.plane(&key.index, slot))
    }

    /// The number of the first frame of a slab in the order of acquisition.
    #[must_use]
    pub fn first_frame(&self, key: SlabKey) -> Option<u64> {
        let array = self.array(key.array);
        let index = array.layout().plane(&key.index, 0)?;
        self.source_of(key.array).frame_number(array.image, array.form.depth.first_of(&index))
    }

    /// The number of the last frame that becomes a part of a plane of an array, in the order of acquisition.
    #[must_use]
    pub(crate) fn last_frame(&self, array: &PlannedArray, index: &StorageIndex) -> Option<u64> {
        self.source_of(array.id).frame_number(array.image, array.form.depth.last_of(index))
    }

    /// Most frames of its source that can come between the first and the last of a slab of an array.
    #[must_use]
    pub(crate) fn slab_span(&self, form: &Form) -> u64 {
        self.span(form, form.layout.index_unit())
    }

    /// Most frames of its source that can come between the first and the last that become a plane of an array.
    #[must_use]
    pub(crate) fn window_span(&self, form: &Form) -> u64 {
        self.span(form, &[1; MAX_INDEX_DIMENSIONS])
    }

    /// Most frames that can come between the first and the last of `planes` of an array.
    fn span(&self, form: &Form, planes: &StorageIndex) -> u64 {
        let planes = form.depth.in_full(planes);
        let gathered = |each: &Loop| each.storage_axis.map_or(1, |axis| planes[axis]);
        let loops = self.source(form.source).router.loops();
        let Some(outermost) = loops.iter().position(|each| gathered(each) > 1) else { return 1 };
        let inside = loops[outermost + 1..].iter().filter_map(|each| each.count).fold(1, u64::saturating_mul);
        inside.saturating_mul(gathered(&loops[outermost]))
    }

    /// Numbers and storage indices of the frames that slots of a slab of full resolution belong to.
    pub(crate) fn frames_of(
        &self,
        key: SlabKey,
        slots: impl Iterator<Item = usize>,
    ) -> impl Iterator<Item = (u64, StorageIndex)> {
        let (array, source) = (self.array(key.array), self.source_of(key.array));
        slots.filter_map(move |slot| {
            let index = array.layout().plane(&key.index, slot)?;
            Some((source.frame_number(array.image, index)?, index))
        })
    }

    /// The array and the plane that a frame of a source goes to; `None` beyond the declared frames.
    #[must_use]
    pub fn place(&self, source: SourceId, frame: u64) -> Option<(ArrayId, Location)> {
        let source = self.source(source);
        let location = source.router.locate(frame)?;
        Some((source.array(location.position), location))
    }

    /// Folder of an array.
    #[must_use]
    pub fn folder_of(&self, array: &PlannedArray) -> PathBuf {
        self.root.join(&array.key)
    }

    /// Folder of the array of `level` of an image.
    #[must_use]
    pub fn array_path(&self, position: usize, level: u32) -> PathBuf {
        self.group_path(position).join(level.to_string())
    }

    /// Folder of an image's group.
    #[must_use]
    pub fn group_path(&self, position: usize) -> PathBuf {
        match self.positions.get(position) {
            Some(place) if !place.path.is_empty() => self.root.join(&place.path),
            _ => self.root.clone(),
        }
    }

    /// As much of the NGFF model as the root's document says of several images.
    #[must_use]
    pub(crate) fn ngff_root(&self) -> ngff::Hierarchy {
        match (self.settings().format.version, self.plate()) {
            (_, Some(plate)) => ngff::Hierarchy::Plate(plate.clone(), Vec::new()),
            (NgffVersion::V0_4 | NgffVersion::V0_5, None) => ngff::Hierarchy::Series(Vec::new()),
            (NgffVersion::V0_6, None) => self.ngff(None),
        }
    }

    /// The NGFF model of the whole store, with `extents[array]` planes along the append axis where they are known.
    #[must_use]
    pub fn ngff(&self, extents: Option<&[Option<u64>]>) -> ngff::Hierarchy {
        positions::ngff_hierarchy(self, extents)
    }
}

/// The root as the first source's settings give it. The host may change its working folder while the run goes on.
fn absolute_root(sources: &[Acquisition]) -> Result<PathBuf> {
    let path = sources.first().map(|first| first.settings().output_path()).unwrap_or_default();
    std::path::absolute(&path).map_err(|source| Error::io("find", &path, source))
}

/// What each source sends, with its levels.
fn validated(sources: &[Settings]) -> Result<Vec<Acquisition>> {
    let acquire = |each: &Settings| {
        let acquisition = Acquisition::of(each)?;
        if sources.len() > 1 && acquisition.settings().position_dimension().is_none() {
            return Err(Error::settings(
                "dimensions",
                acquisition.settings().dimensions.len(),
                "several sources fill images side by side, and one has no position that names its image",
                "add a position dimension of one position",
            ));
        }
        if sources.len() > 1 && acquisition.settings().plate.is_some() {
            let problem = "several sources fill images side by side, which have no wells";
            return Err(Error::settings("plate", "(set)", problem, "leave it out, or use one source"));
        }
        Ok(acquisition)
    };
    sources.iter().map(acquire).collect()
}

/// Most sources of a run: each has a lock, an order of acquisition and forms of arrays of its own. No microscope has as
/// many cameras.
pub const MAX_SOURCES: usize = 64;

fn too_many_sources(count: usize) -> Error {
    Error::settings(
        "sources",
        count,
        format!("a run has one source to {MAX_SOURCES}"),
        "use one stream for each camera",
    )
}

/// The forms of a source's arrays, with outlines of their layouts: nothing is made before memory is judged.
fn form_outlines(source: &PlannedSource, zarr: ZarrFormat, unit: StorageUnit) -> Result<Vec<Form>> {
    let (acquisition, settings) = (&source.acquisition, source.settings());
    let full = Geometry::new(acquisition);
    let form = |level: u8, geometry: Geometry, depth: Depth, above: Option<&Form>| {
        let layout = Layout::outline(&geometry, unit);
        let reducer = above.map(|above| reducer(source, above, &depth)).transpose()?;
        let need = Need::new(settings, &source.router, &geometry, &layout, &depth, above);
        let windows = reducer.filter(|reducer| reducer.planes() > 1);
        Ok::<_, Error>(Form {
            nth: 0,
            source: source.id,
            level,
            zarr,
            dtype: settings.dtype,
            compression: settings.compression,
            axis_names: acquisition.axes().iter().map(|axis| axis.name.clone()).collect(),
            need,
            windows: windows
                .map(|reducer| Windows { class: 0, need: Need::of_windows(&source.router, &depth, &reducer) }),
            geometry,
            layout,
            depth,
            reducer,
        })
    };
    let mut forms = vec![form(0, full.clone(), Depth::full(), None)?];
    for (nth, level) in (1_u8..).zip(&source.levels) {
        let geometry = levels::geometry(acquisition, &full, usize::from(nth), level);
        let Some(above) = forms.last() else { break };
        let depth = above.depth.below(level, &full);
        forms.push(form(nth, geometry, depth, Some(above))?);
    }
    Ok(forms)
}

/// What makes planes of a level of those of the level above.
fn reducer(source: &PlannedSource, above: &Form, depth: &Depth) -> Result<Reducer> {
    let factors = factors(&source.levels[usize::from(above.level)], depth);
    Reducer::new(source.method(), above.dtype, above.layout.frame(), factors)
}

/// Pixels of the level above that become one: planes, rows, columns.
fn factors(level: &Level, depth: &Depth) -> [u64; 3] {
    match level.factors[..] {
        [.., rows, columns] => [depth.window(), rows, columns],
        _ => [1; 3],
    }
}

/// Every array of the plan. Levels below full resolution are sorted by image, from fine to coarse.
fn arrays(sources: &[PlannedSource], positions: &[PlannedPosition], forms: &[Arc<Form>]) -> Result<Vec<PlannedArray>> {
    let mut arrays: Vec<PlannedArray> = Vec::with_capacity(positions.len());
    let key = |image: usize, level: u8| match positions.get(image).map(|place| place.path.as_str()) {
        Some(path) if !path.is_empty() => format!("{path}/{level}"),
        _ => level.to_string(),
    };
    let mut add = |image: usize, form: &Arc<Form>, feed: &dyn Fn(&[PlannedArray]) -> Feed| {
        let too_many = || too_many_sources(positions.len());
        let id = ArrayId(u32::try_from(arrays.len()).map_err(|_| too_many())?);
        let feed = feed(&arrays);
        arrays.push(PlannedArray { id, key: key(image, form.level), image, feed, form: Arc::clone(form) });
        Ok::<_, Error>(())
    };
    let of = |id: SourceId| forms.iter().filter(move |form| form.source == id);
    for source in sources {
        for (image, form) in source.images().flat_map(|image| of(source.id).take(1).map(move |form| (image, form))) {
            add(image, form, &|_| Feed::Source(source.id))?;
        }
    }
    for source in sources {
        for image in source.images() {
            for (form, level) in of(source.id).skip(1).zip(&source.levels) {
                add(image, form, &|before| {
                    let of = if form.level == 1 { image } else { before.len() - 1 };
                    Feed::Level { of: before[of].id, factors: factors(level, &form.depth) }
                })?;
            }
        }
    }
    Ok(arrays)
}
