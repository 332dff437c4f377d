//! Metadata of a frame as Micro-Manager and its cameras write it: JSON with names such as `ElapsedTime-ms`.

use ome_stream::ngff::frame_metadata::is_valid;
use serde_json::{Map, Value, json};

/// Numbers that are taken over: our name, ours to theirs, and their names, of which the first that is there counts.
const NUMBERS: [(&str, f64, &[&str]); 5] = [
    ("delta_t", 1e-3, &["ElapsedTime-ms", "Elapsed_Time_ms"]),
    ("exposure_time", 1e-3, &["Exposure-ms", "Exposure"]),
    ("position_x", 1.0, &["XPositionUm", "XPosition_um_Intended", "XPosition_um"]),
    ("position_y", 1.0, &["YPositionUm", "YPosition_um_Intended", "YPosition_um"]),
    ("position_z", 1.0, &["ZPositionUm", "ZPosition_um_Intended", "ZPosition_um"]),
];

/// Names of the time of a frame.
const TIMES: [&str; 3] = ["ReceivedTime", "Time", "TimeReceivedByCore"];

/// Names of the size of a pixel.
const PIXEL_SIZES: [&str; 2] = ["PixelSizeUm", "PixelSize_um"];

/// Most names that are told of what is left.
const MAX_LEFT: usize = 8;

/// What is known of a frame, named as ome-writers does: seconds and micrometers.
pub fn of_frame(metadata: &Value) -> Map<String, Value> {
    let mut object = Map::new();
    for (name, factor, theirs) in NUMBERS {
        let value = theirs.iter().find_map(|theirs| number(metadata.get(*theirs)?)).map(|value| value * factor);
        if let Some(value) = value.filter(|value| is_valid(name, *value)) {
            object.insert(name.to_owned(), json!(value));
        }
    }
    if let Some(time) = TIMES.iter().find_map(|name| metadata.get(*name)?.as_str()) {
        object.insert("time".to_owned(), json!(time));
    }
    object
}

/// Size of a pixel in micrometers; 0 where the microscope was not calibrated.
pub fn pixel_size(metadata: &Value) -> Option<f64> {
    number(PIXEL_SIZES.iter().find_map(|name| metadata.get(*name))?).filter(|size| *size > 0.0)
}

/// What a frame's metadata hold that is not taken over, if anything.
pub fn left(metadata: &Value) -> Option<String> {
    let taken = |name: &String| {
        let theirs = NUMBERS.iter().flat_map(|(_, _, theirs)| theirs.iter()).chain(&TIMES).chain(&PIXEL_SIZES);
        theirs.into_iter().any(|their| their == name)
    };
    let left: Vec<&str> = metadata.as_object()?.keys().filter(|name| !taken(name)).map(String::as_str).collect();
    let told = left.iter().take(MAX_LEFT).copied().collect::<Vec<_>>().join(", ");
    match left.len().saturating_sub(MAX_LEFT) {
        _ if left.is_empty() => None,
        0 => Some(format!("metadata of frames ({told})")),
        more => Some(format!("metadata of frames ({told} and {more} more)")),
    }
}

/// Numbers come as texts, too.
fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.trim().parse().ok()).filter(|number| number.is_finite())
}
