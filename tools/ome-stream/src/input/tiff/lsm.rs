//! Zeiss LSM: a tag with the sizes of the stack; each page is followed by a small copy of it.

use std::io::{Read, Seek};

use super::super::InputError;
use super::super::known::Known;
use super::directory::{Directory, Tags};
use super::page_layout::{LSM, PageLayout};
use super::stack::{Axis, Order, Stack};

/// Bytes of the tag that are read: sizes, voxel sizes, time interval.
const BYTES: u64 = 264;

/// First numbers of the tag, by version.
const MAGIC: [u64; 2] = [50_350_412, 67_127_628];

/// The stack, if the page is one of an LSM file.
///
/// # Errors
/// Where the sizes of the tag are not those of the pages.
pub fn stack<R: Read + Seek>(
    tags: &mut Tags<R>,
    directory: &Directory,
    layout: &PageLayout,
    pages: u64,
) -> Result<Option<Stack>, InputError> {
    let Some(entry) = directory.get(LSM).copied() else { return Ok(None) };
    let refuse = |problem: String| Err(InputError::Unusable(format!("its LSM tag cannot be used: {problem}")));
    let bytes = match tags.bytes_at(entry.at, entry.count.min(BYTES)) {
        Ok(bytes) if bytes.len() >= 128 => bytes,
        Ok(_) => return refuse("it is too short".into()),
        Err(broken) => return refuse(broken.to_string()),
    };
    let number = |at: usize| tags.number(bytes.get(at..at + 4).unwrap_or_default());
    let float = |at: usize| f64::from_bits(tags.number(bytes.get(at..at + 8).unwrap_or_default()));
    if !MAGIC.contains(&number(0)) {
        return refuse("it begins otherwise than those known".into());
    }
    if tags.length() > u64::from(u32::MAX) {
        return refuse("the file is larger than 4 GiB, beyond which LSM files lose count; save it as OME-TIFF".into());
    }
    let (columns, rows, z, channels, t) = (number(8), number(12), number(16), number(20), number(24));
    for (at, name) in [(256, "positions"), (260, "tiles")] {
        if number(at) > 1 {
            return refuse(format!("it counts {} {name}, of which one is taken; save each as a file", number(at)));
        }
    }
    let page = layout.page;
    if (rows, columns, channels) != (page.rows.into(), page.columns.into(), page.samples.into()) {
        return refuse(format!(
            "it says {rows} x {columns} pixels and {channels} channel(s), a page has {page}; save it as OME-TIFF"
        ));
    }
    if z.saturating_mul(t) != pages {
        return refuse(format!("it says {z} planes x {t} times, but there are {pages} pages"));
    }
    let mut known = Known::default();
    for (axis, at) in [('x', 40), ('y', 48), ('z', 56)] {
        if axis != 'z' || z > 1 {
            known.size(axis, float(at) * 1e6, "micrometer");
        }
    }
    if t > 1 {
        known.size('t', float(112), "s");
    }
    known.dropped.insert("what else the LSM tag holds (channel names, colors, laser settings)".into());
    let axes = [Axis::new('t', t), Axis::new('z', z)].into_iter().filter(|axis| axis.count > 1).collect();
    Ok(Some(Stack::new(axes, Order::Pages, known)))
}
