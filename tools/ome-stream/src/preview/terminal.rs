//! The picture in a terminal: two pixels a letter, one above the other.

use std::fmt::Write as _;

use super::canvas::{Canvas, Rgb};

/// The upper half of a letter's place.
const UPPER_HALF: char = '▀';

/// Size that is taken for a terminal that does not tell its own.
const COLUMNS: usize = 80;
const LINES: usize = 40;

/// Lines that are left for what stands above and below the picture.
const KEPT: usize = 5;

/// Which colors a terminal shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colors {
    /// All.
    True,
    /// The 256 of xterm.
    Few,
}

impl Colors {
    /// As `COLORTERM` tells it, which terminals with all colors set.
    pub fn of(colorterm: Option<&str>) -> Self {
        if matches!(colorterm, Some("truecolor" | "24bit")) { Self::True } else { Self::Few }
    }

    fn code(self, layer: u8, color: Rgb) -> String {
        let [red, green, blue] = color;
        match self {
            Self::True => format!("\x1b[{layer};2;{red};{green};{blue}m"),
            Self::Few => format!("\x1b[{layer};5;{}m", of_256(color)),
        }
    }
}

/// The color of xterm's cube of 6 x 6 x 6 that is nearest, or its gray.
fn of_256([red, green, blue]: Rgb) -> u8 {
    if red == green && green == blue {
        return match red {
            0..=3 => 16,
            247..=255 => 231,
            _ => 232 + (red.saturating_sub(3) / 10).min(23),
        };
    }
    let step = |part: u8| if part < 48 { 0 } else { (part.saturating_sub(35) / 40).min(5) };
    16 + 36 * step(red) + 6 * step(green) + step(blue)
}

/// Width and height of a picture that fits the terminal, in pixels.
pub fn room() -> (usize, usize) {
    let told = terminal_size::terminal_size().map(|(columns, lines)| (usize::from(columns.0), usize::from(lines.0)));
    let (columns, lines) = told.filter(|(columns, lines)| *columns > 0 && *lines > 0).unwrap_or((COLUMNS, LINES));
    (columns, 2 * lines.saturating_sub(KEPT).max(1))
}

/// The picture as lines of a terminal.
pub fn lines(canvas: &Canvas, colors: Colors) -> String {
    let mut out = String::new();
    for y in (0..canvas.height()).step_by(2) {
        let mut last = None;
        for x in 0..canvas.width() {
            let both = (canvas.at(x, y), canvas.at(x, y + 1));
            if last != Some(both) {
                // Writing into a string does not fail.
                let _ = write!(out, "{}{}", colors.code(38, both.0), colors.code(48, both.1));
                last = Some(both);
            }
            out.push(UPPER_HALF);
        }
        out.push_str("\x1b[0m\n");
    }
    out
}

/// A text in a color.
pub fn colored(text: &str, color: Rgb, colors: Colors) -> String {
    format!("{}{text}\x1b[0m", colors.code(38, color))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_has_two_pixels() {
        let mut canvas = Canvas::new(3, 3, [0; 3]);
        canvas.fill([0, 0], [2, 1], [255, 0, 0]);
        canvas.fill([2, 2], [1, 1], [1, 2, 3]);
        let expected = "\x1b[38;2;255;0;0m\x1b[48;2;0;0;0m▀▀\x1b[38;2;0;0;0m\x1b[48;2;0;0;0m▀\x1b[0m\n\
                        \x1b[38;2;0;0;0m\x1b[48;2;0;0;0m▀▀\x1b[38;2;1;2;3m\x1b[48;2;0;0;0m▀\x1b[0m\n";
        assert_eq!(lines(&canvas, Colors::True), expected);
    }

    #[test]
    fn terminals_of_few_colors_get_the_nearest() {
        assert_eq!(Colors::of(Some("truecolor")), Colors::True);
        assert_eq!(Colors::of(None), Colors::Few);
        assert_eq!(
            [[0; 3], [255; 3], [128; 3], [255, 0, 0], [0, 255, 0], [0, 0, 255]].map(of_256),
            [16, 231, 244, 196, 46, 21]
        );
    }
}
