//! A store as a person wants to see it.

use std::fmt::Write;

use ome_stream::store::missing::{Stretch, Why};

use super::numbers::bytes;
use super::table::table;
use crate::store::{Array, Axis, Ended, Image, Level, Missing, Plate, Store};

/// Images of one list that are shown unless all are wanted.
const SHOWN_IMAGES: usize = 20;

/// Wells that were not reached that are shown; --json has all.
const SHOWN_WELLS: usize = 24;

/// Stretches of missing frames of one cause that are shown; --json has more.
const SHOWN_STRETCHES: usize = 8;

/// The whole report. Images that are alike share a description, unless `all` are to be shown on their own.
pub fn text(store: &Store, all: bool) -> String {
    let mut out = Text::default();
    out.line(0, &super::text::clean(&store.path));
    let zarr = format!("Zarr v{}", store.zarr_format);
    let version = store.ngff_version.as_deref().map_or_else(|| zarr.clone(), |it| format!("OME-Zarr {it} ({zarr})"));
    let writer = store.written_by.as_deref().map_or_else(String::new, |writer| format!(", written by {writer}"));
    out.line(1, &format!("{version}{writer}"));
    out.line(
        1,
        &format!(
            "{}, {} in {}",
            count(store.images.len() as u64, "image"),
            bytes(store.bytes),
            count(store.files, "file")
        ),
    );
    out.plate(store.plate.as_ref());
    out.ended(store.run.as_ref());
    out.missing(store.missing.as_ref());
    out.remarks(&store.notes, &store.problems);
    for alike in groups(&store.images, all) {
        out.line(0, "");
        match alike.as_slice() {
            [only] => out.single(only),
            several => out.several(several, all),
        }
    }
    out.0
}

/// Images that are alike but for place, name and what is stored, in order of their first.
fn groups(images: &[Image], all: bool) -> Vec<Vec<&Image>> {
    let mut groups: Vec<Vec<&Image>> = Vec::new();
    for image in images {
        match groups.iter_mut().find(|group| !all && group.first().is_some_and(|first| same_structure(first, image))) {
            Some(group) => group.push(image),
            None => groups.push(vec![image]),
        }
    }
    groups
}

fn same_structure(one: &Image, other: &Image) -> bool {
    let structure = |level: &Level| {
        let array = level.array.as_ref();
        let array = array.map(|array| {
            (array.shape.clone(), array.chunk.clone(), array.shard.clone(), array.dtype.clone(), array.codec.clone())
        });
        (level.path.clone(), level.scale.clone(), array)
    };
    one.axes == other.axes
        && one.channels == other.channels
        && one.problems == other.problems
        && one.downscaled_by == other.downscaled_by
        && one.levels.len() == other.levels.len()
        && one.levels.iter().zip(&other.levels).all(|(one, other)| structure(one) == structure(other))
}

#[derive(Default)]
struct Text(String);

impl Text {
    fn line(&mut self, indent: usize, text: &str) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "{}", format!("{}{text}", "  ".repeat(indent)).trim_end());
    }

    fn field(&mut self, name: &str, text: &str) {
        self.line(1, &format!("{name:<9} {text}"));
    }

    fn remarks(&mut self, notes: &[String], problems: &[String]) {
        notes.iter().for_each(|note| self.field("note", note));
        problems.iter().for_each(|problem| self.field("PROBLEM", problem));
    }

    fn plate(&mut self, plate: Option<&Plate>) {
        let Some(plate) = plate else { return };
        let mut told =
            vec![format!("{} x {}", plate.rows, plate.columns), count(plate.wells as u64, "well") + " with images"];
        told.extend(plate.field_count.map(|fields| format!("up to {} each", count(fields, "field"))));
        if !plate.acquisitions.is_empty() {
            told.push(format!("acquired as {}", plate.acquisitions.join(", ")));
        }
        let name = plate.name.as_ref().map_or_else(String::new, |name| format!("{name}: "));
        self.field("plate", &format!("{name}{}", told.join(", ")));
    }

    /// How the run ended, and which wells it did not come to.
    fn ended(&mut self, ended: Option<&Ended>) {
        let Some(ended) = ended else { return };
        let frames = match (ended.written, ended.declared) {
            (Some(written), Some(declared)) => format!(", {written} of {}", count(declared, "frame")),
            (Some(written), None) => format!(", {}", count(written, "frame")),
            (None, _) => String::new(),
        };
        let time = ended.seconds.map_or_else(String::new, |seconds| format!(" in {seconds} s"));
        let when = ended.started.as_deref().map_or_else(String::new, |started| format!(", begun {started}"));
        let program = ended.program.as_deref().map_or_else(String::new, |program| format!(" by {program}"));
        self.field("run", &format!("{}{frames}{time}{when}{program}", ended.state));
        if let Some(failure) = &ended.failure {
            self.field("failure", failure);
        }
        let wells = &ended.wells_not_reached;
        if !wells.is_empty() {
            let mut told: Vec<&str> = wells.iter().take(SHOWN_WELLS).map(String::as_str).collect();
            if wells.len() > SHOWN_WELLS {
                told.push("... (--json lists them)");
            }
            self.field("missing", &format!("{} not reached: {}", count(wells.len() as u64, "well"), told.join(", ")));
        }
    }

    /// Frames that the run has not: how many of each cause, and the first of them.
    fn missing(&mut self, missing: Option<&Missing>) {
        let Some(missing) = missing else { return };
        let counts = [
            (missing.dropped, "dropped: there was no room for them", Why::Dropped),
            (missing.skipped, "skipped by the host", Why::Skipped),
            (missing.lost, "lost in an interruption", Why::Lost),
        ];
        for (frames, what, why) in counts.into_iter().filter(|(frames, ..)| *frames > 0) {
            let alike = || missing.stretches.iter().filter(|stretch| stretch.why == why);
            let mut told: Vec<_> = alike()
                .take(SHOWN_STRETCHES)
                .map(|Stretch { first, last, .. }| match first == last {
                    true => first.to_string(),
                    false => format!("{first}-{last}"),
                })
                .collect();
            if missing.more > 0 || alike().count() > SHOWN_STRETCHES {
                told.push("... (--json lists them)".into());
            }
            self.field("missing", &format!("{} {what}: {}", count(frames, "frame"), told.join(", ")));
        }
    }

    /// One image with all that is known of it.
    fn single(&mut self, image: &Image) {
        self.line(0, &format!("Image {}", title(image)));
        self.structure(image, true);
        for level in &image.levels {
            if let Some(array) = &level.array {
                let name = if image.levels.len() > 1 { format!("level {}", level.path) } else { "stored".to_owned() };
                self.field(&name, &stored(array));
            }
        }
        self.frame_metadata(image);
        self.remarks(&image.notes, &image.problems);
    }

    /// Images that are alike: the description once, then a line for each.
    fn several(&mut self, images: &[&Image], all: bool) {
        let Some(first) = images.first() else { return };
        self.line(0, &format!("{} alike", count(images.len() as u64, "image")));
        self.structure(first, false);
        self.remarks(&[], &first.problems);
        let header = ["image", "origin", "stored", "frame metadata"].map(String::from).to_vec();
        let shown = if all { images.len() } else { SHOWN_IMAGES };
        let rows: Vec<Vec<String>> = std::iter::once(header)
            .chain(images.iter().take(shown).map(|image| {
                let arrays = || image.levels.iter().filter_map(|level| level.array.as_ref());
                let all_stored = match image.levels.as_slice() {
                    [Level { array: Some(array), .. }] => stored(array),
                    _ => bytes(arrays().map(|array| array.stored.bytes).fold(0, u64::saturating_add)),
                };
                let frames = image.frame_metadata.as_ref().map(|metadata| count(metadata.frames, "frame"));
                vec![title(image), origin(image), all_stored, frames.unwrap_or_default()]
            }))
            .collect();
        let empty: Vec<usize> = (0..4)
            .filter(|column| rows.iter().skip(1).all(|row| row.get(*column).is_none_or(String::is_empty)))
            .collect();
        let rows: Vec<Vec<String>> = rows
            .into_iter()
            .map(|row| {
                row.into_iter()
                    .enumerate()
                    .filter(|(column, _)| !empty.contains(column))
                    .map(|(_, cell)| cell)
                    .collect()
            })
            .collect();
        table(&rows, &[]).iter().for_each(|line| self.line(1, line));
        if images.len() > shown {
            self.line(1, &format!("... and {} more (--all shows them)", images.len() - shown));
        }
        for image in images {
            image.notes.iter().for_each(|note| self.field("note", &format!("{}: {note}", title(image))));
        }
    }

    /// Axes, levels, pixel type, codec and channels.
    fn structure(&mut self, image: &Image, with_origin: bool) {
        let Some(level) = image.levels.first() else { return };
        let Some(array) = &level.array else { return };
        let sharded = array.shard.is_some();
        let translated = with_origin && level.translation.is_some();
        let header = [
            ("axis", true),
            ("size", true),
            ("chunk", true),
            ("shard", sharded),
            ("step", true),
            ("origin", translated),
        ];
        let pick = |cells: [String; 6]| -> Vec<String> {
            cells.into_iter().zip(header).filter(|(_, (_, shown))| *shown).map(|(cell, _)| cell).collect()
        };
        let mut rows = vec![pick(header.map(|(name, _)| name.to_owned()))];
        for (nth, size) in array.shape.iter().enumerate() {
            let axis = image.axes.get(nth);
            let at = |list: &[u64]| list.get(nth).map(u64::to_string).unwrap_or_default();
            rows.push(pick([
                axis.map_or_else(|| format!("axis {nth}"), |axis| axis.name.clone()),
                size.to_string(),
                at(&array.chunk),
                array.shard.as_deref().map(at).unwrap_or_default(),
                step(axis, level.scale.as_deref().and_then(|scale| scale.get(nth))),
                level.translation.as_deref().and_then(|list| list.get(nth)).map(f64::to_string).unwrap_or_default(),
            ]));
        }
        table(&rows, &[1, 2, 3].map(|column| if sharded || column < 3 { column } else { usize::MAX }))
            .iter()
            .for_each(|line| self.line(1, line));
        for lower in image.levels.iter().skip(1) {
            let shape =
                lower.array.as_ref().map(|array| extents(&array.shape)).unwrap_or_else(|| "cannot be read".into());
            let of = pixels_in_one(level, lower).map_or_else(String::new, |pixels| format!(", a pixel of {pixels}"));
            self.field("level", &format!("{}: {shape}{of}", lower.path));
        }
        if let Some(method) = &image.downscaled_by {
            self.field("levels", &format!("by {method}"));
        }
        let size = array.pixel_bytes.map_or_else(|| "size unknown".to_owned(), bytes);
        self.field("pixels", &format!("{}, {size}", array.dtype));
        self.field("codec", &array.codec);
        if !image.channels.is_empty() {
            let names: Vec<String> = image
                .channels
                .iter()
                .map(|channel| {
                    channel
                        .color
                        .as_ref()
                        .map_or_else(|| channel.label.clone(), |color| format!("{} ({color})", channel.label))
                })
                .collect();
            self.field("channels", &names.join(", "));
        }
    }

    fn frame_metadata(&mut self, image: &Image) {
        if let Some(metadata) = &image.frame_metadata {
            self.field("metadata", &format!("of {}", count(metadata.frames, "frame")));
        }
    }
}

/// Name and folder, as far as they tell different things.
fn title(image: &Image) -> String {
    match (image.path.as_str(), image.name.as_deref()) {
        ("", None) => "at the root".to_owned(),
        ("", Some(name)) => name.to_owned(),
        (path, Some(name)) if name != path => format!("{path} \"{name}\""),
        (path, _) => path.to_owned(),
    }
}

/// `0.5 micrometer`; `unknown` of an axis of space or time whose step is the 1 without a unit that the format wants
/// where nobody knows it; empty where nothing is told.
fn step(axis: Option<&Axis>, scale: Option<&f64>) -> String {
    let is_measured = |axis: &Axis| matches!(axis.kind.as_deref(), Some("space" | "time")) && axis.unit.is_none();
    if axis.is_some_and(is_measured) && scale == Some(&1.0) {
        return "unknown".to_owned();
    }
    let scale = scale.map(f64::to_string).unwrap_or_default();
    let unit = axis.and_then(|axis| axis.unit.as_deref()).unwrap_or_default();
    format!("{scale} {unit}").trim().to_owned()
}

/// `z 12.25, y -98765.4321` of those axes that are moved.
fn origin(image: &Image) -> String {
    let translation = image.levels.first().and_then(|level| level.translation.as_deref()).unwrap_or_default();
    let moved = image.axes.iter().zip(translation).filter(|(_, place)| **place != 0.0);
    moved.map(|(axis, place)| format!("{} {place}", axis.name)).collect::<Vec<_>>().join(", ")
}

/// `1 x 2 x 2`: by how much the pixels of a level are larger than those of full resolution.
fn pixels_in_one(full: &Level, lower: &Level) -> Option<String> {
    let (full, lower) = (full.scale.as_ref()?, lower.scale.as_ref()?);
    let by: Vec<f64> = lower.iter().zip(full).map(|(lower, full)| lower / full).collect();
    let good = full.len() == lower.len() && by.iter().all(|by| by.is_finite() && *by > 0.0);
    // Scales are decimal: 0.3 / 0.1 means 3.
    let told = |by: &f64| ((by * 1000.0).round() / 1000.0).to_string();
    good.then(|| by.iter().map(told).collect::<Vec<_>>().join(" x "))
}

/// `3.9 kB in 2 of 2 shards, ratio 1.05`.
fn stored(array: &Array) -> String {
    let kind = if array.shard.is_some() { "shards" } else { "chunks" };
    let stored = &array.stored;
    let places = stored.places.map_or_else(|| "very many".to_owned(), |places| places.to_string());
    let ratio = stored.ratio.map_or_else(String::new, |ratio| format!(", ratio {ratio:.2}"));
    format!("{} in {} of {places} {kind}{ratio}", bytes(stored.bytes), stored.objects)
}

fn extents(shape: &[u64]) -> String {
    shape.iter().map(u64::to_string).collect::<Vec<_>>().join(" x ")
}

fn count(number: u64, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_that_nobody_told_is_unknown() {
        let axis = |kind: &str, unit: Option<&str>| Axis {
            name: "a".into(),
            kind: Some(kind.into()),
            unit: unit.map(str::to_owned),
        };
        for (kind, unit, scale, told) in [
            ("time", None, Some(1.0), "unknown"),
            ("space", None, Some(1.0), "unknown"),
            ("time", Some("second"), Some(1.0), "1 second"),
            ("time", None, Some(0.5), "0.5"),
            ("space", Some("micrometer"), None, "micrometer"),
            ("channel", None, Some(1.0), "1"),
            ("time", None, None, ""),
        ] {
            assert_eq!(step(Some(&axis(kind, unit)), scale.as_ref()), told, "{kind} {unit:?} {scale:?}");
        }
        assert_eq!(step(None, Some(&2.0)), "2");
    }
}
