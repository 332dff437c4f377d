//! What no document can be made of, and what is written but worth a note.
//!
//! A model comes of an acquisition, whose numbers and names are checked where they are declared (`settings`), or of
//! what is found on a disk. What is checked here is that its parts fit together.

use std::collections::HashSet;

use super::model::{AxisKind, Hierarchy, Image};
use crate::error::{Error, Result};
use crate::zarr::ZarrFormat;

/// Fewest and most axes of an image (OME-NGFF 0.5, "multiscales" metadata).
const AXES: std::ops::RangeInclusive<usize> = 2..=5;

impl Hierarchy {
    /// Whether the parts of the model fit together.
    ///
    /// # Errors
    /// [`Error::InvalidSettings`] where an image does not have 2 to 5 axes with unique names; where the length of its
    /// shape, a scale or a translation is not the number of axes; where levels are missing, have equal names or are not
    /// ordered finest first; where a group's name is empty, used twice (case apart: many file systems ignore it),
    /// reserved or no single name; where wells and images of a plate are not each other's.
    pub fn validate(&self) -> Result<()> {
        if let Self::Plate(plate, images) = self {
            plate.validate(images)?;
        }
        if let Self::Series(series) = self {
            if series.is_empty() {
                return Err(Error::settings("positions", "[]", "there is no image", "declare at least one position"));
            }
            let mut seen = HashSet::new();
            for (path, _) in series {
                check_node_name(path, "positions")?;
                if path.eq_ignore_ascii_case("OME") {
                    let problem = "this group holds the list of images";
                    return Err(Error::settings("positions", path, problem, "name the position differently"));
                }
                if !seen.insert(path.to_lowercase()) {
                    let problem = "two positions would share one group, or would on file systems that ignore case";
                    return Err(Error::settings("positions", path, problem, "give each position a name of its own"));
                }
            }
        }
        self.images().try_for_each(|(_, image)| image.validate())
    }

    /// Why the first image that breaks NGFF's rules on the kinds and the order of axes does so; see
    /// [`Image::order_violation`].
    #[must_use]
    pub fn order_violation(&self) -> Option<String> {
        self.images().find_map(|(_, image)| image.order_violation())
    }
}

impl Image {
    /// Why NGFF would not have these axes, if so: at most one time axis, then at most one channel or custom axis, then
    /// 2 or 3 space axes (0.4 and 0.5, "multiscales" metadata). Readers differ in how they take it, pixels are safe: a
    /// note to the host, not an error.
    #[must_use]
    pub fn order_violation(&self) -> Option<String> {
        let rank = |kind: &AxisKind| match kind {
            AxisKind::Time => 0,
            AxisKind::Channel | AxisKind::Other(_) => 1,
            AxisKind::Space => 2,
        };
        let wrong_pair = self.axes.windows(2).find_map(|pair| match pair {
            [before, after] if rank(&before.kind) > rank(&after.kind) => Some((before, after)),
            _ => None,
        });
        if let Some((before, after)) = wrong_pair {
            return Some(format!(
                "axis `{}` ({}) stands before `{}` ({}); OME-NGFF orders time, then channel or custom, then space",
                before.name,
                kind_name(&before.kind),
                after.name,
                kind_name(&after.kind)
            ));
        }
        let of_rank = |wanted: u8| self.axes.iter().filter(|axis| rank(&axis.kind) == wanted).count();
        let (time, other, space) = (of_rank(0), of_rank(1), of_rank(2));
        let allowed = time <= 1 && other <= 1 && (2..=3).contains(&space);
        (!allowed).then(|| {
            format!(
                "{time} time, {other} channel or custom and {space} space axes; \
                 OME-NGFF has at most one time, one channel or custom, and 2 or 3 space axes"
            )
        })
    }

    fn validate(&self) -> Result<()> {
        let ndim = self.axes.len();
        if !AXES.contains(&ndim) {
            let remedy = "declare 2 to 5 dimensions besides the position";
            return Err(Error::settings("axes", ndim, "an image cannot have so many axes", remedy));
        }
        let mut names = HashSet::new();
        for (nth, axis) in self.axes.iter().enumerate() {
            if axis.name.is_empty() || !names.insert(axis.name.as_str()) {
                let problem = "axis names must be unique and not empty";
                return Err(Error::settings(format!("axes[{nth}].name"), &axis.name, problem, "rename the dimension"));
            }
        }
        check_length("shape", self.shape.len(), ndim)?;
        self.check_datasets()
    }

    fn check_datasets(&self) -> Result<()> {
        if self.datasets.is_empty() {
            return Err(Error::settings("datasets", "[]", "the image has no level", "give at least full resolution"));
        }
        let mut names = HashSet::new();
        for dataset in &self.datasets {
            check_node_name(&dataset.path, "datasets.path")?;
            if !names.insert(dataset.path.as_str()) {
                let problem = "two levels have the same path";
                return Err(Error::settings("datasets.path", &dataset.path, problem, "number the levels 0, 1, 2"));
            }
            check_length("scale", dataset.scale.len(), self.axes.len())?;
            if let Some(translation) = &dataset.translation {
                check_length("translation", translation.len(), self.axes.len())?;
            }
        }
        let coarser_first = self.datasets.windows(2).find_map(|pair| match pair {
            [fine, coarse] if fine.scale.iter().zip(&coarse.scale).any(|(fine, coarse)| fine > coarse) => Some(coarse),
            _ => None,
        });
        match coarser_first {
            None => Ok(()),
            Some(level) => {
                let problem = "this level is finer than the one before it";
                Err(Error::settings("datasets", &level.path, problem, "order the levels finest first"))
            }
        }
    }
}

fn check_length(field: &str, length: usize, ndim: usize) -> Result<()> {
    if length == ndim {
        return Ok(());
    }
    let problem = format!("it has {length} entries, the image {ndim} axes");
    Err(Error::settings(field, length, problem, "give one entry for each axis"))
}

/// Zarr v3 core specification, "Node names"; and no character that ends a path segment or a line somewhere.
fn check_node_name(name: &str, field: &str) -> Result<()> {
    let problem = if name.is_empty() {
        "a group or array needs a name"
    } else if name.chars().all(|character| character == '.') {
        "a name of dots is a path of its own"
    } else if name.starts_with("__") {
        "names beginning with __ are reserved by Zarr"
    } else if ZarrFormat::ALL.iter().any(|format| format.is_document(name)) {
        "this is the name of one of Zarr's metadata files"
    } else if name.chars().any(|character| matches!(character, '/' | '\\') || character.is_control()) {
        "slashes and control characters cannot be part of a name"
    } else {
        return Ok(());
    };
    Err(Error::settings(field, format!("{name:?}"), problem, "use letters, digits, `-`, `_` and `.`"))
}

fn kind_name(kind: &AxisKind) -> &str {
    match kind {
        AxisKind::Space => "space",
        AxisKind::Time => "time",
        AxisKind::Channel => "channel",
        AxisKind::Other(name) => name,
    }
}

#[cfg(test)]
mod tests {
    use super::super::golden_tests::{axis, image, tczyx};
    use super::*;

    type Change = fn(&mut Image);

    fn refusal(change: Change) -> String {
        let mut image = tczyx();
        change(&mut image);
        let error = Hierarchy::Single(image).validate().expect_err("must be refused");
        assert_eq!(error.code(), 1, "{error}");
        error.to_string()
    }

    #[test]
    fn a_sound_image_passes() {
        assert!(Hierarchy::Single(tczyx()).validate().is_ok());
        assert_eq!(Hierarchy::Single(tczyx()).order_violation(), None);
    }

    #[test]
    fn what_does_not_fit_together_is_refused_by_field() {
        let cases: [(Change, &str); 11] = [
            (|image| image.axes.truncate(1), "`axes` = 1"),
            (|image| image.axes.push(axis("p", AxisKind::Space, None)), "`axes` = 6"),
            (|image| image.axes[0].name = "x".into(), "`axes[4].name` = x"),
            (|image| image.axes[0].name.clear(), "`axes[0].name` = "),
            (|image| image.shape.truncate(4), "`shape` = 4"),
            (|image| image.datasets.clear(), "`datasets` = []"),
            (|image| image.datasets[0].scale.truncate(4), "`scale` = 4"),
            (|image| image.datasets[0].translation = Some(vec![0.0; 4]), "`translation` = 4"),
            (|image| image.datasets[0].path = "..".into(), "`datasets.path` = \"..\""),
            (|image| image.datasets.extend(image.datasets.clone()), "`datasets.path` = 0"),
            (
                |image| {
                    let mut finer = image.datasets[0].clone();
                    finer.path = "1".into();
                    finer.scale[4] /= 2.0;
                    image.datasets.push(finer);
                },
                "`datasets` = 1",
            ),
        ];
        for (change, told) in cases {
            let message = refusal(change);
            assert!(message.contains(told), "{told}: {message}");
        }
    }

    #[test]
    fn groups_that_would_collide_or_escape_are_refused() {
        let one = || image(&["y", "x"]);
        for names in
            [&["a", "a"][..], &["a", "A"], &["ome"], &[""], &["."], &["a/b"], &["a\\b"], &["__a"], &["a\n"], &[]]
        {
            let series = names.iter().map(|name| ((*name).to_owned(), one())).collect();
            let error = Hierarchy::Series(series).validate().expect_err("must be refused");
            assert!(error.to_string().contains("`positions`"), "{names:?}: {error}");
        }
        let series = ["0", "Pos 1", "µ-2.b"].map(|name| (name.to_owned(), one())).into();
        assert!(Hierarchy::Series(series).validate().is_ok());
    }

    #[test]
    fn an_order_against_ngff_is_noted_with_its_axes() {
        let acquisition_order = Hierarchy::Single(image(&["c", "t", "y", "x"]));
        assert!(acquisition_order.validate().is_ok());
        let reason = acquisition_order.order_violation().expect("channel before time");
        assert!(reason.contains("`c` (channel) stands before `t` (time)"), "{reason}");

        let reason = Hierarchy::Single(image(&["z", "c", "y", "x"])).order_violation().expect("space before channel");
        assert!(reason.contains("`z` (space) stands before `c` (channel)"), "{reason}");
    }

    #[test]
    fn more_axes_of_a_kind_than_ngff_has_are_noted() {
        let reason = image(&["t", "c", "angle", "y", "x"]).order_violation().expect("two of rank one");
        assert!(reason.contains("1 time, 2 channel or custom and 2 space"), "{reason}");
        assert_eq!(image(&["t", "angle", "z", "y", "x"]).order_violation(), None);
        assert_eq!(image(&["y", "x"]).order_violation(), None);
    }
}
