//! Texts of pages: those of the first page are kept as they are, and what other pages say beside is noted.

use std::collections::BTreeSet;
use std::io::{Read, Seek};

use super::super::known::Known;
use super::directory::{Directory, Entry, Tags};
use super::page_layout::{DATE_TIME, DESCRIPTION, SOFTWARE};
use super::shaped;

/// Longest text of the file that is kept in the store: readers parse it on every open.
const MAX_TEXT: usize = 64 << 10;

/// Texts of a page that are kept, by the name that the tag has.
const TEXTS: [(u16, &str); 10] = [
    (DESCRIPTION, "ImageDescription"),
    (269, "DocumentName"),
    (271, "Make"),
    (272, "Model"),
    (285, "PageName"),
    (SOFTWARE, "Software"),
    (DATE_TIME, "DateTime"),
    (315, "Artist"),
    (316, "HostComputer"),
    (33432, "Copyright"),
];

/// Keeps the texts of the first page, whose description is `description`.
pub fn keep<R: Read + Seek>(tags: &mut Tags<R>, directory: &Directory, description: &str, known: &mut Known) {
    for (tag, name) in TEXTS {
        let Some(text) = tags.text_of(directory, tag).filter(|text| !text.trim().is_empty()) else { continue };
        if tag == DESCRIPTION && shaped::parse(description).is_some() {
            continue;
        }
        if text.len() > MAX_TEXT {
            known.dropped.insert(format!("{name} of {} bytes, as a text", text.len()));
        } else {
            known.keep(name, text);
        }
    }
}

/// What the first page says, to be held against the others.
#[derive(Debug, Default)]
pub struct Texts {
    first: Option<Vec<(u16, Vec<u8>)>>,
}

impl Texts {
    /// Looks at the next page; `dropped` gets the names of the texts that are not those of the first.
    pub fn see<R: Read + Seek>(&mut self, tags: &mut Tags<R>, directory: &Directory, dropped: &mut BTreeSet<String>) {
        let Some(first) = &self.first else {
            let text = |(tag, _): &(u16, &str)| Some((*tag, beginning(tags, directory.get(*tag)?)));
            self.first = Some(TEXTS.iter().filter_map(text).collect());
            return;
        };
        for (tag, name) in TEXTS {
            let Some(entry) = directory.get(tag) else { continue };
            let left = format!("{name} of pages after the first");
            // One that differs is enough: the others need not be read.
            if dropped.contains(&left) {
                continue;
            }
            let text = beginning(tags, entry);
            let same = first.iter().any(|(known, of_first)| *known == tag && *of_first == text);
            if !same && !text.is_empty() && !is_ome(&text) {
                dropped.insert(left);
            }
        }
    }
}

/// As much of a text as would be kept, without the zeros and spaces around it; nothing where it cannot be read.
fn beginning<R: Read + Seek>(tags: &mut Tags<R>, entry: &Entry) -> Vec<u8> {
    let bytes = tags.bytes_at(entry.at, entry.count.min(MAX_TEXT as u64)).unwrap_or_default();
    bytes.split(|byte| *byte == 0).next().unwrap_or_default().trim_ascii().to_vec()
}

/// Every file of a set has the whole description, which is read with the first.
fn is_ome(text: &[u8]) -> bool {
    text.windows(4).any(|part| part == b"<OME" || part == b":OME")
}
