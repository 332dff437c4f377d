//! Values that need more than clap knows.

use ome_stream::Error;
use ome_stream::settings::{Compression, Durability, StorageOrder};

/// Units of a size; the longest match comes first.
const UNITS: [(&str, u64); 13] = [
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("tib", 1 << 40),
    ("kb", 1_000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
    ("tb", 1_000_000_000_000),
    ("k", 1 << 10),
    ("m", 1 << 20),
    ("g", 1 << 30),
    ("t", 1 << 40),
    ("b", 1),
];

/// A size: a number with a unit (`16GiB`, `1.5GB`, `512m`), or bytes.
pub fn bytes(text: &str) -> Result<u64, String> {
    const REMEDY: &str = "write a number and a unit, such as 512MiB, 16GiB or 1.5GB";
    let lower = text.trim().to_lowercase();
    let (number, unit) = UNITS
        .iter()
        .find_map(|(name, unit)| lower.strip_suffix(name).map(|number| (number.trim_end(), *unit)))
        .unwrap_or((&lower, 1));
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(unit).filter(|size| *size > 0).ok_or_else(|| format!("not a usable size; {REMEDY}"));
    }
    let plain = !number.is_empty() && number.chars().all(|each| each.is_ascii_digit() || each == '.');
    match number.parse::<f64>() {
        Ok(number) if plain && number * unit as f64 >= 1.0 && number * (unit as f64) < 2f64.powi(60) => {
            Ok((number * unit as f64) as u64)
        }
        _ => Err(format!("not a size; {REMEDY}")),
    }
}

/// Frames per second, 0 for no limit.
pub fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if (0.0..=1e6).contains(&rate) => Ok(rate),
        _ => Err("not a frame rate; use frames per second from 0 (as fast as it goes) to 1000000".into()),
    }
}

/// `name` or `name:level`.
pub fn compression(text: &str) -> Result<Compression, String> {
    let (name, level) = match text.split_once(':') {
        Some((name, level)) => (name, Some(level)),
        None => (text, None),
    };
    let compression: Compression = name.parse().map_err(|error| short(&error))?;
    let Some(level) = level else {
        return Ok(compression);
    };
    let Some((lowest, highest)) = compression.codec.levels() else {
        return Err(format!("{name} has no levels; leave :{level} out"));
    };
    match level.parse::<i32>() {
        Ok(level) if (lowest..=highest).contains(&level) => Ok(compression.with_level(level)),
        _ => Err(format!("{name} has no level {level}; use {lowest} to {highest}")),
    }
}

/// `ome`, `acquisition`, or names separated by commas; y and x are added where they are left out.
pub fn storage_order(text: &str) -> Result<StorageOrder, String> {
    match text {
        "ome" => return Ok(StorageOrder::Ome),
        "acquisition" => return Ok(StorageOrder::Acquisition),
        _ => {}
    }
    let mut names: Vec<String> = text.split(',').map(|name| name.trim().to_owned()).collect();
    if names.iter().any(String::is_empty) {
        return Err("a name is empty; use ome, acquisition, or names such as t,c,z".into());
    }
    for frame in ["y", "x"] {
        if !names.iter().any(|name| name == frame) {
            names.push(frame.to_owned());
        }
    }
    Ok(StorageOrder::Explicit(names))
}

/// `finish`, `shard` or `none`, as in settings.
pub fn durability(text: &str) -> Result<Durability, String> {
    serde_json::from_value(serde_json::Value::from(text)).map_err(|_| "use finish, shard or none".to_owned())
}

/// What clap does not say already: it names option and value itself.
fn short(error: &Error) -> String {
    match error {
        Error::InvalidSettings { problem, remedy, .. } => format!("{problem}; {remedy}"),
        other => other.to_string(),
    }
}
