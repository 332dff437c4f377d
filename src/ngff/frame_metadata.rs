//! Frame metadata: JSON that the host gives with a frame (time stamps, exposure, stage, whatever it knows).
//!
//! A few names have a meaning ([`FrameFields`]): times in seconds, places of the stage in micrometers.
//!
//! While the stream runs each object becomes one line of [`FILE_NAME`] in the image's group, with three keys added:
//! `storage_index` (coordinates of the frame along the index dimensions, in storage order), `frame` (its zero-based
//! number of arrival) and, unless the host's object has one, `accepted` (when the frame came into our memory, in UTC to
//! the microsecond: the clock of the machine when the run began, and since then one that nobody sets, so that no time
//! is before that of an earlier frame). When the stream finishes, the lines are mirrored to the group's attribute
//! [`ATTRIBUTE`] in the shape that ome-writers gives it, where readers look for it:
//!
//! ```json
//! {"version": "0.3.2", "frame_metadata": [{"delta_t": 0.1, "storage_index": [0, 1]}]}
//! ```
//!
//! or, beyond [`MIRROR_MAX_FRAMES`] or [`MIRROR_MAX_BYTES`], as a pointer to the file:
//!
//! ```json
//! {"version": "0.3.2", "frame_metadata_count": 1000000, "frame_metadata_path": "frame_metadata.jsonl"}
//! ```

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::depth;
pub use super::frame_fields::{FrameFields, is_valid};
use super::frame_fields::{check, invalid};
use crate::error::Result;
use crate::shown::utc_micros;

/// Name of the file in the image's group; one JSON object to a line, in order of arrival.
pub const FILE_NAME: &str = "frame_metadata.jsonl";

/// Name of the attribute in the image's group.
pub const ATTRIBUTE: &str = "ome_writers";

/// Most bytes of JSON with one frame. A hundred times what microscopes send (about 0.1 to 2 KB); it bounds what the
/// queue to the disk can hold beside the pixels, and an image given here by mistake is told at once.
pub const MAX_BYTES: usize = 64 * 1024;

/// Most frames of one image whose metadata is mirrored: each opening of the image parses all of it, and 10,000 small
/// entries are 1.3 MB of JSON already.
pub const MIRROR_MAX_FRAMES: usize = 20_000;

/// Most bytes of lines that are mirrored: 14 MB of JSON take 0.4 s to open.
pub const MIRROR_MAX_BYTES: usize = 16 * 1024 * 1024;

/// Version of ome-writers whose shape of [`ATTRIBUTE`] is written; readers of it find it under `version`.
const SHAPE_VERSION: &str = "0.3.2";

/// Keys that are added to each object.
const RESERVED_KEYS: [&str; 2] = ["storage_index", "frame"];

/// Key of the time at which a frame was accepted; an object that has it already keeps its own.
const ACCEPTED: &str = "accepted";

/// Room in a line for the added keys: five coordinates and a frame number of 20 digits each, and a time.
pub const PLACE_BYTES: usize = 256;

/// One frame's metadata, checked, as a JSON object on a single line: what is accepted here can be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct FrameMetadata {
    /// The object; nothing stands for an empty one.
    text: String,
    delta_t: Option<f64>,
    /// True where it has a member of that name.
    tells_accepted: bool,
}

/// Of a frame that comes without any.
pub(crate) static NOTHING: FrameMetadata = FrameMetadata { text: String::new(), delta_t: None, tells_accepted: false };

impl FrameMetadata {
    /// From JSON text, which is kept as it is (digits of numbers included), line breaks apart.
    ///
    /// # Errors
    /// [`InvalidMetadata`](crate::Error::InvalidMetadata) where the text is not a JSON object, is longer than
    /// [`MAX_BYTES`] or nested deeper than [`depth::MAX_DEPTH`], has a key `storage_index` or `frame`, or a member of a name of
    /// [`FrameFields`] that is neither a finite number (an exposure: 0 or more) nor `null`.
    pub fn from_json(text: &str) -> Result<Self> {
        let text = text.trim();
        check_size(text)?;
        let value: Value = serde_json::from_str(text).map_err(|cause| {
            let remedy = "send a JSON object in UTF-8; JSON has no NaN and no Infinity: send null, or leave it out";
            invalid(format!("not JSON: {cause}"), remedy)
        })?;
        // JSON allows line breaks between tokens only: inside strings they are escaped.
        Self::of(&value, || text.replace(['\n', '\r'], " "))
    }

    /// From a JSON value.
    ///
    /// # Errors
    /// As [`FrameMetadata::from_json`].
    pub fn from_value(value: &Value) -> Result<Self> {
        let text = value.to_string();
        check_size(&text)?;
        Self::of(value, || text)
    }

    fn of(value: &Value, text: impl FnOnce() -> String) -> Result<Self> {
        let object = check_object(value)?;
        if let Some(problem) = depth::problem(value) {
            return Err(invalid(problem, "send it as text"));
        }
        check(object)?;
        let delta_t = object.get("delta_t").and_then(Value::as_f64);
        Ok(Self { text: text(), delta_t, tells_accepted: object.contains_key(ACCEPTED) })
    }

    /// Seconds from the start of the acquisition to this frame, where the host tells.
    #[must_use]
    pub fn delta_t(&self) -> Option<f64> {
        self.delta_t
    }

    /// The object with its place added, and with the time since 1970 at which the frame was `accepted`, where that is
    /// to be told, as one line of [`FILE_NAME`], line break included.
    #[must_use]
    pub fn line(&self, frame: u64, storage_index: &[u64], accepted: Option<Duration>) -> Vec<u8> {
        let object = if self.text.is_empty() { "{}" } else { &self.text };
        let members = object.strip_suffix('}').unwrap_or(object).trim_end();
        let comma = if members == "{" { "" } else { "," };
        let index = storage_index.iter().map(u64::to_string).collect::<Vec<_>>().join(",");
        let accepted = accepted.filter(|_| !self.tells_accepted);
        let accepted = accepted.map(|time| format!("\"{ACCEPTED}\":\"{}\",", utc_micros(time))).unwrap_or_default();
        format!("{members}{comma}{accepted}\"storage_index\":[{index}],\"frame\":{frame}}}\n").into_bytes()
    }
}

fn check_size(text: &str) -> Result<()> {
    if text.len() <= MAX_BYTES {
        return Ok(());
    }
    let problem = format!("{} bytes of JSON, at most {MAX_BYTES} are stored with a frame", text.len());
    Err(invalid(problem, "send less, or what all frames share once as metadata of the stream"))
}

fn check_object(value: &Value) -> Result<&Map<String, Value>> {
    let Some(object) = value.as_object() else {
        return Err(invalid("not a JSON object".into(), "wrap it: {\"value\": ...}"));
    };
    match RESERVED_KEYS.into_iter().find(|key| object.contains_key(*key)) {
        None => Ok(object),
        Some(key) => Err(invalid(format!("the key `{key}` is added to every frame's metadata"), "use another key")),
    }
}

/// What a [`FILE_NAME`] holds, read for the mirror.
///
/// Lines that are not what [`FrameMetadata::line`] writes (the torn end of an interrupted run, bytes that a power loss
/// left zero) are passed over and counted. Beyond the mirror's limits lines are counted by their first and last
/// character only.
#[derive(Debug, Clone, PartialEq)]
pub struct FrameLog {
    /// Objects in order of arrival, without `frame`; `None` once there are too many or they are too large to mirror.
    entries: Option<Vec<Value>>,
    /// True once a line has something of the host's.
    told: bool,
    count: u64,
    damaged: u64,
    bytes: usize,
}

impl Default for FrameLog {
    fn default() -> Self {
        Self { entries: Some(Vec::new()), told: false, count: 0, damaged: 0, bytes: 0 }
    }
}

impl FrameLog {
    /// Takes the next line; `whole` is false of one that is longer than any of ours, of which only the beginning is
    /// given.
    pub fn take(&mut self, line: &[u8], whole: bool) {
        let text = line.trim_ascii();
        if text.is_empty() && whole {
            return;
        }
        let intact = whole
            && match &mut self.entries {
                Some(entries) => match mirrored(text) {
                    Some(entry) => {
                        self.told |= is_told(&entry);
                        entries.push(entry);
                        true
                    }
                    None => false,
                },
                None => text.starts_with(b"{") && text.ends_with(b"}"),
            };
        self.count += u64::from(intact);
        self.damaged += u64::from(!intact);
        self.bytes = self.bytes.saturating_add(text.len());
        if self.count > MIRROR_MAX_FRAMES as u64 || self.bytes > MIRROR_MAX_BYTES {
            self.entries = None;
        }
    }

    /// Frames that the file tells about.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Lines that were not frame metadata.
    #[must_use]
    pub fn damaged(&self) -> u64 {
        self.damaged
    }

    /// Objects in order of arrival, without `frame`; `None` where there are too many of them, or they are too large.
    #[must_use]
    pub fn frames(&self) -> Option<&[Value]> {
        self.entries.as_deref()
    }

    /// The value of [`ATTRIBUTE`]: the frames, or a pointer to the file where they are too many, or where nothing but
    /// times of acceptance is told of them, which nobody looks for there. `None` where there is no line.
    #[must_use]
    pub fn into_attribute(self) -> Option<Value> {
        if self.count == 0 {
            return None;
        }
        Some(match self.entries {
            Some(entries) if self.told => json!({"version": SHAPE_VERSION, "frame_metadata": entries}),
            _ => json!({
                "version": SHAPE_VERSION,
                "frame_metadata_count": self.count,
                "frame_metadata_path": FILE_NAME,
            }),
        })
    }
}

/// Whether there is anything of the host's in an entry of the mirror.
fn is_told(entry: &Value) -> bool {
    entry.as_object().is_some_and(|object| object.keys().any(|key| key != ACCEPTED && !RESERVED_KEYS.contains(&&**key)))
}

/// A line as it stands in the mirror; `None` where it is not one of ours.
fn mirrored(text: &[u8]) -> Option<Value> {
    let mut object: Map<String, Value> = serde_json::from_slice(text).ok()?;
    let index = object.get("storage_index")?.as_array()?;
    if !index.iter().all(Value::is_u64) || !object.get("frame")?.is_u64() {
        return None;
    }
    object.shift_remove("frame");
    Some(Value::Object(object))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MAX_LINE_BYTES: usize = MAX_BYTES + PLACE_BYTES;

    fn log(lines: &[Vec<u8>]) -> FrameLog {
        read(&lines.concat())
    }

    fn read(bytes: &[u8]) -> FrameLog {
        let mut log = FrameLog::default();
        bytes.split(|byte| *byte == b'\n').for_each(|line| log.take(line, line.len() <= MAX_LINE_BYTES));
        log
    }

    const THEN: Duration = Duration::from_micros(1_709_164_800_000_250);

    /// A line as an earlier version wrote it, and one whose host tells a time of its own has it.
    fn line(value: &Value, frame: u64, index: &[u64]) -> Vec<u8> {
        let metadata = FrameMetadata { tells_accepted: true, ..FrameMetadata::from_value(value).expect("valid") };
        metadata.line(frame, index, Some(THEN))
    }

    #[test]
    fn a_line_is_the_hosts_object_with_place_and_time() {
        let told = |text: &str, frame, index: &[u64]| {
            let line = FrameMetadata::from_json(text).expect("valid").line(frame, index, Some(THEN));
            String::from_utf8(line).expect("text")
        };
        let accepted = "\"accepted\":\"2024-02-29T00:00:00.000250Z\"";
        let expected =
            format!("{{\"delta_t\": 0.10,  \"note\": \"a\\nb\",{accepted},\"storage_index\":[0,3],\"frame\":7}}\n");
        assert_eq!(told("{\"delta_t\": 0.10,\n \"note\": \"a\\nb\"}", 7, &[0, 3]), expected);
        let expected = format!("{{{accepted},\"storage_index\":[],\"frame\":0}}\n");
        assert_eq!(told(" { } ", 0, &[]), expected);
        assert_eq!(NOTHING.line(0, &[], Some(THEN)), expected.as_bytes());
        let own = "{\"accepted\":true,\"storage_index\":[4],\"frame\":4}\n";
        assert_eq!(told("{\"accepted\":true}", 4, &[4]), own, "the host's own stays");
    }

    #[test]
    fn what_cannot_be_stored_is_refused_before_it_is_queued() {
        let large = format!("{{\"a\": \"{}\"}}", "x".repeat(MAX_BYTES));
        for text in [
            "",
            "[1]",
            "3",
            "null",
            "{",
            "{\"a\": NaN}",
            "{\"a\": 1} {}",
            "{\"a\": 1e400}",
            "{\"frame\": 1}",
            "{\"storage_index\": [0]}",
            "{\"delta_t\": \"null\"}",
            "{\"exposure_time\": -1}",
            &large,
        ] {
            let error = FrameMetadata::from_json(text).expect_err("must be refused");
            assert_eq!(error.code(), 12, "{error}");
            assert!(error.to_string().starts_with("metadata `frame`:"), "{error}");
        }
        assert!(FrameMetadata::from_value(&json!([1])).is_err());
        assert!(FrameMetadata::from_value(&json!({"frame": 1})).is_err());
        assert!(FrameMetadata::from_value(&json!({"position_x": "1"})).is_err());
        assert!(FrameMetadata::from_value(&json!({"a": "x".repeat(MAX_BYTES)})).is_err());
        assert!(FrameMetadata::from_value(&json!({"a": "x".repeat(MAX_BYTES - 8)})).is_ok());
    }

    #[test]
    fn the_mirror_has_the_shape_of_ome_writers() {
        let log = log(&[
            line(&json!({"delta_t": 0.1, "position_x": 123_456.789, "nested": {"k": [null]}}), 0, &[0, 0]),
            line(&json!({"delta_t": 0.2}), 1, &[0, 1]),
        ]);
        assert_eq!((log.count(), log.damaged()), (2, 0));
        let expected = json!({"version": "0.3.2", "frame_metadata": [
            {"delta_t": 0.1, "position_x": 123_456.789, "nested": {"k": [null]}, "storage_index": [0, 0]},
            {"delta_t": 0.2, "storage_index": [0, 1]},
        ]});
        assert_eq!(log.into_attribute(), Some(expected));
    }

    #[test]
    fn no_metadata_makes_no_attribute() {
        assert_eq!(log(&[]).into_attribute(), None);
        assert_eq!(log(&[b"\n\n".to_vec()]).into_attribute(), None);
    }

    #[test]
    fn a_torn_last_line_costs_that_frame_only() {
        let whole = line(&json!({"a": 1}), 0, &[0]);
        let next = line(&json!({"a": 2}), 1, &[1]);
        for cut in 1..next.len() - 1 {
            let log = log(&[whole.clone(), next[..cut].to_vec()]);
            assert_eq!((log.count(), log.damaged()), (1, 1), "cut after {cut} bytes");
        }
        // Only the line break is missing.
        let log = log(&[whole, next[..next.len() - 1].to_vec()]);
        assert_eq!((log.count(), log.damaged()), (2, 0));
    }

    #[test]
    fn damage_in_the_middle_is_passed_over() {
        let good = |frame| line(&json!({"a": frame}), frame, &[frame]);
        let zeros = [vec![0; 3 * MAX_LINE_BYTES], b"\n".to_vec()].concat();
        let blanks = [vec![b' '; 3 * MAX_LINE_BYTES], b"\n".to_vec()].concat();
        let log = log(&[
            good(0),
            zeros,
            good(1),
            blanks,
            b"\xff\xfe\n".to_vec(),
            b"{\"a\":1}\n".to_vec(),
            b"{\"storage_index\":[-1],\"frame\":0}\n".to_vec(),
            b"{\"storage_index\":[0],\"frame\":null}\n".to_vec(),
            good(2),
        ]);
        assert_eq!((log.count(), log.damaged()), (3, 6));
        let attribute = log.into_attribute().expect("three frames");
        assert_eq!(attribute["frame_metadata"][2], json!({"a": 2, "storage_index": [2]}));
    }

    #[test]
    fn beyond_the_cap_the_attribute_points_at_the_file() {
        let lines = |count: u64| (0..count).map(|frame| line(&json!({"a": 1}), frame, &[frame])).collect::<Vec<_>>();
        let cap = MIRROR_MAX_FRAMES as u64;
        let at_cap = log(&lines(cap)).into_attribute().expect("frames");
        assert_eq!(at_cap["frame_metadata"].as_array().map(Vec::len), Some(MIRROR_MAX_FRAMES));
        let torn = [lines(cap + 5), vec![b"{\"a\":".to_vec()]].concat();
        let beyond = log(&torn);
        assert_eq!(beyond.damaged(), 1);
        let pointer = json!({
            "version": "0.3.2", "frame_metadata_count": cap + 5, "frame_metadata_path": "frame_metadata.jsonl",
        });
        assert_eq!(beyond.into_attribute(), Some(pointer));
    }

    #[test]
    fn frames_of_which_nothing_is_told_are_not_mirrored() {
        let bare: Vec<_> = (0..3).map(|frame| NOTHING.line(frame, &[frame], Some(THEN))).collect();
        assert_eq!(log(&bare).into_attribute().expect("frames")["frame_metadata_count"], 3);
        let one = [bare, vec![line(&json!({"delta_t": 1}), 3, &[3])]].concat();
        assert_eq!(log(&one).into_attribute().expect("frames")["frame_metadata"].as_array().map(Vec::len), Some(4));
    }

    #[test]
    fn few_frames_with_much_metadata_are_not_mirrored_either() {
        let heavy = json!({"text": "x".repeat(60_000)});
        let lines: Vec<_> = (0..300).map(|frame| line(&heavy, frame, &[frame])).collect();
        let attribute = log(&lines).into_attribute().expect("frames");
        assert_eq!(attribute["frame_metadata_count"], 300);
    }

    proptest! {
        #[test]
        fn whatever_is_accepted_comes_back(
            number in any::<f64>().prop_filter("JSON has no other", |number| number.is_finite()),
            text in ".*",
            frame: u64,
            index in prop::collection::vec(any::<u64>(), 0..4),
        ) {
            let value = json!({"number": number, "text": text});
            let indented = serde_json::to_string_pretty(&value).expect("JSON");
            for metadata in [FrameMetadata::from_value(&value), FrameMetadata::from_json(&indented)] {
                let line = metadata.expect("valid").line(frame, &index, Some(THEN));
                prop_assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
                let attribute = log(&[line]).into_attribute().expect("one frame");
                let accepted = "2024-02-29T00:00:00.000250Z";
                let expected =
                    json!({"number": number, "text": text, "storage_index": index, "accepted": accepted});
                prop_assert_eq!(&attribute["frame_metadata"][0], &expected);
            }
        }

        #[test]
        fn no_file_makes_the_reader_fail(bytes: Vec<u8>) {
            prop_assert_eq!(read(&bytes).count(), 0);
        }
    }
}
