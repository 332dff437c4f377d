//! Several sources of frames in one store, with levels: the general case of a plan, which no setting offers yet.

use std::path::Path;

use ome_stream::plan::{ArrayId, Capabilities, Feed, PlannedArray, SourceId};
use ome_stream::router::StorageIndex;
use ome_stream::settings::{Codec, Compression, DataType, Pyramid, PyramidMethod, Settings, parse_dims};
use ome_stream::{Plan, Result, Stream};

use crate::pixels;
use crate::read::Pixels;

/// Numbers by which the pixels of two sources' frames differ.
const APART: u64 = 100_003;

/// Two sources that differ in shape, type, codec, chunks, shards and positions; the first has two levels below full
/// resolution.
#[must_use]
pub fn two(root: &Path) -> Vec<Settings> {
    let of = |dims: &str, dtype: DataType, codec: Codec| {
        let dimensions = parse_dims(dims).unwrap_or_default();
        let mut settings = Settings::new(root.to_string_lossy(), dimensions, dtype);
        settings.compression = Compression::new(codec);
        settings.live_interval = 0.05;
        settings.threads = Some(3);
        settings
    };
    let mut first = of("t:inf:3:2,p:2,c:2,y:20:8:2,x:27:8:3", DataType::UInt16, Codec::Zstd);
    let factors = [("y".to_owned(), 2), ("x".to_owned(), 3)].into();
    let method = PyramidMethod::Nearest;
    first.pyramid = Some(Pyramid { method, levels: Some(3), factors: Some(factors), ..Pyramid::default() });
    vec![first, of("t:inf:2,p:1,y:12:5,x:18:7", DataType::UInt8, Codec::None)]
}

/// The plan of [`two`] sources for an engine.
///
/// # Errors
/// As for [`Plan::new`].
pub fn plan(root: &Path, resume: bool, capabilities: &Capabilities) -> Result<Plan> {
    let mut sources = two(root);
    sources.iter_mut().for_each(|settings| settings.resume = resume);
    Plan::of_sources(&sources, capabilities)
}

/// Frame `number` of a source.
#[must_use]
pub fn frame(plan: &Plan, source: SourceId, number: u64) -> Vec<u8> {
    let form = plan.array(plan.source(source).array(0)).form();
    let (rows, columns) = form.geometry().frame();
    pixels::frame(form.dtype(), number + u64::from(source.0) * APART, rows, columns)
}

/// True for a frame that the tests skip.
#[must_use]
pub fn is_skipped(source: SourceId, number: u64) -> bool {
    (number + u64::from(source.0)) % 7 == 3
}

/// Appends or skips the frames of a source, each with metadata, from its next one to `end`.
///
/// # Errors
/// The first of the stream.
pub fn play(stream: &Stream, source: SourceId, from: u64, end: u64) -> Result<()> {
    for number in from..end {
        if is_skipped(source, number) {
            stream.skip_from(source, 1)?;
        } else {
            let told = format!("{{\"sent\":{number}}}");
            let given = stream.append_from(source, &frame(stream.plan(), source, number), Some(&told))?;
            assert_eq!(given, number, "frames of a source are numbered by themselves");
        }
    }
    Ok(())
}

/// What an array must hold after `come` frames of its source, of which those for which `is_there` holds have data.
#[must_use]
pub fn expected(plan: &Plan, array: &PlannedArray, come: u64, is_there: &dyn Fn(u64) -> bool) -> Pixels {
    let source = plan.source_of(array.id());
    let geometry = array.geometry();
    let position = source.position(array.image()).unwrap_or(0);
    let shape = geometry.shape_with(source.extent(array.form(), position, come));
    let plane_bytes = geometry.frame_bytes() as usize;
    let index_shape = &shape[..shape.len() - 2];
    let mut bytes = vec![0; index_shape.iter().product::<u64>() as usize * plane_bytes];
    for number in (0..come).filter(|number| is_there(*number)) {
        let Some(location) = source.router().locate(number).filter(|at| at.position == position) else { continue };
        let nth = index_shape.iter().zip(&location.index).fold(0, |all, (extent, at)| all * extent + at) as usize;
        let plane = plane(plan, array.id(), source.id(), number);
        bytes[nth * plane_bytes..(nth + 1) * plane_bytes].copy_from_slice(&plane);
    }
    Pixels { shape, bytes }
}

/// A plane of an array: of a level the first pixel of each block of the level above.
fn plane(plan: &Plan, array: ArrayId, source: SourceId, number: u64) -> Vec<u8> {
    let array = plan.array(array);
    let Feed::Level { of, factors: [_, down, across] } = array.feed() else { return frame(plan, source, number) };
    let above = plane(plan, of, source, number);
    let (_, columns) = plan.array(of).geometry().frame();
    let (rows, fewer) = array.geometry().frame();
    let item = array.geometry().item_size() as u64;
    let pixel = |row: u64, column: u64| ((row * down * columns + column * across) * item) as usize;
    let pixels = (0..rows).flat_map(|row| (0..fewer).map(move |column| pixel(row, column)));
    pixels.flat_map(|at| above[at..at + item as usize].to_vec()).collect()
}

/// Compares every array with what it must hold, but for frames that were lost: of those some chunks may be there.
///
/// # Errors
/// The first difference.
pub fn compare(
    plan: &Plan,
    come: &[u64],
    is_lost: &dyn Fn(SourceId, u64) -> bool,
    is_there: &dyn Fn(SourceId, u64) -> bool,
    read: &dyn Fn(&PlannedArray, &Pixels) -> std::result::Result<Pixels, String>,
) -> std::result::Result<(), String> {
    for array in plan.arrays() {
        let source = plan.source_of(array.id()).id();
        let expected = expected(plan, array, come[source.index()], &|number| is_there(source, number));
        let found = read(array, &expected)?;
        if found.shape != expected.shape {
            return Err(format!("{}: shape {:?}, expected {:?}", array.key(), found.shape, expected.shape));
        }
        let source = plan.source(source);
        let plane_bytes = array.geometry().frame_bytes() as usize;
        for (nth, (found, expected_plane)) in
            found.bytes.chunks(plane_bytes).zip(expected.bytes.chunks(plane_bytes)).enumerate()
        {
            let index = unravel(nth as u64, &expected.shape);
            let number = source.frame_number(array.image(), index);
            if found != expected_plane && !number.is_some_and(|number| is_lost(source.id(), number)) {
                let at = found.iter().zip(expected_plane).position(|(found, expected)| found != expected);
                return Err(format!("{}: frame {number:?} at {index:?} differs at byte {at:?}", array.key()));
            }
        }
    }
    Ok(())
}

/// Storage index of the plane `flat` of an array of `shape`.
fn unravel(flat: u64, shape: &[u64]) -> StorageIndex {
    let mut rest = flat;
    let mut index = StorageIndex::default();
    for (axis, extent) in shape[..shape.len() - 2].iter().enumerate().rev() {
        index[axis] = rest % extent;
        rest /= extent;
    }
    index
}

/// Planes of an array of a memory backend, all of them.
///
/// # Errors
/// Where a plane is not there.
pub fn from_memory(
    store: &ome_stream::backend::MemoryStore,
    array: &PlannedArray,
    shape: &[u64],
) -> std::result::Result<Pixels, String> {
    let mut bytes = Vec::new();
    let index_shape = &shape[..shape.len() - 2];
    for flat in 0..index_shape.iter().product::<u64>() {
        let index = unravel(flat, shape);
        bytes.extend(store.plane(array.id(), index).ok_or_else(|| format!("no plane at {index:?}"))?);
    }
    let mut shape = shape.to_vec();
    if let Some(axis) = array.geometry().append_axis() {
        let extents = store.extents().ok_or("the run has not finished")?;
        shape[axis] = extents.get(array.id().index()).copied().flatten().ok_or("no extent")?;
    }
    Ok(Pixels { shape, bytes })
}
