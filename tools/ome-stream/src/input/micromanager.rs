//! Metadata of a frame as Micro-Manager and its cameras write it: JSON with names such as `ElapsedTime-ms`.

use serde_json::{Map, Value, json};

/// What is known of a frame, named as ome-writers does: seconds and micrometers.
pub fn of_frame(metadata: &Value) -> Map<String, Value> {
    let mut object = Map::new();
    for (name, factor, theirs) in [
        ("delta_t", 1e-3, &["ElapsedTime-ms", "Elapsed_Time_ms"][..]),
        ("exposure_time", 1e-3, &["Exposure-ms", "Exposure"]),
        ("position_x", 1.0, &["XPositionUm", "XPosition_um_Intended", "XPosition_um"]),
        ("position_y", 1.0, &["YPositionUm", "YPosition_um_Intended", "YPosition_um"]),
        ("position_z", 1.0, &["ZPositionUm", "ZPosition_um_Intended", "ZPosition_um"]),
    ] {
        if let Some(value) = theirs.iter().find_map(|theirs| number(metadata.get(*theirs)?)) {
            object.insert(name.to_owned(), json!(value * factor));
        }
    }
    if let Some(time) =
        ["ReceivedTime", "Time", "TimeReceivedByCore"].iter().find_map(|name| metadata.get(*name)?.as_str())
    {
        object.insert("time".to_owned(), json!(time));
    }
    object
}

/// Size of a pixel in micrometers; 0 where the microscope was not calibrated.
pub fn pixel_size(metadata: &Value) -> Option<f64> {
    number(["PixelSizeUm", "PixelSize_um"].iter().find_map(|name| metadata.get(*name))?).filter(|size| *size > 0.0)
}

/// Numbers come as texts, too.
fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.trim().parse().ok()).filter(|number| number.is_finite())
}
