//! Whether a store is what OME-NGFF 0.4, 0.5 or 0.6 says, and whether its files are what its metadata say.
//!
//! [`rules`] is the table of all rules. Those of attributes are pure: one file for each object of the specification,
//! from a value to findings, the version at hand ([`at::Findings`]). [`hierarchy`] follows the nodes of a store, asks
//! those, and holds what they name against what lies there; [`levels`] does it for the arrays of an image, [`objects`]
//! for chunk and shard files. Nothing is written, no link followed, and whatever is read has a bound
//! (`ome_stream::reader::limits`).

mod at;
mod axes;
mod hierarchy;
mod labels;
mod levels;
mod looked;
mod multiscales;
mod objects;
mod omero;
mod parts;
mod plate;
pub mod rule;
mod rules;
mod scene;
mod series;
mod systems;
mod transforms;
mod version;

#[cfg(test)]
mod tests;

use std::path::Path;

use ome_stream::backend::Verifier;
use ome_stream::platform::Source;

use self::hierarchy::Checker;
use self::looked::Looked;
use self::rule::{Finding, Severity};
use self::version::{Told, Version};
use crate::store::discover::version;
use crate::store::node::StoreError;
use crate::store::tree;

/// How closely to look.
#[derive(Clone, Copy, Default)]
pub struct Options<'a> {
    /// The attributes of groups alone: nothing that they name is looked for.
    pub attributes_only: bool,
    /// Decodes every chunk.
    pub pixels: Option<&'a dyn Verifier>,
}

/// What was found.
#[derive(Debug)]
pub struct Report {
    /// Zarr format of the root.
    pub format: u8,
    /// The version whose rules were held against the store.
    pub version: Version,
    /// What is against a rule.
    pub findings: Vec<Finding>,
    /// Findings beyond those that are listed.
    pub more: u64,
    /// What was not looked at, and why.
    pub unchecked: Vec<String>,
    /// What was looked at.
    pub looked: Looked,
}

impl Report {
    /// Findings so severe that are listed.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.rule.severity == severity).count()
    }

    /// Those of them that tell of folders and files which could not be read.
    pub fn unread(&self) -> usize {
        self.findings.iter().filter(|finding| finding.rule == rules::UNREADABLE).count()
    }
}

/// Looks at the store at `path`; `progress` is told the bytes of chunks that were looked at, and of all.
///
/// # Errors
/// [`StoreError`] where there is no readable root, or one of a version whose rules are not known.
pub fn check(
    source: &dyn Source,
    path: &Path,
    options: &Options<'_>,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Report, StoreError> {
    let (folder, root) = tree::open(source, path)?;
    let told = version(&root).map(Told::of);
    if told == Some(Told::Earlier) {
        let why = "it is of OME-NGFF 0.1, 0.2 or 0.3; 0.4, 0.5 and 0.6 can be checked";
        return Err(StoreError::NotAStore(path.to_owned(), why));
    }
    let mut checker = Checker::new(source, &root, options.attributes_only);
    tree::walk(source, &folder, &root, &mut checker);
    let (mut findings, arrays, mut looked, mut unchecked) = checker.end();
    if !options.attributes_only {
        objects::check(source, &arrays, options.pixels, &mut findings, &mut looked, &mut unchecked, progress);
    }
    let version = findings.version;
    Ok(Report {
        format: root.zarr.number(),
        version,
        findings: findings.list,
        more: findings.kept.more,
        unchecked,
        looked,
    })
}
