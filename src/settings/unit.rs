//! Units of length and time: OME-NGFF names, OME symbols, common aliases.

use super::kind::DimensionType;

/// OME-NGFF 0.5 §"axes", units of length, each with its symbol in the OME schema.
const LENGTH: [(&str, &str); 26] = [
    ("angstrom", "Å"),
    ("attometer", "am"),
    ("centimeter", "cm"),
    ("decimeter", "dm"),
    ("exameter", "Em"),
    ("femtometer", "fm"),
    ("foot", "ft"),
    ("gigameter", "Gm"),
    ("hectometer", "hm"),
    ("inch", "in"),
    ("kilometer", "km"),
    ("megameter", "Mm"),
    ("meter", "m"),
    ("micrometer", "µm"),
    ("mile", "mi"),
    ("millimeter", "mm"),
    ("nanometer", "nm"),
    ("parsec", "pc"),
    ("petameter", "Pm"),
    ("picometer", "pm"),
    ("terameter", "Tm"),
    ("yard", "yd"),
    ("yoctometer", "ym"),
    ("yottameter", "Ym"),
    ("zeptometer", "zm"),
    ("zettameter", "Zm"),
];

/// Names that people and programs write, and what they mean.
const LENGTH_ALIASES: [(&str, &str); 4] =
    [("micrometer", "um"), ("micrometer", "u"), ("micrometer", "micron"), ("angstrom", "A")];

/// OME-NGFF 0.5 §"axes", units of time, each with its symbol in the OME schema.
const TIME: [(&str, &str); 23] = [
    ("attosecond", "as"),
    ("centisecond", "cs"),
    ("day", "d"),
    ("decisecond", "ds"),
    ("exasecond", "Es"),
    ("femtosecond", "fs"),
    ("gigasecond", "Gs"),
    ("hectosecond", "hs"),
    ("hour", "h"),
    ("kilosecond", "ks"),
    ("megasecond", "Ms"),
    ("microsecond", "µs"),
    ("millisecond", "ms"),
    ("minute", "min"),
    ("nanosecond", "ns"),
    ("petasecond", "Ps"),
    ("picosecond", "ps"),
    ("second", "s"),
    ("terasecond", "Ts"),
    ("yoctosecond", "ys"),
    ("yottasecond", "Ys"),
    ("zeptosecond", "zs"),
    ("zettasecond", "Zs"),
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
    let (names, aliases) = match kind {
        DimensionType::Space => (LENGTH.as_slice(), LENGTH_ALIASES.as_slice()),
        DimensionType::Time => (TIME.as_slice(), TIME_ALIASES.as_slice()),
        _ => return None,
    };
    // Unicode has a Greek letter beside the micro sign, and an angstrom sign beside the letter.
    let spelled: String = unit
        .chars()
        .map(|each| match each {
            '\u{3bc}' => '\u{b5}',
            '\u{212b}' => '\u{c5}',
            other => other,
        })
        .collect();
    // In symbols case has a meaning (`Mm`, `mm`); anything longer than two letters is a word.
    let spelled = if spelled.chars().count() > 2 { spelled.to_lowercase() } else { spelled };
    names.iter().chain(aliases).find(|(name, symbol)| *name == spelled || *symbol == spelled).map(|(name, _)| *name)
}
