//! What a description makes of the pages of a file: axes, order, and what is known beside.

use super::super::known::Known;

/// An axis that pages are counted along, slowest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Axis {
    /// t, c, z or p; `None` where nobody says.
    pub name: Option<char>,
    /// Steps along it.
    pub count: u64,
}

impl Axis {
    pub fn new(name: char, count: u64) -> Self {
        Self { name: Some(name), count }
    }
}

/// Names the axes that nobody names. A single one is time, as in a movie; beside named ones, those names are given that
/// are left over, and a note says so. Where nobody names any, nothing is said here.
pub fn name(axes: &mut [Axis]) -> Option<String> {
    for nth in 1..axes.len() {
        let (before, after) = axes.split_at_mut(nth);
        if let Some(axis) = after.first_mut().filter(|axis| before.iter().any(|other| other.name == axis.name)) {
            axis.name = None;
        }
    }
    let unnamed = axes.iter().filter(|axis| axis.name.is_none()).count();
    let movie = unnamed == 1 && axes.iter().all(|axis| axis.name != Some('t'));
    if unnamed == 0 || (unnamed == axes.len() && !movie) {
        return None;
    }
    let mut given = Vec::new();
    for letter in ['t', 'z', 'c', 'p'] {
        if axes.iter().all(|axis| axis.name != Some(letter))
            && let Some(axis) = axes.iter_mut().find(|axis| axis.name.is_none())
        {
            axis.name = Some(letter);
            given.push(letter.to_string());
        }
    }
    let said = given.join(" and ");
    (!movie).then(|| {
        format!("the file does not say which of its axes is {said}, so that this is a guess; --axes names them")
    })
}

/// Where one page lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Which file of the set.
    pub file: u32,
    /// Which page of the file.
    pub page: u32,
}

/// In which order pages are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// As they come.
    Pages,
    /// As a description says.
    Places(Vec<Place>),
    /// There is one page, and the pixels of the others lie behind it.
    Behind {
        /// Bytes from one to the next.
        stride: u64,
    },
}

/// What a description says.
#[derive(Debug, Clone, PartialEq)]
pub struct Stack {
    /// Axes that pages are counted along, slowest first; their product is the number of pages.
    pub axes: Vec<Axis>,
    pub order: Order,
    pub known: Known,
    /// Metadata of each page in reading order, as JSON; empty where there is none.
    pub frame_metadata: Vec<Option<Box<str>>>,
}

impl Stack {
    pub fn new(axes: Vec<Axis>, order: Order, known: Known) -> Self {
        Self { axes, order, known, frame_metadata: Vec::new() }
    }

    /// Pages that it says there are.
    pub fn count(&self) -> u64 {
        self.axes.iter().fold(1u64, |count, axis| count.saturating_mul(axis.count))
    }
}
