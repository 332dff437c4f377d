//! Stores converted from each version of OME-NGFF into each other: they say what a run in the other version would have
//! said, and have its chunk files.

use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ome_stream::convert::{self, Conversion};
use ome_stream::platform::faulty::{Fault, Operation};
use ome_stream::platform::{self, Disk};
use ome_stream::settings::{Codec, Compression, Coord, NgffVersion, Plate, Position};
use ome_stream::zarr::index::index_of;
use ome_stream::{Error, Stream};
use ome_stream_tests::case::{Case, Step, field};
use ome_stream_tests::disk::{faulty, forget_end};
use ome_stream_tests::read;
use serde_json::{Value, json};

use crate::acquisition::{Acquisition, native};
use crate::continued::resuming;

pub(crate) const V0_4: NgffVersion = NgffVersion::V0_4;
pub(crate) const V0_5: NgffVersion = NgffVersion::V0_5;
pub(crate) const V0_6: NgffVersion = NgffVersion::V0_6;

/// Each version and each other; the first stays on its version of Zarr.
const PAIRS: [(NgffVersion, NgffVersion); 6] =
    [(V0_5, V0_6), (V0_6, V0_5), (V0_5, V0_4), (V0_6, V0_4), (V0_4, V0_5), (V0_4, V0_6)];

/// Stores that have everything that is said differently.
pub(crate) fn cases() -> Vec<Case> {
    let named = |name: &str| Coord::Position(Position::new(name));
    let [a1, b2] = [("A", "1"), ("B", "2")];
    vec![
        Case::new("image", "t:inf:2,c:2,y:16,x:16")
            .dimension("c", |c| c.with_coords(["a", "b"]))
            .dimension("x", |x| x.with_scale(0.5).with_translation(123_456.789))
            .compression(Compression::new(Codec::BloscZstd))
            .script(&[Step::Append(5)]),
        Case::new("series", "p:2,t:2,y:16:8,x:16").dimension("p", |p| p.with_coords([named("A"), named("0")])),
        Case::new("plate", "p:3,t:2,y:16,x:16:8")
            .plate(
                Plate::from_standard_wells(6).expect("a size of plates"),
                &[field(a1, "0"), field(a1, "1"), field(b2, "0")],
            )
            .compression(Compression::new(Codec::Gzip)),
    ]
}

pub(crate) fn finished(case: &Case, version: NgffVersion) -> Acquisition {
    let run = Acquisition::of(case.clone().version(version));
    let stream = run.start();
    run.append(&stream, 0..case.consumed());
    stream.set_metadata("lab", r#"{"operator": "A"}"#).expect("stored");
    stream.finish().expect("all well");
    run
}

pub(crate) fn in_place(root: &Path, to: NgffVersion) -> Result<Conversion, Error> {
    convert::in_place(root, to, &*platform::native(), &mut |_, _| ())
}

fn copy(root: &Path, new: &Path, to: NgffVersion) -> Result<Conversion, Error> {
    convert::copy(root, new, to, &*platform::native(), &mut |_, _| ())
}

/// What is in a store, by the paths of its files.
pub(crate) type Contents = BTreeMap<PathBuf, Result<Value, Vec<u8>>>;

/// Names the files that are not the same.
pub(crate) fn assert_same(found: &Contents, expected: &Contents, what: &str) {
    let names = found.keys().chain(expected.keys());
    let differ: Vec<_> = names.filter(|name| found.get(*name) != expected.get(*name)).collect();
    let documents =
        differ.first().map(|name| [found, expected].map(|all| all.get(*name).and_then(|text| text.as_ref().ok())));
    assert!(differ.is_empty(), "{what}: {differ:?}\n{documents:#?}");
}

/// Names in the folder of a run: of its store, and of what was left beside it.
pub(crate) fn beside(run: &Acquisition) -> Vec<String> {
    let names = fs::read_dir(run.folder()).expect("listed");
    let mut names: Vec<_> =
        names.map(|entry| entry.expect("listed").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Every file by its path but for those of the lock, which a copy has not; documents as JSON, in whatever order their
/// members stand.
pub(crate) fn contents(root: &Path) -> Contents {
    let mut found = BTreeMap::new();
    let mut waiting = vec![root.to_path_buf()];
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(folder).expect("listed") {
            let path = entry.expect("listed").path();
            if path.is_dir() {
                waiting.push(path);
                continue;
            }
            if path.ends_with("lock") || path.ends_with("taking") {
                continue;
            }
            let bytes = fs::read(&path).expect("readable");
            let mut value = serde_json::from_slice::<Value>(&bytes).map_err(|_| bytes);
            if let Ok(document) = &mut value {
                forget_end(document);
            }
            if path.ends_with("run.json")
                && let Ok(mark) = &mut value
            {
                // Of each run another, and where it was to lie. The default version is left out by who writes it.
                mark["run"] = Value::Null;
                mark["settings"]["root_path"] = Value::Null;
                if mark["settings"]["format"]["version"] == "0.5" {
                    mark["settings"]["format"].as_object_mut().expect("an object").remove("version");
                }
            }
            found.insert(path.strip_prefix(root).expect("below").to_path_buf(), value);
        }
    }
    found
}

#[test]
fn a_converted_store_is_as_one_of_that_version() {
    for case in cases() {
        for (from, to) in PAIRS {
            let (run, expected) = (finished(&case, from), finished(&case, to));
            let before = contents(&run.root());
            let new = run.folder().join("new.ome.zarr");
            let mut told = Vec::new();
            let copied =
                convert::copy(&run.root(), &new, to, &*platform::native(), &mut |done, all| told.push((done, all)));
            let copied = copied.expect("converted");
            assert!(copied.documents > 0 && copied.version == to, "{copied:?}");
            assert!(told.is_sorted() && told.iter().all(|(done, all)| done <= all), "{told:?}");
            assert_same(&contents(&run.root()), &before, "the old one is as it was");
            let what = format!("{} {from:?} {to:?}", case.name);
            assert_same(&contents(&new), &contents(&expected.root()), &what);
            let moved = in_place(&run.root(), to).expect("converted");
            assert_eq!((moved.documents, moved.chunk_files), (copied.documents, copied.chunk_files), "{what}");
            assert_eq!(moved.chunk_files > 0, from == V0_4 || to == V0_4, "{what}");
            assert_same(&contents(&run.root()), &contents(&expected.root()), &what);
            assert_eq!(beside(&run).len(), 2, "nothing is left: {:?}", beside(&run));
            assert_eq!(in_place(&run.root(), to).expect("the same").documents, 0);
            in_place(&run.root(), from).expect("and back");
            assert_same(&contents(&run.root()), &before, &what);
        }
    }
}

#[test]
fn a_scene_that_says_what_origins_say_is_left_out() {
    let at = |name: &str, x: f64| Coord::Position(Position { x_coord: Some(x), ..Position::new(name) });
    let case = Case::new("scene", "p:2,t:2,y:16,x:16").dimension("p", |p| p.with_coords([at("A", 1.5), at("B", 20.0)]));
    let (run, expected) = (finished(&case, V0_6), finished(&case, V0_4));
    assert!(fs::read_to_string(run.root().join("zarr.json")).expect("there").contains("scene"));
    in_place(&run.root(), V0_4).expect("converted");
    assert_same(&contents(&run.root()), &contents(&expected.root()), "scene");
}

#[test]
fn shards_become_the_chunk_files_of_each_codec() {
    let script = [Step::Append(3), Step::Skip(1), Step::Append(3)];
    for codec in Codec::ALL {
        let of = |dims: &str| Case::new("run", dims).compression(Compression::new(*codec)).script(&script);
        let finished = |case: &Case, version: NgffVersion| {
            let run = Acquisition::of(case.clone().version(version));
            let stream = run.start();
            run.append(&stream, 0..3);
            stream.skip(1).expect("skipped");
            run.append(&stream, 4..7);
            stream.finish().expect("all well");
            run
        };
        let (sharded, plain) = (of("t:inf:2:2,y:40:16:2,x:30:16:2"), of("t:inf:2,y:40:16,x:30:16"));
        let expected = [V0_4, V0_6].map(|version| contents(&finished(&plain, version).root()));
        let run = finished(&sharded, V0_6);
        let pixels = read::zarrs(&run.root().join("0")).expect("pixels");
        for (to, expected) in [V0_4, V0_6].into_iter().zip(expected) {
            in_place(&run.root(), to).expect("converted");
            assert_same(&contents(&run.root()), &expected, &format!("{codec:?} {to:?}"));
            assert_eq!(read::zarrs(&run.root().join("0")).expect("pixels"), pixels, "{codec:?} {to:?}");
        }
    }
}

#[test]
fn a_converted_store_goes_on_in_its_new_version() {
    for dims in ["t:inf:2,c:2,y:16,x:16", "t:inf:1:4,c:2,y:16:8:2,x:16:8:2"] {
        for (from, to) in PAIRS {
            if from == V0_4 && dims.contains(":4") {
                continue;
            }
            let case = Case::new("image", dims).script(&[Step::Append(5)]);
            let run = finished(&case, from);
            in_place(&run.root(), to).expect("converted");
            let mut settings = resuming(run.settings());
            settings.format.version = to;
            if to == V0_4 {
                settings.dimensions.iter_mut().for_each(|each| each.shard_size_chunks = None);
            }
            let stream = Stream::create(&settings, &*native()).expect("the same store");
            run.append(&stream, 5..9);
            stream.finish().expect("all well");
            run.assert_holds(&[Step::Append(9)]);
        }
    }
}

/// A name beside the store of a run.
pub(crate) fn named(run: &Acquisition, ending: &str) -> PathBuf {
    let mut name = run.root().into_os_string();
    name.push(ending);
    PathBuf::from(name)
}

/// A disk on which something happens from the `nth` operation on, counted from 0.
fn from_nth(nth: u64, once: bool, happens: impl Fn() -> Fault + Send + Sync + 'static) -> Arc<dyn Disk> {
    let count = AtomicU64::new(0);
    faulty(move |_| {
        let now = count.fetch_add(1, Ordering::Relaxed);
        if now == nth || (now > nth && !once) { happens() } else { Fault::default() }
    })
}

/// As [`from_nth`], and names cannot be exchanged.
fn unexchanged(nth: u64, once: bool, happens: impl Fn() -> Fault + Send + Sync + 'static) -> Arc<dyn Disk> {
    let count = AtomicU64::new(0);
    faulty(move |operation| {
        if matches!(operation, Operation::Exchange(..)) {
            return Fault { errno: Some(rustix::io::Errno::NOSYS.raw_os_error()), ..Fault::default() };
        }
        let now = count.fetch_add(1, Ordering::Relaxed);
        if now == nth || (now > nth && !once) { happens() } else { Fault::default() }
    })
}

fn full() -> Fault {
    Fault { errno: Some(rustix::io::Errno::NOSPC.raw_os_error()), ..Fault::default() }
}

/// The store is a whole one of either version, or lies beside its name as a whole one.
fn is_whole(run: &Acquisition, [old, new]: [&Contents; 2], nth: u64) {
    let left = |root: &Path| {
        let left = contents(root).into_iter().filter(|(path, _)| !path.to_string_lossy().ends_with(".part"));
        left.collect::<Contents>()
    };
    let root = run.root();
    let root = if root.is_dir() { root } else { named(run, ".ome-stream-before") };
    let found = left(&root);
    assert!(found == *old || found == *new, "after {nth}: {:?}", beside(run));
}

#[test]
fn a_conversion_between_zarr_versions_is_whole_at_any_instant() {
    let case = &Case::new("series", "p:2,y:8,x:8");
    // Where names cannot be exchanged, the store has none for an instant.
    for (from, to, kills, exchanges) in [
        (V0_5, V0_4, &[true, false][..], true),
        (V0_5, V0_4, &[true, false][..], false),
        (V0_4, V0_6, &[true][..], true),
    ] {
        let [old, new] = [from, to].map(|version| contents(&finished(case, version).root()));
        for &kill in kills {
            let mut finished_at = None;
            for nth in 0.. {
                let run = finished(case, from);
                let happens = move || if kill { resume_unwind(Box::new("killed")) } else { full() };
                let disk = if exchanges { from_nth(nth, !kill, happens) } else { unexchanged(nth, !kill, happens) };
                let outcome = catch_unwind(AssertUnwindSafe(|| {
                    convert::in_place(&run.root(), to, &*disk, &mut |_, _| ()).is_ok()
                }));
                assert!(run.root().is_dir() || !exchanges, "{nth}: {:?}", beside(&run));
                is_whole(&run, [&old, &new], nth);
                match outcome {
                    Ok(true) => finished_at = Some(nth),
                    Ok(false) => assert_eq!(beside(&run).len(), 1, "{nth}: {:?}", beside(&run)),
                    Err(_) => {}
                }
                in_place(&run.root(), to).expect("again");
                assert_same(&contents(&run.root()), &new, &format!("{from:?} {to:?} after {nth}"));
                assert_eq!(beside(&run).len(), 1, "{nth}: {:?}", beside(&run));
                if finished_at.is_some() {
                    break;
                }
            }
            assert!(finished_at > Some(10), "hardly anything was done: {finished_at:?}");
        }
    }
}

#[test]
fn what_a_killed_conversion_left_is_settled() {
    let case = &cases()[1];
    let new = contents(&finished(case, V0_4).root());
    let (converting, before) = (".ome-stream-converting", ".ome-stream-before");
    let made = |ending: &str, run: &Acquisition| {
        copy(&run.root(), &named(run, ending), V0_4).expect("converted");
    };
    // The copy was not whole; both were, and neither had the name; the old one was not removed, or not all of it: the
    // mark goes last. Or both had exchanged their names.
    for state in 0..6 {
        let run = finished(case, V0_5);
        made(converting, &run);
        match state {
            0 => fs::remove_file(named(&run, converting).join(".zgroup")).expect("removed"),
            1 => fs::rename(run.root(), named(&run, before)).expect("renamed"),
            5 => {
                let [old, new] = [run.root(), named(&run, converting)];
                platform::native().exchange(&new, &old, platform::SyncPolicy::Never).expect("exchanged");
            }
            _ => {
                fs::rename(run.root(), named(&run, before)).expect("renamed");
                fs::rename(named(&run, converting), run.root()).expect("renamed");
                if state >= 3 {
                    let ours = named(&run, before).join(".ome-stream/run");
                    let mark = fs::read(ours.join("run.json")).expect("there");
                    fs::remove_dir_all(named(&run, before)).expect("removed");
                    fs::create_dir_all(&ours).expect("made");
                    if state == 3 {
                        fs::write(ours.join("run.json"), mark).expect("written");
                    }
                }
            }
        }
        in_place(&run.root(), V0_4).expect("goes on");
        assert_same(&contents(&run.root()), &new, &format!("state {state}"));
        assert_eq!(beside(&run).len(), 1, "{state}");
    }
    // Something else has got the name since.
    let run = finished(case, V0_5);
    made(converting, &run);
    made(before, &run);
    let error = in_place(&run.root(), V0_4).expect_err("three stores").to_string();
    assert!(error.contains("ome-stream-before") && error.contains("keep one"), "{error}");
    assert_eq!(beside(&run).len(), 3);
    // A store without a lock: somebody else may be at work.
    fs::remove_dir_all(named(&run, before)).expect("removed");
    fs::remove_dir_all(run.root().join(".ome-stream")).expect("removed");
    let error = in_place(&run.root(), V0_4).expect_err("left").to_string();
    assert!(error.contains("ome-stream-converting") && error.contains("remove it if none is"), "{error}");
    // Of a copy there is no lock either.
    let part = run.folder().join("copy.ome.zarr.part");
    fs::create_dir(&part).expect("made");
    let error = copy(&run.root(), &run.folder().join("copy.ome.zarr/"), V0_4).expect_err("left").to_string();
    assert!(error.contains("copy.ome.zarr.part") && error.contains("remove that if none is"), "{error}");
}

#[test]
fn a_copy_on_a_full_disk_leaves_nothing() {
    let run = finished(&Case::new("run", "t:4:1:2,y:16:8:2,x:16:8:2"), V0_5);
    let before = contents(&run.root());
    let new = run.folder().join("new.ome.zarr");
    for nth in 0.. {
        let disk = from_nth(nth, true, full);
        if convert::copy(&run.root(), &new, V0_4, &*disk, &mut |_, _| ()).is_ok() {
            assert!(nth > 10, "hardly anything was done");
            break;
        }
        assert_same(&contents(&run.root()), &before, &format!("after {nth}"));
        assert_eq!(beside(&run).len(), 1, "{nth}");
    }
    assert_same(&contents(&run.root()), &before, "left alone");
}

#[test]
fn a_conversion_that_is_interrupted_is_brought_to_its_end() {
    let (from, to) = PAIRS[0];
    let case = &cases()[1];
    let expected = contents(&finished(case, to).root());
    for nth in 0.. {
        let run = finished(case, from);
        let disk = from_nth(nth, false, full);
        if convert::in_place(&run.root(), to, &*disk, &mut |_, _| ()).is_ok() {
            assert!(nth > 3, "hardly anything was done");
            break;
        }
        // Readers open what is left.
        read::zarrs(&run.root().join("A/0")).expect("an array");
        in_place(&run.root(), to).expect("again");
        let left = contents(&run.root()).into_iter().filter(|(path, _)| !path.to_string_lossy().ends_with(".part"));
        assert_same(&left.collect(), &expected, &format!("after {nth}"));
    }
}

#[test]
fn what_cannot_be_converted_is_refused_and_left_alone() {
    let run = finished(&cases()[0], V0_5);
    let before = contents(&run.root());
    let refused = |to: NgffVersion, says: &str| {
        let error = in_place(&run.root(), to).expect_err(says);
        assert!(error.to_string().contains(says), "{error} should say {says}");
    };
    let there = copy(&run.root(), &run.root(), V0_6);
    assert!(matches!(there, Err(Error::AlreadyExists { .. })), "{there:?}");
    assert_same(&contents(&run.root()), &before, "left alone");
    let root = run.root().join("zarr.json");
    let text = fs::read_to_string(&root).expect("there");
    fs::write(&root, text.replace("\"scale\"", "\"affine\"")).expect("written");
    refused(V0_6, "other transformations");
    refused(V0_4, "other transformations");
    for (word, says) in [("NaN", "ome has NaN"), ("12345678901234567890123", "ome has 12345678901234567890123")] {
        let omero = format!("\"ome\": {{\"omero\": {{\"channels\": [{{\"window\": {word}}}]}},");
        let strange = text.replacen("\"ome\": {", &omero, 1);
        assert_ne!(strange, text);
        fs::write(&root, strange).expect("written");
        refused(V0_6, says);
        refused(V0_4, says);
    }
    let both = text.replacen("\"ome\": {", "\"_creator\": 1, \"ome\": {\"_creator\": 2,", 1);
    fs::write(&root, both).expect("written");
    refused(V0_4, "attribute _creator");
    fs::write(&root, &text[..text.len() / 2]).expect("written");
    refused(V0_6, "cut short");
    fs::write(&root, &text).expect("written");
    fs::write(run.root().join(".ome-stream/run/log"), "a record").expect("written");
    refused(V0_6, "recover --apply");
    refused(V0_4, "recover --apply");
    let nowhere = run.folder().join("nothing");
    assert!(in_place(&nowhere, V0_6).is_err());
}

#[test]
fn a_store_that_is_being_written_is_refused() {
    let run = Acquisition::of(cases()[1].clone().version(V0_5));
    let stream = run.start();
    run.append(&stream, 0..1);
    for to in [V0_4, V0_6] {
        let error = in_place(&run.root(), to).expect_err("a writer is at work");
        assert!(matches!(error, Error::Busy { .. }), "{error}");
        let error = copy(&run.root(), &run.folder().join("new"), to).expect_err("a writer is at work");
        assert!(matches!(error, Error::Busy { .. }), "{error}");
    }
    stream.finish().expect("all well");
    assert_eq!(beside(&run).len(), 1);
}

/// Changes the document of an array as somebody else might have written it.
pub(crate) fn edit(run: &Acquisition, name: &str, change: impl Fn(&mut Value)) {
    let path = run.root().join(name);
    let mut document: Value = serde_json::from_slice(&fs::read(&path).expect("there")).expect("JSON");
    change(&mut document);
    fs::write(path, document.to_string()).expect("written");
}

#[test]
fn a_checksum_is_left_out_where_it_is_right() {
    for dims in ["t:2,y:16,x:16", "t:2:1:2,y:16:8:2,x:16"] {
        let case = Case::new("run", dims);
        let (run, expected) = (finished(&case, V0_5), read_back(&finished(&case, V0_5)));
        let is_sharded = dims.contains(":2:");
        edit(&run, "0/zarr.json", |document| {
            let codecs = if is_sharded { "/codecs/0/configuration/codecs" } else { "/codecs" };
            let codecs = document.pointer_mut(codecs).and_then(Value::as_array_mut).expect("codecs");
            codecs.push(json!({"name": "crc32c"}));
        });
        let mark = ".ome-stream/run/run.json";
        let told = json!({"codec": "none", "level": 0, "shuffle": "none", "checksum": "crc32c"});
        edit(&run, mark, |mark| mark["settings"]["compression"] = told.clone());
        // As the checksum of an index is made.
        let summed = |bytes: &[u8]| {
            let number = |half: &[u8]| u64::from_le_bytes(half.try_into().expect("eight bytes"));
            let entries = bytes.chunks_exact(16).map(|entry| (number(&entry[..8]), number(&entry[8..])));
            index_of(entries).expect("memory")
        };
        let file = run.root().join(if is_sharded { "0/c/0/0/0" } else { "0/c/1/0/0" });
        let bytes = fs::read(&file).expect("there");
        let mut made = Vec::new();
        if is_sharded {
            let (chunks, index) = bytes.split_at(4 * 256);
            // Which of the chunks lies first is left to the workers.
            let offsets = index.chunks_exact(16).map(|place| u64::from_le_bytes(place[..8].try_into().expect("eight")));
            let places: Vec<_> = offsets.map(|offset| (offset / 256 * 260, 260)).collect();
            chunks.chunks_exact(256).for_each(|chunk| made.extend(summed(chunk)));
            made.extend(index_of(places.into_iter()).expect("memory"));
        } else {
            let other = run.root().join("0/c/0/0/0");
            fs::write(&other, summed(&fs::read(&other).expect("there"))).expect("written");
            made = summed(&bytes);
        }
        let mut wrong = made.clone();
        wrong[7] ^= 1;
        fs::write(&file, wrong).expect("written");
        let error = in_place(&run.root(), V0_4).expect_err("a wrong checksum").to_string();
        assert!(error.contains("checksum of the chunk at byte 0 is wrong"), "{error}");
        assert_eq!(beside(&run).len(), 1);
        fs::write(&file, made).expect("written");
        in_place(&run.root(), V0_4).expect("converted");
        assert_eq!(read_back(&run), expected);
        let mark: Value = serde_json::from_slice(&fs::read(run.root().join(mark)).expect("there")).expect("JSON");
        assert_eq!(mark["settings"]["compression"].get("checksum"), None, "its documents are made anew without one");
    }
}

fn read_back(run: &Acquisition) -> read::Pixels {
    read::zarrs(&run.root().join("0")).expect("pixels")
}

#[test]
fn what_lies_strangely_in_a_store_is_refused_by_name() {
    let refused = |dims: &str, spoil: &dyn Fn(&Path), says: &[&str]| {
        let run = finished(&Case::new("run", dims), V0_5);
        spoil(&run.root());
        let before = contents(&run.root());
        let error = in_place(&run.root(), V0_4).expect_err(says[0]).to_string();
        assert!(says.iter().all(|part| error.contains(part)), "{error} should say {says:?}");
        assert_same(&contents(&run.root()), &before, &error);
        assert_eq!(beside(&run).len(), 1, "{error}");
    };
    let write = |name: &'static str| {
        move |root: &Path| {
            fs::create_dir_all(root.join(name).parent().expect("a folder")).expect("made");
            fs::write(root.join(name), "x").expect("written");
        }
    };
    let plain = "t:2,y:16,x:16";
    refused(plain, &write("0/c/1/0/0.part"), &["0/c/1/0/0.part", "not whole"]);
    refused(plain, &write("0/1/0/0"), &["0/1/0/0", "no chunk of the array"]);
    refused(plain, &write(".zattrs"), &[".zattrs", "other version of Zarr"]);
    refused(plain, &write("0/.zarray"), &["0/.zarray", "other version of Zarr"]);
    // Of a name that nothing is written to, and yet readers look for it.
    refused(plain, &write("0/.zattrs"), &["0/.zattrs", "other version of Zarr"]);
    refused(plain, &write(".zarray"), &[".zarray", "other version of Zarr"]);
    refused(plain, &write(".ome-stream/.zattrs"), &[".ome-stream/.zattrs", "other version of Zarr"]);
    refused(plain, &write("0/c.1.0.0"), &["0/c.1.0.0", "other separator"]);
    let sharded = "t:2:1:2,y:16:8:2,x:16";
    refused(sharded, &write("0/c/0/0/0"), &["0/c/0/0/0", "too short for its index"]);
    let shared = |root: &Path| {
        let index = index_of([(0, 1024); 4].into_iter()).expect("memory");
        let bytes = [vec![0; 1024], index].concat();
        fs::write(root.join("0/c/0/0/0"), bytes).expect("written");
    };
    refused(sharded, &shared, &["0/c/0/0/0", "more bytes than it has"]);
    #[cfg(unix)]
    refused(
        plain,
        &|root| std::os::unix::fs::symlink("c", root.join("0/link")).expect("linked"),
        &["0/link", "neither"],
    );
}

#[test]
fn parts_of_stores_and_folders_above_are_refused() {
    let (from, to) = PAIRS[0];
    let run = finished(&cases()[1], from);
    let before = contents(&run.root());
    let refused = |outcome: Result<_, Error>, field: &str| {
        let error = outcome.map(|told: Conversion| told.path).expect_err("refused");
        assert!(matches!(&error, Error::InvalidSettings { field: found, .. } if found == field), "{error}");
    };
    refused(in_place(&run.root().join("A"), to), "store");
    refused(in_place(&run.folder(), to), "store");
    refused(copy(&run.root(), &run.root().join("new"), to), "output");
    // A store of somebody else's has no mark.
    fs::remove_dir_all(run.root().join(".ome-stream")).expect("removed");
    refused(copy(&run.root(), &run.root().join("A/new"), to), "output");
    refused(in_place(&run.root().join("A"), to), "store");
    refused(copy(&run.root().join("A"), &run.folder().join("A"), to), "store");
    let other = finished(&cases()[0], from);
    refused(copy(&other.root(), &run.root().join("new"), to), "output");
    let ours = |path: &PathBuf| path.starts_with(".ome-stream");
    let before: BTreeMap<_, _> = before.into_iter().filter(|(path, _)| !ours(path)).collect();
    assert_same(&contents(&run.root()), &before, "left alone");
}
