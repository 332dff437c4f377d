//! What a host is told of a plan: everything as one JSON object, and where single frames go.

use serde_json::{Map, Value, json};

use super::{Form, Plan, PlannedArray, PlannedSource, SourceId};
use crate::error::{Error, Result};
use crate::router::StorageIndex;

/// Where a frame lies.
#[derive(Debug, Clone)]
pub struct FramePlace<'a> {
    /// Its position: the place of its image among [`Plan::positions`].
    pub position: usize,
    /// Its coordinates along the axes before rows and columns, in storage order.
    pub index: Vec<u64>,
    /// The array of full resolution that holds it.
    pub array: &'a PlannedArray,
}

impl Plan {
    /// Where frame `frame` (from 0) of a source goes; it need not have come.
    ///
    /// # Errors
    /// [`Error::NotDeclared`] beyond the declared frames.
    pub fn place_of(&self, source: SourceId, frame: u64) -> Result<FramePlace<'_>> {
        let Some((array, location)) = self.place(source, frame) else {
            let frames = self.source(source).router().total().unwrap_or(u64::MAX);
            return Err(Error::NotDeclared {
                asked: format!("frame {frame}"),
                problem: format!("the dimensions declare {frames} frames, counted from 0"),
            });
        };
        let array = self.array(array);
        let index = location.index[..array.geometry().index_dimensions()].to_vec();
        Ok(FramePlace { position: array.image(), index, array })
    }

    /// The number of the frame, among those of its source, that goes to the plane `index` (coordinates along the axes
    /// before rows and columns, in storage order) of a position.
    ///
    /// # Errors
    /// [`Error::NotDeclared`] for a position or a plane that there is not, and where `index` has more or fewer
    /// coordinates than there are such axes.
    pub fn frame_of(&self, position: usize, index: &[u64]) -> Result<u64> {
        let array = self.array_of(position, 0)?;
        let axes = array.geometry().index_dimensions();
        let not_declared = |problem: String| {
            let index: Vec<String> = index.iter().map(u64::to_string).collect();
            Error::NotDeclared { asked: format!("position {position}, index [{}]", index.join(", ")), problem }
        };
        if index.len() != axes {
            let names = array.form().axis_names()[..axes].join(", ");
            return Err(not_declared(format!("a plane has {axes} coordinates ({names})")));
        }
        let mut at = StorageIndex::default();
        at.iter_mut().zip(index).for_each(|(to, from)| *to = *from);
        let number = self.source_of(array.id()).frame_number(position, at);
        number.ok_or_else(|| {
            let shape = &array.geometry().shape()[..axes];
            let extent = |(axis, size): (usize, &u64)| match array.geometry().append_axis() {
                Some(append) if append == axis => "unbounded".to_owned(),
                _ => size.to_string(),
            };
            let extents: Vec<String> = shape.iter().enumerate().map(extent).collect();
            not_declared(format!("the planes are [{}], counted from 0", extents.join(", ")))
        })
    }

    /// The array of a level of a position; level 0 is full resolution.
    ///
    /// # Errors
    /// [`Error::NotDeclared`] for a position or a level that there is not.
    pub fn array_of(&self, position: usize, level: u32) -> Result<&PlannedArray> {
        let positions = self.positions().len();
        if position >= positions {
            let problem = format!("the settings declare {positions} position(s), counted from 0");
            return Err(Error::NotDeclared { asked: format!("position {position}"), problem });
        }
        let full = self.arrays().get(position).into_iter();
        let found = full.chain(self.levels_of(position)).find(|array| u32::from(array.level()) == level);
        found.ok_or_else(|| Error::NotDeclared {
            asked: format!("level {level}"),
            problem: format!("an image has {} level(s), 0 is full resolution", self.levels_of(position).count() + 1),
        })
    }

    /// All that was planned, as a JSON object for a host:
    ///
    /// - `settings`: in their normal form, every default filled in ([`crate::Settings::in_full`]);
    /// - `path`: folder of the store; `notes`: texts for a person;
    /// - `memory`: bytes that the run holds at most (`total_bytes`), and what they are made of; `threads`: workers;
    /// - `frames`: how many are declared, `null` where the first dimension is unbounded; `frame_bytes`: of each;
    /// - `axes`: names of the axes of an image, in storage order; `loops`: dimensions in the order of acquisition
    ///   without the frame's, each with its `count` (`null`: unbounded) and its `axis` among `axes` (`null`: position);
    /// - `levels`: of an image, full resolution first, each with `shape`, `chunk` and `shard` in pixels along each
    ///   axis (`null` in a shape: unbounded; `null` for a shard: none);
    /// - `positions`: of each `name`, `folder` and `arrays` (a folder for each level), relative to `path`, with `/`.
    ///
    /// Of a plan with several sources `settings`, `loops` and `levels` are those of the first.
    #[must_use]
    pub fn told(&self) -> Value {
        let source = &self.sources[0];
        let position = |nth: usize| {
            let place = &self.positions[nth];
            let arrays: Vec<&str> =
                std::iter::once(&self.arrays[nth]).chain(self.levels_of(nth)).map(PlannedArray::key).collect();
            json!({"name": place.position.name, "folder": place.path, "arrays": arrays})
        };
        json!({
            "settings": settings_in_full(source),
            "path": self.root.to_string_lossy(),
            "notes": self.notes,
            "memory": self.memory,
            "threads": self.memory.threads,
            "frames": self.sources.iter().map(|source| source.router().total()).sum::<Option<u64>>(),
            "frame_bytes": self.geometry().frame_bytes(),
            "axes": self.axis_names().collect::<Vec<_>>(),
            "loops": loops(source),
            "levels": self.forms.iter().filter(|form| form.source() == source.id()).map(|form| level(form)).collect::<Vec<_>>(),
            "positions": (0..self.positions.len()).map(position).collect::<Vec<_>>(),
        })
    }
}

/// The settings with every default filled in, sizes of chunks included.
fn settings_in_full(source: &PlannedSource) -> Map<String, Value> {
    let mut all = source.settings().in_full();
    if let Some(Value::Array(dimensions)) = all.get_mut("dimensions") {
        for axis in source.acquisition.axes() {
            if let Some(dimension) = dimensions.get_mut(axis.dimension) {
                dimension["chunk_size"] = axis.chunk.into();
            }
        }
    }
    all
}

fn loops(source: &PlannedSource) -> Vec<Value> {
    let dimensions = source.settings().dimensions.iter().zip(source.router().loops());
    dimensions
        .map(|(dimension, each)| json!({"name": dimension.name, "count": each.count, "axis": each.storage_axis}))
        .collect()
}

fn level(form: &Form) -> Value {
    let geometry = form.geometry();
    let bounded = |(axis, extent): (usize, &u64)| (geometry.append_axis() != Some(axis)).then_some(*extent);
    json!({
        "level": form.level(),
        "shape": geometry.shape().iter().enumerate().map(bounded).collect::<Vec<_>>(),
        "chunk": geometry.chunk(),
        "shard": geometry.shard().map(|_| geometry.object()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Capabilities, StorageUnit};
    use crate::settings::{DataType, Pyramid, Settings, parse_dims};

    fn plan(settings: &Settings) -> Plan {
        Plan::new(settings, &Capabilities::taking(StorageUnit::Chunk)).expect("valid")
    }

    fn settings(dims: &str) -> Settings {
        Settings::new("run.ome.zarr", parse_dims(dims).expect("valid"), DataType::UInt16)
    }

    #[test]
    fn shapes_positions_and_defaults_are_told() {
        let mut settings = settings("t:inf:2:3,p:2,c:3,y:512:256:2,x:512:256:1");
        settings.pyramid = Some(Pyramid::default());
        let told = plan(&settings).told();
        assert_eq!(told["axes"], json!(["t", "c", "y", "x"]));
        assert_eq!((&told["frames"], &told["frame_bytes"]), (&Value::Null, &json!(512 * 512 * 2)));
        let loops = json!([
            {"name": "t", "count": null, "axis": 0},
            {"name": "p", "count": 2, "axis": null},
            {"name": "c", "count": 3, "axis": 1},
        ]);
        assert_eq!(told["loops"], loops);
        let levels = json!([
            {"level": 0, "shape": [null, 3, 512, 512], "chunk": [2, 1, 256, 256], "shard": [6, 1, 512, 256]},
            {"level": 1, "shape": [null, 3, 256, 256], "chunk": [2, 1, 256, 256], "shard": [6, 1, 256, 256]},
            {"level": 2, "shape": [null, 3, 128, 128], "chunk": [2, 1, 128, 128], "shard": [6, 1, 128, 128]},
        ]);
        assert_eq!(told["levels"], levels);
        let positions = json!([
            {"name": "0", "folder": "0", "arrays": ["0/0", "0/1", "0/2"]},
            {"name": "1", "folder": "1", "arrays": ["1/0", "1/1", "1/2"]},
        ]);
        assert_eq!(told["positions"], positions);
        assert_eq!(told["settings"]["dimensions"][2]["chunk_size"], 1, "a default is told");
        assert_eq!(told["memory"]["threads"], told["threads"]);
        assert!(
            told["memory"]["total_bytes"].as_u64().expect("bytes")
                <= told["settings"]["memory_limit"].as_u64().expect("bytes")
        );
        assert!(told["path"].as_str().expect("a path").ends_with("run.ome.zarr"));
    }

    #[test]
    fn what_is_told_of_the_settings_makes_the_same_plan() {
        for dims in ["t:5,c:2,y:100:30,x:64", "t:inf:2:3,p:3,y:64:32:2,x:64", "y:16,x:16"] {
            let first = plan(&settings(dims)).told();
            let again = Settings::parse_json(&first["settings"].to_string()).expect("settings");
            assert_eq!(plan(&again).told(), first, "{dims}");
        }
    }

    #[test]
    fn frames_and_places_are_told_both_ways() {
        let mut settings = settings("t:4,p:3,z:2,c:2,y:8,x:8");
        settings.pyramid = Some(Pyramid { levels: Some(2), ..Pyramid::default() });
        let plan = plan(&settings);
        // Acquired t, p, z, c; stored t, c, z.
        let mut frame = 0;
        for t in 0..4 {
            for (p, z, c) in (0..3).flat_map(|p| [(p, 0, 0), (p, 0, 1), (p, 1, 0), (p, 1, 1)]) {
                let place = plan.place_of(SourceId(0), frame).expect("declared");
                assert_eq!((place.position, &place.index[..]), (p, &[t, c, z][..]));
                assert_eq!(place.array.key(), format!("{p}/0"));
                assert_eq!(plan.frame_of(p, &[t, c, z]).expect("declared"), frame);
                frame += 1;
            }
        }
        assert_eq!(plan.array_of(2, 1).expect("a level").key(), "2/1");
        let told = [
            plan.place_of(SourceId(0), frame).map(|_| ()),
            plan.frame_of(3, &[0, 0, 0]).map(|_| ()),
            plan.frame_of(0, &[0, 2, 0]).map(|_| ()),
            plan.frame_of(0, &[0, 0]).map(|_| ()),
            plan.frame_of(0, &[u64::MAX; 3]).map(|_| ()),
            plan.array_of(0, 2).map(|_| ()),
            plan.array_of(usize::MAX, 0).map(|_| ()),
        ]
        .map(|outcome| outcome.expect_err("there is none"));
        let says = ["48 frames", "3 position(s)", "[4, 2, 2]", "(t, c, z)", "[4, 2, 2]", "2 level(s)", "3 position(s)"];
        for (error, says) in told.iter().zip(says) {
            assert!(error.code() == 25 && error.to_string().contains(says), "{error}");
        }
    }

    #[test]
    fn an_unbounded_axis_has_a_frame_at_any_place() {
        let plan = plan(&settings("t:inf,c:2,y:8,x:8"));
        assert_eq!(plan.frame_of(0, &[1 << 40, 1]).expect("unbounded"), (2 << 40) + 1);
        assert_eq!(plan.place_of(SourceId(0), (2 << 40) + 1).expect("unbounded").index, [1 << 40, 1]);
        assert!(plan.frame_of(0, &[u64::MAX, 0]).is_err(), "no number has so many frames");
    }
}
