//! What was found, in words for a person and as data for a program.

use std::path::PathBuf;

use serde::Serialize;

use super::mend::Action;

/// Lost chunks that are listed one by one; beyond this they are counted.
pub const MAX_LISTED: usize = 10_000;

/// The whole answer.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The store.
    pub path: PathBuf,
    /// The worst of what was found.
    pub verdict: Verdict,
    /// True where the store was to be mended, not only looked at.
    pub applied: bool,
    /// Every array.
    pub arrays: Vec<ArrayReport>,
    /// Levels below full resolution that are behind it, or may be.
    pub levels: Vec<BehindLevel>,
    /// What is not as it should be.
    pub findings: Vec<Finding>,
    /// Chunks that were written and are lost, up to [`MAX_LISTED`].
    pub lost: Vec<LostChunk>,
    /// All chunks that were written and are lost.
    pub lost_chunks: u64,
    /// Numbers of the frames that the chunks in `lost` held a part of, ascending, up to [`MAX_LISTED`]; empty where
    /// nothing tells in which order frames came. Of several sources those of the first.
    pub lost_frames: Vec<u64>,
    /// What is worth knowing and needs nothing done.
    pub notes: Vec<String>,
    /// True where a run was interrupted: only then is anything taken for what an interruption left behind. Of a run
    /// that finished, what differs was changed later.
    pub interrupted: bool,
}

/// The worst of what was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing to do.
    Whole,
    /// Interrupted or damaged without loss: everything that was written is there, or was won back.
    Harmless,
    /// Frames, or metadata without which they cannot be read, are lost.
    Lost,
}

impl Verdict {
    /// Exit code of a command that tells it: 0, 1, 2.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Whole => 0,
            Self::Harmless => 1,
            Self::Lost => 2,
        }
    }
}

/// An array and how much of it is there.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct ArrayReport {
    /// Path below the store, with `/`.
    pub path: String,
    /// Extent of each axis in pixels, as its metadata say.
    pub shape: Vec<u64>,
    /// Extent after mending.
    pub mended_shape: Vec<u64>,
    /// Chunk or shard files that are there.
    pub objects: u64,
    /// Chunks that are whole and that readers see.
    pub whole: u64,
    /// Chunks that are whole, but that readers see only after mending.
    pub won_back: u64,
    /// Of those whole or won back: those that only the write log vouches for, and that were not decoded.
    pub unverified: u64,
    /// Chunks that were written and are lost.
    pub lost: u64,
    /// Why its chunks were not checked, where they were not.
    pub unchecked: Option<String>,
}

/// A level below full resolution whose last planes are not there, or may not be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BehindLevel {
    /// Path below the store, with `/`.
    pub array: String,
    /// Number of the frame of its source from which on planes may not be there.
    pub first_frame: u64,
    /// Planes that were made of full resolution; `None` as long as nobody has.
    pub made: Option<u64>,
}

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Interrupted before readers could see all of it; what was written is there.
    Unfinished,
    /// Its bytes are not what they must be.
    Torn,
    /// It should be there and is not, or does not say what it should.
    Incomplete,
    /// Remains that nobody needs.
    Leftover,
}

/// One thing that is not as it should be.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    /// File below the store, with `/`.
    pub file: String,
    /// What became of it.
    pub state: State,
    /// What is wrong.
    pub cause: String,
    /// What mends it; `None` where nothing can.
    pub remedy: Option<String>,
    /// True where frames, or metadata without which they cannot be read, are lost.
    pub loses_frames: bool,
    /// True once the remedy was applied.
    pub mended: bool,
    /// Why the remedy could not be applied.
    pub failure: Option<String>,
    #[serde(skip)]
    pub(super) actions: Vec<Action>,
}

impl Finding {
    pub(super) fn new(file: impl Into<String>, state: State, cause: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            state,
            cause: cause.into(),
            remedy: None,
            loses_frames: false,
            mended: false,
            failure: None,
            actions: Vec::new(),
        }
    }

    pub(super) fn remedy(mut self, remedy: impl Into<String>, actions: Vec<Action>) -> Self {
        self.remedy = Some(remedy.into());
        self.actions = actions;
        self
    }

    pub(super) fn losing(mut self, loses_frames: bool) -> Self {
        self.loses_frames = loses_frames;
        self
    }
}

/// A chunk that was written and is lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LostChunk {
    /// Path of the array below the store.
    pub array: String,
    /// Its coordinates, counted in chunks.
    pub chunk: Vec<u64>,
    /// The planes it held a part of: first index along each axis before Y and X.
    pub first: Vec<u64>,
    /// The planes it held a part of: index behind the last along each axis before Y and X.
    pub end: Vec<u64>,
}
