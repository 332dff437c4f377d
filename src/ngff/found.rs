//! What attributes that were found say, in whatever version they say it.

use serde_json::Value;

/// The axes of an entry of `multiscales`: its `axes` (up to 0.5), or those of the coordinate system that its levels
/// lead to (0.6: the "intrinsic" one; there may be others beside it). `None` where there are none.
#[must_use]
pub fn axes(multiscale: &Value) -> Option<&Vec<Value>> {
    if let Some(axes) = multiscale.get("axes") {
        return axes.as_array();
    }
    let systems = multiscale.get("coordinateSystems")?.as_array()?;
    let output = multiscale.pointer("/datasets/0/coordinateTransformations/0/output/name");
    let intrinsic = systems.iter().find(|system| output.is_some() && system.get("name") == output);
    intrinsic.or(systems.first())?.get("axes")?.as_array()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

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
}
