//! What stands around the images of a sheet: title, names, legend and scale bar.

use super::canvas::{Canvas, LETTER, Rgb, fitted};
use super::picture::{Entry, Picture};
use super::sheet::{Grid, Room};

/// Pixels around all of it.
pub const PAD: usize = 6;

/// Width of the narrowest sheet: a legend has to be readable.
pub const LEAST_WIDTH: usize = 160;

const GROUND: Rgb = [32, 32, 32];
const TEXT: Rgb = [224, 224, 224];

/// Width of a sheet for which letters are twice as large, and so on.
const WIDTH_A_SIZE: usize = 1024;

/// Height of a line of text on a sheet of this width.
pub fn line_height(width: usize) -> usize {
    (width / WIDTH_A_SIZE).max(1) * (LETTER + 4)
}

/// How large letters are where a line is so high.
fn letter_size(line: usize) -> usize {
    (line / (LETTER + 4)).max(1)
}

/// A sheet without images.
pub struct Frame {
    pub canvas: Canvas,
    /// Where the images begin.
    pub corner: [usize; 2],
}

/// Makes the sheet for images of this `size`.
pub fn frame(picture: &Picture, grid: &Grid, size: [usize; 2], room: Room) -> Frame {
    let [width, height] = grid.extent(size, room);
    if room.letter == 0 {
        return Frame { canvas: Canvas::new(width, height, GROUND), corner: [0, 0] };
    }
    let (line, letter) = (room.letter, letter_size(room.letter));
    let width = width.max(LEAST_WIDTH - 2 * PAD);
    let legend = legend(&picture.legend, width / (letter * LETTER));
    let bar = usize::from(picture.bar.is_some());
    let full = [width + 2 * PAD, height + (1 + legend.len() + bar) * line + 3 * PAD];
    let mut canvas = Canvas::new(full[0], full[1], GROUND);
    let letters = |width: usize| width / (letter * LETTER);
    canvas.text([PAD, PAD], letter, TEXT, &fitted(&picture.title, letters(width)));
    let mut y = PAD + line + height + PAD;
    for row in legend {
        let mut x = PAD;
        for (text, color) in row {
            canvas.fill([x, y], [letter * LETTER, letter * LETTER], color);
            canvas.text([x + 2 * letter * LETTER, y], letter, TEXT, &text);
            x += (text.chars().count() + 4) * letter * LETTER;
        }
        y += line;
    }
    if let Some(bar) = &picture.bar {
        canvas.fill([PAD, y + letter * LETTER / 4], [bar.pixels, letter * LETTER / 2], TEXT);
        canvas.text([PAD + bar.pixels + letter * LETTER, y], letter, TEXT, &bar.label);
    }
    Frame { canvas, corner: [PAD, PAD + line] }
}

/// The entries of a legend in lines of so many letters.
fn legend(entries: &[Entry], letters: usize) -> Vec<Vec<(String, Rgb)>> {
    let mut lines: Vec<Vec<(String, Rgb)>> = Vec::new();
    let mut left = 0;
    for entry in entries {
        let text = fitted(&entry.text(), letters.saturating_sub(2));
        let needed = text.chars().count() + 2;
        if needed > left || lines.is_empty() {
            lines.push(Vec::new());
            left = letters;
        }
        left = left.saturating_sub(needed + 2);
        if let Some(line) = lines.last_mut() {
            line.push((text, entry.color));
        }
    }
    lines
}

/// Writes the names of images above them, or those of a plate's columns and rows at its edges.
pub fn names(
    canvas: &mut Canvas,
    grid: &Grid,
    corner: [usize; 2],
    size: [usize; 2],
    room: Room,
    names: &[&str],
    of_plate: [&[String]; 2],
) {
    let letter = letter_size(room.letter);
    let letters = |width: usize| width / (letter * LETTER);
    let Some(well) = grid.well else {
        for (cell, name) in grid.cells.iter().zip(names).filter(|_| grid.name_height(room) > 0) {
            let [x, y] = grid.corner(*cell, size, room);
            let at = [corner[0] + x, corner[1] + y - grid.name_height(room)];
            canvas.text(at, letter, TEXT, &fitted(name, letters(size[0])));
        }
        return;
    };
    let name = |axis: usize, nth: usize| {
        let index = usize::try_from(grid.first[axis]).unwrap_or(usize::MAX).saturating_add(nth / well[axis]);
        of_plate[axis].get(index).map(String::as_str).unwrap_or_default()
    };
    for column in (0..grid.size[0]).step_by(well[0]) {
        let [x, _] = grid.corner([column, 0], size, room);
        canvas.text([corner[0] + x, corner[1]], letter, TEXT, &fitted(name(0, column), letters(size[0] * well[0])));
    }
    for row in (0..grid.size[1]).step_by(well[1]) {
        let [_, y] = grid.corner([0, row], size, room);
        canvas.text([corner[0], corner[1] + y], letter, TEXT, &fitted(name(1, row), 3));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_legend_goes_on_in_the_next_line() {
        let entry = |label: &str| Entry { label: label.into(), color: [1, 2, 3], window: [0.0, 9.0] };
        let texts = |letters| {
            let lines = legend(&[entry("DAPI"), entry("GFP"), entry("a long name of a channel")], letters);
            lines.iter().map(|line| line.iter().map(|(text, _)| text.clone()).collect::<Vec<_>>()).collect::<Vec<_>>()
        };
        assert_eq!(texts(80), [["DAPI 0 to 9", "GFP 0 to 9", "a long name of a channel 0 to 9"]]);
        assert_eq!(texts(20), [["DAPI 0 to 9"], ["GFP 0 to 9"], ["a long name of a.."]]);
    }
}
