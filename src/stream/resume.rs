//! Going on with a store that is already there.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use super::anew::{self, Anew, Slots, There};
use super::levels::{Place, PlaneKey, Window};
use super::shared::Shared;
use super::{Begun, workers};
use crate::backend::{Backend, Done, Sink, no_random_access};
use crate::buffer::{Arrival, Budget, Open};
use crate::error::{Error, Result};
use crate::journal as log;
use crate::journal::record::{self, Come};
use crate::names::own::{MARK, RECORD};
use crate::ngff::{Attributes, RESERVED_NAMESPACES, documents, found};
use crate::plan::{ArrayId, Capabilities, Form, Plan, PlannedArray, PlannedSource, SlabKey};
use crate::platform::{Disk, Source};
use crate::reader::{self, Document};
use crate::recover::{self, Verdict};
use crate::router::StorageIndex;
use crate::store::missing;
use crate::store::{self, Earlier, Mark, Root, Store};
use crate::zarr::ZarrFormat;

/// Most stretches of missing frames in the slabs that are open that are looked at; others are taken for frames of fill
/// value.
const MAX_STRETCHES: usize = 1 << 16;

/// Files that could not be mended that an error names.
const MAX_FAILURES: usize = 3;

/// Whether frames come to a store that is continued.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Frames {
    /// They do.
    Come,
    /// None does: full resolution stays as it is.
    None,
}

/// Goes on with the store of an earlier run: mends it as `ome-stream recover --apply` would, opens it to write on, and
/// takes up what was left incomplete.
pub(super) fn go_on(
    plan: &Arc<Plan>,
    engine: &Capabilities,
    backend: &dyn Backend,
    disk: &Arc<dyn Disk>,
    budget: &Budget,
    frames: Frames,
) -> Result<Begun> {
    let root = Root::existing(plan, &**disk)?;
    let (earlier, notes) = find(plan, backend, &**disk)?;
    let store = Arc::new(Store::existing(plan, disk, engine, &earlier)?);
    let come = earlier.come;
    let begin = || {
        let sink = backend.resume(&store, &done(&come, frames))?;
        store.complete(&come)?;
        let left = open_slabs(&*disk.source(), plan, &*sink, budget, &come)?;
        Ok((sink, left))
    };
    // A store without a frame of this run is not an interrupted one.
    let (sink, left) = begin().inspect_err(|_: &Error| drop(store.remove_log()))?;
    Ok(Begun { root, store, sink, come, left, notes })
}

/// Compares the store with the plan, mends what an interrupted run left (a store of another plan is not touched), and
/// finds out where to go on, and what a person should know of it. The caller holds the lock of the store.
fn find(plan: &Plan, backend: &dyn Backend, disk: &dyn Disk) -> Result<(Earlier, Vec<String>)> {
    if !backend.capabilities().random_access {
        return Err(no_random_access(backend.name()));
    }
    let source = &*disk.source();
    compare(source, plan, Strictness::WhatIsThere)?;
    let mut notes = Vec::new();
    if log::is_there(source, plan.root())? {
        let report = recover::mend_to_go_on(plan, backend.verifier(), disk)?;
        // The log is there still where something could not be mended.
        if log::is_there(source, plan.root())? {
            let failures = report.findings.iter().filter(|finding| !finding.mended).map(|finding| {
                let why = finding.failure.as_deref().unwrap_or(&finding.cause);
                format!("{}: {why}", finding.file)
            });
            let failures: Vec<_> = failures.take(MAX_FAILURES).collect();
            let problem = format!("an interrupted run left it, and it could not be mended: {}", failures.join("; "));
            return Err(Error::Damaged { path: plan.root().to_path_buf(), problem });
        }
        if report.verdict == Verdict::Lost {
            let lost = report.lost_chunks;
            notes.push(format!("the run before was interrupted; {lost} chunk(s) that it had written are not whole"));
        }
        notes.extend(report.notes);
    }
    let (host, extents) = compare(source, plan, Strictness::Everything)?;
    let mut come = match record::read(source, plan.root())? {
        Some(come) => come,
        // This version writes it before the first frame: it was lost, and so would the frames be.
        None if reader::is_file(source, &plan.root().join(MARK))? && store::holds_chunks(source, plan.root())? => {
            let problem = "it is missing: write {\"frames\": N} to go on after N frames".to_owned();
            return Err(Error::Damaged { path: plan.root().join(RECORD), problem });
        }
        // A run of an earlier version that ended before its first frame was shown.
        None => Vec::new(),
    };
    come.resize(plan.sources().len(), Come::default());
    for (source, Come { frames, .. }) in plan.sources().iter().zip(&come) {
        if source.router().total().is_some_and(|total| *frames > total) {
            let difference = format!("it holds {frames} frames, the settings declare {:?}", source.router().total());
            return Err(Error::Mismatch { path: plan.root().to_path_buf(), difference });
        }
    }
    Ok((Earlier { come, host, extents }, notes))
}

/// What has to be there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Strictness {
    /// Nothing: what is missing or torn may be mended.
    WhatIsThere,
    Everything,
}

/// Refuses a store that is another than the plan's, by what matters for going on: the order of acquisition, the
/// positions and their folders, axes, arrays. Names, display settings, pixel sizes, further levels and attributes may
/// have been edited. Returns the host's metadata, and planes along the append axis of each array that is there.
fn compare(source: &dyn Source, plan: &Plan, strictness: Strictness) -> Result<(Attributes, Vec<Option<u64>>)> {
    let mismatch = |path: &Path, difference| Error::Mismatch { path: path.to_path_buf(), difference };
    let may_lack = strictness == Strictness::WhatIsThere;
    let read = |path: &Path| match Document::read(source, path)? {
        Document::Object(object) => Ok(Some(Value::Object(object))),
        _ if may_lack => Ok(None),
        document => document.required(path).map(|object| Some(Value::Object(object))),
    };
    let mut metadata = Attributes::new();
    let (version, zarr, hierarchy) = (plan.settings().format.version, plan.zarr(), plan.ngff(None));
    if let Some(difference) = format_difference(source, plan)? {
        return Err(mismatch(plan.root(), difference));
    }
    for document in documents(version, &hierarchy, &Attributes::new(), |_| Ok(Attributes::new()))? {
        let document = document?;
        let path = plan.root().join(&document.path);
        let (is_group, has_attributes) =
            (document.name() == zarr.group_file(), document.name() == zarr.attributes_file());
        if !is_group && !has_attributes {
            continue;
        }
        let expected: Value = serde_json::from_slice(&document.bytes)
            .map_err(|error| Error::Internal { place: "group metadata", message: error.to_string() })?;
        let Some(found) = read(&path)? else { continue };
        let at_root = !document.path.contains('/');
        if is_group && let Some(difference) = kind_difference(zarr, &expected, &found) {
            return Err(mismatch(&path, difference));
        }
        if !has_attributes {
            continue;
        }
        let nothing = Value::Null;
        let attributes = |document: &Value| {
            zarr.attributes_at().iter().try_fold(document, |inside, name| inside.get(*name)).cloned()
        };
        let (expected, found) = (attributes(&expected).unwrap_or_default(), attributes(&found).unwrap_or(nothing));
        if let Some(difference) = group_difference(zarr, &expected, &found) {
            return Err(mismatch(&path, difference));
        }
        if at_root && let Value::Object(attributes) = found {
            let host = attributes.into_iter().filter(|(name, _)| !RESERVED_NAMESPACES.contains(&name.as_str()));
            metadata.extend(host);
        }
    }
    let mut extents = vec![None; plan.arrays().len()];
    for (array, extent) in plan.arrays().iter().zip(&mut extents) {
        let path = plan.folder_of(array).join(zarr.array_file());
        let Some(found) = read(&path)? else { continue };
        *extent = extent_of(array.form(), &found);
        if let Some(difference) = array_difference(array.form(), *extent, &found) {
            return Err(mismatch(&path, difference));
        }
    }
    let mark = Mark::read(source, plan.root())?;
    if let Some(difference) = mark.and_then(|mark| sources_difference(plan, &mark)) {
        return Err(mismatch(&plan.root().join(MARK), difference));
    }
    Ok((metadata, extents))
}

/// What keeps a run from going on with frames of the sources that a store has.
fn sources_difference(plan: &Plan, mark: &Mark) -> Option<String> {
    let order = "its frames came in another order of dimensions and positions than the settings say";
    let (one, alone) = (mark.is_of_one_source(), plan.forms().len() == 1);
    if one && alone {
        return mark.router.as_ref().is_some_and(|router| router != plan.router()).then(|| order.to_owned());
    }
    let unit = plan.forms().first().map(|form| form.layout().unit())?;
    let Some(made) = mark.plan(plan.root(), unit).filter(|made| made.sources().len() == plan.sources().len()) else {
        return Some("it has other sources of frames than the settings say".to_owned());
    };
    let mut pairs = made.sources().iter().zip(plan.sources());
    pairs.find_map(|(made, now)| match made.router() == now.router() {
        false => Some(order.to_owned()),
        true => {
            let same = made.levels() == now.levels() && made.method() == now.method();
            (!same).then(|| "it has other levels than the settings say".to_owned())
        }
    })
}

/// What keeps a run from going on with a store of another Zarr format: documents of that one in the root, and none of
/// the plan's.
fn format_difference(source: &dyn Source, plan: &Plan) -> Result<Option<String>> {
    let has = |zarr: ZarrFormat| {
        let files = [zarr.group_file(), zarr.attributes_file()].map(|name| plan.root().join(name));
        Ok::<_, Error>(reader::is_there(source, &files[0])? || reader::is_there(source, &files[1])?)
    };
    let Some(other) = ZarrFormat::ALL.into_iter().find(|zarr| *zarr != plan.zarr()) else { return Ok(None) };
    if has(plan.zarr())? || !has(other)? {
        return Ok(None);
    }
    let (version, ours) = (plan.settings().format.version.name(), plan.zarr().number());
    Ok(Some(format!("it is of Zarr v{}; format.version \"{version}\" lies on Zarr v{ours}", other.number())))
}

/// What keeps a run from going on with a node that should be a group.
fn kind_difference(zarr: ZarrFormat, expected: &Value, found: &Value) -> Option<String> {
    let name = match zarr {
        ZarrFormat::V2 => "zarr_format",
        ZarrFormat::V3 => "node_type",
    };
    difference(name, &expected[name], found.get(name).unwrap_or(&Value::Null))
}

/// What keeps a run from going on with a group of these attributes.
fn group_difference(zarr: ZarrFormat, expected: &Value, found: &Value) -> Option<String> {
    // Where NGFF's own metadata stand, and how a message calls that place.
    let (place, told) = match zarr {
        ZarrFormat::V2 => ("", ""),
        ZarrFormat::V3 => ("/ome", "attributes.ome."),
    };
    let at = |value: &Value, pointer: &str| value.pointer(&format!("{place}/{pointer}")).cloned().unwrap_or_default();
    let version =
        |value: &Value| [at(value, "version"), at(value, "multiscales/0/version")].into_iter().find(Value::is_string);
    // Where none is told, the rest tells enough.
    let other = version(expected)
        .zip(version(found))
        .and_then(|(expected, found)| difference(&format!("{told}version"), &expected, &found));
    if other.is_some() {
        return other;
    }
    let names = |value: &Value| -> Value {
        let multiscale = at(value, "multiscales/0");
        let parts = |axis: &Value| json!({"name": axis.get("name"), "type": axis.get("type")});
        found::axes(&multiscale).map(|axes| axes.iter().map(parts).collect()).unwrap_or_default()
    };
    let levels = |value: &Value| -> Vec<Value> {
        let datasets = at(value, "multiscales/0/datasets");
        datasets.as_array().into_iter().flatten().filter_map(|level| level.get("path").cloned()).collect()
    };
    let (wanted, there) = (levels(expected), levels(found));
    let series = |value: &Value| at(value, "series").as_array().cloned().unwrap_or_default();
    let (positions, images) = (series(expected), series(found));
    let lacks = |list: &str| {
        let paths = |value: &Value| -> Vec<String> {
            let listed = at(value, &list.replace('.', "/"));
            let path = |each: &Value| each.get("path")?.as_str().map(str::to_owned);
            listed.as_array().into_iter().flatten().filter_map(path).collect()
        };
        let found: HashSet<String> = paths(found).into_iter().collect();
        let missing = paths(expected).into_iter().find(|path| !found.contains(path))?;
        Some(format!("{told}{list} has no path {missing:?}"))
    };
    difference(&format!("{told}multiscales[0].axes"), &names(expected), &names(found))
        .or_else(|| {
            let missing = wanted.iter().find(|level| !there.contains(level))?;
            Some(format!("{told}multiscales[0].datasets has no path {missing}"))
        })
        .or_else(|| {
            let (positions, images) = (Value::from(positions.clone()), Value::from(images.clone()));
            // Other tools may list images of theirs behind ours.
            (!images.as_array()?.starts_with(positions.as_array()?))
                .then(|| difference(&format!("{told}series"), &positions, &images))?
        })
        .or_else(|| lacks("plate.wells"))
        .or_else(|| lacks("well.images"))
}

/// Planes along the append axis that the metadata of an array tell of; `None` where its shape is fixed.
fn extent_of(form: &Form, found: &Value) -> Option<u64> {
    found.pointer(&format!("/shape/{}", form.geometry().append_axis()?))?.as_u64()
}

/// Whether the metadata of levels below full resolution tell of as many planes along their append axis as become of
/// those of full resolution.
pub(super) fn levels_reach(source: &dyn Source, plan: &Plan) -> Result<bool> {
    let extent =
        |array: &PlannedArray| match Document::read(source, &plan.folder_of(array).join(plan.zarr().array_file()))? {
            Document::Object(found) => Ok::<_, Error>(extent_of(array.form(), &Value::Object(found))),
            _ => Ok(None),
        };
    for array in plan.arrays().iter().filter(|array| array.level() > 0 && array.geometry().append_axis().is_some()) {
        let full = extent(&plan.arrays()[array.image()])?;
        if extent(array)? != plan.extent_below(array, full) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What keeps a run from going on with an array of `form` whose metadata are `found`: all that says how its pixels are
/// stored, but for its `extent` along the append axis.
fn array_difference(form: &Form, extent: Option<u64>, found: &Value) -> Option<String> {
    let Value::Object(expected) = form.metadata(extent) else { return None };
    let nothing = Value::Null;
    expected
        .iter()
        .filter(|(key, _)| *key != "attributes")
        .find_map(|(key, value)| difference(&format!("array.{key}"), value, found.get(key).unwrap_or(&nothing)))
        .or_else(|| {
            let transformers = found.get("storage_transformers")?.as_array()?;
            (!transformers.is_empty()).then(|| "array.storage_transformers is there, the settings have none".to_owned())
        })
}

/// The first difference between two JSON values, in words; numbers are compared as numbers.
fn difference(at: &str, expected: &Value, found: &Value) -> Option<String> {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => expected
            .iter()
            .find_map(|(key, value)| difference(&format!("{at}.{key}"), value, found.get(key).unwrap_or(&Value::Null)))
            .or_else(|| {
                let more = found.keys().find(|key| !expected.contains_key(*key))?;
                Some(format!("{at}.{more} is there, the settings have none"))
            }),
        (Value::Array(expected), Value::Array(found)) if expected.len() == found.len() => expected
            .iter()
            .zip(found)
            .enumerate()
            .find_map(|(nth, (expected, found))| difference(&format!("{at}[{nth}]"), expected, found)),
        (Value::Number(expected), Value::Number(found)) if expected.as_f64() == found.as_f64() => None,
        _ if expected == found => None,
        _ => Some(format!("{at} is {found}, the settings say {expected}")),
    }
}

/// The slabs that earlier runs left incomplete.
#[derive(Debug, Default)]
pub(super) struct Left {
    /// Of full resolution, by source.
    pub(super) full: Vec<BTreeMap<SlabKey, Open>>,
    /// Of levels below.
    pub(super) levels: BTreeMap<SlabKey, Open>,
    /// Planes of levels below that wait for others.
    pub(super) windows: BTreeMap<PlaneKey, Window>,
    /// For each source the frames that are there, and how many of them levels below certainly have.
    there: Vec<(There, Come)>,
}

impl Left {
    /// Of a store that begins.
    pub(super) fn nothing(plan: &Plan) -> Self {
        Self { full: plan.sources().iter().map(|_| BTreeMap::new()).collect(), ..Self::default() }
    }

    /// Planes of levels below that are made anew and not stored yet, by array.
    pub(super) fn planes(&self, plan: &Plan) -> BTreeMap<ArrayId, u64> {
        let mut planes = BTreeMap::new();
        let open = self.levels.values().filter(|open| open.has_buffer()).map(|open| {
            let SlabKey { array, index } = open.key();
            (array, plan.array(array).layout().expected_planes(&index) - open.left())
        });
        let windows = self.windows.iter().filter(|(_, window)| window.sum.is_some()).map(|(key, _)| (key.array, 1));
        for (array, count) in open.chain(windows) {
            *planes.entry(array).or_default() += count as u64;
        }
        planes
    }
}

/// The slabs that the frames which are there left incomplete, with their planes read back; those of levels below are
/// made anew of full resolution where they may be behind it.
fn open_slabs(reads: &dyn Source, plan: &Plan, sink: &dyn Sink, budget: &Budget, come: &[Come]) -> Result<Left> {
    let mut left = Left::nothing(plan);
    for (source, come) in plan.sources().iter().zip(come) {
        let of_source = || plan.forms().iter().filter(|form| form.source() == source.id());
        let from = of_source().map(|form| certain(form, *come).saturating_sub(plan.slab_span(form))).min().unwrap_or(0);
        let missing = missing::read_from(reads, plan.root(), source.id(), from, MAX_STRETCHES)?.unwrap_or_default();
        let there = There::new(come.frames, missing);
        let stored = |array: &PlannedArray, index: &StorageIndex| anew::stored(sink, array, index);
        let anew = Anew { plan, there: &there, full: &stored };
        for form in of_source() {
            for (key, slots) in incomplete(plan, source, form, come.frames) {
                let mut open = Open::new(key, form, Some(budget.slab_beside(form.nth())))?;
                if form.level() == 0 {
                    read_back(plan, sink, budget, &mut open, &slots, &there)?;
                    left.full[source.id().index()].insert(key, open);
                } else {
                    anew.fill(budget, &mut open, &slots)?;
                    left.levels.insert(key, open);
                }
            }
            for key in waiting(plan, source, form, come.frames) {
                // A run that ends now stores what waits as it is: then nobody opens its slab any more.
                let array = plan.array(key.array);
                let (index, _) = array.layout().slot(&key.index);
                let slab = SlabKey { array: key.array, index };
                let open = match left.levels.entry(slab) {
                    Entry::Occupied(open) => open.into_mut(),
                    Entry::Vacant(free) => free.insert(Open::new(slab, form, Some(budget.slab_beside(form.nth())))?),
                };
                if !open.has_buffer() && anew.any_is_there(array, &key.index) {
                    anew::take_buffer(budget, array, open)?;
                }
                if form.windows().is_some() {
                    left.windows.insert(key, anew.window(budget, key)?);
                }
            }
        }
        left.there.push((there, *come));
    }
    Ok(left)
}

/// Takes up slabs of earlier runs: open ones are registered for live readers; complete ones that may not be stored are
/// stored now, before any frame, so that `progress.json` is true. Returns how many planes of these were made, by array.
pub(super) fn take_up(shared: &Shared, left: &mut Left) -> Result<BTreeMap<ArrayId, u64>> {
    let open = left.full.iter().flat_map(BTreeMap::values).chain(left.levels.values());
    open.filter(|open| open.has_buffer()).for_each(|open| shared.show_open(open));
    let mut made = BTreeMap::new();
    let stored = |array: &PlannedArray, index: &StorageIndex| anew::stored(&*shared.sink, array, index);
    for (source, (there, come)) in shared.plan.sources().iter().zip(&left.there) {
        let anew = Anew { plan: &shared.plan, there, full: &stored };
        let of_source = shared.plan.forms().iter().filter(|form| form.source() == source.id() && form.level() > 0);
        for form in of_source {
            // One after the other, as they end: there may be more of them than memory for all.
            for frame in come.levels..come.frames {
                let Some(slab) = slab_that_ends(&shared.plan, source, form, frame) else { continue };
                let slots = slots_of(&shared.plan, slab);
                let mut open = shared.new_slab(slab, false)?;
                anew.fill(&shared.budget, &mut open, &slots)?;
                workers::store_all(shared, shared.seal(Some(open)).into_iter().collect());
                shared.failure.check()?;
                *made.entry(slab.array).or_default() += slots.len() as u64;
            }
        }
    }
    Ok(made)
}

/// The slab of an array of a form to which a frame is the last that comes.
fn slab_that_ends(plan: &Plan, source: &PlannedSource, form: &Form, frame: u64) -> Option<SlabKey> {
    let (full, location) = plan.place(source.id(), frame)?;
    let Place { slab, .. } = Place::of(array_of_form(plan, plan.array(full), form)?, &location.index);
    (plan.last_frame_of_slab(slab) == Some(frame)).then_some(slab)
}

/// All planes of a slab of which every frame has come.
fn slots_of(plan: &Plan, slab: SlabKey) -> Slots {
    let array = plan.array(slab.array);
    let arrival = |slot: usize| plan.last_frame(array, &array.layout().plane(&slab.index, slot)?).map(Arrival);
    (0..array.layout().planes()).filter_map(|slot| Some((slot, arrival(slot)?))).collect()
}

/// The frames whose planes in arrays of a form are certainly stored.
fn certain(form: &Form, come: Come) -> u64 {
    if form.level() == 0 { come.frames } else { come.levels }
}

/// Slabs of arrays of a form to which planes have come and will come.
fn incomplete(plan: &Plan, source: &PlannedSource, form: &Form, come: u64) -> BTreeMap<SlabKey, Slots> {
    let mut slabs: BTreeMap<SlabKey, Slots> = BTreeMap::new();
    for frame in come.saturating_sub(plan.slab_span(form))..come {
        let Some((full, location)) = plan.place(source.id(), frame) else { break };
        let Some(array) = array_of_form(plan, plan.array(full), form) else { continue };
        // A plane of several frames has come with the last of them.
        if form.level() > 0 && !form.depth().completes(&location.index) {
            continue;
        }
        let Place { slab, slot, .. } = Place::of(array, &location.index);
        if !plan.is_slab_done(slab, come) {
            slabs.entry(slab).or_default().insert(slot, Arrival(frame));
        }
    }
    slabs
}

/// Planes of arrays of a form of which some frames have come and others will come.
fn waiting(plan: &Plan, source: &PlannedSource, form: &Form, come: u64) -> BTreeSet<PlaneKey> {
    let mut keys = BTreeSet::new();
    if form.depth().planes() == 1 {
        return keys;
    }
    for frame in come.saturating_sub(plan.window_span(form))..come {
        let Some((full, location)) = plan.place(source.id(), frame) else { break };
        let Some(array) = array_of_form(plan, plan.array(full), form) else { continue };
        let place = Place::of(array, &location.index);
        if plan.last_frame(array, &place.index).is_none_or(|last| last >= come) {
            keys.insert(PlaneKey { array: array.id(), index: place.index });
        }
    }
    keys
}

/// The array of a form that belongs to the image of an array of full resolution.
fn array_of_form<'a>(plan: &'a Plan, full: &'a PlannedArray, form: &Form) -> Option<&'a PlannedArray> {
    std::iter::once(full).chain(plan.levels_of(full.image())).find(|array| array.form().nth() == form.nth())
}

/// Fills a slab of full resolution with its planes as they are stored.
fn read_back(
    plan: &Plan,
    sink: &dyn Sink,
    budget: &Budget,
    open: &mut Open,
    slots: &Slots,
    there: &There,
) -> Result<()> {
    let key = open.key();
    let array = plan.array(key.array);
    let layout = array.layout();
    for unit in 0..layout.units() {
        let Some(pixels) = sink.read(key, layout, unit)? else { continue };
        if !open.has_buffer() {
            anew::take_buffer(budget, array, open)?;
        }
        for (slot, _) in slots.iter().filter(|(_, arrival)| there.has(arrival.0)) {
            let start = slot * layout.plane_bytes();
            open.restore(unit, *slot, pixels.get(start..start + layout.plane_bytes()).unwrap_or_default());
        }
    }
    for (slot, arrival) in slots {
        open.restored(*slot, *arrival, open.has_buffer() && there.has(arrival.0));
    }
    Ok(())
}

/// What of the store is done, for the engine.
fn done(come: &[Come], frames: Frames) -> Done {
    Done {
        frames: come.iter().map(|come| if frames == Frames::Come { come.frames } else { u64::MAX }).collect(),
        levels: come.iter().map(|come| come.levels).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_named_with_both_values() {
        let say = |expected: Value, found: Value| difference("a", &expected, &found);
        assert_eq!(say(json!({"b": [1, 2.0]}), json!({"b": [1.0, 2]})), None, "numbers are numbers");
        let text = say(json!({"b": [1, 2]}), json!({"b": [1, 3]})).expect("they differ");
        assert_eq!(text, "a.b[1] is 3, the settings say 2");
        assert!(say(json!({}), json!({"c": 1})).expect("more").contains("a.c"));
        assert!(say(json!({"c": 1}), json!({})).expect("less").contains("a.c is null"));
    }
}
