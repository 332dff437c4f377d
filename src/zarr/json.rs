//! Metadata documents (`zarr.json`) that other programs write too: read without trust, changed without touching the
//! rest.
//!
//! Python's `json` writes `NaN`, `Infinity` and `-Infinity` as bare words, which JSON has not; zarr-python puts them
//! into attributes. They are read (as null: [`Value`] has no such number), and a document is never written anew from
//! what was read: [`with_member`] changes the text of one member and leaves every other byte as it was.

use std::ops::Range;

use jiter::{Jiter, JiterError, JiterErrorType, JsonErrorType, Peek};
use serde::Serialize;
use serde_json::{Map, Value};

/// Largest document that is read, in bytes: with frame metadata mirrored up to their cap one has about 20 MB.
pub const MAX_BYTES: u64 = 64 << 20;

/// Deepest nesting of a document with Python's words; as that of `serde_json`, which reads those without.
const MAX_DEPTH: usize = 128;

/// Documents up to this size are indented for people; above it (frame metadata) indentation would double the bytes that
/// every reader parses.
const INDENTED_MAX_BYTES: usize = 64 << 10;

/// An interrupted write leaves zeros up to the end of the file, or of a sector of this many bytes.
const SECTOR_BYTES: usize = 512;

/// Why a document cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Defect {
    /// As an interrupted write leaves it: empty, cut short, or zeros where text should be.
    #[error("{0}")]
    Torn(String),
    /// Others may read it.
    #[error("{0}")]
    Foreign(String),
    /// Nobody reads it.
    #[error("{0}")]
    Broken(String),
}

/// Reads a document; Python's `NaN`, `Infinity` and `-Infinity` become null.
///
/// # Errors
/// What kind of bytes these are instead.
pub fn parse(bytes: &[u8]) -> Result<Value, Defect> {
    let error = match serde_json::from_slice(bytes) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    if bytes.is_empty() {
        return Err(Defect::Torn("it is empty".into()));
    }
    if let Some(zeros) = bytes.iter().position(|byte| *byte == 0) {
        return Err(zeroed(bytes, zeros));
    }
    if bytes.starts_with(&[0xEF, 0xBB, 0xBF]) || bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        return Err(Defect::Foreign("it begins with a byte order mark, which JSON has not".into()));
    }
    let mut reader = Jiter::new(bytes).with_allow_inf_nan();
    let read = reader.peek().map_err(Stop::from).and_then(|first| value(&mut reader, first, MAX_DEPTH));
    let stop = match read.and_then(|value| reader.finish().map(|()| value).map_err(Stop::from)) {
        Ok(value) => return Ok(value),
        Err(stop) => stop,
    };
    let length = bytes.len();
    Err(match stop {
        // An object that ends early: no other document is ours.
        Stop::At(_, at) if at >= length && bytes.first() == Some(&b'{') => {
            Defect::Torn(format!("it is cut short after {length} bytes"))
        }
        Stop::TooDeep => Defect::Foreign(format!("it is nested more than {MAX_DEPTH} deep")),
        Stop::At(Some(JsonErrorType::RecursionLimitExceeded), _) => {
            Defect::Foreign(format!("it is nested more than {MAX_DEPTH} deep"))
        }
        Stop::At(Some(problem), at) if is_surrogate(&problem, bytes, at) => {
            Defect::Foreign(format!("near byte {at} is half of a surrogate pair, which is no character"))
        }
        Stop::At(..) => Defect::Broken(format!("{length} bytes that are no JSON: {error}")),
    })
}

/// Reads a document that is a JSON object.
///
/// # Errors
/// As [`parse`], and [`Defect::Broken`] for another value.
pub fn parse_object(bytes: &[u8]) -> Result<Map<String, Value>, Defect> {
    match parse(bytes)? {
        Value::Object(object) => Ok(object),
        _ => Err(Defect::Broken("not a JSON object".into())),
    }
}

/// Where reading ended.
enum Stop {
    TooDeep,
    At(Option<JsonErrorType>, usize),
}

impl From<JiterError> for Stop {
    fn from(error: JiterError) -> Self {
        use JsonErrorType as E;
        let JiterErrorType::JsonError(problem) = error.error_type else { return Self::At(None, error.index) };
        let ended = matches!(
            problem,
            E::EofWhileParsingList | E::EofWhileParsingObject | E::EofWhileParsingString | E::EofWhileParsingValue
        );
        let at = if ended { usize::MAX } else { error.index };
        Self::At(Some(problem), at)
    }
}

/// Bytes with a zero at `at`, which no JSON has.
fn zeroed(bytes: &[u8], at: usize) -> Defect {
    let zeros = bytes[at..].iter().take_while(|byte| **byte == 0).count();
    let end = at + zeros;
    let is_tail = end == bytes.len() || end.is_multiple_of(SECTOR_BYTES);
    let before = &bytes[..at];
    // What stands before them must be the beginning of a document; a text in UTF-16 has zeros everywhere.
    let begins = before.is_empty() || matches!(parse(before), Ok(_) | Err(Defect::Torn(_)));
    if is_tail && begins {
        Defect::Torn(format!("{zeros} zeros stand where text should be, from byte {at} on"))
    } else if before.len() <= 1 && zeros == 1 && bytes.len() > 3 {
        Defect::Foreign("it is written in UTF-16".into())
    } else {
        Defect::Broken(format!("it has a zero at byte {at}"))
    }
}

/// Whether an escape sequence names half of a character: Python writes what it read.
fn is_surrogate(problem: &JsonErrorType, bytes: &[u8], at: usize) -> bool {
    use JsonErrorType as E;
    let escape = matches!(
        problem,
        E::LoneLeadingSurrogateInHexEscape
            | E::UnexpectedEndOfHexEscape
            | E::InvalidUnicodeCodePoint
            | E::InvalidEscape
    );
    // The longest pair of escapes has twelve bytes.
    let near = bytes.get(at.saturating_sub(12)..at.saturating_add(12).min(bytes.len())).unwrap_or(&[]);
    let half = |four: &[u8]| {
        four.starts_with(b"\\u") && matches!(four, [_, _, b'd' | b'D', b'8'..=b'9' | b'a'..=b'f' | b'A'..=b'F'])
    };
    escape && near.windows(4).any(half)
}

fn value(reader: &mut Jiter<'_>, first: Peek, depth: usize) -> Result<Value, Stop> {
    let Some(depth) = depth.checked_sub(1) else { return Err(Stop::TooDeep) };
    Ok(match first {
        Peek::Null => {
            reader.known_null()?;
            Value::Null
        }
        Peek::True | Peek::False => Value::Bool(reader.known_bool(first)?),
        Peek::String => Value::String(reader.known_str()?.to_owned()),
        Peek::Array => {
            let mut list = Vec::new();
            let mut next = reader.known_array()?;
            while let Some(first) = next {
                list.push(value(reader, first, depth)?);
                next = reader.array_step()?;
            }
            Value::Array(list)
        }
        Peek::Object => {
            let mut object = Map::new();
            let mut key = reader.known_object()?.map(str::to_owned);
            while let Some(name) = key {
                let first = reader.peek()?;
                object.insert(name, value(reader, first, depth)?);
                key = reader.next_key()?.map(str::to_owned);
            }
            Value::Object(object)
        }
        // What serde_json knows as a number is one; the others are Python's words, or larger than any.
        number => serde_json::from_slice(reader.known_number_bytes(number)?).unwrap_or(Value::Null),
    })
}

/// A document as it is written whole.
///
/// # Errors
/// Of what is no JSON.
pub fn bytes(document: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(document)?;
    if bytes.len() <= INDENTED_MAX_BYTES {
        bytes = serde_json::to_vec_pretty(document)?;
    }
    bytes.push(b'\n');
    Ok(bytes)
}

/// The text of a document with the member at `path` (names of objects, one in the other) set to `new`; members that are
/// not there are added behind the others. Every other byte stays. `None` where the text is no document, or `path` leads
/// through something that is no object.
#[must_use]
pub fn with_member(text: &[u8], path: &[&str], new: &Value) -> Option<Vec<u8>> {
    changed(text, path, new, 1)
}

/// The members of an object as they stand in its text, in their order; of members with one name readers take the last.
/// `None` where the text is no object.
#[must_use]
pub fn members(text: &[u8]) -> Option<Vec<(String, &[u8])>> {
    let Places { members, .. } = places(text)?;
    members.into_iter().map(|(name, range)| Some((name, text.get(range)?))).collect()
}

/// The first number or word in the text of a value that another text of the same value would not have: Python's bare
/// words, integers past 64 bits, floats past those of 64 bits.
#[must_use]
pub fn inexact(text: &[u8]) -> Option<String> {
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        if *first == b'"' {
            rest = after;
            while let Some((byte, after)) = rest.split_first() {
                rest = if *byte == b'\\' { after.get(1..).unwrap_or_default() } else { after };
                if *byte == b'"' {
                    break;
                }
            }
            continue;
        }
        let is_part = |byte: &&u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
        let length = rest.iter().take_while(is_part).count();
        let (token, after) = rest.split_at(length.max(1));
        rest = after;
        if length > 0 && !is_exact(&String::from_utf8_lossy(token)) {
            return Some(String::from_utf8_lossy(token).into_owned());
        }
    }
    None
}

fn is_exact(token: &str) -> bool {
    if ["true", "false", "null"].contains(&token) {
        return true;
    }
    match token.contains(['.', 'e', 'E']) {
        true => token.parse::<f64>().is_ok_and(f64::is_finite),
        false => token.parse::<i64>().is_ok() || token.parse::<u64>().is_ok(),
    }
}

/// The text of an object of such members, `depth` objects deep, each on a line of its own.
#[must_use]
pub fn object<N: AsRef<str>, T: AsRef<[u8]>>(members: &[(N, T)], depth: usize) -> Vec<u8> {
    let mut text = b"{".to_vec();
    for (nth, (name, value)) in members.iter().enumerate() {
        if nth > 0 {
            text.push(b',');
        }
        begin_line(&mut text, depth + 1);
        text.extend(Value::from(name.as_ref()).to_string().into_bytes());
        text.extend_from_slice(b": ");
        text.extend_from_slice(value.as_ref());
    }
    if !members.is_empty() {
        begin_line(&mut text, depth);
    }
    text.push(b'}');
    text
}

fn begin_line(text: &mut Vec<u8>, depth: usize) {
    text.push(b'\n');
    text.resize(text.len() + 2 * depth, b' ');
}

/// Where an object and its members stand in its text.
struct Places {
    members: Vec<(String, Range<usize>)>,
    /// Behind the opening brace.
    opened: usize,
    /// In front of the closing one.
    closed: usize,
}

fn places(text: &[u8]) -> Option<Places> {
    let mut reader = Jiter::new(text).with_allow_inf_nan();
    if reader.peek().ok()? != Peek::Object {
        return None;
    }
    let opened = reader.current_index() + 1;
    let mut members = Vec::new();
    let mut key = reader.known_object().ok()?.map(str::to_owned);
    while let Some(name) = key {
        let first = reader.peek().ok()?;
        let start = reader.current_index();
        reader.known_skip(first).ok()?;
        members.push((name, start..reader.current_index()));
        key = reader.next_key().ok()?.map(str::to_owned);
    }
    let closed = reader.current_index().checked_sub(1)?;
    Some(Places { members, opened, closed })
}

fn changed(text: &[u8], path: &[&str], new: &Value, depth: usize) -> Option<Vec<u8>> {
    let (name, rest) = path.split_first()?;
    let Places { members, opened, closed } = places(text)?;
    let indented = text.get(opened..closed)?.contains(&b'\n');
    // Of members with one name readers take the last.
    if let Some((_, range)) = members.iter().rfind(|(each, _)| each == name) {
        let old = text.get(range.clone())?;
        let member = if rest.is_empty() { shown(new, indented, depth) } else { changed(old, rest, new, depth + 1)? };
        return Some([text.get(..range.start)?, &member, text.get(range.end..)?].concat());
    }
    let added =
        rest.iter().rev().fold(new.clone(), |inner, name| Value::Object(Map::from_iter([((*name).into(), inner)])));
    let mut member = Vec::new();
    if !members.is_empty() {
        member.push(b',');
    }
    if indented {
        begin_line(&mut member, depth);
    }
    member.extend(Value::from(*name).to_string().into_bytes());
    member.extend_from_slice(b": ");
    member.extend(shown(&added, indented, depth));
    let behind = members.last().map_or(opened, |(_, range)| range.end);
    Some([text.get(..behind)?, &member, text.get(behind..)?].concat())
}

/// A value as it stands `depth` objects deep.
#[must_use]
pub fn shown(value: &Value, indented: bool, depth: usize) -> Vec<u8> {
    let plain = value.to_string();
    if !indented || plain.len() > INDENTED_MAX_BYTES {
        return plain.into_bytes();
    }
    // Line breaks stand between tokens only.
    let pretty = serde_json::to_string_pretty(value).unwrap_or(plain);
    pretty.replace('\n', &format!("\n{}", "  ".repeat(depth))).into_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const PYTHON: &str = r#"{"a": [NaN, Infinity, -Infinity, 1.50, 12345678901234567890123], "b": {"NaN": "NaN"}}"#;

    #[test]
    fn pythons_words_are_read_and_strings_are_not_taken_for_them() {
        let read = parse(PYTHON.as_bytes()).expect("Python writes this");
        assert_eq!(read, json!({"a": [null, null, null, 1.5, 12345678901234567890123.0], "b": {"NaN": "NaN"}}));
    }

    #[test]
    fn what_would_come_out_otherwise_is_found() {
        for (text, expected) in [
            (r#"{"a": [NaN]}"#, Some("NaN")),
            ("-Infinity", Some("-Infinity")),
            ("[18446744073709551616]", Some("18446744073709551616")),
            ("1e999", Some("1e999")),
            (r#"{"NaN": "a \" NaN \\", "b": [1.50, -1e-3, 18446744073709551615, -5, true, null, false]}"#, None),
        ] {
            assert_eq!(inexact(text.as_bytes()).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn what_was_cut_short_anywhere_is_torn() {
        for text in [PYTHON, r#"{"zarr_format": 3, "text": "µ \u00b5 😀", "true": [true, false, null, -1.5e-3]}"#] {
            for cut in 0..text.len() {
                let found = parse(&text.as_bytes()[..cut]);
                assert!(matches!(found, Err(Defect::Torn(_))), "cut to {cut}: {found:?}");
            }
        }
    }

    #[test]
    fn zeros_to_the_end_or_of_a_sector_are_torn() {
        let whole = format!("{{\"a\": \"{}\"}}", "x".repeat(2000)).into_bytes();
        let zero = |from: usize, to: usize| {
            let mut bytes = whole.clone();
            bytes[from..to].fill(0);
            bytes
        };
        for bytes in [zero(0, whole.len()), zero(100, whole.len()), zero(700, 1024), vec![0; 4], zero(0, 512)] {
            assert!(matches!(parse(&bytes), Err(Defect::Torn(_))), "{:?}", parse(&bytes));
        }
        let mut longer = whole.clone();
        longer.resize(4096, 0);
        assert!(matches!(parse(&longer), Err(Defect::Torn(_))));
        assert!(matches!(parse(&zero(100, 103)), Err(Defect::Broken(_))));
    }

    #[test]
    fn what_others_read_is_not_called_torn_or_broken() {
        let deep = format!("{{\"a\": {}1{}}}", "[".repeat(300), "]".repeat(300));
        let marked = "\u{feff}{}".to_owned();
        let surrogates = [r#"{"a": "\ud800"}"#, r#"{"a": "\udc00 b"}"#, r#"{"a": "\uD83D\n"}"#].map(str::to_owned);
        for text in [deep, marked].into_iter().chain(surrogates) {
            let found = parse(text.as_bytes());
            assert!(matches!(found, Err(Defect::Foreign(_))), "{text:.30}: {found:?}");
        }
        let wide: Vec<u8> = "{\"a\": 1}".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert!(matches!(parse(&wide), Err(Defect::Foreign(_))));
    }

    #[test]
    fn what_is_no_json_is_broken() {
        for text in
            ["{a: 1}", "hello", "{\"a\": 1}}", "{\"a\" 1}", "{'a': 1}", "[1, 2", "{\"a\": nan}", "{\"a\": \"\\x\"}"]
        {
            assert!(matches!(parse(text.as_bytes()), Err(Defect::Broken(_))), "{text}: {:?}", parse(text.as_bytes()));
        }
        assert!(matches!(parse(b"{\"unit\": \"\xB5m\"}"), Err(Defect::Broken(_))));
        assert!(matches!(parse_object(b"[1]"), Err(Defect::Broken(_))));
    }

    #[test]
    fn one_member_changes_and_every_other_byte_stays() {
        let set = |text: &str, path: &[&str], value: Value| {
            with_member(text.as_bytes(), path, &value).map(|text| String::from_utf8(text).expect("text"))
        };
        let said = set(PYTHON, &["b", "NaN"], json!(1)).expect("an object");
        assert_eq!(said, PYTHON.replace("\"NaN\": \"NaN\"", "\"NaN\": 1"));
        let said = set(PYTHON, &["b", "c", "d"], json!([2])).expect("an object");
        assert_eq!(said, PYTHON.replace("\"NaN\"}}", "\"NaN\",\"c\": {\"d\":[2]}}}"));
        assert_eq!(set("{}", &["a"], json!(1)).as_deref(), Some("{\"a\": 1}"));
        assert_eq!(set("{\"a\":1,\"a\":2}", &["a"], json!(3)).as_deref(), Some("{\"a\":1,\"a\":3}"));
        assert_eq!(
            set("{\n  \"a\": {\n    \"b\": NaN\n  }\n}\n", &["a", "c"], json!({"d": 1})).as_deref(),
            Some("{\n  \"a\": {\n    \"b\": NaN,\n    \"c\": {\n      \"d\": 1\n    }\n  }\n}\n")
        );
        for (text, path) in [("[1]", &["a"][..]), ("{\"a\": 1}", &["a", "b"]), ("{\"a\":", &["a"]), ("{}", &[])] {
            assert_eq!(set(text, path, json!(1)), None, "{text}");
        }
    }

    #[test]
    fn members_are_told_as_they_stand_and_make_an_object_again() {
        let told = members(PYTHON.as_bytes()).expect("an object");
        let expected: [(&str, &[u8]); 2] =
            [("a", b"[NaN, Infinity, -Infinity, 1.50, 12345678901234567890123]"), ("b", br#"{"NaN": "NaN"}"#)];
        assert_eq!(told, expected.map(|(name, text)| (name.to_owned(), text)));
        let again = object(&told, 0);
        assert_eq!(members(&again), Some(told));
        assert_eq!(object::<&str, &[u8]>(&[], 3), b"{}");
        let text = String::from_utf8(object(&[("a", "1"), ("b", "{}")], 1)).expect("text");
        assert_eq!(text, "{\n    \"a\": 1,\n    \"b\": {}\n  }");
        assert_eq!((members(b"[1]"), members(b"{\"a\": 1")), (None, None));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_fail(bytes: Vec<u8>, start in "[\\[{\"a:,NI0-9 \\\\ud]{0,20}") {
            for bytes in [&bytes[..], start.as_bytes()] {
                let _ = parse(bytes);
                let _ = with_member(bytes, &["a", "b"], &json!(1));
                let _ = members(bytes);
            }
        }

        #[test]
        fn any_document_is_read_and_kept(keys in prop::collection::btree_map(".{0,5}", any::<Option<f64>>(), 0..6)) {
            let text = serde_json::to_string(&keys).expect("JSON");
            prop_assert!(parse(text.as_bytes()).is_ok());
            let changed = with_member(text.as_bytes(), &["new member"], &json!([1])).expect("an object");
            let mut expected = parse_object(text.as_bytes()).expect("an object");
            expected.insert("new member".into(), json!([1]));
            prop_assert_eq!(parse_object(&changed), Ok(expected));
        }
    }
}
