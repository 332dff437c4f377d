//! Units of length and time: OME-NGFF names, OME symbols, common aliases.

use super::kind::DimensionType;

/// Name, symbol, how much it is.
type Unit = (&'static str, &'static str, f64);

/// OME-NGFF 0.5 §"axes", units of length, each with its symbol in the OME schema and its length in meters.
const LENGTH: [Unit; 26] = [
    ("angstrom", "Å", 1e-10),
    ("attometer", "am", 1e-18),
    ("centimeter", "cm", 1e-2),
    ("decimeter", "dm", 1e-1),
    ("exameter", "Em", 1e18),
    ("femtometer", "fm", 1e-15),
    ("foot", "ft", 0.3048),
    ("gigameter", "Gm", 1e9),
    ("hectometer", "hm", 1e2),
    ("inch", "in", 0.0254),
    ("kilometer", "km", 1e3),
    ("megameter", "Mm", 1e6),
    ("meter", "m", 1.0),
    ("micrometer", "µm", 1e-6),
    ("mile", "mi", 1609.344),
    ("millimeter", "mm", 1e-3),
    ("nanometer", "nm", 1e-9),
    ("parsec", "pc", 3.085_677_581_491_367e16),
    ("petameter", "Pm", 1e15),
    ("picometer", "pm", 1e-12),
    ("terameter", "Tm", 1e12),
    ("yard", "yd", 0.9144),
    ("yoctometer", "ym", 1e-24),
    ("yottameter", "Ym", 1e24),
    ("zeptometer", "zm", 1e-21),
    ("zettameter", "Zm", 1e21),
];

/// Names that people and programs write, and what they mean.
const LENGTH_ALIASES: [(&str, &str); 4] =
    [("micrometer", "um"), ("micrometer", "u"), ("micrometer", "micron"), ("angstrom", "A")];

/// OME-NGFF 0.5 §"axes", units of time, each with its symbol in the OME schema and its seconds.
const TIME: [Unit; 23] = [
    ("attosecond", "as", 1e-18),
    ("centisecond", "cs", 1e-2),
    ("day", "d", 86_400.0),
    ("decisecond", "ds", 1e-1),
    ("exasecond", "Es", 1e18),
    ("femtosecond", "fs", 1e-15),
    ("gigasecond", "Gs", 1e9),
    ("hectosecond", "hs", 1e2),
    ("hour", "h", 3600.0),
    ("kilosecond", "ks", 1e3),
    ("megasecond", "Ms", 1e6),
    ("microsecond", "µs", 1e-6),
    ("millisecond", "ms", 1e-3),
    ("minute", "min", 60.0),
    ("nanosecond", "ns", 1e-9),
    ("petasecond", "Ps", 1e15),
    ("picosecond", "ps", 1e-12),
    ("second", "s", 1.0),
    ("terasecond", "Ts", 1e12),
    ("yoctosecond", "ys", 1e-24),
    ("yottasecond", "Ys", 1e24),
    ("zeptosecond", "zs", 1e-21),
    ("zettasecond", "Zs", 1e21),
];

/// Names that people and programs write, and what they mean.
const TIME_ALIASES: [(&str, &str); 5] = [
    ("microsecond", "us"),
    ("microsecond", "usec"),
    ("microsecond", "µsec"),
    ("millisecond", "msec"),
    ("second", "sec"),
];

/// The type that a unit implies, if it is one of length or time.
pub(super) fn kind(unit: &str) -> Option<DimensionType> {
    [DimensionType::Space, DimensionType::Time].into_iter().find(|kind| to_ngff(unit, *kind).is_some())
}

/// The OME-NGFF name of a unit of length (space) or time; `None` where it is not one.
pub(super) fn to_ngff(unit: &str, kind: DimensionType) -> Option<&'static str> {
    named_unit(unit, kind).map(|(name, _)| name)
}

/// A unit of length (space) or time by its OME-NGFF name, its OME symbol or a common alias: its OME-NGFF name, and how
/// many meters or seconds it is; `None` where it is not one.
#[must_use]
pub fn named_unit(unit: &str, kind: DimensionType) -> Option<(&'static str, f64)> {
    let (units, aliases) = match kind {
        DimensionType::Space => (LENGTH.as_slice(), LENGTH_ALIASES.as_slice()),
        DimensionType::Time => (TIME.as_slice(), TIME_ALIASES.as_slice()),
        _ => return None,
    };
    // Unicode has a Greek letter beside the micro sign, and an angstrom sign beside the letter.
    let spelled = unit.replace('\u{3bc}', "\u{b5}").replace('\u{212b}', "\u{c5}");
    // In symbols case has a meaning (`Mm`, `mm`); anything longer than two letters is a word.
    let spelled = if spelled.chars().count() > 2 { spelled.to_lowercase() } else { spelled };
    let spelled = aliases.iter().find(|(_, alias)| *alias == spelled).map_or(spelled.as_str(), |(name, _)| name);
    units.iter().find(|(name, symbol, _)| *name == spelled || *symbol == spelled).map(|(name, _, much)| (*name, *much))
}
