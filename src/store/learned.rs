//! What a run finds out and the host did not say: windows of channels, the step of time. It is told when the run ends,
//! where nobody else has told it meanwhile.

use serde_json::{Map, Value};

use crate::error::Result;
use crate::ngff::{Hierarchy, Window, found};
use crate::plan::Plan;

/// What a run has found out, for each source.
#[derive(Debug, Default)]
pub(crate) struct Learned {
    /// Windows of its channels.
    pub(crate) windows: Vec<Vec<Option<Window>>>,
    /// Seconds from one time point to the next.
    pub(crate) intervals: Vec<Option<f64>>,
}

impl Learned {
    /// Gives channels their windows, where they have none, and time axes their step, where the settings have none.
    /// `time_of` an image is what its document tells: that stays.
    ///
    /// # Errors
    /// The first of `time_of`: it goes on after one, and leaves that image as it is.
    pub(super) fn show(
        &self,
        hierarchy: &mut Hierarchy,
        plan: &Plan,
        time_of: impl Fn(usize) -> Result<Option<found::Time>>,
    ) -> Result<()> {
        let mut outcome = Ok(());
        for (nth, (image, place)) in hierarchy.images_mut().zip(plan.positions()).enumerate() {
            let source = place.source.index();
            let windows = self.windows.get(source).into_iter().flatten();
            image
                .channels
                .iter_mut()
                .zip(windows)
                .for_each(|(channel, window)| channel.window = channel.window.or(*window));
            let Some(open) = plan.source(place.source).open_time() else { continue };
            match time_of(nth) {
                Ok(None) => {}
                Ok(Some(found::Time { axis, unit, scale })) => {
                    image.set_step(axis, unit.as_deref(), scale);
                    continue;
                }
                Err(error) => {
                    outcome = outcome.and(Err(error));
                    continue;
                }
            }
            // Of a unit such as the exasecond a step may be too small for a number.
            let step = self.intervals.get(source).copied().flatten().map(|seconds| seconds / open.seconds);
            if let Some(step) = step.filter(|step| step.is_normal()) {
                image.set_step(open.axis, Some(open.unit), step);
            }
        }
        outcome
    }
}

/// What of `new` attributes a group lacks that a run has found out, as members of its document: what is `there` may be
/// anybody's.
pub(super) fn missing(
    plan: &Plan,
    there: &Map<String, Value>,
    new: &Map<String, Value>,
) -> Vec<(Vec<&'static str>, Value)> {
    let zarr = plan.zarr();
    // OME-NGFF 0.5 and later have them below `ome`, 0.4 beside the others.
    let place = |name: &'static str| match there.contains_key("ome") {
        true => [&zarr.attribute_at("ome")[..], &[name]].concat(),
        false => zarr.attribute_at(name),
    };
    let (there, new) = (of_ngff(there), of_ngff(new));
    let found = [
        ("omero", with_windows(there, new)),
        ("multiscales", with_time(&open_units(plan), there, new)),
        ("scene", scene_with_time(there, new)),
    ];
    found.into_iter().filter_map(|(name, value)| Some((place(name), value?))).collect()
}

/// Units of time that the settings declare of axes whose step they leave open: a step of 1 in one of them is what a
/// document says before any is found.
pub(super) fn open_units(plan: &Plan) -> Vec<&'static str> {
    let open = plan.sources().iter().filter_map(|source| source.open_time());
    open.filter(|time| time.declared).map(|time| time.unit).collect()
}

/// Where NGFF's own metadata stand among attributes.
pub(super) fn of_ngff(attributes: &Map<String, Value>) -> &Map<String, Value> {
    attributes.get("ome").and_then(Value::as_object).unwrap_or(attributes)
}

/// `omero` as it stands, with the windows that the run has found for channels that have none which anybody chose: what
/// is shown is all that there can be. `None` where there is no such channel.
fn with_windows(there: &Map<String, Value>, new: &Map<String, Value>) -> Option<Value> {
    let mut omero = there.get("omero")?.clone();
    let found = new.get("omero")?.get("channels")?.as_array()?;
    let mut changed = false;
    for (channel, found) in omero.get_mut("channels")?.as_array_mut()?.iter_mut().zip(found) {
        let (Some(window), Some(found)) = (channel.get_mut("window"), found.get("window")) else { continue };
        let all = window.get("start") == window.get("min") && window.get("end") == window.get("max");
        if all && window != found {
            *window = found.clone();
            changed = true;
        }
    }
    changed.then_some(omero)
}

/// `multiscales` as it stands, with the step of time that the run has found, where nothing is known of it.
fn with_time(units: &[&str], there: &Map<String, Value>, new: &Map<String, Value>) -> Option<Value> {
    let mut multiscales = there.get("multiscales")?.clone();
    let known = found::time(new.get("multiscales")?.get(0)?).filter(|time| !time.is_unknown(units))?;
    let multiscale = multiscales.get_mut(0)?;
    let open = found::time(multiscale).filter(|time| time.is_unknown(units) && time.axis == known.axis);
    open.map(|_| found::set_time(multiscale, &known))?;
    Some(multiscales)
}

/// `scene` as it stands, with the unit of time that its images have now: their axes are those of the stage.
fn scene_with_time(there: &Map<String, Value>, new: &Map<String, Value>) -> Option<Value> {
    let mut scene = there.get("scene")?.clone();
    let known = found::time(new.get("scene")?).filter(|time| time.unit.is_some())?;
    found::time(&scene).filter(|time| time.unit.is_none() && time.axis == known.axis)?;
    let system = scene.get_mut("coordinateSystems")?.get_mut(0)?;
    found::set_unit(system.get_mut("axes")?.as_array_mut()?, &known);
    Some(scene)
}
