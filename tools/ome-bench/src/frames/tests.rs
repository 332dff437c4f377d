use clap::Parser;
use ome_stream::settings::DataType;

use super::*;
use crate::cli::Cli;

fn workload(arguments: &str) -> Workload {
    Cli::try_parse_from(format!("ome-bench {arguments}").split_whitespace()).unwrap().workload().unwrap()
}

fn values(frame: &[u8]) -> Vec<f64> {
    frame.chunks_exact(2).map(|pixel| f64::from(u16::from_ne_bytes([pixel[0], pixel[1]]))).collect()
}

fn mean_and_deviation(values: &[f64]) -> (f64, f64) {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64;
    (mean, variance.sqrt())
}

/// Bits that a pixel holds by the distribution of its values: what a codec without a model of neighbors can reach.
fn entropy(values: &[f64]) -> f64 {
    let mut counts = std::collections::HashMap::new();
    for value in values {
        *counts.entry(*value as u64).or_insert(0u64) += 1;
    }
    let all = values.len() as f64;
    counts.values().map(|count| *count as f64 / all).map(|share| -share * share.log2()).sum()
}

#[test]
fn every_session_has_the_same_frames() {
    for pixels in [Pixels::Random, Pixels::Camera] {
        let workload = workload("-d t:5,y:64,x:48");
        let [one, again] = [(); 2].map(|()| Frames::generate(&workload, pixels).expect("memory"));
        assert_eq!(one.slab(), again.slab(), "{pixels:?}");
        assert_ne!(one.frame(0), one.frame(1), "{pixels:?}");
    }
}

#[test]
fn frames_are_aligned_used_in_turn_and_no_more_than_are_needed() {
    let frames = Frames::generate(&workload("-d t:5,y:50,x:30"), Pixels::Random).expect("memory");
    assert_eq!(frames.distinct(), 5);
    assert_eq!(frames.frame(3).len(), 3000);
    assert_eq!(frames.frame(1), frames.frame(6));
    assert_eq!(frames.slab().as_ptr() as usize % ALIGNMENT, 0);
    assert_eq!(frames.slab().len(), 5 * ALIGNMENT);
    let mut written = Vec::new();
    frames.write_to(&mut written).unwrap();
    assert_eq!(written.len(), 5 * 3000);
    assert_eq!(written[3000..6000], *frames.frame(1));
}

#[test]
fn random_frames_spread_over_all_values() {
    let frames = Frames::generate(&workload("-d t:2,y:256,x:256"), Pixels::Random).expect("memory");
    let (mean, deviation) = mean_and_deviation(&values(frames.frame(1)));
    assert!((mean - 32_767.5).abs() < 500.0, "{mean}");
    assert!((deviation - 65_536.0 / 12f64.sqrt()).abs() < 300.0, "{deviation}");
}

#[test]
fn random_floats_are_numbers() {
    for dtype in ["float16", "float32", "float64"] {
        let frames =
            Frames::generate(&workload(&format!("-d t:1,y:64,x:64 --dtype {dtype}")), Pixels::Random).expect("memory");
        let size = frames.frame(0).len() / 4096;
        let finite = frames.frame(0).chunks_exact(size).all(|pixel| match *pixel {
            [a, b] => half::f16::from_ne_bytes([a, b]).is_finite(),
            [a, b, c, d] => f32::from_ne_bytes([a, b, c, d]).is_finite(),
            [a, b, c, d, e, f, g, h] => f64::from_ne_bytes([a, b, c, d, e, f, g, h]).is_finite(),
            _ => false,
        });
        assert!(finite, "{dtype}");
    }
}

#[test]
fn camera_frames_compress_as_in_a_lab() {
    let frames = Frames::generate(&workload("-d t:2,y:512,x:512"), Pixels::Camera).expect("memory");
    let pixels = values(frames.frame(1));
    let mut sorted = pixels.clone();
    sorted.sort_by(f64::total_cmp);
    let at = |share: f64| sorted[(share * (sorted.len() - 1) as f64) as usize];
    // Background just above the offset, and bright structure far above it.
    assert!(at(0.0) > 80.0 && (110.0..140.0).contains(&at(0.2)), "{} {}", at(0.0), at(0.2));
    assert!(at(0.999) > 400.0, "{}", at(0.999));
    // 16 bits hold 5 to 9: a ratio of 1.8 to 3.2.
    let bits = entropy(&pixels);
    assert!((5.0..9.0).contains(&bits), "{bits} bits");
    // Neighbors differ by noise, not by structure alone: shot noise of 12 electrons is about 7.5 steps.
    let differences: Vec<f64> = pixels.chunks_exact(2).map(|pair| pair[1] - pair[0]).collect();
    let mut magnitudes: Vec<f64> = differences.iter().map(|each| each.abs()).collect();
    magnitudes.sort_by(f64::total_cmp);
    let median = magnitudes[magnitudes.len() / 2];
    assert!((4.0..20.0).contains(&median), "{median}");
}

#[test]
fn camera_frames_fit_every_type() {
    for dtype in DataType::ALL {
        let workload = workload(&format!("-d t:2,y:128,x:128 --dtype {}", dtype.name()));
        let frames = Frames::generate(&workload, Pixels::Camera).expect("memory");
        let pixels: std::collections::HashSet<&[u8]> = frames.frame(0).chunks_exact(dtype.size()).collect();
        assert!(pixels.len() > 10, "{dtype}: {} values", pixels.len());
    }
}

#[test]
fn no_plane_of_a_chunk_comes_twice() {
    let frames = Frames::generate(&workload("-d t:64:64,y:16,x:16"), Pixels::Camera).expect("memory");
    assert_eq!(frames.distinct(), 64);
}
