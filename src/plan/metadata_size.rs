//! How much memory the metadata of all positions take, judged before they are made.

use crate::error::{Error, Result};
use crate::settings::{Coord, DimensionType, Settings};

/// Bytes of one position's metadata without its channels: names, path, axes, transformations.
const POSITION_BYTES: u64 = 2 << 10;

/// Bytes of one channel's metadata without its texts.
const CHANNEL_BYTES: u64 = 256;

/// Bytes that metadata may always take: what a host pays anyway for a library with its threads.
const ALWAYS: u64 = 64 << 20;

/// Most bytes of metadata, whatever the limit: every position has a copy of all channels, and readers parse them.
const MOST: u64 = 1 << 30;

/// Refuses more positions and channels than memory can hold: each position's image names all channels.
pub(super) fn check(settings: &Settings) -> Result<()> {
    let Some(nth) = settings.position_dimension() else { return Ok(()) };
    let positions = settings.dimensions.get(nth).and_then(|each| each.count).unwrap_or(1);
    let channels = settings
        .dimensions
        .iter()
        .filter(|each| each.kind == Some(DimensionType::Channel))
        .flat_map(|each| each.coords.iter().flatten());
    let of_channel = |coord: &Coord| match coord {
        Coord::Channel(channel) => channel.name.len() + channel.fluorophore.as_ref().map_or(0, String::len),
        Coord::Name(name) => name.len(),
        Coord::Number(_) | Coord::Position(_) => 0,
    };
    let (count, bytes) = channels.fold((0_u64, POSITION_BYTES), |(count, bytes), coord| {
        (count + 1, bytes.saturating_add(CHANNEL_BYTES + of_channel(coord) as u64))
    });
    let all = positions.saturating_mul(bytes);
    let most = settings.memory_limit.clamp(ALWAYS, MOST);
    if all <= most {
        return Ok(());
    }
    Err(Error::dimension(
        nth,
        "count",
        positions,
        format!("the metadata of so many positions with {count} channel(s) each take {all} bytes, and may take {most}"),
        "use fewer positions or channels, shorter names, or several stores",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{DataType, Dimension};

    fn settings(positions: u64, channels: usize) -> Settings {
        let dimensions = vec![
            Dimension::standard("p", positions),
            Dimension::standard("c", 1).with_coords((0..channels).map(|nth| Coord::Name(format!("c{nth}")))),
            Dimension::standard("y", 8),
            Dimension::standard("x", 8),
        ];
        let mut settings = Settings::new("a", dimensions, DataType::UInt16);
        settings.dimensions[0].kind = Some(DimensionType::Position);
        settings.dimensions[1].kind = Some(DimensionType::Channel);
        settings
    }

    #[test]
    fn many_positions_with_many_channels_are_refused() {
        check(&settings(100_000, 16)).expect("many positions");
        check(&settings(10, 10_000)).expect("many channels");
        let error = check(&settings(100_000, 10_000)).expect_err("both").to_string();
        assert!(error.contains("dimensions[0].count") && error.contains("100000"), "{error}");
    }
}
