//! A picture in memory: red, green and blue, 8 bits each.

use std::iter::repeat_n;

use font8x8::{
    BASIC_FONTS, BLOCK_FONTS, BOX_FONTS, GREEK_FONTS, HIRAGANA_FONTS, LATIN_FONTS, MISC_FONTS, UnicodeFonts,
};

/// Red, green, blue.
pub type Rgb = [u8; 3];

/// Width and height of a letter, in pixels, before it is made larger.
pub const LETTER: usize = 8;

/// A picture.
#[derive(Debug, Clone)]
pub struct Canvas {
    width: usize,
    height: usize,
    pixels: Vec<Rgb>,
}

impl Canvas {
    /// All of one color.
    pub fn new(width: usize, height: usize, color: Rgb) -> Self {
        Self { width, height, pixels: vec![color; width * height] }
    }

    /// Width in pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Row by row.
    pub fn bytes(&self) -> &[u8] {
        self.pixels.as_flattened()
    }

    /// The color at a place; black beyond the edges.
    pub fn at(&self, x: usize, y: usize) -> Rgb {
        let inside = x < self.width && y < self.height;
        self.pixels.get(y * self.width + x).filter(|_| inside).copied().unwrap_or_default()
    }

    /// Colors a rectangle, as far as it lies inside.
    pub fn fill(&mut self, [x, y]: [usize; 2], [width, height]: [usize; 2], color: Rgb) {
        let (left, right) = (x.min(self.width), x.saturating_add(width).min(self.width));
        for row in y..y.saturating_add(height).min(self.height) {
            if let Some(part) = self.pixels.get_mut(row * self.width + left..row * self.width + right) {
                part.fill(color);
            }
        }
    }

    /// Writes a line of text, each letter `scale` times as large; letters that the font has not are question marks.
    pub fn text(&mut self, [x, y]: [usize; 2], scale: usize, color: Rgb, text: &str) {
        for (nth, letter) in text.chars().enumerate() {
            let left = x + nth * LETTER * scale;
            if left >= self.width {
                return;
            }
            for (row, bits) in glyph(letter).into_iter().enumerate() {
                for column in (0..LETTER).filter(|column| bits >> column & 1 == 1) {
                    self.fill([left + column * scale, y + row * scale], [scale, scale], color);
                }
            }
        }
    }
}

fn glyph(letter: char) -> [u8; LETTER] {
    let known = BASIC_FONTS.get(letter).or_else(|| LATIN_FONTS.get(letter)).or_else(|| GREEK_FONTS.get(letter));
    let known = known.or_else(|| BOX_FONTS.get(letter)).or_else(|| BLOCK_FONTS.get(letter));
    let known = known.or_else(|| HIRAGANA_FONTS.get(letter)).or_else(|| MISC_FONTS.get(letter));
    known.or_else(|| BASIC_FONTS.get('?')).unwrap_or_default()
}

/// A text as far as it fits into so many letters.
pub fn fitted(text: &str, letters: usize) -> String {
    let length = text.chars().count();
    if length <= letters {
        return text.to_owned();
    }
    let kept = letters.saturating_sub(2);
    text.chars().take(kept).chain(repeat_n('.', letters - kept)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_drawn_beyond_the_edges() {
        let mut canvas = Canvas::new(4, 3, [0; 3]);
        canvas.fill([2, 1], [usize::MAX, 50], [9; 3]);
        canvas.text([1000, 0], 2, [9; 3], "far");
        canvas.text([0, 1000], 2, [9; 3], "away");
        let nines = canvas.bytes().iter().filter(|byte| **byte == 9).count();
        assert_eq!(nines, 2 * 2 * 3);
        assert_eq!((canvas.at(2, 1), canvas.at(1, 1), canvas.at(4, 1)), ([9; 3], [0; 3], [0; 3]));
    }

    #[test]
    fn letters_are_those_of_the_font() {
        let mut canvas = Canvas::new(16, 8, [0; 3]);
        canvas.text([8, 0], 1, [1; 3], "I");
        let rows: Vec<String> =
            (0..8).map(|y| (8..16).map(|x| if canvas.at(x, y) == [1; 3] { '#' } else { '.' }).collect()).collect();
        assert_eq!(rows[..3], [".####...", "..##....", "..##...."], "{rows:#?}");
        assert_ne!(glyph('µ'), glyph('?'));
        assert_eq!(glyph('\u{1f600}'), glyph('?'));
    }

    #[test]
    fn long_names_are_cut() {
        assert_eq!(fitted("Pos 1", 5), "Pos 1");
        assert_eq!(fitted("Pos 12", 5), "Pos..");
        assert_eq!(fitted("Pos 12", 1), ".");
        assert_eq!(fitted("Pos 12", 0), "");
    }
}
