//! A bar of a length that people can read: 1, 2 or 5 of a unit, or ten, a hundred times that.

/// Units of length that have a symbol, with their size in meters (OME-NGFF 0.4 to 0.6 name them as UDUNITS-2 does).
const UNITS: [(&str, &str, f64); 10] = [
    ("meter", "m", 1.0),
    ("centimeter", "cm", 1e-2),
    ("millimeter", "mm", 1e-3),
    ("micrometer", "µm", 1e-6),
    ("nanometer", "nm", 1e-9),
    ("angstrom", "Å", 1e-10),
    ("picometer", "pm", 1e-12),
    ("inch", "in", 0.0254),
    ("foot", "ft", 0.3048),
    ("kilometer", "km", 1e3),
];

/// Units that a bar is told in, largest first.
const SHOWN: [(&str, f64); 4] = [("m", 1.0), ("mm", 1e-3), ("µm", 1e-6), ("nm", 1e-9)];

/// A scale bar.
#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
    /// Its length in pixels of the picture.
    pub pixels: usize,
    /// Its length in words.
    pub label: String,
}

/// The longest bar of at most `most` pixels, where a pixel of the picture is `width` wide; `None` where none has a
/// pixel.
pub fn bar(width: f64, unit: &str, most: usize) -> Option<Bar> {
    let known = UNITS.iter().find(|(name, ..)| *name == unit);
    let (width, unit) = match known {
        // Those that have a system of their own stay.
        Some((_, symbol, _)) if matches!(*symbol, "in" | "ft") => (width, *symbol),
        Some((_, _, meters)) => {
            let longest = width * meters * most as f64;
            // Rounding shall not turn 1 µm into 999.9 nm.
            let (symbol, size) = SHOWN.into_iter().find(|(_, size)| longest >= size * (1.0 - 1e-9)).unwrap_or(SHOWN[3]);
            (width * meters / size, symbol)
        }
        None => (width, unit),
    };
    let longest = width * most as f64;
    if !(longest.is_finite() && longest > 0.0) {
        return None;
    }
    let power = (longest * (1.0 + 1e-9)).log10().floor() as i32;
    let length = |digit: f64| digit * 10f64.powi(power);
    let digit = [5.0, 2.0, 1.0].into_iter().find(|digit| length(*digit) <= longest * (1.0 + 1e-9))?;
    let pixels = (length(digit) / width).round() as usize;
    let decimals = usize::try_from(-power).unwrap_or(0);
    (pixels > 0).then(|| Bar { pixels, label: format!("{:.decimals$} {unit}", length(digit)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_round_and_fit() {
        for (width, unit, most, pixels, label) in [
            (0.108, "micrometer", 200, 185, "20 µm"),
            (0.108, "micrometer", 40, 19, "2 µm"),
            (1.0, "micrometer", 100, 100, "100 µm"),
            (6.5, "micrometer", 400, 308, "2 mm"),
            (0.001, "micrometer", 200, 200, "200 nm"),
            (0.001, "micrometer", 1000, 1000, "1 µm"),
            (65.0, "nanometer", 100, 77, "5 µm"),
            (0.3, "furlong", 5, 3, "1 furlong"),
            (0.01, "furlong", 30, 20, "0.2 furlong"),
            (2.0, "inch", 30, 25, "50 in"),
        ] {
            let expected = Bar { pixels, label: label.to_owned() };
            assert_eq!(bar(width, unit, most), Some(expected), "{width} {unit}");
        }
        for strange in [0.0, f64::NAN, f64::INFINITY, -1.0] {
            assert_eq!(bar(strange, "micrometer", 200), None, "{strange}");
        }
        assert_eq!(bar(1.0, "micrometer", 0), None);
    }
}
