//! TIFF: pages of one or several files, in the order that their description gives.
//!
//! The directories of all pages are read at first, so that a file that cannot be taken is refused before anything is
//! written.

mod codec;
mod decode;
mod directory;
mod imagej;
mod lsm;
mod lzw;
mod ome;
mod ome_xml;
mod page_layout;
mod resolution;
mod scanimage;
mod segments;
mod set;
mod shaped;
mod stack;
mod stk;
mod tags;
mod texts;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use ome_stream::settings::{Channel, Color};
use serde_json::Value;

use self::directory::{Directory, Tags};
use self::page_layout::{DESCRIPTION, PageLayout};
use self::segments::Segments;
use self::set::Set;
use self::stack::{Axis, Order, Place, Stack};
use self::tags::{Context, Verdict};
use super::known::Known;
use super::{Asked, FrameSource, Frames, Image, InputError, Next, micromanager};

/// Most bytes of a page with several samples to a pixel, which is decoded as a whole.
const MAX_PAGE_BYTES: u64 = 4 << 30;

/// Bytes of pixels to a byte of the file, at most: Zstandard packs 128 KiB of one value into 4 bytes, the others less.
const MAX_RATIO: u64 = 1 << 15;

/// Largest companion file of a set.
const MAX_COMPANION: u64 = 1 << 30;

/// Frames of TIFF files.
pub struct Tiff {
    set: Set,
    stack: Stack,
    image: Image,
    /// Where the pixels of the first page lie, if those of the others lie behind them.
    start: u64,
    /// Frames that were read.
    read: u64,
    /// A page of several samples, and its number in reading order.
    page: Option<u64>,
    pixels: Vec<u8>,
    scratch: Vec<u8>,
    metadata: Option<String>,
}

impl Tiff {
    /// Reads the directories of all pages, and what describes them.
    ///
    /// # Errors
    /// Where a page or a description cannot be taken: what it is, and what would help.
    pub fn open(path: &Path, asked: Asked) -> Result<Self, InputError> {
        let mut set = Set::new(path)?;
        let directory = set.first_directory()?;
        let description = set.tags(0)?.text_of(&directory, DESCRIPTION).unwrap_or_default();
        let described = describe(&mut set, &directory, &description)
            .and_then(|stack| Ok((check_order(&mut set, &stack, &directory)?, stack)));
        let (start, mut stack) = match described {
            Ok(described) => described,
            // Who counts the frames themselves need not care what the file says of them.
            Err(problem) if asked.dimensions && set.members.len() == 1 => {
                let mut stack = plain(&set);
                stack.known.notes.push(format!("pages are taken in the order of the file: {problem}"));
                (0, stack)
            }
            Err(problem) => return Err(problem),
        };
        keep(&mut set, &directory, &description, &mut stack.known)?;
        let image = image(&set.layout, &mut stack)?;
        let layout = &set.layout;
        let (samples, bytes) = (layout.page.samples, layout.plain_bytes());
        if samples > 1 && bytes > MAX_PAGE_BYTES {
            return Err(unusable(format!("its pages have {bytes} bytes each, up to {MAX_PAGE_BYTES} are read")));
        }
        // Such a page is held as a whole, beside the memory that the run is limited to.
        let file = set.tags(0)?.length();
        if samples > 1 && bytes / MAX_RATIO > file {
            return Err(unusable(format!(
                "its pages would have {bytes} bytes each ({samples} samples to a pixel), which no compression packs into \
                 the {file} bytes of the file: it is damaged"
            )));
        }
        Ok(Self {
            set,
            stack,
            image,
            start,
            read: 0,
            page: None,
            pixels: Vec::new(),
            scratch: Vec::new(),
            metadata: None,
        })
    }

    /// Files of one frame each, in this order.
    ///
    /// # Errors
    /// Where a file cannot be taken, or holds more than a frame.
    pub fn of_files(paths: &[PathBuf]) -> Result<Self, InputError> {
        let mut paths = paths.iter();
        let first = paths.next().ok_or_else(|| unusable("there are no files"))?;
        let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let alone = |path: &Path| -> Result<(), InputError> {
            let count = Self::open(path, Asked::default())
                .map(|tiff| tiff.stack.count())
                .map_err(|problem| unusable(format!("{}: {problem}", name(path))))?;
            match count {
                1 => Ok(()),
                count => Err(unusable(format!(
                    "{} holds {count} frames, or is one of a set of files; a folder of single frames is read: give the file itself",
                    name(path)
                ))),
            }
        };
        alone(first)?;
        let mut tiff = Self::open(first, Asked::default())?;
        let place = |tiff: &Self, file: u32| {
            let page = tiff.set.members.get(file as usize).and_then(|member| member.frames.first()).copied();
            Place { file, page: page.unwrap_or(0) }
        };
        let mut places = vec![place(&tiff, 0)];
        for path in paths {
            alone(path)?;
            let file = tiff.set.add(path)?;
            places.push(place(&tiff, file));
        }
        let count = places.len() as u64;
        tiff.stack.axes = vec![Axis { name: None, count }];
        tiff.stack.order = Order::Places(places);
        tiff.stack.frame_metadata.clear();
        tiff.stack.known.origin.clear();
        tiff.image = image(&tiff.set.layout, &mut tiff.stack)?;
        Ok(tiff)
    }

    /// Frames to a page.
    fn samples(&self) -> u64 {
        self.set.layout.page.samples.into()
    }

    fn frame(&mut self, frame: &mut [u8]) -> Result<(), InputError> {
        let samples = self.samples();
        let (plane, sample) = (self.read / samples, (self.read % samples) as u16);
        let wide = samples > 1 && !self.set.layout.planar;
        if wide && self.page == Some(plane) {
            pick(&self.pixels, sample, samples as usize, self.image.dtype.size(), frame);
            return Ok(());
        }
        let (layout, segments, number) = self.page_of(plane)?;
        let file = self.place(plane).map_or(0, |(file, _)| file);
        let tags = self.set.tags(file as usize)?;
        let failed = |problem: String| unusable(format!("page {number} cannot be read: {problem}"));
        if !wide {
            return decode::decode(tags, &layout, &segments, sample, &mut self.scratch, frame).map_err(failed);
        }
        self.page = None;
        self.pixels.clear();
        let bytes = frame.len().saturating_mul(samples as usize);
        let no_memory = |_| unusable(format!("there is no memory for the {bytes} bytes of page {number}"));
        self.pixels.try_reserve_exact(bytes).map_err(no_memory)?;
        self.pixels.resize(bytes, 0);
        decode::decode(tags, &layout, &segments, 0, &mut self.scratch, &mut self.pixels).map_err(failed)?;
        self.page = Some(plane);
        pick(&self.pixels, sample, samples as usize, self.image.dtype.size(), frame);
        Ok(())
    }

    /// File and page of a plane in reading order.
    fn place(&self, plane: u64) -> Option<(u32, u32)> {
        match &self.stack.order {
            Order::Pages => {
                let member = self.set.members.first()?;
                // Beyond what is there, the number that it would have.
                let beyond = member.pages.len() as u64 + plane.saturating_sub(member.frames.len() as u64);
                Some((0, member.frames.get(plane as usize).copied().unwrap_or(beyond as u32)))
            }
            Order::Places(places) => places.get(plane as usize).map(|place| (place.file, place.page)),
            Order::Behind { .. } => Some((0, 0)),
        }
    }

    /// How and where the pixels of a plane lie, and the number of its page.
    fn page_of(&mut self, plane: u64) -> Result<(PageLayout, Segments, u64), InputError> {
        if let Order::Behind { stride } = self.stack.order {
            let layout = PageLayout { strip_rows: self.set.layout.page.rows, tile: None, ..self.set.layout };
            let offset = self.start.saturating_add(plane.saturating_mul(stride));
            return Ok((layout, Segments::plain(offset, &layout), plane));
        }
        let (file, page) = self.place(plane).ok_or_else(|| unusable(format!("there is no page for frame {plane}")))?;
        let member = self.set.members.get(file as usize);
        let Some(at) = member.and_then(|member| member.pages.get(page as usize)).copied() else {
            let broken = member.and_then(|member| member.broken.clone()).unwrap_or_else(|| "it is not there".into());
            return Err(unusable(format!("page {page} cannot be read: {broken}")));
        };
        let context = Context { imagej: true };
        let tags = self.set.tags(file as usize)?;
        let failed = |problem: directory::Broken| unusable(format!("page {page} cannot be read: {problem}"));
        let directory = tags.directory(at).map_err(failed)?;
        let verdict = tags::judge(tags, &directory, context, &mut BTreeSet::new());
        let layout = match verdict.map_err(|problem| problem.on(page as usize))? {
            Verdict::Frame(layout) if layout.page == self.set.layout.page => layout,
            _ => return Err(unusable(format!("page {page} is not what it was: the file has changed"))),
        };
        let tags = self.set.tags(file as usize)?;
        let mut segments = Segments::read(tags, &directory, &layout).map_err(failed)?;
        if directory.get(page_layout::LSM).is_some() && layout.compression != codec::NONE {
            segments.widen(tags.length());
        }
        self.metadata = self.stack.frame_metadata.get(plane as usize).and_then(Option::as_deref).map(str::to_owned);
        if self.stack.frame_metadata.is_empty() {
            let of_page = json_of(self.set.tags(file as usize)?, &directory);
            let known = of_page.map(|json| micromanager::of_frame(&json)).filter(|known| !known.is_empty());
            self.metadata = known.map(|known| Value::Object(known).to_string());
        }
        Ok((layout, segments, page.into()))
    }
}

impl FrameSource for Tiff {
    fn image(&self) -> Option<&Image> {
        Some(&self.image)
    }

    fn known(&self) -> Option<&Known> {
        Some(&self.stack.known)
    }

    fn frames(&self, _frame_bytes: u64) -> Frames {
        let samples = self.samples();
        let declared = self.stack.count() * samples;
        let first = self.set.members.first();
        if first.is_none_or(|first| first.broken.is_none()) || matches!(self.stack.order, Order::Behind { .. }) {
            return Frames { present: Some(declared), declared: Some(declared) };
        }
        let there = first.map_or(0, |first| first.frames.len() as u64) * samples;
        Frames { present: Some(there), declared: (declared > there).then_some(declared) }
    }

    fn next_frame(&mut self, frame: &mut [u8]) -> Result<Next, InputError> {
        let first = self.set.members.first();
        let broken = first.and_then(|first| first.broken.as_deref().map(|broken| (first.pages.len(), broken)));
        if self.read == self.stack.count() * self.samples() {
            return match broken {
                Some((page, broken)) => Err(unusable(format!("page {page} cannot be read: {broken}"))),
                None => Ok(Next::End),
            };
        }
        if self.read.is_multiple_of(self.samples()) {
            self.metadata = None;
        }
        self.frame(frame)?;
        if let Order::Behind { .. } = self.stack.order {
            let plane = (self.read / self.samples()) as usize;
            self.metadata = self.stack.frame_metadata.get(plane).and_then(Option::as_deref).map(str::to_owned);
        }
        self.read += 1;
        Ok(Next::Frame)
    }

    fn frame_metadata(&self) -> Option<&str> {
        self.metadata.as_deref()
    }

    fn skip(&mut self, frames: u64, _frame: &mut [u8]) -> Result<u64, InputError> {
        let left = (self.stack.count() * self.samples()).saturating_sub(self.read);
        self.read += frames.min(left);
        Ok(frames.min(left))
    }
}

fn unusable(message: impl Into<String>) -> InputError {
    InputError::Unusable(message.into())
}

/// One sample of pixels that have several side by side.
fn pick(pixels: &[u8], sample: u16, samples: usize, size: usize, frame: &mut [u8]) {
    let from = usize::from(sample) * size;
    for (pixel, into) in pixels.chunks_exact(samples * size).zip(frame.chunks_exact_mut(size)) {
        if let Some(value) = pixel.get(from..from + size) {
            into.copy_from_slice(value);
        }
    }
}

/// Pages as they come, along an axis that nobody names.
fn plain(set: &Set) -> Stack {
    let count = set.members.first().map_or(0, |member| member.frames.len() as u64);
    let axes = if count == 1 { Vec::new() } else { vec![Axis { name: None, count }] };
    Stack::new(axes, Order::Pages, Known::default())
}

/// What the file says of its pages.
fn describe(set: &mut Set, directory: &Directory, description: &str) -> Result<Stack, InputError> {
    let layout = set.layout;
    let pages = set.members.first().map_or(0, |member| member.frames.len() as u64);
    if let Some(stack) = stk::stack(set.tags(0)?, directory, &layout, pages)? {
        return Ok(stack);
    }
    if let Some(stack) = lsm::stack(set.tags(0)?, directory, &layout, pages)? {
        return Ok(stack);
    }
    if description.contains("<OME") || description.contains(":OME ") {
        return of_ome(set, description);
    }
    if let Some(imagej) = imagej::parse(description) {
        let mut stack = imagej.stack(&layout, pages)?;
        let channels = stack.axes.iter().find(|axis| axis.name == Some('c')).map_or(1, |axis| axis.count);
        imagej.carry(set.tags(0)?, directory, channels, &mut stack.known);
        return Ok(stack);
    }
    if let Some(shaped) = shaped::parse(description) {
        let stack = shaped.stack(&layout, pages)?;
        if stack.count() != pages && stack.count() == 1 && pages > 1 && each_alone(set)? {
            return Ok(plain(set));
        }
        return Ok(stack);
    }
    let software = set.tags(0)?.text_of(directory, page_layout::SOFTWARE).unwrap_or_default();
    if let Some(stack) = scanimage::stack(&software, pages)? {
        return Ok(stack);
    }
    if directory.get(page_layout::FLUOVIEW).is_some() && pages > 1 {
        return Err(unusable(
            "it is a FluoView stack, whose axes are not read; give -d with a count for each axis, in the order of the pages",
        ));
    }
    let mut stack = plain(set);
    // MetaMorph's single planes have its tags, too.
    stk::carry(set.tags(0)?, directory, &mut stack.known);
    Ok(stack)
}

/// Whether each page was written on its own: with a description of a single image.
fn each_alone(set: &mut Set) -> Result<bool, InputError> {
    let layout = set.layout;
    let places = set.members.first().map(|member| member.pages.clone()).unwrap_or_default();
    let tags = set.tags(0)?;
    for place in places {
        let Ok(directory) = tags.directory(place) else { return Ok(false) };
        let shaped = tags.text_of(&directory, DESCRIPTION).and_then(|text| shaped::parse(&text));
        if shaped.and_then(|shaped| shaped.stack(&layout, 1).ok()).is_none_or(|stack| stack.count() != 1) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn of_ome(set: &mut Set, description: &str) -> Result<Stack, InputError> {
    let parse =
        |text: &str| ome_xml::parse(text).map_err(|problem| unusable(format!("its OME-XML cannot be read: {problem}")));
    let mut document = parse(description)?;
    if let Some(companion) = &document.binary_only {
        let bare = companion.rsplit(['/', '\\']).next().unwrap_or(companion).to_owned();
        let folder = set.members.first().and_then(|member| member.path.parent()).unwrap_or(Path::new("")).to_owned();
        let path = folder.join(&bare);
        let missing = |problem: String| unusable(format!("its metadata lie in {bare:?} beside it: {problem}"));
        let length = fs::metadata(&path).map_err(|error| missing(error.to_string()))?.len();
        if length > MAX_COMPANION && !bare.to_lowercase().contains(".tif") {
            return Err(missing(format!("it has {length} bytes, up to {MAX_COMPANION} are read")));
        }
        let text = if bare.to_lowercase().contains(".tif") {
            let mut tags = Tags::open(fs::File::open(&path)?)?;
            let place = tags.first;
            let directory = tags.directory(place).map_err(|broken| missing(broken.to_string()))?;
            tags.text_of(&directory, DESCRIPTION).unwrap_or_default()
        } else {
            fs::read_to_string(&path).map_err(|error| missing(error.to_string()))?
        };
        document = parse(&text)?;
    }
    let layout = set.layout;
    let mut stack = ome::stack(&document, &layout, set)?;
    if set.members.len() > 1 {
        stack.known.notes.push(format!("frames are read from the {} files of its set", set.members.len()));
    }
    Ok(stack)
}

/// Makes sure that the pages of an order are there; returns where the pixels begin that others lie behind.
fn check_order(set: &mut Set, stack: &Stack, directory: &Directory) -> Result<u64, InputError> {
    let layout = set.layout;
    let declared = stack.count();
    let first = set.members.first();
    let pages = first.map_or(0, |first| first.frames.len() as u64);
    let broken = first.is_some_and(|first| first.broken.is_some());
    match &stack.order {
        Order::Pages if declared == pages || (broken && declared > pages) => Ok(0),
        Order::Pages => Err(unusable(format!(
            "its description declares {declared} images, but it has {pages} page(s); give -d with a count for each axis to \
             take the pages in the order of the file"
        ))),
        Order::Places(places) => {
            let wrong = places.iter().find(|place| {
                let member = set.members.get(place.file as usize);
                member.is_none_or(|member| {
                    (place.page as usize) < member.pages.len() && member.frames.binary_search(&place.page).is_err()
                })
            });
            match wrong {
                None => Ok(0),
                Some(place) => Err(unusable(format!(
                    "its description names page {} as a plane, which is a smaller copy of another",
                    place.page
                ))),
            }
        }
        Order::Behind { stride } => {
            let tags = set.tags(0)?;
            let segments = Segments::read(tags, directory, &layout).map_err(|broken| unusable(broken.to_string()))?;
            let there = tags.length();
            let refuse = |problem: String| {
                Err(unusable(format!(
                    "its description declares {declared} images, but it has {pages} page(s), and {problem}; save it as OME-TIFF, or \
                     give -d to take the pages that there are"
                )))
            };
            let plain = layout.compression == codec::NONE && layout.tile.is_none();
            let Some((start, bytes)) = segments.in_one_piece().filter(|_| plain) else {
                return refuse("the pixels of the first do not lie in one piece".into());
            };
            if bytes < layout.plain_bytes() || *stride < layout.plain_bytes() {
                return refuse(format!("{bytes} bytes of pixels are fewer than a page of {} has", layout.page));
            }
            let end = declared.checked_mul(*stride).and_then(|bytes| bytes.checked_add(start));
            match end {
                Some(end) if end <= there => Ok(start),
                _ => refuse(format!(
                    "the others do not lie behind it: they would take {} bytes, of which {} are there",
                    declared.saturating_mul(*stride),
                    there.saturating_sub(start),
                )),
            }
        }
    }
}

/// What the first page tells beside its pixels.
fn keep(set: &mut Set, directory: &Directory, description: &str, known: &mut Known) -> Result<(), InputError> {
    known.dropped.extend(set.beside.dropped.iter().cloned());
    let tags = set.tags(0)?;
    texts::keep(tags, directory, description, known);
    if let Some(json) = json_of(tags, directory) {
        known.dropped.extend(micromanager::left(&json));
        let size = micromanager::pixel_size(&json);
        for (axis, size) in ['x', 'y'].into_iter().filter_map(|axis| Some((axis, size?))) {
            if known.step(axis).is_none() {
                known.size(axis, size, "micrometer");
            }
        }
    }
    // ImageJ's tags have been read with its description, whose unit they have.
    if known.step('x').is_none() && !description.starts_with("ImageJ=") {
        resolution::carry(tags, directory, known);
    }
    Ok(())
}

/// Micro-Manager's metadata of a page.
fn json_of<R: std::io::Read + std::io::Seek>(tags: &mut Tags<R>, directory: &Directory) -> Option<Value> {
    let text = tags.text_of(directory, page_layout::MICRO_MANAGER)?;
    serde_json::from_str(&text).ok().filter(Value::is_object)
}

/// Shape and names of the axes: those of the stack, the samples of a pixel, rows and columns.
fn image(layout: &PageLayout, stack: &mut Stack) -> Result<Image, InputError> {
    let page = layout.page;
    stack.axes.retain(|axis| axis.count != 1);
    let mut axes = stack.axes.clone();
    if page.samples > 1 {
        let samples = u64::from(page.samples);
        match axes.iter().position(|axis| axis.name == Some('c')) {
            None => axes.push(Axis::new('c', samples)),
            Some(nth) if nth + 1 == axes.len() => axes[nth].count *= samples,
            Some(_) => {
                return Err(unusable(
                    "its channels and the samples of its pixels are not next to each other; save each channel as pages of its own",
                ));
            }
        }
        if stack.known.channels.is_empty() {
            stack.known.channels = channels_of_color(layout, axes.last().map_or(0, |axis| axis.count));
        }
    }
    stack.known.notes.extend(stack::name(&mut axes));
    let names: Option<String> = axes.iter().map(|axis| axis.name).chain([Some('y'), Some('x')]).collect();
    let mut shape: Vec<u64> = axes.iter().map(|axis| axis.count).collect();
    shape.extend([u64::from(page.rows), u64::from(page.columns)]);
    Ok(Image { shape, dtype: page.dtype, axes: names })
}

/// Red, green and blue, and what comes after.
fn channels_of_color(layout: &PageLayout, count: u64) -> Vec<Channel> {
    if !layout.color || count != u64::from(layout.page.samples) {
        return Vec::new();
    }
    let named = [("red", [255, 0, 0]), ("green", [0, 255, 0]), ("blue", [0, 0, 255])];
    (0..count as usize)
        .map(|nth| match named.get(nth) {
            Some((name, rgb)) => Channel { color: Some(Color::from_rgb(*rgb)), ..Channel::new(*name) },
            None => Channel::new(if nth == 3 { "alpha".to_owned() } else { format!("sample {nth}") }),
        })
        .collect()
}
