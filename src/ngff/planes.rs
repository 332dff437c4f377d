//! What OME-XML says of single frames: `Plane` elements, made of the typed members of frame metadata (OME model
//! 2016-06, `Plane`).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use super::frame_fields::FrameFields;
use super::model::{AxisKind, Image};

/// Most bytes of planes in a document: readers that look for the images of a series parse all of it first. It is about
/// 150,000 planes.
pub const MAX_PLANES_BYTES: usize = 32 << 20;

/// Room for one: three places, and five numbers with their names and units. A number has at most some 330 characters,
/// as 5e-324 is written out.
const PLANE_BYTES: usize = 2048;

/// Highest place along an axis that OME-XML can say (`NonNegativeInt` is an `xsd:int`).
const MAX_PLACE: u64 = i32::MAX as u64;

/// The planes of the images of a series, as text, by the images' numbers.
///
/// An image has all of its planes or none: none where its frame metadata are too many to be mirrored, and none where
/// the planes of the images before it leave no room (`MAX_PLANES_BYTES`).
#[derive(Debug, Default)]
pub struct Planes {
    texts: BTreeMap<usize, String>,
    bytes: usize,
}

impl Planes {
    /// Takes the planes of the image of that number, whose frame metadata are `frames`.
    pub fn take(&mut self, number: usize, image: &Image, frames: &[Value]) {
        let room = MAX_PLANES_BYTES.saturating_sub(self.bytes);
        let mut text = String::new();
        for frame in frames {
            // Where the system has no memory for them the document does without.
            if text.try_reserve(PLANE_BYTES).is_err()
                || write_plane(&mut text, image, frame).is_some() && text.len() > room
            {
                return;
            }
        }
        if !text.is_empty() {
            self.bytes += text.len();
            self.texts.insert(number, text);
        }
    }

    /// True where nothing is told of any frame.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// The elements of the image of that number.
    pub(super) fn of(&self, number: usize) -> &str {
        self.texts.get(&number).map_or("", String::as_str)
    }
}

/// Writes a frame of an image, where anything is known of it that OME-XML has words for.
fn write_plane(xml: &mut String, image: &Image, frame: &Value) -> Option<()> {
    let object = frame.as_object()?;
    let numbers = FrameFields::of(object).numbers();
    if numbers.iter().all(Option::is_none) {
        return None;
    }
    let place = place(image, object.get("storage_index")?.as_array()?)?;
    xml.push_str("      <Plane");
    // Writing to a String cannot fail.
    for (letter, at) in ['Z', 'T', 'C'].into_iter().zip(place) {
        let _ = write!(xml, " The{letter}=\"{at}\"");
    }
    for ((name, unit), number) in ATTRIBUTES.into_iter().zip(numbers) {
        if let Some(number) = number {
            let _ = write!(xml, " {name}=\"{number}\" {name}Unit=\"{unit}\"");
        }
    }
    xml.push_str("/>\n");
    Some(())
}

/// Where a frame lies along z, t and c; `None` outside of the image.
fn place(image: &Image, index: &[Value]) -> Option<[u64; 3]> {
    let mut place = [0; 3];
    let before_frame = image.axes.len().checked_sub(2)?;
    if index.len() != before_frame {
        return None;
    }
    for ((axis, size), at) in image.axes.iter().zip(&image.shape).zip(index) {
        let at = at.as_u64().filter(|at| at < size && *at <= MAX_PLACE)?;
        *place.get_mut(match axis.kind {
            AxisKind::Space => 0,
            AxisKind::Time => 1,
            AxisKind::Channel => 2,
            AxisKind::Other(_) => return None,
        })? = at;
    }
    Some(place)
}

/// The typed members as `Plane` calls them, each with the symbol of its unit.
const ATTRIBUTES: [(&str, &str); 5] =
    [("DeltaT", "s"), ("ExposureTime", "s"), ("PositionX", "µm"), ("PositionY", "µm"), ("PositionZ", "µm")];

#[cfg(test)]
mod tests {
    use super::super::golden_tests::{image, tczyx};
    use super::*;
    use serde_json::json;

    fn planes(image: &Image, frames: &[Value]) -> String {
        let mut planes = Planes::default();
        planes.take(3, image, frames);
        planes.of(3).to_owned()
    }

    #[test]
    fn a_plane_tells_place_and_what_is_known() {
        let frames = [
            json!({"delta_t": 0.5, "exposure_time": 0, "position_x": -1.25, "storage_index": [1, 0, 2]}),
            json!({"note": "nothing that has a name", "storage_index": [0, 0, 0]}),
            json!({"position_y": 123_456.789, "position_z": 1e21, "delta_t": "?", "storage_index": [0, 1, 0]}),
        ];
        let expected = concat!(
            "      <Plane TheZ=\"2\" TheT=\"1\" TheC=\"0\" DeltaT=\"0.5\" DeltaTUnit=\"s\" ",
            "ExposureTime=\"0\" ExposureTimeUnit=\"s\" PositionX=\"-1.25\" PositionXUnit=\"µm\"/>\n",
            "      <Plane TheZ=\"0\" TheT=\"0\" TheC=\"1\" PositionY=\"123456.789\" PositionYUnit=\"µm\" ",
            "PositionZ=\"1000000000000000000000\" PositionZUnit=\"µm\"/>\n",
        );
        assert_eq!(planes(&tczyx(), &frames), expected);
    }

    #[test]
    fn axes_that_an_image_has_not_are_at_zero() {
        let frame = |index: Value| [json!({"delta_t": 1, "storage_index": index})];
        let told = planes(&image(&["z", "y", "x"]), &frame(json!([1])));
        assert!(told.contains("TheZ=\"1\" TheT=\"0\" TheC=\"0\""), "{told}");
        let outside = [json!([2, 0, 0]), json!([0, 0]), json!([-1, 0, 0]), json!("0")];
        for index in outside {
            assert_eq!(planes(&tczyx(), &frame(index)), "");
        }
        assert_eq!(planes(&image(&["angle", "y", "x"]), &frame(json!([0]))), "");
    }

    #[test]
    fn an_image_has_all_planes_or_none() {
        let frames = vec![json!({"delta_t": 1, "storage_index": [0, 0, 0]}); 20_000];
        let mut all = Planes::default();
        (0..40).for_each(|number| all.take(number, &tczyx(), &frames));
        let told: Vec<usize> = (0..40).map(|number| all.of(number).len()).collect();
        assert!(all.bytes <= MAX_PLANES_BYTES && told[0] > 0);
        assert!(told.iter().all(|length| *length == told[0] || *length == 0), "{told:?}");
        assert!(MAX_PLANES_BYTES - all.bytes < told[0], "no more fit");
    }
}
