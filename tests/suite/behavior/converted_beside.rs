//! Stores that are converted while others are at work beside them, or have been: nobody's pixels are lost.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ome_stream::Error;
use ome_stream::convert;
use ome_stream::platform::faulty::{Fault, FaultyDisk, FaultySource, Misread, Operation};
use ome_stream::platform::{self, Disk, native_source};
use ome_stream_tests::case::Case;
use ome_stream_tests::disk::faulty;

use crate::acquisition::Acquisition;
use crate::converted::{V0_4, V0_5, V0_6, assert_same, beside, cases, contents, edit, finished, in_place, named};

/// The store of a run as somebody else's, which nothing can lock.
fn of_another(run: &Acquisition) -> PathBuf {
    fs::remove_dir_all(run.root().join(".ome-stream")).expect("removed");
    run.root()
}

/// Chunk files below a folder.
fn chunk_files(root: &Path) -> usize {
    contents(root).keys().filter(|path| path.components().any(|part| part.as_os_str() == "0")).count()
}

/// A disk where something happens before the `nth` read.
fn before_read(nth: u64, happens: impl Fn() + Send + Sync + 'static) -> Arc<dyn Disk> {
    let script = move |now, _: &_| {
        if now == nth {
            happens();
        }
        Misread::None
    };
    let source = Arc::new(FaultySource::new(native_source(), Box::new(script)));
    Arc::new(FaultyDisk::new(platform::native(), Box::new(|_, _| Fault::default())).read_from(source))
}

#[test]
fn a_copy_of_somebody_else_is_not_removed() {
    // At any time another conversion begins, of which no lock tells.
    for is_copy in [false, true] {
        let mut begun = 0;
        for nth in 0.. {
            let run = finished(&Case::new("run", "t:2,y:16,x:16"), V0_5);
            let (root, new) = (of_another(&run), run.folder().join("new.ome.zarr"));
            let theirs = if is_copy { new.with_extension("zarr.part") } else { named(&run, ".ome-stream-converting") };
            let (file, is_over) = (theirs.join("0/theirs"), Arc::new(AtomicU64::new(1)));
            let (begins, at) = (Arc::clone(&is_over), theirs.clone());
            let disk = before_read(nth, move || {
                begins.store(0, Ordering::Relaxed);
                if fs::create_dir(&at).is_ok() {
                    begins.store(2, Ordering::Relaxed);
                    fs::create_dir(at.join("0")).expect("made");
                    fs::write(at.join("0/theirs"), "x").expect("written");
                }
            });
            let outcome = match is_copy {
                true => convert::copy(&root, &new, V0_4, &*disk, &mut |_, _| ()),
                false => convert::in_place(&root, V0_4, &*disk, &mut |_, _| ()),
            };
            match is_over.load(Ordering::Relaxed) {
                0 => {}
                1 => break,
                _ if outcome.is_ok() => {
                    assert!(is_copy || file.is_file(), "{nth}: it was over before, and nothing is removed after");
                }
                _ => {
                    begun += 1;
                    assert!(file.is_file(), "{nth}: {outcome:?}");
                    assert!(root.join("zarr.json").is_file() && root.join("0/c/1/0/0").is_file(), "{nth}");
                }
            }
        }
        assert!(begun > 10, "{begun}");
    }
}

#[test]
fn two_conversions_at_once_lose_nothing() {
    for _ in 0..8 {
        let run = finished(&Case::new("run", "t:32,y:16:4,x:16:4"), V0_5);
        let root = of_another(&run);
        let before = chunk_files(&root);
        let outcomes = std::thread::scope(|scope| {
            let both = [0, 1].map(|_| scope.spawn(|| in_place(&root, V0_4)));
            both.map(|each| each.join().expect("no panic"))
        });
        assert!(outcomes.iter().any(Result::is_ok), "{outcomes:?}");
        // The document of the array has another name, and so many.
        assert_eq!(chunk_files(&root), before, "{outcomes:?}");
        assert_eq!(beside(&run).len(), 1, "{:?}", beside(&run));
    }
}

#[test]
fn a_store_that_gets_the_name_meanwhile_costs_nothing() {
    let run = finished(&cases()[1], V0_5);
    let [old, new] = [V0_5, V0_4].map(|version| contents(&finished(&cases()[1], version).root()));
    let (root, converting, before) =
        (run.root(), named(&run, ".ome-stream-converting"), named(&run, ".ome-stream-before"));
    let at = root.clone();
    let disk = faulty(move |operation| match operation {
        Operation::Exchange(..) => Fault { errno: Some(rustix::io::Errno::INVAL.raw_os_error()), ..Fault::default() },
        Operation::Rename(_, to, _) if *to == at && !at.exists() => {
            fs::create_dir(&at).expect("made");
            fs::write(at.join("theirs"), "x").expect("written");
            Fault { errno: Some(rustix::io::Errno::NOTEMPTY.raw_os_error()), ..Fault::default() }
        }
        _ => Fault::default(),
    });
    let error = convert::in_place(&root, V0_4, &*disk, &mut |_, _| ()).expect_err("it has the name").to_string();
    assert!(error.contains("-before") && error.contains("-converting"), "{error}");
    assert_same(&contents(&converting), &new, "the copy");
    assert_same(&contents(&before), &old, "the old one");
    assert!(root.join("theirs").is_file());
    // Who takes the copy for something unfinished, and has another store there since, keeps the old one.
    fs::remove_dir_all(&converting).expect("removed");
    fs::remove_dir_all(&root).expect("removed");
    let theirs = finished(&cases()[0], V0_5);
    fs::rename(theirs.root(), &root).expect("renamed");
    let error = in_place(&root, V0_4).expect_err("of another run").to_string();
    assert!(error.contains("-before") && error.contains("of another run"), "{error}");
    assert_same(&contents(&before), &old, "the old one");
}

#[test]
fn what_is_left_is_settled_under_the_lock() {
    let run = Acquisition::of(cases()[1].clone().version(V0_5));
    let stream = run.start();
    let (root, before) = (run.root(), named(&run, ".ome-stream-before"));
    let mark = ".ome-stream/run/run.json";
    fs::create_dir_all(before.join(mark).parent().expect("a folder")).expect("made");
    fs::copy(root.join(mark), before.join(mark)).expect("copied");
    fs::write(before.join("data"), "x").expect("written");
    let error = in_place(&root, V0_4).expect_err("a writer is at work");
    assert!(matches!(error, Error::Busy { .. }), "{error}");
    assert!(before.join("data").is_file());
    // Another conversion is at work: it has given the old one this name, and holds its lock.
    let converting = named(&run, ".ome-stream-converting");
    fs::rename(&before, &converting).expect("renamed");
    fs::rename(&root, &before).expect("renamed");
    let error = in_place(&root, V0_4).expect_err("the lock is held");
    assert!(matches!(error, Error::Busy { .. }), "{error}");
    assert!(!root.exists() && converting.join("data").is_file());
    fs::rename(&before, &root).expect("renamed");
    drop(stream);
}

#[test]
fn chunks_that_come_while_it_is_copied_are_not_lost() {
    for is_copy in [false, true] {
        for (name, is_new) in [("0/c/0/0/0", false), ("0/c/1/0/0", true)] {
            let run = finished(&Case::new("run", "t:2,y:16,x:16"), V0_5);
            let (root, new) = (of_another(&run), run.folder().join("new.ome.zarr"));
            let chunk = root.join(name);
            if is_new {
                fs::remove_file(&chunk).expect("removed");
            }
            let mut tell = |_, _| {
                fs::write(root.join("later"), vec![7; 512]).expect("written");
                fs::rename(root.join("later"), &chunk).expect("renamed");
            };
            let outcome = match is_copy {
                true => convert::copy(&root, &new, V0_4, &*platform::native(), &mut tell),
                false => convert::in_place(&root, V0_4, &*platform::native(), &mut tell),
            };
            let error = outcome.expect_err("written meanwhile").to_string();
            assert!(error.contains("written while it was copied"), "{error}");
            assert_eq!(fs::read(&chunk).expect("there"), [7; 512]);
            assert_eq!(beside(&run).len(), 1, "{:?}", beside(&run));
        }
    }
}

#[test]
fn marks_that_are_not_known_are_refused() {
    let run = finished(&cases()[0], V0_5);
    edit(&run, ".ome-stream/run/run.json", |mark| mark["format"] = 99.into());
    let before = contents(&run.root());
    for to in [V0_4, V0_6] {
        let error = in_place(&run.root(), to).expect_err("of a later version").to_string();
        assert!(error.contains("format 99") && error.contains("run.json"), "{error}");
    }
    assert_same(&contents(&run.root()), &before, "left alone");
    edit(&run, ".ome-stream/run/run.json", |mark| mark["format"] = 1.into());
    fs::write(run.root().join(".ome-stream.json"), "{}").expect("written");
    let error = in_place(&run.root(), V0_4).expect_err("an old record").to_string();
    assert!(error.contains(".ome-stream.json") && error.contains("early version"), "{error}");
}

#[test]
fn chunks_that_no_reader_finds_are_refused() {
    let run = finished(&Case::new("run", "t:2,y:16,x:16"), V0_4);
    // Without it the names have dots.
    edit(&run, "0/.zarray", |array| drop(array.as_object_mut().expect("an object").remove("dimension_separator")));
    let before = contents(&run.root());
    let error = in_place(&run.root(), V0_5).expect_err("names with slashes").to_string();
    assert!(error.contains("0/0/0") && error.contains("dimension_separator"), "{error}");
    assert_same(&contents(&run.root()), &before, "left alone");
}
