//! What is drawn, and what is to be said of it.

use super::canvas::{Canvas, Rgb};
use super::scale_bar::Bar;

/// A picture, and what is to be said of it.
pub struct Picture {
    pub canvas: Canvas,
    /// Name of the store, and which plane is shown.
    pub title: String,
    /// Channels with their colors and windows.
    pub legend: Vec<Entry>,
    /// A bar of this length is so long in the picture.
    pub bar: Option<Bar>,
    /// What is worth knowing.
    pub notes: Vec<String>,
    /// What could not be read.
    pub problems: Vec<String>,
}

/// A channel of the legend.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub label: String,
    pub color: Rgb,
    pub window: [f64; 2],
}

impl Entry {
    /// `DAPI 102 to 890`.
    pub fn text(&self) -> String {
        let [start, end] = self.window.map(short);
        format!("{} {start} to {end}", self.label).trim_start().to_owned()
    }
}

/// A number in a few letters.
fn short(number: f64) -> String {
    match number.abs() {
        size if size >= 1e7 || (size > 0.0 && size < 1e-3) => format!("{number:.2e}"),
        size if size >= 1000.0 || number.fract() == 0.0 => format!("{number:.0}"),
        _ => format!("{number:.4}").trim_end_matches('0').trim_end_matches('.').to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let told = [0.0, 102.0, 1234.5, 65535.0, 0.25, -0.5, 3e9, 1.5e-7].map(short);
        assert_eq!(told, ["0", "102", "1234", "65535", "0.25", "-0.5", "3.00e9", "1.50e-7"]);
    }
}
