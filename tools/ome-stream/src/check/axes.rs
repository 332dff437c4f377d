//! Axes: of an image in 0.4 and 0.5, of a coordinate system in 0.6.

use serde_json::Value;

use super::at::{At, Findings, is_name};
use super::rules::*;
use super::version::Version;

/// Most axes of an image.
const MAX_AXES: usize = 5;

/// Units of space that the specification names ("axes" metadata), by UDUNITS-2.
const SPACE_UNITS: &str = "angstrom attometer centimeter decimeter exameter femtometer foot gigameter hectometer \
    inch kilometer megameter meter micrometer mile millimeter nanometer parsec petameter picometer terameter yard \
    yoctometer yottameter zeptometer zettameter";

/// Units of time.
const TIME_UNITS: &str = "attosecond centisecond day decisecond exasecond femtosecond gigasecond hectosecond hour \
    kilosecond megasecond microsecond millisecond minute nanosecond petasecond picosecond second terasecond \
    yoctosecond yottasecond zeptosecond zettasecond";

/// Types that 0.6 names beside those of all versions.
const TYPES_06: [&str; 3] = ["array", "coordinate", "displacement"];

/// Whether axes are those of pixels or of what is around them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// Of an image's arrays.
    Image,
    /// Of a scene, whose systems have no pixels.
    Scene,
}

/// The axes at `at.axes`; how many there are.
pub fn check(found: &mut Findings, at: &At<'_>, of: Of) -> Option<usize> {
    let axes = found.need(AXES_LIST, at, "axes", Value::is_array)?;
    let count = axes.items().count();
    if of == Of::Image && !(2..=MAX_AXES).contains(&count) {
        found.told(AXES_COUNT, &axes, format!("{count} axes"));
    }
    let right = if found.version == Version::V06 { is_name } else { Value::is_string };
    for axis in axes.items() {
        found.need(AXIS_NAME, &axis, "name", right);
        one(found, &axis);
    }
    found.unique(AXES_UNIQUE, axes.items(), "name");
    let kinds: Vec<Kind> = axes.items().map(|axis| Kind::of(axis.text("type"))).collect();
    let any = |kind: Kind| kinds.iter().filter(|each| **each == kind).count();
    // An array's own coordinates: the schema of 0.6 takes two such axes for two of space.
    if of == Of::Image && any(Kind::Array) < 2 {
        if !(2..=3).contains(&any(Kind::Space)) {
            found.told(AXES_SPACE, &axes, format!("{} of space", any(Kind::Space)));
        }
        if any(Kind::Time) > 1 || any(Kind::Other) > 1 {
            let (times, others) = (any(Kind::Time), any(Kind::Other));
            found.told(AXES_OTHER, &axes, format!("{times} of time, {others} of channels or of a custom type"));
        }
        if !kinds.is_sorted() {
            let told: Vec<&str> = axes.items().map(|axis| axis.text("type").unwrap_or("none")).collect();
            found.told(AXES_ORDER, &axes, ome_stream::shown::value(&told.join(", ")));
        }
        let space: Vec<&str> = axes
            .items()
            .filter(|axis| axis.text("type") == Some("space"))
            .filter_map(|axis| axis.text("name"))
            .collect();
        let mut sorted = space.clone();
        sorted.sort_by_key(|name| std::cmp::Reverse(name.to_ascii_lowercase()));
        if space.iter().all(|name| matches!(*name, "x" | "y" | "z" | "X" | "Y" | "Z")) && space != sorted {
            found.told(AXES_ZYX, &axes, space.join(", "));
        }
    }
    Some(count)
}

/// In the order in which axes must come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Array,
    Time,
    Other,
    Space,
}

impl Kind {
    fn of(told: Option<&str>) -> Self {
        match told {
            Some("array") => Self::Array,
            Some("time") => Self::Time,
            Some("space") => Self::Space,
            _ => Self::Other,
        }
    }
}

fn one(found: &mut Findings, axis: &At<'_>) {
    let version = found.version;
    // A null type is that of a custom axis ("multiscales" metadata).
    let kind = found.should(AXIS_TYPED, AXIS_TYPE, axis, "type", |value| value.is_string() || value.is_null());
    let known = |text: &str| {
        matches!(text, "space" | "time" | "channel") || (version == Version::V06 && TYPES_06.contains(&text))
    };
    if let Some(kind) = &kind
        && !kind.value.as_str().is_some_and(known)
    {
        found.at(AXIS_TYPED, kind);
    }
    let units = match axis.text("type") {
        Some("space") => Some(SPACE_UNITS),
        Some("time") => Some(TIME_UNITS),
        _ => None,
    };
    let unit = found.may(AXIS_UNIT, axis, "unit", Value::is_string);
    match (units, unit) {
        // The text asks for a unit of every axis; a channel has none.
        (Some(_), None) if axis.get("unit").is_none() => found.missing(AXIS_UNITED, axis, "unit"),
        (Some(units), Some(unit))
            if !unit.value.as_str().is_some_and(|text| units.split(' ').any(|known| known == text)) =>
        {
            found.at(AXIS_UNITED, &unit);
        }
        _ => {}
    }
    if version == Version::V06 {
        found.may(AXIS_DISCRETE, axis, "discrete", Value::is_boolean);
        found.may(AXIS_LONG_NAME, axis, "longName", Value::is_string);
    }
}
