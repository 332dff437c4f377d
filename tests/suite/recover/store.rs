//! Small stores of every kind, and the judgement after mending.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use ome_stream::plan::{Capabilities, StorageUnit};
use ome_stream::recover::{Options, Report, Verdict, log, recover};
use ome_stream::settings::{Checksum, Codec, Compression, NgffVersion, Plate};
use ome_stream_tests::case::{Case, Step, field};
use ome_stream_tests::model::{self, Image};
use ome_stream_tests::{check, read, run};

/// One case of each kind of store, small, with files of several blocks.
pub fn kinds() -> Vec<Case> {
    let sharded = "t:8:1:4,y:64:32:2,x:64:32:2";
    vec![
        Case::new("shards", sharded),
        Case::new("shards zstd", sharded).compression(Compression::new(Codec::Zstd)),
        Case::new("chunk files", "t:3,y:64,x:64:32"),
        Case::new("chunk files blosc", "t:3,y:64,x:64").compression(Compression::new(Codec::BloscZstd)),
        Case::new("unbounded", "t:inf:1:4,y:64:32:2,x:64:32:2").script(&[Step::Append(6)]),
        Case::new("two positions", "t:2:1:2,p:2,c:2,y:32,x:64:32:2"),
        // Large enough to get room and length for all it could hold at once.
        Case::new("large shards blosc", "t:8:1:4,y:384,x:384").compression(Compression::new(Codec::BloscLz4)),
        Case::new("0.4, positions", "t:2,p:2,c:2,y:32,x:64:32").version(NgffVersion::V0_4),
        Case::new("0.4, blosc, unbounded", "t:inf,y:64,x:64:32")
            .compression(Compression::new(Codec::BloscZstd))
            .script(&[Step::Append(6)])
            .version(NgffVersion::V0_4),
        Case::new("0.6, positions in shards", "t:2:1:2,p:2,c:2,y:32,x:64:32:2").version(NgffVersion::V0_6),
        Case::new("plate", "t:2:1:2,p:3,y:32,x:64:32:2").plate(
            Plate { name: Some("screen".into()), ..Plate::from_standard_wells(6).expect("a standard size") },
            &[field(("B", "2"), "0"), field(("A", "3"), "0"), field(("A", "3"), "fov_1")],
        ),
        Case::new("shards, checksum", sharded).compression(crc(Codec::None)),
        Case::new("chunk files zstd, checksum", "t:3,y:64,x:64:32").compression(crc(Codec::Zstd)),
    ]
}

/// With a checksum of each chunk.
pub fn crc(codec: Codec) -> Compression {
    Compression::new(codec).with_checksum(Checksum::Crc32c)
}

/// A finished store.
pub struct Made {
    pub root: PathBuf,
    pub case: Case,
    pub images: Vec<Image>,
    pub arrays: Vec<PathBuf>,
}

/// Streams a case into a store below `folder`.
pub fn make(case: &Case, folder: &Path) -> Made {
    let ran = run::run(case, &*ome_stream_backends::open("zarrs").expect("built in"), folder).expect("runs");
    let arrays = (0..ran.images.len()).map(|nth| below(&ran.root, &ran.plan.array_path(nth, 0))).collect();
    Made { root: ran.root, case: case.clone(), images: ran.images, arrays }
}

/// The first entries of the log of a run of a case.
pub fn log_of(case: &Case, root: &Path) -> Vec<u8> {
    log_in_units(case, root, StorageUnit::Chunk)
}

/// As [`log_of`], of an engine that takes `unit`s.
pub fn log_in_units(case: &Case, root: &Path, unit: StorageUnit) -> Vec<u8> {
    log::first_entries(&plan(case, root), unit)
}

fn plan(case: &Case, root: &Path) -> ome_stream::Plan {
    let mut settings = case.settings.clone();
    settings.root_path = root.to_string_lossy().into_owned();
    ome_stream::Plan::new(&settings, &Capabilities::taking(StorageUnit::Chunk)).expect("valid")
}

/// What a case must hold, and where, without running it.
pub fn expected(case: &Case, root: &Path) -> Made {
    let plan = plan(case, root);
    let images = model::images(case);
    let arrays = (0..images.len()).map(|nth| below(plan.root(), &plan.array_path(nth, 0))).collect();
    Made { root: root.to_path_buf(), case: case.clone(), images, arrays }
}

fn below(root: &Path, path: &Path) -> PathBuf {
    path.strip_prefix(root).expect("below the root").to_path_buf()
}

/// Leaves evidence that a run was interrupted, which tells nothing else.
pub fn interrupt(root: &Path) {
    // A store of an earlier version has no folder for it.
    let log = Some(root.join(log::FILE_NAME)).filter(|log| log.parent().is_some_and(Path::is_dir));
    fs::write(log.unwrap_or_else(|| root.join(".ome-stream-log")), "no record").expect("written");
}

/// Looks, without touching anything.
pub fn look(root: &Path) -> Report {
    let verifier = ome_stream_backends::verifier();
    recover(root, &Options { apply: false, verifier: Some(&verifier) }).expect("a store of ours")
}

/// Mends.
pub fn apply(root: &Path) -> Report {
    let verifier = ome_stream_backends::verifier();
    recover(root, &Options { apply: true, verifier: Some(&verifier) }).expect("a store of ours")
}

/// Whether everything that was found can be mended.
pub fn is_mendable(report: &Report) -> bool {
    report.findings.iter().all(|finding| finding.remedy.is_some())
}

/// Looks, mends, looks again: the first two agree, and the last finds nothing. Returns what the mending said.
pub fn look_and_mend(root: &Path) -> Report {
    let before = snapshot(root);
    let seen = look(root);
    assert_eq!(snapshot(root), before, "looking changes nothing");
    let mended = apply(root);
    assert_eq!((seen.verdict, seen.lost_chunks), (mended.verdict, mended.lost_chunks));
    for finding in &mended.findings {
        assert_eq!(finding.failure, None, "{finding:?}");
        assert_eq!(finding.mended, finding.remedy.is_some(), "{finding:?}");
    }
    let again = look(root);
    if is_mendable(&mended) {
        assert_eq!(again.verdict, Verdict::Whole, "after {:#?}: {:#?}", mended.findings, again.findings);
    }
    mended
}

/// Compares every pixel of every array that can be opened with what was written: a difference must lie in a chunk that
/// the report calls lost. Frames that had not come (`had_come` says which) must read as fill value.
pub fn compare(made: &Made, root: &Path, report: &Report, had_come: impl Fn(u64) -> bool) {
    for (image, array) in made.images.iter().zip(&made.arrays) {
        let folder = root.join(array);
        let document = array.join(made.case.zarr().array_file());
        let unreadable =
            report.findings.iter().any(|finding| finding.remedy.is_none() && Path::new(&finding.file) == document);
        if unreadable {
            continue;
        }
        let found = read::zarrs(&folder).expect("readers open it");
        let path = array.to_string_lossy();
        let lost: HashSet<Vec<u64>> =
            report.lost.iter().filter(|chunk| chunk.array == path).map(|chunk| chunk.chunk.clone()).collect();
        let document: serde_json::Value =
            serde_json::from_slice(&fs::read(root.join(&document)).expect("readable")).expect("JSON");
        let chunk = chunk_shape(&document);
        let item = made.case.settings.dtype.size();
        let axes = image.shape.len();
        let (rows, columns) = (image.shape[axes - 2], image.shape[axes - 1]);
        let frame_bytes = (rows * columns) as usize * item;
        assert_eq!(found.shape[1..], image.shape[1..], "{path}");
        let planes = found.shape[..axes - 2].iter().product::<u64>();
        for plane in 0..planes {
            let number = image.frames.get(plane as usize).copied().flatten().filter(|number| had_come(*number));
            let expected = match number {
                Some(number) => ome_stream_tests::pixels::frame(made.case.settings.dtype, number, rows, columns),
                None => vec![0; frame_bytes],
            };
            let got = &found.bytes[plane as usize * frame_bytes..][..frame_bytes];
            if got == expected {
                continue;
            }
            let index = check::unravel(plane, &found.shape[..axes - 2]);
            for pixel in (0..(rows * columns)).filter(|at| {
                let at = *at as usize * item;
                got[at..at + item] != expected[at..at + item]
            }) {
                let place: Vec<u64> = index.iter().copied().chain([pixel / columns, pixel % columns]).collect();
                let chunk: Vec<u64> = place.iter().zip(&chunk).map(|(at, size)| at / size).collect();
                assert!(
                    lost.contains(&chunk),
                    "{path}: pixel {place:?} is wrong, and chunk {chunk:?} is not lost: {report:#?}"
                );
            }
        }
    }
}

fn chunk_shape(document: &serde_json::Value) -> Vec<u64> {
    let inside = document.pointer("/codecs/0/configuration/chunk_shape");
    let outside = document.pointer("/chunk_grid/configuration/chunk_shape");
    serde_json::from_value(inside.or(outside).or(document.get("chunks")).expect("a chunk shape").clone())
        .expect("numbers")
}

/// Every file below a folder, by its path below it, in order.
pub fn files(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![root.to_path_buf()];
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(&folder).expect("listed") {
            let entry = entry.expect("listed");
            if entry.file_type().expect("known").is_dir() {
                waiting.push(entry.path());
            } else {
                found.push(entry.path().strip_prefix(root).expect("below the root").to_path_buf());
            }
        }
    }
    found.sort();
    found
}

/// Every file that says something: the files of the lock are empty, and a store whose lock is damaged is refused.
pub fn telling_files(root: &Path) -> Vec<PathBuf> {
    files(root).into_iter().filter(|path| !path.ends_with("lock") && !path.ends_with("taking")).collect()
}

/// Every file with its bytes (of a link: where it points).
pub fn snapshot(root: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let bytes = |path: PathBuf| {
        let full = root.join(&path);
        let bytes = match fs::read_link(&full) {
            Ok(target) => target.to_string_lossy().into_owned().into_bytes(),
            Err(_) => fs::read(&full).expect("readable"),
        };
        (path, bytes)
    };
    files(root).into_iter().map(bytes).collect()
}

/// As [`snapshot`], without the files of the lock, which say who changes the store.
pub fn contents(root: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let of_lock = |path: &Path| ["lock", "taking", "owner.json"].iter().any(|name| path.ends_with(name));
    snapshot(root).into_iter().filter(|(path, _)| !of_lock(path)).collect()
}

/// Copies a store, file by file, as a killed writer leaves it. A file that gets its name meanwhile is copied under it.
pub fn copy(from: &Path, to: &Path) {
    for path in files(from) {
        let target = to.join(&path);
        fs::create_dir_all(target.parent().expect("below the root")).expect("made");
        if fs::copy(from.join(&path), &target).is_ok() {
            continue;
        }
        // It got its name since it was listed.
        let name = path.to_string_lossy().into_owned();
        let named = name.strip_suffix(".part").unwrap_or_else(|| panic!("{name} cannot be copied"));
        fs::copy(from.join(named), to.join(named)).expect("copied");
    }
}
