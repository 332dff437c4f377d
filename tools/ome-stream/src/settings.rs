//! Options, a settings file and what the input tells -> settings of the library.

mod carried;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use ome_stream::settings::{Compression, DataType, Dimension, Durability, Format, StorageOrder, WhenFull, parse_dims};
use ome_stream::{Error, Settings};

use crate::commands::write::Options;
use crate::failure::Failure;
use crate::input::{Image, Known};

/// Largest settings file that is read; a hundred thousand positions take a quarter of it.
const MAX_SETTINGS_BYTES: u64 = 64 << 20;

/// Axes of an input of two to five axes where nobody names them.
const DEFAULT_AXES: [&str; 4] = ["yx", "tyx", "tzyx", "tczyx"];

/// Puts together what the user says; options win over the settings file, and that over what the input tells. Also what a
/// person should know.
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
    settings.when_full = options.when_full.map_or(WhenFull::Block, WhenFull::from);
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
        settings.compression = compression(text)?;
    }
    if let Some(text) = &options.storage_order {
        settings.storage_order = storage_order(text);
    }
    if let Some(backend) = &options.backend {
        settings.format = Format { backend: backend.clone(), ..settings.format };
    }
    if let Some(text) = &options.memory_limit {
        settings.memory_limit = bytes(text)?;
    }
    if let Some(durability) = options.durability {
        settings.durability = Durability::from(durability);
    }
    settings.overwrite |= options.overwrite;
    Ok((settings, notes))
}

fn read_file(path: &Path) -> Result<Settings, Failure> {
    let refuse = |problem: String| Failure::input(format!("settings file {}: {problem}", path.display()));
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(MAX_SETTINGS_BYTES + 1).read_to_string(&mut text))
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

/// `name[:level]`.
fn compression(text: &str) -> Result<Compression, Error> {
    let Some((name, level)) = text.split_once(':') else { return text.parse() };
    let level = level.parse::<i32>().map_err(|_| {
        Error::settings("compression.level", format!("{level:?}"), "not a whole number", "write it as in zstd:5")
    })?;
    Ok(name.parse::<Compression>()?.with_level(level))
}

/// `ome`, `acquisition`, or names of axes, with commas or without.
fn storage_order(text: &str) -> StorageOrder {
    match text {
        "ome" => StorageOrder::Ome,
        "acquisition" => StorageOrder::Acquisition,
        list if list.contains(',') => {
            StorageOrder::Explicit(list.split(',').map(|name| name.trim().to_owned()).collect())
        }
        letters => StorageOrder::Explicit(letters.chars().map(String::from).collect()),
    }
}

/// Bytes, with K, M, G or T for powers of 1024.
fn bytes(text: &str) -> Result<u64, Error> {
    let refuse = |problem: &str| {
        Error::settings(
            "memory_limit",
            format!("{text:?}"),
            problem,
            "write bytes, or a number with K, M, G or T, such as 512M",
        )
    };
    let upper = text.trim().to_uppercase();
    let bare = upper.strip_suffix("IB").or_else(|| upper.strip_suffix('B')).unwrap_or(&upper);
    let (digits, power) = ["K", "M", "G", "T"]
        .iter()
        .zip(1u32..)
        .find_map(|(unit, power)| Some((bare.strip_suffix(unit)?, power)))
        .unwrap_or((bare, 0));
    let number: u64 = digits.trim().parse().map_err(|_| refuse("not a number of bytes"))?;
    number.checked_mul(1 << (10 * power)).ok_or_else(|| refuse("larger than any memory"))
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

    #[test]
    fn bytes_are_read_with_units() {
        for (text, expected) in [
            ("1048576", 1 << 20),
            ("512M", 512 << 20),
            ("2g", 2 << 30),
            ("2GiB", 2 << 30),
            ("3 kB", 3 << 10),
            ("1T", 1 << 40),
        ] {
            assert_eq!(bytes(text).expect("valid"), expected, "{text}");
        }
        for text in ["", "M", "-1", "1.5G", "99999999999T", "1X"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_level_follows_the_codec() {
        let zstd = compression("zstd:-3").expect("valid");
        assert_eq!((zstd.codec.name(), zstd.level), ("zstd", -3));
        assert_eq!(compression("blosc-lz4").expect("valid").level, 5);
        for text in ["zstd:", "zstd:x", "lz5:1", ":3"] {
            assert!(compression(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_storage_order_is_a_word_or_names() {
        let letters = ["t", "z", "c", "y", "x"].map(String::from).to_vec();
        assert_eq!(storage_order("tzcyx"), StorageOrder::Explicit(letters.clone()));
        assert_eq!(storage_order("t, z,c,y,x"), StorageOrder::Explicit(letters));
        assert_eq!(storage_order("acquisition"), StorageOrder::Acquisition);
    }
}
