//! Dimensions and sizes in one line, as the command-line tools take them. Codecs, orders and data types are read by
//! their own `FromStr`.

use super::dimension::Dimension;
use super::kind::DimensionType;
use crate::error::{Error, Result};
use crate::shown::quoted;

const GRAMMAR: &str = "write name:count[:chunk[:shard]], such as t:20 or y:1024:256:4";

/// The count that stands for an unbounded dimension.
const UNBOUNDED: &str = "inf";

/// Reads dimensions as `name:count[:chunk[:shard]]`, separated by commas, slowest first.
///
/// Names are `x y z c t p`, with the type and unit of [`Dimension::standard`]. `chunk` counts pixels, `shard` chunks.
/// `inf` for a count means unbounded, which only the first dimension may be. `x` may be left out when `y` is last: the
/// frame is square then, with the same chunk and shard.
///
/// ```
/// # use ome_stream::settings::parse_dims;
/// let dimensions = parse_dims("t:inf,c:2,y:1024:256")?;
/// assert_eq!(dimensions.len(), 4);
/// assert_eq!(dimensions[0].count, None);
/// assert_eq!((dimensions[3].name.as_str(), dimensions[3].chunk_size), ("x", Some(256)));
/// # Ok::<(), ome_stream::Error>(())
/// ```
///
/// # Errors
/// [`Error::InvalidSettings`] naming the part that cannot be read. What the parts mean together is checked by
/// [`Settings::validate`](super::Settings::validate).
pub fn parse_dims(text: &str) -> Result<Vec<Dimension>> {
    let mut dimensions =
        text.split(',').enumerate().map(|(nth, part)| parse_part(nth, part.trim())).collect::<Result<Vec<_>>>()?;
    let has = |name: &str| dimensions.iter().position(|each| each.name == name);
    if let (Some(rows), None) = (has("y"), has("x")) {
        if rows + 1 != dimensions.len() {
            return Err(Error::settings(
                "dimensions",
                quoted(text),
                "x is left out, and y is not last",
                "put y last for a square frame, or give x",
            ));
        }
        let columns = Dimension { name: "x".to_owned(), ..dimensions[rows].clone() };
        dimensions.push(columns);
    }
    Ok(dimensions)
}

fn parse_part(nth: usize, part: &str) -> Result<Dimension> {
    let refuse = |field: &str, problem: &str, remedy: &str| Error::dimension(nth, field, quoted(part), problem, remedy);
    let mut fields = part.split(':');
    let (Some(name), Some(count)) = (fields.next(), fields.next()) else {
        return Err(refuse("", "a name and a count are needed", GRAMMAR));
    };
    if name.len() != 1 || DimensionType::of_name(name).is_none() || name.to_lowercase() != name {
        return Err(refuse("name", "unknown dimension", "use x, y, z, c, t or p"));
    }
    let number = |field: &str, text: &str| match text.parse::<u64>() {
        Ok(number) if number > 0 && !text.starts_with('+') => Ok(number),
        _ => Err(refuse(field, "not a whole number of at least 1", GRAMMAR)),
    };
    let count = match count {
        UNBOUNDED => None,
        count => Some(number("count", count)?),
    };
    let mut dimension = Dimension::standard(name, count);
    dimension.chunk_size = fields.next().map(|text| number("chunk_size", text)).transpose()?;
    dimension.shard_size_chunks = fields.next().map(|text| number("shard_size_chunks", text)).transpose()?;
    if fields.next().is_some() {
        return Err(refuse("", "more than four fields", GRAMMAR));
    }
    Ok(dimension)
}

/// Units of a size: SI units with a B are powers of 1000, IEC units (`KiB`) and bare letters (`K`) powers of 1024. The
/// longest match comes first.
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

/// Reads a number of bytes, at least 1: `4096`, `512MiB`, `1.5GB`, `64M`. Letter case does not matter.
///
/// `kB`, `MB`, `GB`, `TB` are powers of 1000 (SI); `KiB`, `MiB`, `GiB`, `TiB` (IEC) and the letter alone, as in `512M`,
/// are powers of 1024.
///
/// ```
/// # use ome_stream::settings::parse_bytes;
/// assert_eq!(parse_bytes("memory_limit", "512kB")?, 512_000);
/// assert_eq!(parse_bytes("memory_limit", "512KiB")?, 524_288);
/// assert_eq!(parse_bytes("memory_limit", "512K")?, 524_288);
/// # Ok::<(), ome_stream::Error>(())
/// ```
///
/// # Errors
/// [`Error::InvalidSettings`] naming `field`, which the size is for.
pub fn parse_bytes(field: &str, text: &str) -> Result<u64> {
    let lower = text.trim().to_lowercase();
    let (number, unit) = UNITS
        .iter()
        .find_map(|(name, unit)| lower.strip_suffix(name).map(|number| (number.trim_end(), *unit)))
        .unwrap_or((&lower, 1));
    let plain = number.chars().all(|each| each.is_ascii_digit() || each == '.');
    let size = match number.parse::<u64>() {
        Ok(whole) => whole.checked_mul(unit),
        // Beyond 2^60 a float no longer says which byte.
        Err(_) => number
            .parse()
            .ok()
            .map(|part: f64| part * unit as f64)
            .filter(|size| *size < 2f64.powi(60))
            .map(|size| size as u64),
    };
    size.filter(|size| plain && *size > 0).ok_or_else(|| {
        let remedy = "write a number of bytes, or with a unit such as 512MiB, 512M (both of 1024) or 1.5GB (of 1000)";
        Error::settings(field, quoted(text), "not a usable size", remedy)
    })
}
