//! Channels added up: each in its color, as bright as its window says.

use super::canvas::{Canvas, Rgb};

/// A channel of an image: its values, row by row, with its color and window.
#[derive(Debug, Clone, Copy)]
pub struct Layer<'a> {
    pub values: &'a [f64],
    pub color: Rgb,
    pub window: [f64; 2],
}

/// Draws an image of `columns` pixels a row at `corner`, each pixel `zoom` times as wide and high.
pub fn draw(canvas: &mut Canvas, corner: [usize; 2], columns: usize, zoom: usize, layers: &[Layer<'_>]) {
    let count = layers.iter().map(|layer| layer.values.len()).min().unwrap_or(0);
    for nth in 0..count {
        let mut sum = [0.0; 3];
        for layer in layers {
            let [start, end] = layer.window;
            let value = layer.values.get(nth).copied().unwrap_or(f64::NAN);
            // What is no number, as where nothing could be read, is black.
            let level = ((value - start) / (end - start)).clamp(0.0, 1.0);
            let level = if level.is_nan() { 0.0 } else { level };
            sum.iter_mut().zip(layer.color).for_each(|(sum, part)| *sum += level * f64::from(part));
        }
        let color = sum.map(|sum: f64| sum.round().min(255.0) as u8);
        let at = [corner[0] + nth % columns.max(1) * zoom, corner[1] + nth / columns.max(1) * zoom];
        canvas.fill(at, [zoom, zoom], color);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colors_add_up_and_stop_at_full() {
        let red = [0.0, 50.0, 100.0, 500.0, f64::NAN, -9.0];
        let yellow = [100.0, 0.0, 20.0, 100.0, 100.0, 0.0];
        let layer = |values, color| Layer { values, color, window: [0.0, 100.0] };
        let mut canvas = Canvas::new(8, 4, [7; 3]);
        draw(&mut canvas, [1, 0], 3, 2, &[layer(&red, [255, 0, 0]), layer(&yellow, [255, 255, 0])]);
        let row = |y| [1, 3, 5].map(|x| canvas.at(x, y));
        assert_eq!(row(1), [[255, 255, 0], [128, 0, 0], [255, 51, 0]]);
        assert_eq!(row(2), [[255, 255, 0], [255, 255, 0], [0, 0, 0]]);
        assert_eq!((canvas.at(0, 0), canvas.at(7, 3), canvas.at(2, 0)), ([7; 3], [7; 3], [255, 255, 0]));
    }
}
