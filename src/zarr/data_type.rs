//! Types of pixels, as documents name them.

use serde_json::{Value, json};

use super::codec::Endian;

/// The core data types of Zarr v3, and NumPy's kind and size, which Zarr v2 has.
const KNOWN: [(&str, &str); 14] = [
    ("bool", "b1"),
    ("int8", "i1"),
    ("int16", "i2"),
    ("int32", "i4"),
    ("int64", "i8"),
    ("uint8", "u1"),
    ("uint16", "u2"),
    ("uint32", "u4"),
    ("uint64", "u8"),
    ("float16", "f2"),
    ("float32", "f4"),
    ("float64", "f8"),
    ("complex64", "c8"),
    ("complex128", "c16"),
];

/// Type of a pixel, by its name in Zarr v3.
#[derive(Debug, Clone, PartialEq)]
pub struct DataType {
    /// `uint16`, `r24`.
    pub name: String,
    /// What the types of extensions need beside their name.
    pub configuration: Option<Value>,
}

impl DataType {
    /// A type that needs no more than its name.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self { name: name.to_owned(), configuration: None }
    }

    /// Reads a `data_type`.
    ///
    /// # Errors
    /// What it is instead.
    pub fn of(value: &Value) -> Result<Self, String> {
        let name = value.as_str().or_else(|| value.get("name")?.as_str());
        let name = name.ok_or("data_type is neither a name nor an object with one")?;
        Ok(Self { name: name.to_owned(), configuration: value.get("configuration").cloned() })
    }

    /// As `data_type` tells it.
    #[must_use]
    pub fn json(&self) -> Value {
        match &self.configuration {
            None => self.name.clone().into(),
            Some(configuration) => json!({"name": self.name, "configuration": configuration}),
        }
    }

    /// Bytes of a pixel; `None` for a type that is not known.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        if self.configuration.is_some() {
            return None;
        }
        match self.code() {
            Some(code) => code[1..].parse().ok(),
            None => self.raw_bytes(),
        }
    }

    /// Bytes of a pixel of a raw type: `r24` has three.
    fn raw_bytes(&self) -> Option<u64> {
        let bits: u64 = self.name.strip_prefix('r')?.parse().ok()?;
        (bits > 0 && bits.is_multiple_of(8)).then_some(bits / 8)
    }

    fn code(&self) -> Option<&'static str> {
        KNOWN.iter().find(|(name, _)| *name == self.name).map(|(_, code)| *code)
    }

    /// As `dtype` of Zarr v2 tells it, with this order of bytes; `None` for a type that it has not.
    #[must_use]
    pub fn v2(&self, endian: Endian) -> Option<String> {
        let size = self.size()?;
        let Some(code) = self.code() else { return Some(format!("|V{size}")) };
        let order = match endian {
            _ if size == 1 => '|',
            Endian::Little => '<',
            Endian::Big => '>',
        };
        Some(format!("{order}{code}"))
    }

    /// Reads a `dtype` of Zarr v2; the order of bytes is `None` where there is none.
    ///
    /// # Errors
    /// Of a type that is not known.
    pub fn of_v2(dtype: &Value) -> Result<(Self, Option<Endian>), String> {
        let unknown = || format!("dtype {} is not known", crate::shown::value(&dtype.to_string()));
        let text = dtype.as_str().ok_or_else(unknown)?;
        let (order, code) = text.split_at_checked(1).ok_or_else(unknown)?;
        let bits = code.strip_prefix('V').and_then(|size| size.parse::<u64>().ok()?.checked_mul(8));
        let raw = bits.filter(|bits| *bits > 0).map(|bits| format!("r{bits}"));
        let known = KNOWN.iter().find(|(_, known)| *known == code).map(|(name, _)| (*name).to_owned());
        let made = Self { name: known.or(raw).ok_or_else(unknown)?, configuration: None };
        match order {
            "|" => Ok((made, None)),
            "<" => Ok((made, Some(Endian::Little))),
            ">" => Ok((made, Some(Endian::Big))),
            _ => Err(unknown()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_of_the_specification() {
        for (name, size) in [
            ("bool", Some(1)),
            ("uint16", Some(2)),
            ("float64", Some(8)),
            ("complex128", Some(16)),
            ("r24", Some(3)),
            ("r7", None),
            ("r0", None),
            ("string", None),
        ] {
            assert_eq!(DataType::named(name).size(), size, "{name}");
        }
    }

    #[test]
    fn types_come_back_from_both_formats() {
        for (name, _) in KNOWN {
            let made = DataType::named(name);
            assert_eq!(DataType::of(&made.json()), Ok(made.clone()));
            let endian = (made.size() != Some(1)).then_some(Endian::Big);
            let v2 = Value::from(made.v2(Endian::Big).expect("known"));
            assert_eq!(DataType::of_v2(&v2), Ok((made, endian)), "{v2}");
        }
        assert_eq!(DataType::named("uint16").v2(Endian::Little).as_deref(), Some("<u2"));
        assert_eq!(DataType::of_v2(&json!("|V3")), Ok((DataType::named("r24"), None)));
        let strange = json!({"name": "struct", "configuration": {"fields": []}});
        assert_eq!(DataType::of(&strange).map(|made| (made.size(), made.json())), Ok((None, strange)));
    }

    #[test]
    fn what_is_no_type_is_told() {
        for value in [json!(7), json!({}), json!(null)] {
            assert!(DataType::of(&value).is_err(), "{value}");
        }
        for value in [json!("u2"), json!("<x2"), json!(""), json!("µ4"), json!([["a", "<u2"]]), json!("|V0")] {
            assert!(DataType::of_v2(&value).is_err(), "{value}");
        }
    }
}
