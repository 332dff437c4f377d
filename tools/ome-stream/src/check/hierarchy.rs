//! The nodes of a store: each by its attributes, and what they name against what is there.

use std::collections::{BTreeMap, HashSet};

use ome_stream::platform::Source;
use ome_stream::reader::limits::XML_BYTES;
use ome_stream::reader::{below, small};
use ome_stream::zarr::ZarrFormat;
use serde_json::Value;

use super::at::{At, Findings, short};
use super::levels::{self, Facts, Stored};
use super::looked::Looked;
use super::rules::*;
use super::scene::End;
use super::version::{Told, Version};
use super::{labels, multiscales, plate, scene, series};
use crate::store::discover::version;
use crate::store::node::{Kind, Node};
use crate::store::tree::{Found, Role, Visitor, folders, join};

/// Name of the OME-XML of a series.
const XML_NAME: &str = "METADATA.ome.xml";

/// Most things that were not looked at that are told.
const MAX_UNCHECKED: usize = 1000;

/// Looks at one node after another.
pub struct Checker<'a> {
    source: &'a dyn Source,
    attributes_only: bool,
    /// Zarr format of the root.
    format: ZarrFormat,
    /// True where a node has told the version.
    is_told: bool,
    findings: Findings,
    arrays: Vec<Stored>,
    looked: Looked,
    unchecked: Vec<String>,
    /// The image that was looked at last: what its label images are held against.
    image: Facts,
    plate: Plate,
}

/// What a plate says of its wells, while they are looked at.
#[derive(Default)]
struct Plate {
    /// Path of the plate.
    path: String,
    field_count: Option<u64>,
    acquisitions: Vec<i64>,
    /// Largest number of fields in a well.
    fields: u64,
}

impl<'a> Checker<'a> {
    /// Nothing was looked at yet of the store whose root is `root`.
    pub fn new(source: &'a dyn Source, root: &Node, attributes_only: bool) -> Self {
        let told = version(root).map(Told::of).and_then(Told::version);
        let by_format = if root.zarr == ZarrFormat::V2 { Version::V04 } else { Version::V05 };
        Self {
            source,
            attributes_only,
            format: root.zarr,
            is_told: told.is_some(),
            findings: Findings::new(told.filter(|told| told.format() == root.zarr).unwrap_or(by_format)),
            arrays: Vec::new(),
            looked: Looked::default(),
            unchecked: Vec::new(),
            image: Facts::default(),
            plate: Plate::default(),
        }
    }

    /// What was found, the arrays whose files are still to be looked at, and what was not looked at.
    pub fn end(mut self) -> (Findings, Vec<Stored>, Looked, Vec<String>) {
        self.end_plate();
        if self.looked.images == 0 && self.findings.list.is_empty() && !self.attributes_only {
            self.findings.node.clear();
            self.findings.add(OME, "", "no image in the store");
        }
        (self.findings, self.arrays, self.looked, self.unchecked)
    }

    /// The version that a node tells against that of the store.
    fn version(&mut self, found: &Found<'_>, ome: &At<'_>) {
        let told = ome.text("version").map(Told::of);
        if !self.is_told
            && let Some(first) = version(found.node).map(Told::of).and_then(Told::version)
        {
            self.is_told = true;
            if first.format() == self.format {
                self.findings.version = first;
            }
        }
        // In 0.4 each object tells its own.
        if found.node.zarr == ZarrFormat::V2 {
            return;
        }
        match (told, ome.get("version")) {
            (None, None) => self.findings.missing(VERSION, ome, "version"),
            (None | Some(Told::Unknown | Told::Earlier), Some(at)) => self.findings.at(VERSION, &at),
            (Some(Told::Final(told) | Told::Draft(told)), Some(at)) if told.format() != found.node.zarr => {
                self.findings.at(FORMAT, &at);
            }
            (Some(Told::Final(told) | Told::Draft(told)), Some(at)) if told != self.findings.version => {
                self.findings.at(VERSION_SAME, &at);
            }
            (Some(Told::Draft(_)), Some(at)) if found.role == Role::Root => self.findings.at(VERSION_DRAFT, &at),
            _ => {}
        }
    }

    /// The attributes of a group, each object by its own rules.
    fn attributes(&mut self, found: &Found<'_>, ome: &At<'_>) {
        let findings = &mut self.findings;
        multiscales::check(findings, ome);
        labels::list(findings, ome);
        labels::image_label(findings, ome);
        plate::plate(findings, ome);
        let is_below = found.role == Role::Well;
        plate::well(findings, ome, is_below.then_some(&self.plate.acquisitions));
        series::layout(findings, ome);
        series::list(findings, ome);
        if findings.version == Version::V06 {
            let ends = scene::check(findings, ome);
            if !self.attributes_only {
                self.scene(found, &ends);
            }
        }
    }

    /// What must be in a group that another names.
    fn role(&mut self, found: &Found<'_>) {
        let has = |key: &str| found.ome(key).is_some();
        let mut need = |rule, key: &str| {
            if !has(key) {
                self.findings.add(rule, key, "missing");
            }
        };
        match found.role {
            Role::Image => need(SERIES_IMAGE, "multiscales"),
            Role::Field => need(FIELD_IMAGE, "multiscales"),
            Role::Well => need(WELL_OBJECT, "well"),
            Role::Labels => need(LABELS_LIST, "labels"),
            Role::Label => {
                need(LABEL_IMAGE, "multiscales");
                need(LABEL_TOLD, "image-label");
            }
            // It need not be listed to be one.
            _ if has("image-label") && !self.attributes_only => need(LABEL_IMAGE, "multiscales"),
            Role::Between if found.node.ome().is_some() => self.findings.add(LABELS_BETWEEN, "", "metadata"),
            Role::Root => {
                let keys = ["multiscales", "plate", "well", "labels", "image-label", "scene", "series"];
                let any = keys.iter().any(|key| has(key)) || has("bioformats2raw.layout");
                if found.node.ome().is_some() && !any {
                    self.findings.add(OME, "ome", "none of its keys");
                }
            }
            _ => {}
        }
    }

    /// What a group names against what is there.
    fn members(&mut self, found: &Found<'_>) {
        if found.ome("multiscales").is_some() {
            self.looked.images += 1;
            let facts = levels::check(self.source, found, &mut self.findings, &mut self.arrays);
            if found.role == Role::Label {
                self.label(&facts);
            } else {
                self.image = facts;
            }
        }
        if found.ome("plate").is_some() {
            self.start_plate(found);
        }
        if let Some(well) = found.ome("well") {
            let images = well.get("images").and_then(Value::as_array).map_or(0, Vec::len) as u64;
            self.plate.fields = self.plate.fields.max(images);
        }
        if found.ome("bioformats2raw.layout").is_some() {
            self.series(found);
        }
        if found.role == Role::Labels {
            self.unlisted_labels(found);
        }
    }

    fn start_plate(&mut self, found: &Found<'_>) {
        self.end_plate();
        let Some(plate) = found.ome("plate").map(At::top) else { return };
        let ids = plate.list("acquisitions").filter_map(|each| each.value.get("id")?.as_i64());
        self.plate = Plate {
            path: found.path.to_owned(),
            field_count: plate.value.get("field_count").and_then(Value::as_u64),
            acquisitions: ids.collect(),
            fields: 0,
        };
        // Rows and wells that are there and not listed.
        let wells: HashSet<&str> = plate
            .value
            .get("wells")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|well| well.get("path")?.as_str())
            .collect();
        let rows: HashSet<&str> = wells.iter().filter_map(|well| well.split_once('/')).map(|(row, _)| row).collect();
        let named = plate.list("rows").filter_map(|row| row.text("name"));
        for row in named {
            // A name that is none is told by the rule of names; a link is not followed.
            let Ok(folder) = below(self.source, found.folder, row) else { continue };
            if !matches!(Node::read(self.source, &folder), Ok(Some(_))) {
                continue;
            }
            if !rows.contains(row) {
                self.findings.add(PLATE_EMPTY, row, "a row without wells");
                continue;
            }
            for column in folders(self.source, &folder).unwrap_or_default() {
                let path = format!("{row}/{column}");
                if !wells.contains(path.as_str())
                    && matches!(Node::read(self.source, &folder.join(&column)), Ok(Some(_)))
                {
                    self.findings.add(PLATE_EMPTY, path, "a well that is not listed");
                }
            }
        }
    }

    fn end_plate(&mut self) {
        let Plate { path, field_count, fields, .. } = std::mem::take(&mut self.plate);
        if let Some(told) = field_count
            && fields > 0
            && told != fields
        {
            self.findings.node = path;
            self.findings.add(
                PLATE_FIELDS_RIGHT,
                "plate.field_count",
                format!("{told}; the fullest well has {fields}"),
            );
        }
    }

    /// A label image against the image that it belongs to.
    fn label(&mut self, label: &Facts) {
        let image = &self.image;
        if label.levels != image.levels {
            self.findings.add(LABEL_LEVELS, "multiscales", format!("{}; its image has {}", label.levels, image.levels));
        }
        if let Some(data_type) = label.data_type.as_deref().filter(|name| !name.contains("int")) {
            self.findings.add(LABEL_INTEGER, "multiscales", short(&data_type.into()));
        }
        let fits = |(one, other): (&u64, &u64)| one == other || *one == 1;
        if let (Some(own), Some(all)) = (&label.shape, &image.shape)
            && (own.len() != all.len() || !own.iter().zip(all).all(fits))
        {
            self.findings.add(LABEL_SHAPE, "multiscales", format!("{own:?}; its image has {all:?}"));
        }
    }

    fn unlisted_labels(&mut self, found: &Found<'_>) {
        let listed = found.ome("labels").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let listed: HashSet<&str> =
            listed.iter().filter_map(Value::as_str).map(|path| path.trim_matches('/')).collect();
        for name in folders(self.source, found.folder).unwrap_or_default() {
            let is_image = || {
                let node = Node::read(self.source, &found.folder.join(&name)).ok().flatten();
                node.is_some_and(|node| node.ome().is_some_and(|ome| ome.get("multiscales").is_some()))
            };
            // In 0.4 groups that are not listed may be labels.
            if self.findings.version != Version::V04 && !listed.contains(name.as_str()) && is_image() {
                self.findings.add(LABELS_LISTED, "labels", short(&name.into()));
            }
        }
    }

    /// A series: its OME-XML, and its images where no list names them.
    fn series(&mut self, found: &Found<'_>) {
        let folder = found.folder.join("OME");
        let node = Node::read(self.source, &folder).ok().flatten();
        let list = node.as_ref().and_then(|node| node.ome()?.get("series")?.as_array());
        let mut images = list.map(Vec::len);
        if list.is_none() && found.ome("plate").is_some() {
            self.findings.add(SERIES_PLATE, "OME", "no series");
        } else if list.is_none() {
            let names = folders(self.source, found.folder).unwrap_or_default();
            let mut numbers: Vec<u64> = names.iter().filter_map(|name| name.parse().ok()).collect();
            numbers.sort_unstable();
            if numbers.is_empty() || !numbers.iter().copied().eq(0..numbers.len() as u64) {
                self.findings.add(SERIES_NUMBERED, "bioformats2raw.layout", format!("groups {numbers:?}"));
            } else {
                images = Some(numbers.len());
            }
        }
        let name = format!("OME/{XML_NAME}");
        match small(self.source, &folder.join(XML_NAME), XML_BYTES) {
            Ok(found) => match found.bytes() {
                Some(text) => series::xml(&mut self.findings, &name, &text, images),
                None => self.findings.add(XML, name, "missing, or not a file"),
            },
            Err(error) => self.findings.add(UNREADABLE, name, error.to_string()),
        }
    }

    /// The images whose coordinate systems a scene names.
    fn scene(&mut self, found: &Found<'_>, ends: &[End]) {
        let mut by_path = BTreeMap::<&str, Vec<&End>>::new();
        for end in ends {
            by_path.entry(end.path.as_deref().unwrap_or_default()).or_default().push(end);
        }
        for (path, ends) in by_path {
            let node = below(self.source, found.folder, path).and_then(|folder| Node::read(self.source, &folder));
            let node = match node {
                Ok(Some(node)) => node,
                Ok(None) => {
                    self.findings.add(NODE_THERE, &ends[0].place, format!("{path:?}: there is nothing"));
                    continue;
                }
                Err(why) => {
                    self.findings.add(NODE_THERE, &ends[0].place, why);
                    continue;
                }
            };
            let multiscales =
                node.ome().and_then(|ome| ome.get("multiscales")?.as_array()).map_or(&[][..], Vec::as_slice);
            let systems = multiscales.iter().filter_map(|each| each.get("coordinateSystems")?.as_array()).flatten();
            let names: HashSet<&str> = systems.filter_map(|system| system.get("name")?.as_str()).collect();
            for end in ends.into_iter().filter(|end| !names.contains(end.name.as_str())) {
                let told = format!("{} of {}", short(&end.name.clone().into()), short(&path.into()));
                self.findings.add(SCENE_SYSTEM, &end.place, told);
            }
        }
    }
}

impl Visitor for Checker<'_> {
    fn found(&mut self, found: &Found<'_>) {
        self.looked.nodes += 1;
        self.findings.node = found.path.to_owned();
        if !found.node.is_json {
            self.findings.add(DOCUMENT_JSON, "attributes", "NaN or Infinity");
        }
        if found.node.zarr != self.format {
            let told = format!("Zarr v{}; the root is v{}", found.node.zarr.number(), self.format.number());
            self.findings.add(FORMAT, "zarr_format", told);
        }
        if found.node.is_misplaced() {
            let told = if found.node.zarr == ZarrFormat::V2 { "`ome` in Zarr v2" } else { "keys beside `ome`" };
            self.findings.add(FORMAT, "attributes", told);
        }
        if found.node.kind == Kind::Array {
            if found.role == Role::Root {
                self.findings.add(OME, "", "an array without a group");
            }
            return levels::alone(found, &mut self.findings, &mut self.arrays);
        }
        if let Some(ome) = found.node.ome() {
            let ome = At::top(ome);
            if ome.value.is_object() {
                self.version(found, &ome);
                self.attributes(found, &ome);
            } else {
                self.findings.at(OME, &ome);
            }
        }
        self.role(found);
        if !self.attributes_only {
            self.members(found);
        }
    }

    fn absent(&mut self, path: &str, role: Role, above: &Found<'_>, why: Option<String>) {
        if self.attributes_only {
            return;
        }
        match (role, why) {
            (_, Some(why)) => {
                self.findings.node = path.to_owned();
                self.findings.add(DOCUMENT, "", why);
            }
            // A group without a list of its images need not be there; folders between labels need no document.
            (Role::Ome | Role::Beside | Role::Labels | Role::Between, None) => {}
            (_, None) => {
                self.findings.node = above.path.to_owned();
                let below = path.strip_prefix(above.path).unwrap_or(path).trim_start_matches('/');
                self.findings.add(NODE_THERE, below, "there is no group");
            }
        }
    }

    fn unknown(&mut self, path: &str, why: String) {
        if self.unchecked.len() < MAX_UNCHECKED {
            self.unchecked.push(join(path, &why));
        }
    }

    fn wants_labels(&self) -> bool {
        true
    }
}
