//! What an input tells beside its pixels: sizes, channels, places, times.

use std::collections::BTreeSet;

use ome_stream::settings::{Channel, Position};
use serde_json::{Map, Value};

use super::units;

/// Size of a step along an axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Size {
    /// Name of the axis: x, y, z or t.
    pub axis: char,
    /// Above 0, in `unit`.
    pub step: f64,
    /// As OME-NGFF spells it.
    pub unit: &'static str,
}

/// What an input tells beside its pixels.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Known {
    /// Pixel sizes, z step, time interval.
    pub sizes: Vec<Size>,
    /// Place of the first pixel along x, y and z, in meters.
    pub origin: Vec<(char, f64)>,
    /// Channels, in order.
    pub channels: Vec<Channel>,
    /// Stage positions, in order; coordinates in meters.
    pub positions: Vec<Position>,
    /// What is kept as it is: texts of the file, the time of acquisition.
    pub source: Map<String, Value>,
    /// What is left behind, by name.
    pub dropped: BTreeSet<String>,
    /// What a person should know.
    pub notes: Vec<String>,
}

impl Known {
    /// Notes the size of a step, where it is one and its unit is known; says so where it is not.
    pub fn size(&mut self, axis: char, step: f64, unit: &str) {
        let known = if axis == 't' { units::time(unit) } else { units::length(unit) };
        match known {
            Some((unit, _)) if step.is_finite() && step > 0.0 => {
                self.sizes.retain(|size| size.axis != axis);
                self.sizes.push(Size { axis, step, unit });
            }
            // Programs write 0 for what they do not know.
            _ if step == 0.0 || !step.is_finite() => {}
            Some(_) => drop(self.dropped.insert(format!("the step {step} of {axis}, which is no size"))),
            None => {
                let unit = if unit.is_empty() { "no unit".to_owned() } else { format!("the unit {unit:?}") };
                self.dropped.insert(format!("the step {step} of {axis} ({unit})"));
            }
        }
    }

    /// The size of a step along `axis`.
    pub fn step(&self, axis: char) -> Option<&Size> {
        self.sizes.iter().find(|size| size.axis == axis)
    }

    /// Keeps a text as it is.
    pub fn keep(&mut self, name: &str, value: impl Into<Value>) {
        self.source.insert(name.to_owned(), value.into());
    }
}

/// Names that are not there twice and can be names of folders: positions and channels of files have any.
pub fn unique(names: impl IntoIterator<Item = String>, folder: bool) -> Vec<String> {
    let mut taken = BTreeSet::new();
    let mut out = Vec::new();
    for (nth, name) in names.into_iter().enumerate() {
        let name = if folder { folder_name(&name) } else { plain_name(&name) };
        let name = if name.is_empty() { nth.to_string() } else { name };
        let mut unique = name.clone();
        let mut suffix = nth;
        // Folders that differ in letter case alone are one on some systems.
        while !taken.insert(unique.to_lowercase()) {
            unique = format!("{name}_{suffix}");
            suffix += 1;
        }
        out.push(unique);
    }
    out
}

/// Longest name that is taken over, in bytes: there is room for what makes it unique.
const MAX_NAME: usize = 120;

fn plain_name(name: &str) -> String {
    let visible: String = name.chars().map(|each| if each.is_control() { ' ' } else { each }).collect();
    let mut visible = visible.trim();
    while visible.len() > MAX_NAME {
        visible = visible.get(..visible.char_indices().next_back().map_or(0, |(at, _)| at)).unwrap_or_default();
    }
    visible.trim().to_owned()
}

fn folder_name(name: &str) -> String {
    let forbidden = ['/', '\\', '<', '>', ':', '"', '|', '?', '*'];
    let name: String =
        plain_name(name).chars().map(|each| if forbidden.contains(&each) { '_' } else { each }).collect();
    let name = name.trim_matches(|each: char| each == '.' || each.is_whitespace());
    let name = if name.starts_with("__") { name.trim_start_matches('_') } else { name };
    let stem = name.split('.').next().unwrap_or(name).trim_end().to_lowercase();
    let device = matches!(stem.as_str(), "con" | "prn" | "aux" | "nul")
        || (stem.len() == 4 && (stem.starts_with("com") || stem.starts_with("lpt")));
    if device { format!("{name}_") } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_folders_and_stay_apart() {
        let names = ["Pos0", "pos0", "", "a/b: c", "..", "CON", "__x", "Pos0"].map(str::to_owned);
        let unique = unique(names, true);
        assert_eq!(unique, ["Pos0", "pos0_1", "2", "a_b_ c", "4", "CON_", "x", "Pos0_7"]);
    }

    #[test]
    fn unknown_units_are_no_sizes() {
        let mut known = Known::default();
        known.size('x', 0.5, "pixel");
        known.size('y', 0.5, "micron");
        known.size('z', 0.0, "um");
        assert_eq!(known.sizes, [Size { axis: 'y', step: 0.5, unit: "micrometer" }]);
        assert_eq!(known.dropped.len(), 1);
    }
}
