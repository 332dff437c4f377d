//! One rule for every name that becomes a folder's: a store travels, so a name must do on every system.

pub(crate) mod own;

use unicode_normalization::UnicodeNormalization;

use self::own::{FOLDER, KEPT_SUFFIX};
use crate::platform::PARTIAL_SUFFIX;

/// Most bytes of a name that a host gives: file systems allow 255 for a folder, and we add to it (a suffix, a grid
/// cell, `.replaced-...`).
pub const MAX_NAME_BYTES: usize = 200;

/// Names of devices on Windows, which no folder can have, whatever follows a dot.
const DEVICES: [&str; 7] = ["con", "prn", "aux", "nul", "conin$", "conout$", "clock$"];

/// Names of devices on Windows with one of [`DEVICE_DIGITS`] after them.
const NUMBERED_DEVICES: [&str; 2] = ["com", "lpt"];

/// Windows takes the superscripts of Latin-1 for digits here.
const DEVICE_DIGITS: [char; 13] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '\u{b9}', '\u{b2}', '\u{b3}'];

/// Characters that a folder cannot have on Windows, or that separate folders somewhere.
const FORBIDDEN: [char; 9] = ['/', '\\', '<', '>', ':', '"', '|', '?', '*'];

/// Most characters of a file's short name on Windows before and behind its dot: `LONGNA~1.TXT`.
const SHORT_NAME: (usize, usize) = (8, 3);

/// Why a name cannot be used, and what would do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub problem: String,
    pub remedy: String,
}

fn refuse<T>(problem: impl Into<String>, remedy: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal { problem: problem.into(), remedy: remedy.into() })
}

/// Refuses a name that is empty, too long, or has parts that cannot be seen.
pub(crate) fn check_visible(name: &str) -> Result<(), Refusal> {
    if name.is_empty() {
        return refuse("a name is needed", "give a name");
    }
    if name.len() > MAX_NAME_BYTES {
        return refuse("the name is too long", format!("use at most {MAX_NAME_BYTES} bytes"));
    }
    if name.chars().any(|each| each.is_control() || matches!(each, '\u{2028}' | '\u{2029}')) {
        return refuse("the name contains control characters", "use visible characters");
    }
    if let Some(hidden) = name.chars().find(|each| is_invisible(*each)) {
        return refuse(
            format!("the name contains U+{:04X}, which cannot be seen", u32::from(hidden)),
            "use visible characters",
        );
    }
    if name.trim() != name {
        return refuse("the name begins or ends with a space", "remove the space");
    }
    Ok(())
}

/// Refuses a name that cannot name a folder on some system.
pub(crate) fn check_folder(name: &str) -> Result<(), Refusal> {
    check_visible(name)?;
    if name.ends_with('.') {
        return refuse("a folder's name may not end with a dot", "end it with another character");
    }
    if name.contains(FORBIDDEN) {
        return refuse(
            "the name has characters that a folder cannot have on every system",
            "do not use / \\ < > : \" | ? *",
        );
    }
    // Zarr v3 core specification, "Node names".
    if name.starts_with("__") {
        return refuse("Zarr reserves names that begin with two underscores", "begin it with another character");
    }
    let lower = name.to_lowercase();
    // Our folder, and what earlier versions put beside it.
    if lower.starts_with(FOLDER) || lower.contains(KEPT_SUFFIX) {
        return refuse("the name is kept for files of the writer", "use another name");
    }
    if is_device(&lower) {
        return refuse("the name is a device's on Windows", "use another name");
    }
    Ok(())
}

fn is_device(lower: &str) -> bool {
    let stem = lower.split('.').next().unwrap_or(lower).trim_end();
    let numbered = |device: &&str| {
        let mut rest = stem.strip_prefix(*device).into_iter().flat_map(str::chars);
        rest.next().is_some_and(|digit| DEVICE_DIGITS.contains(&digit)) && rest.next().is_none()
    };
    DEVICES.contains(&stem) || NUMBERED_DEVICES.iter().any(numbered)
}

/// Characters that nobody sees in a name: format characters (zero width, direction of writing), those that Unicode lets
/// a program ignore, and those that are none.
pub(crate) fn is_invisible(each: char) -> bool {
    matches!(
        u32::from(each),
        0xAD | 0x34F
            | 0x600..=0x605
            | 0x61C
            | 0x6DD
            | 0x70F
            | 0x890..=0x891
            | 0x8E2
            | 0x115F..=0x1160
            | 0x17B4..=0x17B5
            | 0x180B..=0x180F
            | 0x200B..=0x200F
            | 0x2028..=0x202E
            | 0x2060..=0x206F
            | 0x3164
            | 0xFDD0..=0xFDEF
            | 0xFE00..=0xFE0F
            | 0xFEFF
            | 0xFFA0
            | 0xFFF0..=0xFFFB
            | 0x110BD
            | 0x110CD
            | 0x13430..=0x1343F
            | 0x1BCA0..=0x1BCA3
            | 0x1D173..=0x1D17A
            | 0xE0000..=0xE0FFF
    ) || u32::from(each) & 0xFFFE == 0xFFFE
}

/// Names with the same key may be one name on some file system: those that differ in letter case only (Windows, macOS),
/// or in how accents are composed (macOS).
pub(crate) fn key(name: &str) -> String {
    // Lower and then upper case joins all that full case folding joins (the sharp s in both cases and "ss", the sigmas,
    // ligatures), by the tables of the standard library.
    let folded = name.nfd().collect::<String>().to_lowercase().to_uppercase();
    folded.nfc().collect()
}

/// Names in the root group that something else may have: the layout itself (bioformats2raw layout 3), a file that is
/// not whole yet, or the short name that Windows gives to another folder.
pub(crate) fn is_taken(name: &str) -> bool {
    let lower = name.to_lowercase();
    let documents = ["zarr.json", ".zarray", ".zgroup", ".zattrs", ".zmetadata"];
    lower == "ome" || documents.contains(&lower.as_str()) || lower.ends_with(PARTIAL_SUFFIX) || is_short_name(name)
}

/// Whether Windows may give such a name to a folder of a longer one: `LONGNA~1`.
fn is_short_name(name: &str) -> bool {
    let (stem, ending) = name.split_once('.').unwrap_or((name, ""));
    let numbered = stem
        .rsplit_once('~')
        .is_some_and(|(_, number)| !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit()));
    numbered && stem.chars().count() <= SHORT_NAME.0 && ending.chars().count() <= SHORT_NAME.1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_joins_letters_with_their_other_forms() {
        // Behind plane 2 no letter has another case or form.
        for each in (0..0x3_0000).filter_map(char::from_u32) {
            let name = each.to_string();
            let forms = [name.to_lowercase(), name.to_uppercase(), name.nfc().collect(), name.nfd().collect()];
            for other in forms.iter().filter(|other| **other != name) {
                assert_eq!(key(other), key(&name), "U+{:04X}", u32::from(each));
            }
        }
    }

    #[test]
    fn names_that_are_one_folder_somewhere_have_one_key() {
        for (one, other) in [
            ("caf\u{e9}", "cafe\u{301}"),
            ("\u{c5}", "\u{212b}"),
            ("stra\u{df}e", "STRASSE"),
            ("stra\u{1e9e}e", "strasse"),
            ("\u{3c3}\u{3c2}", "\u{3a3}\u{3a3}"),
            ("\u{fb01}n", "FIN"),
            ("K", "\u{212a}"),
            ("\u{390}", "\u{1fd3}"),
        ] {
            assert_eq!(key(one), key(other), "{one} {other}");
        }
        for (one, other) in [("a", "b"), ("e", "\u{e9}"), ("1", "\u{b9}"), ("a b", "ab")] {
            assert_ne!(key(one), key(other), "{one} {other}");
        }
    }

    #[test]
    fn names_of_devices_are_refused_with_any_ending_and_in_any_case() {
        for name in [
            "con",
            "CONIN$",
            "conout$.log",
            "Clock$",
            "COM\u{b9}",
            "com\u{b2}.x",
            "LPT\u{b3}.tar.gz",
            "nul .txt",
            "com0",
        ] {
            assert!(check_folder(name).is_err(), "{name}");
        }
        for name in ["cons", "com", "com10", "lpt\u{bd}", "icon", "a.con", "conin"] {
            assert_eq!(check_folder(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn names_that_cannot_be_told_by_looking_at_them_are_refused() {
        for hidden in
            ['\u{200b}', '\u{200d}', '\u{202e}', '\u{2066}', '\u{feff}', '\u{ad}', '\u{3164}', '\u{fe0f}', '\u{ffff}']
        {
            let problem = check_folder(&format!("a{hidden}b")).unwrap_err().problem;
            assert!(problem.contains(&format!("U+{:04X}", u32::from(hidden))), "{problem}");
        }
        for name in ["a\nb", "a\rb", "a\u{85}b", "a\u{2028}b", "a\u{1b}[31m", "end\u{a0}", "\u{3000}begin"] {
            assert!(check_folder(name).is_err(), "{name:?}");
        }
        for name in ["\u{fc}ber", "\u{65e5}\u{672c}", "\u{5d0}\u{5d1}", "e\u{301}", "\u{1f52c}", "a\u{a0}b"] {
            assert_eq!(check_folder(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn names_of_the_writer_and_of_the_layout_are_kept() {
        for name in [".ome-stream", ".OME-stream-log", "a.before-recover", "a.before-recover-2"] {
            assert!(check_folder(name).is_err(), "{name}");
        }
        for name in ["OME", "ome", ".zgroup", "Zarr.json", "a.part", "zarr.json.part", "B.PART", "LONGNA~1", "a~12.txt"]
        {
            assert!(is_taken(name), "{name}");
        }
        for name in ["omega", "zarr.json5", "part", "LONGNAME~1", "a~b", "~", "a~1.text"] {
            assert!(!is_taken(name), "{name}");
        }
    }
}
