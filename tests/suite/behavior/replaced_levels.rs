//! Frames of images with levels that are replaced: the store is as if the frame had been the new one from the start.

use ome_stream::settings::{Codec, Compression, DataType, Pyramid, PyramidMethod, Settings, parse_dims};
use ome_stream::{Plan, Stream, platform};
use ome_stream_conformance::{pixels, read};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::acquisition::native;
use crate::continued::failed;

/// Orders of acquisition, chunks of several planes, shards.
const DIMS: [&str; 5] = [
    "t:3:2,z:5,y:9:4,x:10:5",
    "z:6:2,t:3:2,y:9,x:10",
    "t:inf:2:2,z:4:3:1,y:8:4:2,x:9:4:1",
    "p:2,z:5:2,y:9,x:7",
    "t:4,y:9:3,x:10",
];

fn settings(dims: &str, method: PyramidMethod, codec: Codec, root: &std::path::Path) -> Settings {
    let dimensions = parse_dims(dims).expect("a grammar of ours");
    let mut settings = Settings::new(root.to_string_lossy(), dimensions, DataType::UInt16);
    settings.compression = Compression::new(codec);
    settings.live_interval = 0.05;
    settings.pyramid = Some(Pyramid { method, levels: Some(3), ..Pyramid::default() });
    settings
}

/// What came to a place in the end.
fn frame(plan: &Plan, number: u64) -> Vec<u8> {
    let (rows, columns) = plan.geometry().frame();
    pixels::frame(plan.dtype(), number, rows, columns)
}

#[test]
fn levels_follow_a_frame_that_is_replaced() {
    let config = Config { cases: 48, failure_persistence: None, ..Config::default() };
    let methods = prop::sample::select(PyramidMethod::ALL);
    let codecs = prop::sample::select(&[Codec::None, Codec::Zstd][..]);
    let strategy = (prop::sample::select(&DIMS[..]), methods, codecs, 1..36_u64, any::<u64>());
    let outcome = TestRunner::new(config).run(&strategy, |(dims, method, codec, frames, seed)| {
        let folder = tempfile::tempdir()?;
        let run = |name: &str| Stream::create(&settings(dims, method, codec, &folder.path().join(name)), &*native());
        let (replaced, straight) = (run("replaced").map_err(failed)?, run("straight").map_err(failed)?);
        let frames = frames.min(replaced.plan().router().total().unwrap_or(36));
        let cut = seed % frames;
        let is_replaced = |frame: u64| frame <= cut && (frame ^ seed).is_multiple_of(3);
        let is_skipped = |frame: u64| (frame ^ (seed >> 8)).is_multiple_of(4);
        let index = replaced.plan().geometry().index_dimensions();
        for number in 0..frames {
            // Until then nothing of it is there, or something else.
            if is_skipped(number) {
                replaced.skip(1).map_err(failed)?;
            } else {
                replaced.append(&frame(replaced.plan(), number)).map_err(failed)?;
            }
            match (is_replaced(number), is_skipped(number)) {
                (true, _) => straight.append(&frame(straight.plan(), number + 1000)).map_err(failed)?,
                (false, true) => straight.skip(1).map_err(failed)?,
                (false, false) => straight.append(&frame(straight.plan(), number)).map_err(failed)?,
            };
            if number == cut {
                for old in (0..=cut).filter(|old| is_replaced(*old)) {
                    let place = replaced.plan().router().locate(old).ok_or_else(|| failed("no place"))?;
                    let new = frame(replaced.plan(), old + 1000);
                    replaced.write_at(place.position, &place.index[..index], &new).map_err(failed)?;
                }
            }
        }
        replaced.finish().map_err(failed)?;
        straight.finish().map_err(failed)?;
        for array in replaced.plan().arrays() {
            let [found, expected] =
                [&replaced, &straight].map(|stream| read::zarrs(&stream.plan().folder_of(array)).map_err(failed));
            let (found, expected) = (found?, expected?);
            prop_assert_eq!(&found.shape, &expected.shape);
            prop_assert!(found.bytes == expected.bytes, "{} differs", array.key());
        }
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

#[test]
fn a_frame_that_is_replaced_needs_no_more_memory() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut settings = settings("t:6:3,z:4:2,y:64,x:64", PyramidMethod::Median, Codec::None, folder.path());
    settings.threads = Some(1);
    let capabilities = native().capabilities();
    settings.memory_limit = Plan::new(&settings, &capabilities).expect("a plan").memory().least_bytes.max(1 << 20);
    let plan = Plan::new(&settings, &capabilities).expect("enough");
    let stream = Stream::of_plan(plan, &*native(), platform::native()).expect("made");
    for number in 0..24 {
        stream.skip(1).expect("skipped");
        let place = stream.plan().router().locate(number).expect("a place");
        stream.write_at(0, &place.index[..2], &frame(stream.plan(), number)).expect("filled");
    }
    stream.finish().expect("finished");
}
