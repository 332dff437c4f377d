//! The stack that OME-XML describes: which page of which file is which plane, and what is known beside.

use std::collections::HashMap;

use ome_stream::ngff::frame_metadata::is_valid;
use ome_stream::settings::{Channel, Color, DataType, Position};
use serde_json::{Map, Value, json};

use super::super::InputError;
use super::super::known::{Known, unique};
use super::super::units;
use super::ome_xml::{Document, Image, Measured, Plane};
use super::page_layout::PageLayout;
use super::stack::{Axis, Order, Place, Stack};

/// Most planes of a document: each takes some 20 bytes before the pages are counted, whatever the file has.
const MAX_PLANES: u64 = 10_000_000;

/// Where the pages of a set of files are asked for.
pub trait Files {
    /// The file of this name beside the first; opens it where that has not happened.
    ///
    /// # Errors
    /// Where it is not there, or not a part of the set.
    fn file(&mut self, name: &str, uuid: &str) -> Result<u32, InputError>;

    /// Pages of a file, and whether its chain of pages is broken after them.
    fn pages(&self, file: u32) -> (u64, bool);

    /// Pages of a file that are frames, and not smaller copies.
    fn frames(&self, file: u32) -> u64;
}

/// Axes of a plane's place in the order of its numbers: z, c, t.
const LETTERS: [char; 3] = ['z', 'c', 't'];

/// The shape of an image: what positions must have in common.
#[derive(Debug, PartialEq, Eq)]
struct Shape {
    /// Fastest first: indices of [`LETTERS`].
    order: Vec<usize>,
    /// Planes along z, c, t; samples of a pixel are not counted.
    counts: [u64; 3],
}

/// The stack of a document whose first image's pages have `layout`.
///
/// # Errors
/// Where the document does not fit the files, with both figures.
pub fn stack(document: &Document, layout: &PageLayout, files: &mut dyn Files) -> Result<Stack, InputError> {
    let first = document.images.first().ok_or_else(|| refuse("it has no image"))?;
    let shape = shape(first, 0, layout)?;
    for (nth, image) in document.images.iter().enumerate().skip(1) {
        if self::shape(image, nth, layout)? != shape {
            return Err(refuse(format!(
                "its images are not alike: image 0 ({}) has {}, image {nth} ({}) has {}; save each as a file of its \
                 own, as with `bfconvert -series {nth} -compression zlib IN OUT.ome.tif` (Bio-Formats)",
                first.name,
                sizes(first),
                image.name,
                sizes(image),
            )));
        }
    }
    let planes = shape.counts.iter().try_fold(document.images.len() as u64, |planes, count| planes.checked_mul(*count));
    let Some(planes) = planes.filter(|planes| *planes <= MAX_PLANES) else {
        return Err(refuse(format!("it declares more planes than can be: {}", sizes(first))));
    };
    let samples = u64::from(layout.page.samples);
    // The samples of a pixel come one after another, so they are the fastest axis, with the channels next to them.
    let mut order = shape.order.clone();
    if samples > 1 {
        order.sort_by_key(|letter| *letter != 1);
    }
    let names =
        document.images.iter().flat_map(|image| &image.data).map(|data| data.file.as_ref().map(|(name, _)| name));
    let alone = names.collect::<std::collections::BTreeSet<_>>().len() == 1;
    let mut places = Vec::with_capacity(planes as usize);
    let mut frame_metadata = Vec::new();
    let mut known = known(document, samples);
    for (nth, image) in document.images.iter().enumerate() {
        let found = places_of(image, nth, &shape, Others { images: document.images.len(), alone }, files)?;
        let described: HashMap<[u64; 3], &Plane> = image.planes.iter().map(|plane| (plane.at, plane)).collect();
        for at in indices(&order, shape.counts) {
            places.push(found[ordinal(&shape, at)]);
            if !described.is_empty() {
                frame_metadata.push(described.get(&at).and_then(|plane| plane_json(plane, &mut known)));
            }
        }
    }
    if frame_metadata.iter().all(Option::is_none) || frame_metadata.len() != places.len() {
        frame_metadata.clear();
    }
    let mut axes = vec![];
    if document.images.len() > 1 {
        axes.push(Axis::new('p', document.images.len() as u64));
    }
    axes.extend(order.iter().rev().zip(1..).filter_map(|(letter, _): (&usize, u8)| {
        let axis = Axis::new(LETTERS[*letter], shape.counts[*letter]);
        (axis.count > 1).then_some(axis)
    }));
    all_pages_used(&places, files)?;
    Ok(Stack { frame_metadata, ..Stack::new(axes, Order::Places(places), known) })
}

fn refuse(problem: impl std::fmt::Display) -> InputError {
    InputError::Unusable(format!("its OME-XML cannot be used: {problem}"))
}

fn sizes(image: &Image) -> String {
    let [x, y, z, c, t] = image.sizes;
    format!("{y} x {x} pixels, SizeZ {z}, SizeC {c}, SizeT {t}")
}

fn shape(image: &Image, nth: usize, layout: &PageLayout) -> Result<Shape, InputError> {
    let [x, y, z, c, t] = image.sizes;
    let page = layout.page;
    if (x, y) != (page.columns.into(), page.rows.into()) {
        return Err(refuse(format!("image {nth} has {y} x {x} pixels, a page has {page}")));
    }
    if dtype_of(&image.dtype).is_some_and(|dtype| dtype != page.dtype) {
        return Err(refuse(format!(
            "image {nth} has pixels of type {}, a page has {page}; give -d with a count for each axis to take the pages as \
             they are",
            image.dtype
        )));
    }
    let samples = image.channels.first().map_or(1, |channel| channel.samples);
    if image.channels.iter().any(|channel| channel.samples != samples) {
        return Err(refuse(format!("image {nth} has channels of different numbers of samples")));
    }
    let samples = match u64::from(page.samples) {
        of_page if samples == of_page => of_page,
        // Not every program says it.
        of_page if samples == 1 && of_page > 1 && c % of_page == 0 => of_page,
        of_page => return Err(refuse(format!("image {nth} has {samples} sample(s) to a pixel, a page has {of_page}"))),
    };
    if z == 0 || c == 0 || t == 0 || c % samples != 0 {
        return Err(refuse(format!("image {nth} has {} with {samples} sample(s) to a pixel", sizes(image))));
    }
    let order: Option<Vec<usize>> = image
        .order
        .to_lowercase()
        .strip_prefix("xy")
        .and_then(|rest| rest.chars().map(|letter| LETTERS.iter().position(|known| *known == letter)).collect());
    match order {
        Some(order) if order.len() == 3 && (0..3).all(|letter| order.contains(&letter)) => {
            Ok(Shape { order, counts: [z, c / samples, t] })
        }
        _ => Err(refuse(format!("image {nth} has the DimensionOrder {:?}", image.order))),
    }
}

/// What OME-XML calls a pixel type; `None` where it says nothing that is known.
fn dtype_of(name: &str) -> Option<DataType> {
    match name.to_lowercase().as_str() {
        "bit" => Some(DataType::UInt8),
        "float" => Some(DataType::Float32),
        "double" => Some(DataType::Float64),
        name => name.parse().ok(),
    }
}

/// All places z, c, t, the first of `order` fastest.
fn indices(order: &[usize], counts: [u64; 3]) -> impl Iterator<Item = [u64; 3]> {
    let order = order.to_vec();
    (0..counts.iter().product::<u64>()).map(move |nth| {
        let (mut rest, mut at) = (nth, [0; 3]);
        for letter in &order {
            at[*letter] = rest % counts[*letter];
            rest /= counts[*letter];
        }
        at
    })
}

/// Number of a plane in the image's own order.
fn ordinal(shape: &Shape, at: [u64; 3]) -> usize {
    let fold = |sum: u64, letter: &usize| sum * shape.counts[*letter] + at[*letter];
    shape.order.iter().rev().fold(0, fold) as usize
}

/// What is known of the whole document when one image is read.
#[derive(Clone, Copy)]
struct Others {
    images: usize,
    /// All planes are said to lie in the same file.
    alone: bool,
}

/// Where each plane of an image lies, in the image's own order.
fn places_of(
    image: &Image,
    nth: usize,
    shape: &Shape,
    others: Others,
    files: &mut dyn Files,
) -> Result<Vec<Place>, InputError> {
    let planes = shape.counts.iter().product::<u64>();
    let mut found: Vec<Option<Place>> = vec![None; planes as usize];
    if image.data.is_empty() && others.images == 1 {
        let (pages, broken) = files.pages(0);
        if pages != planes && !(broken && pages < planes) {
            return Err(refuse(format!(
                "it declares {planes} planes ({}), but the file has {pages} page(s)",
                sizes(image)
            )));
        }
        return Ok((0..planes).map(|page| Place { file: 0, page: page as u32 }).collect());
    }
    for data in &image.data {
        let file = match &data.file {
            Some((name, uuid)) => match files.file(name, uuid) {
                // The only file of the set, under another name.
                Err(_) if others.alone => 0,
                found => found?,
            },
            None => 0,
        };
        let (pages, broken) = files.pages(file);
        let start = data.ifd.unwrap_or(0);
        let at = data.first;
        if at.iter().zip(shape.counts).any(|(at, count)| *at >= count) {
            let [z, c, t] = at;
            return Err(refuse(format!(
                "a TiffData of image {nth} begins at z {z}, c {c}, t {t}, beyond {}",
                sizes(image)
            )));
        }
        let first = ordinal(shape, at) as u64;
        let count = match (data.count, data.ifd) {
            (Some(count), _) => count,
            (None, Some(_)) => 1,
            // As many as there are; in a file that was cut off, as many as there were.
            (None, None) if broken => planes - first,
            (None, None) => pages.min(planes),
        };
        let end = start.saturating_add(count);
        if end > pages && !broken {
            return Err(refuse(format!(
                "a TiffData of image {nth} names pages {start} to {}, but the file has {pages} page(s)",
                end - 1
            )));
        }
        if first.saturating_add(count) > planes {
            return Err(refuse(format!(
                "a TiffData of image {nth} names {count} planes from plane {first}, but there are {planes}"
            )));
        }
        for (plane, page) in (first..first + count).zip(start..) {
            let place = Place { file, page: page.min(u64::from(u32::MAX)) as u32 };
            match found.get_mut(plane as usize) {
                Some(slot @ None) => *slot = Some(place),
                Some(Some(other)) if *other == place => {}
                _ => return Err(refuse(format!("plane {plane} of image {nth} is said to lie in two places"))),
            }
        }
    }
    let missing = found.iter().filter(|place| place.is_none()).count();
    if missing > 0 {
        return Err(refuse(format!(
            "image {nth} declares {planes} planes ({}), but its TiffData name {}: {missing} are missing",
            sizes(image),
            planes - missing as u64,
        )));
    }
    Ok(found.into_iter().flatten().collect())
}

/// A page that is no plane of any image would be lost without a word.
fn all_pages_used(places: &[Place], files: &dyn Files) -> Result<(), InputError> {
    let mut used: HashMap<u32, Vec<u32>> = HashMap::new();
    for place in places {
        used.entry(place.file).or_default().push(place.page);
    }
    for (file, mut pages) in used {
        pages.sort_unstable();
        pages.dedup();
        let there = files.frames(file);
        if (pages.len() as u64) < there {
            return Err(refuse(format!("it names {} of the {there} pages of file {file} of the set", pages.len())));
        }
    }
    Ok(())
}

fn known(document: &Document, samples: u64) -> Known {
    let mut known = Known::default();
    let Some(first) = document.images.first() else { return known };
    for (axis, size) in ['x', 'y', 'z'].into_iter().zip(&first.physical) {
        if let Some((size, unit)) = size {
            known.size(axis, *size, unit);
        }
    }
    if let Some((increment, unit)) = &first.increment {
        known.size('t', *increment, unit);
    }
    if document.images.iter().any(|image| image.physical != first.physical || image.increment != first.increment) {
        known.sizes.clear();
        known.dropped.insert("pixel sizes, which differ from image to image".into());
    }
    if document
        .images
        .iter()
        .any(|image| image.channels.iter().map(|each| &each.name).ne(first.channels.iter().map(|each| &each.name)))
    {
        known.dropped.insert("channel names, which differ from image to image".into());
    } else {
        known.channels = channels(first, samples);
    }
    let names = unique(document.images.iter().map(|image| image.name.clone()), true);
    for (name, image) in names.into_iter().zip(&document.images) {
        let place = stage(image, &mut known);
        if document.images.len() == 1 {
            known.origin = ['x', 'y', 'z'].into_iter().zip(place).filter_map(|(axis, at)| Some((axis, at?))).collect();
        } else {
            let [x_coord, y_coord, z_coord] = place;
            known.positions.push(Position { x_coord, y_coord, z_coord, ..Position::new(name) });
        }
    }
    let times: Vec<Value> = document.images.iter().map(|image| json!(image.acquired)).collect();
    match times.as_slice() {
        [first, others @ ..] if !first.is_null() && others.iter().all(|other| other == first) => {
            known.keep("acquired", first.clone())
        }
        all if all.iter().any(|time| !time.is_null()) => known.keep("acquired", times),
        _ => {}
    }
    if document.images.len() == 1 && !first.name.is_empty() {
        known.keep("image_name", first.name.clone());
    }
    known.dropped.extend(document.left.iter().map(|name| format!("<{name}> of the OME-XML")));
    known
}

/// Where the stage was, in meters.
fn stage(image: &Image, known: &mut Known) -> [Option<f64>; 3] {
    let planes = &image.planes;
    let of_planes = |axis: usize| {
        let first = planes.iter().find(|plane| plane.at == [0, 0, 0])?;
        first.position.get(axis)?.as_ref()
    };
    let mut at = |axis: usize| {
        let (value, unit) = image.stage.get(axis).and_then(Option::as_ref).or_else(|| of_planes(axis))?;
        match units::length(unit) {
            Some((_, meters)) => Some(value * meters),
            None => {
                known.dropped.insert(format!("stage positions in the unit {unit:?}"));
                None
            }
        }
    };
    [at(0), at(1), at(2)]
}

fn channels(image: &Image, samples: u64) -> Vec<Channel> {
    if image
        .channels
        .iter()
        .all(|channel| channel.name.is_none() && channel.color.is_none() && channel.emission.is_none())
        && samples == 1
    {
        return Vec::new();
    }
    let of_samples = ["red", "green", "blue", "alpha"];
    let mut names = Vec::new();
    let mut channels = Vec::new();
    for (nth, channel) in image.channels.iter().enumerate() {
        for sample in 0..samples {
            let own = channel.name.clone().unwrap_or_else(|| format!("Channel {nth}"));
            let color = of_samples.get(sample as usize).filter(|_| samples > 1);
            names.push(match color {
                Some(color) if image.channels.len() == 1 => (*color).to_owned(),
                Some(color) => format!("{own} {color}"),
                None => own,
            });
            let nm = |light: &Option<Measured>| {
                let (value, unit) = light.as_ref()?;
                let nm = value * units::length(unit)?.1 * 1e9;
                (0.5..1e6).contains(&nm).then(|| nm.round() as u32)
            };
            let of_color = |color: i32| {
                let [red, green, blue, _] = color.to_be_bytes();
                Color::from_rgb([red, green, blue])
            };
            channels.push(Channel {
                name: String::new(),
                excitation_wavelength_nm: nm(&channel.excitation),
                emission_wavelength_nm: nm(&channel.emission),
                fluorophore: channel.fluor.clone(),
                color: match color {
                    Some(&"red") => Some(Color::from_rgb([255, 0, 0])),
                    Some(&"green") => Some(Color::from_rgb([0, 255, 0])),
                    Some(&"blue") => Some(Color::from_rgb([0, 0, 255])),
                    Some(_) => None,
                    None => channel.color.map(of_color),
                },
                window: None,
            });
        }
    }
    for (channel, name) in channels.iter_mut().zip(unique(names, false)) {
        channel.name = name;
    }
    channels
}

/// Keeps a number that can be one of its name: files have negative exposures, too.
fn insert(object: &mut Map<String, Value>, name: &str, number: f64) {
    if is_valid(name, number) {
        object.insert(name.to_owned(), json!(number));
    }
}

/// What is known of one plane, named as ome-writers does: seconds and micrometers.
fn plane_json(plane: &Plane, known: &mut Known) -> Option<Box<str>> {
    let mut object = Map::new();
    for (name, time) in [("delta_t", &plane.delta), ("exposure_time", &plane.exposure)] {
        let Some((value, unit)) = time else { continue };
        match units::time(unit) {
            Some((_, seconds)) => insert(&mut object, name, value * seconds),
            None => drop(known.dropped.insert(format!("times of planes in the unit {unit:?}"))),
        }
    }
    for (name, place) in ["position_x", "position_y", "position_z"].into_iter().zip(&plane.position) {
        let Some((value, unit)) = place else { continue };
        match units::length(unit) {
            Some((_, meters)) => insert(&mut object, name, rounded(value * meters * 1e6)),
            None => drop(known.dropped.insert(format!("stage positions in the unit {unit:?}"))),
        }
    }
    (!object.is_empty()).then(|| Value::Object(object).to_string().into())
}

/// Without what the way through meters has added: a thousandth of a picometer.
fn rounded(micrometers: f64) -> f64 {
    (micrometers * 1e9).round() / 1e9
}
