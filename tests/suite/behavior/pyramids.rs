//! Levels below full resolution: what a host may rely on while they are made, and what is refused. That every pixel is
//! right is also seen by the conformance suite, by NumPy, and after kills.

use std::path::Path;
use std::sync::Arc;

use ome_stream::plan::{Capabilities, StorageUnit};
use ome_stream::platform::faulty::Fault;
use ome_stream::recover::{Options, recover};
use ome_stream::settings::{Codec, Compression, DataType, Settings, WhenFull};
use ome_stream::store::missing;
use ome_stream::stream::complete_levels;
use ome_stream::{Error, Plan, Stream, platform};
use ome_stream_tests::case::{Case, Step};
use ome_stream_tests::disk::{self, Gate, wait_for};
use ome_stream_tests::{check, levels, model, random, read, run};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::acquisition::{Acquisition, native};
use crate::interrupted::{freezing, kill};

/// How much larger the frames of a random case are made where memory shall be short.
const LARGER: u64 = 6;

fn acquisition(dimensions: &str, pyramid: Value) -> Acquisition {
    Acquisition::of(Case::new("levels", dimensions).pyramid(pyramid))
}

/// Whether every level of every image of a store is what this case leaves there.
fn holds(case: &Case, plan: &Plan) -> Result<(), String> {
    for (position, image) in model::images(case).iter().enumerate() {
        for (nth, level) in (0..).zip(&levels::levels(case, image)) {
            let found = read::zarrs(&plan.array_path(position, nth))?;
            check::same_level(case, level, &found)
                .map_err(|wrong| format!("position {position}, level {nth}: {wrong}"))?;
        }
    }
    Ok(())
}

#[track_caller]
fn assert_holds(case: &Case, plan: &Plan) {
    if let Err(wrong) = holds(case, plan) {
        panic!("{wrong}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_global_rejects: 2000, ..ProptestConfig::default() })]

    /// With the least memory that there may be, whatever the order, `append` waits and comes through.
    #[test]
    fn any_case_comes_through_in_the_least_memory(case in random::case(), threads in 1usize..5) {
        prop_assume!(case.settings.pyramid.is_some());
        let folder = tempfile::tempdir()?;
        let mut case = case.with(|settings| settings.threads = Some(threads));
        // Larger: less than a MiB is no limit.
        for dimension in case.settings.dimensions.iter_mut().rev().take(2) {
            dimension.count = dimension.count.map(|count| count * LARGER);
            dimension.chunk_size = dimension.chunk_size.map(|chunk| chunk * LARGER);
        }
        let said = |error: Error| TestCaseError::fail(error.to_string());
        let plan = Plan::new(&case.settings_in(folder.path()), &native().capabilities()).map_err(said)?;
        case.settings.memory_limit = plan.memory().least_bytes;
        prop_assume!(case.settings.memory_limit >= 1 << 20);
        // That is for one thread.
        if let Err(error) = Plan::new(&case.settings_in(folder.path()), &native().capabilities()) {
            let Error::MemoryLimit { needed, .. } = error else { return Err(said(error)) };
            case.settings.memory_limit = needed;
        }
        let ran = run::run(&case, &*native(), folder.path());
        let ran = ran.map_err(|error| TestCaseError::fail(format!("{error:?}")))?;
        prop_assert!(ran.report.bytes_high_water <= case.settings.memory_limit);
        check::files(&case, &ran, check::Differences::default()).map_err(TestCaseError::fail)?;
    }
}

/// Appends until `frames` are taken on a disk that stands still until the gate is opened, half way; returns what that
/// was: a frame that was dropped is one that was skipped.
fn append_some_dropped(run: &Acquisition, stream: &Stream, gate: &Gate, frames: u64) -> Vec<Step> {
    let mut script = Vec::new();
    for number in 0..frames {
        if number == frames / 2 {
            gate.open();
            let taken = || (stream.status().bytes_in_flight == 0).then_some(()).ok_or_else(String::new);
            // What waits for other planes may stay.
            let _ = wait_for_a_moment(taken);
        }
        let before = stream.status().dropped;
        assert_eq!(stream.append(&run.frame(number)).expect("taken or dropped"), number);
        script.push(if stream.status().dropped > before { Step::Skip(1) } else { Step::Append(1) });
    }
    script
}

/// Asks for a second.
fn wait_for_a_moment(so: impl Fn() -> Result<(), String>) -> Result<(), String> {
    for _ in 0..100 {
        if so().is_ok() {
            return Ok(());
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    so()
}

#[test]
fn what_is_dropped_is_left_out_of_each_level() {
    for (dimensions, pyramid) in [
        ("t:inf,z:3,y:256,x:128", json!({"levels": 3, "factors": {"z": 2}})),
        ("t:inf,z:4:2,y:128:64,x:256:64", json!({"levels": 3, "method": "median", "factors": {"z": 2}})),
        ("z:6,t:8,y:256,x:150", json!({"levels": 2, "method": "nearest", "factors": {"z": 3}})),
    ] {
        let mut run = acquisition(dimensions, pyramid).with(|settings| {
            settings.threads = Some(1);
            settings.when_full = WhenFull::Drop;
        });
        let plan = Plan::new(&run.settings(), &native().capabilities()).expect("valid");
        run.case.settings.memory_limit = plan.memory().least_bytes.max(1 << 20);
        let gate = Gate::default();
        let stream = run.start_on(gate.disk());
        let script = append_some_dropped(&run, &stream, &gate, 48);
        let dropped = script.iter().filter(|step| matches!(step, Step::Skip(_))).count() as u64;
        let report = stream.finish().expect("dropping is no failure");
        assert!((1..48).contains(&dropped), "{dimensions}: {dropped} of 48 dropped");
        assert_eq!(report.dropped, dropped);
        assert_holds(&run.case.clone().script(&script), stream.plan());
    }
}

#[test]
fn a_frame_that_is_refused_is_in_no_level_until_it_comes_again() {
    let run = acquisition("t:inf,z:2,y:256,x:128", json!({"levels": 4, "factors": {"z": 2}}));
    let run = run.with_little_memory().with(|settings| settings.when_full = WhenFull::Error);
    let run = run.with(|settings| settings.memory_limit *= 2);
    let gate = Gate::default();
    let stream = run.start_on(gate.disk());
    let (refused, error) = run.append_until_refused(&stream);
    assert_eq!(error.code(), 9, "{error}");
    assert!(refused > 2, "{refused} frames fit");
    assert_eq!(run.append_until_refused(&stream).0, refused, "it takes nothing");
    gate.open();
    for number in refused..refused + 12 {
        wait_for(|| stream.append(&run.frame(number)).map_err(|error| error.to_string())).expect("there is room again");
    }
    stream.finish().expect("all well");
    assert_holds(&run.case.clone().script(&[Step::Append(refused + 12)]), stream.plan());
}

#[test]
fn levels_are_readable_while_the_run_goes_on() {
    for dimensions in ["t:inf:1:16,z:4,y:32:16:2,x:32:16:2", "t:inf:8,z:4:2,y:32:16,x:32:16", "t:20:4,z:4,y:32,x:32"] {
        let run = acquisition(dimensions, json!({"levels": 3, "factors": {"z": 2}}));
        let run = run.with(|settings| settings.live_interval = 0.05);
        let stream = run.start();
        run.append(&stream, 0..11);
        // The first three planes of level 1, of four each, and of level 2 the first of all four.
        let case = run.case.clone().script(&[Step::Append(11)]);
        let all = levels::levels(&case, &model::images(&case)[0]);
        let seen = || {
            for (nth, whole) in [(1_u32, 5), (2, 2)] {
                let found = read::zarrs_first(&stream.plan().array_path(0, nth), 3)?;
                let planes = all[nth as usize].planes.iter().flatten().take(whole);
                let bytes: Vec<u8> = planes.flatten().copied().collect();
                if !found.bytes.starts_with(&bytes) {
                    return Err(format!("level {nth}: not the first {whole} planes"));
                }
                if found.bytes[bytes.len()..].iter().any(|byte| *byte != 0) {
                    return Err(format!("level {nth}: more than there is"));
                }
            }
            Ok(())
        };
        wait_for(seen).unwrap_or_else(|wrong| panic!("{dimensions}: {wrong}"));
        stream.finish().expect("all well");
        assert_holds(&case, stream.plan());
    }
}

#[test]
fn a_frame_is_written_when_what_it_completes_is() {
    // Of level 1 a plane is in a chunk of its own, of full resolution as well.
    let run = acquisition("t:inf,z:2,y:64,x:64", json!({"levels": 2, "factors": {"z": 2}}));
    let run = run.with(|settings| settings.live_interval = 3600.0);
    let stream = run.start();
    run.append(&stream, 0..7);
    let written = |frames| {
        let status = || stream.status();
        wait_for(|| (status().written == frames).then_some(()).ok_or_else(|| format!("{:?}", status())))
    };
    // The seventh completes nothing of level 1, which does not wait for its end.
    written(7).expect("written");
    let found = read::zarrs(&stream.plan().array_path(0, 1)).expect("readable");
    let case = run.case.clone().script(&[Step::Append(7)]);
    let level = levels::levels(&case, &model::images(&case)[0]).remove(1);
    let whole: Vec<u8> = level.planes.iter().take(3).flatten().flatten().copied().collect();
    assert!(found.bytes.is_empty() || whole.starts_with(&found.bytes[..found.bytes.len().min(whole.len())]));
    stream.finish().expect("all well");
    assert_holds(&case, stream.plan());
}

/// What a plan says to settings with these levels.
fn refused(dimensions: &str, pyramid: Value, change: impl FnOnce(&mut ome_stream::Settings)) -> Error {
    let run = acquisition(dimensions, pyramid).with(change);
    let plan = Plan::new(&run.settings(), &Capabilities::taking(StorageUnit::Chunk));
    let error = plan.err().unwrap_or_else(|| panic!("{:?} was accepted", run.case.settings.pyramid));
    let by_stream = Stream::create(&run.settings(), &*native()).expect_err("refused");
    assert_eq!(error.to_string(), by_stream.to_string());
    assert!(!run.root().exists(), "nothing is touched");
    error
}

#[test]
fn levels_that_cannot_be_are_refused_by_field_value_and_remedy() {
    let cases = [
        ("more levels than the image has", json!({"levels": 9}), "pyramid.levels", "9", "1 to 8"),
        ("too many for any image", json!({"levels": 17}), "pyramid.levels", "17", "16"),
        (
            "a window that is too large",
            json!({"factors": {"y": 30_000, "x": 30_000}}),
            "pyramid.factors",
            "30",
            "smaller",
        ),
        ("too many planes", json!({"factors": {"z": 65}}), "pyramid.factors", "65", "smaller"),
        ("a factor of time", json!({"factors": {"t": 2}}), "pyramid.factors", "t", ""),
        ("a factor of what is not there", json!({"factors": {"w": 2}}), "pyramid.factors", "w", ""),
        ("chunks of what is not there", json!({"chunks": [{"w": 2}]}), "pyramid.chunks", "w", ""),
        ("an empty chunk", json!({"chunks": [{}, {"y": 0}]}), "pyramid.chunks", "0", ""),
        ("an empty shard", json!({"chunks": [{"y": 4}], "shards": [{"y": 0}]}), "pyramid.shards", "0", ""),
        (
            "chunks of more levels than there are",
            json!({"levels": 2, "chunks": [{"y": 4}, {"y": 4}]}),
            "pyramid.chunks",
            "2",
            "",
        ),
    ];
    for (name, pyramid, field, value, remedy) in cases {
        let dimensions =
            if name == "a window that is too large" { "z:70,y:30000,x:30000" } else { "t:3,z:70,y:32,x:20" };
        let error = refused(dimensions, pyramid, |_| {});
        assert_eq!(error.code(), 1, "{name}: {error}");
        let said = error.to_string();
        assert!(said.contains(field) && said.contains(value), "{name}: {said}");
        let Error::InvalidSettings { remedy: told, .. } = &error else { panic!("{name}: {said}") };
        assert!(!told.is_empty() && told.contains(remedy), "{name}: {told}");
    }
}

#[test]
fn chunks_of_a_level_that_cannot_be_are_refused() {
    // 2^21 chunks of a frame of level 1.
    let error = refused("y:4096,x:4096", json!({"levels": 2, "chunks": [{"y": 1, "x": 1}]}), |_| {});
    let said = error.to_string();
    assert_eq!(error.code(), 1, "{said}");
    assert!(said.contains("pyramid.chunks[0]") && said.contains("larger"), "{said}");
}

#[test]
fn a_limit_that_holds_full_resolution_alone_is_refused_with_the_figure() {
    let dimensions = "z:64,t:200,y:256,x:256";
    let pyramid = json!({"levels": 2, "factors": {"z": 2}});
    let limit = 16 << 20;
    let alone = Acquisition::new(dimensions).with(|settings| settings.memory_limit = limit);
    Plan::new(&alone.settings(), &Capabilities::taking(StorageUnit::Chunk)).expect("full resolution fits");
    // Each of 200 time points waits for its next plane: sums of 128 x 128 pixels of 4 bytes.
    let error = refused(dimensions, pyramid.clone(), |settings| settings.memory_limit = limit);
    let Error::MemoryLimit { needed, limit: told, .. } = error else { panic!("{error}") };
    assert_eq!(told, limit);
    assert!(needed > limit && needed >= 200 * 128 * 128 * 4, "{needed}");
    let said = error.to_string();
    assert!(said.contains(&needed.to_string()) && said.contains("raise memory_limit"), "{said}");
    assert!(said.contains("pyramid") || said.contains("level"), "it says what takes the memory: {said}");
    // What it asks for is enough, and so is what it offers: planes that follow one another, or are not combined.
    let enough = |dimensions: &str, pyramid: Value, limit: u64| {
        let run = acquisition(dimensions, pyramid).with(|settings| settings.memory_limit = limit);
        let run = run.with(|settings| settings.threads = Some(1));
        Plan::new(&run.settings(), &Capabilities::taking(StorageUnit::Chunk)).map(|_| ())
    };
    enough(dimensions, pyramid.clone(), needed).expect("as it says");
    enough("t:200,z:64,y:256,x:256", pyramid, limit).expect("planes that follow one another");
    enough(dimensions, json!({"levels": 2, "factors": {"z": 1}}), limit).expect("planes that are not combined");
}

#[test]
fn what_waits_is_more_where_pixels_are_kept() {
    let least = |method: &str, dtype: DataType| {
        let run = acquisition("z:8,t:50,y:128,x:128", json!({"levels": 2, "method": method, "factors": {"z": 2}}));
        let run = run.with(|settings| settings.dtype = dtype);
        let plan = Plan::new(&run.settings(), &Capabilities::taking(StorageUnit::Chunk)).expect("valid");
        plan.memory().least_bytes
    };
    let (sum, pixels, first) =
        (least("mean", DataType::UInt16), least("median", DataType::UInt16), least("nearest", DataType::UInt16));
    // Two planes of 128 x 128 x 2 bytes for a median, sums of 64 x 64 x 4 for a mean.
    assert!(pixels > sum + 50 * (2 * 128 * 128 * 2 - 64 * 64 * 4) / 2, "{pixels}, {sum}");
    assert!(first <= sum, "{first}, {sum}");
}

/// Every level is fed by the frames of each source that a thread of its own sends.
#[test]
fn threads_that_take_turns_feed_the_same_levels() {
    let run = acquisition("t:inf:2,c:2,z:3,y:24:8,x:20:8", json!({"levels": 3, "factors": {"z": 2}}));
    let stream = Arc::new(run.start());
    let turn = std::sync::Mutex::new(0_u64);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                loop {
                    let mut next = turn.lock().expect("no thread panics");
                    if *next == 60 {
                        break;
                    }
                    assert_eq!(stream.append(&run.frame(*next)).expect("taken"), *next);
                    *next += 1;
                }
            });
        }
    });
    stream.finish().expect("all well");
    assert_holds(&run.case.clone().script(&[Step::Append(60)]), stream.plan());
}

#[test]
fn a_failure_lets_go_of_what_waits_for_planes() {
    let run = acquisition("t:inf,z:16:16,y:128,x:128", json!({"levels": 3, "method": "median", "factors": {"z": 2}}));
    let mut run = run.with(|settings| settings.threads = Some(1));
    let plan = Plan::new(&run.settings(), &native().capabilities()).expect("valid");
    run.case.settings.memory_limit = plan.memory().least_bytes.max(1 << 20);
    let gate = Gate::default();
    let stands = gate.clone();
    let stream = run.start_on(disk::faulty(move |operation| {
        if !disk::writes_pixels(operation) {
            return Fault::default();
        }
        stands.wait();
        Fault { errno: Some(rustix::io::Errno::NOSPC.raw_os_error()), ..Fault::default() }
    }));
    std::thread::scope(|scope| {
        // It waits for memory that only the worker gives back, which stands still and then fails.
        let appending = scope.spawn(|| (0..4000).find_map(|number| stream.append(&run.frame(number)).err()));
        wait_for_a_moment(|| if appending.is_finished() { Ok(()) } else { Err("it waits".to_owned()) })
            .expect_err("it waits");
        gate.open();
        let error = appending.join().expect("no panic").expect("the disk is full");
        assert_eq!(error.code(), 11, "{error}");
    });
    assert_eq!(stream.finish().expect_err("the disk is full").code(), 11);
    assert_eq!(stream.status().bytes_in_flight, 0);
}

#[test]
fn a_level_below_planes_that_wait_is_whole_after_going_on() {
    // Planes become one on level 2: those of level 3 are made of one each, and wait with the level above.
    let run = acquisition("t:2,z:3,y:40,x:40", json!({"levels": 4, "factors": {"z": 2}}));
    for (came, then) in [(1, 0), (1, 2), (4, 0), (4, 1), (5, 1)] {
        for fill in [false, true] {
            let stream = run.start_again(true);
            run.append(&stream, 0..came);
            stream.finish().expect("early");
            let settings = Settings { resume: true, ..run.settings() };
            let stream = Stream::create(&settings, &*native()).expect("goes on");
            let mut script = vec![Step::Append(came)];
            if then > 0 {
                stream.skip(then).expect("skipped");
                script.push(Step::Skip(then));
            }
            if fill && then > 0 {
                let place = stream.plan().router().locate(came).expect("a place");
                stream.write_at(0, &place.index[..2], &run.frame(came)).expect("filled");
                script = vec![Step::Append(came + 1), Step::Skip(then - 1)];
            }
            let written = stream.status().accepted;
            stream.finish().expect("all well");
            assert_eq!(stream.status().written, written);
            assert_holds(&run.case.clone().script(&script), stream.plan());
        }
    }
}

/// What an interrupted run left is made whole, and holds on every level what becomes of the frames that have come.
#[test]
fn levels_of_what_was_interrupted_anywhere_are_made_whole() {
    for (dimensions, pyramid) in [
        ("z:inf:3,y:21:8,x:20:8", json!({"levels": 3, "method": "median", "factors": {"z": 2}})),
        ("t:inf:2:2,z:5:2,y:21:8:2,x:20:8:2", json!({"levels": 3, "factors": {"z": 2}})),
        ("z:inf:2:2,y:16:8:2,x:20:8:2", json!({"levels": 2, "method": "nearest", "factors": {"z": 3}})),
    ] {
        for frames in 1..24 {
            let run = acquisition(dimensions, pyramid.clone()).with(|settings| {
                settings.compression = Compression::new(Codec::Zstd);
                settings.live_interval = if frames % 2 == 0 { 0.05 } else { 3600.0 };
                settings.threads = Some(1 + frames as usize % 2);
            });
            let (disk, frozen) = freezing();
            let stream = run.start_on(disk);
            run.append(&stream, 0..frames);
            std::thread::sleep(std::time::Duration::from_millis(frames * 7 % 120));
            let written = stream.status().written;
            let left = run.folder().join("left.ome.zarr");
            kill(&stream, &frozen, &left).expect("copied");
            drop(stream);
            whole(&run.case, &left, written).unwrap_or_else(|wrong| panic!("{dimensions}, {frames} frames: {wrong}"));
        }
    }
}

/// Mends a store of one image and makes its levels whole; the frames that were written are there, and each level is what
/// becomes of those that the store says to have come. Of frames that were on their way a level may show more or less.
fn whole(case: &Case, left: &Path, written: u64) -> Result<(), String> {
    let said = |error: Error| error.to_string();
    let verifier = ome_stream_backends::verifier();
    recover(left, &Options { apply: true, verifier: Some(&verifier) }).map_err(said)?;
    complete_levels(left, &*native(), &platform::native()).map_err(said)?;
    let text =
        std::fs::read_to_string(left.join(".ome-stream/run/progress.json")).map_err(|error| error.to_string())?;
    let record: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let come = record["frames"].as_u64().ok_or("no number of frames")?;
    if come < written {
        return Err(format!("{written} frames were written, {come} have come"));
    }
    let full = read::zarrs(&left.join("0"))?;
    let (rows, columns) = case.frame();
    let bytes = (rows * columns) as usize * case.settings.dtype.size();
    let image = model::images(&case.clone().script(&[Step::Append(100)])).remove(0);
    let listed = missing::read(&*platform::native().source(), left).map_err(said)?.unwrap_or_default();
    // Of a frame that was lost on its way some chunks may be there.
    let is_lost = |number: u64| listed.stretches.iter().any(|lost| (lost.first..=lost.last).contains(&number));
    let there = |(nth, plane): (usize, &[u8])| {
        let number = image.frames.get(nth).copied().flatten();
        match (plane.iter().any(|byte| *byte != 0), number) {
            (true, number) => Ok(number.filter(|number| *number < come && !is_lost(*number)).map(|_| plane.to_vec())),
            (false, Some(number)) if number < written => Err(format!("frame {number} of {written} is not there")),
            // One that had not come, or that was lost on its way.
            (false, _) => Ok(None),
        }
    };
    let planes: Vec<_> = full.bytes.chunks(bytes).enumerate().map(there).collect::<Result<_, _>>()?;
    let image = model::Image { shape: full.shape, ..image.clone() };
    for (nth, level) in levels::all(&case.settings, &image, planes).iter().enumerate().skip(1) {
        let mut found = read::zarrs(&left.join(nth.to_string()))?;
        let frame = level.shape.iter().rev().take(2).product::<u64>() as usize * case.settings.dtype.size();
        for (plane, found) in level.planes.iter().zip(found.bytes.chunks_mut(frame)) {
            // Of frames on their way alone.
            if plane.is_none() {
                found.fill(0);
            }
        }
        check::same_level(case, level, &found).map_err(|wrong| format!("{come} came, level {nth}: {wrong}"))?;
    }
    Ok(())
}
