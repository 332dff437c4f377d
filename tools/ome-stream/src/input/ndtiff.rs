//! NDTiff data sets (Micro-Manager, pycro-manager): TIFF files of plain pixels, and an index of what lies where.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use ome_stream::settings::{Channel, Color, DataType, Position};
use serde_json::{Map, Value};

use super::known::{Known, unique};
use super::micromanager;
use super::source::{Asked, FrameSource, Frames, Image, InputError, Next, swap};

/// The index's file.
const INDEX: &str = "NDTiff.index";

/// Largest index that is read: about 200 bytes for each frame.
const MAX_INDEX: u64 = 4 << 30;

/// Number at byte 8 of each of the TIFF files.
const MAGIC: u32 = 483_729;

/// Number before the summary metadata.
const SUMMARY: u32 = 2_355_492;

/// Most bytes of metadata that are read with a frame or of a summary.
const MAX_METADATA: usize = 16 << 20;

/// Longest summary that is kept in the store.
const MAX_KEPT: usize = 64 << 10;

/// One frame in the index.
#[derive(Debug, Clone)]
struct Entry {
    file: usize,
    offset: u64,
    metadata: (u64, usize),
}

/// What frames have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Shape {
    rows: u32,
    columns: u32,
    kind: u32,
}

impl Shape {
    /// Type of a pixel and samples of it.
    fn pixels(self) -> Result<(DataType, u64), String> {
        match self.kind {
            0 => Ok((DataType::UInt8, 1)),
            // 16, 10, 12, 14 and 11 bits in two bytes.
            1 | 3..=6 => Ok((DataType::UInt16, 1)),
            2 => Ok((DataType::UInt8, 3)),
            other => Err(format!("it has the unknown pixel type {other}")),
        }
    }
}

/// Frames of a data set.
pub struct NdTiff {
    folder: PathBuf,
    files: Vec<String>,
    open: Option<(usize, File, bool)>,
    entries: Vec<Entry>,
    samples: u64,
    image: Image,
    known: Known,
    read: u64,
    /// A frame of several samples.
    pixels: Vec<u8>,
    metadata: Option<String>,
}

/// The data set that a TIFF file belongs to, if it is one of NDTiff's.
///
/// # Errors
/// Where the data set cannot be taken.
pub fn of_file(path: &Path, first: &[u8], asked: Asked) -> Result<Option<Box<dyn FrameSource>>, InputError> {
    let magic = first.get(8..12).and_then(|bytes| bytes.try_into().ok()).map(u32::from_le_bytes);
    if magic != Some(MAGIC) {
        return Ok(None);
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    if !folder.join(INDEX).is_file() {
        return Err(InputError::Unusable(format!(
            "it is a file of an NDTiff data set, whose {INDEX} is not beside it; give the folder of the data set"
        )));
    }
    Ok(Some(Box::new(NdTiff::open(folder, asked)?)))
}

/// The data set in a folder, if there is one.
///
/// # Errors
/// Where the data set cannot be taken.
pub fn of_folder(path: &Path, asked: Asked) -> Result<Option<Box<dyn FrameSource>>, InputError> {
    for folder in [path.to_owned(), path.join("Full resolution")] {
        if folder.join(INDEX).is_file() {
            return Ok(Some(Box::new(NdTiff::open(&folder, asked)?)));
        }
    }
    Ok(None)
}

fn refuse<T>(problem: impl std::fmt::Display) -> Result<T, InputError> {
    Err(InputError::Unusable(format!("its {INDEX} cannot be used: {problem}")))
}

/// Place of a frame along the axes of the data set; text for channels with names.
type Place = BTreeMap<String, String>;

impl NdTiff {
    fn open(folder: &Path, asked: Asked) -> Result<Self, InputError> {
        let path = folder.join(INDEX);
        let length = fs::metadata(&path)?.len();
        if length > MAX_INDEX {
            return refuse(format!("it has {length} bytes, up to {MAX_INDEX} are read"));
        }
        let index = fs::read(&path)?;
        let mut files: Vec<String> = Vec::new();
        let mut shape = None;
        // In the order of the index; what was written twice counts as it was written last.
        let mut places: Vec<Place> = Vec::new();
        let mut found: HashMap<Place, Entry> = HashMap::new();
        let mut rest = index.as_slice();
        while !rest.is_empty() {
            let number = places.len();
            let Some((place, file, entry, other)) = entry(&mut rest).map_err(|problem| {
                InputError::Unusable(format!("its {INDEX} cannot be used: {problem} in entry {number}"))
            })?
            else {
                return refuse(format!("it ends within entry {number}; the acquisition was cut short"));
            };
            match shape {
                Some(shape) if shape != other => {
                    return refuse(format!("its frames are not alike: {shape:?} and, in entry {number}, {other:?}"));
                }
                _ => shape = Some(other),
            }
            let nth = files.iter().position(|known| *known == file).unwrap_or_else(|| {
                files.push(file);
                files.len() - 1
            });
            if found.insert(place.clone(), Entry { file: nth, ..entry }).is_none() {
                places.push(place);
            }
        }
        let Some(shape) = shape else { return refuse("it has no frame") };
        let (dtype, samples) = shape.pixels().or_else(refuse)?;
        let frame = u64::from(shape.rows) * u64::from(shape.columns) * dtype.size() as u64 * samples;
        check_files(folder, &files, found.values(), frame)?;
        let mut data_set = Self {
            folder: folder.to_owned(),
            files,
            open: None,
            entries: Vec::new(),
            samples,
            image: Image { shape: Vec::new(), dtype, axes: None },
            known: Known::default(),
            read: 0,
            pixels: Vec::new(),
            metadata: None,
        };
        match data_set.arrange(&places, &found) {
            Ok(()) => {}
            // Who counts the frames themselves need not care for the axes.
            Err(problem) if asked.dimensions => {
                data_set.entries = places.iter().filter_map(|place| found.get(place).cloned()).collect();
                data_set.image.shape = vec![places.len() as u64 * samples];
                let note = format!("frames are taken in the order in which they were written: {problem}");
                data_set.known.notes.push(note);
            }
            Err(problem) => return Err(problem),
        }
        data_set.image.shape.extend([u64::from(shape.rows), u64::from(shape.columns)]);
        data_set.carry()?;
        Ok(data_set)
    }

    /// Makes axes of the places: p (stage positions and tiles), t, z, c.
    fn arrange(&mut self, places: &[Place], found: &HashMap<Place, Entry>) -> Result<(), InputError> {
        let name = |name: &str| match name {
            "time" | "t" => Some('t'),
            "z" => Some('z'),
            "channel" | "c" => Some('c'),
            "position" | "p" | "row" | "column" => Some('p'),
            _ => None,
        };
        let mut values: BTreeMap<char, Vec<Vec<String>>> = BTreeMap::new();
        let names: BTreeSet<&String> = places.iter().flat_map(BTreeMap::keys).collect();
        for other in names.iter().filter(|known| name(known).is_none()) {
            let of_axis: BTreeSet<Option<&String>> = places.iter().map(|place| place.get(*other)).collect();
            if of_axis.len() > 1 {
                return refuse(format!(
                    "it has the axis {other:?}, which is not one of time, z, channel, position, row, column"
                ));
            }
        }
        // An axis is the tuple of all that it is made of; a frame without one of them is at its beginning.
        let at = |place: &Place, axis: char| -> Vec<String> {
            let of_axis = names.iter().filter(|known| name(known) == Some(axis));
            of_axis.map(|known| place.get(*known).cloned().unwrap_or_else(|| "0".into())).collect()
        };
        let mut by_place: HashMap<Vec<Vec<String>>, &Entry> = HashMap::new();
        const ORDER: [char; 4] = ['p', 't', 'z', 'c'];
        for place in places {
            let key: Vec<Vec<String>> = ORDER.iter().map(|axis| at(place, *axis)).collect();
            for (axis, value) in ORDER.iter().zip(&key) {
                values.entry(*axis).or_default().push(value.clone());
            }
            by_place.insert(key, &found[place]);
        }
        for of_axis in values.values_mut() {
            let mut seen = BTreeSet::new();
            of_axis.retain(|value| seen.insert(value.clone()));
            // Numbers are counted; names stay in the order in which they came.
            if of_axis.iter().flatten().all(|value| value.parse::<i64>().is_ok()) {
                of_axis.sort_by_key(|value| {
                    value.iter().map(|number| number.parse::<i64>().unwrap_or(0)).collect::<Vec<_>>()
                });
            }
        }
        let of_axis = |axis: &char| values.get(axis).cloned().unwrap_or_default();
        let counts: Vec<usize> = ORDER.iter().map(|axis| of_axis(axis).len()).collect();
        let declared = counts.iter().product::<usize>();
        if declared != by_place.len() {
            let figures: Vec<String> = ORDER
                .iter()
                .zip(&counts)
                .filter(|(_, count)| **count > 1)
                .map(|(axis, count)| format!("{axis} {count}"))
                .collect();
            return refuse(format!(
                "its axes declare {} = {declared} frames, but it holds {}; give -d with a count for each axis (inf for the \
                 first) to take the frames in the order in which they were written",
                figures.join(" x "),
                by_place.len(),
            ));
        }
        let lists: Vec<Vec<Vec<String>>> = ORDER.iter().map(of_axis).collect();
        for number in 0..declared {
            let mut rest = number;
            let mut key = Vec::new();
            for list in lists.iter().rev() {
                key.push(list[rest % list.len()].clone());
                rest /= list.len();
            }
            key.reverse();
            match by_place.get(&key) {
                Some(entry) => self.entries.push((*entry).clone()),
                None => return refuse(format!("there is no frame at {key:?}")),
            }
        }
        let mut axes = String::new();
        for (axis, count) in ORDER.iter().zip(&counts) {
            let count = if *axis == 'c' { *count as u64 * self.samples } else { *count as u64 };
            if count > 1 {
                axes.push(*axis);
                self.image.shape.push(count);
            }
        }
        self.image.axes = Some(axes + "yx");
        self.name_channels(&of_axis(&'c'));
        self.name_positions(
            &of_axis(&'p'),
            &names.iter().filter(|known| name(known) == Some('p')).map(|name| name.as_str()).collect::<Vec<_>>(),
        );
        Ok(())
    }

    fn name_channels(&mut self, values: &[Vec<String>]) {
        let names: Vec<String> = values.iter().map(|value| value.concat()).collect();
        if self.samples == 1 && names.iter().any(|name| name.parse::<i64>().is_err()) {
            self.known.channels = unique(names, false).into_iter().map(Channel::new).collect();
        }
    }

    fn name_positions(&mut self, values: &[Vec<String>], names: &[&str]) {
        if values.len() < 2 {
            return;
        }
        let text = |value: &Vec<String>| match names {
            ["position" | "p"] => value.concat(),
            _ => names.iter().zip(value).map(|(name, value)| format!("{name}{value}")).collect::<Vec<_>>().join("_"),
        };
        let unique = unique(values.iter().map(text), true);
        let grid = |value: &Vec<String>, axis: &str| {
            let nth = names.iter().position(|name| *name == axis)?;
            value.get(nth)?.parse::<i64>().ok()
        };
        self.known.positions = unique
            .into_iter()
            .zip(values)
            .map(|(name, value)| {
                let (row, column) = (grid(value, "row"), grid(value, "column"));
                let both = row.is_some() && column.is_some();
                Position { grid_row: row.filter(|_| both), grid_column: column.filter(|_| both), ..Position::new(name) }
            })
            .collect();
    }

    /// Sizes and places, from the metadata of the first frame of each position and from the summary.
    fn carry(&mut self) -> Result<(), InputError> {
        let first = self.metadata_of(0)?;
        if let Some(size) = first.as_ref().and_then(micromanager::pixel_size) {
            self.known.size('x', size, "micrometer");
            self.known.size('y', size, "micrometer");
        }
        self.known.dropped.extend(first.as_ref().and_then(micromanager::left));
        if let Some(summary) = self.summary() {
            let z = ["z-step_um", "z_step_um", "ZStepUm"].iter().find_map(|name| summary.get(*name)?.as_f64());
            if let Some(step) = z.filter(|_| self.image.axes.as_deref().is_some_and(|axes| axes.contains('z'))) {
                self.known.size('z', step.abs(), "micrometer");
            }
            let interval = summary.get("Interval_ms").and_then(Value::as_f64);
            if let Some(ms) = interval.filter(|_| self.image.axes.as_deref().is_some_and(|axes| axes.contains('t'))) {
                self.known.size('t', ms / 1000.0, "s");
            }
            self.summarized_channels(&summary);
            if let Some(time) =
                ["StartTime", "DateAndTime", "DateTime"].iter().find_map(|name| summary.get(*name)?.as_str())
            {
                self.known.keep("acquired", time);
            }
            if summary.to_string().len() <= MAX_KEPT {
                self.known.keep("SummaryMetadata", summary);
            } else {
                self.known.dropped.insert("the summary metadata".into());
            }
        }
        let count = self.known.positions.len().max(1);
        let stride = self.entries.len() / count;
        let place = |metadata: Option<Value>| {
            let known = metadata.map(|metadata| micromanager::of_frame(&metadata)).unwrap_or_default();
            ["position_x", "position_y", "position_z"]
                .map(|name| known.get(name).and_then(Value::as_f64).map(|um| um * 1e-6))
        };
        if self.known.positions.is_empty() {
            let found = place(first);
            self.known.origin =
                ['x', 'y', 'z'].into_iter().zip(found).filter_map(|(axis, at)| Some((axis, at?))).collect();
        }
        for nth in 0..self.known.positions.len() {
            let [x, y, z] = place(self.metadata_of(nth * stride)?);
            if let Some(position) = self.known.positions.get_mut(nth) {
                (position.x_coord, position.y_coord, position.z_coord) = (x, y, z);
            }
        }
        Ok(())
    }

    /// Names and colors of channels that are only counted along their axis.
    fn summarized_channels(&mut self, summary: &Value) {
        let axis = self.image.axes.as_deref().and_then(|axes| axes.find('c'));
        let count = axis.and_then(|nth| self.image.shape.get(nth)).copied();
        let of_all = |name: &str| {
            let list = summary.get(name).and_then(Value::as_array);
            list.filter(|list| Some(list.len() as u64) == count)
        };
        let colors: Vec<Option<Color>> = of_all("ChColors").map_or(Vec::new(), |colors| {
            let rgb = |color: &Value| {
                let [_, red, green, blue] = (color.as_i64()? as u32).to_be_bytes();
                Some(Color::from_rgb([red, green, blue]))
            };
            colors.iter().map(rgb).collect()
        });
        if let Some(names) = of_all("ChNames").filter(|_| self.known.channels.is_empty() && self.samples == 1) {
            let names = names.iter().map(|name| name.as_str().unwrap_or_default().to_owned());
            self.known.channels = unique(names, false).into_iter().map(Channel::new).collect();
        }
        for (channel, color) in self.known.channels.iter_mut().zip(colors) {
            channel.color = color;
        }
    }

    /// The file of an entry, and whether its numbers are big-endian.
    fn file(&mut self, nth: usize) -> Result<(&mut File, bool), InputError> {
        if self.open.as_ref().is_none_or(|(open, _, _)| *open != nth) {
            self.open = None;
            let name = self.files.get(nth).cloned().unwrap_or_default();
            let mut file = File::open(self.folder.join(&name))
                .map_err(|error| InputError::Unusable(format!("{name} of the data set: {error}")))?;
            let mut order = [0; 2];
            file.read_exact(&mut order)?;
            self.open = Some((nth, file, order == *b"MM"));
        }
        match &mut self.open {
            Some((_, file, big_endian)) => Ok((file, *big_endian)),
            None => refuse("a file is missing"),
        }
    }

    fn metadata_of(&mut self, number: usize) -> Result<Option<Value>, InputError> {
        let Some(Entry { file, metadata: (place, length), .. }) = self.entries.get(number).cloned() else {
            return Ok(None);
        };
        if length == 0 || length > MAX_METADATA {
            return Ok(None);
        }
        let (file, _) = self.file(file)?;
        let mut text = vec![0; length];
        file.seek(SeekFrom::Start(place))?;
        // Cut off, it is no metadata; the pixels were seen to be there.
        Ok(file.read_exact(&mut text).ok().and_then(|()| serde_json::from_slice(&text).ok()).filter(Value::is_object))
    }

    /// The summary metadata in the first file's header.
    fn summary(&mut self) -> Option<Value> {
        let (file, big_endian) = self.file(0).ok()?;
        let mut header = [0; 28];
        file.seek(SeekFrom::Start(0)).ok()?;
        file.read_exact(&mut header).ok()?;
        let number = |at: usize| {
            let bytes = header.get(at..at + 4)?.try_into().ok()?;
            Some(if big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
        };
        let length = number(24)? as usize;
        if number(20)? != SUMMARY || length > MAX_METADATA {
            return None;
        }
        let mut text = vec![0; length];
        file.read_exact(&mut text).ok()?;
        serde_json::from_slice::<Map<String, Value>>(&text).ok().map(Value::Object)
    }
}

/// Takes one entry off the index; `None` where it ends within it.
fn entry(rest: &mut &[u8]) -> Result<Option<(Place, String, Entry, Shape)>, String> {
    fn bytes<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
        let (taken, left) = rest.split_at_checked(count)?;
        *rest = left;
        Some(taken)
    }
    fn number(rest: &mut &[u8]) -> Option<u32> {
        bytes(rest, 4)?.try_into().ok().map(u32::from_le_bytes)
    }
    fn text<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
        let length = number(rest)?;
        bytes(rest, length as usize)
    }
    let (Some(axes), Some(file)) = (text(rest), text(rest)) else { return Ok(None) };
    let numbers: Option<Vec<u32>> = (0..8).map(|_| number(rest)).collect();
    let Some([offset, columns, rows, kind, compression, metadata, length, metadata_compression]) = numbers.as_deref()
    else {
        return Ok(None);
    };
    let axes: Map<String, Value> =
        serde_json::from_slice(axes).map_err(|problem| format!("the axes are not JSON ({problem})"))?;
    let file = std::str::from_utf8(file).map_err(|_| "the name of a file is not UTF-8".to_owned())?;
    if file.is_empty() || file.contains(['/', '\\']) || file == ".." {
        return Err(format!("{file:?} is no name of a file"));
    }
    if *compression != 0 {
        return Err(format!("pixels with the unknown compression {compression}"));
    }
    if *rows == 0 || *columns == 0 {
        return Err("a frame without pixels".to_owned());
    }
    let value = |value: Value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    let place = axes.into_iter().map(|(name, at)| (name, value(at))).collect();
    let length = if *metadata_compression == 0 { *length as usize } else { 0 };
    let entry = Entry { file: 0, offset: u64::from(*offset), metadata: (u64::from(*metadata), length) };
    Ok(Some((place, file.to_owned(), entry, Shape { rows: *rows, columns: *columns, kind: *kind })))
}

/// Makes sure that the pixels of all frames are there.
fn check_files<'a>(
    folder: &Path,
    files: &[String],
    entries: impl Iterator<Item = &'a Entry>,
    frame: u64,
) -> Result<(), InputError> {
    let mut lengths = Vec::new();
    for name in files {
        let length = fs::metadata(folder.join(name)).map(|metadata| metadata.len());
        lengths.push(length.map_err(|error| InputError::Unusable(format!("{name} of the data set: {error}")))?);
    }
    for entry in entries {
        let there = lengths.get(entry.file).copied().unwrap_or(0);
        if entry.offset + frame > there {
            let name = files.get(entry.file).map_or("", String::as_str);
            return refuse(format!(
                "a frame lies at byte {} of {name}, which has {there} bytes and not the {} that it would take",
                entry.offset,
                entry.offset + frame
            ));
        }
    }
    Ok(())
}

impl FrameSource for NdTiff {
    fn image(&self) -> Option<&Image> {
        Some(&self.image)
    }

    fn known(&self) -> Option<&Known> {
        Some(&self.known)
    }

    fn frames(&self, _frame_bytes: u64) -> Frames {
        let count = self.entries.len() as u64 * self.samples;
        Frames { present: Some(count), declared: Some(count) }
    }

    fn next_frame(&mut self, frame: &mut [u8]) -> Result<Next, InputError> {
        let (number, sample) = ((self.read / self.samples) as usize, (self.read % self.samples) as usize);
        let Some(entry) = self.entries.get(number).cloned() else { return Ok(Next::End) };
        let (samples, size) = (self.samples as usize, self.image.dtype.size());
        if sample == 0 {
            let mut pixels = std::mem::take(&mut self.pixels);
            let (file, big_endian) = self.file(entry.file)?;
            file.seek(SeekFrom::Start(entry.offset))?;
            if samples == 1 {
                file.read_exact(frame)?;
            } else {
                pixels.resize(frame.len() * samples, 0);
                file.read_exact(&mut pixels)?;
            }
            if big_endian {
                swap(frame, size);
            }
            self.pixels = pixels;
            let known = self.metadata_of(number)?.map(|metadata| micromanager::of_frame(&metadata));
            self.metadata = known.filter(|known| !known.is_empty()).map(|known| Value::Object(known).to_string());
        }
        if samples > 1 {
            for (pixel, into) in self.pixels.chunks_exact(samples).zip(frame.iter_mut()) {
                *into = pixel.get(sample).copied().unwrap_or(0);
            }
        }
        self.read += 1;
        Ok(Next::Frame)
    }

    fn frame_metadata(&self) -> Option<&str> {
        self.metadata.as_deref()
    }

    fn skip(&mut self, frames: u64, _frame: &mut [u8]) -> Result<u64, InputError> {
        let skipped = frames.min((self.entries.len() as u64 * self.samples).saturating_sub(self.read));
        self.read += skipped;
        Ok(skipped)
    }
}
