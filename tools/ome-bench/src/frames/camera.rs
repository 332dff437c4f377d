//! Pixels as an sCMOS camera gives them, so that codecs find what they find in a lab: an offset, shot noise, read
//! noise, and a specimen with dim and bright structure that drifts a little from frame to frame.

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, Poisson, StandardNormal};

use super::pixel::{self, Shape};

/// Value of a pixel without light.
const OFFSET: f32 = 100.0;
/// Electrons for one step of the converter, as in common sCMOS cameras at 16 bits.
const ELECTRONS_PER_STEP: f32 = 0.46;
/// Standard deviation of the read-out, in electrons.
const READ_NOISE: f32 = 1.4;
/// Electrons of the background in the middle of the field.
const BACKGROUND: f32 = 12.0;
/// One cell for so many pixels.
const PIXELS_PER_CELL: usize = 12_000;
/// Electrons from which shot noise is drawn from a normal distribution: above, the two can hardly be told apart.
const NORMAL_FROM: f32 = 20.0;

/// Seeds of the specimen and of its noise: any numbers will do, and always the same ones.
const SPECIMEN: u64 = 1;
const NOISE: u64 = 0xD134_2543_DE82_EF95;

/// Mean electrons of every pixel: what the noise is drawn around.
pub struct Specimen {
    shape: Shape,
    mean: Vec<f32>,
    /// From 16-bit steps to those of the pixel's type.
    scale: f32,
}

impl Specimen {
    /// A specimen for frames of this shape.
    pub fn new(shape: Shape) -> Self {
        let mut random = SmallRng::seed_from_u64(SPECIMEN);
        let (rows, columns) = (shape.rows, shape.columns);
        let mut mean = vec![0f32; rows * columns];
        for _ in 0..(rows * columns).div_ceil(PIXELS_PER_CELL) {
            add_cell(&mut mean, shape, &mut random);
        }
        // Illumination falls off towards the corners, of cells and background alike.
        for (row, line) in mean.chunks_exact_mut(columns.max(1)).enumerate() {
            let down = 2.0 * row as f32 / rows as f32 - 1.0;
            for (column, value) in line.iter_mut().enumerate() {
                let across = 2.0 * column as f32 / columns as f32 - 1.0;
                *value = (*value + BACKGROUND) * (1.0 - 0.2 * (down * down + across * across));
            }
        }
        Self { shape, mean, scale: pixel::white(shape.dtype) / 65_535.0 }
    }

    /// Exposes frame `number`.
    pub fn expose(&self, frame: &mut [u8], number: u64) {
        let mut random = SmallRng::seed_from_u64(NOISE ^ number);
        let (rows, columns) = (self.shape.rows, self.shape.columns);
        let size = self.shape.dtype.size();
        // The stage drifts: half a pixel a frame, round at the edges.
        let (down, across) = (number as usize / 2 % rows.max(1), number as usize / 3 % columns.max(1));
        // An 8-bit camera spreads its few steps over the same range, or it would see nothing but the offset.
        let gain = if self.scale < 0.01 { self.scale * 16.0 } else { self.scale };
        for (row, line) in frame.chunks_exact_mut(columns * size).enumerate() {
            let source = (row + down) % rows;
            let Some(means) = self.mean.get(source * columns..(source + 1) * columns) else { continue };
            let drifted = means.iter().cycle().skip(across);
            for (target, mean) in line.chunks_exact_mut(size).zip(drifted) {
                let electrons = shot(*mean, &mut random);
                let noise: f32 = StandardNormal.sample(&mut random);
                let steps = OFFSET + (electrons + READ_NOISE * noise) / ELECTRONS_PER_STEP;
                pixel::store(self.shape.dtype, steps.max(0.0) * gain, target);
            }
        }
    }
}

/// Electrons that arrive where `mean` are expected.
fn shot(mean: f32, random: &mut SmallRng) -> f32 {
    if mean < NORMAL_FROM
        && let Ok(poisson) = Poisson::new(mean)
    {
        return poisson.sample(random);
    }
    let noise: f32 = StandardNormal.sample(random);
    mean + mean.max(0.0).sqrt() * noise
}

/// A blurred spot with a finer texture inside.
fn add_cell(mean: &mut [f32], shape: Shape, random: &mut SmallRng) {
    let (rows, columns) = (shape.rows as i64, shape.columns as i64);
    let (middle_row, middle_column) = (random.random_range(0..rows.max(1)), random.random_range(0..columns.max(1)));
    let (tall, wide): (f32, f32) = (random.random_range(5.0..25.0), random.random_range(5.0..25.0));
    // Few cells are bright.
    let brightness = 30.0 * (random.random::<f32>() * 4.0).exp();
    let texture: f32 = random.random_range(0.3..1.2);
    let (reach_down, reach_across) = ((3.0 * tall) as i64, (3.0 * wide) as i64);
    for row in (middle_row - reach_down).max(0)..(middle_row + reach_down + 1).min(rows) {
        for column in (middle_column - reach_across).max(0)..(middle_column + reach_across + 1).min(columns) {
            let (down, across) = ((row - middle_row) as f32, (column - middle_column) as f32);
            let distance = (down / tall).powi(2) + (across / wide).powi(2);
            let grain = 1.0 + 0.3 * (down * texture).sin() * (across * texture).cos();
            if let Some(value) = mean.get_mut((row * columns + column) as usize) {
                *value += brightness * (-0.5 * distance).exp() * grain;
            }
        }
    }
}
