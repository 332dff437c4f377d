//! Units of files: symbols and words, what OME-NGFF calls them, and how much they are.

use ome_stream::settings::{DimensionType, named_unit};

/// A length: the name in OME-NGFF, and meters.
pub fn length(unit: &str) -> Option<(&'static str, f64)> {
    of_kind(unit, DimensionType::Space)
}

/// A time: the name in OME-NGFF, and seconds.
pub fn time(unit: &str) -> Option<(&'static str, f64)> {
    of_kind(unit, DimensionType::Time)
}

fn of_kind(unit: &str, kind: DimensionType) -> Option<(&'static str, f64)> {
    // ImageJ escapes what is not ASCII.
    let unit = unit.trim().replace("\\u00B5", "µ").replace("\\u00b5", "µ").replace("\\u00C5", "Å");
    named_unit(&unit, kind).or_else(|| {
        // As others spell and count it.
        let word = unit.to_lowercase().replace("metre", "meter");
        let one = word.strip_suffix("es").filter(|word| *word == "inch").or(word.strip_suffix('s'));
        named_unit(one.filter(|word| word.len() > 2).unwrap_or(&word), kind)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_programs() {
        for unit in ["\\u00B5m", "µm", "μm", "um", "micron", "Micrometer"] {
            assert_eq!(length(unit), Some(("micrometer", 1e-6)), "{unit}");
        }
        for unit in ["micrometre", "micrometers", "Micrometres", "microns"] {
            assert_eq!(length(unit), Some(("micrometer", 1e-6)), "{unit}");
        }
        assert_eq!(length("inches"), Some(("inch", 0.0254)));
        assert_eq!(time("seconds"), Some(("second", 1.0)));
        assert_eq!(length("pixel"), None);
        assert_eq!(length("reference frame"), None);
        assert_eq!(time("sec"), Some(("second", 1.0)));
        assert_eq!(time("frames"), None);
    }
}
