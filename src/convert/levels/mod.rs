//! Levels below full resolution for images of a store that have none: the same that a run would have made while frames
//! came, whoever wrote the store.
//!
//! They are made in a copy that has not its name yet, one image after another: full resolution is read plane by plane
//! and goes through a run beside the copy, which stores none of it again; the arrays of its levels then move into the
//! image, and last the image tells of them. A chunk that is not there reads as fill value, and is taken for pixels:
//! nothing tells that it did not come.

mod full;
mod image;
mod only;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use self::full::Blocks;
use self::image::Image;
use self::only::LevelsOnly;
use super::damaged;
use super::swap::remove;
use crate::backend::Backend;
use crate::error::{Error, Result};
use crate::names::own;
use crate::plan::{Plan, PlannedArray};
use crate::platform::{Disk, Source, SyncPolicy};
use crate::reader::{self, Document, Expected, Node, limits};
use crate::settings::Pyramid;
use crate::store::{self, Lock};
use crate::stream::Stream;
use crate::zarr::json::with_member;
use crate::zarr::{V2_CONSOLIDATED, ZarrFormat};

/// How levels are made.
#[derive(Clone, Copy)]
pub struct Levels<'a> {
    /// Method and number. Labels are combined by `mode` where this says another method than `nearest`.
    pub pyramid: &'a Pyramid,
    /// Bytes that may be taken for it.
    pub memory_limit: u64,
    /// What they are written through.
    pub disk: &'a Arc<dyn Disk>,
    /// What stores them.
    pub backend: &'a dyn Backend,
    /// What reads the pixels of full resolution.
    pub reader: &'a dyn PixelReader,
}

/// Opens arrays of any writer.
pub trait PixelReader {
    /// The pixels of the array in `folder`.
    ///
    /// # Errors
    /// Why they cannot be read.
    fn open(&self, source: &Arc<dyn Source>, folder: &Path) -> Result<Box<dyn Pixels>, String>;
}

/// The pixels of an array.
pub trait Pixels {
    /// Those of the planes that begin at `start`, so many along each axis but the last two, whole frames, one after
    /// another in the byte order of this machine, into `planes`.
    ///
    /// # Errors
    /// Why they cannot be read.
    fn read(&self, start: &[u64], count: &[u64], planes: &mut [u8]) -> Result<(), String>;
}

/// Levels that an image has got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MadeLevels {
    /// The group of the image below the store, with `/`; empty for the root.
    pub image: String,
    /// The levels, from fine to coarse.
    pub levels: Vec<MadeArray>,
}

/// A level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MadeArray {
    /// Its path below the image.
    pub path: String,
    /// Pixels along each axis.
    pub shape: Vec<u64>,
}

/// What is told of images of a store, and how many bytes their pixels have.
#[derive(Debug, Default)]
pub(super) struct Judged {
    pub(super) bytes: u64,
    pub(super) notes: Vec<String>,
}

/// Name behind that of the copy under which levels are made.
const BESIDE: &str = ".levels.ome.zarr";

impl Levels<'_> {
    /// Judges all images of the store in `root`, before anything is touched.
    ///
    /// # Errors
    /// [`Error::Damaged`] for metadata that cannot be understood, where no image lacks levels, and for pixels of which
    /// none can be made; what [`Plan::new`] refuses.
    pub(super) fn judge(&self, source: &Arc<dyn Source>, root: &Path) -> Result<Judged> {
        let mut judged = Judged::default();
        let nodes = nodes(&**source, root)?;
        let images = images(&nodes)?;
        let (mut without, mut with) = (0, 0);
        for image in &images {
            if image.levels > 1 {
                with += 1;
                continue;
            }
            without += 1;
            let (plan, _) = self.plan(image, root)?;
            let frames = plan.router().total().unwrap_or(0);
            judged.bytes = judged.bytes.saturating_add(frames.saturating_mul(plan.geometry().frame_bytes()));
            let told = |note: &String| format!("{}: {note}", image.name());
            judged.notes.extend(image.notes.iter().map(told));
            if plan.levels_of(0).next().is_none() {
                let problem = format!(
                    "{}: an image of {:?} pixels gets no level: it is small enough; ask for a number of them",
                    image.name(),
                    image.document.shape
                );
                return Err(damaged(root, &problem));
            }
            let opened = self.reader.open(source, &image.full);
            drop(opened.map_err(|why| damaged(&image.full, &why))?);
        }
        match (without, with) {
            (0, 0) => Err(damaged(root, "there is no image in it")),
            (0, _) => Err(damaged(
                root,
                "every image has levels below full resolution already; to have others, remove their arrays and what datasets say of them first",
            )),
            (_, 0) => Ok(judged),
            _ => {
                judged.notes.push(format!("{with} image(s) have levels already, which are left as they are"));
                Ok(judged)
            }
        }
    }

    /// Makes levels of every image of the store in `root`, which nobody else knows of yet, that has none. `tell` is
    /// told the bytes of pixels that are done.
    ///
    /// # Errors
    /// As for [`Levels::judge`]; [`Error::Io`].
    pub(super) fn make(&self, root: &Path, mut tell: impl FnMut(u64)) -> Result<Vec<MadeLevels>> {
        let disk = self.disk;
        let source = disk.source();
        let nodes = nodes(&*source, root)?;
        let (mut done, mut made) = (0, Vec::new());
        let beside = beside(root);
        for image in images(&nodes)?.iter().filter(|image| image.levels == 1) {
            let (levels, bytes) = self.image(image, &beside, &mut |bytes| tell(done + bytes))?;
            done += bytes;
            made.push(levels);
        }
        forget_copies(&*source, &**disk, &nodes)?;
        Ok(made)
    }

    /// The plan of the run that makes the levels of an image, and the planes of full resolution that are read at once.
    fn plan(&self, image: &Image<'_>, beside: &Path) -> Result<(Plan, u64)> {
        let mut settings = image.settings(beside, self.pyramid)?;
        let (depth, kept) = image.depth(self.memory_limit);
        settings.memory_limit = self.memory_limit.saturating_sub(kept);
        let plan = Plan::new(&settings, &self.backend.capabilities())?;
        Ok((plan, depth))
    }

    fn image(&self, image: &Image<'_>, beside: &Path, tell: &mut dyn FnMut(u64)) -> Result<(MadeLevels, u64)> {
        let disk = self.disk;
        let (plan, depth) = self.plan(image, beside)?;
        let pixels = self.reader.open(&disk.source(), &image.full).map_err(|why| damaged(&image.full, &why))?;
        let mut blocks = Blocks::new(image, &*pixels, depth);
        forget_killed(&disk.source(), plan.root())?;
        let stream = Stream::of_plan(plan, &LevelsOnly(self.backend), Arc::clone(disk))?;
        let (root, each) = (stream.plan().root().to_path_buf(), stream.plan().geometry().frame_bytes());
        let frames = stream.plan().router().total().unwrap_or(0);
        let made = fill(stream, &mut blocks, &mut |frames| tell(frames.saturating_mul(each)))
            .and_then(|levels| self.move_into(image, &root, &levels));
        let removed = remove(&root);
        Ok((made.and_then(|made| removed.map(|()| made))?, frames.saturating_mul(each)))
    }

    /// Moves the arrays of levels from the run in `from` into the image, which then tells of them.
    fn move_into(&self, image: &Image<'_>, from: &Path, levels: &[(String, Vec<u64>)]) -> Result<MadeLevels> {
        let disk = &**self.disk;
        let source = &*disk.source();
        let zarr = image.node.zarr;
        let told = Document::read(source, &from.join(zarr.attributes_file()))?;
        let told = told.required(from)?;
        let multiscale = image::multiscale_of(zarr, &told).ok_or_else(|| damaged(from, "it tells of no levels"))?;
        let entries = image.entries(multiscale).map_err(|why| damaged(from, &why))?;
        let folder = &image.node.folder;
        let mut arrays = Vec::new();
        for ((key, shape), entry) in levels.iter().zip(&entries) {
            let path = entry["path"].as_str().unwrap_or_default().to_owned();
            let to = folder.join(&path);
            if reader::is_there(source, &to)? {
                return Err(damaged(&to, "something has the name of a level; move it away"));
            }
            disk.rename(&from.join(key), &to, SyncPolicy::Later).map_err(|error| Error::io("rename", &to, error))?;
            arrays.push(MadeArray { path, shape: shape.clone() });
        }
        let document = folder.join(image.node.document_name());
        let text = reader::small(source, &document, limits::DOCUMENT_BYTES)?.bytes();
        let all = image.multiscales(multiscale, entries);
        let text = text.and_then(|text| with_member(&text, &image::place_of_multiscales(zarr), &all));
        let text = text.ok_or_else(|| damaged(&document, "it changed while it was read"))?;
        disk.put(&document, &text, SyncPolicy::Later).map_err(|error| Error::io("write", &document, error))?;
        Ok(MadeLevels { image: image.node.path.clone(), levels: arrays })
    }
}

/// Gives a run all planes of full resolution, and ends it; `tell` is told how many are done. Says which levels there are,
/// with their pixels along each axis.
fn fill(stream: Stream, blocks: &mut Blocks<'_>, tell: &mut dyn FnMut(u64)) -> Result<Vec<(String, Vec<u64>)>> {
    let router = stream.plan().router().clone();
    for (number, place) in (0..router.total().unwrap_or(0)).map_while(|number| Some((number, router.locate(number)?))) {
        stream.append(blocks.frame(&place.index)?)?;
        tell(number + 1);
    }
    stream.finish()?;
    let level = |level: &PlannedArray| (level.key().to_owned(), level.geometry().shape_with(None));
    Ok(stream.plan().levels_of(0).map(level).collect())
}

/// Removes what a conversion that was killed has left of a run that made levels.
///
/// # Errors
/// [`Error::Busy`] where it is at work; [`Error::Damaged`] where none of ours has that name.
fn forget_killed(source: &Arc<dyn Source>, beside: &Path) -> Result<()> {
    if !reader::is_there(&**source, beside)? {
        return Ok(());
    }
    if !reader::is_file(&**source, &beside.join(own::MARK))? && !store::is_half_made(&**source, beside)? {
        return Err(damaged(
            beside,
            "it has the name under which levels are made, and is none of theirs; move it away",
        ));
    }
    Lock::look(beside, &**source)?;
    remove(beside)
}

/// Where the levels of a copy are made.
fn beside(root: &Path) -> PathBuf {
    let mut name = root.as_os_str().to_owned();
    name.push(BESIDE);
    PathBuf::from(name)
}

fn nodes(source: &dyn Source, root: &Path) -> Result<Vec<Node>> {
    let walked = reader::walk(source, root, Expected::default())?;
    walked.unlisted.map_or(Ok(walked.nodes), Err)
}

/// Every image, labels among them.
fn images(nodes: &[Node]) -> Result<Vec<Image<'_>>> {
    let groups = nodes.iter().filter(|node| !node.is_array && node.ome("multiscales").is_some());
    groups.map(|node| Image::of(node, nodes)).collect()
}

/// Copies of what other documents tell, which some writers keep, are true no more; readers then look themselves.
fn forget_copies(source: &dyn Source, disk: &dyn Disk, nodes: &[Node]) -> Result<()> {
    for node in nodes.iter().filter(|node| !node.is_array) {
        match node.zarr {
            ZarrFormat::V2 => {
                let path = node.folder.join(V2_CONSOLIDATED);
                if reader::is_there(source, &path)? {
                    disk.remove_file(&path).map_err(|error| Error::io("remove", &path, error))?;
                }
            }
            ZarrFormat::V3 => {
                let copied = node.metadata().and_then(|all| all.get(super::made::CONSOLIDATED));
                if copied.is_some_and(|copies| !copies.is_null()) {
                    let path = node.folder.join(node.document_name());
                    let text = reader::small(source, &path, limits::DOCUMENT_BYTES)?.bytes();
                    let null = serde_json::Value::Null;
                    let text = text.and_then(|text| with_member(&text, &[super::made::CONSOLIDATED], &null));
                    let text = text.ok_or_else(|| damaged(&path, "it changed while it was read"))?;
                    disk.put(&path, &text, SyncPolicy::Later).map_err(|error| Error::io("write", &path, error))?;
                }
            }
        }
    }
    Ok(())
}
