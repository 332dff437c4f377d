//! Metadata of groups: whether they are there, and what is to be done where they are not.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::anew::{self, Beside, Run};
use super::known::Known;
use super::mend::Action;
use super::report::{Finding, State};
use crate::error::{Error, Result};
use crate::journal::record;
use crate::names::own::{MARK, RECORD};
use crate::ngff::frame_metadata::{ATTRIBUTE, FILE_NAME, FrameLog};
use crate::platform::Source;
use crate::reader::{self, Document, FrameLines, Node, is_folder, limits};
use crate::store::Mark;
use crate::store::files;
use crate::zarr;
use crate::zarr::ZarrFormat;
use crate::zarr::json::{self, with_member};

/// What was found of a group: something to be done, something to be told, or both.
pub(super) type Found = (Option<Finding>, Option<String>);

/// What is wrong with the lines of frame metadata.
pub(super) fn frame_lines(node: &Node, lines: &FrameLines, interrupted: bool) -> Option<Finding> {
    if lines.damaged == 0 && (!lines.open_end || !interrupted) {
        return None;
    }
    let cause = match lines.damaged {
        0 => "its last line has no end".to_owned(),
        damaged => format!("{damaged} line(s) are no frame metadata; {} are", lines.intact),
    };
    let finding = Finding::new(node.file(FILE_NAME), State::Torn, cause);
    if interrupted {
        let actions = vec![Action::KeepIntactLines { path: node.folder.join(FILE_NAME) }];
        return Some(finding.remedy("the intact lines stay; the file as it was is kept under another name", actions));
    }
    Some(finding.losing(mirrored(node).is_some_and(|count| count > lines.intact)))
}

/// Lines of frame metadata that there were when the run finished.
fn mirrored(node: &Node) -> Option<u64> {
    let attribute = node.attribute(ATTRIBUTE)?;
    let listed = || Some(attribute.get("frame_metadata")?.as_array()?.len() as u64);
    attribute.get("frame_metadata_count").and_then(Value::as_u64).or_else(listed)
}

/// What `ome_writers` of a group should say; `None` where it says so or need not.
pub(super) fn mirror(source: &dyn Source, node: &Node, lines: &FrameLines) -> Result<Option<Value>> {
    let log = reader::frame_log(source, &node.folder.join(FILE_NAME))?;
    let Some(mut attribute) = log.and_then(FrameLog::into_attribute) else { return Ok(None) };
    if let Some(count) = attribute.get_mut("frame_metadata_count") {
        *count = lines.intact.into();
    }
    Ok((lines.intact > 0 && node.attribute(ATTRIBUTE) != Some(&attribute)).then_some(attribute))
}

/// What is to be done with a group's document, which need not say more than it does where `mirror` is `None`. Only
/// where the run was `interrupted` is anything done: later, what differs was changed by somebody.
pub(super) fn group(
    source: &dyn Source,
    node: &Node,
    run: Option<&Run>,
    beside: &Beside<'_>,
    mirror: Option<Value>,
    interrupted: bool,
) -> Result<Found> {
    let name = node.document_name();
    let file = node.file(name);
    let Some(problem) = node.document.problem() else {
        let Some(mirror) = mirror else { return Ok((None, None)) };
        if !interrupted {
            return Ok((None, Some(format!("{file} and {FILE_NAME} differ; both were left as they are"))));
        }
        let finding = Finding::new(file, State::Incomplete, format!("it does not mirror {FILE_NAME}"));
        let path = node.folder.join(name);
        let text = reader::small(source, &path, limits::DOCUMENT_BYTES)?.bytes();
        return Ok(match text.and_then(|text| with_member(&text, &node.zarr.attribute_at(ATTRIBUTE), &mirror)) {
            Some(bytes) => (Some(finding.remedy("the mirror is written", vec![Action::Write { path, bytes }])), None),
            None => (Some(finding), None),
        });
    };
    let state = if matches!(node.document, Document::Nothing) { State::Incomplete } else { State::Torn };
    let finding = Finding::new(file, state, problem);
    let needed = is_needed(node, run, beside, interrupted);
    if node.document.is_torn()
        && needed
        && interrupted
        && let Some(made) = anew::group(node, beside)
    {
        let mut document = made.document;
        if let Some(mirror) = mirror {
            set_attribute(node.zarr, &mut document, ATTRIBUTE, mirror);
        }
        let action = Action::Write { path: node.folder.join(name), bytes: bytes(&document)? };
        return Ok((Some(finding.remedy(made.how, vec![action]).losing(made.loses)), None));
    }
    // A folder that is no node may be anybody's.
    if matches!(node.document, Document::Nothing) && !needed {
        let told = (!beside.members.is_empty()).then(|| format!("{} holds arrays without {name}", node.path));
        return Ok((None, told));
    }
    let is_lost = !matches!(node.document, Document::Foreign(_));
    Ok((Some(finding.losing(is_lost)), None))
}

/// What is to be done with the file that makes a group of a folder in Zarr v2, where that is not whole: without it
/// nobody sees the attributes.
pub(super) fn marker(
    node: &Node,
    run: Option<&Run>,
    beside: &Beside<'_>,
    interrupted: bool,
) -> Result<Option<Finding>> {
    let Some((marker, problem)) = node.group.as_ref().and_then(|marker| Some((marker, marker.problem()?))) else {
        return Ok(None);
    };
    let is_there = *marker != Document::Nothing;
    // Others may have put the folder there.
    let is_ours = match run {
        Some(_) => beside.planned.is_some(),
        None => is_needed(node, None, beside, interrupted),
    };
    if !is_there && !is_ours && !node.path.is_empty() {
        return Ok(None);
    }
    let state = if is_there { State::Torn } else { State::Incomplete };
    let name = node.zarr.group_file();
    let finding = Finding::new(node.file(name), state, problem);
    if !marker.is_torn() || !interrupted {
        // Every reader needs it.
        return Ok(Some(finding.losing(!matches!(marker, Document::Foreign(_)))));
    }
    let text = bytes(&zarr::group_marker())?;
    let action = Action::Write { path: node.folder.join(name), bytes: text };
    Ok(Some(finding.remedy("it is made anew", vec![action])))
}

/// Whether there must be a document: others may put folders of their own into a store.
fn is_needed(node: &Node, run: Option<&Run>, beside: &Beside<'_>, interrupted: bool) -> bool {
    if node.path.is_empty() || node.document != Document::Nothing {
        return true;
    }
    if run.is_some() {
        return beside.planned.is_some();
    }
    match beside.listed {
        Some(listed) => listed.contains(&node.path),
        None if node.path == "OME" => !beside.images.is_empty(),
        None => interrupted && !node.path.contains('/') && beside.members.iter().any(|member| member.name == "0"),
    }
}

/// What the record of the run tells, and what is wrong with it. Nothing else tells how many frames there were, and a
/// wrong number would have them replaced, so that a person has to say it.
pub(super) fn record(source: &dyn Source, root: &Node) -> Result<(Option<Known>, Option<Finding>)> {
    let Some(name) = record::name(source, &root.folder)? else { return Ok((None, None)) };
    let mark = Mark::if_whole(source, &root.folder)?;
    let found = Document::read(source, &root.folder.join(name))?;
    let why = match (&found, found.problem()) {
        (Document::Nothing, _) => return Ok((None, None)),
        (Document::Object(object), _) => match Known::of(object, mark.as_ref()) {
            Some(record) => return Ok((Some(record), None)),
            None => "it has no number of frames",
        },
        (_, problem) => problem.unwrap_or_default(),
    };
    Ok((None, Some(Finding::new(name, State::Torn, format!("{why}; {NEEDS_RECORD}")))))
}

/// What nobody but a person can say of a store without its record.
const NEEDS_RECORD: &str = "only continuing the run needs it: write {\"frames\": N} to go on after N frames";

/// The finding for a store with chunks and without the record of its run.
pub(super) fn no_record() -> Finding {
    Finding::new(RECORD, State::Incomplete, format!("it is missing; {NEEDS_RECORD}"))
}

/// What is wrong with our own folder: its documents, which never change, and the mark.
pub(super) fn own_folder(
    source: &dyn Source,
    root: &Path,
    zarr: ZarrFormat,
    interrupted: bool,
) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for (folder, file, text) in files::documents(zarr) {
        let name = format!("{folder}/{file}");
        let path = root.join(&name);
        let found = Document::read(source, &path)?;
        let is_there = path.parent().map_or(Ok(false), |folder| is_folder(source, folder))?;
        let (Some(problem), true) = (found.problem(), is_there) else { continue };
        let finding = Finding::new(name, State::Torn, problem);
        findings.push(match found.is_torn() && interrupted {
            true => finding.remedy("made anew", vec![Action::Write { path, bytes: text.into() }]),
            false => finding,
        });
    }
    match Mark::read(source, root) {
        Ok(_) => {}
        Err(error @ Error::Damaged { .. }) => {
            let cause = format!("{error}: nothing tells what the run was to be");
            findings.push(Finding::new(MARK, State::Torn, cause));
        }
        Err(error) => return Err(error),
    }
    Ok(findings)
}

/// The finding for a store whose making was interrupted: it holds no frame, and the record says so when it is mended.
pub(super) fn half_made(root: &Path) -> Result<Finding> {
    let frames = json!({"format": 1, "frames": 0});
    let finding =
        Finding::new(RECORD, State::Incomplete, "the run was interrupted while its store was made; no frame had come");
    let action = Action::Write { path: root.join(RECORD), bytes: frames.to_string().into_bytes() };
    Ok(finding.remedy("it is written", vec![action]))
}

/// A document as it is written.
pub(super) fn bytes(document: &Map<String, Value>) -> Result<Vec<u8>> {
    json::bytes(document).map_err(|cause| Error::Internal { place: "recover", message: cause.to_string() })
}

fn set_attribute(zarr: ZarrFormat, document: &mut Map<String, Value>, name: &str, value: Value) {
    if zarr == ZarrFormat::V2 {
        document.insert(name.to_owned(), value);
        return;
    }
    match document.entry("attributes").or_insert_with(|| Value::Object(Map::new())) {
        Value::Object(attributes) => drop(attributes.insert(name.to_owned(), value)),
        other => *other = Value::Object(Map::from_iter([(name.to_owned(), value)])),
    }
}
