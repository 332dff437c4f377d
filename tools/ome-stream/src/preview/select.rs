//! Which images, planes and channels are shown.

use super::find::{Found, Place};
use super::image::Image;

/// What was asked for.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// Time point, counted from 0; from the last, which is -1, where negative.
    pub t: Option<i64>,
    /// Plane along z, as `t`.
    pub z: Option<i64>,
    /// Names or numbers of channels.
    pub channels: Vec<String>,
    /// Names, paths or numbers of positions.
    pub positions: Vec<String>,
    /// Windows from the pixels that are shown, whatever the store says.
    pub auto: bool,
}

/// Most images that are read for one sheet: beyond that each is too small to tell anything, and reading takes minutes.
pub const MAX_SHOWN: usize = 4096;

/// The images of a store that are shown, of those that were found, and what is to be said of it.
///
/// # Errors
/// What was asked for and is not there, with what is.
pub fn images(found: &mut Found, asked: &Asked) -> Result<(Vec<Place>, Vec<String>), String> {
    let images = std::mem::take(&mut found.images);
    if images.is_empty() {
        let why = found.problems.first().map(|problem| format!(": {problem}")).unwrap_or_default();
        return Err(format!("there is no image in it{why}"));
    }
    let mut notes = Vec::new();
    if !asked.positions.is_empty() {
        let shown = asked.positions.iter().map(|position| {
            let by_path = images.iter().find(|image| image.path == *position || last(&image.path) == position);
            let by_number = || position.parse::<usize>().ok().and_then(|nth| images.get(nth));
            by_path.or_else(by_number).cloned().ok_or_else(|| no_position(position, &images))
        });
        return Ok((shown.collect::<Result<_, _>>()?, notes));
    }
    let count = images.len();
    let mut shown = images;
    if count > MAX_SHOWN && shown.iter().any(|image| image.well.is_some()) {
        shown.retain(|image| image.well.as_ref().is_none_or(|(_, field)| *field == 0));
        notes.push(format!("{count} images are more than {MAX_SHOWN}: the first of each well is shown"));
    }
    if shown.len() > MAX_SHOWN {
        notes.push(format!("{} images: the first {MAX_SHOWN} are shown; --position shows others", shown.len()));
        shown.truncate(MAX_SHOWN);
    }
    Ok((shown, notes))
}

fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// Most names that a message lists.
const LISTED: usize = 10;

fn no_position(asked: &str, images: &[Place]) -> String {
    let names: Vec<&str> = images.iter().map(|image| image.path.as_str()).filter(|path| !path.is_empty()).collect();
    if names.is_empty() {
        return format!("--position {asked}: the store holds a single image, which has no name; leave --position out");
    }
    format!("--position {asked}: there is no such image; it has {}", listed(&names))
}

fn listed(names: &[&str]) -> String {
    let rest = names.len().saturating_sub(LISTED);
    let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    format!("{}{more}", names.get(..LISTED.min(names.len())).unwrap_or_default().join(", "))
}

/// The place of a plane along each axis but rows and columns, at full resolution; `None` where an axis has nothing yet.
/// The channel axis, whose place changes from channel to channel, is 0.
///
/// # Errors
/// Which option asks for what is not there, and what is.
pub fn index(image: &Image, shape: &[u64], asked: &Asked) -> Result<Option<Vec<u64>>, String> {
    let mut index = vec![0; shape.len().saturating_sub(2)];
    let z_axis = image.axis("space", "z");
    if let Some((at, length)) = z_axis.and_then(|axis| index.get_mut(axis).zip(shape.get(axis))) {
        *at = length / 2;
    }
    for (option, wanted, axis) in [("--t", asked.t, image.axis("time", "t")), ("--z", asked.z, z_axis)] {
        let Some(wanted) = wanted else { continue };
        let length = axis.and_then(|axis| shape.get(axis)).copied();
        let name = if image.title.is_empty() { "the image" } else { &image.title };
        let Some((axis, length)) = axis.zip(length) else {
            if matches!(wanted, 0 | -1) {
                continue;
            }
            return Err(format!("{option} {wanted}: {name} has no such axis; leave {option} out"));
        };
        if length == 0 {
            continue;
        }
        let at = if wanted < 0 { i128::from(wanted) + i128::from(length) } else { i128::from(wanted) };
        let at = u64::try_from(at).ok().filter(|at| *at < length).ok_or_else(|| {
            format!("{option} {wanted}: {name} has {length} there: 0 to {}, or -1 for the last", length - 1)
        })?;
        if let Some(place) = index.get_mut(axis) {
            *place = at;
        }
    }
    Ok((!shape.contains(&0)).then_some(index))
}

/// Numbers of the channels of an image that are shown; a single 0 where it has no channel axis.
///
/// # Errors
/// Which was asked for and is not there, and which are.
pub fn channels(image: &Image, shape: &[u64], asked: &Asked) -> Result<Vec<u64>, String> {
    let axis = image.axis("channel", "c");
    let count = axis.and_then(|axis| shape.get(axis)).copied().unwrap_or(1);
    if asked.channels.is_empty() {
        let active = |nth: &u64| image.channels.get(*nth as usize).is_none_or(|channel| channel.active);
        let shown: Vec<u64> = (0..count).filter(active).take(MAX_CHANNELS).collect();
        return Ok(if shown.is_empty() { (0..count).take(MAX_CHANNELS).collect() } else { shown });
    }
    let find = |wanted: &String| {
        let by_name = image.channels.iter().position(|channel| channel.label == *wanted).map(|nth| nth as u64);
        let found = by_name.or_else(|| wanted.parse().ok()).filter(|nth| *nth < count);
        found.ok_or_else(|| {
            let names: Vec<&str> = image.channels.iter().map(|channel| channel.label.as_str()).collect();
            let names = if names.is_empty() { String::new() } else { format!(" ({})", listed(&names)) };
            format!("--c {wanted}: there are {count} channels, 0 to {}{names}", count.saturating_sub(1))
        })
    };
    asked.channels.iter().take(MAX_CHANNELS).map(find).collect()
}

/// Most channels that are added up to one picture: colors of more cannot be told apart.
const MAX_CHANNELS: usize = 16;
