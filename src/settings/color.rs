//! Color of a channel.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::error::{Error, Result};
use crate::shown::quoted;

/// Color in which a channel is shown: red, green and blue, 8 bits each.
///
/// In JSON `#rgb`, `#rrggbb`, `rrggbb`, a CSS color such as `red` or `rgb(255, 0, 0)`, or a list of red, green and
/// blue (0 to 255). A transparency after these is read and left out: OME-NGFF has no place for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Color([u8; 3]);

const FORMS: &str = "#rrggbb, a CSS color name, or [red, green, blue] from 0 to 255";

impl Color {
    /// From red, green and blue.
    #[must_use]
    pub const fn from_rgb(rgb: [u8; 3]) -> Self {
        Self(rgb)
    }

    /// Red, green and blue.
    #[must_use]
    pub const fn rgb(&self) -> [u8; 3] {
        self.0
    }

    /// Six upper-case hexadecimal digits, as OMERO metadata has it: `FF0000`.
    #[must_use]
    pub fn hex(&self) -> String {
        let [red, green, blue] = self.0;
        format!("{red:02X}{green:02X}{blue:02X}")
    }

    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        // A hexadecimal prefix that ome-writers reads and CSS does not know.
        let text = text.strip_prefix("0x").unwrap_or(text);
        let [red, green, blue, _] = csscolorparser::parse(text).ok()?.to_rgba8();
        Some(Self([red, green, blue]))
    }

    /// From 0 to 255 for each color, and 0 to 1 for an opacity that is left out.
    fn from_list(list: &[f64]) -> Option<Self> {
        let (rgb, opacity) = list.split_at_checked(3)?;
        let valid = opacity.len() <= 1
            && opacity.iter().all(|each| (0.0..=1.0).contains(each))
            && rgb.iter().all(|each| (0.0..=255.0).contains(each));
        let mut parts = rgb.iter().map(|each| each.round() as u8);
        match (valid, parts.next(), parts.next(), parts.next()) {
            (true, Some(red), Some(green), Some(blue)) => Some(Self([red, green, blue])),
            _ => None,
        }
    }
}

impl fmt::Display for Color {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(formatter, "#{red:02x}{green:02x}{blue:02x}")
    }
}

impl FromStr for Color {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text).ok_or_else(|| Error::settings("color", quoted(text), "not a color", format!("use {FORMS}")))
    }
}

impl Serialize for Color {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Color {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Color;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(FORMS)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Color, E> {
                Color::parse(text).ok_or_else(not_a_color)
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut sequence: A) -> Result<Color, A::Error> {
                let mut list = Vec::new();
                while let Some(part) = sequence.next_element::<f64>()? {
                    list.push(part);
                }
                Color::from_list(&list).ok_or_else(not_a_color)
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

fn not_a_color<E: de::Error>() -> E {
    E::invalid_value(de::Unexpected::Other("not a color"), &FORMS)
}
