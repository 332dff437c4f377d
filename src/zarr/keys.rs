//! Keys of chunks and shards: coordinates as they are written in the names of files, and back.

use std::fmt::Write as _;

use serde_json::{Value, json};

/// What stands between the numbers of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Separator {
    /// A folder for each axis but the last.
    Slash,
    /// All in one folder.
    Dot,
}

impl Separator {
    const fn text(self) -> &'static str {
        match self {
            Self::Slash => "/",
            Self::Dot => ".",
        }
    }

    pub(super) fn of(value: &Value) -> Option<Self> {
        [Self::Slash, Self::Dot].into_iter().find(|each| value == each.text())
    }

    pub(super) fn json(self) -> Value {
        self.text().into()
    }
}

/// How the coordinates of a chunk (of a shard, where there are shards) become its key below the array.
#[derive(Debug, Clone, PartialEq)]
pub enum Keys {
    /// `c/0/1/2`: Zarr v3's `default`.
    Default(Separator),
    /// `0.1.2` or `0/1/2`: Zarr v2, and `v2` of Zarr v3.
    V2(Separator),
    /// A `chunk_key_encoding` that is not known here.
    Other(Value),
}

impl Keys {
    /// Reads a `chunk_key_encoding`.
    #[must_use]
    pub fn of(encoding: &Value) -> Self {
        let name = encoding.as_str().or_else(|| encoding.get("name")?.as_str());
        let separator = |default| {
            let told = encoding.pointer("/configuration/separator");
            told.map_or(Some(default), Separator::of)
        };
        let known = match name {
            Some("default") => separator(Separator::Slash).map(Self::Default),
            Some("v2") => separator(Separator::Dot).map(Self::V2),
            _ => None,
        };
        known.unwrap_or_else(|| Self::Other(encoding.clone()))
    }

    /// As `chunk_key_encoding` tells it.
    #[must_use]
    pub fn json(&self) -> Value {
        let (name, separator) = match self {
            Self::Default(separator) => ("default", separator),
            Self::V2(separator) => ("v2", separator),
            Self::Other(value) => return value.clone(),
        };
        json!({"name": name, "configuration": {"separator": separator.text()}})
    }

    /// What stands in front of the numbers, and between them.
    const fn parts(&self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Default(separator) => Some(("c", separator.text())),
            Self::V2(separator) => Some(("", separator.text())),
            Self::Other(_) => None,
        }
    }

    /// The key at `coordinates`; `None` where the encoding is not known.
    #[must_use]
    pub fn key(&self, coordinates: &[u64]) -> Option<String> {
        self.parts().map(|(prefix, separator)| join(prefix, separator, coordinates))
    }

    /// The coordinates in `key`, which has `axes` of them; `None` where it is no key of such an array.
    #[must_use]
    pub fn coordinates(&self, key: &str, axes: usize) -> Option<Vec<u64>> {
        let (prefix, separator) = self.parts()?;
        let numbers = match (prefix, axes) {
            ("", 0) => return (key == "0").then(Vec::new),
            (_, 0) => return (key == prefix).then(Vec::new),
            ("", _) => key,
            _ => key.strip_prefix(prefix)?.strip_prefix(separator)?,
        };
        let mut coordinates = Vec::new();
        for part in numbers.split(separator) {
            if coordinates.len() == axes {
                return None;
            }
            coordinates.push(number(part)?);
        }
        (coordinates.len() == axes).then_some(coordinates)
    }
}

fn join(prefix: &str, separator: &str, coordinates: &[u64]) -> String {
    let mut key = prefix.to_owned();
    for at in coordinates {
        if !key.is_empty() {
            key.push_str(separator);
        }
        // Writing into a string does not fail.
        let _ = write!(key, "{at}");
    }
    // Zarr v2 calls the one chunk of an array without axes so.
    if key.is_empty() { "0".to_owned() } else { key }
}

/// The number that a part of a key is, as keys are written: without leading zeros or signs.
#[must_use]
pub fn number(part: &str) -> Option<u64> {
    let is_plain = part == "0" || (!part.starts_with('0') && part.bytes().all(|byte| byte.is_ascii_digit()));
    part.parse().ok().filter(|_| is_plain)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KNOWN: [Keys; 4] = [
        Keys::Default(Separator::Slash),
        Keys::Default(Separator::Dot),
        Keys::V2(Separator::Slash),
        Keys::V2(Separator::Dot),
    ];

    #[test]
    fn keys_are_those_of_both_formats() {
        let keys = |at: &[u64]| KNOWN.map(|keys| keys.key(at).expect("known"));
        assert_eq!(keys(&[0, 11, 2]), ["c/0/11/2", "c.0.11.2", "0/11/2", "0.11.2"]);
        assert_eq!(keys(&[7]), ["c/7", "c.7", "7", "7"]);
        assert_eq!(keys(&[]), ["c", "c", "0", "0"]);
    }

    #[test]
    fn what_is_no_key_has_no_coordinates() {
        let slash = &KNOWN[0];
        for key in ["c/0", "c/0/1/2", "c/00/1", "c/+1/1", "c/-1/1", "c//1", "0/1", "d/0/1", "c.0.1", "c/0/1/", "c", ""]
        {
            assert_eq!(slash.coordinates(key, 2), None, "{key}");
        }
        assert_eq!(slash.coordinates("c/18446744073709551615/1", 2), Some(vec![u64::MAX, 1]));
        assert_eq!(slash.coordinates("c/18446744073709551616/1", 2), None);
        assert_eq!(KNOWN[3].coordinates("0/1", 2), None);
        assert_eq!(KNOWN[3].coordinates("", 0), None);
    }

    #[test]
    fn encodings_come_back_and_strange_ones_stay() {
        for keys in KNOWN {
            assert_eq!(Keys::of(&keys.json()), keys);
        }
        assert_eq!(Keys::of(&json!("default")), KNOWN[0]);
        assert_eq!(Keys::of(&json!({"name": "v2"})), KNOWN[3]);
        for strange in [json!({"name": "fanout"}), json!({"name": "default", "configuration": {"separator": "-"}})] {
            let keys = Keys::of(&strange);
            assert_eq!((keys.json(), keys.key(&[1]), keys.coordinates("c/1", 1)), (strange, None, None));
        }
    }

    proptest! {
        #[test]
        fn coordinates_come_back(at in prop::collection::vec(any::<u64>(), 0..6)) {
            for keys in KNOWN {
                let key = keys.key(&at).expect("known");
                prop_assert_eq!(keys.coordinates(&key, at.len()), Some(at.clone()));
                // The one chunk of an array without axes has the name of the first of one with an axis.
                prop_assert!(at.is_empty() || keys.coordinates(&key, at.len() + 1).is_none());
            }
        }

        #[test]
        fn no_text_makes_it_fail(key in "[c0-9/.+-]{0,12}", axes in 0usize..4) {
            for keys in KNOWN {
                if let Some(at) = keys.coordinates(&key, axes) {
                    prop_assert_eq!(keys.key(&at), Some(key.clone()));
                }
            }
        }
    }
}
