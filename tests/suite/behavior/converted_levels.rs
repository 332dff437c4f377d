//! Levels that are added to a store: a failing disk costs nothing, and what changes meanwhile is refused. What they hold
//! is compared by others (tests/suite/interop/converted_levels.rs).

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ome_stream::convert::{Conversion, Levels, PixelReader, Pixels, levels_copy, levels_in_place};
use ome_stream::platform::faulty::Fault;
use ome_stream::platform::{self, Disk, Source};
use ome_stream::settings::{NgffVersion, Pyramid, PyramidMethod};
use ome_stream_tests::case::Case;
use ome_stream_tests::disk::faulty;
use ome_stream_tests::read;

use crate::converted::{Contents, beside, contents, finished};

/// Of the operations of a disk every so many fails, in a run each.
const EVERY: usize = 7;

/// Reads all of an array, by way of zarrs.
struct Reader;

struct Whole(read::Pixels);

impl PixelReader for Reader {
    fn open(&self, _: &Arc<dyn Source>, folder: &Path) -> Result<Box<dyn Pixels>, String> {
        Ok(Box::new(Whole(read::zarrs(folder)?)))
    }
}

impl Pixels for Whole {
    fn read(&self, start: &[u64], count: &[u64], planes: &mut [u8]) -> Result<(), String> {
        let shape = &self.0.shape[..start.len()];
        let frame = self.0.bytes.len() / shape.iter().product::<u64>() as usize;
        let all: u64 = count.iter().product();
        for (nth, plane) in (0..all).zip(planes.chunks_exact_mut(frame)) {
            let (mut rest, mut flat, mut step) = (nth, 0, 1);
            for axis in (0..shape.len()).rev() {
                flat += (start[axis] + rest % count[axis]) * step;
                rest /= count[axis];
                step *= shape[axis];
            }
            plane.copy_from_slice(&self.0.bytes[flat as usize * frame..][..frame]);
        }
        Ok(())
    }
}

fn with_levels<T>(disk: &Arc<dyn Disk>, method: PyramidMethod, work: impl FnOnce(&Levels<'_>) -> T) -> T {
    let pyramid = Pyramid { method, levels: Some(2), ..Pyramid::default() };
    let backend = ome_stream_backends::open("zarrs").expect("built in");
    work(&Levels { pyramid: &pyramid, memory_limit: 1 << 28, disk, backend: &*backend, reader: &Reader })
}

fn add(root: &Path, disk: &Arc<dyn Disk>) -> Result<Conversion, ome_stream::Error> {
    with_levels(disk, PyramidMethod::Mean, |levels| levels_in_place(root, None, levels, &mut |_, _| ()))
}

fn cases() -> [Case; 2] {
    [Case::new("chunks in z", "z:5:2,y:9:4,x:7"), Case::new("series in shards", "p:2,t:2,c:2:1:2,y:8:4,x:8")]
}

#[test]
fn a_disk_that_fails_leaves_the_store_as_it_was() {
    for case in cases() {
        let mut failed = 0;
        for nth in (0..).step_by(EVERY) {
            let run = finished(&case, NgffVersion::V0_5);
            let old = contents(&run.root());
            let done = Arc::new(AtomicU64::new(0));
            let count = Arc::clone(&done);
            let full = Fault { errno: Some(rustix::io::Errno::NOSPC.raw_os_error()), ..Fault::default() };
            let disk = faulty(move |_| match count.fetch_add(1, Ordering::Relaxed) == nth {
                true => full,
                false => Fault::default(),
            });
            let added = add(&run.root(), &disk);
            // What belongs to the run beside the pixels may fail once.
            let is_whole = contents(&run.root()) == old;
            assert_eq!(beside(&run).len(), 1, "{}, {nth}: {:?}", case.name, beside(&run));
            match added {
                Ok(_) if done.load(Ordering::Relaxed) <= nth => break,
                Ok(_) => assert!(!is_whole, "{nth}"),
                Err(error) => {
                    failed += 1;
                    assert!(is_whole, "{}, {nth}: {error}", case.name);
                    add(&run.root(), &platform::native()).expect("again");
                }
            }
        }
        assert!(failed > 5, "{failed}");
    }
}

#[test]
fn all_of_what_was_there_stays() {
    for case in cases() {
        let run = finished(&case, NgffVersion::V0_5);
        let before = contents(&run.root());
        let added = add(&run.root(), &platform::native()).expect("added");
        assert_eq!(added.levels.len(), if case.name.contains("series") { 2 } else { 1 });
        assert_eq!(added.documents, added.levels.len(), "each image tells of them");
        let after = contents(&run.root());
        let images: Vec<_> = added.levels.iter().map(|image| Path::new(&image.image).join("zarr.json")).collect();
        for (path, bytes) in before.iter().filter(|(path, _)| !images.contains(path)) {
            assert!(after.get(path) == Some(bytes), "{}: {}", case.name, path.display());
        }
        for path in &images {
            let told = |all: &Contents| {
                let mut document = all[path].clone().expect("JSON");
                let multiscale = document.pointer_mut("/attributes/ome/multiscales/0").expect("there");
                let datasets = multiscale["datasets"].as_array_mut().expect("there").split_off(1);
                let multiscale = multiscale.as_object_mut().expect("an object");
                multiscale.retain(|name, _| !["type", "metadata"].contains(&name.as_str()));
                (document, datasets.len())
            };
            let ((old, none), (new, one)) = (told(&before), told(&after));
            assert_eq!((old, none, one), (new, 0, 1), "{}", case.name);
        }
        let error = add(&run.root(), &platform::native()).expect_err("it has them").to_string();
        assert!(error.contains("every image has levels") && error.contains("remove"), "{error}");
    }
}

#[test]
fn a_store_that_changes_meanwhile_is_refused() {
    for in_place in [false, true] {
        let run = finished(&cases()[0], NgffVersion::V0_5);
        fs::remove_dir_all(run.root().join(".ome-stream")).expect("removed");
        let (root, new) = (run.root(), run.folder().join("new.ome.zarr"));
        let mut tell = |_, _| fs::write(root.join("0/c/0/0/0"), "others").expect("written");
        let outcome = with_levels(&platform::native(), PyramidMethod::Nearest, |levels| match in_place {
            true => levels_in_place(&root, None, levels, &mut tell),
            false => levels_copy(&root, &new, None, levels, &mut tell),
        });
        outcome.expect_err("it was written meanwhile");
        assert!(!root.join("1").exists() && !new.exists());
        assert_eq!(beside(&run).len(), 1, "{:?}", beside(&run));
    }
}

#[test]
fn what_gets_no_levels_is_told_with_what_would_work() {
    let refused = |case: &Case, method: PyramidMethod, change: &dyn Fn(&Path)| {
        let run = finished(case, NgffVersion::V0_5);
        change(&run.root());
        let before = contents(&run.root());
        let copied = run.folder().join("new.ome.zarr");
        let outcome = with_levels(&platform::native(), method, |levels| {
            levels_copy(&run.root(), &copied, None, levels, &mut |_, _| ())
        });
        assert!(contents(&run.root()) == before && !copied.exists() && beside(&run).len() == 1);
        outcome.expect_err("refused").to_string()
    };
    let edit = |path: &'static str, from: &'static str, to: &'static str| {
        move |root: &Path| {
            let path = root.join(path);
            let text = fs::read_to_string(&path).expect("text");
            assert!(text.contains(from), "{text}");
            fs::write(&path, text.replace(from, to)).expect("written");
        }
    };
    let case = &cases()[0];
    let floats = case.clone().dtype(ome_stream::settings::DataType::Float32);
    let nothing = |_: &Path| ();
    for (said, parts) in [
        (refused(case, PyramidMethod::Mean, &edit("0/zarr.json", "\"uint16\"", "\"bool\"")), ["type bool", "float64"]),
        (refused(&floats, PyramidMethod::Mode, &nothing), ["mode", "float32"]),
        (refused(case, PyramidMethod::Mean, &edit("zarr.json", "\"scale\"", "\"affine\"")), ["affine", "scale"]),
        (refused(&Case::new("tiny", "t:2,y:1,x:1"), PyramidMethod::Mean, &nothing), ["levels", "2"]),
    ] {
        assert!(parts.iter().all(|part| said.contains(part)), "{said}");
    }
}
