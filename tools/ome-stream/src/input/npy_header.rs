//! The header of NumPy's array file, versions 1 to 3 (numpy.lib.format).
//!
//! Ours: npyz takes as much memory as the length in the header says, 4 GiB if need be, before it reads, and brings a
//! parser generator along.

use std::io::Read;

use ome_stream::settings::DataType;

use super::source::{Image, InputError, read_full};

/// Most bytes of a header that are read; NumPy writes 128 for an image.
const MAX_HEADER_BYTES: u32 = 64 * 1024;

const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// What a header says.
#[derive(Debug, PartialEq, Eq)]
pub struct Header {
    pub image: Image,
    /// Most significant byte first.
    pub big_endian: bool,
    /// The first axis is the fastest.
    pub fortran: bool,
    /// Bytes of the header, magic included: where the pixels begin.
    pub bytes: u64,
}

/// Reads a header and leaves `reader` at the first pixel.
pub fn read(reader: &mut impl Read) -> Result<Header, InputError> {
    let mut start = [0; 8];
    let got = read_full(reader, &mut start)?;
    let [magic @ .., major, _minor] = &start;
    if magic.get(..got.min(MAGIC.len())) != MAGIC.get(..got.min(MAGIC.len())) || got == 0 {
        return Err(unusable("it is not a .npy file: it does not begin with NumPy's magic"));
    }
    if got < start.len() {
        return Err(InputError::CutHeader);
    }
    let (length, length_bytes) = match major {
        1 => (u32::from(u16::from_le_bytes(exactly(reader)?)), 2),
        2 | 3 => (u32::from_le_bytes(exactly(reader)?), 4),
        other => return Err(unusable(format!("its .npy version is {other}; 1, 2 and 3 are read"))),
    };
    if length > MAX_HEADER_BYTES {
        return Err(unusable(format!("its header has {length} bytes; up to {MAX_HEADER_BYTES} are read")));
    }
    let mut text = vec![0; length as usize];
    if read_full(reader, &mut text)? < text.len() {
        return Err(InputError::CutHeader);
    }
    let text = String::from_utf8_lossy(&text);
    let fields = Parser(text.trim()).fields().map_err(|problem| {
        unusable(format!("its header cannot be read: {problem} in {:?}", text.chars().take(200).collect::<String>()))
    })?;
    let (image, big_endian, fortran) = image(fields)?;
    Ok(Header { image, big_endian, fortran, bytes: start.len() as u64 + length_bytes + u64::from(length) })
}

fn unusable(message: impl Into<String>) -> InputError {
    InputError::Unusable(message.into())
}

fn exactly<const N: usize>(reader: &mut impl Read) -> Result<[u8; N], InputError> {
    let mut bytes = [0; N];
    match read_full(reader, &mut bytes)? {
        got if got == N => Ok(bytes),
        _ => Err(InputError::CutHeader),
    }
}

/// The three fields of the header.
#[derive(Debug, Default)]
struct Fields {
    descr: Option<String>,
    fortran_order: Option<bool>,
    shape: Option<Vec<u64>>,
}

/// The image, whether its pixels are big-endian, and whether it is in Fortran order.
fn image(fields: Fields) -> Result<(Image, bool, bool), InputError> {
    let Fields { descr: Some(descr), fortran_order: Some(fortran), shape: Some(shape) } = fields else {
        return Err(unusable("its header lacks one of descr, fortran_order, shape"));
    };
    let big_endian = descr.starts_with('>') && !descr.ends_with('1');
    let little = match descr.strip_prefix('>') {
        Some(bare) => format!("<{bare}"),
        None => descr.clone(),
    };
    let dtype: DataType = match little.as_str() {
        // One byte each, 0 or 1.
        "|b1" | "<b1" | "?" => DataType::UInt8,
        little => little.parse().map_err(|_| {
            unusable(format!(
                "its pixel type {descr:?} is not taken; bool, 8 to 64-bit integers and 16 to 64-bit floats are"
            ))
        })?,
    };
    let array = shape.iter().map(u64::to_string).collect::<Vec<_>>().join(" x ");
    if shape.len() < 2 {
        return Err(unusable(format!("its array has {} axis (shape {array}); a frame needs two", shape.len())));
    }
    if shape.contains(&0) {
        return Err(unusable(format!("its array is empty (shape {array})")));
    }
    shape
        .iter()
        .try_fold(dtype.size() as u64, |bytes, extent| bytes.checked_mul(*extent))
        .ok_or_else(|| unusable(format!("its array of {array} {dtype} is larger than anything that can be stored")))?;
    Ok((Image { shape, dtype, axes: None }, big_endian, fortran))
}

/// Reads the literal of a Python dictionary, as far as headers use the language.
struct Parser<'a>(&'a str);

impl<'a> Parser<'a> {
    fn fields(mut self) -> Result<Fields, String> {
        let mut fields = Fields::default();
        self.expect('{')?;
        while !self.take('}') {
            let key = self.string()?;
            self.expect(':')?;
            match key {
                "descr" if self.peek() == Some('[') => {
                    return Err("pixels of several fields are not taken".into());
                }
                "descr" => fields.descr = Some(self.string()?.to_owned()),
                "fortran_order" => fields.fortran_order = Some(self.boolean()?),
                "shape" => fields.shape = Some(self.tuple()?),
                other => return Err(format!("unknown key {other:?}")),
            }
            if !self.take(',') {
                self.expect('}')?;
                break;
            }
        }
        if self.0.is_empty() { Ok(fields) } else { Err("text after the end".into()) }
    }

    fn peek(&self) -> Option<char> {
        self.0.chars().next()
    }

    fn take(&mut self, wanted: char) -> bool {
        match self.0.strip_prefix(wanted) {
            Some(rest) => {
                self.0 = rest.trim_start();
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, wanted: char) -> Result<(), String> {
        if self.take(wanted) {
            return Ok(());
        }
        Err(match self.peek() {
            Some(found) => format!("{found:?} in place of {wanted:?}"),
            None => format!("the end in place of {wanted:?}"),
        })
    }

    fn string(&mut self) -> Result<&'a str, String> {
        let quote = self.peek().filter(|first| matches!(first, '\'' | '"')).ok_or("a string is missing")?;
        let (text, rest) = self.0.get(1..).and_then(|text| text.split_once(quote)).ok_or("a string does not end")?;
        self.0 = rest.trim_start();
        Ok(text)
    }

    fn boolean(&mut self) -> Result<bool, String> {
        for (word, value) in [("True", true), ("False", false)] {
            if let Some(rest) = self.0.strip_prefix(word) {
                self.0 = rest.trim_start();
                return Ok(value);
            }
        }
        Err("neither True nor False".into())
    }

    fn tuple(&mut self) -> Result<Vec<u64>, String> {
        let mut numbers = Vec::new();
        self.expect('(')?;
        while !self.take(')') {
            let end = self.0.find(|each: char| !each.is_ascii_digit()).unwrap_or(self.0.len());
            let (digits, rest) = self.0.split_at(end);
            numbers.push(digits.parse::<u64>().map_err(|_| format!("{digits:?} is no extent of an axis"))?);
            // Python 2 ended long integers with an L.
            self.0 = rest.strip_prefix('L').unwrap_or(rest).trim_start();
            if !self.take(',') {
                self.expect(')')?;
                break;
            }
        }
        Ok(numbers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn file(major: u8, text: &str) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend([major, 0]);
        match major {
            1 => bytes.extend((text.len() as u16).to_le_bytes()),
            _ => bytes.extend((text.len() as u32).to_le_bytes()),
        }
        bytes.extend(text.as_bytes());
        bytes
    }

    fn said(text: &str) -> String {
        read(&mut file(1, text).as_slice()).expect_err("refused").to_string()
    }

    #[test]
    fn all_versions_say_the_same() {
        let text = "{'descr': '<u2', 'fortran_order': False, 'shape': (31, 61, 57), }      \n";
        for (major, before) in [(1, 10), (2, 12), (3, 12)] {
            let header = read(&mut file(major, text).as_slice()).expect("valid");
            assert_eq!(header.image, Image { shape: vec![31, 61, 57], dtype: DataType::UInt16, axes: None });
            assert_eq!(header.bytes, before + text.len() as u64);
        }
        assert!(read(&mut file(4, text).as_slice()).is_err());
    }

    #[test]
    fn what_python_may_write_otherwise_is_read_too() {
        let text = "{\"shape\":(4L,5L),\"fortran_order\":False,\"descr\":\"|u1\"}";
        let header = read(&mut file(1, text).as_slice()).expect("valid");
        assert_eq!(header.image, Image { shape: vec![4, 5], dtype: DataType::UInt8, axes: None });
    }

    #[test]
    fn byte_order_order_of_axes_and_truth_values() {
        let header = |descr: &str, fortran: &str| {
            let text = format!("{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': (2, 3, 4), }}");
            read(&mut file(1, &text).as_slice()).expect("valid")
        };
        let big = header("'>u2'", "True");
        assert_eq!((big.image.dtype, big.big_endian, big.fortran), (DataType::UInt16, true, true));
        let truth = header("'|b1'", "False");
        assert_eq!((truth.image.dtype, truth.big_endian, truth.fortran), (DataType::UInt8, false, false));
    }

    #[test]
    fn what_cannot_be_used_is_refused_with_what_would_work() {
        let header = |descr: &str, fortran: &str, shape: &str| {
            said(&format!("{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}"))
        };
        assert!(header("'<c8'", "False", "(2, 3, 4)").contains("\"<c8\""));
        assert!(header("[('a', '<u2')]", "False", "(2, 3, 4)").contains("several fields"));
        assert!(header("'<u2'", "False", "(4,)").contains("a frame needs two"));
        assert!(header("'<u2'", "False", "()").contains("a frame needs two"));
        assert!(header("'<u2'", "False", "(0, 3, 4)").contains("empty"));
        assert!(header("'<u2'", "False", "(-1, 3, 4)").contains("no extent"));
        assert!(header("'<u8'", "False", "(4294967296, 4294967296)").contains("larger than anything"));
        assert!(header("'<u8'", "False", "(99999999999999999999, 4)").contains("no extent"));
        assert!(said("{'descr': '<u2'}").contains("lacks"));
        assert!(said("{'descr': '<u2'} ; import os").contains("after the end"));
    }

    #[test]
    fn a_header_that_ends_early_is_told_apart_from_another_file() {
        let whole = file(1, "{'descr': '<u2', 'fortran_order': False, 'shape': (2, 3), }");
        for end in 1..whole.len() {
            assert!(matches!(read(&mut &whole[..end]), Err(InputError::CutHeader)), "{end} bytes");
        }
        for other in [&b"PK\x03\x04 an archive"[..], b"", b"\x93NUMPX\x01\x00"] {
            assert!(matches!(read(&mut &*other), Err(InputError::Unusable(_))));
        }
    }

    proptest! {
        #[test]
        fn no_header_makes_the_parser_panic(text in "[{}'\":,()LTrue0-9 a-z\\[\\]]{0,60}") {
            let _ = Parser(&text).fields();
        }

        #[test]
        fn every_shape_comes_back(shape in prop::collection::vec(1u64..1000, 2..6)) {
            let tuple = shape.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
            let text = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({tuple}), }}");
            let header = read(&mut file(1, &text).as_slice()).expect("valid");
            prop_assert_eq!(header.image, Image { shape, dtype: DataType::Float32, axes: None });
        }
    }
}
