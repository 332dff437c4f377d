//! Dimensions in one line, as the command-line tools take them.

use super::dimension::{Dimension, DimensionType};
use super::json::quote;
use crate::error::{Error, Result};

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
                quote(text),
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
    let refuse = |field: &str, problem: &str, remedy: &str| {
        Error::settings(format!("dimensions[{nth}]{field}"), quote(part), problem, remedy)
    };
    let mut fields = part.split(':');
    let (Some(name), Some(count)) = (fields.next(), fields.next()) else {
        return Err(refuse("", "a name and a count are needed", GRAMMAR));
    };
    if name.len() != 1 || DimensionType::of_name(name).is_none() || name.to_lowercase() != name {
        return Err(refuse(".name", "unknown dimension", "use x, y, z, c, t or p"));
    }
    let number = |field: &str, text: &str| match text.parse::<u64>() {
        Ok(number) if number > 0 && !text.starts_with('+') => Ok(number),
        _ => Err(refuse(field, "not a whole number of at least 1", GRAMMAR)),
    };
    let count = match count {
        UNBOUNDED => None,
        count => Some(number(".count", count)?),
    };
    let mut dimension = Dimension::standard(name, count);
    dimension.chunk_size = fields.next().map(|text| number(".chunk_size", text)).transpose()?;
    dimension.shard_size_chunks = fields.next().map(|text| number(".shard_size_chunks", text)).transpose()?;
    if fields.next().is_some() {
        return Err(refuse("", "more than four fields", GRAMMAR));
    }
    Ok(dimension)
}
