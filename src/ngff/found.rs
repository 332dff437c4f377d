//! What attributes that were found say, in whatever version they say it.

use serde_json::Value;

/// The axes of an entry of `multiscales`: its `axes` (up to 0.5), or those of the coordinate system that its levels
/// lead to (0.6: the "intrinsic" one; there may be others beside it). `None` where there are none.
#[must_use]
pub fn axes(multiscale: &Value) -> Option<&Vec<Value>> {
    multiscale.pointer(&place_of_axes(multiscale)?)?.as_array()
}

/// Where in an entry of `multiscales` its axes stand, as a JSON pointer.
fn place_of_axes(multiscale: &Value) -> Option<String> {
    if multiscale.get("axes").is_some() {
        return Some("/axes".to_owned());
    }
    let systems = multiscale.get("coordinateSystems")?.as_array()?;
    let output = multiscale.pointer("/datasets/0/coordinateTransformations/0/output/name");
    let intrinsic = systems.iter().position(|system| output.is_some() && system.get("name") == output);
    Some(format!("/coordinateSystems/{}/axes", intrinsic.unwrap_or(0)))
}

/// The time axis of an image.
#[derive(Debug, Clone, PartialEq)]
pub struct Time {
    /// Its place among the axes.
    pub axis: usize,
    /// Its unit.
    pub unit: Option<String>,
    /// Its step in that, at full resolution; 1 where none is told.
    pub scale: f64,
}

impl Time {
    /// Whether nothing is known of its step: the format wants one, and 1 without a unit says nothing. Nor does 1 in one
    /// of `units`, which were declared alone.
    #[must_use]
    pub fn is_unknown(&self, units: &[&str]) -> bool {
        self.scale == 1.0 && self.unit.as_deref().is_none_or(|unit| units.contains(&unit))
    }
}

/// The time axis of an entry of `multiscales`; `None` where there is none, its step is no number, or the levels together
/// have one of their own (0.4 and 0.5).
#[must_use]
pub fn time(multiscale: &Value) -> Option<Time> {
    let axes = axes(multiscale)?;
    let axis = axes.iter().position(is_time)?;
    let unit = axes.get(axis)?.get("unit").and_then(Value::as_str).map(str::to_owned);
    let first = multiscale.get("datasets").and_then(|datasets| datasets.get(0));
    let scale = match first.and_then(|dataset| steps(dataset).find_map(|step| step.get("scale")?.as_array())) {
        Some(scale) => scale.get(axis)?.as_f64()?,
        None => 1.0,
    };
    let of_all = steps(multiscale).filter_map(|step| step.get("scale")?.get(axis));
    of_all.map(Value::as_f64).all(|scale| scale == Some(1.0)).then_some(Time { axis, unit, scale })
}

/// Tells the unit and the step of the time axis of an entry of `multiscales` in which nothing is known of it: what its
/// levels say of time counts time points, of which others may have fewer than full resolution.
pub fn set_time(multiscale: &mut Value, time: &Time) {
    let axes = place_of_axes(multiscale).and_then(|place| multiscale.pointer_mut(&place)?.as_array_mut());
    axes.into_iter().for_each(|axes| set_unit(axes, time));
    let datasets = multiscale.get_mut("datasets").and_then(Value::as_array_mut);
    for list in datasets.into_iter().flatten().filter_map(steps_mut) {
        for step in list {
            let inside = step.get_mut("transformations").and_then(Value::as_array_mut).map(|list| list.iter_mut());
            inside.into_iter().flatten().for_each(|step| set_scale(step, time));
            set_scale(step, time);
        }
    }
}

/// Gives the time axis among `axes` its unit, where it has none.
pub fn set_unit(axes: &mut [Value], time: &Time) {
    let unit = time.unit.as_deref();
    if let (Some(unit), Some(Value::Object(axis))) = (unit, axes.iter_mut().find(|axis| is_time(axis)))
        && !axis.get("unit").is_some_and(Value::is_string)
    {
        axis.insert("unit".to_owned(), unit.into());
    }
}

fn set_scale(step: &mut Value, time: &Time) {
    for kind in ["scale", "translation"] {
        if let Some(number) = step.pointer_mut(&format!("/{kind}/{}", time.axis))
            && let Some(points) = number.as_f64().filter(|points| *points != 0.0)
        {
            *number = (points * time.scale).into();
        }
    }
}

fn is_time(axis: &Value) -> bool {
    axis.get("type").is_some_and(|kind| kind == "time")
}

/// The transformations of a level, those of a sequence (0.6) among them.
fn steps(dataset: &Value) -> impl Iterator<Item = &Value> {
    let list = dataset.get("coordinateTransformations").and_then(Value::as_array);
    list.into_iter().flatten().flat_map(|step| {
        let inside = step.get("transformations").and_then(Value::as_array);
        std::iter::once(step).chain(inside.into_iter().flatten())
    })
}

fn steps_mut(dataset: &mut Value) -> Option<&mut Vec<Value>> {
    dataset.get_mut("coordinateTransformations")?.as_array_mut()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_time_axis_is_known_by_its_unit_or_step() {
        let axes = json!([{"name": "t", "type": "time"}, {"name": "y", "type": "space", "unit": "nanometer"}]);
        let steps =
            |t: f64| json!([{"type": "scale", "scale": [t, 0.5]}, {"type": "translation", "translation": [0, 1]}]);
        let v05 = |t: f64| json!({"axes": axes, "datasets": [{"coordinateTransformations": steps(t)}]});
        let v06 = |t: f64| {
            let sequence = json!({"type": "sequence", "transformations": steps(t), "output": {"name": "b"}});
            let systems = json!([{"name": "a", "axes": [{"name": "q", "type": "space"}]}, {"name": "b", "axes": axes}]);
            json!({"coordinateSystems": systems, "datasets": [{"coordinateTransformations": [sequence]}]})
        };
        for (mut unknown, known) in [(v05(1.0), v05(0.25)), (v06(1.0), v06(0.25))] {
            assert!(time(&unknown).expect("a time axis").is_unknown(&[]));
            assert!(!time(&known).expect("a time axis").is_unknown(&["second"]));
            let told = Time { axis: 0, unit: Some("second".into()), scale: 0.25 };
            set_time(&mut unknown, &told);
            assert_eq!(time(&unknown), Some(told.clone()));
            let one = Time { scale: 1.0, ..told.clone() };
            assert_eq!((one.is_unknown(&["second"]), one.is_unknown(&["minute"])), (true, false));
            let mut expected = known;
            set_time(&mut expected, &one);
            assert_eq!(unknown, expected, "nothing else is changed");
        }
        assert_eq!(time(&json!({"axes": [{"name": "t"}]})), None);
        assert_eq!(
            time(&json!({"axes": [{"type": "time"}], "datasets": [{"coordinateTransformations": [{"scale": []}]}]})),
            None
        );
    }

    #[test]
    fn axes_are_found_in_every_version() {
        let yx = json!([{"name": "y"}, {"name": "x"}]);
        let level = json!([{"path": "0", "coordinateTransformations": [{"output": {"name": "b"}}]}]);
        let systems = |first: &str| json!([{"name": first, "axes": [{"name": "q"}]}, {"name": "b", "axes": yx}]);
        let of = |value: Value| axes(&value).cloned().map(Value::from);
        assert_eq!(of(json!({"axes": yx})), Some(yx.clone()));
        assert_eq!(of(json!({"coordinateSystems": systems("a"), "datasets": level})), Some(yx.clone()));
        // Nothing says which it is.
        assert_eq!(of(json!({"coordinateSystems": systems("b")})), Some(json!([{"name": "q"}])));
        for nothing in [json!({}), json!({"axes": 3}), json!({"coordinateSystems": []}), json!(7)] {
            assert_eq!(of(nothing.clone()), None, "{nothing}");
        }
    }

    #[test]
    fn levels_that_others_added_keep_their_ratio() {
        let axes = json!([{"name": "t", "type": "time"}, {"name": "y", "type": "space"}]);
        let level = |t: f64, moved: f64| {
            json!({"coordinateTransformations": [
                {"type": "scale", "scale": [t, 1.0]}, {"type": "translation", "translation": [moved, 3.0]}]})
        };
        let image = |levels: [Value; 2]| json!({"axes": axes, "datasets": levels});
        let mut found = image([level(1.0, 0.0), level(2.0, 0.5)]);
        set_time(&mut found, &Time { axis: 0, unit: None, scale: 0.5 });
        assert_eq!(found, image([level(0.5, 0.0), level(1.0, 0.25)]));
    }

    #[test]
    fn a_step_of_all_levels_together_is_not_read() {
        let mut image = json!({"axes": [{"name": "t", "type": "time"}], "datasets": []});
        assert!(time(&image).is_some());
        image["coordinateTransformations"] = json!([{"type": "scale", "scale": [0.1]}]);
        assert_eq!(time(&image), None);
    }
}
