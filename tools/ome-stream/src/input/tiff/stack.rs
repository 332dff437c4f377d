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
