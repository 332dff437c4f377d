//! Sizes, channels and positions: what the user says of them, then what the input knows.

use ome_stream::Error;
use ome_stream::settings::{Channel, Color, Coord, Dimension, Position};

use crate::failure::Failure;
use crate::input::{Known, units};

const SIZES: &str = "write sizes with their units, such as z:0.3um,y:0.108um,x:0.108um,t:2s";

/// `name:size unit`, comma-separated.
///
/// # Errors
/// Where it cannot be read, or names an axis that is not there.
pub fn pixel_size(text: &str, dimensions: &mut [Dimension]) -> Result<(), Failure> {
    let refuse =
        |part: &str, problem: String| Failure::from(Error::settings("pixel_size", format!("{part:?}"), problem, SIZES));
    for part in text.split(',') {
        let part = part.trim();
        let (name, size) = part.split_once(':').ok_or_else(|| refuse(part, "a name and a size are needed".into()))?;
        let end =
            size.find(|each: char| !(each.is_ascii_digit() || matches!(each, '.' | '-' | '+'))).unwrap_or(size.len());
        // 1e-3um: the exponent belongs to the number where digits follow it.
        let exponent = size.get(end..).filter(|rest| rest.starts_with(['e', 'E'])).and_then(|rest| {
            let digits = rest.get(1..)?.trim_start_matches(['+', '-']);
            let count = digits.find(|each: char| !each.is_ascii_digit()).unwrap_or(digits.len());
            (count > 0).then(|| end + (rest.len() - digits.len()) + count)
        });
        let (number, unit) = size.split_at(exponent.unwrap_or(end));
        let step: f64 = number.trim().parse().map_err(|_| refuse(part, format!("{number:?} is no number")))?;
        if !(step.is_finite() && step > 0.0) {
            return Err(refuse(part, "the size of a step is a number above 0".into()));
        }
        let known = if name == "t" { units::time(unit) } else { units::length(unit) };
        let Some((unit, _)) = known else {
            let kind = if name == "t" { "time" } else { "length" };
            return Err(refuse(part, format!("{unit:?} is no unit of {kind}")));
        };
        let all: Vec<String> = dimensions.iter().map(|dimension| dimension.name.clone()).collect();
        let Some(dimension) =
            dimensions.iter_mut().find(|dimension| dimension.name == name && !matches!(name, "c" | "p"))
        else {
            return Err(refuse(part, format!("there is no axis {name:?} with sizes among {}", all.join(", "))));
        };
        dimension.scale = Some(step);
        dimension.unit = Some(unit.to_owned());
    }
    Ok(())
}

/// `name[:color]`, comma-separated.
///
/// # Errors
/// Where there are not as many channels.
pub fn channels(text: &str, dimensions: &mut [Dimension]) -> Result<(), Failure> {
    let refuse = |problem: String, remedy: &str| {
        Failure::from(Error::settings("channels", format!("{text:?}"), problem, remedy))
    };
    let mut channels = Vec::new();
    for part in text.split(',') {
        let (name, color) = match part.trim().split_once(':') {
            Some((name, color)) => (name.trim(), Some(color.trim().parse::<Color>()?)),
            None => (part.trim(), None),
        };
        channels.push(Coord::Channel(Channel { color, ..Channel::new(name) }));
    }
    let Some(dimension) = dimensions.iter_mut().find(|dimension| dimension.name == "c") else {
        return Err(refuse("there is no axis c".into(), "name it with --axes or -d"));
    };
    match dimension.count {
        Some(count) if count != channels.len() as u64 => Err(refuse(
            format!("{} names for {count} channel(s)", channels.len()),
            "name each channel, separated by commas",
        )),
        _ => {
            dimension.count = Some(channels.len() as u64);
            dimension.coords = Some(channels);
            Ok(())
        }
    }
}

/// Fills in what nobody has said and the input knows; returns notes on what is left behind.
pub fn apply(known: &Known, dimensions: &mut [Dimension]) -> Vec<String> {
    let mut left: Vec<String> = known.dropped.iter().cloned().collect();
    for size in &known.sizes {
        match named(dimensions, size.axis) {
            Some(dimension) if dimension.scale.is_none() && dimension.unit.is_none() => {
                dimension.scale = Some(size.step);
                dimension.unit = Some(size.unit.to_owned());
            }
            // The user has said another.
            Some(_) => {}
            None => left.push(format!("the step {} {} along {}", size.step, size.unit, size.axis)),
        }
    }
    for (axis, meters) in &known.origin {
        match named(dimensions, *axis).and_then(|dimension| Some((unit_of(dimension)?, dimension))) {
            Some((unit, dimension)) if dimension.translation.is_none() => {
                dimension.translation = Some(rounded(meters / unit));
            }
            Some(_) => {}
            None => left.push(format!("the place of the stage along {axis}")),
        }
    }
    if !known.channels.is_empty() {
        let count = known.channels.len() as u64;
        match named(dimensions, 'c') {
            Some(dimension) if dimension.coords.is_some() => {}
            Some(dimension) if dimension.count == Some(count) => {
                dimension.coords = Some(known.channels.iter().cloned().map(Coord::Channel).collect());
            }
            _ => {
                let names: Vec<&str> = known.channels.iter().map(|channel| channel.name.as_str()).collect();
                left.push(format!("channels ({})", names.join(", ")));
            }
        }
    }
    positions(known, dimensions, &mut left);
    let mut notes = known.notes.clone();
    if !left.is_empty() {
        notes.push(format!("not carried over: {}", left.join("; ")));
    }
    notes
}

fn positions(known: &Known, dimensions: &mut [Dimension], left: &mut Vec<String>) {
    if known.positions.is_empty() {
        return;
    }
    let units = ['x', 'y', 'z'].map(|axis| named(dimensions, axis).and_then(|dimension| unit_of(dimension)));
    let count = known.positions.len() as u64;
    let mut without = false;
    let mut placed = |meters: Option<f64>, unit: Option<f64>| match (meters, unit) {
        (Some(meters), Some(unit)) => Some(rounded(meters / unit)),
        (Some(_), None) => {
            without = true;
            None
        }
        (None, _) => None,
    };
    let [x, y, z] = units;
    let positions: Vec<Coord> = known
        .positions
        .iter()
        .map(|position| {
            Coord::Position(Position {
                x_coord: placed(position.x_coord, x),
                y_coord: placed(position.y_coord, y),
                z_coord: placed(position.z_coord, z),
                ..position.clone()
            })
        })
        .collect();
    if without {
        left.push("places of the stage, as there is no pixel size to give them a unit".to_owned());
    }
    match named(dimensions, 'p') {
        Some(dimension) if dimension.coords.is_some() => {}
        Some(dimension) if dimension.count == Some(count) => dimension.coords = Some(positions),
        _ => left.push(format!("names and places of {count} positions")),
    }
}

fn named(dimensions: &mut [Dimension], axis: char) -> Option<&mut Dimension> {
    let mut bytes = [0; 4];
    let name: &str = axis.encode_utf8(&mut bytes);
    dimensions.iter_mut().find(|dimension| dimension.name == name)
}

/// Meters of a dimension's unit.
fn unit_of(dimension: &Dimension) -> Option<f64> {
    units::length(dimension.unit.as_deref()?).map(|(_, meters)| meters)
}

/// Without what the way through meters has added.
fn rounded(value: f64) -> f64 {
    let digits = 1e9;
    if value.abs() < 1e6 { (value * digits).round() / digits } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ome_stream::settings::parse_dims;

    #[test]
    fn sizes_have_numbers_and_units() {
        let mut dimensions = parse_dims("t:2,z:3,y:4,x:5").expect("valid");
        pixel_size("z:3e-1um,y:108nm, x:0.108um,t:2min", &mut dimensions).expect("valid");
        let found: Vec<_> = dimensions.iter().map(|each| (each.scale, each.unit.as_deref())).collect();
        assert_eq!(
            found,
            [
                (Some(2.0), Some("minute")),
                (Some(0.3), Some("micrometer")),
                (Some(108.0), Some("nanometer")),
                (Some(0.108), Some("micrometer"))
            ]
        );
        for text in
            ["", "z", "z:", "z:um", "z:1", "z:0um", "z:-1um", "z:1s", "t:1um", "c:1um", "q:1um", "z:1eum", "z:infum"]
        {
            assert!(pixel_size(text, &mut dimensions).is_err(), "{text}");
        }
    }

    #[test]
    fn channels_have_names_and_colors() {
        let mut dimensions = parse_dims("c:2,y:4,x:5").expect("valid");
        channels("DAPI:blue, GFP", &mut dimensions).expect("valid");
        let blue = Channel { color: Some(Color::from_rgb([0, 0, 255])), ..Channel::new("DAPI") };
        assert_eq!(dimensions[0].coords, Some(vec![Coord::Channel(blue), Coord::Channel(Channel::new("GFP"))]));
        assert!(channels("one", &mut dimensions).is_err());
        assert!(channels("one:paint,two", &mut dimensions).is_err());
        assert!(channels("one", &mut parse_dims("y:4,x:5").expect("valid")).is_err());
    }
}
