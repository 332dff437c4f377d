//! Members of a frame's metadata that have a meaning of their own: the names that ome-writers gives them, which OME-XML
//! has too (OME model 2016-06, `Plane`). Whatever else a host sends is kept and means nothing to us.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::shown;

/// What is commonly known of a frame, as numbers; what is `None` is left out.
///
/// ```
/// use ome_stream::ngff::frame_metadata::FrameFields;
///
/// let fields = FrameFields { delta_t: Some(0.5), exposure_time: Some(0.01), ..FrameFields::default() };
/// let json = fields.with("laser", 488).to_json()?;
/// assert_eq!(json, r#"{"delta_t":0.5,"exposure_time":0.01,"laser":488}"#);
/// # Ok::<(), ome_stream::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct FrameFields {
    /// Seconds from the start of the acquisition to this frame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delta_t: Option<f64>,
    /// Seconds for which it was exposed; not negative.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exposure_time: Option<f64>,
    /// Place of the stage along x, in micrometers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position_x: Option<f64>,
    /// Along y.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position_y: Option<f64>,
    /// Along z.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position_z: Option<f64>,
    /// Whatever else is known.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl FrameFields {
    /// With one more member, of any name and kind.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.other.insert(name.to_owned(), value.into());
        self
    }

    /// As the JSON object that [`Stream::append_with`](crate::Stream::append_with) takes.
    ///
    /// # Errors
    /// [`Error::InvalidMetadata`] for a number that is not finite (JSON has none), a negative exposure, and a name in
    /// `other` that is one of the typed ones.
    pub fn to_json(&self) -> Result<String> {
        let typed = self.numbers();
        for (name, number) in NAMES.into_iter().zip(typed) {
            number.map_or(Ok(()), |number| check_number(name, number, &number.to_string()))?;
            if self.other.contains_key(name) {
                let problem = format!("`{name}` is among the other members");
                return Err(invalid(problem, &format!("set the field `{name}`, which is a number")));
            }
        }
        serde_json::to_string(self).map_err(|cause| invalid(format!("not JSON: {cause}"), "send what JSON can hold"))
    }

    /// The typed members of an object; what is no finite number is none of them.
    #[must_use]
    pub fn of(object: &Map<String, Value>) -> Self {
        let number = |name: &str| object.get(name).and_then(Value::as_f64).filter(|number| number.is_finite());
        let [delta_t, exposure_time, position_x, position_y, position_z] = NAMES.map(number);
        let exposure_time = exposure_time.filter(|seconds| *seconds >= 0.0);
        Self { delta_t, exposure_time, position_x, position_y, position_z, other: Map::new() }
    }

    /// The typed members, in the order of their names.
    pub(super) fn numbers(&self) -> [Option<f64>; 5] {
        [self.delta_t, self.exposure_time, self.position_x, self.position_y, self.position_z]
    }
}

/// Names of the typed members.
const NAMES: [&str; 5] = ["delta_t", EXPOSURE, "position_x", "position_y", "position_z"];

/// The one that cannot be negative.
const EXPOSURE: &str = "exposure_time";

/// Whether a number may stand under this name in a frame's metadata.
#[must_use]
pub fn is_valid(name: &str, number: f64) -> bool {
    check_number(name, number, "").is_ok()
}

/// Refuses an object in which a typed member is not what its name says. `null` says that it is not known.
pub(super) fn check(object: &Map<String, Value>) -> Result<()> {
    for name in NAMES {
        let Some(value) = object.get(name).filter(|value| !value.is_null()) else { continue };
        let told = shown::value(&value.to_string());
        match value.as_f64() {
            Some(number) => check_number(name, number, &told)?,
            None => {
                let remedy = format!("send `{name}` as a JSON number in {}, or leave it out", unit(name));
                return Err(invalid(format!("`{name}` is {told}, which is no number"), &remedy));
            }
        }
    }
    Ok(())
}

fn check_number(name: &str, number: f64, told: &str) -> Result<()> {
    if !number.is_finite() {
        let remedy = format!("send `{name}` as a finite number of {}, or leave it out", unit(name));
        return Err(invalid(format!("`{name}` is {told}, which is not finite"), &remedy));
    }
    if name == EXPOSURE && number < 0.0 {
        let remedy = "send 0 or more seconds, or leave it out";
        return Err(invalid(format!("`{name}` is {told}, and no exposure is shorter than 0"), remedy));
    }
    Ok(())
}

/// The unit of a typed member.
fn unit(name: &str) -> &'static str {
    if name.starts_with("position") { "micrometers" } else { "seconds" }
}

/// An error of frame metadata.
pub(super) fn invalid(problem: String, remedy: &str) -> Error {
    Error::InvalidMetadata { namespace: "frame".into(), problem, remedy: remedy.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().expect("an object").clone()
    }

    #[test]
    fn typed_members_are_finite_numbers() {
        for (name, value, says) in [
            ("delta_t", json!("0.5"), "no number"),
            ("exposure_time", json!("null"), "no number"),
            ("position_x", json!([1]), "no number"),
            ("position_y", json!(true), "no number"),
            ("position_z", json!({}), "micrometers"),
            ("exposure_time", json!(-0.1), "-0.1"),
        ] {
            let error = check(&object(json!({"a": 1, name: value}))).expect_err("refused");
            let told = error.to_string();
            assert!(error.code() == 12 && told.contains(name) && told.contains(says), "{told}");
        }
        let fine = json!({"delta_t": -1, "exposure_time": 0, "position_x": 1e300, "position_y": null, "x": "free"});
        check(&object(fine)).expect("numbers");
    }

    #[test]
    fn fields_become_json_or_say_why_not() {
        let fields = FrameFields { position_z: Some(-3.25), ..FrameFields::default() }.with("n", json!([1]));
        assert_eq!(fields.to_json().expect("JSON"), r#"{"position_z":-3.25,"n":[1]}"#);
        assert_eq!(FrameFields::default().to_json().expect("JSON"), "{}");
        for (fields, says) in [
            (FrameFields { delta_t: Some(f64::NAN), ..FrameFields::default() }, "`delta_t` is NaN"),
            (FrameFields { position_x: Some(f64::INFINITY), ..FrameFields::default() }, "`position_x` is inf"),
            (FrameFields { exposure_time: Some(-1.0), ..FrameFields::default() }, "`exposure_time` is -1"),
            (FrameFields::default().with("delta_t", 1), "`delta_t`"),
        ] {
            let error = fields.to_json().expect_err("refused").to_string();
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn what_is_no_number_is_no_field() {
        let found = FrameFields::of(&object(json!({"delta_t": "1", "exposure_time": -1, "position_x": 2, "a": 3})));
        assert_eq!(found, FrameFields { position_x: Some(2.0), ..FrameFields::default() });
    }
}
