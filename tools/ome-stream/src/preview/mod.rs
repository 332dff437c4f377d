//! A picture of a store: its channels added up in their colors, its images on a sheet.

mod canvas;
mod compose;
mod decorate;
mod document;
mod find;
mod image;
mod picture;
mod pixels;
pub mod png_file;
mod scale_bar;
mod select;
mod sheet;
mod storage;
mod subject;
pub mod terminal;
mod window;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use ome_stream::platform::Source;

use self::canvas::Canvas;
pub use self::canvas::Rgb;
use self::compose::Layer;
use self::find::Place;
pub use self::picture::{Entry, Picture};
pub use self::pixels::Pixels as Array;
use self::pixels::Plane;
use self::scale_bar::Bar;
pub use self::select::Asked;
pub use self::sheet::MAX_SIDE;
use self::sheet::{Grid, Room, fitted};
use self::subject::{Not, Subject};
use crate::report::text::clean;

/// Width of a sheet where nobody says one: as wide as most screens show without scaling.
const WIDTH: usize = 1024;

/// Width of an image on a sheet of many, where nobody says how wide the sheet is.
const LEAST_WIDTH_OF_IMAGE: usize = 32;

/// Most pixels of all channels of all images of a sheet: they are in memory together (512 MiB), so that windows can be
/// taken of them.
const MAX_VALUES: usize = 64 << 20;

/// What a picture is for.
#[derive(Debug, Clone, Copy)]
pub enum Style {
    /// A file: with names, a legend and a scale bar; its width where one is asked for.
    Sheet(Option<usize>),
    /// A terminal: pixels alone, so many across and down.
    Terminal(usize, usize),
}

/// Draws what was asked for of the store at `path`.
///
/// # Errors
/// Why there is nothing to draw. What of it cannot be read is told in the picture.
pub fn picture(source: &Arc<dyn Source>, path: &Path, asked: &Asked, style: Style) -> Result<Picture, String> {
    let root = source.resolve(path).map_err(|error| error.to_string())?;
    let mut found = find::images(&**source, &root)?;
    let (places, notes) = select::images(&mut found, asked)?;
    let mut view = View { shown: Vec::new(), notes, problems: std::mem::take(&mut found.problems) };
    view.take(source, places, asked)?;
    let Some(first) = view.shown.iter().find_map(|shown| shown.subject.as_ref()) else {
        return Err(view.problems.first().cloned().unwrap_or_else(|| "there is no image in it".into()));
    };
    let aspect = aspect(first.frame());
    let place = first.place_in_words();
    let places: Vec<Place> = view.shown.iter().map(|shown| shown.place.clone()).collect();
    let grid = Grid::of(&places, aspect);
    let room = room(style, &grid)?;
    let given = grid.box_for(aspect, room);
    view.read(source, given)?;
    let windows = view.windows(asked);
    let size = view.drawn().unwrap_or(given);
    let (bar, note) = view.bar(given, room.width);
    view.notes.extend(note);
    let name = root.file_name().map(|name| clean(&name.to_string_lossy())).unwrap_or_default();
    let title = if place.is_empty() { name } else { format!("{name}: {place}") };
    let mut picture = Picture {
        canvas: Canvas::new(1, 1, [0; 3]),
        title,
        legend: view.legend(&windows),
        bar,
        notes: Vec::new(),
        problems: Vec::new(),
    };
    let frame = decorate::frame(&picture, &grid, size, room);
    picture.canvas = frame.canvas;
    view.draw(&mut picture.canvas, &grid, frame.corner, size, room, &windows);
    if room.letter > 0 {
        let names: Vec<&str> = view.shown.iter().map(|shown| shown.place.path.as_str()).collect();
        decorate::names(&mut picture.canvas, &grid, frame.corner, size, room, &names, [&found.columns, &found.rows]);
    }
    (picture.notes, picture.problems) = (view.notes, view.problems);
    Ok(picture)
}

fn aspect((rows, columns): (u64, u64)) -> f64 {
    (columns.max(1) as f64 / rows.max(1) as f64).clamp(1e-4, 1e4)
}

fn room(style: Style, grid: &Grid) -> Result<Room, String> {
    match style {
        Style::Terminal(width, height) => Ok(Room { width, height, letter: 0 }),
        Style::Sheet(asked) => {
            let enough = grid.size[0].saturating_mul(LEAST_WIDTH_OF_IMAGE).clamp(WIDTH, MAX_SIDE);
            let width = asked.unwrap_or(enough);
            let letter = decorate::line_height(width);
            let wide = grid.size[0] + grid.margin(Room { width, height: 0, letter });
            if width < wide.max(decorate::LEAST_WIDTH) || width > MAX_SIDE {
                let least = wide.max(decorate::LEAST_WIDTH);
                return Err(format!("--width {width}: use {least} to {MAX_SIDE}"));
            }
            let height = (2 * width).min(MAX_SIDE);
            Ok(Room { width: width - 2 * decorate::PAD, height: height.saturating_sub(8 * letter), letter })
        }
    }
}

/// The images of a picture.
struct View {
    shown: Vec<Shown>,
    notes: Vec<String>,
    problems: Vec<String>,
}

/// An image of a picture: `None` where it cannot be read.
struct Shown {
    place: Place,
    subject: Option<Subject>,
    /// Columns of a plane, and how often each pixel is repeated.
    columns: usize,
    zoom: usize,
    planes: Vec<Plane>,
}

impl View {
    /// Reads what the images are.
    fn take(&mut self, source: &Arc<dyn Source>, places: Vec<Place>, asked: &Asked) -> Result<(), String> {
        let mut absent = Vec::new();
        for place in places {
            let title = if place.path.is_empty() { "the image".to_owned() } else { clean(&place.path) };
            let subject = match Subject::of(source, &place, asked) {
                Ok(subject) => Some(subject),
                Err(Not::Readable(problem)) => {
                    self.problems.push(format!("{title}: {problem}"));
                    None
                }
                Err(Not::There(problem)) => {
                    absent.push(problem);
                    None
                }
            };
            self.shown.push(Shown { place, subject, columns: 0, zoom: 1, planes: Vec::new() });
        }
        let subjects = || self.shown.iter().filter_map(|shown| shown.subject.as_ref());
        if let Some(first) = absent.first()
            && subjects().next().is_none()
        {
            return Err(first.clone());
        }
        self.notes.extend(absent.into_iter().map(|problem| format!("left black: {problem}")));
        if subjects().next().is_some() && !subjects().any(Subject::has_begun) {
            return Err("no frame is in it yet".into());
        }
        Ok(())
    }

    /// Reads the pixels, each image made to fit `size`.
    fn read(&mut self, source: &Arc<dyn Source>, size: [usize; 2]) -> Result<(), String> {
        let mut values = 0usize;
        for shown in &self.shown {
            let Some(subject) = &shown.subject else { continue };
            let ((rows, columns), _) = fitted(subject.frame(), size);
            values = values.saturating_add(rows.saturating_mul(columns).saturating_mul(subject.channels.len()));
        }
        if values > MAX_VALUES {
            return Err(format!(
                "{values} pixels in all channels; {MAX_VALUES} are read at most: use a smaller --width"
            ));
        }
        let mut stored = false;
        for shown in &mut self.shown {
            let Some(subject) = &shown.subject else { continue };
            let (made, zoom) = fitted(subject.frame(), size);
            (shown.columns, shown.zoom) = (made.1, zoom);
            shown.planes = subject.planes(source, made);
            stored |= shown.planes.iter().any(|plane| plane.stored);
            let problem = shown.planes.iter().find_map(|plane| plane.problem.clone());
            self.problems.extend(problem.map(|problem| {
                let title = if shown.place.path.is_empty() { "the image" } else { &shown.place.path };
                format!("{}: {problem}", clean(title))
            }));
        }
        if !stored && self.problems.is_empty() {
            self.notes.push("nothing of what is shown is stored: it reads as fill value; --t, --z show others".into());
        }
        Ok(())
    }

    /// Width and height of the largest image as it is drawn.
    fn drawn(&self) -> Option<[usize; 2]> {
        let size = |shown: &Shown| {
            let values = shown.planes.first()?.values.len();
            let rows = values.checked_div(shown.columns)?;
            Some([shown.columns * shown.zoom, rows * shown.zoom])
        };
        let sizes = || self.shown.iter().filter_map(size);
        Some([sizes().map(|size| size[0]).max()?, sizes().map(|size| size[1]).max()?])
    }

    /// The windows of channels, by their numbers, that the store does not tell or that are not to be taken from it: of
    /// all their pixels that are shown, so that images can be compared.
    fn windows(&self, asked: &Asked) -> BTreeMap<u64, [f64; 2]> {
        let subjects = || self.shown.iter().filter_map(|shown| Some((shown.subject.as_ref()?, &shown.planes)));
        let planes = || {
            subjects()
                .flat_map(|(subject, planes)| subject.channels.iter().zip(planes).map(move |pair| (subject, pair)))
        };
        let lacking = planes().filter(|(subject, (number, _))| {
            asked.auto || window::told(subject.channel(**number), subject.dtype()).is_none()
        });
        let mut windows: BTreeMap<u64, [f64; 2]> = lacking.map(|(_, (number, _))| (*number, [0.0, 1.0])).collect();
        for (number, window) in &mut windows {
            let of_channel =
                planes().filter(|(_, (each, _))| *each == number).flat_map(|(_, (_, plane))| &plane.values);
            *window = window::of(of_channel);
        }
        windows
    }

    fn window(subject: &Subject, number: u64, windows: &BTreeMap<u64, [f64; 2]>) -> [f64; 2] {
        let told = || window::told(subject.channel(number), subject.dtype());
        windows.get(&number).copied().or_else(told).unwrap_or([0.0, 1.0])
    }

    fn legend(&self, windows: &BTreeMap<u64, [f64; 2]>) -> Vec<Entry> {
        let Some(subject) = self.shown.iter().find_map(|shown| shown.subject.as_ref()) else { return Vec::new() };
        let entry = |(number, color): (&u64, Rgb)| {
            let several = subject.channels.len() > 1;
            let unnamed = || if several { format!("channel {number}") } else { String::new() };
            let label = subject.channel(*number).map_or_else(unnamed, |channel| channel.label.clone());
            Entry { label, color, window: Self::window(subject, *number, windows) }
        };
        subject.channels.iter().zip(subject.colors()).map(entry).collect()
    }

    /// The scale bar of images of which each is made to fit `size`, or why there is none.
    fn bar(&self, size: [usize; 2], width: usize) -> (Option<Bar>, Option<String>) {
        let subjects = self.shown.iter().filter_map(|shown| shown.subject.as_ref());
        let widths: Option<Vec<(f64, &str)>> = subjects
            .map(|subject| {
                let (width, unit) = subject.image.pixel_width()?;
                let ((_, columns), zoom) = fitted(subject.frame(), size);
                Some((width * subject.frame().1 as f64 / (columns * zoom) as f64, unit))
            })
            .collect();
        let Some(widths) = widths else {
            return (None, Some("no scale bar: the store does not tell the size of a pixel with its unit".into()));
        };
        let Some((first, unit)) = widths.first() else { return (None, None) };
        if widths.iter().any(|(width, other)| (width / first - 1.0).abs() > 0.01 || other != unit) {
            return (None, Some("no scale bar: the images are not drawn to one scale".into()));
        }
        (scale_bar::bar(*first, unit, width / 5), None)
    }

    fn draw(
        &self,
        canvas: &mut Canvas,
        grid: &Grid,
        corner: [usize; 2],
        size: [usize; 2],
        room: Room,
        windows: &BTreeMap<u64, [f64; 2]>,
    ) {
        for (shown, cell) in self.shown.iter().zip(&grid.cells) {
            let [x, y] = grid.corner(*cell, size, room);
            let at = [corner[0] + x, corner[1] + y];
            canvas.fill(at, size, [0; 3]);
            let Some(subject) = &shown.subject else { continue };
            let layers: Vec<Layer<'_>> = shown
                .planes
                .iter()
                .zip(&subject.channels)
                .zip(subject.colors())
                .map(|((plane, number), color)| Layer {
                    values: &plane.values,
                    color,
                    window: Self::window(subject, *number, windows),
                })
                .collect();
            compose::draw(canvas, at, shown.columns, shown.zoom, &layers);
        }
    }
}
