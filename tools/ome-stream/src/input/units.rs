//! Units of files: symbols and words, what OME-NGFF calls them, and how much they are.

/// A length: the name in OME-NGFF, and meters.
pub fn length(unit: &str) -> Option<(&'static str, f64)> {
    Some(match spelled(unit).as_str() {
        "pm" | "picometer" | "picometre" => ("picometer", 1e-12),
        "Å" | "A" | "angstrom" => ("angstrom", 1e-10),
        "nm" | "nanometer" | "nanometre" | "nanometers" => ("nanometer", 1e-9),
        "µm" | "um" | "u" | "micron" | "microns" | "micrometer" | "micrometers" | "micrometre" => ("micrometer", 1e-6),
        "mm" | "millimeter" | "millimetre" | "millimeters" => ("millimeter", 1e-3),
        "cm" | "centimeter" | "centimetre" => ("centimeter", 1e-2),
        "m" | "meter" | "metre" => ("meter", 1.0),
        "in" | "inch" | "inches" => ("inch", 0.0254),
        _ => return None,
    })
}

/// A time: the name in OME-NGFF, and seconds.
pub fn time(unit: &str) -> Option<(&'static str, f64)> {
    Some(match spelled(unit).as_str() {
        "ns" | "nanosecond" | "nsec" => ("nanosecond", 1e-9),
        "µs" | "us" | "usec" | "µsec" | "microsecond" => ("microsecond", 1e-6),
        "ms" | "msec" | "millisecond" | "milliseconds" => ("millisecond", 1e-3),
        "s" | "sec" | "second" | "seconds" => ("second", 1.0),
        "min" | "minute" | "minutes" => ("minute", 60.0),
        "h" | "hour" | "hours" => ("hour", 3600.0),
        "d" | "day" | "days" => ("day", 86400.0),
        _ => return None,
    })
}

/// One spelling of the micro sign and of the angstrom; words in small letters, for in symbols case has a meaning.
fn spelled(unit: &str) -> String {
    // ImageJ escapes what is not ASCII.
    let unit = unit.trim().replace("\\u00B5", "µ").replace("\\u00b5", "µ").replace("\\u00C5", "Å");
    let unit: String = unit
        .chars()
        .map(|each| match each {
            '\u{3bc}' => '\u{b5}',
            '\u{212b}' => '\u{c5}',
            other => other,
        })
        .collect();
    if unit.chars().count() > 2 { unit.to_lowercase() } else { unit }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_programs() {
        for unit in ["\\u00B5m", "µm", "μm", "um", "micron", "Micrometer"] {
            assert_eq!(length(unit), Some(("micrometer", 1e-6)), "{unit}");
        }
        assert_eq!(length("pixel"), None);
        assert_eq!(length("reference frame"), None);
        assert_eq!(time("sec"), Some(("second", 1.0)));
        assert_eq!(time("frames"), None);
    }
}
