//! What a rule is, and what is found against one.

use serde::Serialize;

use super::version::Version;

/// How much it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The specification says MUST, or no reader makes sense of it.
    Error,
    /// The specification says SHOULD, or some readers stumble.
    Warning,
}

/// Where a rule comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A section of OME-NGFF, by its title.
    Ngff(&'static str),
    /// A document of Zarr's.
    Zarr(&'static str),
    /// No specification says so: it follows from what the others say together, or from what readers do.
    Ours,
}

/// A rule: one line of the table in [`super::rules`].
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name: `axes/order`.
    pub id: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// Where it comes from.
    pub origin: Origin,
    /// What it says.
    pub says: &'static str,
    /// What to do about it.
    pub remedy: &'static str,
}

impl Rule {
    /// The section that says so.
    pub fn section(&self, version: Version) -> String {
        match self.origin {
            Origin::Ngff(title) => format!("OME-NGFF {version}, {title}"),
            Origin::Zarr(title) => format!("Zarr, {title}"),
            Origin::Ours => "not in a specification".to_owned(),
        }
    }
}

/// Something that is against a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub rule: &'static Rule,
    /// Path of the node below the store; empty for the root.
    pub node: String,
    /// What of the node: a member of its metadata, a file.
    pub place: String,
    /// What is there instead.
    pub value: String,
}
