//! Which levels there are, and where their pixels lie.

use crate::error::Error;
use crate::pyramid::{Level, LevelAxis, Method, Shrink, Until, levels};

fn axis(name: &'static str, extent: u64, spacing: f64, shrink: Shrink) -> LevelAxis<'static> {
    LevelAxis { name, extent: Some(extent), spacing, shrink }
}

/// Time, channels, planes, rows, columns.
fn image(z: (u64, f64), y: (u64, f64), x: (u64, f64)) -> Vec<LevelAxis<'static>> {
    vec![
        LevelAxis { extent: None, ..axis("t", 0, 1.0, Shrink::Never) },
        axis("c", 3, 1.0, Shrink::Never),
        axis("z", z.0, z.1, Shrink::OnceCaughtUp(2)),
        axis("y", y.0, y.1, Shrink::By(2)),
        axis("x", x.0, x.1, Shrink::By(2)),
    ]
}

/// Of planes, rows and columns.
fn shapes(levels: &[Level]) -> Vec<[u64; 3]> {
    let known = |level: &Level| [2, 3, 4].map(|nth: usize| level.shape[nth].unwrap_or(0));
    levels.iter().map(known).collect()
}

fn made(axes: &[LevelAxis<'_>], until: Until) -> Vec<Level> {
    levels(axes, Method::Mean, until).unwrap()
}

#[test]
fn planes_join_once_rows_and_columns_have_caught_up() {
    let axes = image((21, 0.4), (1000, 0.1), (601, 0.1));
    let levels = made(&axes, Until::Count(5));
    let expected = [[21, 1000, 601], [21, 500, 301], [21, 250, 151], [11, 125, 76], [6, 63, 38]];
    assert_eq!(shapes(&levels), expected);
    let factors: Vec<&[u64]> = levels.iter().map(|level| &level.factors[..]).collect();
    assert_eq!(factors[2..4], [&[1, 1, 1, 2, 2][..], &[1, 1, 2, 2, 2][..]]);
    assert_eq!(levels[4].scale, [1.0, 1.0, 4.0, 16.0, 16.0]);
    assert_eq!(levels[4].translation, [0.0, 0.0, 1.5, 7.5, 7.5]);
    assert_eq!((levels[4].shape[0], levels[4].shape[1]), (None, Some(3)));
}

#[test]
fn caught_up_is_meant_as_it_is_measured() {
    let joined = |z: f64, y: f64, x: f64| {
        let levels = made(&image((8, z), (64, y), (64, x)), Until::Count(4));
        levels.iter().position(|level| level.factors[2] == 2)
    };
    assert_eq!(joined(0.1, 0.1, 0.1), Some(1));
    assert_eq!(joined(0.05, 0.1, 0.1), Some(1));
    assert_eq!(joined(0.2, 0.1, 0.1), Some(2));
    assert_eq!(joined(0.2, 0.0975, 0.0975), Some(2));
    assert_eq!(joined(0.25, 0.1, 0.1), Some(3));
    assert_eq!(joined(0.3, 0.1, 0.1), Some(3));
    // The last of the others counts.
    assert_eq!(joined(0.2, 0.2, 0.1), Some(2));
    assert_eq!(joined(100.0, 0.1, 0.1), None);
}

#[test]
fn as_told() {
    let mut axes = image((9, 1.0), (8, 1.0), (9, 1.0));
    axes[2].shrink = Shrink::Never;
    assert_eq!(shapes(&made(&axes, Until::Count(2)))[1], [9, 4, 5]);
    axes[2] = axis("z", 9, 100.0, Shrink::By(3));
    axes[4].shrink = Shrink::By(4);
    let levels = made(&axes, Until::Count(2));
    assert_eq!(shapes(&levels)[1], [3, 4, 3]);
    assert_eq!(levels[1].translation, [0.0, 0.0, 1.0, 0.5, 1.5]);
}

#[test]
fn levels_end() {
    let count = |rows: u64, columns: u64, until| made(&image((1, 1.0), (rows, 1.0), (columns, 1.0)), until).len();
    assert_eq!(count(2048, 2048, Until::Below(256)), 5); // 128 is the first below
    assert_eq!(count(2048, 300, Until::Below(256)), 2);
    assert_eq!(count(255, 9999, Until::Below(256)), 1);
    assert_eq!(count(7, 5, Until::Below(0)), 4); // 7, 4, 2, 1
    assert_eq!(count(2048, 1024, Until::Fits([256, 256])), 4);
    assert_eq!(count(256, 256, Until::Fits([256, 256])), 1);
    assert_eq!(count(1024, 257, Until::Fits([2000, 256])), 2);
    assert_eq!(count(7, 5, Until::Count(1)), 1);
    assert_eq!(count(7, 5, Until::Count(4)), 4);
}

#[test]
fn no_more_pixels_become_one_than_there_are() {
    let axes = image((2, 1.0), (16, 1.0), (3, 1.0));
    let levels = made(&axes, Until::Count(5));
    assert_eq!(shapes(&levels), [[2, 16, 3], [1, 8, 2], [1, 4, 1], [1, 2, 1], [1, 1, 1]]);
    assert_eq!(levels[4].scale[2..], [2.0, 16.0, 4.0]);
    assert_eq!(levels[4].translation[2..], [0.5, 7.5, 1.5]);
}

#[test]
fn planes_that_grow() {
    let mut axes = image((0, 1.0), (4, 1.0), (4, 1.0));
    axes[2].extent = None;
    let levels = made(&axes, Until::Below(0));
    assert_eq!(levels.len(), 3, "{levels:?}");
    assert_eq!((levels[2].shape[2], levels[2].factors[2]), (None, 2));
}

#[test]
fn pixels_lie_as_the_specification_says() {
    let axes = [axis("y", 64, 0.5, Shrink::By(2)), axis("x", 64, 0.25, Shrink::By(3))];
    let scale = [0.5, 0.25];
    for method in Method::ALL {
        for (nth, level) in levels(&axes, *method, Until::Count(4)).unwrap().iter().enumerate() {
            let (step, place) = level.placed(&scale, Some(&[10.0, -1.0]));
            assert_eq!(step, [0.5 * 2_f64.powi(nth as i32), 0.25 * 3_f64.powi(nth as i32)]);
            // OME-NGFF 0.6: (pixel size at resolution N - pixel size at resolution 0) / 2.
            let shift = |axis: usize| if *method == Method::Nearest { 0.0 } else { (step[axis] - scale[axis]) / 2.0 };
            assert_eq!(place, Some(vec![10.0 + shift(0), -1.0 + shift(1)]), "{method:?} {nth}");
            let unplaced = level.placed(&scale, None).1;
            assert_eq!(unplaced, (shift(0) > 0.0).then(|| vec![shift(0), shift(1)]), "{method:?} {nth}");
            // Step by step: each level lies half a pixel of the level above, for each pixel beyond the first.
            let above = (0..nth).map(|above| (3.0 - 1.0) / 2.0 * 3_f64.powi(above as i32)).sum::<f64>();
            assert_eq!(level.translation[1], if *method == Method::Nearest { 0.0 } else { above });
        }
    }
}

#[test]
fn what_makes_no_sense() {
    let refused = |axes: &[LevelAxis<'_>], until, field: &str, value: &str| {
        let error = levels(axes, Method::Mean, until).unwrap_err();
        let Error::InvalidSettings { field: named, value: told, .. } = &error else { panic!("{error}") };
        assert_eq!((named.as_str(), told.as_str()), (field, value), "{error}");
        error.to_string()
    };
    let axes = image((4, 1.0), (8, 1.0), (5, 1.0));
    for nth in 2..5 {
        let mut axes = axes.clone();
        axes[nth].shrink = if nth == 2 { Shrink::OnceCaughtUp(0) } else { Shrink::By(0) };
        refused(&axes, Until::Below(1), &format!("pyramid.factors.{}", axes[nth].name), "0");
    }
    let mut flat = axes.clone();
    flat.iter_mut().for_each(|axis| axis.shrink = Shrink::By(1));
    refused(&flat, Until::Count(1), "pyramid.factors", "1");
    let mut coarse = axes.clone();
    coarse[4].shrink = Shrink::By(1 << 40);
    refused(&coarse, Until::Count(2), "pyramid.factors", "2 x 2 x 1099511627776");
    refused(&axes, Until::Count(0), "pyramid.levels", "0");
    assert!(refused(&axes, Until::Count(5), "pyramid.levels", "5").contains("at most 4"));
    assert_eq!(made(&axes, Until::Count(4)).len(), 4);
}
