//! Options, a settings file and what the input tells -> settings of the library.

mod carried;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use ome_stream::Settings;
use ome_stream::settings::{DataType, Dimension, Format, Pyramid, WhenFull, parse_bytes, parse_dims};

use crate::commands::write_options::Options;
use crate::failure::Failure;
use crate::input::{Image, Known};

/// Largest settings file that is read; a hundred thousand positions take a quarter of it.
const MAX_SETTINGS_BYTES: u64 = 64 << 20;

/// Axes of an input of two to five axes where nobody names them.
const DEFAULT_AXES: [&str; 4] = ["yx", "tyx", "tzyx", "tczyx"];

/// Puts together what the user says; options win over the settings file, and that over what the input tells. Also what
/// a person should know.
pub fn build(
    options: &Options,
    image: Option<&Image>,
    known: Option<&Known>,
) -> Result<(Settings, Vec<String>), Failure> {
    let mut settings = match &options.settings {
        Some(path) => read_file(path)?,
        None => Settings::new("", dimensions(options, image)?, dtype(options, image)?),
    };
    // The standard axes have units; but nobody has said a size yet.
    if options.settings.is_none() {
        settings.dimensions.iter_mut().for_each(|dimension| dimension.unit = None);
    }
    if options.settings.is_some() {
        if let Some(text) = &options.dimensions {
            settings.dimensions = parse_dims(text)?;
            settings.dimensions.iter_mut().for_each(|dimension| dimension.unit = None);
        }
        if let Some(text) = &options.dtype {
            settings.dtype = text.parse()?;
        }
    }
    // A file can wait.
    settings.when_full = options.when_full.as_deref().map_or(Ok(WhenFull::Block), str::parse)?;
    if let Some(text) = &options.pixel_size {
        carried::pixel_size(text, &mut settings.dimensions)?;
    }
    if let Some(text) = &options.channels {
        carried::channels(text, &mut settings.dimensions)?;
    }
    let notes = known.map(|known| carried::apply(known, &mut settings.dimensions)).unwrap_or_default();
    if let Some(path) = &options.output {
        settings.root_path = path
            .to_str()
            .ok_or_else(|| {
                Failure::input(format!("the output path {} is not UTF-8; choose another name", path.display()))
            })?
            .to_owned();
    }
    if let Some(text) = &options.compression {
        settings.compression = text.parse()?;
    }
    if let Some(text) = &options.pyramid {
        settings.pyramid = Some(pyramid(text.parse()?, settings.pyramid));
    }
    if let Some(text) = &options.storage_order {
        settings.storage_order = text.parse()?;
    }
    if let Some(backend) = &options.backend {
        settings.format = Format { backend: backend.clone(), ..settings.format };
    }
    if let Some(text) = &options.memory_limit {
        settings.memory_limit = parse_bytes("memory_limit", text)?;
    }
    if let Some(text) = &options.durability {
        settings.durability = text.parse()?;
    }
    settings.overwrite |= options.overwrite;
    Ok((settings, notes))
}

/// The levels that are asked for, with what the settings file says beside: factors, chunks and shards.
fn pyramid(asked: Pyramid, file: Option<Pyramid>) -> Pyramid {
    let file = file.unwrap_or_default();
    let (levels, smallest) = match asked.levels {
        Some(levels) => (Some(levels), None),
        None => (file.levels, file.smallest),
    };
    Pyramid { method: asked.method, levels, smallest, ..file }
}

/// The settings in a file, as they are written; `-` is standard input.
///
/// # Errors
/// Where it cannot be read, or cannot be settings.
pub fn read_file(path: &Path) -> Result<Settings, Failure> {
    let refuse = |problem: String| Failure::input(format!("settings file {}: {problem}", path.display()));
    let mut text = String::new();
    let input: io::Result<Box<dyn Read>> = match path.as_os_str() == "-" {
        true => Ok(Box::new(io::stdin())),
        false => File::open(path).map(|file| Box::new(file) as Box<dyn Read>),
    };
    input
        .and_then(|input| input.take(MAX_SETTINGS_BYTES + 1).read_to_string(&mut text))
        .map_err(|error| refuse(error.to_string()))?;
    if text.len() as u64 > MAX_SETTINGS_BYTES {
        return Err(refuse(format!("more than {MAX_SETTINGS_BYTES} bytes; that is no settings file")));
    }
    Settings::parse_json(&text).map_err(|error| refuse(error.to_string()))
}

fn dtype(options: &Options, image: Option<&Image>) -> Result<DataType, Failure> {
    match (&options.dtype, image) {
        (Some(text), _) => Ok(text.parse()?),
        (None, Some(image)) => Ok(image.dtype),
        (None, None) => Err(Failure::input(
            "raw frames do not tell their pixel type: give --dtype, such as --dtype uint16, or a settings file with -f",
        )),
    }
}

fn dimensions(options: &Options, image: Option<&Image>) -> Result<Vec<Dimension>, Failure> {
    if let Some(text) = &options.dimensions {
        return Ok(parse_dims(text)?);
    }
    let Some(image) = image else {
        return Err(Failure::input(
            "raw frames do not tell their size: give dimensions, such as -d t:100,y:512,x:512, or a settings file with -f",
        ));
    };
    match (&options.axes, &image.axes) {
        (Some(axes), _) => named(axes, &image.shape),
        (None, Some(axes)) => named(axes, &image.shape),
        (None, None) => {
            let axes = image.shape.len().checked_sub(2).and_then(|nth| DEFAULT_AXES.get(nth)).ok_or_else(|| {
                Failure::input(format!(
                    "the input has {} axes, an image has at most five beside the position: name them with --axes or -d",
                    image.shape.len()
                ))
            })?;
            named(axes, &image.shape)
        }
    }
}

/// Dimensions of these names and extents. A stack of one page has lost its first axis, so a name more is fine then.
fn named(axes: &str, shape: &[u64]) -> Result<Vec<Dimension>, Failure> {
    let names: Vec<String> = axes.chars().map(String::from).collect();
    let missing = names.len().checked_sub(shape.len()).filter(|missing| *missing == 0 || shape.len() == 2);
    let Some(missing) = missing else {
        let extents = shape.iter().map(u64::to_string).collect::<Vec<_>>().join(" x ");
        return Err(Failure::input(format!(
            "--axes {axes} names {} axes, the input has {} ({extents}): name each, or give -d with a count for each",
            names.len(),
            shape.len(),
        )));
    };
    if !axes.ends_with("yx") {
        return Err(Failure::input(format!(
            "--axes {axes}: the last two axes are a frame's rows and columns: end it with yx"
        )));
    }
    let extents = std::iter::repeat_n(1, missing).chain(shape.iter().copied());
    // The same grammar as -d, so that the same names are known.
    let text: Vec<String> = names.iter().zip(extents).map(|(name, extent)| format!("{name}:{extent}")).collect();
    Ok(parse_dims(&text.join(","))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dims(axes: &str, shape: &[u64]) -> Vec<(String, Option<u64>)> {
        let named = named(axes, shape).expect("valid");
        named.into_iter().map(|each| (each.name, each.count)).collect()
    }

    #[test]
    fn axes_get_their_extents_in_order() {
        let expected = [("z", 31), ("y", 61), ("x", 57)].map(|(name, count)| (name.to_owned(), Some(count)));
        assert_eq!(dims("zyx", &[31, 61, 57]), expected);
        let one_page = [("z", 1), ("y", 61), ("x", 57)].map(|(name, count)| (name.to_owned(), Some(count)));
        assert_eq!(dims("zyx", &[61, 57]), one_page);
    }

    #[test]
    fn axes_that_do_not_fit_are_refused() {
        for (axes, shape) in
            [("yx", &[3, 4, 5][..]), ("tzyx", &[3, 4, 5]), ("yxz", &[3, 4, 5]), ("qyx", &[3, 4, 5]), ("", &[4, 5])]
        {
            assert!(named(axes, shape).is_err(), "{axes}");
        }
    }
}
