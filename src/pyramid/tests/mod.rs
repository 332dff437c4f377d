//! Kernels against a naive model, and what is said of numbers at the edge of their types.

mod edges;
mod levels;
mod naive;

use proptest::prelude::*;

use super::{Accumulator, Method, Piece, Reducer, Tiles};
use crate::settings::DataType;
use naive::Planes;

/// Numbers that look random.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 ^ self.0 >> 29).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 3
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    /// A pixel: one of few, at the ends of its type, or any.
    fn pixel(&mut self, dtype: DataType) -> Vec<u8> {
        let any = (self.next() ^ self.next() << 32).to_le_bytes();
        if naive::is_float(dtype) {
            let value = match self.next() % 12 {
                0 => f64::from_bits(0xfff8_0000_0000_1234),
                1 => f64::INFINITY,
                2 => f64::NEG_INFINITY,
                3 => 0.0,
                4 => -0.0,
                5 => 6e-8,
                6..9 => (self.next() % 5) as f64,
                _ => f32::from_le_bytes([any[0], any[1], any[2], any[3]]).into(),
            };
            return match value.is_nan() {
                // With all bits that a NaN may have.
                true => [any.to_vec(), vec![0xff; 8]].concat()[8 - dtype.size() / 2..][..dtype.size()].to_vec(),
                false => naive::of_float(dtype, value),
            };
        }
        match self.next() % 6 {
            0 => vec![0xff; dtype.size()],
            1 => [vec![0; dtype.size() - 1], vec![0x80]].concat(),
            2 => [vec![0xff; dtype.size() - 1], vec![0x7f]].concat(),
            3 | 4 => [vec![(self.next() % 4) as u8], vec![0; dtype.size() - 1]].concat(),
            _ => any[..dtype.size()].to_vec(),
        }
    }
}

/// Little-endian pixels in the order of this machine, and back.
fn native(dtype: DataType, bytes: &[u8]) -> Vec<u8> {
    let order = |pixel: &[u8]| -> Vec<u8> {
        if cfg!(target_endian = "big") { pixel.iter().rev().copied().collect() } else { pixel.to_vec() }
    };
    bytes.chunks_exact(dtype.size()).flat_map(order).collect()
}

/// Calls `use_pieces` with a plane cut into tiles, each with all its padding, at an odd address.
fn in_tiles<T>(
    plane: &[u8],
    (rows, columns): (usize, usize),
    tile: (usize, usize),
    item: usize,
    use_pieces: impl FnOnce(&[Piece<'_>]) -> T,
) -> T {
    let bytes = tile.0 * tile.1 * item;
    let across = columns.div_ceil(tile.1);
    let mut buffer = vec![0xaa; 1 + bytes * across * rows.div_ceil(tile.0)];
    for (nth, pixel) in plane.chunks_exact(item).enumerate() {
        let (row, column) = (nth / columns, nth % columns);
        let start = (row / tile.0 * across + column / tile.1) * bytes;
        let inside = (row % tile.0 * tile.1 + column % tile.1) * item;
        buffer[1 + start + inside..][..item].copy_from_slice(pixel);
    }
    let pieces: Vec<Piece<'_>> = buffer[1..]
        .chunks_exact(bytes)
        .enumerate()
        .map(|(nth, bytes)| {
            let (row, column) = (nth / across * tile.0, nth % across * tile.1);
            let (rows, columns) = (tile.0.min(rows - row), tile.1.min(columns - column));
            Piece { bytes, stride: tile.1 * item, row, column, rows, columns }
        })
        .collect();
    use_pieces(&pieces)
}

/// Tiles of a plane of so many rows and columns that is being made.
struct InTiles {
    plane: (usize, usize),
    shape: (usize, usize),
    item: usize,
    tiles: Vec<Vec<u8>>,
}

/// What is in a tile before.
const BEFORE: u8 = 0x99;

impl InTiles {
    fn new(plane: (usize, usize), shape: (usize, usize), item: usize) -> Self {
        let count = plane.0.div_ceil(shape.0) * plane.1.div_ceil(shape.1);
        Self { plane, shape, item, tiles: vec![vec![BEFORE; shape.0 * shape.1 * item]; count] }
    }

    /// In one piece; what lies beyond the plane was left alone.
    fn plane(&self) -> Vec<u8> {
        let (mut plane, (rows, columns), item) = (Vec::new(), self.shape, self.item);
        let across = self.plane.1.div_ceil(columns);
        for pixel in 0..self.plane.0 * self.plane.1 {
            let (row, column) = (pixel / self.plane.1, pixel % self.plane.1);
            let inside = (row % rows * columns + column % columns) * item;
            plane.extend(&self.tiles[row / rows * across + column / columns][inside..][..item]);
        }
        for (nth, tile) in self.tiles.iter().enumerate() {
            for (inside, pixel) in tile.chunks(item).enumerate() {
                let row = nth / across * rows + inside / columns;
                let column = nth % across * columns + inside % columns;
                let is_beyond = row >= self.plane.0 || column >= self.plane.1;
                assert!(!is_beyond || pixel.iter().all(|byte| *byte == BEFORE), "a pixel beyond the plane");
            }
        }
        plane
    }
}

impl Tiles for InTiles {
    fn shape(&self) -> (usize, usize) {
        self.shape
    }

    fn tile(&mut self, down: usize, across: usize) -> &mut [u8] {
        &mut self.tiles[down * self.plane.1.div_ceil(self.shape.1) + across]
    }
}

#[derive(Debug, Clone)]
struct Case {
    method: Method,
    dtype: DataType,
    frame: (usize, usize),
    window: (usize, usize, usize),
    /// Windows in a tile, down and across.
    tile: (usize, usize),
    seed: u64,
}

/// Makes a plane both ways, of planes that come in another order than theirs, in tiles, some without a frame, some not
/// at all.
fn check(case: &Case) {
    let Case { method, dtype, frame, window, tile, seed } = *case;
    let mut numbers = Numbers(seed);
    let item = dtype.size();
    let plane = |numbers: &mut Numbers| (0..frame.0 * frame.1).flat_map(|_| numbers.pixel(dtype)).collect::<Vec<u8>>();
    let mut planes: Planes = (0..window.0).map(|_| Some(plane(&mut numbers))).collect();
    let factors = [window.0 as u64, window.1 as u64, window.2 as u64];
    let reducer = Reducer::new(method, dtype, frame, factors).unwrap();
    let tile = (tile.0 * window.1, tile.1 * window.2);
    assert!(reducer.takes_tiles(tile));
    let mut made = vec![0x55; reducer.made_bytes()];
    if window.0 == 1 {
        let whole = native(dtype, planes[0].as_ref().unwrap());
        reducer.reduce([Piece::whole(&whole, frame, item)], &mut made).unwrap();
        let mut again = vec![0x77; reducer.made_bytes()];
        let reduce = |pieces: &[Piece<'_>]| reducer.reduce(pieces.iter().rev().copied(), &mut again);
        in_tiles(&whole, frame, tile, item, reduce).unwrap();
        assert_eq!(made, again, "in tiles: {case:?}");
        // Into tiles that hold parts of tiles above, or several of them.
        let shape = (1 + numbers.below(reducer.made().0 + 1), 1 + numbers.below(reducer.made().1 + 1));
        let mut tiles = InTiles::new(reducer.made(), shape, item);
        let reduce = |pieces: &[Piece<'_>]| reducer.reduce_into(pieces.iter().copied(), &mut tiles);
        in_tiles(&whole, frame, tile, item, reduce).unwrap();
        assert_eq!(tiles.plane(), made, "into tiles of {shape:?}: {case:?}");
    } else {
        let mut order: Vec<usize> = (0..window.0).collect();
        (1..order.len()).for_each(|nth| order.swap(nth, numbers.below(nth + 1)));
        let memory = vec![0x33; Accumulator::bytes(&reducer) as usize];
        let mut waiting = Accumulator::new(&reducer, memory).unwrap();
        for nth in order {
            match numbers.below(8) {
                0 => planes[nth] = None,
                1 => {
                    planes[nth] = Some(vec![0; frame.0 * frame.1 * item]);
                    waiting.add_fill(nth).unwrap();
                }
                _ => {
                    let plane = native(dtype, planes[nth].as_ref().unwrap());
                    let add = |pieces: &[Piece<'_>]| waiting.add(nth, pieces.iter().copied());
                    in_tiles(&plane, frame, tile, item, add).unwrap();
                }
            }
        }
        assert_eq!(waiting.planes(), planes.iter().flatten().count());
        waiting.finish(&mut made).unwrap();
    }
    let expected = naive::reduce(method, dtype, frame, (window.1, window.2), &planes);
    assert_eq!(native(dtype, &made), expected, "{case:?}");
}

#[test]
fn methods_types_and_factors() {
    let windows = [(1, 2, 2), (2, 2, 2), (1, 1, 2), (1, 2, 1), (2, 1, 1), (1, 1, 1), (3, 3, 3), (1, 4, 4), (3, 2, 2)];
    for (method, dtype) in
        Method::ALL.iter().flat_map(|method| DataType::ALL.iter().map(move |dtype| (*method, *dtype)))
    {
        if !method.takes(dtype) {
            continue;
        }
        for window in windows {
            for (nth, frame) in [(1, 1), (2, 2), (5, 7), (4, 67), (3, 64)].into_iter().enumerate() {
                check(&Case { method, dtype, frame, window, tile: (1, 8), seed: nth as u64 });
            }
        }
    }
}

#[test]
fn every_pixel_is_the_first_of_its_block_also_at_the_edges() {
    let above: Vec<u8> = (0..5 * 7).flat_map(|pixel: u8| [pixel, 100]).collect();
    let mut below = vec![0; 3 * 3 * 2];
    let reducer = Reducer::new(Method::Nearest, DataType::UInt16, (5, 7), [1, 2, 3]).expect("a small window");
    reducer.reduce([Piece::whole(&above, (5, 7), 2)], &mut below).expect("a whole plane");
    let expected: Vec<u8> = [0, 3, 6, 14, 17, 20, 28, 31, 34].iter().flat_map(|pixel| [*pixel, 100]).collect();
    assert_eq!(below, expected);
}

/// What processors without AVX2 run.
#[test]
fn plain_kernels_make_the_same() {
    use super::fold::{FloatMean, Fold, Mean};
    use super::kernel::{FoldPiece, Target, Work, fast};
    fn both<F: Fold>(fold: F, dtype: DataType) {
        let (frame, mut numbers) = ((5, 67), Numbers(9));
        let plane: Vec<u8> = (0..frame.0 * frame.1).flat_map(|_| native(dtype, &numbers.pixel(dtype))).collect();
        let mut made = [vec![0; 3 * 34 * dtype.size()], vec![1; 3 * 34 * dtype.size()]];
        let work = |made| {
            let piece = Piece::whole(&plane, frame, dtype.size());
            FoldPiece { fold, piece, window: (2, 2), columns: 34, target: Target::Pixels(made) }
        };
        let [plain, wide] = &mut made;
        work(plain).run();
        fast(work(wide));
        assert_eq!(plain, wide, "{dtype}");
    }
    both(Mean::<u8, u16>::new(false), DataType::UInt8);
    both(Mean::<u16, u32>::new(true), DataType::Int16);
    both(Mean::<u64, u128>::new(false), DataType::UInt64);
    both(FloatMean::<u16>::new(4), DataType::Float16);
    both(FloatMean::<u32>::new(4), DataType::Float32);
}

proptest! {
    #[test]
    fn random_planes_as_the_model_has_them(
        method in prop::sample::select(Method::ALL),
        dtype in prop::sample::select(DataType::ALL),
        frame in (1_usize..8, 1_usize..80),
        window in (1_usize..5, 1_usize..5, 1_usize..5),
        tile in (1_usize..4, 1_usize..12),
        seed: u64,
    ) {
        if method.takes(dtype) {
            check(&Case { method, dtype, frame, window, tile, seed });
        }
    }
}
