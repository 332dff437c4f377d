//! Pixels -> fewer pixels. No thread, no buffer of its own.

/// The first pixel of each `factors[0]` x `factors[1]`, of a frame of `rows` x `columns` pixels of `item` bytes: a
/// level whose pixels lie where those that they stand for lie, and have their values.
///
/// # Panics
/// If `below` is shorter than the frame that is made, or `above` than the one it is made of.
pub fn first_of_each(above: &[u8], (rows, columns): (usize, usize), factors: [u64; 2], item: usize, below: &mut [u8]) {
    let [down, across] = factors.map(|factor| usize::try_from(factor).unwrap_or(usize::MAX).max(1));
    let made = columns.div_ceil(across);
    for (nth, row) in (0..rows).step_by(down).enumerate() {
        let from = &above[row * columns * item..(row + 1) * columns * item];
        let to = &mut below[nth * made * item..(nth + 1) * made * item];
        for (to, from) in to.chunks_exact_mut(item).zip(from.chunks(across.saturating_mul(item))) {
            to.copy_from_slice(&from[..item]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pixel_is_the_first_of_its_block_also_at_the_edges() {
        let above: Vec<u8> = (0..5 * 7).flat_map(|pixel: u8| [pixel, 100]).collect();
        let mut below = vec![0; 3 * 3 * 2];
        first_of_each(&above, (5, 7), [2, 3], 2, &mut below);
        let expected: Vec<u8> = [0, 3, 6, 14, 17, 20, 28, 31, 34].iter().flat_map(|pixel| [*pixel, 100]).collect();
        assert_eq!(below, expected);
    }
}
