//! Frames that a run has not, by number and place: dropped for want of room, skipped by the host, or lost when the run
//! was interrupted. Within a chunk nobody could tell them from black frames.
//!
//! One line of JSON each, appended as the run goes on: first `{"format":1}`, then a line a stretch of frames that
//! follow one another. A line is only ever added to, so a stretch that went on later has several lines, and frames that
//! the host put into their places later have a line of their own (`filled`).

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Mark;
use super::lines::rewrite;
use crate::error::{Error, Result};
use crate::names::own;
use crate::plan::SourceId;
use crate::platform::{Disk, Kind, Source, SyncPolicy};
use crate::reader::{self, Lines, kind, limits};
use crate::router::Router;

/// Format of a list.
const LIST_FORMAT: u64 = 1;

/// Stretches that may wait for the disk, 32 bytes each. Beyond that, the last stretch with the same cause is widened,
/// and only its `count` is exact.
const MAX_PENDING: usize = 1 << 16;

/// Stretches that are written at a time: half a MiB of lines.
const STRETCHES_AT_A_TIME: usize = 4096;

/// Most stretches that [`read`] lists; beyond this they are counted.
pub const MAX_LISTED: usize = 10_000;

/// The list of missing frames of a source: its path below the root.
pub(crate) fn file_of(source: SourceId) -> String {
    match source.0 {
        0 => own::MISSING.to_owned(),
        nth => own::MISSING.replace(".jsonl", &format!(".{nth}.jsonl")),
    }
}

/// Why a frame is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// There was no room for it (`when_full: "drop"`).
    Dropped,
    /// The host passed over it.
    Skipped,
    /// It was accepted, and the run was interrupted before it was stored; or what was stored is not whole.
    Lost,
    /// It was missing, and the host put a frame there later.
    Filled,
}

/// Frames that follow one another and are missing for the same cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// Number of the first frame.
    pub first: u64,
    /// Number of the last frame.
    pub last: u64,
    /// Frames that are missing from the first to the last: all of them but where too many stretches had to wait.
    pub count: u64,
    /// Why.
    pub why: Why,
}

impl Stretch {
    /// All frames from `first` to `last`.
    pub(crate) fn new(first: u64, last: u64, why: Why) -> Self {
        Self { first, last, count: (last - first).saturating_add(1), why }
    }

    fn is_whole(&self) -> bool {
        self.count == (self.last - self.first).saturating_add(1)
    }

    /// Takes in a later stretch that follows without a gap.
    fn join(&mut self, later: &Self) -> bool {
        let follows = self.why == later.why && self.last.checked_add(1) == Some(later.first);
        if follows {
            self.widen(later);
        }
        follows
    }

    fn widen(&mut self, later: &Self) {
        self.first = self.first.min(later.first);
        self.last = self.last.max(later.last);
        self.count = self.count.saturating_add(later.count);
    }

    /// As it is listed: with the places of its first and its last frame.
    #[must_use]
    pub fn listed(&self, router: Option<&Router>) -> Value {
        let place = |frame: u64| {
            let router = router?;
            let location = router.locate(frame)?;
            let axes = router.loops().iter().filter(|each| each.storage_axis.is_some()).count();
            Some(json!({"position": location.position, "index": location.index.get(..axes)?}))
        };
        let mut line = json!({"frames": [self.first, self.last], "why": self.why});
        if let Value::Object(line) = &mut line {
            if !self.is_whole() {
                line.insert("count".into(), self.count.into());
            }
            line.insert("from".into(), place(self.first).into());
            line.insert("to".into(), place(self.last).into());
        }
        line
    }

    fn parse(line: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Line {
            frames: (u64, u64),
            why: Why,
            count: Option<u64>,
        }
        let Line { frames: (first, last), why, count } = serde_json::from_slice(line).ok()?;
        let all = last.checked_sub(first)?.checked_add(1)?;
        Some(Self { first, last, count: count.unwrap_or(all).min(all), why })
    }
}

/// The list of a run that goes on.
#[derive(Debug)]
pub(crate) struct Missing {
    path: PathBuf,
    router: Router,
    pending: Mutex<VecDeque<Stretch>>,
    /// Held while lines are written; true once the file has its first line and ends with a whole one.
    writing: Mutex<bool>,
    /// True once anything was listed.
    any: AtomicBool,
}

impl Missing {
    /// The list of a source of the store in `root`, which may be there from an earlier run.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(crate) fn new(reads: &dyn Source, root: &Path, source: SourceId, router: &Router) -> Result<Self> {
        let list = Self::none(root, source, router);
        list.any.store(reader::is_there(reads, &list.path)?, Ordering::Relaxed);
        Ok(list)
    }

    /// As [`Missing::new`], where there is no list yet.
    pub(super) fn none(root: &Path, source: SourceId, router: &Router) -> Self {
        Self {
            path: root.join(file_of(source)),
            router: router.clone(),
            pending: Mutex::default(),
            writing: Mutex::new(false),
            any: AtomicBool::new(false),
        }
    }

    /// Notes a frame that is missing; touches no disk.
    pub(crate) fn note(&self, frame: u64, why: Why) {
        self.any.store(true, Ordering::Relaxed);
        self.push(Stretch::new(frame, frame, why));
    }

    /// Notes that a frame which may have been missing is there now.
    pub(crate) fn fill(&self, frame: u64) {
        if self.any.load(Ordering::Relaxed) {
            self.push(Stretch::new(frame, frame, Why::Filled));
        }
    }

    /// Lists stretches that were found later.
    pub(crate) fn add(&self, stretches: impl IntoIterator<Item = Stretch>) {
        self.any.store(true, Ordering::Relaxed);
        stretches.into_iter().for_each(|stretch| self.push(stretch));
    }

    fn push(&self, stretch: Stretch) {
        let mut pending = self.pending();
        if pending.back_mut().is_some_and(|last| last.join(&stretch)) {
            return;
        }
        if pending.len() >= MAX_PENDING
            && let Some(alike) = pending.iter_mut().rev().find(|other| other.why == stretch.why)
        {
            return alike.widen(&stretch);
        }
        pending.push_back(stretch);
    }

    /// Appends what waits; what could not be written waits for the next time.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(crate) fn flush(&self, disk: &dyn Disk, sync: SyncPolicy) -> Result<()> {
        let mut ready = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let piece: Vec<Stretch> = {
                let mut pending = self.pending();
                let length = pending.len().min(STRETCHES_AT_A_TIME);
                pending.drain(..length).collect()
            };
            if piece.is_empty() {
                return Ok(());
            }
            let outcome = self.append(&piece, &mut ready, disk, sync);
            if let Err(error) = outcome {
                let mut pending = self.pending();
                piece.into_iter().rev().for_each(|stretch| pending.push_front(stretch));
                *ready = false;
                return Err(error);
            }
        }
    }

    fn append(&self, piece: &[Stretch], ready: &mut bool, disk: &dyn Disk, sync: SyncPolicy) -> Result<()> {
        let mut lines = if *ready { Vec::new() } else { beginning(&*disk.source(), &self.path)? };
        for stretch in piece {
            lines.extend_from_slice(stretch.listed(Some(&self.router)).to_string().as_bytes());
            lines.push(b'\n');
        }
        disk.append(&self.path, &lines, sync).map_err(|error| Error::io("append to", &self.path, error))?;
        *ready = true;
        Ok(())
    }

    fn pending(&self) -> MutexGuard<'_, VecDeque<Stretch>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn first_line() -> Vec<u8> {
    format!("{{\"format\":{LIST_FORMAT}}}\n").into_bytes()
}

/// What has to come before the next line: the first one, or the end of one that was torn.
fn beginning(source: &dyn Source, path: &Path) -> Result<Vec<u8>> {
    let Some(file) = reader::open(source, path)? else { return Ok(first_line()) };
    let Some(last) = file.length().checked_sub(1) else { return Ok(first_line()) };
    Ok(if file.read(last, 1)? == b"\n" { Vec::new() } else { b"\n".to_vec() })
}

/// What is listed in a store.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listed {
    /// Frames that were dropped.
    pub dropped: u64,
    /// Frames that were skipped.
    pub skipped: u64,
    /// Frames that were lost.
    pub lost: u64,
    /// Stretches, in ascending order, up to [`MAX_LISTED`]; none of them [`Why::Filled`].
    pub stretches: Vec<Stretch>,
    /// Stretches that are not in `stretches`.
    pub more: u64,
    /// Lines that say nothing.
    pub damaged: u64,
    /// Order of acquisition, where the store tells.
    pub router: Option<Router>,
}

impl Listed {
    /// True where the frame is in one of the stretches.
    pub(crate) fn has(&self, frame: u64) -> bool {
        let nth = self.stretches.partition_point(|stretch| stretch.last < frame);
        self.stretches.get(nth).is_some_and(|stretch| stretch.first <= frame && stretch.is_whole())
    }
}

/// What is listed in the store in `root`; `None` where nothing is.
///
/// # Errors
/// [`Error::Io`]; [`Error::Damaged`] for a list of a later version, or what is no file.
pub fn read(source: &dyn Source, root: &Path) -> Result<Option<Listed>> {
    let router = Mark::if_whole(source, root)?.and_then(|mark| mark.router);
    Ok(read_from(source, root, SourceId(0), 0, MAX_LISTED)?.map(|listed| Listed { router, ..listed }))
}

/// As [`read`], of the frames of a source from `from` on, with up to `most` stretches and without the order of
/// acquisition.
pub(crate) fn read_from(
    reads: &dyn Source,
    root: &Path,
    source: SourceId,
    from: u64,
    most: usize,
) -> Result<Option<Listed>> {
    let mut listed = Listed::default();
    let mut filled = Vec::new();
    let found = each_line(reads, &root.join(file_of(source)), |line| {
        let Line::Stretch(stretch) = line else {
            listed.damaged += u64::from(line == Line::Other);
            return Ok(());
        };
        if stretch.last < from {
            return Ok(());
        }
        if stretch.why == Why::Filled {
            // Of frames in too many stretches nobody knows which were filled.
            if stretch.is_whole() && filled.len() < most {
                filled.push(stretch);
            }
            return Ok(());
        }
        count(&mut listed, stretch.why, |frames| frames.saturating_add(stretch.count));
        if listed.stretches.last_mut().is_some_and(|last| last.join(&stretch)) {
            return Ok(());
        }
        if listed.stretches.len() < most {
            listed.stretches.push(stretch);
        } else {
            listed.more += 1;
        }
        Ok(())
    })?;
    if !found {
        return Ok(None);
    }
    listed.stretches.sort_by_key(|stretch| (stretch.first, stretch.last));
    for filled in filled {
        take_out(&mut listed, &filled);
    }
    Ok(Some(listed))
}

fn count(listed: &mut Listed, why: Why, change: impl Fn(u64) -> u64) {
    let frames = match why {
        Why::Dropped => &mut listed.dropped,
        Why::Skipped => &mut listed.skipped,
        Why::Lost => &mut listed.lost,
        Why::Filled => return,
    };
    *frames = change(*frames);
}

/// Takes frames that are there out of the stretches.
fn take_out(listed: &mut Listed, filled: &Stretch) {
    // Stretches are in order, and those of one run share no frame.
    let start = listed.stretches.partition_point(|stretch| stretch.last < filled.first);
    let mut nth = start;
    while let Some(&stretch) = listed.stretches.get(nth).filter(|stretch| stretch.first <= filled.last) {
        if !stretch.is_whole() {
            nth += 1;
            continue;
        }
        let (first, last) = (stretch.first.max(filled.first), stretch.last.min(filled.last));
        if first > last {
            nth += 1;
            continue;
        }
        count(listed, stretch.why, |frames| frames.saturating_sub((last - first).saturating_add(1)));
        let before = (stretch.first < first).then(|| Stretch::new(stretch.first, first - 1, stretch.why));
        let after = (last < stretch.last).then(|| Stretch::new(last + 1, stretch.last, stretch.why));
        let rest: Vec<_> = before.into_iter().chain(after).collect();
        let step = rest.len();
        listed.stretches.splice(nth..=nth, rest);
        nth += step;
    }
}

/// Leaves out what is listed of a source's frames from `next` on: they come again.
///
/// # Errors
/// [`Error::Io`]; [`Error::Damaged`].
pub(crate) fn trim(
    root: &Path,
    (source, router): (SourceId, &Router),
    next: u64,
    disk: &dyn Disk,
    sync: SyncPolicy,
) -> Result<()> {
    let (path, reads) = (root.join(file_of(source)), &*disk.source());
    let mut later = false;
    each_line(reads, &path, |line| {
        later |= matches!(line, Line::Stretch(stretch) if stretch.last >= next);
        Ok(())
    })?;
    if !later {
        return Ok(());
    }
    rewrite(&path, disk, sync, |out| {
        out.push(&first_line()).map_err(|error| Error::io("write", &path, error))?;
        each_line(reads, &path, |line| match line {
            Line::Stretch(mut stretch) if stretch.first < next => {
                stretch.last = stretch.last.min(next - 1);
                stretch.count = stretch.count.min(stretch.last - stretch.first + 1);
                out.push(format!("{}\n", stretch.listed(Some(router))).as_bytes())
            }
            _ => Ok(()),
        })
        .map(drop)
    })
}

/// A line of the list.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Line {
    /// The first one, or an empty one.
    Nothing,
    Stretch(Stretch),
    Other,
}

/// Calls `use_line` for each line; false where there is no list.
fn each_line(source: &dyn Source, path: &Path, mut use_line: impl FnMut(Line) -> io::Result<()>) -> Result<bool> {
    let fail = |error| Error::io("read", path, error);
    let damaged = |problem: String| Error::Damaged { path: path.to_path_buf(), problem };
    match kind(source, path)? {
        Kind::File(_) => {}
        Kind::Nothing => return Ok(false),
        Kind::Folder | Kind::Link | Kind::Other => {
            return Err(damaged("not a list of missing frames: no file".into()));
        }
    }
    let Some(file) = reader::open(source, path)? else { return Ok(false) };
    let mut lines = Lines::new(file.stream_up_to(limits::MISSING_BYTES), limits::MISSING_LINE_BYTES);
    while let Some(line) = lines.next_line().map_err(fail)? {
        let text = line.text.trim_ascii();
        let read = match serde_json::from_slice::<Value>(text).ok().and_then(|value| value.get("format")?.as_u64()) {
            _ if !line.whole => Line::Other,
            Some(format) if format > LIST_FORMAT => {
                return Err(damaged(format!("format {format} is of a later version of ome-stream")));
            }
            Some(_) => Line::Nothing,
            None if text.is_empty() => Line::Nothing,
            None => Stretch::parse(text).map_or(Line::Other, Line::Stretch),
        };
        use_line(read).map_err(fail)?;
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::names::own::{MISSING, RUN_FOLDER};
    use crate::platform::faulty::{Fault, FaultyDisk};
    use crate::platform::{self, native_source};
    use crate::router::Loop;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir_all(folder.path().join(RUN_FOLDER)).expect("made");
        folder
    }

    /// Time, unbounded, then two positions.
    fn router() -> Router {
        let loops = [Loop { count: None, storage_axis: Some(0) }, Loop { count: Some(2), storage_axis: None }];
        Router::new(&loops).expect("valid")
    }

    fn list(root: &Path, frames: &[(u64, Why)]) {
        let missing = Missing::new(&*native_source(), root, SourceId(0), &router()).expect("new");
        frames.iter().for_each(|(frame, why)| missing.note(*frame, *why));
        missing.flush(&*platform::native(), SyncPolicy::Never).expect("written");
    }

    fn stretches(root: &Path) -> Vec<(u64, u64, Why)> {
        let listed = read_from(&*native_source(), root, SourceId(0), 0, MAX_LISTED).expect("read").expect("there");
        listed.stretches.iter().map(|stretch| (stretch.first, stretch.last, stretch.why)).collect()
    }

    #[test]
    fn a_line_tells_numbers_cause_and_places() {
        let folder = folder();
        let root = folder.path();
        assert_eq!(read(&*native_source(), root).expect("read"), None);
        list(root, &[(3, Why::Dropped), (4, Why::Dropped), (5, Why::Skipped)]);
        let text = fs::read_to_string(root.join(MISSING)).expect("there");
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!(lines[0], json!({"format": 1}));
        let (from, to) = (json!({"position": 1, "index": [1]}), json!({"position": 0, "index": [2]}));
        assert_eq!(lines[1], json!({"frames": [3, 4], "why": "dropped", "from": from, "to": to}));
        assert_eq!(lines[2]["why"], "skipped");
        let listed = read(&*native_source(), root).expect("read").expect("there");
        assert_eq!((listed.dropped, listed.skipped, listed.lost, listed.damaged), (2, 1, 0, 0));
    }

    #[test]
    fn a_later_run_goes_on_with_the_list_behind_a_torn_line() {
        let folder = folder();
        let root = folder.path();
        list(root, &[(0, Why::Skipped), (1, Why::Skipped)]);
        let path = root.join(MISSING);
        let mut text = fs::read_to_string(&path).expect("there");
        text.push_str("{\"frames\":[7,");
        fs::write(&path, text).expect("written");
        list(root, &[(2, Why::Skipped), (9, Why::Lost)]);
        assert_eq!(stretches(root), [(0, 2, Why::Skipped), (9, 9, Why::Lost)]);
        assert_eq!(read(&*native_source(), root).expect("read").expect("there").damaged, 1);
        trim(root, (SourceId(0), &router()), 2, &*platform::native(), SyncPolicy::Never).expect("trimmed");
        assert_eq!(stretches(root), [(0, 1, Why::Skipped)]);
    }

    #[test]
    fn frames_that_were_filled_later_are_not_missing() {
        let folder = folder();
        let root = folder.path();
        let missing = Missing::new(&*native_source(), root, SourceId(0), &router()).expect("new");
        missing.fill(3);
        (0..10).for_each(|frame| missing.note(frame, Why::Skipped));
        [0, 4, 5, 9, 20].iter().for_each(|frame| missing.fill(*frame));
        missing.flush(&*platform::native(), SyncPolicy::Never).expect("written");
        assert_eq!(stretches(root), [(1, 3, Why::Skipped), (6, 8, Why::Skipped)]);
        assert_eq!(read(&*native_source(), root).expect("read").expect("there").skipped, 6);
    }

    #[test]
    fn what_a_disk_refuses_waits_in_bounded_memory_and_comes_later() {
        let folder = folder();
        let missing = Missing::new(&*native_source(), folder.path(), SourceId(0), &router()).expect("new");
        let full = Fault { errno: Some(28), torn_after: Some(9), ..Fault::default() };
        let disk = FaultyDisk::new(platform::native(), Box::new(move |_, _| full));
        let frames = 2 * MAX_PENDING as u64 + 50;
        for frame in 0..frames {
            missing.note(2 * frame, Why::Dropped);
            if frame % 50_000 == 0 {
                assert!(missing.flush(&disk, SyncPolicy::Never).is_err());
            }
        }
        assert!(missing.pending().len() <= MAX_PENDING + STRETCHES_AT_A_TIME);
        missing.flush(&*platform::native(), SyncPolicy::Never).expect("written");
        let listed = read(&*native_source(), folder.path()).expect("read").expect("there");
        assert_eq!((listed.dropped, listed.stretches.len()), (frames, MAX_LISTED));
        assert_eq!(listed.more, (MAX_PENDING - MAX_LISTED) as u64);
    }

    #[test]
    fn no_list_makes_the_reader_fail_or_take_much() {
        let folder = folder();
        let path = folder.path().join(MISSING);
        for text in [
            "".to_owned(),
            "{\"frames\":[5,3],\"why\":\"lost\"}".into(),
            format!("{{\"frames\":[0,{}],\"why\":\"lost\",\"count\":{}}}\n", u64::MAX, u64::MAX).repeat(3),
            format!("{{\"frames\":[0,{}],\"why\":\"filled\"}}\n", u64::MAX - 1).repeat(3),
            "[".repeat(1 << 20),
            "{\"frames\":[1,1],\"why\":\"eaten\"}\nnull\n\n7".into(),
        ] {
            fs::write(&path, &text).expect("written");
            read(&*native_source(), folder.path()).expect("read").expect("there");
            trim(folder.path(), (SourceId(0), &router()), 1, &*platform::native(), SyncPolicy::Never).expect("trimmed");
        }
        fs::write(&path, "{\"format\":2}\n").expect("written");
        assert!(read(&*native_source(), folder.path()).is_err(), "a later version");
    }
}
