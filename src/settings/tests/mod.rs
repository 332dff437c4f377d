//! Tests of settings.

mod golden;
mod grammar;
mod messages;
mod normal_form;
mod refused;
mod refused_paths;
mod refused_plates;
mod refused_pyramids;
mod round_trip;
mod schema;
mod words;

use super::*;
use crate::error::Error;

/// Settings that are valid as they are.
fn sound() -> Settings {
    let mut settings = Settings::new(
        "run.ome.zarr",
        vec![
            Dimension::standard("t", 4),
            Dimension::standard("c", 2),
            Dimension::standard("y", 16),
            Dimension::standard("x", 32),
        ],
        DataType::UInt16,
    );
    settings.format.suffix = ".ome.zarr".into();
    settings
}

/// With these dimensions before a frame of 16 x 32 pixels.
fn with_index(dimensions: impl IntoIterator<Item = Dimension>) -> Settings {
    let mut settings = sound();
    let frame = settings.dimensions.split_off(2);
    settings.dimensions = dimensions.into_iter().chain(frame).collect();
    settings
}

/// Field, value, problem and remedy of a settings error.
fn parts(error: &Error) -> (&str, &str, &str, &str) {
    match error {
        Error::InvalidSettings { field, value, problem, remedy } => (field, value, problem, remedy),
        other => panic!("not a settings error: {other}"),
    }
}
