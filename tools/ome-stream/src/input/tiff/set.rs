//! The files of a stack: their pages, each judged before anything is written.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};

use super::super::InputError;
use super::directory::{Directory, Tags};
use super::ome::Files;
use super::ome_xml;
use super::page_layout::{DESCRIPTION, PageLayout};
use super::segments::Segments;
use super::tags::{self, Context, Problem, Verdict};
use super::texts::Texts;

/// One file.
pub struct Member {
    pub path: PathBuf,
    /// Where the directories of all pages lie.
    pub pages: Vec<u64>,
    /// Numbers of the pages that are frames; the others are smaller copies.
    pub frames: Vec<u32>,
    /// Why the chain of pages ends before its end.
    pub broken: Option<String>,
    /// Identity in OME-XML.
    uuid: Option<String>,
}

/// What pages hold beside pixels.
#[derive(Default)]
pub struct Beside {
    /// By name, what is left behind.
    pub dropped: BTreeSet<String>,
    texts: Texts,
}

/// Files whose pages are alike.
pub struct Set {
    pub members: Vec<Member>,
    /// How the pixels of the first frame lie.
    pub layout: PageLayout,
    pub beside: Beside,
    context: Context,
    /// The file that is read at the moment.
    open: Option<(usize, Tags<File>)>,
}

impl Set {
    /// A set of one file.
    ///
    /// # Errors
    /// Where the file is not a TIFF, or one of its pages cannot be taken.
    pub fn new(path: &Path) -> Result<Self, InputError> {
        let mut tags = Tags::open(File::open(path)?)?;
        let place = tags.first;
        let first = tags.directory(place).map_err(|broken| match broken {
            super::directory::Broken::End => InputError::CutHeader,
            broken => InputError::Unusable(format!("its first page cannot be read: {broken}")),
        })?;
        let imagej = tags.text_of(&first, DESCRIPTION).is_some_and(|text| text.starts_with("ImageJ="));
        let context = Context { imagej };
        let mut beside = Beside::default();
        let (member, layout) = survey(&mut tags, path, context, None, &mut beside)?;
        let layout = layout
            .ok_or_else(|| InputError::Unusable("all its pages are smaller copies of one that is not there".into()))?;
        Ok(Self { members: vec![member], layout, beside, context, open: Some((0, tags)) })
    }

    /// Adds a file whose pages must be those of the first.
    ///
    /// # Errors
    /// As [`Set::new`], with the file's name before it.
    pub fn add(&mut self, path: &Path) -> Result<u32, InputError> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let named = |problem: InputError| InputError::Unusable(format!("{name}: {problem}"));
        let mut tags = Tags::open(File::open(path).map_err(|error| named(error.into()))?).map_err(named)?;
        let (member, _) = survey(&mut tags, path, self.context, Some(&self.layout), &mut self.beside).map_err(named)?;
        if let Some(broken) = &member.broken {
            return Err(named(InputError::Unusable(format!("page {} cannot be read: {broken}", member.pages.len()))));
        }
        self.members.push(member);
        let nth = self.members.len() - 1;
        self.open = Some((nth, tags));
        Ok(nth as u32)
    }

    /// The tags of a file.
    ///
    /// # Errors
    /// Where it cannot be opened again.
    pub fn tags(&mut self, file: usize) -> Result<&mut Tags<File>, InputError> {
        if self.open.as_ref().is_none_or(|(open, _)| *open != file) {
            // Before the other is opened: sets have thousands of files.
            self.open = None;
            let member =
                self.members.get(file).ok_or_else(|| InputError::Unusable(format!("there is no file {file}")))?;
            self.open = Some((file, Tags::open(File::open(&member.path)?)?));
        }
        match &mut self.open {
            Some((_, tags)) => Ok(tags),
            None => Err(InputError::Unusable(format!("there is no file {file}"))),
        }
    }

    /// The directory of a file's first frame.
    ///
    /// # Errors
    /// Where it cannot be read again.
    pub fn first_directory(&mut self) -> Result<Directory, InputError> {
        let place = self.members.first().and_then(|member| member.pages.get(*member.frames.first()? as usize)).copied();
        let place = place.ok_or_else(|| InputError::Unusable("it has no pages".into()))?;
        let directory = self.tags(0)?.directory(place);
        directory.map_err(|broken| InputError::Unusable(format!("its first page cannot be read: {broken}")))
    }
}

/// Judges all pages of a file.
fn survey(
    tags: &mut Tags<File>,
    path: &Path,
    context: Context,
    expected: Option<&PageLayout>,
    beside: &mut Beside,
) -> Result<(Member, Option<PageLayout>), InputError> {
    let (pages, broken) = tags.chain();
    let mut first: Option<(u32, PageLayout)> = None;
    let mut frames = Vec::with_capacity(pages.len());
    for (number, place) in pages.iter().enumerate() {
        let directory = tags.directory(*place).map_err(|broken| Problem::from(broken).on(number))?;
        let layout =
            match tags::judge(tags, &directory, context, &mut beside.dropped).map_err(|problem| problem.on(number))? {
                Verdict::Frame(layout) => layout,
                Verdict::Reduced => {
                    beside.dropped.insert("smaller copies of the image".to_owned());
                    continue;
                }
            };
        let segments = Segments::read(tags, &directory, &layout).map_err(|broken| Problem::from(broken).on(number))?;
        if let Some(nth) = segments.unwritten() {
            let problem = format!("has no pixels in strip or tile {nth}, which was never written; fill it first");
            return Err(Problem(problem).on(number));
        }
        match (expected, &first) {
            (Some(expected), _) if expected.page != layout.page => {
                return Err(InputError::Unusable(format!(
                    "page {number} has {}, those of the first file have {}; one image is read",
                    layout.page, expected.page
                )));
            }
            (None, Some((nth, first))) if first.page != layout.page => {
                return Err(InputError::Unusable(format!(
                    "its pages are not alike: page {nth} has {}, page {number} has {}; one image to a file is read",
                    first.page, layout.page
                )));
            }
            _ => {}
        }
        let number =
            u32::try_from(number).map_err(|_| InputError::Unusable("it has more pages than can be counted".into()))?;
        beside.texts.see(tags, &directory, &mut beside.dropped);
        first.get_or_insert((number, layout));
        frames.push(number);
    }
    let uuid = match pages.first().map(|place| tags.directory(*place)) {
        Some(Ok(directory)) => tags.text_of(&directory, DESCRIPTION).and_then(|text| uuid_of(&text)),
        _ => None,
    };
    let broken = broken.map(|broken| broken.to_string());
    Ok((Member { path: path.to_owned(), pages, frames, broken, uuid }, first.map(|(_, layout)| layout)))
}

/// The identity that OME-XML gives the file it lies in. The whole document is not parsed: each file of a set has all of
/// it.
fn uuid_of(description: &str) -> Option<String> {
    let root = description.get(description.find("<OME")?..)?;
    let root = root.get(..root.find('>')?)?;
    ome_xml::parse(&format!("{}/>", root.trim_end_matches('/'))).ok()?.uuid
}

impl Files for Set {
    fn file(&mut self, name: &str, uuid: &str) -> Result<u32, InputError> {
        let known = |member: &Member| {
            let of_name = member.path.file_name().is_some_and(|own| own.to_string_lossy().eq_ignore_ascii_case(name));
            (!uuid.is_empty() && member.uuid.as_deref() == Some(uuid)) || of_name
        };
        if let Some(nth) = self.members.iter().position(known) {
            return Ok(nth as u32);
        }
        let folder = self.members.first().and_then(|member| member.path.parent()).unwrap_or(Path::new("")).to_owned();
        // Names of other folders are those of the machine that wrote it.
        let bare = name.rsplit(['/', '\\']).next().unwrap_or(name);
        let path = folder.join(bare);
        if bare.is_empty() || !path.is_file() {
            return Err(InputError::Unusable(format!(
                "it is one of several files, and {bare:?} is not beside it: put all files of the set into one folder"
            )));
        }
        let nth = self.add(&path)?;
        match self.members.get(nth as usize).and_then(|member| member.uuid.as_deref()) {
            Some(found) if !uuid.is_empty() && found != uuid => Err(InputError::Unusable(format!(
                "{bare} beside it is of another set: it is {found}, and {uuid} is meant"
            ))),
            _ => Ok(nth),
        }
    }

    fn pages(&self, file: u32) -> (u64, bool) {
        self.members
            .get(file as usize)
            .map_or((0, false), |member| (member.pages.len() as u64, member.broken.is_some()))
    }

    fn frames(&self, file: u32) -> u64 {
        self.members.get(file as usize).map_or(0, |member| member.frames.len() as u64)
    }
}
